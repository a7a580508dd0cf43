//! Small tables read whole: PSA data by its format, and the book's own files (mappings, decisions) by
//! their column names. What is billed by is read whole or refused with every place.

use std::path::Path;

use super::bind::{Binding, Cells, Taken};
use super::detect::head_rows;
use super::escape::shown_escape;
use super::export::{each_record, every_heading, learn};
use super::layout::{Layout, LineSink, Lines};
use super::styles::Styles;
use super::typed::{ERROR_CELL, Problem};
use super::unnamed::Unnamed;
use super::{Detection, Dialect, OtherLine, Record, Shape, Table, TableRow, serial, survey};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::{ColumnRule, From, RowRule, TableKind, closest, normalise};
use crate::rate::{iso_date, plain};

/// Reads a table of a PSA format. Numbers and dates that read for certain come out as plain decimals and
/// ISO dates; others stand as they are, for the reader of the cell to refuse at its place. A line that
/// is no row refuses the table.
pub fn read_table(detection: &Detection) -> Result<Table, Vec<Finding>> {
    let spec_table = detection.table();
    let names = spec_table.kind.columns();
    let headings = if detection.is_laid_out() { detection.headings.clone() } else { every_heading(detection) };
    let binding = Binding::new(&detection.spec.id, spec_table, &headings, &names);
    let of = |is: fn(&str) -> bool| -> Vec<usize> {
        let columns = names.iter().enumerate().filter(|(_, name)| is(name));
        columns.flat_map(|(i, _)| binding.fields(i).collect::<Vec<_>>()).collect()
    };
    let (numbers, dates) = (of(TableKind::is_number), of(TableKind::is_date));
    let layout = Layout::small(&headings);
    let unreadable =
        |e: anyhow::Error| vec![Finding::new(Code::I101, e.to_string()).at(Place::file(&detection.source))];
    let styles = learn(detection, &layout, &headings, &numbers, &dates).map_err(unreadable)?;
    let fed: Vec<usize> = (0..names.len()).filter(|i| binding.feeds(*i)).collect();
    let columns = fed.iter().map(|i| names[*i].to_string()).collect();
    let mut reader = TableReader {
        table: Table {
            source: detection.source.clone(),
            columns,
            ways_out: fed.iter().map(|i| way_out(&detection.spec.id, spec_table.column(names[*i]))).collect(),
            ..Table::default()
        },
        excluded: spec_table.exclude.clone(),
        binding,
        fed,
        numbers,
        dates,
        styles,
        unnamed: Unnamed::of(detection),
        findings: Vec::new(),
    };
    if detection.is_laid_out() {
        layout.read(detection.lines(), &mut reader)
    } else {
        each_record(detection, &headings, &mut |row| {
            match row {
                Ok((number, cells, _)) => reader.take(cells, number),
                Err(fault) => {
                    let line = fault.line;
                    reader.findings.push(finding(&reader.table.source, line, Problem::from(fault)));
                }
            }
            Ok(())
        })
    }
    .map_err(unreadable)?;
    if !reader.findings.is_empty() {
        return Err(reader.findings);
    }
    let TableReader { mut table, styles, unnamed, .. } = reader;
    table.findings.extend(styles.serials().map(|(field, example)| serial::finding(detection, field, example)));
    table.findings.extend(unnamed.findings(&detection.source));
    Ok(table)
}

/// Reads one of the book's own tables, whose column names are known. Headings match as those of formats
/// do; an unknown one is a finding, one that is nearly a known one or a missing required one refuses the file.
pub fn read_named_table(
    path: &Path,
    source: &str,
    columns: &[&str],
    required: &[&str],
) -> Result<(Table, Vec<Finding>), Vec<Finding>> {
    let empty = || Table { source: source.to_string(), ..Table::default() };
    let survey = match survey(path, source) {
        // Nothing was mapped or decided yet.
        Err(finding) if finding.code == Code::I114 => return Ok((empty(), Vec::new())),
        other => other.map_err(|f| vec![f])?,
    };
    let fail = |code, message: &str| vec![Finding::new(code, message).at(Place::file(source))];
    if survey.shape != Shape::Delimited {
        return Err(fail(Code::I102, "the file is JSON, and a table of delimited text is expected"));
    }
    if survey.head_is_whole && survey.head.trim().is_empty() {
        return Ok((empty(), Vec::new()));
    }
    let known: Vec<String> = columns.iter().map(|c| normalise(c)).collect();
    let mut best: Option<(usize, u8, u64, Vec<String>)> = None;
    head_rows(&survey, &mut |delimiter, line, headings| {
        let matched = headings.iter().filter(|h| known.contains(&normalise(h))).count();
        if matched > best.as_ref().map_or(0, |(most, ..)| *most) {
            best = Some((matched, delimiter, line, headings));
        }
    });
    let Some((_, delimiter, header_line, headings)) = best else {
        let message = format!("no row of the file has the columns of this table: {}", columns.join(", "));
        return Err(fail(Code::I103, &message));
    };
    let place = |field: usize| Place::cell(source, header_line, field as u64 + 1);
    let at = |column: &str| headings.iter().position(|h| normalise(h) == normalise(column));
    let missing: Vec<&str> = required.iter().copied().filter(|c| at(c).is_none()).collect();
    if !missing.is_empty() {
        let message = "the table lacks a column that it needs";
        return Err(vec![
            Finding::new(Code::I103, message).at(Place::line(source, header_line)).value(missing.join(", ")),
        ]);
    }
    let mut findings = Vec::new();
    for (field, heading) in headings.iter().enumerate().filter(|(_, h)| !h.is_empty()) {
        let normalised = normalise(heading);
        if !known.contains(&normalised) {
            let absent = columns.iter().copied().filter(|c| at(c).is_none());
            if let Some(near) = closest(heading, absent) {
                // Without that column its rows would match or say something else than they are meant to.
                let message = format!("the table has no such column; rename it if {near} is meant, else take it out");
                return Err(vec![Finding::new(Code::I103, message).at(place(field)).value(heading.clone())]);
            }
            let message =
                format!("the table has no such column, it was left out; its columns are {}", columns.join(", "));
            let finding = Finding::new(Code::I116, message).severity(Severity::Warning);
            findings.push(finding.at(place(field)).value(heading.clone()));
        } else if at(heading) != Some(field) {
            let message = "the heading stands twice, so which column is meant is not known; rename one";
            return Err(vec![Finding::new(Code::I103, message).at(place(field)).value(heading.clone())]);
        }
    }
    let mut reader = NamedReader {
        table: Table { source: source.to_string(), ..Table::default() },
        fields: Vec::new(),
        findings: Vec::new(),
    };
    for column in columns {
        if let Some(field) = at(column) {
            reader.table.columns.push((*column).to_string());
            reader.fields.push(field);
        }
    }
    let layout = Layout::small(&headings);
    let dialect = Dialect::of(delimiter);
    let shown = shown_escape(path, &survey, dialect, header_line).map_err(|e| fail(Code::I101, &e.to_string()))?;
    let (escape, said) = shown.settle(source).map_err(|finding| vec![finding])?;
    findings.extend(said);
    let lines = Lines { path, survey: &survey, dialect: dialect.escaped(escape), header_line };
    layout.read(lines, &mut reader).map_err(|e| fail(Code::I101, &e.to_string()))?;
    if reader.findings.is_empty() { Ok((reader.table, findings)) } else { Err(reader.findings) }
}

/// Rows of a PSA table.
struct TableReader {
    table: Table,
    excluded: Vec<RowRule>,
    binding: Binding,
    /// The canonical columns that something feeds.
    fed: Vec<usize>,
    numbers: Vec<usize>,
    dates: Vec<usize>,
    styles: Styles,
    unnamed: Unnamed,
    findings: Vec<Finding>,
}

impl TableReader {
    fn take(&mut self, cells: &impl Cells, line: u64) {
        if let Some(field) = self.binding.error_cell(cells) {
            let (column, value) = (field as u64 + 1, cells.cell(field).to_string());
            let problem = Problem { code: Code::I111, column, value, message: ERROR_CELL.to_string() };
            self.findings.push(finding(&self.table.source, line, problem));
            return;
        }
        self.binding.prepare(cells);
        if let Some((rule, field)) = self.binding.excluded_by() {
            let reason = self.excluded.get(rule).map_or("", |r| r.reason.as_str());
            let place = Place::cell(&self.table.source, line, field as u64 + 1);
            let note = Finding::new(Code::I116, format!("the row is left out: {reason}")).severity(Severity::Info);
            self.table.findings.push(note.at(place).value(cells.cell(field)));
            return;
        }
        let taken = self.fed.iter().map(|column| self.binding.take(*column));
        let (values, fields) = taken.map(|t| (self.canonical(t), t.field.map_or(0, |f| f as u64 + 1))).unzip();
        self.table.rows.push(TableRow { line, cells: values, fields });
    }

    fn canonical(&self, taken: Taken<'_>) -> String {
        let is = |fields: &[usize]| taken.field.is_some_and(|f| fields.contains(&f)) && !taken.text.is_empty();
        let canonical = if is(&self.numbers) {
            self.styles.number(taken).ok().map(plain)
        } else if is(&self.dates) {
            self.styles.date(taken).ok().map(|(date, _)| iso_date(date))
        } else {
            None
        };
        canonical.unwrap_or_else(|| taken.text.to_string())
    }
}

/// What a user can do about a word of the vendor's or of their tenant that a column does not know.
fn way_out(format: &str, column: Option<&ColumnRule>) -> String {
    let headings = column.iter().flat_map(|c| &c.steps).filter(|s| !s.words.is_empty());
    let headings: Vec<&str> = headings
        .filter_map(|s| if let From::Heading(heading) = &s.from { Some(heading.as_str()) } else { None })
        .collect();
    let quoted = |heading: &str| {
        let bare = heading.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if bare { format!("[words.{format}.{heading}]") } else { format!("[words.{format}.\"{heading}\"]") }
    };
    match headings.as_slice() {
        [] => String::new(),
        some => {
            let sections: Vec<String> = some.iter().map(|h| quoted(h)).collect();
            format!("say in trueup.toml, under {}, what it means", sections.join(" or "))
        }
    }
}

/// Rows of one of the book's own tables, cells as they stand.
struct NamedReader {
    table: Table,
    fields: Vec<usize>,
    findings: Vec<Finding>,
}

fn finding(source: &str, line: u64, problem: Problem) -> Finding {
    let place = if problem.column > 0 { Place::cell(source, line, problem.column) } else { Place::line(source, line) };
    let finding = Finding::new(problem.code, problem.message).at(place);
    if problem.value.is_empty() { finding } else { finding.value(problem.value) }
}

fn cut_off(source: &str, line: u64, why: &str) -> Finding {
    Finding::new(Code::I110, format!("the file ends early: {why}")).at(Place::line(source, line))
}

impl LineSink for TableReader {
    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }
    fn row(&mut self, record: &Record) -> anyhow::Result<()> {
        self.unnamed.observe(record);
        self.take(record, record.line());
        Ok(())
    }
    fn total(&mut self, _: &Record) -> anyhow::Result<()> {
        Ok(())
    }
    fn broken(&mut self, line: u64, _: &str, _: Option<&Record>, problem: Problem) -> anyhow::Result<()> {
        self.findings.push(finding(&self.table.source, line, problem));
        Ok(())
    }
    fn cut_off(&mut self, line: u64, why: String) -> anyhow::Result<()> {
        self.findings.push(cut_off(&self.table.source, line, &why));
        Ok(())
    }
}

impl LineSink for NamedReader {
    /// A lone cell below the rows is no note here: it is a row someone has begun.
    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()> {
        if kind == OtherLine::Note {
            let message = "the row has only its first cell filled";
            self.findings.push(Finding::new(Code::I104, message).at(Place::line(&self.table.source, line)));
        }
        Ok(())
    }
    fn row(&mut self, record: &Record) -> anyhow::Result<()> {
        let cells = self.fields.iter().map(|f| record.cell(*f).trim().to_string()).collect();
        let fields = self.fields.iter().map(|f| *f as u64 + 1).collect();
        self.table.rows.push(TableRow { line: record.line(), cells, fields });
        Ok(())
    }
    fn total(&mut self, record: &Record) -> anyhow::Result<()> {
        self.row(record)
    }
    fn broken(&mut self, line: u64, _: &str, _: Option<&Record>, problem: Problem) -> anyhow::Result<()> {
        self.findings.push(finding(&self.table.source, line, problem));
        Ok(())
    }
    fn cut_off(&mut self, line: u64, why: String) -> anyhow::Result<()> {
        self.findings.push(cut_off(&self.table.source, line, &why));
        Ok(())
    }
}
