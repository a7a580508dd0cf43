//! Money: exact sums, currencies, rounding, pricing models, proration. Pure functions on decimals;
//! this room knows no files, no clients and no clock.

mod exact;
mod money;

pub use exact::{ExactSum, Overflow};
pub use money::{Currency, Rounding, plain};
