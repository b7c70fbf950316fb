//! The loop that rules rows out: prefix sums in, the rows that may be outliers out.
//!
//! The test of a row is that of [`crate::decide`], computed in floats and made easier to pass by more than their rounding.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use num_traits::Float;

use super::sums::{SPACING, Squares, SumInteger};
use crate::cpu::for_each_instruction_set;

/// Rows whose verdicts are combined before any is looked at: as many as there are bits in a word.
pub(super) const GROUP: usize = 64;

// The sums of squares of a group are told from that of its first row.
const _: () = assert!(GROUP <= SPACING);

/// The rule-out test for a window of `n` values, on `a = |n x - S| + slack` and `v = n Q - S^2`, or a little less: a row
/// passes, and may be an outlier, if `a^2 > factor v` and `a^2 > floor`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<I: SumInteger> {
    /// Number of values.
    pub n: I,
    /// The square of the threshold, times `n / (n - ddof)`; NaN, which no row passes, where a window has no deviation.
    pub factor: I::Float,
    /// The square of n times the threshold times `min_std`.
    pub floor: I::Float,
    /// n times the error that integers may have.
    pub slack: I::Float,
}

/// The sizes of the windows of some rows: the bounds that follow from them, and the sums of the windows' squares.
pub(super) trait WindowSizes<I: SumInteger>: Copy {
    /// The sizes of the rows `from..to`, of which there are at most [`GROUP`].
    fn group(self, from: usize, to: usize) -> Self;
    /// The bounds of row `i`.
    fn bounds(&self, i: usize) -> Bounds<I>;
    /// The sum of squares of row `i` of a group, or a little less.
    fn square(&self, i: usize) -> I::Float;
}

/// Windows of one size.
#[derive(Debug, Clone, Copy)]
pub(super) struct SameSize<'a, I: SumInteger> {
    /// The bounds of every row.
    pub bounds: Bounds<I>,
    /// The prefix sums of squares.
    pub squares: Squares<'a, I>,
    /// The positions in the prefix sums where the window of the first row begins and ends.
    pub at: (usize, usize),
    /// The lowest bits of the prefix sums where each window of a group begins and ends.
    low: (&'a [I], &'a [I]),
    /// The sum of squares of the group's first window, as [`SumInteger::near`] splits it.
    near: (I, I::Float),
}

impl<'a, I: SumInteger> SameSize<'a, I> {
    /// Windows of one size, the first of which begins and ends at these positions in the prefix sums.
    pub fn new(bounds: Bounds<I>, squares: Squares<'a, I>, begin: usize, end: usize) -> Self {
        Self { bounds, squares, at: (begin, end), low: (&[], &[]), near: I::near(0) }
    }
}

impl<I: SumInteger> WindowSizes<I> for SameSize<'_, I> {
    #[inline(always)]
    fn group(self, from: usize, to: usize) -> Self {
        let (begin, end) = (self.at.0 + from, self.at.1 + from);
        let low = (&self.squares.low[begin..][..to - from], &self.squares.low[end..][..to - from]);
        Self { at: (begin, end), low, near: I::near(self.squares.between(begin, end)), ..self }
    }

    #[inline(always)]
    fn bounds(&self, _i: usize) -> Bounds<I> {
        self.bounds
    }

    #[inline(always)]
    fn square(&self, i: usize) -> I::Float {
        let low = self.low.1[i].wrapping_sub(&self.low.0[i]).wrapping_sub(&self.near.0);
        I::square(low, self.near.1)
    }
}

/// Windows of any sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnySizes<'a, I: SumInteger> {
    /// Size of each window.
    pub n: &'a [I],
    /// Sum of squares of each window.
    pub squares: &'a [I::Float],
    /// The smallest size of a window whose row can pass.
    pub min_periods: I,
    /// The factor of [`Bounds`] before it is multiplied with `n / (n - ddof)`.
    pub threshold: I::Float,
    /// Degrees of freedom that are taken off.
    pub ddof: I::Float,
    /// The floor of a window of one value; that of n values is n^2 times as much.
    pub floor: I::Float,
    /// The slack of a window of one value; that of n values is n times as much.
    pub slack: I::Float,
}

impl<I: SumInteger> WindowSizes<I> for AnySizes<'_, I> {
    #[inline(always)]
    fn group(self, from: usize, to: usize) -> Self {
        let squares = &self.squares[from..to];
        Self { n: &self.n[from..to], squares, ..self }
    }

    #[inline(always)]
    fn square(&self, i: usize) -> I::Float {
        self.squares[i]
    }

    #[inline(always)]
    fn bounds(&self, i: usize) -> Bounds<I> {
        let n = self.n[i].to_float();
        let factor = self.threshold * (n / (n - self.ddof));
        // Without a degree of freedom there is no deviation to exceed.
        let can_pass = self.n[i] >= self.min_periods && n > self.ddof;
        let factor = if can_pass { factor } else { I::Float::nan() };
        Bounds { n: self.n[i], factor, floor: n * n * self.floor, slack: n * self.slack }
    }
}

/// Rows that follow each other: their integers, and the prefix sums where their windows begin and end. All three slices
/// have one length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a, I> {
    /// The tested integers.
    pub integers: &'a [I],
    /// The prefix sum at the begin of each row's window.
    pub begin_sums: &'a [I],
    /// The prefix sum at the end of each row's window.
    pub end_sums: &'a [I],
}

impl<'a, I: SumInteger> Rows<'a, I> {
    /// The [`GROUP`] rows from `start` on, fewer at the end.
    #[inline(always)]
    fn group(self, start: usize) -> Rows<'a, I> {
        let rows = start..(start + GROUP).min(self.integers.len());
        Self {
            integers: &self.integers[rows.clone()],
            begin_sums: &self.begin_sums[rows.clone()],
            end_sums: &self.end_sums[rows],
        }
    }
}

for_each_instruction_set!(next_passing_of_one_size<I> = next_passing_plain(rows: Rows<'_, I>, sizes: SameSize<'_, I>, from: usize) -> Option<(usize, u64)>);
for_each_instruction_set!(next_passing_of_any_size<I> = next_passing_plain(rows: Rows<'_, I>, sizes: AnySizes<'_, I>, from: usize) -> Option<(usize, u64)>);

/// Finds the next group of [`GROUP`] rows of which any passes: gives its first row, and a bit for each row of it that
/// passes, the first row's lowest. `from` is where the group before it ends; `None` if no row passes from there on.
///
/// No integer of a window is larger than [`SumInteger::largest`].
#[inline(always)]
fn next_passing_plain<I: SumInteger, S: WindowSizes<I>>(
    rows: Rows<'_, I>,
    sizes: S,
    from: usize,
) -> Option<(usize, u64)> {
    let mut start = from;
    while start < rows.integers.len() {
        let group = rows.group(start);
        let sizes = sizes.group(start, start + group.integers.len());
        // To know whether any row passes takes less than to know which.
        let mut any = false;
        for i in 0..group.integers.len() {
            any |= passes(&group, &sizes, i);
        }
        if any {
            let mut each = [0_u8; GROUP];
            for (i, passed) in (0..group.integers.len()).zip(&mut each) {
                *passed = u8::from(passes(&group, &sizes, i));
            }
            return Some((start, bits_of(each)));
        }
        start += GROUP;
    }
    None
}

/// Packs bytes of 0 or 1 as bits, the first byte's lowest.
#[inline(always)]
fn bits_of(bytes: [u8; GROUP]) -> u64 {
    let (eights, _) = bytes.as_chunks();
    eights.iter().rev().fold(0, |bits, eight| {
        // Each bit of the factor brings one of the bytes to its place in the highest byte.
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits << 8 | gathered
    })
}

/// Whether row `i` of a group passes the test of [`Bounds`].
#[inline(always)]
fn passes<I: SumInteger, S: WindowSizes<I>>(rows: &Rows<'_, I>, sizes: &S, i: usize) -> bool {
    let Bounds { n, factor, floor, slack } = sizes.bounds(i);
    let sum = rows.end_sums[i].wrapping_sub(&rows.begin_sums[i]);
    let square = sizes.square(i);
    let deviation = I::deviation(n, rows.integers[i], sum) + slack;
    let sum = sum.to_float();
    let spread = n.to_float() * I::ROUNDED_DOWN * square - sum * sum;
    let deviation = deviation * deviation;
    deviation > factor * spread && deviation > floor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::with_each_instruction_set;

    fn check_passing<I: SumInteger>(integers: &[I]) {
        let sums = |step: i64, below: i64| -> Vec<I> {
            (0..=integers.len() as i64).map(|i| I::truncated(i * step * i % below)).collect()
        };
        let (sums, low) = (sums(1, 777), sums(1_000_003, 99_991));
        let mut marks = vec![0];
        I::mark(&low, &mut marks, 0);
        let squares = Squares { low: &low, marks: &marks };
        let rows = Rows { integers, begin_sums: &sums[..integers.len()], end_sums: &sums[1..] };
        let square = |i: usize| I::float(squares.between(i, i + 1) as f64);
        let each: Vec<I::Float> = (0..integers.len()).map(square).collect();
        for (factor, ddof, min_periods) in [(0.0, 0.0, 1), (1.0, 1.0, 0), (1e6, 2.0, 7), (f64::NAN, 1.0, 2)] {
            let n: Vec<I> = (0..integers.len()).map(|i| I::truncated(i as i64 % 40)).collect();
            let (factor, floor, slack) = (I::float(factor), I::float(0.25), I::float(0.5));
            let (min_periods, ddof) = (I::truncated(min_periods), I::float(ddof));
            let any_sizes =
                AnySizes { n: &n, squares: &each, min_periods, threshold: factor, ddof, floor, slack };
            let bounds = Bounds { n: I::truncated(30), factor, floor: I::float(0.0), slack };
            let same_size = SameSize::new(bounds, squares, 0, 1);
            let mut start = 0;
            while start < integers.len() {
                let found = next_passing_of_one_size(rows, same_size, start);
                assert_eq!(found, next_passing_plain(rows, same_size, start));
                let of_any_size = next_passing_of_any_size(rows, any_sizes, start);
                assert_eq!(of_any_size, next_passing_plain(rows, any_sizes, start));

                let (at, bits) = found.unwrap_or((integers.len(), 0));
                let passing = (start..integers.len())
                    .step_by(GROUP)
                    .take_while(|first| *first <= at)
                    .flat_map(|first| {
                        let (group, end) = (rows.group(first), (first + GROUP).min(integers.len()));
                        let sizes = same_size.group(first, end);
                        (0..end - first).filter(move |i| passes(&group, &sizes, *i)).map(move |i| first + i)
                    });
                let expected = (0..GROUP).filter(|i| bits >> i & 1 == 1).map(|i| at + i);
                assert!(expected.eq(passing));
                start = at + GROUP;
            }
        }
    }

    #[test]
    fn bytes_are_bits_in_their_order() {
        for word in [0, 1, 1 << 63, u64::MAX, 0x8000_0001_4242_0f35] {
            assert_eq!(bits_of(std::array::from_fn(|i| (word >> i & 1) as u8)), word);
        }
    }

    #[test]
    fn every_instruction_set_lets_the_same_rows_pass() {
        with_each_instruction_set(|_| check_all_lengths());
    }

    fn check_all_lengths() {
        for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
            let integers = (0..len).map(|i: i64| i * 370 % 2110 - 57 + if i == 5 { 3000 } else { 0 });
            check_passing(&integers.clone().collect::<Vec<i64>>());
            check_passing(&integers.map(i32::truncated).collect::<Vec<i32>>());
        }
    }
}
