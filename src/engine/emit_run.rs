//! What a run concluded, to files: the small tables as they are, the long ones streamed in file and line
//! order, and the summary over all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use rust_decimal::Decimal;

use super::Run;
use super::collect::Collected;
use super::load::Refused;
use super::metered::MeteredSums;
use super::place::{end_of, number_of, other_fates};
use super::spool::{Spool, in_order};
use super::threads::{Turns, beside, in_threads};
use super::unmapped::NotJoined;
use crate::book::Period;
use crate::control::{Bucket, ControlRow, Fate, Ledger, RowFate, Tally};
use crate::emit::{
    Counts, Duplicate, DuplicatesWriter, EmitError, Feeds, FindingLog, Input, LineCounts, Lineage, LineageRow, Money,
    Program, PsaChanges, Rejected, RejectsWriter, Residue, Summary, UnmappedCounts, VendorRow, VerdictWord,
    write_controls, write_discrepancies, write_invoice_lines, write_psa_changes, write_quantity_changes, write_summary,
    write_unmapped, write_verdicts,
};
use crate::finding::Code;
use crate::ingest::raw_lines;
use crate::rate::{Currency, Overflow, add};
use crate::reconcile::{LineStatus, Outcome, Verdict, VerdictRow, VerdictScope};
use crate::tidy::{FateRuns, Room, Trail};

/// Takes out what one thread alone writes.
fn taken<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Everything the outputs are written from.
pub struct Emission<'a> {
    pub run: &'a Run<'a>,
    pub read: &'a Collected,
    /// The rows that could not be read, by file; `None` once they are being written.
    pub rejects: Mutex<Option<Vec<Vec<Spool>>>>,
    /// Likewise.
    pub duplicates: Mutex<Option<FateRuns>>,
    /// Where every row ended that could be read; rejected rows come to it as they are written.
    pub trail: Trail,
    /// File and line of rows that contradict a copy.
    pub conflicts: Vec<(u32, u64)>,
    pub metered: &'a MeteredSums,
    pub outcome: &'a Outcome,
    /// The changes of quantity as the PSA takes them, where one is named.
    pub psa_changes: Option<&'a PsaChanges>,
    pub unmapped: &'a NotJoined<'a>,
    pub ledger: &'a Ledger,
    pub refused: &'a [Refused],
    /// The book's other files that the run depends on.
    pub other_inputs: Vec<Input>,
    pub config_sha256: Option<String>,
}

impl Emission<'_> {
    /// Writes every output into `folder`.
    pub fn write(&self, folder: &Path, log: &FindingLog) -> anyhow::Result<Summary> {
        let controls = self.controls();
        let verdicts = self.verdicts();
        let outcome = self.outcome;
        let unmapped = &self.unmapped.rows;
        let psa_changes = self.psa_changes;
        let small: [&(dyn Fn() -> Result<(), EmitError> + Sync); 7] = [
            &|| write_invoice_lines(folder, &outcome.lines),
            &|| write_discrepancies(folder, &outcome.discrepancies),
            &|| write_quantity_changes(folder, &outcome.changes),
            &|| psa_changes.map_or(Ok(()), |changes| write_psa_changes(folder, changes)),
            &|| write_unmapped(folder, unmapped),
            &|| write_controls(folder, &controls),
            &|| write_verdicts(folder, &verdicts),
        ];
        let threads = self.run.settings.threads;
        let rejects = || taken(&self.rejects).map_or(Ok(()), |spools| self.write_rejects(folder, spools));
        let duplicates = || taken(&self.duplicates).map_or(Ok(()), |runs| self.write_duplicates(folder, runs));
        // Where rejected rows ended is known once they are written; all other rows are known.
        let (rejects, (duplicates, lineage)) = beside(threads, rejects, || (duplicates(), self.lineage(folder)));
        rejects?;
        duplicates?;
        let lineage = lineage?;
        let groups = self.metered.index_of_group.len();
        let turns = Turns::new(small.len() + self.trail.stretches());
        in_threads(threads.get(), |_| {
            let mut room = Room::default();
            while let Some(turn) = turns.next() {
                let Some(stretch) = turn.checked_sub(small.len()) else {
                    small[turn]()?;
                    continue;
                };
                let ends = self.trail.take(stretch, &mut room)?;
                let row = |(file, line, end)| LineageRow { file, line, end: number_of(end, groups) };
                // Row groups stand in the file in order, whichever is encoded first.
                lineage.write(stretch, ends.rows(), ends.iter().map(row))?;
            }
            Ok(())
        })?;
        lineage.finish()?;
        let summary = self.summary(&controls, &verdicts, log)?;
        write_summary(folder, &summary)?;
        Ok(summary)
    }

    /// A row per file and currency; a file without rows has one, too.
    fn controls(&self) -> Vec<ControlRow> {
        let mut out = Vec::new();
        let mut seen = BTreeSet::new();
        let blank = (Tally::default(), [Tally::default(); Bucket::ALL.len()]);
        let accounts: Vec<_> = self.ledger.accounts().collect();
        let with_rows: BTreeSet<usize> = accounts.iter().map(|((file, _), _, _)| *file as usize).collect();
        let empty = (0..self.read.files.len())
            .filter(|i| !with_rows.contains(i))
            .map(|i| ((u32::try_from(i).unwrap_or_default(), Currency::NONE), blank.0, blank.1));
        for ((file, currency), read, buckets) in accounts.iter().copied().chain(empty) {
            let Some(from) = self.read.files.get(file as usize) else { continue };
            let detection = &from.export.detection;
            let providers: Vec<&str> =
                from.found.providers.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
            let provider = if providers.is_empty() { detection.spec.provider.clone() } else { providers.join("; ") };
            let first = seen.insert(file);
            out.push(ControlRow {
                source: detection.source.clone(),
                sha256: detection.survey.sha256.clone(),
                format: detection.spec.id.clone(),
                provider_name: provider,
                currency,
                rows_read: read.rows,
                quantity_read: read.quantity,
                cost_read: read.cost,
                buckets: buckets.map(|t| (t.rows, t.quantity, t.cost)),
                // What is counted per file stands on its first row.
                other_lines: if first { from.found.other_lines } else { 0 },
                stated_total: from.totals.stated_total.filter(|_| first),
                balanced: true,
            });
        }
        out
    }

    /// The verdicts, with what was left out of the run said in the run's own.
    fn verdicts(&self) -> Vec<VerdictRow> {
        let mut out = self.outcome.verdicts.clone();
        let period = self.run.period;
        let refused = self.refused.iter().map(|r| (r.stated, &r.source));
        let ends_early = self.read.files.iter().filter(|f| f.found.truncated);
        let ends_early = ends_early.map(|f| (f.export.stated, &f.export.detection.source));
        let left_out = refused.chain(ends_early).filter(|(stated, _)| stated.is_none_or(|p| p == period));
        let left_out: Vec<&str> = left_out.map(|(_, source)| source.as_str()).collect();
        let UnmappedCounts { accounts, products, .. } = self.unmapped.counts;
        let mut reasons = Vec::new();
        match left_out.as_slice() {
            [] => {}
            [one] => reasons.push(format!("1 file was left out: {one}")),
            [first, rest @ ..] => {
                reasons.push(format!("{} files were left out: {first} and {} more", rest.len() + 1, rest.len()));
            }
        }
        let rejected = self.rejected(period);
        if rejected > 0 {
            let verb = if rejected == 1 { "row was" } else { "rows were" };
            reasons.push(format!("{rejected} {verb} rejected"));
        }
        if accounts + products > 0 {
            let count = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            let parts = [(accounts, "account"), (products, "SKU")];
            let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
            let are = if accounts + products == 1 { "is" } else { "are" };
            reasons.push(format!("{} {are} not mapped", parts.join(" and ")));
        }
        for row in out.iter_mut().filter(|r| r.scope == VerdictScope::Run) {
            if row.verdict == Verdict::Ok && !reasons.is_empty() {
                row.verdict = Verdict::NotReconcilable;
            }
            let own = std::mem::take(&mut row.reason);
            let all: Vec<String> = std::iter::once(own).chain(reasons.clone()).filter(|r| !r.is_empty()).collect();
            row.reason = all.join("; ");
        }
        out
    }

    /// Rows that could not be used, of the exports that may hold rows of the period.
    fn rejected(&self, period: Period) -> u64 {
        let concerns = |index: usize| self.read.files[index].export.stated.is_none_or(|p| p == period);
        let unread = self.read.files.iter().enumerate().filter(|(i, _)| concerns(*i)).map(|(_, f)| f.totals.rejected);
        let contradicting = self.conflicts.iter().filter(|(file, _)| concerns(*file as usize)).count();
        unread.sum::<u64>() + contradicting as u64
    }

    /// `rejects.csv`: what could not be read, and what contradicts a copy, fetched again from its file.
    fn write_rejects(&self, folder: &Path, spools: Vec<Vec<Spool>>) -> anyhow::Result<()> {
        let mut writer = RejectsWriter::create(folder)?;
        let mut conflicts: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (file, line) in &self.conflicts {
            conflicts.entry(*file).or_default().push(*line);
        }
        let mut ends = self.trail.ends();
        for ((index, file), spools) in (0u32..).zip(&self.read.files).zip(spools) {
            let lines = conflicts.remove(&index).unwrap_or_default();
            let raws = if lines.is_empty() { BTreeMap::new() } else { raw_lines(&file.export.detection, &lines)? };
            let mut refetched = lines
                .iter()
                .map(|line| Rejected {
                    line: *line,
                    column: 0,
                    code: Code::T203,
                    value: String::new(),
                    message: "another row has the same identity and other content, and nothing says which is later"
                        .to_string(),
                    raw: raws.get(line).cloned().unwrap_or_default(),
                })
                .peekable();
            let source = &file.export.detection.source;
            for row in in_order(spools, &self.run.spill) {
                let row = row?;
                while let Some(conflict) = refetched.next_if(|c| c.line < row.line) {
                    writer.row(source, &conflict)?;
                }
                writer.row(source, &row)?;
                ends.push(index, row.line, end_of(Fate::Rejected(row.code)))?;
            }
            for conflict in refetched {
                writer.row(source, &conflict)?;
            }
        }
        ends.hand_over()?;
        Ok(writer.finish()?)
    }

    /// `duplicates.csv`, one merge over all rows dropped.
    fn write_duplicates(&self, folder: &Path, runs: FateRuns) -> anyhow::Result<()> {
        let source = |file: u32| self.read.files.get(file as usize).map_or("", |f| f.export.detection.source.as_str());
        let mut writer = DuplicatesWriter::create(folder)?;
        for fate in runs.merge()? {
            let RowFate { file, line, fate } = fate?;
            if let Fate::Duplicate { code, kept_file, kept_line } = fate {
                let kept_source = source(kept_file);
                writer.row(Duplicate { source: source(file), line, kept_source, kept_line, code })?;
            }
        }
        Ok(writer.finish()?)
    }

    /// `lineage.parquet`: every row in order, a row group at a time. No row is written yet.
    fn lineage(&self, folder: &Path) -> anyhow::Result<Lineage<'_>> {
        let sources = self.read.files.iter().map(|f| f.export.detection.source.as_str()).collect();
        let of_groups = self.metered.index_of_group.iter().map(|index| {
            let placement = self.outcome.placements.get(*index)?;
            Some(Feeds {
                bucket: placement.bucket,
                line_id: Some(placement.line_id.as_str()),
                discrepancy_id: Some(placement.discrepancy_id.as_str()),
                code: placement.code,
            })
        });
        let of_others = other_fates().map(|fate| {
            let (bucket, code) = ended(fate?)?;
            Some(Feeds { bucket, line_id: None, discrepancy_id: None, code })
        });
        Ok(Lineage::create(folder, sources, of_groups.chain(of_others))?)
    }

    fn summary(&self, controls: &[ControlRow], verdicts: &[VerdictRow], log: &FindingLog) -> anyhow::Result<Summary> {
        let run = verdicts.iter().find(|v| v.scope == VerdictScope::Run);
        let (word, reason) = run.map_or((Verdict::NotReconcilable, String::new()), |v| (v.verdict, v.reason.clone()));
        let mut buckets: IndexMap<&'static str, u64> = Bucket::ALL.iter().map(|b| (b.name(), 0)).collect();
        for row in controls {
            for (bucket, (rows, _, _)) in Bucket::ALL.iter().zip(&row.buckets) {
                *buckets.entry(bucket.name()).or_default() += rows;
            }
        }
        let mut codes: BTreeMap<Code, u64> = BTreeMap::new();
        for row in &self.outcome.discrepancies {
            *codes.entry(row.code).or_default() += 1;
        }
        let lines = |status| self.outcome.lines.iter().filter(|l| l.status == status).count() as u64;
        Ok(Summary {
            program: Program::default(),
            period: self.run.period,
            verdict: VerdictWord { word, reason },
            counts: Counts {
                files: self.read.files.len() as u64,
                rows_read: controls.iter().map(|c| c.rows_read).sum(),
                buckets,
                other_lines: controls.iter().map(|c| c.other_lines).sum(),
                line_items: LineCounts {
                    ready: lines(LineStatus::Ready),
                    review: lines(LineStatus::Review),
                    held: lines(LineStatus::Held),
                },
                discrepancies: codes.iter().map(|(code, n)| (code.id(), *n)).collect(),
                unmapped: self.unmapped.counts,
            },
            money: self.money(controls, verdicts)?,
            rounding_residue: self.residues()?,
            vendor_rounding: self.vendor_rounding(),
            inputs: self.inputs(controls),
            config_sha256: self.config_sha256.clone(),
            findings: log.groups(),
        })
    }

    /// What rounding added to each invoice to which it added anything.
    fn residues(&self) -> Result<Vec<Residue>, Overflow> {
        let mut out = Vec::new();
        for (invoice, residue) in &self.outcome.residue {
            if residue.rounding.is_zero() && residue.whole_units.is_zero() {
                continue;
            }
            out.push(Residue {
                client_id: invoice.client_id.to_string(),
                contract_id: invoice.contract_id.to_string(),
                currency: invoice.currency,
                residue: residue.total()?,
                whole_units: residue.whole_units,
            });
        }
        Ok(out)
    }

    /// How the amounts of each file come about, where they are not simply quantity × unit cost.
    fn vendor_rounding(&self) -> Vec<VendorRow> {
        let mut out = Vec::new();
        for file in &self.read.files {
            for (currency, check) in
                file.found.charges.iter().map(|(c, checked)| (c, &checked.check)).filter(|(_, c)| !c.is_exact())
            {
                let best = check.best();
                out.push(VendorRow {
                    source: file.export.detection.source.clone(),
                    currency: *currency,
                    rows: check.rows,
                    rounding: best.map_or("", |(rule, _)| rule.word()),
                    explained: best.map_or(0, |(_, rows)| rows),
                    unexplained: check.unexplained,
                    difference: check.difference,
                    residue: check.residue,
                });
            }
        }
        out
    }

    fn money(&self, controls: &[ControlRow], verdicts: &[VerdictRow]) -> Result<Vec<Money>, Overflow> {
        let mut out: BTreeMap<Currency, Money> = BTreeMap::new();
        let plus = |sum: &mut Decimal, more: Decimal| -> Result<(), Overflow> {
            *sum = add(*sum, more)?;
            Ok(())
        };
        for line in &self.outcome.lines {
            let money = out.entry(line.currency).or_insert_with(|| Money::none(line.currency));
            plus(&mut money.invoiced, line.amount.unwrap_or_default())?;
        }
        for (invoice, residue) in &self.outcome.residue {
            let money = out.entry(invoice.currency).or_insert_with(|| Money::none(invoice.currency));
            money.rounding_residue.merge(residue.total()?)?;
        }
        for row in verdicts.iter().filter(|v| v.scope == VerdictScope::Run) {
            let money = out.entry(row.currency).or_insert_with(|| Money::none(row.currency));
            plus(&mut money.recover, row.impact_recover)?;
            plus(&mut money.refund, row.impact_refund)?;
            plus(&mut money.dispute, row.impact_dispute)?;
        }
        for row in controls {
            let money = out.entry(row.currency).or_insert_with(|| Money::none(row.currency));
            plus(&mut money.unmapped_cost, row.buckets[Bucket::Unmapped as usize].2.to_decimal()?)?;
            plus(&mut money.rejected_cost, row.buckets[Bucket::Rejected as usize].2.to_decimal()?)?;
        }
        // Rows without a currency carry no money of any; they show only if they hold cost.
        let empty = |m: &Money| {
            m.currency.is_none()
                && [m.invoiced, m.recover, m.refund, m.dispute, m.unmapped_cost, m.rejected_cost]
                    .iter()
                    .all(Decimal::is_zero)
        };
        Ok(out.into_values().filter(|m| !empty(m)).collect())
    }

    /// Every file the run depends on, in order of their paths.
    fn inputs(&self, controls: &[ControlRow]) -> Vec<Input> {
        let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
        for row in controls {
            *rows.entry(&row.source).or_default() += row.rows_read;
        }
        let exports = self.read.files.iter().map(|file| {
            let detection = &file.export.detection;
            Input {
                source: detection.source.clone(),
                sha256: detection.survey.sha256.clone(),
                bytes: detection.survey.bytes,
                format: detection.spec.id.clone(),
                rows: rows.get(detection.source.as_str()).copied().unwrap_or_default(),
            }
        });
        let mut all: Vec<Input> = exports.chain(self.other_inputs.iter().cloned()).collect();
        all.sort_by(|a, b| a.source.cmp(&b.source));
        all
    }
}

/// Where rows of a fate are, and why, if they are of no group.
fn ended(fate: Fate) -> Option<(Bucket, Option<Code>)> {
    match fate {
        Fate::Metered(_) => None,
        Fate::Duplicate { code, .. } => Some((Bucket::Duplicate, Some(code))),
        Fate::Internal => Some((Bucket::Internal, None)),
        Fate::Excluded => Some((Bucket::Excluded, None)),
        Fate::Unmapped(code) => Some((Bucket::Unmapped, Some(code))),
        Fate::Rejected(code) => Some((Bucket::Rejected, Some(code))),
        Fate::OutOfPeriod => Some((Bucket::OutOfPeriod, None)),
    }
}
