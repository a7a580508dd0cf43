//! `trueup validate FILE…`: whether files are what they should be, and whole.

use std::fmt::Write as _;

use trueup::book::Config;
use trueup::emit::{CheckedFile, FindingLog, checked_json, github_text, junit_text, sarif_text};
use trueup::engine::{Against, Expected, registry_of, settle_pages, shown_path, unopened, validate};
use trueup::finding::Severity;

use crate::cli::ExitStatus;
use crate::cli::printer::{BAD, BOLD, GOOD, Printer, WARN};
use crate::cli::settings::{ReportForm, ValidateSettings};

pub fn run(settings: &ValidateSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let registry = registry_of(&settings.book)?;
    let limits = Config::load(&settings.book)?.input;
    let earlier = settings.against.as_ref().map(|path| (path, shown_path(path)));
    let against = earlier.as_ref().map(|(path, source)| Against { path, source, max_fall: settings.max_fall });
    let expected = Expected { format: settings.expect.as_deref(), against: against.as_ref() };
    let (mut files, mut done) = (Vec::new(), true);
    for path in &settings.files {
        let source = shown_path(path);
        match unopened(path, &source) {
            Some(finding) => {
                done = false;
                let mut log = FindingLog::default();
                log.add(finding);
                let findings = log.groups();
                files.push(CheckedFile {
                    file: source,
                    format: None,
                    version: None,
                    rows: 0,
                    rejected: 0,
                    findings,
                    page: None,
                });
            }
            None => files.extend(validate(path, &source, &registry, &limits, expected)?),
        }
    }
    settle_pages(&mut files);
    let report = match settings.form {
        ReportForm::Text => text(&files, printer),
        ReportForm::Json => checked_json(&files, done)?,
        ReportForm::Sarif => sarif_text(&files, done)?,
        ReportForm::Junit => junit_text(&files, settings.fail_on),
        ReportForm::Github => github_text(&files),
    };
    printer.result(&report)?;
    let reached = settings.fail_on.is_some_and(|least| files.iter().any(|f| f.count_from(least) > 0));
    Ok(match (done, reached) {
        (false, _) => ExitStatus::Failed,
        (true, true) => ExitStatus::Findings,
        (true, false) => ExitStatus::Done,
    })
}

/// Per file what it is and what is wrong with it; at the end how many of what.
fn text(files: &[CheckedFile], printer: &Printer) -> String {
    let mut text = String::new();
    for file in files {
        let _ = writeln!(text, "{BOLD}{}{BOLD:#}: {}", file.file, what(file));
        for line in printer.findings_result(&file.findings).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let count = |severity| files.iter().map(|f| f.count(severity)).sum::<u64>();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let style = match (errors, warnings) {
        (0, 0) => GOOD,
        (0, _) => WARN,
        _ => BAD,
    };
    let _ = writeln!(
        text,
        "{}: {style}{}, {}{style:#}",
        counted(files.len() as u64, "file"),
        counted(errors, "error"),
        counted(warnings, "warning")
    );
    text
}

fn what(file: &CheckedFile) -> String {
    let Some(format) = &file.format else { return "not recognised".to_string() };
    let version = file.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
    let rejected = if file.rejected == 0 { String::new() } else { format!(", {} rejected", file.rejected) };
    format!("{format}{version}, {}{rejected}", counted(file.rows, "row"))
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
