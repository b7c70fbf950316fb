//! Outliers of an archive as it is read: series in as they become complete, a detection out.

use std::path::PathBuf;
use std::sync::Arc;

use isd_converters::archive::Archive;
use isd_converters::{SeriesOptions, Sink, read_series};
use isd_dataset::series_group::SeriesGroup;
use isd_dataset::{Error, Tally};

use crate::detect::detection::Detection;
use crate::detect::error::DetectError;
use crate::detect::group::TestedGroup;
use crate::detect::spool::Spool;
use crate::detect::wanted::Wanted;
use crate::plan::OutlierOptions;
use crate::plan::scan::SpareBuffers;
use crate::plan::whole_series::{ArchiveSeries, WholeSeries};

/// Detects the outliers of an archive as it is read, in one pass unless its rows are out of order. Nothing is written
/// but temporary files, for sorting in the scratch directory of `series_options` and for outliers beyond a limit.
/// The outliers are those of the dataset that the archive would be converted to. `progress` is told how many rows have
/// been read, and begins again with every pass.
///
/// # Errors
/// What reading the archive reports, or a measurement that it lacks.
pub fn detect_archive(
    archive: &mut Archive,
    options: &OutlierOptions,
    series_options: &SeriesOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    detect_wanted_of_archive(archive, options, series_options, &Wanted::default(), progress)
}

/// [`detect_archive`], for those outliers that are `wanted`.
///
/// # Errors
/// Those of [`detect_archive`].
pub fn detect_wanted_of_archive(
    archive: &mut Archive,
    options: &OutlierOptions,
    series_options: &SeriesOptions,
    wanted: &Wanted,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    let Some(first) = archive.files().first() else {
        return Err(Error::internal("an archive without a file").into());
    };
    let mut sink = DetectSink {
        options,
        wanted,
        columns: archive.columns().iter().map(|column| column.name.clone()).collect(),
        path: first.path.clone(),
        buffers: SpareBuffers::default(),
        groups: Vec::new(),
        spool: Spool::default(),
        failure: None,
    };
    let report = read_series(archive, series_options, &mut sink, progress);
    match (sink.failure, report) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(report)) => {
            let mut tally = Tally::default();
            for file in &report.files {
                tally.add(&file.tally);
            }
            Ok(Detection::new(&sink.groups, sink.spool, &options.measurements, tally))
        }
    }
}

/// Tests the series of an archive as they come, in the order of their stations.
struct DetectSink<'a> {
    options: &'a OutlierOptions,
    wanted: &'a Wanted,
    /// Names of the archive's value columns.
    columns: Vec<String>,
    /// The archive's first file, for messages.
    path: PathBuf,
    buffers: SpareBuffers,
    groups: Vec<TestedGroup>,
    spool: Spool,
    /// Why testing failed, which ends the reading.
    failure: Option<DetectError>,
}

impl Sink for DetectSink<'_> {
    fn take(&mut self, group: SeriesGroup) -> Result<(), Error> {
        let Some(group) = self.wanted.selection.stations_of(group) else { return Ok(()) };
        let series: Arc<dyn WholeSeries> =
            Arc::new(ArchiveSeries { group, columns: self.columns.clone(), path: self.path.clone() });
        let keep = |outliers| self.spool.push(outliers);
        match TestedGroup::test(&series, self.options, self.wanted, &self.buffers, keep) {
            Ok(group) => {
                self.groups.push(group);
                Ok(())
            }
            Err(failure) => {
                // Only ends the reading: the failure itself is reported.
                let stop = Error::Format { path: self.path.clone(), found: failure.to_string(), hint: None };
                self.failure = Some(failure);
                Err(stop)
            }
        }
    }

    fn reset(&mut self) -> Result<(), Error> {
        self.groups.clear();
        self.spool.clear();
        Ok(())
    }
}
