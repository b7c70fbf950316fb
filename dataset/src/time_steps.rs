//! From the times of a row group to a short list of the steps between them, and from that to the times of single rows.
//!
//! Observations mostly follow each other by one usual step, such as an hour, but for a gap now and then and for the next
//! station. The list cuts the times into stretches: for each it holds the number of usual steps, and the other step that
//! follows them, which may be the usual one from there on. To find the times of some rows, a few bytes a gap are read
//! instead of the column: without that, finding the outliers of one column would take a third longer.
//!
//! A file's lists lie between its row groups and its footer, where readers of Parquet do not look. A key in the footer says
//! where each list begins and how long it is; a checksum before it says whether it is still the list of its row group.

use std::io::Write;
use std::ops::Range;

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, ParquetMetaData};
use parquet::file::reader::ChunkReader;
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

/// Rows that follow each other by one step.
struct Stretch {
    rows: Range<usize>,
    /// The time of the first row.
    first: i64,
    step: i64,
}

impl Stretch {
    /// The time of one of its rows, so many after the first.
    fn time(&self, after: usize) -> i64 {
        self.first.wrapping_add(self.step.wrapping_mul(after as i64))
    }
}

/// The stretches of a list, one after the other.
struct Stretches<'a> {
    rest: &'a [u8],
    /// Number of rows.
    count: usize,
    unit: i64,
    /// The row that comes next, its time and the usual step from there on.
    row: usize,
    time: i64,
    usual: i64,
}

impl<'a> Stretches<'a> {
    /// Begins to read the list of `count` rows; `None` of one that is broken.
    fn new(list: &'a [u8], count: usize) -> Option<Self> {
        let (unit, rest) = unsigned(list)?;
        let (time, rest) = signed(rest)?;
        Some(Self { rest, count, unit: unit as i64, row: 0, time, usual: 0 })
    }

    /// The next stretch, up to the last row; `None` after that, and where the list is broken.
    fn next(&mut self) -> Option<Stretch> {
        if self.row >= self.count {
            return None;
        }
        let (length, other, lasts);
        if self.rest.is_empty() {
            // Usual steps alone, to the end.
            (length, other, lasts) = (self.count, 0, false);
        } else {
            let (header, after) = unsigned(self.rest)?;
            let (units, after) = signed(after)?;
            self.rest = after;
            (length, lasts) = (usize::try_from(header >> 1).ok()?, header & 1 == 1);
            other = units.wrapping_mul(self.unit);
        }
        let end = self.row.saturating_add(length).saturating_add(1).min(self.count);
        let stretch = Stretch { rows: self.row..end, first: self.time, step: self.usual };
        self.time = stretch.time(length).wrapping_add(other);
        if lasts {
            self.usual = other;
        }
        self.row = end;
        Some(stretch)
    }
}

/// Finds the times of some of `count` rows, which ascend, in a list. `None` where it does not hold them.
fn times_at(list: &[u8], count: usize, rows: &[usize]) -> Option<Vec<i64>> {
    let mut stretches = Stretches::new(list, count)?;
    let mut left = rows;
    let mut times = Vec::with_capacity(rows.len());
    while !left.is_empty() {
        let stretch = stretches.next()?;
        while let [wanted, others @ ..] = left
            && *wanted < stretch.rows.end
        {
            times.push(stretch.time(wanted.checked_sub(stretch.rows.start)?));
            left = others;
        }
    }
    Some(times)
}

/// The times of all of `count` rows. `None` where the list does not hold them.
fn all_times(list: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut stretches = Stretches::new(list, count)?;
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        let stretch = stretches.next()?;
        times.extend((0..stretch.rows.len()).map(|after| stretch.time(after)));
    }
    Some(times)
}

/// Appends the lists of a file's row groups after these, one or none for each, and says in its footer where they are.
/// Errors: the file cannot be written.
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

/// Where the list of a row group is, and how long; `None` where the file says of none.
pub(crate) fn place_of(metadata: &ParquetMetaData, row_group: usize) -> Option<(u64, u64)> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    let places = pairs.iter().find(|pair| pair.key == KEY)?.value.as_deref()?;
    let places: Vec<Option<(u64, u64)>> = serde_json::from_str(places).ok()?;
    *places.get(row_group)?
}

/// Finds the times of some rows, which ascend, or of all, of a row group whose times are in the column chunk `chunk`.
///
/// `None` where the file has no list for it. A file that was written anew by another program may have the key still, but
/// not the list: the checksum tells.
pub(crate) fn listed_times(
    file: &impl ChunkReader,
    metadata: &ParquetMetaData,
    row_group: usize,
    chunk: &ColumnChunkMetaData,
    rows: Option<&[usize]>,
) -> Option<Vec<i64>> {
    let (start, length) = place_of(metadata, row_group)?;
    let row_count = usize::try_from(chunk.num_values()).ok()?;
    if length > most_bytes(row_count) || start.checked_add(length)? > file.len() {
        return None;
    }
    let sealed = file.get_bytes(start, usize::try_from(length).ok()?).ok()?;
    let (sum, list) = sealed.split_first_chunk()?;
    if u32::from_le_bytes(*sum) != checksum(chunk, list) {
        return None;
    }
    match rows {
        Some(rows) => times_at(list, row_count, rows),
        None => all_times(list, row_count),
    }
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
    use super::*;

    #[test]
    fn broken_lists_are_none() {
        let times: Vec<i64> = (0..100).map(|i| if i < 40 { i } else { i + 5 }).collect();
        let list = list_of(&times).unwrap();
        assert_eq!(times_at(&list, 100, &[3, 99]), Some(vec![3, 104]));
        assert_eq!(all_times(&list, 100).as_deref(), Some(&times[..]));
        for length in [0, 1, 3, list.len() - 1] {
            assert_eq!(times_at(&list[..length], 100, &[99]), None, "cut to {length} bytes");
            assert_eq!(all_times(&list[..length], 100), None, "cut to {length} bytes");
        }
        assert_eq!(times_at(&[0xff; 40], 100, &[3]), None);
        assert_eq!(all_times(&[0xff; 40], 100), None);
        assert_eq!(times_at(&list, 100, &[50, 3]), None, "rows that do not ascend");
        assert_eq!(times_at(&list, 100, &[100]), None, "no such row");
        assert_eq!(list_of(&[]), None);
    }
}
