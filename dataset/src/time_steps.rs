//! From the times of a row group to a short list of the steps between them, and from that to the times of single rows.
//!
//! Observations mostly follow each other by one usual step, such as an hour, but for a gap now and then and for the next
//! station. The list cuts the times into stretches: for each it holds the number of usual steps, and the other step that
//! follows them, which may be the usual one from there on. To find the times of some rows, a few bytes a gap are read
//! instead of the column: without that, finding the outliers of one column would take a third longer.
//!
//! A file's lists lie between its row groups and its footer, where readers of Parquet do not look. A key in the footer says
//! where each list begins and how long it is; a checksum before it says whether it is still the list of its row group.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, ParquetMetaData};
use parquet::file::writer::SerializedFileWriter;

use crate::varint::{LONGEST, append_signed, append_unsigned, signed, unsigned};

/// Key of the footer's metadata: for each row group the offset and the length of its list, or null.
const KEY: &str = "isd.time_steps";

/// Rows for which a list may have one stretch: with more of those it would be no shorter than the column.
const ROWS_A_STRETCH: usize = 16;

/// Makes the list of some times in microseconds; `None` where there are none, or where the list would be long.
///
/// It begins with the unit that all steps are multiples of, in microseconds, and the first time. Then comes each stretch:
/// the number of its usual steps, doubled, and 1 more if its other step is the usual one from there on; and that other step
/// in units. The usual step is 0 at first. After the last stretch come usual steps alone. All integers are
/// [variable](crate::varint) in length.
pub(crate) fn list_of(times: &[i64]) -> Option<Vec<u8>> {
    let first = *times.first()?;
    let step = |pair: &[i64]| pair[1].wrapping_sub(pair[0]);
    let mut stretches: Vec<(u64, i64, bool)> = Vec::new();
    let (mut usual, mut length) = (0, 0);
    for (row, pair) in times.windows(2).enumerate() {
        let other = step(pair);
        if other == usual {
            length += 1;
            continue;
        }
        if stretches.len() > times.len() / ROWS_A_STRETCH {
            return None;
        }
        let lasts = times.get(row + 1..row + 3).is_some_and(|next| step(next) == other);
        stretches.push((length, other, lasts));
        length = 0;
        if lasts {
            usual = other;
        }
    }
    let unit = stretches.iter().fold(0, |unit, (_, step, _)| gcd(unit, step.unsigned_abs())).max(1);
    // 2^63 is no step but the least integer, which is in units of 1.
    let unit = i64::try_from(unit).unwrap_or(1);
    let mut list = Vec::with_capacity(4 * stretches.len() + 2 * LONGEST);
    append_unsigned(&mut list, unit as u64);
    append_signed(&mut list, first);
    for (length, other, lasts) in stretches {
        append_unsigned(&mut list, length << 1 | u64::from(lasts));
        append_signed(&mut list, other / unit);
    }
    Some(list)
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The most bytes that the list of so many rows and its checksum have.
fn most_bytes(rows: usize) -> u64 {
    (size_of::<u32>() + 2 * LONGEST * (rows / ROWS_A_STRETCH + 2)) as u64
}

/// Finds the times of some of `count` rows, which ascend, in a list. `None` where it does not hold them.
fn times_at(list: &[u8], count: usize, rows: &[usize]) -> Option<Vec<i64>> {
    let (unit, rest) = unsigned(list)?;
    let (mut time, mut rest) = signed(rest)?;
    let (mut row, mut usual) = (0_usize, 0_i64);
    let mut left = rows;
    let mut times = Vec::with_capacity(rows.len());
    while !left.is_empty() && row < count {
        let (length, other, lasts);
        if rest.is_empty() {
            // Usual steps alone, to the end.
            (length, other, lasts) = (count, 0, false);
        } else {
            let (header, after) = unsigned(rest)?;
            let (units, after) = signed(after)?;
            rest = after;
            (length, lasts) = (usize::try_from(header >> 1).ok()?, header & 1 == 1);
            other = units.wrapping_mul(unit as i64);
        }
        let end = row.saturating_add(length).saturating_add(1).min(count);
        while let [wanted, others @ ..] = left
            && *wanted < end
        {
            times.push(time.wrapping_add(usual.wrapping_mul(wanted.checked_sub(row)? as i64)));
            left = others;
        }
        time = time.wrapping_add(usual.wrapping_mul(length as i64)).wrapping_add(other);
        if lasts {
            usual = other;
        }
        row = end;
    }
    left.is_empty().then_some(times)
}

/// Appends the lists of a file's row groups after these, one or none for each, and says in its footer where they are.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn append_lists<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    time_column: usize,
    lists: &[Option<Vec<u8>>],
) -> Result<()> {
    let sealed: Vec<Option<Vec<u8>>> = lists
        .iter()
        .zip(file.flushed_row_groups())
        .map(|(list, group)| {
            let list = list.as_ref()?;
            let sum = checksum(group.column(time_column), list);
            Some([&sum.to_le_bytes()[..], list].concat())
        })
        .collect();
    let mut places = Vec::with_capacity(sealed.len());
    for list in sealed {
        places.push(list.as_ref().map(|list| (file.bytes_written(), list.len())));
        if let Some(list) = list {
            file.write_all(&list)?;
        }
    }
    let places = serde_json::to_string(&places).map_err(|error| ParquetError::External(error.into()))?;
    file.append_key_value_metadata(KeyValue::new(KEY.to_owned(), places));
    Ok(())
}

/// Finds the times of some rows, which ascend, of a row group whose times are in the column chunk `chunk`.
///
/// `None` where the file has no list for it. A file that was written anew by another program may have the key still, but
/// not the list: the checksum tells.
pub(crate) fn listed_times(
    mut file: File,
    metadata: &ParquetMetaData,
    row_group: usize,
    chunk: &ColumnChunkMetaData,
    rows: &[usize],
) -> Option<Vec<i64>> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    let places = pairs.iter().find(|pair| pair.key == KEY)?.value.as_deref()?;
    let places: Vec<Option<(u64, u64)>> = serde_json::from_str(places).ok()?;
    let (start, length) = (*places.get(row_group)?)?;
    let row_count = usize::try_from(chunk.num_values()).ok()?;
    if length > most_bytes(row_count) || start.checked_add(length)? > file.metadata().ok()?.len() {
        return None;
    }
    let mut sealed = Vec::new();
    file.seek(SeekFrom::Start(start)).ok()?;
    file.take(length).read_to_end(&mut sealed).ok()?;
    let (sum, list) = sealed.split_first_chunk()?;
    if u32::from_le_bytes(*sum) != checksum(chunk, list) {
        return None;
    }
    times_at(list, row_count, rows)
}

/// A checksum of a list and of the column chunk that it belongs to: where that lies, how many times it holds, and their
/// range.
fn checksum(chunk: &ColumnChunkMetaData, list: &[u8]) -> u32 {
    let (start, length) = chunk.byte_range();
    let mut sum = crc32fast::Hasher::new();
    for number in [start, length, chunk.num_values() as u64] {
        sum.update(&number.to_le_bytes());
    }
    let range = chunk.statistics().and_then(|range| Some([range.min_bytes_opt()?, range.max_bytes_opt()?]));
    range.into_iter().flatten().for_each(|bound| sum.update(bound));
    sum.update(list);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn check(times: &[i64], list: &[u8]) {
        for step in [1, 2, 7, 100, 4000] {
            let rows: Vec<usize> = (step / 2..times.len()).step_by(step).collect();
            let expected: Vec<i64> = rows.iter().map(|row| times[*row]).collect();
            assert_eq!(
                times_at(list, times.len(), &rows),
                Some(expected),
                "each {step}th of {}",
                times.len()
            );
        }
        assert_eq!(times_at(list, times.len(), &[times.len()]), None, "no such row");
    }

    #[test]
    fn hourly_times_take_some_bytes_a_gap() {
        // Two stations of a year each, with a gap every six days.
        let year: Vec<i64> = (0..8700_i64).map(|i| (i + i / 150 * 7) * HOUR).collect();
        let times = [&year[..], &year[..]].concat();
        let list = list_of(&times).unwrap();
        assert!(list.len() < 4 * (2 * 58 + 1) + 20, "{} bytes", list.len());
        check(&times, &list);
    }

    #[test]
    fn stations_of_other_steps_take_no_more() {
        let every = |hours: i64| (0..5000_i64).map(move |i| i * hours * HOUR);
        let times: Vec<i64> = [1, 3, 1, 6].into_iter().flat_map(every).collect();
        let list = list_of(&times).unwrap();
        assert!(list.len() < 60, "{} bytes", list.len());
        check(&times, &list);
    }

    #[test]
    fn times_without_a_usual_step_have_no_list() {
        let times: Vec<i64> = (0..1000).map(|i| (i + i % 3) * HOUR).collect();
        assert_eq!(list_of(&times), None);
        assert_eq!(list_of(&[]), None);
    }

    #[test]
    fn extremes_come_back() {
        for times in [&[7][..], &[i64::MIN], &[5, 5], &[i64::MIN; 40], &[0, i64::MIN, 0, i64::MIN]] {
            if let Some(list) = list_of(times) {
                check(times, &list);
            }
        }
        let mut times: Vec<i64> = (0..200).map(|i| i * HOUR).collect();
        (times[50], times[51], times[120]) = (i64::MIN, i64::MAX, i64::MIN);
        check(&times, &list_of(&times).unwrap());
        let times: Vec<i64> = (0..200_i64).map(|i| if i % 2 == 0 { 0 } else { i64::MIN }).collect();
        check(&times, &list_of(&times).unwrap());
    }

    #[test]
    fn no_list_is_longer_than_the_most() {
        // As many steps as there may be, none of them twice in a row, all of as many bytes as there are.
        let time = |i: i64| if i < 61 { i64::MAX / 3 * (i % 3) + i * i } else { i << 40 };
        let times: Vec<i64> = (0..1000).map(time).collect();
        let list = list_of(&times).unwrap();
        check(&times, &list);
        assert!(list.len() > 60 * 10 && list.len() as u64 + 4 <= most_bytes(1000), "{}", list.len());
    }

    #[test]
    fn broken_lists_are_none() {
        let mut times: Vec<i64> = (0..100).map(|i| i * HOUR).collect();
        times.iter_mut().skip(40).for_each(|time| *time += 5 * HOUR);
        let list = list_of(&times).unwrap();
        check(&times, &list);
        for length in [0, 1, 5, list.len() - 1] {
            assert_eq!(times_at(&list[..length], 100, &[99]), None, "cut to {length} bytes");
        }
        assert_eq!(times_at(&[0xff; 40], 100, &[3]), None);
        assert_eq!(times_at(&list, 100, &[50, 3]), None, "rows that do not ascend");
    }

    proptest! {
        #[test]
        fn the_times_of_a_list_are_those_it_is_of(
            stretches in prop::collection::vec((0..200_usize, any::<i64>(), 0..3), 0..20),
            usual in prop_oneof![Just(HOUR), -5..5_i64, any::<i64>()],
            first in any::<i64>(),
        ) {
            let mut times = vec![first];
            for (length, other, kind) in stretches {
                let step = |step: i64, times: &mut Vec<i64>| times.push(times[times.len() - 1].wrapping_add(step));
                (0..length).for_each(|_| step(usual, &mut times));
                step(if kind == 0 { other } else { usual.wrapping_mul(other % 100) }, &mut times);
            }
            if let Some(list) = list_of(&times) {
                check(&times, &list);
            }
        }
    }
}
