//! From a dataset's directory to the paths of its Parquet files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Appends the Parquet files below a directory, in any order; names that begin with a dot or an underscore are passed over.
///
/// Links to directories are followed, but for those that lead back to a directory that holds them.
/// Errors: a directory that cannot be read.
pub(super) fn find_parquet(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |source| Error::io(directory, "cannot read the directory", source);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            if path.is_symlink() && leads_back(&path) {
                continue;
            }
            find_parquet(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a link leads to a directory that holds it, whose files would be found again and again.
fn leads_back(link: &Path) -> bool {
    let place = link.parent().map(fs::canonicalize);
    matches!((place, fs::canonicalize(link)), (Some(Ok(place)), Ok(target)) if place.starts_with(&target))
}
