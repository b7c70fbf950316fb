//! Readers of other crates on damaged files: from a call that may panic to its result, or to why it failed.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls a reader that returns `None` where it cannot read; a panic is `None`, too.
pub fn attempted<T>(call: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok().flatten()
}

/// Calls a reader; returns what it returns.
///
/// # Errors
/// The text of the reader's error, or of one that stands for a panic. What the call worked on must not be used any more: a
/// panic may have left it half changed.
pub fn guarded<T, E: Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the reader gave up on a damaged structure".into()),
    }
}
