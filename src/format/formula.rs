//! Text that a spreadsheet would run as a formula is made inert, so that a vendor's or client's name cannot
//! execute on the accountant's machine (CWE-1236), and in a way that can be undone.
//!
//! The rule: a text cell is dangerous if, after any number of leading `'`, it begins with a tab or a line
//! break, or its first character that is no white space is one of `= + - @` or their full-width forms. A
//! dangerous cell gets one more leading `'`. To read it back, take one `'` off a cell that begins with `'`
//! and is dangerous. Numbers, dates and yes/no are written as they are and never touched.

use std::borrow::Cow;

/// The text as it is written to a CSV cell.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    if is_dangerous(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text as it was before [`neutralise`].
pub fn restore(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_dangerous(text) => text,
        _ => cell,
    }
}

fn is_dangerous(text: &str) -> bool {
    // Nearly every text is told by its first letter.
    if text.bytes().next().is_none_or(|b| b.is_ascii_alphanumeric()) {
        return false;
    }
    let bare = text.trim_start_matches('\'');
    bare.starts_with(['\t', '\r', '\n'])
        || bare.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_get_one_quote_and_plain_text_none() {
        for text in
            ["=1+1", "+1", "-5", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x", "  =1", "\u{a0}=1"]
        {
            assert_eq!(neutralise(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "Acme = Co", "'", "''", "'quoted'", "O'Neil", " plain", "1-2"] {
            assert_eq!(neutralise(text), text, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_already_looks_neutralised_gets_one_more() {
        assert_eq!(neutralise("'=1"), "''=1");
        assert_eq!(restore("''=1"), "'=1");
        assert_eq!(restore("'=1"), "=1");
        assert_eq!(restore("'quoted'"), "'quoted'");
    }

    proptest! {
        #[test]
        fn what_is_neutralised_can_be_restored(text in "['=+@ \t\r\nx＝-]{0,6}|\\PC*") {
            let cell = neutralise(&text);
            prop_assert_eq!(restore(&cell), text.as_str());
            let first = cell.trim_start().chars().next();
            prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')));
        }
    }
}
