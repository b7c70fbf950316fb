//! Times that are numbers, or texts in a format that the user names: numbers of a column in, one reading of them all and
//! microseconds since 1970 (UTC) out.
//!
//! Unix seconds are usual, but exports count milli-, micro- and nanoseconds as well, and write dates as digits
//! (`20170101`, `2017010106`). A sample of a column decides what its numbers are, once for the file, so that no row is
//! read another way than its neighbours; what the decision makes of a row must lie within the years 1600 to 2199.

mod one_unit;
mod time_format;

pub(crate) use self::one_unit::OneUnit;
pub use self::time_format::TimeFormat;

use crate::ReadOptions;
use crate::formats::text::{civil_micros, decimal, iso_micros, shown, unix_micros};

/// 1600-01-01T00:00:00Z, the earliest time of an observation, in microseconds since 1970.
pub const EARLIEST: i64 = -11_676_096_000_000_000;
/// 2200-01-01T00:00:00Z, in microseconds since 1970: observations are earlier.
pub const LATEST: i64 = 7_258_118_400_000_000;
/// What to do about times that are not what they are taken for.
pub const TIME_HINT: &str = "say what the times are with --time-unit or --time-format";

/// Earliest year that 10 or more digits are taken for: as Unix seconds, `1850010100` is in the year 2028.
const FIRST_YEAR_OF_LONG_DATES: i64 = 1850;
/// Integers up to this magnitude are doubles.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// What numbers count, from 1970-01-01T00:00:00Z on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TimeUnit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl TimeUnit {
    /// All units, the shortest first.
    pub const ALL: [Self; 7] = [
        Self::Nanoseconds,
        Self::Microseconds,
        Self::Milliseconds,
        Self::Seconds,
        Self::Minutes,
        Self::Hours,
        Self::Days,
    ];

    /// Its name, in the plural: `milliseconds`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "nanoseconds",
            Self::Microseconds => "microseconds",
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }

    /// Its usual abbreviation: `ms`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "min",
            Self::Hours => "h",
            Self::Days => "d",
        }
    }

    /// The unit of a name or an abbreviation; `None` of anything else.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name || unit.abbreviation() == name)
    }

    /// One unit in microseconds, as a numerator and a denominator.
    #[must_use]
    pub const fn micros(self) -> (i64, i64) {
        match self {
            Self::Nanoseconds => (1, 1000),
            Self::Microseconds => (1, 1),
            Self::Milliseconds => (1000, 1),
            Self::Seconds => (1_000_000, 1),
            Self::Minutes => (60_000_000, 1),
            Self::Hours => (3_600_000_000, 1),
            Self::Days => (86_400_000_000, 1),
        }
    }
}

/// The time, where it is one that an observation can have: within the years 1600 to 2199.
#[inline]
#[must_use]
pub fn in_range(micros: i64) -> Option<i64> {
    (EARLIEST..LATEST).contains(&micros).then_some(micros)
}

/// How the numbers of one column of times are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberTimes {
    /// They count units from 1970-01-01T00:00:00Z on; fractions of a unit count.
    Unix(TimeUnit),
    /// Their digits are a date, and where there are more a time of day, in UTC.
    Date(DateDigits),
}

/// What the digits of a date are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateDigits {
    /// `YYYYMMDD`
    Day,
    /// `YYYYMMDDHH`
    Hour,
    /// `YYYYMMDDHHMM`
    Minute,
    /// `YYYYMMDDHHMMSS`
    Second,
}

/// Numbers below it, as Unix seconds, lie within four months of 1970. It is above any Julian day, day or hour since 1970, year
/// and month, and time of day.
const SMALL_SECONDS: f64 = 1e7;

impl NumberTimes {
    /// The dates that numbers are tried as. No number is within range in two of them.
    const DATES: [Self; 4] = [
        Self::Date(DateDigits::Day),
        Self::Date(DateDigits::Hour),
        Self::Date(DateDigits::Minute),
        Self::Date(DateDigits::Second),
    ];
    /// The units that numbers are tried in, the coarsest first.
    const UNITS: [Self; 4] = [
        Self::Unix(TimeUnit::Seconds),
        Self::Unix(TimeUnit::Milliseconds),
        Self::Unix(TimeUnit::Microseconds),
        Self::Unix(TimeUnit::Nanoseconds),
    ];

    /// The reading of a column, where the options do not say it: all its numbers must be of it.
    pub(crate) fn recognised(self, options: &ReadOptions) -> Option<Self> {
        options.time_unit.is_none().then_some(self)
    }

    /// The reading that `options` name, or that of [`of_sample`](Self::of_sample).
    ///
    /// # Errors
    /// Those of [`of_sample`](Self::of_sample).
    pub fn find(numbers: impl IntoIterator<Item = f64>, options: &ReadOptions) -> Result<Self, String> {
        options.time_unit.map_or_else(|| Self::of_sample(numbers), |unit| Ok(Self::Unix(unit)))
    }

    /// The reading of most numbers of a sample, so that a damaged row does not decide for the others: dates of 8, 10, 12 or
    /// 14 digits where more than half are such dates of the years 1600 to 2199; else the coarsest of Unix seconds, milli-,
    /// micro- and nanoseconds in which the number of middle magnitude lies within these years. Numbers that the reading does
    /// not fit are refused row by row. Numbers that are not finite are passed over; where there are no others, it is Unix
    /// seconds.
    ///
    /// Small numbers that are not whole minutes are no Unix seconds of observations, but days, hours, years or times of day.
    ///
    /// # Errors
    /// The number of middle magnitude, if it has no reading, or if all are small.
    pub fn of_sample(numbers: impl IntoIterator<Item = f64>) -> Result<Self, String> {
        let mut numbers: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        let fitting =
            |reading: Self| numbers.iter().filter(|&&number| reading.of_float(number).is_ok()).count();
        if let Some(date) = Self::DATES.into_iter().find(|&date| 2 * fitting(date) > numbers.len()) {
            return Ok(date);
        }
        numbers.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
        // Of two in the middle the smaller, so that a tie refuses the larger rather than moving the smaller to 1970.
        let Some(&middle) = numbers.get(numbers.len().saturating_sub(1) / 2) else {
            return Ok(Self::Unix(TimeUnit::Seconds));
        };
        let is_small = |number: &f64| number.abs() < SMALL_SECONDS;
        if numbers.iter().all(is_small) && numbers.iter().any(|number| number % 60.0 != 0.0) {
            return Err(format!(
                "timestamp is {middle}, which lies near 1970 as Unix seconds: --time-unit or --time-format says what the numbers are"
            ));
        }
        Self::UNITS.into_iter().find(|unit| unit.of_float(middle).is_ok()).ok_or_else(|| {
            format!(
                "timestamp is {middle}, expected the Unix seconds, milli-, micro- or nanoseconds of a time in the years 1600 to 2199, or a date such as 20170131"
            )
        })
    }

    /// Microseconds since 1970 of a number; the rest of nanoseconds is cut off towards the past.
    ///
    /// # Errors
    /// A time outside the years 1600 to 2199, or digits that are no date of this kind.
    pub fn of_int(self, number: i64) -> Result<i64, String> {
        let micros = match self {
            Self::Unix(unit) => {
                let (numerator, denominator) = unit.micros();
                number.checked_mul(numerator).map(|product| product.div_euclid(denominator))
            }
            Self::Date(digits) => digits.micros(number),
        };
        micros.and_then(in_range).ok_or_else(|| self.refused(&number.to_string()))
    }

    /// Microseconds since 1970 of a number, to the nearest.
    ///
    /// # Errors
    /// As of [`of_int`](Self::of_int), and a number that is not finite.
    pub fn of_float(self, number: f64) -> Result<i64, String> {
        let refused = || self.refused(&number.to_string());
        if number.trunc() == number && number.abs() <= EXACT_INTEGERS {
            return self.of_int(number as i64);
        }
        let Self::Unix(unit) = self else { return Err(refused()) };
        let (numerator, denominator) = unit.micros();
        // Whole units and the fraction apart, so that a fraction is rounded once.
        let whole = number.floor();
        let scaled = |units: f64| units * numerator as f64 / denominator as f64;
        let micros = scaled(whole) + scaled(number - whole).round();
        // What is not finite lies in no range.
        let within = (EARLIEST as f64..LATEST as f64).contains(&micros);
        within.then_some(micros as i64).ok_or_else(refused)
    }

    /// What the user should know of a column read so; `None` of Unix seconds, which are usual.
    #[must_use]
    pub fn note(self) -> Option<String> {
        match self {
            Self::Unix(TimeUnit::Seconds) => None,
            Self::Unix(unit) => Some(format!("timestamp is read as {} since 1970", unit.name())),
            Self::Date(digits) => Some(format!("timestamp is read as dates, {}", digits.pattern())),
        }
    }

    /// Microseconds since 1970 of the number in a text, as of [`of_int`](Self::of_int) and [`of_float`](Self::of_float).
    ///
    /// # Errors
    /// Those of these, and a text that is no number.
    pub fn of_text(self, text: &[u8]) -> Result<i64, String> {
        if let Some(number) = str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            return self.of_int(number).map_err(with_hint);
        }
        // A fraction of seconds is read as the decimals that it is.
        let exact = || unix_micros(text).filter(|_| self == Self::Unix(TimeUnit::Seconds)).and_then(in_range);
        match exact() {
            Some(micros) => Ok(micros),
            None => match decimal(text, 0) {
                Some(number) => self.of_float(number).map_err(with_hint),
                None => Err(no_time(text)),
            },
        }
    }

    /// What is wrong with a number that is no time.
    pub(crate) fn refused(self, number: &str) -> String {
        match self {
            Self::Unix(unit) => format!(
                "timestamp is {number}, which as {} since 1970 is not within the years 1600 to 2199",
                unit.name()
            ),
            Self::Date(digits) => {
                format!("timestamp is {number}, expected a date as in the other rows, {}", digits.pattern())
            }
        }
    }
}

impl DateDigits {
    const fn pattern(self) -> &'static str {
        match self {
            Self::Day => "YYYYMMDD",
            Self::Hour => "YYYYMMDDHH",
            Self::Minute => "YYYYMMDDHHMM",
            Self::Second => "YYYYMMDDHHMMSS",
        }
    }

    /// Microseconds since 1970 of these digits; `None` where they are no such date.
    fn micros(self, number: i64) -> Option<i64> {
        let (day, clock) = match self {
            Self::Day => (number, 0),
            Self::Hour => (number.div_euclid(100), number.rem_euclid(100) * 10_000),
            Self::Minute => (number.div_euclid(10_000), number.rem_euclid(10_000) * 100),
            Self::Second => (number.div_euclid(1_000_000), number.rem_euclid(1_000_000)),
        };
        let first = if self == Self::Day { 1600 } else { FIRST_YEAR_OF_LONG_DATES };
        let year = Some(day.div_euclid(10_000)).filter(|year| (first..2200).contains(year))?;
        let (month, day) = (day.div_euclid(100).rem_euclid(100), day.rem_euclid(100));
        civil_micros(year, month, day, clock / 10_000, clock / 100 % 100, clock % 100)
    }
}

/// How the texts of one column of times are read.
#[derive(Debug, Clone)]
pub enum TextTimes {
    /// In the format that the user named.
    Format(TimeFormat),
    /// As times of ISO 8601 or SQL, or as numbers; `None` where the sample had no numbers.
    Recognised(Option<NumberTimes>),
}

impl TextTimes {
    /// How the texts of a sample are read, unless the options say it. Texts that are neither a time of ISO 8601 nor a
    /// number are passed over: reading their rows will refuse them.
    ///
    /// # Errors
    /// A format that is none, or those of [`NumberTimes::of_sample`].
    pub fn find<'a>(
        texts: impl IntoIterator<Item = &'a [u8]>,
        options: &ReadOptions,
    ) -> Result<Self, String> {
        if let Some(format) = &options.time_format {
            return TimeFormat::new(format).map(Self::Format);
        }
        let texts = texts.into_iter().map(<[u8]>::trim_ascii).filter(|text| iso_micros(text).is_none());
        let numbers: Vec<f64> = texts.filter_map(|text| decimal(text, 0)).collect();
        if numbers.is_empty() && options.time_unit.is_none() {
            return Ok(Self::Recognised(None));
        }
        NumberTimes::find(numbers, options).map(|reading| Self::Recognised(Some(reading)))
    }

    /// Microseconds since 1970 of a text without blanks around it.
    ///
    /// # Errors
    /// A text that is read in none of these ways, or a time outside the years 1600 to 2199; and what to do about it.
    #[inline]
    pub fn micros(&self, text: &[u8]) -> Result<i64, String> {
        match self {
            Self::Recognised(numbers) => match (iso_micros(text), numbers) {
                (Some(micros), _) => Ok(micros),
                (None, Some(numbers)) => numbers.of_text(text),
                (None, None) => Err(no_time(text)),
            },
            Self::Format(format) => match str::from_utf8(text) {
                Ok(text) => format.micros(text),
                Err(_) => Err(no_time(text)),
            },
        }
    }

    /// How the numbers of the column are read, where it has such.
    pub(crate) fn numbers(&self) -> Option<NumberTimes> {
        match self {
            Self::Recognised(numbers) => *numbers,
            Self::Format(_) => None,
        }
    }

    /// What the user should know of a column read so; `None` of what is usual.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Recognised(numbers) => numbers.and_then(NumberTimes::note),
            Self::Format(_) => None,
        }
    }
}

/// What is wrong with a number that is no time, and what to do about it.
pub(crate) fn with_hint(mut found: String) -> String {
    found.push_str("; ");
    found.push_str(TIME_HINT);
    found
}

/// What is wrong with a text that is no time; and, where it may be one in another format, how to say that.
fn no_time(text: &[u8]) -> String {
    let found =
        format!("timestamp is {}, expected a time such as 2017-01-31 23:00:00 or Unix seconds", shown(text));
    let may_be_time = text.iter().any(u8::is_ascii_digit);
    if may_be_time { format!("{found}; --time-format names another format") } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isd_dataset::time::iso8601;

    fn reading(numbers: &[f64]) -> NumberTimes {
        NumberTimes::of_sample(numbers.iter().copied()).unwrap()
    }

    fn first(numbers: &[f64]) -> String {
        iso8601(reading(numbers).of_float(numbers[0]).unwrap())
    }

    #[test]
    fn small_numbers_that_are_no_whole_minutes_are_no_seconds() {
        // Days of Excel, years, months, days and hours since 1970, Julian days, times of day.
        for numbers in [
            [42_736.5, 42_737.5],
            [2017.0, 2018.0],
            [201_701.0, 201_702.0],
            [17_167.0, 17_168.0],
            [412_008.0, 412_009.0],
            [2_457_754.5, 2_457_755.5],
            [1.0, 2.0],
            [61_500.0, 61_501.0],
        ] {
            let refused = NumberTimes::of_sample(numbers).unwrap_err();
            assert!(refused.contains("lies near 1970 as Unix seconds: --time-unit"), "{refused}");
        }
        for numbers in [[0.0, 60.0], [3600.0, 7200.0], [1.0, 1e7], [1_483_228_801.0, 1_483_228_802.0]] {
            assert_eq!(
                NumberTimes::of_sample(numbers),
                Ok(NumberTimes::Unix(TimeUnit::Seconds)),
                "{numbers:?}"
            );
        }
    }

    #[test]
    fn numbers_are_read_by_digits_and_by_magnitude() {
        assert_eq!(first(&[20_170_101.0, 20_170_131.0]), "2017-01-01T00:00:00Z");
        assert_eq!(first(&[2_017_010_100.0, 2_017_010_123.0]), "2017-01-01T00:00:00Z");
        assert_eq!(first(&[201_701_012_359.0]), "2017-01-01T23:59:00Z");
        assert_eq!(first(&[20_170_101_235_958.0]), "2017-01-01T23:59:58Z");
        for unit in [1e0, 1e3, 1e6, 1e9] {
            let numbers = [1_483_228_800.0 * unit, 1_483_232_400.0 * unit];
            assert_eq!(first(&numbers), "2017-01-01T00:00:00Z", "{unit}");
        }
        assert_eq!(first(&[1_483_228_800.25]), "2017-01-01T00:00:00.250Z");
        assert_eq!(first(&[-34_560_001.5]), "1968-11-26T23:59:58.500Z");
        assert_eq!(first(&[1_483_228_800_000.5]), "2017-01-01T00:00:00.000500Z");
        assert_eq!(reading(&[]), NumberTimes::Unix(TimeUnit::Seconds));
        assert_eq!(reading(&[f64::NAN]), NumberTimes::Unix(TimeUnit::Seconds));
        assert_eq!(first(&[f64::NAN, 0.0][1..]), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn most_numbers_decide() {
        let seconds = NumberTimes::Unix(TimeUnit::Seconds);
        // Unix seconds of 2020 and of 2023 whose digits happen to be a date of the 17th century.
        assert_eq!(reading(&[1_601_010_100.0]), seconds);
        assert_eq!(reading(&[1_701_010_800.0]), seconds);
        assert_eq!(reading(&[2_017_010_100.0, 2_017_013_700.0]), seconds);
        // 8 digits without a month 13.
        assert_eq!(reading(&[20_171_301.0]), seconds);
        // A damaged row among seconds, milliseconds and dates.
        let damaged = |numbers: &[f64]| [numbers, &[1e12, 1e19, -1e300, f64::NAN]].concat();
        let hours = |unit: f64| (0..10).map(move |hour| (1_483_228_800.0 + 3600.0 * f64::from(hour)) * unit);
        assert_eq!(reading(&damaged(&hours(1.0).collect::<Vec<_>>())), seconds);
        let milliseconds = NumberTimes::Unix(TimeUnit::Milliseconds);
        assert_eq!(reading(&damaged(&hours(1000.0).collect::<Vec<_>>())), milliseconds);
        assert_eq!(reading(&[-3_600_000.0, 0.0, 1_483_228_800_000.0, 1.5e12, 1.5e12]), milliseconds);
        assert_eq!(reading(&damaged(&[20_170_101.0; 10])), NumberTimes::Date(DateDigits::Day));
        assert!(seconds.of_float(1e12).unwrap_err().contains("1000000000000"));
        // Two that differ: the larger is refused, the smaller is not moved to 1970.
        assert_eq!(reading(&[1_483_228_800.0, 1_483_228_800_000.0]), seconds);
        assert!(milliseconds.note().unwrap().contains("milliseconds"));
        assert_eq!(seconds.note(), None);
    }

    #[test]
    fn what_no_reading_fits_is_refused() {
        for numbers in [&[1e20][..], &[1e20, 1e19, 0.0], &[1e300], &[-1e20]] {
            let error = NumberTimes::of_sample(numbers.iter().copied()).unwrap_err();
            assert!(error.contains("1600 to 2199"), "{error}");
        }
        let days = NumberTimes::Date(DateDigits::Day);
        assert!(days.of_int(20_170_132).unwrap_err().contains("YYYYMMDD"));
        assert!(days.of_int(i64::MIN).is_err());
        assert!(days.of_float(20_170_101.5).is_err());
        for unit in TimeUnit::ALL {
            assert_eq!(TimeUnit::named(unit.name()), Some(unit));
            assert_eq!(TimeUnit::named(unit.abbreviation()), Some(unit));
            // As nanoseconds, the least is in the year 1677.
            assert!(NumberTimes::Unix(unit).of_int(i64::MAX).is_err(), "{unit:?}");
            for number in [f64::NAN, f64::INFINITY, -1e300] {
                assert!(NumberTimes::Unix(unit).of_float(number).is_err());
            }
        }
        let seconds = NumberTimes::Unix(TimeUnit::Seconds);
        assert_eq!(iso8601(seconds.of_int(EARLIEST / 1_000_000).unwrap()), "1600-01-01T00:00:00Z");
        assert_eq!(iso8601(seconds.of_int(LATEST / 1_000_000 - 1).unwrap()), "2199-12-31T23:59:59Z");
        assert!(seconds.of_int(LATEST / 1_000_000).is_err());
        assert!(seconds.of_int(EARLIEST / 1_000_000 - 1).is_err());
    }
}
