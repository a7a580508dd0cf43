//! What a line's terms make of a quantity: for the cycle it bills, for one month of it, for a share.

use rust_decimal::{Decimal, RoundingStrategy};

use super::unit::LineView;
use crate::rate::{ExactSum, Overflow, RateError, Rated, Share, Terms, rate};

type Rates = Result<Result<Rated, RateError>, Overflow>;

/// Places of a minimum or maximum amount that is divided among the months of a cycle.
const AMOUNT_PLACES: u32 = 6;

/// Rates a line of the unit at a quantity; cost-plus falls back on the metered unit cost.
pub fn rate_line(view: &LineView<'_>, quantity: Decimal, spread: bool, unit_cost: Option<Decimal>) -> Rates {
    let mut terms = view.terms.clone();
    terms.unit_cost = terms.unit_cost.or(unit_cost);
    // Quantities already spread over days are never prorated again.
    rate_share(quantity, &terms, if spread { Share::WHOLE } else { view.service.share })
}

/// Rates a line for its days of the period alone, whatever its cycle.
pub fn rate_month(view: &LineView<'_>, quantity: Decimal) -> Rates {
    let months = view.service.months;
    rate_share(quantity, &with_part_of_minimum(&view.terms, months)?, view.service.month)
}

/// Rates a whole month of a cycle of `months`.
pub fn rate_of_months(quantity: Decimal, terms: &Terms, months: u32) -> Rates {
    rate_share(quantity, &with_part_of_minimum(terms, months)?, Share::WHOLE.of_months(months))
}

/// Rates a quantity; only an overflow is an error that ends the run.
pub fn rate_share(quantity: Decimal, terms: &Terms, share: Share) -> Rates {
    match rate(quantity, terms, share) {
        Err(RateError::Overflow(overflow)) => Err(overflow),
        other => Ok(other),
    }
}

/// The minimum amount is of a whole cycle and bounds what is already prorated.
fn with_part_of_minimum(terms: &Terms, months: u32) -> Result<Terms, Overflow> {
    let mut terms = terms.clone();
    if let Some(least) = terms.minimum_amount.filter(|_| months > 1) {
        let part = ExactSum::of(least).divided(months, AMOUNT_PLACES, RoundingStrategy::MidpointAwayFromZero)?;
        terms.minimum_amount = Some(part.normalize());
    }
    Ok(terms)
}
