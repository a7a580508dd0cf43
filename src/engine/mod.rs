//! The main job, stage by stage: load the book, read every export, judge copies, place rows, reconcile,
//! prove that no row was lost, write. Each stage hands on to the next; none is called back.

mod collect;
mod drift;
mod emit_run;
mod inspect;
mod intern;
mod load;
#[cfg(test)]
mod packed_tests;
mod place;
mod proof;
mod spool;
mod supplied;
mod targets;
mod tidy;
mod unmapped;
mod validate;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::book::{Config, Period, PsaName, discover, latest_period};
use crate::emit::{FindingLog, Summary, psa_changes};
use crate::history::{RunLock, Staging};
use crate::ingest::Progress;
use crate::reconcile::{Discrepancy, Input, VerdictRow};

pub use inspect::{Inspected, Uninspected, inspect};
pub use load::registry_of;
pub use proof::Unbalanced;
pub use tidy::{ChangeCount, Tidied, TidiedFile, TidySettings, tidy};
pub use validate::{Against, Expected, shown_path, unopened, validate};

/// What a run needs to know. The library reads no environment: the caller settles everything.
#[derive(Debug, Clone)]
pub struct Settings {
    pub book: PathBuf,
    /// `None` means the latest period that `usage/` states.
    pub period: Option<Period>,
    pub threads: NonZeroUsize,
    /// Rows kept in memory before partitions spill to temporary files in the book's `out/` folder.
    pub rows_in_memory: usize,
    /// Quantity changes are also written as this PSA takes them; `None`: as the book's settings say.
    pub psa: Option<PsaName>,
    /// A deliberate arithmetic fault, to prove that the ledger finds it. Tests alone set this.
    #[doc(hidden)]
    pub fault: Option<Fault>,
}

impl Settings {
    /// One thread per core as told, rows in memory as measured to be enough.
    pub fn new(book: &Path, threads: NonZeroUsize) -> Self {
        Self { book: book.to_path_buf(), period: None, threads, rows_in_memory: 256 * 1024, psa: None, fault: None }
    }
}

/// An arithmetic fault between reading a row and placing it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    LoseRow,
    DoubleRow,
    ChangeQuantity,
    ChangeCost,
    WrongFile,
}

/// What a run concluded, and where it wrote it.
#[derive(Debug)]
pub struct Concluded {
    pub summary: Summary,
    pub discrepancies: Vec<Discrepancy>,
    pub verdicts: Vec<VerdictRow>,
    /// `out/<period>` of the book.
    pub folder: PathBuf,
}

/// Reconciles a period of a book and writes its outputs, all or nothing.
///
/// # Errors
/// Where the book is no book, lacks PSA data, its settings or format specs are faulty, another run holds it,
/// outputs cannot be written, a sum overflows, or rows do not add up. Nothing is written then.
pub fn reconcile(settings: &Settings, progress: &dyn Progress) -> anyhow::Result<Concluded> {
    let book = &settings.book;
    let files = discover(book)?;
    let config = Config::load(book)?;
    let registry = registry_of(book)?;
    let Some(period) = settings.period.or_else(|| latest_period(&files)) else {
        bail!(
            "no period is stated: there is no folder like usage/2026-10 in {}; name the period with --period YYYY-MM",
            book.display()
        );
    };
    let lock = RunLock::acquire(book)?;
    let staging = Staging::begin(&lock, period)?;
    let mut log = FindingLog::default();

    progress.stage("reading PSA data");
    let sides = load::sides(&files, &registry, &config, period, &mut log)?;
    let mappings = load::mappings(&files, &mut log)?;
    let decisions = load::decisions(&files, &mut log)?;

    progress.stage("reading exports");
    let run = Run { settings, period, spill_dir: staging.folder().to_path_buf() };
    let exports: Vec<String> = sides.exports.iter().map(|e| e.detection.source.clone()).collect();
    let read = collect::collect(&run, sides.exports, progress, &mut log)?;

    progress.stage("placing rows");
    let targets = targets::Targets::new(&sides.psa, &mappings, &read.names);
    let mut placed = place::place(&run, &read, &targets, &mut log)?;
    log.extend(targets.findings());

    progress.stage("reconciling");
    let metered = placed.metered(&read, &targets, period)?;
    let supply = supplied::supply(&run, &read, &sides.refused, &sides.psa, &mappings, &targets, &placed);
    let outcome = crate::reconcile::reconcile(&Input {
        psa: &sides.psa,
        config: &config,
        decisions: &decisions,
        period,
        metered: &metered.sums,
        supply: &supply,
    })
    .context("contracts and usage could not be compared")?;
    let unmapped = unmapped::rows(&placed, &read, &sides.psa, &mut log)?;

    progress.stage("proving");
    let ledger = proof::prove(&read, &placed, &metered, &outcome)?;

    progress.stage("writing");
    let psa = settings.psa.or(config.psa.changes);
    let psa_changes = psa.map(|name| psa_changes(name, &outcome.changes, &sides.psa, &config.proration));
    let psa_changes = psa_changes.transpose()?.map(|(changes, left_out)| {
        log.extend(left_out);
        changes
    });
    let emission = emit_run::Emission {
        run: &run,
        read,
        fates: std::mem::take(&mut placed.fates).into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        conflicts: std::mem::take(&mut placed.conflicts),
        metered: &metered,
        outcome: &outcome,
        psa_changes: psa_changes.as_ref(),
        unmapped: &unmapped,
        ledger: &ledger,
        refused: &sides.refused,
        other_inputs: load::other_inputs(&files, &exports),
        config_sha256: load::config_sha256(book)?,
    };
    let summary = emission.write(staging.folder(), &log)?;
    let folder = staging.commit().context("the outputs could not be put in place; the old ones are intact")?;
    Ok(Concluded { summary, discrepancies: outcome.discrepancies, verdicts: outcome.verdicts, folder })
}

/// What the stages of one run share.
struct Run<'a> {
    settings: &'a Settings,
    period: Period,
    /// Where unnamed temporary files may be made.
    spill_dir: PathBuf,
}
