//! A spec as it stands in a TOML file, and the checks that turn it into a [`Spec`]. Every fault names its
//! line and column, and an unknown word comes with the nearest known one.

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use toml::Spanned;

use super::spec::{
    ColumnRule, DateOrderRule, DecimalRule, From, Needed, Parts, PeriodEnd, PeriodSource, Read, Recognise, RowRule,
    Spec, Step, TableSpec, Unless, VersionRule, Word,
};
use super::{MeterRule, TableKind, closest};

/// A fault in a spec file. Line and column are 1-based.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecFault {
    pub line: u64,
    pub column: u64,
    /// What stands there.
    pub value: String,
    pub message: String,
}

/// Reads one spec.
pub fn parse_spec(text: &str) -> Result<Spec, SpecFault> {
    let raw: RawSpec = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        fault(text, span, with_suggestion(error.message()))
    })?;
    raw.into_spec(text)
}

fn fault(text: &str, span: Range<usize>, message: impl Into<String>) -> SpecFault {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let value = text.get(span).unwrap_or_default().lines().next().unwrap_or_default().to_string();
    SpecFault {
        line: before.matches('\n').count() as u64 + 1,
        column: before[line_start..].chars().count() as u64 + 1,
        value,
        message: message.into(),
    }
}

/// serde names the unknown word and the known ones in backticks; the nearest is what was meant.
fn with_suggestion(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next().unwrap_or_default();
    match closest(unknown, words) {
        Some(near) if message.starts_with("unknown") => format!("{message}; did you mean `{near}`?"),
        _ => message.to_string(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpec {
    id: Spanned<String>,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    notes: String,
    #[serde(default)]
    fallback: bool,
    #[serde(default)]
    table: Vec<RawTable>,
    kind: Option<TableKind>,
    meter: Option<MeterRule>,
    #[serde(default)]
    identity: Vec<String>,
    #[serde(default)]
    exported: Vec<String>,
    recognise: Option<RawRecognise>,
    read: Option<RawRead>,
    #[serde(default)]
    columns: RawColumns,
    #[serde(default)]
    each: Vec<RawColumns>,
    #[serde(default)]
    exclude: Vec<RawRowRule>,
    #[serde(default)]
    cost_only: Vec<RawRowRule>,
    totals: Option<RawTotals>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    kind: TableKind,
    meter: Option<MeterRule>,
    #[serde(default)]
    identity: Vec<String>,
    #[serde(default)]
    exported: Vec<String>,
    recognise: RawRecognise,
    read: Option<RawRead>,
    #[serde(default)]
    columns: RawColumns,
    #[serde(default)]
    each: Vec<RawColumns>,
    #[serde(default)]
    exclude: Vec<RawRowRule>,
    #[serde(default)]
    cost_only: Vec<RawRowRule>,
    totals: Option<RawTotals>,
}

type RawColumns = IndexMap<Spanned<String>, RawColumn>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecognise {
    #[serde(default)]
    required: Vec<OneOrMany>,
    #[serde(default)]
    usual: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    versions: Vec<RawVersion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    version: String,
    #[serde(default)]
    headings: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRead {
    sheet: Option<String>,
    within: Option<String>,
    date_order: Option<DateOrderRule>,
    decimal: Option<DecimalRule>,
    #[serde(default)]
    null_words: Vec<String>,
    #[serde(default)]
    neutralised: bool,
    #[serde(default)]
    period_end: PeriodEnd,
    #[serde(default)]
    period: PeriodSource,
    exchange_rate: Option<OneOrMany>,
    require: Option<Vec<Needed>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRowRule {
    heading: String,
    words: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTotals {
    labels: Vec<String>,
}

struct OneOrMany(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a heading or a list of headings")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_string()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = seq.next_element()? {
                    all.push(item);
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(V)
    }
}

/// A heading, a table, or a list of these.
struct RawColumn(Vec<RawStep>);

impl<'de> Deserialize<'de> for RawColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = RawColumn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a heading, a table with heading, constant or join, or a list of these")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawColumn, E> {
                Ok(RawColumn(vec![RawStep { heading: Some(text.to_string()), ..RawStep::default() }]))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawColumn, A::Error> {
                Ok(RawColumn(vec![RawStep::deserialize(MapAccessDeserializer::new(map))?]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawColumn, A::Error> {
                let mut all = Vec::new();
                while let Some(RawColumn(steps)) = seq.next_element()? {
                    all.extend(steps);
                }
                Ok(RawColumn(all))
            }
        }
        deserializer.deserialize_any(V)
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawStep {
    heading: Option<String>,
    constant: Option<String>,
    join: Option<Vec<String>>,
    with: Option<String>,
    split: Option<String>,
    #[serde(default)]
    parts: Vec<usize>,
    #[serde(default)]
    words: IndexMap<String, String>,
    otherwise: Option<String>,
    #[serde(default)]
    prefix: String,
    unless: Option<RawUnless>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnless {
    heading: String,
    words: Vec<String>,
}

impl RawSpec {
    fn into_spec(self, text: &str) -> Result<Spec, SpecFault> {
        let id_span = self.id.span();
        let id = self.id.into_inner();
        let id_is_plain = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if id.is_empty() || !id_is_plain {
            return Err(fault(text, id_span, "an id is lower-case letters, digits and hyphens"));
        }
        let mut raw_tables = self.table;
        match (self.kind, self.recognise) {
            (Some(kind), Some(recognise)) => raw_tables.push(RawTable {
                kind,
                meter: self.meter,
                identity: self.identity,
                exported: self.exported,
                recognise,
                read: self.read,
                columns: self.columns,
                each: self.each,
                exclude: self.exclude,
                cost_only: self.cost_only,
                totals: self.totals,
            }),
            (None, None) if !raw_tables.is_empty() => {}
            _ => return Err(fault(text, id_span, "a spec needs `kind` and [recognise], or [[table]]s that have them")),
        }
        let tables =
            raw_tables.into_iter().map(|t| t.into_table(text, id_span.clone())).collect::<Result<Vec<_>, _>>()?;
        if tables.iter().any(|t| t.kind == TableKind::Usage) && tables.len() > 1 {
            return Err(fault(text, id_span, "a usage format has one table"));
        }
        if tables.iter().all(|t| t.read.within.is_some()) {
            return Err(fault(
                text,
                id_span,
                "`within` goes with another table of the format, whose records hold the list",
            ));
        }
        Ok(Spec {
            id,
            provider: self.provider,
            version: self.version,
            source: self.source,
            notes: self.notes,
            fallback: self.fallback,
            tables,
            text: text.to_string(),
            file: None,
        })
    }
}

impl RawTable {
    fn into_table(self, text: &str, near: Range<usize>) -> Result<TableSpec, SpecFault> {
        let required: Vec<Vec<String>> = self.recognise.required.into_iter().map(|r| r.0).collect();
        if required.iter().all(Vec::is_empty) {
            return Err(fault(text, near, "a table needs at least one required heading to be recognised by"));
        }
        let columns = into_columns(self.columns, self.kind, text)?;
        if !self.each.is_empty() && self.kind != TableKind::Usage {
            return Err(fault(text, near, "[[each]] is of usage: a row of another table is one record"));
        }
        let mut each = Vec::new();
        for raw in self.each {
            let span = raw.first().map_or(near.clone(), |(name, _)| name.span());
            let own = into_columns(raw, self.kind, text)?;
            if own.iter().all(|c| c.name != "quantity") {
                return Err(fault(text, span, "what [[each]] counts needs a quantity of its own"));
            }
            each.push(own);
        }
        if columns.is_empty() {
            return Err(fault(text, near, "a table needs [columns]"));
        }
        let read = self.read.unwrap_or_default();
        if read.exchange_rate.is_some() && self.kind != TableKind::Usage {
            return Err(fault(
                text,
                near,
                "`exchange_rate` is of usage: it is what a vendor's unit cost is charged at",
            ));
        }
        let rules = |raw: Vec<RawRowRule>| {
            raw.into_iter().map(|r| RowRule { heading: r.heading, words: r.words, reason: r.reason }).collect()
        };
        Ok(TableSpec {
            kind: self.kind,
            recognise: Recognise {
                required,
                usual: self.recognise.usual,
                optional: self.recognise.optional,
                versions: self
                    .recognise
                    .versions
                    .into_iter()
                    .map(|v| VersionRule { version: v.version, headings: v.headings })
                    .collect(),
            },
            read: Read {
                sheet: read.sheet,
                within: read.within,
                date_order: read.date_order,
                decimal: read.decimal,
                null_words: read.null_words,
                neutralised: read.neutralised,
                period_end: read.period_end,
                period: read.period,
                exchange_rate: read.exchange_rate.map(|r| r.0).unwrap_or_default(),
                require: read.require.unwrap_or_else(|| vec![Needed::Account, Needed::Product, Needed::Quantity]),
            },
            columns,
            each,
            exclude: rules(self.exclude),
            cost_only: rules(self.cost_only),
            identity: self.identity,
            exported: self.exported,
            meter: self.meter.unwrap_or_default(),
            total_labels: self.totals.map(|t| t.labels).unwrap_or_default(),
        })
    }
}

fn into_columns(raw: RawColumns, kind: TableKind, text: &str) -> Result<Vec<ColumnRule>, SpecFault> {
    let known = kind.columns();
    let mut columns = Vec::new();
    for (name, raw) in raw {
        let span = name.span();
        let name = name.into_inner();
        if !known.contains(&name.as_str()) {
            let hint = closest(&name, known.iter().copied()).map_or_else(
                || format!("; the columns are {}", known.join(", ")),
                |near| format!("; did you mean `{near}`?"),
            );
            let message = format!("`{name}` is no canonical column of {}{hint}", kind.word());
            return Err(fault(text, span, message));
        }
        let steps = raw.0.into_iter().map(|s| s.into_step().map_err(|m| fault(text, span.clone(), m)));
        columns.push(ColumnRule { name, steps: steps.collect::<Result<_, _>>()? });
    }
    Ok(columns)
}

impl RawStep {
    fn into_step(self) -> Result<Step, &'static str> {
        let from = match (self.heading, self.constant, self.join) {
            (Some(heading), None, None) => From::Heading(heading),
            (None, Some(constant), None) => From::Constant(constant),
            (None, None, Some(parts)) => From::Join(parts, self.with.clone().unwrap_or_default()),
            _ => return Err("a column needs exactly one of `heading`, `constant` and `join`"),
        };
        if self.with.is_some() && !matches!(from, From::Join(..)) {
            return Err("`with` goes with `join`");
        }
        let parts = match (self.split, self.parts.as_slice()) {
            (None, []) => None,
            (Some(separator), &([first] | [first, _])) if !separator.is_empty() && first > 0 => {
                let last = self.parts.last().copied().unwrap_or(first);
                if last < first {
                    return Err("`parts` names a part, or the first and the last of several");
                }
                Some(Parts { separator, first, last })
            }
            _ => {
                return Err("`split` (a separator) and `parts` (a part from 1, or the first and the last) go together");
            }
        };
        if parts.is_some() && !matches!(from, From::Heading(_)) {
            return Err("`split` goes with `heading`");
        }
        let words = self.words.into_iter().map(|(word, means)| Word { word, means }).collect();
        let unless = self.unless.map(|u| Unless { heading: u.heading, words: u.words });
        Ok(Step { from, parts, words, otherwise: self.otherwise, prefix: self.prefix, unless })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "id = \"acme\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Tenant\", [\"Sku\", \"Part\"]]\n\
        [columns]\nsku_id = [\"Sku\", \"Part\"]\nquantity = { constant = \"1\" }\n";

    #[test]
    fn a_small_spec_takes_the_defaults() {
        let spec = parse_spec(SMALL).expect("a spec");
        let table = &spec.tables[0];
        assert_eq!(table.recognise.required[1], ["Sku", "Part"]);
        assert_eq!(table.read.require, [Needed::Account, Needed::Product, Needed::Quantity]);
        assert_eq!(table.columns[0].steps.len(), 2);
        assert_eq!(table.columns[1].steps[0].from, From::Constant("1".into()));
    }

    #[test]
    fn an_unknown_key_is_placed_and_the_nearest_named() {
        let fault = parse_spec(&SMALL.replace("required", "requierd")).expect_err("a fault");
        assert_eq!((fault.line, fault.column), (4, 1));
        assert!(fault.message.contains("did you mean `required`?"), "{}", fault.message);
    }

    #[test]
    fn an_unknown_key_inside_a_column_is_placed() {
        let fault = parse_spec(&SMALL.replace("constant", "konstant")).expect_err("a fault");
        assert_eq!(fault.line, 7);
        assert!(fault.message.contains("did you mean `constant`?"), "{}", fault.message);
    }

    #[test]
    fn an_unknown_column_is_placed_and_the_nearest_named() {
        let fault = parse_spec(&SMALL.replace("sku_id =", "sku_idd =")).expect_err("a fault");
        assert_eq!((fault.line, fault.column, fault.value.as_str()), (6, 1, "sku_idd"));
        assert!(fault.message.contains("did you mean `sku_id`?"), "{}", fault.message);
    }

    #[test]
    fn what_a_row_counts_has_columns_of_its_own_and_a_quantity() {
        let with = |each: &str| parse_spec(&format!("{SMALL}[[each]]\n{each}\n"));
        let spec = with("quantity = \"Seats\"\nunit = { constant = \"seat\" }").expect("a spec");
        let counted = spec.tables[0].counted();
        let names: Vec<&str> = counted[0].columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((counted.len(), names), (1, vec!["quantity", "unit", "sku_id"]));
        assert!(spec.tables[0].bound_headings().contains(&"Seats"));
        let fault = with("unit = \"Seats\"").expect_err("a fault");
        assert!(fault.line == 9 && fault.message.contains("quantity"), "{}: {}", fault.line, fault.message);
        assert!(with("quantiti = \"Seats\"").expect_err("a fault").message.contains("did you mean `quantity`?"));
    }

    #[test]
    fn a_column_has_one_origin() {
        let fault =
            parse_spec(&SMALL.replace("constant = \"1\"", "constant = \"1\", heading = \"Qty\"")).expect_err("");
        assert!(fault.message.contains("exactly one"), "{}", fault.message);
    }

    #[test]
    fn a_part_of_a_code_needs_its_separator_and_a_heading() {
        let with = |step: &str| parse_spec(&SMALL.replace("{ constant = \"1\" }", step));
        let spec = with("{ heading = \"Code\", split = \":\", parts = [2, 3] }").expect("a spec");
        let parts = Parts { separator: ":".into(), first: 2, last: 3 };
        assert_eq!(spec.tables[0].columns[1].steps[0].parts, Some(parts));
        for step in [
            "{ heading = \"Code\", split = \":\" }",
            "{ heading = \"Code\", parts = [1] }",
            "{ heading = \"Code\", split = \"\", parts = [1] }",
            "{ heading = \"Code\", split = \":\", parts = [0] }",
            "{ heading = \"Code\", split = \":\", parts = [3, 2] }",
            "{ heading = \"Code\", split = \":\", parts = [1, 2, 3] }",
            "{ constant = \"a:b\", split = \":\", parts = [1] }",
        ] {
            assert_eq!(with(step).expect_err(step).line, 7, "{step}");
        }
    }

    #[test]
    fn a_spec_without_headings_to_know_it_by_is_refused() {
        let fault = parse_spec(&SMALL.replace("required = [\"Tenant\", [\"Sku\", \"Part\"]]", "")).expect_err("");
        assert!(fault.message.contains("required heading"), "{}", fault.message);
    }
}
