//! The outliers of a series: the windows of either pass in, outlying rows out.

use crate::RollingTest;
use crate::decide::{Statistics, Window};
use crate::decimal_pass::{Pass, Sink};
use crate::prefix::sums::Lane;
use crate::prefix::windows::{Gathered, Scale};

/// A row that the test reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Row in the series, from 0.
    pub row: usize,
    /// The observed value, or the filled one where `filled`.
    pub value: f64,
    /// Mean of the window.
    pub mean: f64,
    /// Standard deviation of the window.
    pub std: f64,
    /// `(value - mean) / max(std, min_std)`: infinite where that is 0.
    pub zscore: f64,
    /// Number of values in the window.
    pub count: usize,
    /// Whether the value was filled in rather than observed.
    pub filled: bool,
}

/// Collects the outliers of a series on a decimal grid.
pub(crate) struct Outliers<'a> {
    test: &'a RollingTest,
    found: &'a mut Vec<Outlier>,
    /// Outliers of other series in `found`.
    before: usize,
}

impl<'a> Outliers<'a> {
    pub fn new(test: &'a RollingTest, found: &'a mut Vec<Outlier>) -> Self {
        let before = found.len();
        Self { test, found, before }
    }
}

impl Sink for Outliers<'_> {
    fn take<L: Lane>(&mut self, pass: &Pass<'_, L>, gathered: &mut Gathered<L>) {
        let Self { test, found, .. } = self;
        let scale = Scale { per_unit: pass.factor(), error: 0.0 };
        for (from, stretch) in pass.stretches() {
            let decide = |i: usize| {
                let row = pass.row(from + i);
                let filled = !pass.series.is_observed(row);
                if filled && !test.tests_filled() {
                    return;
                }
                let (sum, squares) = stretch.moments(i);
                let (n, x) = (stretch.count(i), stretch.units[i]);
                let window = Window { n, sum, squares, x: x.into(), origin: pass.origin() };
                if let Some(statistics) = window.decide(pass.unit(), test) {
                    found.push(outlier(row, pass.value(x), n, filled, statistics));
                }
            };
            if pass.is_wide() {
                stretch.wide_candidates(test, &scale, decide);
            } else {
                stretch.candidates(test, &scale, gathered, decide);
            }
        }
    }

    fn restart(&mut self) {
        self.found.truncate(self.before);
    }
}

/// A row with what its window says of it.
pub(crate) fn outlier(row: usize, value: f64, count: usize, filled: bool, statistics: Statistics) -> Outlier {
    let Statistics { mean, std, zscore } = statistics;
    // Of the zeros only the one that is an integer's.
    let value = value + 0.0;
    Outlier { row, value, mean, std, zscore, count, filled }
}
