//! Quantities that a PSA keeps apart from its contract lines: units for ranges of days, and adjustments by so
//! many units from a day on (Autotask has both). They are replayed in the order of their days into stretches
//! of the line, each a dated contract line, so that a change within a month is prorated on its own days.
//!
//! Units rule for the days they cover; of two that cover a day the later start holds, since an adjusted range
//! may state the day of the adjustment as its end. Adjustments serve the days before and after all units, and
//! within them they are held against the units: a difference is said. With adjustments alone the line starts
//! at none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};
use rust_decimal::Decimal;

use super::psa::ContractLine;
use super::psa_tables::PsaDefaults;
use crate::finding::{Code, Finding, Place, Severity};
use crate::rate::plain;

/// Units of a line on the days from `start` to `end`, both included.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UnitRange {
    pub id: String,
    pub start: NaiveDate,
    pub end: NaiveDate,
    pub units: Decimal,
    pub place: Place,
}

/// A change of a line's units from a day on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adjustment {
    pub id: String,
    pub day: NaiveDate,
    pub change: Decimal,
    pub unit_price: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub place: Place,
}

/// Days on which one quantity and price hold.
#[derive(Debug, Clone, PartialEq)]
struct Stretch {
    from: NaiveDate,
    /// The last day; `None`: open.
    to: Option<NaiveDate>,
    quantity: Decimal,
    unit_price: Option<Decimal>,
    unit_cost: Option<Decimal>,
}

/// The line once for each stretch of days with one quantity and price; `None`, and a finding, where its
/// quantity cannot be known. `whole_months`: nothing is prorated, so what holds at a month's end holds for all
/// of it. The stretch that holds as of the period (else the nearest before, else the first) keeps the line's id.
pub(super) fn stretches(
    line: &ContractLine,
    mut units: Vec<UnitRange>,
    mut adjustments: Vec<Adjustment>,
    whole_months: bool,
    defaults: &PsaDefaults,
    findings: &mut Vec<Finding>,
) -> Option<Vec<ContractLine>> {
    units.sort_by(|a, b| (a.start, a.end, &a.id, &a.place).cmp(&(b.start, b.end, &b.id, &b.place)));
    // A page that was fetched twice.
    units.dedup_by(|b, a| (&a.id, a.start, a.end, a.units) == (&b.id, b.start, b.end, b.units));
    adjustments.sort_by(|a, b| (a.day, &a.id, &a.place).cmp(&(b.day, &b.id, &b.place)));
    adjustments.dedup_by(|b, a| !a.id.is_empty() && Adjustment { place: a.place.clone(), ..b.clone() } == *a);
    let mut refuse = |code, message: String, place: &Place| {
        findings.push(Finding::new(code, message).severity(Severity::Error).at(place.clone()));
        None
    };
    if units.is_empty() && adjustments.is_empty() {
        let message = format!(
            "contract line {} has no units, so how many it bills is unknown, and it is left out; export the units of \
             its contract, too",
            line.id
        );
        return refuse(Code::I111, message, &line.place);
    }
    if let Some(pair) = units.windows(2).find(|pair| pair[0].start == pair[1].start) {
        let message = format!(
            "contract line {} has {} units from {} on at {}, and {} here; it is left out until one of them is taken away",
            line.id,
            plain(pair[0].units),
            pair[0].start,
            pair[0].place,
            plain(pair[1].units)
        );
        return refuse(Code::T203, message, &pair[1].place);
    }
    let Some(found) = replay(&units, &adjustments) else {
        let message = format!("the adjustments of contract line {} add up to less than none; it is left out", line.id);
        let place = adjustments.first().map_or(&line.place, |a| &a.place);
        return refuse(Code::I105, message, place);
    };
    findings.extend(contradictions(line, &units, &adjustments));
    let priced = merged(priced(found, &adjustments, line));
    let stretches = if whole_months { merged(by_month(priced)) } else { priced };
    Some(named(line, &stretches, defaults))
}

/// The stretches in order of their days; `None` where a quantity falls below none or cannot be held.
fn replay(units: &[UnitRange], adjustments: &[Adjustment]) -> Option<Vec<Stretch>> {
    let Some(first) = units.first() else { return running(Decimal::ZERO, None, adjustments.iter(), None) };
    let before = adjustments.iter().filter(|a| a.day < first.start);
    let mut out = running(Decimal::ZERO, None, before, first.start.pred_opt())?;
    for (i, own) in units.iter().enumerate() {
        let next = units.get(i + 1).and_then(|next| next.start.pred_opt());
        out.push(stretch(own.start, Some(next.map_or(own.end, |day| day.min(own.end))), own.units));
    }
    let end = units.iter().map(|u| u.end).max()?;
    let last = units.iter().filter(|u| u.end == end).max_by_key(|u| u.start)?;
    let mut after = adjustments.iter().filter(|a| a.day > end).peekable();
    if after.peek().is_some() {
        out.extend(running(last.units, end.succ_opt(), after, None)?);
    }
    Some(out)
}

/// A quantity as adjustments in order of their days change it. It holds `from` the day given, if any, and the
/// last holds until `to`.
fn running<'a>(
    mut quantity: Decimal,
    from: Option<NaiveDate>,
    adjustments: impl Iterator<Item = &'a Adjustment>,
    to: Option<NaiveDate>,
) -> Option<Vec<Stretch>> {
    let mut by_day: BTreeMap<NaiveDate, Decimal> = BTreeMap::new();
    for adjustment in adjustments {
        let sum = by_day.entry(adjustment.day).or_default();
        *sum = sum.checked_add(adjustment.change)?;
    }
    let mut out = Vec::new();
    let mut from = from;
    for (day, change) in by_day {
        if let Some(start) = from.filter(|start| *start < day) {
            out.push(stretch(start, day.pred_opt(), quantity));
        }
        quantity = quantity.checked_add(change)?;
        if quantity < Decimal::ZERO {
            return None;
        }
        from = Some(day);
    }
    out.extend(from.map(|start| stretch(start, to, quantity)));
    Some(out)
}

fn stretch(from: NaiveDate, to: Option<NaiveDate>, quantity: Decimal) -> Stretch {
    Stretch { from, to, quantity, unit_price: None, unit_cost: None }
}

/// Where units and adjustments say different things of one day. Only a line that has adjustments within its
/// units is judged: an export of units alone contradicts nothing.
fn contradictions(line: &ContractLine, units: &[UnitRange], adjustments: &[Adjustment]) -> Vec<Finding> {
    let (Some(first), Some(end)) = (units.first(), units.iter().map(|u| u.end).max()) else { return Vec::new() };
    let within: Vec<&Adjustment> = adjustments.iter().filter(|a| a.day > first.start && a.day <= end).collect();
    if within.is_empty() {
        return Vec::new();
    }
    let on = |day: NaiveDate| units.iter().filter(|u| u.start <= day && day <= u.end).max_by_key(|u| u.start);
    let days: BTreeSet<NaiveDate> = within.iter().map(|a| a.day).chain(units.iter().skip(1).map(|u| u.start)).collect();
    let mut out = Vec::new();
    for day in days {
        let (Some(then), Some(before)) = (on(day), day.pred_opt().and_then(on)) else { continue };
        let stated: Option<Decimal> =
            within.iter().filter(|a| a.day == day).try_fold(Decimal::ZERO, |sum, a| sum.checked_add(a.change));
        if stated != then.units.checked_sub(before.units) {
            let message = format!(
                "contract line {} goes from {} units to {} on {day}, and the adjustments of that day add up to {}; the \
                 units are used",
                line.id,
                plain(before.units),
                plain(then.units),
                stated.map_or_else(|| "too much".to_string(), plain)
            );
            let place = within.iter().find(|a| a.day == day).map_or(&then.place, |a| &a.place);
            out.push(Finding::new(Code::T203, message).severity(Severity::Warning).at(place.clone()));
        }
    }
    out
}

/// The stretches with their prices: an adjustment's holds from its day, before that the line's own.
fn priced(stretches: Vec<Stretch>, adjustments: &[Adjustment], line: &ContractLine) -> Vec<Stretch> {
    let of = |day: NaiveDate| {
        let price = adjustments.iter().filter(|a| a.day <= day).filter_map(|a| a.unit_price).next_back();
        let cost = adjustments.iter().filter(|a| a.day <= day).filter_map(|a| a.unit_cost).next_back();
        (price.or(line.unit_price), cost.or(line.unit_cost))
    };
    let changes: BTreeSet<NaiveDate> =
        adjustments.iter().filter(|a| a.unit_price.is_some() || a.unit_cost.is_some()).map(|a| a.day).collect();
    let mut out = Vec::new();
    for whole in stretches {
        let inside = |day: &&NaiveDate| **day > whole.from && whole.to.is_none_or(|to| **day <= to);
        let starts: Vec<NaiveDate> =
            std::iter::once(whole.from).chain(changes.iter().filter(inside).copied()).collect();
        for (i, from) in starts.iter().enumerate() {
            let to = starts.get(i + 1).map_or(whole.to, NaiveDate::pred_opt);
            let (unit_price, unit_cost) = of(*from);
            out.push(Stretch { from: *from, to, quantity: whole.quantity, unit_price, unit_cost });
        }
    }
    out
}

/// Neighbours that are alike are one.
fn merged(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    for next in stretches {
        match out.last_mut() {
            Some(last) if joins(last, &next) && Stretch { from: last.from, to: last.to, ..next.clone() } == *last => {
                last.to = next.to;
            }
            _ => out.push(next),
        }
    }
    out
}

fn joins(earlier: &Stretch, later: &Stretch) -> bool {
    earlier.to.and_then(|day| day.succ_opt()) == Some(later.from)
}

/// What holds at the end of a month, for all of it.
fn by_month(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    for mut next in stretches {
        let month = next.from.with_day(1).unwrap_or(next.from);
        match out.last_mut() {
            Some(last) if joins(last, &next) && last.from < month => {
                last.to = month.pred_opt();
                next.from = month;
            }
            // It began within the month at whose end another quantity holds.
            Some(last) if joins(last, &next) => {
                next.from = last.from;
                out.pop();
            }
            _ => {}
        }
        out.push(next);
    }
    out
}

fn named(line: &ContractLine, stretches: &[Stretch], defaults: &PsaDefaults) -> Vec<ContractLine> {
    let begun = |s: &Stretch| defaults.as_of.is_none_or(|day| s.from <= day);
    let own = stretches.iter().rposition(begun).unwrap_or(0);
    // Where a first or last day does not count, a day within the line must still count once.
    let cancelled = |i: usize, s: &Stretch| {
        let goes_on = stretches.get(i + 1).is_some_and(|next| joins(s, next));
        let later = u64::from(defaults.skips_cancelled_day) + u64::from(goes_on && defaults.skips_effective_day);
        s.to.and_then(|day| day.checked_add_days(Days::new(later)))
    };
    let line_of = |(i, s): (usize, &Stretch)| ContractLine {
        id: if i == own { line.id.clone() } else { line.id.stretch(s.from) },
        quantity: s.quantity,
        unit_price: s.unit_price,
        unit_cost: s.unit_cost,
        effective_date: Some(line.effective_date.map_or(s.from, |day| day.max(s.from))),
        cancelled_date: match (line.cancelled_date, cancelled(i, s)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
        by_day: true,
        ..line.clone()
    };
    stretches.iter().enumerate().map(line_of).collect()
}

#[cfg(test)]
mod tests;
