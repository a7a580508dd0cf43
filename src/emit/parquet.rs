//! `usage.parquet`: usage rows for other engines, in one schema whatever the export: text, dates, and
//! decimals of 38 digits with 18 behind the point. A value with more is refused with its place, for a
//! schema that followed the data would differ from month to month.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use fs_err::File;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    ChunkedBuilder, Column as Series, DataFrame, DataType, Int32Type, Int128Type, IntoColumn, IntoSeries,
    ParquetCompression, ParquetWriter, PlSmallStr, PolarsError, PrimitiveChunkedBuilder, Schema, StringChunkedBuilder,
    UInt64Type,
};
use rust_decimal::Decimal;

use super::error::EmitError;
use super::usage::{text, treatment, usage_columns};
use crate::format::{Column, ColumnKind};
use crate::ingest::UsageRow;

/// Rows of a row group.
const GROUP_ROWS: usize = 128 * 1024;
/// Digits of a decimal, and those behind its point.
const PRECISION: usize = 38;
const SCALE: u32 = 18;

/// A value has more digits than the schema holds.
#[derive(Debug, thiserror::Error)]
#[error(
    "{from}:{line}: {column} {value} has more digits than usage.parquet holds (20 before the point, 18 behind); \
     write --to csv, which holds any"
)]
struct TooLong {
    from: String,
    line: u64,
    column: &'static str,
    value: Decimal,
}

/// Writes usage rows, a row group at a time.
pub struct ParquetRows {
    path: PathBuf,
    writer: BatchedWriter<BufWriter<File>>,
    group: Group,
    group_rows: usize,
}

impl ParquetRows {
    pub fn create(path: &Path) -> Result<Self, EmitError> {
        Self::with_group_rows(path, GROUP_ROWS)
    }

    fn with_group_rows(path: &Path, group_rows: usize) -> Result<Self, EmitError> {
        let file = File::create(path).map_err(|e| EmitError::new(path, e))?;
        let writer = ParquetWriter::new(BufWriter::with_capacity(256 * 1024, file))
            .with_compression(ParquetCompression::Snappy)
            .batched(&schema())
            .map_err(|e| failed(path, e))?;
        Ok(Self { path: path.to_path_buf(), writer, group: Group::new(), group_rows })
    }

    pub fn row(&mut self, source: &str, row: &UsageRow<'_>) -> Result<(), EmitError> {
        self.group.push(source, row).map_err(|e| EmitError::new(&self.path, io::Error::other(e)))?;
        if self.group.rows == self.group_rows { self.write_group() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<(), EmitError> {
        self.write_group()?;
        self.writer.finish().map(drop).map_err(|e| failed(&self.path, e))
    }

    fn write_group(&mut self) -> Result<(), EmitError> {
        if self.group.rows == 0 {
            return Ok(());
        }
        let group = std::mem::replace(&mut self.group, Group::new());
        let frame = group.into_frame().map_err(|e| failed(&self.path, e))?;
        self.writer.write_batch(&frame).map_err(|e| failed(&self.path, e))
    }
}

/// The values of one column that are not yet written.
enum Builder {
    Text(StringChunkedBuilder),
    Date(PrimitiveChunkedBuilder<Int32Type>),
    Number(PrimitiveChunkedBuilder<Int128Type>),
    Line(PrimitiveChunkedBuilder<UInt64Type>),
}

impl Builder {
    fn new(name: &str) -> Self {
        let label = PlSmallStr::from_str(name);
        match kind(name) {
            DataType::Date => Builder::Date(PrimitiveChunkedBuilder::new(label, 0)),
            DataType::Decimal(..) => Builder::Number(PrimitiveChunkedBuilder::new(label, 0)),
            DataType::UInt64 => Builder::Line(PrimitiveChunkedBuilder::new(label, 0)),
            _ => Builder::Text(StringChunkedBuilder::new(label, 0)),
        }
    }

    fn text(&mut self, value: &str) {
        if let Builder::Text(builder) = self {
            builder.append_value(value);
        }
    }

    fn finish(self) -> Series {
        match self {
            Builder::Text(b) => b.finish().into_series(),
            Builder::Date(b) => b.finish().into_date().into_series(),
            Builder::Number(b) => b.finish().into_decimal_unchecked(PRECISION, SCALE as usize).into_series(),
            Builder::Line(b) => b.finish().into_series(),
        }
        .into_column()
    }
}

/// The rows not yet written, column by column.
struct Group {
    rows: usize,
    columns: Vec<Builder>,
}

impl Group {
    fn new() -> Self {
        Self { rows: 0, columns: usage_columns().into_iter().map(Builder::new).collect() }
    }

    fn push(&mut self, source: &str, row: &UsageRow<'_>) -> Result<(), TooLong> {
        self.rows += 1;
        let too_long =
            |column: Column, value| TooLong { from: source.to_string(), line: row.line, column: column.name(), value };
        for (column, builder) in Column::ALL.iter().copied().zip(&mut self.columns) {
            match builder {
                Builder::Number(b) => match number(column, row) {
                    Some(value) => b.append_value(units(value).ok_or_else(|| too_long(column, value))?),
                    None => b.append_null(),
                },
                Builder::Date(b) => match date(column, row) {
                    Some(day) => b.append_value(day.to_epoch_days()),
                    None => b.append_null(),
                },
                Builder::Text(b) => b.append_value(text(column, row)),
                Builder::Line(_) => {}
            }
        }
        if let [.., from, line, how] = self.columns.as_mut_slice() {
            from.text(source);
            if let Builder::Line(b) = line {
                b.append_value(row.line);
            }
            how.text(treatment(row).word());
        }
        Ok(())
    }

    fn into_frame(self) -> Result<DataFrame, PolarsError> {
        DataFrame::new(self.rows, self.columns.into_iter().map(Builder::finish).collect())
    }
}

fn number(column: Column, row: &UsageRow<'_>) -> Option<Decimal> {
    match column {
        Column::Quantity => row.quantity,
        Column::UnitCost => row.unit_cost,
        _ => row.cost,
    }
}

fn date(column: Column, row: &UsageRow<'_>) -> Option<NaiveDate> {
    if column == Column::ChargePeriodStart { row.charge_period_start } else { row.charge_period_end }
}

/// The value in units of the scale, if it fits.
fn units(value: Decimal) -> Option<i128> {
    let value = value.normalize();
    let up = 10_i128.checked_pow(SCALE.checked_sub(value.scale())?)?;
    let units = value.mantissa().checked_mul(up)?;
    (units.unsigned_abs() < 10_u128.pow(38)).then_some(units)
}

fn kind(name: &str) -> DataType {
    match Column::parse(name).map(Column::kind) {
        Some(ColumnKind::Number) => DataType::Decimal(PRECISION, SCALE as usize),
        Some(ColumnKind::Date) => DataType::Date,
        None if name == "line" => DataType::UInt64,
        Some(ColumnKind::Text | ColumnKind::Currency | ColumnKind::Category) | None => DataType::String,
    }
}

fn schema() -> Schema {
    usage_columns().into_iter().map(|name| (PlSmallStr::from_str(name), kind(name))).collect()
}

fn failed(path: &Path, error: PolarsError) -> EmitError {
    match error {
        PolarsError::IO { error, .. } => EmitError::new(path, io::Error::new(error.kind(), error.to_string())),
        other => EmitError::new(path, io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_fits_exactly_or_not_at_all() {
        let d = |s: &str| Decimal::from_str_exact(s).expect("a decimal");
        assert_eq!(units(d("1.50")), Some(1_500_000_000_000_000_000));
        assert_eq!(units(d("-0.000000000000000001")), Some(-1));
        assert_eq!(units(d("0.0000000000000000010")), Some(1));
        assert_eq!(units(d("0.0000000000000000001")), None, "19 places");
        assert_eq!(units(d("99999999999999999999")).map(|u| u.to_string().len()), Some(38));
        assert_eq!(units(d("100000000000000000000")), None, "21 digits before the point");
    }
}
