//! Service bundles and billing rules as Autotask keeps them, in the fields of its interface.

mod support;

use support::Book;

/// Ten bundles of an agent and a mailbox, without what says so, and usage of so many of each.
fn book(agents: u32, mailboxes: u32) -> Book {
    let book = Book::empty();
    book.put("trueup.toml", "[psa]\ncurrency = \"USD\"\n");
    book.put("psa/Companies.csv", "id,companyName,companyNumber,isActive\n7,Northwind Bakery,NB,true\n");
    book.put(
        "psa/Contracts.csv",
        "id,companyID,contractName,contractType,status,startDate,endDate,contractPeriodType\n\
         70,7,Care,7,1,2026-01-01,2027-12-31,2\n",
    );
    book.put(
        "psa/Services.csv",
        "id,name,unitPrice,unitCost,billingCodeID,isActive,periodType\n11,Agent,6.00,3.10,4010,true,2\n\
         12,Mailbox,4.00,1.50,4010,true,2\n",
    );
    book.put("psa/ServiceBundles.csv", "id,name,unitPrice,unitDiscount,isActive\n31,Workplace,9.00,0,true\n");
    book.put("psa/ContractServiceBundles.csv", "id,contractID,serviceBundleID,unitPrice\n401,70,31,9.00\n");
    book.put(
        "psa/ContractServiceBundleUnits.csv",
        "id,contractServiceBundleID,units,startDate,endDate\n901,401,10,2026-10-01,2026-10-31\n",
    );
    book.put("map/accounts.csv", "provider_name,sub_account_id,client_id,status\nNorthstar,ns-1,7,\n");
    book.put(
        "map/products.csv",
        "provider_name,sku_id,product_code,status\nNorthstar,EDR,11,\nNorthstar,MAIL,12,\nNorthstar,FW,product-51,\n",
    );
    book.put(
        "usage/2026-10/northstar.csv",
        format!(
            "provider_name,sub_account_id,sku_id,quantity,cost,currency,charge_period_start,charge_period_end\n\
             Northstar,ns-1,EDR,{agents},0.00,USD,2026-10-01,2026-11-01\n\
             Northstar,ns-1,MAIL,{mailboxes},0.00,USD,2026-10-01,2026-11-01\n"
        ),
    );
    book
}

fn discrepancies(book: &Book) -> Vec<String> {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let columns = ["code", "product_code", "contract_quantity", "metered_quantity", "impact", "owed_by"];
    let mut rows = book.columns("discrepancies.csv", &columns);
    rows.sort();
    rows
}

const COVERS: &str = "id,serviceBundleID,serviceID\n1,31,11\n2,31,12\n";

#[test]
fn a_bundle_covers_the_services_that_autotask_puts_in_it() {
    let whole = book(10, 10);
    whole.put("psa/ServiceBundleServices.csv", COVERS);
    assert_eq!(discrepancies(&whole), [""; 0]);
    assert_eq!(
        whole.columns("invoice_lines.csv", &["contract_line_id", "quantity", "amount"]),
        ["bundle-401|10|90.00"]
    );
    assert_eq!(whole.columns("controls.csv", &["covered_rows", "unbilled_rows"]), ["2|0"]);

    // Two agents more than ten bundles cover, at 6.00 in the catalogue.
    let over = book(12, 10);
    over.put("psa/ServiceBundleServices.json", r#"{"items": [{"id": 1, "serviceBundleID": 31, "serviceID": 11}, {"id": 2, "serviceBundleID": 31, "serviceID": 12}]}"#);
    assert_eq!(discrepancies(&over), ["R412|11|10|12|12.00|client"]);

    // Seven of each: three bundles are paid for and not made use of.
    let idle = book(7, 7);
    idle.put("psa/ServiceBundleServices.csv", COVERS);
    assert_eq!(discrepancies(&idle), ["R413|bundle-31|10|7|27.00|msp"]);

    // Without that table nobody says what is in the bundle.
    assert_eq!(discrepancies(&book(10, 10)), ["R403|11||10|60.00|client", "R403|12||10|40.00|client"]);
}

#[test]
fn the_books_own_table_stands_for_what_the_psa_says_of_a_bundle() {
    let book = book(10, 10);
    book.put("psa/ServiceBundleServices.csv", COVERS);
    book.put("map/bundles.csv", "bundle_code,component_code\nbundle-31,11\n");
    assert_eq!(discrepancies(&book), ["R403|12||10|40.00|client"]);
}

#[test]
fn a_billing_rule_of_one_number_is_a_line_and_any_other_concludes_nothing() {
    let rules = |rules: &str| {
        let book = book(10, 10);
        book.put("psa/ServiceBundleServices.csv", COVERS);
        book.put(
            "psa/Products.csv",
            "id,name,unitPrice,unitCost,productBillingCodeID,isSerialized,isActive\n51,Firewall,50.00,20.00,1,true,true\n",
        );
        let head = "id,contractID,productID,determineUnits,startDate,endDate,isActive,minimumUnits,maximumUnits,\
                    isDailyProrationEnabled\n";
        book.put("psa/ContractBillingRules.csv", format!("{head}{rules}\n"));
        book.append("usage/2026-10/northstar.csv", "Northstar,ns-1,FW,4,80.00,USD,2026-10-01,2026-11-01\n");
        book
    };
    let fixed = rules("5,70,51,1,2026-01-01,,true,4,4,false");
    assert_eq!(discrepancies(&fixed), [""; 0]);
    let lines = fixed.columns("invoice_lines.csv", &["contract_line_id", "quantity", "amount"]);
    assert_eq!(lines, ["bundle-401|10|90.00", "rule-5|4|200.00"]);

    let counted = rules("5,70,51,1,2026-01-01,,true,2,10,false");
    assert_eq!(discrepancies(&counted), ["R416|product-51||4||"]);
    assert_eq!(counted.columns("invoice_lines.csv", &["contract_line_id"]), ["bundle-401"]);

    // A rule that is over bills nothing, and nobody bills the four.
    let over = rules("5,70,51,1,2026-01-01,,false,2,10,false");
    assert_eq!(discrepancies(&over), ["R403|product-51||4|200.00|client"]);
}
