//! A window that moves over doubles of any size, its sums kept in integers: exact at any place, whatever has left it.
//!
//! A double is an integer times a power of two. Sums of those integers are kept for each power, so that a value is taken
//! in or let go in a few operations, and nothing is ever rounded (a "small superaccumulator", Neal 2015, with one more
//! for the squares).

use num_bigint::BigInt;
use num_traits::Zero;

use crate::decide::double_double::Pair;
use crate::decide::{Integer, Unit, Window, integer_of};

/// Powers of two apart that pairs of doubles still hold together; farther ones are left to the integers.
const NEAR: usize = 200;

/// Sums of the integers of one power of two.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    /// Number of values, other than 0.
    n: usize,
    sum: i128,
    /// Sum of the squares, modulo 2^128, and how often that was passed.
    squares: u128,
    carries: i64,
}

/// The lowest exponent of a double's last bit.
const LOWEST: i32 = -1074;

/// The window `start..end` of a slice.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    start: usize,
    end: usize,
    /// At the exponent, counted from [`LOWEST`].
    bins: Vec<Bin>,
    /// The bins that may hold a value.
    used: std::ops::Range<usize>,
    /// Sums of integers that are not below 2^53 times a power of two.
    large: BigInt,
    large_squares: BigInt,
    /// Decimals of the grid that all values are on, or none for their binary fractions.
    grid: Option<u32>,
}

impl Moving {
    /// An empty window at the begin of a series.
    pub fn restart(&mut self, grid: Option<u32>) {
        self.empty(0);
        self.grid = grid;
    }

    fn empty(&mut self, at: usize) {
        self.bins.resize(2048, Bin::default());
        self.bins[self.used.clone()].fill(Bin::default());
        self.used = 0..0;
        self.large.set_zero();
        self.large_squares.set_zero();
        (self.start, self.end) = (at, at);
    }

    /// Moves both ends forward, or starts anew where that is less.
    pub fn advance(&mut self, values: &[f64], start: usize, end: usize) {
        let moved = start.saturating_sub(self.start) + end.saturating_sub(self.end);
        if start < self.start || end < self.end || moved > end - start {
            self.empty(start);
        }
        for value in &values[self.end..end] {
            self.take::<true>(*value);
        }
        for value in &values[self.start..start] {
            self.take::<false>(*value);
        }
        (self.start, self.end) = (start, end);
    }

    /// Takes a value in, or lets it go.
    fn take<const IN: bool>(&mut self, value: f64) {
        match integer_of(value, self.grid) {
            Integer::Binary(0, _) => {}
            Integer::Binary(mantissa, exponent) => {
                let at = (exponent - LOWEST) as usize;
                if self.used.is_empty() {
                    self.used = at..at + 1;
                } else {
                    self.used = self.used.start.min(at)..self.used.end.max(at + 1);
                }
                let bin = &mut self.bins[at];
                let square = u128::from(mantissa.unsigned_abs()).pow(2);
                if IN {
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
            Integer::Large(integer) if IN => {
                self.large_squares += &integer * &integer;
                self.large += integer;
            }
            Integer::Large(integer) => {
                self.large_squares -= &integer * &integer;
                self.large -= integer;
            }
        }
    }

    /// The bins that hold values, the lowest first, with their places.
    fn held(&self) -> impl DoubleEndedIterator<Item = (usize, &Bin)> {
        let held = self.used.clone().zip(&self.bins[self.used.clone()]);
        held.filter(|(_, bin)| bin.n > 0)
    }

    /// The window's moments and a value `x`, as integers.
    pub fn window(&self, x: f64) -> (Window<BigInt>, Unit) {
        let x = integer_of(x, self.grid);
        let exponents = self.held().map(|(at, _)| at as i32 + LOWEST).take(1);
        let of_x = match x {
            Integer::Binary(0, _) | Integer::Large(_) => None,
            Integer::Binary(_, exponent) => Some(exponent),
        };
        let lowest = exponents.chain(of_x).min().unwrap_or(0);
        // On a decimal grid all exponents are 0.
        let unit = self.grid.map_or(Unit::Binary(lowest), Unit::Decimal);
        let mut window = Window {
            n: self.end - self.start,
            sum: self.large.clone(),
            squares: self.large_squares.clone(),
            x: match x {
                Integer::Binary(0, _) => BigInt::zero(),
                Integer::Binary(mantissa, exponent) => BigInt::from(mantissa) << (exponent - lowest),
                Integer::Large(integer) => integer,
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

    /// Sum, in units of a power of two, and sum of squares, and the exponent of that power; none where pairs do not
    /// hold them.
    fn sums(&self) -> Option<(Pair, Pair, i32)> {
        let highest = self.held().next_back().map(|(at, _)| at)?;
        let lowest = self.held().next().map(|(at, _)| at)?;
        if self.grid.is_some() || highest - lowest > NEAR || !self.large_squares.is_zero() {
            return None;
        }
        let (mut sum, mut squares) = (Pair::ZERO, Pair::ZERO);
        for (at, bin) in self.held() {
            if bin.carries != 0 || bin.squares > i128::MAX as u128 {
                return None;
            }
            let power = 2_f64.powi(at as i32 - highest as i32);
            sum = sum.plus(Pair::of(bin.sum).scaled(power));
            squares = squares.plus(Pair::of(bin.squares as i128).scaled(power * power));
        }
        Some((sum, squares, highest as i32 + LOWEST))
    }

    /// The mean of the window's values, correctly rounded.
    pub fn mean(&self) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        self.quick_mean().unwrap_or_else(|| {
            let (window, unit) = self.window(0.0);
            window.mean(unit)
        })
    }

    fn quick_mean(&self) -> Option<f64> {
        let (sum, squares, exponent) = self.sums()?;
        // What the sums of the bins lost, relative to what they left: a sum is at most the root of n times the squares.
        let n = (self.end - self.start) as f64;
        let lost = (squares.magnitude() * n).sqrt() / sum.magnitude() * LOST;
        let mean = sum.over(Pair::of((self.end - self.start) as i128)).nearest(lost)?;
        scaled(mean, exponent)
    }

    /// The standard deviation of the window's values for a divisor of `n - ddof`, correctly rounded.
    pub fn std(&self, ddof: usize) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        self.quick_std(ddof).unwrap_or_else(|| {
            let (window, unit) = self.window(0.0);
            window.std(unit, ddof)
        })
    }

    fn quick_std(&self, ddof: usize) -> Option<f64> {
        let (sum, squares, exponent) = self.sums()?;
        let n = (self.end - self.start) as i128;
        let total = squares.times(Pair::of(n));
        let spread = total.plus(sum.times(sum).negated());
        let lost = total.magnitude() / spread.magnitude() * LOST;
        if !spread.is_positive() || lost > 0.5 {
            return None;
        }
        let divisor = Pair::of(n).times(Pair::of(n - ddof as i128));
        scaled(spread.over(divisor).root().nearest(lost)?, exponent)
    }
}

/// Relative error of a sum over the bins, of which there are at most [`NEAR`], and of a few operations more.
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
            let mut moving = Moving::default();
            moving.restart(grid);
            for (start, end) in
                [(0, 0), (0, 10), (3, 80), (79, 81), (200, 290), (205, 300), (10, 20), (300, 300)]
            {
                moving.advance(&values, start, end);
                let mut fresh = Moving::default();
                fresh.restart(grid);
                for value in &values[start..end] {
                    fresh.take::<true>(*value);
                }
                fresh.end = end - start;
                for x in [0.0, 1e-310, -3.0, 1e300] {
                    let ((window, unit), expected) = (moving.window(x), fresh.window(x));
                    assert_eq!((window.n, unit), (expected.0.n, expected.1));
                    assert_eq!((window.sum, window.squares), (expected.0.sum, expected.0.squares));
                    assert_eq!(window.x, expected.0.x);
                }
            }
        }
    }

    #[test]
    fn the_quick_statistics_are_the_exact_ones() {
        let mut quick = 0;
        for scale in [1.0, 1e-6, 1e150, 1e-150] {
            let values: Vec<f64> = (0..400_i32)
                .map(|i| (f64::from(i * 7919 % 1013) / 7.0 + if i > 300 { 1e6 } else { 0.0 }) * scale)
                .collect();
            let mut moving = Moving::default();
            moving.restart(None);
            for end in 40..400 {
                moving.advance(&values, end - 40, end);
                let (window, unit) = moving.window(0.0);
                for (found, expected) in [
                    (moving.quick_mean(), window.mean(unit)),
                    (moving.quick_std(0), window.std(unit, 0)),
                    (moving.quick_std(7), window.std(unit, 7)),
                ] {
                    quick += usize::from(found.is_some());
                    assert_eq!(found.unwrap_or(expected), expected);
                }
            }
        }
        assert!(quick > 4000, "{quick}");
    }
}
