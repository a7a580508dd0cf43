//! A file's bytes to UTF-8 text. One pass over the whole file tells what it is before anything of it
//! is used, so that a file is read whole or refused; memory does not grow with the file.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use encoding_rs::{CoderResult, Decoder, Encoding as Coding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::container::{Container, foreign};
use super::contents::{Content, contents};
use super::judge::{Judge, Verdict};
use super::limits::Limits;
use super::shape::Shape;
use super::trust::{Trusted, Watched};
use super::workbook::Sheet;
use crate::finding::{Code, Finding, Place};

#[cfg(test)]
mod tests;

/// How many bytes of decoded text a survey keeps.
pub const HEAD: usize = 256 << 10;

/// How characters stand in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Utf8,
    Utf8Bom,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Encoding {
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf8Bom => "UTF-8 with BOM",
            Encoding::Utf16Le => "UTF-16LE",
            Encoding::Utf16Be => "UTF-16BE",
            Encoding::Windows1252 => "Windows-1252",
        }
    }

    pub(super) const fn is_utf16(self) -> bool {
        matches!(self, Encoding::Utf16Le | Encoding::Utf16Be)
    }

    fn decoder(self) -> Decoder {
        let coding: &'static Coding = match self {
            Encoding::Utf8 | Encoding::Utf8Bom => UTF_8,
            Encoding::Utf16Le => UTF_16LE,
            Encoding::Utf16Be => UTF_16BE,
            Encoding::Windows1252 => WINDOWS_1252,
        };
        coding.new_decoder_with_bom_removal()
    }
}

/// What one pass over a file, or over a part of it, or over its head, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Of the bytes of the whole file on disk, in hex; empty where it is taken on trust.
    pub sha256: String,
    /// Of the whole file on disk.
    pub bytes: u64,
    pub container: Container,
    pub encoding: Encoding,
    pub shape: Shape,
    /// The first decoded characters, at most `HEAD` bytes of them, without a byte order mark. Empty where
    /// the records are no text.
    pub head: String,
    pub head_is_whole: bool,
    pub ends_with_newline: bool,
    /// A backslash stands before a quote somewhere: how quotes are escaped has to be found out.
    pub escaped_quotes: bool,
    /// The line of the first characters that make no word in Windows-1252, where the text was read as that.
    pub strange: Option<u64>,
    /// Where all but the head is taken on trust, and the hash not known yet.
    pub trusted: Option<Arc<Trusted>>,
    /// The sheet, where the records are rows of one.
    pub sheet: Option<Arc<Sheet>>,
}

/// Reads the whole of a file that is one text. `shown` is its path in messages. What cannot be read as text is
/// I101, an empty file I114, a file that ends in the middle I110.
pub fn survey(path: &Path, shown: &str) -> Result<Survey, Finding> {
    let refuse = |what: &str| {
        let message = format!("this is {what}, whatever its name says, and a single text is expected; save it as CSV");
        Err(Finding::new(Code::I101, message).at(Place::file(shown)))
    };
    let mut contents = contents(path, shown, &Limits::default());
    match (contents.pop(), contents.is_empty()) {
        (Some(Ok(Content { survey: Survey { shape: Shape::Sheet, .. }, .. })), _) => refuse("a workbook"),
        (Some(Ok(Content { survey: Survey { shape: Shape::Parquet, .. }, .. })), _) => refuse("a Parquet file"),
        (Some(one), true) => one.map(|content| content.survey),
        _ => refuse("an archive of several files"),
    }
}

/// Reads a text to its end, within the limits. `packed` tells how many bytes of the file that took so far, and
/// `unpacked` counts what comes out. Findings have no file in their place yet.
pub(super) fn read_through(
    reader: &mut dyn Read,
    container: Container,
    limits: &Limits,
    packed: &dyn Fn() -> u64,
    unpacked: &mut u64,
) -> Result<Verdict, Finding> {
    let mut judge = Judge::default();
    let mut buffer = vec![0; 64 << 10];
    let before = *unpacked;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                let bytes = &buffer[..n];
                if *unpacked == before
                    && container != Container::Plain
                    && let Some((what, way_out)) = foreign(bytes).or_else(|| packed_again(bytes))
                {
                    let message = format!("inside the {} is {what}; {way_out}", container.name());
                    return Err(Finding::new(Code::I101, message));
                }
                *unpacked += n as u64;
                if container != Container::Plain
                    && let Some(why) = limits.exceeded(packed(), *unpacked)
                {
                    return Err(Finding::new(Code::I101, format!("the {} file is refused: {why}", container.name())));
                }
                judge.take(bytes);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(container, &e, *unpacked - before)),
        }
    }
    judge.verdict()
}

/// A container in a container: one layer is taken off, no more.
fn packed_again(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let what = match Container::of(head) {
        Container::Gzip => "a gzip file",
        Container::Zstd => "a zstd file",
        Container::Plain | Container::Zip(_) => return None,
    };
    Some((what, "unpack it and put the file inside it here"))
}

/// Why a container's bytes could not be read on.
pub(super) fn broken(container: Container, e: &io::Error, unpacked: u64) -> Finding {
    let told = e.to_string();
    if container == Container::Zstd && told.contains("too much memory") {
        let message = "the zstd data needs more than 128 MiB of memory to unpack; unpack it and put the file here";
        return Finding::new(Code::I101, message);
    }
    let damaged = match container {
        Container::Plain => false,
        Container::Gzip | Container::Zip(_) => is_broken_data(e),
        // The library says all of its own in one kind.
        Container::Zstd => is_broken_data(e) || e.kind() == io::ErrorKind::Other,
    };
    if damaged {
        let message = format!(
            "the {} data is cut off or damaged: {unpacked} bytes could be unpacked before it broke; nothing of them \
             was used",
            container.name()
        );
        return Finding::new(Code::I110, message);
    }
    Finding::new(Code::I101, format!("the file cannot be read: {}", reason(e)))
}

/// The decoded text from its beginning, as UTF-8 without a byte order mark.
pub fn open_text(path: &Path, survey: &Survey) -> io::Result<Box<dyn Read + Send>> {
    decoded(survey.container.open(path)?, survey)
}

/// The same of a text that is to be read to its end. What was taken on trust of it is watched.
pub(super) fn open_watched(path: &Path, survey: &Survey) -> io::Result<Box<dyn Read + Send>> {
    let reader = survey.container.open(path)?;
    match &survey.trusted {
        Some(trusted) => decoded(Box::new(Watched::new(reader, trusted.clone())), survey),
        None => decoded(reader, survey),
    }
}

fn decoded(mut reader: Box<dyn Read + Send>, survey: &Survey) -> io::Result<Box<dyn Read + Send>> {
    Ok(match survey.encoding {
        // Found valid by the survey: nothing to convert but the mark.
        Encoding::Utf8 => reader,
        Encoding::Utf8Bom => {
            let mut mark = [0; 3];
            reader.read_exact(&mut mark)?;
            reader
        }
        encoding => Box::new(Decoded::new(reader, encoding)),
    })
}

/// The first `HEAD` bytes of text in `bytes`, and whether that was all of it.
pub(super) fn head_of(bytes: &[u8], encoding: Encoding, whole: bool) -> (String, bool) {
    // Undecoded bytes can grow threefold.
    let mut text = String::with_capacity(bytes.len() * 3 + 16);
    let (result, _, _) = encoding.decoder().decode_to_string(bytes, &mut text, whole);
    debug_assert!(matches!(result, CoderResult::InputEmpty), "the text has room for every byte");
    let mut end = text.len().min(HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let is_whole = whole && end == text.len();
    text.truncate(end);
    (text, is_whole)
}

fn is_broken_data(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
}

/// Without the path, which messages name their own way.
pub(super) fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        kind => kind.to_string(),
    }
}

/// UTF-16 or Windows-1252 to UTF-8, as it is read.
struct Decoded<R> {
    reader: R,
    decoder: Decoder,
    /// Read and not decoded yet.
    input: Vec<u8>,
    input_start: usize,
    input_end: usize,
    /// Decoded and not handed on yet.
    output: Vec<u8>,
    output_start: usize,
    output_end: usize,
    eof: bool,
}

impl<R: Read> Decoded<R> {
    fn new(reader: R, encoding: Encoding) -> Self {
        Self {
            reader,
            decoder: encoding.decoder(),
            input: vec![0; 64 << 10],
            input_start: 0,
            input_end: 0,
            output: vec![0; 64 << 10],
            output_start: 0,
            output_end: 0,
            eof: false,
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.output_start == self.output_end {
            if self.input_start == self.input_end && !self.eof {
                self.input_start = 0;
                self.input_end = self.reader.read(&mut self.input)?;
                self.eof = self.input_end == 0;
            }
            let input = &self.input[self.input_start..self.input_end];
            let (result, read, written, _) = self.decoder.decode_to_utf8(input, &mut self.output, self.eof);
            self.input_start += read;
            (self.output_start, self.output_end) = (0, written);
            if self.eof && written == 0 && matches!(result, CoderResult::InputEmpty) {
                // A decoder must not be used past its end: stay at the end from here on.
                self.input_start = self.input_end;
                return Ok(0);
            }
        }
        let n = out.len().min(self.output_end - self.output_start);
        out[..n].copy_from_slice(&self.output[self.output_start..self.output_start + n]);
        self.output_start += n;
        Ok(n)
    }
}
