//! From a quantity to a line's amount. Around any pricing model, in this order: minimum and maximum units
//! on the total, included quantity off, price, percentage discount, maximum amount, proration, rounding,
//! minimum amount (its shortfall is a line of its own). Nothing is rounded before the one rounding.

use rust_decimal::Decimal;
use serde::Serialize;

use super::check::check_tiers;
use super::derivation::{Bound, Cap, CostBasis, Derivation, Discount, Minimum, Slice};
use super::exact::{ExactSum, add, subtract};
use super::model::{self, PricingModel, RateError, Tier};
use super::money::{Currency, Rounding};
use super::wide::Exact;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    /// `amount` less the amount before rounding: what rounding added. Exact for a whole period, to 12 places
    /// for a share of one, whose days may not divide.
    pub residue: ExactSum,
    /// What is missing to the minimum amount, in minor units; zero if nothing is.
    pub minimum_shortfall: Decimal,
    /// How the amount came about.
    pub derivation: Derivation,
}

/// Rates `total` units under `terms`, for the share of the period the line was active.
pub fn rate(total: Decimal, terms: &Terms, share: Share) -> Result<Rated, RateError> {
    terms.check().map_err(RateError::BadTerms)?;
    let units = total.max(Decimal::ZERO);
    let (bounded, bound) = match (terms.minimum_quantity, terms.maximum_quantity) {
        (Some(least), _) if units < least => (least, Some(Bound::MinimumQuantity(least))),
        (_, Some(most)) if units > most => (most, Some(Bound::MaximumQuantity(most))),
        _ => (units, None),
    };
    let included = terms.included_quantity.unwrap_or_default().min(bounded);
    let quantity = subtract(bounded, included)?;

    let mut how = Derivation { model: terms.model, units, bound, included, billed: quantity, ..Derivation::default() };
    price(quantity, terms, &mut how)?;
    let mut amount = how.price;
    let mut unit_price = one_price(quantity, terms.model, &how);
    if let Some(percent) = terms.discount_percent.filter(|p| !p.is_zero()) {
        let kept = subtract(Decimal::ONE_HUNDRED, percent)?;
        let reduced = |money: Exact| money.times(kept)?.times(Decimal::new(1, 2));
        let less = reduced(amount)?;
        how.discount = Some(Discount { percent, amount: amount.minus(less)? });
        amount = less;
        unit_price = unit_price.map(reduced).transpose()?;
    }
    if let Some(most) = terms.maximum_amount
        && amount.exceeds(most)?
    {
        how.cap = Some(Cap { maximum_amount: most, cut: amount.minus(Exact::of(most))? });
        amount = Exact::of(most);
        unit_price = None;
    }
    if !share.is_whole() {
        how.proration = Some(share);
        unit_price = None;
    }

    // Days multiply before they divide, and the quotient is rounded once.
    let (active, of) = if share.is_whole() { (1, 1) } else { (share.active, share.of) };
    let before = amount.times(Decimal::from(active))?;
    let strategy = terms.rounding.strategy();
    let digits = terms.currency.minor_digits();
    how.amount = terms.rounding.line(before.divided(of, digits, strategy)?, terms.currency);
    let added = Exact::of(how.amount).times(Decimal::from(of))?.minus(before)?;
    how.residue =
        if of == 1 { added.sum()? } else { ExactSum::of(added.divided(of, SHARE_RESIDUE_DIGITS, strategy)?) };
    if let Some(least) = terms.minimum_amount.filter(|least| how.amount < *least) {
        // Rounded by itself, so that amount and shortfall come to the same whatever the amount is.
        let whole = terms.rounding.line(least, terms.currency);
        let shortfall = subtract(whole, how.amount)?.max(Decimal::ZERO);
        how.minimum = Some(Minimum { minimum_amount: least, shortfall });
    }
    Ok(Rated {
        quantity,
        unit_price: unit_price.and_then(Exact::decimal),
        amount: how.amount,
        residue: how.residue,
        minimum_shortfall: how.minimum.map_or(Decimal::ZERO, |m| m.shortfall),
        derivation: how,
    })
}

/// Places to which the residue of a share of a period is stated.
const SHARE_RESIDUE_DIGITS: u32 = 12;

type TieredModel = fn(Decimal, &[Tier], bool) -> Result<Vec<Slice>, RateError>;

/// What the model asks for `quantity` units, into `how`.
fn price(quantity: Decimal, terms: &Terms, how: &mut Derivation) -> Result<(), RateError> {
    let unit = || terms.unit_price.ok_or(RateError::PriceUnknown);
    let tiered = |f: TieredModel| {
        check_tiers(terms.model, &terms.tiers)?;
        f(quantity, &terms.tiers, terms.flat_at_zero)
    };
    how.slices = match terms.model {
        PricingModel::PerUnit => vec![model::slice(Decimal::ZERO, quantity, Some(unit()?), None)?],
        PricingModel::Flat => {
            let fee = unit()?;
            if quantity.is_zero() && !terms.flat_at_zero {
                Vec::new()
            } else {
                vec![model::slice(Decimal::ZERO, quantity, None, Some(fee))?]
            }
        }
        PricingModel::Graduated => tiered(model::graduated)?,
        PricingModel::Volume => tiered(model::volume)?,
        PricingModel::Stairstep => tiered(model::stairstep)?,
        PricingModel::StackedStairstep => tiered(model::stacked_stairstep)?,
        PricingModel::Package => {
            let size = terms.package_size.ok_or(RateError::NoPackageSize)?;
            let packages = model::package(quantity, size, unit()?)?;
            how.price = packages.amount;
            how.packages = Some(packages);
            return Ok(());
        }
        PricingModel::CostPlus => {
            let unit_cost = terms.unit_cost.ok_or(RateError::CostUnknown)?;
            let markup_percent = terms.markup_percent.unwrap_or_default();
            let unit_price = model::cost_plus(unit_cost, markup_percent)?;
            how.cost_basis = Some(CostBasis { unit_cost, markup_percent, unit_price });
            let amount = unit_price.times(quantity)?;
            vec![Slice {
                above: Decimal::ZERO,
                up_to: quantity,
                units: quantity,
                unit_price: unit_price.decimal(),
                flat_amount: None,
                amount,
            }]
        }
    };
    how.price = model::total(&how.slices)?;
    Ok(())
}

/// The price of a unit where one price is all there is to an amount: one slice without a flat amount, or a
/// flat fee for one unit.
fn one_price(quantity: Decimal, model: PricingModel, how: &Derivation) -> Option<Exact> {
    let [slice] = how.slices.as_slice() else { return None };
    if model == PricingModel::Flat {
        return (quantity == Decimal::ONE).then_some(slice.amount);
    }
    if slice.flat_amount.is_some_and(|flat| !flat.is_zero()) {
        return None;
    }
    slice.unit_price.map(Exact::of)
}

/// How far apart two rated quantities of one line are, with their minimum amounts: never negative.
pub fn apart(one: &Rated, other: &Rated) -> Result<Decimal, RateError> {
    let whole = |r: &Rated| add(r.amount, r.minimum_shortfall);
    Ok(subtract(whole(one)?, whole(other)?)?.abs())
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
