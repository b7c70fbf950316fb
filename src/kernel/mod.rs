//! The rolling outlier kernel: a series as slices in, its outlying rows out.
//!
//! The kernel is a pure function over a slice of doubles and a validity bitmap. It forward-fills, takes the moments of
//! the window before each row and tests the row in one pass, without an intermediate column. Arrow and Polars are
//! adapters around it ([`arrow`] and [`polars`]).
//!
//! It is exact. A cheap test with a proven margin rules out nearly every row; what is left is decided in integers
//! ([`RollingTest`] says what is decided). Two passes share that scheme:
//! - a series on a decimal grid of up to three decimals (weather is) is turned into integers, whose prefix sums are
//!   exact, so that a window is a difference of two of them;
//! - any other series runs through a queue of two stacks that never subtracts what it added, so that a value which has
//!   left the window leaves nothing behind.

pub mod arrow;
mod decimal;
mod exact;
mod general;
mod grid;
mod lanes;
mod options;
#[cfg(feature = "tools")]
pub mod polars;
mod validity;

pub use decimal::{Decimal, ParseDecimalError};
pub use options::{FillLimit, MAX_WINDOW, OptionsError, RollingTest};
pub use validity::Validity;

/// One measurement of one station in time order.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    values: &'a [f64],
    validity: Option<Validity<'a>>,
    times: Option<&'a [i64]>,
}

/// Slices that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {found} slots beside {expected} values")]
pub struct LengthError {
    what: &'static str,
    found: usize,
    expected: usize,
}

impl<'a> Series<'a> {
    /// A series whose missing values, if any, are NaN. Infinite values count as missing, too.
    #[must_use]
    pub fn new(values: &'a [f64]) -> Self {
        Self { values, validity: None, times: None }
    }

    /// Marks missing values by a bitmap as well; what their slots hold is never looked at.
    ///
    /// # Errors
    /// A bitmap of another length.
    pub fn with_validity(mut self, validity: Option<Validity<'a>>) -> Result<Self, LengthError> {
        if let Some(found) = validity.map(|v| v.len()).filter(|len| *len != self.values.len()) {
            return Err(LengthError { what: "a validity bitmap", found, expected: self.values.len() });
        }
        self.validity = validity;
        Ok(self)
    }

    /// Adds the time of each row, in microseconds, ascending: only a fill limit in time needs it.
    ///
    /// # Errors
    /// Another number of times than values.
    pub fn with_times(mut self, times: Option<&'a [i64]>) -> Result<Self, LengthError> {
        if let Some(found) = times.map(<[i64]>::len).filter(|len| *len != self.values.len()) {
            return Err(LengthError { what: "times", found, expected: self.values.len() });
        }
        self.times = times;
        Ok(self)
    }

    /// Whether row `i` was observed: neither null nor NaN nor infinite.
    fn is_observed(&self, i: usize) -> bool {
        self.validity.is_none_or(|v| v.is_valid(i)) && self.values[i].is_finite()
    }

    /// Rows that were observed, in order.
    fn observed(&self) -> impl Iterator<Item = usize> {
        (0..self.values.len()).filter(|i| self.is_observed(*i))
    }

    /// Tests each of the series that this one is made of, one behind the other.
    ///
    /// # Errors
    /// Lengths that do not add up to the number of values.
    pub(crate) fn split(
        &self,
        lengths: &[usize],
        test: &RollingTest,
        scratch: &mut Scratch,
        found: &mut Vec<Outlier>,
    ) -> Result<Vec<Outcome>, LengthError> {
        let total = lengths.iter().fold(0_usize, |sum, len| sum.saturating_add(*len));
        if total != self.values.len() {
            return Err(LengthError { what: "series", found: total, expected: self.values.len() });
        }
        let mut start = 0;
        let mut outcomes = Vec::with_capacity(lengths.len());
        for len in lengths {
            let rows = start..start + len;
            let series = Series {
                values: &self.values[rows.clone()],
                validity: self.validity.map(|v| v.slice(start, *len)),
                times: self.times.map(|times| &times[rows]),
            };
            let before = found.len();
            outcomes.push(rolling_outliers(series, test, scratch, found));
            for outlier in &mut found[before..] {
                outlier.row += start;
            }
            start += len;
        }
        Ok(outcomes)
    }
}

/// Decides whether a missing row may be filled from the last observed one.
#[derive(Clone, Copy)]
enum Reach<'a> {
    Unlimited,
    Rows(usize),
    Micros(i64, &'a [i64]),
}

impl<'a> Reach<'a> {
    /// Without times, a limit in time counts as none: the adapters supply times where the test needs them.
    fn of(test: &RollingTest, series: &Series<'a>) -> Self {
        match (test.limit(), series.times) {
            (Some(FillLimit::Rows(rows)), _) => Self::Rows(rows),
            (Some(FillLimit::Micros(micros)), Some(times)) => Self::Micros(micros, times),
            _ => Self::Unlimited,
        }
    }

    fn bridges(self, from: usize, to: usize) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Rows(rows) => to - from <= rows,
            Self::Micros(micros, times) => times[to].saturating_sub(times[from]) <= micros,
        }
    }
}

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
    /// A fill limit in time was asked for, but the series has no times.
    NoTimes,
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
    let mut observed = series.observed();
    let Some(first) = observed.next() else { return Outcome::TooShort };
    if test.least_count() > 0 && observed.nth(test.least_count() - 1).is_none() {
        return Outcome::TooShort;
    }
    let before = found.len();
    let mut decimals = grid::likely_decimals(&series);
    while let Some(grid) = decimals {
        match grid::pass(&series, first, grid, test, &mut scratch.grid, found) {
            grid::Ended::Done => return Outcome::Tested,
            grid::Ended::OffGrid => decimals = (grid < decimal::MAX_GRID_DECIMALS).then_some(grid + 1),
            grid::Ended::TooWide => decimals = None,
        }
        found.truncate(before);
    }
    general::pass(&series, first, test, &mut scratch.general, found);
    Outcome::Tested
}
