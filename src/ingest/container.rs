//! What wraps a file's text, told by its first bytes and never by its name: exports arrive as
//! workbooks named `.csv` and as gzip named `.txt`.

use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::zip::{self, Member};

/// A container that text can be read out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more zstd frames.
    Zstd,
    /// One member of a zip archive.
    Zip(Member),
}

impl Container {
    pub const fn name(self) -> &'static str {
        match self {
            Container::Plain => "plain",
            Container::Gzip => "gzip",
            Container::Zstd => "zstd",
            Container::Zip(_) => "zip",
        }
    }

    /// By the first bytes: one that is read from its beginning to its end.
    pub(super) fn of(head: &[u8]) -> Self {
        let skippable = head.len() >= 4 && head[0] & 0xF0 == 0x50 && head[1..4] == *b"\x2A\x4D\x18";
        if head.starts_with(b"\x1F\x8B") {
            Container::Gzip
        } else if head.starts_with(b"\x28\xB5\x2F\xFD") || skippable {
            Container::Zstd
        } else {
            Container::Plain
        }
    }

    /// The decoded bytes of a reader of the file's bytes.
    pub(super) fn decode<'a>(self, reader: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        let buffered = |reader| BufReader::with_capacity(64 << 10, reader);
        Ok(match self {
            // Whoever reads it has a buffer. A member is opened where it stands, by `open`.
            Container::Plain | Container::Zip(_) => Box::new(reader),
            Container::Gzip => Box::new(MultiGzDecoder::new(buffered(reader))),
            Container::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(buffered(reader))?),
        })
    }

    pub(super) fn open(self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let file = fs_err::File::open(path)?;
        match self {
            Container::Zip(member) => zip::open(file, member),
            Container::Plain | Container::Gzip | Container::Zstd => self.decode(file),
        }
    }
}

/// Ways of packing that are known by name alone.
const PACKED: &[(&[u8], &str)] = &[
    (b"\xFD7zXZ\0", "an xz file"),
    (b"]\0\0\x80\0", "an lzma file"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (b"Rar!\x1A\x07", "a RAR archive"),
    (b"\x04\x22\x4D\x18", "an lz4 file"),
    (b"\x1F\x9D", "a compress (.Z) file"),
    (b"\xFF\x06\0\0sNaPpY", "a snappy file"),
];

/// What a file is that cannot be read as text, from its first bytes (a few KiB of them), as
/// "this is …"; and what to do about it.
pub(super) fn foreign(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const SAVE: &str = "open it and save the sheet as CSV";
    const UNPACK: &str = "unpack it and put the file inside it here";
    const HTML: &[&str] =
        &["<!doctype html", "<html", "<head", "<body", "<meta", "<table", "<style", "<script", "<div"];
    let has = |needle: &[u8]| memchr::memmem::find(head, needle).is_some();
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()));
    if head.starts_with(b"PK\x03\x04") {
        return Some(if has(b"application/vnd.oasis.opendocument") {
            ("an OpenDocument file", SAVE)
        } else if has(b"[Content_Types].xml") || has(b"xl/") || has(b"docProps/") {
            ("an Office document", SAVE)
        } else {
            ("a zip archive", UNPACK)
        });
    }
    if head.starts_with(b"PK\x05\x06") {
        return Some(("an empty zip archive", "download the export again"));
    }
    if head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Some(("an old Office document", SAVE));
    }
    // Their streams of records, from before workbooks were compound files.
    if let [0x09, 0x00 | 0x02 | 0x04, 0x04 | 0x06, 0x00, ..] = head {
        return Some(("a worksheet of Excel 4 or older", "save it as .xlsx"));
    }
    if head.starts_with(b"PAR1") {
        return Some(("a Parquet file", UNPACK));
    }
    if let Some((_, what)) = PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some((what, UNPACK));
    }
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
        return Some(("a bzip2 file", UNPACK));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", "unpack it and put its files here"));
    }
    if head.starts_with(b"{\\rtf") {
        return Some(("a rich text document", "export it as CSV or JSON"));
    }
    if head.starts_with(b"%PDF-") {
        return Some(("a PDF document", "download the export as CSV instead"));
    }
    let is_html = |word: &str| {
        let behind = text.get(word.len()).copied().unwrap_or(b'>');
        begins(word) && (behind == b'>' || behind.is_ascii_whitespace())
    };
    if HTML.iter().any(|word| is_html(word)) || (begins("<!--") && has(b"<html")) {
        return Some((
            "an HTML page",
            "a sign-in or error page was saved in the export's place, or a table exported as HTML: download it as CSV",
        ));
    }
    if begins("<?xml") {
        return Some(("an XML document", "export it as CSV or JSON"));
    }
    if begins("version https://git-lfs.github.com/spec/") {
        return Some(("a Git LFS pointer, not the file it stands for", "run `git lfs pull`"));
    }
    if head.starts_with(b"\xFF\xFE\x00\x00") || head.starts_with(b"\x00\x00\xFE\xFF") {
        return Some(("UTF-32 text", "save it as UTF-8"));
    }
    None
}
