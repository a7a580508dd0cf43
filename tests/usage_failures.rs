//! What goes wrong between vendors and contracts, in small exports: one SKU under two terms, units that nobody pays for,
//! the provider's own and trial licences, credits and one-time charges, and invoices that do not say for whom.

mod support;

use std::fmt::Write as _;

use support::Book;

/// Client C1 with these lines (id, product, quantity, price, term), and rows of account id, account name, SKU, quantity,
/// cost, term, charge category.
fn book(lines: &str, usage: &str) -> Book {
    let book = Book::empty();
    book.put("psa/clients.csv", "client_id,name,currency\nC1,Northwind Bakery,USD\n");
    book.put("psa/contracts.csv", "contract_id,client_id,name,start_date,currency\nK1,C1,Care,2025-01-01,USD\n");
    book.put(
        "psa/products.csv",
        "product_code,unit_price,unit_cost,name\nEDR,5.00,2.00,Agent\nMAIL,4.00,1.50,Mailbox\nYEAR,5.00,2.00,Agent a \
         year\n",
    );
    let head = "contract_line_id,product_code,quantity,unit_price,term,contract_id\n".to_string();
    book.put("psa/contract_lines.csv", lines.lines().fold(head, |all, line| all + line + ",K1\n"));
    book.put(
        "map/accounts.csv",
        "provider_name,sub_account_id,sub_account_name,client_id,status\nNorthstar,ns-1,,C1,\n",
    );
    let mut text =
        "provider_name,charge_period_start,charge_period_end,currency,sub_account_id,sub_account_name,sku_id,\
                    quantity,cost,term,charge_category\n"
            .to_string();
    for row in usage.lines() {
        let _ = writeln!(text, "Northstar,2026-10-01,2026-11-01,USD,{row}");
    }
    book.put("usage/2026-10/northstar.csv", text);
    map(&book, "EDR,,EDR,\nMAIL,,MAIL,\n");
    book
}

/// Rows of sku_id, term, product_code, status.
fn map(book: &Book, rows: &str) {
    let head = "provider_name,sku_id,term,product_code,status\n".to_string();
    book.put("map/products.csv", rows.lines().fold(head, |all, row| all + "Northstar," + row + "\n"));
}

/// Lines, discrepancies, and rows that are billed, unbilled, internal, excluded, unmapped and rejected.
fn said(book: &Book) -> (Vec<String>, Vec<String>, String) {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(book.columns("controls.csv", &["balanced"]).iter().all(|b| b == "true"));
    let buckets = ["billed_rows", "unbilled_rows", "internal_rows", "excluded_rows", "unmapped_rows", "rejected_rows"];
    (
        book.columns("invoice_lines.csv", &["contract_line_id", "status", "quantity", "amount", "cost"]),
        book.columns("discrepancies.csv", &["code", "contract_line_id", "difference", "impact", "owed_by"]),
        book.columns("controls.csv", &buckets).join(";"),
    )
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// F9: fifty seats for a year and twelve by the month are one SKU; neither term's line takes the other's.
#[test]
fn one_sku_under_two_terms_is_two_quantities() {
    let usage = "ns-1,,EDR,50,100.00,P1Y,\nns-1,,EDR,12,30.00,P1M,\n";
    let book_of = |lines| book(lines, usage);
    let by_line = book_of("L1,EDR,50,5.00,P1Y\nL2,EDR,10,6.00,P1M\n");
    let lines = strings(&["L1|ready|50|250.00|100.00", "L2|review|12|72.00|30.00"]);
    assert_eq!(said(&by_line), (lines.clone(), strings(&["R401|L2|2|12.00|client"]), "2|0|0|0|0|0".into()));
    // A PSA without terms has a product for each, and the mapping says which.
    let by_product = book_of("L1,YEAR,50,5.00,\nL2,EDR,10,6.00,\n");
    map(&by_product, "EDR,P1Y,YEAR,\nEDR,P1M,EDR,\n");
    let by_product = said(&by_product);
    assert_eq!(by_product.1, ["R401|L2|2|12.00|client"]);
    let mut found = by_product.0;
    found.sort();
    assert_eq!(found, lines);
    // One line for both has all of them.
    let together = said(&book_of("L1,EDR,62,5.00,\n"));
    assert_eq!((together.0, together.1), (strings(&["L1|ready|62|310.00|130.00"]), strings(&[])));
}

/// F15: thirty kiosk users on a line of two are twenty-eight to bill; what the account's name marks as not to be billed is
/// no unit of anybody's.
#[test]
fn users_that_are_not_billable_are_left_out_by_a_mapping_and_others_are_counted() {
    let book = book(
        "L1,EDR,2,5.00,\nL2,MAIL,10,4.00,\n",
        "ns-1,,EDR,30,60.00,,\nns-1,,MAIL,10,15.00,,\nns-7,Shared _NotBillable_ 1,MAIL,4,6.00,,\n",
    );
    let lines = strings(&["L1|review|30|150.00|60.00", "L2|ready|10|40.00|15.00"]);
    let kiosk = "R401|L1|28|140.00|client";
    // Until somebody says so, the shared mailboxes are an account that is not mapped.
    assert_eq!(said(&book), (lines.clone(), strings(&[kiosk]), "2|0|0|0|1|0".into()));
    book.append("map/accounts.csv", "Northstar,,*_NotBillable_*,,excluded\n");
    assert_eq!(said(&book), (lines, strings(&[kiosk]), "2|0|0|1|0|0".into()));
    assert_eq!(book.columns("controls.csv", &["excluded_quantity", "excluded_cost"]), ["4|6"]);
}

/// F16: the provider's own licences, those not for resale and trials are nobody's units, and their rows are still counted.
#[test]
fn own_licences_and_trials_are_billed_to_nobody() {
    let book = book(
        "L1,EDR,10,5.00,\n",
        "ns-1,,EDR,10,20.00,,\nns-1,,EDR-NFR,25,0.00,,\nns-1,,EDR-TRIAL,5,0.00,,\nns-0,Ourselves,EDR,7,14.00,,\n",
    );
    map(&book, "EDR,,EDR,\nEDR-NFR,,,internal\nEDR-TRIAL,,,excluded\n");
    book.append("map/accounts.csv", "Northstar,ns-0,,,internal\n");
    assert_eq!(said(&book), (strings(&["L1|ready|10|50.00|20.00"]), strings(&[]), "1|0|2|1|0|0".into()));
    assert_eq!(book.columns("controls.csv", &["internal_quantity", "internal_cost"]), ["32|14"]);
}

/// F20: credits and one-time charges are no units. They change what a line costs, and without a line they are not lost.
#[test]
fn credits_and_adjustments_are_cost_and_no_units() {
    let book = book(
        "L1,EDR,10,5.00,\n",
        "ns-1,,EDR,10,40.00,,\nns-1,,EDR,1,-15.00,,Credit\nns-1,,EDR,1,30.00,,Adjustment\nns-1,,MAIL,1,12.00,,Adjustment\n",
    );
    let lines = strings(&["L1|ready|10|50.00|55.00"]);
    // 12.00 that nothing bills, and 55.00 of cost under 50.00.
    assert_eq!(said(&book), (lines, strings(&["R407|||12.00|", "R407|L1|0|5.00|"]), "3|1|0|0|0|0".into()));
}

/// F23: units that the vendor splits over nobody are nobody's: no line falls short of them, and none is billed for them.
#[test]
fn units_without_an_account_conclude_nothing() {
    let book = book("L1,EDR,10,5.00,\nL2,MAIL,10,4.00,\n", ",,EDR,30,60.00,,\nns-1,,MAIL,12,18.00,,\n");
    let lines = strings(&["L1|review|10|50.00|20.00", "L2|review|12|48.00|18.00"]);
    let discrepancies = strings(&["R401|L2|2|8.00|client", "R416|L1|-10||"]);
    assert_eq!(said(&book), (lines, discrepancies, "1|0|0|0|0|1".into()));
    assert_eq!(book.columns("controls.csv", &["rejected_quantity", "rejected_cost"]), ["30|60"]);
    // An export that has no accounts at all is refused, and its vendor's side is not there.
    let unsplit = "provider_name,charge_period_start,charge_period_end,currency,sku_id,quantity,cost\n\
                   Northstar,2026-10-01,2026-11-01,USD,EDR,30,60.00\n";
    book.put("usage/2026-10/northstar.csv", unsplit);
    let (lines, discrepancies, _) = said(&book);
    assert_eq!(lines, ["L1|review|10|50.00|20.00", "L2|review|10|40.00|15.00"]);
    assert!(discrepancies.iter().all(|row| row.starts_with("R416|") && row.ends_with("|||")), "{discrepancies:?}");
    let verdict = book.verdict();
    assert!(verdict.starts_with("run|not_reconcilable|") && verdict.contains("I103 missing-column"), "{verdict}");
}

/// Of a vendor without line ids whole rows compare, by what they say: an export that a spreadsheet of another locale saved
/// again has the same rows, and what happens at another time of day is another.
#[test]
fn an_export_that_was_saved_again_is_a_copy_and_other_hours_are_none() {
    let head = "provider_name,charge_period_start,charge_period_end,currency,sub_account_id,sub_account_name,sku_id,\
                quantity,unit_cost,cost,Discount";
    let rows = |rows: &[&str]| rows.iter().fold(format!("{head}\n"), |all, row| format!("{all}Northstar,{row}\n"));
    let counted = |first: &[&str], second: String| {
        let book = book("L1,EDR,10,5.00,\n", "");
        book.put("usage/2026-10/northstar.csv", rows(first));
        book.put("usage/2026-10/northstar-again.csv", second);
        assert_eq!(book.reconcile().code, Some(0));
        let buckets = book.columns("controls.csv", &["source", "rows_read", "duplicate_rows"]);
        (book.columns("invoice_lines.csv", &["quantity"])[0].clone(), buckets.join(";"))
    };
    let first = [
        "2026-10-01,2026-11-01,USD,ns-1,,EDR,7.50,2.00,15.00,0.10",
        "2026-10-01,2026-11-01,USD,ns-1,,EDR,1234.00,2.00,2468.00,0.00",
        "2026-10-01,2026-11-01,USD,ns-1,,EDR,2.50,2.00,5.00,0.10",
    ];
    let again = "\u{feff}provider_name;charge_period_start;charge_period_end;currency;sub_account_id;sub_account_name;\
                 sku_id;quantity;unit_cost;cost;Discount\r\n\
                 Northstar;2026-10-01T00:00:00Z;2026-11-01;USD;ns-1;;EDR;7,5;2;15;0,1\r\n\
                 Northstar;2026-10-01;2026-11-01 00:00;USD;ns-1;;EDR;1.234;2;2.468;0\r\n\
                 Northstar;2026-10-01;2026-11-01;USD;ns-1;;EDR;2,5;2;5;0,2\r\n";
    let two = "usage/2026-10/northstar-again.csv|3|";
    let one = "usage/2026-10/northstar.csv|3|";
    assert_eq!(counted(&first, again.to_string()), ("1246.5".into(), format!("{two}0;{one}2")));

    let hour = |hour: &str| format!("2026-10-01T{hour}:00:00Z,2026-11-01,USD,ns-1,,EDR,3,2.00,6.00,");
    let (one_hour, other) = (hour("13"), hour("14"));
    let three = [one_hour.as_str(); 3];
    assert_eq!(counted(&three, rows(&three)), ("9".into(), format!("{two}0;{one}3")));
    let others = [one_hour.as_str(), &one_hour, &other];
    assert_eq!(counted(&three, rows(&others)), ("12".into(), format!("{two}0;{one}2")));
}
