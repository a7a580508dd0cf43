//! Mappings: account → client and SKU → product, as reviewable text in `map/`.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::bundles::BundleRow;
use super::psa::{ClientId, ProductCode};
use crate::finding::Place;
use crate::format::MeterRule;

/// What a mapping row says of what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapStatus {
    Mapped,
    /// The MSP's own use, NFR, trial.
    Internal,
    Excluded,
    /// The row cannot be read in full. What it matches is joined to nothing: a name must not decide where a
    /// mapping was meant to.
    Unusable,
}

/// A row of `map/accounts.csv`. An empty cell matches anything. `sub_account_name` may be a pattern.
#[derive(Debug, Clone)]
pub struct AccountMapping {
    pub provider_name: String,
    pub sub_account_id: String,
    pub sub_account_name: String,
    pub client_id: ClientId,
    pub status: MapStatus,
    pub valid_from: Option<NaiveDate>,
    /// The last valid day.
    pub valid_to: Option<NaiveDate>,
    pub note: String,
    pub place: Place,
}

/// A row of `map/products.csv`. An empty cell matches anything.
#[derive(Debug, Clone)]
pub struct ProductMapping {
    pub provider_name: String,
    pub sku_id: String,
    pub charge_description: String,
    pub term: String,
    pub metric: String,
    pub product_code: ProductCode,
    pub multiplier: Decimal,
    /// `None` means the format's default.
    pub rule: Option<MeterRule>,
    pub status: MapStatus,
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
    pub note: String,
    pub place: Place,
}

/// The mapping files of a book, in file order.
#[derive(Debug, Clone, Default)]
pub struct Mappings {
    pub accounts: Vec<AccountMapping>,
    pub products: Vec<ProductMapping>,
    pub bundles: Vec<BundleRow>,
}
