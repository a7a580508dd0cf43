//! Tables of tests, written as plain comma-separated text without quotes.

use crate::ingest::{Table, TableRow};

pub(super) fn small_table(source: &str, text: &str) -> Table {
    let split = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
    let mut lines = text.lines();
    let columns = split(lines.next().unwrap_or_default());
    let fields: Vec<u64> = (1..).take(columns.len()).collect();
    let rows =
        (2..).zip(lines).map(|(line, text)| TableRow { line, cells: split(text), fields: fields.clone() }).collect();
    Table { source: source.to_string(), columns, rows, ..Table::default() }
}
