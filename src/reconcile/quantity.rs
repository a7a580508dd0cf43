//! Which line of several bills how many units: the difference goes to the newest line and spills to the
//! next newest.

use rust_decimal::Decimal;

use crate::rate::{Overflow, add, subtract};

/// Shares `total` units over lines that hold `contract` units each, newest first: more goes to the newest,
/// less comes off the newest down to zero and then off the next. Same length and order as `contract`.
pub fn allot(total: Decimal, contract: &[Decimal]) -> Result<Vec<Decimal>, Overflow> {
    let mut out = contract.to_vec();
    let mut sum = Decimal::ZERO;
    for quantity in contract {
        sum = add(sum, *quantity)?;
    }
    let mut difference = subtract(total.max(Decimal::ZERO), sum)?;
    if let Some(newest) = out.first_mut().filter(|_| difference > Decimal::ZERO) {
        *newest = add(*newest, difference)?;
        return Ok(out);
    }
    for quantity in &mut out {
        if difference >= Decimal::ZERO {
            break;
        }
        let taken = (*quantity).max(Decimal::ZERO).min(-difference);
        *quantity = subtract(*quantity, taken)?;
        difference = add(difference, taken)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allotted(total: i64, contract: &[i64]) -> Vec<i64> {
        let lines: Vec<Decimal> = contract.iter().map(|&q| Decimal::from(q)).collect();
        let out = allot(Decimal::from(total), &lines).expect("fits");
        out.iter().map(|d| i64::try_from(*d).expect("small")).collect()
    }

    #[test]
    fn more_goes_to_the_newest_and_less_spills() {
        assert_eq!(allotted(20, &[3, 10]), [10, 10]);
        assert_eq!(allotted(11, &[3, 10]), [1, 10]);
        assert_eq!(allotted(8, &[3, 10]), [0, 8]);
        assert_eq!(allotted(0, &[3, 10]), [0, 0]);
        assert_eq!(allotted(-4, &[3]), [0]);
    }

    proptest! {
        #[test]
        fn what_is_allotted_adds_up(total in 0i64..1000, lines in proptest::collection::vec(0i64..100, 1..6)) {
            prop_assert_eq!(allotted(total, &lines).iter().sum::<i64>(), total);
        }
    }
}
