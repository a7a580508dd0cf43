//! Fates come out of partitions in no order, but outputs are in file and line order. Each batch is sorted
//! into a run; runs that outgrow memory are put aside; the end is one merge over all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;

use super::spill::{Extent, Spill, damaged};
use crate::control::{FATE_BYTES, RowFate};

/// Sorted runs of fates, in memory up to a bound.
pub struct FateRuns {
    runs: Vec<Run>,
    /// Not yet a run.
    loose: Vec<RowFate>,
    in_memory: usize,
    bound: usize,
    spill: Arc<Spill>,
}

enum Run {
    Memory(Vec<RowFate>),
    /// Pieces of a run, in order.
    Spilled(Vec<Extent>),
}

/// Fates of a spilled piece, and of a run.
const PIECE: usize = 2048;

impl FateRuns {
    /// Keeps at most `bound` fates in memory.
    pub fn new(spill: Arc<Spill>, bound: usize) -> Self {
        Self { runs: Vec::new(), loose: Vec::new(), in_memory: 0, bound, spill }
    }

    /// Adds a batch, in any order.
    pub fn push(&mut self, fates: Vec<RowFate>) -> io::Result<()> {
        self.loose.extend(fates);
        // A merge looks at all runs at once: many small batches make one.
        if self.loose.len() > (self.bound / 4).max(PIECE) { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> io::Result<()> {
        let mut fates = std::mem::take(&mut self.loose);
        if fates.is_empty() {
            return Ok(());
        }
        fates.sort_unstable();
        if self.in_memory + fates.len() <= self.bound {
            self.in_memory += fates.len();
            self.runs.push(Run::Memory(fates));
            return Ok(());
        }
        let mut extents = Vec::with_capacity(fates.len() / PIECE + 1);
        let mut bytes = Vec::with_capacity(PIECE * FATE_BYTES);
        for piece in fates.chunks(PIECE) {
            bytes.clear();
            for fate in piece {
                fate.encode(&mut bytes);
            }
            extents.push(self.spill.write(&bytes)?);
        }
        self.runs.push(Run::Spilled(extents));
        Ok(())
    }

    /// All fates in order of file and line.
    pub fn merge(mut self) -> io::Result<Merged> {
        self.settle()?;
        let mut sources: Vec<Source> = Vec::with_capacity(self.runs.len());
        for run in self.runs {
            sources.push(match run {
                Run::Memory(fates) => Source { fates: fates.into_iter(), extents: Vec::new().into_iter() },
                Run::Spilled(extents) => Source { fates: Vec::new().into_iter(), extents: extents.into_iter() },
            });
        }
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (i, source) in sources.iter_mut().enumerate() {
            if let Some(fate) = source.next(&self.spill)? {
                heap.push(Reverse((fate, i)));
            }
        }
        Ok(Merged { sources, heap, spill: self.spill })
    }
}

/// What is left of a run: the piece at hand, and those put aside.
struct Source {
    fates: std::vec::IntoIter<RowFate>,
    extents: std::vec::IntoIter<Extent>,
}

impl Source {
    fn next(&mut self, spill: &Spill) -> io::Result<Option<RowFate>> {
        loop {
            if let Some(fate) = self.fates.next() {
                return Ok(Some(fate));
            }
            let Some(extent) = self.extents.next() else { return Ok(None) };
            let mut bytes = Vec::new();
            spill.read(extent, &mut bytes)?;
            let decoded = bytes.chunks_exact(FATE_BYTES).map(|b| b.try_into().ok().and_then(RowFate::decode));
            self.fates = decoded.collect::<Option<Vec<_>>>().ok_or_else(damaged)?.into_iter();
        }
    }
}

/// The merge of all runs.
pub struct Merged {
    sources: Vec<Source>,
    heap: BinaryHeap<Reverse<(RowFate, usize)>>,
    spill: Arc<Spill>,
}

impl Iterator for Merged {
    type Item = io::Result<RowFate>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((fate, i)) = self.heap.pop()?;
        match self.sources[i].next(&self.spill) {
            Ok(Some(next)) => self.heap.push(Reverse((next, i))),
            Ok(None) => {}
            Err(e) => return Some(Err(e)),
        }
        Some(Ok(fate))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::Fate;

    proptest! {
        #[test]
        fn a_merge_is_the_sorted_whole(batches in proptest::collection::vec(
            proptest::collection::vec((0u32..5, 0u64..100), 0..900), 0..8), bound in 0usize..4000)
        {
            let dir = tempfile::tempdir().expect("a folder");
            let mut runs = FateRuns::new(Arc::new(Spill::new(dir.path(), 0)), bound);
            let mut all = Vec::new();
            for batch in batches {
                let fates: Vec<_> =
                    batch.iter().map(|&(file, line)| RowFate { file, line, fate: Fate::Metered(file) }).collect();
                all.extend(fates.iter().copied());
                runs.push(fates).expect("room");
            }
            all.sort_unstable();
            let merged: Vec<_> = runs.merge().expect("readable").map(|f| f.expect("readable")).collect();
            prop_assert_eq!(merged, all);
        }
    }
}
