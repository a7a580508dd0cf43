//! How the fields of a file behave from row to row, learnt from a few rows and relied upon in many: exports repeat
//! themselves in some columns, and never in others.

use super::BITS;

/// Of so many rows the first few tell which fields change in every row. In the others these are not compared.
pub(super) const SPELL: u32 = 512;
pub(super) const LEARNT: u32 = 24;
/// Rows of those in which a field changes that is not worth comparing.
const RESTLESS: u32 = LEARNT / 4 * 3;
/// In so few it is compared together with those beside it.
const CALM: u32 = LEARNT / 8;

/// Learnt from the first rows of a spell.
#[derive(Debug)]
pub(super) struct Habits {
    pub rows: u32,
    /// In how many of them each field changed.
    changes: Vec<u32>,
    /// Those that changed in nearly every row: taken for changed without being compared.
    pub restless: Vec<u64>,
    /// Runs side by side of those that hardly ever did, which are compared at once.
    pub runs: Vec<Run>,
    /// The others, compared one by one.
    pub alone: Vec<u64>,
}

/// Fields from the first to the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub first: usize,
    pub last: usize,
}

impl Habits {
    pub fn new(fields: usize) -> Self {
        let words = || vec![0; fields.div_ceil(BITS)];
        Self { rows: 0, changes: vec![0; fields], restless: words(), runs: Vec::new(), alone: words() }
    }

    pub fn begin(&mut self) {
        self.rows = 0;
        self.changes.fill(0);
    }

    /// Takes the fields of a word that changed in a row.
    pub fn learn(&mut self, word: usize, differing: u64) {
        for (bit, changes) in self.changes[word * BITS..].iter_mut().take(BITS).enumerate() {
            *changes += u32::from(differing >> bit & 1 == 1);
        }
    }

    /// These fields are watched.
    pub fn conclude(&mut self, watched: &[u64]) {
        let fields = self.changes.len();
        self.restless.fill(0);
        for (at, _) in self.changes.iter().enumerate().filter(|(_, changes)| **changes >= RESTLESS) {
            self.restless[at / BITS] |= bit(at);
        }
        self.runs.clear();
        for (word, watched) in watched.iter().enumerate() {
            self.restless[word] &= watched;
            self.alone[word] = watched & !self.restless[word];
        }
        let mut at = 0;
        while at < fields {
            let end = (at..fields).find(|at| self.changes[*at] > CALM).unwrap_or(fields);
            if end > at + 1 {
                self.runs.push(Run { first: at, last: end - 1 });
                (at..end).for_each(|at| self.alone[at / BITS] &= !bit(at));
            }
            at = end + 1;
        }
        let is_watched = |run: &Run| (run.first..=run.last).any(|at| watched[at / BITS] & bit(at) != 0);
        self.runs.retain(is_watched);
    }
}

pub(super) const fn bit(field: usize) -> u64 {
    1 << (field % BITS)
}
