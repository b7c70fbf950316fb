//! From stored times to microseconds since 1970: numbers and a CF `units` attribute such as `hours since 1970-01-01` in,
//! exact UTC microseconds out.
//!
//! CF Conventions 1.11, section 4.4; only calendars that agree with UTC's Gregorian one are taken.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use isd_dataset::column::widen;

use super::Transform;
use crate::formats::hdf5::library::Number;
use crate::instants::{EARLIEST, LATEST, NumberTimes, in_range, with_hint};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Units in which times are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeUnits {
    /// How stored numbers are unpacked first.
    packing: Transform,
    /// What they are where only their magnitude or digits say it.
    found: Option<NumberTimes>,
    /// Microseconds since 1970 of the number 0.
    epoch: i64,
    /// One stored unit is `numerator` / `denominator` microseconds.
    numerator: i64,
    denominator: i64,
    /// Whole units between these lie within the years 1600 to 2199, and 64 bits hold their microseconds.
    least: i64,
    largest: i64,
}

/// Units of whole microseconds: those in `range` are `micros` each, after `epoch`.
pub struct WholeUnits {
    /// Units that lie within the years 1600 to 2199, and whose microseconds 64 bits hold.
    pub range: RangeInclusive<i64>,
    /// Microseconds of one unit.
    pub micros: i64,
    /// Microseconds since 1970 of the number 0.
    pub epoch: i64,
}

impl TimeUnits {
    /// The units where each is a number of whole microseconds.
    pub fn whole(self) -> Option<WholeUnits> {
        (self.denominator == 1).then_some(WholeUnits {
            range: self.least..=self.largest,
            micros: self.numerator,
            epoch: self.epoch,
        })
    }

    /// Times of which no units are known but how their numbers are read.
    pub fn found(times: NumberTimes) -> Self {
        let (numerator, denominator) = match times {
            NumberTimes::Unix(unit) => unit.micros(),
            NumberTimes::Date(_) => (1, 1),
        };
        let (least, largest) = match times {
            NumberTimes::Unix(_) => Self::range(0, numerator, denominator),
            // A date is no product: none of its numbers is in this range.
            NumberTimes::Date(_) => (1, 0),
        };
        let packing = Transform::Identity;
        Self { packing, found: Some(times), epoch: 0, numerator, denominator, least, largest }
    }

    /// The whole units that lie within the years of observations.
    fn range(epoch: i64, numerator: i64, denominator: i64) -> (i64, i64) {
        let limit = i128::from(i64::MAX / numerator - denominator);
        let whole_units = |micros: i64| {
            let units = (i128::from(micros) - i128::from(epoch)) * i128::from(denominator);
            (units / i128::from(numerator)).clamp(-limit, limit) as i64
        };
        (whole_units(EARLIEST), whole_units(LATEST - 1))
    }

    /// The same units of numbers that are unpacked first.
    #[must_use]
    pub fn packed(self, packing: Transform) -> Self {
        match packing {
            Transform::Identity => self,
            packing => Self { packing, least: 1, largest: 0, ..self },
        }
    }

    /// The units of a CF `units` attribute (`<unit> since <time>`), or of a bare unit name, which
    /// counts from 1970. Times without an offset are UTC.
    ///
    /// In CF's default calendar, `standard`, a reference time before 1582-10-15 is a Julian date, and there is no year 0;
    /// in `proleptic_gregorian` neither holds.
    ///
    /// # Errors
    /// What was found instead.
    pub fn parse(units: &str, calendar: Option<&str>) -> Result<Self, String> {
        let proleptic = match calendar.map(str::to_lowercase).as_deref() {
            None | Some("standard" | "gregorian") => false,
            Some("proleptic_gregorian") => true,
            Some(other) => return Err(format!("has the calendar '{other}', expected 'standard'")),
        };
        let found = || format!("units are '{units}', expected such as 'seconds since 1970-01-01'");
        let words = units.trim();
        let (unit, since) = match words.to_ascii_lowercase().find(" since ") {
            Some(at) => (&words[..at], Some(&words[at + " since ".len()..])),
            None => (words, None),
        };
        let (numerator, denominator) = unit_length(unit.trim()).ok_or_else(found)?;
        let epoch = match since {
            Some(time) => parse_time(time.trim(), proleptic).ok_or_else(found)?,
            None => 0,
        };
        let (least, largest) = Self::range(epoch, numerator, denominator);
        Ok(Self { packing: Transform::Identity, found: None, epoch, numerator, denominator, least, largest })
    }

    /// Microseconds since 1970 of a stored number, rounded to the nearest.
    ///
    /// Floating point does not hold every time: 01:00 in days since 1900 may come out a microsecond early. A time that
    /// is nearer to a whole second than stored numbers are to each other is that second.
    ///
    /// # Errors
    /// What is wrong with a number that is not finite, lies outside the years 1600 to 2199, or stands
    /// for many times because it has single precision.
    #[inline]
    pub fn micros(self, stored: Number) -> Result<i64, String> {
        let whole = match stored {
            Number::Int(v) => i64::try_from(v).ok(),
            Number::F64(v) => Some(v as i64).filter(|&whole| whole as f64 == v),
            Number::F32(_) => None,
        };
        match whole {
            // What nearly all rows are; 128-bit arithmetic would cost more than the rest of a row.
            Some(units) if (self.least..=self.largest).contains(&units) => {
                let product = units * self.numerator;
                Ok(self.epoch
                    + match self.denominator {
                        1 => product,
                        denominator => (product + denominator / 2).div_euclid(denominator),
                    })
            }
            _ => self.any_micros(stored),
        }
    }

    #[cold]
    fn any_micros(self, stored: Number) -> Result<i64, String> {
        let spacing = match stored {
            Number::Int(_) => 0.0,
            Number::F32(v) => f64::from(v.abs().next_up() - v.abs()),
            Number::F64(v) => v.abs().next_up() - v.abs(),
        };
        let (number, spacing) = match (self.packing, stored) {
            (Transform::Identity, number) => (number, spacing),
            (packing, stored) => {
                let widened = match stored {
                    Number::F32(v) => widen(v),
                    other => other.to_f64(),
                };
                let unpacked = packing.apply(widened);
                let own = unpacked.abs().next_up() - unpacked.abs();
                (Number::F64(unpacked), own.max((packing.apply(widened + spacing) - unpacked).abs()))
            }
        };
        if let Some(dates @ NumberTimes::Date(_)) = self.found {
            if let Number::F32(v) = stored
                && spacing > 1.0
            {
                return Err(format!(
                    "timestamp is {v} in single precision, in which the next is {}; expected float64 or an integer",
                    v.next_up()
                ));
            }
            return match number {
                Number::Int(v) => dates.of_int(i64::try_from(v).unwrap_or(i64::MAX)),
                float => dates.of_float(float.to_f64()),
            };
        }
        let micros = match number {
            Number::Int(v) => self.scaled(v),
            Number::F32(v) => self.float(f64::from(v), spacing),
            Number::F64(v) => self.float(v, spacing),
        };
        let micros =
            micros.and_then(|micros| i64::try_from(micros).ok()).and_then(in_range).ok_or_else(|| {
                match number.to_f64() {
                    nan if nan.is_nan() => "timestamp is NaN, expected a time".to_owned(),
                    number => match self.found {
                        Some(times) => with_hint(times.refused(&number.to_string())),
                        None => format!("timestamp is {number}, outside the years 1600 to 2199"),
                    },
                }
            })?;
        if let Number::F32(v) = stored {
            let spacing = self.length(spacing) / SECOND as f64;
            if spacing > 1.0 && micros % MINUTE != 0 {
                return Err(format!(
                    "timestamp is {v} in single precision, in which the next is {spacing:.0} s later; \
                     expected float64 or an integer"
                ));
            }
        }
        Ok(micros)
    }

    /// Microseconds of a span of stored units.
    fn length(self, span: f64) -> f64 {
        span * self.numerator as f64 / self.denominator as f64
    }

    fn scaled(self, stored: i128) -> Option<i128> {
        let product = stored.checked_mul(self.numerator.into())?;
        let denominator = i128::from(self.denominator);
        product.checked_add(denominator / 2)?.div_euclid(denominator).checked_add(self.epoch.into())
    }

    /// Whole and fractional part apart, so that a fraction is rounded once; `spacing` is the distance
    /// of `stored` from the next number of its type.
    fn float(self, stored: f64, spacing: f64) -> Option<i128> {
        let whole = stored.floor();
        if whole.is_nan() || whole.abs() > 1e20 {
            return None;
        }
        let micros = self.scaled(whole as i128)?.checked_add(self.length(stored - whole).round() as i128)?;
        let second = i128::from(SECOND);
        let nearest = (micros + second / 2).div_euclid(second) * second;
        let near = (nearest - micros).unsigned_abs() as f64 <= self.length(spacing).min(SECOND as f64 / 4.0);
        Some(if near { nearest } else { micros })
    }
}

/// Length of a unit in microseconds, as a fraction (UDUNITS names).
fn unit_length(name: &str) -> Option<(i64, i64)> {
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
fn parse_time(text: &str, proleptic: bool) -> Option<i64> {
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
    // The standard calendar has no year 0: the year before 1 is -1.
    let date = match date.year() {
        0 if !proleptic => return None,
        year @ ..0 if !proleptic => date.with_year(year + 1)?,
        _ => date,
    };
    let micros = NaiveDateTime::new(date, time).and_utc().timestamp_micros();
    let julian = if proleptic { 0 } else { julian_days(date) * 24 * 60 };
    micros.checked_add((julian - parse_offset(offset)?) * MINUTE)
}

/// Days from a date, read as Gregorian, to the same date read as CF's standard calendar reads it:
/// Julian before 1582-10-15.
///
/// Every century that is a leap year in the Julian calendar alone adds one; the two agree from
/// 0200-03-01 to 0300-02-28.
fn julian_days(date: NaiveDate) -> i64 {
    if NaiveDate::from_ymd_opt(1582, 10, 15).is_none_or(|first_gregorian| date >= first_gregorian) {
        return 0;
    }
    // The leap day counts from March on.
    let year = i64::from(date.year()) - i64::from(date.month() < 3);
    year.div_euclid(100) - year.div_euclid(400) - 2
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
    use super::super::Unpacking;
    use super::*;
    use crate::instants::{DateDigits, TimeUnit};

    fn micros(units: &str, stored: Number) -> i64 {
        TimeUnits::parse(units, None).unwrap().micros(stored).unwrap()
    }

    fn unix_seconds() -> TimeUnits {
        TimeUnits::found(NumberTimes::Unix(TimeUnit::Seconds))
    }

    #[test]
    fn packed_times() {
        let packed = |units: &str, scale: f64, offset: f64, stored: Number| {
            let scale = (Some(Number::F64(scale)), Some(Number::F64(offset)));
            let packing = Unpacking::new(scale.0, scale.1, Vec::new(), None).unwrap().transform;
            TimeUnits::parse(units, None).unwrap().packed(packing).micros(stored)
        };
        let hour = 3600 * SECOND;
        assert_eq!(packed("seconds since 1970-01-01", 3600.0, 0.0, Number::Int(3)), Ok(3 * hour));
        assert_eq!(packed("hours since 1970-01-01", 0.1, 0.5, Number::Int(1)), Ok(hour * 6 / 10));
        assert_eq!(packed("days since 1970-01-01", 0.25, 0.0, Number::F32(1.5)), Ok(9 * hour));
        assert_eq!(packed("s", 1e-3, 0.0, Number::Int(1_483_228_800_250)), Ok(1_483_228_800_250_000));
        assert!(packed("days since 1970-01-01", 0.1, 0.0, Number::F32(170_001.0)).is_ok());
        assert!(packed("seconds since 1970-01-01", 60.0, 1.0, Number::F32(24_000_001.0)).is_err());
        assert!(packed("days since 1970-01-01", 1e3, 0.0, Number::Int(85)).is_err(), "the year 2202");
    }

    #[test]
    fn units_that_are_found() {
        let found = |times: NumberTimes, stored| TimeUnits::found(times).micros(stored);
        let unix = |unit, stored| found(NumberTimes::Unix(unit), stored);
        let day = 1_483_228_800 * SECOND;
        assert_eq!(unix(TimeUnit::Milliseconds, Number::Int(1_483_228_800_000)), Ok(day));
        assert_eq!(unix(TimeUnit::Nanoseconds, Number::F64(1_483_228_800e9)), Ok(day));
        assert_eq!(found(NumberTimes::Date(DateDigits::Hour), Number::Int(2_017_010_100)), Ok(day));
        assert_eq!(found(NumberTimes::Date(DateDigits::Day), Number::F64(20_170_101.0)), Ok(day));
        let single = found(NumberTimes::Date(DateDigits::Day), Number::F32(20_170_104.0));
        assert!(single.unwrap_err().contains("20170104 in single precision, in which the next is 20170106"));
        for outside in [7_258_118_400, -11_676_096_001, i64::MAX] {
            assert!(unix(TimeUnit::Seconds, Number::Int(outside.into())).is_err(), "{outside}");
        }
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
    fn reference_dates_before_the_gregorian_calendar_are_julian() {
        // To about the year 2000, whatever the reference.
        let count = |units: &str| (2000 - units[11..15].parse::<i128>().unwrap()) * 365;
        let days = |units, calendar| {
            TimeUnits::parse(units, calendar).unwrap().micros(Number::Int(count(units))).unwrap()
        };
        let proleptic = |units| days(units, Some("proleptic_gregorian"));
        let day = 86_400 * SECOND;
        // As cftime's num2date has them: 735000 days are 2013-05-11 in one, 2013-05-13 in the other.
        for (units, julian) in [
            ("days since 0001-01-01", -2),
            ("days since 0250-01-01", 0),
            ("days since 1500-02-28", 9),
            ("days since 1500-03-01", 10),
            ("days since 1582-10-04", 10),
            ("days since 1582-10-15", 0),
        ] {
            for calendar in [None, Some("standard"), Some("Gregorian")] {
                assert_eq!(days(units, calendar) - proleptic(units), julian * day, "{units}");
            }
        }
        assert!(TimeUnits::parse("days since 2000-01-01", Some("noleap")).is_err());
    }

    #[test]
    fn the_standard_calendar_has_no_year_0() {
        let day = 86_400 * SECOND;
        // As cftime's date2num counts the days to 2017-01-01.
        for (units, calendar, days) in [
            ("days since 0001-01-01", "standard", 736_331),
            ("days since -0001-01-01", "standard", 736_697),
            ("days since -4713-01-01", "standard", 2_457_755),
            ("days since 0000-01-01", "proleptic_gregorian", 736_695),
            ("days since -4713-01-01", "proleptic_gregorian", 2_458_082),
        ] {
            let units = TimeUnits::parse(units, Some(calendar)).unwrap();
            assert_eq!(units.micros(Number::Int(days)), Ok(17_167 * day), "{units:?}");
        }
        assert!(TimeUnits::parse("days since 0000-01-01", None).is_err());
    }

    #[test]
    fn times_between_two_floats_are_whole_seconds() {
        let units = TimeUnits::parse("days since 0001-01-01", Some("proleptic_gregorian")).unwrap();
        for hour in 0..1000 {
            let micros = units.micros(Number::F64(735_000.0 + f64::from(hour) / 24.0)).unwrap();
            assert_eq!(micros % (3600 * SECOND), 0, "{hour}");
        }
        assert_eq!(micros("seconds since 1970-01-01", Number::F64(1.4e9 + 0.000_001)), 1_400_000_000_000_001);
        assert_eq!(micros("hours since 2000-01-01", Number::F32(140_000.5)) % MINUTE, 0);
        let unix = |v| unix_seconds().micros(Number::F32(v));
        assert_eq!(unix(3600.25).unwrap(), 3_600_250_000);
        assert!(unix(1_400_003_600.0).unwrap_err().contains("128 s later"));
    }

    #[test]
    fn nonsense_is_refused() {
        for units in ["", "fortnights since 1970-01-01", "seconds since yesterday", "m/s", "seconds since"] {
            assert!(TimeUnits::parse(units, None).is_err(), "{units}");
        }
        for stored in [f64::NAN, f64::INFINITY, 1e15, -1e300] {
            assert!(unix_seconds().micros(Number::F64(stored)).is_err(), "{stored}");
        }
        assert!(unix_seconds().micros(Number::Int(i128::MAX)).is_err());
    }
}
