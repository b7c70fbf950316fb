//! Why an archive could not be made.

use std::path::PathBuf;

/// Result of making an archive.
pub type Result<T, E = SynthError> = std::result::Result<T, E>;

/// Why an archive could not be made. Every message is one line; [`SynthError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// An option is out of its range.
    #[error("{option} is {found}, expected {expected}")]
    Option {
        /// The flag.
        option: &'static str,
        /// The value given.
        found: String,
        /// The values possible.
        expected: String,
    },
    /// A target exists.
    #[error("{}: exists already", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// Two targets are the same file.
    #[error("{}: is the target of both {} and {}", path.display(), options[0], options[1])]
    SameTarget {
        /// The target.
        path: PathBuf,
        /// The two flags.
        options: [&'static str; 2],
    },
    /// A file could not be created, written or renamed.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file under its final name.
        path: PathBuf,
        /// What was tried, such as `cannot create`.
        action: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The HDF5 writer failed.
    #[error("{}: {dataset}: cannot write: {source}", path.display())]
    Hdf5 {
        /// The file under its final name.
        path: PathBuf,
        /// The HDF5 dataset, or `/` for the file as a whole.
        dataset: String,
        /// The writer's reason.
        source: rust_hdf5::Hdf5Error,
    },
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The reason.
        source: rayon::ThreadPoolBuildError,
    },
    /// The threads that make the series ended before all were made.
    #[error("{}: the series generator stopped after {rows} of {expected} rows", path.display())]
    Incomplete {
        /// The archive.
        path: PathBuf,
        /// Rows written.
        rows: u64,
        /// Rows expected.
        expected: u64,
    },
}

impl SynthError {
    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let of_io = |source: &std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => Some("create the directory first, or check the path".into()),
            std::io::ErrorKind::PermissionDenied => Some("choose a directory that you may write to".into()),
            std::io::ErrorKind::StorageFull => {
                Some("free some disk space, or use --compression gzip or fewer rows".into())
            }
            std::io::ErrorKind::Unsupported => Some("give a local path, and upload the file".into()),
            _ => None,
        };
        match self {
            Self::Exists { .. } => Some("give another path, or --overwrite to replace it".into()),
            Self::SameTarget { .. } => Some("give each output a path of its own".into()),
            Self::Io { source, .. } | Self::Hdf5 { source: rust_hdf5::Hdf5Error::Io(source), .. } => {
                of_io(source)
            }
            Self::Hdf5 { .. } => Some("check that the file system has room for the archive".into()),
            Self::Threads { .. } => Some("give fewer --threads".into()),
            Self::Option { .. } | Self::Incomplete { .. } => None,
        }
    }
}
