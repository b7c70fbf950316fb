//! What a path names, a local file or an object, read alike: small files as bytes, and any file as a local one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use isd_stores::{Object, Stream, is_address};
use tempfile::TempPath;

use crate::unfinished::Unfinished;

/// All bytes of a file or an object.
///
/// # Errors
/// Nothing there, or what cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !is_address(path) {
        return fs::read(path);
    }
    isd_stores::read(path).map(Vec::from)
}

/// All of a file or an object as text.
///
/// # Errors
/// Those of [`read`], and bytes that are no UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::Error::new(ErrorKind::InvalidData, "is no UTF-8"))
}

/// Whether there is a file, or an object. `false` where that cannot be found out.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    if is_address(path) { isd_stores::exists(path).unwrap_or(false) } else { path.is_file() }
}

/// The size in bytes of a file or an object.
///
/// # Errors
/// Nothing there, or what cannot be looked at.
pub fn size(path: &Path) -> io::Result<u64> {
    if !is_address(path) {
        return fs::metadata(path).map(|metadata| metadata.len());
    }
    isd_stores::stat(path)?.map(|entry| entry.bytes).ok_or_else(isd_stores::not_found)
}

/// The absolute path of a file or directory, links followed; an address as it is.
///
/// # Errors
/// Nothing there, or a place that cannot be looked at; none for an address.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    if is_address(path) { Ok(path.to_owned()) } else { path.canonicalize() }
}

/// The names right below a directory, or of the objects right below an address, in any order.
///
/// # Errors
/// A directory that is not there or cannot be read; an address that cannot be listed.
pub fn names(directory: &Path) -> io::Result<Vec<String>> {
    if !is_address(directory) {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        return fs::read_dir(directory)?.map(name).collect();
    }
    let entries = isd_stores::list(directory)?;
    let below = entries.iter().filter(|entry| entry.path.parent() == Some(directory));
    let name = |entry: &isd_stores::Entry| Some(entry.path.file_name()?.to_string_lossy().into_owned());
    Ok(below.filter_map(name).collect())
}

/// A local file: one that was there, or the temporary copy of an object, which is removed when this is dropped.
#[derive(Debug)]
pub struct LocalFile(Kind);

#[derive(Debug)]
enum Kind {
    Own(PathBuf),
    // In this order: the file is removed before it ceases to be listed as unfinished.
    Copy(TempPath, #[expect(dead_code, reason = "it acts when it is dropped")] Unfinished),
}

impl AsRef<Path> for LocalFile {
    fn as_ref(&self) -> &Path {
        match &self.0 {
            Kind::Own(path) => path,
            Kind::Copy(path, _) => path,
        }
    }
}

/// The file at a path; of an address a copy of the object, in the directory for temporary files, whose name ends as the
/// object's does.
///
/// # Errors
/// An object that cannot be read, or a copy that cannot be written; none for a path that is no address.
pub fn local(path: &Path) -> io::Result<LocalFile> {
    if !is_address(path) {
        return Ok(LocalFile(Kind::Own(path.to_owned())));
    }
    let object = Object::open(path)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut file = tempfile::Builder::new().prefix("isd-").suffix(&format!("-{name}")).tempfile()?;
    let unfinished = Unfinished::at(file.path());
    io::copy(&mut Stream::of(object), &mut file)?;
    Ok(LocalFile(Kind::Copy(file.into_temp_path(), unfinished)))
}
