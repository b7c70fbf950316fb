//! From stored numbers to physical values: `scale_factor`, `add_offset`, `_FillValue` and `missing_value` in, exact
//! doubles with NaN for missing out.
//!
//! A packed integer stands for a decimal: 51 with a scale of 0.1 is 5.1. In binary floating point
//! 51 × 0.1 is 5.1000000000000005, so scale and offset are taken as the decimals that their
//! attributes were written as, applied as integers, and divided by a power of ten once. That
//! division rounds correctly (IEEE 754), so the result is the double nearest the decimal.
//!
//! Conversions of units are exact fractions and join that one division.
//!
//! Attributes: CF Conventions 1.11, section 8.1 (packed data) and 2.5.1 (missing data).

use super::ExactDecimal;
use super::units::Conversion;
use crate::formats::hdf5::library::Number;

/// What ISD and its derivatives store for a missing value.
pub const ISD_MISSING: i128 = -9999;

/// All integers up to this magnitude are doubles.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Largest power of ten that is a double exactly.
const EXACT_POWER_OF_TEN: u32 = 22;

/// More digits after the point than a measuring instrument has: a scale with more of them is a
/// fraction such as 1/360 rather than a resolution.
const RESOLUTION_DIGITS: u32 = 9;

/// How stored numbers become values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// Values as stored.
    Identity,
    /// stored / `divisor`, which is correctly rounded for every number: scales such as 0.1.
    Quotient {
        /// Power of ten, negative for a negative scale.
        divisor: f64,
    },
    /// (stored × `factor` + `offset`) / `divisor` for stored integers up to `limit` and for decimals, of which only the
    /// division rounds; stored × `scale` + `shift` in plain arithmetic for all other numbers.
    Exact {
        /// Integer factor.
        factor: f64,
        /// Integer offset.
        offset: f64,
        /// Power of ten, times the denominator of a conversion of units.
        divisor: f64,
        /// Largest magnitude of a stored integer for which nothing is rounded before the division.
        limit: f64,
        /// `scale_factor`.
        scale: f64,
        /// `add_offset`.
        shift: f64,
    },
    /// stored × `scale` + `shift` in plain arithmetic.
    Linear {
        /// `scale_factor`.
        scale: f64,
        /// `add_offset`.
        shift: f64,
    },
}

impl Transform {
    /// The physical value of a stored number; NaN of NaN.
    #[inline]
    #[must_use]
    pub fn apply(self, stored: f64) -> f64 {
        match self {
            Self::Identity => stored,
            Self::Quotient { divisor } => stored / divisor,
            Self::Exact { factor, offset, divisor, limit, scale, shift } => {
                if stored.abs() <= limit && stored.trunc() == stored {
                    (stored * factor + offset) / divisor
                } else {
                    of_decimal(stored, factor, offset, divisor).unwrap_or(stored * scale + shift)
                }
            }
            Self::Linear { scale, shift } => stored * scale + shift,
        }
    }

    /// The transform of `scale_factor` and `add_offset`, and then of a conversion of units.
    fn new(scale: Number, offset: Number, conversion: Option<Conversion>) -> Self {
        let ratio = conversion.map_or(1.0, |c| c.numerator as f64 / c.denominator as f64);
        let moved = conversion.map_or(0.0, |c| c.shift.to_f64());
        let (plain_scale, plain_shift) = (scale.to_f64() * ratio, (offset.to_f64() + moved) * ratio);
        if plain_scale == 1.0 && plain_shift == 0.0 {
            return Self::Identity;
        }
        let exact = || {
            let Integers { factor, offset, digits, denominator } = Integers::new(scale, offset, conversion)?;
            if digits > EXACT_POWER_OF_TEN {
                return None;
            }
            let (factor, offset) = (factor as f64, offset as f64);
            let divisor = 10_f64.powi(digits as i32) * denominator as f64;
            if factor.abs() == 1.0 && offset == 0.0 && conversion.is_none() {
                return Some(Self::Quotient { divisor: divisor * factor });
            }
            let limit = ((EXACT_INTEGERS - offset.abs()) / factor.abs()).floor();
            let representable = factor.abs() <= EXACT_INTEGERS
                && offset.abs() <= EXACT_INTEGERS
                && (denominator == 1 || divisor <= EXACT_INTEGERS);
            (representable && limit >= 1.0).then_some(Self::Exact {
                factor,
                offset,
                divisor,
                limit,
                scale: plain_scale,
                shift: plain_shift,
            })
        };
        exact().unwrap_or(Self::Linear { scale: plain_scale, shift: plain_shift })
    }
}

/// (stored × `factor` + `offset`) / `divisor` of a number that is a decimal of up to four digits after the point,
/// rounded once; `None` of all others.
fn of_decimal(stored: f64, factor: f64, offset: f64, divisor: f64) -> Option<f64> {
    [10.0, 100.0, 1_000.0, 10_000.0].into_iter().find_map(|power| {
        let mantissa = (stored * power).round();
        let (product, sum) = (mantissa * factor, mantissa * factor + offset * power);
        let exact = [mantissa, product, offset * power, sum, divisor * power];
        (mantissa / power == stored && exact.iter().all(|v| v.abs() <= EXACT_INTEGERS))
            .then(|| sum / (divisor * power))
    })
}

/// (stored × `factor` + `offset`) / (10^`digits` × `denominator`), all integers.
struct Integers {
    factor: i64,
    offset: i64,
    digits: u32,
    denominator: i64,
}

impl Integers {
    fn new(scale: Number, offset: Number, conversion: Option<Conversion>) -> Option<Self> {
        let (scale, offset) = (ExactDecimal::of(scale)?, ExactDecimal::of(offset)?);
        let none =
            Conversion { shift: ExactDecimal { mantissa: 0, digits: 0 }, numerator: 1, denominator: 1 };
        let Conversion { shift, numerator, denominator } = conversion.unwrap_or(none);
        let digits = scale.digits.max(offset.digits).max(shift.digits);
        let offset = offset.with_digits(digits)?.checked_add(shift.with_digits(digits)?)?;
        Some(Self {
            factor: scale.with_digits(digits)?.checked_mul(numerator)?,
            offset: offset.checked_mul(numerator)?,
            digits,
            denominator,
        })
    }

    /// The coarsest decimal of which every value of a stored integer is a multiple.
    fn resolution(&self) -> Option<String> {
        let shared = gcd(self.factor.unsigned_abs(), self.offset.unsigned_abs());
        let (mut mantissa, mut digits, mut denominator) =
            (i64::try_from(shared).ok()?, self.digits, self.denominator);
        // Thirds and ninths are no decimals unless the numerator has them too.
        while denominator > 1 {
            if mantissa % denominator == 0 {
                (mantissa, denominator) = (mantissa / denominator, 1);
            } else {
                (mantissa, digits) = (mantissa.checked_mul(10)?, digits + 1);
                let shared = gcd(mantissa.unsigned_abs(), denominator.unsigned_abs()) as i64;
                (mantissa, denominator) = (mantissa / shared, denominator / shared);
            }
            if digits > RESOLUTION_DIGITS {
                return None;
            }
        }
        (digits <= RESOLUTION_DIGITS).then(|| ExactDecimal { mantissa, digits }.to_string())
    }
}

/// Greatest common divisor; of 0 and another number the other.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The stored numbers that are values: all others are missing. A bound that there is not holds back nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ValidRange {
    /// The least of them.
    pub least: Option<Number>,
    /// The largest of them.
    pub largest: Option<Number>,
}

/// How one column is unpacked.
#[derive(Debug, Clone)]
pub struct Unpacking {
    /// Stored numbers that mean a missing value, besides NaN and infinities.
    pub missing: Vec<Number>,
    /// Stored numbers in place of values that quality control removed; missing as well.
    pub flagged: Vec<Number>,
    /// Stored numbers outside are missing.
    pub valid: Option<ValidRange>,
    /// What happens to all others.
    pub transform: Transform,
    /// Scale of which the value of every stored integer is a multiple, where there is a decimal one.
    pub resolution: Option<String>,
}

impl Unpacking {
    /// The unpacking by the attributes `scale_factor` and `add_offset`, followed by a conversion of
    /// units; ISD's -9999 and `missing` are missing.
    ///
    /// # Errors
    /// What is wrong with a scale of zero or a scale or offset that is not finite.
    pub fn new(
        scale: Option<Number>,
        offset: Option<Number>,
        mut missing: Vec<Number>,
        conversion: Option<Conversion>,
    ) -> Result<Self, String> {
        let (scale, offset) = (scale.unwrap_or(Number::Int(1)), offset.unwrap_or(Number::Int(0)));
        if !scale.to_f64().is_finite() || scale.to_f64() == 0.0 {
            return Err(format!("scale_factor is {}, expected a finite number other than 0", scale.to_f64()));
        }
        if !offset.to_f64().is_finite() {
            return Err(format!("add_offset is {}, expected a finite number", offset.to_f64()));
        }
        missing.push(Number::Int(ISD_MISSING));
        Ok(Self {
            missing,
            flagged: Vec::new(),
            valid: None,
            transform: Transform::new(scale, offset, conversion),
            resolution: Integers::new(scale, offset, conversion).and_then(|integers| integers.resolution()),
        })
    }

    /// The scale of stored integers in units of 10^-`decimals`.
    #[must_use]
    pub fn decimal_scale(decimals: u8) -> Number {
        Number::F64(10_f64.powi(-i32::from(decimals)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::units::{self, Units};
    use super::*;

    fn unpacking(scale: Number, offset: Number) -> Unpacking {
        Unpacking::new(Some(scale), Some(offset), Vec::new(), None).unwrap()
    }

    #[test]
    fn tenths_are_the_nearest_doubles() {
        let transform = unpacking(Number::F64(0.1), Number::Int(0)).transform;
        for tenths in -20_000..=20_000 {
            let nearest: f64 = format!("{tenths}e-1").parse().unwrap();
            assert_eq!(transform.apply(f64::from(tenths)), nearest, "{tenths}");
        }
        assert_ne!(51.0 * 0.1, 5.1, "plain arithmetic would do");
        assert_eq!(transform.apply(1.5), 0.15, "nor need the stored number be an integer");
    }

    #[test]
    fn single_precision_attributes_are_their_shortest_decimals() {
        let transform = unpacking(Number::F32(0.01), Number::F32(273.15)).transform;
        assert_eq!(transform.apply(-315.0), 270.0);
        assert_eq!(transform.apply(1.0), 273.16);
    }

    #[test]
    fn numbers_off_the_grid_use_plain_arithmetic() {
        let transform = unpacking(Number::F64(0.1), Number::F64(2.0)).transform;
        assert_eq!(transform.apply(0.25), 0.25 * 0.1 + 2.0);
        assert_eq!(transform.apply(1e300), 1e300 * 0.1 + 2.0);
        let third = unpacking(Number::F64(1.0 / 3.0), Number::Int(0)).transform;
        assert_eq!(third.apply(3.0), 1.0);
    }

    #[test]
    fn scales_above_one_and_none() {
        assert_eq!(unpacking(Number::F64(100.0), Number::Int(5)).transform.apply(3.0), 305.0);
        assert_eq!(unpacking(Number::F64(1.0), Number::F32(0.0)).transform, Transform::Identity);
        assert_eq!(unpacking(Number::F64(1e300), Number::Int(0)).transform.apply(2.0), 2e300);
    }

    #[test]
    fn resolution_is_what_every_value_is_a_multiple_of() {
        let text = |scale, offset| unpacking(scale, offset).resolution;
        assert_eq!(text(Number::F64(0.1), Number::Int(0)).as_deref(), Some("0.1"));
        assert_eq!(text(Number::F32(0.01), Number::F64(273.15)).as_deref(), Some("0.01"));
        assert_eq!(text(Number::F64(0.1), Number::F64(273.15)).as_deref(), Some("0.05"));
        assert_eq!(text(Number::F64(10.0), Number::Int(0)).as_deref(), Some("10"));
        assert_eq!(text(Number::F64(1.0 / 3.0), Number::Int(0)), None);
        assert_eq!(text(Unpacking::decimal_scale(1), Number::Int(0)).as_deref(), Some("0.1"));
        assert_eq!(text(Unpacking::decimal_scale(0), Number::Int(0)).as_deref(), Some("1"));
    }

    #[test]
    fn scales_that_cannot_be_are_refused() {
        for scale in [0.0, f64::NAN, f64::INFINITY] {
            assert!(Unpacking::new(Some(Number::F64(scale)), None, Vec::new(), None).is_err());
        }
    }

    fn converted(scale: f64, measurement: &str, units: &str) -> Unpacking {
        let measurement = crate::Measurement::named(measurement).unwrap();
        let Units::Convert(conversion) = units::compare(measurement, units) else {
            panic!("{units} should be known");
        };
        Unpacking::new(Some(Number::F64(scale)), None, Vec::new(), Some(conversion)).unwrap()
    }

    #[test]
    fn converted_decimals_are_the_nearest_doubles() {
        let kelvin = converted(1.0, "air_temperature", "K");
        for hundredths in 20_000..35_000_i32 {
            let nearest: f64 = format!("{}e-2", hundredths - 27_315).parse().unwrap();
            assert_eq!(kelvin.transform.apply(f64::from(hundredths) / 100.0), nearest, "{hundredths}");
        }
        assert_eq!(kelvin.resolution.as_deref(), Some("0.05"));
        assert_eq!(converted(0.1, "air_temperature", "K").transform.apply(2_931.0), 19.95);
        let fahrenheit = converted(0.1, "air_temperature", "degF");
        assert_eq!((fahrenheit.transform.apply(716.0), fahrenheit.transform.apply(-400.0)), (22.0, -40.0));
        assert_eq!(fahrenheit.resolution, None);
        let pascal = converted(1.0, "sea_level_pressure", "Pa");
        assert_eq!(
            (pascal.transform.apply(101_325.0), pascal.transform.apply(101_325.12)),
            (1013.25, 1_013.251_2)
        );
        assert_eq!(pascal.resolution.as_deref(), Some("0.01"));
        assert_eq!(converted(1.0, "sea_level_pressure", "kPa").transform.apply(101.3), 1013.0);
        let knots = converted(1.0, "wind_speed_rate", "knots");
        assert_eq!((knots.transform.apply(900.0), knots.transform.apply(1.0)), (463.0, 1852.0 / 3600.0));
        assert_eq!(knots.resolution, None);
        assert_eq!(converted(1.0, "liquid_precipitation_1h", "inch").transform.apply(0.01), 0.254);
        assert_eq!(knots.transform.apply(std::f64::consts::PI), std::f64::consts::PI * (1852.0 / 3600.0));
    }
}
