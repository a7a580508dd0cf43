use super::*;
use crate::rate::{Terms, Tier, rate};

fn d(s: &str) -> Decimal {
    Decimal::from_str_exact(s).expect("a decimal")
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a code")
}

fn tier(up_to: &str, unit: &str, flat: &str) -> Tier {
    let cell = |s: &str| (!s.is_empty()).then(|| d(s));
    Tier { up_to: cell(up_to), unit_price: cell(unit), flat_amount: cell(flat) }
}

fn terms(model: PricingModel) -> Terms {
    Terms { model, currency: usd(), ..Terms::default() }
}

fn said(units: &str, terms: &Terms, share: Share) -> String {
    rate(d(units), terms, share).expect("priced").derivation.words(usd())
}

fn whole(units: &str, terms: &Terms) -> String {
    said(units, terms, Share::WHOLE)
}

#[test]
fn slices_are_said_with_what_each_costs() {
    let tiers = vec![tier("1000", "0.10", ""), tier("", "0.085", "20")];
    let graduated = Terms { tiers: tiers.clone(), ..terms(PricingModel::Graduated) };
    assert_eq!(whole("2500", &graduated), "1000 at 0.10 = 100.00, 1500 at 0.085 and 20.00 = 147.50");
    let volume = Terms { tiers, ..terms(PricingModel::Volume) };
    assert_eq!(whole("2500.5", &volume), "2500.5 at 0.085 and 20.00 = 232.5425");
    assert_eq!(whole("0", &volume), "");
}

#[test]
fn steps_fees_and_packages_are_said() {
    let steps = vec![tier("10", "", "50"), tier("20", "", "100"), tier("", "", "150")];
    let stairstep = Terms { tiers: steps.clone(), ..terms(PricingModel::Stairstep) };
    assert_eq!(whole("11", &stairstep), "100.00 for 11");
    let stacked = Terms { tiers: steps, ..terms(PricingModel::StackedStairstep) };
    assert_eq!(whole("11", &stacked), "50.00 for 10, 100.00 for 1");
    let package = Terms { unit_price: Some(d("15")), package_size: Some(d("10")), ..terms(PricingModel::Package) };
    assert_eq!(whole("21", &package), "3 × 10 at 15.00 = 45.00");
    assert_eq!(whole("0", &package), "");
    let flat = Terms { unit_price: Some(d("703")), ..terms(PricingModel::Flat) };
    assert_eq!(whole("7", &flat), "flat 703.00");
}

#[test]
fn every_step_around_the_model_is_said_in_its_order() {
    let line = Terms {
        unit_cost: Some(d("8")),
        markup_percent: Some(d("25")),
        minimum_quantity: Some(d("30")),
        included_quantity: Some(d("5")),
        discount_percent: Some(d("10")),
        maximum_amount: Some(d("200")),
        ..terms(PricingModel::CostPlus)
    };
    assert_eq!(
        said("3", &line, Share { active: 14, of: 31 }),
        "at least 30 units; 5 included; cost 8.00 and 25 %; 25 at 10.00 = 250.00; less 10 %; at most 200.00; 14 of 31 \
         days"
    );
    let surcharge = Terms { unit_price: Some(d("1")), discount_percent: Some(d("-5")), ..terms(PricingModel::PerUnit) };
    assert_eq!(whole("2", &surcharge), "2 at 1.00 = 2.00; plus 5 %");
    let most = Terms { unit_price: Some(d("1")), maximum_quantity: Some(d("2")), ..terms(PricingModel::PerUnit) };
    assert_eq!(whole("3", &most), "at most 2 units; 2 at 1.00 = 2.00");
}

#[test]
fn as_data_every_number_is_text_and_steps_that_changed_nothing_are_left_out() {
    let tiers = vec![tier("1000", "0.10", ""), tier("", "0.08", "20")];
    let line = Terms {
        tiers,
        included_quantity: Some(d("100")),
        minimum_amount: Some(d("500")),
        discount_percent: Some(d("10")),
        ..terms(PricingModel::Graduated)
    };
    let how = rate(d("1600"), &line, Share { active: 10, of: 30 }).expect("priced").derivation;
    let expected = r#"{
  "model": "graduated",
  "units": "1600",
  "included": "100",
  "billed": "1500",
  "slices": [
    {
      "above": "0",
      "up_to": "1000",
      "units": "1000",
      "unit_price": "0.1",
      "amount": "100"
    },
    {
      "above": "1000",
      "up_to": "1500",
      "units": "500",
      "unit_price": "0.08",
      "flat_amount": "20",
      "amount": "60"
    }
  ],
  "price": "160",
  "discount": {
    "percent": "10",
    "amount": "16"
  },
  "proration": {
    "active": 10,
    "of": 30
  },
  "amount": "48",
  "residue": "0",
  "minimum": {
    "minimum_amount": "500",
    "shortfall": "452"
  }
}"#;
    assert_eq!(serde_json::to_string_pretty(&how).expect("JSON"), expected);
    let bare = rate(d("3"), &Terms { unit_price: Some(d("2")), ..terms(PricingModel::PerUnit) }, Share::WHOLE);
    let text = serde_json::to_string(&bare.expect("priced").derivation).expect("JSON");
    assert_eq!(
        text,
        r#"{"model":"per_unit","units":"3","billed":"3","slices":[{"above":"0","up_to":"3","units":"3","unit_price":"2","amount":"6"}],"price":"6","amount":"6","residue":"0"}"#
    );
    let bounded = rate(
        d("3"),
        &Terms { minimum_quantity: Some(d("4")), unit_price: Some(d("2")), ..Terms::default() },
        Share::WHOLE,
    );
    let text = serde_json::to_string(&bounded.expect("priced").derivation).expect("JSON");
    assert!(text.contains(r#""bound":{"minimum_quantity":"4"}"#), "{text}");
}
