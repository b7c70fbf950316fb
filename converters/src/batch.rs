//! Batches of observations: what every source yields and the dataset writer takes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float64Array;

/// What a source knows of one of its value columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnInfo {
    /// Column name in the dataset.
    pub name: String,
    /// Where it lies in the source and how it is stored there, for people, such as `TMP, tenths`.
    pub origin: Option<String>,
    /// Units of the values as yielded (UDUNITS spelling), where the source or ISD's own table says them.
    pub units: Option<String>,
    /// What the column holds, for people.
    pub long_name: Option<String>,
    /// Scale of which every value is an integer multiple, as its decimal text (`0.1`).
    pub resolution: Option<String>,
}

/// Consecutive rows of one station within a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationRun {
    /// `station_id` as the dataset holds it.
    pub station_id: Arc<str>,
    /// Number of consecutive rows, at least 1.
    pub rows: usize,
}

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
