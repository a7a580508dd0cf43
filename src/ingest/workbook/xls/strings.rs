//! Strings of BIFF8: one or two bytes a character, with formatting behind them, and cut anywhere where a record
//! is full. A cut within the characters begins the next record with a byte that says how they go on.

use super::{CONTINUE, RecordsFrom, damaged, u16_at, u32_at};
use crate::ingest::workbook::{Held, WorkbookFault};

/// A string whose length is one byte.
pub(super) fn short(bytes: &[u8]) -> String {
    let Some((length, rest)) = bytes.split_first() else { return String::new() };
    whole(rest, usize::from(*length))
}

/// A string whose length is two bytes.
pub(super) fn long(bytes: &[u8]) -> String {
    u16_at(bytes, 0).map_or_else(String::new, |length| whole(&bytes[2..], usize::from(length)))
}

/// Flags and characters, which stand in one record.
fn whole(bytes: &[u8], length: usize) -> String {
    let Some((flags, rest)) = bytes.split_first() else { return String::new() };
    let mut units = Vec::new();
    characters(rest, flags & 1 == 1, length, &mut units);
    String::from_utf16_lossy(&units)
}

/// Takes up to `most` characters, and says how many bytes they were.
fn characters(bytes: &[u8], wide: bool, most: usize, units: &mut Vec<u16>) -> usize {
    if wide {
        let taken = (bytes.len() / 2).min(most);
        units.extend((0..taken).filter_map(|i| u16_at(bytes, i * 2)));
        taken * 2
    } else {
        let taken = bytes.len().min(most);
        units.extend(bytes[..taken].iter().map(|b| u16::from(*b)));
        taken
    }
}

/// A string with a two-byte length that may go on in records behind.
pub(super) fn continued<'a>(body: &'a [u8], records: &mut RecordsFrom<'a>) -> Result<String, WorkbookFault> {
    let mut pieces = Pieces { piece: body, records };
    pieces.string()
}

/// The table of shared strings.
pub(super) fn shared<'a>(
    body: &'a [u8],
    records: &mut RecordsFrom<'a>,
    held: &mut Held,
) -> Result<Vec<String>, WorkbookFault> {
    let count = u32_at(body, 4).ok_or_else(|| damaged("its table of strings ends early"))?;
    let mut pieces = Pieces { piece: &body[8..], records };
    let mut strings = Vec::new();
    for _ in 0..count {
        let string = pieces.string()?;
        held.add(&string)?;
        strings.push(string);
    }
    Ok(strings)
}

/// A record's body and those that continue it.
struct Pieces<'a, 'r> {
    piece: &'a [u8],
    records: &'r mut RecordsFrom<'a>,
}

impl Pieces<'_, '_> {
    /// Goes on in the next record.
    fn refill(&mut self) -> Result<(), WorkbookFault> {
        if self.records.peek() != Some(CONTINUE) {
            return Err(damaged("a string ends early"));
        }
        self.piece = self.records.next()?.1;
        Ok(())
    }

    fn take(&mut self, n: usize) -> Result<u32, WorkbookFault> {
        let mut value = 0;
        for i in 0..n {
            while self.piece.is_empty() {
                self.refill()?;
            }
            value |= u32::from(self.piece[0]) << (8 * i);
            self.piece = &self.piece[1..];
        }
        Ok(value)
    }

    fn string(&mut self) -> Result<String, WorkbookFault> {
        let length = self.take(2)? as usize;
        let flags = self.take(1)?;
        let runs = if flags & 8 == 0 { 0 } else { self.take(2)? as usize };
        let aside = if flags & 4 == 0 { 0 } else { self.take(4)? as usize };
        let mut wide = flags & 1 == 1;
        let mut units = Vec::new();
        while units.len() < length {
            if self.piece.is_empty() {
                self.refill()?;
                wide = self.take(1)? & 1 == 1;
                continue;
            }
            let taken = characters(self.piece, wide, length - units.len(), &mut units);
            if taken == 0 {
                return Err(damaged("a string ends within a character"));
            }
            self.piece = &self.piece[taken..];
        }
        let mut skip = runs.saturating_mul(4).saturating_add(aside);
        while skip > 0 {
            if self.piece.is_empty() {
                self.refill()?;
            }
            let step = skip.min(self.piece.len());
            self.piece = &self.piece[step..];
            skip -= step;
        }
        Ok(String::from_utf16_lossy(&units))
    }
}
