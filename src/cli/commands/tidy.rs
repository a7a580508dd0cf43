//! `trueup tidy FILE… [-o DIR] [--to csv|parquet|focus]`: clean rows, and the health of PSA data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use trueup::engine::{Tidied, TidySettings, tidy};
use trueup::tidy::{Health, RecordKind};

use crate::cli::ExitStatus;
use crate::cli::interrupt;
use crate::cli::printer::{BAD, BOLD, GOOD, Printer, WARN};
use crate::cli::report::bare;

/// Clusters and records shown on screen; the file and `--format json` have them all.
const SHOWN: usize = 10;

pub fn run(settings: &TidySettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let progress = printer.progress();
    interrupt::watch(&settings.unfinished, printer)?;
    let done = tidy(settings, &mut || Box::new(Printer::stream()), progress.as_ref())
        .inspect_err(|_| settings.unfinished.settle())?;
    drop(progress);
    printer.findings(&done.findings)?;
    // Rows on stdout leave no room for anything else there.
    let rows_on_stdout = done.folder.is_none() && !done.files.is_empty();
    if printer.json() && !rows_on_stdout {
        let mut text = serde_json::to_string_pretty(&Shown::of(&done))?;
        text.push('\n');
        printer.result(&text)?;
    } else {
        if !done.files.is_empty() {
            printer.note(files_text(&done).trim_end())?;
        }
        if let Some(health) = &done.health {
            printer.result(&health_text(health))?;
        }
        if let Some(folder) = &done.folder {
            printer.note(&format!("written to {}", folder.display()))?;
        }
    }
    Ok(if done.refused > 0 { ExitStatus::Findings } else { ExitStatus::Done })
}

/// What became of the rows, and how often what was changed.
fn files_text(done: &Tidied) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["file", "format", "rows", "kept", "duplicates", "rejected"]);
    for f in &done.files {
        let counts = [f.read, f.kept, f.duplicates, f.rejected].map(|n| n.to_string());
        table.add_row([f.source.clone(), f.format.clone()].into_iter().chain(counts));
    }
    let mut text = bare(&table);
    for change in &done.changes {
        let (column, rule) = (change.column.name(), change.rule.word());
        let _ = writeln!(text, "changed: {column} {rule}, {} times", change.count);
    }
    if !done.unfilled.is_empty() {
        let _ = writeln!(
            text,
            "FOCUS 1.2 asks for these in every row, and the source does not have them: {}",
            done.unfilled.join(", ")
        );
    }
    text
}

fn health_text(health: &Health) -> String {
    let style = match health.score() {
        Some(900..) => GOOD,
        Some(600..) => WARN,
        _ => BAD,
    };
    let score = health.score().map_or_else(|| "none".to_string(), |score| format!("{score} of 1000"));
    let mut text = format!(
        "{BOLD}data health{BOLD:#}: {style}{score}{style:#} ({} of {} client records are clean",
        health.clean,
        health.records - health.ignored
    );
    if health.ignored > 0 {
        let _ = write!(text, ", {} ignored", health.ignored);
    }
    text.push_str(")\n");
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["code", "record", "id", "name", "why"]);
    for p in health.problems.iter().take(SHOWN) {
        table.add_row([p.code.id(), p.kind.word(), &p.id, &p.name, &p.message]);
    }
    if !health.problems.is_empty() {
        text.push('\n');
        text.push_str(&bare(&table));
        more(&mut text, health.problems.len());
    }
    if !health.clusters.is_empty() {
        text.push_str("\nlikely one company each:\n");
        for cluster in health.clusters.iter().take(SHOWN) {
            let names: Vec<String> = cluster.clients.iter().map(|(id, name)| format!("{id} {name}")).collect();
            let _ = writeln!(text, "  {}. {}", cluster.number, names.join(" | "));
            for reason in &cluster.reasons {
                let _ = writeln!(text, "     {reason}");
            }
        }
        more(&mut text, health.clusters.len());
    }
    if !health.problems.is_empty() {
        text.push_str("\nto ignore a record, add a row to map/ignore.csv: kind,id,code,reason\n");
    }
    text
}

fn more(text: &mut String, count: usize) {
    if count > SHOWN {
        let _ = writeln!(text, "  and {} more; health.csv (-o DIR) and --format json have them all", count - SHOWN);
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    files: Vec<ShownFile<'a>>,
    changes: Vec<ShownChange>,
    unfilled: &'a [&'static str],
    health: Option<ShownHealth<'a>>,
}

#[derive(Serialize)]
struct ShownFile<'a> {
    file: &'a str,
    format: &'a str,
    rows: u64,
    kept: u64,
    duplicates: u64,
    rejected: u64,
}

#[derive(Serialize)]
struct ShownChange {
    column: &'static str,
    rule: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct ShownHealth<'a> {
    score: Option<u64>,
    records: u64,
    ignored: u64,
    clean: u64,
    /// Records by code.
    unclean: BTreeMap<&'static str, u64>,
    problems: Vec<ShownProblem<'a>>,
    clusters: Vec<ShownCluster<'a>>,
}

#[derive(Serialize)]
struct ShownProblem<'a> {
    kind: &'static str,
    id: &'a str,
    name: &'a str,
    code: &'static str,
    cluster: Option<usize>,
    place: String,
    message: &'a str,
}

#[derive(Serialize)]
struct ShownCluster<'a> {
    cluster: usize,
    clients: Vec<ShownClient<'a>>,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct ShownClient<'a> {
    id: &'a str,
    name: &'a str,
}

impl<'a> Shown<'a> {
    fn of(done: &'a Tidied) -> Self {
        let file = |f: &'a trueup::engine::TidiedFile| ShownFile {
            file: &f.source,
            format: &f.format,
            rows: f.read,
            kept: f.kept,
            duplicates: f.duplicates,
            rejected: f.rejected,
        };
        let changes = done.changes.iter();
        Self {
            files: done.files.iter().map(file).collect(),
            changes: changes
                .map(|c| ShownChange { column: c.column.name(), rule: c.rule.word(), count: c.count })
                .collect(),
            unfilled: &done.unfilled,
            health: done.health.as_ref().map(ShownHealth::of),
        }
    }
}

impl<'a> ShownHealth<'a> {
    fn of(health: &'a Health) -> Self {
        let mut unclean = BTreeMap::new();
        for problem in health.problems.iter().filter(|p| p.kind == RecordKind::Client) {
            *unclean.entry(problem.code.id()).or_default() += 1;
        }
        Self {
            score: health.score(),
            records: health.records,
            ignored: health.ignored,
            clean: health.clean,
            unclean,
            problems: health
                .problems
                .iter()
                .map(|p| ShownProblem {
                    kind: p.kind.word(),
                    id: &p.id,
                    name: &p.name,
                    code: p.code.id(),
                    cluster: p.cluster,
                    place: p.place.to_string(),
                    message: &p.message,
                })
                .collect(),
            clusters: health
                .clusters
                .iter()
                .map(|c| ShownCluster {
                    cluster: c.number,
                    clients: c.clients.iter().map(|(id, name)| ShownClient { id, name }).collect(),
                    reasons: &c.reasons,
                })
                .collect(),
        }
    }
}
