//! Rows wait in partitions by key, so that copies of one another always meet, and spill when they outgrow
//! their share of memory: no stage ever holds all rows. What waits are encoded records, each of which begins
//! with its length.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::spill::{Extent, Spill, damaged};

/// Bytes of records that wait together in memory, and are put aside and brought back at a time: far less than the
/// processor's caches hold, and enough that asking for them costs nothing.
const BLOCK: usize = 64 << 10;

/// Records that belong together, in the order in which each thread handed them over.
#[derive(Debug, Default)]
pub struct Part {
    /// Each holds whole records; all but the first were made as long as they may be, since a list that grows is copied into
    /// fresh pages.
    blocks: Vec<Vec<u8>>,
    in_memory: usize,
    extents: Vec<Extent>,
    bytes: u64,
}

impl Part {
    /// Bytes of all records.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over whole records; more than `share` bytes in memory go to the spill.
    fn append(&mut self, records: &[u8], share: usize, spill: &Spill, spare: &Spare) -> io::Result<()> {
        self.bytes += records.len() as u64;
        self.in_memory += records.len();
        match self.blocks.last_mut() {
            Some(block) if block.len() + records.len() <= BLOCK => block.extend_from_slice(records),
            last => {
                let room = if last.is_none() { 0 } else { BLOCK };
                let mut block = spare.take().unwrap_or_else(|| Vec::with_capacity(room));
                block.extend_from_slice(records);
                self.blocks.push(block);
            }
        }
        if self.in_memory > share {
            for mut block in self.blocks.drain(..) {
                self.extents.push(spill.write(&block)?);
                block.clear();
                spare.give(block);
            }
            self.in_memory = 0;
        }
        Ok(())
    }

    /// All records at once, in the place of what `out` holds.
    pub fn load(self, spill: &Spill, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        out.reserve(usize::try_from(self.bytes).unwrap_or_default());
        for extent in self.extents {
            spill.read(extent, out)?;
        }
        self.blocks.iter().for_each(|block| out.extend_from_slice(block));
        Ok(())
    }

    /// The records in order, a piece at a time: for what is too large to hold. Each piece holds whole records.
    pub fn pieces<E: From<io::Error>>(
        &self,
        spill: &Spill,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut piece = Vec::new();
        for extent in &self.extents {
            piece.clear();
            spill.read(*extent, &mut piece)?;
            each(&piece)?;
        }
        self.blocks.iter().try_for_each(|block| each(block))
    }
}

/// Blocks whose records were put aside.
#[derive(Debug, Default)]
struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn let_go(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn give(&self, block: Vec<u8>) {
        if block.capacity() >= BLOCK {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        }
    }
}

/// The records of a piece, one at a time.
pub fn records(mut piece: &[u8]) -> impl Iterator<Item = io::Result<&[u8]>> {
    std::iter::from_fn(move || {
        let length = usize::from(*piece.first()?);
        if length == 0 || length > piece.len() {
            piece = &[];
            return Some(Err(damaged()));
        }
        let (record, rest) = piece.split_at(length);
        piece = rest;
        Some(Ok(record))
    })
}

/// Where records wait. Shared by threads.
#[derive(Debug)]
pub struct Partitions {
    parts: Vec<Mutex<Part>>,
    /// Bytes that each may keep in memory.
    share: usize,
    spare: Spare,
    spill: Arc<Spill>,
    /// Bits of the key that an outer partition has used up.
    used: u32,
}

impl Partitions {
    /// `count` partitions (a power of two) that keep at most about `in_memory` bytes altogether.
    ///
    /// # Panics
    /// If `count` is no power of two.
    pub fn new(spill: Arc<Spill>, count: usize, in_memory: usize) -> Self {
        Self::within(spill, count, in_memory, 0)
    }

    /// Partitions of what one partition held, of whose key the first `used` bits are equal.
    pub fn within(spill: Arc<Spill>, count: usize, in_memory: usize, used: u32) -> Self {
        assert!(count.is_power_of_two(), "partitions are chosen by bits");
        let parts = (0..count).map(|_| Mutex::default()).collect();
        Self { parts, share: (in_memory / count).max(1), spare: Spare::default(), spill, used }
    }

    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Bits of the key that tell these partitions apart, and those before them.
    pub fn bits(&self) -> u32 {
        self.used + self.parts.len().trailing_zeros()
    }

    /// The highest bits of the key, behind those used, choose the partition.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "as many bits are left as count partitions")]
    pub fn index_of(&self, key: u128) -> usize {
        match self.parts.len().trailing_zeros() {
            0 => 0,
            // Nearly always: the first half of the key is enough.
            bits if self.used + bits <= u64::BITS => (((key >> 64) as u64) << self.used >> (u64::BITS - bits)) as usize,
            bits => ((key << self.used) >> (u128::BITS - bits)) as usize,
        }
    }

    /// Adds whole records, which all belong to partition `index`.
    pub fn push(&self, index: usize, records: &[u8]) -> io::Result<()> {
        let mut part = self.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
        part.append(records, self.share, &self.spill, &self.spare)
    }

    /// Takes what a partition holds. Whoever takes adds no more.
    pub fn take(&self, index: usize) -> Part {
        self.spare.let_go();
        std::mem::take(&mut *self.parts[index].lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn spill(&self) -> &Arc<Spill> {
        &self.spill
    }
}

/// A thread's records on their way to partitions, so that it asks for a lock once in many rows.
#[derive(Debug)]
pub struct Batches {
    batches: Vec<Vec<u8>>,
    full: usize,
}

/// The most bytes held back for one partition: the batches of all of them stay in the processor's caches, for each row goes
/// to another.
const FULL: usize = 1 << 10;

impl Batches {
    /// `in_memory`: bytes that this thread may hold back.
    pub fn new(partitions: &Partitions, in_memory: usize) -> Self {
        let full = (in_memory / partitions.count()).clamp(256, FULL);
        Self { batches: vec![Vec::new(); partitions.count()], full }
    }

    /// Adds one record, which `encode` writes.
    pub fn push(&mut self, partitions: &Partitions, key: u128, encode: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let index = partitions.index_of(key);
        let batch = &mut self.batches[index];
        encode(batch);
        if batch.len() >= self.full {
            partitions.push(index, batch)?;
            batch.clear();
        }
        Ok(())
    }

    /// Hands over what is left.
    pub fn flush(&mut self, partitions: &Partitions) -> io::Result<()> {
        for (index, batch) in self.batches.iter_mut().enumerate().filter(|(_, batch)| !batch.is_empty()) {
            partitions.push(index, batch)?;
            batch.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
    use super::super::row::tests::row;
    use super::*;

    fn encoded(row: &Row) -> Vec<u8> {
        let mut bytes = Vec::new();
        row.encode(0, &mut bytes);
        bytes
    }

    #[test]
    fn rows_that_spill_come_back_whole_and_in_order() {
        let dir = tempfile::tempdir().expect("a folder");
        for in_memory in [0, 128 * 500, 1 << 20] {
            let parts = Partitions::new(Arc::new(Spill::new(dir.path(), 0)), 128, in_memory);
            let index = parts.index_of(u128::MAX);
            for line in 0..3_000 {
                parts.push(index, &encoded(&row(u128::MAX, 0, line))).expect("room");
            }
            let part = parts.take(index);
            let mut streamed = Vec::new();
            part.pieces(parts.spill(), |piece| -> io::Result<()> {
                streamed.extend_from_slice(piece);
                Ok(())
            })
            .expect("readable");
            let mut bytes = vec![7];
            part.load(parts.spill(), &mut bytes).expect("readable");
            assert_eq!(bytes, streamed);
            let lines: Vec<u64> =
                records(&bytes).map(|r| Row::position_of(r.expect("whole")).expect("a row").parts().1).collect();
            assert_eq!(lines, (0..3_000).collect::<Vec<_>>());
            assert_eq!(parts.take(index).bytes(), 0);
        }
    }

    #[test]
    fn equal_keys_meet_in_one_partition_and_all_partitions_are_reachable() {
        let dir = tempfile::tempdir().expect("a folder");
        let spill = Arc::new(Spill::new(dir.path(), 0));
        let outer = Partitions::new(Arc::clone(&spill), 128, 0);
        let inner = Partitions::within(spill, 64, 0, outer.bits());
        let seen: std::collections::BTreeSet<_> = (0..128u128).map(|i| outer.index_of(i << 121 | 5)).collect();
        assert_eq!(seen.len(), 128);
        let seen: std::collections::BTreeSet<_> = (0..64u128).map(|i| inner.index_of(7 << 121 | i << 115)).collect();
        assert_eq!((seen.len(), inner.bits()), (64, 13));
        for used in [57, 58, 60, 64, 90, 122] {
            let deep = Partitions::within(Arc::clone(outer.spill()), 64, 0, used);
            let index = |i: u128| deep.index_of(u128::MAX << (128 - used) | i << (122 - used));
            assert!((0..64u128).all(|i| index(i) == usize::try_from(i).expect("small")), "{used}");
        }
    }

    #[test]
    fn a_record_cut_short_is_damage_and_not_the_end() {
        let bytes = encoded(&row(1, 2, 3));
        assert!(records(&bytes[..bytes.len() - 1]).any(|r| r.is_err()));
    }
}
