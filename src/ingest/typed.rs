//! A row of cells to a typed usage row, or to a reject that says why and keeps what could be read.

use chrono::{Datelike, NaiveDate, NaiveTime};
use rust_decimal::Decimal;
use xxhash_rust::xxh3::xxh3_128;

use super::bind::{Binding, Cells, Taken, push};
use super::styles::Styles;
use super::{RecordFault, Reject, Treatment, UsageRow};
use crate::finding::Code;
use crate::format::{ChargeCategory, Column, Needed, PeriodEnd, Spec, TableSpec};
use crate::rate::Currency;

/// Why a row is rejected; the first reason found is the one given.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub code: Code,
    pub column: u64,
    pub value: String,
    pub message: String,
}

impl From<RecordFault> for Problem {
    fn from(fault: RecordFault) -> Self {
        Self { code: fault.code, column: fault.column, value: fault.value, message: fault.message }
    }
}

/// Said of a cell in which a formula failed.
pub(super) const ERROR_CELL: &str = "the cell holds a spreadsheet's error instead of a value";

/// What of a row is typed: the rest is text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Typed {
    pub category: ChargeCategory,
    pub start: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
    pub quantity: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub currency: Currency,
    pub exported: Option<NaiveDate>,
    /// The fields that quantity and cost stand in, where they stand in one.
    pub quantity_field: Option<usize>,
    pub cost_field: Option<usize>,
}

/// Reads rows of one file.
#[derive(Debug)]
pub(super) struct Typist<'s> {
    spec: &'s Spec,
    table: &'s TableSpec,
    pub binding: Binding,
    styles: Styles,
    buffer: Vec<u8>,
}

impl<'s> Typist<'s> {
    pub fn new(spec: &'s Spec, table: &'s TableSpec, binding: Binding, styles: Styles) -> Self {
        Self { spec, table, binding, styles, buffer: Vec::new() }
    }

    /// Types a row. `Err` carries the first problem, beside everything that could be read.
    pub fn read(&mut self, cells: &impl Cells) -> (Typed, Treatment, Option<Problem>) {
        self.binding.prepare(cells);
        let mut problem: Option<Problem> = None;
        let mut note = |found: Problem| {
            problem.get_or_insert(found);
        };
        let mut typed = Typed::default();
        if let Some(field) = self.binding.error_cell(cells) {
            note(cell_problem(Code::I111, field, cells, ERROR_CELL.to_string()));
        }
        for field in &self.binding.ids {
            if is_cut_short(cells.cell(*field).trim()) {
                let message = "the id is in exponent notation: a spreadsheet has cut its digits off".to_string();
                note(cell_problem(Code::I117, *field, cells, message));
            }
        }
        let taken = self.take(Column::ChargeCategory, cells);
        match ChargeCategory::parse(taken.text) {
            Some(category) => typed.category = category,
            None => note(problem_at(
                Code::I111,
                taken,
                "charge_category must be Usage, Purchase, Tax, Credit or Adjustment",
            )),
        }
        let taken = self.take(Column::Currency, cells);
        match Currency::parse(taken.text) {
            Some(currency) => typed.currency = currency,
            None => note(problem_at(Code::I118, taken, "the currency is not an ISO 4217 code")),
        }
        match self.number(Column::Quantity, cells) {
            Ok((value, field)) => (typed.quantity, typed.quantity_field) = (value, field),
            Err(found) => note(found),
        }
        match self.number(Column::UnitCost, cells) {
            Ok((value, _)) => typed.unit_cost = value,
            Err(found) => note(found),
        }
        match self.number(Column::Cost, cells) {
            Ok((value, field)) => (typed.cost, typed.cost_field) = (value, field),
            Err(found) => note(found),
        }
        if let Err(found) = self.period(cells, &mut typed) {
            note(found);
        }
        typed.exported = self.exported(cells);
        let treatment = self.treatment(cells, typed.category);
        if typed.cost.is_none()
            && !self.has_text(Column::Cost, cells)
            && let (Some(q), Some(u)) = (typed.quantity, typed.unit_cost)
        {
            typed.cost = exact_product(q, u);
            if typed.cost.is_none() {
                let taken = self.take(Column::UnitCost, cells);
                note(problem_at(Code::I105, taken, "quantity × unit_cost has more digits than can be kept exactly"));
            }
        }
        if treatment != Treatment::Excluded
            && let Some(found) = self.missing(cells, typed.quantity, treatment)
        {
            note(found);
        }
        (typed, treatment, problem)
    }

    fn take<'a>(&'a self, column: Column, cells: &'a impl Cells) -> Taken<'a> {
        self.binding.take(column as usize, cells)
    }

    fn has_text(&self, column: Column, cells: &impl Cells) -> bool {
        !self.take(column, cells).text.is_empty()
    }

    fn number(&self, column: Column, cells: &impl Cells) -> Result<(Option<Decimal>, Option<usize>), Problem> {
        let taken = self.take(column, cells);
        if taken.text.is_empty() {
            return Ok((None, None));
        }
        match self.number_in(taken) {
            Ok(value) => Ok((Some(value), taken.field)),
            Err((code, why)) => Err(problem_at(code, taken, format!("{}: {why}", column.name()))),
        }
    }

    /// Reads a number as its field is written.
    pub fn number_in(&self, taken: Taken<'_>) -> Result<Decimal, (Code, String)> {
        self.styles.number(taken)
    }

    /// The day a cell states, if it is a date.
    pub fn date_in(&self, taken: Taken<'_>) -> Option<NaiveDate> {
        self.styles.date(taken).ok().map(|(date, _)| date)
    }

    /// The provider that the format states where the row does not.
    pub fn stated_provider(&self) -> &str {
        &self.spec.provider
    }

    fn date(&self, column: Column, cells: &impl Cells) -> Result<Option<(NaiveDate, Option<NaiveTime>)>, Problem> {
        let taken = self.take(column, cells);
        if taken.text.is_empty() {
            return Ok(None);
        }
        match self.styles.date(taken) {
            Ok(found) => Ok(Some(found)),
            Err((code, why)) => Err(problem_at(code, taken, format!("{}: {why}", column.name()))),
        }
    }

    /// The charge period, its end made exclusive.
    fn period(&self, cells: &impl Cells, typed: &mut Typed) -> Result<(), Problem> {
        let start = self.date(Column::ChargePeriodStart, cells);
        let end = self.date(Column::ChargePeriodEnd, cells);
        typed.start = start.clone().ok().flatten().map(|(date, _)| date);
        if let Ok(Some((date, time))) = end {
            let midnight = time.is_none_or(|t| t == NaiveTime::MIN);
            let exclusive = match self.table.read.period_end {
                // An end within a day takes that day in.
                PeriodEnd::Exclusive if midnight => Some(date),
                PeriodEnd::Exclusive | PeriodEnd::Inclusive => date.succ_opt(),
            };
            typed.end = exclusive;
        }
        start?;
        end?;
        if let (Some(start), Some(end)) = (typed.start, typed.end)
            && end < start
        {
            typed.end = None;
            let taken = self.take(Column::ChargePeriodEnd, cells);
            return Err(problem_at(Code::I106, taken, "the charge period ends before it starts"));
        }
        Ok(())
    }

    fn exported(&self, cells: &impl Cells) -> Option<NaiveDate> {
        self.binding.exported.iter().find_map(|field| {
            let text = self.binding.clean(cells.cell(*field));
            self.styles.date(Taken { text, field: Some(*field), kind: cells.kind(*field) }).ok().map(|(date, _)| date)
        })
    }

    fn treatment(&self, cells: &impl Cells, category: ChargeCategory) -> Treatment {
        if self.binding.is_excluded(cells) {
            return Treatment::Excluded;
        }
        match category {
            ChargeCategory::Tax | ChargeCategory::Credit => Treatment::CostOnly,
            ChargeCategory::Usage | ChargeCategory::Purchase | ChargeCategory::Adjustment => {
                if self.binding.is_cost_only(cells) { Treatment::CostOnly } else { Treatment::Counted }
            }
        }
    }

    fn missing(&self, cells: &impl Cells, quantity: Option<Decimal>, treatment: Treatment) -> Option<Problem> {
        for needed in &self.table.read.require {
            let (there, columns) = match needed {
                Needed::Account => {
                    let columns = [Column::SubAccountId, Column::SubAccountName];
                    (columns.iter().any(|c| self.has_text(*c, cells)), columns)
                }
                Needed::Product => {
                    let columns = [Column::SkuId, Column::ChargeDescription];
                    (columns.iter().any(|c| self.has_text(*c, cells)), columns)
                }
                Needed::Quantity => {
                    let there = quantity.is_some()
                        || treatment == Treatment::CostOnly
                        || self.has_text(Column::Quantity, cells);
                    (there, [Column::Quantity, Column::Quantity])
                }
            };
            if !there {
                let field = columns.iter().find_map(|c| self.take(*c, cells).field);
                let taken = Taken::text("", field);
                let message = format!("the row has no {}, which the format needs", needed.word());
                return Some(problem_at(Code::I111, taken, message));
            }
        }
        None
    }

    /// The row as the sink takes it.
    pub fn row<'a>(
        &'a mut self,
        cells: &'a impl Cells,
        line: u64,
        typed: &Typed,
        treatment: Treatment,
    ) -> UsageRow<'a> {
        let identity = self.binding.identity(cells);
        let whole = self.binding.whole(cells);
        let content = self.content(cells, typed);
        let this = &*self;
        let text = |column| this.take(column, cells).text;
        UsageRow {
            provider_name: this.provider(cells),
            sub_account_id: text(Column::SubAccountId),
            sub_account_name: text(Column::SubAccountName),
            sku_id: text(Column::SkuId),
            charge_description: text(Column::ChargeDescription),
            subscription_id: text(Column::SubscriptionId),
            line_id: text(Column::LineId),
            term: text(Column::Term),
            billing_frequency: text(Column::BillingFrequency),
            charge_category: typed.category,
            charge_period_start: typed.start,
            charge_period_end: typed.end,
            metric: text(Column::Metric),
            quantity: typed.quantity,
            unit: text(Column::Unit),
            unit_cost: typed.unit_cost,
            cost: typed.cost,
            currency: typed.currency,
            line,
            treatment,
            identity,
            content,
            whole,
            exported: typed.exported,
        }
    }

    fn provider<'a>(&'a self, cells: &'a impl Cells) -> &'a str {
        match self.take(Column::ProviderName, cells).text {
            "" => &self.spec.provider,
            named => named,
        }
    }

    /// The fingerprint of the canonical columns: numbers by value, not by how they are written.
    fn content(&mut self, cells: &impl Cells, typed: &Typed) -> u128 {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        push(&mut buffer, self.provider(cells));
        for column in [
            Column::SubAccountId,
            Column::SubAccountName,
            Column::SkuId,
            Column::ChargeDescription,
            Column::SubscriptionId,
            Column::LineId,
            Column::Term,
            Column::BillingFrequency,
            Column::Metric,
            Column::Unit,
        ] {
            push(&mut buffer, self.take(column, cells).text);
        }
        push(&mut buffer, typed.category.word());
        push(&mut buffer, typed.currency.code());
        for date in [typed.start, typed.end] {
            buffer.extend_from_slice(&date.map_or(0, |d| d.num_days_from_ce()).to_le_bytes());
        }
        for number in [typed.quantity, typed.unit_cost, typed.cost] {
            buffer.push(u8::from(number.is_some()));
            let number = number.unwrap_or_default().normalize();
            buffer.extend_from_slice(&number.mantissa().to_le_bytes());
            buffer.extend_from_slice(&number.scale().to_le_bytes());
        }
        let content = xxh3_128(&buffer);
        self.buffer = buffer;
        content
    }

    /// A reject with everything that could be read.
    pub fn reject(&self, cells: &impl Cells, line: u64, raw: &str, typed: &Typed, problem: Problem) -> Reject {
        let text = |column| self.take(column, cells).text.to_string();
        Reject {
            line,
            column: problem.column,
            code: problem.code,
            value: problem.value,
            message: problem.message,
            raw: raw.to_string(),
            with_its_file: false,
            provider_name: self.provider(cells).to_string(),
            sub_account_id: text(Column::SubAccountId),
            sub_account_name: text(Column::SubAccountName),
            sku_id: text(Column::SkuId),
            charge_description: text(Column::ChargeDescription),
            term: text(Column::Term),
            metric: text(Column::Metric),
            charge_period_start: typed.start,
            charge_period_end: typed.end,
            quantity: typed.quantity,
            cost: typed.cost,
            currency: typed.currency,
        }
    }

    /// A reject of a line of which nothing can be placed.
    pub fn blind_reject(&self, line: u64, raw: &str, problem: Problem) -> Reject {
        Reject {
            line,
            column: problem.column,
            code: problem.code,
            value: problem.value,
            message: problem.message,
            raw: raw.to_string(),
            with_its_file: false,
            provider_name: self.spec.provider.clone(),
            sub_account_id: String::new(),
            sub_account_name: String::new(),
            sku_id: String::new(),
            charge_description: String::new(),
            term: String::new(),
            metric: String::new(),
            charge_period_start: None,
            charge_period_end: None,
            quantity: None,
            cost: None,
            currency: Currency::NONE,
        }
    }
}

fn problem_at(code: Code, taken: Taken<'_>, message: impl Into<String>) -> Problem {
    Problem {
        code,
        column: taken.field.map_or(0, |f| f as u64 + 1),
        value: taken.text.to_string(),
        message: message.into(),
    }
}

fn cell_problem(code: Code, field: usize, cells: &impl Cells, message: String) -> Problem {
    Problem { code, column: field as u64 + 1, value: cells.cell(field).trim().to_string(), message }
}

/// `1.23457E+17`: what a spreadsheet leaves of a long id.
fn is_cut_short(id: &str) -> bool {
    let Some((mantissa, exponent)) = id.split_once("E+") else { return false };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent)
}

/// The product with all its digits, or `None` if it has more than can be kept.
pub(super) fn exact_product(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let mantissa = a.mantissa().checked_mul(b.mantissa())?;
    let scale = a.scale() + b.scale();
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a decimal")
    }

    #[test]
    fn an_id_in_exponent_notation_is_known() {
        for id in ["1.23457E+17", "1E+11", "5,6689E+17"] {
            assert!(is_cut_short(id), "{id}");
        }
        for id in ["06E2", "ABE+1", "12.5E+3", "1.5E+", "CFQ7TTC0LH0R"] {
            assert!(!is_cut_short(id), "{id}");
        }
    }

    #[test]
    fn a_product_is_exact_or_none() {
        assert_eq!(exact_product(d("1966.875"), d("0.035")), Some(d("68.840625")));
        assert_eq!(exact_product(d("0.00000000000001"), d("0.0000000000000001")), None);
        assert_eq!(exact_product(d("79228162514264337593543950335"), d("10")), None);
    }
}
