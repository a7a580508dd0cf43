//! A large text is what its head shows it to be, until it is read: looking through all of it beforehand takes as long as
//! much of the reading. While it is read it is watched, and hashed; where anything in it would have had it read
//! otherwise, reading stops, and whoever reads must begin again with a look through the whole.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use super::glance::{Doubts, Search};
use super::hash::{Hash, Hashing};

/// How files are looked at before they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub hashing: Hashing,
    /// From how many bytes on a text is trusted to be what its head shows; `None`: it never is.
    pub trusts: Option<u64>,
}

impl Look {
    /// All of it.
    pub const WHOLE: Self = Self { hashing: Hashing::Beside, trusts: None };
}

/// What is taken on trust of a text: that it is UTF-8 to its end, has no escaped quotes or control characters behind its
/// head, and ends with a line end.
#[derive(Debug, PartialEq, Eq)]
pub struct Trusted {
    hashing: Hashing,
    bytes: u64,
    /// What else its rows must not say.
    doubts: OnceLock<Doubts>,
    sha256: OnceLock<String>,
}

impl Trusted {
    pub(super) fn new(bytes: u64, hashing: Hashing) -> Self {
        Self { hashing, bytes, doubts: OnceLock::new(), sha256: OnceLock::new() }
    }

    pub(super) fn doubt(&self, doubts: Doubts) {
        self.doubts.get_or_init(|| doubts);
    }

    /// The hash of the file's bytes, once all of them were read.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.get().map(String::as_str)
    }
}

/// A text that is not what its head shows.
#[derive(Debug, thiserror::Error)]
#[error("the file is not what its beginning shows it to be, and must be looked through as a whole")]
struct Distrusted;

pub(super) fn distrust() -> io::Error {
    io::Error::other(Distrusted)
}

/// Whether reading stopped for that.
pub fn is_distrust(error: &anyhow::Error) -> bool {
    let inner = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Distrusted>)
    };
    error.chain().any(inner)
}

/// Whether bytes hold what makes a text more than it seems: NULs, escape sequences, quotes behind a backslash. `last`: the
/// byte before them.
pub(super) fn is_suspicious(last: Option<u8>, bytes: &[u8]) -> bool {
    let escapes_quote = |at: usize| bytes.get(at + 1) == Some(&b'"');
    (last == Some(b'\\') && bytes.first() == Some(&b'"'))
        || memchr::memchr3_iter(0, 0x1B, b'\\', bytes).any(|at| bytes[at] != b'\\' || escapes_quote(at))
}

/// Watches what is read.
pub(super) struct Watched<R> {
    reader: R,
    trusted: Arc<Trusted>,
    /// `None` once all is read.
    hash: Option<Hash>,
    search: Option<Search>,
    bytes: u64,
    last: Option<u8>,
}

impl<R: Read> Watched<R> {
    pub fn new(reader: R, trusted: Arc<Trusted>) -> Self {
        let hash = Some(Hash::of(trusted.bytes, trusted.hashing));
        let search = trusted.doubts.get().map(|doubts| Search::new(*doubts));
        Self { reader, trusted, hash, search, bytes: 0, last: None }
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(hash) = self.hash.take() else { return Ok(()) };
        let says_otherwise = self.search.as_mut().is_some_and(Search::end);
        if says_otherwise || self.bytes != self.trusted.bytes || !matches!(self.last, Some(b'\n' | b'\r')) {
            return Err(distrust());
        }
        self.trusted.sha256.get_or_init(|| hash.finish());
        Ok(())
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        let bytes = &out[..read];
        if read == 0 && !out.is_empty() {
            self.end()?;
        }
        if is_suspicious(self.last, bytes) || self.search.as_mut().is_some_and(|search| search.take(bytes)) {
            return Err(distrust());
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.bytes += read as u64;
        self.last = bytes.last().copied().or(self.last);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// What comes of a text read in steps, and its hash.
    fn read(text: &[u8], step: usize, doubts: Option<Doubts>) -> (anyhow::Result<Vec<u8>>, Option<String>) {
        let trusted = Arc::new(Trusted::new(text.len() as u64, Hashing::Here));
        if let Some(doubts) = doubts {
            trusted.doubt(doubts);
        }
        let mut watched = Watched::new(text, trusted.clone());
        let mut all = Vec::new();
        let mut out = vec![0; step];
        let result = loop {
            match watched.read(&mut out) {
                Ok(0) => break Ok(all),
                Ok(n) => all.extend_from_slice(&out[..n]),
                Err(e) => break Err(anyhow::Error::from(e).context("a.csv could not be read")),
            }
        };
        (result, trusted.sha256().map(str::to_string))
    }

    #[test]
    fn what_keeps_to_its_head_is_read_and_hashed() {
        let text = "name,cost\nA \\ B,1.50\n".repeat(40).into_bytes();
        for step in [1, 7, 4096] {
            let doubts = Doubts { commas: Some(b','), orders: true };
            let (result, sha256) = read(&text, step, Some(doubts));
            assert_eq!(result.expect("trusted"), text);
            assert_eq!(sha256, Some(crate::ingest::hash::hex(Sha256::new_with_prefix(&text))));
        }
    }

    #[test]
    fn whatever_would_have_it_read_otherwise_is_seen_in_any_piece() {
        let doubts = Some(Doubts { commas: Some(b','), orders: true });
        let lines = "name,cost\n".repeat(30);
        for (told, doubts) in [
            ("a\0b,1\n", None),
            ("a\u{1b}$Bb,1\n", None),
            ("\"a\\\"b\",1\n", None),
            ("a,1", None),
            ("a,\"1,5\"\n", doubts),
            ("10/11/2026,1\n", doubts),
        ] {
            let text = format!("{lines}{told}");
            for step in 1..9 {
                let (result, sha256) = read(text.as_bytes(), step, doubts);
                assert!(is_distrust(&result.expect_err("it says otherwise")), "{told:?}");
                assert_eq!(sha256, None);
            }
        }
        assert!(!is_distrust(&anyhow::Error::from(io::Error::other("x"))));
    }
}
