//! Which part of a service period a line was active, under each proration rule.

use chrono::NaiveDate;

use super::terms::Share;

/// How a part of a period is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proration {
    /// In full.
    None,
    /// Active days ÷ the days the period has.
    ActualDays,
    /// Active days, at most 30, ÷ 30.
    ThirtyDays,
}

/// Do the first and the last day of a line count as active?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeDays {
    pub effective: bool,
    pub cancelled: bool,
}

/// The first and last active day within the period (both inclusive), `None` if the line was not active
/// in it at all. `start` and `end` are the period's first day and the day after its last.
pub fn active_days(
    start: NaiveDate,
    end: NaiveDate,
    effective: Option<NaiveDate>,
    cancelled: Option<NaiveDate>,
    edges: EdgeDays,
) -> Option<(NaiveDate, NaiveDate)> {
    let first = match effective {
        Some(day) if !edges.effective => day.succ_opt()?,
        Some(day) => day,
        None => start,
    };
    let last = match cancelled {
        Some(day) if !edges.cancelled => day.pred_opt()?,
        Some(day) => day,
        None => end.pred_opt()?,
    };
    let (first, last) = (first.max(start), last.min(end.pred_opt()?));
    (first <= last).then_some((first, last))
}

/// The share to bill of a period `start..end` for the active days `first..=last`.
pub fn share(rule: Proration, start: NaiveDate, end: NaiveDate, first: NaiveDate, last: NaiveDate) -> Share {
    let days = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days()).unwrap_or(0);
    let (whole, active) = (days(start, end), days(first, last) + 1);
    if active >= whole {
        return Share::WHOLE;
    }
    match rule {
        Proration::None => Share::WHOLE,
        Proration::ActualDays => Share { active, of: whole },
        Proration::ThirtyDays => Share { active: active.min(30), of: 30 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: EdgeDays = EdgeDays { effective: true, cancelled: true };

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, d).expect("a day")
    }

    fn march(rule: Proration, effective: u32, edges: EdgeDays) -> Share {
        let end = NaiveDate::from_ymd_opt(2026, 4, 1).expect("a day");
        let (first, last) = active_days(day(1), end, Some(day(effective)), None, edges).expect("active");
        share(rule, day(1), end, first, last)
    }

    #[test]
    fn the_17th_of_march_is_15_or_14_days_by_setting() {
        assert_eq!(march(Proration::ActualDays, 17, BOTH), Share { active: 15, of: 31 });
        let without = EdgeDays { effective: false, cancelled: true };
        assert_eq!(march(Proration::ActualDays, 17, without), Share { active: 14, of: 31 });
    }

    #[test]
    fn thirty_days_never_bills_more_than_thirty() {
        assert_eq!(march(Proration::ThirtyDays, 2, BOTH), Share { active: 30, of: 30 });
        assert_eq!(march(Proration::ThirtyDays, 17, BOTH), Share { active: 15, of: 30 });
        assert_eq!(march(Proration::None, 17, BOTH), Share::WHOLE);
        assert_eq!(march(Proration::ActualDays, 1, BOTH), Share::WHOLE);
    }

    #[test]
    fn a_line_outside_the_period_is_not_active() {
        let end = NaiveDate::from_ymd_opt(2026, 4, 1).expect("a day");
        assert_eq!(active_days(day(1), end, Some(end), None, BOTH), None);
        let before = NaiveDate::from_ymd_opt(2026, 2, 28).expect("a day");
        assert_eq!(active_days(day(1), end, None, Some(before), BOTH), None);
        assert_eq!(active_days(day(1), end, None, Some(day(1)), BOTH), Some((day(1), day(1))));
    }
}
