//! The canonical columns: what every export is turned into (FOCUS in snake_case). Specs, typed rows,
//! outputs and docs read the names from here.

use std::fmt;

macro_rules! columns {
    ($($variant:ident $name:literal $focus:literal $kind:ident;)*) => {
        /// A canonical column of a usage row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column { $($variant,)* }

        impl Column {
            pub const ALL: &'static [Column] = &[$(Column::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Column::$variant => $name,)* }
            }

            /// The FOCUS column it maps to, empty if none.
            pub const fn focus(self) -> &'static str {
                match self { $(Column::$variant => $focus,)* }
            }

            pub const fn kind(self) -> ColumnKind {
                match self { $(Column::$variant => ColumnKind::$kind,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Column::$variant),)* _ => None }
            }
        }
    };
}

/// What the text of a column must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Number,
    Date,
    Currency,
    Category,
}

columns! {
    ProviderName "provider_name" "ProviderName" Text;
    SubAccountId "sub_account_id" "SubAccountId" Text;
    SubAccountName "sub_account_name" "SubAccountName" Text;
    SkuId "sku_id" "SkuId" Text;
    ChargeDescription "charge_description" "ChargeDescription" Text;
    SubscriptionId "subscription_id" "ResourceId" Text;
    LineId "line_id" "" Text;
    Term "term" "" Text;
    BillingFrequency "billing_frequency" "" Text;
    ChargeCategory "charge_category" "ChargeCategory" Category;
    ChargePeriodStart "charge_period_start" "ChargePeriodStart" Date;
    ChargePeriodEnd "charge_period_end" "ChargePeriodEnd" Date;
    Metric "metric" "" Text;
    Quantity "quantity" "ConsumedQuantity" Number;
    Unit "unit" "ConsumedUnit" Text;
    UnitCost "unit_cost" "ContractedUnitPrice" Number;
    Cost "cost" "BilledCost" Number;
    Currency "currency" "BillingCurrency" Currency;
}

/// Metrics that say what the vendor charges for, whatever was bought or used.
pub const CHARGED_METRICS: &[&str] = &["billed", "charged", "invoice", "invoiced"];

/// The FOCUS charge category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ChargeCategory {
    /// Consumption.
    Usage,
    /// A recurring quantity: seats, licences.
    #[default]
    Purchase,
    Tax,
    Credit,
    Adjustment,
}

impl ChargeCategory {
    pub const fn word(self) -> &'static str {
        match self {
            ChargeCategory::Usage => "Usage",
            ChargeCategory::Purchase => "Purchase",
            ChargeCategory::Tax => "Tax",
            ChargeCategory::Credit => "Credit",
            ChargeCategory::Adjustment => "Adjustment",
        }
    }

    /// Any case; `None` if it is none of the five words. Empty is the default, `Purchase`.
    pub fn parse(text: &str) -> Option<Self> {
        use ChargeCategory::{Adjustment, Credit, Purchase, Tax, Usage};
        if text.is_empty() {
            return Some(Purchase);
        }
        [Usage, Purchase, Tax, Credit, Adjustment].into_iter().find(|c| c.word().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for ChargeCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How the rows of a period become one metered quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeterRule {
    #[default]
    Sum,
    Max,
    Last,
    Average,
    Prorated,
}

impl MeterRule {
    /// It looks at the days of a meter's readings, which must be put together first.
    pub const fn looks_at_days(self) -> bool {
        matches!(self, MeterRule::Max | MeterRule::Last | MeterRule::Average)
    }
}
