use rust_decimal::Decimal;

use super::*;
use crate::book::Billing;
use crate::book::small_table;

fn load(kind: TableKind, text: &str) -> (Psa, Vec<String>) {
    let contracts = small_table("psa/contracts.csv", "contract_id,client_id\nK1,C1\n");
    let clients = small_table("psa/clients0.csv", "client_id,name\nC1,Acme\n");
    let products = small_table("psa/products0.csv", "product_code,name\nP1,Backup\n");
    let mut tables = vec![(kind, small_table("psa/t.csv", text))];
    if kind == TableKind::ContractLines {
        tables.push((TableKind::Contracts, contracts));
        tables.push((TableKind::Clients, clients));
        tables.push((TableKind::Products, products));
    } else if kind == TableKind::Contracts {
        tables.push((TableKind::Clients, clients));
    }
    let (psa, findings) = load_psa(&tables);
    (psa, findings.iter().map(Finding::to_string).collect())
}

#[test]
fn a_client_is_read_whole() {
    let (psa, said) = load(
        TableKind::Clients,
        "client_id,name,aliases,status,external_ids,domain,currency,last_activity\n\
         C1,Acme,Acme Ltd;ACME UK; ,Inactive,t-1; t-2,acme.test,usd,2026-09-30\n",
    );
    assert!(said.is_empty(), "{said:?}");
    let client = &psa.clients[0];
    assert_eq!(client.aliases, ["Acme Ltd", "ACME UK"]);
    assert_eq!(client.external_ids, ["t-1", "t-2"]);
    assert!(!client.active);
    assert_eq!(client.currency.code(), "USD");
    assert_eq!(client.place, Place::line("psa/t.csv", 2));
}

#[test]
fn a_client_without_an_id_is_left_out_and_one_without_a_name_is_kept() {
    let (psa, said) = load(TableKind::Clients, "client_id,name\n,Acme\nC2,\n");
    assert_eq!(psa.clients.len(), 1);
    assert_eq!(
        said,
        [
            "psa/t.csv:2:1: error[I111 missing-value]: the row has no client_id, and is left out",
            "psa/t.csv:3:2: error[I111 missing-value]: the row has no name",
        ]
    );
}

#[test]
fn a_repeated_id_keeps_the_first_row() {
    let (psa, said) = load(TableKind::Clients, "client_id,name\nC1,Acme\nc1 ,Acme Two\nC1,Acme\n");
    assert_eq!(psa.clients.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Acme"]);
    assert!(said[0].starts_with("psa/t.csv:3: error[T203 conflicting-duplicate]"), "{said:?}");
    assert!(said[1].starts_with("psa/t.csv:4: info[T201 duplicate-row]"), "{said:?}");
    assert_eq!(said.len(), 2);
}

#[test]
fn a_product_with_an_unreadable_price_has_an_unknown_one() {
    let (psa, said) =
        load(TableKind::Products, "product_code,name,unit_price,active,whole_units\nP1,Backup,12..5,No,UP\n");
    assert_eq!(psa.products[0].unit_price, None);
    assert_eq!((psa.products[0].active, psa.products[0].whole_units), (false, WholeUnits::Up));
    assert_eq!(
        said,
        [
            "psa/t.csv:2:3: error[I105 bad-number]: unit_price: the cell is not a number; it is taken as unknown: \"12..5\""
        ]
    );
}

#[test]
fn contracts_take_the_words_of_their_columns_in_any_case() {
    let (psa, said) = load(
        TableKind::Contracts,
        "contract_id,client_id,status,bill_cycle,bill_timing,proration,currency\n\
         K1,C1,Expired,Annually,ADVANCE,Actual Days,\nK2,C1,,,,,\n",
    );
    assert!(said.is_empty(), "{said:?}");
    let terms: Vec<_> = psa.contracts.iter().map(|c| (c.active, c.bill_cycle, c.bill_timing, c.proration)).collect();
    assert_eq!(
        terms,
        [
            (false, BillCycle::Annual, BillTiming::Advance, Some(Proration::ActualDays)),
            (true, BillCycle::Monthly, BillTiming::Arrears, None)
        ]
    );
}

#[test]
fn broken_contracts_are_left_out_and_named() {
    let (psa, said) = load(
        TableKind::Contracts,
        "contract_id,client_id,status,currency,start_date,end_date\nK1,C1,actve,,,\nK2,C1,,US$,,\n\
         K3,C1,,,2026-02-30,\nK4,C1,,,2026-02-01,2026-01-01\n",
    );
    assert!(psa.contracts.is_empty());
    assert!(said[0].contains("did you mean \"active\"?"), "{said:?}");
    assert!(said[1].starts_with("psa/t.csv:3:4: error[I118"), "{said:?}");
    assert!(said[2].starts_with("psa/t.csv:4:5: error[I106"), "{said:?}");
    assert!(said[3].starts_with("psa/t.csv:5:6: error[I106"), "{said:?}");
}

#[test]
fn a_line_is_read_exactly() {
    let (psa, said) = load(
        TableKind::ContractLines,
        "contract_line_id,contract_id,product_code,quantity,unit_price,pricing_model,flat_at_zero,billing,held\n\
         L1,K1,P1,2632.750,0.081,Per Unit,yes,Greater,1\n",
    );
    assert!(said.is_empty(), "{said:?}");
    let line = &psa.contract_lines[0];
    assert_eq!((line.quantity, line.unit_price), (Decimal::new(2_632_750, 3), Some(Decimal::new(81, 3))));
    assert!(line.flat_at_zero && line.held);
    assert_eq!(line.billing, Some(Billing::Greater));
}

#[test]
fn a_line_with_an_unreadable_cell_that_is_billed_on_is_left_out_and_remembered() {
    let (psa, said) = load(
        TableKind::ContractLines,
        "contract_line_id,contract_id,product_code,quantity,unit_price,unit_cost,pricing_model,package_size\n\
         L1,K1,P1,many,,,,\nL2,K1,P1,,,,,\nL3,K1,P1,1,x,,,\nL4,K1,P1,1,,x,,\nL5,K1,P1,1,,x,cost_plus,\n\
         L6,K1,P1,1,,,tired,\nL7,K1,P1,1,,,package,0\n",
    );
    assert_eq!(psa.contract_lines.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["L4"]);
    assert_eq!(psa.left_out.len(), 6);
    assert!(psa.left_out.iter().all(|l| l.client_id.as_str() == "C1" && l.product_code.as_str() == "P1"));
    assert_eq!(said.len(), 7, "{said:?}");
    assert!(said.iter().all(|f| f.contains("error[")), "{said:?}");
}

#[test]
fn a_table_without_its_ids_is_not_used() {
    let (psa, said) = load(TableKind::ContractLines, "contract_line_id,contract_id,quantity\nL1,K1,1\n");
    assert!(psa.contract_lines.is_empty());
    assert_eq!(
        said,
        ["psa/t.csv: error[I103 missing-column]: the table has no column product_code, and nothing of it is used"]
    );
}

#[test]
fn numbers_and_dates_are_read_in_one_way_only() {
    let (psa, said) = load(
        TableKind::ContractLines,
        "contract_line_id,contract_id,product_code,quantity,unit_price,effective_date\n\
         L1,K1,P1,2,$1.50,2026-01-31T00:00:00Z\nL2,K1,P1,1.23457E+17,,\nL3,K1,P1,1,,01/02/2026\n\
         L4,K1,P1,1,,2026-02-30\n",
    );
    let line = &psa.contract_lines[0];
    assert_eq!(psa.contract_lines.len(), 1);
    assert_eq!(line.unit_price, Some(Decimal::new(150, 2)));
    assert_eq!(line.effective_date, chrono::NaiveDate::from_ymd_opt(2026, 1, 31));
    assert!(said[0].starts_with("psa/t.csv:3:4: error[I117 lost-precision]: quantity: "), "{said:?}");
    assert!(said[1].starts_with("psa/t.csv:4:6: error[I107 ambiguous-date]: effective_date: "), "{said:?}");
    assert!(said[2].starts_with("psa/t.csv:5:6: error[I106 bad-date]: effective_date: "), "{said:?}");
}
