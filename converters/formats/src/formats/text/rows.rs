//! Observations gathered from lines: station, time and values of one line after another in, columns out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::Float64Array;

use isd_dataset::column::nullable;
use isd_dataset::place::Place;

use super::places::{Places, Said};

use crate::{StationRun, Tally};

/// Rows of some lines of a file.
#[derive(Debug)]
pub struct Rows {
    stations: Vec<StationRun>,
    timestamps: Vec<i64>,
    /// Values by column; missing ones are NaN.
    columns: Vec<Vec<f64>>,
    tally: Tally,
    places: Places,
}

impl Rows {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            stations: Vec::new(),
            timestamps: Vec::new(),
            columns: vec![Vec::new(); columns],
            tally: Tally::default(),
            places: Places::default(),
        }
    }

    /// Reserves memory for that many rows more.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.timestamps.reserve(rows);
        for column in &mut self.columns {
            column.reserve(rows);
        }
    }

    /// Adds a row whose values are those of the first columns, in order; NaN and infinities count as missing.
    #[inline]
    pub fn push(&mut self, station_id: &str, timestamp: i64, values: &[f64]) {
        self.key(station_id, timestamp);
        let mut values = values.iter();
        for column in &mut self.columns {
            let value = values.next().copied().filter(|value| value.is_finite());
            column.push(value.unwrap_or(f64::NAN));
        }
    }

    /// Begins a row of that station at that time (microseconds since 1970), with every value missing.
    pub fn begin(&mut self, station_id: &str, timestamp: i64) {
        self.key(station_id, timestamp);
        for column in &mut self.columns {
            column.push(f64::NAN);
        }
    }

    #[inline]
    fn key(&mut self, station_id: &str, timestamp: i64) {
        match self.stations.last_mut() {
            Some(run) if *run.station_id == *station_id => run.rows += 1,
            _ => self.stations.push(StationRun { station_id: station_id.into(), rows: 1 }),
        }
        self.timestamps.push(timestamp);
    }

    /// Sets a value of the row begun last. NaN and infinities count as missing.
    pub fn set(&mut self, column: usize, value: f64) {
        if value.is_finite()
            && let Some(last) = self.columns[column].last_mut()
        {
            *last = value;
        }
    }

    /// Notes where the row begun last says that its station is. `read` makes a place of it; it is asked only where the row
    /// says something else than the one before.
    #[inline]
    pub fn place(&mut self, said: Said<'_>, read: impl FnOnce(Said<'_>) -> Option<Place>) {
        if let (Some(run), Some(time)) = (self.stations.last(), self.timestamps.last()) {
            self.places.take(&run.station_id, *time, said, read);
        }
    }

    /// Counts a value that failed quality control with that code.
    pub fn reject(&mut self, column: &str, code: &str) {
        match self.tally.rejected.get_mut(column) {
            Some(codes) => count(codes, code),
            None => {
                self.tally.rejected.insert(column.to_owned(), BTreeMap::from([(code.to_owned(), 1)]));
            }
        }
    }

    /// Counts a trace amount that became 0 mm.
    pub fn trace(&mut self, column: &str) {
        count(&mut self.tally.traces, column);
    }

    /// Counts a missing value that is written as that mark.
    pub fn missing(&mut self, mark: &str) {
        count(&mut self.tally.missing, mark);
    }

    /// Counts a value of that column that looks like a mark for a missing one.
    pub fn like_missing(&mut self, column: &str, number: f64) {
        let numbers = self.tally.like_missing.entry(column.to_owned()).or_default();
        count(numbers, &number.to_string());
    }

    /// Counts a line that is no observation.
    pub fn leave_out(&mut self, what: &str) {
        count(&mut self.tally.left_out, what);
    }

    pub(crate) fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Adds the rows of the lines that follow.
    pub(crate) fn append(&mut self, mut other: Self) {
        let mut runs = other.stations.into_iter();
        if let Some(first) = runs.next() {
            match self.stations.last_mut() {
                Some(last) if last.station_id == first.station_id => last.rows += first.rows,
                _ => self.stations.push(first),
            }
        }
        self.stations.extend(runs);
        self.timestamps.append(&mut other.timestamps);
        for (column, more) in self.columns.iter_mut().zip(&mut other.columns) {
            column.append(more);
        }
        self.tally.add(&other.tally);
        self.places.append(other.places);
    }

    /// Stations, times, the columns at these indexes, each of which is given once, and what was left out.
    pub(crate) fn into_parts(
        mut self,
        wanted: &[usize],
    ) -> (Vec<StationRun>, Vec<i64>, Vec<Float64Array>, Tally) {
        let arrays = wanted.iter().map(|&index| nullable(std::mem::take(&mut self.columns[index])));
        let arrays = arrays.collect();
        self.tally.places = self.places.finish();
        (self.stations, self.timestamps, arrays, self.tally)
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}

/// Makes equal station ids one string, across the batches of a file: `last` is the last one of the batch before.
pub(crate) fn shared(stations: &mut [StationRun], last: &mut Option<Arc<str>>) {
    for run in stations {
        match last {
            Some(known) if **known == *run.station_id => run.station_id = Arc::clone(known),
            _ => *last = Some(Arc::clone(&run.station_id)),
        }
    }
}
