//! Parquet to records of exact text, a row group at a time. Its columns are typed, so nothing is guessed; only
//! binary floats need a choice: the shortest decimal that gives the float back.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Days, NaiveDate, NaiveTime};
use polars::prelude::{
    AnyValue, ArrowDataType, Column, DataFrame, ParallelStrategy, ParquetReader, PolarsError, SerReader, TimeUnit,
};

use super::workbook::float_text;
use crate::finding::Code;
use pages::{Chunk, check};

mod pages;

/// The largest row group, unpacked, and its largest number of values: one is held in memory.
const LARGEST_GROUP: u64 = 1 << 30;
const MOST_VALUES: usize = 64 << 20;

/// Why a Parquet file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct ParquetFault {
    pub code: Code,
    pub message: String,
}

impl ParquetFault {
    fn damaged(why: impl std::fmt::Display) -> Self {
        Self { code: Code::I110, message: format!("the Parquet file is cut off or damaged: {why}") }
    }

    fn refused(message: String) -> Self {
        Self { code: Code::I101, message }
    }
}

/// What a file's schema says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ParquetColumns {
    /// The columns that are read, in order.
    pub names: Vec<String>,
    /// Those that hold binary floats.
    pub floats: Vec<String>,
    /// Columns of lists and structures, which are left out.
    pub nested: Vec<String>,
    pub rows: u64,
}

struct Group {
    start: usize,
    rows: usize,
    /// Where its columns stand.
    chunks: Vec<Chunk>,
}

/// The columns of a file.
pub(super) fn parquet_columns(path: &Path) -> Result<ParquetColumns, ParquetFault> {
    open(path).map(|(columns, _)| columns)
}

fn open(path: &Path) -> Result<(ParquetColumns, Vec<Group>), ParquetFault> {
    let bytes = fs_err::File::open(path).map_err(|e| ParquetFault::refused(e.to_string()))?;
    guarded(|| {
        let mut reader = ParquetReader::new(bytes.into_file());
        let mut columns = ParquetColumns::default();
        for (name, field) in reader.schema()?.iter() {
            let name = name.to_string();
            match field.dtype() {
                ArrowDataType::List(_)
                | ArrowDataType::LargeList(_)
                | ArrowDataType::FixedSizeList(..)
                | ArrowDataType::Struct(_)
                | ArrowDataType::Map(..) => columns.nested.push(name),
                ArrowDataType::Float16 | ArrowDataType::Float32 | ArrowDataType::Float64 => {
                    columns.floats.push(name.clone());
                    columns.names.push(name);
                }
                _ => columns.names.push(name),
            }
        }
        let (mut groups, mut start) = (Vec::new(), 0_usize);
        for (number, group) in reader.get_metadata()?.row_groups.iter().enumerate() {
            let rows = group.num_rows();
            let values = rows.saturating_mul(columns.names.len());
            let bytes = group.total_byte_size() as u64;
            if values > MOST_VALUES || bytes > LARGEST_GROUP {
                return Ok(Err(ParquetFault::refused(format!(
                    "row group {} of the Parquet file has {values} values in {bytes} bytes, and at most {MOST_VALUES} \
                     values and {LARGEST_GROUP} bytes are held in memory at once; write it again with smaller row groups",
                    number + 1
                ))));
            }
            let chunks = group.parquet_columns().iter().map(|column| Chunk {
                bytes: column.byte_range(),
                unpacked: u64::try_from(column.uncompressed_size()).unwrap_or(0),
                values: u64::try_from(column.num_values()).unwrap_or(0),
            });
            groups.push(Group { start, rows, chunks: chunks.collect() });
            start = start.saturating_add(rows);
        }
        columns.rows = start as u64;
        Ok(Ok((columns, groups)))
    })?
}

/// A record: its number, its cells by column, and its text as a line of CSV.
pub(super) struct ParquetRecord<'a> {
    pub number: u64,
    pub cells: &'a [String],
    pub raw: &'a str,
}

/// Reads every record. `Ok(Some)` is a fault behind the last record handed on, with that record's number.
pub(super) fn read_parquet(
    path: &Path,
    on: &mut dyn FnMut(ParquetRecord<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Option<(u64, ParquetFault)>> {
    let (columns, groups) = match open(path) {
        Ok(opened) => opened,
        Err(fault) => return Ok(Some((0, fault))),
    };
    let mut cells = vec![String::new(); columns.names.len()];
    let mut raw = String::new();
    let mut number = 0;
    for group in groups.into_iter().filter(|g| g.rows > 0) {
        let mut file = fs_err::File::open(path)?.into_file();
        if let Some(why) = group.chunks.iter().find_map(|chunk| check(&mut file, chunk).err()) {
            return Ok(Some((number, ParquetFault::damaged(why))));
        }
        file.seek(SeekFrom::Start(0))?;
        let frame = guarded(|| {
            ParquetReader::new(file)
                .with_columns(Some(columns.names.clone()))
                .with_slice(Some((group.start, group.rows)))
                .read_parallel(ParallelStrategy::RowGroups)
                .finish()
                .map(Ok)
        });
        let frame: DataFrame = match frame {
            Ok(Ok(frame)) => frame,
            Ok(Err(fault)) | Err(fault) => return Ok(Some((number, fault))),
        };
        let by_name: Result<Vec<&Column>, PolarsError> = columns.names.iter().map(|n| frame.column(n)).collect();
        let by_name = match by_name {
            Ok(by_name) if frame.height() == group.rows => by_name,
            _ => return Ok(Some((number, ParquetFault::damaged("a row group is not what the schema says")))),
        };
        for row in 0..group.rows {
            raw.clear();
            for (i, column) in by_name.iter().enumerate() {
                let Some(cell) = cells.get_mut(i) else { continue };
                cell.clear();
                if let Err(e) = column.get(row).map(|value| write_value(&value, cell)) {
                    return Ok(Some((number, ParquetFault::damaged(e))));
                }
                if i > 0 {
                    raw.push(',');
                }
                push_quoted(&mut raw, cell);
            }
            number += 1;
            on(ParquetRecord { number, cells: &cells, raw: &raw })?;
        }
    }
    Ok(None)
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}
/// Files being read, whose reader may have threads of its own.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Whether a panic is one of the reader's own over a damaged file: it becomes a finding, and a panic hook need not
/// say more.
pub fn is_told_as_damage(panic: &PanicHookInfo<'_>) -> bool {
    let of_reader = || panic.location().is_some_and(|place| place.file().contains("polars"));
    GUARDED.get() || (UNDER_WAY.load(Ordering::Relaxed) > 0 && of_reader())
}

/// Runs what reads the file. Damaged bytes can trip the reader's own invariants; that, too, is a fault of the file.
fn guarded<T>(
    read: impl FnOnce() -> Result<Result<T, ParquetFault>, PolarsError>,
) -> Result<Result<T, ParquetFault>, ParquetFault> {
    GUARDED.set(true);
    UNDER_WAY.fetch_add(1, Ordering::Relaxed);
    let read = catch_unwind(AssertUnwindSafe(read));
    UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    GUARDED.set(false);
    match read {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(e)) => Err(ParquetFault::damaged(e)),
        Err(_) => Err(ParquetFault::damaged("its pages are not what its directory says")),
    }
}

fn push_quoted(raw: &mut String, cell: &str) {
    if cell.contains(['"', ',', '\n', '\r']) {
        raw.push('"');
        raw.push_str(&cell.replace('"', "\"\""));
        raw.push('"');
    } else {
        raw.push_str(cell);
    }
}

/// A value as exact text; null is empty.
fn write_value(value: &AnyValue<'_>, out: &mut String) {
    let written = match value {
        AnyValue::Null => Ok(()),
        AnyValue::Boolean(truth) => write!(out, "{truth}"),
        AnyValue::String(text) => write!(out, "{text}"),
        AnyValue::StringOwned(text) => write!(out, "{text}"),
        AnyValue::UInt8(n) => write!(out, "{n}"),
        AnyValue::UInt16(n) => write!(out, "{n}"),
        AnyValue::UInt32(n) => write!(out, "{n}"),
        AnyValue::UInt64(n) => write!(out, "{n}"),
        AnyValue::Int8(n) => write!(out, "{n}"),
        AnyValue::Int16(n) => write!(out, "{n}"),
        AnyValue::Int32(n) => write!(out, "{n}"),
        AnyValue::Int64(n) => write!(out, "{n}"),
        AnyValue::Int128(n) => write!(out, "{n}"),
        // The shortest text of the float as it is stored: widened first, it would be another's.
        AnyValue::Float32(n) => out.write_str(&shortest(&n.to_string())),
        AnyValue::Float64(n) => out.write_str(&float_text(*n)),
        AnyValue::Decimal(digits, _, scale) => out.write_str(&decimal_text(*digits, *scale)),
        AnyValue::Date(days) => write_date(*days, out),
        AnyValue::Datetime(ticks, unit, zone) => write_instant(*ticks, *unit, zone.is_some(), out),
        AnyValue::DatetimeOwned(ticks, unit, zone) => write_instant(*ticks, *unit, zone.is_some(), out),
        AnyValue::Time(nanos) => write_time(*nanos, out),
        AnyValue::Binary(bytes) => out.write_str(&String::from_utf8_lossy(bytes)),
        AnyValue::BinaryOwned(bytes) => out.write_str(&String::from_utf8_lossy(bytes)),
        other => match other.get_str() {
            Some(text) => out.write_str(text),
            None => write!(out, "{other}"),
        },
    };
    // Writing to a String does not fail.
    debug_assert!(written.is_ok());
}

fn shortest(text: &str) -> String {
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

fn decimal_text(digits: i128, scale: usize) -> String {
    let text = format!("{:0width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let (sign, point) = (if digits < 0 { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
    format!("{sign}{whole}{point}{fraction}")
}

fn write_date(days: i32, out: &mut String) -> std::fmt::Result {
    let epoch = NaiveDate::default();
    let shift = Days::new(u64::from(days.unsigned_abs()));
    let date = if days < 0 { epoch.checked_sub_days(shift) } else { epoch.checked_add_days(shift) };
    match date {
        Some(date) => write!(out, "{date}"),
        None => write!(out, "{days} days from 1970-01-01"),
    }
}

/// Instants are in UTC and say so; civil times have no zone.
fn write_instant(ticks: i64, unit: TimeUnit, zoned: bool, out: &mut String) -> std::fmt::Result {
    let per_second = match unit {
        TimeUnit::Nanoseconds => 1_000_000_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Milliseconds => 1000,
    };
    let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let instant = DateTime::from_timestamp(ticks.div_euclid(per_second), u32::try_from(nanos).unwrap_or(0));
    match instant {
        Some(instant) => {
            write!(out, "{}{}", instant.format("%Y-%m-%dT%H:%M:%S%.f"), if zoned { "Z" } else { "" })
        }
        None => write!(out, "{ticks} ticks from 1970-01-01"),
    }
}

fn write_time(nanos: i64, out: &mut String) -> std::fmt::Result {
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let parts = u32::try_from(seconds).ok().zip(u32::try_from(rest).ok());
    match parts.and_then(|(s, n)| NaiveTime::from_num_seconds_from_midnight_opt(s, n)) {
        Some(time) => write!(out, "{}", time.format("%H:%M:%S%.f")),
        None => write!(out, "{nanos}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &AnyValue<'_>) -> String {
        let mut out = String::new();
        write_value(value, &mut out);
        out
    }

    #[test]
    fn every_kind_of_value_is_exact_text() {
        for (value, expected) in [
            (AnyValue::Null, ""),
            (AnyValue::Boolean(true), "true"),
            (AnyValue::Int64(i64::MIN), "-9223372036854775808"),
            (AnyValue::UInt64(u64::MAX), "18446744073709551615"),
            (AnyValue::Decimal(-5, 38, 3), "-0.005"),
            (AnyValue::Decimal(123_456, 38, 2), "1234.56"),
            (AnyValue::Decimal(7, 38, 0), "7"),
            (AnyValue::Float32(0.1), "0.1"),
            (AnyValue::Float64(0.1), "0.1"),
            (AnyValue::Float64(-0.0), "0"),
            (AnyValue::Float64(7.29e-9), "0.00000000729"),
            (AnyValue::Float64(f64::INFINITY), "inf"),
            (AnyValue::Date(-1), "1969-12-31"),
            (AnyValue::Datetime(1_500, TimeUnit::Milliseconds, None), "1970-01-01T00:00:01.500"),
            (AnyValue::Datetime(-1, TimeUnit::Nanoseconds, None), "1969-12-31T23:59:59.999999999"),
            (AnyValue::Time(3_600_000_000_000), "01:00:00"),
            (AnyValue::Binary(b"text"), "text"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }
}
