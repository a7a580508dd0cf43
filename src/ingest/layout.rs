//! Which lines of a file are rows. Exports are made for people: titles stand above the
//! headings, totals and notes below the rows, headings stand again after a page. None of these may be
//! counted as usage, and no row may be taken for one of them.

use std::io;
use std::path::Path;

use super::rows::Behind;
use super::trust::distrust;
use super::typed::Problem;
use super::{Dialect, Event, OtherLine, Record, Rows, Survey};
use crate::finding::Code;
use crate::format::{normalise, reads_as};

/// Words, reduced as headings are, that name a total.
const TOTAL_WORDS: &[&str] = &["total", "totals", "grandtotal", "subtotal", "sum", "overall"];
/// How many lines that may be notes are held before they are taken for broken rows.
const NOTES: usize = 64;

/// What takes the lines of a file.
pub(super) trait LineSink {
    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()>;
    /// A row with the right number of fields; more are there only if empty.
    fn row(&mut self, record: &Record) -> anyhow::Result<()>;
    fn total(&mut self, record: &Record) -> anyhow::Result<()>;
    /// A line that is no row as it stands. With a record, its first fields may still be read.
    fn broken(&mut self, line: u64, raw: &str, record: Option<&Record>, problem: Problem) -> anyhow::Result<()>;
    /// The file's bytes end early.
    fn cut_off(&mut self, line: u64, why: String) -> anyhow::Result<()>;
    /// What comes next stands elsewhere in the file: others read what is before it. Of what comes next, `piece` is the first.
    fn elsewhere(&mut self, _piece: u64) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A file laid out in rows whose heading row is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    pub path: &'a Path,
    pub survey: &'a Survey,
    pub dialect: Dialect,
    pub header_line: u64,
}

/// What tells the lines of one file apart.
#[derive(Debug)]
pub(super) struct Layout {
    /// Normalised.
    headings: Vec<String>,
    labels: Vec<String>,
    /// Fields that name an account or SKU, each once: empty in a total row, or holding the word itself.
    keys: Vec<usize>,
    /// The first and the last of the other fields.
    beside_keys: Vec<usize>,
    currency: Vec<usize>,
    /// Of each key what its heading begins with; 0 where that is empty.
    key_initials: Vec<u8>,
    /// The bytes that words for a total begin with, and the first two of each.
    initials: [bool; 256],
    beginnings: Vec<[u8; 2]>,
    /// As [`Layout::may_be_total`] of a cell that begins with a letter or digit, by its first two bytes: a bit each.
    total_begins: Box<[[u64; 4]; 256]>,
    /// A line with every field is a row, even if only its first is filled.
    small: bool,
}

/// A line with only its first cell filled, until it is known what follows.
struct MaybeNote {
    line: u64,
    raw: String,
    fields: usize,
    text: String,
    /// Behind a blank line or a total row.
    apart: bool,
}

/// Lines read one behind the other, of a file whose other lines others may have read.
#[derive(Default)]
pub(super) struct Stretch {
    /// The piece of the file with which it begins.
    piece: u64,
    /// Something in it is no note, so that what looked like notes before it are none.
    decides: bool,
    /// What may be notes at its end.
    notes: Vec<MaybeNote>,
}

impl Layout {
    pub fn new(headings: &[String], labels: &[String], keys: Vec<usize>, currency: Vec<usize>) -> Self {
        let labels: Vec<String> = labels.iter().map(|l| normalise(l)).collect();
        let mut initials = [false; 256];
        for initial in words(&labels).filter_map(|word| word.bytes().next()) {
            initials[usize::from(initial)] = true;
        }
        let beginnings: Vec<[u8; 2]> =
            words(&labels).filter_map(|word| word.as_bytes().first_chunk().copied()).collect();
        let headings: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
        let mut named = std::collections::HashSet::new();
        let keys: Vec<usize> = keys.into_iter().filter(|field| named.insert(*field)).collect();
        let mut others = (0..headings.len()).filter(|field| !named.contains(field));
        let beside_keys = others.next().into_iter().chain(others.next_back()).collect();
        let initial = |field: &usize| headings[*field].bytes().next().unwrap_or_default();
        let key_initials = keys.iter().map(initial).collect();
        let total_begins = beginnings_of_totals(&initials, &beginnings);
        Self {
            key_initials,
            headings,
            labels,
            keys,
            beside_keys,
            currency,
            initials,
            beginnings,
            total_begins,
            small: false,
        }
    }

    /// For small tables, which have no totals, and whose rows may have one cell filled.
    pub fn small(headings: &[String]) -> Self {
        Self { small: true, ..Self::new(headings, &[], (0..headings.len()).collect(), Vec::new()) }
    }

    /// Reads the whole file.
    pub fn read(&self, lines: Lines<'_>, sink: &mut dyn LineSink) -> anyhow::Result<()> {
        self.read_rows(Rows::open(lines.path, lines.survey, lines.dialect)?, lines.header_line, sink)
    }

    /// Reads what there is of a file.
    pub fn read_rows(&self, mut records: Rows<'_>, header_line: u64, sink: &mut dyn LineSink) -> anyhow::Result<()> {
        let stretches = self.read_stretches(&mut records, header_line, sink)?;
        self.conclude(stretches, records.ended_with_newline(), sink)
    }

    /// Reads what others leave of a file, in stretches. What may be notes at their ends is concluded once all are read.
    pub fn read_stretches(
        &self,
        records: &mut Rows<'_>,
        header_line: u64,
        sink: &mut dyn LineSink,
    ) -> anyhow::Result<Vec<Stretch>> {
        let mut record = Record::new();
        let mut stretches = Vec::new();
        let mut stretch = Stretch::default();
        let mut apart = false;
        loop {
            let event = match records.next(&mut record) {
                Ok(event) => event,
                Err(e) if is_cut_off(&e) => {
                    self.give_up(&mut stretch, sink)?;
                    sink.cut_off(records.line() + 1, e.to_string())?;
                    return Ok(stretches);
                }
                Err(e) => return Err(e.into()),
            };
            match event {
                Event::End => match records.go_on()? {
                    Behind::Nothing => break,
                    Behind::Rows => {}
                    Behind::Elsewhere(piece) => {
                        stretches.push(std::mem::replace(&mut stretch, Stretch { piece, ..Stretch::default() }));
                        sink.elsewhere(piece)?;
                    }
                },
                Event::Blank => {
                    sink.other(records.line(), OtherLine::Blank)?;
                    apart = true;
                }
                Event::Fault(fault) if fault.line < header_line => sink.other(fault.line, OtherLine::Title)?,
                Event::Fault(fault) => {
                    self.give_up(&mut stretch, sink)?;
                    let (line, raw) = (fault.line, fault.raw.clone());
                    sink.broken(line, &raw, None, Problem::from(*fault))?;
                }
                Event::Record => {
                    let line = record.line();
                    if line > header_line && self.is_plainly_a_row(&record) {
                        self.give_up(&mut stretch, sink)?;
                        apart = false;
                        sink.row(&record)?;
                    } else if record.is_blank() {
                        sink.other(line, OtherLine::Blank)?;
                        apart = true;
                    } else if line < header_line {
                        sink.other(line, OtherLine::Title)?;
                    } else if line == header_line {
                        sink.other(line, OtherLine::Heading)?;
                        records.expect_fields(self.headings.len());
                    } else if self.is_heading(&record) {
                        self.give_up(&mut stretch, sink)?;
                        sink.other(line, OtherLine::RepeatedHeading)?;
                    } else if self.is_total(&record) {
                        self.give_up(&mut stretch, sink)?;
                        sink.total(&record)?;
                        apart = true;
                    } else if self.is_lone(&record) {
                        if stretch.notes.len() >= NOTES {
                            if stretch.piece > 0 {
                                // How many stand before it is not known here.
                                return Err(distrust().into());
                            }
                            self.give_up(&mut stretch, sink)?;
                        }
                        stretch.notes.push(MaybeNote {
                            line,
                            raw: record.raw().to_string(),
                            fields: record.len(),
                            text: record.get(0).unwrap_or_default().trim().to_string(),
                            apart: apart || stretch.notes.last().is_some_and(|n| n.apart),
                        });
                        apart = false;
                    } else {
                        self.give_up(&mut stretch, sink)?;
                        apart = false;
                        self.row(&record, records.ended_with_newline(), sink)?;
                    }
                }
            }
        }
        stretches.push(stretch);
        Ok(stretches)
    }

    /// Says what the lines at the ends of all stretches of a file are that may be notes. `whole`: it ends with a line end.
    pub fn conclude(&self, mut stretches: Vec<Stretch>, whole: bool, sink: &mut dyn LineSink) -> anyhow::Result<()> {
        stretches.sort_by_key(|stretch| stretch.piece);
        let mut so_far = Stretch::default();
        for stretch in stretches {
            if stretch.decides {
                self.give_up(&mut so_far, sink)?;
            }
            for note in stretch.notes {
                if so_far.notes.len() >= NOTES {
                    self.give_up(&mut so_far, sink)?;
                }
                so_far.notes.push(note);
            }
        }
        for note in so_far.notes {
            if note.apart || whole {
                sink.other(note.line, OtherLine::Note)?;
            } else {
                sink.broken(note.line, &note.raw, None, self.cut_short(note.fields, &note.text))?;
            }
        }
        Ok(())
    }

    fn row(&self, record: &Record, newline: bool, sink: &mut dyn LineSink) -> anyhow::Result<()> {
        let (found, expected) = (record.len(), self.headings.len());
        let only_empty_more = || (expected..found).all(|i| is_empty(record, i)) && !is_split_by_a_backslash(record);
        if found == expected || (found > expected && only_empty_more()) {
            return sink.row(record);
        }
        let last = record.get(found.saturating_sub(1)).unwrap_or_default().trim();
        let problem =
            if found < expected && !newline { self.cut_short(found, last) } else { self.wrong_count(found, last) };
        sink.broken(record.line(), record.raw(), Some(record), problem)
    }

    fn wrong_count(&self, found: usize, value: &str) -> Problem {
        Problem {
            code: Code::I104,
            column: found.min(self.headings.len() + 1) as u64,
            value: value.to_string(),
            message: format!("the row has {found} fields where the headings have {}", self.headings.len()),
        }
    }

    fn cut_short(&self, found: usize, value: &str) -> Problem {
        let expected = self.headings.len();
        Problem {
            code: Code::I110,
            column: found as u64,
            value: value.to_string(),
            message: format!(
                "the file ends in the middle of a row, without a line end and after {found} of {expected} fields"
            ),
        }
    }

    /// Rows follow, so what looked like notes are rows that lack their fields.
    #[inline]
    fn give_up(&self, stretch: &mut Stretch, sink: &mut dyn LineSink) -> anyhow::Result<()> {
        stretch.decides = true;
        if stretch.notes.is_empty() { Ok(()) } else { self.refuse(&mut stretch.notes, sink) }
    }

    fn refuse(&self, notes: &mut Vec<MaybeNote>, sink: &mut dyn LineSink) -> anyhow::Result<()> {
        for note in notes.drain(..) {
            let mut problem = self.wrong_count(note.fields, &note.text);
            if note.fields >= self.headings.len() {
                problem.message = "the row has only its first cell filled, and rows follow it".into();
            }
            problem.column = 1;
            sink.broken(note.line, &note.raw, None, problem)?;
        }
        Ok(())
    }

    /// Told by the first letters of what it names, as nearly every row is: it has every field, is neither blank nor a
    /// note, and no total or heading. `false` says nothing.
    #[inline]
    fn is_plainly_a_row(&self, record: &Record) -> bool {
        if record.len() != self.headings.len() {
            return false;
        }
        // Names begin with any letter, so that every cell is asked all of it: to guess would take longer.
        let (mut filled, mut is_total, mut is_heading) = (0, true, true);
        for (field, initial) in self.keys.iter().zip(&self.key_initials) {
            let begin @ [first, second] = record.bytes(*field).first_chunk().copied().unwrap_or_default();
            let is_filled = first.is_ascii_alphanumeric() & second.is_ascii_graphic();
            filled += u8::from(is_filled);
            is_total &= !is_filled | self.total_begins(begin);
            is_heading &= !is_filled || *initial == 0 || first.to_ascii_lowercase() == *initial;
        }
        let has_ink = |field: &usize| record.bytes(*field).first().is_some_and(u8::is_ascii_graphic);
        let has_ink = self.beside_keys.iter().map(has_ink).fold(false, std::ops::BitOr::bitor);
        !is_total && !is_heading && (filled > 1 || has_ink)
    }

    /// Whether a word for a total may begin with these letters and digits; where the second is neither, with the first.
    #[inline]
    fn total_begins(&self, [first, second]: [u8; 2]) -> bool {
        self.total_begins[usize::from(first)][usize::from(second / 64)] >> (second % 64) & 1 == 1
    }

    fn is_heading(&self, record: &Record) -> bool {
        let Some(first) = self.headings.first() else { return false };
        record.len() == self.headings.len()
            && same(record.get(0).unwrap_or_default(), first)
            && record.iter().zip(&self.headings).all(|(cell, heading)| same(cell, heading))
    }

    fn is_lone(&self, record: &Record) -> bool {
        let narrow = record.len() < self.headings.len();
        self.headings.len() > 1
            && (narrow || !self.small)
            && !is_empty(record, 0)
            && (1..record.len()).all(|i| is_empty(record, i))
    }

    /// Nothing but total words and numbers, with no account or SKU named.
    fn is_total(&self, record: &Record) -> bool {
        if self.keys.iter().any(|i| !is_empty(record, *i) && !self.is_total_word(record.get(*i).unwrap_or_default())) {
            return false;
        }
        let mut labelled = false;
        for (i, cell) in record.iter().enumerate() {
            let cell = cell.trim();
            if cell.is_empty() || is_figure(cell) || (cell.len() == 3 && self.currency.contains(&i)) {
                continue;
            }
            if !self.is_total_word(cell) {
                return false;
            }
            labelled = true;
        }
        labelled
    }

    fn is_total_word(&self, cell: &str) -> bool {
        self.may_be_total(cell.as_bytes()) && self.reads_as_total(cell)
    }

    /// Whether a cell begins as a word for a total does.
    #[inline]
    fn may_be_total(&self, cell: &[u8]) -> bool {
        match cell {
            [first, ..] if first.is_ascii_alphanumeric() && !self.initials[usize::from(first.to_ascii_lowercase())] => {
                false
            }
            [first, second, ..] if first.is_ascii_alphanumeric() && second.is_ascii_alphanumeric() => {
                self.beginnings.contains(&[first.to_ascii_lowercase(), second.to_ascii_lowercase()])
            }
            _ => true,
        }
    }

    fn reads_as_total(&self, cell: &str) -> bool {
        let letter = cell.chars().next().filter(|c| c.is_alphanumeric()).and_then(|c| c.to_lowercase().next());
        let initial = letter.map(|c| c.encode_utf8(&mut [0; 4]).as_bytes()[0]);
        if initial.is_some_and(|byte| !self.initials[usize::from(byte)]) {
            return false;
        }
        cell.len() <= 64 && words(&self.labels).any(|word| reads_as(cell, word))
    }
}

/// The first two bytes of cells that begin with a letter or digit and may be words for a total, as
/// [`Layout::may_be_total`] has it: a bit each.
fn beginnings_of_totals(initials: &[bool; 256], beginnings: &[[u8; 2]]) -> Box<[[u64; 4]; 256]> {
    let mut bits = Box::new([[0; 4]; 256]);
    let bit = |second: u8| (usize::from(second / 64), 1 << (second % 64));
    let mut others = [0; 4];
    for (word, bit) in (0..=u8::MAX).filter(|second| !second.is_ascii_alphanumeric()).map(bit) {
        others[word] |= bit;
    }
    let letters = (0..=u8::MAX).filter(u8::is_ascii_alphanumeric);
    for first in letters.filter(|first| initials[usize::from(first.to_ascii_lowercase())]) {
        bits[usize::from(first)] = others;
    }
    for [first, second] in beginnings.iter().filter(|both| both.iter().all(u8::is_ascii_alphanumeric)) {
        for first in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
            for (word, bit) in [second.to_ascii_lowercase(), second.to_ascii_uppercase()].map(bit) {
                bits[usize::from(first)][word] |= bit;
            }
        }
    }
    bits
}

/// The words for a total, of any file and of this one.
fn words(labels: &[String]) -> impl Iterator<Item = &str> {
    TOTAL_WORDS.iter().copied().chain(labels.iter().map(String::as_str))
}

/// Whether a row of a file that no format describes is its total: a total word, and figures beside it.
pub fn looks_like_total(cells: &[&str]) -> bool {
    let mut labelled = false;
    for cell in cells.iter().map(|c| c.trim()).filter(|c| !c.is_empty() && !is_figure(c)) {
        if cell.len() > 64 || !TOTAL_WORDS.contains(&normalise(cell).as_str()) {
            return false;
        }
        labelled = true;
    }
    labelled
}

fn is_empty(record: &Record, field: usize) -> bool {
    match record.bytes(field).first() {
        None => true,
        Some(byte) if byte.is_ascii_graphic() => false,
        Some(_) => record.get(field).is_none_or(|cell| cell.trim().is_empty()),
    }
}

/// `"5\", z"`: the quote was escaped the other way, so one cell came out as two, and those behind it are shifted.
fn is_split_by_a_backslash(record: &Record) -> bool {
    let ends = |i: usize, with: char| record.get(i).is_some_and(|cell| cell.ends_with(with));
    (1..record.len()).any(|i| ends(i - 1, '\\') && ends(i, '"'))
}

fn same(cell: &str, heading: &str) -> bool {
    cell.len() >= heading.len() && reads_as(cell, heading)
}

/// Looks like a number or an amount of money.
fn is_figure(cell: &str) -> bool {
    cell.bytes().any(|b| b.is_ascii_digit())
        && cell.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || ".,'’+-()$€£¥%".contains(c))
}

pub(super) fn is_cut_off(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_word_for_a_total_is_told_by_its_first_two_bytes() {
        let labels = ["Σ", "x", "Grand Total", "9 lives", "Ä"].map(str::to_string);
        let layout = Layout::new(&["a".to_string()], &labels, vec![0], Vec::new());
        for first in (0..=u8::MAX).filter(u8::is_ascii_alphanumeric) {
            for second in 0..=u8::MAX {
                let told = layout.total_begins([first, second]);
                assert_eq!(told, layout.may_be_total(&[first, second]), "{first} {second}");
            }
        }
        assert!(["To", "gR", "x ", "9 "].iter().all(|begin| layout.may_be_total(begin.as_bytes())));
        assert!(["Kl", "xy", "9k"].iter().all(|begin| !layout.may_be_total(begin.as_bytes())));
    }
}
