//! What `isd-detect` reads: from paths to a dataset, or to an archive that is tested as it is read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isd_converters::archive::{Archive, Failure as FileFailure};
use isd_converters::{ReadOptions, SeriesOptions};
use isd_dataset::ColumnInfo;
use isd_dataset::layout::MANIFEST;
use isd_dataset::read::Dataset;
use isd_dataset::unfinished::Unfinished;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::numbers::HumanCount;
use crate::cli::progress::Progress;
use crate::cli::source::SourceArgs;
use crate::cli::streams::print;
use crate::detect::{DetectError, Detection, detect, detect_archive, plan};
use crate::plan::OutlierOptions;

/// Observations to test.
pub(super) enum Observations {
    /// A dataset: row groups of whole series.
    Dataset(Box<Dataset>),
    /// Files of an archive, with rows in any order.
    Archive(Box<OpenArchive>),
}

/// An archive and how it is read.
pub(super) struct OpenArchive {
    archive: Archive,
    read: ReadOptions,
    series_options: SeriesOptions,
    /// The files, as the command line names them.
    sources: Vec<String>,
    /// The directory where the rows are sorted, if they must be.
    _scratch: Unfinished,
}

impl Observations {
    /// Opens a dataset, or the archive that `sources` stand for. Of an archive only `measurements` are read; if there
    /// are none, all are.
    /// Errors: an unreadable dataset, or files of which none can be read.
    pub(super) fn open(
        sources: &[PathBuf],
        args: &SourceArgs,
        measurements: &[String],
    ) -> Result<Self, Failure> {
        let archive = || -> Result<Self, Failure> {
            let read = args.read_options(measurements);
            let archive = args.open(sources, &read)?;
            let scratch = std::env::temp_dir().join(format!("isd-detect-{}", std::process::id()));
            let unfinished = Unfinished::at(&scratch);
            let series_options =
                SeriesOptions { duplicates: args.duplicates(), ..SeriesOptions::new(scratch) };
            let sources = sources.iter().map(|source| source.display().to_string()).collect();
            Ok(Self::Archive(Box::new(OpenArchive {
                archive,
                read,
                series_options,
                sources,
                _scratch: unfinished,
            })))
        };
        let [path] = sources else { return archive() };
        if !is_parquet(path) {
            return archive();
        }
        match Dataset::open(path) {
            Ok(dataset) => Ok(Self::Dataset(Box::new(dataset))),
            // NOAA has observations in Parquet too. For any other Parquet, the reason why it is no dataset is what matters.
            Err(error) => archive().map_err(|_| error.into()),
        }
    }

    /// The value columns that can be tested.
    pub(super) fn columns(&self) -> &[ColumnInfo] {
        match self {
            Self::Dataset(dataset) => dataset.columns(),
            Self::Archive(open) => open.archive.columns(),
        }
    }

    /// What the observations are called in messages: the dataset's path, or the archive's as they were named.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Dataset(dataset) => dataset.path().display().to_string(),
            Self::Archive(open) => open.sources.join(", "),
        }
    }

    /// Detects the outliers, with a progress bar unless `quiet`. Errors: those of [`detect`] and [`detect_archive`].
    pub(super) fn detect(&mut self, options: &OutlierOptions, quiet: bool) -> Result<Detection, DetectError> {
        match self {
            Self::Dataset(dataset) => {
                let progress = Progress::rows(Some(dataset.rows()), quiet);
                detect(dataset, options, &|rows| progress.update(rows))
            }
            Self::Archive(open) => {
                let OpenArchive { archive, series_options, .. } = &mut **open;
                let progress = Progress::reading(archive.progress(), quiet);
                detect_archive(archive, options, series_options, &|rows| progress.update(rows))
            }
        }
    }

    /// Files that could not be read and were left out.
    pub(super) fn failures(&self) -> Vec<FileFailure> {
        match self {
            Self::Dataset(_) => Vec::new(),
            Self::Archive(open) => open.archive.failures(),
        }
    }

    /// How the values of an archive are taken, one sentence each. Empty for a dataset, whose manifest says it.
    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::Dataset(_) => &[],
            Self::Archive(open) => open.archive.notes(),
        }
    }

    /// Where the observations are from, as JSON: the dataset's manifest, if it has one, or the archive's files.
    /// Errors: a manifest that cannot be written as JSON.
    pub(super) fn provenance(&self) -> serde_json::Result<Option<String>> {
        let source = match self {
            Self::Dataset(dataset) => match dataset.manifest() {
                Some(manifest) => serde_json::to_value(manifest)?,
                None => return Ok(None),
            },
            Self::Archive(open) => {
                let OpenArchive { archive, read, series_options, sources, .. } = &**open;
                json!({
                    "layout": archive.layout(),
                    "sources": sources,
                    "options": read.for_manifest(series_options.duplicates, false),
                    "source_files": archive.files().len(),
                    "notes": archive.notes(),
                })
            }
        };
        serde_json::to_string(&source).map(Some)
    }

    /// Prints the plan that each row group is run through.
    /// Errors: an unreadable dataset, or an archive, which has no row groups before it is read.
    pub(super) fn explain(&self, options: &OutlierOptions) -> Result<(), Failure> {
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
    // Opening a pipe would wait until something writes to it.
    if !path.is_file() {
        return false;
    }
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PAR1"
}

/// Whether a directory, or a Hive partition in it, holds a file named as Parquet. `false` for one that cannot be listed.
fn holds_parquet(directory: &Path) -> bool {
    let Ok(entries) = directory.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            entry.file_name().to_string_lossy().contains('=') && holds_parquet(&path)
        } else {
            path.extension().is_some_and(|extension| extension == "parquet")
        }
    })
}
