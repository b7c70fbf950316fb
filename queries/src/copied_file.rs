//! In: the plan of `COPY … TO`; out: the same plan, writing beside its target, and the target when all is written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use datafusion::logical_expr::dml::CopyTo;
use isd_dataset::layout::is_dataset;
use isd_dataset::unfinished::Unfinished;
use isd_stores::is_address;
use tempfile::TempDir;
use url::Url;

use crate::error::{Error, RegisteredTable, Result};

/// A file or directory that a statement writes.
#[derive(Debug)]
pub(crate) struct CopiedFile {
    /// Where it is written.
    made: PathBuf,
    /// Where it appears.
    target: PathBuf,
    // In this order: the directory is removed before it ceases to be listed as unfinished.
    _directory: TempDir,
    _unfinished: Unfinished,
}

impl CopiedFile {
    /// Has the plan write to a hidden directory beside its target, or among temporary files where that is an address; none
    /// where the target is neither a local path nor an address.
    ///
    /// # Errors
    /// [`Error::Sql`] where the target is a file of a table, [`Error::File`] where nothing can be written there.
    pub(crate) fn redirect(copy: &mut CopyTo, tables: &[RegisteredTable]) -> Result<Option<Self>> {
        let address = Path::new(&copy.output_url);
        let target = match Url::parse(&copy.output_url) {
            _ if is_address(address) => Some(address.to_owned()),
            Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
            // A letter of a drive looks like the scheme of a URL.
            Ok(url) if url.scheme().len() > 1 => None,
            _ => Some(PathBuf::from(&copy.output_url)),
        };
        let Some(target) = target else { return Ok(None) };
        let failed = |source| Error::File { path: target.clone(), action: "cannot write", source };
        let Some(name) = target.file_name().map(ToOwned::to_owned) else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        refuse_tables(&target, tables)?;
        if target.is_dir() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let parent = match target.parent() {
            _ if is_address(&target) => {
                isd_stores::check_writable(&target).map_err(failed)?;
                std::env::temp_dir()
            }
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let directory =
            tempfile::Builder::new().prefix(".isd-").suffix(".tmp").tempdir_in(parent).map_err(failed)?;
        let unfinished = Unfinished::at(directory.path());
        let made = directory.path().join(&name);
        let is_directory = copy.output_url.ends_with('/');
        let url = made.to_str().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        copy.output_url = if is_directory { format!("{url}/") } else { url.to_owned() };
        Ok(Some(Self { made, target, _directory: directory, _unfinished: unfinished }))
    }

    /// Puts what was written in place, instead of a file that is there.
    ///
    /// # Errors
    /// [`Error::File`] when that is not possible.
    pub(crate) fn finish(self) -> Result<()> {
        // The engine writes no file for no rows in some formats.
        if !self.made.exists() {
            return Ok(());
        }
        let moved = if is_address(&self.target) {
            File::open(&self.made).and_then(|file| isd_stores::upload(&file, &self.target)).map(drop)
        } else {
            fs::rename(&self.made, &self.target)
        };
        moved.map_err(|source| Error::File { path: self.target, action: "cannot put in place", source })
    }
}

/// Makes sure that a file that is about to be written is no file of a table, and lies in the directory of none and in no
/// dataset.
///
/// # Errors
/// [`Error::Sql`] where it is or does.
pub(crate) fn refuse_tables(target: &Path, tables: &[RegisteredTable]) -> Result<()> {
    let refused = |found: String| {
        let hint = Some("write to another file".into());
        Err(Error::Sql { position: None, found: format!("{} {found}", target.display()), hint })
    };
    // A file that is not there yet has its directory.
    let known = |path: &Path| {
        path.canonicalize().ok().or_else(|| {
            let parent =
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(parent.canonicalize().ok()?.join(path.file_name()?))
        })
    };
    let Some(place) = known(target) else { return Ok(()) };
    let holds = |part: &PathBuf| known(part).is_some_and(|part| place.starts_with(part));
    if let Some(table) = tables.iter().find(|table| table.parts.iter().any(holds)) {
        return refused(format!("belongs to the table `{}`, which is read-only", table.name));
    }
    match place.ancestors().skip(1).find(|directory| is_dataset(directory)) {
        Some(dataset) => refused(format!("lies in the dataset {}", dataset.display())),
        None => Ok(()),
    }
}
