//! What is joined to nothing: each account and SKU once per currency, with what it holds and whom it may
//! mean. Suggestions never join.

use std::collections::BTreeSet;

use super::collect::{Collected, Names};
use super::place::{Placed, place_of};
use crate::book::Psa;
use crate::emit::{FindingLog, UnmappedCounts};
use crate::finding::{Code, Finding};
use crate::rate::Overflow;
use crate::reconcile::{Unmapped, UnmappedWhat};
use crate::resolve::{Suggester, Suggestion};

/// What is joined to nothing.
#[derive(Default)]
pub struct NotJoined<'n> {
    /// In no order.
    pub rows: Vec<Unmapped<'n>>,
    /// Distinct accounts and SKUs, whatever their currencies.
    pub counts: UnmappedCounts,
}

/// The rows of `unmapped.csv`, and a finding for each account and SKU.
pub fn rows<'n>(
    placed: &Placed,
    read: &Collected,
    names: &'n Names,
    psa: &Psa,
    log: &mut FindingLog,
) -> Result<NotJoined<'n>, Overflow> {
    let mut out = NotJoined::default();
    if placed.unmapped.is_empty() {
        return Ok(out);
    }
    let (clients, products) = (Suggester::for_clients(psa), Suggester::for_products(psa));
    out.rows.reserve_exact(placed.unmapped.len());
    // SKUs of one name have a number for each rule and format they stand in.
    let mut skus: BTreeSet<[&str; 4]> = BTreeSet::new();
    let mut last: Option<((UnmappedWhat, u32), Option<Suggestion>)> = None;
    for ((what, number, currency), uses) in &placed.unmapped {
        let index = *number as usize;
        let [provider, id, name, term] = match what {
            UnmappedWhat::Account => {
                let key = &names.accounts[index];
                [key.provider_name.as_str(), key.sub_account_id.as_str(), key.sub_account_name.as_str(), ""]
            }
            UnmappedWhat::Product => {
                let key = &names.skus[index].key;
                [key.provider_name.as_str(), key.sku_id.as_str(), key.charge_description.as_str(), key.term.as_str()]
            }
        };
        // In order of their numbers, so that the currencies of one stand together.
        let known = last.take().filter(|(of, _)| *of == (*what, *number)).map(|(_, suggestion)| suggestion);
        let suggestion = known.unwrap_or_else(|| {
            let (code, message, suggestion) = match what {
                UnmappedWhat::Account => {
                    let suggestion = clients.account(&names.accounts[index], 1).into_iter().next();
                    out.counts.accounts += 1;
                    out.counts.accounts_suggested += u64::from(suggestion.is_some());
                    (Code::M301, "an account is joined to no client", suggestion)
                }
                UnmappedWhat::Product => {
                    let suggestion = products.product(&names.skus[index].key, 1).into_iter().next();
                    if skus.insert([provider, id, name, term]) {
                        out.counts.products += 1;
                        out.counts.products_suggested += u64::from(suggestion.is_some());
                    }
                    (Code::M302, "a SKU is joined to no product", suggestion)
                }
            };
            let value = if name.is_empty() { id } else { name };
            let mut finding = Finding::new(code, message).value(format!("{provider} {value}").trim().to_string());
            if let Some((file, line)) = uses.first {
                finding = finding.at(place_of(read, file, line));
            }
            log.add(finding);
            suggestion
        });
        out.rows.push(Unmapped {
            what: *what,
            provider_name: provider,
            id,
            name,
            term,
            rows: uses.tally.rows,
            quantity: uses.tally.quantity.to_decimal()?,
            cost: uses.tally.cost.to_decimal()?,
            currency: *currency,
            suggested: suggestion.clone().map(Box::new),
        });
        last = Some(((*what, *number), suggestion));
    }
    Ok(out)
}
