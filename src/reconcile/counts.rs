//! What a vendor charges beside what it counts. An export may hold several counts of one thing (purchased, assigned,
//! billed), and two exports of one vendor may hold the same units in two formats. The same units are never added up:
//! here it is settled which count is metered, what is disputed, and what a commitment still charges.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::book::id_key;
use crate::finding::{Code, Finding, Place};
use crate::format::{CHARGED_METRICS as CHARGED, months_of_term};
use crate::meter::{Metered, cost_part};
use crate::rate::{Currency, Overflow, add, multiply, subtract};

/// The metric of what was bought; the default.
const PURCHASED: &[&str] = &["", "purchased"];

/// More charged than counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispute {
    pub provider_name: String,
    pub account: String,
    pub charged: Decimal,
    pub counted: Decimal,
    pub impact: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub currency: Currency,
    pub place: Place,
}

/// What a term of years still charges for, of units that are counted otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commitment {
    pub units: Decimal,
    pub unit_cost: Option<Decimal>,
    pub currency: Currency,
}

/// Metered sums in which no unit stands twice, in the order they came in.
#[derive(Debug, Clone)]
pub struct Settled<'m> {
    /// Those that came in, where none of them is changed.
    pub metered: Cow<'m, [Metered]>,
    /// By client and product.
    pub disputes: BTreeMap<(String, String), Vec<Dispute>>,
    /// By the metered sum whose units are committed.
    pub commitments: BTreeMap<usize, Commitment>,
}

/// One count of a set; `index` is that of the metered sum, `None` where a mapping leaves it out.
#[derive(Clone, Copy)]
struct Entry<'m> {
    of: &'m Metered,
    index: Option<usize>,
}

type Key = [String; 5];

fn sets<'m>(metered: &'m [Metered], beside: &'m [Metered]) -> BTreeMap<Key, Vec<Entry<'m>>> {
    let mut sets: BTreeMap<Key, Vec<Entry<'m>>> = BTreeMap::new();
    let counted = metered.iter().enumerate().map(|(i, of)| Entry { of, index: Some(i) });
    for entry in counted.chain(beside.iter().map(|of| Entry { of, index: None })) {
        if let Some(count) = &entry.of.count {
            let m = entry.of;
            let names = [&count.provider_name, &count.account, &count.sku].map(|t| id_key(t));
            let [provider, account, sku] = names;
            sets.entry([m.client_id.key(), m.product_code.key(), provider, account, sku]).or_default().push(entry);
        }
    }
    sets
}

fn metric(entry: &Entry<'_>) -> String {
    entry.of.count.as_ref().map(|c| id_key(&c.metric)).unwrap_or_default()
}

fn format<'m>(entry: &Entry<'m>) -> &'m str {
    entry.of.count.as_ref().map_or("", |c| c.format.as_str())
}

fn is(entry: &Entry<'_>, words: &[&str]) -> bool {
    words.contains(&metric(entry).as_str())
}

fn has_money(entries: &[Entry<'_>], of: &str) -> bool {
    entries.iter().filter(|e| format(e) == of).any(|e| e.of.cost.values().any(|c| !c.is_zero()))
}

/// The side that charges and the side that counts: by the metric, else an export with money beside one without.
fn sides<'m>(set: &[Entry<'m>]) -> Option<(Vec<Entry<'m>>, Vec<Entry<'m>>)> {
    let units: Vec<Entry<'m>> = set.iter().filter(|e| !e.of.cost_only).copied().collect();
    let (charged, counted): (Vec<_>, Vec<_>) = units.iter().partition(|e| is(e, CHARGED));
    if !charged.is_empty() && !counted.is_empty() {
        return Some((charged, counted));
    }
    let formats: BTreeSet<&str> = units.iter().map(format).collect();
    let charging: Vec<&str> = formats.iter().copied().filter(|f| has_money(&units, f)).collect();
    let [charging] = charging.as_slice() else { return None };
    let (charged, counted): (Vec<_>, Vec<_>) = units.iter().partition(|e| format(e) == *charging);
    (!counted.is_empty()).then_some((charged, counted))
}

/// The units of one side: those of the metric wanted first, else of the metric that has most of them.
fn total(side: &[Entry<'_>], first: &[&str]) -> Result<Decimal, Overflow> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for entry in side {
        let name = if is(entry, first) { String::new() } else { metric(entry) };
        let sum = sums.entry(name).or_default();
        *sum = add(*sum, entry.of.quantity)?;
    }
    let wanted = sums.get("").copied().filter(|_| side.iter().any(|e| is(e, first)));
    Ok(wanted.or_else(|| sums.into_values().max()).unwrap_or_default())
}

/// A term of a year or longer.
fn committed(term: &str) -> bool {
    months_of_term(term).is_some_and(|months| months >= 12)
}

/// Settles which count of several is metered.
pub(super) fn settle<'m>(metered: &'m [Metered], beside: &[Metered]) -> Result<Settled<'m>, Overflow> {
    let mut out = Settled { metered: Cow::Borrowed(metered), disputes: BTreeMap::new(), commitments: BTreeMap::new() };
    for (key, set) in sets(metered, beside) {
        let [client, product, ..] = key;
        let sides = sides(&set);
        commit(&set, sides.as_ref(), &mut out)?;
        let Some((charged, counted)) = sides else {
            drop_parts(&set, &mut out);
            continue;
        };
        drop_parts(&counted, &mut out);
        let (charges, counts) = (total(&charged, &[])?, total(&counted, PURCHASED)?);
        drop_repeated(&charged, &counted, charges == counts, &mut out);
        // Fewer used than bought for years is no fault of the vendor's.
        let only_use = !counted.iter().any(|e| is(e, PURCHASED)) && charged.iter().all(|e| committed(&e.of.term));
        if charges > counts && !only_use {
            let dispute = dispute(&charged, charges, counts)?;
            out.disputes.entry((client, product)).or_default().extend(dispute);
        }
    }
    Ok(out)
}

/// What was assigned was purchased, and both are in the total: of a whole and its parts under one product the whole is
/// metered, and M306 says so.
fn drop_parts(counted: &[Entry<'_>], out: &mut Settled) {
    let units = || counted.iter().filter(|e| !e.of.cost_only && e.index.is_some() && !is(e, CHARGED));
    let Some(whole) = [&["total"], PURCHASED].into_iter().find(|whole| units().any(|e| is(e, whole))) else { return };
    for index in units().filter(|e| !is(e, whole)).filter_map(|e| e.index) {
        out.metered.to_mut()[index].cost_only = true;
    }
}

/// Leaves the units to one side. Where both say the same, to the one that states terms.
fn drop_repeated(charged: &[Entry<'_>], counted: &[Entry<'_>], equal: bool, out: &mut Settled<'_>) {
    let indices = |side: &[Entry<'_>]| side.iter().filter_map(|e| e.index).collect::<Vec<_>>();
    let (charged_at, counted_at) = (indices(charged), indices(counted));
    if charged_at.is_empty() || counted_at.is_empty() {
        return;
    }
    let metered = out.metered.to_mut();
    let terms = |side: &[Entry<'_>]| side.iter().any(|e| !e.of.term.is_empty());
    let keep_charged = equal && terms(charged) && !terms(counted);
    if charged.iter().any(|e| e.of.cost.values().any(|c| !c.is_zero())) {
        // What they cost is what is charged for them.
        for &i in &counted_at {
            for cost in metered[i].cost.values_mut() {
                *cost = Decimal::ZERO;
            }
        }
    }
    let (kept, dropped) = if keep_charged { (charged_at, counted_at) } else { (counted_at, charged_at) };
    for &from in &dropped {
        for &to in &kept {
            let unit_cost = metered[from].unit_cost;
            let currencies: Vec<Currency> = metered[from].cost.keys().copied().collect();
            let to = &mut metered[to];
            to.unit_cost = to.unit_cost.or(unit_cost);
            for currency in currencies {
                to.cost.entry(currency).or_default();
            }
        }
        metered[from].cost_only = true;
    }
}

fn dispute(charged: &[Entry<'_>], charges: Decimal, counts: Decimal) -> Result<Option<Dispute>, Overflow> {
    let Some(first) = charged.iter().min_by_key(|e| &e.of.first) else { return Ok(None) };
    let Some(count) = &first.of.count else { return Ok(None) };
    let over = subtract(charges, counts)?;
    let (unit_cost, currency) = unit_cost(charged, charges)?;
    let impact = unit_cost.map(|cost| multiply(over, cost)).transpose()?;
    Ok(Some(Dispute {
        provider_name: count.provider_name.clone(),
        account: count.account.clone(),
        charged: charges,
        counted: counts,
        impact,
        unit_cost,
        currency,
        place: first.of.first.clone(),
    }))
}

/// What a unit of a side costs: as stated, else cost ÷ units; in the one currency that the side has.
fn unit_cost(side: &[Entry<'_>], units: Decimal) -> Result<(Option<Decimal>, Currency), Overflow> {
    let costs = || side.iter().flat_map(|e| &e.of.cost).filter(|(_, cost)| !cost.is_zero());
    let currencies: BTreeSet<Currency> = costs().map(|(currency, _)| *currency).filter(|c| !c.is_none()).collect();
    let [currency] = currencies.into_iter().collect::<Vec<_>>()[..] else { return Ok((None, Currency::NONE)) };
    let stated: Vec<Option<Decimal>> = side.iter().map(|e| e.of.unit_cost).collect();
    if let Some(cost) = stated.first().copied().flatten().filter(|_| stated.windows(2).all(|w| w[0] == w[1])) {
        return Ok((Some(cost), currency));
    }
    let sum = costs().map(|(_, cost)| *cost).try_fold(Decimal::ZERO, add)?;
    Ok((cost_part(sum, units).filter(|_| units > Decimal::ZERO), currency))
}

/// What terms of years charge for, beside units that are counted by their use.
fn commit(
    set: &[Entry<'_>],
    sides: Option<&(Vec<Entry<'_>>, Vec<Entry<'_>>)>,
    out: &mut Settled<'_>,
) -> Result<(), Overflow> {
    let bought = |e: &&Entry<'_>| !e.of.cost_only && (is(e, PURCHASED) || is(e, CHARGED));
    let used: Vec<usize> = set.iter().filter(|e| !bought(e)).filter_map(|e| e.index).collect();
    let by_contract: Vec<Entry<'_>> = set.iter().filter(bought).filter(|e| committed(&e.of.term)).copied().collect();
    // Where purchases are metered themselves, what is committed is what is compared.
    let metered_itself = by_contract.iter().any(|e| e.index.is_some() && is(e, PURCHASED));
    let same_metric = sides.is_some_and(|(charged, _)| charged.iter().all(|e| !is(e, CHARGED)));
    let Some(&first) = used.first().filter(|_| !by_contract.is_empty() && !metered_itself && !same_metric) else {
        return Ok(());
    };
    let units = total(&by_contract, PURCHASED)?;
    let (unit_cost, currency) = unit_cost(&by_contract, units)?;
    out.commitments.insert(first, Commitment { units, unit_cost, currency });
    Ok(())
}

/// M306 for units of one SKU and account that stand in two formats of their vendor and cannot be told from one
/// another: they are added up.
pub fn overlaps(metered: &[Metered]) -> Vec<Finding> {
    let mut out = Vec::new();
    for set in sets(metered, &[]).into_values() {
        let units: Vec<Entry<'_>> = set.iter().filter(|e| !e.of.cost_only).copied().collect();
        let formats: BTreeSet<&str> = units.iter().map(format).collect();
        let Some(first) = units.iter().min_by_key(|e| &e.of.first) else { continue };
        let Some(count) = &first.of.count else { continue };
        if formats.len() > 1 && sides(&set).is_none() {
            let formats: Vec<&str> = formats.into_iter().collect();
            let message = format!(
                "{} counts this SKU of account {:?} in exports of the formats {}, and both are added up to product {}",
                count.provider_name,
                count.account,
                formats.join(" and "),
                first.of.product_code
            );
            out.push(Finding::new(Code::M306, message).at(first.of.first.clone()).value(&count.sku));
        }
    }
    out
}
