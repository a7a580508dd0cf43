//! `focus.csv`: usage rows under the column names of FOCUS 1.2 (FinOps Open Cost and Usage Specification),
//! with what the source has and nothing made up. Every mandatory column is there; one that the source cannot
//! fill stays null and is named at the end. What FOCUS has no column for stands in `x_` columns, as it asks.

use std::io::Write;
use std::path::Path;

use chrono::{NaiveDate, NaiveTime};

use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use super::usage::treatment;
use crate::format::{ChargeCategory, neutralise};
use crate::ingest::{DateOrder, DecimalStyle, UsageRow, parse_date, parse_number};
use crate::rate::as_read;

/// Columns of FOCUS 1.2 (FOCUS_Spec v1.2, specification/columns).
pub const FOCUS_COLUMNS: &[&str] = &[
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
];

/// Mandatory, and never null.
const NOT_NULL: &[&str] = &[
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];

/// Mandatory, and null only where nothing was used or bought, or where the row corrects another.
const PRICED: &[&str] = &["PricingQuantity", "PricingUnit"];

/// Mandatory and nullable, recommended and nullable (`InvoiceId`), or fed by a column of trueup's own: there in every
/// file, like those above.
const ALWAYS: &[&str] = &[
    "BillingAccountName",
    "ChargeClass",
    "ChargeDescription",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "InvoiceId",
    "PricingQuantity",
    "PricingUnit",
    "ResourceId",
    "SkuId",
    "SubAccountId",
    "SubAccountName",
];

/// What FOCUS has no column for.
const OWN: &[&str] = &["x_BillingFrequency", "x_Line", "x_LineId", "x_Metric", "x_Source", "x_Term", "x_Treatment"];

/// Writes rows under FOCUS names.
pub struct FocusRows {
    table: TableWriter,
    columns: Vec<&'static str>,
    /// By column: its place among the cells that an export has under FOCUS names.
    given: Vec<Option<usize>>,
    /// By column: whether a row left it null.
    null: Vec<bool>,
}

impl FocusRows {
    pub fn create(path: &Path, given: &[&'static str]) -> Result<Self, EmitError> {
        let columns = columns(given);
        TableWriter::create(path, &columns).map(|table| Self::over(table, columns, given))
    }

    pub fn to(out: Box<dyn Write>, path: &Path, given: &[&'static str]) -> Result<Self, EmitError> {
        let columns = columns(given);
        TableWriter::to(out, path, &columns).map(|table| Self::over(table, columns, given))
    }

    fn over(table: TableWriter, columns: Vec<&'static str>, given: &[&'static str]) -> Self {
        let given = columns.iter().map(|c| given.iter().position(|g| g == c)).collect();
        Self { table, null: vec![false; columns.len()], columns, given }
    }

    pub fn row(&mut self, source: &str, row: &UsageRow<'_>, focus: &[Option<String>]) -> Result<(), EmitError> {
        let (start, end) = (instant(row.charge_period_start), instant(row.charge_period_end));
        // FOCUS counts what was consumed of usage only; everything else is priced.
        let consumed = row.charge_category == ChargeCategory::Usage;
        let number = |n: Option<rust_decimal::Decimal>| n.map_or(Cell::Empty, Cell::AsRead);
        let own = |name: &str| match name {
            "BilledCost" => number(row.cost),
            "BillingCurrency" => Cell::Text(row.currency.code()),
            "ChargeCategory" => Cell::Text(row.charge_category.word()),
            "ChargeDescription" => Cell::Text(row.charge_description()),
            "ChargePeriodEnd" => Cell::Text(&end),
            "ChargePeriodStart" => Cell::Text(&start),
            "ConsumedQuantity" if consumed => number(row.quantity),
            "ConsumedUnit" if consumed && row.quantity.is_some() => Cell::Text(row.unit()),
            "ContractedUnitPrice" => number(row.unit_cost),
            "PricingQuantity" if !consumed => number(row.quantity),
            "PricingUnit" if !consumed && row.quantity.is_some() => Cell::Text(row.unit()),
            "ProviderName" => Cell::Text(row.provider_name()),
            "ResourceId" => Cell::Text(row.subscription_id()),
            "SkuId" => Cell::Text(row.sku_id()),
            "SubAccountId" => Cell::Text(row.sub_account_id()),
            "SubAccountName" => Cell::Text(row.sub_account_name()),
            "x_BillingFrequency" => Cell::Text(row.billing_frequency()),
            "x_Line" => Cell::Integer(row.line),
            "x_LineId" => Cell::Text(row.line_id()),
            "x_Metric" => Cell::Text(row.metric()),
            "x_Source" => Cell::Text(source),
            "x_Term" => Cell::Text(row.term()),
            "x_Treatment" => Cell::Text(treatment(row).word()),
            _ => Cell::Empty,
        };
        // What the export says under FOCUS's own name is nearer the source than trueup's columns: instants
        // have their hour, and an account that is not there is not the payer.
        let written: Vec<Option<String>> = self
            .columns
            .iter()
            .zip(&self.given)
            .map(|(name, place)| (*place).and_then(|i| focus.get(i)?.as_deref()).map(|text| rewritten(name, text)))
            .collect();
        let cells: Vec<Cell<'_>> = self
            .columns
            .iter()
            .zip(&written)
            .map(|(name, text)| match text {
                Some(text) if is_plain(name) => Cell::Plain(text),
                Some(text) => Cell::Text(text),
                None => own(name),
            })
            .collect();
        let corrects = self.columns.iter().zip(&written).any(|(name, text)| {
            *name == "ChargeClass" && text.as_deref().is_some_and(|class| class.eq_ignore_ascii_case("correction"))
        });
        let priced = matches!(row.charge_category, ChargeCategory::Usage | ChargeCategory::Purchase) && !corrects;
        for ((null, cell), name) in self.null.iter_mut().zip(&cells).zip(&self.columns) {
            let is_null = matches!(cell, Cell::Empty | Cell::Text("") | Cell::Plain(""));
            *null |= is_null && (priced || !PRICED.contains(name));
        }
        self.table.row(&cells)
    }

    /// The mandatory columns that must not be null and of which a row was.
    pub fn finish(self) -> Result<Vec<&'static str>, EmitError> {
        self.table.finish()?;
        let wanted = |name: &&str| NOT_NULL.contains(name) || PRICED.contains(name);
        let nulls = self.columns.iter().zip(&self.null).filter(|(name, null)| **null && wanted(name));
        Ok(nulls.map(|(name, _)| *name).collect())
    }
}

/// The columns of a file: those that FOCUS asks for, those that some export has, and trueup's own.
fn columns(given: &[&'static str]) -> Vec<&'static str> {
    let there = |c: &&&str| NOT_NULL.contains(*c) || ALWAYS.contains(*c) || given.contains(*c);
    FOCUS_COLUMNS.iter().filter(there).chain(OWN).copied().collect()
}

fn is_number(name: &str) -> bool {
    ["Cost", "UnitPrice", "Quantity"].iter().any(|end| name.ends_with(end))
}

fn is_instant(name: &str) -> bool {
    name.ends_with("PeriodStart") || name.ends_with("PeriodEnd")
}

/// Whether the text is a number or an instant, which no spreadsheet runs.
fn is_plain(name: &str) -> bool {
    is_number(name) || is_instant(name)
}

/// A cell in the way that FOCUS writes it: plain decimals, instants in UTC. What is neither stands as it is.
fn rewritten(name: &str, text: &str) -> String {
    if is_number(name) {
        return parse_number(text, DecimalStyle::Point).map_or_else(|_| neutralise(text).into_owned(), as_read);
    }
    if !is_instant(name) || (text.contains('T') && text.ends_with('Z')) {
        return if is_plain(name) { neutralise(text).into_owned() } else { text.to_string() };
    }
    let zoned = text.get(10..).is_some_and(|rest| rest.contains(['+', '-']));
    match parse_date(text, Some(DateOrder::Ymd)) {
        Ok(parsed) if !zoned => {
            let time = parsed.time.unwrap_or(NaiveTime::MIN);
            format!("{}T{}Z", parsed.date, time.format("%H:%M:%S"))
        }
        _ => neutralise(text).into_owned(),
    }
}

/// FOCUS periods are instants in UTC.
fn instant(day: Option<NaiveDate>) -> String {
    day.map(|d| format!("{d}T00:00:00Z")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_under_focus_names_are_written_as_focus_asks() {
        for (name, cell, written) in [
            ("BilledCost", "7.29E-9", "0.00000000729"),
            ("ListUnitPrice", "1,234.50", "1234.50"),
            ("ListCost", "=1+1", "'=1+1"),
            ("ChargePeriodStart", "2024-09-18 22:00:00", "2024-09-18T22:00:00Z"),
            ("BillingPeriodEnd", "2024-10-01", "2024-10-01T00:00:00Z"),
            ("ChargePeriodEnd", "2024-09-18T22:00:00Z", "2024-09-18T22:00:00Z"),
            ("ChargePeriodEnd", "2024-09-18T22:00:00+02:00", "2024-09-18T22:00:00+02:00"),
            ("ServiceName", "=x", "=x"),
        ] {
            assert_eq!(rewritten(name, cell), written, "{name} {cell}");
        }
    }

    #[test]
    fn every_column_asked_for_is_one_of_focus() {
        assert!(NOT_NULL.iter().chain(ALWAYS).all(|c| FOCUS_COLUMNS.contains(c)));
        assert_eq!(FOCUS_COLUMNS.len(), 57);
        assert_eq!(columns(&["Tags"]).len(), NOT_NULL.len() + ALWAYS.len() + 1 + OWN.len());
    }
}
