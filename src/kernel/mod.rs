//! The rolling kernels: a series as slices in, its outlying rows or a column of statistics out.
//!
//! A kernel is a pure function over a slice of doubles and a validity bitmap. [`rolling_outliers`] forward-fills, takes
//! the moments of the window before each row and tests the row in one pass, without an intermediate column;
//! [`forward_fill`], [`rolling_mean`] and [`rolling_std`] are its steps by themselves. Arrow and Polars are adapters
//! around them ([`arrow`] and [`polars`]).
//!
//! They are exact. A cheap test with a proven margin rules out nearly every row; what is left is decided in integers
//! ([`RollingTest`] says what is decided). Two passes share that scheme:
//! - a series on a decimal grid of up to three decimals (weather is) is turned into integers, whose prefix sums are
//!   exact, so that a window is a difference of two of them;
//! - any other series is rounded to integers block by block, which rule rows out in the same way; what they leave is
//!   decided from sums of the doubles' own integers, which are exact, too.
//!
//! Either way a value that has left the window leaves nothing behind.

pub mod arrow;
mod block;
mod decimal;
mod exact;
mod filled;
mod general;
mod grid;
mod lane;
mod lanes;
mod moving;
mod options;
mod outliers;
mod pair;
#[cfg(feature = "tools")]
pub mod polars;
mod queue;
mod quick;
mod rolling;
mod series;
mod sieve;
mod statistics;
mod validity;

use grid::Windowing;
#[doc(hidden)]
pub use lanes::use_plain_instructions;
use outliers::Outliers;
use series::Reach;

#[cfg(feature = "tools")]
pub(crate) use decimal::pack;
pub use decimal::{Decimal, ParseDecimalError};
pub use options::{FillLimit, RollingTest};
pub use rolling::{Extent, MAX_WINDOW, OptionsError, Rolling, TIME_WINDOW_MIN_PERIODS, TimesError};
#[cfg(feature = "tools")]
pub use series::Packing;
pub use series::{LengthError, Series, SeriesError};
pub use statistics::{forward_fill, rolling_mean, rolling_std};
pub use validity::Validity;

/// A row that the test reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Row in the series, from 0.
    pub row: usize,
    /// The observed value, or the filled one where `filled`.
    pub value: f64,
    /// Mean of the window.
    pub mean: f64,
    /// Standard deviation of the window.
    pub std: f64,
    /// `(value - mean) / max(std, min_std)`: infinite where that is 0.
    pub zscore: f64,
    /// Number of values in the window.
    pub count: usize,
    /// Whether the value was filled in rather than observed.
    pub filled: bool,
}

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
    grid: grid::Buffers,
    general: general::Buffers,
}

/// Tests one series and appends its outliers to `found`, in row order.
///
/// Missing values are those that are null, NaN or infinite. The result depends on the series and the test alone; mean,
/// standard deviation and z-score are the doubles nearest the exact values.
///
/// ```
/// use isd::kernel::{Decimal, RollingTest, Scratch, Series, rolling_outliers};
///
/// let mut wind: Vec<f64> = (0..60).map(|hour| f64::from(30 + hour % 3) / 10.0).collect();
/// wind[45] = 45.8;
/// let test = RollingTest::new(30, Decimal::whole(6))?.validated()?;
/// let mut found = Vec::new();
/// rolling_outliers(Series::new(&wind), &test, &mut Scratch::default(), &mut found);
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].row, found[0].mean), (45, 3.1));
/// # Ok::<(), isd::kernel::OptionsError>(())
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
    let Scratch { grid, general } = scratch;
    let mut outliers = Outliers::new(test, found);
    if !grid::run(&series, first, windowing, grid, &mut outliers) {
        general::outliers(&series, first, windowing, test, general, found);
    }
    Outcome::Tested
}

/// Tests each of the series that `whole` is made of; rows of `found` count from its start.
fn outliers_of_each(
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
