//! One of those who read an export: what it makes of its lines, and what it tells whoever is done last.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::super::bind::{Cells, Taken, keep_first};
use super::super::cut::Cut;
use super::super::layout::{LineSink, Stretch};
use super::super::memo::Memo;
use super::super::styles::Styles;
use super::super::typed::{Faulty, Problem, Typist};
use super::super::unnamed::Unnamed;
use super::super::{Amounts, Detection, OtherLine, Record, Reject, UsageSink, serial};
use super::{ReadTotals, each_record};
use crate::finding::{self, Code, Finding, Place};
use crate::format::Column;
use crate::rate::{ExactSum, Small, plain};

/// The sum of a field since its file's last total row, and up to there.
#[derive(Clone, Copy)]
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

    /// Takes in rows that were added up elsewhere.
    fn add_all(&mut self, since: Option<ExactSum>) {
        self.since = added(self.since, since);
    }

    /// Takes in the sums of another reader. Only one of them has any: whose first row was that of the file.
    fn merge(&mut self, other: Self) {
        self.add_all(other.since);
        self.before = added(self.before, other.before);
    }

    /// A total row: over the file, and since the one before.
    fn total(&mut self) -> (Option<ExactSum>, Option<ExactSum>) {
        let since = self.since.replace(ExactSum::ZERO);
        self.before = added(self.before, since);
        (self.before, since)
    }
}

fn added(sum: Option<ExactSum>, more: Option<ExactSum>) -> Option<ExactSum> {
    let (mut sum, more) = sum.zip(more)?;
    sum.merge(more).ok().map(|()| sum)
}

/// A total row, and what the rows add up to that stand before it and behind the one before.
struct TotalRow {
    line: u64,
    /// It has a cell for each heading.
    aligned: bool,
    /// By summed field: what the row states, as text and number.
    stated: Vec<Option<(String, Decimal)>>,
    since: Vec<Option<ExactSum>>,
}

/// What the rows of a stretch add up to before which others read: what its total rows are held against is known once
/// all are read.
struct Summed {
    /// As [`Stretch`] has it.
    piece: u64,
    totals: Vec<TotalRow>,
    sums: Vec<FieldSum>,
}

/// What one of several readers of a file found.
pub struct Done {
    totals: ReadTotals,
    sums: Vec<FieldSum>,
    later: Vec<Summed>,
    stretches: Vec<Stretch>,
    unknown_words: BTreeSet<(String, String)>,
    unnamed: Unnamed,
}

/// Takes the lines of an export.
pub struct Reader<'d, 's> {
    detection: &'d Detection,
    typist: Typist<'d>,
    memo: Memo,
    /// For what else each row counts.
    others: Vec<(Typist<'d>, Memo)>,
    sink: &'s mut dyn UsageSink,
    totals: ReadTotals,
    /// Of the stretch at hand.
    sums: Vec<FieldSum>,
    /// The stretches before which others read, with the sums of the one before in place of their own.
    later: Vec<Summed>,
    /// The fields whose cells the sink wants beside each row.
    wanted: Vec<Option<usize>>,
    cut: Option<Cut>,
    unnamed: Unnamed,
}

impl<'d, 's> Reader<'d, 's> {
    /// For what each row counts, with a typist for each. `summed`: the fields that total rows are held against; `wanted`: those
    /// whose cells the sink wants.
    pub fn new(
        detection: &'d Detection,
        mut typists: impl Iterator<Item = (Typist<'d>, Memo)>,
        summed: &[usize],
        wanted: Vec<Option<usize>>,
        cut: Option<Cut>,
        sink: &'s mut dyn UsageSink,
    ) -> Self {
        let (typist, memo) = typists.next().expect("a table counts one thing at least");
        let others = typists.collect();
        let totals = ReadTotals { truncated: cut.is_some(), ..ReadTotals::default() };
        let mut sums: Vec<FieldSum> = Vec::new();
        for field in summed {
            if sums.iter().all(|sum| sum.field != *field) {
                sums.push(FieldSum::of(*field));
            }
        }
        let unnamed = Unnamed::of(detection);
        Self { detection, typist, memo, others, sink, totals, sums, later: Vec::new(), wanted, cut, unnamed }
    }
}

impl Reader<'_, '_> {
    /// Says what is to be said once of the file.
    pub fn begin(&mut self, styles: &Styles) -> anyhow::Result<()> {
        for (field, example) in styles.serials() {
            self.sink.finding(serial::finding(self.detection, field, example))?;
        }
        self.say_cut()
    }

    /// What was found, which is taken from here.
    pub fn done(&mut self, stretches: Vec<Stretch>) -> Done {
        // Each has its own sums, and what was added up before all of them is left.
        for later in self.later.iter_mut().rev() {
            std::mem::swap(&mut later.sums, &mut self.sums);
        }
        let mut unknown_words = std::mem::take(&mut self.typist.binding.unknown_words);
        for (other, _) in &mut self.others {
            unknown_words.append(&mut other.binding.unknown_words);
        }
        let truncated = self.totals.truncated;
        Done {
            totals: std::mem::replace(&mut self.totals, ReadTotals { truncated, ..ReadTotals::default() }),
            sums: self.take_sums(),
            later: std::mem::take(&mut self.later),
            stretches,
            unknown_words,
            unnamed: std::mem::replace(&mut self.unnamed, Unnamed::of(self.detection)),
        }
    }

    /// The sums of the stretch at hand; another begins.
    fn take_sums(&mut self) -> Vec<FieldSum> {
        let none = self.sums.iter().map(|sum| FieldSum::of(sum.field)).collect();
        std::mem::replace(&mut self.sums, none)
    }

    /// Takes over what one of the file's readers found, but for its stretches.
    pub fn take_over(&mut self, done: Done) -> Vec<Stretch> {
        let Done { totals, sums, later, stretches, unknown_words, unnamed } = done;
        self.totals.rows += totals.rows;
        self.totals.rejected += totals.rejected;
        self.totals.other_lines += totals.other_lines;
        self.totals.truncated |= totals.truncated;
        if totals.stated_total.is_some() {
            (self.totals.stated_total, self.totals.summed_total) = (totals.stated_total, totals.summed_total);
        }
        for (mine, others) in self.sums.iter_mut().zip(sums) {
            mine.merge(others);
        }
        self.later.extend(later);
        let words = &mut self.typist.binding.unknown_words;
        for word in unknown_words {
            keep_first(words, word);
        }
        self.unnamed.merge(unnamed);
        stretches
    }

    /// Holds the total rows against what stands before them, that stood behind rows which others read.
    pub fn conclude_totals(&mut self) -> anyhow::Result<()> {
        let mut later = std::mem::take(&mut self.later);
        later.sort_by_key(|summed| summed.piece);
        for Summed { totals, sums, .. } in later {
            for total in totals {
                self.sums.iter_mut().zip(&total.since).for_each(|(sum, since)| sum.add_all(*since));
                self.conclude_total(total)?;
            }
            self.sums.iter_mut().zip(sums).for_each(|(sum, others)| sum.add_all(others.since));
        }
        Ok(())
    }

    /// Compares what a total row says with what the rows add up to, over the file or since its last total.
    fn conclude_total(&mut self, total: TotalRow) -> anyhow::Result<()> {
        let mut reported = false;
        for (i, stated) in total.stated.into_iter().enumerate() {
            let field = self.sums[i].field;
            let (all, since) = self.sums[i].total();
            let Some((text, stated)) = stated.filter(|_| total.aligned) else { continue };
            let agrees = |sum: Option<ExactSum>| sum.is_some_and(|s| s == ExactSum::of(stated));
            let summed = if agrees(since) { since } else { all };
            if !reported {
                self.totals.stated_total = Some(stated);
                self.totals.summed_total = summed.and_then(|s| s.to_decimal().ok());
                reported = true;
            }
            if !agrees(all) && !agrees(since) {
                let message = format!(
                    "the file's total row states {} for {:?} and its rows add up to {}",
                    plain(stated),
                    self.detection.headings[field],
                    all.map_or_else(|| "more than can be held".to_string(), |s| s.to_string()),
                );
                let place = Place::cell(&self.detection.source, total.line, field as u64 + 1);
                self.finding(Code::I113, place, Some(text), message)?;
            }
        }
        Ok(())
    }

    /// Said once, and not of every row.
    fn say_cut(&mut self) -> anyhow::Result<()> {
        let Some(cut) = &self.cut else { return Ok(()) };
        let message = format!("the file ends early, so none of its rows is used: {}", cut.why);
        let place = Place::line(&self.detection.source, cut.line);
        self.finding(Code::I110, place, None, message)
    }

    pub fn read_records(&mut self, headings: &[String]) -> anyhow::Result<()> {
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

    pub fn finish(mut self) -> anyhow::Result<ReadTotals> {
        let unknown = std::mem::take(&mut self.typist.binding.unknown_words);
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

    fn total(&mut self, record: &Record) -> anyhow::Result<()> {
        self.totals.other_lines += 1;
        self.sink.other(record.line(), OtherLine::Total)?;
        let stated = |sum: &FieldSum| {
            let text = record.cell(sum.field).trim();
            let taken = Taken { text, field: Some(sum.field), kind: record.kind(sum.field) };
            Some((text.to_string(), self.typist.number_in(taken).ok()?))
        };
        let stated = self.sums.iter().map(stated).collect();
        let aligned = record.len() >= self.detection.headings.len();
        let mut total = TotalRow { line: record.line(), aligned, stated, since: Vec::new() };
        match self.later.last_mut() {
            None => self.conclude_total(total),
            Some(later) => {
                total.since = self.sums.iter_mut().map(|sum| sum.since.replace(ExactSum::ZERO)).collect();
                later.totals.push(total);
                Ok(())
            }
        }
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

    fn elsewhere(&mut self, piece: u64) -> anyhow::Result<()> {
        let sums = self.take_sums();
        self.later.push(Summed { piece, totals: Vec::new(), sums });
        Ok(())
    }
}
