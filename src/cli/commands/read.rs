//! `trueup read FILE…`: the records of files exactly as read.

use std::io::Write;

use trueup::book::Config;
use trueup::emit::{FindingLog, RecordWriter};
use trueup::engine::{registry_of, shown_path, unopened};
use trueup::finding::{Code, Finding, Place, Severity};
use trueup::ingest::{RecordSink, read_records};

use crate::cli::ExitStatus;
use crate::cli::printer::Printer;
use crate::cli::settings::ReadSettings;

pub fn run(settings: &ReadSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let registry = registry_of(&settings.book)?;
    let limits = Config::load(&settings.book)?.input;
    let writer = RecordWriter::new(Printer::stream(), settings.to, settings.lines);
    let mut outlet = Outlet { writer, log: FindingLog::default(), hidden: String::new() };
    let mut missing = false;
    for path in &settings.files {
        let source = shown_path(path);
        match unopened(path, &source) {
            Some(finding) => {
                missing = true;
                outlet.log.add(finding);
            }
            None => read_records(path, &source, &registry, &limits, &mut outlet)?,
        }
    }
    let Outlet { writer, log, .. } = outlet;
    writer.finish()?;
    printer.findings(&log.groups())?;
    let reached = settings.fail_on.is_some_and(|least| log.count_from(least) > 0);
    Ok(match (missing, reached) {
        (true, _) => ExitStatus::Failed,
        (false, true) => ExitStatus::Findings,
        (false, false) => ExitStatus::Done,
    })
}

/// Records to stdout, findings to be said at the end.
struct Outlet<W> {
    writer: RecordWriter<W>,
    log: FindingLog,
    /// The last sheet that is hidden.
    hidden: String,
}

impl<W: Write> RecordSink for Outlet<W> {
    fn headings(&mut self, source: &str, line: u64, headings: &[&str]) -> anyhow::Result<bool> {
        if self.writer.headings(source, headings)? {
            return Ok(true);
        }
        let (severity, message) = if self.hidden == source {
            let message = "the sheet is hidden, and its headings differ from the first that were read, so it was left out; \
                           use --to jsonl to read it, too";
            (Severity::Warning, message)
        } else {
            let message = "the headings differ from the first that were read, so the records cannot stand in one CSV; \
                           read the file by itself, or use --to jsonl";
            (Severity::Error, message)
        };
        let place = if line == 0 { Place::file(source) } else { Place::line(source, line) };
        self.log.add(Finding::new(Code::I116, message).severity(severity).at(place));
        Ok(false)
    }

    fn hidden(&mut self, source: &str) {
        self.hidden = source.to_string();
    }

    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()> {
        Ok(self.writer.record(line, cells)?)
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.log.add(finding);
        Ok(())
    }
}
