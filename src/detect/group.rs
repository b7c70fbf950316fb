//! One group of whole series: its rows in, its outliers and the count of its series out, by one lazy plan.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use arrow::array::RecordBatch;
use isd_dataset::layout::TIMESTAMP;
use isd_dataset::{Error, StationRun};
use polars::prelude::{LazyFrame, OptFlags, PlSmallStr, PolarsResult};

use crate::detect::counts::{count_outliers, count_series};
use crate::detect::detection::TestedRowGroup;
use crate::detect::error::DetectError;
use crate::detect::table::to_batch;
use crate::detect::wanted::{LatestTimes, Wanted};
use crate::plan::kernel_expressions::{Boundaries, Columns, SeriesCount, SeriesCounts, rolling_outliers};
use crate::plan::scan::{SeriesScan, SpareBuffers, keys_of};
use crate::plan::whole_series::WholeSeries;
use crate::plan::{Engine, OutlierOptions, outliers};

/// The plan that finds the outliers of `series`. It gives the outliers table; with the kernel, as one column of
/// structs.
/// Errors: an unreadable station column.
pub(crate) fn plan(series: Arc<dyn WholeSeries>, options: &OutlierOptions) -> Result<LazyFrame, DetectError> {
    let scan = SeriesScan::new(Arc::clone(&series), &options.measurements, SpareBuffers::default())?;
    Ok(plan_of(series, scan, options, None)?)
}

/// The plan over `scan`, which reads `series`. On collection the kernel adds the number of series to `counts`; the engine
/// of expressions does not count.
fn plan_of(
    series: Arc<dyn WholeSeries>,
    scan: SeriesScan,
    options: &OutlierOptions,
    counts: Option<SeriesCounts>,
) -> PolarsResult<LazyFrame> {
    if options.engine == Engine::Expressions {
        return Ok(outliers(scan.lazy()?, options));
    }
    let scan = scan.with_integers();
    // The station's name and the time are looked up for the outliers alone.
    let stations = scan.stations();
    let time = options.test.needs_time().then(|| PlSmallStr::from(TIMESTAMP));
    let columns = Columns {
        series: Boundaries::Lengths(stations.iter().map(|run| run.rows).collect()),
        time,
        measurements: options.measurements.iter().map(|name| scan.measurement(name)).collect(),
        carried: keys_of(series, stations),
    };
    // The structs are taken apart after the plan: within it that takes a tenth of the time of a small row group.
    let found = scan.lazy()?.select([rolling_outliers(columns, options.test.clone(), counts)]);
    // The other optimizations find nothing to do in a plan like this.
    Ok(found
        .with_optimizations(OptFlags::TYPE_COERCION | OptFlags::TYPE_CHECK | OptFlags::PROJECTION_PUSHDOWN))
}

/// What was found in one group of whole series.
pub(super) struct TestedGroup {
    /// The file that holds the group, for messages.
    pub path: PathBuf,
    /// Number of its rows.
    pub rows: u64,
    /// Its stations, in row order.
    pub stations: Arc<[StationRun]>,
    /// What became of the series of each measurement, in the order asked for.
    pub counts: Vec<SeriesCount>,
    /// The number that `keep` gave to its outliers, if it has any.
    pub outliers: Option<usize>,
    /// Number of its outliers.
    pub found: usize,
    /// The time of the last row of each station, where that is wanted.
    pub latest: LatestTimes,
}

impl TestedGroup {
    /// Tests a group. `keep` takes its outliers, those that are `wanted`, if there are any, and returns a number for them.
    /// Errors: unreadable rows, a measurement that is absent, or what `keep` reports.
    pub(super) fn test(
        series: &Arc<dyn WholeSeries>,
        options: &OutlierOptions,
        wanted: &Wanted,
        buffers: &SpareBuffers,
        keep: impl FnOnce(RecordBatch) -> Result<usize, Error>,
    ) -> Result<Self, DetectError> {
        let scan = SeriesScan::new(Arc::clone(series), &options.measurements, buffers.clone())?;
        let stations = scan.stations();
        let counts = SeriesCounts::default();
        let frame = plan_of(Arc::clone(series), scan, options, Some(Arc::clone(&counts)))?.collect()?;
        let outliers = wanted.of(to_batch(&frame)?)?;
        let mut counts = match options.engine {
            Engine::Kernel => counts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Engine::Expressions => count_series(series, stations.len(), options, buffers)?,
        };
        // The kernel has counted those at all times.
        if options.engine == Engine::Expressions || !wanted.are_all_times() {
            count_outliers(&outliers, &options.measurements, &mut counts)?;
        }
        if counts.len() != options.measurements.len() {
            let what = format!("{} counts of {} measurements", counts.len(), options.measurements.len());
            return Err(Error::internal(what).into());
        }
        Ok(Self {
            path: series.path().to_owned(),
            rows: series.rows() as u64,
            latest: if wanted.latest { latest_times(&**series, &stations)? } else { LatestTimes::new() },
            stations,
            counts,
            found: outliers.num_rows(),
            outliers: (outliers.num_rows() > 0).then(|| keep(outliers)).transpose()?,
        })
    }

    /// What a detection says of the group, which is row group `number` of its dataset.
    pub(super) fn account(&self, number: usize) -> TestedRowGroup {
        let id = |run: Option<&StationRun>| run.map(|run| run.station_id.to_string()).unwrap_or_default();
        let (first, last) = (id(self.stations.first()), id(self.stations.last()));
        TestedRowGroup { number, first, last, outliers: self.found }
    }
}

/// The time of the last row of each station. Errors: unreadable rows.
fn latest_times(series: &dyn WholeSeries, stations: &[StationRun]) -> Result<LatestTimes, Error> {
    let mut end = 0;
    let last_rows = stations.iter().map(|run| {
        end += run.rows;
        end - 1
    });
    let times = series.timestamps_at(&last_rows.collect::<Vec<_>>())?;
    let stations = stations.iter().map(|run| run.station_id.to_string());
    Ok(stations.zip(times.values().iter().copied()).collect())
}
