//! Files to clean rows, outside any run: exports are read twice, once to judge which rows are copies and once
//! to write those that are kept, so that nothing is held but fingerprints; PSA tables are judged record by
//! record.

mod copies;
mod health;
mod rows;
mod sources;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};

use super::load::registry_of;
use super::threads::{Turns, in_threads};
use crate::book::{Config, Period, stated_period};
use crate::control::Ledger;
use crate::emit::{
    ChangesWriter, DuplicatesWriter, FOCUS_COLUMNS, FindingGroup, FindingLog, Output, RejectsWriter, UsageFormat,
    UsageWriter, write_health,
};
use crate::finding::Finding;
use crate::format::{Column, Registry, TableKind, normalise};
use crate::history::{NewFolder, Unfinished};
use crate::ingest::{ChangeRule, Detection, Limits, Progress, Table, detect_all, read_table, whole_sets};
use crate::tidy::Health;

/// What `tidy` needs to know.
#[derive(Debug, Clone)]
pub struct TidySettings {
    /// Its format specs and `map/ignore.csv` count.
    pub book: PathBuf,
    pub files: Vec<PathBuf>,
    /// The folder to write; `None` writes the rows to what the caller gives.
    pub out: Option<PathBuf>,
    pub format: UsageFormat,
    /// Lists every change, not only the count and first place per file, column and rule.
    pub every_change: bool,
    /// A client is stale if its last activity is more than this many months before the newest of all.
    pub stale_months: u32,
    /// Where unnamed temporary files may be made.
    pub spill_dir: PathBuf,
    pub threads: usize,
    /// Where it is known what an interrupted run must not leave behind.
    pub unfinished: Unfinished,
    /// Bytes of memory for what waits to be judged; the rest goes to temporary files.
    pub memory: u64,
}

/// What became of one export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TidiedFile {
    pub source: String,
    pub format: String,
    pub read: u64,
    pub kept: u64,
    pub duplicates: u64,
    pub rejected: u64,
}

/// How often a rule changed a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeCount {
    pub column: Column,
    pub rule: ChangeRule,
    pub count: u64,
}

/// What `tidy` did.
#[derive(Debug)]
pub struct Tidied {
    /// The exports, in order of their names.
    pub files: Vec<TidiedFile>,
    /// Files of which nothing was used.
    pub refused: u64,
    pub changes: Vec<ChangeCount>,
    /// Mandatory columns of the format written that are null in some row.
    pub unfilled: Vec<&'static str>,
    /// Of the PSA's records, if any of their tables was given.
    pub health: Option<Health>,
    pub findings: Vec<FindingGroup>,
    pub folder: Option<PathBuf>,
}

/// An export, numbered by its place in the order of names.
struct Export {
    detection: Detection,
    stated: Option<Period>,
}

/// Tidies files. `rows` is asked for where the rows go if no folder is set.
///
/// # Errors
/// Where no file can be used, a file changes while it is read, or outputs cannot be written. Nothing stands
/// in the folder then.
pub fn tidy(
    settings: &TidySettings,
    rows: &mut dyn FnMut() -> Box<dyn Write>,
    progress: &dyn Progress,
) -> anyhow::Result<Tidied> {
    let registry = registry_of(&settings.book)?;
    let config = Config::load(&settings.book)?;
    let limits = &config.input;
    let mut log = FindingLog::default();
    let mut given: Vec<(String, &PathBuf)> =
        sources::sources(&settings.book, &settings.files).into_iter().zip(&settings.files).collect();
    given.sort();
    given.dedup_by(|a, b| is_same(a.1, b.1));
    let (mut exports, mut tables, mut refused) = (Vec::new(), Vec::new(), 0);
    let detected = detected(settings.threads, &given, &registry, limits)?;
    let whole = whole_sets(detected.iter().flatten().flatten().filter_map(|d| d.page.as_ref()));
    for ((source, _), found) in given.iter().zip(detected) {
        for side in recognise(found, &whole, &mut log) {
            match side {
                Some(Side::Usage(found)) => {
                    progress.file(&found.source, found.survey.bytes);
                    exports.push(Export { detection: *found, stated: stated_period(source) });
                }
                Some(Side::Psa(kind, table)) => tables.push((kind, table)),
                None => refused += 1,
            }
        }
    }
    exports.sort_by(|a, b| a.detection.source.cmp(&b.detection.source));
    if exports.is_empty() && tables.is_empty() {
        let said: Vec<String> = log.groups().iter().map(described).collect();
        bail!("no file can be tidied:\n{}", said.join("\n"));
    }
    if settings.out.is_none() && !exports.is_empty() {
        if settings.format == UsageFormat::Parquet {
            bail!("Parquet is no text; name a folder for it with -o DIR");
        }
        if !tables.is_empty() {
            bail!("exports and PSA tables together have several results; name a folder for them with -o DIR");
        }
    }
    let folder =
        settings.out.as_ref().map(|out| NewFolder::begin_watched(out, &outputs(), &settings.unfinished)).transpose()?;
    let mut done = Tidied {
        files: Vec::new(),
        refused,
        changes: Vec::new(),
        unfilled: Vec::new(),
        health: None,
        findings: Vec::new(),
        folder: None,
    };
    if !tables.is_empty() {
        let health = health::judge(settings, &config, &tables, &mut log)?;
        if let Some(folder) = &folder {
            write_health(folder.folder(), &health)?;
        }
        done.health = Some(health);
    }
    if !exports.is_empty() {
        progress.stage("judging copies");
        let mut ledger = Ledger::default();
        let fates = copies::judge_all(settings, &exports, &mut ledger, &mut log)?;
        progress.stage("writing rows");
        let focus = focus_columns(settings.format, &exports);
        let writers = match &folder {
            Some(folder) => Writers::create(folder.folder(), settings.format, focus)?,
            None => Writers::only_rows(rows(), settings.format, focus)?,
        };
        rows::write_all(settings, &exports, fates, writers, &mut ledger, progress, &mut done)?;
    }
    done.findings = log.groups();
    done.folder = folder.map(NewFolder::commit).transpose().context("the outputs could not be put in place")?;
    Ok(done)
}

/// The files that a folder of outputs may hold.
fn outputs() -> Vec<&'static str> {
    let rows = [UsageFormat::Csv, UsageFormat::Parquet, UsageFormat::Focus].map(UsageFormat::file);
    let beside = [Output::Rejects, Output::Duplicates, Output::Changes, Output::Health].map(Output::file);
    rows.into_iter().chain(beside).collect()
}

/// Where the outputs of exports go.
struct Writers {
    rows: UsageWriter,
    beside: Option<(RejectsWriter, DuplicatesWriter, ChangesWriter)>,
    /// The FOCUS columns that some export has under their own names.
    focus: Vec<&'static str>,
}

/// The format whose headings are FOCUS's own.
const FOCUS: &str = "focus";

/// The FOCUS columns that the exports have under their own names, where these are written.
fn focus_columns(format: UsageFormat, exports: &[Export]) -> Vec<&'static str> {
    let own = exports.iter().filter(|e| format == UsageFormat::Focus && e.detection.spec.id == FOCUS);
    let headings: BTreeSet<String> = own.flat_map(|e| &e.detection.headings).map(|h| normalise(h)).collect();
    FOCUS_COLUMNS.iter().copied().filter(|c| headings.contains(&normalise(c))).collect()
}

impl Writers {
    fn create(folder: &Path, format: UsageFormat, focus: Vec<&'static str>) -> anyhow::Result<Self> {
        let beside =
            (RejectsWriter::create(folder)?, DuplicatesWriter::create(folder)?, ChangesWriter::create(folder)?);
        Ok(Self { rows: UsageWriter::create(folder, format, &focus)?, beside: Some(beside), focus })
    }

    fn only_rows(out: Box<dyn Write>, format: UsageFormat, focus: Vec<&'static str>) -> anyhow::Result<Self> {
        let rows =
            UsageWriter::to(out, format, &focus).context("Parquet is no text; name a folder for it with -o DIR")??;
        Ok(Self { rows, beside: None, focus })
    }
}

/// What a file is to `tidy`.
enum Side {
    Usage(Box<Detection>),
    Psa(TableKind, Table),
}

/// What is in a file; each part by itself is there or refused.
type Parts = Vec<Result<Detection, Vec<Finding>>>;

/// What is in each file, found by several threads: every byte is looked at.
fn detected(
    threads: usize,
    given: &[(String, &PathBuf)],
    registry: &Registry,
    limits: &Limits,
) -> anyhow::Result<Vec<Parts>> {
    let found: Vec<Mutex<Parts>> = given.iter().map(|_| Mutex::default()).collect();
    let turns = Turns::new(given.len());
    in_threads(threads.min(given.len()), |_| {
        while let Some(index) = turns.next() {
            let (source, path) = &given[index];
            *found[index].lock().unwrap_or_else(PoisonError::into_inner) = detect_all(path, source, registry, limits);
        }
        Ok(())
    })?;
    Ok(found.into_iter().map(|one| one.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

/// What the parts of a file are; `None` for one of which nothing is used. What is wrong goes to the log.
fn recognise(found: Parts, whole: &HashSet<String>, log: &mut FindingLog) -> Vec<Option<Side>> {
    let mut sides = Vec::new();
    for detected in found {
        let read = detected.and_then(|mut detection| {
            if detection.page.as_ref().is_some_and(|page| whole.contains(&page.set)) {
                detection.is_not_alone();
            }
            log.extend(detection.findings.iter().cloned());
            if detection.kind() == TableKind::Usage {
                return Ok(Side::Usage(Box::new(detection)));
            }
            read_table(&detection).map(|mut table| {
                log.extend(std::mem::take(&mut table.findings));
                Side::Psa(detection.kind(), table)
            })
        });
        sides.push(read.map_err(|findings| log.extend(findings)).ok());
    }
    sides
}

/// Whether two paths are one file.
fn is_same(a: &Path, b: &Path) -> bool {
    a == b || fs_err::canonicalize(a).ok().is_some_and(|a| fs_err::canonicalize(b).ok() == Some(a))
}

fn described(group: &FindingGroup) -> String {
    let place = group.examples.first().map(|e| format!("{}: ", e.place)).unwrap_or_default();
    format!("{place}{}[{} {}]: {}\n  hint: {}", group.severity, group.code, group.name, group.cause, group.hint)
}

/// Changes counted by column and rule over all files.
type Changes = BTreeMap<(Column, ChangeRule), u64>;
