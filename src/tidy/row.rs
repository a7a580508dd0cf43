//! A typed row at rest: small, its texts and what many rows have alike interned, so that millions of them can wait in
//! partitions in memory or on disk.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::lines::Position;
use crate::format::ChargeCategory;
use crate::ingest::{Treatment, UsageRow};
use crate::rate::Currency;

/// A usage row between ingest and meter. Text is interned by number; `file` numbers sources in path order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Rows of equal key are copies of one another, to be judged together.
    pub key: u128,
    /// Fingerprint of the canonical columns, which is held against those of the same key alone.
    pub content: u64,
    /// Account, SKU and subscription: the readings of one meter.
    pub series: u128,
    pub line: u64,
    pub file: u32,
    pub account: u32,
    pub sku: u32,
    pub kind: Kind,
    pub quantity: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
}

/// What many rows have alike. A row at rest has its number, which whoever writes rows gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
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
}

impl Kind {
    pub fn of(row: &UsageRow<'_>) -> Self {
        Self {
            identified: row.identity.is_some(),
            category: row.charge_category,
            treatment: row.treatment,
            currency: row.currency,
            start: row.charge_period_start,
            end: row.charge_period_end,
            exported: row.exported,
        }
    }
}

/// Bytes of the mantissa of an encoded number, by the code in its first byte.
const WIDTHS: [usize; 8] = [1, 2, 3, 4, 5, 6, 8, 13];
/// The code of the least width that has so many bytes.
const CODES: [u8; 9] = [0, 0, 1, 2, 3, 4, 5, 6, 6];
/// In the place of a number that is not there.
const NO_NUMBER: u8 = u8::MAX;
/// Bytes of a record before the parts that a row may lack.
const FIXED: usize = 38;
/// Bytes of the longest record: fixed, content and series, three numbers; and room to write one in eight bytes.
const MOST: usize = FIXED + 8 + 16 + 3 * 14 + 8;
/// Where a record has its parts, behind its length and flags.
const KIND: usize = 2;
const POSITION: usize = 6;
const KEY: usize = 14;
const ACCOUNT: usize = 30;
const SKU: usize = 34;
/// Flags: what a row may lack.
const HAS_CONTENT: u8 = 1;
const HAS_SERIES: u8 = 2;

impl Row {
    /// A typed row at rest, its texts not yet interned.
    pub fn of(row: &UsageRow<'_>, kind: Kind, file: u32, key: u128) -> Self {
        Self {
            key,
            // Whole rows of equal key are equal: what they say in other columns is in the key.
            content: if row.identity.is_some() { row.content } else { 0 },
            series: 0,
            line: row.line,
            file,
            account: 0,
            sku: 0,
            kind,
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
        let Kind { identified, category, currency, start, end, .. } = self.kind;
        let what = (self.account, self.sku, category, currency, start, end);
        (!identified).then_some((what, self.quantity, self.cost, self.unit_cost))
    }

    /// Appends the row as a record that begins with its length; `kind` is the number of its kind.
    pub fn encode(&self, kind: u32, out: &mut Vec<u8>) {
        let mut record = [0u8; MOST];
        let mut end = FIXED;
        record[KIND..POSITION].copy_from_slice(&kind.to_le_bytes());
        record[POSITION..KEY].copy_from_slice(&Position::of(self.file, self.line).to_bytes());
        record[KEY..ACCOUNT].copy_from_slice(&self.key.to_le_bytes());
        record[ACCOUNT..SKU].copy_from_slice(&self.account.to_le_bytes());
        record[SKU..FIXED].copy_from_slice(&self.sku.to_le_bytes());
        if self.content != 0 {
            record[1] |= HAS_CONTENT;
            record[end..end + 8].copy_from_slice(&self.content.to_le_bytes());
            end += 8;
        }
        if self.series != 0 {
            record[1] |= HAS_SERIES;
            record[end..end + 16].copy_from_slice(&self.series.to_le_bytes());
            end += 16;
        }
        for number in [self.quantity, self.cost, self.unit_cost] {
            end = encode_number(number, &mut record, end);
        }
        record[0] = u8::try_from(end).unwrap_or(u8::MAX);
        out.extend_from_slice(&record[..end]);
    }

    /// Puts its account into a record that lacks it.
    pub fn put_account(record: &mut [u8], account: u32) {
        record[ACCOUNT..SKU].copy_from_slice(&account.to_le_bytes());
    }

    /// Puts its series, which is not 0, into a record that was written with another.
    pub fn put_series(record: &mut [u8], series: u128) {
        let at = if record[1] & HAS_CONTENT == 0 { FIXED } else { FIXED + 8 };
        record[at..at + 16].copy_from_slice(&series.to_le_bytes());
    }

    /// File and line of a record, without the rest.
    pub fn position_of(record: &[u8]) -> Option<Position> {
        part(record, POSITION).map(Position::from_bytes)
    }

    /// The key of a record, without the rest.
    pub fn key_of(record: &[u8]) -> Option<u128> {
        part(record, KEY).map(u128::from_le_bytes)
    }

    /// `None` if the bytes were not written by `encode`. `kinds`: by number.
    pub fn decode(record: &[u8], kinds: &[Kind]) -> Option<Self> {
        let number = |at: usize| part(record, at).map(u32::from_le_bytes);
        let kind = *kinds.get(number(KIND)? as usize)?;
        let (file, line) = Self::position_of(record)?.parts();
        let (mut at, mut content, mut series) = (FIXED, 0, 0);
        if record[1] & HAS_CONTENT != 0 {
            content = part(record, at).map(u64::from_le_bytes)?;
            at += 8;
        }
        if record[1] & HAS_SERIES != 0 {
            series = part(record, at).map(u128::from_le_bytes)?;
            at += 16;
        }
        let (quantity, cost, unit_cost) =
            (decode_number(record, &mut at)?, decode_number(record, &mut at)?, decode_number(record, &mut at)?);
        (at == record.len()).then_some(())?;
        let (account, sku, key) = (number(ACCOUNT)?, number(SKU)?, Self::key_of(record)?);
        Some(Self { key, content, series, line, file, account, sku, kind, quantity, cost, unit_cost })
    }
}

/// So many bytes from there on.
fn part<const BYTES: usize>(record: &[u8], at: usize) -> Option<[u8; BYTES]> {
    record.get(at..)?.first_chunk().copied()
}

/// Scale and width in one byte, then as many bytes of the mantissa as it needs; where the next part begins.
fn encode_number(number: Option<Decimal>, record: &mut [u8; MOST], at: usize) -> usize {
    let Some(number) = number else {
        record[at] = NO_NUMBER;
        return at + 1;
    };
    let (mantissa, begin) = (number.mantissa(), at + 1);
    let code = if let Ok(mantissa) = i64::try_from(mantissa) {
        // What is too many of these bytes is written over.
        record[begin..begin + 8].copy_from_slice(&mantissa.to_le_bytes());
        // Leading bits that only repeat the sign need not be kept.
        let bits = 65 - (if mantissa < 0 { !mantissa } else { mantissa }).leading_zeros();
        CODES[bits.div_ceil(8) as usize]
    } else {
        record[begin..begin + 13].copy_from_slice(&mantissa.to_le_bytes()[..13]);
        7
    };
    // A scale is at most 28, so the byte is never `NO_NUMBER`.
    #[allow(clippy::cast_possible_truncation, reason = "five bits")]
    let scale = number.scale() as u8;
    record[at] = scale << 3 | code;
    begin + WIDTHS[usize::from(code)]
}

#[allow(clippy::option_option, reason = "damaged, absent or there")]
fn decode_number(record: &[u8], at: &mut usize) -> Option<Option<Decimal>> {
    let head = *record.get(*at)?;
    if head == NO_NUMBER {
        *at += 1;
        return Some(None);
    }
    let width = WIDTHS[usize::from(head & 7)];
    let (scale, end) = (u32::from(head >> 3), *at + 1 + width);
    *at = end;
    if width <= 8 {
        // The eight bytes that end where it does: those before it are shifted out, and its sign fills their place.
        let bytes = i64::from_le_bytes(part(record, end - 8)?);
        return Decimal::try_new(bytes >> (64 - 8 * width), scale).ok().map(Some);
    }
    let kept = record.get(end - width..end)?;
    let mut bytes = [if kept.last()? & 0x80 == 0 { 0 } else { 0xFF }; 16];
    bytes[..width].copy_from_slice(kept);
    Decimal::try_from_i128_with_scale(i128::from_le_bytes(bytes), scale).ok().map(Some)
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
            kind: Kind {
                identified: false,
                category: ChargeCategory::Purchase,
                treatment: Treatment::Counted,
                currency: Currency::parse("USD").expect("a code"),
                start: NaiveDate::from_ymd_opt(2026, 10, 1),
                end: NaiveDate::from_ymd_opt(2026, 11, 1),
                exported: None,
            },
            quantity: Some(Decimal::new(15, 1)),
            cost: Some(Decimal::new(-325, 2)),
            unit_cost: None,
        }
    }

    #[test]
    fn a_row_survives_its_encoding() {
        let mut bare = row(u128::MAX, 9, (1 << 40) - 1);
        bare.quantity = None;
        bare.content = 0;
        let mut full = row(3, (1 << 24) - 1, 1);
        full.kind = Kind { identified: true, exported: full.kind.start, ..full.kind };
        full.unit_cost = Some(Decimal::MIN);
        full.cost = Some(Decimal::MAX);
        full.content = u64::MAX;
        let kinds = [row(5, 1, 2).kind, full.kind];
        for (original, kind) in [(row(5, 1, 2), 0), (bare, 0), (full, 1), (Row { series: 0, ..bare }, 0)] {
            let mut bytes = vec![9];
            original.encode(kind, &mut bytes);
            let bytes = &bytes[1..];
            assert_eq!(usize::from(bytes[0]), bytes.len());
            assert_eq!(Row::key_of(bytes), Some(original.key));
            assert_eq!(Row::position_of(bytes).map(Position::parts), Some(original.position()));
            assert_eq!(Row::decode(bytes, &kinds), Some(original));
            assert_eq!(Row::decode(bytes, &[]), None, "of no kind");
            assert!((0..bytes.len()).all(|end| Row::decode(&bytes[..end], &kinds).is_none()));
        }
    }

    #[test]
    fn rows_that_differ_in_what_they_say_are_told_apart_but_for_those_of_an_identity() {
        let one = row(5, 1, 2);
        let others = [
            Row { account: 9, ..one },
            Row { sku: 9, ..one },
            Row { kind: Kind { end: None, ..one.kind }, ..one },
            Row { quantity: None, ..one },
            Row { cost: one.quantity, ..one },
            Row { unit_cost: one.quantity, ..one },
        ];
        assert!(others.iter().all(|other| other.says() != one.says()));
        assert!(Row { line: 9, file: 7, ..one }.says() == one.says());
        let identified = |other: &Row| Row { kind: Kind { identified: true, ..other.kind }, ..*other };
        assert!(others.iter().all(|other| identified(other).says().is_none()));
    }

    proptest::proptest! {
        #[test]
        fn every_number_survives_its_encoding(mantissa: i64, wide: i64, scale in 0u32..29, shift in 0u32..64) {
            let big = (i128::from(mantissa) << 32) + i128::from(wide);
            for mantissa in [i128::from(mantissa >> shift), big >> shift] {
                let Ok(number) = Decimal::try_from_i128_with_scale(mantissa, scale) else { continue };
                let (mut bytes, mut at) = ([0xA5; MOST], FIXED);
                let end = encode_number(Some(number), &mut bytes, at);
                let back = decode_number(&bytes[..end], &mut at).flatten().expect("a number");
                proptest::prop_assert_eq!(at, end);
                proptest::prop_assert_eq!((back.mantissa(), back.scale()), (number.mantissa(), number.scale()));
            }
        }
    }
}
