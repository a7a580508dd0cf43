//! What a line costs beside what it bills: the metered cost shared over the unit's lines, and the findings
//! on margin. These never change what a client is billed.

use rust_decimal::Decimal;

use super::conclude::{Case, Outcome};
use super::unit::LineView;
use super::{Action, Discrepancy, LineItem, LineKind, OwedBy};
use crate::book::Config;
use crate::finding::{Code, Severity};
use crate::meter::cost_part;
use crate::rate::{Currency, Overflow, add, money_text, multiply, plain, subtract};

/// A line's share of the unit's metered cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct CostShare {
    /// In the line's currency, minor units.
    pub metered: Option<Decimal>,
    /// The cost is in a currency that no stated rate converts.
    pub foreign: bool,
}

/// A rate stated in the book's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct FxRate {
    from: Currency,
    to: Currency,
    rate: Decimal,
}

impl std::fmt::Display for FxRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} {}", self.from, self.to, plain(self.rate))
    }
}

/// The unit's metered cost in its lines' currency.
#[derive(Debug)]
pub(super) struct UnitCost {
    total: Option<Decimal>,
    foreign: Option<Currency>,
    /// In the order of their currencies, each once.
    rates: Vec<FxRate>,
}

fn unit_cost<'c>(case: &'c Case<'_, '_>) -> Result<&'c UnitCost, Overflow> {
    case.cost.get_or_init(|| worked_out(case)).as_ref().map_err(|overflow| *overflow)
}

fn worked_out(case: &Case<'_, '_>) -> Result<UnitCost, Overflow> {
    let mut out = UnitCost { total: None, foreign: None, rates: Vec::new() };
    for (currency, cost) in &costs(case)? {
        // Cost without a currency is of no known currency: it never counts as money.
        if currency.is_none() || (cost.is_zero() && *currency != case.currency) {
            continue;
        }
        let own = if *currency == case.currency {
            *cost
        } else if let Some(fx) = stated_rate(case.input.config, case, *currency) {
            if !out.rates.contains(&fx) {
                out.rates.push(fx);
            }
            multiply(*cost, fx.rate)?
        } else {
            out.foreign = Some(*currency);
            continue;
        };
        out.total = Some(add(out.total.unwrap_or_default(), own)?);
    }
    Ok(out)
}

/// What was metered of the unit, less what bundles carry of it, and for a bundle what it carries.
fn costs(case: &Case<'_, '_>) -> Result<Vec<(Currency, Decimal)>, Overflow> {
    let unit = case.unit;
    let mut given = (Decimal::ZERO, Decimal::ONE);
    for cover in unit.covers.iter().filter(|c| c.share > Decimal::ZERO) {
        given = (add(given.0, cover.share)?, cover.of);
    }
    let own = unit.metered.iter().map(|&i| (i, subtract(given.1, given.0), given.1));
    let carried = unit.sold.iter().flat_map(|s| &s.absorbed);
    let carried = carried.flat_map(|a| a.metered.iter().map(|&i| (i, Ok(a.part), a.of)));
    let mut out = Vec::new();
    for (i, part, of) in own.chain(carried) {
        let part = part?;
        for (currency, cost) in &case.input.metered[i].cost {
            let cost = if part == of {
                *cost
            } else {
                // Only for the margin, which rounds to minor units.
                cost.checked_mul(part).and_then(|c| cost_part(c, of)).ok_or(Overflow)?
            };
            out.push((*currency, cost));
        }
    }
    Ok(out)
}

/// A cost in the unit's currency, at the stated rate if it is in another; `None` where no rate is stated.
pub(super) fn in_own_currency(case: &Case<'_, '_>, currency: Currency, cost: Decimal) -> Option<Decimal> {
    if currency == case.currency {
        return Some(cost);
    }
    let fx = stated_rate(case.input.config, case, currency)?;
    multiply(cost, fx.rate).ok()
}

fn stated_rate(config: &Config, case: &Case<'_, '_>, from: Currency) -> Option<FxRate> {
    let rates = config.fx.get(&case.input.period.to_string())?;
    rates.get(&(from, case.currency)).map(|rate| FxRate { from, to: case.currency, rate: *rate })
}

/// The stated rates that the unit's cost was converted at, as its lines show them.
pub(super) fn rates_used(case: &Case<'_, '_>) -> String {
    let mut rates: Vec<String> =
        unit_cost(case).map(|cost| cost.rates.iter().map(FxRate::to_string).collect()).unwrap_or_default();
    rates.sort();
    rates.join(", ")
}

/// The metered cost shared over the active lines by their metered quantity; the newest that is compared takes what
/// rounding leaves. One share for usage without a line.
pub(super) fn cost_shares(case: &Case<'_, '_>) -> Vec<CostShare> {
    let count = case.unit.active.len().max(1);
    let Ok(cost) = unit_cost(case) else { return vec![CostShare::default(); count] };
    let blank = CostShare { metered: None, foreign: cost.foreign.is_some() };
    let Some(total) = cost.total.filter(|_| cost.foreign.is_none()) else { return vec![blank; count] };
    let line = |amount: Decimal| case.input.config.rounding.mode.line(amount, case.currency);
    let mut weights: Vec<Decimal> = case
        .comparison
        .proposed
        .iter()
        .zip(&case.comparison.is_compared)
        .map(|(q, compared)| if *compared { *q } else { Decimal::ZERO })
        .collect();
    weights.resize(count, Decimal::ZERO);
    let all: Decimal = weights.iter().try_fold(Decimal::ZERO, |a, w| a.checked_add(*w)).unwrap_or_default();
    let mut rest = line(total);
    let mut out = vec![blank; count];
    let newest = case.comparison.is_compared.iter().position(|compared| *compared).unwrap_or_default();
    for i in (0..count).filter(|i| *i != newest) {
        let part = multiply(total, weights[i]).ok().and_then(|p| p.checked_div(all)).map_or(Decimal::ZERO, line);
        rest = subtract(rest, part).unwrap_or(rest);
        out[i].metered = Some(part);
    }
    out[newest].metered = Some(rest);
    // A line that bills for several months is held against as many times the month's cost.
    for (share, view) in out.iter_mut().zip(&case.unit.active) {
        if view.terms.currency != case.currency {
            *share = CostShare { metered: None, foreign: true };
            continue;
        }
        let months = Decimal::from(view.service.months);
        share.metered = share.metered.and_then(|cost| multiply(cost, months).ok()).map(line);
    }
    out
}

/// R407 below-cost, R408 cost-changed and R410 currency-mismatch on the lines of a unit.
pub(super) fn findings(case: &Case<'_, '_>, lines: &[LineItem]) -> Result<Vec<Discrepancy>, Overflow> {
    let mut out = Vec::new();
    if let Some(foreign) = unit_cost(case)?.foreign {
        let mut row = case.discrepancy(Code::R410);
        row.action = Action::StateRate;
        row.message = format!(
            "the contract is in {} and the cost in {foreign}, so the margin is unknown; {}",
            spoken(case.currency),
            if case.currency.is_none() {
                "give the contract its currency".to_string()
            } else {
                format!("state \"{foreign}/{}\" under [fx.\"{}\"] in trueup.toml", case.currency, case.input.period)
            },
        );
        out.push(row);
    }
    out.extend(two_currencies(case));
    let bills = |l: &&LineItem, view: &LineView<'_>| {
        matches!(l.kind, LineKind::Recurring | LineKind::OneTime) && l.contract_line_id == view.line.id
    };
    for (at, view) in case.unit.active.iter().enumerate() {
        let Some(item) = lines.iter().find(|l| bills(l, view)) else { continue };
        let (amount, cost) = with_stretches(case, lines, at, item)?;
        let loss = amount.zip(cost).map(|(amount, cost)| subtract(amount, cost)).transpose()?;
        let loss = loss.filter(|m| *m < Decimal::ZERO);
        let covered = view.terms.included_quantity.is_some_and(|q| q > Decimal::ZERO);
        if let Some(loss) = loss.filter(|_| !covered && view.service.due && view.line.is_charged()) {
            let mut row = case.discrepancy(Code::R407);
            row.discrepancy_id = super::ids::discrepancy_id(
                case.unit.client.id.as_str(),
                view.line.id.as_str(),
                &case.vendor,
                Code::R407,
            );
            row.contract_line_id = view.line.id.clone();
            row.place = view.line.place.clone();
            row.unit_price = view.terms.unit_price;
            row.impact = Some(loss.abs());
            row.owed_by = OwedBy::Nobody;
            row.action = Action::RaisePrice;
            row.message = format!(
                "contract line {} bills {} and costs {}",
                view.line.id,
                amount.unwrap_or_default(),
                cost.unwrap_or_default()
            );
            if amount != item.amount {
                row.message += ", with the lines that it took the place of within the period";
            }
            out.push(row);
        }
    }
    let accepted = lines.iter().find(|l| case.unit.active.is_empty() && l.kind == LineKind::Recurring);
    if let Some((item, loss)) = accepted.and_then(|l| l.margin.filter(|m| *m < Decimal::ZERO).map(|m| (l, m))) {
        let mut row = case.discrepancy(Code::R407);
        row.impact = Some(loss.abs());
        row.action = Action::RaisePrice;
        row.message = format!(
            "the accepted usage bills {} and costs {}",
            item.amount.unwrap_or_default(),
            item.cost.unwrap_or_default()
        );
        out.push(row);
    }
    out.extend(cost_changed(case)?);
    Ok(out)
}

/// What a line bills and costs together with those of its contract that ended within the period: the line that is
/// compared carries the cost of what was metered, also for the days on which they billed.
fn with_stretches(
    case: &Case<'_, '_>,
    lines: &[LineItem],
    at: usize,
    item: &LineItem,
) -> Result<(Option<Decimal>, Option<Decimal>), Overflow> {
    let compared = |i: usize| case.comparison.is_compared.get(i).copied().unwrap_or(true);
    let contract = &case.unit.active[at].line.contract_id;
    let of_contract: Vec<usize> =
        (0..case.unit.active.len()).filter(|i| case.unit.active[*i].line.contract_id == *contract).collect();
    let (mut amount, mut cost) = (item.amount, item.cost);
    if !compared(at) || of_contract.iter().filter(|i| compared(**i)).count() != 1 {
        return Ok((amount, cost));
    }
    for other in of_contract.into_iter().filter(|i| *i != at) {
        let id = &case.unit.active[other].line.id;
        for stretch in lines.iter().filter(|l| l.kind == LineKind::Recurring && l.contract_line_id == *id) {
            amount = amount.zip(stretch.amount).map(|(a, b)| add(a, b)).transpose()?;
            cost = cost.zip(stretch.cost).map(|(a, b)| add(a, b)).transpose()?;
        }
    }
    Ok((amount, cost))
}

/// R410: what is compared as one sum is billed in two currencies. Nothing says which units are whose, so money is told
/// only where it falls on the line that is named.
fn two_currencies(case: &Case<'_, '_>) -> Option<Discrepancy> {
    let lines = case.unit.active.iter().zip(&case.comparison.is_compared).filter(|(_, compared)| **compared);
    let other = lines.map(|(view, _)| view).find(|view| view.terms.currency != case.currency)?;
    let mut row = case.discrepancy(Code::R410);
    // Beside the question of the cost's currency this is one of its own.
    let about = format!("{} {}", case.about(), other.terms.currency);
    row.discrepancy_id = super::ids::discrepancy_id(case.unit.client.id.as_str(), &about, &case.vendor, Code::R410);
    row.message = format!(
        "contract lines {} and {} bill one product of one client in {} and {}: their units are compared as one sum, and \
         money that falls on both has no amount; bill the product in one currency",
        row.contract_line_id,
        other.line.id,
        spoken(case.currency),
        spoken(other.terms.currency)
    );
    row.action = Action::MergeLines;
    Some(row)
}

fn spoken(currency: Currency) -> String {
    if currency.is_none() { "no currency".to_string() } else { currency.code().to_string() }
}

fn cost_changed(case: &Case<'_, '_>) -> Result<Option<Discrepancy>, Overflow> {
    let Some(view) = case.view().filter(|_| !case.unit.active.is_empty()) else { return Ok(None) };
    let known = view.line.unit_cost.or_else(|| view.product.and_then(|p| p.unit_cost));
    let mut currencies = case.unit.metered.iter().flat_map(|&i| case.input.metered[i].cost.keys());
    let comparable = currencies.all(|c| *c == case.currency);
    let (Some(known), Some(now), true) = (known, case.metered_unit_cost(), comparable) else { return Ok(None) };
    if known == now {
        return Ok(None);
    }
    let units = case.comparison.metered.unwrap_or_default();
    let mut row = case.discrepancy(Code::R408);
    row.unit_cost = Some(now);
    row.impact =
        Some(case.input.config.rounding.mode.line(multiply(subtract(now, known)?.abs(), units.abs())?, case.currency));
    row.action = Action::UpdateCost;
    row.message = format!("the vendor's unit cost is {}, the contract's {}", plain(now), plain(known));
    Ok(Some(row))
}

/// What the vendor charges or gives back where nothing is billed and nothing disagrees: cost without units (a tax, a
/// proration row), a refund without its charge. No line carries it, so a finding does, and its rows lead to it. `None`
/// where there is nothing to follow: neither units nor money.
pub(super) fn unbilled(case: &Case<'_, '_>, has_line: bool, out: &mut Outcome) -> Result<Option<String>, Overflow> {
    if has_line || case.comparison.disagreement.is_some() {
        return Ok(None);
    }
    let (known, amounts) = (unit_cost(case)?, costs(case)?);
    if known.foreign.is_some() {
        // R410 says it.
        return Ok(Some(case.discrepancy(Code::R410).discrepancy_id));
    }
    let total = known.total.unwrap_or_default();
    let units = case.comparison.metered.unwrap_or_default();
    let rounded = |cost: Decimal| case.input.config.rounding.mode.line(cost, case.currency);
    let what = case.unit.product.map_or(case.unit.product_code.as_str(), |p| p.name.as_str());
    let mut row = if total > Decimal::ZERO {
        let mut row = case.discrepancy(Code::R407);
        row.impact = Some(rounded(total));
        row.action = Action::RaisePrice;
        row.message = "the vendor charges a cost that nothing billed carries".to_string();
        row
    } else if !case.unit.covers.is_empty() {
        // The line of its bundle has it.
        return Ok(None);
    } else if total < Decimal::ZERO || units < Decimal::ZERO {
        let mut row = case.discrepancy(Code::R407);
        row.severity = Severity::Info;
        row.impact = Some(rounded(total).abs());
        let money = money_text(rounded(total).abs(), case.currency);
        row.message = format!(
            "{what}: {} units and {money} given back by the vendor beyond what it charges, and no contract line bills the \
             product; what an earlier bill held of it is to be given back",
            plain(units.abs())
        );
        row
    } else if amounts.iter().any(|(_, cost)| !cost.is_zero()) {
        let mut row = case.discrepancy(Code::R407);
        row.message = format!("{what}: the vendor charges a cost in no named currency, and nothing billed carries it");
        row
    } else {
        return Ok(None);
    };
    row.owed_by = OwedBy::Nobody;
    let id = row.discrepancy_id.clone();
    out.discrepancies.push(row);
    Ok(Some(id))
}
