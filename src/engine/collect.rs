//! Reads every export, several at a time and a large one by several threads, into partitions of rows. Each file keeps its
//! own account of what was read, so that results do not depend on which thread read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context;

use super::Run;
use super::charges::Checked;
use super::desk::Desk;
use super::intern::Interner;
use super::load::Export;
use super::rejected::RejectedUses;
use super::spool::Spool;
use super::threads::{Turns, in_threads};
use crate::control::Ledger;
use crate::emit::FindingLog;
use crate::finding::{About, Code};
use crate::format::MeterRule;
use crate::ingest::{Progress, ReadTotals, Trusted, UsageFile};
use crate::rate::{Currency, Overflow};
use crate::resolve::{AccountKey, SkuKey};
use crate::tidy::{Kind, Partitions, Position};

mod sink;

use sink::Sink;

/// A SKU, and the rule its format meters by where no mapping says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sku {
    pub key: SkuKey,
    pub rule: MeterRule,
    /// The id of the format it stands in: two formats of one vendor may count one thing.
    pub format: String,
}

/// Distinct accounts and SKUs by number.
pub struct Names {
    pub accounts: Vec<AccountKey>,
    pub skus: Vec<Sku>,
    /// The vendor of each account, by number.
    pub vendor_of: Vec<u32>,
    pub vendors: Vec<String>,
}

impl Names {
    fn new(accounts: Vec<AccountKey>, skus: Vec<Sku>) -> Self {
        let vendors: BTreeSet<&String> = accounts.iter().map(|a| &a.provider_name).collect();
        let numbers: BTreeMap<&String, u32> = vendors.iter().copied().zip(0..).collect();
        let vendor_of = accounts.iter().map(|a| numbers[&a.provider_name]).collect();
        let vendors = vendors.into_iter().cloned().collect();
        Self { accounts, skus, vendor_of, vendors }
    }
}

/// What reading one export left behind.
pub struct FileRead {
    pub export: Export,
    pub totals: ReadTotals,
    pub found: Found,
    /// Rejected rows of each thread that read it.
    pub rejects: Vec<Spool>,
}

/// What rows of an export left behind.
#[derive(Default)]
pub struct Found {
    /// Its bytes end early: what is behind its last row is not known.
    pub truncated: bool,
    pub other_lines: u64,
    /// The last line that a row begins on.
    pub last_line: u64,
    pub providers: BTreeSet<String>,
    /// Vendors with rows of their own in the run's period.
    pub supplied: BTreeSet<String>,
    /// Account and SKU of rows of the run's period that could not be read.
    pub rejected_uses: RejectedUses,
    /// Vendors (empty if not known) of rows that could not be read and name no account or SKU.
    pub nameless: BTreeSet<String>,
    /// Rows of other periods stand in it.
    pub elsewhere: bool,
    /// How its amounts come from its quantities and unit prices.
    pub charges: BTreeMap<Currency, Checked>,
}

impl Found {
    /// Takes in what other rows of the same export left behind.
    fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.truncated |= other.truncated;
        self.other_lines += other.other_lines;
        self.last_line = self.last_line.max(other.last_line);
        self.providers.extend(other.providers);
        self.supplied.extend(other.supplied);
        self.rejected_uses.merge(&other.rejected_uses);
        self.nameless.extend(other.nameless);
        self.elsewhere |= other.elsewhere;
        other
            .charges
            .into_iter()
            .try_for_each(|(currency, checked)| self.charges.entry(currency).or_default().merge(checked))
    }
}

/// All exports, read.
pub struct Collected {
    /// In order of their paths; rows know them by index.
    pub files: Vec<FileRead>,
    pub names: Names,
    /// By number.
    pub kinds: Vec<Kind>,
    /// The heads of all rows, by their keys.
    pub heads: Partitions,
    /// The rows, beside those they are added up with.
    pub rows: Partitions,
    pub ledger: Ledger,
}

struct Shared<'a> {
    run: &'a Run<'a>,
    /// Whether a meter's readings may have to be put together.
    series: bool,
    progress: &'a dyn Progress,
    accounts: Interner<AccountKey>,
    skus: Interner<Sku>,
    kinds: Interner<Kind>,
    heads: Partitions,
    rows: Partitions,
    /// Some export failed, so that nothing more is worth reading.
    stopped: AtomicBool,
}

/// Why an export is not read on where another failed.
#[derive(Debug, thiserror::Error)]
#[error("reading was stopped, since another export could not be read")]
struct Stopped;

/// What one thread read of an export.
struct Done {
    /// Of all that was read of it, from the thread that was done last.
    totals: Option<ReadTotals>,
    found: Found,
    rejects: Spool,
    ledger: Ledger,
    log: FindingLog,
}

/// Reads the exports with as many threads as the run has. `series`: some mapping meters by a rule that looks at
/// days, whatever the format says; `first`: what one of the threads does before it reads.
pub fn collect(
    run: &Run<'_>,
    exports: Vec<Export>,
    series: bool,
    first: &(dyn Fn() + Sync),
    progress: &dyn Progress,
    log: &mut FindingLog,
) -> anyhow::Result<Collected> {
    for export in &exports {
        progress.file(&export.detection.source, export.detection.survey.bytes);
    }
    let budget = &run.budget;
    let shared = Shared {
        run,
        series,
        progress,
        accounts: Interner::default(),
        skus: Interner::default(),
        kinds: Interner::default(),
        heads: Partitions::new(run.waiting.clone(), budget.partitions, budget.heads),
        rows: Partitions::new(run.waiting.clone(), budget.partitions, budget.rows),
        stopped: AtomicBool::new(false),
    };
    // The largest first, so that no thread is left alone with one at the end.
    let mut order: Vec<usize> = (0..exports.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(exports[*i].detection.survey.bytes));
    let slots: Vec<Slot<'_>> = exports.iter().map(Slot::of).collect();
    let turns = Turns::new(order.len());
    let is_any_shared = slots.iter().any(Slot::is_shared);
    let threads = run.settings.threads.get();
    let threads = if is_any_shared { threads } else { threads.min(slots.len()).max(1) };
    in_threads(threads, |number| {
        if number == 0 {
            first();
        }
        let mut desk = Desk::new(&shared.heads, &shared.rows, budget, threads);
        // Each has an export of its own, until there are no more; then all read what others are reading still.
        let own = std::iter::from_fn(|| turns.next()).map(|turn| order[turn]);
        let shared_ones = order.iter().copied().filter(|index| slots[*index].is_shared());
        for index in own.chain(shared_ones) {
            if shared.stopped.load(Ordering::Relaxed) {
                break;
            }
            let Some(done) = slots[index].read(&shared, &mut desk, index).transpose() else { continue };
            let failed = done.is_err();
            slots[index].done().push(done);
            if failed {
                // Nothing more is worth reading.
                shared.stopped.store(true, Ordering::Relaxed);
                turns.stop();
            }
        }
        desk.heads.flush(&shared.heads)?;
        Ok(desk.rows.flush(&shared.rows)?)
    })?;

    let results: Vec<Vec<anyhow::Result<Done>>> = slots.into_iter().map(Slot::into_done).collect();
    // What failed first is said, and not that others stopped for it.
    let is_failure = |result: &anyhow::Result<Done>| result.as_ref().is_err_and(|e| !e.is::<Stopped>());
    let first = results.iter().position(|results| results.iter().any(is_failure)).unwrap_or_default();
    let mut files = Vec::with_capacity(results.len());
    let mut ledger = Ledger::default();
    for (export, mut results) in exports.into_iter().zip(results).skip(first) {
        results.sort_by_key(|result| !is_failure(result));
        let all = results.into_iter().collect::<anyhow::Result<Vec<Done>>>()?;
        if !all.is_empty() {
            files.push(file_read(export, all, &mut ledger, log)?);
        }
    }
    let names = Names::new(shared.accounts.into_values(), shared.skus.into_values());
    let kinds = shared.kinds.into_values();
    Ok(Collected { files, names, kinds, heads: shared.heads, rows: shared.rows, ledger })
}

/// Puts together what the threads found that read an export.
fn file_read(
    mut export: Export,
    all: Vec<Done>,
    ledger: &mut Ledger,
    log: &mut FindingLog,
) -> anyhow::Result<FileRead> {
    let overflow = || format!("{} cannot be summed", export.detection.source);
    let mut totals = None;
    let mut found = Found::default();
    let mut rejects = Vec::with_capacity(all.len());
    for done in all {
        ledger.merge(&done.ledger).with_context(overflow)?;
        found.merge(done.found).with_context(overflow)?;
        log.merge(done.log);
        rejects.push(done.rejects);
        totals = totals.or(done.totals);
    }
    for (currency, checked) in &found.charges {
        log.extend(checked.finding(&export.detection.source, *currency));
    }
    let totals = totals.expect("whoever was done last has them");
    found.truncated |= totals.truncated;
    let survey = &mut export.detection.survey;
    if let Some(sha256) = survey.trusted.as_deref().and_then(Trusted::sha256) {
        survey.sha256 = sha256.to_string();
    }
    Ok(FileRead { export, totals, found, rejects })
}

/// An export while it is read.
struct Slot<'a> {
    export: &'a Export,
    /// Of one that several threads may read; `None` if it could not be opened, which the thread says that tried.
    file: OnceLock<Option<UsageFile<'a>>>,
    told: Mutex<Told>,
    done: Mutex<Vec<anyhow::Result<Done>>>,
}

impl<'a> Slot<'a> {
    fn of(export: &'a Export) -> Self {
        Self { export, file: OnceLock::new(), told: Mutex::new(Told::of(export)), done: Mutex::default() }
    }

    /// Whether several threads may read it.
    fn is_shared(&self) -> bool {
        self.export.detection.survey.trusted.is_some()
    }

    fn done(&self) -> MutexGuard<'_, Vec<anyhow::Result<Done>>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_done(self) -> Vec<anyhow::Result<Done>> {
        self.done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what no other thread reads; `None` if that is nothing.
    fn read(&self, shared: &Shared<'_>, desk: &mut Desk, index: usize) -> anyhow::Result<Option<Done>> {
        let opened;
        let file = if self.is_shared() {
            let mut failure = None;
            let open = || UsageFile::open(&self.export.detection).map_err(|e| failure = Some(e)).ok();
            let file = self.file.get_or_init(open).as_ref();
            match (file, failure) {
                (Some(file), _) => file,
                (None, Some(e)) => return Err(self.unreadable(e)),
                (None, None) => return Ok(None),
            }
        } else {
            opened = UsageFile::open(&self.export.detection).map_err(|e| self.unreadable(e))?;
            &opened
        };
        if !file.has_more() {
            return Ok(None);
        }
        let number = Position::file(index).context("more than 2^24 files")?;
        let mut sink = Sink::new(shared, desk, self.export, number, &self.told);
        let totals = file.read(&mut sink).map_err(|e| self.unreadable(e))?;
        sink.done(totals).map(Some)
    }

    fn unreadable(&self, error: anyhow::Error) -> anyhow::Error {
        error.context(format!("{} could not be read", self.export.detection.source))
    }
}

/// How far a file is, by its rows: its bytes may be packed, and who reads them does not count them.
struct Told {
    bytes: u64,
    /// Rows that the file may have, as its head promises.
    expected: u64,
    rows: u64,
    bytes_before: u64,
}

impl Told {
    fn of(export: &Export) -> Self {
        let bytes = export.detection.survey.bytes;
        Self { bytes, expected: export.rows_expected.max(1), rows: 0, bytes_before: 0 }
    }

    /// So many rows more were read.
    fn rows(&mut self, more: u64, progress: &dyn Progress) {
        self.rows += more;
        progress.rows(more);
        let share = u128::from(self.bytes) * u128::from(self.rows) / u128::from(self.expected);
        // The last part is told when it is done.
        let bytes = u64::try_from(share).unwrap_or(u64::MAX).min(self.bytes / 100 * 99).max(self.bytes_before);
        self.tell(progress, bytes);
    }

    fn end(&mut self, progress: &dyn Progress) {
        self.tell(progress, self.bytes);
    }

    fn tell(&mut self, progress: &dyn Progress, bytes: u64) {
        progress.advance(bytes - self.bytes_before);
        self.bytes_before = bytes;
    }
}

/// Says why a row in the run's own folder lies outside its period.
pub fn out_of_period() -> About {
    About::new(Code::I115, "the row's dates lie outside the period that its folder or name states")
}
