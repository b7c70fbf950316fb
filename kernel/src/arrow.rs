//! The kernels on arrow-rs arrays: [`Float64Array`] in, outlying rows or another array out. No value is copied on the
//! way in.
//!
//! Each takes an array of several series, one behind the other: `lengths` are their numbers of rows, which add up to the
//! array's. `times`, where a time window or a fill limit in time needs them, are as many as the values, strictly
//! ascending within a series and without nulls. Null, NaN and infinite slots are missing; sliced arrays are as good as
//! whole ones.

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, Float64Array, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use crate::{
    FillLimit, LengthError, Outcome, Outlier, Rolling, RollingTest, Scratch, Series, SeriesError, TimesError,
    Validity,
};

/// Times of an array's rows.
type Times = PrimitiveArray<TimestampMicrosecondType>;

/// Borrows an array (sliced or not) as a series; null, NaN and infinite slots are missing.
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

/// Tests every series of an array: see [`rolling_outliers`](crate::rolling_outliers). Rows of `found` count from the
/// start of the array.
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::{RollingTest, arrow::rolling_outliers};
///
/// let calm = (0..40).map(|i| Some(f64::from(i % 5) / 10.0));
/// let gust = [Some(21.6), None, Some(0.2)];
/// let values: Float64Array = calm.clone().chain(gust).chain(calm).collect();
/// let mut found = Vec::new();
/// let outcomes = rolling_outliers(&values, None, &[43, 40], &RollingTest::default(), &mut found)?;
/// assert_eq!(outcomes.len(), 2);
/// assert_eq!(found.iter().map(|o| (o.row, o.value)).collect::<Vec<_>>(), [(40, 21.6)]);
/// # Ok::<(), isd_kernel::LengthError>(())
/// ```
///
/// # Errors
/// Another number of times than values, or lengths that do not add up to the array's.
pub fn rolling_outliers(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    test: &RollingTest,
    found: &mut Vec<Outlier>,
) -> Result<Vec<Outcome>, LengthError> {
    crate::outliers_of_each(&series(values, times)?, lengths, test, &mut Scratch::default(), found)
}

/// Fills every series of an array forward: see [`forward_fill`](crate::forward_fill). What stays missing is null.
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::arrow::forward_fill;
///
/// let values = Float64Array::from(vec![Some(5.1), None, None, Some(4.6), None]);
/// let filled = forward_fill(&values, None, &[2, 3], None)?;
/// assert_eq!(filled, Float64Array::from(vec![Some(5.1), Some(5.1), None, Some(4.6), Some(4.6)]));
/// # Ok::<(), isd_kernel::SeriesError>(())
/// ```
///
/// # Errors
/// Another number of times than values, none where the limit needs them, or lengths that do not add up to the array's.
pub fn forward_fill(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    limit: Option<FillLimit>,
) -> Result<Float64Array, SeriesError> {
    column(values, times, lengths, |series, out| crate::forward_fill(series, limit, out))
}

/// The mean of each row's window, series by series: see [`rolling_mean`](crate::rolling_mean). Rows without one are
/// null.
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::{Rolling, arrow::rolling_mean};
///
/// let values = Float64Array::from(vec![0.1, 0.2, 0.7, 1.0, 5.0]);
/// let means = rolling_mean(&values, None, &[3, 2], &Rolling::rows(2)?.min_periods(1))?;
/// assert_eq!(means, Float64Array::from(vec![None, Some(0.1), Some(0.15), None, Some(1.0)]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Another number of times than values, none or unsorted ones where the window needs them, or lengths that do not add up
/// to the array's.
pub fn rolling_mean(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    rolling: &Rolling,
) -> Result<Float64Array, SeriesError> {
    let mut scratch = Scratch::default();
    column(values, times, lengths, |series, out| crate::rolling_mean(series, rolling, &mut scratch, out))
}

/// The standard deviation of each row's window, series by series: see [`rolling_std`](crate::rolling_std). Rows without
/// one are null.
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::{Rolling, arrow::rolling_std};
///
/// let values = Float64Array::from(vec![0.3, 0.3, 0.7, 1e9, 4.0]);
/// let deviations = rolling_std(&values, None, &[5], &Rolling::rows(2)?.include_current(true))?;
/// assert_eq!(deviations.iter().take(3).collect::<Vec<_>>(), [None, Some(0.0), Some(0.2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Another number of times than values, none or unsorted ones where the window needs them, or lengths that do not add up
/// to the array's.
pub fn rolling_std(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    rolling: &Rolling,
) -> Result<Float64Array, SeriesError> {
    let mut scratch = Scratch::default();
    column(values, times, lengths, |series, out| crate::rolling_std(series, rolling, &mut scratch, out))
}

/// One number a row of every series, null where the kernel writes NaN.
fn column(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    mut kernel: impl FnMut(Series<'_>, &mut Vec<f64>) -> Result<(), TimesError>,
) -> Result<Float64Array, SeriesError> {
    let mut out = Vec::with_capacity(values.len());
    for (_, series) in series(values, times)?.split(lengths)? {
        kernel(series, &mut out)?;
    }
    let valid = NullBuffer::new(BooleanBuffer::collect_bool(out.len(), |row| !out[row].is_nan()));
    Ok(Float64Array::new(out.into(), Some(valid).filter(|valid| valid.null_count() > 0)))
}
