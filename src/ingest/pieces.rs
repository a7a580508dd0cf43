//! A large text that several threads read at the same time: whoever has nothing to do takes its next piece. A piece holds
//! whole records, found as [`Records`](super::Records) finds them, so that what is read does not depend on who reads it.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::{memchr, memchr2, memrchr, memrchr2};

use super::record::{Dialect, Escape, Span};
use super::scan::{Scan, count_line_ends, line_end, scan, swallows_a_row};
use super::text::open_watched;
use super::{Detection, Survey};

/// Bytes of a piece, at most: it stays in the processor's nearer caches while its rows are read.
const PIECE: usize = 32 << 10;

/// Some records of the text.
pub(super) struct Piece {
    /// The first has number 0.
    pub number: u64,
    /// The physical line on which it begins, 1-based.
    pub line: u64,
    pub bytes: Vec<u8>,
    /// What follows, where no piece can be told from it: whoever has this piece reads all of it.
    pub rest: Option<Box<dyn Read + Send>>,
}

impl Piece {
    /// In the place of one, for whoever has none yet.
    pub fn before_all() -> Self {
        Self { number: u64::MAX, line: 0, bytes: Vec::new(), rest: None }
    }
}

/// A text that is handed out piece by piece.
pub(super) struct Shared<'d> {
    path: &'d Path,
    survey: &'d Survey,
    cutter: Cutter,
    pieces: Mutex<Pieces>,
}

struct Pieces {
    text: Text,
    /// What was read and not handed out.
    begun: Vec<u8>,
    number: u64,
    line: u64,
}

enum Text {
    Unopened,
    Open(Box<dyn Read + Send>),
    /// All of it is handed out.
    Gone,
}

/// Finds where records end.
struct Cutter {
    dialect: Dialect,
    header_line: u64,
    /// Fields of a row.
    fields: usize,
    size: usize,
}

impl<'d> Shared<'d> {
    /// `None` for what is not read as one text that is taken on trust.
    pub fn of(detection: &'d Detection) -> Option<Self> {
        let survey = &detection.survey;
        survey.trusted.as_ref()?;
        debug_assert!(detection.is_laid_out(), "only rows of text are taken on trust");
        let cutter = Cutter {
            dialect: detection.dialect(),
            header_line: detection.header_line,
            fields: detection.headings.len(),
            size: PIECE,
        };
        let pieces = Pieces { text: Text::Unopened, begun: Vec::new(), number: 0, line: 1 };
        Some(Self { path: &detection.path, survey, cutter, pieces: Mutex::new(pieces) })
    }

    /// In smaller pieces.
    #[cfg(test)]
    pub fn in_pieces_of(mut self, size: usize) -> Self {
        self.cutter.size = size;
        self
    }

    pub fn dialect(&self) -> Dialect {
        self.cutter.dialect
    }

    /// Of a row.
    pub fn fields(&self) -> usize {
        self.cutter.fields
    }

    /// Whether pieces are left.
    pub fn has_more(&self) -> bool {
        !matches!(self.pieces().text, Text::Gone)
    }

    /// The next piece, in the place of the one before; `false` if there is none.
    pub fn take(&self, piece: &mut Piece) -> io::Result<bool> {
        let mut pieces = self.pieces();
        if matches!(pieces.text, Text::Unopened) {
            pieces.text = Text::Open(open_watched(self.path, self.survey)?);
        }
        let taken = pieces.take(&self.cutter, piece);
        if taken.is_err() {
            pieces.text = Text::Gone;
        }
        taken
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pieces {
    fn take(&mut self, cutter: &Cutter, piece: &mut Piece) -> io::Result<bool> {
        piece.rest = None;
        let Text::Open(text) = &mut self.text else { return Ok(false) };
        piece.bytes.clear();
        piece.bytes.append(&mut self.begun);
        let is_whole = read_up_to(text, cutter.size, &mut piece.bytes)?;
        (piece.number, piece.line) = (self.number, self.line);
        self.number += 1;
        if is_whole {
            self.text = Text::Gone;
            return Ok(!piece.bytes.is_empty());
        }
        let end = cutter.end_of(&piece.bytes, self.line);
        let lines = count_line_ends(&piece.bytes[..end]);
        if end == 0 || self.line + lines <= cutter.header_line {
            if let Text::Open(rest) = std::mem::replace(&mut self.text, Text::Gone) {
                piece.rest = Some(rest);
            }
            return Ok(true);
        }
        self.begun.extend_from_slice(&piece.bytes[end..]);
        piece.bytes.truncate(end);
        self.line += lines;
        Ok(true)
    }
}

/// Reads until there are so many bytes; whether the text ends before.
fn read_up_to(text: &mut impl Read, size: usize, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut end = bytes.len();
    bytes.resize(size.max(end), 0);
    while end < bytes.len() {
        match text.read(&mut bytes[end..]) {
            Ok(0) => break,
            Ok(n) => end += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let is_whole = end < bytes.len();
    bytes.truncate(end);
    Ok(is_whole)
}

impl Cutter {
    /// Where the last record ends that is whole, of bytes that begin with one on this line; 0 if there is none. Whoever reads
    /// so much and no more finds the same.
    fn end_of(&self, bytes: &[u8], line: u64) -> usize {
        let Dialect { delimiter, quote, escape } = self.dialect;
        let mut spans: Vec<Span> = Vec::new();
        // What stands behind a broken quote tells what is wrong with it.
        let mut broken: Vec<(usize, Scan)> = Vec::new();
        // A record begins at or before `at`, and no line ends between the two but at the end of a record.
        let (mut start, mut at) = (0, 0);
        let mut end = loop {
            let Some(open) = memchr(quote, &bytes[at..]).map(|length| at + length) else {
                break memrchr(b'\n', &bytes[start..]).map_or(start, |length| start + length + 1);
            };
            let begins = open == start || matches!(bytes[open - 1], b'\n' | b'\r') || bytes[open - 1] == delimiter;
            if begins
                && escape == Escape::Doubled
                && let Some(next) = behind_a_plain_field(bytes, open, self.dialect)
            {
                at = next;
                continue;
            }
            start = memrchr2(b'\n', b'\r', &bytes[start..open]).map_or(start, |length| start + length + 1);
            let record = &bytes[start..];
            let scanned = scan(record, self.dialect, false, &mut spans);
            let swallows = |end: usize| {
                // Titles have any number of fields.
                (line > self.header_line || line + count_line_ends(&bytes[..start]) > self.header_line)
                    && self.fields > 1
                    && spans.len() != self.fields
                    && swallows_a_row(&record[..end], self.dialect, self.fields)
            };
            let length = match scanned {
                Scan::More => break start,
                Scan::Whole { end, crossing, next, .. } if crossing.is_none() || !swallows(end) => next,
                Scan::Whole { .. } | Scan::Broken(..) => {
                    broken.push((start, scanned));
                    let stop = memchr2(b'\n', b'\r', record).unwrap_or(record.len());
                    let Some(length) = line_end(record, stop, false) else { break start };
                    stop + length
                }
            };
            (start, at) = (start + length, start + length);
        };
        let mut is_known = |start: usize, end: usize, scanned: &Scan| {
            start >= end || scan(&bytes[start..end], self.dialect, true, &mut spans) == *scanned
        };
        while let Some((start, _)) = broken.iter().find(|(start, scanned)| !is_known(*start, end, scanned)) {
            end = *start;
        }
        end
    }
}

/// Behind a quoted field on one line that has no quotes within and a delimiter or line end behind it.
fn behind_a_plain_field(bytes: &[u8], open: usize, dialect: Dialect) -> Option<usize> {
    let length = bytes[open + 1..].iter().position(|b| *b == dialect.quote || matches!(b, b'\n' | b'\r'))?;
    let close = open + 1 + length;
    let behind = *bytes.get(close + 1)?;
    let is_plain = bytes[close] == dialect.quote && (behind == dialect.delimiter || matches!(behind, b'\n' | b'\r'));
    is_plain.then_some(close + 1)
}

#[cfg(test)]
mod tests;
