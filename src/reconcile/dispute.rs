//! R414 and R415: money that the vendor charges and nobody uses, or nobody should pay.

use rust_decimal::Decimal;

use super::conclude::Case;
use super::counts::Dispute;
use super::lines::Billed;
use super::margin::in_own_currency;
use super::{Action, Discrepancy, OwedBy};
use crate::finding::{Code, Severity};
use crate::rate::{Overflow, add, multiply, plain, subtract};

/// R414: fewer units are used than a term of years still charges for. The money is what the MSP pays for and does not
/// bill; nothing of it is the client's before it is billed, so nobody owes it.
pub(super) fn committed(case: &Case<'_, '_>, billed: &[Billed]) -> Result<Option<Discrepancy>, Overflow> {
    let committed = case.unit.committed()?;
    if committed <= Decimal::ZERO {
        return Ok(None);
    }
    let Some(used) = case.comparison.metered.filter(|used| *used < committed) else { return Ok(None) };
    let mut total = case.unit.covered()?;
    for line in billed {
        total = add(total, line.quantity)?;
    }
    let unbilled = subtract(committed, total)?.max(Decimal::ZERO);
    let costs = case.unit.commitments.iter().map(|c| c.unit_cost.and_then(|u| in_own_currency(case, c.currency, u)));
    let unit_cost = costs.clone().flatten().max().filter(|_| costs.clone().all(|c| c.is_some()));
    let mut row = case.discrepancy(Code::R414);
    row.unit_cost = unit_cost;
    let line = |amount| case.input.config.rounding.mode.line(amount, case.currency);
    row.impact = match unit_cost {
        Some(cost) => Some(line(multiply(unbilled, cost)?)),
        None => unbilled.is_zero().then_some(Decimal::ZERO),
    };
    if unbilled.is_zero() {
        // All that is charged is billed: for the record, until the term ends.
        row.severity = Severity::Info;
    }
    row.action = Action::KeepCommitted;
    row.message = format!(
        "{}: {} used, and the vendor's term still charges {}, of which {} are billed",
        case.unit.product.map_or(case.unit.product_code.as_str(), |p| p.name.as_str()),
        plain(used),
        plain(committed),
        plain(total.min(committed)),
    );
    Ok(Some(row))
}

/// R415: the vendor charges more than it counts. Where the count may be short itself, nothing is disputed; and a vendor
/// that charges less than it counts owes nothing.
pub(super) fn overcharge(case: &Case<'_, '_>, disputes: &[Dispute]) -> Result<Option<Discrepancy>, Overflow> {
    if case.input.supply.incomplete(&case.unit.product_key).is_some() || case.rejected.is_some() {
        return Ok(None);
    }
    let Some(first) = disputes.iter().min_by_key(|d| &d.place) else { return Ok(None) };
    let (mut over, mut counted, mut impact) = (Decimal::ZERO, Decimal::ZERO, Some(Decimal::ZERO));
    let mut said = Vec::new();
    for dispute in disputes {
        let more = subtract(dispute.charged, dispute.counted)?;
        (over, counted) = (add(over, more)?, add(counted, dispute.counted)?);
        impact = match (impact, dispute.impact.filter(|_| dispute.currency == first.currency)) {
            (Some(sum), Some(own)) => Some(add(sum, own)?),
            _ => None,
        };
        said.push(format!(
            "{} charges {} and counts {} for account {}",
            dispute.provider_name,
            plain(dispute.charged),
            plain(dispute.counted),
            dispute.account
        ));
    }
    let mut row = case.discrepancy(Code::R415);
    row.place = first.place.clone();
    row.metered_quantity = Some(counted);
    row.difference = Some(over);
    row.unit_cost = first.unit_cost.filter(|cost| disputes.iter().all(|d| d.unit_cost == Some(*cost)));
    if !first.currency.is_none() {
        row.currency = first.currency;
    }
    row.impact = impact.map(|sum| case.input.config.rounding.mode.line(sum, row.currency));
    row.owed_by = OwedBy::Vendor;
    row.action = Action::Dispute;
    row.message = format!(
        "{}: {}",
        case.unit.product.map_or(case.unit.product_code.as_str(), |p| p.name.as_str()),
        said.join("; ")
    );
    Ok(Some(row))
}
