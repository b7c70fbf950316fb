//! What `isd-qc` reads: from paths to a dataset, which an archive is converted to first.

use std::path::{Path, PathBuf};

use isd_converters::archive::Failure as FileFailure;
use isd_converters::{ConvertOptions, convert};
use isd_dataset::layout::is_dataset;
use isd_dataset::read::Dataset;
use isd_dataset::station_table::{StationRecord, StationTable};
use isd_dataset::unfinished::Unfinished;
use isd_dataset::{Error, Tally};
use tempfile::TempDir;

use crate::cli::failure::Failure;
use crate::cli::progress::{Progress, Shown};
use crate::cli::source::SourceArgs;

/// Observations to test.
pub(super) struct Observations {
    pub dataset: Dataset,
    /// What the observations are called in messages.
    pub name: String,
    /// Files of an archive that could not be read and were left out.
    pub failures: Vec<FileFailure>,
    /// What of an archive was left out on the way.
    pub tally: Tally,
    /// How the values of an archive are taken.
    pub notes: Vec<String>,
    /// The directory of the dataset that an archive was converted to; removed in the end.
    _converted: Option<(TempDir, Unfinished)>,
}

impl Observations {
    /// Opens a dataset, or converts the archive that `sources` stand for to a temporary one; progress is `shown`.
    /// Errors: a dataset or an archive that cannot be read.
    pub fn open(sources: &[PathBuf], args: &SourceArgs, shown: Shown) -> Result<Self, Failure> {
        let name = sources.iter().map(|source| source.display().to_string()).collect::<Vec<_>>().join(", ");
        if let [path] = sources
            && is_dataset(path)
        {
            args.refuse_for_dataset(path)?;
            let dataset = Dataset::open(path)?;
            return Ok(Self {
                dataset,
                name,
                failures: Vec::new(),
                tally: Tally::default(),
                notes: Vec::new(),
                _converted: None,
            });
        }
        let read = args.read_options(&[]);
        let mut archive = args.open(sources, &read)?;
        let cannot = |source| Error::io(&std::env::temp_dir(), "cannot create a temporary directory", source);
        let temporary = tempfile::Builder::new().prefix("isd-qc-").tempdir().map_err(cannot)?;
        let unfinished = Unfinished::at(temporary.path());
        let directory = temporary.path().join("observations");
        let options = ConvertOptions {
            sources: sources.to_vec(),
            read,
            duplicates: args.duplicates(),
            ..ConvertOptions::default()
        };
        let progress = Progress::reading(archive.progress(), shown);
        let conversion = convert(&mut archive, &directory, &options, &|rows| progress.update(rows))?;
        drop(progress);
        Ok(Self {
            dataset: Dataset::open(&directory)?,
            name,
            failures: archive.failures(),
            tally: conversion.manifest.tally,
            notes: conversion.manifest.notes,
            _converted: Some((temporary, unfinished)),
        })
    }

    /// The stations with their places: those of the dataset, and over them those of a list.
    /// Errors: a table or a list that cannot be read.
    pub fn stations(&self, list: Option<&Path>) -> Result<StationTable, Failure> {
        let mut table = match StationTable::find(self.dataset.path())? {
            Some(table) => table,
            None => self.ids()?,
        };
        if let Some(list) = list {
            table.set_places_of_list(list)?;
        }
        Ok(table)
    }

    /// The stations of a dataset without a table, without places.
    fn ids(&self) -> Result<StationTable, Failure> {
        let mut records = Vec::new();
        for group in self.dataset.row_groups() {
            records.extend(group.stations()?.into_iter().map(|run| StationRecord {
                station_id: run.station_id.to_string(),
                first: 0,
                last: 0,
                rows: run.rows as u64,
            }));
        }
        Ok(StationTable::new(records))
    }
}
