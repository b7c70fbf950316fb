//! From stored times to microseconds since 1970: a CF `units` attribute such as `hours since
//! 1970-01-01` in, exact UTC microseconds out.
//!
//! CF Conventions 1.11, section 4.4; only calendars that agree with UTC's Gregorian one are taken.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::cf::Number;

/// 0001-01-01T00:00:00Z in microseconds since 1970.
const FIRST: i128 = -62_135_596_800_000_000;
/// 9999-12-31T23:59:59.999999Z in microseconds since 1970.
const LAST: i128 = 253_402_300_799_999_999;

/// Units in which times are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeUnits {
    /// Microseconds since 1970 of the stored number 0.
    epoch: i128,
    /// One stored unit is `numerator` / `denominator` microseconds.
    numerator: i128,
    denominator: i128,
}

impl TimeUnits {
    /// Unix seconds, UTC.
    pub const UNIX_SECONDS: Self = Self { epoch: 0, numerator: 1_000_000, denominator: 1 };

    /// The units of a CF `units` attribute (`<unit> since <time>`), or of a bare unit name, which
    /// counts from 1970. Times without an offset are UTC.
    ///
    /// # Errors
    /// What was found instead.
    pub fn parse(units: &str) -> Result<Self, String> {
        let found = || format!("units are '{units}', expected such as 'seconds since 1970-01-01'");
        let words = units.trim();
        let (unit, since) = match words.to_ascii_lowercase().find(" since ") {
            Some(at) => (words.get(..at), words.get(at + " since ".len()..)),
            None => (Some(words), None),
        };
        let (numerator, denominator) = unit_length(unit.unwrap_or_default().trim()).ok_or_else(found)?;
        let epoch = match since {
            Some(time) => parse_time(time.trim()).ok_or_else(found)?,
            None => 0,
        };
        Ok(Self { epoch, numerator, denominator })
    }

    /// Microseconds since 1970 of a stored number, rounded to the nearest.
    ///
    /// # Errors
    /// What is wrong with a number that is not finite or lies outside the years 1 to 9999.
    #[inline]
    pub fn micros(self, stored: Number) -> Result<i64, String> {
        let micros = match stored {
            Number::Int(v) => self.scaled(v),
            Number::F32(v) => self.scaled_float(f64::from(v)),
            Number::F64(v) => self.scaled_float(v),
        };
        let micros = micros.and_then(|v| v.checked_add(self.epoch));
        match micros {
            Some(micros) if (FIRST..=LAST).contains(&micros) => Ok(micros as i64),
            _ if stored.to_f64().is_nan() => Err("timestamp is NaN, expected a time".into()),
            _ => Err(format!("timestamp is {}, outside the years 1 to 9999", stored.to_f64())),
        }
    }

    fn scaled(self, stored: i128) -> Option<i128> {
        let product = stored.checked_mul(self.numerator)?;
        if self.denominator == 1 {
            // A 128-bit division costs more than the rest of the row.
            return Some(product);
        }
        Some((product + self.denominator / 2).div_euclid(self.denominator))
    }

    /// Whole and fractional part apart, so that a fraction is rounded once.
    fn scaled_float(self, stored: f64) -> Option<i128> {
        let whole = stored.floor();
        if whole.is_nan() || whole.abs() > 1e20 {
            return None;
        }
        let part = (stored - whole) * self.numerator as f64 / self.denominator as f64;
        self.scaled(whole as i128)?.checked_add(part.round() as i128)
    }
}

/// Length of a unit in microseconds, as a fraction (UDUNITS names).
fn unit_length(name: &str) -> Option<(i128, i128)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ns" | "nanosecond" | "nanoseconds" => (1, 1_000),
        "us" | "microsecond" | "microseconds" => (1, 1),
        "ms" | "millisecond" | "milliseconds" | "millisec" | "msec" => (1_000, 1),
        "s" | "sec" | "secs" | "second" | "seconds" => (1_000_000, 1),
        "min" | "mins" | "minute" | "minutes" => (60_000_000, 1),
        "h" | "hr" | "hrs" | "hour" | "hours" => (3_600_000_000, 1),
        "d" | "day" | "days" => (86_400_000_000, 1),
        _ => return None,
    })
}

/// Microseconds since 1970 of `1970-01-01`, `1970-1-1 0:00`, `1970-01-01T00:00:00.0Z`,
/// `1970-01-01 00:00:00 +01:00` and the like.
fn parse_time(text: &str) -> Option<i128> {
    let text = text.trim_end_matches("UTC").trim_end_matches("GMT").trim_end_matches('Z').trim_end();
    let (date, rest) = match text.find(['T', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.trim()),
        None => (text, ""),
    };
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    let (time, offset) = match rest.find(['+', '-', ' ']) {
        Some(at) => (rest.get(..at)?, rest.get(at..)?.trim()),
        None => (rest, ""),
    };
    let time = match time {
        "" => NaiveTime::MIN,
        _ => ["%H:%M:%S%.f", "%H:%M:%S", "%H:%M", "%H"]
            .iter()
            .find_map(|format| NaiveTime::parse_from_str(time, format).ok())
            .or_else(|| NaiveTime::from_hms_opt(time.parse().ok()?, 0, 0))?,
    };
    let micros = NaiveDateTime::new(date, time).and_utc().timestamp_micros();
    Some(i128::from(micros) - i128::from(parse_offset(offset)?) * 60_000_000)
}

/// Minutes east of Greenwich of `+01:00`, `-0330`, `+1`, `0:00`, or of nothing at all.
fn parse_offset(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (i64, i64) = (hours.trim().parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(units: &str, stored: Number) -> i64 {
        TimeUnits::parse(units).unwrap().micros(stored).unwrap()
    }

    #[test]
    fn units_and_epochs() {
        let hour = 3_600_000_000;
        assert_eq!(micros("seconds since 1970-01-01", Number::F64(0.25)), 250_000);
        assert_eq!(micros("hours since 1970-01-01 00:00:00", Number::Int(1)), hour);
        assert_eq!(micros("hours since 1970-1-1 0:00:00.0 UTC", Number::Int(1)), hour);
        assert_eq!(micros("days since 1969-12-31T00:00:00Z", Number::F32(1.0)), 0);
        assert_eq!(micros("seconds since 1970-01-01 00:00:00 0:00", Number::Int(1)), 1_000_000);
        assert_eq!(micros("minutes since 1970-01-01 01:00:00 +01:00", Number::Int(1)), 60_000_000);
        assert_eq!(micros("seconds since 1970-01-01 00:00:00 -0330", Number::Int(0)), 12_600_000_000);
        assert_eq!(micros("nanoseconds", Number::Int(1_499)), 1);
        assert_eq!(micros("nanoseconds", Number::Int(-1_501)), -2);
        assert_eq!(micros("days since 1900-01-01", Number::F64(0.5)), -2_208_945_600_000_000);
        assert_eq!(micros("s", Number::F64(1_420_070_400.0)), 1_420_070_400_000_000);
        assert_eq!(micros("seconds since 1970-01-01", Number::F64(-0.25)), -250_000);
    }

    #[test]
    fn nonsense_is_refused() {
        for units in ["", "fortnights since 1970-01-01", "seconds since yesterday", "m/s", "seconds since"] {
            assert!(TimeUnits::parse(units).is_err(), "{units}");
        }
        for stored in [f64::NAN, f64::INFINITY, 1e15, -1e300] {
            assert!(TimeUnits::UNIX_SECONDS.micros(Number::F64(stored)).is_err(), "{stored}");
        }
        assert!(TimeUnits::UNIX_SECONDS.micros(Number::Int(i128::MAX)).is_err());
    }
}
