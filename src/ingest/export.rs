//! An export to typed usage rows, one at a time: nothing here grows with the file.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use super::bind::{Binding, Cells, Taken, columns_of, usage_columns};
use super::cut::{Cut, cut_of};
use super::glance::may_hold;
use super::layout::{Layout, LineSink};
use super::memo::Memo;
use super::nested;
use super::parquet::read_parquet;
use super::record::shown;
use super::styles::{Evidence, Known, Styles, stated_order, stated_style};
use super::trust::distrust;
use super::typed::{Faulty, Problem, Typist};
use super::unnamed::Unnamed;
use super::{
    Amounts, Detection, JsonEvent, OtherLine, Record, RecordFault, Reject, Rows, Shape, UsageSink, open_text,
    read_json, serial,
};
use crate::finding::{self, Code, Finding, Place};
use crate::format::{Column, ColumnKind, TableSpec, normalise};
use crate::rate::{ExactSum, Small, plain};

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
    let table = detection.table();
    let headings = if detection.is_laid_out() { detection.headings.clone() } else { every_heading(detection) };
    let counted = table.counted();
    let mut bindings = bindings(detection, &counted, &headings);
    let binding = &bindings[0];
    let layout = usage_layout(detection, binding, &headings);
    let of = |kind| {
        let fields = columns_of(kind).flat_map(|c| bindings.iter().flat_map(move |b| b.fields(c)));
        fields.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let mut dates = of(ColumnKind::Date);
    dates.extend(&binding.exported);
    let mut numbers = of(ColumnKind::Number);
    numbers.extend(binding.rate);
    let styles = learn(detection, &layout, &headings, &numbers, &dates)?;
    let summed = [Column::Cost, Column::Quantity].map(|c| bindings.iter().map(move |b| b.fields(c as usize).next()));
    let mut sums: Vec<FieldSum> = Vec::new();
    for field in summed.into_iter().flatten().flatten() {
        if sums.iter().all(|s| s.field != field) {
            sums.push(FieldSum::of(field));
        }
    }
    for (field, example) in styles.serials() {
        sink.finding(serial::finding(detection, field, example))?;
    }
    let prints = sink.wants_prints();
    let typists = counted.iter().zip(bindings.drain(..));
    let mut typists = (0..).zip(typists).map(|(nth, (table, binding))| {
        let typist = Typist::new(&detection.spec, table, binding, styles.clone(), prints);
        (typist, Memo::new(nth, prints))
    });
    let (typist, memo) = typists.next().expect("a table counts one thing at least");
    let others = typists.collect();
    let place = |wanted: &&str| headings.iter().position(|h| normalise(h) == normalise(wanted));
    let wanted = sink.wants_cells().iter().map(place).collect();
    let cut = cut_of(detection, &layout, &headings)?;
    let totals = ReadTotals { truncated: cut.is_some(), ..ReadTotals::default() };
    let unnamed = Unnamed::of(detection);
    let mut reader = Reader { detection, typist, memo, others, sink, totals, sums, wanted, cut, unnamed };
    reader.say_cut()?;
    if detection.is_laid_out() {
        let rows = Rows::open_watched(&detection.path, &detection.survey, detection.dialect())?;
        layout.read_rows(rows, detection.header_line, &mut reader)?;
    } else {
        reader.read_records(&headings)?;
    }
    let totals = reader.finish()?;
    match &detection.survey.trusted {
        // It was not read to its end.
        Some(trusted) if trusted.sha256().is_none() => Err(distrust().into()),
        _ => Ok(totals),
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

/// The sum of a field since its file's last total row, and up to there.
struct FieldSum {
    field: usize,
    /// `None` once it has more digits than can be held.
    since: Option<ExactSum>,
    before: Option<ExactSum>,
}

impl FieldSum {
    fn of(field: usize) -> Self {
        Self { field, since: Some(ExactSum::ZERO), before: Some(ExactSum::ZERO) }
    }

    #[inline]
    fn add(&mut self, value: ExactSum) {
        if self.since.as_mut().is_some_and(|sum| sum.merge(value).is_err()) {
            self.since = None;
        }
    }

    /// A total row: over the file, and since the one before.
    fn total(&mut self) -> (Option<ExactSum>, Option<ExactSum>) {
        let since = self.since.replace(ExactSum::ZERO);
        self.before = self.before.zip(since).and_then(|(mut all, since)| all.merge(since).ok().map(|()| all));
        (self.before, since)
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

struct Reader<'d, 's> {
    detection: &'d Detection,
    typist: Typist<'d>,
    memo: Memo,
    /// For what else each row counts.
    others: Vec<(Typist<'d>, Memo)>,
    sink: &'s mut dyn UsageSink,
    totals: ReadTotals,
    sums: Vec<FieldSum>,
    /// The fields whose cells the sink wants beside each row.
    wanted: Vec<Option<usize>>,
    cut: Option<Cut>,
    unnamed: Unnamed,
}

impl Reader<'_, '_> {
    /// Said once, and not of every row.
    fn say_cut(&mut self) -> anyhow::Result<()> {
        let Some(cut) = &self.cut else { return Ok(()) };
        let message = format!("the file ends early, so none of its rows is used: {}", cut.why);
        let place = Place::line(&self.detection.source, cut.line);
        self.finding(Code::I110, place, None, message)
    }

    fn read_records(&mut self, headings: &[String]) -> anyhow::Result<()> {
        each_record(self.detection, headings, &mut |row| match row {
            Ok((number, cells, raw)) => self.counted(cells, number, raw),
            Err(fault) => {
                self.totals.truncated |= !fault.goes_on;
                let (line, raw) = (fault.line, fault.raw.clone());
                self.broken(line, &raw, None, Problem::from(fault))
            }
        })
    }

    /// A usage row for each thing that a row counts, of those that it states; one, at least.
    fn counted(&mut self, cells: &impl Cells, line: u64, raw: &str) -> anyhow::Result<()> {
        if self.others.is_empty() {
            return self.usage(cells, line, raw);
        }
        let mut stated = false;
        for turn in 0..=self.others.len() {
            if turn > 0 {
                self.change_places(turn - 1);
            }
            if self.typist.binding.states(Column::Quantity as usize, cells) {
                stated = true;
                self.usage(cells, line, raw)?;
            }
        }
        // Each had left its place to the one before it: back to where they were.
        self.others.rotate_left(1);
        self.change_places(self.others.len() - 1);
        if stated { Ok(()) } else { self.usage(cells, line, raw) }
    }

    fn change_places(&mut self, with: usize) {
        let (typist, memo) = &mut self.others[with];
        std::mem::swap(&mut self.typist, typist);
        std::mem::swap(&mut self.memo, memo);
    }

    fn usage(&mut self, cells: &impl Cells, line: u64, raw: &str) -> anyhow::Result<()> {
        let faulty = self.typist.read(cells, &mut self.memo);
        let typed = faulty.as_ref().map_or(self.memo.typed(), |faulty| &faulty.typed);
        let as_written = if faulty.is_some() { Amounts::default() } else { *self.memo.plain() };
        for (field, as_written, value) in [
            (typed.quantity_field, as_written.quantity, typed.quantity),
            (typed.cost_field, as_written.cost, typed.cost),
        ] {
            if let (Some(field), Some(value)) = (field, as_written.map(Small::exact).or(value.map(ExactSum::of)))
                && let Some(sum) = self.sums.iter_mut().find(|s| s.field == field)
            {
                sum.add(value);
            }
        }
        // A file is read whole or not at all: what is left of half a file bills too little, and looks right.
        let rejected = match (faulty, &self.cut) {
            (Some(faulty), _) => Some((*faulty, false)),
            (None, Some(_)) => Some((Faulty { typed: *self.memo.typed(), problem: Cut::problem() }, true)),
            (None, None) => None,
        };
        if let Some((Faulty { typed, problem }, with_its_file)) = rejected {
            self.totals.rejected += 1;
            let reject = self.typist.reject(line, raw, &typed, problem);
            return self.sink.reject(Reject { with_its_file, ..reject });
        }
        self.totals.rows += 1;
        if !self.wanted.is_empty() {
            let clean = |field: &Option<usize>| field.map(|f| self.typist.binding.clean(cells.cell(f)));
            let beside: Vec<Option<&str>> = self.wanted.iter().map(clean).collect();
            self.sink.cells(&beside)?;
        }
        self.sink.row(&self.typist.row(line, &self.memo))?;
        // Asked of each row: a sink may want some and not others.
        if self.sink.wants_raw() {
            self.sink.raw(raw)?;
        }
        if self.sink.wants_changes() {
            self.typist.changes(cells, line, self.memo.typed(), self.sink)?;
        }
        Ok(())
    }

    fn finding(&mut self, code: Code, place: Place, value: Option<String>, message: String) -> anyhow::Result<()> {
        let mut finding = Finding::new(code, message).at(place);
        finding.value = value.map(finding::shown);
        self.sink.finding(finding)
    }

    fn finish(mut self) -> anyhow::Result<ReadTotals> {
        let mut unknown = std::mem::take(&mut self.typist.binding.unknown_words);
        for (other, _) in &mut self.others {
            unknown.append(&mut other.binding.unknown_words);
        }
        if !unknown.is_empty() {
            let words: Vec<String> =
                unknown.iter().map(|(column, word)| format!("{column} {:?}", finding::shown(word.clone()))).collect();
            let message = format!(
                "words that format {} does not know stand as they are: {}",
                self.detection.spec.id,
                words.join(", ")
            );
            self.finding(Code::I116, Place::file(&self.detection.source), None, message)?;
        }
        for finding in self.unnamed.findings(&self.detection.source) {
            self.sink.finding(finding)?;
        }
        Ok(self.totals)
    }
}

impl LineSink for Reader<'_, '_> {
    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()> {
        self.totals.other_lines += 1;
        if kind == OtherLine::RepeatedHeading {
            let message = "the heading row stands again and was not counted as usage".to_string();
            self.finding(Code::I112, Place::line(&self.detection.source, line), None, message)?;
        }
        self.sink.other(line, kind)
    }

    fn row(&mut self, record: &Record) -> anyhow::Result<()> {
        self.unnamed.observe(record);
        self.counted(record, record.line(), record.raw())
    }

    /// Compares what the file says with what its rows add up to, over the file or since its last total.
    fn total(&mut self, record: &Record) -> anyhow::Result<()> {
        self.totals.other_lines += 1;
        self.sink.other(record.line(), OtherLine::Total)?;
        let mut reported = false;
        let aligned = record.len() >= self.detection.headings.len();
        for i in 0..self.sums.len() {
            let field = self.sums[i].field;
            let (all, since) = self.sums[i].total();
            let text = record.cell(field).trim();
            let stated = self.typist.number_in(Taken { text, field: Some(field), kind: record.kind(field) });
            let Ok(stated) = stated else { continue };
            if !aligned {
                continue;
            }
            let agrees = |sum: Option<ExactSum>| sum.is_some_and(|s| s == ExactSum::of(stated));
            let summed = if agrees(since) { since } else { all };
            let summed_value = summed.and_then(|s| s.to_decimal().ok());
            if !reported {
                self.totals.stated_total = Some(stated);
                self.totals.summed_total = summed_value;
                reported = true;
            }
            if !agrees(all) && !agrees(since) {
                let message = format!(
                    "the file's total row states {} for {:?} and its rows add up to {}",
                    plain(stated),
                    self.detection.headings[field],
                    all.map_or_else(|| "more than can be held".to_string(), |s| s.to_string()),
                );
                let place = Place::cell(&self.detection.source, record.line(), field as u64 + 1);
                self.finding(Code::I113, place, Some(text.to_string()), message)?;
            }
        }
        Ok(())
    }

    fn broken(&mut self, line: u64, raw: &str, record: Option<&Record>, problem: Problem) -> anyhow::Result<()> {
        let ends_here = problem.code == Code::I110 && self.cut.is_some();
        if ends_here && raw.trim().is_empty() {
            // The end of a list is missing, and no row.
            return Ok(());
        }
        self.totals.rejected += 1;
        let reject = match record {
            // Which cell is in which field is not certain, so no amount is taken from it.
            Some(record) => {
                let faulty = self.typist.read(record, &mut self.memo);
                let mut typed = faulty.map_or(*self.memo.typed(), |faulty| faulty.typed);
                (typed.quantity, typed.cost) = (None, None);
                self.typist.reject(line, raw, &typed, problem)
            }
            None => self.typist.blind_reject(line, raw, problem),
        };
        self.sink.reject(Reject { with_its_file: ends_here, ..reject })
    }

    fn cut_off(&mut self, line: u64, why: String) -> anyhow::Result<()> {
        self.totals.truncated = true;
        let message = format!("the file ends early, and what stood behind its last row is not known: {why}");
        self.finding(Code::I110, Place::line(&self.detection.source, line), None, message)
    }
}
