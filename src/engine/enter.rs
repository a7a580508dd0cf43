//! What becomes of rows that are placed together, and where they are entered once they are added up: in the sums they are
//! metered in, in the ledger, among what is unmapped.

use anyhow::Context;

use super::collect::out_of_period;
use super::lots::{Asks, Course, Likeness, Lot};
use super::place::{Worker, end_of, place_of};
use super::targets::{Side, Target};
use crate::control::{Bucket, Fate, Tally};
use crate::finding::Code;
use crate::format::ChargeCategory;
use crate::ingest::Treatment;
use crate::meter::{Conversion, Sums, Together, UnitCost};
use crate::rate::{Currency, ExactSum, Overflow};
use crate::reconcile::UnmappedWhat;
use crate::tidy::{Brief, Row, belonging, damaged};

/// Numbers of those whose rows are placed together, for a thread: clients, and accounts that have none.
#[derive(Default)]
pub(super) struct Owners {
    /// Of accounts whose rows are of the same on every day, plus one.
    by_account: Vec<u32>,
    by_side: super::intern::ByNumber<(u32, u32), u32>,
}

impl Owners {
    /// The number of an account's side.
    fn number(&mut self, account: u32, side: Side<u32>) -> u32 {
        let side = match side {
            Side::Internal => (0, 0),
            Side::Excluded => (1, 0),
            Side::Unmapped => (2, account),
            Side::Mapped(client) => (3, client),
        };
        let next = u32::try_from(self.by_side.len()).expect("fewer than 2^32 accounts");
        *self.by_side.entry(side).or_insert(next)
    }
}

impl Worker<'_, '_> {
    /// The lot that a row is placed with.
    #[inline]
    pub(super) fn lot_of(&mut self, brief: &Brief) -> anyhow::Result<usize> {
        let (likeness, by_account) = match self.likenesses.find(brief) {
            Some(found) => found,
            None => self.meet_likeness(brief)?,
        };
        let owner = if by_account { brief.account } else { self.owner(brief.account, likeness) };
        match self.lots.find(owner, likeness) {
            Some(lot) => Ok(lot),
            None => self.open_lot(brief, owner, likeness),
        }
    }

    #[inline]
    fn owner(&mut self, account: u32, likeness: u32) -> u32 {
        match self.owners.by_account.get(account as usize) {
            Some(owner) if *owner > 0 => *owner - 1,
            _ => {
                let (targets, day) = (self.shared.targets, self.likenesses.get(likeness).day);
                let owner = self.owners.number(account, targets.side_of(&mut self.judged, account, day));
                if !targets.is_dated() {
                    let known = &mut self.owners.by_account;
                    known.resize(known.len().max(account as usize + 1), 0);
                    known[account as usize] = owner + 1;
                }
                owner
            }
        }
    }

    #[cold]
    fn meet_likeness(&mut self, brief: &Brief) -> anyhow::Result<(u32, bool)> {
        if self.likenesses.is_full() {
            self.settle()?;
            self.likenesses.clear();
        }
        let (read, period, targets) = (self.shared.read, self.shared.run.period, self.shared.targets);
        let kind = *read.kinds.get(brief.kind as usize).ok_or_else(damaged)?;
        let (file, _) = brief.position.parts();
        let stated = read.files[file as usize].export.stated;
        let here = belonging(period, kind.category, kind.start, kind.end, stated);
        let judged = kind.treatment != Treatment::Excluded && !here.is_elsewhere();
        let likeness = Likeness {
            file,
            sku: brief.sku,
            kind,
            has: brief.has,
            here,
            day: targets.day(period, kind.start),
            by_account: !judged || targets.hangs_on_account(brief.sku),
        };
        Ok((self.likenesses.add(brief, likeness), likeness.by_account))
    }

    #[cold]
    fn open_lot(&mut self, brief: &Brief, owner: u32, likeness: u32) -> anyhow::Result<usize> {
        if self.lots.is_full() {
            self.settle()?;
        }
        let of = *self.likenesses.get(likeness);
        let (fate, course) = self.conclude(brief.account, &of);
        let present =
            self.shared.elsewhere && !matches!(fate, Fate::OutOfPeriod) && of.kind.treatment != Treatment::Excluded;
        let export = &self.shared.read.files[of.file as usize].export;
        let finding =
            fate == Fate::OutOfPeriod && of.kind.start.is_some() && export.stated == Some(self.shared.run.period);
        let priced = of.has & Brief::UNIT_COST != 0;
        let metering =
            matches!(course, Course::Group { conversion, .. } if !Sums::adds_up(&of.kind, of.here, conversion, priced));
        let asks = Asks { present, finding, metering };
        Ok(self.lots.open(owner, Lot::new(likeness, brief, end_of(fate), course, asks)))
    }

    /// What becomes of rows of an account that are alike.
    fn conclude(&mut self, account: u32, of: &Likeness) -> (Fate, Course) {
        if of.kind.treatment == Treatment::Excluded {
            return (Fate::Excluded, Course::Excluded);
        }
        if of.here.is_elsewhere() {
            return (Fate::OutOfPeriod, Course::OutOfPeriod);
        }
        match self.shared.targets.judge(&mut self.judged, account, of.sku, of.day) {
            Target::Internal => (Fate::Internal, Course::Internal),
            Target::Excluded => (Fate::Excluded, Course::Excluded),
            Target::Unmapped { account, product } => {
                let code = if account { Code::M301 } else { Code::M302 };
                (Fate::Unmapped(code), Course::Unmapped { account, product })
            }
            Target::Beside { group, conversion } => (Fate::Excluded, Course::Group { group, conversion, beside: true }),
            Target::Group { group, conversion } => {
                (Fate::Metered(group), Course::Group { group, conversion, beside: false })
            }
        }
    }

    /// What is left to be done of a row that is in its lot, or does not fit into it.
    #[cold]
    pub(super) fn look_at(&mut self, lot: usize, row: &Row, added: bool) -> anyhow::Result<()> {
        let lot = *self.lots.get_mut(lot);
        let of = *self.likenesses.get(lot.likeness);
        let read = self.shared.read;
        if lot.asks.finding {
            self.found.log.add_at(out_of_period(), &read.files[of.file as usize].export.detection.source, row.line);
        }
        if let Course::Group { group, conversion, .. } = lot.course
            && lot.asks.metering
        {
            self.meter(row, &of, group, conversion)?;
        }
        if added {
            return Ok(());
        }
        let row = Together {
            rows: 1,
            first: row.position(),
            quantity: row.quantity.map(ExactSum::of),
            cost: row.cost.map(ExactSum::of),
            unit_cost: row.unit_cost.map_or(UnitCost::Unseen, UnitCost::One),
            has_units: row.quantity.is_some_and(|quantity| !quantity.is_zero()),
        };
        self.enter(&lot, &of, &row)
    }

    /// Enters what is in the lots, and closes them.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        let lots = self.lots.take();
        for lot in &lots {
            let of = *self.likenesses.get(lot.likeness);
            if let Some(rows) = lot.sum(of.has)? {
                self.enter(lot, &of, &rows)?;
            }
        }
        self.lots.give_back(lots);
        Ok(())
    }

    /// Enters rows of a lot where they end.
    fn enter(&mut self, lot: &Lot, of: &Likeness, rows: &Together) -> anyhow::Result<()> {
        let bucket = match lot.course {
            Course::Internal => Bucket::Internal,
            Course::Excluded => Bucket::Excluded,
            Course::OutOfPeriod => {
                self.remember(lot.account, of, rows)?;
                Bucket::OutOfPeriod
            }
            Course::Unmapped { account, product } => {
                self.enter_unmapped(lot.account, of, rows, (account, product))?;
                Bucket::Unmapped
            }
            Course::Group { group, beside, .. } => {
                if !lot.asks.metering {
                    self.meter_all(lot.account, of, group, rows)?;
                }
                if !beside {
                    // What is in the group's sums is entered in the ledger with its group, once the bucket is known.
                    return Ok(self.found.pending[0].add(group, of.file, of.kind.currency, &tally_of(rows))?);
                }
                Bucket::Excluded
            }
        };
        Ok(self.found.ledger.place(of.file, of.kind.currency, bucket, &tally_of(rows))?)
    }

    /// A row that its lot has nothing to do with: it is not kept.
    pub(super) fn enter_dropped(&mut self, row: &Row, bucket: Bucket) -> Result<(), Overflow> {
        let mut tally = Tally::default();
        tally.add(row.quantity, row.cost)?;
        self.found.ledger.place(row.file, row.kind.currency, bucket, &tally)
    }

    /// Meters a row whose rule looks at it.
    fn meter(&mut self, row: &Row, of: &Likeness, group: u32, conversion: Conversion) -> anyhow::Result<()> {
        let (read, period) = (self.shared.read, self.shared.run.period);
        let vendor = read.names.vendor_of[row.account as usize];
        let reading = self.sums(group).add(row, vendor, period, of.here, conversion);
        let reading = reading.with_context(|| format!("{} cannot be metered", place_of(read, row.file, row.line)))?;
        if let Some(reading) = reading {
            self.shared.readings.push(group, &reading)?;
        }
        Ok(())
    }

    fn meter_all(&mut self, account: u32, of: &Likeness, group: u32, rows: &Together) -> anyhow::Result<()> {
        let read = self.shared.read;
        let vendor = read.names.vendor_of[account as usize];
        self.sums(group).add_all(rows, &of.kind, vendor, of.here).with_context(|| {
            let more = if rows.rows > 1 { format!(", and {} rows like it,", rows.rows - 1) } else { String::new() };
            format!("{}{more} cannot be metered", place_of(read, rows.first.0, rows.first.1))
        })
    }

    fn sums(&mut self, group: u32) -> &mut Sums {
        let sums = &mut self.found.sums;
        if sums.len() <= group as usize {
            // Others may have met more groups already; all of them will be met here, too.
            sums.resize_with((group as usize + 1).max(sums.len() + 1024), Sums::default);
        }
        &mut sums[group as usize]
    }

    /// Keeps the units of rows of the period before, to tell what disappeared.
    fn remember(&mut self, account: u32, of: &Likeness, rows: &Together) -> Result<(), Overflow> {
        let stated = self.shared.read.files[of.file as usize].export.stated;
        let Some(before) = self.shared.run.period.previous() else { return Ok(()) };
        let counts = of.kind.treatment == Treatment::Counted
            && of.kind.category == ChargeCategory::Purchase
            && belonging(before, of.kind.category, of.kind.start, of.kind.end, stated).quantity;
        if let Some(quantity) = rows.quantity.filter(|_| counts) {
            let uses = self.found.before.entry((account, of.sku)).or_insert((ExactSum::ZERO, rows.first));
            uses.0.merge(quantity)?;
            uses.1 = uses.1.min(rows.first);
        }
        Ok(())
    }

    fn enter_unmapped(
        &mut self,
        account: u32,
        of: &Likeness,
        rows: &Together,
        (no_account, no_product): (bool, bool),
    ) -> Result<(), Overflow> {
        let tally = tally_of(rows);
        let what = [(no_account, UnmappedWhat::Account, account), (no_product, UnmappedWhat::Product, of.sku)];
        for (_, what, number) in what.into_iter().filter(|(applies, _, _)| *applies) {
            let key: (UnmappedWhat, u32, Currency) = (what, number, of.kind.currency);
            let uses = self.found.unmapped.entry(key).or_default();
            uses.tally.merge(&tally)?;
            uses.first = uses.first.into_iter().chain([rows.first]).min();
        }
        let holds_units = rows.has_units
            && of.kind.treatment == Treatment::Counted
            && matches!(of.kind.category, ChargeCategory::Purchase | ChargeCategory::Usage);
        if no_account && !no_product && holds_units {
            self.found.unattributed.insert((of.sku, account));
        }
        Ok(())
    }
}

fn tally_of(rows: &Together) -> Tally {
    Tally { rows: rows.rows, quantity: rows.quantity.unwrap_or_default(), cost: rows.cost.unwrap_or_default() }
}
