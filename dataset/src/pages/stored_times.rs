//! The pages of a row group's time column and some of its rows in, the times of those out: what lies between them is
//! summed up, not decoded.
//!
//! A series stores its times as differences, those of equal steps in no bits at all. To reach a row all differences
//! before it are added up, of which equal steps are one multiplication.
//! The encoding is described in <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use std::fs::File;
use std::ops::Range;

use arrow::datatypes::TimeUnit;
use parquet::basic::{Encoding, Type};
use parquet::column::page::Page;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use crate::pages::chunk_pages::ChunkPages;
use crate::pages::hybrid::{signed, varint};

/// The integers of some rows, which ascend, or of all, of a column chunk of `rows` rows; pages without any of them are not
/// decompressed.
///
/// `None` where they cannot be told so: another encoding, values that may be missing, or a chunk that is broken, which
/// whoever decodes the rows will say.
pub(crate) fn stored_integers(
    file: File,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    pages: Vec<PageLocation>,
    wanted: Option<&[usize]>,
) -> Option<Vec<i64>> {
    let column = chunk.column_descr();
    if column.physical_type() != Type::INT64 || column.max_rep_level() > 0 || column.max_def_level() > 0 {
        return None;
    }
    // Known without reading the chunk, which would be for nothing.
    if !chunk.encodings().any(|encoding| encoding == Encoding::DELTA_BINARY_PACKED) {
        return None;
    }
    // A dictionary before the first page would be taken for that page where it is to be passed over.
    if pages.first()?.offset as u64 != chunk.byte_range().0 {
        return None;
    }
    let ends = pages.iter().skip(1).map(|page| page.first_row_index as usize).chain([rows]);
    let ends: Vec<usize> = ends.collect();
    let mut pages = ChunkPages::read(file, chunk, rows, Some(pages))?;
    let count = wanted.map_or(rows, <[usize]>::len);
    let mut found = Vec::with_capacity(count);
    let (mut start, mut left) = (0, wanted.unwrap_or_default());
    for end in ends {
        let (here, behind) = left.split_at(left.partition_point(|row| *row < end));
        if wanted.is_some() && here.is_empty() {
            pages.pass_over()?;
        } else {
            let count = end.checked_sub(start)?;
            match pages.next()?? {
                Page::DataPage { buf, num_values, encoding: Encoding::DELTA_BINARY_PACKED, .. }
                | Page::DataPageV2 { buf, num_values, encoding: Encoding::DELTA_BINARY_PACKED, .. }
                    if num_values as usize == count =>
                {
                    let mut integers = Integers::new(&buf, count)?;
                    if wanted.is_none() {
                        integers.append_all(&mut found)?;
                    }
                    for row in here {
                        found.push(integers.at(row - start)?);
                    }
                }
                _ => return None,
            }
        }
        (start, left) = (end, behind);
    }
    (found.len() == count).then_some(found)
}

/// Bits of the widest integer that lies within eight bytes wherever it begins.
const WIDEST: usize = 57;

/// A time in microseconds, as all of ours are.
pub(crate) fn microseconds(time: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => time.saturating_mul(1_000_000),
        TimeUnit::Millisecond => time.saturating_mul(1000),
        TimeUnit::Microsecond => time,
        TimeUnit::Nanosecond => time.div_euclid(1000),
    }
}

/// The integers of a page, of which each is the one before it and a difference.
struct Integers<'a> {
    /// What lies behind the part that is being added up.
    rest: &'a [u8],
    /// Differences in a part, and parts in a block.
    part: usize,
    parts: usize,
    /// Integers in the page.
    count: usize,
    /// The position that was reached, and the integer there.
    at: usize,
    value: i64,
    /// The position behind the part, and what its differences are: bits of one width, and all more than the least.
    end: usize,
    packed: &'a [u8],
    width: usize,
    least: i64,
    /// Differences of the part that were added up.
    done: usize,
    /// Widths of the block's other parts.
    widths: &'a [u8],
}

impl<'a> Integers<'a> {
    /// `None` where a page of `count` integers does not begin like this.
    fn new(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (block, rest) = varint(bytes)?;
        let (parts, rest) = varint(rest)?;
        let (total, rest) = varint(rest)?;
        let (value, rest) = signed(rest)?;
        let (block, parts) = (usize::try_from(block).ok()?, usize::try_from(parts).ok()?);
        let part = block.checked_div(parts)?;
        let is_even = part.checked_mul(parts) == Some(block) && part > 0 && part % 32 == 0;
        (is_even && total == count as u64).then_some(Self {
            rest,
            part,
            parts,
            count,
            at: 0,
            value,
            end: 0,
            packed: &[],
            width: 0,
            least: 0,
            done: 0,
            widths: &[],
        })
    }

    /// The integer at a position, which is not before the last one asked for. `None` where the bytes do not hold it.
    fn at(&mut self, position: usize) -> Option<i64> {
        if position >= self.count {
            return None;
        }
        while position > self.end {
            self.advance(self.end);
            self.next_part(position)?;
        }
        self.advance(position);
        Some(self.value)
    }

    /// Appends all integers, of which none was asked for yet. `None` where the bytes do not hold them.
    fn append_all(&mut self, integers: &mut Vec<i64>) -> Option<()> {
        integers.push(self.value);
        while self.at + 1 < self.count {
            self.next_part(self.at + 1)?;
            let steps = self.part.min(self.count - 1 - self.at);
            let (mut value, least, width, packed_bits) = (self.value, self.least, self.width, self.packed);
            integers.extend((0..steps).map(|i| {
                let more = if width == 0 { 0 } else { packed(packed_bits, i * width, width) };
                value = value.wrapping_add(least).wrapping_add(more as i64);
                value
            }));
            (self.value, self.at) = (value, self.at + steps);
        }
        Some(())
    }

    /// Goes on to the next part, or over a block before `position`.
    fn next_part(&mut self, position: usize) -> Option<()> {
        if self.widths.is_empty() {
            let (least, rest) = signed(self.rest)?;
            (self.widths, self.rest) = rest.split_at_checked(self.parts)?;
            self.least = least;
            if position - self.at > self.part * self.parts {
                return self.pass_block();
            }
        }
        let (width, widths) = self.widths.split_first()?;
        self.width = usize::from(*width);
        self.widths = widths;
        self.packed = self.take_part(self.width)?;
        self.end = self.at + self.part;
        self.done = 0;
        Some(())
    }

    /// Goes on behind a block, of which no part was begun.
    fn pass_block(&mut self) -> Option<()> {
        let mut sum = self.least.wrapping_mul((self.part * self.parts) as i64);
        for width in std::mem::take(&mut self.widths) {
            if *width > 0 {
                let (width, from) = (usize::from(*width), self.rest);
                let packed = self.take_part(width)?;
                let more = sum_of_part(from, width, self.part)
                    .unwrap_or_else(|| sum_of_packed(packed, width, 0..self.part));
                sum = sum.wrapping_add(more as i64);
            }
        }
        self.value = self.value.wrapping_add(sum);
        self.at += self.part * self.parts;
        self.end = self.at;
        Some(())
    }

    /// The bytes of a part whose differences have so many bits.
    fn take_part(&mut self, width: usize) -> Option<&'a [u8]> {
        if width > 64 {
            return None;
        }
        let (packed, rest) = self.rest.split_at_checked((self.part / 8).checked_mul(width)?)?;
        self.rest = rest;
        Some(packed)
    }

    /// Adds up the differences to a position of the part.
    fn advance(&mut self, position: usize) {
        let steps = position - self.at;
        let sum = self.least.wrapping_mul(steps as i64);
        let more = sum_of_packed(self.packed, self.width, self.done..self.done + steps);
        self.value = self.value.wrapping_add(sum).wrapping_add(more as i64);
        self.at = position;
        self.done += steps;
    }
}

/// The sum of the first integers of so many bits, eight at a time, if they are not too wide and more bytes follow.
fn sum_of_part(bytes: &[u8], width: usize, count: usize) -> Option<u64> {
    if width > WIDEST {
        return None;
    }
    let mask = u64::MAX >> (64 - width);
    let places: [(usize, usize); 8] = std::array::from_fn(|i| (i * width / 8, i * width % 8));
    let mut sum = 0_u64;
    for group in 0..count / 8 {
        let words = bytes.get(group * width..)?.first_chunk::<{ WIDEST + 8 }>()?;
        for (byte, bit) in places {
            let word = words[byte..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            sum = sum.wrapping_add(word >> bit & mask);
        }
    }
    Some(sum)
}

/// The sum of some of the integers of so many bits that are packed without gaps.
fn sum_of_packed(bytes: &[u8], width: usize, integers: Range<usize>) -> u64 {
    let mut sum = 0_u64;
    if width == 0 {
        return sum;
    }
    let mut next = integers.start;
    while next < integers.end {
        // Among equal steps a gap of some hours is a large number among zeros.
        let byte = next * width / 8;
        let (words, _) = bytes.get(byte..).unwrap_or_default().as_chunks::<8>();
        let zeros = words.iter().take_while(|word| **word == [0; 8]).count();
        let behind_zeros = if zeros > 0 { 8 * (byte + 8 * zeros) / width } else { 0 };
        if behind_zeros > next {
            next = behind_zeros;
        } else {
            sum = sum.wrapping_add(packed(bytes, next * width, width));
            next += 1;
        }
    }
    sum
}

/// The integer of 1 to 64 bits that begins at a bit, the least significant first.
#[inline]
fn packed(bytes: &[u8], bit: usize, width: usize) -> u64 {
    let bytes = bytes.get(bit / 8..).unwrap_or_default();
    let mask = u64::MAX >> (64 - width);
    match bytes.first_chunk() {
        Some(word) if bit % 8 + width <= 64 => u64::from_le_bytes(*word) >> (bit % 8) & mask,
        _ => {
            let word = bytes.iter().take(9).rev().fold(0, |word: u128, byte| word << 8 | u128::from(*byte));
            (word >> (bit % 8)) as u64 & mask
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
    use tempfile::NamedTempFile;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// Integers that the library wrote in pages of 1024, read back at the rows of some steps.
    fn at_rows(integers: &[i64], version: WriterVersion, encoding: Encoding, steps: &[usize]) -> Option<()> {
        let file = NamedTempFile::new().unwrap();
        let field = Field::new("integer", DataType::Int64, false);
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(vec![field])),
            vec![Arc::new(Int64Array::from(integers.to_vec()))],
        )
        .unwrap();
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_enabled(false)
            .set_encoding(encoding)
            .set_data_page_row_count_limit(1024);
        let mut writer =
            ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let reader = SerializedFileReader::new_with_options(file.reopen().unwrap(), options).unwrap();
        let metadata = reader.metadata();
        let pages = metadata.offset_index().unwrap()[0][0].page_locations().clone();
        assert_eq!(pages.len(), integers.len().div_ceil(1024));
        for step in steps {
            let wanted: Vec<usize> = (step / 2..integers.len()).step_by(*step).collect();
            let chunk = metadata.row_group(0).column(0);
            let file = file.reopen().unwrap();
            let found = stored_integers(file, chunk, integers.len(), pages.clone(), Some(&wanted))?;
            let expected: Vec<i64> = wanted.iter().map(|row| integers[*row]).collect();
            assert_eq!(found, expected, "{version:?}, each {step}th");
        }
        let (file, chunk) = (file.reopen().unwrap(), metadata.row_group(0).column(0));
        assert_eq!(stored_integers(file, chunk, integers.len(), pages, None)?, integers, "{version:?}");
        Some(())
    }

    #[test]
    fn rows_are_found_among_differences_of_any_width() {
        let rows = 5000_i64;
        let mut state = 1_u64;
        let mut random = |bits: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 1 >> (63 - bits)) as i64
        };
        let mut sum = |bits: u32| {
            let mut time = -HOUR;
            (0..rows)
                .map(|_| {
                    time = time.wrapping_add(random(bits));
                    time
                })
                .collect::<Vec<i64>>()
        };
        let mut all: Vec<Vec<i64>> = [1, 3, 8, 17, 31, 32, 33, 47, 56, 57, 58, 62].map(&mut sum).to_vec();
        all.push((0..rows).map(|i| i * HOUR).collect());
        // Gaps among equal steps, some of them two in a part.
        all.push((0..rows).map(|i| (i + i / 40 * 7 + i / 43) * HOUR).collect());
        all.push(vec![i64::MIN, i64::MAX, 0, -1, i64::MIN, 5]);
        all.push(vec![7]);
        for integers in all {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                let steps = [1, 2, 31, 130, 999, 3000];
                assert_eq!(at_rows(&integers, version, Encoding::DELTA_BINARY_PACKED, &steps), Some(()));
            }
        }
    }

    #[test]
    fn other_encodings_are_left_to_who_decodes_rows() {
        assert_eq!(at_rows(&[1, 2, 3], WriterVersion::PARQUET_1_0, Encoding::PLAIN, &[1]), None);
    }

    #[test]
    fn pages_behind_a_dictionary_are_left_to_who_decodes_rows() {
        let integers: Vec<i64> = (0..8192).map(|row| row * row).collect();
        let file = NamedTempFile::new().unwrap();
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(vec![Field::new("integer", DataType::Int64, false)])),
            vec![Arc::new(Int64Array::from(integers.clone()))],
        )
        .unwrap();
        // Its dictionary is full after a page, and the others are of differences.
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_page_size_limit(4096)
            .set_write_batch_size(512)
            .set_data_page_row_count_limit(1024);
        let mut writer =
            ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let reader = SerializedFileReader::new_with_options(file.reopen().unwrap(), options).unwrap();
        let (metadata, chunk) = (reader.metadata(), reader.metadata().row_group(0).column(0));
        assert!(chunk.encodings().any(|encoding| encoding == Encoding::DELTA_BINARY_PACKED));
        assert!(chunk.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));
        let pages = metadata.offset_index().unwrap()[0][0].page_locations().clone();
        let found = stored_integers(file.reopen().unwrap(), chunk, 8192, pages, Some(&[5000, 7000]));
        assert_eq!(found, None, "{}", integers[5000]);
    }

    #[test]
    fn broken_pages_are_none() {
        // Blocks of 128 in four parts, three integers from 5 on, whose differences are 2 and more by two bits.
        let page = [128, 1, 4, 3, 10, 4, 2, 0, 0, 0, 0b0000_0001, 0, 0, 0, 0, 0, 0, 0];
        let at = |bytes: &[u8], count, position| Integers::new(bytes, count)?.at(position);
        assert_eq!([0, 1, 2].map(|position| at(&page, 3, position)), [Some(5), Some(8), Some(10)]);
        assert_eq!(at(&page, 3, 3), None, "no such position");
        assert_eq!(at(&page, 4, 0), None, "another number of integers");
        let all = |bytes: &[u8]| {
            let mut all = Vec::new();
            Integers::new(bytes, 3)?.append_all(&mut all).map(|()| all)
        };
        assert_eq!(all(&page), Some(vec![5, 8, 10]));
        for length in 0..page.len() {
            assert_eq!(at(&page[..length], 3, 2), None, "cut to {length} bytes");
            assert_eq!(all(&page[..length]), None, "cut to {length} bytes");
        }
        // A block of 2^63, of which a part of a block of 16 bits would have 2^64 bits.
        let mut vast = [128; 32];
        vast[..16].copy_from_slice(&[128, 128, 128, 128, 128, 128, 128, 128, 128, 1, 1, 3, 10, 4, 16, 0]);
        assert_eq!(at(&vast, 3, 2), None, "a block of 2^63");
        for (place, byte) in [(0, 127), (2, 0), (2, 8), (6, 65)] {
            let mut broken = page;
            broken[place] = byte;
            assert_eq!(at(&broken, 3, 2), None, "{byte} at {place}");
        }
    }
}
