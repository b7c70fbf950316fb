//! The pass for series on a decimal grid: integers, their prefix sums, and a test in independent lanes.
//!
//! Values are taken as integers about the first observed one. A window's sum and sum of squares are differences of
//! prefix sums, which wrap modulo 2^64 without harm as long as the window's own sums fit. While they stay below 2^53
//! the test is carried out on doubles that hold the integers exactly; beyond, in 128 bits. Either rules a row out only
//! with a margin wider than its rounding, and hands the others to [`Window::decide`].

use super::decimal::{GRID_FACTORS, MAX_GRID_DECIMALS, grid_decimals};
use super::exact::{Unit, Window};
use super::lanes::{Bounds, Grid, LANES, ROUNDER, Windows, first_passing, to_units};
use super::{Outlier, Reach, RollingTest, Series};

/// Rows that are worked on at a time: their integers and prefix sums stay in the first-level cache.
const BLOCK: usize = 1024;

/// Relative width by which the doubles' test is made easier to pass than the exact one: thousands
/// of times its rounding error.
const MARGIN: f64 = 1e-12;

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All rows are decided.
    Done,
    /// A value is not on the grid.
    OffGrid,
    /// Values lie so far apart that a window's sums do not fit.
    TooWide,
}

#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Integers of the block's filled values.
    units: Vec<i64>,
    /// Row of each of them.
    rows: Vec<usize>,
    /// Prefix sums of the integers, from the oldest that a window still needs.
    sums: Vec<i64>,
    /// Prefix sums of their squares.
    squares: Vec<i64>,
}

/// The coarsest grid that the first observed values are on.
pub(super) fn likely_decimals(series: &Series<'_>) -> Option<u32> {
    let mut decimals = 0;
    for row in series.observed().take(LANES) {
        decimals = grid_decimals(series.values[row])?.max(decimals);
    }
    Some(decimals.min(MAX_GRID_DECIMALS))
}

/// Tests the series on the grid of `decimals` decimals.
pub(super) fn pass(
    series: &Series<'_>,
    first: usize,
    decimals: u32,
    test: &RollingTest,
    buffers: &mut Buffers,
    found: &mut Vec<Outlier>,
) -> Ended {
    let origin = (series.values[first] * GRID_FACTORS[decimals as usize]).round_ties_even();
    if origin.abs() >= 2_f64.powi(50) {
        return Ended::TooWide;
    }
    let mut pass = Pass::new(series, first, decimals, origin, test, buffers);
    let mut start = first;
    while start < series.values.len() {
        let end = (start + pass.block).min(series.values.len());
        if let Err(ended) = pass.load(start, end) {
            return ended;
        }
        pass.accumulate();
        pass.test_block(found);
        pass.retire();
        start = end;
    }
    Ended::Done
}

/// The state of a pass, block by block.
struct Pass<'a> {
    series: &'a Series<'a>,
    test: &'a RollingTest,
    reach: Reach<'a>,
    buffers: &'a mut Buffers,
    decimals: u32,
    grid: Grid,
    block: usize,
    /// Last observed row and its integer.
    last: (usize, i64),
    /// Filled values before this block.
    done: usize,
    /// How many of them the prefix sums still reach back.
    history: usize,
    /// Filled values in this block.
    filled: usize,
    /// Filled values up to which a window may hold an integer beyond `narrow`.
    wide_until: usize,
    /// Whether `buffers.rows` holds the block's rows; otherwise they follow each other.
    sparse: bool,
    /// Row of this block's first filled value, unless `sparse`.
    first_row: usize,
}

impl<'a> Pass<'a> {
    fn new(
        series: &'a Series<'a>,
        first: usize,
        decimals: u32,
        origin: f64,
        test: &'a RollingTest,
        buffers: &'a mut Buffers,
    ) -> Self {
        let n = test.window();
        let block = BLOCK.max(n);
        for buffer in [&mut buffers.sums, &mut buffers.squares] {
            buffer.resize((n + block + 1).max(buffer.len()), 0);
            buffer[0] = 0;
        }
        buffers.units.resize(block.max(buffers.units.len()), 0);
        buffers.rows.resize(block.max(buffers.rows.len()), 0);
        Self {
            series,
            test,
            reach: Reach::of(test, series),
            buffers,
            decimals,
            grid: Grid {
                factor: GRID_FACTORS[decimals as usize],
                origin,
                // n^2 times the square of it stays below 2^50, n times below 2^62: sums of n such, n of those, and
                // the deviation n x - S of twice the size have room.
                narrow: 2_f64.powi(25) / n as f64,
                wide: (2_f64.powi(62) / n as f64).sqrt().min(2_f64.powi(31)).floor(),
            },
            block,
            last: (first, 0),
            done: 0,
            history: 0,
            filled: 0,
            wide_until: 0,
            sparse: false,
            first_row: first,
        }
    }

    /// Takes the rows `start..end` as integers and fills what is missing.
    fn load(&mut self, start: usize, end: usize) -> Result<(), Ended> {
        let values = &self.series.values[start..end];
        let units = &mut self.buffers.units[..values.len()];
        let seen = to_units(values, &self.grid, units);
        let complete = match self.series.validity {
            None => true,
            Some(v) => v.slice(start, values.len()).count_valid() == values.len(),
        };
        self.sparse = false;
        self.first_row = start;
        self.filled = values.len();
        let unlimited = matches!(self.reach, Reach::Unlimited);
        let mut beyond_narrow = seen.beyond_narrow;
        if complete && seen.on_grid && !seen.beyond_wide {
            // Nothing is missing: the integers are the filled values.
            self.last = (end - 1, units[values.len() - 1]);
        } else if seen.on_grid && !seen.beyond_wide && unlimited {
            self.last.1 = fill(self.series, start, units, self.last.1);
            beyond_narrow = beyond_narrow && exceed(units, self.grid.narrow);
        } else {
            self.fill_with_care(start, end)?;
            beyond_narrow = exceed(&self.buffers.units[..self.filled], self.grid.narrow);
        }
        if beyond_narrow {
            self.wide_until = self.done + self.filled + self.test.window();
        }
        Ok(())
    }

    /// Fills value by value: slots that are missing though valid, limits, and values that are off
    /// the grid or too far from the others.
    fn fill_with_care(&mut self, start: usize, end: usize) -> Result<(), Ended> {
        let mut filled = 0;
        for row in start..end {
            let unit = if self.series.is_observed(row) {
                let value = self.series.values[row];
                // Far beyond 2^51 this is no integer, but farther than `wide` from any origin all the same.
                let integer = value * self.grid.factor + ROUNDER - ROUNDER;
                if (integer - self.grid.origin).abs() > self.grid.wide {
                    return Err(Ended::TooWide);
                }
                if integer / self.grid.factor != value {
                    return Err(Ended::OffGrid);
                }
                self.last = (row, (integer - self.grid.origin) as i64);
                self.last.1
            } else if self.reach.bridges(self.last.0, row) {
                self.last.1
            } else {
                continue;
            };
            // Never ahead of `row`, so that no integer is overwritten before it is read.
            self.buffers.units[filled] = unit;
            self.buffers.rows[filled] = row;
            filled += 1;
        }
        self.sparse = true;
        self.filled = filled;
        Ok(())
    }

    /// Continues the prefix sums over the block.
    fn accumulate(&mut self) {
        let units = &self.buffers.units[..self.filled];
        let range = self.history..=self.history + self.filled;
        let sums = &mut self.buffers.sums[range.clone()];
        let squares = &mut self.buffers.squares[range];
        let (mut sum, mut square) = (sums[0], squares[0]);
        for ((unit, s), q) in units.iter().zip(&mut sums[1..]).zip(&mut squares[1..]) {
            sum = sum.wrapping_add(*unit);
            square = square.wrapping_add(unit.wrapping_mul(*unit));
            *s = sum;
            *q = square;
        }
    }

    /// Tests the block's filled values.
    fn test_block(&self, found: &mut Vec<Outlier>) {
        let n = self.test.window();
        let current = usize::from(self.test.includes_current());
        // The first values of a series have only those before them.
        let head = (n - current.min(n)).saturating_sub(self.done).min(self.filled);
        for i in 0..head {
            let count = self.done + i + current;
            if count >= self.test.least_count() && self.passes(&self.bounds(count), i, count) {
                self.decide(i, count, found);
            }
        }
        if head == self.filled {
            return;
        }
        let bounds = self.bounds(n);
        if self.done < self.wide_until {
            for i in head..self.filled {
                if self.passes(&bounds, i, n) {
                    self.decide(i, n, found);
                }
            }
            return;
        }
        let last = self.history + head + current;
        let len = self.filled - head;
        let (sums, squares) = (&self.buffers.sums, &self.buffers.squares);
        let windows = Windows {
            units: &self.buffers.units[head..self.filled],
            sums: (&sums[last - n..][..len], &sums[last..][..len]),
            squares: (&squares[last - n..][..len], &squares[last..][..len]),
        };
        let mut start = first_passing(windows, &bounds, 0);
        while start < len {
            let end = (start + LANES).min(len);
            for i in (start..end).filter(|i| windows.passes(&bounds, *i)) {
                self.decide(head + i, n, found);
            }
            start = first_passing(windows, &bounds, end);
        }
    }

    /// The cheap test's bounds for windows of `count` values.
    fn bounds(&self, count: usize) -> Bounds {
        let n = count as f64;
        let freedom = n - self.test.freedom() as f64;
        let threshold = self.test.threshold().to_f64();
        let easier = 1.0 - MARGIN;
        let floor = threshold * n * self.test.floor().to_f64() * self.grid.factor;
        Bounds {
            n,
            // Without a degree of freedom there is no deviation to exceed.
            factor: if freedom > 0.0 { threshold * threshold * n / freedom * easier } else { f64::NAN },
            floor: floor * floor * easier,
        }
    }

    /// Whether the block's value `i` passes the cheap test; its sums need only fit 64 bits.
    fn passes(&self, bounds: &Bounds, i: usize, count: usize) -> bool {
        let (sum, square) = self.moments(i, count);
        let n = count as i128;
        let deviation = (n * i128::from(self.buffers.units[i]) - i128::from(sum)) as f64;
        let spread = (n * i128::from(square) - i128::from(sum) * i128::from(sum)) as f64;
        let deviation = deviation * deviation;
        deviation > bounds.factor * spread && deviation > bounds.floor
    }

    /// Sum and sum of squares of the `count` filled values of the window of the block's value `i`.
    fn moments(&self, i: usize, count: usize) -> (i64, i64) {
        let end = self.history + i + usize::from(self.test.includes_current());
        let (sums, squares) = (&self.buffers.sums, &self.buffers.squares);
        (sums[end].wrapping_sub(sums[end - count]), squares[end].wrapping_sub(squares[end - count]))
    }

    /// Decides the block's value `i` exactly.
    #[cold]
    fn decide(&self, i: usize, count: usize, found: &mut Vec<Outlier>) {
        let row = if self.sparse { self.buffers.rows[i] } else { self.first_row + i };
        let filled = !self.series.is_observed(row);
        if filled && !self.test.tests_filled() {
            return;
        }
        let (sum, squares) = self.moments(i, count);
        let x = self.buffers.units[i];
        let window = Window { n: count, sum, squares, x, origin: self.grid.origin as i64 };
        if let Some(s) = window.decide(Unit::Decimal(self.decimals), self.test) {
            let value = (x as f64 + self.grid.origin) / self.grid.factor;
            found.push(Outlier { row, value, mean: s.mean, std: s.std, zscore: s.zscore, count, filled });
        }
    }

    /// Keeps what the next block's windows reach back to.
    fn retire(&mut self) {
        let end = self.history + self.filled;
        let keep = end.min(self.test.window());
        self.buffers.sums.copy_within(end - keep..=end, 0);
        self.buffers.squares.copy_within(end - keep..=end, 0);
        self.done += self.filled;
        self.history = keep;
    }
}

/// Fills the slots that the bitmap marks missing with the integer before them; returns the last one.
fn fill(series: &Series<'_>, start: usize, units: &mut [i64], mut last: i64) -> i64 {
    let Some(validity) = series.validity else { return last };
    for (word, units) in units.chunks_mut(64).enumerate() {
        let mut bits = validity.word(start + 64 * word);
        for unit in units {
            last = if bits & 1 == 1 { *unit } else { last };
            *unit = last;
            bits >>= 1;
        }
    }
    last
}

/// Whether any integer is farther from 0 than `bound`.
fn exceed(units: &[i64], bound: f64) -> bool {
    let bound = bound as u64;
    units.iter().any(|unit| unit.unsigned_abs() > bound)
}
