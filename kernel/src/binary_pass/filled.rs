//! A series without its gaps: values, filled forward, with the row and time of each.

use crate::Series;
use crate::decimal_pass::Windowing;
use crate::packing::grid_decimals;
use crate::series::{Reach, Values};

/// Buffers that a series is filled into.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    values: Vec<f64>,
    rows: Vec<usize>,
    times: Vec<i64>,
}

/// The filled values of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filled<'a> {
    pub values: &'a [f64],
    /// The time of each, where the window reaches over a time.
    pub times: &'a [i64],
    /// The row of each, unless they follow each other.
    rows: Option<&'a [usize]>,
    first: usize,
    /// Decimals of the grid that all observed values are on, if there is one.
    pub grid: Option<u32>,
}

impl<'a> Filled<'a> {
    /// Fills the series; `first` is its first observed row.
    pub fn new(
        series: &'a Series<'_>,
        first: usize,
        windowing: Windowing<'_>,
        buffers: &'a mut Buffers,
    ) -> Self {
        let Buffers { values, rows, times } = buffers;
        values.clear();
        let grid = series
            .observed()
            .try_fold(0, |grid: u32, row| Some(grid_decimals(series.values.get(row))?.max(grid)));
        let timed = series.times.filter(|_| windowing.rolling.needs_time());
        if matches!(windowing.reach, Reach::Unlimited) {
            fill_all(series, first, values);
            let times = timed.and_then(|times| times.get(first..)).unwrap_or_default();
            return Self { values, times, rows: None, first, grid };
        }
        rows.clear();
        times.clear();
        let mut last = first;
        for row in first..series.values.len() {
            if series.is_observed(row) {
                last = row;
            } else if !windowing.reach.bridges(last, row) {
                continue;
            }
            values.push(series.values.get(last));
            rows.push(row);
            times.extend(timed.map(|times| times[row]));
        }
        Self { values, times, rows: Some(rows), first, grid }
    }

    /// Row of value `i`.
    pub fn row(&self, i: usize) -> usize {
        self.rows.map_or(self.first + i, |rows| rows[i])
    }
}

/// Fills every row from the first observed one.
fn fill_all(series: &Series<'_>, first: usize, filled: &mut Vec<f64>) {
    let Values::Doubles(values) = series.values else {
        let mut last = first;
        filled.extend((first..series.values.len()).map(|row| {
            last = if series.is_observed(row) { row } else { last };
            series.values.get(last)
        }));
        return;
    };
    let values = &values[first..];
    let Some(validity) = series.validity.map(|v| v.slice(first, values.len())) else {
        if values.iter().fold(true, |finite, value| finite & value.is_finite()) {
            filled.extend_from_slice(values);
            return;
        }
        let mut last = 0.0;
        filled.extend(values.iter().map(|value| {
            last = if value.is_finite() { *value } else { last };
            last
        }));
        return;
    };
    let mut last = 0.0;
    for (word, values) in values.chunks(64).enumerate() {
        let mut bits = validity.word(64 * word);
        filled.extend(values.iter().map(|value| {
            last = if bits & 1 == 1 && value.is_finite() { *value } else { last };
            bits >>= 1;
            last
        }));
    }
}
