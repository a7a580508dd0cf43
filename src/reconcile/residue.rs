//! What rounding adds to an invoice or takes from it: each line is rounded by itself, so that the sum of the
//! lines is not the rounded sum, and a PSA that takes whole units only bills a fraction as none or as one.

use std::collections::BTreeMap;

use super::LineItem;
use crate::book::{ClientId, ContractId};
use crate::rate::{Currency, ExactSum, Overflow, Rated};

/// An invoice: what a client is billed under a contract in a currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Invoice {
    pub client_id: ClientId,
    /// Empty for usage without a contract line that was accepted.
    pub contract_id: ContractId,
    pub currency: Currency,
}

/// Amounts as billed less amounts as they would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Residue {
    /// By rounding amounts.
    pub rounding: ExactSum,
    /// By billing whole units: their amount before rounding less that of the units used.
    pub whole_units: ExactSum,
}

impl Residue {
    pub fn total(&self) -> Result<ExactSum, Overflow> {
        let mut sum = self.rounding;
        sum.merge(self.whole_units)?;
        Ok(sum)
    }

    pub(super) fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.rounding.merge(other.rounding)?;
        self.whole_units.merge(other.whole_units)
    }

    /// The residue of a line that bills `rated`. `used` is the same line at the units before they were made
    /// whole, where they were.
    pub(super) fn of(rated: &Rated, used: Option<&Rated>) -> Result<Self, Overflow> {
        let whole_units = match used {
            Some(used) => before_rounding(rated)?.minus(before_rounding(used)?)?,
            None => ExactSum::ZERO,
        };
        Ok(Self { rounding: rounding(rated)?, whole_units })
    }

    /// Of a line that bills an amount less one that was billed before.
    pub(super) fn less(mut self, before: &Rated) -> Result<Self, Overflow> {
        self.rounding = self.rounding.minus(rounding(before)?)?;
        Ok(self)
    }
}

/// What rounding added to the amount and to its shortfall to the minimum.
fn rounding(rated: &Rated) -> Result<ExactSum, Overflow> {
    let mut sum = rated.residue;
    if let Some(minimum) = &rated.derivation.minimum {
        sum.add(minimum.shortfall)?;
        sum.add(rated.amount)?;
        sum = sum.minus(ExactSum::of(minimum.minimum_amount))?;
    }
    Ok(sum)
}

fn before_rounding(rated: &Rated) -> Result<ExactSum, Overflow> {
    let mut billed = ExactSum::of(rated.amount);
    billed.add(rated.minimum_shortfall)?;
    billed.minus(rounding(rated)?)
}

/// Adds to the residue of the invoice that a line stands on.
pub(super) fn add_residue(
    sums: &mut BTreeMap<Invoice, Residue>,
    line: &LineItem,
    residue: Residue,
) -> Result<(), Overflow> {
    let invoice =
        Invoice { client_id: line.client_id.clone(), contract_id: line.contract_id.clone(), currency: line.currency };
    sums.entry(invoice).or_default().merge(residue)
}
