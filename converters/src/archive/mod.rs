//! An archive: files of observations in, one stream of batches over all of them out, as often as it is asked for.
//!
//! What reads an archive may find, far into it, that its rows are out of order or that a file is damaged. It then
//! reads again from the start, sorting, or without that file.

mod reader;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

pub use reader::{ArchiveReader, FileReport, ReadError};

use crate::names::list;
use crate::{ColumnInfo, Error, Input, MEASUREMENTS, ReadOptions, Result, Source, open_input};

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

/// A file that was left out of an archive.
#[derive(Debug)]
pub struct Failure {
    /// Where it lies.
    pub path: PathBuf,
    /// Why.
    pub error: Error,
}

/// Files of observations that are read as one.
pub struct Archive {
    files: Vec<SourceFile>,
    /// Whether each of the files is read; one that failed is not.
    readable: Vec<bool>,
    opener: Box<Opener>,
    columns: Vec<ColumnInfo>,
    rows: Option<u64>,
    layout: String,
    notes: Vec<String>,
    /// Whether a file that cannot be read is left out, rather than the end.
    tolerant: bool,
    failures: Vec<Failure>,
}

/// Opens the file of that index from its start.
type Opener = dyn Fn(usize) -> Result<Box<dyn Source>> + Send + Sync;

impl Archive {
    /// The files at `paths`, which may be one.
    ///
    /// Every file is looked at, for its columns. With more than one, a file that cannot be read is left out and is one
    /// of the [`failures`](Self::failures), unless `strict`.
    ///
    /// # Errors
    /// A file that cannot be read, where there is no other or `strict`; files without a common column.
    pub fn open(paths: &[PathBuf], options: &ReadOptions, strict: bool) -> Result<Self> {
        let files = paths.iter().map(|path| source_file(path)).collect::<Result<Vec<_>>>()?;
        let tolerant = files.len() > 1 && !strict;
        let (inputs, options) =
            (paths.iter().map(|path| Input::file(path)).collect::<Vec<_>>(), options.clone());
        let opener = move |index: usize| open_input(&inputs[index], &options);
        Self::of(files, Box::new(opener), tolerant)
    }

    /// An archive of one source that `open` opens from its start each time: for sources that are no files.
    ///
    /// # Errors
    /// What `open` reports.
    pub fn of_source(open: impl Fn() -> Result<Box<dyn Source>> + Send + Sync + 'static) -> Result<Self> {
        let file = SourceFile { path: PathBuf::new(), bytes: 0, modified_ns: 0 };
        Self::of(vec![file], Box::new(move |_| open()), false)
    }

    fn of(files: Vec<SourceFile>, opener: Box<Opener>, tolerant: bool) -> Result<Self> {
        let mut archive = Self {
            readable: vec![true; files.len()],
            files,
            opener,
            columns: Vec::new(),
            rows: Some(0),
            layout: String::new(),
            notes: Vec::new(),
            tolerant,
            failures: Vec::new(),
        };
        let mut layouts = BTreeSet::new();
        for index in 0..archive.files.len() {
            match (archive.opener)(index) {
                Ok(source) => {
                    layouts.insert(source.layout());
                    archive.rows = archive.rows.zip(source.rows()).map(|(all, rows)| all + rows);
                    for note in source.notes() {
                        if !archive.notes.contains(note) {
                            archive.notes.push(note.clone());
                        }
                    }
                    merge_columns(&mut archive.columns, source.columns());
                }
                Err(error) => archive.skip(index, error)?,
            }
        }
        let layouts: Vec<String> = layouts.into_iter().map(str::to_owned).collect();
        archive.layout = list(&layouts);
        Ok(archive)
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

    /// Files that were left out, because they cannot be read.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Leaves out the file of that index from now on, or gives its error back where it must not be left out.
    ///
    /// # Errors
    /// `error`, of the only file or under `strict`.
    pub fn skip(&mut self, file: usize, error: Error) -> Result<()> {
        if !self.tolerant {
            return Err(error);
        }
        if let (Some(readable), Some(source)) = (self.readable.get_mut(file), self.files.get(file)) {
            *readable = false;
            self.failures.push(Failure { path: source.path.clone(), error });
        }
        Ok(())
    }

    /// Reads the files for which `wanted` says so, from their starts.
    ///
    /// They are read in the order in which their first rows come, so that the rows of archives with one file a station
    /// or a year come sorted; nothing else is promised of their order.
    pub fn read(&self, wanted: impl Fn(usize, &SourceFile) -> bool) -> ArchiveReader<'_> {
        let files = self.files.iter().enumerate();
        let chosen = files.filter(|(index, file)| self.readable[*index] && wanted(*index, file));
        ArchiveReader::new(self, chosen.map(|(index, _)| index).collect())
    }
}

/// The columns of all files so far and of one more.
fn merge_columns(columns: &mut Vec<ColumnInfo>, more: &[ColumnInfo]) {
    for column in more {
        match columns.iter_mut().find(|known| known.name == column.name) {
            None => columns.push(column.clone()),
            Some(known) => {
                // Only what all files say is true of the whole column.
                if known.resolution != column.resolution {
                    known.resolution = None;
                }
                if known.units.is_none() {
                    known.units.clone_from(&column.units);
                }
            }
        }
    }
    let position =
        |name: &str| MEASUREMENTS.iter().position(|m| m.name == name).unwrap_or(MEASUREMENTS.len());
    columns.sort_by_key(|column| position(&column.name));
}

fn source_file(path: &Path) -> Result<SourceFile> {
    let io = |source| Error::Io { path: path.to_owned(), action: "cannot open", source };
    let metadata = fs::metadata(path).map_err(io)?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(SourceFile {
        path: path.to_owned(),
        bytes: metadata.len(),
        modified_ns: modified.map_or(0, |time| time.as_nanos() as u64),
    })
}
