use super::*;
use crate::format::parse_spec;

fn binding(headings: &[&str]) -> Binding {
    let spec = parse_spec(
        "id = \"acme\"\nkind = \"usage\"\nidentity = [\"Line\"]\n[recognise]\nrequired = [\"Tenant\"]\n\
         [read]\nnull_words = [\"NULL\"]\n[columns]\n\
         sub_account_id = [\"Tenant\", \"Payer\"]\nsku_id = { join = [\"Product\", \"Sku\"], with = \":\" }\n\
         term = [{ heading = \"Term\", words = { \"Month*\" = \"P1M\" } }, { constant = \"P1Y\" }]\n\
         [[exclude]]\nheading = \"Billable\"\nwords = [\"no\"]\nreason = \"free\"\n",
    )
    .expect("a spec");
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    Binding::new("acme", &spec.tables[0], &headings, &["sub_account_id", "sku_id", "term", "cost"])
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

const HEADINGS: &[&str] = &["TENANT", "Payer", "Sku", "Product", "Term", "Billable", "Line"];

#[test]
fn the_first_cell_with_a_value_counts_and_null_words_are_none() {
    let mut b = binding(HEADINGS);
    let cells = row(&["null", " p1 ", "0001", "CFQ", "", "", ""]);
    b.prepare(&cells);
    assert_eq!(b.take(0), Taken::text("p1", Some(1)));
    assert_eq!(b.take(1).text, "CFQ:0001");
    assert_eq!(b.take(3), Taken::text("", None));
}

#[test]
fn words_are_translated_and_unknown_ones_stand_and_are_named() {
    let mut b = binding(HEADINGS);
    for (cell, term) in [("monthly", "P1M"), ("Weekly", "Weekly"), ("", "P1Y"), ("MONTH to month", "P1M")] {
        let cells = row(&["t", "", "", "", cell, "", ""]);
        b.prepare(&cells);
        assert_eq!(b.take(2).text, term, "{cell}");
    }
    assert_eq!(b.unknown_words.iter().collect::<Vec<_>>(), [&("term".to_string(), "Weekly".to_string())]);
}

#[test]
fn a_part_of_a_code_is_cut_out_and_a_shorter_code_is_left_to_the_next_step() {
    let spec = parse_spec(
        "id = \"acme\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Code\"]\n[columns]\n\
         sku_id = [{ heading = \"Code\", split = \":\", parts = [2, 3] }, \"Code\"]\n\
         term = { heading = \"Code\", split = \":\", parts = [1], words = { \"P1?\" = \"year or month\" }, otherwise = \"\" }\n",
    )
    .expect("a spec");
    let mut b = Binding::new("acme", &spec.tables[0], &["Code".to_string()], &["sku_id", "term"]);
    for (cell, sku, term) in [(" P1Y:CFQ:0002:1: ", "CFQ:0002", "year or month"), ("DZH:0001", "DZH:0001", "")] {
        let cells = row(&[cell]);
        b.prepare(&cells);
        assert_eq!((b.take(0).text, b.take(1).text), (sku, term), "{cell}");
        assert_eq!(b.take(0).field, Some(0));
    }
}

#[test]
fn an_empty_part_of_a_join_leaves_no_separator() {
    let mut b = binding(HEADINGS);
    let cells = row(&["t", "", "", "CFQ", "", "", ""]);
    b.prepare(&cells);
    assert_eq!(b.take(1).text, "CFQ");
}

#[test]
fn the_whole_fingerprint_does_not_see_column_order_or_padding_and_sees_every_cell() {
    let mut a = binding(&["Tenant", "Region"]);
    let mut b = binding(&["Region", "Tenant"]);
    let whole = |binding: &mut Binding, cells: &[&str]| {
        binding.prepare(&row(cells));
        binding.whole()
    };
    assert_eq!(whole(&mut a, &["t", "eu"]), whole(&mut b, &[" eu ", "t"]));
    assert_ne!(whole(&mut a, &["t", "eu"]), whole(&mut a, &["t", "us"]));
    assert_ne!(whole(&mut a, &["t", "eu"]), whole(&mut a, &["eu", "t"]));
}

#[test]
fn identity_needs_every_cell() {
    let identity = |binding: &mut Binding, cells: &[&str]| {
        binding.prepare(&row(cells));
        binding.identity()
    };
    let mut b = binding(HEADINGS);
    assert_eq!(identity(&mut b, &["t", "", "", "", "", "", " "]), None);
    let one = identity(&mut b, &["t", "", "", "", "", "", "L1"]);
    assert!(one.is_some());
    assert_eq!(one, identity(&mut b, &["u", "", "", "", "", "", "L1 "]));
    assert_eq!(identity(&mut binding(&["Tenant"]), &["t"]), None);
}

#[test]
fn row_rules_compare_whole_cells_in_any_case() {
    let mut b = binding(HEADINGS);
    for (cell, excluded) in [("NO", true), ("none", false), (" no", true)] {
        b.prepare(&row(&["t", "", "", "", "", cell, ""]));
        assert_eq!(b.is_excluded(), excluded, "{cell}");
    }
}
