//! A spec bound to the headings of one file: for every canonical column, the fields it comes from. It is
//! worked out once per file, so that reading a row looks up nothing by name and allocates nothing.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

pub use self::steps::keep_first;
use self::steps::{BoundColumn, BoundFrom, BoundRule, BoundStep};
use super::record::Span;
use super::seen::{Nulls, Seen, Take, Uses, Ways};
use super::{CellKind, Record};
use crate::format::{Column, ColumnKind, RowRule, TableSpec, normalise};

mod steps;
#[cfg(test)]
mod tests;

/// The cells of a row by heading; a row that lacks one has it empty.
pub(super) trait Cells {
    fn cell(&self, field: usize) -> &str;

    /// What the source says the cell is.
    fn kind(&self, _field: usize) -> CellKind {
        CellKind::Text
    }

    /// Whether any cell may be other than text.
    fn is_typed(&self) -> bool {
        false
    }

    /// Puts the cells into `text`, and where each stands there into `parts`, as many as there are. Whether they stand
    /// there one behind another.
    fn copy(&self, text: &mut String, parts: &mut [Span]) -> bool {
        text.clear();
        for (field, part) in parts.iter_mut().enumerate() {
            let start = text.len();
            text.push_str(self.cell(field));
            *part = Span::new(start, text.len());
        }
        true
    }
}

impl Cells for Record {
    fn kind(&self, field: usize) -> CellKind {
        Record::kind(self, field)
    }

    fn is_typed(&self) -> bool {
        !self.kinds.is_empty()
    }

    fn cell(&self, field: usize) -> &str {
        self.get(field).unwrap_or_default()
    }

    #[inline]
    fn copy(&self, text: &mut String, parts: &mut [Span]) -> bool {
        text.clear();
        text.push_str(&self.text);
        let there = parts.len().min(self.spans.len());
        let (filled, missing) = parts.split_at_mut(there);
        filled.copy_from_slice(&self.spans[..there]);
        missing.fill(Span::default());
        missing.is_empty() && self.text.len() == self.raw
    }
}

/// A row of a JSON file, its values placed by heading.
impl Cells for Vec<String> {
    fn cell(&self, field: usize) -> &str {
        self.get(field).map_or("", String::as_str)
    }
}

/// A value and the field it comes from, if it comes from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken<'a> {
    pub text: &'a str,
    pub field: Option<usize>,
    pub kind: CellKind,
}

impl<'a> Taken<'a> {
    /// A text that stands in a field.
    pub fn text(text: &'a str, field: Option<usize>) -> Self {
        Self { text, field, kind: CellKind::Text }
    }
}

#[derive(Debug)]
pub(super) struct Binding {
    columns: Vec<BoundColumn>,
    /// The columns whose value may stand elsewhere in each row.
    unsettled: Vec<usize>,
    /// Per column, the field that has its value as it stands, if one does.
    at: Vec<Option<u32>>,
    exclude: Vec<BoundRule>,
    cost_only: Vec<BoundRule>,
    /// `None` if the format names no identity, or the file lacks one of its headings.
    identity: Option<Vec<usize>>,
    pub exported: Vec<usize>,
    /// The field of the rate that the unit cost is charged at.
    pub rate: Option<usize>,
    /// Fields that hold ids, which spreadsheets spoil.
    pub ids: Vec<usize>,
    /// Fields that anything is taken from.
    used: Vec<usize>,
    seen: Seen,
    format_id: u64,
    /// Of each of its cells, if it is filled.
    identity_prints: Vec<Option<u128>>,
    /// Of the row last prepared.
    identity_print: Option<u128>,
    pub unknown_words: BTreeSet<(String, String)>,
}

impl Binding {
    /// Binds a table's columns to headings; a column of which no heading is there has no value in this file.
    /// `columns` are the canonical columns wanted, in the order in which [`Binding::take`] counts them.
    pub fn new(format_id: &str, table: &TableSpec, headings: &[String], columns: &[&str]) -> Self {
        let normalised: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
        let find = |heading: &str| {
            let wanted = normalise(heading);
            normalised.iter().position(|h| *h == wanted)
        };
        let bound = columns.iter().map(|name| {
            let rule = table.column(name);
            BoundColumn::new(name, rule.map_or(&[], |r| r.steps.as_slice()), &find)
        });
        let rules = |rules: &[RowRule]| -> Vec<BoundRule> {
            let bound = |(number, r): (usize, &RowRule)| BoundRule::new(number, &r.heading, &r.words, &find);
            rules.iter().enumerate().filter_map(bound).collect()
        };
        let columns: Vec<BoundColumn> = bound.collect();
        let is_id = |c: &&BoundColumn| c.name.ends_with("_id");
        let mut ids: Vec<usize> = columns.iter().filter(is_id).flat_map(BoundColumn::fields).collect();
        ids.sort_unstable();
        ids.dedup();
        let identity: Option<Vec<usize>> = table.identity.iter().map(|h| find(h)).collect();
        let (exclude, cost_only) = (rules(&table.exclude), rules(&table.cost_only));
        let exported: Vec<usize> = table.exported.iter().filter_map(|h| find(h)).collect();
        let rate = table.read.exchange_rate.iter().find_map(|h| find(h));
        let mut used: Vec<usize> = columns.iter().flat_map(BoundColumn::fields).collect();
        used.extend(exclude.iter().chain(&cost_only).map(|r| r.field));
        used.extend(identity.iter().flatten().chain(&exported));
        used.sort_unstable();
        used.dedup();
        let format_id = xxh3_64(format_id.as_bytes());
        let nulls = Nulls::new(table.read.null_words.clone(), table.read.neutralised);
        let mut seen = Seen::new(&normalised, nulls, format_id);
        for (index, column) in columns.iter().enumerate() {
            let asked = column.steps.iter().filter_map(|s| s.unless.as_ref().map(|u| u.field));
            seen.uses(&column.fields().chain(asked).collect::<Vec<_>>(), Uses::column(index));
        }
        seen.uses(&exclude.iter().chain(&cost_only).map(|r| r.field).collect::<Vec<_>>(), Uses::RULES);
        seen.uses(identity.as_deref().unwrap_or_default(), Uses::IDENTITY);
        seen.uses(&exported, Uses::EXPORTED);
        seen.uses(rate.as_slice(), Uses::RATE);
        for field in &ids {
            seen.is_id(*field);
        }
        let unsettled: Vec<usize> = (0..columns.len()).filter(|c| !columns[*c].is_settled()).collect();
        let at = columns.iter().map(BoundColumn::cell).collect();
        Self {
            columns,
            unsettled,
            at,
            ids,
            used,
            exclude,
            cost_only,
            identity_prints: vec![None; identity.as_ref().map_or(0, Vec::len)],
            identity: identity.filter(|fields| !fields.is_empty()),
            exported,
            rate,
            seen,
            format_id,
            identity_print: None,
            unknown_words: BTreeSet::new(),
        }
    }

    /// Nobody asks for a row's fingerprints.
    pub fn without_prints(&mut self) {
        self.identity = None;
        self.seen.without_prints();
    }

    /// The first cell of those needed that holds what a spreadsheet shows where a formula fails.
    pub fn error_cell(&self, cells: &impl Cells) -> Option<usize> {
        let is_error = |field: &&usize| cells.kind(**field) == CellKind::Error;
        if cells.is_typed() { self.used.iter().find(is_error).copied() } else { None }
    }

    /// The fields that feed a column.
    pub fn fields(&self, column: usize) -> impl Iterator<Item = usize> + '_ {
        self.columns[column].fields()
    }

    /// Whether anything of this file feeds a column.
    pub fn feeds(&self, column: usize) -> bool {
        !self.columns[column].steps.is_empty()
    }

    /// Whether a row states anything for a column: a cell of it is filled, or no cell is asked.
    pub fn states(&self, column: usize, cells: &impl Cells) -> bool {
        let is_filled = |field: &usize| !self.clean(cells.cell(*field)).is_empty();
        let states = |step: &BoundStep| step.fields().iter().any(is_filled) || step.fields().is_empty();
        self.columns[column].steps.iter().any(states)
    }

    /// The cell trimmed, and empty if it is a word that means so.
    pub fn clean<'a>(&self, cell: &'a str) -> &'a str {
        self.seen.clean(cell)
    }

    /// Takes a row, to be called once for each before anything is asked of it. Returns what has changed since
    /// the row before.
    pub fn prepare(&mut self, cells: &impl Cells) -> Uses {
        self.prepare_with(cells, &mut ())
    }

    /// The same, showing each value that changed to `taker` while it is at hand.
    #[inline]
    pub fn prepare_with(&mut self, cells: &impl Cells, taker: &mut impl Take) -> Uses {
        let changed = self.seen.look(cells, taker);
        if changed != Uses::NONE {
            self.renew(changed);
        }
        // What has an identity is told by it.
        if self.identity_print.is_none() {
            self.seen.settle();
        }
        changed
    }

    /// Works out what has changed.
    fn renew(&mut self, changed: Uses) {
        for index in self.unsettled.iter().copied().filter(|i| changed.has(Uses::column(*i))) {
            let column = &mut self.columns[index];
            column.work_out(&self.seen, &mut self.unknown_words);
            self.at[index] = column.cell();
        }
        if changed.has(Uses::IDENTITY) {
            self.identity_print = self.identity_of();
        }
    }

    /// The value of a column in the row last prepared.
    #[inline]
    pub fn take(&self, column: usize) -> Taken<'_> {
        let column = &self.columns[column];
        match column.field {
            Some(field) if column.plain => {
                Taken { text: self.seen.value(field), field: Some(field), kind: self.seen.kind(field) }
            }
            field => Taken { text: &column.text, field, kind: column.kind },
        }
    }

    /// The text of [`Binding::take`] alone.
    #[inline]
    pub fn text(&self, column: usize) -> &str {
        match self.at[column] {
            Some(field) => self.seen.value(field as usize),
            None => &self.columns[column].text,
        }
    }

    /// [`Binding::text`] without asking where its characters begin.
    #[inline]
    pub fn bytes(&self, column: usize) -> &[u8] {
        match self.at[column] {
            Some(field) => self.seen.bytes(field as usize),
            None => self.columns[column].text.as_bytes(),
        }
    }

    #[inline]
    pub fn has_text(&self, column: usize) -> bool {
        match self.at[column] {
            Some(field) => self.seen.has_value(field as usize),
            None => !self.columns[column].text.is_empty(),
        }
    }

    /// The field that has a column's value as it stands in every row.
    pub fn settled(&self, column: usize) -> Option<usize> {
        self.at[column].filter(|_| !self.unsettled.contains(&column)).map(|field| field as usize)
    }

    /// The field that has a column's value as it stands, and what it is.
    #[inline]
    pub fn cell(&self, column: usize) -> Option<(usize, CellKind)> {
        self.at[column].map(|field| (field as usize, self.seen.kind(field as usize)))
    }

    /// How the file writes numbers and days: [`Binding::whole`] has them by what they say.
    pub fn is_written(&mut self, ways: Ways) {
        self.seen.is_written(ways);
    }

    /// A field of which [`Binding::whole`] says nothing: its value is told beside it.
    pub fn is_told(&mut self, field: usize) {
        self.seen.is_told(field);
    }

    /// The value of a field in one word, and its length, if it is as short.
    #[inline]
    pub fn short(&self, field: usize) -> Option<(u128, usize)> {
        self.seen.short(field)
    }

    /// The value of a field in the row last prepared.
    pub fn value(&self, field: usize) -> Taken<'_> {
        Taken { text: self.seen.value(field), field: Some(field), kind: self.seen.kind(field) }
    }

    /// Whether an id of the row last prepared has lost its digits.
    pub fn has_cut_ids(&self) -> bool {
        self.seen.has_cut_ids()
    }

    /// Whether a column's value, where it comes from that field, is several cells joined.
    pub fn is_joined(&self, column: usize, field: usize) -> bool {
        let joins = |s: &BoundStep| matches!(&s.from, BoundFrom::Join(fields, _) if fields.first() == Some(&field));
        self.columns[column].steps.iter().any(joins)
    }

    pub fn is_excluded(&self) -> bool {
        self.exclude.iter().any(|r| r.fits(&self.seen))
    }

    /// The rule that leaves the row last prepared out, by its number, and the field that says so.
    pub fn excluded_by(&self) -> Option<(usize, usize)> {
        self.exclude.iter().find(|r| r.fits(&self.seen)).map(|r| (r.number, r.field))
    }

    pub fn is_cost_only(&self) -> bool {
        self.cost_only.iter().any(|r| r.fits(&self.seen))
    }

    /// The fingerprint of the identity cells of the row last prepared, if the format names some and all are filled.
    pub fn identity(&self) -> Option<u128> {
        self.identity_print
    }

    /// A sum over its cells, so that only those that changed are gone through.
    fn identity_of(&mut self) -> Option<u128> {
        let (mut all, mut is_whole) = (u128::from(self.format_id), true);
        for ((field, print), nth) in self.identity.as_ref()?.iter().zip(&mut self.identity_prints).zip(1..) {
            if self.seen.differs(*field) {
                let value = self.seen.bytes(*field);
                *print = if value.is_empty() { None } else { Some(xxh3_128_with_seed(value, nth)) };
            }
            match print {
                Some(print) => all = all.wrapping_add(*print),
                None => is_whole = false,
            }
        }
        is_whole.then_some(all)
    }

    /// The fingerprint of every non-empty cell of the row last prepared with its heading, whatever the order of
    /// the columns, but for the fields that are told beside it. Of a row with an identity it says nothing.
    pub fn whole(&self) -> u128 {
        self.seen.whole()
    }
}

/// The canonical usage columns, in the order of [`Column::ALL`]: what [`Binding::new`] takes for usage.
pub(super) fn usage_columns() -> Vec<&'static str> {
    Column::ALL.iter().map(|c| c.name()).collect()
}

/// The usage columns of a kind.
pub(super) fn columns_of(kind: ColumnKind) -> impl Iterator<Item = usize> {
    Column::ALL.iter().filter(move |c| c.kind() == kind).map(|c| *c as usize)
}
