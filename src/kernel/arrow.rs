//! The kernel on arrow-rs arrays: [`Float64Array`] in, outlying rows out. No value is copied.

use arrow::array::{Array, Float64Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::TimestampMicrosecondType;

use super::{LengthError, Outcome, Outlier, RollingTest, Scratch, Series, Validity};

/// Borrows an array (sliced or not) as a series; null, NaN and infinite slots are missing.
///
/// `times`, where a time window or a fill limit in time needs them, are as many, strictly ascending and without nulls.
///
/// # Errors
/// Another number of times than values.
pub fn series<'a>(
    values: &'a Float64Array,
    times: Option<&'a PrimitiveArray<TimestampMicrosecondType>>,
) -> Result<Series<'a>, LengthError> {
    Series::new(values.values())
        .with_validity(values.nulls().and_then(validity))?
        .with_times(times.map(|times| times.values().as_ref()))
}

fn validity(nulls: &NullBuffer) -> Option<Validity<'_>> {
    Validity::new(nulls.validity(), nulls.offset(), nulls.len())
}

/// Tests every series of an array: see [`rolling_outliers`](super::rolling_outliers). `lengths` are the numbers of rows of the series, which
/// follow each other and cover the array. Rows of `found` count from the start of the array.
///
/// ```
/// use arrow::array::Float64Array;
/// use isd::kernel::{RollingTest, arrow::rolling_outliers_of};
///
/// let calm = (0..40).map(|i| Some(f64::from(i % 5) / 10.0));
/// let gust = [Some(21.6), None, Some(0.2)];
/// let values: Float64Array = calm.clone().chain(gust).chain(calm).collect();
/// let mut found = Vec::new();
/// let outcomes = rolling_outliers_of(&values, None, &[43, 40], &RollingTest::default(), &mut found)?;
/// assert_eq!(outcomes.len(), 2);
/// assert_eq!(found.iter().map(|o| (o.row, o.value)).collect::<Vec<_>>(), [(40, 21.6)]);
/// # Ok::<(), isd::kernel::LengthError>(())
/// ```
///
/// # Errors
/// Another number of times than values, or lengths that do not add up to the array's.
pub fn rolling_outliers_of(
    values: &Float64Array,
    times: Option<&PrimitiveArray<TimestampMicrosecondType>>,
    lengths: &[usize],
    test: &RollingTest,
    found: &mut Vec<Outlier>,
) -> Result<Vec<Outcome>, LengthError> {
    series(values, times)?.split(lengths, test, &mut Scratch::default(), found)
}
