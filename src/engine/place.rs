//! Every row to its place: copies judged, periods and mappings applied, units summed. Partitions are taken
//! by several threads; what each finds is merged, and sums come out the same in any order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::collect::{Collected, out_of_period};
use super::targets::{Target, Targets};
use super::{Fault, Run};
use crate::book::Period;
use crate::control::{Bucket, Fate, Ledger, RowFate, Tally};
use crate::emit::FindingLog;
use crate::finding::{Code, Place};
use crate::format::ChargeCategory;
use crate::ingest::Treatment;
use crate::meter::{Metered, Sums};
use crate::rate::{Currency, Overflow};
use crate::reconcile::UnmappedWhat;
use crate::tidy::{FateRuns, Judgement, PARTITIONS, Row, belonging, judge};

/// Rows of one unmapped account or SKU in one currency.
#[derive(Debug, Clone, Default)]
pub struct UnmappedUse {
    pub tally: Tally,
    pub first: Option<(u32, u64)>,
}

/// Where the rows are.
#[derive(Default)]
pub struct Placed {
    pub sums: HashMap<u32, Sums>,
    pub ledger: Ledger,
    pub unmapped: BTreeMap<(UnmappedWhat, u32, Currency), UnmappedUse>,
    /// SKUs and the unmapped accounts that hold units of them.
    pub unattributed: BTreeSet<(u32, u32)>,
    /// Account and SKU of rows that contradict a copy, with their number and the first of them.
    pub contradicted: BTreeMap<(u32, u32), (u64, (u32, u64))>,
    /// File and line of rows that contradict a copy, which nothing orders.
    pub conflicts: Vec<(u32, u64)>,
    pub fates: Mutex<FateRuns>,
}

/// Metered sums in a stable order, and where each group number went.
pub struct MeteredSums {
    pub sums: Vec<Metered>,
    pub index_of_group: HashMap<u32, usize>,
}

/// Places every row of every partition.
pub fn place(run: &Run<'_>, read: &Collected, targets: &Targets<'_>, log: &mut FindingLog) -> anyhow::Result<Placed> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new((Placed::default(), FindingLog::default()));
    let fates = Mutex::new(FateRuns::new(&run.spill_dir, 1 << 20));
    let failed: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..run.settings.threads.get() {
            scope.spawn(|| {
                let mut worker = Worker::new(run, read, targets);
                let outcome = worker.work(&next, &fates).and_then(|()| {
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.1.merge(std::mem::take(&mut worker.log));
                    Ok(all.0.merge(worker.placed)?)
                });
                if let Err(error) = outcome {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let (mut placed, found) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    log.merge(found);
    placed.conflicts.sort_unstable();
    placed.fates = fates;
    Ok(placed)
}

impl Placed {
    fn merge(&mut self, other: Placed) -> Result<(), Overflow> {
        for (group, sums) in other.sums {
            self.sums.entry(group).or_default().merge(&sums)?;
        }
        self.ledger.merge(&other.ledger)?;
        for (key, uses) in other.unmapped {
            let mine = self.unmapped.entry(key).or_default();
            mine.tally.merge(&uses.tally)?;
            mine.first = mine.first.into_iter().chain(uses.first).min();
        }
        for (pair, (rows, first)) in other.contradicted {
            let mine = self.contradicted.entry(pair).or_insert((0, first));
            *mine = (mine.0 + rows, mine.1.min(first));
        }
        self.unattributed.extend(other.unattributed);
        self.conflicts.extend(other.conflicts);
        Ok(())
    }

    /// The sums as metered quantities, in order of client, product and term.
    pub fn metered(&self, read: &Collected, targets: &Targets<'_>, period: Period) -> anyhow::Result<MeteredSums> {
        let groups = targets.groups();
        let mut order: Vec<u32> = self.sums.keys().copied().collect();
        order.sort_by(|a, b| groups[*a as usize].cmp(&groups[*b as usize]));
        let mut out = MeteredSums { sums: Vec::with_capacity(order.len()), index_of_group: HashMap::new() };
        for number in order {
            let sums = &self.sums[&number];
            let (client_id, product_code, term) = groups[number as usize].clone();
            let mut providers: Vec<String> =
                sums.providers.iter().map(|&a| read.names.accounts[a as usize].provider_name.clone()).collect();
            providers.sort();
            providers.dedup();
            let first = sums.first.map(|(file, line)| place_of(read, file, line)).unwrap_or_default();
            let what = |of: &str| {
                format!(
                    "the {of} of product {product_code} for client {client_id} cannot be summed; its first row is {first}"
                )
            };
            let mut cost = BTreeMap::new();
            for (currency, sum) in &sums.cost {
                cost.insert(*currency, sum.to_decimal().with_context(|| what("cost"))?);
            }
            let quantity = sums.quantity(period).with_context(|| what("metered quantity"))?;
            let at_end = sums.at_end(period).with_context(|| what("metered quantity"))?;
            out.index_of_group.insert(number, out.sums.len());
            out.sums.push(Metered {
                client_id,
                product_code,
                term,
                quantity,
                cost_only: !sums.counted,
                cost,
                providers,
                first,
                unit_cost: sums.unit_cost(),
                spread: sums.spread,
                consumption: sums.is_consumption(),
                at_end,
            });
        }
        Ok(out)
    }
}

/// A file's line as findings name it.
pub fn place_of(read: &Collected, file: u32, line: u64) -> Place {
    Place::line(read.files[file as usize].export.detection.source.clone(), line)
}

/// One thread's work.
struct Worker<'a, 'p> {
    run: &'a Run<'a>,
    read: &'a Collected,
    targets: &'a Targets<'p>,
    known: HashMap<(u32, u32, NaiveDate), Target>,
    placed: Placed,
    log: FindingLog,
    fault: Option<Fault>,
}

impl<'a, 'p> Worker<'a, 'p> {
    fn new(run: &'a Run<'a>, read: &'a Collected, targets: &'a Targets<'p>) -> Self {
        Self {
            run,
            read,
            targets,
            known: HashMap::new(),
            placed: Placed::default(),
            log: FindingLog::default(),
            fault: run.settings.fault,
        }
    }

    fn work(&mut self, next: &AtomicUsize, fates: &Mutex<FateRuns>) -> anyhow::Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= PARTITIONS {
                return Ok(());
            }
            let mut rows = self.read.partitions.take(index)?;
            if rows.is_empty() {
                continue;
            }
            rows.sort_unstable_by_key(|r| (r.key, r.file, r.line));
            self.inject(&mut rows);
            let mut out = Vec::with_capacity(rows.len());
            for copies in rows.chunk_by(|a, b| a.key == b.key) {
                self.place_copies(copies, &mut out)?;
            }
            fates.lock().unwrap_or_else(PoisonError::into_inner).push(out)?;
        }
    }

    fn place_copies(&mut self, copies: &[Row], out: &mut Vec<RowFate>) -> anyhow::Result<()> {
        for (row, judgement) in copies.iter().zip(judge(copies)) {
            let place = || place_of(self.read, row.file, row.line);
            self.log.extend(judgement.finding().map(|finding| finding.at(place())));
            let fate = match judgement.dropped(copies) {
                None => self.place_row(row)?,
                Some(fate) => {
                    if judgement == Judgement::Conflict {
                        self.placed.conflicts.push(row.position());
                        self.contradict(row);
                    }
                    let is_copy = matches!(fate, Fate::Duplicate { .. });
                    self.enter(row, if is_copy { Bucket::Duplicate } else { Bucket::Rejected })?;
                    fate
                }
            };
            out.push(RowFate { file: row.file, line: row.line, fate });
        }
        Ok(())
    }

    /// The place of a row that is kept.
    fn place_row(&mut self, row: &Row) -> anyhow::Result<Fate> {
        if row.treatment == Treatment::Excluded {
            self.enter(row, Bucket::Excluded)?;
            return Ok(Fate::Excluded);
        }
        let period = self.run.period;
        let file = &self.read.files[row.file as usize];
        let here = belonging(period, row.category, row.start, row.end, file.export.stated);
        if here.is_elsewhere() {
            if row.start.is_some() && file.export.stated == Some(period) {
                self.log.add(out_of_period(&file.export.detection.source, row.line));
            }
            self.enter(row, Bucket::OutOfPeriod)?;
            return Ok(Fate::OutOfPeriod);
        }
        let day = self.targets.day(period, row.start);
        let targets = self.targets;
        let target =
            *self.known.entry((row.account, row.sku, day)).or_insert_with(|| targets.judge(row.account, row.sku, day));
        match target {
            Target::Internal => {
                self.enter(row, Bucket::Internal)?;
                Ok(Fate::Internal)
            }
            Target::Excluded => {
                self.enter(row, Bucket::Excluded)?;
                Ok(Fate::Excluded)
            }
            Target::Unmapped { account, product } => self.place_unmapped(row, account, product),
            Target::Group { group, conversion } => {
                // A row in the group's sums is entered in the ledger with its group, once the bucket is known.
                let sums = self.placed.sums.entry(group).or_default();
                sums.add(row, row.account, period, here, conversion)
                    .with_context(|| format!("{} cannot be metered", place_of(self.read, row.file, row.line)))?;
                Ok(Fate::Metered(group))
            }
        }
    }

    fn place_unmapped(&mut self, row: &Row, account: bool, product: bool) -> anyhow::Result<Fate> {
        self.enter(row, Bucket::Unmapped)?;
        let what = [(account, UnmappedWhat::Account, row.account), (product, UnmappedWhat::Product, row.sku)];
        for (_, what, number) in what.into_iter().filter(|(applies, _, _)| *applies) {
            let uses = self.placed.unmapped.entry((what, number, row.currency)).or_default();
            uses.tally.add(row.quantity, row.cost)?;
            uses.first = uses.first.into_iter().chain([row.position()]).min();
        }
        let holds_units = row.treatment == Treatment::Counted
            && matches!(row.category, ChargeCategory::Purchase | ChargeCategory::Usage)
            && row.quantity.is_some_and(|q| !q.is_zero());
        if account && !product && holds_units {
            self.placed.unattributed.insert((row.sku, row.account));
        }
        Ok(Fate::Unmapped(if account { Code::M301 } else { Code::M302 }))
    }

    /// A row that contradicts a copy still names its client and product.
    fn contradict(&mut self, row: &Row) {
        let stated = self.read.files[row.file as usize].export.stated;
        if belonging(self.run.period, row.category, row.start, row.end, stated).quantity {
            let position = row.position();
            let uses = self.placed.contradicted.entry((row.account, row.sku)).or_insert((0, position));
            *uses = (uses.0 + 1, uses.1.min(position));
        }
    }

    fn enter(&mut self, row: &Row, bucket: Bucket) -> Result<(), Overflow> {
        let mut tally = Tally::default();
        tally.add(row.quantity, row.cost)?;
        self.placed.ledger.place(row.file, row.currency, bucket, &tally)
    }

    /// Commits the fault a test asked for, once.
    fn inject(&mut self, rows: &mut Vec<Row>) {
        let Some(fault) = self.fault.take() else { return };
        match fault {
            Fault::LoseRow => {
                rows.pop();
            }
            Fault::DoubleRow => rows.extend(rows.last().copied()),
            Fault::ChangeQuantity => {
                if let Some(row) = rows.first_mut() {
                    row.quantity = Some(row.quantity.unwrap_or_default() + Decimal::new(1, 6));
                }
            }
            Fault::ChangeCost => {
                if let Some(row) = rows.first_mut() {
                    row.cost = Some(row.cost.unwrap_or_default() - Decimal::new(1, 6));
                }
            }
            Fault::WrongFile => {
                if let Some(row) = rows.first_mut() {
                    row.file = (row.file + 1) % u32::try_from(self.read.files.len()).unwrap_or(1).max(1);
                }
            }
        }
    }
}
