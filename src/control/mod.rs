//! Proof that no row was lost: every usage row ends in exactly one bucket, and per file and currency the
//! buckets add up to what was read. This room knows no files and no billing.

mod bucket;
mod fate;
mod ledger;
mod row;

pub use bucket::Bucket;
pub use fate::{FATE_BYTES, Fate, RowFate};
pub use ledger::{Account, Imbalance, Ledger, Tally};
pub use row::{BUCKETS, ControlRow};
