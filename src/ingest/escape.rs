//! How a file escapes quotes within quoted fields. A backslash before a quote is a path's end in one file and an
//! escape in another, so the whole file is read both ways: the way under which its rows fit is meant, and where
//! both fit, nothing is guessed.

use std::io;
use std::path::Path;

use super::layout::is_cut_off;
use super::record::shown;
use super::{Dialect, Escape, Event, Record, Rows, Survey};
use crate::finding::{Code, Finding, Place, Severity};

/// What the rows of a file show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Doubled,
    /// The line of the first row that needs it.
    Backslash(u64),
    /// Every row fits both ways: the first such, and its text.
    Both(u64, String),
}

/// Reads the file to its end, both ways, if it has a backslash before a quote anywhere.
pub(super) fn shown_escape(path: &Path, survey: &Survey, dialect: Dialect, header_line: u64) -> io::Result<Shown> {
    if !survey.escaped_quotes || survey.sheet.is_some() {
        return Ok(Shown::Doubled);
    }
    let of = |escape| Tally::of(path, survey, dialect.escaped(escape), header_line);
    let (doubled, backslash) = (of(Escape::Doubled)?, of(Escape::Backslash)?);
    let Some((line, raw)) = backslash.first else { return Ok(Shown::Doubled) };
    Ok(match (doubled.bad, backslash.bad) {
        (0, 0) if doubled.good > 0 => Shown::Both(line, raw),
        (0, _) => Shown::Doubled,
        // Rows broken for another reason do not speak against the only way that reads any.
        (_, bad) if bad == 0 || doubled.good == 0 => Shown::Backslash(line),
        _ => Shown::Doubled,
    })
}

impl Shown {
    /// The way to read the file and what to say of it, or why it is refused.
    pub fn settle(self, source: &str) -> Result<(Escape, Option<Finding>), Finding> {
        match self {
            Shown::Doubled => Ok((Escape::Doubled, None)),
            Shown::Backslash(line) => {
                let message = "quotes inside quoted cells are escaped with a backslash, and were read so: \\\" as a \
                               quote and \\\\ as a backslash";
                let finding = Finding::new(Code::I109, message).severity(Severity::Info);
                Ok((Escape::Backslash, Some(finding.at(Place::line(source, line)))))
            }
            Shown::Both(line, raw) => {
                let message = "a backslash before a quote may escape it or be the cell's own last character, and \
                               every row of the file fits both ways; export with doubled quotes";
                Err(Finding::new(Code::I109, message).at(Place::line(source, line)).value(raw))
            }
        }
    }
}

/// Of the rows with a backslash before a quote, how many fit the headings when read one way.
struct Tally {
    good: u64,
    bad: u64,
    first: Option<(u64, String)>,
}

impl Tally {
    fn of(path: &Path, survey: &Survey, dialect: Dialect, header_line: u64) -> io::Result<Self> {
        let mut tally = Self { good: 0, bad: 0, first: None };
        let mut records = Rows::open(path, survey, dialect)?;
        let mut record = Record::new();
        let mut width = 0;
        loop {
            let event = match records.next(&mut record) {
                Err(e) if is_cut_off(&e) => return Ok(tally),
                event => event?,
            };
            match event {
                Event::End => return Ok(tally),
                Event::Blank => {}
                Event::Fault(fault) => tally.bad += u64::from(fault.line >= header_line && is_concerned(&fault.raw)),
                Event::Record if record.line() < header_line => {}
                Event::Record => {
                    if record.line() == header_line {
                        width = record.len();
                        records.expect_fields(width);
                    }
                    if is_concerned(record.raw()) && record.has_quoted_field() {
                        tally.judge(&record, width);
                    }
                }
            }
        }
    }

    fn judge(&mut self, record: &Record, width: usize) {
        let more_are_empty = record.iter().skip(width).all(|cell| cell.trim().is_empty());
        if record.len() < width || !more_are_empty || record.has_stray_quote() {
            self.bad += 1;
            return;
        }
        self.good += 1;
        if self.first.is_none() {
            self.first = Some((record.line(), shown(record.raw())));
        }
    }
}

fn is_concerned(raw: &str) -> bool {
    raw.contains("\\\"")
}

#[cfg(test)]
mod tests {
    use super::super::survey;
    use super::*;

    fn shown_of(text: &str) -> Shown {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        fs_err::write(&path, text).expect("written");
        let survey = survey(&path, "a.csv").expect("a text");
        shown_escape(&path, &survey, Dialect::of(b','), 1).expect("read")
    }

    #[test]
    fn a_backslash_that_rows_need_escapes() {
        assert_eq!(shown_of("a,b\n1,2\n\"x \\\"y\\\" z\",2\n"), Shown::Backslash(3));
        assert_eq!(shown_of("a,b\n\"5\\\"\",2\n"), Shown::Backslash(2));
        assert_eq!(shown_of("a,b\n\"5\\\", z\",2\n"), Shown::Backslash(2));
        assert_eq!(shown_of("a,b\n\"{\\\"k\\\": \\\"v\\\"}\",\"C:\\\\\"\n"), Shown::Backslash(2));
    }

    #[test]
    fn a_path_that_ends_in_a_backslash_escapes_nothing() {
        assert_eq!(shown_of("a,b\n\"C:\\x\\\",2\n"), Shown::Doubled);
        assert_eq!(shown_of("a,b\n\"C:\\x\\\",\"D:\\y\\\"\n\"E:\\\",\"\"\n"), Shown::Doubled);
        assert_eq!(shown_of("a,b\n\"say \\\"\"hi\\\"\"\",2\n"), Shown::Doubled, "doubled, and a backslash of its own");
        assert_eq!(shown_of("a,b\n5\\\" pipe,2\n"), Shown::Doubled, "not in a quoted field");
    }

    #[test]
    fn rows_broken_for_another_reason_do_not_hide_it() {
        assert_eq!(shown_of("a,b\n\"x \\\"y\\\"\",2\n\"q\\\"r,2\n"), Shown::Backslash(2));
    }

    #[test]
    fn a_file_that_needs_both_ways_is_read_as_the_standard_has_it() {
        assert_eq!(shown_of("a,b\n\"C:\\x\\\",2\n\"x \\\"y\\\" z\",2\n3,4\n"), Shown::Doubled);
    }

    #[test]
    fn where_every_row_fits_both_ways_nothing_is_guessed() {
        // Two rows of a path, or one row of a cell with a line end.
        let text = "a,b\n\"x\\\"\",1\ny\\\",2\n";
        assert!(matches!(shown_of(text), Shown::Both(2, _)), "{:?}", shown_of(text));
    }
}
