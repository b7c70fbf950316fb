//! Where a dataset can be put: beside the directory that it replaces, or inside a directory that cannot be replaced.

use std::fs;
use std::path::{Path, PathBuf};

use crate::layout::{BLOCK, MANIFEST, NESTED, is_dataset};
use crate::write::attributes::copy;
use crate::{Error, Result};

/// Whether a dataset at `path` lies in [`NESTED`] there, because the directory itself cannot be given away: it is a mount
/// point, or its parent's entries cannot be changed. One that lies there already stays there.
pub(super) fn must_nest(path: &Path) -> bool {
    let is_nested = || path.join(NESTED).is_dir() && is_dataset(path);
    path.is_dir() && (is_nested() || is_mount_point(path) || !is_replaceable(path))
}

/// Whether another file system, or another part of one, is mounted at a directory.
pub(super) fn is_mount_point(directory: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        if let Ok(found) = statx(CWD, directory, AtFlags::empty(), StatxFlags::empty())
            && found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
        {
            return found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
        if let (Ok(own), Ok(parent)) = (device(directory), device(&directory.join(".."))) {
            return own != parent;
        }
    }
    let _ = directory;
    false
}

/// Whether this process may give the name of a directory to another one.
fn is_replaceable(directory: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        const STICKY: u32 = 0o1000;
        let parent = directory.join("..");
        if check_writable(&parent).is_err() {
            return false;
        }
        // The owner of a process's directory there is its user.
        let user = fs::metadata("/proc/self").map(|metadata| metadata.uid());
        if let (Ok(own), Ok(above), Ok(user)) = (fs::metadata(directory), fs::metadata(&parent), user) {
            // In a sticky directory, such as /tmp, only owners rename.
            return above.mode() & STICKY == 0 || user == 0 || [own.uid(), above.uid()].contains(&user);
        }
    }
    let _ = directory;
    true
}

/// Checks that this process may change what a directory holds.
///
/// # Errors
/// It may not, or the file system is read-only.
pub(super) fn check_writable(directory: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        accessat(CWD, directory, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
            .map_err(|errno| Error::io(directory, "cannot write", errno.into()))?;
    }
    let _ = directory;
    Ok(())
}

/// Moves the dataset in `path` to [`NESTED`] there. At every moment all of its files are below `path`, where readers find
/// them; its manifest is moved last, so that what was begun can be completed.
///
/// # Errors
/// A directory that cannot be made or listed, or a file that cannot be moved.
pub(super) fn nest(path: &Path) -> Result<()> {
    let nested = path.join(NESTED);
    if !nested.is_dir() {
        fs::create_dir(&nested).map_err(|error| Error::io(&nested, "cannot create directory", error))?;
        copy(path, &nested)?;
    }
    let cannot_list = |error| Error::io(path, "cannot list the directory", error);
    let mut moved: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot_list)? {
        let entry = entry.map_err(cannot_list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != MANIFEST && (name.starts_with('_') || name.starts_with(&format!("{BLOCK}="))) {
            moved.push(entry.file_name().into());
        }
    }
    moved.push(MANIFEST.into());
    for name in moved {
        let from = path.join(&name);
        fs::rename(&from, nested.join(&name)).map_err(|error| Error::io(&from, "cannot move", error))?;
    }
    Ok(())
}
