//! Integration tests of the converters, one module a subject.

// Clippy allows these in test functions, but not in the helpers that they share.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

/// HDF5 archives: both layouts, packing, times, stations, and all that can be wrong with a file.
mod hdf5;
/// The same on published data and on files of other writers, where they are at hand.
mod hdf5_real;
/// Pandas tables in HDF5, as compounds.
mod hdf5_table;
