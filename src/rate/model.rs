//! Pricing models: what a quantity costs before discount, caps, proration and rounding. Each is a pure
//! function with its formula; tiers follow the convention that `up_to` is inclusive and the last is open.

use rust_decimal::Decimal;

use super::exact::{Overflow, add, multiply, subtract};

/// How a contract line turns units into money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PricingModel {
    /// `q × p`
    #[default]
    PerUnit,
    /// `p`, whatever the quantity; nothing at zero units unless the line says so.
    Flat,
    /// Each slice at its tier's price, plus the flat amount of every tier entered.
    Graduated,
    /// All units at the price of the tier reached, plus its flat amount.
    Volume,
    /// The flat amount of the range reached.
    Stairstep,
    /// The flat amounts of the steps passed, added up.
    StackedStairstep,
    /// `ceil(q ÷ size) × p`
    Package,
    /// `q × cost × (1 + markup ÷ 100)`
    CostPlus,
}

impl PricingModel {
    /// Every model and the word the contract tables use for it.
    pub const WORDS: &'static [(&'static str, PricingModel)] = &[
        ("per_unit", PricingModel::PerUnit),
        ("flat", PricingModel::Flat),
        ("graduated", PricingModel::Graduated),
        ("volume", PricingModel::Volume),
        ("stairstep", PricingModel::Stairstep),
        ("stacked_stairstep", PricingModel::StackedStairstep),
        ("package", PricingModel::Package),
        ("cost_plus", PricingModel::CostPlus),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, m)| *m == self).map_or("", |(w, _)| w)
    }

    pub const fn is_tiered(self) -> bool {
        match self {
            PricingModel::Graduated
            | PricingModel::Volume
            | PricingModel::Stairstep
            | PricingModel::StackedStairstep => true,
            PricingModel::PerUnit | PricingModel::Flat | PricingModel::Package | PricingModel::CostPlus => false,
        }
    }
}

/// A slice of a tiered price. `up_to` is inclusive; `None` is the open last tier.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    pub up_to: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    /// Charged once when the tier is entered.
    pub flat_amount: Option<Decimal>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RateError {
    #[error("no price is known")]
    PriceUnknown,
    #[error("the tiers are not one rising row: {0}")]
    BadTiers(String),
    #[error("the package size must be more than zero")]
    BadPackage,
    #[error("no tier holds {0} units; give the last tier an empty up_to")]
    NoTier(Decimal),
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// Tiers must rise, and only the last may be open.
pub fn check_tiers(tiers: &[Tier]) -> Result<(), RateError> {
    let mut last = Decimal::ZERO;
    for (i, tier) in tiers.iter().enumerate() {
        match tier.up_to {
            Some(up_to) if up_to <= last => {
                return Err(RateError::BadTiers(format!("up_to {up_to} does not lie above {last}")));
            }
            Some(up_to) => last = up_to,
            None if i + 1 < tiers.len() => {
                return Err(RateError::BadTiers(format!("tier {} is open but is not the last", i + 1)));
            }
            None => {}
        }
    }
    if tiers.is_empty() { Err(RateError::PriceUnknown) } else { Ok(()) }
}

/// Graduated: `Σ slice × price + Σ flat of tiers entered`.
pub fn graduated(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Decimal, RateError> {
    let (mut sum, mut below) = (Decimal::ZERO, Decimal::ZERO);
    for tier in tiers {
        if quantity <= below && !(below.is_zero() && flat_at_zero) {
            return Ok(sum);
        }
        let top = tier.up_to.map_or(quantity, |u| u.min(quantity));
        let slice = subtract(top, below)?;
        sum = add(sum, multiply(slice, tier.unit_price.unwrap_or_default())?)?;
        sum = add(sum, tier.flat_amount.unwrap_or_default())?;
        if top >= quantity {
            return Ok(sum);
        }
        below = top;
    }
    Err(RateError::NoTier(quantity))
}

/// Volume: `q × price + flat` of the tier that holds `q`.
pub fn volume(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Decimal, RateError> {
    if quantity.is_zero() && !flat_at_zero {
        return Ok(Decimal::ZERO);
    }
    let tier = reached(quantity, tiers)?;
    Ok(add(multiply(quantity, tier.unit_price.unwrap_or_default())?, tier.flat_amount.unwrap_or_default())?)
}

/// Stairstep: the flat amount of the range that holds `q` (Recurly's meaning of the word).
pub fn stairstep(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Decimal, RateError> {
    if quantity.is_zero() && !flat_at_zero {
        return Ok(Decimal::ZERO);
    }
    Ok(reached(quantity, tiers)?.flat_amount.unwrap_or_default())
}

/// Stacked stairstep: the flat amounts of all steps entered, added up (Solvimon's meaning of stairstep).
pub fn stacked_stairstep(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Decimal, RateError> {
    let steps: Vec<Tier> = tiers.iter().map(|t| Tier { unit_price: None, ..t.clone() }).collect();
    graduated(quantity, &steps, flat_at_zero)
}

/// Package: `ceil(q ÷ size) × price`.
pub fn package(quantity: Decimal, size: Decimal, price: Decimal) -> Result<Decimal, RateError> {
    if size <= Decimal::ZERO {
        return Err(RateError::BadPackage);
    }
    let rest = quantity.checked_rem(size).ok_or(Overflow)?;
    let whole = subtract(quantity, rest)?.checked_div(size).ok_or(Overflow)?;
    let packages = if rest > Decimal::ZERO { add(whole, Decimal::ONE)? } else { whole };
    Ok(multiply(packages, price)?)
}

/// Cost plus: the unit price is `cost × (1 + markup ÷ 100)`.
pub fn cost_plus_price(unit_cost: Decimal, markup_percent: Decimal) -> Result<Decimal, RateError> {
    let factor = multiply(add(Decimal::ONE_HUNDRED, markup_percent)?, Decimal::new(1, 2))?;
    Ok(multiply(unit_cost, factor)?)
}

fn reached(quantity: Decimal, tiers: &[Tier]) -> Result<&Tier, RateError> {
    tiers.iter().find(|t| t.up_to.is_none_or(|u| quantity <= u)).ok_or(RateError::NoTier(quantity))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    fn tier(up_to: &str, unit: &str, flat: &str) -> Tier {
        let cell = |s: &str| (!s.is_empty()).then(|| d(s));
        Tier { up_to: cell(up_to), unit_price: cell(unit), flat_amount: cell(flat) }
    }

    #[test]
    fn graduated_prices_each_slice_at_its_tier() {
        let tiers = [tier("1000", "0.10", ""), tier("", "0.08", "")];
        assert_eq!(graduated(d("2500"), &tiers, false), Ok(d("220.00")));
        assert_eq!(graduated(d("1000"), &tiers, false), Ok(d("100.00")));
        assert_eq!(graduated(d("0"), &tiers, false), Ok(d("0")));
    }

    #[test]
    fn a_flat_amount_is_charged_once_when_its_tier_is_entered() {
        let tiers = [tier("5", "0", "100"), tier("10", "", "50"), tier("15", "5", ""), tier("", "1", "")];
        assert_eq!(graduated(d("22"), &tiers, true), Ok(d("182")));
        assert_eq!(graduated(d("5"), &tiers, true), Ok(d("100")));
        assert_eq!(graduated(d("0"), &tiers, true), Ok(d("100")));
        assert_eq!(graduated(d("0"), &tiers, false), Ok(d("0")));
    }

    #[test]
    fn volume_prices_all_units_at_the_tier_reached() {
        let tiers = [tier("1000", "0.10", ""), tier("", "0.08", "")];
        assert_eq!(volume(d("2500"), &tiers, false), Ok(d("200.00")));
        assert_eq!(volume(d("1000"), &tiers, false), Ok(d("100.00")));
    }

    #[test]
    fn the_two_stairsteps_differ_by_adding_up() {
        let steps = [tier("10", "", "50"), tier("20", "", "100"), tier("", "", "150")];
        assert_eq!(stairstep(d("11"), &steps, false), Ok(d("100")));
        assert_eq!(stacked_stairstep(d("11"), &steps, false), Ok(d("150")));
    }

    #[test]
    fn a_started_package_is_a_whole_one() {
        assert_eq!(package(d("21"), d("10"), d("15")), Ok(d("45")));
        assert_eq!(package(d("20"), d("10"), d("15")), Ok(d("30")));
        assert_eq!(package(d("0"), d("10"), d("15")), Ok(d("0")));
        assert_eq!(package(d("1"), d("0"), d("15")), Err(RateError::BadPackage));
    }

    #[test]
    fn cost_plus_marks_the_cost_up() {
        assert_eq!(cost_plus_price(d("3.20"), d("25")), Ok(d("4.00")));
    }

    #[test]
    fn tiers_that_fall_or_open_early_are_refused() {
        assert!(check_tiers(&[tier("10", "1", ""), tier("5", "1", "")]).is_err());
        assert!(check_tiers(&[tier("", "1", ""), tier("5", "1", "")]).is_err());
        assert!(check_tiers(&[]).is_err());
        assert!(check_tiers(&[tier("5", "1", ""), tier("", "1", "")]).is_ok());
    }
}
