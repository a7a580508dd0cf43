//! Bundles before anything is compared: how many a client has, and which units of their components they cover.
//! What is covered is taken off the component's usage; the rest is compared with the component's own lines.
//!
//! A bundle with a driver is metered: `ceil(Σ driver units ÷ units per bundle)`. Without one its contract line says
//! how many there are, and its components say how many of these were used.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};

use super::Action;
use super::compare::{billing, held};
use super::conclude::{Input, case_of, quantity_sold};
use super::supply::Supply;
use super::unit::{Index, Unit, catalogue_terms};
use crate::book::{
    Billing, Bundle, Bundles, Component, ContractId, ContractLineId, PricingModel, ProductCode, WholeUnits,
};
use crate::rate::{Overflow, Terms, add, multiply, plain, subtract};

/// What says how many of a bundle there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// Its contract line.
    Contract,
    /// A vendor's export, which has it as a SKU of its own.
    Vendor,
    /// Its drivers.
    Drivers,
}

/// A client's bundle: the side of its contract line.
#[derive(Debug, Clone)]
pub struct Sold {
    pub says: Says,
    /// Bundles that the usage of the components comes to; `None` where none of them was metered.
    pub count: Option<Decimal>,
    /// Why less usage than the bundle covers concludes nothing, and what to do about it.
    pub gap: Option<(String, Action)>,
    /// Rows of its components could not be read.
    pub rejected: bool,
    /// The components of which less was used than is covered: `Endpoint protection 8 of 10`.
    pub idle: Vec<String>,
    /// The usage it covers.
    pub absorbed: Vec<Absorbed>,
    pub components: Vec<ProductCode>,
}

/// A part of what was metered of a component, `part ÷ of`.
#[derive(Debug, Clone, PartialEq)]
pub struct Absorbed {
    pub metered: Vec<usize>,
    pub part: Decimal,
    pub of: Decimal,
}

/// The side of a component: its units that a bundle covers.
#[derive(Debug, Clone)]
pub struct Cover {
    /// The number of the bundle's unit.
    pub by: usize,
    pub units: Decimal,
    /// Of the component's cost the bundle carries `share ÷ of`.
    pub share: Decimal,
    pub of: Decimal,
    pub contract_id: ContractId,
    /// The newest line of the bundle; empty if it has none that is active.
    pub contract_line_id: ContractLineId,
    /// What more of the component costs where no line of its own bills it.
    pub surplus: Terms,
}

/// What is known of a driver's usage is known of its bundle, too; and the bundles that a vendor sells as such.
pub(super) fn supply(known: &Supply, bundles: &Bundles) -> (Supply, BTreeSet<String>) {
    let mut out = known.clone();
    let direct = bundles.iter().filter(|b| known.is_mapped(&b.code.key())).map(|b| b.code.key()).collect();
    for bundle in bundles.iter() {
        for component in &bundle.components {
            out.share_rejected(&component.code, &bundle.code);
            if component.driver && !known.is_mapped(&bundle.code.key()) {
                out.share(&component.code, &bundle.code);
            }
        }
        if let Some(place) = &bundle.left_out {
            out.unattribute(&bundle.code, &format!("{place} could not be used, so what it covers is not all known"));
        }
    }
    (out, direct)
}

/// Takes what bundles cover off the usage of their components, and counts the bundles that were used.
pub(super) fn cover(
    all: &mut [Unit<'_>],
    direct: &BTreeSet<String>,
    input: &Input<'_>,
    index: &Index<'_>,
) -> Result<(), Overflow> {
    if input.bundles.iter().next().is_none() {
        return Ok(());
    }
    let mut units_of: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (number, unit) in all.iter().enumerate() {
        units_of.entry((unit.client_key.to_string(), unit.product_key.clone())).or_default().push(number);
    }
    let mut sold: Vec<(Says, usize)> =
        all.iter().enumerate().filter_map(|(i, unit)| says(unit, direct, input).map(|says| (says, i))).collect();
    // Bundles by contract first: what they cover drives no other.
    sold.sort_unstable();
    for (says, number) in sold {
        let Some(bundle) = input.bundles.get(&all[number].product_code) else { continue };
        let client = all[number].client_key.to_string();
        let parts: Vec<Part<'_>> = bundle
            .components
            .iter()
            .map(|component| {
                let units = units_of.get(&(client.clone(), component.code.key()));
                Part { component, units: units.cloned().unwrap_or_default() }
            })
            .collect();
        for &unit in parts.iter().flat_map(|p| &p.units) {
            all[unit].bundled_in.push(bundle.code.clone());
        }
        let mut now = Sold {
            says,
            count: None,
            gap: None,
            rejected: false,
            idle: Vec::new(),
            absorbed: Vec::new(),
            components: bundle.components.iter().map(|c| c.code.clone()).collect(),
        };
        let mut taken = Taken::default();
        match says {
            Says::Drivers => drive(&mut now, &mut taken, &parts, all, number, input)?,
            Says::Contract => weigh(&mut now, bundle, &parts, all, number, input)?,
            Says::Vendor => {}
        }
        all[number].sold = Some(now);
        let quantity = quantity_sold(&case_of(&all[number], index, input)?)?;
        for pool in pools(&parts).into_iter().filter(|p| says != Says::Drivers || !p.drives()) {
            pool.fill(quantity, false, all, input, &mut taken)?;
        }
        if quantity > Decimal::ZERO || says == Says::Drivers {
            note(all, number, &parts, &taken, input)?;
        }
    }
    Ok(())
}

/// What says how many there are, if this is a bundle that is or was sold to the client.
fn says(unit: &Unit<'_>, direct: &BTreeSet<String>, input: &Input<'_>) -> Option<Says> {
    let bundle = input.bundles.get(&unit.product_code)?;
    let metered = unit.metered.iter().any(|&i| !input.metered[i].cost_only);
    if metered || direct.contains(&bundle.code.key()) {
        return Some(Says::Vendor);
    }
    let driven = bundle.components.iter().any(|c| c.driver)
        && (unit.active.iter().any(|v| billing(v, true, input.config) != Billing::Contract)
            || unit.active.is_empty() && !unit.inactive.is_empty());
    match (driven, unit.active.is_empty()) {
        (true, _) => Some(Says::Drivers),
        (false, false) => Some(Says::Contract),
        (false, true) => None,
    }
}

/// Units taken off the usage of each unit.
type Taken = BTreeMap<usize, Decimal>;

/// A component with the comparisons of its usage.
struct Part<'b> {
    component: &'b Component,
    units: Vec<usize>,
}

/// Components that use up the same bundles: each by itself, but drivers together.
struct Pool<'p, 'b> {
    parts: Vec<&'p Part<'b>>,
    /// The product of the units per bundle; a unit of a component weighs this ÷ its own units per bundle.
    whole: Decimal,
}

fn pools<'p, 'b>(parts: &'p [Part<'b>]) -> Vec<Pool<'p, 'b>> {
    let (drivers, others): (Vec<_>, Vec<_>) = parts.iter().partition(|p| p.component.driver);
    let groups = std::iter::once(drivers).filter(|d| !d.is_empty()).chain(others.into_iter().map(|p| vec![p]));
    groups.filter_map(Pool::of).collect()
}

impl<'p, 'b> Pool<'p, 'b> {
    fn of(parts: Vec<&'p Part<'b>>) -> Option<Self> {
        let whole = parts.iter().try_fold(Decimal::ONE, |all, p| multiply(all, p.component.quantity)).ok()?;
        Some(Self { parts, whole })
    }

    fn drives(&self) -> bool {
        self.parts.iter().any(|p| p.component.driver)
    }

    fn weight(&self, part: &Part<'_>) -> Result<Decimal, Overflow> {
        let others = self.parts.iter().filter(|p| p.component.code != part.component.code);
        others.map(|p| p.component.quantity).try_fold(Decimal::ONE, multiply)
    }

    /// Covers usage with `quantity` bundles: first what no line of the component's own holds, then the rest. Where the
    /// usage drives the bundle, all of the first counts, however much. What was taken, in bundles × `whole`.
    fn fill(
        &self,
        quantity: Decimal,
        drives: bool,
        all: &[Unit<'_>],
        input: &Input<'_>,
        taken: &mut Taken,
    ) -> Result<Decimal, Overflow> {
        let mut room = multiply(quantity, self.whole)?;
        let mut used = Decimal::ZERO;
        for first in [true, false] {
            for part in &self.parts {
                let weight = self.weight(part)?;
                for &number in &part.units {
                    let unit = &all[number];
                    let before = taken.get(&number).copied().unwrap_or_default();
                    let free = subtract(unit.used(input.metered)?.unwrap_or_default(), before)?.max(Decimal::ZERO);
                    let own = if first { own_quantity(unit)? } else { Decimal::ZERO };
                    let wanted = subtract(free, own)?.max(Decimal::ZERO);
                    let fits = multiply(wanted, weight)? <= room;
                    let units = if fits || first && drives {
                        wanted
                    } else {
                        let most = room.max(Decimal::ZERO).checked_div(weight).ok_or(Overflow)?;
                        most.round_dp_with_strategy(6, RoundingStrategy::ToZero)
                    };
                    let weighs = multiply(units, weight)?;
                    (room, used) = (subtract(room, weighs)?, add(used, weighs)?);
                    taken.insert(number, add(before, units)?);
                }
            }
        }
        Ok(used)
    }

    /// `used` in whole bundles. A started one is a whole one, unless the bundle rounds otherwise.
    fn bundles(&self, used: Decimal, unit: &Unit<'_>) -> Result<Decimal, Overflow> {
        let rest = used.checked_rem(self.whole).ok_or(Overflow)?;
        let whole = subtract(used, rest)?.checked_div(self.whole).ok_or(Overflow)?.normalize();
        let up = match unit.product.map_or(WholeUnits::No, |p| p.whole_units) {
            WholeUnits::No | WholeUnits::Up => rest > Decimal::ZERO,
            WholeUnits::Down => false,
            WholeUnits::Nearest => add(rest, rest)? >= self.whole,
        };
        if up { add(whole, Decimal::ONE) } else { Ok(whole) }
    }
}

/// Counts the bundles that the drivers' usage makes.
fn drive(
    now: &mut Sold,
    taken: &mut Taken,
    parts: &[Part<'_>],
    all: &[Unit<'_>],
    number: usize,
    input: &Input<'_>,
) -> Result<(), Overflow> {
    let (_, _, contract) = held(&all[number])?;
    for pool in pools(parts).into_iter().filter(Pool::drives) {
        let used = pool.fill(contract, true, all, input, taken)?;
        for &unit in pool.parts.iter().flat_map(|p| &p.units) {
            if all[unit].used(input.metered)?.is_some() {
                now.count = Some(pool.bundles(used, &all[number])?);
            }
        }
    }
    Ok(())
}

/// Counts the bundles that the components of a contract's bundles make use of.
fn weigh(
    now: &mut Sold,
    bundle: &Bundle,
    parts: &[Part<'_>],
    all: &[Unit<'_>],
    number: usize,
    input: &Input<'_>,
) -> Result<(), Overflow> {
    let (_, _, quantity) = held(&all[number])?;
    let client = all[number].client_key;
    for pool in pools(parts) {
        let mut taken = Taken::new();
        let used = pool.fill(quantity, false, all, input, &mut taken)?;
        let short = used < multiply(quantity, pool.whole)?;
        let mut measured = false;
        for part in &pool.parts {
            let code = &part.component.code.key();
            let mut units = None;
            for &unit in &part.units {
                if all[unit].used(input.metered)?.is_some() {
                    units = Some(add(units.unwrap_or_default(), taken.get(&unit).copied().unwrap_or_default())?);
                }
            }
            if units.is_none() && !input.supply.is_mapped(code) {
                // Nobody meters it: what was used of it is no question.
                continue;
            }
            measured = true;
            let missing = input.supply.nothing_supplied(code).filter(|_| units.is_none());
            let gap = missing.or_else(|| input.supply.incomplete(code).filter(|_| short));
            if let Some(reason) = gap.filter(|_| now.gap.is_none()) {
                let action = if input.supply.lacks_mapping(code) { Action::Map } else { Action::SupplyExport };
                now.gap = Some((reason, action));
            }
            now.rejected |= short && input.supply.rejected(client, code).is_some();
            if short {
                let name = input.psa.products.iter().find(|p| p.code.key() == *code);
                let name = name.map_or(code.as_str(), |p| p.name.as_str());
                let most = multiply(quantity, part.component.quantity)?;
                now.idle.push(format!("{name} {} of {}", plain(units.unwrap_or_default()), plain(most)));
            }
        }
        if measured {
            let count = pool.bundles(used, &all[number])?.min(quantity.max(Decimal::ZERO));
            now.count = Some(now.count.map_or(count, |c| c.max(count)));
        }
    }
    if let Some(place) = bundle.left_out.as_ref().filter(|_| !now.idle.is_empty() && now.gap.is_none()) {
        now.gap = Some((format!("{place} could not be used, so what it covers is not all known"), Action::Map));
    }
    Ok(())
}

/// The component's quantity on lines of its own.
fn own_quantity(unit: &Unit<'_>) -> Result<Decimal, Overflow> {
    held(unit).map(|(_, _, quantity)| quantity)
}

/// Writes what was taken to the component's side and to the bundle's.
fn note(
    all: &mut [Unit<'_>],
    number: usize,
    parts: &[Part<'_>],
    taken: &Taken,
    input: &Input<'_>,
) -> Result<(), Overflow> {
    for part in parts {
        for &component in &part.units {
            let units = taken.get(&component).copied().unwrap_or_default();
            let of = all[component].in_all(input.metered)?.unwrap_or_default();
            // Cost without units of what the bundle covers is the bundle's, where no other line takes it.
            let costs_only =
                of <= Decimal::ZERO && all[component].active.is_empty() && all[component].covers.is_empty();
            let (share, of) = if costs_only { (Decimal::ONE, Decimal::ONE) } else { (units, of) };
            if share > Decimal::ZERO && of > Decimal::ZERO {
                let absorbed = Absorbed { metered: all[component].metered.clone(), part: share, of };
                if let Some(sold) = &mut all[number].sold {
                    sold.absorbed.push(absorbed);
                }
            }
            let cover = cover_of(&all[number], &all[component], part.component, input);
            all[component].covers.push(Cover { by: number, units, share, of, ..cover });
        }
    }
    Ok(())
}

/// More of a component costs its catalogue price, else as many bundles as it takes.
fn cover_of(bundle: &Unit<'_>, component: &Unit<'_>, of: &Component, input: &Input<'_>) -> Cover {
    let view = bundle.active.first();
    let line = view.or(bundle.inactive.first());
    let currency = line.map(|v| v.terms.currency).unwrap_or_default();
    let own = catalogue_terms(component.product, currency, input.config);
    let sold_at = line.filter(|v| v.terms.model == PricingModel::PerUnit).and_then(|v| v.terms.unit_price);
    let surplus = if own.unit_price.is_some() {
        own
    } else {
        Terms {
            model: PricingModel::Package,
            package_size: Some(of.quantity),
            unit_price: sold_at.or_else(|| bundle.product.and_then(|p| p.unit_price)),
            ..own
        }
    };
    Cover {
        by: 0,
        units: Decimal::ZERO,
        share: Decimal::ZERO,
        of: Decimal::ONE,
        contract_id: view.map(|v| v.contract.id.clone()).unwrap_or_default(),
        contract_line_id: view.map(|v| v.line.id.clone()).unwrap_or_default(),
        surplus,
    }
}
