//! What a row is typed to, kept from the row before: a date, a price or a word is parsed when its cells change.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Treatment;
use super::seen::Uses;
use super::typed::{Typed, Typist, exact_product};
use crate::format::{ChargeCategory, Column};
use crate::rate::Currency;

const fn of(column: Column) -> Uses {
    Uses::column(column as usize)
}

const CATEGORY: Uses = of(Column::ChargeCategory);
const CURRENCY: Uses = of(Column::Currency);
const QUANTITY: Uses = of(Column::Quantity);
const UNIT_COST: Uses = of(Column::UnitCost).and(Uses::RATE);
const STATED_COST: Uses = of(Column::Cost);
const COST: Uses = STATED_COST.and(QUANTITY).and(UNIT_COST);
const PERIOD: Uses = of(Column::ChargePeriodStart).and(of(Column::ChargePeriodEnd));
const TREATMENT: Uses = CATEGORY.and(Uses::RULES);
/// What a format may require.
const NEEDED: Uses = TREATMENT
    .and(QUANTITY)
    .and(of(Column::SubAccountId))
    .and(of(Column::SubAccountName))
    .and(of(Column::SkuId))
    .and(of(Column::ChargeDescription));

/// The columns whose text is content.
const TEXTS: [Column; 10] = [
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
];
const COLUMNS: usize = Column::ALL.len();

#[derive(Debug)]
pub(super) struct Memo {
    typed: Typed,
    /// Of the cost column, before what is computed.
    stated_cost: Option<Decimal>,
    treatment: Treatment,
    /// What of the row has a problem.
    wrong: Wrong,
    /// Whether content is asked for.
    contents: bool,
    content: u128,
    /// What has changed since `content` was worked out.
    stale: Uses,
    prints: [u128; COLUMNS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wrong {
    ids: bool,
    category: bool,
    currency: bool,
    quantity: bool,
    unit_cost: bool,
    stated_cost: bool,
    cost: bool,
    period: bool,
    missing: bool,
}

impl Memo {
    pub fn new(contents: bool) -> Self {
        Self {
            typed: Typed::default(),
            stated_cost: None,
            treatment: Treatment::Counted,
            wrong: Wrong::default(),
            contents,
            content: 0,
            stale: Uses::NONE,
            prints: [0; COLUMNS],
        }
    }

    /// Whether nothing is wrong with the row.
    pub fn is_whole(&self) -> bool {
        self.wrong == Wrong::default()
    }

    /// What the row is typed to, if nothing is wrong with it.
    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    pub fn treatment(&self) -> Treatment {
        self.treatment
    }

    /// The fingerprint of the canonical columns of the row: numbers by value, not by how they are written. A
    /// sum over the columns, so that only those that changed are gone through.
    pub fn content(&self) -> u128 {
        self.content
    }

    /// Types what has changed.
    pub fn renew(&mut self, typist: &Typist<'_>, changed: Uses) {
        if changed == Uses::NONE {
            return;
        }
        let typed = &mut self.typed;
        self.wrong.ids = typist.binding.has_cut_ids();
        if changed.has(CATEGORY) {
            let category = ChargeCategory::parse(typist.text(Column::ChargeCategory));
            self.wrong.category = category.is_none();
            typed.category = category.unwrap_or_default();
        }
        if changed.has(CURRENCY) {
            let currency = Currency::parse(typist.text(Column::Currency));
            self.wrong.currency = currency.is_none();
            typed.currency = currency.unwrap_or(Currency::NONE);
        }
        if changed.has(QUANTITY) {
            self.wrong.quantity = !number_of(typist, Column::Quantity, &mut typed.quantity, &mut typed.quantity_field);
        }
        if changed.has(UNIT_COST) {
            self.wrong.unit_cost = !number_of(typist, Column::UnitCost, &mut typed.unit_cost, &mut None);
            if typist.binding.rate.is_some() {
                (typed.unit_cost, typed.charged_at) = typist.in_own_currency(typed.unit_cost);
            }
        }
        if changed.has(STATED_COST) {
            self.wrong.stated_cost = !number_of(typist, Column::Cost, &mut self.stated_cost, &mut typed.cost_field);
        }
        if changed.has(COST) {
            typed.cost = self.stated_cost;
            self.wrong.cost = false;
            if typed.cost.is_none()
                && !typist.has_text(Column::Cost)
                && let (Some(quantity), Some(unit_cost)) = (typed.quantity, typed.unit_cost)
            {
                typed.cost = exact_product(quantity, unit_cost);
                self.wrong.cost = typed.cost.is_none();
            }
        }
        if changed.has(PERIOD) {
            (typed.start, typed.end) = (None, None);
            self.wrong.period = typist.period(typed).is_err();
        }
        if changed.has(Uses::EXPORTED) {
            typed.exported = typist.exported();
        }
        if changed.has(TREATMENT) {
            self.treatment = typist.treatment(typed.category);
        }
        if changed.has(NEEDED) {
            self.wrong.missing =
                self.treatment != Treatment::Excluded && typist.missing(typed.quantity, self.treatment).is_some();
        }
        self.stale = self.stale.and(changed);
    }

    /// Makes [`Memo::content`] that of the row, which matters where its identity has it compared with others.
    pub fn settle(&mut self, typist: &Typist<'_>) {
        let changed = std::mem::take(&mut self.stale);
        if !self.contents || changed == Uses::NONE {
            return;
        }
        for column in TEXTS {
            if changed.has(of(column)) {
                self.print(column, typist.text(column).as_bytes());
            }
        }
        if changed.has(of(Column::ProviderName)) {
            self.print(Column::ProviderName, typist.provider().as_bytes());
        }
        if changed.has(CATEGORY) {
            self.print(Column::ChargeCategory, self.typed.category.word().as_bytes());
        }
        if changed.has(CURRENCY) {
            let currency = self.typed.currency;
            self.print(Column::Currency, currency.code().as_bytes());
        }
        if changed.has(PERIOD) {
            self.print(Column::ChargePeriodStart, day(self.typed.start).as_slice());
            self.print(Column::ChargePeriodEnd, day(self.typed.end).as_slice());
        }
        if changed.has(QUANTITY) {
            self.put(Column::Quantity, print_of_number(self.typed.quantity.as_ref(), Column::Quantity));
        }
        if changed.has(UNIT_COST) {
            self.put(Column::UnitCost, print_of_number(self.typed.unit_cost.as_ref(), Column::UnitCost));
        }
        if changed.has(COST) {
            self.put(Column::Cost, print_of_number(self.typed.cost.as_ref(), Column::Cost));
        }
    }

    fn print(&mut self, column: Column, value: &[u8]) {
        let print = if value.is_empty() { 0 } else { xxh3_128_with_seed(value, column as u64 + 1) };
        self.put(column, print);
    }

    /// Puts a column's part of the content in the place of the one before; what is empty is no part of it.
    fn put(&mut self, column: Column, print: u128) {
        let before = std::mem::replace(&mut self.prints[column as usize], print);
        self.content = self.content.wrapping_sub(before).wrapping_add(print);
    }
}

/// Puts a column's number and its field in their places; `false` if it is wrong. They are written where they stay:
/// a decimal that is handed around is waited for at every step.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "32 bits of 64 each")]
fn number_of(typist: &Typist<'_>, column: Column, number: &mut Option<Decimal>, field: &mut Option<usize>) -> bool {
    match typist.plain_number(column) {
        Some((digits, scale, at)) => {
            let [low, mid] = [digits.unsigned_abs(), digits.unsigned_abs() >> 32].map(|part| part as u32);
            *number = Some(Decimal::from_parts(low, mid, 0, digits < 0, scale));
            *field = Some(at);
            true
        }
        None => unusual_number(typist, column, number, field),
    }
}

#[cold]
fn unusual_number(
    typist: &Typist<'_>,
    column: Column,
    number: &mut Option<Decimal>,
    field: &mut Option<usize>,
) -> bool {
    let read = typist.number(column);
    let is_right = read.is_ok();
    (*number, *field) = read.unwrap_or_default();
    is_right
}

fn day(date: Option<NaiveDate>) -> [u8; 4] {
    date.map_or(0, |d| d.num_days_from_ce()).to_le_bytes()
}

/// A number's digits without zeros behind the point, and how many of them stand there, in as few bytes as it takes: few
/// are told apart sooner.
fn print_of_number(number: Option<&Decimal>, column: Column) -> u128 {
    let Some(number) = number else { return 0 };
    let seed = column as u64 + 1;
    let long = i64::try_from(number.mantissa()).is_err();
    // Zeros may be what makes it long.
    let number = if long { number.normalize() } else { *number };
    let mut scale = number.scale();
    let Ok(mut short) = i64::try_from(number.mantissa()) else {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&number.mantissa().to_le_bytes());
        bytes[16..].copy_from_slice(&scale.to_le_bytes());
        return xxh3_128_with_seed(&bytes, seed);
    };
    while scale > 0 && short % 10 == 0 {
        (short, scale) = (short / 10, scale - 1);
    }
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&short.to_le_bytes());
    bytes[8..].copy_from_slice(&scale.to_le_bytes());
    xxh3_128_with_seed(&bytes, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_value_have_one_fingerprint_however_many_zeros_they_are_written_with() {
        let print = |text: &str| {
            let number = Decimal::from_str_exact(text).expect("a number");
            print_of_number(Some(&number), Column::Cost)
        };
        assert_eq!(print("1"), print("1.000"));
        assert_eq!(print("1"), print("1.0000000000000000000"));
        assert_eq!(print("-12345678901234567890.1"), print("-12345678901234567890.1000"));
        assert_eq!(print("0"), print("0.00"));
        assert_ne!(print("1"), print("10"));
        assert_ne!(print("1"), print("-1"));
    }
}
