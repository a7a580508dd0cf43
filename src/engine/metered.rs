//! The sums of the groups as metered quantities, in an order that no thread has a say in.

use anyhow::Context;

use super::collect::Collected;
use super::place::{Placed, place_of};
use super::targets::Targets;
use crate::book::Period;
use crate::meter::{Count, Metered, Sums};

/// Metered sums in a stable order, and where each group number went.
pub struct MeteredSums {
    pub sums: Vec<Metered>,
    /// Counts that a mapping leaves out.
    pub beside: Vec<Metered>,
    /// By group.
    pub index_of_group: Vec<usize>,
}

impl Placed {
    /// The sums as metered quantities, in order of client, product, term and count.
    pub fn metered(&self, read: &Collected, targets: &Targets<'_>, period: Period) -> anyhow::Result<MeteredSums> {
        let groups = targets.groups();
        let mut order: Vec<(u32, Option<Count>)> = Vec::new();
        for number in groups.in_order().into_iter().filter(|n| self.sums_of(*n).is_some()) {
            order.push((number, groups.get(number).0.count.map(|pair| count_of(read, pair))));
        }
        // Accounts and SKUs are numbered as threads meet them, so counts of one product are ordered by their names.
        let ware = |number: u32| {
            let (_, client, product, term) = groups.get(number);
            (client, product, term)
        };
        for same in order.chunk_by_mut(|a, b| ware(a.0) == ware(b.0)) {
            same.sort_by_cached_key(|(number, count)| (count.clone(), self.sums_of(*number).and_then(|s| s.first)));
        }
        let mut out = MeteredSums {
            sums: Vec::with_capacity(order.len()),
            beside: Vec::new(),
            index_of_group: vec![usize::MAX; groups.len()],
        };
        for (number, count) in order {
            let Some(sums) = self.sums_of(number) else { continue };
            let (group, client_id, product_code, term) = groups.get(number);
            let mut providers: Vec<String> =
                sums.providers().map(|vendor| read.names.vendors[vendor as usize].clone()).collect();
            providers.sort();
            let first = sums.first.map(|(file, line)| place_of(read, file, line)).unwrap_or_default();
            let what = |of: &str| {
                format!(
                    "the {of} of product {product_code} for client {client_id} cannot be summed; its first row is {first}"
                )
            };
            let metered = Metered {
                client_id: client_id.clone(),
                product_code: product_code.clone(),
                term: term.to_string(),
                quantity: sums.quantity(period).with_context(|| what("metered quantity"))?,
                cost_only: !sums.counted,
                cost: sums.costs().with_context(|| what("cost"))?,
                providers,
                unit_cost: sums.unit_cost(),
                spread: sums.spread,
                consumption: sums.is_consumption(),
                at_end: sums.at_end().with_context(|| what("metered quantity"))?,
                count,
                first,
            };
            if group.beside {
                out.beside.push(metered);
            } else {
                out.index_of_group[number as usize] = out.sums.len();
                out.sums.push(metered);
            }
        }
        Ok(out)
    }

    /// The sums of a group, if any row is in them.
    fn sums_of(&self, group: u32) -> Option<&Sums> {
        self.sums.get(group as usize).filter(|sums| !sums.is_empty())
    }
}

fn count_of(read: &Collected, (account, sku): (u32, u32)) -> Count {
    let (account, sku) = (&read.names.accounts[account as usize], &read.names.skus[sku as usize]);
    let or = |id: &String, name: &String| if id.trim().is_empty() { name.clone() } else { id.clone() };
    Count {
        provider_name: sku.key.provider_name.clone(),
        account: or(&account.sub_account_id, &account.sub_account_name),
        sku: or(&sku.key.sku_id, &sku.key.charge_description),
        metric: sku.key.metric.clone(),
        format: sku.format.clone(),
    }
}
