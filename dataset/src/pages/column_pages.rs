//! Encoded pages of a column in, a column chunk that is complete but for its place in a file out.
//!
//! The pages are those that the Parquet library would write: a dictionary, if there is one, then data pages, with
//! statistics and the page index. See <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, EncodingMask, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// A column chunk.
pub(crate) struct ColumnPages {
    /// Its pages, one behind the other.
    pub(crate) bytes: Bytes,
    /// What the file's footer will say of them.
    pub(crate) close: ColumnCloseResult,
}

/// The bytes of a page, as they are stored.
pub(crate) struct Body {
    stored: Vec<u8>,
    /// Their number before they were compressed.
    size: usize,
}

impl Body {
    /// Compresses a page.
    ///
    /// # Errors
    /// None but what the library would not accept of a page.
    pub(crate) fn new(bytes: &[u8], compressor: &mut Compressor<'_>) -> Result<Self> {
        let stored = compressor.compress(bytes).map_err(ParquetError::from)?;
        Ok(Self { stored, size: bytes.len() })
    }
}

/// What compresses the pages of a column.
///
/// # Errors
/// None but of a level that there is not.
pub(crate) fn compressor(level: ZstdLevel) -> Result<Compressor<'static>> {
    Compressor::new(level.compression_level()).map_err(ParquetError::from)
}

/// A data page.
pub(crate) struct DataPage {
    pub(crate) body: Body,
    pub(crate) rows: usize,
    pub(crate) nulls: usize,
    /// Least and greatest value in the plain encoding; `None` if all are missing.
    pub(crate) bounds: Option<(Vec<u8>, Vec<u8>)>,
    /// Bytes of all values, of a column of strings.
    pub(crate) text_bytes: Option<usize>,
}

/// All that a column chunk is made of.
pub(crate) struct Parts<'a> {
    pub(crate) column: &'a ColumnDescPtr,
    /// What the pages are compressed with.
    pub(crate) level: ZstdLevel,
    /// The distinct values in the plain encoding, and their number.
    pub(crate) dictionary: Option<(Body, usize)>,
    /// That of the data pages.
    pub(crate) encoding: Encoding,
    pub(crate) pages: Vec<DataPage>,
    /// How the bounds of the pages follow each other.
    pub(crate) order: BoundaryOrder,
    pub(crate) statistics: Statistics,
}

/// Lays the pages behind each other.
///
/// # Errors
/// None but what the library would not accept of a column's metadata.
pub(crate) fn column_pages(parts: Parts<'_>) -> Result<ColumnPages> {
    let Parts { column, level, dictionary, encoding, pages, order, statistics } = parts;
    let mut sink = TrackedWrite::new(Vec::new());
    let mut writer = SerializedPageWriter::new(&mut sink);
    let mut sizes = Sizes::default();
    let mut encodings = vec![Encoding::RLE, encoding];
    let mut page_encodings = Vec::new();
    let of_pages = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
    let mut dictionary_page = None;
    if let Some((dictionary, entries)) = dictionary {
        let written = sizes.write(&mut writer, dictionary, |buf| Page::DictionaryPage {
            buf,
            num_values: entries as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        dictionary_page = Some(written.offset as i64);
        encodings.push(Encoding::PLAIN);
        page_encodings.push(of_pages(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
    }
    page_encodings.push(of_pages(PageType::DATA_PAGE, encoding, pages.len() as i32));
    let mut offset_index = OffsetIndexBuilder::new();
    let mut column_index = ColumnIndexBuilder::new(column.physical_type());
    column_index.set_boundary_order(order);
    let (mut rows, mut nulls, mut text_bytes) = (0, 0, None);
    let mut first_data_page = None;
    for page in pages {
        let written = sizes.write(&mut writer, page.body, |buf| Page::DataPage {
            buf,
            num_values: page.rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        first_data_page.get_or_insert(written.offset);
        offset_index.append_row_count(page.rows as i64);
        offset_index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        offset_index.append_unencoded_byte_array_data_bytes(page.text_bytes.map(|bytes| bytes as i64));
        let missing = page.bounds.is_none();
        let (least, greatest) = page.bounds.unwrap_or_default();
        column_index.append(missing, least, greatest, page.nulls as i64);
        column_index.append_histograms(&None, &levels(column, page.rows, page.nulls));
        rows += page.rows;
        nulls += page.nulls;
        text_bytes = page.text_bytes.map(|bytes| bytes + text_bytes.unwrap_or(0));
    }
    writer.close()?;

    let metadata = ColumnChunkMetaData::builder(Arc::clone(column))
        .set_compression(Compression::ZSTD(level))
        .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
        .set_page_encoding_stats(page_encodings)
        .set_total_compressed_size(sizes.compressed as i64)
        .set_total_uncompressed_size(sizes.uncompressed as i64)
        .set_num_values(rows as i64)
        .set_dictionary_page_offset(dictionary_page)
        .set_data_page_offset(first_data_page.unwrap_or_default() as i64)
        .set_statistics(statistics)
        .set_unencoded_byte_array_data_bytes(text_bytes.map(|bytes| bytes as i64))
        .set_definition_level_histogram(levels(column, rows, nulls))
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: sizes.compressed as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: Some(column_index.build()?),
        offset_index: Some(offset_index.build()),
    };
    Ok(ColumnPages { bytes: sink.into_inner()?.into(), close })
}

/// How the bounds of pages, each the least and the greatest value, follow each other.
pub(crate) fn boundary_order<T: PartialOrd>(bounds: &[(T, T)]) -> BoundaryOrder {
    let all = |follows: fn(&T, &T) -> bool| {
        bounds.windows(2).all(|pair| match pair {
            [a, b] => follows(&a.0, &b.0) && follows(&a.1, &b.1),
            _ => true,
        })
    };
    if all(|a, b| a <= b) {
        BoundaryOrder::ASCENDING
    } else if all(|a, b| a >= b) {
        BoundaryOrder::DESCENDING
    } else {
        BoundaryOrder::UNORDERED
    }
}

/// How many values are missing and how many are there, of a column in which some may be missing.
fn levels(column: &ColumnDescPtr, rows: usize, nulls: usize) -> Option<LevelHistogram> {
    (column.max_def_level() == 1).then(|| vec![nulls as i64, (rows - nulls) as i64].into())
}

/// Sizes of all pages, headers included.
#[derive(Default)]
struct Sizes {
    compressed: usize,
    uncompressed: usize,
}

impl Sizes {
    fn write(
        &mut self,
        writer: &mut impl PageWriter,
        body: Body,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<PageWriteSpec> {
        let Body { stored, size } = body;
        if i32::try_from(size.max(stored.len())).is_err() {
            return Err(ParquetError::General(format!("a page of {size} bytes")));
        }
        let written = writer.write_page(CompressedPage::new(page(stored.into()), size))?;
        self.compressed += written.compressed_size;
        self.uncompressed += written.uncompressed_size;
        Ok(written)
    }
}

/// Bits of an index into a dictionary of so many entries. Not every reader knows of indices of no bits, which would do
/// for one entry.
pub(crate) fn index_width(entries: usize) -> u32 {
    usize::BITS - entries.saturating_sub(1).max(1).leading_zeros()
}

/// Appends a run of the RLE and bit-packing hybrid: its length, doubled, then what repeats.
pub(crate) fn append_run(bytes: &mut Vec<u8>, value: u32, rows: usize, width: u32) {
    append_varint(bytes, (rows as u64) << 1);
    bytes.extend(value.to_le_bytes().iter().take(width.div_ceil(8) as usize));
}

/// Appends an integer of seven bits a byte.
pub(crate) fn append_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends an integer of seven bits a byte, those of either sign in turns.
pub(crate) fn append_signed(bytes: &mut Vec<u8>, value: i64) {
    append_varint(bytes, (value << 1 ^ value >> 63) as u64);
}
