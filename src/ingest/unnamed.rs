//! Columns without a heading. No format can name them, so their cells are left out; where data stands there,
//! that is said and counted.

use super::{Detection, Record};
use crate::finding::{Code, Finding, Place, Severity};

/// The columns of one file that have no heading.
#[derive(Debug)]
pub(super) struct Unnamed {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    field: usize,
    /// How many of its cells are filled, and the first of them.
    filled: u64,
    first: Option<(u64, String)>,
}

impl Unnamed {
    pub fn of(detection: &Detection) -> Self {
        let blank = |(_, heading): &(usize, &String)| detection.is_laid_out() && heading.trim().is_empty();
        let columns = detection.headings.iter().enumerate().filter(blank);
        Self { columns: columns.map(|(field, _)| Column { field, filled: 0, first: None }).collect() }
    }

    /// Looks at a row of usage or of a table.
    pub fn observe(&mut self, record: &Record) {
        for column in &mut self.columns {
            let cell = record.get(column.field).unwrap_or_default().trim();
            if !cell.is_empty() {
                column.filled += 1;
                column.first.get_or_insert_with(|| (record.line(), cell.to_owned()));
            }
        }
    }

    /// Takes over what was seen of other rows of the file.
    pub fn merge(&mut self, other: Self) {
        for (mine, others) in self.columns.iter_mut().zip(other.columns) {
            mine.filled += others.filled;
            mine.first = mine.first.take().into_iter().chain(others.first).min();
        }
    }

    /// One finding for each column that holds anything.
    pub fn findings(self, source: &str) -> impl Iterator<Item = Finding> {
        self.columns.into_iter().filter_map(move |column| {
            let (line, cell) = column.first?;
            let message = format!(
                "the column has no heading, so its {} filled cells were left out; this is the first of them",
                column.filled
            );
            let place = Place::cell(source, line, column.field as u64 + 1);
            let finding = Finding::new(Code::I116, message).severity(Severity::Warning);
            Some(finding.at(place).value(super::record::shown(&cell)))
        })
    }
}
