use proptest::prelude::*;

use super::*;

fn d(s: &str) -> Decimal {
    Decimal::from_str_exact(s).expect("a decimal")
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a code")
}

fn charge(quantity: &str, unit_price: &str, rate: &str, stated: &str) -> Charge {
    let (quantity, unit_price, rate, stated) = (d(quantity), d(unit_price), d(rate), d(stated));
    let rate = (rate != Decimal::ONE).then_some(rate);
    Charge { quantity, unit_price, rate, stated, currency: usd() }
}

fn ways_at(quantity: &str, unit_price: &str, rate: &str, stated: &str) -> Vec<&'static str> {
    let charge = charge(quantity, unit_price, rate, stated);
    let long = VendorRounding::ALL.map(|rule| charge.is_explained_by(rule).expect("fits"));
    assert_eq!(charge.ways().0, long);
    VendorRounding::ALL.iter().zip(long).filter(|(_, way)| *way).map(|(r, _)| r.word()).collect()
}

fn ways(quantity: &str, unit_price: &str, stated: &str) -> Vec<&'static str> {
    ways_at(quantity, unit_price, "1", stated)
}

#[test]
fn each_way_explains_what_it_makes_and_nothing_else() {
    // 3 × 1.115 = 3.345
    assert_eq!(ways("3", "1.115", "3.345"), ["exact", "places_written"]);
    assert_eq!(ways("3", "1.115", "3.35"), ["nearest", "up"]);
    assert_eq!(ways("3", "1.115", "3.34"), ["down", "down_twice", "half_even", "floor"]);
    assert_eq!(ways("3", "1.115", "3.33"), ["unit_price_down"]);
    assert_eq!(ways("3", "1.115", "3.36"), ["unit_price_nearest"]);
    assert_eq!(ways("3", "1.115", "3.37"), [""; 0]);
    assert_eq!(ways("0.0123", "0.00549", "0.00006753"), ["places_written"]);
}

#[test]
fn digits_are_cut_toward_zero_on_refunds_too() {
    assert_eq!(ways("-3", "1.115", "-3.34"), ["down", "down_twice", "half_even"]);
    assert_eq!(ways("-3", "1.115", "-3.35"), ["nearest", "up", "floor"]);
    assert_eq!(ways("-3", "1.115", "-3.33"), ["unit_price_down"]);
}

#[test]
fn a_price_in_another_currency_is_charged_at_its_rate() {
    // 0.03825 × 100.5 = 3.844125; cut: 3.84. × 0.846202666 = 3.24941823744; uncut 3.252908836…
    assert_eq!(ways_at("100.5", "0.03825", "0.846202666", "3.24"), ["down_twice"]);
    assert_eq!(ways_at("100.5", "0.03825", "0.846202666", "3.25"), ["nearest", "down", "half_even", "floor"]);
    // Licences: ROUNDDOWN(10 × 0.846202666, 2) × 7 = 8.46 × 7; the product is 59.23418662.
    assert_eq!(ways_at("7", "10", "0.846202666", "59.22"), ["unit_price_down", "unit_price_nearest"]);
    assert_eq!(ways_at("7", "10", "0.846202666", "70.00"), [""; 0]);
}

#[test]
fn the_dinar_is_cut_to_cents_first_and_the_yen_to_none() {
    let ways = |code: &str, stated: &str| {
        let currency = Currency::parse(code).expect("a code");
        let charge = Charge { currency, ..charge("3", "1.1155", "1", stated) };
        let ways = charge.ways().0;
        assert_eq!(ways, VendorRounding::ALL.map(|rule| charge.is_explained_by(rule).expect("fits")));
        VendorRounding::ALL.iter().zip(ways).filter(|(_, w)| *w).map(|(r, _)| r.word()).collect::<Vec<_>>()
    };
    // 3.3465
    assert_eq!(ways("KWD", "3.340"), ["down_twice"]);
    assert_eq!(ways("KWD", "3.346"), ["down", "half_even", "floor"]);
    assert_eq!(
        ways("JPY", "3"),
        ["nearest", "down", "down_twice", "unit_price_down", "half_even", "unit_price_nearest", "floor"]
    );
}

#[test]
fn a_month_of_a_years_price_and_days_of_a_months_are_explained() {
    let mut check = CostCheck::default();
    // 3 × 100 ÷ 12 = 25; 1 × 100 ÷ 12 = 8.333…
    assert!(check.note(&charge("3", "100", "1", "25.00"), || [Part { is: 1, of: 12 }]));
    assert!(check.note(&charge("1", "100", "1", "8.33"), || [Part { is: 1, of: 12 }]));
    assert!(!check.note(&charge("1", "100", "1", "8.33"), || []));
    assert!(!check.note(&charge("1", "100", "1", "8.35"), || [Part { is: 1, of: 12 }]));
    assert_eq!((check.rows, check.unexplained, check.difference.to_string().as_str()), (4, 2, "-183.32"));
    // 10 × 18.70 × 20 ÷ 31 = 120.645…, and unit by unit 12.06 × 10.
    for stated in ["-120.65", "-120.60"] {
        assert!(check.note(&charge("-10", "18.70", "1", stated), || [Part { is: 20, of: 31 }]), "{stated}");
    }
    assert!(!check.note(&charge("-10", "18.70", "1", "-120.64"), || [Part { is: 20, of: 31 }]));
}

#[test]
fn the_file_says_which_way_is_its_own() {
    // Microsoft's usage: digits cut off after the product. The first row cannot tell, the last fits nothing.
    let mut check = CostCheck::default();
    for (quantity, unit_price, stated) in [
        ("2", "1.50", "3.00"),
        ("3", "1.115", "3.34"),
        ("0.005001", "0.03825", "0.00"),
        ("7.777", "1.999", "15.54"),
        ("3", "1.115", "4.00"),
    ] {
        check.note(&charge(quantity, unit_price, "1", stated), || []);
    }
    assert_eq!(check.best(), Some((VendorRounding::Down, 4)));
    assert_eq!((check.rows, check.unexplained), (5, 1));
    assert_eq!(check.difference.to_string(), "0.655");
    // 3.34 − 3.345, 0 − 0.00019128825, 15.54 − 15.546223, 4 − 3.345
    assert_eq!(check.residue.to_string(), "0.64358571175");
}

#[test]
fn where_every_product_ends_at_the_cent_nothing_is_told() {
    let mut check = CostCheck::default();
    assert!(check.note(&charge("2", "1.50", "1", "3.0"), || []));
    assert_eq!((check.best(), check.rows, check.unexplained), (None, 1, 0));
}

proptest! {
    #[test]
    fn short_numbers_say_what_long_ones_do(
        quantity in (-2_000i64..2_000, 0u32..5), price in (-50_000i64..50_000, 0u32..6),
        how in 0usize..9, extra in 0u32..3, off in -1i64..2)
    {
        let (quantity, price) = (Decimal::new(quantity.0, quantity.1), Decimal::new(price.0, price.1));
        // An amount that some rule makes, mostly, in more or fewer digits.
        let product = quantity * price;
        let strategy = [NEAREST, RoundingStrategy::ToZero, RoundingStrategy::AwayFromZero,
            RoundingStrategy::MidpointNearestEven][how % 4];
        let mut stated = match how {
            0..4 => product.round_dp_with_strategy(2, strategy),
            4 => product,
            5 => product.round_dp_with_strategy(4, NEAREST),
            6 => quantity * price.round_dp_with_strategy(2, NEAREST),
            7 => quantity * price.round_dp_with_strategy(2, RoundingStrategy::ToZero),
            _ => product.round_dp_with_strategy(2, NEAREST) + Decimal::new(off, 2),
        };
        stated.rescale(stated.scale().max(2) + extra);
        let digits = usd().minor_digits();
        let (ways, difference) = ways_and_difference(quantity, price, stated, digits).expect("short numbers");
        let charge = Charge { quantity, unit_price: price, rate: None, stated, currency: usd() };
        let long = VendorRounding::ALL.map(|rule| charge.is_explained_by(rule).expect("fits"));
        prop_assert_eq!(ways, long, "{} × {} = {}", quantity, price, stated);
        prop_assert_eq!(difference, ExactSum::of(stated - product));
    }
}

/// Quantity, unit price, amount and currency of a row; the amount is what some way of rounding makes, mostly.
fn row() -> impl Strategy<Value = (Decimal, Decimal, Decimal, Currency)> {
    // Of short numbers the products lie halfway between two cents now and then.
    let number = || {
        let mantissa = prop_oneof![-60i64..60, (-40i64..40).prop_map(|n| n * 25), -10_000_000i64..10_000_000];
        (mantissa, prop_oneof![0u32..4, 0u32..9]).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
    };
    let code = prop_oneof![Just("USD"), Just("JPY"), Just("KWD")];
    let off = prop_oneof![3 => Just(0i64), 1 => -2i64..3];
    (number(), number(), code, 0usize..11, off, 0u32..3)
        .prop_map(|(quantity, price, code, how, off, extra)| {
            let currency = Currency::parse(code).expect("a code");
            let digits = currency.minor_digits();
            let product = quantity * price;
            let strategies = [
                NEAREST,
                RoundingStrategy::ToZero,
                RoundingStrategy::AwayFromZero,
                RoundingStrategy::MidpointNearestEven,
                RoundingStrategy::ToNegativeInfinity,
            ];
            let mut stated = match how {
                0..5 => product.round_dp_with_strategy(digits, strategies[how]),
                5 => product,
                6 => product.round_dp_with_strategy(digits + 2, NEAREST),
                7 => quantity * price.round_dp_with_strategy(digits, NEAREST),
                8 => quantity * price.round_dp_with_strategy(digits, RoundingStrategy::ToZero),
                9 => product.round_dp_with_strategy(FIRST_CUT, RoundingStrategy::ToZero),
                _ => product.round_dp_with_strategy(digits, NEAREST) + Decimal::new(5, digits + 1),
            };
            stated += Decimal::new(off, if how % 2 == 0 { digits } else { stated.scale() });
            stated.rescale(stated.scale() + extra);
            (quantity, price, stated, currency)
        })
        .prop_filter("an amount of 64 bits", |(_, _, stated, _)| Small::of(*stated).is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_told_in_64_bits_is_what_the_ways_make((quantity, price, stated, currency) in row()) {
        let charge = Charge { quantity, unit_price: price, rate: None, stated, currency };
        let made = VendorRounding::ALL.map(|rule| charge.is_explained_by(rule).expect("fits"));
        let of = |value| Small::of(value).expect("a short number");
        let told = short::ways_and_difference(of(quantity), of(price), of(stated), currency.minor_digits());
        // As the longer way has it, with as many digits.
        let (longer, difference) = ways_and_difference(quantity, price, stated, currency.minor_digits()).expect("fits");
        prop_assert_eq!(longer, made, "{} × {} = {} {}", quantity, price, stated, currency);
        prop_assert_eq!(difference, ExactSum::of(stated - quantity * price));
        if let Some((ways, more)) = told {
            prop_assert_eq!(ways, made, "{} × {} = {} {}", quantity, price, stated, currency);
            prop_assert_eq!(more.parts(), difference.parts());
        } else {
            // So many digits behind the point that amount or difference outgrow 62 bits.
            prop_assert!(difference.parts().0.unsigned_abs() >= 1 << 62 || difference.parts().1 > 18);
        }
    }

    /// Of numbers as long as can be, what is told is so, too.
    #[test]
    fn what_does_not_fit_64_bits_is_left_open(
        numbers in prop::array::uniform3((any::<i64>(), 0u32..64, 0u32..19)), digits in 0usize..3)
    {
        let [quantity, price, stated] = numbers.map(|(n, shift, scale)| Decimal::new(n.max(-i64::MAX) >> shift, scale));
        let currency = Currency::parse(["JPY", "USD", "KWD"][digits]).expect("a code");
        let charge = Charge { quantity, unit_price: price, rate: None, stated, currency };
        let of = |value| Small::of(value).expect("a short number");
        let told = short::ways_and_difference(of(quantity), of(price), of(stated), currency.minor_digits());
        if let Some((ways, difference)) = told {
            prop_assert_eq!(ways, VendorRounding::ALL.map(|rule| charge.is_explained_by(rule) == Ok(true)));
            prop_assert_eq!(Ok(difference), charge.difference());
        }
    }

    /// A file's rows come to what each of them says by itself.
    #[test]
    fn a_check_counts_what_each_row_says(rows in prop::collection::vec(row(), 1..12)) {
        let mut check = CostCheck::default();
        let mut expected = CostCheck::default();
        let mut explained = [0; VendorRounding::ALL.len()];
        for (quantity, unit_price, stated, currency) in &rows {
            let (quantity, unit_price, stated, currency) = (*quantity, *unit_price, *stated, *currency);
            let charge = Charge { quantity, unit_price, rate: None, stated, currency };
            let ways = VendorRounding::ALL.map(|rule| charge.is_explained_by(rule).expect("fits"));
            let is_explained = ways.contains(&true);
            prop_assert_eq!(check.note(&charge, || []), is_explained);
            let difference = ExactSum::of(stated - quantity * unit_price);
            expected.residue.merge(difference).expect("fits");
            if !is_explained {
                expected.unexplained += 1;
                expected.difference.merge(difference).expect("fits");
                if difference.is_positive() {
                    expected.over.merge(difference).expect("fits");
                }
            }
            for (way, count) in ways.into_iter().zip(&mut explained) {
                *count += u64::from(way);
            }
        }
        prop_assert_eq!((check.rows, check.unexplained), (rows.len() as u64, expected.unexplained));
        prop_assert_eq!(
            (check.difference, check.over, check.residue), (expected.difference, expected.over, expected.residue)
        );
        prop_assert_eq!(check.is_exact(), explained[0] == check.rows);
        // A plain row is one that every way explains, but that which asks how the amount is written.
        for ((rule, count), explained) in VendorRounding::ALL.into_iter().zip(check.explained()).zip(explained) {
            if rule != VendorRounding::Places {
                prop_assert_eq!(count + check.plain, explained, "{}", rule.word());
            }
        }
    }
}

proptest! {
    /// `ROUNDDOWN(ROUNDDOWN(price × quantity, 2) × rate, 2)`, reckoned in whole numbers.
    #[test]
    fn rounding_down_twice_is_two_whole_divisions(
        quantity in -1_000_000i64..1_000_000, price in 0i64..100_000, rate in 1i64..3_000_000_000)
    {
        let cents = i128::from(quantity) * i128::from(price) / 10i128.pow(9);
        let stated = cents * i128::from(rate) / 10i128.pow(9);
        let charge = Charge {
            quantity: Decimal::new(quantity, 6), unit_price: Decimal::new(price, 5), rate: Some(Decimal::new(rate, 9)),
            stated: Decimal::try_from_i128_with_scale(stated, 2).expect("small"), currency: usd(),
        };
        prop_assert_eq!(charge.is_explained_by(VendorRounding::DownTwice), Ok(true));
        let mut check = CostCheck::default();
        prop_assert!(check.note(&charge, || []));
    }
}

#[test]
fn numbers_past_128_bits_are_compared_too() {
    let widest = "7922816251426433759354395033.5";
    assert_eq!(
        ways(widest, "0.1", "792281625142643375935439503.35"),
        ["exact", "nearest", "down", "down_twice", "unit_price_down", "half_even", "unit_price_nearest", "up", "floor"]
    );
}
