//! The dataset that an update starts from: what must be the same for the two to go together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use isd_dataset::manifest::ManifestOptions;
use isd_stores::is_address;

use super::journal::{FileRecord, JOURNAL, Journal, SourceRecord, option_differences};
use crate::archive::Archive;
use crate::{ColumnInfo, Error, Result};

/// The dataset that is updated.
pub(super) struct Before {
    pub(super) directory: PathBuf,
    pub(super) journal: Journal,
    /// What it holds of each source file, by path.
    pub(super) contributions: BTreeMap<String, FileRecord>,
}

impl Before {
    /// The dataset in that directory.
    ///
    /// # Errors
    /// A dataset without a journal, or one that cannot be read.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let journal = Journal::read(directory)?.ok_or_else(|| Error::Format {
            path: directory.to_owned(),
            found: format!("cannot be updated: it holds no {JOURNAL}, which says where its rows come from"),
            hint: Some("convert the archive once with --overwrite; that dataset can be updated".into()),
        })?;
        Ok(Self { directory: directory.to_owned(), contributions: journal.contributions(), journal })
    }

    /// Checks that an update would change nothing but rows.
    ///
    /// # Errors
    /// Other options, a column that the dataset does not have, or one of other units or another scale.
    pub(super) fn check_same_kind(&self, options: &ManifestOptions, archive: &Archive) -> Result<()> {
        let settings = &self.journal.settings;
        let mut differences = Vec::new();
        if settings.options != *options {
            differences.push(option_differences(options, &settings.options));
        }
        for column in archive.columns() {
            let old = settings.columns.iter().find(|old| old.name == column.name);
            differences.extend(old.map_or_else(
                || Some(format!("a new column {}", column.name)),
                |old| column_difference(old, column),
            ));
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Format {
            path: self.directory.clone(),
            found: format!("an update would change more than rows: {}", differences.join(", ")),
            hint: Some("convert with the options of the dataset, or anew with --overwrite".into()),
        })
    }

    /// Checks that no file that the dataset was made of was forgotten.
    ///
    /// # Errors
    /// A file that is there and not among the sources.
    pub(super) fn check_complete(&self, sources: &[SourceRecord]) -> Result<()> {
        let named: BTreeSet<&str> = sources.iter().map(|source| &*source.path).collect();
        let mut forgotten =
            self.contributions.keys().filter(|path| !named.contains(&***path) && !is_gone(path));
        let Some(first) = forgotten.next() else { return Ok(()) };
        let others = match forgotten.count() {
            0 => String::new(),
            1 => ", nor is one other".to_owned(),
            others => format!(", nor are {others} others"),
        };
        Err(Error::Format {
            path: first.into(),
            found: format!(
                "is a part of {}, but not among the sources of this update{others}",
                self.directory.display()
            ),
            hint: Some("name the whole archive; --overwrite makes a dataset of some files alone".into()),
        })
    }
}

/// Whether a file is known not to be there. One in a directory that cannot be searched may be there.
fn is_gone(path: &str) -> bool {
    if is_address(Path::new(path)) {
        return matches!(isd_stores::exists(Path::new(path)), Ok(false));
    }
    matches!(Path::new(path).try_exists(), Ok(false))
}

/// How a column differs from that of the dataset, in what is said of its values. What files say that are gone can be missing.
fn column_difference(old: &ColumnInfo, new: &ColumnInfo) -> Option<String> {
    let say = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    if new.units.is_some() && new.units != old.units {
        return Some(format!("units {} instead of {} of {}", say(&new.units), say(&old.units), new.name));
    }
    // Multiples of a scale that is not known, or of this one.
    if old.resolution.is_some() && new.resolution != old.resolution {
        let (new_step, old_step) = (say(&new.resolution), say(&old.resolution));
        return Some(format!("the scale {new_step} instead of {old_step} of {}", new.name));
    }
    None
}
