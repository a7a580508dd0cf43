//! Bytes to exact typed rows with file and physical line. Knows files and formats, nothing of billing.

mod progress;
mod table;
mod usage;

pub use progress::{Progress, Silent};
pub use table::{Table, TableRow};
pub use usage::{OtherLine, Reject, Treatment, UsageRow, UsageSink};
