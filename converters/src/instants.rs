//! Times of a source that does not say what its numbers count: numbers in, the unit that they must be in and
//! microseconds since 1970 out.
//!
//! Times of observations lie between 1600 and 2200. A number that would lie outside is refused rather than taken.

use isd_dataset::time::iso8601;

use crate::formats::text::civil_micros;

/// 1600-01-01T00:00:00Z in microseconds since 1970: no time of an observation is earlier.
pub const FIRST: i64 = -11_676_096_000_000_000;
/// 2200-01-01T00:00:00Z in microseconds since 1970: all times of observations are earlier.
pub const END: i64 = 7_258_118_400_000_000;

/// Years in which numbers such as 2017010112 are read as dates: Unix seconds of 2023 begin with 17.
const YEARS_OF_DIGITS: std::ops::Range<i64> = 1800..2200;

/// What the numbers of a source count, or spell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instants {
    /// Seconds since 1970-01-01T00:00:00Z.
    Seconds,
    /// Milliseconds since then.
    Milliseconds,
    /// Microseconds since then.
    Microseconds,
    /// Nanoseconds since then.
    Nanoseconds,
    /// The digits of a date and time, so many of them: `yyyymmdd`, and then `hh`, `mm` and `ss`; 8, 10, 12 or 14.
    Digits(u8),
}

/// All of them, with their names.
const ALL: [(Instants, &str); 8] = [
    (Instants::Seconds, "s"),
    (Instants::Milliseconds, "ms"),
    (Instants::Microseconds, "us"),
    (Instants::Nanoseconds, "ns"),
    (Instants::Digits(8), "yyyymmdd"),
    (Instants::Digits(10), "yyyymmddhh"),
    (Instants::Digits(12), "yyyymmddhhmm"),
    (Instants::Digits(14), "yyyymmddhhmmss"),
];

impl Instants {
    /// What the numbers of a `sample` are: digits of dates where all of them read as such with equally many digits, else
    /// the coarsest unit since 1970 in which all lie between 1600 and 2200. `None` of no numbers.
    ///
    /// # Errors
    /// The number that lies outside in every unit.
    pub fn of(sample: &[f64]) -> Result<Option<Self>, String> {
        let Some(&first) = sample.first() else { return Ok(None) };
        for digits in [8, 10, 12, 14] {
            let spelled = Self::Digits(digits);
            let is_date = |&number: &f64| number.trunc() == number && spelled.date(number as i64).is_some();
            if sample.iter().all(is_date) {
                return Ok(Some(spelled));
            }
        }
        let farthest = sample.iter().copied().fold(first, |far, number| {
            if number.abs() > far.abs() || number.is_nan() { number } else { far }
        });
        let units = ALL.iter().map(|(instants, _)| *instants).filter(|unit| unit.per_second().is_some());
        for unit in units {
            if unit.micros_of_float(farthest).is_ok() {
                return Ok(Some(unit));
            }
        }
        Err(format!("{farthest} is no time between 1600 and 2200 in seconds to nanoseconds since 1970"))
    }

    /// The unit, or the order of digits, of that name: `s`, `ms`, `us`, `ns`, `yyyymmdd`, …, `yyyymmddhhmmss`; `None` of
    /// any other.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        found.map(|(instants, _)| *instants)
    }

    /// Its name, by which [`named`](Self::named) finds it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(known, _)| *known == self).map_or("yyyymmdd", |(_, name)| name)
    }

    /// Microseconds since 1970-01-01T00:00:00Z of an integer.
    ///
    /// # Errors
    /// What is wrong with a number that is no such time, or lies outside the years 1600 to 2199.
    pub fn micros(self, number: i64) -> Result<i64, String> {
        let micros = match self {
            Self::Seconds => number.checked_mul(1_000_000),
            Self::Milliseconds => number.checked_mul(1_000),
            Self::Microseconds => Some(number),
            Self::Nanoseconds => Some((number.div_euclid(500) + 1).div_euclid(2)),
            Self::Digits(_) => {
                let expected = || format!("timestamp is {number}, expected a date as {}", self.name());
                return self.date(number).ok_or_else(expected);
            }
        };
        micros.filter(|micros| (FIRST..END).contains(micros)).ok_or_else(|| self.outside(number, micros))
    }

    /// Microseconds since 1970-01-01T00:00:00Z of a floating-point number, rounded to the nearest.
    ///
    /// # Errors
    /// As [`micros`](Self::micros), and NaN.
    pub fn micros_of_float(self, number: f64) -> Result<i64, String> {
        if number.is_nan() {
            return Err("timestamp is NaN, expected a time".into());
        }
        if number.trunc() == number && number.abs() < 9.0e18 {
            return self.micros(number as i64);
        }
        let Some(per_second) = self.per_second() else {
            return Err(format!("timestamp is {number}, expected a date as {}", self.name()));
        };
        let whole = number.floor();
        let micros = whole * (1e6 / per_second) + ((number - whole) * (1e6 / per_second)).round();
        if micros >= FIRST as f64 && micros < END as f64 {
            return Ok(micros.round() as i64);
        }
        Err(self.outside(number, None))
    }

    /// What a summary says of it; `None` of plain Unix seconds.
    #[must_use]
    pub fn note(self) -> Option<String> {
        match self {
            Self::Seconds => None,
            Self::Digits(_) => Some(format!("times were read as {}, by their digits", self.name())),
            Self::Milliseconds | Self::Microseconds | Self::Nanoseconds => {
                Some(format!("times were taken for Unix time in {}, by their magnitude", self.name()))
            }
        }
    }

    /// Units in a second; `None` of digits.
    fn per_second(self) -> Option<f64> {
        match self {
            Self::Seconds => Some(1.0),
            Self::Milliseconds => Some(1e3),
            Self::Microseconds => Some(1e6),
            Self::Nanoseconds => Some(1e9),
            Self::Digits(_) => None,
        }
    }

    /// The time that an integer spells; `None` where it spells none.
    fn date(self, number: i64) -> Option<i64> {
        let Self::Digits(digits) = self else { return None };
        let power = 10_i64.checked_pow(u32::from(digits))?;
        if number < power / 10 || number >= power {
            return None;
        }
        let all = number.checked_mul(10_i64.checked_pow(14_u32.checked_sub(digits.into())?)?)?;
        let part = |divisor: i64| all / divisor % 100;
        let year = all / 10_000_000_000;
        let dated = YEARS_OF_DIGITS.contains(&year);
        let micros = civil_micros(year, part(100_000_000), part(1_000_000), part(10_000), part(100), part(1));
        micros.filter(|_| dated)
    }

    fn outside(self, number: impl std::fmt::Display, micros: Option<i64>) -> String {
        let year = |micros: &i64| (-62_135_596_800_000_000..253_402_300_800_000_000).contains(micros);
        let read = match micros.filter(year) {
            Some(micros) => format!(", which is {} in {} since 1970", iso8601(micros), self.name()),
            None => format!(" in {} since 1970", self.name()),
        };
        format!("timestamp is {number}{read}, expected a time between 1600 and 2200")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_by_magnitude_and_dates_by_digits() {
        let of = |sample: &[f64]| Instants::of(sample).unwrap().unwrap();
        assert_eq!(of(&[1_483_228_800.0, 0.0]), Instants::Seconds);
        assert_eq!(of(&[1_483_228_800_000.0, 0.0]), Instants::Milliseconds);
        assert_eq!(of(&[1_483_228_800_000_000.0]), Instants::Microseconds);
        assert_eq!(of(&[1_483_228_800_000_000_000.0]), Instants::Nanoseconds);
        assert_eq!(of(&[-11_000_000_000.0]), Instants::Seconds);
        assert_eq!(of(&[20_170_101.0, 20_170_102.0]), Instants::Digits(8));
        assert_eq!(of(&[2_017_010_100.0, 2_017_123_123.0]), Instants::Digits(10));
        assert_eq!(of(&[201_701_010_059.0]), Instants::Digits(12));
        assert_eq!(of(&[20_170_101_005_959.0]), Instants::Digits(14));
        // Seconds of which one happens to be spelled as a date.
        assert_eq!(of(&[2_017_010_100.0, 2_017_013_700.0]), Instants::Seconds);
        assert_eq!(of(&[1_712_121_212.0]), Instants::Seconds, "2024, not the year 1712");
        assert_eq!(Instants::of(&[]), Ok(None));
        assert!(Instants::of(&[1e19]).is_err() && Instants::of(&[f64::NAN, 1.0]).is_err());
    }

    #[test]
    fn microseconds() {
        let day = 1_483_228_800_000_000;
        assert_eq!(Instants::Milliseconds.micros(1_483_228_800_000), Ok(day));
        assert_eq!(Instants::Nanoseconds.micros(1_483_228_800_000_000_499), Ok(day));
        assert_eq!(Instants::Nanoseconds.micros(-501), Ok(-1));
        assert_eq!(Instants::Nanoseconds.micros(-499), Ok(0));
        assert_eq!(Instants::Digits(10).micros(2_017_010_100), Ok(day));
        assert_eq!(Instants::Seconds.micros_of_float(1_483_228_800.25), Ok(day + 250_000));
        assert_eq!(Instants::Seconds.micros_of_float(-0.25), Ok(-250_000));
        for outside in [i64::MAX, 7_258_118_400, -11_676_096_001] {
            assert!(Instants::Seconds.micros(outside).is_err(), "{outside}");
        }
        assert_eq!(Instants::Seconds.micros(7_258_118_399), Ok(END - 1_000_000));
        assert!(Instants::Digits(8).micros(20_170_230).is_err(), "no 30th of February");
        assert!(Instants::Digits(8).micros_of_float(20_170_101.5).is_err());
        assert!(Instants::Seconds.micros_of_float(f64::INFINITY).is_err());
        let message = Instants::Seconds.micros(1_483_228_800_000).unwrap_err();
        assert!(message.contains("between 1600 and 2200"), "{message}");
    }

    #[test]
    fn names() {
        for (instants, name) in ALL {
            assert_eq!((Instants::named(name), instants.name()), (Some(instants), name));
        }
        assert_eq!(Instants::named("fortnights"), None);
        assert_eq!(Instants::Seconds.note(), None);
    }
}
