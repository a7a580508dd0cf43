//! Workbooks to sheets of exact text. No workbook can be read as a stream, so it is held in memory, within
//! stated bounds: a sheet is its filled cells and nothing else, wherever on the grid they stand.

use std::io::Cursor;

use super::limits::Limits;
use super::record::CellKind;
use super::zip;

mod cell;
mod cfb;
mod ods;
mod package;
mod sheet;
#[cfg(test)]
mod tests;
mod xls;
mod xlsx;

pub(in crate::ingest) use cell::float_text;
pub use sheet::Sheet;
pub(super) use sheet::SheetRows;

/// Filled cells of a workbook, all sheets together.
const MOST_CELLS: usize = 5_000_000;
/// Bytes of text of a workbook's cells.
const MOST_TEXT: usize = 256 << 20;

#[derive(Debug, thiserror::Error)]
pub(super) enum WorkbookFault {
    #[error("the workbook is cut off or damaged: {0}")]
    Broken(String),
    #[error("the workbook cannot be read: {0}")]
    Refused(String),
}

impl From<quick_xml::Error> for WorkbookFault {
    fn from(e: quick_xml::Error) -> Self {
        match e {
            quick_xml::Error::Io(e) => WorkbookFault::Broken(e.to_string()),
            e => WorkbookFault::Broken(format!("its XML is not well formed: {e}")),
        }
    }
}

impl From<zip::ZipFault> for WorkbookFault {
    fn from(fault: zip::ZipFault) -> Self {
        match fault {
            zip::ZipFault::Refused(_) => WorkbookFault::Refused(fault.to_string()),
            zip::ZipFault::Broken(_) | zip::ZipFault::Read(_) => WorkbookFault::Broken(fault.to_string()),
        }
    }
}

/// Reads a workbook's sheets.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<Sheet>, WorkbookFault> {
    if !bytes.starts_with(b"PK") {
        return xls::read(bytes);
    }
    let package = package::Package::open(Cursor::new(bytes), limits)?;
    if package.has("[Content_Types].xml") { xlsx::read(&package) } else { ods::read(&package) }
}

/// Counts what is held, over all sheets.
#[derive(Debug, Default)]
struct Held {
    cells: usize,
    text: usize,
}

impl Held {
    fn add(&mut self, text: &str) -> Result<(), WorkbookFault> {
        self.cells += 1;
        self.text += text.len();
        if self.cells > MOST_CELLS {
            return Err(WorkbookFault::Refused(format!(
                "it has more than {MOST_CELLS} filled cells, the most that are held in memory; save the sheet as CSV"
            )));
        }
        if self.text > MOST_TEXT {
            return Err(WorkbookFault::Refused(format!(
                "its cells hold more than {} MiB of text, the most that is held in memory; save the sheet as CSV",
                MOST_TEXT >> 20
            )));
        }
        Ok(())
    }
}
