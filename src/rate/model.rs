//! Pricing models: what a quantity costs before discount, caps, proration and rounding. Each is a pure
//! function with its formula; tiers follow the convention that `up_to` is inclusive and the last is open.

use rust_decimal::Decimal;

use super::check::TierFault;
use super::derivation::{Packages, Slice};
use super::exact::{Overflow, subtract};
use super::wide::Exact;

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
    #[error("it is priced by tiers, and has none")]
    NoTiers,
    #[error("its tiers are not one rising row of prices: tier {}: {fault}", .index + 1)]
    BadTier { index: usize, fault: TierFault },
    #[error("it is priced by the package, and has no package_size")]
    NoPackageSize,
    #[error("the package size must be more than zero")]
    BadPackage,
    #[error("it is priced by its cost, and no unit cost is known")]
    CostUnknown,
    #[error("no tier holds {0} units; give the last tier an empty up_to")]
    NoTier(Decimal),
    #[error("its terms contradict themselves: {0}")]
    BadTerms(super::check::TermsFault),
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// `q × p`, as one slice. `None` as price has no units' money.
pub(super) fn slice(
    above: Decimal,
    up_to: Decimal,
    unit_price: Option<Decimal>,
    flat_amount: Option<Decimal>,
) -> Result<Slice, RateError> {
    let units = subtract(up_to, above)?;
    let of_units = unit_price.map_or(Ok(Exact::ZERO), |price| Exact::of(units).times(price))?;
    let amount = of_units.plus(Exact::of(flat_amount.unwrap_or_default()))?;
    Ok(Slice { above, up_to, units, unit_price, flat_amount, amount })
}

/// Graduated: `Σ slice × price + Σ flat of tiers entered`. Recurly and OpenMeter call it tiered, Kill Bill
/// ALL_TIERS. At zero units the first tier counts as entered only where the line says so.
pub(super) fn graduated(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Vec<Slice>, RateError> {
    let (mut slices, mut below) = (Vec::new(), Decimal::ZERO);
    for tier in tiers {
        if quantity <= below && !(below.is_zero() && flat_at_zero) {
            return Ok(slices);
        }
        let top = tier.up_to.map_or(quantity, |u| u.min(quantity));
        slices.push(slice(below, top, tier.unit_price, tier.flat_amount)?);
        if top >= quantity {
            return Ok(slices);
        }
        below = top;
    }
    Err(RateError::NoTier(quantity))
}

/// Volume: `q × price + flat` of the tier that holds `q` (Kill Bill's TOP_TIER). It can cost less than a
/// smaller quantity: that is what the model says.
pub(super) fn volume(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Vec<Slice>, RateError> {
    if quantity.is_zero() && !flat_at_zero {
        return Ok(Vec::new());
    }
    let tier = reached(quantity, tiers)?;
    Ok(vec![slice(Decimal::ZERO, quantity, tier.unit_price, tier.flat_amount)?])
}

/// Stairstep: the flat amount of the range that holds `q` (Recurly's meaning of the word).
pub(super) fn stairstep(quantity: Decimal, tiers: &[Tier], flat_at_zero: bool) -> Result<Vec<Slice>, RateError> {
    if quantity.is_zero() && !flat_at_zero {
        return Ok(Vec::new());
    }
    Ok(vec![slice(Decimal::ZERO, quantity, None, reached(quantity, tiers)?.flat_amount)?])
}

/// Stacked stairstep: the flat amounts of all steps entered, added up (Solvimon's meaning of stairstep).
pub(super) fn stacked_stairstep(
    quantity: Decimal,
    tiers: &[Tier],
    flat_at_zero: bool,
) -> Result<Vec<Slice>, RateError> {
    let steps: Vec<Tier> = tiers.iter().map(|t| Tier { unit_price: None, ..t.clone() }).collect();
    graduated(quantity, &steps, flat_at_zero)
}

/// Package: `ceil(q ÷ size) × price`. A started package is a whole one.
pub(super) fn package(quantity: Decimal, size: Decimal, price: Decimal) -> Result<Packages, RateError> {
    if size <= Decimal::ZERO {
        return Err(RateError::BadPackage);
    }
    let rest = quantity.checked_rem(size).ok_or(Overflow)?;
    let whole = subtract(quantity, rest)?.checked_div(size).ok_or(Overflow)?;
    let count = if rest > Decimal::ZERO { super::exact::add(whole, Decimal::ONE)? } else { whole };
    Ok(Packages { count, size, price, amount: Exact::of(count).times(price)? })
}

/// Cost plus: the unit price is `cost × (1 + markup ÷ 100)`.
pub(super) fn cost_plus(unit_cost: Decimal, markup_percent: Decimal) -> Result<Exact, RateError> {
    Ok(Exact::of(unit_cost)
        .times(super::exact::add(Decimal::ONE_HUNDRED, markup_percent)?)?
        .times(Decimal::new(1, 2))?)
}

fn reached(quantity: Decimal, tiers: &[Tier]) -> Result<&Tier, RateError> {
    tiers.iter().find(|t| t.up_to.is_none_or(|u| quantity <= u)).ok_or(RateError::NoTier(quantity))
}

/// What slices cost together.
pub(super) fn total(slices: &[Slice]) -> Result<Exact, Overflow> {
    slices.iter().try_fold(Exact::ZERO, |sum, slice| sum.plus(slice.amount))
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

    type Model = fn(Decimal, &[Tier], bool) -> Result<Vec<Slice>, RateError>;

    fn cost(model: Model, quantity: &str, tiers: &[Tier], at_zero: bool) -> String {
        total(&model(d(quantity), tiers, at_zero).expect("priced")).expect("fits").to_string()
    }

    #[test]
    fn graduated_prices_each_slice_at_its_tier() {
        let tiers = [tier("1000", "0.10", ""), tier("", "0.08", "")];
        assert_eq!(cost(graduated, "2500", &tiers, false), "220");
        assert_eq!(cost(graduated, "1000", &tiers, false), "100");
        assert_eq!(cost(graduated, "1000.5", &tiers, false), "100.04");
        assert_eq!(cost(graduated, "0", &tiers, false), "0");
    }

    #[test]
    fn a_flat_amount_is_charged_once_when_its_tier_is_entered() {
        let tiers = [tier("5", "0", "100"), tier("10", "", "50"), tier("15", "5", ""), tier("", "1", "")];
        assert_eq!(cost(graduated, "22", &tiers, true), "182");
        assert_eq!(cost(graduated, "5", &tiers, true), "100");
        assert_eq!(cost(graduated, "0", &tiers, true), "100");
        assert_eq!(cost(graduated, "0", &tiers, false), "0");
    }

    #[test]
    fn volume_prices_all_units_at_the_tier_reached() {
        let tiers = [tier("1000", "0.10", ""), tier("", "0.08", "")];
        assert_eq!(cost(volume, "2500", &tiers, false), "200");
        assert_eq!(cost(volume, "1000", &tiers, false), "100");
    }

    #[test]
    fn the_two_stairsteps_differ_by_adding_up() {
        let steps = [tier("10", "", "50"), tier("20", "", "100"), tier("", "", "150")];
        for (quantity, alone, stacked) in
            [("0", "0", "0"), ("1", "50", "50"), ("10", "50", "50"), ("11", "100", "150"), ("21", "150", "300")]
        {
            assert_eq!(cost(stairstep, quantity, &steps, false), alone, "{quantity}");
            assert_eq!(cost(stacked_stairstep, quantity, &steps, false), stacked, "{quantity}");
        }
    }

    #[test]
    fn a_started_package_is_a_whole_one() {
        let price = |q: &str, size: &str| package(d(q), d(size), d("15")).map(|p| (p.count, p.amount.to_string()));
        assert_eq!(price("21", "10"), Ok((d("3"), "45".into())));
        assert_eq!(price("20", "10"), Ok((d("2"), "30".into())));
        assert_eq!(price("20.000000000000001", "10"), Ok((d("3"), "45".into())));
        assert_eq!(price("0.3", "0.1"), Ok((d("3"), "45".into())));
        assert_eq!(price("0", "10"), Ok((d("0"), "0".into())));
        assert_eq!(price("1", "0"), Err(RateError::BadPackage));
    }

    #[test]
    fn cost_plus_marks_the_cost_up() {
        assert_eq!(cost_plus(d("3.20"), d("25")).map(|p| p.to_string()), Ok("4".into()));
        assert_eq!(cost_plus(d("1"), d("-100")).map(|p| p.to_string()), Ok("0".into()));
    }
}
