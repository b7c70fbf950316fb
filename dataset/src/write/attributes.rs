//! Who may use a dataset: owner, group, mode, access control lists and label, from the files of the dataset that
//! is replaced to those that take their places.

use std::fs;
use std::path::{Path, PathBuf};

use crate::layout::STAGED_PART;
use crate::{Error, Result};

/// Gives every directory and file in `new` the attributes of that of the same name in `old`. What has no namesake there
/// gets those of the first directory, or file of a block, and stays as it is where there is none.
///
/// # Errors
/// A directory that cannot be listed, or those of [`copy`].
pub(super) fn copy_all(old: &Path, new: &Path) -> Result<()> {
    let mut first = First::default();
    for directory in entries(old)?.into_iter().filter(|entry| entry.is_dir()) {
        first.file = first.file.or(entries(&directory)?.into_iter().find(|entry| entry.is_file()));
        first.directory = first.directory.or(Some(directory));
        if first.file.is_some() {
            break;
        }
    }
    copy_below(old, new, &first)
}

/// What a directory or file without a namesake is like.
#[derive(Default)]
struct First {
    directory: Option<PathBuf>,
    file: Option<PathBuf>,
}

fn copy_below(old: &Path, new: &Path, first: &First) -> Result<()> {
    copy(old, new)?;
    for entry in entries(new)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let namesake = Some(old.join(name.strip_suffix(STAGED_PART).unwrap_or(&name)));
        let namesake = namesake.filter(|path| path.exists());
        if entry.is_dir() {
            if let Some(like) = namesake.or_else(|| first.directory.clone()) {
                copy_below(&like, &entry, first)?;
            }
        } else if let Some(like) = namesake.as_ref().or(first.file.as_ref()) {
            copy(like, &entry)?;
        }
    }
    Ok(())
}

/// What a directory holds, sorted.
///
/// # Errors
/// It cannot be listed.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let cannot_list = |error| Error::io(directory, "cannot list the directory", error);
    let entries = fs::read_dir(directory).map_err(cannot_list)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry.map_err(cannot_list)?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Gives the file or directory `new` the attributes of `old`: group, mode and access control lists, and owner and label as
/// far as the system lets it. Without an error nobody may do with `new` what they may not do with `old`.
///
/// # Errors
/// The group, the lists or the mode cannot be set.
#[cfg(unix)]
pub(super) fn copy(old: &Path, new: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    let look = |path: &Path| fs::metadata(path).map_err(|error| Error::io(path, "cannot look at", error));
    let (from, to) = (look(old)?, look(new)?);
    if (from.dev(), from.ino()) == (to.dev(), to.ino()) {
        return Ok(());
    }
    if from.uid() != to.uid() {
        // Only root may give files away.
        let _ = chown(new, Some(from.uid()), None);
    }
    if from.gid() != to.gid() {
        chown(new, None, Some(from.gid()))
            .map_err(|error| Error::io(old, "cannot give what replaces it the same group", error))?;
    }
    #[cfg(target_os = "linux")]
    lists::copy(old, new)?;
    // Last, because a change of the owner takes bits of the mode away.
    let mode = fs::Permissions::from_mode(from.mode() & 0o7777);
    fs::set_permissions(new, mode)
        .map_err(|error| Error::io(old, "cannot give what replaces it the same mode", error))
}

#[cfg(not(unix))]
pub(super) fn copy(_old: &Path, _new: &Path) -> Result<()> {
    Ok(())
}

/// What Linux keeps in extended attributes.
#[cfg(target_os = "linux")]
mod lists {
    use std::path::Path;

    use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};
    use rustix::io::Errno;

    use crate::{Error, Result};

    /// POSIX access control lists: of the file itself, and of what is made in a directory.
    const LISTS: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];
    const LABEL: &str = "security.selinux";
    /// Bytes of an extended attribute, at most: the kernel's own limit.
    const MOST: usize = 1 << 16;

    pub(super) fn copy(old: &Path, new: &Path) -> Result<()> {
        let mut value = vec![0; MOST];
        for list in LISTS {
            let failed = |error: Errno| {
                Error::io(old, "cannot give what replaces it the same access control list", error.into())
            };
            match getxattr(old, list, value.as_mut_slice()) {
                Ok(bytes) => setxattr(new, list, &value[..bytes], XattrFlags::empty()).map_err(failed)?,
                // What it has may come from the directory that it was made in.
                Err(Errno::NODATA) => match removexattr(new, list) {
                    Ok(()) | Err(Errno::NODATA | Errno::NOTSUP | Errno::ACCESS) => {}
                    Err(error) => return Err(failed(error)),
                },
                // A file system without lists, or a file that has none to be made in it.
                Err(Errno::NOTSUP | Errno::ACCESS) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if let Ok(bytes) = getxattr(old, LABEL, value.as_mut_slice()) {
            // The policy may forbid it; then the label is that of any new file.
            let _ = setxattr(new, LABEL, &value[..bytes], XattrFlags::empty());
        }
        Ok(())
    }
}
