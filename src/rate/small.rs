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

    /// The same number, to be added up without a bound.
    pub fn exact(self) -> ExactSum {
        ExactSum::from_parts(i128::from(self.mantissa), u32::from(self.scale))
    }

    /// The same number; `None` of a scale that no decimal has.
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
        }
    }
}
