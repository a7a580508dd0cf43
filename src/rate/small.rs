//! Numbers that a processor adds in one step: nearly every figure of an export, and the sum of many of them. What does
//! not fit is told, and is added up elsewhere, exactly.

use rust_decimal::Decimal;

use super::exact::{ExactSum, POWERS};

/// The multiples of a power of ten, told without a division: times the inverse of its odd part modulo 2^64, they are the
/// numbers that are small once the zero bits at their end are turned to the front.
#[derive(Clone, Copy)]
struct Multiples {
    inverse: u64,
    zeros: u32,
    last: u64,
}

impl Multiples {
    const fn of(exponent: u32) -> Self {
        let odd = 5_u64.pow(exponent);
        // Each step makes twice as many bits right, of which there are three to begin with.
        let mut inverse = odd;
        let mut right = 3;
        while right < u64::BITS {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
            right *= 2;
        }
        Self { inverse, zeros: exponent, last: u64::MAX / 10_u64.pow(exponent) }
    }

    #[inline]
    const fn has(self, number: i64) -> bool {
        number.unsigned_abs().wrapping_mul(self.inverse).rotate_right(self.zeros) <= self.last
    }
}

/// Those of each of `POWERS`.
const MULTIPLES: [Multiples; POWERS.len()] = {
    let mut multiples = [Multiples::of(0); POWERS.len()];
    let (mut place, mut exponent) = (1, 1);
    while place < POWERS.len() {
        multiples[place] = Multiples::of(exponent);
        (place, exponent) = (place + 1, exponent + 1);
    }
    multiples
};

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
        MULTIPLES.get(self.scale().saturating_sub(places) as usize).map(|of| of.has(self.mantissa))
    }

    /// Whether it is the product of two; `None` where 128 bits are not enough to tell.
    #[inline]
    pub(super) fn is_product(self, a: Self, b: Self) -> Option<bool> {
        let scale = a.scale() + b.scale();
        let power = |from: u32, to: u32| POWERS.get(to.saturating_sub(from) as usize).copied();
        let (up, stated) = (power(scale, self.scale())?, wide(self.mantissa, power(self.scale(), scale)?));
        // Nearly every product: one that a processor multiplies in one step.
        match a.mantissa.checked_mul(b.mantissa) {
            Some(product) => Some(wide(product, up) == stated),
            None => is_raised_product(wide(a.mantissa, b.mantissa), up, stated),
        }
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

pub(super) fn wide(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

#[cold]
fn is_raised_product(product: i128, up: i64, stated: i128) -> Option<bool> {
    Some(product.checked_mul(i128::from(up))? == stated)
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
            let scale = a_scale.max(b_scale);
            let is_long = |n: Small| n.exact().times(10_i64.checked_pow(u32::from(scale - n.scale)).unwrap_or(i64::MAX))
                .is_ok_and(|raised| i64::try_from(raised.parts().0).is_err());
            let fits = exact.merge(b.exact()).is_ok()
                && i64::try_from(exact.parts().0).is_ok()
                && !is_long(a) && !is_long(b);
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

    proptest! {
        #[test]
        fn multiples_of_a_power_of_ten_are_what_division_says(number: i64, shift in 0u32..64, exponent in 0u32..19) {
            let (number, power) = (number >> shift, POWERS[exponent as usize]);
            let multiples = MULTIPLES[exponent as usize];
            for number in [number, number / power * power, i64::MIN, i64::MAX, 0, power, -power] {
                prop_assert_eq!(multiples.has(number), number % power == 0, "{} by {}", number, power);
            }
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
