//! From the pages of a row group's station column to the runs of its stations.
//!
//! Stations are long and sorted, so that the column of a million rows is stored in a few hundred bytes: one index and a
//! number of rows for each station. Those are the answer; no row is decoded.

use std::str;
use std::sync::Arc;

use parquet::basic::Type;

use super::dictionary_pages::{DictionaryPage, StoredChunk, dictionary_pages};
use super::hybrid::{Run, Runs, integer, sized};
use crate::StationRun;

/// Reads the runs of a column chunk, in row order; neighbours may be of one station.
///
/// `None` for a column that is not of strings or not stored by way of a dictionary, where a row has no station, and for
/// broken pages.
pub(crate) fn read_stations(chunk: StoredChunk<'_>) -> Option<Vec<StationRun>> {
    if chunk.metadata.column_descr().physical_type() != Type::BYTE_ARRAY {
        return None;
    }
    let rows = chunk.rows;
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut runs: Vec<StationRun> = Vec::new();
    for page in dictionary_pages(chunk)? {
        match page? {
            DictionaryPage::Entries { bytes, count } => names = dictionary(&bytes, count)?,
            DictionaryPage::Indices { levels, nulls, indices, rows } => {
                if nulls.is_some_and(|nulls| nulls > 0)
                    || levels.is_some_and(|levels| !all_have_a_value(&levels, rows))
                {
                    return None;
                }
                append_runs(&indices, rows, &names, &mut runs)?;
            }
            // Every row has a station.
            DictionaryPage::Unwanted { .. } => return None,
        }
    }
    let found: usize = runs.iter().map(|run| run.rows).sum();
    (found == rows).then_some(runs)
}

/// Reads the strings of a dictionary page, each of which follows its length.
fn dictionary(mut bytes: &[u8], count: usize) -> Option<Vec<Arc<str>>> {
    let mut names = Vec::new();
    for _ in 0..count {
        let (name, rest) = sized(bytes)?;
        names.push(str::from_utf8(name).ok()?.into());
        bytes = rest;
    }
    Some(names)
}

/// Whether the definition levels of a page say that every row has a value.
fn all_have_a_value(levels: &[u8], rows: usize) -> bool {
    let mut all = true;
    for_each_run(levels, 1, rows, |level, _| all &= level == 1).is_some() && all
}

/// Appends the runs of a page of dictionary indices, which begins with their width in bits.
fn append_runs(bytes: &[u8], rows: usize, names: &[Arc<str>], runs: &mut Vec<StationRun>) -> Option<()> {
    let (width, indices) = bytes.split_first()?;
    let mut are_known = true;
    let mut last = None;
    for_each_run(indices, u32::from(*width), rows, |index, rows| {
        match (runs.last_mut(), names.get(index)) {
            (Some(run), Some(_)) if last == Some(index) => run.rows += rows,
            (_, Some(name)) => {
                last = Some(index);
                runs.push(StationRun { station_id: Arc::clone(name), rows });
            }
            (_, None) => are_known = false,
        }
    })?;
    are_known.then_some(())
}

/// Calls `take` with each of `rows` integers of `width` bits and how often it repeats. `None` where the bytes do not hold
/// them.
fn for_each_run(bytes: &[u8], width: u32, rows: usize, mut take: impl FnMut(usize, usize)) -> Option<()> {
    for run in Runs::new(bytes, width, rows) {
        match run? {
            Run::Repeated { value, count } => take(value, count),
            Run::Packed { bytes, count } => {
                let width = width as usize;
                for bit in (0..count).map(|index| index * width) {
                    // At most 32 bits that begin anywhere in a byte.
                    let spanned = bytes.get(bit / 8..(bit + width).div_ceil(8))?;
                    take(integer(spanned) >> (bit % 8) & ((1 << width) - 1), 1);
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_are_handed_on_one_by_one() {
        let packed = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut found = Vec::new();
        assert_eq!(for_each_run(&packed, 3, 5, |value, count| found.push((value, count))), Some(()));
        assert_eq!(found, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]);
    }

    #[test]
    fn broken_pages_are_none() {
        assert_eq!(dictionary(&[3, 0, 0, 0, b'a', b'b'], 1), None);
        assert_eq!(dictionary(&[1, 0, 0, 0, 0xff], 1), None);
        assert_eq!(
            append_runs(&[1, 4, 1], 2, &["a".into()], &mut Vec::new()),
            None,
            "an index beyond the dictionary"
        );
    }

    #[test]
    fn rows_without_a_station_are_found() {
        // Four rows: 1 1 0 1 bit by bit.
        assert!(!all_have_a_value(&[3, 0b1011], 4));
        assert!(all_have_a_value(&[3, 0b1111], 4));
        assert!(all_have_a_value(&[8, 1], 4));
        assert!(!all_have_a_value(&[], 4));
    }
}
