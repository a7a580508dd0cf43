//! Law 4, order and splitting: moving rows within a file, or splitting a file, changes no invoice line,
//! discrepancy or quantity change, but for the columns that name source and line. Nor does a file beside which the same
//! stands as another program saved it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::files::{Line, UsageFile};
use super::plan::{Plan, Vendor, book};
use super::run::{Book, Outputs, Table};

fn what_is_concluded(outputs: &Outputs) -> [Table; 3] {
    ["invoice_lines.csv", "discrepancies.csv", "quantity_changes.csv"]
        .map(|name| Table::read(outputs, name).without_places())
}

/// The body in another order: each line takes the place that its number in `order` says. A total row is no
/// part of the body, so it stays last.
fn shuffled(file: &UsageFile, order: &[u32]) -> UsageFile {
    let mut keyed: Vec<(u32, usize, Line)> = file
        .body
        .iter()
        .enumerate()
        .map(|(i, line)| (order[i % order.len()].wrapping_mul(u32::try_from(i).expect("few") * 7 + 1), i, line.clone()))
        .collect();
    keyed.sort_by_key(|(key, i, _)| (*key, *i));
    UsageFile { body: keyed.into_iter().map(|(_, _, line)| line).collect(), ..file.clone() }
}

/// The file in pieces, headings repeated. Equal rows stay in one piece, for equal rows in two files are
/// overlapping exports and collapse.
fn split(file: &UsageFile, pieces: usize, choice: &[u32]) -> Vec<UsageFile> {
    let mut piece_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut bodies: Vec<Vec<Line>> = vec![Vec::new(); pieces];
    for (i, line) in file.body.iter().enumerate() {
        let chosen = choice[i % choice.len()] as usize % pieces;
        bodies[*piece_of.entry(line.text.clone()).or_insert(chosen)].push(line.clone());
    }
    // A piece without a readable row would be no export.
    let readable = |body: &Vec<Line>| body.iter().any(|l| l.held.is_some_and(|h| !h.rejected));
    let (full, poor): (Vec<_>, Vec<_>) = bodies.into_iter().partition(readable);
    let mut out: Vec<UsageFile> = full
        .into_iter()
        .enumerate()
        .map(|(n, body)| {
            let source = file.source.replace('.', &format!("-piece{n}."));
            UsageFile { source, body, total: None, ..file.clone() }
        })
        .collect();
    let last = out.last_mut().expect("one row is readable");
    last.body.extend(poor.into_iter().flatten());
    last.total.clone_from(&file.total);
    out
}

fn holds(plan: &Plan, numbers: &[u32], pieces: usize) {
    let mut book = Book::new(plan);
    let expected = what_is_concluded(&book.outputs());
    let whole = book.usage.clone();

    book.replace_usage(whole.iter().map(|f| shuffled(f, numbers)).collect());
    assert_eq!(what_is_concluded(&book.outputs()), expected, "rows moved within their files");

    book.replace_usage(whole.iter().flat_map(|f| split(f, pieces, numbers)).collect());
    assert_eq!(what_is_concluded(&book.outputs()), expected, "files in {pieces} pieces");

    let both = whole.iter().map(|f| shuffled(f, numbers));
    book.replace_usage(both.flat_map(|f| split(&f, pieces, &numbers[1..])).collect());
    assert_eq!(what_is_concluded(&book.outputs()), expected, "rows moved and files in {pieces} pieces");
}

/// The cell as another program writes it: more zeros behind the point, a day with its midnight, or as year, month, day.
fn saved_again(cell: &str) -> String {
    let is = |part: Option<&str>, lengths: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|p| lengths.contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    if let Some((whole, fraction)) = cell.trim_start_matches('-').split_once('.')
        && is(Some(whole), 1..=9)
        && is(Some(fraction), 1..=9)
    {
        // Three digits behind it may be thousands.
        return format!("{cell}{}", if fraction.len() == 2 { "00" } else { "0" });
    }
    let parts: Vec<&str> = cell.split(['-', '/']).collect();
    match parts[..] {
        [y, m, d] if is(Some(y), 4..=4) && is(Some(m), 2..=2) && is(Some(d), 2..=2) => format!("{cell}T00:00:00Z"),
        [m, d, y] if is(Some(y), 4..=4) && is(Some(m), 1..=2) && is(Some(d), 1..=2) => format!("{y}-{m:0>2}-{d:0>2}"),
        _ => cell.to_string(),
    }
}

/// The file as another program saves it, every cell in quotes.
fn again(file: &UsageFile) -> UsageFile {
    let line = |line: &Line| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.text.as_bytes());
        let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        for record in reader.records() {
            writer.write_record(record.expect("a row").iter().map(saved_again)).expect("memory");
        }
        let text = String::from_utf8(writer.into_inner().expect("memory")).expect("text");
        Line { text: text.trim_end().to_string(), held: line.held }
    };
    let source = file.source.replace('.', "-again.");
    UsageFile { source, body: file.body.iter().map(line).collect(), total: None, ..file.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::cases(24) })]

    #[test]
    fn order_and_splitting_change_nothing_that_is_billed(
        plan in book(),
        numbers in proptest::collection::vec(any::<u32>(), 8..9),
        pieces in 2..5usize,
    ) {
        holds(&plan, &numbers, pieces);
    }

    #[test]
    fn an_export_that_was_saved_again_changes_nothing_that_is_billed(plan in book()) {
        let mut book = Book::new(&plan);
        // Of what cannot be read, and of what contradicts itself, it is told how often it stands.
        let is_whole = |line: &Line| line.held.is_none_or(|held| !held.rejected) && !line.text.contains("shared-");
        let mut whole: Vec<UsageFile> = book.usage.clone();
        for file in &mut whole {
            file.body.retain(is_whole);
        }
        whole.retain(|file| file.body.iter().any(|line| line.held.is_some()));
        let is_written_with_commas = |file: &&UsageFile| file.json.is_none() && file.vendor != Vendor::Acronis;
        let copies: Vec<UsageFile> = whole.iter().filter(is_written_with_commas).map(again).collect();
        prop_assume!(!copies.is_empty());
        book.replace_usage(whole.clone());
        let expected = what_is_concluded(&book.outputs());
        book.replace_usage(whole.into_iter().chain(copies).collect());
        prop_assert_eq!(what_is_concluded(&book.outputs()), expected);
    }
}
