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
                let mut row = 0;
                for &time in flags.erroneous(station, column) {
                    row = first_near(times, time, row);
                    if times.get(row) == Some(&time) {
                        values[row] = f64::NAN;
                    }
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

/// Values that are compared with a limit at a time.
const TOGETHER: usize = 128;

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

    /// The value of each row, which is no finite number where it is missing or erroneous.
    pub(super) fn rows_values(self) -> &'a [f64] {
        self.values
    }

    /// All values.
    pub(super) fn values(self) -> impl Iterator<Item = f64> + Clone + 'a {
        self.values.iter().copied().filter(|value| value.is_finite())
    }

    /// The times and values that lie beyond a limit, above it for the sign 1 and below `-limit` for -1. They are few: most are
    /// passed over many at a time.
    pub(super) fn beyond(self, sign: f64, limit: f64) -> impl Iterator<Item = (i64, f64)> + 'a {
        let is_beyond = move |value: f64| sign * value > limit && value.is_finite();
        let parts = self.times.chunks(TOGETHER).zip(self.values.chunks(TOGETHER));
        let parts =
            parts.filter(move |(_, values)| values.iter().filter(|value| is_beyond(**value)).count() > 0);
        let rows = parts.flat_map(|(times, values)| times.iter().copied().zip(values.iter().copied()));
        rows.filter(move |(_, value)| is_beyond(*value))
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
            let rows = first_from(rest.times, months.end()).max(1);
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
    let begin = first_from(times, *span.start());
    let end = span.end().checked_add(1).map_or(times.len(), |after| first_from(times, after));
    begin..end.max(begin)
}

/// The first row whose time is not before a limit; the times ascend. Records are nearly regular: the search begins where the
/// row would be if they were.
fn first_from(times: &[i64], limit: i64) -> usize {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return 0 };
    // Beyond the ends any share is as good.
    let share = limit.saturating_sub(first) as f64 / (last - first).max(1) as f64;
    first_near(times, limit, (share * times.len() as f64) as usize)
}

/// [`first_from`], in steps that double from a guess on: a search by halves reads from all over a long record.
fn first_near(times: &[i64], limit: i64, guess: usize) -> usize {
    let Some(end) = times.len().checked_sub(1) else { return 0 };
    if times[end] < limit {
        return times.len();
    }
    if times[0] >= limit {
        return 0;
    }
    let guess = guess.min(end);
    // The row is after `low`, and not after `high`.
    let (mut low, mut high, mut step) = (guess, guess, 1);
    if times[guess] < limit {
        while times[high] < limit {
            low = high;
            high = (high + step).min(end);
            step *= 2;
        }
    } else {
        while times[low] >= limit {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
    }
    low + times[low..high].partition_point(|time| *time < limit)
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

#[cfg(test)]
impl<'a> Series<'a> {
    /// A series of its own, without missing or erroneous values.
    pub(super) fn of(times: &'a [i64], values: &'a [f64]) -> Self {
        Self { times, values }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_of_a_span_are_found(steps in prop::collection::vec(1_i64..1000, 0..60), from in -9_i64..60_000, length in -5_i64..9_000) {
            let times: Vec<i64> = steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
            for span in [from..=from + length, i64::MIN..=from, from..=i64::MAX] {
                let held: Vec<i64> = times.iter().copied().filter(|time| span.contains(time)).collect();
                prop_assert_eq!(&times[rows_within(&times, &span)], held);
            }
        }
    }
}
