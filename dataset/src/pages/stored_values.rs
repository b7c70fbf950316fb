//! The pages of a row group's value column in, its values and which of them are missing out.
//!
//! Weather's values are few different ones, so that a column is stored as a dictionary and a number of a few bits for
//! each value that is there. The Parquet library makes a column of those that are there, moves them to their rows
//! from the last to the first, and copies them batch by batch; here each goes from its index to its row, once.

use std::fs::File;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use arrow::util::bit_chunk_iterator::BitChunks;
use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use crate::pages::dictionary_pages::{DictionaryPage, dictionary_pages};
use crate::pages::hybrid::{Run, Runs};
use crate::pages::unpack::unpack;

/// Bits of the widest index, and the entries of a dictionary that those tell apart.
const WIDTH: usize = 16;
const ENTRIES: usize = 1 << WIDTH;

/// Appends the values of a column chunk of `rows` rows of doubles to `values`, each as `translate` has it: of the doubles of
/// the dictionary it makes as many others, or none if that cannot be. Gives a bit for each row: whether it has a value,
/// and not that of the last row before it that has one.
///
/// `None` where they cannot be told so: another type or encoding, a large dictionary, or a chunk that is broken, which
/// whoever decodes the rows will say. `pages` are the places of its pages, if known.
pub(crate) fn stored_values<T: Copy + Default>(
    file: File,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    pages: Option<Vec<PageLocation>>,
    translate: impl FnOnce(Vec<f64>) -> Option<Vec<T>>,
    values: &mut Vec<T>,
) -> Option<BooleanBuffer> {
    if chunk.column_descr().physical_type() != Type::DOUBLE {
        return None;
    }
    let mut reader = Reader::new(rows);
    // There is one dictionary.
    let mut translate = Some(translate);
    for page in dictionary_pages(file, chunk, rows, pages)? {
        match page? {
            DictionaryPage::Entries { bytes, count } => {
                reader.take_dictionary(&translate.take()?(doubles(&bytes, count)?)?)?;
            }
            DictionaryPage::Indices { levels, indices, rows } => {
                reader.take(levels.as_deref(), &indices, rows, values)?;
            }
        }
    }
    (values.len() == rows).then(|| reader.present.finish())
}

/// What is known of a chunk page after page.
struct Reader<T> {
    rows: usize,
    /// The dictionary, with room for every index.
    dictionary: Vec<T>,
    entries: usize,
    /// A bit for each row so far: whether it has a value.
    present: BooleanBufferBuilder,
    /// The index of the value before a page, and those of the page's values that are there.
    indices: Vec<u16>,
}

/// The doubles of a dictionary of so many.
fn doubles(bytes: &[u8], count: usize) -> Option<Vec<f64>> {
    let (entries, _) = bytes.as_chunks();
    Some(entries.get(..count)?.iter().map(|entry| f64::from_le_bytes(*entry)).collect())
}

impl<T: Copy + Default> Reader<T> {
    fn new(rows: usize) -> Self {
        Self {
            rows,
            dictionary: vec![T::default(); ENTRIES],
            entries: 0,
            present: BooleanBufferBuilder::new(rows),
            indices: vec![0],
        }
    }

    fn take_dictionary(&mut self, entries: &[T]) -> Option<()> {
        self.entries = entries.len();
        self.dictionary.get_mut(..entries.len())?.copy_from_slice(entries);
        Some(())
    }

    /// Appends the values of a page of definition levels, if it has any, and of indices behind their width in bits.
    fn take(
        &mut self,
        levels: Option<&[u8]>,
        indices: &[u8],
        rows: usize,
        values: &mut Vec<T>,
    ) -> Option<()> {
        let start = self.present.len();
        if rows > self.rows - start {
            return None;
        }
        match levels {
            Some(levels) => append_levels(levels, rows, &mut self.present)?,
            None => self.present.append_n(rows, true),
        }
        let present = BitChunks::new(self.present.as_slice(), start, rows);
        let words = present.iter_padded();
        let count: usize = words.map(|word| word.count_ones() as usize).sum();
        self.indices.drain(..self.indices.len() - 1);
        if count > 0 {
            let (width, indices) = indices.split_first()?;
            append_indices(indices, usize::from(*width), count, &mut self.indices)?;
            let largest = self.indices.iter().fold(0, |largest, index| *index.max(&largest));
            if self.indices.len() != 1 + count || usize::from(largest) >= self.entries {
                return None;
            }
        }
        let dictionary = self.dictionary.first_chunk::<ENTRIES>()?;
        let mut rest = &self.indices[..];
        let mut left = rows;
        for mut word in present.iter_padded().take(rows.div_ceil(64)) {
            let rows = left.min(64);
            left -= rows;
            let count = word.count_ones() as usize;
            // The first is that of the value before.
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
        Some(())
    }
}

/// Appends a bit for each row of a page.
fn append_levels(bytes: &[u8], rows: usize, present: &mut BooleanBufferBuilder) -> Option<()> {
    for run in Runs::new(bytes, 1, rows) {
        match run? {
            Run::Repeated { value, count } => present.append_n(count, value == 1),
            Run::Packed { bytes, count } => present.append_packed_range(0..count, bytes),
        }
    }
    Some(())
}

/// Appends so many indices of `width` bits.
fn append_indices(bytes: &[u8], width: usize, count: usize, indices: &mut Vec<u16>) -> Option<()> {
    if width > WIDTH {
        return None;
    }
    for run in Runs::new(bytes, width as u32, count) {
        match run? {
            Run::Repeated { value, count } => indices.extend(std::iter::repeat_n(value as u16, count)),
            Run::Packed { bytes, count } => {
                let end = indices.len() + count;
                unpack(bytes, width, indices);
                indices.truncate(end);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, RecordBatch};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::SerializedFileReader;
    use tempfile::NamedTempFile;

    use super::super::unpack::tests::packed;
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
                    let (run, behind) = rest.split_at(rest.len().min(24));
                    bytes.extend(packed(run, width));
                    rest = behind;
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
                reader.take(Some(&levels), &indices, rows.len(), &mut values).unwrap();
                expected.extend(rows.iter().map(|row| row.map(f64::from)));
            }
            let present = reader.present.finish();
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

    /// The column of a file that the library wrote.
    fn stored(
        values: &Float64Array,
        optional: bool,
        properties: WriterPropertiesBuilder,
    ) -> Option<Float64Array> {
        let file = NamedTempFile::new().unwrap();
        let schema = Schema::new(vec![Field::new("value", DataType::Float64, optional)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(values.clone())]).unwrap();
        let properties = properties.set_data_page_row_count_limit(1000).build();
        let mut writer =
            ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
        let chunk = reader.metadata().row_group(0).column(0);
        let mut found = Vec::new();
        let present = stored_values(file.reopen().unwrap(), chunk, values.len(), None, Some, &mut found)?;
        Some(Float64Array::new(found.into(), Some(NullBuffer::new(present))))
    }

    #[test]
    fn pages_of_the_library_are_read_in_both_versions() {
        let value = |row: u32| f64::from(row * row % 900) / 10.0;
        let some: Float64Array = (0..5000).map(|row| (row % 7 > 1).then_some(value(row))).collect();
        let all: Float64Array = (0..5000).map(|row| Some(value(row / 9))).collect();
        let none = Float64Array::new_null(2500);
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for compression in [Compression::UNCOMPRESSED, Compression::ZSTD(ZstdLevel::default())] {
                let properties =
                    || WriterProperties::builder().set_writer_version(version).set_compression(compression);
                assert_eq!(stored(&some, true, properties()).as_ref(), Some(&some), "{version:?}");
                assert_eq!(stored(&all, true, properties()).as_ref(), Some(&all), "{version:?}");
                assert_eq!(stored(&all, false, properties()).as_ref(), Some(&all), "{version:?}");
                assert_eq!(stored(&none, true, properties()).as_ref(), Some(&none), "{version:?}");
                let plain = properties().set_dictionary_enabled(false);
                assert_eq!(stored(&some, true, plain), None, "no dictionary");
            }
        }
    }

    #[test]
    fn columns_of_which_none_may_be_missing_have_no_levels() {
        let mut reader = Reader::new(10);
        reader.take_dictionary(&[2.5]).unwrap();
        let mut values = Vec::new();
        reader.take(None, &[1, 20, 0], 10, &mut values).unwrap();
        assert_eq!((values, reader.present.finish()), (vec![2.5; 10], BooleanBuffer::new_set(10)));
    }

    #[test]
    fn broken_pages_are_none() {
        let take = |levels: Option<&[u8]>, indices: &[u8]| {
            let mut reader = Reader::new(8);
            reader.take_dictionary(&[0.0; 3])?;
            reader.take(levels, indices, 8, &mut Vec::new())
        };
        assert!(take(None, &[2, 3, 0b1010_0100, 0]).is_some());
        assert!(take(None, &[2, 3, 0b1110_0100, 0]).is_none(), "an index behind the dictionary");
        assert!(take(None, &[2, 3, 0]).is_none(), "too few bytes");
        assert!(take(None, &[]).is_none(), "no width");
        assert!(take(None, &[17, 16, 0, 0, 0]).is_none(), "indices that are too wide");
        assert!(take(Some(&[8, 1]), &[2, 16, 0]).is_none(), "too few levels");
        assert!(take(Some(&[16, 0]), &[]).is_some(), "nothing but missing values");
        let too_many = Reader::<f64>::new(7).take(Some(&[16, 0]), &[], 8, &mut Vec::new());
        assert!(too_many.is_none(), "more rows than the chunk has");
        assert_eq!(doubles(&[0; 16], 2), Some(vec![0.0; 2]));
        assert_eq!(doubles(&[0; 8], 2), None);
        assert!(Reader::new(8).take_dictionary(&vec![0.0; ENTRIES + 1]).is_none());
    }
}
