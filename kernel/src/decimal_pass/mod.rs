//! The pass for series on a decimal grid: values as integers, and the prefix sums of those, block by block.
//!
//! Values are taken as integers about the first observed one, or as packed. While the sums of every window fit 32 bits
//! they are kept in as many; else in 64, of which doubles hold them exactly below 2^51, and 128 bits beyond. A [`Sink`]
//! makes of each block what is wanted.

mod to_integers;

use crate::Extent;
use crate::decide::Unit;
use crate::decimal_pass::to_integers::{Grid, shift, to_units};
use crate::packing::{GRID_FACTORS, MAX_GRID_DECIMALS, grid_decimals};
use crate::prefix::sums::{Lane, ROUNDER, Squares};
use crate::prefix::windows::{Begins, Gathered, Stretch};
use crate::series::{Reach, Series, Values};
use crate::window::Rolling;

/// Bytes of the integers that are worked on at a time: they and their prefix sums stay in the first-level cache.
const BLOCK_BYTES: usize = 8192;

/// Windows that are worked on at a time where they are longer: the last one is kept for the next block, which is a copy.
const BLOCK_WINDOWS: usize = 4;

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// All rows are decided.
    Done,
    /// A value is not on the grid.
    OffGrid,
    /// Values lie so far apart that a window's sums do not fit the lanes.
    TooWide,
}

#[derive(Debug, Default)]
pub(crate) struct Buffers {
    places: Places,
    short: Lanes<i32>,
    long: Lanes<i64>,
}

/// What is kept of integers of one width.
#[derive(Debug, Default)]
struct Lanes<L: Lane> {
    prefixes: Prefixes<L>,
    gathered: Gathered<L>,
}

/// Where a block's values lie.
#[derive(Debug, Default)]
struct Places {
    /// Row of each filled value.
    rows: Vec<usize>,
    /// Times of the filled values behind the prefix sums, where the window reaches over a time.
    times: Vec<i64>,
    /// Where the window of each of the block's values begins in the prefix sums, where they are of different sizes.
    begins: Vec<usize>,
}

/// A block's integers.
#[derive(Debug, Default)]
struct Prefixes<L> {
    /// Integers of the block's filled values.
    units: Vec<L>,
    /// Prefix sums of the integers, from the oldest that a window still needs.
    sums: Vec<L>,
    /// Prefix sums of their squares.
    squares: Vec<L>,
    /// As [`Squares`] has them.
    marks: Vec<i64>,
}

/// What is made of the windows of a series.
pub(crate) trait Sink {
    /// Takes the block that the pass has come to; the buffers are there to be used.
    fn take<L: Lane>(&mut self, pass: &Pass<'_, L>, gathered: &mut Gathered<L>);

    /// Forgets all blocks: the series starts again.
    fn restart(&mut self);
}

/// The windows that a pass makes.
#[derive(Clone, Copy)]
pub(crate) struct Windowing<'a> {
    pub rolling: &'a Rolling,
    pub reach: Reach<'a>,
    /// The most values that a window of the series holds.
    pub most: usize,
}

/// Values that tell which grid a series is likely to be on.
const LIKELY: usize = 64;

/// The grid that the series' integers are on, or the coarsest that the first observed values are on.
fn likely_decimals(series: &Series<'_>) -> Option<u32> {
    if let Values::Integers(_, packing) = series.values {
        return Some(packing.decimals);
    }
    let mut decimals = 0;
    for row in series.observed().take(LIKELY) {
        decimals = grid_decimals(series.values.get(row))?.max(decimals);
    }
    Some(decimals.min(MAX_GRID_DECIMALS))
}

/// Runs through the series on the coarsest grid that holds all its values; false if there is none, or if they lie too
/// far apart.
pub(crate) fn run(
    series: &Series<'_>,
    first: usize,
    windowing: Windowing<'_>,
    buffers: &mut Buffers,
    sink: &mut impl Sink,
) -> bool {
    let mut decimals = likely_decimals(series);
    while let Some(grid) = decimals {
        let Buffers { places, short, long } = &mut *buffers;
        let mut ended = pass(series, first, grid, windowing, places, short, sink);
        if ended == Ended::TooWide {
            sink.restart();
            ended = pass(series, first, grid, windowing, places, long, sink);
        }
        match ended {
            Ended::Done => return true,
            Ended::OffGrid => decimals = (grid < MAX_GRID_DECIMALS).then_some(grid + 1),
            Ended::TooWide => decimals = None,
        }
        sink.restart();
    }
    false
}

/// Runs through the series on the grid of `decimals` decimals; `first` is its first observed row.
fn pass<L: Lane>(
    series: &Series<'_>,
    first: usize,
    decimals: u32,
    windowing: Windowing<'_>,
    places: &mut Places,
    lanes: &mut Lanes<L>,
    sink: &mut impl Sink,
) -> Ended {
    let n = windowing.most.max(1) as f64;
    let narrow = L::largest(n);
    let (packed, origin) = match series.values {
        Values::Integers(integers, packing) if f64::from(packing.largest) <= narrow => {
            (L::same(integers), f64::from(packing.offset))
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
    let Lanes { prefixes, gathered } = lanes;
    let mut pass = Pass::new(series, first, decimals, grid, windowing, places, prefixes);
    pass.packed = packed;
    let mut start = first;
    while start < series.values.len() {
        let end = (start + pass.block).min(series.values.len());
        if let Err(ended) = pass.load(start, end) {
            return ended;
        }
        pass.accumulate();
        pass.begin_windows();
        sink.take(&pass, gathered);
        pass.retire();
        start = end;
    }
    Ended::Done
}

/// The state of a pass, block by block.
pub(crate) struct Pass<'a, L> {
    pub series: &'a Series<'a>,
    windowing: Windowing<'a>,
    places: &'a mut Places,
    buffers: &'a mut Prefixes<L>,
    decimals: u32,
    grid: Grid,
    /// The series' integers, if they may serve as they are: filled, about the grid's origin and narrow.
    packed: Option<&'a [L]>,
    block: usize,
    /// Last observed row and its integer.
    last: (usize, L),
    /// Filled values before this block.
    done: usize,
    /// How many of them the prefix sums still reach back.
    history: usize,
    /// Filled values in this block.
    filled: usize,
    /// Filled values up to which a window may hold an integer beyond `narrow`: 0 unless the lanes widen.
    wide_until: usize,
    /// Those of `packed` that are the block's integers; otherwise the buffers hold these.
    units: Option<&'a [L]>,
    /// Whether `places.rows` holds the block's rows; otherwise they follow each other.
    sparse: bool,
    /// Row of this block's first filled value, unless `sparse`.
    first_row: usize,
}

impl<'a, L: Lane> Pass<'a, L> {
    fn new(
        series: &'a Series<'a>,
        first: usize,
        decimals: u32,
        grid: Grid,
        windowing: Windowing<'a>,
        places: &'a mut Places,
        buffers: &'a mut Prefixes<L>,
    ) -> Self {
        let most = windowing.most;
        let block = (BLOCK_BYTES / size_of::<L>()).max(BLOCK_WINDOWS * most).min(series.values.len());
        // What is kept of the past is the last window and the value that it may leave out.
        let reached = most + 1 + block;
        for buffer in [&mut buffers.sums, &mut buffers.squares] {
            buffer.resize((reached + 1).max(buffer.len()), L::default());
            buffer[0] = L::default();
        }
        if windowing.rolling.needs_time() {
            places.times.resize(reached.max(places.times.len()), 0);
        }
        buffers.units.resize(block.max(buffers.units.len()), L::default());
        places.rows.resize(block.max(places.rows.len()), 0);
        buffers.marks.clear();
        buffers.marks.push(0);
        Self {
            series,
            windowing,
            places,
            buffers,
            decimals,
            grid,
            packed: None,
            block,
            last: (first, L::default()),
            done: 0,
            history: 0,
            filled: 0,
            wide_until: 0,
            units: None,
            sparse: false,
            first_row: first,
        }
    }

    /// Takes the rows `start..end` as integers and fills what is missing.
    fn load(&mut self, start: usize, end: usize) -> Result<(), Ended> {
        let rows = end - start;
        let unlimited = matches!(self.windowing.reach, Reach::Unlimited);
        let filled = unlimited && matches!(self.series.values, Values::Integers(..));
        let complete = match self.series.validity {
            Some(v) if !filled => v.slice(start, rows).count_valid() == rows,
            _ => true,
        };
        self.sparse = false;
        self.first_row = start;
        self.filled = rows;
        self.units = self.packed.filter(|_| complete).map(|packed| &packed[start..end]);
        if let Some(units) = self.units {
            self.last = (end - 1, units[rows - 1]);
            return Ok(());
        }
        let units = &mut self.buffers.units[..rows];
        let seen = match self.series.values {
            Values::Doubles(values) => to_units(&values[start..end], &self.grid, units),
            Values::Integers(integers, packing) => {
                shift(&integers[start..end], packing.offset, &self.grid, units)
            }
        };
        let mut beyond_narrow = seen.beyond_narrow;
        if complete && seen.on_grid && !seen.beyond_wide {
            // Nothing is missing, or it is filled already: the integers are the filled values.
            self.last = (end - 1, units[rows - 1]);
        } else if seen.on_grid && !seen.beyond_wide && unlimited {
            self.last.1 = fill(self.series, start, units, self.last.1);
            beyond_narrow = beyond_narrow && exceed(units, self.grid.narrow);
        } else {
            self.fill_with_care(start, end)?;
            beyond_narrow = exceed(&self.buffers.units[..self.filled], self.grid.narrow);
        }
        if beyond_narrow {
            if !L::WIDENS {
                return Err(Ended::TooWide);
            }
            self.wide_until = self.done + self.filled + self.windowing.most;
        }
        Ok(())
    }

    /// Fills value by value: slots that are missing though valid, limits, and values that are off
    /// the grid or too far from the others.
    fn fill_with_care(&mut self, start: usize, end: usize) -> Result<(), Ended> {
        let mut filled = 0;
        for row in start..end {
            let unit = if self.series.is_observed(row) {
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
                self.last = (row, L::nearest(distance, distance as i64, 0));
                self.last.1
            } else if self.windowing.reach.bridges(self.last.0, row) {
                self.last.1
            } else {
                continue;
            };
            // Never ahead of `row`, so that no integer is overwritten before it is read.
            self.buffers.units[filled] = unit;
            self.places.rows[filled] = row;
            filled += 1;
        }
        self.sparse = true;
        self.filled = filled;
        Ok(())
    }

    /// Continues the prefix sums over the block.
    fn accumulate(&mut self) {
        let units = self.units.unwrap_or(&self.buffers.units[..self.filled]);
        let range = self.history..=self.history + self.filled;
        let sums = &mut self.buffers.sums[range.clone()];
        let squares = &mut self.buffers.squares[range];
        L::accumulate(units, sums, squares);
        let squares = &self.buffers.squares[..=self.history + self.filled];
        L::mark(squares, &mut self.buffers.marks, self.history);
    }

    /// Finds where the windows of the block's values begin, unless all are of one size.
    fn begin_windows(&mut self) {
        let rolling = self.windowing.rolling;
        let (history, filled) = (self.history, self.filled);
        self.places.begins.clear();
        if let Extent::Rows(window) = rolling.extent() {
            // The first values of a series have only those before them.
            let head = window.saturating_sub(rolling.end(0)).saturating_sub(self.done).min(filled);
            self.places.begins.resize(head, 0);
            return;
        }
        let Some(times) = self.series.times else { return };
        for i in 0..filled {
            self.places.times[history + i] = times[self.row(i)];
        }
        let times = &self.places.times[..history + filled];
        // What no window of this block reaches has been retired.
        let mut begin = 0;
        self.places.begins.extend((history..history + filled).map(|i| {
            begin = rolling.begin(begin, i, times);
            begin
        }));
    }

    /// The block's windows: those with a begin of their own, and those of one size behind them.
    pub fn stretches(&self) -> [(usize, Stretch<'_, L>); 2] {
        let Prefixes { units, sums, squares, marks } = &*self.buffers;
        let units = self.units.unwrap_or(units);
        let squares = Squares { low: squares, marks };
        let begins = &*self.places.begins;
        let head = begins.len();
        let end = self.windowing.rolling.end(self.history);
        let stretch = |from: usize, to: usize, begins| {
            (from, Stretch { units: &units[from..to], sums, squares, end: end + from, begins })
        };
        [
            stretch(0, head, Begins::At(begins)),
            stretch(head, self.filled, Begins::Before(self.windowing.most)),
        ]
    }

    /// Whether a window of this block may hold sums that doubles do not hold exactly.
    pub fn is_wide(&self) -> bool {
        self.done < self.wide_until
    }

    /// Row of the block's value `i`.
    pub fn row(&self, i: usize) -> usize {
        if self.sparse { self.places.rows[i] } else { self.first_row + i }
    }

    /// The integer that all others are taken about.
    pub fn origin(&self) -> i64 {
        self.grid.origin as i64
    }

    /// `10^decimals`.
    pub fn factor(&self) -> f64 {
        self.grid.factor
    }

    pub fn unit(&self) -> Unit {
        Unit::Decimal(self.decimals)
    }

    /// The value that an integer stands for.
    pub fn value(&self, unit: L) -> f64 {
        (unit.into() as f64 + self.grid.origin) / self.grid.factor
    }

    /// Keeps what the next block's windows reach back to.
    fn retire(&mut self) {
        let end = self.history + self.filled;
        let keep = match self.windowing.rolling.extent() {
            Extent::Rows(window) => end.min(window),
            Extent::Micros(_) => end - self.places.begins.last().copied().unwrap_or(0),
        };
        let Prefixes { squares, marks, .. } = &mut *self.buffers;
        L::move_marks(&squares[..=end], marks, end - keep);
        self.buffers.sums.copy_within(end - keep..=end, 0);
        self.buffers.squares.copy_within(end - keep..=end, 0);
        if self.windowing.rolling.needs_time() {
            self.places.times.copy_within(end - keep..end, 0);
        }
        self.done += self.filled;
        self.history = keep;
    }
}

/// Missing slots among 64 up to which each is looked for; where there are more, looking at all slots is cheaper.
const FEW: u32 = 20;

/// Fills the slots that the bitmap marks missing with the integer before them; returns the last one.
fn fill<L: Lane>(series: &Series<'_>, start: usize, units: &mut [L], mut last: L) -> L {
    let Some(validity) = series.validity else { return last };
    let (words, rest) = units.as_chunks_mut::<64>();
    for (word, units) in words.iter_mut().enumerate() {
        let mut missing = !validity.word(start + 64 * word);
        if missing.count_ones() > FEW {
            last = fill_all(units, !missing, last);
            continue;
        }
        if missing & 1 == 1 {
            units[0] = last;
            missing &= missing - 1;
        }
        while missing != 0 {
            let slot = missing.trailing_zeros() as usize;
            units[slot] = units[slot - 1];
            missing &= missing - 1;
        }
        last = units[63];
    }
    fill_all(rest, validity.word(start + 64 * words.len()), last)
}

/// The same for at most 64 slots, each looked at.
fn fill_all<L: Lane>(units: &mut [L], mut valid: u64, mut last: L) -> L {
    for unit in units {
        last = if valid & 1 == 1 { *unit } else { last };
        *unit = last;
        valid >>= 1;
    }
    last
}

/// Whether any integer is farther from 0 than `bound`.
fn exceed<L: Lane>(units: &[L], bound: f64) -> bool {
    let bound = bound as u64;
    units.iter().any(|unit| (*unit).into().unsigned_abs() > bound)
}
