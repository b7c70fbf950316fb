//! A series without its gaps: its values, filled forward, with the row and the time of each.

use crate::Series;
use crate::packing::grid_decimals;
use crate::series::{Fill, Values};
use crate::window::{SeriesWindows, Span};

/// Buffers that a series is filled into.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    values: Vec<f64>,
    rows: Vec<usize>,
    times: Vec<i64>,
}

/// The filled values of a series: those of the rows from the first observed one on, missing rows that are not filled left
/// out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled<'a> {
    /// The values, all finite.
    pub values: &'a [f64],
    /// The time of each value in microseconds if the window is a length of time, else empty.
    pub times: &'a [i64],
    /// The row of each value; `None` if they follow each other from `first` on.
    rows: Option<&'a [usize]>,
    /// The first observed row.
    first: usize,
    /// Number of decimals of the grid that all observed values are on, if there is one.
    pub grid: Option<u32>,
}

impl<'a> Filled<'a> {
    /// Fills the series, whose first observed row is `first`.
    pub fn new(
        series: &'a Series<'_>,
        first: usize,
        windows: SeriesWindows<'a>,
        buffers: &'a mut Buffers,
    ) -> Self {
        let Buffers { values, rows, times } = buffers;
        values.clear();
        let grid = series
            .observed()
            .try_fold(0, |grid: u32, row| Some(grid_decimals(series.values.get(row))?.max(grid)));
        if matches!(windows.fill, Fill::Unlimited) {
            fill_all(series, first, values);
            let times = match windows.span {
                Span::Time { times, .. } => &times[first..],
                Span::Rows(_) => &[],
            };
            return Self { values, times, rows: None, first, grid };
        }
        rows.clear();
        times.clear();
        let mut last = first;
        for row in first..series.values.len() {
            if series.is_observed(row) {
                last = row;
            } else if !windows.fill.bridges(last, row) {
                continue;
            }
            values.push(series.values.get(last));
            rows.push(row);
            if let Span::Time { times: all, .. } = windows.span {
                times.push(all[row]);
            }
        }
        Self { values, times, rows: Some(rows), first, grid }
    }

    /// Row of value `i`.
    pub fn row(&self, i: usize) -> usize {
        self.rows.map_or(self.first + i, |rows| rows[i])
    }
}

/// Appends the value of every row from `first`, which was observed, on; that of a missing row is the last observed one.
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
