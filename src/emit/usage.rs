//! Usage rows as `tidy` hands them on: section 4's columns with the place each row came from and how it
//! counts, as CSV, Parquet or FOCUS. Rows pass through one by one; none is held longer than a row group.

use std::io::Write;
use std::path::Path;

use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use super::focus::FocusRows;
use super::parquet::ParquetRows;
use crate::format::Column;
use crate::ingest::{Treatment, UsageRow};

/// What usage rows are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageFormat {
    #[default]
    Csv,
    Parquet,
    Focus,
}

impl UsageFormat {
    /// The file's name in a folder of outputs.
    pub const fn file(self) -> &'static str {
        match self {
            UsageFormat::Csv => "usage.csv",
            UsageFormat::Parquet => "usage.parquet",
            UsageFormat::Focus => "focus.csv",
        }
    }
}

/// The columns of a tidied row, in order.
pub fn usage_columns() -> Vec<&'static str> {
    Column::ALL.iter().map(|c| c.name()).chain(["source", "line", "treatment"]).collect()
}

/// How a row counts, as it is written. A row that counts without a quantity counts as no units, which is
/// what cost-only says.
pub(super) fn treatment(row: &UsageRow<'_>) -> Treatment {
    match row.treatment {
        Treatment::Counted if row.quantity.is_none() => Treatment::CostOnly,
        other => other,
    }
}

/// Writes usage rows, which come in order of source and line.
pub enum UsageWriter {
    Csv(Box<TableWriter>),
    Parquet(Box<ParquetRows>),
    Focus(Box<FocusRows>),
}

impl UsageWriter {
    /// Writes into `folder`. `focus` are the FOCUS columns that some export has under their own names.
    pub fn create(folder: &Path, format: UsageFormat, focus: &[&'static str]) -> Result<Self, EmitError> {
        let path = folder.join(format.file());
        Ok(match format {
            UsageFormat::Csv => UsageWriter::Csv(Box::new(TableWriter::create(&path, &usage_columns())?)),
            UsageFormat::Parquet => UsageWriter::Parquet(Box::new(ParquetRows::create(&path)?)),
            UsageFormat::Focus => UsageWriter::Focus(Box::new(FocusRows::create(&path, focus)?)),
        })
    }

    /// Writes text to `out`; `None` for a format that is not text.
    pub fn to(out: Box<dyn Write>, format: UsageFormat, focus: &[&'static str]) -> Option<Result<Self, EmitError>> {
        let path = Path::new("standard output");
        match format {
            UsageFormat::Csv => {
                Some(TableWriter::to(out, path, &usage_columns()).map(|table| UsageWriter::Csv(Box::new(table))))
            }
            UsageFormat::Focus => Some(FocusRows::to(out, path, focus).map(|rows| UsageWriter::Focus(Box::new(rows)))),
            UsageFormat::Parquet => None,
        }
    }

    /// `focus` are the cells that the export has under FOCUS names, in the order given at the start; empty
    /// for an export of another format.
    pub fn row(&mut self, source: &str, row: &UsageRow<'_>, focus: &[Option<String>]) -> Result<(), EmitError> {
        match self {
            UsageWriter::Csv(table) => table.row(&cells(source, row)),
            UsageWriter::Parquet(rows) => rows.row(source, row),
            UsageWriter::Focus(rows) => rows.row(source, row, focus),
        }
    }

    /// Ends the file. Gives back the mandatory columns that no row could fill (FOCUS alone has such).
    pub fn finish(self) -> Result<Vec<&'static str>, EmitError> {
        match self {
            UsageWriter::Csv(table) => table.finish().map(|()| Vec::new()),
            UsageWriter::Parquet(rows) => rows.finish().map(|()| Vec::new()),
            UsageWriter::Focus(rows) => rows.finish(),
        }
    }
}

fn cells<'a>(source: &'a str, row: &'a UsageRow<'_>) -> Vec<Cell<'a>> {
    let number = |n: Option<rust_decimal::Decimal>| n.map_or(Cell::Empty, Cell::AsRead);
    let date = |d: Option<chrono::NaiveDate>| d.map_or(Cell::Empty, Cell::Date);
    let mut cells: Vec<Cell<'a>> = Vec::with_capacity(Column::ALL.len() + 3);
    for column in Column::ALL {
        cells.push(match column {
            Column::Quantity => number(row.quantity),
            Column::UnitCost => number(row.unit_cost),
            Column::Cost => number(row.cost),
            Column::ChargePeriodStart => date(row.charge_period_start),
            Column::ChargePeriodEnd => date(row.charge_period_end),
            other => Cell::Text(text(*other, row)),
        });
    }
    cells.extend([Cell::Text(source), Cell::Integer(row.line), Cell::Text(treatment(row).word())]);
    cells
}

/// The text of a column that holds text; empty for the others.
pub(super) fn text<'a>(column: Column, row: &'a UsageRow<'_>) -> &'a str {
    match column {
        Column::ProviderName => row.provider_name(),
        Column::SubAccountId => row.sub_account_id(),
        Column::SubAccountName => row.sub_account_name(),
        Column::SkuId => row.sku_id(),
        Column::ChargeDescription => row.charge_description(),
        Column::SubscriptionId => row.subscription_id(),
        Column::LineId => row.line_id(),
        Column::Term => row.term(),
        Column::BillingFrequency => row.billing_frequency(),
        Column::ChargeCategory => row.charge_category.word(),
        Column::Metric => row.metric(),
        Column::Unit => row.unit(),
        Column::Currency => row.currency.code(),
        Column::ChargePeriodStart | Column::ChargePeriodEnd | Column::Quantity | Column::UnitCost | Column::Cost => "",
    }
}
