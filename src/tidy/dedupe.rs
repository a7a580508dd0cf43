//! Which of several copies of a row is kept. With an identity (a vendor's own line id) copies of equal
//! content collapse to one, and of different content the later export wins. Without one, whole rows
//! compare, and equal purchases within one file are legal: over files, the copies kept are the largest
//! number that any one file has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::lines::Position;
use super::row::Row;
use crate::control::Fate;
use crate::finding::{About, Code, Severity};

/// What becomes of a row among its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Keep,
    /// Kept, though an equal row stands before it in the same file.
    Suspect,
    /// Dropped in favour of the row at this position of the slice.
    Drop {
        code: Code,
        kept: usize,
    },
    /// Contradicts a copy, and nothing orders the two.
    Conflict,
}

impl Judgement {
    /// What there is to say of the row.
    pub fn about(self) -> Option<About> {
        let (code, message) = match self {
            Judgement::Keep => return None,
            Judgement::Suspect => (Code::T204, "an equal row stands before it in the same file; both are kept"),
            Judgement::Drop { code: Code::T201, .. } => {
                (Code::T201, "the same line stands earlier in this file; that one is kept")
            }
            Judgement::Drop { code: Code::T203, .. } => {
                (Code::T203, "a later export has this line with other content; that one is kept")
            }
            Judgement::Drop { code, .. } => (code, "the same row stands in another export; that one is kept"),
            Judgement::Conflict => {
                let message = "two rows carry one identity and differ, and nothing says which export is later";
                return Some(About { severity: Severity::Error, ..About::new(Code::T203, message) });
            }
        };
        Some(About::new(code, message))
    }

    /// The fate of a row that is not kept; `copies` are those that were judged.
    pub fn dropped(self, copies: &[Row]) -> Option<Fate> {
        self.dropped_for(|kept| copies[kept].position())
    }

    /// The fate of a row that is not kept; `position` is that of the row kept.
    pub fn dropped_for(self, position: impl FnOnce(usize) -> (u32, u64)) -> Option<Fate> {
        match self {
            Judgement::Keep | Judgement::Suspect => None,
            Judgement::Drop { code, kept } => {
                let (kept_file, kept_line) = position(kept);
                Some(Fate::Duplicate { code, kept_file, kept_line })
            }
            Judgement::Conflict => Some(Fate::Rejected(Code::T203)),
        }
    }
}

/// Judges rows of one key, which must be sorted by position. Same length and order as `copies`.
pub fn judge(copies: &[Row]) -> Vec<Judgement> {
    match copies {
        [] => Vec::new(),
        [_] => vec![Judgement::Keep],
        [first, ..] if first.kind.identified => judge_identified(copies),
        _ => judge_whole_rows(copies),
    }
}

fn judge_identified(copies: &[Row]) -> Vec<Judgement> {
    let Some(winner) = latest(copies) else {
        return vec![Judgement::Conflict; copies.len()];
    };
    let content = copies[winner].content;
    let mut out = Vec::with_capacity(copies.len());
    for (i, copy) in copies.iter().enumerate() {
        out.push(if i == winner {
            Judgement::Keep
        } else if copy.content != content {
            Judgement::Drop { code: Code::T203, kept: winner }
        } else if copy.file == copies[winner].file {
            Judgement::Drop { code: Code::T201, kept: winner }
        } else {
            Judgement::Drop { code: Code::T202, kept: winner }
        });
    }
    out
}

/// The first copy of the content to keep: the only content there is, else that of the latest export date
/// if every copy has a date and one content alone has the latest.
fn latest(copies: &[Row]) -> Option<usize> {
    if copies.iter().all(|c| c.content == copies[0].content) {
        return Some(0);
    }
    if copies.iter().any(|c| c.kind.exported.is_none()) {
        return None;
    }
    let last = copies.iter().filter_map(|c| c.kind.exported).max()?;
    let winner = copies.iter().position(|c| c.kind.exported == Some(last))?;
    let alone = copies.iter().filter(|c| c.kind.exported == Some(last)).all(|c| c.content == copies[winner].content);
    // The first copy of that content by position, whatever its date.
    alone.then(|| copies.iter().position(|c| c.content == copies[winner].content)).flatten()
}

fn judge_whole_rows(copies: &[Row]) -> Vec<Judgement> {
    let mut per_file: BTreeMap<u32, usize> = BTreeMap::new();
    for copy in copies {
        *per_file.entry(copy.file).or_default() += 1;
    }
    let keep = per_file.values().copied().max().unwrap_or(0);
    let mut met: BTreeSet<u32> = BTreeSet::new();
    copies
        .iter()
        .enumerate()
        .map(|(i, copy)| {
            if i >= keep {
                Judgement::Drop { code: Code::T202, kept: 0 }
            } else if met.insert(copy.file) {
                Judgement::Keep
            } else {
                Judgement::Suspect
            }
        })
        .collect()
}

/// Judges copies of one key that are too many to be held: they are shown again and again, in any order. It comes to what
/// [`judge`] does.
#[derive(Debug, Default)]
pub struct Standing {
    identified: bool,
    /// How many rows each file has, and the first line of them.
    per_file: BTreeMap<u32, (u64, u64)>,
    first: Option<(u32, u64)>,
    /// The content of the first row shown, and whether all have it.
    content: u64,
    alike: bool,
    /// Every copy has a date, and the latest.
    dated: bool,
    last: Option<NaiveDate>,
    /// The content of that date, `None` where there are several.
    winner: Option<u64>,
    /// The first copy of the content to keep.
    kept: Option<(u32, u64)>,
    /// Of whole rows, the last that is kept.
    last_kept: (u32, u64),
}

impl Standing {
    /// Looks at all copies; `again` shows each of them once, every time it is called.
    pub fn of<E>(mut again: impl FnMut(&mut dyn FnMut(&Row)) -> Result<(), E>) -> Result<Self, E> {
        let mut s = Self { alike: true, dated: true, ..Self::default() };
        again(&mut |row| {
            if s.first.is_none() {
                (s.identified, s.content) = (row.kind.identified, row.content);
            }
            s.first = s.first.into_iter().chain([row.position()]).min();
            let (rows, first) = s.per_file.entry(row.file).or_insert((0, row.line));
            (*rows, *first) = (*rows + 1, row.line.min(*first));
            s.alike &= row.content == s.content;
            s.dated &= row.kind.exported.is_some();
            s.last = s.last.max(row.kind.exported);
        })?;
        if s.identified && s.alike {
            (s.winner, s.kept) = (Some(s.content), s.first);
        } else if s.identified && s.dated {
            let (mut seen, mut alone) = (None, true);
            again(&mut |row| {
                if row.kind.exported == s.last {
                    alone &= *seen.get_or_insert(row.content) == row.content;
                }
            })?;
            s.winner = seen.filter(|_| alone);
            again(&mut |row| {
                if Some(row.content) == s.winner {
                    s.kept = s.kept.into_iter().chain([row.position()]).min();
                }
            })?;
        } else if !s.identified {
            // As many as any one file has, from the first on.
            let mut keep = s.per_file.values().map(|(rows, _)| *rows).max().unwrap_or(0);
            for (file, (rows, _)) in &s.per_file {
                if keep == 0 {
                    break;
                }
                let line = if keep < *rows { nth_line(&mut again, *file, keep)? } else { u64::MAX };
                s.last_kept = (*file, line);
                keep -= keep.min(*rows);
            }
        }
        Ok(s)
    }

    /// Judges a copy; beside a row dropped, the position of the one kept for it.
    pub fn judge(&self, row: &Row) -> (Judgement, (u32, u64)) {
        let first = self.first.unwrap_or_default();
        if self.identified {
            let Some(kept) = self.kept else { return (Judgement::Conflict, first) };
            let code = match (Some(row.content) == self.winner, row.file == kept.0) {
                _ if row.position() == kept => return (Judgement::Keep, kept),
                (false, _) => Code::T203,
                (true, true) => Code::T201,
                (true, false) => Code::T202,
            };
            return (Judgement::Drop { code, kept: 0 }, kept);
        }
        let is_first = self.per_file.get(&row.file).is_some_and(|(_, first)| *first == row.line);
        let judgement = match (row.position() > self.last_kept, is_first) {
            (true, _) => Judgement::Drop { code: Code::T202, kept: 0 },
            (false, false) => Judgement::Suspect,
            (false, true) => Judgement::Keep,
        };
        (judgement, first)
    }
}

/// The line of the nth of a file's copies, counted from one: found by counting those of fewer and fewer lines.
fn nth_line<E>(
    again: &mut impl FnMut(&mut dyn FnMut(&Row)) -> Result<(), E>,
    file: u32,
    mut nth: u64,
) -> Result<u64, E> {
    const AT_ONCE: u32 = 12;
    let (mut line, mut bits) = (0, Position::LINES.trailing_zeros());
    while bits > 0 {
        let by = bits.min(AT_ONCE);
        let mut counts = vec![0; 1 << by];
        again(&mut |row| {
            if row.file == file && row.line >> bits == line >> bits {
                #[allow(clippy::cast_possible_truncation, reason = "so few bits")]
                let part = (row.line >> (bits - by)) as usize & ((1 << by) - 1);
                counts[part] += 1;
            }
        })?;
        bits -= by;
        for (part, count) in (0..).zip(counts) {
            if nth <= count {
                line |= part << bits;
                break;
            }
            nth -= count;
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::Kind;
    use super::super::row::tests::row;
    use super::*;

    fn identified_row(file: u32, line: u64, content: u64, day: Option<u32>) -> Row {
        identified(file, line, content, day)
    }

    fn identified(file: u32, line: u64, content: u64, day: Option<u32>) -> Row {
        let row = row(1, file, line);
        let exported = day.and_then(|d| NaiveDate::from_ymd_opt(2026, 10, d));
        Row { content, kind: Kind { identified: true, exported, ..row.kind }, ..row }
    }

    #[test]
    fn one_identity_and_one_content_keeps_the_first() {
        let copies = [identified(0, 2, 9, None), identified(0, 5, 9, None), identified(1, 2, 9, None)];
        assert_eq!(
            judge(&copies),
            [
                Judgement::Keep,
                Judgement::Drop { code: Code::T201, kept: 0 },
                Judgement::Drop { code: Code::T202, kept: 0 },
            ]
        );
    }

    #[test]
    fn of_two_contents_the_later_export_wins() {
        let copies = [identified(0, 2, 9, Some(3)), identified(1, 2, 8, Some(5)), identified(2, 2, 8, Some(5))];
        assert_eq!(
            judge(&copies),
            [
                Judgement::Drop { code: Code::T203, kept: 1 },
                Judgement::Keep,
                Judgement::Drop { code: Code::T202, kept: 1 },
            ]
        );
    }

    #[test]
    fn contents_that_nothing_orders_are_all_refused() {
        let undated = [identified(0, 2, 9, None), identified(1, 2, 8, Some(5))];
        assert_eq!(judge(&undated), [Judgement::Conflict; 2]);
        let tied = [identified(0, 2, 9, Some(5)), identified(1, 2, 8, Some(5))];
        assert_eq!(judge(&tied), [Judgement::Conflict; 2]);
    }

    #[test]
    fn equal_rows_in_one_file_are_kept_and_suspected() {
        assert_eq!(judge(&[row(1, 0, 2), row(1, 0, 3)]), [Judgement::Keep, Judgement::Suspect]);
    }

    #[test]
    fn over_files_the_largest_number_in_any_one_is_kept() {
        let copies = [row(1, 0, 2), row(1, 1, 2), row(1, 1, 3), row(1, 2, 9)];
        let dropped = Judgement::Drop { code: Code::T202, kept: 0 };
        assert_eq!(judge(&copies), [Judgement::Keep, Judgement::Keep, dropped, dropped]);
    }

    proptest! {
        #[test]
        fn a_split_of_a_file_never_drops_more_than_the_whole_had(counts in proptest::collection::vec(1usize..4, 1..5)) {
            let mut copies = Vec::new();
            for (file, n) in counts.iter().enumerate() {
                for line in 0..*n {
                    copies.push(row(1, u32::try_from(file).expect("small"), line as u64));
                }
            }
            let kept = judge(&copies).iter().filter(|j| matches!(j, Judgement::Keep | Judgement::Suspect)).count();
            prop_assert_eq!(kept, counts.iter().copied().max().unwrap_or(0));
        }

        #[test]
        fn copies_that_are_not_held_are_judged_as_those_that_are(
            rows in proptest::collection::vec((0u32..3, 0u64..3, proptest::option::of(1u32..4)), 1..12)
                .prop_map(|rows| rows.into_iter().zip((1u64..).map(|n| n * n * 1_000_003)).collect::<Vec<_>>())
                .prop_shuffle(),
            identified: bool,
        ) {
            let mut copies: Vec<Row> = rows
                .iter()
                .map(|((file, content, day), line)| {
                    let row = identified_row(*file, *line, *content, *day);
                    Row { kind: Kind { identified, ..row.kind }, ..row }
                })
                .collect();
            let shown = copies.clone();
            copies.sort_by_key(Row::position);
            let standing = Standing::of(|see| -> Result<(), ()> {
                shown.iter().for_each(see);
                Ok(())
            })
            .expect("shown");
            let mut one_by_one: Vec<_> = shown
                .iter()
                .map(|row| {
                    let (judgement, kept) = standing.judge(row);
                    (row.position(), judgement == Judgement::Suspect, judgement.dropped_for(|_| kept))
                })
                .collect();
            one_by_one.sort_by_key(|(position, ..)| *position);
            let held: Vec<_> = copies
                .iter()
                .zip(judge(&copies))
                .map(|(row, j)| (row.position(), j == Judgement::Suspect, j.dropped(&copies)))
                .collect();
            prop_assert_eq!(one_by_one, held);
        }
    }
}
