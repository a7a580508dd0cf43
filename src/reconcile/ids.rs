//! Short stable ids. A discrepancy's id leaves the period out, so that the same question keeps its id
//! from month to month and decisions stick; a line's id has it in.

use xxhash_rust::xxh3::xxh3_64;

use super::LineKind;
use crate::book::{Period, id_key};
use crate::finding::Code;

/// Crockford's base 32, lower case: no letter that reads as a digit.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The hash of client, contract line or product, vendor and kind. `about` is the contract line, or the
/// product and term.
pub fn discrepancy_id(client: &str, about: &str, vendor: &str, code: Code) -> String {
    short('d', &[&id_key(client), &id_key(about), &id_key(vendor), code.name()])
}

/// `about` is the contract line, or the product and term of a line that has none.
pub fn line_id(period: Period, client: &str, about: &str, kind: LineKind) -> String {
    short('l', &[&period.to_string(), &id_key(client), &id_key(about), kind.word()])
}

fn short(prefix: char, parts: &[&str]) -> String {
    // Lengths keep ("ab", "c") and ("a", "bc") apart.
    let joined = parts.iter().fold(String::new(), |all, part| all + &part.len().to_string() + ":" + part + ";");
    let mut hash = xxh3_64(joined.as_bytes());
    let mut id = String::with_capacity(13);
    id.push(prefix);
    for _ in 0..12 {
        id.push(char::from(DIGITS[(hash & 31) as usize]));
        hash >>= 5;
    }
    id
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
