//! The words of PSA tables and what they mean, in lower case with `_` for spaces. Of words that mean the same, the first
//! is the one to write.

use super::psa::{BillCycle, BillTiming, Billing, Proration, WholeUnits};

/// What a PSA says of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContractStatus {
    Active,
    /// Over: until when, its end date says; without one it is not in force at all.
    Ended,
    /// Not in force, whatever its dates are.
    Inactive,
}

pub(super) const CONTRACT_STATUS: &[(&str, ContractStatus)] = &[
    ("active", ContractStatus::Active),
    ("true", ContractStatus::Active),
    ("yes", ContractStatus::Active),
    ("1", ContractStatus::Active),
    ("cancelled", ContractStatus::Ended),
    ("canceled", ContractStatus::Ended),
    ("expired", ContractStatus::Ended),
    ("ended", ContractStatus::Ended),
    ("terminated", ContractStatus::Ended),
    ("inactive", ContractStatus::Inactive),
    ("suspended", ContractStatus::Inactive),
    ("closed", ContractStatus::Inactive),
    ("deleted", ContractStatus::Inactive),
    ("false", ContractStatus::Inactive),
    ("no", ContractStatus::Inactive),
    ("0", ContractStatus::Inactive),
];
/// Only a recurring contract has lines that bill month by month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContractKind {
    Recurring,
    /// It bills in another way: what it covers is not known here.
    Other,
    /// An invoice by itself, which bills nothing again and covers nothing.
    Settled,
}

pub(super) const CONTRACT_TYPE: &[(&str, ContractKind)] =
    &[("recurring", ContractKind::Recurring), ("other", ContractKind::Other), ("settled", ContractKind::Settled)];
pub(super) const STATUS: &[(&str, bool)] = &[
    ("active", true),
    ("inactive", false),
    ("cancelled", false),
    ("canceled", false),
    ("expired", false),
    ("ended", false),
    ("terminated", false),
    ("suspended", false),
    ("closed", false),
    ("deleted", false),
    ("true", true),
    ("false", false),
    ("yes", true),
    ("no", false),
    ("1", true),
    ("0", false),
];
pub(super) const WHOLE_UNITS: &[(&str, WholeUnits)] = &[
    ("no", WholeUnits::No),
    ("up", WholeUnits::Up),
    ("down", WholeUnits::Down),
    ("nearest", WholeUnits::Nearest),
    ("false", WholeUnits::No),
];
pub(super) const BILL_CYCLE: &[(&str, BillCycle)] = &[
    ("monthly", BillCycle::Monthly),
    ("quarterly", BillCycle::Quarterly),
    ("semiannual", BillCycle::Semiannual),
    ("annual", BillCycle::Annual),
    ("semi_annual", BillCycle::Semiannual),
    ("semiannually", BillCycle::Semiannual),
    ("annually", BillCycle::Annual),
    ("yearly", BillCycle::Annual),
];
pub(super) const BILL_TIMING: &[(&str, BillTiming)] =
    &[("arrears", BillTiming::Arrears), ("advance", BillTiming::Advance)];
pub(super) const PRORATION: &[(&str, Option<Proration>)] = &[
    ("none", Some(Proration::None)),
    ("actual_days", Some(Proration::ActualDays)),
    ("thirty_days", Some(Proration::ThirtyDays)),
];
pub(super) const BILLING: &[(&str, Option<Billing>)] =
    &[("metered", Some(Billing::Metered)), ("contract", Some(Billing::Contract)), ("greater", Some(Billing::Greater))];
