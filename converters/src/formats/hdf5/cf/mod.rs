//! From stored numbers to physical values: CF packing (`scale_factor`, `add_offset`, `_FillValue`,
//! `missing_value`) in, exact doubles with NaN for missing out.
//!
//! A packed integer stands for a decimal: 51 with a scale of 0.1 is 5.1. In binary floating point
//! 51 × 0.1 is 5.1000000000000005, so scale and offset are taken as the decimals that their
//! attributes were written as, applied as integers, and divided by a power of ten once. That
//! division rounds correctly (IEEE 754), so the result is the double nearest the decimal.
//!
//! Conversions of units are exact fractions and join that one division.
//!
//! Attributes: CF Conventions 1.11, section 8.1 (packed data) and 2.5.1 (missing data).

pub mod time;
pub mod units;

use crate::formats::hdf5::cf::units::Conversion;

/// What ISD and its derivatives store for a missing value.
pub const ISD_MISSING: i128 = -9999;

/// Integers up to this magnitude are doubles without a neighbour in between.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Largest power of ten that is a double exactly.
const EXACT_POWER_OF_TEN: u32 = 22;

/// More digits behind the point than a measuring instrument has: a scale with more of them is a
/// fraction such as 1/360 rather than a resolution.
const RESOLUTION_DIGITS: u32 = 9;

/// A number as a file stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Any integer type.
    Int(i128),
    /// A single-precision number; its decimal is the shortest that reads back as it.
    F32(f32),
    /// A double-precision number.
    F64(f64),
}

impl Number {
    /// The number as a double; integers beyond 2^53 are rounded.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(v) => v as f64,
            Self::F32(v) => f64::from(v),
            Self::F64(v) => v,
        }
    }

    /// The decimal that the number was written as, or `None` for NaN, infinities and numbers with
    /// too many digits.
    #[must_use]
    pub fn decimal(self) -> Option<Decimal> {
        let text = match self {
            Self::Int(v) => return Some(Decimal { mantissa: i64::try_from(v).ok()?, digits: 0 }),
            Self::F32(v) if v.is_finite() => format!("{v:e}"),
            Self::F64(v) if v.is_finite() => format!("{v:e}"),
            _ => return None,
        };
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mantissa: i64 = format!("{whole}{fraction}").parse().ok()?;
        let digits = i32::try_from(fraction.len()).ok()? - exponent.parse::<i32>().ok()?;
        if let Ok(digits) = u32::try_from(digits) {
            return Some(Decimal { mantissa, digits });
        }
        let factor = 10_i64.checked_pow(digits.unsigned_abs())?;
        Some(Decimal { mantissa: mantissa.checked_mul(factor)?, digits: 0 })
    }
}

/// The number `mantissa` / 10^`digits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All digits, as one integer.
    pub mantissa: i64,
    /// How many of them lie behind the point.
    pub digits: u32,
}

impl Decimal {
    fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(self.digits as i32)
    }

    fn with_digits(self, digits: u32) -> Option<i64> {
        self.mantissa.checked_mul(10_i64.checked_pow(digits.checked_sub(self.digits)?)?)
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = self.digits as usize;
        let text = format!("{:0width$}", self.mantissa.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        let fraction = fraction.trim_end_matches('0');
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

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
    /// (stored × `factor` + `offset`) / `divisor` for stored integers up to `limit` and for decimals,
    /// all exact but the division; `scale` and `shift` are the same in plain arithmetic, for all
    /// other numbers.
    Decimal {
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
    /// The physical value of a stored number.
    #[inline]
    #[must_use]
    pub fn apply(self, stored: f64) -> f64 {
        match self {
            Self::Identity => stored,
            Self::Quotient { divisor } => stored / divisor,
            Self::Decimal { factor, offset, divisor, limit, scale, shift } => {
                if stored.abs() <= limit && stored.trunc() == stored {
                    (stored * factor + offset) / divisor
                } else {
                    decimal(stored, factor, offset, divisor).unwrap_or(stored * scale + shift)
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
            let Exact { factor, offset, digits, denominator } = Exact::new(scale, offset, conversion)?;
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
            (representable && limit >= 1.0).then_some(Self::Decimal {
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

/// (stored × `factor` + `offset`) / `divisor` of a number that is a decimal of up to four digits
/// behind the point, rounded once; `None` for all others.
fn decimal(stored: f64, factor: f64, offset: f64, divisor: f64) -> Option<f64> {
    [10.0, 100.0, 1_000.0, 10_000.0].into_iter().find_map(|power| {
        let mantissa = (stored * power).round();
        let (product, sum) = (mantissa * factor, mantissa * factor + offset * power);
        let exact = [mantissa, product, offset * power, sum, divisor * power];
        (mantissa / power == stored && exact.iter().all(|v| v.abs() <= EXACT_INTEGERS))
            .then(|| sum / (divisor * power))
    })
}

/// (stored × `factor` + `offset`) / (10^`digits` × `denominator`), all integers.
struct Exact {
    factor: i64,
    offset: i64,
    digits: u32,
    denominator: i64,
}

impl Exact {
    fn new(scale: Number, offset: Number, conversion: Option<Conversion>) -> Option<Self> {
        let (scale, offset) = (scale.decimal()?, offset.decimal()?);
        let none = Conversion { shift: Decimal { mantissa: 0, digits: 0 }, numerator: 1, denominator: 1 };
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
        let (mut a, mut b) = (self.factor.unsigned_abs(), self.offset.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let (mut mantissa, mut digits, mut denominator) =
            (i64::try_from(a).ok()?, self.digits, self.denominator);
        // Thirds and ninths are no decimals unless the numerator has them too.
        while denominator > 1 {
            if mantissa % denominator == 0 {
                (mantissa, denominator) = (mantissa / denominator, 1);
            } else {
                (mantissa, digits) = (mantissa.checked_mul(10)?, digits + 1);
                let shared = gcd(mantissa, denominator);
                (mantissa, denominator) = (mantissa / shared, denominator / shared);
            }
            if digits > RESOLUTION_DIGITS {
                return None;
            }
        }
        (digits <= RESOLUTION_DIGITS).then(|| Decimal { mantissa, digits }.to_string())
    }
}

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// How one column is unpacked.
#[derive(Debug, Clone)]
pub struct Packing {
    /// Stored numbers that mean a missing value, besides NaN and infinities.
    pub missing: Vec<Number>,
    /// Stored numbers in place of values that quality control removed; missing as well.
    pub flagged: Vec<Number>,
    /// What happens to all others.
    pub transform: Transform,
    /// Scale of which the value of every stored integer is a multiple, where there is a decimal one.
    pub resolution: Option<String>,
}

impl Packing {
    /// The packing of the attributes `scale_factor` and `add_offset`, followed by a conversion of
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
            transform: Transform::new(scale, offset, conversion),
            resolution: Exact::new(scale, offset, conversion).and_then(|exact| exact.resolution()),
        })
    }

    /// Stored integers in units of 10^-`decimals`, as a scale.
    #[must_use]
    pub fn decimal_scale(decimals: u8) -> Number {
        Number::F64(10_f64.powi(-i32::from(decimals)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packing(scale: Number, offset: Number) -> Packing {
        Packing::new(Some(scale), Some(offset), Vec::new(), None).unwrap()
    }

    #[test]
    fn tenths_are_the_nearest_doubles() {
        let transform = packing(Number::F64(0.1), Number::Int(0)).transform;
        for tenths in -20_000..=20_000 {
            let nearest: f64 = format!("{tenths}e-1").parse().unwrap();
            assert_eq!(transform.apply(f64::from(tenths)), nearest, "{tenths}");
        }
        assert_ne!(51.0 * 0.1, 5.1, "plain arithmetic would do");
        assert_eq!(transform.apply(1.5), 0.15, "nor need the stored number be an integer");
    }

    #[test]
    fn single_precision_attributes_are_their_shortest_decimals() {
        let transform = packing(Number::F32(0.01), Number::F32(273.15)).transform;
        assert_eq!(transform.apply(-315.0), 270.0);
        assert_eq!(transform.apply(1.0), 273.16);
    }

    #[test]
    fn numbers_off_the_grid_use_plain_arithmetic() {
        let transform = packing(Number::F64(0.1), Number::F64(2.0)).transform;
        assert_eq!(transform.apply(0.25), 0.25 * 0.1 + 2.0);
        assert_eq!(transform.apply(1e300), 1e300 * 0.1 + 2.0);
        let third = packing(Number::F64(1.0 / 3.0), Number::Int(0)).transform;
        assert_eq!(third.apply(3.0), 1.0);
    }

    #[test]
    fn scales_above_one_and_none() {
        assert_eq!(packing(Number::F64(100.0), Number::Int(5)).transform.apply(3.0), 305.0);
        assert_eq!(packing(Number::F64(1.0), Number::F32(0.0)).transform, Transform::Identity);
        assert_eq!(packing(Number::F64(1e300), Number::Int(0)).transform.apply(2.0), 2e300);
    }

    #[test]
    fn resolution_is_what_every_value_is_a_multiple_of() {
        let text = |scale, offset| packing(scale, offset).resolution;
        assert_eq!(text(Number::F64(0.1), Number::Int(0)).as_deref(), Some("0.1"));
        assert_eq!(text(Number::F32(0.01), Number::F64(273.15)).as_deref(), Some("0.01"));
        assert_eq!(text(Number::F64(0.1), Number::F64(273.15)).as_deref(), Some("0.05"));
        assert_eq!(text(Number::F64(10.0), Number::Int(0)).as_deref(), Some("10"));
        assert_eq!(text(Number::F64(1.0 / 3.0), Number::Int(0)), None);
        assert_eq!(text(Packing::decimal_scale(1), Number::Int(0)).as_deref(), Some("0.1"));
        assert_eq!(text(Packing::decimal_scale(0), Number::Int(0)).as_deref(), Some("1"));
    }

    #[test]
    fn scales_that_cannot_be_are_refused() {
        for scale in [0.0, f64::NAN, f64::INFINITY] {
            assert!(Packing::new(Some(Number::F64(scale)), None, Vec::new(), None).is_err());
        }
    }

    fn converted(scale: f64, measurement: &str, units: &str) -> Packing {
        let measurement = crate::Measurement::named(measurement).unwrap();
        let crate::formats::hdf5::cf::units::Units::Convert(conversion) =
            crate::formats::hdf5::cf::units::compare(measurement, units)
        else {
            panic!("{units} should be known");
        };
        Packing::new(Some(Number::F64(scale)), None, Vec::new(), Some(conversion)).unwrap()
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
