//! The book: the directory that holds one MSP's billing. Settings, the PSA's entities, mappings and
//! decisions, and finding the book's files.

mod config;
mod config_file;
mod decisions;
mod discover;
mod mapping;
mod period;
mod psa;

pub use config::{BillingConfig, Config, ProrationConfig, RoundingConfig, Tolerance};
pub use config_file::{CONFIG_FILE, ConfigError, ConfigProblem};
pub use decisions::{Decision, DecisionKind};
pub use discover::{BookFile, BookFiles, DiscoverError, UsageFile, discover, latest_period};
pub use mapping::{AccountMapping, MapStatus, Mappings, ProductMapping};
pub use period::{BadPeriod, Period};
pub use psa::*;

/// Ids compare trimmed and case-folded.
pub fn id_key(text: &str) -> String {
    text.trim().to_lowercase()
}
