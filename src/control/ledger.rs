//! The double entry of rows: what was read on one side, where each row ended on the other. The two sides
//! are written by different stages, so a stage that loses, doubles or alters a row shows as a difference.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Bucket;
use crate::rate::{Currency, ExactSum, Overflow};

/// Rows with their quantity and cost. A value that cannot be read is in neither sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub rows: u64,
    pub quantity: ExactSum,
    pub cost: ExactSum,
}

impl Tally {
    pub fn add(&mut self, quantity: Option<Decimal>, cost: Option<Decimal>) -> Result<(), Overflow> {
        self.rows += 1;
        self.quantity.add(quantity.unwrap_or_default())?;
        self.cost.add(cost.unwrap_or_default())
    }

    /// Adds a row by what its quantity and cost come to.
    #[inline]
    pub fn add_row(&mut self, [quantity, cost]: [ExactSum; 2]) -> Result<(), Overflow> {
        self.rows += 1;
        self.quantity.merge(quantity)?;
        self.cost.merge(cost)
    }

    pub fn merge(&mut self, other: &Tally) -> Result<(), Overflow> {
        self.rows += other.rows;
        self.quantity.merge(other.quantity)?;
        self.cost.merge(other.cost)
    }
}

/// One file and currency of the ledger; files are numbered by the caller.
pub type Account = (u32, Currency);

/// Both sides of the entry.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    read: BTreeMap<Account, Tally>,
    placed: BTreeMap<Account, [Tally; Bucket::ALL.len()]>,
}

/// The two sides of a file and currency differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "rows do not add up: read {} rows, quantity {}, cost {}; placed {} rows, quantity {}, cost {}",
    read.rows, read.quantity, read.cost, placed.rows, placed.quantity, placed.cost
)]
pub struct Imbalance {
    pub account: Account,
    pub read: Tally,
    pub placed: Tally,
}

impl Ledger {
    /// Enters a row as read.
    pub fn read(
        &mut self,
        file: u32,
        currency: Currency,
        quantity: Option<Decimal>,
        cost: Option<Decimal>,
    ) -> Result<(), Overflow> {
        self.read.entry((file, currency)).or_default().add(quantity, cost)
    }

    /// Enters rows as read.
    pub fn read_all(&mut self, file: u32, currency: Currency, tally: &Tally) -> Result<(), Overflow> {
        self.read.entry((file, currency)).or_default().merge(tally)
    }

    /// Enters rows where they ended.
    pub fn place(&mut self, file: u32, currency: Currency, bucket: Bucket, tally: &Tally) -> Result<(), Overflow> {
        self.placed.entry((file, currency)).or_default()[bucket as usize].merge(tally)
    }

    pub fn merge(&mut self, other: &Ledger) -> Result<(), Overflow> {
        for (account, tally) in &other.read {
            self.read.entry(*account).or_default().merge(tally)?;
        }
        for (account, tallies) in &other.placed {
            let mine = self.placed.entry(*account).or_default();
            for (a, b) in mine.iter_mut().zip(tallies) {
                a.merge(b)?;
            }
        }
        Ok(())
    }

    /// Every file and currency on either side, with what was read and the buckets in `Bucket::ALL` order.
    pub fn accounts(&self) -> impl Iterator<Item = (Account, Tally, [Tally; Bucket::ALL.len()])> + '_ {
        let mut all: Vec<Account> = self.read.keys().chain(self.placed.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|a| {
            let read = self.read.get(&a).copied().unwrap_or_default();
            (a, read, self.placed.get(&a).copied().unwrap_or_default())
        })
    }

    /// Every imbalance; empty if all rows are accounted for.
    pub fn imbalances(&self) -> Result<Vec<Imbalance>, Overflow> {
        let mut out = Vec::new();
        for (account, read, buckets) in self.accounts() {
            let mut placed = Tally::default();
            for bucket in &buckets {
                placed.merge(bucket)?;
            }
            if placed != read {
                out.push(Imbalance { account, read, placed });
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rows: u64, quantity: i64, cost: i64) -> Tally {
        let sum = |v: i64| ExactSum::of(Decimal::new(v, 2));
        Tally { rows, quantity: sum(quantity), cost: sum(cost) }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for q in [100, 250] {
            ledger.read(0, Currency::NONE, Some(Decimal::new(q, 2)), None).expect("fits");
        }
        ledger
    }

    #[test]
    fn a_ledger_balances_when_every_row_is_placed_once() {
        let mut ledger = ledger();
        ledger.place(0, Currency::NONE, Bucket::Billed, &tally(1, 100, 0)).expect("fits");
        ledger.place(0, Currency::NONE, Bucket::Unmapped, &tally(1, 250, 0)).expect("fits");
        assert_eq!(ledger.imbalances(), Ok(Vec::new()));
    }

    #[test]
    fn a_lost_a_doubled_and_an_altered_row_each_show() {
        for wrong in [tally(1, 250, 0), tally(3, 600, 0), tally(2, 349, 0), tally(2, 350, 1)] {
            let mut ledger = ledger();
            ledger.place(0, Currency::NONE, Bucket::Billed, &wrong).expect("fits");
            assert_eq!(ledger.imbalances().map(|v| v.len()), Ok(1), "{wrong:?}");
        }
    }

    #[test]
    fn a_row_placed_under_another_file_shows_on_both() {
        let mut ledger = ledger();
        ledger.place(1, Currency::NONE, Bucket::Billed, &tally(2, 350, 0)).expect("fits");
        assert_eq!(ledger.imbalances().map(|v| v.len()), Ok(2));
    }
}
