//! How a vendor comes from quantity and unit price to its amounts is read off its file, at the exchange rate that the
//! file states; what no rounding explains is named with its money.

mod support;

use support::Book;

const DAILY: &str = "CustomerId,CustomerName,ProductId,SkuId,SubscriptionId,UsageDate,MeterId,UnitPrice,Quantity,\
                     BillingPreTaxTotal,BillingCurrency,EntitlementId,EffectiveUnitPrice,PCToBCExchangeRate\n";

fn book(export: &str) -> Book {
    let book = Book::empty();
    book.put("psa/clients.csv", "client_id,name,currency\nC1,Northwind Bakery,EUR\n");
    book.put("psa/products.csv", "product_code,name,unit_price,unit_cost\nCLOUD,Cloud,1.00,\nSEAT,Seat,12.00,8.46\n");
    book.put("psa/contracts.csv", "contract_id,client_id,name,currency\nK1,C1,Care,EUR\n");
    book.put("psa/contract_lines.csv", "contract_line_id,contract_id,product_code,quantity\nL1,K1,SEAT,7\n");
    book.put("map/accounts.csv", "provider_name,sub_account_id,client_id,status\nMicrosoft,t1,C1,\n");
    book.put(
        "map/products.csv",
        "provider_name,sku_id,product_code,status\nMicrosoft,DZH318Z0BPS6:0001,CLOUD,\nMicrosoft,CFQ7TTC0LCHC:0002,SEAT,\n",
    );
    book.put("usage/2026-10/microsoft.csv", export);
    book
}

/// Rows of quantity, cost, unit price and rate.
fn daily(rows: &[(&str, &str, &str, &str)]) -> Book {
    let line = |(quantity, cost, price, rate): &(&str, &str, &str, &str)| {
        format!("t1,Northwind,DZH318Z0BPS6,0001,s,10/3/2026,m,{price},{quantity},{cost},EUR,e,{price},{rate}\n")
    };
    book(&(DAILY.to_string() + &rows.iter().map(line).collect::<String>()))
}

/// `rounding explained unexplained difference residue` of the only file, and the findings on amounts.
fn told(book: &Book) -> (String, Vec<String>) {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let summary: serde_json::Value = serde_json::from_str(&book.text("out/2026-10/summary.json")).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let row = &summary["vendor_rounding"][0];
    let keys = ["rounding", "explained", "unexplained", "difference", "residue"];
    let said = summary["findings"].as_array().expect("a list").iter().filter(|f| f["code"] == "I113");
    let said =
        said.map(|f| format!("{} {} {}", text(&f["severity"]), text(&f["examples"][0]["place"]), text(&f["cause"])));
    (keys.map(|k| text(&row[k])).join(" "), said.collect())
}

const RATE: &str = "0.846202666";

#[test]
fn microsofts_usage_is_cut_before_the_rate_and_after_it() {
    // 0.03825 × 100.5 = 3.844125, cut 3.84, × rate 3.2494…, cut 3.24; cut once it were 3.252… and so 3.25.
    // 3 × 1.115 = 3.345, cut 3.34, × rate 2.8263…, cut 2.82; once it were 2.83. A rate of 1: 3.34.
    let rows = [("100.5", "3.24", "0.03825", RATE), ("3", "2.82", "1.115", RATE), ("3", "3.34", "1.115", "1")];
    let (rounding, said) = told(&daily(&rows));
    // 3.24 − 3.252908836… (0.03825 × 100.5 × 0.846202666 = 3.25290882343…), by 18 places
    assert!(rounding.starts_with("down_twice 3 0 0.00 -0.02845"), "{rounding}");
    assert_eq!(said, [""; 0]);
}

#[test]
fn a_row_that_no_rounding_explains_is_named_with_its_money() {
    // 10 × 1.00 × rate = 8.46202666, and 9.00 is stated.
    let rows = [("100.5", "3.24", "0.03825", RATE), ("3", "2.82", "1.115", RATE), ("10", "9.00", "1.00", RATE)];
    let (rounding, said) = told(&daily(&rows));
    assert!(rounding.starts_with("down_twice 2 1 0.53797334 "), "{rounding}");
    assert_eq!(
        said,
        [
            "warning usage/2026-10/microsoft.csv:4 no rounding of quantity × unit cost gives the cost of 1 of 3 rows (line 4): \
          they state 0.53797334 EUR more than that"
        ]
    );
}

#[test]
fn a_rate_that_cannot_be_read_leaves_its_row_unjudged_and_billed_as_it_is() {
    let rows = [("3", "2.82", "1.115", "n/a"), ("100.5", "3.24", "0.03825", RATE)];
    let book = daily(&rows);
    let (rounding, said) = told(&book);
    assert!(rounding.starts_with("down_twice 1 0 "), "{rounding}");
    assert_eq!((said, book.columns("controls.csv", &["rows_read", "cost_read"])), (vec![], vec!["2|6.06".into()]));
}

#[test]
fn a_licence_priced_in_another_currency_has_no_unit_cost_of_its_own() {
    // ROUNDDOWN(10 × 0.846202666, 2) × 7 = 8.46 × 7: nothing has changed against the contract's 8.46.
    let head = "CustomerId,CustomerName,ProductId,SkuId,ChargeType,Subtotal,Currency,SubscriptionId,ChargeStartDate,\
                ChargeEndDate,TermAndBillingCycle,BillableQuantity,EffectiveUnitPrice,PCToBCExchangeRate,BillingFrequency\n";
    let row = |subtotal: &str, rate: &str| {
        book(&format!(
            "{head}t1,Northwind,CFQ7TTC0LCHC,0002,cycleCharge,{subtotal},EUR,s,10/1/2026,10/31/2026,One-Month commitment \
             for monthly billing,7,10.00,{rate},Monthly\n"
        ))
    };
    let foreign = row("59.22", RATE);
    let (rounding, said) = told(&foreign);
    assert!(rounding.starts_with("unit_price_down 1 0 "), "{rounding}");
    assert_eq!((said, foreign.columns("discrepancies.csv", &["code"])), (vec![], vec![]));
    assert_eq!(foreign.columns("invoice_lines.csv", &["unit_cost", "cost"]), ["8.46|59.22"]);
    let own = row("70.00", "1");
    own.reconcile();
    assert_eq!(own.columns("discrepancies.csv", &["code", "unit_cost", "impact"]), ["R408|10|10.78"]);
    let tidied = foreign.run(&["tidy", "usage/2026-10/microsoft.csv", "-o", "tidy"]);
    assert_eq!(tidied.code, Some(0), "{}", tidied.stderr);
    assert!(
        foreign.text("tidy/changes.csv").contains("unit_cost,other_currency,10.00,,1"),
        "{}",
        foreign.text("tidy/changes.csv")
    );
}
