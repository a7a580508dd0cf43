//! A draft as TOML, with the reason of each guess in a comment before it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::guess::Guess;
use super::sample::{Sample, SampleColumn};
use crate::format::{Column, ColumnKind, Registry, normalise};
use crate::ingest::{DateOrder, OrderEvidence, OrderVerdict, Shape, StyleEvidence, StyleVerdict, parse_date};
use chrono::{Datelike, NaiveDate};

/// How much of a cell a comment shows.
const SHOWN: usize = 60;

pub(super) fn write(name: &str, sample: &Sample, guesses: &[Guess]) -> anyhow::Result<String> {
    if !sample.columns.iter().any(|c| c.usable) {
        anyhow::bail!("no heading of the file can be named in a spec: each is blank or stands twice");
    }
    let mut out = Draft(String::new());
    let place = match sample.delimiter {
        Some(b'\t') => format!("fields between tabs, headings in line {}", sample.header_line),
        Some(byte) => format!("fields between {:?}, headings in line {}", char::from(byte), sample.header_line),
        None if sample.shape == Shape::Sheet => match &sample.sheet {
            Some(sheet) => format!("sheet {sheet:?}, headings in row {}", sample.header_line),
            None => format!("a sheet, headings in row {}", sample.header_line),
        },
        None if sample.shape == Shape::Parquet => "Parquet".to_string(),
        None => "JSON".to_string(),
    };
    out.comment(&format!(
        "Drafted from {name} ({place}, {} rows looked at). Every guess says why: check each.",
        sample.rows
    ));
    out.line(&format!("id = {}", quoted(&id_of(name))));
    if of(guesses, Column::ProviderName).is_none() {
        out.comment("the vendor's name, for no column gives it");
    }
    out.line("provider = \"\"");
    out.line("version = \"1\"");
    out.line(&format!("source = {}", quoted(&format!("drafted from {name}"))));
    out.line("notes = \"\"\n\nkind = \"usage\"");
    out.comment("how rows of a period become one quantity: sum, max, last, average, prorated");
    out.line("meter = \"sum\"");
    out.comment("identity = [\"…\"]: only what the vendor can never repeat with another meaning");
    recognise(&mut out, sample, guesses);
    read(&mut out, sample, guesses);
    out.line("\n[columns]");
    for guess in guesses {
        column(&mut out, sample, guess);
    }
    Ok(out.0)
}

struct Draft(String);

impl Draft {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A comment of one line: what a cell or name holds must not begin another.
    fn comment(&mut self, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() || c == '\u{2028}' { ' ' } else { c }).collect();
        self.line(&format!("# {text}"));
    }
}

fn of(guesses: &[Guess], column: Column) -> Option<usize> {
    guesses.iter().find(|g| g.column == column).and_then(|g| g.from)
}

fn recognise(out: &mut Draft, sample: &Sample, guesses: &[Guess]) {
    let mut required: BTreeSet<usize> = BTreeSet::new();
    for column in [
        Column::SubAccountId,
        Column::SubAccountName,
        Column::SkuId,
        Column::ChargeDescription,
        Column::Quantity,
        Column::Cost,
        Column::ChargePeriodStart,
    ] {
        required.extend(of(guesses, column));
    }
    let list = |wanted: &dyn Fn(usize, &SampleColumn) -> bool| {
        let headings = sample.columns.iter().enumerate().filter(|(i, c)| wanted(*i, c));
        headings.map(|(_, c)| quoted(&c.heading)).collect::<Vec<_>>().join(", ")
    };
    out.line("\n[recognise]");
    out.comment("all of these must be there for a file to be of this format");
    out.line(&format!("required = [{}]", list(&|i, _| required.contains(&i))));
    out.comment("what else the file has; any of these missing is reported as drift");
    // A heading that stands twice is known, and no column may be read from it.
    let known = |i: usize, c: &SampleColumn| !required.contains(&i) && !normalise(&c.heading).is_empty();
    out.line(&format!("usual = [{}]", list(&known)));
}

fn read(out: &mut Draft, sample: &Sample, guesses: &[Guess]) {
    let fed = |kind: ColumnKind| {
        let from = guesses.iter().filter(move |g| g.column.kind() == kind).filter_map(|g| g.from);
        from.map(|i| &sample.columns[i]).collect::<Vec<_>>()
    };
    let (numbers, dates) = (fed(ColumnKind::Number), fed(ColumnKind::Date));
    out.line("\n[read]");
    if let Some(sheet) = &sample.sheet {
        out.comment("of several sheets, the one this was drafted from; * and ? are patterns");
        out.line(&format!("sheet = {}", quoted(&sheet.replace(['*', '?'], "?"))));
    }
    let order = date_order(out, &dates);
    decimal(out, sample.delimiter, &numbers);
    let nothing: BTreeSet<&str> =
        numbers.iter().chain(&dates).flat_map(|c| c.nothing.iter().map(String::as_str)).collect();
    if !nothing.is_empty() {
        out.comment("cells that stand where numbers or dates do, and mean nothing");
        out.line(&format!("null_words = [{}]", nothing.into_iter().map(quoted).collect::<Vec<_>>().join(", ")));
    }
    if of(guesses, Column::ChargePeriodStart).is_none() {
        out.comment("rows carry no date that was recognised, so the folder or file name says which month it is");
        out.line("period = \"folder\"");
    }
    if let Some(end) = of(guesses, Column::ChargePeriodEnd) {
        period_end(out, &sample.columns[end], order);
    }
    let account = of(guesses, Column::SubAccountId).or(of(guesses, Column::SubAccountName));
    let product = of(guesses, Column::SkuId).or(of(guesses, Column::ChargeDescription));
    let needs = [("account", account), ("product", product), ("quantity", of(guesses, Column::Quantity))];
    let lacking: Vec<&str> = needs.iter().filter(|(_, from)| from.is_none()).map(|(word, _)| *word).collect();
    if !lacking.is_empty() {
        out.comment(&format!(
            "doubt: no column was recognised as {}; rows cannot be billed without",
            lacking.join(" or ")
        ));
        let there: Vec<String> = needs.iter().filter(|(_, f)| f.is_some()).map(|(word, _)| quoted(word)).collect();
        out.line(&format!("require = [{}]", there.join(", ")));
    }
}

fn date_order(out: &mut Draft, dates: &[&SampleColumn]) -> Option<DateOrder> {
    let mut evidence = OrderEvidence::default();
    for value in dates.iter().flat_map(|c| &c.values) {
        evidence.observe(value);
    }
    match evidence.verdict() {
        OrderVerdict::Known(order) => {
            let word = match order {
                DateOrder::Ymd => "ymd",
                DateOrder::Mdy => "mdy",
                DateOrder::Dmy => "dmy",
            };
            out.comment("no other order reads every date seen");
            out.line(&format!("date_order = \"{word}\""));
            return Some(order);
        }
        OrderVerdict::Ambiguous { example } => {
            out.comment(&format!(
                "doubt: {} is two dates; state the order, else it is decided from each file",
                shown(&example)
            ));
            out.comment("date_order = \"mdy\" or \"dmy\"");
        }
        OrderVerdict::Conflict { not_month_day, not_day_month } => {
            let (a, b) = (shown(&not_month_day), shown(&not_day_month));
            out.comment(&format!("doubt: {a} is no month and day, {b} no day and month: no order reads both"));
        }
        OrderVerdict::NoneNeeded => {}
    }
    None
}

fn decimal(out: &mut Draft, delimiter: Option<u8>, numbers: &[&SampleColumn]) {
    if delimiter.is_none() {
        return;
    }
    let mut evidence = StyleEvidence::default();
    for value in numbers.iter().flat_map(|c| &c.values) {
        evidence.observe(value);
    }
    match evidence.verdict() {
        StyleVerdict::Point => {
            out.comment("numbers seen have a decimal point");
            out.line("decimal = \"point\"");
        }
        StyleVerdict::Comma => {
            out.comment("numbers seen have a decimal comma");
            out.line("decimal = \"comma\"");
        }
        StyleVerdict::Ambiguous { example } => {
            out.comment(&format!(
                "doubt: {} is two numbers; state the style, else it is decided from each file",
                shown(&example)
            ));
            out.comment("decimal = \"point\" or \"comma\"");
        }
        StyleVerdict::Conflict { point_example, comma_example } => {
            let (a, b) = (shown(&point_example), shown(&comma_example));
            out.comment(&format!("doubt: {a} has a decimal point and {b} a decimal comma"));
        }
        StyleVerdict::Either => {}
    }
}

fn period_end(out: &mut Draft, ends: &SampleColumn, order: Option<DateOrder>) {
    let dates: Vec<NaiveDate> = ends.values.iter().filter_map(|v| parse_date(v, order).ok()).map(|p| p.date).collect();
    let last_of_month = |d: &NaiveDate| d.succ_opt().is_some_and(|next| next.day() == 1);
    let (last, first) =
        (dates.iter().filter(|d| last_of_month(d)).count(), dates.iter().filter(|d| d.day() == 1).count());
    let (word, why) = match (last, first) {
        (l, f) if l > f => ("inclusive", format!("{l} of {} ends are the last day of a month", dates.len())),
        (l, f) if f > l => ("exclusive", format!("{f} of {} ends are the first day of a month", dates.len())),
        _ => (
            "exclusive",
            "doubt: the dates do not tell whether an end is the last day (inclusive) or the day after".into(),
        ),
    };
    out.comment(&why);
    out.line(&format!("period_end = \"{word}\""));
}

fn column(out: &mut Draft, sample: &Sample, guess: &Guess) {
    let name = guess.column.name();
    let mut why: Vec<String> = Vec::new();
    if !guess.evidence.is_empty() {
        why.push(guess.evidence.clone());
    }
    why.extend(guess.doubts.iter().map(|d| format!("doubt: {d}")));
    match guess.from {
        Some(from) => {
            out.comment(&why.join(". "));
            out.line(&format!("{name} = {}", quoted(&sample.columns[from].heading)));
        }
        None if why.is_empty() => out.comment(&format!("{name} = \"…\"  (no heading is known for it)")),
        None => out.comment(&format!("{name} = \"…\"  ({})", why.join(". "))),
    }
}

fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    format!("{cut:?}")
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The name without its ending in letters a spec's id may have, and not that of a built-in format, which
/// it would replace.
fn id_of(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("draft");
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut id: String = stem.chars().map(letter).collect();
    while id.contains("--") {
        id = id.replace("--", "-");
    }
    let id = id.trim_matches('-');
    match id {
        "" => "draft".to_string(),
        id if Registry::builtin().get(id).is_some() => format!("{id}-own"),
        id => id.to_string(),
    }
}
