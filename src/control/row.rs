//! One file and currency in the proof of conservation: what was read, and in which buckets it ended.

use rust_decimal::Decimal;

use super::Bucket;
use crate::rate::{Currency, ExactSum};

/// How many buckets there are.
pub const BUCKETS: usize = Bucket::ALL.len();

/// A row of `controls.csv`: a file and one of its currencies, rows without one under `Currency::NONE`.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlRow {
    /// Relative to the book, with `/`.
    pub source: String,
    pub sha256: String,
    /// The id of the format the file was read as.
    pub format: String,
    pub provider_name: String,
    pub currency: Currency,
    pub rows_read: u64,
    pub quantity_read: ExactSum,
    pub cost_read: ExactSum,
    /// Rows, quantity and cost per bucket, in the order of [`Bucket::ALL`].
    pub buckets: [(u64, ExactSum, ExactSum); BUCKETS],
    /// Titles, totals, notes, blank lines and repeated headings.
    pub other_lines: u64,
    /// What the file's own total row states: of its cost, else of its quantity.
    pub stated_total: Option<Decimal>,
    pub balanced: bool,
}
