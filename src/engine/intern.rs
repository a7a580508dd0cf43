//! Distinct texts by number. Reading threads share one table and ask it only for what they have not met;
//! numbers depend on timing, so nothing that is written may depend on their order.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexSet;
use xxhash_rust::xxh3::xxh3_64;

use crate::ingest::same;

/// Texts that a thread remembers; beyond, it asks the shared table every time.
const REMEMBERED: usize = 1 << 17;

/// Parts of a shared table: threads that ask for different values seldom wait for one another.
const PARTS: usize = 16;

/// A shared table of distinct values.
#[derive(Debug)]
pub struct Interner<K> {
    parts: [Mutex<Part<K>>; PARTS],
    next: AtomicU64,
}

/// Some of the values, and the number of each.
#[derive(Debug)]
struct Part<K> {
    values: IndexSet<K>,
    numbers: Vec<u32>,
}

impl<K> Default for Part<K> {
    fn default() -> Self {
        Self { values: IndexSet::new(), numbers: Vec::new() }
    }
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self { parts: Default::default(), next: AtomicU64::new(0) }
    }
}

impl<K: Clone + Eq + Hash> Interner<K> {
    /// The number of a value, new or known.
    ///
    /// # Panics
    /// Past 2³² distinct values, which would be more than the rows of any book.
    pub fn number(&self, value: K) -> u32 {
        let mut part = Fast::default();
        value.hash(&mut part);
        #[allow(clippy::cast_possible_truncation, reason = "any bits do")]
        let part = &self.parts[part.finish() as usize % PARTS];
        let Part { values, numbers } = &mut *part.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, is_new) = values.insert_full(value);
        if is_new {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            numbers.push(u32::try_from(number).expect("fewer than 2^32 distinct values"));
        }
        numbers[at]
    }

    /// All values so far, by number. No thread may be asking.
    pub fn values(&self) -> Vec<K> {
        let mut all = self.room();
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            put(&mut all, part.values.iter().cloned(), &part.numbers);
        }
        whole(all)
    }

    /// All values, by number.
    pub fn into_values(self) -> Vec<K> {
        let mut all = self.room();
        for part in self.parts {
            let Part { values, numbers } = part.into_inner().unwrap_or_else(PoisonError::into_inner);
            put(&mut all, values.into_iter(), &numbers);
        }
        whole(all)
    }

    fn room(&self) -> Vec<Option<K>> {
        let count = usize::try_from(self.next.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        std::iter::repeat_with(|| None).take(count).collect()
    }
}

fn put<K>(all: &mut [Option<K>], values: impl Iterator<Item = K>, numbers: &[u32]) {
    for (value, number) in values.zip(numbers) {
        all[*number as usize] = Some(value);
    }
}

fn whole<K>(all: Vec<Option<K>>) -> Vec<K> {
    all.into_iter().map(|value| value.expect("every number is some value's")).collect()
}

/// A thread's memory of numbers it has asked for. Texts are compared whole: two accounts must never be one
/// because their fingerprints are.
#[derive(Debug, Default)]
pub struct Known {
    /// A power of two of them, at most half of them taken.
    slots: Vec<Slot>,
    taken: usize,
    /// Texts that are too long for their slots.
    long: Vec<u8>,
    /// Texts that are being remembered.
    joined: Vec<u8>,
}

/// Bytes of texts that a slot holds; of longer ones the first bytes say where they are.
const SHORT: usize = 40;

/// A line of the processor's cache, for that is what is waited for: most texts are short.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Slot {
    hash: u64,
    /// Plus one: 0 is nobody's.
    number: u32,
    of: u32,
    note: u32,
    bytes: u32,
    text: [u8; SHORT],
}

impl Default for Slot {
    fn default() -> Self {
        Self { hash: 0, number: 0, of: 0, note: 0, bytes: 0, text: [0; SHORT] }
    }
}

impl Known {
    /// The number of some texts, which are always as many, and what was noted of them when it was asked for: whoever wants
    /// the one needs the other, too, and would wait for it elsewhere. `of`: what they are texts of, where one text may mean
    /// several things; `hash`: of [`Known::hash`].
    pub fn number(&mut self, of: u32, texts: &[&[u8]], hash: u64, ask: impl FnOnce() -> (u32, u32)) -> (u32, u32) {
        self.find(of, hash, |stored| is_joined(stored, texts), |out| join(texts, out), ask)
    }

    /// The same of texts that were joined.
    pub fn number_of_joined(
        &mut self,
        of: u32,
        joined: &[u8],
        hash: u64,
        ask: impl FnOnce() -> (u32, u32),
    ) -> (u32, u32) {
        self.find(of, hash, |stored| same(stored, joined), |out| out.extend_from_slice(joined), ask)
    }

    #[inline]
    fn find(
        &mut self,
        of: u32,
        hash: u64,
        is: impl Fn(&[u8]) -> bool,
        join: impl FnOnce(&mut Vec<u8>),
        ask: impl FnOnce() -> (u32, u32),
    ) -> (u32, u32) {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); 1 << 8];
        }
        let mut at = self.home(hash);
        loop {
            let slot = &self.slots[at];
            if slot.number == 0 {
                let told = ask();
                self.joined.clear();
                join(&mut self.joined);
                self.remember(of, hash, at, told);
                return told;
            }
            if slot.hash == hash && slot.of == of && is(stored(slot, &self.long)) {
                return (slot.number - 1, slot.note);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// What a fingerprint of texts comes to.
    #[inline]
    pub fn hash(of: u32, print: u64) -> u64 {
        let mixed = (print ^ u64::from(of).rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 32
    }

    /// A look at the places where texts of the hashes of at most 64 would be, which has memory bring them: all of those that
    /// come first, then those behind the ones that others have taken. What it shows means nothing.
    pub fn glance<T>(&self, all: &[T], hash: impl Fn(&T) -> u64) -> u64 {
        if self.slots.is_empty() {
            return 0;
        }
        let is_other = |of| self.slots[self.home(hash(of))].hash != hash(of);
        let mut others = (0..u64::BITS).zip(all).fold(0u64, |others, (n, of)| others | u64::from(is_other(of)) << n);
        let mut seen = others;
        while others != 0 {
            let of = &all[others.trailing_zeros() as usize];
            others &= others - 1;
            seen ^= self.slots[(self.home(hash(of)) + 1) & (self.slots.len() - 1)].hash;
        }
        seen
    }

    #[allow(clippy::cast_possible_truncation, reason = "any bits do")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Puts what was joined into a slot that is nobody's.
    fn remember(&mut self, of: u32, hash: u64, at: usize, (number, note): (u32, u32)) {
        let (Some(number), Ok(begin), Ok(bytes)) =
            (number.checked_add(1), u32::try_from(self.long.len()), u32::try_from(self.joined.len()))
        else {
            return;
        };
        if self.taken >= REMEMBERED {
            return;
        }
        let mut slot = Slot { hash, number, of, note, bytes, ..Slot::default() };
        if let Some(here) = slot.text.get_mut(..self.joined.len()) {
            here.copy_from_slice(&self.joined);
        } else {
            slot.text[..4].copy_from_slice(&begin.to_le_bytes());
            self.long.extend_from_slice(&self.joined);
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
            let mut at = self.home(slot.hash);
            while self.slots[at].number > 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = slot;
        }
    }
}

/// The joined texts of a slot.
#[inline]
fn stored<'a>(slot: &'a Slot, long: &'a [u8]) -> &'a [u8] {
    let bytes = slot.bytes as usize;
    if let Some(here) = slot.text.get(..bytes) {
        return here;
    }
    let at = slot.text.first_chunk().map_or(0, |at| u32::from_le_bytes(*at));
    &long[at as usize..][..bytes]
}

/// Whether these texts joined are what was stored.
#[inline]
fn is_joined(mut stored: &[u8], texts: &[&[u8]]) -> bool {
    for text in texts {
        match next_text(stored) {
            Some((next, rest)) if same(next, text) => stored = rest,
            _ => return false,
        }
    }
    stored.is_empty()
}

/// Joins texts so that no others are the same joined, if they are as many.
pub fn join(texts: &[&[u8]], out: &mut Vec<u8>) {
    for text in texts {
        push_length(out, text.len());
        out.extend_from_slice(text);
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

    fn hash(of: u32, texts: &[&[u8]]) -> u64 {
        // Some of these have one hash.
        Known::hash(of, texts.iter().map(|text| xxh3_64(text) % 64).sum())
    }

    #[test]
    fn a_text_keeps_its_number_remembered_or_not() {
        let shared: Interner<Vec<String>> = Interner::default();
        let mut known = Known::default();
        let mut asked = 0;
        for round in 0..2 {
            for text in 0..(REMEMBERED + 10) {
                let text = text.to_string();
                let texts = [b"v".as_slice(), b"", text.as_bytes()];
                let (number, note) = known.number(7, &texts, Known::hash(7, xxh3_64(text.as_bytes())), || {
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
        for round in 0..2 {
            for (number, list) in (0..).zip(&lists) {
                let texts = list.map(str::as_bytes);
                let mut joined = Vec::new();
                join(&texts, &mut joined);
                for (of, number) in [(1, number), (2, number + 100)] {
                    assert_eq!(known.number(of, &texts, hash(of, &texts), || (number, round)), (number, 0));
                    assert_eq!(known.number_of_joined(of, &joined, hash(of, &texts), || (9999, 9)), (number, 0));
                }
            }
        }
        for list in &lists {
            let mut joined = Vec::new();
            join(&list.map(str::as_bytes), &mut joined);
            assert_eq!(texts_of(&joined), *list);
            assert_eq!(known.slots.iter().filter(|s| s.number > 0 && stored(s, &known.long) == joined).count(), 2);
        }
    }
}
