//! The JSON Schema of a spec, for editors that complete and check TOML while it is written. The words in
//! it come from the tables that the program itself reads; a test holds that its keys are the very ones
//! that a spec may have.

use serde_json::{Map, Value, json};

use super::TableKind;

const DATE_ORDERS: &[&str] = &["ymd", "mdy", "dmy"];
const DECIMALS: &[&str] = &["point", "comma"];
const PERIOD_ENDS: &[&str] = &["inclusive", "exclusive"];
const PERIODS: &[&str] = &["charge", "folder"];
const NEEDED: &[&str] = &["account", "product", "quantity"];
const METER_RULES: &[&str] = &["sum", "max", "last", "average", "prorated"];

/// The schema, of draft 2020-12, as docs/format-spec.schema.json has it.
pub fn spec_schema() -> Value {
    let kinds: Vec<&str> = TableKind::ALL.iter().map(|k| k.word()).collect();
    let mut spec = json!({
        "id": { "type": "string", "pattern": "^[a-z0-9-]+$", "description": "A stable name, as controls.csv shows it." },
        "provider": { "type": "string", "description": "provider_name of rows whose columns give none." },
        "version": { "type": "string", "description": "Of the knowledge, not of the program." },
        "source": { "type": "string", "description": "Where the knowledge is from." },
        "notes": { "type": "string" },
        "fallback": { "type": "boolean", "default": false, "description": "Tried only where no other format fits." },
        "table": {
            "type": "array",
            "minItems": 1,
            "items": { "$ref": "#/$defs/table" },
            "description": "The tables of a PSA format; a format of one table has these keys at the top."
        },
    });
    for (key, value) in table_keys(&kinds).as_object().cloned().unwrap_or_default() {
        spec[key] = value;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trueup format spec",
        "description": "What a file is and how its cells become canonical columns.",
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": spec,
        "oneOf": [{ "required": ["kind", "recognise", "columns"] }, { "required": ["table"] }],
        "allOf": columns_by_kind(),
        "$defs": {
            "table": {
                "type": "object",
                "additionalProperties": false,
                "required": ["kind", "recognise", "columns"],
                "properties": table_keys(&kinds),
                "allOf": columns_by_kind(),
            },
            "headings": { "type": "array", "items": { "type": "string" } },
            "recognise": {
                "type": "object",
                "additionalProperties": false,
                "required": ["required"],
                "properties": {
                    "required": {
                        "type": "array",
                        "minItems": 1,
                        "items": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/headings" }] },
                        "description": "Headings that must all be there; a list means any one of them."
                    },
                    "usual": { "$ref": "#/$defs/headings", "description": "Missing ones are reported as drift." },
                    "optional": { "$ref": "#/$defs/headings", "description": "A trailing * means a family." },
                    "versions": { "type": "array", "items": { "$ref": "#/$defs/version" } },
                }
            },
            "version": {
                "type": "object",
                "additionalProperties": false,
                "required": ["version"],
                "properties": { "version": { "type": "string" }, "headings": { "$ref": "#/$defs/headings" } }
            },
            "read": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "sheet": { "type": "string", "description": "In a workbook, only a sheet of this name; * and ? as patterns." },
                    "within": { "type": "string", "description": "PSA tables, in JSON: rows are the objects of this list in each record of another table of the format." },
                    "date_order": { "enum": DATE_ORDERS, "description": "Without it decided per column from the file." },
                    "decimal": { "enum": DECIMALS, "description": "Without it decided per column from the file." },
                    "null_words": { "$ref": "#/$defs/headings", "description": "Cells that mean \"empty\"." },
                    "neutralised": { "type": "boolean", "default": false, "description": "Text that a spreadsheet would run stands behind a ', as in trueup's own outputs." },
                    "period_end": { "enum": PERIOD_ENDS, "default": "exclusive" },
                    "period": { "enum": PERIODS, "default": "charge" },
                    "exchange_rate": {
                        "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/headings" }],
                        "description": "Usage: the heading of what unit_cost is multiplied by to be in the row's currency; of several the first that the file has."
                    },
                    "require": { "type": "array", "items": { "enum": NEEDED }, "default": NEEDED },
                }
            },
            "column": {
                "anyOf": [
                    { "type": "string" },
                    { "$ref": "#/$defs/step" },
                    { "type": "array", "items": { "$ref": "#/$defs/column" } },
                ],
                "description": "A heading, a table, or a list of which the first with a value counts."
            },
            "step": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "heading": { "type": "string" },
                    "constant": { "type": "string" },
                    "join": { "$ref": "#/$defs/headings" },
                    "with": { "type": "string" },
                    "split": { "type": "string", "minLength": 1 },
                    "parts": { "type": "array", "items": { "type": "integer", "minimum": 1 }, "minItems": 1, "maxItems": 2 },
                    "words": { "type": "object", "additionalProperties": { "type": "string" } },
                    "otherwise": { "type": "string" },
                    "prefix": { "type": "string", "description": "Put before a value." },
                    "unless": { "$ref": "#/$defs/unless" },
                },
                "oneOf": [{ "required": ["heading"] }, { "required": ["constant"] }, { "required": ["join"] }],
                "dependentRequired": { "with": ["join"], "split": ["heading", "parts"], "parts": ["split"] }
            },
            "unless": {
                "type": "object",
                "additionalProperties": false,
                "required": ["heading", "words"],
                "properties": { "heading": { "type": "string" }, "words": { "$ref": "#/$defs/headings" } },
                "description": "Rows in which the step is passed over."
            },
            "row_rule": {
                "type": "object",
                "additionalProperties": false,
                "required": ["heading", "words", "reason"],
                "properties": {
                    "heading": { "type": "string" },
                    "words": { "$ref": "#/$defs/headings" },
                    "reason": { "type": "string" },
                }
            },
            "totals": {
                "type": "object",
                "additionalProperties": false,
                "required": ["labels"],
                "properties": { "labels": { "$ref": "#/$defs/headings" } }
            },
        }
    })
}

fn table_keys(kinds: &[&str]) -> Value {
    json!({
        "kind": { "enum": kinds },
        "meter": { "enum": METER_RULES, "default": "sum" },
        "identity": {
            "$ref": "#/$defs/headings",
            "description": "Headings that the vendor can never repeat with another meaning."
        },
        "exported": { "$ref": "#/$defs/headings", "description": "Headings of the export's own date." },
        "recognise": { "$ref": "#/$defs/recognise" },
        "read": { "$ref": "#/$defs/read" },
        "columns": { "type": "object", "minProperties": 1, "additionalProperties": { "$ref": "#/$defs/column" } },
        "each": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["quantity"],
                "propertyNames": { "enum": TableKind::Usage.columns() },
                "additionalProperties": { "$ref": "#/$defs/column" }
            },
            "description": "Where a row counts several things: for each a usage row, with these columns instead."
        },
        "exclude": { "type": "array", "items": { "$ref": "#/$defs/row_rule" } },
        "cost_only": { "type": "array", "items": { "$ref": "#/$defs/row_rule" } },
        "totals": { "$ref": "#/$defs/totals" },
    })
}

/// Which column names a kind has.
fn columns_by_kind() -> Value {
    let rules = TableKind::ALL.iter().map(|kind| {
        let mut names = Map::new();
        names.insert("propertyNames".into(), json!({ "enum": kind.columns() }));
        json!({
            "if": { "properties": { "kind": { "const": kind.word() } }, "required": ["kind"] },
            "then": { "properties": { "columns": names } }
        })
    });
    Value::Array(rules.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::format::parse_spec;

    /// `TRUEUP_BLESS=1` writes the schema.
    #[test]
    fn the_schema_file_is_what_the_program_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/format-spec.schema.json");
        let mut schema = serde_json::to_string_pretty(&spec_schema()).expect("JSON");
        schema.push('\n');
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            fs_err::write(&path, &schema).expect("docs can be written");
        }
        let written = fs_err::read_to_string(&path).expect("docs/format-spec.schema.json");
        assert!(written == schema, "the schema is not what the program says; write it with TRUEUP_BLESS=1");
    }

    /// The words that the reader of specs says it knows, asked by one it does not.
    fn known(spec: &str) -> BTreeSet<String> {
        let message = parse_spec(spec).expect_err(spec).message;
        assert!(message.starts_with("unknown "), "{message}");
        let listed = message.split("expected").nth(1).unwrap_or_default();
        listed.split("; did").next().unwrap_or_default().split('`').skip(1).step_by(2).map(String::from).collect()
    }

    fn keys(at: &Value) -> BTreeSet<String> {
        at.as_object().expect("an object").keys().cloned().collect()
    }

    fn words(at: &Value) -> BTreeSet<String> {
        at.as_array().expect("a list").iter().map(|v| v.as_str().expect("a word").to_string()).collect()
    }

    const TABLE: &str = "kind = \"usage\"\n[recognise]\nrequired = [\"A\"]\n[columns]\nsku_id = \"A\"\n";

    #[test]
    fn its_keys_are_those_a_spec_may_have_and_no_others() {
        let schema = spec_schema();
        let of = |name: &str| keys(&schema["$defs"][name]["properties"]);
        let top = format!("id = \"a\"\n{TABLE}");
        assert_eq!(keys(&schema["properties"]), known(&format!("zzz = 1\n{top}")));
        assert_eq!(of("table"), known("id = \"a\"\n[[table]]\nzzz = 1\nkind = \"usage\"\n"));
        assert_eq!(of("recognise"), known(&top.replace("required =", "zzz =")));
        assert_eq!(of("version"), known(&top.replace("[columns]", "versions = [{ zzz = 1 }]\n[columns]")));
        assert_eq!(of("read"), known(&format!("{top}[read]\nzzz = 1\n")));
        assert_eq!(of("step"), known(&top.replace("\"A\"\n", "{ zzz = 1 }\n")));
        assert_eq!(of("row_rule"), known(&format!("{top}[[exclude]]\nzzz = 1\n")));
        assert_eq!(of("row_rule"), known(&format!("{top}[[cost_only]]\nzzz = 1\n")));
        assert_eq!(of("totals"), known(&format!("{top}[totals]\nzzz = 1\n")));
    }

    #[test]
    fn its_words_are_those_a_spec_may_have_and_no_others() {
        let schema = spec_schema();
        let top = format!("id = \"a\"\n{TABLE}");
        let table = &schema["$defs"]["table"]["properties"];
        assert_eq!(words(&table["kind"]["enum"]), known(&top.replace("\"usage\"", "\"zzz\"")));
        assert_eq!(words(&table["meter"]["enum"]), known(&format!("meter = \"zzz\"\n{top}")));
        let read = &schema["$defs"]["read"]["properties"];
        for key in ["date_order", "decimal", "period_end", "period"] {
            assert_eq!(words(&read[key]["enum"]), known(&format!("{top}[read]\n{key} = \"zzz\"\n")), "{key}");
        }
        assert_eq!(words(&read["require"]["items"]["enum"]), known(&format!("{top}[read]\nrequire = [\"zzz\"]\n")));
    }
}
