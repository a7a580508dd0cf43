//! What stands in a cell beside its value: white space, and words that mean "nothing".

use crate::format::restore;
use crate::ingest::record::Span;

#[derive(Debug)]
pub(in crate::ingest) struct Nulls {
    words: Vec<String>,
    /// The bytes that the words begin with, and how long they are, a bit for each length; those that are longer share
    /// the last.
    initials: [bool; 256],
    lengths: u64,
    neutralised: bool,
}

impl Nulls {
    pub fn new(words: Vec<String>, neutralised: bool) -> Self {
        let mut initials = [false; 256];
        for initial in words.iter().filter_map(|word| word.bytes().next()) {
            initials[usize::from(initial.to_ascii_lowercase())] = true;
            initials[usize::from(initial.to_ascii_uppercase())] = true;
        }
        let lengths = words.iter().fold(0, |lengths, word| lengths | length_bit(word.len()));
        Self { words, initials, lengths, neutralised }
    }

    /// Whether the cell is its value, as nearly every one is. `false` says nothing.
    #[inline]
    pub fn is_value(&self, text: &[u8], cell: Span) -> bool {
        if cell.len() == 0 {
            return true;
        }
        let (first, last) = (text[cell.start()], text[cell.end() - 1]);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\'';
        let may_be_null = || self.initials[usize::from(first)] && self.lengths & length_bit(cell.len()) != 0;
        is_plain(first) && is_plain(last) && !may_be_null()
    }

    /// Where the value stands in a cell, and how long it is.
    pub fn bounds_within(&self, cell: &str) -> (u32, u32) {
        let (mut start, mut end) = trimmed(cell, 0, cell.len());
        if self.neutralised {
            start = end - restore(&cell[start..end]).len();
            (start, end) = trimmed(cell, start, end);
        }
        let value = &cell[start..end];
        let is_null = self.words.iter().any(|w| w.eq_ignore_ascii_case(value));
        end = if is_null { start } else { end };
        let value = Span::new(start, end);
        (length_of(Span::new(0, start)), length_of(value))
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

#[allow(clippy::cast_possible_truncation, reason = "the longest row is much shorter than 4 GiB")]
pub(super) fn length_of(span: Span) -> u32 {
    span.len() as u32
}

fn trimmed(cell: &str, start: usize, end: usize) -> (usize, usize) {
    let text = &cell[start..end];
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if is_plain(text.as_bytes().first()) && is_plain(text.as_bytes().last()) {
        return (start, end);
    }
    let start = end - text.trim_start().len();
    (start, start + text.trim().len())
}
