//! Accounts to clients and SKUs to products. Each distinct value is judged once, in this order: a mapping
//! row; an equal external id; an equal normalised name that is unique on both sides. Nothing else joins:
//! likeness only suggests.

mod accounts;
mod products;
mod rows;
mod suggest;
mod target;

pub use crate::book::{company_key, folded, product_key};
pub use accounts::{AccountKey, AccountResolution, AccountResolver};
pub use products::{ProductResolution, ProductResolver, ProductTarget, SkuKey, total_and_part};
pub use suggest::{Suggester, Suggestion};
pub use target::{How, Reason, Resolution};
