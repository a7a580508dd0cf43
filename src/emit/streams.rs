//! Tables with as many rows as the exports have faults. They take rows one by one, in the order that
//! [`Output`] states, and hold none of them.

use std::borrow::Cow;
use std::path::Path;

use super::columns::Output;
use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use crate::finding::{Code, shown};

/// What `rejects.csv` says of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub line: u64,
    /// 1-based field number, 0 if the whole row is meant.
    pub column: u64,
    pub code: Code,
    pub value: String,
    pub message: String,
    /// The row as it stood in the file.
    pub raw: String,
}

/// Writes `rejects.csv`: rows come by source, line and column.
pub struct RejectsWriter(TableWriter);

impl RejectsWriter {
    pub fn create(folder: &Path) -> Result<Self, EmitError> {
        create(folder, Output::Rejects).map(Self)
    }

    pub fn row(&mut self, source: &str, reject: &Rejected) -> Result<(), EmitError> {
        let value = shown(reject.value.clone());
        let raw = held(&reject.raw);
        self.0.row(&[
            Cell::Text(source),
            Cell::Integer(reject.line),
            if reject.column == 0 { Cell::Empty } else { Cell::Integer(reject.column) },
            Cell::Text(reject.code.id()),
            Cell::Text(&value),
            Cell::Text(&reject.message),
            Cell::Text(&raw),
        ])
    }

    pub fn finish(self) -> Result<(), EmitError> {
        self.0.finish()
    }
}

/// Characters of a row that `rejects.csv` holds: spreadsheets take no more in a cell.
const RAW_HELD: usize = 32_000;

/// A row as it stood, or its beginning and how much was cut off.
fn held(raw: &str) -> Cow<'_, str> {
    if raw.len() <= RAW_HELD {
        return Cow::Borrowed(raw);
    }
    match raw.char_indices().nth(RAW_HELD) {
        None => Cow::Borrowed(raw),
        Some((end, _)) => {
            let (kept, cut) = raw.split_at(end);
            Cow::Owned(format!("{kept}… [{} more characters]", cut.chars().count()))
        }
    }
}

/// A row dropped as a duplicate, and the one kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate<'a> {
    pub source: &'a str,
    pub line: u64,
    pub kept_source: &'a str,
    pub kept_line: u64,
    pub code: Code,
}

/// Writes `duplicates.csv`: rows come by source and line.
pub struct DuplicatesWriter(TableWriter);

impl DuplicatesWriter {
    pub fn create(folder: &Path) -> Result<Self, EmitError> {
        create(folder, Output::Duplicates).map(Self)
    }

    pub fn row(&mut self, duplicate: Duplicate<'_>) -> Result<(), EmitError> {
        self.0.row(&[
            Cell::Text(duplicate.source),
            Cell::Integer(duplicate.line),
            Cell::Text(duplicate.kept_source),
            Cell::Integer(duplicate.kept_line),
            Cell::Text(duplicate.code.id()),
        ])
    }

    pub fn finish(self) -> Result<(), EmitError> {
        self.0.finish()
    }
}

/// Values of one column that differ from their cells by one rule; the place and texts are those of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRow<'a> {
    pub source: &'a str,
    pub line: u64,
    pub column: &'a str,
    pub rule: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub count: u64,
}

/// Writes `changes.csv`: rows come by source, column and rule, or with every change by source and line.
pub struct ChangesWriter(TableWriter);

impl ChangesWriter {
    pub fn create(folder: &Path) -> Result<Self, EmitError> {
        create(folder, Output::Changes).map(Self)
    }

    pub fn row(&mut self, change: ChangeRow<'_>) -> Result<(), EmitError> {
        self.0.row(&[
            Cell::Text(change.source),
            Cell::Integer(change.line),
            Cell::Text(change.column),
            Cell::Text(change.rule),
            Cell::Text(change.from),
            Cell::Text(change.to),
            Cell::Integer(change.count),
        ])
    }

    pub fn finish(self) -> Result<(), EmitError> {
        self.0.finish()
    }
}

fn create(folder: &Path, output: Output) -> Result<TableWriter, EmitError> {
    TableWriter::create(&folder.join(output.file()), &output.columns())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_megabytes_is_cut_with_a_mark() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut writer = RejectsWriter::create(dir.path()).expect("created");
        let huge = "é".repeat(1 << 20);
        let reject =
            Rejected { line: 9, column: 4, code: Code::I105, value: huge.clone(), message: "m".into(), raw: huge };
        writer.row("usage/a.csv", &reject).expect("written");
        writer.finish().expect("finished");
        let text = fs_err::read_to_string(dir.path().join("rejects.csv")).expect("read");
        let more = (1 << 20) - RAW_HELD;
        assert!(text.contains(&format!(",{}…,m,", "é".repeat(200))));
        assert!(text.ends_with(&format!(",{}… [{more} more characters]\n", "é".repeat(RAW_HELD))));
    }

    #[test]
    fn rejects_keep_the_raw_row_and_leave_the_column_empty_where_the_whole_row_is_meant() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut writer = RejectsWriter::create(dir.path()).expect("created");
        let mut reject = Rejected {
            line: 9,
            column: 4,
            code: Code::I105,
            value: "12..5".into(),
            message: "not a number".into(),
            raw: "=A,\"b\",c,12..5".into(),
        };
        writer.row("usage/a.csv", &reject).expect("written");
        reject.column = 0;
        writer.row("usage/b.csv", &reject).expect("written");
        writer.finish().expect("finished");
        assert_eq!(
            fs_err::read_to_string(dir.path().join("rejects.csv")).expect("read"),
            "source,line,column,code,value,message,raw\n\
             usage/a.csv,9,4,I105,12..5,not a number,\"'=A,\"\"b\"\",c,12..5\"\n\
             usage/b.csv,9,,I105,12..5,not a number,\"'=A,\"\"b\"\",c,12..5\"\n"
        );
    }

    #[test]
    fn a_duplicate_names_the_row_that_was_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut writer = DuplicatesWriter::create(dir.path()).expect("created");
        let row = Duplicate { source: "b.csv", line: 3, kept_source: "a.csv", kept_line: 2, code: Code::T202 };
        writer.row(row).expect("written");
        writer.finish().expect("finished");
        assert_eq!(
            fs_err::read_to_string(dir.path().join("duplicates.csv")).expect("read"),
            "source,line,kept_source,kept_line,code\nb.csv,3,a.csv,2,T202\n"
        );
    }
}
