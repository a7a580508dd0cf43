//! Which days a line is active, and which share of a bill cycle they are under each proration rule.

use chrono::NaiveDate;

use super::cycle::Cycle;
use super::terms::Share;

/// How a part of a cycle is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proration {
    /// In full.
    None,
    /// Active days ÷ the days the cycle has.
    ActualDays,
    /// Every month counts 30: a whole one 30, a part of one its active days, at most 30.
    ThirtyDays,
}

/// Do the first and the last day of a line count as active?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeDays {
    pub effective: bool,
    pub cancelled: bool,
}

/// The first and last active day of a line, both inclusive; `None` is open. No day at all where the first is
/// after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveDays {
    pub first: Option<NaiveDate>,
    pub last: Option<NaiveDate>,
}

impl ActiveDays {
    /// The days between an effective and a cancelled date, of which either day may not count.
    pub fn between(effective: Option<NaiveDate>, cancelled: Option<NaiveDate>, edges: EdgeDays) -> Self {
        let first = effective.map(|day| if edges.effective { day } else { day.succ_opt().unwrap_or(day) });
        let last = cancelled.map(|day| if edges.cancelled { day } else { day.pred_opt().unwrap_or(day) });
        Self { first, last }
    }

    /// The same, and no day after `last`.
    #[must_use]
    pub fn until(self, last: Option<NaiveDate>) -> Self {
        let last = match (self.last, last) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { last, ..self }
    }

    pub fn is_empty(self) -> bool {
        matches!((self.first, self.last), (Some(first), Some(last)) if first > last)
    }

    /// The first and last active day within `start..end`, both inclusive; `None` if there is none.
    pub fn within(self, start: NaiveDate, end: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let whole_last = end.pred_opt()?;
        let first = self.first.map_or(start, |day| day.max(start));
        let last = self.last.map_or(whole_last, |day| day.min(whole_last));
        (first <= last).then_some((first, last))
    }
}

/// The share of a cycle to bill for the days `active`, both inclusive.
pub fn share(rule: Proration, cycle: Cycle, active: Option<(NaiveDate, NaiveDate)>) -> Share {
    let Some((first, last)) = active.filter(|(first, last)| first <= last) else { return Share::NONE };
    let (first, last) = (first.max(cycle.start), last.min(cycle.last_day()));
    let days = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days().max(0)).unwrap_or(0);
    let (whole, part) = (days(cycle.start, cycle.end), days(first, last) + 1);
    if last < first {
        return Share::NONE;
    }
    if part >= whole {
        return Share::WHOLE;
    }
    match rule {
        Proration::None => Share::WHOLE,
        Proration::ActualDays => Share { active: part, of: whole },
        Proration::ThirtyDays => {
            let in_month = |(start, end): (NaiveDate, NaiveDate)| {
                let (from, to) = (first.max(start), last.succ_opt().unwrap_or(last).min(end));
                if (from, to) == (start, end) { 30 } else { days(from, to).min(30) }
            };
            let (active, months) = cycle.months().map(in_month).fold((0, 0), |(sum, n), d| (sum + d, n + 1));
            Share { active, of: 30 * months }
        }
    }
}

impl Share {
    /// Nothing at all.
    pub const NONE: Self = Self { active: 0, of: 1 };

    pub fn is_none(self) -> bool {
        self.active == 0
    }

    /// The share of a month as a share of a cycle of `months`.
    #[must_use]
    pub fn of_months(self, months: u32) -> Self {
        Self { active: self.active, of: self.of * months.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Calendar;
    use super::*;

    const BOTH: EdgeDays = EdgeDays { effective: true, cancelled: true };

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    /// `15/31`: the share of the cycle that holds `on`, or `whole`.
    fn of(rule: Proration, months: u32, on: &str, first: &str, last: &str, edges: EdgeDays) -> String {
        let cycle = Calendar::new(Some(day("2024-01-01")), months).containing(day(on));
        let date = |text: &str| (!text.is_empty()).then(|| day(text));
        let active = ActiveDays::between(date(first), date(last), edges).within(cycle.start, cycle.end);
        let share = share(rule, cycle, active);
        if share == Share::WHOLE { "whole".into() } else { format!("{}/{}", share.active, share.of) }
    }

    #[test]
    fn the_17th_of_march_is_15_or_14_days_by_setting() {
        let march = |edges| of(Proration::ActualDays, 1, "2026-03-01", "2026-03-17", "", edges);
        assert_eq!(march(BOTH), "15/31");
        assert_eq!(march(EdgeDays { effective: false, cancelled: true }), "14/31");
        let until = |edges| of(Proration::ActualDays, 1, "2026-03-01", "", "2026-03-17", edges);
        assert_eq!(until(BOTH), "17/31");
        assert_eq!(until(EdgeDays { effective: true, cancelled: false }), "16/31");
    }

    #[test]
    fn one_day_and_none() {
        let one = |cancelled| {
            let edges = EdgeDays { effective: true, cancelled };
            of(Proration::ActualDays, 1, "2026-03-01", "2026-03-17", "2026-03-17", edges)
        };
        assert_eq!((one(true).as_str(), one(false).as_str()), ("1/31", "0/1"));
        assert_eq!(of(Proration::None, 1, "2026-03-01", "2026-03-31", "", BOTH), "whole");
        // Cancelled before it began, or in another month: nothing under any rule.
        for rule in [Proration::None, Proration::ActualDays, Proration::ThirtyDays] {
            assert_eq!(of(rule, 1, "2026-03-01", "2026-03-17", "2026-03-10", BOTH), "0/1");
            assert_eq!(of(rule, 1, "2026-03-01", "2026-04-01", "", BOTH), "0/1");
            assert_eq!(of(rule, 1, "2026-03-01", "", "2026-02-28", BOTH), "0/1");
        }
    }

    #[test]
    fn thirty_days_counts_active_days_and_never_more_than_thirty_a_month() {
        let of = |months, on, first, last| of(Proration::ThirtyDays, months, on, first, last, BOTH);
        assert_eq!(of(1, "2026-03-01", "2026-03-02", ""), "30/30");
        assert_eq!(of(1, "2026-03-01", "2026-03-17", ""), "15/30");
        assert_eq!(of(1, "2026-03-01", "2026-03-31", ""), "1/30");
        // February: a whole one is a month, a part of one its days.
        assert_eq!(of(1, "2026-02-01", "", ""), "whole");
        assert_eq!(of(1, "2026-02-01", "2026-02-02", ""), "27/30");
        assert_eq!(of(1, "2028-02-01", "2028-02-02", ""), "28/30");
        // February to March of a quarter: 30 + 30 of 90; from the 10th: 19 + 30.
        assert_eq!(of(3, "2026-02-01", "2026-02-01", ""), "60/90");
        assert_eq!(of(3, "2026-02-01", "2026-02-10", ""), "49/90");
    }

    #[test]
    fn a_year_has_the_days_it_has() {
        let from = |start: &str| of(Proration::ActualDays, 12, start, start, "", BOTH);
        assert_eq!((from("2026-12-31").as_str(), from("2028-03-01").as_str()), ("1/365", "306/366"));
    }

    proptest! {
        /// A cycle that is cut at any day adds up to the whole by actual days.
        #[test]
        fn two_parts_are_the_whole(cut in 1u64..364, months in proptest::sample::select(vec![1u32, 3, 6, 12]), on in 0u64..2000) {
            let cycle = Calendar::new(Some(day("2024-01-31")), months).containing(day("2024-01-31") + chrono::Days::new(on));
            let cut = cycle.start + chrono::Days::new(cut % ((cycle.end - cycle.start).num_days().unsigned_abs() - 1));
            let before = share(Proration::ActualDays, cycle, Some((cycle.start, cut)));
            let after = share(Proration::ActualDays, cycle, Some((cut.succ_opt().expect("a day"), cycle.last_day())));
            prop_assert_eq!(before.of, after.of);
            prop_assert_eq!(before.active + after.active, before.of);
        }

        /// Under either rule a longer stretch is never a smaller share.
        #[test]
        fn a_day_more_is_never_less(days in 0u64..364, months in proptest::sample::select(vec![1u32, 3, 6, 12])) {
            let cycle = Calendar::new(Some(day("2026-01-01")), months).containing(day("2026-01-01"));
            let last = cycle.start + chrono::Days::new(days);
            for rule in [Proration::None, Proration::ActualDays, Proration::ThirtyDays] {
                let one = share(rule, cycle, Some((cycle.start, last)));
                let more = share(rule, cycle, Some((cycle.start, last.succ_opt().expect("a day"))));
                let scaled = |a: Share, b: Share| u64::from(a.active) * u64::from(b.of);
                prop_assert!(scaled(one, more) <= scaled(more, one), "{rule:?} {one:?} {more:?}");
                prop_assert!(more.active <= more.of);
            }
        }
    }
}
