//! Whole series of some stations, wherever they lie: a row group of a dataset, or rows of an archive as it is read.

use std::fmt::Debug;

use arrow::array::{Array, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use isd_dataset::read::RowGroup;
use isd_dataset::series_group::SeriesGroup;
use isd_converters::{Error, StationRun};

use isd_kernel::{Packing, pack};

/// All rows of some stations, sorted by station and time, that the plan is run over.
pub trait Series: Debug + Send + Sync {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Where they lie, for messages.
    fn place(&self) -> String;

    /// The stations in row order, each once.
    ///
    /// # Errors
    /// Unreadable rows.
    fn stations(&self) -> Result<Vec<StationRun>, Error>;

    /// Puts the values of a column, a row each, in place of what `values` holds; says which of them are null.
    ///
    /// # Errors
    /// Unreadable rows, or a column that is absent.
    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>, Error>;

    /// Puts the values of a column in place of what `integers` holds, packed, if they are at hand as decimals; says which
    /// are null, in whose place is the value before, and what the integers stand for. The others [`Series::values_into`]
    /// takes.
    fn integers_into(&self, _column: &str, _integers: &mut Vec<i32>) -> Option<(NullBuffer, Packing)> {
        None
    }

    /// The time of each row.
    ///
    /// # Errors
    /// Unreadable rows.
    fn timestamps(&self) -> Result<TimestampMicrosecondArray, Error>;

    /// The times of some rows, which are in ascending order.
    ///
    /// # Errors
    /// Unreadable rows.
    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray, Error>;
}

impl Series for RowGroup {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn place(&self) -> String {
        self.path().display().to_string()
    }

    fn stations(&self) -> Result<Vec<StationRun>, Error> {
        self.stations()
    }

    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>, Error> {
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

    fn timestamps(&self) -> Result<TimestampMicrosecondArray, Error> {
        self.timestamps()
    }

    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray, Error> {
        self.timestamps_at(rows)
    }
}

/// Series of an archive, and the names of the archive's columns.
#[derive(Debug)]
pub struct ArchiveSeries {
    /// The rows.
    pub group: SeriesGroup,
    /// Names of the value columns.
    pub columns: Vec<String>,
    /// What the archive is called.
    pub place: String,
}

impl Series for ArchiveSeries {
    fn rows(&self) -> usize {
        self.group.rows()
    }

    fn place(&self) -> String {
        self.place.clone()
    }

    fn stations(&self) -> Result<Vec<StationRun>, Error> {
        Ok(self.group.stations())
    }

    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>, Error> {
        let index = self.columns.iter().position(|name| name == column).ok_or_else(|| Error::Column {
            path: self.place.clone().into(),
            column: column.to_owned(),
            found: "does not exist".to_owned(),
            hint: None,
        })?;
        let array = self.group.values(index);
        values.clear();
        values.extend_from_slice(array.values());
        Ok(array.nulls().cloned())
    }

    fn timestamps(&self) -> Result<TimestampMicrosecondArray, Error> {
        Ok(self.group.timestamps())
    }

    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray, Error> {
        let all = self.group.timestamps();
        Ok(rows.iter().map(|&row| (row < all.len()).then(|| all.value(row))).collect())
    }
}
