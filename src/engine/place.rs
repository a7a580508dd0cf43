//! Every row to its place: copies judged, periods and mappings applied, units summed. Partitions are taken
//! by several threads; what each finds is merged, and sums come out the same in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use rust_decimal::Decimal;

use super::collect::Collected;
use super::enter::Owners;
use super::lots::{Likenesses, Lots};
use super::meet::meet;
use super::pairs::Pairs;
use super::pending::Pending;
use super::readings::Readings;
use super::targets::{Judged, Targets};
use super::threads::{Turns, in_threads};
use super::{Fault, Run};
use crate::control::{Bucket, Fate, Ledger, RowFate, Tally};
use crate::emit::FindingLog;
use crate::finding::Place;
use crate::meter::Sums;
use crate::rate::{Currency, ExactSum, Overflow, Small};
use crate::reconcile::UnmappedWhat;
use crate::tidy::{
    Batches, Brief, End, Ends, FateRuns, Judgement, Kind, Lines, Marks, Met, Part, Partitions, Row, Standing, Trail,
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

/// Ends of rows that no group has are numbered behind all groups.
const OTHER_ENDS: u16 = 1 << 12;

/// The number of an end, where groups have the numbers below `groups`.
#[inline]
pub fn number_of(end: End, groups: usize) -> usize {
    let [g0, g1, g2, g3, code, kind, ..] = end.0.to_le_bytes();
    match u16::from_le_bytes([code, kind]) {
        0 => u32::from_le_bytes([g0, g1, g2, g3]) as usize,
        other => groups + usize::from(other),
    }
}

/// The fates by the numbers of their ends, behind those of groups and but for the copy kept of a duplicate.
pub fn other_fates() -> impl Iterator<Item = Option<Fate>> {
    (0..OTHER_ENDS).map(|other| {
        let [code, kind, ..] = other.to_le_bytes();
        Fate::of_parts(kind, code, 0).filter(|fate| !matches!(fate, Fate::Metered(_)))
    })
}

/// Places every row of every partition: those that stand alone as they are met, then those with copies.
pub fn place(run: &Run<'_>, read: &Collected, targets: &Targets<'_>, log: &mut FindingLog) -> anyhow::Result<Placed> {
    let budget = &run.budget;
    let threads = run.settings.threads.get();
    let lines = Lines::new(read.files.iter().map(|f| f.found.last_line));
    let shared = Shared {
        run,
        read,
        targets,
        with_copies: Marks::new(lines.clone()),
        copies: Partitions::new(run.spill.clone(), budget.partitions, budget.copies),
        readings: Readings::new(run.spill.clone(), budget.partitions, budget.readings),
        duplicates: Mutex::new(FateRuns::new(run.spill.clone(), budget.duplicates)),
        trail: Trail::new(run.spill.clone(), lines, budget.trail),
        elsewhere: read.files.iter().any(|f| f.found.elsewhere),
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
pub(super) struct Found {
    pub sums: Vec<Sums>,
    pub pending: Vec<Pending>,
    pub ledger: Ledger,
    pub unmapped: BTreeMap<(UnmappedWhat, u32, Currency), UnmappedUse>,
    pub unattributed: BTreeSet<(u32, u32)>,
    contradicted: BTreeMap<(u32, u32), (u64, (u32, u64))>,
    conflicts: Vec<(u32, u64)>,
    pub before: BTreeMap<(u32, u32), (ExactSum, (u32, u64))>,
    present: Pairs,
    pub log: FindingLog,
}

impl Found {
    fn new(run: &Run<'_>) -> Self {
        Self {
            sums: Vec::new(),
            pending: vec![Pending::new(run.spill.clone())],
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
pub(super) struct Shared<'a, 'p> {
    pub run: &'a Run<'a>,
    pub read: &'a Collected,
    pub targets: &'a Targets<'p>,
    /// Which rows have copies.
    with_copies: Marks,
    /// Those rows, until all others are placed.
    copies: Partitions,
    pub readings: Readings,
    duplicates: Mutex<FateRuns>,
    trail: Trail,
    /// There are rows of other periods, which those of this one are held against.
    pub elsewhere: bool,
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
pub(super) struct Worker<'a, 'p> {
    pub shared: &'a Shared<'a, 'p>,
    pub judged: Judged,
    pub found: Found,
    pub owners: Owners,
    pub likenesses: Likenesses,
    pub lots: Lots,
    ends: Ends<'a>,
    /// On their way to where copies meet.
    copies: Batches,
    duplicates: Vec<RowFate>,
    /// Copies that are judged together.
    together: Vec<Row>,
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
            owners: Owners::default(),
            likenesses: Likenesses::default(),
            lots: Lots::new(shared.run.budget.pending / shared.run.settings.threads),
            ends: shared.trail.ends(),
            copies: Batches::new(&shared.copies, shared.run.budget.copies / 8 / shared.run.settings.threads),
            duplicates: Vec::new(),
            together: Vec::new(),
            fault: shared.run.settings.fault,
        }
    }

    fn work(&mut self, stage: Stage, partitions: &Partitions, turns: &Turns) -> anyhow::Result<()> {
        while let Some(index) = turns.next() {
            let part = partitions.take(index);
            match stage {
                Stage::Copies => self.judge_copies(part, partitions.bits())?,
                Stage::Alone => {
                    self.rows(&part)?;
                    // The clients of the next are others.
                    self.settle()?;
                }
            }
        }
        self.settle()?;
        self.copies.flush(&self.shared.copies)?;
        self.hand_over()
    }

    /// Places the rows of a partition that stand alone.
    fn rows(&mut self, part: &Part) -> anyhow::Result<()> {
        let Shared { read: Collected { kinds, rows, .. }, with_copies, trail, .. } = self.shared;
        part.pieces(rows.spill(), |piece| -> anyhow::Result<()> {
            for record in records(piece) {
                let record = record?;
                let brief = Brief::of(record).ok_or_else(damaged)?;
                let at = trail.lines().place_of(brief.position);
                if with_copies.has_at(at) {
                    self.set_aside(record)?;
                } else if self.fault.is_some() {
                    self.keep(record)?;
                } else {
                    let amounts = Brief::amounts(record).ok_or_else(damaged)?;
                    self.place_row(at, &brief, amounts, || decoded(record, kinds))?;
                }
            }
            Ok(())
        })
    }

    /// Puts together the rows of a partition, whose keys are equal in their first `bits`.
    fn judge_copies(&mut self, part: Part, bits: u32) -> anyhow::Result<()> {
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
        (0..inner.count()).try_for_each(|index| self.judge_copies(inner.take(index), inner.bits()))
    }

    /// Copies of one key that are too many to be held.
    fn one_key(&mut self, part: &Part) -> anyhow::Result<()> {
        let spill = &self.shared.run.spill;
        let standing = Standing::of(|see| {
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
        decoded(record, &self.shared.read.kinds)
    }

    fn set_aside(&mut self, record: &[u8]) -> anyhow::Result<()> {
        let key = key_of(record)?;
        Ok(self.copies.push(&self.shared.copies, key, |out| out.extend_from_slice(record))?)
    }

    fn hand_over(&mut self) -> anyhow::Result<()> {
        self.ends.hand_over()?;
        let mut duplicates = self.shared.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(duplicates.push(std::mem::take(&mut self.duplicates))?)
    }

    /// Places a row that stands alone.
    fn keep(&mut self, record: &[u8]) -> anyhow::Result<()> {
        self.place_copy(&self.row_of(record)?, Judgement::Keep, None)
    }

    fn place_copies(&mut self, set: &[&[u8]]) -> anyhow::Result<()> {
        let mut copies = std::mem::take(&mut self.together);
        copies.clear();
        for record in set {
            copies.push(self.row_of(record)?);
        }
        copies.sort_unstable_by_key(|row| (row.says(), row.position()));
        for same in copies.chunk_by(|a, b| a.says() == b.says()) {
            for (row, judgement) in same.iter().zip(judge(same)) {
                self.place_copy(row, judgement, judgement.dropped(same))?;
            }
        }
        self.together = copies;
        Ok(())
    }

    fn place_copy(&mut self, row: &Row, judgement: Judgement, dropped: Option<Fate>) -> anyhow::Result<()> {
        if self.fault.is_none() {
            return self.place_judged(row, judgement, dropped);
        }
        let mut row = *row;
        let times = self.inject(&mut row);
        (0..times).try_for_each(|_| self.place_judged(&row, judgement, dropped))
    }

    fn place_judged(&mut self, row: &Row, judgement: Judgement, dropped: Option<Fate>) -> anyhow::Result<()> {
        if let Some(about) = judgement.about() {
            let source = &self.shared.read.files[row.file as usize].export.detection.source;
            self.found.log.add_at(about, source, row.line);
        }
        let at = self.shared.trail.lines().position(row.file, row.line);
        let Some(fate) = dropped else {
            let (brief, amounts) = row.brief();
            return self.place_row(at, &brief, amounts, || Ok(*row));
        };
        if judgement == Judgement::Conflict {
            self.found.conflicts.push(row.position());
            self.contradict(row);
        }
        let is_copy = matches!(fate, Fate::Duplicate { .. });
        self.enter_dropped(row, if is_copy { Bucket::Duplicate } else { Bucket::Rejected })?;
        if is_copy {
            self.duplicates.push(RowFate { file: row.file, line: row.line, fate });
            if self.duplicates.len() >= HELD {
                self.hand_over()?;
            }
        }
        Ok(self.ends.push_at(at, end_of(fate))?)
    }

    /// Places a row that is kept. `at`: where it stands when all lines are counted through; `row`: the whole of it.
    #[inline]
    fn place_row(
        &mut self,
        at: u64,
        brief: &Brief,
        amounts: Option<[Small; 3]>,
        row: impl FnOnce() -> io::Result<Row>,
    ) -> anyhow::Result<()> {
        let index = self.lot_of(brief)?;
        let lot = self.lots.get_mut(index);
        let (end, asks) = (lot.end, lot.asks);
        let added = lot.add(brief, amounts);
        self.ends.push_at(at, end)?;
        if asks.present {
            self.found.present.insert(brief.account, brief.sku);
        }
        if asks.finding || asks.metering || !added { self.look_at(index, &row()?, added) } else { Ok(()) }
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

fn decoded(record: &[u8], kinds: &[Kind]) -> io::Result<Row> {
    Row::decode(record, kinds).ok_or_else(damaged)
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
