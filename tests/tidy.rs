//! `trueup tidy` on files: what it writes, that no row is lost on the way, and that its own output reads back
//! as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use trueup::emit::UsageFormat;
use trueup::engine::{Tidied, TidySettings, tidy};
use trueup::ingest::Silent;

fn trueup(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.current_dir(dir).args(args).env_remove("CLICOLOR_FORCE").stdin(Stdio::null()).output().expect("ran")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn write(dir: &Path, name: &str, content: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, content).expect("written");
    path
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).expect("read")
}

const HEADINGS: &str = "provider_name,line_id,sub_account_name,sku_id,quantity,unit_cost,cost,currency,\
                        charge_period_start,charge_period_end\n";

fn two_exports(dir: &Path) {
    write(
        dir,
        "usage/a.csv",
        &format!(
            "{HEADINGS}Acme,L1, Tidal Works ,S1,3,2.50,,usd,2026-10-01,2026-11-01\n\
             Acme,L2,=Tidal,S1,12..5,1,,USD,2026-10-01,2026-11-01\n\
             Acme,,Tidal Works,S2,1.234,,\"1,000.50\",USD,2026-10-01 00:00:00,2026-11-01\n\
             Acme,L3,=Tidal,S1,1,1,1,USD,2026-10-01,2026-11-01\n"
        ),
    );
    write(
        dir,
        "usage/b.csv",
        &format!(
            "{HEADINGS}Acme,L1,Tidal Works,S1,3.0,2.5,7.50,USD,2026-10-01,2026-11-01\n\
             Acme,L3,=Tidal,S1,2,1,2,USD,2026-10-01,2026-11-01\n"
        ),
    );
}

#[test]
fn rows_are_cleaned_and_what_was_dropped_and_changed_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    two_exports(dir.path());
    let output = trueup(dir.path(), &["tidy", "usage/b.csv", "usage/a.csv", "-o", "clean"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    assert_eq!(
        read(dir.path(), "clean/usage.csv"),
        "provider_name,sub_account_id,sub_account_name,sku_id,charge_description,subscription_id,line_id,term,\
         billing_frequency,charge_category,charge_period_start,charge_period_end,metric,quantity,unit,unit_cost,cost,\
         currency,source,line,treatment\n\
         Acme,,Tidal Works,S1,,,L1,,,Purchase,2026-10-01,2026-11-01,,3,,2.50,7.5,USD,usage/a.csv,2,counted\n\
         Acme,,Tidal Works,S2,,,,,,Purchase,2026-10-01,2026-11-01,,1.234,,,1000.50,USD,usage/a.csv,4,counted\n"
    );
    assert_eq!(
        read(dir.path(), "clean/duplicates.csv"),
        "source,line,kept_source,kept_line,code\nusage/b.csv,2,usage/a.csv,2,T202\n"
    );
    assert_eq!(
        read(dir.path(), "clean/rejects.csv"),
        "source,line,column,code,value,message,raw\n\
         usage/a.csv,3,5,I105,12..5,quantity: the cell is not a number,\
         \"Acme,L2,=Tidal,S1,12..5,1,,USD,2026-10-01,2026-11-01\"\n\
         usage/a.csv,5,,T203,,\"another row has the same identity and other content, and nothing says which is later\",\
         \"Acme,L3,=Tidal,S1,1,1,1,USD,2026-10-01,2026-11-01\"\n\
         usage/b.csv,3,,T203,,\"another row has the same identity and other content, and nothing says which is later\",\
         \"Acme,L3,=Tidal,S1,2,1,2,USD,2026-10-01,2026-11-01\"\n"
    );
    assert_eq!(
        read(dir.path(), "clean/changes.csv"),
        "source,line,column,rule,from,to,count\n\
         usage/a.csv,2,sub_account_name,trimmed, Tidal Works ,Tidal Works,1\n\
         usage/a.csv,2,charge_category,default,,Purchase,2\n\
         usage/a.csv,4,charge_period_start,date,2026-10-01 00:00:00,2026-10-01,1\n\
         usage/a.csv,2,cost,computed,,7.5,1\n\
         usage/a.csv,4,cost,number,\"1,000.50\",1000.50,1\n\
         usage/a.csv,2,currency,word,usd,USD,1\n"
    );
    let output = trueup(dir.path(), &["tidy", "usage/a.csv", "usage/b.csv", "-o", "clean", "--every-change"]);
    assert_eq!(output.status.code(), Some(0), "the folder of an earlier run is written anew");
    assert_eq!(read(dir.path(), "clean/changes.csv").lines().count(), 8);
}

#[test]
fn without_a_folder_rows_go_to_stdout_and_the_rest_to_stderr() {
    let dir = tempfile::tempdir().expect("a folder");
    two_exports(dir.path());
    let output = trueup(dir.path(), &["tidy", "usage/a.csv", "usage/a.csv"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).lines().count(), 4, "a file given twice is read once");
    let said = text(&output.stderr);
    assert!(said.contains("changed: charge_category default, 3 times"), "{said}");
    assert!(said.contains("usage/a.csv  trueup-usage  4     3     0           1"), "{said}");
    let refused = trueup(dir.path(), &["tidy", "usage/a.csv", "--to", "parquet"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("-o DIR"));
}

#[test]
fn a_file_that_cannot_be_used_is_named_and_none_at_all_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    two_exports(dir.path());
    write(dir.path(), "notes.txt", "hello\nworld\n");
    let output = trueup(dir.path(), &["tidy", "usage/a.csv", "notes.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("I102"));
    let output = trueup(dir.path(), &["tidy", "notes.txt", "-o", "clean"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("notes.txt"), "{}", text(&output.stderr));
    assert!(!dir.path().join("clean").exists());
}

#[test]
fn psa_tables_get_a_score_and_ignoring_is_a_row_in_a_file() {
    let dir = tempfile::tempdir().expect("a folder");
    write(
        dir.path(),
        "psa/clients.csv",
        "client_id,name,status,currency,last_activity\nC1,Tidal Works,active,USD,2026-10-01\n\
         C2,\"Tidal Works, Inc.\",active,USD,2026-09-01\nC3,Ember,active,,2024-01-01\nC4,Fjord,active,USD,2026-10-31\n",
    );
    let output = trueup(dir.path(), &["tidy", "psa/clients.csv"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "\
data health: 250 of 1000 (1 of 4 client records are clean)

code  record  id  name               why
T205  client  C1  Tidal Works        it looks like client C2, which has the same name (tidal works)
T205  client  C2  Tidal Works, Inc.  it looks like client C1, which has the same name (tidal works)
T206  client  C3  Ember              its last activity was on 2024-01-01, and the newest of all clients on 2026-10-31
T207  client  C3  Ember              neither it nor a contract of it has a currency

likely one company each:
  1. C1 Tidal Works | C2 Tidal Works, Inc.
     C1 and C2: the same name (tidal works)

to ignore a record, add a row to map/ignore.csv: kind,id,code,reason
"
    );
    write(
        dir.path(),
        "map/ignore.csv",
        "kind,id,code,reason\nclient,C2,,merged next month\nclient,C3,T207,paid in cash\n",
    );
    let args = ["tidy", "psa/clients.csv", "-o", "health", "--stale-months", "60", "--format", "json"];
    let output = trueup(dir.path(), &args);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["health"]["score"], 1000, "{shown}");
    assert_eq!((&shown["health"]["ignored"], &shown["health"]["clean"]), (&1.into(), &3.into()));
    assert_eq!(read(dir.path(), "health/health.csv"), "kind,id,name,code,cluster,source,line,message\n");
}

#[test]
fn focus_has_every_mandatory_column_and_names_those_it_cannot_fill() {
    let dir = tempfile::tempdir().expect("a folder");
    two_exports(dir.path());
    let output = trueup(dir.path(), &["tidy", "usage/a.csv", "--to", "focus"]);
    let rows = text(&output.stdout);
    assert!(rows.contains("2026-11-01T00:00:00Z,2026-10-01T00:00:00Z"), "{rows}");
    let said = text(&output.stderr);
    assert!(
        said.contains(
            "does not have them: BillingAccountId, BillingPeriodEnd, BillingPeriodStart, ContractedCost, \
             EffectiveCost, InvoiceIssuerName, ListCost, PricingUnit, PublisherName, ServiceCategory, ServiceName\n"
        ),
        "{said}"
    );
}

#[test]
fn what_parquet_cannot_hold_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "a.csv", &format!("{HEADINGS}Acme,L1,T,S1,0.0000000000000000001,,1,USD,2026-10-01,2026-11-01\n"));
    let output = trueup(dir.path(), &["tidy", "a.csv", "-o", "out", "--to", "parquet"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("a.csv:2: quantity 0.0000000000000000001"), "{}", text(&output.stderr));
    assert!(!dir.path().join("out").exists());
}

/// Tidies the files into `out`, with next to no memory so that everything spills.
fn tidied(dir: &Path, files: &[PathBuf], out: &str) -> Tidied {
    let settings = TidySettings {
        book: dir.to_path_buf(),
        files: files.to_vec(),
        out: Some(dir.join(out)),
        format: UsageFormat::Csv,
        every_change: false,
        threads: 2,
        unfinished: trueup::history::Unfinished::default(),
        stale_months: 12,
        spill_dir: dir.to_path_buf(),
        memory: 1,
    };
    tidy(&settings, &mut || Box::new(std::io::sink()), &Silent).expect("tidied")
}

/// The rows of a file of outputs, without where they came from.
fn rows(dir: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(dir.join(name)).expect("opened");
    let mut rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(|r| r.expect("a row")).collect();
    for row in &mut rows {
        row.remove("source");
        row.remove("line");
    }
    rows
}

prop_compose! {
    fn line()(
        id in "(L[1-3])?", name in "( ?Tidal( Works)? |=1\\+1|-5|'=x|@a|Zoë, \"é\")", sku in "(S1|0002|\\+S)",
        quantity in "(1|1\\.234|2\\.50|-3|x|7\\.29E-9|\"1,234\\.5\")", unit in "(|2|0\\.001|1\\.250)",
        cost in "(|1\\.234|5|-0|y)", currency in "(USD|eur|)", category in "(|usage|Tax|credit)",
        start in "(2026-10-01|2026-10-05T06:00:00Z|)", end in "(2026-11-01|2026-10-09 12:00|)",
    ) -> String {
        let quoted = |t: &str| if t.contains('"') && !t.starts_with('"') { format!("\"{}\"", t.replace('"', "\"\"")) } else { t.to_string() };
        format!("Acme,{id},{},{sku},{quantity},{unit},{cost},{currency},{category},{start},{end}\n", quoted(&name))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_kept_dropped_or_rejected_and_what_is_kept_reads_back(
        files in proptest::collection::vec(proptest::collection::vec(line(), 1..12), 1..4))
    {
        let dir = tempfile::tempdir().expect("a folder");
        let head = "provider_name,line_id,sub_account_name,sku_id,quantity,unit_cost,cost,currency,charge_category,\
                    charge_period_start,charge_period_end\n";
        let paths: Vec<PathBuf> = (0..)
            .zip(&files)
            .map(|(i, lines)| write(dir.path(), &format!("{i}.csv"), &format!("{head}{}", lines.concat())))
            .collect();
        let done = tidied(dir.path(), &paths, "once");
        let lines: usize = files.iter().map(Vec::len).sum();
        let kept = rows(dir.path(), "once/usage.csv");
        let others = ["once/duplicates.csv", "once/rejects.csv"].map(|f| rows(dir.path(), f).len());
        prop_assert_eq!(kept.len() + others[0] + others[1], lines);
        prop_assert_eq!(done.files.iter().map(|f| f.read).sum::<u64>(), lines as u64);
        prop_assert_eq!(done.files.iter().map(|f| f.kept).sum::<u64>(), kept.len() as u64);
        if !kept.is_empty() {
            let again = tidied(dir.path(), &[dir.path().join("once/usage.csv")], "twice");
            prop_assert_eq!(again.files[0].format.as_str(), "trueup-tidy");
            prop_assert_eq!(rows(dir.path(), "twice/usage.csv"), kept);
            let changed: Vec<_> = again.changes.iter().map(|c| c.rule.word()).filter(|r| *r != "restored").collect();
            prop_assert!(changed.is_empty(), "{:?}", changed);
        }
    }
}
