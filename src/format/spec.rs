//! The vocabulary of a format. A format is data: one TOML file says what a file is and how its cells
//! become canonical columns, and the built-in specs use nothing that a user's own spec could not.
//!
//! ```toml
//! id = "acme-usage"                  # stable name, as in controls.csv
//! provider = "Acme"                  # provider_name where no column gives one
//! version = "2026-01"                # of the knowledge, not of this program
//! source = "https://…"               # where the knowledge is from
//! notes = "…"                        # for people
//! fallback = false                   # true: tried only where no other format fits
//!
//! kind = "usage"                     # or clients, products, contracts, contract_lines, price_tiers;
//!                                    # a spec of several tables repeats all below under [[table]]
//! meter = "sum"                      # default rule: sum, max, last, average, prorated
//! identity = ["InvoiceLineId"]       # headings the vendor can never repeat with another meaning
//! exported = ["InvoiceDate"]         # headings of the export's own date, orders conflicting copies
//!
//! [recognise]                        # headings: case, spacing and punctuation do not matter, nor order
//! required = ["Tenant", ["Sku", "Part"]]   # all must be there; a list means any one of them
//! usual = ["Region"]                 # headings the format has: missing ones are reported as drift
//! optional = ["Tag*"]                # headings it may have; a trailing * means a family
//! versions = [{ version = "1.1", headings = ["New"] }, { version = "1.0" }]  # first with one present
//!
//! [read]
//! date_order = "mdy"                 # ymd, mdy, dmy; without it decided per column from the file
//! decimal = "point"                  # or comma; without it decided per column from the file
//! null_words = ["NULL"]              # cells that mean "empty"
//! neutralised = true                 # text that a spreadsheet would run stands behind a ', as in trueup's outputs
//! sheet = "Usage*"                   # in a workbook, only a sheet of this name; * and ? as patterns
//! within = "lines"                   # PSA tables, in JSON: rows are the objects of this list in each record of another
//!                                    # table of the format; the record's own values have headings like header/id
//! period_end = "inclusive"           # the last day, or "exclusive" (the default): the day after
//! period = "charge"                  # rows carry dates; "folder": the folder or file name says
//! exchange_rate = "Rate"             # heading (or several, the first that the file has) of what unit_cost is
//!                                    # multiplied by to be in the row's currency; empty is a rate of 1
//! require = ["account", "product", "quantity"]   # what a row must have; this is the default
//!
//! [columns]                          # canonical column = where it comes from
//! sku_id = "Sku"                     # a heading
//! quantity = ["Billable", "Qty"]     # the first that has a value in the row
//! metric = { constant = "assigned" }
//! line_id = { join = ["Invoice", "Line"], with = ":" }        # empty parts are left out
//! term = { heading = "Cycle", words = { "Annual*" = "P1Y" }, otherwise = "" }
//!                                    # words: whole cell, any case, * and ? as patterns, first fit wins;
//!                                    # with no `otherwise` a cell that fits none stands as it is
//! unit = { heading = "Code", split = ":", parts = [2, 3] }    # from the 2nd to the 3rd part ([4]: the 4th);
//!                                    # a cell with fewer is empty here; words compare with what is cut out
//! product_code = { heading = "BundleID", prefix = "bundle-" }  # put before a value, where two kinds of ids would meet
//! end_date = { heading = "End", unless = { heading = "Open", words = ["true"] } }  # passed over in such rows
//!
//! [[exclude]]                        # rows that count for nothing, and why
//! heading = "Billable"
//! words = ["0", "no"]
//! reason = "…"
//!
//! [[cost_only]]                      # rows whose cost counts and whose quantity does not, and why
//! heading = "Type"
//! words = ["prorate*"]
//! reason = "…"
//!
//! [totals]
//! labels = ["Grand total"]           # words of a total row beside the usual ones
//! ```

use super::{MeterRule, TableKind};

/// A format: what it is called, where the knowledge is from, and its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub id: String,
    /// `provider_name` of rows whose columns give none.
    pub provider: String,
    pub version: String,
    pub source: String,
    pub notes: String,
    /// Tried only where no other format fits.
    pub fallback: bool,
    /// A usage format has one table, a PSA format several.
    pub tables: Vec<TableSpec>,
    /// The TOML it was read from.
    pub text: String,
    /// The file of the user's own spec, `formats/x.toml`; `None` for a built-in one.
    pub file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    pub kind: TableKind,
    pub recognise: Recognise,
    pub read: Read,
    pub columns: Vec<ColumnRule>,
    /// Where a row counts several things: for each, the columns that it has instead. Every one has a quantity.
    pub each: Vec<Vec<ColumnRule>>,
    pub exclude: Vec<RowRule>,
    pub cost_only: Vec<RowRule>,
    /// Headings.
    pub identity: Vec<String>,
    /// Headings, the first with a value counts.
    pub exported: Vec<String>,
    pub meter: MeterRule,
    /// Words of a total row beside the usual ones.
    pub total_labels: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recognise {
    /// Each entry is a list of headings of which one must be there.
    pub required: Vec<Vec<String>>,
    pub usual: Vec<String>,
    pub optional: Vec<String>,
    pub versions: Vec<VersionRule>,
}

/// The format's version if any of `headings` is there, or if none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRule {
    pub version: String,
    pub headings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrderRule {
    Ymd,
    Mdy,
    Dmy,
}

impl DateOrderRule {
    pub const fn word(self) -> &'static str {
        match self {
            DateOrderRule::Ymd => "year, month, day",
            DateOrderRule::Mdy => "month, day, year",
            DateOrderRule::Dmy => "day, month, year",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalRule {
    Point,
    Comma,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodEnd {
    Inclusive,
    #[default]
    Exclusive,
}

/// What says which period a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodSource {
    /// The row's charge period.
    #[default]
    Charge,
    /// The folder or file name: the rows carry no dates.
    Folder,
}

/// What a usage row must have, else it is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// An account's id or name.
    Account,
    /// A SKU or a description.
    Product,
    /// A quantity, except on rows that carry cost alone.
    Quantity,
}

impl Needed {
    pub const fn word(self) -> &'static str {
        match self {
            Needed::Account => "account",
            Needed::Product => "product",
            Needed::Quantity => "quantity",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The name of the sheet in a workbook, as a pattern; without it, whichever sheet has the headings.
    pub sheet: Option<String>,
    /// In JSON, rows are the objects of this list within each record of another table of the format.
    pub within: Option<String>,
    pub date_order: Option<DateOrderRule>,
    pub decimal: Option<DecimalRule>,
    pub null_words: Vec<String>,
    /// Text that a spreadsheet would run stands behind a `'`, as in trueup's own outputs.
    pub neutralised: bool,
    pub period_end: PeriodEnd,
    pub period: PeriodSource,
    /// Headings of the rate that brings the unit cost into the row's currency, where it is stated in another; the first
    /// that the file has counts.
    pub exchange_rate: Vec<String>,
    pub require: Vec<Needed>,
}

/// Where a canonical column comes from: the first step that yields a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRule {
    pub name: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub from: From,
    /// What of the cell is meant, where not all of it is.
    pub parts: Option<Parts>,
    pub words: Vec<Word>,
    /// The value where no word fits; `None`: the text stands.
    pub otherwise: Option<String>,
    /// Put before a value.
    pub prefix: String,
    /// Rows in which the step is passed over.
    pub unless: Option<Unless>,
}

/// Rows in which `heading` has one of `words`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unless {
    pub heading: String,
    pub words: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    Heading(String),
    Constant(String),
    /// The non-empty cells, with a separator between.
    Join(Vec<String>, String),
}

/// Neighbouring parts of a cell that is a code of several (`P1Y:CFQ7TTC0LCHC:0002:1:`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub separator: String,
    /// 1-based, both included.
    pub first: usize,
    pub last: usize,
}

impl Parts {
    /// The parts with the separators between them; empty if the cell has fewer.
    pub fn of<'a>(&self, cell: &'a str) -> &'a str {
        let (mut start, mut at) = (None, 0);
        for (number, part) in (1..=self.last).zip(cell.split(self.separator.as_str())) {
            if number == self.first {
                start = Some(at);
            }
            if number == self.last {
                return start.map_or("", |start| cell[start..at + part.len()].trim());
            }
            at += part.len() + self.separator.len();
        }
        ""
    }
}

/// A word of the vendor and what it means. `*` and `?` in it make it a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub word: String,
    pub means: String,
}

/// Rows in which `heading` has one of `words` are treated apart, for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRule {
    pub heading: String,
    pub words: Vec<String>,
    pub reason: String,
}

/// A spec's word, ready to be compared with cells: whole cells, any case, `*` and `?` as patterns.
#[derive(Debug, Clone)]
pub enum WordPattern {
    Plain(String),
    Wild(wildmatch::WildMatch),
}

impl WordPattern {
    pub fn new(word: &str) -> Self {
        if word.contains(['*', '?']) {
            Self::Wild(wildmatch::WildMatch::new_case_insensitive(word))
        } else {
            Self::Plain(word.trim().to_lowercase())
        }
    }

    /// Whether a cell, trimmed, is this word.
    pub fn fits(&self, cell: &str) -> bool {
        match self {
            Self::Plain(word) if cell.is_ascii() => word.eq_ignore_ascii_case(cell),
            Self::Plain(word) => *word == cell.to_lowercase(),
            Self::Wild(pattern) => pattern.matches(cell),
        }
    }
}

impl Spec {
    /// The spec's only table, or the first of several.
    pub fn table(&self, index: usize) -> Option<&TableSpec> {
        self.tables.get(index)
    }

    /// Whether the format is of vendor usage, not of PSA data.
    pub fn is_usage(&self) -> bool {
        self.tables.iter().any(|t| t.kind == TableKind::Usage)
    }
}

impl TableSpec {
    pub fn column(&self, name: &str) -> Option<&ColumnRule> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// One table for each thing that a row counts: the table itself where that is one.
    #[must_use]
    pub fn counted(&self) -> Vec<TableSpec> {
        let one = |own: &Vec<ColumnRule>| {
            let mut columns = own.clone();
            columns.extend(self.columns.iter().filter(|c| own.iter().all(|o| o.name != c.name)).cloned());
            Self { columns, each: Vec::new(), ..self.clone() }
        };
        if self.each.is_empty() { vec![self.clone()] } else { self.each.iter().map(one).collect() }
    }

    /// Every heading or family of headings the table knows, each once: required, usual, optional and those read.
    pub fn known_headings(&self) -> Vec<&str> {
        let mut known: Vec<&str> = self.recognise.required.iter().flatten().map(String::as_str).collect();
        known.extend(self.recognise.usual.iter().map(String::as_str));
        known.extend(self.recognise.optional.iter().map(String::as_str));
        known.extend(self.bound_headings());
        let mut seen = std::collections::HashSet::new();
        known.retain(|h| seen.insert(if h.ends_with('*') { (*h).to_string() } else { super::normalise(h) }));
        known
    }

    /// Every heading that feeds a column or a rule.
    pub fn bound_headings(&self) -> Vec<&str> {
        let mut bound = Vec::new();
        for step in self.columns.iter().chain(self.each.iter().flatten()).flat_map(|c| &c.steps) {
            match &step.from {
                From::Heading(heading) => bound.push(heading.as_str()),
                From::Join(parts, _) => bound.extend(parts.iter().map(String::as_str)),
                From::Constant(_) => {}
            }
            bound.extend(step.unless.iter().map(|u| u.heading.as_str()));
        }
        bound.extend(self.exclude.iter().chain(&self.cost_only).map(|r| r.heading.as_str()));
        bound.extend(self.identity.iter().chain(&self.exported).chain(&self.read.exchange_rate).map(String::as_str));
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_whole_cells_in_any_case_and_patterns_the_rest() {
        assert!(WordPattern::new("monthly").fits("Monthly"));
        assert!(!WordPattern::new("month").fits("Monthly"));
        assert!(WordPattern::new("One-Year commitment*").fits("one-year commitment for monthly/yearly billing"));
        assert!(WordPattern::new("?*").fits("x"));
        assert!(!WordPattern::new("?*").fits(""));
        assert!(WordPattern::new("ÜBER").fits("über"));
        assert!(WordPattern::new("").fits(""));
    }

    #[test]
    fn parts_are_cut_out_of_a_code_and_a_shorter_code_has_none() {
        let parts = |first, last| Parts { separator: ":".into(), first, last };
        let code = "P1Y:CFQ7TTC0LCHC:0002:1:";
        assert_eq!(parts(2, 3).of(code), "CFQ7TTC0LCHC:0002");
        assert_eq!((parts(1, 1).of(code), parts(4, 4).of(code), parts(5, 5).of(code)), ("P1Y", "1", ""));
        assert_eq!(parts(6, 6).of(code), "");
        assert_eq!(parts(2, 3).of("DZH318Z0BPS6:0001"), "");
        assert_eq!(parts(1, 1).of(""), "");
        let dashes = Parts { separator: " - ".into(), first: 2, last: 2 };
        assert_eq!(dashes.of("Zoë - Søn"), "Søn");
    }
}
