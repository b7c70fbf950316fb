//! GHCNh as other software saves it and as NOAA's access service gives it: fields between commas, semicolons or tabs,
//! quoted or not, in; the pipe-separated lines that they stand for, and so observations, out.

use super::psv::PsvLines;
use crate::formats::text::{HeaderError, LineFormat, Rows, check_quotes, fields};
use crate::{ColumnInfo, Head, ReadOptions};

/// Separators that are known.
const SEPARATORS: [u8; 3] = *b",;\t";
/// What separates the fields of GHCNh's own files.
const PIPE: u8 = b'|';

/// The lines of one file, by its header.
pub struct CsvLines {
    separator: u8,
    lines: PsvLines,
}

/// Whether a file begins with a header of GHCNh between other separators than pipes: one with a time in parts or with
/// GHCNh's flags, since other tables may have columns of the same names.
pub fn recognises(head: &Head) -> bool {
    CsvLines::new(head.first_line(), &ReadOptions::default()).is_ok_and(|lines| lines.lines.is_certain())
}

impl CsvLines {
    /// The lines that follow the header `line`, of the separator that gives the most fields.
    ///
    /// # Errors
    /// A header without station, time or any of the variables.
    pub fn new(line: &[u8], options: &ReadOptions) -> Result<Self, HeaderError> {
        let count = |separator: &u8| fields(line, *separator).count();
        let separator = SEPARATORS.into_iter().rev().max_by_key(count).unwrap_or(b',');
        Ok(Self { separator, lines: PsvLines::new(&piped(line, separator), options)? })
    }
}

/// A line with pipes between its fields, and none within them.
fn piped(line: &[u8], separator: u8) -> Vec<u8> {
    let mut piped = Vec::with_capacity(line.len());
    for field in fields(line, separator) {
        piped.extend(field.iter().map(|&byte| if byte == PIPE { b'/' } else { byte }));
        piped.push(PIPE);
    }
    piped.pop();
    piped
}

impl LineFormat for CsvLines {
    fn layout(&self) -> &'static str {
        "GHCNh CSV"
    }

    fn columns(&self) -> &[ColumnInfo] {
        self.lines.columns()
    }

    fn notes(&self) -> Vec<String> {
        self.lines.notes()
    }

    fn lacking(&self) -> Vec<(&'static str, &'static str)> {
        self.lines.lacking()
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        check_quotes(line, self.separator)?;
        self.lines.read_line(&piped(line, self.separator), rows)
    }
}
