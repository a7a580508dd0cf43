//! `summary.json`: the run in one page, for machines and for the report on screen. Nothing in it depends on
//! clock, machine or folder, so that equal books give equal bytes.

use std::path::Path;

use indexmap::IndexMap;
use rust_decimal::Decimal;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::columns::Output;
use super::error::EmitError;
use super::findings::FindingGroup;
use crate::book::Period;
use crate::rate::{Currency, ExactSum, money_text};
use crate::reconcile::Verdict;

/// The run.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub program: Program,
    #[serde(serialize_with = "as_text")]
    pub period: Period,
    pub verdict: VerdictWord,
    pub counts: Counts,
    /// By currency, in the order of their codes.
    pub money: Vec<Money>,
    /// What rounding added to each invoice, by contract.
    pub rounding_residue: Vec<Residue>,
    /// Files whose stated amounts are not quantity × unit cost, and which rounding makes them so.
    pub vendor_rounding: Vec<VendorRow>,
    /// In the order of their paths.
    pub inputs: Vec<Input>,
    /// Of `trueup.toml`; `None` where the book has none.
    pub config_sha256: Option<String>,
    pub findings: Vec<FindingGroup>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Program {
    pub name: &'static str,
    pub version: &'static str,
}

impl Default for Program {
    fn default() -> Self {
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct VerdictWord {
    #[serde(serialize_with = "verdict_word")]
    pub word: Verdict,
    pub reason: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    pub files: u64,
    pub rows_read: u64,
    /// Rows per bucket, every bucket in the order of `Bucket::ALL`.
    pub buckets: IndexMap<&'static str, u64>,
    pub other_lines: u64,
    pub line_items: LineCounts,
    /// Discrepancies per code that occurred, in the order of the codes.
    pub discrepancies: IndexMap<&'static str, u64>,
    pub unmapped: UnmappedCounts,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LineCounts {
    pub ready: u64,
    pub review: u64,
    pub held: u64,
}

/// Rows of `unmapped.csv`, and how many of them have a suggestion.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct UnmappedCounts {
    pub accounts: u64,
    pub accounts_suggested: u64,
    pub products: u64,
    pub products_suggested: u64,
}

/// Money of one currency.
#[derive(Debug, Clone)]
pub struct Money {
    pub currency: Currency,
    /// Of all line items.
    pub invoiced: Decimal,
    pub recover: Decimal,
    pub refund: Decimal,
    pub dispute: Decimal,
    pub unmapped_cost: Decimal,
    pub rejected_cost: Decimal,
    /// Amounts after rounding and in whole units less amounts before.
    pub rounding_residue: ExactSum,
}

impl Money {
    pub fn none(currency: Currency) -> Self {
        let zero = Decimal::ZERO;
        Self {
            currency,
            invoiced: zero,
            recover: zero,
            refund: zero,
            dispute: zero,
            unmapped_cost: zero,
            rejected_cost: zero,
            rounding_residue: ExactSum::ZERO,
        }
    }
}

/// Amounts as text: JSON numbers are binary floats to most readers.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("currency", self.currency.code())?;
        for (key, amount) in [
            ("invoiced", self.invoiced),
            ("recover", self.recover),
            ("refund", self.refund),
            ("dispute", self.dispute),
            ("unmapped_cost", self.unmapped_cost),
            ("rejected_cost", self.rejected_cost),
        ] {
            map.serialize_entry(key, &money_text(amount, self.currency))?;
        }
        map.serialize_entry("rounding_residue", &self.rounding_residue.money_text(self.currency))?;
        map.end()
    }
}

/// What rounding added to an invoice: what a client is billed under a contract in a currency.
#[derive(Debug, Clone)]
pub struct Residue {
    pub client_id: String,
    /// Empty for usage without a contract line that was accepted.
    pub contract_id: String,
    pub currency: Currency,
    /// All of it.
    pub residue: ExactSum,
    /// What of it billing in whole units added.
    pub whole_units: ExactSum,
}

impl Serialize for Residue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("client_id", &self.client_id)?;
        map.serialize_entry("contract_id", &self.contract_id)?;
        map.serialize_entry("currency", self.currency.code())?;
        map.serialize_entry("residue", &self.residue.money_text(self.currency))?;
        map.serialize_entry("whole_units", &self.whole_units.money_text(self.currency))?;
        map.end()
    }
}

/// How a file comes from quantity × unit cost to the amounts it states.
#[derive(Debug, Clone)]
pub struct VendorRow {
    pub source: String,
    pub currency: Currency,
    /// Rows that state all three.
    pub rows: u64,
    /// The way that explains most of them.
    pub rounding: &'static str,
    pub explained: u64,
    /// Rows that no way explains.
    pub unexplained: u64,
    /// What those state, less quantity × unit cost.
    pub difference: ExactSum,
    /// What all rows state, less quantity × unit cost.
    pub residue: ExactSum,
}

impl Serialize for VendorRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("currency", self.currency.code())?;
        map.serialize_entry("rows", &self.rows)?;
        map.serialize_entry("rounding", self.rounding)?;
        map.serialize_entry("explained", &self.explained)?;
        map.serialize_entry("unexplained", &self.unexplained)?;
        map.serialize_entry("difference", &self.difference.money_text(self.currency))?;
        map.serialize_entry("residue", &self.residue.money_text(self.currency))?;
        map.end()
    }
}

/// A file that was read.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// Relative to the book, with `/`.
    pub source: String,
    pub sha256: String,
    pub bytes: u64,
    /// The format's id; empty where none was recognised.
    pub format: String,
    pub rows: u64,
}

/// The text of `summary.json`.
pub fn summary_text(summary: &Summary) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(summary)?;
    text.push('\n');
    Ok(text)
}

/// Writes `summary.json` into `folder`.
pub fn write_summary(folder: &Path, summary: &Summary) -> Result<(), EmitError> {
    let path = folder.join(Output::Summary.file());
    let text = summary_text(summary).map_err(|e| EmitError::new(&path, e))?;
    fs_err::write(&path, text).map_err(|e| EmitError::new(&path, e))
}

fn as_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn verdict_word<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Bucket;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    #[test]
    fn the_summary_has_its_keys_in_a_fixed_order_and_money_as_text() {
        let usd = Currency::parse("USD").expect("a code");
        let summary = Summary {
            program: Program { name: "trueup", version: "0.0.0" },
            period: Period::new(2026, 10).expect("a month"),
            verdict: VerdictWord { word: Verdict::Discrepant, reason: "1 discrepancy".into() },
            counts: Counts {
                files: 1,
                rows_read: 3,
                buckets: Bucket::ALL.iter().take(1).map(|b| (b.name(), 3)).collect(),
                other_lines: 1,
                line_items: LineCounts { ready: 2, review: 1, held: 0 },
                discrepancies: IndexMap::from([("R401", 1)]),
                unmapped: UnmappedCounts::default(),
            },
            money: vec![Money { invoiced: d("270.5"), recover: d("45"), ..Money::none(usd) }],
            rounding_residue: vec![Residue {
                client_id: "C1".into(),
                contract_id: "K1".into(),
                currency: usd,
                residue: ExactSum::of(d("2.5025")),
                whole_units: ExactSum::of(d("2.5")),
            }],
            vendor_rounding: vec![VendorRow {
                source: "usage/a.csv".into(),
                currency: usd,
                rows: 5,
                rounding: "down",
                explained: 4,
                unexplained: 1,
                difference: ExactSum::of(d("0.655")),
                residue: ExactSum::of(d("0.6")),
            }],
            inputs: vec![Input {
                source: "usage/a.csv".into(),
                sha256: "ab".into(),
                bytes: 9,
                format: "keeper".into(),
                rows: 3,
            }],
            config_sha256: None,
            findings: Vec::new(),
        };
        let dir = tempfile::tempdir().expect("a folder");
        write_summary(dir.path(), &summary).expect("written");
        let expected = r#"{
  "program": {
    "name": "trueup",
    "version": "0.0.0"
  },
  "period": "2026-10",
  "verdict": {
    "word": "discrepant",
    "reason": "1 discrepancy"
  },
  "counts": {
    "files": 1,
    "rows_read": 3,
    "buckets": {
      "billed": 3
    },
    "other_lines": 1,
    "line_items": {
      "ready": 2,
      "review": 1,
      "held": 0
    },
    "discrepancies": {
      "R401": 1
    },
    "unmapped": {
      "accounts": 0,
      "accounts_suggested": 0,
      "products": 0,
      "products_suggested": 0
    }
  },
  "money": [
    {
      "currency": "USD",
      "invoiced": "270.50",
      "recover": "45.00",
      "refund": "0.00",
      "dispute": "0.00",
      "unmapped_cost": "0.00",
      "rejected_cost": "0.00",
      "rounding_residue": "0.00"
    }
  ],
  "rounding_residue": [
    {
      "client_id": "C1",
      "contract_id": "K1",
      "currency": "USD",
      "residue": "2.5025",
      "whole_units": "2.50"
    }
  ],
  "vendor_rounding": [
    {
      "source": "usage/a.csv",
      "currency": "USD",
      "rows": 5,
      "rounding": "down",
      "explained": 4,
      "unexplained": 1,
      "difference": "0.655",
      "residue": "0.60"
    }
  ],
  "inputs": [
    {
      "source": "usage/a.csv",
      "sha256": "ab",
      "bytes": 9,
      "format": "keeper",
      "rows": 3
    }
  ],
  "config_sha256": null,
  "findings": []
}
"#;
        assert_eq!(fs_err::read_to_string(dir.path().join("summary.json")).expect("read"), expected);
    }
}
