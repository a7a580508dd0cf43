//! The compound file that old Office documents are: streams scattered over sectors, found by chains.

use super::WorkbookFault;

const END: u32 = 0xFFFF_FFFE;
const SIGNATURE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

pub(super) struct Compound<'a> {
    bytes: &'a [u8],
    sector: usize,
    /// For each sector, the one that follows it.
    next: Vec<u32>,
    small_next: Vec<u32>,
    small: Vec<u8>,
    /// Streams below this size stand in small sectors.
    cutoff: u64,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    start: u32,
    size: u64,
}

fn damaged(why: &str) -> WorkbookFault {
    WorkbookFault::Broken(format!("its compound file {why}"))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).filter_map(|c| c.try_into().ok().map(u32::from_le_bytes))
}

impl<'a> Compound<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, WorkbookFault> {
        let header = |at| u32_at(bytes, at).ok_or_else(|| damaged("ends early"));
        let shift = u16_at(bytes, 30).unwrap_or_default();
        if !bytes.starts_with(SIGNATURE) || !(9..=12).contains(&shift) {
            return Err(damaged("has no header"));
        }
        let mut file = Self {
            bytes,
            sector: 1 << shift,
            next: Vec::new(),
            small_next: Vec::new(),
            small: Vec::new(),
            cutoff: u64::from(header(56)?),
            entries: Vec::new(),
        };
        // Which sectors hold the table of chains: the first 109 stand in the header, the others in a chain.
        let mut tables: Vec<u32> = numbers(bytes.get(76..512).unwrap_or_default()).collect();
        let (mut more, mut steps) = (header(68)?, 0);
        while more < END {
            let sector = file.sector_at(more)?;
            let (list, link) = sector.split_at(sector.len() - 4);
            tables.extend(numbers(list));
            more = u32_at(link, 0).unwrap_or(END);
            steps += 1;
            if steps > file.most_sectors() {
                return Err(damaged("has a chain without an end"));
            }
        }
        for table in tables.into_iter().filter(|t| *t < END) {
            let sector = file.sector_at(table)?;
            file.next.extend(numbers(sector));
            if file.next.len() > file.most_sectors() + file.sector {
                return Err(damaged("has more chains than sectors"));
            }
        }
        let directory = file.chain(header(48)?, u64::MAX)?;
        for entry in directory.chunks_exact(128) {
            let length = usize::from(u16_at(entry, 64).unwrap_or_default()).saturating_sub(2).min(62);
            let units: Vec<u16> = entry[..length].chunks_exact(2).filter_map(|c| u16_at(c, 0)).collect();
            let size = u64::from(u32_at(entry, 120).unwrap_or_default());
            let start = u32_at(entry, 116).unwrap_or(END);
            match entry[66] {
                5 => file.small = file.chain(start, size)?,
                2 => file.entries.push(Entry { name: String::from_utf16_lossy(&units), start, size }),
                _ => {}
            }
        }
        file.small_next = numbers(&file.chain(header(60)?, u64::MAX)?).collect();
        Ok(file)
    }

    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|e| e.name.eq_ignore_ascii_case(name))
    }

    /// A stream's bytes, `None` if there is no such stream.
    pub fn stream(&self, name: &str) -> Result<Option<Vec<u8>>, WorkbookFault> {
        let Some(entry) = self.entries.iter().find(|e| e.name.eq_ignore_ascii_case(name)) else { return Ok(None) };
        if entry.size >= self.cutoff {
            return self.chain(entry.start, entry.size).map(Some);
        }
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
        let (mut out, mut at) = (Vec::new(), entry.start);
        while at < END && out.len() < size {
            let start = at as usize * 64;
            let sector =
                self.small.get(start..start + 64).ok_or_else(|| damaged("names a sector that is not there"))?;
            out.extend_from_slice(sector);
            if out.len() > self.small.len() {
                return Err(damaged("has a chain without an end"));
            }
            at = self.small_next.get(at as usize).copied().unwrap_or(END);
        }
        if out.len() < size {
            return Err(damaged("has a stream that ends early"));
        }
        out.truncate(size);
        Ok(Some(out))
    }

    fn most_sectors(&self) -> usize {
        self.bytes.len() / self.sector + 1
    }

    fn sector_at(&self, sector: u32) -> Result<&'a [u8], WorkbookFault> {
        let start = (sector as usize + 1) * self.sector;
        let rest = self.bytes.get(start..).filter(|r| !r.is_empty());
        // The last sector of a file may be short.
        let rest = rest.ok_or_else(|| damaged("names a sector that is not there"))?;
        let sector = &rest[..rest.len().min(self.sector)];
        if sector.len() < 4 { Err(damaged("ends early")) } else { Ok(sector) }
    }

    fn chain(&self, mut at: u32, size: u64) -> Result<Vec<u8>, WorkbookFault> {
        let mut out = Vec::new();
        while at < END && (out.len() as u64) < size {
            out.extend_from_slice(self.sector_at(at)?);
            if out.len() > self.bytes.len() {
                return Err(damaged("has a chain without an end"));
            }
            at = self.next.get(at as usize).copied().ok_or_else(|| damaged("names a sector that is not there"))?;
        }
        if size != u64::MAX {
            if (out.len() as u64) < size {
                return Err(damaged("has a stream that ends early"));
            }
            out.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        }
        Ok(out)
    }
}
