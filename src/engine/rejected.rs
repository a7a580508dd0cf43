//! Accounts and SKUs of rows that could not be read. There may be as many pairs of them as rows, so that each name is
//! held once per file and a pair is two numbers.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use crate::resolve::{AccountKey, SkuKey};

/// Rejected rows of one account and SKU.
#[derive(Debug, Clone, Copy)]
pub struct RejectedUse {
    pub rows: u64,
    pub first_line: u64,
    /// Which cell is in which field is not certain, so the names may be of other columns.
    pub broken: bool,
}

/// Those of one file.
#[derive(Debug, Default)]
pub struct RejectedUses {
    accounts: IndexSet<AccountKey>,
    skus: IndexSet<SkuKey>,
    uses: BTreeMap<(usize, usize), RejectedUse>,
}

impl RejectedUses {
    /// Adds a row.
    pub fn add(&mut self, account: AccountKey, sku: SkuKey, line: u64, broken: bool) {
        self.add_all(account, sku, RejectedUse { rows: 1, first_line: line, broken });
    }

    fn add_all(&mut self, account: AccountKey, sku: SkuKey, more: RejectedUse) {
        let pair = (self.accounts.insert_full(account).0, self.skus.insert_full(sku).0);
        let uses = self.uses.entry(pair).or_insert(RejectedUse { rows: 0, ..more });
        uses.rows += more.rows;
        uses.broken |= more.broken;
        uses.first_line = uses.first_line.min(more.first_line);
    }

    /// Adds other rows of the same file.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(account, sku, uses)| self.add_all(account.clone(), sku.clone(), uses));
    }

    /// Every pair once, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&AccountKey, &SkuKey, RejectedUse)> {
        self.uses.iter().map(|((account, sku), uses)| (&self.accounts[*account], &self.skus[*sku], *uses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_account_and_sku_are_one_use_with_its_first_line() {
        let mut uses = RejectedUses::default();
        let account = |id: &str| AccountKey { sub_account_id: id.into(), ..AccountKey::default() };
        let sku = |id: &str| SkuKey { sku_id: id.into(), ..SkuKey::default() };
        for (of, what, line, broken) in
            [("a", "x", 7, false), ("b", "x", 3, false), ("a", "x", 5, true), ("a", "y", 9, false)]
        {
            uses.add(account(of), sku(what), line, broken);
        }
        let mut more = RejectedUses::default();
        more.add(account("b"), sku("x"), 2, true);
        more.add(account("c"), sku("z"), 8, false);
        uses.merge(&more);
        let said =
            uses.iter().map(|(a, s, u)| (a.sub_account_id.as_str(), s.sku_id.as_str(), u.rows, u.first_line, u.broken));
        let mut said: Vec<_> = said.collect();
        said.sort_unstable();
        assert_eq!(
            said,
            [("a", "x", 2, 5, true), ("a", "y", 1, 9, false), ("b", "x", 2, 2, true), ("c", "z", 1, 8, false)]
        );
    }
}
