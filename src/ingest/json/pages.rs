//! What an API says beside its records: that there are more of them. A page saved by itself is well formed and
//! whole as a file, and still half an export.

use std::io::Read;

use super::{Reading, Stream};
use crate::finding::{Code, Finding, Severity};
use crate::format::normalise;

/// Members that hold where the next page is, as `odata.nextLink` is reduced.
const NEXT: &[&str] = &[
    "next",
    "nexturl",
    "nextlink",
    "odatanextlink",
    "nextpage",
    "nextpageurl",
    "nextpagelink",
    "nextpagetoken",
    "nexttoken",
    "nextcursor",
    "continuationtoken",
];
/// Members that say whether there is more.
const MORE: &[&str] = &["hasmore", "hasnext", "hasnextpage", "hasmorepages", "morerecords", "moreitems"];
/// Members that count all records of all pages.
const ALL: &[&str] =
    &["totalelements", "totalcount", "totalrecords", "totalitems", "totalresults", "odatacount", "recordcount"];

/// A warning, if an envelope says that it holds some of the records only. Its place is left open.
pub(in crate::ingest) fn pages_left(reader: impl Read) -> anyhow::Result<Option<Finding>> {
    let mut reading = Reading { on: &mut |_| Ok(()), fields: Vec::new(), number: 0, beside: Some(Vec::new()) };
    // What breaks the file off is said by whoever reads its records.
    if reading.envelope(&mut Stream::new(reader))?.is_err() {
        return Ok(None);
    }
    let read = reading.number;
    let says_so = reading.beside.unwrap_or_default().into_iter().find(|(path, value)| {
        let name = normalise(path.rsplit('/').next().unwrap_or(path));
        let is = |names: &[&str]| names.contains(&name.as_str());
        let is_set = !matches!(value.trim(), "" | "0" | "false" | "null");
        (is(NEXT) && is_set) || (is(MORE) && value == "true") || (is(ALL) && value.parse().is_ok_and(|n: u64| n > read))
    });
    Ok(says_so.map(|(path, value)| {
        let message = format!(
            "the file is one page of several: it has {read} records, and {path:?} says that there are more; put the \
             other pages beside it"
        );
        let value = crate::finding::shown(value);
        Finding::new(Code::I110, message).severity(Severity::Warning).value(value)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_several_is_told() {
        let more = |text: &str| pages_left(text.as_bytes()).expect("read").map(|f| f.message);
        for page in [
            r#"{"value":[{"a":1}],"@odata.nextLink":"https://x.test/next"}"#,
            r#"{"@odata.count":3,"value":[{"a":1}]}"#,
            r#"{"items":[{"a":1}],"has_more":true}"#,
            r#"{"items":[{"a":1}],"paging":{"links":{"next":"/2"}}}"#,
            r#"{"content":[{"a":1}],"page":{"size":1,"totalElements":5,"totalPages":5,"number":0}}"#,
            r#"{"record_count":2,"clients":[{"a":1}]}"#,
        ] {
            let message = more(page).unwrap_or_else(|| panic!("nothing was said of {page}"));
            assert!(message.contains("it has 1 records"), "{message}");
        }
        for whole in [
            r#"{"value":[{"a":1}],"@odata.nextLink":null}"#,
            r#"{"items":[{"a":1}],"has_more":false,"next":""}"#,
            r#"{"content":[{"a":1}],"page":{"size":200,"totalElements":1,"totalPages":1,"number":0}}"#,
            r#"{"items":[{"next":"a record's own"}],"total":"100.00"}"#,
            r#"{"items":[{"a":1}],"next":"cut off"#,
        ] {
            assert_eq!(more(whole), None, "{whole}");
        }
    }
}
