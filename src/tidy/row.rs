//! A typed row at rest: small, its texts and what many rows have alike interned, so that millions of them can wait in
//! partitions in memory or on disk.

use chrono::NaiveDate;
use rust_decimal::Decimal;

pub use self::draft::{Draft, Fixed};
use super::lines::Position;
use crate::format::ChargeCategory;
use crate::ingest::{Treatment, UsageRow};
use crate::rate::{Currency, Small};

mod draft;

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
    /// The number of its kind, once it was at rest.
    pub of_kind: u32,
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

/// Bytes of the mantissa of an encoded number, by the low bits of its head.
const WIDTHS: [u8; 8] = [0, 1, 2, 3, 4, 6, 8, WIDE];
/// The place among them of the least width for a number of so many bits, its sign not counted.
const CODES: [u8; 64] = {
    let mut codes = [1; 64];
    let mut bits = 0;
    while bits < codes.len() {
        while (WIDTHS[codes[bits] as usize] as usize) * 8 < bits + 1 {
            codes[bits] += 1;
        }
        bits += 1;
    }
    codes
};
/// Bytes of a mantissa that 64 bits do not hold. No sum of bits of other widths has its bit.
const WIDE: u8 = 16;
/// Bytes of a record before the parts that a row may lack.
const FIXED: usize = 41;
/// Bytes of the longest record: fixed, content and series, three numbers.
const MOST: usize = FIXED + 8 + 16 + 3 * WIDE as usize;
/// Where a record has its parts, behind its length: which parts it has, scale and width of its numbers, and so on.
const FLAGS: usize = 1;
const HEADS: usize = 2;
const KIND: usize = 5;
const POSITION: usize = 9;
const ACCOUNT: usize = 17;
const SKU: usize = 21;
const KEY: usize = 25;
/// Flags: what a row may lack.
const HAS_CONTENT: u8 = 1;
const HAS_SERIES: u8 = 2;
/// The bit of the first of its amounts.
const HAS_AMOUNTS: usize = 2;
/// Bytes of content and series, by the flags.
const BESIDE: [usize; 4] = [0, 8, 16, 24];

impl Row {
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

    /// Puts its account into a record that lacks it.
    pub fn put_account(record: &mut [u8], account: u32) {
        record[ACCOUNT..SKU].copy_from_slice(&account.to_le_bytes());
    }

    /// Puts its series, which is not 0, into a record that was written with another.
    pub fn put_series(record: &mut [u8], series: u128) {
        let at = if record[FLAGS] & HAS_CONTENT == 0 { FIXED } else { FIXED + 8 };
        record[at..at + 16].copy_from_slice(&series.to_le_bytes());
    }

    /// File and line of a record, without the rest.
    #[inline]
    pub fn position_of(record: &[u8]) -> Option<Position> {
        part(record, POSITION).map(Position::from_bytes)
    }

    /// The key of a record, without the rest.
    pub fn key_of(record: &[u8]) -> Option<u128> {
        part(record, KEY).map(u128::from_le_bytes)
    }

    /// `None` if the bytes were not written by a [`Draft`]. `kinds`: by number.
    pub fn decode(record: &[u8], kinds: &[Kind]) -> Option<Self> {
        let Brief { position, account, sku, kind: of_kind, has } = Brief::of(record)?;
        let kind = *kinds.get(of_kind as usize)?;
        let [quantity, cost, unit_cost] = match Brief::amounts(record)? {
            Some(small) => [small[0].decimal()?, small[1].decimal()?, small[2].decimal()?],
            None => wide_numbers(record)?,
        };
        let there = |bit, number| (has & bit != 0).then_some(number);
        let (file, line) = position.parts();
        let (mut at, mut content, mut series) = (FIXED, 0, 0);
        if record[FLAGS] & HAS_CONTENT != 0 {
            content = part(record, at).map(u64::from_le_bytes)?;
            at += 8;
        }
        if record[FLAGS] & HAS_SERIES != 0 {
            series = part(record, at).map(u128::from_le_bytes)?;
        }
        Some(Self {
            key: Self::key_of(record)?,
            content,
            series,
            line,
            file,
            account,
            sku,
            kind,
            of_kind,
            quantity: there(Brief::QUANTITY, quantity),
            cost: there(Brief::COST, cost),
            unit_cost: there(Brief::UNIT_COST, unit_cost),
        })
    }

    /// As much of it as its record has for nearly every row, and its amounts, as [`Brief::amounts`].
    pub fn brief(&self) -> (Brief, Option<[Small; 3]>) {
        let bit = |number: Option<Decimal>, bit| if number.is_some() { bit } else { 0 };
        let has =
            bit(self.quantity, Brief::QUANTITY) | bit(self.cost, Brief::COST) | bit(self.unit_cost, Brief::UNIT_COST);
        let position = Position::of(self.file, self.line);
        let brief = Brief { position, account: self.account, sku: self.sku, kind: self.of_kind, has };
        let small = |number: Option<Decimal>| number.map_or(Some(Small::default()), Small::of);
        let small = [small(self.quantity), small(self.cost), small(self.unit_cost)];
        (brief, if let [Some(a), Some(b), Some(c)] = small { Some([a, b, c]) } else { None })
    }
}

/// As much of a row at rest as nearly every row is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief {
    pub position: Position,
    pub account: u32,
    pub sku: u32,
    /// The number of its kind.
    pub kind: u32,
    /// Which amounts it has, a bit each.
    pub has: u8,
}

impl Brief {
    pub const QUANTITY: u8 = 1;
    pub const COST: u8 = 2;
    pub const UNIT_COST: u8 = 4;

    /// `None` if the bytes were not written by a [`Draft`], as far as they are looked at.
    #[inline]
    pub fn of(record: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED] = record.first_chunk()?;
        Some(Self {
            position: Position::from_bytes(part(fixed, POSITION)?),
            account: part(fixed, ACCOUNT).map(u32::from_le_bytes)?,
            sku: part(fixed, SKU).map(u32::from_le_bytes)?,
            kind: part(fixed, KIND).map(u32::from_le_bytes)?,
            has: fixed[FLAGS] >> HAS_AMOUNTS,
        })
    }

    /// Quantity, cost and unit cost of a record, nothing in the place of one that it lacks; none at all if one of them has
    /// too many digits. `None` if the bytes were not written by a [`Draft`].
    #[inline]
    #[allow(clippy::option_option, reason = "damaged, wide or small")]
    pub fn amounts(record: &[u8]) -> Option<Option<[Small; 3]>> {
        let fixed: &[u8; FIXED] = record.first_chunk()?;
        let [quantity, cost, unit_cost] = [fixed[HEADS], fixed[HEADS + 1], fixed[HEADS + 2]];
        let begin = FIXED + BESIDE[usize::from(fixed[FLAGS] & 3)];
        let ends = [begin, begin + width(quantity), begin + width(quantity) + width(cost)];
        (ends[2] + width(unit_cost) == record.len()).then_some(())?;
        if (width(quantity) | width(cost) | width(unit_cost)) & usize::from(WIDE) != 0 {
            return Some(None);
        }
        let of = |head, begin| small_number(record, head, begin);
        Some(Some([of(quantity, ends[0])?, of(cost, ends[1])?, of(unit_cost, ends[2])?]))
    }
}

/// Bytes of the mantissa that a head announces; a number that is not there has the head 0, and none.
#[inline]
fn width(head: u8) -> usize {
    usize::from(WIDTHS[usize::from(head & 7)])
}

/// A number of at most eight bytes, or nothing in its place.
#[inline]
fn small_number(record: &[u8], head: u8, begin: usize) -> Option<Small> {
    let width = width(head);
    if width == 0 {
        return Some(Small::default());
    }
    // The eight bytes that end where it does: those before it are shifted out, and its sign fills their place.
    let bytes = i64::from_le_bytes(part(record, begin + width - 8)?);
    Some(Small::from_parts(bytes >> (64 - 8 * width), head >> 3))
}

/// So many bytes from there on.
#[inline]
fn part<const BYTES: usize>(record: &[u8], at: usize) -> Option<[u8; BYTES]> {
    record.get(at..)?.first_chunk().copied()
}

/// The numbers of a record whose parts are as long as they say, however many digits they have.
fn wide_numbers(record: &[u8]) -> Option<[Decimal; 3]> {
    let heads: [u8; 3] = part(record, HEADS)?;
    let mut at = FIXED + BESIDE[usize::from(record[FLAGS] & 3)];
    let mut out = [Decimal::ZERO; 3];
    for (number, head) in out.iter_mut().zip(heads) {
        let width = width(head);
        if width > 0 {
            let kept = record.get(at..at + width)?;
            let mut bytes = [if kept.last()? & 0x80 == 0 { 0 } else { 0xFF }; 16];
            bytes[..width].copy_from_slice(kept);
            *number = Decimal::try_from_i128_with_scale(i128::from_le_bytes(bytes), u32::from(head >> 3)).ok()?;
            at += width;
        }
    }
    Some(out)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::draft::Amount;
    use super::*;

    impl Row {
        /// Appends the row as a record that begins with its length; `kind` is the number of its kind.
        pub(crate) fn encode(&self, kind: u32, out: &mut Vec<u8>) {
            let position = Position::of(self.file, self.line);
            let Self { account, sku, key, content, series, .. } = *self;
            let fixed = Fixed { kind, position, account, sku, key, content, series };
            let mut draft = Draft::default();
            draft.write(&fixed, [self.quantity, self.cost, self.unit_cost].map(Amount::of));
            draft.append_to(out);
        }
    }

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
            of_kind: 0,
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
        full.of_kind = 1;
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
        fn every_number_survives_its_encoding(
            figures in proptest::collection::vec(proptest::option::of((
                proptest::prelude::any::<i64>(), proptest::prelude::any::<i64>(), 0u32..29, 0u32..64, proptest::bool::weighted(0.9)
            )), 3),
            content: bool, series: bool,
        ) {
            let figures: Vec<Option<Decimal>> = figures
                .into_iter()
                .map(|figure| {
                    let (high, low, scale, shift, small) = figure?;
                    let wide = (i128::from(high) << 32) + i128::from(low);
                    let mantissa = if small { i128::from(high >> shift) } else { wide >> shift };
                    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
                })
                .collect();
            let plain = row(5, 1, 2);
            let original = Row {
                content: u64::from(content) * 9,
                series: u128::from(series) * 7,
                quantity: figures[0],
                cost: figures[1],
                unit_cost: figures[2],
                of_kind: 1,
                ..plain
            };
            let mut bytes = Vec::new();
            original.encode(1, &mut bytes);
            let back = Row::decode(&bytes, &[plain.kind, plain.kind]).expect("a row");
            proptest::prop_assert_eq!(back, original);
            let parts = |row: &Row| [row.quantity, row.cost, row.unit_cost].map(|n| n.map(|n| (n.mantissa(), n.scale())));
            proptest::prop_assert_eq!(parts(&back), parts(&original));
            let brief = Brief::of(&bytes).expect("a row");
            proptest::prop_assert_eq!((brief, Brief::amounts(&bytes).expect("a row")), original.brief());
            let said = (brief.position.parts(), brief.account, brief.sku, brief.kind);
            proptest::prop_assert_eq!(said, (original.position(), original.account, original.sku, 1));
        }
    }
}
