//! The times of a table: an array of times, numbers or texts in, microseconds since 1970 out.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};

use super::arrays::{plain, texts};
use super::leaves::{Kind, Leaf};
use crate::formats::text::{decimal, iso_micros};
use crate::instants::{END, FIRST, Instants};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A row of a batch, counted from 0, and what is wrong with it.
pub type RowReason = (usize, String);

/// What numbers of times count or spell, by the numbers in `sample`; `None` where it holds none.
///
/// # Errors
/// Numbers that are no times.
pub fn instants(leaf: &Leaf, sample: &ArrayRef, given: Option<Instants>) -> Result<Option<Instants>, String> {
    if given.is_some() {
        return Ok(given);
    }
    let numbers: Vec<f64> = match leaf.kind() {
        Kind::Numbers => {
            super::arrays::doubles(sample)?.into_iter().filter(|number| !number.is_nan()).collect()
        }
        Kind::Texts => {
            let texts = texts(sample)?;
            texts.iter().flatten().filter_map(|text| decimal(text.trim().as_bytes(), 0)).collect()
        }
        Kind::Nothing | Kind::Other => return Ok(None),
    };
    Instants::of(&numbers)
}

/// The times of an array, in microseconds since 1970. A time without a zone is UTC; what it has beyond microseconds is cut
/// off.
///
/// # Errors
/// The first row without a time or with one that cannot be, or a type that holds no times, said of row 0.
pub fn micros(array: &ArrayRef, instants: Option<Instants>) -> Result<Vec<i64>, RowReason> {
    let array = &plain(array).map_err(|reason| (0, reason))?;
    let nulls = array.logical_nulls();
    if let Some(row) = nulls.as_ref().and_then(|nulls| nulls.iter().position(|valid| !valid)) {
        return Err((row, "holds no time, expected one".to_owned()));
    }
    let integers = || -> Result<Vec<i64>, RowReason> {
        let integers = cast(array, &DataType::Int64).map_err(|error| (0, error.to_string()))?;
        let integers = integers.as_primitive_opt::<Int64Type>();
        Ok(integers.map(|integers| integers.values().to_vec()).unwrap_or_default())
    };
    let seconds = instants.unwrap_or(Instants::Seconds);
    match array.data_type() {
        DataType::Timestamp(unit, _) => scaled(&integers()?, |time| match unit {
            TimeUnit::Second => time.checked_mul(1_000_000),
            TimeUnit::Millisecond => time.checked_mul(1_000),
            TimeUnit::Microsecond => Some(time),
            TimeUnit::Nanosecond => Some(time.div_euclid(1_000)),
        }),
        DataType::Date64 => scaled(&integers()?, |time| time.checked_mul(1_000)),
        DataType::Date32 => {
            let days = cast(array, &DataType::Int32).and_then(|days| cast(&days, &DataType::Int64));
            let days = days.map_err(|error| (0, error.to_string()))?;
            let days = days.as_primitive_opt::<Int64Type>().map(|days| days.values().to_vec());
            scaled(&days.unwrap_or_default(), |days| days.checked_mul(DAY))
        }
        kind if kind.is_integer() => each(integers()?.into_iter(), |number| seconds.micros(number)),
        kind if kind.is_numeric() => {
            let numbers = super::arrays::doubles(array).map_err(|reason| (0, reason))?;
            each(numbers.into_iter(), |number| {
                if number.is_nan() {
                    Err("holds no time, expected one".to_owned())
                } else {
                    seconds.micros_of_float(number)
                }
            })
        }
        _ => {
            let texts = texts(array).map_err(|_| {
                (0, format!("timestamp is of type {}, expected times, numbers or texts", array.data_type()))
            })?;
            each(texts.iter().map(Option::unwrap_or_default), |text| {
                text_micros(text.trim().as_bytes(), seconds)
            })
        }
    }
}

/// The time that a text spells, or that its number counts.
///
/// # Errors
/// What was found and what was expected.
pub fn text_micros(text: &[u8], instants: Instants) -> Result<i64, String> {
    if let Some(micros) = iso_micros(text) {
        return within(micros).ok_or_else(|| outside(micros));
    }
    let whole = str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match (whole, decimal(text, 0)) {
        (Some(number), _) => instants.micros(number),
        (None, Some(number)) => instants.micros_of_float(number),
        (None, None) => Err(format!(
            "timestamp is {:?}, expected a time such as 2017-01-31 23:00:00 or Unix seconds",
            String::from_utf8_lossy(text)
        )),
    }
}

fn within(micros: i64) -> Option<i64> {
    (FIRST..END).contains(&micros).then_some(micros)
}

fn outside(micros: i64) -> String {
    format!("timestamp lies outside the years 1600 to 2199: {}", isd_dataset::time::iso8601(micros))
}

fn scaled(times: &[i64], micros: impl Fn(i64) -> Option<i64>) -> Result<Vec<i64>, RowReason> {
    each(times.iter().copied(), |time| match micros(time) {
        Some(micros) => within(micros).ok_or_else(|| outside(micros)),
        None => Err(format!("timestamp is {time}, beyond all times that microseconds hold")),
    })
}

fn each<T>(
    values: impl Iterator<Item = T>,
    micros: impl Fn(T) -> Result<i64, String>,
) -> Result<Vec<i64>, RowReason> {
    values.enumerate().map(|(row, value)| micros(value).map_err(|found| (row, found))).collect()
}
