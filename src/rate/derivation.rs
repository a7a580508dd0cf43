//! How an amount came about, step by step: as data for whoever explains a line, and in words for the line
//! itself where no unit price says it all. By these numbers alone the amount can be worked out by hand.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::exact::ExactSum;
use super::model::PricingModel;
use super::money::Currency;
use super::terms::Share;
use super::wide::Exact;
use super::written::plain;

/// The steps from units to an amount, in the order they are taken. A step that changed nothing is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Derivation {
    #[serde(serialize_with = "model_word")]
    pub model: PricingModel,
    /// Units before any step.
    #[serde(serialize_with = "text")]
    pub units: Decimal,
    /// The bound that moved the units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Units taken off as included, at most all of them.
    #[serde(serialize_with = "text", skip_serializing_if = "Decimal::is_zero")]
    pub included: Decimal,
    /// Units priced: `units`, moved by its bound, less `included`.
    #[serde(serialize_with = "text")]
    pub billed: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_basis: Option<CostBasis>,
    /// What the units cost, each slice at its price; empty where nothing is charged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// What the model asks: the slices or packages added up.
    pub price: Exact,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// The days billed of the days the service period has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proration: Option<Share>,
    /// The amount: all of the above, rounded once.
    #[serde(serialize_with = "text")]
    pub amount: Decimal,
    /// What rounding added; exact, but for a share of a period, which is to 12 places.
    #[serde(serialize_with = "sum_text")]
    pub residue: ExactSum,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Minimum>,
}

/// The units of a tier, at its price. `units × unit_price + flat_amount`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slice {
    /// The units above this many …
    #[serde(serialize_with = "text")]
    pub above: Decimal,
    /// … and up to this many.
    #[serde(serialize_with = "text")]
    pub up_to: Decimal,
    #[serde(serialize_with = "text")]
    pub units: Decimal,
    #[serde(serialize_with = "maybe_text", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Decimal>,
    #[serde(serialize_with = "maybe_text", skip_serializing_if = "Option::is_none")]
    pub flat_amount: Option<Decimal>,
    pub amount: Exact,
}

/// The bound on units that moved them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    MinimumQuantity(#[serde(serialize_with = "text")] Decimal),
    MaximumQuantity(#[serde(serialize_with = "text")] Decimal),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostBasis {
    #[serde(serialize_with = "text")]
    pub unit_cost: Decimal,
    #[serde(serialize_with = "text")]
    pub markup_percent: Decimal,
    pub unit_price: Exact,
}

/// Whole packages. `count × price`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Packages {
    #[serde(serialize_with = "text")]
    pub count: Decimal,
    #[serde(serialize_with = "text")]
    pub size: Decimal,
    #[serde(serialize_with = "text")]
    pub price: Decimal,
    pub amount: Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Discount {
    #[serde(serialize_with = "text")]
    pub percent: Decimal,
    /// Taken off the price.
    pub amount: Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cap {
    #[serde(serialize_with = "text")]
    pub maximum_amount: Decimal,
    /// What it cut off.
    pub cut: Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Minimum {
    #[serde(serialize_with = "text")]
    pub minimum_amount: Decimal,
    /// In minor units: a line of its own.
    #[serde(serialize_with = "text")]
    pub shortfall: Decimal,
}

impl Derivation {
    /// What the amount is made of, in words: `1000 at 0.10 = 100.00, 1500 at 0.08 = 120.00; 14 of 31 days`.
    /// Empty where nothing is charged.
    pub fn words(&self, currency: Currency) -> String {
        let mut parts = Vec::new();
        match self.bound {
            Some(Bound::MinimumQuantity(least)) => parts.push(format!("at least {} units", plain(least))),
            Some(Bound::MaximumQuantity(most)) => parts.push(format!("at most {} units", plain(most))),
            None => {}
        }
        if !self.included.is_zero() {
            parts.push(format!("{} included", plain(self.included)));
        }
        if let Some(basis) = &self.cost_basis {
            let cost = money(Exact::of(basis.unit_cost), currency);
            parts.push(format!("cost {cost} and {} %", plain(basis.markup_percent)));
        }
        let slices: Vec<String> = self.slices.iter().map(|s| s.words(self.model, currency)).collect();
        if !slices.is_empty() {
            parts.push(slices.join(", "));
        }
        if let Some(packages) = self.packages.filter(|p| !p.count.is_zero()) {
            parts.push(format!(
                "{} × {} at {} = {}",
                plain(packages.count),
                plain(packages.size),
                money(Exact::of(packages.price), currency),
                money(packages.amount, currency)
            ));
        }
        if parts.is_empty() || self.slices.is_empty() && self.price.is_zero() {
            return String::new();
        }
        if let Some(discount) = &self.discount {
            parts.push(if discount.percent.is_sign_negative() {
                format!("plus {} %", plain(-discount.percent))
            } else {
                format!("less {} %", plain(discount.percent))
            });
        }
        if let Some(cap) = &self.cap {
            parts.push(format!("at most {}", money(Exact::of(cap.maximum_amount), currency)));
        }
        if let Some(share) = &self.proration {
            // No cycle is shorter than a month: a share of fewer parts is one of months.
            let what = if share.of < 28 { "months" } else { "days" };
            parts.push(format!("{} of {} {what}", share.active, share.of));
        }
        parts.join("; ")
    }
}

impl Slice {
    fn words(&self, model: PricingModel, currency: Currency) -> String {
        let flat = self.flat_amount.filter(|f| !f.is_zero());
        let mut out = String::new();
        if let Some(price) = self.unit_price.filter(|p| !self.units.is_zero() && (flat.is_none() || !p.is_zero())) {
            let _ = write!(out, "{} at {}", plain(self.units), money(Exact::of(price), currency));
        }
        match (flat, out.is_empty(), model) {
            (Some(flat), false, _) => {
                let _ = write!(out, " and {}", money(Exact::of(flat), currency));
            }
            (_, true, PricingModel::Flat) => {
                let _ = write!(out, "flat {}", money(self.amount, currency));
                return out;
            }
            (_, true, _) => {
                let _ = write!(out, "{} for {}", money(self.amount, currency), plain(self.units));
                return out;
            }
            (None, false, _) => {}
        }
        let _ = write!(out, " = {}", money(self.amount, currency));
        out
    }
}

/// Every digit that counts, and zeros up to the minor unit.
fn money(value: Exact, currency: Currency) -> String {
    let mut out = value.to_string();
    let digits = currency.minor_digits() as usize;
    let given = out.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if given == 0 && digits > 0 {
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', digits.saturating_sub(given)));
    out
}

// Numbers as text: JSON numbers are binary floats to most readers.

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn model_word<S: Serializer>(model: &PricingModel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(model.word())
}

fn text<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plain(*value))
}

#[allow(clippy::ref_option, reason = "the shape serde asks for")]
fn maybe_text<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(plain).serialize(serializer)
}

fn sum_text<S: Serializer>(value: &ExactSum, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests;
