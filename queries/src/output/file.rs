//! In: a path; out: a file that appears under it when it is complete, never before.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// A file in the making: dropped before [`OutputFile::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl OutputFile {
    /// Makes sure that the file can be written, before the long work starts.
    ///
    /// # Errors
    /// [`Error::File`] when nothing can be written there, or when it is a directory.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |source| Error::File { path: path.to_owned(), action: "cannot create", source };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".isd-").suffix(".tmp");
        // A temporary file is for its owner's eyes only; a result is for everyone whom the umask lets in.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(parent).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where to write.
    #[must_use]
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts the file in place; returns its size in bytes.
    ///
    /// # Errors
    /// [`Error::File`] when the disk is full or the file cannot be put in place.
    pub fn finish(self) -> Result<u64> {
        let Self { path, file } = self;
        let failed = |action, source| Error::File { path: path.clone(), action, source };
        file.as_file().sync_all().map_err(|e| failed("cannot write", e))?;
        let bytes = file.as_file().metadata().map_err(|e| failed("cannot write", e))?.len();
        file.persist(&path).map_err(|e| failed("cannot put in place", e.error))?;
        Ok(bytes)
    }
}
