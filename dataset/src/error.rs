//! The one error type of the crate.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::names::one_line;

/// What everything in this crate returns that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about a file that is cut short or damaged.
pub const DAMAGED: &str = "the file is cut short or damaged: download or copy it again";

/// Whether a read failed because of what the file holds, such as compressed data without an end, and not because of the
/// disk.
#[must_use]
pub fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData)
}

/// Why a source could not be read or a dataset not be read or written.
///
/// Every message is one line that names the file, and the column and the row or line in it where there is one;
/// [`Error::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be opened, created, read or written.
    #[error("{}: {action}: {}", one_line(&path.display()), one_line(source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, such as `cannot open`.
        action: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file is not what its name or place promised.
    #[error("{}: {}", one_line(&path.display()), one_line(found))]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A column or HDF5 dataset of a file is missing or of the wrong type or length.
    #[error("{}: {}: {}", one_line(&path.display()), one_line(column), one_line(found))]
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
    #[error("{}: row {row}: {}", one_line(&path.display()), one_line(found))]
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
    #[error("{}: line {line}: {}", one_line(&path.display()), one_line(found))]
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
    /// The program contradicts itself: what its own code promised did not hold.
    #[error("internal error: {what}")]
    Internal {
        /// The promise that was broken.
        what: String,
    },
    /// The target of a conversion exists.
    #[error("{}: exists already", one_line(&path.display()))]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// Another run is writing the target.
    #[error("{}: is being written by another run", one_line(&path.display()))]
    Held {
        /// The target.
        path: PathBuf,
    },
}

impl Error {
    /// An [`Error::Io`]: `action` was tried on the file or directory at `path`, such as `cannot open`, and `source` is why it
    /// failed.
    #[must_use]
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, source }
    }

    /// An [`Error::Internal`]: `what` is the promise that did not hold.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal { what: what.into() }
    }

    /// The same error of the file at `to`, where it is of the one at `from`: of an object, whose copy was read.
    #[must_use]
    pub fn moved(mut self, from: &Path, to: &Path) -> Self {
        match &mut self {
            Self::Io { path, .. }
            | Self::Format { path, .. }
            | Self::Column { path, .. }
            | Self::Row { path, .. }
            | Self::Line { path, .. }
                if path == from =>
            {
                to.clone_into(path);
            }
            _ => {}
        }
        self
    }

    /// What the user can do about it; `None` where nothing is known to help.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { action, source, .. } => {
                isd_stores::hint(source).map(str::to_owned).or_else(|| match source.kind() {
                    _ if *action == "cannot read" && is_damage(source) => Some(DAMAGED.into()),
                    ErrorKind::NotFound => Some("check the path".into()),
                    ErrorKind::PermissionDenied => Some("check who may read or write there".into()),
                    ErrorKind::StorageFull => Some("free some disk space and run again".into()),
                    _ => None,
                })
            }
            Self::Format { hint, .. }
            | Self::Column { hint, .. }
            | Self::Row { hint, .. }
            | Self::Line { hint, .. } => hint.clone(),
            Self::Internal { .. } => Some("this is a bug: please report it".into()),
            Self::Exists { .. } => Some("give another -o, or --overwrite to replace it".into()),
            Self::Held { .. } => Some("--wait waits until that has ended; or give another -o".into()),
        }
    }

    /// The file or directory that the error is about; `None` for a bug of this program.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Format { path, .. }
            | Self::Column { path, .. }
            | Self::Row { path, .. }
            | Self::Line { path, .. }
            | Self::Exists { path }
            | Self::Held { path } => Some(path),
            Self::Internal { .. } => None,
        }
    }
}
