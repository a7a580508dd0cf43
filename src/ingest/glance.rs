//! Whether a file's head speaks for all of it. How its numbers and dates are written must be known before the first
//! row is handed on, and cutting the whole file into cells for that takes as long as reading it. So the head's rows
//! are asked, and of the rest only the bytes: whether anything stands there that could say otherwise. If so, or
//! where the head is silent, every cell is asked.

mod near;
mod quoted;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use wide::u8x16;

use super::blocks::{ahead, any_block, bits, places};
use near::{Edge, any_comma, any_order, groups_by_points};
use quoted::Quoted;

/// How much is looked at in one go: it stays in the processor's nearer caches.
const PIECE: usize = 32 << 10;

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

/// A look at a text that comes in pieces. Each is looked at where it stands; kept of it is what the next may go on with.
#[derive(Debug)]
pub(super) struct Search {
    doubts: Doubts,
    edge: Edge,
    quoted: Quoted,
}

impl Search {
    pub fn new(doubts: Doubts) -> Self {
        Self { doubts, edge: Edge::new(), quoted: Quoted::Nothing }
    }

    /// The next piece. Whether what came so far may hold what is in doubt; what the next piece may go on with says
    /// nothing yet.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        let doubts = self.doubts;
        let (says, within) = self.edge.take(piece, doubts);
        says || doubts.commas.is_some_and(|delimiter| {
            if delimiter == b',' {
                self.numbers::<true>(piece, &within) || self.quoted.keep(piece)
            } else {
                self.numbers::<false>(piece, &within) || any_comma(piece, within.clone(), delimiter)
            }
        }) || (doubts.orders && any_order(piece, &within))
    }

    /// Nothing more comes.
    pub fn end(&mut self) -> bool {
        self.edge.end(self.doubts) || self.quoted.end()
    }

    /// Whether digits are grouped by points in these places of a piece, or a number with a comma stands between quotes.
    fn numbers<const QUOTED: bool>(&mut self, piece: &[u8], within: &std::ops::Range<usize>) -> bool {
        let of = |byte| move |lane: u8x16| lane.simd_eq(u8x16::splat(byte));
        let mut before = 0;
        any_block(piece, |start, block| {
            // Nearly every number has a point, so that two are looked for that are as far apart as those of a group.
            let points = bits(block, of(b'.'));
            let pairs = points & ahead(points, before, 4);
            before = points;
            let quotes = if QUOTED { bits(block, of(b'"')) } else { 0 };
            (pairs != 0 && any_group(piece, start, pairs, within))
                || (quotes != 0 && self.quoted.close(piece, start, quotes))
        })
    }
}

/// Whether a group of digits ends at one of the places.
#[cold]
fn any_group(piece: &[u8], start: usize, ends: u64, within: &std::ops::Range<usize>) -> bool {
    places(ends)
        .filter_map(|place| (start + place).checked_sub(4))
        .any(|at| within.contains(&at) && groups_by_points(piece, at))
}
