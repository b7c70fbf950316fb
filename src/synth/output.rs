//! The files that are made: target paths in, files that take their final names only when complete, out.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use isd_dataset::unfinished::Unfinished;

use super::error::{Result, SynthError};

/// Paths of an archive and of the files that belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// The HDF5 file.
    pub archive: PathBuf,
    /// CSV of every planted value: `station_id,timestamp,measurement,value,kind,event`.
    pub truth: Option<PathBuf>,
    /// Stations in the layout of NOAA's `isd-history.csv`.
    pub station_list: Option<PathBuf>,
    /// Whether existing targets are replaced.
    pub overwrite: bool,
}

impl Targets {
    /// Checks that the files may be written.
    /// Errors: a target that exists and may not be replaced, or that two files share.
    pub(super) fn check(&self) -> Result<()> {
        let all = [
            ("-o", Some(&self.archive)),
            ("--truth", self.truth.as_ref()),
            ("--station-list", self.station_list.as_ref()),
        ];
        for (i, (option, path)) in all.iter().enumerate() {
            let Some(path) = path else { continue };
            // A directory is never replaced by a file.
            if path.is_dir() || (!self.overwrite && path.symlink_metadata().is_ok()) {
                return Err(SynthError::Exists { path: (*path).clone() });
            }
            if let Some((other, _)) = all[..i].iter().find(|(_, other)| *other == Some(*path)) {
                return Err(SynthError::SameTarget { path: (*path).clone(), options: [other, option] });
            }
        }
        Ok(())
    }
}

/// A file under a temporary name beside its final one. Dropped before it is [kept](PartialFile::keep), it is removed.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    temporary: TempPath,
    unfinished: Unfinished,
}

impl PartialFile {
    /// Creates the file, empty and open for writing. Errors: a place where nothing can be written.
    pub(super) fn create(path: &Path) -> Result<(Self, File)> {
        let failed = |source| SynthError::Io { path: path.to_path_buf(), action: "cannot create", source };
        if isd_stores::is_address(path) {
            let what = "archives are made as local files";
            return Err(failed(io::Error::new(io::ErrorKind::Unsupported, what)));
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        // Created as any file is, so that it gets the permissions that any file gets.
        tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .make_in(directory, |path| File::create_new(path))
            .map(NamedTempFile::into_parts)
            .map(|(file, temporary)| {
                let unfinished = Unfinished::at(&temporary);
                (Self { path: path.to_path_buf(), temporary, unfinished }, file)
            })
            .map_err(failed)
    }

    /// The name that it has while it is written.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Its size in bytes. Errors: the operating system does not say.
    pub(super) fn bytes(&self) -> Result<u64> {
        fs::metadata(&self.temporary).map(|metadata| metadata.len()).map_err(|source| SynthError::Io {
            path: self.path.clone(),
            action: "cannot read the size of the finished file",
            source,
        })
    }

    /// Gives the file its final name, in place of a file of that name only if `overwrite`.
    /// Errors: a file of that name that may not be replaced, or one that cannot be renamed.
    pub(super) fn keep(self, overwrite: bool) -> Result<()> {
        let Self { path, temporary, unfinished } = self;
        let renamed = if overwrite { temporary.persist(&path) } else { temporary.persist_noclobber(&path) };
        drop(unfinished);
        renamed.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => SynthError::Exists { path },
            _ => SynthError::Io { path, action: "cannot rename the finished file", source: failed.error },
        })
    }
}

/// A text file that is being written, or nothing where none was asked for.
#[derive(Debug)]
pub(super) struct TextFile(Option<(PartialFile, BufWriter<File>)>);

impl TextFile {
    /// Creates the file at `path`, if there is one, and writes `header`. Errors: a place where nothing can be written.
    pub(super) fn create(path: Option<&Path>, header: &str) -> Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let (partial, file) = PartialFile::create(path)?;
        let mut text = Self(Some((partial, BufWriter::with_capacity(1 << 18, file))));
        text.write(header)?;
        Ok(text)
    }

    /// Appends lines. Errors: the file cannot be written.
    pub(super) fn write(&mut self, lines: &str) -> Result<()> {
        match &mut self.0 {
            Some((partial, writer)) => writer.write_all(lines.as_bytes()).map_err(|e| failed(partial, e)),
            None => Ok(()),
        }
    }

    /// Writes what is buffered. The file does not have its final name yet. Errors: the file cannot be written.
    pub(super) fn finish(self) -> Result<Option<PartialFile>> {
        let Some((partial, writer)) = self.0 else { return Ok(None) };
        match writer.into_inner() {
            Ok(_) => Ok(Some(partial)),
            Err(source) => Err(failed(&partial, source.into_error())),
        }
    }
}

fn failed(partial: &PartialFile, source: io::Error) -> SynthError {
    SynthError::Io { path: partial.path.clone(), action: "cannot write", source }
}
