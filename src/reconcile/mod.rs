//! Metered × contract → matched lines, line items and discrepancies. Small data, plain rules: the files
//! read in the order a careful biller would work.
//!
//! `unit` pairs a client's lines for a product with its usage, `compare` finds the disagreement and
//! prices it, `decide` takes the admin's answer, `conclude` bills, `lines` writes the line items, `true_up`
//! those for what was billed before, `margin`
//! and `duplicate_line` add their findings, `verdict` sums up.

mod compare;
mod conclude;
mod decide;
mod duplicate_line;
mod ids;
mod lines;
mod margin;
mod outcome;
mod quantity;
mod rating;
mod service;
mod supply;
mod true_up;
mod unit;
mod verdict;

pub use conclude::{Input, Outcome, Placement, reconcile};
pub use outcome::{
    Action, Discrepancy, LineItem, LineKind, LineStatus, OwedBy, QuantityChange, Unmapped, UnmappedWhat, Verdict,
    VerdictRow, VerdictScope,
};
pub use supply::{RejectedUse, Supply};
