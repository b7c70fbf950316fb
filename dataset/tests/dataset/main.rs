//! Integration tests of the dataset, one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod damaged_files; // Parquet files with changed bytes: an error or the values, never a panic
mod other_writers; // Parquet files that isd-convert did not write
mod reader; // a written dataset, opened and read
mod support; // rows of hourly observations, and datasets of them
mod times_of_rows; // times of single rows, by the list of steps and without it
