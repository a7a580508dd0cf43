//! XLSX: the workbook's sheets, shared strings and number formats, and each sheet's cells as they stand in its
//! XML. Formulas give the value that was last worked out.

use std::collections::HashMap;

use super::cell::{NOT_WORKED_OUT, NumberFormat, elapsed_text, number_text, serial_text};
use super::package::{Node, Package, Tag};
use super::{CellKind, Held, Sheet, WorkbookFault};

/// The widest sheet Excel knows.
const WIDEST: u32 = 16_384;
const LONGEST: u32 = 1 << 20;

pub(super) fn read(package: &Package<'_>) -> Result<Vec<Sheet>, WorkbookFault> {
    let roots = relations(package, "_rels/.rels", "")?;
    let office = roots.values().find(|r| r.kind.ends_with("/officeDocument"));
    let main = office.map_or("xl/workbook.xml", |r| r.target.as_str()).to_string();
    let (folder, file) = main.rsplit_once('/').unwrap_or(("", &main));
    let mut related = relations(package, &format!("{folder}/_rels/{file}.rels"), folder)?;
    let index = index(package, &main)?;
    let of_kind = |kind: &str| related.values().find(|r| r.kind.ends_with(kind)).map(|r| r.target.clone());
    let mut held = Held::default();
    let reader = Reader {
        package,
        strings: of_kind("/sharedStrings").map_or(Ok(Vec::new()), |part| strings(package, &part))?,
        formats: of_kind("/styles").map_or(Ok(Vec::new()), |part| formats(package, &part))?,
        from_1904: index.from_1904,
    };
    let mut sheets = Vec::new();
    for listed in index.sheets {
        let Some(relation) = related.remove(&listed.relation) else {
            let message = format!("nothing says where its sheet {:?} is", listed.name);
            return Err(WorkbookFault::Broken(message));
        };
        // Sheets of charts and macros have no cells.
        if !relation.kind.ends_with("/worksheet") {
            continue;
        }
        let sheet = reader.sheet(listed.name, &relation.target, &mut held)?;
        sheets.push(sheet.hidden_if(listed.hidden));
    }
    Ok(sheets)
}

struct Relation {
    kind: String,
    target: String,
}

/// By id. A target stands relative to the folder of the part that names it.
fn relations(package: &Package<'_>, part: &str, folder: &str) -> Result<HashMap<String, Relation>, WorkbookFault> {
    let mut found = HashMap::new();
    let Some(mut xml) = package.part(part)? else { return Ok(found) };
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.name() == "Relationship" => {
                let [id, kind, target] = ["Id", "Type", "Target"].map(|name| tag.attribute(name).unwrap_or_default());
                let target = part_of(folder, &target);
                found.insert(id, Relation { kind, target });
            }
            Node::End => return Ok(found),
            Node::Open(_) | Node::Close(_) | Node::Text(_) => {}
        }
    }
}

/// The part that a target means, by the folder that it is named from.
pub(super) fn part_of(folder: &str, target: &str) -> String {
    let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for segment in target.split('/') {
        match segment {
            "." => {}
            ".." => drop(path.pop()),
            segment => path.push(segment),
        }
    }
    path.retain(|segment| !segment.is_empty());
    path.join("/")
}

struct Listed {
    name: String,
    relation: String,
    hidden: bool,
}

struct Index {
    sheets: Vec<Listed>,
    from_1904: bool,
}

fn index(package: &Package<'_>, part: &str) -> Result<Index, WorkbookFault> {
    let mut index = Index { sheets: Vec::new(), from_1904: false };
    let Some(mut xml) = package.part(part)? else {
        return Err(WorkbookFault::Broken("it has no list of its sheets".to_string()));
    };
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.name() == "workbookPr" => {
                index.from_1904 = tag.attribute("date1904").is_some_and(|v| v == "1" || v == "true");
            }
            Node::Open(tag) if tag.name() == "sheet" => index.sheets.push(Listed {
                name: tag.attribute("name").unwrap_or_default(),
                relation: tag.attribute("id").unwrap_or_default(),
                hidden: tag.attribute("state").is_some_and(|s| s != "visible"),
            }),
            Node::End => return Ok(index),
            Node::Open(_) | Node::Close(_) | Node::Text(_) => {}
        }
    }
}

fn strings(package: &Package<'_>, part: &str) -> Result<Vec<String>, WorkbookFault> {
    let (mut strings, mut held) = (Vec::new(), Held::default());
    let Some(mut xml) = package.part(part)? else { return Ok(strings) };
    let mut text = Text::default();
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.name() == "si" => text = Text::default(),
            Node::Open(tag) => text.open(tag.name()),
            Node::Close(name) if name == "si" => {
                let text = text.take();
                held.add(&text)?;
                strings.push(text);
            }
            Node::Close(name) => text.close(&name),
            Node::Text(more) => text.add(&more),
            Node::End => return Ok(strings),
        }
    }
}

/// The text of a string: its `t` elements, without those of reading aids.
#[derive(Default)]
struct Text {
    gathered: String,
    inside: bool,
    aside: bool,
}

impl Text {
    fn open(&mut self, name: &str) {
        match name {
            "t" => self.inside = true,
            "rPh" => self.aside = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.inside = false,
            "rPh" => self.aside = false,
            _ => {}
        }
    }

    fn add(&mut self, more: &str) {
        if self.inside && !self.aside {
            self.gathered.push_str(more);
        }
    }

    fn take(&mut self) -> String {
        unescape(&std::mem::take(&mut self.gathered))
    }
}

/// `_x000D_` stands for a character that XML cannot hold.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 7).and_then(|c| c.strip_suffix('_'));
        let code = code.filter(|c| c.bytes().all(|b| b.is_ascii_hexdigit()));
        let c = code.and_then(|c| u32::from_str_radix(c, 16).ok()).and_then(char::from_u32);
        let (kept, next) = if c.is_some() { (at, at + 7) } else { (at + 2, at + 2) };
        out.push_str(&rest[..kept]);
        out.extend(c);
        rest = &rest[next..];
    }
    out.push_str(rest);
    out
}

/// Per cell style, what its numbers are.
fn formats(package: &Package<'_>, part: &str) -> Result<Vec<NumberFormat>, WorkbookFault> {
    let mut formats = Vec::new();
    let Some(mut xml) = package.part(part)? else { return Ok(formats) };
    let mut own: HashMap<u32, NumberFormat> = HashMap::new();
    let mut in_cells = false;
    let id_of = |tag: &Tag<'_>| tag.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
    loop {
        match xml.next()? {
            Node::Open(tag) => match tag.name() {
                "numFmt" => {
                    own.insert(id_of(&tag), NumberFormat::of(&tag.attribute("formatCode").unwrap_or_default()));
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = id_of(&tag);
                    formats.push(own.get(&id).copied().unwrap_or_else(|| NumberFormat::builtin(id)));
                }
                _ => {}
            },
            Node::Close(name) if name == "cellXfs" => in_cells = false,
            Node::End => return Ok(formats),
            Node::Close(_) | Node::Text(_) => {}
        }
    }
}

struct Reader<'p, 'a> {
    package: &'p Package<'a>,
    strings: Vec<String>,
    formats: Vec<NumberFormat>,
    from_1904: bool,
}

/// A cell as it is gathered.
#[derive(Default)]
struct Cell {
    kind: String,
    style: usize,
    value: String,
    inline: Text,
    formula: bool,
}

impl Reader<'_, '_> {
    fn sheet(&self, name: String, part: &str, held: &mut Held) -> Result<Sheet, WorkbookFault> {
        let Some(mut xml) = self.package.part(part)? else {
            return Err(WorkbookFault::Broken(format!("its sheet {name:?} is not there")));
        };
        let mut sheet = Sheet::new(name);
        let (mut row, mut next_row, mut column, mut next_column) = (0, 0, 0, 0);
        let mut cell = Cell::default();
        let (mut in_data, mut in_cell, mut in_value, mut aside) = (false, false, false, 0_usize);
        loop {
            match xml.next()? {
                // What programs add of their own may have names of cells and values, too.
                Node::Open(tag) if aside > 0 || tag.name() == "extLst" => aside += 1,
                Node::Close(_) if aside > 0 => aside -= 1,
                Node::Text(_) if aside > 0 => {}
                Node::Open(tag) => match tag.name() {
                    "sheetData" => in_data = true,
                    "row" if in_data => {
                        let stated = tag.attribute("r").and_then(|r| r.parse::<u32>().ok());
                        row = stated.map_or(next_row, |r| r.saturating_sub(1));
                        (next_row, next_column) = (row.saturating_add(1), 0);
                        // What is no row high is not seen either.
                        if is_set(&tag, "hidden", &["1", "true"]) || is_set(&tag, "ht", &["0"]) {
                            sheet.hide(row..next_row);
                        }
                    }
                    "col" => {
                        let [first, last] =
                            ["min", "max"].map(|name| tag.attribute(name).and_then(|n| n.parse::<u32>().ok()));
                        if let (Some(first), Some(last)) = (first, last)
                            && (is_set(&tag, "hidden", &["1", "true"]) || is_set(&tag, "width", &["0"]))
                        {
                            sheet.hide_columns(first.saturating_sub(1)..last);
                        }
                    }
                    "c" if in_data => {
                        let stated = tag.attribute("r");
                        let at = match &stated {
                            Some(reference) => place(reference).ok_or_else(|| bad_place(&sheet, reference))?,
                            None => (row, next_column),
                        };
                        (row, column) = at;
                        next_column = column.saturating_add(1);
                        if row >= LONGEST || column >= WIDEST {
                            return Err(bad_place(&sheet, &stated.unwrap_or_default()));
                        }
                        let style = tag.attribute("s").and_then(|s| s.parse().ok()).unwrap_or(0);
                        cell = Cell { kind: tag.attribute("t").unwrap_or_default(), style, ..Cell::default() };
                        in_cell = true;
                    }
                    "mergeCell" => {
                        let range = tag.attribute("ref").unwrap_or_default();
                        if let Some((first, last)) = range.split_once(':').and_then(|(a, b)| place(a).zip(place(b))) {
                            sheet.merge(first, last.0.saturating_add(1));
                        }
                    }
                    "v" if in_cell => in_value = true,
                    "f" if in_cell => cell.formula = true,
                    other if in_cell => cell.inline.open(other),
                    _ => {}
                },
                Node::Text(text) if in_value => cell.value.push_str(&text),
                Node::Text(text) if in_cell => cell.inline.add(&text),
                Node::Text(_) => {}
                Node::Close(name) => match name.as_str() {
                    "sheetData" => in_data = false,
                    "v" => in_value = false,
                    "c" if in_cell => {
                        in_cell = false;
                        let (text, kind) = self.value(&mut cell)?;
                        sheet.put(row, u16::try_from(column).unwrap_or(u16::MAX), &text, kind, held)?;
                    }
                    other if in_cell => cell.inline.close(other),
                    _ => {}
                },
                Node::End => return sheet.finish(),
            }
        }
    }

    fn value(&self, cell: &mut Cell) -> Result<(String, CellKind), WorkbookFault> {
        let stored = cell.value.trim();
        // One that came to an empty text says that it is a text.
        if cell.formula && stored.is_empty() && cell.kind != "str" {
            return Ok((NOT_WORKED_OUT.to_string(), CellKind::Error));
        }
        Ok(match cell.kind.as_str() {
            "s" => {
                let string = stored.parse::<usize>().ok().and_then(|i| self.strings.get(i));
                let string = string.ok_or_else(|| {
                    WorkbookFault::Broken(format!("a cell names shared string {stored}, which is not there"))
                })?;
                (string.clone(), CellKind::Text)
            }
            // Some programs leave out the kind, or write the text as a value.
            "inlineStr" | "" | "n" if stored.is_empty() => (cell.inline.take(), CellKind::Text),
            "inlineStr" | "str" => (unescape(&cell.value), CellKind::Text),
            "b" => match stored {
                "1" | "true" => ("true".to_string(), CellKind::Truth),
                "0" | "false" => ("false".to_string(), CellKind::Truth),
                // Whatever it is, it is neither.
                _ => (stored.to_string(), CellKind::Text),
            },
            "e" => (stored.to_string(), CellKind::Error),
            "d" => (stored.to_string(), CellKind::Date),
            "" | "n" => {
                if cell.style > 0 && cell.style >= self.formats.len() {
                    // Whether the number is a date stands there.
                    return Err(WorkbookFault::Broken(format!(
                        "a cell names style {}, which is not there",
                        cell.style
                    )));
                }
                let dated = match self.formats.get(cell.style) {
                    Some(NumberFormat::Date) => serial_text(stored, self.from_1904),
                    Some(NumberFormat::Elapsed) => elapsed_text(stored),
                    Some(NumberFormat::Plain) | None => None,
                };
                dated.map_or_else(|| (number_text(stored), CellKind::Number), |text| (text, CellKind::Date))
            }
            other => return Err(WorkbookFault::Broken(format!("a cell is of type {other:?}, which is none"))),
        })
    }
}

fn is_set(tag: &Tag<'_>, name: &str, values: &[&str]) -> bool {
    tag.attribute(name).is_some_and(|value| values.contains(&value.as_str()))
}

fn bad_place(sheet: &Sheet, reference: &str) -> WorkbookFault {
    WorkbookFault::Broken(format!("sheet {:?} has a cell at {reference:?}, which is no place on it", sheet.name()))
}

/// `BC12` as row and column, from 0.
fn place(reference: &str) -> Option<(u32, u32)> {
    let letters = reference.find(|c: char| c.is_ascii_digit())?;
    let (column, row) = reference.split_at(letters);
    let column = column.bytes().try_fold(0_u32, |sum, b| {
        let letter = b.to_ascii_uppercase().checked_sub(b'A').filter(|l| *l < 26)?;
        sum.checked_mul(26)?.checked_add(u32::from(letter) + 1)
    })?;
    Some((row.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}
