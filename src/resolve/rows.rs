//! Chooses among mapping rows: the most specific row that fits wins, and rows that are equally specific
//! must agree. Shared by accounts and products, which differ only in what their cells are.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use wildmatch::WildMatch;

use crate::book::folded;
use crate::finding::{Code, Finding, Place};

/// A filled cell of a mapping row, ready to compare. Empty cells are not kept: they fit anything.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Equal(String),
    Pattern(WildMatch),
}

impl Cell {
    pub fn equal(key: String) -> Option<Self> {
        (!key.is_empty()).then_some(Self::Equal(key))
    }

    /// A text that may hold `*` and `?`; without them `key` decides.
    pub fn pattern(text: &str, key: impl Fn(&str) -> String) -> Option<Self> {
        if text.contains(['*', '?']) {
            Some(Self::Pattern(WildMatch::new(&folded(text))))
        } else {
            Self::equal(key(text))
        }
    }

    fn fits(&self, key: &str, text: &str) -> bool {
        match self {
            Cell::Equal(equal) => equal == key,
            Cell::Pattern(pattern) => pattern.matches(text),
        }
    }
}

/// A mapping row as it is matched: its cells in the order of the subject's.
#[derive(Debug, Clone)]
pub(super) struct Row<T> {
    pub cells: Vec<Option<Cell>>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub says: T,
    /// The id it maps to, as written: two spellings of one id say the same.
    pub written: String,
    pub place: Place,
}

impl<T> Row<T> {
    /// Filled cells, then cells that are no pattern, then whether the row is dated: more wins.
    fn specificity(&self) -> (usize, usize, bool) {
        let filled = self.cells.iter().flatten().count();
        let exact = self.cells.iter().flatten().filter(|c| matches!(c, Cell::Equal(_))).count();
        (filled, exact, self.from.is_some() || self.to.is_some())
    }

    fn holds_on(&self, on: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= on) && self.to.is_none_or(|to| on <= to)
    }

    fn fits(&self, subject: &[Subject], on: NaiveDate) -> bool {
        self.holds_on(on)
            && self.cells.iter().zip(subject).all(|(cell, s)| cell.as_ref().is_none_or(|c| c.fits(&s.key, &s.text)))
    }
}

/// One value of the account or SKU to match: its key, and the text patterns see.
pub(super) struct Subject {
    pub key: String,
    pub text: String,
}

/// What the rows say of a subject.
pub(super) enum Choice<'r, T> {
    None,
    One { says: &'r T, written: &'r str, place: &'r Place },
    Conflict(Vec<Place>),
}

/// The mapping rows of one file, found by the cell that tells them apart best.
pub(super) struct Rows<T> {
    all: Vec<Row<T>>,
    /// Column → key → rows that hold it there, each row under its first exact column of `INDEXED`.
    by_cell: HashMap<(usize, String), Vec<usize>>,
    others: Vec<usize>,
    indexed: &'static [usize],
    matched: Vec<bool>,
    conflicts: BTreeSet<Vec<Place>>,
    seen: Option<(NaiveDate, NaiveDate)>,
}

impl<T: PartialEq> Rows<T> {
    /// `indexed`: the columns to look rows up by, the most telling first.
    pub fn new(mut rows: Vec<Row<T>>, indexed: &'static [usize]) -> Self {
        // The order of rows in the file means nothing; their places make ties fall one way.
        rows.sort_by(|a, b| a.place.cmp(&b.place));
        let mut by_cell: HashMap<(usize, String), Vec<usize>> = HashMap::new();
        let mut others = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let telling = indexed.iter().find_map(|column| match row.cells.get(*column) {
                Some(Some(Cell::Equal(key))) => Some((*column, key.clone())),
                _ => None,
            });
            match telling {
                Some(at) => by_cell.entry(at).or_default().push(index),
                None => others.push(index),
            }
        }
        let matched = vec![false; rows.len()];
        Self { all: rows, by_cell, others, indexed, matched, conflicts: BTreeSet::new(), seen: None }
    }

    /// Whether what a row says may differ from day to day.
    pub fn dated(&self) -> bool {
        self.all.iter().any(|r| r.from.is_some() || r.to.is_some())
    }

    pub fn choose(&mut self, subject: &[Subject], on: NaiveDate) -> Choice<'_, T> {
        self.seen = Some(self.seen.map_or((on, on), |(first, last)| (first.min(on), last.max(on))));
        let mut candidates = self.others.clone();
        for column in self.indexed {
            let key = subject.get(*column).map(|s| s.key.clone()).unwrap_or_default();
            candidates.extend(self.by_cell.get(&(*column, key)).into_iter().flatten());
        }
        let mut best: Vec<usize> = Vec::new();
        for index in candidates {
            let Some(row) = self.all.get(index).filter(|row| row.fits(subject, on)) else { continue };
            if let Some(matched) = self.matched.get_mut(index) {
                *matched = true;
            }
            match best.first().and_then(|b| self.all.get(*b)).map(|b| b.specificity().cmp(&row.specificity())) {
                Some(std::cmp::Ordering::Greater) => {}
                Some(std::cmp::Ordering::Equal) => best.push(index),
                Some(std::cmp::Ordering::Less) | None => best = vec![index],
            }
        }
        best.sort_unstable();
        let winners: Vec<&Row<T>> = best.iter().filter_map(|i| self.all.get(*i)).collect();
        let Some(first) = winners.first() else { return Choice::None };
        if winners.iter().all(|row| row.says == first.says) {
            return Choice::One { says: &first.says, written: &first.written, place: &first.place };
        }
        let places: Vec<Place> = winners.iter().map(|row| row.place.clone()).collect();
        self.conflicts.insert(places.clone());
        Choice::Conflict(places)
    }

    /// M308 for rows that disagreed, M307 for rows in force that matched nothing.
    pub fn findings(&self) -> Vec<Finding> {
        let conflicts = self.conflicts.iter().filter_map(|places| {
            let (last, others) = places.split_last()?;
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            let message = format!("this row and {} fit the same value equally well and disagree", others.join(", "));
            Some(Finding::new(Code::M308, message).at(last.clone()))
        });
        let unused = self.all.iter().zip(&self.matched).filter(|(row, matched)| !**matched && self.in_force(row));
        let unused = unused.map(|(row, _)| {
            Finding::new(Code::M307, "the mapping row matched nothing in this period").at(row.place.clone())
        });
        conflicts.chain(unused).collect()
    }

    /// A row that has ended, or has not begun, cannot be expected to match.
    fn in_force(&self, row: &Row<T>) -> bool {
        self.seen
            .is_none_or(|(first, last)| row.from.is_none_or(|from| from <= last) && row.to.is_none_or(|to| first <= to))
    }
}
