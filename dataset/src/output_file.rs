//! One output file: from a path to a file that appears there when it is complete, never before.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use isd_stores::is_address;
use tempfile::NamedTempFile;

use crate::unfinished::Unfinished;
use crate::{Error, Result};

/// A file that is being written under a temporary name, in the directory of its final one; of an address, in the directory for
/// temporary files, and uploaded when it is complete.
///
/// Dropped before [`OutputFile::finish`], it is removed, and what was at its path before is untouched. A run that is
/// interrupted removes it too: see [`unfinished`](crate::unfinished).
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    // In this order: the file is removed before it ceases to be listed as unfinished.
    file: NamedTempFile,
    unfinished: Unfinished,
}

impl OutputFile {
    /// Creates the temporary file, so that a path that cannot be written is reported before any long work. It gets the
    /// permissions that the user's umask gives to any new file.
    ///
    /// # Errors
    /// [`Error::Io`], "cannot create", for a directory at `path`, a place where nothing can be written, or an address whose
    /// store cannot be opened or only be read.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |source| Error::io(path, "cannot create", source);
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let parent = match path.parent() {
            _ if is_address(path) => {
                isd_stores::check_writable(path).map_err(failed)?;
                std::env::temp_dir()
            }
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".isd-").suffix(".tmp");
        // By default only its owner may read a temporary file; an output file is for whomever the umask allows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(parent).map_err(failed)?;
        let unfinished = Unfinished::at(file.path());
        Ok(Self { path: path.to_owned(), file, unfinished })
    }

    /// The file to write to, at its current position; it has no buffer of its own.
    #[must_use]
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Writes the file to the disk and gives it its final name, in place of any file there; returns its size in bytes.
    ///
    /// # Errors
    /// [`Error::Io`], "cannot write" where the disk is full or fails, "cannot put in place" where the file cannot be
    /// renamed.
    pub fn finish(self) -> Result<u64> {
        let Self { path, file, unfinished } = self;
        let written = |source| Error::io(&path, "cannot write", source);
        file.as_file().sync_all().map_err(written)?;
        if is_address(&path) {
            return isd_stores::upload(file.as_file(), &path).map_err(written);
        }
        let bytes = file.as_file().metadata().map_err(written)?.len();
        file.persist(&path).map_err(|error| Error::io(&path, "cannot put in place", error.error))?;
        drop(unfinished);
        Ok(bytes)
    }
}
