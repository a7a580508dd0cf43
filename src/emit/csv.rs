//! CSV as every output has it: UTF-8, `\n`, RFC 4180 quoting, typed cells. A cell's type decides how it is
//! written, so that a number is never mistaken for text nor text run as a formula.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use fs_err::File;
use rust_decimal::Decimal;

use super::error::EmitError;
use crate::format::neutralise;
use crate::rate::{Currency, ExactSum, as_read, write_date, write_money, write_plain};

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

impl Cell<'_> {
    pub fn number(value: Option<Decimal>) -> Self {
        value.map_or(Cell::Empty, Cell::Number)
    }

    pub fn money(value: Option<Decimal>, currency: Currency) -> Self {
        value.map_or(Cell::Empty, |v| Cell::Money(v, currency))
    }

    /// Writes the value behind what stands in `out`, as a field of a record.
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Cell::Text(text) => field(&neutralise(text), out),
            Cell::Plain(text) => field(text, out),
            Cell::Number(value) => write_plain(value, out),
            Cell::AsRead(value) => out.extend_from_slice(as_read(value).as_bytes()),
            Cell::Money(value, currency) => write_money(value, currency, out),
            Cell::Sum(sum) => out.extend_from_slice(sum_text(sum).as_bytes()),
            Cell::Integer(value) => write_plain(value.into(), out),
            Cell::Date(date) => write_date(date, out),
            Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Cell::Empty => {}
        }
    }
}

/// RFC 4180: a text is quoted where it has a delimiter, a quote or a line end.
fn field(text: &str, out: &mut Vec<u8>) {
    // All bytes are looked at, many at a time: to stop at the first takes longer for what is this short.
    let is_special = |b: u8| u8::from(b == b',') | u8::from(b == b'"') | u8::from(b == b'\n') | u8::from(b == b'\r');
    if text.bytes().fold(0, |any, b| any | is_special(b)) == 0 {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'"');
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

/// So much is written in one go.
const HELD: usize = 64 << 10;

/// A CSV file being written. What is not `finish`ed may be incomplete.
pub struct TableWriter {
    path: PathBuf,
    out: Box<dyn Write>,
    /// Records that are not written yet.
    held: Vec<u8>,
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
        let held = Vec::with_capacity(HELD + (HELD >> 3));
        let mut table = Self { path: path.to_path_buf(), out, held, columns: columns.len() };
        let headings: Vec<Cell<'_>> = columns.iter().map(|c| Cell::Plain(c.as_ref())).collect();
        table.row(&headings)?;
        Ok(table)
    }

    /// Writes one row.
    ///
    /// # Panics
    /// If the row has not one cell per column.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), EmitError> {
        assert_eq!(cells.len(), self.columns, "a row of {} has one cell per column", self.path.display());
        let start = self.held.len();
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.held.push(b',');
            }
            cell.write(&mut self.held);
        }
        if self.held.len() == start {
            // Else the row would be a blank line.
            self.held.extend_from_slice(b"\"\"");
        }
        self.held.push(b'\n');
        if self.held.len() < HELD { Ok(()) } else { self.write_out() }
    }

    fn write_out(&mut self) -> Result<(), EmitError> {
        let written = self.out.write_all(&self.held);
        self.held.clear();
        written.map_err(|e| EmitError::new(&self.path, e))
    }

    /// Writes out what is still held. An error here means the disk did not take it all.
    pub fn finish(mut self) -> Result<(), EmitError> {
        self.write_out()?;
        self.out.flush().map_err(|e| EmitError::new(&self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::emit::restore;
    use crate::rate::money_text;

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

        #[test]
        fn records_are_those_that_the_csv_crate_writes(cells in proptest::collection::vec("[a,\"\n\r ]{0,4}|\\PC{0,8}", 1..4)) {
            let columns: Vec<&str> = cells.iter().map(|_| "x").collect();
            let row: Vec<_> = cells.iter().map(|c| Cell::Plain(c)).collect();
            let mut expected = csv::Writer::from_writer(Vec::new());
            expected.write_record(&columns).expect("in memory");
            expected.write_record(&cells).expect("in memory");
            let expected = String::from_utf8(expected.into_inner().expect("in memory")).expect("text");
            prop_assert_eq!(written(&columns, &[&row]), expected);
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
