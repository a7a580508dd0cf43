//! What was found in files that were checked: what every form of report is written from.

use std::fmt::Write as _;

use serde::Serialize;

use super::findings::FindingGroup;
use crate::finding::{Code, Severity};
use crate::ingest::Page;

/// A file, or a list of records within one, that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedFile {
    /// As the user named it, with `/`.
    pub file: String,
    /// The format's id; `None` if no known format fits, or it could not be read.
    pub format: Option<String>,
    pub version: Option<String>,
    /// Rows that can be used.
    pub rows: u64,
    pub rejected: u64,
    /// By cause, errors first.
    pub findings: Vec<FindingGroup>,
    /// Of a page of an API that is one of several.
    #[serde(skip)]
    pub page: Option<Page>,
}

impl CheckedFile {
    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.findings.iter().filter(|g| g.level() == severity).map(|g| g.count).sum()
    }

    /// How many there are of at least this severity.
    pub fn count_from(&self, least: Severity) -> u64 {
        self.findings.iter().filter(|g| g.level() >= least).map(|g| g.count).sum()
    }
}

#[derive(Serialize)]
struct Report<'a> {
    done: bool,
    errors: u64,
    warnings: u64,
    infos: u64,
    files: &'a [CheckedFile],
}

/// The report as JSON. `done`: every file named could be opened.
pub fn checked_json(files: &[CheckedFile], done: bool) -> serde_json::Result<String> {
    let count = |severity| files.iter().map(|f| f.count(severity)).sum();
    let report = Report {
        done,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        infos: count(Severity::Info),
        files,
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

/// What a file by itself is checked for. Periods and everything else are of a book.
pub(super) fn checks() -> impl Iterator<Item = Code> {
    let of_files = |c: &Code| (c.id().starts_with('I') && *c != Code::I115) || matches!(c, Code::T201 | Code::T203);
    Code::ALL.iter().copied().filter(of_files)
}

/// A cause with the offending text of its first case and the number of cases, in one line.
pub(super) fn headline(group: &FindingGroup) -> String {
    let mut text = group.cause.trim_end_matches('.').to_string();
    if let Some(example) = group.examples.first() {
        text.push_str(&case(example.value.as_deref(), example.at.as_ref().and_then(|p| p.column)));
    }
    if group.count > 1 {
        let _ = write!(text, " ({} times)", group.count);
    }
    text
}

/// `: "12..5" in field 4`: a field's number is no column of characters, so it is said in words.
pub(super) fn case(value: Option<&str>, field: Option<u64>) -> String {
    let value = value.map(|v| format!(": {v:?}")).unwrap_or_default();
    let field = field.map(|n| format!(" in field {n}")).unwrap_or_default();
    format!("{value}{field}")
}

#[cfg(test)]
pub(super) mod sample {
    use super::CheckedFile;
    use crate::emit::FindingLog;
    use crate::finding::{Code, Finding, Place, Severity};

    /// Two files: one with an error seven times and a warning, one refused.
    pub fn files() -> Vec<CheckedFile> {
        let mut log = FindingLog::default();
        for line in 2..=8 {
            let place = Place::cell("in/a b.csv", line, 4);
            log.add(Finding::new(Code::I105, "quantity: the cell is not a number").at(place).value("<12..5> & \"%\""));
        }
        let drift = Finding::new(Code::I116, "the heading \"x\" is gone").severity(Severity::Warning);
        log.add(drift.at(Place::line("in/a b.csv", 1)));
        log.add(Finding::new(Code::I108, "the file is not UTF-8").at(Place::file("in/a b.csv")));
        let read = CheckedFile {
            file: "in/a b.csv".into(),
            format: Some("keeper".into()),
            version: None,
            rows: 3,
            rejected: 7,
            findings: log.groups(),
            page: None,
        };
        let mut log = FindingLog::default();
        log.add(Finding::new(Code::I102, "no known format has these headings").at(Place::file("b.csv")));
        let refused = CheckedFile {
            file: "b.csv".into(),
            format: None,
            version: None,
            rows: 0,
            rejected: 0,
            findings: log.groups(),
            page: None,
        };
        vec![read, refused]
    }
}
