//! What a target may take the place of: from a path, what lies there and what is read to whether it may be written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use isd_stores::is_address;

use crate::layout::{BLOCK, MANIFEST, NESTED};
use crate::write::attributes::entries;
use crate::{Error, Result};

/// What some file systems have at the place where they are mounted.
const LOST_AND_FOUND: &str = "lost+found";

/// Checks whether a directory, of that path and with these names in it, may be replaced; the error says why not.
pub type Replaceable<'a> = &'a dyn Fn(&Path, &[String]) -> Result<()>;

/// Whether `path` is a directory that holds something, and may be replaced; `false` where there is nothing or an empty
/// directory.
/// Errors: a file, a directory that may not be replaced, or one that cannot be listed.
pub(super) fn holds_something(path: &Path, replaceable: Replaceable<'_>) -> Result<bool> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        // A parent that is no directory is reported when it is about to be made.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(error) => return Err(Error::io(path, "cannot look at the target", error)),
    };
    if !metadata.is_dir() {
        return Err(refused(path, "exists and is a file; a directory is to be written".into()));
    }
    let cannot_list = |error| Error::io(path, "cannot list the directory", error);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot_list)? {
        names.push(entry.map_err(cannot_list)?.file_name().to_string_lossy().into_owned());
    }
    if names.is_empty() {
        return Ok(false);
    }
    names.sort();
    replaceable(path, &names)?;
    Ok(true)
}

/// Checks that a directory with these names in it is a dataset, and that it may be replaced.
pub(super) fn check_dataset(path: &Path, names: &[String], overwrite: bool) -> Result<()> {
    if !names.iter().any(|name| name == MANIFEST) {
        return Err(refused(path, format!("exists and is no isd dataset: it holds no {MANIFEST}")));
    }
    if !overwrite {
        return Err(Error::Exists { path: path.to_owned() });
    }
    if let Some(name) = names.iter().find(|name| !is_part(name) && !is_half_moved(path, name)) {
        return Err(Error::Format {
            path: path.to_owned(),
            found: format!("holds {name}, which is no part of a dataset and would be lost"),
            hint: Some("move it elsewhere, or give another -o".into()),
        });
    }
    Ok(())
}

/// Whether an entry of a dataset's directory may be a part of it.
fn is_part(name: &str) -> bool {
    name.starts_with(['.', '_']) || name.starts_with(&format!("{BLOCK}=")) || name == LOST_AND_FOUND
}

/// Whether `name` is the directory that a dataset was being moved to when the run was killed.
fn is_half_moved(dataset: &Path, name: &str) -> bool {
    let holds_parts = |entries: Vec<PathBuf>| {
        entries.iter().all(|entry| entry.file_name().is_some_and(|name| is_part(&name.to_string_lossy())))
    };
    name == NESTED && entries(&dataset.join(name)).is_ok_and(holds_parts)
}

/// Checks that a directory that cannot be replaced holds nothing but what may lie beside a dataset in it.
pub(super) fn check_beside(path: &Path, names: &[String]) -> Result<()> {
    let foreign =
        |name: &&String| *name != NESTED && *name != LOST_AND_FOUND && !name.starts_with(['.', '_']);
    match names.iter().find(foreign) {
        Some(name) => Err(refused(path, format!("exists and is no isd dataset: it holds {name}"))),
        None => Ok(()),
    }
}

/// Refuses a target inside a source, which a later conversion would read, and one that holds a
/// source, which overwriting would delete.
pub(super) fn refuse_overlap(path: &Path, sources: &[PathBuf]) -> Result<()> {
    let target = canonical(path);
    for source in sources {
        let place = canonical(source);
        let relation = if target.starts_with(&place) {
            "lies inside the source"
        } else if place.starts_with(&target) {
            "holds the source"
        } else {
            continue;
        };
        return Err(refused(path, format!("{relation} {}", source.display())));
    }
    Ok(())
}

/// The absolute path with links followed, for the part of it that exists.
fn canonical(path: &Path) -> PathBuf {
    if is_address(path) {
        return path.to_owned();
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(ancestor), absolute.strip_prefix(ancestor)) {
            return real.join(rest);
        }
    }
    absolute
}

/// The error of a target that may not be written.
pub(super) fn refused(path: &Path, found: String) -> Error {
    Error::Format { path: path.to_owned(), found, hint: Some("give another -o".into()) }
}
