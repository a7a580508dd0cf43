//! A large export is taken for what its head shows while it is read. Whatever stands behind the head, a run comes to what it
//! would have come to had it looked through the whole export first.

#[path = "../examples/generate-book/book/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod book;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use book::{Format, PERIOD, Plan, Shape};
use trueup::engine::{Settings, reconcile};
use trueup::ingest::Progress;

/// How often everything was read again.
#[derive(Default)]
struct Again(AtomicUsize);

impl Progress for Again {
    fn file(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn stage(&self, _: &str) {}
    fn again(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Two exports, each longer than a head.
fn made() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let plan = Plan { files: 2, clients: 20, names: 100, ..Plan::usual(6_000, Format::TrueupUsage, Shape::Usual) };
    book::write(&plan, dir.path(), 2).expect("the book is written");
    let usage = dir.path().join("usage").join(PERIOD);
    let mut exports: Vec<PathBuf> =
        fs_err::read_dir(usage).expect("a folder").map(|entry| entry.expect("an export").path()).collect();
    exports.sort();
    let last = exports.pop().expect("exports");
    assert!(fs_err::metadata(&last).expect("a file").len() > 300_000);
    (dir, last)
}

/// Every output by name, and how often everything was read again.
fn run(book: &Path, trusts: Option<u64>, threads: usize) -> (BTreeMap<String, Vec<u8>>, usize) {
    let again = Again::default();
    let settings = Settings { trusts, ..Settings::new(book, NonZeroUsize::new(threads).expect("some")) };
    reconcile(&settings, &again).expect("the book reconciles");
    let outputs = fs_err::read_dir(book.join("out").join(PERIOD)).expect("outputs").map(|entry| {
        let path = entry.expect("an output").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs_err::read(path).expect("readable"))
    });
    (outputs.collect(), again.0.into_inner())
}

/// With these bytes behind the last export, the same comes of the book on trust and without; and it is read again so often.
fn says_the_same(behind: &[u8], expected: usize) {
    let (dir, export) = made();
    let mut bytes = fs_err::read(&export).expect("readable");
    bytes.extend_from_slice(behind);
    fs_err::write(&export, bytes).expect("written");
    let (whole, again) = run(dir.path(), None, 2);
    assert_eq!(again, 0);
    for threads in [1, 2, 5] {
        let (on_trust, again) = run(dir.path(), Some(0), threads);
        assert_eq!(again, expected, "{:?}", String::from_utf8_lossy(behind));
        assert!(on_trust.keys().eq(whole.keys()));
        let differing: Vec<&String> = whole.keys().filter(|name| whole[*name] != on_trust[*name]).collect();
        assert_eq!(differing, [""; 0], "{:?}", String::from_utf8_lossy(behind));
    }
}

const ROW: &str = "Meridian,Café Ltd,MRD-0011,Managed Firewall Plus,LX1,2026-10-01,2026-11-01,1,2,2,USD\n";

#[test]
fn an_export_that_keeps_to_its_head_is_read_once() {
    says_the_same(ROW.as_bytes(), 0);
}

/// Several threads read one export; what takes all of its rows is concluded by whoever is done last.
#[test]
fn what_stands_behind_rows_that_others_read_is_what_it_is() {
    for behind in [
        "Total,,,,,,,6,12,12,USD\n\nMade for Café Ltd\n".to_string(),
        format!("a lone cell\n{}", ROW.repeat(700)),
        format!("Meridian,\"open,{ROW}a lone cell\nMeridian,\"two\nlines\"\n{}", ROW.repeat(700)),
        format!("{}{ROW}", "a lone cell\n".repeat(60)),
        "a lone cell\n".repeat(60),
    ] {
        says_the_same(behind.as_bytes(), 0);
    }
}

#[test]
fn so_many_notes_that_they_may_be_rows_are_concluded_in_their_order() {
    // Whether it is read again depends on who read the rows before them.
    let (dir, export) = made();
    let mut bytes = fs_err::read(&export).expect("readable");
    bytes.extend_from_slice("a lone cell\n".repeat(20_000).as_bytes());
    fs_err::write(&export, bytes).expect("written");
    let (whole, _) = run(dir.path(), None, 1);
    for threads in [1, 3] {
        assert!(run(dir.path(), Some(0), threads).0 == whole);
    }
}

#[test]
fn another_encoding_behind_the_head_is_seen() {
    let row: Vec<u8> = ROW.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin")).collect();
    says_the_same(&row, 1);
}

#[test]
fn an_end_in_the_middle_of_a_character_is_seen() {
    says_the_same(&ROW.as_bytes()["Meridian,Caf".len()..]["é".len() - 1..][..1], 1);
    says_the_same(&[ROW.as_bytes(), &"Meridian,Café".as_bytes()[..13]].concat(), 1);
}

#[test]
fn a_row_cut_off_at_the_end_is_seen() {
    says_the_same(ROW.trim_end().as_bytes(), 1);
    says_the_same(&ROW.as_bytes()[..30], 1);
}

#[test]
fn numbers_and_dates_written_another_way_are_seen() {
    says_the_same(ROW.replace(",1,2,2,", ",1,\"2,5\",\"2,5\",").as_bytes(), 1);
    says_the_same(ROW.replace(",1,2,2,", ",1,\"1.234.567,5\",\"1.234.567,5\",").as_bytes(), 1);
}

#[test]
fn what_makes_a_text_more_than_it_seems_is_seen() {
    for name in ["\"a \\\" b\"", "a\0b", "a\u{1b}$Bb"] {
        says_the_same(ROW.replace("Café Ltd", name).as_bytes(), 1);
    }
}
