use super::*;
use crate::book::load_psa;
use crate::ingest::TableRow;

fn table(source: &str, text: &str) -> Table {
    let split = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
    let mut lines = text.lines();
    let columns = split(lines.next().unwrap_or_default());
    let fields: Vec<u64> = (1..).take(columns.len()).collect();
    let rows =
        (2..).zip(lines).map(|(line, text)| TableRow { line, cells: split(text), fields: fields.clone() }).collect();
    Table { source: source.to_string(), columns, rows, ..Table::default() }
}

fn ignore(id: &str, code: Option<Code>) -> Ignore {
    let place = Place::line("map/ignore.csv", 2);
    Ignore { kind: IgnoreKind::Client, id: id.into(), code, reason: String::new(), place }
}

fn judged(tables: &[(TableKind, Table)], ignores: &[Ignore]) -> Health {
    let (psa, findings) = load_psa(tables);
    examine(tables, &psa, &findings, ignores, 12)
}

fn clients(text: &str) -> Vec<(TableKind, Table)> {
    vec![(TableKind::Clients, table("psa/clients.csv", text))]
}

fn said(health: &Health) -> Vec<String> {
    health.problems.iter().map(|p| format!("{} {}: {}", p.id, p.code.id(), p.message)).collect()
}

#[test]
fn what_records_share_ties_them_and_ties_reach_over_a_third() {
    let health = judged(
        &clients(
            "client_id,name,aliases,domain,tax_id\n\
             C1,Granite Medical Co,,granite.test,\n\
             C2,GRANITE MEDICAL COMPANY,,,DE 123-456\n\
             C3,Quarry Holdings,,,DE123456\n\
             C4,Westbrook Dental,,www.westbrook.test,n/a\n\
             C5,Westbrok Dental,,gmail.com,n/a\n\
             C6,Harbor Foods,Old Harbour,gmail.com,\n\
             C7,Old Harbour,,,\n\
             C8,Vega Partners,,,\n",
        ),
        &[],
    );
    let clusters: Vec<Vec<&str>> =
        health.clusters.iter().map(|c| c.clients.iter().map(|(id, _)| id.as_str()).collect()).collect();
    assert_eq!(clusters, [vec!["C1", "C2", "C3"], vec!["C4", "C5"], vec!["C6", "C7"]]);
    assert_eq!(
        health.clusters.iter().flat_map(|c| c.reasons.clone()).collect::<Vec<_>>(),
        [
            "C1 and C2: the same name (granite medical)",
            "C2 and C3: the same tax id (DE123456)",
            "C4 and C5: nearly the same name",
            "C6 and C7: the same name (old harbour)",
        ]
    );
    assert_eq!(said(&health)[0], "C1 T205: it looks like client C2, which has the same name (granite medical)");
    assert_eq!((health.clean, health.records, health.score()), (1, 8, Some(125)));
}

#[test]
fn what_tells_two_companies_apart_ties_nothing() {
    let health = judged(
        &clients(
            "client_id,name,parent_client_id,domain,tax_id\n\
             C1,Site 1 Bakery,,,\n\
             C2,Site 2 Bakery,,,\n\
             C3,Atlas,,atlas.test,DE123456\n\
             C4,Atlas North,C3,atlas.test,DE123456\n\
             C5,Abc,,,\n\
             C6,Abd,,,\n",
        ),
        &[],
    );
    assert_eq!((health.clusters.len(), health.score()), (0, Some(1000)), "{:?}", said(&health));
}

#[test]
fn a_client_is_stale_by_the_newest_activity_of_all_and_never_by_a_clock() {
    let health = judged(
        &clients(
            "client_id,name,status,last_activity\nC1,Ember,active,2025-10-31\nC2,Fjord,active,2025-10-30\n\
             C3,Vega,inactive,2019-01-01\nC4,Umbra,active,\nC5,Larkspur,active,2026-10-31\n",
        ),
        &[],
    );
    assert_eq!(
        said(&health),
        ["C2 T206: its last activity was on 2025-10-30, and the newest of all clients on 2026-10-31"]
    );
    assert_eq!(health.score(), Some(800));
}

#[test]
fn a_client_lacks_what_billing_needs_as_far_as_the_tables_keep_it() {
    let mut tables = clients(
        "client_id,name,status,currency,bill_to_client_id\nC1,,active,EUR,\nC2,Fjord,,EUR,\nC3,Vega,active,,\n\
         C4,Umbra,active,,C9\nC5,Gone,inactive,,\n",
    );
    tables.push((
        TableKind::Contracts,
        table("psa/contracts.csv", "contract_id,client_id,name,currency\nK1,C4,Care,USD\n"),
    ));
    assert_eq!(
        said(&judged(&tables, &[])),
        [
            "C1 T207: it has no name, which stands on its invoices",
            "C2 T207: it has no status, so it is taken as active and billed",
            "C3 T207: neither it nor a contract of it has a currency",
            "C4 T207: its bill_to_client_id names a client that does not exist: C9",
        ]
    );
    let plain = judged(&clients("client_id,name\nC1,Ember\n"), &[]);
    assert_eq!(plain.score(), Some(1000), "a table without these columns lacks nothing");
}

#[test]
fn an_orphan_line_is_on_the_line_and_on_its_client_and_an_unusable_record_counts() {
    let mut tables = clients("client_id,name\nC1,Ember\nC2,Fjord\n,Nobody\n");
    tables.push((TableKind::Products, table("psa/products.csv", "product_code,name\nP1,Backup\n")));
    tables.push((
        TableKind::Contracts,
        table("psa/contracts.csv", "contract_id,client_id,name\nK1,C1,Care\nK2,C9,Care\n"),
    ));
    tables.push((
        TableKind::ContractLines,
        table(
            "psa/contract_lines.csv",
            "contract_line_id,contract_id,product_code,quantity\nL1,K1,P1,1\nL2,K1,P9,1\nL3,K7,P1,1\n",
        ),
    ));
    let health = judged(&tables, &[]);
    let seen: Vec<_> = health.problems.iter().map(|p| (p.kind.word(), p.id.as_str(), p.code.id())).collect();
    assert_eq!(
        seen,
        [
            ("client", "C1", "T208"),
            ("client", "", "I111"),
            ("contract", "K2", "T208"),
            ("contract_line", "L2", "T208"),
            ("contract_line", "L3", "T208"),
        ]
    );
    assert_eq!((health.records, health.clean, health.score()), (3, 1, Some(333)));
    let line = |id: &str| Ignore { kind: IgnoreKind::ContractLine, ..ignore(id, Some(Code::T208)) };
    assert_eq!(judged(&tables, &[line("l2"), line("L3")]).clean, 2);
}

#[test]
fn an_ignored_record_leaves_the_score_and_its_cluster() {
    let tables = clients("client_id,name,status\nC1,Ember,active\nC2,Ember Ltd,active\nC3,Fjord,\n");
    let score = |ignores: &[Ignore]| {
        let health = judged(&tables, ignores);
        (health.score(), health.ignored, health.clusters.len())
    };
    assert_eq!(score(&[]), (Some(0), 0, 1));
    assert_eq!(score(&[ignore("c2", None)]), (Some(500), 1, 0));
    assert_eq!(score(&[ignore("C2", Some(Code::T205))]), (Some(666), 0, 0));
    assert_eq!(score(&[ignore("C3", Some(Code::T206))]), (Some(0), 0, 1), "another code");
    assert_eq!(score(&["C1", "C2", "C3"].map(|id| ignore(id, None))), (None, 3, 0));
    let (psa, findings) = load_psa(&tables);
    let unused = unused_ignores(&psa, &findings, &[ignore("C1", None), ignore("C9", None)]);
    assert_eq!(unused.iter().map(|f| f.value.as_deref()).collect::<Vec<_>>(), [Some("C9")]);
}

proptest::proptest! {
    #[test]
    fn the_order_of_records_changes_neither_score_nor_who_belongs_together(
        names in proptest::collection::vec("(ember|embr|fjord|fjord ltd|vega 1|vega 2|umbra)", 1..9), seed in 0usize..9)
    {
        let text = |order: &[usize]| {
            let rows: Vec<String> = order.iter().map(|i| format!("C{i},{}", names[*i])).collect();
            format!("client_id,name\n{}\n", rows.join("\n"))
        };
        let order: Vec<usize> = (0..names.len()).collect();
        let mut turned = order.clone();
        turned.rotate_left(seed % names.len());
        let sets = |health: &Health| {
            let ids = |c: &Cluster| c.clients.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>();
            (health.score(), health.clusters.iter().map(ids).collect::<BTreeSet<_>>())
        };
        let (a, b) = (judged(&clients(&text(&order)), &[]), judged(&clients(&text(&turned)), &[]));
        proptest::prop_assert_eq!(sets(&a), sets(&b));
    }
}
