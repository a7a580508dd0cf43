//! Rows wait in partitions by key, so that copies of one another always meet, and spill to unnamed
//! temporary files when they outgrow their share of memory: no stage ever holds all rows. Unnamed files
//! vanish with the process, however it ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::row::{ROW_BYTES, Row};

/// Partitions; the high bits of the key choose one.
pub const PARTITIONS: usize = 128;

/// Where rows wait between ingest and the judging of duplicates. Shared by the reading threads.
pub struct Partitions {
    parts: Vec<Mutex<Part>>,
    rows_in_memory: usize,
    spill_dir: PathBuf,
}

#[derive(Default)]
struct Part {
    rows: Vec<Row>,
    spill: Option<File>,
}

impl Partitions {
    /// Keeps at most about `rows_in_memory` rows over all partitions in memory; the rest goes to files
    /// in `spill_dir`.
    pub fn new(spill_dir: &Path, rows_in_memory: usize) -> Self {
        let parts = (0..PARTITIONS).map(|_| Mutex::default()).collect();
        Self { parts, rows_in_memory: (rows_in_memory / PARTITIONS).max(1), spill_dir: spill_dir.to_path_buf() }
    }

    pub fn partition_of(key: u128) -> usize {
        (key >> (128 - PARTITIONS.trailing_zeros())) as usize % PARTITIONS
    }

    /// Adds `rows`, which all belong to partition `index`, and empties them.
    pub fn push(&self, index: usize, rows: &mut Vec<Row>) -> io::Result<()> {
        let mut part = self.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
        part.rows.append(rows);
        if part.rows.len() > self.rows_in_memory {
            part.spill(&self.spill_dir)?;
        }
        Ok(())
    }

    /// Takes all rows of a partition, in no particular order.
    pub fn take(&self, index: usize) -> io::Result<Vec<Row>> {
        let mut part = std::mem::take(&mut *self.parts[index].lock().unwrap_or_else(PoisonError::into_inner));
        let mut rows = std::mem::take(&mut part.rows);
        if let Some(mut file) = part.spill.take() {
            file.seek(SeekFrom::Start(0))?;
            let mut reader = io::BufReader::with_capacity(1 << 18, file);
            let mut bytes = [0u8; ROW_BYTES];
            loop {
                match reader.read_exact(&mut bytes) {
                    Ok(()) => rows.push(Row::decode(&bytes).ok_or_else(damaged)?),
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break,
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(rows)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a temporary file was damaged while the run was under way; run again")
}

impl Part {
    fn spill(&mut self, dir: &Path) -> io::Result<()> {
        if self.spill.is_none() {
            self.spill = Some(tempfile::tempfile_in(dir).map_err(|e| {
                io::Error::new(e.kind(), format!("could not make a temporary file in {}: {e}", dir.display()))
            })?);
        }
        let mut bytes = Vec::with_capacity(self.rows.len() * ROW_BYTES);
        for row in &self.rows {
            row.encode(&mut bytes);
        }
        if let Some(file) = &mut self.spill {
            file.write_all(&bytes).map_err(|e| {
                io::Error::new(e.kind(), format!("could not write a temporary file in {}: {e}", dir.display()))
            })?;
        }
        self.rows.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn rows_that_spill_come_back_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let parts = Partitions::new(dir.path(), PARTITIONS * 10);
        let key = u128::MAX;
        let index = Partitions::partition_of(key);
        for line in 0..95 {
            parts.push(index, &mut vec![row(key, 0, line)]).expect("room");
        }
        let mut lines: Vec<u64> = parts.take(index).expect("readable").iter().map(|r| r.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, (0..95).collect::<Vec<_>>());
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0, "no named file is left");
        assert!(parts.take(index).expect("readable").is_empty());
    }

    #[test]
    fn equal_keys_meet_in_one_partition_and_all_partitions_are_reachable() {
        let seen: std::collections::BTreeSet<_> =
            (0..PARTITIONS as u128).map(|i| Partitions::partition_of(i << 121)).collect();
        assert_eq!(seen.len(), PARTITIONS);
    }
}
