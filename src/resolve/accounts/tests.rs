use proptest::prelude::*;

use super::*;
use crate::book::AccountMapping;

fn client(line: u64, id: &str, name: &str) -> Client {
    Client {
        id: ClientId::new(id),
        name: name.to_string(),
        aliases: Vec::new(),
        active: true,
        external_ids: Vec::new(),
        domain: String::new(),
        tax_id: String::new(),
        currency: crate::rate::Currency::NONE,
        parent_client_id: ClientId::default(),
        bill_to_client_id: ClientId::default(),
        last_activity: None,
        place: Place::line("psa/clients.csv", line),
    }
}

fn psa(clients: Vec<Client>) -> Psa {
    Psa { clients, ..Psa::default() }
}

/// `provider|id|name|client or status|from|to`
fn mappings(rows: &[&str]) -> Mappings {
    let accounts = (2..).zip(rows).map(|(line, row)| {
        let cells: Vec<&str> = row.split('|').chain(["", ""]).collect();
        let status = match cells[3] {
            "internal" => MapStatus::Internal,
            "excluded" => MapStatus::Excluded,
            _ => MapStatus::Mapped,
        };
        AccountMapping {
            provider_name: cells[0].into(),
            sub_account_id: cells[1].into(),
            sub_account_name: cells[2].into(),
            client_id: ClientId::new(if status == MapStatus::Mapped { cells[3] } else { "" }),
            status,
            valid_from: cells[4].parse().ok(),
            valid_to: cells[5].parse().ok(),
            note: String::new(),
            place: Place::line("map/accounts.csv", line),
        }
    });
    Mappings { accounts: accounts.collect(), ..Mappings::default() }
}

fn account(id: &str, name: &str) -> AccountKey {
    AccountKey { provider_name: "Pax8".into(), sub_account_id: id.into(), sub_account_name: name.into() }
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn three() -> Psa {
    psa(vec![client(2, "C1", "Acme Ltd"), client(3, "C2", "Birch Foods"), client(4, "C3", "Cedar Group")])
}

/// The client joined, or the word for what else became of the account.
fn outcome(psa: &Psa, rows: &[&str], account: &AccountKey, on: &str) -> String {
    let resolution = AccountResolver::new(psa, &mappings(rows)).resolve(account, day(on));
    match resolution.outcome {
        Resolution::Mapped(client) => client.to_string(),
        Resolution::Internal => "internal".into(),
        Resolution::Excluded => "excluded".into(),
        Resolution::Unmapped(_) => "unmapped".into(),
    }
}

#[test]
fn a_mapping_row_comes_before_an_id_and_an_id_before_a_name() {
    let mut psa = three();
    psa.clients[1].external_ids = vec!["T-1".into()];
    let acme = account("t-1", "ACME");
    assert_eq!(outcome(&psa, &["Pax8|T-1||C3"], &acme, "2026-10-01"), "C3");
    assert_eq!(outcome(&psa, &[], &acme, "2026-10-01"), "C2");
    assert_eq!(outcome(&psa, &[], &account("x", "ACME, Limited"), "2026-10-01"), "C1");
    assert_eq!(outcome(&psa, &[], &account(" c3 ", "ACME"), "2026-10-01"), "C3");
    assert_eq!(outcome(&psa, &[], &account("x", "Acme Capital"), "2026-10-01"), "unmapped");
    assert_eq!(outcome(&psa, &[], &account("", ""), "2026-10-01"), "unmapped");
}

#[test]
fn how_they_were_joined_is_said() {
    let mut psa = three();
    psa.clients[2].aliases = vec!["Cedar Holdings".into()];
    psa.clients[1].external_ids = vec!["T-1".into()];
    let mappings = mappings(&["||Acme*|C1"]);
    let mut resolver = AccountResolver::new(&psa, &mappings);
    let mut how = |id: &str, name: &str| resolver.resolve(&account(id, name), day("2026-10-01")).how;
    assert_eq!(how("x", "Acme North"), How::Mapping(Place::line("map/accounts.csv", 2)));
    assert_eq!(how("T-1", ""), How::Id("T-1".into()));
    assert_eq!(how("", "birch foods"), How::Name("Birch Foods".into()));
    assert_eq!(how("", "CEDAR HOLDINGS"), How::Alias("Cedar Holdings".into()));
}

#[test]
fn the_most_specific_row_wins_wherever_it_stands() {
    let psa = three();
    for (rows, client) in [
        (["Pax8|||C1", "Pax8|a||C2"], "C2"),
        (["Pax8||servers-*|C1", "Pax8||servers-m-1|C2"], "C2"),
        (["Pax8|a||C1", "Pax8|a|servers-*|C2"], "C2"),
        (["Pax8|a||C1", "Pax8|a||C2|2026-01-01|"], "C2"),
        (["Huntress|a||C1", "|a||C2"], "C2"),
        (["Pax8|||internal", "|a||C2"], "unmapped"),
    ] {
        let acc = account("A", "Servers-M-1");
        assert_eq!(outcome(&psa, &rows, &acc, "2026-10-01"), client, "{rows:?}");
        let turned = [rows[1], rows[0]];
        assert_eq!(outcome(&psa, &turned, &acc, "2026-10-01"), client, "{turned:?}");
    }
}

#[test]
fn patterns_look_at_the_name_without_case_and_spacing() {
    let psa = three();
    let rows = ["||servers-m-*|C1", "||work?|C2"];
    for (name, client) in [
        ("SERVERS-M-acme", "C1"),
        ("servers-x-1", "unmapped"),
        ("Work1", "C2"),
        ("work", "unmapped"),
        ("  Servers-M-  b ", "C1"),
    ] {
        assert_eq!(outcome(&psa, &rows, &account("z", name), "2026-10-01"), client, "{name}");
    }
}

#[test]
fn dated_rows_hold_from_their_first_to_their_last_day() {
    let psa = three();
    let rows = ["Pax8|a||C1||2026-09-30", "Pax8|a||C2|2026-10-01|"];
    let acc = account("a", "");
    assert_eq!(outcome(&psa, &rows, &acc, "2026-09-30"), "C1");
    assert_eq!(outcome(&psa, &rows, &acc, "2026-10-01"), "C2");
    assert!(AccountResolver::new(&psa, &mappings(&rows)).depends_on_date());
    assert!(!AccountResolver::new(&psa, &mappings(&["Pax8|a||C1"])).depends_on_date());
}

#[test]
fn internal_and_excluded_need_no_client() {
    let rows = ["Pax8|own||internal", "Pax8|nfr||excluded"];
    assert_eq!(outcome(&three(), &rows, &account("own", ""), "2026-10-01"), "internal");
    assert_eq!(outcome(&three(), &rows, &account("NFR", ""), "2026-10-01"), "excluded");
}

fn said(psa: &Psa, rows: &[&str], accounts: &[AccountKey]) -> Vec<String> {
    let mappings = mappings(rows);
    let mut resolver = AccountResolver::new(psa, &mappings);
    for account in accounts {
        resolver.observe(account);
    }
    for account in accounts.iter().chain(accounts) {
        resolver.resolve(account, day("2026-10-01"));
    }
    resolver.findings().iter().map(ToString::to_string).collect()
}

#[test]
fn equally_specific_rows_must_agree() {
    let psa = three();
    let acc = account("a", "Acme");
    assert_eq!(outcome(&psa, &["Pax8|a||C1", "pax8| A ||c1"], &acc, "2026-10-01"), "C1");
    assert_eq!(outcome(&psa, &["Pax8|a||C1", "Pax8|a||C2"], &acc, "2026-10-01"), "unmapped");
    assert_eq!(
        said(&psa, &["Pax8|a||C1", "Pax8|a||C2"], &[acc]),
        ["map/accounts.csv:3: error[M308 conflicting-mapping]: this row and map/accounts.csv:2 fit the same value \
          equally well and disagree"]
    );
}

#[test]
fn a_mapping_to_a_missing_client_maps_nothing_and_to_an_inactive_one_is_said() {
    let mut psa = three();
    psa.clients[1].active = false;
    assert_eq!(outcome(&psa, &["Pax8|a||C9"], &account("a", "Acme"), "2026-10-01"), "unmapped");
    assert_eq!(outcome(&psa, &["Pax8|a||C2"], &account("a", "Acme"), "2026-10-01"), "C2");
    let said = said(&psa, &["Pax8|a||C9", "Pax8|b||C2"], &[account("a", ""), account("b", "")]);
    assert_eq!(
        said,
        [
            "map/accounts.csv:2: error[M304 mapped-to-missing]: the mapping names a client that the PSA does not \
             have, so its accounts stay unmapped: \"C9\"",
            "map/accounts.csv:3: warning[M305 mapped-to-inactive]: an account is joined to a client that is \
             inactive in the PSA: \"C2\"",
        ]
    );
}

#[test]
fn rows_that_match_nothing_are_named_unless_they_are_not_in_force() {
    let rows = ["Pax8|a||C1", "Pax8|gone||C1", "Pax8|||C2", "Pax8|old||C1||2025-12-31"];
    assert_eq!(
        said(&three(), &rows, &[account("a", "")]),
        ["map/accounts.csv:3: info[M307 unused-mapping]: the mapping row matched nothing in this period"]
    );
}

#[test]
fn a_name_that_fits_two_clients_joins_neither() {
    let psa = psa(vec![client(2, "C1", "Acme Ltd"), client(3, "C2", "ACME Inc")]);
    assert_eq!(outcome(&psa, &[], &account("x", "Acme"), "2026-10-01"), "unmapped");
    assert_eq!(
        said(&psa, &[], &[account("x", "Acme")]),
        ["psa/clients.csv:2: warning[M303 ambiguous-name]: the name of an account of Pax8 fits the clients C1, C2: \
          \"Acme\""]
    );
}

#[test]
fn an_id_that_fits_two_clients_joins_neither() {
    let mut psa = three();
    psa.clients[0].external_ids = vec!["C2".into()];
    assert_eq!(outcome(&psa, &[], &account("c2", "Cedar Group"), "2026-10-01"), "unmapped");
}

#[test]
fn a_name_that_two_accounts_bear_joins_neither_once_both_are_known() {
    let psa = three();
    let (one, two) = (account("x", "Acme"), account("y", "ACME Ltd"));
    let mappings = Mappings::default();
    let mut resolver = AccountResolver::new(&psa, &mappings);
    for known in [&one, &two, &account("", "acme")] {
        resolver.observe(known);
    }
    let outcome = resolver.resolve(&one, day("2026-10-01")).outcome;
    assert_eq!(outcome, Resolution::Unmapped(Reason::SharedName));
    assert!(resolver.findings()[0].to_string().contains("M303 ambiguous-name"));
    let mut resolver = AccountResolver::new(&psa, &mappings);
    resolver.observe(&one);
    resolver.observe(&account("", "acme"));
    assert!(resolver.resolve(&one, day("2026-10-01")).client().is_some());
}

proptest! {
    #[test]
    fn the_order_of_rows_changes_nothing(
        cells in proptest::collection::vec(("(Pax8)?", "(a|b)?", "(acme|ac\\*|\\*)?", "C[1-4]|internal", "(2026-10-01)?"), 1..7),
        seed in any::<prop::sample::Index>(),
        id in "[ab]",
    ) {
        let rows: Vec<String> = cells.iter().map(|(p, i, n, c, f)| format!("{p}|{i}|{n}|{c}|{f}|")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let psa = three();
        let in_order = mappings(&rows);
        let mut turned = in_order.clone();
        turned.accounts.rotate_left(seed.index(rows.len()));
        turned.accounts.reverse();
        let mut resolvers = [AccountResolver::new(&psa, &in_order), AccountResolver::new(&psa, &turned)];
        for on in ["2026-09-30", "2026-10-01"] {
            let [a, b] = resolvers.each_mut().map(|r| r.resolve(&account(&id, "Acme"), day(on)));
            prop_assert_eq!(a, b);
        }
        prop_assert_eq!(resolvers[0].findings(), resolvers[1].findings());
    }
}
