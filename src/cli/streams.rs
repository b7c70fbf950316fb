//! Standard output and standard error, or what the program that embeds a tool has in their place: text in.

use std::io::{self, Write as _};

use super::embedded;
use super::failure::Failure;

/// Writes results to standard output.
///
/// # Errors
/// It cannot be written; [`Failure::ClosedPipe`] if the reader has gone.
pub fn print(text: &str) -> Result<(), Failure> {
    if let Some(run) = embedded::current() {
        run.print(|printed| printed.stdout.push_str(text));
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Failure::stdout(&error))
}

/// Writes to standard error. Where that is impossible, nothing happens.
pub fn say(text: &str) {
    if let Some(run) = embedded::current() {
        return run.print(|printed| printed.stderr.push_str(text));
    }
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
