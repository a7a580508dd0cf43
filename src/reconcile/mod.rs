//! Metered × contract → matched lines, line items and discrepancies. Small data, plain rules.

mod outcome;

pub use outcome::{
    Action, Discrepancy, LineItem, LineKind, LineStatus, OwedBy, QuantityChange, Unmapped, UnmappedWhat, Verdict,
    VerdictRow, VerdictScope,
};
