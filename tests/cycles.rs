//! Bill cycles, timing and proration, each on a book of a few values and against amounts worked out by hand.
//! Contract line L1 holds 10 units of EDR at 5.00 per cycle under contract K1 from 2026-01-01, prorated by
//! actual days, unless a test says otherwise.

use chrono::{Datelike, Days, Months, NaiveDate};
use proptest::prelude::*;
use rust_decimal::Decimal;
use trueup::book::{
    BillCycle, BillTiming, Billing, Client, ClientId, Config, Contract, ContractId, ContractLine, ContractLineId,
    Decision, DecisionKind, Period, PricingModel, Product, ProductCode, Proration, Psa, WholeUnits,
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
        included_quantity: None,
        minimum_quantity: None,
        maximum_quantity: None,
        minimum_amount: None,
        maximum_amount: None,
        unit_price: Some(d("5.00")),
        unit_cost: None,
        markup_percent: None,
        discount_percent: None,
        pricing_model: PricingModel::PerUnit,
        package_size: None,
        flat_at_zero: false,
        effective_date: date(effective),
        cancelled_date: date(cancelled),
        term: String::new(),
        billing: None,
        taxable: String::new(),
        tax_code: String::new(),
        account_code: String::new(),
        held: false,
        place: Place::line("psa/contract_lines.csv", 2),
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
                aliases: Vec::new(),
                active: true,
                external_ids: Vec::new(),
                domain: String::new(),
                tax_id: String::new(),
                currency,
                parent_client_id: ClientId::default(),
                bill_to_client_id: ClientId::default(),
                last_activity: None,
                place: Place::default(),
            }],
            products: vec![Product {
                code: ProductCode::new("EDR"),
                name: "Endpoint protection".into(),
                unit: "seat".into(),
                unit_price: Some(d("5.00")),
                unit_cost: None,
                whole_units: WholeUnits::No,
                taxable: String::new(),
                tax_code: String::new(),
                account_code: String::new(),
                active: true,
                external_ids: Vec::new(),
                place: Place::default(),
            }],
            contracts: vec![Contract {
                id: ContractId::new("K1"),
                client_id: ClientId::new("C1"),
                name: String::new(),
                active: true,
                start_date: Some(day("2026-01-01")),
                end_date: None,
                bill_cycle: cycle,
                bill_timing: timing,
                currency,
                proration: None,
                po_number: String::new(),
                place: Place::default(),
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
