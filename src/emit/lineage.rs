//! `lineage.parquet`: where each usage row ended. One row per usage row, so it is written a row group at a
//! time, and what many rows share (a file, a line item, a bucket) is said once per group.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err::File;

use super::columnar::{Footer, Group, Kind, MAGIC, Texts};
use super::columns::Output;
use super::error::EmitError;
use crate::control::Bucket;
use crate::finding::Code;

/// What the rows of one metered group feed.
#[derive(Debug, Clone, Copy)]
pub struct Feeds<'a> {
    pub bucket: Bucket,
    /// Empty where the rows feed no line item.
    pub line_id: &'a str,
    /// Empty where no discrepancy carries the rows.
    pub discrepancy_id: &'a str,
    /// Why they are where they are, where a finding says so.
    pub code: Option<Code>,
}

/// Where a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineageEnd {
    /// With its group, by number.
    Feeds(usize),
    In(Bucket, Option<Code>),
}

/// The way forward of a usage row.
#[derive(Debug, Clone, Copy)]
pub struct LineageRow {
    /// By number.
    pub file: u32,
    pub line: u64,
    pub end: LineageEnd,
}

/// Writes `lineage.parquet`. Row groups may come from any thread in any order, each with its number.
pub struct Lineage<'a> {
    path: PathBuf,
    /// Relative to the book, with `/`.
    sources: Vec<&'a str>,
    /// By number of their group.
    feeds: Vec<Numbered>,
    /// The distinct line items and discrepancies that rows feed.
    line_ids: Vec<&'a str>,
    discrepancy_ids: Vec<&'a str>,
    writer: Mutex<Writer>,
}

/// [`Feeds`] with a number for each text, and small: rows of a file ask for those of any group.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    line_id: u32,
    discrepancy_id: u32,
    bucket: Bucket,
    code: Option<Code>,
}

/// Distinct texts by number. The first is that of rows of no group; an empty one of groups has its own number, since files
/// written so far have it.
struct Ids<'a> {
    known: HashMap<&'a str, u32>,
    all: Vec<&'a str>,
}

impl<'a> Ids<'a> {
    fn new() -> Self {
        Self { known: HashMap::new(), all: vec![""] }
    }

    fn number(&mut self, text: &'a str) -> u32 {
        *self.known.entry(text).or_insert_with(|| {
            self.all.push(text);
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

struct Writer {
    file: BufWriter<File>,
    footer: Footer,
    next: usize,
    /// Groups that came before their turn.
    early: BTreeMap<usize, Group>,
}

/// The values of a column in the order in which rows have them, each once.
struct Seen<'a> {
    texts: Texts<'a>,
    /// By number of the value: its place plus one.
    places: Vec<u32>,
}

impl<'a> Seen<'a> {
    fn new(values: usize, rows: usize) -> Self {
        let texts = Texts { values: Vec::new(), rows: Vec::with_capacity(rows) };
        Self { texts, places: vec![0; values] }
    }

    fn push(&mut self, value: usize, text: impl FnOnce(usize) -> &'a str) {
        let place = &mut self.places[value];
        if *place == 0 {
            self.texts.values.push(text(value));
            *place = u32::try_from(self.texts.values.len()).unwrap_or(u32::MAX);
        }
        self.texts.rows.push(*place - 1);
    }
}

impl<'a> Lineage<'a> {
    /// `sources` and `feeds` are what rows name by number.
    pub fn create(
        folder: &Path,
        sources: Vec<&'a str>,
        feeds: impl Iterator<Item = Feeds<'a>>,
    ) -> Result<Self, EmitError> {
        let path = folder.join(Output::Lineage.file());
        let open = || -> io::Result<BufWriter<File>> {
            let mut file = BufWriter::with_capacity(256 * 1024, File::create(&path)?);
            file.write_all(MAGIC)?;
            Ok(file)
        };
        let file = open().map_err(|e| EmitError::new(&path, e))?;
        let kind = |name: &str| if name == "line" { Kind::Number } else { Kind::Text };
        let columns = Output::Lineage.columns().iter().map(|name| ((*name).to_string(), kind(name))).collect();
        let writer = Mutex::new(Writer { file, footer: Footer::new(columns), next: 0, early: BTreeMap::new() });
        let (mut line_ids, mut discrepancy_ids) = (Ids::new(), Ids::new());
        let numbered = |f: Feeds<'a>| Numbered {
            line_id: line_ids.number(f.line_id),
            discrepancy_id: discrepancy_ids.number(f.discrepancy_id),
            bucket: f.bucket,
            code: f.code,
        };
        let feeds = feeds.map(numbered).collect();
        Ok(Self { path, sources, feeds, line_ids: line_ids.all, discrepancy_ids: discrepancy_ids.all, writer })
    }

    /// Writes the row group of this number, from 0 on; its rows come by source and line.
    pub fn write(&self, number: usize, rows: impl ExactSizeIterator<Item = LineageRow>) -> Result<(), EmitError> {
        let failed = |e| EmitError::new(&self.path, e);
        let group = self.encode(rows).map_err(failed)?;
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Writer { file, footer, next, early } = &mut *writer;
        early.insert(number, group);
        while let Some(group) = early.remove(next) {
            *next += 1;
            if group.has_rows() {
                footer.write(&group, file).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn encode(&self, rows: impl ExactSizeIterator<Item = LineageRow>) -> io::Result<Group> {
        let count = rows.len();
        let mut numbers: Vec<u64> = Vec::with_capacity(count);
        let mut source = Seen::new(self.sources.len(), count);
        let mut bucket = Seen::new(Bucket::ALL.len(), count);
        let mut line_id = Seen::new(self.line_ids.len(), count);
        let mut discrepancy_id = Seen::new(self.discrepancy_ids.len(), count);
        // Behind the last is that of rows of which nothing says why.
        let mut code = Seen::new(Code::ALL.len() + 1, count);
        for row in rows {
            numbers.push(row.line);
            let ended = match row.end {
                LineageEnd::Feeds(group) => self.feeds.get(group).copied(),
                LineageEnd::In(bucket, code) => Some(Numbered { line_id: 0, discrepancy_id: 0, bucket, code }),
            };
            let ended = ended.ok_or_else(|| io::Error::other("a row feeds a group that is not there"))?;
            source.push(row.file as usize, |file| self.sources[file]);
            line_id.push(ended.line_id as usize, |id| self.line_ids[id]);
            discrepancy_id.push(ended.discrepancy_id as usize, |id| self.discrepancy_ids[id]);
            bucket.push(ended.bucket as usize, |_| ended.bucket.name());
            code.push(ended.code.map_or(Code::ALL.len(), |c| c as usize), |_| ended.code.map_or("", Code::id));
        }
        let mut group = Group::new(count);
        // Each column is let go as soon as it is encoded.
        group.texts(&source.texts)?;
        drop(source);
        group.numbers(&numbers)?;
        drop(numbers);
        for column in [bucket, line_id, discrepancy_id, code] {
            group.texts(&column.texts)?;
        }
        Ok(group)
    }

    /// Ends the file.
    pub fn finish(self) -> Result<(), EmitError> {
        let Writer { mut file, footer, .. } = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        let end = footer.end();
        file.write_all(&end).and_then(|()| file.flush()).map_err(|e| EmitError::new(&self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataFrame, ParquetReader, SerReader};

    use super::*;

    fn write(folder: &Path, rows: u64, group_rows: usize) {
        let ids: Vec<String> = (0..300).map(|line| format!("line-with-a-long-name-{line}")).collect();
        let feeds = ids.iter().enumerate().map(|(line, id)| Feeds {
            bucket: Bucket::Billed,
            line_id: id,
            discrepancy_id: if line == 1 { "d1" } else { "" },
            code: None,
        });
        let sources = vec!["usage/2026-10/a.csv", "usage/2026-10/b.csv"];
        let lineage = Lineage::create(folder, sources, feeds).expect("created");
        let all: Vec<LineageRow> = (0..rows)
            .map(|line| LineageRow {
                file: u32::from(line * 2 >= rows),
                line: line + 2,
                end: if line % 3 == 0 {
                    LineageEnd::In(Bucket::Rejected, Some(Code::I105))
                } else {
                    LineageEnd::Feeds(usize::try_from(line % 300).expect("small"))
                },
            })
            .collect();
        // The later groups come first.
        for (number, group) in all.chunks(group_rows).enumerate().rev() {
            lineage.write(number, group.iter().copied()).expect("written");
        }
        lineage.finish().expect("finished");
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
        let sources = frame.column("source").and_then(|c| c.str().cloned()).expect("text");
        assert_eq!((sources.get(4), sources.get(5)), (Some("usage/2026-10/a.csv"), Some("usage/2026-10/b.csv")));
    }

    #[test]
    fn every_row_reads_back_however_many_values_there_are() {
        for (rows, group_rows) in [(1, 1), (31, 40), (700, 129), (2_000, 1_000)] {
            let dir = tempfile::tempdir().expect("a folder");
            write(dir.path(), rows, group_rows);
            let frame = read(dir.path());
            let text = |name: &str| frame.column(name).and_then(|c| c.str().cloned()).expect("text");
            let (buckets, ids, discrepancies) = (text("bucket"), text("line_id"), text("discrepancy_id"));
            let lines = frame.column("line").and_then(|c| c.u64().cloned()).expect("numbers");
            assert_eq!(frame.height() as u64, rows);
            for line in 0..rows {
                let at = usize::try_from(line).expect("small");
                let billed = line % 3 != 0;
                assert_eq!(lines.get(at), Some(line + 2));
                assert_eq!(buckets.get(at), Some(if billed { "billed" } else { "rejected" }));
                let id = if billed { format!("line-with-a-long-name-{}", line % 300) } else { String::new() };
                assert_eq!(ids.get(at), Some(id.as_str()));
                assert_eq!(discrepancies.get(at), Some(if line % 300 == 1 { "d1" } else { "" }));
            }
        }
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
        let lineage = Lineage::create(dir.path(), Vec::new(), std::iter::empty()).expect("opens");
        let error = lineage.finish().expect_err("no space");
        assert!(error.to_string().contains("lineage.parquet"), "{error}");
    }
}
