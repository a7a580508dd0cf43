//! One bound on memory, shared out over everything that grows with rows. What is left of it is for what grows
//! with clients, products and contracts, and for the program itself.

use std::num::NonZeroUsize;

use super::load::Export;
use crate::ingest::Container;

/// Bytes for each place where rows wait.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Heads of rows, until it is known which rows have copies.
    pub heads: usize,
    /// Rows between reading and placing.
    pub rows: usize,
    /// Rows with copies, until the others are placed.
    pub copies: usize,
    /// Readings of meters.
    pub readings: usize,
    /// Tallies of groups whose bucket is not known yet, over all threads.
    pub pending: usize,
    /// Where every row ended.
    pub trail: usize,
    /// Records of duplicates, not bytes.
    pub duplicates: usize,
    /// The largest partition that a thread takes at once.
    pub partition: u64,
    /// Rows of a partition that is larger, while it is split.
    pub split: usize,
    /// Into how many partitions rows go.
    pub partitions: usize,
    /// Bytes of temporary files that a run over these exports may need.
    pub needs: u64,
}

/// How many times larger an export may be than its packed file, by experience.
const PACKED: u64 = 12;

impl Budget {
    pub fn new(memory: u64, threads: NonZeroUsize, exports: &[Export]) -> Self {
        let unpacked = |export: &Export| {
            let survey = &export.detection.survey;
            if survey.container == Container::Plain { survey.bytes } else { survey.bytes.saturating_mul(PACKED) }
        };
        let needs = exports.iter().map(unpacked).fold(0, u64::saturating_add);
        Self::of(memory, threads, needs)
    }

    fn of(memory: u64, threads: NonZeroUsize, needs: u64) -> Self {
        let share = |part: u64| usize::try_from(memory / part).unwrap_or(usize::MAX);
        // A partition takes its bytes, an index of its rows and a table of their keys.
        let partition = (memory / 16 / threads.get() as u64).max(1);
        // A row at rest is smaller than in its file.
        let wanted = (needs / partition).next_power_of_two().clamp(64, 512);
        Self {
            heads: share(16),
            rows: share(8),
            copies: share(32),
            readings: share(32),
            pending: share(16),
            trail: share(16),
            duplicates: share(32) / 40,
            partition,
            split: share(32),
            partitions: usize::try_from(wanted).unwrap_or(64),
            needs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_leave_half_of_the_memory_to_everything_else() {
        for memory in [64u64 << 20, 512 << 20, 8 << 30] {
            for (threads, needs) in [(1, 0), (2, 10 << 30), (16, u64::MAX)] {
                let threads = NonZeroUsize::new(threads).expect("some");
                let b = Budget::of(memory, threads, needs);
                let judged = 2 * b.partition * threads.get() as u64;
                let waiting =
                    b.heads + b.rows + b.copies + b.readings + b.pending + b.trail + b.duplicates * 40 + b.split;
                assert!(waiting as u64 + judged <= memory * 6 / 10, "{b:?}");
                assert!(b.partitions.is_power_of_two());
            }
        }
    }
}
