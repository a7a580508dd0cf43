//! The calendar a contract bills by: cycles of whole months, counted from its own anchor. Every boundary is
//! reckoned from the anchor itself and never from the one before, so that a contract of 31 January has its
//! quarters on 30 April, 31 July and 31 October, and one of 29 February keeps that day in leap years.

use chrono::{Datelike, Months, NaiveDate};

/// Bill cycles of some months each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    anchor: NaiveDate,
    months: u32,
}

/// One bill cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    calendar: Calendar,
    /// Months from the anchor to its start.
    offset: i32,
    pub start: NaiveDate,
    /// The day after its last.
    pub end: NaiveDate,
}

impl Calendar {
    /// Cycles of one month are calendar months, for that is what usage is metered by; longer ones begin on the
    /// anchor's day, and without an anchor with the calendar year.
    pub fn new(anchor: Option<NaiveDate>, months: u32) -> Self {
        let months = months.max(1);
        let anchor = anchor.unwrap_or_else(|| NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default());
        let anchor = if months == 1 { anchor.with_day(1).unwrap_or(anchor) } else { anchor };
        Self { anchor, months }
    }

    /// The cycle that a day lies in.
    pub fn containing(self, day: NaiveDate) -> Cycle {
        let length = self.months.cast_signed();
        let between =
            (day.year() - self.anchor.year()) * 12 + day.month0().cast_signed() - self.anchor.month0().cast_signed();
        let offset = between.div_euclid(length) * length;
        let cycle = self.at(offset);
        if cycle.start > day { self.at(offset - length) } else { cycle }
    }

    fn at(self, offset: i32) -> Cycle {
        let end = self.boundary(offset + self.months.cast_signed());
        Cycle { calendar: self, offset, start: self.boundary(offset), end }
    }

    /// The anchor moved by whole months; on the last day of a month that lacks the anchor's day.
    fn boundary(self, offset: i32) -> NaiveDate {
        let by = Months::new(offset.unsigned_abs());
        if offset < 0 {
            self.anchor.checked_sub_months(by).unwrap_or(NaiveDate::MIN)
        } else {
            self.anchor.checked_add_months(by).unwrap_or(NaiveDate::MAX)
        }
    }
}

impl Cycle {
    pub fn last_day(self) -> NaiveDate {
        self.end.pred_opt().unwrap_or(self.end)
    }

    pub fn contains(self, day: NaiveDate) -> bool {
        self.start <= day && day < self.end
    }

    /// First day and day after the last of each of its months.
    pub fn months(self) -> impl Iterator<Item = (NaiveDate, NaiveDate)> {
        let first = self.offset;
        (first..first + self.calendar.months.cast_signed())
            .map(move |month| (self.calendar.boundary(month), self.calendar.boundary(month + 1)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    /// The starts of the cycles from the one that holds `from` on.
    fn starts(anchor: &str, months: u32, from: &str, count: usize) -> Vec<String> {
        let calendar = Calendar::new(Some(day(anchor)), months);
        let first = calendar.containing(day(from));
        std::iter::successors(Some(first), |c| Some(calendar.containing(c.end)))
            .take(count)
            .map(|c| c.start.to_string())
            .collect()
    }

    #[test]
    fn an_anchor_at_a_months_end_comes_back_to_its_day() {
        assert_eq!(starts("2026-01-31", 3, "2026-02-01", 4), ["2026-01-31", "2026-04-30", "2026-07-31", "2026-10-31"]);
        assert_eq!(starts("2026-08-31", 6, "2026-09-01", 3), ["2026-08-31", "2027-02-28", "2027-08-31"]);
        assert_eq!(starts("2027-08-30", 6, "2027-09-01", 3), ["2027-08-30", "2028-02-29", "2028-08-30"]);
        assert_eq!(
            starts("2024-02-29", 12, "2024-02-29", 5),
            ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
        );
    }

    #[test]
    fn a_month_is_a_calendar_month_whatever_the_anchor() {
        assert_eq!(starts("2026-01-31", 1, "2026-02-15", 3), ["2026-02-01", "2026-03-01", "2026-04-01"]);
    }

    #[test]
    fn cycles_before_the_anchor_are_reckoned_from_it_too() {
        assert_eq!(starts("2026-05-31", 3, "2025-11-29", 3), ["2025-08-31", "2025-11-30", "2026-02-28"]);
        assert_eq!(Calendar::new(None, 3).containing(day("2026-05-05")).start, day("2026-04-01"));
    }

    proptest! {
        #[test]
        fn every_day_lies_in_one_cycle_and_its_months_tile_it(
            anchor in 0i64..3000, on in -3000i64..3000, months in proptest::sample::select(vec![1u32, 3, 6, 12]),
        ) {
            let base = day("2023-12-01");
            let calendar = Calendar::new(Some(base + chrono::Days::new(anchor.unsigned_abs())), months);
            let date = base + chrono::TimeDelta::days(on);
            let cycle = calendar.containing(date);
            prop_assert!(cycle.contains(date));
            prop_assert_eq!(calendar.containing(cycle.end).start, cycle.end);
            prop_assert_eq!(calendar.containing(cycle.last_day()), cycle);
            let parts: Vec<_> = cycle.months().collect();
            prop_assert_eq!(parts.len(), months as usize);
            prop_assert_eq!((parts[0].0, parts[parts.len() - 1].1), (cycle.start, cycle.end));
            prop_assert!(parts.windows(2).all(|p| p[0].1 == p[1].0));
        }
    }
}
