//! Row groups of a Parquet file whose columns are texts of few values, and numbers that mostly count up. A
//! table of frames would hash every text of every row again, which for ten million rows takes longer than
//! everything before it; here the caller knows which value a row has, and each is written once per group.
//! Written by the Parquet format's own documents (parquet-format: README, Encodings.md, parquet.thrift).

use std::io;

/// What a column holds. All are required: an empty text stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
}

/// One column of a row group as it stands in the file, dictionary before data.
#[derive(Debug)]
struct Chunk {
    kind: Kind,
    bytes: Vec<u8>,
    /// Bytes of the dictionary page, header and all.
    dictionary: usize,
    uncompressed: usize,
}

/// A row group, encoded.
#[derive(Debug)]
pub(super) struct Group {
    rows: usize,
    chunks: Vec<Chunk>,
}

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const PLAIN: i64 = 0;
const RLE: i64 = 3;
const DELTA_BINARY_PACKED: i64 = 5;
const RLE_DICTIONARY: i64 = 8;
const INT64: i64 = 2;
const BYTE_ARRAY: i64 = 6;
const ZSTD: i64 = 6;
/// Ids hardly get smaller by trying harder.
const LEVEL: i32 = 1;

impl Group {
    pub fn new(rows: usize) -> Self {
        Self { rows, chunks: Vec::new() }
    }

    pub fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// A column of texts: its values, each of which some row has. Which of them each row has, `pack` is asked for, in so
    /// many bits.
    pub fn texts(&mut self, values: &[&str], pack: impl FnOnce(&mut Vec<u8>, u32)) -> io::Result<()> {
        let mut plain = Vec::with_capacity(values.iter().map(|v| v.len() + 4).sum());
        for value in values {
            plain.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
            plain.extend_from_slice(value.as_bytes());
        }
        let width = u32::BITS - u32::try_from(values.len().saturating_sub(1)).unwrap_or(u32::MAX).leading_zeros();
        let mut indices = vec![u8::try_from(width).unwrap_or_default()];
        if width == 0 {
            // A run: how often the one value, of which no bit need be said.
            varint(&mut indices, (self.rows as u64) << 1);
        } else {
            let eights = self.rows.div_ceil(8);
            indices.reserve(10 + eights * width as usize);
            varint(&mut indices, (eights as u64) << 1 | 1);
            pack(&mut indices, width);
        }
        let mut chunk = Chunk { kind: Kind::Text, bytes: Vec::new(), dictionary: 0, uncompressed: 0 };
        chunk.page(&plain, DICTIONARY_PAGE, values.len(), PLAIN)?;
        chunk.dictionary = chunk.bytes.len();
        chunk.page(&indices, DATA_PAGE, self.rows, RLE_DICTIONARY)?;
        self.chunks.push(chunk);
        Ok(())
    }

    pub fn numbers(&mut self, numbers: &[u64]) -> io::Result<()> {
        let mut chunk = Chunk { kind: Kind::Number, bytes: Vec::new(), dictionary: 0, uncompressed: 0 };
        chunk.page(&deltas(numbers), DATA_PAGE, numbers.len(), DELTA_BINARY_PACKED)?;
        self.chunks.push(chunk);
        Ok(())
    }
}

impl Chunk {
    fn page(&mut self, plain: &[u8], kind: i64, values: usize, encoding: i64) -> io::Result<()> {
        let packed = zstd::bulk::compress(plain, LEVEL)?;
        let mut header = Struct::default();
        header.number(1, kind);
        header.number(2, of_size(plain.len())?);
        header.number(3, of_size(packed.len())?);
        let mut about = Struct::default();
        about.number(1, of_size(values)?);
        about.number(2, encoding);
        if kind == DATA_PAGE {
            // Of levels, of which required columns have none.
            about.number(3, RLE);
            about.number(4, RLE);
        }
        header.inner(if kind == DATA_PAGE { 5 } else { 7 }, about);
        let header = header.end();
        self.uncompressed += header.len() + plain.len();
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(&packed);
        Ok(())
    }
}

/// Sizes of pages are 32 bits wide.
fn of_size(size: usize) -> io::Result<i64> {
    i32::try_from(size).map(i64::from).map_err(|_| io::Error::other("a row group of lineage.parquet is too large"))
}

/// Where the row groups of a file stand, until its end is written.
#[derive(Debug)]
pub(super) struct Footer {
    columns: Vec<(String, Kind)>,
    groups: Vec<Vec<u8>>,
    rows: u64,
    offset: u64,
}

pub(super) const MAGIC: &[u8; 4] = b"PAR1";

impl Footer {
    pub fn new(columns: Vec<(String, Kind)>) -> Self {
        Self { columns, groups: Vec::new(), rows: 0, offset: MAGIC.len() as u64 }
    }

    /// Writes the next row group.
    pub fn write(&mut self, group: &Group, out: &mut dyn io::Write) -> io::Result<()> {
        let (mut columns, mut whole, mut packed) = (Vec::new(), 0, 0);
        for (chunk, (name, _)) in group.chunks.iter().zip(&self.columns) {
            out.write_all(&chunk.bytes)?;
            columns.push(column(chunk, name, group.rows, self.offset));
            self.offset += chunk.bytes.len() as u64;
            whole += chunk.uncompressed;
            packed += chunk.bytes.len();
        }
        let mut row_group = Struct::default();
        row_group.list(1, STRUCT, &columns);
        row_group.wide(2, wide(whole));
        row_group.wide(3, wide(group.rows));
        row_group.wide(6, wide(packed));
        self.groups.push(row_group.end());
        self.rows += group.rows as u64;
        Ok(())
    }

    /// The bytes behind the last row group.
    pub fn end(self) -> Vec<u8> {
        let mut root = Struct::default();
        root.text(4, "schema");
        root.number(5, wide(self.columns.len()));
        let mut schema = vec![root.end()];
        for (name, kind) in &self.columns {
            let mut element = Struct::default();
            element.number(1, if *kind == Kind::Text { BYTE_ARRAY } else { INT64 });
            element.number(3, 0);
            element.text(4, name);
            // As older and as newer readers know it: text, and whole numbers without a sign.
            element.number(6, if *kind == Kind::Text { 0 } else { 14 });
            let mut logical = Struct::default();
            match kind {
                Kind::Text => logical.inner(1, Struct::default()),
                Kind::Number => {
                    let mut integer = Struct::default();
                    integer.byte(1, 64);
                    integer.no(2);
                    logical.inner(10, integer);
                }
            }
            element.inner(10, logical);
            schema.push(element.end());
        }
        let mut file = Struct::default();
        file.number(1, 1);
        file.list(2, STRUCT, &schema);
        file.wide(3, i64::try_from(self.rows).unwrap_or(i64::MAX));
        file.list(4, STRUCT, &self.groups);
        file.text(6, "trueup");
        let mut out = file.end();
        let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(MAGIC);
        out
    }
}

fn wide(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn column(chunk: &Chunk, name: &str, rows: usize, offset: u64) -> Vec<u8> {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let (kind, encodings) = match chunk.kind {
        Kind::Text => (BYTE_ARRAY, vec![PLAIN, RLE, RLE_DICTIONARY]),
        Kind::Number => (INT64, vec![RLE, DELTA_BINARY_PACKED]),
    };
    let encodings: Vec<Vec<u8>> = encodings.into_iter().map(zigzag).collect();
    let mut path = Vec::new();
    varint(&mut path, name.len() as u64);
    path.extend_from_slice(name.as_bytes());
    let mut about = Struct::default();
    about.number(1, kind);
    about.list(2, I32, &encodings);
    about.list(3, BINARY, &[path]);
    about.number(4, ZSTD);
    about.wide(5, wide(rows));
    about.wide(6, wide(chunk.uncompressed));
    about.wide(7, wide(chunk.bytes.len()));
    about.wide(9, offset + wide(chunk.dictionary));
    if chunk.dictionary > 0 {
        about.wide(11, offset);
    }
    let mut column = Struct::default();
    column.wide(2, offset);
    column.inner(3, about);
    column.end()
}

/// As [`pack`], of rows of which each names its value by number; eight of them at a time, as they stand in the file.
pub(super) fn pack_each(out: &mut Vec<u8>, rows: &[u32], values: &[u32], width: u32) {
    let value = |row: u32| u64::from(values[row as usize]);
    if width > 16 {
        return pack(out, rows.iter().map(|row| value(*row)), width);
    }
    let (bytes, (eights, rest)) = (width as usize, rows.as_chunks::<8>());
    let mut at = out.len();
    // Eight are as many bytes as each is bits; what is written behind them is written over.
    out.resize(at + (eights.len() + 1) * bytes + size_of::<u128>(), 0);
    let mut write = |eight: u128| {
        out[at..at + size_of::<u128>()].copy_from_slice(&eight.to_le_bytes());
        at += bytes;
    };
    let four =
        |[a, b, c, d]: [u32; 4]| value(a) | value(b) << width | value(c) << (2 * width) | value(d) << (3 * width);
    for [a, b, c, d, e, f, g, h] in eights.iter().copied() {
        write(u128::from(four([a, b, c, d])) | u128::from(four([e, f, g, h])) << (4 * width));
    }
    if !rest.is_empty() {
        let held = rest.iter().rev().fold(0, |held, row| held << width | u128::from(value(*row)));
        write(held);
    }
    out.truncate(at);
}

/// Numbers of so many bits, one behind the other, the lowest bit first, and nothing behind them up to eight.
pub(super) fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
    let (mut held, mut bits, begin): (u64, u32, usize) = (0, 0, out.len());
    // In one go, so that what is held stays at hand.
    values.for_each(|value| {
        held |= value << bits;
        bits += width;
        if bits >= u64::BITS {
            out.extend_from_slice(&held.to_le_bytes());
            bits -= u64::BITS;
            // What of the value was shifted out; of all 64 bits, where none was, nothing.
            held = value.checked_shr(width - bits).unwrap_or_default();
        }
    });
    out.extend_from_slice(&held.to_le_bytes()[..bits.div_ceil(8) as usize]);
    out.resize(begin + (out.len() - begin).next_multiple_of(width as usize), 0);
}

/// Numbers as differences, in blocks of four times 32.
fn deltas(numbers: &[u64]) -> Vec<u8> {
    const BLOCK: usize = 128;
    const MINI: usize = 32;
    let mut out = Vec::with_capacity(numbers.len() / 8 + 32);
    for head in [BLOCK as u64, (BLOCK / MINI) as u64, numbers.len() as u64] {
        varint(&mut out, head);
    }
    out.extend_from_slice(&zigzag(numbers.first().copied().unwrap_or_default().cast_signed()));
    let mut steps = [0i64; BLOCK];
    for before in (0..numbers.len().saturating_sub(1)).step_by(BLOCK) {
        let count = (numbers.len() - 1 - before).min(BLOCK);
        let pairs = numbers[before..before + count].iter().zip(&numbers[before + 1..]);
        let mut least = i64::MAX;
        for (step, (from, to)) in steps.iter_mut().zip(pairs) {
            *step = to.wrapping_sub(*from).cast_signed();
            least = least.min(*step);
        }
        out.extend_from_slice(&zigzag(least));
        let over = |step: &i64| step.wrapping_sub(least).cast_unsigned();
        let mut widths = [0; BLOCK / MINI];
        for (width, mini) in widths.iter_mut().zip(steps[..count].chunks(MINI)) {
            // The highest bit of any is that of all together.
            *width = u64::BITS - mini.iter().fold(0, |bits, step| bits | over(step)).leading_zeros();
        }
        out.extend(widths.iter().map(|width| u8::try_from(*width).unwrap_or_default()));
        for (width, mini) in widths.into_iter().zip(steps[..count].chunks(MINI)).filter(|(width, _)| *width > 0) {
            let padding = std::iter::repeat_n(0, MINI - mini.len());
            pack(&mut out, mini.iter().map(over).chain(padding), width);
        }
    }
    out
}

const I8: u8 = 3;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A structure in Thrift's compact form; fields come in order of their numbers.
#[derive(Debug, Default)]
struct Struct {
    out: Vec<u8>,
    last: u8,
}

impl Struct {
    fn field(&mut self, number: u8, kind: u8) {
        self.out.push((number - self.last) << 4 | kind);
        self.last = number;
    }

    fn number(&mut self, field: u8, value: i64) {
        self.field(field, I32);
        self.out.extend_from_slice(&zigzag(value));
    }

    fn wide(&mut self, field: u8, value: i64) {
        self.field(field, I64);
        self.out.extend_from_slice(&zigzag(value));
    }

    fn byte(&mut self, field: u8, value: u8) {
        self.field(field, I8);
        self.out.push(value);
    }

    /// A truth that is none.
    fn no(&mut self, field: u8) {
        self.field(field, 2);
    }

    fn text(&mut self, field: u8, text: &str) {
        self.field(field, BINARY);
        varint(&mut self.out, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn list(&mut self, field: u8, kind: u8, items: &[Vec<u8>]) {
        self.field(field, LIST);
        if let Ok(length @ 0..15) = u8::try_from(items.len()) {
            self.out.push(length << 4 | kind);
        } else {
            self.out.push(0xF0 | kind);
            varint(&mut self.out, items.len() as u64);
        }
        for item in items {
            self.out.extend_from_slice(item);
        }
    }

    fn inner(&mut self, field: u8, inner: Struct) {
        self.field(field, STRUCT);
        self.out.extend_from_slice(&inner.end());
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn zigzag(value: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(10);
    varint(&mut out, ((value << 1) ^ (value >> 63)).cast_unsigned());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_packed_as_the_values_they_name(
            rows in proptest::collection::vec(0u32..40, 0..70), values in proptest::collection::vec(any::<u32>(), 40), width in 1u32..33
        ) {
            let values: Vec<u32> = values.iter().map(|value| value >> (32 - width)).collect();
            let (mut each, mut all) = (vec![7], vec![7]);
            pack_each(&mut each, &rows, &values, width);
            pack(&mut all, rows.iter().map(|row| u64::from(values[*row as usize])), width);
            prop_assert_eq!(&each, &all);
            prop_assert_eq!(all.len(), 1 + rows.len().div_ceil(8) * width as usize);
            // Read back bit by bit.
            let bit = |at: usize| u64::from(all[1 + at / 8] >> (at % 8) & 1);
            for (number, row) in rows.iter().enumerate() {
                let value = (0..width as usize).map(|n| bit(number * width as usize + n) << n).sum::<u64>();
                prop_assert_eq!(value, u64::from(values[*row as usize]));
            }
        }
    }
}
