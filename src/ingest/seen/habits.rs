//! How the fields of a file behave from row to row, learnt from a few rows and relied upon in many: exports repeat
//! themselves in some columns, and never in others.

use super::BITS;

/// Of so many rows the first few tell which fields change in every row. In the others these are not compared.
pub(super) const SPELL: u32 = 512;
pub(super) const LEARNT: u32 = 24;

/// Learnt from the first rows of a spell.
#[derive(Debug)]
pub(super) struct Habits {
    pub rows: u32,
    /// Those that changed in every row: taken for changed without being compared.
    pub restless: Vec<u64>,
    /// Those that never did, and runs of them side by side, which are compared at once.
    pub calm: Vec<u64>,
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
    pub fn new(words: usize) -> Self {
        Self { rows: 0, restless: vec![0; words], calm: vec![0; words], runs: Vec::new(), alone: vec![0; words] }
    }

    pub fn begin(&mut self) {
        self.rows = 0;
        self.restless.fill(u64::MAX);
        self.calm.fill(u64::MAX);
    }

    /// Of so many fields these are watched.
    pub fn conclude(&mut self, fields: usize, watched: &[u64]) {
        self.runs.clear();
        for (word, watched) in watched.iter().enumerate() {
            self.restless[word] &= watched;
            self.alone[word] = watched & !self.restless[word];
        }
        let mut at = 0;
        while at < fields {
            let is_calm = |at: &usize| self.calm[at / BITS] & bit(*at) != 0;
            let end = (at..fields).find(|at| !is_calm(at)).unwrap_or(fields);
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
