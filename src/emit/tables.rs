//! The tables of a run whose rows are few: what was concluded, and the proof. Each writer sorts its rows by
//! the order that [`Output`] states, so that no caller can forget to.

use std::cmp::Ordering;
use std::path::Path;

use super::columns::{Output, order};
use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use crate::control::ControlRow;
use crate::reconcile::{Discrepancy, LineItem, QuantityChange, Unmapped, VerdictRow};

/// Writes `invoice_lines.csv` into `folder`.
pub fn write_invoice_lines(folder: &Path, lines: &[LineItem]) -> Result<(), EmitError> {
    let of_one = |a: &LineItem, b: &LineItem| a.client_id == b.client_id;
    write_groups(folder, Output::InvoiceLines, lines, of_one, order::invoice_lines, |l, row| {
        row.extend([
            Cell::Text(&l.line_id),
            Cell::Text(l.status.word()),
            Cell::Text(l.kind.word()),
            Cell::Text(l.client_id.as_str()),
            Cell::Text(&l.client_name),
            Cell::Text(l.contract_id.as_str()),
            Cell::Text(&l.contract_name),
            Cell::Text(l.contract_line_id.as_str()),
            Cell::Text(l.product_code.as_str()),
            Cell::Text(&l.description),
            Cell::Date(l.service_start),
            Cell::Date(l.service_end),
            Cell::number(l.metered_quantity),
            Cell::Number(l.quantity),
            Cell::Text(&l.unit),
            Cell::number(l.unit_price),
            Cell::money(l.amount, l.currency),
            Cell::Text(l.currency.code()),
            Cell::Text(&l.taxable),
            Cell::Text(&l.tax_code),
            Cell::Text(&l.account_code),
            Cell::number(l.unit_cost),
            Cell::money(l.cost, l.currency),
            Cell::money(l.margin, l.currency),
            Cell::Text(&l.discrepancy_id),
        ]);
    })
}

/// Writes `discrepancies.csv` into `folder`.
pub fn write_discrepancies(folder: &Path, discrepancies: &[Discrepancy]) -> Result<(), EmitError> {
    write(folder, Output::Discrepancies, discrepancies, order::discrepancies, |d, row| {
        row.extend([
            Cell::Text(&d.discrepancy_id),
            Cell::Text(d.code.id()),
            Cell::Text(d.code.name()),
            Cell::Text(d.severity.word()),
            Cell::Text(d.client_id.as_str()),
            Cell::Text(&d.client_name),
            Cell::Text(d.contract_id.as_str()),
            Cell::Text(d.contract_line_id.as_str()),
            Cell::Text(d.product_code.as_str()),
            Cell::Text(&d.product_name),
            Cell::Text(&d.provider_name),
            Cell::number(d.contract_quantity),
            Cell::number(d.metered_quantity),
            Cell::number(d.difference),
            Cell::number(d.unit_price),
            Cell::number(d.unit_cost),
            Cell::money(d.impact, d.currency),
            Cell::Text(d.currency.code()),
            Cell::Text(d.owed_by.word()),
            Cell::Text(d.action.word()),
            d.decision.map_or(Cell::Empty, |kind| Cell::Text(kind.word())),
            Cell::Text(&d.place.path),
            d.place.line.map_or(Cell::Empty, Cell::Integer),
            Cell::Text(&d.message),
        ]);
    })
}

/// Writes `quantity_changes.csv` into `folder`.
pub fn write_quantity_changes(folder: &Path, changes: &[QuantityChange]) -> Result<(), EmitError> {
    let of_one = |a: &QuantityChange, b: &QuantityChange| a.client_id == b.client_id;
    write_groups(folder, Output::QuantityChanges, changes, of_one, order::quantity_changes, |c, row| {
        row.extend([
            Cell::Text(c.contract_id.as_str()),
            Cell::Text(c.contract_line_id.as_str()),
            Cell::Text(c.client_id.as_str()),
            Cell::Text(c.product_code.as_str()),
            Cell::Number(c.old_quantity),
            Cell::Number(c.new_quantity),
            Cell::Date(c.effective_date),
            Cell::Text(&c.discrepancy_id),
        ]);
    })
}

/// Writes `unmapped.csv` into `folder`.
pub fn write_unmapped(folder: &Path, unmapped: &[Unmapped<'_>]) -> Result<(), EmitError> {
    write(folder, Output::Unmapped, unmapped, order::unmapped, |u, row| {
        let suggested = u.suggested.as_deref();
        row.extend([
            Cell::Text(u.what.word()),
            Cell::Text(u.provider_name),
            Cell::Text(u.id),
            Cell::Text(u.name),
            Cell::Text(u.term),
            Cell::Integer(u.rows),
            Cell::Number(u.quantity),
            Cell::Money(u.cost, u.currency),
            Cell::Text(u.currency.code()),
            suggested.map_or(Cell::Empty, |s| Cell::Text(&s.id)),
            suggested.map_or(Cell::Empty, |s| Cell::Text(&s.name)),
            suggested.map_or(Cell::Empty, |s| Cell::Number(s.score)),
            suggested.map_or(Cell::Empty, |s| Cell::Text(&s.reason)),
        ]);
    })
}

/// Writes `verdicts.csv` into `folder`.
pub fn write_verdicts(folder: &Path, verdicts: &[VerdictRow]) -> Result<(), EmitError> {
    write(folder, Output::Verdicts, verdicts, order::verdicts, |v, row| {
        row.extend([
            Cell::Text(v.scope.word()),
            Cell::Text(&v.id),
            Cell::Text(&v.name),
            Cell::Text(v.verdict.word()),
            Cell::Integer(v.compared_lines),
            Cell::Integer(v.discrepancies),
            Cell::Money(v.impact_recover, v.currency),
            Cell::Money(v.impact_refund, v.currency),
            Cell::Money(v.impact_dispute, v.currency),
            Cell::Text(v.currency.code()),
            Cell::Text(&v.reason),
        ]);
    })
}

/// Writes `controls.csv` into `folder`.
pub fn write_controls(folder: &Path, controls: &[ControlRow]) -> Result<(), EmitError> {
    write(folder, Output::Controls, controls, order::controls, |c, row| {
        row.extend([
            Cell::Text(&c.source),
            Cell::Text(&c.sha256),
            Cell::Text(&c.format),
            Cell::Text(&c.provider_name),
            Cell::Integer(c.rows_read),
            Cell::Sum(c.quantity_read),
            Cell::Sum(c.cost_read),
            Cell::Text(c.currency.code()),
        ]);
        for (rows, quantity, cost) in c.buckets {
            row.extend([Cell::Integer(rows), Cell::Sum(quantity), Cell::Sum(cost)]);
        }
        row.extend([Cell::Integer(c.other_lines), Cell::number(c.stated_total), Cell::Bool(c.balanced)]);
    })
}

fn write<'a, T>(
    folder: &Path,
    output: Output,
    rows: &'a [T],
    order: fn(&T, &T) -> Ordering,
    cells: impl FnMut(&'a T, &mut Vec<Cell<'a>>),
) -> Result<(), EmitError> {
    write_groups(folder, output, rows, |_, _| true, order, cells)
}

/// Rows that lie in groups, the groups nearly in order: sorted within themselves first, they are then mostly in order.
fn write_groups<'a, T>(
    folder: &Path,
    output: Output,
    rows: &'a [T],
    of_one: fn(&T, &T) -> bool,
    order: fn(&T, &T) -> Ordering,
    mut cells: impl FnMut(&'a T, &mut Vec<Cell<'a>>),
) -> Result<(), EmitError> {
    let mut sorted: Vec<&T> = rows.iter().collect();
    for group in sorted.chunk_by_mut(|a, b| of_one(a, b)) {
        group.sort_by(|a, b| order(a, b));
    }
    sorted.sort_by(|a, b| order(a, b));
    let columns = output.columns();
    let mut table = TableWriter::create(&folder.join(output.file()), &columns)?;
    let mut row = Vec::with_capacity(columns.len());
    for item in sorted {
        row.clear();
        cells(item, &mut row);
        table.row(&row)?;
    }
    table.finish()
}

#[cfg(test)]
mod tests;
