//! What `isd-detect` reads: from paths to a dataset, or to an archive that is tested as it is read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isd_converters::archive::{Archive, Failure as FileFailure};
use isd_dataset::layout::MANIFEST;
use isd_dataset::manifest::ManifestOptions;
use isd_dataset::read::Dataset;
use isd_converters::{ColumnInfo, IngestOptions, ReadOptions};
use serde_json::json;

use super::source::SourceArgs;
use super::{Failure, HumanCount, Progress, print};
use crate::detect::{DetectError, Detection, detect, detect_archive, plan};
use crate::plan::OutlierOptions;
use isd_dataset::unfinished::Unfinished;

/// Observations to test.
pub enum Observations {
    /// A dataset: row groups of whole series.
    Dataset(Box<Dataset>),
    /// Files of an archive, in whatever order.
    Archive(Box<Reading>),
}

/// An archive and how it is read.
pub struct Reading {
    archive: Archive,
    read: ReadOptions,
    ingesting: IngestOptions,
    /// As they were named.
    sources: Vec<String>,
    /// Where the rows are sorted, if they must be.
    _scratch: Unfinished,
}

impl Observations {
    /// Opens a dataset, or the archive that `sources` stand for, of which only `measurements` are read (empty: all).
    ///
    /// # Errors
    /// An unreadable dataset, or files of which none can be read.
    pub fn open(sources: &[PathBuf], args: &SourceArgs, measurements: &[String]) -> Result<Self, Failure> {
        let archive = || -> Result<Self, Failure> {
            let read = args.read_options(measurements);
            let archive = args.open(sources, &read)?;
            let scratch = std::env::temp_dir().join(format!("isd-detect-{}", std::process::id()));
            let unfinished = Unfinished::at(&scratch);
            let ingesting = IngestOptions { duplicates: args.duplicates(), ..IngestOptions::new(scratch) };
            let sources = sources.iter().map(|source| source.display().to_string()).collect();
            Ok(Self::Archive(Box::new(Reading { archive, read, ingesting, sources, _scratch: unfinished })))
        };
        let [path] = sources else { return archive() };
        if !is_parquet(path) {
            return archive();
        }
        match Dataset::open(path) {
            Ok(dataset) => Ok(Self::Dataset(Box::new(dataset))),
            // NOAA has observations in Parquet too; of any other, the reason why it is no dataset is what matters.
            Err(error) => archive().map_err(|_| error.into()),
        }
    }

    /// The value columns.
    pub fn columns(&self) -> &[ColumnInfo] {
        match self {
            Self::Dataset(dataset) => dataset.columns(),
            Self::Archive(reading) => reading.archive.columns(),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Dataset(dataset) => dataset.path().display().to_string(),
            Self::Archive(reading) => reading.sources.join(", "),
        }
    }

    /// Detects the outliers, with a progress bar unless `quiet`.
    ///
    /// # Errors
    /// See [`detect`] and [`detect_archive`].
    pub fn detect(&mut self, options: &OutlierOptions, quiet: bool) -> Result<Detection, DetectError> {
        match self {
            Self::Dataset(dataset) => {
                let progress = Progress::rows(Some(dataset.rows()), quiet);
                detect(dataset, options, &|rows| progress.update(rows))
            }
            Self::Archive(reading) => {
                let Reading { archive, ingesting, .. } = &mut **reading;
                let progress = Progress::reading(archive.progress(), quiet);
                detect_archive(archive, options, ingesting, &|rows| progress.update(rows))
            }
        }
    }

    /// Files that could not be read and were left out.
    pub fn failures(&self) -> Vec<FileFailure> {
        match self {
            Self::Dataset(_) => Vec::new(),
            Self::Archive(reading) => reading.archive.failures(),
        }
    }

    /// How the values of an archive are taken, one sentence each; of a dataset its manifest says it.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Dataset(_) => &[],
            Self::Archive(reading) => reading.archive.notes(),
        }
    }

    /// What a file of outliers says of where they were found: the dataset's manifest, or the archive's files.
    pub fn provenance(&self) -> Option<serde_json::Value> {
        match self {
            Self::Dataset(dataset) => {
                dataset.manifest().and_then(|manifest| serde_json::to_value(manifest).ok())
            }
            Self::Archive(reading) => {
                let Reading { archive, read, ingesting, sources, .. } = &**reading;
                Some(json!({
                    "layout": archive.layout(),
                    "sources": sources,
                    "options": ManifestOptions::of(read, ingesting.duplicates, false),
                    "source_files": archive.files().len(),
                    "notes": archive.notes(),
                }))
            }
        }
    }

    /// Prints the plan that is run.
    ///
    /// # Errors
    /// An unreadable dataset, or an archive, whose rows would have to be read for it.
    pub fn explain(&self, options: &OutlierOptions) -> Result<(), Failure> {
        let Self::Dataset(dataset) = self else {
            return Err(Failure::usage("--explain: an archive has no row groups yet")
                .hint("convert it with isd-convert and explain the dataset"));
        };
        let groups = dataset.row_groups();
        let Some(group) = groups.first() else {
            return Err(Failure::error(format!("{}: holds no rows", dataset.path().display())));
        };
        let plan = plan(Arc::new(group.clone()), options)?.explain(true).map_err(DetectError::from)?;
        // Polars does not say what its anonymous scans read.
        let plan =
            plan.replace("Anonymous SCAN []", &format!("SCAN row group of {}", dataset.path().display()));
        print(&format!("The plan of each of {} row groups:\n{plan}\n", HumanCount(groups.len() as u64)))
    }
}

/// Whether a path looks like a dataset: a directory with a manifest or with Parquet files, or a Parquet file.
fn is_parquet(path: &Path) -> bool {
    if path.is_dir() {
        return path.join(MANIFEST).exists() || holds_parquet(path);
    }
    // Opening a pipe would wait for who writes to it.
    if !path.is_file() {
        return false;
    }
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PAR1"
}

fn holds_parquet(directory: &Path) -> bool {
    let Ok(entries) = directory.read_dir() else { return false };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            name.contains('=') && holds_parquet(&path)
        } else {
            path.extension().is_some_and(|extension| extension == "parquet")
        }
    })
}
