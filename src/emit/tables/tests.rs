//! Goldens of the tables' bytes, and that the order of the caller's rows does not matter.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::*;
use crate::book::{ClientId, ContractId, ContractLineId, ProductCode};
use crate::control::{BUCKETS, Bucket};
use crate::finding::{Code, Place, Severity};
use crate::rate::{Currency, ExactSum};
use crate::reconcile::{Action, LineKind, LineStatus, OwedBy, UnmappedWhat, Verdict, VerdictScope};
use crate::resolve::Suggestion;

fn d(s: &str) -> Decimal {
    Decimal::from_str_exact(s).expect("a decimal")
}

fn day(n: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, n).expect("a day")
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a code")
}

/// What a writer wrote, heading row apart; the heading row must be the table's.
fn body(output: Output, write: impl Fn(&Path) -> Result<(), EmitError>) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path()).expect("written");
    let text = fs_err::read_to_string(dir.path().join(output.file())).expect("read");
    let (head, rest) = text.split_once('\n').expect("a heading row");
    assert_eq!(head, output.columns().join(","));
    rest.to_string()
}

fn line(client: &str, id: &str) -> LineItem {
    LineItem {
        line_id: id.into(),
        status: LineStatus::Ready,
        kind: LineKind::Recurring,
        client_id: ClientId::new(client),
        client_name: "=Acme".into(),
        contract_id: ContractId::new("K1"),
        contract_name: "Managed, all in".into(),
        contract_line_id: ContractLineId::new("7"),
        product_code: ProductCode::new("M365"),
        description: "Business Premium".into(),
        service_start: day(1),
        service_end: day(31),
        metered_quantity: Some(d("12.0")),
        quantity: d("12"),
        unit: "user".into(),
        unit_price: Some(d("22.500")),
        amount: Some(d("270.00")),
        currency: usd(),
        taxable: String::new(),
        tax_code: String::new(),
        account_code: "4000".into(),
        unit_cost: None,
        cost: Some(d("216.5")),
        margin: Some(d("-53.5")),
        discrepancy_id: String::new(),
    }
}

#[test]
fn invoice_lines_are_written_in_order_with_text_made_inert_and_numbers_untouched() {
    let text = body(Output::InvoiceLines, |f| write_invoice_lines(f, &[line("B", "l2"), line("A", "l1")]));
    let rest = "'=Acme,K1,\"Managed, all in\",7,M365,Business Premium,2026-10-01,2026-10-31,12,12,user,22.5,270.00,USD,,,4000,,216.50,-53.50,";
    assert_eq!(text, format!("l1,ready,recurring,A,{rest}\nl2,ready,recurring,B,{rest}\n"));
}

fn discrepancy(id: &str, impact: Option<&str>, severity: Severity) -> Discrepancy {
    Discrepancy {
        discrepancy_id: id.into(),
        code: Code::R401,
        severity,
        client_id: ClientId::new("A"),
        client_name: "Acme".into(),
        contract_id: ContractId::new("K1"),
        contract_line_id: ContractLineId::new("7"),
        product_code: ProductCode::new("M365"),
        product_name: "Business Premium".into(),
        provider_name: "Microsoft".into(),
        contract_quantity: Some(d("10")),
        metered_quantity: Some(d("8")),
        difference: Some(d("-2")),
        unit_price: Some(d("22.5")),
        unit_cost: None,
        impact: impact.map(d),
        currency: usd(),
        owed_by: OwedBy::Client,
        action: Action::RaiseQuantity,
        decision: Some(crate::book::DecisionKind::Keep),
        place: Place::line("usage/a.csv", 4),
        message: "12 used, 10 billed".into(),
    }
}

#[test]
fn discrepancies_stand_by_severity_then_impact_with_the_unknown_last() {
    let rows = [
        discrepancy("e", Some("900"), Severity::Info),
        discrepancy("d", None, Severity::Warning),
        discrepancy("c", Some("5"), Severity::Warning),
        discrepancy("b", Some("45.00"), Severity::Warning),
        discrepancy("a", Some("5.00"), Severity::Warning),
    ];
    let text = body(Output::Discrepancies, |f| write_discrepancies(f, &rows));
    let ids: Vec<_> = text.lines().map(|l| &l[..1]).collect();
    assert_eq!(ids, ["b", "a", "c", "d", "e"]);
    assert_eq!(
        text.lines().next(),
        Some(
            "b,R401,under-billed,warning,A,Acme,K1,7,M365,Business Premium,Microsoft,10,8,-2,22.5,,45.00,USD,client,raise-quantity,keep,usage/a.csv,4,\"12 used, 10 billed\""
        )
    );
}

#[test]
fn quantity_changes_unmapped_and_verdicts_have_their_columns() {
    let change = QuantityChange {
        contract_id: ContractId::new("K1"),
        contract_line_id: ContractLineId::new("7"),
        client_id: ClientId::new("A"),
        product_code: ProductCode::new("M365"),
        old_quantity: d("10"),
        new_quantity: d("12"),
        effective_date: day(1),
        discrepancy_id: "x".into(),
    };
    assert_eq!(
        body(Output::QuantityChanges, |f| write_quantity_changes(f, std::slice::from_ref(&change))),
        "K1,7,A,M365,10,12,2026-10-01,x\n"
    );
    let unmapped = |what, cost: &str| Unmapped {
        what,
        provider_name: "Pax8",
        id: "-7",
        name: "Umbra",
        term: "",
        rows: 3,
        quantity: d("4"),
        cost: d(cost),
        currency: usd(),
        suggested: Some(Box::new(Suggestion {
            id: "C9".into(),
            name: "Umbra Ltd".into(),
            score: d("0.93"),
            reason: "name".into(),
        })),
    };
    let rows = [
        unmapped(UnmappedWhat::Product, "99"),
        unmapped(UnmappedWhat::Account, "1"),
        unmapped(UnmappedWhat::Account, "2"),
    ];
    assert_eq!(
        body(Output::Unmapped, |f| write_unmapped(f, &rows)),
        "account,Pax8,'-7,Umbra,,3,4,2.00,USD,C9,Umbra Ltd,0.93,name\n\
         account,Pax8,'-7,Umbra,,3,4,1.00,USD,C9,Umbra Ltd,0.93,name\n\
         product,Pax8,'-7,Umbra,,3,4,99.00,USD,C9,Umbra Ltd,0.93,name\n"
    );
    let verdict = |scope, id: &str| VerdictRow {
        scope,
        id: id.into(),
        name: id.into(),
        verdict: Verdict::NotReconcilable,
        compared_lines: 2,
        discrepancies: 1,
        impact_recover: d("45"),
        impact_refund: d("0"),
        impact_dispute: d("0"),
        currency: usd(),
        reason: "no export".into(),
    };
    assert_eq!(
        body(Output::Verdicts, |f| write_verdicts(
            f,
            &[verdict(VerdictScope::Client, "A"), verdict(VerdictScope::Run, "")]
        )),
        "run,,,not_reconcilable,2,1,45.00,0.00,0.00,USD,no export\n\
         client,A,A,not_reconcilable,2,1,45.00,0.00,0.00,USD,no export\n"
    );
}

#[test]
fn controls_have_one_triple_of_columns_for_each_bucket() {
    let mut buckets = [(0, ExactSum::ZERO, ExactSum::ZERO); BUCKETS];
    buckets[0] = (2, ExactSum::of(d("5.0")), ExactSum::of(d("10.10")));
    let row = ControlRow {
        source: "usage/a.csv".into(),
        sha256: "ab".into(),
        format: "keeper".into(),
        provider_name: "Keeper".into(),
        currency: usd(),
        rows_read: 2,
        quantity_read: ExactSum::of(d("5")),
        cost_read: ExactSum::of(d("10.1")),
        buckets,
        other_lines: 1,
        stated_total: Some(d("10.1")),
        balanced: true,
    };
    let zeros = ",0,0,0".repeat(Bucket::ALL.len() - 1);
    assert_eq!(
        body(Output::Controls, |f| write_controls(f, std::slice::from_ref(&row))),
        format!("usage/a.csv,ab,keeper,Keeper,2,5,10.1,USD,2,5,10.1{zeros},1,10.1,true\n")
    );
}
