//! Bundles, commitments, disputes and what disappears: small books through the built program, each against
//! quantities and amounts worked out by hand.

mod support;

use support::{Book, value};

/// What a book of these tests says beside the usual.
#[derive(Clone, Copy)]
struct Small<'a> {
    /// product_code,unit_price,unit_cost
    products: &'a str,
    /// contract_line_id,product_code,quantity,unit_price and then what `more` names
    lines: &'a str,
    /// Further columns of contract lines.
    more: &'a str,
    bundles: &'a str,
    /// sku_id,quantity,cost, of vendor Northstar and client C1
    usage: &'a str,
    config: &'a str,
}

const PLAIN: Small<'static> = Small {
    products: "SEAT,50.00,20.00\nEDR,5.00,2.00\nMAIL,4.00,1.50\nBAK,,3.00\nNOTE,1.00,\n",
    lines: "",
    more: "",
    bundles: "",
    usage: "",
    config: "",
};

/// Client C1 with contract K1; SKUs of vendor Northstar have the codes of their products, but for SEAT, which no
/// vendor sells.
fn book(of: Small<'_>) -> Book {
    let book = Book::empty();
    book.put("psa/clients.csv", "client_id,name,currency\nC1,Northwind Bakery,USD\n");
    book.put("psa/contracts.csv", "contract_id,client_id,name,start_date,currency\nK1,C1,Care,2025-01-01,USD\n");
    let products: String =
        of.products.lines().map(|l| format!("{l},Name of {}\n", l.split(',').next().unwrap_or(""))).collect();
    book.put("psa/products.csv", format!("product_code,unit_price,unit_cost,name\n{products}"));
    let lines: String = of.lines.lines().map(|l| format!("K1,{l}\n")).collect();
    let heading = format!("contract_id,contract_line_id,product_code,quantity,unit_price{}\n", of.more);
    book.put("psa/contract_lines.csv", heading + &lines);
    book.put("map/accounts.csv", "provider_name,sub_account_id,client_id\nNorthstar,ns-1,C1\n");
    book.put(
        "map/products.csv",
        "provider_name,sku_id,product_code\nNorthstar,EDR,EDR\nNorthstar,MAIL,MAIL\nNorthstar,BAK,BAK\n",
    );
    if !of.bundles.is_empty() {
        book.put("map/bundles.csv", format!("bundle_code,component_code,quantity_per_bundle,driver\n{}", of.bundles));
    }
    if !of.config.is_empty() {
        book.put("trueup.toml", of.config);
    }
    book.put("usage/2026-10/northstar.csv", usage(of.usage, "2026-10-01", "2026-11-01"));
    book
}

/// Rows of sku_id,quantity,cost,term,metric, of which all but the first two may be left out.
fn usage(rows: &str, start: &str, end: &str) -> String {
    let mut text = "provider_name,sub_account_id,charge_period_start,charge_period_end,currency,sku_id,quantity,cost,\
                    term,metric,unit_cost\n"
        .to_string();
    for row in rows.lines() {
        let commas = ",".repeat(5 - row.matches(',').count());
        text += &format!("Northstar,ns-1,{start},{end},USD,{row}{commas}\n");
    }
    text
}

fn run(book: &Book) {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for row in book.rows("controls.csv") {
        assert_eq!(value(&row, "balanced"), "true");
    }
}

/// `R412 EDR 10 12 2 10.00 client`: code, product, contract, metered, difference, impact, who owes it; sorted.
fn said(book: &Book) -> Vec<String> {
    let columns = ["code", "product_code", "contract_quantity", "metered_quantity", "difference", "impact", "owed_by"];
    let mut said = book.columns("discrepancies.csv", &columns);
    said.iter_mut()
        .for_each(|s| *s = s.split('|').map(|c| if c.is_empty() { "-" } else { c }).collect::<Vec<_>>().join(" "));
    said.sort();
    said
}

/// `B1 10 500.00 ready`, or with its product in place of the line where it has none; sorted.
fn billed(book: &Book) -> Vec<String> {
    let mut billed: Vec<String> = book
        .rows("invoice_lines.csv")
        .iter()
        .map(|r| {
            let v = |c| value(r, c);
            let line = if v("contract_line_id").is_empty() { v("product_code") } else { v("contract_line_id") };
            format!("{line} {} {} {}", v("quantity"), v("amount"), v("status"))
        })
        .collect();
    billed.sort();
    billed
}

/// Rows in the buckets billed, covered and unbilled.
fn buckets(book: &Book) -> String {
    book.columns("controls.csv", &["billed_rows", "covered_rows", "unbilled_rows"]).join(";")
}

const ONE_OF_EACH: &str = "SEAT,EDR,1,\nSEAT,MAIL,1,\n";

#[test]
fn components_inside_the_bundle_are_covered_and_cost_what_the_bundle_costs() {
    let book = book(Small {
        lines: "B1,SEAT,10,50.00\n",
        bundles: ONE_OF_EACH,
        usage: "EDR,10,20.00\nMAIL,10,15.00\n",
        ..PLAIN
    });
    run(&book);
    assert_eq!((said(&book), billed(&book)), (vec![], vec!["B1 10 500.00 ready".to_string()]));
    assert_eq!((book.verdict().as_str(), buckets(&book).as_str()), ("run|ok|", "0|2|0"));
    // 20.00 + 15.00, not the 200.00 of the catalogue.
    assert_eq!(book.columns("invoice_lines.csv", &["cost", "margin"]), ["35.00|465.00"]);
}

/// Lines, bundles and usage; then the discrepancies, the lines billed and the buckets.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], &'a [&'a str], &'a str);

fn hold(cases: &[Case<'_>]) {
    for (lines, bundles, usage, discrepancies, items, rows) in cases {
        let more = match lines.lines().next().map_or(0, |l| l.matches(',').count()) {
            3 => "",
            _ if lines.contains("2026") => ",cancelled_date",
            _ => ",billing",
        };
        let book = book(Small { lines, more, bundles, usage, ..PLAIN });
        run(&book);
        let case = format!("{lines}{bundles}{usage}");
        assert_eq!((said(&book), billed(&book)), (strings(discrepancies), strings(items)), "{case}");
        assert_eq!(buckets(&book), *rows, "{case}");
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Ten bundles at 50.00, each of one agent and one mailbox.
#[test]
fn what_a_contract_says_of_bundles_is_held_against_their_components() {
    let ten = "B1,SEAT,10,50.00\n";
    let and_five = "B1,SEAT,10,50.00\nO1,EDR,5,5.00\n";
    hold(&[
        // 2 × 5.00 at the catalogue price of the component.
        (ten, ONE_OF_EACH, "EDR,12,\nMAIL,10,\n", &["R412 EDR 10 12 2 10.00 client"], &["B1 10 500.00 ready"], "0|1|1"),
        // Every bundle is used for its mailbox: none can be dropped.
        (ten, ONE_OF_EACH, "EDR,7,\nMAIL,10,\n", &["R413 SEAT 10 10 0 0.00 msp"], &["B1 10 500.00 ready"], "0|2|0"),
        // Two are used for nothing: 2 × 50.00.
        (ten, ONE_OF_EACH, "EDR,7,\nMAIL,8,\n", &["R413 SEAT 10 8 -2 100.00 msp"], &["B1 10 500.00 ready"], "0|2|0"),
        // What a bundle does not cover goes to the component's own line.
        (and_five, ONE_OF_EACH, "EDR,15,\nMAIL,10,\n", &[], &["B1 10 500.00 ready", "O1 5 25.00 ready"], "1|1|0"),
        (
            and_five,
            ONE_OF_EACH,
            "EDR,17,\nMAIL,10,\n",
            &["R401 EDR 5 7 2 10.00 client"],
            &["B1 10 500.00 ready", "O1 7 35.00 review"],
            "1|1|0",
        ),
        (
            and_five,
            ONE_OF_EACH,
            "EDR,10,\nMAIL,10,\n",
            &["R404 EDR 5 0 -5 25.00 msp"],
            &["B1 10 500.00 ready", "O1 0 0.00 review"],
            "0|2|0",
        ),
        // A component without a price: the two above fifty take one bundle more.
        (ten, "SEAT,BAK,5,\n", "BAK,52,\n", &["R412 BAK 50 52 2 50.00 client"], &["B1 10 500.00 ready"], "0|0|1"),
        // Half a unit in each of ten bundles.
        (ten, "SEAT,EDR,0.5,\n", "EDR,6,\n", &["R412 EDR 5 6 1 5.00 client"], &["B1 10 500.00 ready"], "0|0|1"),
        // A bundle that ended covers nothing.
        (
            "B1,SEAT,10,50.00,2026-08-31\n",
            "SEAT,EDR,1,\n",
            "EDR,17,\n",
            &["R403 EDR - 17 17 85.00 client"],
            &[],
            "0|0|1",
        ),
        // Nobody has bundles: the table alone covers nothing.
        ("O1,EDR,5,5.00\n", ONE_OF_EACH, "EDR,5,\n", &[], &["O1 5 25.00 ready"], "1|0|0"),
        // Nobody meters the only component.
        (ten, "SEAT,NOTE,1,\n", "EDR,1,\n", &["R403 EDR - 1 1 5.00 client"], &["B1 10 500.00 ready"], "0|0|1"),
    ]);
}

/// The drivers say how many bundles there are; ten at 50.00 are on contract.
#[test]
fn a_driver_meters_its_bundle_and_several_add_up() {
    let ten = "B1,SEAT,10,50.00\n";
    let two_boxes = "SEAT,EDR,1,yes\nSEAT,MAIL,2,\n";
    let both = "SEAT,EDR,1,yes\nSEAT,MAIL,1,yes\n";
    hold(&[
        (ten, two_boxes, "EDR,10,\nMAIL,17,\n", &[], &["B1 10 500.00 ready"], "0|2|0"),
        // Twelve bundles cover 24 mailboxes; one more is 4.00.
        (
            ten,
            two_boxes,
            "EDR,12,\nMAIL,25,\n",
            &["R401 SEAT 10 12 2 100.00 client", "R412 MAIL 24 25 1 4.00 client"],
            &["B1 12 600.00 review"],
            "0|1|1",
        ),
        (ten, two_boxes, "EDR,8,\nMAIL,15,\n", &["R402 SEAT 10 8 -2 100.00 msp"], &["B1 8 400.00 review"], "0|2|0"),
        (
            ten,
            "SEAT,EDR,1,yes\n",
            "MAIL,1,\n",
            &["R403 MAIL - 1 1 4.00 client", "R404 SEAT 10 0 -10 500.00 msp"],
            &["B1 0 0.00 review"],
            "0|0|1",
        ),
        (ten, both, "EDR,8,\nMAIL,2,\n", &[], &["B1 10 500.00 ready"], "0|2|0"),
        (ten, both, "EDR,8,\nMAIL,5,\n", &["R401 SEAT 10 13 3 150.00 client"], &["B1 13 650.00 review"], "0|2|0"),
        // Five agents to a bundle: twelve are three bundles. 2 thirds, three times, are two bundles.
        ("B1,SEAT,3,50.00\n", "SEAT,EDR,5,yes\n", "EDR,12,\n", &[], &["B1 3 150.00 ready"], "0|1|0"),
        (
            "B1,SEAT,2,50.00\n",
            "SEAT,EDR,3,yes\nSEAT,MAIL,3,yes\nSEAT,BAK,3,yes\n",
            "EDR,2,\nMAIL,2,\nBAK,2,\n",
            &[],
            &["B1 2 100.00 ready"],
            "0|3|0",
        ),
        // Its own line holds five of the seventeen.
        (
            "B1,SEAT,10,50.00\nO1,EDR,5,5.00\n",
            "SEAT,EDR,1,yes\n",
            "EDR,17,\n",
            &["R401 SEAT 10 12 2 100.00 client"],
            &["B1 12 600.00 review", "O1 5 25.00 ready"],
            "1|0|0",
        ),
        (
            "B1,SEAT,10,50.00\nO1,EDR,5,5.00\n",
            "SEAT,EDR,1,yes\n",
            "EDR,12,\n",
            &["R402 EDR 5 2 -3 15.00 msp"],
            &["B1 10 500.00 ready", "O1 2 10.00 review"],
            "1|0|0",
        ),
        // The bundle ended: its discrepancy carries all that it covered.
        (
            "B1,SEAT,10,50.00,2026-08-31\n",
            "SEAT,EDR,1,yes\nSEAT,MAIL,1,\n",
            "EDR,17,\nMAIL,17,\n",
            &["R405 SEAT 0 17 17 850.00 client"],
            &[],
            "0|0|2",
        ),
        // The contract rules, or what is more: then eight drivers are no discrepancy, and they share ten bundles.
        (
            "B1,SEAT,10,50.00,contract\n",
            both,
            "EDR,8,\nMAIL,5,\n",
            &["R412 MAIL 2 5 3 12.00 client"],
            &["B1 10 500.00 ready"],
            "0|1|1",
        ),
        ("B1,SEAT,10,50.00,greater\n", "SEAT,EDR,1,yes\n", "EDR,8,\n", &[], &["B1 10 500.00 ready"], "0|1|0"),
        (
            "B1,SEAT,10,50.00,greater\n",
            "SEAT,EDR,1,yes\n",
            "EDR,12,\n",
            &["R401 SEAT 10 12 2 100.00 client"],
            &["B1 12 600.00 review"],
            "0|1|0",
        ),
    ]);
}
