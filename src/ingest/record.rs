//! One record of delimited text, and what is said of a line that is none. A record is a buffer to be
//! filled again and again, so that reading a file allocates nothing per row.

use crate::finding::{self, Code};

/// How fields are set apart. Both bytes must be ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    pub escape: Escape,
}

/// How a quote stands inside a quoted field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escape {
    /// `""`, as RFC 4180 has it.
    #[default]
    Doubled,
    /// `\"`, and then `\\` is a backslash; `""` is a quote here, too.
    Backslash,
}

impl Dialect {
    /// Quotes as nearly all files have them.
    pub const fn of(delimiter: u8) -> Self {
        Self { delimiter, quote: b'"', escape: Escape::Doubled }
    }

    #[must_use]
    pub const fn escaped(self, escape: Escape) -> Self {
        Self { escape, ..self }
    }
}

/// A line that could not be read as a record; `code` says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFault {
    pub code: Code,
    /// Physical line, 1-based; in JSON lines the record's number.
    pub line: u64,
    /// 1-based field number; in JSON the character's column.
    pub column: u64,
    /// The offending text, cut after so many characters as a finding shows.
    pub value: String,
    /// A whole sentence without place or value.
    pub message: String,
    /// The physical line as it stood, without its line end.
    pub raw: String,
    /// Whether what stands behind it can be read nevertheless.
    pub goes_on: bool,
}

/// What a fault carries of an offending text.
pub(super) fn shown(text: &str) -> String {
    finding::shown(text.to_owned())
}

/// What a cell's source says it is. Delimited text knows text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CellKind {
    #[default]
    Text,
    /// A number in plain digits with a decimal point.
    Number,
    /// An ISO date or time.
    Date,
    /// `true` or `false`.
    Truth,
    /// What a spreadsheet shows where a formula fails, like `#N/A`.
    Error,
}

/// Where a field stands in its record's text: in what the file has, or, where doubled or escaped quotes had to be
/// undone, behind that. Two small numbers, for there is one of each field of each row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Set in the end of a span whose quotes are still to be undone. No record is near 2 GiB.
    const QUOTES: u32 = 1 << 31;

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the longest record is much shorter than 2 GiB")]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// Of a field that has doubled or escaped quotes in it.
    pub const fn with_quotes(self) -> Self {
        Self { end: self.end | Self::QUOTES, ..self }
    }

    #[inline]
    pub const fn start(self) -> usize {
        self.start as usize
    }

    #[inline]
    pub const fn end(self) -> usize {
        (self.end & !Self::QUOTES) as usize
    }

    #[inline]
    pub const fn len(self) -> usize {
        self.end() - self.start()
    }

    /// The span in a text from which so much was taken off ahead of it, as one number.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the longest record is much shorter than 2 GiB")]
    pub const fn moved(self, ahead: usize) -> u64 {
        (self.start.wrapping_sub(ahead as u32) as u64) << 32 | self.end.wrapping_sub(ahead as u32) as u64
    }

    const fn has_quotes(self) -> bool {
        self.end & Self::QUOTES != 0
    }
}

/// One record, reusable.
#[derive(Debug, Default, Clone)]
pub struct Record {
    /// The text as it stood, and behind it the fields whose quotes had to be undone.
    pub(super) text: String,
    /// How long the text as it stood is.
    pub(super) raw: usize,
    pub(super) spans: Vec<Span>,
    /// Per field; empty where all are text.
    pub(super) kinds: Vec<CellKind>,
    pub(super) line: u64,
    pub(super) last_line: u64,
}

impl Record {
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The `i`th field (from 0), unquoted, not trimmed.
    pub fn get(&self, i: usize) -> Option<&str> {
        self.spans.get(i).map(|span| self.field(*span))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.spans.iter().map(|span| self.field(*span))
    }

    /// The `i`th field's bytes, none where there is no such field.
    #[inline]
    pub(super) fn bytes(&self, i: usize) -> &[u8] {
        let Some(span) = self.spans.get(i) else { return &[] };
        self.text.as_bytes().get(span.start()..span.end()).unwrap_or_default()
    }

    /// What the `i`th field is.
    pub fn kind(&self, i: usize) -> CellKind {
        self.kinds.get(i).copied().unwrap_or_default()
    }

    /// The physical line where the record begins, 1-based.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The physical line where it ends.
    pub fn last_line(&self) -> u64 {
        self.last_line
    }

    /// The text as it stood, without the line end.
    pub fn raw(&self) -> &str {
        &self.text[..self.raw]
    }

    /// Whether every field is empty or white space.
    pub fn is_blank(&self) -> bool {
        let has_ink = |at| self.bytes(at).first().is_some_and(u8::is_ascii_graphic);
        !has_ink(0) && self.iter().all(|field| field.trim().is_empty())
    }

    /// Whether a field that is not quoted has a quote in it.
    pub(super) fn has_stray_quote(&self) -> bool {
        self.spans.iter().any(|span| !self.is_quoted(*span) && self.field(*span).contains('"'))
    }

    pub(super) fn has_quoted_field(&self) -> bool {
        self.spans.iter().any(|span| self.is_quoted(*span))
    }

    fn is_quoted(&self, span: Span) -> bool {
        span.end() > self.raw || self.text[..span.start()].ends_with('"')
    }

    fn field(&self, span: Span) -> &str {
        self.text.get(span.start()..span.end()).unwrap_or_default()
    }

    /// Takes the text of the record that has begun.
    #[inline]
    pub(super) fn take(&mut self, raw: &str) {
        self.text.push_str(raw);
        self.raw = raw.len();
    }

    /// For the record that begins on that line. Its spans are those of the one before until they are found.
    pub(super) fn begin(&mut self, line: u64) {
        self.text.clear();
        self.raw = 0;
        self.kinds.clear();
        self.line = line;
        self.last_line = line;
    }

    pub(super) fn clear(&mut self, line: u64) {
        self.begin(line);
        self.spans.clear();
    }

    pub(super) fn undo_quotes(&mut self, dialect: Dialect) {
        for span in self.spans.iter_mut().filter(|span| span.has_quotes()) {
            let start = self.text.len();
            undo(&mut self.text, *span, dialect);
            *span = Span::new(start, self.text.len());
        }
    }

    /// Undoes doubled quotes and the `="0012"` that spreadsheets need to keep a text a text. The
    /// spans must have been found in the text as it stood.
    pub(super) fn unquote(&mut self, dialect: Dialect) {
        self.undo_quotes(dialect);
        let quote = char::from(dialect.quote);
        for span in &mut self.spans {
            if !matches!(self.text.as_bytes().get(span.start()), Some(b'=' | b' ')) {
                continue;
            }
            let whole = &self.text[span.start()..span.end()];
            if let Some(inner) = whole.trim_matches(' ').strip_prefix('=').and_then(|t| t.strip_prefix(quote))
                && let Some(inner) = inner.strip_suffix(quote)
                && !inner.contains(quote)
            {
                let lead = whole.len() - whole.trim_start_matches(' ').len();
                let start = span.start() + lead + 2;
                *span = Span::new(start, start + inner.len());
            }
        }
    }
}

/// Puts a field behind the text with its quotes undone.
fn undo(text: &mut String, span: Span, dialect: Dialect) {
    let quote = char::from(dialect.quote);
    let (mut at, end) = (span.start(), span.end());
    loop {
        let rest = &text[at..end];
        let found = match dialect.escape {
            Escape::Doubled => rest.find(quote),
            Escape::Backslash => rest.find([quote, '\\']),
        };
        let Some(found) = found.map(|found| at + found) else {
            text.extend_from_within(at..end);
            return;
        };
        let pair = &text.as_bytes()[found..end];
        if pair[0] == b'\\' && !matches!(pair.get(1), Some(b) if *b == b'\\' || *b == dialect.quote) {
            text.extend_from_within(at..=found);
            at = found + 1;
            continue;
        }
        // Of a pair, the second is the text.
        text.extend_from_within(at..found);
        at = (found + 2).min(end);
        text.extend_from_within(found + 1..at);
    }
}
