//! Finds the fields of one record that has quotes in it. It works on a piece of the file and says
//! when it needs a longer one, so that the reader can go back to any line end after a broken quote.

use memchr::{memchr, memchr2};
use wide::u8x16;

use super::blocks::{any_block, bits};
use super::record::{Dialect, Escape, Span};

/// The longest quoted field, in bytes. A quote left open is given up after this much.
pub(super) const LONGEST_FIELD: usize = 16 << 20;

/// What a piece of text beginning at a record turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// The piece ends before the record does.
    More,
    Whole {
        /// Where the record's text ends, and where the next begins.
        end: usize,
        next: usize,
        /// Physical lines it takes.
        lines: u64,
        /// The first field that holds a line end, if one does.
        crossing: Option<Open>,
    },
    Broken(Open, Why),
}

/// Where a quote opens: the field's index, and the byte. It is always on the record's first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub field: usize,
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Text between the closing quote and the delimiter, all on one line.
    TextAfterQuote,
    /// Text after the closing quote, which stands on a later line.
    ClosedElsewhere,
    /// The file ends first.
    NeverClosed,
    TooLong,
    /// It closes, but swallowed lines that are rows by themselves.
    SwallowedRows,
}

impl Why {
    pub fn message(self) -> &'static str {
        match self {
            Why::TextAfterQuote => {
                "text stands after the closing quote of a field; a quote inside a field must be doubled"
            }
            Why::ClosedElsewhere => {
                "the quote opened here is not closed on this line, and what closes it further down is followed by text"
            }
            Why::NeverClosed => "the quote opened here is never closed",
            Why::TooLong => "the quote opened here is not closed within 16 MiB",
            Why::SwallowedRows => {
                "the quote opened here is not closed on this line, and what closes it stands behind whole rows"
            }
        }
    }
}

/// Finds the spans of the record that begins at `data[0]`. `eof`: nothing follows `data`.
pub(super) fn scan(data: &[u8], dialect: Dialect, eof: bool, spans: &mut Vec<Span>) -> Scan {
    spans.clear();
    let mut at = after_mark(data);
    let mut lines = 1;
    let mut crossing: Option<Open> = None;
    let mut line_stop = line_stop_from(data, at);
    loop {
        let lead = at + blanks(&data[at..], dialect);
        let (span, stop) = if data.get(lead) == Some(&dialect.quote) {
            let open = Open { field: spans.len(), at: lead };
            match quoted(data, lead, line_stop, dialect, eof) {
                Quoted::More => return Scan::More,
                Quoted::Closed { span, stop, line_ends } => {
                    if line_ends > 0 {
                        lines += line_ends;
                        line_stop = line_stop_from(data, stop);
                        crossing = crossing.or(Some(open));
                    }
                    (span, stop)
                }
                // A space before the quote makes it a quoted field only if it is a proper one.
                Quoted::Broken(_) if lead > at => match unquoted(data, at, line_stop, dialect, eof) {
                    None => return Scan::More,
                    Some(found) => found,
                },
                Quoted::Broken(why) => {
                    return match crossing {
                        Some(first) => Scan::Broken(first, Why::ClosedElsewhere),
                        None => Scan::Broken(open, why),
                    };
                }
            }
        } else {
            match unquoted(data, at, line_stop, dialect, eof) {
                None => return Scan::More,
                Some(found) => found,
            }
        };
        spans.push(span);
        if data.get(stop) == Some(&dialect.delimiter) {
            at = stop + 1;
            continue;
        }
        return match line_end(data, stop, eof) {
            None => Scan::More,
            Some(length) => Scan::Whole { end: stop, next: stop + length, lines, crossing },
        };
    }
}

/// Whether one of the physical lines of `record` but its first is by itself a record of `expected` fields.
pub(super) fn swallows_a_row(record: &[u8], dialect: Dialect, expected: usize) -> bool {
    let mut spans = Vec::new();
    let mut rest = record;
    while let Some(at) = memchr2(b'\n', b'\r', rest) {
        rest = &rest[at + line_end(rest, at, true).unwrap_or(1)..];
        let line = &rest[..memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())];
        if matches!(scan(line, dialect, true, &mut spans), Scan::Whole { .. }) && spans.len() == expected {
            return true;
        }
    }
    false
}

/// A byte order mark is no data wherever a line begins: some exporters write one per part.
pub(super) fn after_mark(data: &[u8]) -> usize {
    if data.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 }
}

/// The length of the line end at `at` (0 at the end of the file), or `None` if more bytes must tell.
pub(super) fn line_end(data: &[u8], at: usize, eof: bool) -> Option<usize> {
    match (data.get(at), data.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(2),
        (Some(b'\r') | None, None) if !eof => None,
        (None, _) => Some(0),
        _ => Some(1),
    }
}

fn blanks(data: &[u8], dialect: Dialect) -> usize {
    if dialect.delimiter == b' ' { 0 } else { data.iter().take_while(|b| **b == b' ').count() }
}

/// Where the physical line ends that goes on at `at`.
fn line_stop_from(data: &[u8], at: usize) -> usize {
    memchr2(b'\n', b'\r', &data[at..]).map_or(data.len(), |length| at + length)
}

/// The unquoted field at `at`, and where it stops.
fn unquoted(data: &[u8], at: usize, line_stop: usize, dialect: Dialect, eof: bool) -> Option<(Span, usize)> {
    // Fields are short: a plain loop finds the delimiter sooner than a vector search is set up.
    let stop = match data[at..line_stop].iter().position(|b| *b == dialect.delimiter) {
        Some(length) => at + length,
        None if line_stop < data.len() || eof => line_stop,
        None => return None,
    };
    Some((Span::new(at, stop), stop))
}

enum Quoted {
    More,
    Closed { span: Span, stop: usize, line_ends: u64 },
    Broken(Why),
}

fn quoted(data: &[u8], open: usize, line_stop: usize, dialect: Dialect, eof: bool) -> Quoted {
    let start = open + 1;
    let mut at = start;
    let mut doubled = false;
    let close = loop {
        match memchr(dialect.quote, &data[at..]) {
            _ if at - start > LONGEST_FIELD => return Quoted::Broken(Why::TooLong),
            None if data.len() - start > LONGEST_FIELD => return Quoted::Broken(Why::TooLong),
            None if eof => return Quoted::Broken(Why::NeverClosed),
            None => return Quoted::More,
            Some(length) => match data.get(at + length + 1) {
                None if !eof => return Quoted::More,
                _ if dialect.escape == Escape::Backslash && is_escaped(&data[start..at + length]) => {
                    at += length + 1;
                }
                Some(next) if *next == dialect.quote => {
                    doubled = true;
                    at += length + 2;
                }
                _ => break at + length,
            },
        }
    };
    if close - start > LONGEST_FIELD {
        return Quoted::Broken(Why::TooLong);
    }
    doubled |= dialect.escape == Escape::Backslash && memchr(b'\\', &data[start..close]).is_some();
    let stop = close + 1 + blanks(&data[close + 1..], dialect);
    let proper = match data.get(stop) {
        None if !eof => return Quoted::More,
        None | Some(b'\n' | b'\r') => true,
        Some(next) => *next == dialect.delimiter,
    };
    let line_ends = if close < line_stop { 0 } else { count_line_ends(&data[start..close]) };
    match (proper, line_ends) {
        (true, _) => {
            let span = Span::new(start, close);
            Quoted::Closed { span: if doubled { span.with_quotes() } else { span }, stop, line_ends }
        }
        (false, 0) => Quoted::Broken(Why::TextAfterQuote),
        (false, _) => Quoted::Broken(Why::ClosedElsewhere),
    }
}

/// Whether a backslash escapes what follows `text`: one that is not escaped itself.
fn is_escaped(text: &[u8]) -> bool {
    text.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1
}

/// LF, CRLF and lone CR each end one line.
pub(super) fn count_line_ends(data: &[u8]) -> u64 {
    let (mut count, mut after_return) = (0, 0);
    any_block(data, |_, block| {
        let [feeds, returns] = [b'\n', b'\r'].map(|byte| bits(block, |lanes| lanes.simd_eq(u8x16::splat(byte))));
        // A line feed behind a return ends the same line.
        let behind = returns << 1 | after_return;
        after_return = returns >> 63;
        count += u64::from((returns | (feeds & !behind)).count_ones());
        false
    });
    count
}
