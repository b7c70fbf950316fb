//! The behaviour of `isd-query`: every test writes its files, runs the binary and reads what it prints.
#![expect(clippy::unwrap_used, reason = "clippy.toml allows it in tests, which leaves out their helpers")]

/// What statements answer: counts, groups, dates, windows, quantiles, datasets and their Hive keys.
mod answers;
/// One line and a hint, the exit status, nothing on standard output.
mod errors;
/// File formats read and output formats written.
mod formats;
/// Files for the tests, and the binary's run.
mod support;
