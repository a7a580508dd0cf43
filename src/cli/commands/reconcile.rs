//! `trueup reconcile [--period] [--threads] [--fail-on]`: the main job.

use trueup::emit::{Summary, summary_text};
use trueup::engine::{self, Settings};
use trueup::finding::Severity;
use trueup::reconcile::Discrepancy;

use crate::cli::ExitStatus;
use crate::cli::interrupt;
use crate::cli::printer::Printer;
use crate::cli::report::{Report, is_open};
use crate::cli::settings::{FailOn, ReconcileSettings};

pub fn run(settings: &ReconcileSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let progress = printer.progress();
    let mut run = Settings::new(&settings.book, settings.threads);
    run.period = settings.period;
    run.psa = settings.psa;
    run.memory = settings.memory;
    run.temp.clone_from(&settings.temp);
    interrupt::watch(&run.unfinished, printer)?;
    let concluded = engine::reconcile(&run, progress.as_ref())?;
    // The bar goes before anything is said below it.
    drop(progress);
    printer.findings(&concluded.summary.findings)?;
    if printer.json() {
        printer.result(&summary_text(&concluded.summary)?)?;
    } else {
        let report = Report {
            summary: &concluded.summary,
            discrepancies: &concluded.discrepancies,
            verdicts: &concluded.verdicts,
            folder: &concluded.folder.display().to_string(),
        };
        printer.result(&report.text())?;
    }
    let reached = reaches(settings.fail_on, &concluded.summary, &concluded.discrepancies);
    Ok(if reached { ExitStatus::Findings } else { ExitStatus::Done })
}

/// Whether there is what `--fail-on` names.
fn reaches(fail_on: FailOn, summary: &Summary, discrepancies: &[Discrepancy]) -> bool {
    let severe = |least: Severity| {
        summary.findings.iter().any(|g| severity(g.severity) >= least)
            || discrepancies.iter().any(|d| d.decision.is_none() && d.severity >= least)
    };
    match fail_on {
        FailOn::Never => false,
        FailOn::Error => severe(Severity::Error),
        FailOn::Warning => severe(Severity::Warning),
        FailOn::Info => severe(Severity::Info),
        FailOn::Discrepancy => discrepancies.iter().any(is_open),
    }
}

fn severity(word: &str) -> Severity {
    [Severity::Info, Severity::Warning].into_iter().find(|s| s.word() == word).unwrap_or(Severity::Error)
}

#[cfg(test)]
mod tests {
    use trueup::book::DecisionKind;
    use trueup::emit::FindingLog;
    use trueup::finding::{Code, Finding};

    use super::*;
    use crate::cli::report::sample;

    #[test]
    fn the_exit_code_follows_the_gravest_finding_or_discrepancy() {
        let mut summary = sample::summary();
        summary.findings = Vec::new();
        let reached = |summary: &Summary, discrepancies: &[Discrepancy]| {
            [FailOn::Never, FailOn::Error, FailOn::Warning, FailOn::Info, FailOn::Discrepancy]
                .map(|f| reaches(f, summary, discrepancies))
        };
        assert_eq!(reached(&summary, &[]), [false; 5]);

        let mut open = sample::discrepancies().remove(0);
        assert_eq!(reached(&summary, std::slice::from_ref(&open)), [false, false, true, true, true]);
        open.decision = Some(DecisionKind::Keep);
        assert_eq!(reached(&summary, std::slice::from_ref(&open)), [false; 5]);

        let mut log = FindingLog::default();
        log.add(Finding::new(Code::I105, "bad"));
        summary.findings = log.groups();
        assert_eq!(reached(&summary, &[]), [false, true, true, true, false]);
    }
}
