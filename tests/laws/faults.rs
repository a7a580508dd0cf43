//! Law 1 can fail: a fault of arithmetic between reading and placing a row makes the run fail, says which
//! file is out, and leaves everything as it was.

use proptest::prelude::*;
use trueup::engine::{Fault, Unbalanced};

use super::plan::{Plan, book};
use super::run::{Book, Outputs, PLAIN, Way, lineage, outputs_at};

const FAULTS: &[Fault] =
    &[Fault::LoseRow, Fault::DoubleRow, Fault::ChangeQuantity, Fault::ChangeCost, Fault::WrongFile];

fn is_found(book: &Book, fault: Fault, before: &Outputs) {
    // One thread, so that one row is struck: two faults could undo one another.
    let way = Way { threads: 1, fault: Some(fault), ..PLAIN };
    let error = book.run(way).expect_err("a faulty run fails");
    assert!(error.downcast_ref::<Unbalanced>().is_some(), "{fault:?}: {error:?}");
    let text = error.to_string();
    assert!(book.usage.iter().any(|f| text.contains(&f.source)), "{fault:?} names the file: {text}");
    assert_eq!(&outputs_at(&book.root()), before, "{fault:?} leaves the outputs as they were");
    let out = std::fs::read_dir(book.root().join("out")).expect("readable");
    let left: Vec<String> = out.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| name == ".lock" || name == super::plan::PERIOD), "{fault:?} left {left:?}");
}

fn holds(plan: &Plan) {
    let book = Book::undecided(plan);
    let readable = book.usage.iter().flat_map(super::files::UsageFile::rows).filter(|(_, held)| !held.rejected).count();
    assert!(readable > 0, "every file begins with a row that can be read");
    let faults = FAULTS.iter().filter(|f| **f != Fault::WrongFile || book.usage.len() > 1);
    for fault in faults.clone() {
        is_found(&book, *fault, &Outputs::new());
    }
    let outputs = book.outputs();
    assert!(!lineage(&outputs).is_empty());
    for fault in faults {
        is_found(&book, *fault, &outputs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::cases(8) })]

    #[test]
    fn a_fault_between_reading_and_placing_is_found(plan in book()) {
        holds(&plan);
    }
}
