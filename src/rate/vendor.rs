//! How a vendor comes from quantity and unit price to the amount it states. Vendors round in their own ways,
//! and say so or not; here the ways are held against what the file itself states, and none is assumed.

mod short;

use rust_decimal::{Decimal, RoundingStrategy};

use super::exact::{ExactSum, Overflow, POWERS};
use super::money::Currency;
use super::small::Small;
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
        let short = || {
            let of = |value| Small::of(value);
            short::ways_and_difference(of(self.quantity)?, of(self.unit_price)?, of(self.stated)?, digits)
        };
        let longer = || ways_and_difference(self.quantity, self.unit_price, self.stated, digits);
        self.rate.is_none().then(|| short().or_else(longer)).flatten().unwrap_or_else(|| {
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
    /// Rows explained by each of `VendorRounding::ALL`, beside the plain and the exact ones.
    explained: [u64; VendorRounding::ALL.len()],
    /// Other rows that state just quantity × unit price, by what tells which ways explain them, too.
    exact: [u64; Exactly::COUNT],
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
    /// Takes in the rows of another.
    pub fn merge(&mut self, other: &Self) -> Result<(), Overflow> {
        self.rows += other.rows;
        self.plain += other.plain;
        self.unexplained += other.unexplained;
        self.explained.iter_mut().zip(other.explained).for_each(|(mine, others)| *mine += others);
        self.exact.iter_mut().zip(other.exact).for_each(|(mine, others)| *mine += others);
        self.difference.merge(other.difference)?;
        self.over.merge(other.over)?;
        self.residue.merge(other.residue)
    }

    /// Takes in a row, and says whether any way of rounding explains it. One whose product no number here can hold is
    /// taken as unexplained, without its money. `parts` are what the amount may be for of what the price is for, which is
    /// asked only where nothing else explains it.
    pub fn note<const N: usize>(&mut self, charge: &Charge, parts: impl FnOnce() -> [Part; N]) -> bool {
        let Charge { quantity, unit_price, rate, stated, currency } = *charge;
        if rate.is_none()
            && let (Some(quantity), Some(unit_price), Some(stated)) =
                (Small::of(quantity), Small::of(unit_price), Small::of(stated))
            && self.note_short([quantity, unit_price, stated], currency.minor_digits())
        {
            return true;
        }
        self.note_long(charge, parts)
    }

    /// The same of one that [`CostCheck::note_short`] did not take in.
    pub fn note_long<const N: usize>(&mut self, charge: &Charge, parts: impl FnOnce() -> [Part; N]) -> bool {
        self.rows += 1;
        let (ways, difference) = charge.ways();
        let any = is_any(&ways);
        if !any && parts().into_iter().any(|part| charge.is_part(part)) {
            self.plain += 1;
            return true;
        }
        self.count(&ways, difference);
        if !any {
            self.unexplained += 1;
            let _ = self.difference.merge(difference);
            if difference.is_positive() {
                let _ = self.over.merge(difference);
            }
        }
        any
    }

    fn count(&mut self, ways: &Ways, difference: ExactSum) {
        for (way, count) in ways.iter().zip(&mut self.explained) {
            *count += u64::from(*way);
        }
        // A sum of differences that cannot be held stands still; the count of rows goes on.
        let _ = self.residue.merge(difference);
    }

    /// Takes in a row of one currency, of so many digits behind the point, if a way of rounding explains it and short
    /// numbers are enough to tell. `false` says nothing, and the row is to be noted.
    #[inline]
    pub fn note_short(&mut self, [quantity, unit_price, stated]: [Small; 3], digits: u32) -> bool {
        if stated.is_product(quantity, unit_price) == Some(true) {
            return self.note_exact([quantity, unit_price, stated], digits);
        }
        self.note_rounded([quantity, unit_price, stated], digits)
    }

    #[inline(never)]
    fn note_rounded(&mut self, [quantity, unit_price, stated]: [Small; 3], digits: u32) -> bool {
        let told = short::ways_and_difference(quantity, unit_price, stated, digits);
        let Some((ways, difference)) = told.filter(|(ways, _)| is_any(ways)) else { return false };
        self.rows += 1;
        self.count(&ways, difference);
        true
    }

    /// One that states just quantity × unit price: what explains it, too, is told by where its digits end.
    #[inline]
    fn note_exact(&mut self, [quantity, unit_price, stated]: [Small; 3], digits: u32) -> bool {
        let (Some(ends), Some(price_ends)) = (stated.ends_within(digits), unit_price.ends_within(digits)) else {
            return false;
        };
        let cut_ends = if digits == FIRST_CUT { Some(ends) } else { stated.ends_within(FIRST_CUT) };
        let Some(cut_ends) = cut_ends else { return false };
        self.rows += 1;
        // Of a currency of three digits the first cut may come before the minor unit.
        let is_plain = ends & price_ends & cut_ends;
        let price_ends = price_ends | quantity.is_zero();
        let exactly = Exactly { ends, cut_ends, price_ends, places: stated.scale() > digits };
        let exact = &mut self.exact[exactly.number()];
        *(if is_plain { &mut self.plain } else { exact }) += 1;
        true
    }

    /// Rows that each of `VendorRounding::ALL` explains, beside the plain ones.
    fn explained(&self) -> [u64; VendorRounding::ALL.len()] {
        let mut explained = self.explained;
        for (number, rows) in self.exact.iter().enumerate() {
            for (rule, count) in VendorRounding::ALL.into_iter().zip(&mut explained) {
                *count += if Exactly::numbered(number).is_explained_by(rule) { *rows } else { 0 };
            }
        }
        explained
    }

    /// Whether every row states just quantity × unit price.
    pub fn is_exact(&self) -> bool {
        self.plain + self.explained()[0] == self.rows
    }

    /// The way of rounding that explains most rows, and how many. `None` where nothing tells them apart.
    pub fn best(&self) -> Option<(VendorRounding, u64)> {
        let ways = VendorRounding::ALL.into_iter().zip(self.explained());
        let (rule, count) = ways.rev().max_by_key(|(_, count)| *count)?;
        (count > 0).then_some((rule, count + self.plain))
    }
}

/// What of a row that states just quantity × unit price tells which other ways explain it.
#[derive(Debug, Clone, Copy)]
struct Exactly {
    /// The amount has no digit behind the minor unit, and none behind the first cut.
    ends: bool,
    cut_ends: bool,
    /// Nor has the unit price, or there is none of the units.
    price_ends: bool,
    /// The amount is written with more digits than the minor unit has.
    places: bool,
}

impl Exactly {
    const COUNT: usize = 1 << 4;

    fn number(self) -> usize {
        let Self { ends, cut_ends, price_ends, places } = self;
        [ends, cut_ends, price_ends, places].into_iter().fold(0, |number, is| number << 1 | usize::from(is))
    }

    fn numbered(number: usize) -> Self {
        let is = |bit: usize| number >> bit & 1 == 1;
        Self { ends: is(3), cut_ends: is(2), price_ends: is(1), places: is(0) }
    }

    fn is_explained_by(self, rule: VendorRounding) -> bool {
        match rule {
            VendorRounding::Exact => true,
            VendorRounding::Nearest
            | VendorRounding::HalfEven
            | VendorRounding::Down
            | VendorRounding::Up
            | VendorRounding::Floor => self.ends,
            VendorRounding::DownTwice => self.ends && self.cut_ends,
            VendorRounding::UnitNearest | VendorRounding::UnitDown => self.price_ends,
            VendorRounding::Places => self.places,
        }
    }
}

/// Not asked one after the other: which of them explains a row is as good as random.
fn is_any(ways: &Ways) -> bool {
    ways.iter().fold(false, |any, way| any | way)
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
    let raised = |value: i128, from: u32| product_of(value, power(scale - from)?);
    let product = raised(product_of(quantity.mantissa(), price)?, quantity.scale() + price_scale)?;
    let amount = raised(stated.mantissa(), stated.scale())?;
    let unit = power(scale - digits)?;
    // Dividing is what takes long, so each number of the common scale is divided once. A way that ends at the minor unit
    // makes no amount that does not.
    let cut = Cut::of(product, unit)?;
    let ends = amount % unit == 0;
    let price = Cut::of(raised(price, price_scale)?, unit)?;
    let by_unit = |price: i128| {
        // A rounded price ends at the minor unit, so nothing is lost.
        let whole = product_of(quantity.mantissa(), price / unit)?;
        raised(whole, quantity.scale() + digits)
    };
    let by_unit = |rounded: i128| if price.rest == 0 { Some(product) } else { by_unit(rounded) };
    let down_twice = || {
        let first = if digits > FIRST_CUT { Cut::of(product, power(scale - FIRST_CUT)?)?.down } else { cut.down };
        Some(first == amount)
    };
    let places = || Some(Cut::of(product, power(scale - stated.scale())?)?.nearest() == amount);
    let mut ways = Ways::default();
    for (way, rule) in ways.iter_mut().zip(VendorRounding::ALL) {
        *way = match rule {
            VendorRounding::Exact => product == amount,
            VendorRounding::Nearest => ends && cut.nearest() == amount,
            VendorRounding::Down => ends && cut.down == amount,
            VendorRounding::DownTwice => ends && down_twice()?,
            VendorRounding::UnitDown => by_unit(price.down)? == amount,
            VendorRounding::HalfEven => ends && cut.half_even() == amount,
            VendorRounding::UnitNearest => by_unit(price.nearest())? == amount,
            VendorRounding::Up => ends && cut.up == amount,
            VendorRounding::Floor => ends && (if product < 0 { cut.up } else { cut.down }) == amount,
            VendorRounding::Places => stated.scale() > digits && places()?,
        };
    }
    let difference = ExactSum::from_parts(amount.checked_sub(product)?, scale);
    Some((ways, difference))
}

/// A whole number between the two multiples of a unit that it can be rounded to.
#[derive(Clone, Copy)]
struct Cut {
    /// Toward zero.
    down: i128,
    rest: i128,
    /// Away from zero; the number itself where it is a multiple.
    up: i128,
    unit: i128,
}

impl Cut {
    fn of(value: i128, unit: i128) -> Option<Self> {
        let rest = match (i64::try_from(value), i64::try_from(unit)) {
            (Ok(value), Ok(unit)) => i128::from(value % unit),
            _ => value % unit,
        };
        let down = value - rest;
        Some(Self { down, rest, up: down.checked_add(unit * rest.signum())?, unit })
    }

    fn beside_half(self) -> std::cmp::Ordering {
        (self.rest.unsigned_abs() * 2).cmp(&self.unit.unsigned_abs())
    }

    /// Half away from zero.
    fn nearest(self) -> i128 {
        if self.beside_half().is_ge() { self.up } else { self.down }
    }

    fn half_even(self) -> i128 {
        let is_odd = || (self.down / self.unit) % 2 != 0;
        let half = self.beside_half();
        if half.is_gt() || (half.is_eq() && is_odd()) { self.up } else { self.down }
    }
}

/// Numbers of up to 64 bits, as nearly all are, are multiplied in one step.
fn product_of(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(i128::from(a) * i128::from(b)),
        _ => a.checked_mul(b),
    }
}

fn power(of_ten: u32) -> Option<i128> {
    match POWERS.get(of_ten as usize) {
        Some(power) => Some(i128::from(*power)),
        None => 10i128.checked_pow(of_ten),
    }
}

#[cfg(test)]
mod tests;
