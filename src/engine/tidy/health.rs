//! PSA tables to their health: loaded as a run loads them, and held against what the book ignores.

use crate::book::{Config, IGNORE_COLUMNS, IGNORE_FILE, Ignore, load_ignores, load_psa_with};
use crate::emit::FindingLog;
use crate::engine::load::all_said;
use crate::finding::{Code, Finding};
use crate::format::TableKind;
use crate::ingest::{Table, read_named_table};
use crate::tidy::{Health, RecordKind, examine, unused_ignores};

use super::TidySettings;

pub(super) fn judge(
    settings: &TidySettings,
    config: &Config,
    tables: &[(TableKind, Table)],
    log: &mut FindingLog,
) -> anyhow::Result<Health> {
    // A table that was not given is not missing what it would hold: only references between given tables count.
    let given = |kind| tables.iter().any(|(k, _)| *k == kind);
    let (psa, findings) = load_psa_with(tables, &config.psa_defaults(None));
    let findings: Vec<Finding> = findings.into_iter().filter(|f| f.code != Code::T208 || all_sides(&given)).collect();
    let ignores = ignores(settings, log)?;
    let health = examine(tables, &psa, &findings, &ignores, settings.stale_months);
    log.extend(findings.iter().filter(|f| f.code != Code::T208).cloned());
    log.extend(unused_ignores(&psa, &findings, &ignores));
    for problem in &health.problems {
        // What is on a client for its line's sake is said of the line.
        let said_elsewhere = problem.kind == RecordKind::Client && problem.code == Code::T208;
        let said_before = !matches!(problem.code, Code::T205 | Code::T206 | Code::T207 | Code::T208);
        if !said_elsewhere && !said_before {
            let name = if problem.name.is_empty() { &problem.id } else { &problem.name };
            log.add(Finding::new(problem.code, problem.message.clone()).at(problem.place.clone()).value(name.clone()));
        }
    }
    Ok(health)
}

/// Whether every table that a contract line refers to was given.
fn all_sides(given: &impl Fn(TableKind) -> bool) -> bool {
    [TableKind::Clients, TableKind::Products, TableKind::Contracts].into_iter().all(given)
}

fn ignores(settings: &TidySettings, log: &mut FindingLog) -> anyhow::Result<Vec<Ignore>> {
    let path = settings.book.join(IGNORE_FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let (table, findings) = read_named_table(&path, IGNORE_FILE, IGNORE_COLUMNS, &["kind", "id"])
        .map_err(|faults| all_said(&faults, "correct it, or take it away to ignore nothing"))?;
    log.extend(findings);
    let (ignores, findings) = load_ignores(&table);
    log.extend(findings);
    Ok(ignores)
}
