//! One spelling of a number that stands in a cell of which nothing is known: programs that save an export again write `2.40`
//! as `2.4` or `2,4`, and it is the same row.

/// Bytes of the longest number that is looked at.
const LONGEST: usize = 24;

/// Where a number is written again.
pub(super) type Room = [u8; LONGEST];

/// The value as it is to be told from others: a plain number with a fraction has a decimal point and no zeros at its end.
/// Anything else, and so every number that may be an id, stands as it is.
#[inline]
pub(super) fn spelt<'a>(value: &'a [u8], room: &'a mut Room) -> &'a [u8] {
    match value {
        [b'0'..=b'9' | b'-', .., b'0'..=b'9'] if value.len() <= LONGEST => again(value, room),
        _ => value,
    }
}

fn again<'a>(value: &'a [u8], room: &'a mut Room) -> &'a [u8] {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let Some(separator) = digits.iter().position(|b| matches!(b, b'.' | b',')) else { return value };
    let (whole, fraction) = (&digits[..separator], &digits[separator + 1..]);
    let are_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !are_digits(whole) || !are_digits(fraction) || (whole.len() > 1 && whole[0] == b'0') {
        return value;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn of(value: &str) -> String {
        String::from_utf8(spelt(value.as_bytes(), &mut [0; LONGEST]).to_vec()).expect("text")
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
