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
    /// The product, digits cut off: Microsoft's usage, whose second `ROUNDDOWN`, after the exchange rate, does
    /// nothing at a rate of one.
    Down,
    /// The product, any fraction a whole cent more.
    Up,
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
    pub const ALL: [VendorRounding; 8] = [
        VendorRounding::Exact,
        VendorRounding::Nearest,
        VendorRounding::Down,
        VendorRounding::UnitDown,
        VendorRounding::HalfEven,
        VendorRounding::UnitNearest,
        VendorRounding::Up,
        VendorRounding::Places,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            VendorRounding::Exact => "exact",
            VendorRounding::Nearest => "nearest",
            VendorRounding::HalfEven => "half_even",
            VendorRounding::Down => "down",
            VendorRounding::Up => "up",
            VendorRounding::UnitNearest => "unit_price_nearest",
            VendorRounding::UnitDown => "unit_price_down",
            VendorRounding::Places => "places_written",
        }
    }
}

const NEAREST: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

/// Whether a way of rounding makes `quantity × unit_price` the amount that is stated.
pub fn explains(
    rule: VendorRounding,
    quantity: Decimal,
    unit_price: Decimal,
    stated: Decimal,
    currency: Currency,
) -> Result<bool, Overflow> {
    let digits = currency.minor_digits();
    let amount = |how| Exact::of(quantity).times(unit_price)?.divided(1, digits, how);
    let by_unit = |how| Exact::of(quantity).times(Exact::of(unit_price).divided(1, digits, how)?);
    Ok(match rule {
        VendorRounding::Exact => Exact::of(quantity).times(unit_price)? == Exact::of(stated),
        VendorRounding::Nearest => amount(NEAREST)? == stated,
        VendorRounding::HalfEven => amount(RoundingStrategy::MidpointNearestEven)? == stated,
        VendorRounding::Down => amount(RoundingStrategy::ToZero)? == stated,
        VendorRounding::Up => amount(RoundingStrategy::AwayFromZero)? == stated,
        VendorRounding::UnitNearest => by_unit(NEAREST)? == Exact::of(stated),
        VendorRounding::UnitDown => by_unit(RoundingStrategy::ToZero)? == Exact::of(stated),
        VendorRounding::Places => {
            let places = stated.scale();
            places > digits && Exact::of(quantity).times(unit_price)?.divided(1, places, NEAREST)? == stated
        }
    })
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
    /// What all rows state, less quantity × unit price.
    pub residue: ExactSum,
}

impl CostCheck {
    /// Takes in a row. One whose product no number here can hold is taken as unexplained, without its money.
    pub fn note(&mut self, quantity: Decimal, unit_price: Decimal, stated: Decimal, currency: Currency) {
        self.rows += 1;
        let digits = currency.minor_digits();
        let equal = equal_product(quantity, unit_price, stated) == Some(true);
        match (equal, ends_within(stated, digits), ends_within(unit_price, digits)) {
            (true, true, true) => {
                self.plain += 1;
                return;
            }
            (true, false, false) => {
                // More digits than any rounding to the minor unit leaves.
                for (rule, count) in VendorRounding::ALL.into_iter().zip(&mut self.explained) {
                    *count += u64::from(matches!(rule, VendorRounding::Exact | VendorRounding::Places));
                }
                return;
            }
            (true | false, ..) => {}
        }
        let (ways, difference) = ways_and_difference(quantity, unit_price, stated, digits).unwrap_or_else(|| {
            let ways = VendorRounding::ALL.map(|r| explains(r, quantity, unit_price, stated, currency) == Ok(true));
            let product = Exact::of(quantity).times(unit_price);
            let difference = product.and_then(|p| Exact::of(stated).minus(p)).and_then(Exact::sum);
            (ways, difference.unwrap_or_default())
        });
        for (way, count) in ways.into_iter().zip(&mut self.explained) {
            *count += u64::from(way);
        }
        let any = ways.contains(&true);
        // A sum of differences that cannot be held stands still; the count of rows goes on.
        let _ = self.residue.merge(difference);
        if !any {
            self.unexplained += 1;
            let _ = self.difference.merge(difference);
        }
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
) -> Option<([bool; VendorRounding::ALL.len()], ExactSum)> {
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
    let places = stated.scale() > digits && nearest(product, 10i128.checked_pow(scale - stated.scale())?)? == amount;
    let ways = VendorRounding::ALL.map(|rule| match rule {
        VendorRounding::Exact => Some(product == amount),
        VendorRounding::Nearest => Some(nearest(product, unit)? == amount),
        VendorRounding::Down => Some(down(product, unit) == amount),
        VendorRounding::UnitDown => Some(by_unit(down(price, unit))? == amount),
        VendorRounding::HalfEven => Some(half_even == amount),
        VendorRounding::UnitNearest => Some(by_unit(nearest(price, unit)?)? == amount),
        VendorRounding::Up => Some(up == amount),
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    fn usd() -> Currency {
        Currency::parse("USD").expect("a code")
    }

    fn ways(quantity: &str, unit_price: &str, stated: &str) -> Vec<&'static str> {
        let explains =
            |rule: &VendorRounding| explains(*rule, d(quantity), d(unit_price), d(stated), usd()).expect("fits");
        VendorRounding::ALL.iter().filter(|r| explains(r)).map(|r| r.word()).collect()
    }

    #[test]
    fn each_way_explains_what_it_makes_and_nothing_else() {
        // 3 × 1.115 = 3.345
        assert_eq!(ways("3", "1.115", "3.345"), ["exact", "places_written"]);
        assert_eq!(ways("3", "1.115", "3.35"), ["nearest", "up"]);
        assert_eq!(ways("3", "1.115", "3.34"), ["down", "half_even"]);
        assert_eq!(ways("3", "1.115", "3.33"), ["unit_price_down"]);
        assert_eq!(ways("3", "1.115", "3.36"), ["unit_price_nearest"]);
        assert_eq!(ways("3", "1.115", "3.37"), [""; 0]);
        assert_eq!(ways("0.0123", "0.00549", "0.00006753"), ["places_written"]);
    }

    #[test]
    fn digits_are_cut_toward_zero_on_refunds_too() {
        assert_eq!(ways("-3", "1.115", "-3.34"), ["down", "half_even"]);
        assert_eq!(ways("-3", "1.115", "-3.33"), ["unit_price_down"]);
    }

    #[test]
    fn the_file_says_which_way_is_its_own() {
        // Microsoft's usage: digits cut off after the product. The first row cannot tell, the last fits nothing.
        let mut check = CostCheck::default();
        for (quantity, unit_price, stated) in [
            ("2", "1.50", "3.00"),
            ("3", "1.115", "3.34"),
            ("0.005001", "0.03825", "0.00"),
            ("7.777", "1.999", "15.54"),
            ("3", "1.115", "4.00"),
        ] {
            check.note(d(quantity), d(unit_price), d(stated), usd());
        }
        assert_eq!(check.best(), Some((VendorRounding::Down, 4)));
        assert_eq!((check.rows, check.unexplained), (5, 1));
        assert_eq!(check.difference.to_string(), "0.655");
        // 3.34 − 3.345, 0 − 0.00019128825, 15.54 − 15.546223, 4 − 3.345
        assert_eq!(check.residue.to_string(), "0.64358571175");
    }

    #[test]
    fn where_every_product_ends_at_the_cent_nothing_is_told() {
        let mut check = CostCheck::default();
        check.note(d("2"), d("1.50"), d("3.0"), usd());
        assert_eq!((check.best(), check.rows, check.unexplained), (None, 1, 0));
    }

    proptest! {
        #[test]
        fn short_numbers_say_what_long_ones_do(
            quantity in (-2_000i64..2_000, 0u32..5), price in (-50_000i64..50_000, 0u32..6),
            how in 0usize..9, extra in 0u32..3, off in -1i64..2)
        {
            let (quantity, price) = (Decimal::new(quantity.0, quantity.1), Decimal::new(price.0, price.1));
            // An amount that some rule makes, mostly, in more or fewer digits.
            let product = quantity * price;
            let strategy = [NEAREST, RoundingStrategy::ToZero, RoundingStrategy::AwayFromZero,
                RoundingStrategy::MidpointNearestEven][how % 4];
            let mut stated = match how {
                0..4 => product.round_dp_with_strategy(2, strategy),
                4 => product,
                5 => product.round_dp_with_strategy(4, NEAREST),
                6 => quantity * price.round_dp_with_strategy(2, NEAREST),
                7 => quantity * price.round_dp_with_strategy(2, RoundingStrategy::ToZero),
                _ => product.round_dp_with_strategy(2, NEAREST) + Decimal::new(off, 2),
            };
            stated.rescale(stated.scale().max(2) + extra);
            let digits = usd().minor_digits();
            let (ways, difference) = ways_and_difference(quantity, price, stated, digits).expect("short numbers");
            let long = VendorRounding::ALL.map(|r| explains(r, quantity, price, stated, usd()).expect("fits"));
            prop_assert_eq!(ways, long, "{} × {} = {}", quantity, price, stated);
            prop_assert_eq!(difference, ExactSum::of(stated - product));
        }
    }

    #[test]
    fn numbers_past_128_bits_are_compared_too() {
        let widest = "7922816251426433759354395033.5";
        assert_eq!(equal_product(d(widest), d(widest), d("1")), None);
        assert_eq!(
            ways(widest, "0.1", "792281625142643375935439503.35"),
            ["exact", "nearest", "down", "unit_price_down", "half_even", "unit_price_nearest", "up"]
        );
    }
}
