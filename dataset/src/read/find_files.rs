//! From a dataset's directory to its Parquet files, in a directory or below an address.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use isd_stores::{Entry, is_address, is_writable};

use crate::block::BlockRecord;
use crate::layout::{JOURNAL, is_version_directory, part_name};
use crate::{Error, Result, storage};

/// A Parquet file that was found.
#[derive(Debug, Clone)]
pub(super) enum Found {
    File(PathBuf),
    Object(Entry),
}

impl Found {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Object(entry) => &entry.path,
        }
    }
}

/// The Parquet files below a directory, in the order of their paths; names that begin with a dot or an underscore are passed
/// over. `None` where `path` is no directory, but may be a file.
///
/// Errors: nothing there, or a directory that cannot be read.
pub(super) fn find_parquet(path: &Path) -> Result<Option<Vec<Found>>> {
    let mut found = Vec::new();
    if is_address(path) {
        let Some(entries) = objects(path)? else { return Ok(None) };
        found.extend(entries.into_iter().map(Found::Object));
    } else {
        let kind = fs::metadata(path).map_err(|source| Error::io(path, "cannot open", source))?;
        if !kind.is_dir() {
            return Ok(None);
        }
        let mut paths = Vec::new();
        find_files(path, &mut paths)?;
        found.extend(paths.into_iter().map(Found::File));
    }
    found.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(Some(found))
}

/// The file at `path`. Errors: an object that is not there.
pub(super) fn file_at(path: &Path) -> Result<Found> {
    if !is_address(path) {
        return Ok(Found::File(path.to_owned()));
    }
    let failed = |source| Error::io(path, "cannot open", source);
    let nothing = || failed(isd_stores::not_found());
    Ok(Found::Object(isd_stores::stat(path).map_err(failed)?.ok_or_else(nothing)?))
}

/// Appends the Parquet files below a directory, in any order.
///
/// Links to directories are followed, but for those that lead back to a directory that holds them.
/// Errors: a directory that cannot be read.
fn find_files(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
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
            find_files(&path, found)?;
        } else if is_parquet(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// The Parquet files below an address; `None` where there is nothing below it. On a web server, which cannot be listed, these
/// are the files that the dataset's journal lists.
fn objects(directory: &Path) -> Result<Option<Vec<Entry>>> {
    let unreadable = |source| Error::io(directory, "cannot read", source);
    if !is_writable(directory) {
        return listed_in_journal(directory);
    }
    let mut entries = isd_stores::list(directory).map_err(unreadable)?;
    if entries.is_empty() {
        return Ok(None);
    }
    entries.retain(|entry| {
        let below = entry.path.strip_prefix(directory).unwrap_or(&entry.path);
        // A version of the dataset that no manifest names is not complete, or no longer valid.
        let is_hidden = |name: &str| name.starts_with(['.', '_']) || is_version_directory(name);
        is_parquet(&entry.path) && !below.iter().any(|name| is_hidden(&name.to_string_lossy()))
    });
    Ok(Some(entries))
}

fn listed_in_journal(directory: &Path) -> Result<Option<Vec<Entry>>> {
    #[derive(serde::Deserialize)]
    struct Line {
        block: BlockRecord,
    }
    let path = directory.join(JOURNAL);
    let text = match storage::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io(&path, "cannot read", source)),
    };
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let files = lines.flat_map(|Line { block }| block.files(part_name).collect::<Vec<_>>());
    let entry = |(path, bytes): (PathBuf, u64)| Entry {
        // In an address of the web a % begins an escape; in the name of a block it is one of Hive's.
        path: directory.join(path.to_string_lossy().replace('%', "%25")),
        bytes,
        modified: None,
        tag: None,
    };
    Ok(Some(files.map(entry).collect()))
}

fn is_parquet(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("parquet"))
}

/// Whether a link leads to a directory that holds it, whose files would be found again and again.
fn leads_back(link: &Path) -> bool {
    let place = link.parent().map(fs::canonicalize);
    matches!((place, fs::canonicalize(link)), (Some(Ok(place)), Ok(target)) if place.starts_with(&target))
}
