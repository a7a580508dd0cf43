//! What a price may not say. A tier table that is not one rising row, or terms that contradict themselves,
//! price nothing: whoever wrote them meant something else than any reading of them would bill.

use rust_decimal::Decimal;

use super::model::{PricingModel, RateError, Tier};
use super::terms::Terms;
use super::written::plain;

/// What is wrong with a tier where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TierFault {
    #[error("up_to {} does not lie above {}: tiers stand in rising order, each beginning where the one before ends", plain(*.up_to), plain(*.below))]
    NotAbove { up_to: Decimal, below: Decimal },
    #[error("up_to {} is where the tier before it ends, too: they overlap", plain(*.0))]
    Overlaps(Decimal),
    #[error("up_to is empty, which says that the tier is open, but it is not the last")]
    OpenTooEarly,
    #[error("{column} {} is below zero: a tier gives nothing back", plain(*.value))]
    Negative { column: &'static str, value: Decimal },
    #[error("it has neither unit_price nor flat_amount; write 0 where nothing is charged")]
    Unpriced,
    #[error("it has no flat_amount, which is what a step costs; write 0 where nothing is charged")]
    StepUnpriced,
}

/// Tiers must rise from above zero, only the last may be open, and each has a price of its model, none below
/// zero. A last tier that is not open prices what lies within it (`is_open`).
pub fn check_tiers(model: PricingModel, tiers: &[Tier]) -> Result<(), RateError> {
    let mut last = Decimal::ZERO;
    for (index, tier) in tiers.iter().enumerate() {
        let fault = |fault| RateError::BadTier { index, fault };
        match tier.up_to {
            Some(up_to) if up_to == last && index > 0 => return Err(fault(TierFault::Overlaps(up_to))),
            Some(up_to) if up_to <= last => return Err(fault(TierFault::NotAbove { up_to, below: last })),
            Some(up_to) => last = up_to,
            None if index + 1 < tiers.len() => return Err(fault(TierFault::OpenTooEarly)),
            None => {}
        }
        for (column, value) in [("unit_price", tier.unit_price), ("flat_amount", tier.flat_amount)] {
            if let Some(value) = value.filter(|v| *v < Decimal::ZERO) {
                return Err(fault(TierFault::Negative { column, value }));
            }
        }
        let stepped = matches!(model, PricingModel::Stairstep | PricingModel::StackedStairstep);
        match (tier.unit_price, tier.flat_amount) {
            (_, None) if stepped => return Err(fault(TierFault::StepUnpriced)),
            (None, None) => return Err(fault(TierFault::Unpriced)),
            (Some(_), None) | (_, Some(_)) => {}
        }
    }
    if tiers.is_empty() { Err(RateError::NoTiers) } else { Ok(()) }
}

/// Whether the last tier goes on without end; beyond one that does not, no price is known.
pub fn is_open(tiers: &[Tier]) -> bool {
    tiers.last().is_some_and(|t| t.up_to.is_none())
}

/// Terms of which no reading is a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsFault {
    #[error("{column} {} is below zero", plain(*.value))]
    Negative { column: &'static str, value: Decimal },
    #[error("{most} {} is below {least} {}", plain(*.most_value), plain(*.least_value))]
    Crossed { least: &'static str, least_value: Decimal, most: &'static str, most_value: Decimal },
    #[error("discount_percent {} is more than the whole price", plain(*.0))]
    DiscountPastAll(Decimal),
    #[error("markup_percent {} takes off more than the whole cost", plain(*.0))]
    MarkupBelowNothing(Decimal),
}

impl TermsFault {
    /// The value that is at fault.
    pub const fn value(&self) -> Decimal {
        match self {
            TermsFault::Negative { value, .. } => *value,
            TermsFault::Crossed { most_value, .. } => *most_value,
            TermsFault::DiscountPastAll(percent) | TermsFault::MarkupBelowNothing(percent) => *percent,
        }
    }
}

impl Terms {
    /// What around the price makes no sense. A negative price or discount does: credits and surcharges are
    /// written so.
    pub fn check(&self) -> Result<(), TermsFault> {
        for (column, value) in [
            ("included_quantity", self.included_quantity),
            ("minimum_quantity", self.minimum_quantity),
            ("maximum_quantity", self.maximum_quantity),
            ("minimum_amount", self.minimum_amount),
            ("maximum_amount", self.maximum_amount),
        ] {
            if let Some(value) = value.filter(|v| *v < Decimal::ZERO) {
                return Err(TermsFault::Negative { column, value });
            }
        }
        for (least, least_value, most, most_value) in [
            ("minimum_quantity", self.minimum_quantity, "maximum_quantity", self.maximum_quantity),
            ("minimum_amount", self.minimum_amount, "maximum_amount", self.maximum_amount),
        ] {
            if let (Some(least_value), Some(most_value)) = (least_value, most_value)
                && most_value < least_value
            {
                return Err(TermsFault::Crossed { least, least_value, most, most_value });
            }
        }
        if let Some(percent) = self.discount_percent.filter(|p| *p > Decimal::ONE_HUNDRED) {
            return Err(TermsFault::DiscountPastAll(percent));
        }
        if let Some(percent) = self.markup_percent.filter(|p| *p < -Decimal::ONE_HUNDRED)
            && self.model == PricingModel::CostPlus
        {
            return Err(TermsFault::MarkupBelowNothing(percent));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    fn tier(up_to: &str, unit: &str, flat: &str) -> Tier {
        let cell = |s: &str| (!s.is_empty()).then(|| d(s));
        Tier { up_to: cell(up_to), unit_price: cell(unit), flat_amount: cell(flat) }
    }

    fn said(tiers: &[Tier]) -> String {
        check_tiers(PricingModel::Volume, tiers).map_or_else(|e| e.to_string(), |()| "fine".to_string())
    }

    #[test]
    fn tiers_are_one_rising_row() {
        let row = "its tiers are not one rising row of prices: tier";
        assert_eq!(said(&[tier("5", "1", ""), tier("", "1", "")]), "fine");
        assert_eq!(said(&[tier("5", "1", "")]), "fine");
        assert_eq!(said(&[]), "it is priced by tiers, and has none");
        assert_eq!(
            said(&[tier("10", "1", ""), tier("5", "1", "")]),
            format!(
                "{row} 2: up_to 5 does not lie above 10: tiers stand in rising order, each beginning where the one \
                 before ends"
            )
        );
        assert_eq!(
            said(&[tier("10", "1", ""), tier("10.0", "1", "")]),
            format!("{row} 2: up_to 10 is where the tier before it ends, too: they overlap")
        );
        assert_eq!(
            said(&[tier("", "1", ""), tier("5", "1", "")]),
            format!("{row} 1: up_to is empty, which says that the tier is open, but it is not the last")
        );
        for (at, up_to) in [(1, "0"), (1, "-5")] {
            assert!(
                said(&[tier(up_to, "1", "")]).starts_with(&format!("{row} {at}: up_to {up_to} does not lie above 0"))
            );
        }
        assert_eq!(
            said(&[tier("5", "1", ""), tier("", "1", "-2")]),
            format!("{row} 2: flat_amount -2 is below zero: a tier gives nothing back")
        );
    }

    #[test]
    fn a_tier_without_a_price_is_not_free() {
        let row = "its tiers are not one rising row of prices: tier 2: it has";
        let tiers = [tier("5", "", "1"), tier("", "", "")];
        assert_eq!(said(&tiers), format!("{row} neither unit_price nor flat_amount; write 0 where nothing is charged"));
        let steps = check_tiers(PricingModel::Stairstep, &[tier("5", "", "1"), tier("", "2", "")]);
        assert_eq!(
            steps.map_err(|e| e.to_string()),
            Err(format!("{row} no flat_amount, which is what a step costs; write 0 where nothing is charged"))
        );
        assert_eq!(check_tiers(PricingModel::Stairstep, &[tier("", "2", "0")]), Ok(()));
    }

    #[test]
    fn a_last_tier_may_end() {
        assert!(is_open(&[tier("5", "1", ""), tier("", "1", "")]));
        assert!(!is_open(&[tier("5", "1", "")]));
    }

    #[test]
    fn terms_that_contradict_themselves_are_named() {
        let fault = |terms: Terms| terms.check().map_err(|f| (plain(f.value()), f.to_string()));
        assert_eq!(
            fault(Terms { minimum_quantity: Some(d("8")), maximum_quantity: Some(d("5")), ..Terms::default() }),
            Err(("5".into(), "maximum_quantity 5 is below minimum_quantity 8".into()))
        );
        assert_eq!(
            fault(Terms { minimum_amount: Some(d("8")), maximum_amount: Some(d("5")), ..Terms::default() }),
            Err(("5".into(), "maximum_amount 5 is below minimum_amount 8".into()))
        );
        assert_eq!(
            fault(Terms { included_quantity: Some(d("-1")), ..Terms::default() }),
            Err(("-1".into(), "included_quantity -1 is below zero".into()))
        );
        assert_eq!(
            fault(Terms { discount_percent: Some(d("100.5")), ..Terms::default() }),
            Err(("100.5".into(), "discount_percent 100.5 is more than the whole price".into()))
        );
        let markup = Terms { markup_percent: Some(d("-101")), ..Terms::default() };
        assert_eq!(fault(markup.clone()), Ok(()));
        assert_eq!(
            fault(Terms { model: PricingModel::CostPlus, ..markup }),
            Err(("-101".into(), "markup_percent -101 takes off more than the whole cost".into()))
        );
        assert_eq!(fault(Terms { discount_percent: Some(d("-5")), ..Terms::default() }), Ok(()));
    }
}
