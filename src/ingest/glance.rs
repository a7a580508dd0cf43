//! Whether a file's head speaks for all of it. How its numbers and dates are written must be known before the first
//! row is handed on, and cutting the whole file into cells for that takes as long as reading it. So the head's rows
//! are asked, and of the rest only the bytes: whether anything stands there that could say otherwise. If so, or
//! where the head is silent, every cell is asked.

use std::io::{self, Read};

use memchr::memchr_iter;
use wide::u8x16;

use super::StyleEvidence;

/// How much is looked at in one go: it stays in the processor's nearer caches.
const PIECE: usize = 32 << 10;
/// What a number between quotes may take; anything longer must be full of letters to be none.
const LONGEST: usize = 1 << 10;
/// More letters than a number has.
const LETTERS: usize = 10;
/// Around a separator: the longest form looked for, `10-12-2026`, and a byte before it.
const AROUND: usize = 16;

/// What could be said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubts {
    /// Any number with a decimal comma, of cells between these delimiters.
    pub commas: Option<u8>,
    /// Any date whose parts need an order.
    pub orders: bool,
}

/// Whether the text may hold what is in doubt. `false` is certain.
pub(super) fn may_hold(mut text: impl Read, doubts: Doubts) -> io::Result<bool> {
    let mut search = Search::new(doubts);
    let mut buffer = vec![0; PIECE];
    loop {
        match text.read(&mut buffer) {
            Ok(0) => return Ok(search.end()),
            Ok(n) if search.take(&buffer[..n]) => return Ok(true),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// A look at a text that comes in pieces.
#[derive(Debug)]
pub(super) struct Search {
    doubts: Doubts,
    /// What is looked at in one go.
    buffer: Vec<u8>,
    /// How much of it is filled, and how far it was looked at.
    filled: usize,
    seen: usize,
}

impl Search {
    pub fn new(doubts: Doubts) -> Self {
        Self::by(doubts, PIECE)
    }

    fn by(doubts: Doubts, piece: usize) -> Self {
        Self { doubts, buffer: vec![0; piece], filled: 0, seen: 0 }
    }

    /// The next piece. Whether what came so far may hold what is in doubt; what is not looked at yet says nothing.
    pub fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.buffer.len() - self.filled));
            self.buffer[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == self.buffer.len() && self.look(false) {
                return true;
            }
        }
        false
    }

    /// Nothing more comes.
    pub fn end(&mut self) -> bool {
        self.look(true)
    }

    fn look(&mut self, whole: bool) -> bool {
        let (data, seen) = (&self.buffer[..self.filled], self.seen);
        // What is near the end is looked at again with what follows it.
        let until = if whole { data.len() } else { data.len() - AROUND };
        if let Some(delimiter) = self.doubts.commas
            && (may_group_by_points(data, seen, until) || may_have_comma(data, seen, until, delimiter))
        {
            return true;
        }
        if self.doubts.orders && may_need_order(data, seen, until) {
            return true;
        }
        if self.doubts.commas == Some(b',') && quoted_comma(data, seen, whole) {
            return true;
        }
        if !whole {
            // The last quote may open a cell that goes on, so it stays; behind a long stretch it was judged.
            let last_quote = memchr::memrchr(b'"', data).filter(|at| data.len() - at <= 2 * LONGEST);
            let from = last_quote.unwrap_or(until).min(until - AROUND);
            let end = data.len();
            self.buffer.copy_within(from..end, 0);
            (self.filled, self.seen) = (end - from, until - from);
        }
        false
    }
}

/// `1.234.567`: of a decimal point nothing but one point is written.
fn may_group_by_points(data: &[u8], from: usize, until: usize) -> bool {
    let is_group = |at: usize| {
        data.get(at..at + 5)
            .is_some_and(|group| group[0] == b'.' && group[4] == b'.' && group[1..4].iter().all(u8::is_ascii_digit))
    };
    // Two points so far apart are looked for in blocks: nearly every number has one, and stopping at each is slow.
    any_apart(data, from, until, b'.', &[4], is_group)
}

/// Whether `is` of any place where a byte stands that stands again so far behind.
fn any_apart(data: &[u8], from: usize, until: usize, byte: u8, apart: &[u32], is: impl Fn(usize) -> bool) -> bool {
    let wanted = u8x16::splat(byte);
    let mask_of = |block: &[u8; 16]| u64::from(u8x16::new(*block).simd_eq(wanted).to_bitmask());
    let mut before = 0;
    let (blocks, _) = data[from..].as_chunks::<16>();
    for (number, block) in blocks.iter().enumerate() {
        let at = from + number * 16;
        // The block before stands in the lower half, so that pairs over both are seen.
        let both = mask_of(block) << 16 | before;
        before = both >> 16;
        let mut pairs = apart.iter().fold(0, |pairs, apart| pairs | (both & both >> apart));
        while pairs != 0 {
            let place = (at + pairs.trailing_zeros() as usize).checked_sub(16);
            pairs &= pairs - 1;
            if place.is_some_and(|place| (from..until).contains(&place) && is(place)) {
                return true;
            }
        }
    }
    // What is left is less than a block, and pairs that end there.
    let rest = (from + blocks.len() * 16).saturating_sub(16).max(from);
    (rest..until).any(|at| data[at] == byte && is(at))
}

/// Where a cell needs no quotes to hold a comma: one with a digit behind it.
fn may_have_comma(data: &[u8], from: usize, until: usize, delimiter: u8) -> bool {
    delimiter != b','
        && memchr_iter(b',', &data[from..until]).any(|at| data.get(from + at + 1).is_some_and(u8::is_ascii_digit))
}

/// Whether what stands between two quotes that follow one another is a number with a decimal comma. Which quote opens
/// and which closes is not asked, so that no stray one can lead astray.
fn quoted_comma(data: &[u8], seen: usize, whole: bool) -> bool {
    let mut quotes = memchr_iter(b'"', data);
    let mut open = quotes.next();
    while let Some(at) = open {
        let close = quotes.next();
        let content = &data[at + 1..close.unwrap_or(data.len())];
        let is_judged = close.is_some_and(|close| close < seen);
        let is_open = close.is_none() && !whole && content.len() < LONGEST;
        // Behind the comma of a number stands a digit.
        let has_comma = || memchr_iter(b',', content).any(|at| content.get(at + 1).is_none_or(u8::is_ascii_digit));
        if !is_judged && !is_open && has_comma() && may_be_comma_number(content) {
            return true;
        }
        open = close;
    }
    false
}

fn may_be_comma_number(content: &[u8]) -> bool {
    // A number has no letters but those of a currency and an exponent.
    let mut letters = content.iter().take(LONGEST / 4).filter(|b| b.is_ascii_alphabetic());
    if letters.nth(LETTERS).is_some() {
        return false;
    }
    let mut evidence = StyleEvidence::default();
    evidence.observe(String::from_utf8_lossy(content).trim());
    content.len() > LONGEST / 4 || evidence.shows_comma()
}

/// `10/11/2026`, `1.2.26`, `10-11-26`: two parts of one or two digits, and a third, of which the first is not a year.
fn may_need_order(data: &[u8], from: usize, until: usize) -> bool {
    let digits =
        |at: usize| data.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).take(5).count();
    // Nearly all are told by the bytes around them.
    let may_need = |at: usize| {
        let is = |at: usize, wanted: u8| data.get(at) == Some(&wanted);
        let is_digit = |at: Option<usize>| at.and_then(|at| data.get(at)).is_some_and(u8::is_ascii_digit);
        (is(at + 2, data[at]) || is(at + 3, data[at]))
            && is_digit(at.checked_sub(1))
            && !(is_digit(at.checked_sub(2)) && is_digit(at.checked_sub(3)))
    };
    let needs = |at: usize| {
        let before = data[..at].iter().rev().take_while(|b| b.is_ascii_digit()).take(3).count();
        let second = digits(at + 1);
        matches!(before, 1 | 2)
            && matches!(second, 1 | 2)
            && data.get(at + 1 + second) == Some(&data[at])
            && matches!(digits(at + second + 2), 2 | 4)
            && !data[..at - before].last().is_some_and(u8::is_ascii_alphanumeric)
    };
    [b'-', b'/', b'.'].iter().any(|byte| any_apart(data, from, until, *byte, &[2, 3], |at| may_need(at) && needs(at)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Doubts, LONGEST, Search, StyleEvidence};
    use crate::ingest::{OrderEvidence, OrderVerdict};

    const PIECE: usize = 4 * LONGEST;

    fn holds(text: &[u8], commas: Option<u8>, orders: bool) -> bool {
        let mut search = Search::by(Doubts { commas, orders }, PIECE);
        let found = search.take(text) || search.end();
        // As it comes to who reads a little at a time.
        let mut search = Search::by(Doubts { commas, orders }, PIECE);
        assert_eq!(text.chunks(97).any(|piece| search.take(piece)) || search.end(), found);
        found
    }

    #[test]
    fn a_number_with_a_decimal_comma_is_seen_wherever_it_stands() {
        for (cell, seen) in [
            ("\"1,5\"", true),
            ("\"=\"\"1,5\"\"\"", true),
            ("\" -1,5 \"", true),
            ("1.234.567", true),
            ("\"€ 1.234,56\"", true),
            ("\"1,234.56\"", false),
            ("\"Larkspur Bakery, Inc.\"", false),
            ("\"5\"\" disk, black\"", false),
            ("12.5", false),
            ("1.234", false),
        ] {
            assert_eq!(holds(format!("name,cost\nx,{cell}\ny,2\n").as_bytes(), Some(b','), false), seen, "{cell}");
        }
        assert!(holds(b"name;cost\nx;1,5\n", Some(b';'), false));
        assert!(!holds(b"name;cost\nx, y;1.5\n", Some(b';'), false));
    }

    #[test]
    fn a_stray_quote_hides_nothing() {
        assert!(holds(b"name,cost\n5\" disk,1\n\"a, b\",\"1,5\"\n", Some(b','), false));
    }

    #[test]
    fn a_date_that_needs_an_order_is_seen() {
        for (cell, seen) in [
            ("10/11/2026", true),
            ("1.2.26", true),
            (" 10-11-26 10:00", true),
            ("2026-10-11", false),
            ("2026/10/11", false),
            ("20261011", false),
            ("11-OCT-2026", false),
            ("0a51c9f2-7d1e-4c55-9a0e-1d2c3b4a5f60", false),
            ("12.50", false),
        ] {
            assert_eq!(holds(format!("name,day\nx,{cell}\ny,\n").as_bytes(), None, true), seen, "{cell}");
        }
    }

    proptest! {
        /// Whatever a cell says, it is seen at any place of a file longer than a piece.
        #[test]
        fn nothing_that_says_otherwise_is_passed_over(
            cell in "[0-9]{1,3}[.,][0-9]{1,3}[.,][0-9]{2,3}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|[ $-]?[0-9]{0,2},[0-9]{1,3} ?",
            before in PIECE - 40..PIECE + 40,
            quoted_name in any::<bool>(),
        ) {
            let name = if quoted_name { "\"a, b\"" } else { "abcdef" };
            let mut text = String::new();
            while text.len() < before {
                text.push_str(name);
                text.push_str(if text.len().is_multiple_of(3) { ",7\n" } else { ",xyz\n" });
            }
            text.extend(["c,\"", &cell, "\"\nd,x\n"]);
            let mut numbers = StyleEvidence::default();
            numbers.observe(cell.trim());
            if numbers.shows_comma() {
                prop_assert!(holds(text.as_bytes(), Some(b','), false));
                prop_assert!(holds(text.as_bytes(), Some(b';'), false));
            }
            let mut dates = OrderEvidence::default();
            dates.observe(cell.trim());
            if dates.verdict() != OrderVerdict::NoneNeeded {
                prop_assert!(holds(text.as_bytes(), None, true));
            }
        }
    }
}
