//! The values of a station: a row group's columns in, the times and values that are there and not erroneous out.

use std::ops::{Range, RangeInclusive};

use arrow::array::{Array, Float64Array, TimestampMicrosecondArray};
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::{ColumnInfo, Error, Result};

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

    /// The values of some rows, those of one station; `None` where there is no such column, or no value.
    pub(super) fn series<'a>(
        &'a self,
        station: &str,
        rows: &Range<usize>,
        column: &str,
        flags: &'a Flags,
    ) -> Option<Series<'a>> {
        let (_, values) = self.values.iter().find(|(name, _)| *name == column)?;
        let times = self.times.values().get(rows.clone())?;
        let series =
            Series { times, values, first_row: rows.start, erroneous: flags.erroneous(station, column) };
        series.all().next().is_some().then_some(series)
    }
}

/// The values of one station in order of time, without those that are missing or erroneous.
#[derive(Clone, Copy)]
pub(super) struct Series<'a> {
    /// The time of each row, in microseconds since 1970.
    times: &'a [i64],
    /// The values of all rows of the row group, of which the station's begin at `first_row`.
    values: &'a Float64Array,
    first_row: usize,
    /// Times of erroneous values, ascending.
    erroneous: &'a [i64],
}

impl<'a> Series<'a> {
    /// All times and values.
    pub(super) fn all(self) -> impl Iterator<Item = (i64, f64)> + 'a {
        self.rows(0..self.times.len())
    }

    /// The last time and value.
    pub(super) fn last(self) -> Option<(i64, f64)> {
        (0..self.times.len()).rev().find_map(|row| self.rows(row..row + 1).next())
    }

    /// The times and values of a span of time.
    pub(super) fn within(self, span: &RangeInclusive<i64>) -> impl Iterator<Item = (i64, f64)> + 'a {
        let begin = self.times.partition_point(|time| time < span.start());
        let end = self.times.partition_point(|time| time <= span.end());
        self.rows(begin..end.max(begin))
    }

    fn rows(self, rows: Range<usize>) -> impl Iterator<Item = (i64, f64)> + 'a {
        rows.filter_map(move |row| {
            let (time, at) = (*self.times.get(row)?, self.first_row + row);
            let value = self.values.is_valid(at).then(|| self.values.value(at))?;
            let is_erroneous = !self.erroneous.is_empty() && self.erroneous.binary_search(&time).is_ok();
            (value.is_finite() && !is_erroneous).then_some((time, value))
        })
    }
}

#[cfg(test)]
impl<'a> Series<'a> {
    /// A series of its own, without missing or erroneous values.
    pub(super) fn of(times: &'a [i64], values: &'a Float64Array) -> Self {
        Self { times, values, first_row: 0, erroneous: &[] }
    }
}

/// Those of the columns that a dataset has.
pub(super) fn present(
    dataset: &Dataset,
    columns: impl IntoIterator<Item = &'static str>,
) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for column in columns {
        // Thresholds in metres per second or hectopascals mean nothing in other units.
        let is_it = |held: &ColumnInfo| held.name == column && held.is_in_usual_units();
        if !found.contains(&column) && dataset.columns().iter().any(is_it) {
            found.push(column);
        }
    }
    found
}
