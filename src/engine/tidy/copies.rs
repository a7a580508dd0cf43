//! The first reading: which rows are copies of one another, by the rules of `reconcile`. Only fingerprints
//! wait in partitions; what is kept of the judgement is the fate of each row that is not written.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};

use crate::control::{Ledger, RowFate};
use crate::emit::FindingLog;
use crate::finding::Finding;
use crate::ingest::{OtherLine, Reject, UsageRow, UsageSink, read_usage};
use crate::tidy::{Batches, Draft, FateRuns, Fixed, Kind, Met, Partitions, Position, Row, Spill, each_met, judge};

use super::{Export, TidySettings};
use crate::engine::desk::{Keys, Kinds};
use crate::engine::intern::Interner;
use crate::engine::threads::{Turns, in_threads};

/// Into how many partitions the fingerprints go.
const PARTITIONS: usize = 128;

/// The fate of every row that is not kept, in order of file and line once merged.
pub(super) fn judge_all(
    settings: &TidySettings,
    exports: &[Export],
    ledger: &mut Ledger,
    log: &mut FindingLog,
) -> anyhow::Result<FateRuns> {
    let memory = usize::try_from(settings.memory).unwrap_or(usize::MAX);
    let needs = exports.iter().map(|e| e.detection.survey.bytes).sum();
    let spill = Arc::new(Spill::new(&settings.spill_dir, needs));
    let partitions = Partitions::new(spill.clone(), PARTITIONS, memory / 4);
    let kinds: Interner<Kind> = Interner::default();
    let threads = settings.threads.min(exports.len()).max(1);
    let read: Vec<Mutex<(Ledger, FindingLog)>> = exports.iter().map(|_| Mutex::default()).collect();
    let turns = Turns::new(exports.len());
    in_threads(threads, |_| {
        let mut batches = Batches::new(&partitions, memory / 32 / threads);
        let mut known = Kinds::default();
        while let Some(index) = turns.next() {
            let export = &exports[index];
            let mut done = read[index].lock().unwrap_or_else(PoisonError::into_inner);
            let (ledger, log) = &mut *done;
            let file = Position::file(index).context("more than 2^24 files")?;
            let (partitions, batches) = (&partitions, &mut batches);
            let (kinds, known) = (&kinds, &mut known);
            let (keys, vendor) = (Keys::of_file(export.stated), None);
            let draft = Draft::default();
            let mut sink = Sink { export, file, kinds, known, partitions, batches, draft, keys, vendor, ledger, log };
            read_usage(&export.detection, &mut sink)?;
        }
        Ok(batches.flush(&partitions)?)
    })?;
    for done in read {
        let (read, said) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        ledger.merge(&read)?;
        log.merge(said);
    }
    let mut fates = FateRuns::new(spill.clone(), memory / 8 / size_of::<RowFate>());
    let kinds = kinds.into_values();
    let mut bytes = Vec::new();
    for index in 0..PARTITIONS {
        partitions.take(index).load(&spill, &mut bytes)?;
        let mut out = Vec::new();
        each_met(&bytes, |met| -> anyhow::Result<()> {
            let Met::Copies(set) = met else { return Ok(()) };
            let decoded: Option<Vec<Row>> = set.iter().map(|record| Row::decode(record, &kinds)).collect();
            let mut copies = decoded.context("a temporary file was damaged while it was in use; run again")?;
            copies.sort_unstable_by_key(Row::position);
            for (row, judgement) in copies.iter().zip(judge(&copies)) {
                let source = exports.get(row.file as usize).map_or("", |e| e.detection.source.as_str());
                if let Some(about) = judgement.about() {
                    log.add_at(about, source, row.line);
                }
                let fate = judgement.dropped(&copies);
                out.extend(fate.map(|fate| RowFate { file: row.file, line: row.line, fate }));
            }
            Ok(())
        })?;
        fates.push(out)?;
    }
    Ok(fates)
}

struct Sink<'a> {
    export: &'a Export,
    file: u32,
    kinds: &'a Interner<Kind>,
    known: &'a mut Kinds,
    partitions: &'a Partitions,
    batches: &'a mut Batches,
    /// The last row's record.
    draft: Draft,
    /// With those of the last row's vendor.
    keys: Keys,
    vendor: Option<String>,
    ledger: &'a mut Ledger,
    log: &'a mut FindingLog,
}

impl UsageSink for Sink<'_> {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        self.ledger.read(self.file, row.currency, row.quantity, row.cost)?;
        if self.vendor.as_deref() != Some(row.provider_name()) {
            self.keys = self.keys.of_vendor(row.provider_name());
            self.vendor = Some(row.provider_name().to_string());
        }
        let (kind, key) = (self.known.number(Kind::of(row), self.kinds), self.keys.key(row));
        ensure!(row.line < Position::LINES, "{} has more than 2^40 lines", self.export.detection.source);
        self.draft.write_row(&Fixed::of(row, kind, self.file, key), row);
        self.batches.push(self.partitions, key, |out| self.draft.append_to(out))?;
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.ledger.read(self.file, reject.currency, reject.quantity, reject.cost)?;
        if reject.with_its_file {
            return Ok(());
        }
        self.log.add(reject.finding(&self.export.detection.source));
        Ok(())
    }

    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.log.add(finding);
        Ok(())
    }
}
