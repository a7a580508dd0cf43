//! Rules by which a PSA counts units itself when it bills (Autotask's `ContractBillingRules`). How many they come to is in
//! no export, so a rule is a contract line only where its bounds leave one number; else it is a line that could not be
//! used, and usage of its product is held to be billed elsewhere instead of by nobody.

use super::LeftOutLine;
use super::cells::{Cells, has_columns};
use super::psa::{Billing, ContractLine};
use super::psa_tables::{contract_line, left_out, place};
use crate::finding::{Code, Finding, Severity};
use crate::ingest::Table;
use crate::rate::plain;

/// The lines that a table of rules comes to, and those it leaves open.
pub(super) fn billing_rules(table: &Table, findings: &mut Vec<Finding>) -> (Vec<ContractLine>, Vec<LeftOutLine>) {
    let (mut lines, mut open) = (Vec::new(), Vec::new());
    if !has_columns(table, &["contract_line_id", "contract_id", "product_code"], findings) {
        return (lines, open);
    }
    for row in &table.rows {
        let mut cells = Cells::new(table, row, findings);
        cells.required("contract_id");
        let mut line = contract_line(&mut cells, place(table, row), false);
        let (active, by_day) = (cells.flag("active", true), cells.flag("daily_price", false));
        if !cells.usable() {
            open.push(left_out(&line));
            continue;
        }
        if !active {
            continue;
        }
        let bounds = (line.minimum_quantity.filter(|q| !q.is_zero()), line.maximum_quantity.filter(|q| !q.is_zero()));
        let why = match bounds {
            (Some(least), Some(most)) if least == most && !by_day => {
                line.quantity = least;
                (line.minimum_quantity, line.maximum_quantity) = (None, None);
                line.billing = Some(Billing::Contract);
                lines.push(line);
                continue;
            }
            (Some(least), Some(most)) if least == most => {
                "at a price per day, which no contract line here has".to_string()
            }
            (least, most) => {
                let bound = |word: &str, units| format!(", {word} {}", plain(units));
                format!(
                    "by a count that the PSA takes when it bills and no export holds{}{}",
                    least.map_or_else(String::new, |units| bound("at least", units)),
                    most.map_or_else(String::new, |units| bound("at most", units))
                )
            }
        };
        let message = format!(
            "billing rule {} bills product {} {why}: it is left out, and nothing is concluded of usage of the product; to \
             bill by usage, end the rule and give its contract a line",
            line.id, line.product_code
        );
        let finding = Finding::new(Code::I111, message).severity(Severity::Warning);
        findings.push(finding.at(line.place.clone()));
        open.push(left_out(&line));
    }
    (lines, open)
}

#[cfg(test)]
mod tests {
    use super::super::{load_psa, small_table};
    use crate::format::TableKind;

    #[test]
    fn a_rule_is_a_line_where_its_bounds_leave_one_number() {
        let rules = "contract_line_id,contract_id,product_code,minimum_quantity,maximum_quantity,active,daily_price,unit_price\n\
                     rule-1,K1,P1,5,5,true,false,\nrule-2,K1,P1,2,10,true,false,\nrule-3,K1,P1,0,,true,false,\n\
                     rule-4,K1,P1,5,5,true,true,\nrule-5,K1,P1,2,10,false,false,\nrule-6,K1,P1,x,10,true,false,\n";
        let (psa, said) = load_psa(&[
            (TableKind::Clients, small_table("psa/c.csv", "client_id,name\nC1,Acme\n")),
            (TableKind::Products, small_table("psa/p.csv", "product_code,name\nP1,Firewall\n")),
            (TableKind::Contracts, small_table("psa/k.csv", "contract_id,client_id\nK1,C1\n")),
            (TableKind::BillingRules, small_table("psa/r.csv", rules)),
        ]);
        let lines: Vec<_> = psa.contract_lines.iter().map(|l| (l.id.as_str(), l.quantity.to_string())).collect();
        assert_eq!(lines, [("rule-1", "5".to_string())]);
        let open: Vec<_> = psa.left_out.iter().map(|l| format!("{} {}", l.id, l.client_id)).collect();
        assert_eq!(open, ["rule-2 C1", "rule-3 C1", "rule-4 C1", "rule-6 C1"]);
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        for (said, part) in said.iter().zip([
            "no export holds, at least 2, at most 10: it",
            "no export holds: it",
            "at a price per day",
            "psa/r.csv:7:4: error[I105",
        ]) {
            assert!(said.contains(part), "{said}");
        }
    }
}
