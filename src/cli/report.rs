//! The end of `reconcile` on a terminal: what happened, what it is worth, what to do next. Plain text that
//! reads without colour at 80 columns.

use std::fmt::Write as _;

use anstyle::Style;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use rust_decimal::Decimal;
use trueup::control::Bucket;
use trueup::emit::{Money, Output, Summary, money_text};
use trueup::finding::Severity;
use trueup::rate::{Currency, plain};
use trueup::reconcile::{Discrepancy, OwedBy, Verdict, VerdictRow, VerdictScope, spoken};

use super::printer::{BAD, BOLD, GOOD, WARN};

const WIDTH: u16 = 80;
/// Discrepancies shown on screen.
const TOP: usize = 5;
/// Characters of a name shown of a discrepancy.
const NAME: usize = 22;

/// What a run concluded, as a person wants to read it.
pub struct Report<'a> {
    pub summary: &'a Summary,
    pub discrepancies: &'a [Discrepancy],
    pub verdicts: &'a [VerdictRow],
    /// Where the outputs are, as the user would name it.
    pub folder: &'a str,
}

/// One of the amounts of a currency.
type Amount = fn(&Money) -> Decimal;

/// A discrepancy that no tolerance or decision settles.
pub fn is_open(d: &Discrepancy) -> bool {
    d.decision.is_none() && d.severity > Severity::Info
}

/// A paragraph within the width, indented by two.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut room = 0;
    for word in text.split(' ') {
        let long = word.chars().count() + 1;
        if long > room {
            out.push_str(if out.is_empty() { "  " } else { "\n  " });
            room = usize::from(WIDTH) - 2;
        } else {
            out.push(' ');
        }
        out.push_str(word);
        room = room.saturating_sub(long);
    }
    out.push('\n');
    out
}

impl Report<'_> {
    pub fn text(&self) -> String {
        let mut text = self.verdict();
        text.push_str(&self.money());
        text.push_str(&self.counts());
        text.push_str(&self.top());
        let _ = writeln!(text, "\nOutputs are in {}", self.folder);
        text.push_str(&self.next());
        text
    }

    fn verdict(&self) -> String {
        let verdict = &self.summary.verdict;
        let (words, style): (_, Style) = match verdict.word {
            Verdict::Ok => ("ok", GOOD),
            Verdict::Discrepant => ("discrepant", WARN),
            Verdict::NotReconcilable => ("not reconcilable", BAD),
        };
        let mut text = format!("{BOLD}{}{BOLD:#} {style}{words}{style:#}\n", self.summary.period);
        for reason in verdict.reason.split("; ").filter(|r| !r.is_empty()) {
            text.push_str(&wrapped(reason));
        }
        text
    }

    /// One column per currency; a row only where some currency has money in it, the three that matter always.
    fn money(&self) -> String {
        let money = &self.summary.money;
        if money.is_empty() {
            return String::new();
        }
        let rows: [(&str, bool, Amount); 6] = [
            ("invoiced", true, |m| m.invoiced),
            ("to recover from clients", true, |m| m.recover),
            ("to give back to clients", true, |m| m.refund),
            ("to dispute with vendors", true, |m| m.dispute),
            ("cost not mapped", false, |m| m.unmapped_cost),
            ("cost of rejected rows", false, |m| m.rejected_cost),
        ];
        let mut table = table();
        let currency =
            |m: &Money| if m.currency.is_none() { "no currency".to_string() } else { m.currency.to_string() };
        table.set_header(std::iter::once(String::new()).chain(money.iter().map(currency)));
        for (name, always, amount) in rows {
            if always || money.iter().any(|m| !amount(m).is_zero()) {
                let cells = money.iter().map(|m| grouped(&money_text(amount(m), m.currency)));
                table.add_row(std::iter::once(name.to_string()).chain(cells));
            }
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!("\n{}", indented(&bare(&table)))
    }

    fn counts(&self) -> String {
        let counts = &self.summary.counts;
        let lines = counts.line_items;
        let mut table = table();
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH - 2);
        table.add_row([
            "line items".to_string(),
            format!("{} ready, {} in review, {} held", whole(lines.ready), whole(lines.review), whole(lines.held)),
        ]);
        let buckets: Vec<_> = Bucket::ALL
            .iter()
            .filter_map(|b| counts.buckets.get(b.name()).filter(|n| **n > 0).map(|n| (b, n)))
            .map(|(b, n)| format!("{} {}", whole(*n), b.name().replace('_', " ")))
            .collect();
        let mut rows = format!("{} in {}", whole(counts.rows_read), many(counts.files, "file"));
        if !buckets.is_empty() {
            let _ = write!(rows, ": {}", buckets.join(", "));
        }
        table.add_row(["usage rows".to_string(), rows]);
        let unmapped = counts.unmapped;
        if unmapped.accounts + unmapped.products > 0 {
            let what = [(unmapped.accounts, "account"), (unmapped.products, "product")];
            let what: Vec<_> = what.iter().filter(|(n, _)| *n > 0).map(|(n, w)| many(*n, w)).collect();
            table.add_row(["unmapped".to_string(), what.join(", ") + &self.worth(|m| m.unmapped_cost)]);
        }
        let rejected = self.rejected();
        if rejected > 0 {
            table.add_row(["rejected".to_string(), many(rejected, "row") + &self.worth(|m| m.rejected_cost)]);
        }
        for row in self.not_reconcilable() {
            let name = spoken(if row.name.is_empty() { &row.id } else { &row.name });
            table.add_row(["not compared".to_string(), format!("{name}: {}", row.reason)]);
        }
        format!("\n{}", indented(&bare(&table)))
    }

    /// `, costing 1,200.00 USD and 3.00 EUR`; what carries no money costs nothing.
    fn worth(&self, amount: Amount) -> String {
        let worth: Vec<_> =
            self.summary.money.iter().filter(|m| !amount(m).is_zero()).map(|m| money(amount(m), m.currency)).collect();
        if worth.is_empty() { String::new() } else { format!(", costing {}", worth.join(" and ")) }
    }

    fn rejected(&self) -> u64 {
        self.summary.counts.buckets.get(Bucket::Rejected.name()).copied().unwrap_or_default()
    }

    fn not_reconcilable(&self) -> impl Iterator<Item = &VerdictRow> {
        let mut seen = std::collections::BTreeSet::new();
        self.verdicts
            .iter()
            .filter(|v| v.scope == VerdictScope::Provider && v.verdict == Verdict::NotReconcilable)
            .filter(move |v| seen.insert((&v.id, &v.reason)))
    }

    /// The open discrepancies of most impact.
    fn top(&self) -> String {
        let mut open: Vec<_> = self.discrepancies.iter().filter(|d| is_open(d)).collect();
        if open.is_empty() {
            return String::new();
        }
        open.sort_by(|a, b| {
            b.impact.cmp(&a.impact).then_with(|| (a.currency, &a.discrepancy_id).cmp(&(b.currency, &b.discrepancy_id)))
        });
        let mut table = table();
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH - 2);
        for d in open.iter().take(TOP) {
            let change = match (d.contract_quantity, d.metered_quantity) {
                (Some(contract), Some(metered)) => format!("{} → {}", plain(contract), plain(metered)),
                (Some(contract), None) => format!("{} → ?", plain(contract)),
                (None, Some(metered)) => format!("- → {}", plain(metered)),
                (None, None) => String::new(),
            };
            let (amount, whose) = match d.impact {
                Some(impact) => (money(impact, d.currency), whose(d.owed_by)),
                None => ("unknown".to_string(), ""),
            };
            let product = if d.product_name.is_empty() { d.product_code.as_str() } else { &d.product_name };
            table.add_row([&amount, whose, d.code.name(), &short(&d.client_name), &short(product), &change]);
        }
        // Names may wrap; amounts and words may not.
        for column in [0, 1, 2, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        if let Some(column) = table.column_mut(0) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let shown = open.len().min(TOP);
        let title = if open.len() > shown {
            format!("The {shown} largest of {} open discrepancies (contract → metered)", open.len())
        } else {
            "Open discrepancies (contract → metered)".to_string()
        };
        format!("\n{BOLD}{title}{BOLD:#}\n{}", indented(&bare(&table)))
    }

    fn next(&self) -> String {
        let counts = &self.summary.counts;
        let mut steps = Vec::new();
        for row in self.not_reconcilable() {
            let name = spoken(if row.name.is_empty() { &row.id } else { &row.name });
            steps.push(format!("Complete what is missing for {name}: {}.", row.reason.trim_end_matches('.')));
        }
        let rejected = self.rejected();
        if rejected > 0 {
            steps.push(format!(
                "Correct {}: {} names file, line and value.",
                many(rejected, "row"),
                Output::Rejects.file()
            ));
        }
        let unmapped = counts.unmapped;
        for (n, suggested, what, file) in [
            (unmapped.accounts, unmapped.accounts_suggested, "account", "map/accounts.csv"),
            (unmapped.products, unmapped.products_suggested, "product", "map/products.csv"),
        ] {
            if n > 0 {
                let suggestions = match suggested {
                    0 => if n == 1 { " lists it" } else { " lists them" }.to_string(),
                    s if s == n && n == 1 => " has a suggestion".to_string(),
                    s if s == n => " has suggestions".to_string(),
                    s => format!(" has suggestions for {s}"),
                };
                steps.push(format!("Add {} to {file}: {}{suggestions}.", many(n, what), Output::Unmapped.file()));
            }
        }
        let open = self.discrepancies.iter().filter(|d| is_open(d)).count() as u64;
        if open > 0 {
            steps.push(format!(
                "Look at {} in {}, sorted by impact: change the PSA as {} says, or answer in decisions.csv.",
                many(open, "discrepancy"),
                Output::Discrepancies.file(),
                Output::QuantityChanges.file()
            ));
        }
        if !steps.is_empty() {
            steps.push("Run trueup reconcile again.".to_string());
        } else if counts.line_items.ready > 0 {
            steps.push(format!("Hand on {}: its lines with status ready can be billed.", Output::InvoiceLines.file()));
        }
        if steps.is_empty() {
            return String::new();
        }
        let mut table = table();
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH - 2);
        for (n, step) in steps.iter().enumerate() {
            table.add_row([format!("{}.", n + 1), step.clone()]);
        }
        format!("\n{BOLD}What to do next{BOLD:#}\n{}", indented(&bare(&table)))
    }
}

const fn whose(owed_by: OwedBy) -> &'static str {
    match owed_by {
        OwedBy::Client => "recover",
        OwedBy::Msp => "give back",
        OwedBy::Vendor => "dispute",
        OwedBy::Nobody => "",
    }
}

/// A name in two lines at most.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME { name.to_string() } else { name.chars().take(NAME - 1).chain(['…']).collect() }
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

/// The table without the blanks at its edges.
pub fn bare(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        text.push('\n');
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |out, line| out + "  " + line + "\n")
}

fn money(amount: Decimal, currency: Currency) -> String {
    format!("{} {currency}", grouped(&money_text(amount, currency))).trim_end().to_string()
}

fn whole(n: u64) -> String {
    grouped(&n.to_string())
}

/// `1 account`, `3 accounts`, `2 discrepancies`.
fn many(n: u64, what: &str) -> String {
    match what.strip_suffix('y') {
        _ if n == 1 => format!("1 {what}"),
        Some(stem) => format!("{} {stem}ies", whole(n)),
        None => format!("{} {what}s", whole(n)),
    }
}

/// A plain decimal with its thousands set apart, for eyes only.
fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |d| ("-", d));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_string();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;
