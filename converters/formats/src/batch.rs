//! Batches of observations: what every source yields.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array};

use crate::{ColumnInfo, Error, Result, StationRun};

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
    /// One array for each column of [`SourceInfo::columns`](crate::SourceInfo::columns), in that order;
    /// missing values are null, and no value is NaN.
    pub columns: Vec<Float64Array>,
}

impl Batch {
    /// Number of observations.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.timestamps.len()
    }

    /// The batch with the columns `all` in place of its `own`; those that it lacks are null.
    #[must_use]
    pub fn with_columns(mut self, own: &[ColumnInfo], all: &[ColumnInfo]) -> Self {
        if own.len() == all.len() && own.iter().zip(all).all(|(a, b)| a.name == b.name) {
            return self;
        }
        let mut missing: Option<Float64Array> = None;
        let columns = all.iter().map(|info| match own.iter().position(|column| column.name == info.name) {
            Some(index) => self.columns[index].clone(),
            None => missing.get_or_insert_with(|| Float64Array::new_null(self.timestamps.len())).clone(),
        });
        self.columns = columns.collect();
        self
    }

    /// Checks that the batch has so many columns, and that stations, times and columns have equally many rows: a source
    /// that breaks its contract is reported, not trusted.
    ///
    /// # Errors
    /// A batch that contradicts itself.
    pub fn check(&self, columns: usize) -> Result<()> {
        let rows = self.rows();
        let in_runs: usize = self.stations.iter().map(|run| run.rows).sum();
        let even = self.columns.len() == columns && self.columns.iter().all(|column| column.len() == rows);
        if even && in_runs == rows {
            return Ok(());
        }
        Err(Error::Row {
            path: self.path.to_path_buf(),
            row: self.first_row,
            found: format!(
                "the batch that begins here has {rows} times, {in_runs} rows in station runs, and columns of {:?} rows; expected {columns} columns, all of one length",
                self.columns.iter().map(Array::len).collect::<Vec<_>>(),
            ),
            hint: Some("this is a mistake in the source's reader: please report it".into()),
        })
    }
}
