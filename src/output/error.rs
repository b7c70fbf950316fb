//! Why a table could not be written.

use std::io;
use std::path::PathBuf;

use isd_dataset::Error;

/// Why a table could not be written. Every message is one line that names the file or directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The extension names no file type.
    #[error("{}: expected a name that ends in .parquet, .csv, .arrow or .ndjson", .0.display())]
    Extension(PathBuf),
    /// A file cannot be created or put in place.
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
    /// A file of a type that does not say how its outliers were found, so that no others can be added to them.
    #[error("{}: only .parquet and .arrow say how the outliers in them were found", .0.display())]
    NoMetadata(PathBuf),
    /// A file cannot be read to add to it.
    #[error("{}: cannot read what is there: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        reason: String,
    },
    /// Rows cannot be added to a file.
    #[error("{}: {reason}", path.display())]
    Append {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A directory cannot be created, put in place or replaced, or a temporary file not be written.
    #[error(transparent)]
    Directory(#[from] Error),
}

impl OutputError {
    /// Why a single file could not be created or put in place.
    pub(super) fn of_file(error: Error) -> Self {
        match error {
            Error::Io { path, action, source } => Self::Io { path, action, source },
            other => Self::Directory(other),
        }
    }
}
