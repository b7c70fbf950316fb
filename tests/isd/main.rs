//! The tests of the package, one binary: each module tests one behaviour from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod by_year; // isd-detect --partition-by year
mod convert; // isd-convert as it is run from a shell
mod detect; // the detector on datasets of every layout
mod detect_cli; // isd-detect as it is run from a shell
mod detect_refusals; // every way to get isd-detect wrong
mod embedded; // tools within another program
mod events; // isd-events: verdicts, options, mistakes, forms of a result
mod events_found; // what it finds in published rows and among planted storms
mod failures; // isd-qc and isd-events that cannot go on
mod help; // --help and --version of each tool
mod hourly; // a job that runs every hour over files that grow and break
mod interrupted; // tools that are told to stop
mod jobs; // isd-detect as a job that runs again and again
mod kernel_expressions; // filled columns and rolling statistics as Polars expressions
mod memory; // datasets for tests
#[allow(dead_code, reason = "the tests of the converters use the rest")]
#[path = "../../converters/tests/converters/memory.rs"]
mod memory_source; // a source whose rows the test gives
#[allow(dead_code, reason = "the kernel's own tests use the rest")]
#[path = "../../kernel/tests/kernel/model.rs"]
mod model; // the kernel's brute-force model
mod parquet_file; // tables of several row groups
mod parts; // isd-detect --part, --join and --split
mod parts_split; // how row groups are cut into parts
mod plan; // the lazy plan on frames, both engines
mod qc; // quality control
mod readme; // the session of the README
mod real; // the published rows
mod shell; // the tools as they are run from a shell
mod sources_cli; // archives of many files: straight through, inspected, updated, with bad files among them
mod spool; // outliers beyond the memory limit
mod stations; // isd-detect --stations
#[path = "../../kernel/tests/kernel/strategies.rs"]
mod strategies; // the kernel's random series and options
mod synth; // synthetic archives: the same bytes from the same seed, and what was planted is what is there
mod synth_cli; // isd-synth as it is run from a shell
mod synth_weather; // synthetic weather: what users of the archives rely on
mod tables_cli; // tables of other writers and several datasets, straight through and converted
