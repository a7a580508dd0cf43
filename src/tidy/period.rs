//! Which period a row belongs to. Consumption belongs to the month it starts in; a recurring row to the
//! month its charge period starts in, and one that covers more than a month (a year paid up front) counts
//! its quantity in every month it covers and its cost once, in its first.

use chrono::{Months, NaiveDate};

use crate::book::Period;
use crate::format::ChargeCategory;

/// What a row has to do with the period of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belonging {
    pub quantity: bool,
    pub cost: bool,
}

impl Belonging {
    const ELSEWHERE: Self = Self { quantity: false, cost: false };
    const HERE: Self = Self { quantity: true, cost: true };

    pub fn is_elsewhere(self) -> bool {
        self == Self::ELSEWHERE
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
    let Some(start) = start else {
        return if stated == Some(period) { Belonging::HERE } else { Belonging::ELSEWHERE };
    };
    let first = Period::of(start);
    if first == period {
        return Belonging::HERE;
    }
    let recurring = category == ChargeCategory::Purchase;
    let offset = period.months_since(first);
    match (recurring, end, u32::try_from(offset)) {
        (true, Some(end), Ok(months)) if covers_more_than_a_month(start, end) => {
            let begun = start.checked_add_months(Months::new(months)).is_some_and(|day| day < end);
            Belonging { quantity: begun, cost: false }
        }
        _ => Belonging::ELSEWHERE,
    }
}

/// Whether a charge is for more than a month; `end` is exclusive.
pub fn covers_more_than_a_month(start: NaiveDate, end: NaiveDate) -> bool {
    start.checked_add_months(Months::new(1)).is_some_and(|month| month < end)
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

    #[test]
    fn consumption_belongs_to_its_start_however_long() {
        assert_eq!(at("2026-11", ChargeCategory::Usage, "2026-10-01", "2027-10-01"), (false, false));
    }

    #[test]
    fn a_file_without_dates_belongs_to_the_period_its_folder_states() {
        let period: Period = "2026-10".parse().expect("a period");
        let undated = |stated| belonging(period, ChargeCategory::Purchase, None, None, stated);
        assert_eq!(undated(Some(period)), Belonging::HERE);
        assert!(undated("2026-09".parse().ok()).is_elsewhere());
        assert!(undated(None).is_elsewhere());
    }
}
