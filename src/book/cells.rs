//! Reads the cells of one row of a small table into typed values. A cell that cannot be read is a finding at
//! its place; whether the row is usable without it, the caller says by asking for it as one or the other.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::config_file::nearest;
use super::trimmed;
use crate::finding::{Code, Finding, Place, Severity};
use crate::ingest::{DateFault, DecimalStyle, NumberFault, Table, TableRow, parse_date, parse_number};
use crate::rate::Currency;

/// One row, and what was found wrong with it so far.
pub(super) struct Cells<'t> {
    table: &'t Table,
    row: &'t TableRow,
    findings: &'t mut Vec<Finding>,
    usable: bool,
}

/// Words for yes and no, as PSAs and people write them.
pub(super) const FLAGS: &[(&str, bool)] = &[
    ("true", true),
    ("false", false),
    ("yes", true),
    ("no", false),
    ("1", true),
    ("0", false),
    ("y", true),
    ("n", false),
];

impl<'t> Cells<'t> {
    pub fn new(table: &'t Table, row: &'t TableRow, findings: &'t mut Vec<Finding>) -> Self {
        Self { table, row, findings, usable: true }
    }

    /// Whether every cell that matters could be read.
    pub fn usable(&self) -> bool {
        self.usable
    }

    pub fn text(&self, column: &str) -> &'t str {
        trimmed(self.table.cell(self.row, column))
    }

    pub fn owned(&self, column: &str) -> String {
        self.text(column).to_string()
    }

    /// `;`-separated values.
    pub fn list(&self, column: &str) -> Vec<String> {
        self.text(column).split(';').map(str::trim).filter(|t| !t.is_empty()).map(str::to_string).collect()
    }

    /// A value without which the row means nothing.
    pub fn required(&mut self, column: &str) -> &'t str {
        let text = self.text(column);
        if text.is_empty() {
            self.refuse(Code::I111, column, format!("the row has no {column}, and is left out"));
        }
        text
    }

    /// A value that people need but the arithmetic does not.
    pub fn named(&mut self, column: &str) -> String {
        let text = self.text(column);
        if text.is_empty() {
            self.note(Code::I111, column, format!("the row has no {column}"));
        }
        text.to_string()
    }

    /// A number that the row cannot be used without once it is given.
    pub fn number(&mut self, column: &str) -> Option<Decimal> {
        match number(self.text(column))? {
            Ok(value) => Some(value),
            Err((code, why)) => {
                self.refuse(code, column, format!("{column}: {why}; the row is left out"));
                None
            }
        }
    }

    /// A number the row is used without when it cannot be read: it is then unknown.
    pub fn unknown_if_bad(&mut self, column: &str) -> Option<Decimal> {
        match number(self.text(column))? {
            Ok(value) => Some(value),
            Err((code, why)) => {
                self.note(code, column, format!("{column}: {why}; it is taken as unknown"));
                None
            }
        }
    }

    /// A number without which the row means nothing; zero stands for it in a row that is left out.
    pub fn required_number(&mut self, column: &str) -> Decimal {
        if self.required(column).is_empty() { Decimal::ZERO } else { self.number(column).unwrap_or_default() }
    }

    pub fn date(&mut self, column: &str) -> Option<NaiveDate> {
        match date(self.text(column))? {
            Ok(value) => Some(value),
            Err((code, why)) => {
                self.refuse(code, column, format!("{column}: {why}; the row is left out"));
                None
            }
        }
    }

    /// A date without which the row means nothing.
    pub fn required_date(&mut self, column: &str) -> Option<NaiveDate> {
        if self.required(column).is_empty() { None } else { self.date(column) }
    }

    pub fn date_unknown_if_bad(&mut self, column: &str) -> Option<NaiveDate> {
        match date(self.text(column))? {
            Ok(value) => Some(value),
            Err((code, why)) => {
                self.note(code, column, format!("{column}: {why}; it is taken as unknown"));
                None
            }
        }
    }

    pub fn currency(&mut self, column: &str) -> Currency {
        Currency::parse(self.text(column)).unwrap_or_else(|| {
            let message = format!("{column} must be an ISO 4217 code, and the row is left out");
            self.refuse(Code::I118, column, message);
            Currency::NONE
        })
    }

    /// One of a list of words, in any case and with spaces, `-` or `_` between them; `default` if empty.
    pub fn word<T: Copy + PartialEq>(&mut self, column: &str, words: &[(&str, T)], default: T) -> T {
        let text = self.text(column);
        if text.is_empty() {
            return default;
        }
        let folded = text.to_lowercase().replace([' ', '-'], "_");
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == folded) {
            return *meant;
        }
        // Of words that mean the same, the first is the one to write.
        let named = |at: usize| !words[..at].iter().any(|(_, meant)| *meant == words[at].1);
        let allowed: Vec<&str> = (0..words.len()).filter(|at| named(*at)).map(|at| words[at].0).collect();
        // A tenant's own word is no slip of the pen.
        let (guess, way_out) = match self.table.way_out(column) {
            "" => {
                let near = nearest(&folded, &allowed);
                (near.map_or_else(String::new, |near| format!("did you mean {near:?}? ")), String::new())
            }
            way_out => (String::new(), format!("; {way_out}")),
        };
        let message = format!("{column} must be one of {}; {guess}the row is left out{way_out}", allowed.join(", "));
        self.refuse(Code::I111, column, message);
        default
    }

    pub fn flag(&mut self, column: &str, default: bool) -> bool {
        self.word(column, FLAGS, default)
    }

    /// Says what is wrong with a cell and makes the row unusable.
    pub fn refuse(&mut self, code: Code, column: &str, message: impl Into<String>) {
        self.usable = false;
        self.say(code, column, message.into(), Severity::Error);
    }

    /// Says what is wrong with a cell that the row can do without.
    pub fn note(&mut self, code: Code, column: &str, message: impl Into<String>) {
        self.say(code, column, message.into(), code.severity());
    }

    /// Says what is odd about a cell that the row does without in full.
    pub fn warn(&mut self, code: Code, column: &str, message: impl Into<String>) {
        self.say(code, column, message.into(), Severity::Warning);
    }

    fn say(&mut self, code: Code, column: &str, message: String, severity: Severity) {
        let text = self.text(column);
        let finding = Finding::new(code, message).at(self.table.place(self.row, column)).severity(severity);
        self.findings.push(if text.is_empty() { finding } else { finding.value(text) });
    }
}

/// The book's own tables write numbers with a decimal point; `None` for an empty cell.
fn number(text: &str) -> Option<Result<Decimal, (Code, NumberFault)>> {
    (!text.is_empty()).then(|| {
        parse_number(text, DecimalStyle::Point).map_err(|fault| {
            let code = if fault == NumberFault::LostPrecision { Code::I117 } else { Code::I105 };
            (code, fault)
        })
    })
}

/// A date that can be read in one way only; `None` for an empty cell.
fn date(text: &str) -> Option<Result<NaiveDate, (Code, DateFault)>> {
    (!text.is_empty()).then(|| match parse_date(text, None) {
        Ok(parsed) => Ok(parsed.date),
        Err(fault) => Err((if fault == DateFault::Ambiguous { Code::I107 } else { Code::I106 }, fault)),
    })
}

/// Whether a table has the columns without which none of its rows can be used; says which are missing.
pub(super) fn has_columns(table: &Table, required: &[&str], findings: &mut Vec<Finding>) -> bool {
    let missing: Vec<&str> =
        required.iter().copied().filter(|column| !table.columns.iter().any(|c| c == column)).collect();
    for column in &missing {
        let message = format!("the table has no column {column}, and nothing of it is used");
        findings.push(Finding::new(Code::I103, message).at(Place::file(table.source.clone())));
    }
    missing.is_empty()
}

/// Names columns that mean nothing here, with the one that was probably meant.
pub(super) fn report_unknown_columns(table: &Table, known: &[&str], findings: &mut Vec<Finding>) {
    for (index, column) in table.columns.iter().enumerate() {
        if column.is_empty() || known.contains(&column.as_str()) {
            continue;
        }
        let guess = nearest(column, known).map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        let field = table.rows.first().and_then(|row| row.fields.get(index)).copied().filter(|f| *f > 0);
        let place = Place::file(table.source.clone());
        let at = field.map_or_else(String::new, |f| format!(" (field {f})"));
        let message = format!("the column is not known and is not read{at}{guess}");
        findings.push(Finding::new(Code::I116, message).at(place).value(column.clone()).severity(Severity::Warning));
    }
}
