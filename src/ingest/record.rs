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

/// Where a field's text stands: in the record's raw text, or, where doubled or escaped quotes had
/// to be undone, in its `undoubled` text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub doubled: bool,
}

impl Span {
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end, doubled: false }
    }
}

/// One record, reusable.
#[derive(Debug, Default, Clone)]
pub struct Record {
    pub(super) raw: String,
    pub(super) undoubled: String,
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
        self.spans.get(i).map(|span| self.text(*span))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.spans.iter().map(|span| self.text(*span))
    }

    /// The `i`th field's bytes, none where there is no such field.
    #[inline]
    pub(super) fn bytes(&self, i: usize) -> &[u8] {
        let Some(span) = self.spans.get(i) else { return &[] };
        let from = if span.doubled { &self.undoubled } else { &self.raw };
        from.as_bytes().get(span.start..span.end).unwrap_or_default()
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
        &self.raw
    }

    /// Whether every field is empty or white space.
    pub fn is_blank(&self) -> bool {
        let has_ink = |at| self.bytes(at).first().is_some_and(u8::is_ascii_graphic);
        !has_ink(0) && self.iter().all(|field| field.trim().is_empty())
    }

    /// Whether a field that is not quoted has a quote in it.
    pub(super) fn has_stray_quote(&self) -> bool {
        self.spans.iter().any(|span| !self.is_quoted(*span) && self.text(*span).contains('"'))
    }

    pub(super) fn has_quoted_field(&self) -> bool {
        self.spans.iter().any(|span| self.is_quoted(*span))
    }

    fn is_quoted(&self, span: Span) -> bool {
        span.doubled || self.raw[..span.start].ends_with('"')
    }

    fn text(&self, span: Span) -> &str {
        let from = if span.doubled { &self.undoubled } else { &self.raw };
        from.get(span.start..span.end).unwrap_or_default()
    }

    /// For the record that begins on that line. Its spans are those of the one before until they are found.
    pub(super) fn begin(&mut self, line: u64) {
        self.raw.clear();
        self.undoubled.clear();
        self.kinds.clear();
        self.line = line;
        self.last_line = line;
    }

    pub(super) fn clear(&mut self, line: u64) {
        self.begin(line);
        self.spans.clear();
    }

    /// Undoes doubled quotes and the `="0012"` that spreadsheets need to keep a text a text. The
    /// spans must have been found in `raw`.
    pub(super) fn unquote(&mut self, dialect: Dialect) {
        let quote = char::from(dialect.quote);
        for span in &mut self.spans {
            if span.doubled {
                let start = self.undoubled.len();
                let mut rest = &self.raw[span.start..span.end];
                while let Some(at) = match dialect.escape {
                    Escape::Doubled => rest.find(quote),
                    Escape::Backslash => rest.find([quote, '\\']),
                } {
                    let pair = &rest.as_bytes()[at..];
                    if pair[0] == b'\\' && !matches!(pair.get(1), Some(b) if *b == b'\\' || *b == dialect.quote) {
                        self.undoubled.push_str(&rest[..=at]);
                        rest = &rest[at + 1..];
                        continue;
                    }
                    // Of a pair, the second is the text.
                    self.undoubled.push_str(&rest[..at]);
                    self.undoubled.push_str(rest.get(at + 1..at + 2).unwrap_or_default());
                    rest = rest.get(at + 2..).unwrap_or_default();
                }
                self.undoubled.push_str(rest);
                (span.start, span.end) = (start, self.undoubled.len());
            }
            let from = if span.doubled { &self.undoubled } else { &self.raw };
            if !matches!(from.as_bytes().get(span.start), Some(b'=' | b' ')) {
                continue;
            }
            let text = from[span.start..span.end].trim_matches(' ');
            if let Some(inner) = text.strip_prefix('=').and_then(|t| t.strip_prefix(quote))
                && let Some(inner) = inner.strip_suffix(quote)
                && !inner.contains(quote)
            {
                let lead = from[span.start..span.end].len() - from[span.start..span.end].trim_start_matches(' ').len();
                span.start += lead + 2;
                span.end = span.start + inner.len();
            }
        }
    }
}
