//! Tests of the pictures and of `isd-view`, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Datasets and tables on disk, runs of `isd-view`, and what an SVG holds.
mod support;

/// The band is what the kernel tests by.
mod band;
/// The smallest and largest value of each pixel column, against a plain model; what is missing.
mod columns;
/// Bad input: one line, a hint, an exit status, and no file.
mod failures;
/// Maps and calendars.
mod maps;
/// The page: who is answered and with what, how it ends, and the report.
mod page;
/// Ticks of axes.
mod scale;
/// Plots of series: none, one, gaps, infinite z-scores, many rows, a century; texts that mean something in XML.
mod series;
/// The published data beside the checkout.
mod shared;
