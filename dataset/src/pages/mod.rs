//! Parquet pages that are written and read by hand, where that is much faster than the `parquet` library.
//!
//! | function | column | what the library does |
//! |---|---|---|
//! | [`write_stations()`] | `station_id`, where stations have 64 rows or more | takes it row by row |
//! | [`write_values()`] | doubles, at most 65,536 distinct ones | hashes the bytes of each |
//! | [`read_stations()`] | strings stored by way of a dictionary, none missing | decodes it row by row |
//! | [`read_values()`] | doubles stored by way of a dictionary of at most 65,536 | copies each value three times |
//!
//! Each of them returns `None` for what it is not made for, so that its caller has the library do it. The readers also
//! return `None` where pages are broken: the library then says what is wrong. Times are always written and read by the
//! library.
//!
//! # Why by hand
//!
//! Measured on 52 million rows (800 stations, eight value columns, two cores): in seconds, where all four are in use and
//! where one of them is left to the library. Writing was measured with an older writer; today's
//! takes 1.7 with all four.
//!
//! | left to the library | finding the outliers of one column | writing all columns | bytes of the dataset |
//! |---|---:|---:|---:|
//! | nothing | 0.08 | 2.0 | 248 million |
//! | [`write_stations()`] | | 2.3 | as many |
//! | [`write_values()`] | | 3.1 | 251 million |
//! | [`read_stations()`] | 0.11 | | |
//! | [`read_values()`] | 0.17 | | |
//!
//! # What the pages look like
//!
//! All pages are ordinary Parquet, as the library would write it: a column chunk is a dictionary page with the distinct
//! values, and data pages with an index into it for each row that has a value. Indices, and the definition levels that say
//! which rows have a value, are stored as a [`hybrid`] of runs and packed bits. The encodings are described in
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

mod bit_packing;
mod column_chunk;
mod decompression;
mod dictionary_pages;
mod hybrid;
mod object_pages;
mod page_file;
mod read_stations;
mod read_values;
mod write_stations;
mod write_values;

pub(crate) use column_chunk::EncodedChunk;
pub(crate) use dictionary_pages::StoredChunk;
pub(crate) use object_pages::{ObjectPages, ranges_of};
pub(crate) use page_file::PageFile;
pub(crate) use read_stations::read_stations;
pub(crate) use read_values::read_values;
pub(crate) use write_stations::write_stations;
pub(crate) use write_values::write_values;
