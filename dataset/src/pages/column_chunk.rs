//! From the encoded pages of a column to a column chunk that is complete but for its place in a file.
//!
//! The chunk is what the Parquet library would write: a dictionary page, then data pages; for the footer, statistics of the
//! chunk and an index of the pages.

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

/// A column chunk, ready to be appended to a row group.
pub(crate) struct EncodedChunk {
    /// Its pages, one after the other.
    pub(crate) bytes: Bytes,
    /// What the file's footer will say of them.
    pub(crate) close: ColumnCloseResult,
}

/// The bytes of a page, compressed.
pub(super) struct PageBytes {
    compressed: Vec<u8>,
    /// Number of bytes before compression.
    size: usize,
}

impl PageBytes {
    /// Compresses the encoded bytes of a page. Errors: compression fails only where memory does.
    pub(super) fn new(bytes: &[u8], compressor: &mut Compressor<'_>) -> Result<Self> {
        let compressed = compressor.compress(bytes).map_err(ParquetError::from)?;
        Ok(Self { compressed, size: bytes.len() })
    }
}

/// Returns a compressor for the pages of one column. Errors: a level that zstd does not have.
pub(super) fn compressor(level: ZstdLevel) -> Result<Compressor<'static>> {
    Compressor::new(level.compression_level()).map_err(ParquetError::from)
}

/// A data page, and what the indexes in the footer say of it.
pub(super) struct DataPage {
    pub(super) bytes: PageBytes,
    pub(super) rows: usize,
    /// Rows without a value.
    pub(super) nulls: usize,
    /// Least and greatest value in the plain encoding; `None` where no row has a value.
    pub(super) bounds: Option<(Vec<u8>, Vec<u8>)>,
    /// Bytes of all values together, in a column of strings.
    pub(super) text_bytes: Option<usize>,
}

/// The distinct values of a column chunk.
pub(super) struct DictionaryPage {
    /// The values in the plain encoding.
    pub(super) bytes: PageBytes,
    /// Number of values.
    pub(super) entries: usize,
}

/// All that a column chunk is made of.
pub(super) struct Parts<'a> {
    pub(super) column: &'a ColumnDescPtr,
    /// The level that the pages are compressed at.
    pub(super) level: ZstdLevel,
    pub(super) dictionary: DictionaryPage,
    /// At least one; the values are indices into the dictionary.
    pub(super) pages: Vec<DataPage>,
    /// How the bounds of the pages follow each other.
    pub(super) order: BoundaryOrder,
    pub(super) statistics: Statistics,
}

/// Puts the pages one after the other, and describes them for the footer.
/// Errors: no data page at all, a page of 2 GiB or more, or what the library would not accept of a column's metadata.
pub(super) fn column_chunk(parts: Parts<'_>) -> Result<EncodedChunk> {
    let Parts { column, level, dictionary, pages, order, statistics } = parts;
    let mut sink = TrackedWrite::new(Vec::new());
    let mut writer = SerializedPageWriter::new(&mut sink);
    let mut sizes = Sizes::default();
    let entries = dictionary.entries as u32;
    let dictionary_page = sizes.write(&mut writer, dictionary.bytes, |buf| Page::DictionaryPage {
        buf,
        num_values: entries,
        encoding: Encoding::PLAIN,
        is_sorted: false,
    })?;
    let of_pages = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
    let page_encodings = vec![
        of_pages(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
        of_pages(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, pages.len() as i32),
    ];
    let mut offset_index = OffsetIndexBuilder::new();
    let mut column_index = ColumnIndexBuilder::new(column.physical_type());
    column_index.set_boundary_order(order);
    let (mut rows, mut nulls, mut text_bytes) = (0, 0, None);
    let mut first_data_page = None;
    for page in pages {
        let written = sizes.write(&mut writer, page.bytes, |buf| Page::DataPage {
            buf,
            num_values: page.rows as u32,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        first_data_page.get_or_insert(written.offset as i64);
        offset_index.append_row_count(page.rows as i64);
        offset_index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        offset_index.append_unencoded_byte_array_data_bytes(page.text_bytes.map(|bytes| bytes as i64));
        match page.bounds {
            Some((least, greatest)) => column_index.append(false, least, greatest, page.nulls as i64),
            // The format has empty bounds for a page without values.
            None => column_index.append(true, Vec::new(), Vec::new(), page.nulls as i64),
        }
        column_index.append_histograms(&None, &levels(column, page.rows, page.nulls));
        rows += page.rows;
        nulls += page.nulls;
        text_bytes = match (text_bytes, page.text_bytes) {
            (Some(all), Some(bytes)) => Some(all + bytes),
            (all, bytes) => all.or(bytes),
        };
    }
    writer.close()?;
    let no_page = || ParquetError::General("a column chunk without a data page".into());
    let encodings = [Encoding::RLE, Encoding::RLE_DICTIONARY, Encoding::PLAIN];
    let metadata = ColumnChunkMetaData::builder(Arc::clone(column))
        .set_compression(Compression::ZSTD(level))
        .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
        .set_page_encoding_stats(page_encodings)
        .set_total_compressed_size(sizes.compressed as i64)
        .set_total_uncompressed_size(sizes.uncompressed as i64)
        .set_num_values(rows as i64)
        .set_dictionary_page_offset(Some(dictionary_page.offset as i64))
        .set_data_page_offset(first_data_page.ok_or_else(no_page)?)
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
    Ok(EncodedChunk { bytes: sink.into_inner()?.into(), close })
}

/// Says how the bounds of pages, each the least and the greatest value, follow each other.
pub(super) fn boundary_order<T: PartialOrd>(bounds: &[(T, T)]) -> BoundaryOrder {
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

/// The number of rows without and with a value; `None` for a column in which every row must have one.
fn levels(column: &ColumnDescPtr, rows: usize, nulls: usize) -> Option<LevelHistogram> {
    (column.max_def_level() == 1).then(|| vec![nulls as i64, (rows - nulls) as i64].into())
}

/// Bytes of all pages, with their headers.
#[derive(Default)]
struct Sizes {
    compressed: usize,
    uncompressed: usize,
}

impl Sizes {
    /// Writes a page, and adds its sizes.
    fn write(
        &mut self,
        writer: &mut impl PageWriter,
        bytes: PageBytes,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<PageWriteSpec> {
        let PageBytes { compressed, size } = bytes;
        if i32::try_from(size.max(compressed.len())).is_err() {
            return Err(ParquetError::General(format!("a page of {size} bytes")));
        }
        let written = writer.write_page(CompressedPage::new(page(compressed.into()), size))?;
        self.compressed += written.compressed_size;
        self.uncompressed += written.uncompressed_size;
        Ok(written)
    }
}
