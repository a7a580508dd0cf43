//! The part of a text that is being cut into records. It is found to be UTF-8 a buffer at a time, not line by line,
//! and held as such; where it is not, it is held as bytes from there on, and each line is judged by itself.

use std::io::{self, Read};

use super::trust::distrust;

/// The buffer to begin with: a record longer than this doubles it. What is done with a row goes on in the processor's nearer
/// caches, and this much leaves them room.
const BUFFER: usize = 32 << 10;

#[derive(Debug)]
pub(super) struct Held<R> {
    reader: R,
    buffer: Buffer,
    /// The unread part of the buffer begins here.
    start: usize,
    /// What is read comes in here, and goes to the buffer as text; it stays as long as it is, for what is read over
    /// needs no zeros. The first bytes may be left from before, when they began a character.
    incoming: Vec<u8>,
    left: usize,
    whole: bool,
    /// What is no UTF-8 is an error.
    trusting: bool,
}

#[derive(Debug)]
enum Buffer {
    Text(String),
    Bytes(Vec<u8>),
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        match self {
            Buffer::Text(text) => text.as_bytes(),
            Buffer::Bytes(bytes) => bytes,
        }
    }
}

impl<R: Read> Held<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Buffer::Text(String::new()),
            start: 0,
            incoming: Vec::new(),
            left: 0,
            whole: false,
            trusting: false,
        }
    }

    /// For what is trusted to be UTF-8: an error where it is not.
    pub fn trusting(self) -> Self {
        Self { trusting: true, ..self }
    }

    /// Taken for no text from the beginning.
    #[cfg(test)]
    pub fn of_bytes(reader: R) -> Self {
        Self { buffer: Buffer::Bytes(Vec::new()), ..Self::new(reader) }
    }

    /// Whether nothing follows what is held.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Where the unread part begins in [`Held::text`].
    pub fn start(&self) -> usize {
        self.start
    }

    /// The buffer, if all of it is text.
    #[inline]
    pub fn text(&self) -> Option<&str> {
        match &self.buffer {
            Buffer::Text(text) => Some(text),
            Buffer::Bytes(_) => None,
        }
    }

    /// The unread part.
    pub fn data(&self) -> &[u8] {
        &self.buffer.bytes()[self.start..]
    }

    /// The first bytes of the unread part, if they are text.
    pub fn str(&self, length: usize) -> Option<&str> {
        match &self.buffer {
            Buffer::Text(text) => text.get(self.start..self.start + length),
            Buffer::Bytes(bytes) => std::str::from_utf8(&bytes[self.start..self.start + length]).ok(),
        }
    }

    #[inline]
    pub fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Holds another text in place of one that is read to its end: all of it, and trusted as [`Held::trusting`] has it.
    pub fn put(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut text = match std::mem::replace(&mut self.buffer, Buffer::Bytes(Vec::new())) {
            Buffer::Text(text) => text,
            Buffer::Bytes(_) => String::new(),
        };
        text.clear();
        text.push_str(simdutf8::basic::from_utf8(piece).map_err(|_| distrust())?);
        (self.buffer, self.start, self.left, self.whole) = (Buffer::Text(text), 0, 0, true);
        Ok(())
    }

    /// Reads from there on what follows a text that is read to its end.
    pub fn go_on_with(&mut self, reader: R) {
        (self.reader, self.whole) = (reader, false);
    }

    /// Makes the unread part longer, or finds the end of the text.
    pub fn fill(&mut self) -> io::Result<()> {
        // A record longer than what is held has it doubled.
        let (end, result) = self.read(BUFFER.max(self.data().len()));
        let start = std::mem::take(&mut self.start);
        let incoming = &self.incoming[..end];
        self.left = 0;
        match &mut self.buffer {
            Buffer::Bytes(bytes) => {
                bytes.drain(..start);
                bytes.extend_from_slice(incoming);
            }
            Buffer::Text(text) => {
                text.drain(..start);
                let later = if self.whole { 0 } else { begun(incoming).len() };
                if let Ok(now) = simdutf8::basic::from_utf8(&incoming[..end - later]) {
                    text.push_str(now);
                    self.incoming.copy_within(end - later..end, 0);
                    self.left = later;
                } else if self.trusting {
                    return Err(distrust());
                } else {
                    let mut bytes = std::mem::take(text).into_bytes();
                    bytes.extend_from_slice(incoming);
                    self.buffer = Buffer::Bytes(bytes);
                }
            }
        }
        result
    }

    /// Reads so much more behind what is left from before, or up to the end; where what is there ends.
    fn read(&mut self, more: usize) -> (usize, io::Result<()>) {
        let mut end = self.left;
        if self.incoming.len() < end + more {
            self.incoming.resize(end + more, 0);
        }
        while end < self.incoming.len() {
            match self.reader.read(&mut self.incoming[end..]) {
                Ok(0) => {
                    self.whole = true;
                    break;
                }
                Ok(n) => end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return (end, Err(e)),
            }
        }
        (end, Ok(()))
    }
}

/// The bytes at the end that begin a character of which more must follow.
fn begun(bytes: &[u8]) -> &[u8] {
    let end = bytes.len();
    for length in 1..=end.min(3) {
        let needs = match bytes[end - length] {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => 1,
        };
        return if needs > length { &bytes[end - length..] } else { &[] };
    }
    &[]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything held, taken a little at a time, and whether it was text to the end.
    fn all(data: &[u8], take: usize) -> (Vec<u8>, bool) {
        let mut held = Held::new(data);
        let (mut found, mut is_text) = (Vec::new(), true);
        while !held.is_whole() || !held.data().is_empty() {
            held.fill().expect("memory");
            while held.data().len() > take || (held.is_whole() && !held.data().is_empty()) {
                // Records end where characters do.
                let is_end = |at: &usize| held.text().is_none() || held.str(*at).is_some();
                let now = (1..=take.min(held.data().len())).rev().find(is_end).unwrap_or(held.data().len().min(4));
                found.extend_from_slice(&held.data()[..now]);
                held.consume(now);
            }
            is_text &= held.text().is_some();
        }
        (found, is_text)
    }

    #[test]
    fn a_character_at_the_edge_of_what_was_read_is_whole() {
        for lead in 0..4 {
            let text = "a".repeat(lead) + &"é€😀".repeat(BUFFER / 4);
            assert_eq!(all(text.as_bytes(), 1000), (text.into_bytes(), true));
        }
    }

    #[test]
    fn a_record_longer_than_the_buffer_is_held_whole() {
        let text = "é".repeat(BUFFER);
        let mut held = Held::new(text.as_bytes());
        while !held.is_whole() {
            held.fill().expect("memory");
        }
        assert_eq!(held.text(), Some(text.as_str()));
    }

    proptest! {
        #[test]
        fn bytes_come_as_they_are_and_are_text_if_they_are_utf8(
            begin in "[a-zé€😀]{0,9}",
            times in 1usize..60_000,
            bytes in prop::collection::vec(any::<u8>(), 0..6),
            take in 300usize..900,
        ) {
            let mut data = begin.repeat(times.min(300_000 / (begin.len() + 1))).into_bytes();
            data.extend(&bytes);
            let is_text = std::str::from_utf8(&data).is_ok();
            prop_assert_eq!(all(&data, take), (data, is_text));
        }
    }
}
