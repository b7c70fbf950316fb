//! The rule-out test of a stretch of rows: prefix sums in, the few rows that may be outliers out.
//!
//! A window's sum and sum of squares are differences of two prefix sums, which may wrap as long as the window's own sums
//! fit. A row is ruled out with a margin wider than all rounding.

use super::rule_out::{
    AnySizes, Bounds, GROUP, Rows, SameSize, next_passing_of_any_size, next_passing_of_one_size,
};
use super::sums::{Squares, SumInteger};
use crate::RollingTest;

/// Where the windows of a stretch begin, as positions in its prefix sums.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begins<'a> {
    /// Each window begins so many values before it ends.
    Before(usize),
    /// The window of row i begins at the i-th of these positions.
    At(&'a [usize]),
}

/// Rows that follow each other, and the prefix sums that their windows lie in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a, I> {
    /// The integer of each row.
    pub integers: &'a [I],
    /// Prefix sums of all integers that lie in a window.
    pub sums: &'a [I],
    /// Prefix sums of their squares.
    pub squares: Squares<'a, I>,
    /// Position in the prefix sums where the window of the first row ends; that of each other row ends one later.
    pub end: usize,
    /// Where the windows begin.
    pub begins: Begins<'a>,
}

/// What the integers of a stretch stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// How many integers there are in one unit of the values.
    pub per_unit: f64,
    /// How far an integer may lie from what it stands for; 0 where integers are exact.
    pub error: f64,
}

/// The numbers of the rule-out test that do not depend on the size of the window.
struct Limits {
    /// The square of the threshold, less the margin.
    threshold: f64,
    ddof: f64,
    /// The square of the threshold times `min_std`, in integers, less the margin.
    floor: f64,
    /// How much the errors of the integers may take off `|x - mean|`, and add to the deviation that it is compared with.
    slack: f64,
    min_periods: usize,
}

impl Limits {
    fn new<I: SumInteger>(test: &RollingTest, scale: &Scale) -> Self {
        let threshold = test.threshold().to_f64();
        let floor = threshold * test.min_std().to_f64() * scale.per_unit;
        // A value and the mean each lie within the error of theirs, and so does the population deviation, which is a
        // norm; the divisor stretches that most in the smallest window.
        let (n, ddof) = (test.min_periods() as f64, test.ddof() as f64);
        let slack = scale.error * (2.0 + threshold * (n / (n - ddof)).sqrt());
        Self {
            threshold: threshold * threshold * (1.0 - I::MARGIN),
            ddof,
            floor: floor * floor * (1.0 - I::MARGIN),
            slack,
            min_periods: test.min_periods(),
        }
    }

    /// The factor of [`Bounds`] for windows of `count` values: NaN, which no row passes, where a window holds too few
    /// values or has no degree of freedom.
    fn factor(&self, count: usize) -> f64 {
        let n = count as f64;
        let freedom = n - self.ddof;
        if count >= self.min_periods && freedom > 0.0 { self.threshold * (n / freedom) } else { f64::NAN }
    }

    /// The bounds for windows of `count` values.
    fn bounds<I: SumInteger>(&self, count: usize) -> Bounds<I> {
        let n = count as f64;
        Bounds {
            n: I::truncated(count as i64),
            factor: I::float(self.factor(count)),
            floor: I::float(n * n * self.floor),
            slack: I::float(n * self.slack),
        }
    }
}

/// Buffers with a slot for each row of a stretch whose windows have different sizes.
#[derive(Debug)]
pub(crate) struct RowBuffers<I: SumInteger> {
    /// Size of the row's window.
    n: Vec<I>,
    /// Prefix sum where the window begins.
    begin_sums: Vec<I>,
    /// Sum of squares of the window.
    squares: Vec<I::Float>,
}

impl<I: SumInteger> Default for RowBuffers<I> {
    fn default() -> Self {
        Self { n: Vec::new(), begin_sums: Vec::new(), squares: Vec::new() }
    }
}

impl<I: SumInteger> Stretch<'_, I> {
    /// Number of values in the window of row `i`.
    #[inline]
    pub fn count(&self, i: usize) -> usize {
        match self.begins {
            Begins::Before(count) => count,
            Begins::At(begins) => self.end + i - begins[i],
        }
    }

    /// Sum and sum of squares of the window of row `i`.
    #[inline]
    pub fn moments(&self, i: usize) -> (i64, i64) {
        let end = self.end + i;
        let begin = end - self.count(i);
        (self.sums[end].wrapping_sub(&self.sums[begin]).into(), self.squares.between(begin, end))
    }

    /// Calls `each` with every row that the rule-out test lets pass, in order. No integer of a window may be larger than
    /// [`SumInteger::largest`].
    pub fn candidates(
        &self,
        test: &RollingTest,
        scale: &Scale,
        buffers: &mut RowBuffers<I>,
        mut each: impl FnMut(usize),
    ) {
        let limits = Limits::new::<I>(test, scale);
        match self.begins {
            Begins::Before(_) if self.integers.is_empty() => {}
            Begins::Before(count) => {
                let (begin, len) = (self.end - count, self.integers.len());
                let rows = self.rows(&self.sums[begin..][..len]);
                let sizes = SameSize::new(limits.bounds(count), self.squares, begin, self.end);
                search(|from| next_passing_of_one_size(rows, sizes, from), each);
            }
            Begins::At(begins) => {
                // The first windows of a series hold too few values.
                let full = |(i, begin): (usize, &usize)| self.end + i - begin >= limits.min_periods;
                let Some(skip) = begins.iter().enumerate().position(full) else { return };
                let (integers, begins) = (&self.integers[skip..], &begins[skip..]);
                let rest = Stretch { integers, end: self.end + skip, begins: Begins::At(begins), ..*self };
                buffers.fill(&rest, begins);
                let rows = rest.rows(&buffers.begin_sums);
                let sizes = AnySizes {
                    n: &buffers.n,
                    squares: &buffers.squares,
                    min_periods: I::truncated(limits.min_periods as i64),
                    threshold: I::float(limits.threshold),
                    ddof: I::float(limits.ddof),
                    floor: I::float(limits.floor),
                    slack: I::float(limits.slack),
                };
                search(|from| next_passing_of_any_size(rows, sizes, from), |i| each(skip + i));
            }
        }
    }

    /// The rows with the prefix sums where their windows begin, which are given, and where they end.
    fn rows<'a>(&'a self, begin_sums: &'a [I]) -> Rows<'a, I> {
        let ends = self.end..self.end + self.integers.len();
        Rows { integers: self.integers, begin_sums, end_sums: &self.sums[ends] }
    }

    /// Calls `each` with every row that may be an outlier, in order, as [`Stretch::candidates`] does, but for exact integers
    /// whose sums need only fit 64 bits.
    pub fn wide_candidates(&self, test: &RollingTest, scale: &Scale, mut each: impl FnMut(usize)) {
        let limits = Limits::new::<i64>(test, scale);
        for (i, integer) in self.integers.iter().enumerate() {
            let count = self.count(i);
            let bounds = limits.bounds::<i64>(count);
            let (sum, square) = self.moments(i);
            let n = count as i128;
            let deviation = (n * i128::from((*integer).into()) - i128::from(sum)) as f64;
            let spread = (n * i128::from(square) - i128::from(sum) * i128::from(sum)) as f64;
            let deviation = deviation * deviation;
            if deviation > bounds.factor * spread && deviation > bounds.floor {
                each(i);
            }
        }
    }
}

impl<I: SumInteger> RowBuffers<I> {
    /// Fills the buffers for the rows of a stretch whose windows begin at `begins`.
    fn fill(&mut self, stretch: &Stretch<'_, I>, begins: &[usize]) {
        let Self { n, begin_sums, squares } = self;
        n.clear();
        begin_sums.clear();
        squares.clear();
        let windows = || begins.iter().zip(stretch.end..);
        n.extend(windows().map(|(begin, end)| I::truncated((end - begin) as i64)));
        begin_sums.extend(begins.iter().map(|begin| stretch.sums[*begin]));
        squares.extend(windows().map(|(begin, end)| {
            let square = stretch.squares.between(*begin, end);
            let (low, near) = I::near(square);
            I::square(I::truncated(square).wrapping_sub(&low), near)
        }));
    }
}

/// Calls `each` with the rows that pass, in order: `next` finds the next group of rows of which any passes, from a row on.
fn search(next: impl Fn(usize) -> Option<(usize, u64)>, mut each: impl FnMut(usize)) {
    let mut from = 0;
    while let Some((start, mut passing)) = next(from) {
        while passing != 0 {
            each(start + passing.trailing_zeros() as usize);
            passing &= passing - 1;
        }
        from = start + GROUP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::with_each_instruction_set;
    use crate::{Decimal, Window};

    /// The rows of noise with a spike that are not ruled out, by windows of one size and of several.
    fn candidates<I: SumInteger>(spike: i64) -> [Vec<usize>; 2] {
        let integer = |i: i64| I::truncated(i * 37 % 101 - 50 + if i == 700 { spike } else { 0 });
        let integers: Vec<I> = (0..1000).map(integer).collect();
        let (mut sums, mut squares) = (vec![I::default(); 1001], vec![I::default(); 1001]);
        I::accumulate(&integers, &mut sums, &mut squares);
        let mut marks = vec![0];
        I::mark(&squares, &mut marks, 0);
        let squares = Squares { low: &squares, marks: &marks };
        let begins: Vec<usize> = (50..1000).map(|i| i - 30 - i % 20).collect();
        [Begins::Before(40), Begins::At(&begins)].map(|begins| {
            let stretch = Stretch { integers: &integers[50..], sums: &sums, squares, end: 50, begins };
            let test = RollingTest::builder().window(Window::Rows(30)).threshold(Decimal::whole(4));
            let mut found = Vec::new();
            let scale = Scale { per_unit: 1.0, error: 0.0 };
            let test = test.build().unwrap();
            stretch.candidates(&test, &scale, &mut RowBuffers::default(), |i| found.push(50 + i));
            found
        })
    }

    #[test]
    fn all_rows_but_the_outlier_are_ruled_out() {
        with_each_instruction_set(|set| {
            for spike in [500, 5000] {
                assert_eq!(candidates::<i32>(spike), [[700], [700]], "{set}");
                assert_eq!(candidates::<i64>(spike), [[700], [700]], "{set}");
            }
            assert_eq!(candidates::<i64>(5_000_000), [[700], [700]], "{set}");
        });
    }
}
