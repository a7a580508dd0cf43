//! Results to files. With `history`, the only room that writes; it decides nothing but how a value is
//! written down, so that equal results are equal bytes.

mod columns;
mod csv;
mod error;
mod findings;
mod focus;
mod health;
mod lineage;
mod page;
mod parquet;
mod skeleton;
mod streams;
mod summary;
mod tables;
mod usage;

pub use crate::format::{neutralise, restore};
pub use columns::{Output, order};
pub use csv::{Cell, TableWriter, money_text};
pub use error::EmitError;
pub use findings::{EXAMPLES_KEPT, Example, FindingGroup, FindingLog};
pub use focus::FOCUS_COLUMNS;
pub use health::write_health;
pub use lineage::{LineageRow, LineageWriter};
pub use page::outputs_page;
pub use skeleton::{BookFile, SKELETON, SkeletonError, write_new_book};
pub use streams::{ChangeRow, ChangesWriter, Duplicate, DuplicatesWriter, Rejected, RejectsWriter};
pub use summary::{
    Counts, Input, LineCounts, Money, Program, Residue, Summary, UnmappedCounts, VerdictWord, summary_text,
    write_summary,
};
pub use tables::{
    write_controls, write_discrepancies, write_invoice_lines, write_quantity_changes, write_unmapped, write_verdicts,
};
pub use usage::{UsageFormat, UsageWriter, usage_columns};
