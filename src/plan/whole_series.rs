//! What the plan is run over: all rows of some stations, from a row group of a dataset or from an archive as it is read.

use std::fmt::Debug;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::buffer::NullBuffer;
use isd_dataset::read::RowGroup;
use isd_dataset::series_group::SeriesGroup;
use isd_dataset::{Error, Result, StationRun};
use isd_kernel::{Packing, pack};

/// All rows of some stations, sorted by station and time.
pub trait WholeSeries: Debug + Send + Sync {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// The same rows, of which those outside of these ascending ranges may have any values, if that is less to read; `None`
    /// where it is not.
    fn limited_to(&self, _ranges: &[Range<usize>]) -> Option<Arc<dyn WholeSeries>> {
        None
    }

    /// The file that holds them, or the first of several; for messages.
    fn path(&self) -> &Path;

    /// The stations in row order, each once, with its number of rows.
    ///
    /// # Errors
    /// Unreadable rows.
    fn stations(&self) -> Result<Vec<StationRun>>;

    /// Replaces the contents of `values` by the values of a column, one a row, and returns which of them are null.
    ///
    /// # Errors
    /// Unreadable rows, or a column that is absent.
    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>>;

    /// Replaces the contents of `integers` by the values of a column as integers, one a row, and returns which of them
    /// are null and which decimals the integers stand for. A null has the integer of the value before it.
    ///
    /// Returns `None` where the values are not stored as decimals, or where something is wrong with the column:
    /// [`WholeSeries::values_into`] takes every column, and says what is wrong.
    fn integers_into(&self, _column: &str, _integers: &mut Vec<i32>) -> Option<(NullBuffer, Packing)> {
        None
    }

    /// The time of each row; no nulls.
    ///
    /// # Errors
    /// Unreadable rows.
    fn timestamps(&self) -> Result<TimestampMicrosecondArray>;

    /// The times of some rows, which are in ascending order; no nulls.
    ///
    /// # Errors
    /// Unreadable rows.
    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray>;
}

impl WholeSeries for RowGroup {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn limited_to(&self, ranges: &[Range<usize>]) -> Option<Arc<dyn WholeSeries>> {
        Some(Arc::new(self.limited_to(ranges)))
    }

    fn path(&self) -> &Path {
        self.path()
    }

    fn stations(&self) -> Result<Vec<StationRun>> {
        self.stations()
    }

    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>> {
        self.values_into(column, values)
    }

    fn integers_into(&self, column: &str, integers: &mut Vec<i32>) -> Option<(NullBuffer, Packing)> {
        let mut packing = None;
        let translate = |values: Vec<f64>| {
            let (integers, packed) = pack(&values)?;
            packing = Some(packed);
            Some(integers)
        };
        let nulls = self.translated_into(column, translate, integers)?;
        Some((nulls, packing?))
    }

    fn timestamps(&self) -> Result<TimestampMicrosecondArray> {
        self.timestamps()
    }

    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray> {
        self.timestamps_at(rows)
    }
}

/// Series of an archive, and the names of the archive's columns.
#[derive(Debug)]
pub struct ArchiveSeries {
    /// The rows.
    pub group: SeriesGroup,
    /// Names of the value columns, in the group's order.
    pub columns: Vec<String>,
    /// The archive's first file, for messages.
    pub path: PathBuf,
}

impl WholeSeries for ArchiveSeries {
    fn rows(&self) -> usize {
        self.group.rows()
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn stations(&self) -> Result<Vec<StationRun>> {
        Ok(self.group.stations())
    }

    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>> {
        let index = self.columns.iter().position(|name| name == column).ok_or_else(|| Error::Column {
            path: self.path.clone(),
            column: column.to_owned(),
            found: "does not exist".to_owned(),
            hint: None,
        })?;
        Ok(self.group.values_into(index, values))
    }

    fn timestamps(&self) -> Result<TimestampMicrosecondArray> {
        Ok(self.group.timestamps())
    }

    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray> {
        self.group
            .timestamps_at(rows)
            .ok_or_else(|| Error::internal(format!("rows {rows:?} of series of {} rows", self.group.rows())))
    }
}
