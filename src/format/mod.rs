//! What a file is. A format is data: a TOML spec with one vocabulary for built-in and user formats.

mod canonical;
mod table_kind;

pub use canonical::{ChargeCategory, Column, ColumnKind, MeterRule};
pub use table_kind::TableKind;
