//! Law 4, deterministic, and law 9, re-running is safe: the same book gives the same bytes on any number of
//! threads, with rows in memory or spilled, in any folder, however often.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::plan::{PERIOD, Plan, book};
use super::run::{Book, Outputs, PLAIN, Way, outputs_at, run_at};

/// Compares file by file, so that a failure shows the file and not all bytes of all.
pub fn same(found: &Outputs, expected: &Outputs, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in expected {
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        if found[name] != *bytes {
            assert_eq!(show(&found[name]), show(bytes), "{what}: {name}");
            panic!("{what}: {name} differs in bytes that are no text");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn holds(plan: &Plan) {
    let book = Book::new(plan);
    let first = book.outputs();
    for (threads, memory) in [(1, 512 << 20), (1, 1), (2, 512 << 20), (5, 1), (5, 512 << 20)] {
        book.run(Way { threads, memory, fault: None }).expect("the book reconciles");
        same(&outputs_at(&book.root()), &first, &format!("{threads} threads, {memory} bytes of memory"));
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    let root = elsewhere.path().join("another place").join("of another name");
    copy(&book.root(), &root);
    std::fs::remove_dir_all(root.join("out")).expect("removed");
    run_at(&root, PLAIN).expect("the book reconciles");
    same(&outputs_at(&root), &first, "in another folder");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::cases(16) })]

    #[test]
    fn the_same_book_gives_the_same_bytes(plan in book()) {
        holds(&plan);
    }
}

#[test]
fn the_working_directory_and_the_way_the_book_is_named_change_nothing() {
    let plan = book().new_tree(&mut TestRunner::deterministic()).expect("a book").current();
    let book = Book::new(&plan);
    let first = book.outputs();
    let root = book.root();
    let parent = root.parent().expect("a folder");
    let absolute = root.to_str().expect("text");
    for (cwd, named) in [(root.as_path(), "."), (parent, "book"), (parent, "book/../book/"), (Path::new("/"), absolute)]
    {
        std::fs::remove_dir_all(root.join("out")).expect("removed");
        let ran = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .current_dir(cwd)
            .args(["-q", "reconcile", "--period", PERIOD, "--book", named])
            .output()
            .expect("ran");
        assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
        same(&outputs_at(&root), &first, named);
    }
}

/// Many unmapped accounts and several SKUs of one product, and a vendor in two spellings: what is said of
/// them may name one, and must name the same one each time.
#[test]
fn of_many_that_could_be_named_the_same_one_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("psa/clients.csv", "client_id,name\nC1,One\n");
    write("psa/contracts.csv", "contract_id,client_id,name\nK1,C1,Agreement\n");
    write("psa/products.csv", "product_code,name,unit_price\nP1,Agent,2\nP2,Backup,3\n");
    write("psa/contract_lines.csv", "contract_line_id,contract_id,product_code,quantity\nL1,K1,P1,900\nL2,K1,P2,900\n");
    write("map/accounts.csv", "provider_name,sub_account_id,client_id\nHuntress,a0,C1\n");
    write("map/products.csv", "provider_name,sku_id,product_code\n,S0,P1\n,S1,P1\n,S2,P1\n,S3,P2\n");
    for file in 0..4 {
        let mut text = "provider_name,sub_account_id,sku_id,quantity\n".to_string();
        for row in 0..60 {
            let vendor = if (row + file) % 2 == 0 { "Huntress" } else { "huntress" };
            let _ = writeln!(text, "{vendor},a{},S{},{}", (row * 7 + file) % 30, row % 4, row + 1);
        }
        write(&format!("usage/{PERIOD}/{file}.csv"), &text);
    }
    run_at(dir.path(), PLAIN).expect("the book reconciles");
    let first = outputs_at(dir.path());
    let discrepancies = super::run::Table::read(&first, "discrepancies.csv");
    let messages = discrepancies.column("message").join("\n");
    assert!(messages.contains("the unmapped account \"a10\" of Huntress"), "{messages}");
    let verdicts = super::run::Table::read(&first, "verdicts.csv");
    assert_eq!(verdicts.column("scope").iter().filter(|s| **s == "provider").count(), 1, "one vendor, one verdict");
    for threads in [1, 5, 2, 5, 3, 5, 4, 5] {
        run_at(dir.path(), Way { threads, ..PLAIN }).expect("the book reconciles");
        same(&outputs_at(dir.path()), &first, &format!("{threads} threads"));
    }
}
