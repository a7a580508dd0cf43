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
        let (first, last) = (usize::from(text[cell.start()]), usize::from(text[cell.end() - 1]));
        let may_be_null = || self.initials[first] && self.lengths & length_bit(cell.len()) != 0;
        BEGINS_INK[first] && ENDS_INK[last] && !may_be_null()
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

/// Bytes that begin no white space, and no `'` that neutralises a cell.
const BEGINS_INK: [bool; 256] = {
    let mut table = ink();
    let mut byte = 0x80;
    while byte < 256 {
        // A next line, a no-break space, an Ogham space, those of various widths and an ideographic one.
        table[byte] = !matches!(byte, 0xC2 | 0xE1 | 0xE2 | 0xE3);
        byte += 1;
    }
    table
};

/// Bytes that end none.
const ENDS_INK: [bool; 256] = {
    let mut table = ink();
    let mut byte = 0x80;
    while byte < 256 {
        table[byte] = !matches!(byte, 0x80..=0x8A | 0x9F | 0xA0 | 0xA8 | 0xA9 | 0xAF);
        byte += 1;
    }
    table
};

const fn ink() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = byte != b'\'';
        byte += 1;
    }
    table
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every white space that begins or ends a cell is seen.
    #[test]
    fn no_white_space_passes_for_ink() {
        let nulls = Nulls::new(Vec::new(), false);
        let all = '\0'..=char::MAX;
        for space in all.filter(|c| c.is_whitespace()) {
            for cell in [format!("{space}x"), format!("x{space}"), format!("é{space}")] {
                assert!(!nulls.is_value(cell.as_bytes(), Span::new(0, cell.len())), "{cell:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_plain_cell_is_its_own_value(
            cell in prop_oneof!["[ A-Ba-b'=\u{a0}-]{0,6}", "[ A\u{a0}\u{3000}\u{2009}Ｊé日—]{0,4}"],
            neutralised in any::<bool>(),
        ) {
            let nulls = Nulls::new(vec!["a b".into(), "-".into(), "—".into(), "日".into()], neutralised);
            let whole = Span::new(0, cell.len());
            if nulls.is_value(cell.as_bytes(), whole) {
                prop_assert_eq!(nulls.bounds_within(&cell), (0, length_of(whole)));
            }
        }
    }
}
