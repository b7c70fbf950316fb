//! Integration tests of the converters, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Writing a dataset: order, whole stations, layout, what is left after an error.
mod dataset;
/// HDF5 archives: both layouts, packing, times, stations, and all that can be wrong with a file.
mod hdf5;
/// The same on published data and on files of other writers, where they are at hand.
mod hdf5_real;
/// A source held in memory, for tests of what comes after a source.
mod memory;
