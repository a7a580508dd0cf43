//! How a vendor comes from quantity and unit price to the amount it states. Vendors round in their own ways,
//! and say so or not; here the ways are held against what the file itself states, and none is assumed.

use rust_decimal::{Decimal, RoundingStrategy};

use super::exact::{ExactSum, Overflow};
use super::money::Currency;
use super::wide::Exact;

/// A way of rounding an amount. Digits are those of the currency's minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VendorRounding {
    /// `quantity × unit price`, every digit.
    Exact,
    /// The product, half away from zero.
    Nearest,
    /// The product, half to even.
    HalfEven,
    /// The product, digits cut off.
    Down,
    /// The product with its digits cut off behind the second place, then at the exchange rate cut off again: Microsoft's
    /// `ROUNDDOWN(ROUNDDOWN(price × quantity, 2) × rate, 2)` of usage.
    DownTwice,
    /// The product, any fraction a whole cent more.
    Up,
    /// The product, to the next cent below, which for a refund is away from zero.
    Floor,
    /// The unit price half away from zero, then the product.
    UnitNearest,
    /// The unit price with its digits cut off, then the product: Microsoft's licences.
    UnitDown,
    /// The product, half away from zero, to as many places as the amount is written with, which are more than
    /// the minor unit has.
    Places,
}

impl VendorRounding {
    /// In the order in which they are preferred where several explain as much.
    pub const ALL: [VendorRounding; 10] = [
        VendorRounding::Exact,
        VendorRounding::Nearest,
        VendorRounding::Down,
        VendorRounding::DownTwice,
        VendorRounding::UnitDown,
        VendorRounding::HalfEven,
        VendorRounding::UnitNearest,
        VendorRounding::Up,
        VendorRounding::Floor,
        VendorRounding::Places,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            VendorRounding::Exact => "exact",
            VendorRounding::Nearest => "nearest",
            VendorRounding::HalfEven => "half_even",
            VendorRounding::Down => "down",
            VendorRounding::DownTwice => "down_twice",
            VendorRounding::Up => "up",
            VendorRounding::Floor => "floor",
            VendorRounding::UnitNearest => "unit_price_nearest",
            VendorRounding::UnitDown => "unit_price_down",
            VendorRounding::Places => "places_written",
        }
    }
}

const NEAREST: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

/// Places to which Microsoft cuts the amount in the pricing currency.
const FIRST_CUT: u32 = 2;

/// Places to which a difference is stated where an exchange rate makes more of them than can be summed.
const DIFFERENCE_PLACES: u32 = 18;

type Ways = [bool; VendorRounding::ALL.len()];

/// What a row states: the amount of so many units at a price, and at a rate where the price is in another currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    pub quantity: Decimal,
    pub unit_price: Decimal,
    /// `None` where price and amount are in one currency.
    pub rate: Option<Decimal>,
    pub stated: Decimal,
    pub currency: Currency,
}

impl Charge {
    /// Whether a way of rounding makes `quantity × unit_price × rate` the amount that is stated.
    pub fn is_explained_by(&self, rule: VendorRounding) -> Result<bool, Overflow> {
        let Charge { quantity, unit_price, stated, currency, .. } = *self;
        let rate = self.rate.unwrap_or(Decimal::ONE);
        let digits = currency.minor_digits();
        let product = || self.product();
        let amount = |how| product()?.divided(1, digits, how);
        let own_price = || Exact::of(unit_price).times(rate);
        let by_unit = |how| Exact::of(quantity).times(own_price()?.divided(1, digits, how)?);
        let is_refund = [quantity, unit_price, rate].iter().filter(|n| n.is_sign_negative()).count() % 2 == 1;
        Ok(match rule {
            VendorRounding::Exact => product()? == Exact::of(stated),
            VendorRounding::Nearest => amount(NEAREST)? == stated,
            VendorRounding::HalfEven => amount(RoundingStrategy::MidpointNearestEven)? == stated,
            VendorRounding::Down => amount(RoundingStrategy::ToZero)? == stated,
            VendorRounding::DownTwice => {
                let first = Exact::of(quantity).times(unit_price)?.divided(1, FIRST_CUT, RoundingStrategy::ToZero)?;
                Exact::of(first).times(rate)?.divided(1, digits, RoundingStrategy::ToZero)? == stated
            }
            VendorRounding::Up => amount(RoundingStrategy::AwayFromZero)? == stated,
            VendorRounding::Floor => {
                let down = if is_refund { RoundingStrategy::AwayFromZero } else { RoundingStrategy::ToZero };
                amount(down)? == stated
            }
            VendorRounding::UnitNearest => by_unit(NEAREST)? == Exact::of(stated),
            VendorRounding::UnitDown => by_unit(RoundingStrategy::ToZero)? == Exact::of(stated),
            VendorRounding::Places => {
                let places = stated.scale();
                places > digits && product()?.divided(1, places, NEAREST)? == stated
            }
        })
    }

    /// Which of `VendorRounding::ALL` explain the amount, and what it is more than the product; a number that cannot
    /// be held explains nothing.
    fn ways(&self) -> (Ways, ExactSum) {
        let digits = self.currency.minor_digits();
        let short = || ways_and_difference(self.quantity, self.unit_price, self.stated, digits);
        self.rate.is_none().then(short).flatten().unwrap_or_else(|| {
            let ways = VendorRounding::ALL.map(|rule| self.is_explained_by(rule) == Ok(true));
            (ways, self.difference().unwrap_or_default())
        })
    }

    fn product(&self) -> Result<Exact, Overflow> {
        let product = Exact::of(self.quantity).times(self.unit_price)?;
        self.rate.map_or(Ok(product), |rate| product.times(rate))
    }

    /// What is stated, less the product.
    fn difference(&self) -> Result<ExactSum, Overflow> {
        let difference = Exact::of(self.stated).minus(self.product()?)?;
        if self.rate.is_none() {
            return difference.sum();
        }
        match difference.decimal().filter(|d| d.scale() <= DIFFERENCE_PLACES) {
            Some(decimal) => Ok(ExactSum::of(decimal)),
            None => difference.divided(1, DIFFERENCE_PLACES, NEAREST).map(ExactSum::of),
        }
    }

    /// Whether the amount is that of a part of what the price is for, rounded as a whole or unit by unit.
    fn is_part(&self, part: Part) -> bool {
        let (digits, of) = (self.currency.minor_digits(), part.of);
        let share = |whole: Exact| whole.times(Decimal::from(part.is))?.divided(of, digits, NEAREST);
        let by_unit = || {
            let unit_price =
                self.rate.map_or(Ok(Exact::of(self.unit_price)), |r| Exact::of(self.unit_price).times(r))?;
            Exact::of(self.quantity).times(share(unit_price)?)
        };
        part.is < of && (self.product().and_then(share) == Ok(self.stated) || by_unit() == Ok(Exact::of(self.stated)))
    }
}

/// A share of what a price is for: one month of twelve, 20 days of 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub is: u32,
    pub of: u32,
}

/// What the rows of a file that state quantity, unit price and amount say of how the vendor rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostCheck {
    pub rows: u64,
    /// Rows that every way of rounding explains: the product ends at the minor unit.
    plain: u64,
    /// Rows explained by each of `VendorRounding::ALL`, beside the plain ones.
    explained: [u64; VendorRounding::ALL.len()],
    /// Rows that none explains.
    pub unexplained: u64,
    /// What those state, less quantity × unit price: above zero, the vendor charges more.
    pub difference: ExactSum,
    /// Of these the rows that state more.
    pub over: ExactSum,
    /// What all rows state, less quantity × unit price.
    pub residue: ExactSum,
}

impl CostCheck {
    /// Takes in a row, and says whether any way of rounding explains it. One whose product no number here can hold is
    /// taken as unexplained, without its money. `parts` are what the amount may be for of what the price is for, which is
    /// asked only where nothing else explains it.
    pub fn note<const N: usize>(&mut self, charge: &Charge, parts: impl FnOnce() -> [Part; N]) -> bool {
        self.rows += 1;
        let Charge { quantity, unit_price, rate, stated, currency } = *charge;
        let digits = currency.minor_digits();
        let equal = rate.is_none() && equal_product(quantity, unit_price, stated) == Some(true);
        match (equal, ends_within(stated, digits), ends_within(unit_price, digits)) {
            (true, true, true) => {
                self.plain += 1;
                return true;
            }
            (true, false, false) => {
                // More digits than any rounding to the minor unit leaves.
                for (rule, count) in VendorRounding::ALL.into_iter().zip(&mut self.explained) {
                    *count += u64::from(matches!(rule, VendorRounding::Exact | VendorRounding::Places));
                }
                return true;
            }
            (true | false, ..) => {}
        }
        let (ways, difference) = charge.ways();
        let any = ways.contains(&true);
        if !any && parts().into_iter().any(|part| charge.is_part(part)) {
            self.plain += 1;
            return true;
        }
        for (way, count) in ways.into_iter().zip(&mut self.explained) {
            *count += u64::from(way);
        }
        // A sum of differences that cannot be held stands still; the count of rows goes on.
        let _ = self.residue.merge(difference);
        if !any {
            self.unexplained += 1;
            let _ = self.difference.merge(difference);
            if difference.is_positive() {
                let _ = self.over.merge(difference);
            }
        }
        any
    }

    /// Whether every row states just quantity × unit price.
    pub fn is_exact(&self) -> bool {
        self.plain + self.explained[0] == self.rows
    }

    /// The way of rounding that explains most rows, and how many. `None` where nothing tells them apart.
    pub fn best(&self) -> Option<(VendorRounding, u64)> {
        let ways = VendorRounding::ALL.into_iter().zip(self.explained);
        let (rule, count) = ways.rev().max_by_key(|(_, count)| *count)?;
        (count > 0).then_some((rule, count + self.plain))
    }
}

/// Which of `VendorRounding::ALL` explain the amount, and what it is more than the product, by the 128-bit numbers
/// of most rows; `None` where they are not enough.
fn ways_and_difference(
    quantity: Decimal,
    unit_price: Decimal,
    stated: Decimal,
    digits: u32,
) -> Option<(Ways, ExactSum)> {
    let (price, price_scale) = (unit_price.mantissa(), unit_price.scale());
    let scale = (quantity.scale() + price_scale.max(digits)).max(stated.scale());
    let raised = |value: i128, from: u32| value.checked_mul(10i128.checked_pow(scale - from)?);
    let product = raised(quantity.mantissa().checked_mul(price)?, quantity.scale() + price_scale)?;
    let amount = raised(stated.mantissa(), stated.scale())?;
    let unit = 10i128.checked_pow(scale - digits)?;
    // Of a number of the common scale, to so many places.
    let down = |value: i128, unit: i128| value - value % unit;
    let nearest = |value: i128, unit: i128| {
        let rest = value % unit;
        let up = rest.unsigned_abs() * 2 >= unit.unsigned_abs();
        down(value, unit).checked_add(if up { unit * rest.signum() } else { 0 })
    };
    let half_even = {
        let (rest, cut) = (product % unit, down(product, unit));
        let twice = rest.unsigned_abs() * 2;
        let up = twice > unit.unsigned_abs() || (twice == unit.unsigned_abs() && (cut / unit) % 2 != 0);
        cut.checked_add(if up { unit * rest.signum() } else { 0 })?
    };
    let up = {
        let rest = product % unit;
        down(product, unit).checked_add(unit * rest.signum())?
    };
    let price = raised(price, price_scale)?;
    let by_unit = |price: i128| {
        // A rounded price ends at the minor unit, so nothing is lost.
        let whole = quantity.mantissa().checked_mul(price / unit)?;
        raised(whole, quantity.scale() + digits)
    };
    let down_twice = if digits > FIRST_CUT {
        down(down(product, 10i128.checked_pow(scale - FIRST_CUT)?), unit)
    } else {
        down(product, unit)
    };
    let floor = if product < 0 { up } else { down(product, unit) };
    let places = stated.scale() > digits && nearest(product, 10i128.checked_pow(scale - stated.scale())?)? == amount;
    let ways = VendorRounding::ALL.map(|rule| match rule {
        VendorRounding::Exact => Some(product == amount),
        VendorRounding::Nearest => Some(nearest(product, unit)? == amount),
        VendorRounding::Down => Some(down(product, unit) == amount),
        VendorRounding::DownTwice => Some(down_twice == amount),
        VendorRounding::UnitDown => Some(by_unit(down(price, unit))? == amount),
        VendorRounding::HalfEven => Some(half_even == amount),
        VendorRounding::UnitNearest => Some(by_unit(nearest(price, unit)?)? == amount),
        VendorRounding::Up => Some(up == amount),
        VendorRounding::Floor => Some(floor == amount),
        VendorRounding::Places => Some(places),
    });
    if ways.contains(&None) {
        return None;
    }
    let difference = ExactSum::from_parts(amount.checked_sub(product)?, scale);
    Some((ways.map(|way| way == Some(true)), difference))
}

/// Whether `quantity × unit_price` is `stated`, by the 128-bit numbers of most rows; `None` where they are
/// not enough.
fn equal_product(quantity: Decimal, unit_price: Decimal, stated: Decimal) -> Option<bool> {
    let product = quantity.mantissa().checked_mul(unit_price.mantissa())?;
    let scale = quantity.scale() + unit_price.scale();
    let (up, of_product) =
        if scale < stated.scale() { (stated.scale() - scale, true) } else { (scale - stated.scale(), false) };
    let factor = 10i128.checked_pow(up)?;
    Some(if of_product {
        product.checked_mul(factor)? == stated.mantissa()
    } else {
        product == stated.mantissa().checked_mul(factor)?
    })
}

/// Whether a value has no digit that counts past so many places.
fn ends_within(value: Decimal, digits: u32) -> bool {
    value.scale() <= digits || value.normalize().scale() <= digits
}

#[cfg(test)]
mod tests;
