//! What a run concludes: the rows of its outputs, as typed values.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::book::{ClientId, ContractId, ContractLineId, DecisionKind, ProductCode};
use crate::finding::{Code, Place, Severity};
use crate::rate::Currency;
use crate::resolve::Suggestion;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineStatus {
    Ready,
    /// An undecided discrepancy touches it; the quantity shown is the proposed one.
    Review,
    /// It cannot be billed as it stands: its price is unknown, or the PSA says not to.
    Held,
}

impl LineStatus {
    pub const fn word(self) -> &'static str {
        match self {
            LineStatus::Ready => "ready",
            LineStatus::Review => "review",
            LineStatus::Held => "held",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKind {
    Recurring,
    Minimum,
    Proration,
    Adjustment,
    OneTime,
}

impl LineKind {
    pub const fn word(self) -> &'static str {
        match self {
            LineKind::Recurring => "recurring",
            LineKind::Minimum => "minimum",
            LineKind::Proration => "proration",
            LineKind::Adjustment => "adjustment",
            LineKind::OneTime => "one-time",
        }
    }
}

/// A row of `invoice_lines.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct LineItem {
    pub line_id: String,
    pub status: LineStatus,
    pub kind: LineKind,
    pub client_id: ClientId,
    pub client_name: String,
    pub contract_id: ContractId,
    pub contract_name: String,
    pub contract_line_id: ContractLineId,
    pub product_code: ProductCode,
    pub description: String,
    pub service_start: NaiveDate,
    /// The last day of service.
    pub service_end: NaiveDate,
    /// Empty where nothing metered the line.
    pub metered_quantity: Option<Decimal>,
    /// Units billed, after included, minimum and maximum.
    pub quantity: Decimal,
    pub unit: String,
    /// Only where quantity × unit_price is the amount before rounding.
    pub unit_price: Option<Decimal>,
    /// Net, in minor units; `None` where the price is unknown.
    pub amount: Option<Decimal>,
    pub currency: Currency,
    pub taxable: String,
    pub tax_code: String,
    pub account_code: String,
    pub unit_cost: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub margin: Option<Decimal>,
    pub discrepancy_id: String,
}

/// Who owes the impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwedBy {
    /// Revenue to recover.
    Client,
    /// Money to give back.
    Msp,
    /// Money to dispute.
    Vendor,
    /// A margin finding.
    Nobody,
}

impl OwedBy {
    pub const fn word(self) -> &'static str {
        match self {
            OwedBy::Client => "client",
            OwedBy::Msp => "msp",
            OwedBy::Vendor => "vendor",
            OwedBy::Nobody => "",
        }
    }
}

/// What the admin would do next about a discrepancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    RaiseQuantity,
    LowerQuantity,
    AddLine,
    AddBundles,
    CancelLine,
    RenewLine,
    MoveStart,
    RaisePrice,
    UpdateCost,
    MergeLines,
    StateRate,
    SupplyExport,
    Map,
    SetPrice,
    CorrectRow,
    DecideAgain,
    CheckExport,
    KeepCommitted,
    Dispute,
    None,
}

impl Action {
    pub const fn word(self) -> &'static str {
        match self {
            Action::RaiseQuantity => "raise-quantity",
            Action::LowerQuantity => "lower-quantity",
            Action::AddLine => "add-line",
            Action::AddBundles => "add-bundles",
            Action::CancelLine => "cancel-line",
            Action::RenewLine => "renew-line",
            Action::MoveStart => "move-start",
            Action::RaisePrice => "raise-price",
            Action::UpdateCost => "update-cost",
            Action::MergeLines => "merge-lines",
            Action::StateRate => "state-rate",
            Action::SupplyExport => "supply-export",
            Action::Map => "map",
            Action::SetPrice => "set-price",
            Action::CorrectRow => "correct-row",
            Action::DecideAgain => "decide-again",
            Action::CheckExport => "check-export",
            Action::KeepCommitted => "keep-committed",
            Action::Dispute => "dispute",
            Action::None => "",
        }
    }
}

/// A row of `discrepancies.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Discrepancy {
    pub discrepancy_id: String,
    pub code: Code,
    pub severity: Severity,
    pub client_id: ClientId,
    pub client_name: String,
    pub contract_id: ContractId,
    pub contract_line_id: ContractLineId,
    pub product_code: ProductCode,
    pub product_name: String,
    pub provider_name: String,
    pub contract_quantity: Option<Decimal>,
    pub metered_quantity: Option<Decimal>,
    pub difference: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    /// Never negative; `None` where no price is known.
    pub impact: Option<Decimal>,
    pub currency: Currency,
    pub owed_by: OwedBy,
    pub action: Action,
    pub decision: Option<DecisionKind>,
    pub place: Place,
    pub message: String,
}

/// A row of `quantity_changes.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantityChange {
    pub contract_id: ContractId,
    pub contract_line_id: ContractLineId,
    pub client_id: ClientId,
    pub product_code: ProductCode,
    pub old_quantity: Decimal,
    pub new_quantity: Decimal,
    pub effective_date: NaiveDate,
    pub discrepancy_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnmappedWhat {
    Account,
    Product,
}

impl UnmappedWhat {
    pub const fn word(self) -> &'static str {
        match self {
            UnmappedWhat::Account => "account",
            UnmappedWhat::Product => "product",
        }
    }
}

/// A row of `unmapped.csv`. There may be as many as accounts, so that texts stay where they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmapped<'a> {
    pub what: UnmappedWhat,
    pub provider_name: &'a str,
    pub id: &'a str,
    pub name: &'a str,
    pub term: &'a str,
    pub rows: u64,
    pub quantity: Decimal,
    pub cost: Decimal,
    pub currency: Currency,
    /// Whom or what it may mean.
    pub suggested: Option<Box<Suggestion>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Ok,
    Discrepant,
    NotReconcilable,
}

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Discrepant => "discrepant",
            Verdict::NotReconcilable => "not_reconcilable",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictScope {
    Run,
    Provider,
    Client,
}

impl VerdictScope {
    pub const fn word(self) -> &'static str {
        match self {
            VerdictScope::Run => "run",
            VerdictScope::Provider => "provider",
            VerdictScope::Client => "client",
        }
    }
}

/// A row of `verdicts.csv`: a scope and one of its currencies.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictRow {
    pub scope: VerdictScope,
    pub id: String,
    pub name: String,
    pub verdict: Verdict,
    pub compared_lines: u64,
    pub discrepancies: u64,
    pub impact_recover: Decimal,
    pub impact_refund: Decimal,
    pub impact_dispute: Decimal,
    pub currency: Currency,
    pub reason: String,
}
