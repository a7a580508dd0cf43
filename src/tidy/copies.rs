//! The rows of a partition that are copies of one another. Whoever has none is handed on first, so rows that stand alone are handed on as they are
//! met, and only the others are put together: nothing is sorted.

use std::collections::BTreeMap;
use std::io;

use super::partition::records;
use super::row::Row;
use super::spill::damaged;
use super::table::Table;

/// What stands alone, and what does not.
pub enum Met<'a> {
    /// The record of a row without copies.
    Alone(&'a [u8]),
    /// The records of rows of one key, in the order in which they were met.
    Copies(&'a [&'a [u8]]),
}

/// Calls `each` for every row that stands alone, then for every set of copies.
pub fn each_met<E: From<io::Error>>(bytes: &[u8], mut each: impl FnMut(Met<'_>) -> Result<(), E>) -> Result<(), E> {
    let rows: Vec<&[u8]> = records(bytes).collect::<io::Result<_>>()?;
    let mut table = Table::default();
    table.clear_for(rows.len());
    let mut copies: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut is_copy = vec![false; rows.len()];
    for (number, record) in (0u32..).zip(&rows) {
        let key = Row::key_of(record).ok_or_else(damaged)?;
        // The highest bits are the partition's: all rows have them.
        #[allow(clippy::cast_possible_truncation, reason = "any bits do")]
        let (tag, hash) = ((key >> 64) as u32, key as u64);
        if let Some(first) = table.meet(hash, tag, number, |row| Row::key_of(rows[row as usize]) == Some(key)) {
            copies.entry(first).or_insert_with(|| vec![first]).push(number);
            is_copy[first as usize] = true;
            is_copy[number as usize] = true;
        }
    }
    drop(table);
    for (record, is_copy) in rows.iter().zip(is_copy) {
        if !is_copy {
            each(Met::Alone(record))?;
        }
    }
    for numbers in copies.into_values() {
        let set: Vec<&[u8]> = numbers.iter().map(|n| rows[*n as usize]).collect();
        each(Met::Copies(&set))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::tests::row;
    use super::*;

    proptest! {
        #[test]
        fn rows_of_one_key_meet_and_every_row_is_met_once(keys in proptest::collection::vec(0u128..9, 0..40)) {
            let mut bytes = Vec::new();
            for (line, key) in (0..).zip(&keys) {
                // The table looks at low bits and the tag at those from 64 on: let both collide.
                row((key % 3) << 64 | ((key / 3) << 100), 0, line).encode(0, &mut bytes);
            }
            let mut lines: Vec<u64> = Vec::new();
            let mut seen: Vec<u128> = Vec::new();
            each_met(&bytes, |met| -> io::Result<()> {
                let set = match &met {
                    Met::Alone(record) => std::slice::from_ref(record),
                    Met::Copies(set) => set,
                };
                let set: Vec<Row> = set.iter().map(|r| Row::decode(r, &[row(0, 0, 0).kind]).expect("a row")).collect();
                assert!(set.iter().all(|r| r.key == set[0].key) && !seen.contains(&set[0].key));
                assert!(set.is_sorted_by_key(|r| r.line));
                seen.push(set[0].key);
                lines.extend(set.iter().map(|r| r.line));
                Ok(())
            })
            .expect("readable");
            lines.sort_unstable();
            prop_assert_eq!(lines, (0..keys.len() as u64).collect::<Vec<_>>());
        }
    }
}
