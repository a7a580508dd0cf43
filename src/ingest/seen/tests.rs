use proptest::prelude::*;

use super::*;
use crate::ingest::{Dialect, Event, Record, Records};

fn seen(headings: &[&str]) -> Seen {
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    let nulls = Nulls::new(vec!["n/a".into()], false);
    let mut seen = Seen::new(&headings, nulls, 7);
    for i in 0..headings.len() {
        seen.uses(&[i], Uses::column(i));
    }
    seen
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[test]
fn an_id_in_exponent_notation_is_known() {
    for id in ["1.23457E+17", "1E+11", "5,6689E+17"] {
        assert!(is_cut_short(id) && may_be_cut_short(id.as_bytes()), "{id}");
        assert!(may_be_cut_short(format!("\u{a0} {id}").as_bytes()), "{id}");
    }
    for id in ["06E2", "ABE+1", "12.5E+3", "1.5E+", "CFQ7TTC0LH0R"] {
        assert!(!is_cut_short(id), "{id}");
    }
}

#[test]
fn only_what_changed_is_told_and_the_first_row_is_all_new() {
    let mut seen = seen(&["a", "b"]);
    assert_eq!(seen.look(&row(&["x", " n/a "]), &mut ()), Uses::ALL);
    assert_eq!((seen.value(0), seen.value(1), seen.text(1)), ("x", "", " n/a "));
    assert_eq!(seen.look(&row(&["x", " n/a "]), &mut ()), Uses::NONE);
    assert_eq!(seen.look(&row(&["x", "y"]), &mut ()), Uses::column(1));
    // A row too short has the cells behind its end empty.
    assert_eq!(seen.look(&row(&["x"]), &mut ()), Uses::column(1));
    assert_eq!(seen.value(1), "");
}

#[test]
fn ids_cut_short_are_counted_while_they_stand() {
    let mut seen = seen(&["id"]);
    seen.is_id(0);
    for (id, cut) in [("1E+11", true), ("1E+11", true), ("2E+12", true), ("A", false), ("1E+11", true)] {
        seen.look(&row(&[id]), &mut ());
        assert_eq!(seen.has_cut_ids(), cut, "{id}");
    }
}

#[test]
fn two_columns_of_one_heading_are_told_apart() {
    let mut seen = seen(&["note", "note"]);
    seen.look(&row(&["a", "b"]), &mut ());
    seen.settle();
    let one = seen.whole();
    seen.look(&row(&["b", "a"]), &mut ());
    seen.settle();
    assert_ne!(one, seen.whole());
}

proptest! {
    /// What is remembered of rows before leaves no trace in a row's fingerprint and values.
    #[test]
    fn a_row_is_the_same_behind_any_other(
        rows in prop::collection::vec(prop::collection::vec("[ a-c/n]{0,20}", 3), 1..6),
        again in prop_oneof![Just(1_usize), 1_usize..60],
    ) {
        let mut kept = seen(&["a", "b", "c"]);
        // Many rows that change, and then some that do not.
        let rows = rows.iter().cycle().take(rows.len() * again).chain(rows.iter().flat_map(|row| [row; 3]));
        let rows: Vec<&Vec<String>> = rows.collect();
        for (i, cells) in rows.iter().copied().enumerate() {
            kept.look(cells, &mut ());
            let mut alone = seen(&["a", "b", "c"]);
            alone.look(cells, &mut ());
            // Rows with an identity do without.
            if i % 2 == 0 || i + 1 == rows.len() {
                kept.settle();
                alone.settle();
                prop_assert_eq!(kept.whole(), alone.whole());
            }
            for (i, cell) in cells.iter().enumerate() {
                prop_assert_eq!(kept.value(i), alone.value(i));
                prop_assert_eq!(kept.value(i), kept.clean(cell));
            }
        }
    }

    /// Columns that never changed come to change, those that always did cease to, and what is quoted stands behind the row.
    #[test]
    fn habits_outlive_no_change(
        rows in prop::collection::vec(prop::collection::vec(prop::sample::select(vec!["", "x", "xy", "y", "yz", "a\"b", "a,b"]), 4), 1..40),
        first in prop::collection::vec(prop::sample::select(vec!["x", "xy", "y", "a\"b"]), 4),
        times in 20_usize..60,
    ) {
        let cell = |cell: &&str| {
            if cell.contains(['"', ',']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { (*cell).to_string() }
        };
        let line = |(i, row): (usize, &Vec<&str>)| {
            let number = if i < 2 * times { i } else { 7 };
            format!("{number},{}\n", row.iter().map(cell).collect::<Vec<_>>().join(","))
        };
        let text: String = std::iter::repeat_n(&first, times).chain(rows.iter()).enumerate().map(line).collect();
        let mut records = Records::new(text.as_bytes(), Dialect::of(b','));
        records.expect_fields(5);
        let (mut record, mut kept, mut listed) = (Record::new(), seen(&["a", "b", "c", "d", "e"]), seen(&["a", "b", "c", "d", "e"]));
        while records.next(&mut record).expect("memory") == Event::Record {
            kept.look(&record, &mut ());
            kept.settle();
            // As of a JSON record, with nothing between the cells.
            listed.look(&record.iter().map(str::to_string).collect::<Vec<_>>(), &mut ());
            let mut alone = seen(&["a", "b", "c", "d", "e"]);
            alone.look(&record, &mut ());
            alone.settle();
            prop_assert_eq!(kept.whole(), alone.whole());
            for i in 0..5 {
                prop_assert_eq!(kept.value(i), record.get(i).expect("a field"));
                prop_assert_eq!(listed.value(i), record.get(i).expect("a field"));
            }
        }
    }

    #[test]
    fn cells_are_the_same_if_they_are_equal(
        a in "[ab]{0,80}", b in "[ab]{0,80}", at in 0_usize..80, lead in 0_usize..9,
    ) {
        let row = |before: usize, cell: &str| format!("{}{cell}{BEHIND}", "x".repeat(before)).into_bytes();
        let (of_a, of_b) = (Span::new(0, a.len()), Span::new(lead, lead + b.len()));
        prop_assert_eq!(is_same(&row(0, &a), of_a, &row(lead, &b), of_b), a == b);
        let mut other = row(lead, &a);
        let there = Span::new(lead, lead + a.len());
        prop_assert!(is_same(&row(0, &a), of_a, &other, there));
        if at < a.len() {
            other[lead + at] = b'c';
            prop_assert!(!is_same(&row(0, &a), of_a, &other, there));
        }
    }
}
