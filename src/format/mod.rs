//! What a file is. A format is data: a TOML spec with one vocabulary for built-in and user formats.

mod canonical;

pub use canonical::{ChargeCategory, Column, ColumnKind, MeterRule};
