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
        let code = |c: Code| c as u8;
        let (tag, number, file, line) = match self.fate {
            Fate::Metered(group) => (0, 0, group, 0),
            Fate::Duplicate { code: c, kept_file, kept_line } => (1, code(c), kept_file, kept_line),
            Fate::Internal => (2, 0, 0, 0),
            Fate::Excluded => (3, 0, 0, 0),
            Fate::Unmapped(c) => (4, code(c), 0, 0),
            Fate::Rejected(c) => (5, code(c), 0, 0),
            Fate::OutOfPeriod => (6, 0, 0, 0),
        };
        out.extend_from_slice(&self.file.to_le_bytes());
        out.extend_from_slice(&self.line.to_le_bytes());
        out.extend_from_slice(&[tag, number]);
        out.extend_from_slice(&file.to_le_bytes());
        out.extend_from_slice(&line.to_le_bytes());
    }

    /// `None` if the bytes were not written by `encode`.
    pub fn decode(bytes: &[u8; FATE_BYTES]) -> Option<Self> {
        let u32_at = |i: usize| bytes[i..i + 4].try_into().ok().map(u32::from_le_bytes);
        let u64_at = |i: usize| bytes[i..i + 8].try_into().ok().map(u64::from_le_bytes);
        let code = || Code::ALL.get(usize::from(bytes[13])).copied();
        let fate = match bytes[12] {
            0 => Fate::Metered(u32_at(14)?),
            1 => Fate::Duplicate { code: code()?, kept_file: u32_at(14)?, kept_line: u64_at(18)? },
            2 => Fate::Internal,
            3 => Fate::Excluded,
            4 => Fate::Unmapped(code()?),
            5 => Fate::Rejected(code()?),
            6 => Fate::OutOfPeriod,
            _ => return None,
        };
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
