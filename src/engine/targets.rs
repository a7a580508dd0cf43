//! Distinct accounts and SKUs to what they are metered under. Each is judged once per thread (and day, where a
//! mapping row has dates); the judging itself is shared, so that every mapping row knows whether it was used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

use super::collect::{Names, Sku};
use super::intern::{ByNumber, Interner};
use crate::book::{ClientId, Mappings, Period, ProductCode, Psa, company_key, id_key, product_key};
use crate::finding::Finding;
use crate::format::months_of_term;
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

/// What one side comes to: the client, or the product and term with how units become its.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side<T> {
    Internal,
    Excluded,
    Unmapped,
    Mapped(T),
}

/// A product and a vendor's term.
type Ware = (ProductCode, String);

/// What rows are metered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    client: u32,
    ware: u32,
    /// Account and SKU, where the SKU is counted in several ways.
    pub count: Option<(u32, u32)>,
    /// Left out by a mapping, beside another count of the same that is not; no side of the ledger.
    pub beside: bool,
}

/// The shared judge.
pub struct Targets<'p> {
    names: &'p Names,
    resolvers: Mutex<Resolvers<'p>>,
    clients: Interner<ClientId>,
    wares: Interner<Ware>,
    groups: Interner<Group>,
    dated: bool,
    /// By SKU: it is counted in total and in parts, and who buys both matters.
    watched: Vec<bool>,
    /// SKUs, by number, that stand in several metrics or formats of their vendor, with all numbers they have.
    several: BTreeMap<u32, Vec<u32>>,
}

struct Resolvers<'p> {
    accounts: AccountResolver<'p>,
    products: ProductResolver<'p>,
    /// By account, SKU and day, for the check of totals beside their parts.
    pairs: BTreeMap<(u32, u32, NaiveDate), ProductResolution>,
}

/// A thread's memory of what it was told.
#[derive(Default)]
pub struct Judged {
    /// By account, where nothing depends on the day.
    undated_accounts: Vec<Option<Side<u32>>>,
    /// By SKU, likewise.
    undated_skus: Vec<Option<Side<(u32, Conversion)>>>,
    accounts: ByNumber<(u32, i32), Side<u32>>,
    skus: ByNumber<(u32, i32), Side<(u32, Conversion)>>,
    groups: ByNumber<(u32, u32), u32>,
    counts: BTreeMap<(u32, u32, NaiveDate), Target>,
    pairs: BTreeSet<(u32, u32, NaiveDate)>,
}

/// Accounts a thread remembers; beyond, it asks again.
const REMEMBERED: usize = 1 << 18;

/// Every group by number.
pub struct Groups {
    clients: Vec<ClientId>,
    wares: Vec<Ware>,
    all: Vec<Group>,
}

impl Groups {
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// A group with its client, product and term.
    pub fn get(&self, number: u32) -> (&Group, &ClientId, &ProductCode, &str) {
        let group = &self.all[number as usize];
        let (product, term) = &self.wares[group.ware as usize];
        (group, &self.clients[group.client as usize], product, term)
    }

    /// All numbers, in order of client, product and term.
    pub fn in_order(&self) -> Vec<u32> {
        let (clients, wares) = (ranks(&self.clients), ranks(&self.wares));
        let mut order: Vec<u32> = (0u32..).take(self.all.len()).collect();
        order.sort_by_key(|number| {
            let group = &self.all[*number as usize];
            (clients[group.client as usize], wares[group.ware as usize])
        });
        order
    }
}

fn ranks<T: Ord>(values: &[T]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].cmp(&values[*b]));
    let mut ranks = vec![0; values.len()];
    for (rank, index) in (0u32..).zip(order) {
        ranks[index] = rank;
    }
    ranks
}

impl<'p> Targets<'p> {
    pub fn new(psa: &'p Psa, mappings: &Mappings, names: &'p Names) -> Self {
        let mut accounts = AccountResolver::new(psa, mappings);
        let mut products = ProductResolver::new(psa, mappings);
        names.accounts.iter().for_each(|a| accounts.observe(a));
        names.skus.iter().for_each(|s| products.observe(&s.key));
        let dated = accounts.depends_on_date() || products.depends_on_date();
        let resolvers = Resolvers { accounts, products, pairs: BTreeMap::new() };
        Self {
            names,
            resolvers: Mutex::new(resolvers),
            clients: Interner::default(),
            wares: Interner::default(),
            groups: Interner::default(),
            dated,
            watched: watched(names),
            several: counted_in_several_ways(names),
        }
    }

    /// The day on which a row is judged: its start, within the period.
    pub fn day(&self, period: Period, start: Option<NaiveDate>) -> NaiveDate {
        match start {
            Some(start) if self.dated => start.clamp(period.start(), period.last_day()),
            _ => period.start(),
        }
    }

    /// Whether it may matter on which day a row is judged.
    pub fn is_dated(&self) -> bool {
        self.dated
    }

    /// Whether what a row of this SKU comes to hangs on more of its account than its client.
    pub fn hangs_on_account(&self, sku: u32) -> bool {
        self.watched[sku as usize] || self.several.contains_key(&sku)
    }

    /// Whose rows of an account are on that day.
    pub fn side_of(&self, judged: &mut Judged, account: u32, day: NaiveDate) -> Side<u32> {
        if !self.dated {
            return remembered(&mut judged.undated_accounts, account, REMEMBERED, || self.judge_account(account, day));
        }
        let key = (account, day.to_epoch_days());
        judged.accounts.get(&key).copied().unwrap_or_else(|| {
            let side = self.judge_account(account, day);
            if judged.accounts.len() < REMEMBERED {
                judged.accounts.insert(key, side);
            }
            side
        })
    }

    /// What a row of this account and SKU comes to on that day.
    pub fn judge(&self, judged: &mut Judged, account: u32, sku: u32, day: NaiveDate) -> Target {
        let by_account = self.side_of(judged, account, day);
        let by_sku = if self.dated {
            *judged.skus.entry((sku, day.to_epoch_days())).or_insert_with(|| self.judge_sku(sku, day))
        } else {
            remembered(&mut judged.undated_skus, sku, usize::MAX, || self.judge_sku(sku, day))
        };
        if self.watched[sku as usize] && judged.pairs.insert((account, sku, day)) {
            let mut resolvers = self.lock();
            let resolution = resolvers.products.resolve(&self.names.skus[sku as usize].key, day);
            resolvers.pairs.insert((account, sku, day), resolution);
        }
        if let (Side::Mapped(client), Some(ways)) = (by_account, self.several.get(&sku)) {
            let target = judged.counts.entry((account, sku, day));
            return *target.or_insert_with(|| self.judge_count(client, by_sku, (account, sku), ways, day));
        }
        match (by_account, by_sku) {
            (Side::Excluded, _) | (_, Side::Excluded) => Target::Excluded,
            (Side::Internal, _) | (_, Side::Internal) => Target::Internal,
            (Side::Mapped(client), Side::Mapped((ware, conversion))) => {
                let group = Group { client, ware, count: None, beside: false };
                let number = *judged.groups.entry((client, ware)).or_insert_with(|| self.groups.number(group));
                Target::Group { group: number, conversion }
            }
            (by_account, by_sku) => {
                Target::Unmapped { account: by_account == Side::Unmapped, product: by_sku == Side::Unmapped }
            }
        }
    }

    /// Of a SKU that is counted in several ways, each count is metered by itself, also one that a mapping leaves out.
    fn judge_count(
        &self,
        client: u32,
        by_sku: Side<(u32, Conversion)>,
        (account, sku): (u32, u32),
        ways: &[u32],
        day: NaiveDate,
    ) -> Target {
        let of = |ware, beside| self.groups.number(Group { client, ware, count: Some((account, sku)), beside });
        match by_sku {
            Side::Internal => Target::Internal,
            Side::Unmapped => Target::Unmapped { account: false, product: true },
            Side::Mapped((ware, conversion)) => Target::Group { group: of(ware, false), conversion },
            Side::Excluded => {
                let names = self.names;
                let mut others = ways.iter().filter(|other| **other != sku);
                let counted = others.find_map(|other| {
                    self.lock().products.resolve(&names.skus[*other as usize].key, day).target().cloned()
                });
                let Some(target) = counted else { return Target::Excluded };
                let sku = &names.skus[sku as usize];
                let conversion = conversion(&target, sku);
                let ware = self.wares.number((target.product, sku.key.term.clone()));
                Target::Beside { group: of(ware, true), conversion }
            }
        }
    }

    fn judge_account(&self, account: u32, day: NaiveDate) -> Side<u32> {
        let resolution = self.lock().accounts.resolve(&self.names.accounts[account as usize], day);
        match resolution.outcome {
            Resolution::Excluded => Side::Excluded,
            Resolution::Internal => Side::Internal,
            Resolution::Unmapped(_) => Side::Unmapped,
            Resolution::Mapped(client) => Side::Mapped(self.clients.number(client)),
        }
    }

    fn judge_sku(&self, sku: u32, day: NaiveDate) -> Side<(u32, Conversion)> {
        let sku = &self.names.skus[sku as usize];
        let resolution = self.lock().products.resolve(&sku.key, day);
        match resolution.outcome {
            Resolution::Excluded => Side::Excluded,
            Resolution::Internal => Side::Internal,
            Resolution::Unmapped(_) => Side::Unmapped,
            Resolution::Mapped(target) => {
                let conversion = conversion(&target, sku);
                let ware = self.wares.number((target.product, sku.key.term.clone()));
                Side::Mapped((ware, conversion))
            }
        }
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
    pub fn groups(&self) -> Groups {
        Groups { clients: self.clients.values(), wares: self.wares.values(), all: self.groups.values() }
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

/// What is known by number, or is asked for and, below `most`, remembered.
fn remembered<T: Copy>(known: &mut Vec<Option<T>>, number: u32, most: usize, ask: impl FnOnce() -> T) -> T {
    let index = number as usize;
    if let Some(Some(side)) = known.get(index) {
        return *side;
    }
    let side = ask();
    if index < most {
        if known.len() <= index {
            known.resize(index + 1, None);
        }
        known[index] = Some(side);
    }
    side
}

/// SKUs that are counted as a whole and in parts. There are few, so pairs with accounts are kept for these alone.
fn watched(names: &Names) -> Vec<bool> {
    let family = |sku: &SkuKey| {
        let mut id = id_key(&sku.sku_id);
        if id.is_empty() {
            id = product_key(&sku.charge_description);
        }
        [company_key(&sku.provider_name), id, id_key(&sku.term)]
    };
    let mut kinds: BTreeMap<[String; 3], BTreeSet<String>> = BTreeMap::new();
    for sku in &names.skus {
        kinds.entry(family(&sku.key)).or_default().insert(id_key(&sku.key.metric));
    }
    names.skus.iter().map(|s| kinds[&family(&s.key)].len() > 1).collect()
}

fn conversion(product: &ProductTarget, sku: &Sku) -> Conversion {
    let term_months = months_of_term(&sku.key.term).unwrap_or(1);
    Conversion { rule: product.rule.unwrap_or(sku.rule), multiplier: product.multiplier, term_months }
}

/// SKUs of one vendor and id that differ in metric or format.
fn counted_in_several_ways(names: &Names) -> BTreeMap<u32, Vec<u32>> {
    let mut ways: BTreeMap<(String, String), BTreeSet<(String, &str)>> = BTreeMap::new();
    let mut numbers: BTreeMap<(String, String), Vec<u32>> = BTreeMap::new();
    for (number, sku) in (0u32..).zip(&names.skus) {
        let id = if sku.key.sku_id.trim().is_empty() { &sku.key.charge_description } else { &sku.key.sku_id };
        let key = (id_key(&sku.key.provider_name), id_key(id));
        ways.entry(key.clone()).or_default().insert((id_key(&sku.key.metric), &sku.format));
        numbers.entry(key).or_default().push(number);
    }
    numbers.retain(|key, _| ways[key].len() > 1);
    let mut out = BTreeMap::new();
    for mut all in numbers.into_values() {
        // Numbers depend on which thread was first; the names do not.
        all.sort_by_key(|n| (&names.skus[*n as usize].key, &names.skus[*n as usize].format));
        out.extend(all.iter().map(|number| (*number, all.clone())));
    }
    out
}
