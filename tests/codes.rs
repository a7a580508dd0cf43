//! Every finding code has a folder here that provokes it and a golden of its text: `<CODE>-<name>/book` is
//! laid over `base`, and what the program then says and writes about the code is `expected.txt`.
//! `TRUEUP_BLESS=1` writes the goldens anew; read them as the billing admin would before committing them.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use support::Book;
use trueup::finding::Code;

/// Codes that `reconcile` does not say, and why.
const NOT_MET: &[(Code, &str)] = &[
    (Code::T205, "said by `tidy` of PSA files: tests/tidy.rs has its text"),
    (Code::T206, "said by `tidy` of PSA files: tests/tidy.rs has its text"),
    (Code::T207, "said by `tidy` of PSA files: tests/tidy.rs has its text"),
];

/// Outputs whose rows carry a code.
const CODED: &[&str] = &["discrepancies.csv", "rejects.csv", "duplicates.csv"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codes")
}

fn cases() -> Vec<(Code, PathBuf)> {
    let mut cases = Vec::new();
    for entry in fs_err::read_dir(folder()).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("text").to_string();
        if name == "base" {
            continue;
        }
        let code = Code::ALL.iter().find(|c| name.starts_with(&format!("{}-{}", c.id(), c.name())));
        cases.push((*code.unwrap_or_else(|| panic!("{name} is not named <CODE>-<name>")), path));
    }
    cases.sort();
    cases
}

/// What the admin gets to see of a code, and whether it occurred.
fn shown(code: Code, book: &Book) -> (String, bool) {
    let ran = book.reconcile();
    let mut text = format!("exit code: {}\n", ran.code.expect("not killed"));
    let mut occurs = ran.stderr.contains(&format!("[{code}]"));
    text += "\nsaid:\n";
    text += &ran.stderr;
    if ran.code == Some(0) {
        let _ = writeln!(
            text,
            "\nverdict: {}",
            book.verdict().trim_start_matches("run|").trim_end_matches('|').replace('|', ": ")
        );
        let unmapped = matches!(code, Code::M301 | Code::M302 | Code::M303);
        for name in CODED.iter().copied().chain(unmapped.then_some("unmapped.csv")) {
            for row in book.rows(name) {
                if name != "unmapped.csv" && support::value(&row, "code") != code.id() {
                    continue;
                }
                occurs = true;
                let _ = writeln!(text, "\n{name}:");
                for (column, value) in row.iter().filter(|(_, value)| !value.is_empty()) {
                    let _ = writeln!(text, "  {column}: {value}");
                }
            }
        }
    }
    (text, occurs)
}

#[test]
fn every_code_says_what_its_golden_says() {
    let bless = std::env::var_os("TRUEUP_BLESS").is_some();
    let mut wrong = Vec::new();
    for (code, path) in cases() {
        let book = Book::new();
        book.lay(&path.join("book"));
        let (text, occurs) = shown(code, &book);
        assert!(occurs, "{} does not provoke {code}:\n{text}", path.display());
        let golden = path.join("expected.txt");
        if bless {
            fs_err::write(&golden, &text).expect("written");
        } else if fs_err::read_to_string(&golden).ok().as_deref() != Some(text.as_str()) {
            wrong.push(format!("{}:\n{text}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "these differ (TRUEUP_BLESS=1 writes them anew):\n{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_folder_or_a_reason() {
    let there: BTreeSet<Code> = cases().into_iter().map(|(code, _)| code).collect();
    let excused: BTreeSet<Code> = NOT_MET.iter().map(|(code, _)| *code).collect();
    let lacking: Vec<&Code> = Code::ALL.iter().filter(|c| !there.contains(c) && !excused.contains(c)).collect();
    assert!(lacking.is_empty(), "no folder under tests/codes provokes {lacking:?}");
    let both: Vec<&Code> = there.intersection(&excused).collect();
    assert!(both.is_empty(), "{both:?} can be met after all");
}

/// What a golden shows comes from its case alone.
#[test]
fn the_base_book_has_nothing_to_say() {
    let book = Book::new();
    let ran = book.reconcile();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(book.verdict(), "run|ok|");
    assert_eq!(book.rows("invoice_lines.csv").len(), 3);
    for name in CODED.iter().chain(&["unmapped.csv", "quantity_changes.csv"]) {
        assert!(book.rows(name).is_empty(), "{name}");
    }
}

/// Of every discrepancy that is met here: any answer to it is entered beside it, a dismissed one is for the record, and once
/// the answer lapses it is asked again.
#[test]
fn every_discrepancy_takes_every_decision_and_asks_again_once_it_lapses() {
    let asked = cases().into_iter().filter(|(code, _)| code.id().starts_with('R') && *code != Code::R417);
    for (code, path) in asked {
        let book = Book::new();
        book.lay(&path.join("book"));
        let rows = |decisions: &str| {
            book.put("decisions.csv", format!("discrepancy_id,decision,quantity,until\n{decisions}"));
            assert_eq!(book.reconcile().code, Some(0), "{code}");
            book.columns("discrepancies.csv", &["discrepancy_id", "code", "decision", "severity", "message"])
        };
        let open = rows("");
        let of_code = open.iter().filter_map(|row| {
            let [id, of, "", severity, _] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{code}: {row}") };
            (of == code.id()).then(|| (id.to_string(), severity.to_string()))
        });
        for (id, severity) in of_code {
            for (kind, quantity) in [("accept", ""), ("keep", ""), ("set", "3"), ("dismiss", "")] {
                let severity = if kind == "dismiss" { "info" } else { &severity };
                let answered = format!("{id}|{}|{kind}|{severity}|", code.id());
                let decided = rows(&format!("{id},{kind},{quantity},\n"));
                assert_eq!(decided.iter().filter(|row| row.starts_with(&answered)).count(), 1, "{decided:#?}");
                let lapsed = rows(&format!("{id},{kind},{quantity},2026-10\n"));
                let again = format!("the decision {kind} on {id} ({code}) held until 2026-10: decide again");
                assert_eq!(lapsed.iter().filter(|row| row.ends_with(&again)).count(), 1, "{lapsed:#?}");
                let unanswered: Vec<&String> = lapsed.iter().filter(|row| !row.contains("|R417|")).collect();
                assert_eq!(unanswered, open.iter().collect::<Vec<_>>(), "{kind}");
            }
        }
    }
}
