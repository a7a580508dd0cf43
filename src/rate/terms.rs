//! From a quantity to a line's amount. Around any pricing model, in this order: minimum and maximum units
//! on the total, included quantity off, price, percentage discount, maximum amount, proration, rounding,
//! minimum amount (its shortfall is a line of its own).

use rust_decimal::Decimal;

use super::exact::{ExactSum, add, multiply, subtract};
use super::model::{self, PricingModel, RateError, Tier};
use super::money::{Currency, Rounding};

/// What a contract line says about price. Amounts are per bill cycle, in `currency`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    pub model: PricingModel,
    pub unit_price: Option<Decimal>,
    pub tiers: Vec<Tier>,
    pub package_size: Option<Decimal>,
    /// Of cost-plus.
    pub unit_cost: Option<Decimal>,
    pub markup_percent: Option<Decimal>,
    pub included_quantity: Option<Decimal>,
    pub minimum_quantity: Option<Decimal>,
    pub maximum_quantity: Option<Decimal>,
    pub discount_percent: Option<Decimal>,
    pub minimum_amount: Option<Decimal>,
    pub maximum_amount: Option<Decimal>,
    pub flat_at_zero: bool,
    pub currency: Currency,
    pub rounding: Rounding,
}

/// Active days of the days a whole service period has; `WHOLE` leaves an amount as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub active: u32,
    pub of: u32,
}

impl Share {
    pub const WHOLE: Self = Self { active: 1, of: 1 };

    pub fn is_whole(self) -> bool {
        self.active == self.of
    }
}

/// A rated quantity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rated {
    /// Units billed: after minimum and maximum units and the included quantity.
    pub quantity: Decimal,
    /// Where `quantity × unit_price` is the amount before rounding, else `None`.
    pub unit_price: Option<Decimal>,
    /// In minor units of the currency.
    pub amount: Decimal,
    /// `amount` less the amount before rounding, to 12 places: what rounding added.
    pub residue: Decimal,
    /// What is missing to the minimum amount, in minor units; zero if nothing is.
    pub minimum_shortfall: Decimal,
}

/// Rates `total` units under `terms`, for the share of the period the line was active.
pub fn rate(total: Decimal, terms: &Terms, share: Share) -> Result<Rated, RateError> {
    let total = total.max(Decimal::ZERO);
    let bounded = terms.minimum_quantity.map_or(total, |m| total.max(m));
    let bounded = terms.maximum_quantity.map_or(bounded, |m| bounded.min(m));
    let included = terms.included_quantity.unwrap_or_default();
    let quantity = subtract(bounded, included)?.max(Decimal::ZERO);

    let (mut amount, unit_price) = price(quantity, terms)?;
    let mut unit_price = unit_price;
    if let Some(percent) = terms.discount_percent.filter(|p| !p.is_zero()) {
        let factor = multiply(subtract(Decimal::ONE_HUNDRED, percent)?, Decimal::new(1, 2))?;
        amount = multiply(amount, factor)?;
        unit_price = unit_price.map(|p| multiply(p, factor)).transpose()?;
    }
    if let Some(most) = terms.maximum_amount.filter(|m| amount > *m) {
        amount = most;
        unit_price = None;
    }
    if !share.is_whole() {
        unit_price = None;
    }

    let digits = terms.currency.minor_digits();
    let before = ExactSum::of(amount).times(i64::from(share.active))?;
    let rounded = terms.rounding.line(before.divided(share.of, digits, terms.rounding.strategy())?, terms.currency);
    let exact = before.divided(share.of, 12, terms.rounding.strategy())?;
    let minimum_shortfall = match terms.minimum_amount {
        Some(least) if rounded < least => terms.rounding.line(subtract(least, rounded)?, terms.currency),
        _ => Decimal::ZERO,
    };
    Ok(Rated { quantity, unit_price, amount: rounded, residue: subtract(rounded, exact)?, minimum_shortfall })
}

/// The amount of `quantity` units, and the unit price where one says it all.
fn price(quantity: Decimal, terms: &Terms) -> Result<(Decimal, Option<Decimal>), RateError> {
    let unit = || terms.unit_price.ok_or(RateError::PriceUnknown);
    let tiered = |f: fn(Decimal, &[Tier], bool) -> Result<Decimal, RateError>| {
        model::check_tiers(&terms.tiers)?;
        Ok((f(quantity, &terms.tiers, terms.flat_at_zero)?, None))
    };
    match terms.model {
        PricingModel::PerUnit => {
            let unit = unit()?;
            Ok((multiply(quantity, unit)?, Some(unit)))
        }
        PricingModel::Flat => {
            let fee = unit()?;
            if quantity.is_zero() && !terms.flat_at_zero {
                return Ok((Decimal::ZERO, Some(fee)));
            }
            Ok((fee, (quantity == Decimal::ONE).then_some(fee)))
        }
        PricingModel::Graduated => tiered(model::graduated),
        PricingModel::Volume => tiered(model::volume),
        PricingModel::Stairstep => tiered(model::stairstep),
        PricingModel::StackedStairstep => tiered(model::stacked_stairstep),
        PricingModel::Package => {
            let size = terms.package_size.ok_or(RateError::BadPackage)?;
            Ok((model::package(quantity, size, unit()?)?, None))
        }
        PricingModel::CostPlus => {
            let cost = terms.unit_cost.ok_or(RateError::PriceUnknown)?;
            let unit = model::cost_plus_price(cost, terms.markup_percent.unwrap_or_default())?;
            Ok((multiply(quantity, unit)?, Some(unit)))
        }
    }
}

/// How far apart two rated quantities of one line are, with their minimum amounts: never negative.
pub fn apart(one: &Rated, other: &Rated) -> Result<Decimal, RateError> {
    let whole = |r: &Rated| add(r.amount, r.minimum_shortfall);
    Ok(subtract(whole(one)?, whole(other)?)?.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    fn per_unit(price: &str) -> Terms {
        Terms { unit_price: Some(d(price)), currency: Currency::parse("USD").expect("a code"), ..Terms::default() }
    }

    fn whole(quantity: &str, terms: &Terms) -> Rated {
        rate(d(quantity), terms, Share::WHOLE).expect("rates")
    }

    #[test]
    fn per_unit_is_rounded_once_per_line() {
        let rated = whole("55", &per_unit("4.675"));
        assert_eq!(rated.amount.to_string(), "257.13");
        assert_eq!(rated.residue.normalize().to_string(), "0.005");
        assert_eq!(rated.unit_price, Some(d("4.675")));
    }

    #[test]
    fn an_impact_is_the_difference_of_two_rounded_lines() {
        let terms = per_unit("4.675");
        assert_eq!(apart(&whole("60", &terms), &whole("55", &terms)), Ok(d("23.37")));
    }

    #[test]
    fn included_units_come_off_after_the_bounds() {
        let terms = Terms {
            included_quantity: Some(d("5")),
            minimum_quantity: Some(d("8")),
            maximum_quantity: Some(d("20")),
            ..per_unit("2")
        };
        assert_eq!(whole("3", &terms).quantity, d("3"));
        assert_eq!(whole("12", &terms).quantity, d("7"));
        assert_eq!(whole("99", &terms).quantity, d("15"));
    }

    #[test]
    fn included_and_overage_add_up_to_the_total() {
        // 1,250 GB with 1,000 included at 0.20: 250 billed, 50.00.
        let terms = Terms { included_quantity: Some(d("1000")), ..per_unit("0.20") };
        let rated = whole("1250", &terms);
        assert_eq!((rated.quantity, rated.amount), (d("250"), d("50.00")));
    }

    #[test]
    fn a_discount_comes_before_the_maximum_and_the_minimum_after_rounding() {
        let terms = Terms { discount_percent: Some(d("10")), maximum_amount: Some(d("100")), ..per_unit("10") };
        assert_eq!(whole("11", &terms).amount, d("99.00"));
        assert_eq!(whole("11", &terms).unit_price, Some(d("9")));
        assert_eq!(whole("20", &terms).amount, d("100.00"));
        assert_eq!(whole("20", &terms).unit_price, None);
        let floor = Terms { minimum_amount: Some(d("1000")), ..per_unit("9") };
        assert_eq!(whole("100", &floor).minimum_shortfall, d("100.00"));
    }

    #[test]
    fn a_flat_fee_is_one_price_and_nothing_at_zero_units() {
        let terms = Terms { model: PricingModel::Flat, ..per_unit("703") };
        assert_eq!(whole("1", &terms).amount, d("703.00"));
        assert_eq!(whole("7", &terms).amount, d("703.00"));
        assert_eq!(whole("7", &terms).unit_price, None);
        assert_eq!(whole("0", &terms).amount, d("0.00"));
    }

    #[test]
    fn proration_multiplies_before_it_divides() {
        let rated = rate(d("10"), &per_unit("9.99"), Share { active: 14, of: 31 }).expect("rates");
        // 99.90 × 14 ÷ 31 = 45.116129…
        assert_eq!(rated.amount.to_string(), "45.12");
        assert_eq!(rated.unit_price, None);
        assert_eq!(rated.residue.to_string(), "0.003870967742");
    }

    #[test]
    fn without_a_price_there_is_no_amount() {
        assert_eq!(rate(d("1"), &Terms::default(), Share::WHOLE), Err(RateError::PriceUnknown));
    }
}
