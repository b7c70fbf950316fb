//! A dataset in an object store: from a complete directory on disk to a version below the dataset's address, which is seen once
//! the manifest there names it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use isd_stores::{Entry, Object, Stream};
use rayon::prelude::*;
use serde_json::Value;

use crate::layout::{MANIFEST, dataset_directory, is_version_directory, version_directory};
use crate::write::attributes::entries;
use crate::{Error, Result};

/// How old the files of a version that no manifest names are before they are removed: another run may be writing them.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

/// Where a version of a dataset is to be published, and what was there when the run began.
#[derive(Debug)]
pub(super) struct Place {
    address: PathBuf,
    /// All objects below the address.
    objects: Vec<Entry>,
}

impl Place {
    /// Looks at an address. Errors: one that cannot be listed, such as a web server's.
    pub(super) fn look(address: &Path) -> Result<Self> {
        isd_stores::check_writable(address).map_err(|error| Error::io(address, "cannot write", error))?;
        let objects = isd_stores::list(address).map_err(|error| Error::io(address, "cannot list", error))?;
        Ok(Self { address: address.to_owned(), objects })
    }

    pub(super) fn address(&self) -> &Path {
        &self.address
    }

    /// The names right below the address, but for those of versions: of killed runs, or of the one that the manifest names.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.objects.iter().filter_map(|object| self.first_name(object)).collect();
        names.retain(|name| !is_version_directory(name));
        names.dedup();
        names
    }

    fn first_name(&self, object: &Entry) -> Option<String> {
        let below = object.path.strip_prefix(&self.address).ok()?;
        below.iter().next().map(|name| name.to_string_lossy().into_owned())
    }

    /// Uploads the dataset in `directory` as a version, has the manifest name it, and removes what it replaces.
    ///
    /// Errors: an object that cannot be written, or another run that has published a version meanwhile. What was there is
    /// there still then.
    pub(super) fn publish(&self, directory: &Path) -> Result<()> {
        let files = files_below(directory)?;
        let name = version_directory(checksum(directory, &files)?);
        let version = self.address.join(&name);
        let uploaded = |path: &Path, bytes: u64| {
            let same = |object: &&Entry| object.path == path && object.bytes == bytes;
            self.objects.iter().any(|object| same(&object))
        };
        // The manifest of the version comes last, too: without it the version is none.
        let (manifests, others): (Vec<_>, Vec<_>) =
            files.iter().partition(|file| **file == Path::new(MANIFEST));
        let upload = |file: &PathBuf| -> Result<()> {
            let (from, to) = (directory.join(file), version.join(file));
            let source = File::open(&from).map_err(|error| Error::io(&from, "cannot open", error))?;
            let bytes = source.metadata().map_err(|error| Error::io(&from, "cannot open", error))?.len();
            // The version's name says what is in its files: what a killed run has uploaded need not be sent again.
            if !uploaded(&to, bytes) {
                isd_stores::upload(&source, &to).map_err(|error| Error::io(&to, "cannot write", error))?;
            }
            Ok(())
        };
        others.par_iter().with_max_len(1).try_for_each(|file| upload(file))?;
        manifests.into_iter().try_for_each(upload)?;
        self.name_version(directory, &name)?;
        self.remove_others(&name)
    }

    /// The address of the version that the manifest names, or where the dataset lies else.
    pub(super) fn valid(&self) -> PathBuf {
        dataset_directory(&self.address)
    }

    /// Copies the valid version into a directory. Errors: an object that cannot be read, or a file that cannot be written.
    pub(super) fn copy_to(&self, directory: &Path) -> Result<()> {
        let valid = self.valid();
        let copy = |entry: &Entry| -> Result<()> {
            let Ok(name) = entry.path.strip_prefix(&valid) else { return Ok(()) };
            let to = directory.join(name);
            let failed = |error| Error::io(&entry.path, "cannot copy", error);
            fs::create_dir_all(to.parent().unwrap_or(directory)).map_err(failed)?;
            let mut file = File::create(&to).map_err(failed)?;
            let object = Object::of(entry).map_err(failed)?;
            io::copy(&mut Stream::of(object), &mut file).map(|_| ()).map_err(failed)
        };
        self.objects.par_iter().with_max_len(1).try_for_each(copy)
    }

    /// Writes the manifest that names a version.
    fn name_version(&self, directory: &Path, name: &str) -> Result<()> {
        let own = directory.join(MANIFEST);
        let unreadable = |error| Error::io(&own, "cannot read", error);
        let manifest = fs::read(&own).map_err(unreadable)?;
        let mut manifest: Value =
            serde_json::from_slice(&manifest).map_err(|error| unreadable(error.into()))?;
        if let Value::Object(fields) = &mut manifest {
            fields.insert("directory".into(), name.into());
        }
        let text = format!("{manifest:#}\n");
        let path = self.address.join(MANIFEST);
        let before = self.objects.iter().find(|object| object.path == path);
        isd_stores::replace(text.into_bytes(), &path, before).map_err(|error| match error.kind() {
            ErrorKind::StaleNetworkFileHandle => Error::Format {
                path: self.address.clone(),
                found: "another run has written it meanwhile; that one stays".into(),
                hint: Some("run again with --overwrite to replace it".into()),
            },
            _ => Error::io(&path, "cannot write", error),
        })
    }

    /// Removes what was there before but for the version that is valid now, and versions that another run may be writing.
    fn remove_others(&self, valid: &str) -> Result<()> {
        let manifest = self.address.join(MANIFEST);
        let before = self.objects.iter().find(|object| object.path == manifest);
        let is_old = |object: &Entry| {
            let age = object.modified.and_then(|time| SystemTime::now().duration_since(time).ok());
            // What is older than the manifest that was replaced belongs to what that named, or to nothing.
            let before_manifest = before.is_some_and(|manifest| object.modified <= manifest.modified);
            before_manifest || age.is_some_and(|age| age > ABANDONED_AFTER)
        };
        let is_other = |object: &&Entry| match self.first_name(object) {
            Some(name) if name == valid || name == MANIFEST => false,
            Some(name) if is_version_directory(&name) => is_old(object),
            Some(_) => true,
            None => false,
        };
        let others = self.objects.iter().filter(is_other).map(|object| &*object.path);
        isd_stores::remove(others).map_err(|error| {
            Error::io(&self.address, "the dataset is complete, but cannot remove the one before it", error)
        })
    }
}

/// The files below a directory, as paths within it, in ascending order.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in entries(&next)? {
            if entry.is_dir() {
                directories.push(entry);
            } else if let Ok(file) = entry.strip_prefix(directory) {
                files.push(file.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A checksum of the names and contents of files: two of 32 bits, of other beginnings.
fn checksum(directory: &Path, files: &[PathBuf]) -> Result<u64> {
    let of_file = |file: &PathBuf| -> Result<(u32, u64)> {
        let path = directory.join(file);
        let unreadable = |error| Error::io(&path, "cannot read", error);
        let mut sum = crc32fast::Hasher::new();
        let mut reader = BufReader::with_capacity(1 << 18, File::open(&path).map_err(unreadable)?);
        let mut bytes = 0;
        loop {
            let piece = reader.fill_buf().map_err(unreadable)?;
            if piece.is_empty() {
                return Ok((sum.finalize(), bytes));
            }
            sum.update(piece);
            let length = piece.len();
            bytes += length as u64;
            reader.consume(length);
        }
    };
    let sums: Vec<(u32, u64)> = files.par_iter().map(of_file).collect::<Result<_>>()?;
    let mut both = [crc32fast::Hasher::new(), crc32fast::Hasher::new_with_initial(0x9e37_79b9)];
    for (file, (sum, bytes)) in files.iter().zip(sums) {
        for hasher in &mut both {
            hasher.update(file.as_os_str().as_encoded_bytes());
            hasher.update(&bytes.to_le_bytes());
            hasher.update(&sum.to_le_bytes());
        }
    }
    let [low, high] = both.map(crc32fast::Hasher::finalize);
    Ok(u64::from(high) << 32 | u64::from(low))
}
