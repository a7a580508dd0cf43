//! Whether a file ends early. It must be known before the first row is handed on, because a file is read whole
//! or not at all; so files that may be cut off are read to their end once more.

use super::export::each_record;
use super::layout::{Layout, LineSink};
use super::typed::Problem;
use super::{Detection, OtherLine, Record, Shape};
use crate::finding::Code;

/// Where a file ends early, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    pub line: u64,
    pub why: String,
}

impl Cut {
    /// Why each of its rows is rejected.
    pub fn problem() -> Problem {
        let message = "the row's file ends early, so none of its rows is used".to_string();
        Problem { code: Code::I110, column: 0, value: String::new(), message }
    }
}

/// Reads the file to its end, where that can be early: delimited text that ends with a line end ends with a
/// whole row as far as anyone can tell.
pub(super) fn cut_of(detection: &Detection, layout: &Layout, headings: &[String]) -> anyhow::Result<Option<Cut>> {
    match detection.survey.shape {
        Shape::Sheet => Ok(None),
        Shape::Delimited if detection.survey.ends_with_newline => Ok(None),
        Shape::Delimited => {
            let mut last = LastRow::default();
            layout.read(detection.lines(), &mut last)?;
            Ok(last.cut)
        }
        Shape::JsonArray | Shape::JsonEnvelope | Shape::JsonLines | Shape::Parquet => {
            let mut cut = None;
            each_record(detection, headings, &mut |row| {
                // A whole record that is none costs itself alone; else nothing behind a fault is known.
                if let Err(fault) = row
                    && (!fault.goes_on || fault.code == Code::I110)
                {
                    cut = Some(Cut { line: fault.line, why: fault.message });
                }
                Ok(())
            })?;
            Ok(cut)
        }
    }
}

/// What is wrong with the last row, if it is one that something was cut off of.
#[derive(Default)]
struct LastRow {
    cut: Option<Cut>,
}

impl LineSink for LastRow {
    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }
    fn row(&mut self, _: &Record) -> anyhow::Result<()> {
        self.cut = None;
        Ok(())
    }
    fn total(&mut self, _: &Record) -> anyhow::Result<()> {
        self.cut = None;
        Ok(())
    }
    fn broken(&mut self, line: u64, _: &str, _: Option<&Record>, problem: Problem) -> anyhow::Result<()> {
        // A quote that is open where the file ends may have been closed behind it.
        let cut = matches!(problem.code, Code::I109 | Code::I110);
        self.cut = cut.then_some(Cut { line, why: problem.message });
        Ok(())
    }
    fn cut_off(&mut self, line: u64, why: String) -> anyhow::Result<()> {
        self.cut = Some(Cut { line, why });
        Ok(())
    }
}
