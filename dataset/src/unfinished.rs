//! The paths of files and directories that are being written, so that a run that is interrupted can remove them, and
//! uploads that it can take back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Marks a path as unfinished for as long as it lives.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Marks the file or directory at `path`, which need not exist yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        // The working directory may be another one by then.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        paths().push(path.clone());
        Self(path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut paths = paths();
        if let Some(index) = paths.iter().position(|path| *path == self.0) {
            paths.swap_remove(index);
        }
    }
}

/// Removes all that is marked as unfinished, and takes back uploads that are under way. A thread that would mark another path from now on waits until the process
/// ends.
pub fn remove_all() {
    let paths = paths();
    for path in paths.iter() {
        // Nobody is left to be told.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    isd_stores::abort_all();
    std::mem::forget(paths);
}

fn paths() -> MutexGuard<'static, Vec<PathBuf>> {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}
