//! Every format's samples in testdata/formats/, read again and compared with the expected rows beside
//! them. `TRUEUP_BLESS=1` writes what is read; look at the difference before committing it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{
    Detection, Limits, OtherLine, Reject, Treatment, UsageRow, UsageSink, detect, detect_all, read_table, read_usage,
};
use crate::finding::Finding;
use crate::format::{Column, Registry};
use crate::rate::plain;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats")
}

fn samples(id: &str) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(root().join(id)).expect("a format has samples");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|p| p.file_name().is_some_and(|n| n != "expected.csv"));
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().expect("a file").to_string_lossy().into_owned()
}

/// Whatever a sample holds, of its own format.
fn detected(path: &Path, registry: &Registry) -> Vec<Detection> {
    let found = detect_all(path, &name(path), registry, &Limits::default());
    found.into_iter().map(|d| d.expect("a sample is recognised")).collect()
}

/// What is read, as CSV text.
#[derive(Default)]
struct Written {
    source: String,
    csv: String,
}

impl Written {
    fn cells(&mut self, cells: &[&str]) {
        let mut out = csv::WriterBuilder::new().from_writer(Vec::new());
        out.write_record(cells).expect("memory");
        self.csv.push_str(&String::from_utf8(out.into_inner().expect("memory")).expect("UTF-8"));
    }
}

impl UsageSink for Written {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        let number = |n: Option<rust_decimal::Decimal>| n.map(plain).unwrap_or_default();
        let date = |d: Option<chrono::NaiveDate>| d.map(|d| d.to_string()).unwrap_or_default();
        let treatment = match row.treatment {
            Treatment::Counted => "counted",
            Treatment::CostOnly => "cost_only",
            Treatment::Excluded => "excluded",
        };
        let (line, source) = (row.line.to_string(), self.source.clone());
        self.cells(&[
            &source,
            &line,
            treatment,
            row.provider_name(),
            row.sub_account_id(),
            row.sub_account_name(),
            row.sku_id(),
            row.charge_description(),
            row.subscription_id(),
            row.line_id(),
            row.term(),
            row.billing_frequency(),
            row.charge_category.word(),
            &date(row.charge_period_start),
            &date(row.charge_period_end),
            row.metric(),
            &number(row.quantity),
            row.unit(),
            &number(row.unit_cost),
            &number(row.cost),
            row.currency.code(),
        ]);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        panic!("{}:{}: a sample has no bad rows: {}", self.source, reject.line, reject.message)
    }

    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()> {
        let (line, source) = (line.to_string(), self.source.clone());
        let kind = match kind {
            OtherLine::Heading => return Ok(()),
            OtherLine::Title => "title",
            OtherLine::RepeatedHeading => "repeated_heading",
            OtherLine::Total => "total",
            OtherLine::Note => "note",
            OtherLine::Blank => "blank",
        };
        let mut cells = vec![source.as_str(), line.as_str(), kind];
        cells.resize(Column::ALL.len() + 3, "");
        self.cells(&cells);
        Ok(())
    }

    fn finding(&mut self, _: Finding) -> anyhow::Result<()> {
        Ok(())
    }
}

fn read_again(registry: &Registry, id: &str) -> String {
    let mut written = Written::default();
    let usage = registry.get(id).expect("a format").is_usage();
    let head = if usage {
        let columns: Vec<&str> = Column::ALL.iter().map(|c| c.name()).collect();
        format!("source,line,treatment,{}\n", columns.join(","))
    } else {
        "source,line,column,value\n".to_string()
    };
    for path in samples(id) {
        written.source = name(&path);
        for detection in detected(&path, registry) {
            written.source.clone_from(&detection.source);
            if usage {
                read_usage(&detection, &mut written).expect("a sample is read");
                continue;
            }
            let table = read_table(&detection).expect("a sample is read");
            for row in &table.rows {
                for column in &table.columns {
                    let (line, source) = (row.line.to_string(), written.source.clone());
                    written.cells(&[&source, &line, column, table.cell(row, column)]);
                }
            }
        }
    }
    head + &written.csv
}

#[test]
fn every_sample_reads_as_expected() {
    let registry = Registry::builtin();
    let mut differing = String::new();
    for spec in registry.iter() {
        let path = root().join(&spec.id).join("expected.csv");
        let read = read_again(&registry, &spec.id);
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            fs_err::write(&path, &read).expect("testdata can be written");
        }
        let expected = fs_err::read_to_string(&path).expect("expected rows");
        for (read, expected) in read.lines().zip(expected.lines()).filter(|(r, e)| r != e) {
            let _ = writeln!(differing, "{}:\n  read     {read}\n  expected {expected}", spec.id);
        }
        if read.lines().count() != expected.lines().count() {
            let _ = writeln!(differing, "{}: not as many rows as expected", spec.id);
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

#[test]
fn every_sample_is_recognised_as_its_own_format() {
    let registry = Registry::builtin();
    for spec in registry.iter() {
        let found = samples(&spec.id);
        assert!(!found.is_empty(), "{} has samples", spec.id);
        for path in found {
            for detection in detected(&path, &registry) {
                assert_eq!(detection.spec.id, spec.id, "{}", path.display());
                // A PSA's own sample has no heading that its spec does not know.
                assert!(spec.is_usage() || detection.findings.is_empty(), "{:?}", detection.findings);
            }
        }
    }
}

#[test]
fn focus_versions_are_told_apart_by_their_headings() {
    let registry = Registry::builtin();
    let version = |file: &str| {
        let path = root().join("focus").join(file);
        detect(&path, file, &registry).expect("recognised").format_version
    };
    assert_eq!((version("sample.csv").as_str(), version("sample-1.2.csv").as_str()), ("1.0", "1.2"));
}
