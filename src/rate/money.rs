//! Currencies, and the one place where money is rounded: an amount becomes a line in the currency's
//! minor unit.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

/// An ISO 4217 alphabetic code, upper case. `Currency::NONE` stands for rows without one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Currency([u8; 3]);

/// ISO 4217 codes in use whose minor unit is not 2 digits, and their digits.
const OTHER_MINOR_UNITS: &[(&str, u32)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// The active ISO 4217 alphabetic codes of national currencies (list one, 2024).
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP \
BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK \
LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN \
PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL";

/// Looks a code up by halving: `CODES` is in order, a code every four bytes.
fn is_code(code: [u8; 3]) -> bool {
    let codes = CODES.as_bytes();
    let (mut low, mut high) = (0, codes.len().div_ceil(4));
    while low < high {
        let middle = usize::midpoint(low, high);
        match codes[middle * 4..middle * 4 + 3].cmp(&code[..]) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    false
}

impl Currency {
    pub const NONE: Self = Self([0; 3]);

    /// Reads an ISO 4217 code in any case, trimmed; empty is `NONE`. `None` if it is not a code in use.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Self::NONE);
        }
        let mut code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.make_ascii_uppercase();
        is_code(code).then_some(Self(code))
    }

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    pub fn code(&self) -> &str {
        if self.is_none() { "" } else { std::str::from_utf8(&self.0).unwrap_or_default() }
    }

    /// Digits after the point of the minor unit (ISO 4217); 2 where the currency is unknown.
    pub fn minor_digits(self) -> u32 {
        OTHER_MINOR_UNITS.iter().find(|(c, _)| c.as_bytes() == self.0).map_or(2, |(_, d)| *d)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.code())
    }
}

/// How an amount becomes a whole number of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    #[default]
    HalfAwayFromZero,
    HalfEven,
}

impl Rounding {
    pub fn strategy(self) -> RoundingStrategy {
        match self {
            Rounding::HalfAwayFromZero => RoundingStrategy::MidpointAwayFromZero,
            Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
        }
    }

    /// The amount of a line: rounded to the currency's minor unit and shown with all its digits.
    pub fn line(self, amount: Decimal, currency: Currency) -> Decimal {
        let digits = currency.minor_digits();
        let mut rounded = amount.round_dp_with_strategy(digits, self.strategy());
        if rounded.is_zero() {
            rounded.set_sign_positive(true);
        }
        rounded.rescale(digits);
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    #[test]
    fn a_line_is_rounded_half_away_from_zero_by_default() {
        let usd = Currency::parse("usd").expect("a code");
        assert_eq!(Rounding::HalfAwayFromZero.line(d("257.125"), usd).to_string(), "257.13");
        assert_eq!(Rounding::HalfAwayFromZero.line(d("-257.125"), usd).to_string(), "-257.13");
        assert_eq!(Rounding::HalfEven.line(d("257.125"), usd).to_string(), "257.12");
        assert_eq!(Rounding::HalfEven.line(d("-0.001"), usd).to_string(), "0.00");
    }

    #[test]
    fn minor_units_follow_the_currency() {
        let line = |c: &str, v: &str| Rounding::default().line(d(v), Currency::parse(c).expect("a code")).to_string();
        assert_eq!(line("JPY", "12.5"), "13");
        assert_eq!(line("KWD", "1.23456"), "1.235");
        assert_eq!(line("EUR", "3"), "3.00");
    }

    #[test]
    fn every_code_of_the_list_is_found() {
        let codes: Vec<&str> = CODES.split(' ').collect();
        assert!(codes.is_sorted() && codes.iter().all(|c| c.len() == 3), "{codes:?}");
        for code in codes {
            let lower = code.to_ascii_lowercase();
            assert_eq!(Currency::parse(&lower).expect("a code").code(), code);
        }
    }

    #[test]
    fn only_codes_in_use_are_currencies() {
        assert!(Currency::parse("US$").is_none());
        assert!(Currency::parse("ABC").is_none());
        assert_eq!(Currency::parse(" ").map(Currency::is_none), Some(true));
    }
}
