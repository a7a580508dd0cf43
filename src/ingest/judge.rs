//! Judges a file's encoding while its bytes pass by: the whole file must agree, for a name with an
//! accent may stand in the last row only.

use memchr::memmem;

use super::code_page::Looks;
use super::text::{Encoding, HEAD, head_of};
use crate::finding::{Code, Finding, Place};

/// How many bytes tell UTF-16 without a byte order mark by its NULs.
const NUL_SAMPLE: usize = 4 << 10;
const BACKSLASH: u16 = b'\\' as u16;

#[derive(Debug, Default)]
pub(super) struct Judge {
    /// The first bytes: enough to decode the head from.
    first: Vec<u8>,
    total: u64,
    encoding: Option<Encoding>,
    /// Bytes at the end of a piece that need more to be judged.
    pending: Vec<u8>,
    lines: u64,
    /// The line of the first bytes that are not what the encoding says.
    wrong: Option<u64>,
    content: bool,
    last: u16,
    /// A backslash stands before a quote somewhere.
    escaped_quotes: bool,
    /// Characters of several bytes that are UTF-8, and bytes that are not.
    encoded: u64,
    unencoded: u64,
    /// The line of the first byte that Windows-1252 does not know.
    unknown: Option<u64>,
    /// The line of the first NUL.
    nul: Option<u64>,
    /// The line where UTF-16 begins within other text, as where a program appends to a file in an encoding of its own.
    utf16_within: Option<u64>,
    /// The line where text of one byte per character stands within UTF-16.
    within_utf16: Option<u64>,
    paired: Paired,
    /// The line of the first sequence by which ISO-2022 (Japanese, Korean and Chinese mail) changes its characters.
    shifted: Option<u64>,
    /// What text that is not UTF-8 looks like as Windows-1252.
    looks: Looks,
}

/// Units of UTF-16 whose two bytes are both ASCII, one after another: the characters of other text, taken two at a
/// time, with its line ends in the half where UTF-16 has none.
#[derive(Debug, Default)]
struct Paired {
    line: u64,
    units: u64,
    text: bool,
    line_end: bool,
    /// How many have a figure or a delimiter where UTF-16 has the block of rare characters.
    rare: u64,
    /// A line end in the half where many characters of UTF-16 have that byte.
    low_end: bool,
    /// No unit but these so far.
    from_start: bool,
}

pub(super) struct Verdict {
    pub encoding: Encoding,
    pub head: String,
    pub head_is_whole: bool,
    pub ends_with_newline: bool,
    pub escaped_quotes: bool,
    /// The line of the first characters that make no word in Windows-1252.
    pub strange: Option<u64>,
}

impl Judge {
    pub fn take(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = (HEAD + 16).saturating_sub(self.first.len());
        self.first.extend_from_slice(&bytes[..room.min(bytes.len())]);
        match self.encoding {
            Some(encoding) => self.check(encoding, bytes),
            // The first pieces are kept anyway: wait until they are enough to tell.
            None if self.first.len() >= NUL_SAMPLE => self.begin(),
            None => {}
        }
    }

    fn begin(&mut self) {
        let encoding = first_guess(&self.first[..NUL_SAMPLE.min(self.first.len())]);
        self.encoding = Some(encoding);
        let first = std::mem::take(&mut self.first);
        self.check(encoding, &first);
        self.first = first;
    }

    fn check(&mut self, encoding: Encoding, bytes: &[u8]) {
        if encoding.is_utf16() { self.check_utf16(encoding, bytes) } else { self.check_utf8(bytes) }
    }

    fn check_utf8(&mut self, bytes: &[u8]) {
        self.content =
            self.content || bytes.iter().any(|b| !b.is_ascii_whitespace() && !matches!(b, 0xEF | 0xBB | 0xBF));
        self.escaped_quotes = self.escaped_quotes
            || (self.last == BACKSLASH && bytes.first() == Some(&b'"'))
            || memmem::find(bytes, b"\\\"").is_some();
        if let Some(last) = bytes.last() {
            self.last = u16::from(*last);
        }
        let first_line = self.lines + 1;
        let line_of = |at: usize| first_line + memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64;
        if self.nul.is_none() && self.shifted.is_none() {
            for at in memchr::memchr2_iter(0, 0x1B, bytes) {
                if bytes[at] == 0 {
                    self.nul = Some(line_of(at));
                } else if matches!(bytes.get(at + 1..), Some([b'$', b'@' | b'B' | b'A' | b'(' | b')', ..])) {
                    self.shifted = Some(line_of(at));
                } else {
                    continue;
                }
                break;
            }
        }
        if self.nul.is_some()
            && self.utf16_within.is_none()
            && let Some(at) = alternating(bytes)
        {
            self.utf16_within = Some(self.lines + 1 + memchr::memchr_iter(b'\n', &bytes[..=at]).count() as u64);
        }
        let joined;
        let mut rest = if self.pending.is_empty() {
            bytes
        } else {
            self.pending.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.pending);
            &joined
        };
        let mut is_wrong = self.wrong.is_some();
        while !rest.is_empty() {
            // The quicker one does not say where.
            let (valid, skipped) = match simdutf8::basic::from_utf8(rest).or_else(|_| std::str::from_utf8(rest)) {
                Ok(_) => (rest.len(), 0),
                Err(e) => (e.valid_up_to(), e.error_len().unwrap_or(0)),
            };
            let (text, behind) = rest.split_at(valid);
            self.lines += memchr::memchr_iter(b'\n', text).count() as u64;
            if !text.is_ascii() {
                self.encoded += characters(text);
            }
            let (wrong, next) = behind.split_at(skipped);
            if wrong.is_empty() {
                self.pending = next.to_vec();
                break;
            }
            let line = self.lines + 1;
            is_wrong = true;
            self.unencoded += 1;
            self.wrong.get_or_insert(line);
            if wrong.iter().any(|b| matches!(b, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)) {
                self.unknown.get_or_insert(line);
            }
            rest = next;
        }
        if is_wrong {
            self.looks.take(bytes, first_line);
        }
    }

    fn check_utf16(&mut self, encoding: Encoding, bytes: &[u8]) {
        let mut rest = std::mem::take(&mut self.pending);
        rest.extend_from_slice(bytes);
        let pairs = rest.chunks_exact(2);
        self.pending = pairs.remainder().to_vec();
        for pair in pairs {
            let unit = match encoding {
                Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
                _ => u16::from_le_bytes([pair[0], pair[1]]),
            };
            let (is_low, after_high) = ((0xDC00..0xE000).contains(&unit), is_high_surrogate(self.last));
            if is_low != after_high && self.wrong.is_none() {
                self.wrong = Some(self.lines + 1);
            }
            self.escaped_quotes |= self.last == BACKSLASH && unit == u16::from(b'"');
            if self.within_utf16.is_none() && self.paired.see(unit, self.lines + 1) {
                self.within_utf16 = Some(self.paired.line);
            }
            self.lines += u64::from(unit == 0x0A);
            self.content |= !matches!(unit, 0x09..=0x0D | 0x20 | 0xFEFF);
            self.last = unit;
        }
    }

    fn is_mostly_nul(&self) -> bool {
        let sample = &self.first[..NUL_SAMPLE.min(self.first.len())];
        self.nul.is_some() && memchr::memchr_iter(0, sample).count() * 2 > sample.len()
    }

    /// Nearly all bytes are characters there, so that what speaks against it counts.
    fn is_windows_1252(&self) -> Result<(), Finding> {
        let refuse = |line: Option<u64>, message: &str| {
            let place = Place::line("", line.unwrap_or(1));
            Err(Finding::new(Code::I101, message).at(place))
        };
        if self.nul.is_some() {
            return refuse(self.nul, "the file is no text: it has bytes here that stand in no table");
        }
        if self.unknown.is_some() {
            return refuse(
                self.unknown,
                "the line is neither UTF-8 nor Windows-1252, so which characters are meant is not known; save the file \
                 as UTF-8",
            );
        }
        if self.looks.control().is_some() {
            return refuse(
                self.looks.control(),
                "the file is no text: it has control characters here, and is not UTF-8",
            );
        }
        if self.encoded * 10 > self.unencoded {
            return refuse(
                self.wrong,
                "the line is not UTF-8, and other lines of the file are; write all of it in one encoding",
            );
        }
        if self.looks.is_another().is_some() {
            return refuse(
                self.looks.is_another(),
                "the file is not UTF-8, and its words are none in Windows-1252, so it is in another code page, which \
                 nothing in it tells; save it as UTF-8",
            );
        }
        Ok(())
    }

    pub fn verdict(mut self) -> Result<Verdict, Finding> {
        if self.encoding.is_none() {
            self.begin();
        }
        let mut encoding = self.encoding.unwrap_or(Encoding::Utf8);
        if self.total == 0 {
            return Err(Finding::new(Code::I114, "the file is empty: it has no bytes"));
        }
        if !self.content {
            return Err(Finding::new(Code::I114, "the file is empty: there is nothing in it but white space"));
        }
        if encoding == Encoding::Utf8 && self.is_mostly_nul() {
            let message = "the file is no text, or UTF-32: most of its bytes are NUL; save it as UTF-8";
            return Err(Finding::new(Code::I101, message).at(Place::line("", 1)));
        }
        if let Some(line) = self.utf16_within {
            let message =
                "UTF-16 begins in this line, and what stands before it is not; write all of it in one encoding";
            return Err(Finding::new(Code::I101, message).at(Place::line("", line)));
        }
        if let Some(line) = self.within_utf16 {
            let message = format!(
                "the file is {}, and text in another encoding stands in this line; write all of it in one encoding",
                encoding.name()
            );
            return Err(Finding::new(Code::I101, message).at(Place::line("", line)));
        }
        if let (Encoding::Utf8 | Encoding::Utf8Bom, Some(line)) = (encoding, self.shifted) {
            let message = "the text is in ISO-2022, whose characters are changed by escape sequences such as the one \
                           here; save it as UTF-8";
            return Err(Finding::new(Code::I101, message).at(Place::line("", line)));
        }
        let here = Place::line("", self.wrong.unwrap_or(self.lines + 1));
        match (encoding, self.wrong.is_some(), self.pending.is_empty()) {
            (Encoding::Utf8Bom, true, _) => {
                let message = "the file begins with the mark of UTF-8, and this line is not UTF-8";
                return Err(Finding::new(Code::I101, message).at(here));
            }
            (Encoding::Utf16Le | Encoding::Utf16Be, true, _) => {
                let message = format!("the file is {}, and half a character stands in this line", encoding.name());
                return Err(Finding::new(Code::I101, message).at(here));
            }
            (Encoding::Utf16Le | Encoding::Utf16Be, false, empty) if !empty || is_high_surrogate(self.last) => {
                return Err(Finding::new(Code::I110, "the file ends in the middle of a character").at(here));
            }
            (Encoding::Utf8 | Encoding::Utf8Bom, false, false) => {
                return Err(Finding::new(Code::I110, "the file ends in the middle of a UTF-8 character").at(here));
            }
            (Encoding::Utf8, true, _) => {
                self.is_windows_1252()?;
                encoding = Encoding::Windows1252;
            }
            _ => {}
        }
        let (head, head_is_whole) = head_of(&self.first, encoding, self.total == self.first.len() as u64);
        let ends_with_newline = matches!(self.last, 0x0A | 0x0D);
        let strange = self.looks.strange().filter(|_| encoding == Encoding::Windows1252);
        Ok(Verdict { encoding, head, head_is_whole, ends_with_newline, escaped_quotes: self.escaped_quotes, strange })
    }
}

impl Paired {
    /// Whether it is certain now that the units are no characters of UTF-16. Characters of Gurmukhi and Malayalam have a
    /// line end's byte in that half, but stand among their own.
    fn see(&mut self, unit: u16, line: u64) -> bool {
        let [high, low] = unit.to_be_bytes();
        let is_text = |b: u8| matches!(b, b'\t' | b' '..=b'~');
        let is_end = |b: u8| matches!(b, b'\n' | b'\r');
        if !(is_text(high) || is_end(high)) || !(is_text(low) || is_end(low)) {
            // Half a character off, the first line's own end is what a NUL stands beside.
            if self.from_start && self.units > 1 && matches!(unit, 0x0A | 0x0D) {
                return true;
            }
            *self = Self { line: self.line.max(1), ..Self::default() };
            return false;
        }
        if self.units == 0 {
            // Before the first unit of the file no line has been seen.
            (self.from_start, self.line) = (self.line == 0, line);
        }
        self.units += 1;
        self.text |= is_text(high);
        self.line_end |= is_end(high) || (self.from_start && is_end(low));
        self.low_end |= is_end(low);
        self.rare += u64::from(matches!(high, 0x21..=0x2F | 0x31..=0x40));
        self.units > 1 && self.text && (self.line_end || (self.low_end && self.rare > 1))
    }
}

/// Characters of several bytes, but for those that a no-break space or a closing quotation mark behind a capital
/// makes in Windows-1252 by chance.
fn characters(text: &[u8]) -> u64 {
    // So many at a time are counted in a byte, and that for many places at once.
    const AT_ONCE: usize = 128;
    let Some((_, behind)) = text.split_first() else { return 0 };
    let begins = |(a, b): (&u8, &u8)| u8::from(*a >= 0xC2) & u8::from(*b != 0xA0) & u8::from(*b != 0xBB);
    let pairs = text.chunks(AT_ONCE).zip(behind.chunks(AT_ONCE));
    pairs.map(|(text, behind)| u64::from(text.iter().zip(behind).map(begins).sum::<u8>())).sum()
}

/// Where ASCII characters begin that each have a NUL beside them, many enough to be no chance.
fn alternating(bytes: &[u8]) -> Option<usize> {
    let is_text = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let first = memchr::memchr(0, bytes)?.saturating_sub(1);
    let pairs = |w: &[u8]| w.chunks_exact(2).all(|pair| is_text(&pair[0]) && pair[1] == 0);
    bytes[first..].windows(8).position(pairs).map(|at| first + at)
}

fn is_high_surrogate(unit: u16) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

/// By byte order mark, else by which half of ASCII characters is NUL; else UTF-8 until a byte says otherwise.
fn first_guess(sample: &[u8]) -> Encoding {
    if sample.starts_with(b"\xEF\xBB\xBF") {
        return Encoding::Utf8Bom;
    }
    if sample.starts_with(b"\xFF\xFE") {
        return Encoding::Utf16Le;
    }
    if sample.starts_with(b"\xFE\xFF") {
        return Encoding::Utf16Be;
    }
    // A character of UTF-16 that is not ASCII may have a NUL in either half, as `😀` has: only ASCII tells the order.
    let (mut pairs, mut little, mut big, mut neither) = (0_usize, 0, 0, 0);
    for pair in sample.chunks_exact(2) {
        pairs += 1;
        match pair {
            [0, 0] => neither += 1,
            [b'\t' | b'\n' | b'\r' | b' '..=b'~', 0] => little += 1,
            [0, b'\t' | b'\n' | b'\r' | b' '..=b'~'] => big += 1,
            _ => {}
        }
    }
    // Delimiters, digits and line ends are half of any table, whatever the language of its names. Two NULs are half a
    // character of UTF-32.
    let is = |these: usize, others: usize| these > 1 && these * 10 >= pairs * 3 && these >= (others + neither) * 2;
    if is(little, big) {
        Encoding::Utf16Le
    } else if is(big, little) {
        Encoding::Utf16Be
    } else {
        Encoding::Utf8
    }
}
