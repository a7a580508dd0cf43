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

    /// Takes the rows of a stretch, in order.
    pub fn take(&self, index: usize) -> io::Result<Ends<'_>> {
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
        Ok(Ends { trail: self, first: index as u64 * LINES, entries: in_order(entries) })
    }
}

/// Entries by their lines. Lines are few and nearly each has one entry, so that each is put where it belongs; only where
/// a line has several are they sorted.
fn in_order(mut entries: Vec<u64>) -> Vec<u64> {
    const NONE: u64 = u64::MAX;
    // A few are sorted in less time than it takes to clear a place for every line.
    if entries.len() < 1 << 12 {
        entries.sort_unstable();
        return entries;
    }
    let mut places = vec![NONE; 1 << LINE_BITS];
    for entry in &entries {
        let place = usize::try_from(entry >> (64 - LINE_BITS)).unwrap_or_default();
        if *entry == NONE || std::mem::replace(&mut places[place], *entry) != NONE {
            drop(places);
            entries.sort_unstable();
            return entries;
        }
    }
    drop(entries);
    places.retain(|entry| *entry != NONE);
    places
}

/// The rows of a stretch, in order.
#[derive(Debug)]
pub struct Ends<'t> {
    trail: &'t Trail,
    /// Where its lines begin when all are counted through.
    first: u64,
    entries: Vec<u64>,
}

impl Ends<'_> {
    /// Rows as file, line and end.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64, End)> + Clone {
        let bases = &self.trail.bases;
        let mut file = bases.partition_point(|base| *base <= self.first).saturating_sub(1);
        self.entries.iter().map(move |entry| {
            let at = self.first + (entry >> (64 - LINE_BITS));
            while bases.get(file + 1).is_some_and(|base| *base <= at) {
                file += 1;
            }
            // There are as many files as fit into the number: rows came with it.
            (u32::try_from(file).unwrap_or(u32::MAX), at - bases[file], End(entry & (u64::MAX >> LINE_BITS)))
        })
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
            let stretches: Vec<_> = (0..trail.stretches()).map(|i| trail.take(i).expect("there")).collect();
            let back: Vec<_> = stretches.iter().flat_map(Ends::iter).collect();
            let mut sorted = rows;
            sorted.sort_unstable();
            prop_assert_eq!(back, sorted);
        }

        #[test]
        fn entries_are_put_in_order_as_if_they_were_sorted(
            step in 1u64..300, count in 4_000u64..6_000, repeated in proptest::option::of(0u64..6_000)
        ) {
            // Every line once, in no order, and maybe one of them twice.
            let entry = |n: u64| (n * step % LINES) << (64 - LINE_BITS) | n;
            let mut entries: Vec<u64> = (0..count).rev().map(entry).collect();
            entries.extend(repeated.map(|n| entry(n) + 1));
            let mut sorted = entries.clone();
            sorted.sort_unstable();
            prop_assert_eq!(in_order(entries), sorted);
        }
    }
}
