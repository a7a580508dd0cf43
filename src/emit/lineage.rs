//! `lineage.parquet`: where each usage row ended. One row per usage row, so it is written a row group at a
//! time, and what many rows share (a file, a line item, a bucket) is said once per group.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err::File;

use super::columnar::{Footer, Group, Kind, MAGIC, pack, pack_each};
use super::columns::Output;
use super::error::EmitError;
use crate::control::Bucket;
use crate::finding::Code;

/// Where rows ended, and what they feed.
#[derive(Debug, Clone, Copy)]
pub struct Feeds<'a> {
    pub bucket: Bucket,
    /// Of rows of a metered group, empty where they feed no line item.
    pub line_id: Option<&'a str>,
    /// Likewise, empty where no discrepancy carries them.
    pub discrepancy_id: Option<&'a str>,
    /// Why they are where they are, where a finding says so.
    pub code: Option<Code>,
}

/// The way forward of a usage row.
#[derive(Debug, Clone, Copy)]
pub struct LineageRow {
    /// By number.
    pub file: u32,
    pub line: u64,
    /// Where it ended, by number.
    pub end: usize,
}

/// Writes `lineage.parquet`. Row groups may come from any thread in any order, each with its number.
pub struct Lineage<'a> {
    path: PathBuf,
    /// Relative to the book, with `/`.
    sources: Vec<&'a str>,
    /// By number; there may be numbers that no row has.
    ends: Vec<Option<Numbered>>,
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

    fn number(&mut self, text: Option<&'a str>) -> u32 {
        let Some(text) = text else { return 0 };
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
    values: Vec<&'a str>,
    /// By number of the value: its place plus one.
    places: Vec<u32>,
}

impl<'a> Seen<'a> {
    fn new(values: usize) -> Self {
        Self { values: Vec::new(), places: vec![0; values] }
    }

    /// The place of a value.
    fn place(&mut self, value: usize, text: &'a str) -> u32 {
        let place = &mut self.places[value];
        if *place == 0 {
            self.values.push(text);
            *place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        }
        *place - 1
    }
}

impl<'a> Lineage<'a> {
    /// `sources` and `ends` are what rows name by number.
    pub fn create(
        folder: &Path,
        sources: Vec<&'a str>,
        ends: impl Iterator<Item = Option<Feeds<'a>>>,
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
        let mut numbered = |f: Feeds<'a>| Numbered {
            line_id: line_ids.number(f.line_id),
            discrepancy_id: discrepancy_ids.number(f.discrepancy_id),
            bucket: f.bucket,
            code: f.code,
        };
        let ends = ends.map(|end| end.map(&mut numbered)).collect();
        Ok(Self { path, sources, ends, line_ids: line_ids.all, discrepancy_ids: discrepancy_ids.all, writer })
    }

    /// Writes the row group of this number, from 0 on, and of so many rows; they come by source and line.
    pub fn write(&self, number: usize, count: usize, rows: impl Iterator<Item = LineageRow>) -> Result<(), EmitError> {
        let failed = |e| EmitError::new(&self.path, e);
        let group = self.encode(count, rows).map_err(failed)?;
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

    fn encode(&self, count: usize, rows: impl Iterator<Item = LineageRow>) -> io::Result<Group> {
        let mut group = Group::new(count);
        let mut lines: Vec<u64> = Vec::with_capacity(count);
        // The ends that rows have in the order in which they have them, and by number their places plus one.
        let mut ends: Vec<Numbered> = Vec::new();
        let mut places = vec![0u32; self.ends.len()];
        let mut ended: Vec<u32> = Vec::with_capacity(count);
        // With how many rows each has.
        let mut files: Vec<(u32, usize)> = Vec::new();
        let mut last = (u32::MAX, 0);
        for row in rows {
            lines.push(row.line);
            if row.file != last.0 {
                files.push(std::mem::replace(&mut last, (row.file, 0)));
            }
            last.1 += 1;
            match places.get(row.end) {
                Some(place) if *place > 0 => ended.push(*place - 1),
                _ => {
                    let end = self.ends.get(row.end).copied().flatten();
                    ended.push(u32::try_from(ends.len()).unwrap_or(u32::MAX));
                    ends.push(end.ok_or_else(|| io::Error::other("a row feeds a group that is not there"))?);
                    places[row.end] = u32::try_from(ends.len()).unwrap_or(u32::MAX);
                }
            }
        }
        files.push(last);
        files.retain(|(_, rows)| *rows > 0);
        drop(places);
        let sources: Vec<&str> = files.iter().map(|(file, _)| self.sources[*file as usize]).collect();
        let of_files = (0u32..).zip(&files).flat_map(|(place, (_, rows))| std::iter::repeat_n(place, *rows));
        group.texts(&sources, |out, width| pack(out, of_files.map(u64::from), width))?;
        group.numbers(&lines)?;
        drop(lines);
        // Each column is let go as soon as it is encoded. Of an end, each says which value it has.
        let mut column = |values: usize, value: &dyn Fn(&Numbered) -> (usize, &'a str)| {
            let mut seen = Seen::new(values);
            let of_ends: Vec<u32> = ends.iter().map(value).map(|(value, text)| seen.place(value, text)).collect();
            group.texts(&seen.values, |out, width| pack_each(out, &ended, &of_ends, width))
        };
        let id = |ids: &[&'a str], number: u32| (number as usize, ids[number as usize]);
        column(Bucket::ALL.len(), &|end| (end.bucket as usize, end.bucket.name()))?;
        column(self.line_ids.len(), &|end| id(&self.line_ids, end.line_id))?;
        column(self.discrepancy_ids.len(), &|end| id(&self.discrepancy_ids, end.discrepancy_id))?;
        // Behind the last is that of rows of which nothing says why.
        column(Code::ALL.len() + 1, &|end| end.code.map_or((Code::ALL.len(), ""), |code| (code as usize, code.id())))?;
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
        let feeds = ids.iter().enumerate().map(|(line, id)| {
            let discrepancy_id = Some(if line == 1 { "d1" } else { "" });
            Some(Feeds { bucket: Bucket::Billed, line_id: Some(id), discrepancy_id, code: None })
        });
        let rejected = Feeds { bucket: Bucket::Rejected, line_id: None, discrepancy_id: None, code: Some(Code::I105) };
        let sources = vec!["usage/2026-10/a.csv", "usage/2026-10/b.csv"];
        let lineage = Lineage::create(folder, sources, feeds.chain([None, Some(rejected)])).expect("created");
        let all: Vec<LineageRow> = (0..rows)
            .map(|line| LineageRow {
                file: u32::from(line * 2 >= rows),
                line: line + 2,
                end: if line % 3 == 0 { 301 } else { usize::try_from(line % 300).expect("small") },
            })
            .collect();
        // The later groups come first.
        for (number, group) in all.chunks(group_rows).enumerate().rev() {
            lineage.write(number, group.len(), group.iter().copied()).expect("written");
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
    fn an_end_that_is_not_there_is_no_lineage() {
        let dir = tempfile::tempdir().expect("a folder");
        let lineage = Lineage::create(dir.path(), vec!["a.csv"], [None].into_iter()).expect("created");
        for end in [0, 1] {
            let error = lineage.write(0, 1, [LineageRow { file: 0, line: 2, end }].into_iter()).expect_err("no end");
            assert!(format!("{error:?}").contains("a group that is not there"), "{error:?}");
        }
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
