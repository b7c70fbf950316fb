//! The one error type of the crate.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about a file that is cut short or damaged.
pub const DAMAGED: &str = "the file is cut short or damaged: download or copy it again";

/// Whether a read failed for what the file holds, such as gzip without an end.
pub fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData)
}

/// Why a source could not be read or a dataset not be read or written.
///
/// Every message is one line that names the file, the dataset or column in it and the row where
/// there is one; [`Error::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be opened, created, read or written.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, such as `cannot open`.
        action: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file is not what its name or place promised.
    #[error("{}: {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A column or HDF5 dataset of a file is missing or of the wrong type or length.
    #[error("{}: {column}: {found}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column or HDF5 path.
        column: String,
        /// What was found and what was expected.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A row breaks the order or uniqueness of (`station_id`, `timestamp`), or holds no valid key.
    #[error("{}: row {row}: {found}", path.display())]
    Row {
        /// The source file.
        path: PathBuf,
        /// Zero-based row in the source.
        row: u64,
        /// What was found and what was expected.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A line of a text file cannot be read.
    #[error("{}: line {line}: {found}", path.display())]
    Line {
        /// The source file.
        path: PathBuf,
        /// Line in the file, counted from 1.
        line: u64,
        /// What was found and what was expected.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The target of a conversion exists.
    #[error("{}: exists already", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
}

impl Error {
    /// What the operating system said of a file or directory when `action` was tried, such as `cannot open`.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, source }
    }

    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { action: "cannot read", source, .. } if is_damage(source) => Some(DAMAGED.into()),
            Self::Io { source, .. } => match source.kind() {
                ErrorKind::NotFound => Some("check the path".into()),
                ErrorKind::PermissionDenied => Some("check who may read or write there".into()),
                ErrorKind::StorageFull => Some("free some disk space and run again".into()),
                _ => None,
            },
            Self::Format { hint, .. }
            | Self::Column { hint, .. }
            | Self::Row { hint, .. }
            | Self::Line { hint, .. } => hint.clone(),
            Self::Exists { .. } => Some("give another -o, or --overwrite to replace it".into()),
        }
    }
}
