//! The times of a row group in, the pages of its time column out: differences in parts of 32.
//!
//! Most observations follow each other by the same step, which takes no bits, but a gap of some hours takes 32 and more,
//! in each difference of its part. The Parquet library's parts are of 64, so that there are twice as many of those; a reader
//! that looks for some rows passes over all of them. The encoding is described in
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use parquet::basic::{Encoding, Type, ZstdLevel};
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use crate::pages::column_pages::{
    Body, ColumnPages, DataPage, Parts, append_signed, append_varint, boundary_order, column_pages,
    compressor,
};

/// Differences of a block, which share the least, and of a part of it, which share a width: the fewest that the format
/// allows.
const BLOCK: usize = 128;
const PART: usize = 32;

/// Encodes times in data pages of `page_rows` rows; `None` where the library should do it: of none, or of a column that is
/// not one of 64-bit integers of which none is missing.
///
/// # Errors
/// None but what the libraries would not accept of a column's metadata and of pages to compress.
pub(crate) fn time_pages(
    times: &[i64],
    column: &ColumnDescPtr,
    level: ZstdLevel,
    page_rows: usize,
) -> Result<Option<ColumnPages>> {
    let suits = column.physical_type() == Type::INT64
        && column.max_def_level() == 0
        && column.max_rep_level() == 0
        && !times.is_empty();
    if !suits {
        return Ok(None);
    }
    let mut compressor = compressor(level)?;
    let mut pages = Vec::with_capacity(times.len().div_ceil(page_rows));
    let mut bounds = Vec::with_capacity(pages.capacity());
    let mut bytes = Vec::new();
    for times in times.chunks(page_rows) {
        bytes.clear();
        append_differences(&mut bytes, times);
        let range = times
            .iter()
            .fold((i64::MAX, i64::MIN), |(least, most), time| (least.min(*time), most.max(*time)));
        bounds.push(range);
        pages.push(DataPage {
            body: Body::new(&bytes, &mut compressor)?,
            rows: times.len(),
            nulls: 0,
            bounds: Some((range.0.to_le_bytes().to_vec(), range.1.to_le_bytes().to_vec())),
            text_bytes: None,
        });
    }
    let least = bounds.iter().map(|range| range.0).min();
    let most = bounds.iter().map(|range| range.1).max();
    let statistics =
        ValueStatistics::new(least, most, None, Some(0), false).with_backwards_compatible_min_max(true);
    let parts = Parts {
        column,
        level,
        dictionary: None,
        encoding: Encoding::DELTA_BINARY_PACKED,
        pages,
        order: boundary_order(&bounds),
        statistics: Statistics::from(statistics),
    };
    column_pages(parts).map(Some)
}

/// Appends a page of integers as the first one and the differences behind it, block by block.
fn append_differences(bytes: &mut Vec<u8>, integers: &[i64]) {
    append_varint(bytes, BLOCK as u64);
    append_varint(bytes, (BLOCK / PART) as u64);
    append_varint(bytes, integers.len() as u64);
    append_signed(bytes, integers.first().copied().unwrap_or_default());
    let mut differences = [0; BLOCK];
    let mut rest = integers;
    while let [before, others @ ..] = rest
        && !others.is_empty()
    {
        let block = &mut differences[..others.len().min(BLOCK)];
        let mut last = *before;
        for (difference, integer) in block.iter_mut().zip(others) {
            *difference = integer.wrapping_sub(last);
            last = *integer;
        }
        append_block(bytes, block);
        rest = rest.get(block.len()..).unwrap_or_default();
    }
}

/// Appends the least difference, the width of each part, and by how much more the differences are.
fn append_block(bytes: &mut Vec<u8>, differences: &[i64]) {
    let least = differences.iter().copied().min().unwrap_or_default();
    append_signed(bytes, least);
    let widths = bytes.len();
    // Parts behind the last difference are of no bits.
    bytes.resize(widths + BLOCK / PART, 0);
    for (part, differences) in differences.chunks(PART).enumerate() {
        let more = |difference: &i64| difference.wrapping_sub(least) as u64;
        let width = 64 - differences.iter().fold(0, |all, difference| all | more(difference)).leading_zeros();
        bytes[widths + part] = width as u8;
        if width == 0 {
            continue;
        }
        let end = bytes.len() + PART / 8 * width as usize;
        let (mut pending, mut bits) = (0_u128, 0);
        for difference in differences {
            pending |= u128::from(more(difference)) << bits;
            bits += width;
            if bits >= u64::BITS {
                bytes.extend((pending as u64).to_le_bytes());
                pending >>= u64::BITS;
                bits -= u64::BITS;
            }
        }
        bytes.extend((pending as u64).to_le_bytes());
        // The last part is filled up with zeros.
        bytes.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    };
    use parquet::basic::Compression;
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use proptest::prelude::*;

    use super::super::stored_times::stored_integers;
    use super::*;

    const PAGE_ROWS: usize = 1024;
    const HOUR: i64 = 3_600_000_000;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("timestamp", DataType::Int64, false)]))
    }

    fn writer(file: &File) -> ArrowWriter<File> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .build();
        ArrowWriter::try_new(file.try_clone().unwrap(), schema(), Some(properties)).unwrap()
    }

    fn file_of(times: &[i64]) -> File {
        let file = tempfile::tempfile().unwrap();
        let (mut writer, _) = writer(&file).into_serialized_writer().unwrap();
        let column = writer.schema_descr().column(0);
        let pages = time_pages(times, &column, ZstdLevel::try_new(1).unwrap(), PAGE_ROWS).unwrap().unwrap();
        let mut group = writer.next_row_group().unwrap();
        group.append_column(&pages.bytes, pages.close).unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        file
    }

    fn file_of_library(times: &[i64]) -> File {
        let file = tempfile::tempfile().unwrap();
        let mut writer = writer(&file);
        let times: ArrayRef = Arc::new(Int64Array::from(times.to_vec()));
        writer.write(&RecordBatch::try_new(schema(), vec![times]).unwrap()).unwrap();
        writer.close().unwrap();
        file
    }

    fn metadata(file: &File) -> ArrowReaderMetadata {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        ArrowReaderMetadata::load(file, options).unwrap()
    }

    /// The times behind those skipped, as the library reads them.
    fn read(file: &File, rows: usize, skipped: usize) -> Vec<i64> {
        let selection: RowSelection =
            vec![RowSelector::skip(skipped), RowSelector::select(rows - skipped)].into();
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone().unwrap(), metadata(file));
        let reader = reader.with_row_selection(selection).build().unwrap();
        reader
            .flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    /// Every so many'th time, as our reader looks them up.
    fn looked_up(file: &File, rows: usize, step: usize) -> Vec<i64> {
        let metadata = metadata(file);
        let metadata = metadata.metadata();
        let pages = metadata.offset_index().unwrap()[0][0].page_locations().clone();
        let wanted: Vec<usize> = (0..rows).step_by(step).collect();
        let chunk = metadata.row_group(0).column(0);
        stored_integers(file.try_clone().unwrap(), chunk, rows, pages, Some(&wanted)).unwrap()
    }

    /// Steps of hours with gaps, of microseconds, and any.
    fn stretches() -> impl Strategy<Value = Vec<i64>> {
        let step = prop_oneof![
            8 => Just(HOUR), 1 => (1_i64..100).prop_map(|hours| hours * HOUR), 1 => 0_i64..1000, 1 => any::<i64>()
        ];
        let steps = prop_oneof![
            prop::collection::vec(step, 1..300),
            (1_usize..3000, 1_i64..5).prop_map(|(rows, hours)| vec![hours * HOUR; rows]),
        ];
        (any::<i32>(), prop::collection::vec(steps, 1..8)).prop_map(|(start, steps)| {
            let sum = |time: &mut i64, step: i64| {
                *time = time.wrapping_add(step);
                Some(*time)
            };
            steps.concat().into_iter().scan(i64::from(start) * HOUR, sum).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_pages_are_those_of_the_library(times in stretches(), skipped in 0_usize..9000, step in 1_usize..700) {
            let (file, library) = (file_of(&times), file_of_library(&times));
            let (here, there) = (metadata(&file), metadata(&library));
            let (here, there) = (here.metadata(), there.metadata());
            let (chunk, other) = (here.row_group(0).column(0), there.row_group(0).column(0));
            prop_assert_eq!(chunk.statistics(), other.statistics());
            prop_assert_eq!(chunk.num_values(), other.num_values());
            prop_assert_eq!(chunk.encodings().collect::<Vec<_>>(), other.encodings().collect::<Vec<_>>());
            prop_assert_eq!(chunk.page_encoding_stats(), other.page_encoding_stats());
            prop_assert_eq!(here.column_index(), there.column_index());
            let skipped = skipped.min(times.len());
            prop_assert_eq!(read(&file, times.len(), skipped), &times[skipped..]);
            let expected: Vec<i64> = times.iter().step_by(step).copied().collect();
            prop_assert_eq!(looked_up(&file, times.len(), step), expected);
        }
    }

    #[test]
    fn differences_of_every_width_are_read_again() {
        for count in [1, 2, 32, 33, 128, 129, 130, 1025] {
            for width in 0..=63 {
                let step = |i: i64| if i % 7 == 3 { (1_i64 << width).wrapping_sub(1) } else { i & 1 };
                let times: Vec<i64> = (0..count)
                    .scan(-5_i64, |time, i| {
                        *time = time.wrapping_add(step(i));
                        Some(*time)
                    })
                    .collect();
                assert_eq!(read(&file_of(&times), times.len(), 0), times, "{count} of {width} bits");
            }
        }
        let extremes = [i64::MIN, i64::MAX, 0, i64::MIN, -1, i64::MAX];
        assert_eq!(read(&file_of(&extremes), 6, 0), extremes);
    }

    #[test]
    fn gaps_among_equal_steps_take_less_than_the_library_makes_of_them() {
        let times: Vec<i64> = (0..100_000).map(|i| (i + i / 150 * 7) * HOUR).collect();
        let size = |file: File| metadata(&file).metadata().row_group(0).column(0).uncompressed_size();
        assert!(size(file_of(&times)) * 4 < size(file_of_library(&times)) * 3);
    }
}
