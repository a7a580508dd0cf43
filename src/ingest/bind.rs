//! A spec bound to the headings of one file: for every canonical column, the fields it comes from. It is
//! worked out once per file, so that reading a row looks up nothing by name and allocates nothing.

use std::collections::{BTreeSet, HashMap};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::seen::{Nulls, Seen, Uses};
use super::{CellKind, Record};
use crate::format::{Column, ColumnKind, From, Parts, RowRule, Step, TableSpec, Unless, Word, WordPattern, normalise};

/// How many distinct cells a word list remembers before it judges each anew.
const REMEMBERED: usize = 4096;
/// How many unknown words are named.
const NAMED: usize = 20;

/// The cells of a row by heading; a row that lacks one has it empty.
pub(super) trait Cells {
    fn cell(&self, field: usize) -> &str;

    fn bytes(&self, field: usize) -> &[u8] {
        self.cell(field).as_bytes()
    }

    /// What the source says the cell is.
    fn kind(&self, _field: usize) -> CellKind {
        CellKind::Text
    }

    /// Whether any cell may be other than text.
    fn is_typed(&self) -> bool {
        false
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

    fn bytes(&self, field: usize) -> &[u8] {
        Record::bytes(self, field)
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
    /// Of the row last prepared.
    identity_print: Option<u128>,
    pub unknown_words: BTreeSet<(String, String)>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct BoundColumn {
    name: String,
    steps: Vec<BoundStep>,
    /// Needs no words, cutting or joining: the value is a cell.
    plain: bool,
    /// The value where it is not a cell.
    text: String,
    /// Where the value stands; where there is none, the field that would have it.
    field: Option<usize>,
    kind: CellKind,
}

#[derive(Debug)]
struct BoundStep {
    from: BoundFrom,
    parts: Option<Parts>,
    words: Vec<Word>,
    otherwise: Option<String>,
    prefix: String,
    unless: Option<BoundRule>,
    remembered: HashMap<String, Fits>,
}

#[derive(Debug)]
enum BoundFrom {
    Field(usize),
    Constant(String),
    Join(Vec<usize>, String),
}

/// What a word list says of a cell.
#[derive(Debug, Clone, Copy)]
enum Fits {
    Word(usize),
    Otherwise,
    Itself,
}

#[derive(Debug)]
struct BoundRule {
    /// Its place among the rules of the format.
    number: usize,
    field: usize,
    words: Vec<WordPattern>,
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
        let nulls = Nulls { words: table.read.null_words.clone(), neutralised: table.read.neutralised };
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
        Self {
            columns,
            ids,
            used,
            exclude,
            cost_only,
            identity: identity.filter(|fields| !fields.is_empty()),
            exported,
            rate,
            seen,
            format_id,
            identity_print: None,
            unknown_words: BTreeSet::new(),
            buffer: Vec::new(),
        }
    }

    /// Nobody asks for the fingerprint of a whole row.
    pub fn without_prints(&mut self) {
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
        let changed = self.seen.look(cells);
        if changed == Uses::NONE {
            return changed;
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            if changed.has(Uses::column(index)) && !column.is_settled() {
                column.work_out(&self.seen, &mut self.unknown_words);
            }
        }
        if changed.has(Uses::IDENTITY) {
            self.identity_print = self.identity_of();
        }
        changed
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

    fn identity_of(&mut self) -> Option<u128> {
        let fields = self.identity.as_ref()?;
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.format_id.to_le_bytes());
        for field in fields {
            let text = self.seen.value(*field);
            if text.is_empty() {
                return None;
            }
            push(&mut self.buffer, text);
        }
        Some(xxh3_128(&self.buffer))
    }

    /// The fingerprint of every non-empty cell of the row last prepared with its heading, whatever the order of
    /// the columns.
    pub fn whole(&self) -> u128 {
        self.seen.whole()
    }
}

/// A text with its length before it, so that no two lists of texts look alike.
pub(super) fn push(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

impl BoundColumn {
    fn new(name: &str, steps: &[Step], find: &impl Fn(&str) -> Option<usize>) -> Self {
        let steps: Vec<BoundStep> = steps.iter().filter_map(|s| BoundStep::new(s, find)).collect();
        let is_cell = |s: &BoundStep| {
            let whole = s.words.is_empty() && s.parts.is_none() && s.prefix.is_empty() && s.unless.is_none();
            matches!(s.from, BoundFrom::Field(_)) && whole
        };
        let plain = steps.iter().all(is_cell);
        let field = steps.first().and_then(|s| s.fields().first().copied());
        Self { name: name.to_string(), steps, plain, text: String::new(), field, kind: CellKind::Text }
    }

    fn fields(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps.iter().flat_map(|step| step.fields().iter().copied())
    }

    /// Of a single cell it does not change where the value stands.
    fn is_settled(&self) -> bool {
        self.plain && self.steps.len() < 2
    }

    /// The value of the row last looked at: that of the first step that has one.
    fn work_out(&mut self, seen: &Seen, unknown_words: &mut BTreeSet<(String, String)>) {
        if self.plain {
            let mut fields = self.steps.iter().flat_map(BoundStep::fields).copied();
            let filled = fields.clone().find(|field| !seen.value(*field).is_empty());
            self.field = filled.or(fields.next());
            return;
        }
        self.text.clear();
        (self.field, self.kind) = (None, CellKind::Text);
        for step in &mut self.steps {
            if step.unless.as_ref().is_some_and(|u| u.fits(seen)) {
                continue;
            }
            let start = self.text.len();
            match &step.from {
                BoundFrom::Field(field) => {
                    let field = *field;
                    let text = seen.value(field);
                    let text = step.parts.as_ref().map_or(text, |parts| parts.of(text));
                    self.kind = CellKind::Text;
                    let value = if step.words.is_empty() {
                        // A part of a cell is text, whatever the cell is.
                        if step.parts.is_none() {
                            self.kind = seen.kind(field);
                        }
                        text
                    } else {
                        match step.fits(text) {
                            Fits::Word(i) => step.words[i].means.as_str(),
                            Fits::Otherwise => step.otherwise.as_deref().unwrap_or_default(),
                            Fits::Itself => {
                                if !text.is_empty() && unknown_words.len() < NAMED {
                                    unknown_words.insert((self.name.clone(), text.to_string()));
                                }
                                text
                            }
                        }
                    };
                    self.text.push_str(value);
                    self.field = Some(field);
                }
                BoundFrom::Constant(constant) => {
                    self.text.push_str(constant);
                    (self.field, self.kind) = (None, CellKind::Text);
                }
                BoundFrom::Join(fields, with) => {
                    for field in fields {
                        let part = seen.value(*field);
                        if !part.is_empty() && self.text.len() > start {
                            self.text.push_str(with);
                        }
                        self.text.push_str(part);
                    }
                    (self.field, self.kind) = (fields.first().copied(), CellKind::Text);
                }
            }
            if !self.text.is_empty() {
                if !step.prefix.is_empty() {
                    self.text.insert_str(0, &step.prefix);
                    self.kind = CellKind::Text;
                }
                break;
            }
        }
    }
}

impl BoundStep {
    fn fields(&self) -> &[usize] {
        match &self.from {
            BoundFrom::Field(field) => std::slice::from_ref(field),
            BoundFrom::Join(fields, _) => fields,
            BoundFrom::Constant(_) => &[],
        }
    }

    fn new(step: &Step, find: &impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let from = match &step.from {
            From::Heading(heading) => BoundFrom::Field(find(heading)?),
            From::Constant(constant) => BoundFrom::Constant(constant.clone()),
            From::Join(parts, with) => {
                let fields: Vec<usize> = parts.iter().filter_map(|p| find(p)).collect();
                if fields.is_empty() {
                    return None;
                }
                BoundFrom::Join(fields, with.clone())
            }
        };
        let bound = |u: &Unless| BoundRule::new(0, &u.heading, &u.words, find);
        Some(Self {
            from,
            parts: step.parts.clone(),
            words: step.words.clone(),
            otherwise: step.otherwise.clone(),
            prefix: step.prefix.clone(),
            unless: step.unless.as_ref().and_then(bound),
            remembered: HashMap::new(),
        })
    }

    fn fits(&mut self, text: &str) -> Fits {
        if let Some(fits) = self.remembered.get(text) {
            return *fits;
        }
        let fits = match self.words.iter().position(|w| WordPattern::new(&w.word).fits(text)) {
            Some(i) => Fits::Word(i),
            None if self.otherwise.is_some() => Fits::Otherwise,
            None => Fits::Itself,
        };
        if self.remembered.len() < REMEMBERED {
            self.remembered.insert(text.to_string(), fits);
        }
        fits
    }
}

impl BoundRule {
    fn new(number: usize, heading: &str, words: &[String], find: &impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let words = words.iter().map(|w| WordPattern::new(w)).collect();
        find(heading).map(|field| Self { number, field, words })
    }

    fn fits(&self, seen: &Seen) -> bool {
        let cell = seen.text(self.field).trim();
        self.words.iter().any(|w| w.fits(cell))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::parse_spec;

    fn binding(headings: &[&str]) -> Binding {
        let spec = parse_spec(
            "id = \"acme\"\nkind = \"usage\"\nidentity = [\"Line\"]\n[recognise]\nrequired = [\"Tenant\"]\n\
             [read]\nnull_words = [\"NULL\"]\n[columns]\n\
             sub_account_id = [\"Tenant\", \"Payer\"]\nsku_id = { join = [\"Product\", \"Sku\"], with = \":\" }\n\
             term = [{ heading = \"Term\", words = { \"Month*\" = \"P1M\" } }, { constant = \"P1Y\" }]\n\
             [[exclude]]\nheading = \"Billable\"\nwords = [\"no\"]\nreason = \"free\"\n",
        )
        .expect("a spec");
        let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
        Binding::new("acme", &spec.tables[0], &headings, &["sub_account_id", "sku_id", "term", "cost"])
    }

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    const HEADINGS: &[&str] = &["TENANT", "Payer", "Sku", "Product", "Term", "Billable", "Line"];

    #[test]
    fn the_first_cell_with_a_value_counts_and_null_words_are_none() {
        let mut b = binding(HEADINGS);
        let cells = row(&["null", " p1 ", "0001", "CFQ", "", "", ""]);
        b.prepare(&cells);
        assert_eq!(b.take(0), Taken::text("p1", Some(1)));
        assert_eq!(b.take(1).text, "CFQ:0001");
        assert_eq!(b.take(3), Taken::text("", None));
    }

    #[test]
    fn words_are_translated_and_unknown_ones_stand_and_are_named() {
        let mut b = binding(HEADINGS);
        for (cell, term) in [("monthly", "P1M"), ("Weekly", "Weekly"), ("", "P1Y"), ("MONTH to month", "P1M")] {
            let cells = row(&["t", "", "", "", cell, "", ""]);
            b.prepare(&cells);
            assert_eq!(b.take(2).text, term, "{cell}");
        }
        assert_eq!(b.unknown_words.iter().collect::<Vec<_>>(), [&("term".to_string(), "Weekly".to_string())]);
    }

    #[test]
    fn a_part_of_a_code_is_cut_out_and_a_shorter_code_is_left_to_the_next_step() {
        let spec = parse_spec(
            "id = \"acme\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Code\"]\n[columns]\n\
             sku_id = [{ heading = \"Code\", split = \":\", parts = [2, 3] }, \"Code\"]\n\
             term = { heading = \"Code\", split = \":\", parts = [1], words = { \"P1?\" = \"year or month\" }, otherwise = \"\" }\n",
        )
        .expect("a spec");
        let mut b = Binding::new("acme", &spec.tables[0], &["Code".to_string()], &["sku_id", "term"]);
        for (cell, sku, term) in [(" P1Y:CFQ:0002:1: ", "CFQ:0002", "year or month"), ("DZH:0001", "DZH:0001", "")] {
            let cells = row(&[cell]);
            b.prepare(&cells);
            assert_eq!((b.take(0).text, b.take(1).text), (sku, term), "{cell}");
            assert_eq!(b.take(0).field, Some(0));
        }
    }

    #[test]
    fn an_empty_part_of_a_join_leaves_no_separator() {
        let mut b = binding(HEADINGS);
        let cells = row(&["t", "", "", "CFQ", "", "", ""]);
        b.prepare(&cells);
        assert_eq!(b.take(1).text, "CFQ");
    }

    #[test]
    fn the_whole_fingerprint_does_not_see_column_order_or_padding_and_sees_every_cell() {
        let mut a = binding(&["Tenant", "Region"]);
        let mut b = binding(&["Region", "Tenant"]);
        let whole = |binding: &mut Binding, cells: &[&str]| {
            binding.prepare(&row(cells));
            binding.whole()
        };
        assert_eq!(whole(&mut a, &["t", "eu"]), whole(&mut b, &[" eu ", "t"]));
        assert_ne!(whole(&mut a, &["t", "eu"]), whole(&mut a, &["t", "us"]));
        assert_ne!(whole(&mut a, &["t", "eu"]), whole(&mut a, &["eu", "t"]));
    }

    #[test]
    fn identity_needs_every_cell() {
        let identity = |binding: &mut Binding, cells: &[&str]| {
            binding.prepare(&row(cells));
            binding.identity()
        };
        let mut b = binding(HEADINGS);
        assert_eq!(identity(&mut b, &["t", "", "", "", "", "", " "]), None);
        let one = identity(&mut b, &["t", "", "", "", "", "", "L1"]);
        assert!(one.is_some());
        assert_eq!(one, identity(&mut b, &["u", "", "", "", "", "", "L1 "]));
        assert_eq!(identity(&mut binding(&["Tenant"]), &["t"]), None);
    }

    #[test]
    fn row_rules_compare_whole_cells_in_any_case() {
        let mut b = binding(HEADINGS);
        for (cell, excluded) in [("NO", true), ("none", false), (" no", true)] {
            b.prepare(&row(&["t", "", "", "", "", cell, ""]));
            assert_eq!(b.is_excluded(), excluded, "{cell}");
        }
    }
}
