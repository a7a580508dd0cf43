use super::*;
use crate::tidy::months_covered;

/// Three seats at 211.20 for the year from 15 September 2026.
fn year_up_front() -> Row {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
    Row {
        key: 1,
        content: 1,
        series: 1,
        line: 9,
        file: 0,
        account: 0,
        sku: 0,
        kind: Kind {
            identified: false,
            category: ChargeCategory::Purchase,
            treatment: Treatment::Counted,
            currency: Currency::parse("USD").expect("a code"),
            start: day(2026, 9, 15),
            end: day(2027, 9, 15),
            exported: None,
        },
        of_kind: 0,
        quantity: Some(Decimal::from(3)),
        cost: Some(Decimal::new(63_360, 2)),
        unit_cost: Some(Decimal::new(21_120, 2)),
    }
}

fn of_days(row: Row, start: Option<NaiveDate>, end: Option<NaiveDate>) -> Row {
    Row { kind: Kind { start, end, ..row.kind }, ..row }
}

/// A row of the period itself.
fn here(row: &Row) -> Belonging {
    let months = row.kind.start.zip(row.kind.end).map_or(1, |(start, end)| months_covered(start, end));
    Belonging { quantity: true, cost: true, months }
}

fn summed(row: &Row, belonging: Belonging) -> (String, String, Option<Decimal>) {
    let october: Period = "2026-10".parse().expect("a period");
    let mut sums = Sums::default();
    let conversion = Conversion { rule: MeterRule::Sum, multiplier: Decimal::ONE, term_months: 12 };
    sums.add(row, 0, october, belonging, conversion).expect("fits");
    let cost = sums.costs().expect("fits").get(&row.kind.currency).expect("a cost").normalize().to_string();
    (sums.quantity(october).expect("fits").to_string(), cost, sums.unit_cost())
}

/// The sums of rows of one meter, each added by a thread of its own.
fn metered(rows: &[Row], rule: MeterRule, period: Period) -> Sums {
    let (mut sums, mut series) = (Sums::default(), Series::default());
    for row in rows {
        let mut own = Sums::default();
        let reading = own
            .add(row, 0, period, here(row), Conversion { rule, multiplier: Decimal::ONE, term_months: 1 })
            .expect("fits");
        if let Some(Reading { start, end, units, .. }) = reading {
            series.add(period, start, end, units).expect("fits");
        }
        sums.merge(&own).expect("fits");
    }
    sums.settle(rule, &series, period).expect("fits");
    sums
}

#[test]
fn an_instant_is_one_day_under_every_rule_of_days() {
    let october: Period = "2026-10".parse().expect("a period");
    let on = NaiveDate::from_ymd_opt(2026, 10, 7);
    let row = Row { quantity: Some(Decimal::from(62)), ..of_days(year_up_front(), on, on) };
    let quantity = |rule| metered(&[row], rule, october).quantity(october).expect("fits").to_string();
    let rules = [MeterRule::Max, MeterRule::Last, MeterRule::Average, MeterRule::Prorated];
    assert_eq!(rules.map(quantity), ["62", "62", "2", "2"]);
}

/// 10 seats of the month from 25 January, 2 of them only until 10 February: what a vendor with a billing day of
/// its own writes. 31 of 31 days, and 16 of 31.
#[test]
fn a_month_from_another_day_counts_all_its_days_in_the_month_it_begins_in() {
    let january: Period = "2026-01".parse().expect("a period");
    for (start, end, units, shown) in [
        ((1, 25), (2, 25), 10, "10"),
        ((1, 31), (2, 28), 10, "10"),
        ((1, 25), (2, 10), 2, "1.032258"),
        ((1, 25), (1, 30), 31, "5"),
        ((1, 30), (3, 2), 10, "10"),
    ] {
        let day = |(m, d)| NaiveDate::from_ymd_opt(2026, m, d);
        let row = of_days(year_up_front(), day(start), day(end));
        let row = Row { quantity: Some(Decimal::from(units)), ..row };
        for rule in [MeterRule::Average, MeterRule::Prorated] {
            let sums = metered(&[row], rule, january);
            assert_eq!(sums.quantity(january).expect("fits").to_string(), shown, "{rule:?} {start:?} {end:?}");
            let at_end = if end <= (2, 1) { 0 } else { units };
            assert_eq!(sums.at_end().expect("fits"), Decimal::from(at_end), "{rule:?} {start:?} {end:?}");
        }
    }
}

/// 10 seats until the 14th, 12 from then on.
#[test]
fn units_of_days_know_what_the_month_ends_with() {
    let october: Period = "2026-10".parse().expect("a period");
    let day = |d| NaiveDate::from_ymd_opt(2026, 10, d);
    let next = NaiveDate::from_ymd_opt(2026, 11, 1);
    let rows = [(10, day(1), day(15)), (12, day(15), next)].map(|(units, start, end)| Row {
        quantity: Some(Decimal::from(units)),
        ..of_days(year_up_front(), start, end)
    });
    for (rule, quantity, at_end) in [
        (MeterRule::Prorated, "11.096774", "12"),
        (MeterRule::Average, "11.096774", "12"),
        (MeterRule::Last, "12", "12"),
        (MeterRule::Max, "12", "12"),
        (MeterRule::Sum, "22", "22"),
    ] {
        let one = metered(&rows, rule, october);
        assert_eq!(one.quantity(october).expect("fits").to_string(), quantity, "{rule:?}");
        assert_eq!(one.at_end().expect("fits").to_string(), at_end, "{rule:?}");
        assert!(!one.is_consumption());
    }
    let mut used = Sums::default();
    let row = Row { kind: Kind { category: ChargeCategory::Usage, ..rows[0].kind }, ..rows[0] };
    let conversion = Conversion { rule: MeterRule::Sum, multiplier: Decimal::ONE, term_months: 1 };
    used.add(&row, 0, october, here(&row), conversion).expect("fits");
    assert!(used.is_consumption());
}

#[test]
fn one_unit_cost_is_written_alike_in_whatever_order_its_rows_come() {
    let written = [(15, 1), (150, 2)].map(|(digits, scale)| UnitCost::One(Decimal::new(digits, scale)));
    for (mut first, second) in [(written[0], written[1]), (written[1], written[0])] {
        first.merge(second);
        assert!(matches!(first, UnitCost::One(cost) if cost.to_string() == "1.50"), "{first:?}");
    }
}

/// 633.60 ÷ 12, in September, when it is paid, as in October.
#[test]
fn a_year_costs_a_twelfth_in_every_month_and_never_nothing() {
    for cost in [true, false] {
        let (quantity, cost, _) = summed(&year_up_front(), Belonging { cost, ..here(&year_up_front()) });
        assert_eq!((quantity.as_str(), cost.as_str()), ("3", "52.8"));
    }
}

#[test]
fn the_unit_cost_of_a_year_is_a_twelfth_of_it_a_month() {
    let year = year_up_front();
    let month = of_days(year, year.kind.start, NaiveDate::from_ymd_opt(2026, 10, 15));
    let costs = |row: &Row, cost: i64| summed(&Row { cost: Some(Decimal::new(cost, 2)), ..*row }, here(row)).2;
    let cents = |n| Some(Decimal::new(n, 2));
    // Paid at once; a month at a time, with the price of the year beside it; by the month.
    assert_eq!(costs(&year_up_front(), 63_360), cents(1_760));
    assert_eq!(costs(&month, 5_280), cents(1_760));
    assert_eq!(costs(&month, 63_360), cents(21_120));
    // Neither: part of a year was paid.
    assert_eq!(costs(&year_up_front(), 40_000), None);
    // 100.00 a year are 8.33 a month.
    let hundred = Row { unit_cost: cents(10_000), ..month };
    assert_eq!(costs(&hundred, 2_499), cents(833));
}

proptest::proptest! {
    #[test]
    fn rows_added_together_come_to_what_they_come_to_one_by_one(
        figures in proptest::collection::vec((-999i64..999, 0u32..4, -999i64..999, 0u32..3, 1i64..4), 1..9),
        (category, treatment, has, months, cost) in (0usize..5, 0usize..3, 0u8..8, 1u32..3, proptest::bool::ANY),
    ) {
        use ChargeCategory::{Adjustment, Credit, Purchase, Tax, Usage};
        let october: Period = "2026-10".parse().expect("a period");
        let category = [Purchase, Usage, Credit, Tax, Adjustment][category];
        let treatment = [Treatment::Counted, Treatment::CostOnly, Treatment::Excluded][treatment];
        let kind = Kind { category, treatment, ..year_up_front().kind };
        let belonging = Belonging { quantity: true, cost, months };
        let conversion = Conversion { rule: MeterRule::Sum, multiplier: Decimal::ONE, term_months: 1 };
        let there = |bit: u8| has & bit != 0;
        let (mut alone, mut all) = (Sums::default(), Sums::default());
        let mut together = Together {
            rows: 0,
            first: (1, 99),
            quantity: there(1).then_some(ExactSum::ZERO),
            cost: there(2).then_some(ExactSum::ZERO),
            unit_cost: UnitCost::Unseen,
            has_units: false,
        };
        for (line, (units, scale, cost, cost_scale, price)) in (2..).zip(figures) {
            let figures = [Decimal::new(units, scale), Decimal::new(cost, cost_scale), Decimal::from(price)];
            let [quantity, cost, unit_cost] = [0, 1, 2].map(|n| there(1 << n).then_some(figures[n]));
            let row = Row { line, file: 1, kind, quantity, cost, unit_cost, ..year_up_front() };
            alone.add(&row, 7, october, belonging, conversion).expect("fits");
            together.rows += 1;
            together.first = together.first.min(row.position());
            for (sum, number) in [(&mut together.quantity, quantity), (&mut together.cost, cost)] {
                if let Some(sum) = sum {
                        sum.add(number.unwrap_or_default()).expect("fits");
                    }
            }
            together.unit_cost.merge(unit_cost.map_or(UnitCost::Unseen, UnitCost::One));
        }
        proptest::prop_assume!(Sums::adds_up(&kind, belonging, conversion, has & 4 != 0));
        all.add_all(&together, &kind, 7, belonging).expect("fits");
        let told = |sums: &Sums| {
            let flags = (sums.counted, sums.spread, sums.is_consumption(), sums.is_empty());
            let (quantity, costs) = (sums.quantity(october), sums.costs());
            let written = quantity.map(|quantity| quantity.to_string());
            (sums.first, flags, written, costs, sums.unit_cost(), sums.providers().collect::<Vec<_>>())
        };
        proptest::prop_assert_eq!(told(&alone), told(&all));
    }
}
