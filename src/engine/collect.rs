//! Reads every export, several at a time, into partitions of rows. Each file keeps its own account of what
//! was read, so that results do not depend on which thread read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use xxhash_rust::xxh3::xxh3_128;

use super::Run;
use super::intern::{Interner, Known};
use super::load::Export;
use super::spool::Spool;
use crate::book::Period;
use crate::control::{Fate, Ledger, RowFate};
use crate::emit::{FindingLog, Rejected};
use crate::finding::{Code, Finding, Place};
use crate::format::{ChargeCategory, MeterRule};
use crate::ingest::{OtherLine, Progress, ReadTotals, Reject, UsageRow, UsageSink, read_usage};
use crate::resolve::{AccountKey, SkuKey};
use crate::tidy::{FateRuns, PARTITIONS, Partitions, Row, belonging};

/// Rows a thread gathers per partition before it hands them over.
const BATCH: usize = 256;
/// Fates kept in memory before runs spill.
const FATES_IN_MEMORY: usize = 1 << 20;

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
}

/// Rejected rows of one account and SKU.
#[derive(Debug, Clone)]
pub struct RejectedUse {
    pub rows: u64,
    pub first_line: u64,
    /// Which cell is in which field is not certain, so the names may be of other columns.
    pub broken: bool,
}

/// What reading one export left behind.
pub struct FileRead {
    pub export: Export,
    pub totals: ReadTotals,
    /// Its bytes end early: what is behind its last row is not known.
    pub truncated: bool,
    pub other_lines: u64,
    pub providers: BTreeSet<String>,
    /// Vendors with rows of their own in the run's period.
    pub supplied: BTreeSet<String>,
    pub rejects: Spool,
    /// Account and SKU of rows of the run's period that could not be read.
    pub rejected_uses: BTreeMap<(AccountKey, SkuKey), RejectedUse>,
    /// Vendors (empty if not known) of rows that could not be read and name no account or SKU.
    pub nameless: BTreeSet<String>,
}

/// All exports, read.
pub struct Collected {
    /// In order of their paths; rows know them by index.
    pub files: Vec<FileRead>,
    pub names: Names,
    pub partitions: Partitions,
    pub ledger: Ledger,
    pub fates: FateRuns,
}

struct Shared<'a> {
    run: &'a Run<'a>,
    accounts: Interner<AccountKey>,
    skus: Interner<Sku>,
    partitions: Partitions,
}

struct Done {
    file: FileRead,
    ledger: Ledger,
    log: FindingLog,
    fates: Vec<RowFate>,
}

/// Reads the exports with as many threads as the run has.
pub fn collect(
    run: &Run<'_>,
    exports: Vec<Export>,
    progress: &dyn Progress,
    log: &mut FindingLog,
) -> anyhow::Result<Collected> {
    for export in &exports {
        progress.file(&export.detection.source, export.detection.survey.bytes);
    }
    let shared = Shared {
        run,
        accounts: Interner::default(),
        skus: Interner::default(),
        partitions: Partitions::new(&run.spill_dir, run.settings.rows_in_memory),
    };
    let queue: Vec<Mutex<Option<Export>>> = exports.into_iter().map(|e| Mutex::new(Some(e))).collect();
    let results: Vec<Mutex<Option<anyhow::Result<Done>>>> = queue.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..run.settings.threads.get().min(queue.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(slot) = queue.get(index) else { break };
                    let Some(export) = slot.lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
                    let bytes = export.detection.survey.bytes;
                    let done = read_one(&shared, export, index);
                    progress.advance(bytes);
                    *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
                }
            });
        }
    });

    let mut files = Vec::with_capacity(results.len());
    let mut ledger = Ledger::default();
    let mut fates = FateRuns::new(&run.spill_dir, FATES_IN_MEMORY);
    for result in results {
        let Some(done) = result.into_inner().unwrap_or_else(PoisonError::into_inner) else { continue };
        let done = done?;
        ledger
            .merge(&done.ledger)
            .with_context(|| format!("{} cannot be summed", done.file.export.detection.source))?;
        log.merge(done.log);
        fates.push(done.fates)?;
        files.push(done.file);
    }
    let names = Names { accounts: shared.accounts.into_values(), skus: shared.skus.into_values() };
    Ok(Collected { files, names, partitions: shared.partitions, ledger, fates })
}

fn read_one(shared: &Shared<'_>, export: Export, index: usize) -> anyhow::Result<Done> {
    let file = u32::try_from(index).context("more than 2^32 files")?;
    let mut sink = Sink {
        shared,
        file,
        source: export.detection.source.clone(),
        stated: export.stated,
        rule: export.detection.table().meter,
        format: export.detection.spec.id.clone(),
        accounts: Known::default(),
        skus: Known::default(),
        batches: (0..PARTITIONS).map(|_| Vec::new()).collect(),
        ledger: Ledger::default(),
        log: FindingLog::default(),
        fates: Vec::new(),
        other_lines: 0,
        providers: BTreeSet::new(),
        supplied: BTreeSet::new(),
        rejects: Spool::default(),
        rejected_uses: BTreeMap::new(),
        nameless: BTreeSet::new(),
        truncated: false,
        scratch: Scratch::default(),
        last_provider: String::new(),
        last_supplied: String::new(),
    };
    let totals = read_usage(&export.detection, &mut sink)
        .with_context(|| format!("{} could not be read", export.detection.source))?;
    sink.flush()?;
    let truncated = totals.truncated || sink.truncated;
    let Sink { ledger, log, fates, other_lines, providers, supplied, rejects, rejected_uses, nameless, .. } = sink;
    let file =
        FileRead { export, totals, truncated, other_lines, providers, supplied, rejects, rejected_uses, nameless };
    Ok(Done { file, ledger, log, fates })
}

/// Takes the rows of one file.
struct Sink<'a> {
    shared: &'a Shared<'a>,
    file: u32,
    source: String,
    stated: Option<Period>,
    rule: MeterRule,
    format: String,
    accounts: Known,
    skus: Known,
    batches: Vec<Vec<Row>>,
    ledger: Ledger,
    log: FindingLog,
    fates: Vec<RowFate>,
    other_lines: u64,
    providers: BTreeSet<String>,
    supplied: BTreeSet<String>,
    rejects: Spool,
    rejected_uses: BTreeMap<(AccountKey, SkuKey), RejectedUse>,
    nameless: BTreeSet<String>,
    truncated: bool,
    scratch: Scratch,
    last_provider: String,
    last_supplied: String,
}

impl Sink<'_> {
    fn flush(&mut self) -> anyhow::Result<()> {
        for (index, batch) in self.batches.iter_mut().enumerate() {
            if !batch.is_empty() {
                self.shared.partitions.push(index, batch)?;
            }
        }
        Ok(())
    }

    fn spill_dir(&self) -> &Path {
        &self.shared.run.spill_dir
    }
}

impl UsageSink for Sink<'_> {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        self.ledger
            .read(self.file, row.currency, row.quantity, row.cost)
            .with_context(|| format!("the sums up to {} cannot be held", Place::line(self.source.clone(), row.line)))?;
        let (accounts, skus) = (&self.shared.accounts, &self.shared.skus);
        let account = self
            .accounts
            .number(self.scratch.of(&[row.provider_name, row.sub_account_id, row.sub_account_name]), || {
                accounts.number(account_of(row.provider_name, row.sub_account_id, row.sub_account_name))
            });
        let (rule, format) = (self.rule, &self.format);
        let sku = self.skus.number(
            self.scratch.of(&[row.provider_name, row.sku_id, row.charge_description, row.term, row.metric]),
            || skus.number(Sku { key: sku_of(row), rule, format: format.clone() }),
        );
        if self.last_provider != row.provider_name {
            self.last_provider = row.provider_name.to_string();
            self.providers.insert(self.last_provider.clone());
        }
        let here = belonging(
            self.shared.run.period,
            row.charge_category,
            row.charge_period_start,
            row.charge_period_end,
            self.stated,
        );
        if here.cost && self.last_supplied != row.provider_name {
            self.last_supplied = row.provider_name.to_string();
            self.supplied.insert(self.last_supplied.clone());
        }
        let key = self.scratch.key(row, self.stated);
        let series = self.scratch.series(account, sku, row.subscription_id);
        let packed = Row { series, account, sku, ..Row::of(row, self.file, key) };
        let index = Partitions::partition_of(packed.key);
        let batch = &mut self.batches[index];
        batch.push(packed);
        if batch.len() >= BATCH {
            self.shared.partitions.push(index, batch)?;
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.ledger.read(self.file, reject.currency, reject.quantity, reject.cost)?;
        let mut tally = crate::control::Tally::default();
        tally.add(reject.quantity, reject.cost)?;
        self.ledger.place(self.file, reject.currency, crate::control::Bucket::Rejected, &tally)?;
        self.fates.push(RowFate { file: self.file, line: reject.line, fate: Fate::Rejected(reject.code) });
        // Of a file that is refused whole one finding says so, and these are its rows.
        let whole_row = reject.with_its_file && reject.column == 0;
        if !reject.with_its_file {
            self.log.add(reject.finding(&self.source));
        }
        if whole_row && !self.providers.contains(&reject.provider_name) {
            self.providers.insert(reject.provider_name.clone());
        }
        let stated = |id: &str, name: &str| !id.is_empty() || !name.is_empty();
        let named = stated(&reject.sub_account_id, &reject.sub_account_name)
            && stated(&reject.sku_id, &reject.charge_description);
        let here = belonging(
            self.shared.run.period,
            ChargeCategory::Purchase,
            reject.charge_period_start,
            reject.charge_period_end,
            self.stated,
        );
        let unknown = reject.charge_period_start.is_none() && self.stated.is_none();
        let concerns = here.quantity || unknown;
        if concerns && !named {
            self.nameless.insert(reject.provider_name.clone());
        }
        if concerns && named {
            let account = account_of(&reject.provider_name, &reject.sub_account_id, &reject.sub_account_name);
            let sku = SkuKey {
                provider_name: reject.provider_name.clone(),
                sku_id: reject.sku_id.clone(),
                charge_description: reject.charge_description.clone(),
                term: reject.term.clone(),
                metric: reject.metric.clone(),
            };
            let first_line = reject.line;
            let broken = matches!(reject.code, Code::I104 | Code::I109 | Code::I110) && !whole_row;
            let uses = self.rejected_uses.entry((account, sku)).or_insert(RejectedUse { rows: 0, first_line, broken });
            uses.rows += 1;
            uses.broken |= broken;
            uses.first_line = uses.first_line.min(first_line);
        }
        let row = Rejected {
            line: reject.line,
            column: reject.column,
            code: reject.code,
            value: reject.value,
            message: reject.message,
            raw: reject.raw,
        };
        let dir = self.spill_dir().to_path_buf();
        self.rejects.push(&dir, &row)?;
        Ok(())
    }

    fn other(&mut self, _line: u64, _kind: OtherLine) -> anyhow::Result<()> {
        self.other_lines += 1;
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.truncated |= finding.code == Code::I110;
        self.log.add(finding);
        Ok(())
    }
}

fn account_of(provider: &str, id: &str, name: &str) -> AccountKey {
    AccountKey {
        provider_name: provider.to_string(),
        sub_account_id: id.to_string(),
        sub_account_name: name.to_string(),
    }
}

fn sku_of(row: &UsageRow<'_>) -> SkuKey {
    SkuKey {
        provider_name: row.provider_name.to_string(),
        sku_id: row.sku_id.to_string(),
        charge_description: row.charge_description.to_string(),
        term: row.term.to_string(),
        metric: row.metric.to_string(),
    }
}

/// Fingerprints of texts, made in one buffer that is kept from row to row.
#[derive(Default)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    /// Of several texts; lengths keep ("ab", "c") and ("a", "bc") apart.
    fn of(&mut self, texts: &[&str]) -> u128 {
        self.0.clear();
        for text in texts {
            self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
            self.0.extend_from_slice(text.as_bytes());
        }
        xxh3_128(&self.0)
    }

    /// What makes two rows copies: the vendor's identity, else every field as read. Rows without dates are
    /// copies only within the period that their file states.
    pub fn key(&mut self, row: &UsageRow<'_>, stated: Option<Period>) -> u128 {
        self.0.clear();
        if let Some(identity) = row.identity {
            self.0.push(b'i');
            self.0.extend_from_slice(&identity.to_le_bytes());
            self.0.extend_from_slice(crate::book::id_key(row.provider_name).as_bytes());
        } else {
            self.0.push(b'w');
            self.0.extend_from_slice(&row.whole.to_le_bytes());
            if row.charge_period_start.is_none() {
                self.0.extend_from_slice(stated.map(|p| p.to_string()).unwrap_or_default().as_bytes());
            }
        }
        xxh3_128(&self.0)
    }

    /// The readings of one meter: account, SKU and subscription.
    fn series(&mut self, account: u32, sku: u32, subscription: &str) -> u128 {
        self.0.clear();
        self.0.extend_from_slice(&account.to_le_bytes());
        self.0.extend_from_slice(&sku.to_le_bytes());
        self.0.extend_from_slice(subscription.as_bytes());
        xxh3_128(&self.0)
    }
}

/// The code that says why a row in the run's own folder lies outside its period.
pub fn out_of_period(source: &str, line: u64) -> Finding {
    Finding::new(Code::I115, "the row's dates lie outside the period that its folder or name states")
        .at(Place::line(source, line))
}
