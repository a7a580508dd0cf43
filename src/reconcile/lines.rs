//! Invoice-ready line items: one per contract line active in the period, also at zero, and what else its
//! terms add: the shortfall to a minimum amount, the truing up under advance billing, and usage without a
//! contract line that the admin accepted.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::compare::whole;
use super::conclude::{Case, Outcome};
use super::decide::Standing;
use super::ids::line_id;
use super::margin::{CostShare, cost_shares};
use super::rating::{rate_line, rate_of_months};
use super::unit::{LineView, catalogue_terms};
use super::{Action, LineItem, LineKind, LineStatus};
use crate::book::{BillTiming, ContractLineId, DecisionKind, Invoiced};
use crate::finding::Code;
use crate::rate::{ExactSum, Overflow, RateError, Rated, Share, Terms, multiply, subtract};

/// What a line bills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Billed {
    pub quantity: Decimal,
    /// The line's share of the metered quantity, `None` where nothing metered it.
    pub metered: Option<Decimal>,
    /// The quantity is already spread over days, and is not prorated again.
    pub spread: bool,
    /// What the next period begins with: billed in advance. Else `quantity`.
    pub next: Decimal,
    /// Under advance billing: what was billed for this period before it began.
    pub before: Before,
}

/// What the bill of the period before held, which this run has not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Before {
    /// The contract quantity, or what a decision set that held then.
    Known(Decimal),
    /// A decision to bill what was metered held then, and the contract quantity may not be what it came to.
    Doubtful(Decimal),
}

impl Before {
    pub fn quantity(self) -> Decimal {
        match self {
            Before::Known(quantity) | Before::Doubtful(quantity) => quantity,
        }
    }
}

/// Builds the line items of one unit.
pub(super) struct LineBuilder<'a, 'b, 'c> {
    pub(super) case: &'c Case<'a, 'b>,
    discrepancy_id: String,
    review: bool,
    costs: Vec<CostShare>,
    next: usize,
}

impl<'a, 'b, 'c> LineBuilder<'a, 'b, 'c> {
    /// `review`: an undecided discrepancy touches the unit's lines.
    pub fn new(case: &'c Case<'a, 'b>, discrepancy_id: Option<&str>, review: bool) -> Self {
        let costs = cost_shares(case);
        Self { case, discrepancy_id: discrepancy_id.unwrap_or_default().to_string(), review, costs, next: 0 }
    }

    /// The line of a contract line, with the lines its terms add.
    pub fn recurring(&mut self, view: &LineView<'a>, billed: &Billed, out: &mut Outcome) -> Result<(), Overflow> {
        let cost = self.costs.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        self.bill(view, billed, cost, out)
    }

    /// The line of a contract line that ended earlier in the cycle that is billed now.
    pub fn closing(&self, view: &LineView<'a>, out: &mut Outcome) -> Result<(), Overflow> {
        let quantity = view.line.quantity;
        let before = Before::Known(quantity);
        let billed = Billed { quantity, metered: None, spread: false, next: quantity, before };
        self.bill(view, &billed, CostShare::default(), out)
    }

    fn bill(&self, view: &LineView<'a>, billed: &Billed, cost: CostShare, out: &mut Outcome) -> Result<(), Overflow> {
        let case = self.case;
        let kind = if view.service.once { LineKind::OneTime } else { LineKind::Recurring };
        let mut item = self.item(view, kind);
        item.metered_quantity = billed.metered;
        item.unit_cost = case.metered_unit_cost().or(view.terms.unit_cost);
        if !view.service.due {
            item.amount = Some(view.terms.rounding.line(Decimal::ZERO, view.terms.currency));
            item.cost = cost.metered;
            item.margin = margin(item.amount, item.cost)?;
            out.lines.push(item);
            return self.true_up(view, billed, out);
        }
        let (quantity, spread) = match view.service.timing {
            BillTiming::Arrears => (billed.quantity, billed.spread),
            BillTiming::Advance => (billed.next, false),
        };
        let rated = match rate_line(view, quantity, spread, case.metered_unit_cost())? {
            Ok(rated) => rated,
            Err(problem) => {
                item.quantity = quantity;
                self.unpriced(view, item, &problem, out);
                return Ok(());
            }
        };
        item.quantity = rated.quantity;
        item.unit_price = rated.unit_price;
        item.amount = Some(rated.amount);
        let share = if spread { Share::WHOLE } else { view.service.share };
        item.cost = cost.of(quantity, item.unit_cost, &view.terms, share)?;
        item.margin = margin(item.amount, item.cost)?;
        if let Some(note) = cost.note {
            item.description = format!("{} (cost at {note})", item.description);
        }
        out.add_residue(&view.contract.id, view.terms.currency, rated.residue)?;
        out.lines.push(item);
        self.minimum(view, &rated, out);
        self.true_up(view, billed, out)
    }

    /// A line whose price is unknown is held, and said.
    pub(super) fn unpriced(&self, view: &LineView<'a>, mut item: LineItem, problem: &RateError, out: &mut Outcome) {
        item.status = LineStatus::Held;
        let mut row = self.case.discrepancy(Code::R418);
        row.contract_line_id = view.line.id.clone();
        row.place = view.line.place.clone();
        row.action = Action::SetPrice;
        row.message = format!("contract line {} cannot be priced: {problem}", view.line.id);
        if item.discrepancy_id.is_empty() {
            item.discrepancy_id.clone_from(&row.discrepancy_id);
        }
        out.discrepancies.push(row);
        out.lines.push(item);
    }

    /// What is missing to the minimum amount is a line of its own.
    fn minimum(&self, view: &LineView<'a>, rated: &Rated, out: &mut Outcome) {
        if rated.minimum_shortfall > Decimal::ZERO {
            let mut item = self.item(view, LineKind::Minimum);
            shortfall(&mut item, rated.minimum_shortfall);
            out.lines.push(item);
        }
    }

    /// Usage without a contract line yields a line once it is accepted, at the price it was offered at.
    pub fn accepted(&mut self, decision: &Standing<'_>, out: &mut Outcome) -> Result<(), Overflow> {
        let case = self.case;
        let Standing::Decided(decided) = decision else { return Ok(()) };
        let quantity = match decided.kind {
            DecisionKind::Accept => case.comparison.metered.map(|units| whole(case.unit, units)),
            DecisionKind::Set => decided.quantity,
            DecisionKind::Keep | DecisionKind::Dismiss => None,
        };
        let Some(quantity) = quantity else { return Ok(()) };
        let period = case.input.period;
        let offered = case.comparison.disagreement.as_ref().and_then(|d| d.terms.clone());
        let offered_months = offered.is_some();
        let terms = offered.unwrap_or_else(|| catalogue_terms(case.unit.product, case.currency, case.input.config));
        let product = case.unit.product;
        // A line that ended bills by its cycle; this is one month of it.
        let ended = case.unit.inactive.first().filter(|_| offered_months);
        let rated = match rate_of_months(quantity, &terms, ended.map_or(1, |v| v.service.months))? {
            Ok(rated) => Some(rated),
            Err(problem) => {
                let mut row = case.discrepancy(Code::R418);
                row.action = Action::SetPrice;
                row.message = format!("the accepted usage of {} cannot be priced: {problem}", case.unit.product_code);
                out.discrepancies.push(row);
                None
            }
        };
        let cost = self.costs.first().copied().unwrap_or_default();
        let unit_cost = case.unit_cost();
        let amount = rated.as_ref().map(|r| r.amount);
        let invoiced = self.invoiced();
        let cost = cost.of(quantity, unit_cost, &terms, Share::WHOLE)?;
        out.lines.push(LineItem {
            line_id: line_id(period, case.unit.client.id.as_str(), &case.about(), LineKind::Recurring),
            status: match (rated.is_some(), self.review) {
                (false, _) => LineStatus::Held,
                (true, true) => LineStatus::Review,
                (true, false) => LineStatus::Ready,
            },
            kind: LineKind::Recurring,
            client_id: invoiced.as_ref().map_or(&case.unit.client.id, |i| &i.client_id).clone(),
            client_name: invoiced.as_ref().map_or(&case.unit.client.name, |i| &i.client_name).clone(),
            contract_id: case.unit.inactive.first().map(|v| v.contract.id.clone()).unwrap_or_default(),
            contract_name: case.unit.inactive.first().map(|v| v.contract.name.clone()).unwrap_or_default(),
            contract_line_id: ContractLineId::default(),
            product_code: case.unit.product_code.clone(),
            description: product.map(|p| p.name.clone()).unwrap_or_default(),
            service_start: period.start(),
            service_end: period.last_day(),
            metered_quantity: case.comparison.metered,
            quantity: rated.as_ref().map_or(quantity, |r| r.quantity),
            unit: product.map(|p| p.unit.clone()).unwrap_or_default(),
            unit_price: rated.as_ref().and_then(|r| r.unit_price),
            amount,
            currency: terms.currency,
            taxable: product.map(|p| p.taxable.clone()).unwrap_or_default(),
            tax_code: product.map(|p| p.tax_code.clone()).unwrap_or_default(),
            account_code: product.map(|p| p.account_code.clone()).unwrap_or_default(),
            unit_cost,
            cost,
            margin: margin(amount, cost)?,
            discrepancy_id: self.discrepancy_id.clone(),
        });
        let short = rated.map_or(Decimal::ZERO, |r| r.minimum_shortfall);
        if let Some(line) = out.lines.last().filter(|_| short > Decimal::ZERO) {
            let mut minimum = line.clone();
            minimum.line_id = line_id(period, case.unit.client.id.as_str(), &case.about(), LineKind::Minimum);
            minimum.kind = LineKind::Minimum;
            shortfall(&mut minimum, short);
            out.lines.push(minimum);
        }
        Ok(())
    }

    /// Who pays for usage that no active line bills, where that is another client.
    fn invoiced(&self) -> Option<Invoiced> {
        let client = self.case.unit.client;
        if let Some(view) = self.case.unit.inactive.first() {
            return view.contract.invoiced.clone();
        }
        let named = client.bill_to_client_id.key();
        let payer = self.case.input.psa.clients.iter().find(|c| c.id.key() == named && c.id != client.id)?;
        Some(Invoiced { client_id: payer.id.clone(), client_name: payer.name.clone() })
    }

    pub(super) fn item(&self, view: &LineView<'a>, kind: LineKind) -> LineItem {
        let case = self.case;
        let (line, product) = (view.line, view.product);
        let or_product = |own: &str, catalogue: Option<&String>| {
            if own.is_empty() { catalogue.cloned().unwrap_or_default() } else { own.to_string() }
        };
        let invoiced = view.contract.invoiced.as_ref();
        let mut description = or_product(&line.description, product.map(|p| &p.name));
        if invoiced.is_some() {
            // Whoever pays must see for whom.
            description = format!("{description} ({})", case.unit.client.name);
        }
        let period = case.input.period;
        let (service_start, service_end): (NaiveDate, NaiveDate) =
            if view.service.due { (view.service.start, view.service.end) } else { (period.start(), period.last_day()) };
        let status = match (line.held, self.review) {
            (true, _) => LineStatus::Held,
            (false, true) => LineStatus::Review,
            (false, false) => LineStatus::Ready,
        };
        LineItem {
            line_id: line_id(period, case.unit.client.id.as_str(), line.id.as_str(), kind),
            status,
            kind,
            client_id: invoiced.map_or(&case.unit.client.id, |i| &i.client_id).clone(),
            client_name: invoiced.map_or(&case.unit.client.name, |i| &i.client_name).clone(),
            contract_id: view.contract.id.clone(),
            contract_name: view.contract.name.clone(),
            contract_line_id: line.id.clone(),
            product_code: line.product_code.clone(),
            description,
            service_start,
            service_end,
            metered_quantity: None,
            quantity: Decimal::ZERO,
            unit: product.map(|p| p.unit.clone()).unwrap_or_default(),
            unit_price: None,
            amount: None,
            currency: view.terms.currency,
            taxable: or_product(&line.taxable, product.map(|p| &p.taxable)),
            tax_code: or_product(&line.tax_code, product.map(|p| &p.tax_code)),
            account_code: or_product(&line.account_code, product.map(|p| &p.account_code)),
            unit_cost: None,
            cost: None,
            margin: None,
            discrepancy_id: self.discrepancy_id.clone(),
        }
    }
}

/// Makes a line the one for what is missing to a minimum amount: no units, no cost.
fn shortfall(item: &mut LineItem, amount: Decimal) {
    item.quantity = Decimal::ONE;
    item.unit_price = Some(amount);
    item.amount = Some(amount);
    (item.metered_quantity, item.unit_cost, item.cost) = (None, None, None);
    item.margin = item.amount;
    item.description = format!("{}: shortfall to the minimum", item.description);
}

fn margin(amount: Option<Decimal>, cost: Option<Decimal>) -> Result<Option<Decimal>, Overflow> {
    match (amount, cost) {
        (Some(amount), Some(cost)) => subtract(amount, cost).map(Some),
        _ => Ok(None),
    }
}

impl CostShare {
    /// The line's cost: its share of the metered cost, else unit cost × quantity for the days it was active,
    /// in minor units.
    fn of(
        &self,
        quantity: Decimal,
        unit_cost: Option<Decimal>,
        terms: &Terms,
        share: Share,
    ) -> Result<Option<Decimal>, Overflow> {
        if self.metered.is_some() || self.foreign {
            return Ok(self.metered);
        }
        let Some(unit_cost) = unit_cost else { return Ok(None) };
        let whole = ExactSum::of(multiply(unit_cost, quantity)?).times(i64::from(share.active))?;
        let strategy = terms.rounding.strategy();
        let part = whole.divided(share.of, terms.currency.minor_digits(), strategy)?;
        Ok(Some(terms.rounding.line(part, terms.currency)))
    }
}
