//! The outliers table on its way out: record batches in, a file, a partitioned directory or text out.
//!
//! Whatever is written is written beside its final name and renamed when complete.

mod file;
mod parquet;
mod partitioned;
mod text;

use std::io;
use std::path::{Path, PathBuf};

pub use file::OutputFile;
pub use partitioned::{PartitionedOutput, Written, YEAR};
pub use text::{write_csv, write_table};

/// What a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.parquet`: zstd, with the metadata as key-value pairs.
    Parquet,
    /// `.csv`: a header, times as ISO 8601 in UTC, infinite z-scores as `inf`.
    Csv,
    /// `.arrow`: an Arrow IPC file, with the metadata in its schema.
    Arrow,
    /// `.ndjson`: one JSON object a line; JSON has no infinity, so that an infinite z-score is null.
    Ndjson,
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The extension names no format.
    #[error("{}: expected a name that ends in .parquet, .csv, .arrow or .ndjson", .0.display())]
    Extension(PathBuf),
    /// The file cannot be created or put in place.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The rows cannot be written.
    #[error("{}: cannot write: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        reason: String,
    },
    /// The directory cannot be created, put in place or replaced.
    #[error(transparent)]
    Directory(#[from] isd_converters::Error),
}

impl Format {
    /// The format that a file's extension names.
    ///
    /// # Errors
    /// No extension, or another one.
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
