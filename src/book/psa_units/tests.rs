use super::super::psa::{ContractId, ContractLineId, ProductCode};
use super::super::small_table;
use super::super::{PsaDefaults, load_psa_with, psa::*};
use super::*;
use crate::format::TableKind;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

const CLIENTS: &str = "client_id,name\nC1,Acme\n";
const CONTRACTS: &str = "contract_id,client_id,name,proration\nK1,C1,Care,actual_days\nK2,C1,Care,none\n";
const LINES: &str = "contract_line_id,contract_id,product_code,unit_price\n501,K1,P1,5\n";

/// Each line as `id quantity@price effective..cancelled`, and what was said.
fn stretched(lines: &str, units: &str, adjustments: &str, as_of: Option<&str>) -> (Vec<String>, Vec<String>, Psa) {
    let units = format!("contract_line_id,start_date,end_date,units\n{units}");
    let adjustments = format!("contract_line_id,effective_date,unit_change,unit_price\n{adjustments}");
    let tables = [
        (TableKind::Clients, CLIENTS),
        (TableKind::Products, "product_code,name\nP1,Care\n"),
        (TableKind::Contracts, CONTRACTS),
        (TableKind::ContractLines, lines),
        (TableKind::LineUnits, units.as_str()),
        (TableKind::LineAdjustments, adjustments.as_str()),
    ];
    let tables: Vec<_> = tables.iter().map(|(k, t)| (*k, small_table(&format!("psa/{}.csv", k.word()), t))).collect();
    let defaults = PsaDefaults { as_of: as_of.map(day), ..PsaDefaults::default() };
    let (psa, findings) = load_psa_with(&tables, &defaults);
    let show = |d: Option<NaiveDate>| d.map(|d| d.to_string()).unwrap_or_default();
    let shown = psa.contract_lines.iter().map(|l| {
        let price = l.unit_price.map(plain).unwrap_or_default();
        format!("{} {}@{price} {}..{}", l.id, plain(l.quantity), show(l.effective_date), show(l.cancelled_date))
    });
    (shown.collect(), findings.iter().map(ToString::to_string).collect(), psa)
}

#[test]
fn deltas_are_replayed_in_the_order_of_their_days() {
    // 6 on 13 July, 10 more on the 27th, 259 more on the 31st: 275.
    let (lines, said, _) =
        stretched(LINES, "", "501,2026-07-31,259,\n501,2026-07-13,6,\n501,2026-07-27,10,\n", Some("2026-07-31"));
    assert_eq!(
        lines,
        [
            "501@2026-07-13 6@5 2026-07-13..2026-07-26",
            "501@2026-07-27 16@5 2026-07-27..2026-07-30",
            "501 275@5 2026-07-31..",
        ]
    );
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn two_changes_of_one_day_are_one_and_below_none_is_refused() {
    let (lines, _, _) = stretched(LINES, "", "501,2026-07-01,5,\n501,2026-07-01,-2,\n", None);
    assert_eq!(lines, ["501 3@5 2026-07-01.."]);
    let (lines, said, psa) = stretched(LINES, "", "501,2026-07-01,5,\n501,2026-07-09,-6,\n", None);
    assert!(lines.is_empty() && psa.left_out.len() == 1);
    assert!(said[0].contains("add up to less than none"), "{said:?}");
}

#[test]
fn units_of_many_months_are_one_line_and_a_change_cuts_it() {
    let units = "501,2026-08-01,2026-08-31,12\n501,2026-09-01,2026-09-30,12\n501,2026-10-01,2026-10-14,12\n\
                 501,2026-10-15,2026-10-31,15\n501,2026-11-01,2026-11-30,15\n";
    let (lines, said, _) = stretched(LINES, units, "", Some("2026-10-31"));
    assert_eq!(lines, ["501@2026-08-01 12@5 2026-08-01..2026-10-14", "501 15@5 2026-10-15..2026-11-30"]);
    assert!(said.is_empty(), "{said:?}");
    // As of September the first stretch is the line; the id that decisions hang on is the same.
    let (lines, _, _) = stretched(LINES, units, "", Some("2026-09-30"));
    assert_eq!(lines[0], "501 12@5 2026-08-01..2026-10-14");
}

#[test]
fn a_range_that_ends_on_the_day_of_the_adjustment_gives_way_to_the_later_start() {
    let units = "501,2026-10-01,2026-10-15,12\n501,2026-10-15,2026-10-31,15\n";
    let (lines, said, _) = stretched(LINES, units, "501,2026-10-15,3,\n", None);
    assert_eq!(lines, ["501@2026-10-01 12@5 2026-10-01..2026-10-14", "501 15@5 2026-10-15..2026-10-31"]);
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn units_rule_and_adjustments_that_say_otherwise_are_told() {
    let units = "501,2026-10-01,2026-10-14,12\n501,2026-10-15,2026-10-31,15\n";
    let (lines, said, _) = stretched(LINES, units, "501,2026-10-15,2,\n501,2026-10-20,1,\n", None);
    assert_eq!(lines, ["501@2026-10-01 12@5 2026-10-01..2026-10-14", "501 15@5 2026-10-15..2026-10-31"]);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("warning[T203"), "{said:?}");
    assert!(said[0].contains("goes from 12 units to 15 on 2026-10-15") && said[0].contains("add up to 2"), "{said:?}");
    assert!(said[1].contains("goes from 15 units to 15 on 2026-10-20"), "{said:?}");
}

#[test]
fn adjustments_serve_the_days_that_no_units_cover() {
    let (lines, said, _) = stretched(
        LINES,
        "501,2026-10-01,2026-10-31,12\n",
        "501,2026-09-01,10,\n501,2026-10-01,2,\n501,2026-11-05,1,\n",
        Some("2026-11-30"),
    );
    assert_eq!(
        lines,
        [
            "501@2026-09-01 10@5 2026-09-01..2026-09-30",
            "501@2026-10-01 12@5 2026-10-01..2026-11-04",
            "501 13@5 2026-11-05.."
        ]
    );
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn a_gap_between_units_is_a_gap_and_none_at_all_is_unknown() {
    let (lines, _, _) =
        stretched(LINES, "501,2026-08-01,2026-08-31,4\n501,2026-10-01,2026-10-31,4\n", "", Some("2026-10-31"));
    assert_eq!(lines, ["501@2026-08-01 4@5 2026-08-01..2026-08-31", "501 4@5 2026-10-01..2026-10-31"]);
    let (lines, said, psa) = stretched(LINES, "", "", None);
    assert!(lines.is_empty());
    assert_eq!(psa.left_out[0].client_id.as_str(), "C1");
    assert!(said[0].contains("has no units, so how many it bills is unknown"), "{said:?}");
}

#[test]
fn two_quantities_from_one_day_are_refused_and_a_page_read_twice_is_not() {
    let twice = "501,2026-10-01,2026-10-31,4\n501,2026-10-01,2026-10-31,4\n";
    assert_eq!(stretched(LINES, twice, "", None).0, ["501 4@5 2026-10-01..2026-10-31"]);
    let (lines, said, _) = stretched(LINES, "501,2026-10-01,2026-10-31,4\n501,2026-10-01,2026-10-31,5\n", "", None);
    assert!(lines.is_empty());
    assert!(said[0].contains("error[T203"), "{said:?}");
}

#[test]
fn a_row_that_cannot_be_read_leaves_its_line_out() {
    let (lines, said, psa) = stretched(LINES, "501,2026-10-01,2026-10-31,4\n501,2026-11-01,2026-11-30,4.x\n", "", None);
    assert!(lines.is_empty() && psa.left_out.len() == 1);
    assert!(said.iter().any(|f| f.contains("psa/line_units.csv:3 that cannot be read")), "{said:?}");
}

#[test]
fn an_adjusted_price_holds_from_its_day() {
    let (lines, _, _) =
        stretched(LINES, "501,2026-10-01,2026-10-31,4\n", "501,2026-10-11,0,6.50\n", Some("2026-10-31"));
    assert_eq!(lines, ["501@2026-10-01 4@5 2026-10-01..2026-10-10", "501 4@6.5 2026-10-11..2026-10-31"]);
}

#[test]
fn where_nothing_is_prorated_a_month_has_the_quantity_of_its_end() {
    let lines = "contract_line_id,contract_id,product_code,unit_price\n501,K2,P1,5\n";
    let changes = "501,2026-08-10,4,\n501,2026-10-05,1,\n501,2026-10-15,2,\n501,2026-11-03,-1,\n";
    let (lines, _, _) = stretched(lines, "", changes, Some("2026-10-31"));
    assert_eq!(
        lines,
        [
            "501@2026-08-10 4@5 2026-08-10..2026-09-30",
            "501 7@5 2026-10-01..2026-10-31",
            "501@2026-11-01 6@5 2026-11-01..",
        ]
    );
}

#[test]
fn a_day_that_does_not_count_for_one_stretch_counts_for_the_other() {
    let (from, to) = (day("2026-10-01"), Some(day("2026-10-14")));
    let pair = [stretch(from, to, Decimal::ONE), stretch(day("2026-10-15"), None, Decimal::TWO)];
    let cancelled = |skips_effective_day, skips_cancelled_day| {
        let defaults = PsaDefaults { skips_effective_day, skips_cancelled_day, ..PsaDefaults::default() };
        named(&sample(), &pair, &defaults)[0].cancelled_date.expect("a day").to_string()
    };
    // The last counted day is the 14th, or where the 15th does not count for the next stretch, the 15th.
    assert_eq!((cancelled(false, false), cancelled(true, false)), ("2026-10-14".into(), "2026-10-15".into()));
    assert_eq!((cancelled(false, true), cancelled(true, true)), ("2026-10-15".into(), "2026-10-16".into()));
}

#[test]
fn units_of_a_line_that_is_not_there_are_told() {
    let (_, said, _) = stretched(LINES, "501,2026-10-01,2026-10-31,4\n777,2026-10-01,2026-10-31,4\n", "", None);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("psa/line_units.csv:3") && said[0].contains("777"), "{said:?}");
}

#[test]
fn stretches_of_any_replay_do_not_overlap_and_end_at_the_sum() {
    use proptest::prelude::*;
    proptest!(|(changes in proptest::collection::vec((0u64..60, 0i64..9), 1..12), whole: bool)| {
        let start = day("2026-09-01");
        let adjustments: Vec<Adjustment> = changes.iter().enumerate().map(|(i, (offset, change))| Adjustment {
            id: i.to_string(),
            day: start + chrono::Days::new(*offset),
            change: Decimal::from(*change),
            unit_price: None,
            unit_cost: None,
            place: Place::default(),
        }).collect();
        let line = ContractLine { id: ContractLineId::new("501"), ..sample() };
        let lines = stretches(&line, Vec::new(), adjustments, whole, &PsaDefaults::default(), &mut Vec::new()).expect("quantities");
        for pair in lines.windows(2) {
            prop_assert_eq!(pair[0].cancelled_date.and_then(|d| d.succ_opt()), pair[1].effective_date);
        }
        let last = lines.last().expect("one");
        prop_assert_eq!(last.quantity, Decimal::from(changes.iter().map(|(_, c)| c).sum::<i64>()));
        prop_assert_eq!(last.id.as_str(), "501");
        prop_assert!(last.cancelled_date.is_none());
    });
}

fn sample() -> ContractLine {
    let (_, _, psa) = stretched(LINES, "501,2026-10-01,2026-10-31,4\n", "", None);
    ContractLine {
        contract_id: ContractId::new("K1"),
        product_code: ProductCode::new("P1"),
        effective_date: None,
        cancelled_date: None,
        ..psa.contract_lines[0].clone()
    }
}
