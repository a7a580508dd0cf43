//! What few bytes around a separator tell: digits grouped by points, a decimal comma, a date whose parts need an order. A
//! text that comes in pieces is asked where it stands; only what is near their edges is kept, and asked with what follows.

use memchr::memchr_iter;
use wide::u8x16;

use super::super::blocks::{ahead, any_block, bits, places};
use super::Doubts;

/// More than is asked before a separator or behind it: the longest form looked for is `10-12-2026`.
const AROUND: usize = 16;

/// The end of what came so far.
#[derive(Debug)]
pub struct Edge {
    bytes: [u8; 4 * AROUND],
    filled: usize,
    /// How far it was asked.
    asked: usize,
}

impl Edge {
    pub const fn new() -> Self {
        Self { bytes: [0; 4 * AROUND], filled: 0, asked: 0 }
    }

    /// Whether what is near the edge to the piece that follows says otherwise. Returned, too, is which places of it are
    /// left to be asked where it stands.
    pub fn take(&mut self, piece: &[u8], doubts: Doubts) -> (bool, std::ops::Range<usize>) {
        let joined = piece.len().min(2 * AROUND);
        let before = self.filled;
        self.bytes[before..before + joined].copy_from_slice(&piece[..joined]);
        self.filled += joined;
        let says = self.ask(self.filled.saturating_sub(AROUND), doubts);
        if joined < piece.len() {
            let last = &piece[piece.len() - 2 * AROUND..];
            self.bytes[..2 * AROUND].copy_from_slice(last);
            (self.filled, self.asked) = (2 * AROUND, AROUND);
            return (says, AROUND..piece.len() - AROUND);
        }
        let over = self.filled.saturating_sub(2 * AROUND);
        self.bytes.copy_within(over..self.filled, 0);
        self.filled -= over;
        self.asked -= over;
        (says, 0..0)
    }

    /// Nothing follows.
    pub fn end(&mut self, doubts: Doubts) -> bool {
        self.ask(self.filled, doubts)
    }

    fn ask(&mut self, until: usize, doubts: Doubts) -> bool {
        let data = &self.bytes[..self.filled];
        let says = (self.asked..until).any(|at| says_otherwise(data, at, doubts));
        self.asked = self.asked.max(until);
        says
    }
}

/// Whether the bytes around a place say what is in doubt.
fn says_otherwise(data: &[u8], at: usize, doubts: Doubts) -> bool {
    doubts.commas.is_some_and(|delimiter| groups_by_points(data, at) || has_comma(data, at, delimiter))
        || (doubts.orders && needs_order(data, at))
}

/// `1.234.567`: of a decimal point nothing but one point is written.
pub fn groups_by_points(data: &[u8], at: usize) -> bool {
    data.get(at..at + 5)
        .is_some_and(|group| group[0] == b'.' && group[4] == b'.' && group[1..4].iter().all(u8::is_ascii_digit))
}

/// Where a cell needs no quotes to hold a comma: one with a digit behind it.
fn has_comma(data: &[u8], at: usize, delimiter: u8) -> bool {
    delimiter != b',' && data[at] == b',' && data.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// Whether any such comma stands in these places.
pub fn any_comma(data: &[u8], within: std::ops::Range<usize>, delimiter: u8) -> bool {
    let first = within.start;
    memchr_iter(b',', &data[within]).any(|at| has_comma(data, first + at, delimiter))
}

/// `10/11/2026`, `1.2.26`, `10-11-26`: two parts of one or two digits, and a third, of which the first is not a year.
fn needs_order(data: &[u8], at: usize) -> bool {
    let digits =
        |at: usize| data.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).take(5).count();
    if !matches!(data[at], b'-' | b'/' | b'.') {
        return false;
    }
    let before = data[..at].iter().rev().take_while(|b| b.is_ascii_digit()).take(3).count();
    let second = digits(at + 1);
    matches!(before, 1 | 2)
        && matches!(second, 1 | 2)
        && data.get(at + 1 + second) == Some(&data[at])
        && matches!(digits(at + second + 2), 2 | 4)
        && !data[..at - before].last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a date that needs an order has its first separator in these places.
pub fn any_order(data: &[u8], within: &std::ops::Range<usize>) -> bool {
    // `-`, `.` and `/` stand before the digits, with nothing between them.
    const SEPARATORS: u8 = b'/' - b'-';
    const ALL: u8 = b'9' - b'-';
    let from_first = |lane: u8x16| lane - u8x16::splat(b'-');
    let up_to = |lane: u8x16, last: u8| lane.min(u8x16::splat(last)).simd_eq(lane);
    let (mut separators_before, mut digits_before) = (0, 0);
    any_block(data, |start, block| {
        let separators = bits(block, |lane| up_to(from_first(lane), SEPARATORS));
        let digits = bits(block, |lane| up_to(from_first(lane), ALL)) & !separators;
        let separator = |by| ahead(separators, separators_before, by);
        let digit = |by| ahead(digits, digits_before, by);
        // Each of the second separator: the first stands two or three bytes ahead of it, with digits between, one or two
        // digits ahead of that, and no third.
        let one = separator(2) & digit(3) & !(digit(4) & digit(5));
        let two = separator(3) & digit(2) & digit(4) & !(digit(5) & digit(6));
        let second = separators & digit(1) & (one | two);
        (separators_before, digits_before) = (separators, digits);
        second != 0
            && places(second).any(|place| {
                let first = [2, 3].into_iter().filter_map(|by| (start + place).checked_sub(by));
                first.filter(|at| within.contains(at)).any(|at| needs_order(data, at))
            })
    })
}
