//! One business in the books of three PSAs: what each writes is kept as golden files, and the three must come
//! to the same invoices and the same disagreements. `TRUEUP_BLESS=1` writes the golden files again; what the
//! month must come to is also stated here by hand.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::{Book, value};

const BOOKS: [&str; 3] = ["connectwise", "autotask", "halopsa"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A book of the examples, reconciled.
fn reconciled(name: &str) -> Book {
    let book = Book::empty();
    book.lay(&root().join("examples").join(name));
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
    book
}

/// What a PSA's file of changes is called.
fn changes_of(name: &str) -> &'static str {
    match name {
        "connectwise" => "connectwise_additions.csv",
        "autotask" => "autotask_contract_service_adjustments.csv",
        _ => "halopsa_recurring_invoice_lines.csv",
    }
}

fn totals(book: &Book) -> BTreeMap<String, String> {
    let mut sums: BTreeMap<String, rust_decimal::Decimal> = BTreeMap::new();
    for row in book.rows("invoice_lines.csv") {
        let amount = rust_decimal::Decimal::from_str_exact(value(&row, "amount")).expect("an amount");
        let sum = sums.entry(value(&row, "client_name").to_string()).or_default();
        *sum = sum.checked_add(amount).expect("small");
    }
    sums.into_iter().map(|(client, sum)| (client, sum.to_string())).collect()
}

fn discrepancies(book: &Book) -> Vec<String> {
    let columns = ["code", "client_name", "product_name", "difference", "impact", "owed_by"];
    let mut rows = book.columns("discrepancies.csv", &columns);
    rows.sort();
    rows
}

#[test]
fn each_book_comes_out_as_it_is_kept() {
    for name in BOOKS {
        let book = reconciled(name);
        let golden = root().join("tests/golden/psa").join(name);
        for file in ["invoice_lines.csv", "discrepancies.csv", "quantity_changes.csv", changes_of(name)] {
            let written = book.text(&format!("out/2026-10/{file}"));
            let kept = golden.join(file);
            if std::env::var_os("TRUEUP_BLESS").is_some() {
                fs_err::create_dir_all(&golden).expect("made");
                fs_err::write(&kept, &written).expect("blessed");
            }
            let kept = fs_err::read_to_string(&kept).expect("kept");
            assert!(written == kept, "{name}/{file}; if it is meant, write it with TRUEUP_BLESS=1:\n{written}");
        }
    }
}

#[test]
fn the_three_books_bill_the_same_and_disagree_about_the_same() {
    // By hand: 10 × 6.00 × 14/31 = 27.10 and 14 × 6.00 × 17/31 = 46.06; 22 × 26.00, and 4 × 6.00 of the branch that
    // the group pays for; (650 − 500) × 0.09; a year of the firewall; 10 × 26.00.
    let bill = [
        ("Alder & Finch Architects", "73.16"),
        ("Bramblewick Dental Group", "596.00"),
        ("Copperkettle Brewing Co.", "13.50"),
        ("Dovecote Veterinary Clinic", "650.00"),
        ("Eastmarch Logistics LLC", "260.00"),
    ];
    let bill: BTreeMap<String, String> = bill.iter().map(|(c, a)| ((*c).to_string(), (*a).to_string())).collect();
    let disagreements = [
        "R401|Bramblewick Dental Group|Microsoft 365 Business Premium|2|52.00|client",
        "R401|Copperkettle Brewing Co.|Cloud Backup Storage|50|4.50|client",
        "R402|Eastmarch Logistics LLC|Microsoft 365 Business Premium|-2|52.00|msp",
        "R403|Bramblewick Dental Group|Managed Endpoint Detection|2|12.00|client",
        "R405|Eastmarch Logistics LLC|Proofpoint Essentials Advanced|3|12.75|client",
    ];
    for name in BOOKS {
        let book = reconciled(name);
        assert_eq!(totals(&book), bill, "{name}");
        assert_eq!(discrepancies(&book), disagreements, "{name}");
    }
}

#[test]
fn the_books_say_nothing_but_what_the_psa_left_out() {
    for (name, said) in [("connectwise", 0), ("autotask", 2), ("halopsa", 2)] {
        let summary = reconciled(name).text("out/2026-10/summary.json");
        let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
        let findings = summary["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), said, "{name}: {findings:#?}");
    }
}

#[test]
fn the_file_of_a_psa_is_written_only_where_one_is_named() {
    let book = Book::empty();
    book.lay(&root().join("examples/connectwise"));
    book.put("trueup.toml", "");
    assert_eq!(book.reconcile().code, Some(0));
    let written = |book: &Book, file: &str| Path::exists(&book.path(&format!("out/2026-10/{file}")));
    assert!(BOOKS.iter().all(|name| !written(&book, changes_of(name))));
    // The command line beats the settings, and a run leaves no other PSA's file behind.
    book.put("trueup.toml", "[psa]\nchanges = \"halopsa\"\n");
    let ran = book.run(&["reconcile", "--period", "2026-10", "--psa", "connectwise"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(written(&book, changes_of("connectwise")) && !written(&book, changes_of("halopsa")));
}

#[test]
fn detect_validate_and_tidy_know_the_psas_tables() {
    for name in BOOKS {
        let book = Book::empty();
        book.lay(&root().join("examples").join(name));
        let entries = fs_err::read_dir(book.path("psa")).expect("a folder");
        let mut files: Vec<String> =
            entries.map(|e| format!("psa/{}", e.expect("an entry").file_name().to_string_lossy())).collect();
        files.sort();
        let with = |verb: &[&'static str]| {
            let args: Vec<&str> = verb.iter().copied().chain(files.iter().map(String::as_str)).collect();
            book.run(&args)
        };
        let detected = with(&["detect"]);
        assert_eq!(detected.code, Some(0), "{}", detected.stderr);
        assert!(detected.stdout.contains(name), "{}", detected.stdout);
        let validated = with(&["validate", "--fail-on", "warning"]);
        assert_eq!(validated.code, Some(0), "{}{}", validated.stdout, validated.stderr);
        let tidied = with(&["tidy", "--format", "json"]);
        assert_eq!(tidied.code, Some(0), "{}", tidied.stderr);
        let tidied: serde_json::Value = serde_json::from_str(&tidied.stdout).expect("JSON");
        let health = &tidied["health"];
        assert_eq!((&health["records"], &health["clean"]), (&6.into(), &6.into()), "{name}: {tidied}");
    }
}
