//! What runs leave beside a target: the target's path in, hidden directories of dead runs out, or word of a live one.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// File in a run's hidden directory that is locked for as long as the run lives, however it ends.
const LOCK: &str = "lock";
/// Directory in it that becomes the dataset.
pub(super) const STAGED: &str = "dataset";
/// Where a dataset that is replaced is put, where two directories cannot be exchanged in one step.
pub(super) const ASIDE: &str = "replaced";
const SUFFIX: &str = ".tmp";
/// Random characters in the name of a hidden directory.
const RANDOM: usize = 6;

/// A new hidden directory beside `path`, with the lock that says that it is in use.
///
/// # Errors
/// A place where nothing can be written.
pub(super) fn make_hidden(path: &Path, parent: &Path) -> Result<(tempfile::TempDir, File)> {
    let work = tempfile::Builder::new()
        .prefix(&prefix(path))
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

/// Keeps others from starting at the same place for as long as it is held, where directories can be locked.
pub(super) fn lock_parent(parent: &Path) -> Option<File> {
    let directory = File::open(parent).ok()?;
    directory.lock().ok()?;
    Some(directory)
}

/// Hidden directories beside `path` of runs that were killed.
///
/// # Errors
/// A run that is alive.
pub(super) fn leftovers(path: &Path, parent: &Path) -> Result<Vec<PathBuf>> {
    let prefix = prefix(path);
    let prefix = prefix.as_encoded_bytes();
    let mut dead = Vec::new();
    let entries =
        fs::read_dir(parent).map_err(|error| Error::io(parent, "cannot list the directory", error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(parent, "cannot list the directory", error))?;
        let name = entry.file_name();
        let random = name.as_encoded_bytes().strip_prefix(prefix);
        let random = random.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        // The dots in the name of another target are not random.
        if !random.is_some_and(|r| r.len() == RANDOM && r.iter().all(u8::is_ascii_alphanumeric)) {
            continue;
        }
        let directory = entry.path();
        match File::open(directory.join(LOCK)).map(|lock| lock.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => {
                return Err(Error::Format {
                    path: path.to_owned(),
                    found: "is being written by another run".into(),
                    hint: Some("wait until that has ended, or give another -o".into()),
                });
            }
            Ok(Ok(())) | Err(_) if directory.is_dir() => dead.push(directory),
            // A file of that name, or a place where it cannot be told whether the run lives.
            _ => {}
        }
    }
    dead.sort();
    Ok(dead)
}

/// Puts back a dataset that a run had put aside when it was killed, before the new one had its name.
pub(super) fn restore(leftovers: &[PathBuf], path: &Path) -> Result<()> {
    let aside = leftovers.iter().map(|leftover| leftover.join(ASIDE)).find(|aside| aside.is_dir());
    match aside {
        Some(aside) if !path.exists() => fs::rename(&aside, path)
            .map_err(|error| Error::io(&aside, "cannot put the previous dataset back", error)),
        _ => Ok(()),
    }
}

fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}
