//! Short stable ids. A discrepancy's id leaves the period out, so that the same question keeps its id
//! from month to month and decisions stick; a line's id has it in.

use xxhash_rust::xxh3::xxh3_64;

use super::LineKind;
use crate::book::{Period, shared_id_key};
use crate::finding::Code;
use crate::rate::write_plain;

/// Crockford's base 32, lower case: no letter that reads as a digit.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The hash of client, contract line or product, vendor and kind. `about` is the contract line, or the
/// product and term.
pub fn discrepancy_id(client: &str, about: &str, vendor: &str, code: Code) -> String {
    let mut parts = Parts::default();
    parts.push(&shared_id_key(client));
    parts.push(&shared_id_key(about));
    parts.push(&shared_id_key(vendor));
    parts.push(code.name());
    parts.id('d')
}

/// `about` is the contract line, or the product and term of a line that has none.
pub fn line_id(period: Period, client: &str, about: &str, kind: LineKind) -> String {
    let mut parts = Parts::default();
    parts.push(&period.text());
    parts.push(&shared_id_key(client));
    parts.push(&shared_id_key(about));
    parts.push(kind.word());
    parts.id('l')
}

/// What an id is the hash of.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Parts {
    fn push(&mut self, part: &str) {
        if self.0.is_empty() {
            self.0.reserve(96);
        }
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        write_plain(part.len().into(), &mut self.0);
        self.0.push(b':');
        self.0.extend_from_slice(part.as_bytes());
        self.0.push(b';');
    }

    fn id(self, prefix: char) -> String {
        let mut hash = xxh3_64(&self.0);
        let mut id = String::with_capacity(13);
        id.push(prefix);
        for _ in 0..12 {
            id.push(char::from(DIGITS[(hash & 31) as usize]));
            hash >>= 5;
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_fold_case() {
        let id = discrepancy_id("C1000", "A1000-04", "Microsoft", Code::R401);
        assert_eq!(id, discrepancy_id(" c1000", "a1000-04 ", "MICROSOFT", Code::R401));
        assert_ne!(id, discrepancy_id("C1000", "A1000-04", "Microsoft", Code::R402));
        assert_eq!(id.len(), 13);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(discrepancy_id("ab", "c", "", Code::R401), discrepancy_id("a", "bc", "", Code::R401));
    }
}
