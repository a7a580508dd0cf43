//! Every row to its place: copies judged, periods and mappings applied, units summed. Partitions are taken
//! by several threads; what each finds is merged, and sums come out the same in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use rust_decimal::Decimal;

use super::collect::{Collected, out_of_period};
use super::meet::meet;
use super::pairs::Pairs;
use super::pending::Pending;
use super::readings::Readings;
use super::targets::{Judged, Target, Targets};
use super::threads::{Turns, in_threads};
use super::{Fault, Run};
use crate::control::{Bucket, Fate, Ledger, RowFate, Tally};
use crate::emit::FindingLog;
use crate::finding::{Code, Place};
use crate::format::ChargeCategory;
use crate::ingest::Treatment;
use crate::meter::{Conversion, Sums};
use crate::rate::{Currency, ExactSum, Overflow};
use crate::reconcile::UnmappedWhat;
use crate::tidy::{
    Belonging, Belongings, End, Ends, FateRuns, Judgement, Lines, Marks, Met, Part, Partitions, Row, Standing, Trail,
    belonging, damaged, each_met, judge, records,
};

/// Rows of one unmapped account or SKU in one currency.
#[derive(Debug, Clone, Default)]
pub struct UnmappedUse {
    pub tally: Tally,
    pub first: Option<(u32, u64)>,
}

/// Where the rows are.
pub struct Placed {
    /// By group.
    pub sums: Vec<Sums>,
    /// Of the rows in the sums, until the bucket of their group is known.
    pub pending: Vec<Pending>,
    /// Account and SKU of rows of the period before, with the sum of their units and the first of them.
    pub before: BTreeMap<(u32, u32), (ExactSum, (u32, u64))>,
    /// Account and SKU of the period's own rows, where there are rows of other periods.
    pub present: Pairs,
    pub ledger: Ledger,
    pub unmapped: BTreeMap<(UnmappedWhat, u32, Currency), UnmappedUse>,
    /// SKUs and the unmapped accounts that hold units of them.
    pub unattributed: BTreeSet<(u32, u32)>,
    /// Account and SKU of rows that contradict a copy, with their number and the first of them.
    pub contradicted: BTreeMap<(u32, u32), (u64, (u32, u64))>,
    /// File and line of rows that contradict a copy, which nothing orders.
    pub conflicts: Vec<(u32, u64)>,
    /// Rows dropped as duplicates.
    pub duplicates: FateRuns,
    /// Where every row ended that could be read.
    pub trail: Trail,
}

/// What became of a row, as the trail keeps it.
pub fn end_of(fate: Fate) -> End {
    let (kind, code, group) = fate.parts();
    End(u64::from(kind) << 40 | u64::from(code) << 32 | u64::from(group))
}

/// The fate again, but for the copy kept of a duplicate. `None` if it is none of [`end_of`].
pub fn fate_of(end: End) -> Option<Fate> {
    let [g0, g1, g2, g3, code, kind, ..] = end.0.to_le_bytes();
    Fate::of_parts(kind, code, u32::from_le_bytes([g0, g1, g2, g3]))
}

/// Places every row of every partition: those that stand alone as they are met, then those with copies.
pub fn place(run: &Run<'_>, read: &Collected, targets: &Targets<'_>, log: &mut FindingLog) -> anyhow::Result<Placed> {
    let budget = &run.budget;
    let threads = run.settings.threads.get();
    let lines = Lines::new(read.files.iter().map(|f| f.last_line));
    let shared = Shared {
        run,
        read,
        targets,
        with_copies: Marks::new(lines.clone()),
        copies: Partitions::new(run.spill.clone(), budget.partitions, budget.copies),
        readings: Readings::new(run.spill.clone(), budget.partitions, budget.readings),
        duplicates: Mutex::new(FateRuns::new(run.spill.clone(), budget.duplicates)),
        trail: Trail::new(run.spill.clone(), lines, budget.trail),
        elsewhere: read.files.iter().any(|f| f.elsewhere),
    };
    let workers: Vec<Mutex<Worker>> = (0..threads).map(|_| Mutex::new(Worker::new(&shared))).collect();
    meet(run, &read.heads, &shared.with_copies)?;
    for (stage, partitions) in [(Stage::Alone, &read.rows), (Stage::Copies, &shared.copies)] {
        let turns = Turns::new(partitions.count());
        in_threads(threads, |thread| {
            let mut worker = workers[thread].lock().unwrap_or_else(PoisonError::into_inner);
            worker.work(stage, partitions, &turns)
        })?;
    }
    let mut workers = workers.into_iter().map(|w| w.into_inner().unwrap_or_else(PoisonError::into_inner).found);
    let mut found = workers.next().unwrap_or_else(|| Found::new(run));
    for other in workers {
        found.merge(other)?;
    }
    log.merge(found.log);
    found.conflicts.sort_unstable();
    shared.readings.settle(run.period, &mut found.sums, |group| {
        let groups = targets.groups();
        let (_, client, product, _) = groups.get(group);
        format!("the metered quantity of product {product} for client {client} cannot be summed")
    })?;
    Ok(Placed {
        sums: found.sums,
        pending: found.pending,
        ledger: found.ledger,
        unmapped: found.unmapped,
        unattributed: found.unattributed,
        contradicted: found.contradicted,
        conflicts: found.conflicts,
        before: found.before,
        present: found.present,
        duplicates: shared.duplicates.into_inner().unwrap_or_else(PoisonError::into_inner),
        trail: shared.trail,
    })
}

/// What one thread found.
struct Found {
    sums: Vec<Sums>,
    pending: Vec<Pending>,
    ledger: Ledger,
    unmapped: BTreeMap<(UnmappedWhat, u32, Currency), UnmappedUse>,
    unattributed: BTreeSet<(u32, u32)>,
    contradicted: BTreeMap<(u32, u32), (u64, (u32, u64))>,
    conflicts: Vec<(u32, u64)>,
    before: BTreeMap<(u32, u32), (ExactSum, (u32, u64))>,
    present: Pairs,
    log: FindingLog,
}

impl Found {
    fn new(run: &Run<'_>) -> Self {
        let share = run.budget.pending / run.settings.threads;
        Self {
            sums: Vec::new(),
            pending: vec![Pending::new(run.spill.clone(), share)],
            ledger: Ledger::default(),
            unmapped: BTreeMap::new(),
            unattributed: BTreeSet::new(),
            contradicted: BTreeMap::new(),
            conflicts: Vec::new(),
            before: BTreeMap::new(),
            present: Pairs::default(),
            log: FindingLog::default(),
        }
    }

    fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        if self.sums.len() < other.sums.len() {
            self.sums.resize_with(other.sums.len(), Sums::default);
        }
        for (mine, theirs) in self.sums.iter_mut().zip(other.sums) {
            mine.merge(&theirs)?;
        }
        self.pending.extend(other.pending);
        for (pair, (units, first)) in other.before {
            let mine = self.before.entry(pair).or_insert((ExactSum::ZERO, first));
            mine.0.merge(units)?;
            mine.1 = mine.1.min(first);
        }
        self.present.merge(other.present);
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
        self.log.merge(other.log);
        Ok(())
    }
}

/// A file's line as findings name it.
pub fn place_of(read: &Collected, file: u32, line: u64) -> Place {
    Place::line(read.files[file as usize].export.detection.source.clone(), line)
}

/// What the threads share.
struct Shared<'a, 'p> {
    run: &'a Run<'a>,
    read: &'a Collected,
    targets: &'a Targets<'p>,
    /// Which rows have copies.
    with_copies: Marks,
    /// Those rows, until all others are placed.
    copies: Partitions,
    readings: Readings,
    duplicates: Mutex<FateRuns>,
    trail: Trail,
    /// There are rows of other periods, which those of this one are held against.
    elsewhere: bool,
}

/// Most rows stand alone, and need not be put together with others: what is done of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Rows are placed that stand alone.
    Alone,
    /// Copies are judged together, and placed.
    Copies,
}

/// One thread's work.
struct Worker<'a, 'p> {
    shared: &'a Shared<'a, 'p>,
    judged: Judged,
    found: Found,
    ends: Ends<'a>,
    duplicates: Vec<RowFate>,
    belongings: Belongings,
    fault: Option<Fault>,
}

/// Duplicates a thread holds back.
const HELD: usize = 1 << 14;
/// Into how many partitions one is split that is too large to be held.
pub(super) const SPLIT: usize = 64;

impl<'a, 'p> Worker<'a, 'p> {
    fn new(shared: &'a Shared<'a, 'p>) -> Self {
        Self {
            shared,
            judged: Judged::default(),
            found: Found::new(shared.run),
            ends: shared.trail.ends(),
            duplicates: Vec::new(),
            belongings: Belongings::default(),
            fault: shared.run.settings.fault,
        }
    }

    fn work(&mut self, stage: Stage, partitions: &Partitions, turns: &Turns) -> anyhow::Result<()> {
        while let Some(index) = turns.next() {
            let part = partitions.take(index);
            match stage {
                Stage::Copies => self.copies(part, partitions.bits())?,
                Stage::Alone => {
                    self.rows(&part)?;
                    // The groups of the next are others: a small table is a fast one.
                    self.found.pending[0].settle()?;
                }
            }
        }
        self.hand_over()
    }

    /// Places the rows of a partition that stand alone.
    fn rows(&mut self, part: &Part) -> anyhow::Result<()> {
        let Shared { run, with_copies, .. } = self.shared;
        part.pieces(&run.spill, |piece| -> anyhow::Result<()> {
            for record in records(piece) {
                let record = record?;
                if with_copies.has(Row::position_of(record).ok_or_else(damaged)?) {
                    self.set_aside(record)?;
                } else {
                    self.keep(record)?;
                }
            }
            Ok(())
        })
    }

    /// Puts together the rows of a partition, whose keys are equal in their first `bits`.
    fn copies(&mut self, part: Part, bits: u32) -> anyhow::Result<()> {
        let (budget, spill) = (&self.shared.run.budget, &self.shared.run.spill);
        if part.bytes() <= budget.partition {
            let mut bytes = Vec::new();
            part.load(spill, &mut bytes)?;
            return each_met(&bytes, |met| match met {
                // Two things that one row counts stand on one line.
                Met::Alone(record) => self.keep(record),
                Met::Copies(set) => self.place_copies(set),
            });
        }
        if is_one_key(&part, spill)? {
            return self.one_key(&part);
        }
        let inner = Partitions::within(spill.clone(), SPLIT, budget.split, bits);
        part.pieces(spill, |piece| -> io::Result<()> {
            for record in records(piece) {
                let record = record?;
                inner.push(inner.index_of(key_of(record)?), record)?;
            }
            Ok(())
        })?;
        drop(part);
        (0..inner.count()).try_for_each(|index| self.copies(inner.take(index), inner.bits()))
    }

    /// Copies of one key that are too many to be held.
    fn one_key(&mut self, part: &Part) -> anyhow::Result<()> {
        let spill = &self.shared.run.spill;
        let mut standing = Standing::of(|see| {
            part.pieces(spill, |piece| -> io::Result<()> {
                records(piece).try_for_each(|record| {
                    see(&self.row_of(record?)?);
                    Ok(())
                })
            })
        })?;
        part.pieces(spill, |piece| {
            records(piece).try_for_each(|record| {
                let row = self.row_of(record?)?;
                let (judgement, kept) = standing.judge(&row);
                self.place_copy(&row, judgement, judgement.dropped_for(|_| kept))
            })
        })
    }

    fn row_of(&self, record: &[u8]) -> io::Result<Row> {
        Row::decode(record, &self.shared.read.kinds).ok_or_else(damaged)
    }

    fn set_aside(&mut self, record: &[u8]) -> anyhow::Result<()> {
        let copies = &self.shared.copies;
        Ok(copies.push(copies.index_of(key_of(record)?), record)?)
    }

    fn hand_over(&mut self) -> anyhow::Result<()> {
        self.ends.hand_over()?;
        let mut duplicates = self.shared.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(duplicates.push(std::mem::take(&mut self.duplicates))?)
    }

    /// Places a row that stands alone.
    fn keep(&mut self, record: &[u8]) -> anyhow::Result<()> {
        let mut row = self.row_of(record)?;
        let times = self.inject(&mut row);
        (0..times).try_for_each(|_| {
            let fate = self.place_row(&row)?;
            self.end(&row, fate)
        })
    }

    fn place_copies(&mut self, set: &[&[u8]]) -> anyhow::Result<()> {
        let mut copies: Vec<Row> = set.iter().map(|record| self.row_of(record)).collect::<io::Result<_>>()?;
        copies.sort_unstable_by_key(|row| (row.says(), row.position()));
        for same in copies.chunk_by(|a, b| a.says() == b.says()) {
            for (row, judgement) in same.iter().zip(judge(same)) {
                self.place_copy(row, judgement, judgement.dropped(same))?;
            }
        }
        Ok(())
    }

    fn place_copy(&mut self, row: &Row, judgement: Judgement, dropped: Option<Fate>) -> anyhow::Result<()> {
        let mut row = *row;
        let times = self.inject(&mut row);
        (0..times).try_for_each(|_| self.place_judged(&row, judgement, dropped))
    }

    fn place_judged(&mut self, row: &Row, judgement: Judgement, dropped: Option<Fate>) -> anyhow::Result<()> {
        if let Some(about) = judgement.about() {
            let source = &self.shared.read.files[row.file as usize].export.detection.source;
            self.found.log.add_at(about, source, row.line);
        }
        let fate = match dropped {
            None => self.place_row(row)?,
            Some(fate) => {
                if judgement == Judgement::Conflict {
                    self.found.conflicts.push(row.position());
                    self.contradict(row);
                }
                let is_copy = matches!(fate, Fate::Duplicate { .. });
                self.enter(row, if is_copy { Bucket::Duplicate } else { Bucket::Rejected })?;
                if is_copy {
                    self.duplicates.push(RowFate { file: row.file, line: row.line, fate });
                    if self.duplicates.len() >= HELD {
                        self.hand_over()?;
                    }
                }
                fate
            }
        };
        self.end(row, fate)
    }

    fn end(&mut self, row: &Row, fate: Fate) -> anyhow::Result<()> {
        Ok(self.ends.push(row.file, row.line, end_of(fate))?)
    }

    /// The place of a row that is kept.
    fn place_row(&mut self, row: &Row) -> anyhow::Result<Fate> {
        if row.kind.treatment == Treatment::Excluded {
            self.enter(row, Bucket::Excluded)?;
            return Ok(Fate::Excluded);
        }
        let period = self.shared.run.period;
        let file = &self.shared.read.files[row.file as usize];
        let here = self.belongings.of(period, row.kind.category, row.kind.start, row.kind.end, file.export.stated);
        if here.is_elsewhere() {
            if row.kind.start.is_some() && file.export.stated == Some(period) {
                self.found.log.add_at(out_of_period(), &file.export.detection.source, row.line);
            }
            self.remember(row)?;
            self.enter(row, Bucket::OutOfPeriod)?;
            return Ok(Fate::OutOfPeriod);
        }
        let targets = self.shared.targets;
        let day = targets.day(period, row.kind.start);
        let target = targets.judge(&mut self.judged, row.account, row.sku, day);
        if self.shared.elsewhere {
            self.found.present.insert(row.account, row.sku);
        }
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
            Target::Beside { group, conversion } => {
                self.meter(row, group, here, conversion)?;
                self.enter(row, Bucket::Excluded)?;
                Ok(Fate::Excluded)
            }
            Target::Group { group, conversion } => {
                self.meter(row, group, here, conversion)?;
                // A row in the group's sums is entered in the ledger with its group, once the bucket is known.
                self.found.pending[0].add(group, row.file, row.kind.currency, row.quantity, row.cost)?;
                Ok(Fate::Metered(group))
            }
        }
    }

    fn meter(&mut self, row: &Row, group: u32, here: Belonging, conversion: Conversion) -> anyhow::Result<()> {
        let (read, period) = (self.shared.read, self.shared.run.period);
        let sums = &mut self.found.sums;
        if sums.len() <= group as usize {
            // Others may have met more groups already; all of them will be met here, too.
            sums.resize_with((group as usize + 1).max(sums.len() + 1024), Sums::default);
        }
        let reading = sums[group as usize]
            .add(row, read.names.vendor_of[row.account as usize], period, here, conversion)
            .with_context(|| format!("{} cannot be metered", place_of(read, row.file, row.line)))?;
        if let Some(reading) = reading {
            self.shared.readings.push(group, &reading)?;
        }
        Ok(())
    }

    /// Keeps the units of a row of the period before, to tell what disappeared.
    fn remember(&mut self, row: &Row) -> Result<(), Overflow> {
        let stated = self.shared.read.files[row.file as usize].export.stated;
        let Some(before) = self.shared.run.period.previous() else { return Ok(()) };
        let counts = row.kind.treatment == Treatment::Counted
            && row.kind.category == ChargeCategory::Purchase
            && belonging(before, row.kind.category, row.kind.start, row.kind.end, stated).quantity;
        if let Some(quantity) = row.quantity.filter(|_| counts) {
            let position = row.position();
            let uses = self.found.before.entry((row.account, row.sku)).or_insert((ExactSum::ZERO, position));
            uses.0.add(quantity)?;
            uses.1 = uses.1.min(position);
        }
        Ok(())
    }

    fn place_unmapped(&mut self, row: &Row, account: bool, product: bool) -> anyhow::Result<Fate> {
        self.enter(row, Bucket::Unmapped)?;
        let what = [(account, UnmappedWhat::Account, row.account), (product, UnmappedWhat::Product, row.sku)];
        for (_, what, number) in what.into_iter().filter(|(applies, _, _)| *applies) {
            let uses = self.found.unmapped.entry((what, number, row.kind.currency)).or_default();
            uses.tally.add(row.quantity, row.cost)?;
            uses.first = uses.first.into_iter().chain([row.position()]).min();
        }
        let holds_units = row.kind.treatment == Treatment::Counted
            && matches!(row.kind.category, ChargeCategory::Purchase | ChargeCategory::Usage)
            && row.quantity.is_some_and(|q| !q.is_zero());
        if account && !product && holds_units {
            self.found.unattributed.insert((row.sku, row.account));
        }
        Ok(Fate::Unmapped(if account { Code::M301 } else { Code::M302 }))
    }

    /// A row that contradicts a copy still names its client and product.
    fn contradict(&mut self, row: &Row) {
        let stated = self.shared.read.files[row.file as usize].export.stated;
        if belonging(self.shared.run.period, row.kind.category, row.kind.start, row.kind.end, stated).quantity {
            let position = row.position();
            let uses = self.found.contradicted.entry((row.account, row.sku)).or_insert((0, position));
            *uses = (uses.0 + 1, uses.1.min(position));
        }
    }

    fn enter(&mut self, row: &Row, bucket: Bucket) -> Result<(), Overflow> {
        let mut tally = Tally::default();
        tally.add(row.quantity, row.cost)?;
        self.found.ledger.place(row.file, row.kind.currency, bucket, &tally)
    }

    /// Commits the fault a test asked for, once; how often the row is placed.
    fn inject(&mut self, row: &mut Row) -> usize {
        let files = self.shared.read.files.len();
        match self.fault.take() {
            None => return 1,
            Some(Fault::LoseRow) => return 0,
            Some(Fault::DoubleRow) => return 2,
            Some(Fault::ChangeQuantity) => row.quantity = Some(row.quantity.unwrap_or_default() + Decimal::new(1, 6)),
            Some(Fault::ChangeCost) => row.cost = Some(row.cost.unwrap_or_default() - Decimal::new(1, 6)),
            Some(Fault::WrongFile) => row.file = (row.file + 1) % u32::try_from(files).unwrap_or(1).max(1),
        }
        1
    }
}

fn key_of(record: &[u8]) -> io::Result<u128> {
    Row::key_of(record).ok_or_else(damaged)
}

/// Whether all rows are copies of one another.
fn is_one_key(part: &Part, spill: &crate::tidy::Spill) -> io::Result<bool> {
    let (mut first, mut alike) = (None, true);
    part.pieces(spill, |piece| -> io::Result<()> {
        for record in records(piece) {
            let key = key_of(record?)?;
            alike &= *first.get_or_insert(key) == key;
        }
        Ok(())
    })?;
    Ok(alike)
}
