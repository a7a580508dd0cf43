//! What is a row and what is none, and what becomes of a bad one, shown on small files.

use std::io::Write as _;

use super::{
    Detection, OtherLine, ReadTotals, Reject, Treatment, UsageRow, UsageSink, detect, read_named_table, read_usage,
};
use crate::finding::{Code, Finding, Severity};
use crate::format::{Registry, Spec, normalise, parse_spec};
use crate::rate::plain;

#[derive(Default)]
struct Seen {
    rows: Vec<String>,
    rejects: Vec<Reject>,
    others: Vec<(u64, OtherLine)>,
    findings: Vec<Finding>,
    totals: ReadTotals,
    wholes: Vec<u128>,
}

impl UsageSink for Seen {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        let quantity = row.quantity.map(plain).unwrap_or_default();
        let cost = row.cost.map(plain).unwrap_or_default();
        let cost_only = if row.treatment == Treatment::CostOnly { " cost" } else { "" };
        self.rows.push(format!(
            "{}:{} {} {quantity} {cost}{cost_only}",
            row.line,
            row.sub_account_name(),
            row.sku_id()
        ));
        self.wholes.push(row.whole);
        Ok(())
    }
    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.rejects.push(reject);
        Ok(())
    }
    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()> {
        self.others.push((line, kind));
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.findings.push(finding);
        Ok(())
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn detected(text: &str) -> Result<(tempfile::NamedTempFile, Detection), Vec<Finding>> {
    let file = file(text);
    let detection = detect(file.path(), "usage/f.csv", &Registry::builtin())?;
    Ok((file, detection))
}

fn read(text: &str) -> Seen {
    let (_file, detection) = detected(text).expect("recognised");
    let mut seen = Seen::default();
    seen.totals = read_usage(&detection, &mut seen).expect("read");
    seen.findings.splice(0..0, detection.findings);
    seen
}

fn codes(seen: &Seen) -> Vec<(u64, Code)> {
    seen.rejects.iter().map(|r| (r.line, r.code)).collect()
}

const HEAD: &str = "provider_name,sub_account_name,sku_id,quantity,cost,currency,charge_period_start\n";

fn usage(rows: &str) -> Seen {
    read(&format!("{HEAD}{rows}"))
}

#[test]
fn titles_totals_notes_blanks_and_repeated_headings_are_no_rows() {
    let seen = read(&format!(
        "Usage report\n\n{HEAD}A,x,S,1,2,USD,2026-10-01\n{HEAD}A,y,S,2,3.5,USD,2026-10-01\n,,,,,,\nTotal,,,3,5.50,USD,\n\nMade for x\n"
    ));
    assert_eq!(seen.rows, ["4:x S 1 2", "6:y S 2 3.5"]);
    let kinds: Vec<OtherLine> = seen.others.iter().map(|(_, k)| *k).collect();
    let want = "[Title, Blank, Heading, RepeatedHeading, Blank, Total, Blank, Note]";
    assert_eq!(format!("{kinds:?}"), want);
    assert_eq!(seen.totals.other_lines, 8);
    assert_eq!(seen.totals.stated_total.map(plain).as_deref(), Some("5.5"));
    assert_eq!(seen.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::I112]);
}

#[test]
fn a_total_that_does_not_add_up_is_told_with_both_amounts() {
    let seen = usage("A,x,S,1,2,USD,\nGrand total:,,,1,3.00,,\n");
    let finding = &seen.findings[0];
    assert_eq!((finding.code, finding.place.as_ref().and_then(|p| p.column)), (Code::I113, Some(5)));
    assert!(finding.message.contains('3') && finding.message.contains('2'), "{}", finding.message);
    assert_eq!((seen.totals.rows, seen.findings.len()), (1, 1));
}

#[test]
fn totals_of_sections_are_compared_with_their_section() {
    let seen = usage("A,x,S,1,2,USD,\nSubtotal,,,1,2,,\nA,y,S,5,7,USD,\nSubtotal,,,5,7,,\nTotal,,,6,9,,\n");
    assert!(seen.findings.is_empty(), "{:?}", seen.findings);
}

#[test]
fn a_customer_called_total_is_a_customer() {
    let seen = usage("A,Total,S,1,2,USD,\n");
    assert_eq!(seen.rows, ["2:Total S 1 2"]);
}

#[test]
fn a_lone_cell_between_rows_is_a_broken_row() {
    let seen = usage("A,x,S,1,2,USD,\nA\nA,y,S,1,2,USD,\n");
    assert_eq!(codes(&seen), [(3, Code::I104)]);
    assert_eq!(seen.totals.rows, 2);
}

#[test]
fn wrong_field_counts_are_rejected_with_both_numbers_and_no_money() {
    let seen = usage("A,x,S,1,2,USD\nA,x,y,S,1,2,USD,2026-10-01\nA,x,S,1,2,USD,,,\n");
    assert_eq!(codes(&seen), [(2, Code::I104), (3, Code::I104)]);
    assert!(seen.rejects[0].message.contains("6 fields") && seen.rejects[0].message.contains('7'));
    assert_eq!((seen.rejects[0].sub_account_name.as_str(), seen.rejects[0].cost), ("x", None));
    assert_eq!(seen.rows, ["4:x S 1 2"]);
}

#[test]
fn a_last_row_cut_short_says_the_file_is_truncated() {
    let seen = usage("A,x,S,1,2,USD,\nA,x,S,1");
    assert_eq!(codes(&seen), [(2, Code::I110), (3, Code::I110)]);
    assert!(seen.totals.truncated && seen.rows.is_empty());
    assert_eq!(seen.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::I110]);
    let seen = usage("A,x,S,1,2,USD,\nAcm");
    assert_eq!(codes(&seen), [(2, Code::I110), (3, Code::I110)]);
    let seen = usage("A,x,S,1,2,USD,\nA,x,S,1,2,USD,\"2026");
    assert_eq!(codes(&seen), [(2, Code::I110), (3, Code::I109)]);
    let whole = usage("A,x,S,1,2,USD,\nA,x,S,1,2,USD,");
    assert!(!whole.totals.truncated && whole.totals.rows == 2);
}

#[test]
fn bad_cells_are_rejected_at_their_place_and_keep_what_can_be_read() {
    let seen = usage(
        "A,x,S,12..5,20.5,USD,\nA,x,S,1,2,USX,\nA,x,S,1,2,USD,2026-02-30\nA,x,1.23457E+17,1,2,USD,\nA,,S,1,2,USD,\nA,x,S,,2,USD,\n",
    );
    let got: Vec<(u64, Code, u64)> = seen.rejects.iter().map(|r| (r.line, r.code, r.column)).collect();
    let want = [
        (2, Code::I105, 4),
        (3, Code::I118, 6),
        (4, Code::I106, 7),
        (5, Code::I117, 3),
        (6, Code::I111, 2),
        (7, Code::I111, 4),
    ];
    assert_eq!(got, want);
    let first = &seen.rejects[0];
    assert_eq!((first.sub_account_name.as_str(), first.sku_id.as_str(), first.value.as_str()), ("x", "S", "12..5"));
    assert_eq!(first.cost.map(plain).as_deref(), Some("20.5"));
    assert_eq!(first.raw, "A,x,S,12..5,20.5,USD,");
}

#[test]
fn number_style_is_the_columns_else_the_files_else_refused() {
    let head = HEAD.replace(',', ";");
    let seen = read(&format!("{head}A;x;S;1.250;2,50;USD;\n"));
    assert_eq!(seen.rows, ["2:x S 1250 2.5"], "the cost's comma tells how the quantity is written");
    let seen = read(&format!("{head}A;x;S;1.250;2;USD;\nA;y;S;7;2;USD;\n"));
    assert_eq!(codes(&seen), [(2, Code::I105)]);
    assert!(seen.rejects[0].message.contains("two readings"), "{}", seen.rejects[0].message);
    assert_eq!(seen.rows, ["3:y S 7 2"], "a whole number is the same in both");
}

#[test]
fn date_order_is_the_columns_else_refused() {
    let head = "Client,SKU,Qty,Start Date\n";
    let seen = read(&format!("{head}x,S,1,03/04/2026\ny,S,1,25/04/2026\n"));
    assert_eq!(seen.totals.rows, 2);
    let seen = read(&format!("{head}x,S,1,03/04/2026\n"));
    assert_eq!(codes(&seen), [(2, Code::I107)]);
}

#[test]
fn credits_and_taxes_carry_cost_without_quantity() {
    let head = HEAD.trim_end();
    let seen =
        read(&format!("{head},charge_category\nA,x,S,,-2,USD,,credit\nA,x,S,1,2,USD,,Tax\nA,x,S,1,2,USD,,Gift\n"));
    assert_eq!(seen.rows, ["2:x S  -2 cost", "3:x S 1 2 cost"]);
    assert_eq!(codes(&seen), [(4, Code::I111)]);
}

#[test]
fn an_overflowing_cost_is_refused() {
    let head = "provider_name,sub_account_name,sku_id,quantity,unit_cost\n";
    let seen = read(&format!("{head}A,x,S,0.00000000000001,0.0000000000000001\nA,x,S,3,0.5\n"));
    assert_eq!(codes(&seen), [(2, Code::I105)]);
    assert_eq!(seen.rows, ["3:x S 3 1.5"]);
}

#[test]
fn an_empty_file_and_a_file_of_headings_are_told() {
    assert_eq!(detected("").expect_err("refused")[0].code, Code::I114);
    let (_file, detection) = detected(HEAD).expect("recognised");
    assert_eq!(detection.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::I114]);
}

#[test]
fn an_unknown_file_names_the_closest_format_and_a_near_one_its_missing_column() {
    let far = detected("company,colour\nx,red\n").expect_err("unknown");
    assert_eq!(far[0].code, Code::I102);
    assert!(far[0].message.contains("closest") && far[0].value.is_some(), "{}", far[0]);
    let near = detected("company,product,licenses,rate,avg_per_day\nx,Business,1,$3.75,1\n").expect_err("near");
    assert_eq!((near[0].code, near[0].value.as_deref()), (Code::I103, Some("max_licenses")));
    assert_eq!(detected("a,b\n1,2\n").expect_err("unknown")[0].code, Code::I102);
}

#[test]
fn drift_is_one_finding_that_names_the_headings() {
    let (_file, detection) =
        detected("company,product,licenses,rate,max_licenses,avg_per_dya\nx,B,1,$3.75,1,1\n").expect("");
    let [finding] = &detection.findings[..] else { panic!("one finding: {:?}", detection.findings) };
    assert_eq!((finding.code, finding.severity), (Code::I116, Severity::Info));
    assert!(finding.message.contains("did you mean avg_per_day?"), "{}", finding.message);
    assert!(finding.message.contains("initial_licenses"), "{}", finding.message);
}

#[test]
fn a_heading_that_is_read_and_stands_twice_is_refused() {
    let twice = detected("Client,SKU,Qty,qty\nx,S,1,2\n").expect_err("refused");
    assert_eq!((twice[0].code, twice[0].place.as_ref().and_then(|p| p.column)), (Code::I103, Some(4)));
}

#[test]
fn blank_headings_and_unread_doubles_do_no_harm() {
    let seen = read("Client,SKU,Qty,,Note,Note\nx,S,1,,a,b\n");
    assert_eq!((seen.rows, seen.rejects.len()), (vec!["2:x S 1 ".to_string()], 0));
}

#[test]
fn a_sep_line_states_the_delimiter() {
    for (first, delimiter) in [("sep=;", ";"), ("\"SEP=,\"", ","), ("\u{feff}sep=^", "^")] {
        let head = HEAD.replace(',', delimiter);
        let row = "A,x,S,1,2,USD,2026-10-01\r\n".replace(',', delimiter);
        let seen = read(&format!("{first}\r\n{head}{row}"));
        assert_eq!(seen.rows, ["3:x S 1 2"], "{first}");
        assert_eq!(seen.others, [(1, OtherLine::Title), (2, OtherLine::Heading)], "{first}");
    }
    let head = HEAD.replace(',', "^");
    assert_eq!(detected(&head).expect_err("not guessed")[0].code, Code::I102);
}

#[test]
fn headings_over_two_rows_are_joined_where_each_stands_in_one() {
    let row = "A,x,S,1,2,USD,2026-10-01\n";
    for upper_and_lower in [
        // A group's name over two columns, and single headings in either row.
        "provider_name,sub_account_name,sku_id,Usage,,currency,\n,,,quantity,cost,,charge_period_start\n",
        "provider_name,,sku_id,,,currency,\n,sub_account_name,,quantity,cost,,charge_period_start\n",
    ] {
        let seen = read(&format!("{upper_and_lower}{row}"));
        assert_eq!((seen.rows, seen.rejects.len()), (vec!["3:x S 1 2".to_string()], 0));
        assert_eq!(seen.others, [(1, OtherLine::Title), (2, OtherLine::Heading)]);
        assert_eq!(seen.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::I116]);
    }
}

#[test]
fn headings_whose_words_stand_over_each_other_are_joined() {
    for upper_and_lower in [
        // Word above word, and a group's name that holds for both columns below it.
        "provider,sub account,sku,,,,charge period\nname,name,id,quantity,cost,currency,start\n",
        "provider_name,Sub Account,,sku,quantity,charge,charge_period_start\n,ID,Name,ID,,category,\n",
    ] {
        let row =
            if upper_and_lower.contains("ID") { "A,7,x,1,2,Usage,2026-10-01\n" } else { "A,x,S,1,2,USD,2026-10-01\n" };
        let result = detected(&format!("{upper_and_lower}{row}"));
        let (_file, detection) = result.expect("recognised");
        assert_eq!((detection.spec.id.as_str(), detection.header_line), ("trueup-usage", 2));
        assert!(detection.headings.iter().any(|h| normalise(h) == "subaccountname"), "{:?}", detection.headings);
    }
}

#[test]
fn headings_over_two_rows_that_make_no_format_are_refused() {
    let refused = detected("provider_name,sub_account_name,sku_id,Billed,currency\n,,,quantity,\nA,x,S,1,USD\n");
    assert!(matches!(refused.expect_err("refused")[0].code, Code::I102 | Code::I103));
}

#[test]
fn cells_below_a_blank_heading_are_counted_and_said() {
    let seen = read("provider_name,sub_account_name,sku_id,quantity,,cost\nA,x,S,1,,2\nA,y,S,1,?,2\nA,z,S,1,7,2\n");
    assert_eq!(seen.rows.len(), 3);
    let finding = seen.findings.iter().find(|f| f.message.contains("no heading")).expect("said");
    assert_eq!((finding.code, finding.severity), (Code::I116, Severity::Warning));
    let place = finding.place.as_ref().map(|p| (p.line, p.column));
    assert_eq!((place, finding.value.as_deref()), (Some((Some(3), Some(5))), Some("?")));
    assert!(finding.message.contains("its 2 filled cells"), "{}", finding.message);
    assert!(usage("A,x,S,1,2,USD,\n").findings.is_empty());
}

#[test]
fn a_row_of_few_cells_below_whole_headings_is_data() {
    let head = HEAD.trim_end();
    let seen = read(&format!("{head},\n,,,,,,,cost\nA,x,S,1,2,USD,,\n"));
    assert_eq!((codes(&seen), seen.rows), (vec![(2, Code::I111)], vec!["3:x S 1 2".to_string()]));
}

#[test]
fn quotes_escaped_by_a_backslash_are_read_where_the_rows_need_it() {
    let seen = usage("A,\"say \\\"hi\\\"\",S,1,2,USD,\nA,y,S,1,2,USD,\nA,\"5\\\", z\",S,1,2,USD,2026-10-01\n");
    assert_eq!(seen.rows, ["2:say \"hi\" S 1 2", "3:y S 1 2", "4:5\", z S 1 2"]);
    assert_eq!(seen.findings.iter().map(|f| (f.code, f.severity)).collect::<Vec<_>>(), [(Code::I109, Severity::Info)]);
    let paths = usage("A,\"C:\\x\\\",S,1,2,USD,\nA,\"D:\\\",S,1,2,USD,\n");
    assert_eq!((paths.rows, paths.findings.len()), (vec!["2:C:\\x\\ S 1 2".to_string(), "3:D:\\ S 1 2".into()], 0));
    // Two clients, or one of a name with a line end.
    let both = detected("client,sku,qty\n\"x\\\"\",S,1\ny\\\",S,2\n");
    let refused = both.expect_err("two readings");
    assert_eq!((refused[0].code, refused[0].place.as_ref().and_then(|p| p.line)), (Code::I109, Some(2)));
}

#[test]
fn a_file_that_needs_both_ways_rejects_the_rows_that_are_not_as_the_standard_has_it() {
    let path = "A,\"C:\\\",S,1,2,USD,\n";
    let seen =
        usage(&format!("{path}A,\"say \\\"hi\\\"\",S,1,2,USD,\nA,y,S,1,2,USD,\nA,\"5\\\", z\",S,1,2,USD,2026-10-01\n"));
    assert_eq!(codes(&seen), [(3, Code::I109), (5, Code::I104)]);
    assert_eq!(seen.rows, ["2:C:\\ S 1 2", "4:y S 1 2"]);
    // Shifted by one, with an empty cell at the end: every cell would read as something.
    let seen = usage(&format!("{path}A,\"5\\\", z\",1,2,USD,,\nA,y\\,S,1,2,USD,,,\n"));
    assert_eq!((codes(&seen), seen.rows), (vec![(3, Code::I104)], vec!["2:C:\\ S 1 2".into(), "4:y\\ S 1 2".into()]));
}

#[test]
fn a_date_column_of_serials_alone_is_days_of_1900_and_says_so() {
    let seen = read("Client,SKU,Qty,Start Date\nx,S,1,45931\ny,S,1,\nz,S,1,45962\n");
    assert_eq!((codes(&seen), seen.rows.len()), (vec![], 3));
    let finding = seen.findings.iter().find(|f| f.code == Code::I106).expect("said");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.message.contains("45931 is 2025-10-01"), "{}", finding.message);
    let place = finding.place.as_ref().map(|p| (p.line, p.column));
    assert_eq!(place, Some((Some(1), Some(4))));
}

#[test]
fn serials_among_other_dates_are_refused() {
    let seen = read("Client,SKU,Qty,Start Date\nx,S,1,45931\ny,S,1,2025-10-02\n");
    assert_eq!(codes(&seen), [(2, Code::I106)]);
    let seen = read("Client,SKU,Qty,Start Date\nx,S,1,45931\ny,S,1,12\n");
    assert_eq!(codes(&seen), [(2, Code::I106), (3, Code::I106)]);
}

#[test]
fn serials_are_seen_where_the_format_states_another_order() {
    let text = "id = \"own\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Tenant\", \"Day\"]\n[read]\n\
                date_order = \"dmy\"\n[columns]\nsub_account_name = \"Tenant\"\nsku_id = \"Sku\"\nquantity = \"N\"\n\
                charge_period_start = \"Day\"\n";
    let mut registry = Registry::builtin();
    registry.add(parse_spec(text).expect("a spec"));
    let rows = |cells: [&str; 2]| {
        let file = file(&format!("Tenant,Sku,N,Day\nx,S,1,{}\ny,S,1,{}\n", cells[0], cells[1]));
        let detection = detect(file.path(), "f.csv", &registry).expect("recognised");
        let mut seen = Seen::default();
        read_usage(&detection, &mut seen).expect("read");
        (seen.rows.len(), seen.findings.len())
    };
    assert_eq!(rows(["45931", "45932"]), (2, 1));
    assert_eq!(rows(["01/10/2025", "45932"]), (1, 0));
    assert_eq!(rows(["45932", "01/10/2025"]), (1, 0));
}

#[test]
fn a_users_format_reads_like_a_built_in_one() {
    let mut registry = Registry::builtin();
    let spec = "id = \"acme\"\nprovider = \"Acme\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Kunde\", \"Artikel\"]\n\
                [columns]\nsub_account_name = \"Kunde\"\nsku_id = \"Artikel\"\nquantity = { constant = \"1\" }\n\
                [totals]\nlabels = [\"Summe\"]\n";
    registry.add(parse_spec(spec).expect("a spec"));
    let file = file("Kunde|Artikel|Preis\nx|S|5\nSumme||5\n");
    let detection = detect(file.path(), "f.csv", &registry).expect("recognised");
    let mut seen = Seen::default();
    read_usage(&detection, &mut seen).expect("read");
    assert_eq!(seen.rows, ["2:x S 1 "]);
    assert_eq!(seen.others, [(1, OtherLine::Heading), (3, OtherLine::Total)]);
}

#[test]
fn a_named_table_matches_its_columns_and_refuses_what_it_cannot_read() {
    let good = file("Client ID;Provider-Name;colour\nC1;Pax8;\n");
    let columns = ["provider_name", "client_id", "valid_from"];
    let (table, findings) = read_named_table(good.path(), "map/a.csv", &columns, &["client_id"]).expect("read");
    assert_eq!(table.columns, ["provider_name", "client_id"]);
    assert_eq!((table.cell(&table.rows[0], "provider_name"), table.rows[0].line), ("Pax8", 2));
    assert_eq!(table.place(&table.rows[0], "provider_name").to_string(), "map/a.csv:2:2");
    assert!(findings[0].message.contains("it was left out"), "{}", findings[0]);
    let slip = file("Client ID;Provider-Name;valid_frm\nC1;Pax8;\n");
    let refused = read_named_table(slip.path(), "map/a.csv", &columns, &[]).expect_err("refused");
    assert_eq!((refused[0].code, refused[0].value.as_deref()), (Code::I103, Some("valid_frm")));
    assert!(refused[0].message.contains("rename it if valid_from is meant"), "{}", refused[0]);

    let missing = read_named_table(good.path(), "map/a.csv", &columns, &["valid_from"]).expect_err("refused");
    assert_eq!((missing[0].code, missing[0].value.as_deref()), (Code::I103, Some("valid_from")));
    let short = file("provider_name,client_id\nPax8,C1\nPax8\n");
    let refused = read_named_table(short.path(), "map/a.csv", &columns, &[]).expect_err("refused");
    assert_eq!(refused[0].code, Code::I104);
    let sparse = file("provider_name,client_id\nPax8,C1\nPax8,\n");
    let (table, _) = read_named_table(sparse.path(), "map/a.csv", &columns, &[]).expect("read");
    assert_eq!(table.rows.len(), 2, "a row with one cell filled is a row");
}

#[test]
fn json_that_breaks_off_is_refused_whole() {
    let head = "[{\"company_id\":\"c1\",\"product\":\"B\",\"licenses\":1,\"rate\":\"$3.75\",\"max_licenses\":2},\n";
    let seen = read(&format!("{head}{{\"company_id\":\"c2\",\"prod"));
    assert!(seen.rows.is_empty());
    assert!(seen.totals.truncated && seen.totals.rejected == 2);
    assert_eq!(seen.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::I110]);
    let unclosed = read(head);
    assert_eq!((unclosed.totals.rejected, unclosed.totals.rows), (1, 0), "the missing bracket is no row");
    let broken = detected("[{\"company_id\":").expect_err("refused");
    assert_eq!(broken[0].code, Code::I110);
}

#[test]
fn a_json_record_with_two_values_for_what_is_read_is_rejected_alone() {
    let record = |licenses: &str| {
        format!("{{\"company_id\":\"c1\",\"product\":\"B\",{licenses},\"rate\":\"$1\",\"licenses\":0}}")
    };
    let (one, same) = (record("\"max_licenses\":1"), record("\"max_licenses\":1,\"Max Licenses\":1"));
    let (doubled, spelt) =
        (record("\"max_licenses\":1,\"max_licenses\":3"), record("\"max_licenses\":1,\"Max Licenses\":3"));
    for text in [format!("[{one},{doubled},\n{spelt},{one}]"), [&*one, &*doubled, &*spelt, &*one].join("\n")] {
        let seen = read(&text);
        assert_eq!((seen.totals.rows, seen.totals.rejected, seen.totals.truncated), (2, 2, false), "{text}");
    }
    let harmless = read(&format!("[{same}]"));
    assert_eq!((harmless.totals.rows, harmless.totals.rejected), (1, 0));
}

#[test]
fn json_records_that_lack_keys_are_read_by_their_names() {
    let seen = read(concat!(
        "{\"max_licenses\":2,\"licenses\":1,\"rate\":\"$1\",\"product\":\"B\",\"company_id\":\"c1\"}\n",
        "{\"company\":\"x\",\"product\":\"C\",\"max_licenses\":\"3.5\",\"date\":\"2026-10-01\"}\n",
    ));
    assert_eq!(seen.rows, ["1: B 2 2", "2:x C 3.5 "]);
}

proptest::proptest! {
    /// Every physical line behind the headings ends as a row, a reject or another line, and as one only.
    #[test]
    fn no_line_is_lost_or_counted_twice(
        kinds in proptest::collection::vec(0..9_usize, 0..40),
        newline in proptest::bool::ANY,
    ) {
        const LINES: [&str; 9] = [
            "A,x,S,1,2,USD,2026-10-01",
            "A,x,S,1..2,2,USD,",
            "",
            ",,,,,,",
            "Total,,,1,2,,",
            "a note",
            "A,x,S",
            "A,x,\"S,1,2,USD,",
            "provider_name,sub_account_name,sku_id,quantity,cost,currency,charge_period_start",
        ];
        let lines: Vec<&str> = kinds.iter().map(|k| LINES[*k]).collect();
        let mut text = format!("{HEAD}{}", lines.join("\n"));
        if newline && !lines.is_empty() {
            text.push('\n');
        }
        let physical = text.lines().count() as u64;
        let seen = read(&text);
        let mut found: Vec<u64> = seen.others.iter().map(|(line, _)| *line).collect();
        found.extend(seen.rejects.iter().map(|r| r.line));
        found.extend(seen.rows.iter().map(|r| r.split(':').next().unwrap_or_default().parse::<u64>().expect("a line")));
        found.sort_unstable();
        proptest::prop_assert_eq!(&found, &(1..=physical).collect::<Vec<_>>());
        let totals = seen.totals;
        proptest::prop_assert_eq!(totals.rows + totals.rejected + totals.other_lines, physical);
    }
}

const FOCUS: &str = "BilledCost,EffectiveCost,ChargeCategory,ChargePeriodStart,ChargePeriodEnd\n";

#[test]
fn focus_dates_that_are_not_iso_take_the_one_order_that_reads_their_column() {
    let seen = read(&format!("{FOCUS}\"$10,000.00 \",0,Purchase,4/1/25,4/1/26\n48,48,Usage,5/1/25,5/14/25\n"));
    assert_eq!((seen.rows, seen.rejects.len()), (vec!["2:   10000".to_string(), "3:   48".to_string()], 0));
}

#[test]
fn focus_dates_that_fit_two_orders_are_refused_with_their_cost_kept() {
    let seen = read(&format!("{FOCUS}48,48,Usage,4/1/25,5/1/25\n2,2,Usage,2025-06-01,2025-06-02T01:00:00Z\n"));
    assert_eq!(codes(&seen), [(2, Code::I107)]);
    assert_eq!((seen.rejects[0].column, seen.rejects[0].cost), (4, Some(48.into())));
    assert_eq!(seen.rows, ["3:   2"], "a date that is plain is read beside them");
}

#[test]
fn a_focus_time_that_no_clock_shows_is_refused() {
    let seen = read(&format!("{FOCUS}1.00,0,Purchase,2023-01-01T20:00:00Z,2023-02-01T30:00:00Z\n"));
    assert_eq!(codes(&seen), [(2, Code::I106)]);
    assert_eq!(seen.rejects[0].value, "2023-02-01T30:00:00Z");
    assert!(seen.findings.iter().any(|f| f.code == Code::I116 && f.message.contains("BillingAccountId")));
}

#[test]
fn of_two_formats_that_know_as_many_headings_the_users_own_is_meant() {
    let file = file("tenantname,tenantcode,id,productname,partnumber,quantity,value,fromdate,todate\n");
    let own = "id = \"acme\"\nkind = \"usage\"\n[recognise]\nrequired = [\"id\"]\nusual = [\"tenantname\", \
        \"tenantcode\", \"productname\", \"partnumber\", \"quantity\", \"value\", \"fromdate\", \"todate\"]\n\
        [columns]\nsku_id = \"id\"\n";
    let mut registry = Registry::builtin();
    let id = |registry: &Registry| detect(file.path(), "f.csv", registry).expect("recognised").spec.id.clone();
    assert_eq!(id(&registry), "xarios");
    let spec = parse_spec(own).expect("a spec");
    registry.add(Spec { file: Some("formats/acme.toml".into()), ..spec });
    assert_eq!(id(&registry), "acme");
}

/// A file longer than what its survey keeps of it, whose head has decimal points alone.
fn long_usage(last: &str) -> Seen {
    let mut rows = String::new();
    while rows.len() < 300 << 10 {
        rows.push_str("A,\"x, Inc. 7\",S,1,2.50,USD,2026-10-01\nA,y,S,1.125,3,USD,2026-10-01\n");
    }
    usage(&format!("{rows}{last}\n"))
}

#[test]
fn a_long_file_is_read_by_its_head_and_its_last_row_can_still_say_otherwise() {
    let whole = long_usage("A,z,S,1,4.50,USD,2026-10-01");
    assert!(whole.rejects.is_empty());
    assert_eq!(whole.rows.last().map(|r| r.ends_with(":z S 1 4.5")), Some(true));
    assert!(whole.rows.iter().any(|r| r.contains(" 1.125 ")), "a column follows the others of its file");
    // One decimal comma, and no cell of its column that has a separator is certain any more.
    for last in ["A,z,S,1,\"4,50\",USD,2026-10-01", "A,z,S,1,4.500.000,USD,2026-10-01"] {
        let mixed = long_usage(last);
        assert_eq!(mixed.rows.len() + mixed.rejects.len(), whole.rows.len());
        assert!(!mixed.rows.iter().any(|r| r.contains(":x")), "{last}");
        let why = &mixed.rejects[0];
        assert!(why.code == Code::I105 && why.message.contains("mixes decimal points"), "{}", why.message);
    }
}

#[test]
fn a_row_with_a_problem_leaves_nothing_behind_for_the_next() {
    let seen = usage(
        "A,x,S,1,2,USD,2026-10-01\nA,x,S,one,2,USD,2026-10-01\nA,x,S,1,2,XXQ,2026-10-01\nA,x,S,1,2,USD,2026-13-01\n\
         A,,S,1,2,USD,2026-10-01\nA,x,1E+17,1,2,USD,2026-10-01\nA,x,S,1,2,USD,2026-10-01\nA,x,S,3,,USD,2026-10-01\n",
    );
    assert_eq!(seen.rows, ["2:x S 1 2", "8:x S 1 2", "9:x S 3 "]);
    let codes: Vec<Code> = seen.rejects.iter().map(|r| r.code).collect();
    assert_eq!(codes, [Code::I105, Code::I118, Code::I106, Code::I111, Code::I117]);
}

#[test]
fn a_row_that_counts_several_things_is_a_usage_row_of_each() {
    let text = "id = \"own\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Tenant\", \"PCs\"]\n[columns]\n\
                sub_account_name = \"Tenant\"\n[[each]]\nquantity = \"PCs\"\nsku_id = { constant = \"PC\" }\n[[each]]\n\
                quantity = \"Macs\"\nsku_id = { constant = \"MAC\" }\n[[each]]\nquantity = \"Users\"\nsku_id = { constant = \"USER\" }\n";
    let mut registry = Registry::builtin();
    registry.add(parse_spec(text).expect("a spec"));
    let read = |rows: &str| {
        let file = file(&format!("Tenant,PCs,Macs,Users,Note\n{rows}"));
        let detection = detect(file.path(), "f.csv", &registry).expect("recognised");
        let mut seen = Seen::default();
        seen.totals = read_usage(&detection, &mut seen).expect("read");
        seen
    };
    let seen = read("x,1,2,3,\ny,,5,,\nx,0,,many,\nz,,,,n\nw,7,8,9,\nTotal,8,15,12,\n");
    assert_eq!(
        seen.rows,
        ["2:x PC 1 ", "2:x MAC 2 ", "2:x USER 3 ", "3:y MAC 5 ", "4:x PC 0 ", "6:w PC 7 ", "6:w MAC 8 ", "6:w USER 9 "]
    );
    assert_eq!(codes(&seen), [(4, Code::I105), (5, Code::I111)], "a row that counts nothing is not lost");
    assert_eq!((seen.totals.rows, seen.totals.rejected), (8, 2));
    let totals: Vec<&Finding> = seen.findings.iter().filter(|f| f.code == Code::I113).collect();
    assert!(totals.is_empty(), "each column's total is its own: {totals:?}");
    // Things of one row are no copies of each other, and the same row again is one of each.
    let twice = read("x,1,1,1,\nx,1,1,1,\n");
    let whole = &twice.wholes;
    assert_eq!(whole[..3], whole[3..]);
    assert!(whole[0] != whole[1] && whole[1] != whole[2] && whole[0] != whole[2]);
}
