use std::sync::LazyLock;

use super::super::made::{rows, simple_xlsx, xlsx, zip};
use super::*;

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

/// What was read, as lines of text.
#[derive(Default)]
struct Told(Vec<String>);

impl RecordSink for Told {
    fn headings(&mut self, source: &str, line: u64, headings: &[&str]) -> anyhow::Result<bool> {
        self.0.push(format!("{source}:{line} = {headings:?}"));
        Ok(true)
    }
    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()> {
        self.0.push(format!("{line} {cells:?}"));
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.0.push(finding.to_string());
        Ok(())
    }
}

fn read(bytes: impl AsRef<[u8]>) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.csv");
    fs_err::write(&path, bytes).expect("written");
    let mut told = Told::default();
    read_records(&path, "a.csv", &REGISTRY, &Limits::default(), &mut told).expect("read");
    told.0
}

#[test]
fn cells_are_handed_on_as_they_stand() {
    assert_eq!(
        read(" a ;b\n 1 ; \"x\" \n\n;\n=1+1;\"two\nlines\"\nTotal;3\n"),
        [
            "a.csv:1 = [\" a \", \"b\"]",
            "2 [\" 1 \", \"x\"]",
            "4 [\"\", \"\"]",
            "5 [\"=1+1\", \"two\\nlines\"]",
            "7 [\"Total\", \"3\"]",
        ]
    );
}

#[test]
fn what_is_no_record_is_told() {
    assert_eq!(
        read("Report\na,b\n1,2\n1,2\n1,2\n1,2,\n3\n4,5,6\n\"7,8\n9,10\n11").split_off(5),
        [
            "6 [\"1\", \"2\"]",
            "a.csv:6:3: info[I104 wrong-field-count]: the row goes on behind the last heading with empty fields, which \
             were left out",
            "a.csv:7:1: error[I104 wrong-field-count]: the row has 1 fields where the headings have 2, and was left \
             out: \"3\"",
            "a.csv:8:3: error[I104 wrong-field-count]: the row has 3 fields where the headings have 2, and was left \
             out: \"6\"",
            "a.csv:9:1: error[I109 unbalanced-quote]: the quote opened here is never closed: \"\\\"7,8\"",
            "10 [\"9\", \"10\"]",
            "a.csv:11:1: error[I110 truncated-file]: the file ends in the middle of a row, after 1 of 2 fields: \"11\"",
        ]
    );
    assert_eq!(
        read("Report\na,b\n1,2\n"),
        [
            "a.csv:1: info[I104 wrong-field-count]: the line stands above the headings and is no record: \"Report\"",
            "a.csv:2 = [\"a\", \"b\"]",
            "3 [\"1\", \"2\"]",
        ]
    );
}

#[test]
fn json_records_are_rows_under_all_their_keys() {
    assert_eq!(
        read("{\"a\":1.50,\"n\":{\"x\":null}}\n{\"b\":[1,2],\"a\":\"u\",\"a\":\"u\"}\n{broken\n{}\n"),
        [
            "a.csv:0 = [\"a\", \"n/x\", \"b\", \"a\"]",
            "1 [\"1.50\", \"\", \"\", \"\"]",
            "2 [\"u\", \"\", \"[1,2]\", \"u\"]",
            "a.csv:3:2: error[I104 wrong-field-count]: the JSON is not well formed: key must be a string (physical \
             line 3): \"{broken\"",
            "4 [\"\", \"\", \"\", \"\"]",
        ]
    );
    assert_eq!(
        read("[{\"a\":1},{\"a\":2,\"a\":3},{\"a\":4}]"),
        [
            "a.csv:0 = [\"a\"]",
            "1 [\"1\"]",
            "a.csv:2:17: error[I111 missing-value]: the record has \"a\" twice, as 2 and as 3, so which is meant is not \
             known (physical line 1): \"3\"",
            "3 [\"4\"]",
        ]
    );
    let cut = read("[{\"a\":1},{\"a\":");
    assert_eq!(cut.len(), 1, "a broken list is refused whole: {cut:?}");
    assert!(cut[0].contains("I110") && cut[0].ends_with("nothing of it was read: \"{\\\"a\\\":\""), "{cut:?}");
}

#[test]
fn a_first_row_of_values_is_a_record() {
    assert_eq!(
        read("1,2\n3,4\n"),
        [
            "a.csv:1: warning[I103 missing-column]: the first row holds values and no headings: it was read as a record, \
             and the columns were numbered; put a row of headings above it if they have names",
            "a.csv:0 = [\"column_1\", \"column_2\"]",
            "1 [\"1\", \"2\"]",
            "2 [\"3\", \"4\"]",
        ]
    );
    let sheet = read(simple_xlsx(&[("S", "1,2\n3,4\n")]));
    assert_eq!(sheet[1..], ["a.csv#S:0 = [\"column_1\", \"column_2\"]", "1 [\"1\", \"2\"]", "2 [\"3\", \"4\"]"]);
}

#[test]
fn json_of_nothing_but_faults_says_so() {
    for text in ["{\"a\":1}}\n", "{\"clients\":[{\"a\":1}]}}", "{\"a\":1}]\n{\"a\":tru}\n"] {
        let said = read(text);
        assert!(!said.is_empty() && said.iter().all(|s| s.contains("error[I104")), "{text}: {said:?}");
    }
}

#[test]
fn a_line_drawn_below_the_headings_is_no_record() {
    for (text, kept) in [
        ("id,name\n--,----\n1,x\n2,y\n", 2),
        ("|id|name|\n|:--|--:|\n|1|x|\n|2|y|\n", 2),
        ("id|name\n==|==\n1|x\n2|y\n", 2),
        ("id,name\n-,-\n1,x\n2,y\n", 3),
        ("id,name\n1,x\n--,----\n2,y\n", 3),
        ("id,name\n--,\n,\n2,y\n", 2),
        ("id,name\n\"--\",----\n2,y\n", 2),
    ] {
        let said = read(text);
        assert_eq!(said.iter().filter(|s| s.starts_with(|c: char| c.is_ascii_digit())).count(), kept, "{said:?}");
        let told =
            said.iter().any(|s| s.contains("info[I104 wrong-field-count]: the line is drawn below the headings"));
        assert_eq!(told, text.lines().count() == kept + 2, "{said:?}");
    }
}

#[test]
fn a_row_above_the_headings_that_is_no_title_is_a_warning() {
    let said = read("a,b\n1,x\n\nc,d,e\n5,6,7\n8,9,10\n");
    let above = |s: &&String| s.contains("stands above the headings");
    assert!(
        said.iter().filter(above).all(|s| s.contains("warning[I104")) && said.iter().filter(above).count() == 2,
        "{said:?}"
    );
    assert!(read("Report\nc,d,e\n5,6,7\n8,9,10\n")[0].contains("info[I104"));
}

#[test]
fn a_note_below_a_sheets_rows_is_doubted() {
    let told = |lines: &str| {
        let said = read(simple_xlsx(&[("S", lines)]));
        said.into_iter().filter(|s| s.contains("warning[I104")).collect::<Vec<_>>()
    };
    let said = told("a,b\n1,x\n2,y\n\nNote: end\nand more\n");
    assert!(said.len() == 1 && said[0].starts_with("a.csv#S:5: ") && said[0].ends_with("\"Note: end\""), "{said:?}");
    for fine in ["a,b\n1,x\n2\n", "a,b\n1,x\n\n2\n3,y\n", "a\nx\n\ny\n"] {
        assert!(told(fine).is_empty(), "{fine}");
    }
}

#[test]
fn headings_with_a_delimiter_that_no_row_has_are_suspected() {
    let said = read("a\tb\tc\n1   2   3\n4   5   6\n");
    assert!(
        said[0].contains("warning[I104") && said[0].contains("read as one column") && said[0].contains("'\\t'"),
        "{said:?}"
    );
    assert!(read("\"a,b\"\n1\n2\n").iter().all(|s| !s.contains("warning")), "a quoted heading is one");
}

#[test]
fn a_lone_object_of_records_by_name_is_told() {
    for (object, names) in [
        (r#"{"0":{"a":1,"b":2},"1":{"a":3,"b":4}}"#, Some("0, 1")),
        (r#"{"a":{"0":1,"1":3},"b":{"0":2,"1":4}}"#, Some("a, b")),
        (r#"{"x":{"qty":1},"y":{"qty":2},"z":{"qty":3}}"#, Some("x, y, z")),
        (r#"{"data":{"clients":{"0":{"a":1},"1":{"a":3}}}}"#, Some("0, 1")),
        (r#"{"bill":{"city":"x"},"ship":{"city":"y"}}"#, None),
        (r#"{"id":1,"a":{"x":1},"b":{"x":1},"c":{"x":1}}"#, None),
        (r#"{"0":{"a":1}}"#, None),
    ] {
        let said = read(object);
        let told = said.iter().find(|s| s.contains("warning[I104"));
        assert_eq!(
            told.map(|s| s.ends_with(&format!("{:?}", names.unwrap_or_default()))),
            names.map(|_| true),
            "{said:?}"
        );
    }
}

#[test]
fn a_hidden_sheet_is_read_behind_those_that_are_shown() {
    let (data, junk) = (rows("a,b\n1,2\n"), rows("lonely\n"));
    let book = xlsx(&[("Old", "hidden", &data), ("Junk", "hidden", &junk), ("Oct", "visible", &data)], &[], false);
    let said = read(book);
    assert_eq!(
        said[..4],
        ["a.csv#Oct:1 = [\"a\", \"b\"]", "2 [\"1\", \"2\"]", "a.csv#Old:1 = [\"a\", \"b\"]", "2 [\"1\", \"2\"]"]
    );
    assert!(said[4].starts_with("a.csv#Old: warning[I116 format-drift]: the sheet is hidden and was read"), "{said:?}");
    assert!(said[5].starts_with("a.csv#Junk") && said.iter().all(|s| !s.contains("error[")), "{said:?}");
}

#[test]
fn a_cell_far_out_heads_no_table() {
    let far = format!("k,v\na,1\n{}far\n", ",".repeat(40));
    let said = read(simple_xlsx(&[("S", &far)]));
    assert_eq!(said[..2], ["a.csv#S:1 = [\"k\", \"v\"]", "2 [\"a\", \"1\"]"]);
    assert!(said[2].contains("a.csv#S:3:3: error[I104"), "{said:?}");
}

#[test]
fn json_that_is_no_list_of_records_is_refused_or_told() {
    for other in ["[[\"a\"],[1]]", "[\"a\",\"b\"]\n[1,2]\n", "[1,2,3]"] {
        let said = read(other);
        assert!(said.len() == 1 && said[0].starts_with("a.csv:1: error[I104"), "{other}: {said:?}");
    }
    for (hidden, line) in [("// made today\n{\"a\":1}\n", 2), (")]}',\n[{\"a\":1}]", 2)] {
        let said = read(hidden);
        assert!(said.len() == 1 && said[0].starts_with(&format!("a.csv:{line}: error[I104")), "{hidden}: {said:?}");
    }
    for (object, list) in [
        ("{\"client\":\"x\",\"result\":[{\"a\":1}]}", "result"),
        ("{\"clients\":[{\"a\":1}]}\n{\"clients\":[{\"a\":2}]}", "clients"),
        ("{\"a\":[1,2],\"b\":[3,4]}", "a"),
        ("{\"value\":[{\"a\":1}]}\n{\"value\":[]}", "value"),
    ] {
        let said = read(object);
        assert!(said[0].contains("warning[I104") && said[0].ends_with(&format!("{list:?}")), "{object}: {said:?}");
    }
    for (empty, records) in [("{}", 1), ("[{},{}]", 2)] {
        let said = read(empty);
        let told = format!("a.csv: warning[I114 empty-file]: the file has {records} records, and no values in them");
        assert_eq!(said, [told], "{empty}");
    }
    let invoices = read("{\"id\":1,\"tags\":[{\"a\":1}]}\n{\"id\":2,\"tags\":[]}\n");
    assert!(invoices[0].starts_with("a.csv:0 = "), "a list of each record's own: {invoices:?}");
}

#[test]
fn an_empty_table_and_another_encoding_are_told() {
    assert_eq!(
        read("a,b\n"),
        ["a.csv:1 = [\"a\", \"b\"]", "a.csv: warning[I114 empty-file]: the file has headings and no records"]
    );
    assert_eq!(read("[]"), ["a.csv: warning[I114 empty-file]: the file has headings and no records"]);
    assert_eq!(
        read(b"n\nM\xFCller\n"),
        [
            "a.csv: info[I108 not-utf8]: the file is not UTF-8 and was read as Windows-1252",
            "a.csv:1 = [\"n\"]",
            "2 [\"Müller\"]",
        ]
    );
    assert!(read("%PDF-1.7\n").join("").contains("I101"));
}

#[test]
fn each_sheet_and_each_member_is_a_list_of_its_own() {
    let book = simple_xlsx(&[
        ("Seats", "Report,May\n\nname,seats,note\nAcme,1.5\nBolt,,a\nCrux,2\n"),
        ("Notes", "only\ntext\n"),
    ]);
    let of_sheet = [
        "a.csv#Seats:1: info[I104 wrong-field-count]: the line stands above the headings and is no record: \
         \"Report,May\"",
        "a.csv#Seats:3 = [\"name\", \"seats\", \"note\"]",
        "4 [\"Acme\", \"1.5\", \"\"]",
        "5 [\"Bolt\", \"\", \"a\"]",
        "6 [\"Crux\", \"2\", \"\"]",
        "a.csv#Notes:1 = [\"only\"]",
        "2 [\"text\"]",
    ];
    assert_eq!(read(&book), of_sheet);
    let packed = zip(&[("in/a.csv", b"a;b\n 1;2\n"), ("b.json", b"[{\"k\":1}]"), ("c.xlsx", &book), ("d.csv", b"")]);
    let said = read(packed);
    let first = ["a.csv#in/a.csv:1 = [\"a\", \"b\"]", "2 [\" 1\", \"2\"]", "a.csv#b.json:0 = [\"k\"]", "1 [\"1\"]"];
    assert_eq!(said[..4], first);
    assert_eq!(said[5], "a.csv#c.xlsx#Seats:3 = [\"name\", \"seats\", \"note\"]");
    assert!(said[11..].concat().starts_with("a.csv#d.csv: ") && said[11..].concat().contains("I114"), "{said:?}");
}

#[test]
fn parquet_columns_are_headings_and_what_is_chosen_is_told() {
    use polars::prelude::{IntoColumn, NamedFrom, ParquetWriter, Series};
    let columns = [Series::new("name".into(), ["Acme", "a,b"]), Series::new("rate".into(), [0.1, 2.0])];
    let mut frame = polars::prelude::DataFrame::new(2, columns.map(IntoColumn::into_column).to_vec()).expect("a frame");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).expect("written");
    assert_eq!(
        read(&bytes),
        [
            "a.csv: info[I117 lost-precision]: these columns hold binary floats; of each the shortest decimal that \
             gives it back was read: \"rate\"",
            "a.csv:0 = [\"name\", \"rate\"]",
            "1 [\"Acme\", \"0.1\"]",
            "2 [\"a,b\", \"2\"]",
        ]
    );
    let cut = read(&bytes[..bytes.len() - 9]);
    assert!(cut.len() == 1 && cut[0].contains("I110"), "{cut:?}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = read(bytes);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[{\"},:;|\t\r\na1= ]{0,60}") {
        let _ = read(text);
    }
}
