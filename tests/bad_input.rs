//! Bad input, as it arrives: what the program says about it, how it ends, and that nothing is half written.

mod support;

use std::fmt::Write as _;
use std::io::Write as _;

use support::Book;

const EXPORT: &str = "usage/2026-10/northstar.csv";
const LINES: &str = "psa/contract_lines.csv";

/// What the runs of these tests share: the discrepancies of a run as `code|client|impact`.
fn discrepancies(book: &Book) -> Vec<String> {
    book.columns("discrepancies.csv", &["code", "client_id", "impact"])
}

/// The run goes on, and says all of this.
fn goes_on(book: &Book, said: &[&str]) {
    let ran = book.reconcile();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for part in said {
        assert!(ran.stderr.contains(part), "{part:?} in:\n{}", ran.stderr);
    }
}

/// The run cannot be done, says all of this, and leaves what an earlier run wrote as it was.
fn stops(book: &Book, said: &[&str]) {
    stops_with(book, &["reconcile", "--book", ".", "--period", "2026-10"], said);
}

fn stops_with(book: &Book, args: &[&str], said: &[&str]) {
    let ran = book.run(args);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    for part in said {
        assert!(ran.stderr.contains(part), "{part:?} in:\n{}", ran.stderr);
    }
    book.assert_untouched();
}

fn gzip(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text.as_bytes()).expect("room");
    writer.finish().expect("room")
}

/// The export of Northstar was refused: its lines conclude nothing, and the others are compared.
fn refused(book: &Book, code: &str) {
    assert_eq!(discrepancies(book), ["R416|C1|", "R416|C2|"]);
    assert!(book.verdict().starts_with("run|not_reconcilable|"), "{}", book.verdict());
    let postline = book.columns("verdicts.csv", &["scope", "id", "verdict"]);
    assert!(postline.contains(&"provider|Postline|ok".to_string()), "{postline:?}");
    let messages = book.columns("discrepancies.csv", &["message"]);
    assert!(messages[0].contains(&format!("{EXPORT} was refused ({code}")), "{messages:?}");
    assert!(book.rows("quantity_changes.csv").is_empty());
    assert!(
        book.columns("invoice_lines.csv", &["contract_line_id", "quantity", "status"]).contains(&"L3|6|review".into())
    );
}

#[test]
fn an_unknown_file_is_named_and_left_out() {
    let book = Book::new();
    book.put("usage/2026-10/tickets.csv", "ticket,opened\n1,2026-10-02\n");
    goes_on(&book, &["error[I102 unknown-format]", "usage/2026-10/tickets.csv", "hint: "]);
    assert_eq!(book.verdict(), "run|not_reconcilable|1 file was left out: usage/2026-10/tickets.csv");
    assert_eq!(discrepancies(&book), [""; 0]);
    assert_eq!(book.rows("invoice_lines.csv").len(), 3);
}

#[test]
fn an_unreadable_row_is_rejected_with_its_place_and_money() {
    let book = Book::new();
    book.edit(EXPORT, ",6,2.00,12.00", ",12..5,2.00,12.00");
    goes_on(&book, &["error[I105 bad-number]", "usage/2026-10/northstar.csv:3:9: \"12..5\""]);
    let rejects = book.columns("rejects.csv", &["source", "line", "column", "code", "value", "message"]);
    assert_eq!(rejects, ["usage/2026-10/northstar.csv|3|9|I105|12..5|quantity: the cell is not a number"]);
    assert_eq!(discrepancies(&book), ["R419|C2|"]);
    let controls = book.columns("controls.csv", &["source", "rejected_rows", "rejected_cost", "balanced"]);
    assert_eq!(controls[0], "usage/2026-10/northstar.csv|1|12|true");
    assert!(book.reconcile().stdout.contains("12.00"), "the money on it is shown");
}

#[test]
fn a_vendor_without_an_export_makes_no_money() {
    let book = Book::new();
    book.remove(EXPORT);
    goes_on(&book, &[]);
    assert_eq!(discrepancies(&book), ["R416|C1|", "R416|C2|"]);
    let vendors = book.columns("verdicts.csv", &["scope", "id", "verdict", "compared_lines", "impact_refund"]);
    assert!(vendors.contains(&"provider|Northstar|not_reconcilable|0|0.00".into()), "{vendors:?}");
}

#[test]
fn without_psa_data_nothing_can_be_done() {
    let book = Book::new();
    fs_err::remove_dir_all(book.path("psa")).expect("gone");
    stops(&book, &["has no psa/ folder", "clients, products, contracts and contract lines", "trueup init"]);
    fs_err::create_dir(book.path("psa")).expect("a folder");
    stops(&book, &["psa/", "has no files"]);
    let book = Book::new();
    book.remove(LINES);
    stops(&book, &["no table of contract lines was recognised in psa/", "docs/FORMATS.md"]);
    let book = Book::new();
    book.edit(LINES, "contract_line_id,contract_id", "a,b");
    stops(&book, &["no table of contract lines", "psa/contract_lines.csv"]);
}

#[test]
fn a_book_without_a_catalogue_concludes_nothing_of_what_it_maps() {
    let book = Book::new();
    book.remove("psa/products.csv");
    goes_on(&book, &["M304 mapped-to-missing", "map/products.csv:2: \"EDR\"", "T208 orphan-contract-line"]);
    assert_eq!(discrepancies(&book), ["R416|C1|", "R416|C1|", "R416|C2|"]);
}

#[test]
fn a_mapping_to_a_client_that_does_not_exist_joins_nothing() {
    let book = Book::new();
    book.edit("map/accounts.csv", "ns-2,C2", "ns-2,C22");
    goes_on(&book, &["error[M304 mapped-to-missing]", "map/accounts.csv:3: \"C22\""]);
    assert_eq!(discrepancies(&book), ["R416|C2|"]);
    assert!(book.verdict().ends_with("; 1 account is not mapped"), "{}", book.verdict());
}

#[test]
fn a_truncated_gzip_makes_its_vendors_side_incomplete_beside_a_whole_file() {
    let book = Book::new();
    let whole = gzip(&book.text(EXPORT));
    book.put("usage/2026-10/northstar-2.csv.gz", &whole[..whole.len() - 12]);
    book.edit(EXPORT, ",6,2.00,12.00", ",5,2.00,10.00");
    goes_on(&book, &["error[I110 truncated-file]", "usage/2026-10/northstar-2.csv.gz", "cut off or damaged"]);
    assert_eq!(discrepancies(&book), ["R416|C2|"]);
    let message = &book.columns("discrepancies.csv", &["message"])[0];
    assert!(message.contains("usage/2026-10/northstar-2.csv.gz was refused (I110"), "{message}");
    assert!(book.rows("quantity_changes.csv").is_empty());
}

/// Nothing of the file is billed, its rows are rejected with their money, and the run says that it is not whole.
fn refused_whole(book: &Book, source: &str, control: &str) {
    goes_on(book, &["error[I110 truncated-file]", source]);
    assert_eq!(book.reconcile().stderr.matches("error[I110").count(), 1);
    let columns = ["source", "provider_name", "rows_read", "rejected_rows", "rejected_cost"];
    let controls = book.columns("controls.csv", &columns);
    assert!(controls.contains(&control.to_string()), "{controls:?}");
    let rejects = book.columns("rejects.csv", &["source", "code"]);
    assert!(rejects.iter().all(|r| *r == format!("{source}|I110")), "{rejects:?}");
    let verdict = book.verdict();
    assert!(!verdict.contains("|ok|") && verdict.contains(&format!("1 file was left out: {source}")), "{verdict}");
    let lines = book.columns("invoice_lines.csv", &["client_id", "product_code", "status"]);
    assert!(lines.iter().filter(|l| l.contains("EDR")).all(|l| !l.ends_with("|ready")), "{lines:?}");
}

#[test]
fn a_file_cut_off_in_a_row_is_refused_whole() {
    let book = Book::new();
    book.edit(EXPORT, ",6,2.00,12.00,USD\n", ",6,2.00");
    refused_whole(&book, EXPORT, "usage/2026-10/northstar.csv|Northstar|1|1|20");
    let json = "usage/2026-10/northstar.json";
    let row = |account: &str, n: u8| {
        format!(
            r#"{{"provider_name":"Northstar","sub_account_id":"{account}","sku_id":"NS-EDR","quantity":{n},"cost":"{n}.50","currency":"USD"}}"#
        )
    };
    let (one, two) = (row("ns-1", 10), row("ns-2", 6));
    for (text, control) in [
        (format!("[{one},{two}"), "usage/2026-10/northstar.json|Northstar|2|2|17"),
        (format!("[{one},"), "usage/2026-10/northstar.json|Northstar|1|1|10.5"),
        (format!("{one}\n{}", &two[..40]), "usage/2026-10/northstar.json|Northstar|1|1|10.5"),
    ] {
        let book = Book::new();
        book.remove(EXPORT);
        book.put(json, text);
        refused_whole(&book, json, control);
    }
}

#[test]
fn a_last_row_without_a_line_end_is_whole_if_it_has_all_its_fields() {
    let book = Book::new();
    let text = book.text(EXPORT);
    book.put(EXPORT, text.trim_end());
    goes_on(&book, &[]);
    assert!(book.rows("rejects.csv").is_empty());
    assert!(book.verdict().starts_with("run||ok") || book.verdict().contains("|ok|"), "{}", book.verdict());
}

#[test]
fn an_unbalanced_quote_is_placed_and_costs_one_row() {
    let book = Book::new();
    let mut text = book.text(EXPORT);
    for line in 4..=45_000 {
        let quote = if line == 40_000 { "\"" } else { "" };
        writeln!(
            text,
            "Northstar,ns-1,{quote}Northwind Bakery,NS-EDR,Endpoint agent,{line},2026-10-01,2026-11-01,1,2.00,2.00,USD"
        )
        .expect("room");
    }
    book.put(EXPORT, text);
    goes_on(&book, &["error[I109 unbalanced-quote]", "usage/2026-10/northstar.csv:40000:3"]);
    let controls = book.columns("controls.csv", &["rows_read", "billed_rows", "rejected_rows", "balanced"]);
    // What could not be read has no currency either.
    assert_eq!(controls[..2], ["1|0|1|true", "44998|44998|0|true"]);
    assert_eq!(book.columns("rejects.csv", &["line", "column", "code"]), ["40000|3|I109"]);
    // 10 + 44,996 used, 10 on contract: 44,996 × 5.00.
    assert_eq!(discrepancies(&book), ["R401|C1|224980.00"]);
}

#[test]
fn a_broken_row_that_names_nobody_concludes_no_shortfall() {
    let book = Book::new();
    book.edit(EXPORT, "ns-2,Harbor", "ns-2,\"Harbor");
    goes_on(&book, &["error[I109 unbalanced-quote]", "usage/2026-10/northstar.csv:3:3"]);
    assert_eq!(discrepancies(&book), ["R416|C2|"]);
    let verdict = book.verdict();
    assert!(verdict.contains("a row that could not be read may hold units of it; rejects.csv shows it"), "{verdict}");
    assert!(verdict.ends_with("1 row was rejected"), "{verdict}");
}

#[test]
fn what_is_no_text_is_told_by_its_content() {
    let text = Book::new().text(EXPORT);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // The first bytes of a workbook, whatever its name says.
    let workbook = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml\x00\x00";
    let cases: [(&str, Vec<u8>, &[&str]); 5] = [
        (
            "I101",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n".to_vec(),
            &["Git LFS pointer", "git lfs pull"],
        ),
        ("I110", workbook.to_vec(), &["the zip archive is cut off or damaged"]),
        (
            "I101",
            [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), (0..=255).collect()].concat(),
            &["northstar.csv:3", "a NUL byte stands here"],
        ),
        ("I110", [b"\xff\xfe".to_vec(), utf16, b"A".to_vec()].concat(), &["ends in the middle of a character"]),
        ("I110", gzip(&text)[..40].to_vec(), &["gzip data is cut off"]),
    ];
    for (code, content, said) in cases {
        let book = Book::new();
        book.put(EXPORT, content);
        goes_on(&book, &[&[&format!("error[{code} "), EXPORT], said].concat());
        refused(&book, code);
    }
}

#[test]
fn a_nul_in_a_number_rejects_its_row() {
    let book = Book::new();
    book.edit(EXPORT, ",6,2.00,12.00", ",6\0,2.00,12.00");
    goes_on(&book, &["error[I105 bad-number]", "usage/2026-10/northstar.csv:3:9: \"6\\0\""]);
    assert_eq!(discrepancies(&book), ["R419|C2|"]);
}

#[test]
fn a_file_without_rows_supplies_nothing() {
    let header = Book::new().text(EXPORT).lines().next().expect("headings").to_string() + "\n";
    for (content, said) in
        [("", "it has no bytes"), ("\n \n", "white space"), (header.as_str(), "headings and no rows")]
    {
        let book = Book::new();
        book.put(EXPORT, content);
        goes_on(&book, &["warning[I114 empty-file]", EXPORT, said]);
        assert_eq!(discrepancies(&book), ["R416|C1|", "R416|C2|"]);
        assert!(book.verdict().starts_with("run|not_reconcilable|"));
    }
}

#[test]
fn a_folder_named_like_a_file_is_a_folder() {
    let book = Book::new();
    let text = book.text(EXPORT);
    book.remove(EXPORT);
    book.put("usage/2026-10/northstar.csv/inside.csv", text);
    fs_err::create_dir(book.path("usage/2026-10/x.csv")).expect("a folder");
    goes_on(&book, &[]);
    assert_eq!(book.verdict(), "run|ok|");
    fs_err::create_dir(book.path("decisions.csv")).expect("a folder");
    fs_err::remove_dir_all(book.path("out")).expect("gone");
    stops(&book, &["decisions.csv"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let book = Book::new();
    fs_err::set_permissions(book.path(EXPORT), std::fs::Permissions::from_mode(0o000)).expect("set");
    if fs_err::read(book.path(EXPORT)).is_ok() {
        return; // Root may read everything.
    }
    goes_on(&book, &["error[I101 unreadable-file]", EXPORT, "ermission"]);
    refused(&book, "I101");
}

#[test]
fn settings_that_mean_nothing_stop_the_run() {
    let book = Book::new();
    book.put("trueup.toml", "[tolerance]\nunits = 1\n\n[billling]\nmapped = \"metered\"\n");
    stops(&book, &["trueup.toml:4:2: there is no section \"billling\"", "did you mean \"billing\"?"]);
    book.put("trueup.toml", "[tolerance]\nunit = 1\n");
    stops(&book, &["trueup.toml:2:1: there is no key \"unit\" in [tolerance]", "did you mean \"units\"?"]);
    book.put("trueup.toml", "[tolerance\n");
    stops(&book, &["trueup.toml:1:", "not TOML"]);
}

#[test]
fn a_period_or_book_that_is_none_stops_the_run() {
    let book = Book::new();
    stops_with(&book, &["reconcile", "--period", "2026-1"], &["\"2026-1\" is not a period", "YYYY-MM"]);
    stops_with(&book, &["reconcile", "--book", "nowhere"], &["nowhere is not a folder", "trueup init"]);
    stops_with(&book, &["reconcile", "--book", "psa/clients.csv"], &["psa/clients.csv is not a folder"]);
    stops_with(&book, &["reconcile", "--book", "usage"], &["usage has no psa/ folder"]);
    fs_err::remove_dir_all(book.path("usage")).expect("gone");
    stops_with(&book, &["reconcile"], &["no period is stated", "--period YYYY-MM"]);
}

#[test]
fn a_decision_that_is_none_leaves_the_question_open() {
    let book = Book::new();
    book.edit(EXPORT, ",6,2.00,12.00", ",8,2.00,16.00");
    book.reconcile();
    let id = book.columns("discrepancies.csv", &["discrepancy_id"]).swap_remove(0);
    book.put(
        "decisions.csv",
        format!("discrepancy_id,decision,quantity,until\n{id},kepp,,\n{id},set,,\n{id},keep,,2026-1\n"),
    );
    goes_on(
        &book,
        &[
            "decisions.csv:2:2: decision must be one of accept, keep, set, dismiss; did you mean \"keep\"?",
            "\"kepp\"",
            "decisions.csv:3:3: set needs a quantity",
            "decisions.csv:4:4: \"2026-1\"",
        ],
    );
    assert_eq!(book.columns("discrepancies.csv", &["code", "decision"]), ["R401|"]);
    assert_eq!(book.columns("invoice_lines.csv", &["contract_line_id", "status"])[2], "L3|review");
}

/// A mapping with a column lost would match more than it is meant to.
#[test]
fn a_mapping_or_decision_file_is_read_whole_or_not_at_all() {
    for (source, text, said) in [
        ("map/accounts.csv", "provider_name,sub_account_id,client\nNorthstar,ns-1,C1\n", "map/accounts.csv:1:3"),
        ("map/products.csv", "provider_name,sku,product_code\nNorthstar,NS-EDR,EDR\n", "map/products.csv:1:2"),
        ("map/products.csv", "provider_name,sku_id,product_code\nNorthstar,NS-EDR\n", "map/products.csv:2"),
        ("map/accounts.csv", "what,ever\n1,2\n", "map/accounts.csv"),
        ("decisions.csv", "discrepancy_id,quantity\nd1,2\n", "\"decision\""),
    ] {
        let book = Book::new();
        book.put(source, text);
        stops(&book, &[said, "hint: "]);
    }
}

#[test]
fn a_contract_line_id_that_stands_twice_is_said() {
    let book = Book::new();
    book.append(LINES, "L3,K2,EDR,6,5.00,2025-01-01\n");
    goes_on(
        &book,
        &["info[T201 duplicate-row]", "psa/contract_lines.csv:5: \"L3\"", "psa/contract_lines.csv:4 already"],
    );
    assert_eq!(book.verdict(), "run|ok|");
    let book = Book::new();
    book.append(LINES, "L3,K2,EDR,7,5.00,2025-01-01\n");
    goes_on(&book, &["error[T203 conflicting-duplicate]", "psa/contract_lines.csv:5: \"L3\"", "the first is used"]);
}

#[test]
fn a_contract_line_that_cannot_be_read_is_not_taken_for_none() {
    for (from, to) in [("EDR,6,", "EDR,6..5,"), ("EDR,6,5.00", "EDR,6,5..00")] {
        let book = Book::new();
        book.edit(LINES, from, to);
        goes_on(&book, &["error[I105 bad-number]", "psa/contract_lines.csv:4:", "the row is left out"]);
        assert_eq!(discrepancies(&book), ["R416|C2|"]);
        let message = &book.columns("discrepancies.csv", &["message"])[0];
        assert!(message.contains("contract line L3 at psa/contract_lines.csv:4 could not be used"), "{message}");
    }
}

#[test]
fn a_faulty_format_spec_stops_the_run() {
    let book = Book::new();
    let spec = "id = \"mine\"\nprovider = \"X\"\nkind = \"usage\"\nversion = \"1\"\nsource = \"s\"\n\
                [recognise]\nrequired = [\"a\"]\n[columns]\nquantitty = \"a\"\n";
    book.put("formats/mine.toml", spec);
    stops(&book, &["formats/mine.toml:9:1", "quantitty", "did you mean `quantity`?", "hint: correct the spec"]);
    book.put("formats/mine.toml", "id = \"mine\n");
    stops(&book, &["formats/mine.toml:1:11"]);
}

#[test]
fn a_mapping_row_that_cannot_be_used_joins_nothing_by_name_either() {
    for (file, from, to) in [
        (
            "map/accounts.csv",
            "provider_name,sub_account_id,client_id\n",
            "provider_name,sub_account_id,client_id,status\n",
        ),
        ("map/products.csv", "provider_name,sku_id,product_code\n", "provider_name,sku_id,product_code,status\n"),
    ] {
        let book = Book::new();
        // Without the mapping the names alone would join them.
        book.edit(EXPORT, "Endpoint agent", "Endpoint protection");
        book.edit(file, from, to);
        let row = book.text(file).lines().nth(1).expect("a row").to_string();
        book.edit(file, &row, &format!("{row},maped"));
        for other in book.text(file).lines().skip(2).map(str::to_string).collect::<Vec<_>>() {
            book.edit(file, &other, &format!("{other},"));
        }
        goes_on(&book, &["error[I111", "did you mean \"mapped\"?"]);
        assert!(!book.rows("unmapped.csv").is_empty(), "{file}");
        let lines = book.columns("invoice_lines.csv", &["client_id", "product_code", "status"]);
        assert!(lines.contains(&"C1|EDR|review".to_string()), "{file}: {lines:?}");
        assert!(!book.verdict().contains("|ok|"), "{}", book.verdict());
    }
}

#[test]
fn an_empty_table_of_the_book_is_a_table_without_rows() {
    for text in ["", " \r\n\n"] {
        let book = Book::new();
        book.put("decisions.csv", text);
        goes_on(&book, &[]);
        assert!(book.verdict().contains("|ok|"), "{}", book.verdict());
        book.put("map/accounts.csv", text);
        book.put("map/products.csv", text);
        goes_on(&book, &["M302"]);
    }
}

#[test]
fn a_folder_in_the_place_of_a_mapping_is_said() {
    let book = Book::new();
    book.remove("map/accounts.csv");
    fs_err::create_dir(book.path("map/accounts.csv")).expect("made");
    stops(&book, &["map/accounts.csv", "it is a directory"]);
}

#[test]
fn a_contract_table_that_lacks_a_column_is_told_which() {
    let book = Book::new();
    book.edit("psa/contracts.csv", "contract_id,client_id,name", "contract_id,customer,name");
    stops(&book, &["psa/contracts.csv", "client_id)"]);
}

#[test]
fn a_number_that_cannot_be_multiplied_is_placed() {
    let book = Book::new();
    book.put(
        "map/products.csv",
        "provider_name,sku_id,product_code,multiplier\nNorthstar,NS-EDR,EDR,79000000000000000000000000000\nPostline,PL-BOX,MAIL,\n",
    );
    book.edit(EXPORT, ",10,2.00,20.00,", ",79000000000000000000000000000,,20.00,");
    stops(&book, &["usage/2026-10/northstar.csv:2 cannot be metered", "correct it at the source"]);
}

#[test]
fn detect_shows_the_others_and_fails_where_a_file_cannot_be_opened() {
    let book = Book::new();
    let ran = book.run(&["detect", "usage/2026-10/nothing.csv", EXPORT]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stdout.contains(EXPORT) && ran.stderr.contains("there is no such file"), "{}", ran.stderr);
}
