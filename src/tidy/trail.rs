//! Where every row ended, in the order of the exports: partitions yield rows in no order, so what became of
//! each is dropped into the stretch of lines it stands in, and a stretch is put in order when it is written.
//! Eight bytes a row, of which few are in memory at a time.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lines::Lines;
use super::spill::{Extent, Spill, damaged};

/// Lines of a stretch: a row group of `lineage.parquet`.
const LINES: u64 = 1 << 20;
/// Bits of a line within its stretch.
const LINE_BITS: u32 = LINES.trailing_zeros();

/// Entries that are put aside at a time.
const PIECE: usize = 8 << 10;

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
        let mut into = self.lock(index);
        into.entries.append(entries);
        if into.entries.len() <= self.share {
            return Ok(());
        }
        // Others go on meanwhile.
        let mut full = std::mem::take(&mut into.entries);
        drop(into);
        let (mut bytes, mut extents) = (Vec::with_capacity(8 * PIECE.min(full.len())), Vec::new());
        for piece in full.chunks(PIECE) {
            bytes.clear();
            bytes.extend(piece.iter().flat_map(|entry| entry.to_le_bytes()));
            extents.push(self.spill.write(&bytes)?);
        }
        let mut into = self.lock(index);
        into.extents.append(&mut extents);
        if into.entries.capacity() == 0 {
            full.clear();
            into.entries = full;
        }
        Ok(())
    }

    fn lock(&self, index: usize) -> MutexGuard<'_, Stretch> {
        self.stretches[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many stretches there are; they follow one another.
    pub fn stretches(&self) -> usize {
        self.stretches.len()
    }

    /// Takes the rows of a stretch, in order. `room` is used again from stretch to stretch.
    pub fn take<'t>(&'t self, index: usize, room: &'t mut Room) -> io::Result<Taken<'t>> {
        let stretch = std::mem::take(&mut *self.lock(index));
        let Room { ends, several, piece } = room;
        // What ended on a line plus one. Rows are many and their lines are few, so each goes straight to its line.
        let first = index as u64 * LINES;
        ends.clear();
        ends.resize(usize::try_from((self.lines.count() - first).min(LINES)).unwrap_or(usize::MAX), 0);
        several.clear();
        let (mut rows, mut again) = (0, false);
        self.each(&stretch, piece, |entry| {
            let end = &mut ends[line_of(entry)];
            again |= *end > 0;
            *end = (entry & END) + 1;
            rows += 1;
        })?;
        if again {
            // A row that counts several things has several.
            self.each(&stretch, piece, |entry| several.push(entry))?;
            several.sort_unstable();
        }
        Ok(Taken { lines: &self.lines, first, rows, ends, several })
    }

    /// Shows the entries of a stretch.
    fn each(&self, stretch: &Stretch, piece: &mut Vec<u8>, mut show: impl FnMut(u64)) -> io::Result<()> {
        for extent in &stretch.extents {
            piece.clear();
            self.spill.read(*extent, piece)?;
            let (entries, rest) = piece.as_chunks();
            rest.is_empty().then_some(()).ok_or_else(damaged)?;
            for entry in entries {
                show(u64::from_le_bytes(*entry));
            }
        }
        stretch.entries.iter().for_each(|entry| show(*entry));
        Ok(())
    }
}

/// What a thread needs to put stretches in order.
#[derive(Debug, Default)]
pub struct Room {
    ends: Vec<u64>,
    several: Vec<u64>,
    piece: Vec<u8>,
}

/// The rows of a stretch, in order.
#[derive(Debug)]
pub struct Taken<'t> {
    lines: &'t Lines,
    /// Where its lines begin when all are counted through.
    first: u64,
    rows: usize,
    /// By line, plus one: 0 where no row ended.
    ends: &'t [u64],
    /// All entries, where a line has more than one.
    several: &'t [u64],
}

impl Taken<'_> {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows as file, line and end.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64, End)> {
        let by_line = if self.several.is_empty() { self.ends } else { &[] };
        let by_line = (0u64..).zip(by_line).filter(|(_, end)| **end > 0).map(|(line, end)| (line, End(*end - 1)));
        let several = self.several.iter().map(|entry| (entry >> (64 - LINE_BITS), End(entry & END)));
        let lines = self.lines;
        let end_of = move |file: usize| lines.base(file + 1).unwrap_or(u64::MAX);
        let mut file = lines.file_at(self.first);
        let (mut base, mut end) = (lines.base(file).unwrap_or_default(), end_of(file));
        by_line.chain(several).map(move |(line, what)| {
            let at = self.first + line;
            while at >= end {
                file += 1;
                (base, end) = (end, end_of(file));
            }
            // There are as many files as fit into the number: rows came with it.
            (u32::try_from(file).unwrap_or(u32::MAX), at - base, what)
        })
    }
}

#[allow(clippy::cast_possible_truncation, reason = "20 bits are left")]
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
        #![proptest_config(ProptestConfig::with_cases(48))]

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
            let (mut room, mut back) = (Room::default(), Vec::new());
            for index in 0..trail.stretches() {
                let taken = trail.take(index, &mut room).expect("there");
                let before = back.len();
                back.extend(taken.iter());
                prop_assert_eq!(back.len() - before, taken.rows());
            }
            let mut sorted = rows;
            sorted.sort_unstable();
            prop_assert_eq!(back, sorted);
        }
    }
}
