//! Zip archives by their central directory, the one place that says what is in them. Members are read
//! one after another straight from the file, and what comes out is held to the directory's sizes and sums.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

/// More members than any export has.
const MOST_MEMBERS: u64 = 10_000;
/// The directory of so many members, with room for their names.
const LONGEST_DIRECTORY: u64 = 64 << 20;
const END: &[u8] = b"PK\x05\x06";

/// Where a member stands in its file, and what must come out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// Of its local header.
    pub(super) header: u64,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    crc: u32,
    deflated: bool,
}

/// An entry of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub member: Member,
    /// Why it cannot be read, if it cannot.
    pub refused: Option<&'static str>,
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZipFault {
    #[error("the zip archive is cut off or damaged: {0}")]
    Broken(&'static str),
    #[error("the zip archive {0}")]
    Refused(String),
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// Lists the members that are files, in the directory's order.
pub(super) fn entries<R: Read + Seek>(file: &mut R) -> Result<Vec<Entry>, ZipFault> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail_at = length.saturating_sub((64 << 10) + 22 + 20);
    file.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    file.take(length - tail_at).read_to_end(&mut tail)?;
    let at = memchr::memmem::rfind(&tail, END)
        .ok_or(ZipFault::Broken("its directory, which stands at its end, is not there"))?;
    let end = Bytes(&tail[at..]);
    // Anything behind it was put there by something that knew nothing of the archive.
    if at as u64 + 22 + u64::from(end.u16(20)?) != tail.len() as u64 {
        return Err(ZipFault::Broken("its end is cut off, or something stands behind it"));
    }
    let mut directory_end = tail_at + at as u64;
    let (mut count, mut size, mut start) = (u64::from(end.u16(10)?), u64::from(end.u32(12)?), u64::from(end.u32(16)?));
    // The 64-bit end stands before the plain one, and a pointer to it between.
    if (count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF)
        && at >= 20
        && tail[at - 20..].starts_with(b"PK\x06\x07")
    {
        let end64_at = Bytes(&tail[at - 20..]).u64(8)?;
        file.seek(SeekFrom::Start(end64_at))?;
        let mut end64 = Vec::new();
        file.take(56).read_to_end(&mut end64)?;
        let end64 = Bytes(&end64);
        if !end64.0.starts_with(b"PK\x06\x06") {
            return Err(ZipFault::Broken("its 64-bit directory is not where it says"));
        }
        (count, size, start) = (end64.u64(32)?, end64.u64(40)?, end64.u64(48)?);
        directory_end = end64_at;
    }
    // Else it may be the directory of another archive, put before this one.
    if start.checked_add(size) != Some(directory_end) {
        return Err(ZipFault::Broken(
            "its directory is not where its end says, as where archives stand one behind another",
        ));
    }
    if count > MOST_MEMBERS || size > LONGEST_DIRECTORY {
        return Err(ZipFault::Refused(format!("has {count} members, and at most {MOST_MEMBERS} are read; unpack it")));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut directory = Vec::new();
    file.take(size).read_to_end(&mut directory)?;
    let mut rest = directory.as_slice();
    let mut entries = Vec::new();
    for _ in 0..count {
        let (entry, length) = entry(Bytes(rest))?;
        rest = rest.get(length..).unwrap_or_default();
        if !entry.name.ends_with('/') {
            entries.push(entry);
        }
    }
    overlap(&entries)?;
    Ok(entries)
}

fn entry(bytes: Bytes<'_>) -> Result<(Entry, usize), ZipFault> {
    if !bytes.0.starts_with(b"PK\x01\x02") {
        return Err(ZipFault::Broken("its directory ends early"));
    }
    let (flags, method) = (bytes.u16(8)?, bytes.u16(10)?);
    let (name, extra, comment) = (bytes.u16(28)?, bytes.u16(30)?, bytes.u16(32)?);
    let [name, extra, comment] = [name, extra, comment].map(usize::from);
    let mut member = Member {
        header: u64::from(bytes.u32(42)?),
        packed: u64::from(bytes.u32(20)?),
        unpacked: u64::from(bytes.u32(24)?),
        crc: bytes.u32(16)?,
        deflated: method == 8,
    };
    let name_bytes = bytes.slice(46, name)?;
    let mut fields = Bytes(bytes.slice(46 + name, extra)?);
    while fields.0.len() >= 4 {
        let (id, length) = (fields.u16(0)?, usize::from(fields.u16(2)?));
        let Ok(body) = fields.slice(4, length) else { break };
        if id == 1 {
            let mut at = 0;
            for value in [&mut member.unpacked, &mut member.packed, &mut member.header] {
                if *value == 0xFFFF_FFFF {
                    *value = Bytes(body).u64(at)?;
                    at += 8;
                }
            }
        }
        fields = Bytes(&fields.0[4 + length..]);
    }
    let refused = match (flags & 1, method) {
        (1, _) => Some("it is encrypted; unpack it with its password and put the file here"),
        (_, 0 | 8) => None,
        _ => Some("it is packed in a way other than deflate; unpack it and put the file here"),
    };
    // Without the mark of UTF-8 the name's code page is not known; nothing is named by it but the source.
    // A terminal would act on control characters.
    let name = String::from_utf8_lossy(name_bytes).replace('\\', "/").replace(char::is_control, "\u{FFFD}");
    Ok((Entry { name, member, refused }, 46 + name_bytes.len() + extra + comment))
}

/// Members that share their bytes are how a small file is made to unpack to a huge one.
fn overlap(entries: &[Entry]) -> Result<(), ZipFault> {
    let mut spans: Vec<(u64, u64)> = entries.iter().map(|e| (e.member.header, e.member.packed)).collect();
    spans.sort_unstable();
    if spans.windows(2).any(|w| w[0].0.saturating_add(w[0].1) > w[1].0) {
        return Err(ZipFault::Refused("has members that overlap, as bombs do".to_string()));
    }
    Ok(())
}

/// What is in a member. Data that is broken, or not what the directory says, is an error of kind
/// `InvalidData` or `UnexpectedEof`.
pub(super) fn open<'a, R: Read + Seek + Send + 'a>(
    mut file: R,
    member: Member,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    file.seek(SeekFrom::Start(member.header))?;
    let mut header = [0; 30];
    file.read_exact(&mut header)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(invalid("a member is not where the directory says"));
    }
    let skip = u64::from(u16::from_le_bytes([header[26], header[27]]))
        + u64::from(u16::from_le_bytes([header[28], header[29]]));
    file.seek(SeekFrom::Start(member.header.saturating_add(30 + skip)))?;
    let packed = io::BufReader::with_capacity(64 << 10, file).take(member.packed);
    Ok(if member.deflated {
        Box::new(Checked { inner: DeflateDecoder::new(packed), crc: Crc::new(), left: member.unpacked, member })
    } else {
        Box::new(Checked { inner: packed, crc: Crc::new(), left: member.unpacked, member })
    })
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Holds what is read to the directory's size and sum.
struct Checked<R> {
    inner: R,
    crc: Crc,
    left: u64,
    member: Member,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        if n as u64 > self.left {
            return Err(invalid("a member unpacks to more than the directory says"));
        }
        self.left -= n as u64;
        self.crc.update(&out[..n]);
        if n == 0 && !out.is_empty() {
            if self.left > 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a member ends early"));
            }
            if self.crc.sum() != self.member.crc {
                return Err(invalid("a member's checksum is not the one the directory gives"));
            }
        }
        Ok(n)
    }
}

/// Little-endian numbers out of a slice that may end early.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn slice(self, at: usize, length: usize) -> Result<&'a [u8], ZipFault> {
        let end = at.checked_add(length);
        end.and_then(|end| self.0.get(at..end)).ok_or(ZipFault::Broken("its directory ends early"))
    }

    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], ZipFault> {
        let slice = self.slice(at, N)?;
        slice.try_into().map_err(|_| ZipFault::Broken("its directory ends early"))
    }

    fn u16(self, at: usize) -> Result<u16, ZipFault> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: usize) -> Result<u32, ZipFault> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(self, at: usize) -> Result<u64, ZipFault> {
        self.array(at).map(u64::from_le_bytes)
    }
}
