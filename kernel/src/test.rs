//! The rolling outlier test: its options in, one checked value that the kernel takes out.

use crate::window::{MAX_WINDOW, Rolling, RollingBuilder, Window};
use crate::{Decimal, OptionsError};

/// The threshold in standard deviations, unless another is given.
pub const DEFAULT_THRESHOLD: Decimal = Decimal::whole(6);

/// How far a missing value may lie after the last observed one and still be filled with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillLimit {
    /// At most this many rows after the observed value; positive.
    Rows(usize),
    /// At most this many microseconds after the observed value; positive. The series needs times.
    Micros(i64),
}

/// The rolling outlier test, its options checked: made by [`RollingTest::builder`].
///
/// With f the forward-filled series and `W_i` the [window](Rolling) of filled values of row i, row i is an outlier if
/// `|v_i - mean(W_i)| > threshold * max(std(W_i), min_std)`, strictly.
///
/// ```
/// use isd_kernel::{RollingTest, Window};
///
/// let test = RollingTest::builder().window(Window::Rows(84)).threshold("6.5".parse()?).build()?;
/// assert_eq!((test.window(), test.min_periods()), (Window::Rows(84), 84));
///
/// // A value in its own window of 30 lies within sqrt(29) = 5.4 standard deviations of the mean.
/// assert!(RollingTest::builder().include_current(true).build().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// By default: more than [`DEFAULT_THRESHOLD`] population standard deviations from the mean of the
/// [`DEFAULT_WINDOW`](crate::DEFAULT_WINDOW) values before the row; filled without limit, observed values tested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollingTest {
    rolling: Rolling,
    beside: BesideWindow,
}

/// The options of a [`RollingTest`] before they are checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollingTestBuilder {
    rolling: RollingBuilder,
    beside: BesideWindow,
}

/// The options beside those of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BesideWindow {
    threshold: Decimal,
    min_std: Decimal,
    fill_limit: Option<FillLimit>,
    test_filled: bool,
}

impl Default for BesideWindow {
    fn default() -> Self {
        Self { threshold: DEFAULT_THRESHOLD, min_std: Decimal::ZERO, fill_limit: None, test_filled: false }
    }
}

impl RollingTestBuilder {
    /// Sets how far the window reaches back (default: [`DEFAULT_WINDOW`](crate::DEFAULT_WINDOW) values).
    #[must_use]
    pub fn window(mut self, window: Window) -> Self {
        self.rolling = self.rolling.window(window);
        self
    }

    /// Sets how many standard deviations an outlier lies beyond (default: [`DEFAULT_THRESHOLD`]).
    #[must_use]
    pub fn threshold(mut self, threshold: Decimal) -> Self {
        self.beside.threshold = threshold;
        self
    }

    /// Sets whether the window ends at the tested row, which is then part of it (default: it ends before the row).
    #[must_use]
    pub fn include_current(mut self, include_current: bool) -> Self {
        self.rolling = self.rolling.include_current(include_current);
        self
    }

    /// Sets how many values the window must hold for its row to be tested: see [`RollingBuilder::min_periods`].
    #[must_use]
    pub fn min_periods(mut self, min_periods: impl Into<Option<usize>>) -> Self {
        self.rolling = self.rolling.min_periods(min_periods);
        self
    }

    /// Sets the degrees of freedom that are taken off the divisor of the variance: see [`RollingBuilder::ddof`].
    #[must_use]
    pub fn ddof(mut self, ddof: usize) -> Self {
        self.rolling = self.rolling.ddof(ddof);
        self
    }

    /// Sets the smallest standard deviation to test against, in the unit of the values (default: 0).
    #[must_use]
    pub fn min_std(mut self, min_std: Decimal) -> Self {
        self.beside.min_std = min_std;
        self
    }

    /// Sets how far the last observed value is carried forward; what stays missing is no part of any window. `None`, the
    /// default, is no limit.
    #[must_use]
    pub fn fill_limit(mut self, fill_limit: impl Into<Option<FillLimit>>) -> Self {
        self.beside.fill_limit = fill_limit.into();
        self
    }

    /// Sets whether filled values are tested as well as observed ones (default: they are not).
    #[must_use]
    pub fn test_filled(mut self, test_filled: bool) -> Self {
        self.beside.test_filled = test_filled;
        self
    }

    /// Checks the options against each other.
    ///
    /// # Errors
    /// What [`RollingBuilder::build`] refuses, a fill limit that is not positive, or a threshold that no data could
    /// exceed: a value inside its own row window of n values lies within `sqrt((n - 1) (n - ddof) / n)` standard
    /// deviations of the mean (Samuelson 1968, for ddof 0 `sqrt(n - 1)`).
    pub fn build(self) -> Result<RollingTest, OptionsError> {
        let (rolling, threshold) = (self.rolling.build()?, self.beside.threshold);
        match self.beside.fill_limit {
            Some(FillLimit::Rows(0)) => return Err(OptionsError::FillLimit(0)),
            Some(FillLimit::Micros(micros)) if micros <= 0 => return Err(OptionsError::FillLimit(micros)),
            _ => {}
        }
        let ddof = rolling.ddof();
        // How many values a time window holds, and so how far one of them can lie, is up to the data.
        if let Window::Rows(window) = rolling.window()
            && rolling.include_current()
            && !exceedable(threshold, window, ddof)
        {
            let (n, d) = (window as f64, ddof as f64);
            // The bound grows with n: the first window that passes is the smallest.
            let smallest = (window..=MAX_WINDOW).find(|&n| exceedable(threshold, n, ddof));
            let bound = ((n - 1.0) * (n - d) / n).sqrt();
            return Err(OptionsError::Unreachable { threshold, window, bound, smallest });
        }
        Ok(RollingTest { rolling, beside: self.beside })
    }
}

impl RollingTest {
    /// The default options, to be changed and then built.
    #[must_use]
    pub fn builder() -> RollingTestBuilder {
        RollingTestBuilder::default()
    }

    /// The window, with what it must hold and the divisor of its variance.
    #[must_use]
    pub fn rolling(&self) -> &Rolling {
        &self.rolling
    }

    /// How far the window reaches back.
    #[must_use]
    pub fn window(&self) -> Window {
        self.rolling.window()
    }

    /// Whether the window ends at the tested row, which is then part of it.
    #[must_use]
    pub fn include_current(&self) -> bool {
        self.rolling.include_current()
    }

    /// How many values a window must hold for its row to be tested.
    #[must_use]
    pub fn min_periods(&self) -> usize {
        self.rolling.min_periods()
    }

    /// Degrees of freedom that are taken off the divisor of the variance.
    #[must_use]
    pub fn ddof(&self) -> usize {
        self.rolling.ddof()
    }

    /// How many standard deviations an outlier lies beyond.
    #[must_use]
    pub fn threshold(&self) -> Decimal {
        self.beside.threshold
    }

    /// The smallest standard deviation that is tested against, in the unit of the values.
    #[must_use]
    pub fn min_std(&self) -> Decimal {
        self.beside.min_std
    }

    /// How far the last observed value is carried forward; `None` is no limit.
    #[must_use]
    pub fn fill_limit(&self) -> Option<FillLimit> {
        self.beside.fill_limit
    }

    /// Whether filled values are tested as well as observed ones.
    #[must_use]
    pub fn test_filled(&self) -> bool {
        self.beside.test_filled
    }

    /// Whether the series must have times: for a time window or a fill limit in time.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.rolling.needs_time() || matches!(self.beside.fill_limit, Some(FillLimit::Micros(_)))
    }
}

/// Whether a value inside its own window of `n` values can lie more than `threshold` standard deviations from the mean:
/// `threshold^2 < (n - 1) (n - ddof) / n`, in integers.
fn exceedable(threshold: Decimal, n: usize, ddof: usize) -> bool {
    let (n, ddof) = (n as u128, ddof as u128);
    let mantissa = u128::from(threshold.mantissa());
    let scale = 100_u128.pow(threshold.decimals());
    match (mantissa.pow(2).checked_mul(n), ((n - 1) * n.saturating_sub(ddof)).checked_mul(scale)) {
        (Some(left), Some(right)) => left < right,
        // Only a number of twelve digits or more gets here: far beyond any bound, or negligibly near zero.
        _ => threshold.to_f64().powi(2) * (n as f64) < (n as f64 - 1.0) * (n as f64 - ddof as f64),
    }
}
