//! From the values of a column of a row group to its pages: the distinct values as a dictionary, and indices into it.
//!
//! Weather's values are decimals of few digits, so that a million of them are a few thousand different ones. The library
//! looks each up with a hash of its bytes, and packs each definition level and each index by itself. Here a value takes one
//! multiplication, the definition levels are the bits of Arrow's validity, and indices are packed by the page.

use arrow::array::{Array, Float64Array};
use arrow::buffer::NullBuffer;
use parquet::basic::{Type, ZstdLevel};
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::column_chunk::{
    DataPage, DictionaryPage, EncodedChunk, PageBytes, Parts, boundary_order, column_chunk, compressor,
};
use super::hybrid::{append_integers, append_packed_header, append_run, index_width};

/// Entries of the largest dictionary: half a megabyte, as much as stays in the cache of one core. A column of more distinct
/// values is not one of decimals of few digits.
const MOST_ENTRIES: usize = 1 << 16;

/// Encodes values in data pages of `page_rows` rows.
///
/// `None` where the library should do it: no value at all, NaN or too many distinct values among them, or a column that is
/// not one of doubles in which a row may be without a value.
///
/// # Errors
/// A level that zstd does not have, or what the library would not accept of a column's metadata.
pub(crate) fn write_values(
    values: &Float64Array,
    column: &ColumnDescPtr,
    level: ZstdLevel,
    page_rows: usize,
) -> Result<Option<EncodedChunk>> {
    let suits = column.physical_type() == Type::DOUBLE
        && column.max_def_level() == 1
        && column.max_rep_level() == 0
        && values.null_count() < values.len();
    if !suits {
        return Ok(None);
    }
    let mut compressor = compressor(level)?;
    let mut dictionary = Dictionary::new();
    let mut indices = Vec::with_capacity(page_rows);
    let mut pages = Vec::with_capacity(values.len().div_ceil(page_rows));
    let mut bounds: Vec<(f64, f64)> = Vec::with_capacity(pages.capacity());
    for start in (0..values.len()).step_by(page_rows) {
        let rows = page_rows.min(values.len() - start);
        let values = values.slice(start, rows);
        indices.clear();
        let Some(range) = dictionary.look_up(&values, &mut indices) else { return Ok(None) };
        let range = (!indices.is_empty()).then_some(range);
        bounds.extend(range);
        let page = data_page(rows, values.nulls(), &indices, dictionary.width());
        pages.push(DataPage {
            bytes: PageBytes::new(&page, &mut compressor)?,
            rows,
            nulls: values.null_count(),
            bounds: range.map(|(least, most)| (least.to_le_bytes().to_vec(), most.to_le_bytes().to_vec())),
            text_bytes: None,
        });
    }
    let range = bounds.iter().copied().reduce(wider);
    let statistics = ValueStatistics::new(
        range.map(|range| range.0),
        range.map(|range| range.1),
        None,
        Some(values.null_count() as u64),
        false,
    )
    .with_backwards_compatible_min_max(true);
    let entries: Vec<u8> = dictionary.entries.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let parts = Parts {
        column,
        level,
        dictionary: DictionaryPage {
            bytes: PageBytes::new(&entries, &mut compressor)?,
            entries: dictionary.entries.len(),
        },
        pages,
        order: boundary_order(&bounds),
        statistics: Statistics::from(statistics),
    };
    column_chunk(parts).map(Some)
}

/// The range of no value: its least is above its greatest.
const NO_RANGE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// The range that holds both.
fn wider(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (if b.0 < a.0 { b.0 } else { a.0 }, if b.1 > a.1 { b.1 } else { a.1 })
}

/// The least and the greatest of some values, compared eight at a time; NaN is passed over.
fn range_of(values: &[f64]) -> (f64, f64) {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut ranges = [NO_RANGE; 8];
    for chunk in chunks {
        for (range, &value) in ranges.iter_mut().zip(chunk) {
            *range = wider(*range, (value, value));
        }
    }
    let rest = rest.iter().map(|&value| (value, value));
    ranges.into_iter().chain(rest).fold(NO_RANGE, wider)
}

/// The distinct values, numbered in the order of their appearance.
struct Dictionary {
    /// The bits of each value.
    entries: Vec<u64>,
    /// A hash table of numbers of entries, each increased by 1; 0 is a free place. A number is at the place of its value's
    /// hash, or at the next free one after it. The count of places is a power of two, and more than that of entries.
    table: Vec<u32>,
}

impl Dictionary {
    fn new() -> Self {
        Self { entries: Vec::new(), table: vec![0; 1 << 12] }
    }

    /// Bits of an index.
    fn width(&self) -> u32 {
        index_width(self.entries.len())
    }

    /// Appends the index of each value that is not null; returns the least and the greatest of them. `None` if there are
    /// too many distinct values or one is NaN.
    fn look_up(&mut self, values: &Float64Array, indices: &mut Vec<u32>) -> Option<(f64, f64)> {
        let mut range = NO_RANGE;
        let mut take = |run: &[f64]| -> Option<()> {
            range = wider(range, range_of(run));
            for &value in run {
                indices.push(self.index(value)?);
            }
            Some(())
        };
        match values.nulls() {
            Some(nulls) => {
                for (start, end) in nulls.valid_slices() {
                    take(&values.values()[start..end])?;
                }
            }
            None => take(values.values())?,
        }
        // The format wants a bound that is zero to be -0 below and +0 above.
        let zero = |bound: f64, zero: f64| if bound == 0.0 { zero } else { bound };
        Some((zero(range.0, -0.0), zero(range.1, 0.0)))
    }

    /// The index of a value, which becomes an entry if it is none yet; `None` where it cannot.
    #[inline]
    fn index(&mut self, value: f64) -> Option<u32> {
        let bits = value.to_bits();
        let mask = self.table.len() - 1;
        let mut place = Self::place(bits, self.table.len());
        loop {
            let number = self.table[place];
            if number == 0 {
                return self.insert(value, place);
            }
            if self.entries[number as usize - 1] == bits {
                return Some(number - 1);
            }
            place = (place + 1) & mask;
        }
    }

    /// Where in a table of so many places the search for a value begins.
    ///
    /// Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4). Only the highest bits of the product
    /// depend on all bits of a double, whose lowest are zeros if it is a small integer.
    #[inline]
    fn place(bits: u64, table: usize) -> usize {
        (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - table.trailing_zeros())) as usize
    }

    #[cold]
    fn insert(&mut self, value: f64, place: usize) -> Option<u32> {
        if value.is_nan() || self.entries.len() == MOST_ENTRIES {
            return None;
        }
        let index = self.entries.len() as u32;
        self.entries.push(value.to_bits());
        self.table[place] = index + 1;
        if self.entries.len() * 4 > self.table.len() {
            self.grow();
        }
        Some(index)
    }

    fn grow(&mut self) {
        let mut table = vec![0_u32; self.table.len() * 4];
        let mask = table.len() - 1;
        for (&bits, number) in self.entries.iter().zip(1..) {
            let mut place = Self::place(bits, table.len());
            while table[place] != 0 {
                place = (place + 1) & mask;
            }
            table[place] = number;
        }
        self.table = table;
    }
}

/// The bytes of a data page: the definition levels after their length, the width of an index in bits, the indices.
fn data_page(rows: usize, nulls: Option<&NullBuffer>, indices: &[u32], width: u32) -> Vec<u8> {
    let mut levels = Vec::new();
    match nulls.filter(|_| indices.len() < rows) {
        Some(nulls) if !indices.is_empty() => {
            append_packed_header(&mut levels, rows);
            let end = levels.len() + rows.div_ceil(8);
            let bits = nulls.inner().bit_chunks();
            levels.extend(bits.iter_padded().flat_map(u64::to_le_bytes));
            levels.truncate(end);
        }
        _ => append_run(&mut levels, u32::from(!indices.is_empty()), rows, 1),
    }
    let mut bytes = Vec::with_capacity(levels.len() + 16 + (indices.len() * width as usize).div_ceil(8));
    bytes.extend((levels.len() as u32).to_le_bytes());
    bytes.extend(levels);
    bytes.push(width as u8);
    append_integers(&mut bytes, indices, width);
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, RecordBatch};
    use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    };
    use parquet::basic::Compression;
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use proptest::prelude::*;

    use super::*;

    const PAGE_ROWS: usize = 1024;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("air_temperature", DataType::Float64, true)]))
    }

    fn writer(file: &File) -> ArrowWriter<File> {
        let level = ZstdLevel::try_new(1).unwrap();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .build();
        ArrowWriter::try_new(file.try_clone().unwrap(), schema(), Some(properties)).unwrap()
    }

    fn file_of(values: &Float64Array) -> Option<File> {
        let file = tempfile::tempfile().unwrap();
        let (mut writer, _) = writer(&file).into_serialized_writer().unwrap();
        let column = writer.schema_descr().column(0);
        let pages = write_values(values, &column, ZstdLevel::try_new(1).unwrap(), PAGE_ROWS).unwrap()?;
        let mut group = writer.next_row_group().unwrap();
        group.append_column(&pages.bytes, pages.close).unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        Some(file)
    }

    fn file_of_library(values: &Float64Array) -> File {
        let file = tempfile::tempfile().unwrap();
        let mut writer = writer(&file);
        let values: ArrayRef = Arc::new(values.clone());
        writer.write(&RecordBatch::try_new(schema(), vec![values]).unwrap()).unwrap();
        writer.close().unwrap();
        file
    }

    fn metadata(file: &File) -> ArrowReaderMetadata {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        ArrowReaderMetadata::load(file, options).unwrap()
    }

    /// The bits of the values after those skipped.
    fn read(file: File, rows: usize, skipped: usize) -> Vec<Option<u64>> {
        let metadata = metadata(&file);
        let selection: RowSelection =
            vec![RowSelector::skip(skipped), RowSelector::select(rows - skipped)].into();
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_selection(selection)
            .build()
            .unwrap();
        reader.flat_map(|batch| bits(batch.unwrap().column(0).as_primitive::<Float64Type>())).collect()
    }

    fn bits(values: &Float64Array) -> Vec<Option<u64>> {
        values.iter().map(|value| value.map(f64::to_bits)).collect()
    }

    /// Stretches of values: noise, one value, and missing ones.
    fn stretches() -> impl Strategy<Value = Float64Array> {
        let noise =
            (1_usize..700, 1_i32..5000, 0_u8..4, any::<u32>()).prop_map(|(rows, spread, gaps, seed)| {
                let mut state = seed | 1;
                let next = move || {
                    state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
                    let draw = (state >> 8) as i32;
                    (draw % 8 >= i32::from(gaps)).then(|| f64::from(draw / 8 % spread - spread / 3) / 10.0)
                };
                std::iter::repeat_with(next).take(rows).collect::<Vec<_>>()
            });
        let values = prop_oneof![Just(0.0), Just(-0.0), Just(-3.7), Just(f64::INFINITY), Just(1e300)];
        let constant = (1_usize..3000, prop::option::of(values)).prop_map(|(rows, value)| vec![value; rows]);
        prop::collection::vec(prop_oneof![noise, constant], 1..12)
            .prop_map(|stretches| Float64Array::from(stretches.concat()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_pages_are_those_of_the_library(whole in stretches(), start in 0_usize..100, skipped in 0_usize..9000) {
            // Bits that do not begin at a byte.
            let start = start.min(whole.len() - 1);
            let values = whole.slice(start, whole.len() - start);
            let Some(file) = file_of(&values) else {
                prop_assert_eq!(values.null_count(), values.len());
                return Ok(());
            };
            let library = file_of_library(&values);
            let (here, there) = (metadata(&file), metadata(&library));
            let (here, there) = (here.metadata(), there.metadata());
            let (chunk, other) = (here.row_group(0).column(0), there.row_group(0).column(0));
            prop_assert_eq!(chunk.statistics(), other.statistics());
            prop_assert_eq!(chunk.num_values(), other.num_values());
            prop_assert_eq!(chunk.definition_level_histogram(), other.definition_level_histogram());
            prop_assert_eq!(here.column_index(), there.column_index());
            let starts = |metadata: &parquet::file::metadata::ParquetMetaData| -> Vec<i64> {
                let pages = metadata.offset_index().unwrap()[0][0].page_locations();
                pages.iter().map(|page| page.first_row_index).collect()
            };
            prop_assert_eq!(starts(here), starts(there));
            let skipped = skipped.min(values.len());
            prop_assert_eq!(read(file, values.len(), skipped), &bits(&values)[skipped..]);
        }
    }

    #[test]
    fn a_dictionary_of_any_width_is_read_again() {
        for distinct in [1, 2, 3, 255, 256, 257, 5000, MOST_ENTRIES] {
            let values: Float64Array =
                (0..2 * distinct).map(|i| Some((i % distinct) as f64 / 10.0)).collect();
            let file = file_of(&values).unwrap();
            assert_eq!(read(file, values.len(), 0), bits(&values), "{distinct} distinct values");
        }
    }

    #[test]
    fn what_suits_the_library_better_is_left_to_it() {
        let distinct: Float64Array = (0..=MOST_ENTRIES).map(|i| Some(i as f64)).collect();
        assert!(file_of(&distinct).is_none());
        assert!(file_of(&Float64Array::from(vec![None; 10])).is_none());
        assert!(file_of(&Float64Array::from(vec![Some(1.0), Some(f64::NAN)])).is_none());
        assert!(file_of(&Float64Array::from(Vec::<f64>::new())).is_none());
    }
}
