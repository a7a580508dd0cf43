//! What each export charges, held against its own quantities and unit prices. No way of rounding is assumed of a
//! vendor: the file says which is its own, and rows that none explains are named with what they come to.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::book::Period;
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::months_of_term;
use crate::ingest::{Amounts, Treatment, UsageRow};
use crate::rate::{Charge, CostCheck, Currency, ExactSum, Overflow, Part};

/// Lines named of rows that no rounding explains.
const NAMED: usize = 5;

/// The rows of one currency.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    pub check: CostCheck,
    /// The first that no rounding explains.
    lines: Vec<u64>,
}

/// What a row's amount may be for of what its price is for: a month of its term, its days of a month.
fn parts(row: &UsageRow<'_>) -> [Part; 2] {
    let days = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days()).unwrap_or(0);
    let of_days = row
        .charge_period_start
        .zip(row.charge_period_end)
        .map_or(Part { is: 1, of: 1 }, |(start, end)| Part { is: days(start, end), of: Period::of(start).days() });
    [Part { is: 1, of: months_of_term(row.term()).unwrap_or(1) }, of_days]
}

/// The rows of one file.
#[derive(Debug, Clone)]
pub struct Charges {
    /// Of the last row, and the digits of its minor unit; the others rest.
    currency: Currency,
    digits: u32,
    current: Checked,
    rest: BTreeMap<Currency, Checked>,
}

impl Default for Charges {
    fn default() -> Self {
        let currency = Currency::default();
        Self { currency, digits: currency.minor_digits(), current: Checked::default(), rest: BTreeMap::new() }
    }
}

impl Charges {
    /// Takes in a row that states quantity, unit price and cost.
    #[inline]
    pub fn note(&mut self, row: &UsageRow<'_>) {
        if row.treatment != Treatment::Counted || row.quantity.is_none() || row.cost.is_none() {
            return;
        }
        let Amounts { quantity: Some(quantity), unit_cost: Some(unit_price), cost: Some(stated) } = row.plain else {
            return self.note_long(row, false);
        };
        self.change_to(row.currency);
        if !self.current.check.note_short([quantity, unit_price, stated], self.digits) {
            self.note_long(row, true);
        }
    }

    /// One that is not written plainly, or of which short numbers, where they are `asked`, did not tell what explains it.
    #[inline(never)]
    fn note_long(&mut self, row: &UsageRow<'_>, asked: bool) {
        let (Some(quantity), Some(stated)) = (row.quantity, row.cost) else { return };
        let (unit_price, rate) = match (row.unit_cost, row.charged_at) {
            (Some(unit_cost), _) => (unit_cost, None),
            (None, Some(at)) => (at.unit_price, Some(at.rate)),
            (None, None) => return,
        };
        self.change_to(row.currency);
        let charge = Charge { quantity, unit_price, rate, stated, currency: row.currency };
        let check = &mut self.current.check;
        let is_explained =
            if asked { check.note_long(&charge, || parts(row)) } else { check.note(&charge, || parts(row)) };
        if !is_explained && self.current.lines.len() < NAMED {
            self.current.lines.push(row.line);
        }
    }

    #[inline]
    fn change_to(&mut self, currency: Currency) {
        if self.currency != currency {
            self.turn_to(currency);
        }
    }

    #[cold]
    #[inline(never)]
    fn turn_to(&mut self, currency: Currency) {
        self.put_aside();
        (self.currency, self.digits) = (currency, currency.minor_digits());
        self.current = self.rest.remove(&currency).unwrap_or_default();
    }

    fn put_aside(&mut self) {
        let checked = std::mem::take(&mut self.current);
        if checked.check.rows > 0 {
            self.rest.insert(self.currency, checked);
        }
    }

    /// By currency, once every row is in.
    pub fn by_currency(mut self) -> BTreeMap<Currency, Checked> {
        self.put_aside();
        self.rest
    }
}

impl Checked {
    /// Takes in other rows of the same file and currency.
    pub fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.lines.extend(other.lines);
        self.lines.sort_unstable();
        self.lines.truncate(NAMED);
        self.check.merge(&other.check)
    }

    /// I113 for rows of which no rounding makes the cost. Where the file keeps to no way of rounding at all, its costs
    /// are made of more than quantity and unit price, and nothing is wrong with single rows.
    pub fn finding(&self, source: &str, currency: Currency) -> Option<Finding> {
        let check = &self.check;
        let first = *self.lines.first()?;
        let keeps_a_rule = check.rows - check.unexplained > check.unexplained;
        let money = |sum: ExactSum| {
            let code = if currency.is_none() { String::new() } else { format!(" {}", currency.code()) };
            format!("{}{code}", sum.money_text(currency))
        };
        let under = check.over.minus(check.difference).unwrap_or_default();
        let apart: Vec<String> = [(check.over, "more"), (under, "less")]
            .into_iter()
            .filter(|(sum, _)| !sum.is_zero())
            .map(|(sum, way)| format!("{} {way}", money(sum)))
            .collect();
        let lines: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        let more = if check.unexplained > self.lines.len() as u64 { ", …" } else { "" };
        let message = format!(
            "no rounding of quantity × unit cost gives the cost of {} of {} rows (line{} {}{more}): they state {} than that",
            check.unexplained,
            check.rows,
            if self.lines.len() > 1 { "s" } else { "" },
            lines.join(", "),
            if apart.is_empty() { "otherwise".to_string() } else { apart.join(" and ") },
        );
        // Less than a cent in all is how the vendor's own floats came out.
        let cent = Decimal::new(1, currency.minor_digits());
        let matters = [check.over, under].into_iter().any(|sum| !sum.to_decimal().is_ok_and(|sum| sum.abs() < cent));
        let severity = if keeps_a_rule && matters { Severity::Warning } else { Severity::Info };
        Some(Finding::new(Code::I113, message).at(Place::line(source, first)).severity(severity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(rows: &[(&str, &str, &str)]) -> Checked {
        let d = |text: &str| Decimal::from_str_exact(text).expect("a decimal");
        let currency = Currency::parse("USD").expect("a code");
        let mut out = Checked::default();
        for (line, (quantity, unit_price, stated)) in (2..).zip(rows) {
            let (quantity, unit_price, stated) = (d(quantity), d(unit_price), d(stated));
            if !out.check.note(&Charge { quantity, unit_price, rate: None, stated, currency }, || [])
                && out.lines.len() < NAMED
            {
                out.lines.push(line);
            }
        }
        out
    }

    fn said(rows: &[(&str, &str, &str)]) -> Option<String> {
        let currency = Currency::parse("USD").expect("a code");
        checked(rows).finding("usage/a.csv", currency).map(|f| f.to_string())
    }

    #[test]
    fn rows_that_no_rounding_explains_are_named_with_their_money_both_ways() {
        let rows = [
            ("2", "1.50", "3.00"),
            ("3", "1.115", "3.34"),
            ("3", "1.115", "4.00"),
            ("5", "2", "10"),
            ("1", "2", "1.90"),
            ("1", "2", "2"),
        ];
        assert_eq!(
            said(&rows).as_deref(),
            Some(
                "usage/a.csv:4: warning[I113 total-mismatch]: no rounding of quantity × unit cost gives the cost of 2 of \
                 6 rows (lines 4, 6): they state 0.655 USD more and 0.10 USD less than that"
            )
        );
        assert_eq!(said(&rows[..2]), None);
    }

    #[test]
    fn less_than_a_cent_in_all_is_no_warning() {
        let rows = [("2", "1.50", "3.00"), ("1", "2", "2"), ("3", "1.11513", "3.345390000000001")];
        assert!(
            said(&rows).is_some_and(|s| s.contains("info[I113") && s.contains("0.000000000000001 USD more")),
            "{:?}",
            said(&rows)
        );
        let rows = [("2", "1.50", "3.00"), ("1", "2", "2"), ("3", "1.11513", "3.355390000000001")];
        assert!(said(&rows).is_some_and(|s| s.contains("warning[I113")));
    }

    #[test]
    fn rows_that_several_threads_read_come_to_what_one_would_say() {
        let rows =
            [("2", "1.50", "3.00"), ("3", "1.115", "4.00"), ("5", "2", "10"), ("1", "2", "1.90"), ("1", "2", "2")];
        let (first, last) = rows.split_at(3);
        let mut merged = checked(last);
        merged.lines.iter_mut().for_each(|line| *line += 3);
        merged.merge(checked(first)).expect("small");
        assert_eq!((&merged.check, &merged.lines), (&checked(&rows).check, &vec![3, 5]));
    }

    #[test]
    fn where_no_rule_holds_it_is_no_fault_of_single_rows_and_few_lines_are_named() {
        let rows = [("1", "2", "9.00"); 7];
        assert_eq!(
            said(&rows).as_deref(),
            Some(
                "usage/a.csv:2: info[I113 total-mismatch]: no rounding of quantity × unit cost gives the cost of 7 of 7 \
                 rows (lines 2, 3, 4, 5, 6, …): they state 49.00 USD more than that"
            )
        );
    }
}
