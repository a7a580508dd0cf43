//! Which period a row belongs to. Consumption belongs to the month it starts in; a recurring row to the
//! month its charge period starts in, and one that covers more than a month (a year paid up front) counts
//! its quantity in every month it covers and its cost once, in its first.

use chrono::{Days, Months, NaiveDate};

use crate::book::Period;
use crate::format::ChargeCategory;

/// What a row has to do with the period of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belonging {
    pub quantity: bool,
    pub cost: bool,
    /// The months that the charge is for; 1 where its dates do not say.
    pub months: u32,
}

impl Belonging {
    pub fn is_elsewhere(self) -> bool {
        !self.quantity && !self.cost
    }
}

/// `end` is exclusive; `stated` is the period that the file's folder or name states, which rules where
/// the row has no date of its own.
pub fn belonging(
    period: Period,
    category: ChargeCategory,
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    stated: Option<Period>,
) -> Belonging {
    let (quantity, cost) = halves(period, category, start, end, stated);
    Belonging { quantity, cost, months: start.zip(end).map_or(1, |(start, end)| months_covered(start, end)) }
}

/// Whether quantity and cost belong to the period.
fn halves(
    period: Period,
    category: ChargeCategory,
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    stated: Option<Period>,
) -> (bool, bool) {
    let Some(start) = start else {
        let here = stated == Some(period);
        return (here, here);
    };
    let first = Period::of(start);
    if first == period {
        return (true, true);
    }
    let recurring = category == ChargeCategory::Purchase;
    let offset = period.months_since(first);
    match (recurring, end, u32::try_from(offset)) {
        (true, Some(end), Ok(months)) if covers_more_than_a_month(start, end) => {
            (lies_beyond(start, months, REMAINDER, end), false)
        }
        _ => (false, false),
    }
}

/// Whether a charge is for more than a month; `end` is exclusive. A month may look up to four days too long: by
/// three where it is anchored on a day that its first month lacks (28 February to 31 March), by one where the
/// vendor's end is not what its format says (1 October to 2 November). Nobody bills a month and a half, so half
/// a month decides.
pub fn covers_more_than_a_month(start: NaiveDate, end: NaiveDate) -> bool {
    lies_beyond(start, 1, HALF_A_MONTH, end)
}

/// The months that a charge is for: 1, or as many as it counts in; `end` is exclusive.
pub fn months_covered(start: NaiveDate, end: NaiveDate) -> u32 {
    if !covers_more_than_a_month(start, end) {
        return 1;
    }
    // The months between the two, or one more or less where the days make it so.
    let between = u32::try_from(Period::of(end).months_since(Period::of(start))).unwrap_or(1);
    let near = between.saturating_sub(1).max(1)..=between.saturating_add(1);
    near.into_iter().find(|months| !lies_beyond(start, *months, REMAINDER, end)).unwrap_or(between.max(1))
}

/// Days by which a charge must exceed one month to be for several.
const HALF_A_MONTH: u64 = 15;
/// Days that a charge for several months may run over its last month and not open another.
const REMAINDER: u64 = 5;

/// Whether `end` is more than `days` days later than `months` months after `start`.
fn lies_beyond(start: NaiveDate, months: u32, days: u64, end: NaiveDate) -> bool {
    let day = start.checked_add_months(Months::new(months)).and_then(|day| day.checked_add_days(Days::new(days)));
    day.is_some_and(|day| day < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn at(period: &str, category: ChargeCategory, start: &str, end: &str) -> (bool, bool) {
        let b = belonging(period.parse().expect("a period"), category, Some(day(start)), Some(day(end)), None);
        (b.quantity, b.cost)
    }

    #[test]
    fn a_year_paid_up_front_counts_in_its_twelve_months_and_costs_once() {
        let counted: Vec<_> = ["2026-02", "2026-03", "2026-04", "2027-02", "2027-03"]
            .map(|p| at(p, ChargeCategory::Purchase, "2026-03-15", "2027-03-15"))
            .to_vec();
        assert_eq!(counted, [(false, false), (true, true), (true, false), (true, false), (false, false)]);
    }

    #[test]
    fn a_month_that_straddles_two_belongs_to_its_first() {
        assert_eq!(at("2026-10", ChargeCategory::Purchase, "2026-10-12", "2026-11-12"), (true, true));
        assert_eq!(at("2026-11", ChargeCategory::Purchase, "2026-10-12", "2026-11-12"), (false, false));
    }

    /// The number of months in which a purchase counts, from its first on.
    fn months_of(start: &str, end: &str) -> usize {
        let (start, end) = (day(start), day(end));
        let counts = |offset: u32| {
            let period = Period::of(Period::of(start).start() + Months::new(offset));
            let b = belonging(period, ChargeCategory::Purchase, Some(start), Some(end), None);
            assert_eq!(b.cost, offset == 0, "{start} to {end}");
            b.quantity
        };
        let flags: Vec<bool> = (0..40).map(counts).collect();
        let first_gap = flags.iter().position(|f| !f).expect("an end");
        assert!(flags[first_gap..].iter().all(|f| !f), "{start} to {end}: months without a gap");
        assert_eq!(months_covered(start, end) as usize, first_gap, "{start} to {end}");
        first_gap
    }

    #[test]
    fn a_month_anchored_on_any_day_counts_in_its_first_alone() {
        for (start, end) in [
            ("2026-01-28", "2026-02-28"),
            ("2026-01-29", "2026-02-28"),
            ("2026-01-30", "2026-03-01"),
            ("2026-01-31", "2026-02-28"),
            ("2026-02-28", "2026-03-28"),
            ("2026-02-28", "2026-03-29"),
            ("2026-02-28", "2026-03-30"),
            ("2026-02-28", "2026-03-31"),
            ("2028-02-29", "2028-03-29"),
            ("2028-02-29", "2028-03-31"),
            ("2028-01-31", "2028-02-29"),
            ("2026-09-29", "2026-10-29"),
            ("2026-09-30", "2026-10-30"),
            ("2026-09-30", "2026-10-31"),
            ("2026-08-31", "2026-09-30"),
            ("2026-08-31", "2026-10-01"),
            ("2026-10-01", "2026-11-02"),
            ("2026-09-01", "2026-10-02"),
            ("2026-10-12", "2026-10-12"),
        ] {
            assert_eq!(months_of(start, end), 1, "{start} to {end}");
            assert!(!covers_more_than_a_month(day(start), day(end)), "{start} to {end}");
        }
    }

    #[test]
    fn several_months_count_in_each_of_them() {
        for (start, end, months) in [
            ("2026-09-30", "2026-11-30", 2),
            ("2026-12-31", "2027-02-28", 2),
            ("2027-12-31", "2028-02-29", 2),
            ("2026-10-01", "2026-12-02", 2),
            ("2026-10-01", "2027-01-01", 3),
            ("2026-02-28", "2026-05-31", 3),
            ("2026-11-30", "2027-02-28", 3),
            ("2026-10-01", "2027-01-02", 3),
            ("2026-09-30", "2027-03-31", 6),
            ("2026-10-15", "2027-10-15", 12),
            ("2026-10-15", "2027-10-16", 12),
            ("2028-02-29", "2029-02-28", 12),
            ("2028-02-29", "2029-03-01", 12),
            ("2027-02-28", "2028-02-29", 12),
            ("2026-10-31", "2029-10-31", 36),
        ] {
            assert_eq!(months_of(start, end), months, "{start} to {end}");
            assert!(covers_more_than_a_month(day(start), day(end)), "{start} to {end}");
        }
    }

    #[test]
    fn consumption_belongs_to_its_start_however_long() {
        assert_eq!(at("2026-11", ChargeCategory::Usage, "2026-10-01", "2027-10-01"), (false, false));
    }

    #[test]
    fn a_file_without_dates_belongs_to_the_period_its_folder_states() {
        let period: Period = "2026-10".parse().expect("a period");
        let undated = |stated| belonging(period, ChargeCategory::Purchase, None, None, stated);
        assert_eq!(undated(Some(period)), Belonging { quantity: true, cost: true, months: 1 });
        assert!(undated("2026-09".parse().ok()).is_elsewhere());
        assert!(undated(None).is_elsewhere());
    }
}
