//! The lines of all exports counted through, so that whatever is kept of each row needs no name for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// File and line of a row in eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// Bits of a line; the others are the file's.
    const LINE_BITS: u32 = 40;
    /// As many files may have rows.
    pub const FILES: u32 = 1 << (u64::BITS - Self::LINE_BITS);
    /// Rows stand on lines below it.
    pub const LINES: u64 = 1 << Self::LINE_BITS;

    /// A file by number, if it is within these bounds.
    pub fn file(index: usize) -> Option<u32> {
        u32::try_from(index).ok().filter(|file| *file < Self::FILES)
    }

    /// Of a file and line within these bounds.
    pub fn of(file: u32, line: u64) -> Self {
        debug_assert!(file < Self::FILES && line < Self::LINES, "{file}:{line}");
        Self(u64::from(file) << Self::LINE_BITS | line)
    }

    #[allow(clippy::cast_possible_truncation, reason = "24 bits are left")]
    pub fn parts(self) -> (u32, u64) {
        ((self.0 >> Self::LINE_BITS) as u32, self.0 & (Self::LINES - 1))
    }

    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }
}

/// Where the lines of each file begin when all are counted through.
#[derive(Debug, Clone)]
pub struct Lines {
    /// And where the last ends.
    bases: Vec<u64>,
}

impl Lines {
    /// `last`: the last line of each file that a row begins on.
    pub fn new(last: impl IntoIterator<Item = u64>) -> Self {
        let mut bases = vec![0];
        let mut end = 0;
        for last in last {
            end += last + 1;
            bases.push(end);
        }
        Self { bases }
    }

    /// All lines there may be.
    pub fn count(&self) -> u64 {
        self.bases.last().copied().unwrap_or_default()
    }

    pub fn position(&self, file: u32, line: u64) -> u64 {
        self.bases.get(file as usize).copied().unwrap_or_default() + line
    }

    /// Where a row stands when all lines are counted through.
    #[inline]
    pub fn place_of(&self, at: Position) -> u64 {
        let (file, line) = at.parts();
        self.position(file, line)
    }

    /// The file that a line is of.
    pub fn file_at(&self, position: u64) -> usize {
        self.bases.partition_point(|base| *base <= position).saturating_sub(1)
    }

    /// Where a file's lines begin.
    pub fn base(&self, file: usize) -> Option<u64> {
        self.bases.get(file).copied()
    }
}

/// A bit for every line, which any thread sets.
#[derive(Debug)]
pub struct Marks {
    lines: Lines,
    bits: Vec<AtomicU64>,
}

impl Marks {
    pub fn new(lines: Lines) -> Self {
        let words = usize::try_from(lines.count().div_ceil(64)).unwrap_or(usize::MAX);
        let bits = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { lines, bits }
    }

    /// Marks a row. A place beyond all lines, which nobody reads, is not kept.
    pub fn set(&self, at: Position) {
        let (word, bit) = bit_of(self.lines.place_of(at));
        if let Some(word) = self.bits.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    pub fn has(&self, at: Position) -> bool {
        self.has_at(self.lines.place_of(at))
    }

    /// Whether the row there is marked, its place counted through all lines.
    #[inline]
    pub fn has_at(&self, place: u64) -> bool {
        let (word, bit) = bit_of(place);
        self.bits.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }
}

/// The word of a place, and its bit there.
fn bit_of(place: u64) -> (usize, u64) {
    (usize::try_from(place / 64).unwrap_or(usize::MAX), 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_over_files_and_marked_alone() {
        let lines = Lines::new([3, 0, 100]);
        assert_eq!(lines.count(), 4 + 1 + 101);
        let marks = Marks::new(lines.clone());
        for (file, line) in [(0, 3), (2, 0), (2, 100)] {
            marks.set(Position::of(file, line));
            assert_eq!(lines.file_at(lines.position(file, line)), file as usize);
        }
        let all = [(0, 0), (0, 3), (1, 0), (2, 0), (2, 58), (2, 59), (2, 100)];
        assert_eq!(all.map(|(f, l)| marks.has(Position::of(f, l))), [false, true, false, true, false, false, true]);
    }
}
