//! Reads every export, several at a time, into partitions of rows. Each file keeps its own account of what
//! was read, so that results do not depend on which thread read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};

use super::Run;
use super::charges::{Charges, Checked};
use super::desk::{Desk, Keys};
use super::intern::{Interner, Known};
use super::load::Export;
use super::rejected::RejectedUses;
use super::spool::Spool;
use super::threads::{Turns, in_threads};
use crate::book::Period;
use crate::control::{Bucket, Ledger, Tally};
use crate::emit::{FindingLog, Rejected};
use crate::finding::{About, Code, Finding, Place};
use crate::format::{ChargeCategory, Column, MeterRule};
use crate::ingest::{OtherLine, Progress, ReadTotals, Reject, Trusted, UsageRow, UsageSink, read_usage};
use crate::rate::Currency;
use crate::resolve::{AccountKey, SkuKey};
use crate::tidy::{Belonging, Fixed, Kind, Partitions, Position, belonging, push_head};

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
    /// Its bytes end early: what is behind its last row is not known.
    pub truncated: bool,
    pub other_lines: u64,
    /// The last line that a row begins on.
    pub last_line: u64,
    pub providers: BTreeSet<String>,
    /// Vendors with rows of their own in the run's period.
    pub supplied: BTreeSet<String>,
    pub rejects: Spool,
    /// Account and SKU of rows of the run's period that could not be read.
    pub rejected_uses: RejectedUses,
    /// Vendors (empty if not known) of rows that could not be read and name no account or SKU.
    pub nameless: BTreeSet<String>,
    /// Rows of other periods stand in it.
    pub elsewhere: bool,
    /// How its amounts come from its quantities and unit prices.
    pub charges: BTreeMap<Currency, Checked>,
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

struct Done {
    file: FileRead,
    ledger: Ledger,
    log: FindingLog,
}

/// Reads the exports with as many threads as the run has. `series`: some mapping meters by a rule that looks at
/// days, whatever the format says.
pub fn collect(
    run: &Run<'_>,
    exports: Vec<Export>,
    series: bool,
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
    let queue: Vec<Mutex<Option<Export>>> = exports.into_iter().map(|e| Mutex::new(Some(e))).collect();
    // The largest first, so that no thread is left alone with one at the end.
    let size = |slot: &Mutex<Option<Export>>| {
        let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map_or(0, |e| e.detection.survey.bytes)
    };
    let mut order: Vec<usize> = (0..queue.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(size(&queue[*i])));
    let results: Vec<Mutex<Option<anyhow::Result<Done>>>> = queue.iter().map(|_| Mutex::new(None)).collect();
    let turns = Turns::new(order.len());
    let threads = run.settings.threads.get().min(queue.len()).max(1);
    in_threads(threads, |_| {
        let mut desk = Desk::new(&shared.heads, &shared.rows, budget, threads);
        while let Some(index) = turns.next().map(|turn| order[turn]) {
            let Some(export) = queue[index].lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
            let done = read_one(&shared, &mut desk, export, index);
            let failed = done.is_err();
            if failed {
                shared.stopped.store(true, Ordering::Relaxed);
            }
            *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            if failed {
                // Nothing more is worth reading.
                turns.stop();
            }
        }
        desk.heads.flush(&shared.heads)?;
        Ok(desk.rows.flush(&shared.rows)?)
    })?;

    let mut files = Vec::with_capacity(results.len());
    let mut ledger = Ledger::default();
    let results: Vec<anyhow::Result<Done>> =
        results.into_iter().filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
    // What failed first is said, and not that others stopped for it.
    let is_failure = |result: &anyhow::Result<Done>| result.as_ref().is_err_and(|e| !e.is::<Stopped>());
    let first = results.iter().position(is_failure).unwrap_or_default();
    for result in results.into_iter().skip(first) {
        let done = result?;
        ledger
            .merge(&done.ledger)
            .with_context(|| format!("{} cannot be summed", done.file.export.detection.source))?;
        log.merge(done.log);
        files.push(done.file);
    }
    let names = Names::new(shared.accounts.into_values(), shared.skus.into_values());
    let kinds = shared.kinds.into_values();
    Ok(Collected { files, names, kinds, heads: shared.heads, rows: shared.rows, ledger })
}

fn read_one(shared: &Shared<'_>, desk: &mut Desk, export: Export, index: usize) -> anyhow::Result<Done> {
    let file = Position::file(index).context("more than 2^24 files")?;
    let rule = export.detection.table().meter;
    let mut sink = Sink {
        shared,
        desk,
        file,
        source: export.detection.source.clone(),
        stated: export.stated,
        rule,
        series: shared.series || rule.looks_at_days(),
        way: format!("{rule:?} {}", export.detection.spec.id),
        format: export.detection.spec.id.clone(),
        read: Vec::new(),
        ledger: Ledger::default(),
        log: FindingLog::default(),
        other_lines: 0,
        last_line: 0,
        providers: BTreeSet::new(),
        supplied: BTreeSet::new(),
        rejects: Spool::default(),
        rejected_uses: RejectedUses::default(),
        nameless: BTreeSet::new(),
        elsewhere: false,
        charges: Charges::default(),
        truncated: false,
        keys: Keys::of_file(export.stated),
        vendor: None,
        alike: None,
        stands_for: 0,
        told: Told::of(&export),
    };
    let totals = read_usage(&export.detection, &mut sink)
        .with_context(|| format!("{} could not be read", export.detection.source))?;
    sink.desk.settle(&shared.accounts, &shared.rows)?;
    sink.told.end(shared.progress);
    sink.rejects.settle(&shared.run.spill)?;
    for (currency, tally) in std::mem::take(&mut sink.read) {
        sink.ledger.read_all(file, currency, &tally)?;
    }
    let charges = std::mem::take(&mut sink.charges).by_currency();
    for (currency, checked) in &charges {
        sink.log.extend(checked.finding(&sink.source, *currency));
    }
    let truncated = totals.truncated || sink.truncated;
    let Sink {
        ledger,
        log,
        other_lines,
        last_line,
        providers,
        supplied,
        rejects,
        rejected_uses,
        nameless,
        elsewhere,
        ..
    } = sink;
    let mut export = export;
    let survey = &mut export.detection.survey;
    if let Some(sha256) = survey.trusted.as_deref().and_then(Trusted::sha256) {
        survey.sha256 = sha256.to_string();
    }
    let file = FileRead {
        export,
        totals,
        truncated,
        other_lines,
        last_line,
        providers,
        supplied,
        rejects,
        rejected_uses,
        nameless,
        elsewhere,
        charges,
    };
    Ok(Done { file, ledger, log })
}

/// Takes the rows of one file.
struct Sink<'a> {
    shared: &'a Shared<'a>,
    desk: &'a mut Desk,
    file: u32,
    source: String,
    stated: Option<Period>,
    rule: MeterRule,
    series: bool,
    format: String,
    /// Rule and format in one text, which tells the file's SKUs from those of others.
    way: String,
    /// Rows read, by currency: for the ledger, which is asked less often then.
    read: Vec<(Currency, Tally)>,
    ledger: Ledger,
    log: FindingLog,
    other_lines: u64,
    last_line: u64,
    providers: BTreeSet<String>,
    supplied: BTreeSet<String>,
    rejects: Spool,
    rejected_uses: RejectedUses,
    nameless: BTreeSet<String>,
    elsewhere: bool,
    charges: Charges,
    truncated: bool,
    /// But for the vendor's.
    keys: Keys,
    /// That of the last row.
    vendor: Option<Vendor>,
    alike: Option<Alike>,
    /// What says that both are of the row at hand: its number, as [`UsageRow::alike`].
    stands_for: u64,
    told: Told,
}

/// What the rows of one vendor have alike.
struct Vendor {
    name: String,
    number: u32,
    /// The number of it and of the rule and format its SKUs stand in.
    way: u32,
    keys: Keys,
    /// It is known to have rows of its own in the run's period.
    is_supplied: bool,
}

/// What the rows of one kind have alike.
struct Alike {
    kind: Kind,
    number: u32,
    here: Belonging,
    /// Where the rows of its currency are counted.
    read: usize,
}

/// Rows after which whoever waits is told.
const TOLD_ROWS: u64 = 1 << 14;

/// How far a file is, by its rows: its bytes may be packed, and who reads them does not count them.
struct Told {
    bytes: u64,
    /// Rows that the file may have, as its head promises.
    expected: u64,
    rows: u64,
    rows_before: u64,
    bytes_before: u64,
}

impl Told {
    fn of(export: &Export) -> Self {
        let bytes = export.detection.survey.bytes;
        Self { bytes, expected: export.rows_expected.max(1), rows: 0, rows_before: 0, bytes_before: 0 }
    }

    /// Whether it was told now.
    fn row(&mut self, progress: &dyn Progress) -> bool {
        self.rows += 1;
        let now = self.rows.is_multiple_of(TOLD_ROWS);
        if now {
            let share = u128::from(self.bytes) * u128::from(self.rows) / u128::from(self.expected);
            // The last part is told when it is done.
            let bytes = u64::try_from(share).unwrap_or(u64::MAX).min(self.bytes / 100 * 99).max(self.bytes_before);
            self.tell(progress, bytes);
        }
        now
    }

    fn end(&mut self, progress: &dyn Progress) {
        self.tell(progress, self.bytes);
    }

    fn tell(&mut self, progress: &dyn Progress, bytes: u64) {
        progress.rows(self.rows - self.rows_before);
        progress.advance(bytes - self.bytes_before);
        (self.rows_before, self.bytes_before) = (self.rows, bytes);
    }
}

impl Sink<'_> {
    fn read(&mut self, currency: Currency) -> usize {
        self.read.iter().position(|(c, _)| *c == currency).unwrap_or_else(|| {
            self.read.push((currency, Tally::default()));
            self.read.len() - 1
        })
    }

    /// The row may differ from the one before in more than names and amounts.
    #[inline(never)]
    fn change(&mut self, row: &UsageRow<'_>) {
        self.stands_for = row.alike;
        if self.vendor.as_ref().is_none_or(|vendor| vendor.name != row.provider_name()) {
            self.change_vendor(row.provider_name());
        }
        let kind = Kind::of(row);
        if self.alike.as_ref().is_none_or(|alike| alike.kind != kind) {
            self.change_kind(kind);
        }
    }

    #[cold]
    fn change_vendor(&mut self, name: &str) {
        let (number, way) = self.desk.ways.of(name, &self.way);
        let keys = self.keys.of_vendor(name);
        self.providers.insert(name.to_string());
        self.vendor = Some(Vendor { name: name.to_string(), number, way, keys, is_supplied: false });
    }

    #[cold]
    fn change_kind(&mut self, kind: Kind) {
        let number = self.desk.kinds.number(kind, &self.shared.kinds);
        let here = belonging(self.shared.run.period, kind.category, kind.start, kind.end, self.stated);
        self.elsewhere |= here.is_elsewhere();
        let read = self.read(kind.currency);
        self.alike = Some(Alike { kind, number, here, read });
    }
}

impl UsageSink for Sink<'_> {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        if self.stands_for != row.alike {
            self.change(row);
        }
        let vendor = self.vendor.as_mut().expect("the row's vendor was put there");
        let alike = self.alike.as_ref().expect("the row's kind was put there");
        let read = &mut self.read[alike.read].1;
        if read.add_row(row.sums()).is_err() {
            bail!("the sums up to {} cannot be held", Place::line(self.source.clone(), row.line));
        }
        ensure!(row.line < Position::LINES, "{} has more than 2^40 lines", self.source);
        self.last_line = self.last_line.max(row.line);
        if self.told.row(self.shared.progress) && self.shared.stopped.load(Ordering::Relaxed) {
            bail!(Stopped);
        }
        self.charges.note(row);
        let Desk { skus, heads, waiting, .. } = &mut *self.desk;
        let texts = [Column::SkuId, Column::ChargeDescription, Column::Term, Column::Metric].map(|c| row.bytes(c));
        let (sku, _) = skus.number(vendor.way, &texts, Known::hash(vendor.way, row.sku_print), || {
            (self.shared.skus.number(Sku { key: sku_of(row), rule: self.rule, format: self.format.clone() }), 0)
        });
        let key = vendor.keys.key(row);
        heads.push(&self.shared.heads, key, |out| push_head(key, self.file, row.line, out))?;
        let fixed = Fixed { sku, ..Fixed::of(row, alike.number, self.file, key) };
        waiting.push(fixed, vendor.number, row, self.series);
        if waiting.is_full() {
            self.desk.settle(&self.shared.accounts, &self.shared.rows)?;
        }
        if alike.here.cost && !vendor.is_supplied {
            vendor.is_supplied = true;
            self.supplied.insert(vendor.name.clone());
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        let read = self.read(reject.currency);
        self.read[read].1.add(reject.quantity, reject.cost)?;
        let mut tally = Tally::default();
        tally.add(reject.quantity, reject.cost)?;
        self.ledger.place(self.file, reject.currency, Bucket::Rejected, &tally)?;
        self.last_line = self.last_line.max(reject.line);
        self.told.row(self.shared.progress);
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
            let broken = matches!(reject.code, Code::I104 | Code::I109 | Code::I110) && !whole_row;
            self.rejected_uses.add(account, sku, reject.line, broken);
        }
        let row = Rejected {
            line: reject.line,
            column: reject.column,
            code: reject.code,
            value: reject.value,
            message: reject.message,
            raw: reject.raw,
        };
        Ok(self.rejects.push(&self.shared.run.spill, &row)?)
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
        provider_name: row.provider_name().to_string(),
        sku_id: row.sku_id().to_string(),
        charge_description: row.charge_description().to_string(),
        term: row.term().to_string(),
        metric: row.metric().to_string(),
    }
}

/// Says why a row in the run's own folder lies outside its period.
pub fn out_of_period() -> About {
    About::new(Code::I115, "the row's dates lie outside the period that its folder or name states")
}
