//! Bytes to exact typed rows with file and physical line. Knows files and formats, nothing of billing.

mod bind;
mod changes;
mod code_page;
mod container;
#[cfg(test)]
mod container_tests;
mod contents;
mod cut;
mod date;
mod detect;
mod draft;
mod envelope;
mod escape;
mod export;
mod extent;
mod glance;
mod guess;
mod hash;
mod held;
mod json;
mod judge;
mod layout;
#[cfg(test)]
mod layout_tests;
mod limits;
#[cfg(test)]
pub(crate) mod made;
mod memo;
mod nested;
mod number;
mod parquet;
mod places;
mod plan;
mod progress;
mod raw;
mod read_table;
mod record;
mod records;
mod rows;
mod same;
#[cfg(test)]
mod samples;
mod scan;
mod seen;
#[cfg(test)]
mod sequence_tests;
mod serial;
mod seven_bit;
mod shape;
mod styles;
mod suspect;
mod table;
mod text;
mod typed;
mod unnamed;
mod usage;
mod verbatim;
mod workbook;
mod zip;

pub use container::Container;
pub use contents::{Content, contents};
pub use date::{DateFault, DateOrder, OrderEvidence, OrderVerdict, ParsedDate, parse_date};
pub use detect::{Detection, detect, detect_all, detect_all_by};
pub use draft::draft_spec;
pub use export::{ReadTotals, read_usage};
pub use hash::{Hashing, LARGE};
pub use json::{JsonEvent, JsonRecord, Page, read_json, whole_sets};
pub use layout::looks_like_total;
pub use limits::Limits;
pub use number::{DecimalStyle, NumberFault, StyleEvidence, StyleVerdict, parse_number};
pub use parquet::is_told_as_damage;
pub use progress::{Progress, Silent};
pub use raw::raw_lines;
pub use read_table::{read_named_table, read_table};
pub use record::CellKind;
pub use records::{Dialect, Escape, Event, Record, RecordFault, Records};
pub use rows::Rows;
pub use same::same;
pub use shape::Shape;
pub use table::{Table, TableRow};
pub use text::{Encoding, Survey, open_text, survey};
pub use usage::{Amounts, Change, ChangeRule, ChargedAt, OtherLine, Reject, Treatment, UsageRow, UsageSink};
pub use verbatim::{RecordSink, read_records};
pub use workbook::Sheet;
pub use zip::Member;
