//! SKUs to products.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::accounts::AccountKey;
use super::rows::{Cell, Choice, Row, Rows, Subject};
use super::target::{How, Reason, Resolution};
use crate::book::{MapStatus, Mappings, Product, ProductCode, Psa, id_key};
use crate::book::{company_key, product_key};
use crate::finding::{Code, Finding, Place};
use crate::format::{CHARGED_METRICS, MeterRule, canonical_term};

/// A SKU as the vendor sells it: one id may be sold under several terms and counted in several metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SkuKey {
    pub provider_name: String,
    pub sku_id: String,
    pub charge_description: String,
    pub term: String,
    pub metric: String,
}

/// The product a SKU is joined to, and how its units count there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductTarget {
    pub product: ProductCode,
    pub multiplier: Decimal,
    /// `None` means the format's default.
    pub rule: Option<MeterRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductResolution {
    pub outcome: Resolution<ProductTarget>,
    pub how: How,
}

impl ProductResolution {
    pub fn target(&self) -> Option<&ProductTarget> {
        match &self.outcome {
            Resolution::Mapped(target) => Some(target),
            Resolution::Internal | Resolution::Excluded | Resolution::Unmapped(_) => None,
        }
    }

    pub fn product(&self) -> Option<&ProductCode> {
        self.target().map(|t| &t.product)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Says {
    status: MapStatus,
    product: String,
    multiplier: Decimal,
    rule: Option<MeterRule>,
}

/// Joins SKUs to products, and remembers what it has to say about it.
pub struct ProductResolver<'p> {
    products: &'p [Product],
    by_code: HashMap<String, usize>,
    by_any_id: HashMap<String, BTreeSet<usize>>,
    by_name: HashMap<String, BTreeSet<usize>>,
    rows: Rows<Says>,
    /// Provider and description → the SKU ids that bear it.
    bearers: HashMap<(String, String), BTreeSet<String>>,
    findings: BTreeMap<(Code, Place, String), Finding>,
}

const SKU: usize = 1;
const DESCRIPTION: usize = 2;

impl<'p> ProductResolver<'p> {
    pub fn new(psa: &'p Psa, mappings: &Mappings) -> Self {
        let products = &psa.products;
        let mut by_code = HashMap::new();
        let mut by_any_id: HashMap<String, BTreeSet<usize>> = HashMap::new();
        let mut by_name: HashMap<String, BTreeSet<usize>> = HashMap::new();
        for (index, product) in products.iter().enumerate() {
            by_code.entry(product.code.key()).or_insert(index);
            let ids = product.external_ids.iter().map(|id| id_key(id)).chain([product.code.key()]);
            for id in ids.filter(|id| !id.is_empty()) {
                by_any_id.entry(id).or_default().insert(index);
            }
            let name = product_key(&product.name);
            if !name.is_empty() {
                by_name.entry(name).or_default().insert(index);
            }
        }
        let rows = mappings.products.iter().map(|m| {
            let mapped = m.status == MapStatus::Mapped;
            Row {
                cells: vec![
                    Cell::equal(company_key(&m.provider_name)),
                    Cell::equal(id_key(&m.sku_id)),
                    Cell::equal(product_key(&m.charge_description)),
                    Cell::equal(id_key(&canonical_term(&m.term))),
                    Cell::equal(id_key(&m.metric)),
                ],
                from: m.valid_from,
                to: m.valid_to,
                says: Says {
                    status: m.status,
                    product: if mapped { m.product_code.key() } else { String::new() },
                    multiplier: if mapped { m.multiplier } else { Decimal::ONE },
                    rule: if mapped { m.rule } else { None },
                },
                written: m.product_code.to_string(),
                place: m.place.clone(),
            }
        });
        Self {
            products,
            by_code,
            by_any_id,
            by_name,
            rows: Rows::new(rows.collect(), &[SKU, DESCRIPTION]),
            bearers: HashMap::new(),
            findings: BTreeMap::new(),
        }
    }

    /// Makes a SKU known before any is resolved: a description that two of a vendor's SKUs bear joins neither.
    pub fn observe(&mut self, sku: &SkuKey) {
        let id = id_key(&sku.sku_id);
        if id.is_empty() {
            return;
        }
        let name = product_key(&sku.charge_description);
        // Of a name that no product has, nothing will be asked.
        if self.by_name.contains_key(&name) {
            self.bearers.entry((company_key(&sku.provider_name), name)).or_default().insert(id);
        }
    }

    /// Whether resolutions may differ from day to day; if not, any date gives the same.
    pub fn depends_on_date(&self) -> bool {
        self.rows.dated()
    }

    /// Joins a SKU as of the day `on`.
    pub fn resolve(&mut self, sku: &SkuKey, on: NaiveDate) -> ProductResolution {
        let subject = [
            company_key(&sku.provider_name),
            id_key(&sku.sku_id),
            product_key(&sku.charge_description),
            id_key(&canonical_term(&sku.term)),
            id_key(&sku.metric),
        ]
        .map(|key| Subject { key, text: String::new() });
        let (says, written, place) = match self.rows.choose(&subject, on) {
            Choice::None => return self.by_id_or_name(sku, &subject),
            Choice::Conflict(places) => return unmapped(Reason::Conflict(places), How::Nothing),
            Choice::One { says, written, place } => (says.clone(), written.to_string(), place.clone()),
        };
        let how = How::Mapping(place.clone());
        match says.status {
            MapStatus::Internal => ProductResolution { outcome: Resolution::Internal, how },
            MapStatus::Excluded => ProductResolution { outcome: Resolution::Excluded, how },
            MapStatus::Unusable => unmapped(Reason::Unusable(place), how),
            MapStatus::Mapped => {
                if let Some(index) = self.by_code.get(&says.product).copied() {
                    return self.join(index, says.multiplier, says.rule, how, &place);
                }
                let message = "the mapping names a product that the PSA does not have, so its SKUs stay unmapped";
                self.say(Code::M304, place, &written, message.to_string());
                unmapped(Reason::Missing(written), how)
            }
        }
    }

    fn by_id_or_name(&mut self, sku: &SkuKey, subject: &[Subject; 5]) -> ProductResolution {
        let [provider, id, description, _, _] = subject;
        let (what, value, fitting) = if let Some(fitting) = self.by_any_id.get(&id.key) {
            ("id", sku.sku_id.trim(), fitting)
        } else if let Some(fitting) = self.by_name.get(&description.key) {
            ("name", sku.charge_description.trim(), fitting)
        } else {
            return unmapped(Reason::NoMatch, How::Nothing);
        };
        let fitting: Vec<usize> = fitting.iter().copied().collect();
        let place =
            fitting.iter().filter_map(|i| self.products.get(*i)).map(|p| p.place.clone()).min().unwrap_or_default();
        let mut codes: Vec<String> =
            fitting.iter().filter_map(|i| self.products.get(*i)).map(|p| p.code.to_string()).collect();
        codes.sort();
        let [one] = fitting.as_slice() else {
            let message =
                format!("the {what} of a SKU of {} fits the products {}", sku.provider_name, codes.join(", "));
            self.say(Code::M303, place, value, message);
            return unmapped(Reason::Ambiguous(codes), How::Nothing);
        };
        if what == "name" {
            let bearers = self.bearers.get(&(provider.key.clone(), description.key.clone())).map_or(0, BTreeSet::len);
            if bearers > 1 {
                let message = format!(
                    "{bearers} SKUs of {} have the name of product {}, so the name does not say which is which",
                    sku.provider_name,
                    codes.concat()
                );
                self.say(Code::M303, place, value, message);
                return unmapped(Reason::SharedName, How::Nothing);
            }
            let name = self.products.get(*one).map(|p| p.name.clone()).unwrap_or_default();
            return self.join(*one, Decimal::ONE, None, How::Name(name), &place);
        }
        self.join(*one, Decimal::ONE, None, How::Id(value.to_string()), &place)
    }

    fn join(
        &mut self,
        index: usize,
        multiplier: Decimal,
        rule: Option<MeterRule>,
        how: How,
        place: &Place,
    ) -> ProductResolution {
        let Some(product) = self.products.get(index) else { return unmapped(Reason::NoMatch, How::Nothing) };
        if !product.active {
            let message = "a SKU is joined to a product that is inactive in the PSA".to_string();
            self.say(Code::M305, place.clone(), product.code.as_str(), message);
        }
        let target = ProductTarget { product: product.code.clone(), multiplier, rule };
        ProductResolution { outcome: Resolution::Mapped(target), how }
    }

    fn say(&mut self, code: Code, place: Place, value: &str, message: String) {
        let key = (code, place.clone(), value.to_string());
        self.findings.entry(key).or_insert_with(|| Finding::new(code, message).at(place).value(value));
    }

    /// What there is to say once every SKU is resolved, in a stable order: M303, M304, M305, M307, M308.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.findings.values().cloned().chain(self.rows.findings()).collect();
        findings.sort();
        findings
    }
}

fn unmapped(reason: Reason, how: How) -> ProductResolution {
    ProductResolution { outcome: Resolution::Unmapped(reason), how }
}

/// The metrics in which one account's SKU is counted towards one product.
struct Counted<'k> {
    metrics: BTreeSet<String>,
    /// The first mapping row that says so.
    place: Option<Place>,
    account: &'k AccountKey,
    sku: &'k SkuKey,
}

/// M306: where one account's SKU is counted in total and in parts, and both are joined to one product.
pub fn total_and_part<'k>(
    resolved: impl IntoIterator<Item = (&'k AccountKey, &'k SkuKey, &'k ProductResolution)>,
) -> Vec<Finding> {
    let mut counts: BTreeMap<[String; 5], Counted<'k>> = BTreeMap::new();
    for (account, sku, resolution) in resolved {
        let Some(product) = resolution.product() else { continue };
        let mut account_id = id_key(&account.sub_account_id);
        if account_id.is_empty() {
            account_id = company_key(&account.sub_account_name);
        }
        let mut sku_id = id_key(&sku.sku_id);
        if sku_id.is_empty() {
            sku_id = product_key(&sku.charge_description);
        }
        let key = [
            company_key(&sku.provider_name),
            account_id,
            sku_id,
            id_key(&canonical_term(&sku.term)),
            product.to_string(),
        ];
        let counted =
            counts.entry(key).or_insert_with(|| Counted { metrics: BTreeSet::new(), place: None, account, sku });
        counted.metrics.insert(id_key(&sku.metric));
        if let How::Mapping(place) = &resolution.how {
            counted.place = counted.place.take().into_iter().chain([place.clone()]).min();
        }
    }
    let mut findings = Vec::new();
    for ([.., product], Counted { metrics, place, account, sku }) in counts {
        // What is charged is settled against what is counted; it is no part of it.
        let mut parts: Vec<&str> = metrics
            .iter()
            .map(String::as_str)
            .filter(|m| !CHARGED_METRICS.contains(m))
            .map(|m| if m.is_empty() { "purchased" } else { m })
            .collect();
        // What was assigned was purchased; both are in the total.
        let Some(whole) = ["total", "purchased"].into_iter().find(|whole| parts.contains(whole)) else { continue };
        parts.retain(|part| *part != whole);
        if parts.is_empty() {
            continue;
        }
        let who = if account.sub_account_name.is_empty() { &account.sub_account_id } else { &account.sub_account_name };
        let message = format!(
            "{} counts this SKU of account {who:?} as {whole} and as {}, and all are joined to product {product}: {whole} is what is metered",
            sku.provider_name,
            parts.join(", ")
        );
        let value = if sku.sku_id.is_empty() { &sku.charge_description } else { &sku.sku_id };
        let finding = Finding::new(Code::M306, message).value(value);
        findings.push(match place {
            Some(place) => finding.at(place),
            None => finding,
        });
    }
    findings
}

#[cfg(test)]
mod tests;
