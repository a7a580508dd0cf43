//! A row of cells to a typed usage row, or to a reject that says why and keeps what could be read.

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::bind::{Binding, Cells, Taken};
use super::date::is_midnight;
use super::memo::{Memo, is_content, is_valued};
use super::number::{parse_plain, parse_short};
use super::plan::{Carried, Plans};
use super::seen::{Uses, is_cut_short};
use super::styles::Styles;
use super::usage::Texts;
use super::{CellKind, ChargedAt, DecimalStyle, RecordFault, Reject, Treatment, UsageRow};
use crate::finding::Code;
use crate::format::{ChargeCategory, Column, Needed, PeriodEnd, Spec, TableSpec};
use crate::rate::{Currency, Small};

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
    /// The days that start and end are written as; none where a time of the day stands with it.
    pub days: [Option<NaiveDate>; 2],
    pub quantity: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub currency: Currency,
    pub exported: Option<NaiveDate>,
    /// What the row is charged by, where its unit cost is in another currency.
    pub charged_at: Option<ChargedAt>,
    /// The fields that quantity and cost stand in, where they stand in one.
    pub quantity_field: Option<usize>,
    pub cost_field: Option<usize>,
}

/// What could be read of a row, and the first thing that is wrong with it.
#[derive(Debug)]
pub(super) struct Faulty {
    pub typed: Typed,
    pub problem: Problem,
}

/// What names an account, and what a product.
const ACCOUNT: [Column; 2] = [Column::SubAccountId, Column::SubAccountName];
const PRODUCT: [Column; 2] = [Column::SkuId, Column::ChargeDescription];

/// Reads rows of one file.
#[derive(Debug)]
pub(super) struct Typist<'s> {
    spec: &'s Spec,
    table: &'s TableSpec,
    pub binding: Binding,
    styles: Styles,
    /// How a text that is a number of the usual form is written, by field.
    plain_styles: Vec<Option<DecimalStyle>>,
    plans: Plans,
}

impl<'s> Typist<'s> {
    /// `prints`: rows carry the fingerprints that tell copies.
    pub fn new(spec: &'s Spec, table: &'s TableSpec, mut binding: Binding, styles: Styles, prints: bool) -> Self {
        if !prints {
            binding.without_prints();
        }
        let plain_styles: Vec<_> = (0..styles.numbers.len()).map(|field| styles.plain_style(field)).collect();
        let mut plans = Plans::new(plain_styles.len());
        // At a rate the unit cost is more than its number.
        let is_rated = binding.rate.is_some();
        let field_of = |binding: &Binding, column: Column| {
            binding.settled(column as usize).filter(|_| column != Column::UnitCost || !is_rated)
        };
        for column in [Column::Quantity, Column::UnitCost, Column::Cost] {
            if let Some(field) = field_of(&binding, column)
                && let Some(style) = plain_styles[field]
            {
                plans.number(field, column, style);
            }
        }
        for column in Column::ALL.iter().copied().filter(|column| prints && is_content(*column)) {
            if let Some(field) = binding.settled(column as usize) {
                plans.text(field, column);
            }
        }
        binding.is_written(styles.ways());
        for column in Column::ALL.iter().copied().filter(|column| prints && is_valued(*column)) {
            if let Some(field) = field_of(&binding, column) {
                binding.is_told(field);
            }
        }
        Self { spec, table, binding, styles, plain_styles, plans }
    }

    /// Types a row into `memo`, which is of the row before. `Some` where something is wrong with it: its first problem,
    /// beside everything that could be read.
    pub fn read(&mut self, cells: &impl Cells, memo: &mut Memo) -> Option<Box<Faulty>> {
        let mut carried = Carried { plans: &self.plans, memo: &mut *memo, done: Uses::NONE };
        let changed = self.binding.prepare_with(cells, &mut carried);
        let done = carried.done;
        memo.renew(self, changed, done);
        memo.settle(self, self.binding.identity().is_some());
        if memo.is_whole() && self.binding.error_cell(cells).is_none() {
            return None;
        }
        // Such rows are few: what is wrong, and what stands beside it, is worked out from the beginning.
        let (typed, problem) = self.judge(cells);
        problem.map(|problem| Box::new(Faulty { typed, problem }))
    }

    fn judge(&self, cells: &impl Cells) -> (Typed, Option<Problem>) {
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
        let taken = self.take(Column::ChargeCategory);
        match ChargeCategory::parse(taken.text) {
            Some(category) => typed.category = category,
            None => note(problem_at(
                Code::I111,
                taken,
                "charge_category must be Usage, Purchase, Tax, Credit or Adjustment",
            )),
        }
        let taken = self.take(Column::Currency);
        match Currency::parse(taken.text) {
            Some(currency) => typed.currency = currency,
            None => note(problem_at(Code::I118, taken, "the currency is not an ISO 4217 code")),
        }
        match self.number(Column::Quantity) {
            Ok((value, field)) => (typed.quantity, typed.quantity_field) = (value, field),
            Err(found) => note(found),
        }
        match self.number(Column::UnitCost) {
            Ok((value, _)) => (typed.unit_cost, typed.charged_at) = self.in_own_currency(value),
            Err(found) => note(found),
        }
        match self.number(Column::Cost) {
            Ok((value, field)) => (typed.cost, typed.cost_field) = (value, field),
            Err(found) => note(found),
        }
        if let Err(found) = self.period(&mut typed) {
            note(found);
        }
        typed.exported = self.exported();
        let treatment = self.treatment(typed.category);
        if typed.cost.is_none()
            && !self.has_text(Column::Cost)
            && let (Some(q), Some(u)) = (typed.quantity, typed.unit_cost)
        {
            typed.cost = exact_product(q, u);
            if typed.cost.is_none() {
                let taken = self.take(Column::UnitCost);
                note(problem_at(Code::I105, taken, "quantity × unit_cost has more digits than can be kept exactly"));
            }
        }
        if treatment != Treatment::Excluded
            && let Some(found) = self.missing(typed.quantity, treatment)
        {
            note(found);
        }
        (typed, problem)
    }

    /// The columns of which no fingerprint is left to be made.
    pub fn printed(&self) -> Uses {
        self.plans.printed()
    }

    #[inline]
    pub fn take(&self, column: Column) -> Taken<'_> {
        self.binding.take(column as usize)
    }

    #[inline]
    pub fn text(&self, column: Column) -> &str {
        self.binding.text(column as usize)
    }

    #[inline]
    pub fn has_text(&self, column: Column) -> bool {
        self.binding.has_text(column as usize)
    }

    pub fn number(&self, column: Column) -> Result<(Option<Decimal>, Option<usize>), Problem> {
        let taken = self.take(column);
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

    /// A number of nothing but digits and a separator, which is nearly every one, and its field.
    #[inline]
    pub fn plain_number(&self, column: Column) -> Option<(Small, usize)> {
        let (field, kind) = self.binding.cell(column as usize)?;
        // A number that is stored as one is written one way only.
        let style = if kind == CellKind::Number { DecimalStyle::Point } else { (*self.plain_styles.get(field)?)? };
        let (digits, scale) = match self.binding.short(field) {
            Some((word, length)) => {
                parse_short(word, length, style).or_else(|| parse_plain(self.text(column), style))?
            }
            None => parse_plain(self.text(column), style)?,
        };
        Some((Small::written(digits, scale)?, field))
    }

    /// The unit cost, if it is in the row's currency; else what the row is charged by. Of a rate that cannot be read
    /// neither is known.
    pub fn in_own_currency(&self, unit_cost: Option<Decimal>) -> (Option<Decimal>, Option<ChargedAt>) {
        let Some(taken) = self.binding.rate.map(|field| self.binding.value(field)) else { return (unit_cost, None) };
        match self.number_in(taken) {
            _ if taken.text.is_empty() => (unit_cost, None),
            Ok(rate) if rate == Decimal::ONE => (unit_cost, None),
            Ok(rate) => (None, unit_cost.map(|unit_price| ChargedAt { unit_price, rate })),
            Err(_) => (None, None),
        }
    }

    /// The day a cell states, if it is a date.
    pub fn date_in(&self, taken: Taken<'_>) -> Option<NaiveDate> {
        self.styles.date(taken).ok().map(|(date, _)| date)
    }

    /// The provider that the format states where the row does not.
    pub fn stated_provider(&self) -> &str {
        &self.spec.provider
    }

    fn date(&self, column: Column) -> Result<Option<(NaiveDate, Option<NaiveTime>)>, Problem> {
        let taken = self.take(column);
        if taken.text.is_empty() {
            return Ok(None);
        }
        match self.styles.date(taken) {
            Ok(found) => Ok(Some(found)),
            Err((code, why)) => Err(problem_at(code, taken, format!("{}: {why}", column.name()))),
        }
    }

    /// The charge period, its end made exclusive.
    pub fn period(&self, typed: &mut Typed) -> Result<(), Problem> {
        let start = self.date(Column::ChargePeriodStart);
        let end = self.date(Column::ChargePeriodEnd);
        let day = |said: &Result<Option<(NaiveDate, Option<NaiveTime>)>, Problem>| {
            let (date, time) = said.as_ref().ok().copied().flatten()?;
            is_midnight(time).then_some(date)
        };
        typed.days = [day(&start), day(&end)];
        typed.start = start.clone().ok().flatten().map(|(date, _)| date);
        if let Ok(Some((date, time))) = end {
            let exclusive = match self.table.read.period_end {
                // An end within a day takes that day in.
                PeriodEnd::Exclusive if is_midnight(time) => Some(date),
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
            let taken = self.take(Column::ChargePeriodEnd);
            return Err(problem_at(Code::I106, taken, "the charge period ends before it starts"));
        }
        Ok(())
    }

    pub fn exported(&self) -> Option<NaiveDate> {
        self.binding.exported.iter().find_map(|field| self.date_in(self.binding.value(*field)))
    }

    pub fn treatment(&self, category: ChargeCategory) -> Treatment {
        if self.binding.is_excluded() {
            return Treatment::Excluded;
        }
        match category {
            ChargeCategory::Tax | ChargeCategory::Credit => Treatment::CostOnly,
            ChargeCategory::Usage | ChargeCategory::Purchase | ChargeCategory::Adjustment => {
                if self.binding.is_cost_only() { Treatment::CostOnly } else { Treatment::Counted }
            }
        }
    }

    /// Which of the columns have a text that a format may need, a bit each.
    #[inline]
    pub fn filled(&self) -> u8 {
        let columns = [ACCOUNT[0], ACCOUNT[1], PRODUCT[0], PRODUCT[1], Column::Quantity];
        columns.into_iter().rev().fold(0, |filled, column| filled << 1 | u8::from(self.has_text(column)))
    }

    pub fn missing(&self, quantity: Option<Decimal>, treatment: Treatment) -> Option<Problem> {
        let is_there = |needed: Needed| match needed {
            Needed::Account => ACCOUNT.iter().any(|c| self.has_text(*c)),
            Needed::Product => PRODUCT.iter().any(|c| self.has_text(*c)),
            Needed::Quantity => {
                quantity.is_some() || treatment == Treatment::CostOnly || self.has_text(Column::Quantity)
            }
        };
        let needed = self.table.read.require.iter().copied().find(|needed| !is_there(*needed))?;
        let columns: &[Column] = match needed {
            Needed::Account => &ACCOUNT,
            Needed::Product => &PRODUCT,
            Needed::Quantity => &[Column::Quantity],
        };
        let field = columns.iter().find_map(|c| self.take(*c).field);
        let message = format!("the row has no {}, which the format needs", needed.word());
        Some(problem_at(Code::I111, Taken::text("", field), message))
    }

    /// The row last read, as the sink takes it.
    #[inline]
    pub fn row<'a>(&'a self, line: u64, memo: &'a Memo) -> UsageRow<'a> {
        let typed = memo.typed();
        let identity = self.binding.identity();
        UsageRow {
            texts: Texts { binding: &self.binding, stated_provider: &self.spec.provider },
            charge_category: typed.category,
            charge_period_start: typed.start,
            charge_period_end: typed.end,
            quantity: typed.quantity,
            unit_cost: typed.unit_cost,
            charged_at: typed.charged_at.as_ref(),
            cost: typed.cost,
            plain: *memo.plain(),
            currency: typed.currency,
            line,
            treatment: memo.treatment(),
            identity,
            content: if identity.is_some() { memo.content() } else { 0 },
            whole: if identity.is_some() { 0 } else { self.binding.whole().wrapping_add(memo.values()) },
            account_print: memo.print_of(&[Column::SubAccountId, Column::SubAccountName]),
            sku_print: memo.print_of(&[Column::SkuId, Column::ChargeDescription, Column::Term, Column::Metric]),
            alike: memo.alike(),
            exported: typed.exported,
        }
    }

    pub fn provider(&self) -> &str {
        match self.text(Column::ProviderName) {
            "" => &self.spec.provider,
            named => named,
        }
    }

    /// A reject with everything that could be read.
    pub fn reject(&self, line: u64, raw: &str, typed: &Typed, problem: Problem) -> Reject {
        let text = |column| self.text(column).to_string();
        Reject {
            line,
            column: problem.column,
            code: problem.code,
            value: problem.value,
            message: problem.message,
            raw: raw.to_string(),
            with_its_file: false,
            provider_name: self.provider().to_string(),
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
    fn a_product_is_exact_or_none() {
        assert_eq!(exact_product(d("1966.875"), d("0.035")), Some(d("68.840625")));
        assert_eq!(exact_product(d("0.00000000000001"), d("0.0000000000000001")), None);
        assert_eq!(exact_product(d("79228162514264337593543950335"), d("10")), None);
    }
}
