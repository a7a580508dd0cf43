//! Bytes to exact typed rows with file and physical line. Knows files and formats, nothing of billing.

mod bind;
mod changes;
mod container;
mod date;
mod detect;
mod export;
mod extent;
mod json;
mod judge;
mod layout;
#[cfg(test)]
mod layout_tests;
mod number;
mod progress;
mod raw;
mod read_table;
mod record;
mod records;
#[cfg(test)]
mod samples;
mod scan;
mod shape;
mod styles;
mod table;
mod text;
mod typed;
mod usage;

pub use container::Container;
pub use date::{DateFault, DateOrder, OrderEvidence, OrderVerdict, ParsedDate, parse_date};
pub use detect::{Detection, detect};
pub use export::{ReadTotals, read_usage};
pub use json::{JsonEvent, JsonRecord, read_json};
pub use number::{DecimalStyle, NumberFault, StyleEvidence, StyleVerdict, parse_number};
pub use progress::{Progress, Silent};
pub use raw::raw_lines;
pub use read_table::{read_named_table, read_table};
pub use records::{Dialect, Event, Record, RecordFault, Records};
pub use shape::Shape;
pub use table::{Table, TableRow};
pub use text::{Encoding, Survey, open_text, survey};
pub use usage::{Change, ChangeRule, OtherLine, Reject, Treatment, UsageRow, UsageSink};
