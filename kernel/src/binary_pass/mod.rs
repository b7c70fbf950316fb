//! The pass for all other series: doubles of any size in, the rows that the integers decide, or whole windows, out.
//!
//! Block by block the values are rounded to integers of a unit that suits the block. Prefix sums of those are exact, so
//! that they rule out nearly every row at the price of the decimal pass, with the rounding allowed for. Where they rule
//! out little, as where the values of a block are worlds apart, a [`Queue`] takes a second look. What neither rules out
//! is decided from the exact sums of the window, which [`Moving`] keeps.

pub(crate) mod exact_sums;
mod filled;
mod moments;
mod to_integers;

use self::filled::Filled;
use crate::binary_pass::exact_sums::Moving;
use crate::binary_pass::moments::Queue;
use crate::binary_pass::to_integers::{quantise, range_of};
use crate::decimal_pass::Windowing;
use crate::outlier::outlier;
use crate::prefix::sums::{Lane, Squares};
use crate::prefix::windows::{Begins, Gathered, Scale, Stretch};
use crate::{Extent, Outlier, RollingTest, Series};

/// Values that are worked on at a time, unless the window is longer.
const BLOCK: usize = 2048;

/// Rows of a block to each that is worth its integers: with more, the queue is worth its pass over all of them.
const ROWS_A_CANDIDATE: usize = 128;

/// How far an integer may lie from the value that it stands for, and a deviation of integers from that of the values: a
/// half from rounding to the unit, and less than 0.7 from rounding n Q and S^2, which are below n 2^50, to doubles.
const ERROR: f64 = 1.25;

#[derive(Debug, Default)]
pub(crate) struct Buffers {
    filled: filled::Buffers,
    block: Block,
    queue: Queue,
    moving: Moving,
    gathered: Gathered<i64>,
}

/// A block's windows, and which of them may hold an outlier.
#[derive(Debug, Default)]
struct Block {
    /// Where the window of each value begins, from the first value that the block's windows reach.
    begins: Vec<usize>,
    /// The values from there on as integers.
    units: Vec<i64>,
    sums: Vec<i64>,
    squares: Vec<i64>,
    /// Values of the block that are not ruled out.
    candidates: Vec<usize>,
}

/// Finds the outliers of the series; `first` is its first observed row.
pub(crate) fn outliers(
    series: &Series<'_>,
    first: usize,
    windowing: Windowing<'_>,
    test: &RollingTest,
    buffers: &mut Buffers,
    found: &mut Vec<Outlier>,
) {
    let Buffers { filled, block, queue, moving, gathered } = buffers;
    let filled = Filled::new(series, first, windowing, filled);
    let (values, rolling) = (filled.values, windowing.rolling);
    queue.clear();
    moving.restart(filled.grid);
    let size = BLOCK.max(windowing.most);
    let mut reached = 0;
    for start in (0..values.len()).step_by(size) {
        let end = (start + size).min(values.len());
        reached = block.begin_windows(&filled, windowing, reached, start, end);
        block.find_candidates(&filled, windowing, test, gathered, reached, start..end);
        let dense = block.candidates.len() * ROWS_A_CANDIDATE > end - start;
        let mut next = start;
        for candidate in &block.candidates {
            let window = |i: usize| (reached + block.begins[i - start], rolling.end(i));
            let i = start + candidate;
            let (from, to) = window(i);
            let x = values[i];
            if to - from < test.least_count() {
                continue;
            }
            if dense {
                for i in next..=i {
                    let (from, to) = window(i);
                    queue.advance(values, from, to);
                }
                next = i + 1;
                if queue.rules_out(values, x, test) {
                    continue;
                }
            }
            let row = filled.row(i);
            let was_filled = !series.is_observed(row);
            if was_filled && !test.tests_filled() {
                continue;
            }
            moving.advance(values, from, to);
            let (window, unit) = moving.window(x);
            if let Some(statistics) = window.decide(unit, test) {
                found.push(outlier(row, x, to - from, was_filled, statistics));
            }
        }
    }
}

/// Calls `each` with every row of a window that holds enough, and the window.
pub(crate) fn statistics(
    series: &Series<'_>,
    first: usize,
    windowing: Windowing<'_>,
    buffers: &mut Buffers,
    mut each: impl FnMut(usize, &Moving),
) {
    let Buffers { filled, moving, .. } = buffers;
    let filled = Filled::new(series, first, windowing, filled);
    moving.restart(filled.grid);
    let mut begin = 0;
    for i in 0..filled.values.len() {
        let end = windowing.rolling.end(i);
        begin = windowing.rolling.begin(begin, i, filled.times);
        if end - begin >= windowing.rolling.least_count() {
            moving.advance(filled.values, begin, end);
            each(filled.row(i), moving);
        }
    }
}

impl Block {
    /// Finds where the windows of the values `start..end` begin; returns the first value that any of them reaches, given
    /// that of the block before.
    fn begin_windows(
        &mut self,
        filled: &Filled<'_>,
        windowing: Windowing<'_>,
        reached: usize,
        start: usize,
        end: usize,
    ) -> usize {
        let rolling = windowing.rolling;
        let reached = rolling.begin(reached, start, filled.times);
        let mut begin = reached;
        self.begins.clear();
        self.begins.extend((start..end).map(|i| {
            begin = rolling.begin(begin, i, filled.times);
            begin - reached
        }));
        reached
    }

    /// Collects the block's values that may be outliers, counted from its begin.
    fn find_candidates(
        &mut self,
        filled: &Filled<'_>,
        windowing: Windowing<'_>,
        test: &RollingTest,
        gathered: &mut Gathered<i64>,
        reached: usize,
        block: std::ops::Range<usize>,
    ) {
        let Self { begins, units, sums, squares, candidates } = self;
        let values = &filled.values[reached..block.end];
        candidates.clear();
        let (least, largest) = range_of(values);
        if least == largest {
            // No value deviates from any.
            return;
        }
        let (center, radius) = (least / 2.0 + largest / 2.0, largest / 2.0 - least / 2.0);
        // n of their squares stay below 2^50, and so do n of them.
        let per_unit = 2_f64.powf(25.0) / (windowing.most.max(1) as f64).sqrt() / radius;
        if !(f64::MIN_POSITIVE..1e300).contains(&radius) || !(1e-300..1e300).contains(&per_unit) {
            candidates.extend(0..block.len());
            return;
        }
        units.resize(values.len().max(units.len()), 0);
        for buffer in [&mut *sums, &mut *squares] {
            buffer.resize((values.len() + 1).max(buffer.len()), 0);
        }
        let units = &mut units[..values.len()];
        quantise(values, center, per_unit, units);
        (sums[0], squares[0]) = (0, 0);
        Lane::accumulate(units, &mut sums[..=units.len()], &mut squares[..=units.len()]);

        // On a decimal grid the double is only the one nearest the value.
        let decimal = filled.grid.map_or(0.0, |_| least.abs().max(largest.abs()) * f64::EPSILON * per_unit);
        let scale = Scale { per_unit, error: ERROR + decimal };
        let tested = &units[block.start - reached..];
        let end = windowing.rolling.end(block.start - reached);
        let head = match windowing.rolling.extent() {
            // The first values of a series have only those before them.
            Extent::Rows(window) => {
                window.saturating_sub(windowing.rolling.end(block.start)).min(block.len())
            }
            Extent::Micros(_) => block.len(),
        };
        let (first, others) = tested.split_at(head);
        let begins = Begins::At(&begins[..head]);
        let squares = Squares { low: squares, marks: &[] };
        let first = Stretch { units: first, sums, squares, end, begins };
        let begins = Begins::Before(windowing.most);
        let others = Stretch { units: others, sums, squares, end: end + head, begins };
        first.candidates(test, &scale, gathered, |i| candidates.push(i));
        others.candidates(test, &scale, gathered, |i| candidates.push(head + i));
    }
}
