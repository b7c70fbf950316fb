//! Decimal numbers as people write them, such as a threshold of `6.5`: text in, an exact number out.

use std::fmt;
use std::str::FromStr;

/// A non-negative decimal number, `mantissa / 10^decimals`, as exact as it was written.
///
/// Thresholds are taken as decimals, not as the doubles nearest them, because observations are decimals: with a standard
/// deviation of 0.1 and a threshold of 6.1, a deviation of 0.61 lies exactly on the threshold.
///
/// ```
/// use isd_kernel::Decimal;
///
/// let threshold: Decimal = "6.10".parse()?;
/// assert_eq!((threshold.mantissa(), threshold.decimals()), (61, 1));
/// # Ok::<(), isd_kernel::ParseDecimalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Below 10^15.
    mantissa: u64,
    /// At most 15.
    decimals: u32,
}

/// A text that is no non-negative decimal number of at most 15 digits.
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

    /// The digits of the number, without the decimal point: an integer below 10^15.
    #[must_use]
    pub const fn mantissa(self) -> u64 {
        self.mantissa
    }

    /// How many of the digits stand after the decimal point, at most 15.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        self.decimals
    }

    /// The double nearest the number.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Both are integers below 2^53, so that the one division rounds once.
        self.mantissa as f64 / 10_f64.powi(self.decimals as i32)
    }

    /// Whether the number is 0.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Parses digits with at most one decimal point among them, such as `6`, `6.5` or `.5`.
    ///
    /// # Errors
    /// Any other text (a sign, an exponent, a space), or more than 15 significant digits or decimals.
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

    /// The decimal that a person means by a double: its shortest text that parses to the double again.
    ///
    /// # Errors
    /// A negative, infinite or NaN double, or one whose shortest text has more than 15 digits.
    fn try_from(number: f64) -> Result<Self, Self::Error> {
        number.to_string().parse()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}
