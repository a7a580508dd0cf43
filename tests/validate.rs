//! `trueup validate` as CI calls it: every form of report word for word, exit codes, pipes. `TRUEUP_BLESS=1` writes
//! what comes out over the goldens; look at the difference before committing it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/validate")
}

fn trueup(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(args).current_dir(folder()).env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    trueup(args).output().expect("ran")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn is_golden(name: &str, args: &[&str], code: i32) {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let path = folder().join("expected").join(name);
    if std::env::var_os("TRUEUP_BLESS").is_some() {
        std::fs::create_dir_all(folder().join("expected")).expect("made");
        std::fs::write(&path, &output.stdout).expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("a golden; TRUEUP_BLESS=1 writes it");
    let (read, wanted) = (text(&output.stdout), expected.as_str());
    for (at, (read, wanted)) in read.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(read, wanted, "{name}, line {}", at + 1);
    }
    assert!(read == wanted, "{name} is longer or shorter than it was");
}

const MESSY: &[&str] = &["validate", "keeper-october.csv", "unknown.csv"];

fn messy(form: &'static str) -> Vec<&'static str> {
    let mut args = MESSY.to_vec();
    args.extend(["--format", form]);
    args
}

#[test]
fn every_form_of_report_is_as_it_was() {
    is_golden("messy.txt", &messy("text"), 1);
    is_golden("messy.json", &messy("json"), 1);
    is_golden("messy.sarif", &messy("sarif"), 1);
    is_golden("messy.xml", &messy("junit"), 1);
    is_golden("messy.github.txt", &messy("github"), 1);
}

#[test]
fn drift_from_an_earlier_export_is_as_it_was() {
    is_golden("drift.txt", &["validate", "--against", "keeper-september.csv", "keeper-october.csv"], 1);
}

#[test]
fn the_exit_code_follows_fail_on() {
    let code = |args: &[&str]| run(&[&["validate"], args].concat()).status.code();
    assert_eq!(code(&["keeper-september.csv"]), Some(0));
    assert_eq!(code(&["keeper-september.csv", "--fail-on", "warning"]), Some(0));
    assert_eq!(code(&["keeper-october.csv"]), Some(1));
    assert_eq!(code(&["keeper-october.csv", "--fail-on", "never"]), Some(0));
    assert_eq!(code(&["keeper-september.csv", "--expect", "focus"]), Some(1));
    assert_eq!(code(&["keeper-september.csv", "none.csv", "--fail-on", "never"]), Some(2));
    assert_eq!(code(&["keeper-september.csv", "--expect", "none"]), Some(2));
    assert_eq!(code(&["keeper-september.csv", "--against", "none.csv"]), Some(2));
    assert_eq!(code(&["keeper-september.csv", "unknown.csv", "--against", "unknown.csv"]), Some(2));
    assert_eq!(code(&["keeper-september.csv", "--max-fall", "20"]), Some(2), "it goes with --against");
    assert_eq!(code(&["."]), Some(2));
}

#[test]
fn a_file_that_is_not_there_does_not_hide_the_others() {
    let output = run(&["validate", "none.csv", "keeper-september.csv"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stdout);
    assert!(said.contains("none.csv: not recognised") && said.contains("keeper-september.csv: keeper"), "{said}");
    let sarif = text(&run(&["validate", "--format", "sarif", "none.csv"]).stdout).to_string();
    assert!(sarif.contains("\"executionSuccessful\": false"));
}

#[test]
fn reports_for_machines_are_validates_alone() {
    let output = run(&["detect", "unknown.csv", "--format", "sarif"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("trueup validate"), "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_leaves_early_is_not_an_error() {
    let mut child = trueup(&messy("sarif")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("read");
    assert_eq!((child.wait().expect("ended").code(), said.as_str()), (Some(0), ""));
}
