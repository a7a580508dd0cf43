//! What a file is: the format whose headings it has, the line they stand on, and what is odd about it.
//! Only the file's head is looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contents::{Content, contents_by};
use super::escape::shown_escape;
use super::json::{Beside, Page, PagesLeft, beside_records};
use super::judge::NO_TEXT;
use super::layout::Lines;
use super::nested;
use super::parquet::{ParquetColumns, parquet_columns};
use super::shape::is_other_json;
use super::trust::Look;
use super::{
    Dialect, Encoding, Escape, Event, JsonEvent, Limits, Record, RecordFault, Rows, Shape, Survey, open_text, read_json,
};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::{Fit, Registry, Spec, TableKind, TableSpec, WordPattern, closest, means, normalise};

mod headings;
mod sheets;

/// Delimiters tried, the usual ones first.
pub(super) const DELIMITERS: &[u8] = b",;\t|";
/// How many records from the top may hold titles before the heading row.
pub(super) const TITLES: usize = 50;
/// How many JSON records are asked for their keys.
pub(super) const KEYED: usize = 100;

/// A recognised file.
#[derive(Debug, Clone)]
pub struct Detection {
    /// Relative to the book, with `/`.
    pub source: String,
    pub path: PathBuf,
    pub survey: Survey,
    pub spec: Arc<Spec>,
    /// Which of the spec's tables.
    pub table: usize,
    /// Of delimited text.
    pub delimiter: Option<u8>,
    pub escape: Escape,
    /// The physical line or row of the headings; 0 where records name their values.
    pub header_line: u64,
    pub headings: Vec<String>,
    /// Of the format, where its headings tell; else the spec's.
    pub format_version: String,
    /// Of a page of an API that is one of several.
    pub page: Option<Page>,
    pub findings: Vec<Finding>,
}

impl Detection {
    pub fn table(&self) -> &TableSpec {
        &self.spec.tables[self.table]
    }

    /// Takes back that pages are missing: they all stand beside it.
    pub fn is_not_alone(&mut self) {
        if self.page.take().is_some() {
            self.findings.retain(|f| f.code != Code::I110);
        }
    }

    pub fn kind(&self) -> TableKind {
        self.table().kind
    }

    /// Whether headings stand above the rows; else every record names its values.
    pub(super) fn is_laid_out(&self) -> bool {
        self.survey.shape.is_laid_out()
    }

    pub(super) fn lines(&self) -> Lines<'_> {
        Lines { path: &self.path, survey: &self.survey, dialect: self.dialect(), header_line: self.header_line }
    }

    pub(super) fn dialect(&self) -> Dialect {
        Dialect::of(self.delimiter.unwrap_or(b',')).escaped(self.escape)
    }
}

/// A row that may be the heading row.
struct Candidate {
    delimiter: Option<u8>,
    line: u64,
    headings: Vec<String>,
    /// The headings are those of two rows.
    joined: bool,
    fit: Fit,
}

/// Recognises a file that holds one export or table. `source` is its path as findings show it.
pub fn detect(path: &Path, source: &str, registry: &Registry) -> Result<Detection, Vec<Finding>> {
    let mut all = detect_all(path, source, registry, &Limits::default());
    if let (Some(one), true) = (all.pop(), all.is_empty()) {
        return one;
    }
    let message = "the file holds several lists of records, and one is expected";
    Err(vec![Finding::new(Code::I102, message).at(Place::file(source))])
}

/// Recognises whatever is in a file: each member of an archive, and each sheet of a workbook that is of a known
/// format, is an export or table of its own.
pub fn detect_all(
    path: &Path,
    source: &str,
    registry: &Registry,
    limits: &Limits,
) -> Vec<Result<Detection, Vec<Finding>>> {
    detect_all_by(path, source, registry, limits, Look::WHOLE)
}

/// [`detect_all`], looking at the file as is said.
pub fn detect_all_by(
    path: &Path,
    source: &str,
    registry: &Registry,
    limits: &Limits,
    look: Look,
) -> Vec<Result<Detection, Vec<Finding>>> {
    let mut found = Vec::new();
    let mut sheets: Vec<Content> = Vec::new();
    for content in contents_by(path, source, limits, look) {
        if sheets.first().is_some_and(|s| content.as_ref().map_or(true, |c| c.workbook != s.workbook)) {
            found.extend(sheets::recognise(std::mem::take(&mut sheets), registry));
        }
        match content {
            Ok(content) if content.workbook.is_some() => sheets.push(content),
            Ok(content) => {
                let one = recognise(content, registry);
                let within = one.as_ref().map(nested::within).unwrap_or_default();
                found.push(one);
                found.extend(within.into_iter().map(Ok));
            }
            Err(finding) => found.push(Err(vec![finding])),
        }
    }
    if !sheets.is_empty() {
        found.extend(sheets::recognise(sheets, registry));
    }
    found
}

/// Recognises one list of records.
fn recognise(content: Content, registry: &Registry) -> Result<Detection, Vec<Finding>> {
    let Content { source, path, survey, findings, .. } = content;
    let fail = |code, message: String| vec![Finding::new(code, message).at(Place::file(&source))];
    let mut columns = ParquetColumns::default();
    let keyed = |keys: Vec<String>| -> Vec<Candidate> {
        let normalised: Vec<String> = keys.iter().map(|h| normalise(h)).collect();
        let fits = registry.fits(&normalised).into_iter();
        fits.map(|fit| Candidate { delimiter: None, line: 0, headings: keys.clone(), joined: false, fit }).collect()
    };
    let candidates = match survey.shape {
        Shape::Delimited if survey.head_is_whole && survey.head.trim().is_empty() => {
            return Err(fail(Code::I114, "the file is empty".into()));
        }
        Shape::Delimited if is_other_json(&survey.head, survey.head_is_whole) => {
            return Err(vec![other_json().at(Place::line(&source, 1))]);
        }
        Shape::Delimited | Shape::Sheet => laid_out_candidates(&survey, registry),
        Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope => {
            let (keys, fault) =
                json_keys(&path, &survey).map_err(|e| fail(Code::I101, format!("the JSON cannot be read: {e}")))?;
            if keys.is_empty() {
                return Err(fault.map_or_else(
                    || fail(Code::I114, "the file has no records".into()),
                    |f| vec![Finding::new(f.code, f.message).at(Place::cell(&source, f.line, f.column))],
                ));
            }
            keyed(keys)
        }
        Shape::Parquet => {
            columns = parquet_columns(&path).map_err(|fault| fail(fault.code, fault.message))?;
            keyed(columns.names.clone())
        }
    };
    let best = choose(candidates).map_err(|near| match (&near, survey.head.find('\0')) {
        (None, Some(at)) => {
            let line = survey.head[..at].matches('\n').count() as u64 + 1;
            vec![Finding::new(Code::I101, NO_TEXT).at(Place::line(&source, line))]
        }
        _ => unknown(&source, near),
    })?;
    let (spec, table) = (best.fit.spec, best.fit.table);
    let mut detection = Detection {
        format_version: version(&spec, table, &best.headings),
        source,
        path,
        survey,
        spec,
        table,
        delimiter: best.delimiter,
        escape: Escape::Doubled,
        header_line: best.line,
        headings: best.headings,
        page: None,
        findings,
    };
    if detection.survey.shape == Shape::JsonEnvelope {
        let beside =
            open_text(&detection.path, &detection.survey).map_err(anyhow::Error::from).and_then(beside_records);
        let Beside { pages, left_out } =
            beside.map_err(|e| vec![Finding::new(Code::I101, e.to_string()).at(Place::file(&detection.source))])?;
        detection.findings.extend(left_out.map(|finding| finding.at(Place::file(&detection.source))));
        if let Some(PagesLeft { finding, read, all }) = pages {
            let folder = detection.source.rfind(['/', '#']).map_or("", |at| &detection.source[..=at]);
            let set = |all| format!("{folder} {} {} {all}", detection.spec.id, detection.table);
            let page = all.map(|all| Page { set: set(all), sha256: detection.survey.sha256.clone(), read, all });
            detection.page = page;
            detection.findings.push(finding.at(Place::file(&detection.source)));
        }
    }
    if best.joined {
        let said = headings::joined_finding(&detection);
        detection.findings.push(said);
    }
    if let Some(finding) = twice(&detection) {
        return Err(vec![finding]);
    }
    let shown = shown_escape(&detection.path, &detection.survey, detection.dialect(), detection.header_line)
        .map_err(|e| vec![Finding::new(Code::I101, e.to_string()).at(Place::file(&detection.source))])?;
    let (escape, finding) = shown.settle(&detection.source).map_err(|finding| vec![finding])?;
    detection.escape = escape;
    detection.findings.extend(finding);
    detection.findings.extend(encoding_finding(&detection.source, &detection.survey));
    detection.findings.extend(drift(&detection));
    detection.findings.extend(no_rows(&detection));
    if detection.survey.shape == Shape::Parquet {
        detection.findings.extend(parquet_findings(&detection.source, &columns));
    }
    Ok(detection)
}

pub(super) fn other_json() -> Finding {
    Finding::new(Code::I104, "the file is a JSON array of values that are no objects, and so no records with names")
}

/// What reading a Parquet file chooses and leaves out.
pub(super) fn parquet_findings(source: &str, columns: &ParquetColumns) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |code, message: String, value: Option<String>| {
        let finding = Finding::new(code, message).severity(Severity::Info).at(Place::file(source));
        findings.push(Finding { value, ..finding });
    };
    if columns.rows == 0 {
        say(Code::I114, "the file has columns and no rows".into(), None);
    }
    if !columns.floats.is_empty() {
        let message = "these columns hold binary floats; of each the shortest decimal that gives it back was read";
        say(Code::I117, message.into(), Some(columns.floats.join(", ")));
    }
    if !columns.nested.is_empty() {
        let message = "these columns hold lists or structures and were left out";
        say(Code::I116, message.into(), Some(columns.nested.join(", ")));
    }
    findings
}

/// Every row of the head that has a required heading of some format, read with each delimiter.
fn laid_out_candidates(survey: &Survey, registry: &Registry) -> Vec<Candidate> {
    let (mut candidates, mut joined) = (Vec::new(), Vec::new());
    let mut above: Option<(u8, u64, Vec<String>)> = None;
    let of_sheet = |fit: &Fit| match (&survey.sheet, &fit.spec.tables[fit.table].read.sheet) {
        (Some(sheet), Some(wanted)) => WordPattern::new(wanted).fits(sheet.name().trim()),
        _ => true,
    };
    let of_row = |delimiter: u8, line: u64, headings: &[String]| -> Vec<Candidate> {
        let normalised: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
        let fits = registry.fits(&normalised).into_iter().filter(of_sheet);
        let delimiter = survey.sheet.is_none().then_some(delimiter);
        fits.map(|fit| Candidate { delimiter, line, headings: headings.to_vec(), joined: false, fit }).collect()
    };
    head_rows(survey, &mut |delimiter, line, headings| {
        candidates.extend(of_row(delimiter, line, &headings));
        if let Some((d, l, upper)) = &above
            && (*d, l + 1) == (delimiter, line)
        {
            for (words, both) in headings::joined(upper, &headings) {
                // Words joined may make one of the many names that the fallback knows a column by.
                let fits = |c: &Candidate| c.fit.is_whole() && !(words && c.fit.spec.fallback);
                let found = of_row(delimiter, line, &both).into_iter().filter(fits);
                joined.extend(found.map(|c| Candidate { joined: true, ..c }));
            }
        }
        above = Some((delimiter, line, headings));
    });
    // A row that is enough by itself is the heading row: what stands below it is data.
    if !candidates.iter().any(|c| c.fit.is_whole()) {
        candidates.append(&mut joined);
    }
    candidates
}

/// What `sep=;` on the first line tells a spreadsheet, and so us: it may be a character that is never guessed.
pub(super) fn stated_delimiter(head: &str) -> Option<u8> {
    let first = head.split(['\n', '\r']).next()?.trim_matches('"');
    match first.get(..4).filter(|word| word.eq_ignore_ascii_case("sep=")).map(|_| &first.as_bytes()[4..]) {
        Some([one]) if one.is_ascii() && !one.is_ascii_alphanumeric() && *one != b'"' => Some(*one),
        _ => None,
    }
}

/// The rows among which a heading row may be, with each delimiter: its line and trimmed cells.
pub(super) fn head_rows(survey: &Survey, row: &mut dyn FnMut(u8, u64, Vec<String>)) {
    let stated = stated_delimiter(&survey.head);
    let delimiters = match (&survey.sheet, &stated) {
        (Some(_), _) => &DELIMITERS[..1],
        (None, Some(one)) => std::slice::from_ref(one),
        (None, None) => DELIMITERS,
    };
    for delimiter in delimiters {
        let mut record = Record::new();
        let mut records = Rows::of_head(survey, Dialect::of(*delimiter));
        for _ in 0..TITLES {
            match records.next(&mut record) {
                Ok(Event::Record) if record.len() > 1 => {
                    row(*delimiter, record.line(), record.iter().map(|h| h.trim().to_string()).collect());
                }
                Ok(Event::Record | Event::Blank | Event::Fault(_)) => {}
                Ok(Event::End) | Err(_) => break,
            }
        }
    }
}

/// The keys of the first records, in order of appearance, and what broke the reading off, if anything.
fn json_keys(path: &Path, survey: &Survey) -> anyhow::Result<(Vec<String>, Option<RecordFault>)> {
    #[derive(Debug, thiserror::Error)]
    #[error("enough")]
    struct Enough;
    let (mut keys, mut seen, mut records, mut broken) = (Vec::new(), HashSet::new(), 0, None);
    let read = read_json(open_text(path, survey)?, survey.shape, &mut |event| {
        match event {
            JsonEvent::Record(record) => {
                for (key, _) in record.fields {
                    if seen.insert(normalise(key)) {
                        keys.push(key.clone());
                    }
                }
                records += 1;
            }
            JsonEvent::Fault(fault) => {
                broken.get_or_insert(fault);
            }
        }
        if records == KEYED { Err(Enough.into()) } else { Ok(()) }
    });
    match read {
        Err(e) if !e.is::<Enough>() => Err(e),
        _ => Ok((keys, broken)),
    }
}

/// The format with all its required headings there and the most headings known. A format that has lost a
/// few columns is not taken for the fallback. Of two that know as many headings the user's own is meant.
fn choose(candidates: Vec<Candidate>) -> Result<Candidate, Option<Candidate>> {
    let rank = |c: &Candidate| (c.fit.matched, c.fit.spec.file.is_some(), c.fit.present, std::cmp::Reverse(c.line));
    let (whole, partial): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|c| c.fit.is_whole());
    let (fallback, own): (Vec<_>, Vec<_>) = whole.into_iter().partition(|c| c.fit.spec.fallback);
    if let Some(best) = own.into_iter().max_by_key(rank) {
        return Ok(best);
    }
    let near = partial.into_iter().filter(|c| !c.fit.spec.fallback).max_by_key(|c| {
        let required = c.fit.present + c.fit.missing.len();
        (c.fit.present * 1000 / required, c.fit.matched)
    });
    match (near, fallback.into_iter().max_by_key(rank)) {
        (Some(near), _) if near.fit.is_near(filled(&near.headings)) => Err(Some(near)),
        (_, Some(best)) => Ok(best),
        (near, None) => Err(near),
    }
}

fn filled(headings: &[String]) -> usize {
    headings.iter().filter(|h| !h.is_empty()).count()
}

fn unknown(source: &str, near: Option<Candidate>) -> Vec<Finding> {
    let Some(near) = near else {
        let message = "no known format has these headings";
        return vec![Finding::new(Code::I102, message).at(Place::file(source))];
    };
    let place = if near.line == 0 { Place::file(source) } else { Place::line(source, near.line) };
    let lacking = near.fit.missing.join(", ");
    let finding = if near.fit.is_near(filled(&near.headings)) {
        let message = format!("the file is of format {}, but lacks what it requires", near.fit.spec.id);
        Finding::new(Code::I103, message)
    } else {
        let message = format!("no known format has these headings; {} is closest and lacks", near.fit.spec.id);
        Finding::new(Code::I102, message)
    };
    vec![finding.at(place).value(lacking)]
}

fn version(spec: &Spec, table: usize, headings: &[String]) -> String {
    let present: HashSet<String> = headings.iter().map(|h| normalise(h)).collect();
    let rules = &spec.tables[table].recognise.versions;
    let fits =
        rules.iter().find(|v| v.headings.is_empty() || v.headings.iter().any(|h| present.contains(&normalise(h))));
    fits.map_or_else(|| spec.version.clone(), |v| v.version.clone())
}

/// A heading that is read and stands twice: which one is meant is not known.
fn twice(detection: &Detection) -> Option<Finding> {
    let bound: HashSet<String> = detection.table().bound_headings().into_iter().map(normalise).collect();
    let mut seen = HashSet::new();
    let again = detection.headings.iter().enumerate().find(|(_, heading)| {
        let normalised = normalise(heading);
        bound.contains(&normalised) && !seen.insert(normalised)
    });
    again.map(|(field, heading)| {
        let place = Place::cell(&detection.source, detection.header_line, field as u64 + 1);
        let message = "the heading stands twice, so which column is meant is not known; rename one";
        Finding::new(Code::I103, message).at(place).value(heading.clone())
    })
}

/// What there is to say of an encoding other than UTF-8.
pub(super) fn encoding_finding(source: &str, survey: &Survey) -> Option<Finding> {
    let encoding = match survey.encoding {
        Encoding::Utf8 | Encoding::Utf8Bom => return None,
        Encoding::Utf16Le => "UTF-16 (little-endian)",
        Encoding::Utf16Be => "UTF-16 (big-endian)",
        Encoding::Windows1252 => "Windows-1252",
    };
    let message = format!("the file is not UTF-8 and was read as {encoding}");
    Some(match survey.strange {
        None => Finding::new(Code::I108, message).at(Place::file(source)),
        Some(line) => {
            let message = format!("{message}, though words such as here are unlikely in it; save it as UTF-8");
            Finding::new(Code::I108, message).severity(Severity::Warning).at(Place::line(source, line))
        }
    })
}

/// Headings the format does not know, and usual ones that are not there, in one finding. JSON leaves
/// empty values out, so there only unknown ones are told; the fallback knows no usual ones.
fn drift(detection: &Detection) -> Option<Finding> {
    if detection.spec.fallback {
        return None;
    }
    let table = detection.table();
    let known = table.known_headings();
    let present: HashSet<String> = detection.headings.iter().map(|h| normalise(h)).collect();
    let unknown: Vec<&String> = detection
        .headings
        .iter()
        .filter(|h| {
            let normalised = normalise(h);
            !normalised.is_empty() && !known.iter().any(|k| means(k, &normalised))
        })
        .collect();
    let leaves_out = matches!(detection.survey.shape, Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope);
    let lacking: Vec<&str> = if leaves_out {
        Vec::new()
    } else {
        let usual = table.recognise.usual.iter().map(String::as_str);
        usual.filter(|h| !present.contains(&normalise(h))).collect()
    };
    let mut parts = Vec::new();
    if !unknown.is_empty() {
        let absent: Vec<&str> = known.iter().copied().filter(|k| !present.contains(&normalise(k))).collect();
        let named: Vec<String> = unknown
            .iter()
            .map(|h| match closest(h, absent.iter().copied()) {
                Some(near) => format!("{h} (did you mean {near}?)"),
                None => (*h).clone(),
            })
            .collect();
        parts.push(format!("unknown headings, left out: {}", named.join(", ")));
    }
    if !lacking.is_empty() {
        parts.push(format!("usual headings not there: {}", lacking.join(", ")));
    }
    if parts.is_empty() {
        return None;
    }
    let place = match detection.header_line {
        0 => Place::file(&detection.source),
        line => Place::line(&detection.source, line),
    };
    let message = format!("the headings differ from format {}: {}", detection.spec.id, parts.join("; "));
    Some(Finding::new(Code::I116, message).at(place))
}

/// A file that ends with its headings.
fn no_rows(detection: &Detection) -> Option<Finding> {
    let is_seen = detection.survey.head_is_whole || detection.survey.sheet.is_some();
    if !detection.is_laid_out() || !is_seen {
        return None;
    }
    let mut record = Record::new();
    let mut records = Rows::of_head(&detection.survey, detection.dialect());
    loop {
        match records.next(&mut record) {
            Ok(Event::Record) if record.line() > detection.header_line && !record.is_blank() => return None,
            Ok(Event::Fault(fault)) if fault.line > detection.header_line => return None,
            Ok(Event::Record | Event::Blank | Event::Fault(_)) => {}
            Ok(Event::End) | Err(_) => {
                let place = Place::line(&detection.source, detection.header_line);
                return Some(Finding::new(Code::I114, "the file has headings and no rows").at(place));
            }
        }
    }
}
