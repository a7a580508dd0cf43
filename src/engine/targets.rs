//! Distinct accounts and SKUs to what they are metered under. Each is judged once per thread (and day, where a
//! mapping row has dates); the judging itself is shared, so that every mapping row knows whether it was used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

use super::collect::Names;
use super::intern::{ByNumber, Interner};
use crate::book::{ClientId, Mappings, Period, ProductCode, Psa, company_key, id_key, product_key};
use crate::finding::Finding;
use crate::meter::Conversion;
use crate::resolve::{
    AccountKey, AccountResolution, AccountResolver, ProductResolution, ProductResolver, Resolution, SkuKey,
    total_and_part,
};

/// What an account and SKU come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    Internal,
    Excluded,
    Unmapped { account: bool, product: bool },
    Group { group: u32, conversion: Conversion },
}

/// What one side comes to: the client, or the product and term with how units become its.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side<T> {
    Internal,
    Excluded,
    Unmapped,
    Mapped(T),
}

/// A product and a vendor's term.
type Ware = (ProductCode, String);

/// The shared judge.
pub struct Targets<'p> {
    names: &'p Names,
    resolvers: Mutex<Resolvers<'p>>,
    clients: Interner<ClientId>,
    wares: Interner<Ware>,
    groups: Interner<(u32, u32)>,
    dated: bool,
    /// By SKU: it is counted in total and in parts, and who buys both matters.
    watched: Vec<bool>,
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
    accounts: ByNumber<(u32, i32), Side<u32>>,
    skus: ByNumber<(u32, i32), Side<(u32, Conversion)>>,
    groups: ByNumber<(u32, u32), u32>,
    pairs: BTreeSet<(u32, u32, NaiveDate)>,
}

/// Accounts a thread remembers; beyond, it asks again.
const REMEMBERED: usize = 1 << 18;

/// Every group by number.
pub struct Groups {
    clients: Vec<ClientId>,
    wares: Vec<Ware>,
    /// Client and ware of each.
    pairs: Vec<(u32, u32)>,
}

impl Groups {
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Client, product and term of a group.
    pub fn get(&self, group: u32) -> (&ClientId, &ProductCode, &str) {
        let (client, ware) = self.pairs[group as usize];
        let (product, term) = &self.wares[ware as usize];
        (&self.clients[client as usize], product, term)
    }

    /// All numbers, in order of client, product and term.
    pub fn in_order(&self) -> Vec<u32> {
        let (clients, wares) = (ranks(&self.clients), ranks(&self.wares));
        let mut order: Vec<u32> = (0u32..).take(self.pairs.len()).collect();
        order.sort_by_key(|group| {
            let (client, ware) = self.pairs[*group as usize];
            (clients[client as usize], wares[ware as usize])
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
        }
    }

    /// The day on which a row is judged: its start, within the period.
    pub fn day(&self, period: Period, start: Option<NaiveDate>) -> NaiveDate {
        match start {
            Some(start) if self.dated => start.clamp(period.start(), period.last_day()),
            _ => period.start(),
        }
    }

    /// What a row of this account and SKU comes to on that day.
    pub fn judge(&self, judged: &mut Judged, account: u32, sku: u32, day: NaiveDate) -> Target {
        let on = day.to_epoch_days();
        let by_account = judged.accounts.get(&(account, on)).copied().unwrap_or_else(|| {
            let side = self.judge_account(account, day);
            if judged.accounts.len() < REMEMBERED {
                judged.accounts.insert((account, on), side);
            }
            side
        });
        let by_sku = *judged.skus.entry((sku, on)).or_insert_with(|| self.judge_sku(sku, day));
        if self.watched[sku as usize] && judged.pairs.insert((account, sku, day)) {
            let mut resolvers = self.lock();
            let resolution = resolvers.products.resolve(&self.names.skus[sku as usize].key, day);
            resolvers.pairs.insert((account, sku, day), resolution);
        }
        match (by_account, by_sku) {
            (Side::Excluded, _) | (_, Side::Excluded) => Target::Excluded,
            (Side::Internal, _) | (_, Side::Internal) => Target::Internal,
            (Side::Mapped(client), Side::Mapped((ware, conversion))) => {
                let group = *judged.groups.entry((client, ware)).or_insert_with(|| self.groups.number((client, ware)));
                Target::Group { group, conversion }
            }
            (by_account, by_sku) => {
                Target::Unmapped { account: by_account == Side::Unmapped, product: by_sku == Side::Unmapped }
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
                let rule = target.rule.unwrap_or(sku.rule);
                let ware = self.wares.number((target.product, sku.key.term.clone()));
                Side::Mapped((ware, Conversion { rule, multiplier: target.multiplier }))
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
        Groups { clients: self.clients.values(), wares: self.wares.values(), pairs: self.groups.values() }
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

/// SKUs that are sold in total and in parts. There are few, so pairs with accounts are kept for these alone.
fn watched(names: &Names) -> Vec<bool> {
    let family = |sku: &SkuKey| {
        let mut id = id_key(&sku.sku_id);
        if id.is_empty() {
            id = product_key(&sku.charge_description);
        }
        [company_key(&sku.provider_name), id, id_key(&sku.term)]
    };
    let is_total = |sku: &SkuKey| id_key(&sku.metric) == "total";
    if !names.skus.iter().any(|s| is_total(&s.key)) {
        return vec![false; names.skus.len()];
    }
    let mut kinds: BTreeMap<[String; 3], (bool, bool)> = BTreeMap::new();
    for sku in &names.skus {
        let (total, part) = kinds.entry(family(&sku.key)).or_default();
        *(if is_total(&sku.key) { total } else { part }) = true;
    }
    names.skus.iter().map(|s| kinds.get(&family(&s.key)) == Some(&(true, true))).collect()
}
