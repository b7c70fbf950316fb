//! The pass for all other series: doubles of any size, windows as a queue of two stacks.
//!
//! The queue keeps the moments of every suffix of its older part and of the whole of its newer part, so that a window
//! is two of them combined and nothing is ever subtracted. The moments carry a rounding error that is bounded by the
//! largest magnitude in the window; a row that the bound cannot rule out is decided in integers.

use super::decimal::grid_decimals;
use super::grid::Windowing;
use super::moving::Moving;
use super::{Outlier, RollingTest, Series};

/// Rounding of the window's mean and standard deviation, in units of n times the largest magnitude times the machine
/// epsilon: Welford's update errs by about one (Chan, Golub & `LeVeque` 1983, table 2), this is many times that.
const ERROR_FACTOR: f64 = 16.0;

/// Magnitudes whose squares neither overflow nor underflow; others go to the integers straight away.
const SAFE: std::ops::Range<f64> = 1e-140..1e150;

#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Filled values of the series.
    values: Vec<f64>,
    /// Row of each.
    rows: Vec<usize>,
    /// Time of each, where the window reaches over a time.
    times: Vec<i64>,
    queue: Queue,
    moving: Moving,
}

/// Tests the series; `first` is its first observed row.
pub(super) fn pass(
    series: &Series<'_>,
    first: usize,
    windowing: Windowing<'_>,
    test: &RollingTest,
    buffers: &mut Buffers,
    found: &mut Vec<Outlier>,
) {
    let grid = fill(series, first, windowing, buffers);
    let Buffers { values, rows, times, queue, moving } = buffers;
    queue.clear();
    moving.restart(grid);
    let mut start = 0;
    for (i, x) in values.iter().copied().enumerate() {
        let end = windowing.rolling.end(i);
        start = windowing.rolling.begin(start, i, times);
        queue.advance(values, start, end);
        if end - start < test.least_count() || queue.rules_out(values, x, test) {
            continue;
        }
        let filled = !series.is_observed(rows[i]);
        if filled && !test.tests_filled() {
            continue;
        }
        moving.advance(values, start, end);
        let (window, unit) = moving.window(x);
        if let Some(s) = window.decide(unit, test) {
            let count = end - start;
            found.push(Outlier {
                row: rows[i],
                value: x,
                mean: s.mean,
                std: s.std,
                zscore: s.zscore,
                count,
                filled,
            });
        }
    }
}

/// Calls `each` with every row of a window that holds enough, and the window.
pub(super) fn statistics(
    series: &Series<'_>,
    first: usize,
    windowing: Windowing<'_>,
    buffers: &mut Buffers,
    mut each: impl FnMut(usize, &Moving),
) {
    let grid = fill(series, first, windowing, buffers);
    let Buffers { values, rows, times, moving, .. } = buffers;
    moving.restart(grid);
    let mut start = 0;
    for (i, row) in rows.iter().enumerate() {
        let end = windowing.rolling.end(i);
        start = windowing.rolling.begin(start, i, times);
        if end - start >= windowing.rolling.least_count() {
            moving.advance(values, start, end);
            each(*row, moving);
        }
    }
}

/// Forward-fills the series; returns the decimals of the grid that all its values are on, if there is one.
fn fill(series: &Series<'_>, first: usize, windowing: Windowing<'_>, buffers: &mut Buffers) -> Option<u32> {
    let Buffers { values, rows, times, .. } = buffers;
    values.clear();
    rows.clear();
    times.clear();
    let kept = series.times.filter(|_| windowing.rolling.needs_time());
    let mut grid = Some(0);
    let mut last = first;
    for row in first..series.values.len() {
        if series.is_observed(row) {
            last = row;
            grid = grid.and_then(|grid| Some(grid_decimals(series.values[row])?.max(grid)));
        } else if !windowing.reach.bridges(last, row) {
            continue;
        }
        values.push(series.values[last]);
        rows.push(row);
        times.extend(kept.map(|times| times[row]));
    }
    grid
}

/// Moments of some values.
#[derive(Debug, Clone, Copy)]
struct Moments {
    n: f64,
    mean: f64,
    /// Sum of the squared deviations from the mean.
    m2: f64,
    largest: f64,
}

impl Moments {
    const EMPTY: Self = Self { n: 0.0, mean: 0.0, m2: 0.0, largest: 0.0 };

    fn of(x: f64) -> Self {
        Self { n: 1.0, mean: x, m2: 0.0, largest: x.abs() }
    }

    /// Moments of both sets of values together (Chan, Golub & `LeVeque` 1979, equations 2.1).
    fn with(self, other: Self) -> Self {
        if self.n == 0.0 {
            return other;
        }
        if other.n == 0.0 {
            return self;
        }
        let n = self.n + other.n;
        let step = other.mean - self.mean;
        let share = other.n / n;
        Self {
            n,
            mean: self.mean + step * share,
            m2: self.m2 + other.m2 + step * step * (self.n * share),
            largest: self.largest.max(other.largest),
        }
    }
}

/// The window `start..end` of a slice, as two stacks that meet at `middle`.
#[derive(Debug)]
struct Queue {
    start: usize,
    middle: usize,
    end: usize,
    /// Moments of `k..middle` at `middle - k - 1`.
    older: Vec<Moments>,
    /// Moments of `middle..end`.
    newer: Moments,
    /// First of the equal values that end at `end`.
    run: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { start: 0, middle: 0, end: 0, older: Vec::new(), newer: Moments::EMPTY, run: 0 }
    }
}

impl Queue {
    fn clear(&mut self) {
        let mut older = std::mem::take(&mut self.older);
        older.clear();
        *self = Self { older, ..Self::default() };
    }

    /// Moves both ends forward.
    fn advance(&mut self, values: &[f64], start: usize, end: usize) {
        while self.end < end {
            if self.end == 0 || values[self.end] != values[self.end - 1] {
                self.run = self.end;
            }
            self.newer = self.newer.with(Moments::of(values[self.end]));
            self.end += 1;
        }
        if start > self.middle {
            self.older.clear();
            let mut moments = Moments::EMPTY;
            for x in values[start..end].iter().rev() {
                moments = moments.with(Moments::of(*x));
                self.older.push(moments);
            }
            self.middle = end;
            self.newer = Moments::EMPTY;
        } else {
            self.older.truncate(self.middle - start);
        }
        self.start = start;
    }

    /// Whether `x` is surely no outlier against the window.
    fn rules_out(&self, values: &[f64], x: f64, test: &RollingTest) -> bool {
        if self.end > self.start && self.run <= self.start {
            // All values are the same: the deviation is 0 exactly, or the integers decide.
            return values[self.end - 1] == x;
        }
        let moments = self.older.last().copied().unwrap_or(Moments::EMPTY).with(self.newer);
        let freedom = moments.n - test.freedom() as f64;
        if freedom <= 0.0 {
            return true;
        }
        let largest = moments.largest.max(x.abs());
        if !SAFE.contains(&largest) {
            return false;
        }
        let error = ERROR_FACTOR * (moments.n + 8.0) * f64::EPSILON * largest;
        let std = (moments.m2 / freedom).sqrt();
        // The error of the deviation grows with sqrt(n / freedom) where ddof is close to n.
        let std_error = error * (moments.n / freedom).sqrt();
        let least = (std - std_error).max(test.floor().to_f64() * (1.0 - 1e-12));
        (x - moments.mean).abs() + error <= test.threshold().to_f64() * least * (1.0 - 1e-12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_holds_the_moments_of_its_window_and_of_nothing_else() {
        let values: Vec<f64> =
            (0..500).map(|i| if i % 97 == 5 { 1e17 } else { f64::from(i * 7919 % 101) / 8.0 }).collect();
        for window in [1, 2, 3, 7, 64, 499] {
            let mut queue = Queue::default();
            for end in 0..=values.len() {
                let start = end.saturating_sub(window);
                queue.advance(&values, start, end);
                let moments = queue.older.last().copied().unwrap_or(Moments::EMPTY).with(queue.newer);
                let slice = &values[start..end];
                let n = slice.len() as f64;
                assert_eq!(moments.n, n);
                if slice.is_empty() {
                    continue;
                }
                let mean = slice.iter().sum::<f64>() / n;
                let m2: f64 = slice.iter().map(|v| (v - mean).powi(2)).sum();
                let largest = slice.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                assert_eq!(moments.largest, largest);
                assert!((moments.mean - mean).abs() <= 1e-14 * n * largest);
                assert!((moments.m2.sqrt() - m2.sqrt()).abs() <= 1e-14 * n * largest * n.sqrt());
            }
        }
    }
}
