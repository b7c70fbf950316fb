//! One output file: from a path to a file that appears there when it is complete, never before.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::unfinished::Unfinished;
use crate::{Error, Result};

/// A file that is being written under a temporary name, in the directory of its final one.
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
    /// Creates the temporary file, so that a path that cannot be written is reported before any long work.
    ///
    /// The file gets the permissions that the user's umask gives to any new file.
    ///
    /// # Errors
    /// [`Error::Io`], "cannot create", for a directory at `path` or a place where nothing can be written.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |source| Error::io(path, "cannot create", source);
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
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
        let bytes = file.as_file().metadata().map_err(written)?.len();
        file.persist(&path).map_err(|error| Error::io(&path, "cannot put in place", error.error))?;
        drop(unfinished);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use tempfile::TempDir;

    use super::*;

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_once_it_is_finished() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("out.csv");
        fs::write(&path, "before").unwrap();
        let output = OutputFile::create(&path).unwrap();
        output.file().write_all(b"after!!").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(output.finish().unwrap(), 7);
        assert_eq!(fs::read(&path).unwrap(), b"after!!");
        assert_eq!(names(&directory), ["out.csv"]);
    }

    #[test]
    fn a_file_that_is_dropped_is_removed() {
        let directory = TempDir::new().unwrap();
        drop(OutputFile::create(&directory.path().join("out.csv")).unwrap());
        assert!(names(&directory).is_empty());
    }

    #[test]
    fn places_where_no_file_can_be_are_refused() {
        let directory = TempDir::new().unwrap();
        for path in [directory.path().to_owned(), directory.path().join("none").join("out.csv")] {
            let error = OutputFile::create(&path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{}: cannot create: ", path.display())), "{error}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn others_may_read_it_as_they_may_read_any_new_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = TempDir::new().unwrap();
        let (path, other) = (directory.path().join("out.csv"), directory.path().join("other"));
        OutputFile::create(&path).unwrap().finish().unwrap();
        File::create(&other).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(path), mode(other));
    }
}
