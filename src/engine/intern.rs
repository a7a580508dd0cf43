//! Distinct texts by number. Reading threads share one table and ask it only for what they have not met;
//! numbers depend on timing, so nothing that is written may depend on their order.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexSet;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Texts that a thread remembers; beyond, it asks the shared table every time.
const REMEMBERED: usize = 1 << 17;

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
    /// A power of two of them, at most half of them taken.
    slots: Vec<Slot>,
    taken: usize,
    /// Texts that are too long for their slots.
    long: Vec<u8>,
    /// Texts that are being looked for.
    joined: Vec<u8>,
}

/// Bytes of texts that a slot holds.
const SHORT: usize = 40;

/// A line of the processor's cache, for that is what is waited for: most texts are short.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Slot {
    tag: u32,
    /// Plus one: 0 is nobody's.
    number: u32,
    of: u32,
    note: u32,
    /// Where its texts begin in `long`, if they are not here.
    at: u32,
    bytes: u32,
    text: [u8; SHORT],
}

impl Default for Slot {
    fn default() -> Self {
        Self { tag: 0, number: 0, of: 0, note: 0, at: 0, bytes: 0, text: [0; SHORT] }
    }
}

impl Known {
    /// The number of some texts, which are always as many. `of`: what they are texts of, where one text may mean several
    /// things.
    pub fn number_of(&mut self, of: u32, texts: &[&str], ask: impl FnOnce() -> u32) -> u32 {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        join(texts, &mut joined);
        let (number, _) = self.number(of, &joined, Self::hash(of, &joined), || (ask(), 0));
        self.joined = joined;
        number
    }

    /// The same of texts that were joined, with their hash; and what was noted of them when it was asked for: whoever wants
    /// the one needs the other, too, and would wait for it elsewhere.
    pub fn number(&mut self, of: u32, joined: &[u8], hash: u64, ask: impl FnOnce() -> (u32, u32)) -> (u32, u32) {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); 1 << 8];
        }
        let mut at = self.home(hash);
        loop {
            let slot = &self.slots[at];
            if slot.number == 0 {
                let told = ask();
                self.remember(of, joined, hash, at, told);
                return told;
            }
            if slot.tag == tag_of(hash) && slot.of == of && self.stored(slot) == joined {
                return (slot.number - 1, slot.note);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    pub fn hash(of: u32, joined: &[u8]) -> u64 {
        xxh3_64_with_seed(joined, u64::from(of))
    }

    /// A look at the place where texts of this hash would be, which has memory bring it. What it shows means nothing.
    pub fn glance(&self, hash: u64) -> u32 {
        if self.slots.is_empty() { 0 } else { self.slots[self.home(hash)].tag }
    }

    #[allow(clippy::cast_possible_truncation, reason = "any bits do")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn stored<'a>(&'a self, slot: &'a Slot) -> &'a [u8] {
        let bytes = slot.bytes as usize;
        if bytes <= SHORT { &slot.text[..bytes] } else { &self.long[slot.at as usize..][..bytes] }
    }

    fn remember(&mut self, of: u32, joined: &[u8], hash: u64, at: usize, (number, note): (u32, u32)) {
        let (Some(number), Ok(begin), Ok(bytes)) =
            (number.checked_add(1), u32::try_from(self.long.len()), u32::try_from(joined.len()))
        else {
            return;
        };
        if self.taken >= REMEMBERED {
            return;
        }
        let mut slot = Slot { tag: tag_of(hash), number, of, note, at: begin, bytes, ..Slot::default() };
        match slot.text.get_mut(..joined.len()) {
            Some(here) => here.copy_from_slice(joined),
            None => self.long.extend_from_slice(joined),
        }
        self.slots[at] = slot;
        self.taken += 1;
        if self.taken * 2 > self.slots.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let room = vec![Slot::default(); self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, room).into_iter().filter(|s| s.number > 0) {
            let mut at = self.home(Self::hash(slot.of, self.stored(&slot)));
            while self.slots[at].number > 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = slot;
        }
    }
}

/// Joins texts so that no others are the same joined, if they are as many.
pub fn join(texts: &[&str], out: &mut Vec<u8>) {
    for text in texts {
        push_length(out, text.len());
        out.extend_from_slice(text.as_bytes());
    }
}

/// The texts that were joined.
pub fn texts_of<const COUNT: usize>(mut joined: &[u8]) -> [&str; COUNT] {
    [(); COUNT].map(|()| {
        let (text, rest) = next_text(joined).unwrap_or_default();
        joined = rest;
        std::str::from_utf8(text).unwrap_or_default()
    })
}

/// In one byte, nearly always.
fn push_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < u8::MAX => out.push(short),
        _ => {
            out.push(u8::MAX);
            out.extend_from_slice(&(length as u64).to_le_bytes());
        }
    }
}

/// The next text, and what stands behind it.
fn next_text(stored: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, mut rest) = stored.split_first()?;
    let mut length = usize::from(*first);
    if *first == u8::MAX {
        let (long, behind) = rest.split_first_chunk()?;
        length = usize::try_from(u64::from_le_bytes(*long)).ok()?;
        rest = behind;
    }
    rest.split_at_checked(length)
}

/// The bits of a hash that do not choose its slot.
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A map by numbers of our own making.
pub type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Fast>>;

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
        let shared: Interner<Vec<String>> = Interner::default();
        let mut known = Known::default();
        let mut asked = 0;
        for round in 0..2 {
            for text in 0..(REMEMBERED + 10) {
                let text = text.to_string();
                let mut joined = Vec::new();
                join(&["v", "", &text], &mut joined);
                let (number, note) = known.number(7, &joined, Known::hash(7, &joined), || {
                    asked += 1;
                    (shared.number(vec![text.clone()]), round)
                });
                // What is not remembered is noted again.
                let noted = if (number as usize) < REMEMBERED { 0 } else { round };
                assert_eq!((number.to_string(), note), (text, noted));
            }
        }
        assert_eq!(asked, REMEMBERED + 20, "only what is not remembered is asked for again");
        assert_eq!(shared.into_values().len(), REMEMBERED + 10);
    }

    #[test]
    fn texts_are_told_apart_by_what_they_are_and_where_they_stand() {
        let mut known = Known::default();
        let long = ["é".repeat(20), "x".repeat(254), "x".repeat(255), "x".repeat(300)];
        let mut lists = vec![["ab", "c"], ["a", "bc"], ["", "abc"], ["abc", ""], ["", ""], ["c", "ab"]];
        lists.extend(long.iter().flat_map(|text| [[text.as_str(), "1"], ["", text], [text, "2"]]));
        for _ in 0..2 {
            for (number, list) in (0..).zip(&lists) {
                assert_eq!(known.number_of(1, list, || number), number);
                assert_eq!(known.number_of(2, list, || number + 100), number + 100, "of another");
            }
        }
        for list in &lists {
            let mut joined = Vec::new();
            join(list, &mut joined);
            assert_eq!(texts_of(&joined), *list);
            assert_eq!(known.slots.iter().filter(|s| s.number > 0 && known.stored(s) == joined).count(), 2);
        }
    }
}
