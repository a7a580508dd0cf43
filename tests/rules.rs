//! The rules of reconciling, each on a book of a few values and against amounts worked out by hand.
//! 10 units of EDR at 5.00 stand on contract line L1 unless a test says otherwise; the product costs 2.00.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use trueup::book::{
    BillTiming, Billing, Bundles, Client, ClientId, Config, Contract, ContractId, ContractLine, ContractLineId,
    Decision, DecisionKind, LeftOutLine, Period, PricingModel, Product, ProductCode, Proration, Psa, Tolerance,
    WholeUnits,
};
use trueup::control::Bucket;
use trueup::finding::Place;
use trueup::meter::Metered;
use trueup::rate::Currency;
use trueup::reconcile::{Discrepancy, Input, LineItem, Outcome, RejectedUse, Supply, VerdictScope, reconcile};

fn d(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a currency")
}

fn eur() -> Currency {
    Currency::parse("EUR").expect("a currency")
}

fn client(id: &str) -> Client {
    Client { id: ClientId::new(id), name: format!("Client {id}"), active: true, currency: usd(), ..Client::default() }
}

fn contract(id: &str, client: &str) -> Contract {
    Contract {
        id: ContractId::new(id),
        client_id: ClientId::new(client),
        active: true,
        start_date: Some(day("2025-01-01")),
        currency: usd(),
        ..Contract::default()
    }
}

fn line(id: &str, contract: &str, quantity: &str) -> ContractLine {
    ContractLine {
        id: ContractLineId::new(id),
        contract_id: ContractId::new(contract),
        product_code: ProductCode::new("EDR"),
        quantity: d(quantity),
        unit_price: Some(d("5.00")),
        effective_date: Some(day("2025-01-01")),
        place: Place::line("psa/contract_lines.csv", 2),
        ..ContractLine::default()
    }
}

fn metered(client: &str, quantity: &str) -> Metered {
    Metered {
        client_id: ClientId::new(client),
        product_code: ProductCode::new("EDR"),
        term: String::new(),
        quantity: d(quantity),
        cost_only: false,
        cost: [].into(),
        providers: vec!["Northstar".into()],
        first: Place::line("usage/2026-10/northstar.csv", 2),
        unit_cost: None,
        spread: false,
        consumption: false,
        at_end: d(quantity),
        count: None,
    }
}

/// A book and what was metered, to be changed by each test.
struct Month {
    psa: Psa,
    config: Config,
    decisions: Vec<Decision>,
    metered: Vec<Metered>,
    supply: Supply,
    period: &'static str,
}

/// Client C1 with 10 units on line L1, whole exports of the one vendor, and this many units used.
fn month(used: &str) -> Month {
    let mut supply = Supply::default();
    supply.expect(&ProductCode::new("EDR"), "Northstar");
    supply.supply("Northstar");
    Month {
        psa: Psa {
            clients: vec![client("C1")],
            products: vec![Product {
                code: ProductCode::new("EDR"),
                name: "Endpoint protection".into(),
                unit: "seat".into(),
                unit_price: Some(d("5.00")),
                unit_cost: Some(d("2.00")),
                active: true,
                ..Product::default()
            }],
            contracts: vec![contract("K1", "C1")],
            contract_lines: vec![line("L1", "K1", "10")],
            ..Psa::default()
        },
        config: Config::default(),
        decisions: Vec::new(),
        metered: if used == "0" { Vec::new() } else { vec![metered("C1", used)] },
        supply,
        period: "2026-10",
    }
}

impl Month {
    fn line(&mut self) -> &mut ContractLine {
        &mut self.psa.contract_lines[0]
    }

    fn run(&self) -> Outcome {
        reconcile(&Input {
            psa: &self.psa,
            config: &self.config,
            decisions: &self.decisions,
            period: self.period.parse::<Period>().expect("a period"),
            metered: &self.metered,
            beside: &[],
            before: &[],
            supply: &self.supply,
            bundles: &Bundles::default(),
        })
        .expect("nothing overflows")
    }

    /// Decides the first discrepancy there is.
    fn decide(&mut self, kind: DecisionKind, quantity: Option<&str>) -> &mut Decision {
        let id = self.run().discrepancies[0].discrepancy_id.clone();
        self.decisions.push(Decision {
            discrepancy_id: id,
            kind,
            quantity: quantity.map(d),
            from: None,
            until: None,
            difference: None,
            who: String::new(),
            reason: String::new(),
            place: Place::line("decisions.csv", 2),
        });
        self.decisions.last_mut().expect("just added")
    }
}

fn shown(value: Option<Decimal>) -> String {
    value.map_or_else(|| "-".to_string(), |v| v.to_string())
}

/// `R401 L1 2 10.00 client warning`: code, line, difference, impact, who owes it, severity; sorted.
fn said(out: &Outcome) -> Vec<String> {
    let one = |r: &Discrepancy| {
        let owed = if r.owed_by.word().is_empty() { "nobody" } else { r.owed_by.word() };
        let line = if r.contract_line_id.is_empty() { "-" } else { r.contract_line_id.as_str() };
        let difference = shown(r.difference);
        format!("{} {line} {difference} {} {owed} {}", r.code.id(), shown(r.impact), r.severity)
    };
    let mut said: Vec<String> = out.discrepancies.iter().map(one).collect();
    said.sort();
    said
}

/// `L1 recurring 12 60.00 review`: line, kind, quantity, amount, status; sorted.
fn billed(out: &Outcome) -> Vec<String> {
    let one = |l: &LineItem| {
        let line = if l.contract_line_id.is_empty() { "-" } else { l.contract_line_id.as_str() };
        format!("{line} {} {} {} {}", l.kind.word(), l.quantity.normalize(), shown(l.amount), l.status.word())
    };
    let mut billed: Vec<String> = out.lines.iter().map(one).collect();
    billed.sort();
    billed
}

/// `L1 10>12`; sorted.
fn changed(out: &Outcome) -> Vec<String> {
    let mut changes: Vec<String> =
        out.changes.iter().map(|c| format!("{} {}>{}", c.contract_line_id, c.old_quantity, c.new_quantity)).collect();
    changes.sort();
    changes
}

/// `discrepant 10.00 0.00`: the run's verdict, money to recover and to give back.
fn verdict(out: &Outcome) -> String {
    let run = out.verdicts.iter().find(|v| v.scope == VerdictScope::Run).expect("one");
    format!("{} {} {}", run.verdict.word(), run.impact_recover, run.impact_refund)
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_agrees_is_billed_and_ok() {
    let out = month("10").run();
    assert_eq!(said(&out), NOTHING);
    assert_eq!(billed(&out), ["L1 recurring 10 50.00 ready"]);
    assert_eq!(changed(&out), NOTHING);
    assert_eq!(verdict(&out), "ok 0 0");
    assert_eq!(out.placements[0].bucket, Bucket::Billed);
}

#[test]
fn both_directions_are_priced_and_a_change_is_proposed() {
    for (used, discrepancy, line, change, sum) in [
        ("12", "R401 L1 2 10.00 client warning", "L1 recurring 12 60.00 review", "L1 10>12", "discrepant 10.00 0"),
        ("8", "R402 L1 -2 10.00 msp warning", "L1 recurring 8 40.00 review", "L1 10>8", "discrepant 0 10.00"),
        ("0", "R404 L1 -10 50.00 msp warning", "L1 recurring 0 0.00 review", "L1 10>0", "discrepant 0 50.00"),
        ("-3", "R404 L1 -13 50.00 msp warning", "L1 recurring 0 0.00 review", "L1 10>0", "discrepant 0 50.00"),
    ] {
        let out = month(used).run();
        assert_eq!((said(&out), billed(&out)), (vec![discrepancy.into()], vec![line.into()]), "{used}");
        assert_eq!((changed(&out), verdict(&out)), (vec![change.to_string()], sum.to_string()), "{used}");
    }
}

/// 2 more than 10 at 5.00: 2 units, 20 percent, 10.00.
#[test]
fn every_stated_bound_of_tolerance_must_hold() {
    for (units, percent, amount, severity) in [
        ("", "", "", "warning"),
        ("2", "", "", "info"),
        ("1.99", "", "", "warning"),
        ("", "20", "", "info"),
        ("", "19.99", "", "warning"),
        ("", "", "10", "info"),
        ("", "", "9.99", "warning"),
        ("2", "20", "10", "info"),
        ("1", "20", "10", "warning"),
        ("2", "19", "10", "warning"),
        ("2", "20", "9", "warning"),
    ] {
        let bound = |text: &str| (!text.is_empty()).then(|| d(text));
        for (used, code) in [("12", "R401 L1 2 10.00 client"), ("8", "R402 L1 -2 10.00 msp")] {
            let mut month = month(used);
            month.config.tolerance = Tolerance { units: bound(units), percent: bound(percent), amount: bound(amount) };
            let out = month.run();
            let bounds = format!("{used}: {units}/{percent}/{amount}");
            assert_eq!(said(&out), [format!("{code} {severity}")], "{bounds}");
            // What is tolerated asks for nothing, and the metered quantity is billed all the same.
            let open = severity == "warning";
            assert_eq!(changed(&out).is_empty(), !open, "{bounds}");
            assert_eq!(out.lines[0].status.word(), if open { "review" } else { "ready" }, "{bounds}");
            assert_eq!(out.lines[0].quantity, d(used), "{bounds}");
            assert_eq!(verdict(&out).starts_with("ok 0 0"), !open, "{bounds}");
        }
    }
}

#[test]
fn an_unknown_impact_is_within_no_amount() {
    let mut month = month("12");
    month.line().unit_price = None;
    month.psa.products[0].unit_price = None;
    month.config.tolerance.amount = Some(d("1000000"));
    assert_eq!(said(&month.run()), ["R401 L1 2 - client warning", "R418 L1 2 - nobody warning"]);
}

/// L1 holds 10 at 5.00, the newer L2 3 at 4.00.
#[test]
fn of_several_lines_the_newest_takes_the_difference_and_spills() {
    for (used, impact, lines, changes) in [
        ("20", "R401 L2 7 28.00 client warning", ["10 50.00", "10 40.00"], &["L2 3>10"][..]),
        ("11", "R402 L2 -2 8.00 msp warning", ["10 50.00", "1 4.00"], &["L2 3>1"]),
        ("8", "R402 L2 -5 22.00 msp warning", ["8 40.00", "0 0.00"], &["L1 10>8", "L2 3>0"]),
    ] {
        let mut month = month(used);
        let mut newer = line("L2", "K1", "3");
        (newer.effective_date, newer.unit_price) = (Some(day("2026-02-01")), Some(d("4.00")));
        month.psa.contract_lines.insert(0, newer);
        let out = month.run();
        assert_eq!(said(&out), [impact], "{used}");
        let wanted = [format!("L1 recurring {} review", lines[0]), format!("L2 recurring {} review", lines[1])];
        assert_eq!(billed(&out), wanted, "{used}");
        assert_eq!(changed(&out), changes, "{used}");
    }
}

#[test]
fn lines_with_a_term_compare_to_usage_of_that_term() {
    let with_term = |used: &[(&str, &str)], lines: &[(&str, &str, &str)]| {
        let mut month = month("0");
        month.psa.contract_lines =
            lines.iter().map(|(id, term, q)| ContractLine { term: (*term).into(), ..line(id, "K1", q) }).collect();
        month.metered = used.iter().map(|(term, q)| Metered { term: (*term).into(), ..metered("C1", q) }).collect();
        said(&month.run())
    };
    let two = [("LY", "P1Y", "5"), ("LM", "P1M", "2")];
    assert_eq!(with_term(&[("P1Y", "5"), ("P1M", "2")], &two), NOTHING);
    assert_eq!(with_term(&[("P1Y", "5"), ("p1m", "3")], &two), ["R401 LM 1 5.00 client warning"]);
    // The sum agrees, the terms do not.
    assert_eq!(
        with_term(&[("P1Y", "4"), ("P1M", "3")], &two),
        ["R401 LM 1 5.00 client warning", "R402 LY -1 5.00 msp warning"]
    );
    // A line without a term takes what no line claims.
    let open = [("LY", "P1Y", "5"), ("LO", "", "2")];
    assert_eq!(with_term(&[("P1Y", "5"), ("P1M", "3")], &open), ["R401 LO 1 5.00 client warning"]);
    // No line takes usage of a foreign term.
    assert_eq!(
        with_term(&[("P1M", "3")], &[("LY", "P1Y", "5")]),
        ["R403 - 3 15.00 client warning", "R404 LY -5 25.00 msp warning"]
    );
}

#[test]
fn a_line_bills_what_its_billing_says() {
    for (billing, used, quantity, discrepancies) in [
        (Billing::Metered, "12", "12 60.00 review", &["R401 L1 2 10.00 client warning"][..]),
        (Billing::Metered, "8", "8 40.00 review", &["R402 L1 -2 10.00 msp warning"]),
        (Billing::Contract, "12", "10 50.00 review", &["R401 L1 2 10.00 client warning"]),
        (Billing::Contract, "8", "10 50.00 review", &["R402 L1 -2 10.00 msp warning"]),
        (Billing::Greater, "12", "12 60.00 review", &["R401 L1 2 10.00 client warning"]),
        (Billing::Greater, "8", "10 50.00 ready", &[]),
    ] {
        let mut month = month(used);
        month.line().billing = Some(billing);
        let out = month.run();
        assert_eq!(billed(&out), [format!("L1 recurring {quantity}")], "{billing:?} {used}");
        assert_eq!(said(&out), discrepancies, "{billing:?} {used}");
    }
}

#[test]
fn a_product_mapped_from_no_vendor_bills_its_contract_quantity_and_is_not_compared() {
    let mut month = month("0");
    month.supply = Supply::default();
    let out = month.run();
    assert_eq!((said(&out), billed(&out)), (vec![], vec!["L1 recurring 10 50.00 ready".to_string()]));
    assert_eq!(verdict(&out), "not_reconcilable 0 0", "ok needs something to have been compared");
}

#[test]
fn a_decision_beats_the_lines_own_billing() {
    for (kind, quantity, line, change, severity) in [
        (DecisionKind::Accept, None, "12 60.00 ready", "L1 10>12", "warning"),
        (DecisionKind::Keep, None, "10 50.00 ready", "", "warning"),
        (DecisionKind::Set, Some("11"), "11 55.00 ready", "L1 10>11", "warning"),
        (DecisionKind::Dismiss, None, "10 50.00 ready", "", "info"),
    ] {
        for billing in [Billing::Metered, Billing::Contract, Billing::Greater] {
            let mut month = month("12");
            month.line().billing = Some(billing);
            month.decide(kind, quantity);
            let out = month.run();
            assert_eq!(billed(&out), [format!("L1 recurring {line}")], "{kind:?} {billing:?}");
            assert_eq!(changed(&out).concat(), change, "{kind:?} {billing:?}");
            assert_eq!(said(&out), [format!("R401 L1 2 10.00 client {severity}")], "{kind:?} {billing:?}");
            assert_eq!(out.discrepancies[0].decision, Some(kind));
            assert_eq!(verdict(&out), "ok 0 0", "what is decided is settled");
        }
    }
}

#[test]
fn a_decision_holds_from_until_and_as_far_as_its_difference() {
    let cases: [(&str, &str, &str, &str); 8] = [
        ("2026-10", "", "", "decided"),
        ("2026-11", "", "", "open"),
        ("", "2026-11", "", "decided"),
        ("", "2026-10", "", "lapsed"),
        ("", "2026-09", "", "lapsed"),
        ("", "", "2", "decided"),
        ("", "", "1", "lapsed"),
        ("", "", "-2", "decided"),
    ];
    for (from, until, difference, standing) in cases {
        let mut month = month("12");
        let decision = month.decide(DecisionKind::Keep, None);
        (decision.from, decision.until) = (from.parse().ok(), until.parse().ok());
        decision.difference = (!difference.is_empty()).then(|| d(difference));
        let out = month.run();
        let case = format!("{from} {until} {difference}");
        let open = "R401 L1 2 10.00 client warning".to_string();
        match standing {
            "decided" => assert_eq!(
                (said(&out), billed(&out)[0].as_str()),
                (vec![open], "L1 recurring 10 50.00 ready"),
                "{case}"
            ),
            "open" => assert_eq!(
                (said(&out), billed(&out)[0].as_str()),
                (vec![open], "L1 recurring 12 60.00 review"),
                "{case}"
            ),
            _ => {
                assert_eq!(said(&out), [open, "R417 L1 2 - nobody warning".to_string()], "{case}");
                assert_eq!(billed(&out), ["L1 recurring 12 60.00 review"], "{case}");
                let lapsed = out.discrepancies.iter().find(|r| r.code.id() == "R417").expect("there");
                assert_eq!(lapsed.place.to_string(), "decisions.csv:2");
            }
        }
    }
}

#[test]
fn usage_without_a_line_is_billed_at_the_catalogue_price_once_accepted() {
    let mut month = month("4");
    month.psa.contract_lines.clear();
    month.psa.products[0].unit_price = Some(d("6.50"));
    let out = month.run();
    assert_eq!((said(&out), billed(&out)), (vec!["R403 - 4 26.00 client warning".to_string()], vec![]));
    assert_eq!(out.placements[0].bucket, Bucket::Unbilled);
    assert_eq!(changed(&out), NOTHING, "there is no line to change");
    month.decide(DecisionKind::Accept, None);
    let out = month.run();
    assert_eq!(billed(&out), ["- recurring 4 26.00 ready"]);
    assert_eq!(out.placements[0].bucket, Bucket::Billed);
    month.decisions.clear();
    month.decide(DecisionKind::Keep, None);
    assert_eq!(billed(&month.run()), NOTHING);
}

/// 10 on contract, 10 of them included: up to 10 nothing is billed.
#[test]
fn included_units_are_covered_and_compared_before_they_come_off() {
    for (used, discrepancies, line, bucket) in [
        ("10", &[][..], "0 0.00 ready", Bucket::Covered),
        ("8", &["R402 L1 -2 0.00 msp info"], "0 0.00 ready", Bucket::Covered),
        ("12", &["R401 L1 2 10.00 client warning"], "2 10.00 review", Bucket::Billed),
    ] {
        let mut month = month(used);
        month.line().included_quantity = Some(d("10"));
        let out = month.run();
        assert_eq!(said(&out), discrepancies, "{used}");
        assert_eq!(billed(&out), [format!("L1 recurring {line}")], "{used}");
        assert_eq!(out.placements[0].bucket, bucket, "{used}");
    }
}

#[test]
fn a_line_is_active_from_its_first_to_its_last_day_inclusive() {
    for (effective, cancelled, discrepancies, lines) in [
        ("2025-01-01", "2026-09-30", &["R405 L1 10 50.00 client warning"][..], 0),
        ("2025-01-01", "2026-10-01", &[], 1),
        ("2026-10-31", "2026-12-31", &[], 1),
        ("2026-11-01", "2026-12-31", &["R406 L1 10 50.00 client warning"], 0),
    ] {
        let mut month = month("10");
        (month.line().effective_date, month.line().cancelled_date) = (Some(day(effective)), Some(day(cancelled)));
        let out = month.run();
        assert_eq!((said(&out), out.lines.len()), (discrepancies.iter().map(ToString::to_string).collect(), lines));
        assert_eq!(changed(&out), NOTHING);
    }
}

#[test]
fn a_line_that_ended_or_has_not_begun_owes_nothing_where_nothing_is_used() {
    for (effective, cancelled) in [("2025-01-01", "2026-09-30"), ("2026-11-01", "2026-12-31")] {
        let mut month = month("0");
        (month.line().effective_date, month.line().cancelled_date) = (Some(day(effective)), Some(day(cancelled)));
        let out = month.run();
        assert_eq!((said(&out), billed(&out)), (vec![], vec![]));
    }
}

/// 10 × 5.00: 15 of 31 days are 24.19, 16 are 25.81; 12 × 5.00 for 15 days are 29.03.
#[test]
fn dated_lines_are_prorated_on_their_own_dates_and_usage_goes_to_the_one_at_the_end() {
    let mut month = month("12");
    month.config.proration.rule = Proration::ActualDays;
    month.line().cancelled_date = Some(day("2026-10-16"));
    let mut next = line("L2", "K1", "10");
    next.effective_date = Some(day("2026-10-17"));
    month.psa.contract_lines.push(next);
    let out = month.run();
    assert_eq!(said(&out), ["R401 L2 2 4.84 client warning"]);
    assert_eq!(billed(&out), ["L1 recurring 10 25.81 review", "L2 recurring 12 29.03 review"]);
    assert_eq!(changed(&out), ["L2 10>12"]);
    let dates = |id: &str| {
        let item = out.lines.iter().find(|l| l.contract_line_id.as_str() == id).expect("there");
        format!("{} {}", item.service_start, item.service_end)
    };
    assert_eq!((dates("L1").as_str(), dates("L2").as_str()), ("2026-10-01 2026-10-16", "2026-10-17 2026-10-31"));
}

/// Two equal lines of 10 at 5.00, of which the second begins later: where usage bears both out it was an addition.
#[test]
fn the_money_of_a_repeated_line_is_counted_once() {
    for (used, discrepancies, refund) in [
        ("20", &["R409 L2 0 0 msp info"][..], "0"),
        ("10", &["R402 L2 -10 50.00 msp warning", "R409 L2 -10 - msp warning"], "50.00"),
        ("0", &["R404 L2 -20 100.00 msp warning", "R409 L2 -20 - msp warning"], "100.00"),
    ] {
        let mut month = month(used);
        month
            .psa
            .contract_lines
            .push(ContractLine { effective_date: Some(day("2026-03-01")), ..line("L2", "K1", "10") });
        let out = month.run();
        assert_eq!(said(&out), discrepancies, "{used}");
        let word = if used == "20" { "ok" } else { "discrepant" };
        assert_eq!(verdict(&out), format!("{word} 0 {refund}"), "{used}");
    }
}

/// Two equal lines of 10 at 5.00: without a vendor one is 50.00 too much, with one that supplied nothing it
/// is not known.
#[test]
fn a_repeated_line_is_priced_only_where_nothing_is_missing() {
    let run = |supply: Supply| {
        let mut month = month("0");
        month.supply = supply;
        month
            .psa
            .contract_lines
            .push(ContractLine { effective_date: Some(day("2026-03-01")), ..line("L2", "K1", "10") });
        said(&month.run())
    };
    assert_eq!(run(Supply::default()), ["R409 L2 - 50.00 msp warning"]);
    let mut missing = Supply::default();
    missing.expect(&ProductCode::new("EDR"), "Northstar");
    assert_eq!(run(missing), ["R409 L2 - - msp warning", "R416 L2 - - nobody warning"]);
}

#[test]
fn lines_that_differ_in_price_term_contract_or_dates_do_not_repeat_each_other() {
    let other = || ContractLine { effective_date: Some(day("2026-03-01")), ..line("L2", "K1", "10") };
    for second in [
        ContractLine { unit_price: Some(d("4.99")), ..other() },
        ContractLine { contract_id: ContractId::new("K2"), ..other() },
    ] {
        let mut month = month("20");
        month.psa.contracts.push(contract("K2", "C1"));
        month.psa.contract_lines.push(second);
        assert_eq!(said(&month.run()), NOTHING);
    }
    let mut month = month("10");
    month.line().cancelled_date = Some(day("2026-10-15"));
    month.psa.contract_lines.push(ContractLine { effective_date: Some(day("2026-10-16")), ..other() });
    assert_eq!(said(&month.run()), NOTHING);
}

/// F19, F21: 10 at 5.00 bill 50.00.
#[test]
fn cost_is_compared_in_the_lines_currency_or_not_at_all() {
    let run = |cost: &str, currency: Currency, unit_cost: &str, rate: Option<&str>| {
        let mut month = month("10");
        month.metered[0].cost = [(currency, d(cost))].into();
        month.metered[0].unit_cost = (!unit_cost.is_empty()).then(|| d(unit_cost));
        if let Some(rate) = rate {
            month.config.fx = [("2026-10".to_string(), [((eur(), usd()), d(rate))].into())].into();
        }
        let out = month.run();
        let item = &out.lines[0];
        (said(&out), format!("{} {}", shown(item.cost), shown(item.margin)), item.description.clone())
    };
    let (agrees, money, _) = run("20.00", usd(), "2.00", None);
    assert_eq!((agrees, money.as_str()), (vec![], "20.00 30.00"));
    let (dearer, money, _) = run("22.50", usd(), "2.25", None);
    assert_eq!((dearer, money.as_str()), (vec!["R408 L1 0 2.50 nobody info".to_string()], "22.50 27.50"));
    let (loss, money, _) = run("60.00", usd(), "", None);
    assert_eq!((loss, money.as_str()), (vec!["R407 L1 0 10.00 nobody warning".to_string()], "60.00 -10.00"));
    let (foreign, money, _) = run("20.00", eur(), "2.00", None);
    assert_eq!((foreign, money.as_str()), (vec!["R410 L1 0 - nobody warning".to_string()], "- -"));
    let (converted, money, text) = run("20.00", eur(), "2.00", Some("1.10"));
    assert_eq!((converted, money.as_str()), (vec![], "22.00 28.00"));
    assert!(text.contains("EUR/USD 1.1"), "{text}");
}

#[test]
fn a_line_without_a_price_is_held_with_no_amount() {
    let mut month = month("10");
    month.line().unit_price = None;
    month.psa.products[0].unit_price = None;
    let out = month.run();
    assert_eq!(said(&out), ["R418 L1 0 - nobody warning"]);
    assert_eq!(billed(&out), ["L1 recurring 10 - held"]);
}

#[test]
fn accepted_usage_without_a_price_is_held_and_said() {
    let mut month = month("4");
    month.psa.contract_lines.clear();
    month.psa.products[0].unit_price = None;
    assert_eq!(said(&month.run()), ["R403 - 4 - client warning"]);
    month.decide(DecisionKind::Accept, None);
    let out = month.run();
    assert_eq!(said(&out), ["R403 - 4 - client warning", "R418 - 4 - nobody warning"]);
    assert_eq!(billed(&out), ["- recurring 4 - held"]);
}

#[test]
fn a_vendor_that_supplied_nothing_makes_no_money() {
    let mut month = month("0");
    month.supply = Supply::default();
    month.supply.expect(&ProductCode::new("EDR"), "Northstar");
    let out = month.run();
    assert_eq!(said(&out), ["R416 L1 - - nobody warning"]);
    assert_eq!(out.discrepancies[0].metered_quantity, None, "missing is not zero");
    assert_eq!((billed(&out), changed(&out)), (vec!["L1 recurring 10 50.00 review".to_string()], vec![]));
    assert_eq!(verdict(&out), "not_reconcilable 0 0");
}

#[test]
fn on_an_incomplete_side_shortfalls_conclude_nothing_and_surpluses_stand() {
    type Gap = fn(&mut Supply);
    let gaps: [(&str, Gap); 4] = [
        ("supply-export", |s| s.partial(Some("northstar"), "an export was refused")),
        ("supply-export", |s| s.partial(None, "an export was refused")),
        ("supply-export", |s| s.expect(&ProductCode::new("EDR"), "Southstar")),
        ("map", |s| s.unattribute(&ProductCode::new("EDR"), "an unmapped account holds units of it")),
    ];
    for (action, gap) in gaps {
        for used in ["8", "0"] {
            let mut month = month(used);
            gap(&mut month.supply);
            let out = month.run();
            assert_eq!(out.discrepancies.len(), 1);
            let row = &out.discrepancies[0];
            assert_eq!((row.code.id(), row.impact, row.action.word()), ("R416", None, action), "{used}");
            assert_eq!((billed(&out), changed(&out)), (vec!["L1 recurring 10 50.00 review".to_string()], vec![]));
            assert_eq!(verdict(&out), "not_reconcilable 0 0", "{used}");
        }
        let mut month = month("12");
        gap(&mut month.supply);
        assert_eq!(said(&month.run()), ["R401 L1 2 10.00 client warning"]);
    }
}

#[test]
fn a_contract_line_that_could_not_be_used_is_no_missing_line() {
    let left_out = |client: &str, product: &str| LeftOutLine {
        id: ContractLineId::new("L9"),
        contract_id: ContractId::new("K1"),
        client_id: ClientId::new(client),
        product_code: ProductCode::new(product),
        place: Place::line("psa/contract_lines.csv", 9),
    };
    for (client, product, surplus, without_line) in [
        ("C1", "EDR", "R416 L1 2 - nobody warning", "R416 - 12 - nobody warning"),
        ("c1", "", "R416 L1 2 - nobody warning", "R416 - 12 - nobody warning"),
        ("C1", "MAIL", "R401 L1 2 10.00 client warning", "R403 - 12 60.00 client warning"),
        ("C2", "EDR", "R401 L1 2 10.00 client warning", "R403 - 12 60.00 client warning"),
    ] {
        let mut month = month("12");
        month.psa.left_out = vec![left_out(client, product)];
        assert_eq!(said(&month.run()), [surplus], "{client} {product}");
        month.psa.contract_lines.clear();
        assert_eq!(said(&month.run()), [without_line], "{client} {product}");
    }
    let mut month = month("8");
    month.psa.left_out = vec![left_out("C1", "EDR")];
    assert_eq!(said(&month.run()), ["R402 L1 -2 10.00 msp warning"], "what is billed too much stays too much");
}

#[test]
fn a_rejected_row_puts_its_line_in_review() {
    for (used, discrepancies, line, sum) in [
        ("10", &["R419 L1 0 - nobody warning"][..], "10 50.00", "not_reconcilable 0 0"),
        ("8", &["R419 L1 -2 - nobody warning"], "10 50.00", "not_reconcilable 0 0"),
        ("12", &["R401 L1 2 10.00 client warning", "R419 L1 2 - nobody warning"], "12 60.00", "discrepant 10.00 0"),
    ] {
        let mut month = month(used);
        month.supply.reject(RejectedUse {
            client_id: ClientId::new("C1"),
            product_code: ProductCode::new("EDR"),
            rows: 1,
            first: Place::line("usage/2026-10/northstar.csv", 9),
        });
        let out = month.run();
        assert_eq!(said(&out), discrepancies, "{used}");
        assert_eq!(billed(&out), [format!("L1 recurring {line} review")], "{used}");
        assert_eq!(verdict(&out), sum, "{used}");
    }
}

#[test]
fn a_flat_fee_is_charged_at_zero_units_only_if_the_line_says_so() {
    for (flat_at_zero, line, impact) in [(false, "0 0.00", "703.00"), (true, "0 703.00", "0.00")] {
        let mut month = month("0");
        (month.line().pricing_model, month.line().unit_price) = (PricingModel::Flat, Some(d("703")));
        (month.line().quantity, month.line().flat_at_zero) = (d("1"), flat_at_zero);
        let out = month.run();
        assert_eq!(billed(&out), [format!("L1 recurring {line} review")]);
        assert_eq!(said(&out), [format!("R404 L1 -1 {impact} msp warning")]);
    }
}

/// 3 at 5.00 are 15.00, 25.00 short of 40.00; the contract's 10 are 50.00, so 10.00 apart.
#[test]
fn what_lacks_to_the_minimum_amount_is_a_line_of_its_own() {
    let mut month = month("3");
    month.line().minimum_amount = Some(d("40"));
    let out = month.run();
    assert_eq!(billed(&out), ["L1 minimum 1 25.00 review", "L1 recurring 3 15.00 review"]);
    assert_eq!(said(&out), ["R402 L1 -7 10.00 msp warning"]);
    assert_ne!(out.lines[0].line_id, out.lines[1].line_id);
}

#[test]
fn money_of_clients_adds_up_by_direction() {
    let mut month = month("12");
    month.psa.clients.push(client("C2"));
    month.psa.contracts.push(contract("K2", "C2"));
    month.psa.contract_lines.push(line("L2", "K2", "10"));
    month.metered.push(metered("C2", "9"));
    let out = month.run();
    assert_eq!(said(&out), ["R401 L1 2 10.00 client warning", "R402 L2 -1 5.00 msp warning"]);
    assert_eq!(verdict(&out), "discrepant 10.00 5.00");
}

#[test]
fn a_question_keeps_its_id_from_month_to_month_and_a_line_does_not() {
    let mut month = month("12");
    let october = month.run();
    month.period = "2026-11";
    let november = month.run();
    assert_eq!(october.discrepancies[0].discrepancy_id, november.discrepancies[0].discrepancy_id);
    assert_ne!(october.lines[0].line_id, november.lines[0].line_id);
    month.metered[0].quantity = d("99");
    assert_eq!(month.run().discrepancies[0].discrepancy_id, october.discrepancies[0].discrepancy_id);
}

#[test]
fn accepted_usage_stays_in_review_while_another_question_is_open() {
    let mut month = month("4");
    month.psa.contract_lines.clear();
    month.decide(DecisionKind::Accept, None);
    month.supply.reject(RejectedUse {
        client_id: ClientId::new("C1"),
        product_code: ProductCode::new("EDR"),
        rows: 1,
        first: Place::line("usage/2026-10/northstar.csv", 9),
    });
    assert_eq!(billed(&month.run()), ["- recurring 4 20.00 review"]);
}

/// Nothing is billed by a line that has ended, so all of its amount is at stake, its minimums too.
#[test]
fn usage_of_an_ended_line_is_worth_all_that_the_line_would_bill() {
    for (minimum_quantity, minimum_amount, impact) in
        [(None, None, "60.00"), (Some(d("20")), None, "100.00"), (None, Some(d("75.00")), "75.00")]
    {
        let mut month = month("12");
        month.line().cancelled_date = Some(day("2026-08-31"));
        (month.line().minimum_quantity, month.line().minimum_amount) = (minimum_quantity, minimum_amount);
        assert_eq!(said(&month.run()), [format!("R405 L1 12 {impact} client warning")]);
    }
    let mut month = month("12");
    month.line().cancelled_date = Some(day("2026-08-31"));
    month.line().minimum_amount = Some(d("75.00"));
    month.decide(DecisionKind::Accept, None);
    assert_eq!(billed(&month.run()), ["- minimum 1 15.00 ready", "- recurring 12 60.00 ready"]);
}

/// 10 units from the 17th: 15 of 31 days; their average over the month is 4.83871.
#[test]
fn units_averaged_over_the_month_equal_a_part_period_line() {
    let mut month = month("4.838710");
    month.metered[0].spread = true;
    month.config.proration.rule = Proration::ActualDays;
    month.line().effective_date = Some(day("2026-10-17"));
    let out = month.run();
    assert_eq!((said(&out), changed(&out)), (vec![], vec![]));
    assert_eq!(billed(&out), ["L1 recurring 4.83871 24.19 ready"]);
}

#[test]
fn an_expired_row_does_not_cancel_one_that_holds() {
    let mut month = month("12");
    month.decide(DecisionKind::Keep, None);
    month.decide(DecisionKind::Set, Some("11")).until = "2026-05".parse().ok();
    assert_eq!(billed(&month.run()), ["L1 recurring 10 50.00 ready"]);
}

/// L2, the newest, gives up its units first; L1 is committed to its 10.
#[test]
fn a_committed_line_beside_a_metered_one_is_no_part_of_the_shortfall() {
    let mut month = month("6");
    month.line().billing = Some(Billing::Greater);
    let mut newest = line("L2", "K1", "5");
    (newest.effective_date, newest.unit_price) = (Some(day("2026-01-01")), Some(d("4.00")));
    month.psa.contract_lines.push(newest);
    let out = month.run();
    assert_eq!(said(&out), ["R402 L2 -9 20.00 msp warning"]);
    assert_eq!(changed(&out), ["L2 5>0"]);
    assert_eq!(billed(&out), ["L1 recurring 10 50.00 review", "L2 recurring 0 0.00 review"]);
}

#[test]
fn usage_without_a_line_is_offered_in_whole_units_where_the_psa_takes_no_others() {
    let mut month = month("2.5");
    month.psa.contract_lines.clear();
    month.psa.products[0].whole_units = WholeUnits::Up;
    assert_eq!(said(&month.run()), ["R403 - 2.5 15.00 client warning"]);
    month.decide(DecisionKind::Accept, None);
    assert_eq!(billed(&month.run()), ["- recurring 3 15.00 ready"]);
}

#[test]
fn a_term_is_one_term_however_it_is_written() {
    for (written, used) in [("Monthly", "P1M"), ("p12m", "P1Y"), ("3 years", "P3Y"), ("annual", "P1Y")] {
        let mut month = month("10");
        month.line().term = written.into();
        month.metered[0].term = used.into();
        assert_eq!(said(&month.run()), NOTHING, "{written}");
    }
}

#[test]
fn usage_that_states_no_term_is_compared_with_all_lines_that_could_bill_it() {
    let mut month = month("12");
    month.line().term = "P1Y".into();
    let mut monthly = line("L2", "K1", "2");
    monthly.term = "P1M".into();
    month.psa.contract_lines.push(monthly);
    assert_eq!(said(&month.run()), NOTHING);
}

/// A cost in euro is no price in dollars.
#[test]
fn cost_plus_takes_no_cost_of_another_currency() {
    let mut month = month("10");
    month.line().pricing_model = PricingModel::CostPlus;
    (month.line().unit_price, month.line().markup_percent) = (None, Some(d("50")));
    month.psa.products[0].unit_cost = None;
    month.metered[0].unit_cost = Some(d("3"));
    month.metered[0].cost = [(eur(), d("30"))].into();
    assert_eq!(billed(&month.run()), ["L1 recurring 10 - held"]);
    let rates = month.config.fx.entry("2026-10".into()).or_default();
    rates.insert((eur(), usd()), d("1.10"));
    assert_eq!(billed(&month.run()), ["L1 recurring 10 49.50 ready"], "3 × 1.10 × 1.5 × 10");
}

/// Under advance billing the next month is billed, and what changed in this one is trued up on its days.
#[test]
fn a_line_that_begins_or_ends_under_advance_billing_is_trued_up_for_its_days() {
    let advance = |used: &str| {
        let mut month = month(used);
        month.psa.contracts[0].bill_timing = BillTiming::Advance;
        month.config.proration.rule = Proration::ActualDays;
        month
    };
    assert_eq!(billed(&advance("10").run()), ["L1 recurring 10 50.00 ready"]);
    assert_eq!(billed(&advance("12").run()), ["L1 proration 2 10.00 review", "L1 recurring 12 60.00 review"]);
    let mut begins = advance("10");
    begins.line().effective_date = Some(day("2026-10-17"));
    assert_eq!(billed(&begins.run()), ["L1 proration 10 24.19 ready", "L1 recurring 10 50.00 ready"]);
    let mut ends = advance("10");
    ends.line().cancelled_date = Some(day("2026-10-17"));
    // 50.00 were billed in advance; 17 of 31 days are 27.42.
    assert_eq!(billed(&ends.run()), ["L1 proration -10 -22.58 ready", "L1 recurring 0 0.00 ready"]);
}

/// A line that ended within the month is compared no more, so the question is the other's: its price, and an id that
/// is the same next month.
#[test]
fn a_discrepancy_names_the_line_that_is_compared() {
    let mut october = month("12");
    october.line().effective_date = Some(day("2026-03-05"));
    october.line().cancelled_date = Some(day("2026-10-20"));
    october.line().unit_price = Some(d("7.00"));
    october.psa.contract_lines.push(line("L2", "K1", "3"));
    let now = october.run();
    assert_eq!(said(&now), ["R401 L2 9 45.00 client warning"]);
    assert_eq!(now.discrepancies[0].unit_price, Some(d("5.00")));
    assert_eq!(changed(&now), ["L2 3>12"]);
    // A line for once is none of the others, either.
    october.line().effective_date = Some(day("2026-10-05"));
    assert_eq!(said(&october.run()), ["R401 L2 9 45.00 client warning"]);
    // Money without units is the line's that goes on.
    let mut credit = october.metered[0].clone();
    credit.cost_only = true;
    credit.cost = [(usd(), d("-3.00"))].into();
    october.metered = vec![credit];
    let costs: Vec<String> =
        october.run().lines.iter().map(|l| format!("{} {}", l.contract_line_id, shown(l.cost))).collect();
    assert_eq!(costs, ["L1 0.00", "L2 -3.00"]);
    october.metered = month("12").metered;
    october.period = "2026-11";
    let next = october.run();
    assert_eq!(next.discrepancies[0].discrepancy_id, now.discrepancies[0].discrepancy_id);
}

/// 10 at 5.00 dollars on L1, later 5 at 4.00 euros on L2: what is compared as one sum has no amount of two currencies.
#[test]
fn a_product_billed_in_two_currencies_is_never_money_of_one() {
    let two = |used: &str| {
        let mut month = month(used);
        month.psa.contracts.push(Contract { currency: eur(), ..contract("K2", "C1") });
        let later = ContractLine { effective_date: Some(day("2026-02-01")), ..line("L2", "K2", "5") };
        month.psa.contract_lines.push(ContractLine { unit_price: Some(d("4.00")), ..later });
        month.metered[0].cost = [(eur(), d("30.00"))].into();
        month
    };
    for (used, discrepancies) in [
        ("15", &["R410 L2 0 - nobody warning"][..]),
        ("17", &["R401 L2 2 8.00 client warning", "R410 L2 2 - nobody warning"]),
        ("12", &["R402 L2 -3 12.00 msp warning", "R410 L2 -3 - nobody warning"]),
        // Two of L1's units and all of L2's.
        ("8", &["R402 L2 -7 - msp warning", "R410 L2 -7 - nobody warning"]),
    ] {
        let out = two(used).run();
        assert_eq!(said(&out), discrepancies, "{used}");
        let euros = |r: &Discrepancy| r.currency == eur();
        assert!(out.discrepancies.iter().all(euros), "{used}");
    }
    let out = two("15").run();
    let costs: Vec<_> = out.lines.iter().map(|l| (l.contract_line_id.as_str(), l.currency, shown(l.cost))).collect();
    // A third of the euros is the share of L2's 5 of 15; L1 bills dollars, and no rate is stated.
    assert_eq!(costs, [("L2", eur(), "10.00".to_string()), ("L1", usd(), "-".to_string())]);
}

/// Usage that no line bills is a difference like any other; a share of nothing is none.
#[test]
fn tolerances_hold_for_usage_that_no_line_bills() {
    let tolerance = |units: Option<&str>, percent: Option<&str>, amount: Option<&str>| {
        let mut month = month("2");
        month.psa.contract_lines.clear();
        month.config.tolerance = Tolerance { units: units.map(d), percent: percent.map(d), amount: amount.map(d) };
        let out = month.run();
        assert_eq!(out.placements[0].bucket, Bucket::Unbilled);
        (said(&out).join(" "), verdict(&out))
    };
    let (asked, settled) = ("R403 - 2 10.00 client warning", "R403 - 2 10.00 client info");
    for (units, percent, amount, row) in [
        (Some("2"), None, None, settled),
        (Some("1"), None, None, asked),
        (None, Some("100"), None, asked),
        (None, None, Some("10"), settled),
        (Some("2"), None, Some("9.99"), asked),
    ] {
        let verdict = if row == asked { "discrepant 10.00 0" } else { "ok 0 0" };
        assert_eq!(tolerance(units, percent, amount), (row.to_string(), verdict.to_string()));
    }
}

/// What the vendor gives back of a product that nobody bills is told, and its rows lead to what tells it.
#[test]
fn a_refund_that_no_line_carries_is_told() {
    let refund = |quantity: &str, cost_only: bool, cost: &str, currency: Currency| {
        let mut month = month("1");
        month.psa.contract_lines.clear();
        month.metered = vec![Metered { cost_only, cost: [(currency, d(cost))].into(), ..metered("C1", quantity) }];
        let out = month.run();
        let placed = &out.placements[0];
        assert_eq!(placed.discrepancy_id.is_empty(), out.discrepancies.is_empty());
        assert!(out.discrepancies.iter().all(|r| r.discrepancy_id == placed.discrepancy_id));
        let message = out.discrepancies.first().map(|r| r.message.clone()).unwrap_or_default();
        (said(&out), placed.bucket, message)
    };
    let (rows, bucket, message) = refund("-5", false, "-50.00", usd());
    assert_eq!((rows, bucket), (vec!["R407 - -5 50.00 nobody info".to_string()], Bucket::Unbilled));
    assert!(message.starts_with("Endpoint protection: 5 units and 50.00 given back by the vendor"), "{message}");
    for (quantity, cost_only, cost, currency, row) in [
        ("0", true, "-12.00", usd(), "R407 - - 12.00 nobody info"),
        ("-5", false, "0", usd(), "R407 - -5 0.00 nobody info"),
        ("0", true, "12.00", usd(), "R407 - - 12.00 nobody warning"),
        ("0", true, "12.00", Currency::NONE, "R407 - - - nobody warning"),
        ("0", true, "-12.00", eur(), "R410 - - - nobody warning"),
    ] {
        let (rows, bucket, _) = refund(quantity, cost_only, cost, currency);
        assert_eq!((rows, bucket), (vec![row.to_string()], Bucket::Unbilled), "{quantity} {cost}");
    }
    // Neither units nor money: there is nothing to follow.
    let (rows, bucket, _) = refund("0", false, "0", usd());
    assert_eq!((rows.len(), bucket), (0, Bucket::Covered));
}

/// 10 at 5.00 that cost 60.00: a loss of 10.00, which the admin has seen, until November.
#[test]
fn what_stands_beside_the_comparison_is_decided_like_it() {
    let mut month = month("10");
    month.metered[0].cost = [(usd(), d("60.00"))].into();
    assert_eq!(said(&month.run()), ["R407 L1 0 10.00 nobody warning"]);
    month.decide(DecisionKind::Dismiss, None).until = "2026-11".parse().ok();
    let out = month.run();
    assert_eq!(said(&out), ["R407 L1 0 10.00 nobody info"]);
    assert_eq!(out.discrepancies[0].decision, Some(DecisionKind::Dismiss));
    month.period = "2026-11";
    let out = month.run();
    assert_eq!(said(&out), ["R407 L1 0 10.00 nobody warning", "R417 L1 0 - nobody warning"]);
    let lapsed = out.discrepancies.iter().find(|r| r.code.id() == "R417").expect("told");
    assert!(lapsed.message.ends_with("(R407 below-cost) held until 2026-11: decide again"), "{}", lapsed.message);
}

/// 10 on contract: where no quantity makes another amount, nobody needs to answer; of what is given away, or priced at
/// nothing, the number is all that was agreed.
#[test]
fn a_difference_without_money_asks_nothing() {
    let run = |used: &str, change: &dyn Fn(&mut ContractLine)| {
        let mut month = month(used);
        change(month.line());
        let out = month.run();
        (said(&out)[0].clone(), billed(&out).join(" "), changed(&out).len())
    };
    let flat = |l: &mut ContractLine| (l.pricing_model, l.unit_price) = (PricingModel::Flat, Some(d("90")));
    let least = |l: &mut ContractLine| l.minimum_quantity = Some(d("20"));
    let free = |l: &mut ContractLine| l.unit_price = Some(Decimal::ZERO);
    let given = |l: &mut ContractLine| l.no_charge = true;
    for (used, change, discrepancy, line, changes) in [
        ("12", &flat as &dyn Fn(&mut ContractLine), "R401 L1 2 0.00 client info", "L1 recurring 12 90.00 ready", 0),
        ("8", &least, "R402 L1 -2 0.00 msp info", "L1 recurring 20 100.00 ready", 0),
        ("22", &least, "R401 L1 12 10.00 client warning", "L1 recurring 22 110.00 review", 1),
        ("0", &least, "R404 L1 -10 0.00 msp warning", "L1 recurring 20 100.00 review", 1),
        ("12", &free, "R401 L1 2 0.00 client warning", "L1 recurring 12 0.00 review", 1),
        ("12", &given, "R401 L1 2 0.00 client warning", "L1 recurring 12 0.00 review", 1),
    ] {
        assert_eq!(run(used, change), (discrepancy.to_string(), line.to_string(), changes), "{used}");
    }
}
