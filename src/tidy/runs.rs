//! Fates come out of partitions in no order, but outputs are in file and line order. Each batch is sorted
//! into a run; runs that outgrow memory go to unnamed temporary files; the end is one merge over all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::control::{FATE_BYTES, RowFate};

/// Sorted runs of fates, in memory up to a bound.
#[derive(Default)]
pub struct FateRuns {
    runs: Vec<Run>,
    in_memory: usize,
    bound: usize,
    spill_dir: PathBuf,
}

enum Run {
    Memory(Vec<RowFate>),
    Spilled(File),
}

impl FateRuns {
    /// Keeps at most `bound` fates in memory.
    pub fn new(spill_dir: &Path, bound: usize) -> Self {
        Self { runs: Vec::new(), in_memory: 0, bound, spill_dir: spill_dir.to_path_buf() }
    }

    /// Adds a batch, in any order.
    pub fn push(&mut self, mut fates: Vec<RowFate>) -> io::Result<()> {
        if fates.is_empty() {
            return Ok(());
        }
        fates.sort_unstable();
        if self.in_memory + fates.len() <= self.bound {
            self.in_memory += fates.len();
            self.runs.push(Run::Memory(fates));
            return Ok(());
        }
        let mut file = tempfile::tempfile_in(&self.spill_dir)?;
        let mut bytes = Vec::with_capacity(fates.len() * FATE_BYTES);
        for fate in &fates {
            fate.encode(&mut bytes);
        }
        file.write_all(&bytes)?;
        self.runs.push(Run::Spilled(file));
        Ok(())
    }

    /// Takes over the runs of another.
    pub fn append(&mut self, other: Self) {
        self.in_memory += other.in_memory;
        self.runs.extend(other.runs);
    }

    /// All fates in order of file and line.
    pub fn merge(self) -> io::Result<Merged> {
        let mut sources = Vec::with_capacity(self.runs.len());
        for run in self.runs {
            sources.push(match run {
                Run::Memory(fates) => Source::Memory(fates.into_iter()),
                Run::Spilled(mut file) => {
                    file.seek(SeekFrom::Start(0))?;
                    Source::Spilled(BufReader::with_capacity(1 << 16, file))
                }
            });
        }
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (i, source) in sources.iter_mut().enumerate() {
            if let Some(fate) = source.next()? {
                heap.push(Reverse((fate, i)));
            }
        }
        Ok(Merged { sources, heap })
    }
}

enum Source {
    Memory(std::vec::IntoIter<RowFate>),
    Spilled(BufReader<File>),
}

impl Source {
    fn next(&mut self) -> io::Result<Option<RowFate>> {
        match self {
            Source::Memory(fates) => Ok(fates.next()),
            Source::Spilled(reader) => {
                let mut bytes = [0u8; FATE_BYTES];
                match reader.read_exact(&mut bytes) {
                    Ok(()) => RowFate::decode(&bytes).map(Some).ok_or_else(|| {
                        io::Error::new(io::ErrorKind::InvalidData, "a temporary file was damaged; run again")
                    }),
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(e) => Err(e),
                }
            }
        }
    }
}

/// The merge of all runs.
pub struct Merged {
    sources: Vec<Source>,
    heap: BinaryHeap<Reverse<(RowFate, usize)>>,
}

impl Iterator for Merged {
    type Item = io::Result<RowFate>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((fate, i)) = self.heap.pop()?;
        match self.sources[i].next() {
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
            proptest::collection::vec((0u32..5, 0u64..100), 0..20), 0..8), bound in 0usize..60)
        {
            let dir = tempfile::tempdir().expect("a folder");
            let mut runs = FateRuns::new(dir.path(), bound);
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
