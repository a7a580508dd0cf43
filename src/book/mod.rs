//! The book: the directory that holds one MSP's billing. Settings, the PSA's entities, mappings and
//! decisions, and finding the book's files.

use std::borrow::Cow;

mod bundles;
mod cells;
mod config;
mod config_file;
mod config_psa;
mod decisions;
mod discover;
mod ignores;
mod mapping;
mod mapping_tables;
mod names;
mod period;
mod psa;
mod psa_links;
mod psa_prices;
mod psa_rules;
mod psa_tables;
mod psa_units;
mod psa_words;
#[cfg(test)]
mod small_table;

pub use bundles::{BUNDLE_COLUMNS, Bundle, BundleRow, Bundles, Component, load_bundles};
pub use config::{BillingConfig, Config, ProrationConfig, PsaConfig, PsaName, RoundingConfig, Tolerance, WordMeaning};
pub use config_file::{CONFIG_FILE, ConfigError, ConfigProblem};
pub use config_psa::PSA_NAMES;
pub use decisions::{Decision, DecisionKind};
pub use discover::{BookFile, BookFiles, DiscoverError, UsageFile, discover, latest_period, stated_period};
pub use ignores::{IGNORE_COLUMNS, IGNORE_FILE, Ignore, IgnoreKind, load_ignores};
pub use mapping::{AccountMapping, MapStatus, Mappings, ProductMapping};
pub use mapping_tables::{
    ACCOUNT_COLUMNS, DECISION_COLUMNS, PRODUCT_COLUMNS, load_accounts, load_decisions, load_products,
};
pub use names::{company_key, company_key_of, folded, product_key};
pub use period::{BadPeriod, Period};
pub use psa::*;
pub use psa_tables::{PsaDefaults, load_psa, load_psa_with};
#[cfg(test)]
use small_table::small_table;

/// Ids compare trimmed and case-folded.
pub fn id_key(text: &str) -> String {
    shared_id_key(text).into_owned()
}

/// The text without white space around it. Hardly any has some, which its first and last byte tell.
fn trimmed(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_bare = |end: Option<&u8>| end.is_none_or(u8::is_ascii_graphic);
    if is_bare(bytes.first()) && is_bare(bytes.last()) { text } else { text.trim() }
}

/// [`id_key`], the text itself where it is its own key.
pub fn shared_id_key(text: &str) -> Cow<'_, str> {
    let text = trimmed(text);
    // Nearly all ids: told without the tables of Unicode.
    match text.is_ascii() {
        true if text.bytes().any(|b| b.is_ascii_uppercase()) => Cow::Owned(text.to_ascii_lowercase()),
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_ids_key_is_trimmed_and_in_lower_case(id in "[ \t\u{a0}]{0,2}(\\PC{0,8}|[A-Za-z0-9-]{0,8})[ \n\u{3000}]{0,2}") {
            prop_assert_eq!(super::id_key(&id), id.trim().to_lowercase());
        }
    }
}
