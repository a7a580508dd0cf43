//! A billing month.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

/// A billing month, `YYYY-MM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i32,
    month: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a period; write it as YYYY-MM, for example 2026-10")]
pub struct BadPeriod(String);

impl Period {
    /// `None` unless 1 ≤ month ≤ 12 and 1900 ≤ year ≤ 9998.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        ((1900..=9998).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    pub fn of(date: NaiveDate) -> Self {
        Self { year: date.year(), month: date.month() }
    }

    /// The month before; `None` before the first there is.
    pub fn previous(self) -> Option<Self> {
        if self.month == 1 { Self::new(self.year - 1, 12) } else { Self::new(self.year, self.month - 1) }
    }

    /// As it is written: `2026-10`.
    pub fn text(self) -> String {
        let Some(year) = u32::try_from(self.year).ok().filter(|year| *year < 10_000) else {
            return format!("{:04}-{:02}", self.year, self.month);
        };
        let digit = |n: u32| char::from_digit(n % 10, 10).unwrap_or('0');
        let mut text = String::with_capacity(7);
        text.extend([year / 1000, year / 100, year / 10, year].map(digit));
        text.push('-');
        text.extend([self.month / 10, self.month].map(digit));
        text
    }

    /// The first day.
    pub fn start(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or(NaiveDate::MIN)
    }

    /// The day after the last.
    pub fn end(self) -> NaiveDate {
        let next = Self { year: self.year + i32::from(self.month == 12), month: self.month % 12 + 1 };
        next.start()
    }

    pub fn last_day(self) -> NaiveDate {
        self.end().pred_opt().unwrap_or(NaiveDate::MIN)
    }

    pub fn days(self) -> u32 {
        u32::try_from((self.end() - self.start()).num_days()).unwrap_or(30)
    }

    pub fn contains(self, date: NaiveDate) -> bool {
        Self::of(date) == self
    }

    /// Months from `earlier` to `self`; negative if `self` is the earlier one.
    pub fn months_since(self, earlier: Self) -> i32 {
        (self.year - earlier.year) * 12 + self.month.cast_signed() - earlier.month.cast_signed()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadPeriod(text.to_string());
        let (year, month) = text.trim().split_once('-').ok_or_else(bad)?;
        if year.len() != 4 || month.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(bad());
        }
        Self::new(year.parse().map_err(|_| bad())?, month.parse().map_err(|_| bad())?).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Days, Months, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_month_ends_where_the_next_begins(days in -400_000i32..3_700_000) {
            let Some(date) = NaiveDate::from_num_days_from_ce_opt(days) else { return Ok(()) };
            let period = Period::of(date);
            prop_assert_eq!(period.end(), period.start() + Months::new(1));
            prop_assert_eq!(period.last_day() + Days::new(1), period.end());
            prop_assert_eq!(period.text(), format!("{:04}-{:02}", date.year(), date.month()));
        }
    }
}
