//! Parquet pages read and written by hand, where that is faster than the library: column chunks in and out.

pub(crate) mod chunk_bytes;
pub(crate) mod chunk_pages;
pub(crate) mod column_pages;
pub(crate) mod dictionary_pages;
pub(crate) mod hybrid;
pub(crate) mod station_pages;
pub(crate) mod station_runs;
pub(crate) mod stored_times;
pub(crate) mod stored_values;
pub(crate) mod time_pages;
pub(crate) mod time_steps;
pub(crate) mod unpack;
pub(crate) mod value_pages;
