//! The exact sums of a window that moves over doubles of any size, and the statistics that follow from them.
//!
//! A double is an integer times a power of two. The sums of those integers are kept for each power of two, so that a value
//! is added or taken off in a few operations and nothing is ever rounded (a "small superaccumulator", Neal 2015, with one
//! more for the squares). A value has no effect on the sums of a window that it is no part of.

use std::ops::Range;

use num_bigint::BigInt;
use num_traits::Zero;

use crate::decide::double_double::DoubleDouble;
use crate::decide::{ExactValue, TestedWindow, Unit, exact_value};

/// How many powers of two may lie between the smallest and the largest bin for pairs of doubles to hold their sum; sums of
/// bins farther apart are left to integers of any size.
const NEAR: usize = 200;

/// The sums of the integers of one power of two.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    /// Number of values, zeros left out.
    n: usize,
    /// Sum of the integers.
    sum: i128,
    /// Sum of their squares, modulo 2^128.
    squares: u128,
    /// How often the sum of the squares has passed 2^128.
    carries: i64,
}

/// The exponent of the last bit of the smallest double.
const LOWEST: i32 = -1074;

/// The exact sums of the values `start..end` of a slice.
#[derive(Debug, Default)]
pub(crate) struct ExactSums {
    start: usize,
    end: usize,
    /// A bin for each exponent, the first for [`LOWEST`].
    bins: Vec<Bin>,
    /// The bins that may hold a value.
    used: Range<usize>,
    /// Sum of the values that are no integer below 2^53 times a power of two; these are on a decimal grid.
    large: BigInt,
    /// Sum of their squares.
    large_squares: BigInt,
    /// Number of decimals of the grid that all values are on; `None` if they are taken as the binary fractions they are.
    grid: Option<u32>,
}

impl ExactSums {
    /// Starts with an empty window at the first value of a series. `grid` is the number of decimals of the grid that all
    /// values are on, if there is one.
    pub fn restart(&mut self, grid: Option<u32>) {
        self.empty(0);
        self.grid = grid;
    }

    /// Makes the window an empty one at a position.
    fn empty(&mut self, at: usize) {
        self.bins.resize(2048, Bin::default());
        self.bins[self.used.clone()].fill(Bin::default());
        self.used = 0..0;
        self.large.set_zero();
        self.large_squares.set_zero();
        (self.start, self.end) = (at, at);
    }

    /// Makes `start..end` the window: moves both ends forward, or adds up the window anew where that takes less.
    pub fn advance(&mut self, values: &[f64], start: usize, end: usize) {
        let moved = start.saturating_sub(self.start) + end.saturating_sub(self.end);
        if start < self.start || end < self.end || moved > end - start {
            self.empty(start);
        }
        for value in &values[self.end..end] {
            self.change::<true>(*value);
        }
        for value in &values[self.start..start] {
            self.change::<false>(*value);
        }
        (self.start, self.end) = (start, end);
    }

    /// Adds a value to the sums, or takes it off.
    fn change<const ADD: bool>(&mut self, value: f64) {
        match exact_value(value, self.grid) {
            ExactValue::Scaled(0, _) => {}
            ExactValue::Scaled(mantissa, exponent) => {
                let at = (exponent - LOWEST) as usize;
                if self.used.is_empty() {
                    self.used = at..at + 1;
                } else {
                    self.used = self.used.start.min(at)..self.used.end.max(at + 1);
                }
                let bin = &mut self.bins[at];
                let square = u128::from(mantissa.unsigned_abs()).pow(2);
                if ADD {
                    bin.n += 1;
                    bin.sum += i128::from(mantissa);
                    let (squares, carry) = bin.squares.overflowing_add(square);
                    bin.squares = squares;
                    bin.carries += i64::from(carry);
                } else {
                    bin.n -= 1;
                    bin.sum -= i128::from(mantissa);
                    let (squares, borrow) = bin.squares.overflowing_sub(square);
                    bin.squares = squares;
                    bin.carries -= i64::from(borrow);
                }
            }
            ExactValue::Large(integer) if ADD => {
                self.large_squares += &integer * &integer;
                self.large += integer;
            }
            ExactValue::Large(integer) => {
                self.large_squares -= &integer * &integer;
                self.large -= integer;
            }
        }
    }

    /// The bins that hold values, with their positions, the smallest power of two first.
    fn held(&self) -> impl DoubleEndedIterator<Item = (usize, &Bin)> {
        let held = self.used.clone().zip(&self.bins[self.used.clone()]);
        held.filter(|(_, bin)| bin.n > 0)
    }

    /// The window's sums and a value `x`, as integers of one unit, and that unit.
    pub fn window(&self, x: f64) -> (TestedWindow<BigInt>, Unit) {
        let x = exact_value(x, self.grid);
        let lowest_held = self.held().next().map(|(at, _)| at as i32 + LOWEST);
        let of_x = match x {
            ExactValue::Scaled(0, _) | ExactValue::Large(_) => None,
            ExactValue::Scaled(_, exponent) => Some(exponent),
        };
        // Zeros are multiples of any unit.
        let lowest = lowest_held.into_iter().chain(of_x).min().unwrap_or(0);
        // On a decimal grid all exponents are 0.
        let unit = self.grid.map_or(Unit::TwoTo(lowest), Unit::TenToMinus);
        let mut window = TestedWindow {
            n: self.end - self.start,
            sum: self.large.clone(),
            squares: self.large_squares.clone(),
            x: match x {
                ExactValue::Scaled(0, _) => BigInt::zero(),
                ExactValue::Scaled(mantissa, exponent) => BigInt::from(mantissa) << (exponent - lowest),
                ExactValue::Large(integer) => integer,
            },
            origin: BigInt::zero(),
        };
        for (at, bin) in self.held() {
            let shift = (at as i32 + LOWEST - lowest) as usize;
            window.sum += BigInt::from(bin.sum) << shift;
            let squares = (BigInt::from(bin.carries) << 128_u32) + bin.squares;
            window.squares += squares << (2 * shift);
        }
        (window, unit)
    }

    /// Whether all values are 0.
    fn is_zero(&self) -> bool {
        self.held().next().is_none() && self.large_squares.is_zero()
    }

    /// The sum in units of a power of two, the sum of squares in units of its square, and the exponent of that power;
    /// `None` where pairs of doubles do not hold the sums.
    fn in_pairs(&self) -> Option<(DoubleDouble, DoubleDouble, i32)> {
        let highest = self.held().next_back().map(|(at, _)| at)?;
        let lowest = self.held().next().map(|(at, _)| at)?;
        if self.grid.is_some() || highest - lowest > NEAR || !self.large_squares.is_zero() {
            return None;
        }
        let (mut sum, mut squares) = (DoubleDouble::ZERO, DoubleDouble::ZERO);
        for (at, bin) in self.held() {
            if bin.carries != 0 || bin.squares > i128::MAX as u128 {
                return None;
            }
            let power = 2_f64.powi(at as i32 - highest as i32);
            sum = sum.plus(DoubleDouble::of(bin.sum).scaled(power));
            squares = squares.plus(DoubleDouble::of(bin.squares as i128).scaled(power * power));
        }
        Some((sum, squares, highest as i32 + LOWEST))
    }

    /// The double nearest the mean of the window's values, of which there must be one.
    pub fn mean(&self) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        self.mean_in_pairs().unwrap_or_else(|| {
            let (window, unit) = self.window(0.0);
            window.mean(unit)
        })
    }

    /// The mean; `None` where pairs of doubles do not tell which double is nearest.
    fn mean_in_pairs(&self) -> Option<f64> {
        let (sum, squares, exponent) = self.in_pairs()?;
        // What the sums of the bins lost, relative to what they left: a sum is at most the root of n times the squares.
        let n = (self.end - self.start) as f64;
        let lost = (squares.magnitude() * n).sqrt() / sum.magnitude() * LOST;
        let mean = sum.over(DoubleDouble::of((self.end - self.start) as i128)).nearest(lost)?;
        scaled(mean, exponent)
    }

    /// The double nearest the standard deviation of the window's values, for a divisor of `n - ddof`. The window must hold
    /// more than `ddof` values.
    pub fn std(&self, ddof: usize) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        self.std_in_pairs(ddof).unwrap_or_else(|| {
            let (window, unit) = self.window(0.0);
            window.std(unit, ddof)
        })
    }

    /// The standard deviation; `None` where pairs of doubles do not tell which double is nearest.
    fn std_in_pairs(&self, ddof: usize) -> Option<f64> {
        let (sum, squares, exponent) = self.in_pairs()?;
        let n = (self.end - self.start) as i128;
        let total = squares.times(DoubleDouble::of(n));
        let spread = total.plus(sum.times(sum).negated());
        let lost = total.magnitude() / spread.magnitude() * LOST;
        if !spread.is_positive() || lost > 0.5 {
            return None;
        }
        let divisor = DoubleDouble::of(n).times(DoubleDouble::of(n - ddof as i128));
        scaled(spread.over(divisor).root().nearest(lost)?, exponent)
    }
}

/// Bound of the relative error of a sum over the bins, of which there are at most [`NEAR`] and one, and of a few operations
/// more.
const LOST: f64 = 1.0 / (1_u128 << 90) as f64;

/// `x` times `2^exponent`, unless that is beyond or near the ends of the doubles.
fn scaled(x: f64, exponent: i32) -> Option<f64> {
    if exponent.abs() > 900 || !(1e-20..1e20).contains(&x.abs()) {
        return None;
    }
    Some(x * 2_f64.powi(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_is_in_it_wherever_it_has_been() {
        let values: Vec<f64> = (0..300)
            .map(|i: i32| match i % 23 {
                0 => 1e300,
                1 => -1e-300,
                2 => 0.0,
                3 => 5e-324,
                _ => f64::from(i * 7919 % 101) / 7.0 - 5.0,
            })
            .collect();
        for grid in [None, Some(0)] {
            let values: Vec<f64> =
                values.iter().map(|v| if grid.is_some() { v.round() } else { *v }).collect();
            let mut sums = ExactSums::default();
            sums.restart(grid);
            for (start, end) in
                [(0, 0), (0, 10), (3, 80), (79, 81), (200, 290), (205, 300), (10, 20), (300, 300)]
            {
                sums.advance(&values, start, end);
                let mut fresh = ExactSums::default();
                fresh.restart(grid);
                for value in &values[start..end] {
                    fresh.change::<true>(*value);
                }
                fresh.end = end - start;
                for x in [0.0, 1e-310, -3.0, 1e300] {
                    let ((window, unit), expected) = (sums.window(x), fresh.window(x));
                    assert_eq!((window.n, unit), (expected.0.n, expected.1));
                    assert_eq!((window.sum, window.squares), (expected.0.sum, expected.0.squares));
                    assert_eq!(window.x, expected.0.x);
                }
            }
        }
    }

    #[test]
    fn statistics_in_pairs_are_the_exact_ones() {
        let mut in_pairs = 0;
        for scale in [1.0, 1e-6, 1e150, 1e-150] {
            let values: Vec<f64> = (0..400_i32)
                .map(|i| (f64::from(i * 7919 % 1013) / 7.0 + if i > 300 { 1e6 } else { 0.0 }) * scale)
                .collect();
            let mut sums = ExactSums::default();
            sums.restart(None);
            for end in 40..400 {
                sums.advance(&values, end - 40, end);
                let (window, unit) = sums.window(0.0);
                for (found, expected) in [
                    (sums.mean_in_pairs(), window.mean(unit)),
                    (sums.std_in_pairs(0), window.std(unit, 0)),
                    (sums.std_in_pairs(7), window.std(unit, 7)),
                ] {
                    in_pairs += usize::from(found.is_some());
                    assert_eq!(found.unwrap_or(expected), expected);
                }
            }
        }
        assert!(in_pairs > 4000, "{in_pairs}");
    }
}
