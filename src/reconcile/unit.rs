//! What is compared with what: a client's contract lines for a product, under one term or under all that
//! no line claims, beside the usage metered for them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::bundle::{Cover, Says, Sold};
use super::conclude::Input;
use super::counts::Commitment;
use super::quantity::is_spread;
use super::service::{Service, edges};
use crate::book::{
    Billing, Client, Config, Contract, ContractLine, LeftOutLine, Period, PricingModel, Product, ProductCode, Psa,
};
use crate::format::canonical_term;
use crate::meter::Metered;
use crate::rate::{ActiveDays, Currency, Overflow, Terms, Tier, add, subtract};

/// A contract line with all that is known of it in the period.
#[derive(Debug, Clone)]
pub struct LineView<'a> {
    pub line: &'a ContractLine,
    pub contract: &'a Contract,
    pub product: Option<&'a Product>,
    pub terms: Terms,
    /// First and last active day within the period; `None` if not active in it.
    pub active: Option<(NaiveDate, NaiveDate)>,
    /// Active on the period's last day.
    pub at_end: bool,
    pub days_of_period: u32,
    /// It ended before the period; else, if not active, it has not started.
    pub ended: bool,
    pub effective: Option<NaiveDate>,
    pub service: Service,
}

impl LineView<'_> {
    /// Whether the line bills consumption month by month as it is used. A flat fee is of its cycle, whatever is used.
    pub fn is_consumed(&self, consumption: bool, billing: Billing) -> bool {
        consumption && billing == Billing::Metered && self.terms.model != PricingModel::Flat
    }
}

/// One comparison.
#[derive(Debug, Clone)]
pub struct Unit<'a> {
    pub client: &'a Client,
    /// Of the client's id and the product's code: what they are looked up by.
    pub client_key: &'a str,
    pub product_key: String,
    /// For usage that no contract line bills.
    pub client_currency: Currency,
    pub product_code: ProductCode,
    pub product: Option<&'a Product>,
    /// The term its lines state; `None` for lines without one and the usage no line claims.
    pub term: Option<String>,
    /// Newest first.
    pub active: Vec<LineView<'a>>,
    /// Ended or not yet started, the nearest to the period first.
    pub inactive: Vec<LineView<'a>>,
    /// Indices into the metered sums.
    pub metered: Vec<usize>,
    /// All units metered are consumption: billed as used, whatever the cycle.
    pub consumption: bool,
    /// Where the product is a bundle of the client's.
    pub sold: Option<Sold>,
    /// Where bundles of the client's have it as a component; what each covers of it.
    pub covers: Vec<Cover>,
    /// The codes of these bundles.
    pub bundled_in: Vec<ProductCode>,
    /// What terms of years charge for, where the units are counted by their use.
    pub commitments: Vec<Commitment>,
}

impl Unit<'_> {
    /// Units metered that no bundle covers, or the bundles that drivers make; `None` where nothing was metered.
    pub fn used(&self, metered: &[Metered]) -> Result<Option<Decimal>, Overflow> {
        if let Some(sold) = self.sold.as_ref().filter(|s| s.says != Says::Vendor) {
            return Ok(sold.count);
        }
        match self.in_all(metered)? {
            Some(sum) => subtract(sum, self.covered()?).map(Some),
            None => Ok(None),
        }
    }

    /// Units metered, what bundles cover with them.
    pub fn in_all(&self, metered: &[Metered]) -> Result<Option<Decimal>, Overflow> {
        let spread = is_spread(self, metered);
        let mut sum = None;
        for m in self.metered.iter().map(|&i| &metered[i]).filter(|m| !m.cost_only) {
            // The average of one month says nothing of a cycle of several: its last level is billed.
            let used = if self.consumption || spread { m.quantity } else { m.at_end };
            sum = Some(add(sum.unwrap_or_default(), used)?);
        }
        Ok(sum)
    }

    /// Units that the period ends with and no bundle covers, or the bundles that drivers make.
    pub fn at_end(&self, metered: &[Metered]) -> Result<Decimal, Overflow> {
        if let Some(sold) = self.sold.as_ref().filter(|s| s.says != Says::Vendor) {
            return Ok(sold.count.unwrap_or_default());
        }
        let counted = self.metered.iter().map(|&i| &metered[i]).filter(|m| !m.cost_only);
        let sum = counted.map(|m| m.at_end).try_fold(Decimal::ZERO, add)?;
        subtract(sum, self.covered()?)
    }

    /// Units that the vendor charges for until terms of years end; zero if none.
    pub fn committed(&self) -> Result<Decimal, Overflow> {
        self.commitments.iter().map(|c| c.units).try_fold(Decimal::ZERO, add)
    }

    /// Units that bundles cover.
    pub fn covered(&self) -> Result<Decimal, Overflow> {
        self.covers.iter().map(|c| c.units).try_fold(Decimal::ZERO, add)
    }
}

/// The PSA by id.
pub struct Index<'a> {
    pub clients: BTreeMap<String, &'a Client>,
    pub products: BTreeMap<String, &'a Product>,
    pub contracts: BTreeMap<String, &'a Contract>,
    tiers: BTreeMap<String, Vec<Tier>>,
    /// By client: its own currency, else its first contract's.
    currencies: BTreeMap<String, Currency>,
    /// By contract and product, where one of its lines may be for once: the lines with a date of their own.
    dated: BTreeMap<(String, String), Vec<&'a ContractLine>>,
    /// Products of which all units are consumption: what nobody's rows of a client say this month, those of others may.
    consumed: BTreeSet<String>,
    /// By client: its lines that could not be used.
    left_out: BTreeMap<String, Vec<&'a LeftOutLine>>,
}

impl<'a> Index<'a> {
    pub fn new(psa: &'a Psa, metered: &[Metered]) -> Self {
        let mut consumed: BTreeMap<String, bool> = BTreeMap::new();
        for m in metered.iter().filter(|m| !m.cost_only) {
            let all = consumed.entry(m.product_code.key()).or_insert(true);
            *all &= m.consumption;
        }
        let consumed = consumed.into_iter().filter(|(_, all)| *all).map(|(product, _)| product).collect();
        let mut tiers: BTreeMap<String, Vec<Tier>> = BTreeMap::new();
        for tier in &psa.price_tiers {
            let key = if tier.contract_line_id.is_empty() {
                product_tiers(&tier.product_code.key())
            } else {
                tier.contract_line_id.key()
            };
            tiers.entry(key).or_default().push(Tier {
                up_to: tier.up_to,
                unit_price: tier.unit_price,
                flat_amount: tier.flat_amount,
            });
        }
        let mut currencies: BTreeMap<String, Currency> = BTreeMap::new();
        let own = psa.clients.iter().map(|c| (c.id.key(), c.currency));
        let agreed = psa.contracts.iter().map(|c| (c.client_id.key(), c.currency));
        for (client, currency) in own.chain(agreed).filter(|(_, currency)| !currency.is_none()) {
            currencies.entry(client).or_insert(currency);
        }
        let mut dated: BTreeMap<(String, String), Vec<&'a ContractLine>> = BTreeMap::new();
        let key = |line: &ContractLine| (line.contract_id.key(), line.product_code.key());
        for line in psa.contract_lines.iter().filter(|l| may_be_once(l)) {
            dated.entry(key(line)).or_default();
        }
        let any = !dated.is_empty();
        let of_their_own = |l: &&ContractLine| any && (l.effective_date.is_some() || l.cancelled_date.is_some());
        for line in psa.contract_lines.iter().filter(of_their_own) {
            if let Some(lines) = dated.get_mut(&key(line)) {
                lines.push(line);
            }
        }
        let mut left_out: BTreeMap<String, Vec<&'a LeftOutLine>> = BTreeMap::new();
        for line in &psa.left_out {
            left_out.entry(line.client_id.key()).or_default().push(line);
        }
        Self {
            currencies,
            dated,
            consumed,
            left_out,
            clients: psa.clients.iter().map(|c| (c.id.key(), c)).collect(),
            products: psa.products.iter().map(|p| (p.code.key(), p)).collect(),
            contracts: psa.contracts.iter().map(|c| (c.id.key(), c)).collect(),
            tiers,
        }
    }

    /// The currency for a client's usage that no contract line bills. Here and below a client is named by its id's key.
    pub fn currency_of(&self, client: &str) -> Currency {
        self.currencies.get(client).copied().unwrap_or_default()
    }

    /// The client's contract lines that stand in the PSA and could not be used.
    pub fn left_out(&self, client: &str) -> &[&'a LeftOutLine] {
        self.left_out.get(client).map_or(&[], Vec::as_slice)
    }

    fn tiers(&self, line: &ContractLine) -> Vec<Tier> {
        if self.tiers.is_empty() {
            return Vec::new();
        }
        let own = self.tiers.get(&line.id.key());
        own.or_else(|| self.tiers.get(&product_tiers(&line.product_code.key()))).cloned().unwrap_or_default()
    }

    fn view(
        &self,
        line: &'a ContractLine,
        contract: &'a Contract,
        product: Option<&'a Product>,
        config: &Config,
        period: Period,
    ) -> LineView<'a> {
        let once = self.is_once(line, config);
        let effective = latest(line.effective_date, contract.start_date);
        // The end of a contract is its last day; the settings speak of lines that are cancelled.
        let days = if once {
            ActiveDays { first: effective, last: line.cancelled_date }
        } else {
            ActiveDays::between(effective, line.cancelled_date, edges(config))
        };
        let days = days.until(contract.end_date);
        let active = days.within(period.start(), period.end()).filter(|_| contract.active);
        let started = days.first.is_none_or(|day| day < period.end()) || days.is_empty();
        LineView {
            line,
            contract,
            product,
            terms: self.terms(line, contract, product, config),
            active,
            at_end: active.is_some_and(|(_, last)| last == period.last_day()),
            days_of_period: period.days(),
            ended: active.is_none() && started,
            effective,
            service: Service::of(contract, line.proration, config, period, days, once),
        }
    }

    fn currency_of_contract(&self, contract: &Contract) -> Currency {
        if contract.currency.is_none() {
            self.currencies.get(&contract.client_id.key()).copied().unwrap_or_default()
        } else {
            contract.currency
        }
    }

    /// Effective and cancelled in one period, which is how PSAs keep a one-time fee. A line that carries another
    /// one on, or is carried on by one, is a stretch of a quantity that changed.
    fn is_once(&self, line: &ContractLine, config: &Config) -> bool {
        if !may_be_once(line) {
            return false;
        }
        let days_of = |l: &ContractLine| ActiveDays::between(l.effective_date, l.cancelled_date, edges(config));
        let own = days_of(line);
        let follows = |a: Option<NaiveDate>, b: Option<NaiveDate>| {
            a.and_then(|day| day.succ_opt()).zip(b).is_some_and(|(next, first)| next == first)
        };
        let others = self.dated.get(&(line.contract_id.key(), line.product_code.key()));
        let carried_on = others.into_iter().flatten().filter(|l| l.id.key() != line.id.key()).any(|other| {
            let other = days_of(other);
            !other.is_empty() && (follows(own.last, other.first) || follows(other.last, own.first))
        });
        own.is_empty() || !carried_on
    }

    fn terms(&self, line: &ContractLine, contract: &Contract, product: Option<&Product>, config: &Config) -> Terms {
        if !line.is_charged() {
            // What the PSA does not bill is compared like any other line, and is no money.
            return Terms {
                model: PricingModel::PerUnit,
                unit_price: Some(Decimal::ZERO),
                unit_cost: line.unit_cost.or_else(|| product.and_then(|p| p.unit_cost)),
                included_quantity: line.included_quantity,
                currency: self.currency_of_contract(contract),
                rounding: config.rounding.mode,
                ..Terms::default()
            };
        }
        Terms {
            unit_price: line.unit_price.or_else(|| product.and_then(|p| p.unit_price)),
            tiers: self.tiers(line),
            package_size: line.package_size,
            unit_cost: line.unit_cost.or_else(|| product.and_then(|p| p.unit_cost)),
            flat_at_zero: line.flat_at_zero,
            currency: self.currency_of_contract(contract),
            rounding: config.rounding.mode,
            ..line.own_terms()
        }
    }
}

/// Effective and cancelled in one period.
fn may_be_once(line: &ContractLine) -> bool {
    let dates = line.effective_date.zip(line.cancelled_date).filter(|_| !line.by_day);
    dates.is_some_and(|(first, last)| first <= last && Period::of(first) == Period::of(last))
}

/// The catalogue price of a product, for usage that no contract line bills.
pub fn catalogue_terms(product: Option<&Product>, currency: Currency, config: &Config) -> Terms {
    Terms {
        model: PricingModel::PerUnit,
        unit_price: product.and_then(|p| p.unit_price),
        unit_cost: product.and_then(|p| p.unit_cost),
        currency,
        rounding: config.rounding.mode,
        ..Terms::default()
    }
}

/// Every comparison of a client, in order of product and term. `lines` are its contract lines, `usage` what was
/// metered of it, by index.
pub fn units<'a>(
    (client, client_key): (&'a Client, &'a str),
    lines: &[(&'a ContractLine, &'a Contract)],
    usage: &[usize],
    index: &Index<'a>,
    input: &Input<'_>,
) -> Vec<Unit<'a>> {
    let (metered, bundles, config) = (input.metered, input.bundles, input.config);
    let mut by_product: BTreeMap<String, (Vec<LineView<'a>>, Vec<usize>)> = BTreeMap::new();
    for (line, contract) in lines {
        let key = line.product_code.key();
        let view = index.view(line, contract, index.products.get(&key).copied(), config, input.period);
        by_product.entry(key).or_default().0.push(view);
    }
    for &i in usage {
        by_product.entry(metered[i].product_code.key()).or_default().1.push(i);
    }
    let client_currency = index.currency_of(client_key);
    let mut out = Vec::with_capacity(by_product.len());
    for (key, (views, rows)) in by_product {
        let product = index.products.get(&key).copied();
        let is_bundle = rows.is_empty() && views.first().is_some_and(|v| bundles.get(&v.line.product_code).is_some());
        // The components of a bundle have terms, it has none.
        let groups = if is_bundle { vec![(None, views, Vec::new())] } else { by_term(views, rows, metered) };
        for (term, unit_lines, unit_rows) in groups {
            let code = unit_lines.first().map(|v| v.line.product_code.clone());
            let code = code.or_else(|| unit_rows.first().map(|&i| metered[i].product_code.clone()));
            let (mut active, mut inactive): (Vec<_>, Vec<_>) = if unit_lines.iter().all(|v| v.active.is_some()) {
                (unit_lines, Vec::new())
            } else {
                unit_lines.into_iter().partition(|v: &LineView<'a>| v.active.is_some())
            };
            let mut counted = unit_rows.iter().map(|&i| &metered[i]).filter(|m| !m.cost_only).peekable();
            let consumption = match counted.peek() {
                Some(_) => counted.all(|m| m.consumption),
                None => index.consumed.contains(&key),
            };
            let as_used =
                |v: &LineView<'_>| v.is_consumed(consumption, v.line.billing.unwrap_or(config.billing.mapped));
            for view in active.iter_mut().chain(&mut inactive).filter(|v| as_used(v)) {
                view.service.as_used(view.active);
            }
            if active.len() > 1 {
                active.sort_by_cached_key(|view| std::cmp::Reverse(newest(view)));
            }
            inactive.sort_by(|a, b| b.ended.cmp(&a.ended).then_with(|| newest(b).cmp(&newest(a))));
            out.push(Unit {
                client,
                client_key,
                product_key: key.clone(),
                client_currency,
                product_code: product.map(|p| p.code.clone()).or(code).unwrap_or_default(),
                product,
                term,
                active,
                inactive,
                metered: unit_rows,
                consumption,
                sold: None,
                covers: Vec::new(),
                bundled_in: Vec::new(),
                commitments: Vec::new(),
            });
        }
    }
    out
}

type Group<'a> = (Option<String>, Vec<LineView<'a>>, Vec<usize>);

/// Lines with a term take the usage of that term; the other lines take what is left. Where usage states no
/// term and only lines with one could bill it, an unknown term is not another term: all are compared as one.
fn by_term<'a>(views: Vec<LineView<'a>>, rows: Vec<usize>, metered: &[Metered]) -> Vec<Group<'a>> {
    if views.iter().all(|view| view.line.term.trim().is_empty()) {
        return vec![(None, views, rows)];
    }
    let of_lines: Vec<String> = views.iter().map(|v| canonical_term(&v.line.term)).collect();
    let terms = |active: bool| -> BTreeSet<&String> {
        let lines = views.iter().zip(&of_lines).filter(|(v, _)| v.active.is_some() == active);
        lines.map(|(_, term)| term).collect()
    };
    let (mut claimed, past) = (terms(true), terms(false));
    let open = claimed.remove(&String::new());
    let stated = |i: &usize| canonical_term(&metered[*i].term);
    let unstated = rows.iter().any(|i| !metered[*i].cost_only && stated(i).is_empty());
    let as_one = unstated && !open && !claimed.is_empty();

    let mut groups: BTreeMap<Option<String>, (Vec<LineView<'a>>, Vec<usize>)> = BTreeMap::new();
    for i in rows {
        let term = stated(&i);
        let own =
            !term.is_empty() && (claimed.contains(&term) && !as_one || (!open && !as_one && past.contains(&term)));
        groups.entry(own.then_some(term)).or_default().1.push(i);
    }
    for (view, term) in views.into_iter().zip(of_lines) {
        groups.entry(Some(term).filter(|t| !t.is_empty() && !as_one)).or_default().0.push(view);
    }
    groups.into_iter().map(|(term, (lines, rows))| (term, lines, rows)).collect()
}

/// The order of lines by age: the effective date, then the id.
fn newest(view: &LineView<'_>) -> (Option<NaiveDate>, String) {
    (view.effective, view.line.id.key())
}

fn latest(a: Option<NaiveDate>, b: Option<NaiveDate>) -> Option<NaiveDate> {
    a.max(b)
}

fn product_tiers(product_key: &str) -> String {
    format!("product\u{0}{product_key}")
}
