//! What `isd-detect` reads: from paths to a dataset, or to an archive that is tested as it is read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isd_converters::archive::{Archive, Failure as FileFailure};
use isd_converters::instants::{EARLIEST, LATEST};
use isd_converters::{ReadOptions, SeriesOptions};
use isd_dataset::layout::{TIMESTAMP, dataset_directory, is_dataset};
use isd_dataset::read::Dataset;
use isd_dataset::unfinished::Unfinished;
use isd_dataset::{ColumnInfo, Error, Measurement};
use isd_stores::is_address;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::numbers::HumanCount;
use crate::cli::progress::{Progress, Shown};
use crate::cli::source::SourceArgs;
use crate::cli::streams::print;
use crate::detect::parts::Part;
use crate::detect::{
    DetectError, Detection, Wanted, detect_part, detect_wanted, detect_wanted_of_archive, plan,
};
use crate::plan::OutlierOptions;

/// Observations to test.
pub(super) enum Observations {
    /// A dataset, or Parquet that may be one: row groups of whole series. Where they turn out not to be, the sources are
    /// read as an archive.
    Dataset(Box<Dataset>, Sources),
    /// Files of an archive, with rows in any order.
    Archive(Box<OpenArchive>),
}

/// What is to be read, and how.
pub(super) struct Sources {
    paths: Vec<PathBuf>,
    args: SourceArgs,
}

impl Sources {
    /// Opens them as an archive. Of its columns only `measurements` are read; if there are none, all are.
    ///
    /// # Errors
    /// Files of which none can be read.
    fn archive(&self, measurements: &[String]) -> Result<Observations, Failure> {
        let read = self.args.read_options(measurements);
        let mut paths = Vec::new();
        for path in &self.paths {
            if is_dataset(path) {
                paths.extend(blocks(path)?);
            } else {
                paths.push(path.clone());
            }
        }
        let archive = self.args.open(&paths, &read)?;
        let scratch = std::env::temp_dir().join(format!("isd-detect-{}", std::process::id()));
        let unfinished = Unfinished::at(&scratch);
        let series_options =
            SeriesOptions { duplicates: self.args.duplicates(), ..SeriesOptions::new(scratch) };
        let sources = self.paths.iter().map(|source| source.display().to_string()).collect();
        Ok(Observations::Archive(Box::new(OpenArchive {
            archive,
            read,
            series_options,
            sources,
            _scratch: unfinished,
        })))
    }
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
        let archive = Sources { paths: sources.to_vec(), args: args.clone() };
        let [path] = sources else { return archive.archive(measurements) };
        if !is_parquet(path) {
            return archive.archive(measurements);
        }
        let ours = is_dataset(path);
        if ours {
            args.refuse_for_dataset(path)?;
        } else if args.for_archives().is_some() {
            return archive.archive(measurements);
        }
        match Dataset::open(path) {
            Ok(dataset) if ours || can_be_tested(&dataset, measurements) => {
                Ok(Self::Dataset(Box::new(dataset), archive))
            }
            Err(error @ Error::Column { .. }) if ours => Err(error.into()),
            // Parquet of other writers need not have a dataset's columns.
            Ok(_) | Err(Error::Column { .. }) => archive.archive(measurements),
            // Files that differ can be read one by one. Where they cannot, the reason why they are no dataset matters.
            Err(error) => archive.archive(measurements).map_err(|_| error.into()),
        }
    }

    /// The value columns that can be tested.
    pub(super) fn columns(&self) -> &[ColumnInfo] {
        match self {
            Self::Dataset(dataset, _) => dataset.columns(),
            Self::Archive(open) => open.archive.columns(),
        }
    }

    /// What the observations are called in messages: the dataset's path, or the archive's as they were named.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Dataset(dataset, _) => dataset.path().display().to_string(),
            Self::Archive(open) => open.sources.join(", "),
        }
    }

    /// The dataset, for a run of `option`, which takes nothing else.
    ///
    /// # Errors
    /// An archive.
    pub(super) fn dataset(&self, option: &str) -> Result<&Dataset, Failure> {
        match self {
            Self::Dataset(dataset, _) => Ok(dataset),
            Self::Archive(_) => {
                Err(Failure::usage(format!("{option}: {} is no dataset, which could be cut", self.name()))
                    .hint("convert it with isd-convert, and give the dataset"))
            }
        }
    }

    /// Detects the outliers of a part of a dataset, which are otherwise those of [`Observations::detect`].
    ///
    /// # Errors
    /// Those of [`detect_part`], and an archive.
    pub(super) fn detect_part(
        &self,
        part: Part,
        options: &OutlierOptions,
        wanted: &Wanted,
        shown: Shown,
    ) -> Result<Detection, Failure> {
        let dataset = self.dataset("--part")?;
        let progress = Progress::rows(None, shown);
        Ok(detect_part(dataset, part, options, wanted, &|rows| progress.update(rows))?)
    }

    /// Detects the outliers that are `wanted`; progress is `shown`. Parquet of other writers whose row groups do not hold
    /// whole series in order is read once more, as an archive, whose rows are sorted; the observations are that from then
    /// on.
    ///
    /// # Errors
    /// Those of [`detect_wanted`] and [`detect_wanted_of_archive`], and files of which none can be read.
    pub(super) fn detect(
        &mut self,
        options: &OutlierOptions,
        wanted: &Wanted,
        shown: Shown,
    ) -> Result<Detection, Failure> {
        if let Self::Dataset(dataset, sources) = self {
            let progress = Progress::rows(Some(dataset.rows()), shown);
            match detect_wanted(dataset, options, wanted, &|rows| progress.update(rows)) {
                Ok(detection) => return Ok(detection),
                Err(error) if dataset.manifest().is_some() || !may_be_order(&error) => {
                    return Err(error.into());
                }
                Err(_) => {
                    let archive = sources.archive(&options.measurements)?;
                    *self = archive;
                }
            }
        }
        let Self::Archive(open) = self else {
            return Err(DetectError::from(Error::internal("a dataset that is read as an archive")).into());
        };
        let OpenArchive { archive, series_options, .. } = &mut **open;
        let progress = Progress::reading(archive.progress(), shown);
        let update = |rows| progress.update(rows);
        Ok(detect_wanted_of_archive(archive, options, series_options, wanted, &update)?)
    }

    /// Files that could not be read and were left out.
    pub(super) fn failures(&self) -> Vec<FileFailure> {
        match self {
            Self::Dataset(..) => Vec::new(),
            Self::Archive(open) => open.archive.failures(),
        }
    }

    /// How the values of an archive are taken, one sentence each. Empty for a dataset, whose manifest says it.
    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::Dataset(..) => &[],
            Self::Archive(open) => open.archive.notes(),
        }
    }

    /// Where the observations are from, as JSON: the dataset's manifest, if it has one, or the archive's files.
    /// Errors: a manifest that cannot be written as JSON.
    pub(super) fn provenance(&self) -> serde_json::Result<Option<String>> {
        let source = match self {
            Self::Dataset(dataset, _) => match dataset.manifest() {
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
        let Self::Dataset(dataset, _) = self else {
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

/// What ISD and its derivatives store for a missing value.
const MISSING: f64 = -9999.0;

/// Whether Parquet of another writer can be tested as it is: what is asked for are columns of numbers in their
/// measurements' own units, and the footers say that no value is ISD's mark for missing ones or infinite, and no time one
/// that no observation has. All this an archive's reader knows.
fn can_be_tested(dataset: &Dataset, measurements: &[String]) -> bool {
    let columns = dataset.columns().iter();
    let asked: Vec<&ColumnInfo> =
        columns.filter(|column| measurements.is_empty() || measurements.contains(&column.name)).collect();
    let as_they_are = |column: &&ColumnInfo| {
        let own = Measurement::named(&column.name).map(|measurement| measurement.units);
        let in_own = column.units.as_deref().is_none_or(|units| own.is_none_or(|own| own == units));
        in_own && dataset.range(&column.name).is_some_and(|(least, most)| least > MISSING && most.is_finite())
    };
    let times = dataset.time_unit().zip(dataset.range(TIMESTAMP));
    let times_are_possible = times
        .is_some_and(|(unit, (first, last))| first * unit >= EARLIEST as f64 && last * unit < LATEST as f64);
    let all_asked =
        if measurements.is_empty() { dataset.is_of_numbers() } else { asked.len() == measurements.len() };
    !asked.is_empty() && all_asked && times_are_possible && asked.iter().all(as_they_are)
}

/// Whether a dataset may have failed since its rows are not in order, or its keys of other types than a dataset's.
fn may_be_order(error: &DetectError) -> bool {
    matches!(
        error,
        DetectError::Split { .. }
            | DetectError::Unsorted { .. }
            | DetectError::Plan(_)
            | DetectError::Dataset(Error::Column { .. } | Error::Row { .. })
    )
}

/// The directories of a dataset that hold its files, or its objects, so that several datasets can be read as an archive.
///
/// # Errors
/// A dataset that is damaged or cannot be read.
fn blocks(dataset: &Path) -> Result<Vec<PathBuf>, Failure> {
    let opened = Dataset::open(dataset)?;
    if is_address(dataset) {
        let mut files: Vec<PathBuf> =
            opened.row_groups().iter().map(|group| group.path().to_owned()).collect();
        files.dedup();
        return Ok(files);
    }
    let dataset = &*dataset_directory(dataset);
    let unreadable = |source| Error::io(dataset, "cannot read the directory", source);
    let mut blocks = Vec::new();
    for entry in dataset.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            blocks.push(entry.path());
        }
    }
    blocks.sort();
    Ok(blocks)
}

/// Whether a path looks like a dataset: a directory with a manifest or with Parquet files, or a Parquet file.
fn is_parquet(path: &Path) -> bool {
    if is_address(path) {
        return is_dataset(path) || holds_parquet_objects(path);
    }
    if path.is_dir() {
        return is_dataset(path) || holds_parquet(path);
    }
    // Opening a pipe would wait until something writes to it.
    if !path.is_file() {
        return false;
    }
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PAR1"
}

/// Whether an address names an object of Parquet, or objects named as that lie below it, or below a Hive partition there.
/// `false` for one that cannot be read.
fn holds_parquet_objects(address: &Path) -> bool {
    let is_named = |path: &Path| path.extension().is_some_and(|extension| extension == "parquet");
    if is_named(address) && isd_stores::exists(address).unwrap_or(false) {
        return true;
    }
    let Ok(entries) = isd_stores::list(address) else { return false };
    entries.iter().any(|entry| {
        let below = entry.path.strip_prefix(address).unwrap_or(&entry.path);
        let directories = below.parent().into_iter().flat_map(Path::iter);
        is_named(&entry.path) && directories.into_iter().all(|name| name.to_string_lossy().contains('='))
    })
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
