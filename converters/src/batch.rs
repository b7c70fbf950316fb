//! Batches of observations: what every source yields and the dataset writer takes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float64Array;
use arrow::buffer::{BooleanBuffer, NullBuffer};
use serde::{Deserialize, Serialize};

/// What a source knows of one of its value columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

/// Values with NaN for missing as an array with nulls, and no NaN in it.
pub fn nullable(mut values: Vec<f64>) -> Float64Array {
    let valid = BooleanBuffer::collect_bool(values.len(), |i| values.get(i).is_some_and(|v| !v.is_nan()));
    let nulls = NullBuffer::new(valid);
    if nulls.null_count() == 0 {
        return Float64Array::new(values.into(), None);
    }
    for value in &mut values {
        *value = if value.is_nan() { 0.0 } else { *value };
    }
    Float64Array::new(values.into(), Some(nulls))
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;

    #[test]
    fn missing_values_are_null_and_no_value_is_nan() {
        let array = nullable(vec![1.0, f64::NAN, 3.0]);
        assert_eq!(array.iter().collect::<Vec<_>>(), [Some(1.0), None, Some(3.0)]);
        assert!(array.values().iter().all(|v| !v.is_nan()));
        assert!(nullable(vec![1.0]).logical_nulls().is_none());
    }
}
