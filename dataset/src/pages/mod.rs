//! Parquet pages that are written and read by hand, where that is much faster than the `parquet` library.
//!
//! | function | column | who does it otherwise |
//! |---|---|---|
//! | [`write_stations`] | `station_id`, where stations have 64 rows or more | the library, row by row |
//! | [`write_values`] | doubles of at most 65,536 distinct values | the library, by hashing each |
//! | [`read_stations`] | strings stored by way of a dictionary, none missing | the library, row by row |
//! | [`read_values`] | doubles stored by way of a dictionary of at most 65,536 | the library, in three passes |
//!
//! Each of them leaves to the library what it is not made for: it returns `None`, and its caller takes the other way.
//! A reader also returns `None` where pages are broken, so that the library says what is wrong with them. Times are
//! always written and read by the library.
//!
//! # Why by hand
//!
//! FIGURES
//!
//! # What the pages look like
//!
//! All pages are ordinary Parquet, as the library would write it: a column chunk is a dictionary page with the distinct
//! values, and data pages with the index of each row's value in it. Indices, and the definition levels that say which rows
//! have a value, are stored in a [hybrid](hybrid) of runs and packed bits. The encodings are described in
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

mod bit_packing;
mod column_chunk;
mod decompression;
mod dictionary_pages;
mod hybrid;
mod read_stations;
mod read_values;
mod write_stations;
mod write_values;

use std::fs::File;

use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

pub(crate) use column_chunk::EncodedChunk;
pub(crate) use read_stations::read_stations;
pub(crate) use read_values::read_values;
pub(crate) use write_stations::write_stations;
pub(crate) use write_values::write_values;

/// A column chunk of a file: the pages of one column in one row group.
pub(crate) struct StoredChunk<'a> {
    /// The file, opened for this chunk alone: reading moves its position.
    pub(crate) file: File,
    /// What the file's footer says of the chunk.
    pub(crate) metadata: &'a ColumnChunkMetaData,
    /// Number of rows in the row group.
    pub(crate) rows: usize,
    /// Where each data page begins, if the file has an index of that.
    pub(crate) pages: Option<Vec<PageLocation>>,
}
