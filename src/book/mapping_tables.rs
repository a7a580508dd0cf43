//! Reads `map/accounts.csv`, `map/products.csv` and `decisions.csv`. A decision that cannot be read in full is
//! left out; of such a mapping row only what it matches is kept, and joined to nothing.

use rust_decimal::Decimal;

use super::Period;
use super::cells::{Cells, has_columns, report_unknown_columns};
use super::decisions::{Decision, DecisionKind};
use super::mapping::{AccountMapping, MapStatus, ProductMapping};
use super::psa::{ClientId, ProductCode};
use crate::finding::{Code, Finding, Place};
use crate::format::MeterRule;
use crate::ingest::Table;

/// The columns of `map/accounts.csv`, in order.
pub const ACCOUNT_COLUMNS: &[&str] =
    &["provider_name", "sub_account_id", "sub_account_name", "client_id", "status", "valid_from", "valid_to", "note"];

/// The columns of `map/products.csv`, in order.
pub const PRODUCT_COLUMNS: &[&str] = &[
    "provider_name",
    "sku_id",
    "charge_description",
    "term",
    "metric",
    "product_code",
    "multiplier",
    "rule",
    "status",
    "valid_from",
    "valid_to",
    "note",
];

/// The columns of `decisions.csv`, in order.
pub const DECISION_COLUMNS: &[&str] =
    &["discrepancy_id", "decision", "quantity", "from", "until", "difference", "who", "reason"];

const STATUS: &[(&str, MapStatus)] =
    &[("mapped", MapStatus::Mapped), ("internal", MapStatus::Internal), ("excluded", MapStatus::Excluded)];
const RULE: &[(&str, Option<MeterRule>)] = &[
    ("sum", Some(MeterRule::Sum)),
    ("max", Some(MeterRule::Max)),
    ("last", Some(MeterRule::Last)),
    ("average", Some(MeterRule::Average)),
    ("prorated", Some(MeterRule::Prorated)),
];
const DECISION: &[(&str, Option<DecisionKind>)] = &[
    ("accept", Some(DecisionKind::Accept)),
    ("keep", Some(DecisionKind::Keep)),
    ("set", Some(DecisionKind::Set)),
    ("dismiss", Some(DecisionKind::Dismiss)),
];

/// The rows of `map/accounts.csv` that match something, in file order.
pub fn load_accounts(table: &Table) -> (Vec<AccountMapping>, Vec<Finding>) {
    let (mut mappings, mut findings) = (Vec::new(), Vec::new());
    report_unknown_columns(table, ACCOUNT_COLUMNS, &mut findings);
    for row in &table.rows {
        let mut cells = Cells::new(table, row, &mut findings);
        let mut mapping = AccountMapping {
            provider_name: cells.owned("provider_name"),
            sub_account_id: cells.owned("sub_account_id"),
            sub_account_name: cells.owned("sub_account_name"),
            client_id: ClientId::new(cells.text("client_id")),
            status: cells.word("status", STATUS, MapStatus::Mapped),
            valid_from: cells.date("valid_from"),
            valid_to: cells.date("valid_to"),
            note: cells.owned("note"),
            place: Place::line(table.source.clone(), row.line),
        };
        let matches = needs_a_match(&mut cells, &["provider_name", "sub_account_id", "sub_account_name"]);
        needs_a_target(&mut cells, mapping.status, "client_id");
        needs_order(&mut cells, &mut mapping.valid_from, &mut mapping.valid_to);
        if !cells.usable() {
            mapping.status = MapStatus::Unusable;
        }
        if matches {
            mappings.push(mapping);
        }
    }
    (mappings, findings)
}

/// The rows of `map/products.csv` that match something, in file order.
pub fn load_products(table: &Table) -> (Vec<ProductMapping>, Vec<Finding>) {
    let (mut mappings, mut findings) = (Vec::new(), Vec::new());
    report_unknown_columns(table, PRODUCT_COLUMNS, &mut findings);
    for row in &table.rows {
        let mut cells = Cells::new(table, row, &mut findings);
        let multiplier = cells.number("multiplier");
        if multiplier.is_some_and(|m| m <= Decimal::ZERO) {
            cells.refuse(Code::I105, "multiplier", "multiplier must be above zero, and the row is left out");
        }
        let mut mapping = ProductMapping {
            provider_name: cells.owned("provider_name"),
            sku_id: cells.owned("sku_id"),
            charge_description: cells.owned("charge_description"),
            term: cells.owned("term"),
            metric: cells.owned("metric"),
            product_code: ProductCode::new(cells.text("product_code")),
            multiplier: multiplier.unwrap_or(Decimal::ONE),
            rule: cells.word("rule", RULE, None),
            status: cells.word("status", STATUS, MapStatus::Mapped),
            valid_from: cells.date("valid_from"),
            valid_to: cells.date("valid_to"),
            note: cells.owned("note"),
            place: Place::line(table.source.clone(), row.line),
        };
        let matches = needs_a_match(&mut cells, &["provider_name", "sku_id", "charge_description", "term", "metric"]);
        needs_a_target(&mut cells, mapping.status, "product_code");
        needs_order(&mut cells, &mut mapping.valid_from, &mut mapping.valid_to);
        if !cells.usable() {
            mapping.status = MapStatus::Unusable;
        }
        if matches {
            mappings.push(mapping);
        }
    }
    (mappings, findings)
}

/// The rows of `decisions.csv` that can be used, in file order.
pub fn load_decisions(table: &Table) -> (Vec<Decision>, Vec<Finding>) {
    let (mut decisions, mut findings) = (Vec::new(), Vec::new());
    report_unknown_columns(table, DECISION_COLUMNS, &mut findings);
    if !table.rows.is_empty() && !has_columns(table, &["discrepancy_id", "decision"], &mut findings) {
        return (decisions, findings);
    }
    for row in &table.rows {
        let mut cells = Cells::new(table, row, &mut findings);
        let discrepancy_id = cells.required("discrepancy_id").to_string();
        if !discrepancy_id.is_empty() && !is_discrepancy_id(&discrepancy_id) {
            let message =
                "this is no discrepancy_id, so the decision is about nothing; copy the id from discrepancies.csv";
            cells.warn(Code::I111, "discrepancy_id", message);
        }
        let kind = if cells.required("decision").is_empty() { None } else { cells.word("decision", DECISION, None) };
        let quantity = cells.number("quantity");
        match (kind, quantity) {
            (Some(DecisionKind::Set), None) if cells.text("quantity").is_empty() => {
                cells.refuse(Code::I111, "quantity", "set needs a quantity, and the row is left out");
            }
            (Some(DecisionKind::Set), Some(n)) if n < Decimal::ZERO => {
                cells.refuse(Code::I105, "quantity", "quantity must not be below zero, and the row is left out");
            }
            _ => {}
        }
        let (from, until) = (period(&mut cells, "from"), period(&mut cells, "until"));
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            cells.refuse(Code::I106, "until", "until must be later than from, and the row is left out");
        }
        let difference = cells.number("difference");
        let (who, reason) = (cells.owned("who"), cells.owned("reason"));
        if let (true, Some(kind)) = (cells.usable(), kind) {
            let place = Place::line(table.source.clone(), row.line);
            decisions.push(Decision { discrepancy_id, kind, quantity, from, until, difference, who, reason, place });
        }
    }
    (decisions, findings)
}

/// `d` and twelve characters of the alphabet that ids are written in.
fn is_discrepancy_id(text: &str) -> bool {
    let lower = text.to_lowercase();
    let digits = lower.strip_prefix('d').unwrap_or_default();
    digits.len() == 12 && digits.bytes().all(|b| b"0123456789abcdefghjkmnpqrstvwxyz".contains(&b))
}

impl Decision {
    /// Whether it holds in `period`: from its `from` on, until before its `until`.
    pub fn holds_in(&self, period: Period) -> bool {
        self.from.is_none_or(|from| from <= period) && self.until.is_none_or(|until| period < until)
    }
}

fn period(cells: &mut Cells<'_>, column: &str) -> Option<Period> {
    let text = cells.text(column);
    let period = text.parse().ok();
    if period.is_none() && !text.is_empty() {
        cells.refuse(Code::I106, column, format!("{column} must be a period as YYYY-MM, and the row is left out"));
    }
    period
}

/// A row that fills nothing would match every account or SKU there is.
fn needs_a_match(cells: &mut Cells<'_>, columns: &[&str]) -> bool {
    let matches = columns.iter().any(|column| !cells.text(column).is_empty());
    if !matches {
        let message =
            format!("the row fills none of {}, so it would match everything; it is left out", columns.join(", "));
        cells.refuse(Code::I111, columns.first().copied().unwrap_or_default(), message);
    }
    matches
}

fn needs_a_target(cells: &mut Cells<'_>, status: MapStatus, column: &str) {
    if status == MapStatus::Mapped && cells.usable() {
        cells.required(column);
    }
}

/// Days in the wrong order bound nothing.
fn needs_order(cells: &mut Cells<'_>, from: &mut Option<chrono::NaiveDate>, to: &mut Option<chrono::NaiveDate>) {
    if from.zip(*to).is_some_and(|(from, to)| to < from) {
        cells.refuse(Code::I106, "valid_to", "valid_to is before valid_from, and the row is left out");
        (*from, *to) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::small_table;
    use super::*;

    fn said(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_account_row_defaults_to_mapped_and_needs_a_client_only_then() {
        let table = small_table(
            "map/accounts.csv",
            "provider_name,sub_account_id,sub_account_name,client_id,status,valid_from,valid_to\n\
             Pax8,a1,,C1,,2026-01-01,2026-06-30\n,,servers-m-*,C1,Mapped,,\nPax8,own,,,internal,,\nPax8,a2,,,mapped,,\n",
        );
        let (mappings, findings) = load_accounts(&table);
        let statuses: Vec<_> = mappings.iter().map(|m| m.status).collect();
        assert_eq!(statuses, [MapStatus::Mapped, MapStatus::Mapped, MapStatus::Internal, MapStatus::Unusable]);
        assert_eq!(mappings[0].valid_to.map(|d| d.to_string()).as_deref(), Some("2026-06-30"));
        assert_eq!(
            said(&findings),
            ["map/accounts.csv:5:4: error[I111 missing-value]: the row has no client_id, and is left out"]
        );
    }

    #[test]
    fn broken_account_rows_are_not_used() {
        let table = small_table(
            "map/accounts.csv",
            "provider_name,sub_account_id,client_id,status,valid_from,valid_to,nte\n\
             ,,C1,mapped,,,\nPax8,a,C1,maped,,,\nPax8,a,C1,,2026-02-30,,\nPax8,a,C1,,2026-02-01,2026-01-01,\n",
        );
        let (mappings, findings) = load_accounts(&table);
        let kept: Vec<_> = mappings.iter().map(|m| (m.status, m.sub_account_id.as_str(), m.valid_to)).collect();
        assert_eq!(kept, [(MapStatus::Unusable, "a", None); 3], "what they match is kept");
        let said = said(&findings);
        assert!(
            said[0].contains("warning[I116 format-drift]") && said[0].contains("did you mean \"note\"?"),
            "{said:?}"
        );
        assert!(said[1].starts_with("map/accounts.csv:2:1: error[I111") && said[1].contains("match everything"));
        assert!(
            said[2].starts_with("map/accounts.csv:3:4: error[I111") && said[2].contains("did you mean \"mapped\"?")
        );
        assert!(said[3].starts_with("map/accounts.csv:4:5: error[I106"));
        assert!(said[4].starts_with("map/accounts.csv:5:6: error[I106"));
    }

    #[test]
    fn a_product_row_has_a_multiplier_of_one_and_the_formats_rule_unless_it_says_otherwise() {
        let table = small_table(
            "map/products.csv",
            "provider_name,sku_id,product_code,multiplier,rule\nPax8,s1,P1,,\nPax8,s2,P1,0.001,MAX\n\
             Pax8,s3,P1,0,\nPax8,s4,P1,-1,\nPax8,s5,P1,12..5,\nPax8,s6,P1,,mean\n",
        );
        let (mappings, findings) = load_products(&table);
        let unusable = mappings.iter().filter(|m| m.status == MapStatus::Unusable).count();
        assert_eq!((mappings.len(), unusable), (6, 4));
        assert_eq!((mappings[0].multiplier, mappings[0].rule), (Decimal::ONE, None));
        assert_eq!((mappings[1].multiplier, mappings[1].rule), (Decimal::new(1, 3), Some(MeterRule::Max)));
        let said = said(&findings);
        assert_eq!(said.len(), 4);
        assert!(said[0].contains("4:4: error[I105 bad-number]: multiplier must be above zero"), "{said:?}");
        assert!(said[1].contains("5:4: error[I105"));
        assert!(said[2].contains("6:4: error[I105") && said[2].ends_with("\"12..5\""));
        assert!(said[3].contains("sum, max, last, average, prorated"));
    }

    #[test]
    fn decisions_are_read_and_judged_by_the_period() {
        let table = small_table(
            "decisions.csv",
            "discrepancy_id,decision,quantity,from,until,difference,who,reason\n\
             d0123456789ab,keep,,2026-09,2026-11,3,Ann,agreed\ndvwxyz0123456,Set,12.5,,,,,\n",
        );
        let (decisions, findings) = load_decisions(&table);
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(decisions[1].quantity, Some(Decimal::new(125, 1)));
        let holds = |p: &str| decisions[0].holds_in(p.parse().expect("a period"));
        assert!(!holds("2026-08") && holds("2026-09") && holds("2026-10") && !holds("2026-11"));
        assert_eq!(decisions[0].difference, Some(Decimal::from(3)));
    }

    #[test]
    fn what_is_no_id_of_a_discrepancy_is_said() {
        let text = "discrepancy_id,decision\nd1,keep\nl0123456789ab,keep\nd0123456789ai,keep\nD0123456789AB,keep\n";
        let (decisions, findings) = load_decisions(&small_table("decisions.csv", text));
        assert_eq!(decisions.len(), 4);
        let said = said(&findings);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("decisions.csv:2:1: warning[I111") && said[0].ends_with("\"d1\""), "{said:?}");
    }

    #[test]
    fn broken_decisions_are_not_used() {
        let table = small_table(
            "decisions.csv",
            "discrepancy_id,decision,quantity,from,until\nd000000000001,set,,,\nd000000000002,perhaps,,,\nd000000000003,,,,\n,keep,,,\n\
             d000000000005,keep,,2026-1,\nd000000000006,keep,,2026-10,2026-10\nd000000000007,set,-1,,\n",
        );
        let (decisions, findings) = load_decisions(&table);
        assert!(decisions.is_empty());
        assert_eq!(findings.len(), 7, "{findings:?}");
        let no_column = load_decisions(&small_table("decisions.csv", "id,decision\nd000000000001,keep\n")).1;
        assert!(said(&no_column).iter().any(|f| f.contains("I103 missing-column")), "{no_column:?}");
    }
}
