//! Distinct texts by number. Reading threads share one table and ask it only for what they have not met;
//! numbers depend on timing, so nothing that is written may depend on their order.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// A shared table of distinct values.
#[derive(Debug)]
pub struct Interner<K> {
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    numbers: HashMap<K, u32>,
    values: Vec<K>,
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self { table: Mutex::new(Table { numbers: HashMap::new(), values: Vec::new() }) }
    }
}

impl<K: Clone + Eq + Hash> Interner<K> {
    /// The number of a value, new or known.
    ///
    /// # Panics
    /// Past 2³² distinct values, which would be more than the rows of any book.
    pub fn number(&self, value: K) -> u32 {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&number) = table.numbers.get(&value) {
            return number;
        }
        let number = u32::try_from(table.values.len()).expect("fewer than 2^32 distinct values");
        table.values.push(value.clone());
        table.numbers.insert(value, number);
        number
    }

    /// All values so far, by number.
    pub fn values(&self) -> Vec<K> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).values.clone()
    }

    /// All values, by number.
    pub fn into_values(self) -> Vec<K> {
        self.table.into_inner().unwrap_or_else(PoisonError::into_inner).values
    }
}

/// A thread's memory of numbers it has asked for, keyed by a 128-bit fingerprint of the texts.
#[derive(Debug, Default)]
pub struct Known(HashMap<u128, u32>);

impl Known {
    pub fn number(&mut self, fingerprint: u128, ask: impl FnOnce() -> u32) -> u32 {
        *self.0.entry(fingerprint).or_insert_with(ask)
    }
}
