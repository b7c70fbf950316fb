//! The tests of the package, one binary: each module tests one behaviour from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod convert; // isd-convert as it is run from a shell
