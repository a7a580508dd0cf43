//! Small archives and workbooks for tests, byte by byte, so that every trouble can be made.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// A zip archive with its members deflated.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, 0)
}

/// A zip archive whose members carry these flags (1: encrypted).
pub fn zip_with(members: &[(&str, &[u8])], flags: u16) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("memory");
        let packed = encoder.finish().expect("memory");
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let length = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(flags.to_le_bytes());
        common.extend(8_u16.to_le_bytes());
        common.extend([0; 4]);
        common.extend(crc.sum().to_le_bytes());
        common.extend(length(packed.len()));
        common.extend(length(content.len()));
        common.extend(u16::try_from(name.len()).expect("small").to_le_bytes());
        common.extend([0; 2]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(length(out.len()));
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(packed);
    }
    let count = u16::try_from(members.len()).expect("small").to_le_bytes();
    let start = u32::try_from(out.len()).expect("small");
    let size = u32::try_from(directory.len()).expect("small");
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// A sheet's name, its state, and the XML within its `sheetData`.
pub type Made<'a> = (&'a str, &'a str, &'a str);

/// Style 1 is a date, style 2 a date with a code of its own, style 3 elapsed hours, style 4 money.
pub fn xlsx(sheets: &[Made<'_>], strings: &[&str], from_1904: bool) -> Vec<u8> {
    let rels = |body: &str| {
        format!(
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{body}</Relationships>"#
        )
    };
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let mut listed = String::new();
    let mut related = format!(
        r#"<Relationship Id="s" Type="{kind}/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="f" Type="{kind}/styles" Target="/xl/styles.xml"/>"#
    );
    let mut parts: Vec<(String, String)> = Vec::new();
    for (i, (name, state, data)) in sheets.iter().enumerate() {
        write!(listed, r#"<sheet name="{name}" sheetId="{i}" state="{state}" r:id="r{i}"/>"#).expect("memory");
        write!(related, r#"<Relationship Id="r{i}" Type="{kind}/worksheet" Target="worksheets/s{i}.xml"/>"#)
            .expect("memory");
        parts.push((
            format!("xl/worksheets/s{i}.xml"),
            format!(r#"<worksheet xmlns="m"><sheetData>{data}</sheetData></worksheet>"#),
        ));
    }
    let strings: Vec<String> = strings.iter().map(|s| format!("<si><t>{s}</t></si>")).collect();
    let strings = strings.concat();
    let date1904 = u8::from(from_1904);
    parts.extend([
        ("[Content_Types].xml".into(), "<Types/>".into()),
        ("_rels/.rels".into(), rels(&format!(r#"<Relationship Id="a" Type="{kind}/officeDocument" Target="xl/workbook.xml"/>"#))),
        (
            "xl/workbook.xml".into(),
            format!(r#"<workbook xmlns:r="x"><workbookPr date1904="{date1904}"/><sheets>{listed}</sheets></workbook>"#),
        ),
        ("xl/_rels/workbook.xml.rels".into(), rels(&related)),
        ("xl/sharedStrings.xml".into(), format!("<sst>{strings}</sst>")),
        (
            "xl/styles.xml".into(),
            r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy"/><numFmt numFmtId="165" formatCode="[h]:mm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="44"/></cellXfs></styleSheet>"#.into(),
        ),
    ]);
    let members: Vec<(&str, &[u8])> = parts.iter().map(|(n, c)| (n.as_str(), c.as_bytes())).collect();
    zip(&members)
}

/// Rows of cells as inline strings, but for cells that are numbers.
pub fn rows(lines: &str) -> String {
    let mut out = String::new();
    for (i, line) in lines.lines().enumerate() {
        write!(out, r#"<row r="{}">"#, i + 1).expect("memory");
        for (column, cell) in line.split(',').enumerate().filter(|(_, c)| !c.is_empty()) {
            let letter = char::from(b'A' + u8::try_from(column).expect("few columns"));
            match cell.parse::<f64>() {
                Ok(_) => write!(out, r#"<c r="{letter}{}"><v>{cell}</v></c>"#, i + 1),
                Err(_) => write!(out, r#"<c r="{letter}{}" t="inlineStr"><is><t>{cell}</t></is></c>"#, i + 1),
            }
            .expect("memory");
        }
        out += "</row>";
    }
    out
}

/// A workbook of one visible sheet per name, its rows as of [`rows`].
pub fn simple_xlsx(sheets: &[(&str, &str)]) -> Vec<u8> {
    let data: Vec<String> = sheets.iter().map(|(_, lines)| rows(lines)).collect();
    let made: Vec<Made<'_>> = sheets.iter().zip(&data).map(|((name, _), d)| (*name, "visible", d.as_str())).collect();
    xlsx(&made, &[], false)
}

/// An OpenDocument spreadsheet with this XML in its body.
pub fn ods(tables: &str) -> Vec<u8> {
    let content = format!(
        r#"<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x" xmlns:style="s" xmlns:calcext="c"><office:automatic-styles><style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"#
    );
    zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_bytes()),
        ("META-INF/manifest.xml", b"<manifest/>"),
    ])
}

fn record(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend(u16::try_from(body.len()).expect("small").to_le_bytes());
    out.extend(body);
    out
}

/// A BIFF8 record of a cell.
pub fn xls_cell(kind: u16, row: u16, column: u16, style: u16, value: &[u8]) -> Vec<u8> {
    let place = [row, column, style].map(u16::to_le_bytes).concat();
    record(kind, &[place.as_slice(), value].concat())
}

/// An XLS workbook with one sheet `Data` of these records, and these shared strings; style 1 is a date. The strings
/// are cut in the middle of the first, as full records are.
pub fn xls(cells: &[u8], strings: &[&str]) -> Vec<u8> {
    let begin = |kind: u16| record(0x0809, &[0x0600_u16.to_le_bytes(), kind.to_le_bytes()].concat());
    let mut table = Vec::new();
    for string in strings {
        table.extend(u16::try_from(string.len()).expect("small").to_le_bytes());
        table.push(0);
        table.extend(string.as_bytes());
    }
    let count = u32::try_from(strings.len()).expect("small").to_le_bytes();
    let head = [count, count].concat();
    let (first, rest) = table.split_at(table.len().min(5));
    let mut shared = record(0x00FC, &[&head, first].concat());
    if !rest.is_empty() {
        shared.extend(record(0x003C, &[&[0], rest].concat()));
    }
    let style = |format: u16| record(0x00E0, &[&[0, 0], format.to_le_bytes().as_slice(), &[0; 16]].concat());
    let name = b"\x00\x00\x04\x00Data";
    let listed = |at: u32| record(0x0085, &[at.to_le_bytes().as_slice(), name].concat());
    let before: Vec<u8> = [begin(5), style(0), style(14)].concat();
    let after: Vec<u8> = [shared, record(0x000A, &[])].concat();
    let at = before.len() + listed(0).len() + after.len();
    let at = u32::try_from(at).expect("small");
    let stream = [before, listed(at), after, begin(0x10), cells.to_vec(), record(0x000A, &[])].concat();
    compound("Workbook", &stream)
}

/// A compound file with one stream, which is made long enough to stand in sectors of its own.
pub fn compound(name: &str, stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(512), 0);
    let sectors = u32::try_from(stream.len() / 512).expect("small");
    let mut header = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    header.resize(512, 0);
    let mut put = |at: usize, value: u32| header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(30, 9);
    put(44, 1);
    put(48, 1);
    put(56, 4096);
    put(60, 0xFFFF_FFFE);
    put(68, 0xFFFF_FFFE);
    for slot in 0..109 {
        put(76 + slot * 4, if slot == 0 { 0 } else { 0xFFFF_FFFF });
    }
    let mut chains: Vec<u32> = vec![0xFFFF_FFFD, 0xFFFF_FFFE];
    chains.extend((0..sectors).map(|i| if i + 1 == sectors { 0xFFFF_FFFE } else { i + 3 }));
    chains.resize(128, 0xFFFF_FFFF);
    let entry = |name: &str, kind: u8, start: u32, size: u32| {
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u16::try_from(entry.len() + 2).expect("small");
        entry.resize(128, 0);
        entry[64..66].copy_from_slice(&length.to_le_bytes());
        entry[66] = kind;
        entry[116..120].copy_from_slice(&start.to_le_bytes());
        entry[120..124].copy_from_slice(&size.to_le_bytes());
        entry
    };
    let size = u32::try_from(stream.len()).expect("small");
    let mut directory = [entry("Root Entry", 5, 0xFFFF_FFFE, 0), entry(name, 2, 2, size)].concat();
    directory.resize(512, 0);
    let chains: Vec<u8> = chains.into_iter().flat_map(u32::to_le_bytes).collect();
    [header, chains, directory, stream].concat()
}
