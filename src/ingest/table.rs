//! Small tables (PSA data, mappings, decisions) as canonical columns with physical lines.

use crate::finding::{Finding, Place};

/// A small table. `columns` are canonical names; every row has one cell per column, trimmed.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Path relative to the book, with `/`.
    pub source: String,
    pub columns: Vec<String>,
    pub rows: Vec<TableRow>,
    /// For each column, what to do about a word in it that is not known; may be shorter than `columns`.
    pub ways_out: Vec<String>,
    /// What was said of it while it was read; nothing that refuses it.
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, Default)]
pub struct TableRow {
    /// Physical line (JSON: record number), 1-based.
    pub line: u64,
    pub cells: Vec<String>,
    /// For each cell, the 1-based field number in the file (0: not from the file).
    pub fields: Vec<u64>,
}

impl Table {
    /// The cell of `row` in `column`, empty if the table lacks the column.
    pub fn cell<'a>(&self, row: &'a TableRow, column: &str) -> &'a str {
        self.index(column).and_then(|i| row.cells.get(i)).map_or("", String::as_str)
    }

    /// Where that cell stands.
    pub fn place(&self, row: &TableRow, column: &str) -> Place {
        match self.index(column).and_then(|i| row.fields.get(i)) {
            Some(&field) if field > 0 => Place::cell(self.source.clone(), row.line, field),
            _ => Place::line(self.source.clone(), row.line),
        }
    }

    /// What to do about a word in that column that is not known.
    pub fn way_out(&self, column: &str) -> &str {
        self.index(column).and_then(|i| self.ways_out.get(i)).map_or("", String::as_str)
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == column)
    }
}
