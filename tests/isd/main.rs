//! The tests of the package, one binary: each module tests one behaviour from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod by_year; // isd-detect --partition-by year
mod convert; // isd-convert as it is run from a shell
mod detect; // the detector on datasets of every layout
mod detect_cli; // isd-detect as it is run from a shell
mod field; // what went wrong with rolling statistics elsewhere
mod interrupted;
mod kernel; // the kernel against the rational model
mod memory; // datasets for tests
mod model; // the model
mod plan; // the lazy plan on frames, both engines
mod real; // the published rows
mod shell; // the tools as they are run from a shell
mod sources_cli; // archives of many files: straight through, inspected, updated, with bad files among them
mod stations; // isd-detect --stations
mod statistics; // filled columns and rolling statistics against the model
mod synth; // synthetic archives: the same bytes from the same seed, and what was planted is what is there
