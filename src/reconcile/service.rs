//! Which span of time a line's amount of this period is for: its bill cycle counted from the contract's
//! start, in arrears or in advance, and the share of it the line is active.

use chrono::{Datelike, Months, NaiveDate};

use crate::book::{BillTiming, Config, Contract, Period};
use crate::rate::{self, EdgeDays, Share, active_days};

/// The span a line bills in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The cycle ends here (arrears), or the next begins (advance); else the line bills nothing now.
    pub due: bool,
    pub timing: BillTiming,
    pub start: NaiveDate,
    /// The last day.
    pub end: NaiveDate,
    pub share: Share,
    /// The share of the period itself that the line is active.
    pub now: Share,
    /// Under advance billing: the period was billed before it began.
    pub billed_before: bool,
}

impl Service {
    pub fn of(
        contract: &Contract,
        config: &Config,
        period: Period,
        effective: Option<NaiveDate>,
        cancelled: Option<NaiveDate>,
    ) -> Self {
        let months = contract.bill_cycle.months();
        // Without a day to count from cycles are those of the calendar year.
        let into_cycle = match contract.anchor() {
            Some(start) => period.months_since(Period::of(start)),
            None => period.start().month0().cast_signed(),
        };
        let due = (into_cycle + 1).rem_euclid(months.cast_signed()) == 0;
        let (start, end) = match contract.bill_timing {
            BillTiming::Arrears => (period.end() - Months::new(months), period.end()),
            BillTiming::Advance => (period.end(), period.end() + Months::new(months)),
        };
        let rule = contract.proration.unwrap_or(config.proration.rule);
        let last = end.pred_opt().unwrap_or(end);
        let active = active_days(start, end, effective, cancelled, edges(config));
        let share = match active {
            Some((first, last)) => rate::share(rule, start, end, first, last),
            None => Share { active: 0, of: 1 },
        };
        let (start, end) = active.filter(|_| !share.is_whole()).unwrap_or((start, last));
        let now = match active_days(period.start(), period.end(), effective, cancelled, edges(config)) {
            Some((first, last)) => rate::share(rule, period.start(), period.end(), first, last),
            None => Share { active: 0, of: 1 },
        };
        let billed_before = effective.is_none_or(|day| day < period.start());
        Self { due, timing: contract.bill_timing, start, end, share, now, billed_before }
    }
}

/// Whether a line's first and last day count, by the book's settings.
pub fn edges(config: &Config) -> EdgeDays {
    EdgeDays { effective: config.proration.include_effective_day, cancelled: config.proration.include_cancelled_day }
}
