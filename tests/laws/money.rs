//! Law 3, exact, and law 8, both directions priced: money adds up to the last digit from the files alone,
//! and every disagreement with a known price says how much and who owes it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};

use super::plan::{LinePlan, Plan, book};
use super::run::{Book, Outputs, Table};

fn minor_digits(currency: &str) -> u32 {
    if currency == "JPY" { 0 } else { 2 }
}

/// Per currency: the line items add up to the summary's invoiced, and the run's verdicts to its impacts.
fn sums_hold(outputs: &Outputs) {
    let lines = Table::read(outputs, "invoice_lines.csv");
    let mut invoiced: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in &lines.rows {
        let sum = invoiced.entry(lines.cell(row, "currency").to_string()).or_default();
        *sum = sum.checked_add(lines.decimal(row, "amount").unwrap_or_default()).expect("fits");
    }
    let discrepancies = Table::read(outputs, "discrepancies.csv");
    let counted = ["R401", "R402", "R403", "R404", "R405", "R406", "R409", "R412"];
    let mut owed: BTreeMap<(String, &str), Decimal> = BTreeMap::new();
    for row in &discrepancies.rows {
        let open = discrepancies.cell(row, "decision").is_empty() && discrepancies.cell(row, "severity") != "info";
        let key = match discrepancies.cell(row, "owed_by") {
            "client" => "recover",
            "msp" => "refund",
            _ => continue,
        };
        if open && counted.contains(&discrepancies.cell(row, "code")) {
            let sum = owed.entry((discrepancies.cell(row, "currency").to_string(), key)).or_default();
            *sum += discrepancies.decimal(row, "impact").unwrap_or_default();
        }
    }
    let summary: serde_json::Value = serde_json::from_slice(&outputs["summary.json"]).expect("JSON");
    for money in summary["money"].as_array().expect("a list") {
        let text = |key: &str| money[key].as_str().expect("text").to_string();
        let amount = |key: &str| Decimal::from_str_exact(&text(key)).expect("a decimal");
        let currency = text("currency");
        assert_eq!(amount("invoiced"), invoiced.remove(&currency).unwrap_or_default(), "invoiced {currency}");
        for key in ["recover", "refund"] {
            assert_eq!(amount(key), owed.remove(&(currency.clone(), key)).unwrap_or_default(), "{key} {currency}");
        }
    }
    assert!(invoiced.values().chain(owed.values()).all(Decimal::is_zero), "unsaid: {invoiced:?} {owed:?}");
}

/// Where a unit price is given, quantity × unit price is the amount, rounded once.
fn unit_prices_hold(plan: &Plan, outputs: &Outputs) {
    let lines = Table::read(outputs, "invoice_lines.csv");
    let strategy =
        if plan.half_even() { RoundingStrategy::MidpointNearestEven } else { RoundingStrategy::MidpointAwayFromZero };
    for row in &lines.rows {
        let digits = minor_digits(lines.cell(row, "currency"));
        let (amount, unit_price) = (lines.decimal(row, "amount"), lines.decimal(row, "unit_price"));
        if let Some(amount) = amount {
            assert!(amount.normalize().scale() <= digits, "in minor units: {row:?}");
        }
        if let (Some(amount), Some(unit_price), "recurring") = (amount, unit_price, lines.cell(row, "kind")) {
            let exact = unit_price * lines.decimal(row, "quantity").expect("a quantity");
            assert_eq!(amount, exact.round_dp_with_strategy(digits, strategy), "{row:?}");
        }
        let (cost, margin) = (lines.decimal(row, "cost"), lines.decimal(row, "margin"));
        if let (Some(amount), Some(cost), Some(margin)) = (amount, cost, margin) {
            assert_eq!(margin, amount - cost, "{row:?}");
        }
    }
}

fn both_directions_are_priced(outputs: &Outputs) {
    let discrepancies = Table::read(outputs, "discrepancies.csv");
    let mut ids = BTreeSet::new();
    for row in &discrepancies.rows {
        let cell = |column| discrepancies.cell(row, column);
        let (impact, price) = (discrepancies.decimal(row, "impact"), discrepancies.decimal(row, "unit_price"));
        assert!(impact.is_none_or(|i| i >= Decimal::ZERO), "never negative: {row:?}");
        let owed_by = match cell("code") {
            "R401" | "R403" | "R405" | "R406" | "R412" => "client",
            "R402" | "R404" | "R413" => "msp",
            "R416" => {
                assert!(impact.is_none(), "what was not compared has no impact: {row:?}");
                ""
            }
            _ => continue,
        };
        assert_eq!(cell("owed_by"), owed_by, "{row:?}");
        // The catalogue and per-unit and flat lines alone are generated: a price is all they need.
        if price.is_some() && owed_by == "client" {
            assert!(impact.is_some(), "priced: {row:?}");
        }
        assert!(ids.insert(cell("discrepancy_id").to_string()), "an id names one question: {row:?}");
    }
}

/// Every contract line active in the period yields one recurring or one-time line item, and so does one that
/// ended earlier in a cycle that is billed now; no other does. Where there is consumption the latter may have been billed
/// as it was used, whatever the cycle.
fn active_lines_are_billed(plan: &Plan, outputs: &Outputs) {
    let lines = Table::read(outputs, "invoice_lines.csv");
    let mut billed: Vec<String> = lines
        .rows
        .iter()
        .filter(|r| ["recurring", "one-time"].contains(&lines.cell(r, "kind")))
        .filter(|r| !lines.cell(r, "contract_line_id").is_empty())
        .map(|r| lines.cell(r, "contract_line_id").to_string())
        .collect();
    billed.sort();
    let of = |is: &dyn Fn(&LinePlan) -> bool| -> BTreeSet<String> {
        plan.lines.iter().enumerate().filter(|(_, l)| is(l)).map(|(k, _)| format!("L{k}")).collect()
    };
    let (active, closing) = (of(&|l| plan.is_active(l)), of(&|l| plan.closes(l)));
    let billed_once: BTreeSet<String> = billed.iter().cloned().collect();
    assert_eq!(billed_once.len(), billed.len(), "each once: {billed:?}");
    let due: BTreeSet<String> = active.union(&closing).cloned().collect();
    if plan.has_consumption() {
        assert!(active.is_subset(&billed_once) && billed_once.is_subset(&due), "{billed:?} of {due:?}");
    } else {
        assert_eq!(billed_once, due);
    }
    let mut ids = lines.column("line_id");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), lines.rows.len(), "a line id names one line item");
}

fn holds(plan: &Plan) {
    let outputs = Book::new(plan).outputs();
    sums_hold(&outputs);
    unit_prices_hold(plan, &outputs);
    both_directions_are_priced(&outputs);
    active_lines_are_billed(plan, &outputs);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::cases(40) })]

    #[test]
    fn money_adds_up_and_both_directions_are_priced(plan in book()) {
        holds(&plan);
    }
}
