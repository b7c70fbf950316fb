//! The pages of a row group's station column in, the runs of its stations out: what is stored as a run is taken as one.
//!
//! Stations are long and sorted, so that a dictionary-encoded column of a million rows is stored in a few hundred bytes:
//! one index and its number of rows for each station. Those bytes are the answer; decoding a million strings from them
//! and comparing each with the one before would take a tenth of the time of finding the outliers.
//! The encodings are described in <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use std::fs::File;
use std::str;
use std::sync::Arc;

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::chunk_bytes::ChunkBytes;
use super::hybrid::{Run, Runs, integer, sized};
use crate::StationRun;

/// The runs of a column chunk of `rows` rows, in row order; neighbours may be of one station.
///
/// `None` where they cannot be told from its pages: strings without a dictionary, missing ones, or a chunk that is
/// broken, which whoever decodes the rows will say. `pages` are the places of its pages, if known.
pub(super) fn stored_runs(
    file: File,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    pages: Option<Vec<PageLocation>>,
) -> Option<Vec<StationRun>> {
    let column = chunk.column_descr();
    if column.physical_type() != Type::BYTE_ARRAY || column.max_rep_level() > 0 || column.max_def_level() > 1
    {
        return None;
    }
    let optional = column.max_def_level() == 1;
    let mut pages =
        SerializedPageReader::new(Arc::new(ChunkBytes::read(file, chunk)?), chunk, rows, pages).ok()?;
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut runs: Vec<StationRun> = Vec::new();
    while let Some(page) = pages.get_next_page().ok()? {
        match page {
            Page::DictionaryPage {
                buf,
                num_values,
                encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
                ..
            } => names = dictionary(&buf, num_values as usize)?,
            Page::DataPage {
                buf,
                num_values,
                encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                def_level_encoding: Encoding::RLE,
                ..
            } => {
                let rows = num_values as usize;
                let indices = if optional { behind_levels(&buf, rows)? } else { &buf[..] };
                append(indices, rows, &names, &mut runs)?;
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                num_nulls: 0,
                def_levels_byte_len,
                rep_levels_byte_len: 0,
                ..
            } => append(buf.get(def_levels_byte_len as usize..)?, num_values as usize, &names, &mut runs)?,
            _ => return None,
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

/// What lies behind the definition levels of a page, if they say that no row is missing.
fn behind_levels(bytes: &[u8], rows: usize) -> Option<&[u8]> {
    let (levels, indices) = sized(bytes)?;
    let mut present = true;
    each_run(levels, 1, rows, |level, _| present &= level == 1)?;
    present.then_some(indices)
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
pub(super) fn equal_runs(keys: &[i32]) -> Vec<(i32, usize)> {
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
        // A page of four rows: levels of six bytes, 1 1 0 1 bit by bit.
        assert_eq!(behind_levels(&[2, 0, 0, 0, 3, 0b1011, 1], 4), None);
        assert_eq!(behind_levels(&[2, 0, 0, 0, 3, 0b1111, 1], 4), Some(&[1][..]));
        assert_eq!(behind_levels(&[2, 0, 0, 0, 8, 1, 7, 7], 4), Some(&[7, 7][..]));
    }
}
