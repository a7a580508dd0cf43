//! CSV as every output has it: UTF-8, `\n`, RFC 4180 quoting, typed cells. A cell's type decides how it is
//! written, so that a number is never mistaken for text nor text run as a formula.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use csv::{Terminator, WriterBuilder};
use fs_err::File;
use rust_decimal::Decimal;

use super::error::EmitError;
use crate::format::neutralise;
use crate::rate::{Currency, ExactSum, as_read, money_text, plain};

/// A value on its way into a cell.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// Made inert where a spreadsheet would run it.
    Text(&'a str),
    /// Already as it must stand.
    Plain(&'a str),
    /// A quantity or a unit price: no trailing zeros.
    Number(Decimal),
    /// A number with the digits it was read with.
    AsRead(Decimal),
    /// Money: exact, with at least the digits of the currency's minor unit.
    Money(Decimal, Currency),
    /// A control sum: no trailing zeros.
    Sum(ExactSum),
    Integer(u64),
    Date(NaiveDate),
    Bool(bool),
    Empty,
}

impl<'a> Cell<'a> {
    pub fn number(value: Option<Decimal>) -> Self {
        value.map_or(Cell::Empty, Cell::Number)
    }

    pub fn money(value: Option<Decimal>, currency: Currency) -> Self {
        value.map_or(Cell::Empty, |v| Cell::Money(v, currency))
    }

    fn text(self) -> Cow<'a, str> {
        match self {
            Cell::Text(text) => neutralise(text),
            Cell::Plain(text) => Cow::Borrowed(text),
            Cell::Number(value) => Cow::Owned(plain(value)),
            Cell::AsRead(value) => Cow::Owned(as_read(value)),
            Cell::Money(value, currency) => Cow::Owned(money_text(value, currency)),
            Cell::Sum(sum) => Cow::Owned(sum_text(sum)),
            Cell::Integer(value) => Cow::Owned(value.to_string()),
            Cell::Date(date) => Cow::Owned(date.to_string()),
            Cell::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Cell::Empty => Cow::Borrowed(""),
        }
    }
}

fn sum_text(sum: ExactSum) -> String {
    if sum.is_zero() {
        return "0".to_string();
    }
    let text = sum.to_string();
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A CSV file being written. What is not `finish`ed may be incomplete.
pub struct TableWriter {
    path: PathBuf,
    writer: csv::Writer<Box<dyn Write>>,
    columns: usize,
}

impl TableWriter {
    /// Creates the file and writes its heading row.
    pub fn create(path: &Path, columns: &[impl AsRef<str>]) -> Result<Self, EmitError> {
        let file = File::create(path).map_err(|e| EmitError::new(path, e))?;
        Self::to(Box::new(file), path, columns)
    }

    /// Writes the heading row to `out`, which errors call `path`.
    pub fn to(out: Box<dyn Write>, path: &Path, columns: &[impl AsRef<str>]) -> Result<Self, EmitError> {
        let mut writer =
            WriterBuilder::new().terminator(Terminator::Any(b'\n')).buffer_capacity(64 * 1024).from_writer(out);
        writer.write_record(columns.iter().map(|c| c.as_ref().as_bytes())).map_err(|e| EmitError::new(path, e))?;
        Ok(Self { path: path.to_path_buf(), writer, columns: columns.len() })
    }

    /// Writes one row.
    ///
    /// # Panics
    /// If the row has not one cell per column.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), EmitError> {
        assert_eq!(cells.len(), self.columns, "a row of {} has one cell per column", self.path.display());
        let fail = |e| EmitError::new(&self.path, e);
        for cell in cells {
            self.writer.write_field(cell.text().as_bytes()).map_err(fail)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(fail)
    }

    /// Writes out what is still held. An error here means the disk did not take it all.
    pub fn finish(mut self) -> Result<(), EmitError> {
        self.writer.flush().map_err(|e| EmitError::new(&self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::emit::restore;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    fn written(columns: &[&str], rows: &[&[Cell<'_>]]) -> String {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.csv");
        let mut table = TableWriter::create(&path, columns).expect("created");
        for row in rows {
            table.row(row).expect("written");
        }
        table.finish().expect("finished");
        fs_err::read_to_string(path).expect("read")
    }

    #[test]
    fn cells_are_written_by_their_type() {
        let usd = Currency::parse("USD").expect("a code");
        let date = NaiveDate::from_ymd_opt(2026, 10, 1).expect("a day");
        let text = written(
            &["a", "b", "c", "d", "e", "f", "g"],
            &[&[
                Cell::Text("-5"),
                Cell::Number(d("-5.500")),
                Cell::Money(d("12.5"), usd),
                Cell::Integer(7),
                Cell::Date(date),
                Cell::Bool(true),
                Cell::Empty,
            ]],
        );
        assert_eq!(text, "a,b,c,d,e,f,g\n'-5,-5.5,12.50,7,2026-10-01,true,\n");
    }

    #[test]
    fn numbers_have_no_exponent_and_no_negative_zero() {
        let usd = Currency::parse("USD").expect("a code");
        let minus_zero = -d("0.00");
        let mut sum = ExactSum::of(d("1.50"));
        sum.add(d("-1.5")).expect("fits");
        let text = written(
            &["a", "b", "c", "d", "e", "f"],
            &[&[
                Cell::Number(minus_zero),
                Cell::Money(minus_zero, usd),
                Cell::Money(d("0.000000000000001"), usd),
                Cell::Number(d("100000000000000000000")),
                Cell::Sum(sum),
                Cell::Sum(ExactSum::of(d("10.10"))),
            ]],
        );
        assert_eq!(text, "a,b,c,d,e,f\n0,0.00,0.000000000000001,100000000000000000000,0,10.1\n");
        assert_eq!(sum_text(ExactSum::of(d("100"))), "100");
        assert_eq!(money_text(d("3.10"), Currency::parse("JPY").expect("a code")), "3.1");
    }

    #[test]
    fn text_is_quoted_only_where_rfc_4180_asks_for_it() {
        let text = written(
            &["a", "b"],
            &[&[Cell::Text("say \"hi\", Bob"), Cell::Text("two\nlines")], &[Cell::Text("a\rb"), Cell::Text("plain")]],
        );
        assert_eq!(text, "a,b\n\"say \"\"hi\"\", Bob\",\"two\nlines\"\n\"a\rb\",plain\n");
    }

    #[test]
    fn a_lone_empty_cell_is_still_a_row() {
        assert_eq!(written(&["a"], &[&[Cell::Empty]]), "a\n\"\"\n");
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_the_file(cells in proptest::collection::vec("[=',\"\n\r\t -]{0,4}|\\PC{0,8}", 3)) {
            let row: Vec<_> = cells.iter().map(|c| Cell::Text(c)).collect();
            let text = written(&["a", "b", "c"], &[&row]);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let records: Vec<_> = reader.records().collect::<Result<_, _>>().expect("RFC 4180");
            prop_assert_eq!(records.len(), 1);
            let back: Vec<_> = records[0].iter().map(restore).collect();
            prop_assert_eq!(back, cells);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_path() {
        let mut table = TableWriter::create(Path::new("/dev/full"), &["a"]).expect("opens");
        table.row(&[Cell::Text("x")]).expect("held in memory");
        let error = table.finish().expect_err("no space");
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }
}
