//! An export to typed usage rows, one at a time: nothing here grows with the file.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rust_decimal::Decimal;

use super::bind::{Binding, columns_of, usage_columns};
use super::cut::{Cut, cut_of};
use super::glance::may_hold;
use super::layout::{Layout, LineSink};
use super::memo::Memo;
use super::nested;
use super::parquet::read_parquet;
use super::pieces::Shared;
use super::record::shown;
use super::styles::{Evidence, Known, Styles, stated_order, stated_style};
use super::trust::distrust;
use super::typed::{Problem, Typist};
use super::{
    Detection, JsonEvent, OtherLine, Record, RecordFault, Rows, Shape, UsageSink, open_text, read_json, serial,
};
use crate::finding::Code;
use crate::format::{Column, ColumnKind, TableSpec, normalise};

mod reader;

use reader::{Done, Reader};

/// What was read of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTotals {
    /// Usage rows handed on.
    pub rows: u64,
    pub rejected: u64,
    /// Titles, headings, totals, notes and blank lines.
    pub other_lines: u64,
    /// What the file's last total row says of its cost, else of its quantity.
    pub stated_total: Option<Decimal>,
    /// The sum of the same column over the rows.
    pub summed_total: Option<Decimal>,
    /// The file's bytes end early: what is behind its last row is not known, and all its rows are rejected.
    pub truncated: bool,
}

/// Reads every row of a usage export into `sink`. An error is one of the sink's, or of reading; what is
/// wrong with the data goes to the sink as rejects and findings.
pub fn read_usage(detection: &Detection, sink: &mut dyn UsageSink) -> anyhow::Result<ReadTotals> {
    let file = UsageFile::open(detection)?;
    Ok(file.read(sink)?.expect("nobody else reads it"))
}

/// An export that is being read, by several threads where it is large.
pub struct UsageFile<'d> {
    detection: &'d Detection,
    headings: Vec<String>,
    counted: Vec<TableSpec>,
    layout: Layout,
    styles: Styles,
    cut: Option<Cut>,
    shared: Option<Shared<'d>>,
    readers: Mutex<Readers>,
}

/// Those who read an export.
#[derive(Default)]
struct Readers {
    count: usize,
    begun: bool,
    /// For the first of them.
    bindings: Option<Vec<Binding>>,
    /// What those who are done found.
    done: Vec<Done>,
}

impl<'d> UsageFile<'d> {
    /// Learns how its rows are written. An error is one of reading.
    pub fn open(detection: &'d Detection) -> anyhow::Result<Self> {
        let headings = if detection.is_laid_out() { detection.headings.clone() } else { every_heading(detection) };
        let counted = detection.table().counted();
        let bindings = bindings(detection, &counted, &headings);
        let layout = usage_layout(detection, &bindings[0], &headings);
        let of = |kind| {
            let fields = columns_of(kind).flat_map(|c| bindings.iter().flat_map(move |b| b.fields(c)));
            fields.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let mut dates = of(ColumnKind::Date);
        dates.extend(&bindings[0].exported);
        let mut numbers = of(ColumnKind::Number);
        numbers.extend(bindings[0].rate);
        let styles = learn(detection, &layout, &headings, &numbers, &dates)?;
        let cut = cut_of(detection, &layout, &headings)?;
        let shared = Shared::of(detection);
        let readers = Mutex::new(Readers { bindings: Some(bindings), ..Readers::default() });
        Ok(Self { detection, headings, counted, layout, styles, cut, shared, readers })
    }

    /// In smaller pieces, where it is shared.
    #[cfg(test)]
    pub(super) fn in_pieces_of(mut self, size: usize) -> Self {
        self.shared = self.shared.map(|shared| shared.in_pieces_of(size));
        self
    }

    /// Whether something is left that nobody reads.
    pub fn has_more(&self) -> bool {
        self.left(&self.readers())
    }

    fn left(&self, readers: &Readers) -> bool {
        self.shared.as_ref().map_or(!readers.begun, Shared::has_more)
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads into `sink` what nobody else has read or reads, and shares that with whoever calls it, too. `None`, where
    /// others are at it still or there was nothing left; the last to be done concludes what takes all rows, and has the totals.
    pub fn read(&self, sink: &mut dyn UsageSink) -> anyhow::Result<Option<ReadTotals>> {
        let Some(is_first) = self.join() else { return Ok(None) };
        let mut reader = self.reader(sink);
        if is_first {
            reader.begin(&self.styles)?;
        }
        // What is trusted ends with a line end.
        let (mut stretches, mut whole) = (Vec::new(), true);
        if self.detection.is_laid_out() {
            let Detection { path, survey, header_line, .. } = self.detection;
            let mut rows = match &self.shared {
                Some(shared) => Rows::of_pieces(shared),
                None => Rows::open(path, survey, self.detection.dialect())?,
            };
            stretches = self.layout.read_stretches(&mut rows, *header_line, &mut reader)?;
            whole = self.shared.is_some() || rows.ended_with_newline();
        } else {
            reader.read_records(&self.headings)?;
        }
        let Some(all) = self.leave(reader.done(stretches)) else { return Ok(None) };
        let stretches = all.into_iter().flat_map(|done| reader.take_over(done)).collect();
        reader.conclude_totals()?;
        self.layout.conclude(stretches, whole, &mut reader)?;
        let totals = reader.finish()?;
        match &self.detection.survey.trusted {
            // It was not read to its end.
            Some(trusted) if trusted.sha256().is_none() => Err(distrust().into()),
            _ => Ok(Some(totals)),
        }
    }

    /// Whether the caller is the first to read; `None` if nothing is left to be read.
    fn join(&self) -> Option<bool> {
        let mut readers = self.readers();
        self.left(&readers).then(|| {
            readers.count += 1;
            !std::mem::replace(&mut readers.begun, true)
        })
    }

    /// What all found, for the last of them.
    fn leave(&self, done: Done) -> Option<Vec<Done>> {
        let mut readers = self.readers();
        readers.count -= 1;
        readers.done.push(done);
        (readers.count == 0).then(|| std::mem::take(&mut readers.done))
    }

    fn reader<'s>(&'s self, sink: &'s mut dyn UsageSink) -> Reader<'s, 's> {
        let kept = self.readers().bindings.take();
        let bindings = kept.unwrap_or_else(|| bindings(self.detection, &self.counted, &self.headings));
        let summed =
            [Column::Cost, Column::Quantity].map(|c| bindings.iter().map(move |b| b.fields(c as usize).next()));
        let summed: Vec<usize> = summed.into_iter().flatten().flatten().collect();
        let prints = sink.wants_prints();
        let typists = self.counted.iter().zip(bindings);
        let typists = (0..).zip(typists).map(|(nth, (table, binding))| {
            let typist = Typist::new(&self.detection.spec, table, binding, self.styles.clone(), prints);
            (typist, Memo::new(nth, prints))
        });
        let place = |wanted: &&str| self.headings.iter().position(|h| normalise(h) == normalise(wanted));
        let wanted = sink.wants_cells().iter().map(place).collect();
        Reader::new(self.detection, typists, &summed, wanted, self.cut.clone(), sink)
    }
}

/// The headings bound for each thing that a row counts. Their rows are no copies of each other.
fn bindings(detection: &Detection, counted: &[TableSpec], headings: &[String]) -> Vec<Binding> {
    let of = |(number, table): (usize, &TableSpec)| {
        let id = &detection.spec.id;
        let id = if number == 0 { id.clone() } else { format!("{id}#{number}") };
        Binding::new(&id, table, headings, &usage_columns())
    };
    counted.iter().enumerate().map(of).collect()
}

/// For records that leave out what is empty: the keys seen and every heading the format knows.
pub(super) fn every_heading(detection: &Detection) -> Vec<String> {
    let mut all = detection.headings.clone();
    let known = detection.table().known_headings();
    for heading in known.into_iter().filter(|h| !h.ends_with('*')) {
        if !all.iter().any(|h| normalise(h) == normalise(heading)) {
            all.push(heading.to_string());
        }
    }
    all
}

fn usage_layout(detection: &Detection, binding: &Binding, headings: &[String]) -> Layout {
    // Of a row that is none, the word for its product mostly says so soonest.
    let keys = [Column::SkuId, Column::SubAccountId, Column::SubAccountName];
    let keys = keys.into_iter().flat_map(|c| binding.fields(c as usize).collect::<Vec<_>>()).collect();
    let currency = binding.fields(Column::Currency as usize).collect();
    Layout::new(headings, &detection.table().total_labels, keys, currency)
}

/// How numbers and dates are written: as the format says, else as a first pass over the file shows.
pub(super) fn learn(
    detection: &Detection,
    layout: &Layout,
    headings: &[String],
    numbers: &[usize],
    dates: &[usize],
) -> anyhow::Result<Styles> {
    let read = &detection.table().read;
    let (style, order) = (stated_style(read, detection.survey.shape, detection.delimiter), stated_order(read));
    let open_numbers: &[usize] = if style.is_none() { numbers } else { &[] };
    let suspects = if order.is_none() { Vec::new() } else { serial::suspects(detection, dates) };
    let open_dates: &[usize] = if order.is_none() { dates } else { &suspects };
    let mut first_pass =
        FirstPass { evidence: Evidence::new(headings.len(), open_numbers, open_dates), is_torn: false };
    if !open_numbers.is_empty() || !open_dates.is_empty() {
        if detection.is_laid_out() {
            match of_head(detection, layout, &first_pass.evidence)? {
                Some(evidence) => first_pass.evidence = evidence,
                None => layout.read(detection.lines(), &mut first_pass)?,
            }
        } else {
            each_record(detection, headings, &mut |row| {
                if let Ok((_, cells, _)) = row {
                    first_pass.evidence.observe(cells);
                }
                Ok(())
            })?;
        }
    }
    let mut styles = first_pass.evidence.conclude();
    for (style, field) in style.iter().flat_map(|s| numbers.iter().map(move |f| (s, f))) {
        styles.numbers[*field] = Some(Known::As(*style));
    }
    for (order, field) in order.iter().flat_map(|o| dates.iter().map(move |f| (o, f))) {
        styles.dates[*field] = Some(Known::As(Some(*order)));
    }
    Ok(styles)
}

/// What the head shows, if it speaks for all of a file too large to be its own head.
fn of_head(detection: &Detection, layout: &Layout, none_yet: &Evidence) -> anyhow::Result<Option<Evidence>> {
    let (survey, dialect) = (&detection.survey, detection.dialect());
    if survey.shape != Shape::Delimited || survey.head_is_whole {
        return Ok(None);
    }
    let Some(end) = survey.head.rfind(['\n', '\r']) else { return Ok(None) };
    let mut pass = FirstPass { evidence: none_yet.clone(), is_torn: false };
    layout.read_rows(Rows::of_text(&survey.head[..end], dialect), detection.header_line, &mut pass)?;
    match pass.evidence.doubts(dialect.delimiter) {
        Some(doubts) if !pass.is_torn => {
            if let Some(trusted) = &survey.trusted {
                trusted.doubt(doubts);
            } else if may_hold(open_text(&detection.path, survey)?, doubts)? {
                return Ok(None);
            }
            Ok(Some(pass.evidence))
        }
        _ => Ok(None),
    }
}

struct FirstPass {
    evidence: Evidence,
    /// A quote was open, so what stood behind it may be no rows.
    is_torn: bool,
}

impl LineSink for FirstPass {
    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }
    fn row(&mut self, record: &Record) -> anyhow::Result<()> {
        self.evidence.observe(record);
        Ok(())
    }
    fn total(&mut self, _: &Record) -> anyhow::Result<()> {
        Ok(())
    }
    fn broken(&mut self, _: u64, _: &str, _: Option<&Record>, problem: Problem) -> anyhow::Result<()> {
        self.is_torn |= problem.code == Code::I109;
        Ok(())
    }
    fn cut_off(&mut self, _: u64, _: String) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A record's number, cells and text, or why it is none.
type RecordCells<'a> = Result<(u64, &'a Vec<String>, &'a str), RecordFault>;

/// Every record of a file whose records name their values, as cells by heading.
pub(super) fn each_record(
    detection: &Detection,
    headings: &[String],
    row: &mut dyn FnMut(RecordCells<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut places: HashMap<String, Option<usize>> = HashMap::new();
    let normalised: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
    let mut cells: Vec<String> = vec![String::new(); headings.len()];
    if detection.survey.shape == Shape::Parquet {
        // Its columns are the first headings, in order.
        let fault = read_parquet(&detection.path, &mut |record| {
            for (cell, value) in cells.iter_mut().zip(record.cells) {
                cell.clone_from(value);
            }
            row(Ok((record.number, &cells, record.raw)))
        })?;
        return fault.map_or(Ok(()), |(last, fault)| {
            let (value, raw) = (String::new(), String::new());
            row(Err(RecordFault {
                code: fault.code,
                line: last + 1,
                column: 0,
                value,
                message: fault.message,
                raw,
                goes_on: false,
            }))
        });
    }
    let bound: HashSet<String> = detection.table().bound_headings().into_iter().map(normalise).collect();
    let read: Vec<bool> = normalised.iter().map(|h| bound.contains(h)).collect();
    // Two spellings of one heading in a record: of those that are not read, the first with a value counts.
    let mut fill = |fields: &[(String, String)], cells: &mut [String]| -> Result<(), RecordFault> {
        cells.iter_mut().for_each(String::clear);
        for (key, value) in fields {
            let known = places.get(key.as_str()).copied();
            let place = known.unwrap_or_else(|| {
                let wanted = normalise(key);
                let place = normalised.iter().position(|h| *h == wanted);
                places.insert(key.clone(), place);
                place
            });
            let Some((place, cell)) = place.and_then(|p| Some((p, cells.get_mut(p)?))) else { continue };
            if cell.is_empty() {
                cell.push_str(value);
            } else if read[place] && !value.is_empty() && cell != value {
                let message = format!(
                    "the record has {:?} in two spellings, with {} and with {}, so which is meant is not known",
                    headings[place],
                    shown(cell),
                    shown(value)
                );
                let (value, raw) = (shown(value), String::new());
                return Err(RecordFault { code: Code::I111, line: 0, column: 0, value, message, raw, goes_on: true });
            }
        }
        Ok(())
    };
    // Rows within records are counted over all lists.
    let (within, mut number) = (detection.table().read.within.as_deref(), 0);
    read_json(open_text(&detection.path, &detection.survey)?, detection.survey.shape, &mut |event| match event {
        JsonEvent::Record(record) => {
            let Some(list) = within else {
                let filled = fill(record.fields, &mut cells);
                return row(match filled {
                    Ok(()) => Ok((record.number, &cells, record.raw)),
                    Err(fault) => Err(RecordFault { line: record.number, raw: record.raw.to_string(), ..fault }),
                });
            };
            match nested::rows(record.fields, list) {
                Ok(rows) => {
                    for fields in rows {
                        number += 1;
                        let filled = fill(&fields, &mut cells);
                        row(match filled {
                            Ok(()) => Ok((number, &cells, record.raw)),
                            Err(fault) => Err(RecordFault { line: number, raw: record.raw.to_string(), ..fault }),
                        })?;
                    }
                    Ok(())
                }
                Err(fault) => row(Err(RecordFault { line: number + 1, ..fault })),
            }
        }
        JsonEvent::Fault(fault) => row(Err(fault)),
    })
}
