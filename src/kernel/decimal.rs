//! Decimal numbers as people write them: an option such as `6.5`, or a value on a decimal grid.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "tools")]
use super::series::Packing;

/// A non-negative decimal number, `mantissa / 10^decimals`, as exact as it was written.
///
/// Thresholds are taken as decimals, not as the doubles nearest them, because observations are:
/// with a spread of 0.1 and a threshold of 6.1, a deviation of 0.61 lies exactly on the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    mantissa: u64,
    decimals: u32,
}

/// What is no non-negative decimal number of at most 15 digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of at most 15 digits, 0 or more, such as 6 or 6.5")]
pub struct ParseDecimalError(String);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, decimals: 0 };

    /// A whole number.
    #[must_use]
    pub const fn whole(number: u32) -> Self {
        Self { mantissa: number as u64, decimals: 0 }
    }

    /// The digits without their point.
    #[must_use]
    pub const fn mantissa(self) -> u64 {
        self.mantissa
    }

    /// How many of the digits stand behind the point.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        self.decimals
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Both are integers below 2^53, so that the one division rounds once.
        self.mantissa as f64 / 10_f64.powi(self.decimals as i32)
    }

    /// Whether it is 0.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseDecimalError(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        if !digits.bytes().all(|b| b.is_ascii_digit())
            || !text.bytes().any(|b| b.is_ascii_digit())
            || significant.len() > 15
            || fraction.len() > 15
        {
            return Err(fail());
        }
        let mantissa = if significant.is_empty() { 0 } else { significant.parse().map_err(|_| fail())? };
        Ok(Self { mantissa, decimals: fraction.len() as u32 })
    }
}

impl TryFrom<f64> for Decimal {
    type Error = ParseDecimalError;

    /// The decimal that a person means by this double: its shortest text.
    fn try_from(number: f64) -> Result<Self, Self::Error> {
        number.to_string().parse()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

/// Digits behind the point that a decimal grid has at most.
pub(super) const MAX_GRID_DECIMALS: u32 = 3;

/// `10^0` to `10^3` as doubles: what a value of 0 to 3 decimals is multiplied with.
pub(super) const GRID_FACTORS: [f64; MAX_GRID_DECIMALS as usize + 1] = [1.0, 10.0, 100.0, 1000.0];

/// How many decimals `value` has, if it is the double nearest a decimal of at most three.
///
/// The text is consulted only where the integer would not be exact in a double.
pub(super) fn grid_decimals(value: f64) -> Option<u32> {
    for (decimals, factor) in GRID_FACTORS.iter().enumerate() {
        let integer = (value * factor).round();
        if integer.abs() >= 9_007_199_254_740_992.0 {
            let text = value.to_string();
            let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as u32;
            return (fraction <= MAX_GRID_DECIMALS).then_some(fraction);
        }
        if integer / factor == value {
            return Some(decimals as u32);
        }
    }
    None
}

/// The finite values packed as integers on the coarsest decimal grid that holds all of them, about the middle of their
/// range; `None` if there is no such grid, or if an integer on it has more than 32 bits.
#[cfg(feature = "tools")]
pub(crate) fn pack(values: &[f64]) -> Option<(Vec<i32>, Packing)> {
    let decimals =
        values.iter().try_fold(0, |decimals: u32, value| Some(grid_decimals(*value)?.max(decimals)))?;
    let factor = GRID_FACTORS[decimals as usize];
    let integer = |value: &f64| {
        let integer = (value * factor).round();
        (integer.abs() <= f64::from(i32::MAX)).then_some(integer as i32)
    };
    let mut integers: Vec<i32> = values.iter().map(integer).collect::<Option<_>>()?;
    let least = integers.iter().copied().min().unwrap_or_default();
    let most = integers.iter().copied().max().unwrap_or_default();
    let offset = least.midpoint(most);
    for integer in &mut integers {
        *integer -= offset;
    }
    let largest = offset.abs_diff(least).max(offset.abs_diff(most));
    Some((integers, Packing { decimals, offset, largest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_taken_as_written() {
        let d: Decimal = "6.10".parse().unwrap();
        assert_eq!((d.mantissa(), d.decimals()), (61, 1));
        assert_eq!(d.to_f64(), 6.1);
        assert_eq!("0".parse::<Decimal>().unwrap(), Decimal::ZERO);
        assert_eq!("0.05".parse::<Decimal>().unwrap().to_f64(), 0.05);
        assert_eq!(Decimal::try_from(0.1).unwrap(), "0.1".parse().unwrap());
        assert_eq!("6".parse::<Decimal>().unwrap().to_string(), "6");
        for bad in ["", ".", "-1", "1e3", "six", "1.2.3", "nan", "inf", "1234567890123456"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
    }

    #[cfg(feature = "tools")]
    #[test]
    fn values_on_one_grid_are_packed_about_their_middle() {
        let packed = |integers: &[i32], decimals, offset, largest| {
            Some((integers.to_vec(), Packing { decimals, offset, largest }))
        };
        assert_eq!(pack(&[5.1, -0.0, -12.0]), packed(&[85, 34, -86], 1, -34, 86));
        assert_eq!(pack(&[1013.125, 0.5]), packed(&[506_313, -506_312], 3, 506_812, 506_313));
        assert_eq!(pack(&[7.0]), packed(&[0], 0, 7, 0));
        assert_eq!(pack(&[]), packed(&[], 0, 0, 0));
        let most = i32::MAX;
        assert_eq!(pack(&[214_748_364.7, -214_748_364.7]), packed(&[most, -most], 1, 0, most as u32));
        assert_eq!(pack(&[214_748_364.7, 214_748_364.6]), packed(&[1, 0], 1, most - 1, 1));
        for off in [0.1 + 0.2, 0.000_1, 214_748_364.8, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(pack(&[0.1, off]), None, "{off}");
        }
    }

    #[test]
    fn a_value_is_on_the_grid_if_it_is_the_double_nearest_its_decimal() {
        assert_eq!(grid_decimals(5.0), Some(0));
        assert_eq!(grid_decimals(5.1), Some(1));
        assert_eq!(grid_decimals(-0.07), Some(2));
        assert_eq!(grid_decimals(1013.125), Some(3));
        assert_eq!(grid_decimals(5.100_000_000_000_000_5), None);
        assert_eq!(grid_decimals(0.1 + 0.2), None);
        assert_eq!(grid_decimals(0.000_1), None);
        assert_eq!(grid_decimals(1.3e17), Some(0));
        assert_eq!(grid_decimals(2_251_799_813_685_248.5), Some(1));
        assert_eq!(grid_decimals(1e300), Some(0));
        assert_eq!(grid_decimals(-0.0), Some(0));
    }
}
