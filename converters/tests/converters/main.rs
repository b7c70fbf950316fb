//! Integration tests of the crate, one binary.

// Writing a dataset: order, whole stations, layout, what is left after an error.
mod dataset;
// Sources held in memory, for tests of what comes after a source.
mod memory;
