//! What an API says beside its records: that there are more of them. A page saved by itself is well formed and
//! whole as a file, and still half an export.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::super::envelope::{ALL, MORE, NEXT};
use super::{Reading, Stream};
use crate::finding::{Code, Finding, Severity};
use crate::format::normalise;

/// What a page says of the set that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The same for all pages of one list: where they lie, what they are, and how many records they have between them.
    pub set: String,
    /// Of the file, for a page that is there twice makes up for none.
    pub sha256: String,
    pub read: u64,
    pub all: u64,
}

/// Whether pages that lie side by side are all that there are, by set.
pub fn whole_sets<'a>(pages: impl IntoIterator<Item = &'a Page>) -> HashSet<String> {
    let mut sets: HashMap<&str, (HashSet<&str>, u64, bool)> = HashMap::new();
    let mut all = HashMap::new();
    for page in pages {
        let (seen, read, twice) = sets.entry(&page.set).or_default();
        *twice |= !seen.insert(&page.sha256);
        *read = read.saturating_add(page.read);
        all.insert(page.set.as_str(), page.all);
    }
    let is_whole = |(set, (_, read, twice)): &(&str, (HashSet<&str>, u64, bool))| !twice && all.get(set) == Some(read);
    sets.into_iter().filter(is_whole).map(|(set, _)| set.to_string()).collect()
}

/// What an envelope that holds some of the records only has to say.
pub(in crate::ingest) struct PagesLeft {
    /// A warning; its place is left open.
    pub finding: Finding,
    pub read: u64,
    /// How many records all pages have, where it says so.
    pub all: Option<u64>,
}

/// What an object says beside the list of its records.
#[derive(Default)]
pub(in crate::ingest) struct Beside {
    /// `None` where nothing says that there are more.
    pub pages: Option<PagesLeft>,
    /// A warning of values that are neither records nor about their page; its place is left open.
    pub left_out: Option<Finding>,
}

pub(in crate::ingest) fn beside_records(reader: impl Read) -> anyhow::Result<Beside> {
    let beside = Some(Vec::new());
    let mut reading = Reading { on: &mut |_| Ok(()), fields: Vec::new(), number: 0, beside, left_out: Vec::new() };
    // What breaks the file off is said by whoever reads its records.
    if reading.envelope(&mut Stream::new(reader))?.is_err() {
        return Ok(Beside::default());
    }
    let left_out = (!reading.left_out.is_empty()).then(|| {
        let message = "the object has values beside its list of records, which were left out; if they matter, they must \
                       stand in each record";
        let names = crate::finding::shown(reading.left_out.join(", "));
        Finding::new(Code::I116, message).severity(Severity::Warning).value(names)
    });
    Ok(Beside { pages: pages_left(reading.number, reading.beside.unwrap_or_default()), left_out })
}

fn pages_left(read: u64, beside: Vec<(String, String)>) -> Option<PagesLeft> {
    let is = |path: &str, names: &[&str]| {
        let name = normalise(path.rsplit('/').next().unwrap_or(path));
        names.contains(&name.as_str())
    };
    let all = beside.iter().find(|(path, _)| is(path, ALL)).and_then(|(_, value)| value.parse().ok());
    let says_so = beside.into_iter().find(|(path, value)| {
        let is_set = !matches!(value.trim(), "" | "0" | "false" | "null");
        (is(path, NEXT) && is_set)
            || (is(path, MORE) && value == "true")
            || (is(path, ALL) && value.parse().is_ok_and(|n: u64| n > read))
    });
    says_so.map(|(path, value)| {
        let message = format!(
            "the file is one page of several: it has {read} records, and {path:?} says that there are more; put the \
             other pages beside it"
        );
        let value = crate::finding::shown(value);
        PagesLeft { finding: Finding::new(Code::I110, message).severity(Severity::Warning).value(value), read, all }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_several_is_told() {
        let more = |text: &str| beside_records(text.as_bytes()).expect("read").pages.map(|left| left.finding.message);
        for page in [
            r#"{"value":[{"a":1}],"@odata.nextLink":"https://x.test/next"}"#,
            r#"{"@odata.count":3,"value":[{"a":1}]}"#,
            r#"{"items":[{"a":1}],"has_more":true}"#,
            r#"{"items":[{"a":1}],"paging":{"links":{"next":"/2"}}}"#,
            r#"{"content":[{"a":1}],"page":{"size":1,"totalElements":5,"totalPages":5,"number":0}}"#,
            r#"{"record_count":2,"clients":[{"a":1}]}"#,
            r#"{"clients":[{"a":1}],"total_count":2}"#,
            r#"{"data":{"clients":{"edges":[{"node":{}}],"pageInfo":{"hasNextPage":true}}}}"#,
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

    #[test]
    fn what_an_object_says_beside_its_records_is_told() {
        let told = |text: &str| beside_records(text.as_bytes()).expect("read").left_out.and_then(|f| f.value);
        for (text, names) in [
            (r#"{"id":7,"items":[{"a":1}],"by":{"name":"x"},"tags":["x"]}"#, Some("\"id, by, tags\"")),
            (r#"{"schema":{"fields":[{"name":"a"}],"v":1},"data":[{"a":1}]}"#, Some("\"schema\"")),
            (r#"{"items":[{"a":1}],"status":"failed"}"#, Some("\"status\"")),
            (r#"{"@odata.context":"x","@odata.count":1,"value":[{"a":1}],"note":null,"more":{}}"#, None),
            (r#"{"object":"list","url":"/v1/x","has_more":false,"data":[{"a":1}]}"#, None),
            (r#"{"clients":[{"a":1}],"page":1,"total":1}"#, None),
        ] {
            assert_eq!(told(text).as_deref(), names.map(|n| n.trim_matches('"')), "{text}");
        }
    }

    #[test]
    fn pages_are_all_there_when_they_have_all_records_between_them() {
        let page = |set: &str, sha256: &str, read| Page { set: set.into(), sha256: sha256.into(), read, all: 5 };
        let whole = |pages: &[Page]| whole_sets(pages).into_iter().collect::<Vec<_>>();
        let (one, two, three) = (page("a", "1", 2), page("a", "2", 2), page("a", "3", 1));
        assert_eq!(whole(&[one.clone(), two.clone(), three.clone()]), ["a"]);
        assert!(whole(&[one.clone(), two.clone()]).is_empty());
        assert!(whole(&[one.clone(), one.clone(), three.clone()]).is_empty(), "one page twice, and one missing");
        assert!(whole(&[one, two, page("b", "3", 1)]).is_empty());
    }
}
