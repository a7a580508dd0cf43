//! Which list within a JSON object holds its records. APIs wrap them in an object of their own, with what there is to
//! say of the page beside them; a record may hold lists as well. What tells them apart are values that are no words of
//! paging: an object that has some is a record, unless its list has a name that APIs give to records.

use super::extent::{Extent, extent};
use crate::format::normalise;

/// The member names under which APIs put their records.
const RECORDS: &[&str] = &[
    "value",
    "content",
    "items",
    "data",
    "results",
    "lineItems",
    "line_items",
    "records",
    "rows",
    "entries",
    "charges",
];

/// The member that says an object is a page, whatever its list is called.
const PAGE_MARK: &str = "record_count";

/// Members that hold where the next page is, as `odata.nextLink` is reduced.
pub(super) const NEXT: &[&str] = &[
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
pub(super) const MORE: &[&str] = &["hasmore", "hasnext", "hasnextpage", "hasmorepages", "morerecords", "moreitems"];
/// Members that count all records of all pages.
pub(super) const ALL: &[&str] =
    &["totalelements", "totalcount", "totalrecords", "totalitems", "totalresults", "odatacount", "recordcount"];

/// Other members that speak of the page or of the call, and of no record.
const OF_PAGE: &[&str] = &[
    "apiversion",
    "correlationid",
    "currentpage",
    "cursor",
    "cursors",
    "endcursor",
    "etag",
    "extensions",
    "firstpage",
    "included",
    "jsonapi",
    "lastpage",
    "links",
    "meta",
    "metadata",
    "numberofelements",
    "odatacontext",
    "odataetag",
    "page",
    "pageable",
    "pagecontext",
    "pagecount",
    "pagedetails",
    "pageindex",
    "pageinfo",
    "pageno",
    "pagenumber",
    "pages",
    "pagesize",
    "pagination",
    "paging",
    "paginginfo",
    "perpage",
    "previouscursor",
    "previouslink",
    "previouspage",
    "prevpageurl",
    "requestid",
    "responsemetadata",
    "skiptoken",
    "sort",
    "startcursor",
    "totalpages",
    "traceid",
];
/// Those that do so where they are a number of records.
const COUNTS: &[&str] = &["count", "from", "limit", "offset", "size", "skip", "to", "top", "total"];
/// Those that do so where they are no text, or a link.
const LINKS: &[&str] = &["attributes", "empty", "first", "href", "last", "prev", "previous", "self", "url"];
/// Those that do so where all is well.
const STATES: &[&str] = &["code", "error", "errors", "ok", "status", "statuscode", "success", "warnings"];
const WELL: &[&str] =
    &["", "0", "200", "completed", "null", "ok", "success", "succeeded", "successful", "true", "{}", "[]"];

/// How deep wrappers are looked into.
const DEEPEST: usize = 8;

/// Where the records of an object stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// The members that lead to the list.
    pub path: Vec<String>,
    /// Its name alone says that it holds records; else nothing but words of paging may stand beside it.
    pub named: bool,
}

/// The list that holds the records of the object that `text` begins with, which may be cut; `None` for an object that is
/// a record. Of several the first: whoever reads it comes to the others.
pub(super) fn wrapped(text: &str) -> Option<Wrapped> {
    let seen = Outline::of(text, 0);
    let direct = || seen.lists.iter().filter(|list| list.path.len() == 1);
    let named = || direct().filter(|list| seen.paged || is_of_records(&list.path[0]));
    let chosen = named().find(|list| list.filled).or_else(|| named().next());
    if let Some(list) = chosen {
        return Some(Wrapped { path: list.path.clone(), named: true });
    }
    if seen.own {
        return None;
    }
    let list = seen.lists.iter().find(|list| list.filled).or(seen.lists.first())?;
    Some(Wrapped { path: list.path.clone(), named: false })
}

/// Whether APIs give this name to a list of records.
pub(super) fn is_of_records(member: &str) -> bool {
    RECORDS.iter().any(|name| name.eq_ignore_ascii_case(member))
}

/// Whether a member speaks of the page or of the call and not of a record; `value` is its JSON, or the beginning of it.
pub(super) fn is_beside(member: &str, value: &str) -> bool {
    let name = normalise(member);
    let is = |names: &[&str]| names.contains(&name.as_str());
    let plain = value.trim().trim_matches('"');
    match name.as_str() {
        "object" | "kind" => plain.to_ascii_lowercase().ends_with("list"),
        "message" => value.starts_with('"'),
        "type" => matches!(plain, "list" | "collection"),
        _ if is(COUNTS) => !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit()),
        _ if is(LINKS) => {
            !value.starts_with('"') || plain.is_empty() || plain.starts_with(['/', '?']) || plain.starts_with("http")
        }
        _ if is(STATES) => WELL.iter().any(|well| plain.eq_ignore_ascii_case(well)),
        _ => is(NEXT) || is(MORE) || is(ALL) || is(OF_PAGE),
    }
}

/// Whether an object with a member of this value has values of its own, as a record has.
pub(super) fn is_own(value: &str) -> bool {
    let mut seen = Outline::default();
    seen.member(String::new(), value, 0);
    seen.own
}

/// Whether the object that `text` is wraps lists of records and is none.
pub(super) fn wraps_records(text: &str) -> bool {
    let seen = Outline::of(text, 0);
    !seen.own && seen.lists.iter().any(|list| list.filled)
}

/// A list of objects, or an empty one.
#[derive(Debug)]
struct Listed {
    path: Vec<String>,
    filled: bool,
}

/// What the members of an object are, as far as the text goes.
#[derive(Debug, Default)]
struct Outline {
    lists: Vec<Listed>,
    /// It has values of its own, as a record has.
    own: bool,
    paged: bool,
}

impl Outline {
    fn of(text: &str, depth: usize) -> Self {
        let mut seen = Self::default();
        let mut rest = text.get(1..).unwrap_or_default().trim_start();
        loop {
            let Extent::Whole(end) = extent(rest.as_bytes(), true) else { return seen };
            let Ok(member) = serde_json::from_str::<String>(&rest[..end]) else { return seen };
            let Some(value) = rest[end..].trim_start().strip_prefix(':') else { return seen };
            let value = value.trim_start();
            let length = match extent(value.as_bytes(), true) {
                Extent::Whole(length) => length,
                Extent::More | Extent::None => value.len(),
            };
            seen.paged |= member == PAGE_MARK;
            seen.member(member, &value[..length], depth);
            let Some(next) = value[length..].trim_start().strip_prefix(',') else { return seen };
            rest = next.trim_start();
        }
    }

    fn member(&mut self, member: String, value: &str, depth: usize) {
        if is_beside(&member, value) {
            return;
        }
        let inside = value.get(1..).unwrap_or_default().trim_start();
        match value.as_bytes().first() {
            Some(b'[') if inside.starts_with(['{', ']']) => {
                self.lists.push(Listed { path: vec![member], filled: inside.starts_with('{') });
            }
            Some(b'{') if depth < DEEPEST => {
                let within = Self::of(value, depth + 1);
                if within.own {
                    self.own = true;
                }
                let lists = within.lists.into_iter().filter(|_| !within.own);
                self.lists.extend(lists.map(|mut list| {
                    list.path.insert(0, member.clone());
                    list
                }));
            }
            Some(_) => self.own |= value != "null",
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<String> {
        wrapped(text).map(|found| found.path.join("/"))
    }

    #[test]
    fn a_list_alone_holds_the_records_whatever_its_name() {
        for (text, found) in [
            (r#"{"clients":[{"id":1}]}"#, "clients"),
            (r#" {"clients":[]}"#.trim_start(), "clients"),
            (r#"{"clients":[{"id":1}],"total":1,"page":1,"per_page":50,"next":null}"#, "clients"),
            (r#"{"success":true,"message":"Found 2","error":null,"invoices":[{"id":1}]}"#, "invoices"),
            (r#"{"status":"success","data":{"clients":[{"id":1}]}}"#, "data/clients"),
            (
                r#"{"data":{"clients":{"edges":[{"node":{"id":1}}],"pageInfo":{"hasNextPage":true}}}}"#,
                "data/clients/edges",
            ),
            (
                r#"{"_embedded":{"clients":[{"id":1}]},"_links":{"self":{"href":"/x"}},"page":{"size":1}}"#,
                "_embedded/clients",
            ),
            (r#"{"d":{"results":[{"id":1}],"__count":"1"}}"#, "d/results"),
            (r#"{"errors":[],"clients":[{"id":1}],"devices":[]}"#, "clients"),
            (r#"{"links":[{"rel":"next","href":"/2"}],"clients":[{"id":1}]}"#, "clients"),
            (r#"{"clients":[{"id":1},{"id""#, "clients"),
            (r#"{"id":7,"name":"x","Items" : [ {"id":1}"#, "Items"),
            (r#"{"record_count":1,"unread":3,"clients":[{"id":1}]}"#, "clients"),
            (r#"{"schema":{"fields":[{"name":"a"}],"v":1},"data":[{"a":1}]}"#, "data"),
        ] {
            assert_eq!(path(text).as_deref(), Some(found), "{text}");
        }
    }

    #[test]
    fn an_object_with_values_of_its_own_is_a_record() {
        for text in [
            "{}",
            r#"{"a":1}"#,
            r#"{"id":7,"lines":[{"a":1}]}"#,
            r#"{"number":"INV-7","total":100,"status":"paid","lines":[{"a":1}]}"#,
            r#"{"total":"100.00","lines":[{"a":1}]}"#,
            r#"{"client":{"name":"Acme","lines":[{"a":1}]}}"#,
            r#"{"client":{"name":"Acme"},"lines":[{"a":1}]}"#,
            r#"{"error":"timeout","clients":[]}"#,
            r#"{"items":[1,2]}"#,
            r#"{"a":["x"],"lines":[{"a":1}]}"#,
            r#"{"items"#,
            r#"{"a":{"b":{"#,
        ] {
            assert_eq!(path(text), None, "{text}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(100_000), "[{");
        assert_eq!(path(&deep), None, "and no stack is too small");
    }
}
