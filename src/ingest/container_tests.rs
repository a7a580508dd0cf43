//! Exports in every container, read to the end; and every container's troubles, refused at their place.

use std::io::Write as _;

use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn as _, NamedFrom as _, ParquetCompression, ParquetWriter, Series, TimeUnit,
    TimeZone,
};
use proptest::prelude::*;

use super::made::{compound, ods, rows, simple_xlsx, xls, xls_cell, xlsx, zip, zip_with};
use super::{
    Detection, Limits, OtherLine, ReadTotals, Reject, Shape, UsageRow, UsageSink, contents, detect, detect_all,
    raw_lines, read_table, read_usage,
};
use crate::finding::{Code, Finding, Severity};
use crate::format::{Registry, TableKind, parse_spec};
use crate::rate::plain;

const CSV: &str = "provider_name,sub_account_name,sku_id,quantity,cost,charge_period_start\n\
                   Acme,x,0012,3,4.50,2026-10-01\nAcme,y,S,1.5,2,2026-10-02\n";
const ROWS: [&str; 2] = ["2:x 0012 3 4.5 2026-10-01", "3:y S 1.5 2 2026-10-02"];

#[derive(Default)]
struct Seen {
    rows: Vec<String>,
    rejects: Vec<Reject>,
    others: Vec<OtherLine>,
    findings: Vec<Finding>,
    totals: ReadTotals,
}

impl UsageSink for Seen {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        let text = |n: Option<rust_decimal::Decimal>| n.map(plain).unwrap_or_default();
        let date = row.charge_period_start.map(|d| d.to_string()).unwrap_or_default();
        let (quantity, cost) = (text(row.quantity), text(row.cost));
        self.rows.push(format!("{}:{} {} {quantity} {cost} {date}", row.line, row.sub_account_name(), row.sku_id()));
        Ok(())
    }
    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.rejects.push(reject);
        Ok(())
    }
    fn other(&mut self, _: u64, kind: OtherLine) -> anyhow::Result<()> {
        self.others.push(kind);
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.findings.push(finding);
        Ok(())
    }
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

/// Each list of records by its source and rows, or why it is refused.
fn read_all(bytes: &[u8]) -> Vec<(String, Vec<String>)> {
    let file = file(bytes);
    let found = detect_all(file.path(), "usage/f", &Registry::builtin(), &Limits::default());
    let read = |detection: Detection| {
        let mut seen = Seen::default();
        read_usage(&detection, &mut seen).expect("read");
        assert!(seen.rejects.is_empty(), "{:?}", seen.rejects);
        (detection.source, seen.rows)
    };
    found.into_iter().map(|one| one.map_or_else(|f| (f[0].to_string(), Vec::new()), read)).collect()
}

fn read_one(bytes: &[u8]) -> (Detection, Seen) {
    let file = file(bytes);
    let detection = detect(file.path(), "usage/f", &Registry::builtin()).expect("recognised");
    let mut seen = Seen::default();
    seen.totals = read_usage(&detection, &mut seen).expect("read");
    (detection, seen)
}

fn refused(bytes: &[u8], limits: &Limits) -> Finding {
    let file = file(bytes);
    match contents(file.path(), "usage/f", limits).pop() {
        Some(Err(finding)) => finding,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).expect("memory")
}

#[test]
fn one_export_reads_alike_in_every_container() {
    let (head, tail) = CSV.split_at(100);
    let sheet = CSV.replace("0012", "id0012");
    let mut same = vec![
        ("plain", CSV.as_bytes().to_vec()),
        ("gzip", [gzip(head.as_bytes()), gzip(tail.as_bytes())].concat()),
        ("zstd", [zstd(head.as_bytes()), zstd(tail.as_bytes())].concat()),
        ("zip", zip(&[("folder/f.csv", CSV.as_bytes()), ("__MACOSX/._f.csv", b"x"), ("folder/.DS_Store", b"x")])),
        ("skippable zstd", [b"\x50\x2A\x4D\x18\x02\0\0\0hi".to_vec(), zstd(CSV.as_bytes())].concat()),
    ];
    same.push(("UTF-16 in zip", {
        let wide: Vec<u8> = CSV.encode_utf16().flat_map(u16::to_le_bytes).collect();
        zip(&[("f.txt", &[b"\xFF\xFE", wide.as_slice()].concat())])
    }));
    for (name, bytes) in same {
        assert_eq!(read_all(&bytes), [("usage/f".to_string(), ROWS.map(String::from).to_vec())], "{name}");
    }
    let workbook = simple_xlsx(&[("Usage", &sheet)]);
    let rows = ROWS.map(|r| r.replace("0012", "id0012")).to_vec();
    assert_eq!(read_all(&workbook), [("usage/f#Usage".to_string(), rows.clone())]);
    let packed = zip(&[("a.csv", CSV.as_bytes()), ("b.xlsx", &workbook)]);
    let read = read_all(&packed);
    assert_eq!(read[0], ("usage/f#a.csv".to_string(), ROWS.map(String::from).to_vec()));
    assert_eq!(read[1], ("usage/f#b.xlsx#Usage".to_string(), rows));
}

#[test]
fn a_member_that_cannot_be_read_leaves_the_others() {
    let inner = zip(&[("x.csv", CSV.as_bytes())]);
    let read = read_all(&zip(&[
        ("a.csv", CSV.as_bytes()),
        ("inner.zip", &inner),
        ("b.csv.gz", &gzip(CSV.as_bytes())),
        ("c.parquet", b"PAR1...."),
        ("notes.txt", b"hello,there\n"),
        ("empty.csv", b""),
        ("a.csv", CSV.as_bytes()),
    ]));
    assert_eq!(read[0].1, ROWS);
    let said: Vec<&str> = read[1..].iter().map(|(said, _)| said.as_str()).collect();
    for (said, words) in said.iter().zip([
        "usage/f#inner.zip: error[I101 unreadable-file]: inside the zip is another zip",
        "usage/f#b.csv.gz: error[I101 unreadable-file]: inside the zip is a gzip file",
        "usage/f#c.parquet: error[I101 unreadable-file]: inside the zip is a Parquet file",
        "usage/f#notes.txt",
        "usage/f#empty.csv: warning[I114",
        "usage/f#a.csv: error[I101 unreadable-file]: two members of the zip archive have this name",
    ]) {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(said.len(), 6);
}

#[test]
fn no_name_of_a_member_moves_the_cursor() {
    let packed = zip(&[("a\u{1b}[31m\n.csv", CSV.as_bytes()), ("b.csv", CSV.as_bytes())]);
    let names: Vec<String> = read_all(&packed).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().any(|n| n.contains("a\u{FFFD}[31m\u{FFFD}.csv")), "{names:?}");
}

#[test]
fn damaged_and_closed_archives_say_so() {
    let limits = Limits::default();
    let good = zip(&[("f.csv", CSV.as_bytes())]);
    let encrypted = refused(&zip_with(&[("f.csv", CSV.as_bytes())], 1), &limits);
    assert_eq!(encrypted.code, Code::I101);
    assert!(encrypted.message.contains("encrypted"), "{encrypted}");
    for cut in [good.len() - 5, good.len() / 2, 40] {
        assert_eq!(refused(&good[..cut], &limits).code, Code::I110, "cut at {cut}");
    }
    let mut bad_sum = good.clone();
    let at = bad_sum.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory") + 16;
    bad_sum[at] ^= 1;
    let said = refused(&bad_sum, &limits);
    assert_eq!(said.code, Code::I110, "{said}");
    let packed = zstd(CSV.as_bytes());
    for cut in [packed.len() - 3, packed.len() / 2, 6] {
        let said = refused(&packed[..cut], &limits);
        assert_eq!(said.code, Code::I110, "cut at {cut}: {said}");
    }
    assert_eq!(refused(&zip(&[]), &limits).code, Code::I114);
    assert_eq!(refused(&zip(&[("folder/", b"")]), &limits).code, Code::I114);
    let said = refused(&good[..good.len() - 1], &limits);
    assert_eq!(said.code, Code::I110, "{said}");
    let said = refused(&[&good[..], b"more"].concat(), &limits);
    assert!(said.message.contains("something stands behind it"), "{said}");
    // The last one's directory would name what is in the first.
    let said = refused(&[&good[..], &good[..]].concat(), &limits);
    assert!(said.message.contains("archives stand one behind another"), "{said}");
    // The same bytes as two members: the directory is doubled, the data is not.
    let at = good.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    let end = good.len() - 22;
    let mut twice = [&good[..end], &good[at..]].concat();
    let end = twice.len() - 22;
    let size = u32::try_from(end - at).expect("small").to_le_bytes();
    twice[end + 8..end + 12].copy_from_slice(&[2, 0, 2, 0]);
    twice[end + 12..end + 16].copy_from_slice(&size);
    assert!(refused(&twice, &limits).message.contains("overlap"));
}

#[test]
fn bombs_are_refused_by_ratio_and_by_size() {
    let zeros = vec![b'0'; 20 << 20];
    for (name, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros)), ("zip", zip(&[("f.csv", &zeros)]))] {
        assert!(bomb.len() < 1 << 20, "{name}");
        let said = refused(&bomb, &Limits { max_ratio: 500, ..Limits::default() });
        assert_eq!(said.code, Code::I101, "{name}: {said}");
        assert!(said.message.contains("500 times") && said.message.contains("max_ratio"), "{said}");
        let said = refused(&bomb, &Limits { max_expanded_bytes: 1 << 20, ..Limits::default() });
        assert!(said.message.contains("max_expanded_bytes"), "{said}");
    }
}

#[test]
fn a_workbook_beyond_its_limit_is_refused_by_its_size() {
    let limits = Limits { max_workbook_bytes: 100, ..Limits::default() };
    let workbook = simple_xlsx(&[("S", CSV)]);
    assert!(refused(&workbook, &limits).message.contains("max_workbook_bytes"));
    assert!(refused(&zip(&[("b.xlsx", &workbook)]), &limits).message.contains("max_workbook_bytes"));
    assert!(refused(&compound("Workbook", &[0; 5000]), &limits).message.contains("max_workbook_bytes"));
}

#[test]
fn titles_totals_notes_and_blanks_of_a_sheet_are_no_rows() {
    let sheet = "Usage of October\n\nprovider_name,sub_account_name,sku_id,quantity,cost,currency\nAcme,x,S,1,2.5\n,\n\
                 Acme,y,S,2,3,USD\nTotal,,,3,5.5\n\nMade for x\n";
    let (_, seen) = read_one(&simple_xlsx(&[("S", sheet)]));
    assert_eq!(seen.rows, ["4:x S 1 2.5 ", "6:y S 2 3 "]);
    let kinds = format!("{:?}", seen.others);
    assert_eq!(kinds, "[Title, Blank, Heading, Blank, Total, Blank, Note]");
    assert!(seen.findings.is_empty(), "{:?}", seen.findings);
}

#[test]
fn typed_numbers_need_no_style_and_texts_beside_them_keep_theirs() {
    let sheet = "provider_name;sub_account_name;sku_id;quantity;cost\nAcme;x;S;1.234;2\nAcme;y;S;1;1.234,50\n";
    let data = rows(&sheet.replace(',', "DECIMAL").replace(';', ",")).replace("DECIMAL", ",");
    let (_, seen) = read_one(&xlsx(&[("S", "visible", &data)], &[], false));
    assert_eq!(seen.rows, ["2:x S 1.234 2 ", "3:y S 1 1234.5 "]);
}

#[test]
fn a_failed_formula_rejects_the_row_that_needs_it_and_no_other() {
    let data = rows("provider_name,sub_account_name,sku_id,quantity,remark\nAcme,x,S,1,fine\n")
        + r#"<row r="3"><c t="inlineStr"><is><t>Acme</t></is></c><c t="e"><v>#N/A</v></c><c><v>7</v></c><c><v>1</v></c></row>"#
        + r#"<row r="4"><c t="inlineStr"><is><t>Acme</t></is></c><c><v>9</v></c><c><v>7</v></c><c><v>1</v></c><c t="e"><v>#REF!</v></c></row>"#;
    let (_, seen) = read_one(&xlsx(&[("S", "visible", &data)], &[], false));
    assert_eq!(seen.rows, ["2:x S 1  ", "4:9 7 1  "]);
    let [reject] = &seen.rejects[..] else { panic!("one reject: {:?}", seen.rejects) };
    assert_eq!((reject.line, reject.column, reject.code, reject.value.as_str()), (3, 2, Code::I111, "#N/A"));
    assert_eq!(reject.raw, "Acme,#N/A,7,1,");
}

#[test]
fn an_id_that_a_spreadsheet_has_rounded_is_refused() {
    let (_, seen) = read_one(&simple_xlsx(&[(
        "S",
        "provider_name,sub_account_name,sku_id,quantity\nA,x,1234567890123456789,1\nA,y,123456789012345,1\n",
    )]));
    assert_eq!(seen.rows, ["3:y 123456789012345 1  "]);
    assert_eq!((seen.rejects[0].code, seen.rejects[0].value.as_str()), (Code::I117, "1.2345678901234568E+18"));
}

#[test]
fn old_and_open_workbooks_are_read_as_exports() {
    let headings = ["provider_name", "sub_account_name", "sku_id", "quantity", "charge_period_start"];
    let mut cells: Vec<u8> = Vec::new();
    for (i, column) in (0..5_u16).enumerate() {
        cells.extend(xls_cell(0x00FD, 0, column, 0, &u32::try_from(i).expect("small").to_le_bytes()));
    }
    for (column, text) in [(0, 5_u32), (1, 6), (2, 7)] {
        cells.extend(xls_cell(0x00FD, 1, column, 0, &text.to_le_bytes()));
    }
    cells.extend(xls_cell(0x0203, 1, 3, 0, &2.5_f64.to_le_bytes()));
    cells.extend(xls_cell(0x0203, 1, 4, 1, &46296_f64.to_le_bytes()));
    let strings: Vec<&str> = headings.into_iter().chain(["Acme", "x", "0012"]).collect();
    let read = read_all(&xls(&cells, &strings));
    assert_eq!(read, [("usage/f#Data".to_string(), vec!["2:x 0012 2.5  2026-10-01".to_string()])]);

    let text =
        |t: &str| format!(r#"<table:table-cell office:value-type="string"><text:p>{t}</text:p></table:table-cell>"#);
    let head: String = headings.map(text).concat();
    let body = ["Acme", "x", "0012"].map(text).concat()
        + r#"<table:table-cell office:value-type="float" office:value="2.5"/><table:table-cell office:value-type="date" office:date-value="2026-10-01"/>"#;
    let table = format!(
        r#"<table:table table:name="Data"><table:table-row>{head}</table:table-row><table:table-row>{body}</table:table-row></table:table>"#
    );
    assert_eq!(read_all(&ods(&table)), read);
}

#[test]
fn a_workbook_is_read_by_its_recognised_sheets() {
    let readme = "Read me,please\nthis is,text\n";
    let several = read_all(&simple_xlsx(&[("Info", readme), ("Sep", CSV), ("Oct", CSV)]));
    assert_eq!(
        several.iter().map(|(s, r)| (s.as_str(), r.len())).collect::<Vec<_>>(),
        [("usage/f#Sep", 2), ("usage/f#Oct", 2)]
    );
    let (detection, _) = read_one(&simple_xlsx(&[("Info", readme), ("Oct", CSV)]));
    let left_out: Vec<_> = detection.findings.iter().filter(|f| f.code == Code::I102).collect();
    assert_eq!(left_out[0].severity, Severity::Info);
    assert_eq!(left_out[0].place.as_ref().map(|p| p.path.as_str()), Some("usage/f#Info"));
    let none = read_all(&simple_xlsx(&[("Info", readme), ("More", readme)]));
    assert!(none[0].0.contains("usage/f: error[I102") && none[0].0.contains("Info, More"), "{none:?}");
    let hidden = xlsx(&[("Old", "hidden", &rows(CSV)), ("Oct", "visible", &rows(CSV))], &[], false);
    let (detection, _) = read_one(&hidden);
    assert!(detection.findings.iter().any(|f| f.message.contains("hidden") && f.value.as_deref() == Some("Old")));
    assert_eq!(refused(&xlsx(&[("Old", "hidden", &rows(CSV))], &[], false), &Limits::default()).code, Code::I114);
}

#[test]
fn hidden_rows_are_read_and_told() {
    let told = |bytes: &[u8]| {
        let (detection, _) = read_one(bytes);
        let hidden = detection.findings.into_iter().find(|f| f.message.contains("hidden"));
        hidden.map(|f| (f.severity, f.place.and_then(|p| p.line), f.message))
    };
    let data = rows(CSV);
    assert_eq!(told(&xlsx(&[("Oct", "visible", &data)], &[], false)), None);
    let filtered = data.replacen("<row r=\"2\"", "<row hidden=\"1\" r=\"2\"", 1) + "<row r=\"900\" hidden=\"true\"/>";
    let (severity, line, message) = told(&xlsx(&[("Oct", "visible", &filtered)], &[], false)).expect("told");
    assert_eq!((severity, line), (Severity::Warning, Some(2)));
    assert!(message.starts_with("1 row of the sheet is hidden or filtered out and was read"), "{message}");
    let shown = read_all(&xlsx(&[("Oct", "visible", &data)], &[], false));
    assert_eq!(read_all(&xlsx(&[("Oct", "visible", &filtered)], &[], false)), shown, "every row is read");
}

#[test]
fn cells_over_several_rows_and_formulas_without_a_value_are_told() {
    let told = |sheet: &str| {
        let (detection, _) = read_one(&xlsx(&[("Oct", "visible", sheet)], &[], false));
        let said = detection.findings.into_iter().filter(|f| f.code == Code::I111);
        said.map(|f| (f.severity, f.place.expect("a place").to_string(), f.message)).collect::<Vec<_>>()
    };
    let data = rows(CSV);
    assert_eq!(told(&data), []);
    let merged =
        |range: &str| format!("{data}</sheetData><mergeCells><mergeCell ref=\"{range}\"/></mergeCells><sheetData>");
    assert_eq!(told(&merged("A1:C1")), [], "titles over several columns lose nothing");
    assert_eq!(told(&merged("Z1:Z3")), [], "nothing stands there");
    let said = told(&merged("A2:A3"));
    assert_eq!((said.len(), said[0].0, said[0].1.as_str()), (1, Severity::Warning, "usage/f#Oct:2:1"));
    let unworked = format!("{data}<row r=\"900\"><c r=\"B900\"><f>1+1</f></c></row>");
    let said = told(&unworked);
    assert_eq!((said.len(), said[0].1.as_str()), (1, "usage/f#Oct:900:2"));
    assert!(said[0].2.starts_with("1 formula of the sheet was never worked out"), "{said:?}");
}

#[test]
fn a_summary_beside_the_data_is_not_counted_twice() {
    let pivot = "Client,Product,Quantity\nx,S,3\n";
    let file = file(&simple_xlsx(&[("Pivot", pivot), ("Data", CSV)]));
    let found = detect_all(file.path(), "usage/f", &Registry::builtin(), &Limits::default());
    let [Ok(data)] = &found[..] else { panic!("one export: {found:?}") };
    assert_eq!(data.source, "usage/f#Data");
    let warned = data.findings.iter().find(|f| f.severity == Severity::Warning).expect("a warning");
    assert_eq!(warned.place.as_ref().map(|p| p.path.as_str()), Some("usage/f#Pivot"));
    assert_eq!(read_all(&simple_xlsx(&[("Pivot", pivot)])).len(), 1, "alone it is the data");
}

#[test]
fn a_spec_may_name_its_sheet() {
    let spec = "id = \"acme\"\nkind = \"usage\"\nprovider = \"Acme\"\n[recognise]\nrequired = [\"Tenant\", \"Part\", \"Count\"]\n\
                [read]\nsheet = \"billing*\"\n[columns]\nsub_account_name = \"Tenant\"\nsku_id = \"Part\"\nquantity = \"Count\"\n";
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::write(folder.path().join("acme.toml"), spec).expect("written");
    assert_eq!(parse_spec(spec).expect("a spec").tables[0].read.sheet.as_deref(), Some("billing*"));
    let registry = Registry::with_user(folder.path()).expect("specs");
    let sheet = "Tenant,Part,Count\nx,S,1\n";
    let file = file(&simple_xlsx(&[("Draft", sheet), ("Billing 2026-10", sheet)]));
    let found = detect_all(file.path(), "f", &registry, &Limits::default());
    let sources: Vec<&str> = found.iter().flatten().map(|d| d.source.as_str()).collect();
    assert_eq!(sources, ["f#Billing 2026-10"]);
}

#[test]
fn psa_tables_may_be_sheets() {
    let clients = "client_id,name,status\nC1,Contoso,active\n";
    let products = "product_code,name,unit_price\nP1,Backup,12.5\n";
    let file = file(&simple_xlsx(&[("Clients", clients), ("Products", products)]));
    let found = detect_all(file.path(), "psa/f.xlsx", &Registry::builtin(), &Limits::default());
    let tables: Vec<_> = found.into_iter().map(|d| d.expect("recognised")).collect();
    assert_eq!(tables.iter().map(Detection::kind).collect::<Vec<_>>(), [TableKind::Clients, TableKind::Products]);
    let table = read_table(&tables[1]).expect("read");
    assert_eq!(table.source, "psa/f.xlsx#Products");
    assert_eq!(table.cell(&table.rows[0], "unit_price"), "12.5");
    assert_eq!(table.place(&table.rows[0], "unit_price").to_string(), "psa/f.xlsx#Products:2:3");
}

/// A Parquet file of these columns, in row groups of two.
fn parquet(columns: Vec<Column>) -> Vec<u8> {
    let mut frame = DataFrame::new_infer_height(columns).expect("a frame");
    let mut bytes = Vec::new();
    let writer =
        ParquetWriter::new(&mut bytes).with_row_group_size(Some(2)).with_compression(ParquetCompression::Snappy);
    writer.finish(&mut frame).expect("memory");
    bytes
}

fn parquet_usage() -> Vec<u8> {
    let cents = Series::new("cost".into(), [450_i128, 200, -1]).cast(&DataType::Int128).expect("integers");
    let ticks =
        Series::new("charge_period_start".into(), [1_790_812_800_000_i64, 1_790_899_200_000, 1_790_985_600_500]);
    let zoned = DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC));
    parquet(vec![
        Column::new("provider_name".into(), ["Acme", "Acme", "Acme"]),
        Column::new("sub_account_name".into(), [Some("x"), Some("y"), None]),
        Column::new("sku_id".into(), ["0012", "S", "a,\"b\""]),
        Column::new("quantity".into(), [3.0, 0.1, 1e15]),
        cents.into_column(),
        ticks.cast(&zoned).expect("instants").into_column(),
    ])
}

#[test]
fn parquet_is_read_as_exact_text_with_record_numbers() {
    let (detection, seen) = read_one(&parquet_usage());
    assert_eq!((detection.survey.shape, detection.header_line, detection.delimiter), (Shape::Parquet, 0, None));
    assert_eq!(seen.rows, ["1:x 0012 3 450 2026-10-01", "2:y S 0.1 200 2026-10-02"]);
    assert_eq!(seen.rejects[0].line, 3);
    assert_eq!(seen.rejects[0].raw, "Acme,,\"a,\"\"b\"\"\",1E+15,-1,2026-10-03T00:00:00.500Z");
    let floats = detection.findings.iter().find(|f| f.code == Code::I117).expect("floats are told");
    assert_eq!((floats.severity, floats.value.as_deref()), (Severity::Info, Some("quantity")));
    let file = file(&parquet_usage());
    let detection = detect(file.path(), "f", &Registry::builtin()).expect("recognised");
    assert_eq!(raw_lines(&detection, &[2]).expect("read")[&2], "Acme,y,S,0.1,200,2026-10-02T00:00:00Z");
}

#[test]
fn a_damaged_parquet_file_is_refused() {
    let good = parquet_usage();
    let limits = Limits::default();
    let registry = Registry::builtin();
    for cut in [good.len() - 1, good.len() / 2, 8] {
        let file = file(&good[..cut]);
        let said = detect_all(file.path(), "f", &registry, &limits).pop().expect("one").expect_err("refused");
        assert_eq!(said[0].code, Code::I110, "{}", said[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_containers_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), which in 0..6_usize) {
        let starts: [&[u8]; 6] =
            [b"", b"\x1F\x8B\x08\0\0\0\0\0\0\0", b"\x28\xB5\x2F\xFD", b"PK\x03\x04", b"PK\x05\x06", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"];
        let file = file(&[starts[which], &bytes].concat());
        for detection in detect_all(file.path(), "f", &Registry::builtin(), &Limits::default()).into_iter().flatten() {
            let _ = read_usage(&detection, &mut Seen::default());
        }
    }

    #[test]
    fn no_spoilt_parquet_directory_ends_the_program(at in 0..4000_usize, byte: u8) {
        let mut bytes = parquet_usage();
        // The directory stands at the end, its length in the four bytes before the closing mark. Bytes spoilt in
        // the pages before it are the decoder's to find; docs/CONTAINERS.md says what that can come to.
        let end = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
        bytes[end - length + at % (length + 8)] = byte;
        let file = file(&bytes);
        for detection in detect_all(file.path(), "f", &Registry::builtin(), &Limits::default()).into_iter().flatten() {
            let _ = read_usage(&detection, &mut Seen::default());
        }
    }

    #[test]
    fn no_spoilt_archive_panics(at in 0..2000_usize, byte: u8) {
        let mut bytes = zip(&[("a.csv", CSV.as_bytes()), ("b.xlsx", &simple_xlsx(&[("S", CSV)]))]);
        let length = bytes.len();
        bytes[at % length] = byte;
        let file = file(&bytes);
        let _ = detect_all(file.path(), "f", &Registry::builtin(), &Limits::default());
    }
}
