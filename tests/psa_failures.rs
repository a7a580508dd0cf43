//! What goes wrong between vendors and PSAs, in the PSAs' own files: one customer kept as several companies,
//! PSAs that take whole units only, cancelled and expired agreements, additions that are not billed, and
//! picklists that only the tenant knows.

mod support;

use support::Book;

const COMPANIES: &str = "id,identifier,name,deletedFlag,parentCompany/id,billToCompany/id\n\
                         1,GROUP,Harbour Group,false,,\n2,BRANCH,Harbour Branch,false,1,\n";
const CATALOG: &str = "id,identifier,description,price,cost,inactiveFlag\n7,EDR,Managed EDR,5.00,3.10,false\n";
const AGREEMENT: &str = "id,name,company/id,startDate,endDate,noEndingDateFlag,cancelledFlag,dateCancelled,\
                         agreementStatus,prorateFlag,currency/currencyCode,billToCompany/id,parentAgreementId\n";
const ADDITION: &str = "id,agreementId,product/identifier,quantity,lessIncluded,unitPrice,unitCost,billCustomer,\
                        effectiveDate,cancelledDate,prorateCurrentPeriodFlag\n";

/// A ConnectWise book with these agreements and additions, and `used` EDR per account name.
fn connectwise(agreements: &str, additions: &str, used: &[(&str, &str)]) -> Book {
    let book = Book::empty();
    book.put("psa/companies.csv", COMPANIES);
    book.put("psa/catalog.csv", CATALOG);
    book.put("psa/agreements.csv", format!("{AGREEMENT}{agreements}"));
    book.put("psa/additions.csv", format!("{ADDITION}{additions}"));
    put_usage(&book, "EDR", used);
    book
}

fn put_usage(book: &Book, code: &str, used: &[(&str, &str)]) {
    book.put("map/products.csv", format!("provider_name,sku_id,product_code,status\nNorthstar,EDR,{code},mapped\n"));
    let head =
        "provider_name,sub_account_name,sku_id,charge_description,charge_period_start,charge_period_end,quantity";
    let rows = used.iter().map(|(account, q)| format!("Northstar,{account},EDR,EDR,2026-10-01,2026-11-01,{q}"));
    let usage: Vec<String> = std::iter::once(head.to_string()).chain(rows).collect();
    book.put("usage/2026-10/northstar.csv", usage.join("\n") + "\n");
}

fn lines(book: &Book) -> Vec<String> {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    book.columns("invoice_lines.csv", &["client_name", "contract_line_id", "status", "quantity", "amount"])
}

fn discrepancies(book: &Book) -> Vec<String> {
    let mut rows =
        book.columns("discrepancies.csv", &["code", "client_name", "contract_line_id", "difference", "impact"]);
    rows.sort();
    rows
}

/// F8: the branch uses and the group pays, whether the agreement says so, its parent, or the company.
#[test]
fn one_customer_kept_as_several_companies_gets_one_invoice() {
    let used = [("Harbour Group", "3"), ("Harbour Branch", "2")];
    let additions =
        "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n902,32,EDR,1,0,5.00,3.10,Billable,2025-01-01,,false\n";
    let group = "31,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n";
    for branch in [
        "32,Care,2,2025-01-01,,true,false,,Active,false,USD,1,\n",
        "32,Care,2,2025-01-01,,true,false,,Active,false,USD,,31\n",
    ] {
        let book = connectwise(&format!("{group}{branch}"), additions, &used);
        assert_eq!(lines(&book), ["Harbour Group|901|ready|3|15.00", "Harbour Group|902|review|2|10.00"], "{branch}");
        // What disagrees is still told of the company that uses it.
        assert_eq!(discrepancies(&book), ["R401|Harbour Branch|902|1|5.00"], "{branch}");
        let described = book.columns("invoice_lines.csv", &["description"]);
        assert_eq!(described, ["Managed EDR", "Managed EDR (Harbour Branch)"]);
    }
    let by_itself = "32,Care,2,2025-01-01,,true,false,,Active,false,USD,,\n";
    let book = connectwise(&format!("{group}{by_itself}"), additions, &used);
    assert_eq!(lines(&book)[1], "Harbour Branch|902|review|2|10.00");
    book.edit("psa/companies.csv", "2,BRANCH,Harbour Branch,false,1,", "2,BRANCH,Harbour Branch,false,1,1");
    assert_eq!(lines(&book)[1], "Harbour Group|902|review|2|10.00");
    // Both companies' accounts on one agreement: usage adds up on it.
    book.put(
        "map/accounts.csv",
        "provider_name,sub_account_name,client_id,status\nNorthstar,Harbour Branch,1,mapped\n",
    );
    book.edit("psa/additions.csv", "902,32,EDR,1,0,5.00,3.10,Billable,2025-01-01,,false\n", "");
    assert_eq!(lines(&book), ["Harbour Group|901|review|5|25.00"]);
}

#[test]
fn whoever_is_billed_and_does_not_exist_is_told_and_not_billed() {
    let agreement = "31,Care,1,2025-01-01,,true,false,,Active,false,USD,77,\n";
    let addition = "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n";
    let book = connectwise(agreement, addition, &[("Harbour Group", "3")]);
    assert_eq!(lines(&book), ["Harbour Group|901|ready|3|15.00"]);
    assert!(book.reconcile().stderr.contains("is billed to a client that does not exist"));
}

/// F25: until when a cancelled or expired agreement bills, its date says; without a date it is not in force.
#[test]
fn a_cancelled_or_expired_agreement_bills_until_its_date() {
    let addition = "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n";
    let of = |agreement: &str| connectwise(agreement, addition, &[("Harbour Group", "3")]);
    // Cancelled on 14 October, prorated: 3 × 5.00 × 14/31.
    let book = of("31,Care,1,2025-01-01,,true,true,2026-10-14,Cancelled,true,USD,,\n");
    assert_eq!(lines(&book), ["Harbour Group|901|ready|3|6.77"]);
    for over in [
        "31,Care,1,2025-01-01,,true,true,2026-09-14,Cancelled,false,USD,,\n",
        "31,Care,1,2025-01-01,2026-09-30,false,false,,Expired,false,USD,,\n",
        "31,Care,1,2025-01-01,,true,true,,Cancelled,false,USD,,\n",
        "31,Care,1,2025-01-01,,true,false,,Inactive,false,USD,,\n",
    ] {
        let book = of(over);
        assert!(lines(&book).is_empty(), "{over}");
        assert_eq!(discrepancies(&book), ["R405|Harbour Group|901|3|15.00"], "{over}");
    }
    // A date that the flags have taken back counts for nothing.
    let book = of("31,Care,1,2025-01-01,2026-06-30,true,false,2026-05-01,Active,false,USD,,\n");
    assert_eq!(lines(&book), ["Harbour Group|901|ready|3|15.00"]);
}

/// What ConnectWise does not bill is compared like everything else, and is never money.
#[test]
fn an_addition_that_is_not_billed_is_compared_and_no_money() {
    let agreement = "31,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n";
    for (bill, status) in [("DoNotBill", "held"), ("NoCharge", "review")] {
        let addition = format!("901,31,EDR,3,1,5.00,3.10,{bill},2025-01-01,,false\n");
        let book = connectwise(agreement, &addition, &[("Harbour Group", "4")]);
        assert_eq!(lines(&book), [format!("Harbour Group|901|{status}|3|0.00")], "{bill}");
        assert_eq!(discrepancies(&book), ["R401|Harbour Group|901|1|0.00"], "{bill}");
    }
    let book =
        connectwise(agreement, "901,31,EDR,3,1,5.00,3.10,Sometimes,2025-01-01,,false\n", &[("Harbour Group", "4")]);
    let ran = book.reconcile();
    assert!(ran.stderr.contains("[words.connectwise.billCustomer]"), "{}", ran.stderr);
    assert_eq!(discrepancies(&book), ["R416|Harbour Group||4|"]);
}

/// prorateCurrentPeriodFlag prorates an addition of an agreement that else does not.
#[test]
fn an_addition_may_be_prorated_by_itself() {
    let agreement = "31,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n";
    for (flag, amount) in [("true", "8.23"), ("false", "15.00")] {
        let addition = format!("901,31,EDR,3,0,5.00,3.10,Billable,2026-10-15,,{flag}\n");
        let book = connectwise(agreement, &addition, &[("Harbour Group", "3")]);
        assert_eq!(lines(&book), [format!("Harbour Group|901|ready|3|{amount}")], "{flag}");
    }
}

/// The list that ConnectWise shows on screen has names for ids.
#[test]
fn additions_as_the_screen_lists_them_are_joined_by_names_that_are_clear() {
    let agreement = "31,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n";
    let book = connectwise(agreement, "", &[("Harbour Group", "3")]);
    book.remove("psa/additions.csv");
    book.put(
        "psa/additions-list.csv",
        "Sequence,Product ID,Description,Quantity,Price,Effective,Cancelled,Agreement Name,Company Name,Bill\n\
         1,EDR,Managed EDR,3,5.00,2025-01-13,,Care,\"Harbour Group, Inc.\",Billable\n",
    );
    let id = "Harbour Group, Inc. / Care / EDR / 1 / 2025-01-13";
    assert_eq!(lines(&book), [format!("Harbour Group|{id}|ready|3|15.00")]);
    book.append("psa/agreements.csv", "32,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n");
    assert!(lines(&book).is_empty());
    let ran = book.reconcile();
    assert!(ran.stderr.contains("several contracts have its client's and contract's names"), "{}", ran.stderr);
    assert_eq!(discrepancies(&book), ["R416|Harbour Group||3|"]);
}

fn autotask(contract: &str, units: &str, settings: &str, used: &str) -> Book {
    let book = Book::empty();
    book.put("trueup.toml", settings);
    book.put("psa/companies.csv", "id,companyName,companyNumber,isActive\n1,Harbour Group,,true\n");
    book.put(
        "psa/services.csv",
        "id,name,unitPrice,unitCost,billingCodeID,isActive,periodType\n7,Managed EDR,5.00,3.10,1,true,2\n",
    );
    book.put(
        "psa/contracts.csv",
        format!("id,companyID,contractName,contractType,status,startDate,endDate,contractPeriodType\n{contract}"),
    );
    book.put("psa/contract-services.csv", "id,contractID,serviceID,unitPrice,unitCost\n501,31,7,5.00,3.10\n");
    book.put("psa/units.csv", format!("id,contractID,contractServiceID,serviceID,units,startDate,endDate\n{units}"));
    put_usage(&book, "7", &[("Harbour Group", used)]);
    book
}

const CONTRACT: &str = "31,1,Care,7,1,2025-01-01,2027-12-31,2\n";
const UNITS: &str = "9001,31,501,7,2,2026-10-01,2026-10-31\n";

/// F24: a PSA of whole units needs to be told what a fraction is.
#[test]
fn a_fraction_counts_as_the_settings_say_and_is_never_sent_to_autotask() {
    for (whole, quantity, change) in
        [("up", "5", Some("3")), ("down", "4", Some("2")), ("nearest", "5", Some("3")), ("no", "4.5", None)]
    {
        let settings = format!("[psa]\nchanges = \"autotask\"\nwhole_units = \"{whole}\"\ncurrency = \"USD\"\n");
        let book = autotask(CONTRACT, UNITS, &settings, "4.5");
        let ran = book.reconcile();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(book.columns("invoice_lines.csv", &["quantity"]), [quantity], "{whole}");
        let adjustments = book.columns(
            "autotask_contract_service_adjustments.csv",
            &["contractServiceID", "effectiveDate", "unitChange"],
        );
        let wanted: Vec<String> = change.iter().map(|c| format!("501|2026-10-01|{c}")).collect();
        assert_eq!(adjustments, wanted, "{whole}");
        assert_eq!(ran.stderr.contains("would change by 2.5 units"), change.is_none(), "{whole}: {}", ran.stderr);
    }
}

/// A picklist number that nobody explained leaves its contract out, and what it bills is then unknown.
#[test]
fn a_picklist_of_the_tenants_is_never_guessed() {
    let strange = "31,1,Care,7,42,2025-01-01,2027-12-31,2\n";
    let book = autotask(strange, UNITS, "[psa]\ncurrency = \"USD\"\n", "2");
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("say in trueup.toml, under [words.autotask.status], what it means"), "{}", ran.stderr);
    assert!(book.columns("invoice_lines.csv", &["amount"]).is_empty());
    assert_eq!(discrepancies(&book), ["R416|Harbour Group||2|"]);
    book.put("trueup.toml", "[psa]\ncurrency = \"USD\"\n[words.autotask.status]\n\"42\" = \"active\"\n");
    assert_eq!(lines(&book), ["Harbour Group|501|ready|2|10.00"]);
    book.put("trueup.toml", "[words.autotask.statuss]\n\"42\" = \"active\"\n");
    let ran = book.run(&["reconcile", "--period", "2026-10"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("trueup.toml:2:1") && ran.stderr.contains("did you mean \"status\"?"),
        "{}",
        ran.stderr
    );
}

/// Autotask cuts a month where its units change, and each stretch bills its own days.
#[test]
fn units_that_change_within_the_month_bill_by_their_days() {
    let units = "9001,31,501,7,2,2026-10-01,2026-10-15\n9002,31,501,7,5,2026-10-15,2026-10-31\n";
    let book = autotask(CONTRACT, units, "[psa]\ncurrency = \"USD\"\n", "5");
    // 2 × 5.00 × 14/31 and 5 × 5.00 × 17/31.
    assert_eq!(lines(&book), ["Harbour Group|501|ready|5|13.71", "Harbour Group|501@2026-10-01|ready|2|4.52"]);
    assert!(discrepancies(&book).is_empty());
    // Where nothing is prorated, the month has the units of its end.
    book.put("trueup.toml", "[psa]\ncurrency = \"USD\"\nproration = \"none\"\n");
    assert_eq!(lines(&book), ["Harbour Group|501|ready|5|25.00"]);
}

/// An agreement that is billed once is left out, or every month would bill it again.
#[test]
fn an_agreement_that_is_billed_once_is_left_out_and_said() {
    let book = connectwise("", "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n", &[("Harbour Group", "3")]);
    for (flag, bills) in [("true", false), ("false", true), ("", true)] {
        let agreement =
            format!("id,name,company/id,startDate,cancelledFlag,billOneTimeFlag\n31,Care,1,2025-01-01,false,{flag}\n");
        book.put("psa/agreements.csv", agreement);
        assert_eq!(lines(&book).len(), usize::from(bills), "{flag}");
        let said = book.run(&["-v", "reconcile", "--period", "2026-10"]).stderr;
        let left_out = said.contains("the contract is of a kind without recurring lines") && said.contains("31 Care");
        assert_eq!(left_out, !bills, "{said}");
        let wanted: &[&str] = if bills { &[] } else { &["R416|Harbour Group||3|"] };
        assert_eq!(discrepancies(&book), wanted, "{flag}");
    }
}

/// An export that names no vendor is an export: what its client no longer uses was not used.
#[test]
fn an_export_without_a_vendor_counts_as_supplied() {
    let agreement =
        "31,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n32,Care,2,2025-01-01,,true,false,,Active,false,USD,,\n";
    let additions =
        "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n902,32,EDR,2,0,5.00,3.10,Billable,2025-01-01,,false\n";
    let book = connectwise(agreement, additions, &[("Harbour Group", "3")]);
    book.put("map/products.csv", "provider_name,sku_id,product_code,status\n,EDR,EDR,mapped\n");
    book.remove("usage/2026-10/northstar.csv");
    book.put("usage/2026-10/counts.csv", "Client,Product,Quantity\nHarbour Group,EDR,3\n");
    assert_eq!(lines(&book), ["Harbour Group|901|ready|3|15.00", "Harbour Branch|902|review|0|0.00"]);
    assert_eq!(discrepancies(&book), ["R404|Harbour Branch|902|-2|10.00"]);
    // Of another month it is none of this one, and is spoken of without a name.
    book.remove("usage/2026-10/counts.csv");
    book.put("usage/2026-09/counts.csv", "Client,Product,Quantity\nHarbour Group,EDR,3\n");
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let messages = book.columns("discrepancies.csv", &["code", "message"]);
    assert!(!messages.is_empty(), "{}", ran.stdout);
    for message in messages {
        assert!(message.ends_with("no export of an unnamed vendor for this period was read"), "{message}");
    }
}

/// One run tells every word of a picklist that it does not know, as far as there is room.
#[test]
fn different_unknown_words_are_told_before_the_same_one_again() {
    let cycles = ["Weekly", "Weekly", "Weekly", "Bi-Monthly", "Weekly", "When paid"];
    let head = "id,name,company/id,startDate,cancelledFlag,billingCycle/name\n";
    let rows = cycles.iter().enumerate().map(|(i, cycle)| format!("{},Care,1,2025-01-01,false,{cycle}\n", 31 + i));
    let book = connectwise("", "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n", &[("Harbour Group", "3")]);
    book.put("psa/agreements.csv", rows.fold(head.to_string(), |all, row| all + &row));
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for (line, word) in [(2, "Weekly"), (5, "Bi-Monthly")] {
        assert!(ran.stderr.contains(&format!("psa/agreements.csv:{line}:6: {word:?}")), "{}", ran.stderr);
    }
    assert!(
        ran.stderr.contains("bill_cycle must be one of monthly, quarterly, semiannual, annual; the row"),
        "{}",
        ran.stderr
    );
}

/// Ten until the 14th and twelve from the 15th bill 22.58 and 32.90 for what costs 37.20: no loss, though the line
/// that is compared carries all of the cost.
#[test]
fn a_change_within_the_month_is_no_sale_below_cost() {
    for (price, said) in [("5.00", None), ("3.00", Some("33.29"))] {
        let additions = format!(
            "901,31,EDR,10,0,{price},3.10,Billable,2025-01-01,2026-10-14,false\n\
             902,31,EDR,12,0,{price},3.10,Billable,2026-10-15,,false\n"
        );
        let book = connectwise("31,Care,1,2025-01-01,,true,false,,Active,true,USD,,\n", &additions, &[]);
        book.put(
            "usage/2026-10/northstar.csv",
            "provider_name,sub_account_name,sku_id,charge_description,charge_period_start,charge_period_end,quantity,\
             cost,currency\nNorthstar,Harbour Group,EDR,EDR,2026-10-01,2026-11-01,12,37.20,USD\n",
        );
        assert_eq!(lines(&book).len(), 2);
        let losses = book.columns("discrepancies.csv", &["code", "contract_line_id", "impact", "message"]);
        let wanted: Vec<String> = said.into_iter().map(|bills| {
            format!("R407|902|3.91|contract line 902 bills {bills} and costs 37.20, with the lines that it took the place of within the period")
        }).collect();
        assert_eq!(losses, wanted, "{price}");
    }
}

/// An agreement without a billing cycle is billed monthly, and that is said: a year's price would be billed twelve times.
#[test]
fn an_agreement_without_a_billing_cycle_is_billed_monthly_and_said() {
    let book = connectwise("", "901,31,EDR,3,0,5.00,3.10,Billable,2025-01-01,,false\n", &[("Harbour Group", "3")]);
    for (cycle, told) in [("", true), ("Monthly", false)] {
        let head = "id,name,company/id,startDate,cancelledFlag,billingCycle/name\n";
        book.put("psa/agreements.csv", format!("{head}31,Care,1,2025-01-01,false,{cycle}\n"));
        assert_eq!(lines(&book), ["Harbour Group|901|ready|3|15.00"]);
        let said = "warning[I111 missing-value]: the contract names no bill cycle, and is billed monthly";
        let ran = book.reconcile();
        assert_eq!(ran.stderr.contains(said), told, "{cycle}: {}", ran.stderr);
        assert_eq!(book.text("out/2026-10/summary.json").contains("names no bill cycle"), told);
    }
}

/// A HaloPSA export of all invoices: those that were sent once, and their lines, bill nothing again and hold nothing up.
#[test]
fn invoices_that_do_not_recur_are_left_out_with_their_lines_and_said() {
    let book = Book::empty();
    book.put("psa/clients.json", r#"{"record_count": 1, "clients": [{"id": 21, "name": "Harbour Group", "toplevel_id": 1, "inactive": false, "currency_code_name": "USD"}]}"#);
    book.put(
        "psa/items.json",
        r#"{"record_count": 1, "items": [{"id": 41, "name": "Managed EDR", "baseprice": 5.0, "costprice": 3.1, "inactive": false}]}"#,
    );
    book.put(
        "psa/invoices.json",
        r#"{"record_count": 3, "invoices": [
        {"id": 301, "client_id": 21, "name": "Care", "is_recurring_invoice": true, "voided": false, "period": "monthly", "nextcreationdate": "2026-11-01T00:00:00Z",
         "lines": [{"id": 501, "ihid": 301, "_itemid": 41, "item_shortdescription": "EDR", "qty_order": 3, "unit_price": 5.0}]},
        {"id": 302, "client_id": 21, "name": "September", "is_recurring_invoice": false, "voided": false, "period": "monthly", "nextcreationdate": null,
         "lines": [{"id": 502, "ihid": 302, "_itemid": 41, "item_shortdescription": "EDR", "qty_order": 9, "unit_price": 5.0}]},
        {"id": 303, "client_id": 21, "name": "Void", "is_recurring_invoice": true, "voided": true, "period": "monthly", "nextcreationdate": null,
         "lines": [{"id": 503, "ihid": 303, "_itemid": 41, "item_shortdescription": "EDR", "qty_order": 9, "unit_price": 5.0}]}]}"#,
    );
    book.put("trueup.toml", "[psa]\ncurrency = \"USD\"\n");
    put_usage(&book, "41", &[("Harbour Group", "3")]);
    assert_eq!(lines(&book), ["Harbour Group|501|ready|3|15.00"]);
    assert_eq!(discrepancies(&book), [""; 0]);
    let summary = book.text("out/2026-10/summary.json");
    assert!(!summary.contains("T208"), "{summary}");
    for left in ["302 September", "303 Void", "\"502\"", "\"503\""] {
        assert!(summary.contains(left), "{left}: {summary}");
    }
}

/// A number that cannot be multiplied exactly is told with whose it is and where it stands, and nothing is written.
#[test]
fn a_number_of_too_many_digits_names_client_product_and_line() {
    let additions = "901,31,EDR,1,0,5.00,3.10,Billable,2025-01-01,,false\n\
                     902,31,EDR,79228162514264337593543950335,0,5.25,3.10,Billable,2025-01-01,,false\n";
    let book =
        connectwise("31,Care,1,2025-01-01,,true,false,,Active,false,USD,,\n", additions, &[("Harbour Group", "3")]);
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("client 1, product EDR (psa/additions.csv:3, psa/additions.csv:2): a quantity or price"),
        "{}",
        ran.stderr
    );
    book.assert_untouched();
}
