//! The times of a table: an array of times, numbers or texts in, and perhaps one of times of day beside it; microseconds
//! since 1970 out.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Int64Type, TimeUnit};
use isd_dataset::column::widen;

use super::arrays::{doubles, plain, texts};
use super::clock::{Clock, DAY, MINUTE, no_clock};
use crate::ReadOptions;
use crate::instants::{NumberTimes, TextTimes, in_range};

/// What is wrong with a row without a time.
const NO_TIME: &str = "holds no time, expected one";
/// Integers below this magnitude are exact in single precision, together with their neighbours.
const SINGLE_INTEGERS: f32 = 16_777_216.0;
/// Types of numbers that hold times.
const EXACT_TYPES: &str = "expected float64 or an integer";

/// A row of a batch, counted from 0, and what is wrong with it.
pub type RowReason = (usize, String);

/// How the times of one column are read.
#[derive(Debug, Clone)]
pub enum Times {
    /// They are of a type of times.
    Typed,
    /// They are numbers.
    Numbers(NumberTimes),
    /// They are texts, or numbers whose digits are read as the user says.
    Texts(TextTimes),
}

impl Times {
    /// How times such as those of `sample` are read.
    ///
    /// # Errors
    /// Numbers that are no times, or a format of times that is none.
    pub fn find(sample: &ArrayRef, options: &ReadOptions) -> Result<Self, String> {
        let array = plain(sample)?;
        match array.data_type() {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Ok(Self::Typed),
            kind if kind.is_numeric() && options.time_format.is_none() => {
                NumberTimes::find(doubles(&array)?, options).map(Self::Numbers)
            }
            kind => {
                let texts = texts(&array).map_err(|_| no_times(kind))?;
                TextTimes::find(texts.iter().flatten().map(str::as_bytes), options).map(Self::Texts)
            }
        }
    }

    /// What the user should know of a column read so.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Typed => None,
            Self::Numbers(numbers) => numbers.note(),
            Self::Texts(texts) => texts.note(),
        }
    }

    /// How the numbers of the column are read, where it has such.
    pub fn numbers(&self) -> Option<NumberTimes> {
        match self {
            Self::Typed => None,
            Self::Numbers(numbers) => Some(*numbers),
            Self::Texts(texts) => texts.numbers(),
        }
    }

    /// The times of an array, in microseconds since 1970. A time without a zone is UTC; what it has beyond microseconds is
    /// cut off.
    ///
    /// # Errors
    /// The first row without a time or with one that cannot be, or a type that holds no times, said of row 0.
    pub fn micros(&self, array: &ArrayRef) -> Result<Vec<i64>, RowReason> {
        let array = &plain(array).map_err(|reason| (0, reason))?;
        all_valid(array)?;
        match (self, array.data_type()) {
            (Self::Numbers(reading), kind) if kind.is_integer() && *kind != DataType::UInt64 => {
                each(integers(array)?, |number| reading.of_int(not_nat(number)?))
            }
            (_, DataType::Float16) => Err((0, format!("is of type Float16, {EXACT_TYPES}"))),
            (Self::Numbers(reading), DataType::Float32) => {
                each(singles(array)?, |number| of_single(*reading, number))
            }
            (Self::Numbers(reading), _) => {
                let numbers = doubles(array).map_err(|reason| (0, reason))?;
                each(numbers, |number| reading.of_float(number))
            }
            (Self::Texts(reading), kind) => {
                let texts = texts(array).map_err(|_| (0, no_times(kind)))?;
                if *kind == DataType::Float32 {
                    each(singles(array)?, |number| exact_digits(number).map(|()| 0))?;
                }
                each(&texts, |text| reading.micros(text.unwrap_or_default().trim().as_bytes()))
            }
            (Self::Typed, _) => typed(array),
        }
    }

    /// Dates and times of day in two columns, likewise.
    ///
    /// # Errors
    /// As of [`micros`](Self::micros).
    pub fn joined(&self, dates: &ArrayRef, clocks: &ArrayRef, clock: Clock) -> Result<Vec<i64>, RowReason> {
        if let Self::Texts(format @ TextTimes::Format(_)) = self {
            let (dates, clocks) = (texts_of(dates)?, texts_of(clocks)?);
            return each(dates.iter().zip(&clocks), |(date, clock)| {
                let joined =
                    format!("{} {}", date.unwrap_or_default().trim(), clock.unwrap_or_default().trim());
                format.micros(joined.as_bytes())
            });
        }
        let clocks = clock_texts(clocks)?;
        let dates = self.micros(dates)?;
        each(dates.into_iter().zip(&clocks), |(date, text)| {
            let text = text.unwrap_or_default().trim().as_bytes();
            let micros = clock.micros(text).ok_or_else(|| no_clock(text))?;
            in_range(date + micros).ok_or_else(|| outside(date + micros))
        })
    }
}

/// How the times of day of a column such as `clocks` are written, if it holds such, and `dates` days without any.
///
/// `otherwise` is what they are where they are not written alike.
pub fn clock_beside(
    dates: &ArrayRef,
    clocks: &ArrayRef,
    otherwise: Option<Clock>,
    options: &ReadOptions,
) -> Option<Clock> {
    let texts = clock_texts(clocks).ok()?;
    let clock = Clock::of_sample(texts.iter().flatten().map(str::as_bytes)).or(otherwise)?;
    let dates = Times::find(dates, options).and_then(|times| times.micros(dates).map_err(|(_, found)| found));
    // A format that the user names is one of both columns together.
    let days = dates.map_or(options.time_format.is_some(), |dates| dates.iter().all(|date| date % DAY == 0));
    days.then_some(clock)
}

/// Times of day of any type as texts.
fn clock_texts(array: &ArrayRef) -> Result<arrow::array::StringArray, RowReason> {
    match array.data_type() {
        DataType::Time32(_) | DataType::Time64(_) => {
            let texts = cast(array, &DataType::Utf8).map_err(|error| (0, error.to_string()))?;
            Ok(texts.as_string::<i32>().clone())
        }
        _ => texts_of(array),
    }
}

fn texts_of(array: &ArrayRef) -> Result<arrow::array::StringArray, RowReason> {
    texts(array).map_err(|found| (0, found))
}

/// The times of an array of a type of times.
fn typed(array: &ArrayRef) -> Result<Vec<i64>, RowReason> {
    match array.data_type() {
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => scaled(integers(array)?, "seconds", |time| time.checked_mul(1_000_000)),
            TimeUnit::Millisecond => scaled(integers(array)?, "milliseconds", |time| time.checked_mul(1_000)),
            TimeUnit::Microsecond => scaled(integers(array)?, "microseconds", Some),
            TimeUnit::Nanosecond => {
                scaled(integers(array)?, "nanoseconds", |time| Some(time.div_euclid(1_000)))
            }
        },
        DataType::Date64 => scaled(integers(array)?, "milliseconds", |time| time.checked_mul(1_000)),
        DataType::Date32 => {
            let days = cast(array, &DataType::Int32).map_err(|error| (0, error.to_string()))?;
            scaled(integers(&days)?, "days", |days| days.checked_mul(DAY))
        }
        kind => Err((0, no_times(kind))),
    }
}

fn integers(array: &ArrayRef) -> Result<Vec<i64>, RowReason> {
    let integers = cast(array, &DataType::Int64).map_err(|error| (0, error.to_string()))?;
    let integers =
        integers.as_primitive_opt::<Int64Type>().ok_or_else(|| (0, no_times(array.data_type())))?;
    Ok(integers.values().to_vec())
}

fn singles(array: &ArrayRef) -> Result<Vec<f32>, RowReason> {
    let singles = array.as_primitive_opt::<Float32Type>().ok_or_else(|| (0, no_times(array.data_type())))?;
    Ok(singles.values().to_vec())
}

/// Microseconds since 1970 of a number in single precision, as of [`NumberTimes::of_float`].
///
/// # Errors
/// A number that may stand for several times: the next one is more than a second later, and it is no whole minute.
fn of_single(reading: NumberTimes, number: f32) -> Result<i64, String> {
    let spacing = f64::from(number.abs().next_up() - number.abs());
    match reading {
        NumberTimes::Unix(unit) => {
            let (numerator, denominator) = unit.micros();
            if spacing * numerator as f64 <= 1e6 * denominator as f64 {
                return reading.of_float(widen(number));
            }
            let micros = reading.of_float(number.into())?;
            if micros % MINUTE == 0 { Ok(micros) } else { Err(rounded(number)) }
        }
        NumberTimes::Date(_) => exact_digits(number).and_then(|()| reading.of_float(number.into())),
    }
}

/// Checks that all digits of an integer in single precision are those that were written.
fn exact_digits(number: f32) -> Result<(), String> {
    if number.abs() < SINGLE_INTEGERS { Ok(()) } else { Err(rounded(number)) }
}

fn rounded(number: f32) -> String {
    format!(
        "timestamp is {number} in single precision, in which the next is {}; {EXACT_TYPES}",
        number.next_up()
    )
}

/// The time, unless it is NumPy's `NaT`, which would be one of the year 1677 in nanoseconds.
fn not_nat(time: i64) -> Result<i64, String> {
    if time == i64::MIN { Err(NO_TIME.to_owned()) } else { Ok(time) }
}

fn no_times(kind: &DataType) -> String {
    format!("is of type {kind}, expected times, numbers or texts")
}

fn outside(micros: i64) -> String {
    format!("timestamp lies outside the years 1600 to 2199: {}", isd_dataset::time::iso8601(micros))
}

fn all_valid(array: &ArrayRef) -> Result<(), RowReason> {
    let nulls = array.logical_nulls();
    match nulls.as_ref().and_then(|nulls| nulls.iter().position(|valid| !valid)) {
        Some(row) => Err((row, NO_TIME.to_owned())),
        None => Ok(()),
    }
}

fn scaled(times: Vec<i64>, unit: &str, micros: impl Fn(i64) -> Option<i64>) -> Result<Vec<i64>, RowReason> {
    each(times, |time| {
        micros(not_nat(time)?).and_then(in_range).ok_or_else(|| {
            format!("timestamp is {time} {unit} since 1970, which is not within the years 1600 to 2199")
        })
    })
}

fn each<T>(
    values: impl IntoIterator<Item = T>,
    micros: impl Fn(T) -> Result<i64, String>,
) -> Result<Vec<i64>, RowReason> {
    values.into_iter().enumerate().map(|(row, value)| micros(value).map_err(|found| (row, found))).collect()
}
