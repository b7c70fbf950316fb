//! The pass over series on a decimal grid: values as integers, and the prefix sums of those, block by block.
//!
//! Values are taken as integers that count from the first observed value, or from where they were packed. While the sums
//! of every window fit 32 bits they are kept in as many; else in 64, which doubles hold exactly below 2^51, with products
//! in 128 bits beyond. A [`BlockVisitor`] makes of each block what is wanted.

mod fill;
mod to_integers;

use self::to_integers::{Grid, shift, to_integers};
use crate::Series;
use crate::decide::Unit;
use crate::packing::{GRID_FACTORS, MAX_GRID_DECIMALS, grid_decimals};
use crate::prefix::sums::{ROUNDER, Squares, SumInteger};
use crate::prefix::windows::{Begins, RowBuffers, Stretch};
use crate::series::{Fill, Values};
use crate::window::{SeriesWindows, Span};

/// Bytes of the integers that are worked on at a time: they and their prefix sums stay in the first-level cache.
const BLOCK_BYTES: usize = 8192;

/// Windows that are worked on at a time where they are longer: the last one is kept for the next block, which is a copy.
const BLOCK_WINDOWS: usize = 4;

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// All blocks were visited.
    Done,
    /// A value is not on the grid.
    OffGrid,
    /// Values lie so far apart that a window's sums do not fit the integers.
    TooWide,
}

/// Buffers of the pass.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    positions: Positions,
    narrow: SumBuffers<i32>,
    wide: SumBuffers<i64>,
}

/// Buffers of a pass in integers of one width.
#[derive(Debug, Default)]
struct SumBuffers<I: SumInteger> {
    prefixes: Prefixes<I>,
    rows: RowBuffers<I>,
}

/// Where a block's values and their windows lie.
#[derive(Debug, Default)]
struct Positions {
    /// Row of each filled value of the block.
    rows: Vec<usize>,
    /// Times of the filled values that the prefix sums are of, if the window is a length of time.
    times: Vec<i64>,
    /// Position in the prefix sums where the window of each of the block's first values begins, as far as windows have
    /// different sizes.
    begins: Vec<usize>,
}

/// A block's integers and the prefix sums that its windows lie in.
#[derive(Debug, Default)]
struct Prefixes<I> {
    /// Integers of the block's filled values.
    integers: Vec<I>,
    /// Prefix sums of the integers, from the oldest one that a window still needs.
    sums: Vec<I>,
    /// Prefix sums of their squares: the lowest bits, as in [`Squares`].
    squares: Vec<I>,
    /// The marks of [`Squares`].
    marks: Vec<i64>,
}

/// What makes something of the windows of a series.
pub(crate) trait BlockVisitor {
    /// Visits the block that the pass has come to. The buffers are free for use.
    fn visit<I: SumInteger>(&mut self, pass: &Pass<'_, I>, buffers: &mut RowBuffers<I>);

    /// Undoes all visits: the series starts again.
    fn restart(&mut self);
}

/// Number of observed values that are looked at to tell which grid a series is likely to be on.
const LIKELY: usize = 64;

/// The number of decimals of the series' integers, or of the coarsest grid that the first observed values are on; `None` if
/// they are on none.
fn likely_decimals(series: &Series<'_>) -> Option<u32> {
    if let Values::Integers(_, packing) = series.values {
        return Some(packing.decimals());
    }
    let mut decimals = 0;
    for row in series.observed().take(LIKELY) {
        decimals = grid_decimals(series.values.get(row))?.max(decimals);
    }
    Some(decimals.min(MAX_GRID_DECIMALS))
}

/// Runs through the series, whose first observed row is `first`, on the coarsest grid that holds all its values. Returns
/// false, and leaves the visitor restarted, if there is no such grid or if the values lie too far apart.
pub(crate) fn run(
    series: &Series<'_>,
    first: usize,
    windows: SeriesWindows<'_>,
    buffers: &mut Buffers,
    visitor: &mut impl BlockVisitor,
) -> bool {
    let mut decimals = likely_decimals(series);
    while let Some(grid) = decimals {
        let Buffers { positions, narrow, wide } = &mut *buffers;
        let mut ended = pass(series, first, grid, windows, positions, narrow, visitor);
        if ended == Ended::TooWide {
            visitor.restart();
            ended = pass(series, first, grid, windows, positions, wide, visitor);
        }
        match ended {
            Ended::Done => return true,
            Ended::OffGrid => decimals = (grid < MAX_GRID_DECIMALS).then_some(grid + 1),
            Ended::TooWide => decimals = None,
        }
        visitor.restart();
    }
    false
}

/// Runs through the series, whose first observed row is `first`, on the grid of so many decimals.
fn pass<I: SumInteger>(
    series: &Series<'_>,
    first: usize,
    decimals: u32,
    windows: SeriesWindows<'_>,
    positions: &mut Positions,
    buffers: &mut SumBuffers<I>,
    visitor: &mut impl BlockVisitor,
) -> Ended {
    let n = windows.most as f64;
    let narrow = I::largest(n);
    let (packed, origin) = match series.values {
        Values::Integers(integers, packing) if f64::from(packing.largest()) <= narrow => {
            (I::from_i32s(integers), f64::from(packing.offset()))
        }
        _ => (None, (series.values.get(first) * GRID_FACTORS[decimals as usize]).round_ties_even()),
    };
    if origin.abs() >= 2_f64.powi(50) {
        return Ended::TooWide;
    }
    let grid = Grid {
        factor: GRID_FACTORS[decimals as usize],
        origin,
        narrow,
        // n times the square of it stays below 2^62: sums of n such, and the deviation n x - S of twice the size, have room.
        wide: (2_f64.powi(62) / n).sqrt().min(2_f64.powi(31)).floor(),
    };
    let SumBuffers { prefixes, rows } = buffers;
    let mut pass = Pass::new(series, first, decimals, grid, windows, positions, prefixes);
    pass.packed = packed;
    let mut start = first;
    while start < series.values.len() {
        let end = (start + pass.block).min(series.values.len());
        if let Err(ended) = pass.load(start, end) {
            return ended;
        }
        pass.accumulate();
        pass.begin_windows();
        visitor.visit(&pass, rows);
        pass.retire();
        start = end;
    }
    Ended::Done
}

/// The state of a pass, block by block.
pub(crate) struct Pass<'a, I> {
    /// The series.
    pub series: &'a Series<'a>,
    windows: SeriesWindows<'a>,
    positions: &'a mut Positions,
    buffers: &'a mut Prefixes<I>,
    decimals: u32,
    grid: Grid,
    /// The series' integers, if they may serve as they are: filled, counted from the grid's origin and narrow.
    packed: Option<&'a [I]>,
    /// Number of rows in a block.
    block: usize,
    /// The last observed row and its integer.
    last: (usize, I),
    /// Number of filled values before this block.
    done: usize,
    /// How many of them the prefix sums still reach back.
    history: usize,
    /// Number of filled values in this block.
    filled: usize,
    /// Filled values up to which a window may hold an integer beyond `narrow`: 0 unless the integers widen.
    wide_until: usize,
    /// The part of `packed` that is the block's integers; `None` if the buffers hold these.
    integers: Option<&'a [I]>,
    /// Whether `positions.rows` holds the block's rows; otherwise they follow each other.
    sparse: bool,
    /// Row of this block's first filled value, unless `sparse`.
    first_row: usize,
}

impl<'a, I: SumInteger> Pass<'a, I> {
    fn new(
        series: &'a Series<'a>,
        first: usize,
        decimals: u32,
        grid: Grid,
        windows: SeriesWindows<'a>,
        positions: &'a mut Positions,
        buffers: &'a mut Prefixes<I>,
    ) -> Self {
        let most = windows.most;
        let block = (BLOCK_BYTES / size_of::<I>()).max(BLOCK_WINDOWS * most).min(series.values.len());
        // What is kept of the past is the last window and the value that it may leave out.
        let reached = most + 1 + block;
        for buffer in [&mut buffers.sums, &mut buffers.squares] {
            buffer.resize((reached + 1).max(buffer.len()), I::default());
            buffer[0] = I::default();
        }
        if matches!(windows.span, Span::Time { .. }) {
            positions.times.resize(reached.max(positions.times.len()), 0);
        }
        buffers.integers.resize(block.max(buffers.integers.len()), I::default());
        positions.rows.resize(block.max(positions.rows.len()), 0);
        buffers.marks.clear();
        buffers.marks.push(0);
        Self {
            series,
            windows,
            positions,
            buffers,
            decimals,
            grid,
            packed: None,
            block,
            last: (first, I::default()),
            done: 0,
            history: 0,
            filled: 0,
            wide_until: 0,
            integers: None,
            sparse: false,
            first_row: first,
        }
    }

    /// Takes the rows `start..end` as integers and fills what is missing.
    fn load(&mut self, start: usize, end: usize) -> Result<(), Ended> {
        let rows = end - start;
        let unlimited = matches!(self.windows.fill, Fill::Unlimited);
        let filled = unlimited && matches!(self.series.values, Values::Integers(..));
        // The bitmap of the block, if any of its slots is missing and not filled yet.
        let gaps = self.series.validity.filter(|_| !filled).map(|validity| validity.slice(start, rows));
        let gaps = gaps.filter(|validity| validity.count_valid() < rows);
        self.sparse = false;
        self.first_row = start;
        self.filled = rows;
        self.integers = self.packed.filter(|_| gaps.is_none()).map(|packed| &packed[start..end]);
        if let Some(integers) = self.integers {
            self.last = (end - 1, integers[rows - 1]);
            return Ok(());
        }
        let integers = &mut self.buffers.integers[..rows];
        let seen = match self.series.values {
            Values::Doubles(values) => to_integers(&values[start..end], &self.grid, integers),
            Values::Integers(packed, packing) => {
                shift(&packed[start..end], packing.offset(), &self.grid, integers)
            }
        };
        let mut beyond_narrow = seen.beyond_narrow;
        match gaps {
            None if seen.on_grid && !seen.beyond_wide => {
                // Nothing is missing, or it is filled already: the integers are the filled values.
                self.last = (end - 1, integers[rows - 1]);
            }
            Some(validity) if seen.on_grid && !seen.beyond_wide && unlimited => {
                self.last.1 = fill::fill(integers, validity, self.last.1);
                beyond_narrow = beyond_narrow && exceed(integers, self.grid.narrow);
            }
            _ => {
                self.fill_with_care(start, end)?;
                beyond_narrow = exceed(&self.buffers.integers[..self.filled], self.grid.narrow);
            }
        }
        if beyond_narrow {
            if !I::WIDENS {
                return Err(Ended::TooWide);
            }
            self.wide_until = self.done + self.filled + self.windows.most;
        }
        Ok(())
    }

    /// Fills value by value: slots that are missing though the bitmap has them valid, limits, and values that are off the
    /// grid or too far from the others.
    fn fill_with_care(&mut self, start: usize, end: usize) -> Result<(), Ended> {
        let mut filled = 0;
        for row in start..end {
            let integer = if self.series.is_observed(row) {
                let value = self.series.values.get(row);
                // Far beyond 2^51 this is no integer, but farther than `wide` from any origin all the same.
                let integer = value * self.grid.factor + ROUNDER - ROUNDER;
                if (integer - self.grid.origin).abs() > self.grid.wide {
                    return Err(Ended::TooWide);
                }
                if integer / self.grid.factor != value {
                    return Err(Ended::OffGrid);
                }
                let distance = integer - self.grid.origin;
                self.last = (row, I::from_distance(distance, distance as i64, 0));
                self.last.1
            } else if self.windows.fill.bridges(self.last.0, row) {
                self.last.1
            } else {
                continue;
            };
            // Never ahead of `row`, so that no integer is overwritten before it is read.
            self.buffers.integers[filled] = integer;
            self.positions.rows[filled] = row;
            filled += 1;
        }
        self.sparse = true;
        self.filled = filled;
        Ok(())
    }

    /// Continues the prefix sums over the block.
    fn accumulate(&mut self) {
        let integers = self.integers.unwrap_or(&self.buffers.integers[..self.filled]);
        let range = self.history..=self.history + self.filled;
        let sums = &mut self.buffers.sums[range.clone()];
        let squares = &mut self.buffers.squares[range];
        I::accumulate(integers, sums, squares);
        let squares = &self.buffers.squares[..=self.history + self.filled];
        I::mark(squares, &mut self.buffers.marks, self.history);
    }

    /// Finds where the windows of the block's values begin, unless all are of one size.
    fn begin_windows(&mut self) {
        let (history, filled) = (self.history, self.filled);
        self.positions.begins.clear();
        match self.windows.span {
            Span::Rows(window) => {
                // The first windows of a series hold fewer values than the others.
                let end = self.windows.rolling.end(0);
                let head = window.saturating_sub(end).saturating_sub(self.done).min(filled);
                self.positions.begins.resize(head, 0);
            }
            Span::Time { micros, times } => {
                for i in 0..filled {
                    self.positions.times[history + i] = times[self.row(i)];
                }
                let times = &self.positions.times[..history + filled];
                // What no window of this block reaches has been retired.
                let (rolling, mut begin) = (self.windows.rolling, 0);
                self.positions.begins.extend((history..history + filled).map(|i| {
                    begin = rolling.begin_in_time(micros, begin, i, times);
                    begin
                }));
            }
        }
    }

    /// The block's windows: those that begin at positions of their own, and after those the ones of one size. Each stretch
    /// comes with the position of its first value in the block.
    pub fn stretches(&self) -> [(usize, Stretch<'_, I>); 2] {
        let Prefixes { integers, sums, squares, marks } = &*self.buffers;
        let integers = self.integers.unwrap_or(integers);
        let squares = Squares { low: squares, marks };
        let begins = &*self.positions.begins;
        let head = begins.len();
        let end = self.windows.rolling.end(self.history);
        let stretch = |from: usize, to: usize, begins| {
            (from, Stretch { integers: &integers[from..to], sums, squares, end: end + from, begins })
        };
        [stretch(0, head, Begins::At(begins)), stretch(head, self.filled, Begins::Before(self.windows.most))]
    }

    /// Whether a window of this block may hold sums that doubles do not hold exactly.
    pub fn is_wide(&self) -> bool {
        self.done < self.wide_until
    }

    /// Row of the block's value `i`.
    pub fn row(&self, i: usize) -> usize {
        if self.sparse { self.positions.rows[i] } else { self.first_row + i }
    }

    /// The integer on the grid that all integers of the pass count from.
    pub fn origin(&self) -> i64 {
        self.grid.origin as i64
    }

    /// `10^decimals`.
    pub fn factor(&self) -> f64 {
        self.grid.factor
    }

    /// What the integers are multiples of.
    pub fn unit(&self) -> Unit {
        Unit::TenToMinus(self.decimals)
    }

    /// The value that an integer of the pass stands for.
    pub fn value(&self, integer: I) -> f64 {
        (integer.into() as f64 + self.grid.origin) / self.grid.factor
    }

    /// Keeps what the next block's windows reach back to.
    fn retire(&mut self) {
        let end = self.history + self.filled;
        let keep = match self.windows.span {
            Span::Rows(window) => end.min(window),
            Span::Time { .. } => match self.positions.begins.last() {
                Some(begin) => end - begin,
                // No value of the block was filled.
                None => end,
            },
        };
        let Prefixes { squares, marks, .. } = &mut *self.buffers;
        I::move_marks(&squares[..=end], marks, end - keep);
        self.buffers.sums.copy_within(end - keep..=end, 0);
        self.buffers.squares.copy_within(end - keep..=end, 0);
        if matches!(self.windows.span, Span::Time { .. }) {
            self.positions.times.copy_within(end - keep..end, 0);
        }
        self.done += self.filled;
        self.history = keep;
    }
}

/// Whether any integer is farther from 0 than `bound`.
fn exceed<I: SumInteger>(integers: &[I], bound: f64) -> bool {
    let bound = bound as u64;
    integers.iter().any(|integer| (*integer).into().unsigned_abs() > bound)
}
