//! Which vendors' exports were there for the period, and where the metered side is known to be incomplete.

use std::collections::BTreeSet;

use super::Run;
use super::collect::Collected;
use super::load::Refused;
use super::place::{Placed, place_of};
use super::targets::Targets;
use crate::book::{MapStatus, Mappings, Period, ProductCode, ProductMapping, id_key};
use crate::finding::{Code, Place};
use crate::reconcile::{RejectedUse, Supply};
use crate::resolve::{AccountKey, SkuKey};

/// Gathers what is known of the metered side.
pub fn supply(
    run: &Run<'_>,
    read: &Collected,
    refused: &[Refused],
    mappings: &Mappings,
    targets: &Targets<'_>,
    placed: &Placed,
) -> Supply {
    let mut supply = Supply::default();
    let period = run.period;
    let seen: BTreeSet<&String> = read.files.iter().flat_map(|f| &f.providers).collect();
    for mapping in mappings.products.iter().filter(|m| expects(m, period)) {
        if mapping.provider_name.trim().is_empty() {
            // A row for any vendor expects those that there are.
            for vendor in &seen {
                supply.expect(&mapping.product_code, vendor);
            }
        } else {
            supply.expect(&mapping.product_code, &mapping.provider_name);
        }
    }
    // Accounts and SKUs are numbered as threads meet them, so what is said of them goes by their names.
    let groups = targets.groups();
    let mut fed: BTreeSet<(&String, &ProductCode)> = BTreeSet::new();
    for (number, sums) in &placed.sums {
        let (_, product, _) = &groups[*number as usize];
        fed.extend(sums.providers.iter().map(|&a| (&read.names.accounts[a as usize].provider_name, product)));
    }
    for (vendor, product) in fed {
        supply.expect(product, vendor);
    }
    for vendor in read.files.iter().flat_map(|f| &f.supplied) {
        supply.supply(vendor);
    }
    refuse(&mut supply, run, refused);
    for file in read.files.iter().filter(|f| f.truncated) {
        let reason = format!("{} ends early", file.export.detection.source);
        for vendor in &file.providers {
            supply.refuse(Some(vendor), &reason);
        }
        if file.providers.is_empty() {
            supply.refuse(None, &reason);
        }
    }
    let day = period.start();
    let unattributed: BTreeSet<(&AccountKey, &SkuKey)> = placed
        .unattributed
        .iter()
        .map(|(sku, account)| (&read.names.accounts[*account as usize], &read.names.skus[*sku as usize].key))
        .collect();
    for (account, sku) in unattributed {
        if let Some(product) = targets.product(sku, day) {
            let name =
                if account.sub_account_name.is_empty() { &account.sub_account_id } else { &account.sub_account_name };
            let reason = format!("the unmapped account {name:?} of {} holds units of it", account.provider_name);
            supply.unattribute(&product, &reason);
        }
    }
    let mut reject = |account: &AccountKey, sku: &SkuKey, rows: u64, first: Place| {
        if let (Some(client_id), Some(product_code)) = (targets.client(account, day), targets.product(sku, day)) {
            supply.reject(RejectedUse { client_id, product_code, rows, first });
        }
    };
    for ((account, sku), (rows, (file, line))) in &placed.contradicted {
        let (account, sku) = (&read.names.accounts[*account as usize], &read.names.skus[*sku as usize].key);
        reject(account, sku, *rows, place_of(read, *file, *line));
    }
    for (index, file) in read.files.iter().enumerate() {
        for ((account, sku), uses) in &file.rejected_uses {
            let first = place_of(read, u32::try_from(index).unwrap_or_default(), uses.first_line);
            reject(account, sku, uses.rows, first);
        }
    }
    supply
}

/// A mapping row promises usage of its vendor while it is valid.
fn expects(mapping: &ProductMapping, period: Period) -> bool {
    mapping.status == MapStatus::Mapped
        && mapping.valid_from.is_none_or(|day| day < period.end())
        && mapping.valid_to.is_none_or(|day| day >= period.start())
}

/// An export that was refused leaves its vendor's side incomplete. Whose it is says its path, where that
/// names a vendor; a file that was damaged and names none could be anyone's.
fn refuse(supply: &mut Supply, run: &Run<'_>, refused: &[Refused]) {
    let of_period = |r: &&Refused| r.is_export && r.stated.is_none_or(|p| p == run.period);
    for file in refused.iter().filter(of_period) {
        let reason = format!("{}: {} {}", file.source, file.code, file.message);
        let path = letters(&file.source);
        let named: Vec<String> = supply
            .all_vendors()
            .into_values()
            .filter(|vendor| !letters(vendor).is_empty() && path.contains(&letters(vendor)))
            .collect();
        for vendor in &named {
            supply.refuse(Some(vendor), &reason);
        }
        let damaged = matches!(file.code, Code::I101 | Code::I103 | Code::I109 | Code::I110);
        if named.is_empty() && damaged {
            supply.refuse(None, &reason);
        }
    }
}

fn letters(text: &str) -> String {
    id_key(text).chars().filter(|c| c.is_alphanumeric()).collect()
}
