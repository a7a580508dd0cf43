use super::*;
use crate::book::{ClientId, ContractId, ContractLineId, ProductCode};
use crate::finding::Place;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn d(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

fn line(id: &str, product: &str, effective: Option<&str>) -> ContractLine {
    ContractLine {
        id: ContractLineId::new(id),
        contract_id: ContractId::new("31"),
        product_code: ProductCode::new(product),
        description: "Care, \"all\"".into(),
        quantity: d("12"),
        included_quantity: Some(d("2")),
        unit_price: Some(d("26.4")),
        effective_date: effective.map(day),
        taxable: "true".into(),
        place: Place::line("psa/lines.json", 4),
        ..ContractLine::default()
    }
}

fn change(line: &ContractLine, new: &str) -> QuantityChange {
    QuantityChange {
        contract_id: line.contract_id.clone(),
        contract_line_id: line.id.clone(),
        client_id: ClientId::new("250"),
        product_code: line.product_code.clone(),
        old_quantity: line.quantity,
        new_quantity: d(new),
        effective_date: day("2026-10-01"),
        discrepancy_id: "d1".into(),
    }
}

/// The rows of the file that is written, and what was said.
fn written(name: PsaName, lines: &[(ContractLine, &str)], edges: &ProrationConfig) -> (Vec<String>, Vec<String>) {
    let changes: Vec<QuantityChange> = lines.iter().map(|(l, new)| change(l, new)).collect();
    let psa = Psa { contract_lines: lines.iter().map(|(l, _)| l.clone()).collect(), ..Psa::default() };
    let (changes, findings) = psa_changes(name, &changes, &psa, edges).expect("fits");
    let folder = tempfile::tempdir().expect("a folder");
    write_psa_changes(folder.path(), &changes).expect("written");
    let entry = fs_err::read_dir(folder.path()).expect("a folder").next().expect("a file").expect("a file");
    let text = fs_err::read_to_string(entry.path()).expect("text");
    (text.lines().skip(1).map(str::to_string).collect(), findings.iter().map(ToString::to_string).collect())
}

#[test]
fn an_addition_in_force_is_cancelled_and_another_takes_its_place() {
    let old = line("901", "M365-BP", Some("2025-01-01"));
    let (rows, said) = written(PsaName::ConnectWise, &[(old.clone(), "14")], &ProrationConfig::default());
    assert_eq!(
        rows,
        [
            "31,901,,M365-BP,,,,,,,,,2026-09-30,12,14,d1",
            "31,,901,M365-BP,\"Care, \"\"all\"\"\",14,2,26.4,,Billable,true,2026-10-01,,12,14,d1",
        ]
    );
    assert!(said.is_empty());
    // Where neither edge day counts, the dates are the days before and after.
    let edges =
        ProrationConfig { include_effective_day: false, include_cancelled_day: false, ..ProrationConfig::default() };
    let (rows, _) = written(PsaName::ConnectWise, &[(old.clone(), "14")], &edges);
    assert!(rows[0].contains(",2026-10-01,12,") && rows[1].contains(",2026-09-30,,12,"), "{rows:?}");
    // Nothing left: it is cancelled alone.
    assert_eq!(written(PsaName::ConnectWise, &[(old, "0")], &edges).0.len(), 1);
}

#[test]
fn an_addition_that_begins_with_the_change_is_patched() {
    let (rows, _) = written(
        PsaName::ConnectWise,
        &[(line("902", "EDR", Some("2026-10-15")), "3"), (line("901", "EDR", None), "1")],
        &ProrationConfig::default(),
    );
    assert_eq!(rows.len(), 3);
    assert!(rows[0].starts_with("31,901,,EDR,") && rows[1].starts_with("31,,901,EDR,"), "{rows:?}");
    assert_eq!(rows[2], "31,902,,EDR,,3,,,,,,,,12,3,d1");
}

#[test]
fn an_adjustment_is_the_difference_in_whole_units_of_a_service_or_a_bundle() {
    let (rows, said) = written(
        PsaName::Autotask,
        &[
            (line("bundle-501", "bundle-7", None), "10"),
            (line("501", "7", None), "15"),
            (line("502", "8", None), "12.5"),
        ],
        &ProrationConfig::default(),
    );
    assert_eq!(rows, ["31,501,7,,,2026-10-01,3,12,15,d1", "31,,,501,7,2026-10-01,-2,12,10,d1"]);
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("psa/lines.json:4: warning[I105") && said[0].contains("would change by 0.5"),
        "{said:?}"
    );
}

#[test]
fn a_line_of_a_recurring_invoice_gets_its_new_quantity_and_a_stretch_its_lines_id() {
    let stretch = line("501@2026-10-15", "7", None);
    let (rows, _) = written(PsaName::HaloPsa, &[(stretch, "2.5")], &ProrationConfig::default());
    assert_eq!(rows, ["31,501,7,2.5,12,2026-10-01,d1"]);
}

#[test]
fn a_line_without_an_id_of_the_psas_is_said_and_left_out() {
    for name in [PsaName::ConnectWise, PsaName::Autotask, PsaName::HaloPsa] {
        let (rows, said) = written(name, &[(line("A1-04", "EDR", None), "3")], &ProrationConfig::default());
        assert!(rows.is_empty(), "{rows:?}");
        assert!(said[0].contains("warning[I111") && said[0].contains("quantity_changes.csv alone"), "{said:?}");
    }
}
