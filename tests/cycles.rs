//! Bill cycles, timing and proration, each on a book of a few values and against amounts worked out by hand.
//! Contract line L1 holds 10 units of EDR at 5.00 per cycle under contract K1 from 2026-01-01, prorated by
//! actual days, unless a test says otherwise.

mod support;

use chrono::{Datelike, Days, Months, NaiveDate};
use proptest::prelude::*;
use rust_decimal::Decimal;
use trueup::book::{
    BillCycle, BillTiming, Billing, Client, ClientId, Config, Contract, ContractId, ContractLine, ContractLineId,
    Decision, DecisionKind, Period, PricingModel, Product, ProductCode, Proration, Psa,
};
use trueup::finding::Place;
use trueup::meter::Metered;
use trueup::rate::Currency;
use trueup::reconcile::{Input, LineItem, LineKind, Outcome, Supply, reconcile};

fn d(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn date(text: &str) -> Option<NaiveDate> {
    (!text.is_empty()).then(|| day(text))
}

fn line(id: &str, quantity: &str, effective: &str, cancelled: &str) -> ContractLine {
    ContractLine {
        id: ContractLineId::new(id),
        contract_id: ContractId::new("K1"),
        product_code: ProductCode::new("EDR"),
        description: "Seats".into(),
        quantity: d(quantity),
        unit_price: Some(d("5.00")),
        effective_date: date(effective),
        cancelled_date: date(cancelled),
        place: Place::line("psa/contract_lines.csv", 2),
        ..ContractLine::default()
    }
}

/// A book with one contract, and what each period metered.
struct Book {
    psa: Psa,
    config: Config,
    decisions: Vec<Decision>,
    metered: Vec<Metered>,
    supply: Supply,
}

/// Nothing is metered: lines bill what they hold.
fn book(cycle: BillCycle, timing: BillTiming) -> Book {
    let currency = Currency::parse("USD").expect("a currency");
    let mut config = Config::default();
    config.proration.rule = Proration::ActualDays;
    Book {
        psa: Psa {
            clients: vec![Client {
                id: ClientId::new("C1"),
                name: "Client".into(),
                active: true,
                currency,
                ..Client::default()
            }],
            products: vec![Product {
                code: ProductCode::new("EDR"),
                name: "Endpoint protection".into(),
                unit: "seat".into(),
                unit_price: Some(d("5.00")),
                active: true,
                ..Product::default()
            }],
            contracts: vec![Contract {
                id: ContractId::new("K1"),
                client_id: ClientId::new("C1"),
                active: true,
                start_date: Some(day("2026-01-01")),
                bill_cycle: cycle,
                bill_timing: timing,
                currency,
                ..Contract::default()
            }],
            contract_lines: vec![line("L1", "10", "", "")],
            ..Psa::default()
        },
        config,
        decisions: Vec::new(),
        metered: Vec::new(),
        supply: Supply::default(),
    }
}

fn monthly() -> Book {
    book(BillCycle::Monthly, BillTiming::Arrears)
}

fn advance() -> Book {
    book(BillCycle::Monthly, BillTiming::Advance)
}

impl Book {
    fn lines(mut self, lines: Vec<ContractLine>) -> Self {
        self.psa.contract_lines = lines;
        self
    }

    fn contract(mut self, start: &str, end: &str) -> Self {
        (self.psa.contracts[0].start_date, self.psa.contracts[0].end_date) = (date(start), date(end));
        self
    }

    fn rule(mut self, rule: Proration) -> Self {
        self.config.proration.rule = rule;
        self
    }

    /// Exports are there, and say this many units.
    fn used(mut self, quantity: &str) -> Self {
        self.supply.expect(&ProductCode::new("EDR"), "Northstar");
        self.supply.supply("Northstar");
        self.metered = vec![Metered {
            client_id: ClientId::new("C1"),
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
        }];
        self
    }

    /// As seats averaged over the days of the month, and what it ends with.
    fn averaged(mut self, quantity: &str, at_end: &str) -> Self {
        self = self.used(quantity);
        (self.metered[0].spread, self.metered[0].at_end) = (true, d(at_end));
        self
    }

    fn consumed(mut self, quantity: &str) -> Self {
        self = self.used(quantity);
        (self.metered[0].spread, self.metered[0].consumption) = (true, true);
        self
    }

    fn run(&self, period: &str) -> Outcome {
        reconcile(&Input {
            psa: &self.psa,
            config: &self.config,
            decisions: &self.decisions,
            period: period.parse::<Period>().expect("a period"),
            metered: &self.metered,
            supply: &self.supply,
            beside: &[],
            before: &[],
            bundles: &trueup::book::Bundles::default(),
        })
        .expect("nothing overflows")
    }

    fn decide(mut self, period: &str, kind: DecisionKind, quantity: &str) -> Self {
        let discrepancy_id = self.run(period).discrepancies[0].discrepancy_id.clone();
        self.decisions.push(Decision {
            discrepancy_id,
            kind,
            quantity: (!quantity.is_empty()).then(|| d(quantity)),
            from: None,
            until: None,
            difference: None,
            who: String::new(),
            reason: String::new(),
            place: Place::line("decisions.csv", 2),
        });
        self
    }

    /// `L1 recurring 10 50.00 2026-10-01/2026-10-31`; sorted, without the lines of nothing.
    fn billed(&self, period: &str) -> Vec<String> {
        let one = |l: &LineItem| {
            let amount = l.amount.map_or_else(|| "-".to_string(), |a| a.to_string());
            let (start, end) = (l.service_start, l.service_end);
            format!("{} {} {} {amount} {start}/{end}", l.contract_line_id, l.kind.word(), l.quantity.normalize())
        };
        let some = |l: &&LineItem| l.amount.is_none_or(|a| !a.is_zero());
        let mut billed: Vec<String> = self.run(period).lines.iter().filter(some).map(one).collect();
        billed.sort();
        billed
    }

    /// The periods from one to another that bill anything, with what they bill.
    fn periods(&self, from: &str, to: &str) -> Vec<String> {
        months(from, to)
            .into_iter()
            .flat_map(|p| self.billed(&p).into_iter().map(move |line| format!("{p}: {line}")))
            .collect()
    }

    /// `R401 L1 2 10.00`, sorted.
    fn said(&self, period: &str) -> Vec<String> {
        let out = self.run(period);
        let shown = |v: Option<Decimal>| v.map_or_else(|| "-".to_string(), |v| v.normalize().to_string());
        let mut said: Vec<String> = out
            .discrepancies
            .iter()
            .map(|r| format!("{} {} {} {}", r.code.id(), r.contract_line_id, shown(r.difference), shown(r.impact)))
            .collect();
        said.sort();
        said
    }

    /// `L1 10>12 2026-10-01`.
    fn changes(&self, period: &str) -> Vec<String> {
        let out = self.run(period);
        let one = |c: &trueup::reconcile::QuantityChange| {
            format!("{} {}>{} {}", c.contract_line_id, c.old_quantity, c.new_quantity, c.effective_date)
        };
        out.changes.iter().map(one).collect()
    }
}

fn months(from: &str, to: &str) -> Vec<String> {
    let (first, last) = (day(&format!("{from}-01")), day(&format!("{to}-01")));
    let months = (0..).map(|n| first + Months::new(n)).take_while(|start| *start <= last);
    months.map(|start| Period::of(start).to_string()).collect()
}

const NOTHING: [&str; 0] = [];

/// F17: 50.00 a month. 17 to 31 March are 15 days, 14 where the effective day does not count.
#[test]
fn the_17th_of_march_by_each_rule_and_setting() {
    for (rule, effective_counts, billed) in [
        (Proration::None, true, "50.00 2026-03-01/2026-03-31"),
        (Proration::ActualDays, true, "24.19 2026-03-17/2026-03-31"),
        (Proration::ActualDays, false, "22.58 2026-03-18/2026-03-31"),
        (Proration::ThirtyDays, true, "25.00 2026-03-17/2026-03-31"),
        (Proration::ThirtyDays, false, "23.33 2026-03-18/2026-03-31"),
    ] {
        let mut book = monthly().lines(vec![line("L1", "10", "2026-03-17", "")]).rule(rule);
        book.config.proration.include_effective_day = effective_counts;
        assert_eq!(book.billed("2026-03"), [format!("L1 recurring 10 {billed}")], "{rule:?} {effective_counts}");
        assert_eq!(book.billed("2026-04"), ["L1 recurring 10 50.00 2026-04-01/2026-04-30"]);
        // The contract's own rule is stronger than the book's.
        book.psa.contracts[0].proration = Some(Proration::None);
        assert_eq!(book.billed("2026-03"), ["L1 recurring 10 50.00 2026-03-01/2026-03-31"]);
    }
}

/// The last day of a line counts or not; that of a contract always does.
#[test]
fn the_cancelled_day_by_setting() {
    for (counts, billed) in [(true, "27.42 2026-03-01/2026-03-17"), (false, "25.81 2026-03-01/2026-03-16")] {
        let mut book = monthly().lines(vec![line("L1", "10", "", "2026-03-17")]);
        book.config.proration.include_cancelled_day = counts;
        assert_eq!(book.billed("2026-03"), [format!("L1 recurring 10 {billed}")]);
        let ended = Book { config: book.config.clone(), ..monthly().contract("2026-01-01", "2026-03-17") };
        assert_eq!(ended.billed("2026-03"), ["L1 recurring 10 27.42 2026-03-01/2026-03-17"]);
    }
    // Cancelled before it began: at no time.
    let never = monthly().lines(vec![line("L1", "10", "2026-03-17", "2026-03-16")]);
    assert_eq!(never.periods("2026-02", "2026-05"), NOTHING);
}

/// February has 28 days, 29 in 2028; thirty days count each month as 30, and a part of one by its days.
#[test]
fn february_and_the_31st() {
    let of = |rule, effective: &str, period| {
        monthly().rule(rule).lines(vec![line("L1", "10", effective, "")]).billed(period)
    };
    assert_eq!(of(Proration::ActualDays, "2026-02-15", "2026-02"), ["L1 recurring 10 25.00 2026-02-15/2026-02-28"]);
    assert_eq!(of(Proration::ActualDays, "2028-02-15", "2028-02"), ["L1 recurring 10 25.86 2028-02-15/2028-02-29"]);
    assert_eq!(of(Proration::ThirtyDays, "2026-02-15", "2026-02"), ["L1 recurring 10 23.33 2026-02-15/2026-02-28"]);
    assert_eq!(of(Proration::ThirtyDays, "2026-03-02", "2026-03"), ["L1 recurring 10 50.00 2026-03-02/2026-03-31"]);
    assert_eq!(of(Proration::ThirtyDays, "2026-03-31", "2026-03"), ["L1 recurring 10 1.67 2026-03-31/2026-03-31"]);
    assert_eq!(of(Proration::ActualDays, "2026-03-31", "2026-03"), ["L1 recurring 10 1.61 2026-03-31/2026-03-31"]);
}

/// A flat fee of 703.00 for 15 of 31 days; consumption of a line as young as that is what it is.
#[test]
fn flat_fees_are_prorated_and_consumption_is_not() {
    let from_the_17th = || vec![line("L1", "10", "2026-03-17", "")];
    let mut flat = monthly().lines(from_the_17th());
    (flat.psa.contract_lines[0].pricing_model, flat.psa.contract_lines[0].unit_price) =
        (PricingModel::Flat, Some(d("703")));
    assert_eq!(flat.billed("2026-03"), ["L1 recurring 10 340.16 2026-03-17/2026-03-31"]);
    let consumed = monthly().lines(from_the_17th()).consumed("12");
    assert_eq!(consumed.billed("2026-03"), ["L1 recurring 12 60.00 2026-03-17/2026-03-31"]);
    assert_eq!(consumed.said("2026-03"), ["R401 L1 2 10"]);
    // What it used is billed once, at the month's end, also where the line was replaced within it.
    let two = vec![line("L1", "10", "", "2026-03-16"), line("L2", "12", "2026-03-17", "")];
    let replaced = monthly().lines(two).consumed("12");
    assert_eq!(
        (replaced.billed("2026-03"), replaced.said("2026-03")),
        (vec!["L2 recurring 12 60.00 2026-03-17/2026-03-31".into()], vec![])
    );
}

/// 10 seats until the 14th, 12 from the 15th: 50.00 × 14/31 and 60.00 × 17/31.
fn ten_then_twelve() -> Vec<ContractLine> {
    vec![line("L1", "10", "", "2026-10-14"), line("L2", "12", "2026-10-15", "")]
}

#[test]
fn dated_lines_bill_their_own_days_and_are_compared_at_the_end() {
    let both = ["L1 recurring 10 22.58 2026-10-01/2026-10-14", "L2 recurring 12 32.90 2026-10-15/2026-10-31"];
    let last = monthly().lines(ten_then_twelve()).used("12");
    assert_eq!((last.billed("2026-10"), last.said("2026-10")), (both.map(String::from).to_vec(), vec![]));
    // Seats counted by day: (10 × 14 + 12 × 17) ÷ 31 = 11.096774, which is what the two lines hold.
    let average = monthly().lines(ten_then_twelve()).averaged("11.096774", "12");
    assert_eq!(average.said("2026-10"), NOTHING);
    assert_eq!(
        average.billed("2026-10"),
        ["L1 recurring 10 22.58 2026-10-01/2026-10-14", "L2 recurring 6.580645 32.90 2026-10-15/2026-10-31"]
    );
    // Three more than that over the whole month: 3 × 5.00, and 15 from then on.
    let more = monthly().lines(ten_then_twelve()).averaged("14.096774", "15");
    assert_eq!(
        (more.said("2026-10"), more.changes("2026-10")),
        (vec!["R401 L2 3 15".into()], vec!["L2 12>15 2026-10-15".into()])
    );
    assert_eq!(
        more.billed("2026-10"),
        ["L1 recurring 10 22.58 2026-10-01/2026-10-14", "L2 recurring 9.580645 47.90 2026-10-15/2026-10-31"]
    );
}

/// The same where the older addition was made on the first: it is no one-time fee, for the other carries it on.
#[test]
fn a_stretch_of_a_month_is_no_one_time_line() {
    let mut book = monthly().lines(ten_then_twelve()).used("12");
    book.psa.contract_lines[0].effective_date = date("2026-10-01");
    assert_eq!(
        book.billed("2026-10"),
        ["L1 recurring 10 22.58 2026-10-01/2026-10-14", "L2 recurring 12 32.90 2026-10-15/2026-10-31"]
    );
    // Three stretches: 5 days of 31 at 50.00, 10 at 60.00, 16 at 65.00.
    let three = monthly().lines(vec![
        line("L1", "10", "2026-10-01", "2026-10-05"),
        line("L2", "12", "2026-10-06", "2026-10-15"),
        line("L3", "13", "2026-10-16", ""),
    ]);
    assert_eq!(
        three.billed("2026-10"),
        [
            "L1 recurring 10 8.06 2026-10-01/2026-10-05",
            "L2 recurring 12 19.35 2026-10-06/2026-10-15",
            "L3 recurring 13 33.55 2026-10-16/2026-10-31"
        ]
    );
}

/// Seats whose days the vendor counts, under a line that holds 10: 2 more from the 15th are 17/31 of 10.00.
#[test]
fn a_change_within_the_month_is_billed_by_its_days_and_kept_whole_from_then_on() {
    let arrears = monthly().averaged("11.096774", "12");
    assert_eq!(arrears.billed("2026-10"), ["L1 recurring 11.096774 55.48 2026-10-01/2026-10-31"]);
    assert_eq!(arrears.said("2026-10"), ["R401 L1 1.096774 5.48"]);
    assert_eq!(arrears.changes("2026-10"), ["L1 10>12 2026-10-01"]);
    let advance = advance().averaged("11.096774", "12");
    assert_eq!(
        advance.billed("2026-10"),
        ["L1 proration 1.096774 5.48 2026-10-01/2026-10-31", "L1 recurring 12 60.00 2026-11-01/2026-11-30"]
    );
    assert_eq!(advance.changes("2026-10"), ["L1 10>12 2026-10-01"]);
}

#[test]
fn dated_lines_in_advance_give_back_and_take_their_days() {
    let book = advance().lines(ten_then_twelve()).used("12");
    assert_eq!(
        book.billed("2026-10"),
        [
            "L1 proration -10 -27.42 2026-10-15/2026-10-31",
            "L2 proration 12 32.90 2026-10-15/2026-10-31",
            "L2 recurring 12 60.00 2026-11-01/2026-11-30"
        ]
    );
    assert_eq!(book.billed("2026-11"), ["L2 recurring 12 60.00 2026-12-01/2026-12-31"]);
    let texts: Vec<String> = book
        .run("2026-10")
        .lines
        .iter()
        .filter(|l| l.kind == LineKind::Proration)
        .map(|l| l.description.clone())
        .collect();
    assert_eq!(texts, ["Seats: from 2026-10-15, 17 of 31 days", "Seats: from 2026-10-15, 17 of 31 days given back"]);
}

/// Billed before at 10; the next month and this one are put to what was used or decided.
#[test]
fn a_change_in_advance_is_trued_up_and_the_next_month_is_billed_at_it() {
    let next = |quantity: &str, amount: &str| format!("L1 recurring {quantity} {amount} 2026-11-01/2026-11-30");
    let change = |quantity: &str, amount: &str| format!("L1 proration {quantity} {amount} 2026-10-01/2026-10-31");
    for (used, kind, set, lines, changes) in [
        ("12", None, "", vec![change("2", "10.00"), next("12", "60.00")], "L1 10>12 2026-10-01"),
        ("7", None, "", vec![change("-3", "-15.00"), next("7", "35.00")], "L1 10>7 2026-10-01"),
        ("12", Some(DecisionKind::Keep), "", vec![next("10", "50.00")], ""),
        ("12", Some(DecisionKind::Accept), "", vec![change("2", "10.00"), next("12", "60.00")], "L1 10>12 2026-10-01"),
        ("12", Some(DecisionKind::Set), "11", vec![change("1", "5.00"), next("11", "55.00")], "L1 10>11 2026-10-01"),
        ("12", Some(DecisionKind::Dismiss), "", vec![next("10", "50.00")], ""),
    ] {
        let book = advance().used(used);
        let book = if let Some(kind) = kind { book.decide("2026-10", kind, set) } else { book };
        assert_eq!(
            (book.billed("2026-10"), book.changes("2026-10").concat()),
            (lines, changes.into()),
            "{used} {kind:?}"
        );
    }
    // Consumption is known when it is over: this month's is billed, not the next one's.
    let consumed = advance().consumed("12");
    assert_eq!(consumed.billed("2026-10"), ["L1 recurring 12 60.00 2026-10-01/2026-10-31"]);
}

/// The period before billed this one at the 11 that were set then; what an accepted quantity came to then is not
/// known here, so that nothing of it is ready.
#[test]
fn a_decision_that_held_before_was_billed_before() {
    for (kind, set, from, lines) in [
        (DecisionKind::Set, "11", "2026-09", vec!["recurring 11 ready"]),
        (DecisionKind::Set, "11", "2026-10", vec!["proration 1 ready", "recurring 11 ready"]),
        (DecisionKind::Accept, "", "2026-09", vec!["proration 2 review", "recurring 12 ready"]),
        (DecisionKind::Accept, "", "2026-10", vec!["proration 2 ready", "recurring 12 ready"]),
        (DecisionKind::Keep, "", "2026-09", vec!["recurring 10 ready"]),
    ] {
        let mut book = advance().used("12").decide("2026-10", kind, set);
        book.decisions[0].from = from.parse().ok();
        let out = book.run("2026-10");
        let one = |l: &LineItem| format!("{} {} {}", l.kind.word(), l.quantity.normalize(), l.status.word());
        let mut billed: Vec<String> = out.lines.iter().map(one).collect();
        billed.sort();
        assert_eq!(billed, lines, "{kind:?} {from}");
    }
}

#[test]
fn the_first_and_the_last_bill_in_advance() {
    let contract = advance().contract("2026-10-01", "2027-09-30");
    assert_eq!(contract.periods("2026-09", "2026-09"), NOTHING);
    assert_eq!(
        contract.periods("2026-10", "2026-11"),
        [
            "2026-10: L1 proration 10 50.00 2026-10-01/2026-10-31",
            "2026-10: L1 recurring 10 50.00 2026-11-01/2026-11-30",
            "2026-11: L1 recurring 10 50.00 2026-12-01/2026-12-31"
        ]
    );
    assert_eq!(contract.periods("2027-08", "2027-10"), ["2027-08: L1 recurring 10 50.00 2027-09-01/2027-09-30"]);
    // 17 March to 16 March is agreed: the last bill is for its 16 days.
    let months = advance().contract("2026-03-17", "2027-03-16");
    assert_eq!(
        months.periods("2026-03", "2026-03"),
        [
            "2026-03: L1 proration 10 24.19 2026-03-17/2026-03-31",
            "2026-03: L1 recurring 10 50.00 2026-04-01/2026-04-30"
        ]
    );
    assert_eq!(months.periods("2027-02", "2027-04"), ["2027-02: L1 recurring 10 25.81 2027-03-01/2027-03-16"]);
    // An end that no month of the contract leads to comes as a cancellation does, and gives back what is left.
    let early = advance().contract("2026-01-01", "2026-10-17");
    assert_eq!(
        early.periods("2026-09", "2026-11"),
        [
            "2026-09: L1 recurring 10 50.00 2026-10-01/2026-10-31",
            "2026-10: L1 proration -10 -22.58 2026-10-18/2026-10-31"
        ]
    );
    // Where nothing is prorated, nothing is given back.
    assert_eq!(early.rule(Proration::None).periods("2026-10", "2026-11"), NOTHING);
}

#[test]
fn a_line_bills_in_the_last_month_of_its_cycle_in_arrears() {
    let quarters = book(BillCycle::Quarterly, BillTiming::Arrears);
    assert_eq!(
        quarters.periods("2026-01", "2026-12"),
        [
            "2026-03: L1 recurring 10 50.00 2026-01-01/2026-03-31",
            "2026-06: L1 recurring 10 50.00 2026-04-01/2026-06-30",
            "2026-09: L1 recurring 10 50.00 2026-07-01/2026-09-30",
            "2026-12: L1 recurring 10 50.00 2026-10-01/2026-12-31"
        ]
    );
    let halves = book(BillCycle::Semiannual, BillTiming::Arrears).contract("2026-08-31", "");
    assert_eq!(
        halves.periods("2026-08", "2027-12"),
        [
            "2027-02: L1 recurring 10 50.00 2026-08-31/2027-02-27",
            "2027-08: L1 recurring 10 50.00 2027-02-28/2027-08-30"
        ]
    );
    let years = book(BillCycle::Annual, BillTiming::Arrears).contract("2024-02-29", "");
    assert_eq!(
        years.periods("2024-02", "2028-12"),
        [
            "2025-02: L1 recurring 10 50.00 2024-02-29/2025-02-27",
            "2026-02: L1 recurring 10 50.00 2025-02-28/2026-02-27",
            "2027-02: L1 recurring 10 50.00 2026-02-28/2027-02-27",
            "2028-02: L1 recurring 10 50.00 2027-02-28/2028-02-28"
        ]
    );
    // Every active line has its line item, also in a month in which nothing is due.
    assert_eq!(quarters.run("2026-02").lines.len(), 1);
}

#[test]
fn a_line_bills_in_the_month_before_its_cycle_in_advance() {
    let quarters = book(BillCycle::Quarterly, BillTiming::Advance).contract("2026-01-31", "2027-01-30");
    assert_eq!(
        quarters.periods("2025-12", "2027-03"),
        [
            "2026-01: L1 recurring 10 50.00 2026-01-31/2026-04-29",
            "2026-03: L1 recurring 10 50.00 2026-04-30/2026-07-30",
            "2026-06: L1 recurring 10 50.00 2026-07-31/2026-10-30",
            "2026-09: L1 recurring 10 50.00 2026-10-31/2027-01-30"
        ]
    );
    let years = book(BillCycle::Annual, BillTiming::Advance).contract("2026-03-15", "");
    assert_eq!(
        years.periods("2026-01", "2028-04"),
        [
            "2026-03: L1 recurring 10 50.00 2026-03-15/2027-03-14",
            "2027-02: L1 recurring 10 50.00 2027-03-15/2028-03-14",
            "2028-02: L1 recurring 10 50.00 2028-03-15/2029-03-14"
        ]
    );
}

/// 365.00 a year from 1 January. Added on 10 February: 325 days; cancelled on 30 June: 184 days given back.
#[test]
fn an_addition_is_billed_to_the_end_of_the_cycle_and_then_joins_it() {
    let year = |effective: &str, cancelled: &str| {
        let mut added = line("L1", "1", effective, cancelled);
        added.unit_price = Some(d("365"));
        book(BillCycle::Annual, BillTiming::Advance).lines(vec![added])
    };
    assert_eq!(
        year("2026-02-10", "").periods("2026-01", "2027-12"),
        [
            "2026-02: L1 proration 1 325.00 2026-02-10/2026-12-31",
            "2026-12: L1 recurring 1 365.00 2027-01-01/2027-12-31",
            "2027-12: L1 recurring 1 365.00 2028-01-01/2028-12-31"
        ]
    );
    assert_eq!(
        year("2026-02-10", "2027-06-30").periods("2026-01", "2027-12"),
        [
            "2026-02: L1 proration 1 325.00 2026-02-10/2026-12-31",
            "2026-12: L1 recurring 1 365.00 2027-01-01/2027-12-31",
            "2027-06: L1 proration -1 -184.00 2027-07-01/2027-12-31"
        ]
    );
    let kept = year("", "2027-06-30").rule(Proration::None);
    assert_eq!(kept.periods("2027-01", "2027-12"), NOTHING);
    // In arrears the year's bill has the days it was active, and comes when the year is over.
    let mut arrears = year("2026-02-10", "2026-06-30");
    arrears.psa.contracts[0].bill_timing = BillTiming::Arrears;
    assert_eq!(arrears.periods("2026-01", "2027-12"), ["2026-12: L1 recurring 1 141.00 2026-02-10/2026-06-30"]);
}

/// A quarter in arrears: what ended within it is billed with it, and with the contract where that ends first.
#[test]
fn what_ended_within_the_cycle_is_billed_when_the_cycle_or_the_contract_ends() {
    let quarter = || {
        book(BillCycle::Quarterly, BillTiming::Arrears)
            .lines(vec![line("L1", "9", "", "2026-01-20"), line("L2", "9", "", "")])
    };
    assert_eq!(
        quarter().periods("2026-01", "2026-03"),
        ["2026-03: L1 recurring 9 10.00 2026-01-01/2026-01-20", "2026-03: L2 recurring 9 45.00 2026-01-01/2026-03-31"]
    );
    assert_eq!(
        quarter().contract("2026-01-01", "2026-02-28").periods("2026-01", "2026-12"),
        ["2026-02: L1 recurring 9 10.00 2026-01-01/2026-01-20", "2026-02: L2 recurring 9 29.50 2026-01-01/2026-02-28"]
    );
    // The contract ends in the quarter after the one that ends in its month: 15 November to 14 February has 92 days.
    let two = book(BillCycle::Quarterly, BillTiming::Arrears)
        .contract("2026-08-15", "2026-11-20")
        .lines(vec![line("L1", "9", "", "")]);
    assert_eq!(
        two.periods("2026-08", "2027-03"),
        ["2026-11: L1 recurring 9 2.93 2026-11-15/2026-11-20", "2026-11: L1 recurring 9 45.00 2026-08-15/2026-11-14"]
    );
}

/// 10 at 5.00 a quarter, 16 used: 30.00 a quarter, 10.00 a month.
#[test]
fn a_long_cycle_is_compared_every_period() {
    let arrears = book(BillCycle::Quarterly, BillTiming::Arrears).used("16");
    for (period, impact, billed) in [("2026-10", "10", 0), ("2026-11", "10", 0), ("2026-12", "30", 1)] {
        assert_eq!(arrears.said(period), [format!("R401 L1 6 {impact}")], "{period}");
        assert_eq!(arrears.billed(period).len(), billed, "{period}");
        assert_eq!(arrears.changes(period), [format!("L1 10>16 {period}-01")]);
    }
    assert_eq!(arrears.billed("2026-12"), ["L1 recurring 16 80.00 2026-10-01/2026-12-31"]);
    // In advance the quarter is paid for at 10; each month bills its third of what was used beyond, and the
    // contract holds it from the next month on.
    let advance = book(BillCycle::Quarterly, BillTiming::Advance).used("16");
    assert_eq!(advance.billed("2026-10"), ["L1 proration 6 10.00 2026-10-01/2026-10-31"]);
    assert_eq!(
        (advance.said("2026-10"), advance.changes("2026-10")),
        (vec!["R401 L1 6 10".into()], vec!["L1 10>16 2026-11-01".into()])
    );
    assert_eq!(
        advance.billed("2026-12"),
        ["L1 proration 6 10.00 2026-12-01/2026-12-31", "L1 recurring 16 80.00 2027-01-01/2027-03-31"]
    );
    assert_eq!(advance.changes("2026-12"), ["L1 10>16 2026-12-01"]);
    // As an addition from that day it is prorated to the quarter's end (61 of 92 days), and the sides agree: only
    // that it is the like of the other line is said.
    let lines = vec![line("L1", "10", "", ""), line("L2", "6", "2026-11-01", "")];
    let added = book(BillCycle::Quarterly, BillTiming::Advance).used("16").lines(lines);
    assert_eq!(
        (added.billed("2026-11"), added.said("2026-11")),
        (vec!["L2 proration 6 19.89 2026-11-01/2026-12-31".into()], vec!["R409 L2 0 0".into()])
    );
}

/// The share of one month of a minimum: 150.00 a quarter are 50.00 a month; 30 and 40 units are 50.00 and 66.67.
#[test]
fn a_minimum_amount_is_of_the_cycle() {
    let mut book = book(BillCycle::Quarterly, BillTiming::Arrears).lines(vec![line("L1", "30", "", "")]).used("40");
    book.psa.contract_lines[0].minimum_amount = Some(d("150"));
    assert_eq!(book.said("2026-10"), ["R401 L1 10 16.67"]);
    let mut short = monthly().lines(vec![line("L1", "10", "2026-03-17", "")]);
    short.psa.contract_lines[0].minimum_amount = Some(d("40"));
    assert_eq!(
        short.billed("2026-03"),
        ["L1 minimum 1 15.81 2026-03-17/2026-03-31", "L1 recurring 10 24.19 2026-03-17/2026-03-31"]
    );
    // In advance a minimum was billed before: 8 used instead of 10 stay at 50.00.
    let mut paid = advance().used("8");
    paid.psa.contract_lines[0].minimum_amount = Some(d("50"));
    assert_eq!(
        paid.billed("2026-10"),
        [
            "L1 minimum 1 10.00 2026-11-01/2026-11-30",
            "L1 proration -2 0.00 2026-10-01/2026-10-31",
            "L1 recurring 8 40.00 2026-11-01/2026-11-30"
        ]
        .into_iter()
        .filter(|l| !l.contains(" 0.00 "))
        .collect::<Vec<_>>()
    );
    paid.psa.contract_lines[0].cancelled_date = date("2026-10-31");
    assert!(paid.billed("2026-10").is_empty(), "nothing of a month that is over is left");
}

/// A fee of 500.00 on 12 October, and one over some days of it.
#[test]
fn a_one_time_line_bills_once_whatever_cycle_timing_and_rule() {
    for cycle in [BillCycle::Monthly, BillCycle::Quarterly, BillCycle::Annual] {
        for timing in [BillTiming::Arrears, BillTiming::Advance] {
            for (from, to) in [("2026-10-12", "2026-10-12"), ("2026-10-05", "2026-10-20"), ("2026-10-01", "2026-10-31")]
            {
                let mut book = book(cycle, timing).lines(vec![line("L1", "100", from, to)]);
                book.config.proration.include_cancelled_day = false;
                let all = book.periods("2026-09", "2027-12");
                assert_eq!(all, [format!("2026-10: L1 one-time 100 500.00 {from}/{to}")], "{cycle:?} {timing:?}");
            }
        }
    }
    // It is not part of what is compared, unless it is all there is.
    let beside =
        monthly().lines(vec![line("L1", "10", "", ""), line("L2", "3", "2026-10-31", "2026-10-31")]).used("10");
    assert_eq!(beside.said("2026-10"), NOTHING);
    assert_eq!(
        beside.billed("2026-10"),
        ["L1 recurring 10 50.00 2026-10-01/2026-10-31", "L2 one-time 3 15.00 2026-10-31/2026-10-31"]
    );
    // A month of units as a PSA keeps them by day is a quantity, and not a fee.
    let mut units = monthly().lines(vec![line("L1", "10", "2026-10-01", "2026-10-31")]);
    units.psa.contract_lines[0].by_day = true;
    assert_eq!(units.billed("2026-10"), ["L1 recurring 10 50.00 2026-10-01/2026-10-31"]);
    // Over two months it is a line as any other.
    let two = monthly().lines(vec![line("L1", "10", "2026-10-17", "2026-11-15")]);
    assert_eq!(
        two.periods("2026-09", "2026-12"),
        [
            "2026-10: L1 recurring 10 24.19 2026-10-17/2026-10-31",
            "2026-11: L1 recurring 10 25.00 2026-11-01/2026-11-15"
        ]
    );
}

/// Usage of a line that ended, by its own cycle: 60.00 a quarter are 20.00 a month.
#[test]
fn usage_of_an_ended_line_of_a_long_cycle_is_worth_a_month_of_it() {
    let ended =
        book(BillCycle::Quarterly, BillTiming::Arrears).lines(vec![line("L1", "10", "", "2026-08-31")]).used("12");
    assert_eq!(ended.said("2026-10"), ["R405 L1 12 20"]);
    let accepted = ended.decide("2026-10", DecisionKind::Accept, "");
    assert_eq!(accepted.run("2026-10").lines[0].amount, Some(d("20.00")));
}

#[test]
fn consumption_of_a_long_cycle_is_billed_in_the_month_it_is_used() {
    let book = book(BillCycle::Annual, BillTiming::Advance).consumed("12");
    assert_eq!(book.billed("2026-05"), ["L1 recurring 12 60.00 2026-05-01/2026-05-31"]);
    assert_eq!(book.said("2026-05"), ["R401 L1 2 10"]);
    // A commitment is paid in advance, and what goes beyond it when it is known.
    let mut committed = advance().consumed("12");
    committed.psa.contract_lines[0].billing = Some(Billing::Greater);
    assert_eq!(
        committed.billed("2026-05"),
        ["L1 proration 2 10.00 2026-05-01/2026-05-31", "L1 recurring 10 50.00 2026-06-01/2026-06-30"]
    );
}

/// A line whose price is unknown is held also where only a part of a paid cycle is to be billed.
#[test]
fn an_addition_without_a_price_is_held_and_said() {
    let mut book = book(BillCycle::Annual, BillTiming::Advance).lines(vec![line("L1", "1", "2026-02-10", "")]);
    book.psa.contract_lines[0].unit_price = None;
    book.psa.products[0].unit_price = None;
    assert_eq!(book.billed("2026-02"), ["L1 proration 1 - 2026-02-10/2026-12-31"]);
    assert_eq!(book.said("2026-02"), ["R418 L1 - -"]);
    book = book.used("3");
    assert_eq!(book.billed("2026-03"), ["L1 proration 3 - 2026-03-01/2026-03-31"]);
    assert_eq!(book.said("2026-03"), ["R401 L1 2 -", "R418 L1 2 -"]);
}

/// The vendor's 3.00 and half as much again are 4.50.
#[test]
fn cost_plus_is_trued_up_at_the_metered_cost() {
    let mut book = advance().used("12");
    (book.psa.contract_lines[0].pricing_model, book.psa.contract_lines[0].unit_price) = (PricingModel::CostPlus, None);
    book.psa.contract_lines[0].markup_percent = Some(d("50"));
    book.metered[0].unit_cost = Some(d("3"));
    book.metered[0].cost = [(Currency::parse("USD").expect("a currency"), d("36"))].into();
    assert_eq!(
        book.billed("2026-10"),
        ["L1 proration 2 9.00 2026-10-01/2026-10-31", "L1 recurring 12 54.00 2026-11-01/2026-11-30"]
    );
}

/// F22: a book of files, from text to text: seats that change on the 15th beside the two additions of a PSA; mail in arrears
/// under a contract in advance; a vendor that bills from the 25th to the 24th; a fee of one day; and a year paid up front
/// in March, of which October is a twelfth: 365.00 ÷ 12 = 30.42. Its impact is that of two amounts, each rounded as a
/// line: 60.83 − 30.42.
#[test]
fn a_month_of_all_kinds_from_its_files() {
    let book = support::Book::empty();
    book.put("psa/clients.csv", "client_id,name,currency\nC1,Larkspur Bakery,USD\n");
    book.put(
        "psa/products.csv",
        "product_code,name\nSEAT,Seats\nMAIL,Mail sent\nNCE,Licences\nFEE,Set-up\nBACKUP,Backup\n",
    );
    book.put(
        "psa/contracts.csv",
        "contract_id,client_id,name,start_date,bill_cycle,bill_timing,currency,proration\n\
         K1,C1,Advance,2025-01-01,monthly,advance,USD,actual_days\n\
         K2,C1,Arrears,2025-01-01,monthly,arrears,USD,actual_days\n\
         K3,C1,Yearly,2026-03-15,annual,advance,USD,actual_days\n",
    );
    book.put(
        "psa/contract_lines.csv",
        "contract_line_id,contract_id,product_code,quantity,unit_price,effective_date,cancelled_date\n\
         L1,K2,SEAT,10,20.00,2025-01-01,2026-10-14\nL2,K2,SEAT,12,20.00,2026-10-15,\nL3,K1,MAIL,0,0.10,,\n\
         L4,K3,BACKUP,1,365.00,,\nL5,K1,FEE,1,500.00,2026-10-12,2026-10-12\nL6,K1,NCE,10,20.00,,\n",
    );
    book.put("map/accounts.csv", "provider_name,sub_account_id,client_id\nNorthstar,a1,C1\n");
    book.put(
        "map/products.csv",
        "provider_name,sku_id,product_code,rule\nNorthstar,S,SEAT,prorated\nNorthstar,M,MAIL,sum\n\
         Northstar,N,NCE,prorated\nNorthstar,B,BACKUP,sum\n",
    );
    let heading = "provider_name,sub_account_id,sub_account_name,sku_id,charge_description,charge_category,\
                   charge_period_start,charge_period_end,quantity,unit_cost,cost,currency\n";
    let row = |rest: &str| format!("Northstar,a1,Larkspur Bakery,{rest},,,USD\n");
    let october = [
        "S,Seats,Purchase,2026-10-01,2026-10-15,10",
        "S,Seats,Purchase,2026-10-15,2026-11-01,12",
        "M,Mail,Usage,2026-10-26,2026-11-26,1200",
        "N,Licences,Purchase,2026-10-25,2026-11-25,12",
    ];
    book.put("usage/2026-10/northstar.csv", heading.to_string() + &october.map(row).concat());
    book.put("usage/2026-03/year.csv", heading.to_string() + &row("B,Backup,Purchase,2026-03-15,2027-03-15,2"));
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut lines = book.columns(
        "invoice_lines.csv",
        &["contract_line_id", "kind", "quantity", "amount", "service_start", "service_end", "status"],
    );
    lines.sort();
    assert_eq!(
        lines,
        [
            "L1|recurring|10|90.32|2026-10-01|2026-10-14|ready",
            "L2|recurring|6.580645|131.61|2026-10-15|2026-10-31|ready",
            "L3|recurring|1200|120.00|2026-10-01|2026-10-31|review",
            "L4|proration|1|30.42|2026-10-01|2026-10-31|review",
            "L4|recurring|0|0.00|2026-10-01|2026-10-31|review",
            "L5|one-time|1|500.00|2026-10-12|2026-10-12|ready",
            "L6|proration|2|40.00|2026-10-01|2026-10-31|review",
            "L6|recurring|12|240.00|2026-11-01|2026-11-30|review",
        ]
    );
    let mut said = book.columns("discrepancies.csv", &["code", "contract_line_id", "difference", "impact"]);
    said.sort();
    assert_eq!(said, ["R401|L3|1200|120.00", "R401|L4|1|30.41", "R401|L6|2|40.00"]);
    let mut changes =
        book.columns("quantity_changes.csv", &["contract_line_id", "old_quantity", "new_quantity", "effective_date"]);
    changes.sort();
    assert_eq!(changes, ["L3|0|1200|2026-10-01", "L4|1|2|2026-11-01", "L6|10|12|2026-10-01"]);
}

/// A contract and a line of it, with dates within two years.
#[derive(Debug, Clone)]
struct Life {
    cycle: BillCycle,
    advance: bool,
    rule: Proration,
    start: u64,
    contract_days: Option<u64>,
    effective: Option<u64>,
    line_days: Option<u64>,
}

fn life() -> impl Strategy<Value = Life> {
    let cycle = proptest::sample::select(vec![
        BillCycle::Monthly,
        BillCycle::Quarterly,
        BillCycle::Semiannual,
        BillCycle::Annual,
    ]);
    let some_days = || proptest::option::of(0..500u64);
    (cycle, any::<bool>(), 0..400u64, some_days(), proptest::option::of(0..300u64), some_days()).prop_map(
        |(cycle, advance, start, contract_days, effective, line_days)| Life {
            cycle,
            advance,
            rule: Proration::ActualDays,
            start,
            contract_days,
            effective,
            line_days,
        },
    )
}

/// The first day that a contract may start on.
fn first_day() -> NaiveDate {
    day("2027-01-15")
}

const FIRST: &str = "2027-01";
const LAST: &str = "2031-12";

impl Life {
    fn contract_start(&self) -> NaiveDate {
        first_day() + Days::new(self.start)
    }

    /// The first day and the last, within four years: what goes on beyond them is ended with the last cycle.
    fn active(&self) -> (NaiveDate, NaiveDate) {
        let start = self.contract_start();
        let first = self.effective.map_or(start, |n| start + Days::new(n));
        let far =
            if self.cycle == BillCycle::Monthly { day("2030-12-31") } else { start + Months::new(36) - Days::new(1) };
        let end = self.contract_days.map_or(far, |n| start + Days::new(n));
        let last = self.line_days.map_or(end, |n| end.min(first + Days::new(n)));
        (first, last)
    }

    fn is_once(&self) -> bool {
        let (first, last) = self.active();
        let dated = self.effective.is_some() && self.line_days.is_some();
        dated && first <= last && Period::of(first) == Period::of(last)
    }

    fn book(&self) -> Book {
        let (first, last) = self.active();
        let start = self.contract_start();
        let far = self.contract_days.map_or(last, |n| start + Days::new(n));
        let mut out =
            book(self.cycle, if self.advance { BillTiming::Advance } else { BillTiming::Arrears }).rule(self.rule);
        out.psa.contracts[0].start_date = Some(start);
        out.psa.contracts[0].end_date = Some(if self.line_days.is_some() { far.max(last) } else { far });
        out.psa.contract_lines[0].unit_price = Some(d("1000000"));
        out.psa.contract_lines[0].effective_date = self.effective.map(|_| first);
        out.psa.contract_lines[0].cancelled_date = self.line_days.map(|_| last);
        out
    }

    /// Every line item of these five years that is not zero.
    fn items(&self) -> Vec<LineItem> {
        let book = self.book();
        let all = months(FIRST, LAST).into_iter().flat_map(|p| book.run(&p).lines);
        all.filter(|l| l.amount.is_some_and(|a| !a.is_zero())).collect()
    }

    /// 10 × 1,000,000.00 a cycle, each day its part of the cycle it lies in. Cycles are counted here day by day, as
    /// a person would on a calendar.
    fn worth(&self) -> Decimal {
        let (first, last) = self.active();
        if self.is_once() {
            return d("10000000");
        }
        let starts: Vec<NaiveDate> = (0..80)
            .map(|n| self.cycle.months() * n)
            .map(|n| {
                let anchor = self.contract_start();
                let month = Period::of(anchor).start() + Months::new(n);
                if self.cycle == BillCycle::Monthly {
                    return month;
                }
                let length = (month + Months::new(1) - month).num_days();
                month + Days::new(u64::from(anchor.day()).min(length.unsigned_abs()) - 1)
            })
            .collect();
        let whole: Vec<_> = starts.windows(2).map(|w| (w[0], w[1])).collect();
        let part = |(from, to): (NaiveDate, NaiveDate)| {
            let active = from.iter_days().take_while(|d| *d < to).filter(|d| first <= *d && *d <= last).count();
            d("10000000") * Decimal::from(active) / Decimal::from((to - from).num_days())
        };
        whole.into_iter().filter(|(from, to)| *from <= last && *to > first).map(part).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    /// Month after month, with any cycle, timing, anchor, start and end: each day of service is billed once, no
    /// other day is, and what was billed in advance adds up to what arrears would have billed.
    #[test]
    fn every_day_of_service_is_billed_once(life in life()) {
        let (first, last) = life.active();
        let items = life.items();
        let mut times: std::collections::BTreeMap<NaiveDate, i64> = std::collections::BTreeMap::new();
        for item in &items {
            let sign = if item.amount.expect("there").is_sign_negative() { -1 } else { 1 };
            for day in item.service_start.iter_days().take_while(|d| *d <= item.service_end) {
                *times.entry(day).or_default() += sign;
            }
        }
        times.retain(|_, n| *n != 0);
        let days: Vec<(NaiveDate, i64)> = times.into_iter().collect();
        let wanted: Vec<(NaiveDate, i64)> = first.iter_days().take_while(|d| *d <= last).map(|d| (d, 1)).collect();
        prop_assert_eq!(days, wanted, "{:?} {:?}", life.active(), items.iter().map(|l| (l.kind, l.amount, l.service_start, l.service_end)).collect::<Vec<_>>());
        let billed = items.iter().map(|l| l.amount.expect("there")).sum::<Decimal>();
        let apart = billed - life.worth();
        prop_assert!(apart.abs() <= d("0.02") * Decimal::from(items.len()), "{billed} is {apart} off: {life:?}");
        let mut other = life.clone();
        other.advance = !life.advance;
        let otherwise = other.items();
        let apart = billed - otherwise.iter().map(|l| l.amount.expect("there")).sum::<Decimal>();
        prop_assert!(apart.abs() <= d("0.02") * Decimal::from(items.len() + otherwise.len() + 1), "{apart}");
    }

    /// Years of one quantity are years of the price, to the cent.
    #[test]
    fn a_year_of_one_quantity_is_its_cycles_times_the_price(life in life(), cents in 1i64..10_000_000) {
        let steady = Life { contract_days: None, effective: None, line_days: None, ..life };
        let mut book = steady.book();
        book.psa.contracts[0].end_date = None;
        book.psa.contract_lines[0].unit_price = Some(Decimal::new(cents, 3));
        let year: Decimal = months("2030-01", "2030-12").iter().flat_map(|p| book.run(p).lines).filter_map(|l| l.amount).sum();
        let one = Decimal::new(cents * 10, 3).round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        prop_assert_eq!(year, one * Decimal::from(12 / steady.cycle.months()));
    }
}

/// From 17 October 12 seats are used instead of 10: 2 × 5.00 × 15/31 is what October is out by, though November's bill,
/// too, is for 12.
#[test]
fn a_line_that_begins_within_a_month_paid_in_advance_is_worth_its_own_days() {
    let book = advance().lines(vec![line("L1", "10", "2026-10-17", "")]).used("12");
    assert_eq!(book.said("2026-10"), ["R401 L1 2 4.84"]);
    assert_eq!(
        book.billed("2026-10"),
        ["L1 proration 12 29.03 2026-10-17/2026-10-31", "L1 recurring 12 60.00 2026-11-01/2026-11-30"]
    );
    assert_eq!(advance().used("12").said("2026-10"), ["R401 L1 2 10"]);
}

/// Consumption was billed in its months: what ended in February closes with nothing in March, where the rows of other
/// clients show what the product is. Seats close with their days.
#[test]
fn consumption_that_ended_within_a_quarter_is_not_billed_again_at_its_end() {
    let quarterly = || book(BillCycle::Quarterly, BillTiming::Arrears).lines(vec![line("L1", "10", "", "2026-02-10")]);
    let elsewhere = |mut book: Book| {
        book.metered[0].client_id = ClientId::new("C2");
        book
    };
    assert_eq!(elsewhere(quarterly().consumed("7")).billed("2026-03"), [""; 0]);
    // 50.00 × 41/90.
    assert_eq!(elsewhere(quarterly().used("7")).billed("2026-03"), ["L1 recurring 10 22.78 2026-01-01/2026-02-10"]);
}

/// A flat fee is of its cycle, whatever is consumed under it; its cost is that of the months it bills for.
#[test]
fn a_flat_fee_for_consumption_is_billed_by_its_cycle() {
    let flat =
        ContractLine { pricing_model: PricingModel::Flat, unit_price: Some(d("300")), ..line("L1", "1", "", "") };
    let book = book(BillCycle::Quarterly, BillTiming::Arrears).lines(vec![flat]).consumed("7");
    assert_eq!(book.periods("2026-01", "2026-03"), ["2026-03: L1 recurring 7 300.00 2026-01-01/2026-03-31"]);
    let mut by_unit = self::book(BillCycle::Quarterly, BillTiming::Arrears).consumed("7");
    by_unit.metered[0].cost = [(Currency::parse("USD").expect("a currency"), d("14.00"))].into();
    let costs: Vec<_> = by_unit.run("2026-01").lines.iter().map(|l| (l.amount, l.cost)).collect();
    // Billed month by month, so held against one month's cost.
    assert_eq!(costs, [(Some(d("35.00")), Some(d("14.00")))]);
}
