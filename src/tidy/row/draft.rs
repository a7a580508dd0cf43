//! A record while it is written. Rows are read by the million, so theirs are made of what was read, in a place that is used
//! again, and copied from there without asking how long they are.

use rust_decimal::Decimal;

use super::{
    ACCOUNT, CODES, FIXED, FLAGS, HAS_AMOUNTS, HAS_CONTENT, HAS_SERIES, HEADS, KEY, KIND, MOST, POSITION, SKU, WIDE,
    width,
};
use crate::ingest::UsageRow;
use crate::rate::Small;
use crate::tidy::lines::Position;

/// Bytes of a record, and of room behind it.
const ROOM: usize = 128;
/// As long as nearly every record is, at most.
const SHORT: usize = 64;
// A number is written in eight bytes, of which it may need fewer.
const _: () = assert!(MOST + 8 <= ROOM);

/// What a record says beside its amounts.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    /// The number of its kind.
    pub kind: u32,
    pub position: Position,
    pub account: u32,
    pub sku: u32,
    pub key: u128,
    /// 0 where it has none.
    pub content: u64,
    pub series: u128,
}

impl Fixed {
    /// Of a row as it is read, its texts not yet interned; `kind` is the number of its kind.
    #[inline]
    pub fn of(row: &UsageRow<'_>, kind: u32, file: u32, key: u128) -> Self {
        let position = Position::of(file, row.line);
        // Whole rows of equal key are equal: what they say in other columns is in the key.
        Self { kind, position, account: 0, sku: 0, key, content: row.content, series: 0 }
    }
}

/// A number that a record holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Amount {
    None,
    Small(Small),
    Wide(Decimal),
}

impl Amount {
    pub fn of(number: Option<Decimal>) -> Self {
        number.map_or(Amount::None, |number| Small::of(number).map_or(Amount::Wide(number), Amount::Small))
    }

    #[inline]
    fn read(plain: Option<Small>, number: Option<Decimal>) -> Self {
        plain.map_or_else(|| Self::of(number), Amount::Small)
    }
}

/// One record, and room for another in its place.
#[derive(Debug, Clone, Copy)]
pub struct Draft {
    bytes: [u8; ROOM],
    length: usize,
}

impl Default for Draft {
    fn default() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }
}

impl Draft {
    /// Writes the record of a row as it is read.
    #[inline]
    pub fn write_row(&mut self, fixed: &Fixed, row: &UsageRow<'_>) {
        let amounts =
            [(row.plain.quantity, row.quantity), (row.plain.cost, row.cost), (row.plain.unit_cost, row.unit_cost)];
        self.write(fixed, amounts.map(|(plain, number)| Amount::read(plain, number)));
    }

    /// Quantity, cost and unit cost.
    #[inline]
    pub(super) fn write(&mut self, fixed: &Fixed, amounts: [Amount; 3]) {
        let Self { bytes: record, length } = self;
        record[KIND..POSITION].copy_from_slice(&fixed.kind.to_le_bytes());
        record[POSITION..ACCOUNT].copy_from_slice(&fixed.position.to_bytes());
        record[ACCOUNT..SKU].copy_from_slice(&fixed.account.to_le_bytes());
        record[SKU..KEY].copy_from_slice(&fixed.sku.to_le_bytes());
        record[KEY..FIXED].copy_from_slice(&fixed.key.to_le_bytes());
        let (mut end, mut flags) = (FIXED, 0);
        if fixed.content != 0 {
            flags |= HAS_CONTENT;
            record[end..end + 8].copy_from_slice(&fixed.content.to_le_bytes());
            end += 8;
        }
        if fixed.series != 0 {
            flags |= HAS_SERIES;
            record[end..end + 16].copy_from_slice(&fixed.series.to_le_bytes());
            end += 16;
        }
        for (index, amount) in amounts.into_iter().enumerate() {
            let head;
            (head, end) = match amount {
                Amount::None => (0, end),
                Amount::Small(number) => write_small(number, record, end),
                Amount::Wide(number) => write_wide(number, record, end),
            };
            record[HEADS + index] = head;
            flags |= u8::from(head != 0) << (index + HAS_AMOUNTS);
        }
        // A record has at most `MOST` bytes.
        record[0] = u8::try_from(end).unwrap_or(u8::MAX);
        record[FLAGS] = flags;
        *length = end;
    }

    /// Appends the record.
    #[inline]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        if self.length <= SHORT {
            // So many bytes are copied in a few steps, and what is behind the record is taken off again.
            out.extend_from_slice(&self.bytes[..SHORT]);
            out.truncate(end);
        } else {
            out.extend_from_slice(&self.bytes[..self.length]);
        }
    }
}

/// Writes as many bytes of the mantissa as it needs; scale and width in one byte, and where the next number begins.
#[inline]
fn write_small(number: Small, record: &mut [u8; ROOM], begin: usize) -> (u8, usize) {
    let mantissa = number.mantissa();
    // What is too many of these bytes is written over.
    record[begin..begin + 8].copy_from_slice(&mantissa.to_le_bytes());
    // Leading bits that only repeat the sign need not be kept.
    let bits = i64::BITS - (mantissa ^ mantissa >> 63).leading_zeros();
    head(number.scale(), CODES[bits as usize & 63], begin)
}

#[cold]
fn write_wide(number: Decimal, record: &mut [u8; ROOM], begin: usize) -> (u8, usize) {
    let wide = usize::from(WIDE);
    record[begin..begin + wide].copy_from_slice(&number.mantissa().to_le_bytes());
    head(number.scale(), 7, begin)
}

#[inline]
fn head(scale: u32, code: u8, begin: usize) -> (u8, usize) {
    #[allow(clippy::cast_possible_truncation, reason = "a scale is at most 28: five bits")]
    let scale = scale as u8;
    (scale << 3 | code, begin + width(code))
}
