//! The ways of rounding told of short numbers, as nearly all are: not by making each amount, but by how far the one that is
//! stated is from the product. That takes one division where the other way takes many, and hardly asks.

use super::{ExactSum, FIRST_CUT, Small, Ways};
use crate::rate::exact::POWERS;
use crate::rate::small::wide;

/// Twice a difference below this has 64 bits.
const FAR: u64 = 1 << 62;

/// Which of `VendorRounding::ALL` explain the amount, and what it is more than the product; `None` where 64 bits are not
/// enough.
#[allow(clippy::needless_bitwise_bool, reason = "which of them holds is as good as random, and a branch a bad guess")]
pub fn ways_and_difference(quantity: Small, unit_price: Small, stated: Small, digits: u32) -> Option<(Ways, ExactSum)> {
    let scale = (quantity.scale() + unit_price.scale().max(digits)).max(stated.scale());
    let raised = power(scale - quantity.scale() - unit_price.scale())?;
    let product = quantity.mantissa().checked_mul(unit_price.mantissa())?;
    let (product, amount) = (wide(product, raised), wide(stated.mantissa(), power(scale - stated.scale())?));
    let more = i64::try_from(amount - product).ok().filter(|more| more.unsigned_abs() < FAR)?;
    // Away from zero.
    let beyond = if product < 0 { -more } else { more };
    let unit = power(scale - digits)?;
    // Where the amount ends at a unit, it is the multiple of it next to the product that is so far away.
    let is_down = |unit: i64| (-unit < beyond) & (beyond <= 0);
    let is_nearest = |unit: i64| (-unit < 2 * beyond) & (2 * beyond <= unit);

    let ends = stated.ends_within(digits)?;
    let is_half = 2 * beyond.abs() == unit;
    // The amount in units is odd where it ends in as many zero bits as decimal zeros were cut off.
    let is_odd = stated.mantissa().trailing_zeros() + digits == stated.scale();
    let down_twice = if digits > FIRST_CUT {
        stated.ends_within(FIRST_CUT)? & is_down(power(scale - FIRST_CUT)?)
    } else {
        ends & is_down(unit)
    };
    let places = stated.scale() > digits && is_nearest(power(scale - stated.scale())?);

    // What the product is less for each unit of the quantity, where its price is cut.
    let price_unit = power(unit_price.scale().saturating_sub(digits))?;
    let cut = unit_price.mantissa() % price_unit;
    let is_up = 2 * cut.abs() >= price_unit;
    let rounded = if is_up { cut.signum() * price_unit - cut } else { -cut };
    // What does not fit is more than the difference.
    let by_unit = |each: i64| {
        quantity.mantissa().checked_mul(each).and_then(|all| all.checked_mul(raised)).is_some_and(|all| all == more)
    };
    let (unit_down, unit_nearest) = (by_unit(-cut), by_unit(rounded));

    // In the order of `VendorRounding::ALL`.
    let ways = [
        more == 0,
        ends & is_nearest(unit),
        ends & is_down(unit),
        down_twice,
        unit_down,
        ends & (2 * beyond.abs() <= unit) & !(is_half & is_odd),
        unit_nearest,
        ends & (0 <= beyond) & (beyond < unit),
        ends & (-unit < more) & (more <= 0),
        places,
    ];
    Some((ways, ExactSum::from_parts(i128::from(more), scale)))
}

fn power(of_ten: u32) -> Option<i64> {
    POWERS.get(of_ten as usize).copied()
}
