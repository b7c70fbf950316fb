//! Batches of observations: what every source yields.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float64Array;

use crate::StationRun;

/// Consecutive observations of a source, in its order.
#[derive(Debug, Clone)]
pub struct Batch {
    /// File that the rows come from.
    pub path: Arc<Path>,
    /// Zero-based row in that file of this batch's first row.
    pub first_row: u64,
    /// Stations in row order; their rows add up to the length of `timestamps`. A station that
    /// spans a batch boundary has its last run in one batch and its first in the next.
    pub stations: Vec<StationRun>,
    /// Microseconds since 1970-01-01T00:00:00Z, one a row.
    pub timestamps: Vec<i64>,
    /// One array for each column of [`Source::columns`](crate::Source::columns), in that order;
    /// missing values are null, and no value is NaN.
    pub columns: Vec<Float64Array>,
}

impl Batch {
    /// Number of observations.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.timestamps.len()
    }
}
