//! The pages of a dictionary-encoded column chunk: a file in, the dictionary and the indices into it out.
//!
//! See <https://parquet.apache.org/docs/file-format/data-pages/>.

use std::fs::File;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use crate::pages::chunk_pages::ChunkPages;
use crate::pages::hybrid::sized;

/// What a page holds.
pub(crate) enum DictionaryPage {
    /// So many distinct values in the plain encoding.
    Entries { bytes: Bytes, count: usize },
    /// Of so many rows the definition levels, where rows may be missing, and the indices of those that are not, behind
    /// their width in bits.
    Indices { levels: Option<Bytes>, indices: Bytes, rows: usize },
}

/// The pages of a column chunk of `rows` rows; `pages` are their places, if known.
///
/// `None` for a column of lists or without a dictionary, and in place of a page that cannot be read or is of another encoding: the last one worth
/// looking at.
pub(crate) fn dictionary_pages(
    file: File,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    pages: Option<Vec<PageLocation>>,
) -> Option<impl Iterator<Item = Option<DictionaryPage>>> {
    let column = chunk.column_descr();
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return None;
    }
    // Known without reading the chunk, which would be for nothing.
    chunk.dictionary_page_offset()?;
    let optional = column.max_def_level() == 1;
    let pages = ChunkPages::read(file, chunk, rows, pages)?;
    Some(pages.map(move |page| DictionaryPage::of(page?, optional)))
}

impl DictionaryPage {
    fn of(page: Page, optional: bool) -> Option<Self> {
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
                let (levels, indices) = if optional { sized(&buf)? } else { (&[][..], &buf[..]) };
                let levels = optional.then(|| buf.slice_ref(levels));
                Some(Self::Indices { levels, indices: buf.slice_ref(indices), rows: num_values as usize })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                def_levels_byte_len,
                rep_levels_byte_len: 0,
                ..
            } => {
                let (levels, indices) = buf.split_at_checked(def_levels_byte_len as usize)?;
                let levels = optional.then(|| buf.slice_ref(levels));
                Some(Self::Indices { levels, indices: buf.slice_ref(indices), rows: num_values as usize })
            }
            _ => None,
        }
    }
}
