//! Whether two texts are the same. Short ones are compared here, eight bytes at a time: the system's own comparison masks
//! what it loads, and waits for whatever was stored before.

const WORD: usize = 8;

/// As `a == b`, for texts that are mostly short.
#[inline]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(last), Some(other)) = (a.last_chunk::<WORD>(), b.last_chunk::<WORD>()) else {
        return a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0;
    };
    let differs = |(a, b): (&[u8; WORD], &[u8; WORD])| u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
    let (words, _) = a.as_chunks::<WORD>();
    let (others, _) = b.as_chunks::<WORD>();
    words.iter().zip(others).map(differs).fold(differs((last, other)), |all, some| all | some) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_the_same_if_they_are_equal(a in "[ab]{0,40}", b in "[ab]{0,40}", at in 0usize..40) {
            prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
            prop_assert!(same(a.as_bytes(), a.clone().as_bytes()));
            // One byte in a place of its own.
            let mut other = a.clone().into_bytes();
            if let Some(byte) = other.get_mut(at) {
                *byte ^= 1;
                prop_assert!(!same(a.as_bytes(), &other));
            }
        }
    }
}
