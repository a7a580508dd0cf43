//! The head of a file as columns of values: which line holds the headings is judged by the words in it
//! and by how many lines below are as wide.

use std::collections::HashSet;
use std::path::Path;

use crate::format::normalise;
use crate::ingest::detect::{DELIMITERS, KEYED, TITLES};
use crate::ingest::parquet::{parquet_columns, read_parquet};
use crate::ingest::{
    DateFault, DecimalStyle, Dialect, Event, JsonEvent, Record, Rows, Shape, Survey, open_text, parse_date,
    parse_number, read_json,
};
use crate::rate::Currency;

/// How many rows of a text or sheet are looked at.
const ROWS: usize = 200;
/// How many lines below a heading row speak for it.
const BELOW: usize = 20;
/// Cells that mean "nothing" where numbers or dates stand.
const NOTHING: &[&str] = &["null", "n/a", "na", "none", "nil", "-"];

pub(super) struct Sample {
    /// Of delimited text.
    pub delimiter: Option<u8>,
    /// 0 where records name their values.
    pub header_line: u64,
    pub shape: Shape,
    /// The sheet's name, where the rows are of one.
    pub sheet: Option<String>,
    pub rows: usize,
    pub columns: Vec<SampleColumn>,
}

/// A heading with what stands below it.
pub(super) struct SampleColumn {
    pub heading: String,
    /// The heading has letters or digits and stands once, so a spec can name it.
    pub usable: bool,
    /// The filled cells.
    pub values: Vec<String>,
    /// Filled cells that mean "nothing".
    pub nothing: Vec<String>,
    pub kind: Looks,
}

/// What all values of a column can be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    Empty,
    Text,
    Number,
    Date,
    /// Eight digits.
    NumberOrDate,
    Currency,
}

impl Looks {
    pub fn number(self) -> bool {
        matches!(self, Looks::Number | Looks::NumberOrDate)
    }

    pub fn date(self) -> bool {
        matches!(self, Looks::Date | Looks::NumberOrDate)
    }
}

pub(super) fn take(path: &Path, survey: &Survey) -> anyhow::Result<Sample> {
    let (delimiter, header_line, headings, rows) = match survey.shape {
        Shape::Delimited | Shape::Sheet => laid_out(survey)?,
        Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope => json(path, survey)?,
        Shape::Parquet => parquet(path)?,
    };
    let mut seen = HashSet::new();
    let twice: HashSet<String> = headings.iter().map(|h| normalise(h)).filter(|h| !seen.insert(h.clone())).collect();
    let columns = headings.into_iter().enumerate().map(|(i, heading)| {
        let known = normalise(&heading);
        let cells = rows.iter().filter_map(|r| r.get(i)).filter(|c| !c.is_empty());
        SampleColumn::of(heading, !known.is_empty() && !twice.contains(&known), cells.cloned().collect())
    });
    let (shape, sheet) = (survey.shape, survey.sheet.as_ref().map(|s| s.name().to_string()));
    Ok(Sample { delimiter, header_line, shape, sheet, rows: rows.len(), columns: columns.collect() })
}

type Table = (Option<u8>, u64, Vec<String>, Vec<Vec<String>>);

fn laid_out(survey: &Survey) -> anyhow::Result<Table> {
    let mut best: Option<(usize, Table)> = None;
    let is_sheet = survey.sheet.is_some();
    for delimiter in if is_sheet { &DELIMITERS[..1] } else { DELIMITERS } {
        let records = records(survey, *delimiter);
        // A sheet's rows end with their last filled cell.
        let is_as_wide = |row: &[String], below: &[String]| {
            below.len() == row.len() || (is_sheet && below.len() > 1 && below.len() < row.len())
        };
        for (i, (line, cells)) in records.iter().enumerate().take(TITLES) {
            let labels: HashSet<String> =
                cells.iter().filter(|c| is_label(c)).map(|c| normalise(c)).filter(|c| !c.is_empty()).collect();
            let others = cells.iter().filter(|c| !c.is_empty()).count() - labels.len().min(cells.len());
            let below = records[i + 1..].iter().take(BELOW).filter(|(_, below)| is_as_wide(cells, below)).count();
            let score = labels.len().saturating_sub(2 * others) * (1 + below);
            if labels.len() > 1 && score > best.as_ref().map_or(0, |(score, _)| *score) {
                let rows = records[i + 1..].iter().filter(|(_, r)| r.iter().filter(|c| !c.is_empty()).count() > 1);
                let rows = rows.take(ROWS).map(|(_, cells)| cells.clone()).collect();
                let delimiter = (!is_sheet).then_some(*delimiter);
                best = Some((score, (delimiter, *line, cells.clone(), rows)));
            }
        }
    }
    best.map(|(_, table)| table).ok_or_else(|| anyhow::anyhow!("no line of the file's head looks like a heading row"))
}

/// The head's records, without one that the head may have cut.
fn records(survey: &Survey, delimiter: u8) -> Vec<(u64, Vec<String>)> {
    let whole = survey.head_is_whole || survey.sheet.is_some();
    let mut reader = Rows::of_head(survey, Dialect::of(delimiter));
    let mut record = Record::new();
    let mut found = Vec::new();
    while found.len() < TITLES + ROWS {
        match reader.next(&mut record) {
            Ok(Event::Record) => found.push((record.line(), record.iter().map(|c| c.trim().to_string()).collect())),
            Ok(Event::Blank | Event::Fault(_)) => {}
            Ok(Event::End) | Err(_) => {
                if !whole {
                    found.pop();
                }
                break;
            }
        }
    }
    found
}

/// A word, not a value.
fn is_label(cell: &str) -> bool {
    cell.chars().any(char::is_alphabetic) && !is_number(cell) && !is_date(cell) && cell.len() <= 80
}

/// Ends the reading of a file of which enough was seen.
#[derive(Debug, thiserror::Error)]
#[error("enough")]
struct Enough;

fn json(path: &Path, survey: &Survey) -> anyhow::Result<Table> {
    let (mut headings, mut rows): (Vec<String>, Vec<Vec<String>>) = (Vec::new(), Vec::new());
    let read = read_json(open_text(path, survey)?, survey.shape, &mut |event| {
        if let JsonEvent::Record(record) = event {
            let mut row = vec![String::new(); headings.len()];
            for (key, value) in record.fields {
                let at = headings.iter().position(|h| h == key).unwrap_or_else(|| {
                    headings.push(key.clone());
                    row.push(String::new());
                    headings.len() - 1
                });
                row[at] = value.trim().to_string();
            }
            rows.push(row);
        }
        if rows.len() == KEYED { Err(Enough.into()) } else { Ok(()) }
    });
    match read {
        Err(e) if !e.is::<Enough>() => Err(e),
        _ if headings.is_empty() => anyhow::bail!("the file has no records to draft a spec from"),
        _ => Ok((None, 0, headings, rows)),
    }
}

fn parquet(path: &Path) -> anyhow::Result<Table> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let headings = parquet_columns(path)?.names;
    let read = read_parquet(path, &mut |record| {
        rows.push(record.cells.iter().map(|c| c.trim().to_string()).collect());
        if rows.len() == KEYED { Err(Enough.into()) } else { Ok(()) }
    });
    match read {
        Err(e) if !e.is::<Enough>() => Err(e),
        Ok(Some((_, fault))) => Err(fault.into()),
        _ => Ok((None, 0, headings, rows)),
    }
}

impl SampleColumn {
    fn of(heading: String, usable: bool, filled: Vec<String>) -> Self {
        let is_nothing = |c: &String| NOTHING.iter().any(|n| n.eq_ignore_ascii_case(c));
        let (nothing, values): (Vec<String>, Vec<String>) = filled.iter().cloned().partition(is_nothing);
        let kind = looks(&values);
        if kind == Looks::Text || values.is_empty() {
            let kind = if filled.is_empty() { Looks::Empty } else { Looks::Text };
            return Self { heading, usable, values: filled, nothing: Vec::new(), kind };
        }
        Self { heading, usable, values, nothing, kind }
    }

    pub fn example(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }
}

fn looks(values: &[String]) -> Looks {
    let all = |is: fn(&str) -> bool| values.iter().all(|v| is(v));
    match (all(is_number), all(is_date)) {
        (true, true) => Looks::NumberOrDate,
        (true, false) => Looks::Number,
        (false, true) => Looks::Date,
        (false, false) if all(is_currency) => Looks::Currency,
        (false, false) => Looks::Text,
    }
}

fn is_number(text: &str) -> bool {
    [DecimalStyle::Point, DecimalStyle::Comma].iter().any(|style| parse_number(text, *style).is_ok())
}

fn is_date(text: &str) -> bool {
    matches!(parse_date(text, None), Ok(_) | Err(DateFault::Ambiguous))
}

fn is_currency(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase()) && Currency::parse(text).is_some_and(|c| !c.is_none())
}
