//! Delimiter and heading row of a text or sheet of which nothing is known: the delimiter under which most lines
//! agree on their number of fields, and the first line that has that number.

use super::detect::{DELIMITERS, TITLES, head_rows, stated_delimiter};
use super::{Dialect, Event, Record, Rows, Survey};
use crate::format::{Registry, normalise};

/// How many records of the head are looked at.
const LOOKED_AT: usize = 2000;

/// How a text of unknown make is cut into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guess {
    pub delimiter: u8,
    /// The physical line of the heading row.
    pub header_line: u64,
}

/// A record of the head, as one delimiter cuts it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    line: u64,
    fields: usize,
    /// Up to and with its last field that has text.
    filled: usize,
    /// One of its cells begins with a digit: headings seldom do.
    figures: bool,
}

/// What a delimiter makes of the head.
struct Cut {
    delimiter: u8,
    seen: Vec<Seen>,
    /// A quote stands where this delimiter has no use for one.
    stray: bool,
    /// The number of fields that most records have, more than one.
    width: usize,
    score: usize,
}

/// By the headings of a known format where they stand, else by how the lines agree. `None` if the head holds
/// no whole record.
pub(super) fn guess(survey: &Survey, registry: &Registry) -> Option<Guess> {
    known(survey, registry).or_else(|| if survey.sheet.is_some() { of_sheet(survey) } else { by_agreement(survey) })
}

/// A character that each line of a text of one column has as often as the others, and so may stand between its
/// fields, though it is never guessed at.
pub(super) fn suspected_delimiter(survey: &Survey) -> Option<char> {
    const SUSPECTS: &[char] = &['^', '~', '\u{1}', '\u{1e}', '\u{1f}', '\u{a7}', '\u{a6}', ':', '!'];
    if survey.sheet.is_some() {
        return None;
    }
    let lines = survey.head.lines().filter(|l| !l.trim().is_empty());
    let stated = usize::from(stated_delimiter(&survey.head).is_some());
    let lines: Vec<&str> = lines.skip(stated).take(TITLES).collect();
    // What is stated may not be so.
    let usual = DELIMITERS.iter().map(|d| char::from(*d)).filter(|_| stated > 0);
    let mut suspects = usual.chain(SUSPECTS.iter().copied());
    let lines = if survey.head_is_whole { lines.as_slice() } else { &lines[..lines.len().saturating_sub(1)] };
    let per_line = |c: char| {
        let mut counts = lines.iter().map(|l| l.matches(c).count());
        counts.next().filter(|first| *first > 0 && counts.all(|n| n == *first)).unwrap_or(0)
    };
    // A time of day has a colon, too.
    suspects.find(|c| per_line(*c) > usize::from(*c == ':')).filter(|_| lines.len() > 1)
}

/// The row that has all required headings of a format, and the most of any.
fn known(survey: &Survey, registry: &Registry) -> Option<Guess> {
    let mut best: Option<(usize, Guess)> = None;
    head_rows(survey, &mut |delimiter, header_line, headings| {
        let normalised: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
        let fits = registry.fits(&normalised);
        let matched = fits.iter().filter(|f| f.is_whole() && !f.spec.fallback).map(|f| f.matched).max();
        if let Some(matched) = matched
            && best.is_none_or(|(most, _)| matched > most)
        {
            best = Some((matched, Guess { delimiter, header_line }));
        }
    });
    best.map(|(_, guess)| guess)
}

/// A sheet's rows end with their last filled cell, so they agree on no number. Its heading row is the first into
/// which nearly all rows below fit, no row of words right below it being wider; else the first as wide as most.
fn of_sheet(survey: &Survey) -> Option<Guess> {
    let cut = Cut::of(survey, DELIMITERS[0]);
    let fits = |at: usize, row: &Seen| {
        let below = &cut.seen[at + 1..];
        let narrow = below.iter().filter(|s| s.fields <= row.fields).count();
        let is_title = below.first().is_some_and(|next| next.fields > row.fields && !next.figures);
        !row.figures && !is_title && narrow * 10 >= below.len() * 9
    };
    let heading = cut.seen.iter().take(TITLES).enumerate().find(|(at, row)| fits(*at, row)).map(|(_, row)| row);
    let heading = heading.or_else(|| cut.seen.iter().find(|s| s.fields >= cut.width))?;
    Some(Guess { delimiter: cut.delimiter, header_line: heading.line })
}

fn by_agreement(survey: &Survey) -> Option<Guess> {
    // What states the delimiter is no line of the table.
    if let Some(delimiter) = stated_delimiter(&survey.head) {
        let cut = Cut::of(survey, delimiter);
        let below = Cut { seen: cut.seen.iter().skip(1).copied().collect(), ..cut }.measured();
        let first = below.seen.first()?.line;
        let header_line = if below.dominates() { below.header_line() } else { first };
        return Some(Guess { delimiter, header_line });
    }
    let cuts: Vec<Cut> = DELIMITERS.iter().map(|d| Cut::of(survey, *d)).collect();
    let mut best: Option<&Cut> = None;
    for cut in cuts.iter().filter(|c| c.dominates()) {
        // A quoted field that holds another delimiter has its quotes in the wrong place under that one.
        let rank = |c: &Cut| (!c.stray, c.score, c.width);
        if best.is_none_or(|b| rank(cut) > rank(b)) {
            best = Some(cut);
        }
    }
    if let Some(cut) = best {
        return Some(Guess { delimiter: cut.delimiter, header_line: cut.header_line() });
    }
    let first = cuts.first()?.seen.first()?;
    Some(Guess { delimiter: DELIMITERS[0], header_line: first.line })
}

impl Cut {
    fn of(survey: &Survey, delimiter: u8) -> Self {
        let mut cut = Self { delimiter, seen: Vec::new(), stray: false, width: 0, score: 0 };
        let mut records = Rows::of_head(survey, Dialect::of(delimiter));
        let mut record = Record::new();
        while cut.seen.len() < LOOKED_AT {
            match records.next(&mut record) {
                Ok(Event::Record) => {
                    let whole = survey.head_is_whole || records.ended_with_newline();
                    if whole {
                        cut.stray |= record.has_stray_quote();
                        cut.seen.push(Seen::of(&record));
                    }
                }
                Ok(Event::Fault(_)) => cut.stray |= survey.head_is_whole || records.ended_with_newline(),
                Ok(Event::Blank) => {}
                Ok(Event::End) | Err(_) => break,
            }
        }
        cut.measured()
    }

    /// With the number of fields that most of its records have.
    fn measured(self) -> Self {
        let mut cut = Self { width: 0, score: 0, ..self };
        let mut counts: Vec<(usize, usize)> = Vec::new();
        for seen in cut.seen.iter().filter(|s| s.fields > 1) {
            match counts.iter_mut().find(|(width, _)| *width == seen.fields) {
                Some((_, count)) => *count += 1,
                None => counts.push((seen.fields, 1)),
            }
        }
        for (width, count) in counts {
            if count > cut.score {
                (cut.width, cut.score) = (width, count);
            }
        }
        cut
    }

    /// Whether most lines from the first of the dominating width on have it, and it is no lone line below
    /// others: a comma in the last line of a list makes no table.
    fn dominates(&self) -> bool {
        let Some(first) = self.first() else { return false };
        self.score * 2 >= self.seen.len() - first && (self.score > 1 || first == 0)
    }

    fn first(&self) -> Option<usize> {
        self.seen.iter().position(|s| s.fields == self.width && self.width > 1)
    }

    /// The first line of the dominating width; where rows end in a delimiter that the headings lack, the line
    /// above it.
    fn header_line(&self) -> u64 {
        let first = self.first().unwrap_or(0);
        let filled = self.seen.iter().filter(|s| s.fields == self.width).map(|s| s.filled).max().unwrap_or(0);
        let above = first.checked_sub(1).map(|i| self.seen[i]);
        match above {
            Some(above)
                if filled < self.width
                    && self.seen[first].figures
                    && !above.figures
                    && above.fields >= filled
                    && above.fields < self.width =>
            {
                above.line
            }
            _ => self.seen[first].line,
        }
    }
}

impl Seen {
    fn of(record: &Record) -> Self {
        let filled = record.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()).map(|(i, _)| i + 1).last();
        Self {
            line: record.line(),
            fields: record.len(),
            filled: filled.unwrap_or(0),
            figures: record.iter().any(|cell| cell.trim_start().starts_with(|c: char| c.is_ascii_digit())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::survey;
    use super::*;

    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

    fn guessed(text: &str) -> Option<(char, u64)> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        fs_err::write(&path, text).expect("written");
        let survey = survey(&path, "a.csv").expect("a text");
        guess(&survey, &REGISTRY).map(|g| (char::from(g.delimiter), g.header_line))
    }

    #[test]
    fn the_headings_of_a_known_format_settle_it() {
        let few = "Customer;Acme\nFrom;May\nTo;June\nPages;1\n\
                   company_id;company;product;licenses;max_licenses;rate\n1;A;P;1;1;1\n";
        assert_eq!(guessed(few), Some((';', 5)));
    }

    #[test]
    fn the_delimiter_is_the_one_under_which_lines_agree() {
        assert_eq!(guessed("a,b\n1,2\n"), Some((',', 1)));
        assert_eq!(guessed("a;b\n1,5;2\n2,5;3\n"), Some((';', 1)), "decimal commas are no delimiters");
        assert_eq!(guessed("a\tb\nx, y\t1\n"), Some(('\t', 1)));
        assert_eq!(guessed("a|b|c\n1|2|3"), Some(('|', 1)));
        assert_eq!(guessed("name,note\nx,\"a;b;c\"\ny,\"d;e;f\"\n"), Some((',', 1)), "quotes tell whose cell it is");
    }

    #[test]
    fn a_line_that_states_the_delimiter_is_none_of_the_table() {
        assert_eq!(guessed("sep=;\na;b\n1;2\n"), Some((';', 2)));
        assert_eq!(guessed("sep=\t\na\tb\n1\t2\n"), Some(('\t', 2)));
        assert_eq!(guessed("sep=^\nReport\na^b^c\n1^2^3\n4^5^6\n"), Some(('^', 3)));
        assert_eq!(guessed("sep=;\na\n1\n"), Some((';', 2)));
    }

    #[test]
    fn one_column_is_a_table_too() {
        assert_eq!(guessed("name\nAnna\nBert\n"), Some((',', 1)));
        assert_eq!(guessed("\n\nname\nAnna\nSmith, John\n"), Some((',', 3)));
        assert_eq!(guessed("name"), Some((',', 1)));
        assert_eq!(guessed("\"a;b\"\n\"c;d\"\n"), Some((',', 1)));
    }

    #[test]
    fn a_delimiter_that_is_never_guessed_is_suspected() {
        let suspected = |text: &str| {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join("a.csv");
            fs_err::write(&path, text).expect("written");
            suspected_delimiter(&survey(&path, "a.csv").expect("a text"))
        };
        assert_eq!(suspected("a^b\n1^2\n"), Some('^'));
        assert_eq!(suspected("a\u{1}b\n\n1\u{1}2\n"), Some('\u{1}'));
        assert_eq!(suspected("a:b:c\n1:2:3\n"), Some(':'));
        assert_eq!(suspected("at 12:30\nat 12:31\n"), None);
        assert_eq!(suspected("a^b\n12\n"), None);
        assert_eq!(suspected("a^b\n"), None);
        assert_eq!(suspected("sep=;\na,b\n1,2\n"), Some(','));
        assert_eq!(suspected("name\nSmith, John\n"), None);
    }

    #[test]
    fn titles_and_notes_do_not_hide_the_heading_row() {
        assert_eq!(guessed("Report\nMay, 2026\n\na,b,c\n1,2,3\n4,5,6\nnote\n"), Some((',', 4)));
        assert_eq!(guessed("a,b,c\n1,2\n"), Some((',', 1)), "of two widths seen as often the first");
        assert_eq!(guessed("a,b\n1,2,\n3,4,\n"), Some((',', 1)), "rows that end in a delimiter");
        assert_eq!(guessed("Report,May\na,b,\n1,2,\n"), Some((',', 2)));
        assert_eq!(guessed("a,b,c\n1,2,\n3,4,\n"), Some((',', 1)), "a column that is never filled");
    }
}
