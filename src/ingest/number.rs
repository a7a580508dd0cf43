//! Text to exact decimals. A cell that could mean two numbers, or that would have to be rounded, is a
//! fault: a guessed thousand is the dearest mistake a billing program can make.

use rust_decimal::Decimal;

use crate::rate::Currency;

#[cfg(test)]
mod tests;

/// Which of `.` and `,` begins the fraction; the other may group thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecimalStyle {
    Point,
    Comma,
}

impl DecimalStyle {
    const fn separator(self) -> char {
        self.byte() as char
    }

    pub(super) const fn byte(self) -> u8 {
        match self {
            DecimalStyle::Point => b'.',
            DecimalStyle::Comma => b',',
        }
    }

    const fn other(self) -> Self {
        match self {
            DecimalStyle::Point => DecimalStyle::Comma,
            DecimalStyle::Comma => DecimalStyle::Point,
        }
    }
}

/// Why a cell is not a number to bill by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NumberFault {
    #[error("the cell is empty where a number must stand")]
    Empty,
    #[error("the cell is not a number")]
    NotANumber,
    #[error("the thousands separators do not stand between groups of three digits")]
    BadGroups,
    #[error("the number is written with a decimal comma, and its column with a decimal point")]
    CommaInPointColumn,
    #[error("the number is written with a decimal point, and its column with a decimal comma")]
    PointInCommaColumn,
    #[error("the separator may begin a fraction or group thousands, and nothing in the column tells which")]
    Ambiguous,
    #[error("the number has more digits than can be kept exactly (28)")]
    TooManyDigits,
    #[error("a spreadsheet cut the number to a few digits and an exponent, so the others are lost")]
    LostPrecision,
}

/// Reads `text` exactly: signs before or behind, parentheses, currency signs and ISO codes, thousands
/// in groups of three, exponents, and `12%` as 0.12. The scale stays as written, unless only zeros stand past 28 digits.
pub fn parse_number(text: &str, style: DecimalStyle) -> Result<Decimal, NumberFault> {
    if let Some((digits, scale)) = parse_plain(text, style) {
        return Ok(Decimal::new(digits, scale));
    }
    let bare = undress(text)?;
    match parse_core(&bare, style) {
        Err(NumberFault::BadGroups | NumberFault::NotANumber)
            if matches!(parse_core(&bare, style.other()), Ok(_) | Err(NumberFault::TooManyDigits)) =>
        {
            Err(match style {
                DecimalStyle::Point => NumberFault::CommaInPointColumn,
                DecimalStyle::Comma => NumberFault::PointInCommaColumn,
            })
        }
        result => result,
    }
}

/// Nearly every cell: ASCII digits, perhaps a minus and one separator. Its digits, and how many of them are behind the
/// separator.
#[inline]
pub(super) fn parse_plain(text: &str, style: DecimalStyle) -> Option<(i64, u32)> {
    let (digits, negative) = match text.as_bytes() {
        [b'-', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let separator = style.separator() as u32;
    let mut value = 0_i64;
    let mut point = None;
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b if u32::from(*b) == separator && point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    let scale = match point {
        None => 0,
        Some(i) if i + 1 < digits.len() => digits.len() - i - 1,
        Some(_) => return None,
    };
    Some((if negative { -value } else { value }, u32::try_from(scale).ok()?))
}

/// [`parse_plain`] of a text of 1 to 16 bytes, taken in one word with nothing behind it: all digits at once, and whatever
/// they are in the same steps, for a loop over so few is mostly guessing where it ends.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "64 bits of 128 each")]
pub(super) fn parse_short(word: u128, length: usize, style: DecimalStyle) -> Option<(i64, u32)> {
    if length <= 8 {
        let (negative, digits, scale) = digits_of_eight(word as u64, length, style)?;
        return Some((signed(eight(digits), negative), scale));
    }
    let (negative, digits, scale) = digits_of_sixteen(word, length, style)?;
    Some((signed(eight(digits as u64) * 100_000_000 + eight((digits >> 64) as u64), negative), scale))
}

fn signed(digits: u64, negative: bool) -> i64 {
    let digits = digits.cast_signed();
    if negative { -digits } else { digits }
}

/// Defines a function that takes a text in one word: whether it is negative, its digits with zeros before them, and how
/// many are behind the separator. Half a word takes half as long, and nearly every number fits.
macro_rules! digits_of {
    ($name:ident, $word:ty) => {
        #[inline]
        fn $name(word: $word, length: usize, style: DecimalStyle) -> Option<(bool, $word, u32)> {
            const EACH: $word = <$word>::from_ne_bytes([1; size_of::<$word>()]);
            const ZEROS: $word = EACH * b'0' as $word;
            const HIGH: $word = EACH * 0x80;
            // What brings a byte above 9 to its high bit.
            const ABOVE_NINE: $word = EACH * (0x80 - 10);
            let negative = word & 0xFF == <$word>::from(b'-');
            let (word, length) = if negative { (word >> 8, length - 1) } else { (word, length) };
            if length == 0 {
                return None;
            }
            // The last digit comes to stand last; zeros before the first.
            let before = 8 * (size_of::<$word>() - length);
            let digits = (word << before) ^ (ZEROS << before);
            let others = (((digits & !HIGH) + ABOVE_NINE) | digits) & HIGH;
            // One byte may be none: of it, the high bit, and all bits. Where there is none, neither has any.
            let one = others & others.wrapping_neg();
            let all = (one << 1).wrapping_sub(one >> 7);
            let separator = <$word>::from(style.byte() ^ b'0');
            // Those behind the separator, of which there must be one.
            let scale = others.leading_zeros() % <$word>::BITS / 8;
            if others != one || (digits ^ (EACH * separator)) & all != 0 || (one != 0 && scale == 0) {
                return None;
            }
            let ahead = (one >> 7).wrapping_sub(1);
            let closed = (digits & !(ahead | all)) | (digits & ahead) << 8;
            Some((negative, if one == 0 { digits } else { closed }, scale))
        }
    };
}

digits_of!(digits_of_eight, u64);
digits_of!(digits_of_sixteen, u128);

/// The number that eight digits of a byte each make, the first in the lowest byte.
#[inline]
fn eight(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & PAIRS).wrapping_mul(0x000F_4240_0000_0064);
    let second = ((pairs >> 16) & PAIRS).wrapping_mul(0x0000_2710_0000_0001);
    first.wrapping_add(second) >> 32
}

fn is_space(c: char) -> bool {
    c.is_whitespace()
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}')
}

/// Longest first, so that `US$` is not taken for `$`.
const CURRENCY_SIGNS: &[&str] = &[
    "US$", "CA$", "AU$", "NZ$", "HK$", "A$", "C$", "R$", "S$", "$", "€", "£", "¥", "￥", "₹", "₩", "₽", "₺", "₪", "₫",
    "฿", "₱", "₦", "₴", "zł", "Kč", "kr.", "kr", "Fr.",
];

fn is_code(text: Option<&str>) -> bool {
    text.is_some_and(|t| t.bytes().all(|b| b.is_ascii_uppercase()) && Currency::parse(t).is_some_and(|c| !c.is_none()))
}

/// A number without what is written around it.
struct Bare<'a> {
    core: &'a str,
    negative: bool,
    percent: bool,
}

/// Takes sign, parentheses, currency or percent sign and outer spaces off; each may stand once.
fn undress(text: &str) -> Result<Bare<'_>, NumberFault> {
    let mut rest = text.trim_matches(is_space);
    if rest.is_empty() {
        return Err(NumberFault::Empty);
    }
    let (mut negative, mut signed, mut money, mut percent) = (false, false, false, false);
    loop {
        let before = rest;
        if !signed {
            if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
                (rest, negative, signed) = (inner, true, true);
            } else if let Some(inner) = rest.strip_prefix(is_minus) {
                (rest, negative, signed) = (inner, true, true);
            } else if let Some(inner) = rest.strip_prefix('+') {
                (rest, signed) = (inner, true);
            } else if let Some(inner) = rest.strip_suffix(is_minus) {
                (rest, negative, signed) = (inner, true, true);
            }
        }
        rest = rest.trim_matches(is_space);
        if !money {
            let sign = CURRENCY_SIGNS.iter().find_map(|s| rest.strip_prefix(s).or_else(|| rest.strip_suffix(s)));
            if let Some(inner) = sign {
                (rest, money) = (inner, true);
            } else if is_code(rest.get(..3)) {
                (rest, money) = (&rest[3..], true);
            } else if let Some(at) = rest.len().checked_sub(3)
                && is_code(rest.get(at..))
            {
                (rest, money) = (&rest[..at], true);
            }
        }
        if !percent && let Some(inner) = rest.strip_suffix('%').or_else(|| rest.strip_prefix('%')) {
            (rest, percent) = (inner, true);
        }
        rest = rest.trim_matches(is_space);
        if rest == before {
            break;
        }
    }
    // A percentage of money is no amount.
    if money && percent {
        return Err(NumberFault::NotANumber);
    }
    Ok(Bare { core: rest, negative, percent })
}

fn parse_core(bare: &Bare<'_>, style: DecimalStyle) -> Result<Decimal, NumberFault> {
    let core = bare.core;
    let (mantissa, exponent) = match core.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (core, None),
    };
    let (whole, fraction) = match mantissa.split_once(style.separator()) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if fraction.is_some_and(|f| f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit())) {
        return Err(NumberFault::NotANumber);
    }
    let grouped = check_whole(whole, fraction.is_some(), style)?;
    let fraction = fraction.unwrap_or_default();
    let digits = || whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit);
    let shift = match exponent {
        None => 0,
        Some(_) if grouped => return Err(NumberFault::NotANumber),
        Some(text) => {
            let shift = read_exponent(text)?;
            // How a spreadsheet shows what no longer fits its cell: `1.23457E+17`, or `1.2E+10` where the column is narrow.
            if shift >= 10 && core.contains("E+") && digits().count() <= usize::try_from(shift).unwrap_or(0) {
                return Err(NumberFault::LostPrecision);
            }
            shift
        }
    };
    let places = fraction.len() + if bare.percent { 2 } else { 0 };
    exact(digits(), places, shift, bare.negative)
}

/// Checks the part before the separator; true if it is grouped. Without a fraction, a group that could
/// as well be one is still a group: the style says so.
fn check_whole(whole: &str, has_fraction: bool, style: DecimalStyle) -> Result<bool, NumberFault> {
    if whole.bytes().all(|b| b.is_ascii_digit()) {
        return if whole.is_empty() && !has_fraction { Err(NumberFault::NotANumber) } else { Ok(false) };
    }
    let thousands = style.other().separator();
    let is_separator =
        |c: char| c == thousands || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}');
    let Some(separator) = whole.chars().find(|c| is_separator(*c)) else { return Err(NumberFault::NotANumber) };
    if !whole.chars().all(|c| c.is_ascii_digit() || is_separator(c)) {
        return Err(NumberFault::NotANumber);
    }
    let mut groups = whole.split(separator);
    let first = groups.next().unwrap_or_default();
    let first_is_good = matches!(first.len(), 1..=3) && !first.starts_with('0');
    let good = first_is_good && groups.all(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()));
    if good { Ok(true) } else { Err(NumberFault::BadGroups) }
}

fn read_exponent(text: &str) -> Result<i32, NumberFault> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberFault::NotANumber);
    }
    let size = digits.trim_start_matches('0');
    if size.len() > 4 {
        return Err(NumberFault::TooManyDigits);
    }
    let size: i32 = if size.is_empty() { 0 } else { size.parse().map_err(|_| NumberFault::NotANumber)? };
    Ok(if text.starts_with('-') { -size } else { size })
}

/// `digits` × 10^(`shift` − `places`), exactly or not at all.
fn exact(digits: impl Iterator<Item = u8>, places: usize, shift: i32, negative: bool) -> Result<Decimal, NumberFault> {
    let mut value = 0_i128;
    let mut scale = i64::try_from(places).map_err(|_| NumberFault::TooManyDigits)? - i64::from(shift);
    // Zeros at the end wait until a digit behind them says that they count.
    let mut zeros = 0_u32;
    for digit in digits.map(|b| b - b'0') {
        if digit == 0 {
            zeros += 1;
            continue;
        }
        let up = if value == 0 { 1 } else { power(zeros + 1)? };
        value =
            value.checked_mul(up).and_then(|v| v.checked_add(i128::from(digit))).ok_or(NumberFault::TooManyDigits)?;
        zeros = 0;
    }
    if value == 0 {
        let scale = u32::try_from(scale.clamp(0, 28)).unwrap_or(0);
        return Decimal::try_from_i128_with_scale(0, scale).map_err(|_| NumberFault::TooManyDigits);
    }
    scale -= i64::from(zeros);
    if scale < 0 {
        let up = u32::try_from(-scale).map_err(|_| NumberFault::TooManyDigits)?;
        value = power(up)?.checked_mul(value).ok_or(NumberFault::TooManyDigits)?;
        zeros = zeros.saturating_sub(up);
        scale = 0;
    }
    let signed = if negative { -value } else { value };
    let make = |value: i128, scale: i64| Decimal::try_from_i128_with_scale(value, u32::try_from(scale).ok()?).ok();
    // The scale as written, if all its zeros fit.
    let written = i64::try_from(places).unwrap_or(i64::MAX) - i64::from(shift);
    let keep = u32::try_from((written.min(28) - scale).clamp(0, i64::from(zeros))).unwrap_or(0);
    (0..=keep)
        .rev()
        .find_map(|k| make(signed.checked_mul(power(k).ok()?)?, scale + i64::from(k)))
        .ok_or(NumberFault::TooManyDigits)
}

fn power(exponent: u32) -> Result<i128, NumberFault> {
    10_i128.checked_pow(exponent).ok_or(NumberFault::TooManyDigits)
}

/// What the cells of one column say about its style. A cell counts as evidence if the two styles read
/// it differently.
#[derive(Debug, Clone, Default)]
pub struct StyleEvidence {
    point: Option<String>,
    comma: Option<String>,
    ambiguous: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StyleVerdict {
    Point,
    Comma,
    /// Every cell reads the same in both styles.
    Either,
    /// Some cells mean two different numbers, and no cell tells which.
    Ambiguous {
        example: String,
    },
    Conflict {
        point_example: String,
        comma_example: String,
    },
}

impl StyleEvidence {
    pub fn observe(&mut self, text: &str) {
        if !text.bytes().any(|b| matches!(b, b'.' | b',')) || self.knows(text) {
            return;
        }
        let Ok(bare) = undress(text) else { return };
        let as_point = parse_core(&bare, DecimalStyle::Point);
        let as_comma = parse_core(&bare, DecimalStyle::Comma);
        // Too long a number is still a number in that style.
        let reads = |r: &Result<Decimal, NumberFault>| {
            matches!(r, Ok(_) | Err(NumberFault::TooManyDigits | NumberFault::LostPrecision))
        };
        let slot = match (reads(&as_point), reads(&as_comma)) {
            (true, true) if as_point == as_comma && as_point.is_ok() => return,
            (true, true) => &mut self.ambiguous,
            (true, false) => &mut self.point,
            (false, true) => &mut self.comma,
            (false, false) => return,
        };
        if slot.is_none() {
            *slot = Some(text.to_owned());
        }
    }

    /// Whether a cell of the usual form, `123.45`, shows what an earlier one has shown.
    fn knows(&self, text: &str) -> bool {
        let digits = text.as_bytes().strip_prefix(b"-").unwrap_or(text.as_bytes());
        let Some(point) = digits.iter().position(|b| *b == b'.') else { return false };
        let (whole, fraction) = (&digits[..point], &digits[point + 1..]);
        let is_usual = !fraction.is_empty() && whole.iter().chain(fraction).all(u8::is_ascii_digit);
        let may_be_a_group = fraction.len() == 3 && matches!(whole.len(), 1..=3) && whole[0] != b'0';
        is_usual && if may_be_a_group { self.ambiguous.is_some() } else { self.point.is_some() }
    }

    /// Whether a cell has been seen that only a decimal point makes a number.
    pub fn shows_point(&self) -> bool {
        self.point.is_some()
    }

    /// Whether a cell has been seen that only a decimal comma makes a number.
    pub fn shows_comma(&self) -> bool {
        self.comma.is_some()
    }

    pub fn verdict(&self) -> StyleVerdict {
        match (&self.point, &self.comma, &self.ambiguous) {
            (Some(point), Some(comma), _) => {
                StyleVerdict::Conflict { point_example: point.clone(), comma_example: comma.clone() }
            }
            (Some(_), None, _) => StyleVerdict::Point,
            (None, Some(_), _) => StyleVerdict::Comma,
            (None, None, Some(example)) => StyleVerdict::Ambiguous { example: example.clone() },
            (None, None, None) => StyleVerdict::Either,
        }
    }
}
