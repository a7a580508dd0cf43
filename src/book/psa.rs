//! The PSA's entities, as every PSA format is turned into them: clients, products, contracts, contract
//! lines, price tiers. Each keeps the place it was read from.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::bundles::BundleRow;
use crate::finding::Place;
use crate::rate::{Currency, Terms};
pub use crate::rate::{PricingModel, Proration};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Self {
                Self(super::trimmed(text).to_string())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
            /// Ids compare trimmed and case-folded: the key to look one up by.
            pub fn key(&self) -> String {
                crate::book::id_key(&self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A client's id in the PSA.
    ClientId
    /// A product's code in the PSA's catalogue.
    ProductCode
    ContractId
    ContractLineId
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Client {
    pub id: ClientId,
    pub name: String,
    pub aliases: Vec<String>,
    pub active: bool,
    pub external_ids: Vec<String>,
    pub domain: String,
    pub tax_id: String,
    pub currency: Currency,
    pub parent_client_id: ClientId,
    pub bill_to_client_id: ClientId,
    pub last_activity: Option<NaiveDate>,
    pub place: Place,
}

/// How a fraction of a unit is billed where the PSA takes whole units only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WholeUnits {
    #[default]
    No,
    Up,
    Down,
    Nearest,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Product {
    pub code: ProductCode,
    pub name: String,
    pub unit: String,
    pub unit_price: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub whole_units: WholeUnits,
    pub taxable: String,
    pub tax_code: String,
    pub account_code: String,
    pub active: bool,
    /// Other ids of the product (a PSA's vendor SKU), for suggestions and exact-id joins.
    pub external_ids: Vec<String>,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BillCycle {
    #[default]
    Monthly,
    Quarterly,
    Semiannual,
    Annual,
}

impl BillCycle {
    pub const fn months(self) -> u32 {
        match self {
            BillCycle::Monthly => 1,
            BillCycle::Quarterly => 3,
            BillCycle::Semiannual => 6,
            BillCycle::Annual => 12,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BillTiming {
    #[default]
    Arrears,
    Advance,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contract {
    pub id: ContractId,
    pub client_id: ClientId,
    pub name: String,
    pub active: bool,
    pub start_date: Option<NaiveDate>,
    /// The last day, inclusive.
    pub end_date: Option<NaiveDate>,
    pub bill_cycle: BillCycle,
    pub bill_timing: BillTiming,
    pub currency: Currency,
    /// `None` means the book's default.
    pub proration: Option<Proration>,
    pub po_number: String,
    /// The day bill cycles are counted from; `None`: the start date.
    pub cycle_anchor: Option<NaiveDate>,
    /// The client who is invoiced; empty: as the parent contract says, else the client's own record.
    pub bill_to_client_id: ClientId,
    /// The contract whose invoices include this one's lines.
    pub parent_contract_id: ContractId,
    /// Who is invoiced, where that is not the contract's own client.
    pub invoiced: Option<Invoiced>,
    pub place: Place,
}

/// The client who pays for what another uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoiced {
    pub client_id: ClientId,
    pub client_name: String,
}

impl Contract {
    /// The day its bill cycles are counted from; `None`: those of the calendar year.
    pub fn anchor(&self) -> Option<NaiveDate> {
        self.cycle_anchor.or(self.start_date)
    }
}

/// Which quantity a line bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    Metered,
    Contract,
    Greater,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContractLine {
    pub id: ContractLineId,
    pub contract_id: ContractId,
    pub product_code: ProductCode,
    pub description: String,
    pub quantity: Decimal,
    pub included_quantity: Option<Decimal>,
    pub minimum_quantity: Option<Decimal>,
    pub maximum_quantity: Option<Decimal>,
    pub minimum_amount: Option<Decimal>,
    pub maximum_amount: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub markup_percent: Option<Decimal>,
    pub discount_percent: Option<Decimal>,
    pub pricing_model: PricingModel,
    pub package_size: Option<Decimal>,
    pub flat_at_zero: bool,
    /// The effective day counts.
    pub effective_date: Option<NaiveDate>,
    /// The last active day.
    pub cancelled_date: Option<NaiveDate>,
    pub term: String,
    pub billing: Option<Billing>,
    pub taxable: String,
    pub tax_code: String,
    pub account_code: String,
    /// The PSA does not bill the line: it is compared, and stands on no invoice.
    pub held: bool,
    /// The line stands on the invoice and costs the client nothing.
    pub no_charge: bool,
    /// `None` means the contract's.
    pub proration: Option<Proration>,
    /// Made of units that the PSA keeps by day: its dates are those of a quantity, never of a one-time fee.
    pub by_day: bool,
    pub place: Place,
}

impl ContractLine {
    /// Whether the client pays for the line at all.
    pub fn is_charged(&self) -> bool {
        !self.held && !self.no_charge
    }

    /// The terms that stand on the line itself, whatever its contract and product add to them.
    pub fn own_terms(&self) -> Terms {
        Terms {
            model: self.pricing_model,
            markup_percent: self.markup_percent,
            included_quantity: self.included_quantity,
            minimum_quantity: self.minimum_quantity,
            maximum_quantity: self.maximum_quantity,
            discount_percent: self.discount_percent,
            minimum_amount: self.minimum_amount,
            maximum_amount: self.maximum_amount,
            ..Terms::default()
        }
    }
}

/// Between a contract line's id and the first day of an earlier stretch of it, where its quantity changed
/// within the line: the PSA knows the line by what stands before it.
const STRETCH: char = '@';

impl ContractLineId {
    /// The id of the line's stretch from a day on, where that is not the one of the period's end.
    #[must_use]
    pub fn stretch(&self, from: NaiveDate) -> Self {
        Self(format!("{}{STRETCH}{from}", self.0))
    }

    /// The line's id in the PSA, without the day a stretch of it begins.
    pub fn in_psa(&self) -> &str {
        match self.0.rsplit_once(STRETCH) {
            Some((id, from)) if from.parse::<NaiveDate>().is_ok() => id,
            _ => &self.0,
        }
    }
}

/// A slice of a tiered price.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTier {
    pub contract_line_id: ContractLineId,
    pub product_code: ProductCode,
    /// Inclusive; `None` is the open last tier.
    pub up_to: Option<Decimal>,
    pub unit_price: Option<Decimal>,
    pub flat_amount: Option<Decimal>,
    pub place: Place,
}

/// A contract line that stands in the PSA but could not be used. What it bills is unknown, so nothing may
/// be concluded from its absence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeftOutLine {
    pub id: ContractLineId,
    pub contract_id: ContractId,
    /// Empty where the contract is not known either.
    pub client_id: ClientId,
    pub product_code: ProductCode,
    pub place: Place,
}

/// Everything read from `psa/`, in the order of the files.
#[derive(Debug, Clone, Default)]
pub struct Psa {
    pub clients: Vec<Client>,
    pub products: Vec<Product>,
    pub contracts: Vec<Contract>,
    pub contract_lines: Vec<ContractLine>,
    pub price_tiers: Vec<PriceTier>,
    pub left_out: Vec<LeftOutLine>,
    /// Components of bundles, of a PSA that keeps them itself.
    pub bundles: Vec<BundleRow>,
}
