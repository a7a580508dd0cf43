//! What holds for any price: days add up, more units never cost less where a model has no cliff, and no
//! digit is lost on the way.

use proptest::prelude::*;

use super::*;

/// Prices and bounds with cents and fractions, small enough to be worked out in 128 bits.
fn number(most: i64, scale: u32) -> impl Strategy<Value = Decimal> {
    (0..=most).prop_map(move |n| Decimal::new(n, scale))
}

fn maybe(most: i64, scale: u32) -> impl Strategy<Value = Option<Decimal>> {
    proptest::option::of(number(most, scale))
}

prop_compose! {
    fn tiers()(steps in proptest::collection::vec((1i64..40, maybe(500, 2), number(9000, 2)), 1..5)) -> Vec<Tier> {
        let (mut up_to, last) = (0, steps.len() - 1);
        let rows = steps.into_iter().enumerate().map(|(i, (width, unit_price, flat))| {
            up_to += width;
            Tier { up_to: (i < last).then(|| Decimal::from(up_to)), unit_price, flat_amount: Some(flat) }
        });
        rows.collect()
    }
}

const ALL: &[PricingModel] = &[
    PricingModel::PerUnit,
    PricingModel::Flat,
    PricingModel::Graduated,
    PricingModel::StackedStairstep,
    PricingModel::Package,
    PricingModel::CostPlus,
    PricingModel::Volume,
    PricingModel::Stairstep,
];

/// Those in which more units never cost less. Volume and stairstep are not among them: reaching a cheaper
/// tier can make all units cheaper, and that is what they are bought for.
const WITHOUT_CLIFF: usize = 6;

prop_compose! {
    fn terms(models: usize)(
        model in 0..models,
        tiers in tiers(),
        (price, size, cost, markup) in (number(50_000, 3), number(99, 1), number(20_000, 4), number(15_000, 2)),
        (included, least, most) in (maybe(300, 1), maybe(200, 1), maybe(2000, 1)),
        (discount, cap, floor) in (maybe(1000, 1), maybe(900_000, 2), maybe(30_000, 2)),
        (flat_at_zero, even, yen) in any::<(bool, bool, bool)>(),
    ) -> Terms {
        Terms {
            model: ALL[model],
            unit_price: Some(price),
            tiers,
            package_size: Some(size + Decimal::new(1, 1)),
            unit_cost: Some(cost),
            markup_percent: Some(markup),
            included_quantity: included,
            minimum_quantity: least,
            maximum_quantity: most.map(|m| m.max(least.unwrap_or_default())),
            discount_percent: discount,
            maximum_amount: cap.map(|c| c.max(floor.unwrap_or_default())),
            minimum_amount: floor,
            flat_at_zero,
            currency: Currency::parse(if yen { "JPY" } else { "EUR" }).expect("a code"),
            rounding: if even { Rounding::HalfEven } else { Rounding::HalfAwayFromZero },
        }
    }
}

fn rated(units: Decimal, terms: &Terms, share: Share) -> Rated {
    rate(units, terms, share).expect("priced")
}

/// The amount before rounding, as the residue states it.
fn unrounded(rated: &Rated) -> ExactSum {
    ExactSum::of(rated.amount).minus(rated.residue).expect("fits")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_period_split_at_any_day_adds_up_to_the_whole(
        terms in terms(ALL.len()), units in number(60_000, 2), of in 28u32..=31, day in 1u32..28,
    ) {
        let whole = rated(units, &terms, Share::WHOLE);
        let parts = [day, of - day].map(|active| rated(units, &terms, Share { active, of }));
        let mut sum = unrounded(&parts[0]);
        sum.merge(unrounded(&parts[1])).expect("fits");
        let off = sum.minus(unrounded(&whole)).expect("fits").to_decimal().expect("fits").abs();
        // The residue of a share is stated to 12 places: half a unit of the last one for each part.
        prop_assert!(off <= Decimal::new(1, 12), "{off}");
        let cent = Decimal::new(1, terms.currency.minor_digits());
        let cents = (parts[0].amount + parts[1].amount - whole.amount).abs();
        prop_assert!(cents <= cent, "{cents}");
    }

    #[test]
    fn more_units_never_cost_less_where_the_model_has_no_cliff(
        terms in terms(WITHOUT_CLIFF), units in number(60_000, 2), more in number(10_000, 2),
    ) {
        let (less, more) = (rated(units, &terms, Share::WHOLE), rated(units + more, &terms, Share::WHOLE));
        prop_assert!(less.amount <= more.amount);
        prop_assert!(less.amount + less.minimum_shortfall <= more.amount + more.minimum_shortfall);
    }

    #[test]
    fn included_and_overage_are_the_total(terms in terms(ALL.len()), units in number(60_000, 2)) {
        let how = rated(units, &terms, Share::WHOLE).derivation;
        let total = match how.bound {
            Some(Bound::MinimumQuantity(least)) => least,
            Some(Bound::MaximumQuantity(most)) => most,
            None => how.units,
        };
        prop_assert_eq!(how.included + how.billed, total);
        prop_assert!(how.billed >= Decimal::ZERO && how.included >= Decimal::ZERO);
    }

    #[test]
    fn the_slices_cover_the_units_without_gap_or_overlap(terms in terms(ALL.len()), units in number(60_000, 2)) {
        let how = rated(units, &terms, Share::WHOLE).derivation;
        let mut at = Decimal::ZERO;
        for slice in &how.slices {
            prop_assert_eq!((slice.above, slice.up_to - slice.above), (at, slice.units));
            at = slice.up_to;
        }
        if let Some(packages) = &how.packages {
            prop_assert!(packages.count * packages.size >= how.billed);
            prop_assert!((packages.count - Decimal::ONE) * packages.size < how.billed);
        } else if !how.slices.is_empty() {
            prop_assert_eq!(at, how.billed);
        }
    }

    #[test]
    fn a_graduated_price_can_be_cut_at_any_border(tiers in tiers(), units in number(20_000, 2), cut in 0usize..4) {
        let price = |units: Decimal, tiers: &[Tier]| {
            let terms = Terms { model: PricingModel::Graduated, tiers: tiers.to_vec(), ..Terms::default() };
            rated(units, &terms, Share::WHOLE).derivation.price
        };
        let Some(border) = tiers.get(cut).and_then(|t| t.up_to).filter(|b| *b <= units) else { return Ok(()) };
        let above: Vec<Tier> = tiers[cut + 1..]
            .iter()
            .map(|t| Tier { up_to: t.up_to.map(|u| u - border), ..t.clone() })
            .collect();
        let cut = price(border, &tiers).plus(price(units - border, &above)).expect("fits");
        prop_assert_eq!(price(units, &tiers), cut);
    }

    #[test]
    fn discount_then_cap_then_days_then_rounding_then_minimum(
        terms in terms(ALL.len()), units in number(60_000, 2), of in 28u32..=31, active in 1u32..=31,
    ) {
        let share = Share { active: active.min(of), of };
        let rated = rated(units, &terms, share);
        // Worked out again as a fraction of whole numbers: price × (100 − discount) ÷ 100, capped, × days.
        let price = ExactSum::of(rated.derivation.price.decimal().expect("fits"));
        let kept = Decimal::ONE_HUNDRED - terms.discount_percent.unwrap_or_default();
        let discounted = price.scaled(kept).expect("fits").scaled(Decimal::new(1, 2)).expect("fits");
        let capped = match terms.maximum_amount {
            Some(most) if discounted.minus(ExactSum::of(most)).expect("fits").is_positive() => ExactSum::of(most),
            _ => discounted,
        };
        let days = capped.times(i64::from(share.active)).expect("fits");
        let expected = days.divided(share.of, terms.currency.minor_digits(), terms.rounding.strategy()).expect("fits");
        prop_assert_eq!(rated.amount, expected);
        let least = terms.rounding.line(terms.minimum_amount.unwrap_or_default(), terms.currency);
        prop_assert_eq!(rated.amount + rated.minimum_shortfall, rated.amount.max(least));
    }

    #[test]
    fn a_unit_price_times_the_quantity_is_the_amount_before_rounding(
        terms in terms(ALL.len()), units in number(60_000, 2), active in 1u32..=30,
    ) {
        let rated = rated(units, &terms, Share { active, of: 30 });
        if let Some(unit_price) = rated.unit_price {
            prop_assert_eq!(active, 30);
            prop_assert_eq!(ExactSum::of(rated.quantity).scaled(unit_price).expect("fits"), unrounded(&rated));
        }
    }
}

#[test]
fn volume_and_stairstep_have_cliffs() {
    let tier = |up_to: Option<i64>, unit: i64, flat: i64| Tier {
        up_to: up_to.map(Decimal::from),
        unit_price: Some(Decimal::from(unit)),
        flat_amount: Some(Decimal::from(flat)),
    };
    let amount = |model, tiers: &[Tier], units: i64| {
        let terms = Terms { model, tiers: tiers.to_vec(), ..Terms::default() };
        rated(Decimal::from(units), &terms, Share::WHOLE).amount
    };
    let by_unit = [tier(Some(15), 10, 0), tier(None, 5, 0)];
    assert!(amount(PricingModel::Volume, &by_unit, 16) < amount(PricingModel::Volume, &by_unit, 15));
    let steps = [tier(Some(10), 0, 50), tier(None, 0, 40)];
    assert!(amount(PricingModel::Stairstep, &steps, 11) < amount(PricingModel::Stairstep, &steps, 10));
}
