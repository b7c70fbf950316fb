//! The tests of the package, one binary: each module tests one behaviour from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod convert; // isd-convert as it is run from a shell
mod kernel; // the kernel against the rational model
mod model; // the model
mod synth; // synthetic archives: the same bytes from the same seed, and what was planted is what is there
