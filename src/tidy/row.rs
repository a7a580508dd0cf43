//! A typed row at rest: fixed size, its texts interned, so that millions of them can wait in partitions
//! in memory or on disk.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::format::ChargeCategory;
use crate::ingest::{Treatment, UsageRow};
use crate::rate::Currency;

/// A usage row between ingest and meter. Text is interned by number; `file` numbers sources in path order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Rows of equal key are copies of one another, to be judged together.
    pub key: u128,
    /// Fingerprint of the canonical columns.
    pub content: u128,
    /// Account, SKU and subscription: the readings of one meter.
    pub series: u128,
    pub line: u64,
    pub file: u32,
    pub account: u32,
    pub sku: u32,
    /// The format names identity columns, and they are filled.
    pub identified: bool,
    pub category: ChargeCategory,
    pub treatment: Treatment,
    pub currency: Currency,
    pub start: Option<NaiveDate>,
    /// Exclusive.
    pub end: Option<NaiveDate>,
    /// The export's own date, to order conflicting copies.
    pub exported: Option<NaiveDate>,
    pub quantity: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
}

/// Bytes of an encoded row.
pub const ROW_BYTES: usize = 16 * 6 + 8 + 4 * 6 + 3 + 3;

const NO_DAY: i32 = i32::MIN;

impl Row {
    /// A typed row at rest, its texts not yet interned.
    pub fn of(row: &UsageRow<'_>, file: u32, key: u128) -> Self {
        Self {
            key,
            content: row.content,
            series: 0,
            line: row.line,
            file,
            account: 0,
            sku: 0,
            identified: row.identity.is_some(),
            category: row.charge_category,
            treatment: row.treatment,
            currency: row.currency,
            start: row.charge_period_start,
            end: row.charge_period_end,
            exported: row.exported,
            quantity: row.quantity,
            cost: row.cost,
            unit_cost: row.unit_cost,
        }
    }

    /// The place that orders copies: first by path, then by line.
    pub fn position(&self) -> (u32, u64) {
        (self.file, self.line)
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        for wide in [self.key, self.content, self.series] {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        for number in [self.quantity, self.cost, self.unit_cost] {
            out.extend_from_slice(&number.unwrap_or_default().serialize());
        }
        out.extend_from_slice(&self.line.to_le_bytes());
        for narrow in [self.file, self.account, self.sku] {
            out.extend_from_slice(&narrow.to_le_bytes());
        }
        for day in [self.start, self.end, self.exported] {
            out.extend_from_slice(&day_number(day).to_le_bytes());
        }
        let mut code = [0u8; 3];
        code[..self.currency.code().len()].copy_from_slice(self.currency.code().as_bytes());
        out.extend_from_slice(&code);
        let has = [self.quantity.is_some(), self.cost.is_some(), self.unit_cost.is_some(), self.identified];
        let flags = has.iter().enumerate().fold(0u8, |f, (i, &bit)| f | (u8::from(bit) << i));
        out.extend_from_slice(&[flags, self.category as u8, self.treatment as u8]);
    }

    /// `None` if the bytes were not written by `encode`.
    pub fn decode(bytes: &[u8; ROW_BYTES]) -> Option<Self> {
        let mut at = 0;
        let mut take = |n: usize| {
            at += n;
            &bytes[at - n..at]
        };
        let wide = |b: &[u8]| b.try_into().ok().map(u128::from_le_bytes);
        let (key, content, series) = (wide(take(16))?, wide(take(16))?, wide(take(16))?);
        let number = |b: &[u8]| b.try_into().ok().map(Decimal::deserialize);
        let (quantity, cost, unit_cost) = (number(take(16))?, number(take(16))?, number(take(16))?);
        let line = u64::from_le_bytes(take(8).try_into().ok()?);
        let narrow = |b: &[u8]| b.try_into().ok().map(u32::from_le_bytes);
        let (file, account, sku) = (narrow(take(4))?, narrow(take(4))?, narrow(take(4))?);
        let day = |b: &[u8]| b.try_into().ok().map(i32::from_le_bytes).map(day_of);
        let (start, end, exported) = (day(take(4))?, day(take(4))?, day(take(4))?);
        let code = std::str::from_utf8(take(3)).ok()?.trim_end_matches('\0').to_string();
        let rest = take(3);
        let has = |bit: u8| rest[0] & (1 << bit) != 0;
        Some(Self {
            key,
            content,
            series,
            line,
            file,
            account,
            sku,
            identified: has(3),
            category: category(rest[1])?,
            treatment: treatment(rest[2])?,
            currency: Currency::parse(&code)?,
            start,
            end,
            exported,
            quantity: has(0).then_some(quantity),
            cost: has(1).then_some(cost),
            unit_cost: has(2).then_some(unit_cost),
        })
    }
}

fn day_number(day: Option<NaiveDate>) -> i32 {
    day.map_or(NO_DAY, |d| d.to_epoch_days())
}

fn day_of(number: i32) -> Option<NaiveDate> {
    if number == NO_DAY { None } else { NaiveDate::from_epoch_days(number) }
}

fn category(byte: u8) -> Option<ChargeCategory> {
    use ChargeCategory::{Adjustment, Credit, Purchase, Tax, Usage};
    [Usage, Purchase, Tax, Credit, Adjustment].into_iter().find(|c| *c as u8 == byte)
}

fn treatment(byte: u8) -> Option<Treatment> {
    use Treatment::{CostOnly, Counted, Excluded};
    [Counted, CostOnly, Excluded].into_iter().find(|t| *t as u8 == byte)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plain row to vary in tests.
    pub(crate) fn row(key: u128, file: u32, line: u64) -> Row {
        Row {
            key,
            content: 1,
            series: 7,
            line,
            file,
            account: 2,
            sku: 3,
            identified: false,
            category: ChargeCategory::Purchase,
            treatment: Treatment::Counted,
            currency: Currency::parse("USD").expect("a code"),
            start: NaiveDate::from_ymd_opt(2026, 10, 1),
            end: NaiveDate::from_ymd_opt(2026, 11, 1),
            exported: None,
            quantity: Some(Decimal::new(15, 1)),
            cost: Some(Decimal::new(-325, 2)),
            unit_cost: None,
        }
    }

    #[test]
    fn a_row_survives_its_encoding() {
        let mut bare = row(u128::MAX, 9, u64::MAX);
        bare.start = None;
        bare.end = None;
        bare.quantity = None;
        bare.currency = Currency::NONE;
        bare.treatment = Treatment::Excluded;
        bare.category = ChargeCategory::Adjustment;
        for original in [row(5, 1, 2), bare] {
            let mut bytes = Vec::new();
            original.encode(&mut bytes);
            let fixed: &[u8; ROW_BYTES] = bytes.as_slice().try_into().expect("the stated size");
            assert_eq!(Row::decode(fixed), Some(original));
        }
    }
}
