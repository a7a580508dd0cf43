//! The records of a file exactly as they stand, whatever it is about: no cell is trimmed, typed or judged. Only
//! how the text is cut into records has to be known, and everything that is no record is told.

use std::collections::HashMap;
use std::path::Path;

use super::detect::{encoding_finding, other_json, parquet_findings};
use super::escape::shown_escape;
use super::guess::guess;
use super::json::beside_records;
use super::layout::is_cut_off;
use super::parquet::{ParquetFault, parquet_columns, read_parquet};
use super::record::shown;
use super::shape::is_other_json;
use super::suspect::{Headings, hidden_json, is_drawn, other_dialect};
use super::{
    Content, Dialect, Event, JsonEvent, Limits, Record, RecordFault, Rows, Shape, contents, open_text, read_json,
};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::Registry;
use within::Within;

#[cfg(test)]
mod tests;
mod within;

/// The most headings that JSON records may have between them.
const MOST_HEADINGS: usize = 16 << 10;

/// Where records go, one at a time.
pub trait RecordSink {
    /// Comes once for each list of records, before them. `line` is where the headings stand, 0 where records name
    /// their values. `false`: the records are not wanted.
    fn headings(&mut self, source: &str, line: u64, headings: &[&str]) -> anyhow::Result<bool>;
    /// The list that comes next is a sheet that is hidden. What cannot be read of it is no more than a warning.
    fn hidden(&mut self, _source: &str) {}
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
            Ok(content) => match content.hidden_sheet() {
                None => content.read(registry, sink).map(drop)?,
                Some(said) => {
                    sink.hidden(&content.source);
                    let mut unseen = Unseen(sink);
                    if content.read(registry, &mut unseen)? {
                        unseen.finding(said)?;
                    }
                }
            },
        }
    }
    Ok(())
}

/// Takes a hidden sheet. Often it has no records but lists for the others to choose from, or none at all.
struct Unseen<'a>(&'a mut dyn RecordSink);

impl RecordSink for Unseen<'_> {
    fn headings(&mut self, source: &str, line: u64, headings: &[&str]) -> anyhow::Result<bool> {
        self.0.headings(source, line, headings)
    }

    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()> {
        self.0.record(line, cells)
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        let severity = finding.severity.min(Severity::Warning);
        self.0.finding(Finding { severity, ..finding })
    }
}

impl Content {
    /// Whether there were records, and they were wanted.
    fn read(&self, registry: &Registry, sink: &mut dyn RecordSink) -> anyhow::Result<bool> {
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
        Ok(records.is_some_and(|records| records > 0))
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
        let escapes = shown_escape(&self.path, &self.survey, dialect, guess.header_line)?;
        let dialect = match escapes.settle(&self.source) {
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
        let (mut width, mut count, mut above) = (0, 0, Vec::new());
        // A row of a sheet may be as short as it likes, so a note below the others looks like one of them.
        let (mut after_blank, mut note) = (false, None);
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
                Event::Blank => after_blank = true,
                Event::Fault(fault) if fault.line < guess.header_line => {
                    above.push((fault.raw, fault.line, false));
                }
                Event::Fault(fault) => {
                    count += 1;
                    sink.finding(self.fault(*fault))?;
                }
                Event::Record if record.line() < guess.header_line => {
                    let cells = record.iter().filter(|cell| !cell.trim().is_empty()).count();
                    above.push((record.raw().to_string(), record.line(), cells > 1));
                }
                Event::Record if record.line() == guess.header_line => {
                    width = record.len();
                    // Titles are of one cell, and one may say what it is; several rows may be another table.
                    let rows = above.iter().filter(|(.., is_row)| *is_row).count();
                    for (raw, line, is_row) in above.drain(..) {
                        sink.finding(self.above(&raw, line, named.certain && !(is_row && rows > 1)))?;
                    }
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
                Event::Record if count == 0 && !named.missing && is_drawn(&record) => {
                    let message = "the line is drawn below the headings and is no record";
                    let finding = Finding::new(Code::I104, message).severity(Severity::Info);
                    sink.finding(finding.at(self.line(record.line())).value(shown(record.raw())))?;
                }
                Event::Record => {
                    count += 1;
                    let is_alone = record.iter().filter(|cell| !cell.trim().is_empty()).count() == 1;
                    if !is_alone {
                        note = None;
                    } else if after_blank && note.is_none() && width > 1 && self.survey.sheet.is_some() {
                        note = Some((record.line(), shown(record.raw().trim_matches(','))));
                    }
                    after_blank = false;
                    self.row(&record, width, records.ended_with_newline(), sink)?;
                }
            }
        }
        if let Some((line, text)) = note {
            let message = "the row has one cell and stands below a blank one, and was read as a record; take it away if it \
                           is a note";
            let finding = Finding::new(Code::I104, message).severity(Severity::Warning);
            sink.finding(finding.at(self.line(line)).value(text))?;
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
        if self.survey.shape == Shape::JsonEnvelope {
            let beside = beside_records(open_text(&self.path, &self.survey)?)?;
            for finding in beside.pages.map(|more| more.finding).into_iter().chain(beside.left_out) {
                sink.finding(finding.at(Place::file(&self.source)))?;
            }
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
            Some(_) if records == 0 => {
                self.each(&mut |event| match event {
                    JsonEvent::Record(_) => Ok(()),
                    JsonEvent::Fault(fault) => sink.finding(self.fault(fault)),
                })?;
                return Ok(None);
            }
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
        if let (1, Some(names)) = (records, &within.named) {
            let message = "the object was read as one record, and what it names looks like records or columns of its own; \
                           save it as a list of objects, one for each record";
            let finding = Finding::new(Code::I104, message).severity(Severity::Warning);
            sink.finding(finding.at(self.line(1)).value(shown(names)))?;
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
    fn above(&self, raw: &str, line: u64, is_certain: bool) -> Finding {
        let message = "the line stands above the headings and is no record";
        let severity = if is_certain { Severity::Info } else { Severity::Warning };
        Finding::new(Code::I104, message).severity(severity).at(self.line(line)).value(shown(raw))
    }

    fn fault(&self, fault: RecordFault) -> Finding {
        Finding::new(fault.code, fault.message).at(self.cell(fault.line, fault.column)).value(fault.value)
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
