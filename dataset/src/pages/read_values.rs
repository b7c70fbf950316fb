//! From the pages of a row group's value column to its values, and which of them are null.
//!
//! Weather's values are few different ones, so that a column is stored as a dictionary and an index of a few bits for each
//! value. The library makes a column of the values that are there, moves them to their rows from the last to the first, and
//! copies them batch by batch. Here each value goes from its index to its row, once.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use arrow::util::bit_chunk_iterator::BitChunks;
use parquet::basic::Type;

use super::bit_packing::unpack;
use super::dictionary_pages::{DictionaryPage, StoredChunk, dictionary_pages};
use super::hybrid::{GROUP, Run, Runs};

/// Bits of the widest index.
const WIDTH: usize = 16;
/// Entries of the largest dictionary: as many as such indices tell apart.
const ENTRIES: usize = 1 << WIDTH;

/// Reads a column chunk of doubles into `values`, which must be empty; returns a bit for each row, whether it has a value.
///
/// `translate` gets the doubles of the dictionary and returns what each of them becomes in `values`, or `None` if that
/// cannot be. A row without a value gets that of the last row before it that has one, or any where there is none. Pages
/// without a wanted row are not read: their rows have no value.
///
/// `None` for a column that is not of doubles or not stored by way of a dictionary, or of a larger one than has
/// indices of 16 bits, where `translate` returns it, and for broken pages. What `values` holds then means nothing.
pub(crate) fn read_values<T: Copy + Default>(
    chunk: StoredChunk<'_>,
    translate: impl FnOnce(Vec<f64>) -> Option<Vec<T>>,
    values: &mut Vec<T>,
) -> Option<BooleanBuffer> {
    if chunk.metadata.column_descr().physical_type() != Type::DOUBLE {
        return None;
    }
    let rows = chunk.rows;
    let mut reader = Reader::new(rows);
    // A chunk has one dictionary.
    let mut translate = Some(translate);
    for page in dictionary_pages(chunk)? {
        match page? {
            DictionaryPage::Entries { bytes, count } => {
                reader.take_dictionary(&translate.take()?(doubles(&bytes, count)?)?)?;
            }
            DictionaryPage::Indices { levels, nulls, indices, rows } => {
                let found = reader.take_page(levels.as_deref(), &indices, rows, values)?;
                if nulls.is_some_and(|nulls| nulls != found) {
                    return None;
                }
            }
            DictionaryPage::Unwanted { rows } => reader.leave_out(rows, values)?,
        }
    }
    (values.len() == rows).then(|| reader.has_value.finish())
}

/// Reads the doubles of a dictionary page.
fn doubles(bytes: &[u8], count: usize) -> Option<Vec<f64>> {
    let (entries, _) = bytes.as_chunks();
    Some(entries.get(..count)?.iter().map(|entry| f64::from_le_bytes(*entry)).collect())
}

/// What is known of a chunk, page after page.
struct Reader<T> {
    /// Rows of the chunk.
    rows: usize,
    /// The dictionary, filled up so that every index of 16 bits has an entry.
    dictionary: Vec<T>,
    /// Entries of the dictionary proper.
    entries: usize,
    /// A bit for each row so far: whether it has a value.
    has_value: BooleanBufferBuilder,
    /// The index of the last value before a page, then those of the page's values; what follows means nothing.
    indices: Vec<u16>,
    /// Number of values of the page.
    count: usize,
}

impl<T: Copy + Default> Reader<T> {
    fn new(rows: usize) -> Self {
        Self {
            rows,
            dictionary: vec![T::default(); ENTRIES],
            entries: 0,
            has_value: BooleanBufferBuilder::new(rows),
            indices: vec![0],
            count: 0,
        }
    }

    fn take_dictionary(&mut self, entries: &[T]) -> Option<()> {
        self.entries = entries.len();
        self.dictionary.get_mut(..entries.len())?.copy_from_slice(entries);
        Some(())
    }

    /// Appends rows without a value.
    fn leave_out(&mut self, rows: usize, values: &mut Vec<T>) -> Option<()> {
        if rows > self.rows - self.has_value.len() {
            return None;
        }
        self.has_value.append_n(rows, false);
        values.resize(values.len() + rows, T::default());
        Some(())
    }

    /// Appends the values of a page: of its definition levels, if it has any, and of the width of an index and the indices.
    /// Returns how many rows are without a value.
    fn take_page(
        &mut self,
        levels: Option<&[u8]>,
        indices: &[u8],
        rows: usize,
        values: &mut Vec<T>,
    ) -> Option<usize> {
        let start = self.has_value.len();
        if rows > self.rows - start {
            return None;
        }
        match levels {
            Some(levels) => append_levels(levels, rows, &mut self.has_value)?,
            None => self.has_value.append_n(rows, true),
        }
        let has_value = BitChunks::new(self.has_value.as_slice(), start, rows);
        let count: usize = has_value.iter_padded().map(|word| word.count_ones() as usize).sum();
        self.indices[0] = self.indices[self.count];
        self.count = count;
        if self.indices.len() < 1 + count + GROUP {
            self.indices.resize(1 + count + GROUP, 0);
        }
        if count > 0 {
            let (width, indices) = indices.split_first()?;
            let largest = unpack_indices(indices, usize::from(*width), &mut self.indices[1..], count)?;
            if usize::from(largest) >= self.entries {
                return None;
            }
        }
        let dictionary = self.dictionary.first_chunk::<ENTRIES>()?;
        let mut rest = &self.indices[..=count];
        let mut left = rows;
        for mut word in has_value.iter_padded().take(rows.div_ceil(64)) {
            let rows = left.min(64);
            left -= rows;
            let count = word.count_ones() as usize;
            // The first is that of the last value before these rows.
            let indices = rest.get(..=count)?;
            if count == rows {
                values.extend(indices[1..].iter().map(|index| dictionary[usize::from(*index)]));
            } else if count == 0 {
                values.extend(std::iter::repeat_n(dictionary[usize::from(indices[0])], rows));
            } else {
                let mut at = 0;
                values.extend((0..rows).map(|_| {
                    at += (word & 1) as usize;
                    word >>= 1;
                    dictionary[usize::from(indices[at])]
                }));
            }
            rest = &rest[count..];
        }
        Some(rows - count)
    }
}

/// Appends a bit for each row of a page: whether its definition level says that it has a value.
fn append_levels(bytes: &[u8], rows: usize, has_value: &mut BooleanBufferBuilder) -> Option<()> {
    for run in Runs::new(bytes, 1, rows) {
        match run? {
            Run::Repeated { value: value @ 0..=1, count } => has_value.append_n(count, value == 1),
            // No definition level of this column.
            Run::Repeated { .. } => return None,
            Run::Packed { bytes, count } => has_value.append_packed_range(0..count, bytes),
        }
    }
    Some(())
}

/// Unpacks `count` indices of `width` bits into the beginning of `indices`, which is longer by a group; returns the largest.
fn unpack_indices(bytes: &[u8], width: usize, indices: &mut [u16], count: usize) -> Option<u16> {
    if width > WIDTH {
        return None;
    }
    let mut free = indices;
    let mut left = count;
    let mut largest = 0;
    for run in Runs::new(bytes, width as u32, count) {
        let count = match run? {
            Run::Repeated { value, count } => {
                let value = u16::try_from(value).ok()?;
                free.get_mut(..count)?.fill(value);
                largest = largest.max(value);
                count
            }
            Run::Packed { bytes, count } => {
                let (groups, _) = free.as_chunks_mut();
                largest = largest.max(unpack(bytes, width, groups.get_mut(..count.div_ceil(GROUP))?));
                count
            }
        };
        free = free.get_mut(count..)?;
        left -= count;
    }
    (left == 0).then_some(largest)
}

#[cfg(test)]
mod tests {
    use super::super::bit_packing::pack;
    use super::*;

    /// A page of levels and indices for these rows, in runs and packed by turns.
    fn page(rows: &[Option<u16>], width: usize) -> (Vec<u8>, Vec<u8>) {
        let present: Vec<u16> = rows.iter().map(|row| u16::from(row.is_some())).collect();
        let indices: Vec<u16> = rows.iter().flatten().copied().collect();
        let encode = |integers: &[u16], width: usize| {
            let mut bytes = Vec::new();
            let mut rest = integers;
            let mut runs = [8, 24, 3, 40].into_iter().cycle();
            while let (Some(first), Some(most)) = (rest.first(), runs.next()) {
                let equal = rest.iter().take_while(|integer| *integer == first).count();
                if equal >= most {
                    bytes.push((most as u8) << 1);
                    bytes.extend(&first.to_le_bytes()[..width.div_ceil(8)]);
                    rest = &rest[most..];
                } else {
                    let groups = rest.len().min(24).div_ceil(8);
                    bytes.push((groups as u8) << 1 | 1);
                    let (run, others) = rest.split_at(rest.len().min(24));
                    let run: Vec<u32> = run.iter().copied().map(u32::from).collect();
                    pack(&mut bytes, &run, width as u32);
                    rest = others;
                }
            }
            bytes
        };
        (encode(&present, 1), [vec![width as u8], encode(&indices, width)].concat())
    }

    #[test]
    fn values_go_to_their_rows_page_by_page() {
        for width in [1, 4, 9, 16] {
            let mut reader = Reader::new(2000);
            let dictionary: Vec<f64> = (0..1 << width).map(f64::from).collect();
            reader.take_dictionary(&dictionary).unwrap();
            let (mut values, mut expected) = (Vec::new(), Vec::new());
            for (rows, missing) in [(1000, 3), (37, 1), (64, 64), (130, 1000), (333, 2), (64, 1)] {
                // All are missing where every one of one is.
                let rows: Vec<Option<u16>> = (0..rows)
                    .map(|row: u32| {
                        (!(row * row).is_multiple_of(missing)).then_some((row * 77 % (1 << width)) as u16)
                    })
                    .collect();
                let (levels, indices) = page(&rows, width);
                reader.take_page(Some(&levels), &indices, rows.len(), &mut values).unwrap();
                expected.extend(rows.iter().map(|row| row.map(f64::from)));
            }
            let present = reader.has_value.finish();
            assert_eq!((values.len(), present.len()), (expected.len(), expected.len()));
            let mut last = 0.0;
            for (row, expected) in expected.into_iter().enumerate() {
                last = expected.unwrap_or(last);
                assert_eq!(
                    (present.value(row), values[row]),
                    (expected.is_some(), last),
                    "{width} bits, row {row}"
                );
            }
        }
    }

    #[test]
    fn columns_of_which_none_may_be_missing_have_no_levels() {
        let mut reader = Reader::new(10);
        reader.take_dictionary(&[2.5]).unwrap();
        let mut values = Vec::new();
        reader.take_page(None, &[1, 20, 0], 10, &mut values).unwrap();
        assert_eq!((values, reader.has_value.finish()), (vec![2.5; 10], BooleanBuffer::new_set(10)));
    }

    #[test]
    fn broken_pages_are_none() {
        let take = |levels: Option<&[u8]>, indices: &[u8]| {
            let mut reader = Reader::new(8);
            reader.take_dictionary(&[0.0; 3])?;
            reader.take_page(levels, indices, 8, &mut Vec::new())
        };
        assert!(take(None, &[2, 3, 0b1010_0100, 0]).is_some());
        assert!(take(None, &[2, 3, 0b1110_0100, 0]).is_none(), "an index beyond the dictionary");
        assert!(take(None, &[2, 3, 0]).is_none(), "too few bytes");
        assert!(take(None, &[]).is_none(), "no width");
        assert!(take(None, &[17, 16, 0, 0, 0]).is_none(), "indices that are too wide");
        assert!(take(Some(&[8, 1]), &[2, 16, 0]).is_none(), "too few levels");
        assert!(take(Some(&[16, 0]), &[]).is_some(), "nothing but missing values");
        let too_many = Reader::<f64>::new(7).take_page(Some(&[16, 0]), &[], 8, &mut Vec::new());
        assert!(too_many.is_none(), "more rows than the chunk has");
        assert_eq!(doubles(&[0; 16], 2), Some(vec![0.0; 2]));
        assert_eq!(doubles(&[0; 8], 2), None);
        assert!(Reader::new(8).take_dictionary(&vec![0.0; ENTRIES + 1]).is_none());
    }
}
