//! Records on their way out exactly as they were read, as CSV or as JSON lines. Nothing is neutralised here: what
//! is written must be what stood in the file.

use std::collections::HashSet;
use std::io::{self, Write};

use crate::ingest::is_drawn_cell;

/// What records are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFormat {
    /// RFC 4180, with `\n`.
    Csv,
    /// One object per record, its values text.
    Jsonl,
}

/// Writes records of several files.
pub struct RecordWriter<W> {
    out: W,
    format: RecordFormat,
    /// Whether file and line stand in front.
    lines: bool,
    source: String,
    /// Those of the first file: one CSV has one heading row.
    headings: Option<Vec<String>>,
    /// The keys of the file's objects, as JSON.
    keys: Vec<String>,
}

impl<W: Write> RecordWriter<W> {
    pub fn new(out: W, format: RecordFormat, lines: bool) -> Self {
        Self { out, format, lines, source: String::new(), headings: None, keys: Vec::new() }
    }

    /// Begins a file. `false`: its headings are not those of the CSV, and nothing was written.
    pub fn headings(&mut self, source: &str, headings: &[&str]) -> io::Result<bool> {
        source.clone_into(&mut self.source);
        let places: &[&str] = if self.lines { &["file", "line"] } else { &[] };
        match (self.format, &self.headings) {
            (RecordFormat::Jsonl, _) => {
                let all: Vec<&str> = places.iter().chain(headings).copied().collect();
                self.keys = keys(&all).iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
            }
            (RecordFormat::Csv, Some(first)) => return Ok(first == headings),
            (RecordFormat::Csv, None) => {
                let cells = places.iter().chain(headings).copied();
                write_row(&mut self.out, cells, true)?;
                self.headings = Some(headings.iter().map(ToString::to_string).collect());
            }
        }
        Ok(true)
    }

    /// Writes a record with as many cells as its file has headings.
    pub fn record(&mut self, line: u64, cells: &[&str]) -> io::Result<()> {
        let number = line.to_string();
        match self.format {
            RecordFormat::Csv => {
                let places: &[&str] = if self.lines { &[&self.source, &number] } else { &[] };
                write_row(&mut self.out, places.iter().chain(cells).copied(), false)
            }
            RecordFormat::Jsonl => {
                let mut keys = self.keys.iter();
                let mut mark = b"{";
                if self.lines {
                    for value in [serde_json::to_string(&self.source)?, number] {
                        write_member(&mut self.out, mark, keys.next())?;
                        self.out.write_all(value.as_bytes())?;
                        mark = b",";
                    }
                }
                for cell in cells {
                    write_member(&mut self.out, mark, keys.next())?;
                    serde_json::to_writer(&mut self.out, cell)?;
                    mark = b",";
                }
                self.out.write_all(if mark == b"{" { b"{}\n" } else { b"}\n" })
            }
        }
    }

    /// Writes out what is still held.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write_member(out: &mut impl Write, mark: &[u8], key: Option<&String>) -> io::Result<()> {
    out.write_all(mark)?;
    out.write_all(key.map_or("\"\"", String::as_str).as_bytes())?;
    out.write_all(b":")
}

/// A blank heading is `column_3` after its place; the second `name` is `name_2`, or the next number that is free.
fn keys(headings: &[&str]) -> Vec<String> {
    let mut taken: HashSet<String> =
        headings.iter().filter(|h| !h.trim().is_empty()).map(ToString::to_string).collect();
    let mut seen = HashSet::new();
    let mut keys = Vec::with_capacity(headings.len());
    for (at, heading) in headings.iter().enumerate() {
        let blank = heading.trim().is_empty();
        if !blank && seen.insert(*heading) {
            keys.push((*heading).to_string());
            continue;
        }
        let (stem, mut n) = if blank { ("column", at + 1) } else { (*heading, 2) };
        while !taken.insert(format!("{stem}_{n}")) {
            n += 1;
        }
        keys.push(format!("{stem}_{n}"));
    }
    keys
}

/// `first`: it is the first of the file, by whose beginning readers tell what the file is.
fn write_row<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a str>, first: bool) -> io::Result<()> {
    let mut cells = cells.peekable();
    let mut at = 0;
    while let Some(cell) = cells.next() {
        if at > 0 {
            out.write_all(b",")?;
        }
        let lone = at == 0 && cells.peek().is_none();
        // Spreadsheets leave the cells beside a title bare, so a blank heading is none of them.
        let blank = cell.is_empty() && (lone || first);
        if needs_quotes(cell) || blank || (first && at == 0 && is_telling(cell)) {
            out.write_all(b"\"")?;
            out.write_all(cell.replace('"', "\"\"").as_bytes())?;
            out.write_all(b"\"")?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
        at += 1;
    }
    out.write_all(b"\n")
}

/// More than RFC 4180 asks for, and allowed by it: no other delimiter, outer space, byte order mark or drawn line stands
/// bare, so that no reader can take the text for anything else.
fn needs_quotes(cell: &str) -> bool {
    cell.contains([',', ';', '\t', '|', '"', '\n', '\r'])
        || cell.starts_with([' ', '\u{feff}'])
        || cell.ends_with(' ')
        || is_drawn_cell(cell)
}

/// Anything that might be the mark of another kind of file.
fn is_telling(cell: &str) -> bool {
    cell.starts_with("PAR1") || !cell.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_'))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::finding::{Finding, Severity};
    use crate::format::Registry;
    use crate::ingest::{Limits, RecordSink, read_records};

    fn written(format: RecordFormat, lines: bool, headings: &[&str], rows: &[&[&str]]) -> String {
        let mut out = Vec::new();
        let mut writer = RecordWriter::new(&mut out, format, lines);
        assert!(writer.headings("a.csv", headings).expect("memory"));
        for (i, row) in rows.iter().enumerate() {
            writer.record(i as u64 + 2, row).expect("memory");
        }
        writer.finish().expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn csv_is_quoted_where_another_reader_could_be_misled() {
        let rows: &[&[&str]] = &[&["--", "-"], &["=1", "a;b"], &["\"x\"", " y"], &["", "1\n2"]];
        assert_eq!(
            written(RecordFormat::Csv, true, &["a", "a"], rows),
            "file,line,a,a\na.csv,2,\"--\",-\na.csv,3,=1,\"a;b\"\na.csv,4,\"\"\"x\"\"\",\" y\"\na.csv,5,,\"1\n2\"\n"
        );
        assert_eq!(written(RecordFormat::Csv, false, &["{}"], &[&[""]]), "\"{}\"\n\"\"\n");
    }

    #[test]
    fn json_keys_are_headings_made_unique() {
        let headings = ["name", "", "name", "name_2", "name", " "];
        assert_eq!(keys(&headings), ["name", "column_2", "name_3", "name_2", "name_4", "column_6"]);
        let text = written(RecordFormat::Jsonl, true, &["file", "b"], &[&["1", "\"\u{1}\n"]]);
        assert_eq!(text, "{\"file\":\"a.csv\",\"line\":2,\"file_2\":\"1\",\"b\":\"\\\"\\u0001\\n\"}\n");
        assert_eq!(written(RecordFormat::Jsonl, false, &["b", "a"], &[&["1", ""]]), "{\"b\":\"1\",\"a\":\"\"}\n");
    }

    #[test]
    fn one_csv_has_one_heading_row() {
        let mut out = Vec::new();
        let mut writer = RecordWriter::new(&mut out, RecordFormat::Csv, false);
        assert!(writer.headings("a.csv", &["a"]).expect("memory"));
        assert!(writer.headings("b.csv", &["a"]).expect("memory"));
        assert!(!writer.headings("c.csv", &["b"]).expect("memory"));
        drop(writer);
        assert_eq!(out, b"a\n");
    }

    #[derive(Default)]
    struct Back {
        headings: Vec<String>,
        rows: Vec<Vec<String>>,
        findings: Vec<Finding>,
    }

    impl RecordSink for Back {
        fn headings(&mut self, _: &str, _: u64, headings: &[&str]) -> anyhow::Result<bool> {
            self.headings = headings.iter().map(ToString::to_string).collect();
            Ok(true)
        }
        fn record(&mut self, _: u64, cells: &[&str]) -> anyhow::Result<()> {
            self.rows.push(cells.iter().map(ToString::to_string).collect());
            Ok(())
        }
        fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
            self.findings.push(finding);
            Ok(())
        }
    }

    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

    fn back(bytes: &[u8]) -> Back {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        fs_err::write(&path, bytes).expect("written");
        let mut back = Back::default();
        read_records(&path, "a.csv", &REGISTRY, &Limits::default(), &mut back).expect("read");
        back
    }

    fn text(read: &Back) -> String {
        let headings: Vec<&str> = read.headings.iter().map(String::as_str).collect();
        let rows: Vec<Vec<&str>> = read.rows.iter().map(|r| r.iter().map(String::as_str).collect()).collect();
        written(RecordFormat::Csv, false, &headings, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever a text is taken for, what was read of it is read again from the CSV.
        #[test]
        fn what_is_read_and_written_is_read_again(given in "([ab1]{0,2}|[;,|\t\n\"]{0,2}|[=' \u{feff}é\r{}\\[]){0,40}") {
            let first = back(given.as_bytes());
            prop_assume!(!first.headings.is_empty());
            prop_assume!(!first.rows.iter().flatten().chain(&first.headings).all(|c| c.trim_matches(['\u{feff}', '\n', '\r', ' ', '\t']).is_empty()));
            let again = back(text(&first).as_bytes());
            prop_assert_eq!(&again.headings, &first.headings);
            prop_assert_eq!(&again.rows, &first.rows);
            // Doubts about its headings and delimiter are told again: the CSV has no more to tell by.
            prop_assert!(again.findings.iter().all(|f| f.severity != Severity::Error), "{:?}", again.findings);
        }
    }
}
