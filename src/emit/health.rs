//! `health.csv`: what makes each PSA record unclean.

use std::path::Path;

use super::columns::Output;
use super::csv::{Cell, TableWriter};
use super::error::EmitError;
use crate::tidy::Health;

/// Writes `health.csv` into `folder`; problems come in their order.
pub fn write_health(folder: &Path, health: &Health) -> Result<(), EmitError> {
    let mut table = TableWriter::create(&folder.join(Output::Health.file()), &Output::Health.columns())?;
    for problem in &health.problems {
        table.row(&[
            Cell::Text(problem.kind.word()),
            Cell::Text(&problem.id),
            Cell::Text(&problem.name),
            Cell::Text(problem.code.id()),
            problem.cluster.map_or(Cell::Empty, |n| Cell::Integer(n as u64)),
            Cell::Text(&problem.place.path),
            problem.place.line.map_or(Cell::Empty, Cell::Integer),
            Cell::Text(&problem.message),
        ])?;
    }
    table.finish()
}
