//! Workbooks made byte by byte, read cell by cell.

use proptest::prelude::*;

use super::*;
use crate::ingest::made::{compound, ods, rows, simple_xlsx, xls, xls_cell, xlsx, zip, zip_with};
use crate::ingest::{Event, Record};

/// A sheet's rows: number, and cells with a mark of what they are.
fn seen(sheet: &Sheet) -> Vec<String> {
    let (mut rows, mut record) = (SheetRows::default(), Record::new());
    let mut out = Vec::new();
    loop {
        match rows.next(sheet, &mut record) {
            Event::End => return out,
            Event::Record => {
                let cells: Vec<String> = (0..record.len())
                    .map(|i| {
                        let mark = match record.kind(i) {
                            CellKind::Text => "",
                            CellKind::Number => "n:",
                            CellKind::Date => "d:",
                            CellKind::Truth => "b:",
                            CellKind::Error => "e:",
                        };
                        format!("{mark}{}", record.get(i).unwrap_or_default())
                    })
                    .collect();
                out.push(format!("{} {}", record.line(), cells.join("|")));
            }
            Event::Blank => out.push(format!("{} blank", rows.line())),
            Event::Fault(fault) => panic!("a sheet has no faults: {fault:?}"),
        }
    }
}

fn only(bytes: &[u8]) -> Vec<String> {
    let book = read(bytes, &Limits::default()).expect("a workbook");
    assert_eq!(book.len(), 1);
    seen(&book[0])
}

fn refused(bytes: &[u8]) -> String {
    read(bytes, &Limits::default()).expect_err("refused").to_string()
}

#[test]
fn every_kind_of_xlsx_cell_is_exact_text() {
    let data = r#"<row r="2"><c r="B2" t="s"><v>1</v></c><c r="C2"><v>1.1000000000000001</v></c><c r="D2" s="1"><v>46296</v></c>
        <c r="E2" s="2"><v>46296.5</v></c><c r="F2" t="b"><v>1</v></c><c r="G2" t="e"><v>#N/A</v></c></row>
        <row r="4"><c r="A4" t="str"><f>1&amp;2</f><v>a &amp; b</v></c><c t="inlineStr"><is><r><t>in</t></r><r><t xml:space="preserve">line </t></r><rPh><t>x</t></rPh></is></c>
        <c r="D4" s="3"><v>1.5</v></c><c r="E4" s="4"><v>1234.5</v></c><c r="F4" t="d"><v>2026-10-01</v></c><c r="H4" s="1"/></row>"#;
    let bytes = xlsx(&[("Data", "visible", data)], &["zero", "0012_x000D_\n&lt;"], false);
    assert_eq!(
        only(&bytes),
        [
            "1 blank",
            "2 |0012\r\n<|n:1.1|d:2026-10-01|d:2026-10-01T12:00:00|b:true|e:#N/A",
            "3 blank",
            "4 a & b|inline ||d:36:00:00|n:1234.5|d:2026-10-01",
        ]
    );
}

#[test]
fn what_a_cell_needs_and_is_not_there_breaks_the_workbook() {
    let styled =
        |style: u32| xlsx(&[("D", "visible", &format!("<row><c s=\"{style}\"><v>44834</v></c></row>"))], &[], false);
    assert!(refused(&styled(99)).contains("style 99"), "whether it is a date is not known");
    let odd = xlsx(&[("D", "visible", r#"<row><c t="b"><v>2</v></c><c t="b"><v>0</v></c></row>"#)], &[], false);
    assert_eq!(only(&odd), ["1 2|b:false"]);
    let good = simple_xlsx(&[("Data", "a,b\n1,2\n")]);
    let unnamed = String::from_utf8_lossy(&good).matches("xl/_rels/workbook.xml.rels").count();
    assert!(unnamed > 0);
    // The name of the part that says where the sheets are, spoilt wherever it stands.
    let mut spoilt = good.clone();
    let name = b"xl/_rels/workbook.xml.rels";
    for at in 0..spoilt.len() - name.len() {
        if spoilt[at..].starts_with(name) {
            spoilt[at] = b'y';
        }
    }
    assert!(refused(&spoilt).contains("nothing says where its sheet \"Data\" is"));
}

#[test]
fn texts_are_found_wherever_a_program_puts_them_and_extensions_are_no_cells() {
    let row = |cells: &str| xlsx(&[("D", "visible", &format!("<row>{cells}</row>"))], &[], false);
    let cells = "<c><is><t>no kind</t></is></c><c t=\"inlineStr\"><v>as value</v></c><c t=\"n\"><v>1</v><extLst><ext><v>9</v></ext>\
                 </extLst></c><c><v>2</v></c>";
    assert_eq!(only(&row(cells)), ["1 no kind|as value|n:1|n:2"]);
    let behind = "<row><c><v>1</v></c></row></sheetData><extLst><ext><c r=\"A1\"><v>7</v></c></ext></extLst><x><c r=\"B1\"><v>8</v></c></x><sheetData>";
    assert_eq!(only(&xlsx(&[("D", "visible", behind)], &[], false)), ["1 n:1"]);
    assert!(refused(&row("<c t=\"z\"><v>1</v></c>")).contains("of type \"z\""));
}

#[test]
fn a_drawing_in_a_cell_is_no_text_of_it() {
    let cell = "<table:table-cell office:value-type=\"string\"><draw:frame><draw:text-box><text:p>shape</text:p></draw:text-box>\
                </draw:frame><text:p>x<draw:custom-shape><text:p>y</text:p></draw:custom-shape>z</text:p></table:table-cell>";
    let table = format!("<table:table table:name=\"A\"><table:table-row>{cell}</table:table-row></table:table>");
    assert_eq!(only(&ods(&table)), ["1 xz"]);
}

#[test]
fn an_xls_says_what_is_merged_and_what_was_never_worked_out() {
    let merged = [0x00E5, 10, 1, 0, 1, 0, 0].map(u16::to_le_bytes).concat();
    let text = |row, column| xls_cell(0x0203, row, column, 0, &1_f64.to_le_bytes());
    let sheets =
        read(&xls(&[text(0, 0), text(0, 1), text(1, 1), merged].concat(), &[]), &Limits::default()).expect("read");
    assert_eq!(sheets[0].merged_over_rows(), Some((1, 1, 1)));
    let formula = |flags: u8| xls_cell(0x0006, 0, 0, 0, &[3, 0, 0, 0, 0, 0, 0xFF, 0xFF, flags, 0, 0, 0, 0, 0]);
    let sheets = read(&xls(&[formula(3), text(0, 1)].concat(), &[]), &Limits::default()).expect("read");
    assert_eq!(sheets[0].not_worked_out(), Some((1, 1, 1)));
    let all_empty = only(&xls(&[formula(2), text(0, 1)].concat(), &[]));
    assert_eq!(all_empty, ["1 e:#NOT-CALCULATED!|n:1"], "no formula of the sheet came to anything");
    let worked_out = xls_cell(0x0006, 1, 0, 0, &[&2.5_f64.to_le_bytes()[..], &[0; 6]].concat());
    assert_eq!(only(&xls(&[formula(2), text(0, 1), worked_out].concat(), &[])), ["1 |n:1", "2 n:2.5"], "an empty text");
}

#[test]
fn a_part_is_found_however_its_path_is_written() {
    for (folder, target, part) in [
        ("xl", "worksheets/s1.xml", "xl/worksheets/s1.xml"),
        ("xl", "/xl/worksheets/s1.xml", "xl/worksheets/s1.xml"),
        ("xl", "./worksheets/../worksheets/s1.xml", "xl/worksheets/s1.xml"),
        ("xl/a", "../b/s1.xml", "xl/b/s1.xml"),
        ("", "xl/workbook.xml", "xl/workbook.xml"),
        ("xl", "../../../s1.xml", "s1.xml"),
    ] {
        assert_eq!(xlsx::part_of(folder, target), part, "{folder} {target}");
    }
}

#[test]
fn the_1904_system_is_the_workbooks() {
    let bytes = xlsx(&[("D", "visible", r#"<row><c s="1"><v>44834</v></c></row>"#)], &[], true);
    assert_eq!(only(&bytes), ["1 d:2026-10-01"]);
}

#[test]
fn hidden_sheets_are_read_and_known() {
    let cell = "<row><c><v>1</v></c></row>";
    let bytes = xlsx(&[("A", "hidden", cell), ("B", "visible", cell), ("C", "veryHidden", cell)], &[], false);
    let book = read(&bytes, &Limits::default()).expect("a workbook");
    let seen: Vec<_> = book.iter().map(|sheet| (sheet.name(), sheet.is_hidden())).collect();
    assert_eq!(seen, [("A", true), ("B", false), ("C", true)]);
}

#[test]
fn hidden_rows_are_counted_where_they_are_filled() {
    let row = |n: u32, how: &str| format!(r#"<row r="{n}"{how}><c r="A{n}"><v>{n}</v></c></row>"#);
    let data = [row(1, ""), row(2, " hidden=\"1\""), row(3, " hidden=\"0\""), row(4, " hidden=\"true\"")].concat();
    let empty = r#"<row r="9" hidden="1"/><row r="10" ht="0" customHeight="1"><c r="A10"><v>1</v></c></row>"#;
    let hidden = |bytes: &[u8]| read(bytes, &Limits::default()).expect("a workbook")[0].hidden_rows();
    assert_eq!(hidden(&xlsx(&[("A", "visible", &(data + empty))], &[], false)), Some((3, 2)));
    let row = |how: &str| {
        format!(
            "<table:table-row{how}><table:table-cell office:value-type=\"float\" office:value=\"1\"/></table:table-row>"
        )
    };
    let rows = [
        row(""),
        row(" table:visibility=\"filter\" table:number-rows-repeated=\"3\""),
        row(" table:visibility=\"visible\""),
        row(" table:visibility=\"collapse\""),
    ];
    assert_eq!(hidden(&ods(&format!("<table:table table:name=\"A\">{}</table:table>", rows.concat()))), Some((4, 2)));
}

#[test]
fn hidden_columns_are_counted_where_they_are_filled() {
    let hidden = |bytes: &[u8]| {
        let sheets = read(bytes, &Limits::default()).expect("a workbook");
        sheets[0].hidden_columns().map(|(columns, row, column, text)| (columns, row, column, text.to_string()))
    };
    let found = |row, column, text: &str| Some((2, row, column, text.to_string()));
    let data = rows("Title\na,b,c,d\n1,2,3,4\n");
    let columns =
        r#"<col min="1" max="1" width="9"/><col min="2" max="3" hidden="1"/><col min="9" max="16384" width="0"/>"#;
    let made = |columns: &str| {
        xlsx(&[("A", "visible", &format!("</sheetData><cols>{columns}</cols><sheetData>{data}"))], &[], false)
    };
    assert_eq!(hidden(&made("")), None);
    assert_eq!(hidden(&made(columns)), found(2, 2, "b"));
    assert_eq!(
        hidden(&made(r#"<col min="4" max="4" width="0" customWidth="1"/><col min="1" max="1" hidden="true"/>"#)),
        found(1, 1, "Title")
    );
    let cell = |n: u8| format!("<table:table-cell office:value-type=\"float\" office:value=\"{n}\"/>");
    let table = format!(
        "<table:table table:name=\"A\"><table:table-column table:number-columns-repeated=\"2\"/><table:table-column-group>\
         <table:table-column table:visibility=\"collapse\" table:number-columns-repeated=\"2\"/></table:table-column-group>\
         <table:table-row>{}{}{}{}</table:table-row></table:table>",
        cell(1),
        cell(2),
        cell(3),
        cell(4)
    );
    assert_eq!(hidden(&ods(&table)), found(1, 3, "3"));
    let of_columns = |first: u16, last: u16, width: u16, flags: u16| {
        [0x007D, 12, first, last, width, 0, flags, 0].map(u16::to_le_bytes).concat()
    };
    let cells: Vec<u8> =
        (0..4).flat_map(|column| xls_cell(0x0203, 0, column, 0, &f64::from(column).to_le_bytes())).collect();
    let xls = |columns: &[u8]| xls(&[columns, &cells].concat(), &[]);
    assert_eq!(hidden(&xls(&of_columns(0, 3, 2304, 0))), None);
    assert_eq!(hidden(&xls(&of_columns(2, 255, 2304, 1))), found(1, 3, "2"));
}

#[test]
fn rows_are_padded_to_the_headings_and_quoted_as_csv() {
    let bytes = simple_xlsx(&[("S", "a,b,c\nx\n")]);
    let book = read(&bytes, &Limits::default()).expect("a workbook");
    let (mut rows, mut record) = (SheetRows::default(), Record::new());
    rows.expect_fields(3);
    assert_eq!(rows.next(&book[0], &mut record), Event::Record);
    assert_eq!(rows.next(&book[0], &mut record), Event::Record);
    assert_eq!((record.len(), record.raw(), record.get(2)), (3, "x,,", Some("")));
    let mut sheet = Sheet::new("q".into());
    sheet.put(0, 1, "a \"b\", c\nd", CellKind::Text, &mut Held::default()).expect("room");
    rows = SheetRows::default();
    rows.next(&sheet.finish().expect("in order"), &mut record);
    assert_eq!((record.raw(), record.get(1)), (",\"a \"\"b\"\", c\nd\"", Some("a \"b\", c\nd")));
}

#[test]
fn ods_cells_rows_and_repeats() {
    let bytes = ods(
        r#"<table:table table:name="Data"><table:table-row><table:table-cell office:value-type="string"><text:p>a<text:s text:c="2"/>b</text:p><text:p>c</text:p><office:annotation><text:p>note</text:p></office:annotation></table:table-cell>
        <table:table-cell office:value-type="float" office:value="1.50"><text:p>1,5</text:p></table:table-cell><table:table-cell table:number-columns-repeated="2"/>
        <table:table-cell office:value-type="date" office:date-value="2026-10-01"><text:p>1.10.26</text:p></table:table-cell>
        <table:table-cell office:value-type="boolean" office:boolean-value="true"/><table:table-cell office:value-type="string" calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell>
        <table:table-cell table:number-columns-repeated="16000"/></table:table-row>
        <table:table-row table:number-rows-repeated="2"/><table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="2" office:value-type="percentage" office:value="0.05"/></table:table-row>
        <table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>
        <table:table table:name="H" table:style-name="ta2"/>"#,
    );
    let book = read(&bytes, &Limits::default()).expect("a workbook");
    assert_eq!((book[1].name(), book[1].is_hidden(), book[0].is_hidden()), ("H", true, false));
    assert_eq!(
        seen(&book[0]),
        ["1 a  b\nc|n:1.50|||d:2026-10-01|b:true|e:#N/A", "2 blank", "3 blank", "4 n:0.05|n:0.05", "5 n:0.05|n:0.05"]
    );
}

#[test]
fn every_kind_of_xls_cell_is_exact_text() {
    let formula = |result: [u8; 8]| [result.as_slice(), &[0; 6]].concat();
    let cells = [
        xls_cell(0x00FD, 0, 0, 0, &0_u32.to_le_bytes()),
        xls_cell(0x00FD, 0, 1, 0, &1_u32.to_le_bytes()),
        xls_cell(0x0203, 1, 0, 0, &0.1_f64.to_le_bytes()),
        xls_cell(0x0203, 1, 1, 1, &46296_f64.to_le_bytes()),
        xls_cell(0x027E, 1, 2, 0, &((1234 << 2) | 3_u32).to_le_bytes()),
        xls_cell(0x027E, 1, 3, 0, &((-7_i32 << 2) | 2).to_le_bytes()),
        xls_cell(0x0205, 1, 4, 0, &[1, 0]),
        xls_cell(0x0205, 1, 5, 0, &[0x2A, 1]),
        xls_cell(0x0006, 2, 0, 0, &formula(2.5_f64.to_le_bytes())),
        xls_cell(0x0006, 2, 1, 0, &formula([0, 0, 0, 0, 0, 0, 0xFF, 0xFF])),
        [&[0x07, 0x02, 5, 0][..], &[2, 0, 0, b'h', b'i']].concat(),
        xls_cell(0x0006, 2, 2, 0, &formula([2, 0, 7, 0, 0, 0, 0xFF, 0xFF])),
        [
            &[0xBD, 0x00, 18, 0][..],
            &[3, 0, 1, 0],
            &[0, 0],
            &(5_u32 << 2 | 2).to_le_bytes(),
            &[0, 0],
            &(6_u32 << 2 | 2).to_le_bytes(),
            &[2, 0],
        ]
        .concat(),
    ]
    .concat();
    assert_eq!(
        only(&xls(&cells, &["Tenant", "SKU"])),
        ["1 Tenant|SKU", "2 n:0.1|d:2026-10-01|n:12.34|n:-7|b:true|e:#N/A", "3 n:2.5|hi|e:#DIV/0!", "4 |n:5|n:6",]
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    let cell = |r: &str| format!(r#"<row r="1"><c r="{r}"><v>1</v></c></row>"#);
    for (data, why) in [
        (cell("XFE1"), "which is no place on it"),
        (cell("A1048577"), "which is no place on it"),
        (cell("1A"), "which is no place on it"),
        (cell("A1") + &cell("A1"), "stand in row 1, column 1"),
        ("<row><c t=\"s\"><v>9</v></c></row>".into(), "shared string 9"),
        ("<row>".into(), "XML"),
        ("<row><c t=\"str\"><v>&huge;</v></c></row>".into(), "unknown entity"),
    ] {
        let said = refused(&xlsx(&[("S", "visible", &data)], &[], false));
        assert!(said.contains(why), "{why}: {said}");
    }
    assert!(refused(&compound("EncryptedPackage", b"")).contains("password"));
    assert!(refused(&compound("Book", b"")).contains("Excel 95"));
    assert!(refused(&compound("WordDocument", b"")).contains("other than a workbook"));
    assert!(refused(&zip_with(&[("mimetype", b""), ("content.xml", b"<a/>")], 1)).contains("encrypted"));
    let text = zip(&[("mimetype", b""), ("content.xml", b"<office:text/>")]);
    assert!(refused(&text).contains("other than a spreadsheet"));
    let mut cut = simple_xlsx(&[("S", "a,b\n1,2\n")]);
    cut[60] ^= 0xFF;
    assert!(matches!(read(&cut, &Limits::default()), Err(WorkbookFault::Broken(_))));
}

#[test]
fn a_workbook_that_unpacks_to_too_much_is_refused() {
    let padding = " ".repeat(2 << 20);
    let bytes = xlsx(&[("S", "visible", &format!("{padding}{}", rows("a,b\n1,2\n")))], &[], false);
    let limits = Limits { max_workbook_bytes: 64 << 10, ..Limits::default() };
    assert!(bytes.len() < 64 << 10);
    let said = read(&bytes, &limits).expect_err("refused").to_string();
    assert!(said.contains("max_workbook_bytes"), "{said}");
}

#[test]
fn repeats_that_fill_memory_are_refused() {
    let wide =
        r#"<table:table-cell table:number-columns-repeated="10000" office:value-type="float" office:value="1"/>"#;
    let table = |rows: &str| {
        ods(&format!(
            r#"<table:table table:name="B"><table:table-row table:number-rows-repeated="{rows}">{wide}</table:table-row></table:table>"#
        ))
    };
    assert!(refused(&table("1000000")).contains("more than 5000000 filled cells"));
    assert!(refused(&table("4000000000")).contains("beyond the end"));
    let long = "x".repeat(100_000);
    let rows: String = (0..4000).map(|_| r#"<row><c t="s"><v>0</v></c></row>"#).collect();
    assert!(refused(&xlsx(&[("S", "visible", &rows)], &[&long], false)).contains("256 MiB of text"));
}

proptest! {
    #[test]
    fn no_bytes_make_a_workbook_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048), which in 0..3_u8) {
        let start: &[u8] = match which { 0 => b"PK\x03\x04", 1 => b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", _ => b"" };
        let _ = read(&[start, &bytes].concat(), &Limits::default());
    }

    #[test]
    fn no_spoilt_workbook_panics(at in 0..6000_usize, byte: u8, cut in 0..6000_usize, which in 0..3_u8) {
        let mut bytes = match which {
            0 => simple_xlsx(&[("S", "a,b\n1,2\n")]),
            1 => ods(r#"<table:table table:name="B"><table:table-row><table:table-cell office:value-type="float" office:value="1"/></table:table-row></table:table>"#),
            _ => xls(&xls_cell(0x00FD, 0, 0, 0, &0_u32.to_le_bytes()), &["Tenant"]),
        };
        let length = bytes.len();
        bytes[at % length] = byte;
        let _ = read(&bytes, &Limits::default());
        bytes.truncate(cut % length);
        let _ = read(&bytes, &Limits::default());
    }
}

#[test]
fn a_formula_that_was_never_worked_out_is_an_error_and_no_empty_cell() {
    let data = r#"<row r="1"><c r="A1"><f>1+1</f></c><c r="B1"><f>1+1</f><v/></c><c r="C1" t="str"><f>""</f><v></v></c><c r="D1"><f>1+1</f><v>2</v></c></row>"#;
    let bytes = xlsx(&[("Data", "visible", data)], &[], false);
    assert_eq!(only(&bytes), ["1 e:#NOT-CALCULATED!|e:#NOT-CALCULATED!||n:2"]);
    let cells = r#"<table:table-cell table:formula="of:=1+1"/><table:table-cell table:formula="of:=1+1" office:value-type="float" office:value="2"/>"#;
    let table = format!(r#"<table:table table:name="Data"><table:table-row>{cells}</table:table-row></table:table>"#);
    assert_eq!(only(&ods(&table)), ["1 e:#NOT-CALCULATED!|n:2"]);
}
