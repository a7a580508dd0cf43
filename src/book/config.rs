//! `trueup.toml`: every key has a default, and an unknown key is an error with a suggestion.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::period::Period;
use super::psa::{Billing, Proration, WholeUnits};
use super::psa_tables::PsaDefaults;
use crate::finding::Place;
use crate::ingest::Limits;
use crate::rate::{Currency, Rounding};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    pub tolerance: Tolerance,
    pub billing: BillingConfig,
    pub proration: ProrationConfig,
    pub rounding: RoundingConfig,
    pub psa: PsaConfig,
    /// What words and picklist ids of formats mean in this book.
    pub words: Vec<WordMeaning>,
    /// Bounds on files that unpack or must be held in memory.
    pub input: Limits,
    /// Period → (from, to) → rate: 1 unit of `from` is `rate` units of `to`.
    pub fx: BTreeMap<String, BTreeMap<(Currency, Currency), Decimal>>,
}

impl Config {
    /// What these settings say of the PSA's tables, as of a period's end.
    pub fn psa_defaults(&self, period: Option<Period>) -> PsaDefaults {
        PsaDefaults {
            currency: self.psa.currency,
            whole_units: self.psa.whole_units,
            proration: self.psa.proration,
            proration_rule: Some(self.proration.rule),
            whole: period.is_some(),
            skips_effective_day: !self.proration.include_effective_day,
            skips_cancelled_day: !self.proration.include_cancelled_day,
            as_of: period.map(Period::last_day),
        }
    }
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

/// A PSA whose own shape changes of quantity are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PsaName {
    ConnectWise,
    Autotask,
    HaloPsa,
}

/// What the PSA's tables leave open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PsaConfig {
    /// Quantity changes are also written as this PSA takes them.
    pub changes: Option<PsaName>,
    /// Of products that do not say.
    pub whole_units: WholeUnits,
    /// Of clients and contracts that name none.
    pub currency: Currency,
    /// Of every contract, whatever the PSA says.
    pub proration: Option<Proration>,
}

/// `[words.<format>.<heading>]`: a word in that column and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordMeaning {
    pub format: String,
    pub heading: String,
    pub word: String,
    pub means: String,
    /// In the settings file.
    pub place: Place,
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
