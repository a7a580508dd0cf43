//! `lineage.parquet`: where each usage row ended. One row per usage row, so it takes rows one by one and
//! holds a row group at most.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use fs_err::File;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    ChunkedBuilder, DataFrame, DataType, IntoColumn, IntoSeries, ParquetCompression, ParquetWriter, PlSmallStr,
    PolarsError, PrimitiveChunkedBuilder, Schema, StringChunkedBuilder, UInt64Type,
};

use super::columns::Output;
use super::error::EmitError;
use crate::control::Bucket;
use crate::finding::Code;

/// Rows of a row group: large enough to compress well, small enough that its text is some megabytes.
const GROUP_ROWS: usize = 256 * 1024;

/// The way forward of a usage row.
#[derive(Debug, Clone, Copy)]
pub struct LineageRow<'a> {
    /// Relative to the book, with `/`.
    pub source: &'a str,
    pub line: u64,
    pub bucket: Bucket,
    /// Empty where the row feeds no line item.
    pub line_id: &'a str,
    /// Empty where no discrepancy carries the row.
    pub discrepancy_id: &'a str,
    /// Why it is where it is, where a finding says so.
    pub code: Option<Code>,
}

/// Writes `lineage.parquet`: rows come by source and line.
pub struct LineageWriter {
    path: PathBuf,
    writer: BatchedWriter<BufWriter<File>>,
    group: Group,
    group_rows: usize,
}

impl LineageWriter {
    pub fn create(folder: &Path) -> Result<Self, EmitError> {
        Self::with_group_rows(folder, GROUP_ROWS)
    }

    fn with_group_rows(folder: &Path, group_rows: usize) -> Result<Self, EmitError> {
        let path = folder.join(Output::Lineage.file());
        let file = File::create(&path).map_err(|e| EmitError::new(&path, e))?;
        let writer = ParquetWriter::new(BufWriter::with_capacity(256 * 1024, file))
            // The columns are dictionaries of few values already: a heavier codec costs time and saves little.
            .with_compression(ParquetCompression::Snappy)
            .batched(&schema())
            .map_err(|e| failed(&path, e))?;
        Ok(Self { path, writer, group: Group::new(), group_rows })
    }

    pub fn row(&mut self, row: LineageRow<'_>) -> Result<(), EmitError> {
        self.group.push(row);
        if self.group.rows == self.group_rows { self.write_group() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<(), EmitError> {
        self.write_group()?;
        self.writer.finish().map(drop).map_err(|e| failed(&self.path, e))
    }

    fn write_group(&mut self) -> Result<(), EmitError> {
        if self.group.rows == 0 {
            return Ok(());
        }
        let group = std::mem::replace(&mut self.group, Group::new());
        let frame = group.into_frame().map_err(|e| failed(&self.path, e))?;
        self.writer.write_batch(&frame).map_err(|e| failed(&self.path, e))
    }
}

/// The rows not yet written, column by column.
struct Group {
    rows: usize,
    source: StringChunkedBuilder,
    line: PrimitiveChunkedBuilder<UInt64Type>,
    bucket: StringChunkedBuilder,
    line_id: StringChunkedBuilder,
    discrepancy_id: StringChunkedBuilder,
    code: StringChunkedBuilder,
}

impl Group {
    fn new() -> Self {
        let text = |name: &'static str| StringChunkedBuilder::new(PlSmallStr::from_static(name), 0);
        Self {
            rows: 0,
            source: text("source"),
            line: PrimitiveChunkedBuilder::new(PlSmallStr::from_static("line"), 0),
            bucket: text("bucket"),
            line_id: text("line_id"),
            discrepancy_id: text("discrepancy_id"),
            code: text("code"),
        }
    }

    fn push(&mut self, row: LineageRow<'_>) {
        self.rows += 1;
        self.source.append_value(row.source);
        self.line.append_value(row.line);
        self.bucket.append_value(row.bucket.name());
        self.line_id.append_value(row.line_id);
        self.discrepancy_id.append_value(row.discrepancy_id);
        self.code.append_value(row.code.map_or("", Code::id));
    }

    fn into_frame(self) -> Result<DataFrame, PolarsError> {
        let columns = vec![
            self.source.finish().into_series().into_column(),
            self.line.finish().into_series().into_column(),
            self.bucket.finish().into_series().into_column(),
            self.line_id.finish().into_series().into_column(),
            self.discrepancy_id.finish().into_series().into_column(),
            self.code.finish().into_series().into_column(),
        ];
        DataFrame::new(self.rows, columns)
    }
}

fn schema() -> Schema {
    let dtype = |name: &str| if name == "line" { DataType::UInt64 } else { DataType::String };
    Output::Lineage.columns().iter().map(|name| (PlSmallStr::from_str(name), dtype(name))).collect()
}

fn failed(path: &Path, error: PolarsError) -> EmitError {
    match error {
        PolarsError::IO { error, .. } => EmitError::new(path, io::Error::new(error.kind(), error.to_string())),
        other => EmitError::new(path, io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{ParquetReader, SerReader};

    use super::*;

    fn write(folder: &Path, rows: u64, group_rows: usize) {
        let mut writer = LineageWriter::with_group_rows(folder, group_rows).expect("created");
        for line in 0..rows {
            let billed = line % 3 != 0;
            writer
                .row(LineageRow {
                    source: "usage/2026-10/a.csv",
                    line: line + 2,
                    bucket: if billed { Bucket::Billed } else { Bucket::Rejected },
                    line_id: if billed { "line-with-a-long-name" } else { "" },
                    discrepancy_id: "",
                    code: (!billed).then_some(Code::I105),
                })
                .expect("written");
        }
        writer.finish().expect("finished");
    }

    fn read(folder: &Path) -> DataFrame {
        ParquetReader::new(std::fs::File::open(folder.join("lineage.parquet")).expect("opened")).finish().expect("read")
    }

    #[test]
    fn rows_come_back_in_order_over_several_row_groups() {
        let dir = tempfile::tempdir().expect("a folder");
        write(dir.path(), 10, 4);
        let frame = read(dir.path());
        assert_eq!(frame.height(), 10);
        assert_eq!(frame.get_column_names_owned(), Output::Lineage.columns());
        let lines: Vec<_> =
            frame.column("line").and_then(|c| c.u64().cloned()).expect("numbers").into_no_null_iter().collect();
        assert_eq!(lines, (2..12).collect::<Vec<_>>());
        let codes = frame.column("code").and_then(|c| c.str().cloned()).expect("text");
        assert_eq!(codes.get(3), Some("I105"));
        assert_eq!(codes.get(4), Some(""));
    }

    #[test]
    fn equal_rows_are_equal_bytes() {
        let bytes = || {
            let dir = tempfile::tempdir().expect("a folder");
            write(dir.path(), 5_000, 1_000);
            fs_err::read(dir.path().join("lineage.parquet")).expect("read")
        };
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn a_run_without_rows_has_a_readable_file() {
        let dir = tempfile::tempdir().expect("a folder");
        write(dir.path(), 0, 4);
        let frame = read(dir.path());
        assert_eq!((frame.height(), frame.width()), (0, 6));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_path() {
        let dir = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink("/dev/full", dir.path().join("lineage.parquet")).expect("linked");
        let writer = LineageWriter::create(dir.path()).expect("opens");
        let error = writer.finish().expect_err("no space");
        assert!(error.to_string().contains("lineage.parquet"), "{error}");
    }
}
