//! What there is at an address, and below it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use futures::TryStreamExt;
use object_store::{GetOptions, ObjectMeta};

use crate::address::Address;
use crate::error::{Failed, of_request};
use crate::object::again_if_cut;
use crate::open::{Opened, open};
use crate::runtime::wait;
use crate::{Entry, is_writable};

/// The object at an address; `None` where there is none.
///
/// # Errors
/// No rights, no such bucket, or a server that cannot be reached.
pub fn stat(path: &Path) -> io::Result<Option<Entry>> {
    let Opened { store, key, scheme, .. } = open(path)?;
    if key.as_ref().is_empty() {
        return Ok(None);
    }
    let head = GetOptions { head: true, ..GetOptions::default() };
    match wait(async move { store.get_opts(&key, head).await })? {
        Ok(found) => Ok(Some(entry(path.to_owned(), found.meta))),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(of_request(&scheme, &error).into()),
    }
}

/// The objects below an address, at any depth, in ascending order of their addresses. None where there are none.
///
/// # Errors
/// The address of a web server, which cannot be listed; no rights, no such bucket, or a server that cannot be reached.
pub fn list(directory: &Path) -> io::Result<Vec<Entry>> {
    Address::parse(directory)?;
    if !is_writable(directory) {
        return Err(Failed::new(ErrorKind::Unsupported, "a web server cannot be listed")
            .hint("name each file by its address")
            .into());
    }
    let Opened { store, key, root, scheme } = open(directory)?;
    let found = wait(async move { again_if_cut(|| store.list(Some(&key)).try_collect::<Vec<_>>()).await })?;
    let found = found.map_err(|error| of_request(&scheme, &error))?;
    let at = |meta: ObjectMeta| entry(PathBuf::from(format!("{root}/{}", meta.location)), meta);
    let mut entries: Vec<Entry> = found.into_iter().map(at).collect();
    entries.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    Ok(entries)
}

/// Whether there is an object at an address.
///
/// # Errors
/// Those of [`stat`].
pub fn exists(path: &Path) -> io::Result<bool> {
    stat(path).map(|entry| entry.is_some())
}

fn entry(path: PathBuf, meta: ObjectMeta) -> Entry {
    Entry { path, bytes: meta.size, modified: Some(meta.last_modified.into()), tag: meta.e_tag }
}
