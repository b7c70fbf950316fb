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
    let mut pages = SerializedPageReader::new(Arc::new(file), chunk, rows, pages).ok()?;
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
        let (length, rest) = bytes.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        names.push(str::from_utf8(name).ok()?.into());
        bytes = rest;
    }
    Some(names)
}

/// What lies behind the definition levels of a page, if they say that no row is missing.
fn behind_levels(bytes: &[u8], rows: usize) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (levels, indices) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
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

/// Hands on the values of the RLE and bit-packing hybrid, of `width` bits each, with how often they repeat: `rows` in
/// all. `None` where the bytes do not hold them.
fn each_run(mut bytes: &[u8], width: u32, rows: usize, mut take: impl FnMut(usize, usize)) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mut left = rows;
    while left > 0 {
        let (header, rest) = varint(bytes)?;
        let count = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let (value, rest) = rest.split_at_checked(width.div_ceil(8) as usize)?;
            if count == 0 {
                return None;
            }
            let repeated = count.min(left);
            take(integer(value), repeated);
            left -= repeated;
            bytes = rest;
        } else {
            // Groups of eight values, of which the last may be filled up.
            let (packed, rest) = rest.split_at_checked(count.checked_mul(width as usize)?)?;
            let values = count.checked_mul(8)?.min(left);
            if values == 0 {
                return None;
            }
            let mut bit = 0;
            for _ in 0..values {
                // At most 32 bits that begin anywhere in a byte.
                let spanned = packed.get(bit / 8..(bit + width as usize).div_ceil(8))?;
                let value = integer(spanned) >> (bit % 8) & ((1 << width) - 1);
                take(value, 1);
                bit += width as usize;
            }
            left -= values;
            bytes = rest;
        }
    }
    Some(())
}

/// An integer of at most eight bytes, the least significant first.
fn integer(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

/// An integer of seven bits a byte, and what follows.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
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

    fn runs(bytes: &[u8], width: u32, rows: usize) -> Option<Vec<(usize, usize)>> {
        let mut found = Vec::new();
        each_run(bytes, width, rows, |value, count| found.push((value, count)))?;
        Some(found)
    }

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
    fn runs_are_read_as_parquet_describes_them() {
        // The example of the format's description: 0 to 7 in three bits each.
        let packed = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let expected: Vec<_> = (0..8).map(|value| (value, 1)).collect();
        assert_eq!(runs(&packed, 3, 8), Some(expected[..].to_vec()));
        // The last group is filled up.
        assert_eq!(runs(&packed, 3, 5), Some(expected[..5].to_vec()));
        // 300 times 5, then twice 1; the second run says more rows than there are.
        assert_eq!(runs(&[0b1101_1000, 0b0000_0100, 5, 8, 1], 3, 302), Some(vec![(5, 300), (1, 2)]));
        // No bits at all: the only value there is.
        assert_eq!(runs(&[20], 0, 10), Some(vec![(0, 10)]));
        assert_eq!(runs(&[4, 1, 2], 9, 2), Some(vec![(513, 2)]));
    }

    #[test]
    fn broken_runs_are_none() {
        for bytes in [&[][..], &[0x80], &[3], &[3, 1, 2], &[0, 1], &[1], &[0xff; 12]] {
            assert_eq!(runs(bytes, 3, 8), None, "{bytes:?}");
        }
        assert_eq!(runs(&[16, 0, 0, 0, 0, 0], 33, 8), None);
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
