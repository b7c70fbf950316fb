//! The files of an archive: how each is opened in, what they hold together out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use isd_dataset::layout::check_columns;
use isd_stores::is_address;
use serde::{Deserialize, Serialize};

use super::failures::{Failure, Failures};
use super::progress::ReadProgress;
use crate::{ColumnInfo, Error, Result, Source};

/// What tells one state of a source file from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path, as it was named or found.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was modified, in nanoseconds since 1970; 0 where that is not known.
    pub modified_ns: u64,
}

impl SourceFile {
    /// The file, or the object, at `path` as it is now.
    ///
    /// # Errors
    /// A file that cannot be opened, or that is no regular file.
    pub(super) fn at(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), action: "cannot open", source };
        let modified_ns = |modified: Option<SystemTime>| {
            let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            since.map_or(0, |time| time.as_nanos() as u64)
        };
        if is_address(path) {
            let nothing = || io(isd_stores::not_found());
            let found = isd_stores::stat(path).map_err(io)?.ok_or_else(nothing)?;
            return Ok(Self {
                path: found.path,
                bytes: found.bytes,
                modified_ns: modified_ns(found.modified),
            });
        }
        let metadata = fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            let found = if metadata.is_dir() {
                "is a directory"
            } else {
                "is no regular file, but a device or a pipe"
            };
            return Err(Error::Format {
                path: path.to_owned(),
                found: format!("{found}, expected a file of observations"),
                hint: None,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            bytes: metadata.len(),
            modified_ns: modified_ns(metadata.modified().ok()),
        })
    }
}

/// Files of observations that are read as one.
pub struct Archive {
    /// In the order in which they are read.
    pub(super) files: Vec<SourceFile>,
    /// What opens each of `files`, in their order; `None` where one cannot be read.
    pub(super) openers: Vec<Option<Opener>>,
    pub(super) columns: Vec<ColumnInfo>,
    pub(super) rows: Option<u64>,
    pub(super) layout: String,
    pub(super) notes: Vec<String>,
    pub(super) failures: Failures,
    pub(super) progress: Arc<ReadProgress>,
}

/// What opens a file from its start.
pub struct Opener {
    pub open: Box<OpenSource>,
    /// Whether the file is small enough to be held in memory as a whole, several at a time.
    pub small: bool,
}

type OpenSource = dyn Fn() -> Result<Box<dyn Source>> + Send + Sync;

impl Archive {
    /// An archive of a single source that is no file; `open` opens it from its start each time.
    ///
    /// # Errors
    /// What `open` reports, or columns that a dataset cannot have.
    pub fn of_source(open: impl Fn() -> Result<Box<dyn Source>> + Send + Sync + 'static) -> Result<Self> {
        let info = open()?.info().clone();
        check_columns(&info.columns, Path::new(""))?;
        Ok(Self {
            files: vec![SourceFile { path: PathBuf::new(), bytes: 0, modified_ns: 0 }],
            columns: info.columns,
            rows: info.rows,
            layout: info.layout.to_owned(),
            notes: info.notes,
            openers: vec![Some(Opener { open: Box::new(open), small: false })],
            failures: Failures::new(true),
            progress: Arc::default(),
        })
    }

    /// The value columns of every batch: the canonical measurements of any file, then the others in the order in
    /// which the files have them.
    #[must_use]
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// Has every batch have these columns from now on; those that a file lacks are null.
    pub(crate) fn set_columns(&mut self, columns: Vec<ColumnInfo>) {
        self.columns = columns;
    }

    /// Whether the file of that index cannot be read, as far as that is known by now.
    pub(crate) fn is_left_out(&self, file: usize) -> bool {
        self.openers.get(file).is_none_or(Option::is_none)
    }

    /// Whether the file of that index, or a member of it, cannot be read, as far as that is known by now.
    pub(crate) fn has_failed(&self, file: usize) -> bool {
        let Some(SourceFile { path, .. }) = self.files.get(file) else { return false };
        let bytes = path.as_os_str().as_encoded_bytes();
        // The comparison of bytes is the faster one, where many of very many files have failed.
        let is_of_file = |failed: &Path| {
            failed.as_os_str().as_encoded_bytes().starts_with(bytes) && failed.starts_with(path)
        };
        self.failures.any(is_of_file)
    }

    /// Rows that reading all files will yield; `None` where a file does not know.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Layouts found, such as `flat HDF5`.
    #[must_use]
    pub fn layout(&self) -> &str {
        &self.layout
    }

    /// What the user should know about how the values were taken, one sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The files, in the order in which they are read.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Files, and members of archive files, that were left out because they cannot be read.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.failures.list()
    }

    /// How far reading has come; it starts again with every [`read`](Self::read).
    #[must_use]
    pub fn progress(&self) -> Arc<ReadProgress> {
        Arc::clone(&self.progress)
    }

    /// Leaves out the file of that index from now on.
    ///
    /// # Errors
    /// `error` itself, where the archive was opened as `strict` or no other file is left.
    pub fn skip(&mut self, file: usize, error: Error) -> Result<()> {
        if self.openers.iter().flatten().count() <= 1 {
            return Err(error);
        }
        if let (Some(opener), Some(source)) = (self.openers.get_mut(file), self.files.get(file)) {
            self.failures.add(&source.path, error)?;
            *opener = None;
        }
        Ok(())
    }

    /// The line, counted from 1, that holds a row, counted from 0, of the text at `path`, which is a file or one inside an
    /// archive file. `None` where it is no text or cannot be read again.
    pub(crate) fn line_of(&self, path: &Path, row: u64) -> Option<u64> {
        let file = self.files.iter().position(|file| path.starts_with(&file.path))?;
        (self.openers.get(file)?.as_ref()?.open)().ok()?.line_of(path, row)
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("files", &self.files)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}
