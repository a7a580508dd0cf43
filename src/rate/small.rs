//! Numbers that a processor adds in one step: nearly every figure of an export, and the sum of many of them. What does
//! not fit is told, and is added up elsewhere, exactly.

use rust_decimal::Decimal;

use super::exact::{ExactSum, POWERS};

/// `mantissa × 10^-scale`, in 64 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Small {
    mantissa: i64,
    scale: u8,
}

impl Small {
    pub const fn from_parts(mantissa: i64, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// `None` of a scale that no decimal has.
    #[inline]
    pub fn written(mantissa: i64, scale: u32) -> Option<Self> {
        Some(Self { mantissa, scale: u8::try_from(scale).ok().filter(|scale| *scale <= 28)? })
    }

    /// `None` of a number with more digits. The least that 64 bits hold is none, either.
    #[inline]
    pub fn of(value: Decimal) -> Option<Self> {
        let parts = value.unpack();
        let mantissa =
            i64::try_from(u64::from(parts.mid) << 32 | u64::from(parts.lo)).ok().filter(|_| parts.hi == 0)?;
        let mantissa = if parts.negative { -mantissa } else { mantissa };
        Some(Self { mantissa, scale: u8::try_from(parts.scale).ok()? })
    }

    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The sum, at the larger of the two scales; `None` if it does not fit.
    #[inline]
    pub fn plus(self, other: Self) -> Option<Self> {
        // Nearly every sum: a column is written with one number of digits.
        if self.scale == other.scale {
            return Some(Self { mantissa: self.mantissa.checked_add(other.mantissa)?, scale: self.scale });
        }
        if self.scale < other.scale {
            return other.plus_longer(self);
        }
        self.plus_shorter(other)
    }

    /// With a number of fewer digits behind the point.
    #[inline]
    fn plus_shorter(self, other: Self) -> Option<Self> {
        let power = POWERS.get(usize::from(self.scale - other.scale))?;
        let mantissa = self.mantissa.checked_add(other.mantissa.checked_mul(*power)?)?;
        Some(Self { mantissa, scale: self.scale })
    }

    /// The same, where a sum has fewer digits than what is added: that happens once or twice.
    #[cold]
    fn plus_longer(self, sum: Self) -> Option<Self> {
        self.plus_shorter(sum)
    }

    pub fn scale(self) -> u32 {
        u32::from(self.scale)
    }

    /// Its digits at so many places; `None` where it is written with more, or is raised by more than 64 bits hold.
    #[inline]
    pub fn at_places(self, places: u32) -> Option<i128> {
        let power = POWERS.get(places.checked_sub(self.scale())? as usize)?;
        Some(i128::from(self.mantissa) * i128::from(*power))
    }

    /// Whether it has no digit that counts past so many places; `None` where 64 bits are not enough to tell.
    #[inline]
    pub(super) fn ends_within(self, places: u32) -> Option<bool> {
        match self.scale().saturating_sub(places) {
            0 => Some(true),
            beyond => POWERS.get(beyond as usize).map(|power| self.mantissa % power == 0),
        }
    }

    /// Whether it is the product of two; `None` where 128 bits are not enough to tell.
    #[inline]
    pub(super) fn is_product(self, a: Self, b: Self) -> Option<bool> {
        let product = i128::from(a.mantissa) * i128::from(b.mantissa);
        let (scale, stated) = (a.scale() + b.scale(), i128::from(self.mantissa));
        let power = i128::from(*POWERS.get(scale.abs_diff(self.scale()) as usize)?);
        if scale < self.scale() { Some(product.checked_mul(power)? == stated) } else { Some(product == stated * power) }
    }

    /// The same number, to be added up without a bound.
    #[inline]
    pub fn exact(self) -> ExactSum {
        ExactSum::from_parts(i128::from(self.mantissa), u32::from(self.scale))
    }

    /// The same number; `None` of a scale that no decimal has.
    #[inline]
    pub fn decimal(self) -> Option<Decimal> {
        Decimal::try_new(self.mantissa, u32::from(self.scale)).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sum_is_exact_or_not_there(
            a: i64, b: i64, a_scale in 0u8..29, b_scale in 0u8..29, a_shift in 0u32..64, b_shift in 0u32..64
        ) {
            let (a, b) = (Small::from_parts(a >> a_shift, a_scale), Small::from_parts(b >> b_shift, b_scale));
            let mut exact = a.exact();
            let fits = exact.merge(b.exact()).is_ok() && i64::try_from(exact.parts().0).is_ok();
            match a.plus(b) {
                Some(sum) => prop_assert_eq!(sum.exact().parts(), exact.parts()),
                // Powers of ten end at the nineteenth.
                None => prop_assert!(!fits || a_scale.abs_diff(b_scale) > 18),
            }
            prop_assert_eq!(a.decimal().and_then(Small::of), Some(a).filter(|_| a.mantissa > i64::MIN));
            prop_assert_eq!(Small::written(a.mantissa, a.scale()), Some(a));
        }

        #[test]
        fn what_is_told_of_small_numbers_is_so(
            a in -100_000i64..100_000, b in -100_000i64..100_000, scales in (0u8..7, 0u8..7, 0u32..5),
            off in -1i64..2, places in 0u32..9,
        ) {
            let (a, b) = (Small::from_parts(a, scales.0), Small::from_parts(b, scales.1));
            let decimal = |small: Small| small.decimal().expect("a decimal");
            let product = (decimal(a) * decimal(b)).normalize();
            let up = 10i64.pow(scales.2);
            let digits = i64::try_from(product.mantissa()).expect("small") * up + if off == 0 { 0 } else { off };
            let stated = Small::written(digits, product.scale() + scales.2).expect("a decimal");
            prop_assert_eq!(stated.is_product(a, b), Some(decimal(stated) == product));
            prop_assert_eq!(stated.ends_within(places), Some(decimal(stated).normalize().scale() <= places));
            prop_assert_eq!(stated.exact(), ExactSum::of(decimal(stated)));
            prop_assert_eq!(Small::of(decimal(stated)), Some(stated));
            let raised = stated.at_places(18).and_then(|digits| Decimal::try_from_i128_with_scale(digits, 18).ok());
            prop_assert!(raised.is_none_or(|raised| raised == decimal(stated)));
        }
    }

    #[test]
    fn what_is_too_long_to_tell_is_left_open() {
        let (widest, one) = (Small::from_parts(i64::MAX, 0), Small::from_parts(1, 28));
        assert_eq!(one.is_product(widest, widest), None);
        assert_eq!(widest.is_product(one, one), None);
        assert_eq!(one.ends_within(2), None);
        assert_eq!(one.at_places(18), None);
        assert_eq!(Small::written(1, 29), None);
    }
}
