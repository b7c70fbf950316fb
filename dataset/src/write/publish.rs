//! The place of a new dataset: from a path to a hidden directory beside it, which takes the path's name once complete.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::layout::{BLOCK, MANIFEST};
use crate::write::abandoned::{ASIDE, STAGED, leftovers, lock_parent, make_hidden, restore};
use crate::{Error, Result};

/// Says why a directory, of that path and with those names in it, must not be replaced.
pub type Replaceable<'a> = &'a dyn Fn(&Path, &[String]) -> Result<()>;

/// A directory in the making, of a dataset or of anything else that is complete or not there.
///
/// Until [`Target::publish`] nothing appears under the final name; dropped before that, it removes
/// everything it made.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    staged: PathBuf,
    replaces: bool,
    leftovers: Vec<PathBuf>,
    // In this order: the hidden directory goes before the parents that were made for it, and is in use until then.
    work: TempDir,
    lock: File,
    parents: MadeDirectories,
}

impl Target {
    /// Checks that a dataset may be written at `path`, and makes a hidden directory beside it.
    ///
    /// # Errors
    /// A target that exists (but for an empty directory) without `overwrite`, that is no isd dataset, that lies inside
    /// one of `sources` or holds one, that another run is writing, or a place where nothing can be written.
    pub fn prepare(path: &Path, overwrite: bool, sources: &[PathBuf]) -> Result<Self> {
        Self::prepare_directory(path, sources, &|path, names| check_dataset(path, names, overwrite))
    }

    /// Checks that a directory may be written at `path`, and makes a hidden directory beside it.
    ///
    /// Where a directory is that holds something, `replaceable` gets its path and the names in it, and says why it
    /// must stay.
    ///
    /// # Errors
    /// A file at `path`, a directory that must stay, that lies inside one of `sources` or holds one, that another run
    /// is writing, or a place where nothing can be written.
    pub fn prepare_directory(path: &Path, sources: &[PathBuf], replaceable: Replaceable<'_>) -> Result<Self> {
        // Before anything is made: a target that is refused leaves nothing.
        let (path, _) = Self::check_directory(path, sources, replaceable)?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parents = MadeDirectories::make(parent)?;
        let starting = lock_parent(parent);
        let leftovers = leftovers(&path, parent)?;
        restore(&leftovers, &path)?;
        let replaces = holds_something(&path, replaceable)?;
        let (work, lock) = make_hidden(&path, parent)?;
        drop(starting);
        // A directory inside the temporary one, because that one is for its owner's eyes only.
        let staged = work.path().join(STAGED);
        fs::create_dir(&staged).map_err(|error| Error::io(&staged, "cannot create directory", error))?;
        Ok(Self { path, staged, replaces, leftovers, work, lock, parents })
    }

    /// Where a dataset at `path` would lie, and whether it would replace one; writes nothing.
    ///
    /// # Errors
    /// As [`Target::prepare`], but for what only writing shows.
    pub fn check(path: &Path, overwrite: bool, sources: &[PathBuf]) -> Result<(PathBuf, bool)> {
        Self::check_directory(path, sources, &|path, names| check_dataset(path, names, overwrite))
    }

    fn check_directory(
        path: &Path,
        sources: &[PathBuf],
        replaceable: Replaceable<'_>,
    ) -> Result<(PathBuf, bool)> {
        let path = resolve_link(path)?;
        if path.file_name().is_none() {
            return Err(refused(&path, "names no directory that could be created".into()));
        }
        let replaces = holds_something(&path, replaceable)?;
        refuse_overlap(&path, sources)?;
        Ok((path, replaces))
    }

    /// The directory to write into.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.staged
    }

    /// A directory for what is needed only while writing; it need not exist.
    pub fn scratch(&self) -> PathBuf {
        self.work.path().join("runs")
    }

    /// The dataset that is there now and will be replaced.
    pub fn previous(&self) -> Option<&Path> {
        self.replaces.then_some(&*self.path)
    }

    /// The unfinished datasets of runs that were killed.
    pub fn unfinished(&self) -> impl Iterator<Item = PathBuf> {
        self.leftovers.iter().map(|leftover| leftover.join(STAGED))
    }

    /// Removes what is left of runs that were killed.
    pub fn remove_leftovers(&mut self) {
        for leftover in self.leftovers.drain(..) {
            // What belongs to somebody else stays; it is in nobody's way.
            let _ = fs::remove_dir_all(leftover);
        }
    }

    /// Gives the finished directory its name, and removes the one that it replaces.
    ///
    /// # Errors
    /// The final name could not be taken; what was there before is there still.
    pub fn publish(self) -> Result<()> {
        let Self { path, staged, replaces, parents, work, lock, .. } = self;
        sync_directories(&staged)?;
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
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
        let leftover = work.path().to_owned();
        // What some systems do not remove while it is open.
        drop(lock);
        work.close()
            .map_err(|error| Error::io(&leftover, "the dataset is complete, but cannot remove", error))
    }
}

/// Writes the names of the files in a dataset to disk, as their content is.
fn sync_directories(dataset: &Path) -> Result<()> {
    let cannot_list = |error| Error::io(dataset, "cannot list the directory", error);
    for entry in fs::read_dir(dataset).map_err(cannot_list)? {
        let path = entry.map_err(cannot_list)?.path();
        if path.is_dir() {
            sync_directory(&path)?;
        }
    }
    sync_directory(dataset)
}

fn sync_directory(directory: &Path) -> Result<()> {
    #[cfg(unix)]
    match File::open(directory).and_then(|file| file.sync_all()) {
        Ok(()) => {}
        // A file system that knows no such thing.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        Err(error) => return Err(Error::io(directory, "cannot write", error)),
    }
    let _ = directory;
    Ok(())
}

/// Directories that were made for the target's sake, deepest first; removed again on drop.
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

/// Where a symbolic link leads, so that the directory is replaced and not the link.
fn resolve_link(path: &Path) -> Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            fs::canonicalize(path).map_err(|error| Error::io(path, "cannot follow the link", error))
        }
        _ => Ok(path.to_owned()),
    }
}

/// Whether `path` is a directory that may be replaced; `false` where nothing or an empty directory is.
fn holds_something(path: &Path, replaceable: Replaceable<'_>) -> Result<bool> {
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

/// Whether a directory with these names in it is a dataset that may be replaced.
fn check_dataset(path: &Path, names: &[String], overwrite: bool) -> Result<()> {
    if !names.iter().any(|name| name == MANIFEST) {
        return Err(refused(path, format!("exists and is no isd dataset: it holds no {MANIFEST}")));
    }
    if !overwrite {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let partition = format!("{BLOCK}=");
    if let Some(name) =
        names.iter().find(|name| !name.starts_with(['.', '_']) && !name.starts_with(&partition))
    {
        return Err(Error::Format {
            path: path.to_owned(),
            found: format!("holds {name}, which is no part of a dataset and would be lost"),
            hint: Some("move it elsewhere, or give another -o".into()),
        });
    }
    Ok(())
}

/// Refuses a target inside a source, which a later conversion would read, and one that holds a
/// source, which overwriting would delete.
fn refuse_overlap(path: &Path, sources: &[PathBuf]) -> Result<()> {
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
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(ancestor), absolute.strip_prefix(ancestor)) {
            return real.join(rest);
        }
    }
    absolute
}

/// Puts `new` under the name `old`; the dataset that was there ends up in the temporary directory
/// that holds `new` and `aside`.
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

fn refused(path: &Path, found: String) -> Error {
    Error::Format { path: path.to_owned(), found, hint: Some("give another -o".into()) }
}
