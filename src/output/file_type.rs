//! File types of a table: a name's extension in, a type out.

use std::path::Path;

use crate::output::error::OutputError;

/// What a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// `.parquet`: zstd, with the metadata as key-value pairs, and in the Arrow schema.
    Parquet,
    /// `.csv`: a header, times as ISO 8601 in UTC, infinite z-scores as `inf`. Metadata is left out.
    Csv,
    /// `.arrow`: an Arrow IPC file, with the metadata in its schema.
    Arrow,
    /// `.ndjson`: one JSON object a line. JSON has no infinity, so that an infinite z-score is
    /// the text `inf` or `-inf`. Metadata is left out.
    Ndjson,
}

impl FileType {
    /// The type that a file's extension names.
    ///
    /// # Errors
    /// [`OutputError::Extension`] for no extension, or another one.
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => Ok(Self::Parquet),
            Some("csv") => Ok(Self::Csv),
            Some("arrow") => Ok(Self::Arrow),
            Some("ndjson") => Ok(Self::Ndjson),
            _ => Err(OutputError::Extension(path.to_owned())),
        }
    }
}
