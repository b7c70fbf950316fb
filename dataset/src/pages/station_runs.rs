//! The pages of a row group's station column in, the runs of its stations out: what is stored as a run is taken as one.
//!
//! Stations are long and sorted, so that a dictionary-encoded column of a million rows is stored in a few hundred bytes:
//! one index and its number of rows for each station. Those bytes are the answer; decoding a million strings from them
//! and comparing each with the one before would take a tenth of the time of finding the outliers.
//! The encodings are described in <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use std::fs::File;
use std::str;
use std::sync::Arc;

use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use crate::StationRun;
use crate::pages::dictionary_pages::{DictionaryPage, dictionary_pages};
use crate::pages::hybrid::{Run, Runs, integer, sized};

/// The runs of a column chunk of `rows` rows, in row order; neighbours may be of one station.
///
/// `None` where they cannot be told from its pages: strings without a dictionary, missing ones, or a chunk that is
/// broken, which whoever decodes the rows will say. `pages` are the places of its pages, if known.
pub(crate) fn stored_runs(
    file: File,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    pages: Option<Vec<PageLocation>>,
) -> Option<Vec<StationRun>> {
    if chunk.column_descr().physical_type() != Type::BYTE_ARRAY {
        return None;
    }
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut runs: Vec<StationRun> = Vec::new();
    for page in dictionary_pages(file, chunk, rows, pages)? {
        match page? {
            DictionaryPage::Entries { bytes, count } => names = dictionary(&bytes, count)?,
            DictionaryPage::Indices { levels, indices, rows } => {
                if levels.is_some_and(|levels| !are_all_there(&levels, rows)) {
                    return None;
                }
                append(&indices, rows, &names, &mut runs)?;
            }
        }
    }
    let told = runs.iter().map(|run| run.rows).sum::<usize>() == rows;
    told.then_some(runs)
}

/// The strings of a dictionary page: each behind its length.
fn dictionary(mut bytes: &[u8], count: usize) -> Option<Vec<Arc<str>>> {
    let mut names = Vec::new();
    for _ in 0..count {
        let (name, rest) = sized(bytes)?;
        names.push(str::from_utf8(name).ok()?.into());
        bytes = rest;
    }
    Some(names)
}

/// Whether the definition levels of a page say that no row is missing.
fn are_all_there(levels: &[u8], rows: usize) -> bool {
    let mut present = true;
    each_run(levels, 1, rows, |level, _| present &= level == 1).is_some() && present
}

/// Appends the runs of a page of dictionary indices: their width in bits, then runs.
fn append(bytes: &[u8], rows: usize, names: &[Arc<str>], runs: &mut Vec<StationRun>) -> Option<()> {
    let (width, indices) = bytes.split_first()?;
    let mut known = true;
    let mut last = None;
    each_run(indices, u32::from(*width), rows, |index, rows| match (runs.last_mut(), names.get(index)) {
        (Some(run), Some(_)) if last == Some(index) => run.rows += rows,
        (_, Some(name)) => {
            last = Some(index);
            runs.push(StationRun { station_id: Arc::clone(name), rows });
        }
        (_, None) => known = false,
    })?;
    known.then_some(())
}

/// Hands on values of `width` bits each, with how often they repeat: `rows` in all. `None` where the bytes do not hold
/// them.
fn each_run(bytes: &[u8], width: u32, rows: usize, mut take: impl FnMut(usize, usize)) -> Option<()> {
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

/// Runs of equal keys: (key, length).
pub(crate) fn equal_runs(keys: &[i32]) -> Vec<(i32, usize)> {
    /// Keys compared before the first look at one: stations are long.
    const STRIDE: usize = 256;
    let mut runs = Vec::new();
    let mut rest = keys;
    while let Some(&key) = rest.first() {
        let strides = rest.chunks_exact(STRIDE).take_while(|keys| keys.iter().all(|k| *k == key)).count();
        let tail = &rest[strides * STRIDE..];
        let rows = strides * STRIDE + tail.iter().take_while(|k| **k == key).count();
        runs.push((key, rows));
        rest = &rest[rows..];
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length_are_found() {
        for lengths in [vec![1], vec![255, 256, 257], vec![1, 1, 1000, 1], vec![512, 3]] {
            let keys: Vec<i32> = lengths
                .iter()
                .enumerate()
                .flat_map(|(key, len)| std::iter::repeat_n(key as i32, *len))
                .collect();
            let runs: Vec<usize> = equal_runs(&keys).iter().map(|(_, len)| *len).collect();
            assert_eq!(runs, lengths);
        }
        assert!(equal_runs(&[]).is_empty());
    }

    #[test]
    fn packed_values_are_handed_on_one_by_one() {
        let packed = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut found = Vec::new();
        assert_eq!(each_run(&packed, 3, 5, |value, count| found.push((value, count))), Some(()));
        assert_eq!(found, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]);
    }

    #[test]
    fn broken_pages_are_none() {
        assert_eq!(dictionary(&[3, 0, 0, 0, b'a', b'b'], 1), None);
        assert_eq!(dictionary(&[1, 0, 0, 0, 0xff], 1), None);
        assert_eq!(
            append(&[1, 4, 1], 2, &["a".into()], &mut Vec::new()),
            None,
            "an index behind the dictionary"
        );
    }

    #[test]
    fn rows_without_a_station_are_left_to_who_decodes_rows() {
        // Four rows: 1 1 0 1 bit by bit.
        assert!(!are_all_there(&[3, 0b1011], 4));
        assert!(are_all_there(&[3, 0b1111], 4));
        assert!(are_all_there(&[8, 1], 4));
        assert!(!are_all_there(&[], 4));
    }
}
