//! Pairs of account and SKU, of which there may be nearly as many as rows: a bit each.

use super::intern::ByNumber;

/// SKUs whose bits stand together.
const TOGETHER: u32 = u64::BITS;

/// Account, and the number of its SKUs' word.
type Word = (u32, u32);

/// A set of pairs. The SKUs of one account are few and mostly of one vendor, so their bits share a word.
#[derive(Debug, Default)]
pub struct Pairs {
    words: ByNumber<Word, u64>,
    /// Words lately met with what is known of them, by some bits of the account: rows of one account come together.
    lately: Vec<(Word, u64)>,
}

/// Words remembered.
const LATELY: usize = 1 << 10;

impl Pairs {
    pub fn insert(&mut self, account: u32, sku: u32) {
        let (word, bit) = place_of(account, sku);
        if self.lately.is_empty() {
            self.lately = vec![((0, 0), 0); LATELY];
        }
        let (lately, known) = &mut self.lately[(account.wrapping_add(word.1)) as usize % LATELY];
        if *lately != word || *known & bit == 0 {
            let all = self.words.entry(word).or_default();
            *all |= bit;
            (*lately, *known) = (word, *all);
        }
    }

    pub fn has(&self, account: u32, sku: u32) -> bool {
        let (word, bit) = place_of(account, sku);
        self.words.get(&word).is_some_and(|known| known & bit != 0)
    }

    /// Every account that is in some pair; one may come several times.
    pub fn accounts(&self) -> impl Iterator<Item = u32> {
        self.words.keys().map(|(account, _)| *account)
    }

    pub fn merge(&mut self, other: Self) {
        for (word, bits) in other.words {
            *self.words.entry(word).or_default() |= bits;
        }
        self.lately.clear();
    }
}

fn place_of(account: u32, sku: u32) -> (Word, u64) {
    ((account, sku / TOGETHER), 1 << (sku % TOGETHER))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_in_is_there_and_nothing_else(
            rows in proptest::collection::vec((0u32..3, 0u32..3, 0u32..200), 0..60), second: bool
        ) {
            // Accounts that share a place of what is remembered.
            let pair = |(a, far, sku): (u32, u32, u32)| (a + far * u32::try_from(LATELY).expect("small"), sku);
            let (mut pairs, mut other, mut expected) = (Pairs::default(), Pairs::default(), BTreeSet::new());
            for (number, row) in rows.into_iter().enumerate() {
                let (account, sku) = pair(row);
                if second && number % 2 == 0 { &mut other } else { &mut pairs }.insert(account, sku);
                expected.insert((account, sku));
            }
            pairs.merge(other);
            let accounts: BTreeSet<u32> = pairs.accounts().collect();
            prop_assert_eq!(accounts, expected.iter().map(|(account, _)| *account).collect::<BTreeSet<_>>());
            for account in 0..3 {
                for (far, sku) in (0..3).flat_map(|far| (0..200).map(move |sku| (far, sku))) {
                    let (account, sku) = pair((account, far, sku));
                    prop_assert_eq!(pairs.has(account, sku), expected.contains(&(account, sku)));
                }
            }
        }
    }
}
