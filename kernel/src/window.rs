//! The rolling window: its options in, and for each value of a series the place where its window begins and ends out.

use std::fmt;

use crate::series::Fill;
use crate::{OptionsError, Series, TimesError};

/// The largest number of values in a row window.
pub const MAX_WINDOW: usize = 100_000;

/// The number of values in a window, unless another window is given.
pub const DEFAULT_WINDOW: usize = 30;

/// The number of values that a time window must hold for a result, unless another number is given.
pub const DEFAULT_TIME_WINDOW_MIN_PERIODS: usize = 10;

/// How far a window reaches back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// A row window: so many values, 1 to [`MAX_WINDOW`]. Rows without a value are not counted.
    Rows(usize),
    /// A time window: the values within so many microseconds, however many those are. The length is positive, and the
    /// series needs times.
    Micros(i64),
}

/// A rolling window whose options have been checked: made by [`Rolling::builder`].
///
/// The window `W_i` of the value in row i holds, by default, the values *before* it: the last `N` of them, or those of
/// the times `t_i - w <= t < t_i`. With [`include_current`](RollingBuilder::include_current) the window is moved to end
/// at row i: the last `N` values up to and with `v_i`, or those of `t_i - w < t <= t_i`. Either way a time window of `w`
/// over regular steps that divide it holds as many values as the row window. Rows without a value are no part of any
/// window.
///
/// ```
/// use isd_kernel::{Rolling, Window};
///
/// let day = Rolling::builder().window(Window::Micros(86_400_000_000)).min_periods(12).build()?;
/// assert_eq!((day.min_periods(), day.ddof(), day.include_current()), (12, 0, false));
/// assert!(Rolling::builder().window(Window::Rows(5)).min_periods(6).build().is_err());
/// # Ok::<(), isd_kernel::OptionsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    window: Window,
    include_current: bool,
    min_periods: usize,
    ddof: usize,
}

/// The options of a [`Rolling`] window before they are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollingBuilder {
    window: Window,
    include_current: bool,
    min_periods: Option<usize>,
    ddof: usize,
}

impl Default for RollingBuilder {
    /// The [`DEFAULT_WINDOW`] values before the row, all of which must be there; population standard deviation.
    fn default() -> Self {
        Self { window: Window::Rows(DEFAULT_WINDOW), include_current: false, min_periods: None, ddof: 0 }
    }
}

impl RollingBuilder {
    /// Sets how far the window reaches back (default: [`DEFAULT_WINDOW`] values).
    #[must_use]
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Sets whether the window ends at the row itself, which is then part of it (default: it ends before the row).
    #[must_use]
    pub fn include_current(mut self, include_current: bool) -> Self {
        self.include_current = include_current;
        self
    }

    /// Sets how many values the window must hold for a result. `None`, the default, stands for all values of a row
    /// window and for [`DEFAULT_TIME_WINDOW_MIN_PERIODS`] values of a time window.
    #[must_use]
    pub fn min_periods(mut self, min_periods: impl Into<Option<usize>>) -> Self {
        self.min_periods = min_periods.into();
        self
    }

    /// Sets the degrees of freedom that are taken off the divisor of the variance: 0 (the default) for the standard
    /// deviation of a population, 1 for that of a sample.
    #[must_use]
    pub fn ddof(mut self, ddof: usize) -> Self {
        self.ddof = ddof;
        self
    }

    /// Checks the options against each other.
    ///
    /// # Errors
    /// A row window outside `1..=MAX_WINDOW`, a time window that is not positive, or a `min_periods` that is 0, larger
    /// than the row window, or not larger than `ddof`.
    pub fn build(self) -> Result<Rolling, OptionsError> {
        let Self { window, include_current, min_periods, ddof } = self;
        let least = ddof.saturating_add(1);
        let min_periods = match window {
            Window::Rows(window) => {
                if window == 0 || window > MAX_WINDOW {
                    return Err(OptionsError::Window(window));
                }
                let min_periods = min_periods.unwrap_or(window);
                if min_periods < least || min_periods > window {
                    return Err(OptionsError::MinPeriods { min_periods, least, window });
                }
                min_periods
            }
            Window::Micros(micros) => {
                if micros <= 0 {
                    return Err(OptionsError::TimeWindow(micros));
                }
                let min_periods = min_periods.unwrap_or(DEFAULT_TIME_WINDOW_MIN_PERIODS);
                if min_periods < least {
                    return Err(OptionsError::TimeMinPeriods { min_periods, least });
                }
                min_periods
            }
        };
        Ok(Rolling { window, include_current, min_periods, ddof })
    }
}

impl Default for Rolling {
    /// What [`RollingBuilder::default`] builds.
    fn default() -> Self {
        Self {
            window: Window::Rows(DEFAULT_WINDOW),
            include_current: false,
            min_periods: DEFAULT_WINDOW,
            ddof: 0,
        }
    }
}

impl Rolling {
    /// The default options, to be changed and then built.
    #[must_use]
    pub fn builder() -> RollingBuilder {
        RollingBuilder::default()
    }

    /// How far the window reaches back.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Whether the window ends at the row itself, which is then part of it.
    #[must_use]
    pub fn include_current(&self) -> bool {
        self.include_current
    }

    /// How many values the window must hold for a result.
    #[must_use]
    pub fn min_periods(&self) -> usize {
        self.min_periods
    }

    /// Degrees of freedom that are taken off the divisor of the variance.
    #[must_use]
    pub fn ddof(&self) -> usize {
        self.ddof
    }

    /// Whether the series must have times.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        matches!(self.window, Window::Micros(_))
    }

    /// The end of the window of value `i`, exclusive, as a position among the values.
    #[inline]
    pub(crate) fn end(&self, i: usize) -> usize {
        i + usize::from(self.include_current)
    }

    /// The begin of a time window, of so many microseconds: see [`SeriesWindows::begin`].
    #[inline]
    pub(crate) fn begin_in_time(&self, micros: i64, mut begin: usize, i: usize, times: &[i64]) -> usize {
        let end = self.end(i);
        while begin < end && self.is_before(times[begin], times[i], micros) {
            begin += 1;
        }
        begin
    }

    /// Whether `time` is too early for the time window, of so many microseconds, of a value at `of_value`, which is not
    /// earlier than `time`.
    #[inline]
    fn is_before(&self, time: i64, of_value: i64, micros: i64) -> bool {
        // A window that takes in its end leaves out its begin. Differences of ascending times fit 64 bits without sign.
        of_value.wrapping_sub(time) as u64 > micros as u64 - u64::from(self.include_current)
    }
}

/// The window as a printed query plan shows it: `window 30 values before`.
impl fmt::Display for Rolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window {
            Window::Rows(rows) => write!(f, "window {rows} values")?,
            Window::Micros(micros) => write!(f, "window {} s", micros as f64 / 1e6)?,
        }
        f.write_str(if self.include_current { " with the current" } else { " before" })
    }
}

/// How far the windows of one series reach back.
#[derive(Clone, Copy)]
pub(crate) enum Span<'a> {
    /// So many values.
    Rows(usize),
    /// So many microseconds, and the time of each row of the series.
    Time { micros: i64, times: &'a [i64] },
}

/// The windows of one series: what a [`Rolling`] window becomes once the series, and with it the times, are known.
#[derive(Clone, Copy)]
pub(crate) struct SeriesWindows<'a> {
    /// The options.
    pub rolling: &'a Rolling,
    /// How far each window reaches back.
    pub span: Span<'a>,
    /// Which missing rows are filled, and so are part of windows.
    pub fill: Fill<'a>,
    /// No window of the series holds more values than this.
    pub most: usize,
}

/// Values between two for which the size of the window is looked up when the largest window of a series is sought.
const STRIDE: usize = 64;

impl<'a> SeriesWindows<'a> {
    /// Puts a window over a series. Errors: a time window over a series without times, or whose times do not ascend.
    pub fn new(rolling: &'a Rolling, fill: Fill<'a>, series: &Series<'a>) -> Result<Self, TimesError> {
        let (span, most) = match (rolling.window, series.times) {
            (Window::Rows(window), _) => (Span::Rows(window), window),
            (Window::Micros(_), None) => return Err(TimesError::Missing),
            (Window::Micros(micros), Some(times)) => {
                if times.windows(2).any(|pair| pair[0] >= pair[1]) {
                    return Err(TimesError::Unsorted);
                }
                // The windows of the STRIDE - 1 rows after one end at most so many values later, and begin no earlier.
                let (mut begin, mut most) = (0, 0);
                for i in (0..times.len()).step_by(STRIDE) {
                    begin += times[begin..rolling.end(i)]
                        .partition_point(|time| rolling.is_before(*time, times[i], micros));
                    most = most.max(rolling.end(i) - begin);
                }
                (Span::Time { micros, times }, (most + STRIDE - 1).min(times.len()))
            }
        };
        Ok(Self { rolling, span, fill, most })
    }

    /// The begin of the window of value `i`, as a position among the values, given the begin of an earlier value's window.
    ///
    /// `times` holds the time of each value, ascending; for a row window it may be empty.
    #[inline]
    pub fn begin(&self, begin: usize, i: usize, times: &[i64]) -> usize {
        match self.span {
            Span::Rows(window) => self.rolling.end(i).saturating_sub(window),
            Span::Time { micros, .. } => self.rolling.begin_in_time(micros, begin, i, times),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_the_most() {
        let mut times: Vec<i64> = (0..400).map(|i| i * 10).collect();
        times.extend((0..150).map(|i| 5000 + i));
        times.extend((0..400).map(|i| 6000 + i * 10));
        let values = vec![0.0; times.len()];
        let rolling = Rolling::builder().window(Window::Micros(10)).build().unwrap();
        let most = |times: &[i64]| {
            let series = Series::new(&values[..times.len()]).with_times(Some(times)).unwrap();
            SeriesWindows::new(&rolling, Fill::Nothing, &series).map(|windows| windows.most)
        };
        // In the densest stretch it is ten.
        assert!((10..10 + STRIDE).contains(&most(&times).unwrap()));
        assert_eq!(most(&times[..3]), Ok(3));
        assert_eq!(most(&[]), Ok(0));
        assert_eq!(most(&[1, 1]), Err(TimesError::Unsorted));
        let without = SeriesWindows::new(&rolling, Fill::Nothing, &Series::new(&values)).map(|w| w.most);
        assert_eq!(without, Err(TimesError::Missing));
    }
}
