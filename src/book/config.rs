//! `trueup.toml`: every key has a default, and an unknown key is an error with a suggestion.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::psa::{Billing, Proration};
use crate::ingest::Limits;
use crate::rate::{Currency, Rounding};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    pub tolerance: Tolerance,
    pub billing: BillingConfig,
    pub proration: ProrationConfig,
    pub rounding: RoundingConfig,
    /// Bounds on files that unpack or must be held in memory.
    pub input: Limits,
    /// Period → (from, to) → rate: 1 unit of `from` is `rate` units of `to`.
    pub fx: BTreeMap<String, BTreeMap<(Currency, Currency), Decimal>>,
}

/// A discrepancy within every stated bound is `info`. Nothing stated: no tolerance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tolerance {
    pub units: Option<Decimal>,
    /// Of the contract quantity.
    pub percent: Option<Decimal>,
    /// Of the impact, in the line's currency.
    pub amount: Option<Decimal>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BillingConfig {
    /// Lines whose product is mapped from a vendor.
    pub mapped: Billing,
    /// The others.
    pub unmapped: Billing,
}

impl Default for BillingConfig {
    fn default() -> Self {
        Self { mapped: Billing::Metered, unmapped: Billing::Contract }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ProrationConfig {
    pub rule: Proration,
    pub include_effective_day: bool,
    pub include_cancelled_day: bool,
}

impl Default for ProrationConfig {
    fn default() -> Self {
        Self { rule: Proration::None, include_effective_day: true, include_cancelled_day: true }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoundingConfig {
    pub mode: Rounding,
}
