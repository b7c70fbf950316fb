//! The values of a station: a row group's columns in, the times and values that are there and not erroneous out.

use std::ops::{Range, RangeInclusive};

use arrow::array::TimestampMicrosecondArray;
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::{ColumnInfo, Error, Result};

use super::flags::Flags;
use super::survey::Months;

/// The columns of a row group that events are found in.
pub(super) struct Columns {
    /// Id and rows of each station, in row order.
    pub stations: Vec<(String, Range<usize>)>,
    times: TimestampMicrosecondArray,
    /// The values of each column, NaN where they are missing or erroneous.
    values: Vec<(&'static str, Vec<f64>)>,
}

impl Columns {
    /// Reads those of the columns that the dataset has, without the values that are erroneous by `flags`.
    ///
    /// # Errors
    /// A row group that cannot be read.
    pub(super) fn read(group: &RowGroup, columns: &[&'static str], flags: &Flags) -> Result<Self> {
        let mut first = 0;
        let stations = group.stations()?.into_iter().map(|run| {
            let rows = first..first + run.rows;
            first = rows.end;
            (run.station_id.to_string(), rows)
        });
        let stations: Vec<_> = stations.collect();
        let times = group.timestamps()?;
        if first != times.len() {
            return Err(Error::internal(format!("{first} rows of stations, {} times", times.len())));
        }
        let values = columns.iter().map(|&column| {
            let mut values = Vec::new();
            group.numbers_into(column, &mut values)?;
            for (station, rows) in &stations {
                let (times, values) = (&times.values()[rows.clone()], &mut values[rows.clone()]);
                for &time in flags.erroneous(station, column) {
                    values[rows_within(times, &(time..=time))].fill(f64::NAN);
                }
            }
            Ok((column, values))
        });
        Ok(Self { values: values.collect::<Result<_>>()?, stations, times })
    }

    /// The values of some rows, those of one station; `None` where there is no such column, or no value.
    pub(super) fn series(&self, rows: &Range<usize>, column: &str) -> Option<Series<'_>> {
        let (_, values) = self.values.iter().find(|(name, _)| *name == column)?;
        let series =
            Series { times: self.times.values().get(rows.clone())?, values: values.get(rows.clone())? };
        series.all().next().is_some().then_some(series)
    }
}

/// The values of one station in order of time, without those that are missing or erroneous.
#[derive(Clone, Copy)]
pub(super) struct Series<'a> {
    /// The time of each row, in microseconds since 1970.
    times: &'a [i64],
    /// The value of each row; where it is missing or erroneous, no finite number.
    values: &'a [f64],
}

impl<'a> Series<'a> {
    /// All times and values.
    pub(super) fn all(self) -> impl DoubleEndedIterator<Item = (i64, f64)> + 'a {
        let rows = self.times.iter().copied().zip(self.values.iter().copied());
        rows.filter(|(_, value)| value.is_finite())
    }

    /// All values.
    pub(super) fn values(self) -> impl Iterator<Item = f64> + Clone + 'a {
        self.values.iter().copied().filter(|value| value.is_finite())
    }

    /// The series of a span of time.
    pub(super) fn within(self, span: &RangeInclusive<i64>) -> Self {
        self.rows(rows_within(self.times, span))
    }

    /// The series of each calendar month of each year, with the number of the month from 0.
    pub(super) fn by_month(self) -> impl Iterator<Item = (usize, Self)> + 'a {
        let (mut months, mut rest) = (Months::default(), self);
        std::iter::from_fn(move || {
            let month = months.at(*rest.times.first()?);
            let rows = rest.times.partition_point(|time| months.holds(*time)).max(1);
            let own = rest.rows(0..rows);
            rest = rest.rows(rows..rest.times.len());
            Some((month, own))
        })
    }

    fn rows(self, rows: Range<usize>) -> Self {
        Self { times: &self.times[rows.clone()], values: &self.values[rows] }
    }
}

/// The rows of a span of time; the times ascend.
fn rows_within(times: &[i64], span: &RangeInclusive<i64>) -> Range<usize> {
    let begin = times.partition_point(|time| time < span.start());
    let end = times.partition_point(|time| time <= span.end());
    begin..end.max(begin)
}

#[cfg(test)]
impl<'a> Series<'a> {
    /// A series of its own, without missing or erroneous values.
    pub(super) fn of(times: &'a [i64], values: &'a [f64]) -> Self {
        Self { times, values }
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
