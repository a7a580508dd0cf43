//! The books that measuring works on are what `examples/generate-book` says they are: every row ends where it
//! was made to end, and every contract line compares as it was made to.

#[path = "../examples/generate-book/book/mod.rs"]
mod book;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use book::{Format, Made, PERIOD, Plan, RowCounts, Shape};
use rust_decimal::Decimal;
use trueup::engine::{Settings, reconcile};
use trueup::ingest::Silent;

type Rows = Vec<BTreeMap<String, String>>;

fn plan(rows: u64, format: Format, shape: Shape) -> Plan {
    let usual = Plan::usual(rows, format, shape);
    Plan { files: usual.files.min(50), clients: 20, names: 400, seed: 7, ..usual }
}

fn made(plan: &Plan, dir: &Path) -> Made {
    let made = book::write(plan, dir, 2).expect("the book is written");
    let settings = Settings::new(dir, NonZeroUsize::new(2).expect("some"));
    reconcile(&settings, &Silent).expect("the book reconciles");
    made
}

fn output(dir: &Path, name: &str) -> Rows {
    let path = dir.join("out").join(PERIOD).join(name);
    let mut reader = csv::Reader::from_path(path).expect("the output is there");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn sum(rows: &Rows, column: &str) -> Decimal {
    let exact = |text: &String| Decimal::from_str_exact(text).expect("a decimal");
    rows.iter().map(|row| &row[column]).filter(|text| !text.is_empty()).map(exact).sum()
}

/// Where rows ended, in the generator's words.
fn ended(dir: &Path) -> RowCounts {
    let controls = output(dir, "controls.csv");
    assert!(controls.iter().all(|row| row["balanced"] == "true"));
    let count = |names: &[&str]| {
        let sum: Decimal = names.iter().map(|name| sum(&controls, &format!("{name}_rows"))).sum();
        u64::try_from(sum).expect("a count")
    };
    RowCounts {
        read: u64::try_from(sum(&controls, "rows_read")).expect("a count"),
        metered: count(&["billed", "covered", "unbilled"]),
        duplicate: count(&["duplicate"]),
        rejected: count(&["rejected"]),
        out_of_period: count(&["out_of_period"]),
        unmapped: count(&["unmapped"]),
        internal: count(&["internal"]),
        over_two_lines: 0,
        repeated: 0,
    }
}

#[test]
fn every_row_ends_where_it_was_made_to() {
    for format in [Format::TrueupUsage, Format::Pax8Invoice, Format::MicrosoftNce] {
        let dir = tempfile::tempdir().expect("a folder");
        let made = made(&plan(2000, format, Shape::Usual), dir.path());
        let expected = RowCounts { over_two_lines: 0, repeated: 0, ..made.rows };
        assert_eq!(ended(dir.path()), expected, "{}", format.id());
        let all = [expected.metered, expected.duplicate, expected.rejected, expected.out_of_period];
        assert!(all.iter().chain(&[expected.unmapped, expected.internal]).all(|n| *n > 0), "{expected:?}");
        assert!(made.rows.over_two_lines > 0);

        let lines = output(dir.path(), "invoice_lines.csv");
        let discrepancies = output(dir.path(), "discrepancies.csv");
        let of = |code: &str| -> Rows { discrepancies.iter().filter(|row| row["code"] == code).cloned().collect() };
        let without_line = of("R403");
        let metered = sum(&lines, "metered_quantity") + sum(&without_line, "metered_quantity");
        assert_eq!(metered, Decimal::from_str_exact(&made.metered_quantity).expect("a decimal"), "{}", format.id());
        assert_eq!(lines.len() as u64, made.lines.written);
        assert_eq!(of("R401").len() as u64, made.lines.under);
        assert_eq!(without_line.len() as u64, made.lines.not_on_contract);
        let short = discrepancies.iter().filter(|row| row["difference"].starts_with('-')).count() as u64;
        assert_eq!(short, made.lines.over + made.lines.no_usage);
    }
}

#[test]
fn the_extremes_are_what_they_say() {
    for format in [Format::TrueupUsage, Format::Pax8Invoice] {
        for shape in [
            Shape::ManyFiles,
            Shape::OneFile,
            Shape::AllRejected,
            Shape::AllDuplicates,
            Shape::OneRow,
            Shape::DistinctAccounts,
            Shape::UnmappedAccounts,
        ] {
            let dir = tempfile::tempdir().expect("a folder");
            let rows = made(&plan(600, format, shape), dir.path()).rows;
            let expected = RowCounts { over_two_lines: 0, repeated: 0, ..rows };
            assert_eq!(ended(dir.path()), expected, "{} {shape:?}", format.id());
            let most = match shape {
                Shape::Usual | Shape::ManyFiles | Shape::OneFile | Shape::DistinctAccounts => rows.metered,
                Shape::AllRejected => rows.rejected,
                Shape::AllDuplicates | Shape::OneRow => rows.duplicate,
                Shape::UnmappedAccounts => rows.unmapped,
            };
            assert!(most >= 450, "{} {shape:?}: {rows:?}", format.id());
        }
    }
}

#[test]
fn the_same_plan_writes_the_same_bytes_on_any_number_of_threads() {
    let bytes = |threads| {
        let dir = tempfile::tempdir().expect("a folder");
        book::write(&plan(500, Format::MicrosoftNce, Shape::Usual), dir.path(), threads).expect("written");
        let files = walkdir::WalkDir::new(dir.path()).sort_by_file_name().into_iter().filter_map(Result::ok);
        let files = files.filter(|e| e.file_type().is_file());
        files.map(|e| fs_err::read(e.path()).expect("readable")).collect::<Vec<_>>()
    };
    assert_eq!(bytes(1), bytes(3));
}

#[test]
fn a_folder_that_holds_anything_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    fs_err::write(dir.path().join("mine.txt"), "mine").expect("written");
    let error = book::write(&plan(50, Format::TrueupUsage, Shape::Usual), dir.path(), 1).expect_err("it is not empty");
    assert!(error.to_string().contains("is not empty"), "{error}");
    assert_eq!(fs_err::read_dir(dir.path()).expect("there").count(), 1);
}
