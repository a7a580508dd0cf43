//! How decimals and dates are written. Outputs hold millions of them, nearly all of a few digits: those are written
//! digit by digit, where the libraries' way goes through numbers of 128 bits and a formatter.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use super::Currency;

/// A decimal as outputs write it: no exponent, no trailing zeros after the point, no `-0`.
pub fn plain(value: Decimal) -> String {
    let mut out = Vec::with_capacity(24);
    write_plain(value, &mut out);
    text(out)
}

/// [`plain`], behind what stands in `out`.
pub fn write_plain(value: Decimal, out: &mut Vec<u8>) {
    match u64::try_from(value.mantissa().unsigned_abs()) {
        Ok(digits) => write_digits(value.is_sign_negative(), digits, value.scale(), 0, out),
        Err(_) => out.extend_from_slice(value.normalize().to_string().as_bytes()),
    }
}

/// Every digit that counts, and zeros up to the minor unit: `12.5` dollars are `12.50`, `0.001` stays.
pub fn money_text(value: Decimal, currency: Currency) -> String {
    let mut out = Vec::with_capacity(24);
    write_money(value, currency, &mut out);
    text(out)
}

/// [`money_text`], behind what stands in `out`.
pub fn write_money(value: Decimal, currency: Currency, out: &mut Vec<u8>) {
    let least = currency.minor_digits();
    if let Ok(digits) = u64::try_from(value.mantissa().unsigned_abs()) {
        return write_digits(value.is_sign_negative(), digits, value.scale(), least, out);
    }
    let mut value = value.normalize();
    if value.scale() < least {
        value.rescale(least);
    }
    out.extend_from_slice(value.to_string().as_bytes());
}

/// A date as ISO 8601 has it: `2026-10-31`.
pub fn iso_date(date: NaiveDate) -> String {
    let mut out = Vec::with_capacity(10);
    write_date(date, &mut out);
    text(out)
}

/// ISO 8601, behind what stands in `out`.
pub fn write_date(date: NaiveDate, out: &mut Vec<u8>) {
    let Some(year) = u32::try_from(date.year()).ok().filter(|year| (1000..=9999).contains(year)) else {
        return out.extend_from_slice(date.to_string().as_bytes());
    };
    let digit = |n: u32| b'0' + u8::try_from(n % 10).unwrap_or(0);
    let (month, day) = (date.month(), date.day());
    write_plain(year.into(), out);
    out.extend_from_slice(&[b'-', digit(month / 10), digit(month), b'-', digit(day / 10), digit(day)]);
}

/// A decimal with the digits it was read with, zeros at its end too: no exponent, no `-0`.
pub fn as_read(value: Decimal) -> String {
    if value.is_zero() { value.abs().to_string() } else { value.to_string() }
}

fn text(digits: Vec<u8>) -> String {
    String::from_utf8(digits).expect("digits and signs are ASCII")
}

/// So many digits behind the point at most, and as many before it.
const DIGITS: usize = 28;

/// Writes digits of which the last `scale` stand behind the point: at least `least` of them, and no zeros beyond these.
fn write_digits(negative: bool, mut digits: u64, mut scale: u32, least: u32, out: &mut Vec<u8>) {
    while scale > least && digits.is_multiple_of(10) {
        digits /= 10;
        scale -= 1;
    }
    if negative && digits != 0 {
        out.push(b'-');
    }
    let mut text = [b'0'; 2 * DIGITS + 1];
    let mut at = text.len();
    // What lies between the digits there are and those there must be are zeros.
    at -= (least.saturating_sub(scale) as usize).min(DIGITS);
    if scale > 0 || least > 0 {
        for _ in 0..scale {
            at -= 1;
            text[at] = b'0' + low_digit(digits);
            digits /= 10;
        }
        at -= 1;
        text[at] = b'.';
    }
    loop {
        at -= 1;
        text[at] = b'0' + low_digit(digits);
        digits /= 10;
        if digits == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

fn low_digit(digits: u64) -> u8 {
    u8::try_from(digits % 10).expect("below ten")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zeros_are_written_only_where_they_are_asked_for() {
        let usd = Currency::parse("USD").expect("a code");
        let yen = Currency::parse("JPY").expect("a code");
        for (value, as_plain, as_dollars, as_yen) in [
            ("0", "0", "0.00", "0"),
            ("-0.00", "0", "0.00", "0"),
            ("100", "100", "100.00", "100"),
            ("-12.500", "-12.5", "-12.50", "-12.5"),
            ("0.0010", "0.001", "0.001", "0.001"),
            ("18446744073709551615", "18446744073709551615", "18446744073709551615.00", "18446744073709551615"),
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
        ] {
            let value = Decimal::from_str_exact(value).expect("a decimal");
            assert_eq!((plain(value).as_str(), money_text(value, usd).as_str()), (as_plain, as_dollars));
            assert_eq!(money_text(value, yen), as_yen);
        }
    }

    proptest! {
        #[test]
        fn digits_are_those_that_the_library_writes(
            mantissa in prop_oneof![-1000i128..1000, -(1i128 << 66)..(1i128 << 66), -(1i128 << 96) + 1..(1i128 << 96)],
            zeros in 0u32..4,
            scale in 0u32..=28,
            code in prop_oneof![Just(""), Just("USD"), Just("JPY"), Just("KWD"), Just("CLF")],
        ) {
            let mantissa = mantissa / 10i128.pow(zeros) * 10i128.pow(zeros);
            let value = Decimal::from_i128_with_scale(mantissa, scale);
            let currency = Currency::parse(code).expect("a code");
            prop_assert_eq!(plain(value), value.normalize().to_string());
            let mut money = value.normalize();
            if money.scale() < currency.minor_digits() {
                money.rescale(currency.minor_digits());
            }
            prop_assert_eq!(money_text(value, currency), money.to_string());
        }

        #[test]
        fn a_date_is_written_as_iso_has_it(days in -800_000i32..4_000_000) {
            let Some(date) = NaiveDate::from_num_days_from_ce_opt(days) else { return Ok(()) };
            prop_assert_eq!(iso_date(date), date.to_string());
        }
    }
}
