//! Rows whose accounts have no number yet. Accounts are looked up in a table that is larger than the processor's caches; of
//! some rows at once, so that what is asked of memory for one row is under way while it is asked for the next.

use std::hint::black_box;
use std::io;

use super::desk::{Scratch, beginning};
use super::intern::{Interner, Known, join, texts_of};
use crate::ingest::UsageRow;
use crate::resolve::AccountKey;
use crate::tidy::{Batches, Partitions, Row};

/// Rows that wait together.
const TOGETHER: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: Vec<Held>,
    /// Accounts, joined, and subscriptions of the rows, one behind the other.
    texts: Vec<u8>,
}

#[derive(Debug)]
struct Held {
    row: Row,
    kind: u32,
    /// The number of the account's vendor.
    vendor: u32,
    hash: u64,
    /// Where its texts end: those of the account, and the subscription.
    ends: (usize, usize),
}

impl Waiting {
    pub fn is_full(&self) -> bool {
        self.rows.len() >= TOGETHER
    }

    /// `series`: whether readings of its meter may have to be put together.
    pub fn push(&mut self, row: Row, kind: u32, vendor: u32, of: &UsageRow<'_>, series: bool) {
        let begin = self.texts.len();
        join(&[of.sub_account_id(), of.sub_account_name()], &mut self.texts);
        let end = self.texts.len();
        let hash = Known::hash(vendor, &self.texts[begin..]);
        if series {
            // An empty one is one, too.
            self.texts.push(b'=');
            self.texts.extend_from_slice(of.subscription_id().as_bytes());
        }
        self.rows.push(Held { row, kind, vendor, hash, ends: (end, self.texts.len()) });
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
        black_box(self.rows.iter().fold(0, |seen, held| seen ^ known.glance(held.hash)));
        let mut begin = 0;
        for Held { mut row, kind, vendor, hash, ends } in self.rows.drain(..) {
            let texts = &self.texts[begin..ends.0];
            let (account, name) = known.number(vendor, texts, hash, || {
                let [id, name] = texts_of(texts);
                let key = AccountKey {
                    provider_name: vendors[vendor as usize].clone(),
                    sub_account_id: id.to_string(),
                    sub_account_name: name.to_string(),
                };
                (all.number(key), beginning(if name.is_empty() { id } else { name }))
            });
            row.account = account;
            if let [_, subscription @ ..] = &self.texts[ends.0..ends.1] {
                row.series = scratch.series(account, row.sku, subscription);
            }
            batches.push(partitions, near(name, row.sku), |out| row.encode(kind, out))?;
            begin = ends.1;
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
