//! The tests of the kernel from outside, one binary: each module tests one behaviour.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod columns; // filled columns and rolling statistics against the model
mod field; // what went wrong with rolling statistics elsewhere
mod instruction_sets; // what this machine cannot test
mod median; // rolling median and its deviation against sorted windows
mod model; // the brute-force model
mod options; // decimals, windows and tests: what is taken and what refused
mod outliers; // outliers against the model
mod packed; // values as integers on a decimal grid
mod strategies; // random series and options
mod validity; // validity bitmaps at every offset
