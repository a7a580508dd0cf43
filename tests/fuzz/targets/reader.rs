//! Any bytes: read whole, or refused with something said; what is counted was handed on; and what is read, written as
//! CSV and read again is equal.
#![no_main]

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use trueup::emit::{RecordFormat, RecordWriter};
use trueup::finding::Finding;
use trueup::format::{Registry, TableKind};
use trueup::ingest::{
    Limits, OtherLine, RecordSink, Reject, UsageRow, UsageSink, detect_all, is_told_as_damage, read_records, read_table, read_usage,
};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);
/// Small, so that a bomb takes no time.
const LIMITS: Limits = Limits { max_workbook_bytes: 1 << 20, max_expanded_bytes: 16 << 20, max_ratio: 1000 };

#[derive(Default)]
struct Counted {
    rows: u64,
    rejected: u64,
}

impl UsageSink for Counted {
    fn row(&mut self, _: &UsageRow<'_>) -> anyhow::Result<()> {
        self.rows += 1;
        Ok(())
    }
    fn reject(&mut self, _: Reject) -> anyhow::Result<()> {
        self.rejected += 1;
        Ok(())
    }
    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        assert!(!finding.message.is_empty());
        Ok(())
    }
}

struct Kept {
    lists: usize,
    records: Vec<Vec<String>>,
    csv: RecordWriter<BufWriter<fs_err::File>>,
    findings: Vec<String>,
}

impl RecordSink for Kept {
    fn headings(&mut self, source: &str, _: u64, headings: &[&str]) -> anyhow::Result<bool> {
        self.lists += 1;
        if self.lists == 1 {
            self.records.push(headings.iter().map(ToString::to_string).collect());
            self.csv.headings(source, headings)?;
        }
        Ok(self.lists == 1)
    }
    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()> {
        self.records.push(cells.iter().map(ToString::to_string).collect());
        Ok(self.csv.record(line, cells)?)
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.findings.push(finding.to_string());
        Ok(())
    }
}

fn kept(path: &Path, csv: &Path) -> Kept {
    let out = BufWriter::new(fs_err::File::create(csv).expect("made"));
    let csv = RecordWriter::new(out, RecordFormat::Csv, false);
    let mut kept = Kept { lists: 0, records: Vec::new(), csv, findings: Vec::new() };
    read_records(path, "x", &REGISTRY, &LIMITS, &mut kept).expect("reading is not broken off");
    kept
}

/// The fuzzer ends at any panic, also at one that becomes a finding.
static HOOK: LazyLock<()> = LazyLock::new(|| {
    let ends = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_told_as_damage(panic) {
            ends(panic);
        }
    }));
});

fuzz_target!(|bytes: &[u8]| {
    LazyLock::force(&HOOK);
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let path = file.path();
    for detection in detect_all(path, "x", &REGISTRY, &LIMITS) {
        let Ok(detection) = detection else { continue };
        if detection.kind() == TableKind::Usage {
            let mut counted = Counted::default();
            let totals = read_usage(&detection, &mut counted).expect("read");
            assert_eq!((totals.rows, totals.rejected), (counted.rows, counted.rejected));
            assert!(!totals.truncated || counted.rows == 0, "rows of a file that ends early");
        } else if let Err(findings) = read_table(&detection) {
            assert!(!findings.is_empty());
        }
    }
    let (csv, again) = (tempfile::NamedTempFile::new().expect("a file"), tempfile::NamedTempFile::new().expect("a file"));
    let first = kept(path, csv.path());
    assert!(!first.records.is_empty() || !first.findings.is_empty(), "nothing is read and nothing said");
    first.csv.finish().expect("written");
    // With NULs in it, what was told from text by the rest of its file is no text by itself.
    let has_nul = first.records.iter().flatten().any(|cell| cell.contains('\0'));
    if first.records.len() > 1 && !has_nul {
        let second = kept(csv.path(), again.path());
        assert_eq!(second.records, first.records, "{:?}", second.findings);
    }
});
