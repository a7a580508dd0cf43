//! What a table of a format holds, and the canonical column names each kind is turned into.

use super::Column;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    Usage,
    Clients,
    Products,
    Contracts,
    ContractLines,
    /// How many units a contract line holds over a range of days.
    LineUnits,
    /// By how many units a contract line changes on a day.
    LineAdjustments,
    PriceTiers,
    /// Which products a bundle covers, of a PSA that keeps bundles itself.
    BundleComponents,
    /// Rules by which the PSA counts units itself when it bills.
    BillingRules,
}

const CLIENTS: &[&str] = &[
    "client_id",
    "name",
    "aliases",
    "status",
    "external_ids",
    "domain",
    "tax_id",
    "currency",
    "parent_client_id",
    "bill_to_client_id",
    "last_activity",
];
const PRODUCTS: &[&str] = &[
    "product_code",
    "name",
    "unit",
    "unit_price",
    "unit_cost",
    "whole_units",
    "taxable",
    "tax_code",
    "account_code",
    "active",
    "external_ids",
];
const CONTRACTS: &[&str] = &[
    "contract_id",
    "client_id",
    "name",
    "status",
    "start_date",
    "end_date",
    "bill_cycle",
    "bill_timing",
    "currency",
    "proration",
    "po_number",
    "contract_type",
    "cycle_anchor",
    "bill_to_client_id",
    "parent_contract_id",
];
const CONTRACT_LINES: &[&str] = &[
    "contract_line_id",
    "contract_id",
    "product_code",
    "description",
    "quantity",
    "included_quantity",
    "minimum_quantity",
    "maximum_quantity",
    "minimum_amount",
    "maximum_amount",
    "unit_price",
    "unit_cost",
    "markup_percent",
    "discount_percent",
    "pricing_model",
    "package_size",
    "flat_at_zero",
    "effective_date",
    "cancelled_date",
    "term",
    "billing",
    "taxable",
    "tax_code",
    "account_code",
    "held",
    "no_charge",
    "proration",
    "client_name",
    "contract_name",
];
const LINE_UNITS: &[&str] = &["line_unit_id", "contract_line_id", "units", "start_date", "end_date"];
const LINE_ADJUSTMENTS: &[&str] =
    &["line_adjustment_id", "contract_line_id", "effective_date", "unit_change", "unit_price", "unit_cost"];
const PRICE_TIERS: &[&str] = &["contract_line_id", "product_code", "up_to", "unit_price", "flat_amount"];
const BUNDLE_COMPONENTS: &[&str] = &["bundle_code", "component_code", "quantity_per_bundle", "driver"];
const BILLING_RULES: &[&str] = &[
    "contract_line_id",
    "contract_id",
    "product_code",
    "description",
    "minimum_quantity",
    "maximum_quantity",
    "effective_date",
    "cancelled_date",
    "active",
    "daily_price",
];
const DATES: &[&str] = &["start_date", "end_date", "effective_date", "cancelled_date", "cycle_anchor", "last_activity"];
const NUMBERS: &[&str] = &[
    "quantity",
    "units",
    "unit_change",
    "included_quantity",
    "minimum_quantity",
    "maximum_quantity",
    "minimum_amount",
    "maximum_amount",
    "unit_price",
    "unit_cost",
    "markup_percent",
    "discount_percent",
    "package_size",
    "up_to",
    "flat_amount",
    "quantity_per_bundle",
];

impl TableKind {
    pub const ALL: &'static [TableKind] = &[
        TableKind::Usage,
        TableKind::Clients,
        TableKind::Products,
        TableKind::Contracts,
        TableKind::ContractLines,
        TableKind::LineUnits,
        TableKind::LineAdjustments,
        TableKind::PriceTiers,
        TableKind::BundleComponents,
        TableKind::BillingRules,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            TableKind::Usage => "usage",
            TableKind::Clients => "clients",
            TableKind::Products => "products",
            TableKind::Contracts => "contracts",
            TableKind::ContractLines => "contract_lines",
            TableKind::LineUnits => "line_units",
            TableKind::LineAdjustments => "line_adjustments",
            TableKind::PriceTiers => "price_tiers",
            TableKind::BundleComponents => "bundle_components",
            TableKind::BillingRules => "billing_rules",
        }
    }

    /// The canonical column names of the kind, in canonical order.
    pub fn columns(self) -> Vec<&'static str> {
        match self {
            TableKind::Usage => Column::ALL.iter().map(|c| c.name()).collect(),
            TableKind::Clients => CLIENTS.to_vec(),
            TableKind::Products => PRODUCTS.to_vec(),
            TableKind::Contracts => CONTRACTS.to_vec(),
            TableKind::ContractLines => CONTRACT_LINES.to_vec(),
            TableKind::LineUnits => LINE_UNITS.to_vec(),
            TableKind::LineAdjustments => LINE_ADJUSTMENTS.to_vec(),
            TableKind::PriceTiers => PRICE_TIERS.to_vec(),
            TableKind::BundleComponents => BUNDLE_COMPONENTS.to_vec(),
            TableKind::BillingRules => BILLING_RULES.to_vec(),
        }
    }

    /// Whether a column of a PSA table holds dates.
    pub fn is_date(column: &str) -> bool {
        DATES.contains(&column)
    }

    /// Whether a column of a PSA table holds numbers.
    pub fn is_number(column: &str) -> bool {
        NUMBERS.contains(&column)
    }
}
