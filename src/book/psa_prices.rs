//! Holds prices to what their model needs: tiers that are one rising row with an open end, a package size, a
//! markup, bounds that do not cross. What cannot be priced stays on its line, which is then held (R418); here
//! the cell that is to blame is named. A price that no model asks for is named, too: it was meant for one.

use std::collections::{BTreeMap, BTreeSet};

use super::psa::{ContractLine, PriceTier, PricingModel, Psa};
use super::psa_tables::tier_owner;
use crate::finding::{Code, Finding, Severity};
use crate::rate::{RateError, Tier, check_tiers, is_open, plain};

/// Says what is wrong with the prices of contract lines and their tiers.
pub(super) fn check_prices(psa: &Psa, findings: &mut Vec<Finding>) {
    let mut tables: BTreeMap<String, Vec<&PriceTier>> = BTreeMap::new();
    for tier in &psa.price_tiers {
        tables.entry(tier_owner(tier)).or_default().push(tier);
    }
    // A product's tiers are judged once for each model they serve.
    let mut judged: BTreeSet<(String, &'static str)> = BTreeSet::new();
    let mut used: BTreeSet<String> = BTreeSet::new();
    for line in &psa.contract_lines {
        terms(line, findings);
        if !line.pricing_model.is_tiered() {
            continue;
        }
        let own = format!("line {}", line.id.key());
        let owner = if tables.contains_key(&own) { own } else { format!("product {}", line.product_code.key()) };
        let Some(tiers) = tables.get(&owner) else {
            let word = line.pricing_model.word();
            let message = format!(
                "contract line {} is priced {word} and has no price tiers; give them in price_tiers.csv for the line \
                 or its product",
                line.id
            );
            findings.push(Finding::new(Code::I111, message).at(line.place.clone()));
            continue;
        };
        if judged.insert((owner.clone(), line.pricing_model.word())) {
            table(line.pricing_model, tiers, findings);
        }
        used.insert(owner);
    }
    if tables.len() == used.len() {
        return;
    }
    let owners: BTreeMap<String, &ContractLine> =
        psa.contract_lines.iter().map(|l| (format!("line {}", l.id.key()), l)).collect();
    let left_out: BTreeSet<String> = psa
        .left_out
        .iter()
        .flat_map(|l| [format!("line {}", l.id.key()), format!("product {}", l.product_code.key())])
        .collect();
    for (owner, tiers) in tables.iter().filter(|(o, _)| !used.contains(*o) && !left_out.contains(*o)) {
        let Some(first) = tiers.first() else { continue };
        let why = match owners.get(owner) {
            Some(line) => {
                format!("contract line {} is priced {}, which takes no tiers", line.id, line.pricing_model.word())
            }
            None => format!("no contract line of product {} is priced by them", first.product_code),
        };
        let message = format!("the price tiers price nothing, because {why}; state a tiered pricing_model");
        findings.push(Finding::new(Code::I111, message).at(first.place.clone()).severity(Severity::Warning));
    }
}

/// One tier table under one model.
fn table(model: PricingModel, tiers: &[&PriceTier], findings: &mut Vec<Finding>) {
    let row: Vec<Tier> =
        tiers.iter().map(|t| Tier { up_to: t.up_to, unit_price: t.unit_price, flat_amount: t.flat_amount }).collect();
    match check_tiers(model, &row) {
        Err(RateError::BadTier { index, fault }) => {
            let Some(tier) = tiers.get(index) else { return };
            let message = format!("price tier {} of {}: {fault}", index + 1, owner_words(tier));
            findings.push(Finding::new(Code::I105, message).at(tier.place.clone()));
        }
        _ if !is_open(&row) => {
            let Some(last) = tiers.last() else { return };
            let message = format!(
                "the last price tier of {} ends at {}, and nothing says what more units cost; give the last tier an \
                 empty up_to",
                owner_words(last),
                last.up_to.map(plain).unwrap_or_default()
            );
            findings.push(Finding::new(Code::I111, message).at(last.place.clone()));
        }
        _ => {}
    }
}

/// What stands on the line itself.
fn terms(line: &ContractLine, findings: &mut Vec<Finding>) {
    if let Err(fault) = line.own_terms().check() {
        let message = format!("contract line {} cannot be priced: {fault}", line.id);
        findings.push(Finding::new(Code::I105, message).at(line.place.clone()).value(plain(fault.value())));
    }
    let lacks = match line.pricing_model {
        PricingModel::Package if line.package_size.is_none() => Some(("package_size", Severity::Error)),
        // Without a markup the client pays what the vendor charges; that can be meant.
        PricingModel::CostPlus if line.markup_percent.is_none() => Some(("markup_percent", Severity::Warning)),
        PricingModel::PerUnit
        | PricingModel::Flat
        | PricingModel::Graduated
        | PricingModel::Volume
        | PricingModel::Stairstep
        | PricingModel::StackedStairstep
        | PricingModel::Package
        | PricingModel::CostPlus => None,
    };
    if let Some((column, severity)) = lacks {
        let message = format!("contract line {} is priced {} and has no {column}", line.id, line.pricing_model.word());
        findings.push(Finding::new(Code::I111, message).at(line.place.clone()).severity(severity));
    }
}

fn owner_words(tier: &PriceTier) -> String {
    if tier.contract_line_id.is_empty() {
        format!("product {}", tier.product_code)
    } else {
        format!("contract line {}", tier.contract_line_id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::load_psa;
    use super::super::small_table;
    use crate::finding::Finding;
    use crate::format::TableKind;

    const LINES: &str = "contract_line_id,contract_id,product_code,quantity,pricing_model,package_size,markup_percent,\
                         minimum_quantity,maximum_quantity,discount_percent\n";

    fn said(lines: &str, tiers: &str) -> Vec<String> {
        let tables = [
            (TableKind::Clients, "clients.csv", "client_id,name\nC1,Acme\n".to_string()),
            (TableKind::Products, "products.csv", "product_code,name\nP1,Backup\nP2,Mail\n".to_string()),
            (TableKind::Contracts, "contracts.csv", "contract_id,client_id\nK1,C1\n".to_string()),
            (TableKind::ContractLines, "contract_lines.csv", format!("{LINES}{lines}")),
            (
                TableKind::PriceTiers,
                "price_tiers.csv",
                format!("contract_line_id,product_code,up_to,unit_price,flat_amount\n{tiers}"),
            ),
        ];
        let tables: Vec<_> = tables.iter().map(|(kind, source, text)| (*kind, small_table(source, text))).collect();
        load_psa(&tables).1.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_tier_that_breaks_the_row_is_named_where_it_stands() {
        let line = "L1,K1,P1,1,graduated,,,,,\n";
        assert_eq!(said(line, "L1,,10,1,\nL1,,20,1,5\nL1,,,1,\n"), [""; 0]);
        for (tiers, expected) in [
            (
                "L1,,10,1,\nL1,,5,1,\nL1,,,1,\n",
                "price_tiers.csv:3: error[I105 bad-number]: price tier 2 of contract line L1: up_to 5 does not lie \
                 above 10: tiers stand in rising order, each beginning where the one before ends",
            ),
            (
                ",P1,10,1,\n,P1,10,1,\n,P1,,1,\n",
                "price_tiers.csv:3: error[I105 bad-number]: price tier 2 of product P1: up_to 10 is where the tier \
                 before it ends, too: they overlap",
            ),
            (
                "L1,,,1,\nL1,,5,1,\n",
                "price_tiers.csv:2: error[I105 bad-number]: price tier 1 of contract line L1: up_to is empty, which \
                 says that the tier is open, but it is not the last",
            ),
            (
                "L1,,10,1,\nL1,,,-1,\n",
                "price_tiers.csv:3: error[I105 bad-number]: price tier 2 of contract line L1: unit_price -1 is below \
                 zero: a tier gives nothing back",
            ),
            (
                "L1,,10,1,\nL1,,,,\n",
                "price_tiers.csv:3: error[I105 bad-number]: price tier 2 of contract line L1: it has neither \
                 unit_price nor flat_amount; write 0 where nothing is charged",
            ),
            (
                "L1,,10,1,\nL1,,15,1,\n",
                "price_tiers.csv:3: error[I111 missing-value]: the last price tier of contract line L1 ends at 15, and \
                 nothing says what more units cost; give the last tier an empty up_to",
            ),
        ] {
            assert_eq!(said(line, tiers), [expected]);
        }
    }

    #[test]
    fn the_tiers_of_a_product_are_judged_once_for_each_model() {
        let tiers = ",P1,10,1,\n,P1,,,5\n";
        assert_eq!(said("L1,K1,P1,1,volume,,,,,\nL2,K1,P1,1,volume,,,,,\n", tiers), [""; 0]);
        assert_eq!(
            said("L1,K1,P1,1,volume,,,,,\nL2,K1,P1,1,stairstep,,,,,\nL3,K1,P1,1,stairstep,,,,,\n", tiers),
            ["price_tiers.csv:2: error[I105 bad-number]: price tier 1 of product P1: it has no flat_amount, which is \
              what a step costs; write 0 where nothing is charged"]
        );
    }

    #[test]
    fn tiers_without_their_model_and_models_without_their_tiers_are_named() {
        assert_eq!(
            said("L1,K1,P1,1,volume,,,,,\nL2,K1,P2,1,,,,,,\n", "L2,,,1,\n"),
            [
                "contract_lines.csv:2: error[I111 missing-value]: contract line L1 is priced volume and has no price \
                 tiers; give them in price_tiers.csv for the line or its product",
                "price_tiers.csv:2: warning[I111 missing-value]: the price tiers price nothing, because contract line \
                 L2 is priced per_unit, which takes no tiers; state a tiered pricing_model",
            ]
        );
        assert_eq!(
            said("L1,K1,P1,1,flat,,,,,\n", ",P1,,1,\n"),
            [
                "price_tiers.csv:2: warning[I111 missing-value]: the price tiers price nothing, because no contract line \
              of product P1 is priced by them; state a tiered pricing_model"
            ]
        );
    }

    #[test]
    fn what_a_model_needs_and_what_contradicts_itself_is_named() {
        assert_eq!(
            said("L1,K1,P1,1,package,,,,,\nL2,K1,P2,1,cost_plus,,,,,\nL3,K1,P2,1,,,,8,5,\nL4,K1,P2,1,,,,,,150\n", ""),
            [
                "contract_lines.csv:2: error[I111 missing-value]: contract line L1 is priced package and has no \
                 package_size",
                "contract_lines.csv:3: warning[I111 missing-value]: contract line L2 is priced cost_plus and has no \
                 markup_percent",
                "contract_lines.csv:4: error[I105 bad-number]: contract line L3 cannot be priced: maximum_quantity 5 \
                 is below minimum_quantity 8: \"5\"",
                "contract_lines.csv:5: error[I105 bad-number]: contract line L4 cannot be priced: discount_percent 150 \
                 is more than the whole price: \"150\"",
            ]
        );
    }
}
