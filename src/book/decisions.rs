//! The admin's recorded answers to discrepancies, `decisions.csv`.

use rust_decimal::Decimal;

use super::Period;
use crate::finding::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionKind {
    /// Bill the metered quantity.
    Accept,
    /// Bill the contract quantity.
    Keep,
    /// Bill the stated quantity.
    Set,
    /// Bill the contract quantity and say nothing more.
    Dismiss,
}

impl DecisionKind {
    pub const fn word(self) -> &'static str {
        match self {
            DecisionKind::Accept => "accept",
            DecisionKind::Keep => "keep",
            DecisionKind::Set => "set",
            DecisionKind::Dismiss => "dismiss",
        }
    }
}

/// A row of `decisions.csv`. It holds from `from` until before `until`, judged by the period.
#[derive(Debug, Clone)]
pub struct Decision {
    pub discrepancy_id: String,
    pub kind: DecisionKind,
    /// Of `set`.
    pub quantity: Option<Decimal>,
    pub from: Option<Period>,
    pub until: Option<Period>,
    /// The difference the decision was made on; a larger one re-opens the discrepancy.
    pub difference: Option<Decimal>,
    pub who: String,
    pub reason: String,
    pub place: Place,
}
