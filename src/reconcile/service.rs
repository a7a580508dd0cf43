//! Which span of time a line bills in a period: its bill cycle counted from the contract's anchor, in arrears
//! or in advance, the share of it the line is active, and under advance billing what was billed before and
//! has turned out otherwise.
//!
//! In arrears a cycle is billed in the period in which it ends, or in which the contract does. In advance it is
//! billed in the period before it starts, and a line that begins later bills the rest of the cycle in the period
//! it begins. What was billed before is worked out from the dates alone: a cancellation is not known until the
//! period it falls in, and then gives back the days that are left.

use chrono::{Days, Months, NaiveDate};

use crate::book::{BillTiming, Config, Contract, Period};
use crate::rate::{self, ActiveDays, Calendar, Cycle, EdgeDays, Proration, Share};

/// What a line bills in a period, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// A cycle is billed now; else the line bills nothing by itself.
    pub due: bool,
    pub timing: BillTiming,
    /// Months of a bill cycle.
    pub months: u32,
    /// Of the cycle billed now, the days the line is active.
    pub start: NaiveDate,
    /// The last day.
    pub end: NaiveDate,
    pub share: Share,
    /// The line's days of this period as a share of a whole cycle.
    pub month: Share,
    /// Effective and cancelled in one period: billed once, in that period, whatever the cycle.
    pub once: bool,
    /// Under advance billing: the period or what was left of it was billed before it began.
    pub billed_before: bool,
    /// Other cycles of which more or less is to be billed than was before.
    pub spans: Vec<Span>,
}

/// A cycle of which some was billed in an earlier period, and what of it is to be billed in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub before: Share,
    pub now: Share,
    /// The days the two differ by, both inclusive; the days in service where they do not.
    pub start: NaiveDate,
    pub end: NaiveDate,
}

type Active = Option<(NaiveDate, NaiveDate)>;

impl Service {
    /// `days` are those the line is active, within its contract; `own` is the line's own rule of proration.
    pub fn of(
        contract: &Contract,
        own: Option<Proration>,
        config: &Config,
        period: Period,
        days: ActiveDays,
        once: bool,
    ) -> Self {
        let months = contract.bill_cycle.months();
        let rule = own.or(contract.proration).unwrap_or(config.proration.rule);
        let calendar = Calendar::new(contract.anchor(), months);
        let here = days.within(period.start(), period.end());
        let month = Calendar::new(None, 1).containing(period.start());
        let mut service = Self {
            due: false,
            timing: contract.bill_timing,
            months,
            start: period.start(),
            end: period.last_day(),
            share: Share::NONE,
            month: rate::share(rule, month, here).of_months(months),
            once,
            billed_before: false,
            spans: Vec::new(),
        };
        if once {
            service.as_used(here);
            return service;
        }
        match contract.bill_timing {
            BillTiming::Arrears => service.arrears(contract, calendar, rule, period, days),
            BillTiming::Advance => service.advance(contract, calendar, rule, period, days),
        }
        service
    }

    /// Bills the period's days in full: consumption is paid per unit used and not per cycle, and is known
    /// when it is over; a one-time line has no cycle.
    pub fn as_used(&mut self, here: Active) {
        self.timing = BillTiming::Arrears;
        self.months = 1;
        self.due = here.is_some();
        self.share = Share::WHOLE;
        self.month = Share::WHOLE;
        self.billed_before = false;
        self.spans.clear();
        if let Some((first, last)) = here {
            (self.start, self.end) = (first, last);
        }
    }

    /// Whether the line bills in this period though it is active on none of its days.
    pub fn closes(&self) -> bool {
        self.due && self.timing == BillTiming::Arrears && !self.once
    }

    fn arrears(&mut self, contract: &Contract, calendar: Calendar, rule: Proration, period: Period, days: ActiveDays) {
        let ends_now = |cycle: &Cycle| {
            let last = contract.end_date.map_or(cycle.last_day(), |end| end.min(cycle.last_day()));
            period.contains(last) && cycle.contains(last)
        };
        let ending: Vec<(Active, Share)> = cycles(calendar, period)
            .filter(ends_now)
            .map(|cycle| {
                let active = days.within(cycle.start, cycle.end);
                (dates(rule, cycle, active), rate::share(rule, cycle, active))
            })
            .filter(|(_, share)| !share.is_none())
            .collect();
        for (active, share) in ending {
            let Some((start, end)) = active else { continue };
            if self.due {
                // The contract ends within the cycle after the one that ends now.
                self.spans.push(Span { before: Share::NONE, now: share, start, end });
            } else {
                (self.due, self.start, self.end, self.share) = (true, start, end, share);
            }
        }
    }

    fn advance(&mut self, contract: &Contract, calendar: Calendar, rule: Proration, period: Period, days: ActiveDays) {
        let known = days.first.is_none_or(|first| first < period.end());
        let agreed = agreed_end(contract);
        // What was or will be billed without knowing of a cancellation.
        let expected = ActiveDays { first: days.first, last: agreed };
        let next = calendar.containing(period.end() + Months::new(1) - Days::new(1));
        let goes_on = days.last.is_none_or(|last| last >= period.end());
        if next.start >= period.end() && known && goes_on {
            let active = expected.within(next.start, next.end);
            let share = rate::share(rule, next, active);
            if let Some((start, end)) = dates(rule, next, active).filter(|_| !share.is_none()) {
                (self.due, self.start, self.end, self.share) = (true, start, end, share);
            }
        }
        if days.within(period.start(), period.end()).is_none() {
            return;
        }
        let begins = days.first.is_some_and(|first| first >= period.start());
        let ends = days.last.filter(|last| *last < period.end());
        self.billed_before = !begins;
        for cycle in cycles(calendar, period) {
            let billed = expected.within(cycle.start, cycle.end).filter(|_| !begins);
            let right = expected.until(ends).within(cycle.start, cycle.end);
            let (before, now) = (rate::share(rule, cycle, billed), rate::share(rule, cycle, right));
            if before.is_none() && now.is_none() {
                continue;
            }
            if self.months > 1
                && begins
                && !self.due
                && now == Share::WHOLE
                && right.is_some_and(|r| r.0 == cycle.start)
            {
                // A new contract's first cycle: nothing is trued up, it is just billed as it begins.
                (self.due, self.start, self.end, self.share) = (true, cycle.start, cycle.last_day(), now);
                continue;
            }
            let (start, end) = match (billed, right) {
                (Some(before), Some(now)) if now.1 < before.1 => (now.1 + Days::new(1), before.1),
                (Some(before), None) => before,
                (_, Some(now)) => now,
                (None, None) => continue,
            };
            if before != now {
                self.spans.push(Span { before, now, start, end });
            }
        }
    }
}

/// The cycles that a period has days of: one, or two where the contract's anchor lies within the month.
fn cycles(calendar: Calendar, period: Period) -> impl Iterator<Item = Cycle> {
    let first = calendar.containing(period.start());
    let last = calendar.containing(period.last_day());
    std::iter::once(first).chain((last != first).then_some(last))
}

/// The days a bill is for: all of the cycle where a part is billed in full, else those active.
fn dates(rule: Proration, cycle: Cycle, active: Active) -> Active {
    active.map(|part| if rule == Proration::None { (cycle.start, cycle.last_day()) } else { part })
}

/// A contract's end that its own months lead to (17 March to 16 March) was agreed at its start, so that the last
/// bill knows it. Any other is an early one, and comes as a cancellation does.
fn agreed_end(contract: &Contract) -> Option<NaiveDate> {
    let (start, end) = (contract.start_date?, contract.end_date?);
    let after = end.succ_opt()?;
    let months = u32::try_from(Period::of(after).months_since(Period::of(start))).ok()?;
    (start.checked_add_months(Months::new(months)) == Some(after)).then_some(end)
}

/// Whether a line's first and last day count, by the book's settings.
pub fn edges(config: &Config) -> EdgeDays {
    EdgeDays { effective: config.proration.include_effective_day, cancelled: config.proration.include_cancelled_day }
}
