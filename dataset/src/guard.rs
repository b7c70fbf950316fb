//! Readers of other crates on damaged files: a call in, its result or why it failed out, never a panic.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a call of a reader; an error or a panic becomes a reason.
///
/// What the call works on must not be used after a failure: a panic may have left it half changed.
pub fn guarded<T, E: Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the reader gave up on a damaged structure".into()),
    }
}
