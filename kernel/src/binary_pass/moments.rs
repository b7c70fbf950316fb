//! The second look at windows of doubles: a queue of two stacks in, the rows that may be outliers out.
//!
//! The queue keeps the moments of every suffix of its older part and of the whole of its newer part, so that a window
//! is two of them combined and nothing is ever subtracted. The moments carry a rounding error that is bounded by the
//! largest magnitude in the window.

use crate::RollingTest;

/// Rounding of the window's mean and standard deviation, in units of n times the largest magnitude times the machine
/// epsilon: Welford's update errs by about one (Chan, Golub & `LeVeque` 1983, table 2), this is many times that.
const ERROR_FACTOR: f64 = 16.0;

/// Magnitudes whose squares neither overflow nor underflow; others go to the integers straight away.
const SAFE: std::ops::Range<f64> = 1e-140..1e150;

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
pub(crate) struct Queue {
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
    /// Empties the queue.
    pub fn clear(&mut self) {
        self.skip(0);
    }

    /// Goes on with an empty window.
    fn skip(&mut self, at: usize) {
        let mut older = std::mem::take(&mut self.older);
        older.clear();
        *self = Self { start: at, middle: at, end: at, older, newer: Moments::EMPTY, run: at };
    }

    /// Moves both ends forward.
    pub fn advance(&mut self, values: &[f64], start: usize, end: usize) {
        if start > self.end {
            self.skip(start);
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

    /// Whether `x` is surely no outlier against the window.
    pub fn rules_out(&self, values: &[f64], x: f64, test: &RollingTest) -> bool {
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

    #[test]
    fn a_queue_that_leaps_holds_what_one_that_walks_holds() {
        let values: Vec<f64> = (0..500).map(|i| f64::from(i * 7919 % 13) / 8.0).collect();
        let test = RollingTest::new(40, "2".parse().unwrap()).unwrap();
        let (mut leaping, mut walking) = (Queue::default(), Queue::default());
        for end in 0..500 {
            let start = usize::saturating_sub(end, 40);
            walking.advance(&values, start, end);
            if end % 150 > 100 {
                leaping.advance(&values, start, end);
                for x in [0.0, 0.7, 5.0] {
                    let [a, b] = [&leaping, &walking].map(|queue| queue.rules_out(&values, x, &test));
                    assert_eq!(a, b, "{end} {x}");
                }
            }
        }
    }
}
