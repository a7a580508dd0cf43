//! How a text is cut into records: lines of delimited fields, or one of the three ways that APIs hand
//! out JSON.

use super::envelope::wrapped;
use super::extent::{Extent, extent};

/// How records stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    Delimited,
    JsonArray,
    /// One value after another, usually one a line; a lone object is one record.
    JsonLines,
    /// An object that holds the array of records, as pages of an API do.
    JsonEnvelope,
    /// Rows of a workbook's sheet.
    Sheet,
    Parquet,
}

impl Shape {
    pub const fn name(self) -> &'static str {
        match self {
            Shape::Delimited => "delimited",
            Shape::JsonArray => "JSON array",
            Shape::JsonLines => "JSON lines",
            Shape::JsonEnvelope => "JSON envelope",
            Shape::Sheet => "sheet",
            Shape::Parquet => "Parquet",
        }
    }

    /// Whether a row of headings stands above the rows, among titles and notes; else every record names its
    /// values itself.
    pub const fn is_laid_out(self) -> bool {
        match self {
            Shape::Delimited | Shape::Sheet => true,
            Shape::JsonArray | Shape::JsonLines | Shape::JsonEnvelope | Shape::Parquet => false,
        }
    }

    /// By the text's beginning, which need not hold a whole value.
    pub(super) fn of(head: &str) -> Self {
        let text = head.trim_start();
        let second = text.get(1..).and_then(|rest| rest.trim_start().chars().next());
        match (text.as_bytes().first(), second) {
            (Some(b'['), Some('{' | ']')) => Shape::JsonArray,
            (Some(b'{'), Some('"' | '}')) => match extent(text.as_bytes(), true) {
                Extent::Whole(end) if text[end..].trim_start().starts_with('{') => Shape::JsonLines,
                _ if wrapped(text).is_some() => Shape::JsonEnvelope,
                _ => Shape::JsonLines,
            },
            _ => Shape::Delimited,
        }
    }
}

/// Whether the text is JSON all the same: an array of anything but objects, which are no records.
pub(super) fn is_other_json(head: &str, whole: bool) -> bool {
    let text = head.trim_start();
    if !text.starts_with('[') {
        return false;
    }
    match extent(text.as_bytes(), whole) {
        Extent::Whole(end) => {
            let behind = text[end..].trim_start();
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text[..end]).is_ok();
            is_json && (behind.is_empty() || behind.starts_with('['))
        }
        // One array may be longer than the head: in a table the bracket would not be left open.
        _ => !whole && text[1..].trim_start().starts_with(['[', '"']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_other_things_are_no_tables() {
        let long = format!("[[{}", "1,".repeat(1000));
        for json in ["[1,2]", "[\"a\"]\n", "[[\"a\"],[1]]", "[\"a\",\"b\"]\n[1,2]\n", " [ null ]"] {
            assert!(is_other_json(json, true), "{json}");
        }
        assert!(is_other_json(&long, false));
        for table in ["[id],[name]\n1,2\n", "[1],[2]\n1,2\n", "[2026]\na,b\n", "[Report]\n", "a,b\n", "[\"a"] {
            assert!(!is_other_json(table, true), "{table}");
        }
    }

    #[test]
    fn the_beginning_tells_the_shape() {
        for (text, shape) in [
            ("a,b\n1,2\n", Shape::Delimited),
            ("", Shape::Delimited),
            ("[Report] of May\n", Shape::Delimited),
            ("{curly},b\n", Shape::Delimited),
            (" [ {\"a\":1} ]", Shape::JsonArray),
            ("[]", Shape::JsonArray),
            ("{\"a\":1}", Shape::JsonLines),
            ("{}", Shape::JsonLines),
            ("{\"a\":1}\n{\"a\":2}", Shape::JsonLines),
            ("{\"items\":[{\"a\":1}]}\n{\"items\":[]}", Shape::JsonLines),
            ("{\"items\":[1,2]}", Shape::JsonLines),
            ("{\"id\":7,\"lines\":[{\"a\":1}]}", Shape::JsonLines),
            ("{\"a]\\\"}\":{\"items\":[]},\"n\":1.5,\"Items\" : [ {\"a\":1}", Shape::JsonEnvelope),
            ("{\"content\":[{\"a\":1}],\"page\":{\"size\":1}}", Shape::JsonEnvelope),
            ("{\"totalCount\":0,\"value\":[]}", Shape::JsonEnvelope),
            ("{\"clients\":[{\"a\":1}]}", Shape::JsonEnvelope),
            ("{\"clients\":[{\"a\":1}]}}", Shape::JsonEnvelope),
            ("{\"a\":1},\n{\"a\":2}", Shape::JsonLines),
            ("{\"clients\":[{\"a\":1}]}\n{\"clients\":[]}", Shape::JsonLines),
            ("{\"record_count\":1,\"clients\":[{\"id\":1}]}", Shape::JsonEnvelope),
        ] {
            assert_eq!(Shape::of(text), shape, "{text:?}");
        }
    }
}
