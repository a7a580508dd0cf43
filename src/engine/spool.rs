//! Rejected rows wait as they were read until `rejects.csv` is written: in memory while they are few, in an
//! unnamed temporary file when they are many.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::emit::Rejected;
use crate::finding::Code;

/// Bytes a spool keeps in memory.
const IN_MEMORY: usize = 1 << 20;

/// The rejected rows of one file, in the order they were read.
#[derive(Default)]
pub struct Spool {
    buffer: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    pub fn push(&mut self, spill_dir: &Path, row: &Rejected) -> io::Result<()> {
        self.buffer.extend_from_slice(&row.line.to_le_bytes());
        self.buffer.extend_from_slice(&row.column.to_le_bytes());
        self.buffer.push(row.code as u8);
        for text in [&row.value, &row.message, &row.raw] {
            self.buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
            self.buffer.extend_from_slice(text.as_bytes());
        }
        if self.buffer.len() > IN_MEMORY {
            if self.file.is_none() {
                self.file = Some(tempfile::tempfile_in(spill_dir)?);
            }
            if let Some(file) = &mut self.file {
                file.write_all(&self.buffer)?;
            }
            self.buffer.clear();
        }
        Ok(())
    }

    /// The rows again, in order.
    pub fn rows(self) -> io::Result<Rows> {
        let spilled: Box<dyn Read> = match self.file {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(file)
            }
            None => Box::new(io::empty()),
        };
        Ok(Rows(Box::new(BufReader::new(spilled.chain(io::Cursor::new(self.buffer))))))
    }
}

/// Reads a spool back.
pub struct Rows(Box<dyn Read>);

impl Rows {
    fn read(&mut self) -> io::Result<Option<Rejected>> {
        let mut eight = [0u8; 8];
        match self.0.read_exact(&mut eight) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let line = u64::from_le_bytes(eight);
        self.0.read_exact(&mut eight)?;
        let column = u64::from_le_bytes(eight);
        let mut one = [0u8; 1];
        self.0.read_exact(&mut one)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a temporary file was damaged; run again");
        let code = Code::ALL.get(usize::from(one[0])).copied().ok_or_else(damaged)?;
        let mut text = || -> io::Result<String> {
            self.0.read_exact(&mut eight)?;
            let mut out = String::new();
            (&mut self.0).take(u64::from_le_bytes(eight)).read_to_string(&mut out)?;
            Ok(out)
        };
        Ok(Some(Rejected { line, column, code, value: text()?, message: text()?, raw: text()? }))
    }
}

impl Iterator for Rows {
    type Item = io::Result<Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_whether_they_spilled_or_not() {
        let dir = tempfile::tempdir().expect("a folder");
        for rows in [3u64, 3000] {
            let mut spool = Spool::default();
            let row = |line: u64| Rejected {
                line,
                column: 2,
                code: Code::I105,
                value: "12..5".into(),
                message: "not a number".into(),
                raw: "é".repeat(300),
            };
            for line in 0..rows {
                spool.push(dir.path(), &row(line)).expect("room");
            }
            let back: Vec<Rejected> = spool.rows().expect("readable").map(|r| r.expect("whole")).collect();
            assert_eq!(back.len() as u64, rows);
            assert!(back.iter().enumerate().all(|(i, r)| *r == row(i as u64)));
        }
    }
}
