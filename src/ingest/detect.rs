//! What a file is: the format whose headings it has, the line they stand on, and what is odd about it.
//! Only the file's head is looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::Lines;
use super::{
    Dialect, Encoding, Event, JsonEvent, Record, RecordFault, Records, Shape, Survey, open_text, read_json, survey,
};
use crate::finding::{Code, Finding, Place};
use crate::format::{Fit, Registry, Spec, TableKind, TableSpec, closest, means, normalise};

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
    /// `None` for JSON.
    pub delimiter: Option<u8>,
    /// The physical line of the headings; 0 for JSON.
    pub header_line: u64,
    pub headings: Vec<String>,
    /// Of the format, where its headings tell; else the spec's.
    pub format_version: String,
    pub findings: Vec<Finding>,
}

impl Detection {
    pub fn table(&self) -> &TableSpec {
        &self.spec.tables[self.table]
    }

    pub fn kind(&self) -> TableKind {
        self.table().kind
    }

    pub(super) fn lines(&self) -> Lines<'_> {
        Lines { path: &self.path, survey: &self.survey, dialect: self.dialect(), header_line: self.header_line }
    }

    pub(super) fn dialect(&self) -> Dialect {
        Dialect { delimiter: self.delimiter.unwrap_or(b','), quote: b'"' }
    }
}

/// A row that may be the heading row.
struct Candidate {
    delimiter: Option<u8>,
    line: u64,
    headings: Vec<String>,
    fit: Fit,
}

/// Recognises a file. `source` is its path as findings show it.
pub fn detect(path: &Path, source: &str, registry: &Registry) -> Result<Detection, Vec<Finding>> {
    let survey = survey(path, source).map_err(|f| vec![f])?;
    let fail = |code, message: String| vec![Finding::new(code, message).at(Place::file(source))];
    if survey.head_is_whole && survey.head.trim().is_empty() {
        return Err(fail(Code::I114, "the file is empty".into()));
    }
    let candidates = match survey.shape {
        Shape::Delimited => delimited_candidates(&survey.head, registry),
        Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope => {
            let (keys, fault) =
                json_keys(path, &survey).map_err(|e| fail(Code::I101, format!("the JSON cannot be read: {e}")))?;
            if keys.is_empty() {
                return Err(fault.map_or_else(
                    || fail(Code::I114, "the file has no records".into()),
                    |f| vec![Finding::new(f.code, f.message).at(Place::cell(source, f.line, f.column))],
                ));
            }
            let normalised: Vec<String> = keys.iter().map(|h| normalise(h)).collect();
            let fits = registry.fits(&normalised).into_iter();
            fits.map(|fit| Candidate { delimiter: None, line: 0, headings: keys.clone(), fit }).collect()
        }
    };
    let best = choose(candidates).map_err(|near| unknown(source, near))?;
    let (spec, table) = (best.fit.spec, best.fit.table);
    let mut detection = Detection {
        source: source.to_string(),
        path: path.to_path_buf(),
        format_version: version(&spec, table, &best.headings),
        survey,
        spec,
        table,
        delimiter: best.delimiter,
        header_line: best.line,
        headings: best.headings,
        findings: Vec::new(),
    };
    if let Some(finding) = twice(&detection) {
        return Err(vec![finding]);
    }
    detection.findings.extend(encoding_finding(&detection));
    detection.findings.extend(drift(&detection));
    detection.findings.extend(no_rows(&detection));
    Ok(detection)
}

/// Every row of the head that has a required heading of some format, read with each delimiter.
fn delimited_candidates(head: &str, registry: &Registry) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    head_rows(head, &mut |delimiter, line, headings| {
        let normalised: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
        let fits = registry.fits(&normalised).into_iter();
        let headings = &headings;
        candidates.extend(fits.map(|fit| Candidate {
            delimiter: Some(delimiter),
            line,
            headings: headings.clone(),
            fit,
        }));
    });
    candidates
}

/// The rows among which a heading row may be, with each delimiter: its line and trimmed cells.
pub(super) fn head_rows(head: &str, row: &mut dyn FnMut(u8, u64, Vec<String>)) {
    for delimiter in DELIMITERS {
        let mut record = Record::new();
        let mut records = Records::new(head.as_bytes(), Dialect { delimiter: *delimiter, quote: b'"' });
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

fn encoding_finding(detection: &Detection) -> Option<Finding> {
    let encoding = match detection.survey.encoding {
        Encoding::Utf8 | Encoding::Utf8Bom => return None,
        Encoding::Utf16Le => "UTF-16 (little-endian)",
        Encoding::Utf16Be => "UTF-16 (big-endian)",
        Encoding::Windows1252 => "Windows-1252",
    };
    let message = format!("the file is not UTF-8 and was read as {encoding}");
    Some(Finding::new(Code::I108, message).at(Place::file(&detection.source)))
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
    let lacking: Vec<&str> = if detection.delimiter.is_some() {
        let usual = table.recognise.usual.iter().map(String::as_str);
        usual.filter(|h| !present.contains(&normalise(h))).collect()
    } else {
        Vec::new()
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
    if detection.delimiter.is_none() || !detection.survey.head_is_whole {
        return None;
    }
    let mut record = Record::new();
    let mut records = Records::new(detection.survey.head.as_bytes(), detection.dialect());
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
