//! A file's bytes to UTF-8 text. One pass over the whole file tells what it is before anything of it
//! is used, so that a file is read whole or refused; memory does not grow with the file.

use std::io::{self, BufReader, Read};
use std::path::Path;

use encoding_rs::{CoderResult, Decoder, Encoding as Coding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use sha2::{Digest, Sha256};

use super::container::{Container, foreign};
use super::judge::Judge;
use super::shape::Shape;
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

/// What one pass over a file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Of the bytes on disk, in hex.
    pub sha256: String,
    /// On disk.
    pub bytes: u64,
    pub container: Container,
    pub encoding: Encoding,
    pub shape: Shape,
    /// The first decoded characters, at most `HEAD` bytes of them, without a byte order mark.
    pub head: String,
    pub head_is_whole: bool,
    pub ends_with_newline: bool,
}

/// Reads the whole file once. `shown` is its path in messages. What cannot be read as text is I101, an
/// empty file I114, a file that ends in the middle I110.
pub fn survey(path: &Path, shown: &str) -> Result<Survey, Finding> {
    let place = || Place::file(shown);
    let unreadable =
        |e: &io::Error| Finding::new(Code::I101, format!("the file cannot be read: {}", reason(e))).at(place());
    let mut file = fs_err::File::open(path).map_err(|e| unreadable(&e))?;
    let mut hashed = Hashed { reader: &mut file, hash: Sha256::new(), bytes: 0 };

    let head = read_up_to(&mut hashed, 4 << 10).map_err(|e| unreadable(&e))?;
    if let Some((what, way_out)) = foreign(&head) {
        let message = format!("this is {what}, whatever its name says; {way_out}");
        return Err(Finding::new(Code::I101, message).at(place()));
    }
    let container = Container::of(&head);
    let mut judge = Judge::default();
    let mut decoded = 0_u64;
    {
        let mut reader = container.decode(head.as_slice().chain(&mut hashed));
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    if decoded == 0
                        && container == Container::Gzip
                        && let Some((what, way_out)) = foreign(&buffer[..n])
                    {
                        let message = format!("inside the gzip is {what}; {way_out}");
                        return Err(Finding::new(Code::I101, message).at(place()));
                    }
                    decoded += n as u64;
                    judge.take(&buffer[..n]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if container == Container::Gzip && is_broken_data(&e) => {
                    let message = format!(
                        "the gzip data is cut off or damaged: {decoded} bytes could be unpacked before it broke; nothing of them was used"
                    );
                    return Err(Finding::new(Code::I110, message).at(place()));
                }
                Err(e) => return Err(unreadable(&e)),
            }
        }
    }
    let verdict = judge.verdict().map_err(|finding| match finding.place {
        Some(Place { line: Some(line), .. }) => Finding { place: Some(Place::line(shown, line)), ..finding },
        _ => finding.at(place()),
    })?;
    Ok(Survey {
        sha256: hashed.hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.extend([byte >> 4, byte & 15].map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0')));
            hex
        }),
        bytes: hashed.bytes,
        container,
        encoding: verdict.encoding,
        shape: Shape::of(&verdict.head),
        head: verdict.head,
        head_is_whole: verdict.head_is_whole,
        ends_with_newline: verdict.ends_with_newline,
    })
}

/// The decoded text from its beginning, as UTF-8 without a byte order mark.
pub fn open_text(path: &Path, survey: &Survey) -> io::Result<Box<dyn Read + Send>> {
    let reader = survey.container.open(path)?;
    Ok(match survey.encoding {
        // Found valid by the survey: nothing to convert but the mark.
        Encoding::Utf8 => reader,
        Encoding::Utf8Bom => {
            let mut reader = BufReader::with_capacity(64 << 10, reader);
            let mut mark = [0; 3];
            reader.read_exact(&mut mark)?;
            Box::new(reader)
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

fn read_up_to(reader: &mut impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_broken_data(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
}

/// Without the path, which messages name their own way.
fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        kind => kind.to_string(),
    }
}

/// Hashes and counts what passes.
struct Hashed<R> {
    reader: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(out)?;
        self.hash.update(&out[..n]);
        self.bytes += n as u64;
        Ok(n)
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
