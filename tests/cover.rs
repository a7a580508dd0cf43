//! Bundles, commitments, disputes and what disappears: small books through the built program, each against
//! quantities and amounts worked out by hand.

mod support;

use std::fmt::Write as _;

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
    let mut products = String::new();
    for row in of.products.lines() {
        let _ = writeln!(products, "{row},Name of {}", row.split(',').next().unwrap_or_default());
    }
    book.put("psa/products.csv", format!("product_code,unit_price,unit_cost,name\n{products}"));
    let mut lines = String::new();
    for line in of.lines.lines() {
        let _ = writeln!(lines, "K1,{line}");
    }
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
        let _ = writeln!(text, "Northstar,ns-1,{start},{end},USD,{row}{commas}");
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
    for row in &mut said {
        let cells: Vec<&str> = row.split('|').map(|c| if c.is_empty() { "-" } else { c }).collect();
        *row = cells.join(" ");
    }
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

/// Seven of nine units, some of a term: 100.00 × 7/9 and 0.01 × 7/9, and as many times 2/9, none of which ends.
#[test]
fn a_cost_whose_share_does_not_end_is_shared_all_the_same() {
    let book = book(Small {
        lines: "B1,SEAT,7,50.00\nL1,EDR,2,5.00\n",
        bundles: "SEAT,EDR,1,\n",
        usage: "EDR,5,100.00\n",
        ..PLAIN
    });
    book.put(
        "usage/2026-10/terms.csv",
        "provider_name,sub_account_id,sku_id,term,quantity,cost,currency\nNorthstar,ns-1,EDR,P1M,4,0.01,USD\n",
    );
    run(&book);
    assert_eq!(book.columns("invoice_lines.csv", &["contract_line_id", "cost"]), ["B1|77.79", "L1|22.22"]);
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

/// F12: ten bundles at 50.00, each of one agent and one mailbox.
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

/// Ten agents at 5.00 on line O1, a mapping of every metric, and rows of `map/products.csv` beside it.
fn counted(lines: &str, maps: &str, october: &str) -> Book {
    let book = book(Small { lines, usage: october, ..PLAIN });
    let rows = "provider_name,sku_id,metric,product_code,status\nNorthstar,EDR,,EDR,\nNorthstar,MAIL,,MAIL,\n";
    book.put("map/products.csv", format!("{rows}{maps}"));
    book
}

const TEN: &str = "O1,EDR,10,5.00\n";

/// What is charged and what is counted are the same units: they stand once, and only more charged than counted is
/// disputed, at what a unit costs.
#[test]
fn what_a_vendor_charges_above_its_count_is_disputed_and_never_added() {
    let out = "Northstar,EDR,billed,,excluded\n";
    for (maps, usage, discrepancies, cost) in [
        ("", "EDR,10,,,purchased\nEDR,12,24.00,,billed\n", &["R415 EDR 10 10 2 4.00 vendor"][..], "24.00"),
        ("", "EDR,10,20.00,,purchased\nEDR,12,24.00,,billed\n", &["R415 EDR 10 10 2 4.00 vendor"], "24.00"),
        ("", "EDR,10,,,\nEDR,12,24.00,,Invoiced\n", &["R415 EDR 10 10 2 4.00 vendor"], "24.00"),
        // A vendor that charges less than it counts owes nothing.
        ("", "EDR,10,,,purchased\nEDR,8,16.00,,billed\n", &[], "16.00"),
        ("", "EDR,10,,,purchased\nEDR,10,20.00,,charged\n", &[], "20.00"),
        // The count of one metric, not of its parts: 10 used of 10 bought.
        ("Northstar,EDR,used,,excluded\n", "EDR,10,,,purchased\nEDR,9,,,used\nEDR,10,20.00,,billed\n", &[], "20.00"),
        // Left out by a mapping, it is still what is charged.
        (out, "EDR,10,,,purchased\nEDR,12,24.00,,billed\n", &["R415 EDR 10 10 2 4.00 vendor"], "20.00"),
        // Without money the units are known and their worth is not.
        ("", "EDR,10,,,purchased\nEDR,12,,,billed\n", &["R415 EDR 10 10 2 - vendor"], "20.00"),
    ] {
        let book = counted(TEN, maps, usage);
        run(&book);
        assert_eq!((said(&book), billed(&book)), (strings(discrepancies), strings(&["O1 10 50.00 ready"])), "{usage}");
        assert_eq!(book.columns("invoice_lines.csv", &["cost"]), [cost], "{usage}");
        let disputed = book.columns("verdicts.csv", &["scope", "verdict", "impact_dispute"]);
        let worth = if discrepancies.is_empty() {
            "run|ok|0.00"
        } else if cost == "20.00" && maps.is_empty() {
            "run|discrepant|0.00"
        } else {
            "run|discrepant|4.00"
        };
        assert_eq!(disputed[0], worth, "{usage}");
    }
}

/// 43.30 for 13 units, of which 3 are not counted.
#[test]
fn a_unit_cost_that_does_not_end_is_disputed_all_the_same() {
    let book = counted(TEN, "", "EDR,10,,,purchased\nEDR,13,43.30,,billed\n");
    run(&book);
    assert_eq!(said(&book), ["R415 EDR 10 10 3 9.99 vendor"]);
    assert_eq!(book.columns("discrepancies.csv", &["unit_cost"]), ["3.330769230769"]);
}

/// A row that could not be read may be what the count is short of.
#[test]
fn an_incomplete_count_disputes_nothing() {
    let book = counted(TEN, "", "EDR,10,,,purchased\nEDR,12,24.00,,billed\nEDR,1..2,,,purchased\n");
    run(&book);
    assert_eq!(book.columns("discrepancies.csv", &["code"]), ["R419"]);
}

/// An invoice with money and a list of seats without, of one vendor, in two formats.
#[test]
fn two_exports_of_one_vendor_are_not_added_up() {
    for (invoice, seats, discrepancies) in [
        ("EDR,10,20.00,,\n", "ns-1,Bakery,EDR,10\n", &[][..]),
        ("EDR,12,24.00,,\n", "ns-1,Bakery,EDR,10\n", &["R415 EDR 10 10 2 4.00 vendor"]),
        ("EDR,8,16.00,,\n", "ns-1,Bakery,EDR,10\n", &[]),
        // Each of several rows of the list is a seat of its own.
        ("EDR,11,22.00,,\n", "ns-1,Bakery,EDR,4\nns-1,Bakery,EDR,6\n", &["R415 EDR 10 10 1 2.00 vendor"]),
        // What only one of them knows is counted as it stands.
        ("EDR,10,20.00,,\nMAIL,1,,,\n", "ns-1,Bakery,EDR,10\n", &["R403 MAIL - 1 1 4.00 client"]),
    ] {
        let book = counted(TEN, "", invoice);
        let mut list = String::new();
        for seat in seats.lines() {
            let _ = writeln!(list, "Northstar,{seat}");
        }
        book.put("usage/2026-10/seats.csv", format!("Vendor,Account ID,Account Name,SKU,Seats\n{list}"));
        run(&book);
        assert_eq!(said(&book), strings(discrepancies), "{invoice}{seats}");
        assert!(billed(&book).contains(&"O1 10 50.00 ready".to_string()), "{invoice}{seats}");
    }
}

/// F11: one mapping takes every count of a SKU: the whole is metered, and never its parts with it. Counts of different things
/// add up.
#[test]
fn a_whole_is_metered_and_never_its_parts_with_it() {
    for (usage, discrepancies, item, said_so) in [
        ("EDR,10,,,purchased\nEDR,8,,,assigned\n", &[][..], "O1 10 50.00 ready", true),
        (
            "EDR,12,,,total\nEDR,8,,,assigned\nEDR,4,,,spare\n",
            &["R401 EDR 10 12 2 10.00 client"],
            "O1 12 60.00 review",
            true,
        ),
        ("EDR,10,20.00,,billed\nEDR,10,,,purchased\nEDR,8,,,assigned\n", &[], "O1 10 50.00 ready", true),
        ("EDR,6,,,servers\nEDR,4,,,workstations\n", &[], "O1 10 50.00 ready", false),
    ] {
        let book = counted(TEN, "", usage);
        let ran = book.reconcile();
        assert_eq!((said(&book), billed(&book)), (strings(discrepancies), strings(&[item])), "{usage}");
        assert_eq!(ran.stderr.contains("is what is metered"), said_so, "{usage}{}", ran.stderr);
        assert_eq!(book.columns("controls.csv", &["billed_rows"]), [usage.lines().count().to_string()]);
    }
}

/// Two lists that both have no money cannot be told from one another.
#[test]
fn two_lists_without_money_are_added_up_and_said() {
    let book = counted(TEN, "", "EDR,4,,,\n");
    book.put("usage/2026-10/seats.csv", "Vendor,Account ID,SKU,Seats\nNorthstar,ns-1,EDR,6\n");
    let ran = book.reconcile();
    assert_eq!((said(&book), billed(&book)), (vec![], strings(&["O1 10 50.00 ready"])));
    assert!(
        ran.stderr.contains("[M306 total-and-part-mapped]") && ran.stderr.contains("generic and trueup-usage"),
        "{}",
        ran.stderr
    );
}

/// F13, F18: ten seats bought for a year at 2.00 a month; the contract bills what is assigned.
#[test]
fn a_term_charges_on_whatever_is_used() {
    let out = "Northstar,EDR,purchased,,excluded\n";
    let term = |term: &str, used: u32| format!("EDR,10,20.00,{term},purchased\nEDR,{used},,{term},assigned\n");
    for (lines, usage, discrepancies, item) in [
        // Nothing is given back before the term ends.
        (TEN, term("P1Y", 7), &["R414 EDR 10 7 -3 0.00 -"][..], "O1 10 50.00 ready"),
        (TEN, term("P3Y", 0), &["R414 EDR 10 0 -10 0.00 -"], "O1 10 50.00 ready"),
        // The contract fell with the use: 3 × 2.00 are paid for and not billed.
        ("O1,EDR,7,5.00\n", term("P1Y", 7), &["R414 EDR 7 7 0 6.00 -"], "O1 7 35.00 ready"),
        // Half way: 8 are billed until the term ends, 2 × 2.00 are not.
        ("O1,EDR,8,5.00\n", term("P1Y", 7), &["R414 EDR 8 7 -1 4.00 -"], "O1 8 40.00 ready"),
        // Two above what the vendor charges: 2 × 5.00 go back.
        (
            "O1,EDR,12,5.00\n",
            term("P1Y", 7),
            &["R402 EDR 12 7 -5 10.00 msp", "R414 EDR 12 7 -5 0.00 -"],
            "O1 10 50.00 review",
        ),
        // A month's term can be reduced.
        (TEN, term("P1M", 7), &["R402 EDR 10 7 -3 15.00 msp"], "O1 7 35.00 review"),
        (TEN, term("P1Y", 10), &[], "O1 10 50.00 ready"),
        ("O1,EDR,11,5.00\n", term("P1Y", 11), &[], "O1 11 55.00 ready"),
        // Charged by the invoice, used by the count, for a year.
        (
            TEN,
            "EDR,10,20.00,P1Y,billed\nEDR,7,,P1Y,assigned\n".to_string(),
            &["R414 EDR 10 7 -3 0.00 -"],
            "O1 10 50.00 ready",
        ),
    ] {
        let book = counted(lines, out, &usage);
        run(&book);
        assert_eq!((said(&book), billed(&book)), (strings(discrepancies), strings(&[item])), "{lines}{usage}");
    }
    // What is bought is what is metered: then what is billed too little is the client's to pay.
    let book = counted("O1,EDR,8,5.00\n", "Northstar,EDR,assigned,,excluded\n", &term("P1Y", 7));
    run(&book);
    assert_eq!(said(&book), ["R401 EDR 8 10 2 10.00 client"]);
}

fn disappears(lines: &str, september: &str, october: &str) -> Book {
    let book = counted(lines, "", october);
    book.put("psa/clients.csv", "client_id,name,currency\nC1,Northwind Bakery,USD\nC2,Harbor Dental,USD\n");
    book.append("map/accounts.csv", "Northstar,ns-2,C2\n");
    book.append("usage/2026-10/northstar.csv", "Northstar,ns-2,2026-10-01,2026-11-01,USD,NONE,1,,,,\n");
    book.put("usage/2026-09/northstar.csv", usage(september, "2026-09-01", "2026-10-01"));
    book
}

#[test]
fn what_was_there_last_month_and_is_gone_is_asked_for_once() {
    for (lines, september, october, discrepancies) in [
        // The whole account: is the export whole? The line asks for its money.
        (TEN, "EDR,10\n", "", &["R404 EDR 10 0 -10 50.00 msp", "R411 EDR - - - - -"][..]),
        (TEN, "EDR,10\nMAIL,2\n", "", &["R404 EDR 10 0 -10 50.00 msp", "R411 - - - - - -"]),
        ("O1,BAK,0,1.00\n", "EDR,10\n", "", &["R411 EDR - - - - -"]),
        // The account is there: its line asks, or nothing else does.
        (TEN, "EDR,10\nMAIL,2\n", "MAIL,2\n", &["R403 MAIL - 2 2 8.00 client", "R404 EDR 10 0 -10 50.00 msp"]),
        (TEN, "EDR,10\nMAIL,2\n", "EDR,10\n", &["R411 MAIL - - - - -"]),
        (TEN, "EDR,10\n", "EDR,10\n", &[]),
        // Bought and given back in September; never there.
        (TEN, "EDR,10\nMAIL,2\nMAIL,-2\n", "EDR,10\n", &[]),
        (TEN, "", "EDR,10\n", &[]),
    ] {
        let book = disappears(lines, september, october);
        run(&book);
        assert_eq!(said(&book), strings(discrepancies), "{lines}{september}{october}");
    }
}

#[test]
fn nothing_disappeared_from_an_export_that_is_not_there_or_not_whole() {
    let book = disappears(TEN, "EDR,10\nMAIL,2\n", "EDR,10\n");
    book.append("usage/2026-10/northstar.csv", "Northstar,ns-1,2026-10-01,2026-11-01,USD,MAIL,1..2,,,,\n");
    run(&book);
    assert_eq!(said(&book), NOTHING);
    book.remove("usage/2026-10/northstar.csv");
    run(&book);
    assert_eq!(book.columns("discrepancies.csv", &["code"]), ["R416"]);
}

const NOTHING: [&str; 0] = [];

/// Three seats for a year from September, 633.60 paid at once: 52.80 a month, 17.60 a seat.
#[test]
fn a_year_paid_up_front_costs_its_part_in_every_month() {
    for (price, known, discrepancies) in [
        ("20.00", "17.60", &[][..]),
        ("20.00", "16.60", &["R408 EDR 3 3 0 3.00 -"]),
        // 3 × (17.60 − 17.00).
        ("17.00", "17.60", &["R407 EDR 3 3 0 1.80 -"]),
    ] {
        let line = format!("O1,EDR,3,{price}\n");
        let products = format!("EDR,5.00,{known}\n");
        let book = book(Small { lines: &line, products: &products, usage: "", ..PLAIN });
        book.put("usage/2026-09/year.csv", usage("EDR,3,633.60,P1Y,,211.20\n", "2026-09-15", "2027-09-15"));
        // Northstar's export of October is there.
        book.append("map/accounts.csv", "Northstar,other,C1\n");
        book.append("usage/2026-10/northstar.csv", "Northstar,other,2026-10-01,2026-11-01,USD,NONE,0,,,,\n");
        for period in ["2026-09", "2026-10", "2027-08"] {
            assert_eq!(book.run(&["reconcile", "--period", period]).code, Some(0));
            let rows = |name: &str, columns: &[&str]| {
                let text = book.text(&format!("out/{period}/{name}"));
                let mut reader = csv::Reader::from_reader(text.as_bytes());
                let header = reader.headers().expect("a header").clone();
                let at = |c: &&str| header.iter().position(|h| h == *c).expect("a column");
                let rows = reader.records().map(|r| r.expect("CSV"));
                rows.map(|r| columns.iter().map(|c| r[at(c)].to_string()).collect::<Vec<_>>().join("|"))
                    .collect::<Vec<_>>()
            };
            let cost = rows("invoice_lines.csv", &["quantity", "unit_cost", "cost"]);
            assert_eq!(cost, ["3|17.6|52.80"], "{period}");
            let codes: Vec<&str> = discrepancies.iter().map(|d| &d[..4]).collect();
            let found = rows("discrepancies.csv", &["code"]);
            assert_eq!(found.iter().filter(|c| *c != "R416").collect::<Vec<_>>(), codes, "{period} {price} {known}");
        }
        run(&book);
        assert_eq!(said(&book), strings(discrepancies));
    }
}

/// A price for the year, charged a month at a time, is a twelfth: 211.20 ÷ 12 = 17.60.
#[test]
fn a_price_of_a_year_charged_by_the_month_is_a_twelfth() {
    for (row, discrepancies) in [
        ("EDR,3,52.80,P1Y,,211.20\n", &[][..]),
        ("EDR,3,52.80,P1Y,,17.60\n", &[]),
        ("EDR,3,633.60,P1M,,211.20\n", &["R407 EDR 3 3 0 573.60 -", "R408 EDR 3 3 0 580.80 -"]),
    ] {
        let book = book(Small { lines: "O1,EDR,3,20.00\n", products: "EDR,5.00,17.60\n", usage: row, ..PLAIN });
        run(&book);
        assert_eq!(said(&book), strings(discrepancies), "{row}");
    }
}

#[test]
fn what_is_over_a_bundle_is_billed_once_it_is_accepted() {
    let book = book(Small { lines: "B1,SEAT,10,50.00\n", bundles: ONE_OF_EACH, usage: "EDR,12,\nMAIL,10,\n", ..PLAIN });
    run(&book);
    let id = book.columns("discrepancies.csv", &["discrepancy_id"]).concat();
    book.put("decisions.csv", format!("discrepancy_id,decision\n{id},accept\n"));
    run(&book);
    assert_eq!(billed(&book), ["B1 10 500.00 ready", "EDR 2 10.00 ready"]);
    assert_eq!((book.verdict().as_str(), buckets(&book).as_str()), ("run|ok|", "1|1|0"));
}

/// Mailboxes come from a vendor whose export is missing: how many bundles are used is not known.
#[test]
fn a_component_that_nobody_supplied_leaves_its_bundle_open() {
    for (bundles, discrepancies, item) in [
        (ONE_OF_EACH, &["R416 SEAT 10 - - - -"][..], "B1 10 500.00 review"),
        // The driver's export is there, the other's is not.
        ("SEAT,EDR,1,yes\nSEAT,MAIL,1,\n", &["R402 SEAT 10 7 -3 150.00 msp"], "B1 7 350.00 review"),
        // The driver's own export is missing.
        ("SEAT,EDR,1,\nSEAT,MAIL,1,yes\n", &["R416 SEAT 10 - - - -"], "B1 10 500.00 review"),
        // Both drive, and one is known to be short.
        ("SEAT,EDR,1,yes\nSEAT,MAIL,1,yes\n", &["R416 SEAT 10 7 -3 - -"], "B1 10 500.00 review"),
    ] {
        let book = book(Small { lines: "B1,SEAT,10,50.00\n", bundles, usage: "EDR,7,\n", ..PLAIN });
        book.edit("map/products.csv", "Northstar,MAIL,MAIL", "Postline,MAIL,MAIL");
        run(&book);
        assert_eq!((said(&book), billed(&book)), (strings(discrepancies), strings(&[item])), "{bundles}");
    }
}

#[test]
fn a_row_of_bundles_that_cannot_be_used_is_named_and_concludes_nothing_from_less() {
    let bundles = "SEAT,EDR,1,\nSEAT,NONE,1,\n";
    for (used, discrepancies) in [("EDR,10,\n", &[][..]), ("EDR,7,\n", &["R416 SEAT 10 - - - -"])] {
        let book = book(Small { lines: "B1,SEAT,10,50.00\n", bundles, usage: used, ..PLAIN });
        let ran = book.reconcile();
        assert!(ran.stderr.contains("map/bundles.csv:3: \"NONE\""), "{}", ran.stderr);
        assert_eq!(said(&book), strings(discrepancies), "{used}");
    }
}

/// Every covered row leads to the bundle's line.
#[test]
fn covered_rows_lead_to_the_line_of_their_bundle() {
    use polars::prelude::{ParquetReader, SerReader};
    let book = book(Small { lines: "B1,SEAT,10,50.00\n", bundles: ONE_OF_EACH, usage: "EDR,10,\nMAIL,10,\n", ..PLAIN });
    run(&book);
    let file = fs_err::File::open(book.path("out/2026-10/lineage.parquet")).expect("lineage").into_file();
    let frame = ParquetReader::new(file).finish().expect("readable");
    let text = |name: &str| -> Vec<String> {
        let column = frame.column(name).expect("a column").str().expect("text");
        column.iter().map(|v| v.unwrap_or_default().to_string()).collect()
    };
    let line = book.columns("invoice_lines.csv", &["line_id"]).concat();
    assert_eq!((text("bucket"), text("line_id")), (strings(&["covered"; 2]), strings(&[line.as_str(); 2])));
}

/// More given back than charged takes nothing of a bundle, and its rows lead to it all the same.
#[test]
fn credits_beyond_what_was_used_lead_to_the_line_of_their_bundle() {
    for (bundles, usage, discrepancies, items) in [
        (
            "SEAT,EDR,1,\nSEAT,MAIL,1,\n",
            "EDR,3,6.00\nEDR,-7,-14.00\nMAIL,10,15.00\n",
            &["R413 SEAT 10 10 0 0.00 msp"][..],
            "B1 10 500.00 ready",
        ),
        ("SEAT,EDR,1,yes\n", "EDR,3,6.00\nEDR,-7,-14.00\n", &["R404 SEAT 10 0 -10 500.00 msp"], "B1 0 0.00 review"),
    ] {
        let book = book(Small { lines: "B1,SEAT,10,50.00\n", bundles, usage, ..PLAIN });
        run(&book);
        assert_eq!((said(&book), billed(&book)), (strings(discrepancies), strings(&[items])), "{usage}");
        let line_id = book.columns("invoice_lines.csv", &["line_id"]).remove(0);
        let read = book.run(&["read", "out/2026-10/lineage.parquet"]);
        assert_eq!(read.stdout.lines().skip(1).filter(|row| row.contains(&line_id)).count(), usage.lines().count());
        assert!(read.stdout.lines().skip(1).all(|row| row.contains("covered")), "{}", read.stdout);
    }
}

/// Twenty units and twenty taken back, under a bundle of a contract that is not active: there is nothing to follow.
#[test]
fn what_comes_to_nothing_under_a_bundle_that_nobody_has_is_covered() {
    let bundles = "SEAT,EDR,0.5,yes\n";
    let book = book(Small { lines: "B1,SEAT,0,50.00\n", bundles, usage: "EDR,20,\nEDR,-20,\n", ..PLAIN });
    book.put("psa/contracts.csv", "contract_id,client_id,name,status,currency\nK1,C1,Care,inactive,USD\n");
    run(&book);
    assert_eq!((said(&book), billed(&book), buckets(&book)), (strings(&[]), strings(&[]), "0|2|0".into()));
}
