//! Which vendors' exports were there for the period, and where the metered side is known to be incomplete.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Run;
use super::collect::{Collected, FileRead};
use super::load::Refused;
use super::place::{Placed, place_of};
use super::targets::Targets;
use crate::book::{ClientId, MapStatus, Mappings, Period, ProductCode, ProductMapping, Psa, id_key};
use crate::finding::Code;
use crate::reconcile::{RejectedUse, Supply, UsedBefore, spoken};
use crate::resolve::{AccountKey, SkuKey};

/// Gathers what is known of the metered side.
pub fn supply(
    run: &Run<'_>,
    read: &Collected,
    refused: &[Refused],
    psa: &Psa,
    mappings: &Mappings,
    targets: &Targets<'_>,
    placed: &Placed,
) -> Supply {
    let mut supply = Supply::default();
    let period = run.period;
    let seen: BTreeSet<&String> = read.files.iter().flat_map(|f| &f.found.providers).collect();
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
    for (number, sums) in (0u32..).zip(&placed.sums).filter(|(_, sums)| !sums.is_empty()) {
        let (group, _, product, _) = groups.get(number);
        if group.beside {
            continue;
        }
        fed.extend(sums.providers().map(|vendor| (&read.names.vendors[vendor as usize], product)));
    }
    for (vendor, product) in fed {
        supply.expect(product, vendor);
    }
    for vendor in read.files.iter().flat_map(|f| &f.found.supplied) {
        supply.supply(vendor);
    }
    refuse(&mut supply, run, refused);
    for file in read.files.iter().filter(|f| f.found.truncated) {
        cut_short(&mut supply, file, &format!("the export {} ends early", file.export.detection.source));
    }
    let day = period.start();
    // Of each product the first by name of those that hold units of it.
    let mut unattributed: BTreeMap<String, (ProductCode, (&AccountKey, &SkuKey))> = BTreeMap::new();
    let mut sku: Option<(u32, Option<ProductCode>)> = None;
    for (number, account) in &placed.unattributed {
        // In order of SKUs: each is judged once, however many accounts hold it.
        let key = &read.names.skus[*number as usize].key;
        let (_, product) = match sku.take().filter(|(known, _)| known == number) {
            Some(known) => sku.insert(known),
            None => sku.insert((*number, targets.product(key, day))),
        };
        let Some(product) = product else { continue };
        let pair = (&read.names.accounts[*account as usize], key);
        let first = unattributed.entry(product.key()).or_insert_with(|| (product.clone(), pair));
        first.1 = first.1.min(pair);
    }
    for (product, (account, _)) in unattributed.into_values() {
        let name =
            if account.sub_account_name.is_empty() { &account.sub_account_id } else { &account.sub_account_name };
        let reason = format!("the unmapped account {name:?} of {} holds units of it", spoken(&account.provider_name));
        supply.unattribute(&product, &reason);
    }
    not_in_catalogue(&mut supply, run, psa, mappings);
    for ((account, sku), (rows, (file, line))) in &placed.contradicted {
        let (account, sku) = (&read.names.accounts[*account as usize], &read.names.skus[*sku as usize].key);
        if let (Some(client_id), Some(product_code)) = (targets.client(account, day), targets.product(sku, day)) {
            let first = place_of(read, *file, *line);
            supply.reject(RejectedUse { client_id, product_code, rows: *rows, first });
        }
    }
    // Each name is judged once, in however many pairs and files it stands.
    let mut clients: HashMap<&AccountKey, Option<ClientId>> = HashMap::new();
    let mut products: HashMap<&SkuKey, Option<ProductCode>> = HashMap::new();
    for (index, file) in read.files.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or_default();
        for (account, sku, uses) in file.found.rejected_uses.iter() {
            let client = clients.entry(account).or_insert_with(|| targets.client(account, day)).clone();
            let product = products.entry(sku).or_insert_with(|| targets.product(sku, day)).clone();
            match (client, product) {
                (Some(client_id), Some(product_code)) => {
                    let first = place_of(read, index, uses.first_line);
                    supply.reject(RejectedUse { client_id, product_code, rows: uses.rows, first });
                }
                _ if uses.broken => unread_row(&mut supply, &account.provider_name),
                (None, Some(product)) if targets.is_unmapped(account, day) => {
                    supply.unattribute(&product, UNREADABLE);
                }
                _ => {}
            }
        }
        for vendor in &file.found.nameless {
            unread_row(&mut supply, vendor);
        }
    }
    supply
}

/// Recurring usage of the period before whose account and SKU have no row in this one, in order of their names.
pub fn before(run: &Run<'_>, read: &Collected, targets: &Targets<'_>, placed: &Placed) -> Vec<UsedBefore> {
    let day = run.period.previous().map(Period::last_day).filter(|_| !placed.before.is_empty());
    let Some(day) = day else { return Vec::new() };
    // One SKU has a number for each rule and format it stands in.
    let mut numbers: HashMap<&SkuKey, Vec<u32>> = HashMap::new();
    for (number, sku) in (0u32..).zip(&read.names.skus) {
        numbers.entry(&sku.key).or_default().push(number);
    }
    // There may be as many pairs as rows, so that each SKU's are looked up once.
    let numbers: Vec<&Vec<u32>> = read.names.skus.iter().map(|sku| &numbers[&sku.key]).collect();
    let accounts: HashSet<u32> = placed.present.accounts().collect();
    let key = |account: u32, sku: u32| (&read.names.accounts[account as usize], &read.names.skus[sku as usize].key);
    let is_here =
        |account: u32, sku: u32| numbers[sku as usize].iter().any(|number| placed.present.has(account, *number));
    let gone =
        placed.before.iter().filter(|((account, sku), (units, _))| units.is_positive() && !is_here(*account, *sku));
    let mut out: Vec<UsedBefore> = gone
        .filter_map(|((account, sku), (_, (file, line)))| {
            let (of, key) = key(*account, *sku);
            Some(UsedBefore {
                client_id: targets.client(of, day)?,
                product_code: targets.product(key, day)?,
                provider_name: of.provider_name.clone(),
                account_is_there: accounts.contains(account),
                first: place_of(read, *file, *line),
            })
        })
        .collect();
    out.sort_by(|a, b| (&a.client_id, &a.product_code, &a.first).cmp(&(&b.client_id, &b.product_code, &b.first)));
    out
}

/// Neither file nor line: where a row stands changes nothing that is concluded, and rejects.csv tells it.
const UNREADABLE: &str = "a row that could not be read may hold units of it; rejects.csv shows it";

/// A row that could not be read is missing of its vendor, and of any vendor where it does not say whose it is.
fn unread_row(supply: &mut Supply, vendor: &str) {
    supply.partial(Some(vendor).filter(|v| supply.expects(v)), UNREADABLE);
}

/// What is missing of a file is missing of every vendor in it, and of any where it names none.
fn cut_short(supply: &mut Supply, file: &FileRead, reason: &str) {
    if file.found.providers.is_empty() {
        return supply.partial(None, reason);
    }
    for vendor in &file.found.providers {
        supply.partial(Some(vendor), reason);
    }
}

/// Units that a mapping gives to a product the catalogue does not have, or that it would give if it could be
/// used, stay unmapped; so what contract lines of that product lack may be just these.
fn not_in_catalogue(supply: &mut Supply, run: &Run<'_>, psa: &Psa, mappings: &Mappings) {
    let known: BTreeSet<String> = psa.products.iter().map(|p| p.code.key()).collect();
    for mapping in mappings.products.iter().filter(|m| expects(m, run.period)) {
        if mapping.status == MapStatus::Unusable {
            let reason = format!("{} maps units to it and cannot be used", mapping.place);
            supply.unattribute(&mapping.product_code, &reason);
        } else if !known.contains(&mapping.product_code.key()) {
            let reason = format!(
                "{} maps units to {}, which the PSA's catalogue does not have",
                mapping.place, mapping.product_code
            );
            supply.unattribute(&mapping.product_code, &reason);
        }
    }
}

/// A mapping row promises usage of its vendor while it is valid.
fn expects(mapping: &ProductMapping, period: Period) -> bool {
    matches!(mapping.status, MapStatus::Mapped | MapStatus::Unusable)
        && !mapping.product_code.key().is_empty()
        && mapping.valid_from.is_none_or(|day| day < period.end())
        && mapping.valid_to.is_none_or(|day| day >= period.start())
}

/// An export that was refused leaves its vendor's side incomplete. Whose it is says its path, where that
/// names a vendor; a file that was damaged and names none could be anyone's.
fn refuse(supply: &mut Supply, run: &Run<'_>, refused: &[Refused]) {
    let of_period = |r: &&Refused| r.is_export && r.stated.is_none_or(|p| p == run.period);
    for file in refused.iter().filter(of_period) {
        let reason = format!("the export {} was refused ({}: {})", file.source, file.code, file.message);
        let path = letters(&file.source);
        let named: Vec<String> = supply
            .all_vendors()
            .into_values()
            .filter(|vendor| !letters(vendor).is_empty() && path.contains(&letters(vendor)))
            .collect();
        for vendor in &named {
            supply.partial(Some(vendor), &reason);
        }
        let damaged = matches!(file.code, Code::I101 | Code::I103 | Code::I109 | Code::I110);
        if named.is_empty() && damaged {
            supply.partial(None, &reason);
        }
    }
}

fn letters(text: &str) -> String {
    id_key(text).chars().filter(|c| c.is_alphanumeric()).collect()
}
