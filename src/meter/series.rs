//! The readings of one meter (account, SKU, subscription) over the days of a period, for the rules that
//! look at days: the highest, the last, the average.

use chrono::NaiveDate;

use crate::book::Period;
use crate::rate::{ExactSum, Overflow};

/// Quantity changes by day: a reading adds at its first day and takes off at the day after its last.
/// Readings without an end are kept apart, since only the next one ends them.
#[derive(Debug, Clone, Default)]
pub struct Series {
    steps: Days,
    open: Days,
}

/// Sums by day, in order. A meter has few readings, and there may be millions of meters.
#[derive(Debug, Clone, Default)]
struct Days(Vec<(NaiveDate, ExactSum)>);

impl Days {
    fn at(&mut self, day: NaiveDate) -> &mut ExactSum {
        let index = self.0.binary_search_by_key(&day, |(d, _)| *d).unwrap_or_else(|free| {
            if self.0.capacity() == 0 {
                self.0.reserve_exact(2);
            }
            self.0.insert(free, (day, ExactSum::ZERO));
            free
        });
        &mut self.0[index].1
    }
}

impl Series {
    /// Adds a reading of `units`, clipped to the period; without `start` it holds for the whole of it.
    /// One that ends on the day it starts is a reading of that day.
    pub fn add(
        &mut self,
        period: Period,
        start: Option<NaiveDate>,
        end: Option<NaiveDate>,
        units: ExactSum,
    ) -> Result<(), Overflow> {
        let from = start.unwrap_or(period.start()).max(period.start());
        match (start, end) {
            (Some(_), None) => self.open.at(from).merge(units),
            _ => self.step(from, end_of_reading(period, start, end), units),
        }
    }

    /// The most units on any one day.
    pub fn highest(&self, period: Period) -> Result<ExactSum, Overflow> {
        let mut best: Option<ExactSum> = None;
        self.levels(period, |_, _, level| {
            if best.is_none_or(|b| level.minus(b).is_ok_and(ExactSum::is_positive)) {
                best = Some(level);
            }
            Ok(())
        })?;
        Ok(best.unwrap_or_default())
    }

    /// The units on the last day that any reading covers.
    pub fn last(&self, period: Period) -> Result<ExactSum, Overflow> {
        let mut last = ExactSum::ZERO;
        self.levels(period, |_, _, level| {
            last = level;
            Ok(())
        })?;
        Ok(last)
    }

    /// The units that the period ends with: none where they were taken off before its end. Readings of single days
    /// say nothing of the days after, and the last one holds.
    pub fn at_end(&self, period: Period) -> Result<ExactSum, Overflow> {
        let mut last = ExactSum::ZERO;
        self.levels(period, |from, to, level| {
            let one_day = (to - from).num_days() <= 1;
            last = if to >= period.end() || one_day { level } else { ExactSum::ZERO };
            Ok(())
        })?;
        Ok(last)
    }

    /// Units × days over the days of the period: divided by its days, the average.
    pub fn unit_days(&self, period: Period) -> Result<ExactSum, Overflow> {
        let mut sum = ExactSum::ZERO;
        self.levels(period, |from, to, level| sum.merge(level.times((to - from).num_days())?))?;
        Ok(sum)
    }

    fn step(&mut self, from: NaiveDate, to: NaiveDate, units: ExactSum) -> Result<(), Overflow> {
        if from >= to {
            return Ok(());
        }
        self.steps.at(from).merge(units)?;
        let off = self.steps.at(to);
        *off = off.minus(units)?;
        Ok(())
    }

    /// Calls `each` with every stretch of days on which the level stands, in order. A reading without an
    /// end holds until the next such reading, or the end of the period.
    fn levels(
        &self,
        period: Period,
        mut each: impl FnMut(NaiveDate, NaiveDate, ExactSum) -> Result<(), Overflow>,
    ) -> Result<(), Overflow> {
        let mut all = self.clone();
        let days = std::mem::take(&mut all.open).0;
        for (i, (from, units)) in days.iter().enumerate() {
            let to = days.get(i + 1).map_or(period.end(), |(next, _)| *next);
            all.step(*from, to, *units)?;
        }
        let mut level = ExactSum::ZERO;
        for pair in all.steps.0.windows(2) {
            level.merge(pair[0].1)?;
            each(pair[0].0, pair[1].0, level)?;
        }
        Ok(())
    }
}

/// The day after the last that a reading covers, within the period. An instant stands for its day.
pub(super) fn end_of_reading(period: Period, start: Option<NaiveDate>, end: Option<NaiveDate>) -> NaiveDate {
    let end = if end == start { end.and_then(|day| day.succ_opt()) } else { end };
    end.unwrap_or(period.end()).min(period.end())
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn october() -> Period {
        "2026-10".parse().expect("a period")
    }

    fn series(readings: &[(&str, &str, i64)]) -> Series {
        let mut out = Series::default();
        for (start, end, units) in readings {
            let day = |s: &str| s.parse::<NaiveDate>().ok();
            out.add(october(), day(start), day(end), ExactSum::of(Decimal::from(*units))).expect("fits");
        }
        out
    }

    fn all(s: &Series) -> [String; 3] {
        [s.highest(october()), s.last(october()), s.unit_days(october())].map(|v| v.expect("fits").to_string())
    }

    #[test]
    fn seats_added_within_the_period_stand_on_those_before_them() {
        let s = series(&[("2026-10-01", "2026-11-01", 5), ("2026-10-17", "2026-11-01", 3)]);
        // 5 × 31 + 3 × 15 = 200
        assert_eq!(all(&s), ["8", "8", "200"]);
    }

    #[test]
    fn a_reading_replaced_by_a_lower_one_is_lower_at_the_end() {
        let s = series(&[("2026-10-01", "2026-10-15", 9), ("2026-10-15", "2026-11-01", 4)]);
        assert_eq!(all(&s), ["9", "4", (9 * 14 + 4 * 17).to_string().as_str()]);
    }

    #[test]
    fn a_reading_without_an_end_holds_until_the_next() {
        let s = series(&[("2026-10-01", "", 9), ("2026-10-15", "", 4)]);
        assert_eq!(all(&s), ["9", "4", (9 * 14 + 4 * 17).to_string().as_str()]);
    }

    #[test]
    fn what_was_taken_off_within_the_period_is_gone_at_its_end() {
        let at_end = |readings: &[(&str, &str, i64)]| series(readings).at_end(october()).expect("fits").to_string();
        assert_eq!(at_end(&[("2026-10-01", "2026-10-15", 9), ("2026-10-15", "2026-11-01", 4)]), "4");
        assert_eq!(at_end(&[("2026-10-01", "2026-10-15", 9)]), "0");
        assert_eq!(at_end(&[("2026-10-01", "", 9), ("2026-10-15", "", 4)]), "4");
        assert_eq!(at_end(&[("2026-10-29", "2026-10-29", 9), ("2026-10-30", "2026-10-30", 4)]), "4");
        assert_eq!(at_end(&[("", "", 2)]), "2");
    }

    #[test]
    fn two_readings_of_one_day_add_up() {
        assert_eq!(all(&series(&[("2026-10-31", "", 2), ("2026-10-31", "", 3)])), ["5", "5", "5"]);
    }

    #[test]
    fn a_reading_that_ends_as_it_starts_is_of_that_day() {
        assert_eq!(all(&series(&[("2026-10-31", "2026-10-31", 6)])), ["6", "6", "6"]);
        let s = series(&[("2026-10-01", "2026-10-01", 9), ("2026-10-15", "2026-10-15", 4)]);
        assert_eq!(all(&s), ["9", "4", "13"]);
    }

    #[test]
    fn a_reading_without_dates_holds_all_month_and_days_outside_do_not_count() {
        assert_eq!(all(&series(&[("", "", 2)])), ["2", "2", "62"]);
        assert_eq!(all(&series(&[("2026-09-15", "2026-10-02", 7)])), ["7", "7", "7"]);
    }
}
