//! The cheap test: a stretch of windows as prefix sums of integers in, the few rows that may be outliers out.
//!
//! A window's sum and sum of squares are differences of prefix sums, which wrap modulo 2^64 without harm as long as the
//! window's own sums fit. A row is ruled out with a margin wider than all rounding.

use super::RollingTest;
use super::lanes::{Bounds, LANES, Varying, Windows, next_passing_of_any_size, next_passing_of_one_size};

/// Relative width by which the doubles' test is made easier to pass than the exact one: thousands of times its
/// rounding error.
const MARGIN: f64 = 1e-12;

/// Where the windows of a stretch begin, as positions in its prefix sums.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begins<'a> {
    /// So many values before they end.
    Before(usize),
    /// At these positions.
    At(&'a [usize]),
}

/// Rows that follow each other, and the prefix sums that hold their windows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch<'a> {
    /// The tested integers.
    pub units: &'a [i64],
    /// Prefix sums of all integers that lie in a window.
    pub sums: &'a [i64],
    /// Prefix sums of their squares.
    pub squares: &'a [i64],
    /// Position in the prefix sums where the window of the first row ends.
    pub end: usize,
    pub begins: Begins<'a>,
}

/// What the integers of a stretch are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Integers in one unit of the values.
    pub per_unit: f64,
    /// How far an integer may lie from what it stands for; 0 where integers are exact.
    pub error: f64,
}

/// The numbers of the cheap test that do not depend on the window's size.
struct Limits {
    threshold: f64,
    freedom: f64,
    floor: f64,
    slack: f64,
    least: usize,
}

impl Limits {
    fn new(test: &RollingTest, scale: &Scale) -> Self {
        let threshold = test.threshold().to_f64();
        let floor = threshold * test.floor().to_f64() * scale.per_unit;
        // A value and the mean each lie within the error of theirs, and so does the population deviation, which is a
        // norm; the divisor stretches that most in the smallest window.
        let (n, ddof) = (test.least_count() as f64, test.freedom() as f64);
        let slack = scale.error * (2.0 + threshold * (n / (n - ddof)).sqrt());
        Self {
            threshold: threshold * threshold * (1.0 - MARGIN),
            freedom: ddof,
            floor: floor * floor * (1.0 - MARGIN),
            slack,
            least: test.least_count(),
        }
    }

    /// The factor of windows of `count` values: without a degree of freedom there is no deviation to exceed.
    fn factor(&self, count: usize) -> f64 {
        let n = count as f64;
        let freedom = n - self.freedom;
        if count >= self.least && freedom > 0.0 { self.threshold * (n / freedom) } else { f64::NAN }
    }

    fn bounds(&self, count: usize) -> Bounds {
        let n = count as f64;
        Bounds { n, factor: self.factor(count), floor: n * n * self.floor, slack: n * self.slack }
    }
}

/// Buffers for windows of any sizes.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    n: Vec<f64>,
    factor: Vec<f64>,
    sums: Vec<i64>,
    squares: Vec<i64>,
}

impl Stretch<'_> {
    /// Number of values in the window of row `i`.
    pub fn count(&self, i: usize) -> usize {
        match self.begins {
            Begins::Before(count) => count,
            Begins::At(begins) => self.end + i - begins[i],
        }
    }

    /// Sum and sum of squares of the window of row `i`.
    pub fn moments(&self, i: usize) -> (i64, i64) {
        let end = self.end + i;
        let begin = end - self.count(i);
        (self.sums[end].wrapping_sub(self.sums[begin]), self.squares[end].wrapping_sub(self.squares[begin]))
    }

    /// Calls `each` with every row that the test does not rule out, in order. All sums of a window, and n times its
    /// integers, are below 2^51.
    pub fn candidates(
        &self,
        test: &RollingTest,
        scale: &Scale,
        gathered: &mut Gathered,
        mut each: impl FnMut(usize),
    ) {
        let limits = Limits::new(test, scale);
        match self.begins {
            Begins::Before(_) if self.units.is_empty() => {}
            Begins::Before(count) => {
                let (begin, len) = (self.end - count, self.units.len());
                let windows = self.windows(&self.sums[begin..][..len], &self.squares[begin..][..len]);
                let bounds = limits.bounds(count);
                search(|from| next_passing_of_one_size(windows, bounds, from), each);
            }
            Begins::At(begins) => {
                // A series begins with windows that hold too little.
                let full = |(i, begin): (usize, &usize)| self.end + i - begin >= limits.least;
                let Some(skip) = begins.iter().enumerate().position(full) else { return };
                let (units, begins) = (&self.units[skip..], &begins[skip..]);
                let rest = Stretch { units, end: self.end + skip, begins: Begins::At(begins), ..*self };
                gathered.gather(&rest, begins, &limits);
                let windows = rest.windows(&gathered.sums, &gathered.squares);
                let counts = Varying {
                    n: &gathered.n,
                    factor: &gathered.factor,
                    floor: limits.floor,
                    slack: limits.slack,
                };
                search(|from| next_passing_of_any_size(windows, counts, from), |i| each(skip + i));
            }
        }
    }

    /// The rows with the prefix sums where their windows begin, and those where they end.
    fn windows<'a>(&'a self, sums: &'a [i64], squares: &'a [i64]) -> Windows<'a> {
        let ends = self.end..self.end + self.units.len();
        Windows {
            units: self.units,
            sums: (sums, &self.sums[ends.clone()]),
            squares: (squares, &self.squares[ends]),
        }
    }

    /// As [`Stretch::candidates`], for exact integers whose sums need only fit 64 bits.
    pub fn wide_candidates(&self, test: &RollingTest, scale: &Scale, mut each: impl FnMut(usize)) {
        let limits = Limits::new(test, scale);
        for (i, unit) in self.units.iter().enumerate() {
            let count = self.count(i);
            let bounds = limits.bounds(count);
            let (sum, square) = self.moments(i);
            let n = count as i128;
            let deviation = (n * i128::from(*unit) - i128::from(sum)) as f64;
            let spread = (n * i128::from(square) - i128::from(sum) * i128::from(sum)) as f64;
            let deviation = deviation * deviation;
            if deviation > bounds.factor * spread && deviation > bounds.floor {
                each(i);
            }
        }
    }
}

impl Gathered {
    fn gather(&mut self, stretch: &Stretch<'_>, begins: &[usize], limits: &Limits) {
        let Self { n, factor, sums, squares } = self;
        n.clear();
        factor.clear();
        sums.clear();
        squares.clear();
        let count = |(i, begin): (usize, &usize)| stretch.end + i - begin;
        n.extend(begins.iter().enumerate().map(|at| count(at) as f64));
        factor.extend(begins.iter().enumerate().map(|at| limits.factor(count(at))));
        sums.extend(begins.iter().map(|begin| stretch.sums[*begin]));
        squares.extend(begins.iter().map(|begin| stretch.squares[*begin]));
    }
}

/// Calls `each` with the rows that pass, in order: `next` finds the lanes in which any does, from a row on.
fn search(next: impl Fn(usize) -> Option<(usize, u64)>, mut each: impl FnMut(usize)) {
    let mut from = 0;
    while let Some((start, mut passing)) = next(from) {
        while passing != 0 {
            each(start + passing.trailing_zeros() as usize);
            passing &= passing - 1;
        }
        from = start + LANES;
    }
}
