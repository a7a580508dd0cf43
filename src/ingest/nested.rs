//! Rows that stand in a list within another record, as an API hands out an invoice with its lines: each object
//! of the list is a row, and the record's own values stand beside it under headings like `header/id`.

use serde_json::Value;

use super::json::flatten;
use super::{Detection, JsonEvent, RecordFault, Shape, open_text, read_json};
use crate::finding::Code;
use crate::format::normalise;

/// What stands before the headings of the record around the list.
const HEADER: &str = "header";
/// How many records are asked for the keys of their lists.
const KEYED: usize = 100;

/// The tables of the format that stand within the records of a recognised one: a file of invoices is one of
/// their lines, too. Nothing where no record seen has such a list.
pub(super) fn within(detection: &Detection) -> Vec<Detection> {
    let is_json = matches!(detection.survey.shape, Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope);
    if !is_json || detection.table().read.within.is_some() {
        return Vec::new();
    }
    let lists = detection.spec.tables.iter().enumerate().filter_map(|(i, t)| Some((i, t.read.within.as_deref()?)));
    let present = lists.filter(|(_, list)| detection.headings.iter().any(|h| normalise(h) == normalise(list)));
    let of = |(table, list): (usize, &str)| {
        let known = &detection.spec.tables[table];
        let known: Vec<String> = known.known_headings().into_iter().map(normalise).collect();
        let headings = headings(detection, list, &known).ok().filter(|h| !h.is_empty())?;
        Some(Detection {
            source: format!("{}#{list}", detection.source),
            table,
            headings,
            page: None,
            findings: Vec::new(),
            ..detection.clone()
        })
    };
    present.filter_map(of).collect()
}

/// The keys of the first lists' objects, and those of their records that the table knows.
fn headings(detection: &Detection, list: &str, known: &[String]) -> anyhow::Result<Vec<String>> {
    #[derive(Debug, thiserror::Error)]
    #[error("enough")]
    struct Enough;
    let (mut headings, mut records): (Vec<String>, usize) = (Vec::new(), 0);
    let text = open_text(&detection.path, &detection.survey)?;
    let read = read_json(text, detection.survey.shape, &mut |event| {
        let JsonEvent::Record(record) = event else { return Ok(()) };
        records += 1;
        // What is wrong with a list is said when it is read.
        for (key, _) in rows(record.fields, list).unwrap_or_default().into_iter().flatten() {
            let normalised = normalise(&key);
            let is_own = !key.starts_with(HEADER) || known.contains(&normalised);
            if is_own && !headings.iter().any(|h| normalise(h) == normalised) {
                headings.push(key);
            }
        }
        if records == KEYED { Err(Enough.into()) } else { Ok(()) }
    });
    match read {
        Err(e) if !e.is::<Enough>() => Err(e),
        _ => Ok(headings),
    }
}

/// The rows of a record's list, each with the record's own values; none where the record has no list.
///
/// # Errors
/// Where the member is no list of objects.
pub(super) fn rows(fields: &[(String, String)], list: &str) -> Result<Vec<Vec<(String, String)>>, RecordFault> {
    let wanted = normalise(list);
    let Some((_, text)) = fields.iter().find(|(key, _)| normalise(key) == wanted) else { return Ok(Vec::new()) };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let bad = || RecordFault {
        code: Code::I104,
        line: 0,
        column: 0,
        value: text.clone(),
        message: format!("{list} must be a list of objects, and is not in the record behind this row"),
        raw: text.clone(),
        goes_on: true,
    };
    let Ok(Value::Array(elements)) = serde_json::from_str(text) else { return Err(bad()) };
    let header = fields.iter().filter(|(key, _)| normalise(key) != wanted);
    let header: Vec<(String, String)> = header.map(|(k, v)| (format!("{HEADER}/{k}"), v.clone())).collect();
    let mut out = Vec::with_capacity(elements.len());
    for element in elements {
        let Value::Object(members) = element else { return Err(bad()) };
        let mut row = Vec::new();
        for (name, value) in members {
            flatten(name, value, &mut row);
        }
        row.extend(header.iter().cloned());
        out.push(row);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()
    }

    #[test]
    fn each_object_is_a_row_beside_its_records_values_and_numbers_keep_their_digits() {
        let record =
            fields(&[("id", "7"), ("Lines", "[{\"id\":1,\"unit_price\":4.10,\"item\":{\"code\":\"A\"}},{\"id\":2}]")]);
        let rows = rows(&record, "lines").expect("rows");
        assert_eq!(rows[0], fields(&[("id", "1"), ("unit_price", "4.10"), ("item/code", "A"), ("header/id", "7")]));
        assert_eq!(rows[1], fields(&[("id", "2"), ("header/id", "7")]));
    }

    #[test]
    fn a_record_without_the_list_has_no_rows_and_what_is_no_list_is_a_fault() {
        assert!(rows(&fields(&[("id", "7")]), "lines").expect("none").is_empty());
        assert!(rows(&fields(&[("id", "7"), ("lines", "")]), "lines").expect("none").is_empty());
        for broken in ["{\"id\":1}", "[1]", "text"] {
            let fault = rows(&fields(&[("lines", broken)]), "lines").expect_err(broken);
            assert_eq!((fault.code, fault.value.as_str()), (Code::I104, broken));
        }
    }
}
