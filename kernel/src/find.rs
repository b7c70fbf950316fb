//! The entry: a series and a test in, its outlying rows out.

use crate::decimal_pass;
use crate::outlier::{Outlier, Outliers};
use crate::series::Fill;
use crate::window::SeriesWindows;
use crate::{LengthError, RollingTest, Series, TimesError, binary_pass};

/// What became of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was tested.
    Tested,
    /// It was not tested, because fewer than `min_periods + 1` of its values were observed.
    TooShort,
    /// It was not tested, because the window or the fill limit is a length of time, but the series has no times.
    NoTimes,
    /// It was not tested, because the window is a length of time, but a row is not later than the row before it.
    UnsortedTimes,
}

/// Buffers that the kernels reuse from one series to the next, of any tests and kernels. They hold no results; a new one
/// serves as well, but is slower.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) decimal: decimal_pass::Buffers,
    pub(crate) binary: binary_pass::Buffers,
}

/// Tests one series and appends its outliers to `found`, in row order.
///
/// Null, NaN and infinite values are missing: they are filled with the last observed value, within the test's fill limit,
/// and are tested only if the test says so. The result depends on the series and the test alone; mean, standard deviation
/// and z-score are the doubles nearest the exact values.
///
/// A series that cannot be tested adds nothing to `found`: the [`Outcome`] says why.
///
/// ```
/// use isd_kernel::{Outcome, RollingTest, Scratch, Series, rolling_outliers};
///
/// let mut wind: Vec<f64> = (0..60).map(|hour| f64::from(30 + hour % 3) / 10.0).collect();
/// wind[45] = 45.8;
/// let mut found = Vec::new();
/// let outcome =
///     rolling_outliers(Series::new(&wind), &RollingTest::default(), &mut Scratch::default(), &mut found);
/// assert_eq!((outcome, found.len()), (Outcome::Tested, 1));
/// assert_eq!((found[0].row, found[0].mean), (45, 3.1));
/// ```
pub fn rolling_outliers(
    series: Series<'_>,
    test: &RollingTest,
    scratch: &mut Scratch,
    found: &mut Vec<Outlier>,
) -> Outcome {
    if test.needs_time() && series.times.is_none() {
        return Outcome::NoTimes;
    }
    let Some(first) = series.first_observed() else { return Outcome::TooShort };
    if !series.observes(test.min_periods() + 1) {
        return Outcome::TooShort;
    }
    let windows = Fill::new(test.fill_limit(), &series)
        .and_then(|fill| SeriesWindows::new(test.rolling(), fill, &series));
    let windows = match windows {
        Ok(windows) => windows,
        Err(TimesError::Missing) => return Outcome::NoTimes,
        Err(TimesError::Unsorted) => return Outcome::UnsortedTimes,
    };
    let Scratch { decimal, binary } = scratch;
    let before = found.len();
    let mut outliers = Outliers::new(test, found);
    if !decimal_pass::run(&series, first, windows, decimal, &mut outliers) {
        binary_pass::outliers(&series, first, windows, test, binary, found);
    }
    for outlier in &mut found[before..] {
        outlier.count_filled(&series, &windows);
    }
    Outcome::Tested
}

/// Tests each of several series that were joined to one, and appends their outliers to `found`: series by series, and in
/// row order within each. `row` of an outlier counts from the start of the whole.
///
/// `lengths` are the numbers of rows of the series, in order; the outcomes are in that order, too. No window and no fill
/// reaches from one series into the next. See [`rolling_outliers`] for what is done with each.
///
/// ```
/// use isd_kernel::{Outcome, RollingTest, Scratch, Series, outliers_of_each};
///
/// let calm = (0..40).map(|i| f64::from(i % 5) / 10.0);
/// let values: Vec<f64> = [3.0, 2.0].into_iter().chain(calm).chain([21.6]).collect();
/// let mut found = Vec::new();
/// let (test, mut scratch) = (RollingTest::default(), Scratch::default());
/// let outcomes = outliers_of_each(Series::new(&values), &[2, 41], &test, &mut scratch, &mut found)?;
/// assert_eq!(outcomes, [Outcome::TooShort, Outcome::Tested]);
/// assert_eq!(found.iter().map(|outlier| outlier.row).collect::<Vec<_>>(), [42]);
/// # Ok::<(), isd_kernel::LengthError>(())
/// ```
///
/// # Errors
/// The lengths do not add up to the number of rows; `found` is as it was.
pub fn outliers_of_each(
    whole: Series<'_>,
    lengths: &[usize],
    test: &RollingTest,
    scratch: &mut Scratch,
    found: &mut Vec<Outlier>,
) -> Result<Vec<Outcome>, LengthError> {
    let mut outcomes = Vec::with_capacity(lengths.len());
    for (start, series) in whole.split(lengths)? {
        let before = found.len();
        outcomes.push(rolling_outliers(series, test, scratch, found));
        for outlier in &mut found[before..] {
            outlier.row += start;
        }
    }
    Ok(outcomes)
}
