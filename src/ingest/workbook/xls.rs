//! XLS as Excel 97 to 2003 write it (BIFF8): records one after another, first of the workbook and then of each
//! sheet. Formulas give the value that was last worked out.

use super::cell::{NOT_WORKED_OUT, NumberFormat, elapsed_text, float_text, serial_text};
use super::cfb::Compound;
use super::{CellKind, Held, Sheet, WorkbookFault};

mod strings;

const FORMULA: u16 = 0x0006;
const END_OF_PART: u16 = 0x000A;
const FROM_1904: u16 = 0x0022;
const PASSWORD: u16 = 0x002F;
const CONTINUE: u16 = 0x003C;
const COLUMNS: u16 = 0x007D;
const SHEET: u16 = 0x0085;
const MANY_RK: u16 = 0x00BD;
const CELL_FORMAT: u16 = 0x00E0;
const MERGED: u16 = 0x00E5;
const STRINGS: u16 = 0x00FC;
const SHARED_STRING: u16 = 0x00FD;
const ROW: u16 = 0x0208;
const NUMBER: u16 = 0x0203;
const LABEL: u16 = 0x0204;
const TRUTH_OR_ERROR: u16 = 0x0205;
const FORMULA_STRING: u16 = 0x0207;
const RK: u16 = 0x027E;
const NUMBER_FORMAT: u16 = 0x041E;
const BEGIN: u16 = 0x0809;

fn damaged(why: &str) -> WorkbookFault {
    WorkbookFault::Broken(why.to_string())
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Sheet>, WorkbookFault> {
    let file = Compound::open(bytes)?;
    if file.has("EncryptedPackage") {
        return Err(WorkbookFault::Refused("it is protected with a password; save it without one".to_string()));
    }
    let Some(stream) = file.stream("Workbook")? else {
        let what = if file.has("Book") {
            "it is of Excel 95 or older; save it as .xlsx"
        } else {
            "it is an old Office document other than a workbook"
        };
        return Err(WorkbookFault::Refused(what.to_string()));
    };
    let globals = Globals::read(&stream)?;
    let mut held = Held::default();
    // Sheets of charts and macros have no cells.
    let of_cells = globals.sheets.iter().filter(|listed| listed.is_cells);
    of_cells.map(|listed| Ok(globals.sheet(&stream, listed, &mut held)?.hidden_if(listed.hidden))).collect()
}

/// Records from an offset on: kind and body.
struct RecordsFrom<'a> {
    rest: &'a [u8],
}

impl<'a> RecordsFrom<'a> {
    fn new(stream: &'a [u8], at: usize) -> Result<Self, WorkbookFault> {
        let rest = stream.get(at..).ok_or_else(|| damaged("a sheet is not where the workbook says"))?;
        Ok(Self { rest })
    }

    pub fn peek(&self) -> Option<u16> {
        u16_at(self.rest, 0)
    }

    pub fn next(&mut self) -> Result<(u16, &'a [u8]), WorkbookFault> {
        let early = || damaged("its records end early");
        let (kind, length) = u16_at(self.rest, 0).zip(u16_at(self.rest, 2)).ok_or_else(early)?;
        let end = 4 + usize::from(length);
        let body = self.rest.get(4..end).ok_or_else(early)?;
        self.rest = &self.rest[end..];
        Ok((kind, body))
    }
}

struct Listed {
    name: String,
    at: usize,
    hidden: bool,
    is_cells: bool,
}

/// What stands before the sheets.
#[derive(Default)]
struct Globals {
    sheets: Vec<Listed>,
    strings: Vec<String>,
    own_formats: Vec<(u16, NumberFormat)>,
    formats: Vec<u16>,
    from_1904: bool,
}

impl Globals {
    fn read(stream: &[u8]) -> Result<Self, WorkbookFault> {
        let mut records = RecordsFrom::new(stream, 0)?;
        let (kind, body) = records.next()?;
        if kind != BEGIN || u16_at(body, 0) != Some(0x0600) {
            return Err(WorkbookFault::Refused("it is of Excel 95 or older; save it as .xlsx".to_string()));
        }
        let mut globals = Self::default();
        let mut held = Held::default();
        loop {
            let (kind, body) = records.next()?;
            match kind {
                END_OF_PART => return Ok(globals),
                PASSWORD => {
                    let message = "it is protected with a password; save it without one";
                    return Err(WorkbookFault::Refused(message.to_string()));
                }
                FROM_1904 => globals.from_1904 = u16_at(body, 0) == Some(1),
                SHEET => {
                    let at = u32_at(body, 0).ok_or_else(|| damaged("its list of sheets ends early"))?;
                    let (state, kind) = (body.get(4).copied(), body.get(5).copied());
                    globals.sheets.push(Listed {
                        name: strings::short(body.get(6..).unwrap_or_default()),
                        at: at as usize,
                        hidden: state.is_some_and(|s| s & 3 != 0),
                        is_cells: kind == Some(0),
                    });
                }
                NUMBER_FORMAT => {
                    if let Some(id) = u16_at(body, 0) {
                        let code = strings::long(body.get(2..).unwrap_or_default());
                        globals.own_formats.push((id, NumberFormat::of(&code)));
                    }
                }
                CELL_FORMAT => globals.formats.push(u16_at(body, 2).unwrap_or(0)),
                STRINGS => globals.strings = strings::shared(body, &mut records, &mut held)?,
                _ => {}
            }
        }
    }

    fn sheet(&self, stream: &[u8], listed: &Listed, held: &mut Held) -> Result<Sheet, WorkbookFault> {
        let mut records = RecordsFrom::new(stream, listed.at)?;
        let mut sheet = Sheet::new(listed.name.clone());
        // Charts within a sheet are parts within a part.
        let mut depth = 0;
        let mut formula: Option<(u32, u16)> = None;
        // Formulas that came to an empty text, and whether any came to something.
        let (mut empty, mut any_worked_out) = (Vec::new(), false);
        loop {
            let (kind, body) = records.next()?;
            match kind {
                BEGIN => depth += 1,
                END_OF_PART => {
                    depth -= 1;
                    if depth <= 0 {
                        // Where all came to nothing, no program has worked them out yet.
                        for (row, column) in empty.into_iter().filter(|_| !any_worked_out) {
                            sheet.put(row, column, NOT_WORKED_OUT, CellKind::Error, held)?;
                        }
                        return sheet.finish();
                    }
                }
                _ if depth != 1 => {}
                FORMULA_STRING => {
                    if let Some((row, column)) = formula.take() {
                        let text = strings::continued(body, &mut records)?;
                        sheet.put(row, column, &text, CellKind::Text, held)?;
                    }
                }
                SHARED_STRING | NUMBER | RK | TRUTH_OR_ERROR | FORMULA | LABEL => {
                    let (Some(row), Some(column), Some(style)) = (u16_at(body, 0), u16_at(body, 2), u16_at(body, 4))
                    else {
                        return Err(damaged("a cell's record ends early"));
                    };
                    let row = u32::from(row);
                    let rest = body.get(6..).unwrap_or_default();
                    if kind == FORMULA && rest.first() == Some(&0) && rest.get(6..8) == Some(&[0xFF, 0xFF]) {
                        (formula, any_worked_out) = (Some((row, column)), true);
                        continue;
                    }
                    let is_formula = kind == FORMULA;
                    let (text, kind) = self.value(kind, rest, style)?;
                    if is_formula && text.is_empty() {
                        empty.push((row, column));
                    }
                    any_worked_out |= is_formula && !text.is_empty() && text != NOT_WORKED_OUT;
                    sheet.put(row, column, &text, kind, held)?;
                }
                ROW => {
                    if let (Some(row), Some(flags)) = (u16_at(body, 0), u16_at(body, 12))
                        && flags & 0x20 != 0
                    {
                        sheet.hide(u32::from(row)..u32::from(row) + 1);
                    }
                }
                MERGED => {
                    for range in body.get(2..).unwrap_or_default().chunks_exact(8) {
                        if let (Some(first), Some(last), Some(column)) =
                            (u16_at(range, 0), u16_at(range, 2), u16_at(range, 4))
                        {
                            sheet.merge((u32::from(first), u32::from(column)), u32::from(last) + 1);
                        }
                    }
                }
                COLUMNS => {
                    if let (Some(first), Some(last), Some(flags)) = (u16_at(body, 0), u16_at(body, 2), u16_at(body, 8))
                        && (flags & 1 != 0 || u16_at(body, 4) == Some(0))
                    {
                        sheet.hide_columns(u32::from(first)..u32::from(last) + 1);
                    }
                }
                MANY_RK => {
                    let (Some(row), Some(first)) = (u16_at(body, 0), u16_at(body, 2)) else {
                        return Err(damaged("a cell's record ends early"));
                    };
                    let cells = body.get(4..body.len().saturating_sub(2)).unwrap_or_default().chunks_exact(6);
                    for (cell, column) in cells.zip(first..) {
                        let style = u16_at(cell, 0).unwrap_or(0);
                        let (text, kind) = self.value(RK, &cell[2..], style)?;
                        sheet.put(u32::from(row), column, &text, kind, held)?;
                    }
                }
                _ => {}
            }
        }
    }

    fn value(&self, kind: u16, rest: &[u8], style: u16) -> Result<(String, CellKind), WorkbookFault> {
        let early = || damaged("a cell's record ends early");
        let eight = |bytes: &[u8]| bytes.get(..8).and_then(|b| <[u8; 8]>::try_from(b).ok()).ok_or_else(early);
        Ok(match kind {
            SHARED_STRING => {
                let index = u32_at(rest, 0).ok_or_else(early)?;
                let string = self.strings.get(index as usize);
                let missing = || damaged("a cell names a shared string that is not there");
                (string.ok_or_else(missing)?.clone(), CellKind::Text)
            }
            LABEL => (strings::long(rest), CellKind::Text),
            RK => self.number(rk(u32_at(rest, 0).ok_or_else(early)?), style),
            TRUTH_OR_ERROR => match (rest.first(), rest.get(1)) {
                (Some(value), Some(0)) => truth(*value),
                (Some(value), Some(_)) => (error(*value).to_string(), CellKind::Error),
                _ => return Err(early()),
            },
            FORMULA => match eight(rest)? {
                [1, _, value, _, _, _, 0xFF, 0xFF] => truth(value),
                [2, _, value, _, _, _, 0xFF, 0xFF] => (error(value).to_string(), CellKind::Error),
                // What writes a formula without working it out leaves an empty text, and asks for it to be done.
                [3, _, _, _, _, _, 0xFF, 0xFF] if u16_at(rest, 8).is_some_and(|flags| flags & 1 != 0) => {
                    (NOT_WORKED_OUT.to_string(), CellKind::Error)
                }
                // An empty text.
                [3, _, _, _, _, _, 0xFF, 0xFF] => (String::new(), CellKind::Text),
                bytes => self.number(f64::from_le_bytes(bytes), style),
            },
            _ => self.number(f64::from_le_bytes(eight(rest)?), style),
        })
    }

    fn number(&self, value: f64, style: u16) -> (String, CellKind) {
        let text = float_text(value);
        let id = self.formats.get(usize::from(style)).copied().unwrap_or(0);
        let own = self.own_formats.iter().find(|(own, _)| *own == id).map(|(_, format)| *format);
        let dated = match own.unwrap_or_else(|| NumberFormat::builtin(u32::from(id))) {
            NumberFormat::Date => serial_text(&text, self.from_1904),
            NumberFormat::Elapsed => elapsed_text(&text),
            NumberFormat::Plain => None,
        };
        dated.map_or((text, CellKind::Number), |text| (text, CellKind::Date))
    }
}

/// A number in 30 bits: the top of a float or a whole number, either of them perhaps a hundredfold.
fn rk(bits: u32) -> f64 {
    let value = if bits & 2 == 0 {
        f64::from_bits(u64::from(bits & 0xFFFF_FFFC) << 32)
    } else {
        f64::from(bits.cast_signed() >> 2)
    };
    if bits & 1 == 0 { value } else { value / 100.0 }
}

fn truth(value: u8) -> (String, CellKind) {
    ((if value == 0 { "false" } else { "true" }).to_string(), CellKind::Truth)
}

fn error(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        0x2A => "#N/A",
        _ => "#ERROR!",
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
