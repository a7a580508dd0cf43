//! A book on disk, runs of the engine over it, and its outputs read back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use polars::prelude::{ParquetReader, SerReader};
use rust_decimal::Decimal;
use trueup::engine::{Concluded, Fault, Settings, reconcile};
use trueup::ingest::Silent;

use super::files::UsageFile;
use super::plan::{PERIOD, Plan};

/// Output files by name.
pub type Outputs = BTreeMap<String, Vec<u8>>;

/// A written book; gone when dropped.
pub struct Book {
    dir: tempfile::TempDir,
    pub usage: Vec<UsageFile>,
}

/// How a run is made. What it concludes may not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub threads: usize,
    /// Bytes: with few, everything that can be put aside is.
    pub memory: u64,
    pub fault: Option<Fault>,
}

pub const PLAIN: Way = Way { threads: 2, memory: 64 << 20, fault: None };

impl Book {
    /// The plan on disk, without decisions.
    pub fn undecided(plan: &Plan) -> Self {
        let book = Self { dir: tempfile::tempdir().expect("a folder"), usage: plan.usage() };
        plan.write_psa(&book.root());
        // The run's own folder is there even if every export belongs to another.
        std::fs::create_dir_all(book.root().join("usage").join(PERIOD)).expect("made");
        book.usage.iter().for_each(|file| file.write(&book.root()));
        book
    }

    /// The plan on disk. Its decisions need the ids of the discrepancies that they are on, so a run comes first.
    pub fn new(plan: &Plan) -> Self {
        let book = Self::undecided(plan);
        if plan.decisions.is_empty() {
            return book;
        }
        let found = book.run(PLAIN).expect("the book reconciles").discrepancies;
        let mut ids: Vec<&str> = found.iter().map(|d| d.discrepancy_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut text = "discrepancy_id,decision,quantity\n".to_string();
        let mut taken = std::collections::BTreeSet::new();
        for decision in plan.decisions.iter().filter(|_| !ids.is_empty()) {
            let id = ids[decision.discrepancy % ids.len()];
            if taken.insert(id) {
                let kind = ["accept", "keep", "set", "dismiss"][decision.kind];
                let _ = writeln!(text, "{id},{kind},{}", decision.quantity);
            }
        }
        std::fs::write(book.root().join("decisions.csv"), text).expect("written");
        std::fs::remove_dir_all(book.root().join("out")).expect("removed");
        book
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("book")
    }

    /// The exports in the place of those that were there.
    pub fn replace_usage(&mut self, usage: Vec<UsageFile>) {
        std::fs::remove_dir_all(self.root().join("usage")).expect("removed");
        std::fs::create_dir_all(self.root().join("usage").join(PERIOD)).expect("made");
        for file in &usage {
            file.write(&self.root());
        }
        self.usage = usage;
    }

    pub fn run(&self, way: Way) -> anyhow::Result<Concluded> {
        run_at(&self.root(), way)
    }

    /// The outputs of a plain run.
    pub fn outputs(&self) -> Outputs {
        self.run(PLAIN).expect("the book reconciles");
        outputs_at(&self.root())
    }
}

pub fn run_at(root: &Path, way: Way) -> anyhow::Result<Concluded> {
    let mut settings = Settings::new(root, NonZeroUsize::new(way.threads).expect("some"));
    settings.period = Some(PERIOD.parse().expect("a period"));
    settings.memory = way.memory;
    settings.fault = way.fault;
    reconcile(&settings, &Silent)
}

/// Every file of the period's outputs; none if there is no such folder.
pub fn outputs_at(root: &Path) -> Outputs {
    let folder = root.join("out").join(PERIOD);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Outputs::new() };
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("readable");
        (entry.file_name().into_string().expect("text"), std::fs::read(entry.path()).expect("readable"))
    };
    entries.map(read).collect()
}

/// A CSV output as text cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(outputs: &Outputs, name: &str) -> Self {
        let bytes = outputs.get(name).unwrap_or_else(|| panic!("{name} is there"));
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let columns = reader.headers().expect("headings").iter().map(ToString::to_string).collect();
        let cells = |r: csv::Result<csv::StringRecord>| r.expect("a record").iter().map(ToString::to_string).collect();
        Self { columns, rows: reader.records().map(cells).collect() }
    }

    fn at(&self, column: &str) -> usize {
        self.columns.iter().position(|c| c == column).unwrap_or_else(|| panic!("{column} is a column"))
    }

    pub fn column(&self, column: &str) -> Vec<&str> {
        let at = self.at(column);
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    pub fn cell<'a>(&self, row: &'a [String], column: &str) -> &'a str {
        &row[self.at(column)]
    }

    pub fn decimal(&self, row: &[String], column: &str) -> Option<Decimal> {
        let text = self.cell(row, column);
        (!text.is_empty()).then(|| Decimal::from_str_exact(text).unwrap_or_else(|e| panic!("{column} {text:?}: {e}")))
    }

    /// Without the columns that name source and line.
    pub fn without_places(mut self) -> Self {
        for column in ["source", "line"] {
            if let Some(at) = self.columns.iter().position(|c| c == column) {
                self.columns.remove(at);
                self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
            }
        }
        self
    }
}

/// A row of `lineage.parquet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    pub source: String,
    pub line: u64,
    pub bucket: String,
    pub line_id: String,
    pub discrepancy_id: String,
}

pub fn lineage(outputs: &Outputs) -> Vec<Traced> {
    let bytes = outputs.get("lineage.parquet").expect("lineage is there").clone();
    let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().expect("parquet");
    let text = |name: &str| -> Vec<String> {
        let column = frame.column(name).expect("a column").str().expect("text");
        column.iter().map(|v| v.unwrap_or_default().to_string()).collect()
    };
    let lines: Vec<u64> =
        frame.column("line").expect("a column").u64().expect("numbers").iter().map(Option::unwrap_or_default).collect();
    let texts = [text("source"), text("bucket"), text("line_id"), text("discrepancy_id")];
    (0..frame.height())
        .map(|i| Traced {
            source: texts[0][i].clone(),
            line: lines[i],
            bucket: texts[1][i].clone(),
            line_id: texts[2][i].clone(),
            discrepancy_id: texts[3][i].clone(),
        })
        .collect()
}
