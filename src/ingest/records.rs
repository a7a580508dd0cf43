//! Delimited text to records with exact physical lines. The reader is our own because readers at hand
//! lose count of lines at CRLF, lone CR and blank lines, and swallow the rest of a file after one
//! unbalanced quote; here a line that is no record is a fault, and reading goes on at the next line.

use std::io::{self, Read};

use memchr::{memchr2, memchr3};

use super::held::Held;
use super::places::Places;
pub use super::record::{Dialect, Escape, Record, RecordFault};
use super::record::{Span, shown};
use super::scan::{LONGEST_FIELD, Open, Scan, Why, after_mark, line_end, scan, swallows_a_row};
use crate::finding::Code;

#[cfg(test)]
mod tests;

/// The longest record, in bytes, quoted fields and all.
const LONGEST_RECORD: usize = 2 * LONGEST_FIELD;
/// How much of a line too long to be held is shown.
const LONG_LINE_SHOWN: usize = 1 << 10;

/// What came next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Record,
    /// A line of nothing but spaces; its number is [`Records::line`].
    Blank,
    /// A physical line that is no record. Reading goes on with the next line.
    Fault(Box<RecordFault>),
    End,
}

/// Reads records from UTF-8 text without a byte order mark.
#[derive(Debug)]
pub struct Records<R> {
    dialect: Dialect,
    expected: Option<usize>,
    held: Held<R>,
    places: Places,
    /// The physical line of the last event, and of the next.
    line: u64,
    next_line: u64,
    newline: bool,
}

impl<R: Read> Records<R> {
    /// Panics if the dialect's bytes are not ASCII.
    pub fn new(reader: R, dialect: Dialect) -> Self {
        assert!(dialect.delimiter.is_ascii() && dialect.quote.is_ascii(), "delimiter and quote must be ASCII");
        Self {
            dialect,
            expected: None,
            held: Held::new(reader),
            places: Places::new(dialect.delimiter, dialect.quote),
            line: 0,
            next_line: 1,
            newline: false,
        }
    }

    /// The text is trusted to be UTF-8: where it is not, reading fails, and not only a line.
    pub(super) fn trusting(self) -> Self {
        Self { held: self.held.trusting(), ..self }
    }

    /// Goes on with another text that begins on this line, once all is read: with all of this piece, or with what the reader
    /// has where there is one.
    pub(super) fn go_on(&mut self, line: u64, piece: &[u8], reader: Option<R>) -> io::Result<()> {
        self.next_line = line;
        self.places.reset();
        match reader {
            Some(reader) => {
                self.held.put(&[])?;
                self.held.go_on_with(reader);
                Ok(())
            }
            None => self.held.put(piece),
        }
    }

    /// How many fields a row of this file has, once its heading row is known. It tells a quoted field
    /// that spans lines from a broken quote that swallowed rows.
    pub fn expect_fields(&mut self, n: usize) {
        self.expected = Some(n);
    }

    /// The physical line where the last event began, 1-based.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Whether what was read so far ended with a line end; at the end, whether the file did.
    pub fn ended_with_newline(&self) -> bool {
        self.newline
    }

    pub fn next(&mut self, record: &mut Record) -> io::Result<Event> {
        record.begin(self.next_line);
        if self.next_usual(record) {
            return Ok(Event::Record);
        }
        record.spans.clear();
        self.next_of_any_kind(record)
    }

    /// A record on a line of its own, each field of which is quoted whole or not at all: nearly every one. `false`
    /// says nothing of what comes next.
    fn next_usual(&mut self, record: &mut Record) -> bool {
        let Dialect { delimiter, quote, escape } = self.dialect;
        let Some(text) = self.held.text() else { return false };
        let data = text.as_bytes();
        let start = self.held.start();
        match data.get(start) {
            None | Some(b'\n' | b'\r' | 0x1A | 0xEF) => return false,
            Some(b' ' | b'\t') if data[start] != delimiter => return false,
            Some(_) => {}
        }
        let mut number = self.places.from(start);
        if let Some(expected) = self.expected {
            if self.places.few(number, expected) {
                number = self.places.more(data, number).unwrap_or(number);
            }
            if let Some((stop, next)) = self.places.plain(data, number, expected, start, &mut record.spans) {
                record.take(&text[start..stop]);
                self.places.take_to(number + expected);
                self.consume(next - start, true, 1);
                return true;
            }
        }
        record.spans.clear();
        let mut field = start;
        // Behind a closing quote, where its field ends.
        let mut closed = None;
        let (stop, next) = loop {
            let Some(at) = self.places.get(number) else {
                match self.places.more(data, number) {
                    Some(again) => number = again,
                    None => return false,
                }
                continue;
            };
            number += 1;
            let byte = data[at];
            if byte == delimiter {
                record.spans.push(Span::new(field - start, closed.take().unwrap_or(at) - start));
                field = at + 1;
            } else if byte == quote {
                if at != field || escape != Escape::Doubled {
                    return false;
                }
                let Some(close) = self.places.closing(data, &mut number) else { return false };
                field += 1;
                closed = Some(close);
            } else {
                record.spans.push(Span::new(field - start, closed.take().unwrap_or(at) - start));
                match (byte, data.get(at + 1)) {
                    (b'\n', _) => break (at, at + 1),
                    (_, Some(b'\n')) => break (at, at + 2),
                    (_, Some(_)) => break (at, at + 1),
                    // What follows must tell whether it is one line end or two.
                    (_, None) => return false,
                }
            }
        };
        // Longer ones may have a field that is too long.
        if stop - start > LONGEST_FIELD {
            return false;
        }
        record.take(&text[start..stop]);
        self.places.take_to(number);
        self.consume(next - start, true, 1);
        true
    }

    fn next_of_any_kind(&mut self, record: &mut Record) -> io::Result<Event> {
        loop {
            let data = self.held.data();
            let found = memchr3(b'\n', b'\r', self.dialect.quote, data);
            let stop = match found {
                Some(at) if data[at] == self.dialect.quote => return self.next_quoted(record),
                Some(at) => at,
                None if self.held.is_whole() && data.is_empty() => return Ok(Event::End),
                None => data.len(),
            };
            if let Some(length) = line_end(data, stop, self.held.is_whole()) {
                return Ok(self.plain_line(record, stop, length));
            }
            if data.len() > LONGEST_RECORD {
                return self.skip_long_line(record);
            }
            self.fill()?;
        }
    }

    /// A line without a quote in it: the common case, kept short.
    fn plain_line(&mut self, record: &mut Record, stop: usize, length: usize) -> Event {
        let bytes = &self.held.data()[..stop];
        let Dialect { delimiter, .. } = self.dialect;
        let blank = match bytes.first() {
            None => true,
            // The mark by which DOS ends a text.
            Some(0x1A) => bytes.len() == 1 && self.held.is_whole() && self.held.data().len() == 1,
            Some(b' ' | b'\t') => bytes.iter().all(|b| matches!(b, b' ' | b'\t') && *b != delimiter),
            Some(_) => false,
        };
        let Some(text) = self.held.str(stop) else {
            return self.not_utf8(stop, length);
        };
        if !blank {
            record.take(text);
            split(bytes, delimiter, &mut record.spans);
        }
        self.consume(stop + length, length > 0, 1);
        if blank { Event::Blank } else { Event::Record }
    }

    fn next_quoted(&mut self, record: &mut Record) -> io::Result<Event> {
        loop {
            let data = self.held.data();
            match scan(data, self.dialect, self.held.is_whole(), &mut record.spans) {
                Scan::More if data.len() > LONGEST_RECORD => {
                    return if memchr2(b'\n', b'\r', data).is_some() {
                        let at = memchr::memchr(self.dialect.quote, data).unwrap_or(0);
                        Ok(self.broken_quote(record, Open { field: 0, at }, Why::TooLong))
                    } else {
                        self.skip_long_line(record)
                    };
                }
                Scan::More => self.fill()?,
                Scan::Broken(open, why) => return Ok(self.broken_quote(record, open, why)),
                Scan::Whole { end, next, lines, crossing } => {
                    if let (Some(open), Some(expected)) = (crossing, self.expected)
                        && expected > 1
                        && record.spans.len() != expected
                        && swallows_a_row(&data[..end], self.dialect, expected)
                    {
                        return Ok(self.broken_quote(record, open, Why::SwallowedRows));
                    }
                    let Some(text) = self.held.str(end) else {
                        let stop = memchr2(b'\n', b'\r', data).unwrap_or(end);
                        let length = line_end(data, stop, self.held.is_whole()).unwrap_or(1);
                        record.spans.clear();
                        return Ok(self.not_utf8(stop, length));
                    };
                    record.take(text);
                    record.last_line = self.next_line + lines - 1;
                    record.unquote(self.dialect);
                    self.consume(next, next > end, lines);
                    return Ok(Event::Record);
                }
            }
        }
    }

    /// Faults the first physical line and goes on behind it, so that no later row is lost.
    fn broken_quote(&mut self, record: &mut Record, open: Open, why: Why) -> Event {
        record.spans.clear();
        let data = self.held.data();
        let stop = memchr2(b'\n', b'\r', data).unwrap_or(data.len());
        let length = line_end(data, stop, self.held.is_whole()).unwrap_or(1);
        let raw = String::from_utf8_lossy(&data[..stop]).into_owned();
        let value = shown(&String::from_utf8_lossy(data.get(open.at..stop).unwrap_or_default()));
        let fault = RecordFault {
            code: Code::I109,
            line: self.next_line,
            column: open.field as u64 + 1,
            value,
            message: why.message().to_owned(),
            raw,
            goes_on: true,
        };
        self.consume(stop + length, length > 0, 1);
        Event::Fault(Box::new(fault))
    }

    /// A fault of the line that comes next, as a whole.
    fn line_fault(&self, code: Code, message: String, raw: String) -> RecordFault {
        RecordFault { code, line: self.next_line, column: 1, value: shown(&raw), message, raw, goes_on: true }
    }

    fn not_utf8(&mut self, stop: usize, length: usize) -> Event {
        let raw = String::from_utf8_lossy(&self.held.data()[..stop]).into_owned();
        let message = "the line is not valid UTF-8".to_owned();
        let fault = self.line_fault(Code::I101, message, raw);
        self.consume(stop + length, length > 0, 1);
        Event::Fault(Box::new(fault))
    }

    /// A line longer than memory should hold: shows its beginning and reads on to its end.
    fn skip_long_line(&mut self, record: &mut Record) -> io::Result<Event> {
        record.spans.clear();
        let data = self.held.data();
        let raw = String::from_utf8_lossy(&data[..LONG_LINE_SHOWN.min(data.len())]).into_owned();
        let message = format!("the line is longer than {} MiB", LONGEST_RECORD >> 20);
        let fault = self.line_fault(Code::I104, message, raw);
        loop {
            let data = self.held.data();
            let stop = memchr2(b'\n', b'\r', data).unwrap_or(data.len());
            if let Some(length) = line_end(data, stop, self.held.is_whole()) {
                self.consume(stop + length, length > 0, 1);
                return Ok(Event::Fault(Box::new(fault)));
            }
            self.held.consume(stop);
            self.fill()?;
        }
    }

    fn consume(&mut self, bytes: usize, newline: bool, lines: u64) {
        self.held.consume(bytes);
        self.newline = newline;
        self.line = self.next_line;
        self.next_line += lines;
    }

    /// Makes the unread part longer, or finds the end of the file.
    fn fill(&mut self) -> io::Result<()> {
        self.places.reset();
        self.held.fill()
    }
}

/// The fields of a line without quotes. They are short, so delimiters are found in words of eight bytes sooner than
/// by a vector search that is set up for each.
fn split(line: &[u8], delimiter: u8, spans: &mut Vec<Span>) {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let pattern = u64::from_ne_bytes([delimiter; 8]);
    let mut start = after_mark(line);
    let (words, rest) = line.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let differs = u64::from_le_bytes(*word) ^ pattern;
        // The high bit of every byte that is zero, and of no other.
        let mut hits = !(((differs & LOW) + LOW) | differs | LOW);
        while hits != 0 {
            let end = at * 8 + hits.trailing_zeros() as usize / 8;
            spans.push(Span::new(start, end));
            start = end + 1;
            hits &= hits - 1;
        }
    }
    let done = words.len() * 8;
    for (at, byte) in rest.iter().enumerate() {
        if *byte == delimiter {
            spans.push(Span::new(start, done + at));
            start = done + at + 1;
        }
    }
    spans.push(Span::new(start, line.len()));
}
