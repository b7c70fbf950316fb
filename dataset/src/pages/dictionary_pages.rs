//! From a column chunk to the pages of its dictionary encoding: the dictionary, and indices into it.
//!
//! See <https://parquet.apache.org/docs/file-format/data-pages/>.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::decompression::decompressed;
use super::hybrid::sized;
use super::page_file::PageFile;

/// A column chunk of a file: the pages of one column in one row group.
pub(crate) struct StoredChunk<'a> {
    /// The file, opened for this chunk alone: reading moves its position.
    pub(crate) file: PageFile,
    /// What the file's footer says of the chunk.
    pub(crate) metadata: &'a ColumnChunkMetaData,
    /// Number of rows in the row group.
    pub(crate) rows: usize,
    /// Where each data page begins, if the file has an index of that.
    pub(crate) pages: Option<Vec<PageLocation>>,
    /// The rows that are wanted, in ascending ranges; `None` for all.
    pub(crate) wanted: Option<&'a [Range<usize>]>,
}

/// What a page holds, decompressed.
pub(super) enum DictionaryPage {
    /// `count` distinct values in the plain encoding.
    Entries { bytes: Bytes, count: usize },
    /// The values of `rows` rows.
    Indices {
        /// Definition levels, which say which rows have a value; `None` where all have one.
        levels: Option<Bytes>,
        /// Rows without a value, if the page's header says how many.
        nulls: Option<usize>,
        /// The width of an index in bits, as a byte, then an index for each row that has a value.
        indices: Bytes,
        rows: usize,
    },
    /// A page of `rows` rows, none of which is wanted; it was not read.
    Unwanted { rows: usize },
}

/// Reads the pages of a column chunk one after the other, those without a wanted row aside; `None` takes the place of a page that cannot be read or is
/// encoded otherwise, after which none is worth looking at.
///
/// Returns `None` for a column of lists or structs, and for a chunk without a dictionary.
pub(super) fn dictionary_pages(
    chunk: StoredChunk<'_>,
) -> Option<impl Iterator<Item = Option<DictionaryPage>>> {
    let StoredChunk { file, metadata, rows, pages, wanted } = chunk;
    let column = metadata.column_descr();
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return None;
    }
    // The footer says whether there is one: no page need be read to find out.
    metadata.dictionary_page_offset()?;
    let is_nullable = column.max_def_level() == 1;
    // The library hands pages over as they are stored if it believes that they are not compressed.
    let is_zstd = matches!(metadata.compression(), Compression::ZSTD(_));
    let stored = metadata.clone().into_builder();
    let stored = if is_zstd { stored.set_compression(Compression::UNCOMPRESSED) } else { stored };
    let mut pages = SerializedPageReader::new(Arc::new(file), &stored.build().ok()?, rows, pages).ok()?;
    let mut end = 0;
    Some(std::iter::from_fn(move || {
        // Of a page that is not read, only the file's index knows the rows.
        let ahead = wanted.zip(pages.peek_next_page().ok().flatten());
        if let Some((wanted, PageMetadata { num_rows: Some(rows), is_dict: false, .. })) = ahead {
            let start = end;
            end += rows;
            if !wanted.iter().any(|range| range.start < end && start < range.end) {
                return Some(pages.skip_next_page().ok().map(|()| DictionaryPage::Unwanted { rows }));
            }
        }
        let page = pages.next()?.ok();
        Some(page.and_then(|page| {
            DictionaryPage::of(if is_zstd { decompressed(page)? } else { page }, is_nullable)
        }))
    }))
}

impl DictionaryPage {
    fn of(page: Page, is_nullable: bool) -> Option<Self> {
        match page {
            Page::DictionaryPage {
                buf,
                num_values,
                encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
                ..
            } => Some(Self::Entries { bytes: buf, count: num_values as usize }),
            Page::DataPage {
                buf,
                num_values,
                encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                def_level_encoding: Encoding::RLE,
                ..
            } => {
                let (levels, indices) = if is_nullable { sized(&buf)? } else { (&[][..], &buf[..]) };
                let levels = is_nullable.then(|| buf.slice_ref(levels));
                let (indices, rows) = (buf.slice_ref(indices), num_values as usize);
                Some(Self::Indices { levels, nulls: None, indices, rows })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                num_nulls,
                encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                def_levels_byte_len,
                rep_levels_byte_len: 0,
                ..
            } => {
                let (levels, indices) = buf.split_at_checked(def_levels_byte_len as usize)?;
                let levels = is_nullable.then(|| buf.slice_ref(levels));
                let (indices, rows) = (buf.slice_ref(indices), num_values as usize);
                Some(Self::Indices { levels, nulls: Some(num_nulls as usize), indices, rows })
            }
            _ => None,
        }
    }
}
