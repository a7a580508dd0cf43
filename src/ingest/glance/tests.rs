use proptest::prelude::*;

use super::quoted::LONGEST;
use super::{Doubts, Search};
use crate::ingest::{OrderEvidence, OrderVerdict, StyleEvidence};

fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, doubts: Doubts) -> bool {
    let mut search = Search::new(doubts);
    pieces.into_iter().any(|piece| search.take(piece)) || search.end()
}

fn holds(text: &[u8], commas: Option<u8>, orders: bool) -> bool {
    let doubts = Doubts { commas, orders };
    let found = in_pieces([text], doubts);
    // As it comes to who reads a little at a time.
    assert_eq!(in_pieces(text.chunks(97), doubts), found);
    found
}

/// The same, said as plainly as it can be: of every place by itself, with all of the text around it.
fn expected(text: &[u8], doubts: Doubts) -> bool {
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let grouped = || (0..text.len()).any(|at| is(at, b'.') && (at + 1..at + 4).all(is_digit) && is(at + 4, b'.'));
    let unquoted = || (0..text.len()).any(|at| is(at, b',') && is_digit(at + 1));
    let quotes: Vec<usize> = (0..text.len()).filter(|at| is(*at, b'"')).collect();
    let quoted = || {
        quotes.iter().enumerate().any(|(number, open)| {
            let content = &text[open + 1..quotes.get(number + 1).copied().unwrap_or(text.len())];
            let behind = |at: usize| content.get(at + 1).is_none_or(u8::is_ascii_digit);
            let letters = content.iter().take(256).filter(|b| b.is_ascii_alphabetic()).count();
            let mut evidence = StyleEvidence::default();
            evidence.observe(String::from_utf8_lossy(content).trim());
            (0..content.len()).any(|at| content[at] == b',' && behind(at))
                && letters <= 10
                && (content.len() > 256 || evidence.shows_comma())
        })
    };
    let ordered = || {
        (0..text.len()).any(|start| {
            // From the first digit on, with nothing before it that it could be a part of.
            let run = |from: usize, most: usize| (from..).take_while(|at| is_digit(*at)).take(most).count();
            let first = run(start, 3);
            let separator = text.get(start + first).copied().unwrap_or_default();
            let second = run(start + first + 1, 3);
            let third = start + first + second + 2;
            matches!((first, second, run(third, 5)), (1 | 2, 1 | 2, 2 | 4))
                && matches!(separator, b'-' | b'/' | b'.')
                && is(third - 1, separator)
                && !start.checked_sub(1).is_some_and(|at| text[at].is_ascii_alphanumeric())
        })
    };
    let commas = |delimiter| grouped() || if delimiter == b',' { quoted() } else { unquoted() };
    doubts.commas.is_some_and(commas) || (doubts.orders && ordered())
}

#[test]
fn a_number_with_a_decimal_comma_is_seen_wherever_it_stands() {
    for (cell, seen) in [
        ("\"1,5\"", true),
        ("\"=\"\"1,5\"\"\"", true),
        ("\" -1,5 \"", true),
        ("1.234.567", true),
        ("\"€ 1.234,56\"", true),
        ("\"1,234.56\"", false),
        ("\"Larkspur Bakery, Inc.\"", false),
        ("\"5\"\" disk, black\"", false),
        ("12.5", false),
        ("1.234", false),
    ] {
        assert_eq!(holds(format!("name,cost\nx,{cell}\ny,2\n").as_bytes(), Some(b','), false), seen, "{cell}");
    }
    assert!(holds(b"name;cost\nx;1,5\n", Some(b';'), false));
    assert!(!holds(b"name;cost\nx, y;1.5\n", Some(b';'), false));
}

#[test]
fn a_stray_quote_hides_nothing() {
    assert!(holds(b"name,cost\n5\" disk,1\n\"a, b\",\"1,5\"\n", Some(b','), false));
}

#[test]
fn a_date_that_needs_an_order_is_seen() {
    for (cell, seen) in [
        ("10/11/2026", true),
        ("1.2.26", true),
        (" 10-11-26 10:00", true),
        ("2026-10-11", false),
        ("2026/10/11", false),
        ("20261011", false),
        ("11-OCT-2026", false),
        ("0a51c9f2-7d1e-4c55-9a0e-1d2c3b4a5f60", false),
        ("12.50", false),
    ] {
        assert_eq!(holds(format!("name,day\nx,{cell}\ny,\n").as_bytes(), None, true), seen, "{cell}");
    }
}

#[test]
fn what_says_otherwise_is_seen_at_any_place_of_any_piece() {
    for (cell, commas, orders, seen) in [
        ("1.234.567", true, false, true),
        ("1.234.56", true, false, true),
        ("1.23.4567", true, false, false),
        ("10/11/2026", false, true, true),
        ("1.2.26", false, true, true),
        ("1-10-26", false, true, true),
        ("2026-10-11", false, true, false),
        ("a1-10-26", false, true, false),
        ("\"1,5\"", true, false, true),
        ("\"1, 5\"", true, false, false),
    ] {
        let doubts = Doubts { commas: commas.then_some(b','), orders };
        for before in 50..80 {
            let text = format!("{}{cell}{}", ":".repeat(before), "x".repeat(40));
            assert_eq!(expected(text.as_bytes(), doubts), seen, "{cell}");
            for at in 0..text.len() {
                let (first, second) = text.as_bytes().split_at(at);
                assert_eq!(in_pieces([first, second], doubts), seen, "{cell} behind {before}, cut at {at}");
            }
        }
    }
}

#[test]
fn nothing_but_a_delimiter_between_quotes_is_no_number() {
    assert!(!holds(b"\"a\",\"1.5\",\"-\",\"\"\n", Some(b','), false));
    assert!(holds(b"\"a\",\",5\",\"-\"\n", Some(b','), false));
}

#[test]
fn a_quote_that_stays_open_is_told_once_it_is_too_long_for_a_number_with_few_letters() {
    let text = |behind: &str| format!("a,b\n5\" x,{behind}{}", "1.50,2\n".repeat(LONGEST));
    assert!(holds(text("").as_bytes(), Some(b','), false));
    assert!(!holds(text("Larkspur Bakery").as_bytes(), Some(b','), false));
    let mut search = Search::new(Doubts { commas: Some(b','), orders: false });
    assert!(search.take(text("").as_bytes()), "nothing that follows can change it");
}

proptest! {
    /// Whatever a cell says, it is seen at any place of a file longer than some pieces.
    #[test]
    fn nothing_that_says_otherwise_is_passed_over(
        cell in "[0-9]{1,3}[.,][0-9]{1,3}[.,][0-9]{2,3}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|[ $-]?[0-9]{0,2},[0-9]{1,3} ?",
        before in 4_000_usize..4_100,
        quoted_name in any::<bool>(),
    ) {
        let name = if quoted_name { "\"a, b\"" } else { "abcdef" };
        let mut text = String::new();
        while text.len() < before {
            text.push_str(name);
            text.push_str(if text.len().is_multiple_of(3) { ",7\n" } else { ",xyz\n" });
        }
        text.extend(["c,\"", &cell, "\"\nd,x\n"]);
        let mut numbers = StyleEvidence::default();
        numbers.observe(cell.trim());
        if numbers.shows_comma() {
            prop_assert!(holds(text.as_bytes(), Some(b','), false));
            prop_assert!(holds(text.as_bytes(), Some(b';'), false));
        }
        let mut dates = OrderEvidence::default();
        dates.observe(cell.trim());
        if dates.verdict() != OrderVerdict::NoneNeeded {
            prop_assert!(holds(text.as_bytes(), None, true));
        }
    }

    /// A text says the same in whatever pieces it comes, and what is said of every place by itself.
    #[test]
    fn pieces_say_what_the_whole_says(
        parts in prop::collection::vec(prop_oneof![
            8 => "[0-9]{1,5}|[0-9]{1,3}",
            6 => "[.,/\"-]",
            3 => "[ \na€-]",
            2 => "[a-z]{1,14}, [a-z]{0,4}",
            2 => "[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{1,4}",
            1 => "[.][0-9]{2,4}[.]",
            1 => "\"[0-9.]{0,3},?[0-9]{0,3}\"",
            1 => (0usize..70).prop_map(|n| "x".repeat(n)),
            1 => (0usize..300).prop_map(|n| "- ".repeat(n)),
        ], 0..14),
        pieces in prop::collection::vec(prop_oneof![4 => 1usize..5, 3 => 1usize..40, 2 => 30usize..200], 0..60),
        commas in prop_oneof![2 => Just(Some(b',')), 1 => Just(Some(b';')), 1 => Just(None)],
        orders in any::<bool>(),
    ) {
        let text = parts.concat().into_bytes();
        let doubts = Doubts { commas, orders };
        let mut rest = text.as_slice();
        let mut cut: Vec<&[u8]> = pieces.iter().map(|length| {
            let (piece, behind) = rest.split_at(rest.len().min(*length));
            rest = behind;
            piece
        }).collect();
        cut.push(rest);
        prop_assert_eq!(in_pieces([text.as_slice()], doubts), expected(&text, doubts));
        prop_assert_eq!(in_pieces(cut, doubts), expected(&text, doubts));
    }
}
