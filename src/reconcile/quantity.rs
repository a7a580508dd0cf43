//! Which lines are compared and what they hold, and which of several bills how many units: the difference goes
//! to the newest line and spills to the next newest.

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};

use super::unit::{LineView, Unit};
use crate::meter::{Metered, QUANTITY_PLACES};
use crate::rate::{ExactSum, Overflow, add, subtract};

/// Shares `total` units over lines that hold `contract` units each, newest first: more goes to the newest,
/// less comes off the newest down to zero and then off the next. Same length and order as `contract`.
pub fn allot(total: Decimal, contract: &[Decimal]) -> Result<Vec<Decimal>, Overflow> {
    let mut out = contract.to_vec();
    let mut sum = Decimal::ZERO;
    for quantity in contract {
        sum = add(sum, *quantity)?;
    }
    let mut difference = subtract(total.max(Decimal::ZERO), sum)?;
    if let Some(newest) = out.first_mut().filter(|_| difference > Decimal::ZERO) {
        *newest = add(*newest, difference)?;
        return Ok(out);
    }
    for quantity in &mut out {
        if difference >= Decimal::ZERO {
            break;
        }
        let taken = (*quantity).max(Decimal::ZERO).min(-difference);
        *quantity = subtract(*quantity, taken)?;
        difference = add(difference, taken)?;
    }
    Ok(out)
}

/// Units spread over the days of the period. Consumption is billed as it was used, and lines of longer cycles
/// bill what the period ends with.
pub fn is_spread(unit: &Unit<'_>, metered: &[Metered]) -> bool {
    let monthly = unit.active.iter().all(|v| v.service.months == 1);
    !unit.consumption && monthly && unit.metered.iter().any(|&i| metered[i].spread)
}

/// For each active line: is it one of those that usage is compared with? Those active at the period's end, else
/// those that ended last; a one-time line only where there is no other.
pub fn are_compared(unit: &Unit<'_>) -> Vec<bool> {
    let once_only = unit.active.iter().all(|v| v.service.once);
    let recurring = |v: &LineView<'_>| once_only || !v.service.once;
    let any_at_end = unit.active.iter().any(|v| v.at_end && recurring(v));
    let last_day = unit.active.iter().filter(|v| recurring(v)).filter_map(last).max();
    let compared = |v: &LineView<'_>| recurring(v) && if any_at_end { v.at_end } else { last(v) == last_day };
    unit.active.iter().map(compared).collect()
}

/// What the contract side of a comparison holds.
pub struct Held {
    pub contract: Decimal,
    /// Of each compared line.
    pub each: Vec<Decimal>,
    /// Of the others, where they count.
    pub beside: Decimal,
}

impl Held {
    /// The compared lines' quantities. Spread units are those of all days of the period, so that every line
    /// counts for the days it was active, the ones that ended within the period too.
    pub fn of(unit: &Unit<'_>, is_compared: &[bool], spread: bool) -> Result<Self, Overflow> {
        let mut out = Self { contract: Decimal::ZERO, each: Vec::new(), beside: Decimal::ZERO };
        let (mut whole, mut parts, mut days) = (Decimal::ZERO, ExactSum::ZERO, 1);
        for (view, compared) in unit.active.iter().zip(is_compared) {
            let quantity = view.line.quantity;
            let own = match view.active.filter(|_| spread && !view.service.once) {
                Some((first, last)) if view.days_of_period > days_between(first, last) => {
                    days = view.days_of_period;
                    let unit_days = ExactSum::of(quantity).times(i64::from(days_between(first, last)))?;
                    parts.merge(unit_days)?;
                    per_day(unit_days, days)?
                }
                _ if *compared => {
                    whole = add(whole, quantity)?;
                    quantity
                }
                _ => continue,
            };
            if *compared {
                out.each.push(own);
            }
        }
        // Divided once, as what is metered is.
        out.contract = if parts.is_zero() { whole } else { add(whole, per_day(parts, days)?)? };
        let held = out.each.iter().try_fold(Decimal::ZERO, |sum, q| add(sum, *q))?;
        out.beside = if spread { subtract(out.contract, held)? } else { Decimal::ZERO };
        Ok(out)
    }
}

fn per_day(unit_days: ExactSum, days: u32) -> Result<Decimal, Overflow> {
    Ok(unit_days.divided(days, QUANTITY_PLACES, RoundingStrategy::MidpointAwayFromZero)?.normalize())
}

fn days_between(first: NaiveDate, last: NaiveDate) -> u32 {
    u32::try_from((last - first).num_days() + 1).unwrap_or(0)
}

fn last(view: &LineView<'_>) -> Option<NaiveDate> {
    view.active.map(|(_, last)| last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allotted(total: i64, contract: &[i64]) -> Vec<i64> {
        let lines: Vec<Decimal> = contract.iter().map(|&q| Decimal::from(q)).collect();
        let out = allot(Decimal::from(total), &lines).expect("fits");
        out.iter().map(|d| i64::try_from(*d).expect("small")).collect()
    }

    #[test]
    fn more_goes_to_the_newest_and_less_spills() {
        assert_eq!(allotted(20, &[3, 10]), [10, 10]);
        assert_eq!(allotted(11, &[3, 10]), [1, 10]);
        assert_eq!(allotted(8, &[3, 10]), [0, 8]);
        assert_eq!(allotted(0, &[3, 10]), [0, 0]);
        assert_eq!(allotted(-4, &[3]), [0]);
    }

    proptest! {
        #[test]
        fn what_is_allotted_adds_up(total in 0i64..1000, lines in proptest::collection::vec(0i64..100, 1..6)) {
            prop_assert_eq!(allotted(total, &lines).iter().sum::<i64>(), total);
        }
    }
}
