//! A row is worth the same wherever it stands: what reading remembers of the rows above leaves no trace in it.

use std::io::Write as _;

use proptest::prelude::*;

use super::{OtherLine, Reject, UsageRow, UsageSink, detect, read_usage};
use crate::finding::Finding;
use crate::format::{Registry, parse_spec};

const SPEC: &str = r#"
id = "own"
kind = "usage"
identity = ["Line"]
[recognise]
required = ["Tenant", "Product", "Line"]
[read]
decimal = "point"
date_order = "mdy"
period_end = "inclusive"
null_words = ["n/a", "-"]
[columns]
provider_name = { constant = "Acme" }
sub_account_id = "Tenant"
sub_account_name = ["Name", "Tenant"]
sku_id = { join = ["Product", "Edition"], with = ":" }
charge_category = { heading = "Kind", words = { "back*" = "Credit" }, otherwise = "Purchase" }
charge_period_start = "Start"
charge_period_end = "End"
quantity = "Qty"
unit_cost = "Price"
cost = "Cost"
currency = "Currency"
[[exclude]]
heading = "Note"
words = ["free"]
reason = "not billed"
[[cost_only]]
heading = "Note"
words = ["fee"]
reason = "a fee"
"#;
const HEADINGS: &str = "Tenant,Name,Product,Edition,Line,Kind,Start,End,Qty,Price,Cost,Currency,Note,Remark\n";

/// Everything said of each row but where it stands.
#[derive(Default)]
struct Said {
    rows: Vec<String>,
    prints: Vec<(Option<u128>, u64, u128)>,
}

impl UsageSink for Said {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        self.rows.push(format!("{:?}", UsageRow { line: 0, alike: 0, ..row.clone() }));
        self.prints.push((row.identity, row.content, row.whole));
        Ok(())
    }
    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.rows.push(format!("{:?}", Reject { line: 0, ..reject }));
        Ok(())
    }
    fn other(&mut self, _: u64, kind: OtherLine) -> anyhow::Result<()> {
        assert_eq!(kind, OtherLine::Heading);
        Ok(())
    }
    fn finding(&mut self, _: Finding) -> anyhow::Result<()> {
        Ok(())
    }
}

fn read(rows: &str) -> Said {
    let mut registry = Registry::builtin();
    registry.add(parse_spec(SPEC).expect("a spec"));
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(format!("{HEADINGS}{rows}").as_bytes()).expect("written");
    let detection = detect(file.path(), "f.csv", &registry).expect("recognised");
    let mut said = Said::default();
    read_usage(&detection, &mut said).expect("read");
    said
}

#[test]
fn content_compares_values_and_whole_compares_cells() {
    let said = read(
        "t,,S,,7,,,,1,,2,USD,,\nt,,S,,,,,,1,,2,USD,,\nt,,S,,7,,,,1.0,,2,usd,,x\nt,,S,,,,,,1,,2,USD,,x\n\
         t,,S,,7,,,,1,,3,USD,,\nt,,S,,,,,,1,,2,USD,,\n",
    );
    let [(Some(a), c1, _), (None, _, w1), (Some(b), c2, _), (None, _, w2), (Some(c), c3, _), (None, _, w3)] =
        said.prints[..]
    else {
        panic!("six rows: {:?}", said.rows)
    };
    assert_eq!((a, a), (b, c));
    assert_eq!(c1, c2);
    assert_ne!(c1, c3);
    assert_ne!(w1, w2);
    assert_eq!(w1, w3);
}

fn one_of(cells: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(cells)
}

prop_compose! {
    fn row()(
        who in (one_of(&["t-1", "t-2", "", "n/a", " t-1", "1E+17", "0123456789abcdef", "0123456789abcdeF-and-more-than-32-bytes"]),
            one_of(&["Larkspur", "\"Larkspur, Inc.\"", "\"Larks \"\"pur\"\"\"", "Bäckerei", "", "\"two\nlines\""])),
        what in (one_of(&["S-1", "S-2", "Basic"]), one_of(&["", "E1", "-"]), one_of(&["", "", "7", "8", " "]), one_of(&["", "backed", "rent"])),
        when in (one_of(&["", "10/1/2026", "2026-10-01", "13/13/2026"]), one_of(&["", "10/31/2026", "9/1/2026"])),
        how_much in (one_of(&["1", "1.0", "-3", "two", "\"1,000\"", "12.50", "1E+12", "1.5"]), one_of(&["", "2.5", "0.0000000000000000000000000001"]),
            one_of(&["", "2", "2.00", "(2)", "$ 3"])),
        rest in (one_of(&["USD", "usd", "", "XXQ"]), one_of(&["", "free", "fee", "n/a"]), one_of(&["", "x", " "])),
    ) -> String {
        let ((tenant, name), (product, edition, line, kind), (start, end), (quantity, price, cost), (currency, note, remark)) =
            (who, what, when, how_much, rest);
        [tenant, name, product, edition, line, kind, start, end, quantity, price, cost, currency, note, remark].join(",") + "\n"
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_reads_the_same_behind_any_others_as_alone(rows in prop::collection::vec(row(), 1..12), again in any::<prop::sample::Index>()) {
        let mut rows = rows;
        rows.push(again.get(&rows).clone());
        let together = read(&rows.concat());
        prop_assert_eq!(together.rows.len(), rows.len());
        for (row, said) in rows.iter().zip(&together.rows) {
            prop_assert_eq!(&read(row).rows, std::slice::from_ref(said), "{}", row);
        }
    }
}
