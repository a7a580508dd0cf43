//! What speaks against the way a text of unknown make was cut and named: another delimiter or quote that fits as well,
//! a first row that is no row of headings. Each is told, since a reader who knows the file sees at once what is meant.

use super::detect::{DELIMITERS, TITLES, stated_delimiter};
use super::guess::Guess;
use super::{DecimalStyle, Dialect, Event, Record, Rows, Survey, parse_date, parse_number};
use crate::finding::{Code, Finding, Severity};

/// How many rows below the headings are asked what their columns hold.
const ASKED: usize = 100;

/// What the row taken for headings is, seen beside the rows below it.
#[derive(Debug, Default)]
pub(super) struct Headings {
    /// It is a row like the others: nothing names the columns.
    pub missing: bool,
    /// A column shows that the row is none like the others.
    pub certain: bool,
    /// A cell that is a value like those below it.
    value: Option<(usize, String)>,
    /// The row below seems to go on naming columns.
    two_rows: bool,
}

impl Headings {
    pub fn of(survey: &Survey, guess: Guess) -> Self {
        let mut records = Rows::of_head(survey, Dialect::of(guess.delimiter));
        let mut record = Record::new();
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut quoted = false;
        while rows.len() < ASKED {
            match records.next(&mut record) {
                Ok(Event::Record) if record.line() >= guess.header_line => {
                    quoted |= rows.is_empty() && record.raw().contains('"');
                    rows.push(record.iter().map(Cell::of).collect());
                }
                Ok(Event::Record | Event::Blank | Event::Fault(_)) => {}
                Ok(Event::End) | Err(_) => break,
            }
        }
        let Some((first, below)) = rows.split_first() else { return Self::default() };
        // Rows of another width are refused, and tell nothing.
        let below: Vec<&Vec<Cell>> =
            below.iter().filter(|r| r.len() == first.len() || survey.sheet.is_some()).collect();
        // Blanks between quotes are meant to be headings.
        let blank = quoted && first.iter().all(|c| *c == Cell::Blank);
        let mut seen = Self { missing: is_missing(first) && !blank, ..Self::default() };
        for (column, heading) in first.iter().enumerate() {
            let mut cells = below.iter().filter_map(|r| r.get(column)).filter(|c| **c != Cell::Blank).peekable();
            if cells.peek().is_none() || !cells.all(|c| matches!(c, Cell::Value(_))) {
                continue;
            }
            match heading {
                Cell::Text | Cell::Blank => seen.certain |= *heading == Cell::Text,
                Cell::Value(value) if is_name(value) => {}
                Cell::Value(value) => seen.value = seen.value.or(Some((column, value.clone()))),
            }
        }
        seen.two_rows = below.split_first().is_some_and(|(next, rest)| goes_on(first, next, rest));
        seen
    }

    /// Warnings, with the column of the heading row that each is about, if it is about one. `line` is where that row is.
    pub fn findings(&self) -> Vec<(Option<usize>, Finding)> {
        let mut said = Vec::new();
        let mut warn = |column, code, message: &str, value: Option<String>| {
            let finding = Finding::new(code, message).severity(Severity::Warning);
            said.push((column, Finding { value, ..finding }));
        };
        if self.missing {
            let message = "the first row holds values and no headings: it was read as a record, and the columns were \
                           numbered; put a row of headings above it if they have names";
            warn(None, Code::I103, message, None);
        } else if let (false, Some((column, value))) = (self.certain, &self.value) {
            let message = "the row was taken for headings, and this is a value like those below it; if the file has no \
                           headings, put a row of them above";
            warn(Some(*column), Code::I103, message, Some(value.clone()));
        }
        if self.two_rows && !self.missing {
            let message = "the row was taken for headings, and the one below it seems to go on naming columns: it was \
                           read as a record; leave one row of headings";
            warn(None, Code::I116, message, None);
        }
        said
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Blank,
    /// A number or a date.
    Value(String),
    Text,
}

impl Cell {
    fn of(text: &str) -> Self {
        let text = text.trim();
        // Nearly all values have a digit, and few texts begin with what a number may begin with.
        let is_value = text.bytes().any(|b| b.is_ascii_digit())
            && (parse_number(text, DecimalStyle::Point).is_ok()
                || parse_number(text, DecimalStyle::Comma).is_ok()
                || parse_date(text, None).is_ok());
        match (text.is_empty(), is_value) {
            (true, _) => Cell::Blank,
            (false, true) => Cell::Value(text.to_string()),
            (false, false) => Cell::Text,
        }
    }
}

/// Years name columns, and so do numbers that count from nought.
fn is_name(value: &str) -> bool {
    value.len() == 4 && value.parse().is_ok_and(|year: u32| (1900..=2100).contains(&year))
}

fn is_missing(row: &[Cell]) -> bool {
    let values: Vec<&String> =
        row.iter().filter_map(|c| if let Cell::Value(value) = c { Some(value) } else { None }).collect();
    let counted = values.len() > 1 && values.iter().enumerate().all(|(n, value)| value.parse() == Ok(n));
    let named = counted || (!values.is_empty() && values.iter().all(|v| is_name(v)));
    !named && row.iter().all(|c| *c != Cell::Text)
}

/// Whether names above groups of columns are followed by the columns' own: blanks between the first, none in the
/// second, and values below.
fn goes_on(first: &[Cell], next: &[Cell], rest: &[&Vec<Cell>]) -> bool {
    let named = first.iter().rposition(|c| *c == Cell::Text).map_or(0, |last| last + 1);
    let blank = first[..named].iter().filter(|c| **c == Cell::Blank).count();
    let words = |row: &[Cell]| row.iter().all(|c| *c == Cell::Text);
    let has_values = |row: &&Vec<Cell>| row.iter().any(|c| matches!(c, Cell::Value(_)));
    blank > 0 && blank * 2 + 1 >= named && words(next) && !rest.is_empty() && rest.iter().all(has_values)
}

/// Whether a row below the headings is a line that a program drew there, as `----,----` and `|:--|--:|`. What stands
/// between quotes is meant to be there.
pub(super) fn is_drawn(row: &Record) -> bool {
    let mut filled = row.iter().filter(|c| !c.trim().is_empty()).peekable();
    filled.peek().is_some() && !row.raw().contains('"') && filled.all(is_drawn_cell)
}

/// Whether a cell is a part of such a line.
pub fn is_drawn_cell(cell: &str) -> bool {
    let cell = cell.trim();
    cell.len() > 1 && cell.bytes().all(|b| matches!(b, b'-' | b'=' | b':' | b'+')) && !cell.starts_with("::")
}

/// What else could stand between fields or around them, as a warning.
pub(super) fn other_dialect(survey: &Survey, guess: Guess, headings: &[&str]) -> Option<Finding> {
    if survey.sheet.is_some() {
        return None;
    }
    let warn = |code, message: String| Some(Finding::new(code, message).severity(Severity::Warning));
    if let (1, Some(between)) = (headings.len(), suspected_delimiter(survey)) {
        let shown = between.escape_default();
        let way_out = if between.is_ascii() && between != ' ' {
            format!("put sep={shown} on a line above the headings")
        } else {
            "save it with a comma between them".to_string()
        };
        return warn(
            Code::I104,
            format!(
                "the file was read as one column, though each line has as many {between:?} as the others; if it stands \
                 between fields, {way_out}"
            ),
        );
    }
    if let &[heading] = headings
        && let Some(between) = DELIMITERS.iter().map(|d| char::from(*d)).find(|d| heading.contains(*d))
        && !survey.head.contains(&format!("\"{heading}\""))
    {
        return warn(
            Code::I104,
            format!(
                "the file was read as one column, for the rows below have no {between:?} as this row has; write all of \
                 it with one delimiter"
            ),
        );
    }
    if let Some(rival) = guess.rival {
        let (taken, rival) = (char::from(guess.delimiter), char::from(rival));
        return warn(
            Code::I104,
            format!(
                "every line has as many {rival:?} as the others, and as many {taken:?}, which was taken for the \
                 delimiter; if {rival:?} is meant, put sep={} on a line above the headings",
                rival.escape_default()
            ),
        );
    }
    let single = |h: &&str| h.trim().len() > 2 && h.trim().starts_with('\'') && h.trim().ends_with('\'');
    if !headings.is_empty() && headings.iter().all(single) {
        let message =
            "the headings stand between single quotes, which were read as text; save the file with double ones";
        return warn(Code::I109, message.to_string());
    }
    None
}

/// A character that each line of a text of one column has as often as the others, and so may stand between its
/// fields, though it is never guessed at.
fn suspected_delimiter(survey: &Survey) -> Option<char> {
    const SUSPECTS: &[char] = &[
        '^', '~', '\u{1}', '\u{1e}', '\u{1f}', '\u{a7}', '\u{a6}', ':', '!', '\u{ff0c}', '\u{ff1b}', '\u{3001}',
        '\u{a0}', ' ',
    ];
    let lines = survey.head.lines().filter(|l| !l.trim().is_empty());
    let stated = usize::from(stated_delimiter(&survey.head).is_some());
    let lines: Vec<&str> = lines.skip(stated).take(TITLES).collect();
    // What is stated may not be so.
    let usual = DELIMITERS.iter().map(|d| char::from(*d)).filter(|_| stated > 0);
    let mut suspects = usual.chain(SUSPECTS.iter().copied());
    let lines = if survey.head_is_whole { lines.as_slice() } else { &lines[..lines.len().saturating_sub(1)] };
    let per_line = |c: char| {
        let mut counts = lines.iter().map(|l| l.matches(c).count());
        counts.next().filter(|first| *first > 0 && counts.all(|n| n == *first)).unwrap_or(0)
    };
    let suspicious = |c: &char| match c {
        // A time of day has a colon, too.
        ':' => per_line(*c) > 1,
        // And names have spaces, but figures have not.
        ' ' => {
            per_line(*c) > 0
                && lines.iter().skip(1).all(|l| l.split(' ').any(|p| matches!(Cell::of(p), Cell::Value(_))))
        }
        _ => per_line(*c) > 0,
    };
    suspects.find(suspicious).filter(|_| lines.len() > 1)
}

/// The line of the first of many JSON objects in a text that is none: what stands above them hides them.
pub(super) fn hidden_json(survey: &Survey) -> Option<u64> {
    if survey.sheet.is_some() {
        return None;
    }
    let lines = survey
        .head
        .lines()
        .zip(1_u64..)
        .map(|(l, n)| (l.trim_matches(|c: char| c.is_whitespace() || c == '\u{1e}'), n));
    let lines: Vec<(&str, u64)> = lines.filter(|(l, _)| !l.is_empty()).take(TITLES).collect();
    let is_object = |l: &str| {
        (l.starts_with("{\"") && l.trim_end_matches(',').ends_with('}')) || (l.starts_with("[{\"") && l.ends_with("}]"))
    };
    let objects = lines.iter().filter(|(l, _)| is_object(l)).count();
    (objects * 2 >= lines.len()).then(|| lines.iter().find(|(l, _)| is_object(l)).map(|(_, n)| *n)).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::survey;
    use super::*;

    fn surveyed(text: &str) -> Survey {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        fs_err::write(&path, text).expect("written");
        survey(&path, "a.csv").expect("a text")
    }

    fn headings(text: &str) -> (bool, Vec<(Option<usize>, &'static str)>) {
        let seen = Headings::of(&surveyed(text), Guess { delimiter: b',', header_line: 1, rival: None });
        (seen.missing, seen.findings().into_iter().map(|(column, f)| (column, f.code.id())).collect())
    }

    #[test]
    fn a_first_row_of_values_is_no_row_of_headings() {
        for none in ["1,2,3\n4,5,6\n", "1.5\n2.5\n", "5,,2026-10-01\n6,,2026-10-02\n", "$5,12%\n", ",,\n,,\n"] {
            assert_eq!(headings(none), (true, vec![(None, "I103")]), "{none:?}");
        }
        for names in ["\"\"\n0\n", "a,b\n1,2\n", "name,2024,2025\nx,1,2\n", "2024,2025\n1,2\n", "a,30\n1,2\n"] {
            assert_eq!(headings(names), (false, vec![]), "{names:?}");
        }
        for (doubtful, column) in
            [("Anna,7,2026-10-01\nBert,8,2026-10-02\n", 1), ("name,30,60\nAcme,1,2\n", 1), ("0,1,2\n5.1,3.5,1.4\n", 0)]
        {
            assert_eq!(headings(doubtful), (false, vec![(Some(column), "I103")]), "{doubtful:?}");
        }
    }

    #[test]
    fn names_above_names_are_told() {
        assert_eq!(headings(",Q1,,Q2,\nname,rev,cost,rev,cost\nx,1,2,3,4\n"), (false, vec![(None, "I116")]));
        assert_eq!(headings("a,,c\nx,y,z\nu,v,w\n"), (false, vec![]), "nothing below says that they are names");
        assert_eq!(headings("a,b,\nx,y,z\n1,2,3\n"), (false, vec![]), "a column without a heading");
    }

    #[test]
    fn a_delimiter_that_is_never_guessed_is_suspected() {
        let suspected = |text: &str| suspected_delimiter(&surveyed(text));
        assert_eq!(suspected("a^b\n1^2\n"), Some('^'));
        assert_eq!(suspected("a\u{1}b\n\n1\u{1}2\n"), Some('\u{1}'));
        assert_eq!(suspected("a:b:c\n1:2:3\n"), Some(':'));
        assert_eq!(suspected("a b\n1 2\n"), Some(' '));
        assert_eq!(suspected("a，b\n1，2\n"), Some('，'));
        assert_eq!(suspected("at 12:30\nat 12:31\n"), None);
        assert_eq!(suspected("a^b\n12\n"), None);
        assert_eq!(suspected("a^b\n"), None);
        assert_eq!(suspected("sep=;\na,b\n1,2\n"), Some(','));
        assert_eq!(suspected("name\nSmith, John\n"), None);
        assert_eq!(suspected("full name\nJohn Smith\n"), None);
    }

    #[test]
    fn records_of_json_below_something_else_are_found() {
        assert_eq!(hidden_json(&surveyed("// made today\n{\"a\":1}\n{\"a\":2}\n")), Some(2));
        assert_eq!(hidden_json(&surveyed("\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n")), Some(1));
        assert_eq!(hidden_json(&surveyed(")]}',\n[{\"a\":1}]\n")), Some(2));
        assert_eq!(hidden_json(&surveyed("id,json\n1,\"{\"\"a\"\":1}\"\n")), None);
    }
}
