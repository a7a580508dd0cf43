//! The main job, stage by stage: load the book, read every export, judge copies, place rows, reconcile,
//! prove that no row was lost, write. Each stage hands on to the next; none is called back.

mod budget;
mod charges;
mod collect;
mod desk;
mod drift;
mod emit_run;
mod enter;
mod inspect;
mod intern;
mod load;
mod lots;
mod meet;
mod metered;
#[cfg(test)]
mod packed_tests;
mod pairs;
mod pending;
mod place;
mod proof;
mod readings;
mod rejected;
mod spool;
mod supplied;
mod targets;
mod threads;
mod tidy;
mod unmapped;
mod validate;
mod waiting;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, bail};

use budget::Budget;
use collect::Collected;
use load::{Refused, Sides};
use threads::{Turns, beside, in_threads, let_go};

use crate::book::{
    BookFiles, Bundles, Config, Decision, Mappings, Period, Psa, PsaName, discover, latest_period, load_psa_with,
};
use crate::emit::{FindingLog, Summary, psa_changes};
use crate::format::{MeterRule, Registry};
use crate::history::{RunLock, Staging, Unfinished};
use crate::ingest::{LARGE, Progress, is_distrust};
use crate::reconcile::{Discrepancy, Input, Outcome, Part, Reconciliation, VerdictRow, overlaps};
use crate::tidy::Spill;

pub use inspect::{Inspected, Uninspected, inspect, settle_inspected};
pub use load::registry_of;
pub use proof::Unbalanced;
pub use tidy::{ChangeCount, Tidied, TidiedFile, TidySettings, tidy};
pub use validate::{Against, Expected, settle_pages, shown_path, unopened, validate};

/// What a run needs to know. The library reads no environment: the caller settles everything.
#[derive(Debug, Clone)]
pub struct Settings {
    pub book: PathBuf,
    /// `None` means the latest period that `usage/` states.
    pub period: Option<Period>,
    pub threads: NonZeroUsize,
    /// Quantity changes are also written as this PSA takes them; `None`: as the book's settings say.
    pub psa: Option<PsaName>,
    /// Bytes of memory that a run may take, as far as that is up to rows; the rest waits in temporary files.
    pub memory: u64,
    /// Where temporary files go; `None` is the folder in which the outputs are made.
    pub temp: Option<PathBuf>,
    /// What is to be cleared away if the process is told to stop.
    pub unfinished: Unfinished,
    /// From how many bytes on an export is trusted to be what its head shows, until it is read; `None`: none is.
    #[doc(hidden)]
    pub trusts: Option<u64>,
    /// A deliberate arithmetic fault, to prove that the ledger finds it. Tests alone set this.
    #[doc(hidden)]
    pub fault: Option<Fault>,
}

impl Settings {
    /// Memory that is enough for any number of rows at full speed.
    pub const MEMORY: u64 = 512 << 20;

    /// One thread per core as told, memory as measured to be enough.
    pub fn new(book: &Path, threads: NonZeroUsize) -> Self {
        Self {
            book: book.to_path_buf(),
            period: None,
            threads,
            memory: Self::MEMORY,
            temp: None,
            psa: None,
            unfinished: Unfinished::default(),
            trusts: Some(LARGE),
            fault: None,
        }
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
    let staging = Staging::begin_watched(&lock, period, &settings.unfinished)?;
    let temp = settings.temp.as_deref().unwrap_or(staging.folder());
    let book = Unread { settings, files: &files, registry: &registry, config: &config, period, temp };
    let read = match book.read(settings.trusts, progress) {
        Err(e) if is_distrust(&e) => {
            // Some export is not what its head shows, so that all are looked through before any is read.
            progress.again();
            book.read(None, progress)
        }
        read => read,
    };
    let ReadBook { run, psa, refused, mappings, decisions, bundles, mut read, mut log } = read?;

    progress.stage("placing rows");
    let targets = targets::Targets::new(&psa, &mappings, &read.names);
    let mut placed = place::place(&run, &read, &targets, &mut log)?;
    let_go(run.waiting.take_files());
    log.extend(targets.findings());

    progress.stage("reconciling");
    let (metered, (supply, before)) = beside(
        settings.threads,
        || placed.metered(&read, &targets, period),
        || {
            let supply = supplied::supply(&run, &read, &refused, &psa, &mappings, &targets, &placed);
            (supply, supplied::before(&run, &read, &targets, &placed))
        },
    );
    let mut metered = metered?;
    // From here on the metered quantities stand for them.
    placed.sums = Vec::new();
    log.extend(overlaps(&metered.sums));
    (placed.before, placed.present, placed.unattributed) = Default::default();
    let input = Input {
        psa: &psa,
        config: &config,
        decisions: &decisions,
        period,
        metered: &metered.sums,
        beside: &metered.beside,
        before: &before,
        supply: &supply,
        bundles: &bundles,
    };
    let mut outcome = concluded(&input, settings.threads.get()).context("contracts and usage could not be compared")?;
    (metered.sums, metered.beside) = (Vec::new(), Vec::new());
    let unmapped = unmapped::rows(&placed, &read, &read.names, &psa, &mut log)?;
    placed.unmapped.clear();

    progress.stage("proving");
    let pending = std::mem::take(&mut placed.pending);
    let ledger = proof::prove(&read, &placed, pending, &metered, &outcome, settings.threads.get())?;

    progress.stage("writing");
    let of_which = settings.psa.or(config.psa.changes);
    let psa_changes = of_which.map(|name| psa_changes(name, &outcome.changes, &psa, &config.proration));
    let psa_changes = psa_changes.transpose()?.map(|(changes, left_out)| {
        log.extend(left_out);
        changes
    });
    // Everything is concluded: the book's side makes room for the outputs.
    drop(targets);
    let_go((psa, mappings, decisions, bundles));
    let exports: Vec<String> = read.files.iter().map(|f| f.export.detection.source.clone()).collect();
    let rejects = read.files.iter_mut().map(|file| std::mem::take(&mut file.rejects)).collect();
    let emission = emit_run::Emission {
        run: &run,
        read: &read,
        rejects: Mutex::new(Some(rejects)),
        duplicates: Mutex::new(Some(placed.duplicates)),
        trail: placed.trail,
        conflicts: placed.conflicts,
        metered: &metered,
        outcome: &outcome,
        psa_changes: psa_changes.as_ref(),
        unmapped: &unmapped,
        ledger: &ledger,
        refused: &refused,
        other_inputs: load::other_inputs(&files, &exports),
        config_sha256: load::config_sha256(&settings.book)?,
    };
    let summary = emission.write(staging.folder(), &log)?;
    let (discrepancies, verdicts) = (std::mem::take(&mut outcome.discrepancies), std::mem::take(&mut outcome.verdicts));
    drop(unmapped);
    // While the disk is waited for.
    let_go(run.spill.take_files());
    let_go((outcome, metered, read));
    let folder = staging.commit().context("the outputs could not be put in place; the old ones are intact")?;
    Ok(Concluded { summary, discrepancies, verdicts, folder })
}

/// A book of which nothing is read but its settings.
struct Unread<'a> {
    settings: &'a Settings,
    files: &'a BookFiles,
    registry: &'a Registry,
    config: &'a Config,
    period: Period,
    temp: &'a Path,
}

/// Everything a book holds, but for the contents of its exports, which wait in partitions.
struct ReadBook<'a> {
    run: Run<'a>,
    psa: Psa,
    refused: Vec<Refused>,
    mappings: Mappings,
    decisions: Vec<Decision>,
    bundles: Bundles,
    read: Collected,
    log: FindingLog,
}

impl<'a> Unread<'a> {
    /// `trusts`: from how many bytes on an export is trusted to be what its head shows. One that is not is an error that
    /// [`is_distrust`] knows.
    fn read(&self, trusts: Option<u64>, progress: &dyn Progress) -> anyhow::Result<ReadBook<'a>> {
        let Self { settings, files, period, .. } = *self;
        let mut log = FindingLog::default();
        progress.stage("reading PSA data");
        let threads = settings.threads.get();
        let limits = &self.config.input;
        let Sides { tables, exports, refused } = load::sides(files, self.registry, limits, threads, trusts, &mut log)?;
        let mappings = load::mappings(files, &mut log)?;
        let decisions = load::decisions(files, &mut log)?;

        progress.stage("reading exports");
        let budget = Budget::new(settings.memory, settings.threads, &exports);
        let spill = || Arc::new(Spill::new(self.temp, budget.needs));
        let run = Run { settings, period, waiting: spill(), spill: spill(), budget };
        let series = mappings.products.iter().filter_map(|m| m.rule).any(MeterRule::looks_at_days);
        // No export asks what the PSA has, so that it is loaded while they are read.
        let (tables, loaded) = (Mutex::new(tables), OnceLock::new());
        let load = || {
            let tables = std::mem::take(&mut *tables.lock().unwrap_or_else(PoisonError::into_inner));
            loaded.get_or_init(|| load_psa_with(&tables, &self.config.psa_defaults(Some(period))));
        };
        let read = collect::collect(&run, exports, series, &load, progress, &mut log)?;
        let (psa, findings) = loaded.into_inner().expect("loaded before all is read");
        log.extend(findings);
        let (bundles, said) = Bundles::assemble(&mappings.bundles, &psa);
        log.extend(said);
        Ok(ReadBook { run, psa, refused, mappings, decisions, bundles, read, log })
    }
}

/// Clients that a thread takes at a time.
const CLIENTS: usize = 64;

/// What is concluded of all clients, by several threads: some clients each, put together in their order.
fn concluded(input: &Input<'_>, threads: usize) -> anyhow::Result<Outcome> {
    let all = Reconciliation::new(input)?;
    let parts: Vec<Mutex<Part>> = (0..all.clients().div_ceil(CLIENTS)).map(|_| Mutex::default()).collect();
    let turns = Turns::new(parts.len());
    in_threads(threads.min(parts.len()), |_| {
        while let Some(number) = turns.next() {
            let first = number * CLIENTS;
            let done = all.conclude(first..all.clients().min(first + CLIENTS))?;
            *parts[number].lock().unwrap_or_else(PoisonError::into_inner) = done;
        }
        Ok(())
    })?;
    let parts = parts.into_iter().map(|part| part.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(all.finish(parts.collect())?)
}

/// What the stages of one run share.
struct Run<'a> {
    settings: &'a Settings,
    period: Period,
    /// For rows that outgrow memory, until they are placed.
    waiting: Arc<Spill>,
    /// For what else does.
    spill: Arc<Spill>,
    budget: Budget,
}
