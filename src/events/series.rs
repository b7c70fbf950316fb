//! The values of a station: a row group's columns in, the times and values that are there and not erroneous out.

use std::ops::Range;

use arrow::array::{Array, Float64Array, TimestampMicrosecondArray};
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::{Error, Result};

use super::flags::Flags;

/// The columns of a row group that events are found in.
pub(super) struct Columns {
    /// Id and rows of each station, in row order.
    pub stations: Vec<(String, Range<usize>)>,
    times: TimestampMicrosecondArray,
    values: Vec<(&'static str, Float64Array)>,
}

impl Columns {
    /// Reads those of the columns that the dataset has.
    ///
    /// # Errors
    /// A row group that cannot be read.
    pub(super) fn read(group: &RowGroup, columns: &[&'static str]) -> Result<Self> {
        let mut first = 0;
        let stations = group.stations()?.into_iter().map(|run| {
            let rows = first..first + run.rows;
            first = rows.end;
            (run.station_id.to_string(), rows)
        });
        let stations = stations.collect();
        let times = group.timestamps()?;
        if first != times.len() {
            return Err(Error::internal(format!("{first} rows of stations, {} times", times.len())));
        }
        let values = columns.iter().map(|column| Ok((*column, group.values(column)?)));
        Ok(Self { stations, times, values: values.collect::<Result<_>>()? })
    }

    /// The times, in microseconds since 1970, and values of some rows, those of one station, which are neither missing nor
    /// erroneous. Empty where there is no such column.
    pub(super) fn series(
        &self,
        station: &str,
        rows: &Range<usize>,
        column: &str,
        flags: &Flags,
    ) -> Vec<(i64, f64)> {
        let Some((_, values)) = self.values.iter().find(|(name, _)| *name == column) else {
            return Vec::new();
        };
        let erroneous = flags.erroneous(station, column);
        let times = &self.times.values()[rows.clone()];
        let rows = rows.clone().zip(times).filter(|(row, _)| values.is_valid(*row));
        let rows = rows.map(|(row, time)| (*time, values.value(row)));
        let good = |(time, value): &(i64, f64)| value.is_finite() && erroneous.binary_search(time).is_err();
        rows.filter(good).collect()
    }
}

/// Those of the columns that a dataset has.
pub(super) fn present(
    dataset: &Dataset,
    columns: impl IntoIterator<Item = &'static str>,
) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for column in columns {
        if !found.contains(&column) && dataset.columns().iter().any(|held| held.name == column) {
            found.push(column);
        }
    }
    found
}
