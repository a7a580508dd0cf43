//! Distinct texts by number. Reading threads share one table and ask it only for what they have not met;
//! numbers depend on timing, so nothing that is written may depend on their order.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexSet;
use xxhash_rust::xxh3::xxh3_64;

/// Texts that a thread remembers; beyond, it asks the shared table every time.
const REMEMBERED: usize = 1 << 16;

/// A shared table of distinct values.
#[derive(Debug)]
pub struct Interner<K> {
    values: Mutex<IndexSet<K>>,
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self { values: Mutex::new(IndexSet::new()) }
    }
}

impl<K: Clone + Eq + Hash> Interner<K> {
    /// The number of a value, new or known.
    ///
    /// # Panics
    /// Past 2³² distinct values, which would be more than the rows of any book.
    pub fn number(&self, value: K) -> u32 {
        let (number, _) = self.values.lock().unwrap_or_else(PoisonError::into_inner).insert_full(value);
        u32::try_from(number).expect("fewer than 2^32 distinct values")
    }

    /// All values so far, by number.
    pub fn values(&self) -> Vec<K> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// All values, by number.
    pub fn into_values(self) -> Vec<K> {
        self.values.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    }
}

/// A thread's memory of numbers it has asked for. Texts are compared whole: two accounts must never be one
/// because their hashes are.
#[derive(Debug, Default)]
pub struct Known {
    numbers: HashMap<Box<[u8]>, u32, BuildHasherDefault<Fast>>,
    /// The last asked for: exports are often in order of their accounts.
    last: (Vec<u8>, Option<u32>),
}

impl Known {
    pub fn number(&mut self, text: &[u8], ask: impl FnOnce() -> u32) -> u32 {
        if let (last, Some(number)) = &self.last
            && last == text
        {
            return *number;
        }
        let number = self.numbers.get(text).copied().unwrap_or_else(|| {
            let number = ask();
            if self.numbers.len() < REMEMBERED {
                self.numbers.insert(text.into(), number);
            }
            number
        });
        self.last.0.clear();
        self.last.0.extend_from_slice(text);
        self.last.1 = Some(number);
        number
    }
}

/// A map by numbers of our own making.
pub type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Fast>>;

/// The same without values.
pub type Numbers<K> = HashSet<K, BuildHasherDefault<Fast>>;

/// Hashes numbers and short texts that nobody outside can choose to collide with effect: maps that use it
/// compare keys whole.
#[derive(Debug, Default, Clone, Copy)]
pub struct Fast(u64);

impl Fast {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        self.mix(xxh3_64(bytes));
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.mix(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }

    fn finish(&self) -> u64 {
        // Tables look at the highest and the lowest bits.
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number_remembered_or_not() {
        let shared: Interner<Vec<u8>> = Interner::default();
        let mut known = Known::default();
        let mut asked = 0;
        for round in 0..2 {
            for text in 0..(REMEMBERED + 10) {
                let text = text.to_le_bytes();
                let number = known.number(&text, || {
                    asked += 1;
                    shared.number(text.to_vec())
                });
                assert_eq!(number as usize, usize::from_le_bytes(text), "round {round}");
            }
        }
        assert_eq!(asked, REMEMBERED + 20, "only what is not remembered is asked for again");
        assert_eq!(shared.into_values().len(), REMEMBERED + 10);
    }
}
