//! The decision itself, in integers: the sums of one window in, the verdict and correctly rounded statistics out.
//!
//! Every row that the rule-out loop lets pass comes here. With n values of sum S and sum of squares Q, all as integers of
//! one unit, and a divisor m = n - ddof, the row's integer x is an outlier if
//! `(n x - S)^2 m > threshold^2 n (n Q - S^2)` and `(n x - S)^2 unit^2 > threshold^2 n^2 min_std^2`.

pub(crate) mod double_double;
mod in_pairs;

use num_bigint::{BigInt, BigUint};
use num_traits::{One, Signed, Zero};

use crate::packing::GRID_FACTORS;
use crate::{Decimal, RollingTest};

/// What the integers of a series are multiples of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// `10^-decimals` for that many decimals: the series is on a decimal grid.
    TenToMinus(u32),
    /// `2^exponent`: the values are taken as the binary fractions that they are.
    TwoTo(i32),
}

impl Unit {
    /// The unit as numerator and denominator.
    fn fraction(self) -> (BigUint, BigUint) {
        match self {
            Self::TenToMinus(decimals) => (BigUint::one(), BigUint::from(10_u32).pow(decimals)),
            Self::TwoTo(exponent) if exponent >= 0 => (BigUint::one() << exponent as u32, BigUint::one()),
            Self::TwoTo(exponent) => (BigUint::one(), BigUint::one() << exponent.unsigned_abs()),
        }
    }
}

/// The sums of a window and the tested value, as integers of one [`Unit`].
#[derive(Debug, Clone)]
pub(crate) struct TestedWindow<I> {
    /// Number of values.
    pub n: usize,
    /// Sum of the values.
    pub sum: I,
    /// Sum of their squares.
    pub squares: I,
    /// The tested value. Mean and standard deviation do not depend on it.
    pub x: I,
    /// What is added to each value of the window and to `x` for the real one: sums are often taken of differences from a
    /// number near the values.
    pub origin: I,
}

/// Statistics of an outlier: each is the double nearest the exact value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    /// Mean of the window.
    pub mean: f64,
    /// Standard deviation of the window.
    pub std: f64,
    /// `(x - mean) / max(std, min_std)`; infinite where the divisor is 0.
    pub zscore: f64,
}

impl TestedWindow<i64> {
    /// Decides whether the row is an outlier: its statistics if it is, `None` if it is not.
    ///
    /// Most rows that come here are decided in 128 bits; the others in as many as it takes.
    pub fn decide(&self, unit: Unit, test: &RollingTest) -> Option<Statistics> {
        match self.exceeds(unit, test) {
            Some(false) => None,
            Some(true) => {
                let in_pairs = self.statistics_in_pairs(unit, test);
                Some(in_pairs.unwrap_or_else(|| self.widen().statistics(unit, test)))
            }
            None => self.widen().decide(unit, test),
        }
    }

    /// Whether the row is an outlier; `None` where 128 bits do not tell.
    fn exceeds(&self, unit: Unit, test: &RollingTest) -> Option<bool> {
        let n = self.n as i128;
        let m = n - test.ddof() as i128;
        if m <= 0 {
            return Some(false);
        }
        let (deviation, spread) = (self.deviation(), self.spread());
        let threshold = i128::from(test.threshold().mantissa());
        let scale = 10_i128.pow(test.threshold().decimals());
        let scaled = product(deviation, scale)?;
        let left = product(scaled, scaled)?;
        let right = product(product(threshold, threshold)?, n)?;
        if product(left, m)? <= product(right, spread)? {
            return Some(false);
        }
        let min_std = test.min_std();
        if min_std.is_zero() {
            return Some(true);
        }
        let Unit::TenToMinus(decimals) = unit else { return None };
        let units = i128::from(min_std.mantissa()) * 10_i128.pow(decimals);
        let left = product(scaled.checked_abs()?, 10_i128.pow(min_std.decimals()))?;
        Some(left > product(product(threshold, n)?, units)?)
    }

    /// `n x - S`.
    fn deviation(&self) -> i128 {
        self.n as i128 * i128::from(self.x) - i128::from(self.sum)
    }

    /// `n Q - S^2`, which is `n^2` times the population variance.
    fn spread(&self) -> i128 {
        self.n as i128 * i128::from(self.squares) - i128::from(self.sum).pow(2)
    }

    /// The same window in integers of any size.
    pub fn widen(&self) -> TestedWindow<BigInt> {
        TestedWindow {
            n: self.n,
            sum: self.sum.into(),
            squares: self.squares.into(),
            x: self.x.into(),
            origin: self.origin.into(),
        }
    }
}

/// The product, if 128 bits hold it.
///
/// To find that out by multiplying is a call of a function; most factors are so small that their lengths tell.
#[inline]
fn product(a: i128, b: i128) -> Option<i128> {
    let length = |x: i128| i128::BITS - x.unsigned_abs().leading_zeros();
    if length(a) + length(b) < i128::BITS { Some(a.wrapping_mul(b)) } else { a.checked_mul(b) }
}

impl TestedWindow<BigInt> {
    /// Decides whether the row is an outlier: its statistics if it is, `None` if it is not.
    pub fn decide(&self, unit: Unit, test: &RollingTest) -> Option<Statistics> {
        if self.n <= test.ddof() {
            return None;
        }
        let (numerator, denominator) = unit.fraction();
        let (threshold, scale) = fraction(test.threshold());
        let (min_std, min_std_scale) = fraction(test.min_std());
        let deviation = self.deviation();
        let left = (&deviation * &scale).pow(2);
        let right = threshold.pow(2) * self.n;
        if &left * (self.n - test.ddof()) <= &right * self.spread() {
            return None;
        }
        let left = left * (min_std_scale * numerator).pow(2);
        let right = right * self.n * (min_std * denominator).pow(2);
        (left > right).then(|| self.statistics(unit, test))
    }

    /// `|n x - S|`.
    fn deviation(&self) -> BigUint {
        (&self.x * self.n - &self.sum).abs().into_parts().1
    }

    /// `n Q - S^2`, which is `n^2` times the population variance.
    fn spread(&self) -> BigUint {
        (&self.squares * self.n - &self.sum * &self.sum).into_parts().1
    }

    /// The statistics of a row whose window holds more than `ddof` values.
    fn statistics(&self, unit: Unit, test: &RollingTest) -> Statistics {
        let (numerator, denominator) = unit.fraction();
        let n = BigUint::from(self.n);
        let m = BigUint::from(self.n - test.ddof());
        let spread = self.spread();
        let deviation = self.deviation();
        let (min_std, min_std_scale) = fraction(test.min_std());
        // Which of std and min_std is larger is decided without rounding either.
        let min_std_is_larger =
            (&min_std * &denominator).pow(2) * &n * &m > &spread * (&min_std_scale * &numerator).pow(2);
        let magnitude = if min_std_is_larger {
            nearest(&(deviation * numerator * min_std_scale), &(n * denominator * min_std))
        } else if spread.is_zero() {
            f64::INFINITY
        } else {
            nearest_root(&(deviation.pow(2) * m), &(n * spread))
        };
        let below = (&self.x * self.n - &self.sum).is_negative();
        Statistics {
            mean: self.mean(unit),
            std: self.std(unit, test.ddof()),
            zscore: if below { -magnitude } else { magnitude },
        }
    }

    /// The double nearest the mean of at least one value.
    pub fn mean(&self, unit: Unit) -> f64 {
        let (numerator, denominator) = unit.fraction();
        let (sign, total) = (&self.sum + &self.origin * self.n).into_parts();
        let mean = nearest(&(total * numerator), &(denominator * self.n));
        if sign == num_bigint::Sign::Minus { -mean } else { mean }
    }

    /// The double nearest the standard deviation of more than `ddof` values.
    pub fn std(&self, unit: Unit, ddof: usize) -> f64 {
        let (numerator, denominator) = unit.fraction();
        nearest_root(&(self.spread() * numerator.pow(2)), &(denominator.pow(2) * self.n * (self.n - ddof)))
    }
}

/// A decimal as numerator and denominator.
fn fraction(decimal: Decimal) -> (BigUint, BigUint) {
    (BigUint::from(decimal.mantissa()), BigUint::from(10_u32).pow(decimal.decimals()))
}

/// A value without rounding, as an integer of some unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExactValue {
    /// A mantissa of magnitude below 2^53, times a power of two: mantissa, exponent.
    Scaled(i64, i32),
    /// Any other integer.
    Large(BigInt),
}

/// A finite value as a multiple of `10^-decimals` where `grid` says that it is on the grid of so many decimals, else as the
/// binary fraction that a double is.
pub(crate) fn exact_value(value: f64, grid: Option<u32>) -> ExactValue {
    let Some(decimals) = grid else {
        let (mantissa, exponent) = parts(value);
        return ExactValue::Scaled(mantissa, exponent);
    };
    let integer = (value * GRID_FACTORS[decimals as usize]).round();
    if integer.abs() < 9_007_199_254_740_992.0 {
        return ExactValue::Scaled(integer as i64, 0);
    }
    ExactValue::Large(integer_of_text(value, decimals as usize))
}

/// The decimal of at most so many decimals that a finite double is written as, times `10^decimals`. Beyond 2^53 the product
/// of the double itself is not exact.
fn integer_of_text(value: f64, decimals: usize) -> BigInt {
    // A finite double is written as a sign if it is negative, digits, and perhaps a point and more digits.
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // The value is on the grid, so that there are no more digits after the point than those taken.
    let fraction = fraction.bytes().chain(std::iter::repeat(b'0')).take(decimals);
    let digits = whole.bytes().chain(fraction).map(|digit| digit - b'0');
    let magnitude = digits.fold(BigInt::zero(), |integer, digit| integer * 10 + digit);
    if value < 0.0 { -magnitude } else { magnitude }
}

/// Mantissa and exponent of a finite double: it equals `mantissa * 2^exponent`.
fn parts(value: f64) -> (i64, i32) {
    let bits = value.to_bits();
    let raw = (bits >> 52 & 0x7ff) as i32;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let (mantissa, exponent) = if raw == 0 { (fraction, -1074) } else { (fraction | 1 << 52, raw - 1075) };
    (if value.is_sign_negative() { -mantissa } else { mantissa }, exponent)
}

/// The double nearest `numerator / denominator`.
fn nearest(numerator: &BigUint, denominator: &BigUint) -> f64 {
    let shift = (66 + denominator.bits() as i64 - numerator.bits() as i64).max(0) as u64;
    let scaled = numerator << shift;
    let quotient = &scaled / denominator;
    let inexact = &quotient * denominator != scaled;
    rounded(&quotient, inexact, -(shift as i64))
}

/// The double nearest the square root of `numerator / denominator`.
fn nearest_root(numerator: &BigUint, denominator: &BigUint) -> f64 {
    let missing = (134 + denominator.bits() as i64 - numerator.bits() as i64).max(0) as u64;
    let half = missing.div_ceil(2);
    let scaled = numerator << (2 * half);
    let root = (&scaled / denominator).sqrt();
    let inexact = &root * &root * denominator != scaled;
    rounded(&root, inexact, -(half as i64))
}

/// `integer * 2^exponent`, rounded once to the nearest double; `inexact` says that a little more than `integer` was meant.
fn rounded(integer: &BigUint, inexact: bool, exponent: i64) -> f64 {
    let drop = integer.bits().saturating_sub(64);
    let top = integer >> drop;
    let sticky = inexact || (&top << drop) != *integer;
    // At most 64 bits are left: one digit of that size, or no digit, which is how 0 is kept.
    let top = top.iter_u64_digits().next().unwrap_or(0);
    // 64 bits with the lowest standing for all below it round correctly to 53.
    let leading = top | u64::from(sticky);
    scale_by_power_of_two(leading as f64, exponent + drop as i64)
}

/// `x * 2^exponent`, in steps that neither overflow nor underflow before the result does.
fn scale_by_power_of_two(mut x: f64, mut exponent: i64) -> f64 {
    while exponent != 0 && x != 0.0 && x.is_finite() {
        let step = exponent.clamp(-1000, 1000);
        x *= 2_f64.powi(step as i32);
        exponent -= step;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RollingTestBuilder, Window};

    fn window(values: &[i64], x: i64) -> TestedWindow<i64> {
        let sum = values.iter().sum();
        let squares = values.iter().map(|v| v * v).sum();
        TestedWindow { n: values.len(), sum, squares, x, origin: 0 }
    }

    fn builder(threshold: &str) -> RollingTestBuilder {
        RollingTest::builder().window(Window::Rows(4)).threshold(threshold.parse().unwrap())
    }

    fn test(threshold: &str) -> RollingTest {
        builder(threshold).build().unwrap()
    }

    #[test]
    fn products_are_those_that_fit() {
        let factors = [0, 1, -1, 7, i128::MAX, i128::MIN, 1 << 63, -(1 << 63), (1 << 64) - 1, 1 << 126];
        for a in factors {
            for b in factors {
                assert_eq!(product(a, b), a.checked_mul(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn narrow_and_wide_integers_decide_alike() {
        let values = [3, 1, 4, 1];
        for x in -60..60 {
            for min_std in ["0", "0.25", "7"] {
                let test = builder("2.5").min_std(min_std.parse().unwrap()).build().unwrap();
                let narrow = window(&values, x);
                for unit in [Unit::TenToMinus(0), Unit::TenToMinus(2)] {
                    assert_eq!(
                        narrow.exceeds(unit, &test),
                        Some(narrow.widen().decide(unit, &test).is_some())
                    );
                }
            }
        }
    }

    #[test]
    fn what_128_bits_do_not_hold_is_decided_in_more() {
        let big = 1_i64 << 30;
        let values = [big, -big, big, -big];
        let test = test("999999999999.999");
        assert_eq!(window(&values, big).exceeds(Unit::TenToMinus(0), &test), None);
        assert_eq!(window(&values, big).decide(Unit::TenToMinus(0), &test), None);
    }

    #[test]
    fn values_are_the_integers_of_their_grid_or_binary_fractions() {
        assert_eq!(exact_value(-12.25, Some(2)), ExactValue::Scaled(-1225, 0));
        let large = BigInt::from(225_179_981_368_524_850_i64);
        assert_eq!(exact_value(2_251_799_813_685_248.5, Some(2)), ExactValue::Large(large));
        assert_eq!(exact_value(-1e20, Some(2)), ExactValue::Large(-BigInt::from(10).pow(22)));
        assert_eq!(exact_value(1e300, Some(3)), ExactValue::Large(BigInt::from(10).pow(303)));
        assert_eq!(exact_value(0.75, None), ExactValue::Scaled(3 << 51, -53));
        assert_eq!(exact_value(-5e-324, None), ExactValue::Scaled(-1, -1074));
    }

    #[test]
    fn fractions_and_roots_round_to_the_nearest_double() {
        let big = |n: u64| BigUint::from(n);
        assert_eq!(nearest(&big(51), &big(10)), 5.1);
        assert_eq!(nearest(&big(1), &big(3)), 1.0 / 3.0);
        assert_eq!(nearest(&big(0), &big(3)), 0.0);
        assert_eq!(nearest(&(big(1) << 200_u32), &big(1)), 2_f64.powi(200));
        assert_eq!(nearest(&big(1), &(big(1) << 1074_u32)), f64::from_bits(1));
        assert_eq!(nearest_root(&big(2), &big(1)), 2_f64.sqrt());
        assert_eq!(nearest_root(&big(9), &big(16)), 0.75);
        // Halfway between two doubles, plus a hair: the remainder must break the tie upwards.
        let half = (big(1) << 54_u32) + 2_u32;
        assert_eq!(nearest(&half, &big(1)), (1_u64 << 54) as f64);
        assert_eq!(nearest(&((half << 70_u32) + 1_u32), &(big(1) << 70_u32)), ((1_u64 << 54) + 4) as f64);
    }
}
