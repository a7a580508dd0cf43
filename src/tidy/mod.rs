//! Typed rows to rows that count once: fixed-size rows in partitions, copies judged, periods assigned.
//! No value is changed here; a row is kept, or dropped with a code that names the copy kept.

mod dedupe;
mod health;
mod partition;
mod period;
mod row;
mod runs;

pub use dedupe::{Judgement, judge};
pub use health::{Cluster, Health, Problem, RecordKind, examine, unused_ignores};
pub use partition::{PARTITIONS, Partitions};
pub use period::{Belonging, belonging, covers_more_than_a_month, months_covered};
pub use row::Row;
pub use runs::{FateRuns, Merged};
