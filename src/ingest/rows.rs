//! Rows of anything that is laid out as a table: lines of delimited text, or a sheet's rows. What stands above
//! does not know which.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::text::open_watched;
use super::workbook::{Sheet, SheetRows};
use super::{Dialect, Event, Record, Records, Survey, open_text};

/// Rows, one at a time, with the line or row where each stands.
pub struct Rows<'a>(From<'a>);

enum From<'a> {
    Text(Box<Records<Box<dyn Read + Send + 'a>>>),
    Sheet(Arc<Sheet>, SheetRows),
}

impl<'a> Rows<'a> {
    /// All rows of a file, or of a part of one. For a sheet the dialect does not matter.
    pub fn open(path: &Path, survey: &Survey, dialect: Dialect) -> io::Result<Self> {
        Ok(Self(match &survey.sheet {
            Some(sheet) => From::Sheet(sheet.clone(), SheetRows::default()),
            None => From::Text(Box::new(Records::new(open_text(path, survey)?, dialect))),
        }))
    }

    /// All rows of a file that is read to its end: what was taken on trust of it is watched.
    pub(super) fn open_watched(path: &Path, survey: &Survey, dialect: Dialect) -> io::Result<Self> {
        if survey.trusted.is_none() {
            return Self::open(path, survey, dialect);
        }
        let records = Records::new(open_watched(path, survey)?, dialect).trusting();
        Ok(Self(From::Text(Box::new(records))))
    }

    /// The rows of a survey's head; all rows of a sheet.
    pub(super) fn of_head(survey: &'a Survey, dialect: Dialect) -> Self {
        match &survey.sheet {
            Some(sheet) => Self(From::Sheet(sheet.clone(), SheetRows::default())),
            None => Self::of_text(&survey.head, dialect),
        }
    }

    pub(super) fn of_text(text: &'a str, dialect: Dialect) -> Self {
        Self(From::Text(Box::new(Records::new(Box::new(text.as_bytes()), dialect))))
    }

    pub fn next(&mut self, record: &mut Record) -> io::Result<Event> {
        match &mut self.0 {
            From::Text(records) => records.next(record),
            From::Sheet(sheet, rows) => Ok(rows.next(sheet, record)),
        }
    }

    /// How many fields a row has, once its heading row is known.
    pub fn expect_fields(&mut self, n: usize) {
        match &mut self.0 {
            From::Text(records) => records.expect_fields(n),
            From::Sheet(_, rows) => rows.expect_fields(n),
        }
    }

    /// The line where the last event began, 1-based.
    pub fn line(&self) -> u64 {
        match &self.0 {
            From::Text(records) => records.line(),
            From::Sheet(_, rows) => rows.line(),
        }
    }

    pub fn ended_with_newline(&self) -> bool {
        match &self.0 {
            From::Text(records) => records.ended_with_newline(),
            From::Sheet(..) => true,
        }
    }
}
