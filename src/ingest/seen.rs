//! What the cells of a row share with the row before it. Exports repeat themselves: one account, one product,
//! one period for many rows. What is made of a cell is worked out when the cell changes, and stands until then.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use super::CellKind;
use super::bind::Cells;
use crate::format::restore;

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
}

/// The fields of one file as they stood in the row last looked at.
#[derive(Debug)]
pub(super) struct Seen {
    fields: Vec<Field>,
    /// The fields that must be looked at.
    watched: Vec<usize>,
    nulls: Nulls,
    prints: bool,
    whole: u128,
    /// How many ids are in exponent notation.
    cut_ids: usize,
    fresh: bool,
}

#[derive(Debug, Default)]
struct Field {
    text: String,
    /// The part of the text that is the value.
    start: usize,
    end: usize,
    kind: CellKind,
    uses: Uses,
    is_id: bool,
    is_cut: bool,
    heading: u64,
    print: u128,
}

/// What stands in a cell beside its value.
#[derive(Debug)]
pub(super) struct Nulls {
    pub words: Vec<String>,
    pub neutralised: bool,
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
        let watched = (0..fields.len()).collect();
        Self { fields, watched, nulls, prints: true, whole: u128::from(format), cut_ids: 0, fresh: true }
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

    /// Looks only at fields that are used: nobody asks for the fingerprint of the whole row.
    pub fn without_prints(&mut self) {
        self.prints = false;
        self.watched.retain(|f| self.fields[*f].uses != Uses::NONE);
    }

    /// Takes the next row's cells; what is used of those that changed.
    pub fn look(&mut self, cells: &impl Cells) -> Uses {
        let mut changed = if self.fresh { Uses::ALL } else { Uses::NONE };
        self.fresh = false;
        let is_typed = cells.is_typed();
        for at in &self.watched {
            let field = &mut self.fields[*at];
            let kind = if is_typed { cells.kind(*at) } else { CellKind::Text };
            if is_same(field.text.as_bytes(), cells.bytes(*at)) && field.kind == kind {
                continue;
            }
            field.kind = kind;
            field.text.clear();
            field.text.push_str(cells.cell(*at));
            (field.start, field.end) = self.nulls.bounds(&field.text);
            changed = changed.and(field.uses);
            if field.is_id {
                self.cut_ids -= usize::from(field.is_cut);
                field.is_cut = is_cut_short(field.text.trim());
                self.cut_ids += usize::from(field.is_cut);
            }
            if self.prints {
                let value = &field.text.as_bytes()[field.start..field.end];
                let print = if value.is_empty() { 0 } else { xxh3_128_with_seed(value, field.heading) };
                self.whole = self.whole.wrapping_sub(field.print).wrapping_add(print);
                field.print = print;
            }
        }
        changed
    }

    /// The value: the cell trimmed, and empty if it is a word that means so.
    #[inline]
    pub fn value(&self, field: usize) -> &str {
        let field = &self.fields[field];
        &field.text[field.start..field.end]
    }

    /// The cell as it stands.
    pub fn text(&self, field: usize) -> &str {
        &self.fields[field].text
    }

    pub fn kind(&self, field: usize) -> CellKind {
        self.fields[field].kind
    }

    /// The fingerprint of every cell that has a value, with its heading, whatever the order of the columns: a sum, so
    /// that only the cells that changed are gone through.
    pub fn whole(&self) -> u128 {
        self.whole
    }

    pub fn has_cut_ids(&self) -> bool {
        self.cut_ids > 0
    }

    pub fn clean<'a>(&self, cell: &'a str) -> &'a str {
        let (start, end) = self.nulls.bounds(cell);
        &cell[start..end]
    }
}

impl Nulls {
    /// Where the value stands in a cell.
    #[inline]
    fn bounds(&self, cell: &str) -> (usize, usize) {
        let is_plain = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_graphic() && *b != b'\'');
        // Nothing to take off, which is nearly every cell.
        if self.words.is_empty() && is_plain(cell.as_bytes().first()) && is_plain(cell.as_bytes().last()) {
            return (0, cell.len());
        }
        self.bounds_within(cell)
    }

    fn bounds_within(&self, cell: &str) -> (usize, usize) {
        let (mut start, mut end) = trimmed(cell, 0, cell.len());
        if self.neutralised {
            start = end - restore(&cell[start..end]).len();
            (start, end) = trimmed(cell, start, end);
        }
        let value = &cell[start..end];
        if self.words.iter().any(|w| w.eq_ignore_ascii_case(value)) { (start, start) } else { (start, end) }
    }
}

fn trimmed(cell: &str, start: usize, end: usize) -> (usize, usize) {
    let text = &cell[start..end];
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if is_plain(text.as_bytes().first()) && is_plain(text.as_bytes().last()) {
        return (start, end);
    }
    let start = end - text.trim_start().len();
    (start, start + text.trim().len())
}

/// Short texts are compared by their first and last bytes, which overlap, sooner than a call to compare memory is made.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0 => true,
        1..=3 => a[0] == b[0] && a[a.len() / 2] == b[a.len() / 2] && a[a.len() - 1] == b[a.len() - 1],
        4..=7 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        17..=32 => a.first_chunk::<16>() == b.first_chunk::<16>() && a.last_chunk::<16>() == b.last_chunk::<16>(),
        33..=64 => a.first_chunk::<32>() == b.first_chunk::<32>() && a.last_chunk::<32>() == b.last_chunk::<32>(),
        _ => a == b,
    }
}

/// `1.23457E+17`: what a spreadsheet leaves of a long id.
pub(super) fn is_cut_short(id: &str) -> bool {
    // Few ids have a plus sign, and none that is cut short is long.
    if !id.as_bytes().contains(&b'+') {
        return false;
    }
    let Some((mantissa, exponent)) = id.split_once("E+") else { return false };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(headings: &[&str]) -> Seen {
        let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
        let nulls = Nulls { words: vec!["n/a".into()], neutralised: false };
        let mut seen = Seen::new(&headings, nulls, 7);
        for i in 0..headings.len() {
            seen.uses(&[i], Uses::column(i));
        }
        seen
    }

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_id_in_exponent_notation_is_known() {
        for id in ["1.23457E+17", "1E+11", "5,6689E+17"] {
            assert!(is_cut_short(id), "{id}");
        }
        for id in ["06E2", "ABE+1", "12.5E+3", "1.5E+", "CFQ7TTC0LH0R"] {
            assert!(!is_cut_short(id), "{id}");
        }
    }

    #[test]
    fn only_what_changed_is_told_and_the_first_row_is_all_new() {
        let mut seen = seen(&["a", "b"]);
        assert_eq!(seen.look(&row(&["x", " n/a "])), Uses::ALL);
        assert_eq!((seen.value(0), seen.value(1), seen.text(1)), ("x", "", " n/a "));
        assert_eq!(seen.look(&row(&["x", " n/a "])), Uses::NONE);
        assert_eq!(seen.look(&row(&["x", "y"])), Uses::column(1));
        // A row too short has the cells behind its end empty.
        assert_eq!(seen.look(&row(&["x"])), Uses::column(1));
        assert_eq!(seen.value(1), "");
    }

    #[test]
    fn ids_cut_short_are_counted_while_they_stand() {
        let mut seen = seen(&["id"]);
        seen.is_id(0);
        for (id, cut) in [("1E+11", true), ("1E+11", true), ("2E+12", true), ("A", false), ("1E+11", true)] {
            seen.look(&row(&[id]));
            assert_eq!(seen.has_cut_ids(), cut, "{id}");
        }
    }

    #[test]
    fn two_columns_of_one_heading_are_told_apart() {
        let mut seen = seen(&["note", "note"]);
        seen.look(&row(&["a", "b"]));
        let one = seen.whole();
        seen.look(&row(&["b", "a"]));
        assert_ne!(one, seen.whole());
    }

    proptest! {
        /// What is remembered of rows before leaves no trace in a row's fingerprint and values.
        #[test]
        fn a_row_is_the_same_behind_any_other(rows in prop::collection::vec(prop::collection::vec("[ a-c/n]{0,20}", 3), 1..6)) {
            let mut kept = seen(&["a", "b", "c"]);
            for cells in &rows {
                kept.look(cells);
                let mut alone = seen(&["a", "b", "c"]);
                alone.look(cells);
                prop_assert_eq!(kept.whole(), alone.whole());
                for (i, cell) in cells.iter().enumerate() {
                    prop_assert_eq!(kept.value(i), alone.value(i));
                    prop_assert_eq!(kept.value(i), kept.clean(cell));
                }
            }
        }

        #[test]
        fn a_plain_cell_is_its_own_value(cell in "[ a-c'=\u{a0}]{0,6}", neutralised in any::<bool>()) {
            let nulls = Nulls { words: Vec::new(), neutralised };
            prop_assert_eq!(nulls.bounds(&cell), nulls.bounds_within(&cell));
        }

        #[test]
        fn texts_are_the_same_if_they_are_equal(a in "[ab]{0,80}", b in "[ab]{0,80}", at in 0_usize..80) {
            prop_assert_eq!(is_same(a.as_bytes(), b.as_bytes()), a == b);
            let mut other = a.clone().into_bytes();
            prop_assert!(is_same(a.as_bytes(), &other));
            if let Some(byte) = other.get_mut(at) {
                *byte = b'c';
                prop_assert!(!is_same(a.as_bytes(), &other));
            }
        }
    }
}
