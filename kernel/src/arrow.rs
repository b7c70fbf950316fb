//! The kernels on arrow-rs arrays: [`Float64Array`] in, outlying rows or another array out. No value is copied on the
//! way in.
//!
//! Each function takes an array of several series, one after the other: `lengths` are their numbers of rows, which add up
//! to the array's length. `times`, in microseconds, are needed for a time window and a fill limit in time only; they are
//! as many as the values, strictly ascending within a series and without nulls. Null, NaN and infinite values are
//! missing. Sliced arrays are taken as well as whole ones.

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, Float64Array, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use crate::{
    FillLimit, LengthError, Outcome, Outlier, Rolling, RollingTest, Scratch, Series, SeriesError, TimesError,
    Validity,
};

/// Times of an array's rows, in microseconds.
type Times = PrimitiveArray<TimestampMicrosecondType>;

/// Borrows an array, whole or sliced, as a series. Null, NaN and infinite values are missing.
///
/// # Errors
/// More or fewer times than values, or a time that is null.
pub fn series<'a>(values: &'a Float64Array, times: Option<&'a Times>) -> Result<Series<'a>, SeriesError> {
    let series = Series::new(values.values())
        .with_validity(values.nulls().map(validity).transpose()?)?
        .with_times(times.map(|times| times.values().as_ref()))?;
    if let Some(times) = times.filter(|times| times.null_count() > 0)
        && let Some(row) = (0..times.len()).find(|row| times.is_null(*row))
    {
        return Err(SeriesError::NullTime { row });
    }
    Ok(series)
}

fn validity(nulls: &NullBuffer) -> Result<Validity<'_>, LengthError> {
    Validity::new(nulls.validity(), nulls.offset(), nulls.len())
}

/// Tests every series of an array and appends their outliers to `found`, whose rows count from the start of the array:
/// see [`rolling_outliers`](crate::rolling_outliers).
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::RollingTest;
/// use isd_kernel::arrow::rolling_outliers;
///
/// let calm = (0..40).map(|i| Some(f64::from(i % 5) / 10.0));
/// let gust = [Some(21.6), None, Some(0.2)];
/// let values: Float64Array = calm.clone().chain(gust).chain(calm).collect();
/// let mut found = Vec::new();
/// let outcomes = rolling_outliers(&values, None, &[43, 40], &RollingTest::default(), &mut found)?;
/// assert_eq!(outcomes.len(), 2);
/// assert_eq!(found.iter().map(|o| (o.row, o.value)).collect::<Vec<_>>(), [(40, 21.6)]);
/// # Ok::<(), isd_kernel::SeriesError>(())
/// ```
///
/// # Errors
/// More or fewer times than values, a time that is null, or lengths that do not add up to the array's; `found` is as it
/// was. What keeps a single series from being tested is its [`Outcome`].
pub fn rolling_outliers(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    test: &RollingTest,
    found: &mut Vec<Outlier>,
) -> Result<Vec<Outcome>, SeriesError> {
    let series = series(values, times)?;
    Ok(crate::outliers_of_each(series, lengths, test, &mut Scratch::default(), found)?)
}

/// Fills every series of an array forward: see [`forward_fill`](crate::forward_fill). The result has the array's length
/// and unit; what stays missing is null.
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
/// More or fewer times than values, none where the limit needs them, a time that is null, or lengths that do not add up to
/// the array's.
pub fn forward_fill(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    limit: Option<FillLimit>,
) -> Result<Float64Array, SeriesError> {
    column(values, times, lengths, |series, out| crate::forward_fill(series, limit, out))
}

/// Gives the mean of each row's window, series by series: see [`rolling_mean`](crate::rolling_mean). The result has the
/// array's length and unit; rows without a mean are null.
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::arrow::rolling_mean;
/// use isd_kernel::{Rolling, Window};
///
/// let values = Float64Array::from(vec![0.1, 0.2, 0.7, 1.0, 5.0]);
/// let rolling = Rolling::builder().window(Window::Rows(2)).min_periods(1).build()?;
/// let means = rolling_mean(&values, None, &[3, 2], &rolling)?;
/// assert_eq!(means, Float64Array::from(vec![None, Some(0.1), Some(0.15), None, Some(1.0)]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// More or fewer times than values, a time that is null, none or unsorted ones where the window needs them, or lengths
/// that do not add up to the array's.
pub fn rolling_mean(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    rolling: &Rolling,
) -> Result<Float64Array, SeriesError> {
    let mut scratch = Scratch::default();
    column(values, times, lengths, |series, out| crate::rolling_mean(series, rolling, &mut scratch, out))
}

/// Gives the standard deviation of each row's window, series by series: see [`rolling_std`](crate::rolling_std). The result
/// has the array's length and unit; rows without a standard deviation are null.
///
/// ```
/// use arrow_array::Float64Array;
/// use isd_kernel::arrow::rolling_std;
/// use isd_kernel::{Rolling, Window};
///
/// let values = Float64Array::from(vec![0.3, 0.3, 0.7, 1e9, 4.0]);
/// let rolling = Rolling::builder().window(Window::Rows(2)).include_current(true).build()?;
/// let deviations = rolling_std(&values, None, &[5], &rolling)?;
/// assert_eq!(deviations.iter().take(3).collect::<Vec<_>>(), [None, Some(0.0), Some(0.2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`rolling_mean`].
pub fn rolling_std(
    values: &Float64Array,
    times: Option<&Times>,
    lengths: &[usize],
    rolling: &Rolling,
) -> Result<Float64Array, SeriesError> {
    let mut scratch = Scratch::default();
    column(values, times, lengths, |series, out| crate::rolling_std(series, rolling, &mut scratch, out))
}

/// Collects the column that `kernel` appends for each series: one number a row, null where it is NaN.
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
