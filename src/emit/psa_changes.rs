//! Changes of quantity as a PSA's own interface takes them, field by field under its own names: additions of
//! ConnectWise, adjustments of Autotask, recurring-invoice lines of HaloPSA. A change that the PSA could not
//! take as it is (a fraction where it holds whole units, a line without an id of its own) is left out and said.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::columns::Output;
use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use crate::book::{ContractLine, ProrationConfig, Psa, PsaName};
use crate::finding::{Code, Finding, Severity};
use crate::rate::{Overflow, plain, subtract};
use crate::reconcile::QuantityChange;

/// What stands before the id of a bundle and of its contract line.
const BUNDLE: &str = "bundle-";

/// The rows of one PSA's file, in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum PsaChanges {
    ConnectWise(Vec<AdditionRow>),
    Autotask(Vec<AdjustmentRow>),
    HaloPsa(Vec<InvoiceLineRow>),
}

/// An addition to patch (with its id) or to create.
#[derive(Debug, Clone, PartialEq)]
pub struct AdditionRow {
    agreement: String,
    id: String,
    /// Of a new addition, the one whose place it takes.
    replaces: String,
    /// Of a new addition, what it has from the old one.
    like: Option<ContractLine>,
    quantity: Option<Decimal>,
    effective: Option<NaiveDate>,
    cancelled: Option<NaiveDate>,
    of: QuantityChange,
}

/// A `ContractServiceAdjustment` or `ContractServiceBundleAdjustment` to create.
#[derive(Debug, Clone, PartialEq)]
pub struct AdjustmentRow {
    contract: String,
    /// Of the contract service or the contract service bundle.
    id: String,
    product: String,
    is_bundle: bool,
    change: Decimal,
    of: QuantityChange,
}

/// A line of a recurring invoice to update.
#[derive(Debug, Clone, PartialEq)]
pub struct InvoiceLineRow {
    invoice: String,
    id: String,
    item: String,
    of: QuantityChange,
}

/// The changes as `name` takes them, and what was left out.
pub fn psa_changes(
    name: PsaName,
    changes: &[QuantityChange],
    psa: &Psa,
    edges: &ProrationConfig,
) -> Result<(PsaChanges, Vec<Finding>), Overflow> {
    let lines: BTreeMap<&str, &ContractLine> = psa.contract_lines.iter().map(|l| (l.id.as_str(), l)).collect();
    let mut plan = Plan { findings: Vec::new() };
    let known = changes.iter().filter_map(|c| Some((c, *lines.get(c.contract_line_id.as_str())?)));
    let changes = match name {
        PsaName::ConnectWise => {
            let mut rows: Vec<AdditionRow> = known.flat_map(|(c, line)| plan.additions(c, line, edges)).collect();
            rows.sort_by(|a, b| addition_order(a).cmp(&addition_order(b)));
            PsaChanges::ConnectWise(rows)
        }
        PsaName::Autotask => {
            let mut rows = Vec::new();
            for (change, line) in known {
                rows.extend(plan.adjustment(change, line)?);
            }
            rows.sort_by(|a, b| (&a.contract, a.is_bundle, &a.id).cmp(&(&b.contract, b.is_bundle, &b.id)));
            PsaChanges::Autotask(rows)
        }
        PsaName::HaloPsa => {
            let mut rows: Vec<InvoiceLineRow> = known.filter_map(|(c, line)| plan.invoice_line(c, line)).collect();
            rows.sort_by(|a, b| (&a.invoice, &a.id).cmp(&(&b.invoice, &b.id)));
            PsaChanges::HaloPsa(rows)
        }
    };
    Ok((changes, plan.findings))
}

/// By agreement and addition; what takes an addition's place stands behind it.
fn addition_order(row: &AdditionRow) -> (&str, &str, bool) {
    let addition = if row.id.is_empty() { &row.replaces } else { &row.id };
    (&row.agreement, addition, row.id.is_empty())
}

struct Plan {
    findings: Vec<Finding>,
}

impl Plan {
    /// An addition keeps its history: one in force before the change is cancelled on the day before, and a new
    /// one with the new quantity takes its place; one that begins with the change is patched.
    fn additions(&mut self, change: &QuantityChange, line: &ContractLine, edges: &ProrationConfig) -> Vec<AdditionRow> {
        if !self.has_ids(change, line, "") {
            return Vec::new();
        }
        let day = change.effective_date;
        let before = day.pred_opt().unwrap_or(day);
        let old = AdditionRow {
            agreement: change.contract_id.to_string(),
            id: line.id.in_psa().to_string(),
            replaces: String::new(),
            like: None,
            quantity: None,
            effective: None,
            cancelled: None,
            of: change.clone(),
        };
        if line.effective_date.is_some_and(|begins| begins >= day) {
            return vec![AdditionRow { quantity: Some(change.new_quantity), ..old }];
        }
        let mut rows = vec![AdditionRow {
            cancelled: Some(if edges.include_cancelled_day { before } else { day }),
            ..old.clone()
        }];
        if change.new_quantity > Decimal::ZERO {
            rows.push(AdditionRow {
                id: String::new(),
                replaces: old.id.clone(),
                like: Some(line.clone()),
                quantity: Some(change.new_quantity),
                effective: Some(if edges.include_effective_day { day } else { before }),
                cancelled: line.cancelled_date,
                ..old
            });
        }
        rows
    }

    fn adjustment(&mut self, change: &QuantityChange, line: &ContractLine) -> Result<Option<AdjustmentRow>, Overflow> {
        if !self.has_ids(change, line, BUNDLE) {
            return Ok(None);
        }
        let by = subtract(change.new_quantity, change.old_quantity)?;
        if !by.is_integer() {
            let message = format!(
                "contract line {} would change by {} units, and Autotask takes whole ones: the change is not in {}; say \
                 with whole_units of the product, or [psa] whole_units in trueup.toml, how a fraction counts",
                line.id,
                plain(by),
                Output::AutotaskAdjustments.file()
            );
            self.left_out(Code::I105, message, line);
            return Ok(None);
        }
        let id = line.id.in_psa();
        let product = line.product_code.as_str();
        Ok(Some(AdjustmentRow {
            contract: change.contract_id.to_string(),
            id: id.strip_prefix(BUNDLE).unwrap_or(id).to_string(),
            product: product.strip_prefix(BUNDLE).unwrap_or(product).to_string(),
            is_bundle: id.starts_with(BUNDLE),
            change: by,
            of: change.clone(),
        }))
    }

    fn invoice_line(&mut self, change: &QuantityChange, line: &ContractLine) -> Option<InvoiceLineRow> {
        self.has_ids(change, line, "").then(|| InvoiceLineRow {
            invoice: change.contract_id.to_string(),
            id: line.id.in_psa().to_string(),
            item: line.product_code.to_string(),
            of: change.clone(),
        })
    }

    /// Whether contract and line have ids of the PSA's, which are numbers; else says that they have not.
    fn has_ids(&mut self, change: &QuantityChange, line: &ContractLine, prefix: &str) -> bool {
        let is_number = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        let own = line.id.in_psa();
        let own = own.strip_prefix(prefix).unwrap_or(own);
        if is_number(change.contract_id.as_str()) && is_number(own) {
            return true;
        }
        let message = format!(
            "contract line {} of contract {} has no id that the PSA knows, so its change of quantity stands in {} alone; \
             export the lines with their ids, as the PSA's API gives them",
            line.id,
            change.contract_id,
            Output::QuantityChanges.file()
        );
        self.left_out(Code::I111, message, line);
        false
    }

    fn left_out(&mut self, code: Code, message: String, line: &ContractLine) {
        self.findings.push(Finding::new(code, message).severity(Severity::Warning).at(line.place.clone()));
    }
}

/// Writes the PSA's file into `folder`.
pub fn write_psa_changes(folder: &Path, changes: &PsaChanges) -> Result<(), EmitError> {
    match changes {
        PsaChanges::ConnectWise(rows) => write(folder, Output::ConnectWiseAdditions, rows, addition_cells),
        PsaChanges::Autotask(rows) => write(folder, Output::AutotaskAdjustments, rows, adjustment_cells),
        PsaChanges::HaloPsa(rows) => write(folder, Output::HaloPsaInvoiceLines, rows, invoice_line_cells),
    }
}

fn write<'a, T>(
    folder: &Path,
    output: Output,
    rows: &'a [T],
    cells: fn(&'a T, &mut Vec<Cell<'a>>),
) -> Result<(), EmitError> {
    let columns = output.columns();
    let mut table = TableWriter::create(&folder.join(output.file()), &columns)?;
    let mut row = Vec::with_capacity(columns.len());
    for item in rows {
        row.clear();
        cells(item, &mut row);
        table.row(&row)?;
    }
    table.finish()
}

fn addition_cells<'a>(a: &'a AdditionRow, row: &mut Vec<Cell<'a>>) {
    let like = a.like.as_ref();
    let bill = |l: &ContractLine| match (l.held, l.no_charge) {
        (true, _) => "DoNotBill",
        (false, true) => "NoCharge",
        (false, false) => "Billable",
    };
    row.extend([
        Cell::Text(&a.agreement),
        Cell::Text(&a.id),
        Cell::Text(&a.replaces),
        Cell::Text(a.of.product_code.as_str()),
        like.map_or(Cell::Empty, |l| Cell::Text(&l.description)),
        Cell::number(a.quantity),
        Cell::number(like.and_then(|l| l.included_quantity)),
        Cell::number(like.and_then(|l| l.unit_price)),
        Cell::number(like.and_then(|l| l.unit_cost)),
        like.map_or(Cell::Empty, |l| Cell::Plain(bill(l))),
        like.map_or(Cell::Empty, |l| Cell::Text(&l.taxable)),
        a.effective.map_or(Cell::Empty, Cell::Date),
        a.cancelled.map_or(Cell::Empty, Cell::Date),
        Cell::Number(a.of.old_quantity),
        Cell::Number(a.of.new_quantity),
        Cell::Text(&a.of.discrepancy_id),
    ]);
}

fn adjustment_cells<'a>(a: &'a AdjustmentRow, row: &mut Vec<Cell<'a>>) {
    let only = |wanted: bool, text: &'a str| if wanted { Cell::Text(text) } else { Cell::Empty };
    row.extend([
        Cell::Text(&a.contract),
        only(!a.is_bundle, &a.id),
        only(!a.is_bundle, &a.product),
        only(a.is_bundle, &a.id),
        only(a.is_bundle, &a.product),
        Cell::Date(a.of.effective_date),
        Cell::Number(a.change),
        Cell::Number(a.of.old_quantity),
        Cell::Number(a.of.new_quantity),
        Cell::Text(&a.of.discrepancy_id),
    ]);
}

fn invoice_line_cells<'a>(l: &'a InvoiceLineRow, row: &mut Vec<Cell<'a>>) {
    row.extend([
        Cell::Text(&l.invoice),
        Cell::Text(&l.id),
        Cell::Text(&l.item),
        Cell::Number(l.of.new_quantity),
        Cell::Number(l.of.old_quantity),
        Cell::Date(l.of.effective_date),
        Cell::Text(&l.of.discrepancy_id),
    ]);
}

#[cfg(test)]
mod tests;
