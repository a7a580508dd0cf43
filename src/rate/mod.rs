//! Money: exact sums, currencies, rounding, pricing models, proration. Pure functions on decimals;
//! this room knows no files, no clients and no clock.

mod cycle;
mod exact;
mod model;
mod money;
mod proration;
mod terms;

pub use cycle::{Calendar, Cycle};
pub use exact::{ExactSum, Overflow, add, multiply, subtract};
pub use model::{PricingModel, RateError, Tier, check_tiers};
pub use money::{Currency, Rounding, as_read, plain};
pub use proration::{ActiveDays, EdgeDays, Proration, share};
pub use terms::{Rated, Share, Terms, apart, rate};
