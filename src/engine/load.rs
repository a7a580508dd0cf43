//! The book's small tables: format specs, PSA entities, mappings, decisions. A file is what its content
//! says, whichever folder it lies in.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::bail;
use sha2::{Digest, Sha256};

use super::threads::{Turns, in_threads};
use crate::book::{
    ACCOUNT_COLUMNS, BUNDLE_COLUMNS, BookFile, BookFiles, CONFIG_FILE, Config, DECISION_COLUMNS, Decision, IGNORE_FILE,
    Mappings, PRODUCT_COLUMNS, Period, load_accounts, load_bundles, load_decisions, load_products,
};
use crate::emit::{FindingLog, Input};
use crate::finding::{Code, Finding, Place};
use crate::format::{Registry, TableKind};
use crate::ingest::{
    Container, Detection, Hashing, LARGE, Limits, Look, Table, detect_all_by, read_named_table, read_table, whole_sets,
};

/// An export that was recognised.
pub struct Export {
    pub detection: Detection,
    /// What its folder or name states.
    pub stated: Option<Period>,
    /// Rows that it may have, as its head promises: for whoever waits.
    pub rows_expected: u64,
}

impl Export {
    /// Most of the head has been looked at; ten thousand of them must not be held. Its first rows stay.
    fn new(mut detection: Detection, stated: Option<Period>) -> Self {
        const ROWS: u64 = 32;
        let survey = &mut detection.survey;
        let head = std::mem::take(&mut survey.head);
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', head.as_bytes()).collect();
        let lines = ends.len() as u64;
        let kept = usize::try_from(detection.header_line + ROWS).ok().and_then(|line| ends.get(line));
        kept.map_or(head.as_str(), |end| &head[..=*end]).clone_into(&mut survey.head);
        let packed = if survey.container == Container::Plain { 1 } else { 8 };
        let rows_expected = match head.len() as u64 {
            0 => survey.bytes / 100,
            length => lines.saturating_mul(survey.bytes.saturating_mul(packed)) / length,
        };
        Self { detection, stated, rows_expected }
    }
}

/// Which side a file, or a part of one, is of.
enum Side {
    Usage(Box<Export>),
    Psa(Box<PsaTable>),
}

/// A table of the PSA, read or refused.
struct PsaTable {
    detection: Detection,
    table: Result<Table, Vec<Finding>>,
}

impl Side {
    fn of(detection: Detection, stated: Option<Period>) -> Self {
        if detection.kind() == TableKind::Usage {
            Side::Usage(Box::new(Export::new(detection, stated)))
        } else {
            let table = read_table(&detection);
            Side::Psa(Box::new(PsaTable { detection, table }))
        }
    }

    fn detection(&self) -> &Detection {
        match self {
            Side::Usage(export) => &export.detection,
            Side::Psa(psa) => &psa.detection,
        }
    }

    fn detection_mut(&mut self) -> &mut Detection {
        match self {
            Side::Usage(export) => &mut export.detection,
            Side::Psa(psa) => &mut psa.detection,
        }
    }
}

/// What is in a file; each part by itself is there or refused.
type Parts = Vec<Result<Side, Vec<Finding>>>;

/// Takes back that pages of an API are missing where all of them lie side by side.
fn settle_pages(found: &mut [Parts]) {
    let whole = whole_sets(found.iter().flatten().flatten().filter_map(|side| side.detection().page.as_ref()));
    for side in found.iter_mut().flatten().flatten() {
        let detection = side.detection_mut();
        if detection.page.as_ref().is_some_and(|p| whole.contains(&p.set)) {
            detection.is_not_alone();
        }
    }
}

/// A file that could not be used.
#[derive(Debug, Clone)]
pub struct Refused {
    pub source: String,
    pub code: Code,
    pub message: String,
    pub stated: Option<Period>,
    pub is_export: bool,
}

/// The book's two sides, as far as they could be recognised.
pub struct Sides {
    /// Tables of the PSA, not loaded yet.
    pub tables: Vec<(TableKind, Table)>,
    /// In order of their paths.
    pub exports: Vec<Export>,
    pub refused: Vec<Refused>,
}

/// The built-in formats and those of a book's `formats/`, with the words that its settings teach; a folder that is no book has none of its own.
///
/// # Errors
/// Every fault of the user's specs and settings, at its file, line and column.
pub fn registry_of(book: &Path) -> anyhow::Result<Registry> {
    let mut registry = Registry::with_user(&book.join("formats"))
        .map_err(|faults| all_said(&faults, "correct the spec; `trueup formats show` prints one that works"))?;
    for taught in Config::load(book)?.words {
        registry.teach(&taught.format, &taught.heading, &taught.word, &taught.means).map_err(|why| {
            anyhow::anyhow!("{}: {why}\nhint: write it as in [words.<format>.<heading>]", taught.place)
        })?;
    }
    Ok(registry)
}

/// Recognises every file of `psa/` and `usage/` and reads the PSA's tables. An archive or workbook may hold
/// several. `trusts`: from how many bytes on an export is trusted to be what its head shows.
pub fn sides(
    files: &BookFiles,
    registry: &Registry,
    limits: &Limits,
    threads: usize,
    trusts: Option<u64>,
    log: &mut FindingLog,
) -> anyhow::Result<Sides> {
    let mut tables: Vec<(TableKind, Table)> = Vec::new();
    let (mut exports, mut refused) = (Vec::new(), Vec::new());
    let psa = files.psa.iter().map(|f| (&f.source, &f.path, None, false));
    let usage = files.usage.iter().map(|f| (&f.source, &f.path, f.period, true));
    let all: Vec<_> = psa.chain(usage).collect();
    // Every byte of every file is looked at here, so files are taken by several threads: those of the PSA first, then the
    // largest, so that no thread is left alone with one at the end.
    let sizes: Vec<u64> = all.iter().map(|(_, path, ..)| fs_err::metadata(path).map_or(0, |of| of.len())).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|index| (all[*index].3, Reverse(sizes[*index])));
    let large = all.iter().zip(&sizes).filter(|((.., in_usage), size)| *in_usage && **size >= LARGE).count();
    let found: Vec<OnceLock<Parts>> = all.iter().map(|_| OnceLock::new()).collect();
    let turns = Turns::new(all.len());
    in_threads(threads.min(all.len()), |_| {
        while let Some(turn) = turns.next() {
            let index = order[turn];
            let (source, path, stated, in_usage) = &all[index];
            let trusts = trusts.filter(|_| *in_usage);
            let of_usage = || hashing(turn - files.psa.len(), large, threads, trusts.is_some());
            let look = Look { hashing: if *in_usage { of_usage() } else { Hashing::Here }, trusts };
            let mut detected = detect_all_by(path, source, registry, limits, look);
            // Only what is read as usage is watched.
            let is_usage = |d: &Result<Detection, _>| d.as_ref().is_ok_and(|d| d.kind() == TableKind::Usage);
            if look.trusts.is_some() && !detected.iter().all(is_usage) {
                detected = detect_all_by(path, source, registry, limits, Look { trusts: None, ..look });
            }
            let sides = detected.into_iter().map(|d| d.map(|detection| Side::of(detection, *stated))).collect();
            found[index].get_or_init(|| sides);
        }
        Ok(())
    })?;
    let mut found: Vec<Parts> = found.into_iter().map(|parts| parts.into_inner().unwrap_or_default()).collect();
    settle_pages(&mut found);
    for ((source, _, stated, in_usage), found) in all.into_iter().zip(found) {
        let mut refuse = |findings: Vec<Finding>, log: &mut FindingLog| {
            if let Some(first) = findings.first() {
                // Of an archive, the member that was refused.
                let part = first.place.as_ref().map_or(source, |place| &place.path);
                refused.push(Refused {
                    source: part.clone(),
                    code: first.code,
                    message: match &first.value {
                        Some(value) => format!("{}: {value}", first.message),
                        None => first.message.clone(),
                    },
                    stated,
                    is_export: in_usage,
                });
            }
            log.extend(findings);
        };
        for side in found {
            let PsaTable { detection, table } = match side {
                Ok(Side::Usage(export)) => {
                    log.extend(export.detection.findings.iter().cloned());
                    exports.push(*export);
                    continue;
                }
                Ok(Side::Psa(psa)) => *psa,
                Err(findings) => {
                    refuse(findings, log);
                    continue;
                }
            };
            log.extend(detection.findings.iter().cloned());
            match table {
                Ok(mut table) => {
                    log.extend(std::mem::take(&mut table.findings));
                    tables.push((detection.kind(), table));
                }
                Err(findings) => refuse(findings, log),
            }
        }
    }
    let missing: Vec<&str> = [
        (TableKind::Clients, "clients"),
        (TableKind::Contracts, "contracts"),
        (TableKind::ContractLines, "contract lines"),
    ]
    .into_iter()
    .filter(|(kind, _)| !tables.iter().any(|(k, _)| k == kind))
    .map(|(_, name)| name)
    .collect();
    if !missing.is_empty() {
        bail!(
            "the PSA side is missing: no table of {} was recognised in psa/{}; \
             export it from the PSA, or write it in trueup's own columns (docs/FORMATS.md)",
            missing.join(", "),
            refused
                .iter()
                .find(|r| !r.is_export)
                .map(|r| format!(" ({}: {})", r.source, r.message))
                .unwrap_or_default(),
        );
    }
    exports.sort_by(|a, b| a.detection.source.cmp(&b.detection.source));
    Ok(Sides { tables, exports, refused })
}

/// Where the large export at this place in the order of their sizes is hashed. While each thread has one of its own there
/// is no core to spare; of those left over, where as many threads are idle as are not. Idle threads read along where an
/// export is `shared`, and wait for its hash once there are many of them.
fn hashing(place: usize, large: usize, threads: usize, shared: bool) -> Hashing {
    let left_over = large % threads.max(1);
    let each = if shared { 5 } else { 2 };
    if place >= large - left_over && each * left_over <= threads { Hashing::Beside } else { Hashing::Here }
}

/// Reads `map/accounts.csv` and `map/products.csv`; a book may have either, both or none.
pub fn mappings(files: &BookFiles, log: &mut FindingLog) -> anyhow::Result<Mappings> {
    let mut out = Mappings::default();
    for file in &files.maps {
        match file.source.as_str() {
            "map/accounts.csv" => {
                let (rows, findings) = load_accounts(&named_table(file, ACCOUNT_COLUMNS, &[], log)?);
                out.accounts = rows;
                log.extend(findings);
            }
            "map/products.csv" => {
                let (rows, findings) = load_products(&named_table(file, PRODUCT_COLUMNS, &[], log)?);
                out.products = rows;
                log.extend(findings);
            }
            // What to ignore concerns tidy alone.
            IGNORE_FILE => {}
            "map/bundles.csv" => {
                let (rows, findings) = load_bundles(&named_table(file, BUNDLE_COLUMNS, &[], log)?);
                out.bundles = rows;
                log.extend(findings);
            }
            _ => log.add(
                Finding::new(
                    Code::I102,
                    "map/ holds accounts.csv, products.csv, bundles.csv and ignore.csv; this file is not read",
                )
                .severity(crate::finding::Severity::Warning)
                .at(Place::file(file.source.clone())),
            ),
        }
    }
    Ok(out)
}

pub fn decisions(files: &BookFiles, log: &mut FindingLog) -> anyhow::Result<Vec<Decision>> {
    let Some(file) = &files.decisions else { return Ok(Vec::new()) };
    let table = named_table(file, DECISION_COLUMNS, &["discrepancy_id", "decision"], log)?;
    let (decisions, findings) = load_decisions(&table);
    log.extend(findings);
    Ok(decisions)
}

/// The hash of the book's settings, `None` where it has none.
pub fn config_sha256(book: &Path) -> anyhow::Result<Option<String>> {
    let path = book.join(CONFIG_FILE);
    if path.is_file() { hash(&path).map(|(sha256, _)| Some(sha256)) } else { Ok(None) }
}

/// The files of the book that a run depends on beside the exports it read, with their hashes.
pub fn other_inputs(files: &BookFiles, exports: &[String]) -> Vec<Input> {
    let exports: BTreeSet<&str> = exports.iter().map(String::as_str).collect();
    let small = files.psa.iter().chain(&files.maps).chain(&files.decisions).chain(&files.formats);
    let small = small.map(|f| (&f.source, &f.path));
    let mut out = Vec::new();
    for (source, path) in small.chain(files.usage.iter().map(|f| (&f.source, &f.path))) {
        if exports.contains(source.as_str()) {
            continue;
        }
        // A file that cannot be read was refused, and a finding says so: there is nothing to hash.
        let Ok((sha256, bytes)) = hash(path) else { continue };
        out.push(Input { source: source.clone(), sha256, bytes, format: String::new(), rows: 0 });
    }
    out
}

fn hash(path: &Path) -> anyhow::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let bytes = std::io::copy(&mut fs_err::File::open(path)?, &mut hasher)?;
    Ok((format!("{:x}", hasher.finalize()), bytes))
}

/// A mapping or decision file must be readable as a whole: half of it would bill on a guess.
fn named_table(file: &BookFile, columns: &[&str], required: &[&str], log: &mut FindingLog) -> anyhow::Result<Table> {
    let (table, findings) = read_named_table(&file.path, &file.source, columns, required).map_err(|faults| {
        all_said(&faults, "correct it and run again: half a mapping or decision would bill on a guess")
    })?;
    log.extend(findings);
    Ok(table)
}

/// All that is wrong with a file without which nothing can be done, and the way out.
pub(super) fn all_said(faults: &[Finding], hint: &str) -> anyhow::Error {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}\nhint: {hint}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_hashed_by_a_thread_of_its_own_only_where_one_is_idle() {
        let beside = |large: usize, threads: usize| -> Vec<bool> {
            (0..large).map(|place| hashing(place, large, threads, false) == Hashing::Beside).collect()
        };
        assert_eq!(beside(1, 1), [false]);
        assert_eq!(beside(1, 2), [true]);
        assert_eq!(beside(4, 2), [false; 4]);
        assert_eq!(beside(3, 2), [false, false, true]);
        assert_eq!(beside(3, 4), [false; 3]);
        assert_eq!(beside(2, 4), [true; 2]);
        let of_one = |threads| hashing(0, 1, threads, true);
        assert_eq!([1, 2, 4, 5].map(of_one), [Hashing::Here, Hashing::Here, Hashing::Here, Hashing::Beside]);
    }
}
