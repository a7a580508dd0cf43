//! R411: what a client used of a vendor's in the period before and has nothing of now, though the vendor's export
//! is there. A contract line of which nothing is used asks for itself (R404); this asks for the rest.

use std::collections::{BTreeMap, HashSet};

use super::conclude::{Input, Outcome};
use super::ids::discrepancy_id;
use super::unit::Index;
use super::{Action, Discrepancy, OwedBy};
use crate::book::{ClientId, ContractId, ContractLineId, ProductCode, id_key};
use crate::finding::{Code, Place, Severity};

/// Recurring usage of the period before, of an account and SKU that have no row in this one.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedBefore {
    pub client_id: ClientId,
    pub product_code: ProductCode,
    pub provider_name: String,
    /// The account has rows of other SKUs now.
    pub account_is_there: bool,
    pub first: Place,
}

/// A client with a product or a vendor, by the keys of their ids.
pub(super) type Pairs = HashSet<(String, String)>;

/// A vendor's whole account is one question; of an account that is there, each product that no line bills.
/// `billed` are client and product of active lines, as far as the client is one of the `asked`: those of which something
/// was used before.
pub(super) fn discrepancies(
    billed: &Pairs,
    asked: &HashSet<String>,
    index: &Index<'_>,
    input: &Input<'_>,
    out: &mut Outcome,
) {
    if input.before.is_empty() {
        return;
    }
    let (mut used, mut served) = (Pairs::new(), Pairs::new());
    for metered in input.metered {
        let client = metered.client_id.key();
        if !asked.contains(&client) {
            continue;
        }
        served.extend(metered.providers.iter().map(|vendor| (client.clone(), id_key(vendor))));
        if !metered.cost_only {
            used.insert((client, metered.product_code.key()));
        }
    }

    let mut accounts: BTreeMap<(String, String), Vec<&UsedBefore>> = BTreeMap::new();
    for before in input.before {
        let (client, product) = (before.client_id.key(), before.product_code.key());
        let vendor = id_key(&before.provider_name);
        let known = input.supply.is_whole(&vendor)
            && input.supply.incomplete(&product).is_none()
            && input.supply.rejected(&client, &product).is_none();
        if known && !used.contains(&(client.clone(), product)) {
            accounts.entry((client, vendor)).or_default().push(before);
        }
    }
    for ((client, vendor), mut gone) in accounts {
        gone.sort_by(|a, b| (&a.product_code, &a.first).cmp(&(&b.product_code, &b.first)));
        gone.dedup_by(|a, b| a.product_code.key() == b.product_code.key());
        if served.contains(&(client.clone(), vendor)) || gone.iter().any(|b| b.account_is_there) {
            for before in gone {
                if !billed.contains(&(client.clone(), before.product_code.key())) {
                    let what = format!("{} was used in the period before, and no longer", name(index, before));
                    say(&[before], &what, Severity::Info, index, out);
                }
            }
            continue;
        }
        let Some(first) = gone.first() else { continue };
        let names: Vec<String> = gone.iter().map(|b| name(index, b)).collect();
        let what = format!(
            "the account was in the export of {} in the period before and is not in this one's; it had {}",
            first.provider_name,
            names.join(", ")
        );
        say(&gone, &what, Code::R411.severity(), index, out);
    }
}

fn name(index: &Index<'_>, before: &UsedBefore) -> String {
    index.products.get(&before.product_code.key()).map_or_else(|| before.product_code.to_string(), |p| p.name.clone())
}

fn say(gone: &[&UsedBefore], message: &str, severity: Severity, index: &Index<'_>, out: &mut Outcome) {
    let Some(first) = gone.iter().min_by_key(|b| &b.first) else { return };
    let Some(client) = index.clients.get(&first.client_id.key()) else { return };
    // A whole account is about its vendor, a single product about itself.
    let one = (gone.len() == 1).then_some(*first);
    let about = if severity == Severity::Info { first.product_code.to_string() } else { String::new() };
    out.discrepancies.push(Discrepancy {
        discrepancy_id: discrepancy_id(client.id.as_str(), &about, &first.provider_name, Code::R411),
        code: Code::R411,
        severity,
        client_id: client.id.clone(),
        client_name: client.name.clone(),
        contract_id: ContractId::default(),
        contract_line_id: ContractLineId::default(),
        product_code: one.map(|b| b.product_code.clone()).unwrap_or_default(),
        product_name: one.map(|b| name(index, b)).unwrap_or_default(),
        provider_name: first.provider_name.clone(),
        contract_quantity: None,
        metered_quantity: None,
        difference: None,
        unit_price: None,
        unit_cost: None,
        impact: None,
        currency: index.currency_of(&client.id.key()),
        owed_by: OwedBy::Nobody,
        action: Action::CheckExport,
        decision: None,
        place: first.first.clone(),
        message: format!("{}: {message}", client.name),
    });
}
