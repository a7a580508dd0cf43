//! How much a file may unpack to. A few kilobytes can be made to unpack to petabytes, so every container is
//! bounded: by what comes out of it, and by how many times more that is than what went in.

/// What is unpacked before the ratio is looked at: small files of one repeated row pack well.
const RATIO_FROM: u64 = 16 << 20;

/// Bounds on what is read out of containers. A book sets them under `[input]` in its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest workbook, as bytes of the file: workbooks are held in memory.
    pub max_workbook_bytes: u64,
    /// What a gzip, zip or zstd file may unpack to, all its members together.
    pub max_expanded_bytes: u64,
    /// How many times its own size a file may unpack to, beyond the first 16 MiB.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_workbook_bytes: 64 << 20, max_expanded_bytes: 64 << 30, max_ratio: 1000 }
    }
}

impl Limits {
    /// What the parts of a workbook may unpack to, together.
    pub(super) fn workbook_expanded(&self) -> u64 {
        self.max_workbook_bytes.saturating_mul(16).min(self.max_expanded_bytes)
    }

    /// Why no more may be unpacked, if so much came out of so much.
    pub(super) fn exceeded(&self, packed: u64, unpacked: u64) -> Option<String> {
        if unpacked > self.max_expanded_bytes {
            return Some(format!(
                "it unpacks to more than {} bytes, the most that is read; if it is what it should be, raise \
                 max_expanded_bytes under [input] in trueup.toml",
                self.max_expanded_bytes
            ));
        }
        if unpacked > RATIO_FROM && unpacked / self.max_ratio.max(1) > packed {
            return Some(format!(
                "it unpacks to more than {} times its size, as bombs do; if it is what it should be, raise \
                 max_ratio under [input] in trueup.toml",
                self.max_ratio
            ));
        }
        None
    }

    /// Why a workbook is too large, if it is.
    pub(super) fn workbook_too_large(&self, bytes: u64) -> Option<String> {
        (bytes > self.max_workbook_bytes).then(|| {
            format!(
                "the workbook has {bytes} bytes, and at most {} are read, for a workbook must be held in memory; save \
                 the sheet as CSV, or raise max_workbook_bytes under [input] in trueup.toml",
                self.max_workbook_bytes
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_ratio_are_bounded_and_name_their_key() {
        let limits = Limits { max_workbook_bytes: 10, max_expanded_bytes: 200 << 20, max_ratio: 100 };
        assert_eq!(limits.exceeded(1, 16 << 20), None);
        assert_eq!(limits.exceeded(1 << 20, 100 << 20), None);
        assert!(limits.exceeded(1 << 20, 102 << 20).is_some_and(|m| m.contains("max_ratio")));
        assert!(limits.exceeded(100 << 20, (200 << 20) + 1).is_some_and(|m| m.contains("max_expanded_bytes")));
        assert_eq!(limits.workbook_too_large(10), None);
        assert!(limits.workbook_too_large(11).is_some_and(|m| m.contains("max_workbook_bytes")));
        assert_eq!(limits.workbook_expanded(), 160);
    }
}
