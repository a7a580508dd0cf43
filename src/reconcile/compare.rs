//! Metered against contract, one unit at a time: is there a disagreement, which, and what is it worth.

use rust_decimal::{Decimal, RoundingStrategy};

use super::bundle::{Says, Sold};
use super::conclude::Input;
use super::quantity::{Held, allot, are_compared, is_spread};
use super::rating::{rate_line, rate_month, rate_of_months, rate_share};
use super::unit::{Index, LineView, Unit, catalogue_terms};
use super::{Action, OwedBy};
use crate::book::{BillTiming, Billing, Config, LeftOutLine, WholeUnits};
use crate::finding::{Code, Severity};
use crate::rate::{Overflow, Share, Terms, add, apart, multiply, subtract};

/// The quantities of one unit and what they disagree on.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// `None` where the product is mapped from no vendor, or no export was supplied.
    pub metered: Option<Decimal>,
    /// Over the compared lines; `None` where no line is active.
    pub contract: Option<Decimal>,
    /// Both sides were there and were compared.
    pub compared: bool,
    pub disagreement: Option<Disagreement>,
    /// Units already spread over the days of the period: never prorated again.
    pub spread: bool,
    /// For each active line, newest first: what it would bill if the metered quantity rules.
    pub proposed: Vec<Decimal>,
    /// The same before it was made whole, where the PSA takes whole units only.
    pub exact: Vec<Decimal>,
    /// The same after the line's own rule: under `greater` never less than the contract quantity.
    pub wanted: Vec<Decimal>,
    /// What the contract line should hold from then on: `wanted`, but for spread units those at the period's end.
    pub lasting: Vec<Decimal>,
    /// For each active line: is it one of those compared? The others ended within the period.
    pub is_compared: Vec<bool>,
}

/// A disagreement, before any decision.
#[derive(Debug, Clone)]
pub struct Disagreement {
    pub code: Code,
    pub severity: Severity,
    pub impact: Option<Decimal>,
    pub owed_by: OwedBy,
    pub action: Action,
    /// The terms the impact was priced at, where no active line has them.
    pub terms: Option<Terms>,
    pub reason: String,
}

/// The active lines of a unit that are compared, and what these hold: their number is that of the active lines,
/// their quantities are in the same order, and then the sum.
pub fn held(unit: &Unit<'_>) -> Result<(Vec<bool>, Vec<Decimal>, Decimal), Overflow> {
    let is_compared = are_compared(unit);
    let compared = unit.active.iter().zip(&is_compared).filter(|(_, c)| **c);
    let held: Vec<Decimal> = compared.map(|(v, _)| v.line.quantity).collect();
    let sum = held.iter().copied().try_fold(Decimal::ZERO, add)?;
    Ok((is_compared, held, sum))
}

/// Compares one unit. `unread`: rows of it could not be read.
pub fn compare(unit: &Unit<'_>, index: &Index<'_>, input: &Input<'_>, unread: bool) -> Result<Comparison, Overflow> {
    let (metered, supply, config) = (input.metered, input.supply, input.config);
    let spread = is_spread(unit, metered);
    let (sum, at_end) = (unit.used(metered)?, unit.at_end(metered)?);
    let left_out = left_out(unit, index);
    if unit.active.is_empty() {
        return without_line(unit, sum, config, left_out);
    }

    if let Some(sold) = unit.sold.as_ref().filter(|s| s.says == Says::Contract) {
        return bundle_by_contract(unit, sold);
    }
    let is_compared = are_compared(unit);
    let compared: Vec<&LineView<'_>> =
        unit.active.iter().zip(&is_compared).filter(|(_, c)| **c).map(|(v, _)| v).collect();
    let lasting: Vec<Decimal> = compared.iter().map(|v| v.line.quantity).collect();
    let Held { contract, each: held, beside } = Held::of(unit, &is_compared, spread)?;

    let mapped = supply.is_mapped(&unit.product_key);
    let nothing = sum.is_none().then(|| supply.nothing_supplied(&unit.product_key)).flatten();
    // Where all there is could not be read, what was used is unknown, not zero.
    let units = match (sum, mapped, &nothing) {
        (Some(units), _, _) => Some(units),
        (None, true, None) if !unread => Some(Decimal::ZERO),
        (None, _, _) => None,
    };
    // The total is made whole before it is shared out, and before bounds and included units. Each line's share
    // is whole but for a contract quantity that is not and stays as it is; beside it the share as it was.
    let over_lines = |total: Option<Decimal>, held: &[Decimal]| -> Result<Vec<(Decimal, Decimal)>, Overflow> {
        let share_out = |total: Option<Decimal>| total.map_or_else(|| Ok(held.to_vec()), |u| allot(u, held));
        let (exact, shares) = (share_out(total)?, share_out(total.map(|u| whole(unit, u)))?);
        let mut shares = shares.into_iter().zip(exact);
        let share = |(v, c): (&LineView<'_>, &bool)| match if *c { shares.next() } else { None } {
            Some((share, exact)) if share == v.line.quantity => (share, exact),
            Some((share, exact)) => (whole(unit, share), exact),
            None => (v.line.quantity, v.line.quantity),
        };
        Ok(unit.active.iter().zip(&is_compared).map(share).collect())
    };
    // What the vendor charges until a term ends is not given up before.
    let kept = unit.committed()?.min(contract);
    let shares = over_lines(units.map(|u| subtract(u.max(kept), beside)).transpose()?, &held)?;
    let (proposed, exact): (Vec<Decimal>, Vec<Decimal>) = shares.into_iter().unzip();
    let lasting = if spread {
        over_lines(units.map(|_| at_end.max(kept)), &lasting)?.into_iter().map(|(share, _)| share).collect()
    } else {
        proposed.clone()
    };

    let mut comparison = Comparison {
        metered: units,
        contract: Some(contract),
        compared: units.is_some(),
        disagreement: None,
        spread,
        wanted: proposed.clone(),
        lasting,
        proposed,
        exact,
        is_compared,
    };
    for (i, view) in unit.active.iter().enumerate() {
        if billing(view, mapped, config) == Billing::Greater {
            comparison.wanted[i] = view.line.quantity.max(comparison.wanted[i]);
            comparison.lasting[i] = view.line.quantity.max(comparison.lasting[i]);
        }
    }
    let Some(units) = units else {
        comparison.disagreement = nothing.map(|reason| not_reconcilable(reason, Action::SupplyExport));
        return Ok(comparison);
    };
    let difference = subtract(units, contract)?;
    let as_billed = unit.active.iter().zip(&comparison.proposed).all(|(v, proposed)| v.line.quantity == *proposed);
    if difference.is_zero() || as_billed && units >= Decimal::ZERO {
        return Ok(comparison);
    }
    if let Some(reason) = left_out.filter(|_| difference > Decimal::ZERO) {
        comparison.compared = false;
        comparison.disagreement = Some(not_reconcilable(reason, Action::CorrectRow));
        return Ok(comparison);
    }
    if difference < Decimal::ZERO {
        if let Some(reason) = supply.incomplete(&unit.product_key) {
            comparison.compared = false;
            let action = if supply.lacks_mapping(&unit.product_key) { Action::Map } else { Action::SupplyExport };
            comparison.disagreement = Some(not_reconcilable(reason, action));
            return Ok(comparison);
        }
        if unread {
            // The rows that could not be read may be just what is short: R419 says so, and nothing is concluded.
            comparison.compared = false;
            return Ok(comparison);
        }
        if unit.active.iter().zip(&comparison.wanted).all(|(v, wanted)| v.line.quantity == *wanted) {
            // All that is short is what the client agreed to pay for anyhow.
            return Ok(comparison);
        }
    }
    let impact = impact_of(unit, &comparison)?;
    let (code, owed_by, action) = if difference > Decimal::ZERO {
        (Code::R401, OwedBy::Client, Action::RaiseQuantity)
    } else if units <= Decimal::ZERO {
        (Code::R404, OwedBy::Msp, Action::CancelLine)
    } else {
        (Code::R402, OwedBy::Msp, Action::LowerQuantity)
    };
    // Under the lines' own prices it is no money: a flat fee, units below a minimum or inside what is included. What is given
    // away by number, and a product that nobody uses, stay questions.
    let charged = |view: &LineView<'_>| view.line.is_charged() && view.terms.unit_price.is_none_or(|p| !p.is_zero());
    let no_money = code != Code::R404 && impact == Some(Decimal::ZERO) && unit.active.iter().all(charged);
    let settled = no_money || tolerated(config, difference, contract, impact)?;
    let severity = if settled { Severity::Info } else { code.severity() };
    comparison.disagreement =
        Some(Disagreement { code, severity, impact, owed_by, action, terms: None, reason: String::new() });
    Ok(comparison)
}

/// A bundle of which its contract line says how many there are, beside how many of them the components' usage takes.
fn bundle_by_contract(unit: &Unit<'_>, sold: &Sold) -> Result<Comparison, Overflow> {
    let (is_compared, held, contract) = held(unit)?;
    let mut shares = allot(sold.count.unwrap_or(contract), &held)?.into_iter();
    let proposed: Vec<Decimal> = unit
        .active
        .iter()
        .zip(&is_compared)
        .map(|(v, c)| if *c { shares.next().unwrap_or(v.line.quantity) } else { v.line.quantity })
        .collect();
    let gap = sold.gap.clone();
    let mut comparison = Comparison {
        metered: sold.count.filter(|_| gap.is_none()),
        contract: Some(contract),
        compared: sold.count.is_some() && gap.is_none() && !sold.rejected,
        disagreement: None,
        spread: false,
        wanted: proposed.clone(),
        lasting: proposed.clone(),
        exact: proposed.clone(),
        proposed,
        is_compared,
    };
    if let Some((reason, action)) = gap {
        comparison.disagreement = Some(not_reconcilable(reason, action));
    } else if comparison.compared && !sold.idle.is_empty() && contract > Decimal::ZERO {
        let impact = impact_of(unit, &comparison)?;
        comparison.disagreement = Some(Disagreement {
            code: Code::R413,
            severity: Code::R413.severity(),
            impact,
            owed_by: OwedBy::Msp,
            action: Action::LowerQuantity,
            terms: None,
            reason: sold.idle.join(", "),
        });
    }
    Ok(comparison)
}

/// Which quantity a line bills where nothing was decided.
pub fn billing(view: &LineView<'_>, metered: bool, config: &Config) -> Billing {
    let default = if metered { config.billing.mapped } else { config.billing.unmapped };
    view.line.billing.unwrap_or(default)
}

/// Why the contract side may hold more than was compared: a line of it, of this product or of one that
/// cannot be read, could not be used.
fn left_out(unit: &Unit<'_>, index: &Index<'_>) -> Option<String> {
    let own = |line: &&&LeftOutLine| {
        let product = line.product_code.key();
        let bundled = || unit.bundled_in.iter().any(|bundle| bundle.key() == product);
        product.is_empty() || product == unit.product_key || bundled()
    };
    index
        .left_out(unit.client_key)
        .iter()
        .find(own)
        .map(|line| format!("contract line {} at {} could not be used", line.id, line.place))
}

/// The quantity in whole units, where the PSA takes no others.
pub fn whole(unit: &Unit<'_>, quantity: Decimal) -> Decimal {
    match unit.product.map_or(WholeUnits::No, |p| p.whole_units) {
        WholeUnits::No => quantity,
        WholeUnits::Up => quantity.ceil(),
        WholeUnits::Down => quantity.floor(),
        WholeUnits::Nearest => quantity.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero),
    }
}

fn not_reconcilable(reason: String, action: Action) -> Disagreement {
    Disagreement {
        code: Code::R416,
        severity: Code::R416.severity(),
        impact: None,
        owed_by: OwedBy::Nobody,
        action,
        terms: None,
        reason,
    }
}

/// Usage that no active line bills.
fn without_line(
    unit: &Unit<'_>,
    units: Option<Decimal>,
    config: &Config,
    left_out: Option<String>,
) -> Result<Comparison, Overflow> {
    let mut comparison = Comparison {
        metered: units,
        contract: None,
        // What a bundle covers in full was compared with it.
        compared: !unit.covers.is_empty() && units.is_some(),
        disagreement: None,
        spread: false,
        proposed: Vec::new(),
        exact: Vec::new(),
        wanted: Vec::new(),
        lasting: Vec::new(),
        is_compared: Vec::new(),
    };
    let Some(units) = units.filter(|u| *u > Decimal::ZERO) else {
        return Ok(comparison);
    };
    if let Some(reason) = left_out {
        comparison.compared = false;
        comparison.disagreement = Some(not_reconcilable(reason, Action::CorrectRow));
        return Ok(comparison);
    }
    let units = whole(unit, units);
    let (code, action, terms) = match (unit.covers.first(), unit.inactive.first()) {
        (Some(cover), _) => (Code::R412, Action::AddBundles, cover.surplus.clone()),
        (None, Some(view)) if view.ended => (Code::R405, Action::RenewLine, view.terms.clone()),
        (None, Some(view)) => (Code::R406, Action::MoveStart, view.terms.clone()),
        (None, None) => (Code::R403, Action::AddLine, catalogue_terms(unit.product, unit.client_currency, config)),
    };
    if code == Code::R405 {
        comparison.contract = Some(Decimal::ZERO);
    }
    comparison.compared = true;
    // Nothing is billed now, not even a minimum, so all of the amount is at stake: that of this month.
    let months = unit.inactive.first().filter(|_| code != Code::R412).map_or(1, |v| v.service.months);
    let impact = match rate_of_months(units, &terms, months)? {
        Ok(used) => Some(add(used.amount, used.minimum_shortfall)?),
        Err(_) => None,
    };
    // A bundle is what its component's surplus is held against; elsewhere nothing is on contract.
    let tolerated = tolerated(config, units, unit.covered()?, impact)?;
    let severity = if tolerated { Severity::Info } else { code.severity() };
    comparison.disagreement = Some(Disagreement {
        code,
        severity,
        impact,
        owed_by: OwedBy::Client,
        action,
        terms: Some(terms),
        reason: String::new(),
    });
    Ok(comparison)
}

/// The difference of the amounts that each compared line's own price gives, each rounded as a line.
fn impact_of(unit: &Unit<'_>, comparison: &Comparison) -> Result<Option<Decimal>, Overflow> {
    let mut impact = Decimal::ZERO;
    // That of the line the discrepancy names.
    let named = unit.active.iter().zip(&comparison.is_compared).find(|(_, compared)| **compared);
    let currency = named.map(|(view, _)| view.terms.currency);
    for (view, wanted) in unit.active.iter().zip(&comparison.wanted) {
        if *wanted == view.line.quantity {
            continue;
        }
        if currency != Some(view.terms.currency) {
            // Money of two currencies is no sum.
            return Ok(None);
        }
        let contract = view.line.quantity;
        let (now, then) = if comparison.spread {
            let held = rate_share(contract, &view.terms, view.service.month)?;
            (held, rate_share(*wanted, &view.terms, Share::WHOLE)?)
        } else if view.service.due && (view.service.months > 1 || view.service.timing == BillTiming::Arrears) {
            (rate_line(view, contract, false, None)?, rate_line(view, *wanted, false, None)?)
        } else {
            // Between two bills of a long cycle, where nothing more will be billed, and where the bill is for the next
            // month, the line's days of this one are at stake.
            (rate_month(view, contract)?, rate_month(view, *wanted)?)
        };
        match (now, then) {
            (Ok(now), Ok(then)) => match apart(&then, &now) {
                Ok(money) => impact = add(impact, money)?,
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    Ok(Some(impact))
}

/// All stated bounds must hold, and at least one must be stated.
fn tolerated(
    config: &Config,
    difference: Decimal,
    contract: Decimal,
    impact: Option<Decimal>,
) -> Result<bool, Overflow> {
    let bounds = &config.tolerance;
    let size = difference.abs();
    let units = bounds.units.map(|most| size <= most);
    let percent = match bounds.percent {
        Some(most) => Some(multiply(size, Decimal::ONE_HUNDRED)? <= multiply(contract.abs(), most)?),
        None => None,
    };
    let amount = bounds.amount.map(|most| impact.is_some_and(|i| i <= most));
    let stated: Vec<bool> = [units, percent, amount].into_iter().flatten().collect();
    Ok(!stated.is_empty() && stated.into_iter().all(|holds| holds))
}
