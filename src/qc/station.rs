//! A station as the tests see it: its rows and its place in, the values of its measurements out.

use std::sync::{Arc, OnceLock};

use isd_dataset::MEASUREMENTS;
use isd_dataset::geography::Position;

use crate::qc::calendar::{HOUR, Moment, moments};
use crate::qc::groups::{Groups, Samples};

/// All rows of a station in time order.
#[derive(Debug, Clone)]
pub struct Station {
    id: Arc<str>,
    position: Option<Position>,
    times: Vec<i64>,
    /// Once they are asked for.
    moments: OnceLock<Vec<Moment>>,
    /// Values by measurement, NaN where there is none; empty for a measurement that the source lacks.
    values: [Vec<f64>; MEASUREMENTS.len()],
    /// Rows with a value, by measurement, where they were asked for.
    observed: [OnceLock<Vec<u32>>; MEASUREMENTS.len()],
    /// Pressure at the station in hPa, NaN where there is none; empty where the source lacks it.
    barometer: Vec<f64>,
}

impl Station {
    /// A station with ascending `times` in microseconds since 1970 and no values yet.
    #[must_use]
    pub fn new(id: Arc<str>, position: Option<Position>, times: Vec<i64>) -> Self {
        let values = std::array::from_fn(|_| Vec::new());
        let observed = std::array::from_fn(|_| OnceLock::new());
        Self { id, position, times, moments: OnceLock::new(), values, observed, barometer: Vec::new() }
    }

    /// The same with the values of a measurement, one a row, NaN where there is none.
    #[must_use]
    pub fn with(mut self, measurement: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(values.len(), self.times.len());
        self.observed[measurement].take();
        self.values[measurement] =
            if values.iter().all(|value| value.is_nan()) { Vec::new() } else { values };
        self
    }

    /// The same with the pressure at the station in hPa, one value a row, NaN where there is none.
    #[must_use]
    pub fn with_station_pressure(mut self, values: Vec<f64>) -> Self {
        self.barometer = values;
        self
    }

    /// `station_id`.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Where it is, if that is known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The time of each row, in microseconds since 1970.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// The date and hour of each row.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        self.moments.get_or_init(|| moments(&self.times))
    }

    /// Whether it has values of a measurement.
    #[must_use]
    pub fn has(&self, measurement: usize) -> bool {
        !self.values[measurement].is_empty()
    }

    /// The values of a measurement, one a row, NaN where there is none; empty where there is none at all.
    #[must_use]
    pub fn values(&self, measurement: usize) -> &[f64] {
        &self.values[measurement]
    }

    /// The pressure at the station in hPa, as [`Station::values`].
    #[must_use]
    pub fn station_pressure(&self) -> &[f64] {
        &self.barometer
    }

    /// The value of a measurement in a row; `None` where there is none.
    #[must_use]
    pub fn value(&self, measurement: usize, row: usize) -> Option<f64> {
        self.values[measurement].get(row).copied().filter(|value| !value.is_nan())
    }

    /// The rows that have a value of a measurement.
    #[must_use]
    pub fn observed(&self, measurement: usize) -> &[u32] {
        let values = &self.values[measurement];
        self.observed[measurement].get_or_init(|| {
            let (mut rows, mut count) = (vec![0; values.len()], 0);
            // Written in any case, and kept by counting it: a branch would often be taken where one did not expect it.
            for (row, value) in (0..).zip(values) {
                rows[count] = row;
                count += usize::from(!value.is_nan());
            }
            rows.truncate(count);
            rows
        })
    }

    /// The values of a measurement by a group of their moments, below `groups`.
    #[must_use]
    pub fn samples(&self, measurement: usize, groups: usize, group: impl Fn(&Moment) -> u16) -> Samples {
        let rows = self.observed(measurement);
        let of_values = rows.iter().map(|&row| group(&self.moments()[row as usize])).collect();
        let values = self.values(measurement);
        Groups::new(groups, of_values).samples_of(rows.iter().map(|&row| values[row as usize]))
    }

    /// Takes a value that was found erroneous out of sight of later tests.
    pub fn hide(&mut self, measurement: usize, row: usize) {
        if let Some(value) = self.values[measurement].get_mut(row) {
            *value = f64::NAN;
            self.observed[measurement].take();
        }
    }

    /// The time from one row to another, in hours.
    #[must_use]
    pub fn hours_between(&self, row: usize, other: usize) -> f64 {
        (self.times[other] - self.times[row]) as f64 / HOUR as f64
    }

    /// The rows within `hours` of a row, that row included.
    #[must_use]
    pub fn around(&self, row: usize, hours: f64) -> std::ops::Range<usize> {
        let reach = (hours * HOUR as f64) as i64;
        let time = self.times[row];
        let start = self.times[..row].iter().rev().take_while(|&&other| time - other <= reach).count();
        let end = self.times[row..].iter().take_while(|&&other| other - time <= reach).count();
        row - start..row + end
    }

    /// The largest value of a measurement within `hours` of a row; `None` where there is none.
    #[must_use]
    pub fn largest_around(&self, measurement: usize, row: usize, hours: f64) -> Option<f64> {
        let values = self.values[measurement].get(self.around(row, hours))?;
        values.iter().copied().filter(|value| !value.is_nan()).max_by(f64::total_cmp)
    }

    /// Number of calendar years with at least that many values of a measurement.
    #[must_use]
    pub fn years(&self, measurement: usize, values: usize) -> usize {
        let rows = self.observed(measurement);
        let years =
            rows.chunk_by(|&a, &b| self.moments()[a as usize].year == self.moments()[b as usize].year);
        years.filter(|year| year.len() >= values).count()
    }
}
