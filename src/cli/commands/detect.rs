//! `trueup detect FILE…`: what each file is.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use trueup::book::Config;
use trueup::emit::{FindingLog, money_text};
use trueup::engine::{Inspected, Uninspected, inspect, registry_of, settle_inspected};
use trueup::finding::Finding;
use trueup::ingest::{Container, Shape};
use trueup::rate::Currency;

use crate::cli::ExitStatus;
use crate::cli::printer::Printer;
use crate::cli::settings::DetectSettings;

pub fn run(settings: &DetectSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let mut log = FindingLog::default();
    let mut files = Vec::new();
    let registry = registry_of(&settings.book)?;
    let limits = Config::load(&settings.book)?.input;
    let mut status = ExitStatus::Done;
    let (mut seen, mut names) = (Vec::new(), Vec::new());
    for path in &settings.files {
        let shown = path.display().to_string();
        if path.is_dir() || fs_err::File::open(path).is_err() {
            // The finding says why; the other files are still shown.
            status = ExitStatus::Failed;
        }
        for one in inspect(path, &shown, &registry, &limits) {
            seen.push(one);
            names.push(shown.clone());
        }
    }
    settle_inspected(&mut seen);
    for (one, shown) in seen.into_iter().zip(names) {
        let (detected, findings) = look_at(one, &shown)?;
        for finding in findings {
            log.add(finding);
        }
        files.push(detected);
    }
    printer.findings(&log.groups())?;
    if printer.json() {
        let mut text = serde_json::to_string_pretty(&files)?;
        text.push('\n');
        printer.result(&text)?;
    } else {
        printer.result(&table(&files))?;
    }
    Ok(status)
}

/// What a file is. What it has not is empty or `None`.
#[derive(Debug, Clone, Default, Serialize)]
struct Detected {
    /// As the user named it, with the member or sheet where it holds several.
    file: String,
    /// The format's id, `None` if no known format fits.
    format: Option<String>,
    version: Option<String>,
    /// What its rows are: usage, or the PSA's clients, products, contracts …
    holds: Option<&'static str>,
    encoding: String,
    delimiter: Option<char>,
    header_line: Option<u64>,
    rows: u64,
    /// The months its rows lie in, first and last.
    periods: Vec<String>,
    totals: Vec<Total>,
}

/// The cost of its rows in one currency.
#[derive(Debug, Clone, Serialize)]
struct Total {
    currency: String,
    cost: String,
}

impl Total {
    fn new(currency: Currency, cost: rust_decimal::Decimal) -> Self {
        Self { currency: currency.to_string(), cost: money_text(cost, currency) }
    }
}

/// A file that cannot be opened or is of no known format is a finding and a `Detected` without format.
fn look_at(seen: Result<Inspected, Uninspected>, shown: &str) -> anyhow::Result<(Detected, Vec<Finding>)> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(Uninspected::Unknown(findings)) => {
            // Of an archive, the member that is meant.
            let file = findings.first().and_then(|f| f.place.as_ref()).map_or(shown, |place| &place.path).to_string();
            return Ok((Detected { file, ..Detected::default() }, findings));
        }
        Err(Uninspected::Failed(error)) => return Err(error),
    };
    let detection = &seen.detection;
    let mut encoding = match detection.survey.shape {
        Shape::Sheet => "workbook".to_string(),
        Shape::Parquet => "Parquet".to_string(),
        _ => detection.survey.encoding.name().to_string(),
    };
    if detection.survey.container != Container::Plain {
        encoding = format!("{encoding} in {}", detection.survey.container.name());
    }
    let detected = Detected {
        file: detection.source.clone(),
        format: Some(detection.spec.id.clone()),
        version: Some(detection.format_version.clone()).filter(|v| !v.is_empty()),
        holds: Some(detection.kind().word()),
        encoding,
        delimiter: detection.delimiter.map(char::from),
        header_line: Some(detection.header_line).filter(|line| *line > 0),
        rows: seen.rows,
        periods: seen.periods.iter().map(ToString::to_string).collect(),
        totals: seen.cost.iter().map(|(currency, cost)| Total::new(*currency, *cost)).collect(),
    };
    Ok((detected, seen.findings))
}

fn table(files: &[Detected]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["file", "format", "holds", "encoding", "delimiter", "header", "rows", "period", "total"]);
    for file in files {
        let format = match (&file.format, &file.version) {
            (Some(format), Some(version)) => format!("{format} {version}"),
            (Some(format), None) => format.clone(),
            (None, _) => "unknown".to_string(),
        };
        let delimiter = match file.delimiter {
            Some('\t') => "tab".to_string(),
            Some(c) => c.to_string(),
            None => String::new(),
        };
        let period = match file.periods.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [first, .., last] => format!("{first} to {last}"),
        };
        let totals: Vec<_> =
            file.totals.iter().map(|t| format!("{} {}", t.cost, t.currency).trim_end().to_string()).collect();
        table.add_row([
            file.file.clone(),
            format,
            file.holds.unwrap_or_default().replace('_', " "),
            file.encoding.clone(),
            delimiter,
            file.header_line.map(|n| format!("line {n}")).unwrap_or_default(),
            file.rows.to_string(),
            period,
            totals.join("\n"),
        ]);
    }
    for column in [6, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    crate::cli::report::bare(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_a_row_and_an_unknown_one_says_so() {
        let usd = Currency::parse("USD").expect("a code");
        let total = Total::new(usd, rust_decimal::Decimal::from_str_exact("12.5").expect("a decimal"));
        let known = Detected {
            file: "a.csv".into(),
            format: Some("focus".into()),
            version: Some("1.0".into()),
            holds: Some("usage"),
            encoding: "UTF-8".into(),
            delimiter: Some('\t'),
            header_line: Some(1),
            rows: 1000,
            periods: vec!["2026-09".into(), "2026-10".into()],
            totals: vec![total.clone(), Total { currency: "EUR".into(), ..total }],
        };
        let unknown = Detected { file: "b.bin".into(), encoding: "binary".into(), ..Detected::default() };
        assert_eq!(
            table(&[known, unknown]),
            "\
file   format     holds  encoding  delimiter  header  rows  period                  total
a.csv  focus 1.0  usage  UTF-8     tab        line 1  1000  2026-09 to 2026-10  12.50 USD
                                                                                12.50 EUR
b.bin  unknown           binary                          0
"
        );
    }
}
