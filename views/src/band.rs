//! The window mean, the band of the threshold and the outliers of a series, by the kernel.

use isd_kernel::{
    LengthError, Outcome, Outlier, RollingTest, Scratch, Series, TimesError, forward_fill, rolling_mean,
    rolling_outliers, rolling_std,
};

/// What the test sees of a series: a number a row in the unit of the values, NaN where the window holds too few values, or
/// the whole series does.
#[derive(Debug, Default, Clone)]
pub struct Band {
    /// Mean of the window.
    pub mean: Vec<f64>,
    /// The mean less threshold x standard deviation: an observed value below it is an outlier.
    pub low: Vec<f64>,
    /// The mean and threshold x standard deviation: an observed value above it is an outlier.
    pub high: Vec<f64>,
    /// The rows that the test reports, in order; it decides exactly, and not by `low` and `high`, which are rounded.
    pub outliers: Vec<Outlier>,
}

impl Band {
    /// Computes the band over a whole record as `isd-detect` tests it: missing values (NaN) are filled forward first.
    /// `times` are microseconds, one a value.
    ///
    /// # Errors
    /// Times that are more or fewer than the values, or that a time window finds out of order.
    pub fn of(times: &[i64], values: &[f64], test: &RollingTest) -> Result<Self, BandError> {
        let (mut band, mut scratch) = (Self::default(), Scratch::default());
        let series = Series::new(values).with_times(Some(times))?;
        if rolling_outliers(series, test, &mut scratch, &mut band.outliers) == Outcome::TooShort {
            // Such a series is not tested: a band would call values outliers that are none.
            let none = || vec![f64::NAN; values.len()];
            return Ok(Self { mean: none(), low: none(), high: none(), outliers: Vec::new() });
        }
        let (mut filled, mut std) = (Vec::new(), Vec::new());
        forward_fill(series, test.fill_limit(), &mut filled)?;
        let series = Series::new(&filled).with_times(Some(times))?;
        rolling_mean(series, test.rolling(), &mut scratch, &mut band.mean)?;
        rolling_std(series, test.rolling(), &mut scratch, &mut std)?;
        let (threshold, min_std) = (test.threshold().to_f64(), test.min_std().to_f64());
        // Not by `max` of doubles, which would make a number of a missing deviation.
        let reach = |std: f64| threshold * if std < min_std { min_std } else { std };
        let edge =
            |sign: f64| band.mean.iter().zip(&std).map(|(mean, std)| mean + sign * reach(*std)).collect();
        (band.low, band.high) = (edge(-1.0), edge(1.0));
        Ok(band)
    }
}

/// Why a series has no band.
#[derive(Debug)]
pub enum BandError {
    /// Times and values differ in number.
    Length(LengthError),
    /// The times are not in order.
    Times(TimesError),
}

impl std::fmt::Display for BandError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length(error) => error.fmt(formatter),
            Self::Times(error) => error.fmt(formatter),
        }
    }
}

impl From<LengthError> for BandError {
    fn from(error: LengthError) -> Self {
        Self::Length(error)
    }
}

impl From<TimesError> for BandError {
    fn from(error: TimesError) -> Self {
        Self::Times(error)
    }
}
