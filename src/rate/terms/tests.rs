use super::*;

fn d(s: &str) -> Decimal {
    Decimal::from_str_exact(s).expect("a decimal")
}

fn per_unit(price: &str) -> Terms {
    Terms { unit_price: Some(d(price)), currency: Currency::parse("USD").expect("a code"), ..Terms::default() }
}

fn whole(quantity: &str, terms: &Terms) -> Rated {
    rate(d(quantity), terms, Share::WHOLE).expect("rates")
}

#[test]
fn per_unit_is_rounded_once_per_line() {
    let rated = whole("55", &per_unit("4.675"));
    assert_eq!(rated.amount.to_string(), "257.13");
    assert_eq!(rated.residue.to_string(), "0.005");
    assert_eq!(rated.unit_price, Some(d("4.675")));
}

#[test]
fn an_impact_is_the_difference_of_two_rounded_lines() {
    let terms = per_unit("4.675");
    assert_eq!(apart(&whole("60", &terms), &whole("55", &terms)), Ok(d("23.37")));
}

#[test]
fn included_units_come_off_after_the_bounds() {
    let terms = Terms {
        included_quantity: Some(d("5")),
        minimum_quantity: Some(d("8")),
        maximum_quantity: Some(d("20")),
        ..per_unit("2")
    };
    assert_eq!(whole("3", &terms).quantity, d("3"));
    assert_eq!(whole("12", &terms).quantity, d("7"));
    assert_eq!(whole("99", &terms).quantity, d("15"));
}

#[test]
fn included_and_overage_add_up_to_the_total() {
    // 1,250 GB with 1,000 included at 0.20: 250 billed, 50.00.
    let terms = Terms { included_quantity: Some(d("1000")), ..per_unit("0.20") };
    let rated = whole("1250", &terms);
    assert_eq!((rated.quantity, rated.amount), (d("250"), d("50.00")));
}

#[test]
fn a_discount_comes_before_the_maximum_and_the_minimum_after_rounding() {
    let terms = Terms { discount_percent: Some(d("10")), maximum_amount: Some(d("100")), ..per_unit("10") };
    assert_eq!(whole("11", &terms).amount, d("99.00"));
    assert_eq!(whole("11", &terms).unit_price, Some(d("9")));
    assert_eq!(whole("20", &terms).amount, d("100.00"));
    assert_eq!(whole("20", &terms).unit_price, None);
    let floor = Terms { minimum_amount: Some(d("1000")), ..per_unit("9") };
    assert_eq!(whole("100", &floor).minimum_shortfall, d("100.00"));
}

#[test]
fn a_flat_fee_is_one_price_and_nothing_at_zero_units() {
    let terms = Terms { model: PricingModel::Flat, ..per_unit("703") };
    assert_eq!(whole("1", &terms).amount, d("703.00"));
    assert_eq!(whole("7", &terms).amount, d("703.00"));
    assert_eq!(whole("7", &terms).unit_price, None);
    assert_eq!(whole("0", &terms).amount, d("0.00"));
}

#[test]
fn proration_multiplies_before_it_divides() {
    let rated = rate(d("10"), &per_unit("9.99"), Share { active: 14, of: 31 }).expect("rates");
    // 99.90 × 14 ÷ 31 = 45.116129…
    assert_eq!(rated.amount.to_string(), "45.12");
    assert_eq!(rated.unit_price, None);
    assert_eq!(rated.residue.to_string(), "0.003870967742");
}

#[test]
fn without_a_price_there_is_no_amount() {
    assert_eq!(rate(d("1"), &Terms::default(), Share::WHOLE), Err(RateError::PriceUnknown));
}

fn tiers(rows: &[(&str, &str, &str)]) -> Vec<Tier> {
    let cell = |s: &str| (!s.is_empty()).then(|| d(s));
    let tier = |(up_to, unit, flat): &(&str, &str, &str)| Tier {
        up_to: cell(up_to),
        unit_price: cell(unit),
        flat_amount: cell(flat),
    };
    rows.iter().map(tier).collect()
}

#[test]
fn digits_are_kept_until_the_one_rounding() {
    // 15 decimals on both sides: 1234567.000000000000001 × 0.000000012345678 = 0.0152415366…
    let yen = Terms { currency: Currency::parse("CLF").expect("a code"), ..per_unit("0.000000012345678") };
    let rated = whole("1234567.000000000000001", &yen);
    assert_eq!(rated.amount.to_string(), "0.0152");
    assert_eq!(rated.derivation.price.to_string(), "0.015241566651426000000012345678");
    assert_eq!(rated.residue.to_string(), "-0.0000415666514260000000123457");
    // Just above a half cent, thirty places down: a product that drops digits would round it to even.
    let price = Terms { rounding: Rounding::HalfEven, ..per_unit("1.000000000000001") };
    let rated = whole("0.125000000000000", &price);
    assert_eq!(rated.amount.to_string(), "0.13");
    let wide = whole("7922816251426433759354395.033", &per_unit("0.0000000000000000000001"));
    assert_eq!(wide.amount.to_string(), "792.28");
}

#[test]
fn an_amount_past_all_digits_is_refused() {
    let rated = rate(Decimal::MAX, &per_unit("1000"), Share::WHOLE);
    assert_eq!(rated, Err(RateError::Overflow(crate::rate::Overflow)));
}

#[test]
fn a_tiered_price_of_one_slice_has_a_unit_price() {
    let rows = tiers(&[("1000", "0.10", ""), ("", "0.08", "")]);
    let volume = Terms { model: PricingModel::Volume, tiers: rows.clone(), ..per_unit("9") };
    assert_eq!(whole("2500", &volume).unit_price, Some(d("0.08")));
    let graduated = Terms { model: PricingModel::Graduated, tiers: rows, ..per_unit("9") };
    assert_eq!(whole("1000", &graduated).unit_price, Some(d("0.1")));
    assert_eq!(whole("1001", &graduated).unit_price, None);
    let with_fee = Terms { tiers: tiers(&[("", "0.08", "5")]), ..volume };
    assert_eq!(whole("10", &with_fee).unit_price, None);
}

#[test]
fn included_units_come_off_before_tiers_and_packages() {
    let package = Terms {
        model: PricingModel::Package,
        package_size: Some(d("10")),
        included_quantity: Some(d("100")),
        ..per_unit("15")
    };
    for (units, amount) in [("0", "0.00"), ("100", "0.00"), ("101", "15.00"), ("110", "15.00"), ("110.5", "30.00")] {
        assert_eq!(whole(units, &package).amount.to_string(), amount, "{units}");
    }
    let graduated = Terms {
        model: PricingModel::Graduated,
        tiers: tiers(&[("10", "2", ""), ("", "1", "")]),
        included_quantity: Some(d("5")),
        ..per_unit("9")
    };
    assert_eq!(whole("20", &graduated).amount, d("25.00"));
}

#[test]
fn a_discount_of_everything_leaves_the_minimum() {
    let terms = Terms { discount_percent: Some(d("100")), minimum_amount: Some(d("25")), ..per_unit("10") };
    let rated = whole("7", &terms);
    assert_eq!((rated.amount, rated.unit_price, rated.minimum_shortfall), (d("0.00"), Some(d("0")), d("25.00")));
}

#[test]
fn what_cannot_be_meant_is_not_priced() {
    let said = |terms: &Terms| rate(d("3"), terms, Share::WHOLE).expect_err("refused").to_string();
    assert_eq!(
        said(&Terms { minimum_quantity: Some(d("8")), maximum_quantity: Some(d("5")), ..per_unit("1") }),
        "its terms contradict themselves: maximum_quantity 5 is below minimum_quantity 8"
    );
    let tiered = Terms { model: PricingModel::Volume, ..per_unit("1") };
    assert_eq!(said(&tiered), "it is priced by tiers, and has none");
    assert_eq!(
        said(&Terms { tiers: tiers(&[("2", "1", "")]), ..tiered }),
        "no tier holds 3 units; give the last tier an empty up_to"
    );
    let package = Terms { model: PricingModel::Package, ..per_unit("1") };
    assert_eq!(said(&package), "it is priced by the package, and has no package_size");
    let marked_up = Terms { model: PricingModel::CostPlus, ..per_unit("1") };
    assert_eq!(said(&marked_up), "it is priced by its cost, and no unit cost is known");
}

#[test]
fn with_included_units_the_total_and_the_overage_are_told_apart() {
    // F14: 1,250 GB used of a plan that includes 1,000: the total stays 1,250, 250 are billed, at 0.20.
    let terms = Terms { included_quantity: Some(d("1000")), ..per_unit("0.20") };
    let how = whole("1250", &terms).derivation;
    assert_eq!((how.units, how.included, how.billed), (d("1250"), d("1000"), d("250")));
    let how = whole("999", &terms).derivation;
    assert_eq!((how.units, how.included, how.billed), (d("999"), d("999"), d("0")));
}
