//! Rows as they stood in their file, fetched again by line. Rows at rest keep no text; the few that must be
//! shown after all are read once more.

use std::collections::{BTreeMap, BTreeSet};

use super::parquet::read_parquet;
use super::{Detection, Event, JsonEvent, Record, Rows, Shape, open_text, read_json};

/// The text of the records that begin at `lines` (JSON and Parquet: the records of these numbers).
pub fn raw_lines(detection: &Detection, lines: &[u64]) -> anyhow::Result<BTreeMap<u64, String>> {
    let wanted: BTreeSet<u64> = lines.iter().copied().collect();
    let mut out = BTreeMap::new();
    if detection.survey.shape == Shape::Parquet {
        let fault = read_parquet(&detection.path, &mut |record| {
            if wanted.contains(&record.number) {
                out.insert(record.number, record.raw.to_string());
            }
            Ok(())
        })?;
        return fault.map_or(Ok(out), |(_, fault)| Err(fault.into()));
    }
    if !detection.is_laid_out() {
        let text = open_text(&detection.path, &detection.survey)?;
        read_json(text, detection.survey.shape, &mut |event| {
            if let JsonEvent::Record(record) = event
                && wanted.contains(&record.number)
            {
                out.insert(record.number, record.raw.to_string());
            }
            Ok(())
        })?;
        return Ok(out);
    }
    let mut records = Rows::open(&detection.path, &detection.survey, detection.dialect())?;
    records.expect_fields(detection.headings.len());
    let mut record = Record::new();
    while out.len() < wanted.len() {
        match records.next(&mut record)? {
            Event::Record if wanted.contains(&record.line()) => {
                out.insert(record.line(), record.raw().to_string());
            }
            Event::Record | Event::Blank | Event::Fault(_) => {}
            Event::End => break,
        }
    }
    Ok(out)
}
