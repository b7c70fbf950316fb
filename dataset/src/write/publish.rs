//! The target of a conversion: from a path to a hidden directory beside it, which takes the path's name once complete.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use isd_stores::is_address;
use tempfile::TempDir;

use crate::layout::{MANIFEST, NESTED, STAGED_PART};
use crate::unfinished::Unfinished;
use crate::write::abandoned::{
    ASIDE, STAGED, find_abandoned, lock_parent, make_hidden, refuse_running, restore,
};
use crate::write::attributes::{copy, copy_all, entries};
use crate::write::place::{check_writable, is_mount_point, must_nest, nest};
use crate::write::replaced::{
    Replaceable, check_beside, check_dataset, holds_something, refuse_overlap, refused,
};
use crate::write::version::Place;
use crate::{Error, Result};

/// A directory that is being written: a dataset, or anything else that must be complete or not there.
///
/// Until [`Target::publish`] nothing appears under the final name. Dropped before that, it removes everything it made.
///
/// A dataset whose directory cannot be replaced, because it is a mount point or its parent cannot be written, is written
/// to [`NESTED`] in it, which can: all else is the same. One at an address is written among temporary files, and uploaded when
/// it is complete.
#[derive(Debug)]
pub struct Target {
    /// What is replaced.
    path: PathBuf,
    staged: PathBuf,
    replaces: bool,
    /// The directory that `path` is in, where that holds a dataset which is to be moved to `path` before.
    flat: Option<PathBuf>,
    /// Where the dataset goes when it is complete, if that is in an object store.
    version: Option<Version>,
    /// Hidden directories of runs that were killed.
    abandoned: Vec<PathBuf>,
    // In this order: the hidden directory goes before the parents that were made for it, and is in use until then.
    work: TempDir,
    lock: File,
    parents: MadeDirectories,
}

/// A dataset in an object store that is being written.
#[derive(Debug)]
struct Version {
    place: Place,
    /// Where the dataset is that will be replaced, if there is one.
    previous: Option<PathBuf>,
}

impl Target {
    /// Checks that a dataset may be written at `path`, and makes a hidden directory beside it, or in it where it cannot be
    /// replaced. A link stays one: what it leads to is replaced.
    ///
    /// # Errors
    /// A target that exists, unless it is an empty directory, or an isd dataset with `overwrite`; one that lies inside one
    /// of `sources` or holds one; one that another run is writing; a place where nothing can be written.
    pub fn prepare(path: &Path, overwrite: bool, sources: &[PathBuf]) -> Result<Self> {
        if is_address(path) {
            return Self::prepare_version(path, overwrite, sources);
        }
        let replaceable: Replaceable<'_> = &|path, names| check_dataset(path, names, overwrite);
        let (path, _) = Self::check(path, overwrite, sources)?;
        let nested = path.join(NESTED);
        if !must_nest(&path) {
            // A run that may not replace the directory writes in it.
            refuse_running(&nested, OsStr::new(NESTED), &path)?;
            return Self::prepare_at(path, None, replaceable);
        }
        if let (Some(name), Some(parent)) = (path.file_name(), path.parent()) {
            refuse_running(&path, name, parent)?;
        }
        if !path.join(MANIFEST).exists() {
            return Self::prepare_at(nested, None, replaceable);
        }
        let was_begun = nested.is_dir();
        let mut target = Self::prepare_at(nested, Some(&path), &|_, _| Ok(()))?;
        if was_begun {
            nest(&path)?;
        } else {
            target.flat = Some(path);
        }
        Ok(target)
    }

    /// Checks that a dataset may be written at an address, and makes a hidden directory among temporary files: always the same
    /// one, where a run that was killed is found again.
    fn prepare_version(address: &Path, overwrite: bool, sources: &[PathBuf]) -> Result<Self> {
        let (place, replaces) = look(address, overwrite, sources)?;
        let name = format!("isd-{:08x}", crc32fast::hash(address.as_os_str().as_encoded_bytes()));
        let prepared = Self::prepare_at(std::env::temp_dir().join(name), None, &|_, _| Ok(()));
        let mut target = prepared.map_err(|error| match error {
            Error::Held { .. } => Error::Held { path: address.to_owned() },
            error => error,
        })?;
        target.version = Some(Version { previous: replaces.then(|| place.valid()), place });
        Ok(target)
    }

    /// Has [`Target::previous`] be a local directory, for a dataset that is to be updated: one in a store is copied.
    ///
    /// # Errors
    /// A dataset that cannot be read, or a copy that cannot be written.
    pub fn fetch_previous(&mut self) -> Result<()> {
        if let Some(Version { place, previous: Some(previous) }) = &mut self.version {
            let copy = self.work.path().join("previous");
            place.copy_to(&copy)?;
            *previous = copy;
        }
        Ok(())
    }

    /// Whether the dataset lies in a store, where nothing of it can be changed but by a new version.
    #[must_use]
    pub fn is_version(&self) -> bool {
        self.version.is_some()
    }

    /// Checks that a directory may be written at `path`, and makes a hidden directory beside it. Where there is a directory
    /// that is not empty, `replaceable` checks whether it may be replaced.
    ///
    /// # Errors
    /// A file at `path`, a mount point, a directory that may not be replaced, one that lies inside one of `sources` or holds
    /// one, one that another run is writing, or a place where nothing can be written.
    pub fn prepare_directory(path: &Path, sources: &[PathBuf], replaceable: Replaceable<'_>) -> Result<Self> {
        if is_address(path) {
            return Err(Error::Format {
                path: path.to_owned(),
                found: "is an address, where a directory of tables cannot appear whole".into(),
                hint: Some("write a single file there, or a local directory".into()),
            });
        }
        let path = resolve_link(path)?;
        name_of(&path)?;
        holds_something(&path, replaceable)?;
        refuse_overlap(&path, sources)?;
        if path.is_dir() && is_mount_point(&path) {
            return Err(Error::Format {
                path,
                found: "is a mount point, which cannot be replaced".into(),
                hint: Some("name a directory in it".into()),
            });
        }
        Self::prepare_at(path, None, replaceable)
    }

    /// Makes the hidden directory for a target that was checked, so that one that is refused leaves no trace. What is to be
    /// written gets the attributes of the directory at `path`, or else of the one at `like`.
    fn prepare_at(path: PathBuf, like: Option<&Path>, replaceable: Replaceable<'_>) -> Result<Self> {
        let name = name_of(&path)?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parents = MadeDirectories::make(parent)?;
        let starting = lock_parent(parent);
        let abandoned = find_abandoned(&path, name, parent)?;
        restore(&abandoned, &path)?;
        let replaces = holds_something(&path, replaceable)?;
        let (work, lock) = make_hidden(name, parent)?;
        drop(starting);
        // A directory inside the temporary one, because that one is for its owner's eyes only.
        let staged = work.path().join(STAGED);
        fs::create_dir(&staged).map_err(|error| Error::io(&staged, "cannot create directory", error))?;
        if let Some(like) = Some(&*path).filter(|path| path.is_dir()).or(like) {
            // Neither can be found out when the work is done.
            check_writable(like)?;
            copy(like, &staged)?;
        }
        Ok(Self { path, staged, replaces, flat: None, version: None, abandoned, work, lock, parents })
    }

    /// Says where a dataset at `path` would lie, links followed, and whether it would replace one; writes nothing.
    ///
    /// # Errors
    /// Those of [`Target::prepare`], but for what only writing shows.
    pub fn check(path: &Path, overwrite: bool, sources: &[PathBuf]) -> Result<(PathBuf, bool)> {
        if is_address(path) {
            let (place, replaces) = look(path, overwrite, sources)?;
            return Ok((place.address().to_owned(), replaces));
        }
        let replaceable: Replaceable<'_> = &|path, names| check_dataset(path, names, overwrite);
        let path = resolve_link(path)?;
        name_of(&path)?;
        let replaces = if must_nest(&path) && !path.join(MANIFEST).exists() {
            holds_something(&path, &check_beside)?;
            holds_something(&path.join(NESTED), replaceable)?
        } else {
            holds_something(&path, replaceable)?
        };
        refuse_overlap(&path, sources)?;
        Ok((path, replaces))
    }

    /// The directory to write into.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.staged
    }

    /// Marks all that is written as unfinished, for runs that cannot go on where an interrupted one stopped.
    #[must_use]
    pub fn removed_on_interrupt(&self) -> Unfinished {
        Unfinished::at(self.work.path())
    }

    /// A directory for files that are needed only while writing; it may not exist yet.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.work.path().join("runs")
    }

    /// The dataset that is there now and will be replaced, or a copy of it; `None` where there is none.
    #[must_use]
    pub fn previous(&self) -> Option<&Path> {
        match &self.version {
            Some(version) => version.previous.as_deref(),
            None => self.flat.as_deref().or(self.replaces.then_some(&*self.path)),
        }
    }

    /// The incomplete datasets of runs that were killed.
    pub fn abandoned(&self) -> impl Iterator<Item = PathBuf> {
        self.abandoned.iter().map(|directory| directory.join(STAGED))
    }

    /// Removes what runs that were killed have written.
    pub fn remove_abandoned(&mut self) {
        for directory in self.abandoned.drain(..) {
            // What belongs to somebody else stays; it is in nobody's way.
            let _ = fs::remove_dir_all(directory);
        }
    }

    /// Gives the finished directory its name, and removes the one that it replaces.
    ///
    /// # Errors
    /// The final name could not be taken; what was there before is there still.
    pub fn publish(self) -> Result<()> {
        if let Some(Version { place, .. }) = &self.version {
            name_parts(&self.staged)?;
            return place.publish(&self.staged);
        }
        if let Some(previous) = self.previous() {
            copy_all(previous, &self.staged)?;
        }
        let Self { path, staged, mut replaces, flat, parents, work, lock, .. } = self;
        sync_directories(&staged)?;
        if let Some(flat) = flat {
            nest(&flat)?;
            replaces = true;
        }
        // Right before the exchange: from now on other readers that look into hidden directories see two datasets.
        name_parts(&staged)?;
        let aside = work.path().join(ASIDE);
        let renamed = if replaces { exchange(&staged, &path, &aside) } else { fs::rename(&staged, &path) };
        if let Err(error) = renamed {
            if aside.exists() {
                // Neither dataset has the name: both stay where they are, for a person to decide.
                let _ = work.keep();
                return Err(Error::io(
                    &aside,
                    "the previous dataset is here now, it could not be renamed back",
                    error,
                ));
            }
            return Err(Error::io(&path, "cannot give the finished dataset this name", error));
        }
        parents.keep();
        sync_directories(&path)?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
        let hidden = work.path().to_owned();
        // What some systems do not remove while it is open.
        drop(lock);
        work.close().map_err(|error| Error::io(&hidden, "the dataset is complete, but cannot remove", error))
    }
}

/// Looks at the address of a dataset; says whether one is there, which may be replaced.
fn look(address: &Path, overwrite: bool, sources: &[PathBuf]) -> Result<(Place, bool)> {
    let place = Place::look(address)?;
    let names = place.names();
    if !names.is_empty() {
        check_dataset(address, &names, overwrite)?;
    }
    refuse_overlap(address, sources)?;
    Ok((place, !names.is_empty()))
}

/// Gives the parts of a dataset that is complete their final names.
fn name_parts(dataset: &Path) -> Result<()> {
    for block in entries(dataset)?.into_iter().filter(|entry| entry.is_dir()) {
        for part in entries(&block)? {
            let name = part.file_name().and_then(OsStr::to_str);
            if let Some(name) = name.and_then(|name| name.strip_suffix(STAGED_PART)) {
                fs::rename(&part, block.join(name))
                    .map_err(|error| Error::io(&part, "cannot rename", error))?;
            }
        }
    }
    Ok(())
}

/// Writes the names of the files in a dataset to the disk, where their contents are already.
fn sync_directories(dataset: &Path) -> Result<()> {
    for entry in entries(dataset)?.into_iter().filter(|entry| entry.is_dir()) {
        sync_directory(&entry)?;
    }
    sync_directory(dataset)
}

fn sync_directory(directory: &Path) -> Result<()> {
    #[cfg(unix)]
    match File::open(directory).and_then(|file| file.sync_all()) {
        Ok(()) => {}
        // A file system on which directories cannot be written to the disk by themselves.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        Err(error) => return Err(Error::io(directory, "cannot write", error)),
    }
    let _ = directory;
    Ok(())
}

/// Parents of the target that were made for it, deepest first; removed again on drop.
#[derive(Debug)]
struct MadeDirectories(Vec<PathBuf>);

impl MadeDirectories {
    fn make(directory: &Path) -> Result<Self> {
        let missing: Vec<PathBuf> = directory
            .ancestors()
            .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
            .map(Path::to_owned)
            .collect();
        let mut made = Self(Vec::new());
        for ancestor in missing.into_iter().rev() {
            match fs::create_dir(&ancestor) {
                Ok(()) => made.0.insert(0, ancestor),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && ancestor.is_dir() => {}
                Err(error) => return Err(Error::io(&ancestor, "cannot create directory", error)),
            }
        }
        Ok(made)
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for MadeDirectories {
    fn drop(&mut self) {
        for directory in &self.0 {
            // One that holds something by now is no longer ours to remove.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// The directory that a symbolic link leads to, so that it is replaced and not the link; any other path as it is.
fn resolve_link(path: &Path) -> Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            fs::canonicalize(path).map_err(|error| Error::io(path, "cannot follow the link", error))
        }
        _ => Ok(path.to_owned()),
    }
}

/// The last part of a target's path. Errors: a path without one, such as `/` or `..`.
fn name_of(path: &Path) -> Result<&OsStr> {
    path.file_name().ok_or_else(|| refused(path, "names no directory that could be created".into()))
}

/// Gives the directory `new` the name `old`; the dataset of that name is then at `new` or at `aside`, which lie in the same
/// temporary directory.
fn exchange(new: &Path, old: &Path, aside: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(()),
            // The file system or the kernel does not know how: two renames do it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    fs::rename(old, aside)?;
    fs::rename(new, old).inspect_err(|_| {
        // Where even this fails, the caller finds `aside` and says so.
        let _ = fs::rename(aside, old);
    })
}
