//! Arrow arrays of any type as what a source yields: doubles with NaN for missing, and texts.

use std::fmt::Display;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Float32Type,
    Float64Type,
};
use isd_dataset::column::widen;

use crate::text_encoding::decoded;

/// Integers up to this magnitude, and powers of ten up to 10^22, are doubles exactly: their quotient is rounded once.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;
const EXACT_POWER_OF_TEN: i8 = 22;

/// The numbers of an array of a numeric type or of truth values, which are 1 and 0; missing ones are NaN. A
/// float32 becomes the double nearest the decimal that it stands for.
///
/// # Errors
/// A type that holds no numbers.
pub fn doubles(array: &ArrayRef) -> Result<Vec<f64>, String> {
    let array = &plain(array)?;
    let mut values: Vec<f64> = match array.data_type() {
        DataType::Null => vec![f64::NAN; array.len()],
        DataType::Float64 => array.as_primitive::<Float64Type>().values().to_vec(),
        DataType::Float32 => {
            array.as_primitive::<Float32Type>().values().iter().map(|&value| widen(value)).collect()
        }
        DataType::Boolean => {
            array.as_boolean().values().iter().map(|value| f64::from(u8::from(value))).collect()
        }
        &DataType::Decimal32(_, scale) => decimals::<Decimal32Type>(array, scale),
        &DataType::Decimal64(_, scale) => decimals::<Decimal64Type>(array, scale),
        &DataType::Decimal128(_, scale) => decimals::<Decimal128Type>(array, scale),
        &DataType::Decimal256(_, scale) => decimals::<Decimal256Type>(array, scale),
        _ => cast(array, &DataType::Float64)
            .map_err(|_| no_numbers(array.data_type()))?
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| no_numbers(array.data_type()))?
            .values()
            .to_vec(),
    };
    let nulls = array.nulls();
    for (row, value) in values.iter_mut().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            *value = f64::NAN;
        }
    }
    Ok(values)
}

/// What is wrong with a type that holds no numbers.
fn no_numbers(found: &DataType) -> String {
    format!("is of type {found}, expected numbers")
}

/// The doubles nearest decimals of `scale` digits after the point.
fn decimals<T: DecimalType>(array: &ArrayRef, scale: i8) -> Vec<f64>
where
    T::Native: Display,
{
    let decimals = array.as_primitive::<T>();
    let power = (0..=EXACT_POWER_OF_TEN).contains(&scale).then(|| 10_f64.powi(i32::from(scale)));
    let value = |row: usize| {
        let digits = decimals.value(row).to_string();
        // All that fits a double is rounded once; the rest is read as it would be written.
        match (digits.parse::<f64>(), power) {
            (Ok(mantissa), Some(power)) if mantissa.abs() <= EXACT_INTEGERS => mantissa / power,
            _ => format!("{digits}e{}", -i32::from(scale)).parse().unwrap_or(f64::NAN),
        }
    };
    (0..decimals.len()).map(|row| if decimals.is_null(row) { f64::NAN } else { value(row) }).collect()
}

/// The texts of an array: of texts and bytes themselves (bytes that are no UTF-8 as Latin-1), of whole numbers their
/// digits, even where a column of integers with gaps became one of floats.
///
/// # Errors
/// A type that has no text.
pub fn texts(array: &ArrayRef) -> Result<StringArray, String> {
    let array = &plain(array)?;
    let no_text = || format!("is of type {}, expected texts or whole numbers", array.data_type());
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = cast(array, &DataType::LargeBinary).map_err(|error| error.to_string())?;
            let bytes = bytes.as_binary::<i64>();
            let mut texts = StringBuilder::new();
            for value in bytes {
                texts.append_option(value.map(|bytes| decoded(unpadded(bytes))));
            }
            Ok(texts.finish())
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let mut texts = StringBuilder::new();
            for value in doubles(array)? {
                // Beyond 2^53 not every whole number is a double.
                if !value.is_nan() && (value.trunc() != value || value.abs() > EXACT_INTEGERS) {
                    return Err(format!("holds {value}, expected texts or whole numbers"));
                }
                texts.append_option((!value.is_nan()).then(|| format!("{value:.0}")));
            }
            Ok(texts.finish())
        }
        DataType::Null | DataType::LargeUtf8 | DataType::Utf8View => {
            Ok(cast(array, &DataType::Utf8).map_err(|error| error.to_string())?.as_string::<i32>().clone())
        }
        kind if kind.is_integer() => {
            Ok(cast(array, &DataType::Utf8).map_err(|error| error.to_string())?.as_string::<i32>().clone())
        }
        _ => Err(no_text()),
    }
}

/// Bytes without the zeros that pad them.
fn unpadded(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// An array without the encodings that only save space: dictionaries and runs.
pub fn plain(array: &ArrayRef) -> Result<ArrayRef, String> {
    let values = match array.data_type() {
        DataType::Dictionary(_, values) => (**values).clone(),
        DataType::RunEndEncoded(_, values) => values.data_type().clone(),
        _ => return Ok(array.clone()),
    };
    plain(&cast(array, &values).map_err(|error| error.to_string())?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, DictionaryArray, Float32Array,
    };
    use arrow::array::{Float64Array, Int8Array, UInt64Array};
    use arrow::datatypes::{Int8Type, i256};

    use super::*;

    #[test]
    fn every_type_of_numbers_gives_the_nearest_doubles() {
        let arrays: [(ArrayRef, [f64; 2]); 7] = [
            (Arc::new(Float32Array::from(vec![5.1, -0.3])), [5.1, -0.3]),
            (Arc::new(Float64Array::from(vec![5.1, f64::INFINITY])), [5.1, f64::INFINITY]),
            (Arc::new(Int8Array::from(vec![Some(51), None])), [51.0, f64::NAN]),
            (Arc::new(UInt64Array::from(vec![250, 1 << 60])), [250.0, (1_u64 << 60) as f64]),
            (Arc::new(BooleanArray::from(vec![true, false])), [1.0, 0.0]),
            (
                Arc::new(Decimal128Array::from(vec![51, -102_966]).with_precision_and_scale(38, 2).unwrap()),
                [0.51, -1029.66],
            ),
            (
                Arc::new(
                    Decimal256Array::from(vec![
                        i256::from_string("123456789012345678901234567890").unwrap(),
                        i256::from_i128(51),
                    ])
                    .with_precision_and_scale(76, 20)
                    .unwrap(),
                ),
                [1_234_567_890.123_456_7, 5.1e-19],
            ),
        ];
        for (array, expected) in arrays {
            let found = doubles(&array).unwrap();
            let same = found.iter().zip(expected).all(|(a, b)| *a == b || (a.is_nan() && b.is_nan()));
            assert!(same, "{}: {found:?}", array.data_type());
        }
    }

    #[test]
    fn stations_of_any_type_are_texts() {
        let dictionary: DictionaryArray<Int8Type> = ["010010-99999", "x"].into_iter().collect();
        let arrays: [(ArrayRef, [&str; 2]); 3] = [
            (Arc::new(dictionary), ["010010-99999", "x"]),
            (Arc::new(BinaryArray::from(vec![b"Z\xfcrich".as_slice(), b"abc\0\0"])), ["Zürich", "abc"]),
            (Arc::new(Float64Array::from(vec![725_300.0, -1.0])), ["725300", "-1"]),
        ];
        for (array, expected) in arrays {
            assert_eq!(texts(&array).unwrap().iter().flatten().collect::<Vec<_>>(), expected);
        }
        let fraction: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
        assert!(texts(&fraction).is_err());
    }
}
