//! R409: two contract lines that bill the same thing at the same time.

use rust_decimal::Decimal;

use super::conclude::Case;
use super::rating::rate_line;
use super::unit::LineView;
use super::{Action, Discrepancy, OwedBy};
use crate::finding::{Code, Severity};
use crate::rate::Overflow;

/// The discrepancy for the newest line that repeats an older one. Its amount is named unless the unit's
/// main discrepancy already carries the surplus.
pub(super) fn discrepancy(case: &Case<'_, '_>, main: Option<&Discrepancy>) -> Result<Option<Discrepancy>, Overflow> {
    let lines = &case.unit.active;
    let repeats = |(i, view): &(usize, &LineView<'_>)| lines[i + 1..].iter().any(|older| same(view, older));
    let Some((i, newest)) = lines.iter().enumerate().find(repeats) else { return Ok(None) };
    let Some(older) = lines[i + 1..].iter().find(|older| same(newest, older)) else { return Ok(None) };
    let mut row = case.discrepancy(Code::R409);
    row.contract_id = newest.contract.id.clone();
    row.contract_line_id = newest.line.id.clone();
    row.place = newest.line.place.clone();
    row.unit_price = newest.terms.unit_price;
    row.owed_by = OwedBy::Msp;
    row.action = Action::MergeLines;
    let carried = main.is_some_and(|d| matches!(d.code, Code::R402 | Code::R404));
    let rated = rate_line(newest, newest.line.quantity, case.comparison.spread, None)?.ok();
    row.message = format!("contract line {} repeats line {}", newest.line.id, older.line.id);
    if carried {
        row.message.push_str("; the money is in the over-billing beside it");
    } else if case.comparison.compared {
        row.impact = rated.map(|_| Decimal::ZERO);
        row.message.push_str("; both are used, so nothing is billed twice");
        if newest.effective != older.effective {
            // An addition to what there was: usage bears it out, and nobody needs to answer.
            row.severity = Severity::Info;
        }
    } else if case.comparison.metered.is_none() && case.comparison.disagreement.is_none() {
        // Nothing meters the product, so the second line is all there is to judge by.
        row.impact = rated.map(|r| r.amount);
    }
    Ok(Some(row))
}

/// Equal in contract, product, term and price, with overlapping dates.
fn same(a: &LineView<'_>, b: &LineView<'_>) -> bool {
    let overlap = match (a.active, b.active) {
        (Some((a_first, a_last)), Some((b_first, b_last))) => a_first <= b_last && b_first <= a_last,
        _ => false,
    };
    overlap
        && a.service.once == b.service.once
        && a.contract.id.key() == b.contract.id.key()
        && a.line.product_code.key() == b.line.product_code.key()
        && a.line.term.eq_ignore_ascii_case(&b.line.term)
        && a.terms == b.terms
}
