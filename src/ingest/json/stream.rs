//! The text of a JSON file as it is read: whole values in a bounded buffer, and the line and column
//! of what comes next.

use std::io::{self, Read};

use serde::de::{DeserializeOwned, IgnoredAny};

use super::super::extent::{Extent, extent};
use super::super::record::{RecordFault, shown};
use super::super::text::HEAD;
use super::doubled::Doubled;
use crate::finding::Code;

/// The longest value that is held, in bytes.
const LONGEST_VALUE: usize = 16 << 20;
const BUFFER: usize = 128 << 10;

/// Why an array or envelope cannot be read on: the code, and what is wrong at the stream's position.
pub(super) struct Broken {
    pub code: Code,
    pub message: String,
    /// Line and column (1-based) within the text at the stream's position, if the parser said so.
    within: (u64, u64),
    /// The value is whole, so that what stands behind it is known.
    pub goes_on: bool,
    value: Option<String>,
}

impl Broken {
    pub fn here(message: impl Into<String>) -> Self {
        Self { code: Code::I104, message: message.into(), within: (1, 1), goes_on: false, value: None }
    }

    pub fn cut() -> Self {
        Self {
            code: Code::I110,
            message: "the JSON text ends in the middle".to_owned(),
            within: (1, 1),
            goes_on: false,
            value: None,
        }
    }

    pub fn of(e: &serde_json::Error) -> Self {
        let within = (e.line().max(1) as u64, e.column().max(1) as u64);
        Self {
            code: Code::I104,
            message: format!("the JSON is not well formed: {}", why(e)),
            within,
            goes_on: false,
            value: None,
        }
    }

    /// A record that says two things under one name.
    pub fn doubled(text: &str, found: &Doubled) -> Self {
        let before = &text[..found.at];
        let line = before.bytes().filter(|b| *b == b'\n').count() as u64 + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
        let [first, second] = &found.values;
        let message = format!(
            "the record has {:?} twice, as {} and as {}, so which is meant is not known",
            found.name,
            shown(first),
            shown(second)
        );
        Self { code: Code::I111, message, within: (line, column), goes_on: true, value: Some(second.clone()) }
    }
}

/// The parser's words without its place.
fn why(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The unread text, and where in the file it begins.
pub(super) struct Stream<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    eof: bool,
    /// Physical line and column of `start`, 1-based; columns count characters.
    pub line: u64,
    column: u64,
    after_cr: bool,
}

impl<R: Read> Stream<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BUFFER], start: 0, end: 0, eof: false, line: 1, column: 1, after_cr: false }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub fn piece(&self, length: usize) -> &[u8] {
        &self.unread()[..length]
    }

    /// Passes over white space; the byte that stands there then.
    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let blank = self.unread().iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.skip(blank);
            match self.unread().first() {
                Some(byte) => return Ok(Some(*byte)),
                None if self.eof => return Ok(None),
                None => self.fill()?,
            }
        }
    }

    /// As much of what is unread as a survey keeps of a file, but for what is no UTF-8.
    pub fn head(&mut self) -> io::Result<&str> {
        while self.unread().len() < HEAD && !self.eof {
            self.fill()?;
        }
        let head = &self.unread()[..self.unread().len().min(HEAD)];
        let valid = std::str::from_utf8(head).map_or_else(|e| e.valid_up_to(), str::len);
        Ok(std::str::from_utf8(&head[..valid]).unwrap_or_default())
    }

    /// Whether an array of objects begins behind white space, which is `Some(false)` for an empty array.
    pub fn begins_list_of_objects(&mut self) -> io::Result<Option<bool>> {
        if self.peek()? != Some(b'[') {
            return Ok(None);
        }
        loop {
            match self.unread()[1..].iter().find(|b| !b.is_ascii_whitespace()) {
                Some(b'{') => return Ok(Some(true)),
                Some(b']') => return Ok(Some(false)),
                Some(_) => return Ok(None),
                None if self.eof || self.unread().len() > LONGEST_VALUE => return Ok(None),
                None => self.fill()?,
            }
        }
    }

    /// The length of the value that begins here; all of it is in the buffer then.
    pub fn value(&mut self) -> anyhow::Result<Result<usize, Broken>> {
        loop {
            match extent(self.unread(), self.eof) {
                Extent::Whole(length) => return Ok(Ok(length)),
                Extent::None if self.unread().is_empty() => return Ok(Err(Broken::cut())),
                Extent::None => return Ok(Err(Broken::here("the JSON is not well formed: expected a value"))),
                Extent::More if self.unread().len() > LONGEST_VALUE => {
                    return Ok(Err(Broken::here("a JSON value is longer than 16 MiB, or is not closed")));
                }
                Extent::More if self.eof => return Ok(Err(Broken::cut())),
                Extent::More => self.fill()?,
            }
        }
    }

    /// As `value`, but where a value is left open the lines behind it must not be taken for its rest:
    /// it is broken if what stands before the next line that opens an object cannot go on so.
    pub fn line_value(&mut self) -> anyhow::Result<Result<usize, Broken>> {
        let mut judged = 0;
        loop {
            let stop = self.line_end(judged)?;
            match extent(&self.unread()[..stop], true) {
                Extent::Whole(length) => {
                    let rest = &self.unread()[length..stop];
                    let follows = rest.iter().find(|b| !b.is_ascii_whitespace());
                    return Ok(match follows {
                        None | Some(b'{') => Ok(length),
                        Some(_) => Err(Broken::here("text stands behind the JSON value of this line")),
                    });
                }
                Extent::None => return Ok(Err(Broken::here("the JSON is not well formed: expected a value"))),
                Extent::More => {}
            }
            let last = stop == self.unread().len() && self.eof;
            match serde_json::from_slice::<IgnoredAny>(&self.unread()[..stop]) {
                Err(e) if !e.is_eof() => return Ok(Err(Broken::of(&e))),
                _ if last => return Ok(Err(Broken::cut())),
                _ if stop > LONGEST_VALUE => {
                    return Ok(Err(Broken::here("a JSON value is longer than 16 MiB, or is not closed")));
                }
                _ => {}
            }
            // Twice as far each time keeps the work in proportion to the text.
            judged = if judged < 4096 { stop + 1 } else { (stop * 2).min(LONGEST_VALUE + 1) };
        }
    }

    /// Where the line ends that holds the byte `from` on, or the text.
    fn line_end(&mut self, from: usize) -> io::Result<usize> {
        loop {
            let found = self.unread().get(from..).and_then(|rest| memchr::memchr2(b'\n', b'\r', rest));
            match found {
                Some(at) => return Ok(from + at),
                None if self.eof || self.unread().len() > 2 * LONGEST_VALUE => return Ok(self.unread().len()),
                None => self.fill()?,
            }
        }
    }

    /// Reads a member's name, or a value beside the records, and passes over it.
    pub fn plain_value<T: DeserializeOwned>(&mut self) -> anyhow::Result<Result<T, Broken>> {
        self.peek()?;
        let length = match self.value()? {
            Ok(length) => length,
            Err(broken) => return Ok(Err(broken)),
        };
        match serde_json::from_slice(self.piece(length)) {
            Ok(value) => {
                self.skip(length);
                Ok(Ok(value))
            }
            Err(e) => Ok(Err(Broken::of(&e))),
        }
    }

    /// To the end of the physical line.
    pub fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = memchr::memchr2(b'\n', b'\r', self.unread()) {
                self.skip(at + 1);
                return Ok(());
            }
            self.skip(self.unread().len());
            if self.eof {
                return Ok(());
            }
            self.fill()?;
        }
    }

    pub fn skip(&mut self, length: usize) {
        for byte in &self.buffer[self.start..self.start + length] {
            match byte {
                b'\n' if self.after_cr => {}
                b'\n' | b'\r' => (self.line, self.column) = (self.line + 1, 1),
                // Bytes that go on a character are no column.
                0x80..=0xBF => {}
                _ => self.column += 1,
            }
            self.after_cr = *byte == b'\r';
        }
        self.start += length;
    }

    pub fn fault(&self, broken: &Broken) -> RecordFault {
        let text = self.unread();
        let stop = memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len()).min(LONGEST_VALUE);
        let raw = String::from_utf8_lossy(&text[..stop]).into_owned();
        let (line, column) = broken.within;
        RecordFault {
            code: broken.code,
            line: self.line + line - 1,
            column: if line == 1 { self.column + column - 1 } else { column },
            value: shown(broken.value.as_deref().unwrap_or(&raw)),
            message: broken.message.clone(),
            raw,
            goes_on: broken.goes_on,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while self.end < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.eof = true;
                    break;
                }
                Ok(n) => self.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
