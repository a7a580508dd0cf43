//! Bytes to exact typed rows with file and physical line. Knows files and formats, nothing of billing.

mod container;
mod date;
mod extent;
mod json;
mod judge;
mod number;
mod record;
mod records;
mod scan;
mod shape;
mod table;
mod text;
mod usage;

pub use container::Container;
pub use date::{DateFault, DateOrder, OrderEvidence, OrderVerdict, ParsedDate, parse_date};
pub use json::{JsonEvent, JsonRecord, read_json};
pub use number::{DecimalStyle, NumberFault, StyleEvidence, StyleVerdict, parse_number};
pub use records::{Dialect, Event, Record, RecordFault, Records};
pub use shape::Shape;
pub use table::{Table, TableRow};
pub use text::{Encoding, Survey, open_text, survey};
pub use usage::{OtherLine, Reject, Treatment, UsageRow, UsageSink};
