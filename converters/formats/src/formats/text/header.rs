//! The header of a text format: a file's first line in, the places of its columns by name out.

use std::collections::HashMap;

use super::fields::fields;
use crate::{Error, Input};

/// The header of a file.
#[derive(Debug)]
pub struct Header {
    line: Vec<u8>,
    /// Place of each name, in lower case; where a name is there twice, of the first.
    places: HashMap<String, usize>,
    columns: usize,
}

/// A column that a header lacks, or has in the wrong place.
#[derive(Debug)]
pub struct HeaderError {
    /// The column.
    pub column: String,
    /// What was found and what was expected.
    pub found: String,
}

impl Header {
    /// Reads the header in a line.
    #[must_use]
    pub fn of(line: &[u8], separator: u8) -> Self {
        let mut places = HashMap::new();
        let mut columns = 0;
        for name in fields(line, separator) {
            let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
            places.entry(name).or_insert(columns);
            columns += 1;
        }
        Self { line: line.to_owned(), places, columns }
    }

    /// How many columns it has.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Place of the column of that name, in lower case; `None` where there is none.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Place of a column, named in lower case, without which nothing can be read.
    ///
    /// # Errors
    /// No column has that name.
    pub fn needed(&self, name: &str) -> Result<usize, HeaderError> {
        self.place(name).ok_or_else(|| HeaderError::lacks(&name.to_ascii_uppercase(), "it"))
    }

    /// Whether a line is this header once more, as where files were put one after the other.
    #[must_use]
    pub fn is_repeated_in(&self, line: &[u8]) -> bool {
        line == self.line
    }

    /// What is wrong with a line that is a header, too, but another one of so many columns.
    #[must_use]
    pub fn differs(&self, columns: usize) -> String {
        format!(
            "is a header of {columns} columns that differs from the first line's of {}; expected one layout a file",
            self.columns
        )
    }
}

impl HeaderError {
    /// The error of a column that is not there.
    #[must_use]
    pub fn lacks(column: &str, expected: &str) -> Self {
        Self { column: column.to_owned(), found: format!("is not in the header, expected {expected}") }
    }

    /// The error of the file that has this header.
    #[must_use]
    pub fn of(self, input: &Input, hint: &str) -> Error {
        Error::Column {
            path: input.path().to_path_buf(),
            column: self.column,
            found: self.found,
            hint: Some(hint.to_owned()),
        }
    }
}
