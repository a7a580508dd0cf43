//! Rows wait in partitions by key, so that copies of one another always meet, and spill when they outgrow
//! their share of memory: no stage ever holds all rows. What waits are encoded records, each of which begins
//! with its length.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::spill::{Extent, Spill, damaged};

/// Records that belong together, in the order in which each thread handed them over.
#[derive(Debug, Default)]
pub struct Part {
    buffer: Vec<u8>,
    extents: Vec<Extent>,
    bytes: u64,
}

impl Part {
    /// Bytes of all records.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over whole records; more than `share` bytes in memory go to the spill.
    fn append(&mut self, records: &[u8], share: usize, spill: &Spill) -> io::Result<()> {
        self.bytes += records.len() as u64;
        self.buffer.extend_from_slice(records);
        if self.buffer.len() > share {
            self.extents.push(spill.write(&self.buffer)?);
            self.buffer.clear();
        }
        Ok(())
    }

    /// All records at once.
    pub fn load(mut self, spill: &Spill) -> io::Result<Vec<u8>> {
        if self.extents.is_empty() {
            return Ok(self.buffer);
        }
        let mut out = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or_default());
        for extent in std::mem::take(&mut self.extents) {
            spill.read(extent, &mut out)?;
        }
        out.extend_from_slice(&self.buffer);
        Ok(out)
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
        each(&self.buffer)
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
        Self { parts, share: (in_memory / count).max(1), spill, used }
    }

    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Bits of the key that tell these partitions apart, and those before them.
    pub fn bits(&self) -> u32 {
        self.used + self.parts.len().trailing_zeros()
    }

    /// The highest bits of the key, behind those used, choose the partition.
    pub fn index_of(&self, key: u128) -> usize {
        match self.parts.len() {
            1 => 0,
            count => ((key << self.used) >> (128 - count.trailing_zeros())) as usize,
        }
    }

    /// Adds whole records, which all belong to partition `index`.
    pub fn push(&self, index: usize, records: &[u8]) -> io::Result<()> {
        let mut part = self.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
        part.append(records, self.share, &self.spill)
    }

    /// Takes what a partition holds.
    pub fn take(&self, index: usize) -> Part {
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

impl Batches {
    /// `in_memory`: bytes that this thread may hold back.
    pub fn new(partitions: &Partitions, in_memory: usize) -> Self {
        let full = (in_memory / partitions.count()).clamp(256, 4 << 10);
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
        row.encode(&mut bytes);
        bytes
    }

    #[test]
    fn rows_that_spill_come_back_whole_and_in_order() {
        let dir = tempfile::tempdir().expect("a folder");
        for in_memory in [0, 128 * 500, 1 << 20] {
            let parts = Partitions::new(Arc::new(Spill::new(dir.path(), 0)), 128, in_memory);
            let index = parts.index_of(u128::MAX);
            for line in 0..95 {
                parts.push(index, &encoded(&row(u128::MAX, 0, line))).expect("room");
            }
            let part = parts.take(index);
            let mut streamed = Vec::new();
            part.pieces(parts.spill(), |piece| -> io::Result<()> {
                streamed.extend_from_slice(piece);
                Ok(())
            })
            .expect("readable");
            let bytes = part.load(parts.spill()).expect("readable");
            assert_eq!(bytes, streamed);
            let lines: Vec<u64> =
                records(&bytes).map(|r| Row::decode(r.expect("whole")).expect("a row").line).collect();
            assert_eq!(lines, (0..95).collect::<Vec<_>>());
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
    }

    #[test]
    fn a_record_cut_short_is_damage_and_not_the_end() {
        let bytes = encoded(&row(1, 2, 3));
        assert!(records(&bytes[..bytes.len() - 1]).any(|r| r.is_err()));
    }
}
