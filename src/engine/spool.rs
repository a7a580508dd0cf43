//! Rejected rows wait as they were read until `rejects.csv` is written: in memory while they are few, put
//! aside when they are many.

use std::io::{self, Read};
use std::sync::Arc;

use crate::emit::Rejected;
use crate::finding::Code;
use crate::tidy::{Extent, Spill};

/// Bytes a spool puts aside at a time.
const PIECE: usize = 1 << 18;
/// Bytes that stay in memory once a file is read: there may be ten thousand files.
const LEFT: usize = 1 << 10;

/// The rejected rows of one file that one thread read, in the order of its lines.
#[derive(Default)]
pub struct Spool {
    buffer: Vec<u8>,
    extents: Vec<Extent>,
}

impl Spool {
    pub fn push(&mut self, spill: &Spill, row: &Rejected) -> io::Result<()> {
        self.buffer.extend_from_slice(&row.line.to_le_bytes());
        self.buffer.extend_from_slice(&row.column.to_le_bytes());
        self.buffer.push(row.code as u8);
        for text in [&row.value, &row.message, &row.raw] {
            self.buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
            self.buffer.extend_from_slice(text.as_bytes());
        }
        if self.buffer.len() > PIECE { self.put_aside(spill) } else { Ok(()) }
    }

    /// The file is read: what is left takes little memory.
    pub fn settle(&mut self, spill: &Spill) -> io::Result<()> {
        if self.buffer.len() > LEFT {
            self.put_aside(spill)?;
        }
        self.buffer.shrink_to_fit();
        Ok(())
    }

    fn put_aside(&mut self, spill: &Spill) -> io::Result<()> {
        self.extents.push(spill.write(&self.buffer)?);
        self.buffer.clear();
        Ok(())
    }

    /// The rows again, in order.
    pub fn rows(self, spill: Arc<Spill>) -> Rows {
        let back = Back { extents: self.extents.into_iter(), piece: Vec::new(), at: 0, last: self.buffer, spill };
        Rows(Box::new(back))
    }
}

/// The rows of several spools of one file, in the order of its lines.
pub fn in_order(spools: Vec<Spool>, spill: &Arc<Spill>) -> impl Iterator<Item = io::Result<Rejected>> {
    let mut spools: Vec<_> = spools.into_iter().map(|spool| spool.rows(spill.clone()).peekable()).collect();
    std::iter::from_fn(move || {
        // What cannot be read back is told first.
        let with_next =
            spools.iter_mut().filter_map(|rows| Some((rows.peek()?.as_ref().map_or(0, |row| row.line), rows)));
        with_next.min_by_key(|(line, _)| *line)?.1.next()
    })
}

/// The bytes of a spool.
struct Back {
    extents: std::vec::IntoIter<Extent>,
    piece: Vec<u8>,
    at: usize,
    last: Vec<u8>,
    spill: Arc<Spill>,
}

impl Read for Back {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            self.at = 0;
            self.piece.clear();
            match self.extents.next() {
                Some(extent) => self.spill.read(extent, &mut self.piece)?,
                None if self.last.is_empty() => return Ok(0),
                None => self.piece = std::mem::take(&mut self.last),
            }
        }
        let bytes = out.len().min(self.piece.len() - self.at);
        out[..bytes].copy_from_slice(&self.piece[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
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

    fn row(line: u64) -> Rejected {
        Rejected {
            line,
            column: 2,
            code: Code::I105,
            value: "12..5".into(),
            message: "not a number".into(),
            raw: "é".repeat(300),
        }
    }

    #[test]
    fn rows_of_several_threads_come_back_in_the_order_of_their_lines() {
        let dir = tempfile::tempdir().expect("a folder");
        let spill = Arc::new(Spill::new(dir.path(), 0));
        let mut spools = [Spool::default(), Spool::default(), Spool::default()];
        for line in 0..1000u64 {
            let of = if (line / 7).is_multiple_of(3) { 0 } else { 2 };
            spools[of].push(&spill, &row(line)).expect("room");
        }
        let lines: Vec<u64> = in_order(spools.into(), &spill).map(|row| row.expect("whole").line).collect();
        assert!(lines.iter().copied().eq(0..1000));
    }

    #[test]
    fn rows_come_back_in_order_whether_they_spilled_or_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let spill = Arc::new(Spill::new(dir.path(), 0));
        for rows in [0, 3u64, 3000] {
            let mut spool = Spool::default();
            for line in 0..rows {
                spool.push(&spill, &row(line)).expect("room");
            }
            spool.settle(&spill).expect("room");
            let back: Vec<Rejected> = spool.rows(spill.clone()).map(|r| r.expect("whole")).collect();
            assert_eq!(back.len() as u64, rows);
            assert!(back.iter().enumerate().all(|(i, r)| *r == row(i as u64)));
        }
    }
}
