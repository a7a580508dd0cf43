//! An invented run for the tests of what is shown.

use indexmap::IndexMap;
use rust_decimal::Decimal;
use trueup::book::{ClientId, ContractId, ContractLineId, Period, ProductCode};
use trueup::emit::{Counts, LineCounts, Money, Program, Summary, UnmappedCounts, VerdictWord};
use trueup::finding::{Code, Place};
use trueup::rate::Currency;
use trueup::reconcile::{Action, Discrepancy, OwedBy, Verdict, VerdictRow, VerdictScope};

pub fn d(s: &str) -> Decimal {
    Decimal::from_str_exact(s).expect("a decimal")
}

pub fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a code")
}

pub fn summary() -> Summary {
    Summary {
        program: Program::default(),
        period: Period::new(2026, 10).expect("a month"),
        verdict: VerdictWord { word: Verdict::Discrepant, reason: "6 discrepancies in 58 lines compared".into() },
        counts: Counts {
            files: 5,
            rows_read: 1_204,
            buckets: IndexMap::from([
                ("billed", 1_100),
                ("covered", 40),
                ("duplicate", 0),
                ("unmapped", 60),
                ("rejected", 4),
            ]),
            other_lines: 12,
            line_items: LineCounts { ready: 52, review: 4, held: 2 },
            discrepancies: IndexMap::from([("R401", 4), ("R403", 2)]),
            unmapped: UnmappedCounts { accounts: 3, accounts_suggested: 3, products: 1, products_suggested: 0 },
        },
        money: vec![
            Money { invoiced: d("1000"), unmapped_cost: d("3"), ..Money::none(currency("EUR")) },
            Money {
                invoiced: d("1234567.89"),
                recover: d("1645"),
                refund: d("22.5"),
                unmapped_cost: d("120.4"),
                rejected_cost: d("12"),
                ..Money::none(currency("USD"))
            },
        ],
        rounding_residue: Vec::new(),
        vendor_rounding: Vec::new(),
        inputs: Vec::new(),
        config_sha256: None,
        findings: Vec::new(),
    }
}

pub fn discrepancies() -> Vec<Discrepancy> {
    let one = |id: &str, code: Code, client: &str, product: &str, impact: Option<&str>, owed_by| Discrepancy {
        discrepancy_id: id.into(),
        code,
        severity: code.severity(),
        client_id: ClientId::new(id),
        client_name: client.into(),
        contract_id: ContractId::default(),
        contract_line_id: ContractLineId::default(),
        product_code: ProductCode::new("P"),
        product_name: product.into(),
        provider_name: "Microsoft".into(),
        contract_quantity: (code == Code::R401).then(|| d("10")),
        metered_quantity: Some(d("12.50")),
        difference: None,
        unit_price: None,
        unit_cost: None,
        impact: impact.map(d),
        currency: currency("USD"),
        owed_by,
        action: Action::None,
        decision: None,
        place: Place::default(),
        message: String::new(),
    };
    vec![
        one("a", Code::R401, "Acme", "Business Premium", Some("45"), OwedBy::Client),
        one(
            "b",
            Code::R403,
            "Northwind Traders of the Far Coast",
            "Exchange Online Plan 1",
            Some("1600"),
            OwedBy::Client,
        ),
        one("c", Code::R402, "Umbra", "Keeper Business", Some("22.5"), OwedBy::Msp),
        one("d", Code::R407, "Vega", "Backup", Some("3"), OwedBy::Nobody),
        one("e", Code::R418, "Vega", "Backup", None, OwedBy::Nobody),
        one("f", Code::R415, "Vega", "Backup", Some("1"), OwedBy::Vendor),
    ]
}

pub fn verdicts() -> Vec<VerdictRow> {
    let row = |scope, id: &str, verdict, reason: &str| VerdictRow {
        scope,
        id: id.into(),
        name: id.into(),
        verdict,
        compared_lines: 0,
        discrepancies: 0,
        impact_recover: d("0"),
        impact_refund: d("0"),
        impact_dispute: d("0"),
        currency: currency("USD"),
        reason: reason.into(),
    };
    vec![
        row(VerdictScope::Provider, "Datto", Verdict::NotReconcilable, "no export for 2026-10"),
        row(VerdictScope::Provider, "Datto", Verdict::NotReconcilable, "no export for 2026-10"),
        row(VerdictScope::Provider, "Keeper", Verdict::Ok, ""),
        row(VerdictScope::Client, "Vega", Verdict::NotReconcilable, "its account is not mapped"),
    ]
}
