//! Law 1, conservation, and law 5, lineage: what the test knows it wrote is what was read, each row ends in
//! one bucket, and the buckets add up.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rust_decimal::Decimal;
use trueup::control::Bucket;

use super::plan::{Plan, book};
use super::run::{Book, Outputs, Table, lineage};

type Sum = (u64, Decimal, Decimal);

fn plus(sum: &mut Sum, more: Sum) {
    *sum = (sum.0 + more.0, sum.1 + more.1, sum.2 + more.2);
}

/// Every file and currency: read as written, and the buckets add up to what was read.
fn controls_hold(book: &Book, outputs: &Outputs) {
    let controls = Table::read(outputs, "controls.csv");
    let mut written: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for file in &book.usage {
        for (currency, sum) in file.sums() {
            written.insert((file.source.clone(), currency.to_string()), sum);
        }
    }
    let mut read = BTreeMap::new();
    for row in &controls.rows {
        let sum = |prefix: &str, suffix: &str| {
            let number = |what: &str| controls.decimal(row, &format!("{prefix}{what}{suffix}")).expect("a number");
            let rows = u64::try_from(number("rows")).expect("a count");
            (rows, number("quantity"), number("cost"))
        };
        let stated = sum("", "_read");
        let mut placed = Sum::default();
        for bucket in Bucket::ALL {
            plus(&mut placed, sum(&format!("{}_", bucket.name()), ""));
        }
        assert_eq!(placed, stated, "the buckets of {row:?}");
        assert_eq!(controls.cell(row, "balanced"), "true");
        read.insert((controls.cell(row, "source").to_string(), controls.cell(row, "currency").to_string()), stated);
    }
    assert_eq!(read, written, "read as written");
}

/// Every row once, where it was written, and as many in each bucket as the controls say.
fn lineage_holds(book: &Book, outputs: &Outputs) {
    let traced = lineage(outputs);
    let mut places: Vec<(String, u64)> = traced.iter().map(|t| (t.source.clone(), t.line)).collect();
    let mut written: Vec<(String, u64)> = Vec::new();
    for file in &book.usage {
        written.extend(file.rows().into_iter().map(|(line, _)| (file.source.clone(), line)));
    }
    assert_eq!(places, written, "rows in order of file and line");
    places.dedup();
    assert_eq!(places.len(), traced.len(), "each place once");

    let controls = Table::read(outputs, "controls.csv");
    for file in &book.usage {
        for bucket in Bucket::ALL {
            let traced =
                traced.iter().filter(|t| t.source == file.source && t.bucket == bucket.name()).count().to_string();
            let own = controls.rows.iter().filter(|r| controls.cell(r, "source") == file.source);
            let counted: Decimal =
                own.map(|r| controls.decimal(r, &format!("{}_rows", bucket.name())).expect("a count")).sum();
            assert_eq!(traced, counted.to_string(), "{} {}", file.source, bucket.name());
        }
    }

    let known = |name: &str, column: &str| -> BTreeSet<String> {
        Table::read(outputs, name).column(column).into_iter().map(ToString::to_string).collect()
    };
    let (lines, discrepancies) = (known("invoice_lines.csv", "line_id"), known("discrepancies.csv", "discrepancy_id"));
    for row in &traced {
        assert!(row.line_id.is_empty() || lines.contains(&row.line_id), "{row:?} leads to a line item");
        assert!(
            row.discrepancy_id.is_empty() || discrepancies.contains(&row.discrepancy_id),
            "{row:?} leads to a discrepancy"
        );
        match row.bucket.as_str() {
            "billed" => assert!(!row.line_id.is_empty(), "{row:?} feeds a line item"),
            "unbilled" => assert!(!row.discrepancy_id.is_empty(), "{row:?} is carried by a discrepancy"),
            _ => {}
        }
    }
}

/// `rejects.csv` and `duplicates.csv` list the rows of their buckets, and the test's own broken rows.
fn lists_hold(book: &Book, outputs: &Outputs) {
    let place = |table: &Table, row: &[String], source: &str, line: &str| {
        (table.cell(row, source).to_string(), table.cell(row, line).parse::<u64>().expect("a line"))
    };
    let traced = lineage(outputs);
    let of = |bucket: &str| -> Vec<(String, u64)> {
        traced.iter().filter(|t| t.bucket == bucket).map(|t| (t.source.clone(), t.line)).collect()
    };
    let rejects = Table::read(outputs, "rejects.csv");
    let listed: Vec<_> = rejects.rows.iter().map(|r| place(&rejects, r, "source", "line")).collect();
    assert_eq!(listed, of("rejected"), "rejects.csv is the bucket");

    let mut spoilt = BTreeSet::new();
    for file in &book.usage {
        let broken = file.rows().into_iter().filter(|(_, held)| held.rejected);
        spoilt.extend(broken.map(|(line, _)| (file.source.clone(), line)));
    }
    let unreadable: BTreeSet<_> = rejects
        .rows
        .iter()
        .filter(|r| rejects.cell(r, "code") != "T203")
        .map(|r| place(&rejects, r, "source", "line"))
        .collect();
    assert_eq!(unreadable, spoilt, "the rows that were spoilt, and no others");

    let duplicates = Table::read(outputs, "duplicates.csv");
    let listed: Vec<_> = duplicates.rows.iter().map(|r| place(&duplicates, r, "source", "line")).collect();
    let bucket = of("duplicate");
    assert_eq!(listed, bucket, "duplicates.csv is the bucket");
    for row in &duplicates.rows {
        let kept = place(&duplicates, row, "kept_source", "kept_line");
        let is_row = traced.iter().any(|t| (&t.source, t.line) == (&kept.0, kept.1));
        assert!(is_row && !bucket.contains(&kept), "{row:?} names a row that is kept");
    }
}

fn holds(plan: &Plan) {
    let book = Book::new(plan);
    let outputs = book.outputs();
    controls_hold(&book, &outputs);
    lineage_holds(&book, &outputs);
    lists_hold(&book, &outputs);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::cases(30) })]

    #[test]
    fn every_row_ends_in_one_bucket_and_the_buckets_add_up(plan in book()) {
        holds(&plan);
    }
}
