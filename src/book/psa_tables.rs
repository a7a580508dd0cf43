//! Turns canonical PSA tables into the PSA's entities. A cell that changes what is billed and cannot be
//! read leaves its row out, with a finding: a default in its place would bill on a guess.

use std::borrow::Borrow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::bundles::load_bundles;
use super::cells::{Cells, has_columns};
use super::psa::{
    BillCycle, BillTiming, Client, ClientId, Contract, ContractId, ContractLine, ContractLineId, LeftOutLine,
    PriceTier, PricingModel, Product, ProductCode, Proration, Psa, WholeUnits,
};
use super::psa_links::{ContractName, join_by_name, link};
use super::psa_prices::check_prices;
use super::psa_rules::billing_rules;
use super::psa_units::{Adjustment, UnitRange, stretches};
use super::psa_words::{
    BILL_CYCLE, BILL_TIMING, BILLING, CONTRACT_STATUS, CONTRACT_TYPE, ContractKind, ContractStatus, PRORATION, STATUS,
    WHOLE_UNITS,
};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::TableKind;
use crate::ingest::{Table, TableRow};
use crate::rate::Currency;

/// What the book says where the PSA does not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PsaDefaults {
    /// Of clients and contracts that name none.
    pub currency: Currency,
    /// Of products that do not say.
    pub whole_units: WholeUnits,
    /// Of all contracts and lines, whatever the PSA says.
    pub proration: Option<Proration>,
    /// Of contracts that neither the PSA nor the line before settles.
    pub proration_rule: Option<Proration>,
    /// Every table of the PSA is given; else what a table alone cannot show is not said of it.
    pub whole: bool,
    /// As `[proration]` has it: a line's first, and its last day, do not count.
    pub skips_effective_day: bool,
    pub skips_cancelled_day: bool,
    /// The last day of the period: the stretch of a line that holds on it keeps the line's own id. Without it,
    /// the newest stretch does.
    pub as_of: Option<NaiveDate>,
}

/// Reads the PSA's tables in the order given. Of rows with one id the first is kept; rows that refer to
/// what does not exist are left out; tables of usage are passed over.
pub fn load_psa(tables: &[(TableKind, Table)]) -> (Psa, Vec<Finding>) {
    load_psa_with(tables, &PsaDefaults::default())
}

/// [`load_psa`] with what the book's settings say.
pub fn load_psa_with(tables: &[(TableKind, impl Borrow<Table>)], defaults: &PsaDefaults) -> (Psa, Vec<Finding>) {
    let mut load = Load { defaults: defaults.clone(), ..Load::default() };
    for (kind, table) in tables {
        let table = table.borrow();
        match kind {
            TableKind::Usage => {}
            TableKind::Clients => load.clients(table),
            TableKind::Products => load.products(table),
            TableKind::Contracts => load.contracts(table),
            TableKind::ContractLines => load.contract_lines(table),
            TableKind::LineUnits => load.line_units(table),
            TableKind::LineAdjustments => load.line_adjustments(table),
            TableKind::PriceTiers => load.price_tiers(table),
            TableKind::BundleComponents => {
                let (rows, said) = load_bundles(table);
                load.psa.bundles.extend(rows);
                load.findings.extend(said);
            }
            TableKind::BillingRules => {
                let (lines, open) = billing_rules(table, &mut load.findings);
                load.psa.left_out.extend(open);
                for line in lines {
                    load.line(line);
                }
            }
        }
    }
    join_by_name(&mut load.psa, &load.named_contracts, &mut load.findings);
    let apart = |kind: &TableKind| matches!(kind, TableKind::LineUnits | TableKind::LineAdjustments);
    if defaults.whole || tables.iter().any(|(kind, _)| apart(kind)) {
        load.stretch_lines();
    }
    load.leave_settled();
    link(&mut load.psa, &load.refused_contracts, &load.refused_tiers, &mut load.findings);
    check_prices(&load.psa, &mut load.findings);
    (load.psa, load.findings)
}

#[derive(Default)]
struct Load {
    psa: Psa,
    defaults: PsaDefaults,
    /// Lines that name their contract and have no id of it.
    named_contracts: BTreeMap<String, ContractName>,
    /// Lines of a PSA that keeps quantities apart from lines.
    without_quantity: BTreeSet<String>,
    units: BTreeMap<String, Vec<UnitRange>>,
    adjustments: BTreeMap<String, Vec<Adjustment>>,
    /// Lines of which a quantity could not be read.
    refused_quantities: BTreeMap<String, Place>,
    findings: Vec<Finding>,
    /// Contracts that are there but could not be used, and whose they are.
    refused_contracts: BTreeMap<String, ClientId>,
    /// Invoices that do not recur.
    settled: BTreeSet<String>,
    /// Lines and products of which a tier could not be used.
    refused_tiers: BTreeMap<String, Place>,
    seen: HashMap<(&'static str, String), usize>,
}

impl Load {
    fn clients(&mut self, table: &Table) {
        if !has_columns(table, &["client_id", "name"], &mut self.findings) {
            return;
        }
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            let client = Client {
                id: ClientId::new(cells.required("client_id")),
                name: cells.named("name"),
                aliases: cells.list("aliases"),
                active: cells.word("status", STATUS, true),
                external_ids: cells.list("external_ids"),
                domain: cells.owned("domain"),
                tax_id: cells.owned("tax_id"),
                currency: or(cells.currency("currency"), self.defaults.currency),
                parent_client_id: ClientId::new(cells.text("parent_client_id")),
                bill_to_client_id: ClientId::new(cells.text("bill_to_client_id")),
                last_activity: cells.date_unknown_if_bad("last_activity"),
                place: place(table, row),
            };
            if cells.usable() && self.first("client", client.id.key(), self.psa.clients.len()) {
                self.psa.clients.push(client);
            } else if let Some(kept) = self.kept("client", &client.id.key()).and_then(|i| self.psa.clients.get(i)) {
                let same = *kept == Client { place: kept.place.clone(), ..client.clone() };
                self.repeated("client", client.id.as_str(), same, &kept.place.clone(), client.place);
            }
        }
    }

    fn products(&mut self, table: &Table) {
        if !has_columns(table, &["product_code", "name"], &mut self.findings) {
            return;
        }
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            let product = Product {
                code: ProductCode::new(cells.required("product_code")),
                name: cells.named("name"),
                unit: cells.owned("unit"),
                unit_price: cells.unknown_if_bad("unit_price"),
                unit_cost: cells.unknown_if_bad("unit_cost"),
                whole_units: cells.word("whole_units", WHOLE_UNITS, self.defaults.whole_units),
                taxable: cells.owned("taxable"),
                tax_code: cells.owned("tax_code"),
                account_code: cells.owned("account_code"),
                active: cells.word("active", STATUS, true),
                external_ids: cells.list("external_ids"),
                place: place(table, row),
            };
            if cells.usable() && self.first("product", product.code.key(), self.psa.products.len()) {
                self.psa.products.push(product);
            } else if let Some(kept) = self.kept("product", &product.code.key()).and_then(|i| self.psa.products.get(i))
            {
                let same = *kept == Product { place: kept.place.clone(), ..product.clone() };
                self.repeated("product", product.code.as_str(), same, &kept.place.clone(), product.place);
            }
        }
    }

    fn contracts(&mut self, table: &Table) {
        if !has_columns(table, &["contract_id", "client_id"], &mut self.findings) {
            return;
        }
        let names = table.columns.iter().any(|c| c == "name");
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            let contract = Contract {
                id: ContractId::new(cells.required("contract_id")),
                client_id: ClientId::new(cells.required("client_id")),
                name: if names { cells.named("name") } else { String::new() },
                active: true,
                start_date: cells.date("start_date"),
                end_date: cells.date("end_date"),
                bill_cycle: cells.word("bill_cycle", BILL_CYCLE, BillCycle::Monthly),
                bill_timing: cells.word("bill_timing", BILL_TIMING, BillTiming::Arrears),
                currency: cells.currency("currency"),
                proration: self.defaults.proration.or(cells.word("proration", PRORATION, None)),
                po_number: cells.owned("po_number"),
                cycle_anchor: cells.date("cycle_anchor"),
                bill_to_client_id: ClientId::new(cells.text("bill_to_client_id")),
                parent_contract_id: ContractId::new(cells.text("parent_contract_id")),
                invoiced: None,
                place: place(table, row),
            };
            let contract = Contract {
                active: match cells.word("status", CONTRACT_STATUS, ContractStatus::Active) {
                    ContractStatus::Active => true,
                    ContractStatus::Ended => contract.end_date.is_some(),
                    ContractStatus::Inactive => false,
                },
                ..contract
            };
            let kind = cells.word("contract_type", CONTRACT_TYPE, ContractKind::Recurring);
            if kind != ContractKind::Recurring && cells.usable() {
                let message = if kind == ContractKind::Settled {
                    self.settled.insert(contract.id.key());
                    "the invoice is none that recurs, and is left out with its lines"
                } else {
                    self.refused_contracts.insert(contract.id.key(), contract.client_id);
                    "the contract is of a kind without recurring lines, and is left out: nothing of it is compared"
                };
                let note = Finding::new(Code::I116, message).severity(Severity::Info);
                self.findings.push(note.at(contract.place).value(format!("{} {}", contract.id, contract.name)));
                continue;
            }
            if cells.usable() && cells.text("bill_cycle").is_empty() && !table.way_out("bill_cycle").is_empty() {
                let message = "the contract names no bill cycle, and is billed monthly";
                cells.warn(Code::I111, "bill_cycle", message);
            }
            if cells.usable() && contract.start_date.zip(contract.end_date).is_some_and(|(start, end)| end < start) {
                cells.refuse(Code::I106, "end_date", "end_date is before start_date, and the row is left out");
            }
            let usable = cells.usable();
            let key = contract.id.key();
            if !usable {
                self.refused_contracts.insert(key, contract.client_id);
            } else if self.first("contract", key.clone(), self.psa.contracts.len()) {
                self.psa.contracts.push(contract);
            } else if let Some(kept) = self.kept("contract", &key).and_then(|i| self.psa.contracts.get(i)) {
                let same = *kept == Contract { place: kept.place.clone(), ..contract.clone() };
                self.repeated("contract", contract.id.as_str(), same, &kept.place.clone(), contract.place);
            }
        }
    }

    fn contract_lines(&mut self, table: &Table) {
        let by_name = table.columns.iter().any(|c| c == "contract_name");
        let contract = if by_name { "contract_name" } else { "contract_id" };
        if !has_columns(table, &["contract_line_id", contract, "product_code"], &mut self.findings) {
            return;
        }
        let states_quantity = table.columns.iter().any(|c| c == "quantity");
        self.psa.contract_lines.reserve_exact(table.rows.len());
        self.seen.reserve(table.rows.len());
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            cells.required(contract);
            let mut line = contract_line(&mut cells, place(table, row), states_quantity);
            if by_name && line.contract_id.is_empty() {
                let name = ContractName { client: cells.owned("client_name"), contract: cells.owned("contract_name") };
                self.named_contracts.insert(line.id.key(), name);
            }
            line.proration = self.defaults.proration.or(line.proration);
            let usable = cells.usable();
            if usable && !states_quantity {
                self.without_quantity.insert(line.id.key());
            }
            if usable {
                self.line(line);
            } else {
                self.psa.left_out.push(left_out(&line));
            }
        }
    }

    /// Takes in a usable line, the first of its id.
    fn line(&mut self, line: ContractLine) {
        if self.first("contract line", line.id.key(), self.psa.contract_lines.len()) {
            self.psa.contract_lines.push(line);
        } else if let Some(kept) =
            self.kept("contract line", &line.id.key()).and_then(|i| self.psa.contract_lines.get(i))
        {
            let same = *kept == ContractLine { place: kept.place.clone(), ..line.clone() };
            self.repeated("contract line", line.id.as_str(), same, &kept.place.clone(), line.place);
        }
    }

    fn price_tiers(&mut self, table: &Table) {
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            let tier = PriceTier {
                contract_line_id: ContractLineId::new(cells.text("contract_line_id")),
                product_code: ProductCode::new(cells.text("product_code")),
                up_to: cells.number("up_to"),
                unit_price: cells.number("unit_price"),
                flat_amount: cells.number("flat_amount"),
                place: place(table, row),
            };
            let owned_by_none = tier.contract_line_id.is_empty() && tier.product_code.is_empty();
            if owned_by_none {
                let message = "the row names neither a contract_line_id nor a product_code, and is left out";
                cells.refuse(Code::I111, "contract_line_id", message);
            }
            if cells.usable() {
                self.psa.price_tiers.push(tier);
            } else if !owned_by_none {
                self.refused_tiers.insert(tier_owner(&tier), tier.place);
            }
        }
    }

    fn line_units(&mut self, table: &Table) {
        if !has_columns(table, &["contract_line_id", "units", "start_date", "end_date"], &mut self.findings) {
            return;
        }
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            let line = ContractLineId::new(cells.required("contract_line_id")).key();
            let units = cells.required_number("units");
            let (start, end) = (cells.required_date("start_date"), cells.required_date("end_date"));
            let id = cells.owned("line_unit_id");
            if cells.usable() && start.zip(end).is_some_and(|(start, end)| end < start) {
                cells.refuse(Code::I106, "end_date", "end_date is before start_date, and the row is left out");
            }
            match (cells.usable(), start, end) {
                (true, Some(start), Some(end)) => {
                    let place = place(table, row);
                    self.units.entry(line).or_default().push(UnitRange { id, start, end, units, place });
                }
                _ => {
                    self.refused_quantities.insert(line, place(table, row));
                }
            }
        }
    }

    fn line_adjustments(&mut self, table: &Table) {
        if !has_columns(table, &["contract_line_id", "effective_date", "unit_change"], &mut self.findings) {
            return;
        }
        for row in &table.rows {
            let mut cells = Cells::new(table, row, &mut self.findings);
            let line = ContractLineId::new(cells.required("contract_line_id")).key();
            let (change, day) = (cells.required_number("unit_change"), cells.required_date("effective_date"));
            let id = cells.owned("line_adjustment_id");
            let (unit_price, unit_cost) = (cells.number("unit_price"), cells.unknown_if_bad("unit_cost"));
            match (cells.usable(), day) {
                (true, Some(day)) => {
                    let place = place(table, row);
                    let adjustment = Adjustment { id, day, change, unit_price, unit_cost, place };
                    self.adjustments.entry(line).or_default().push(adjustment);
                }
                _ => {
                    self.refused_quantities.insert(line, place(table, row));
                }
            }
        }
    }

    /// Lines of invoices that do not recur bill nothing again.
    fn leave_settled(&mut self) {
        let (settled, findings) = (&self.settled, &mut self.findings);
        if settled.is_empty() {
            return;
        }
        self.psa.contract_lines.retain(|line| {
            let stays = !settled.contains(&line.contract_id.key());
            if !stays {
                let message = "the line is of an invoice that does not recur, and is left out with it";
                let note = Finding::new(Code::I116, message).severity(Severity::Info);
                findings.push(note.at(line.place.clone()).value(line.id.as_str()));
            }
            stays
        });
    }

    /// Gives the lines of a PSA that keeps quantities apart their quantities: a line whose quantity changed
    /// becomes one for each stretch of days.
    fn stretch_lines(&mut self) {
        if self.without_quantity.is_empty() && self.units.is_empty() && self.adjustments.is_empty() {
            return;
        }
        let rule_of: BTreeMap<String, Option<Proration>> =
            self.psa.contracts.iter().map(|c| (c.id.key(), c.proration.or(self.defaults.proration_rule))).collect();
        let lines = std::mem::take(&mut self.psa.contract_lines);
        for line in lines {
            let key = line.id.key();
            let (units, adjustments) = (self.units.remove(&key), self.adjustments.remove(&key));
            if !self.without_quantity.contains(&key) {
                if units.is_some() || adjustments.is_some() {
                    let message = "the contract line states a quantity, and so do other tables; the line's own is used";
                    let finding = Finding::new(Code::T203, message).severity(Severity::Warning);
                    self.findings.push(finding.at(line.place.clone()).value(line.id.to_string()));
                }
                self.psa.contract_lines.push(line);
                continue;
            }
            if let Some(refused) = self.refused_quantities.get(&key) {
                let message = format!("contract line {} has a quantity at {refused} that cannot be read", line.id);
                self.findings.push(Finding::new(Code::I105, message).at(line.place.clone()));
                self.psa.left_out.push(left_out(&line));
                continue;
            }
            let whole_months = rule_of.get(&line.contract_id.key()).copied().flatten() == Some(Proration::None)
                && line.proration.is_none_or(|rule| rule == Proration::None);
            let said = stretches(
                &line,
                units.unwrap_or_default(),
                adjustments.unwrap_or_default(),
                whole_months,
                &self.defaults,
                &mut self.findings,
            );
            match said {
                Some(lines) => self.psa.contract_lines.extend(lines),
                None => self.psa.left_out.push(left_out(&line)),
            }
        }
        let mut owners: Vec<(String, Place)> = Vec::new();
        owners.extend(
            std::mem::take(&mut self.units).into_iter().filter_map(|(k, u)| Some((k, u.first()?.place.clone()))),
        );
        let changes = std::mem::take(&mut self.adjustments);
        owners.extend(changes.into_iter().filter_map(|(k, a)| Some((k, a.first()?.place.clone()))));
        let known: BTreeSet<String> = self.psa.left_out.iter().map(|l| l.id.key()).collect();
        for (line, place) in owners.into_iter().filter(|(line, _)| !known.contains(line)) {
            let message = "units are stated for a contract line that does not exist, and are left out";
            self.findings.push(Finding::new(Code::T208, message).at(place).value(line));
        }
    }

    /// Whether this is the first usable row of its id; if so it is remembered to stand at `index`.
    fn first(&mut self, what: &'static str, key: String, index: usize) -> bool {
        match self.seen.entry((what, key)) {
            Entry::Vacant(entry) => {
                entry.insert(index);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    fn kept(&self, what: &'static str, key: &str) -> Option<usize> {
        if key.is_empty() { None } else { self.seen.get(&(what, key.to_string())).copied() }
    }

    fn repeated(&mut self, what: &str, id: &str, same: bool, kept: &Place, place: Place) {
        let finding = if same {
            Finding::new(Code::T201, format!("the {what} stands at {kept} already, word for word"))
        } else {
            let message = format!("the {what} stands at {kept} already with other values; the first is used");
            Finding::new(Code::T203, message).severity(Severity::Error)
        };
        self.findings.push(finding.at(place).value(id));
    }
}

/// One of two currencies: the second where the first is none.
fn or(stated: Currency, default: Currency) -> Currency {
    if stated.is_none() { default } else { stated }
}

/// `states_quantity`: the table has the quantity, else it is read from another and zero stands for it here.
pub(super) fn contract_line(cells: &mut Cells<'_>, place: Place, states_quantity: bool) -> ContractLine {
    let pricing_model = cells.word("pricing_model", PricingModel::WORDS, PricingModel::PerUnit);
    let line = ContractLine {
        id: ContractLineId::new(cells.required("contract_line_id")),
        contract_id: ContractId::new(cells.text("contract_id")),
        product_code: ProductCode::new(cells.required("product_code")),
        description: cells.owned("description"),
        quantity: if states_quantity { cells.required_number("quantity") } else { Decimal::ZERO },
        included_quantity: cells.number("included_quantity"),
        minimum_quantity: cells.number("minimum_quantity"),
        maximum_quantity: cells.number("maximum_quantity"),
        minimum_amount: cells.number("minimum_amount"),
        maximum_amount: cells.number("maximum_amount"),
        unit_price: cells.number("unit_price"),
        // A cost is billed on only where the price follows it; elsewhere it is the margin's alone.
        unit_cost: if pricing_model == PricingModel::CostPlus {
            cells.number("unit_cost")
        } else {
            cells.unknown_if_bad("unit_cost")
        },
        markup_percent: cells.number("markup_percent"),
        discount_percent: cells.number("discount_percent"),
        pricing_model,
        package_size: cells.number("package_size"),
        flat_at_zero: cells.flag("flat_at_zero", false),
        effective_date: cells.date("effective_date"),
        cancelled_date: cells.date("cancelled_date"),
        term: cells.owned("term"),
        billing: cells.word("billing", BILLING, None),
        taxable: cells.owned("taxable"),
        tax_code: cells.owned("tax_code"),
        account_code: cells.owned("account_code"),
        held: cells.flag("held", false),
        no_charge: cells.flag("no_charge", false),
        proration: cells.word("proration", PRORATION, None),
        by_day: false,
        place,
    };
    if pricing_model == PricingModel::Package && line.package_size.is_some_and(|size| size <= Decimal::ZERO) {
        cells.refuse(Code::I105, "package_size", "package_size must be above zero, and the row is left out");
    }
    line
}

/// What a tier prices: a contract line, or else a product.
pub(super) fn tier_owner(tier: &PriceTier) -> String {
    if tier.contract_line_id.is_empty() {
        format!("product {}", tier.product_code.key())
    } else {
        format!("line {}", tier.contract_line_id.key())
    }
}

pub(super) fn left_out(line: &ContractLine) -> LeftOutLine {
    LeftOutLine {
        id: line.id.clone(),
        contract_id: line.contract_id.clone(),
        client_id: ClientId::default(),
        product_code: line.product_code.clone(),
        place: line.place.clone(),
    }
}

pub(super) fn place(table: &Table, row: &TableRow) -> Place {
    Place::line(table.source.clone(), row.line)
}

#[cfg(test)]
mod tests;
