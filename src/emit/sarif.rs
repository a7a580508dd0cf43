//! SARIF 2.1.0 (OASIS), for code scanning. One result per file and cause, however many rows it concerns: its
//! `occurrenceCount` is exact, its related locations are the examples.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::checked::{CheckedFile, case, checks, headline};
use super::findings::FindingGroup;
use crate::finding::{Code, Place, Severity};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The report of the files checked. `done`: every file named could be opened.
pub fn sarif_text(files: &[CheckedFile], done: bool) -> serde_json::Result<String> {
    let rules: Vec<Value> = checks().map(rule).collect();
    let results: Vec<Value> =
        files.iter().flat_map(|file| file.findings.iter().map(move |group| result(file, group))).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "trueup",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{ "executionSuccessful": done }],
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "name": code.name(),
        "shortDescription": { "text": code.meaning() },
        "help": { "text": code.way_out() },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn result(file: &CheckedFile, group: &FindingGroup) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".into(), json!(group.code));
    if let Some(index) = checks().position(|c| c.id() == group.code) {
        result.insert("ruleIndex".into(), json!(index));
    }
    result.insert("level".into(), json!(level(group.level())));
    result.insert("message".into(), json!({ "text": headline(group) }));
    let whole = Place::file(&file.file);
    let first = group.examples.first().and_then(|e| e.at.as_ref()).unwrap_or(&whole);
    result.insert("locations".into(), json!([location(first)]));
    let others: Vec<Value> = group
        .examples
        .iter()
        .skip(1)
        .filter_map(|e| {
            let mut location = location(e.at.as_ref()?);
            let field = e.at.as_ref().and_then(|p| p.column);
            let text = format!("{}{}", e.message, case(e.value.as_deref(), field));
            location.as_object_mut()?.insert("message".into(), json!({ "text": text }));
            Some(location)
        })
        .collect();
    if !others.is_empty() {
        result.insert("relatedLocations".into(), json!(others));
    }
    result.insert("occurrenceCount".into(), json!(group.count));
    // The same cause in the same file is the same result, on whichever lines it stands.
    let print = format!("{}\u{1f}{}\u{1f}{}", group.code, file.file, group.cause);
    let print = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(print.as_bytes()));
    result.insert("partialFingerprints".into(), json!({ "cause/v1": print }));
    result.insert("properties".into(), json!({ "count": group.count }));
    Value::Object(result)
}

fn location(place: &Place) -> Value {
    let mut physical = Map::new();
    physical.insert("artifactLocation".into(), json!({ "uri": uri(&place.path) }));
    if let Some(line) = place.line.filter(|line| *line > 0) {
        physical.insert("region".into(), json!({ "startLine": line }));
    }
    json!({ "physicalLocation": physical })
}

/// A relative path as a URI reference, an absolute one as a `file:` URI.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let bytes = path.as_bytes();
    let drive = bytes.get(1) == Some(&b':') && bytes.get(2) == Some(&b'/');
    if path.starts_with('/') {
        out.push_str("file://");
    } else if drive {
        out.push_str("file:///");
    }
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(*byte)),
            b':' if drive && at == 1 => out.push(':'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::checked::sample;
    use super::*;

    fn log() -> Value {
        serde_json::from_str(&sarif_text(&sample::files(), true).expect("JSON")).expect("JSON")
    }

    #[test]
    fn a_cause_is_one_result_with_its_exact_count() {
        let log = log();
        let results = log["runs"][0]["results"].as_array().expect("results");
        assert_eq!(results.len(), 4);
        let number = &results[0];
        assert_eq!(number["ruleId"], "I105");
        assert_eq!(number["level"], "error");
        assert_eq!(number["occurrenceCount"], 7);
        assert_eq!(number["properties"]["count"], 7);
        assert_eq!(
            number["message"]["text"],
            "quantity: the cell is not a number: \"<12..5> & \\\"%\\\"\" in field 4 (7 times)"
        );
        let physical = &number["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "in/a%20b.csv");
        assert_eq!(physical["region"], json!({ "startLine": 2 }), "a field's number is no column of characters");
        assert_eq!(number["relatedLocations"].as_array().map(Vec::len), Some(4));
        assert_eq!(results[2]["level"], "note");
        assert!(results[3]["locations"][0]["physicalLocation"].get("region").is_none());
    }

    #[test]
    fn every_result_names_a_rule_of_the_code_table() {
        let log = log();
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules").clone();
        for result in log["runs"][0]["results"].as_array().expect("results") {
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert_eq!(result["partialFingerprints"]["cause/v1"].as_str().map(str::len), Some(32));
        }
        assert_eq!(rules[0]["shortDescription"]["text"], Code::I101.meaning());
        assert_eq!(rules[0]["help"]["text"], Code::I101.way_out());
    }

    #[test]
    fn a_path_is_a_uri_reference() {
        assert_eq!(uri("in/a b#c.csv"), "in/a%20b%23c.csv");
        assert_eq!(uri("a:b.csv"), "a%3Ab.csv", "no scheme");
        assert_eq!(uri("/tmp/ä.csv"), "file:///tmp/%C3%A4.csv");
        assert_eq!(uri("C:/x.csv"), "file:///C:/x.csv");
    }
}
