//! Stored values of cells to exact text. Spreadsheets keep every number as a binary float; what is handed on
//! is the shortest decimal that gives this float back, which for anything typed in is what was typed in.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate, NaiveTime};
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

/// Whole numbers from here on have lost digits: spreadsheets keep 15.
const SPOILT: &str = "1000000000000000";

/// Stands for the value of a formula that the program which wrote the file never worked out.
pub(super) const NOT_WORKED_OUT: &str = "#NOT-CALCULATED!";

/// The shortest decimal that is this float, as plain digits. From 10^15 on, where not every digit is known,
/// in the exponent notation that a spreadsheet shows, so that nobody takes it for an id.
pub(in crate::ingest) fn float_text(value: f64) -> String {
    let plain = value.to_string();
    let whole = plain.trim_start_matches('-').split('.').next().unwrap_or_default();
    if !value.is_finite() || whole.len() < SPOILT.len() {
        return if plain == "-0" { "0".to_string() } else { plain };
    }
    format!("{value:E}").replacen('E', "E+", 1)
}

/// A number as it stands in a workbook's XML: kept if it is plain and short, else by [`float_text`].
pub(super) fn number_text(stored: &str) -> String {
    let stored = stored.trim();
    let digits = stored.strip_prefix('-').unwrap_or(stored);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.len() <= 15;
    if plain {
        return stored.to_string();
    }
    match stored.parse::<f64>() {
        Ok(value) if value.is_finite() => float_text(value),
        _ => stored.to_string(),
    }
}

/// What a number's format says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFormat {
    Plain,
    /// A serial of days.
    Date,
    /// Hours, minutes or seconds that do not begin again each day.
    Elapsed,
}

impl NumberFormat {
    /// By the number of a format that needs no code.
    pub fn builtin(id: u32) -> Self {
        match id {
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => NumberFormat::Date,
            46 => NumberFormat::Elapsed,
            _ => NumberFormat::Plain,
        }
    }

    /// By its code: any part of a date outside quotes, escapes and brackets.
    pub fn of(code: &str) -> Self {
        let mut chars = code.split(';').next().unwrap_or_default().chars();
        while let Some(c) = chars.next() {
            match c.to_ascii_lowercase() {
                '"' => {
                    chars.by_ref().find(|c| *c == '"');
                }
                '\\' | '_' | '*' => {
                    chars.next();
                }
                '[' => {
                    let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                    let inside = inside.to_ascii_lowercase();
                    if !inside.is_empty() && ["h", "m", "s"].iter().any(|u| inside.chars().all(|c| u.contains(c))) {
                        return NumberFormat::Elapsed;
                    }
                }
                'd' | 'm' | 'y' | 'h' | 's' => return NumberFormat::Date,
                // `General`, and exponents, hold none of these letters but this one.
                'e' if code.contains(['y', 'Y']) => return NumberFormat::Date,
                _ => {}
            }
        }
        NumberFormat::Plain
    }
}

/// A serial of days as an ISO date, with its time if it has one; a serial below one day as a time. `None` where
/// it is no day that ever was.
pub(super) fn serial_text(stored: &str, from_1904: bool) -> Option<String> {
    let serial = Decimal::from_str_exact(&number_text(stored)).ok()?;
    if serial.is_sign_negative() {
        return None;
    }
    let millis = serial
        .checked_mul(Decimal::from(86_400_000))?
        .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
        .to_u64()?;
    let (day, millis) = (millis / 86_400_000, u32::try_from(millis % 86_400_000).ok()?);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(millis / 1000, millis % 1000 * 1_000_000)?;
    let time_text = if millis % 1000 == 0 { time.format("%H:%M:%S") } else { time.format("%H:%M:%S%.3f") };
    if day == 0 && !from_1904 {
        return Some(time_text.to_string());
    }
    let date = match (from_1904, day) {
        (true, day) => NaiveDate::from_ymd_opt(1904, 1, 1)?.checked_add_days(Days::new(day))?,
        // The 1900 system counts a 29th of February 1900, which was not.
        (false, 60) => return None,
        (false, 1..60) => NaiveDate::from_ymd_opt(1899, 12, 31)?.checked_add_days(Days::new(day))?,
        (false, day) => NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(day))?,
    };
    // Spreadsheets know no year of five digits.
    if date >= NaiveDate::from_ymd_opt(10_000, 1, 1)? {
        return None;
    }
    Some(if millis == 0 { date.to_string() } else { format!("{date}T{time_text}") })
}

/// Elapsed days as `hours:minutes:seconds`.
pub(super) fn elapsed_text(stored: &str) -> Option<String> {
    let days = Decimal::from_str_exact(&number_text(stored)).ok()?;
    let seconds = days
        .abs()
        .checked_mul(Decimal::from(86_400))?
        .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
        .to_u64()?;
    let mut text = String::new();
    if days.is_sign_negative() {
        text.push('-');
    }
    write!(text, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_shortest_text_of_what_is_stored() {
        for (stored, text) in [
            ("12", "12"),
            ("-0.5", "-0.5"),
            ("1.1000000000000001", "1.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("7.2900000000000003E-9", "0.00000000729"),
            ("1E3", "1000"),
            ("123456789012345", "123456789012345"),
            ("999999999999999", "999999999999999"),
            ("1.23456789012346E+17", "1.23456789012346E+17"),
            ("1000000000000000", "1E+15"),
            ("-0", "-0"),
            ("1e999", "1e999"),
            ("n/a", "n/a"),
        ] {
            assert_eq!(number_text(stored), text, "{stored}");
        }
        assert_eq!(float_text(-0.0), "0");
        assert_eq!(float_text(f64::NAN), "NaN");
    }

    #[test]
    fn serials_are_days_of_their_system() {
        for (serial, from_1904, text) in [
            ("46296", false, Some("2026-10-01")),
            ("46296.5", false, Some("2026-10-01T12:00:00")),
            ("46296.000011574", false, Some("2026-10-01T00:00:01")),
            ("44834", true, Some("2026-10-01")),
            ("1", false, Some("1900-01-01")),
            ("59", false, Some("1900-02-28")),
            ("60", false, None),
            ("61", false, Some("1900-03-01")),
            ("0", true, Some("1904-01-01")),
            ("0.25", false, Some("06:00:00")),
            ("-1", false, None),
            ("2958466", false, None),
            ("1E+300", false, None),
        ] {
            assert_eq!(serial_text(serial, from_1904).as_deref(), text, "{serial}");
        }
        assert_eq!(elapsed_text("1.5").as_deref(), Some("36:00:00"));
    }

    #[test]
    fn a_formats_code_says_whether_it_is_a_date() {
        for code in ["yyyy-mm-dd", "d/m/yy h:mm", "[$-409]mmm d, yyyy;@", "[Red]dd.mm.", "h:mm AM/PM"] {
            assert_eq!(NumberFormat::of(code), NumberFormat::Date, "{code}");
        }
        for code in ["General", "0.00E+00", "#,##0.00 \"days\"", "[Red]0.00", "0\\d", "_-* #,##0_-", "@", "0;[Red]d"] {
            assert_eq!(NumberFormat::of(code), NumberFormat::Plain, "{code}");
        }
        for code in ["[h]:mm:ss", "[mm]:ss"] {
            assert_eq!(NumberFormat::of(code), NumberFormat::Elapsed, "{code}");
        }
    }
}
