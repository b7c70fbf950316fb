//! The entry: a series and a test in, its outlying rows out.

use crate::decimal_pass::{self, Windowing};
use crate::outlier::{Outlier, Outliers};
use crate::series::{LengthError, Reach, Series};
use crate::{RollingTest, TimesError, binary_pass};

/// What became of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was tested.
    Tested,
    /// It has fewer than `min_periods + 1` observed values.
    TooShort,
    /// A time window or a fill limit in time was asked for, but the series has no times.
    NoTimes,
    /// A time window was asked for, but a row is not later than the one before it.
    UnsortedTimes,
}

/// Buffers that the kernel reuses from one series to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) decimal: decimal_pass::Buffers,
    pub(crate) binary: binary_pass::Buffers,
}

/// Tests one series and appends its outliers to `found`, in row order.
///
/// Missing values are those that are null, NaN or infinite. The result depends on the series and the test alone; mean,
/// standard deviation and z-score are the doubles nearest the exact values.
///
/// ```
/// use isd_kernel::{Decimal, RollingTest, Scratch, Series, rolling_outliers};
///
/// let mut wind: Vec<f64> = (0..60).map(|hour| f64::from(30 + hour % 3) / 10.0).collect();
/// wind[45] = 45.8;
/// let test = RollingTest::new(30, Decimal::whole(6))?.validated()?;
/// let mut found = Vec::new();
/// rolling_outliers(Series::new(&wind), &test, &mut Scratch::default(), &mut found);
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].row, found[0].mean), (45, 3.1));
/// # Ok::<(), isd_kernel::OptionsError>(())
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
    if !series.observes(test.least_count() + 1) {
        return Outcome::TooShort;
    }
    let most = match test.rolling().most(&series) {
        Ok(most) => most,
        Err(TimesError::Missing) => return Outcome::NoTimes,
        Err(TimesError::Unsorted) => return Outcome::UnsortedTimes,
    };
    let windowing = Windowing { rolling: test.rolling(), reach: Reach::of(test.limit(), &series), most };
    let Scratch { decimal, binary } = scratch;
    let mut outliers = Outliers::new(test, found);
    if !decimal_pass::run(&series, first, windowing, decimal, &mut outliers) {
        binary_pass::outliers(&series, first, windowing, test, binary, found);
    }
    Outcome::Tested
}

/// Tests each of the series that `whole` is made of; rows of `found` count from its start.
///
/// # Errors
/// Lengths that do not add up to the number of rows.
pub fn outliers_of_each(
    whole: &Series<'_>,
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
