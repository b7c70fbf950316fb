//! Hidden directories beside a target, in which runs write: made for this run, and found again where a run was killed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// File in a run's hidden directory that is locked for as long as the run lives, however it ends.
const LOCK: &str = "lock";
/// Directory in the hidden one that becomes the dataset.
pub(super) const STAGED: &str = "dataset";
/// Directory in the hidden one that the dataset to be replaced becomes, where two directories cannot be exchanged in one
/// step.
pub(super) const ASIDE: &str = "replaced";
/// End of a hidden directory's name.
const SUFFIX: &str = ".tmp";
/// Random characters in the name of a hidden directory.
const RANDOM: usize = 6;

/// Creates a hidden directory in `parent` for the target `name`, with the locked file that says that it is in use.
/// Errors: a place where nothing can be written.
pub(super) fn make_hidden(name: &OsStr, parent: &Path) -> Result<(tempfile::TempDir, File)> {
    let work = tempfile::Builder::new()
        .prefix(&prefix(name))
        .rand_bytes(RANDOM)
        .suffix(SUFFIX)
        .tempdir_in(parent)
        .map_err(|error| Error::io(parent, "cannot create a directory in it", error))?;
    let lock = work.path().join(LOCK);
    let file = File::create_new(&lock).map_err(|error| Error::io(&lock, "cannot create", error))?;
    // Where locks are unknown, a second run is not noticed.
    let _ = file.try_lock();
    Ok((work, file))
}

/// Locks the directory that the target is to be in, which keeps other runs from starting there for as long as the lock is
/// held; `None` where directories cannot be locked.
pub(super) fn lock_parent(parent: &Path) -> Option<File> {
    let directory = File::open(parent).ok()?;
    directory.lock().ok()?;
    Some(directory)
}

/// Finds the hidden directories in `parent` of runs for the target `path`, called `name`, that were killed.
/// Errors: a run for that target that is alive, or a directory that cannot be listed.
pub(super) fn find_abandoned(path: &Path, name: &OsStr, parent: &Path) -> Result<Vec<PathBuf>> {
    let prefix = prefix(name);
    let prefix = prefix.as_encoded_bytes();
    let mut abandoned = Vec::new();
    let entries =
        fs::read_dir(parent).map_err(|error| Error::io(parent, "cannot list the directory", error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(parent, "cannot list the directory", error))?;
        let entry_name = entry.file_name();
        let random = entry_name.as_encoded_bytes().strip_prefix(prefix);
        let random = random.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        // The dots in the name of another target are not random.
        if !random.is_some_and(|r| r.len() == RANDOM && r.iter().all(u8::is_ascii_alphanumeric)) {
            continue;
        }
        let directory = entry.path();
        match File::open(directory.join(LOCK)).map(|lock| lock.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => {
                return Err(Error::Held { path: path.to_owned() });
            }
            Ok(Ok(())) | Err(_) if directory.is_dir() => abandoned.push(directory),
            // A file of that name, or a place where it cannot be told whether the run lives.
            _ => {}
        }
    }
    abandoned.sort();
    Ok(abandoned)
}

/// Checks that no run for the target `path`, called `name` in `parent`, is alive, as far as can be told.
/// Errors: one that is.
pub(super) fn refuse_running(path: &Path, name: &OsStr, parent: &Path) -> Result<()> {
    match find_abandoned(path, name, parent) {
        // A directory that cannot be listed.
        Ok(_) | Err(Error::Io { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a dataset its name `path` again that a run had taken from it when it was killed, before the new one had it.
/// Errors: the dataset cannot be renamed.
pub(super) fn restore(abandoned: &[PathBuf], path: &Path) -> Result<()> {
    let aside = abandoned.iter().map(|directory| directory.join(ASIDE)).find(|aside| aside.is_dir());
    match aside {
        Some(aside) if !path.exists() => fs::rename(&aside, path)
            .map_err(|error| Error::io(&aside, "cannot put the previous dataset back", error)),
        _ => Ok(()),
    }
}

/// How the names of hidden directories for a target begin.
fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}
