//! Laws over books in which nothing happens would prove nothing: generated books reach every bucket, every
//! verdict, and the codes that the laws are about.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use trueup::control::Bucket;

use super::missing::only_from;
use super::plan::book;
use super::run::{Book, Table, lineage};

const CODES: &[&str] = &[
    "R401", "R402", "R403", "R404", "R405", "R406", "R412", "R413", "R416", "R418", "R419", "I104", "I105", "I106",
    "I111", "I118", "T201", "T202", "T203", "T204", "M301", "M302",
];
const MOST_BOOKS: usize = 160;

#[test]
fn generated_books_reach_what_the_laws_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut missing: BTreeSet<String> = CODES.iter().map(ToString::to_string).collect();
    missing.extend(Bucket::ALL.iter().map(|b| b.name().to_string()));
    missing.extend(["ok", "discrepant", "not_reconcilable", "accept", "keep", "set", "dismiss"].map(String::from));
    missing.extend(["review", "ready", "held", "minimum", "proration", "gone"].map(String::from));
    for _ in 0..MOST_BOOKS {
        let plan = book().new_tree(&mut runner).expect("a book").current();
        let mut book = Book::new(&plan);
        let outputs = book.outputs();
        let mut reach = |name: &str, columns: &[&str]| {
            let table = Table::read(&outputs, name);
            for column in columns {
                missing.retain(|word| !table.column(column).contains(&word.as_str()));
            }
        };
        reach("discrepancies.csv", &["code", "decision"]);
        reach("verdicts.csv", &["verdict"]);
        reach("invoice_lines.csv", &["status", "kind"]);
        reach("rejects.csv", &["code"]);
        reach("duplicates.csv", &["code"]);
        for row in lineage(&outputs) {
            missing.remove(&row.bucket);
        }
        let summary: serde_json::Value = serde_json::from_slice(&outputs["summary.json"]).expect("JSON");
        for finding in summary["findings"].as_array().expect("a list") {
            missing.remove(finding["code"].as_str().expect("text"));
        }
        // A vendor that is gone leaves questions behind.
        let vendor = plan.files[0].vendor;
        let plan = only_from(&plan, vendor);
        book = Book::undecided(&plan);
        book.replace_usage(book.usage.iter().filter(|f| f.vendor != vendor).cloned().collect());
        if missing.contains("gone") {
            let discrepancies = Table::read(&book.outputs(), "discrepancies.csv");
            let gone = |r: &&Vec<String>| {
                discrepancies.cell(r, "code") == "R416" && discrepancies.cell(r, "product_code") != "P0"
            };
            if discrepancies.rows.iter().any(|r| gone(&r)) {
                missing.remove("gone");
            }
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached in {MOST_BOOKS} books: {missing:?}");
}
