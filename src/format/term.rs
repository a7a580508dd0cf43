//! Commitment terms: ISO 8601 durations, however the PSA, the vendor or the admin writes them. What one term is and
//! how many months it has is said here alone.

/// Terms longer than a century are no terms.
const MOST_MONTHS: u32 = 1200;

/// A term as the shortest ISO 8601 duration (`P12M` is `P1Y`), from durations and from words; other text in upper
/// case, and empty stays empty.
pub fn canonical_term(text: &str) -> String {
    match months_of_term(text) {
        Some(months) if months % 12 == 0 => format!("P{}Y", months / 12),
        Some(months) => format!("P{months}M"),
        None => text.trim().to_uppercase(),
    }
}

/// The months of a term; `None` if it states none, or is no term.
pub fn months_of_term(text: &str) -> Option<u32> {
    let folded: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let months = match folded.as_str() {
        "monthly" | "month" | "onemonth" => 1,
        "quarterly" | "quarter" => 3,
        "semiannual" | "semiannually" => 6,
        "annual" | "annually" | "yearly" | "year" | "oneyear" => 12,
        "biennial" | "biennially" | "twoyear" | "twoyears" => 24,
        "triennial" | "triennially" | "threeyear" | "threeyears" => 36,
        other => {
            let (is_iso, other) = other.strip_prefix('p').map_or((false, other), |rest| (true, rest));
            let digits = other.find(|c: char| !c.is_ascii_digit()).unwrap_or(other.len());
            let (number, unit) = other.split_at(digits);
            let months_each = match (unit, is_iso) {
                ("m", true) | ("month" | "months", false) => 1,
                ("y", true) | ("year" | "years", false) => 12,
                _ => return None,
            };
            number.parse::<u32>().ok()?.checked_mul(months_each)?
        }
    };
    (1..=MOST_MONTHS).contains(&months).then_some(months)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_words_of_one_term_are_one() {
        for (term, texts) in [
            ("P1M", &["P1M", "p1m", "Monthly", "1 month", "One-Month"][..]),
            ("P3M", &["P3M", "Quarterly", "3 months"]),
            ("P1Y", &["P1Y", "P12M", " annual ", "12 Months", "1 Year", "one year"]),
            ("P2Y", &["P2Y", "P24M", "2 years", "Biennial"]),
            ("P3Y", &["P3Y", "P36M", "3-Year", "triennial"]),
            ("P18M", &["P18M", "18 months"]),
        ] {
            for text in texts {
                assert_eq!(canonical_term(text), term, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_term_stands_as_it_is_and_has_no_months() {
        for text in
            ["", "Trial", "P", "PM", "P0M", "P1W", "P1Y6M", "Y1", "M", "P9999Y", "99999999999 months", "12", "P12"]
        {
            assert_eq!((canonical_term(text), months_of_term(text)), (text.to_uppercase(), None), "{text}");
        }
    }
}
