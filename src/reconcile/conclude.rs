//! The rules of a run, unit by unit: compare, take the admin's decision, bill, price, and say where each
//! metered group ended.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::bundle::Says;
use super::compare::{Comparison, Disagreement, billing, compare, whole};
use super::decide::{Standing, lapsed, take};
use super::disappeared::UsedBefore;
use super::dispute;
use super::duplicate_line;
use super::ids::discrepancy_id;
use super::lines::{Before, Billed, LineBuilder};
use super::margin;
use super::residue::{Invoice, Residue};
use super::supply::{RejectedUse, Supply};
use super::unit::{Index, LineView, Unit};
use super::{Action, Discrepancy, LineItem, OwedBy, QuantityChange, VerdictRow};
use crate::book::{BillTiming, Billing, Bundles, Config, Decision, DecisionKind, Period, Psa};
use crate::control::Bucket;
use crate::finding::{Code, Severity};
use crate::meter::Metered;
use crate::rate::{Currency, Overflow, add, plain, subtract};

/// Everything a reconciliation is concluded from. It cannot tell who added the metered sums up.
pub struct Input<'a> {
    pub psa: &'a Psa,
    pub config: &'a Config,
    pub decisions: &'a [Decision],
    pub period: Period,
    pub metered: &'a [Metered],
    /// Counts of the same things that a mapping leaves out.
    pub beside: &'a [Metered],
    /// What was used in the period before and has no row in this one.
    pub before: &'a [UsedBefore],
    pub supply: &'a Supply,
    pub bundles: &'a Bundles,
}

/// What a run concludes.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub lines: Vec<LineItem>,
    pub discrepancies: Vec<Discrepancy>,
    pub changes: Vec<QuantityChange>,
    pub verdicts: Vec<VerdictRow>,
    /// Where the rows of each metered group ended; same order as the input's `metered`.
    pub placements: Vec<Placement>,
    /// What rounding each line added to its invoice.
    pub residue: BTreeMap<Invoice, Residue>,
}

/// Where the rows of a metered group ended, and what they feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    pub bucket: Bucket,
    pub line_id: String,
    pub discrepancy_id: String,
    pub code: Option<Code>,
}

/// What is concluded of one unit so far.
pub(super) struct Case<'a, 'b> {
    pub unit: &'b Unit<'a>,
    pub comparison: Comparison,
    pub input: &'b Input<'a>,
    /// The vendors of the product, joined.
    pub vendor: String,
    pub vendors: Vec<String>,
    pub currency: Currency,
    /// Rows of it that could not be read.
    pub rejected: Option<&'b RejectedUse>,
    /// Worked out when it is first asked for.
    pub(super) cost: OnceCell<Result<margin::UnitCost, Overflow>>,
}

/// A unit compared.
pub(super) fn case_of<'a, 'b>(
    unit: &'b Unit<'a>,
    index: &Index<'a>,
    input: &'b Input<'a>,
) -> Result<Case<'a, 'b>, Overflow> {
    let currency = unit.client_currency;
    let rejected = input.supply.rejected(unit.client_key, &unit.product_key);
    let comparison = compare(unit, index, input, rejected.is_some())?;
    let mut vendors = input.supply.vendors_of(&unit.product_key);
    let counted = unit.sold.iter().filter(|s| s.says != Says::Vendor);
    let of_components = counted.flat_map(|s| &s.components).flat_map(|c| input.supply.vendors_of(&c.key()));
    let providers = unit.metered.iter().flat_map(|&i| input.metered[i].providers.iter().cloned());
    for vendor in of_components.chain(providers) {
        if !vendors.iter().any(|v| v.eq_ignore_ascii_case(&vendor)) {
            vendors.push(vendor);
        }
    }
    vendors.sort();
    let own = spoken_of(unit, &comparison).map(|v| v.terms.currency);
    let currency = own.or(unit.covers.first().map(|c| c.surplus.currency)).unwrap_or(currency);
    Ok(Case { unit, comparison, input, vendor: vendors.join("; "), vendors, currency, rejected, cost: OnceCell::new() })
}

/// The line that a unit's discrepancies name: the newest that is compared. One-time lines and lines that ended
/// within the period are not, and are gone next month: a question that bore their id would be another one then.
fn spoken_of<'b, 'a>(unit: &'b Unit<'a>, comparison: &Comparison) -> Option<&'b LineView<'a>> {
    let compared = unit.active.iter().zip(&comparison.is_compared).find(|(_, compared)| **compared);
    compared.map(|(view, _)| view).or(unit.active.first()).or(unit.inactive.first())
}

/// How many of a bundle are billed: what covers its components.
pub(super) fn quantity_sold(case: &Case<'_, '_>) -> Result<Decimal, Overflow> {
    let main = case.main()?;
    if case.unit.active.is_empty() {
        let carried = main.is_some_and(|(row, _)| matches!(row.code, Code::R405 | Code::R406));
        return Ok(case.comparison.metered.filter(|_| carried).unwrap_or_default());
    }
    let decision = main.map_or(Standing::Undecided, |(_, decision)| decision);
    let billed = bill(case, &decision)?;
    let lines = case.unit.active.iter().zip(&billed).zip(&case.comparison.is_compared);
    let quantities = lines.filter(|(_, compared)| **compared).map(|((view, billed), _)| {
        // Fewer than the minimum are not paid for, so fewer are not covered.
        billed.quantity.max(view.terms.minimum_quantity.unwrap_or_default())
    });
    quantities.into_iter().try_fold(Decimal::ZERO, add)
}

/// Concludes a unit, and says where what was metered of it is placed. `bundles` are those of the bundles concluded.
pub(super) fn conclude(
    case: &Case<'_, '_>,
    first_of_pair: bool,
    bundles: &BTreeMap<usize, Placement>,
    out: &mut Outcome,
) -> Result<Placement, Overflow> {
    let mut touching: Option<(String, bool)> = None;
    let mut main: Option<Discrepancy> = None;
    let mut decision = Standing::Undecided;

    if let Some((row, standing)) = case.main()? {
        decision = standing;
        if let Standing::Lapsed(decision, why) = decision {
            out.discrepancies.push(lapsed(&row, &case.about(), decision, why));
        }
        touching = Some((row.discrepancy_id.clone(), row.decision.is_none() && row.severity > Severity::Info));
        main = Some(row);
    }

    // Of a component without a line of its own the bundle's says it.
    let said_by_bundle = case.unit.active.is_empty() && !case.unit.covers.is_empty();
    let first_of_pair = first_of_pair && !said_by_bundle;
    if let Some(rejected) = case.rejected.filter(|_| first_of_pair) {
        let mut row = case.discrepancy(Code::R419);
        row.place = rejected.first.clone();
        row.action = Action::CorrectRow;
        row.message = format!(
            "{}: {} {} of {} could not be read, so the metered quantity may be short",
            case.unit.product.map_or(case.unit.product_code.as_str(), |p| p.name.as_str()),
            rejected.rows,
            if rejected.rows == 1 { "row" } else { "rows" },
            case.unit.client.name,
        );
        touch(case, row, &mut touching, out);
    }
    if let Some(row) = duplicate_line::discrepancy(case, main.as_ref())? {
        touch(case, row, &mut touching, out);
    }

    let billed = bill(case, &decision)?;
    let review = touching.as_ref().is_some_and(|(_, undecided)| *undecided);
    for view in case.unit.inactive.iter().filter(|v| v.service.closes() && v.contract.active) {
        LineBuilder::new(case, None, false).closing(view, out)?;
    }
    let mut builder = LineBuilder::new(case, touching.as_ref().map(|(id, _)| id.as_str()), review);
    let first_line = out.lines.len();
    for (view, quantity) in case.unit.active.iter().zip(&billed) {
        builder.recurring(view, quantity, out)?;
    }
    if case.unit.active.is_empty() {
        builder.accepted(&decision, out)?;
    }
    let margins = margin::findings(case, &out.lines[first_line..])?;
    out.discrepancies.extend(margins);
    out.discrepancies.extend(dispute::committed(case, &billed)?);
    let bills_units = out.lines[first_line..].iter().any(|l| l.quantity > Decimal::ZERO);
    let has_line = out.lines.len() > first_line;
    changes(case, main.as_ref(), &billed, out);

    let code = main.as_ref().map(|d| d.code);
    let carried = margin::unbilled(case, has_line, out)?;
    let bucket = match (has_line, bills_units, main.is_some() || carried.is_some()) {
        (true, true, _) => Bucket::Billed,
        (true, false, _) | (false, _, false) => Bucket::Covered,
        (false, _, true) => Bucket::Unbilled,
    };
    let mut placement = Placement {
        bucket,
        line_id: out.lines[first_line..].first().map(|l| l.line_id.clone()).unwrap_or_default(),
        discrepancy_id: touching.map(|(id, _)| id).or(carried).unwrap_or_default(),
        code,
    };
    out.discrepancies.extend(main);
    let covers = &case.unit.covers;
    // Usage that comes to nothing takes no units of its bundle, which is where it belongs all the same.
    let nowhere = placement.line_id.is_empty() && placement.discrepancy_id.is_empty();
    let cover = covers.iter().find(|c| c.units > Decimal::ZERO).or(covers.first().filter(|_| nowhere));
    if let Some(bundle) = cover.and_then(|c| bundles.get(&c.by)) {
        let nothing_left = case.comparison.metered.is_none_or(|m| m <= Decimal::ZERO);
        if nothing_left && !bundle.line_id.is_empty() {
            // All of it is inside the bundle.
            placement = Placement { bucket: Bucket::Covered, ..bundle.clone() };
        } else if nothing_left && !bundle.discrepancy_id.is_empty() {
            // The bundle has no line that bills: its discrepancy carries it. Of one that has neither nothing was used.
            placement = Placement { bucket: Bucket::Unbilled, ..bundle.clone() };
        } else if placement.line_id.is_empty() {
            placement.line_id.clone_from(&bundle.line_id);
        }
    }
    Ok(placement)
}

/// Adds a discrepancy beside the main one, and remembers that it touches the unit's lines.
fn touch(case: &Case<'_, '_>, mut row: Discrepancy, touching: &mut Option<(String, bool)>, out: &mut Outcome) {
    if let Standing::Lapsed(decision, why) = take(&mut row, case.input) {
        out.discrepancies.push(lapsed(&row, &case.about(), decision, why));
    }
    let undecided = row.decision.is_none() && row.severity > Severity::Info;
    match touching {
        Some((_, before)) => *before |= undecided,
        None => *touching = Some((row.discrepancy_id.clone(), undecided)),
    }
    out.discrepancies.push(row);
}

/// The quantity each active line bills. A decision beats the line's own rule.
fn bill(case: &Case<'_, '_>, decision: &Standing<'_>) -> Result<Vec<Billed>, Overflow> {
    let comparison = &case.comparison;
    let stands = comparison.disagreement.as_ref().is_some_and(|d| d.code == Code::R416)
        || (case.rejected.is_some() && !comparison.compared);
    let set = match decision {
        Standing::Decided(d) if d.kind == DecisionKind::Set => d.quantity,
        _ => None,
    };
    let set = match set {
        Some(total) => {
            let held: Vec<Decimal> = case
                .unit
                .active
                .iter()
                .zip(&comparison.is_compared)
                .filter(|(_, c)| **c)
                .map(|(v, _)| v.line.quantity)
                .collect();
            let exact = super::quantity::allot(total, &held)?;
            let units = super::quantity::allot(whole(case.unit, total), &held)?;
            Some(units.into_iter().zip(exact).collect::<Vec<_>>())
        }
        None => None,
    };
    let mut set = set.map(Vec::into_iter);
    let by_contract = case.unit.sold.as_ref().is_some_and(|s| s.says == Says::Contract);
    let mapped = !by_contract && (comparison.metered.is_some() || case.input.supply.is_mapped(&case.unit.product_key));
    let mut out: Vec<Billed> = Vec::with_capacity(case.unit.active.len());
    for (i, view) in case.unit.active.iter().enumerate() {
        let (proposed, lasting) = (comparison.proposed[i], comparison.lasting[i]);
        let compared = comparison.is_compared[i];
        let contract = view.line.quantity;
        let own = billing(view, mapped, case.input.config);
        // What is billed, and what it was before it was made whole.
        let metered_units = (proposed, comparison.exact[i]);
        let (quantity, used) = if !compared {
            // All that was used in the month is billed by the line at its end.
            if view.is_consumed(case.unit.consumption, own) && !view.service.once {
                (Decimal::ZERO, Decimal::ZERO)
            } else {
                (contract, contract)
            }
        } else if let Some(quantities) = &mut set {
            quantities.next().unwrap_or((contract, contract))
        } else {
            match decision.kind() {
                Some(DecisionKind::Accept) => metered_units,
                Some(DecisionKind::Keep | DecisionKind::Dismiss) => (contract, contract),
                Some(DecisionKind::Set) | None if stands => (contract, contract),
                Some(DecisionKind::Set) | None => match own {
                    Billing::Metered if comparison.metered.is_some() => metered_units,
                    Billing::Greater if proposed > contract => (proposed, comparison.exact[i].max(contract)),
                    Billing::Metered | Billing::Contract | Billing::Greater => (contract, contract),
                },
            }
        };
        // A negative sum (more given back than charged) shows as it is, on the newest line.
        let negative = comparison.metered.filter(|m| *m < Decimal::ZERO && out.is_empty());
        let metered = comparison.metered.filter(|_| compared).map(|_| negative.unwrap_or(comparison.exact[i]));
        // Only a quantity that its rule spread over days is billed without proration.
        let spread = comparison.spread && compared && quantity == proposed;
        // Of a commitment, what was used beyond it is known when the month is over; the next begins with itself.
        let committed = case.unit.consumption && compared && own == Billing::Greater && decision.kind().is_none();
        let next = match (spread, committed) {
            (true, _) => lasting,
            (false, true) => contract,
            (false, false) => quantity,
        };
        let used = Some(used).filter(|used| *used != quantity);
        let before = match decision {
            Standing::Decided(d) if d.from.is_some_and(|from| from < case.input.period) && compared => match d.kind {
                DecisionKind::Set => Before::Known(quantity),
                DecisionKind::Accept => Before::Doubtful(contract),
                DecisionKind::Keep | DecisionKind::Dismiss => Before::Known(contract),
            },
            Standing::Decided(_) | Standing::Undecided | Standing::Lapsed(..) => Before::Known(contract),
        };
        out.push(Billed { quantity, used, metered, spread, next, before });
    }
    Ok(out)
}

/// The changes that would bring the PSA in line: none for what is only informative or decided otherwise.
fn changes(case: &Case<'_, '_>, main: Option<&Discrepancy>, billed: &[Billed], out: &mut Outcome) {
    let Some(row) = main.filter(|d| matches!(d.code, Code::R401 | Code::R402 | Code::R404 | Code::R413)) else {
        return;
    };
    let asked = match row.decision {
        None => row.severity > Severity::Info,
        Some(DecisionKind::Accept | DecisionKind::Set) => true,
        Some(DecisionKind::Keep | DecisionKind::Dismiss) => false,
    };
    for ((view, wanted), billed) in case.unit.active.iter().zip(&case.comparison.lasting).zip(billed) {
        let new = match row.decision {
            Some(DecisionKind::Set | DecisionKind::Accept) => billed.next,
            Some(DecisionKind::Keep | DecisionKind::Dismiss) | None => *wanted,
        };
        if asked && new != view.line.quantity {
            out.changes.push(QuantityChange {
                contract_id: view.contract.id.clone(),
                contract_line_id: view.line.id.clone(),
                client_id: case.unit.client.id.clone(),
                product_code: case.unit.product_code.clone(),
                old_quantity: view.line.quantity,
                new_quantity: new,
                effective_date: effective_date(view, case.input.period),
                discrepancy_id: row.discrepancy_id.clone(),
            });
        }
    }
}

/// From when the contract line should hold the quantity that was billed. Where a long cycle is paid for in
/// advance, this month's change is billed with this month, and the rest of the cycle is still to come.
fn effective_date(view: &LineView<'_>, period: Period) -> NaiveDate {
    let service = &view.service;
    if service.timing == BillTiming::Advance && service.billed_before && service.months > 1 && !service.due {
        return period.end();
    }
    view.active.map_or(period.start(), |(first, _)| first)
}

impl<'a, 'b> Case<'a, 'b> {
    /// The contract line that the unit's discrepancies name.
    pub fn view(&self) -> Option<&'b LineView<'a>> {
        spoken_of(self.unit, &self.comparison)
    }

    /// The unit's disagreement as a discrepancy, with how it was decided.
    pub fn main(&self) -> Result<Option<(Discrepancy, Standing<'b>)>, Overflow> {
        let Some(disagreement) = &self.comparison.disagreement else { return Ok(None) };
        let mut row = self.discrepancy(disagreement.code);
        row.severity = disagreement.severity;
        row.impact = disagreement.impact;
        row.owed_by = disagreement.owed_by;
        row.action = disagreement.action;
        if let Some(terms) = &disagreement.terms {
            row.unit_price = terms.unit_price;
        }
        if let Some(cover) = self.unit.covers.first().filter(|_| row.code == Code::R412) {
            // The bundle is what is compared with: all that was used, beside what it covers.
            let covered = self.unit.covered()?;
            row.contract_quantity = Some(covered);
            row.metered_quantity = row.metered_quantity.map(|over| add(over, covered)).transpose()?;
            row.contract_id = cover.contract_id.clone();
            row.contract_line_id = cover.contract_line_id.clone();
        }
        row.message = self.message(disagreement)?;
        let standing = take(&mut row, self.input);
        Ok(Some((row, standing)))
    }

    /// A discrepancy of this unit, with all but its price and message.
    pub fn discrepancy(&self, code: Code) -> Discrepancy {
        let unit = self.unit;
        let view = self.view();
        let about = match view {
            Some(view) => view.line.id.as_str().to_string(),
            None => self.about(),
        };
        let difference = match (self.comparison.metered, self.comparison.contract) {
            (Some(m), Some(c)) => subtract(m, c).ok(),
            (Some(m), None) => Some(m),
            (None, _) => None,
        };
        let absorbed = unit.sold.iter().flat_map(|s| &s.absorbed).flat_map(|a| &a.metered);
        let first = unit.metered.iter().chain(absorbed).map(|&i| &self.input.metered[i].first).min();
        let place = first.or(view.map(|v| &v.line.place)).cloned().unwrap_or_default();
        Discrepancy {
            discrepancy_id: discrepancy_id(unit.client.id.as_str(), &about, &self.vendor, code),
            code,
            severity: code.severity(),
            client_id: unit.client.id.clone(),
            client_name: unit.client.name.clone(),
            contract_id: view.map(|v| v.contract.id.clone()).unwrap_or_default(),
            contract_line_id: view.map(|v| v.line.id.clone()).unwrap_or_default(),
            product_code: unit.product_code.clone(),
            product_name: unit.product.map(|p| p.name.clone()).unwrap_or_default(),
            provider_name: self.vendor.clone(),
            contract_quantity: self.comparison.contract,
            metered_quantity: self.comparison.metered,
            difference,
            unit_price: view.and_then(|v| v.terms.unit_price),
            unit_cost: self.unit_cost(),
            impact: None,
            currency: self.currency,
            owed_by: OwedBy::Nobody,
            action: Action::None,
            decision: None,
            place,
            message: String::new(),
        }
    }

    /// Product and term: what the unit is about where no contract line says it.
    pub fn about(&self) -> String {
        match &self.unit.term {
            Some(term) => format!("{} {term}", self.unit.product_code),
            None => self.unit.product_code.to_string(),
        }
    }

    /// The vendor's unit cost where all rows agree, else the contract line's or the catalogue's.
    pub fn unit_cost(&self) -> Option<Decimal> {
        let view = self.view();
        self.metered_unit_cost()
            .or_else(|| view.and_then(|v| v.terms.unit_cost))
            .or_else(|| self.unit.product.and_then(|p| p.unit_cost))
    }

    /// The vendor's unit cost in the unit's currency, where all rows agree on one.
    pub fn metered_unit_cost(&self) -> Option<Decimal> {
        let mut metered = self.unit.metered.iter().map(|&i| &self.input.metered[i]).filter(|m| !m.cost_only);
        let first = metered.next()?;
        let cost = first.unit_cost?;
        let (currency, _) = first.cost.first_key_value()?;
        let same = |m: &Metered| m.unit_cost == Some(cost) && m.cost.keys().all(|c| c == currency);
        if !same(first) || !metered.all(same) {
            return None;
        }
        margin::in_own_currency(self, *currency, cost)
    }

    /// A sentence that says the disagreement with its numbers.
    fn message(&self, disagreement: &Disagreement) -> Result<String, Overflow> {
        let show = |q: Option<Decimal>| q.map_or_else(|| "none".to_string(), plain);
        let (metered, contract) = (show(self.comparison.metered), show(self.comparison.contract));
        let what = self.unit.product.map_or(self.unit.product_code.as_str(), |p| p.name.as_str());
        let line = self.unit.inactive.first();
        let covered = self.unit.covered()?;
        let mut text = match disagreement.code {
            Code::R401 => format!("{what}: {metered} used, only {contract} on contract"),
            Code::R402 => format!("{what}: {contract} on contract, only {metered} used"),
            Code::R404 => format!("{what}: {contract} on contract, nothing used"),
            Code::R403 => format!("{what}: {metered} used, and no contract line bills it"),
            Code::R405 => format!(
                "{what}: {metered} used, but contract line {} has ended",
                line.map_or("", |v| v.line.id.as_str())
            ),
            Code::R406 => format!(
                "{what}: {metered} used, but contract line {} starts on {}",
                line.map_or("", |v| v.line.id.as_str()),
                line.and_then(|v| v.effective).map(|d| d.to_string()).unwrap_or_default()
            ),
            Code::R412 => format!(
                "{what}: {} used, only {} covered by the bundle on contract line {}",
                plain(add(covered, self.comparison.metered.unwrap_or_default())?),
                plain(covered),
                self.unit.covers.first().map_or("", |c| c.contract_line_id.as_str())
            ),
            Code::R413 => {
                format!("{what}: {contract} on contract, {metered} made use of ({})", disagreement.reason)
            }
            _ => format!("{what}: nothing is concluded, because {}", disagreement.reason),
        };
        if covered > Decimal::ZERO && matches!(disagreement.code, Code::R401 | Code::R402 | Code::R404) {
            let by = self.unit.covers.iter().find(|c| c.units > Decimal::ZERO);
            let by = by.map_or("", |c| c.contract_line_id.as_str());
            text = format!("{text}, beside {} that the bundle on contract line {by} covers", plain(covered));
        }
        Ok(text)
    }
}
