//! A series as a line of so many pixels: rows in, the smallest and the largest value of each pixel column out.

use std::ops::Range;

/// What is drawn of the rows whose times fall into one pixel column. Where they are one or two, that is all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelColumn {
    /// Number of the column, from 0 at the left.
    pub number: usize,
    /// Row of the smallest value, the first of several.
    pub smallest: usize,
    /// Row of the largest value, the first of several.
    pub largest: usize,
    /// Rows of the first and of the last value.
    pub ends: (usize, usize),
}

impl PixelColumn {
    /// The rows of the smallest and of the largest value in order of time, each once.
    pub fn rows(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, second) = (self.smallest.min(self.largest), self.smallest.max(self.largest));
        std::iter::once(first).chain((second > first).then_some(second))
    }
}

/// The column of `width` that a time of the span falls into.
#[must_use]
pub fn column_of(time: i64, span: &Range<i64>, width: usize) -> usize {
    let (from, length) = (i128::from(span.start), i128::from(span.end) - i128::from(span.start));
    let column = (i128::from(time) - from) * width as i128 / length.max(1);
    usize::try_from(column).unwrap_or(0).min(width.saturating_sub(1))
}

/// The columns of `width` that hold a finite value at a time of the span, from left to right. The times ascend, one a value.
#[must_use]
pub fn pixel_columns(times: &[i64], values: &[f64], span: &Range<i64>, width: usize) -> Vec<PixelColumn> {
    let mut columns: Vec<PixelColumn> = Vec::new();
    let first = times.partition_point(|time| *time < span.start);
    let end = times.partition_point(|time| *time < span.end);
    for row in (first..end).filter(|row| values[*row].is_finite()) {
        let number = column_of(times[row], span, width);
        match columns.last_mut() {
            Some(column) if column.number == number => {
                if values[row] < values[column.smallest] {
                    column.smallest = row;
                }
                if values[row] > values[column.largest] {
                    column.largest = row;
                }
                column.ends.1 = row;
            }
            _ => columns.push(PixelColumn { number, smallest: row, largest: row, ends: (row, row) }),
        }
    }
    columns
}

/// The stretches of time in which a series has no value: those between two values that are further apart than three times
/// the median step of the whole series, and what the span has before the first value and after the last.
#[must_use]
pub fn missing_stretches(times: &[i64], values: &[f64], span: &Range<i64>) -> Vec<Range<i64>> {
    let observed = times.iter().zip(values).filter(|(_, value)| value.is_finite());
    let observed: Vec<i64> = observed.map(|(time, _)| *time).collect();
    let (Some(&first), Some(&last)) = (observed.first(), observed.last()) else {
        return vec![span.clone()];
    };
    let mut steps: Vec<i64> = observed.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let middle = steps.len() / 2;
    let median = if steps.is_empty() { 0 } else { *steps.select_nth_unstable(middle).1 };
    let limit = median.saturating_mul(3);
    let inner = observed.windows(2).map(|pair| pair[0]..pair[1]);
    let all = std::iter::once(span.start..first).chain(inner).chain(std::iter::once(last..span.end));
    all.filter(|stretch| stretch.end.saturating_sub(stretch.start) > limit)
        .map(|stretch| stretch.start.max(span.start)..stretch.end.min(span.end))
        .filter(|stretch| stretch.start < stretch.end)
        .collect()
}
