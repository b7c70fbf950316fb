//! The second rule-out test of the pass over doubles: the moments of a window as doubles in, whether its row is surely no
//! outlier out.
//!
//! The window is a queue of two stacks: the moments of every suffix of its older part are kept, and those of the whole of
//! its newer part, so that the moments of a window are two of them combined and nothing is ever taken off. Their rounding
//! error is bounded by the largest magnitude in the window.

use std::ops::Range;

use crate::RollingTest;

/// Rounding of the window's mean and standard deviation, in units of n times the largest magnitude times the machine
/// epsilon: Welford's update errs by about one (Chan, Golub & `LeVeque` 1983, table 2), this is many times that.
const ERROR_FACTOR: f64 = 16.0;

/// Magnitudes whose squares neither overflow nor underflow; windows of others are left to the exact decision.
const SAFE: Range<f64> = 1e-140..1e150;

/// Moments of some values, rounded.
#[derive(Debug, Clone, Copy)]
struct Moments {
    /// Number of values.
    n: f64,
    /// Their mean.
    mean: f64,
    /// Sum of the squared deviations from the mean.
    m2: f64,
    /// The largest magnitude of a value.
    largest: f64,
}

impl Moments {
    /// The moments of no values.
    const EMPTY: Self = Self { n: 0.0, mean: 0.0, m2: 0.0, largest: 0.0 };

    /// The moments of one value.
    fn of(x: f64) -> Self {
        Self { n: 1.0, mean: x, m2: 0.0, largest: x.abs() }
    }

    /// The moments of both sets of values together (Chan, Golub & `LeVeque` 1979, equations 2.1).
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

/// The moments of the values `start..end` of a slice: two stacks that meet at `middle`.
#[derive(Debug)]
pub(super) struct WindowMoments {
    start: usize,
    middle: usize,
    end: usize,
    /// The moments of the values `k..middle`, for each k from `start`, at position `middle - k - 1`.
    older: Vec<Moments>,
    /// The moments of the values `middle..end`.
    newer: Moments,
    /// Position of the first of the equal values that end at `end`.
    run: usize,
}

impl Default for WindowMoments {
    fn default() -> Self {
        Self { start: 0, middle: 0, end: 0, older: Vec::new(), newer: Moments::EMPTY, run: 0 }
    }
}

impl WindowMoments {
    /// Starts with an empty window at the first value of a series.
    pub fn restart(&mut self) {
        self.empty(0);
    }

    /// Makes the window an empty one at a position.
    fn empty(&mut self, at: usize) {
        let mut older = std::mem::take(&mut self.older);
        older.clear();
        *self = Self { start: at, middle: at, end: at, older, newer: Moments::EMPTY, run: at };
    }

    /// Makes `start..end` the window; neither end may lie before where it is now.
    pub fn advance(&mut self, values: &[f64], start: usize, end: usize) {
        if start > self.end {
            self.empty(start);
        }
        while self.end < end {
            if self.end == self.start || values[self.end] != values[self.end - 1] {
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

    /// The moments of the window.
    fn moments(&self) -> Moments {
        match self.older.last() {
            Some(older) => older.with(self.newer),
            // The older part holds no value.
            None => self.newer,
        }
    }

    /// Whether `x` is surely no outlier against the window.
    pub fn rules_out(&self, values: &[f64], x: f64, test: &RollingTest) -> bool {
        if self.end > self.start && self.run <= self.start {
            // All values are the same: the deviation is 0 exactly, or the integers decide.
            return values[self.end - 1] == x;
        }
        let moments = self.moments();
        let freedom = moments.n - test.ddof() as f64;
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
        let least = (std - std_error).max(test.min_std().to_f64() * (1.0 - 1e-12));
        (x - moments.mean).abs() + error <= test.threshold().to_f64() * least * (1.0 - 1e-12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decimal, Window};

    #[test]
    fn a_window_has_the_moments_of_its_values_and_of_nothing_else() {
        let values: Vec<f64> =
            (0..500).map(|i| if i % 97 == 5 { 1e17 } else { f64::from(i * 7919 % 101) / 8.0 }).collect();
        for size in [1, 2, 3, 7, 64, 499] {
            let mut window = WindowMoments::default();
            for end in 0..=values.len() {
                let start = end.saturating_sub(size);
                window.advance(&values, start, end);
                let moments = window.moments();
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

    #[test]
    fn a_window_that_leaps_has_the_moments_of_one_that_moves_by_one() {
        let values: Vec<f64> = (0..500).map(|i| f64::from(i * 7919 % 13) / 8.0).collect();
        let test =
            RollingTest::builder().window(Window::Rows(40)).threshold(Decimal::whole(2)).build().unwrap();
        let (mut leaping, mut walking) = (WindowMoments::default(), WindowMoments::default());
        for end in 0..500 {
            let start = usize::saturating_sub(end, 40);
            walking.advance(&values, start, end);
            if end % 150 > 100 {
                leaping.advance(&values, start, end);
                for x in [0.0, 0.7, 5.0] {
                    let [a, b] = [&leaping, &walking].map(|window| window.rules_out(&values, x, &test));
                    assert_eq!(a, b, "{end} {x}");
                }
            }
        }
    }
}
