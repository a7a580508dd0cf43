//! Days that a spreadsheet wrote as the numbers it keeps them as (`45931`). One such cell may be anything; a date
//! column that holds nothing else over the whole file is days counted from 1900.

use chrono::{Days, NaiveDate};

use super::bind::Cells;
use super::{Detection, Event, Record, Rows, Shape};
use crate::finding::{Code, Finding, Place, Severity};

/// The days of 1990 to 2100: what is outside is no date of an export.
const PLAUSIBLE: std::ops::RangeInclusive<u64> = 32_874..=73_415;

/// The day a serial number names in the 1900 system, as far as it is plausible.
pub(super) fn day_of(text: &str) -> Option<NaiveDate> {
    if text.len() != 5 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let serial: u64 = text.parse().ok().filter(|n| PLAUSIBLE.contains(n))?;
    // Spreadsheets hold 1900 for a leap year, so that from March on they count from a day earlier.
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(serial))
}

/// What the cells of one date column show.
#[derive(Debug, Clone, Default)]
pub(super) struct SerialEvidence {
    first: Option<String>,
    others: bool,
}

impl SerialEvidence {
    /// Cells without a digit are words for "nothing", or faults of their own.
    pub fn observe(&mut self, text: &str) {
        if self.others || !text.bytes().any(|b| b.is_ascii_digit()) {
            return;
        }
        match day_of(text) {
            None => self.others = true,
            Some(_) if self.first.is_none() => self.first = Some(text.to_owned()),
            Some(_) => {}
        }
    }

    /// Whether other cells have been seen, so that no further one can change the verdict.
    pub fn is_settled(&self) -> bool {
        self.others
    }

    /// The first serial number, where there is nothing else.
    pub fn verdict(&self) -> Option<&str> {
        self.first.as_deref().filter(|_| !self.others)
    }
}

/// The date fields whose cells in the file's head are all serials: those whose whole column has to be looked at
/// although the format states how dates are written.
pub(super) fn suspects(detection: &Detection, dates: &[usize]) -> Vec<usize> {
    if detection.survey.shape != Shape::Delimited {
        return Vec::new();
    }
    let mut evidence = vec![SerialEvidence::default(); dates.len()];
    let mut rows = Rows::of_head(&detection.survey, detection.dialect());
    let mut record = Record::new();
    loop {
        match rows.next(&mut record) {
            Ok(Event::Record) if record.line() > detection.header_line && record.len() >= detection.headings.len() => {
                for (evidence, field) in evidence.iter_mut().zip(dates) {
                    evidence.observe(record.cell(*field).trim());
                }
                if evidence.iter().all(|e| e.others) {
                    return Vec::new();
                }
            }
            Ok(Event::Record | Event::Blank | Event::Fault(_)) => {}
            Ok(Event::End) | Err(_) => break,
        }
    }
    dates.iter().zip(&evidence).filter(|(_, e)| e.verdict().is_some()).map(|(field, _)| *field).collect()
}

/// That a column's numbers were taken for days.
pub(super) fn finding(detection: &Detection, field: usize, example: &str) -> Finding {
    let day = day_of(example).map(|d| d.to_string()).unwrap_or_default();
    let message = format!(
        "the column holds the numbers that spreadsheets keep dates as, and nothing else; they were read as days of the \
         1900 system, so {example} is {day}"
    );
    let place = match detection.header_line {
        0 => Place::file(&detection.source),
        line => Place::cell(&detection.source, line, field as u64 + 1),
    };
    let heading = detection.headings.get(field).cloned().unwrap_or_default();
    Finding::new(Code::I106, message).severity(Severity::Warning).at(place).value(heading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_a_day_of_the_1900_system() {
        for (text, day) in [
            ("45931", Some("2025-10-01")),
            ("32874", Some("1990-01-01")),
            ("73415", Some("2100-12-31")),
            ("32873", None),
            ("73416", None),
            ("45931.5", None),
            ("045931", None),
            ("4593", None),
            ("", None),
        ] {
            assert_eq!(day_of(text).map(|d| d.to_string()).as_deref(), day, "{text}");
        }
    }

    #[test]
    fn one_other_date_makes_it_no_column_of_serials() {
        let verdict = |cells: &[&str]| {
            let mut evidence = SerialEvidence::default();
            for cell in cells {
                evidence.observe(cell);
            }
            evidence.verdict().map(str::to_owned)
        };
        assert_eq!(verdict(&["45931", "", "45932"]).as_deref(), Some("45931"));
        assert_eq!(verdict(&["45931", "n/a"]).as_deref(), Some("45931"));
        assert_eq!(verdict(&["45931", "2025-10-02"]), None);
        assert_eq!(verdict(&["45931", "12"]), None);
        assert_eq!(verdict(&[]), None);
    }
}
