//! Integration tests of the dataset, one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod column; // numbers as a source stores them
mod damaged_files; // Parquet files with changed bytes: an error or the values, never a panic
mod damaged_pages; // Parquet pages with changed bytes: never other values than the library's
mod geography; // distances, and what is near
#[cfg(target_os = "linux")]
mod interrupt; // signals that the process was started to ignore
mod names; // names in messages
mod other_writers; // Parquet files that isd-convert did not write
mod output_file; // files that appear when they are complete
mod reader; // a written dataset, opened and read
mod station_table; // the stations of a dataset, written and read
mod support; // rows of hourly observations, and datasets of them
mod times_of_rows; // times of single rows, by the list of steps and without it
mod written_pages; // pages that are written by hand, beside the library's
