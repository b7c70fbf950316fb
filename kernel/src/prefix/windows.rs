//! The cheap test: a stretch of windows as prefix sums of integers in, the few rows that may be outliers out.
//!
//! A window's sum and sum of squares are differences of prefix sums, which wrap without harm as long as the window's own
//! sums fit. A row is ruled out with a margin wider than all rounding.

use crate::RollingTest;
use crate::prefix::rule_out::{
    Bounds, LANES, Uniform, Varying, Windows, next_passing_of_any_size, next_passing_of_one_size,
};
use crate::prefix::sums::{Lane, Squares};

/// Where the windows of a stretch begin, as positions in its prefix sums.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begins<'a> {
    /// So many values before they end.
    Before(usize),
    /// At these positions.
    At(&'a [usize]),
}

/// Rows that follow each other, and the prefix sums that hold their windows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a, L> {
    /// The tested integers.
    pub units: &'a [L],
    /// Prefix sums of all integers that lie in a window.
    pub sums: &'a [L],
    /// Prefix sums of their squares.
    pub squares: Squares<'a, L>,
    /// Position in the prefix sums where the window of the first row ends.
    pub end: usize,
    pub begins: Begins<'a>,
}

/// What the integers of a stretch are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
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
    fn new<L: Lane>(test: &RollingTest, scale: &Scale) -> Self {
        let threshold = test.threshold().to_f64();
        let floor = threshold * test.floor().to_f64() * scale.per_unit;
        // A value and the mean each lie within the error of theirs, and so does the population deviation, which is a
        // norm; the divisor stretches that most in the smallest window.
        let (n, ddof) = (test.least_count() as f64, test.freedom() as f64);
        let slack = scale.error * (2.0 + threshold * (n / (n - ddof)).sqrt());
        Self {
            threshold: threshold * threshold * (1.0 - L::MARGIN),
            freedom: ddof,
            floor: floor * floor * (1.0 - L::MARGIN),
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

    fn bounds<L: Lane>(&self, count: usize) -> Bounds<L> {
        let n = count as f64;
        Bounds {
            n: L::of(count as i64),
            factor: L::real(self.factor(count)),
            floor: L::real(n * n * self.floor),
            slack: L::real(n * self.slack),
        }
    }
}

/// Buffers for windows of any sizes.
#[derive(Debug)]
pub(crate) struct Gathered<L: Lane> {
    n: Vec<L>,
    sums: Vec<L>,
    squares: Vec<L::Real>,
}

impl<L: Lane> Default for Gathered<L> {
    fn default() -> Self {
        Self { n: Vec::new(), sums: Vec::new(), squares: Vec::new() }
    }
}

impl<L: Lane> Stretch<'_, L> {
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
        (self.sums[end].wrapping_sub(&self.sums[begin]).into(), self.squares.between(begin, end))
    }

    /// Calls `each` with every row that the test does not rule out, in order. No integer of a window is larger
    /// than [`Lane::largest`].
    pub fn candidates(
        &self,
        test: &RollingTest,
        scale: &Scale,
        gathered: &mut Gathered<L>,
        mut each: impl FnMut(usize),
    ) {
        let limits = Limits::new::<L>(test, scale);
        match self.begins {
            Begins::Before(_) if self.units.is_empty() => {}
            Begins::Before(count) => {
                let (begin, len) = (self.end - count, self.units.len());
                let windows = self.windows(&self.sums[begin..][..len]);
                let counts = Uniform::new(limits.bounds(count), self.squares, begin, self.end);
                search(|from| next_passing_of_one_size(windows, counts, from), each);
            }
            Begins::At(begins) => {
                // A series begins with windows that hold too little.
                let full = |(i, begin): (usize, &usize)| self.end + i - begin >= limits.least;
                let Some(skip) = begins.iter().enumerate().position(full) else { return };
                let (units, begins) = (&self.units[skip..], &begins[skip..]);
                let rest = Stretch { units, end: self.end + skip, begins: Begins::At(begins), ..*self };
                gathered.gather(&rest, begins);
                let windows = rest.windows(&gathered.sums);
                let counts = Varying {
                    n: &gathered.n,
                    squares: &gathered.squares,
                    least: L::of(limits.least as i64),
                    threshold: L::real(limits.threshold),
                    freedom: L::real(limits.freedom),
                    floor: L::real(limits.floor),
                    slack: L::real(limits.slack),
                };
                search(|from| next_passing_of_any_size(windows, counts, from), |i| each(skip + i));
            }
        }
    }

    /// The rows with the prefix sums where their windows begin, and those where they end.
    fn windows<'a>(&'a self, sums: &'a [L]) -> Windows<'a, L> {
        let ends = self.end..self.end + self.units.len();
        Windows { units: self.units, sums: (sums, &self.sums[ends]) }
    }

    /// As [`Stretch::candidates`], for exact integers whose sums need only fit 64 bits.
    pub fn wide_candidates(&self, test: &RollingTest, scale: &Scale, mut each: impl FnMut(usize)) {
        let limits = Limits::new::<i64>(test, scale);
        for (i, unit) in self.units.iter().enumerate() {
            let count = self.count(i);
            let bounds = limits.bounds::<i64>(count);
            let (sum, square) = self.moments(i);
            let n = count as i128;
            let deviation = (n * i128::from((*unit).into()) - i128::from(sum)) as f64;
            let spread = (n * i128::from(square) - i128::from(sum) * i128::from(sum)) as f64;
            let deviation = deviation * deviation;
            if deviation > bounds.factor * spread && deviation > bounds.floor {
                each(i);
            }
        }
    }
}

impl<L: Lane> Gathered<L> {
    fn gather(&mut self, stretch: &Stretch<'_, L>, begins: &[usize]) {
        let Self { n, sums, squares } = self;
        n.clear();
        sums.clear();
        squares.clear();
        let windows = || begins.iter().zip(stretch.end..);
        n.extend(windows().map(|(begin, end)| L::of((end - begin) as i64)));
        sums.extend(begins.iter().map(|begin| stretch.sums[*begin]));
        squares.extend(windows().map(|(begin, end)| {
            let square = stretch.squares.between(*begin, end);
            let (low, near) = L::near(square);
            L::square(L::of(square).wrapping_sub(&low), near)
        }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decimal;

    /// The rows of noise with a spike that are not ruled out, by windows of one size and of several.
    fn candidates<L: Lane>(spike: i64) -> [Vec<usize>; 2] {
        let unit = |i: i64| L::of(i * 37 % 101 - 50 + if i == 700 { spike } else { 0 });
        let units: Vec<L> = (0..1000).map(unit).collect();
        let (mut sums, mut squares) = (vec![L::default(); 1001], vec![L::default(); 1001]);
        L::accumulate(&units, &mut sums, &mut squares);
        let mut marks = vec![0];
        L::mark(&squares, &mut marks, 0);
        let squares = Squares { low: &squares, marks: &marks };
        let begins: Vec<usize> = (50..1000).map(|i| i - 30 - i % 20).collect();
        [Begins::Before(40), Begins::At(&begins)].map(|begins| {
            let stretch = Stretch { units: &units[50..], sums: &sums, squares, end: 50, begins };
            let test = RollingTest::new(30, Decimal::whole(4)).unwrap();
            let mut found = Vec::new();
            let scale = Scale { per_unit: 1.0, error: 0.0 };
            stretch.candidates(&test, &scale, &mut Gathered::default(), |i| found.push(50 + i));
            found
        })
    }

    #[test]
    fn all_rows_but_the_outlier_are_ruled_out() {
        for spike in [500, 5000] {
            assert_eq!(candidates::<i32>(spike), [[700], [700]]);
            assert_eq!(candidates::<i64>(spike), [[700], [700]]);
        }
        assert_eq!(candidates::<i64>(5_000_000), [[700], [700]]);
    }
}
