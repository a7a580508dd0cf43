//! A typed row at rest: small, its texts interned, so that millions of them can wait in partitions in memory
//! or on disk.

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

/// Bytes of the mantissa of an encoded number, by the code in its first byte.
const WIDTHS: [usize; 8] = [1, 2, 3, 4, 5, 6, 8, 13];
/// In the place of a number that is not there.
const NO_NUMBER: u8 = u8::MAX;
/// Bytes of a record before the parts that a row may lack.
const FIXED: usize = 40;
/// Bytes of what a record begins with: its length, flags, key, file and line.
pub(super) const HEAD: usize = 29;
/// Where the key stands.
const KEY: std::ops::Range<usize> = 3..19;

impl Row {
    /// A typed row at rest, its texts not yet interned.
    pub fn of(row: &UsageRow<'_>, file: u32, key: u128) -> Self {
        Self {
            key,
            // Whole rows of equal key are equal: what they say in other columns is in the key.
            content: if row.identity.is_some() { row.content } else { 0 },
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

    /// What equal rows agree on, whatever their fingerprints say: account and SKU, whose texts were compared whole, dates
    /// and amounts. No two rows that differ in money are ever taken for copies. `None` of a row with an identity, whose
    /// other content is a contradiction.
    pub fn says(&self) -> Option<impl Ord + use<>> {
        let what = (self.account, self.sku, self.category, self.currency, self.start, self.end);
        (!self.identified).then_some((what, self.quantity, self.cost, self.unit_cost))
    }

    /// Appends the row as a record that begins with its length.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let days = [self.start, self.end, self.exported];
        let wide = [self.content, self.series];
        let has = days.map(|d| d.is_some()).into_iter().chain(wide.map(|w| w != 0)).chain([self.identified]);
        let flags = has.enumerate().fold(0u8, |flags, (i, bit)| flags | (u8::from(bit) << i));
        let mut fixed = [0u8; FIXED];
        fixed[1] = flags;
        fixed[2] = self.category as u8 | (self.treatment as u8) << 4;
        fixed[KEY].copy_from_slice(&self.key.to_le_bytes());
        fixed[19..23].copy_from_slice(&self.file.to_le_bytes());
        fixed[23..29].copy_from_slice(&self.line.to_le_bytes()[..6]);
        fixed[29..33].copy_from_slice(&self.account.to_le_bytes());
        fixed[33..37].copy_from_slice(&self.sku.to_le_bytes());
        let code = self.currency.code().as_bytes();
        fixed[37..37 + code.len()].copy_from_slice(code);
        out.extend_from_slice(&fixed);
        for day in days.into_iter().flatten() {
            out.extend_from_slice(&day.to_epoch_days().to_le_bytes());
        }
        for wide in wide.into_iter().filter(|w| *w != 0) {
            out.extend_from_slice(&wide.to_le_bytes());
        }
        for number in [self.quantity, self.cost, self.unit_cost] {
            encode_number(number, out);
        }
        // At most 40 + 12 + 32 + 42 bytes.
        out[start] = u8::try_from(out.len() - start).unwrap_or(u8::MAX);
    }

    /// Appends what tells whether the row has copies, and where it stands: a record that is the beginning of the row's.
    pub fn encode_head(&self, out: &mut Vec<u8>) {
        let mut head = [0u8; HEAD];
        head[0] = u8::try_from(HEAD).unwrap_or(u8::MAX);
        head[KEY].copy_from_slice(&self.key.to_le_bytes());
        head[19..23].copy_from_slice(&self.file.to_le_bytes());
        head[23..HEAD].copy_from_slice(&self.line.to_le_bytes()[..6]);
        out.extend_from_slice(&head);
    }

    /// File and line of a record, without the rest.
    pub fn position_of(record: &[u8]) -> Option<(u32, u64)> {
        let mut line = [0u8; 8];
        line[..6].copy_from_slice(record.get(23..HEAD)?);
        Some((Self::file_of(record)?, u64::from_le_bytes(line)))
    }

    /// The key of a record, without the rest.
    pub fn key_of(record: &[u8]) -> Option<u128> {
        record.get(KEY)?.try_into().ok().map(u128::from_le_bytes)
    }

    /// The file of a record, without the rest.
    pub fn file_of(record: &[u8]) -> Option<u32> {
        record.get(19..23)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// `None` if the bytes were not written by `encode`.
    pub fn decode(record: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = record.split_at_checked(FIXED)?;
        let narrow = |at: usize| fixed[at..at + 4].try_into().ok().map(u32::from_le_bytes);
        let has = |bit: u8| fixed[1] & (1 << bit) != 0;
        let mut line = [0u8; 8];
        line[..6].copy_from_slice(&fixed[23..29]);
        let code = std::str::from_utf8(fixed[37..40].split(|b| *b == 0).next()?).ok()?;
        let rest = &mut rest;
        let mut day = |bit: u8| -> Option<Option<NaiveDate>> {
            if !has(bit) {
                return Some(None);
            }
            let number = take(rest, 4)?.try_into().ok().map(i32::from_le_bytes)?;
            NaiveDate::from_epoch_days(number).map(Some)
        };
        let (start, end, exported) = (day(0)?, day(1)?, day(2)?);
        let mut wide =
            |bit: u8| if has(bit) { take(rest, 16)?.try_into().ok().map(u128::from_le_bytes) } else { Some(0) };
        let (content, series) = (wide(3)?, wide(4)?);
        let (quantity, cost, unit_cost) = (decode_number(rest)?, decode_number(rest)?, decode_number(rest)?);
        rest.is_empty().then_some(())?;
        Some(Self {
            key: Self::key_of(record)?,
            content,
            series,
            line: u64::from_le_bytes(line),
            file: narrow(19)?,
            account: narrow(29)?,
            sku: narrow(33)?,
            identified: has(5),
            category: category(fixed[2] & 15)?,
            treatment: treatment(fixed[2] >> 4)?,
            currency: Currency::parse(code)?,
            start,
            end,
            exported,
            quantity,
            cost,
            unit_cost,
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

/// Scale and width in one byte, then as many bytes of the mantissa as it needs.
fn encode_number(number: Option<Decimal>, out: &mut Vec<u8>) {
    let Some(number) = number else { return out.push(NO_NUMBER) };
    let mantissa = number.mantissa();
    // Leading bits that only repeat the sign need not be kept.
    let bits = 129 - (if mantissa < 0 { !mantissa } else { mantissa }).leading_zeros() as usize;
    let code = WIDTHS.iter().position(|w| w * 8 >= bits).unwrap_or(WIDTHS.len() - 1);
    // A scale is at most 28, so the byte is never `NO_NUMBER`.
    #[allow(clippy::cast_possible_truncation, reason = "five bits and three")]
    out.push((number.scale() as u8) << 3 | code as u8);
    out.extend_from_slice(&mantissa.to_le_bytes()[..WIDTHS[code]]);
}

#[allow(clippy::option_option, reason = "damaged, absent or there")]
fn decode_number(rest: &mut &[u8]) -> Option<Option<Decimal>> {
    let head = take(rest, 1)?[0];
    if head == NO_NUMBER {
        return Some(None);
    }
    let kept = take(rest, WIDTHS[usize::from(head & 7)])?;
    let sign = if kept.last()? & 0x80 == 0 { 0 } else { 0xFF };
    let scale = u32::from(head >> 3);
    if kept.len() <= 8 {
        let mut bytes = [sign; 8];
        bytes[..kept.len()].copy_from_slice(kept);
        return Decimal::try_new(i64::from_le_bytes(bytes), scale).ok().map(Some);
    }
    let mut bytes = [sign; 16];
    bytes[..kept.len()].copy_from_slice(kept);
    Decimal::try_from_i128_with_scale(i128::from_le_bytes(bytes), scale).ok().map(Some)
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
        let mut bare = row(u128::MAX, 9, (1 << 48) - 1);
        bare.start = None;
        bare.end = None;
        bare.quantity = None;
        bare.currency = Currency::NONE;
        bare.treatment = Treatment::Excluded;
        bare.category = ChargeCategory::Adjustment;
        bare.content = 0;
        let mut full = row(3, u32::MAX, 1);
        full.exported = full.start;
        full.identified = true;
        full.unit_cost = Some(Decimal::MIN);
        full.cost = Some(Decimal::MAX);
        for original in [row(5, 1, 2), bare, full] {
            let mut bytes = Vec::new();
            original.encode(&mut bytes);
            assert_eq!(usize::from(bytes[0]), bytes.len());
            assert_eq!(Row::key_of(&bytes), Some(original.key));
            assert_eq!(Row::file_of(&bytes), Some(original.file));
            assert_eq!(Row::position_of(&bytes), Some(original.position()));
            let mut head = Vec::new();
            original.encode_head(&mut head);
            assert_eq!((head.len(), usize::from(head[0])), (HEAD, HEAD));
            assert_eq!(head[KEY.start..], bytes[KEY.start..HEAD]);
            assert_eq!(Row::decode(&bytes), Some(original));
            assert_eq!(Row::decode(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn rows_that_differ_in_what_they_say_are_told_apart_but_for_those_of_an_identity() {
        let one = row(5, 1, 2);
        let others = [
            Row { account: 9, ..one },
            Row { sku: 9, ..one },
            Row { end: None, ..one },
            Row { quantity: None, ..one },
            Row { cost: one.quantity, ..one },
            Row { unit_cost: one.quantity, ..one },
        ];
        assert!(others.iter().all(|other| other.says() != one.says()));
        assert!(Row { line: 9, file: 7, ..one }.says() == one.says());
        assert!(others.iter().all(|other| Row { identified: true, ..*other }.says().is_none()));
    }

    proptest::proptest! {
        #[test]
        fn every_number_survives_its_encoding(mantissa: i64, wide: i64, scale in 0u32..29, shift in 0u32..64) {
            let big = (i128::from(mantissa) << 32) + i128::from(wide);
            for mantissa in [i128::from(mantissa >> shift), big >> shift] {
                let Ok(number) = Decimal::try_from_i128_with_scale(mantissa, scale) else { continue };
                let mut bytes = Vec::new();
                encode_number(Some(number), &mut bytes);
                let back = decode_number(&mut bytes.as_slice()).flatten().expect("a number");
                proptest::prop_assert_eq!((back.mantissa(), back.scale()), (number.mantissa(), number.scale()));
            }
        }
    }
}
