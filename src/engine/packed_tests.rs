//! A book whose PSA tables are sheets of one workbook and whose exports lie in one archive.

use std::num::NonZeroUsize;

use super::{Settings, reconcile};
use crate::ingest::Silent;
use crate::ingest::made::{simple_xlsx, zip};

const CLIENTS: &str = "client_id,name\nC1,Contoso\nC2,Fabrikam\n";
const PRODUCTS: &str = "product_code,name,unit_price\nP1,Backup,12.5\n";
const CONTRACTS: &str = "contract_id,client_id,name,currency\nK1,C1,Care,USD\nK2,C2,Care,USD\n";
const LINES: &str = "contract_line_id,contract_id,product_code,quantity\nL1,K1,P1,2\nL2,K2,P1,1\n";
const FIRST: &str =
    "provider_name,sub_account_name,sku_id,charge_description,quantity,currency\nAcme,Contoso,S,Backup,3,USD\n";
const SECOND: &str =
    "provider_name,sub_account_name,sku_id,charge_description,quantity,currency\nAcme,Fabrikam,S,Backup,1,USD\n";

/// Runs a book of these files, and reads back an output.
fn run(files: &[(&str, &[u8])], output: &str) -> (Vec<String>, String) {
    let book = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = book.path().join(path);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs_err::write(path, bytes).expect("written");
    }
    let concluded = reconcile(&Settings::new(book.path(), NonZeroUsize::MIN), &Silent).expect("a run");
    let text = fs_err::read_to_string(concluded.folder.join(output)).expect("an output");
    let sources = fs_err::read_to_string(concluded.folder.join("controls.csv")).expect("controls");
    let sources = sources.lines().skip(1).filter_map(|l| l.split(',').next().map(String::from)).collect();
    (sources, text)
}

#[test]
fn sheets_and_members_reconcile_as_files_do() {
    let map = "provider_name,sku_id,product_code,status\nAcme,S,P1,mapped\n".as_bytes();
    let plain: [(&str, &[u8]); 7] = [
        ("psa/clients.csv", CLIENTS.as_bytes()),
        ("psa/products.csv", PRODUCTS.as_bytes()),
        ("psa/contracts.csv", CONTRACTS.as_bytes()),
        ("psa/contract_lines.csv", LINES.as_bytes()),
        ("usage/2026-10/a.csv", FIRST.as_bytes()),
        ("usage/2026-10/b.csv", SECOND.as_bytes()),
        ("map/products.csv", map),
    ];
    let psa = simple_xlsx(&[
        ("About", "These tables,are the PSA's\n"),
        ("Clients", CLIENTS),
        ("Products", PRODUCTS),
        ("Contracts", CONTRACTS),
        ("Lines", LINES),
    ]);
    let usage = zip(&[("a.csv", FIRST.as_bytes()), ("b.xlsx", &simple_xlsx(&[("Usage", SECOND)]))]);
    let packed: [(&str, &[u8]); 3] =
        [("psa/export.xlsx", &psa), ("usage/2026-10/all.zip", &usage), ("map/products.csv", map)];
    let (sources, lines) = run(&packed, "invoice_lines.csv");
    assert_eq!(sources, ["usage/2026-10/all.zip#a.csv", "usage/2026-10/all.zip#b.xlsx#Usage"]);
    assert_eq!(lines, run(&plain, "invoice_lines.csv").1);
    assert!(lines.contains("Contoso") && lines.contains("37.50"), "{lines}");
}
