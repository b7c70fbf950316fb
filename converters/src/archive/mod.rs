//! An archive: files of observations in, one stream of batches over all of them out, as often as it is asked for.
//!
//! What reads an archive may find, far into it, that its rows are out of order or that a file is damaged. It then
//! reads again from the start, sorting, or without that file.
//!
//! Names of files become files (`discover`), whose beginnings are looked at (`probe`, `beginning`, `tar`) and taken
//! together (`combined`) as an [`Archive`] (`files`, `failures`, `progress`), which is read (`reader`) or described
//! (`inspect`).

mod beginning;
mod combined;
mod discover;
mod failures;
mod files;
mod inspect;
mod probe;
mod progress;
mod reader;
mod tar;
mod tar_entries;
mod zip_entries;

use std::path::PathBuf;
use std::sync::Arc;

pub use discover::{Discovery, discover};
pub use failures::Failure;
use failures::Failures;
pub use files::{Archive, SourceFile};
pub use inspect::{InspectedColumn, Inspection, inspect};
pub use progress::ReadProgress;
pub use reader::{ArchiveReader, FileReport, ReadError};

use crate::{ReadOptions, Result};

impl Archive {
    /// The files at `paths`, which may be one.
    ///
    /// The beginning of every file is looked at, for its columns and its first row. A file that cannot be read is left
    /// out and is one of the [`failures`](Self::failures); under `strict`, or where no other file is, it is an error.
    ///
    /// # Errors
    /// A file that cannot be read, or files without a common column.
    pub fn open(paths: &[PathBuf], options: &ReadOptions, strict: bool) -> Result<Self> {
        let failures = Failures::new(strict);
        let progress = Arc::<ReadProgress>::default();
        let probed = probe::probe(paths, options, &failures, &progress)?;
        let mut archive = Self {
            files: Vec::new(),
            openers: Vec::new(),
            columns: combined::columns(&probed, options),
            rows: probed
                .iter()
                .filter_map(|file| file.beginning.as_ref())
                .map(|beginning| beginning.info.rows)
                .sum(),
            layout: combined::layouts(&probed).join(", "),
            notes: combined::notes(&probed),
            failures,
            progress,
        };
        for file in probed {
            archive.openers.push(file.beginning.map(|beginning| beginning.opener));
            archive.files.push(file.file);
        }
        Ok(archive)
    }
}
