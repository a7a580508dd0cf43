//! Money: exact sums, currencies, rounding, pricing models, proration. Pure functions on decimals;
//! this room knows no files, no clients and no clock.

mod check;
mod cycle;
mod derivation;
mod exact;
mod model;
mod money;
mod proration;
mod small;
mod terms;
mod vendor;
mod wide;
mod written;

pub use check::{TermsFault, TierFault, check_tiers, is_open};
pub use cycle::{Calendar, Cycle};
pub use derivation::{Bound, Cap, CostBasis, Derivation, Discount, Minimum, Packages, Slice};
pub use exact::{ExactSum, Overflow, add, multiply, subtract};
pub use model::{PricingModel, RateError, Tier};
pub use money::{Currency, Rounding};
pub use proration::{ActiveDays, EdgeDays, Proration, share};
pub use small::Small;
pub use terms::{Rated, Share, Terms, apart, rate};
pub use vendor::{Charge, CostCheck, Part, VendorRounding};
pub use wide::Exact;
pub use written::{as_read, iso_date, money_text, plain, write_date, write_money, write_plain};
