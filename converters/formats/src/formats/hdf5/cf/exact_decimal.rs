//! Decimal numbers that are exact: a stored number in, the decimal that it was written as out.

use std::fmt;

use crate::formats::hdf5::library::Number;

/// The number `mantissa` / 10^`digits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactDecimal {
    /// All digits, as one integer.
    pub mantissa: i64,
    /// How many of them lie after the point.
    pub digits: u32,
}

impl ExactDecimal {
    /// The decimal that a number was written as; `None` of NaN, infinities and numbers with too many digits.
    #[must_use]
    pub fn of(number: Number) -> Option<Self> {
        let text = match number {
            Number::Int(v) => return Some(Self { mantissa: i64::try_from(v).ok()?, digits: 0 }),
            Number::F32(v) if v.is_finite() => format!("{v:e}"),
            Number::F64(v) if v.is_finite() => format!("{v:e}"),
            _ => return None,
        };
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mantissa: i64 = format!("{whole}{fraction}").parse().ok()?;
        let digits = i32::try_from(fraction.len()).ok()? - exponent.parse::<i32>().ok()?;
        if let Ok(digits) = u32::try_from(digits) {
            return Some(Self { mantissa, digits });
        }
        let factor = 10_i64.checked_pow(digits.unsigned_abs())?;
        Some(Self { mantissa: mantissa.checked_mul(factor)?, digits: 0 })
    }

    /// The number as a double: the nearest one, for at most 22 digits after the point.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(self.digits as i32)
    }

    /// The mantissa of the same number with that many digits after the point; `None` where it has more or the mantissa
    /// does not fit.
    pub fn with_digits(self, digits: u32) -> Option<i64> {
        self.mantissa.checked_mul(10_i64.checked_pow(digits.checked_sub(self.digits)?)?)
    }
}

impl fmt::Display for ExactDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits as usize;
        let text = format!("{:0width$}", self.mantissa.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        let fraction = fraction.trim_end_matches('0');
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}
