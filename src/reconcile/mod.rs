//! Metered × contract → matched lines, line items and discrepancies. Small data, plain rules: the files
//! read in the order a careful biller would work.
//!
//! `clients` takes one client after another: `unit` pairs its lines for a product with its usage, `bundle` takes off
//! what bundles cover, `counts` settles which count is metered, `compare` finds the disagreement and prices it,
//! `decide` takes the admin's answer, `conclude` bills, `lines` writes the line items, `true_up` those for what was
//! billed before, `margin` and `duplicate_line` add their findings, `verdict` sums up.

mod bundle;
mod clients;
mod compare;
mod conclude;
mod counts;
mod decide;
mod disappeared;
mod dispute;
mod duplicate_line;
mod ids;
mod lines;
mod margin;
mod outcome;
mod quantity;
mod rating;
mod residue;
mod service;
mod supply;
mod true_up;
mod unit;
mod verdict;

pub use clients::{Part, Reconciliation, reconcile};
pub use conclude::{Input, Outcome, Placement};
pub use counts::overlaps;
pub use disappeared::UsedBefore;
pub use outcome::{
    Action, Discrepancy, LineItem, LineKind, LineStatus, OwedBy, QuantityChange, Unmapped, UnmappedWhat, Verdict,
    VerdictRow, VerdictScope,
};
pub use residue::{Invoice, Residue};
pub use supply::{RejectedUse, Supply, spoken};
