//! Rows of anything that is laid out as a table: lines of delimited text, or a sheet's rows. What stands above
//! does not know which.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::pieces::{Piece, Shared};
use super::workbook::{Sheet, SheetRows};
use super::{Dialect, Event, Record, Records, Survey, open_text};

/// Rows, one at a time, with the line or row where each stands.
pub struct Rows<'a>(From<'a>);

enum From<'a> {
    Text(Box<Records<Box<dyn Read + Send + 'a>>>),
    Sheet(Arc<Sheet>, SheetRows),
    /// A text's pieces, as many as are handed out here.
    Pieces(Box<Records<Box<dyn Read + Send + 'a>>>, &'a Shared<'a>, Piece),
}

/// What stands behind the rows that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// Rows, from the very next line on.
    Rows,
    /// The rows of a piece of this number, before which others read.
    Elsewhere(u64),
}

impl<'a> Rows<'a> {
    /// All rows of a file, or of a part of one. For a sheet the dialect does not matter.
    pub fn open(path: &Path, survey: &Survey, dialect: Dialect) -> io::Result<Self> {
        Ok(Self(match &survey.sheet {
            Some(sheet) => From::Sheet(sheet.clone(), SheetRows::default()),
            None => From::Text(Box::new(Records::new(open_text(path, survey)?, dialect))),
        }))
    }

    /// As many of the rows of a file as are not read by others.
    pub(super) fn of_pieces(shared: &'a Shared<'a>) -> Self {
        let nothing: Box<dyn Read + Send> = Box::new(io::empty());
        let records = Records::new(nothing, shared.dialect()).trusting();
        Self(From::Pieces(Box::new(records), shared, Piece::before_all()))
    }

    /// Goes on behind the end of what was there to be read.
    pub(super) fn go_on(&mut self) -> io::Result<Behind> {
        let From::Pieces(records, shared, piece) = &mut self.0 else { return Ok(Behind::Nothing) };
        let expected = piece.number.wrapping_add(1);
        if !shared.take(piece)? {
            return Ok(Behind::Nothing);
        }
        if piece.number > 0 {
            // The headings stand in the first.
            records.expect_fields(shared.fields());
        }
        let rest = piece.rest.take();
        let rest = rest.map(|rest| -> Box<dyn Read + Send> {
            Box::new(io::Cursor::new(std::mem::take(&mut piece.bytes)).chain(rest))
        });
        records.go_on(piece.line, &piece.bytes, rest)?;
        Ok(if piece.number == expected { Behind::Rows } else { Behind::Elsewhere(piece.number) })
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
            From::Text(records) | From::Pieces(records, ..) => records.next(record),
            From::Sheet(sheet, rows) => Ok(rows.next(sheet, record)),
        }
    }

    /// How many fields a row has, once its heading row is known.
    pub fn expect_fields(&mut self, n: usize) {
        match &mut self.0 {
            From::Text(records) | From::Pieces(records, ..) => records.expect_fields(n),
            From::Sheet(_, rows) => rows.expect_fields(n),
        }
    }

    /// The line where the last event began, 1-based.
    pub fn line(&self) -> u64 {
        match &self.0 {
            From::Text(records) | From::Pieces(records, ..) => records.line(),
            From::Sheet(_, rows) => rows.line(),
        }
    }

    pub fn ended_with_newline(&self) -> bool {
        match &self.0 {
            From::Text(records) | From::Pieces(records, ..) => records.ended_with_newline(),
            From::Sheet(..) => true,
        }
    }
}
