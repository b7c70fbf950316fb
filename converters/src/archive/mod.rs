//! An archive: files of observations in, one stream of batches over all of them out, as often as it is asked for.
//!
//! What reads an archive may find, far into it, that its rows are out of order or that a file is damaged. It then
//! reads again from the start, sorting, or without that file.

mod discover;
mod probe;
mod progress;
mod reader;
mod tar;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

pub use crate::archive::discover::{Discovery, discover};
pub use crate::archive::progress::ReadProgress;
pub use crate::archive::reader::{ArchiveReader, FileReport, ReadError};

use crate::{ColumnInfo, Error, Input, ReadOptions, Result, Source};

/// What tells one state of a source file from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceFile {
    /// Where it lies, as it was named or found.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was modified, in nanoseconds since 1970.
    pub modified_ns: u64,
}

/// A file, or a member of an archive file, that was left out.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Where it lies.
    pub path: PathBuf,
    /// Why.
    pub error: Arc<Error>,
}

/// What has been left out so far, and whether anything may be.
#[derive(Debug, Clone)]
struct Failures {
    strict: bool,
    list: Arc<Mutex<Vec<Failure>>>,
}

impl Failures {
    /// Leaves out a file, once however often it is read, or gives its error back where nothing may be left out.
    fn add(&self, path: &Path, error: Error) -> Result<()> {
        if self.strict {
            return Err(error);
        }
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.iter().all(|failure| failure.path != path) {
            list.push(Failure { path: path.to_owned(), error: Arc::new(error) });
        }
        Ok(())
    }

    fn list(&self) -> Vec<Failure> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Files of observations that are read as one.
pub struct Archive {
    /// In the order in which they are read.
    files: Vec<SourceFile>,
    /// What opens each of the files, of the same indexes; none for one that cannot be read.
    openers: Vec<Option<Opener>>,
    columns: Vec<ColumnInfo>,
    rows: Option<u64>,
    layout: String,
    notes: Vec<String>,
    failures: Failures,
    progress: Arc<ReadProgress>,
}

/// How a file is opened from its start.
struct Opener {
    open: Box<OpenSource>,
    /// Whether the file is small enough to be held in memory as a whole, several at a time.
    small: bool,
}

type OpenSource = dyn Fn() -> Result<Box<dyn Source>> + Send + Sync;

impl Archive {
    /// The files at `paths`, which may be one.
    ///
    /// The beginning of every file is looked at, for its columns and its first row. A file that cannot be read is left
    /// out and is one of the [`failures`](Self::failures); under `strict`, or where no other file is, it is an error.
    ///
    /// # Errors
    /// A file that cannot be read, or files without a common column.
    pub fn open(paths: &[PathBuf], options: &ReadOptions, strict: bool) -> Result<Self> {
        let failures = Failures { strict, list: Arc::default() };
        let progress = Arc::<ReadProgress>::default();
        let probed = probe::probe(paths, options, &failures, &progress)?;
        let mut archive = Self {
            files: Vec::new(),
            openers: Vec::new(),
            columns: probe::merged_columns(&probed, options),
            rows: probed.iter().filter_map(|file| file.found.as_ref()).map(|found| found.rows).sum(),
            layout: probe::layouts(&probed).join(", "),
            notes: probe::notes(&probed),
            failures,
            progress,
        };
        for file in probed {
            archive.openers.push(file.found.map(|found| found.opener));
            archive.files.push(file.file);
        }
        Ok(archive)
    }

    /// An archive of one source that `open` opens from its start each time: for sources that are no files.
    ///
    /// # Errors
    /// What `open` reports, or columns that a dataset cannot have.
    pub fn of_source(open: impl Fn() -> Result<Box<dyn Source>> + Send + Sync + 'static) -> Result<Self> {
        let source = open()?;
        isd_dataset::layout::check_columns(source.columns(), Path::new(""))?;
        Ok(Self {
            files: vec![SourceFile { path: PathBuf::new(), bytes: 0, modified_ns: 0 }],
            columns: source.columns().to_vec(),
            rows: source.rows(),
            layout: source.layout().to_owned(),
            notes: source.notes().to_vec(),
            openers: vec![Some(Opener { open: Box::new(open), small: false })],
            failures: Failures { strict: true, list: Arc::default() },
            progress: Arc::default(),
        })
    }

    /// The value columns of every batch: the canonical measurements of any file, then the others in the order in
    /// which the files have them.
    #[must_use]
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// Rows that reading all files will yield, where every file knows.
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

    /// Leaves out the file of that index from now on, or gives its error back where it must not be left out.
    ///
    /// # Errors
    /// `error`, under `strict` or of the last file that is left.
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

    /// Line, counted from 1, of the text at `path`, a file or one inside an archive file, that holds the row of that
    /// zero-based number; `None` of what is no text.
    pub(crate) fn line_of(&self, path: &Path, row: u64) -> Option<u64> {
        let file = self.files.iter().position(|file| path.starts_with(&file.path))?;
        (self.openers.get(file)?.as_ref()?.open)().ok()?.line_of(path, row)
    }

    /// Reads the files for which `wanted` says so, from their starts.
    ///
    /// They are read in the order of their first rows, so that the rows of archives with one file a station or a year
    /// come sorted; nothing else is promised of their order.
    pub fn read(&self, wanted: impl Fn(usize, &SourceFile) -> bool) -> ArchiveReader<'_> {
        let files = self.files.iter().enumerate().filter(|&(index, file)| wanted(index, file));
        let chosen: Vec<usize> = files.map(|(index, _)| index).collect();
        let bytes = chosen.iter().filter_map(|&index| self.files.get(index)).map(|file| file.bytes).sum();
        self.progress.start(chosen.len() as u64, bytes);
        ArchiveReader::new(self, chosen.into())
    }
}

fn source_file(path: &Path) -> Result<SourceFile> {
    let io = |source| Error::Io { path: path.to_owned(), action: "cannot open", source };
    let metadata = fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        let found =
            if metadata.is_dir() { "is a directory" } else { "is no regular file, but a device or a pipe" };
        return Err(Error::Format {
            path: path.to_owned(),
            found: format!("{found}, expected a file of observations"),
            hint: None,
        });
    }
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(SourceFile {
        path: path.to_owned(),
        bytes: metadata.len(),
        modified_ns: modified.map_or(0, |time| time.as_nanos() as u64),
    })
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("files", &self.files)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// The path as an input that counts what is read of it.
fn counted(path: &Path, progress: &Arc<ReadProgress>) -> Input {
    Input::file(path).counted(progress.counter())
}
