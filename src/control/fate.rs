//! Where one usage row went: the record that lineage, duplicates and rejects are written from.

use crate::finding::Code;

/// What became of a row. Rows of one metered group share the group's bucket, which is known only after
/// reconciling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Metered under the group of this number.
    Metered(u32),
    /// Dropped for the copy at this file and line.
    Duplicate {
        code: Code,
        kept_file: u32,
        kept_line: u64,
    },
    Internal,
    Excluded,
    Unmapped(Code),
    Rejected(Code),
    OutOfPeriod,
}

impl Fate {
    /// The fate as numbers, but for where the copy kept of a duplicate stands: its kind, its code, and its group.
    pub fn parts(self) -> (u8, u8, u32) {
        match self {
            Fate::Metered(group) => (0, 0, group),
            Fate::Duplicate { code, .. } => (1, code as u8, 0),
            Fate::Internal => (2, 0, 0),
            Fate::Excluded => (3, 0, 0),
            Fate::Unmapped(code) => (4, code as u8, 0),
            Fate::Rejected(code) => (5, code as u8, 0),
            Fate::OutOfPeriod => (6, 0, 0),
        }
    }

    /// The fate again, a duplicate's copy kept at the start of the first file. `None` if these are no [`Fate::parts`].
    pub fn of_parts(kind: u8, code: u8, group: u32) -> Option<Self> {
        let code = || Code::ALL.get(usize::from(code)).copied();
        Some(match kind {
            0 => Fate::Metered(group),
            1 => Fate::Duplicate { code: code()?, kept_file: 0, kept_line: 0 },
            2 => Fate::Internal,
            3 => Fate::Excluded,
            4 => Fate::Unmapped(code()?),
            5 => Fate::Rejected(code()?),
            6 => Fate::OutOfPeriod,
            _ => return None,
        })
    }
}

/// A row's position and its fate; sorted by position for the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowFate {
    pub file: u32,
    pub line: u64,
    pub fate: Fate,
}

/// Bytes of an encoded record.
pub const FATE_BYTES: usize = 26;

impl RowFate {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, code, group) = self.fate.parts();
        let (number, line) = match self.fate {
            Fate::Duplicate { kept_file, kept_line, .. } => (kept_file, kept_line),
            _ => (group, 0),
        };
        out.extend_from_slice(&self.file.to_le_bytes());
        out.extend_from_slice(&self.line.to_le_bytes());
        out.extend_from_slice(&[kind, code]);
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&line.to_le_bytes());
    }

    /// `None` if the bytes were not written by `encode`.
    pub fn decode(bytes: &[u8; FATE_BYTES]) -> Option<Self> {
        let u32_at = |i: usize| bytes[i..i + 4].try_into().ok().map(u32::from_le_bytes);
        let u64_at = |i: usize| bytes[i..i + 8].try_into().ok().map(u64::from_le_bytes);
        let mut fate = Fate::of_parts(bytes[12], bytes[13], u32_at(14)?)?;
        if let Fate::Duplicate { kept_file, kept_line, .. } = &mut fate {
            (*kept_file, *kept_line) = (u32_at(14)?, u64_at(18)?);
        }
        Some(Self { file: u32_at(0)?, line: u64_at(4)?, fate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_survives_its_encoding() {
        let fates = [
            Fate::Metered(u32::MAX),
            Fate::Duplicate { code: Code::T202, kept_file: 3, kept_line: u64::MAX },
            Fate::Internal,
            Fate::Excluded,
            Fate::Unmapped(Code::M302),
            Fate::Rejected(Code::R419),
            Fate::OutOfPeriod,
        ];
        for fate in fates {
            let original = RowFate { file: 7, line: 1 << 40, fate };
            let mut bytes = Vec::new();
            original.encode(&mut bytes);
            assert_eq!(RowFate::decode(bytes.as_slice().try_into().expect("the stated size")), Some(original));
        }
    }
}
