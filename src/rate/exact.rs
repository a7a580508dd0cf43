//! Sums that cannot lose a digit. `rust_decimal` drops fraction digits in silence when a sum outgrows
//! its 96 bits; this keeps an i128 mantissa at the widest scale seen and refuses to go on instead.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

use super::money::Currency;

/// A sum or product has more digits than can be held exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quantity or price has more digits than can be summed or multiplied exactly (38); correct it at the source")]
pub struct Overflow;

/// The powers of ten in 64 bits.
pub(super) const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// An exact running sum: `mantissa × 10^-scale`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExactSum {
    mantissa: i128,
    scale: u32,
}

impl ExactSum {
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    pub fn of(value: Decimal) -> Self {
        Self { mantissa: value.mantissa(), scale: value.scale() }
    }

    /// `mantissa × 10^-scale`, as it was kept aside by [`ExactSum::parts`].
    pub const fn from_parts(mantissa: i128, scale: u32) -> Self {
        Self { mantissa, scale }
    }

    /// Mantissa and scale.
    pub const fn parts(self) -> (i128, u32) {
        (self.mantissa, self.scale)
    }

    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    #[inline]
    pub fn add(&mut self, value: Decimal) -> Result<(), Overflow> {
        self.merge(Self::of(value))
    }

    /// Adds another sum.
    #[inline]
    pub fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        // Nearly every sum: a column is written with one number of digits.
        if self.scale == other.scale {
            self.mantissa = self.mantissa.checked_add(other.mantissa).ok_or(Overflow)?;
            return Ok(());
        }
        // Fewer digits than there were before: a product that a processor makes in one step.
        let up = self.scale.checked_sub(other.scale).and_then(|up| POWERS.get(up as usize));
        if let (Some(power), Ok(more)) = (up, i64::try_from(other.mantissa)) {
            let more = i128::from(more) * i128::from(*power);
            self.mantissa = self.mantissa.checked_add(more).ok_or(Overflow)?;
            return Ok(());
        }
        self.merge_another_scale(other)
    }

    fn merge_another_scale(&mut self, other: Self) -> Result<(), Overflow> {
        if self.scale > other.scale {
            let more = other.at_scale(self.scale)?;
            self.mantissa = self.mantissa.checked_add(more).ok_or(Overflow)?;
        } else {
            let mine = self.at_scale(other.scale)?;
            *self = Self { mantissa: mine.checked_add(other.mantissa).ok_or(Overflow)?, scale: other.scale };
        }
        Ok(())
    }

    /// `self − other`.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        let mut out = self;
        out.merge(Self { mantissa: other.mantissa.checked_neg().ok_or(Overflow)?, scale: other.scale })?;
        Ok(out)
    }

    /// Multiplies by a whole number.
    pub fn times(self, factor: i64) -> Result<Self, Overflow> {
        let mantissa = self.mantissa.checked_mul(i128::from(factor)).ok_or(Overflow)?;
        Ok(Self { mantissa, scale: self.scale })
    }

    /// Multiplies by a decimal.
    pub fn scaled(self, factor: Decimal) -> Result<Self, Overflow> {
        let (left, right) = (self.normalized(), Self::of(factor).normalized());
        let mantissa = left.mantissa.checked_mul(right.mantissa).ok_or(Overflow)?;
        Ok(Self { mantissa, scale: left.scale + right.scale })
    }

    /// Divides by a whole number, rounding once to `digits` places. A quotient that ends within `digits`
    /// is exact. `divisor` must be positive.
    pub fn divided(self, divisor: u32, digits: u32, strategy: RoundingStrategy) -> Result<Decimal, Overflow> {
        let divisor = i128::from(divisor.max(1));
        // Quotient and remainder at a scale of at least `digits`; the rest decides the rounding exactly.
        let n = self.normalized();
        let scale = n.scale.max(digits);
        let mantissa = n.at_scale(scale)?;
        let cut = 10i128.checked_pow(scale - digits).and_then(|c| c.checked_mul(divisor)).ok_or(Overflow)?;
        let (mut quotient, rest) = (mantissa / cut, mantissa % cut);
        let twice = rest.unsigned_abs().checked_mul(2).ok_or(Overflow)?;
        let up = match twice.cmp(&cut.unsigned_abs()) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => match strategy {
                RoundingStrategy::MidpointNearestEven => quotient % 2 != 0,
                _ => true,
            },
        };
        if up {
            quotient += mantissa.signum();
        }
        Self { mantissa: quotient, scale: digits }.to_decimal()
    }

    fn normalized(self) -> Self {
        let mut n = self;
        while n.scale > 0 && n.mantissa % 10 == 0 {
            n.mantissa /= 10;
            n.scale -= 1;
        }
        n
    }

    /// As an amount: every digit that counts, and zeros up to the minor unit.
    pub fn money_text(self, currency: Currency) -> String {
        let shortest = self.normalized();
        let digits = currency.minor_digits();
        let at_least = |sum: Self| sum.at_scale(digits).map(|mantissa| Self { mantissa, scale: digits });
        let shown = if shortest.scale < digits { at_least(shortest).unwrap_or(shortest) } else { shortest };
        shown.to_string()
    }

    /// The exact decimal, without trailing zeros beyond what `Decimal` can hold; an error if it cannot.
    pub fn to_decimal(self) -> Result<Decimal, Overflow> {
        let mut n = self;
        loop {
            match Decimal::try_from_i128_with_scale(n.mantissa, n.scale) {
                Ok(d) => return Ok(d),
                Err(_) if n.scale > 0 && n.mantissa % 10 == 0 => {
                    n.mantissa /= 10;
                    n.scale -= 1;
                }
                Err(_) => return Err(Overflow),
            }
        }
    }

    fn at_scale(self, scale: u32) -> Result<i128, Overflow> {
        let up = scale - self.scale;
        // Nearly every number: a product of two that a processor multiplies in one step.
        if let (Some(power), Ok(mantissa)) = (POWERS.get(up as usize), i64::try_from(self.mantissa)) {
            return Ok(i128::from(mantissa) * i128::from(*power));
        }
        10i128.checked_pow(up).and_then(|f| self.mantissa.checked_mul(f)).ok_or(Overflow)
    }
}

/// `a × b`, exact: `Decimal`'s own product drops digits past its 28 in silence.
pub fn multiply(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    ExactSum::of(a).scaled(b)?.to_decimal()
}

/// `a + b`, exact.
pub fn add(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    let mut sum = ExactSum::of(a);
    sum.add(b)?;
    sum.to_decimal()
}

/// `a − b`, exact.
pub fn subtract(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    add(a, -b)
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        self.minus(*other).is_ok_and(Self::is_zero)
    }
}

impl Eq for ExactSum {}

/// A plain decimal, no exponent.
impl fmt::Display for ExactSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        let scale = self.scale as usize;
        if self.mantissa < 0 {
            f.write_str("-")?;
        }
        if scale == 0 {
            return f.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::from_str_exact(s).expect("a decimal")
    }

    #[test]
    fn a_sum_keeps_every_digit_at_mixed_scales() {
        let mut sum = ExactSum::ZERO;
        for v in ["0.00000000729", "79228162514264337593", "-0.1"] {
            sum.add(d(v)).expect("fits");
        }
        assert_eq!(sum.to_string(), "79228162514264337592.90000000729");
    }

    #[test]
    fn a_sum_past_38_digits_is_refused() {
        let mut sum = ExactSum::of(Decimal::MAX);
        assert_eq!(sum.add(Decimal::from_str("0.0000000001").expect("a decimal")), Err(Overflow));
    }

    #[test]
    fn a_quotient_is_rounded_once() {
        let away = RoundingStrategy::MidpointAwayFromZero;
        let third = |v: &str| ExactSum::of(d(v)).divided(3, 6, away).expect("fits").to_string();
        assert_eq!(third("1"), "0.333333");
        assert_eq!(third("-2"), "-0.666667");
        assert_eq!(third("3"), "1.000000");
        let cents = |v: &str, by, how| ExactSum::of(d(v)).divided(by, 2, how).expect("fits").to_string();
        assert_eq!(cents("0.01", 2, away), "0.01");
        assert_eq!(cents("0.01", 2, RoundingStrategy::MidpointNearestEven), "0.00");
        assert_eq!(cents("-0.03", 2, RoundingStrategy::MidpointNearestEven), "-0.02");
    }

    #[test]
    fn a_product_past_its_digits_is_refused_not_cut() {
        assert_eq!(multiply(d("0.00000000000001"), d("0.00000000000001")).map(|p| p.scale()), Ok(28));
        assert_eq!(multiply(d("1.000000000000000000001"), d("1.000000000000000000001")), Err(Overflow));
    }

    #[test]
    fn a_sum_of_money_has_its_cents_and_every_digit_beyond() {
        let shown = |sum: &str, code: &str| ExactSum::of(d(sum)).money_text(Currency::parse(code).expect("a code"));
        assert_eq!(shown("-0.5", "USD"), "-0.50");
        assert_eq!(shown("0.003870967740", "USD"), "0.00387096774");
        assert_eq!((shown("0", "KWD"), shown("2.0", "JPY")), ("0.000".into(), "2".into()));
    }

    #[test]
    fn sums_at_different_scales_are_equal_by_value() {
        assert_eq!(ExactSum::of(d("1.50")), ExactSum::of(d("1.5")));
        assert_ne!(ExactSum::of(d("1.50")), ExactSum::of(d("1.51")));
    }
}
