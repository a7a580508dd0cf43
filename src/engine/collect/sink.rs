//! What one thread does with the rows of an export: each goes to the partitions where its copies are met and where it is
//! placed, and what is said of all of them is kept beside.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use anyhow::{bail, ensure};

use super::super::charges::Charges;
use super::super::desk::{Desk, Keys};
use super::super::intern::Known;
use super::super::load::Export;
use super::super::spool::Spool;
use super::{Done, Found, Shared, Sku, Stopped, Told};
use crate::book::Period;
use crate::control::{Bucket, Ledger, Tally};
use crate::emit::{FindingLog, Rejected};
use crate::finding::{Code, Finding, Place};
use crate::format::{ChargeCategory, Column, MeterRule};
use crate::ingest::{OtherLine, Progress, ReadTotals, Reject, UsageRow, UsageSink};
use crate::rate::Currency;
use crate::resolve::{AccountKey, SkuKey};
use crate::tidy::{Belonging, Fixed, Kind, Position, belonging, push_head};

/// Rows after which whoever waits is told.
const TOLD_ROWS: u64 = 1 << 14;

/// Takes rows of one file.
pub struct Sink<'a> {
    shared: &'a Shared<'a>,
    desk: &'a mut Desk,
    file: u32,
    source: &'a str,
    stated: Option<Period>,
    rule: MeterRule,
    series: bool,
    format: &'a str,
    /// Rule and format in one text, which tells the file's SKUs from those of others.
    way: String,
    /// Rows read, by currency: for the ledger, which is asked less often then.
    read: Vec<(Currency, Tally)>,
    ledger: Ledger,
    log: FindingLog,
    found: Found,
    rejects: Spool,
    charges: Charges,
    /// But for the vendor's.
    keys: Keys,
    /// That of the last row.
    vendor: Option<Vendor>,
    alike: Option<Alike>,
    /// What says that both are of the row at hand: its number, as [`UsageRow::alike`].
    stands_for: u64,
    untold: Untold<'a>,
}

/// Rows that nobody was told of yet.
struct Untold<'a> {
    rows: u64,
    told: &'a Mutex<Told>,
    progress: &'a dyn Progress,
}

impl Untold<'_> {
    /// Counts a row; whether it was told now.
    fn count(&mut self) -> bool {
        self.rows += 1;
        let now = self.rows >= TOLD_ROWS;
        if now {
            self.tell();
        }
        now
    }

    fn tell(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).rows(rows, self.progress);
    }
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

impl<'a> Sink<'a> {
    /// For rows of the export of this number.
    pub fn new(
        shared: &'a Shared<'a>,
        desk: &'a mut Desk,
        export: &'a Export,
        file: u32,
        told: &'a Mutex<Told>,
    ) -> Self {
        let rule = export.detection.table().meter;
        let format = &export.detection.spec.id;
        Self {
            shared,
            desk,
            file,
            source: &export.detection.source,
            stated: export.stated,
            rule,
            series: shared.series || rule.looks_at_days(),
            way: format!("{rule:?} {format}"),
            format,
            read: Vec::new(),
            ledger: Ledger::default(),
            log: FindingLog::default(),
            found: Found::default(),
            rejects: Spool::default(),
            charges: Charges::default(),
            keys: Keys::of_file(export.stated),
            vendor: None,
            alike: None,
            stands_for: 0,
            untold: Untold { rows: 0, told, progress: shared.progress },
        }
    }

    /// Nothing more comes; `totals` are those of the whole export, if all of it is read.
    pub fn done(mut self, totals: Option<ReadTotals>) -> anyhow::Result<Done> {
        self.desk.settle(&self.shared.accounts, &self.shared.rows)?;
        self.untold.tell();
        if totals.is_some() {
            self.untold.told.lock().unwrap_or_else(PoisonError::into_inner).end(self.shared.progress);
        }
        self.rejects.settle(&self.shared.run.spill)?;
        for (currency, tally) in self.read {
            self.ledger.read_all(self.file, currency, &tally)?;
        }
        self.found.charges = self.charges.by_currency();
        Ok(Done { totals, found: self.found, rejects: self.rejects, ledger: self.ledger, log: self.log })
    }

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
        self.found.providers.insert(name.to_string());
        self.vendor = Some(Vendor { name: name.to_string(), number, way, keys, is_supplied: false });
    }

    #[cold]
    fn change_kind(&mut self, kind: Kind) {
        let number = self.desk.kinds.number(kind, &self.shared.kinds);
        let here = belonging(self.shared.run.period, kind.category, kind.start, kind.end, self.stated);
        self.found.elsewhere |= here.is_elsewhere();
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
            bail!("the sums up to {} cannot be held", Place::line(self.source, row.line));
        }
        ensure!(row.line < Position::LINES, "{} has more than 2^40 lines", self.source);
        self.found.last_line = self.found.last_line.max(row.line);
        if self.untold.count() && self.shared.stopped.load(Ordering::Relaxed) {
            bail!(Stopped);
        }
        self.charges.note(row);
        let Desk { skus, heads, waiting, .. } = &mut *self.desk;
        let texts = [Column::SkuId, Column::ChargeDescription, Column::Term, Column::Metric].map(|c| row.bytes(c));
        let (sku, _) = skus.number(vendor.way, &texts, Known::hash(vendor.way, row.sku_print), || {
            (self.shared.skus.number(Sku { key: sku_of(row), rule: self.rule, format: self.format.to_string() }), 0)
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
            self.found.supplied.insert(vendor.name.clone());
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        let read = self.read(reject.currency);
        self.read[read].1.add(reject.quantity, reject.cost)?;
        let mut tally = Tally::default();
        tally.add(reject.quantity, reject.cost)?;
        self.ledger.place(self.file, reject.currency, Bucket::Rejected, &tally)?;
        self.found.last_line = self.found.last_line.max(reject.line);
        self.untold.count();
        // Of a file that is refused whole one finding says so, and these are its rows.
        let whole_row = reject.with_its_file && reject.column == 0;
        if !reject.with_its_file {
            self.log.add(reject.finding(self.source));
        }
        if whole_row && !self.found.providers.contains(&reject.provider_name) {
            self.found.providers.insert(reject.provider_name.clone());
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
            self.found.nameless.insert(reject.provider_name.clone());
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
            self.found.rejected_uses.add(account, sku, reject.line, broken);
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
        self.found.other_lines += 1;
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.found.truncated |= finding.code == Code::I110;
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
