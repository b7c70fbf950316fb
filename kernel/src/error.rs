//! The errors of the crate: options that make no window or no test, and slices that make no series.

use crate::{Decimal, MAX_WINDOW};

/// Why a set of options makes no window or no test.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The row window holds no value, or more than [`MAX_WINDOW`]. The field is its number of values.
    #[error("a window of {0} rows: expected 1 to {MAX_WINDOW}")]
    Window(usize),
    /// The time window is not positive. The field is its length in microseconds.
    #[error("a time window of {} s: expected a positive time, such as 7d", *.0 as f64 / 1e6)]
    TimeWindow(i64),
    /// The `min_periods` of a row window lies outside `1..=window`, or leaves no degree of freedom.
    #[error("{}", if least > window {
        format!("a window of {window} rows leaves no degree of freedom: expected at least {least}")
    } else {
        format!("min-periods {min_periods}: expected {least} to the window's {window}")
    })]
    MinPeriods {
        /// The `min_periods` given.
        min_periods: usize,
        /// The smallest number of values that has a standard deviation: `ddof + 1`.
        least: usize,
        /// The number of values in the window.
        window: usize,
    },
    /// The `min_periods` of a time window is 0, or leaves no degree of freedom.
    #[error("min-periods {min_periods} of a time window: expected at least {least}")]
    TimeMinPeriods {
        /// The `min_periods` given.
        min_periods: usize,
        /// The smallest number of values that has a standard deviation: `ddof + 1`.
        least: usize,
    },
    /// No data can exceed the threshold (Samuelson's inequality).
    #[error(
        "no data can exceed {threshold} sigma when the window of {window} rows includes the tested one: the bound is {bound:.3}"
    )]
    Unreachable {
        /// The threshold, in standard deviations.
        threshold: Decimal,
        /// The number of values in the window.
        window: usize,
        /// The largest z-score that a value inside its own window of this size can have.
        bound: f64,
        /// The smallest window in which some data exceed the threshold; `None` if that is larger than [`MAX_WINDOW`].
        smallest: Option<usize>,
    },
    /// The fill limit is not positive. The field is the limit, in rows or in microseconds.
    #[error("a fill limit of {0}: expected a positive number of rows or a positive time")]
    FillLimit(i64),
}

impl OptionsError {
    /// What the user can do about the error, as one sentence without a full stop; `None` if the message says it.
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

/// Two slices that should have the same number of slots have different ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {found} slots beside {expected} values")]
pub struct LengthError {
    /// What the slice of the wrong length is, as a noun.
    pub(crate) what: &'static str,
    /// Number of its slots.
    pub(crate) found: usize,
    /// Number of values that it should belong to.
    pub(crate) expected: usize,
}

/// Why the times of a series do not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// The series has no times, but the window or the fill limit is a length of time.
    #[error("a time window or a fill limit in time needs the times of the rows")]
    Missing,
    /// A row is not later than the row before it.
    #[error("a time window needs times that ascend within a series, each once")]
    Unsorted,
}

/// Why arrays make no series, or a series is none that a kernel can work on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// Slices or arrays of different lengths.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// Times that are missing or out of order.
    #[error(transparent)]
    Times(#[from] TimesError),
    /// A row whose time is null.
    #[error("row {row} has no time")]
    NullTime {
        /// The first such row, counted from 0 at the start of the array.
        row: usize,
    },
}
