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
    /// Another delimiter under which every line has as many fields as the others, too.
    pub rival: Option<u8>,
}

impl Guess {
    const fn new(delimiter: u8, header_line: u64) -> Self {
        Self { delimiter, header_line, rival: None }
    }
}

/// A record of the head, as one delimiter cuts it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    line: u64,
    fields: usize,
    /// Up to and with its last field that has text.
    filled: usize,
    /// How many of its fields have text.
    texts: usize,
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
            best = Some((matched, Guess::new(delimiter, header_line)));
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
        // The last row heads nothing; a lone one is all there is.
        let heads = !below.is_empty() || at == 0;
        heads && !row.figures && !is_title && narrow * 10 >= below.len() * 9
    };
    let heading = cut.seen.iter().take(TITLES).enumerate().find(|(at, row)| fits(*at, row)).map(|(_, row)| row);
    let heading = heading.or_else(|| cut.seen.iter().find(|s| s.fields >= cut.width))?;
    Some(Guess::new(cut.delimiter, heading.line))
}

fn by_agreement(survey: &Survey) -> Option<Guess> {
    // What states the delimiter is no line of the table.
    if let Some(delimiter) = stated_delimiter(&survey.head) {
        let cut = Cut::of(survey, delimiter);
        let below = Cut { seen: cut.seen.iter().skip(1).copied().collect(), ..cut }.measured();
        let first = below.seen.first()?.line;
        let header_line = if below.dominates() { below.header_line() } else { first };
        return Some(Guess::new(delimiter, header_line));
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
        let rival = cuts.iter().find(|c| c.delimiter != cut.delimiter && c.is_even() && cut.is_even());
        let rival = rival.map(|c| c.delimiter);
        return Some(Guess { rival, ..Guess::new(cut.delimiter, cut.header_line()) });
    }
    let first = cuts.first()?.seen.first()?;
    Some(Guess::new(DELIMITERS[0], first.line))
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

    /// Whether all lines have the same number of fields.
    fn is_even(&self) -> bool {
        !self.stray && self.score > 1 && self.score == self.seen.len()
    }

    /// The first line of the dominating width that is no title; where the rows begin right below a line of names that
    /// is of another width, that line: the rows are refused then, and not named by one of them.
    fn header_line(&self) -> u64 {
        let first = self.first().unwrap_or(0);
        let above = first.checked_sub(1).map(|i| self.seen[i]);
        match above {
            Some(above)
                if self.seen[first].figures && !above.figures && above.fields > 1 && above.texts == above.filled =>
            {
                above.line
            }
            _ => self.seen[self.below_titles(first)].line,
        }
    }

    /// Spreadsheets write titles as wide as the table: lines with nearly nothing in them, or set apart by one that is
    /// blank, above one with more in it.
    fn below_titles(&self, first: usize) -> usize {
        let rows = &self.seen[..self.seen.len().min(first + TITLES)];
        let is_heading = |at: usize| {
            let row = rows[at];
            let less = rows[first..at].iter().all(|above| above.texts < row.texts);
            !row.figures && row.texts * 2 > self.width && row.fields == self.width && less
        };
        let mut heading = first;
        while let Some(below) = (heading + 1..rows.len()).find(|i| rows[*i].texts > rows[heading].texts) {
            let apart = rows[heading + 1..below].iter().any(|row| row.texts == 0);
            if !(is_heading(below) && (apart || rows[heading].texts < 2)) {
                break;
            }
            heading = below;
        }
        heading
    }
}

impl Seen {
    fn of(record: &Record) -> Self {
        let with_text = || record.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
        let filled = with_text().map(|(i, _)| i + 1).last();
        Self {
            // A blank between quotes is meant to be there.
            texts: if record.raw().contains('"') { record.len() } else { with_text().count() },
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
    fn titles_and_notes_do_not_hide_the_heading_row() {
        assert_eq!(guessed("Report\nMay, 2026\n\na,b,c\n1,2,3\n4,5,6\nnote\n"), Some((',', 4)));
        assert_eq!(guessed("a,b,c\n1,2\n"), Some((',', 1)), "of two widths seen as often the first");
        assert_eq!(guessed("a,b\n1,2,\n3,4,\n"), Some((',', 1)), "rows that end in a delimiter");
        assert_eq!(guessed("Report,May\na,b,\n1,2,\n"), Some((',', 2)));
        assert_eq!(guessed("a,b,c\n1,2,\n3,4,\n"), Some((',', 1)), "a column that is never filled");
    }

    #[test]
    fn titles_as_wide_as_the_table_are_titles() {
        assert_eq!(guessed("Report,,\n,,\na,b,c\n1,2,3\n4,5,6\n"), Some((',', 3)));
        assert_eq!(guessed("Report,,\na,b,c\n1,2,3\n4,5,6\n"), Some((',', 2)));
        assert_eq!(guessed("Report,,\nFor,Acme,\n,,\na,b,c\n1,2,3\n4,5,6\n"), Some((',', 4)));
        assert_eq!(guessed("For,Acme,\nTo,May,\n,,\na,b,c\n1,2,3\n4,5,6\n"), Some((',', 4)));
        assert_eq!(guessed("a,,\n1,2,3\n4,5,6\n"), Some((',', 1)), "a row of values is no heading");
        assert_eq!(guessed("a,b,\nx,y,z\nu,v,w\n"), Some((',', 1)), "a column without a heading");
        assert_eq!(guessed("a,b,\n,,\n1,2,3\n"), Some((',', 1)));
        assert_eq!(guessed("a,\"\"\nx,y\nu,v\n"), Some((',', 1)), "a heading that is meant to be blank");
    }

    #[test]
    fn rows_of_another_width_than_their_headings_name_no_columns() {
        assert_eq!(guessed("a,b,c,d\n1,2\n3,4\n5,6\n7,8,9,10\n"), Some((',', 1)));
        assert_eq!(guessed("name,price\nx,1,50\ny,2,50\n"), Some((',', 1)));
        assert_eq!(guessed("For,Acme\na,b,c\n1,2,3\n4,5,6\n"), Some((',', 2)), "names below are nearer");
    }

    #[test]
    fn a_second_delimiter_that_fits_as_well_is_a_rival() {
        let rival = |text: &str| {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join("a.csv");
            fs_err::write(&path, text).expect("written");
            let guess = guess(&survey(&path, "a.csv").expect("a text"), &REGISTRY).expect("a table");
            (char::from(guess.delimiter), guess.rival.map(char::from))
        };
        assert_eq!(rival("a,b;c\n1,2;3\n4,5;6\n"), (',', Some(';')));
        assert_eq!(rival("name,list\nx,1;2\ny,3;4\n"), (',', None));
        assert_eq!(rival("a;b\n1,5;2,5\n"), (';', None));
    }
}
