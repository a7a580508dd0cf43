//! Bundles: products that are sold as one and cover units of others. Rows come from `map/bundles.csv` or from a
//! PSA that keeps bundles itself; both are put together here, and what cannot be meant is named and left out.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::cells::{Cells, FLAGS, has_columns, report_unknown_columns};
use super::psa::{ProductCode, Psa};
use crate::finding::{Code, Finding, Place};
use crate::ingest::Table;

/// The columns of `map/bundles.csv`, in order.
pub const BUNDLE_COLUMNS: &[&str] = &["bundle_code", "component_code", "quantity_per_bundle", "driver"];

/// One component of a bundle, as a mapping or a PSA states it.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleRow {
    pub bundle_code: ProductCode,
    pub component_code: ProductCode,
    /// Units of the component that one unit of the bundle covers; more than zero.
    pub quantity_per_bundle: Decimal,
    /// The component's units say how many bundles there are; those of several drivers add up.
    pub driver: bool,
    /// `false` where the row cannot be read in full: what its bundle covers is then not all known.
    pub usable: bool,
    pub place: Place,
}

/// A component of a bundle that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    pub code: ProductCode,
    pub quantity: Decimal,
    pub driver: bool,
}

/// A bundle with its components in order of their codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    pub code: ProductCode,
    pub components: Vec<Component>,
    /// A row of it that could not be used: more may be covered than is known.
    pub left_out: Option<Place>,
}

/// Every bundle of the book, by the key of its code.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bundles {
    by_code: BTreeMap<String, Bundle>,
}

impl Bundles {
    /// Puts rows together. Those of `map/bundles.csv` stand for a bundle instead of the PSA's own. A bundle in a
    /// bundle, a code that the PSA does not have and rows that disagree are left out, each with its place.
    pub fn assemble(mapped: &[BundleRow], psa: &Psa) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let own: BTreeSet<String> = mapped.iter().map(|r| r.bundle_code.key()).collect();
        let rows: Vec<&BundleRow> =
            psa.bundles.iter().filter(|r| !own.contains(&r.bundle_code.key())).chain(mapped).collect();
        let names: BTreeSet<String> = rows.iter().map(|r| r.bundle_code.key()).collect();
        let products: BTreeSet<String> = psa.products.iter().map(|p| p.code.key()).collect();
        let sold: BTreeSet<String> = psa.contract_lines.iter().map(|l| l.product_code.key()).collect();
        let contradicted = contradicted(&rows, &mut findings);

        let mut by_code: BTreeMap<String, Bundle> = BTreeMap::new();
        for row in rows {
            let (key, component) = (row.bundle_code.key(), row.component_code.key());
            if key.is_empty() {
                continue;
            }
            if !products.contains(&key) && !sold.contains(&key) {
                findings.push(missing("bundle", &row.bundle_code, &row.place));
                continue;
            }
            let bundle = by_code.entry(key.clone()).or_insert_with(|| Bundle {
                code: row.bundle_code.clone(),
                components: Vec::new(),
                left_out: None,
            });
            let usable = if !row.usable || contradicted.contains(&(key, component.clone())) {
                false
            } else if names.contains(&component) {
                let message = format!(
                    "{} is itself a bundle, and a bundle in a bundle is left out; name its components instead",
                    row.component_code
                );
                findings
                    .push(Finding::new(Code::I111, message).at(row.place.clone()).value(row.component_code.as_str()));
                false
            } else if !products.contains(&component) {
                findings.push(missing("component", &row.component_code, &row.place));
                false
            } else {
                true
            };
            if !usable {
                bundle.left_out = bundle.left_out.take().into_iter().chain([row.place.clone()]).min();
            } else if bundle.components.iter().all(|c| c.code.key() != component) {
                bundle.components.push(Component {
                    code: row.component_code.clone(),
                    quantity: row.quantity_per_bundle,
                    driver: row.driver,
                });
            }
        }
        for bundle in by_code.values_mut() {
            bundle.components.sort_by_key(|c| c.code.key());
        }
        (Self { by_code }, findings)
    }

    pub fn get(&self, code: &ProductCode) -> Option<&Bundle> {
        self.by_code.get(&code.key())
    }

    /// In order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = &Bundle> {
        self.by_code.values()
    }
}

/// Bundle and component of rows that say different things; equal rows are named and mean one.
fn contradicted(rows: &[&BundleRow], findings: &mut Vec<Finding>) -> BTreeSet<(String, String)> {
    let mut first: BTreeMap<(String, String), &BundleRow> = BTreeMap::new();
    let mut out = BTreeSet::new();
    for row in rows.iter().filter(|r| r.usable) {
        let key = (row.bundle_code.key(), row.component_code.key());
        let Some(before) = first.get(&key) else {
            first.insert(key, row);
            continue;
        };
        let same = before.quantity_per_bundle == row.quantity_per_bundle && before.driver == row.driver;
        let finding = if same {
            Finding::new(Code::T201, format!("the component stands at {} already, word for word", before.place))
        } else {
            out.insert(key);
            let message = format!("this row and {} name one component of a bundle and disagree", before.place);
            Finding::new(Code::M308, message)
        };
        findings.push(finding.at(row.place.clone()).value(row.component_code.as_str()));
    }
    out
}

fn missing(what: &str, code: &ProductCode, place: &Place) -> Finding {
    let message = format!("the {what} is a product that the PSA does not have, and the row is left out");
    Finding::new(Code::M304, message).at(place.clone()).value(code.as_str())
}

/// The rows of `map/bundles.csv`, in file order.
pub fn load_bundles(table: &Table) -> (Vec<BundleRow>, Vec<Finding>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    report_unknown_columns(table, BUNDLE_COLUMNS, &mut findings);
    if !table.rows.is_empty() && !has_columns(table, &["bundle_code", "component_code"], &mut findings) {
        return (rows, findings);
    }
    for row in &table.rows {
        let mut cells = Cells::new(table, row, &mut findings);
        let bundle_code = ProductCode::new(cells.required("bundle_code"));
        let component_code = ProductCode::new(cells.required("component_code"));
        let quantity = cells.number("quantity_per_bundle");
        if quantity.is_some_and(|q| q <= Decimal::ZERO) {
            let message = "quantity_per_bundle must be above zero, and the row is left out";
            cells.refuse(Code::I105, "quantity_per_bundle", message);
        }
        let driver = cells.word("driver", FLAGS, false);
        rows.push(BundleRow {
            bundle_code,
            component_code,
            quantity_per_bundle: quantity.filter(|q| *q > Decimal::ZERO).unwrap_or(Decimal::ONE),
            driver,
            usable: cells.usable(),
            place: Place::line(table.source.clone(), row.line),
        });
    }
    (rows, findings)
}

#[cfg(test)]
mod tests {
    use super::super::{load_psa, small_table};
    use super::*;
    use crate::format::TableKind;

    fn assembled(text: &str) -> (Bundles, Vec<String>) {
        let products = small_table("psa/products.csv", "product_code,name\nSEAT,Seat\nEDR,Agent\nMAIL,Box\nALL,All\n");
        let (psa, _) = load_psa(&[(TableKind::Products, products)]);
        let (rows, mut findings) = load_bundles(&small_table("map/bundles.csv", text));
        let (bundles, more) = Bundles::assemble(&rows, &psa);
        findings.extend(more);
        (bundles, findings.iter().map(ToString::to_string).collect())
    }

    fn shown(bundles: &Bundles) -> Vec<String> {
        let one = |b: &Bundle| {
            let parts =
                b.components.iter().map(|c| format!("{}x{}{}", c.quantity, c.code, if c.driver { "!" } else { "" }));
            format!("{}={}{}", b.code, parts.collect::<Vec<_>>().join("+"), if b.left_out.is_some() { "?" } else { "" })
        };
        bundles.iter().map(one).collect()
    }

    #[test]
    fn a_bundle_has_its_components_in_order_and_one_of_each_unless_it_says_so() {
        let (bundles, said) =
            assembled("bundle_code,component_code,quantity_per_bundle,driver\nSEAT,MAIL,2.5,\nseat,EDR,,yes\n");
        assert_eq!((shown(&bundles), said), (vec!["SEAT=1xEDR!+2.5xMAIL".to_string()], vec![]));
    }

    #[test]
    fn what_cannot_be_meant_is_named_and_leaves_the_bundle_incomplete() {
        for (rows, bundles, finding) in [
            (
                "ALL,SEAT,1,\nSEAT,EDR,1,",
                "ALL=?|SEAT=1xEDR",
                "map/bundles.csv:2: error[I111 missing-value]: SEAT is itself",
            ),
            ("SEAT,SEAT,1,", "SEAT=?", "map/bundles.csv:2: error[I111 missing-value]: SEAT is itself"),
            (
                "SEAT,NONE,1,\nSEAT,EDR,1,",
                "SEAT=1xEDR?",
                "map/bundles.csv:2: error[M304 mapped-to-missing]: the component",
            ),
            ("NONE,EDR,1,", "", "map/bundles.csv:2: error[M304 mapped-to-missing]: the bundle"),
            ("SEAT,EDR,0,", "SEAT=?", "map/bundles.csv:2:3: error[I105 bad-number]: quantity_per_bundle must be"),
            ("SEAT,EDR,-1,", "SEAT=?", "map/bundles.csv:2:3: error[I105 bad-number]: quantity_per_bundle must be"),
            ("SEAT,EDR,x,", "SEAT=?", "map/bundles.csv:2:3: error[I105 bad-number]"),
            ("SEAT,EDR,1,perhaps", "SEAT=?", "map/bundles.csv:2:4: error[I111 missing-value]"),
            ("SEAT,EDR,1,\nSEAT,edr,2,", "SEAT=?", "map/bundles.csv:3: error[M308 conflicting-mapping]: this row and"),
            ("SEAT,EDR,1,\nSEAT,EDR,1,", "SEAT=1xEDR", "map/bundles.csv:3: info[T201 duplicate-row]: the component"),
            (",EDR,1,", "", "map/bundles.csv:2:1: error[I111 missing-value]"),
            ("SEAT,,1,", "SEAT=?", "map/bundles.csv:2:2: error[I111 missing-value]"),
        ] {
            let text = format!("bundle_code,component_code,quantity_per_bundle,driver\n{rows}\n");
            let (found, said) = assembled(&text);
            assert_eq!(shown(&found).join("|"), bundles, "{rows}");
            assert_eq!(said.len(), 1, "{rows}: {said:?}");
            assert!(said[0].starts_with(finding), "{rows}: {said:?}");
        }
    }

    #[test]
    fn the_mapping_stands_for_the_bundle_of_the_psa() {
        let products = small_table("psa/products.csv", "product_code,name\nSEAT,Seat\nEDR,Agent\nMAIL,Box\nALL,All\n");
        let (mut psa, _) = load_psa(&[(TableKind::Products, products)]);
        let of = |text: &str| load_bundles(&small_table("b.csv", text)).0;
        psa.bundles = of("bundle_code,component_code\nSEAT,EDR\nALL,EDR\n");
        let (bundles, said) = Bundles::assemble(&of("bundle_code,component_code\nSEAT,MAIL\n"), &psa);
        assert_eq!((shown(&bundles).join("|").as_str(), said.len()), ("ALL=1xEDR|SEAT=1xMAIL", 0));
    }
}
