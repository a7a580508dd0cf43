//! Pricing vectors: each must give its amount as a pure function, and as a contract line of a book, billed
//! at the contract quantity and at the metered one.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rust_decimal::Decimal;
use serde::Deserialize;
use support::{Book, value};
use trueup::rate::{Currency, ExactSum, PricingModel, Share, Terms, Tier, rate};

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    model: String,
    params_json: String,
    quantity: String,
    expected_amount: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Params {
    tiers: Vec<TierParams>,
    unit: Option<String>,
    amount: Option<String>,
    package_size: Option<String>,
    round: Option<String>,
    minimum_amount: Option<String>,
    maximum_amount: Option<String>,
    included_quantity: Option<String>,
    minimum_quantity: Option<String>,
    maximum_quantity: Option<String>,
    discount_percent: Option<String>,
    unit_cost: Option<String>,
    markup_percent: Option<String>,
    flat_at_zero: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TierParams {
    up_to: Option<serde_json::Number>,
    unit: Option<String>,
    flat: Option<String>,
}

#[derive(Debug)]
struct Vector {
    id: String,
    model: &'static str,
    params: Params,
    quantity: String,
    expected: Decimal,
}

fn d(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

fn maybe(text: Option<&String>) -> Option<Decimal> {
    text.map(|t| d(t))
}

fn cell(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/pricing");
    let mut out = Vec::new();
    for name in ["vectors.csv", "worked.csv"] {
        let text = fs_err::read_to_string(folder.join(name)).expect("readable");
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let row: Row = row.expect("CSV");
            let base = row.model.trim_end_matches("_min").trim_end_matches("_max");
            let word = if base == "standard" { "per_unit" } else { base };
            let known = PricingModel::WORDS.iter().find(|(w, _)| *w == word);
            let (model, _) = known.unwrap_or_else(|| panic!("{}: a model we have: {}", row.id, row.model));
            let params: Params = serde_json::from_str(&row.params_json).expect("JSON");
            assert!(params.round.as_deref().is_none_or(|r| r == "up"), "{}: a started package is a whole one", row.id);
            out.push(Vector { id: row.id, model, params, quantity: row.quantity, expected: d(&row.expected_amount) });
        }
    }
    assert!(out.len() > 80, "{}", out.len());
    out
}

impl Vector {
    fn unit_price(&self) -> Option<&String> {
        self.params.unit.as_ref().or(self.params.amount.as_ref())
    }

    fn flat_at_zero(&self) -> bool {
        self.params.flat_at_zero.unwrap_or(true)
    }

    fn terms(&self) -> Terms {
        let p = &self.params;
        let (_, model) = PricingModel::WORDS.iter().find(|(w, _)| *w == self.model).expect("known");
        let tier = |t: &TierParams| Tier {
            up_to: t.up_to.as_ref().map(|n| d(&n.to_string())),
            unit_price: maybe(t.unit.as_ref()),
            flat_amount: maybe(t.flat.as_ref()),
        };
        Terms {
            model: *model,
            unit_price: maybe(self.unit_price()),
            tiers: p.tiers.iter().map(tier).collect(),
            package_size: maybe(p.package_size.as_ref()),
            unit_cost: maybe(p.unit_cost.as_ref()),
            markup_percent: maybe(p.markup_percent.as_ref()),
            included_quantity: maybe(p.included_quantity.as_ref()),
            minimum_quantity: maybe(p.minimum_quantity.as_ref()),
            maximum_quantity: maybe(p.maximum_quantity.as_ref()),
            discount_percent: maybe(p.discount_percent.as_ref()),
            minimum_amount: maybe(p.minimum_amount.as_ref()),
            maximum_amount: maybe(p.maximum_amount.as_ref()),
            flat_at_zero: self.flat_at_zero(),
            currency: Currency::parse("USD").expect("a code"),
            ..Terms::default()
        }
    }

    /// Its row of contract_lines.csv, at a contract quantity.
    fn line(&self, quantity: &str) -> String {
        let (id, p) = (&self.id, &self.params);
        let cells = [
            p.package_size.as_ref(),
            p.unit_cost.as_ref(),
            p.markup_percent.as_ref(),
            p.included_quantity.as_ref(),
            p.minimum_quantity.as_ref(),
            p.maximum_quantity.as_ref(),
            p.discount_percent.as_ref(),
            p.minimum_amount.as_ref(),
            p.maximum_amount.as_ref(),
            self.unit_price(),
        ];
        let cells: Vec<&str> = cells.into_iter().map(cell).collect();
        format!("L-{id},K-{id},P-{id},{quantity},{},{},{}\n", self.model, self.flat_at_zero(), cells.join(","))
    }
}

/// A book in which every vector is a contract line under a contract of its own.
fn book(vectors: &[Vector], contract_quantity: impl Fn(&Vector) -> String) -> Book {
    let book = Book::empty();
    book.put("psa/clients.csv", "client_id,name,currency\nC1,Northwind Bakery,USD\n");
    let mut products = "product_code,name\n".to_string();
    let mut contracts = "contract_id,client_id,name,start_date\n".to_string();
    let mut lines = "contract_line_id,contract_id,product_code,quantity,pricing_model,flat_at_zero,package_size,\
                     unit_cost,markup_percent,included_quantity,minimum_quantity,maximum_quantity,discount_percent,\
                     minimum_amount,maximum_amount,unit_price\n"
        .to_string();
    let mut tiers = "contract_line_id,product_code,up_to,unit_price,flat_amount\n".to_string();
    for (i, vector) in vectors.iter().enumerate() {
        let id = &vector.id;
        writeln!(products, "P-{id},Thing {id}").expect("text");
        writeln!(contracts, "K-{id},C1,Care {id},2025-01-01").expect("text");
        lines.push_str(&vector.line(&contract_quantity(vector)));
        // Tiers belong to a line or to its product; both ways are the same price.
        let owner = if i % 2 == 0 { format!("L-{id},") } else { format!(",P-{id}") };
        for tier in &vector.params.tiers {
            let up_to = tier.up_to.as_ref().map(ToString::to_string).unwrap_or_default();
            writeln!(tiers, "{owner},{up_to},{},{}", cell(tier.unit.as_ref()), cell(tier.flat.as_ref())).expect("text");
        }
    }
    book.put("psa/products.csv", products);
    book.put("psa/contracts.csv", contracts);
    book.put("psa/contract_lines.csv", lines);
    book.put("psa/price_tiers.csv", tiers);
    fs_err::create_dir_all(book.path("usage/2026-10")).expect("room");
    book
}

/// Holds that each contract's lines, less the residue stated for it, are the vector's amount to the last digit.
fn assert_billed(book: &Book, vectors: &[Vector]) {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut billed: BTreeMap<String, ExactSum> = BTreeMap::new();
    for row in book.rows("invoice_lines.csv") {
        let amount = value(&row, "amount");
        assert!(!amount.is_empty(), "priced: {row:?}");
        billed.entry(value(&row, "contract_id").to_string()).or_default().add(d(amount)).expect("fits");
    }
    let summary: serde_json::Value = serde_json::from_str(&book.text("out/2026-10/summary.json")).expect("JSON");
    let mut residues: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in summary["rounding_residue"].as_array().expect("a list") {
        let text = |key: &str| row[key].as_str().expect("text").to_string();
        residues.insert(text("contract_id"), d(&text("residue")));
    }
    for vector in vectors {
        let contract = format!("K-{}", vector.id);
        let residue = ExactSum::of(residues.remove(&contract).unwrap_or_default());
        let before = billed.remove(&contract).expect("billed").minus(residue).expect("fits");
        assert_eq!(before, ExactSum::of(vector.expected), "{vector:?}");
    }
    assert!(residues.is_empty() && billed.is_empty(), "{residues:?} {billed:?}");
}

#[test]
fn every_vector_gives_its_amount() {
    for vector in vectors() {
        let rated = rate(d(&vector.quantity), &vector.terms(), Share::WHOLE).expect("priced");
        let before = ExactSum::of(rated.amount).minus(rated.residue).expect("fits");
        // The minimum comes after rounding, and its shortfall is billed beside the amount.
        let mut total = before;
        if let Some(minimum) = &rated.derivation.minimum {
            total = ExactSum::of(minimum.minimum_amount);
        }
        assert_eq!(total, ExactSum::of(vector.expected), "{vector:?}");
    }
}

#[test]
fn every_vector_is_billed_at_its_contract_quantity() {
    let vectors = vectors();
    assert_billed(&book(&vectors, |v| v.quantity.clone()), &vectors);
}

#[test]
fn every_vector_is_billed_at_what_was_metered() {
    let vectors = vectors();
    let book = book(&vectors, |_| "3".to_string());
    let mut usage = "provider_name,sub_account_id,sku_id,charge_period_start,charge_period_end,quantity\n".to_string();
    let mut skus = "provider_name,sku_id,product_code\n".to_string();
    for Vector { id, quantity, .. } in &vectors {
        writeln!(usage, "Northstar,ns-1,S-{id},2026-10-01,2026-11-01,{quantity}").expect("text");
        writeln!(skus, "Northstar,S-{id},P-{id}").expect("text");
    }
    book.put("usage/2026-10/northstar.csv", usage);
    book.put("map/accounts.csv", "provider_name,sub_account_id,client_id\nNorthstar,ns-1,C1\n");
    book.put("map/products.csv", skus);
    assert_billed(&book, &vectors);
}

const BILLED: [&str; 7] =
    ["contract_line_id", "kind", "metered_quantity", "quantity", "unit_price", "amount", "description"];

/// The summary's list of a name.
fn listed(book: &Book, name: &str) -> serde_json::Value {
    let summary: serde_json::Value = serde_json::from_str(&book.text("out/2026-10/summary.json")).expect("JSON");
    summary[name].clone()
}

/// F14: the plan includes 1,000 GB at a base price, and what is beyond them is billed by the GB. The quantity to
/// keep in the PSA is the total, not the overage.
#[test]
fn included_units_and_overage_are_told_apart() {
    let book = Book::new();
    book.put(
        "psa/contract_lines.csv",
        "contract_line_id,contract_id,product_code,quantity,included_quantity,unit_price,effective_date\n\
         L1,K1,EDR,1100,1000,0.20,2025-01-01\n\
         L2,K1,MAIL,20,,4.00,2025-01-01\n\
         L3,K2,EDR,6,6,0.20,2025-01-01\n",
    );
    book.edit("usage/2026-10/northstar.csv", ",10,2.00,20.00,", ",1250,0.01,12.50,");
    book.reconcile();
    assert_eq!(
        book.columns("invoice_lines.csv", &BILLED[..6]),
        ["L1|recurring|1250|250|0.2|50.00", "L2|recurring|20|20|4|80.00", "L3|recurring|6|0|0.2|0.00"]
    );
    let changes = book.columns("quantity_changes.csv", &["contract_line_id", "old_quantity", "new_quantity"]);
    assert_eq!(changes, ["L1|1100|1250"]);
    let impact = book.columns("discrepancies.csv", &["code", "contract_line_id", "difference", "impact"]);
    assert_eq!(impact[0], "R401|L1|150|30.00");
    // Wholly included usage is covered, not lost.
    let covered = book.columns("controls.csv", &["source", "billed_rows", "covered_rows"]);
    assert_eq!(covered[0], "usage/2026-10/northstar.csv|1|1");
}

/// F21: a contract in dollars whose vendor bills in euro has no margin until a rate is stated, and then shows it.
#[test]
fn currencies_are_never_mixed_and_a_stated_rate_is_shown() {
    let book = Book::new();
    book.edit("usage/2026-10/postline.csv", "1.50,30.00,USD", "1.50,30.00,EUR");
    book.reconcile();
    let line = |book: &Book| {
        book.columns("invoice_lines.csv", &["amount", "currency", "cost", "margin", "description"]).swap_remove(1)
    };
    assert_eq!(line(&book), "80.00|USD|||Hosted mailbox");
    let code = book.columns("discrepancies.csv", &["code", "contract_line_id", "action"]);
    assert_eq!(code, ["R410|L2|state-rate"]);
    book.put("trueup.toml", "[fx.\"2026-10\"]\n\"EUR/USD\" = \"1.0825\"\n");
    book.reconcile();
    assert_eq!(line(&book), "80.00|USD|32.48|47.52|Hosted mailbox (cost at EUR/USD 1.0825)");
    assert!(book.rows("discrepancies.csv").iter().all(|row| value(row, "code") != "R410"));
    // Another month's rate is not this month's.
    book.edit("trueup.toml", "2026-10", "2026-09");
    book.reconcile();
    assert_eq!(line(&book), "80.00|USD|||Hosted mailbox");
}

/// F24: the PSA takes whole units only. What is billed and what is to be changed there is whole, what was used
/// stands beside it, and the fraction's money is in the residue.
#[test]
fn a_fraction_of_a_unit_is_billed_by_the_products_rule() {
    for (rule, used, quantity, changed, fraction) in [
        ("no", "10.4", "10.4", &["10|10.4"][..], None),
        ("up", "10.4", "11", &["10|11"], Some("3.00")),
        ("down", "10.4", "10", &[], Some("-2.00")),
        ("nearest", "10.4", "10", &[], Some("-2.00")),
        ("nearest", "10.5", "11", &["10|11"], Some("2.50")),
        ("up", "11", "11", &["10|11"], None),
    ] {
        let book = Book::new();
        book.edit("psa/products.csv", "unit_price,unit_cost\n", "unit_price,unit_cost,whole_units\n");
        book.edit("psa/products.csv", "5.00,2.00\n", &format!("5.00,2.00,{rule}\n"));
        book.edit("psa/products.csv", "4.00,1.50\n", "4.00,1.50,\n");
        book.edit("usage/2026-10/northstar.csv", "2026-11-01,10,2.00,20.00", &format!("2026-11-01,{used},2.00,20.80"));
        book.reconcile();
        let billed = book.columns("invoice_lines.csv", &["metered_quantity", "quantity"]);
        assert_eq!(billed[0], format!("{used}|{quantity}"), "{rule} {used}");
        let changes = book.columns("quantity_changes.csv", &["old_quantity", "new_quantity"]);
        assert_eq!(changes, changed, "{rule} {used}");
        let residues = listed(&book, "rounding_residue");
        let residue = residues.as_array().expect("a list").first();
        assert_eq!(residue.and_then(|r| r["whole_units"].as_str()), fraction, "{rule} {used}");
        assert_eq!(residue.and_then(|r| r["residue"].as_str()), fraction, "{rule} {used}");
    }
}

/// The total is made whole first: bounds and included units are then taken from whole units.
#[test]
fn units_are_made_whole_before_bounds_and_included_units() {
    let book = Book::new();
    book.edit("psa/products.csv", "unit_price,unit_cost\n", "unit_price,unit_cost,whole_units\n");
    book.edit("psa/products.csv", "5.00,2.00\n", "5.00,2.00,up\n");
    book.edit("psa/products.csv", "4.00,1.50\n", "4.00,1.50,\n");
    book.put(
        "psa/contract_lines.csv",
        "contract_line_id,contract_id,product_code,quantity,unit_price,included_quantity,maximum_quantity\n\
         L1,K1,EDR,10,5.00,2.5,12\n\
         L2,K1,MAIL,20,4.00,,\n\
         L3,K2,EDR,6,5.00,,\n",
    );
    book.edit("usage/2026-10/northstar.csv", "2026-11-01,10,2.00,20.00", "2026-11-01,11.2,2.00,22.40");
    book.reconcile();
    // 11.2 → 12, 2.5 of them included: 9.5 at 5.00, where 8.7 were used beyond the included.
    assert_eq!(book.columns("invoice_lines.csv", &BILLED[..6])[0], "L1|recurring|11.2|9.5|5|47.50");
    let residues = listed(&book, "rounding_residue");
    assert_eq!(residues[0]["whole_units"], "4.00");
}

/// F28: each line is rounded by itself, and what that adds to an invoice is stated; how the vendor rounds is
/// read off its own file.
#[test]
fn what_rounding_adds_on_either_side_is_stated() {
    let book = Book::new();
    book.edit("psa/contract_lines.csv", "EDR,10,5.00", "EDR,10,5.00049");
    book.edit("psa/contract_lines.csv", "MAIL,20,4.00", "MAIL,20,4.00025");
    book.edit("psa/contract_lines.csv", "EDR,6,5.00", "EDR,6,5.001");
    book.put(
        "usage/2026-10/postline.csv",
        "provider_name,sub_account_id,sub_account_name,sku_id,charge_description,charge_period_start,\
         charge_period_end,quantity,unit_cost,cost,currency\n\
         Postline,pl-1,Northwind Bakery,PL-BOX,Mailbox,2026-10-01,2026-11-01,13,1.115,14.49,USD\n\
         Postline,pl-1,Northwind Bakery,PL-BOX,Mailbox,2026-10-01,2026-11-01,3,1.115,3.34,USD\n\
         Postline,pl-1,Northwind Bakery,PL-BOX,Mailbox,2026-10-01,2026-11-01,4,1.115,5.00,USD\n",
    );
    book.reconcile();
    assert_eq!(book.columns("invoice_lines.csv", &["amount"]), ["50.00", "80.01", "30.01"]);
    let residues = listed(&book, "rounding_residue");
    let residues: Vec<String> = residues
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| {
            ["client_id", "contract_id", "currency", "residue", "whole_units"]
                .map(|k| r[k].as_str().expect("text"))
                .join(" ")
        })
        .collect();
    // 50.00 − 50.0049 + 80.01 − 80.005, and 30.01 − 30.006
    assert_eq!(residues, ["C1 K1 USD 0.0001 0.00", "C2 K2 USD 0.004 0.00"]);
    let vendors = listed(&book, "vendor_rounding");
    // 14.495 and 3.345 are cut off; 4 × 1.115 is 4.46, and no rounding makes 5.00 of it.
    let expected = serde_json::json!([{
        "source": "usage/2026-10/postline.csv", "currency": "USD", "rows": 3, "rounding": "down", "explained": 2,
        "unexplained": 1, "difference": "0.54", "residue": "0.53",
    }]);
    assert_eq!(vendors, expected);
}

/// Where no unit price says it all, the line says what its amount is made of.
#[test]
fn a_line_without_a_unit_price_says_its_slices() {
    let book = Book::new();
    book.put(
        "psa/contract_lines.csv",
        "contract_line_id,contract_id,product_code,quantity,pricing_model,unit_price,package_size,minimum_amount,\
         discount_percent,effective_date\n\
         L1,K1,EDR,10,graduated,,,,10,2025-01-01\n\
         L2,K1,MAIL,20,package,12.50,8,50,,2025-01-01\n\
         L3,K2,EDR,6,stairstep,,,,,2025-01-01\n",
    );
    book.put(
        "psa/price_tiers.csv",
        "contract_line_id,up_to,unit_price,flat_amount\nL1,4,5.00,\nL1,,4.00,2\nL3,5,,10\nL3,,,25\n",
    );
    book.reconcile();
    assert_eq!(
        book.columns("invoice_lines.csv", &BILLED),
        [
            "L1|recurring|10|10||41.40|Endpoint protection: 4 at 5.00 = 20.00, 6 at 4.00 and 2.00 = 26.00; less 10 %",
            "L2|recurring|20|20||37.50|Hosted mailbox: 3 × 8 at 12.50 = 37.50",
            "L2|minimum||1|12.5|12.50|Hosted mailbox: shortfall to the minimum of 50.00",
            "L3|recurring|6|6||25.00|Endpoint protection: 25.00 for 6",
        ]
    );
}
