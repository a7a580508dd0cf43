//! The headers of a column's pages, looked at before the decoder trusts them: it asks for as much memory as a header
//! says, and a spoilt one can ask for more than there is, which ends the program at once.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use flate2::Crc;

/// The longest header: the values that statistics in it name are cut by whoever writes them.
const LONGEST_HEADER: u64 = 1 << 20;
const USUAL_HEADER: u64 = 8 << 10;
/// Structures within structures; a header has three.
const DEEPEST: u8 = 8;

/// What a file's directory says of one column of one row group.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub bytes: Range<u64>,
    pub unpacked: u64,
    pub values: u64,
}

/// Whether every page of the chunk stays within what the directory says of all of them.
pub(super) fn check(file: &mut (impl Read + Seek), chunk: &Chunk) -> Result<(), String> {
    let (mut at, mut values, mut unpacked) = (chunk.bytes.start, 0_u64, 0_u64);
    // Some writers leave the headers out of what they say the pages unpack to.
    let largest = chunk.unpacked.saturating_add(chunk.bytes.end.saturating_sub(chunk.bytes.start));
    while at < chunk.bytes.end && values < chunk.values {
        let left = chunk.bytes.end - at;
        let header = read_header(file, at, left)?;
        let (packed, length) = (u64::from(header.packed), header.length);
        unpacked = unpacked.saturating_add(u64::from(header.unpacked));
        if length.saturating_add(packed) > left {
            return Err(format!("the page at byte {at} goes on behind the end of its column"));
        }
        if unpacked > largest {
            return Err(format!("the page at byte {at} unpacks to more than its whole column"));
        }
        if u64::from(header.values) > chunk.values {
            return Err(format!("the page at byte {at} has more values than its whole column"));
        }
        if let Some(wanted) = header.sum
            && sum(file, at + length, packed)? != wanted
        {
            return Err(format!("the checksum of the page at byte {at} is not the one its header gives"));
        }
        if header.holds_rows {
            values += u64::from(header.values);
        }
        at += length + packed;
    }
    if values == chunk.values { Ok(()) } else { Err("a column's pages do not have the values it should".to_owned()) }
}

/// The checksum of so many bytes.
fn sum(file: &mut (impl Read + Seek), at: u64, length: u64) -> Result<u32, String> {
    file.seek(SeekFrom::Start(at)).map_err(|e| e.to_string())?;
    let (mut rest, mut buffer, mut sum) = (file.take(length), vec![0; 64 << 10], Crc::new());
    loop {
        match rest.read(&mut buffer).map_err(|e| e.to_string())? {
            0 => return Ok(sum.sum()),
            n => sum.update(&buffer[..n]),
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    unpacked: u32,
    packed: u32,
    values: u32,
    /// Of the page as it stands in the file, where its writer gives one.
    sum: Option<u32>,
    /// A data page, and no dictionary or index.
    holds_rows: bool,
    /// Of the header itself.
    length: u64,
}

fn read_header(file: &mut (impl Read + Seek), at: u64, left: u64) -> Result<Header, String> {
    let spoilt = || format!("the header of the page at byte {at} cannot be read");
    for most in [USUAL_HEADER, LONGEST_HEADER] {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(at)).map_err(|e| e.to_string())?;
        file.take(most.min(left)).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        let mut compact = Compact { bytes: &bytes, at: 0 };
        if let Some(mut header) = compact.header() {
            header.length = compact.at as u64;
            return Ok(header);
        }
    }
    Err(spoilt())
}

/// Thrift's compact protocol, as far as page headers need it. `None`: the bytes end, or are none of it.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

const I32: u8 = 5;
const STRUCT: u8 = 12;

impl Compact<'_> {
    fn header(&mut self) -> Option<Header> {
        let mut header = Header::default();
        let (mut field, mut sized) = (0_i64, [false; 2]);
        while let kind @ 1.. = self.field(&mut field)? {
            match (field, kind) {
                (2, I32) => (header.unpacked, sized[0]) = (self.count()?, true),
                (3, I32) => (header.packed, sized[1]) = (self.count()?, true),
                // Thrift knows signed numbers alone.
                (4, I32) => header.sum = Some(i32::try_from(self.signed()?).ok()?.cast_unsigned()),
                // Data, dictionary, and data of the second version.
                (5 | 7 | 8, STRUCT) => {
                    header.values = self.first_count()?;
                    header.holds_rows = field != 7;
                }
                _ => self.skip(kind, 0)?,
            }
        }
        sized.iter().all(|s| *s).then_some(header)
    }

    /// The first field of a structure: its number of values.
    fn first_count(&mut self) -> Option<u32> {
        let (mut field, mut count) = (0, None);
        while let kind @ 1.. = self.field(&mut field)? {
            match (field, kind) {
                (1, I32) => count = Some(self.count()?),
                _ => self.skip(kind, 1)?,
            }
        }
        count
    }

    /// The kind of the next field, whose number is set; 0 at the structure's end.
    fn field(&mut self, number: &mut i64) -> Option<u8> {
        let byte = self.byte()?;
        let kind = byte & 15;
        if byte > 0 {
            *number = match byte >> 4 {
                0 => self.signed()?,
                step => number.checked_add(i64::from(step))?,
            };
        }
        (byte == 0 || kind > 0).then_some(kind)
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.signed().map(drop),
            7 => self.pass(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.pass(length)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let length = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
                for _ in 0..length {
                    // In a list, truth takes a byte.
                    if matches!(byte & 15, 1 | 2) { self.byte().map(drop)? } else { self.skip(byte & 15, depth + 1)? }
                }
                Some(())
            }
            STRUCT => {
                let mut field = 0;
                while let kind @ 1.. = self.field(&mut field)? {
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            // Page headers have no maps.
            _ => None,
        }
    }

    fn count(&mut self) -> Option<u32> {
        u32::try_from(self.signed()?).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        let n = self.varint()?;
        Some((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn pass(&mut self, length: usize) -> Option<()> {
        self.at = self.at.checked_add(length).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn varint(mut n: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while n > 0x7F {
            out.push(n.to_le_bytes()[0] | 0x80);
            n >>= 7;
        }
        out.push(n.to_le_bytes()[0]);
        out
    }

    /// A data page's header: kind, unpacked and packed size, checksum, and how its values stand.
    fn page(unpacked: u32, packed: u32, values: u32) -> Vec<u8> {
        let int = |n: u32| varint(u64::from(n) << 1);
        let mut crc = Crc::new();
        crc.update(&body(packed));
        let sum = crc.sum().cast_signed();
        [
            vec![0x15],
            int(0),
            vec![0x15],
            int(unpacked),
            vec![0x15],
            int(packed),
            vec![0x15],
            varint(u64::from(((sum << 1) ^ (sum >> 31)).cast_unsigned())),
            vec![0x1C, 0x15],
            int(values),
            vec![0x15, 0, 0x15, 6, 0x15, 6, 0x1C, 0x18, 2, 9, 9, 0x16, 4, 0, 0, 0],
        ]
        .concat()
    }

    /// As much of a page as there is of it.
    fn body(packed: u32) -> Vec<u8> {
        vec![7; packed.min(100) as usize]
    }

    fn checked(pages: &[(u32, u32, u32)], chunk: &Chunk) -> Result<(), String> {
        let mut bytes = vec![0; 4];
        for (unpacked, packed, values) in pages {
            bytes.extend(page(*unpacked, *packed, *values));
            bytes.extend(body(*packed));
        }
        check(&mut Cursor::new(bytes), chunk)
    }

    fn chunk(length: u64) -> Chunk {
        Chunk { bytes: 4..4 + length, unpacked: 100, values: 8 }
    }

    #[test]
    fn pages_within_their_column_are_let_through() {
        let length = 2 * (page(40, 20, 4).len() as u64 + 20);
        assert_eq!(checked(&[(40, 20, 4), (40, 20, 4)], &chunk(length)), Ok(()));
    }

    #[test]
    fn a_page_that_is_not_what_its_checksum_says_is_refused() {
        let header = page(40, 20, 8);
        let whole = [&[0; 4][..], &header, &body(20)].concat();
        let of = chunk(header.len() as u64 + 20);
        assert_eq!(check(&mut Cursor::new(&whole), &of), Ok(()));
        let mut spoilt = whole;
        spoilt[4 + header.len() + 11] ^= 1;
        let refused = check(&mut Cursor::new(spoilt), &of).expect_err("refused");
        assert!(refused.contains("checksum"), "{refused}");
    }

    #[test]
    fn a_page_that_asks_for_more_than_its_column_is_refused() {
        for (pages, why) in [
            (&[(1_000_000_000, 20, 8)][..], "unpacks to more"),
            (&[(40, 1_000_000, 8)], "behind the end"),
            (&[(40, 20, 1_000_000)], "more values"),
            (&[(40, 20, 4)], "do not have the values"),
        ] {
            let length: u64 = pages.iter().map(|p| page(p.0, p.1, p.2).len() as u64 + 20).sum();
            let refused = checked(pages, &chunk(length)).expect_err("refused");
            assert!(refused.contains(why), "{refused}");
        }
        let spoilt = check(&mut Cursor::new(vec![0xFF; 64]), &chunk(32)).expect_err("refused");
        assert!(spoilt.contains("cannot be read"), "{spoilt}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200), end in 0_u64..300) {
            let _ = check(&mut Cursor::new(bytes), &Chunk { bytes: 4..end, unpacked: 100, values: 8 });
        }
    }
}
