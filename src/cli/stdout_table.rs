//! A table on standard output: record batches in, aligned columns on a terminal and CSV in a pipe out.

use std::io::{self, BufWriter, IsTerminal, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::failure::Failure;
use crate::output::{write_csv, write_table};

/// Writes a table to standard output. `what` is what its rows are called in messages.
///
/// # Errors
/// A batch that is an error, or standard output cannot be written.
pub(super) fn print_table(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone,
    what: &str,
) -> Result<(), Failure> {
    let mut out = Stdout { out: BufWriter::new(io::stdout().lock()), failure: None };
    let written = if io::stdout().is_terminal() {
        write_table(&mut out, schema, batches)
    } else {
        write_csv(&mut out, schema, batches)
    };
    let flushed = out.flush();
    match (out.failure, written, flushed) {
        (Some(error), ..) | (None, Ok(()), Err(error)) => Err(Failure::stdout(&error)),
        (None, Err(error), _) => Err(Failure::error(format!("cannot format the {what}: {error}"))),
        (None, Ok(()), Ok(())) => Ok(()),
    }
}

/// Standard output that remembers why it failed: the formatters turn that into a text.
struct Stdout<W> {
    out: W,
    /// The first failure.
    failure: Option<io::Error>,
}

impl<W: Write> Stdout<W> {
    /// Remembers a failure; the caller gets one of the same kind.
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failure.get_or_insert(error);
            kind.into()
        })
    }
}

impl<W: Write> Write for Stdout<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.note(result)
    }
}
