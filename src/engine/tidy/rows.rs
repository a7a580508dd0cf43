//! The second reading: kept rows are written as they come, in order of file and line, and beside them what
//! was dropped, rejected and changed. The ledger holds that the two readings saw the same rows.

use std::collections::BTreeMap;
use std::iter::Peekable;

use anyhow::{Context, bail};

use super::{ChangeCount, Changes, Export, FOCUS, Tidied, TidiedFile, TidySettings, Writers};
use crate::control::{Bucket, Fate, Ledger, Tally};
use crate::emit::{ChangeRow, Duplicate, Rejected};
use crate::finding::{Code, Finding};
use crate::format::Column;
use crate::ingest::{Change, ChangeRule, OtherLine, Progress, Reject, UsageRow, UsageSink, read_usage};
use crate::rate::Currency;
use crate::tidy::{FateRuns, Merged};

/// Writes what becomes of every row.
pub(super) fn write_all(
    settings: &TidySettings,
    exports: &[Export],
    fates: FateRuns,
    mut writers: Writers,
    ledger: &mut Ledger,
    progress: &dyn Progress,
    done: &mut Tidied,
) -> anyhow::Result<()> {
    let mut fates = fates.merge()?.peekable();
    let mut changes = Changes::new();
    let focus = writers.focus.clone();
    for (file, export) in (0..).zip(exports) {
        let detection = &export.detection;
        let mut sink = Sink {
            exports,
            file,
            every_change: settings.every_change,
            fates: &mut fates,
            writers: &mut writers,
            ledger,
            contradicts: None,
            kept_last: false,
            wanted: if detection.spec.id == FOCUS { focus.clone() } else { Vec::new() },
            beside: Vec::new(),
            changes: BTreeMap::new(),
            tidied: TidiedFile {
                source: detection.source.clone(),
                format: detection.spec.id.clone(),
                read: 0,
                kept: 0,
                duplicates: 0,
                rejected: 0,
            },
        };
        read_usage(detection, &mut sink)?;
        sink.end(&mut changes)?;
        done.files.push(sink.tidied);
        progress.advance(detection.survey.bytes);
    }
    if fates.next().is_some() || !ledger.imbalances()?.is_empty() {
        bail!("a file changed while it was read, so its rows do not add up; run again");
    }
    done.changes = changes.into_iter().map(|((column, rule), count)| ChangeCount { column, rule, count }).collect();
    done.unfilled = writers.rows.finish()?;
    if let Some((rejects, duplicates, changes)) = writers.beside {
        rejects.finish()?;
        duplicates.finish()?;
        changes.finish()?;
    }
    Ok(())
}

/// The first change of a column by a rule, and how many there are.
struct First {
    count: u64,
    line: u64,
    from: String,
    to: String,
}

struct Sink<'a> {
    exports: &'a [Export],
    file: u32,
    every_change: bool,
    fates: &'a mut Peekable<Merged>,
    writers: &'a mut Writers,
    ledger: &'a mut Ledger,
    /// The line of the row last taken, if it contradicts a copy: its text comes next.
    contradicts: Option<u64>,
    kept_last: bool,
    wanted: Vec<&'static str>,
    /// The cells wanted of the row that comes next.
    beside: Vec<Option<String>>,
    changes: BTreeMap<(Column, ChangeRule), First>,
    tidied: TidiedFile,
}

impl Sink<'_> {
    /// The fate of the row at `line`, if it is not kept.
    fn fate(&mut self, line: u64) -> anyhow::Result<Option<Fate>> {
        let here = self.fates.next_if(|f| f.as_ref().map_or(true, |f| (f.file, f.line) <= (self.file, line)));
        match here.transpose()? {
            None => Ok(None),
            Some(fate) if (fate.file, fate.line) == (self.file, line) => Ok(Some(fate.fate)),
            Some(_) => bail!("{} changed while it was read; run again", self.tidied.source),
        }
    }

    fn enter(&mut self, bucket: Bucket, currency: Currency, of: Tally) -> anyhow::Result<()> {
        Ok(self.ledger.place(self.file, currency, bucket, &of)?)
    }

    /// Writes the changes of the file.
    fn end(&mut self, all: &mut Changes) -> anyhow::Result<()> {
        for ((column, rule), first) in std::mem::take(&mut self.changes) {
            *all.entry((column, rule)).or_default() += first.count;
            if let Some((_, _, writer)) = self.writers.beside.as_mut().filter(|_| !self.every_change) {
                writer.row(ChangeRow {
                    source: &self.tidied.source,
                    line: first.line,
                    column: column.name(),
                    rule: rule.word(),
                    from: &first.from,
                    to: &first.to,
                    count: first.count,
                })?;
            }
        }
        Ok(())
    }

    fn write_reject(&mut self, reject: &Rejected) -> anyhow::Result<()> {
        if let Some((writer, _, _)) = &mut self.writers.beside {
            writer.row(&self.tidied.source, reject)?;
        }
        Ok(())
    }
}

fn tally(quantity: Option<rust_decimal::Decimal>, cost: Option<rust_decimal::Decimal>) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    tally.add(quantity, cost)?;
    Ok(tally)
}

impl UsageSink for Sink<'_> {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        self.tidied.read += 1;
        let fate = self.fate(row.line)?;
        self.kept_last = fate.is_none();
        let of = tally(row.quantity, row.cost)?;
        match fate {
            None => {
                self.tidied.kept += 1;
                self.enter(Bucket::Billed, row.currency, of)?;
                self.writers.rows.row(&self.tidied.source, row, &self.beside)?;
            }
            Some(Fate::Duplicate { code, kept_file, kept_line }) => {
                self.tidied.duplicates += 1;
                self.enter(Bucket::Duplicate, row.currency, of)?;
                let kept = self.exports.get(kept_file as usize).context("a copy of a file that is not there")?;
                if let Some((_, writer, _)) = &mut self.writers.beside {
                    let (source, kept_source) = (&self.tidied.source, &kept.detection.source);
                    writer.row(Duplicate { source, line: row.line, kept_source, kept_line, code })?;
                }
            }
            Some(_) => {
                self.tidied.rejected += 1;
                self.enter(Bucket::Rejected, row.currency, of)?;
                self.contradicts = Some(row.line);
            }
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.tidied.read += 1;
        self.tidied.rejected += 1;
        self.kept_last = false;
        let of = tally(reject.quantity, reject.cost)?;
        self.enter(Bucket::Rejected, reject.currency, of)?;
        let Reject { line, column, code, value, message, raw, .. } = reject;
        self.write_reject(&Rejected { line, column, code, value, message, raw })
    }

    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }

    fn finding(&mut self, _: Finding) -> anyhow::Result<()> {
        // The first reading has told it.
        Ok(())
    }

    fn wants_cells(&self) -> &[&'static str] {
        &self.wanted
    }

    fn cells(&mut self, cells: &[Option<&str>]) -> anyhow::Result<()> {
        self.beside = cells.iter().map(|c| c.map(str::to_string)).collect();
        Ok(())
    }

    fn wants_raw(&self) -> bool {
        self.contradicts.is_some()
    }

    fn raw(&mut self, raw: &str) -> anyhow::Result<()> {
        let Some(line) = self.contradicts.take() else { return Ok(()) };
        self.write_reject(&Rejected {
            line,
            column: 0,
            code: Code::T203,
            value: String::new(),
            message: "another row has the same identity and other content, and nothing says which is later".to_string(),
            raw: raw.to_string(),
        })
    }

    fn wants_changes(&self) -> bool {
        self.kept_last
    }

    fn change(&mut self, change: &Change<'_>) -> anyhow::Result<()> {
        let known = self.changes.entry((change.column, change.rule)).or_insert_with(|| First {
            count: 0,
            line: change.line,
            from: change.from.to_string(),
            to: change.to.to_string(),
        });
        known.count += 1;
        if let Some((_, _, writer)) = self.writers.beside.as_mut().filter(|_| self.every_change) {
            writer.row(ChangeRow {
                source: &self.tidied.source,
                line: change.line,
                column: change.column.name(),
                rule: change.rule.word(),
                from: change.from,
                to: change.to,
                count: 1,
            })?;
        }
        Ok(())
    }
}
