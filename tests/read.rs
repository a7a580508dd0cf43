//! `trueup read` of a public collection of awkward CSV files, and its manners.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn trueup(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(args).current_dir(dir).env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

fn run(dir: &Path, args: &[&str]) -> Output {
    trueup(dir, args).output().expect("ran")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn csv_spectrum_reads_as_its_json_says() {
    let csvs = folder("csv-spectrum/csvs");
    let mut names: Vec<String> = std::fs::read_dir(&csvs)
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 12);
    for name in names {
        let output = run(&csvs, &["read", "--to", "jsonl", &name]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{name}: {}", text(&output.stderr));
        let read: Vec<Value> =
            text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let json = folder("csv-spectrum/json").join(name.replace(".csv", ".json"));
        let json = std::fs::read_to_string(json).expect("its JSON");
        let mut expected = match serde_json::from_str(&json).expect("JSON") {
            Value::Array(records) => records,
            record => vec![record],
        };
        if name == "location_coordinates.csv" {
            // As published, its JSON has another phone number than its CSV.
            expected[0]["Contact Phone Number"] = "2095257564".into();
        }
        assert_eq!(read, expected, "{name}");
        let keys = |v: &Value| v.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>());
        assert_eq!(read.iter().map(keys).collect::<Vec<_>>(), expected.iter().map(keys).collect::<Vec<_>>());
    }
}

/// Workbooks, Parquet and packed files as other programs write them; what each holds stands beside it.
#[test]
fn files_of_other_programs_are_read_as_they_mean() {
    let dir = folder("containers");
    let mut read = 0;
    for entry in std::fs::read_dir(&dir).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if name.ends_with(".read.csv") {
            continue;
        }
        let output = run(&dir, &["read", &name]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        let expected = std::fs::read_to_string(dir.join(format!("{name}.read.csv"))).expect("what it holds");
        assert_eq!(text(&output.stdout), expected, "{name}");
        read += 1;
    }
    assert_eq!(read, 11);
}

/// A spoilt value may be a value: only the page's checksum tells, where its writer gave one.
#[test]
fn a_parquet_page_that_is_not_what_its_checksum_says_is_refused() {
    let whole = std::fs::read(folder("containers/sums.parquet")).expect("readable");
    let dir = tempfile::tempdir().expect("a folder");
    let at = whole.windows(3).position(|w| w == b"C39").expect("a value in its page");
    let mut spoilt = whole;
    spoilt[at + 2] = b'8';
    std::fs::write(dir.path().join("a.parquet"), spoilt).expect("written");
    let output = run(dir.path(), &["read", "a.parquet"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "company_id,licenses,rate\n"), "no row of it");
    assert!(
        text(&output.stderr).contains("I110") && text(&output.stderr).contains("checksum"),
        "{}",
        text(&output.stderr)
    );
}

/// A spoilt directory trips the reader of Parquet, on this thread and on its own; a user is told of the file alone.
#[test]
fn a_spoilt_parquet_directory_is_a_finding_and_nothing_else() {
    let whole = std::fs::read(folder("containers/sums.parquet")).expect("readable");
    let dir = tempfile::tempdir().expect("a folder");
    for (from_end, value) in [(675, 1), (635, 221), (629, 11)] {
        let mut spoilt = whole.clone();
        let at = spoilt.len() - from_end;
        spoilt[at] = value;
        std::fs::write(dir.path().join("a.parquet"), spoilt).expect("written");
        let output = run(dir.path(), &["read", "a.parquet"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error[I110 truncated-file]") && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn what_was_read_goes_to_stdout_and_what_was_not_to_stderr() {
    let dir = folder("validate");
    let output = run(&dir, &["read", "--lines", "keeper-october.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stdout),
        "file,line,company_id,company,product,licenses,rate,max_licenses,initial_licenses,final_licences,avg_per_day\n\
         keeper-october.csv,4,C1,Acme,Business,4,$3.75,5..0,3,4,4\n\
         keeper-october.csv,5,C2,\"Bolt, Inc.\",Business,6,$3.75,six,6,6,6\n\
         keeper-october.csv,8,Total,,,,,14,,,\n"
    );
    let said = text(&output.stderr);
    assert!(said.contains("keeper-october.csv:6:4") && said.contains("error[I109"), "{said}");
    assert_eq!(run(&dir, &["read", "--fail-on", "never", "keeper-october.csv"]).status.code(), Some(0));
    let missing = run(&dir, &["read", "none.csv", "unknown.csv"]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(text(&missing.stdout), "a,b\n1,2\n");
}

#[test]
fn one_csv_takes_files_of_the_same_headings_alone() {
    let dir = folder("validate");
    let output = run(&dir, &["read", "unknown.csv", "unknown.csv", "keeper-september.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "a,b\n1,2\n1,2\n");
    assert!(text(&output.stderr).contains("--to jsonl"));
    let output = run(&dir, &["read", "--to", "jsonl", "unknown.csv", "keeper-september.csv"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).lines().count(), 5);
}

#[test]
fn a_reader_that_leaves_early_is_not_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("long.csv"), "a,b\n".to_string() + &"1,2\n".repeat(100_000)).expect("written");
    let mut child = trueup(dir.path(), &["read", "long.csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut first = [0; 8];
    child.stdout.as_mut().expect("piped").read_exact(&mut first).expect("read");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("read");
    assert_eq!((child.wait().expect("ended").code(), said.as_str(), &first), (Some(0), "", b"a,b\n1,2\n"));
}
