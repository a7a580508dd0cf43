//! The rules of a run, unit by unit: compare, take the admin's decision, bill, price, and say where each
//! metered group ended.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::compare::{Comparison, Disagreement, billing, compare};
use super::decide::{Lapse, Standing, standing};
use super::duplicate_line;
use super::ids::discrepancy_id;
use super::lines::{Before, Billed, LineBuilder};
use super::margin;
use super::supply::Supply;
use super::unit::{Index, LineView, Unit, units};
use super::verdict::Verdicts;
use super::{Action, Discrepancy, LineItem, OwedBy, QuantityChange, VerdictRow};
use crate::book::{BillTiming, Billing, Config, ContractId, Decision, DecisionKind, Period, Psa};
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
    pub supply: &'a Supply,
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
    /// What rounding per line added, per contract and currency.
    pub residue: BTreeMap<(ContractId, Currency), Decimal>,
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
    pub currency: Currency,
}

/// Reconciles a period.
pub fn reconcile(input: &Input<'_>) -> Result<Outcome, Overflow> {
    let index = Index::new(input.psa);
    let all = units(input.psa, &index, input.metered, input.config, input.period);
    let mut out = Outcome {
        placements: input
            .metered
            .iter()
            .map(|_| Placement {
                bucket: Bucket::Covered,
                line_id: String::new(),
                discrepancy_id: String::new(),
                code: None,
            })
            .collect(),
        ..Outcome::default()
    };
    let mut verdicts = Verdicts::default();
    let mut reported_rejects = std::collections::BTreeSet::new();
    for unit in &all {
        let currency = index.currency_of(unit.client);
        let comparison = compare(unit, input.metered, input.supply, input.psa, input.config, currency)?;
        let mut vendors = input.supply.vendors_of(&unit.product_code);
        for provider in unit.metered.iter().flat_map(|&i| &input.metered[i].providers) {
            if !vendors.iter().any(|v| v.eq_ignore_ascii_case(provider)) {
                vendors.push(provider.clone());
            }
        }
        vendors.sort();
        let currency = unit.active.first().or(unit.inactive.first()).map_or(currency, |v| v.terms.currency);
        let case = Case { unit, comparison, input, vendor: vendors.join("; "), currency };
        let first_of_pair = reported_rejects.insert((unit.client.id.key(), unit.product_code.key()));
        let before = out.discrepancies.len();
        conclude(&case, first_of_pair, &mut out)?;
        verdicts.note(&case, &vendors, &out.discrepancies[before..])?;
    }
    out.verdicts = verdicts.rows(input);
    Ok(out)
}

fn conclude(case: &Case<'_, '_>, first_of_pair: bool, out: &mut Outcome) -> Result<(), Overflow> {
    let mut touching: Option<(String, bool)> = None;
    let mut main: Option<Discrepancy> = None;
    let mut decision = Standing::Undecided;

    if let Some(disagreement) = &case.comparison.disagreement {
        let mut row = case.discrepancy(disagreement.code);
        row.severity = disagreement.severity;
        row.impact = disagreement.impact;
        row.owed_by = disagreement.owed_by;
        row.action = disagreement.action;
        if let Some(terms) = &disagreement.terms {
            row.unit_price = terms.unit_price;
        }
        row.message = case.message(disagreement);
        decision = standing(case.input.decisions, &row.discrepancy_id, case.input.period, row.difference);
        row.decision = decision.kind();
        if row.decision == Some(DecisionKind::Dismiss) {
            row.severity = Severity::Info;
        }
        if let Standing::Lapsed(lapsed, why) = decision {
            out.discrepancies.push(case.lapsed(&row, lapsed, why));
        }
        touching = Some((row.discrepancy_id.clone(), row.decision.is_none() && row.severity > Severity::Info));
        main = Some(row);
    }

    if let Some(rejected) =
        case.input.supply.rejected(&case.unit.client.id, &case.unit.product_code).filter(|_| first_of_pair)
    {
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
    let bills_units = out.lines[first_line..].iter().any(|l| l.quantity > Decimal::ZERO);
    let has_line = out.lines.len() > first_line;
    changes(case, main.as_ref(), &billed, out);

    let code = main.as_ref().map(|d| d.code);
    let cost_only_loss = margin::unbilled_cost(case, has_line, out)?;
    let bucket = match (has_line, bills_units, main.is_some() || cost_only_loss.is_some()) {
        (true, true, _) => Bucket::Billed,
        (true, false, _) | (false, _, false) => Bucket::Covered,
        (false, _, true) => Bucket::Unbilled,
    };
    let placement = Placement {
        bucket,
        line_id: out.lines[first_line..].first().map(|l| l.line_id.clone()).unwrap_or_default(),
        discrepancy_id: touching.map(|(id, _)| id).or(cost_only_loss).unwrap_or_default(),
        code,
    };
    for &i in &case.unit.metered {
        out.placements[i] = placement.clone();
    }
    out.discrepancies.extend(main);
    Ok(())
}

/// Adds a discrepancy beside the main one, and remembers that it touches the unit's lines.
fn touch(case: &Case<'_, '_>, mut row: Discrepancy, touching: &mut Option<(String, bool)>, out: &mut Outcome) {
    let decision = standing(case.input.decisions, &row.discrepancy_id, case.input.period, row.difference);
    row.decision = decision.kind();
    if let Standing::Lapsed(lapsed, why) = decision {
        out.discrepancies.push(case.lapsed(&row, lapsed, why));
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
        || (case.input.supply.rejected(&case.unit.client.id, &case.unit.product_code).is_some()
            && !comparison.compared);
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
            Some(super::quantity::allot(total, &held)?)
        }
        None => None,
    };
    let mut set = set.map(Vec::into_iter);
    let mapped = comparison.metered.is_some() || case.input.supply.is_mapped(&case.unit.product_code);
    let mut out: Vec<Billed> = Vec::with_capacity(case.unit.active.len());
    for (i, view) in case.unit.active.iter().enumerate() {
        let (proposed, lasting) = (comparison.proposed[i], comparison.lasting[i]);
        let compared = comparison.is_compared[i];
        let contract = view.line.quantity;
        let own = billing(view, mapped, case.input.config);
        let quantity = if !compared {
            // All that was used in the month is billed by the line at its end.
            if case.unit.consumption && own == Billing::Metered && !view.service.once {
                Decimal::ZERO
            } else {
                contract
            }
        } else if let Some(quantities) = &mut set {
            quantities.next().unwrap_or(contract)
        } else {
            match decision.kind() {
                Some(DecisionKind::Accept) => proposed,
                Some(DecisionKind::Keep | DecisionKind::Dismiss) => contract,
                Some(DecisionKind::Set) | None if stands => contract,
                Some(DecisionKind::Set) | None => match own {
                    Billing::Metered if comparison.metered.is_some() => proposed,
                    Billing::Metered | Billing::Contract => contract,
                    Billing::Greater => contract.max(proposed),
                },
            }
        };
        // A negative sum (more given back than charged) shows as it is, on the newest line.
        let negative = comparison.metered.filter(|m| *m < Decimal::ZERO && out.is_empty());
        let metered = comparison.metered.filter(|_| compared).map(|_| negative.unwrap_or(proposed));
        // Only a quantity that its rule spread over days is billed without proration.
        let spread = comparison.spread && compared && quantity == proposed;
        // Of a commitment, what was used beyond it is known when the month is over; the next begins with itself.
        let committed = case.unit.consumption && compared && own == Billing::Greater && decision.kind().is_none();
        let next = match (spread, committed) {
            (true, _) => lasting,
            (false, true) => contract,
            (false, false) => quantity,
        };
        let before = match decision {
            Standing::Decided(d) if d.from.is_some_and(|from| from < case.input.period) && compared => match d.kind {
                DecisionKind::Set => Before::Known(quantity),
                DecisionKind::Accept => Before::Doubtful(contract),
                DecisionKind::Keep | DecisionKind::Dismiss => Before::Known(contract),
            },
            Standing::Decided(_) | Standing::Undecided | Standing::Lapsed(..) => Before::Known(contract),
        };
        out.push(Billed { quantity, metered, spread, next, before });
    }
    Ok(out)
}

/// The changes that would bring the PSA in line: none for what is only informative or decided otherwise.
fn changes(case: &Case<'_, '_>, main: Option<&Discrepancy>, billed: &[Billed], out: &mut Outcome) {
    let Some(row) = main.filter(|d| matches!(d.code, Code::R401 | Code::R402 | Code::R404)) else { return };
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

impl Case<'_, '_> {
    /// A discrepancy of this unit, with all but its price and message.
    pub fn discrepancy(&self, code: Code) -> Discrepancy {
        let unit = self.unit;
        let view = unit.active.first().or(unit.inactive.first());
        let about = match view {
            Some(view) => view.line.id.as_str().to_string(),
            None => self.about(),
        };
        let difference = match (self.comparison.metered, self.comparison.contract) {
            (Some(m), Some(c)) => subtract(m, c).ok(),
            (Some(m), None) => Some(m),
            (None, _) => None,
        };
        let first = unit.metered.iter().map(|&i| &self.input.metered[i].first).min();
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
        let view = self.unit.active.first().or(self.unit.inactive.first());
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

    fn lapsed(&self, of: &Discrepancy, decision: &Decision, why: Lapse) -> Discrepancy {
        let mut row = self.discrepancy(Code::R417);
        row.discrepancy_id = discrepancy_id(
            self.unit.client.id.as_str(),
            &format!("{} {}", self.about(), of.discrepancy_id),
            &self.vendor,
            Code::R417,
        );
        row.place = decision.place.clone();
        row.action = Action::DecideAgain;
        let why = match why {
            Lapse::Expired => format!("held until {}", decision.until.map(|p| p.to_string()).unwrap_or_default()),
            Lapse::Outgrown => format!(
                "was made on a difference of {}, which is {} now",
                decision.difference.map(plain).unwrap_or_default(),
                of.difference.map(plain).unwrap_or_default()
            ),
        };
        row.message =
            format!("the decision {} on {} ({}) {why}: decide again", decision.kind.word(), of.discrepancy_id, of.code);
        row
    }

    /// A sentence that says the disagreement with its numbers.
    fn message(&self, disagreement: &Disagreement) -> String {
        let show = |q: Option<Decimal>| q.map_or_else(|| "none".to_string(), plain);
        let (metered, contract) = (show(self.comparison.metered), show(self.comparison.contract));
        let what = self.unit.product.map_or(self.unit.product_code.as_str(), |p| p.name.as_str());
        let line = self.unit.inactive.first();
        match disagreement.code {
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
            _ => format!("{what}: nothing is concluded, because {}", disagreement.reason),
        }
    }
}

impl Outcome {
    /// Adds to the rounding residue of a contract.
    pub(super) fn add_residue(
        &mut self,
        contract: &ContractId,
        currency: Currency,
        residue: Decimal,
    ) -> Result<(), Overflow> {
        let sum = self.residue.entry((contract.clone(), currency)).or_default();
        *sum = add(*sum, residue)?;
        Ok(())
    }
}
