//! Goldens of the report.

use anstream::adapter::strip_str;

use super::*;

fn report(summary: &Summary, discrepancies: &[Discrepancy], verdicts: &[VerdictRow]) -> String {
    let text = Report { summary, discrepancies, verdicts, folder: "out/2026-10" }.text();
    strip_str(&text).to_string()
}

#[test]
fn a_messy_month_reads_well() {
    let text = report(&sample::summary(), &sample::discrepancies(), &sample::verdicts());
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    assert_eq!(
        text,
        "\
2026-10 discrepant
  6 discrepancies in 58 lines compared

                                EUR           USD
  invoiced                 1,000.00  1,234,567.89
  to recover from clients      0.00      1,645.00
  to give back to clients      0.00         22.50
  to dispute with vendors      0.00          0.00
  cost not mapped              3.00        120.40
  cost of rejected rows        0.00         12.00

  line items    52 ready, 4 in review, 2 held
  usage rows    1,204 in 5 files: 1,100 billed, 40 covered, 60 unmapped, 4
                rejected
  unmapped      3 accounts, 1 product, costing 3.00 EUR and 120.40 USD
  rejected      4 rows, costing 12.00 USD
  not compared  Datto: no export for 2026-10

The 5 largest of 6 open discrepancies (contract → metered)
  1,600.00 USD  recover    not-on-contract    Northwind   Exchange   - → 12.5
                                              Traders of  Online
                                              …           Plan 1
     45.00 USD  recover    under-billed       Acme        Business   10 → 12.5
                                                          Premium
     22.50 USD  give back  over-billed        Umbra       Keeper     - → 12.5
                                                          Business
      3.00 USD             below-cost         Vega        Backup     - → 12.5
      1.00 USD  dispute    vendor-overcharge  Vega        Backup     - → 12.5

Outputs are in out/2026-10

What to do next
  1.  Complete what is missing for Datto: no export for 2026-10.
  2.  Correct 4 rows: rejects.csv names file, line and value.
  3.  Add 3 accounts to map/accounts.csv: unmapped.csv has suggestions.
  4.  Add 1 product to map/products.csv: unmapped.csv lists it.
  5.  Look at 6 discrepancies in discrepancies.csv, sorted by impact: change
      the PSA as quantity_changes.csv says, or answer in decisions.csv.
  6.  Run trueup reconcile again.
"
    );
}

#[test]
fn a_clean_month_is_short() {
    let mut summary = sample::summary();
    summary.verdict = trueup::emit::VerdictWord { word: Verdict::Ok, reason: String::new() };
    summary.counts.unmapped = trueup::emit::UnmappedCounts::default();
    summary.counts.buckets.insert("rejected", 0);
    summary.money.truncate(1);
    summary.money[0].unmapped_cost = Decimal::ZERO;
    let text = report(&summary, &[], &[]);
    assert_eq!(
        text,
        "\
2026-10 ok

                                EUR
  invoiced                 1,000.00
  to recover from clients      0.00
  to give back to clients      0.00
  to dispute with vendors      0.00

  line items  52 ready, 4 in review, 2 held
  usage rows  1,204 in 5 files: 1,100 billed, 40 covered, 60 unmapped

Outputs are in out/2026-10

What to do next
  1.  Hand on invoice_lines.csv: its lines with status ready can be billed.
"
    );
}

#[test]
fn thousands_are_set_apart_and_signs_kept() {
    assert_eq!(grouped("-1234567.8900"), "-1,234,567.8900");
    assert_eq!(grouped("123"), "123");
    assert_eq!(grouped("-123.4"), "-123.4");
}

#[test]
fn settled_discrepancies_are_not_open() {
    let mut d = sample::discrepancies().remove(0);
    assert!(is_open(&d));
    d.decision = Some(trueup::book::DecisionKind::Dismiss);
    assert!(!is_open(&d));
    d.decision = None;
    d.severity = Severity::Info;
    assert!(!is_open(&d));
}

#[test]
fn the_verdict_is_styled_and_no_table_is() {
    let (summary, discrepancies) = (sample::summary(), sample::discrepancies());
    let text = Report { summary: &summary, discrepancies: &discrepancies, verdicts: &[], folder: "out" }.text();
    let styled: Vec<_> = text.lines().filter(|l| l.contains('\u{1b}')).collect();
    assert_eq!(styled.len(), 3, "verdict and two titles: {styled:?}");
}
