//! The window: how far it reaches and how many values it must hold, checked once for every rolling kernel.

use std::fmt;

use crate::{Decimal, Series};

/// The longest row window.
pub const MAX_WINDOW: usize = 100_000;

/// Values behind each other of which one's window tells how many those of the others hold at most.
const STRIDE: usize = 64;

/// Values that a time window must hold for a result, unless told otherwise.
pub const TIME_WINDOW_MIN_PERIODS: usize = 10;

/// How far a window reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// So many values.
    Rows(usize),
    /// The values within so many microseconds, however many they are; needs times.
    Micros(i64),
}

/// A rolling window; [`Rolling::validated`] checks that its options make one.
///
/// The window `W_i` of the value in row i holds, by default, the values *before* it: the last `N` of them, or those of
/// the times `t_i - w <= t < t_i`. With [`include_current`](Rolling::include_current) the window is moved to end at
/// row i: the last `N` values up to and with `v_i`, or those of `t_i - w < t <= t_i`. Either way a time window of `w`
/// over regular steps that divide it holds as many values as the row window. Rows without a value are no part of any
/// window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    extent: Extent,
    include_current: bool,
    min_periods: usize,
    ddof: usize,
}

/// Why a combination of options makes no window or no test.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The window holds no value, or more than [`MAX_WINDOW`].
    #[error("a window of {0} rows: expected 1 to {MAX_WINDOW}")]
    Window(usize),
    /// The time window is not positive; its microseconds.
    #[error("a time window of {} s: expected a positive time, such as 7d", *.0 as f64 / 1e6)]
    TimeWindow(i64),
    /// `min_periods` lies outside `1..=window`, or leaves no degree of freedom.
    #[error("{}", if least > window {
        format!("a window of {window} rows leaves no degree of freedom: expected at least {least}")
    } else {
        format!("min-periods {min_periods}: expected {least} to the window's {window}")
    })]
    MinPeriods {
        /// What was given.
        min_periods: usize,
        /// The least that defines a standard deviation.
        least: usize,
        /// The window.
        window: usize,
    },
    /// `min_periods` of a time window is 0, or leaves no degree of freedom.
    #[error("min-periods {min_periods} of a time window: expected at least {least}")]
    TimeMinPeriods {
        /// What was given.
        min_periods: usize,
        /// The least that defines a standard deviation.
        least: usize,
    },
    /// No data can exceed the threshold (Samuelson's inequality).
    #[error(
        "no data can exceed {threshold} sigma when the window of {window} rows includes the tested one: the bound is {bound:.3}"
    )]
    Unreachable {
        /// The threshold.
        threshold: Decimal,
        /// The window.
        window: usize,
        /// The largest z-score that data of this window can have.
        bound: f64,
        /// The smallest window in which the threshold can be exceeded, if one is allowed.
        smallest: Option<usize>,
    },
    /// The fill limit is not positive.
    #[error("a fill limit of {0}: expected a positive number of rows or a positive time")]
    FillLimit(i64),
}

impl OptionsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { smallest: Some(n), .. } => Some(format!(
                "use a window of at least {n}, a lower threshold, or leave the tested value out of its window"
            )),
            Self::Unreachable { smallest: None, .. } => {
                Some("use a lower threshold, or leave the tested value out of its window".into())
            }
            _ => None,
        }
    }
}

impl Rolling {
    /// A window of `window` values, which must all be there.
    ///
    /// # Errors
    /// A window outside `1..=MAX_WINDOW`.
    pub fn rows(window: usize) -> Result<Self, OptionsError> {
        if window == 0 || window > MAX_WINDOW {
            return Err(OptionsError::Window(window));
        }
        Ok(Self::last(window))
    }

    /// A window of so many values, known to be within the bounds.
    pub(crate) const fn last(window: usize) -> Self {
        Self { extent: Extent::Rows(window), include_current: false, min_periods: window, ddof: 0 }
    }

    /// A window of so many microseconds, which must hold [`TIME_WINDOW_MIN_PERIODS`] values.
    ///
    /// # Errors
    /// A time that is not positive.
    pub fn within(micros: i64) -> Result<Self, OptionsError> {
        if micros <= 0 {
            return Err(OptionsError::TimeWindow(micros));
        }
        let extent = Extent::Micros(micros);
        Ok(Self { extent, include_current: false, min_periods: TIME_WINDOW_MIN_PERIODS, ddof: 0 })
    }

    /// Ends the window at the row itself, which is then part of it.
    #[must_use]
    pub fn include_current(mut self, include: bool) -> Self {
        self.include_current = include;
        self
    }

    /// Gives a result once the window holds this many values (default: the whole of a row window,
    /// [`TIME_WINDOW_MIN_PERIODS`] of a time window).
    #[must_use]
    pub fn min_periods(mut self, min_periods: usize) -> Self {
        self.min_periods = min_periods;
        self
    }

    /// Degrees of freedom taken off the divisor of the variance: 0 population, 1 sample.
    #[must_use]
    pub fn ddof(mut self, ddof: usize) -> Self {
        self.ddof = ddof;
        self
    }

    /// Checks the options against each other.
    ///
    /// # Errors
    /// `min_periods` of 0, more than a row window holds, or without a degree of freedom.
    pub fn validated(self) -> Result<Self, OptionsError> {
        let Self { extent, min_periods, ddof, .. } = self;
        let least = ddof.saturating_add(1);
        match extent {
            Extent::Rows(window) if min_periods < least || min_periods > window => {
                Err(OptionsError::MinPeriods { min_periods, least, window })
            }
            Extent::Micros(_) if min_periods < least => {
                Err(OptionsError::TimeMinPeriods { min_periods, least })
            }
            _ => Ok(self),
        }
    }

    /// How far the window reaches.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Whether the window includes the row itself.
    #[must_use]
    pub fn includes_current(&self) -> bool {
        self.include_current
    }

    /// Number of values that a window must hold for a result.
    #[must_use]
    pub fn least_count(&self) -> usize {
        self.min_periods
    }

    /// Degrees of freedom taken off the divisor of the variance.
    #[must_use]
    pub fn freedom(&self) -> usize {
        self.ddof
    }

    /// Whether the window needs times.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        matches!(self.extent, Extent::Micros(_))
    }

    /// Where the window of a value ends, exclusively.
    pub(crate) fn end(&self, i: usize) -> usize {
        i + usize::from(self.include_current)
    }

    /// As many values as any window of the series holds, or a few more, if it has the times that takes.
    pub(crate) fn most(&self, series: &Series<'_>) -> Result<usize, TimesError> {
        match (self.extent, series.times) {
            (Extent::Rows(window), _) => Ok(window),
            (Extent::Micros(_), None) => Err(TimesError::Missing),
            (Extent::Micros(micros), Some(times)) => {
                if times.windows(2).any(|pair| pair[0] >= pair[1]) {
                    return Err(TimesError::Unsorted);
                }
                // A window of the rows behind one ends at most so many later, and begins no earlier.
                let (mut begin, mut most) = (0, 0);
                for i in (0..times.len()).step_by(STRIDE) {
                    begin += times[begin..self.end(i)]
                        .partition_point(|time| self.is_before(*time, times[i], micros));
                    most = most.max(self.end(i) - begin);
                }
                Ok((most + STRIDE - 1).min(times.len()))
            }
        }
    }

    /// Where the window of value `i` begins, given where that of an earlier one does. `times` are those of the
    /// values, ascending; a row window needs none.
    #[inline]
    pub(crate) fn begin(&self, mut begin: usize, i: usize, times: &[i64]) -> usize {
        let end = self.end(i);
        match self.extent {
            Extent::Rows(window) => end.saturating_sub(window),
            Extent::Micros(micros) => {
                while begin < end && self.is_before(times[begin], times[i], micros) {
                    begin += 1;
                }
                begin
            }
        }
    }

    /// Whether a time lies before the window of so many microseconds of a value that is not earlier.
    #[inline]
    fn is_before(&self, time: i64, of_value: i64, micros: i64) -> bool {
        // A window that takes in its end leaves out its begin. Differences of ascending times fit 64 bits.
        of_value.wrapping_sub(time) as u64 > micros as u64 - u64::from(self.include_current)
    }
}

/// What a printed plan says of the window: `window 30 values before`.
impl fmt::Display for Rolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.extent {
            Extent::Rows(rows) => write!(f, "window {rows} values")?,
            Extent::Micros(micros) => write!(f, "window {} s", micros as f64 / 1e6)?,
        }
        f.write_str(if self.include_current { " with the current" } else { " before" })
    }
}

/// Why a series has no windows of time, or no limit in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// It has no times.
    #[error("a time window or a fill limit in time needs the times of the rows")]
    Missing,
    /// A row is not later than the one before it.
    #[error("a time window needs times that ascend within a series, each once")]
    Unsorted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked_against_each_other() {
        assert_eq!(Rolling::rows(0), Err(OptionsError::Window(0)));
        assert!(Rolling::rows(100_001).is_err());
        assert_eq!(Rolling::within(0), Err(OptionsError::TimeWindow(0)));
        let rows = || Rolling::rows(10).unwrap();
        assert!(rows().min_periods(11).validated().is_err());
        assert!(rows().min_periods(0).validated().is_err());
        assert!(rows().min_periods(1).validated().is_ok());
        assert!(rows().min_periods(1).ddof(1).validated().is_err());
        let time = || Rolling::within(1).unwrap();
        assert!(time().min_periods(usize::MAX).validated().is_ok());
        assert!(time().min_periods(0).validated().is_err());
        assert!(time().ddof(10).validated().is_err());
    }

    #[test]
    fn a_time_window_takes_in_one_of_its_ends() {
        let times = [i64::MIN, -5, 0, 10, 20, 29, 30, i64::MAX];
        let begins = |rolling: &Rolling| {
            let mut begin = 0;
            let begins = (0..times.len()).map(|i| {
                begin = rolling.begin(begin, i, &times);
                begin
            });
            begins.collect::<Vec<_>>()
        };
        let before = Rolling::within(20).unwrap();
        assert_eq!(begins(&before), [0, 1, 1, 1, 2, 3, 3, 7]);
        let with = before.include_current(true);
        assert_eq!(begins(&with), [0, 1, 1, 1, 3, 3, 4, 7]);
        let longest = Rolling::within(i64::MAX).unwrap();
        assert_eq!(begins(&longest), [0, 0, 1, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn no_window_holds_more_than_the_most() {
        let mut times: Vec<i64> = (0..400).map(|i| i * 10).collect();
        times.extend((0..150).map(|i| 5000 + i));
        times.extend((0..400).map(|i| 6000 + i * 10));
        let values = vec![0.0; times.len()];
        let rolling = Rolling::within(10).unwrap();
        let most = |times: &[i64]| {
            rolling.most(&Series::new(&values[..times.len()]).with_times(Some(times)).unwrap())
        };
        // In the densest stretch it is ten.
        assert!((10..10 + STRIDE).contains(&most(&times).unwrap()));
        assert_eq!(most(&times[..3]), Ok(3));
        assert_eq!(most(&[]), Ok(0));
        assert_eq!(most(&[1, 1]), Err(TimesError::Unsorted));
        assert_eq!(rolling.most(&Series::new(&values)), Err(TimesError::Missing));
    }
}
