//! Holds the PSA's entities to their references: a contract to its client, a line to its contract and
//! product, a tier to what it prices. What hangs in the air is left out and named.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::names::{company_key, folded};
use super::psa::{Client, ClientId, Contract, ContractId, ContractLine, Invoiced, LeftOutLine, PricingModel, Psa};
use super::psa_tables::{left_out, tier_owner};
use super::shared_id_key;
use crate::finding::{Code, Finding, Place};
use crate::rate::Currency;

/// A contract as a list on a screen names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContractName {
    pub client: String,
    pub contract: String,
}

/// Gives lines that only name their contract its id, where one contract alone has that name with a client of
/// that name; the others are left out.
pub(super) fn join_by_name(psa: &mut Psa, named: &BTreeMap<String, ContractName>, findings: &mut Vec<Finding>) {
    if named.is_empty() {
        return;
    }
    let clients: BTreeMap<String, String> = psa.clients.iter().map(|c| (c.id.key(), company_key(&c.name))).collect();
    let mut named_so: BTreeMap<String, Vec<ClientId>> = BTreeMap::new();
    for client in &psa.clients {
        named_so.entry(company_key(&client.name)).or_default().push(client.id.clone());
    }
    let mut contracts: BTreeMap<(String, String), Vec<ContractId>> = BTreeMap::new();
    for contract in &psa.contracts {
        let client = clients.get(&contract.client_id.key()).cloned().unwrap_or_default();
        contracts.entry((client, folded(&contract.name))).or_default().push(contract.id.clone());
    }
    let dropped = &mut psa.left_out;
    psa.contract_lines.retain_mut(|line| {
        let Some(name) = named.get(&line.id.key()).filter(|_| line.contract_id.is_empty()) else { return true };
        let found = contracts.get(&(company_key(&name.client), folded(&name.contract)));
        if let Some([only]) = found.map(Vec::as_slice) {
            line.contract_id = only.clone();
            return true;
        }
        let why = if found.is_some() { "several contracts have" } else { "no contract has" };
        let message = format!("contract line {} is left out: {why} its client's and contract's names", line.id);
        findings.push(orphan(message, &line.place, &format!("{}, {}", name.client, name.contract)));
        // Whose it is may be known all the same, and then nothing is concluded from its absence.
        let client = named_so.get(&company_key(&name.client)).filter(|all| all.len() == 1).map(|all| all[0].clone());
        dropped.push(LeftOutLine { client_id: client.unwrap_or_default(), ..left_out(line) });
        false
    });
}

/// Leaves out contracts, lines and tiers whose references lead nowhere, and gives a contract without a
/// currency its client's.
pub(super) fn link(
    psa: &mut Psa,
    refused_contracts: &BTreeMap<String, ClientId>,
    refused_tiers: &BTreeMap<String, Place>,
    findings: &mut Vec<Finding>,
) {
    let mut contract_clients = link_contracts(psa, findings);
    for (contract, client) in refused_contracts {
        contract_clients.entry(contract.clone()).or_insert_with(|| client.clone());
    }
    link_invoiced(psa, findings);
    link_lines(psa, &contract_clients, refused_tiers, findings);
    link_tiers(psa, findings);
    for line in &mut psa.left_out {
        if let Some(client) = contract_clients.get(&line.contract_id.key()) {
            line.client_id = client.clone();
        }
    }
}

/// Contract → client, of every contract read, also those left out here.
fn link_contracts(psa: &mut Psa, findings: &mut Vec<Finding>) -> BTreeMap<String, ClientId> {
    let clients: BTreeMap<String, Currency> = psa.clients.iter().map(|c| (c.id.key(), c.currency)).collect();
    let of_contract = psa.contracts.iter().map(|c| (c.id.key(), c.client_id.clone())).collect();
    psa.contracts.retain_mut(|contract| {
        let Some(currency) = clients.get(&contract.client_id.key()) else {
            let message = format!("contract {} names a client that does not exist, and is left out", contract.id);
            findings.push(orphan(message, &contract.place, contract.client_id.as_str()));
            return false;
        };
        if contract.currency.is_none() {
            contract.currency = *currency;
        }
        true
    });
    of_contract
}

/// Who is invoiced for each contract: whom it names, else whom its parent's invoices go to, else whom its
/// client's record names. Somebody who does not exist is not invoiced: the contract's own client is.
fn link_invoiced(psa: &mut Psa, findings: &mut Vec<Finding>) {
    let clients: BTreeMap<String, &Client> = psa.clients.iter().map(|c| (c.id.key(), c)).collect();
    let contracts: BTreeMap<String, usize> = psa.contracts.iter().enumerate().map(|(i, c)| (c.id.key(), i)).collect();
    let own = |contract: &Contract| contract.bill_to_client_id.clone();
    let mut invoiced = Vec::with_capacity(psa.contracts.len());
    let mut told = BTreeSet::new();
    for contract in &psa.contracts {
        let mut named = own(contract);
        let mut at = contract;
        // Parents of parents are as many as contracts at most: else they run in a circle.
        for _ in 0..psa.contracts.len() {
            if !named.is_empty() || at.parent_contract_id.is_empty() {
                break;
            }
            let Some(parent) = contracts.get(&at.parent_contract_id.key()).map(|i| &psa.contracts[*i]) else {
                let message = format!("contract {} names a parent that does not exist, and is billed by itself", at.id);
                findings.push(orphan(message, &at.place, at.parent_contract_id.as_str()));
                break;
            };
            named = own(parent);
            if named.is_empty() && parent.parent_contract_id.is_empty() {
                named = parent.client_id.clone();
            }
            at = parent;
        }
        let client = clients.get(&contract.client_id.key());
        let by_client = named.is_empty();
        if by_client {
            named = client.map(|c| c.bill_to_client_id.clone()).unwrap_or_default();
        }
        if named.is_empty() || named.key() == contract.client_id.key() {
            invoiced.push(None);
            continue;
        }
        let payer = clients.get(&named.key());
        match client.filter(|_| by_client) {
            Some(client) if payer.is_none() && told.insert(client.id.key()) => {
                let message = format!("client {} is billed to one that does not exist; it is billed itself", client.id);
                findings.push(orphan(message, &client.place, named.as_str()));
            }
            None if payer.is_none() => {
                let message =
                    format!("contract {} is billed to a client that does not exist; its own is billed", contract.id);
                findings.push(orphan(message, &contract.place, named.as_str()));
            }
            _ => {}
        }
        invoiced.push(payer.map(|c| Invoiced { client_id: c.id.clone(), client_name: c.name.clone() }));
    }
    for (contract, invoiced) in psa.contracts.iter_mut().zip(invoiced) {
        contract.invoiced = invoiced;
    }
}

fn link_lines(
    psa: &mut Psa,
    contract_clients: &BTreeMap<String, ClientId>,
    refused_tiers: &BTreeMap<String, Place>,
    findings: &mut Vec<Finding>,
) {
    let contracts: HashSet<String> = psa.contracts.iter().map(|c| c.id.key()).collect();
    let products: HashSet<String> = psa.products.iter().map(|p| p.code.key()).collect();
    let dropped = &mut psa.left_out;
    // The lines of a contract stand together, mostly.
    let mut last: Option<ContractId> = None;
    psa.contract_lines.retain(|line| {
        if last.as_ref() != Some(&line.contract_id) && contracts.contains(&*shared_id_key(line.contract_id.as_str())) {
            last = Some(line.contract_id.clone());
        }
        if last.as_ref() != Some(&line.contract_id) {
            let contract = line.contract_id.key();
            let known = contract_clients.contains_key(&contract);
            let why = if known { "that was itself left out" } else { "that does not exist" };
            let message = format!("contract line {} names a contract {why}, and is left out", line.id);
            findings.push(orphan(message, &line.place, line.contract_id.as_str()));
            dropped.push(left_out(line));
            return false;
        }
        if let Some(tier) = refused_tier(line, refused_tiers) {
            let message = format!("contract line {} is priced by the tier at {tier}, which cannot be read", line.id);
            findings.push(Finding::new(Code::I105, message).at(line.place.clone()));
            dropped.push(left_out(line));
            return false;
        }
        if !products.contains(&*shared_id_key(line.product_code.as_str())) {
            let message = format!("contract line {} names a product that the catalogue does not have", line.id);
            findings.push(orphan(message, &line.place, line.product_code.as_str()));
        }
        true
    });
}

fn link_tiers(psa: &mut Psa, findings: &mut Vec<Finding>) {
    if psa.price_tiers.is_empty() {
        return;
    }
    let mut owners: BTreeSet<String> = psa.contract_lines.iter().map(|l| format!("line {}", l.id.key())).collect();
    owners.extend(psa.left_out.iter().map(|l| format!("line {}", l.id.key())));
    owners.extend(psa.products.iter().map(|p| format!("product {}", p.code.key())));
    psa.price_tiers.retain(|tier| {
        let known = owners.contains(&tier_owner(tier));
        if !known {
            let (what, id) = if tier.contract_line_id.is_empty() {
                ("product", tier.product_code.as_str())
            } else {
                ("contract line", tier.contract_line_id.as_str())
            };
            let message = format!("the price tier names a {what} that does not exist, and is left out");
            findings.push(orphan(message, &tier.place, id));
        }
        known
    });
}

/// The unreadable tier that a tiered line depends on.
fn refused_tier<'t>(line: &ContractLine, refused: &'t BTreeMap<String, Place>) -> Option<&'t Place> {
    match line.pricing_model {
        PricingModel::PerUnit | PricingModel::Flat | PricingModel::Package | PricingModel::CostPlus => None,
        PricingModel::Graduated | PricingModel::Volume | PricingModel::Stairstep | PricingModel::StackedStairstep => {
            refused
                .get(&format!("line {}", line.id.key()))
                .or_else(|| refused.get(&format!("product {}", line.product_code.key())))
        }
    }
}

fn orphan(message: String, place: &Place, id: &str) -> Finding {
    Finding::new(Code::T208, message).at(place.clone()).value(id)
}

#[cfg(test)]
mod tests {
    use super::super::small_table;
    use super::super::{load_psa, psa::*};
    use crate::finding::Finding;
    use crate::format::TableKind;

    fn load(tables: &[(TableKind, &str, &str)]) -> (Psa, Vec<String>) {
        let tables: Vec<_> = tables.iter().map(|(kind, source, text)| (*kind, small_table(source, text))).collect();
        let (psa, findings) = load_psa(&tables);
        (psa, findings.iter().map(Finding::to_string).collect())
    }

    const CLIENTS: (TableKind, &str, &str) =
        (TableKind::Clients, "psa/clients.csv", "client_id,name,currency\nC1,Acme,EUR\n");
    const PRODUCTS: (TableKind, &str, &str) =
        (TableKind::Products, "psa/products.csv", "product_code,name\nP1,Backup\n");

    #[test]
    fn a_line_without_its_contract_is_left_out_and_one_without_its_product_is_kept() {
        let (psa, said) = load(&[
            (
                TableKind::ContractLines,
                "psa/contract_lines.csv",
                "contract_line_id,contract_id,product_code,quantity\nL1,K1,P1,1\nL2,K9,P1,1\nL3,k1,P9,1\nL4,K2,P1,1\n",
            ),
            (TableKind::Contracts, "psa/contracts.csv", "contract_id,client_id,name\nK1,c1,Care\nK2,C9,Care\n"),
            PRODUCTS,
            CLIENTS,
        ]);
        let lines: Vec<_> = psa.contract_lines.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(lines, ["L1", "L3"]);
        assert_eq!(psa.contracts.len(), 1);
        let left_out: Vec<_> = psa.left_out.iter().map(|l| (l.id.as_str(), l.client_id.as_str())).collect();
        assert_eq!(left_out, [("L2", ""), ("L4", "C9")]);
        assert_eq!(
            said,
            [
                "psa/contracts.csv:3: warning[T208 orphan-contract-line]: contract K2 names a client that does not \
                 exist, and is left out: \"C9\"",
                "psa/contract_lines.csv:3: warning[T208 orphan-contract-line]: contract line L2 names a contract that \
                 does not exist, and is left out: \"K9\"",
                "psa/contract_lines.csv:4: warning[T208 orphan-contract-line]: contract line L3 names a product that \
                 the catalogue does not have: \"P9\"",
                "psa/contract_lines.csv:5: warning[T208 orphan-contract-line]: contract line L4 names a contract that \
                 was itself left out, and is left out: \"K2\"",
            ]
        );
    }

    #[test]
    fn a_contract_without_a_currency_has_its_clients() {
        let (psa, _) = load(&[
            CLIENTS,
            (TableKind::Contracts, "psa/contracts.csv", "contract_id,client_id,currency\nK1,C1,\nK2,C1,USD\n"),
        ]);
        let codes: Vec<_> = psa.contracts.iter().map(|c| c.currency.code().to_string()).collect();
        assert_eq!(codes, ["EUR", "USD"]);
    }

    #[test]
    fn an_unreadable_tier_leaves_out_the_lines_it_prices() {
        let (psa, said) = load(&[
            CLIENTS,
            PRODUCTS,
            (TableKind::Contracts, "psa/contracts.csv", "contract_id,client_id\nK1,C1\n"),
            (
                TableKind::ContractLines,
                "psa/contract_lines.csv",
                "contract_line_id,contract_id,product_code,quantity,pricing_model\nL1,K1,P1,1,volume\nL2,K1,P1,1,flat\n",
            ),
            (
                TableKind::PriceTiers,
                "psa/price_tiers.csv",
                "contract_line_id,product_code,up_to,unit_price\nL1,,10,1\nL1,,,x\nL9,,,1\n,,,1\n",
            ),
        ]);
        assert_eq!(psa.contract_lines.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["L2"]);
        assert_eq!(psa.left_out.iter().map(|l| l.client_id.as_str()).collect::<Vec<_>>(), ["C1"]);
        assert!(said.iter().any(|f| f.contains("priced by the tier at psa/price_tiers.csv:3")), "{said:?}");
        assert!(said.iter().any(|f| f.starts_with("psa/price_tiers.csv:4: warning[T208")), "{said:?}");
        assert!(said.iter().any(|f| f.starts_with("psa/price_tiers.csv:5:1: error[I111")), "{said:?}");
    }
}
