//! Where every row ended, in the order of the exports: partitions yield rows in no order, so what became of
//! each is dropped into the stretch of lines it stands in, and a stretch is put in order when it is written.
//! Eight bytes a row, of which few are in memory at a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::lines::Lines;
use super::spill::{Extent, Spill, damaged};

/// Lines of a stretch: a row group of `lineage.parquet`.
const LINES: u64 = 1 << 20;
/// Bits of a line within its stretch.
const LINE_BITS: u32 = LINES.trailing_zeros();

/// Bits of what became of it.
const END: u64 = u64::MAX >> LINE_BITS;

/// What became of a row, as a number of at most 44 bits that the engine gives a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct End(pub u64);

/// The ends of all rows.
#[derive(Debug)]
pub struct Trail {
    lines: Lines,
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
    /// About `in_memory` bytes are kept.
    pub fn new(spill: Arc<Spill>, lines: Lines, in_memory: usize) -> Self {
        let count = usize::try_from(lines.count().div_ceil(LINES)).unwrap_or(usize::MAX);
        let stretches = (0..count).map(|_| Mutex::default()).collect();
        Self { lines, stretches, share: (in_memory / 8 / count.max(1)).max(64), spill }
    }

    /// The lines of all exports, counted through.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Where a thread says what became of rows.
    pub fn ends(&self) -> Ends<'_> {
        Ends { trail: self, open: self.stretches.iter().map(|_| Vec::new()).collect() }
    }

    /// Adds to a stretch, and empties the list.
    fn push(&self, index: usize, entries: &mut Vec<u64>) -> io::Result<()> {
        let mut into = self.stretches[index].lock().unwrap_or_else(PoisonError::into_inner);
        into.entries.append(entries);
        if into.entries.len() > self.share {
            let bytes: Vec<u8> = into.entries.iter().flat_map(|e| e.to_le_bytes()).collect();
            into.extents.push(self.spill.write(&bytes)?);
            into.entries = Vec::new();
        }
        Ok(())
    }

    /// How many stretches there are; they follow one another.
    pub fn stretches(&self) -> usize {
        self.stretches.len()
    }

    /// Takes the rows of a stretch, in order.
    pub fn take(&self, index: usize) -> io::Result<Taken<'_>> {
        let Stretch { mut entries, extents } =
            std::mem::take(&mut *self.stretches[index].lock().unwrap_or_else(PoisonError::into_inner));
        let mut bytes = Vec::new();
        for extent in extents {
            bytes.clear();
            self.spill.read(extent, &mut bytes)?;
            let (read, rest) = bytes.as_chunks();
            rest.is_empty().then_some(()).ok_or_else(damaged)?;
            entries.extend(read.iter().map(|entry| u64::from_le_bytes(*entry)));
        }
        drop(bytes);
        Ok(Taken { lines: &self.lines, first: index as u64 * LINES, entries: in_order(&entries) })
    }
}

/// The rows of a stretch, in order.
#[derive(Debug)]
pub struct Taken<'t> {
    lines: &'t Lines,
    /// Where its lines begin when all are counted through.
    first: u64,
    entries: Vec<u64>,
}

impl Taken<'_> {
    /// Rows as file, line and end.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u64, End)> {
        let lines = self.lines;
        let end_of = move |file: usize| lines.base(file + 1).unwrap_or(u64::MAX);
        let mut file = lines.file_at(self.first);
        let (mut base, mut end) = (lines.base(file).unwrap_or_default(), end_of(file));
        self.entries.iter().map(move |entry| {
            let at = self.first + (entry >> (64 - LINE_BITS));
            while at >= end {
                file += 1;
                (base, end) = (end, end_of(file));
            }
            // There are as many files as fit into the number: rows came with it.
            (u32::try_from(file).unwrap_or(u32::MAX), at - base, End(entry & END))
        })
    }
}

/// The entries by their lines, and those of one line by their ends. They are many and their lines are few, so each goes
/// straight to its line.
fn in_order(entries: &[u64]) -> Vec<u64> {
    let lines = entries.iter().map(|e| line_of(*e) + 1).max().unwrap_or_default();
    // What ended on a line plus one.
    let mut ends = vec![0u64; lines];
    let mut again = false;
    for entry in entries {
        let end = &mut ends[line_of(*entry)];
        again |= *end > 0;
        *end = (entry & END) + 1;
    }
    if again {
        // A row that counts several things has several.
        drop(ends);
        let mut entries = entries.to_vec();
        entries.sort_unstable();
        return entries;
    }
    // Lines without a row are written over by the next.
    let mut out = vec![0; entries.len() + 1];
    let mut count = 0;
    for (line, end) in (0u64..).zip(ends) {
        out[count] = line << (64 - LINE_BITS) | end.wrapping_sub(1) & END;
        count += usize::from(end > 0);
    }
    out.truncate(count);
    out
}

fn line_of(entry: u64) -> usize {
    (entry >> (64 - LINE_BITS)) as usize
}

/// Entries that a thread holds back for each stretch.
const HELD: usize = 1 << 11;

/// What a thread has to say of rows, until it is enough to be handed over.
#[derive(Debug)]
pub struct Ends<'t> {
    trail: &'t Trail,
    open: Vec<Vec<u64>>,
}

impl Ends<'_> {
    /// What became of a row; rows may come in any order.
    pub fn push(&mut self, file: u32, line: u64, end: End) -> io::Result<()> {
        self.push_at(self.trail.lines.position(file, line), end)
    }

    /// The same of a row whose place is counted through all lines.
    #[inline]
    pub fn push_at(&mut self, place: u64, end: End) -> io::Result<()> {
        let index = usize::try_from(place / LINES).unwrap_or(usize::MAX);
        let Some(entries) = self.open.get_mut(index) else { return Err(damaged()) };
        entries.push((place % LINES) << (64 - LINE_BITS) | end.0);
        if entries.len() >= HELD { self.trail.push(index, entries) } else { Ok(()) }
    }

    /// Hands over what is left.
    pub fn hand_over(&mut self) -> io::Result<()> {
        for (index, entries) in self.open.iter_mut().enumerate().filter(|(_, entries)| !entries.is_empty()) {
            self.trail.push(index, entries)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back_in_order_of_file_and_line(
            rows in proptest::collection::btree_set((0u32..5, 0u64..700_000, 0u64..3), 0..60),
            in_memory in prop_oneof![Just(0usize), Just(1 << 20)],
        ) {
            let dir = tempfile::tempdir().expect("a folder");
            let spill = Arc::new(Spill::new(dir.path(), 0));
            // The third file is empty.
            let last = [700_000, 700_000, 0, 700_000, 700_000];
            let rows: Vec<_> = rows.into_iter().map(|(f, l, e)| (f, l % (last[f as usize] + 1), End(e << 40 | l))).collect();
            let trail = Trail::new(spill, Lines::new(last), in_memory);
            let mut mixed = rows.clone();
            mixed.reverse();
            let mut ends = trail.ends();
            for (n, (file, line, end)) in mixed.into_iter().enumerate() {
                ends.push(file, line, end).expect("room");
                if n % 7 == 6 {
                    ends.hand_over().expect("room");
                }
            }
            ends.hand_over().expect("room");
            let stretches: Vec<_> = (0..trail.stretches()).map(|i| trail.take(i).expect("there")).collect();
            let back: Vec<_> = stretches.iter().flat_map(Taken::iter).collect();
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
            prop_assert_eq!(in_order(&entries), sorted);
        }
    }
}
