//! The first reading: which rows are copies of one another, by the rules of `reconcile`. Only fingerprints
//! wait in partitions; what is kept of the judgement is the fate of each row that is not written.

use crate::control::{Ledger, RowFate};
use crate::emit::FindingLog;
use crate::finding::{Finding, Place};
use crate::ingest::{OtherLine, Reject, UsageRow, UsageSink, read_usage};
use crate::tidy::{FateRuns, PARTITIONS, Partitions, Row, judge};

use super::{Export, TidySettings};
use crate::engine::collect::Scratch;

/// Rows gathered per partition before they are handed over.
const BATCH: usize = 256;
/// Fates kept in memory before runs spill.
const FATES_IN_MEMORY: usize = 1 << 20;

/// The fate of every row that is not kept, in order of file and line once merged.
pub(super) fn judge_all(
    settings: &TidySettings,
    exports: &[Export],
    ledger: &mut Ledger,
    log: &mut FindingLog,
) -> anyhow::Result<FateRuns> {
    let partitions = Partitions::new(&settings.spill_dir, settings.rows_in_memory);
    for (file, export) in (0..).zip(exports) {
        let batches = (0..PARTITIONS).map(|_| Vec::new()).collect();
        let mut sink =
            Sink { export, file, partitions: &partitions, batches, scratch: Scratch::default(), ledger, log };
        read_usage(&export.detection, &mut sink)?;
        for (index, batch) in sink.batches.iter_mut().enumerate() {
            partitions.push(index, batch)?;
        }
    }
    let mut fates = FateRuns::new(&settings.spill_dir, FATES_IN_MEMORY);
    for index in 0..PARTITIONS {
        let mut rows = partitions.take(index)?;
        rows.sort_unstable_by_key(|r| (r.key, r.file, r.line));
        let mut out = Vec::new();
        for copies in rows.chunk_by(|a, b| a.key == b.key) {
            for (row, judgement) in copies.iter().zip(judge(copies)) {
                let source = exports.get(row.file as usize).map_or("", |e| e.detection.source.as_str());
                log.extend(judgement.finding().map(|finding| finding.at(Place::line(source, row.line))));
                let fate = judgement.dropped(copies);
                out.extend(fate.map(|fate| RowFate { file: row.file, line: row.line, fate }));
            }
        }
        fates.push(out)?;
    }
    Ok(fates)
}

struct Sink<'a> {
    export: &'a Export,
    file: u32,
    partitions: &'a Partitions,
    batches: Vec<Vec<Row>>,
    scratch: Scratch,
    ledger: &'a mut Ledger,
    log: &'a mut FindingLog,
}

impl UsageSink for Sink<'_> {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        self.ledger.read(self.file, row.currency, row.quantity, row.cost)?;
        let packed = Row::of(row, self.file, self.scratch.key(row, self.export.stated));
        let index = Partitions::partition_of(packed.key);
        let batch = &mut self.batches[index];
        batch.push(packed);
        if batch.len() >= BATCH {
            self.partitions.push(index, batch)?;
        }
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
