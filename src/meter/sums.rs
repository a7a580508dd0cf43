//! What the exports say a client used of a product under one term: running sums that can be added to in
//! any order, by any number of threads, and come out the same.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use rust_decimal::{Decimal, RoundingStrategy};

use super::Series;
use super::series::end_of_reading;
use crate::book::Period;
use crate::format::{ChargeCategory, MeterRule};
use crate::ingest::Treatment;
use crate::rate::{Currency, ExactSum, Overflow};
use crate::tidy::{Belonging, Kind, Row, covers_more_than_a_month};

/// How a SKU's rows become units of its product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    pub rule: MeterRule,
    pub multiplier: Decimal,
    /// Months of the SKU's commitment term; 1 where it has none.
    pub term_months: u32,
}

/// Places to which a part of a cost is kept until it becomes money of a line.
const COST_PLACES: u32 = 12;
const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// Places to which a quantity that does not end is rounded.
pub const QUANTITY_PLACES: u32 = 6;

/// The sums of one client × product × term. There is one for each, on each thread: it must be small.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    plain: ExactSum,
    /// Units × days, to be divided by the days of the period.
    unit_days: ExactSum,
    /// Of the units in `unit_days`, those that the period ends with.
    at_end: ExactSum,
    /// Of charges for this month alone; a currency that only other charges have is there with nothing.
    costs: Few<Currency, ExactSum>,
    /// Of charges for several months, in whole, by their number.
    long_costs: Vec<((Currency, u32), ExactSum)>,
    providers: Few<u32, ()>,
    /// File and line of the first row.
    pub first: Option<(u32, u64)>,
    /// Some row carries units.
    pub counted: bool,
    unit_cost: UnitCost,
    /// Consumption, or units that their rule already spread over days: never prorated again.
    pub spread: bool,
    /// Some row with units is a recurring one.
    purchased: bool,
}

/// A map that nearly always has one entry.
#[derive(Debug, Clone)]
struct Few<K, V> {
    first: Option<(K, V)>,
    others: Vec<(K, V)>,
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self { first: None, others: Vec::new() }
    }
}

impl<K: Copy + Ord, V: Default> Few<K, V> {
    fn at(&mut self, key: K) -> &mut V {
        if self.first.as_ref().is_some_and(|(k, _)| *k != key) {
            let index = self.others.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
                self.others.push((key, V::default()));
                self.others.len() - 1
            });
            return &mut self.others[index].1;
        }
        &mut self.first.get_or_insert_with(|| (key, V::default())).1
    }

    fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.first.iter().chain(&self.others)
    }
}

/// A reading of a meter whose rule looks at days: it counts once all readings of that meter are together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub rule: MeterRule,
    /// Account, SKU and subscription.
    pub series: u128,
    pub start: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
    pub units: ExactSum,
}

/// A part of a cost: one that does not end could be neither added up nor multiplied. `None` if it cannot be held.
pub fn cost_part(cost: Decimal, of: Decimal) -> Option<Decimal> {
    let part = cost.checked_div(of)?;
    Some(part.round_dp_with_strategy(COST_PLACES, RoundingStrategy::MidpointAwayFromZero))
}

/// What rows say of a vendor's unit cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum UnitCost {
    #[default]
    Unseen,
    One(Decimal),
    Many,
}

/// Rows alike in everything but their amounts, added up: what one of them lacks all of them lack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Together {
    pub rows: u64,
    /// File and line of the first of them.
    pub first: (u32, u64),
    pub quantity: Option<ExactSum>,
    pub cost: Option<ExactSum>,
    pub unit_cost: UnitCost,
    /// Some row has units, whatever they come to together.
    pub has_units: bool,
}

impl UnitCost {
    pub fn merge(&mut self, other: UnitCost) {
        *self = match (*self, other) {
            (UnitCost::Unseen, seen) | (seen, UnitCost::Unseen) => seen,
            // 1.5 and 1.50 are one: whichever was first, the longer stands.
            (UnitCost::One(a), UnitCost::One(b)) if a == b => UnitCost::One(if a.scale() < b.scale() { b } else { a }),
            _ => UnitCost::Many,
        };
    }
}

/// Whether a row's units count.
fn counts(kind: &Kind, belonging: Belonging) -> bool {
    belonging.quantity
        && kind.treatment == Treatment::Counted
        && matches!(kind.category, ChargeCategory::Purchase | ChargeCategory::Usage)
}

impl Sums {
    /// Whether rows of a kind may be added up before they are added here, by [`Sums::add_all`]: nothing is asked of one
    /// row that its part in the sums does not say. `priced`: they state a unit cost.
    pub fn adds_up(kind: &Kind, belonging: Belonging, conversion: Conversion, priced: bool) -> bool {
        let as_it_is = conversion.rule == MeterRule::Sum && conversion.multiplier == Decimal::ONE;
        !counts(kind, belonging) || as_it_is && (!priced || !by_parts(belonging.months, conversion.term_months))
    }

    /// Adds rows that belong to the period and may be added up before.
    pub fn add_all(
        &mut self,
        rows: &Together,
        kind: &Kind,
        provider: u32,
        belonging: Belonging,
    ) -> Result<(), Overflow> {
        self.meet(provider, rows.first);
        self.charge(kind.currency, belonging, rows.cost)?;
        if let Some(units) = rows.quantity.filter(|_| counts(kind, belonging)) {
            self.unit_cost.merge(rows.unit_cost);
            self.see_units(kind, MeterRule::Sum);
            self.plain.merge(units)?;
        }
        Ok(())
    }

    fn meet(&mut self, provider: u32, position: (u32, u64)) {
        self.providers.at(provider);
        self.first = Some(self.first.map_or(position, |f| f.min(position)));
    }

    fn charge(&mut self, currency: Currency, belonging: Belonging, cost: Option<ExactSum>) -> Result<(), Overflow> {
        let Some(cost) = cost else { return Ok(()) };
        let sum = self.costs.at(currency);
        if belonging.months > 1 {
            self.long_cost(currency, belonging.months).merge(cost)
        } else if belonging.cost {
            sum.merge(cost)
        } else {
            Ok(())
        }
    }

    fn see_units(&mut self, kind: &Kind, rule: MeterRule) {
        self.counted = true;
        self.purchased |= kind.category == ChargeCategory::Purchase;
        self.spread |=
            kind.category == ChargeCategory::Usage || matches!(rule, MeterRule::Average | MeterRule::Prorated);
    }

    /// Adds a row that belongs to the period, in part or whole. What comes back is its reading, if the rule looks
    /// at days.
    pub fn add(
        &mut self,
        row: &Row,
        provider: u32,
        period: Period,
        belonging: Belonging,
        conversion: Conversion,
    ) -> Result<Option<Reading>, Overflow> {
        self.meet(provider, row.position());
        self.charge(row.kind.currency, belonging, row.cost.map(ExactSum::of))?;
        if let Some(quantity) = row.quantity.filter(|_| counts(&row.kind, belonging)) {
            if let Some(cost) = row.unit_cost {
                // A unit cost is per vendor unit; it compares with the contract's only where units are the same.
                let month = month_cost(row, quantity, cost, belonging.months, conversion.term_months);
                self.unit_cost.merge(match month {
                    Some(cost) if conversion.multiplier == Decimal::ONE => UnitCost::One(cost),
                    _ => UnitCost::Many,
                });
            }
            self.see_units(&row.kind, conversion.rule);
            let units = ExactSum::of(quantity);
            let units =
                if conversion.multiplier == Decimal::ONE { units } else { units.scaled(conversion.multiplier)? };
            return self.count(row, period, conversion.rule, units);
        }
        Ok(None)
    }

    fn count(
        &mut self,
        row: &Row,
        period: Period,
        rule: MeterRule,
        units: ExactSum,
    ) -> Result<Option<Reading>, Overflow> {
        match rule {
            MeterRule::Sum => self.plain.merge(units)?,
            MeterRule::Prorated => {
                let from = row.kind.start.unwrap_or(period.start()).max(period.start());
                let to = end_of_reading(period, row.kind.start, row.kind.end);
                if from < to && to == period.end() {
                    self.at_end.merge(units)?;
                }
                self.unit_days.merge(units.times(days_between(from, to) + days_beyond(row, period))?)?;
            }
            MeterRule::Max | MeterRule::Last | MeterRule::Average => {
                if rule == MeterRule::Average {
                    self.unit_days.merge(units.times(days_beyond(row, period))?)?;
                }
                return Ok(Some(Reading { rule, series: row.series, start: row.kind.start, end: row.kind.end, units }));
            }
        }
        Ok(None)
    }

    /// Counts a meter, all of whose readings are in `series`.
    pub fn settle(&mut self, rule: MeterRule, series: &Series, period: Period) -> Result<(), Overflow> {
        match rule {
            MeterRule::Max => self.plain.merge(series.highest(period)?),
            MeterRule::Last => self.plain.merge(series.last(period)?),
            MeterRule::Average => {
                self.at_end.merge(series.at_end(period)?)?;
                self.unit_days.merge(series.unit_days(period)?)
            }
            MeterRule::Sum | MeterRule::Prorated => Ok(()),
        }
    }

    /// Whether any row was added.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn long_cost(&mut self, currency: Currency, months: u32) -> &mut ExactSum {
        let of = (currency, months);
        let index = self.long_costs.iter().position(|(key, _)| *key == of).unwrap_or_else(|| {
            self.long_costs.push((of, ExactSum::ZERO));
            self.long_costs.len() - 1
        });
        &mut self.long_costs[index].1
    }

    /// The vendors whose rows were added, in no order.
    pub fn providers(&self) -> impl Iterator<Item = u32> {
        self.providers.iter().map(|(provider, ())| *provider)
    }

    pub fn merge(&mut self, other: &Sums) -> Result<(), Overflow> {
        self.plain.merge(other.plain)?;
        self.unit_days.merge(other.unit_days)?;
        self.at_end.merge(other.at_end)?;
        for (currency, cost) in other.costs.iter() {
            self.costs.at(*currency).merge(*cost)?;
        }
        for (provider, ()) in other.providers.iter() {
            self.providers.at(*provider);
        }
        for ((currency, months), cost) in &other.long_costs {
            self.long_cost(*currency, *months).merge(*cost)?;
        }
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.counted |= other.counted;
        self.spread |= other.spread;
        self.purchased |= other.purchased;
        self.unit_cost.merge(other.unit_cost);
        Ok(())
    }

    /// The metered quantity: multiplied before divided, and rounded once where it does not end.
    pub fn quantity(&self, period: Period) -> Result<Decimal, Overflow> {
        let (sum, mut unit_days) = (self.plain, self.unit_days);
        if unit_days.is_zero() {
            return sum.to_decimal();
        }
        let days = period.days();
        unit_days.merge(sum.times(i64::from(days))?)?;
        Ok(unit_days.divided(days, QUANTITY_PLACES, RoundingStrategy::MidpointAwayFromZero)?.normalize())
    }

    /// The units that the period ends with, where some are spread over its days: what the next begins with.
    pub fn at_end(&self) -> Result<Decimal, Overflow> {
        let mut sum = self.plain;
        sum.merge(self.at_end)?;
        sum.to_decimal()
    }

    /// All units are consumption.
    pub fn is_consumption(&self) -> bool {
        self.counted && !self.purchased
    }

    /// What the units of this month cost: a charge for several months in equal parts, in every month it is for.
    pub fn costs(&self) -> Result<BTreeMap<Currency, Decimal>, Overflow> {
        let mut out = BTreeMap::new();
        for (currency, sum) in self.costs.iter() {
            let mut all = *sum;
            for ((_, months), cost) in self.long_costs.iter().filter(|((c, _), _)| c == currency) {
                all.add(cost.divided(*months, COST_PLACES, RoundingStrategy::MidpointAwayFromZero)?)?;
            }
            out.insert(*currency, all.to_decimal()?);
        }
        Ok(out)
    }

    /// The vendor's unit cost for a month if all rows agree on one.
    pub fn unit_cost(&self) -> Option<Decimal> {
        match self.unit_cost {
            UnitCost::One(cost) => Some(cost),
            UnitCost::Unseen | UnitCost::Many => None,
        }
    }
}

/// A unit's cost for a month. A price for several months, whether paid at once or a month at a time, is divided by
/// them; which it is says the row's cost. `None` where that is not certain.
fn month_cost(row: &Row, quantity: Decimal, unit_cost: Decimal, months: u32, term_months: u32) -> Option<Decimal> {
    if !by_parts(months, term_months) {
        return Some(unit_cost);
    }
    let charged = quantity.checked_mul(unit_cost)?;
    // The vendor rounds the price of a month, so each unit may be out by a cent.
    let slack = quantity.abs().checked_add(Decimal::ONE)?.checked_mul(CENT)?;
    let is = |divisor: u32| {
        let part = charged.checked_div(Decimal::from(divisor))?;
        Some(row.cost?.checked_sub(part)?.abs() <= slack)
    };
    let part_of = |divisor: u32| {
        let part = unit_cost.checked_div(Decimal::from(divisor))?;
        Some(part.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
    };
    if months > 1 {
        return if row.cost.is_none() || is(1)? { part_of(months) } else { None };
    }
    if row.cost.is_some() && !is(1)? && is(term_months)? { part_of(term_months) } else { Some(unit_cost) }
}

/// Whether a price may be for several months.
fn by_parts(months: u32, term_months: u32) -> bool {
    months > 1 || term_months > 1
}

/// Days after the period of a charge that begins in it: a month from the 25th to the 24th counts in the month it
/// begins in, and in no other, so that all of its days do. One month is as long as the period.
fn days_beyond(row: &Row, period: Period) -> i64 {
    let (Some(start), Some(end)) = (row.kind.start, row.kind.end) else { return 0 };
    if !period.contains(start) || end <= period.end() || covers_more_than_a_month(start, end) {
        return 0;
    }
    let month = i64::from(period.days());
    let one_month = start.checked_add_months(Months::new(1)) == Some(end);
    let days = if one_month { month } else { days_between(start, end).min(month) };
    days - days_between(start, period.end())
}

fn days_between(from: NaiveDate, to: NaiveDate) -> i64 {
    (to - from).num_days().max(0)
}

#[cfg(test)]
mod tests;
