//! Bytes to exact typed rows with file and physical line. Knows files and formats, nothing of billing.

mod record;
mod records;
mod scan;
mod table;
mod usage;

pub use records::{Dialect, Event, Record, RecordFault, Records};
pub use table::{Table, TableRow};
pub use usage::{OtherLine, Reject, Treatment, UsageRow, UsageSink};
