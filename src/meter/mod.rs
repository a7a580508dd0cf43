//! Rows to the metered quantity and cost per client × product × term. With ingest and tidy the only
//! stages that see row volume; what leaves here is small.

mod series;
mod sums;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

pub use series::Series;
pub use sums::{Conversion, QUANTITY_PLACES, Reading, Sums, Together, UnitCost, cost_part};

use crate::book::{ClientId, ProductCode};
use crate::finding::Place;
use crate::rate::Currency;

/// What the exports say a client used of a product under one term in the period.
#[derive(Debug, Clone, PartialEq)]
pub struct Metered {
    pub client_id: ClientId,
    pub product_code: ProductCode,
    /// ISO 8601 duration, empty if the rows state none.
    pub term: String,
    pub quantity: Decimal,
    /// No row carries units: only costs, credits, taxes.
    pub cost_only: bool,
    /// Of the month: of a charge for several months its part.
    pub cost: BTreeMap<Currency, Decimal>,
    /// The vendors whose rows feed it, sorted.
    pub providers: Vec<String>,
    pub first: Place,
    /// The vendor's unit cost for a month if all rows agree on one.
    pub unit_cost: Option<Decimal>,
    /// Consumption, or units already spread over days: never prorated again.
    pub spread: bool,
    /// All its units are consumption (`Usage`).
    pub consumption: bool,
    /// The units at the end of the period where `quantity` is spread over its days, else `quantity`.
    pub at_end: Decimal,
    /// Which of several counts it is, where the vendor's exports hold several of one SKU and account.
    pub count: Option<Count>,
}

/// One of several counts of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    pub provider_name: String,
    /// Id, else name.
    pub account: String,
    /// Id, else description.
    pub sku: String,
    pub metric: String,
    /// The id of the export's format.
    pub format: String,
}
