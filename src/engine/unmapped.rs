//! What is joined to nothing: each account and SKU once per currency, with what it holds and whom it may
//! mean. Suggestions never join.

use std::collections::BTreeSet;

use super::collect::Collected;
use super::place::{Placed, place_of};
use crate::book::Psa;
use crate::emit::FindingLog;
use crate::finding::{Code, Finding};
use crate::rate::Overflow;
use crate::reconcile::{Unmapped, UnmappedWhat};
use crate::resolve::Suggester;

/// The rows of `unmapped.csv`, and a finding for each account and SKU.
pub fn rows(placed: &Placed, read: &Collected, psa: &Psa, log: &mut FindingLog) -> Result<Vec<Unmapped>, Overflow> {
    if placed.unmapped.is_empty() {
        return Ok(Vec::new());
    }
    let (clients, products) = (Suggester::for_clients(psa), Suggester::for_products(psa));
    let mut said = BTreeSet::new();
    let mut out = Vec::with_capacity(placed.unmapped.len());
    for ((what, number, currency), uses) in &placed.unmapped {
        let index = *number as usize;
        let (provider, id, name, term, suggestion) = match what {
            UnmappedWhat::Account => {
                let key = &read.names.accounts[index];
                let suggestion = clients.account(key, 1).into_iter().next();
                (&key.provider_name, &key.sub_account_id, &key.sub_account_name, String::new(), suggestion)
            }
            UnmappedWhat::Product => {
                let key = &read.names.skus[index].key;
                let suggestion = products.product(key, 1).into_iter().next();
                (&key.provider_name, &key.sku_id, &key.charge_description, key.term.clone(), suggestion)
            }
        };
        if said.insert((*what, *number)) {
            let (code, message) = match what {
                UnmappedWhat::Account => (Code::M301, "an account is joined to no client"),
                UnmappedWhat::Product => (Code::M302, "a SKU is joined to no product"),
            };
            let value = if name.is_empty() { id } else { name };
            let mut finding = Finding::new(code, message).value(format!("{provider} {value}").trim().to_string());
            if let Some((file, line)) = uses.first {
                finding = finding.at(place_of(read, file, line));
            }
            log.add(finding);
        }
        out.push(Unmapped {
            what: *what,
            provider_name: provider.clone(),
            id: id.clone(),
            name: name.clone(),
            term,
            rows: uses.tally.rows,
            quantity: uses.tally.quantity.to_decimal()?,
            cost: uses.tally.cost.to_decimal()?,
            currency: *currency,
            suggested_id: suggestion.as_ref().map(|s| s.id.clone()).unwrap_or_default(),
            suggested_name: suggestion.as_ref().map(|s| s.name.clone()).unwrap_or_default(),
            score: suggestion.as_ref().map(|s| s.score),
            reason: suggestion.map(|s| s.reason).unwrap_or_default(),
        });
    }
    Ok(out)
}
