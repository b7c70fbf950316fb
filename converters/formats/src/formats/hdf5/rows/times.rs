//! The times of a file: the column that holds them in, how they are read and which rows have one at all out.

use std::ops::Range;

use super::fields::{DatasetFields, Target};
use super::packing::Packing;
use crate::Result;
use crate::formats::hdf5::cf::{TimeUnits, Unpacking};
use crate::formats::hdf5::layouts::{Entry, Scope};
use crate::formats::hdf5::library::{Number, NumberType, StoredNumbers};
use crate::instants::{NumberTimes, TIME_HINT, TimeUnit};

/// NumPy's `NaT`, which would be a time of the year 1677 in nanoseconds.
const NOT_A_TIME: Number = Number::Int(i64::MIN as i128);

/// Times that are looked at to find what they count, from the first on and again from the middle and the last back.
const SAMPLE: u64 = 1024;

/// How the times of a column of `number`s are read, and what they were found to be where the file does not say it.
///
/// # Errors
/// Units that are not known, and numbers that are no times in any.
pub fn target(scope: &Scope, entry: &Entry, number: NumberType) -> Result<(Target, Option<NumberTimes>)> {
    let text = |name: &str| -> Result<Option<String>> {
        Ok(entry.attribute_in(scope, name)?.and_then(|attribute| attribute.text().map(str::to_owned)))
    };
    let error = |found: String| scope.column_error(&entry.place, found, None);
    let packing = Packing::of(scope, entry, number)?;
    let mut missing = packing.missing;
    missing.push(NOT_A_TIME);
    let unpacking = Unpacking::new(packing.scale, packing.offset, Vec::new(), None).map_err(error)?;
    let (calendar, own) = (text("calendar")?, text("units")?);
    let (units, found) = if let Some(units) = own.as_deref().or(entry.time_units) {
        (TimeUnits::parse(units, calendar.as_deref()).map_err(error)?, None)
    } else {
        let sample = sample(entry, number, &missing).into_iter();
        let sample = sample.map(|number| unpacking.transform.apply(number));
        let found = NumberTimes::find(sample, &scope.options)
            .map_err(|reason| scope.column_error(&entry.place, reason, Some(TIME_HINT.into())))?;
        (TimeUnits::found(found), Some(found))
    };
    Ok((Target::Time(number, units.packed(unpacking.transform), missing), found))
}

/// Some of the numbers of a column, without those that are missing; none where they cannot be read, which is reported when
/// all are.
fn sample(entry: &Entry, number: NumberType, missing: &[Number]) -> Vec<f64> {
    let rows = entry.rows();
    if entry.dataset.obstacle().is_some() {
        return Vec::new();
    }
    let fields = DatasetFields::of(
        entry,
        Target::Time(number, TimeUnits::found(NumberTimes::Unix(TimeUnit::Seconds)), Vec::new()),
    );
    let whole = Range { start: 0, end: rows };
    let written = entry
        .dataset
        .written()
        .filter(|_| entry.axes.time == Some(0))
        .unwrap_or(std::slice::from_ref(&whole));
    let mut parts: Vec<Range<u64>> = Vec::new();
    if let (Some(first), Some(last)) = (written.first(), written.last()) {
        parts.push(first.start..first.end.min(first.start + SAMPLE));
        let end = last.end;
        parts.push(end.saturating_sub(SAMPLE).max(last.start).max(first.start + SAMPLE).min(end)..end);
    }
    let mut numbers = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let Ok(bytes) = entry.dataset.read(&fields.ranges(0..1, part)) else { continue };
        let stored = StoredNumbers::new(number, &bytes, fields.row_bytes, entry.offset);
        numbers.extend(stored.map(StoredNumbers::to_vec).unwrap_or_default());
    }
    let same = |a: &Number, b: &Number| a == b || a.to_f64() == b.to_f64();
    numbers.retain(|number| !missing.iter().any(|missing| same(number, missing)));
    let widened = numbers.into_iter().map(|number| match number {
        Number::F32(v) => isd_dataset::column::widen(v),
        other => other.to_f64(),
    });
    widened.filter(|number| number.is_finite()).collect()
}

/// The ranges of rows whose times were written, ascending and apart; `None` where all were.
///
/// Beyond the chunks without storage these leave out the rows at the end of the last chunk before them whose time is the
/// fill value.
///
/// # Errors
/// Times that cannot be read.
pub fn written_rows(scope: &Scope, time: &Entry, rows: u64) -> Result<Option<Vec<Range<u64>>>> {
    let Some(written) = time.dataset.written().filter(|_| time.axes.time == Some(0)) else { return Ok(None) };
    let size = time.scalar.size();
    let fill = time.dataset.fill();
    let fill = fill.get(time.offset..time.offset + size).or(fill.get(..size)).unwrap_or(&[]);
    let chunk = time.dataset.chunk().and_then(|chunk| chunk.first()).map_or(rows, |&rows| rows).max(1);
    let others: Vec<Range<u64>> = time.dataset.shape().iter().skip(1).map(|&length| 0..length).collect();
    let mut kept = Vec::new();
    for range in written {
        let mut end = range.end;
        while end < rows && end > range.start {
            let from = range.start.max((end - 1) / chunk * chunk);
            let ranges: Vec<Range<u64>> = std::iter::once(from..end).chain(others.iter().cloned()).collect();
            let error = |reason| {
                scope.column_error(&time.place, format!("rows {from} to {}: {reason}", end - 1), None)
            };
            let bytes = time.dataset.read(&ranges).map_err(error)?;
            let is_fill = |row: &[u8]| row.get(time.offset..time.offset + size) == Some(fill);
            let empty =
                bytes.chunks_exact(time.row_bytes().max(1)).rev().take_while(|row| is_fill(row)).count()
                    as u64;
            let whole = empty >= end - from;
            end -= empty.min(end - from);
            if !whole {
                break;
            }
        }
        if end > range.start {
            kept.push(range.start..end);
        }
    }
    Ok(Some(kept))
}
