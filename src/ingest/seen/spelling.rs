//! One spelling of the numbers and days that stand in cells of which nothing is known: programs that save an export again
//! write `2.40` as `2.4` or `2,4`, and `10/1/2026` as `2026-10-01`, and it is the same row.

use std::fmt::Display;
use std::io::Write as _;

use crate::ingest::date::is_midnight;
use crate::ingest::{DateOrder, DecimalStyle, parse_date, parse_number};

/// Bytes of the longest number that is looked at.
const LONGEST: usize = 24;

/// Where a number or day is written again.
pub(super) type Room = [u8; LONGEST];

/// How a file writes its numbers and the parts of its dates, as far as that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::ingest) struct Ways {
    pub style: Option<DecimalStyle>,
    pub order: Option<DateOrder>,
}

/// The value as it is to be told from others: a number with a fraction or thousands set apart has a decimal point, no zeros
/// at its end and nothing between its thousands; a day is year, month, day. Anything else, and so every number that may be
/// an id, stands as it is.
#[inline]
pub(super) fn spelt<'a>(value: &'a [u8], ways: Ways, room: &'a mut Room) -> &'a [u8] {
    match value {
        [b'0'..=b'9' | b'-', .., b'0'..=b'9' | b'Z'] if value.len() <= LONGEST => again(value, ways, room),
        _ => value,
    }
}

fn again<'a>(value: &'a [u8], ways: Ways, room: &'a mut Room) -> &'a [u8] {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let Some(separator) = digits.iter().position(|b| !b.is_ascii_digit()) else { return value };
    if digits.len() == value.len()
        && let Some(length) = day(value, separator, ways.order, room)
    {
        return &room[..length];
    }
    let (whole, fraction) = (&digits[..separator], &digits[separator + 1..]);
    let is_number = digits.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    if !is_number || whole.is_empty() || fraction.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
        return value;
    }
    let decimal = ways.style.map_or(digits[separator], DecimalStyle::byte);
    if digits[separator] != decimal || !fraction.iter().all(u8::is_ascii_digit) {
        return match ways.style.and_then(|style| number(value, style, room)) {
            Some(length) => &room[..length],
            None => value,
        };
    }
    let zeros = fraction.iter().rev().take_while(|b| **b == b'0').count();
    let point = value.len() - fraction.len() - 1;
    let end = if zeros == fraction.len() { point } else { value.len() - zeros };
    let room = &mut room[..end];
    room.copy_from_slice(&value[..end]);
    if let Some(separator) = room.get_mut(point) {
        *separator = b'.';
    }
    room
}

/// Writes a number whose thousands are set apart; its length there.
#[cold]
fn number(value: &[u8], style: DecimalStyle, room: &mut Room) -> Option<usize> {
    let number = parse_number(std::str::from_utf8(value).ok()?, style).ok()?;
    written(number.normalize(), room)
}

/// Writes the day that a value says and nothing more; its length there. `separator`: where its first number ends.
fn day(value: &[u8], separator: usize, order: Option<DateOrder>, room: &mut Room) -> Option<usize> {
    let (first, rest) = value.split_at_checked(separator)?;
    let between = *rest.first().filter(|b| matches!(b, b'-' | b'/' | b'.'))?;
    if !matches!(first.len(), 1 | 2 | 4) || !rest[1..].contains(&between) {
        return None;
    }
    let parsed = parse_date(std::str::from_utf8(value).ok()?, order).ok()?;
    if is_midnight(parsed.time) { written(parsed.date, room) } else { None }
}

/// Writes it into the room; its length there, if it has room.
fn written(what: impl Display, room: &mut Room) -> Option<usize> {
    let mut out = &mut room[..];
    write!(out, "{what}").ok()?;
    let left = out.len();
    Some(LONGEST - left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn of(value: &str) -> String {
        within(value, Ways::default())
    }

    fn within(value: &str, ways: Ways) -> String {
        String::from_utf8(spelt(value.as_bytes(), ways, &mut [0; LONGEST]).to_vec()).expect("text")
    }

    #[test]
    fn thousands_are_set_apart_where_it_is_certain_how() {
        use DecimalStyle::{Comma, Point};
        for (value, style, spelling) in [
            ("1,234.50", Some(Point), "1234.5"),
            ("1,234", Some(Point), "1234"),
            ("-1.234.567,00", Some(Comma), "-1234567"),
            ("1.234", Some(Comma), "1234"),
            ("1.234", Some(Point), "1.234"),
            ("2,40", Some(Point), "2,40"),
            ("1,234.50", None, "1,234.50"),
            ("0,123", Some(Comma), "0.123"),
            ("01,234", Some(Point), "01,234"),
        ] {
            assert_eq!(within(value, Ways { style, order: None }), spelling, "{value}");
        }
    }

    #[test]
    fn days_have_one_spelling_where_it_is_certain_which_they_are() {
        use DateOrder::{Dmy, Mdy};
        for (value, order, spelling) in [
            ("2026-10-01", None, "2026-10-01"),
            ("2026-10-01T00:00:00Z", None, "2026-10-01"),
            ("2026-10-01 00:00:00", Some(Mdy), "2026-10-01"),
            ("10/1/2026", Some(Mdy), "2026-10-01"),
            ("10/1/2026", Some(Dmy), "2026-01-10"),
            ("1.10.2026", Some(Dmy), "2026-10-01"),
            ("10/1/2026", None, "10/1/2026"),
            ("2026-10-01T13:00:00Z", None, "2026-10-01T13:00:00Z"),
            ("10/32/2026", Some(Mdy), "10/32/2026"),
            ("20261001", Some(Mdy), "20261001"),
            ("-10/1/2026", Some(Mdy), "-10/1/2026"),
            ("1.2", Some(Dmy), "1.2"),
            ("12-34", Some(Dmy), "12-34"),
            ("192.168.10.20", Some(Dmy), "192.168.10.20"),
        ] {
            assert_eq!(within(value, Ways { style: None, order }), spelling, "{value}");
        }
    }

    #[test]
    fn numbers_with_a_fraction_have_one_spelling_and_nothing_else_is_touched() {
        for (value, spelling) in [
            ("2.40", "2.4"),
            ("2,40", "2.4"),
            ("2,4", "2.4"),
            ("68.00", "68"),
            ("-0.50", "-0.5"),
            ("0,10", "0.1"),
            ("1000.000000000000000001", "1000.000000000000000001"),
        ] {
            assert_eq!(of(value), spelling);
        }
        for value in [
            "",
            "-",
            "7",
            "70",
            "007",
            "1.2.3",
            "10.0.0.1",
            "01.10",
            "1.",
            ".5",
            "-.5",
            "1,234.50",
            "$2.40",
            "2.40 EUR",
            "1e10",
            "v1.10",
            "1000.0000000000000000001000",
        ] {
            assert_eq!(of(value), value);
        }
    }

    proptest! {
        #[test]
        fn what_is_spelt_alike_is_one_number(
            a in "-?(0|[1-9][0-9]{0,3})[.,][0-9]{1,4}",
            b in "-?(0|[1-9][0-9]{0,3})[.,][0-9]{1,4}",
            zeros in "0{0,5}",
        ) {
            let number = |text: &str| Decimal::from_str_exact(&text.replace(',', ".")).expect("a number");
            prop_assert_eq!(of(&a) == of(&b), number(&a) == number(&b) && a.starts_with('-') == b.starts_with('-'));
            prop_assert_eq!(of(&format!("{a}{zeros}")), of(&a));
        }
    }
}
