//! The pass over series that are on no decimal grid, or whose values lie too far apart for the decimal pass: doubles of any
//! size in, the outliers, or the exact sums of every window, out.
//!
//! Block by block the values are rounded to integers of a unit that suits the block. Prefix sums of those are exact, so
//! that the rule-out loop serves here, too, with the rounding of the integers allowed for. Where it rules out little, as
//! where some values of a block are a million times larger than others, [`WindowMoments`] takes a second look. Rows that
//! neither rules out are decided from the [`ExactSums`] of their windows.

pub(crate) mod exact_sums;
mod filled;
mod moments;
mod to_integers;

use std::ops::Range;

use self::exact_sums::ExactSums;
use self::filled::Filled;
use self::moments::WindowMoments;
use self::to_integers::{range_of, to_integers};
use crate::prefix::sums::{Squares, SumInteger};
use crate::prefix::windows::{Begins, RowBuffers, Scale, Stretch};
use crate::window::{SeriesWindows, Span};
use crate::{Outlier, RollingTest, Series};

/// Values that are worked on at a time, unless the window is longer.
const BLOCK: usize = 2048;

/// Where more than one of so many rows of a block may be an outlier by its integers, the moments of its windows are worth a
/// pass over all of them.
const ROWS_A_CANDIDATE: usize = 128;

/// How far an integer may lie from the value that it stands for, and a deviation of integers from that of the values: a
/// half from rounding to the unit, and less than 0.7 from rounding n Q and S^2, which are below n 2^50, to doubles.
const ERROR: f64 = 1.25;

/// Buffers of the pass.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    filled: filled::Buffers,
    block: Block,
    moments: WindowMoments,
    sums: ExactSums,
    rows: RowBuffers<i64>,
}

/// A block's windows, and which of its values may be outliers.
#[derive(Debug, Default)]
struct Block {
    /// Where the window of each value begins, counted from the first value that a window of the block reaches.
    begins: Vec<usize>,
    /// The values from there on as integers.
    integers: Vec<i64>,
    /// Prefix sums of the integers.
    sums: Vec<i64>,
    /// Prefix sums of their squares.
    squares: Vec<i64>,
    /// The values that the integers do not rule out, counted from the begin of the block.
    candidates: Vec<usize>,
}

/// Appends the outliers of the series, whose first observed row is `first`, to `found`.
pub(crate) fn outliers(
    series: &Series<'_>,
    first: usize,
    windows: SeriesWindows<'_>,
    test: &RollingTest,
    buffers: &mut Buffers,
    found: &mut Vec<Outlier>,
) {
    let Buffers { filled, block, moments, sums, rows } = buffers;
    let filled = Filled::new(series, first, windows, filled);
    let (values, rolling) = (filled.values, windows.rolling);
    moments.restart();
    sums.restart(filled.grid);
    let size = BLOCK.max(windows.most);
    let mut reached = 0;
    for start in (0..values.len()).step_by(size) {
        let end = (start + size).min(values.len());
        reached = block.begin_windows(&filled, windows, reached, start, end);
        block.find_candidates(&filled, windows, test, rows, reached, start..end);
        let dense = block.candidates.len() * ROWS_A_CANDIDATE > end - start;
        let mut next = start;
        for candidate in &block.candidates {
            let window = |i: usize| (reached + block.begins[i - start], rolling.end(i));
            let i = start + candidate;
            let (from, to) = window(i);
            let x = values[i];
            if to - from < test.min_periods() {
                continue;
            }
            if dense {
                for i in next..=i {
                    let (from, to) = window(i);
                    moments.advance(values, from, to);
                }
                next = i + 1;
                if moments.rules_out(values, x, test) {
                    continue;
                }
            }
            let row = filled.row(i);
            let was_filled = !series.is_observed(row);
            if was_filled && !test.test_filled() {
                continue;
            }
            sums.advance(values, from, to);
            let (window, unit) = sums.window(x);
            if let Some(statistics) = window.decide(unit, test) {
                found.push(Outlier::new(row, x, to - from, was_filled, statistics));
            }
        }
    }
}

/// Calls `each` with every row whose window holds at least `min_periods` values, and the sums of that window. The first
/// observed row of the series is `first`.
pub(crate) fn statistics(
    series: &Series<'_>,
    first: usize,
    windows: SeriesWindows<'_>,
    buffers: &mut Buffers,
    mut each: impl FnMut(usize, &ExactSums),
) {
    let Buffers { filled, sums, .. } = buffers;
    let filled = Filled::new(series, first, windows, filled);
    sums.restart(filled.grid);
    let mut begin = 0;
    for i in 0..filled.values.len() {
        let end = windows.rolling.end(i);
        begin = windows.begin(begin, i, filled.times);
        if end - begin >= windows.rolling.min_periods() {
            sums.advance(filled.values, begin, end);
            each(filled.row(i), sums);
        }
    }
}

impl Block {
    /// Finds where the windows of the values `start..end` begin. Returns the first value that any of them reaches, given
    /// that of the block before.
    fn begin_windows(
        &mut self,
        filled: &Filled<'_>,
        windows: SeriesWindows<'_>,
        reached: usize,
        start: usize,
        end: usize,
    ) -> usize {
        let reached = windows.begin(reached, start, filled.times);
        self.begins.clear();
        match windows.span {
            Span::Rows(window) => {
                let begin = |i: usize| windows.rolling.end(i).saturating_sub(window) - reached;
                self.begins.extend((start..end).map(begin));
            }
            Span::Time { micros, .. } => {
                let mut begin = reached;
                self.begins.extend((start..end).map(|i| {
                    begin = windows.rolling.begin_in_time(micros, begin, i, filled.times);
                    begin - reached
                }));
            }
        }
        reached
    }

    /// Collects the values of the block that may be outliers.
    fn find_candidates(
        &mut self,
        filled: &Filled<'_>,
        windows: SeriesWindows<'_>,
        test: &RollingTest,
        rows: &mut RowBuffers<i64>,
        reached: usize,
        block: Range<usize>,
    ) {
        let Self { begins, integers, sums, squares, candidates } = self;
        let values = &filled.values[reached..block.end];
        candidates.clear();
        let (least, largest) = range_of(values);
        if least == largest {
            // No value deviates from any.
            return;
        }
        let (center, radius) = (least / 2.0 + largest / 2.0, largest / 2.0 - least / 2.0);
        // n of their squares stay below 2^50, and so do n of them.
        let per_unit = 2_f64.powf(25.0) / (windows.most as f64).sqrt() / radius;
        if !(f64::MIN_POSITIVE..1e300).contains(&radius) || !(1e-300..1e300).contains(&per_unit) {
            candidates.extend(0..block.len());
            return;
        }
        integers.resize(values.len().max(integers.len()), 0);
        for buffer in [&mut *sums, &mut *squares] {
            buffer.resize((values.len() + 1).max(buffer.len()), 0);
        }
        let integers = &mut integers[..values.len()];
        to_integers(values, center, per_unit, integers);
        (sums[0], squares[0]) = (0, 0);
        SumInteger::accumulate(integers, &mut sums[..=integers.len()], &mut squares[..=integers.len()]);

        // On a decimal grid the double is only the one nearest the value.
        let decimal = filled.grid.map_or(0.0, |_| least.abs().max(largest.abs()) * f64::EPSILON * per_unit);
        let scale = Scale { per_unit, error: ERROR + decimal };
        let tested = &integers[block.start - reached..];
        let end = windows.rolling.end(block.start - reached);
        let head = match windows.span {
            // The first windows of a series hold fewer values than the others.
            Span::Rows(window) => window.saturating_sub(windows.rolling.end(block.start)).min(block.len()),
            Span::Time { .. } => block.len(),
        };
        let (first, others) = tested.split_at(head);
        let begins = Begins::At(&begins[..head]);
        let squares = Squares { low: squares, marks: &[] };
        let first = Stretch { integers: first, sums, squares, end, begins };
        let begins = Begins::Before(windows.most);
        let others = Stretch { integers: others, sums, squares, end: end + head, begins };
        first.candidates(test, &scale, rows, |i| candidates.push(i));
        others.candidates(test, &scale, rows, |i| candidates.push(head + i));
    }
}
