//! ODS: one XML document with every table in it. Equal cells and rows are written once with a count.

use std::collections::HashSet;

use super::cell::{NOT_WORKED_OUT, number_text};
use super::package::{Node, Package, Tag, Xml};
use super::{CellKind, Held, Sheet, WorkbookFault};

/// Wider and longer than any spreadsheet program's sheet.
const WIDEST: u32 = 16_384;
const LONGEST: u32 = 1 << 21;

pub(super) fn read(package: &Package<'_>) -> Result<Vec<Sheet>, WorkbookFault> {
    if let Some(mut manifest) = package.part("META-INF/manifest.xml")? {
        loop {
            match manifest.next()? {
                Node::Open(tag) if tag.name() == "encryption-data" => {
                    let message = "it is protected with a password; save it without one";
                    return Err(WorkbookFault::Refused(message.to_string()));
                }
                Node::End => break,
                Node::Open(_) | Node::Close(_) | Node::Text(_) => {}
            }
        }
    }
    let Some(mut xml) = package.part("content.xml")? else {
        return Err(WorkbookFault::Broken("it has no content".to_string()));
    };
    let mut sheets = Vec::new();
    let (mut held, mut unseen, mut style) = (Held::default(), HashSet::new(), String::new());
    let mut spreadsheet = false;
    loop {
        match xml.next()? {
            Node::Open(tag) => match tag.name() {
                "spreadsheet" => spreadsheet = true,
                "style" => style = tag.attribute("style:name").unwrap_or_default(),
                "table-properties" if tag.attribute("display").is_some_and(|d| d == "false") => {
                    unseen.insert(style.clone());
                }
                "table" => {
                    let name = tag.attribute("table:name").unwrap_or_default();
                    let hidden = tag.attribute("table:style-name").is_some_and(|s| unseen.contains(&s));
                    sheets.push(table(&mut xml, name, &mut held)?.hidden_if(hidden));
                }
                _ => {}
            },
            Node::End if !spreadsheet => {
                return Err(WorkbookFault::Refused("it is an OpenDocument file other than a spreadsheet".to_string()));
            }
            Node::End => return Ok(sheets),
            Node::Close(_) | Node::Text(_) => {}
        }
    }
}

/// A filled cell of the row being read, and how often it stands there.
struct Filled {
    column: u32,
    times: u32,
    text: String,
    kind: CellKind,
}

/// Reads up to the table's end.
fn table(xml: &mut Xml<'_>, name: String, held: &mut Held) -> Result<Sheet, WorkbookFault> {
    let mut sheet = Sheet::new(name);
    let (mut row, mut rows, mut column) = (0_u32, 1, 0_u32);
    let (mut hidden, mut declared) = (false, 0_u32);
    let mut filled: Vec<Filled> = Vec::new();
    // Tables may stand in cells.
    let mut depth = 1;
    loop {
        match xml.next()? {
            Node::Open(tag) => match tag.name() {
                "table" => depth += 1,
                "table-column" if depth == 1 => {
                    let after = declared.saturating_add(count(&tag, "table:number-columns-repeated"));
                    if is_unseen(&tag) {
                        sheet.hide_columns(declared..after);
                    }
                    declared = after;
                }
                "table-row" if depth == 1 => {
                    (rows, column) = (count(&tag, "table:number-rows-repeated"), 0);
                    filled.clear();
                    hidden = is_unseen(&tag);
                }
                "table-cell" | "covered-table-cell" if depth == 1 => {
                    let times = count(&tag, "table:number-columns-repeated");
                    let tall = count(&tag, "table:number-rows-spanned");
                    if tall > 1 {
                        sheet.merge((row, column), row.saturating_add(tall));
                    }
                    let started = Started::of(&tag);
                    let (text, kind) = started.finish(xml)?;
                    if !text.is_empty() {
                        filled.push(Filled { column, times, text, kind });
                    }
                    column = column.saturating_add(times);
                }
                _ => {}
            },
            Node::Close(name) if name == "table" => {
                depth -= 1;
                if depth == 0 {
                    return sheet.finish();
                }
            }
            Node::Close(name) if name == "table-row" && depth == 1 => {
                let after = row.saturating_add(rows);
                let wide = filled.iter().any(|f| f.column.saturating_add(f.times) > WIDEST);
                if !filled.is_empty() && (wide || after > LONGEST) {
                    return Err(WorkbookFault::Broken(format!(
                        "sheet {:?} has filled cells beyond the end of any sheet",
                        sheet.name()
                    )));
                }
                if !filled.is_empty() {
                    if hidden {
                        sheet.hide(row..after);
                    }
                    for row in row..after {
                        for cell in &filled {
                            for column in cell.column..cell.column + cell.times {
                                let column = u16::try_from(column).unwrap_or(u16::MAX);
                                sheet.put(row, column, &cell.text, cell.kind, held)?;
                            }
                        }
                    }
                }
                row = after;
            }
            Node::End => return Err(WorkbookFault::Broken("its XML ends early".to_string())),
            Node::Close(_) | Node::Text(_) => {}
        }
    }
}

/// Of a row or column.
fn is_unseen(tag: &Tag<'_>) -> bool {
    tag.attribute("table:visibility").is_some_and(|v| v != "visible")
}

fn count(tag: &Tag<'_>, attribute: &str) -> u32 {
    tag.attribute(attribute).and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// `PT36H05M07S` as the other workbooks write it, `36:05:07`.
fn clock(duration: &str) -> Option<String> {
    let (hours, rest) = duration.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let (seconds, fraction) = match rest.strip_suffix('S')?.split_once(['.', ',']) {
        Some((seconds, fraction)) => (seconds, fraction.trim_end_matches('0')),
        None => (rest.strip_suffix('S')?, ""),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) || !digits(seconds) || !(fraction.is_empty() || digits(fraction)) {
        return None;
    }
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{hours:0>2}:{minutes:0>2}:{seconds:0>2}{point}{fraction}"))
}

/// Comments, drawings, and whole tables within cells: their texts are no part of the cell's.
fn is_aside(name: &str) -> bool {
    const ASIDE: &[&str] = &[
        "annotation",
        "caption",
        "connector",
        "control",
        "custom-shape",
        "ellipse",
        "frame",
        "g",
        "polygon",
        "rect",
        "table",
    ];
    ASIDE.contains(&name)
}

/// What a cell's own element says of its value; the text is inside.
struct Started {
    value: Option<String>,
    kind: CellKind,
}

impl Started {
    fn of(tag: &Tag<'_>) -> Self {
        let is_error = tag.attribute("calcext:value-type").is_some_and(|t| t == "error");
        let typed = tag.attribute("office:value-type").unwrap_or_default();
        let value = |name: &str| tag.attribute(name).filter(|v| !v.is_empty());
        let (value, kind) = match typed.as_str() {
            _ if is_error => (None, CellKind::Error),
            "float" | "percentage" | "currency" => (value("office:value").map(|v| number_text(&v)), CellKind::Number),
            "date" => (value("office:date-value"), CellKind::Date),
            "time" => (value("office:time-value").map(|v| clock(&v).unwrap_or(v)), CellKind::Date),
            "boolean" => (value("office:boolean-value"), CellKind::Truth),
            "string" => (value("office:string-value"), CellKind::Text),
            "" if tag.attribute("table:formula").is_some() => (Some(NOT_WORKED_OUT.to_string()), CellKind::Error),
            _ => (None, CellKind::Text),
        };
        Self { value, kind }
    }

    /// Reads up to the cell's end.
    fn finish(self, xml: &mut Xml<'_>) -> Result<(String, CellKind), WorkbookFault> {
        let (mut text, mut paragraphs) = (String::new(), 0);
        let (mut depth, mut aside, mut in_paragraph) = (1, 0, 0);
        loop {
            match xml.next()? {
                Node::Open(tag) => {
                    depth += 1;
                    match tag.name() {
                        name if is_aside(name) => aside += 1,
                        "p" | "h" if aside == 0 => {
                            if paragraphs > 0 {
                                text.push('\n');
                            }
                            paragraphs += 1;
                            in_paragraph += 1;
                        }
                        "s" if in_paragraph > 0 => {
                            let spaces = count(&tag, "text:c").min(32_767);
                            text.extend(std::iter::repeat_n(' ', spaces as usize));
                        }
                        "tab" if in_paragraph > 0 => text.push('\t'),
                        "line-break" if in_paragraph > 0 => text.push('\n'),
                        _ => {}
                    }
                }
                Node::Close(name) => {
                    depth -= 1;
                    match name.as_str() {
                        name if is_aside(name) => aside -= 1,
                        "p" | "h" if aside == 0 => in_paragraph -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        return Ok((self.value.unwrap_or(text), self.kind));
                    }
                }
                Node::Text(more) if in_paragraph > 0 && aside == 0 => text.push_str(&more),
                Node::Text(_) => {}
                Node::End => return Err(WorkbookFault::Broken("its XML ends early".to_string())),
            }
        }
    }
}
