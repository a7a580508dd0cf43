//! `focus.csv`: usage rows under the column names of FOCUS 1.2 (FinOps Open Cost and Usage Specification),
//! with what the source has and nothing made up. Every mandatory column is there; one that the source cannot
//! fill stays null and is named at the end. What FOCUS has no column for stands in `x_` columns, as it asks.

use std::io::Write;
use std::path::Path;

use chrono::NaiveDate;

use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use super::usage::treatment;
use crate::format::ChargeCategory;
use crate::ingest::UsageRow;

macro_rules! focus {
    ($($name:literal $($not_null:ident)?;)*) => {
        const COLUMNS: &[&str] = &[$($name,)*];
        /// Mandatory, and never null (FOCUS_Spec v1.2, specification/columns).
        const NOT_NULL: &[&str] = &[$($(stringify_not_null!($name $not_null),)?)*];
    };
}

macro_rules! stringify_not_null {
    ($name:literal not_null) => {
        $name
    };
}

focus! {
    "BilledCost" not_null;
    "BillingAccountId" not_null;
    "BillingAccountName";
    "BillingCurrency" not_null;
    "BillingPeriodEnd" not_null;
    "BillingPeriodStart" not_null;
    "ChargeCategory" not_null;
    "ChargeClass";
    "ChargeDescription";
    "ChargePeriodEnd" not_null;
    "ChargePeriodStart" not_null;
    "ConsumedQuantity";
    "ConsumedUnit";
    "ContractedCost" not_null;
    "ContractedUnitPrice";
    "EffectiveCost" not_null;
    "InvoiceIssuerName" not_null;
    "ListCost" not_null;
    "PricingQuantity";
    "PricingUnit";
    "ProviderName" not_null;
    "PublisherName" not_null;
    "ResourceId";
    "ServiceCategory" not_null;
    "ServiceName" not_null;
    "SkuId";
    "SubAccountId";
    "SubAccountName";
    "x_BillingFrequency";
    "x_Line";
    "x_LineId";
    "x_Metric";
    "x_Source";
    "x_Term";
    "x_Treatment";
}

/// Writes rows under FOCUS names.
pub struct FocusRows {
    table: TableWriter,
    /// By column: whether a row left it null.
    null: Vec<bool>,
}

impl FocusRows {
    pub fn create(path: &Path) -> Result<Self, EmitError> {
        TableWriter::create(path, COLUMNS).map(Self::over)
    }

    pub fn to(out: Box<dyn Write>, path: &Path) -> Result<Self, EmitError> {
        TableWriter::to(out, path, COLUMNS).map(Self::over)
    }

    fn over(table: TableWriter) -> Self {
        Self { table, null: vec![false; COLUMNS.len()] }
    }

    pub fn row(&mut self, source: &str, row: &UsageRow<'_>) -> Result<(), EmitError> {
        let (start, end) = (instant(row.charge_period_start), instant(row.charge_period_end));
        // FOCUS counts what was consumed of usage only; everything else is priced.
        let consumed = row.charge_category == ChargeCategory::Usage;
        let number = |n: Option<rust_decimal::Decimal>| n.map_or(Cell::Empty, Cell::AsRead);
        let cell = |name: &str| match name {
            "BilledCost" => number(row.cost),
            "BillingCurrency" => Cell::Text(row.currency.code()),
            "ChargeCategory" => Cell::Text(row.charge_category.word()),
            "ChargeDescription" => Cell::Text(row.charge_description),
            "ChargePeriodEnd" => Cell::Text(&end),
            "ChargePeriodStart" => Cell::Text(&start),
            "ConsumedQuantity" if consumed => number(row.quantity),
            "ConsumedUnit" if consumed && row.quantity.is_some() => Cell::Text(row.unit),
            "ContractedUnitPrice" => number(row.unit_cost),
            "PricingQuantity" if !consumed => number(row.quantity),
            "PricingUnit" if !consumed && row.quantity.is_some() => Cell::Text(row.unit),
            "ProviderName" => Cell::Text(row.provider_name),
            "ResourceId" => Cell::Text(row.subscription_id),
            "SkuId" => Cell::Text(row.sku_id),
            "SubAccountId" => Cell::Text(row.sub_account_id),
            "SubAccountName" => Cell::Text(row.sub_account_name),
            "x_BillingFrequency" => Cell::Text(row.billing_frequency),
            "x_Line" => Cell::Integer(row.line),
            "x_LineId" => Cell::Text(row.line_id),
            "x_Metric" => Cell::Text(row.metric),
            "x_Source" => Cell::Text(source),
            "x_Term" => Cell::Text(row.term),
            "x_Treatment" => Cell::Text(treatment(row).word()),
            _ => Cell::Empty,
        };
        let cells: Vec<Cell<'_>> = COLUMNS.iter().map(|name| cell(name)).collect();
        for (null, cell) in self.null.iter_mut().zip(&cells) {
            *null |= matches!(cell, Cell::Empty | Cell::Text(""));
        }
        self.table.row(&cells)
    }

    /// The mandatory columns that must not be null and of which a row was.
    pub fn finish(self) -> Result<Vec<&'static str>, EmitError> {
        self.table.finish()?;
        let nulls = COLUMNS.iter().zip(&self.null).filter(|(name, null)| **null && NOT_NULL.contains(*name));
        Ok(nulls.map(|(name, _)| *name).collect())
    }
}

/// FOCUS periods are instants in UTC.
fn instant(day: Option<NaiveDate>) -> String {
    day.map(|d| format!("{d}T00:00:00Z")).unwrap_or_default()
}
