//! The behaviour of `isd-query`: every test writes its files, runs the binary and reads what it prints.
#![expect(clippy::unwrap_used, reason = "clippy.toml allows it in tests, which leaves out their helpers")]

/// What statements answer: counts, groups, dates, windows, quantiles, datasets and their Hive keys.
mod answers;
/// What DuckDB answers to the same statements on the same data.
mod battery;
/// What the text of a CSV file says, damaged files, and numbers of threads.
mod csv;
/// One line and a hint, the exit status, nothing on standard output.
mod errors;
/// Files that statements write, and tables that they make of files.
mod files;
/// File formats read and output formats written.
mod formats;
/// Distances, forward fill and z-scores.
mod functions;
/// Signals that end a query: the status, and files that must not be left.
#[cfg(unix)]
mod interrupted;
/// Queries with names and parameters.
mod named;
/// The prompt.
#[cfg(unix)]
mod shell;
/// Groups that are the stations of a dataset.
mod station_aggregates;
/// Files for the tests, and the binary's run.
mod support;
/// Names of tables, patterns, station lists, and what is not read of a dataset.
mod tables;
