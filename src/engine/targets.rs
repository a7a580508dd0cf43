//! Distinct accounts and SKUs to what they are metered under. Each pair is judged once per thread and day;
//! the judging itself is shared, so that every mapping row knows whether it was used.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

use super::collect::Names;
use super::intern::Interner;
use crate::book::{ClientId, Mappings, Period, ProductCode, Psa};
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

/// A client, a product and a vendor's term.
pub type Group = (ClientId, ProductCode, String);

/// The shared judge.
pub struct Targets<'p> {
    names: &'p Names,
    resolvers: Mutex<Resolvers<'p>>,
    groups: Interner<Group>,
    dated: bool,
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
        Self { names, resolvers: Mutex::new(resolvers), groups: Interner::default(), dated }
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
            (Resolution::Excluded, _) | (_, Resolution::Excluded) => Target::Excluded,
            (Resolution::Internal, _) | (_, Resolution::Internal) => Target::Internal,
            (Resolution::Mapped(client), Resolution::Mapped(product)) => {
                let term = names.skus[sku as usize].key.term.clone();
                let rule = product.rule.unwrap_or(names.skus[sku as usize].rule);
                Target::Group {
                    group: self.groups.number((client.clone(), product.product.clone(), term)),
                    conversion: Conversion { rule, multiplier: product.multiplier },
                }
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
