//! The files that are made: target paths in, files that take their final names only when complete, out.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use isd_dataset::unfinished::Unfinished;

use super::{Error, Result};

/// Where an archive and what belongs to it go.
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
    /// # Errors
    /// A target that exists and may not be replaced, or that two files share.
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
                return Err(Error::Exists { path: (*path).clone() });
            }
            if let Some((other, _)) = all[..i].iter().find(|(_, other)| *other == Some(*path)) {
                return Err(Error::SameTarget { path: (*path).clone(), options: [other, option] });
            }
        }
        Ok(())
    }
}

/// A file beside its final name; dropped before it is [kept](Partial::keep), it is removed.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    temporary: TempPath,
    unfinished: Unfinished,
}

impl Partial {
    pub(super) fn create(path: &Path) -> Result<(Self, File)> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        // Created like any file, so that it gets the permissions that any file gets.
        tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .make_in(directory, |path| File::create_new(path))
            .map(NamedTempFile::into_parts)
            .map(|(file, temporary)| {
                let unfinished = Unfinished::at(&temporary);
                (Self { path: path.to_path_buf(), temporary, unfinished }, file)
            })
            .map_err(|source| Error::Io { path: path.to_path_buf(), action: "cannot create", source })
    }

    /// The name it has while it is written.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives the file its final name.
    pub(super) fn keep(self, overwrite: bool) -> Result<()> {
        let Self { path, temporary, unfinished } = self;
        let renamed = if overwrite { temporary.persist(&path) } else { temporary.persist_noclobber(&path) };
        drop(unfinished);
        renamed.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path },
            _ => Error::Io { path, action: "cannot rename the finished file", source: failed.error },
        })
    }
}

/// A text file, or none where none was asked for.
#[derive(Debug)]
pub(super) struct Text(Option<(Partial, BufWriter<File>)>);

impl Text {
    /// Begins with `header`.
    pub(super) fn create(path: Option<&Path>, header: &str) -> Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let (partial, file) = Partial::create(path)?;
        let mut text = Self(Some((partial, BufWriter::with_capacity(1 << 18, file))));
        text.write(header)?;
        Ok(text)
    }

    pub(super) fn write(&mut self, lines: &str) -> Result<()> {
        match &mut self.0 {
            Some((partial, writer)) => writer.write_all(lines.as_bytes()).map_err(|e| failed(partial, e)),
            None => Ok(()),
        }
    }

    /// Hands over what is buffered; the file still has no final name.
    pub(super) fn finish(self) -> Result<Option<Partial>> {
        let Some((partial, writer)) = self.0 else { return Ok(None) };
        match writer.into_inner() {
            Ok(_) => Ok(Some(partial)),
            Err(source) => Err(failed(&partial, source.into_error())),
        }
    }
}

fn failed(partial: &Partial, source: io::Error) -> Error {
    Error::Io { path: partial.path.clone(), action: "cannot write", source }
}

/// Length of a file that was just made, 0 where it cannot be told.
pub(super) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
