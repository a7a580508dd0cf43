//! Which rows have copies, told by the heads of all rows: nearly none has, and all others need not be put together.

use std::io;

use super::place::SPLIT;
use super::threads::{Turns, in_threads};
use super::{Budget, Run};
use crate::tidy::{Marks, Meeting, Part, Partitions, Position, Spill, heads};

/// Marks every row that may have copies.
pub(super) fn meet(run: &Run<'_>, all: &Partitions, with_copies: &Marks) -> anyhow::Result<()> {
    let turns = Turns::new(all.count());
    in_threads(run.settings.threads.get(), |_| {
        let show = &mut |position| with_copies.set(position);
        let mut worker =
            Worker { budget: &run.budget, spill: all.spill(), meeting: Meeting::default(), held: Vec::new() };
        while let Some(index) = turns.next() {
            worker.part(all.take(index), all.bits(), show)?;
        }
        Ok(())
    })
}

/// One thread's work, and its room.
struct Worker<'a> {
    budget: &'a Budget,
    spill: &'a std::sync::Arc<Spill>,
    meeting: Meeting,
    held: Vec<u8>,
}

impl Worker<'_> {
    /// Shows the rows that meet in a partition, whose keys are equal in their first `bits`.
    fn part(&mut self, part: Part, bits: u32, show: &mut dyn FnMut(Position)) -> io::Result<()> {
        if part.bytes() <= self.budget.partition {
            part.load(self.spill, &mut self.held)?;
            return self.meeting.each(&self.held, show);
        }
        let (mut first, mut alike) = (None, true);
        self.each(&part, |key, _| {
            alike &= *first.get_or_insert(key) == key;
            Ok(())
        })?;
        if alike {
            // They are too many to be held, and all meet.
            return self.each(&part, |_, position| {
                show(position);
                Ok(())
            });
        }
        let inner = Partitions::within(self.spill.clone(), SPLIT, self.budget.split, bits);
        let mut head = Vec::new();
        self.each(&part, |key, position| {
            let (file, line) = position.parts();
            head.clear();
            crate::tidy::push_head(key, file, line, &mut head);
            inner.push(inner.index_of(key), &head)
        })?;
        drop(part);
        (0..inner.count()).try_for_each(|index| self.part(inner.take(index), inner.bits(), show))
    }

    fn each(&self, part: &Part, mut each: impl FnMut(u128, Position) -> io::Result<()>) -> io::Result<()> {
        part.pieces(self.spill, |piece| heads(piece)?.try_for_each(|(key, position)| each(key, position)))
    }
}
