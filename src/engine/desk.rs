//! What a reading thread takes along from file to file: the numbers it has been told, and the rows it hands over many at
//! a time.

use std::collections::BTreeMap;
use std::io;

use xxhash_rust::xxh3::xxh3_128;

use super::budget::Budget;
use super::intern::{ByNumber, Interner, Known};
use super::waiting::Waiting;
use crate::book::{Period, id_key};
use crate::ingest::UsageRow;
use crate::resolve::AccountKey;
use crate::tidy::{Batches, Kind, Partitions};

pub(super) struct Desk {
    pub accounts: Known,
    pub skus: Known,
    pub ways: Ways,
    pub kinds: Kinds,
    pub heads: Batches,
    pub rows: Batches,
    pub waiting: Waiting,
    pub scratch: Scratch,
}

impl Desk {
    /// One of `threads`, for the partitions of heads and rows.
    pub fn new(heads: &Partitions, rows: &Partitions, budget: &Budget, threads: usize) -> Self {
        Self {
            accounts: Known::default(),
            skus: Known::default(),
            ways: Ways::default(),
            kinds: Kinds::default(),
            heads: Batches::new(heads, budget.heads / 8 / threads),
            rows: Batches::new(rows, budget.rows / 8 / threads),
            waiting: Waiting::default(),
            scratch: Scratch::default(),
        }
    }

    /// Hands on the rows that wait for the numbers of their accounts.
    pub fn settle(&mut self, accounts: &Interner<AccountKey>, rows: &Partitions) -> io::Result<()> {
        let Self { accounts: known, ways, rows: batches, waiting, scratch, .. } = self;
        waiting.settle(known, accounts, &ways.names, scratch, (batches, rows))
    }
}

/// Numbers for what many rows have alike: a vendor, and a vendor with the rule and format its SKUs stand in.
#[derive(Debug, Default)]
pub(super) struct Ways {
    vendors: BTreeMap<String, u32>,
    /// Vendors by number.
    names: Vec<String>,
    metered: BTreeMap<(u32, String), u32>,
}

impl Ways {
    /// The number of the vendor, and that of both.
    pub fn of(&mut self, vendor: &str, way: &str) -> (u32, u32) {
        let next = |known: usize| u32::try_from(known).expect("fewer than 2^32 vendors and formats");
        let (vendors, ways) = (next(self.vendors.len()), next(self.metered.len()));
        let by_vendor = *self.vendors.entry(vendor.to_string()).or_insert_with(|| {
            self.names.push(vendor.to_string());
            vendors
        });
        let by_way = *self.metered.entry((by_vendor, way.to_string())).or_insert(ways);
        (by_vendor, by_way)
    }
}

/// Numbers of kinds that a thread has been told.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    known: ByNumber<Kind, u32>,
}

impl Kinds {
    pub fn number(&mut self, kind: Kind, all: &Interner<Kind>) -> u32 {
        *self.known.entry(kind).or_insert_with(|| all.number(kind))
    }
}

/// The first letters of a name, however wide they are and in whatever case. It need not be right, only quick.
pub(super) fn beginning(name: &str) -> u32 {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(c) - 0xfee0).map_or(c, char::from),
        _ => c,
    };
    let letters = name.chars().map(narrow).filter(|c| c.is_alphanumeric()).take(10);
    letters.fold(0, |hash, c| (hash ^ u32::from(c.to_ascii_lowercase())).wrapping_mul(0x0100_0193).rotate_left(7))
}

/// Fingerprints, made in one buffer that is kept from row to row.
#[derive(Default)]
pub(super) struct Scratch {
    buffer: Vec<u8>,
}

/// What tells the copies of one vendor's rows, and those of one file, beside what the rows say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keys {
    /// Of rows with an identity.
    pub vendor: u128,
    /// Of others, with dates and without.
    pub dated: u128,
    pub undated: u128,
}

impl Keys {
    /// Rows without dates are copies only within the period that their file states.
    pub fn of_file(stated: Option<Period>) -> Self {
        let undated = format!("w{}", stated.map(|p| p.to_string()).unwrap_or_default());
        Self { vendor: 0, dated: xxh3_128(b"w"), undated: xxh3_128(undated.as_bytes()) }
    }

    pub fn of_vendor(self, vendor: &str) -> Self {
        Self { vendor: xxh3_128(format!("i{}", id_key(vendor)).as_bytes()), ..self }
    }

    /// What makes two rows copies: the vendor's identity, else every field as read. A sum of fingerprints.
    #[inline]
    pub fn key(&self, row: &UsageRow<'_>) -> u128 {
        match row.identity {
            Some(identity) => identity.wrapping_add(self.vendor),
            None if row.charge_period_start.is_none() => row.whole.wrapping_add(self.undated),
            None => row.whole.wrapping_add(self.dated),
        }
    }
}

impl Scratch {
    /// The readings of one meter: account, SKU and subscription.
    pub fn series(&mut self, account: u32, sku: u32, subscription: &[u8]) -> u128 {
        self.buffer.clear();
        self.buffer.extend_from_slice(&account.to_le_bytes());
        self.buffer.extend_from_slice(&sku.to_le_bytes());
        self.buffer.extend_from_slice(subscription);
        xxh3_128(&self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_wait_together_and_other_names_mostly_do_not() {
        let one = ["Jitu Academy GmbH", "JITU  ACADEMY", "Ｊｉｔｕ Academy llc", "jitu-academy, inc."].map(beginning);
        assert!(one.iter().all(|b| *b == one[0]));
        let others: std::collections::BTreeSet<u32> = (0..100).map(|n| beginning(&format!("{n} Dental"))).collect();
        assert_eq!(others.len(), 100);
    }

    #[test]
    fn a_vendor_and_its_ways_keep_their_numbers() {
        let mut ways = Ways::default();
        let asked = [("A", "sum x"), ("B", "sum x"), ("A", "max x"), ("A", "sum x"), ("", ""), ("B", "sum x")];
        let told = asked.map(|(vendor, way)| ways.of(vendor, way));
        assert_eq!(told, [(0, 0), (1, 1), (0, 2), (0, 0), (2, 3), (1, 1)]);
    }
}
