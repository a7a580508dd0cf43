//! The records of a file exactly as they stand, whatever it is about: no cell is trimmed, typed or judged. Only
//! how the text is cut into records has to be known, and everything that is no record is told.

use std::collections::HashMap;
use std::path::Path;

use super::detect::{encoding_finding, other_json, parquet_findings};
use super::escape::shown_escape;
use super::guess::guess;
use super::json::pages_left;
use super::layout::is_cut_off;
use super::parquet::{ParquetFault, parquet_columns, read_parquet};
use super::record::shown;
use super::shape::{holds_records, is_other_json};
use super::suspect::{Headings, hidden_json, other_dialect};
use super::{
    Content, Dialect, Event, JsonEvent, Limits, Record, RecordFault, Rows, Shape, contents, open_text, read_json,
};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::Registry;

#[cfg(test)]
mod tests;

/// The most headings that JSON records may have between them.
const MOST_HEADINGS: usize = 16 << 10;

/// Where records go, one at a time.
pub trait RecordSink {
    /// Comes once for each list of records, before them. `line` is where the headings stand, 0 where records name
    /// their values. `false`: the records are not wanted.
    fn headings(&mut self, source: &str, line: u64, headings: &[&str]) -> anyhow::Result<bool>;
    /// As many cells as headings. `line` is the physical line or row where the record begins (JSON and Parquet: its number).
    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()>;
    /// What was skipped or refused.
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()>;
}

/// Reads every record of a file: of each member of an archive, and of each sheet of a workbook. The delimiter and the heading row are those of a known format where its
/// headings stand there, else they are recognised from the rows. `source` is the file's path in findings.
///
/// # Errors
/// Those of reading, and what the sink returns.
pub fn read_records(
    path: &Path,
    source: &str,
    registry: &Registry,
    limits: &Limits,
    sink: &mut dyn RecordSink,
) -> anyhow::Result<()> {
    for content in contents(path, source, limits) {
        match content {
            Err(finding) => sink.finding(finding)?,
            Ok(content) => content.read(registry, sink)?,
        }
    }
    Ok(())
}

impl Content {
    fn read(&self, registry: &Registry, sink: &mut dyn RecordSink) -> anyhow::Result<()> {
        if let Some(said) = encoding_finding(&self.source, &self.survey) {
            sink.finding(said)?;
        }
        for beside in &self.findings {
            sink.finding(beside.clone())?;
        }
        let records = match self.survey.shape {
            Shape::Delimited | Shape::Sheet => self.laid_out(registry, sink)?,
            Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope => self.json(sink)?,
            Shape::Parquet => self.parquet(sink)?,
        };
        if records == Some(0) {
            let message = "the file has headings and no records";
            sink.finding(Finding::new(Code::I114, message).at(Place::file(&self.source)))?;
        }
        Ok(())
    }

    /// How many records there were, refused ones too; `None` if they were not wanted or could not be read.
    fn laid_out(&self, registry: &Registry, sink: &mut dyn RecordSink) -> anyhow::Result<Option<u64>> {
        if self.survey.sheet.is_none() && is_other_json(&self.survey.head, self.survey.head_is_whole) {
            sink.finding(other_json().at(self.line(1)))?;
            return Ok(None);
        }
        let Some(guess) = guess(&self.survey, registry) else {
            let message = "the file does not begin with anything that can be read as a heading row";
            sink.finding(Finding::new(Code::I104, message).at(Place::file(&self.source)))?;
            return Ok(None);
        };
        if let Some(line) = hidden_json(&self.survey) {
            let message = "JSON begins here below a line that is none; take away what is no JSON";
            sink.finding(Finding::new(Code::I104, message).at(self.line(line)))?;
            return Ok(None);
        }
        let named = Headings::of(&self.survey, guess);
        let dialect = Dialect::of(guess.delimiter);
        let shown = shown_escape(&self.path, &self.survey, dialect, guess.header_line)?;
        let dialect = match shown.settle(&self.source) {
            Ok((escape, said)) => {
                said.into_iter().try_for_each(|finding| sink.finding(finding))?;
                dialect.escaped(escape)
            }
            Err(refused) => {
                sink.finding(refused)?;
                return Ok(None);
            }
        };
        let mut records = Rows::open(&self.path, &self.survey, dialect)?;
        let mut record = Record::new();
        let (mut width, mut count) = (0, 0);
        loop {
            let event = match records.next(&mut record) {
                Ok(event) => event,
                Err(e) if is_cut_off(&e) => {
                    let message = format!("the file ends early, and what stood behind its last record is lost: {e}");
                    sink.finding(Finding::new(Code::I110, message).at(self.line(records.line() + 1)))?;
                    break;
                }
                Err(e) => return Err(e.into()),
            };
            match event {
                Event::End => break,
                Event::Blank => {}
                Event::Fault(fault) if fault.line < guess.header_line => {
                    sink.finding(self.above(&fault.raw, fault.line, &named))?;
                }
                Event::Fault(fault) => {
                    count += 1;
                    sink.finding(self.fault(*fault))?;
                }
                Event::Record if record.line() < guess.header_line => {
                    sink.finding(self.above(record.raw(), record.line(), &named))?;
                }
                Event::Record if record.line() == guess.header_line => {
                    width = record.len();
                    records.expect_fields(width);
                    let cells: Vec<&str> = record.iter().collect();
                    for (column, finding) in named.findings() {
                        let place = column.map(|c| self.cell(record.line(), c as u64 + 1));
                        sink.finding(finding.at(place.unwrap_or_else(|| self.line(record.line()))))?;
                    }
                    if let Some(finding) = other_dialect(&self.survey, guess, &cells) {
                        sink.finding(finding.at(self.line(record.line())))?;
                    }
                    if !named.missing {
                        if !sink.headings(&self.source, record.line(), &cells)? {
                            return Ok(None);
                        }
                        continue;
                    }
                    let numbered: Vec<String> = (1..=width).map(|n| format!("column_{n}")).collect();
                    let numbered: Vec<&str> = numbered.iter().map(String::as_str).collect();
                    if !sink.headings(&self.source, 0, &numbered)? {
                        return Ok(None);
                    }
                    count += 1;
                    sink.record(record.line(), &cells)?;
                }
                Event::Record => {
                    count += 1;
                    self.row(&record, width, records.ended_with_newline(), sink)?;
                }
            }
        }
        Ok(Some(count))
    }

    fn row(&self, record: &Record, width: usize, newline: bool, sink: &mut dyn RecordSink) -> anyhow::Result<()> {
        let cells: Vec<&str> = record.iter().collect();
        let found = cells.len();
        if found == width {
            return sink.record(record.line(), &cells);
        }
        let last = cells.last().copied().unwrap_or_default();
        if found > width && cells[width..].iter().all(|c| c.trim().is_empty()) {
            sink.record(record.line(), &cells[..width])?;
            let message = "the row goes on behind the last heading with empty fields, which were left out";
            let finding = Finding::new(Code::I104, message).severity(Severity::Info);
            return sink.finding(finding.at(self.cell(record.line(), width as u64 + 1)));
        }
        let (code, message) = if found < width && !newline {
            let message = format!("the file ends in the middle of a row, after {found} of {width} fields");
            (Code::I110, message)
        } else {
            (Code::I104, format!("the row has {found} fields where the headings have {width}, and was left out"))
        };
        let place = self.cell(record.line(), found.min(width + 1) as u64);
        sink.finding(Finding::new(code, message).at(place).value(shown(last)))
    }

    fn json(&self, sink: &mut dyn RecordSink) -> anyhow::Result<Option<u64>> {
        if self.survey.shape == Shape::JsonEnvelope
            && let Some(more) = pages_left(open_text(&self.path, &self.survey)?)?
        {
            sink.finding(more.finding.at(Place::file(&self.source)))?;
        }
        let mut columns = Columns::default();
        let (mut broken, mut records) = (None, 0);
        let mut within = Within::default();
        self.each(&mut |event| {
            match event {
                JsonEvent::Record(record) => {
                    records += 1;
                    columns.learn(record.fields);
                    within.look(record.fields);
                }
                JsonEvent::Fault(fault) if broken.as_ref().is_none_or(|b: &RecordFault| b.goes_on) => {
                    broken = Some(fault);
                }
                JsonEvent::Fault(_) => {}
            }
            Ok(())
        })?;
        if columns.headings.len() > MOST_HEADINGS {
            let message = format!("the records have more than {MOST_HEADINGS} different keys, and make no table");
            sink.finding(Finding::new(Code::I104, message).at(Place::file(&self.source)))?;
            return Ok(None);
        }
        match broken {
            Some(fault) if !fault.goes_on => {
                let finding = self.fault(fault);
                sink.finding(Finding { message: format!("{}; nothing of it was read", finding.message), ..finding })?;
                return Ok(None);
            }
            Some(_) if records == 0 => records = 1,
            Some(_) | None => {}
        }
        if self.survey.shape == Shape::JsonLines
            && let Some(list) = within.list(records)
        {
            let message = "each object was read as one record, with this list as a text; if the records stand in it, \
                           save the list by itself";
            let finding = Finding::new(Code::I104, message).severity(Severity::Warning);
            sink.finding(finding.at(self.line(1)).value(list))?;
        }
        if records > 0 && columns.headings.is_empty() {
            let message = format!("the file has {records} records, and no values in them");
            sink.finding(Finding::new(Code::I114, message).at(Place::file(&self.source)))?;
            return Ok(None);
        }
        let headings: Vec<&str> = columns.headings.iter().map(String::as_str).collect();
        if records == 0 || !sink.headings(&self.source, 0, &headings)? {
            return Ok(if records == 0 { Some(0) } else { None });
        }
        let mut cells: Vec<String> = vec![String::new(); columns.headings.len()];
        self.each(&mut |event| match event {
            JsonEvent::Record(record) => {
                cells.iter_mut().for_each(String::clear);
                columns.place(record.fields, &mut cells);
                let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                sink.record(record.number, &cells)
            }
            JsonEvent::Fault(fault) => sink.finding(self.fault(fault)),
        })?;
        Ok(Some(records))
    }

    fn parquet(&self, sink: &mut dyn RecordSink) -> anyhow::Result<Option<u64>> {
        let fault = |fault: ParquetFault, place| Finding::new(fault.code, fault.message).at(place);
        let columns = match parquet_columns(&self.path) {
            Ok(columns) => columns,
            Err(e) => {
                sink.finding(fault(e, Place::file(&self.source)))?;
                return Ok(None);
            }
        };
        for finding in parquet_findings(&self.source, &columns) {
            // Of no rows it is told as of every other list.
            if finding.code != Code::I114 {
                sink.finding(finding)?;
            }
        }
        let headings: Vec<&str> = columns.names.iter().map(String::as_str).collect();
        if columns.rows > 0 && !sink.headings(&self.source, 0, &headings)? {
            return Ok(None);
        }
        let broken = read_parquet(&self.path, &mut |record| {
            let cells: Vec<&str> = record.cells.iter().map(String::as_str).collect();
            sink.record(record.number, &cells)
        })?;
        if let Some((last, e)) = broken {
            sink.finding(fault(e, self.line(last + 1)))?;
        }
        Ok(Some(columns.rows))
    }

    fn each(&self, on: &mut dyn FnMut(JsonEvent<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        read_json(open_text(&self.path, &self.survey)?, self.survey.shape, on)
    }

    fn line(&self, line: u64) -> Place {
        Place::line(&self.source, line)
    }

    fn cell(&self, line: u64, column: u64) -> Place {
        Place::cell(&self.source, line, column)
    }

    /// Where nothing shows that the headings are headings, a line above them may be.
    fn above(&self, raw: &str, line: u64, named: &Headings) -> Finding {
        let message = "the line stands above the headings and is no record";
        let severity = if named.certain { Severity::Info } else { Severity::Warning };
        Finding::new(Code::I104, message).severity(severity).at(self.line(line)).value(shown(raw))
    }

    fn fault(&self, fault: RecordFault) -> Finding {
        Finding::new(fault.code, fault.message).at(self.cell(fault.line, fault.column)).value(fault.value)
    }
}

/// A list within JSON objects that may be what was meant to be read.
#[derive(Default)]
struct Within {
    /// Of the first record: a list, and one of objects under a name that interfaces give to records.
    any: Option<String>,
    records: Option<String>,
    /// How many records have the latter.
    times: u64,
}

impl Within {
    fn look(&mut self, fields: &[(String, String)]) {
        let own_name = |key: &str| key.rsplit('/').next().unwrap_or(key).to_string();
        if self.times == 0 && self.any.is_none() {
            self.any = fields.iter().find(|(_, v)| v.len() > 2 && v.starts_with('[')).map(|(k, _)| k.clone());
            let of_records = |(k, v): &&(String, String)| v.starts_with("[{") && holds_records(&own_name(k), false);
            self.records = fields.iter().find(of_records).map(|(k, _)| k.clone());
        }
        if let Some(list) = &self.records {
            self.times += u64::from(fields.iter().any(|(k, v)| k == list && v.starts_with('[')));
        }
    }

    /// The list of a lone object, or one that every object has.
    fn list(self, records: u64) -> Option<String> {
        if records == 1 { self.any } else { self.records.filter(|_| self.times == records) }
    }
}

/// The headings of JSON records: their keys in order of appearance. A key that a record has twice is two.
#[derive(Default)]
struct Columns {
    headings: Vec<String>,
    /// Per key, the column of its first, second … occurrence in a record.
    of: HashMap<String, Vec<usize>>,
}

impl Columns {
    fn learn(&mut self, fields: &[(String, String)]) {
        for (at, (key, _)) in fields.iter().enumerate() {
            if self.headings.len() > MOST_HEADINGS {
                return;
            }
            let nth = fields[..at].iter().filter(|(k, _)| k == key).count();
            let known = self.of.get(key).map_or(0, Vec::len);
            if nth >= known {
                self.of.entry(key.clone()).or_default().push(self.headings.len());
                self.headings.push(key.clone());
            }
        }
    }

    fn place(&self, fields: &[(String, String)], cells: &mut [String]) {
        for (at, (key, value)) in fields.iter().enumerate() {
            let Some(places) = self.of.get(key) else { continue };
            let nth = if places.len() == 1 { 0 } else { fields[..at].iter().filter(|(k, _)| k == key).count() };
            if let Some(cell) = places.get(nth).and_then(|p| cells.get_mut(*p)) {
                cell.push_str(value);
            }
        }
    }
}
