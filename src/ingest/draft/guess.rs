//! Which column of a file feeds which canonical column: by its heading where a known word is in it and
//! its values are of the right kind, else by its values where only one reading of them is left.

use wildmatch::WildMatch;

use super::hints::HINTS;
use super::sample::{Looks, SampleColumn};
use crate::format::{Column, ColumnKind, normalise};

/// What is thought of a canonical column.
pub(super) struct Guess {
    pub column: Column,
    /// The file's column, if one is thought to feed it.
    pub from: Option<usize>,
    pub evidence: String,
    pub doubts: Vec<String>,
}

/// One guess for each canonical column, in their order.
pub(super) fn guess(columns: &[SampleColumn]) -> Vec<Guess> {
    let mut used = vec![false; columns.len()];
    let mut guesses: Vec<Guess> =
        HINTS.iter().map(|(column, hints)| by_heading(*column, hints, columns, &mut used)).collect();
    by_values(&mut guesses, columns, &mut used);
    describe_by_sku(&mut guesses, columns);
    Column::ALL
        .iter()
        .map(|column| match guesses.iter().position(|g| g.column == *column) {
            Some(at) => guesses.swap_remove(at),
            None => Guess {
                column: *column,
                from: None,
                evidence: String::new(),
                doubts: vec!["neither headings nor values tell; a constant or a word map may give it".into()],
            },
        })
        .collect()
}

fn by_heading(column: Column, hints: &[&str], columns: &[SampleColumn], used: &mut [bool]) -> Guess {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut doubts = Vec::new();
    for (i, candidate) in columns.iter().enumerate().filter(|(i, c)| c.usable && !used[*i]) {
        let heading = normalise(&candidate.heading);
        let Some(rank) = hints.iter().position(|hint| WildMatch::new(hint).matches(&heading)) else { continue };
        if fits(column, candidate.kind) {
            found.push((rank, i));
        } else if candidate.kind != Looks::Empty {
            let value = candidate.values.iter().find(|v| !v.is_empty()).map_or("", String::as_str);
            doubts.push(format!("{:?} has the name, but not the values, such as {value:?}", candidate.heading));
        }
    }
    found.sort_unstable();
    let Some((_, best)) = found.first().copied() else {
        return Guess { column, from: None, evidence: String::new(), doubts };
    };
    used[best] = true;
    let chosen = &columns[best];
    if chosen.values.is_empty() {
        doubts.push("it is empty in the rows looked at".into());
    }
    let others: Vec<String> = found.iter().skip(1).take(4).map(|(_, i)| format!("{:?}", columns[*i].heading)).collect();
    if !others.is_empty() {
        doubts.push(format!("{} would fit by name too", others.join(", ")));
    }
    Guess { column, from: Some(best), evidence: format!("its heading says so{}", seen(chosen)), doubts }
}

/// What kind of values a canonical column can take. Ids and names may look like anything.
fn fits(column: Column, looks: Looks) -> bool {
    match (column.kind(), looks) {
        (_, Looks::Empty) => !matches!(column, Column::Quantity),
        (ColumnKind::Number, looks) => looks.number(),
        (ColumnKind::Date, looks) => looks.date(),
        (ColumnKind::Currency, looks) => looks == Looks::Currency,
        (ColumnKind::Category, _) => false,
        (ColumnKind::Text, looks) => match column {
            Column::SubAccountName | Column::ChargeDescription | Column::ProviderName | Column::Unit => {
                matches!(looks, Looks::Text | Looks::Currency)
            }
            _ => looks != Looks::Date,
        },
    }
}

fn seen(column: &SampleColumn) -> String {
    let what = match column.kind {
        Looks::Empty => return String::new(),
        Looks::Text => "texts",
        Looks::Number => "numbers",
        Looks::Date | Looks::NumberOrDate => "dates",
        Looks::Currency => "currency codes",
    };
    format!(
        "; {} of {} filled cells are {what}, such as {:?}",
        column.values.len(),
        column.values.len() + column.nothing.len(),
        column.example()
    )
}

/// Columns that no heading named: a currency, dates, and the only number that is left.
fn by_values(guesses: &mut [Guess], columns: &[SampleColumn], used: &mut [bool]) {
    for column in [Column::Currency, Column::ChargePeriodStart, Column::ChargePeriodEnd, Column::Quantity] {
        let Some(guess) = guesses.iter().position(|g| g.column == column && g.from.is_none()) else { continue };
        let is = |looks: Looks| match column {
            Column::Currency => looks == Looks::Currency,
            Column::Quantity => looks == Looks::Number,
            _ => looks == Looks::Date,
        };
        let left: Vec<usize> =
            (0..columns.len()).filter(|i| columns[*i].usable && !used[*i] && is(columns[*i].kind)).collect();
        let (([only], _) | ([only, ..], Column::ChargePeriodStart)) = (left.as_slice(), column) else { continue };
        // An end without a start says nothing of a period.
        let has_start = guesses.iter().any(|g| g.column == Column::ChargePeriodStart && g.from.is_some());
        if column == Column::ChargePeriodEnd && !has_start {
            continue;
        }
        used[*only] = true;
        guesses[guess].from = Some(*only);
        guesses[guess].evidence = format!("by its values alone{}", seen(&columns[*only]));
        guesses[guess].doubts.push("the heading does not say so".into());
    }
}

/// A file with one product column has it for its SKU and its description; one with neither still needs
/// something to be known by.
fn describe_by_sku(guesses: &mut [Guess], columns: &[SampleColumn]) {
    let of = |guesses: &[Guess], column| guesses.iter().find(|g| g.column == column).and_then(|g| g.from);
    if of(guesses, Column::ChargeDescription).is_some() {
        return;
    }
    let sku = of(guesses, Column::SkuId);
    let nothing = guesses.iter().all(|g| g.from.is_none());
    let text =
        || columns.iter().position(|c| c.usable && c.kind == Looks::Text).or(columns.iter().position(|c| c.usable));
    let (from, doubt) = match (sku, nothing) {
        (Some(sku), _) => (Some(sku), "no other column describes the product"),
        (None, true) => (text(), "nothing speaks for it: no heading is known, and a spec needs one column"),
        (None, false) => (None, ""),
    };
    if let (Some(_), Some(guess)) = (from, guesses.iter_mut().find(|g| g.column == Column::ChargeDescription)) {
        guess.from = from;
        guess.evidence = "taken from what is there".into();
        guess.doubts.push(doubt.into());
    }
}
