//! The demo book, from the built program to every byte it writes. `TRUEUP_BLESS=1` writes the golden files
//! again; what the months must come to is also stated here by hand, so that blessing cannot hide a wrong sum.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use polars::prelude::{ParquetReader, SerReader};
use trueup::finding::Code;

const PERIODS: [&str; 2] = ["2026-09", "2026-10"];
const LINEAGE: &str = "lineage.parquet";

type Rows = Vec<BTreeMap<String, String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of the demo book in a new folder, without what a run may have left there.
fn book() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let from = root().join("examples/demo");
    for entry in walkdir::WalkDir::new(&from).into_iter().map(|e| e.expect("the demo book")) {
        let path = entry.path().strip_prefix(&from).expect("below the root");
        if path.starts_with("out") || !entry.file_type().is_file() {
            continue;
        }
        let to = dir.path().join(path);
        fs_err::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs_err::copy(entry.path(), to).expect("copied");
    }
    dir
}

fn reconcile(book: &Path, period: &str) -> PathBuf {
    report(book, period);
    book.join("out").join(period)
}

/// Runs the program, and returns what it says on stdout.
fn report(book: &Path, period: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["reconcile", "--period", period, "--book"])
        .arg(book)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs_err::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn rows(file: &Path) -> Rows {
    let mut reader = csv::Reader::from_path(file).expect("a table");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

#[test]
fn the_demo_months_come_out_as_they_are_kept() {
    let book = book();
    for period in PERIODS {
        let out = reconcile(book.path(), period);
        let golden = root().join("tests/golden/demo").join(period);
        let written: Vec<String> = files(&out).into_iter().filter(|f| f != LINEAGE).collect();
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            fs_err::create_dir_all(&golden).expect("made");
            for file in &written {
                fs_err::copy(out.join(file), golden.join(file)).expect("blessed");
            }
        }
        assert_eq!(written, files(&golden), "{period}");
        for file in &written {
            let (now, kept) =
                (fs_err::read(out.join(file)).expect("written"), fs_err::read(golden.join(file)).expect("kept"));
            assert!(
                now == kept,
                "{period}/{file} differs from tests/golden/demo; if that is meant, write it with TRUEUP_BLESS=1:\n{}",
                String::from_utf8_lossy(&now)
            );
        }
    }
}

#[test]
fn lineage_has_the_rows_that_the_controls_count() {
    let book = book();
    for period in PERIODS {
        let out = reconcile(book.path(), period);
        let lineage = ParquetReader::new(fs_err::File::open(out.join(LINEAGE)).expect("lineage").into_file())
            .finish()
            .expect("readable");
        let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
        let column = |name: &str| lineage.column(name).expect("a column").str().expect("text").clone();
        let (sources, buckets) = (column("source"), column("bucket"));
        for (source, bucket) in sources.iter().zip(buckets.iter()) {
            let key = (source.expect("a source").to_string(), bucket.expect("a bucket").to_string());
            *found.entry(key).or_default() += 1;
        }
        let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
        for row in rows(&out.join("controls.csv")) {
            for (column, cell) in &row {
                let Some(bucket) = column.strip_suffix("_rows") else { continue };
                let n: u64 = cell.parse().expect("a count");
                if n > 0 {
                    *counted.entry((row["source"].clone(), bucket.to_string())).or_default() += n;
                }
            }
            assert_eq!(row["balanced"], "true");
        }
        assert_eq!(found, counted, "{period}");
        assert_eq!(found.values().sum::<u64>(), 157, "{period}");
    }
}

/// Code, client, product, decision and impact of each discrepancy, as worked out on paper.
#[test]
fn the_discrepancies_are_those_worked_out_by_hand() {
    let september = [
        // The line of five beside another of five, and five used: 5 × 6.00.
        "R402 LF-107 HUN-EDR - 30.00",
        "R409 LF-107 HUN-EDR - ",
        // 4 × (3.75 − 3.50).
        "R407 LF-111 SEN-CTRL - 1.00",
        // Keeper sent nothing, so its three lines are not compared.
        "R416 LF-104 KPR-BUS - ",
        "R416 LF-109 KPR-ENT - ",
        "R416 LF-110 KPR-BUS - ",
        // Decided: 2 × 15.50 kept, 4 × 4.50 accepted.
        "R402 LF-105 M365-BS keep 31.00",
        "R403 LF-111 PPT-ADV accept 18.00",
    ];
    let october = [
        // 2 − 2 + 4 seats, 2 on contract: 2 × 29.50.
        "R401 LF-101 M365-BP - 59.00",
        // 22 + 14 + 11 over three sites, 40 on contract: 7 × 5.75.
        "R401 LF-105 HUN-EDR - 40.25",
        // 38.125 GB above the 500 included, at 0.09: 3.43125.
        "R401 LF-105 BKP-GB - 3.43",
        // The most at once, 13 of 10: 3 × 5.50.
        "R401 LF-110 KPR-BUS - 16.50",
        // One unit and at most ten dollars: within tolerance, so info.
        "R401 LF-102 PPT-ADV - 4.25",
        "R401 LF-112 SAAS-M365 - 3.50",
        // 4 × 18.00.
        "R402 LF-103 M365-BS - 72.00",
        "R402 LF-107 HUN-EDR - 30.00",
        // 25 − 25 + 23 of 20 + 5: two off the newer line at 15.50.
        "R402 LF-108 M365-BS - 31.00",
        "R402 LF-105 M365-BS keep 31.00",
        // 3 × 12.50 at the catalogue price.
        "R403 LF-103 PBI-PRO - 37.50",
        "R403 LF-111 PPT-ADV accept 18.00",
        // 2 × 48.00.
        "R404 LF-108 TEAMS-ROOMS - 96.00",
        // 4 × 5.50 at the ended line's price; 7 × 3.00 at the later line's.
        "R405 LF-104 KPR-BUS - 22.00",
        "R406 LF-110 HUN-ITDR - 21.00",
        "R407 LF-111 SEN-CTRL - 1.00",
        // 5 × (22.18 − 21.12).
        "R408 LF-112 M365-BP - 5.30",
        "R409 LF-107 HUN-EDR - ",
        // An unmapped account holds units of the product, so the shortfall of 3 concludes nothing.
        "R416 LF-106 SEN-CTRL - ",
        // The row of 12..5.
        "R419 LF-109 HUN-EDR - ",
    ];
    let book = book();
    for (period, mut expected) in [("2026-09", september.to_vec()), ("2026-10", october.to_vec())] {
        let out = reconcile(book.path(), period);
        let mut found: Vec<String> = rows(&out.join("discrepancies.csv"))
            .iter()
            .map(|r| {
                let decision = if r["decision"].is_empty() { "-" } else { &r["decision"] };
                format!("{} {} {} {decision} {}", r["code"], r["client_id"], r["product_code"], r["impact"])
            })
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{period}");
    }
}

/// What docs/codes/ shows as an example is what the program says, wherever the demo has such a case.
#[test]
fn the_examples_of_the_codes_are_what_is_printed() {
    let book = book();
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for period in PERIODS {
        let out = reconcile(book.path(), period);
        for row in rows(&out.join("discrepancies.csv")) {
            said.entry(row["code"].clone()).or_default().push(row["message"].clone());
        }
        let summary = fs_err::read_to_string(out.join("summary.json")).expect("a summary");
        let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
        for group in summary["findings"].as_array().expect("findings") {
            let code = group["code"].as_str().expect("a code").to_string();
            for example in group["examples"].as_array().expect("examples") {
                let text = |key: &str| example[key].as_str().unwrap_or_default().to_string();
                let of_finding = [text("place"), text("value"), text("message")].join("|");
                said.entry(code.clone()).or_default().push(of_finding);
            }
        }
    }
    assert!(said.len() > 15, "{:?}", said.keys());
    for (code, texts) in &said {
        let known = Code::ALL.iter().find(|c| c.id() == code).expect("a known code").example();
        let shown = if code.starts_with('R') {
            known.message.to_string()
        } else {
            [known.place, known.value, known.message].join("|")
        };
        assert!(texts.contains(&shown), "{code}: docs show {shown:?}, the demo says {texts:?}");
    }
}

/// The run that the README shows is a real one.
#[test]
fn the_readme_shows_what_is_printed() {
    let printed = report(book().path(), "2026-10");
    let (screen, _) = printed.split_once("\n\nOutputs are in").expect("a report");
    let path = root().join("README.md");
    let readme = fs_err::read_to_string(&path).expect("README.md");
    let (before, rest) = readme.split_once("```\n2026-10 ").expect("the report of the month");
    let (shown, after) = rest.split_once("\n```").expect("its end");
    if std::env::var_os("TRUEUP_BLESS").is_some() {
        fs_err::write(&path, format!("{before}```\n{screen}\n```{after}")).expect("blessed");
        return;
    }
    assert_eq!(format!("2026-10 {shown}"), screen, "write README.md again with TRUEUP_BLESS=1");
}
