//! Results to files. With `history`, the only room that writes; it decides nothing but how a value is
//! written down, so that equal results are equal bytes.

mod checked;
mod columnar;
mod columns;
mod csv;
mod error;
mod findings;
mod focus;
mod github;
mod health;
mod junit;
mod lineage;
mod page;
mod parquet;
mod psa_changes;
mod records;
mod sarif;
mod skeleton;
mod streams;
mod summary;
mod tables;
mod usage;

pub use crate::format::{neutralise, restore};
pub use crate::rate::money_text;
pub use checked::{CheckedFile, checked_json};
pub use columns::{Output, order};
pub use csv::{Cell, TableWriter};
pub use error::EmitError;
pub use findings::{EXAMPLES_KEPT, Example, FindingGroup, FindingLog};
pub use focus::FOCUS_COLUMNS;
pub use github::github_text;
pub use health::write_health;
pub use junit::junit_text;
pub use lineage::{Feeds, Lineage, LineageRow};
pub use page::outputs_page;
pub use psa_changes::{PsaChanges, psa_changes, write_psa_changes};
pub use records::{RecordFormat, RecordWriter};
pub use sarif::sarif_text;
pub use skeleton::{BookFile, SKELETON, SkeletonError, write_new_book};
pub use streams::{ChangeRow, ChangesWriter, Duplicate, DuplicatesWriter, Rejected, RejectsWriter};
pub use summary::{
    Counts, Input, LineCounts, Money, Program, Residue, Summary, UnmappedCounts, VendorRow, VerdictWord, summary_text,
    write_summary,
};
pub use tables::{
    write_controls, write_discrepancies, write_invoice_lines, write_quantity_changes, write_unmapped, write_verdicts,
};
pub use usage::{UsageFormat, UsageWriter, usage_columns};
