//! Typed rows to rows that count once: small rows in partitions, copies judged, periods assigned.
//! No value is changed here; a row is kept, or dropped with a code that names the copy kept.

mod copies;
mod dedupe;
mod heads;
mod health;
mod lines;
mod partition;
mod period;
mod row;
mod runs;
mod spill;
mod table;
mod trail;

pub use copies::{Met, each_met};
pub use dedupe::{Judgement, Standing, judge};
pub use heads::{Meeting, heads, push_head};
pub use health::{Cluster, Health, Problem, RecordKind, examine, unused_ignores};
pub use lines::{Lines, Marks, Position};
pub use partition::{Batches, Part, Partitions, records};
pub use period::{Belonging, belonging, covers_more_than_a_month, months_covered};
pub use row::{Brief, Draft, Fixed, Kind, Row};
pub use runs::{FateRuns, Merged};
pub use spill::{Extent, Spill, damaged};
pub use trail::{End, Ends, Room, Taken, Trail};
