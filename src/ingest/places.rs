//! Where the bytes stand that cut a text into records and fields. They are looked for in blocks, for all rows of a
//! block at once, so that the cost of a field is not that of a search.

use wide::u8x16;

use super::blocks::{BLOCK, bits};
use super::record::Span;
use super::scan::LONGEST_FIELD;

/// How much text is gone through at a time: its places stay in the nearest cache until they are asked for.
const PIECE: usize = 4 << 10;
/// Places written at a time, whether or not there are so many: to ask costs more.
const AT_ONCE: usize = 8;

/// The places of delimiters, quotes and line ends in a text.
#[derive(Debug)]
pub(super) struct Places {
    delimiter: u8,
    quote: u8,
    found: Vec<u32>,
    /// Of `found`, how many are places, and the first not taken yet.
    count: usize,
    next: usize,
    /// How far the text was gone through.
    until: usize,
}

impl Places {
    pub fn new(delimiter: u8, quote: u8) -> Self {
        Self { delimiter, quote, found: Vec::new(), count: 0, next: 0, until: 0 }
    }

    /// Forgets everything: there is another text.
    pub fn reset(&mut self) {
        (self.count, self.next, self.until) = (0, 0, 0);
    }

    /// The first place at or behind `start`, as a number to be counted on from.
    pub fn from(&mut self, start: usize) -> usize {
        if self.until < start {
            (self.count, self.next, self.until) = (0, 0, start);
        }
        while self.next < self.count && (self.found[self.next] as usize) < start {
            self.next += 1;
        }
        self.next
    }

    /// Nothing before this place is asked for again.
    pub fn take_to(&mut self, number: usize) {
        self.next = number;
    }

    /// A place, if it is found already.
    #[inline]
    pub fn get(&self, number: usize) -> Option<usize> {
        if number < self.count { Some(self.found[number] as usize) } else { None }
    }

    /// Whether there are fewer places than that.
    pub fn few(&self, number: usize, fields: usize) -> bool {
        self.count - number < fields
    }

    /// The fields of a line of so many without a quote, that begins at `start`; where it ends, and the next begins.
    #[inline]
    pub fn plain(
        &self,
        text: &[u8],
        number: usize,
        fields: usize,
        start: usize,
        spans: &mut Vec<Span>,
    ) -> Option<(usize, usize)> {
        let places = self.found[..self.count].get(number..number + fields)?;
        let (last, places) = places.split_last()?;
        let last = *last as usize;
        let next = match (text[last], text.get(last + 1)) {
            (b'\n', _) => last + 1,
            (b'\r', Some(byte)) => last + 1 + usize::from(*byte == b'\n'),
            _ => return None,
        };
        let (mut others, mut field) = (0, start);
        spans.resize(fields, Span::default());
        let (behind, spans) = spans.split_last_mut()?;
        for (at, span) in places.iter().zip(spans) {
            let at = *at as usize;
            others |= text[at] ^ self.delimiter;
            *span = Span::new(field - start, at - start);
            field = at + 1;
        }
        *behind = Span::new(field - start, last - start);
        (others == 0 && last - start <= LONGEST_FIELD).then_some((last, next))
    }

    /// The quote that closes a field on its line, if the field's end follows it; `number` is that of the place behind
    /// the opening one.
    #[inline]
    pub fn closing(&mut self, text: &[u8], number: &mut usize) -> Option<usize> {
        loop {
            let Some(at) = self.get(*number) else {
                *number = self.more(text, *number)?;
                continue;
            };
            *number += 1;
            let byte = text[at];
            if byte == self.quote {
                let follows = *text.get(at + 1)?;
                return (follows == self.delimiter || matches!(follows, b'\n' | b'\r')).then_some(at);
            }
            if byte != self.delimiter {
                return None;
            }
        }
    }

    /// Goes on through `text`, to which `self` belongs. `None`: it is gone through. `number` was counted to; it is
    /// what the same place is counted as from here on.
    #[cold]
    #[inline(never)]
    pub fn more(&mut self, text: &[u8], number: usize) -> Option<usize> {
        if self.until >= text.len() {
            return None;
        }
        self.found.copy_within(self.next..self.count, 0);
        self.count -= self.next;
        let number = number - self.next;
        self.next = 0;
        let end = text.len().min(self.until + PIECE);
        // All of the piece may be places, and some are written that are none.
        self.found.resize(self.count + PIECE + AT_ONCE, 0);
        let (blocks, rest) = text[self.until..end].as_chunks::<BLOCK>();
        for block in blocks {
            self.put(mask_of(block, self.delimiter, self.quote));
        }
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            self.put(mask_of(&block, self.delimiter, self.quote) & (u64::MAX >> (BLOCK - rest.len())));
            self.until = end;
        }
        Some(number)
    }

    /// The places of the block that comes next.
    #[inline]
    fn put(&mut self, mut mask: u64) {
        let count = mask.count_ones() as usize;
        #[allow(clippy::cast_possible_truncation, reason = "a buffer is much smaller")]
        let base = self.until as u32;
        let mut at = self.count;
        while mask != 0 {
            for place in &mut self.found[at..at + AT_ONCE] {
                *place = base.wrapping_add(mask.trailing_zeros());
                mask &= mask.wrapping_sub(1);
            }
            at += AT_ONCE;
        }
        self.count += count;
        self.until += BLOCK;
    }
}

/// A bit for each byte of the block that is a delimiter, a quote or a line end.
#[inline]
fn mask_of(block: &[u8; BLOCK], delimiter: u8, quote: u8) -> u64 {
    let [delimiter, quote, line_feed, carriage_return] = [delimiter, quote, b'\n', b'\r'].map(u8x16::splat);
    bits(block, |lane| {
        let ends = lane.simd_eq(line_feed) | lane.simd_eq(carriage_return);
        lane.simd_eq(delimiter) | lane.simd_eq(quote) | ends
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8], delimiter: u8, quote: u8) -> Vec<usize> {
        let mut places = Places::new(delimiter, quote);
        let mut number = places.from(0);
        let mut found = Vec::new();
        loop {
            while let Some(at) = places.get(number) {
                found.push(at);
                number += 1;
            }
            // Some wait, as those of an unfinished record do.
            places.take_to(number.saturating_sub(found.len() % 3));
            match places.more(text, number) {
                Some(again) => number = again,
                None => return found,
            }
        }
    }

    fn expected(text: &[u8], delimiter: u8, quote: u8) -> Vec<usize> {
        let cuts = |b: &u8| [delimiter, quote, b'\n', b'\r'].contains(b);
        text.iter().enumerate().filter(|(_, b)| cuts(b)).map(|(at, _)| at).collect()
    }

    proptest! {
        #[test]
        fn every_place_is_found_once(
            text in prop::collection::vec(prop_oneof![6 => any::<u8>(), 1 => Just(b','), 1 => Just(b'\n')], 0..300),
            times in 1usize..60,
            delimiter in prop_oneof![Just(b','), Just(b';'), Just(b'\t'), Just(b'|')],
        ) {
            let text = text.repeat(times);
            prop_assert_eq!(all(&text, delimiter, b'"'), expected(&text, delimiter, b'"'));
        }
    }

    #[test]
    fn a_place_far_behind_those_found_is_looked_for_from_there() {
        let text = b",".repeat(3 * PIECE);
        let mut places = Places::new(b',', b'"');
        let number = places.from(0);
        let number = places.more(&text, number).expect("there is text");
        assert_eq!(places.get(number), Some(0));
        let number = places.from(2 * PIECE + 7);
        assert_eq!(places.get(number), None);
        let number = places.more(&text, number).expect("there is text");
        assert_eq!(places.get(number), Some(2 * PIECE + 7));
    }
}
