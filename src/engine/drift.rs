//! How an export differs from an earlier one of its kind. Vendors rename columns, change what a column holds and
//! drop customers without a word; a file may be readable and still not be the file it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rust_decimal::Decimal;

use crate::finding::{Code, Finding, Place, Severity};
use crate::format::{Registry, normalise};
use crate::ingest::{
    DateFault, DecimalStyle, Detection, Limits, NumberFault, RecordSink, looks_like_total, parse_date, parse_number,
    read_records,
};
use crate::rate::{Currency, multiply, plain};

/// How alike two headings must be for one to be taken for the other's new name, and how alike where they stand
/// in the same place.
const ALIKE: f64 = 0.82;
const ALIKE_IN_PLACE: f64 = 0.6;

/// What there is to compare of a list of records.
#[derive(Debug, Default)]
pub(super) struct Drift {
    source: String,
    /// The id of its format, if it is of a known one.
    format: Option<String>,
    header_line: u64,
    columns: Vec<ColumnSeen>,
    /// The headings that the format reads, normalised.
    bound: BTreeSet<String>,
    rows: u64,
    totals: BTreeMap<Currency, Decimal>,
}

/// What a column holds.
#[derive(Debug, Default)]
struct ColumnSeen {
    heading: String,
    normalised: String,
    filled: bool,
    /// The first cells that are none: line and text.
    no_number: Option<(u64, String)>,
    no_date: Option<(u64, String)>,
    first: Option<(u64, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    Numbers,
    Dates,
    Text,
}

impl Holds {
    const fn words(self) -> &'static str {
        match self {
            Holds::Nothing => "was empty",
            Holds::Numbers => "held numbers only",
            Holds::Dates => "held dates only",
            Holds::Text => "held text",
        }
    }
}

impl ColumnSeen {
    fn new(heading: &str) -> Self {
        Self { heading: heading.trim().to_string(), normalised: normalise(heading), ..Self::default() }
    }

    fn see(&mut self, line: u64, cell: &str) {
        let cell = cell.trim();
        if cell.is_empty() || (self.no_number.is_some() && self.no_date.is_some()) {
            return;
        }
        if !self.filled {
            self.filled = true;
            self.first = Some((line, cell.to_string()));
        }
        if self.no_number.is_none() && !is_number(cell) {
            self.no_number = Some((line, cell.to_string()));
        }
        if self.no_date.is_none() && !is_date(cell) {
            self.no_date = Some((line, cell.to_string()));
        }
    }

    fn holds(&self) -> Holds {
        match (self.filled, &self.no_number, &self.no_date) {
            (false, _, _) => Holds::Nothing,
            (true, None, _) => Holds::Numbers,
            (true, Some(_), None) => Holds::Dates,
            (true, Some(_), Some(_)) => Holds::Text,
        }
    }
}

/// Written in any of the ways that the reader of a number column takes.
fn is_number(cell: &str) -> bool {
    let fits = |style| match parse_number(cell, style) {
        Ok(_) | Err(NumberFault::Ambiguous | NumberFault::TooManyDigits | NumberFault::LostPrecision) => true,
        Err(_) => false,
    };
    fits(DecimalStyle::Point) || fits(DecimalStyle::Comma)
}

fn is_date(cell: &str) -> bool {
    matches!(parse_date(cell, None), Ok(_) | Err(DateFault::Ambiguous))
}

/// A list of records in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub path: &'a Path,
    /// The file's.
    pub source: &'a str,
    /// The list's own source: the file's, with the member or sheet where it is one of several.
    pub own: &'a str,
}

impl Drift {
    /// Reads the records of a part of a file; `None` if it has none that can be read.
    pub fn of(
        part: Part<'_>,
        detection: Option<&Detection>,
        rows: u64,
        totals: &BTreeMap<Currency, Decimal>,
        registry: &Registry,
        limits: &Limits,
    ) -> anyhow::Result<Option<Self>> {
        let mut seen = Seen { wanted: part.own.to_string(), ..Seen::default() };
        read_records(part.path, part.source, registry, limits, &mut seen)?;
        let Some(mut drift) = seen.drift else { return Ok(None) };
        if let Some(detection) = detection {
            drift.format = Some(detection.spec.id.clone());
            drift.bound = detection.table().bound_headings().into_iter().map(normalise).collect();
            drift.rows = rows;
            totals.clone_into(&mut drift.totals);
        }
        Ok(Some(drift))
    }

    fn column(&self, normalised: &str) -> Option<(usize, &ColumnSeen)> {
        self.columns.iter().enumerate().find(|(_, c)| c.normalised == normalised)
    }

    fn place(&self, line: u64) -> Place {
        if line == 0 { Place::file(&self.source) } else { Place::line(&self.source, line) }
    }
}

/// The headings of a file, of a known format or not; empty if it has no records that can be read.
pub(super) fn headings_of(part: Part<'_>, registry: &Registry, limits: &Limits) -> anyhow::Result<Vec<String>> {
    let mut seen = Seen { wanted: part.own.to_string(), headings_only: true, ..Seen::default() };
    read_records(part.path, part.source, registry, limits, &mut seen)?;
    Ok(seen.drift.map(|d| d.columns.into_iter().map(|c| c.heading).collect()).unwrap_or_default())
}

#[derive(Default)]
struct Seen {
    wanted: String,
    headings_only: bool,
    drift: Option<Drift>,
}

impl RecordSink for Seen {
    fn headings(&mut self, source: &str, line: u64, headings: &[&str]) -> anyhow::Result<bool> {
        if source != self.wanted {
            return Ok(false);
        }
        let columns = headings.iter().map(|h| ColumnSeen::new(h)).collect();
        self.drift = Some(Drift { source: source.to_string(), header_line: line, columns, ..Drift::default() });
        Ok(!self.headings_only)
    }

    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()> {
        if let Some(drift) = &mut self.drift
            && !looks_like_total(cells)
            && cells.iter().any(|c| !c.trim().is_empty())
        {
            drift.rows += 1;
            for (column, cell) in drift.columns.iter_mut().zip(cells) {
                column.see(line, cell);
            }
        }
        Ok(())
    }

    fn finding(&mut self, _: Finding) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Everything that `now` has lost or gained since `then`, each as a finding at its place in `now`.
pub(super) fn drift(then: &Drift, now: &Drift, max_fall: u8) -> anyhow::Result<Vec<Finding>> {
    let mut findings = other_format(then, now);
    findings.extend(headings(then, now));
    findings.extend(then.columns.iter().filter_map(|old| {
        let (field, new) = now.column(&old.normalised)?;
        holds(old, field, new, then, now)
    }));
    findings.extend(falls(then, now, max_fall)?);
    Ok(findings)
}

/// What there is to say of a file that has no records any more; nothing if it had none.
pub(super) fn emptied(then: &Drift, source: &str) -> Option<Finding> {
    let message = format!("the file has no records that can be read, and {} has {}", then.source, then.rows);
    (then.rows > 0).then(|| warning(message, Place::file(source)).severity(Severity::Error))
}

/// A sheet or member that is not there any more.
pub(super) fn part_gone(then: &str, name: &str, now: &str) -> Finding {
    warning(format!("{then} holds a list of records {name:?}, which is not there"), Place::file(now))
}

fn other_format(then: &Drift, now: &Drift) -> Vec<Finding> {
    match (&then.format, &now.format) {
        (Some(was), Some(is)) if was != is => {
            let message = format!("the file is of format {is}, and {} is of {was}", then.source);
            vec![warning(message, now.place(now.header_line)).severity(Severity::Error)]
        }
        (Some(was), None) => {
            let message = format!("the file is of no known format, and {} is of {was}", then.source);
            vec![warning(message, now.place(now.header_line)).severity(Severity::Error)]
        }
        _ => Vec::new(),
    }
}

fn warning(message: String, place: Place) -> Finding {
    Finding::new(Code::I116, message).severity(Severity::Warning).at(place)
}

/// Headings that are gone, renamed or new. One that the format reads is an error where it is gone.
fn headings(then: &Drift, now: &Drift) -> Vec<Finding> {
    let named =
        |d: &Drift| -> Vec<usize> { (0..d.columns.len()).filter(|i| !d.columns[*i].normalised.is_empty()).collect() };
    let mut gone: Vec<usize> = named(then);
    gone.retain(|i| now.column(&then.columns[*i].normalised).is_none());
    let mut new: Vec<usize> = named(now);
    new.retain(|i| then.column(&now.columns[*i].normalised).is_none());

    let mut findings = Vec::new();
    let times = |d: &Drift, normalised: &str| d.columns.iter().filter(|c| c.normalised == normalised).count();
    for (i, old) in then.columns.iter().enumerate() {
        let is_first = then.column(&old.normalised).is_some_and(|(first, _)| first == i);
        let (was, is) = (times(then, &old.normalised), times(now, &old.normalised));
        if is_first && !old.normalised.is_empty() && is > 0 && was != is {
            let message =
                format!("the heading {:?} stands {was} times in {}, and {is} times here", old.heading, then.source);
            findings.push(warning(message, now.place(now.header_line)));
        }
    }
    let renamed = renamed(then, now, &gone, &new);
    // An API leaves out what is empty, so there a key may only have no value this time.
    let certain = now.header_line > 0;
    for i in &gone {
        let old = &then.columns[*i];
        let successor = renamed.iter().find(|(from, _)| from == i).map(|(_, to)| &now.columns[*to].heading);
        let mut message = format!("the heading {:?} is gone", old.heading);
        if let Some(to) = successor {
            let _ = write!(message, ", perhaps renamed to {to:?}");
        }
        let bound = then.bound.contains(&old.normalised);
        if bound {
            message.push_str(", and its format reads it");
        }
        let severity = if bound && certain { Severity::Error } else { Severity::Warning };
        findings.push(warning(message, now.place(now.header_line)).severity(severity));
    }
    for i in new.iter().filter(|i| !renamed.iter().any(|(_, to)| to == *i)) {
        let heading = &now.columns[*i].heading;
        let message = format!("the heading {heading:?} is new");
        let place = match now.header_line {
            0 => now.place(0),
            line => Place::cell(&now.source, line, *i as u64 + 1),
        };
        findings.push(warning(message, place));
    }
    findings
}

/// Which heading gone may be which new one: the likest pairs first, each heading once.
fn renamed(then: &Drift, now: &Drift, gone: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for from in gone {
        for to in new {
            let score = strsim::jaro_winkler(&then.columns[*from].normalised, &now.columns[*to].normalised);
            let in_place = from == to && then.columns.len() == now.columns.len() && now.header_line > 0;
            if score >= if in_place { ALIKE_IN_PLACE } else { ALIKE } {
                pairs.push((score, *from, *to));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for (_, from, to) in pairs {
        if !chosen.iter().any(|(f, t)| *f == from || *t == to) {
            chosen.push((from, to));
        }
    }
    chosen
}

/// A column that was all numbers, all dates or empty, and no longer is.
fn holds(old: &ColumnSeen, field: usize, new: &ColumnSeen, then: &Drift, now: &Drift) -> Option<Finding> {
    // What a column holds cannot be seen where there are no rows.
    if then.rows == 0 {
        return None;
    }
    let was = old.holds();
    let other = match (was, new.holds()) {
        (Holds::Numbers, Holds::Dates | Holds::Text) => &new.no_number,
        (Holds::Dates, Holds::Numbers | Holds::Text) => &new.no_date,
        (Holds::Nothing, Holds::Numbers | Holds::Dates | Holds::Text) => &new.first,
        (Holds::Numbers | Holds::Dates, Holds::Nothing) if now.rows > 0 => {
            let message = format!("the column {:?} {} in {}, and is empty now", old.heading, was.words(), then.source);
            return Some(warning(message, now.place(now.header_line)));
        }
        (Holds::Numbers | Holds::Dates | Holds::Nothing | Holds::Text, _) => return None,
    };
    let (line, value) = other.as_ref()?;
    let message = format!("the column {:?} {} in {}, and no longer", old.heading, was.words(), then.source);
    Some(warning(message, Place::cell(&now.source, *line, field as u64 + 1)).value(value.clone()))
}

fn falls(then: &Drift, now: &Drift, max_fall: u8) -> anyhow::Result<Vec<Finding>> {
    let place = || Place::file(&now.source);
    let mut findings = Vec::new();
    if has_fallen(then.rows.into(), now.rows.into(), max_fall)? {
        let message = format!(
            "the file has {} rows where {} has {}, fewer by more than {max_fall} %",
            now.rows, then.source, then.rows
        );
        findings.push(warning(message, place()));
    }
    for (currency, before) in &then.totals {
        let after = now.totals.get(currency).copied().unwrap_or_default();
        if has_fallen(*before, after, max_fall)? {
            let of = if currency.is_none() { "total".to_string() } else { format!("total in {currency}") };
            let message = format!(
                "the {of} is {} where {} has {}, less by more than {max_fall} %",
                plain(after),
                then.source,
                plain(*before)
            );
            findings.push(warning(message, place()));
        }
    }
    Ok(findings)
}

/// Whether so much less is left that more than the share is gone. From nothing nothing can fall.
fn has_fallen(before: Decimal, after: Decimal, max_fall: u8) -> anyhow::Result<bool> {
    let kept = Decimal::from(100 - max_fall.min(100));
    Ok(before > Decimal::ZERO && multiply(after, Decimal::ONE_HUNDRED)? < multiply(before, kept)?)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::engine::validate::{Against, Expected, validate};

    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

    const KEEPER: &str = "company_id,company,product,licenses,rate,max_licenses,date\n";

    /// The findings of I116 in `now` against `then`, and of nothing else.
    fn drifted(then: impl AsRef<[u8]>, now: impl AsRef<[u8]>, max_fall: u8) -> Vec<String> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str, text: &[u8]| {
            let path = dir.path().join(name);
            fs_err::write(&path, text).expect("written");
            path
        };
        let (old, new) = (path("then", then.as_ref()), path("now", now.as_ref()));
        let against = Against { path: &old, source: "then.csv", max_fall };
        let expected = Expected { against: Some(&against), ..Expected::default() };
        let checked = validate(&new, "now.csv", &REGISTRY, &Limits::default(), expected).expect("checked");
        let groups = checked[0].findings.iter().filter(|g| g.code == "I116" && g.severity != "info");
        groups
            .map(|g| {
                let first = &g.examples[0];
                let value = first.value.as_ref().map(|v| format!(": {v}")).unwrap_or_default();
                format!("{} {}: {}{value}", g.severity, first.place, g.cause)
            })
            .collect()
    }

    fn keeper(rows: &[&str]) -> String {
        rows.iter().fold(KEEPER.to_string(), |text, row| text + row + "\n")
    }

    #[test]
    fn an_export_like_the_earlier_one_has_nothing_to_say() {
        let then = keeper(&["C1,Acme,P,1,2.00,3,2026-09-01", "C2,Bolt,P,1,2.00,3,2026-09-02", "Total,,,2,,6,"]);
        let now = keeper(&["C9,Cord,P,4,2.50,7,2026-10-01", "Total,,,4,,7,"]);
        assert_eq!(drifted(&then, &now, 50), Vec::<String>::new());
        assert_eq!(drifted(&then, &then, 0), Vec::<String>::new());
    }

    #[test]
    fn headings_gone_new_and_renamed_are_told_apart() {
        let then = "company_id,company,product,licenses,rate,max_licenses,region,team\n1,A,P,1,1,1,EU,x\n";
        let now = "company_id,product,licenses,rate,max_licenses,Regions,colour\n1,P,1,1,1,EU,red\n";
        assert_eq!(
            drifted(then, now, 50),
            [
                "error now.csv:1: the heading \"company\" is gone, and its format reads it",
                "warning now.csv:1:7: the heading \"colour\" is new",
                "warning now.csv:1: the heading \"region\" is gone, perhaps renamed to \"Regions\"",
                "warning now.csv:1: the heading \"team\" is gone",
            ]
        );
        let renamed = now.replace("max_licenses", "maximum_licenses");
        let told = drifted(then, &renamed, 50);
        let wanted =
            "the heading \"max_licenses\" is gone, perhaps renamed to \"maximum_licenses\", and its format reads it";
        assert!(told.iter().any(|t| t.starts_with("error") && t.ends_with(wanted)), "of no known format now: {told:?}");
    }

    #[test]
    fn a_column_that_is_no_longer_what_it_was_is_shown_where_it_changes() {
        let then = "product,licenses,rate,max_licenses,company_id,note,date,free\nP,1,1,1,7,,2026-09-01,x\n";
        let now = "product,licenses,rate,max_licenses,company_id,note,date,free\nP,1,1,1,8,,,1\nP,1,1,1,C9,hi,,2\n";
        assert_eq!(
            drifted(then, now, 50),
            [
                "warning now.csv:3:5: the column \"company_id\" held numbers only in then.csv, and no longer: C9",
                "warning now.csv:1: the column \"date\" held dates only in then.csv, and is empty now",
                "warning now.csv:3:6: the column \"note\" was empty in then.csv, and no longer: hi",
            ]
        );
    }

    #[test]
    fn rows_and_total_may_fall_so_far_and_no_further() {
        let row = "C1,Acme,P,1,2.00,2,2026-09-01";
        let then = keeper(&[row; 4]);
        assert_eq!(drifted(&then, keeper(&[row; 2]), 50), Vec::<String>::new(), "half is not more than half");
        assert_eq!(
            drifted(&then, keeper(&[row; 1]), 50),
            [
                "warning now.csv: the file has 1 rows where then.csv has 4, fewer by more than 50 %",
                "warning now.csv: the total is 4 where then.csv has 16, less by more than 50 %",
            ]
        );
        assert_eq!(drifted(&then, keeper(&[row; 1]), 75), Vec::<String>::new());
        assert_eq!(drifted(&then, keeper(&[]), 100), Vec::<String>::new(), "from all to nothing is 100 %");
        assert_eq!(drifted(keeper(&[]), &then, 0), Vec::<String>::new(), "from nothing nothing can fall");
    }

    #[test]
    fn a_key_that_json_leaves_out_may_only_be_empty_this_time() {
        let then = r#"[{"company_id":"1","company":"A","product":"P","licenses":1,"rate":1,"max_licenses":1}]"#;
        let now = r#"[{"company_id":"1","product":"P","licenses":1,"rate":1,"max_licenses":1}]"#;
        assert_eq!(
            drifted(then, now, 50),
            ["warning now.csv: the heading \"company\" is gone, and its format reads it"]
        );
    }

    #[test]
    fn columns_that_change_places_are_the_same() {
        let then = "company_id,company,product,licenses,rate,max_licenses,note\n1,A,P,1,1.00,1,x\n";
        let moved = "note,max_licenses,rate,licenses,product,company,company_id\nx,1,1.00,1,P,A,1\n";
        assert_eq!(drifted(then, moved, 0), Vec::<String>::new());
        // Headings that change places above values that stay are told where the values are of another kind.
        let swapped = "company_id,company,product,licenses,note,max_licenses,rate\n1,A,P,1,1.00,1,x\n";
        assert_eq!(
            drifted(then, swapped, 100),
            ["warning now.csv:2:7: the column \"rate\" held numbers only in then.csv, and no longer: x"]
        );
    }

    #[test]
    fn a_heading_that_stands_more_or_less_often_is_told() {
        let then = "company_id,company,product,licenses,rate,max_licenses,note,note\n1,A,P,1,1,1,x,y\n";
        let now = "company_id,company,product,licenses,rate,max_licenses,note\n1,A,P,1,1,1,x\n";
        let told = ["warning now.csv:1: the heading \"note\" stands 2 times in then.csv, and 1 times here"];
        assert_eq!(drifted(then, now, 50), told);
        assert_eq!(
            drifted(now, then, 50),
            ["warning now.csv:1: the heading \"note\" stands 1 times in then.csv, and 2 times here"]
        );
        assert_eq!(drifted(then, then, 0), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_lost_all_its_records_is_an_error() {
        let then = keeper(&["C1,Acme,P,1,2.00,3,2026-09-01"]);
        for empty in ["", "\n\n", "[]"] {
            assert_eq!(
                drifted(&then, empty, 100),
                ["error now.csv: the file has no records that can be read, and then.csv has 1"],
                "{empty:?}"
            );
        }
        let headings_alone = drifted(&then, KEEPER, 99);
        assert!(
            headings_alone.iter().any(|t| t.contains("the file has 0 rows where then.csv has 1")),
            "{headings_alone:?}"
        );
    }

    #[test]
    fn another_format_is_told_before_its_headings() {
        let then = keeper(&["C1,Acme,P,1,2.00,3,2026-09-01"]);
        let tidy = "provider_name,sub_account_id,sku_id,quantity\nKeeper,C1,P,1\n";
        let told = drifted(&then, tidy, 100);
        assert!(
            told.contains(
                &"error now.csv:1: the file is of format trueup-usage, and then.csv is of keeper".to_string()
            ),
            "{told:?}"
        );
        let told = drifted(&then, "a,b\n1,2\n", 100);
        assert!(
            told.contains(&"error now.csv:1: the file is of no known format, and then.csv is of keeper".to_string()),
            "{told:?}"
        );
    }

    #[test]
    fn the_container_makes_no_difference() {
        use crate::ingest::made::{simple_xlsx, zip};
        let rows = ["C1,Acme,P,1,2.5,3,2026-09-01", "C2,Bolt,P,1,2,3,2026-09-02"];
        let then = keeper(&rows);
        let book = simple_xlsx(&[("Oct", &then)]);
        for now in [zip(&[("a.csv", then.as_bytes())]), book.clone(), zip(&[("b.xlsx", &book)])] {
            assert_eq!(drifted(&then, &now, 0), Vec::<String>::new());
            assert_eq!(drifted(&now, &then, 0), Vec::<String>::new());
        }
        // A sheet that is not there any more.
        let two = simple_xlsx(&[("Oct", &then), ("EU", &then)]);
        assert_eq!(
            drifted(&two, &book, 0),
            ["warning now.csv: then.csv holds a list of records \"EU\", which is not there"]
        );
        assert_eq!(drifted(simple_xlsx(&[("Sep", &then)]), &book, 0), Vec::<String>::new(), "named by its month");
    }

    #[test]
    fn a_share_is_of_rows_and_of_each_currency() {
        let of = |usd: &[&str], eur: &[&str]| {
            let head = "provider_name,sub_account_id,sku_id,quantity,cost,currency\n".to_string();
            let rows = |text: String, costs: &[&str], currency: &str| {
                costs.iter().fold(text, |text, cost| format!("{text}V,A,S,1,{cost},{currency}\n"))
            };
            rows(rows(head, usd, "USD"), eur, "EUR")
        };
        let then = of(&["60", "40"], &["10.00"]);
        assert_eq!(drifted(&then, of(&["80", "0"], &["8"]), 20), Vec::<String>::new(), "exactly the share");
        assert_eq!(
            drifted(&then, of(&["79.999999", "0"], &["8"]), 20),
            ["warning now.csv: the total in USD is 79.999999 where then.csv has 100, less by more than 20 %"]
        );
        assert_eq!(
            drifted(&then, of(&["60", "40", "1"], &[]), 20),
            ["warning now.csv: the total in EUR is 0 where then.csv has 10, less by more than 20 %"],
            "a currency that is gone"
        );
    }
}
