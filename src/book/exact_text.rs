//! Numbers and dates of the book's own tables, exactly or not at all.

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// A plain decimal with a point; thousands commas only where they group by three; one currency sign.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let unsigned = unsigned.strip_prefix(['$', '€', '£', '¥']).unwrap_or(unsigned).trim_start();
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = groups.clone().count() > 0;
    if !digits(first) || (grouped && first.len() > 3) || !groups.all(|g| g.len() == 3 && digits(g)) {
        return None;
    }
    if !fraction.is_none_or(digits) {
        return None;
    }
    let value = Decimal::from_str_exact(&unsigned.replace(',', "")).ok()?;
    Some(if negative && !value.is_zero() { -value } else { value })
}

/// `YYYY-MM-DD`, also as the date part of an ISO 8601 time.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let (day, time) = text.split_at_checked(10)?;
    if !(time.is_empty() || time.starts_with('T') || time.starts_with(' ')) {
        return None;
    }
    let shaped = day.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shaped { NaiveDate::parse_from_str(day, "%Y-%m-%d").ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_exactly_or_refused() {
        for (text, plain) in [
            ("12.50", "12.50"),
            ("1,234.5", "1234.5"),
            ("$1,000", "1000"),
            ("-$3", "-3"),
            ("0.000", "0.000"),
            ("-0", "0"),
        ] {
            assert_eq!(number(text).map(|d| d.to_string()).as_deref(), Some(plain), "{text}");
        }
        for text in ["", "12..5", "1,23", "1234,567", "1e3", "12.", ".5", "1_000", "abc", "1,234,56", "12,5", "--1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_an_iso_date_of_a_day_that_exists() {
        assert_eq!(date("2026-10-31"), NaiveDate::from_ymd_opt(2026, 10, 31));
        assert_eq!(date("2026-10-31T00:00:00Z"), NaiveDate::from_ymd_opt(2026, 10, 31));
        for text in ["", "2026-02-30", "31.10.2026", "2026-10-3", "2026-10-311", "+026-10-31"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
