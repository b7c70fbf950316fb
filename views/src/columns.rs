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

/// The first time that falls behind a column of `width`, or behind the span.
fn end_of_column(number: usize, span: &Range<i64>, width: usize) -> i64 {
    let length = (i128::from(span.end) - i128::from(span.start)).max(1);
    let (columns, width) = (number as i128 + 1, width.max(1) as i128);
    let end = i128::from(span.start) + (columns * length + width - 1).div_euclid(width);
    i64::try_from(end).unwrap_or(i64::MAX).min(span.end)
}

/// The columns of `width` that hold a finite value at a time of the span, from left to right. The times ascend, one a value.
#[must_use]
pub fn pixel_columns(times: &[i64], values: &[f64], span: &Range<i64>, width: usize) -> Vec<PixelColumn> {
    let mut columns: Vec<PixelColumn> = Vec::new();
    let mut first = times.partition_point(|time| *time < span.start);
    let end = times.partition_point(|time| *time < span.end);
    while first < end {
        let number = column_of(times[first], span, width);
        let behind = end_of_column(number, span, width);
        // A value more at least: a column that ends where it began would be looked at for ever.
        let next = first + times[first..end].partition_point(|time| *time < behind).max(1);
        columns.extend(column(values, first..next, number));
        first = next;
    }
    columns
}

/// What is drawn of rows that fall into one column; `None` where none of them has a finite value.
fn column(values: &[f64], rows: Range<usize>, number: usize) -> Option<PixelColumn> {
    let mut rows = rows.filter(|row| values[*row].is_finite());
    let first = rows.next()?;
    let mut column = PixelColumn { number, smallest: first, largest: first, ends: (first, first) };
    let (mut least, mut most) = (values[first], values[first]);
    for row in rows {
        if values[row] < least {
            (least, column.smallest) = (values[row], row);
        }
        if values[row] > most {
            (most, column.largest) = (values[row], row);
        }
        column.ends.1 = row;
    }
    Some(column)
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
