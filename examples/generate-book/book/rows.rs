//! What row number `i` is. Nothing but its number, the plan and a hash decides, so any thread can say it.

use std::io;
use std::ops::Range;

use super::names::SPELLINGS;
use super::{Plan, SKUS, Shape};

/// The SKU that no product and no mapping fits.
pub const UNMAPPED_SKU: usize = SKUS - 1;
/// The SKUs of accounts that nothing joins. They are few, for what is missing of a SKU leaves its lines open.
const UNJOINED_SKUS: [usize; 2] = [SKUS - 3, SKUS - 2];
const MILLION: u64 = 1_000_000;
const LAST_MONTH: u64 = 20_000;
const OVER_TWO_LINES: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// Its dates are of the month before.
    LastMonth,
    /// It cannot be read, for one of four causes.
    Rejected(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Client(u64),
    /// The MSP's own.
    Internal,
    Nobody,
}

/// A row, before its text.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub number: u64,
    /// The row it is a copy of; else itself.
    pub original: u64,
    pub kind: Kind,
    pub name: u64,
    pub client: Whose,
    pub sku: usize,
    /// In ten-thousandths.
    pub units: i64,
    pub over_two_lines: bool,
}

/// How a spelling is joined to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    ByName,
    ByMapping,
    Internal,
    ByNothing,
}

impl Plan {
    pub(super) fn check(&self) -> io::Result<()> {
        let wrong = |text: String| Err(io::Error::other(text));
        if self.files > self.rows {
            return wrong(format!("{} rows are too few for {} files", self.rows, self.files));
        }
        if self.names.div_ceil(self.clients) > SPELLINGS {
            return wrong(format!("--names may be at most {SPELLINGS} a client"));
        }
        Ok(())
    }

    fn rows_a_file(&self) -> u64 {
        self.rows.div_ceil(self.files)
    }

    pub(super) fn file_of(&self, row: u64) -> u64 {
        row / self.rows_a_file()
    }

    pub(super) fn rows_of(&self, file: u64) -> Range<u64> {
        let each = self.rows_a_file();
        (file * each).min(self.rows)..((file + 1) * each).min(self.rows)
    }

    /// A number that looks random, of a row or name and what it is for.
    pub(super) fn hash(&self, of: u64, what: u64) -> u64 {
        let mut z = of.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ what.wrapping_mul(0xD1B5_4A32_D192_ED03) ^ self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// How the spelling `name` is joined; its client is `name % clients`.
    pub(super) fn joined(&self, name: u64) -> Joined {
        match self.shape {
            Shape::DistinctAccounts => Joined::ByMapping,
            Shape::UnmappedAccounts => Joined::ByNothing,
            // The first spelling of a client is always its name.
            _ if name < self.clients => Joined::ByName,
            _ => match self.hash(name, 1) % 200 {
                0 | 1 => Joined::ByNothing,
                2 => Joined::Internal,
                3..=12 => Joined::ByMapping,
                _ => Joined::ByName,
            },
        }
    }

    fn kind(&self, row: u64) -> Kind {
        let hash = self.hash(row, 2);
        let rejects = match self.shape {
            Shape::AllRejected => MILLION,
            Shape::AllDuplicates | Shape::OneRow => 0,
            _ => self.rejects,
        };
        match hash % MILLION {
            at if at < rejects => Kind::Rejected((hash >> 40) as u8 % 4),
            at if at < rejects + LAST_MONTH => Kind::LastMonth,
            _ => Kind::Plain,
        }
    }

    /// The row that `row` copies, or itself. No row is copied twice but in the shapes that say so.
    fn original(&self, row: u64) -> u64 {
        match self.shape {
            Shape::OneRow => 0,
            Shape::AllDuplicates => row % self.rows_a_file(),
            Shape::AllRejected => row,
            _ => self.copied(row).unwrap_or(row),
        }
    }

    /// Copies are of the row at the same place of the file before, or of the first half of a lone file.
    fn copied(&self, row: u64) -> Option<u64> {
        let back = if self.files == 1 { self.rows.div_ceil(2) } else { self.rows_a_file() };
        // The first file copies nothing, and the others make up for it.
        let share = self.duplicates * self.rows / self.rows.saturating_sub(back).max(1);
        if self.hash(row, 3) % MILLION >= share {
            return None;
        }
        let of = row.checked_sub(back)?;
        (self.kind(of) == Kind::Plain && self.copied(of).is_none()).then_some(of)
    }

    pub(super) fn draw(&self, number: u64) -> Drawn {
        let original = self.original(number);
        let kind = self.kind(original);
        let hash = self.hash(original, 4);
        let name = match (self.shape, kind) {
            (Shape::DistinctAccounts | Shape::UnmappedAccounts, _) => original,
            // What cannot be read leaves its line open, so it is of a few clients.
            (_, Kind::Rejected(_)) => hash % (self.clients / 20).max(1),
            _ => hash % self.names,
        };
        let client = match (self.shape, self.joined(name)) {
            (Shape::DistinctAccounts, _) => Whose::Client(name % self.clients.min(10)),
            (_, Joined::ByName | Joined::ByMapping) => Whose::Client(name % self.clients),
            (_, Joined::Internal) => Whose::Internal,
            (_, Joined::ByNothing) => Whose::Nobody,
        };
        let pick = (hash >> 24) as usize;
        let sku = match client {
            Whose::Client(client) => (client as usize + 2 * (pick % (SKUS / 2))) % SKUS,
            Whose::Internal | Whose::Nobody => UNJOINED_SKUS[pick % 2],
        };
        // A row of another width could be any SKU's, unless its own is known.
        let sku = if sku == UNMAPPED_SKU && kind == Kind::Rejected(3) { 1 } else { sku };
        let units = (hash >> 44) as i64;
        // Seats, most often; else a measured quantity of four places, now and then above a thousand.
        let units = if units % 10 < 7 { (units / 10 % 60 + 1) * 10_000 } else { units % 12_000_000 + 1 };
        let over_two_lines = self.hash(original, 5) % MILLION < OVER_TWO_LINES;
        Drawn { number, original, kind, name, client, sku, units, over_two_lines }
    }
}
