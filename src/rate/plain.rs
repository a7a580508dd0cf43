//! Numbers of 64 bits, which nearly all are: what is reckoned for each of many rows is reckoned with these.

use rust_decimal::Decimal;

use super::exact::{ExactSum, POWERS};

/// A number as it is written: `digits × 10^-scale`, zeros and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain {
    pub digits: i64,
    /// At most 28.
    pub scale: u32,
}

impl Plain {
    pub fn of(number: Decimal) -> Option<Self> {
        Some(Self { digits: i64::try_from(number.mantissa()).ok()?, scale: number.scale() })
    }

    pub const fn sum(self) -> ExactSum {
        ExactSum::from_parts(self.digits as i128, self.scale)
    }

    /// Whether it has no digit that counts past so many places; `None` where 64 bits are not enough to tell.
    #[inline]
    pub(super) fn ends_within(self, places: u32) -> Option<bool> {
        match self.scale.saturating_sub(places) {
            0 => Some(true),
            beyond => POWERS.get(beyond as usize).map(|power| self.digits % power == 0),
        }
    }

    /// Whether it is the product of two; `None` where 128 bits are not enough to tell.
    #[inline]
    pub(super) fn is_product(self, a: Self, b: Self) -> Option<bool> {
        let product = i128::from(a.digits) * i128::from(b.digits);
        let (scale, stated) = (a.scale + b.scale, i128::from(self.digits));
        let power = i128::from(*POWERS.get(scale.abs_diff(self.scale) as usize)?);
        if scale < self.scale { Some(product.checked_mul(power)? == stated) } else { Some(product == stated * power) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_told_of_plain_numbers_is_so(
            a in -100_000i64..100_000, b in -100_000i64..100_000, scales in (0u32..7, 0u32..7, 0u32..5),
            off in -1i64..2, places in 0u32..9,
        ) {
            let (a, b) = (Plain { digits: a, scale: scales.0 }, Plain { digits: b, scale: scales.1 });
            let decimal = |plain: Plain| Decimal::new(plain.digits, plain.scale);
            let product = (decimal(a) * decimal(b)).normalize();
            let up = 10i64.pow(scales.2);
            let digits = i64::try_from(product.mantissa()).expect("small") * up + if off == 0 { 0 } else { off };
            let stated = Plain { digits, scale: product.scale() + scales.2 };
            prop_assert_eq!(stated.is_product(a, b), Some(decimal(stated) == product));
            prop_assert_eq!(stated.ends_within(places), Some(decimal(stated).normalize().scale() <= places));
            prop_assert_eq!(stated.sum(), ExactSum::of(decimal(stated)));
            prop_assert_eq!(Plain::of(decimal(stated)), Some(stated));
        }
    }

    #[test]
    fn what_is_too_long_to_tell_is_left_open() {
        let (widest, one) = (Plain { digits: i64::MAX, scale: 0 }, Plain { digits: 1, scale: 28 });
        assert_eq!(one.is_product(widest, widest), None);
        assert_eq!(widest.is_product(one, one), None);
        assert_eq!(one.ends_within(2), None);
    }
}
