//! Where every row ended, in the order of the exports: partitions yield rows in no order, so what became of
//! each is dropped into the stretch of lines it stands in, and a stretch is put in order when it is written.
//! Eight bytes a row, of which few are in memory at a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::spill::{Extent, Spill, damaged};

/// Lines of a stretch: a row group of `lineage.parquet`.
const LINES: u64 = 1 << 20;
/// Bits of a line within its stretch.
const LINE_BITS: u32 = LINES.trailing_zeros();

/// What became of a row, as a number of at most 44 bits that the engine gives a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct End(pub u64);

/// The ends of all rows.
#[derive(Debug)]
pub struct Trail {
    /// Where the lines of each file begin when all are counted through, and where the last ends.
    bases: Vec<u64>,
    stretches: Vec<Mutex<Stretch>>,
    /// Entries that each stretch may keep in memory.
    share: usize,
    spill: Arc<Spill>,
}

#[derive(Debug, Default)]
struct Stretch {
    entries: Vec<u64>,
    extents: Vec<Extent>,
}

impl Trail {
    /// `last_lines`: the last line of each file that a row begins on. About `in_memory` bytes are kept.
    pub fn new(spill: Arc<Spill>, last_lines: impl IntoIterator<Item = u64>, in_memory: usize) -> Self {
        let mut bases = vec![0];
        let mut end = 0;
        for last in last_lines {
            end += last + 1;
            bases.push(end);
        }
        let count = usize::try_from(end.div_ceil(LINES)).unwrap_or(usize::MAX);
        let stretches = (0..count).map(|_| Mutex::default()).collect();
        Self { bases, stretches, share: (in_memory / 8 / count.max(1)).max(64), spill }
    }

    /// Where a row stands when all lines are counted through.
    fn position(&self, file: u32, line: u64) -> u64 {
        self.bases.get(file as usize).copied().unwrap_or_default() + line
    }

    /// Adds rows by file and line, in any order, and empties the list.
    pub fn push(&self, rows: &mut Vec<(u32, u64, End)>) -> io::Result<()> {
        let mut placed: Vec<(u64, u64)> = rows
            .drain(..)
            .map(|(file, line, end)| {
                let at = self.position(file, line);
                (at / LINES, (at % LINES) << (64 - LINE_BITS) | end.0)
            })
            .collect();
        placed.sort_unstable();
        for stretch in placed.chunk_by(|a, b| a.0 == b.0) {
            let index = usize::try_from(stretch[0].0).unwrap_or(usize::MAX);
            let Some(into) = self.stretches.get(index) else { return Err(damaged()) };
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            into.entries.extend(stretch.iter().map(|(_, entry)| *entry));
            if into.entries.len() > self.share {
                let bytes: Vec<u8> = into.entries.iter().flat_map(|e| e.to_le_bytes()).collect();
                into.extents.push(self.spill.write(&bytes)?);
                into.entries = Vec::new();
            }
        }
        Ok(())
    }

    /// How many stretches there are; they follow one another.
    pub fn stretches(&self) -> usize {
        self.stretches.len()
    }

    /// Takes the rows of a stretch in order, as file, line and end.
    pub fn take(&self, index: usize) -> io::Result<Vec<(u32, u64, End)>> {
        let Stretch { mut entries, extents } =
            std::mem::take(&mut *self.stretches[index].lock().unwrap_or_else(PoisonError::into_inner));
        let mut bytes = Vec::new();
        for extent in extents {
            bytes.clear();
            self.spill.read(extent, &mut bytes)?;
            let read = bytes.chunks_exact(8).map(|e| e.try_into().map_or(0, u64::from_le_bytes));
            entries.extend(read);
        }
        drop(bytes);
        entries.sort_unstable();
        let first = index as u64 * LINES;
        let mut file = self.bases.partition_point(|base| *base <= first).saturating_sub(1);
        let mut out = Vec::with_capacity(entries.len());
        for entry in entries {
            let at = first + (entry >> (64 - LINE_BITS));
            while self.bases.get(file + 1).is_some_and(|base| *base <= at) {
                file += 1;
            }
            let end = End(entry & (u64::MAX >> LINE_BITS));
            out.push((u32::try_from(file).map_err(|_| damaged())?, at - self.bases[file], end));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back_in_order_of_file_and_line(
            rows in proptest::collection::btree_set((0u32..5, 0u64..700_000), 0..60),
            in_memory in prop_oneof![Just(0usize), Just(1 << 20)],
        ) {
            let dir = tempfile::tempdir().expect("a folder");
            let spill = Arc::new(Spill::new(dir.path(), 0));
            // The third file is empty.
            let last = [700_000, 700_000, 0, 700_000, 700_000];
            let rows: Vec<_> = rows.into_iter().map(|(f, l)| (f, l % (last[f as usize] + 1), End(u64::from(f) * 7 + l))).collect();
            let trail = Trail::new(spill, last, in_memory);
            let mut mixed = rows.clone();
            mixed.reverse();
            for piece in mixed.chunks(7) {
                trail.push(&mut piece.to_vec()).expect("room");
            }
            let back: Vec<_> = (0..trail.stretches()).flat_map(|i| trail.take(i).expect("there")).collect();
            let mut sorted = rows;
            sorted.sort_unstable();
            prop_assert_eq!(back, sorted);
        }
    }
}
