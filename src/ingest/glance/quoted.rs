//! Whether what stands between two quotes that follow one another is a number with a decimal comma. Which quote opens and
//! which closes is not asked, so that no stray one can lead astray.

use memchr::memchr_iter;
use wide::u8x16;

use super::super::StyleEvidence;
use super::super::blocks::places;

/// What a number may take; anything longer must be full of letters to be none.
pub const LONGEST: usize = 256;
/// More letters than a number has, but for those of a currency and an exponent.
const LETTERS: usize = 10;

/// What stands behind the last quote of a text that comes in pieces.
#[derive(Debug)]
pub enum Quoted {
    /// Nothing that could be a number.
    Nothing,
    /// It begins at this place of the piece at hand.
    Here(usize),
    Before(Begun),
}

impl Quoted {
    /// The next quotes, as the bits of a block that begins at this place of the piece. Whether a number with a comma stands
    /// before one of them.
    #[inline(never)]
    pub fn close(&mut self, piece: &[u8], start: usize, quotes: u64) -> bool {
        places(quotes).any(|place| {
            let at = start + place;
            match std::mem::replace(self, Self::Here(at + 1)) {
                Self::Nothing => false,
                Self::Here(start) => is_comma_number(&piece[start..at]),
                Self::Before(mut begun) => {
                    begun.extend(&piece[..at]);
                    begun.is_comma_number()
                }
            }
        })
    }

    /// The piece at hand ends. Whether what follows cannot change that a number with a comma stands here.
    pub fn keep(&mut self, piece: &[u8]) -> bool {
        let begun = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => return false,
            Self::Here(start) => Begun::default().with(&piece[start..]),
            Self::Before(begun) => begun.with(piece),
        };
        if has_letters(&begun.first) {
            return false;
        }
        let is_told = begun.has_comma && begun.first.len() > LONGEST;
        *self = Self::Before(begun);
        is_told
    }

    /// The text ends.
    pub fn end(&mut self) -> bool {
        matches!(self, Self::Before(begun) if begun.is_comma_number())
    }
}

/// A content of which more may follow.
#[derive(Debug, Default)]
pub struct Begun {
    /// As much of it as is looked at for more than commas.
    first: Vec<u8>,
    has_comma: bool,
    ends_in_comma: bool,
}

impl Begun {
    fn with(mut self, more: &[u8]) -> Self {
        self.extend(more);
        self
    }

    fn extend(&mut self, more: &[u8]) {
        let Some(last) = more.last() else { return };
        self.first.extend_from_slice(&more[..more.len().min(LONGEST + 1 - self.first.len())]);
        self.has_comma |= (self.ends_in_comma && more[0].is_ascii_digit())
            || memchr_iter(b',', more).any(|at| more.get(at + 1).is_some_and(u8::is_ascii_digit));
        self.ends_in_comma = *last == b',';
    }

    fn is_comma_number(&self) -> bool {
        (self.has_comma || self.ends_in_comma) && !has_letters(&self.first) && may_be_comma_number(&self.first)
    }
}

fn is_comma_number(content: &[u8]) -> bool {
    // Nearly every content is a name, or begins with one.
    !has_letters(content) && has_comma(content) && may_be_comma_number(content)
}

/// Behind the comma of a number stands a digit.
fn has_comma(content: &[u8]) -> bool {
    memchr_iter(b',', content).any(|at| content.get(at + 1).is_none_or(u8::is_ascii_digit))
}

/// Of a content with a comma and few letters.
fn may_be_comma_number(content: &[u8]) -> bool {
    if content.len() > LONGEST {
        return true;
    }
    // The delimiters between quoted cells are such contents.
    if !content.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let mut evidence = StyleEvidence::default();
    evidence.observe(String::from_utf8_lossy(content).trim());
    evidence.shows_comma()
}

/// Whether its first bytes hold more letters than a number has.
fn has_letters(content: &[u8]) -> bool {
    let content = &content[..content.len().min(LONGEST)];
    let (lanes, rest) = content.as_chunks::<16>();
    let mut letters = 0;
    for lane in lanes {
        letters += letters_of(*lane) as usize;
        if letters > LETTERS {
            return true;
        }
    }
    letters + rest.len() > LETTERS && letters + rest.iter().filter(|b| b.is_ascii_alphabetic()).count() > LETTERS
}

fn letters_of(lane: [u8; 16]) -> u32 {
    const AFTER_A: u8 = b'z' - b'a';
    let lower = (u8x16::new(lane) | u8x16::splat(0x20)) - u8x16::splat(b'a');
    lower.min(u8x16::splat(AFTER_A)).simd_eq(lower).to_bitmask().count_ones()
}
