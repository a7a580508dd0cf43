//! Law 2, missing is not zero: without a vendor's exports nothing of that vendor has an impact, and no scope
//! is `ok` in which nothing was compared.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Plan, VENDORS, Vendor, book};
use super::run::{Book, Outputs, Table};

/// The plan with every product but the first mapped from this vendor alone. The first is a SKU by its own
/// code, which any vendor may sell.
pub fn only_from(plan: &Plan, vendor: Vendor) -> Plan {
    let mut plan = plan.clone();
    if plan.products.len() == 1 {
        plan.products.push(plan.products[0].clone());
    }
    for v in VENDORS {
        for (product, mapping) in plan.skus_mapped[*v as usize * 4..][..4].iter_mut().enumerate() {
            mapping.mapped = (product > 0) == (*v == vendor);
            mapping.then = None;
        }
    }
    plan
}

fn ok_needs_a_comparison(outputs: &Outputs) {
    let verdicts = Table::read(outputs, "verdicts.csv");
    assert!(verdicts.column("scope").contains(&"run"));
    for row in verdicts.rows.iter().filter(|r| verdicts.cell(r, "verdict") == "ok") {
        assert_ne!(verdicts.cell(row, "compared_lines"), "0", "{row:?}");
        assert_eq!(verdicts.cell(row, "discrepancies"), "0", "{row:?}");
    }
}

fn holds(plan: &Plan, vendor: Vendor) {
    let plan = &only_from(plan, vendor);
    let mut book = Book::new(plan);
    ok_needs_a_comparison(&book.outputs());

    let rest = book.usage.iter().filter(|f| f.vendor != vendor).cloned().collect();
    book.replace_usage(rest);
    let outputs = book.outputs();
    ok_needs_a_comparison(&outputs);
    let products: BTreeSet<String> = (1..plan.products.len()).map(|p| format!("P{p}")).collect();
    let discrepancies = Table::read(&outputs, "discrepancies.csv");
    for row in discrepancies.rows.iter().filter(|r| products.contains(discrepancies.cell(r, "product_code"))) {
        let code = discrepancies.cell(row, "code");
        assert!(!["R401", "R402", "R403", "R404", "R405", "R406"].contains(&code), "{row:?}");
        // A duplicate contract line and a price below cost are seen on the contract alone.
        if !["R407", "R409"].contains(&code) {
            assert_eq!(discrepancies.cell(row, "impact"), "", "{row:?}");
        }
    }
    let lines = Table::read(&outputs, "invoice_lines.csv");
    for row in lines.rows.iter().filter(|r| products.contains(lines.cell(r, "product_code"))) {
        assert_eq!(lines.cell(row, "metered_quantity"), "", "{row:?}");
    }
    let verdicts = Table::read(&outputs, "verdicts.csv");
    let own = verdicts.rows.iter().filter(|r| {
        verdicts.cell(r, "scope") == "provider" && verdicts.cell(r, "id").eq_ignore_ascii_case(vendor.name())
    });
    let mut seen = false;
    for row in own {
        seen = true;
        assert_eq!(verdicts.cell(row, "verdict"), "not_reconcilable", "{row:?}");
    }
    assert!(seen, "{} is expected, and so has a verdict", vendor.name());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::cases(30) })]

    #[test]
    fn a_vendor_without_exports_is_not_zero(plan in book(), of in 0..4usize) {
        let vendor = plan.files[of % plan.files.len()].vendor;
        holds(&plan, vendor);
    }
}
