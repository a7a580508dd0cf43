//! Distinct accounts and SKUs to what they are metered under. Each pair is judged once per thread and day;
//! the judging itself is shared, so that every mapping row knows whether it was used.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

use super::collect::{Names, Sku};
use super::intern::Interner;
use crate::book::{ClientId, Mappings, Period, ProductCode, Psa, id_key};
use crate::finding::Finding;
use crate::meter::Conversion;
use crate::resolve::{
    AccountKey, AccountResolution, AccountResolver, ProductResolution, ProductResolver, ProductTarget, Resolution,
    SkuKey, total_and_part,
};

/// What an account and SKU come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    Internal,
    Excluded,
    /// Left out by a mapping, beside another count of the same that is not.
    Beside {
        group: u32,
        conversion: Conversion,
    },
    Unmapped {
        account: bool,
        product: bool,
    },
    Group {
        group: u32,
        conversion: Conversion,
    },
}

/// A client, a product and a vendor's term; account and SKU, too, where the SKU is counted in several ways.
pub type Group = (ClientId, ProductCode, String, Option<(u32, u32)>);

/// The shared judge.
pub struct Targets<'p> {
    names: &'p Names,
    resolvers: Mutex<Resolvers<'p>>,
    groups: Interner<Group>,
    dated: bool,
    /// SKUs, by number, that stand in several metrics or formats of their vendor, with all numbers they have.
    several: HashMap<u32, Vec<u32>>,
}

struct Resolvers<'p> {
    accounts: AccountResolver<'p>,
    products: ProductResolver<'p>,
    /// By account, SKU and day, for the check of totals beside their parts.
    pairs: HashMap<(u32, u32, NaiveDate), ProductResolution>,
}

impl<'p> Targets<'p> {
    pub fn new(psa: &'p Psa, mappings: &Mappings, names: &'p Names) -> Self {
        let mut accounts = AccountResolver::new(psa, mappings);
        let mut products = ProductResolver::new(psa, mappings);
        names.accounts.iter().for_each(|a| accounts.observe(a));
        names.skus.iter().for_each(|s| products.observe(&s.key));
        let dated = accounts.depends_on_date() || products.depends_on_date();
        let resolvers = Resolvers { accounts, products, pairs: HashMap::new() };
        let several = counted_in_several_ways(names);
        Self { names, resolvers: Mutex::new(resolvers), groups: Interner::default(), dated, several }
    }

    /// The day on which a row is judged: its start, within the period.
    pub fn day(&self, period: Period, start: Option<NaiveDate>) -> NaiveDate {
        match start {
            Some(start) if self.dated => start.clamp(period.start(), period.last_day()),
            _ => period.start(),
        }
    }

    pub fn judge(&self, account: u32, sku: u32, day: NaiveDate) -> Target {
        let mut resolvers = self.lock();
        let names = self.names;
        let by_account = resolvers.accounts.resolve(&names.accounts[account as usize], day);
        let by_sku = resolvers.products.resolve(&names.skus[sku as usize].key, day);
        let target = match (&by_account.outcome, &by_sku.outcome) {
            (Resolution::Mapped(client), Resolution::Excluded) if self.several.contains_key(&sku) => {
                let (client, key) = (client.clone(), &names.skus[sku as usize].key);
                let others = self.several.get(&sku).into_iter().flatten();
                let counted = others.filter(|other| **other != sku).find_map(|other| {
                    let key = &names.skus[*other as usize].key;
                    resolvers.products.resolve(key, day).target().cloned()
                });
                match counted {
                    None => Target::Excluded,
                    Some(product) => Target::Beside {
                        conversion: conversion(&product, &names.skus[sku as usize]),
                        group: self.groups.number((client, product.product, key.term.clone(), Some((account, sku)))),
                    },
                }
            }
            (Resolution::Excluded, _) | (_, Resolution::Excluded) => Target::Excluded,
            (Resolution::Internal, _) | (_, Resolution::Internal) => Target::Internal,
            (Resolution::Mapped(client), Resolution::Mapped(product)) => {
                let of = &names.skus[sku as usize];
                let count = self.several.contains_key(&sku).then_some((account, sku));
                let group = (client.clone(), product.product.clone(), of.key.term.clone(), count);
                Target::Group { group: self.groups.number(group), conversion: conversion(product, of) }
            }
            (by_account, by_sku) => Target::Unmapped {
                account: matches!(by_account, Resolution::Unmapped(_)),
                product: matches!(by_sku, Resolution::Unmapped(_)),
            },
        };
        resolvers.pairs.insert((account, sku, day), by_sku);
        target
    }

    /// The product a SKU is joined to, whatever its account.
    pub fn product(&self, sku: &SkuKey, day: NaiveDate) -> Option<ProductCode> {
        self.lock().products.resolve(sku, day).product().cloned()
    }

    pub fn client(&self, account: &AccountKey, day: NaiveDate) -> Option<ClientId> {
        self.resolve_account(account, day).client().cloned()
    }

    /// Whether nothing says whose the account is.
    pub fn is_unmapped(&self, account: &AccountKey, day: NaiveDate) -> bool {
        matches!(self.resolve_account(account, day).outcome, Resolution::Unmapped(_))
    }

    pub fn resolve_account(&self, account: &AccountKey, day: NaiveDate) -> AccountResolution {
        self.lock().accounts.resolve(account, day)
    }

    /// All groups, by number.
    pub fn groups(&self) -> Vec<Group> {
        self.groups.values()
    }

    /// What mapping has to say once every row is judged.
    pub fn findings(&self) -> Vec<Finding> {
        let resolvers = self.lock();
        let mut out = resolvers.accounts.findings();
        out.extend(resolvers.products.findings());
        let names = self.names;
        let pairs = resolvers.pairs.iter().map(|((account, sku, _), resolution)| {
            (&names.accounts[*account as usize], &names.skus[*sku as usize].key, resolution)
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_by(|a, b| (a.0, a.1, a.2.product()).cmp(&(b.0, b.1, b.2.product())));
        out.extend(total_and_part(pairs));
        out
    }

    fn lock(&self) -> MutexGuard<'_, Resolvers<'p>> {
        self.resolvers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn conversion(product: &ProductTarget, sku: &Sku) -> Conversion {
    let term_months = match sku.key.term.as_str() {
        "P1Y" => 12,
        "P2Y" => 24,
        "P3Y" => 36,
        _ => 1,
    };
    Conversion { rule: product.rule.unwrap_or(sku.rule), multiplier: product.multiplier, term_months }
}

/// SKUs of one vendor and id that differ in metric or format.
fn counted_in_several_ways(names: &Names) -> HashMap<u32, Vec<u32>> {
    let mut ways: HashMap<(String, String), BTreeSet<(String, &str)>> = HashMap::new();
    let mut numbers: HashMap<(String, String), Vec<u32>> = HashMap::new();
    for (number, sku) in (0u32..).zip(&names.skus) {
        let id = if sku.key.sku_id.trim().is_empty() { &sku.key.charge_description } else { &sku.key.sku_id };
        let key = (id_key(&sku.key.provider_name), id_key(id));
        ways.entry(key.clone()).or_default().insert((id_key(&sku.key.metric), &sku.format));
        numbers.entry(key).or_default().push(number);
    }
    numbers.retain(|key, _| ways[key].len() > 1);
    let mut out = HashMap::new();
    for mut all in numbers.into_values() {
        // Numbers depend on which thread was first; the names do not.
        all.sort_by_key(|n| (&names.skus[*n as usize].key, &names.skus[*n as usize].format));
        out.extend(all.iter().map(|number| (*number, all.clone())));
    }
    out
}
