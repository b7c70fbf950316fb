//! What an outlier is: the options of the rolling test, checked once.

use crate::Decimal;
use crate::window::{Extent, MAX_WINDOW, OptionsError, Rolling};

/// How long a missing value may be filled with the last observed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillLimit {
    /// At most this many rows behind the observed value.
    Rows(usize),
    /// At most this many microseconds behind it; needs timestamps.
    Micros(i64),
}

/// The rolling outlier test; [`RollingTest::validated`] checks that its options make one.
///
/// With f the forward-filled series and `W_i` the [window](Rolling) of filled values before row i, row i is an
/// outlier if `|v_i - mean(W_i)| > threshold * max(std(W_i), min_std)`, strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollingTest {
    rolling: Rolling,
    threshold: Decimal,
    min_std: Decimal,
    fill_limit: Option<FillLimit>,
    test_filled: bool,
}

impl Default for RollingTest {
    /// 30 values before, 6 sigma, population standard deviation.
    fn default() -> Self {
        Self::over(Rolling::last(30), Decimal::whole(6))
    }
}

impl RollingTest {
    /// The default test with a window of `window` values, `threshold` sigma.
    ///
    /// # Errors
    /// A window outside `1..=MAX_WINDOW`.
    pub fn new(window: usize, threshold: Decimal) -> Result<Self, OptionsError> {
        Ok(Self::over(Rolling::rows(window)?, threshold))
    }

    /// The default test with a window of so many microseconds that holds at least
    /// [`TIME_WINDOW_MIN_PERIODS`](crate::TIME_WINDOW_MIN_PERIODS) values; needs timestamps.
    ///
    /// # Errors
    /// A time that is not positive.
    pub fn within(micros: i64, threshold: Decimal) -> Result<Self, OptionsError> {
        Ok(Self::over(Rolling::within(micros)?, threshold))
    }

    /// The test over a window.
    fn over(rolling: Rolling, threshold: Decimal) -> Self {
        Self { rolling, threshold, min_std: Decimal::ZERO, fill_limit: None, test_filled: false }
    }

    /// Ends the window at the tested row, which is then part of it.
    #[must_use]
    pub fn include_current(mut self, include: bool) -> Self {
        self.rolling = self.rolling.include_current(include);
        self
    }

    /// Tests a row once its window holds this many values (default: the whole of a row window, 10 of a time window).
    #[must_use]
    pub fn min_periods(mut self, min_periods: usize) -> Self {
        self.rolling = self.rolling.min_periods(min_periods);
        self
    }

    /// Degrees of freedom taken off the divisor of the variance: 0 population, 1 sample.
    #[must_use]
    pub fn ddof(mut self, ddof: usize) -> Self {
        self.rolling = self.rolling.ddof(ddof);
        self
    }

    /// The least standard deviation to test against, in the units of the values.
    #[must_use]
    pub fn min_std(mut self, min_std: Decimal) -> Self {
        self.min_std = min_std;
        self
    }

    /// Stops the forward fill; what it leaves missing is no part of any window.
    #[must_use]
    pub fn fill_limit(mut self, limit: Option<FillLimit>) -> Self {
        self.fill_limit = limit;
        self
    }

    /// Tests filled values as well as observed ones.
    #[must_use]
    pub fn test_filled(mut self, test: bool) -> Self {
        self.test_filled = test;
        self
    }

    /// Checks the options against each other.
    ///
    /// # Errors
    /// `min_periods` outside the window or without a degree of freedom, a fill limit that is not
    /// positive, or a threshold that no data could exceed: a value inside its own row window of n lies
    /// within `sqrt((n - 1) (n - ddof) / n)` sigma (Samuelson 1968, for ddof 0 `sqrt(n - 1)`).
    pub fn validated(self) -> Result<Self, OptionsError> {
        let rolling = self.rolling.validated()?;
        match self.fill_limit {
            Some(FillLimit::Rows(0)) => return Err(OptionsError::FillLimit(0)),
            Some(FillLimit::Micros(micros)) if micros <= 0 => return Err(OptionsError::FillLimit(micros)),
            _ => {}
        }
        let ddof = rolling.freedom();
        // How many values a time window holds, and so how far one of them can lie, is up to the data.
        if let Extent::Rows(window) = rolling.extent()
            && rolling.includes_current()
            && !exceedable(self.threshold, window, ddof)
        {
            let (n, d) = (window as f64, ddof as f64);
            // The bound grows with n: the first window that passes is the smallest.
            let smallest = (window..=MAX_WINDOW).find(|&n| exceedable(self.threshold, n, ddof));
            return Err(OptionsError::Unreachable {
                threshold: self.threshold,
                window,
                bound: ((n - 1.0) * (n - d) / n).sqrt(),
                smallest,
            });
        }
        Ok(Self { rolling, ..self })
    }

    /// The window, what it must hold, and the divisor of its variance.
    #[must_use]
    pub fn rolling(&self) -> &Rolling {
        &self.rolling
    }

    /// How far the window reaches.
    #[must_use]
    pub fn window(&self) -> Extent {
        self.rolling.extent()
    }

    /// Whether the window includes the tested row.
    #[must_use]
    pub fn includes_current(&self) -> bool {
        self.rolling.includes_current()
    }

    /// Number of values that a window must hold for its row to be tested.
    #[must_use]
    pub fn least_count(&self) -> usize {
        self.rolling.least_count()
    }

    /// Degrees of freedom taken off the divisor of the variance.
    #[must_use]
    pub fn freedom(&self) -> usize {
        self.rolling.freedom()
    }

    /// Sigmas that an outlier exceeds.
    #[must_use]
    pub fn threshold(&self) -> Decimal {
        self.threshold
    }

    /// Least standard deviation tested against.
    #[must_use]
    pub fn floor(&self) -> Decimal {
        self.min_std
    }

    /// The limit of the forward fill.
    #[must_use]
    pub fn limit(&self) -> Option<FillLimit> {
        self.fill_limit
    }

    /// Whether filled values are tested.
    #[must_use]
    pub fn tests_filled(&self) -> bool {
        self.test_filled
    }

    /// Whether the kernel needs timestamps.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.rolling.needs_time() || matches!(self.fill_limit, Some(FillLimit::Micros(_)))
    }
}

/// Whether a value inside its own window of `n` can lie more than `threshold` sigma from the mean:
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

#[cfg(test)]
mod tests {
    use super::*;

    fn including(window: usize, threshold: &str, ddof: usize) -> Result<RollingTest, OptionsError> {
        RollingTest::new(window, threshold.parse().unwrap())?.include_current(true).ddof(ddof).validated()
    }

    #[test]
    fn a_threshold_that_no_data_could_exceed_names_the_bound_and_the_smallest_window() {
        let Err(OptionsError::Unreachable { bound, smallest, .. }) = including(30, "6", 0) else {
            panic!("30 points cannot exceed 6 sigma")
        };
        assert!((bound - 29_f64.sqrt()).abs() < 1e-12);
        assert_eq!(smallest, Some(38));
        assert!(including(37, "6", 0).is_err(), "37 points reach 6 sigma but do not exceed it");
        assert!(including(38, "6", 0).is_ok());
        assert!(including(30, "5.385", 0).is_ok());
        assert!(including(30, "5.386", 0).is_err());
        assert!(including(100_000, "400", 0).is_err());
        assert!(including(38, "6.01", 0).is_ok());
        assert!(including(38, "6.01", 1).is_err(), "the sample deviation is larger, so the bound is lower");
    }

    #[test]
    fn how_far_a_value_can_lie_in_a_time_window_is_up_to_the_data() {
        let test = RollingTest::within(3_600_000_000, Decimal::whole(6)).unwrap().include_current(true);
        assert!(test.validated().is_ok());
    }

    #[test]
    fn options_are_checked_against_each_other() {
        let test = || RollingTest::new(10, Decimal::whole(6)).unwrap();
        assert!(test().min_periods(11).validated().is_err());
        assert!(test().fill_limit(Some(FillLimit::Rows(0))).validated().is_err());
        assert!(test().fill_limit(Some(FillLimit::Micros(-1))).validated().is_err());
    }
}
