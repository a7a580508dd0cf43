//! What a file is. A format is data: a TOML spec with one vocabulary for built-in and user formats.

mod canonical;
mod formula;
mod heading;
mod page;
mod registry;
mod schema;
mod spec;
mod spec_file;
mod table_kind;
mod term;
mod troubles;

pub use canonical::{CHARGED_METRICS, ChargeCategory, Column, ColumnKind, MeterRule};
pub use formula::{neutralise, restore};
pub use heading::{closest, means, normalise, reads_as};
pub use page::formats_page;
pub use registry::{Fit, Registry};
pub use schema::spec_schema;
pub use spec::{
    ColumnRule, DateOrderRule, DecimalRule, From, Needed, Parts, PeriodEnd, PeriodSource, Read, Recognise, RowRule,
    Spec, Step, TableSpec, Unless, VersionRule, Word, WordPattern,
};
pub use spec_file::{SpecFault, parse_spec};
pub use table_kind::TableKind;
pub use term::{canonical_term, months_of_term};
