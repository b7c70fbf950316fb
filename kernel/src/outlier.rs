//! The outliers of a series: the windows of either pass in, outlying rows out.

use crate::RollingTest;
use crate::decide::{Statistics, TestedWindow};
use crate::decimal_pass::{BlockVisitor, Pass};
use crate::prefix::sums::SumInteger;
use crate::prefix::windows::{RowBuffers, Scale};
use crate::series::{Fill, Series};
use crate::window::SeriesWindows;

/// A row that the test reports. Values, mean and standard deviation have the unit of the series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Row in the series, counted from 0, missing rows included.
    pub row: usize,
    /// The observed value, or the one filled in where `filled`. Never NaN or infinite.
    pub value: f64,
    /// Mean of the window.
    pub mean: f64,
    /// Standard deviation of the window.
    pub std: f64,
    /// `(value - mean) / max(std, min_std)`, in standard deviations; infinite where the divisor is 0.
    pub zscore: f64,
    /// Number of values in the window.
    pub count: usize,
    /// Whether the value was filled in rather than observed.
    pub filled: bool,
    /// How many of the values in the window were filled in: where it is nearly all of them, the deviation means little.
    pub window_filled: usize,
}

impl Outlier {
    /// A row that is an outlier, with the statistics of its window.
    pub(crate) fn new(row: usize, value: f64, count: usize, filled: bool, statistics: Statistics) -> Self {
        let Statistics { mean, std, zscore } = statistics;
        // An integer has one zero only: adding 0 makes -0 that.
        let value = value + 0.0;
        Self { row, value, mean, std, zscore, count, filled, window_filled: 0 }
    }

    /// Counts the values of its window that were filled in.
    pub(crate) fn count_filled(&mut self, series: &Series<'_>, windows: &SeriesWindows<'_>) {
        let end = windows.rolling.end(self.row);
        self.window_filled = match windows.fill {
            // Every row after the first observed one holds a value.
            Fill::Unlimited => self.count - series.observed_in(end - self.count..end),
            fill => filled_before(series, fill, end, self.count),
        };
    }
}

/// How many of the last `count` values before the row `end` were filled in.
fn filled_before(series: &Series<'_>, fill: Fill<'_>, end: usize, count: usize) -> usize {
    let (mut rest, mut filled, mut row) = (count, 0, end);
    while rest > 0 && row > 0 {
        let Some(observed) = (0..row).rev().find(|row| series.is_observed(*row)) else { break };
        let bridged = (observed + 1..row).take_while(|row| fill.bridges(observed, *row)).count().min(rest);
        filled += bridged;
        rest = (rest - bridged).saturating_sub(1);
        row = observed;
    }
    filled
}

/// Collects the outliers of one series on a decimal grid.
pub(crate) struct Outliers<'a> {
    test: &'a RollingTest,
    found: &'a mut Vec<Outlier>,
    /// Number of outliers, of other series, that `found` held before.
    before: usize,
}

impl<'a> Outliers<'a> {
    /// Outliers of another series are to be appended to `found`.
    pub fn new(test: &'a RollingTest, found: &'a mut Vec<Outlier>) -> Self {
        let before = found.len();
        Self { test, found, before }
    }
}

impl BlockVisitor for Outliers<'_> {
    fn visit<I: SumInteger>(&mut self, pass: &Pass<'_, I>, buffers: &mut RowBuffers<I>) {
        let Self { test, found, .. } = self;
        let scale = Scale { per_unit: pass.factor(), error: 0.0 };
        for (from, stretch) in pass.stretches() {
            let decide = |i: usize| {
                let row = pass.row(from + i);
                let filled = !pass.series.is_observed(row);
                if filled && !test.test_filled() {
                    return;
                }
                let (sum, squares) = stretch.moments(i);
                let (n, x) = (stretch.count(i), stretch.integers[i]);
                let window = TestedWindow { n, sum, squares, x: x.into(), origin: pass.origin() };
                if let Some(statistics) = window.decide(pass.unit(), test) {
                    found.push(Outlier::new(row, pass.value(x), n, filled, statistics));
                }
            };
            if pass.is_wide() {
                stretch.wide_candidates(test, &scale, decide);
            } else {
                stretch.candidates(test, &scale, buffers, decide);
            }
        }
    }

    fn restart(&mut self) {
        self.found.truncate(self.before);
    }
}
