//! Rows whose accounts have no number yet. Accounts are looked up in a table that is larger than the processor's caches; of
//! some rows at once, so that what is asked of memory for one row is under way while it is asked for the next.

use std::hint::black_box;
use std::io;

use super::desk::{Scratch, beginning};
use super::intern::{Interner, Known, join, texts_of};
use crate::format::Column;
use crate::ingest::UsageRow;
use crate::resolve::AccountKey;
use crate::tidy::{Batches, Draft, Fixed, Partitions, Row};

/// Rows that wait together.
const TOGETHER: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: Vec<Held>,
    /// Their records, which lack the account, each in a place that is used again and again.
    records: Vec<Draft>,
    /// Accounts, joined, and subscriptions of the rows, one behind the other.
    texts: Vec<u8>,
}

#[derive(Debug)]
struct Held {
    hash: u64,
    sku: u32,
    /// The number of the account's vendor.
    vendor: u32,
    /// Where its texts end: those of the account, and the subscription.
    account: usize,
    subscription: usize,
}

impl Waiting {
    pub fn is_full(&self) -> bool {
        self.rows.len() >= TOGETHER
    }

    /// `fixed` has neither account nor series yet; `vendor` is the number of its vendor. `series`: whether readings of its
    /// meter may have to be put together.
    pub fn push(&mut self, fixed: Fixed, vendor: u32, row: &UsageRow<'_>, series: bool) {
        join(&[row.bytes(Column::SubAccountId), row.bytes(Column::SubAccountName)], &mut self.texts);
        let account = self.texts.len();
        if series {
            // An empty one is one, too.
            self.texts.push(b'=');
            self.texts.extend_from_slice(row.subscription_id().as_bytes());
        }
        let subscription = self.texts.len();
        if self.records.len() == self.rows.len() {
            self.records.push(Draft::default());
        }
        // The series' room is there, whatever it will be.
        let fixed = Fixed { series: if series { u128::MAX } else { 0 }, ..fixed };
        self.records[self.rows.len()].write_row(&fixed, row);
        let hash = Known::hash(vendor, row.account_print);
        self.rows.push(Held { hash, sku: fixed.sku, vendor, account, subscription });
    }

    /// Gives the rows their accounts, and hands them on.
    pub fn settle(
        &mut self,
        known: &mut Known,
        all: &Interner<AccountKey>,
        vendors: &[String],
        scratch: &mut Scratch,
        (batches, partitions): (&mut Batches, &Partitions),
    ) -> io::Result<()> {
        black_box(known.glance(&self.rows, |held| held.hash));
        let mut text = 0;
        for (Held { hash, sku, vendor, account, subscription }, record) in self.rows.drain(..).zip(&self.records) {
            let texts = &self.texts[text..account];
            let (number, name) = known.number_of_joined(vendor, texts, hash, || {
                let [id, name] = texts_of(texts);
                let key = AccountKey {
                    provider_name: vendors[vendor as usize].clone(),
                    sub_account_id: id.to_string(),
                    sub_account_name: name.to_string(),
                };
                (all.number(key), beginning(if name.is_empty() { id } else { name }))
            });
            batches.push(partitions, near(name, sku), |out| {
                let begin = out.len();
                record.append_to(out);
                let record = &mut out[begin..];
                Row::put_account(record, number);
                if let [_, subscription @ ..] = &self.texts[account..subscription] {
                    Row::put_series(record, scratch.series(number, sku, subscription));
                }
            })?;
            text = subscription;
        }
        self.texts.clear();
        Ok(())
    }
}

/// Where a row waits for its turn: beside those of one client and SKU, with which it is added up. Memory is then asked for
/// what it has just shown, whatever the order of the exports. The first bits of it say where.
fn near(name: u32, sku: u32) -> u128 {
    let mixed = |number: u32| (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // The SKU decides last, so that a single client's rows are not all in one place.
    let near = mixed(name) >> 58 << 58 | mixed(sku) >> 6;
    u128::from(near) << 64
}
