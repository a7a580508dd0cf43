//! Heads of rows: as much of a row as tells whether it may have copies, and where it stands. Nearly no row has, and rows wait
//! elsewhere, beside those they are added up with; so heads are as small as can be.

use std::io;

use super::lines::Position;
use super::spill::damaged;
use super::table::Table;

/// Bytes of a head: the first half of the row's key, and its position.
const HEAD: usize = 16;

/// Appends the head of a row. Rows whose keys differ in their second halves alone are taken for copies here; they are
/// told apart when copies are judged.
pub fn push_head(key: u128, file: u32, line: u64, out: &mut Vec<u8>) {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&half(key).to_le_bytes());
    head[8..].copy_from_slice(&Position::of(file, line).to_bytes());
    out.extend_from_slice(&head);
}

fn half(key: u128) -> u64 {
    (key >> 64) as u64
}

/// The heads of a piece: of each as much of the key as it has, and the position.
pub fn heads(piece: &[u8]) -> io::Result<impl Iterator<Item = (u128, Position)>> {
    let (heads, rest) = piece.as_chunks::<HEAD>();
    if !rest.is_empty() {
        return Err(damaged());
    }
    Ok(heads.iter().map(|head| (u128::from(half_of(head)) << 64, position_of(head))))
}

fn half_of(head: &[u8; HEAD]) -> u64 {
    head.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

fn position_of(head: &[u8; HEAD]) -> Position {
    Position::from_bytes(head.last_chunk().copied().unwrap_or_default())
}

/// The heads met so far.
#[derive(Debug, Default)]
pub struct Meeting(Table);

impl Meeting {
    /// Shows the position of every row that may have copies, by the heads of all rows of a partition. Some are shown
    /// several times.
    #[allow(clippy::cast_possible_truncation, reason = "any bits do")]
    pub fn each(&mut self, piece: &[u8], mut show: impl FnMut(Position)) -> io::Result<()> {
        let (heads, rest) = piece.as_chunks::<HEAD>();
        if !rest.is_empty() || u32::try_from(heads.len()).is_err() {
            return Err(damaged());
        }
        self.0.clear_for(heads.len());
        for (number, head) in (0u32..).zip(heads) {
            let half = half_of(head);
            // The highest bits are the partition's: all have them.
            let tag = (half >> 16) as u32;
            if let Some(first) = self.0.meet(half, tag, number, |first| half_of(&heads[first as usize]) == half) {
                show(position_of(&heads[first as usize]));
                show(position_of(head));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_with_copies_is_shown_and_no_other(keys in proptest::collection::vec(0u128..12, 0..40)) {
            // Places and tags in the table collide; the second half of a key is not looked at.
            let key = |n: u128| ((n % 3) << 120) | ((n / 3 % 2) << 64) | (n / 6);
            let (mut piece, mut meeting) = (Vec::new(), Meeting::default());
            for (line, n) in (0..).zip(&keys) {
                push_head(key(*n), 7, line, &mut piece);
            }
            let read: Vec<_> = heads(&piece).expect("whole").collect();
            prop_assert!(read.iter().zip(&keys).all(|((head, _), n)| *head == key(*n) >> 64 << 64));
            for _ in 0..2 {
                let mut shown = BTreeSet::new();
                meeting.each(&piece, |position| { shown.insert(position.parts()); }).expect("whole");
                let has_copies = |(_, n): &(u64, &u128)| keys.iter().filter(|k| key(**k) >> 64 == key(**n) >> 64).count() > 1;
                let expected = (0u64..).zip(&keys).filter(has_copies).map(|(line, _)| (7, line)).collect();
                prop_assert_eq!(shown, expected);
            }
            let cut_short = !piece.is_empty() && meeting.each(&piece[1..], |_| ()).is_ok();
            prop_assert!(!cut_short);
        }
    }
}
