//! What an outlier is: the options of the rolling test, checked once.

use super::Decimal;

/// The longest row window.
pub const MAX_WINDOW: usize = 100_000;

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
/// With f the forward-filled series and `W_i` the `window` filled values before row i, row i is an
/// outlier if `|v_i - mean(W_i)| > threshold * max(std(W_i), min_std)`, strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollingTest {
    window: usize,
    include_current: bool,
    min_periods: usize,
    ddof: usize,
    threshold: Decimal,
    min_std: Decimal,
    fill_limit: Option<FillLimit>,
    test_filled: bool,
}

/// Why a combination of options makes no test.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The window holds no value, or more than [`MAX_WINDOW`].
    #[error("a window of {0} rows: expected 1 to {MAX_WINDOW}")]
    Window(usize),
    /// `min_periods` lies outside `1..=window`, or leaves no degree of freedom.
    #[error("min-periods {min_periods}: expected {least} to the window's {window}")]
    MinPeriods {
        /// What was given.
        min_periods: usize,
        /// The least that defines a standard deviation.
        least: usize,
        /// The window.
        window: usize,
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

impl Default for RollingTest {
    /// 30 values before, 6 sigma, population standard deviation.
    fn default() -> Self {
        Self {
            window: 30,
            include_current: false,
            min_periods: 30,
            ddof: 0,
            threshold: Decimal::whole(6),
            min_std: Decimal::ZERO,
            fill_limit: None,
            test_filled: false,
        }
    }
}

impl RollingTest {
    /// The default test with a window of `window` values, `threshold` sigma.
    ///
    /// # Errors
    /// A window outside `1..=MAX_WINDOW`.
    pub fn new(window: usize, threshold: Decimal) -> Result<Self, OptionsError> {
        if window == 0 || window > MAX_WINDOW {
            return Err(OptionsError::Window(window));
        }
        Ok(Self { window, min_periods: window, threshold, ..Self::default() })
    }

    /// Ends the window at the tested row, which is then part of it.
    #[must_use]
    pub fn include_current(mut self, include: bool) -> Self {
        self.include_current = include;
        self
    }

    /// Tests a row once its window holds this many values (default: the whole window).
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
    /// positive, or a threshold that no data could exceed: a value inside its own window of n lies
    /// within `sqrt((n - 1) (n - ddof) / n)` sigma (Samuelson 1968, for ddof 0 `sqrt(n - 1)`).
    pub fn validated(self) -> Result<Self, OptionsError> {
        let Self { window, min_periods, ddof, .. } = self;
        let least = ddof.saturating_add(1);
        if min_periods < least || min_periods > window {
            return Err(OptionsError::MinPeriods { min_periods, least, window });
        }
        match self.fill_limit {
            Some(FillLimit::Rows(0)) => return Err(OptionsError::FillLimit(0)),
            Some(FillLimit::Micros(micros)) if micros <= 0 => return Err(OptionsError::FillLimit(micros)),
            _ => {}
        }
        if self.include_current && !exceedable(self.threshold, window, ddof) {
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
        Ok(self)
    }

    /// Number of values in a full window.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// Whether the window includes the tested row.
    #[must_use]
    pub fn includes_current(&self) -> bool {
        self.include_current
    }

    /// Number of values that a window must hold for its row to be tested.
    #[must_use]
    pub fn least_count(&self) -> usize {
        self.min_periods
    }

    /// Degrees of freedom taken off the divisor of the variance.
    #[must_use]
    pub fn freedom(&self) -> usize {
        self.ddof
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
        matches!(self.fill_limit, Some(FillLimit::Micros(_)))
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
    fn options_are_checked_against_each_other() {
        assert_eq!(RollingTest::new(0, Decimal::whole(6)), Err(OptionsError::Window(0)));
        assert!(RollingTest::new(100_001, Decimal::whole(6)).is_err());
        let test = || RollingTest::new(10, Decimal::whole(6)).unwrap();
        assert!(test().min_periods(11).validated().is_err());
        assert!(test().min_periods(0).validated().is_err());
        assert!(test().min_periods(1).validated().is_ok());
        assert!(test().min_periods(1).ddof(1).validated().is_err());
        assert!(test().fill_limit(Some(FillLimit::Rows(0))).validated().is_err());
        assert!(test().fill_limit(Some(FillLimit::Micros(-1))).validated().is_err());
    }
}
