//! Bytes to exact typed rows with file and physical line. Knows files and formats, nothing of billing.

mod table;
mod usage;

pub use table::{Table, TableRow};
pub use usage::{OtherLine, Reject, Treatment, UsageRow, UsageSink};
