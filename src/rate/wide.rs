//! Amounts between the first product and the one rounding. A quantity and a price may have 28 digits each,
//! and a discount and days come on top: 256 bits hold all of their product, where a `Decimal` would drop
//! digits and 128 bits would overflow.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use super::exact::{ExactSum, Overflow};

/// The largest power of ten in 64 bits.
const TEN_19: u64 = 10_000_000_000_000_000_000;
const DIGITS_28: u32 = 28;

/// An unsigned number of 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Bits {
    high: u128,
    low: u128,
}

impl Bits {
    const fn of(low: u128) -> Self {
        Self { high: 0, low }
    }

    const fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    fn plus(self, other: Self) -> Option<Self> {
        let (low, carry) = self.low.overflowing_add(other.low);
        let high = self.high.checked_add(other.high)?.checked_add(u128::from(carry))?;
        Some(Self { high, low })
    }

    /// `self − other`; `other` must not be the larger one.
    fn minus(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow)), low }
    }

    fn times(self, factor: u128) -> Option<Self> {
        if self.high == 0
            && let Some(low) = self.low.checked_mul(factor)
        {
            return Some(Self::of(low));
        }
        let product = full_product(self.low, factor);
        Some(Self { high: self.high.checked_mul(factor)?.checked_add(product.high)?, low: product.low })
    }

    fn times_ten_to(self, mut power: u32) -> Option<Self> {
        let mut out = self;
        while power > 0 && !out.is_zero() {
            let step = power.min(19);
            out = out.times(10u128.pow(step))?;
            power -= step;
        }
        Some(out)
    }

    /// Quotient and rest; `divisor` must not be zero.
    fn divided(self, divisor: Self) -> (Self, Self) {
        if self.high == 0 && divisor.high == 0 {
            return (Self::of(self.low / divisor.low), Self::of(self.low % divisor.low));
        }
        let (mut quotient, mut rest) = (Self::default(), Self::default());
        for bit in (0..256).rev() {
            // The rest is below the divisor, so that a bit falls off only where the divisor fits once more.
            let over = rest.high >> 127 == 1;
            rest = Self { high: rest.high << 1 | rest.low >> 127, low: rest.low << 1 | self.bit(bit) };
            if over || rest >= divisor {
                rest = rest.minus(divisor);
                quotient.set(bit);
            }
        }
        (quotient, rest)
    }

    const fn bit(self, bit: u32) -> u128 {
        if bit < 128 { self.low >> bit & 1 } else { self.high >> (bit - 128) & 1 }
    }

    const fn set(&mut self, bit: u32) {
        if bit < 128 {
            self.low |= 1 << bit;
        } else {
            self.high |= 1 << (bit - 128);
        }
    }
}

/// The product of two 128-bit numbers, by halves.
const fn full_product(a: u128, b: u128) -> Bits {
    const HALF: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let lowest = a_low * b_low;
    let (cross, other) = (a_high * b_low, a_low * b_high);
    let middle = (lowest >> 64) + (cross & HALF) + (other & HALF);
    Bits { high: a_high * b_high + (cross >> 64) + (other >> 64) + (middle >> 64), low: middle << 64 | lowest & HALF }
}

/// An exact amount: `±mantissa × 10^-scale`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exact {
    negative: bool,
    mantissa: Bits,
    scale: u32,
}

impl Exact {
    pub const ZERO: Self = Self { negative: false, mantissa: Bits::of(0), scale: 0 };

    pub fn of(value: Decimal) -> Self {
        // Zeros at the end are digits that the product need not hold.
        let value = value.normalize();
        let mantissa = Bits::of(value.mantissa().unsigned_abs());
        Self { negative: value.is_sign_negative(), mantissa, scale: value.scale() }
    }

    pub const fn is_zero(self) -> bool {
        self.mantissa.is_zero()
    }

    pub fn times(self, factor: Decimal) -> Result<Self, Overflow> {
        let factor = Self::of(factor);
        let mantissa = self.mantissa.times(factor.mantissa.low).ok_or(Overflow)?;
        Ok(Self { negative: self.negative != factor.negative, mantissa, scale: self.scale + factor.scale })
    }

    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.at_scale(scale)?, other.at_scale(scale)?);
        if self.negative == other.negative {
            return Ok(Self { mantissa: left.plus(right).ok_or(Overflow)?, scale, ..self });
        }
        Ok(match left.cmp(&right) {
            Ordering::Less => Self { negative: other.negative, mantissa: right.minus(left), scale },
            Ordering::Equal | Ordering::Greater => Self { mantissa: left.minus(right), scale, ..self },
        })
    }

    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.plus(Self { negative: !other.negative, ..other })
    }

    pub fn exceeds(self, bound: Decimal) -> Result<bool, Overflow> {
        let over = self.minus(Self::of(bound))?;
        Ok(!over.negative && !over.is_zero())
    }

    /// Divides by a whole number, rounding once to `digits` places; a quotient that ends within them is exact.
    pub fn divided(self, divisor: u32, digits: u32, strategy: RoundingStrategy) -> Result<Decimal, Overflow> {
        let scale = self.scale.max(digits);
        let cut = Bits::of(u128::from(divisor.max(1))).times_ten_to(scale - digits).ok_or(Overflow)?;
        let (quotient, rest) = self.at_scale(scale)?.divided(cut);
        let half = rest.cmp(&cut.minus(rest));
        let up = match (half, strategy) {
            (_, RoundingStrategy::AwayFromZero) => !rest.is_zero(),
            (Ordering::Less, _) | (_, RoundingStrategy::ToZero) => false,
            (Ordering::Greater, _) => true,
            (Ordering::Equal, RoundingStrategy::MidpointNearestEven) => quotient.low & 1 == 1,
            (Ordering::Equal, _) => !rest.is_zero(),
        };
        let quotient = if up { quotient.plus(Bits::of(1)).ok_or(Overflow)? } else { quotient };
        Self { mantissa: quotient, scale: digits, ..self }.decimal().ok_or(Overflow)
    }

    /// The same value, where a `Decimal` can hold it.
    pub fn decimal(self) -> Option<Decimal> {
        let value = self.shortest();
        let mantissa = i128::try_from(value.mantissa.low).ok().filter(|_| value.mantissa.high == 0)?;
        let signed = if value.negative { -mantissa } else { mantissa };
        let mut decimal = Decimal::try_from_i128_with_scale(signed, value.scale).ok()?;
        if decimal.is_zero() {
            decimal.set_sign_positive(true);
        }
        Some(decimal)
    }

    /// As a sum, exact but for digits past the 28th place.
    pub fn sum(self) -> Result<ExactSum, Overflow> {
        match self.decimal() {
            Some(decimal) => Ok(ExactSum::of(decimal)),
            None => self.divided(1, DIGITS_28, RoundingStrategy::MidpointAwayFromZero).map(ExactSum::of),
        }
    }

    fn at_scale(self, scale: u32) -> Result<Bits, Overflow> {
        self.mantissa.times_ten_to(scale - self.scale).ok_or(Overflow)
    }

    /// Without zeros at its end.
    fn shortest(self) -> Self {
        let mut out = self;
        let ten = Bits::of(10);
        while out.scale > 0 {
            let (quotient, rest) = out.mantissa.divided(ten);
            if !rest.is_zero() {
                break;
            }
            (out.mantissa, out.scale) = (quotient, out.scale - 1);
        }
        out
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.minus(*other).is_ok_and(Self::is_zero)
    }
}

impl Eq for Exact {}

/// A plain decimal with all its digits: no exponent, no zeros at its end, no `-0`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.shortest();
        let mut digits = String::new();
        let (mut rest, cut) = (value.mantissa, Bits::of(u128::from(TEN_19)));
        while rest.high > 0 || rest.low >= cut.low {
            let (quotient, part) = rest.divided(cut);
            digits.insert_str(0, &format!("{:019}", part.low));
            rest = quotient;
        }
        digits.insert_str(0, &rest.low.to_string());
        if value.negative && !value.is_zero() {
            f.write_str("-")?;
        }
        let scale = value.scale as usize;
        if scale == 0 {
            return f.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{whole}.{fraction}")
    }
}

/// As text: JSON numbers are binary floats to most readers.
impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AWAY: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    #[test]
    fn a_product_of_two_full_decimals_keeps_all_56_digits() {
        let widest = d("7.9228162514264337593543950335");
        let product = Exact::of(widest).times(widest).expect("fits");
        assert_eq!(product.to_string(), "62.77101735386680763835789423049210091073826769276946612225");
        assert_eq!(product.divided(1, 2, AWAY), Ok(d("62.77")));
        assert_eq!(product.decimal(), None);
        let days = product.times(d("31")).and_then(|p| p.divided(31, 26, AWAY));
        assert_eq!(days.map(|v| v.to_string()), Ok("62.77101735386680763835789423".to_string()));
    }

    #[test]
    fn what_256_bits_cannot_hold_is_refused() {
        let widest = Exact::of(Decimal::MAX).times(Decimal::MAX).expect("192 bits");
        assert_eq!(widest.times(Decimal::MAX), Err(Overflow));
        assert_eq!(widest.divided(1, 2, AWAY), Err(Overflow));
    }

    #[test]
    fn sums_and_differences_have_their_sign() {
        let sum = |a: &str, b: &str| Exact::of(d(a)).plus(Exact::of(d(b))).expect("fits").to_string();
        assert_eq!(sum("1.25", "-3"), "-1.75");
        assert_eq!(sum("-1.25", "3"), "1.75");
        assert_eq!(sum("-1.25", "-0.75"), "-2");
        assert_eq!(sum("-1.25", "1.250"), "0");
        assert_eq!(Exact::of(d("100.01")).exceeds(d("100")), Ok(true));
        assert_eq!(Exact::of(d("-100.01")).exceeds(d("-100")), Ok(false));
    }

    #[test]
    fn halves_are_rounded_by_the_rule() {
        let cents = |v: &str, by, how| Exact::of(d(v)).divided(by, 2, how).expect("fits").to_string();
        assert_eq!(cents("0.01", 2, AWAY), "0.01");
        assert_eq!(cents("0.01", 2, RoundingStrategy::MidpointNearestEven), "0");
        assert_eq!(cents("-0.03", 2, RoundingStrategy::MidpointNearestEven), "-0.02");
        assert_eq!(cents("-0.999", 1, RoundingStrategy::ToZero), "-0.99");
        assert_eq!(cents("-0.991", 1, RoundingStrategy::AwayFromZero), "-1");
        assert_eq!(cents("0.99", 1, RoundingStrategy::AwayFromZero), "0.99");
    }

    proptest! {
        #[test]
        fn where_128_bits_are_enough_both_agree(
            a in -1_000_000_000i64..1_000_000_000, a_scale in 0u32..8,
            b in -1_000_000_000i64..1_000_000_000, b_scale in 0u32..8,
            of in 1u32..32, active in 0u32..32,
        ) {
            let (a, b) = (Decimal::new(a, a_scale), Decimal::new(b, b_scale));
            let narrow = ExactSum::of(a).scaled(b).and_then(|s| s.times(i64::from(active)));
            let wide = Exact::of(a).times(b).and_then(|s| s.times(Decimal::from(active)));
            for how in [AWAY, RoundingStrategy::MidpointNearestEven] {
                prop_assert_eq!(
                    narrow.and_then(|n| n.divided(of, 2, how)),
                    wide.and_then(|w| w.divided(of, 2, how))
                );
            }
        }

        #[test]
        fn dividing_undoes_multiplying(a: u128, b in 1u128..) {
            let product = full_product(a, b);
            prop_assert_eq!(product.divided(Bits::of(b)), (Bits::of(a), Bits::of(0)));
            let more = product.plus(Bits::of(b - 1)).expect("fits");
            prop_assert_eq!(more.divided(Bits::of(b)), (Bits::of(a), Bits::of(b - 1)));
        }
    }
}
