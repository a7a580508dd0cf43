//! A sheet: its filled cells in order, and its rows as records.

use std::fmt;
use std::ops::Range;

use super::cell::NOT_WORKED_OUT;
use super::{CellKind, Held, WorkbookFault};
use crate::ingest::record::{Dialect, Record, Span};
use crate::ingest::records::Event;

/// A sheet's filled cells, in order of row and column.
#[derive(Clone, PartialEq, Eq)]
pub struct Sheet {
    name: String,
    text: String,
    cells: Vec<Stored>,
    /// Ranges of rows that are not shown, filled or not.
    hidden: Vec<Range<u32>>,
    /// Cells that take up several rows: their first row and column, and the row behind them.
    tall: Vec<(u32, u32, u32)>,
}

/// Row and column count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stored {
    row: u32,
    column: u16,
    kind: CellKind,
    start: u32,
    end: u32,
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sheet({:?}, {} cells)", self.name, self.cells.len())
    }
}

impl Sheet {
    pub(super) fn new(name: String) -> Self {
        Self { name, text: String::new(), cells: Vec::new(), hidden: Vec::new(), tall: Vec::new() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether no cell is filled.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Adds a cell; an empty one is none.
    pub(super) fn put(
        &mut self,
        row: u32,
        column: u16,
        text: &str,
        kind: CellKind,
        held: &mut Held,
    ) -> Result<(), WorkbookFault> {
        if text.is_empty() {
            return Ok(());
        }
        held.add(text)?;
        // The bound on held text is far below what 32 bits count.
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(text);
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.cells.push(Stored { row, column, kind, start, end });
        Ok(())
    }

    /// These rows are hidden, by hand or by a filter. They are read as the others: a filter is how someone looked at
    /// the data last, and no part of it.
    pub(super) fn hide(&mut self, rows: Range<u32>) {
        self.hidden.push(rows);
    }

    /// A cell from `row` on takes up all rows to `after`. What stands in it stands in the first alone.
    pub(super) fn merge(&mut self, (row, column): (u32, u32), after: u32) {
        if after > row + 1 {
            self.tall.push((row, column, after));
        }
    }

    /// The filled cells that take up several rows in which other cells are filled, too: how many, and row and column of
    /// the first, counted from 1.
    pub fn merged_over_rows(&self) -> Option<(usize, u64, u64)> {
        let at = |row: u32| self.cells.partition_point(|c| c.row < row);
        let matters = |(row, column, after): &&(u32, u32, u32)| {
            let filled = self.cells[at(*row)..at(row + 1)].iter().any(|c| u32::from(c.column) == *column);
            filled && at(*after) > at(row + 1)
        };
        let mut tall: Vec<_> = self.tall.iter().filter(matters).collect();
        tall.sort_unstable();
        tall.first().map(|(row, column, _)| (tall.len(), u64::from(*row) + 1, u64::from(*column) + 1))
    }

    /// The formulas that were never worked out: how many, and row and column of the first, counted from 1.
    pub fn not_worked_out(&self) -> Option<(usize, u64, u64)> {
        let mut cells = self.cells.iter().filter(|c| c.kind == CellKind::Error && self.cell(**c) == NOT_WORKED_OUT);
        let first = cells.next()?;
        Some((cells.count() + 1, u64::from(first.row) + 1, u64::from(first.column) + 1))
    }

    /// How many filled rows are hidden, and the first of them, counted from 1.
    pub fn hidden_rows(&self) -> Option<(usize, u64)> {
        let is_hidden = |row: &u32| {
            let behind = self.hidden.partition_point(|rows| rows.start <= *row);
            self.hidden[..behind].last().is_some_and(|rows| rows.contains(row))
        };
        let mut filled: Vec<u32> = self.cells.iter().map(|c| c.row).collect();
        filled.dedup();
        let hidden: Vec<u32> = filled.into_iter().filter(is_hidden).collect();
        hidden.first().map(|first| (hidden.len(), u64::from(*first) + 1))
    }

    /// Puts the cells in order, as every writer but a few does already.
    pub(super) fn finish(mut self) -> Result<Self, WorkbookFault> {
        let at = |c: &Stored| (c.row, c.column);
        if !self.cells.is_sorted_by_key(at) {
            self.cells.sort_by_key(at);
        }
        self.hidden.sort_by_key(|rows| rows.start);
        if let Some(twice) = self.cells.windows(2).find(|w| at(&w[0]) == at(&w[1])) {
            return Err(WorkbookFault::Broken(format!(
                "two cells of sheet {:?} stand in row {}, column {}",
                self.name,
                u64::from(twice[0].row) + 1,
                twice[0].column + 1
            )));
        }
        Ok(self)
    }

    fn cell(&self, cell: Stored) -> &str {
        self.text.get(cell.start as usize..cell.end as usize).unwrap_or_default()
    }
}

/// Where reading a sheet's rows stands.
#[derive(Debug, Default)]
pub(in crate::ingest) struct SheetRows {
    next_cell: usize,
    /// From 1; 0 before the first.
    row: u64,
    expected: usize,
}

impl SheetRows {
    pub fn expect_fields(&mut self, n: usize) {
        self.expected = n;
    }

    pub fn line(&self) -> u64 {
        self.row
    }

    /// The next row as a record. Cells that the sheet leaves out are empty, up to its last filled one and to as
    /// many as are expected.
    pub fn next(&mut self, sheet: &Sheet, record: &mut Record) -> Event {
        let rest = sheet.cells.get(self.next_cell..).unwrap_or_default();
        let Some(first) = rest.first() else { return Event::End };
        self.row += 1;
        record.clear(self.row);
        if u64::from(first.row) + 1 > self.row {
            return Event::Blank;
        }
        let in_row = rest.iter().take_while(|c| c.row == first.row).count();
        let width = rest[..in_row].last().map_or(0, |c| usize::from(c.column) + 1).max(self.expected);
        let mut cells = rest[..in_row].iter().peekable();
        for field in 0..width {
            if field > 0 {
                record.text.push(',');
            }
            match cells.next_if(|c| usize::from(c.column) == field) {
                Some(cell) => push(record, sheet.cell(*cell), cell.kind),
                None => push(record, "", CellKind::Text),
            }
        }
        record.raw = record.text.len();
        record.undo_quotes(Dialect::of(b','));
        self.next_cell += in_row;
        Event::Record
    }
}

/// Adds a field, written as a CSV file would have it.
fn push(record: &mut Record, text: &str, kind: CellKind) {
    record.kinds.push(kind);
    let quoted = text.contains(['"', ',', '\n', '\r']);
    if quoted {
        record.text.push('"');
    }
    let start = record.text.len();
    record.text.push_str(&text.replace('"', "\"\""));
    let span = Span::new(start, record.text.len());
    record.spans.push(if span.len() > text.len() { span.with_quotes() } else { span });
    if quoted {
        record.text.push('"');
    }
}
