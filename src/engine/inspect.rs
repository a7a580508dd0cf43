//! What one file is and holds, read whole but kept nowhere: what `detect` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rust_decimal::Decimal;

use crate::book::{Period, stated_period};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::{Registry, TableKind};
use crate::ingest::{
    Detection, Limits, OtherLine, Reject, UsageRow, UsageSink, detect_all, read_table, read_usage, whole_sets,
};
use crate::rate::{Currency, ExactSum};

/// What a recognised file holds.
#[derive(Debug)]
pub struct Inspected {
    pub detection: Detection,
    /// With those that could not be read.
    pub rows: u64,
    /// The months its rows start in.
    pub periods: BTreeSet<Period>,
    pub cost: BTreeMap<Currency, Decimal>,
    pub findings: Vec<Finding>,
}

/// Why a file was not inspected.
#[derive(Debug)]
pub enum Uninspected {
    /// It cannot be opened, or is of no known format: what there is to say about it.
    Unknown(Vec<Finding>),
    Failed(anyhow::Error),
}

/// Recognises whatever a file holds and reads it whole. `source` is its path as findings show it.
pub fn inspect(path: &Path, source: &str, registry: &Registry, limits: &Limits) -> Vec<Result<Inspected, Uninspected>> {
    let found = detect_all(path, source, registry, limits);
    found.into_iter().map(|one| one.map_err(Uninspected::Unknown).and_then(|d| inspect_one(path, d))).collect()
}

/// Takes back that pages of an API are missing where all of them were inspected.
pub fn settle_inspected(files: &mut [Result<Inspected, Uninspected>]) {
    let whole = whole_sets(files.iter().flatten().filter_map(|seen| seen.detection.page.as_ref()));
    for seen in files.iter_mut().flatten() {
        if seen.detection.page.as_ref().is_some_and(|p| whole.contains(&p.set)) {
            seen.findings.retain(|f| (f.code, f.severity) != (Code::I110, Severity::Warning));
        }
    }
}

fn inspect_one(path: &Path, detection: Detection) -> Result<Inspected, Uninspected> {
    let mut seen = Inspected {
        findings: detection.findings.clone(),
        detection,
        rows: 0,
        periods: BTreeSet::new(),
        cost: BTreeMap::new(),
    };
    // Rows without dates belong to the month that the file's folder or name states.
    let folder = std::path::absolute(path).map(|p| p.to_string_lossy().replace('\\', "/")).unwrap_or_default();
    let stated = stated_period(&folder);
    if seen.detection.kind() == TableKind::Usage {
        let mut count = Count { source: seen.detection.source.clone(), stated, ..Count::default() };
        read_usage(&seen.detection, &mut count).map_err(Uninspected::Failed)?;
        seen.rows = count.rows;
        seen.periods = count.periods;
        seen.findings.extend(count.findings);
        for (currency, sum) in count.cost {
            let sum = sum.to_decimal().map_err(|e| Uninspected::Failed(e.into()))?;
            seen.cost.insert(currency, sum);
        }
    } else {
        match read_table(&seen.detection) {
            Ok(table) => {
                seen.rows = table.rows.len() as u64;
                seen.findings.extend(table.findings);
            }
            Err(findings) => seen.findings.extend(findings),
        }
    }
    Ok(seen)
}

#[derive(Default)]
struct Count {
    source: String,
    rows: u64,
    stated: Option<Period>,
    periods: BTreeSet<Period>,
    cost: BTreeMap<Currency, ExactSum>,
    findings: Vec<Finding>,
}

/// Findings kept for one file; what `detect` shows is a glance, `reconcile` has the whole count.
const FINDINGS_KEPT: usize = 1000;

impl UsageSink for Count {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        self.rows += 1;
        self.periods.extend(row.charge_period_start.map(Period::of).or(self.stated));
        if let Some(cost) = row.cost {
            self.cost.entry(row.currency).or_default().add(cost)?;
        }
        Ok(())
    }

    fn wants_prints(&self) -> bool {
        false
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.rows += 1;
        if reject.with_its_file {
            return Ok(());
        }
        let place = Place { path: self.source.clone(), line: Some(reject.line), column: None };
        let place = if reject.column > 0 { Place { column: Some(reject.column), ..place } } else { place };
        self.finding(Finding::new(reject.code, reject.message).at(place).value(reject.value))
    }

    fn other(&mut self, _line: u64, _kind: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        if self.findings.len() < FINDINGS_KEPT {
            self.findings.push(finding);
        }
        Ok(())
    }
}
