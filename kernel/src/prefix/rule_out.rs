//! The loop that rules rows out, in independent lanes: prefix sums in, the rows that may be outliers out.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use num_traits::Float;

use crate::cpu::in_lanes;
use crate::prefix::sums::{Lane, SPACING, Squares};

/// Rows whose verdicts are combined before the first look at one of them, as many as there are bits in a word.
pub(crate) const LANES: usize = 64;

// Sums of squares are told from those of the first of the rows.
const _: () = assert!(LANES <= SPACING);

/// The cheap test for a window of `n` values, on `a = |n x - S| + slack` and `v = n Q - S^2`, or a little less:
/// a row passes if `a^2 > factor v` and `a^2 > floor`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<L: Lane> {
    pub n: L,
    pub factor: L::Real,
    pub floor: L::Real,
    pub slack: L::Real,
}

/// The bounds of each row of some windows, and the sums of their squares.
pub(crate) trait Counts<L: Lane>: Copy {
    /// Those of the rows `from..to`, of which there are at most [`LANES`].
    fn slice(self, from: usize, to: usize) -> Self;
    /// The bounds of row `i`.
    fn bounds(&self, i: usize) -> Bounds<L>;
    /// The sum of squares of row `i`, or a little less, of rows that were sliced.
    fn square(&self, i: usize) -> L::Real;
}

/// Windows of one size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uniform<'a, L: Lane> {
    pub bounds: Bounds<L>,
    pub squares: Squares<'a, L>,
    /// Where the first window begins and ends.
    pub at: (usize, usize),
    /// The lowest bits where each window begins and ends, once sliced.
    low: (&'a [L], &'a [L]),
    /// The first of the sums.
    near: (L, L::Real),
}

impl<'a, L: Lane> Uniform<'a, L> {
    pub fn new(bounds: Bounds<L>, squares: Squares<'a, L>, begin: usize, end: usize) -> Self {
        Self { bounds, squares, at: (begin, end), low: (&[], &[]), near: L::near(0) }
    }
}

impl<L: Lane> Counts<L> for Uniform<'_, L> {
    #[inline(always)]
    fn slice(self, from: usize, to: usize) -> Self {
        let (begin, end) = (self.at.0 + from, self.at.1 + from);
        let low = (&self.squares.low[begin..][..to - from], &self.squares.low[end..][..to - from]);
        Self { at: (begin, end), low, near: L::near(self.squares.between(begin, end)), ..self }
    }

    #[inline(always)]
    fn bounds(&self, _i: usize) -> Bounds<L> {
        self.bounds
    }

    #[inline(always)]
    fn square(&self, i: usize) -> L::Real {
        let low = self.low.1[i].wrapping_sub(&self.low.0[i]).wrapping_sub(&self.near.0);
        L::square(low, self.near.1)
    }
}

/// Windows of any sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Varying<'a, L: Lane> {
    /// Size of each window.
    pub n: &'a [L],
    /// The sum of squares of each.
    pub squares: &'a [L::Real],
    /// The smallest size of one whose row can pass.
    pub least: L,
    /// The factor of a window without end, of which that of n values is `n / (n - freedom)` times.
    pub threshold: L::Real,
    /// Degrees of freedom that are taken off.
    pub freedom: L::Real,
    /// The floor of a window of one value, of which the floor of n is n^2 times.
    pub floor: L::Real,
    /// The slack of a window of one value, of which the slack of n is n times.
    pub slack: L::Real,
}

impl<L: Lane> Counts<L> for Varying<'_, L> {
    #[inline(always)]
    fn slice(self, from: usize, to: usize) -> Self {
        let squares = &self.squares[from..to];
        Self { n: &self.n[from..to], squares, ..self }
    }

    #[inline(always)]
    fn square(&self, i: usize) -> L::Real {
        self.squares[i]
    }

    #[inline(always)]
    fn bounds(&self, i: usize) -> Bounds<L> {
        let n = self.n[i].to_real();
        let factor = self.threshold * (n / (n - self.freedom));
        // Without a degree of freedom there is no deviation to exceed.
        let can_pass = self.n[i] >= self.least && n > self.freedom;
        let factor = if can_pass { factor } else { L::Real::nan() };
        Bounds { n: self.n[i], factor, floor: n * n * self.floor, slack: n * self.slack }
    }
}

/// Tested integers, and the prefix sums at the begin and end of each one's window. All of one length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows<'a, L> {
    pub units: &'a [L],
    pub sums: (&'a [L], &'a [L]),
}

impl<'a, L: Lane> Windows<'a, L> {
    #[inline(always)]
    fn slice(self, from: usize, to: usize) -> Windows<'a, L> {
        Self { units: &self.units[from..to], sums: (&self.sums.0[from..to], &self.sums.1[from..to]) }
    }

    /// Those of the [`LANES`] rows from `start` on, fewer at the end.
    #[inline(always)]
    fn lanes(self, start: usize) -> Windows<'a, L> {
        self.slice(start, (start + LANES).min(self.units.len()))
    }
}

in_lanes!(next_passing_of_one_size<L> = next_passing_plain(windows: Windows<'_, L>, counts: Uniform<'_, L>, from: usize) -> Option<(usize, u64)>);
in_lanes!(next_passing_of_any_size<L> = next_passing_plain(windows: Windows<'_, L>, counts: Varying<'_, L>, from: usize) -> Option<(usize, u64)>);

/// The next [`LANES`] rows of which any passes: the first of them, and a bit for each that passes. `from` is where others
/// end.
///
/// No integer of a window is larger than [`Lane::largest`].
#[inline(always)]
fn next_passing_plain<L: Lane, C: Counts<L>>(
    windows: Windows<'_, L>,
    counts: C,
    from: usize,
) -> Option<(usize, u64)> {
    let mut start = from;
    while start < windows.units.len() {
        let lanes = windows.lanes(start);
        let counts = counts.slice(start, start + lanes.units.len());
        // To know whether any does takes less than to know which.
        let mut any = false;
        for i in 0..lanes.units.len() {
            any |= passes(&lanes, &counts, i);
        }
        if any {
            let mut each = [0_u8; LANES];
            for (i, passed) in (0..lanes.units.len()).zip(&mut each) {
                *passed = u8::from(passes(&lanes, &counts, i));
            }
            return Some((start, bits_of(each)));
        }
        start += LANES;
    }
    None
}

/// A bit for each byte of 0 or 1, the first in the lowest.
#[inline(always)]
fn bits_of(bytes: [u8; LANES]) -> u64 {
    let (eights, _) = bytes.as_chunks();
    eights.iter().rev().fold(0, |bits, eight| {
        // Each factor's bit brings one of the bytes to its place in the highest one.
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits << 8 | gathered
    })
}

/// Whether row `i` passes.
#[inline(always)]
fn passes<L: Lane, C: Counts<L>>(windows: &Windows<'_, L>, counts: &C, i: usize) -> bool {
    let Bounds { n, factor, floor, slack } = counts.bounds(i);
    let sum = windows.sums.1[i].wrapping_sub(&windows.sums.0[i]);
    let square = counts.square(i);
    let deviation = L::deviation(n, windows.units[i], sum) + slack;
    let sum = sum.to_real();
    let spread = n.to_real() * L::LESS * square - sum * sum;
    let deviation = deviation * deviation;
    deviation > factor * spread && deviation > floor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_passing<L: Lane>(units: &[L]) {
        let sums = |step: i64, below: i64| -> Vec<L> {
            (0..=units.len() as i64).map(|i| L::of(i * step * i % below)).collect()
        };
        let (sums, low) = (sums(1, 777), sums(1_000_003, 99_991));
        let mut marks = vec![0];
        L::mark(&low, &mut marks, 0);
        let squares = Squares { low: &low, marks: &marks };
        let windows = Windows { units, sums: (&sums[..units.len()], &sums[1..]) };
        let square = |i: usize| L::real(squares.between(i, i + 1) as f64);
        let each: Vec<L::Real> = (0..units.len()).map(square).collect();
        for (factor, freedom, least) in [(0.0, 0.0, 1), (1.0, 1.0, 0), (1e6, 2.0, 7), (f64::NAN, 1.0, 2)] {
            let n: Vec<L> = (0..units.len()).map(|i| L::of(i as i64 % 40)).collect();
            let (factor, floor, slack) = (L::real(factor), L::real(0.25), L::real(0.5));
            let (least, freedom) = (L::of(least), L::real(freedom));
            let varying = Varying { n: &n, squares: &each, least, threshold: factor, freedom, floor, slack };
            let bounds = Bounds { n: L::of(30), factor, floor: L::real(0.0), slack };
            let uniform = Uniform::new(bounds, squares, 0, 1);
            let mut start = 0;
            while start < units.len() {
                let found = next_passing_of_one_size(windows, uniform, start);
                assert_eq!(found, next_passing_plain(windows, uniform, start));
                let of_any_size = next_passing_of_any_size(windows, varying, start);
                assert_eq!(of_any_size, next_passing_plain(windows, varying, start));

                let (at, bits) = found.unwrap_or((units.len(), 0));
                let passing =
                    (start..units.len()).step_by(LANES).take_while(|first| *first <= at).flat_map(|first| {
                        let (lanes, end) = (windows.lanes(first), (first + LANES).min(units.len()));
                        let counts = uniform.slice(first, end);
                        (0..end - first).filter(move |i| passes(&lanes, &counts, *i)).map(move |i| first + i)
                    });
                let expected = (0..LANES).filter(|i| bits >> i & 1 == 1).map(|i| at + i);
                assert!(expected.eq(passing));
                start = at + LANES;
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
        for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
            let integers = (0..len).map(|i: i64| i * 370 % 2110 - 57 + if i == 5 { 3000 } else { 0 });
            check_passing(&integers.clone().collect::<Vec<i64>>());
            check_passing(&integers.map(i32::of).collect::<Vec<i32>>());
        }
    }
}
