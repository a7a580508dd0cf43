//! What the cells of a row share with the row before it. Exports repeat themselves: one account, one product,
//! one period for many rows. What is made of a cell is worked out when the cell changes, and stands until then.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use self::habits::{Habits, LEARNT, Run, SPELL, bit};
pub(super) use self::nulls::Nulls;
use self::nulls::length_of;
pub(super) use self::spelling::Ways;
use self::spelling::{Room, spelt};
use super::bind::Cells;
use super::record::Span;
use super::{CellKind, same};

mod habits;
mod nulls;
mod spelling;

/// Which uses of its fields a row must work out anew, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Uses(u64);

impl Uses {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u64::MAX);
    /// Rows left out, or counted by their cost alone.
    pub const RULES: Self = Self(1 << 63);
    pub const IDENTITY: Self = Self(1 << 62);
    pub const EXPORTED: Self = Self(1 << 61);
    pub const RATE: Self = Self(1 << 60);

    /// Of a column. Those of a wide table share the last bit, and are worked out together.
    pub const fn column(index: usize) -> Self {
        Self(1 << if index < 59 { index } else { 59 })
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn has(self, any_of: Self) -> bool {
        self.0 & any_of.0 != 0
    }

    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The columns among them, by number. Of a wide table not those that share a bit.
    pub fn columns(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (next < BITS).then_some(next)
        })
    }
}

/// Fields by the bit, so many in each word.
const BITS: usize = 64;
/// What is compared at once of a cell.
const WIDE: usize = 16;
/// What stands behind the last cell: twice that, of nothing.
const BEHIND: &str = "                                ";

/// The fields of one file as they stood in the row last looked at.
#[derive(Debug)]
pub(super) struct Seen {
    row: Row,
    /// The row before it.
    before: Row,
    /// The part of each cell that is its value: where it begins there, and its length.
    values: Vec<(u32, u32)>,
    fields: Vec<Field>,
    /// The fields that must be looked at.
    watched: Vec<u64>,
    habits: Habits,
    /// The fields that differ from the row before, of the row being looked at.
    differing: Vec<u64>,
    nulls: Nulls,
    prints: bool,
    /// The sum of the fields' fingerprints, but for those that are stale: they have changed since.
    whole: u128,
    stale: Vec<u64>,
    /// How many ids are in exponent notation.
    cut_ids: usize,
    fresh: bool,
    /// The row has cells that are more than text.
    typed: bool,
    ways: Ways,
}

#[derive(Debug, Default)]
struct Row {
    text: String,
    cells: Vec<Span>,
    /// The cells stand one behind another in the text.
    in_order: bool,
}

#[derive(Debug, Default)]
struct Field {
    uses: Uses,
    kind: CellKind,
    /// It holds ids, and this one has lost its digits.
    is_id: bool,
    is_cut: bool,
    /// What it says is told beside [`Seen::whole`].
    told: bool,
    heading: u64,
    print: u128,
}

impl Seen {
    /// For the fields of these headings, normalised; nothing is used of them yet.
    pub fn new(headings: &[String], nulls: Nulls, format: u64) -> Self {
        let field = |(i, heading): (usize, &String)| {
            // Of two headings of one name each is its own, by its order.
            let nth = headings[..i].iter().filter(|h| *h == heading).count() as u64;
            Field { heading: xxh3_64_with_seed(heading.as_bytes(), nth), ..Field::default() }
        };
        let fields: Vec<Field> = headings.iter().enumerate().map(field).collect();
        let empty = || Row { text: BEHIND.to_string(), cells: vec![Span::default(); fields.len()], in_order: false };
        let words = fields.len().div_ceil(BITS);
        let mut watched = vec![0; words];
        (0..fields.len()).for_each(|at| watched[at / BITS] |= 1 << (at % BITS));
        Self {
            row: empty(),
            before: empty(),
            values: vec![(0, 0); fields.len()],
            habits: Habits::new(fields.len()),
            fields,
            watched,
            differing: vec![0; words],
            nulls,
            prints: true,
            whole: u128::from(format),
            stale: vec![0; words],
            cut_ids: 0,
            fresh: true,
            typed: false,
            ways: Ways::default(),
        }
    }

    pub fn uses(&mut self, fields: &[usize], uses: Uses) {
        for field in fields {
            let of = &mut self.fields[*field].uses;
            *of = of.and(uses);
        }
    }

    pub fn is_id(&mut self, field: usize) {
        self.fields[field].is_id = true;
    }

    /// Numbers and days in cells of which nothing is known are written in these ways.
    pub fn is_written(&mut self, ways: Ways) {
        self.ways = ways;
    }

    /// What a field says is no part of [`Seen::whole`]: it is told beside it, by value.
    pub fn is_told(&mut self, field: usize) {
        self.fields[field].told = true;
    }

    /// Looks only at fields that are used: nobody asks for the fingerprint of the whole row, or of what tells it.
    pub fn without_prints(&mut self) {
        self.prints = false;
        let is_unused = |field: &Field| matches!(field.uses, Uses::NONE | Uses::IDENTITY);
        for (at, _) in self.fields.iter().enumerate().filter(|(_, f)| is_unused(f)) {
            self.watched[at / BITS] &= !bit(at);
        }
    }

    /// Takes the next row's cells; what is used of those that changed, or may have. Their values are shown to `taker`.
    pub fn look(&mut self, cells: &impl Cells, taker: &mut impl Take) -> Uses {
        let is_first = std::mem::take(&mut self.fresh);
        std::mem::swap(&mut self.row, &mut self.before);
        self.row.in_order = cells.copy(&mut self.row.text, &mut self.row.cells);
        self.row.text.push_str(BEHIND);
        let is_typed = cells.is_typed();
        let mut changed = if is_first { Uses::ALL } else { Uses::NONE };
        self.compare(is_first);
        for word in 0..self.watched.len() {
            let mut differing = self.differing[word] & self.watched[word];
            if is_typed || self.typed {
                differing |= self.differing_kinds(word, cells) & self.watched[word];
            }
            if differing == 0 {
                continue;
            }
            if self.prints {
                self.stale[word] |= differing;
            }
            let text = self.row.text.as_bytes();
            while differing != 0 {
                let at = word * BITS + differing.trailing_zeros() as usize;
                differing &= differing - 1;
                let (cell, field) = (self.row.cells[at], &mut self.fields[at]);
                changed = changed.and(field.uses);
                if field.is_id {
                    self.cut_ids -= usize::from(field.is_cut);
                    field.is_cut = may_be_cut_short(&text[cell.start()..cell.end()])
                        && is_cut_short(self.row.text[cell.start()..cell.end()].trim());
                    self.cut_ids += usize::from(field.is_cut);
                }
                let (start, length) = if self.nulls.is_value(text, cell) {
                    (0, length_of(cell))
                } else {
                    self.nulls.bounds_within(&self.row.text[cell.start()..cell.end()])
                };
                self.values[at] = (start, length);
                taker.take(at, field.kind, text, cell.start() + start as usize, length as usize);
            }
        }
        self.typed = is_typed;
        changed
    }

    /// Finds the fields that differ from the row before. All are compared before anything is done about any, so that no
    /// field waits for the one before it.
    fn compare(&mut self, is_first: bool) {
        if is_first {
            self.differing.fill(u64::MAX);
            return self.habits.begin();
        }
        if self.habits.rows == SPELL {
            self.habits.begin();
        }
        self.habits.rows += 1;
        if self.habits.rows <= LEARNT {
            for word in 0..self.watched.len() {
                let differing = self.differing(word, self.all_of(word));
                self.habits.learn(word, differing);
                self.differing[word] = differing;
            }
            if self.habits.rows == LEARNT {
                self.habits.conclude(&self.watched);
            }
            return;
        }
        for word in 0..self.watched.len() {
            self.differing[word] = self.habits.restless[word] | self.differing(word, self.habits.alone[word]);
        }
        for number in 0..self.habits.runs.len() {
            let Run { first, last } = self.habits.runs[number];
            if self.is_same_run(first, last) {
                continue;
            }
            for word in first / BITS..=last / BITS {
                let from = u64::MAX << (first.max(word * BITS) % BITS);
                let until = u64::MAX >> (BITS - 1 - last.min(word * BITS + BITS - 1) % BITS);
                self.differing[word] |= self.differing(word, from & until & self.watched[word]);
            }
        }
    }

    /// The bits of a word that are fields.
    fn all_of(&self, word: usize) -> u64 {
        u64::MAX >> (BITS - (self.fields.len() - word * BITS).min(BITS))
    }

    /// Whether the fields from the first to the last stand as they stood. `false` says nothing.
    #[inline]
    fn is_same_run(&self, first: usize, last: usize) -> bool {
        let (now, before) = (&self.row.cells[first..=last], &self.before.cells[first..=last]);
        let (here, there) = (now[0].start(), before[0].start());
        let (end, end_there) = (now[last - first].end(), before[last - first].end());
        let moved = |(a, b): (&Span, &Span)| a.moved(here) ^ b.moved(there);
        self.row.in_order
            && self.before.in_order
            && now.iter().zip(before).map(moved).fold(0, |moved, by| moved | by) == 0
            && same(&self.row.text.as_bytes()[here..end], &self.before.text.as_bytes()[there..end_there])
    }

    /// Which of these fields of a word differ in their text from those of the row before.
    #[inline]
    fn differing(&self, word: usize, mut asked: u64) -> u64 {
        let (now, before) = (self.row.text.as_bytes(), self.before.text.as_bytes());
        let from = word * BITS;
        let (cells, cells_before) = (&self.row.cells[from..], &self.before.cells[from..]);
        let mut differing = 0;
        while asked != 0 {
            let at = asked.trailing_zeros();
            asked &= asked - 1;
            let is_same = is_same(now, cells[at as usize], before, cells_before[at as usize]);
            differing |= u64::from(!is_same) << at;
        }
        differing
    }

    #[cold]
    fn differing_kinds(&mut self, word: usize, cells: &impl Cells) -> u64 {
        let fields = self.fields.iter_mut().enumerate().skip(word * BITS).take(BITS);
        fields.fold(0, |bits, (at, field)| {
            let before = std::mem::replace(&mut field.kind, cells.kind(at));
            bits | u64::from(before != field.kind) << (at % BITS)
        })
    }

    /// Makes [`Seen::whole`] that of the row last looked at.
    pub fn settle(&mut self) {
        let mut room = Room::default();
        for word in 0..self.stale.len() {
            let mut stale = std::mem::take(&mut self.stale[word]);
            while stale != 0 {
                let at = word * BITS + stale.trailing_zeros() as usize;
                stale &= stale - 1;
                if self.fields[at].told {
                    continue;
                }
                let value = spelt(&self.row.text.as_bytes()[self.place_of(at)], self.ways, &mut room);
                let field = &mut self.fields[at];
                let print = if value.is_empty() { 0 } else { xxh3_128_with_seed(value, field.heading) };
                self.whole = self.whole.wrapping_sub(field.print).wrapping_add(print);
                field.print = print;
            }
        }
    }

    /// Where a value stands in the row's text.
    #[inline]
    fn place_of(&self, field: usize) -> std::ops::Range<usize> {
        let (start, length) = self.values[field];
        let start = self.row.cells[field].start() + start as usize;
        start..start + length as usize
    }

    /// The value: the cell trimmed, and empty if it is a word that means so.
    #[inline]
    pub fn value(&self, field: usize) -> &str {
        &self.row.text[self.place_of(field)]
    }

    #[inline]
    pub fn bytes(&self, field: usize) -> &[u8] {
        &self.row.text.as_bytes()[self.place_of(field)]
    }

    #[inline]
    pub fn has_value(&self, field: usize) -> bool {
        self.values[field].1 > 0
    }

    /// Whether the row last looked at differs in a field from the one before, or may.
    pub fn differs(&self, field: usize) -> bool {
        self.differing[field / BITS] & bit(field) != 0
    }

    /// The cell as it stands.
    pub fn text(&self, field: usize) -> &str {
        let cell = self.row.cells[field];
        &self.row.text[cell.start()..cell.end()]
    }

    pub fn kind(&self, field: usize) -> CellKind {
        self.fields[field].kind
    }

    /// The fingerprint of every cell that has a value, with its heading, whatever the order of the columns, but for those that
    /// are told beside it: a sum, so that only the cells that changed are gone through.
    pub fn whole(&self) -> u128 {
        self.whole
    }

    pub fn has_cut_ids(&self) -> bool {
        self.cut_ids > 0
    }

    /// A value of at most 16 bytes in one word, and its length.
    #[inline]
    pub fn short(&self, field: usize) -> Option<(u128, usize)> {
        let place = self.place_of(field);
        let word = short_word(self.row.text.as_bytes(), place.start, place.len())?;
        Some((word, place.len()))
    }

    pub fn clean<'a>(&self, cell: &'a str) -> &'a str {
        let (start, length) = self.nulls.bounds_within(cell);
        &cell[start as usize..(start + length) as usize]
    }
}

/// What is told of each value that changed, or may have.
pub(super) trait Take {
    /// The value stands in `text`, with more behind it.
    fn take(&mut self, field: usize, kind: CellKind, text: &[u8], start: usize, length: usize);
}

/// Nobody asks.
impl Take for () {
    fn take(&mut self, _: usize, _: CellKind, _: &[u8], _: usize, _: usize) {}
}

/// A value of at most 16 bytes in one word, with nothing behind it; `None` of one that is longer, or empty.
#[inline]
pub(super) fn short_word(text: &[u8], start: usize, length: usize) -> Option<u128> {
    let mask = FIRST.get(length).filter(|mask| **mask != 0)?;
    Some(word(text, start) & mask)
}

/// A value of at most 32 bytes in two words, with nothing behind it; of one that is longer, its first 32.
#[inline]
pub(super) fn two_words(text: &[u8], start: usize, length: usize) -> [u128; 2] {
    let behind = length.saturating_sub(WIDE).min(WIDE);
    [word(text, start) & FIRST[length.min(WIDE)], word(text, start + WIDE) & FIRST[behind]]
}

/// The first bytes of a word, of the length of a shorter cell.
const FIRST: [u128; WIDE + 1] = {
    let mut masks = [0; WIDE + 1];
    let mut length = 1;
    while length <= WIDE {
        masks[length] = u128::MAX >> (8 * (WIDE - length));
        length += 1;
    }
    masks
};

/// What begins at a place of a text with something behind it.
#[inline]
fn word(text: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(*text[at..].first_chunk::<WIDE>().expect("a row goes on behind its last cell"))
}

/// Whether two cells are the same, each of a text with something behind it. Short ones are compared without asking how
/// short they are.
#[inline]
fn is_same(a: &[u8], of_a: Span, b: &[u8], of_b: Span) -> bool {
    let length = of_a.len();
    if length != of_b.len() {
        return false;
    }
    let differs = word(a, of_a.start()) ^ word(b, of_b.start());
    if length <= WIDE {
        return differs & FIRST[length] == 0;
    }
    differs == 0
        && if length <= 2 * WIDE {
            word(a, of_a.end() - WIDE) == word(b, of_b.end() - WIDE)
        } else {
            a[of_a.start() + WIDE..of_a.end()] == b[of_b.start() + WIDE..of_b.end()]
        }
}

/// `1.23457E+17`: what a spreadsheet leaves of a long id.
pub(super) fn is_cut_short(id: &str) -> bool {
    let Some((mantissa, exponent)) = id.split_once("E+") else { return false };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent)
}

/// Told by its first two bytes, if no space stands before them.
#[inline]
fn may_be_cut_short(id: &[u8]) -> bool {
    let [first, second, ..] = id else { return false };
    !first.is_ascii_graphic() || (first.is_ascii_digit() && matches!(second, b'.' | b',' | b'E'))
}

#[cfg(test)]
mod tests;
