//! The detector: a dataset or an archive in, its outliers and an account of what was tested out.
//!
//! Each row group holds whole stations, so that it is worked on by itself: one lazy plan a row group, in parallel.

pub mod spool;
mod threads;

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema, SchemaRef, TimeUnit,
};
use arrow::error::ArrowError;
use isd_converters::archive::Archive;
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::series_group::SeriesGroup;
use isd_dataset::time::iso8601;
use isd_converters::{IngestOptions, Sink, ingest};
use isd_converters::{StationRun, Tally};
use polars::prelude::{
    DataFrame, DataType, Expr, LazyFrame, OptFlags, PlSmallStr, PolarsError, PolarsResult, col, lit,
};
use polars_arrow::array::Utf8ViewArray;

use crate::plan::expressions::{Boundaries, Columns, SeriesCount, SeriesCounts, rolling_outliers};
use crate::plan::{Engine, OUTLIER_COLUMNS, OutlierOptions, STATION_ID, TIMESTAMP, outliers};
use crate::plan::scan::{SeriesScan, Spare, keys_of};
use crate::plan::whole_series::{ArchiveSeries, Series};
use crate::detect::spool::Spool;
use crate::detect::threads::on_threads;

/// The outliers of a dataset, and what was tested for them.
#[derive(Debug)]
pub struct Detection {
    /// The outliers table in parts, in order: see [`OUTLIER_COLUMNS`] and [`outliers_schema`].
    pub outliers: Spool,
    /// Observations looked at.
    pub rows: u64,
    /// Stations in the dataset.
    pub stations: usize,
    /// What of an archive was left out on the way; empty of a dataset, whose manifest says it.
    pub tally: Tally,
    /// What was found of each measurement, in the order asked for.
    pub measurements: Vec<MeasurementCount>,
}

/// What was tested and found of one measurement.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MeasurementCount {
    /// The measurement.
    pub measurement: String,
    /// Series that were tested.
    pub tested: usize,
    /// Series left out because they have fewer than `min_periods + 1` observed values.
    pub too_short: usize,
    /// Outliers.
    pub outliers: usize,
    /// Stations with at least one.
    pub stations: usize,
}

/// Why a detection fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The dataset cannot be read.
    #[error(transparent)]
    Dataset(#[from] isd_converters::Error),
    /// The plan fails.
    #[error("{0}")]
    Plan(#[from] PolarsError),
    /// The outliers cannot be handed over.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A station has rows in two row groups, so that neither holds its series.
    #[error("{path}: station {station} is split across row groups, or row groups overlap")]
    Split {
        /// File of the later row group.
        path: String,
        /// The station.
        station: String,
    },
    /// The rows of a station are not in the order of their times.
    #[error("{path}: station {station}: {time} follows a row that is not earlier")]
    Unsorted {
        /// The file.
        path: String,
        /// The station.
        station: String,
        /// Time of the row that is out of order.
        time: String,
    },
}

/// The plan that the rows of some stations are run through: the outliers table, or, from the kernel, one column of it as
/// structs.
pub(crate) fn plan(series: Arc<dyn Series>, options: &OutlierOptions) -> Result<LazyFrame, DetectError> {
    let scan = SeriesScan::new(Arc::clone(&series), &options.measurements, Spare::default())?;
    Ok(plan_of(series, scan, options, None)?)
}

fn plan_of(
    series: Arc<dyn Series>,
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
    // The structs are taken apart behind the plan: within it that takes a tenth of the time of a small row group.
    let found = scan.lazy()?.select([rolling_outliers(columns, options.test.clone(), counts)]);
    // Of a plan like this the others find nothing to do.
    Ok(found
        .with_optimizations(OptFlags::TYPE_COERCION | OptFlags::TYPE_CHECK | OptFlags::PROJECTION_PUSHDOWN))
}

/// Detects the outliers of a dataset, row group by row group, on as many threads as the ambient rayon pool has.
///
/// `progress` is told how many rows are done, from any thread. The result does not depend on the number of threads or
/// on how the dataset is cut into files and row groups. Memory is bounded by the row groups in flight: more outliers than
/// it should hold are put by in a temporary file. Every thread of the pool takes part and is waited for, so that none may
/// be blocked by the caller.
///
/// # Errors
/// An unreadable dataset, a measurement that it lacks, stations split across row groups, or, where the dataset is not
/// `isd-convert`'s own, times that do not ascend.
pub fn detect(
    dataset: &Dataset,
    options: &OutlierOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    let mut groups: Vec<(usize, RowGroup)> = dataset.row_groups().into_iter().enumerate().collect();
    // Small ones last, so that the threads end together.
    groups.sort_by_key(|(_, group)| Reverse(group.rows()));
    let done = AtomicU64::new(0);
    let spare = Spare::default();
    let spool = Mutex::new(Spool::default());
    let mut parts: Vec<(usize, Part)> = on_threads(&groups, |(place, group)| {
        let series: Arc<dyn Series> = Arc::new(group.clone());
        let put_by = |outliers| spool.lock().unwrap_or_else(PoisonError::into_inner).push(outliers);
        let part = Part::of(&series, options, &spare, put_by)?;
        // What isd-convert wrote is sorted.
        if dataset.manifest().is_none() {
            check_order(&*series, &part.stations)?;
        }
        progress(done.fetch_add(group.rows() as u64, Ordering::Relaxed) + group.rows() as u64);
        Ok::<_, DetectError>((*place, part))
    })?;

    parts.sort_by(|(place, a), (other, b)| a.first().cmp(&b.first()).then(place.cmp(other)));
    let parts: Vec<Part> = parts.into_iter().map(|(_, part)| part).collect();
    for pair in parts.windows(2) {
        if let (Some(last), Some(first)) = (pair[0].last(), pair[1].first())
            && last >= first
        {
            return Err(DetectError::Split { path: pair[1].path.clone(), station: first.to_owned() });
        }
    }
    let mut spool = spool.into_inner().unwrap_or_else(PoisonError::into_inner);
    spool.arrange(parts.iter().filter_map(|part| part.outliers));
    Ok(Detection::of(&parts, spool, options))
}

/// Detects the outliers of an archive as it is read, in one pass unless its rows are out of order; nothing is written
/// but what sorting may spill into `ingesting`'s scratch directory.
///
/// The outliers are those of the dataset that the archive would be converted to. `progress` is told how many rows have
/// been read, and may begin again.
///
/// # Errors
/// What reading the archive reports, or a measurement that it lacks.
pub fn detect_archive(
    archive: &mut Archive,
    options: &OutlierOptions,
    ingesting: &IngestOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    let columns = archive.columns().iter().map(|column| column.name.clone()).collect();
    let place = archive.files().first().map(|file| file.path.display().to_string()).unwrap_or_default();
    let spare = Spare::default();
    let (parts, spool) = (Vec::new(), Spool::default());
    let mut sink = DetectSink { options, columns, place, spare, parts, spool, failure: None };
    let ingested = ingest(archive, ingesting, &mut sink, progress);
    match (sink.failure, ingested) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(ingested)) => {
            let mut detection = Detection::of(&sink.parts, sink.spool, options);
            for file in &ingested.files {
                detection.tally.add(&file.tally);
            }
            Ok(detection)
        }
    }
}

/// Runs the plan over the series of an archive as they come.
struct DetectSink<'a> {
    options: &'a OutlierOptions,
    columns: Vec<String>,
    place: String,
    spare: Spare,
    parts: Vec<Part>,
    spool: Spool,
    /// Why the plan failed, which ends the reading.
    failure: Option<DetectError>,
}

impl Sink for DetectSink<'_> {
    fn take(&mut self, group: SeriesGroup) -> Result<(), isd_converters::Error> {
        let (columns, place) = (self.columns.clone(), self.place.clone());
        let series: Arc<dyn Series> = Arc::new(ArchiveSeries { group, columns, place });
        match Part::of(&series, self.options, &self.spare, |outliers| self.spool.push(outliers)) {
            Ok(part) => {
                self.parts.push(part);
                Ok(())
            }
            Err(failure) => {
                let stop = isd_converters::Error::Format {
                    path: self.place.clone().into(),
                    found: failure.to_string(),
                    hint: None,
                };
                self.failure = Some(failure);
                Err(stop)
            }
        }
    }

    fn reset(&mut self) -> Result<(), isd_converters::Error> {
        self.parts.clear();
        self.spool.clear();
        Ok(())
    }
}

impl Detection {
    /// Everything that was found, of parts in the order of their stations, as are their outliers.
    fn of(parts: &[Part], outliers: Spool, options: &OutlierOptions) -> Self {
        let mut measurements: Vec<MeasurementCount> = options
            .measurements
            .iter()
            .map(|name| MeasurementCount {
                measurement: name.clone(),
                tested: 0,
                too_short: 0,
                outliers: 0,
                stations: 0,
            })
            .collect();
        for part in parts {
            for (total, count) in measurements.iter_mut().zip(&part.counts) {
                total.tested += count.tested;
                total.too_short += count.too_short;
                total.outliers += count.outliers;
                total.stations += count.with_outliers;
            }
        }
        Self {
            tally: Tally::default(),
            rows: parts.iter().map(|part| part.rows).sum(),
            stations: parts.iter().map(|part| part.stations.len()).sum(),
            outliers,
            measurements,
        }
    }
}

/// Makes sure that the times of each station ascend.
fn check_order(group: &dyn Series, stations: &[StationRun]) -> Result<(), DetectError> {
    let times = group.timestamps()?;
    let mut start = 0;
    for run in stations {
        let series = times.values().get(start..start + run.rows).unwrap_or_default();
        if let Some(pair) = series.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(DetectError::Unsorted {
                path: group.place(),
                station: run.station_id.to_string(),
                time: iso8601(pair[1]),
            });
        }
        start += run.rows;
    }
    Ok(())
}

/// What came of one row group.
struct Part {
    path: String,
    rows: u64,
    stations: Arc<[StationRun]>,
    /// Of each measurement.
    counts: Vec<SeriesCount>,
    /// The number of its outliers among those put by, if it has any.
    outliers: Option<usize>,
}

impl Part {
    /// What comes of a row group, whose outliers `put_by` keeps and numbers.
    fn of(
        group: &Arc<dyn Series>,
        options: &OutlierOptions,
        spare: &Spare,
        put_by: impl FnOnce(RecordBatch) -> Result<usize, isd_converters::Error>,
    ) -> Result<Self, DetectError> {
        let scan = SeriesScan::new(Arc::clone(group), &options.measurements, spare.clone())?;
        let stations = scan.stations();
        let counts = SeriesCounts::default();
        let frame = plan_of(Arc::clone(group), scan, options, Some(Arc::clone(&counts)))?.collect()?;
        let outliers = to_batch(&frame)?;
        let counts = match options.engine {
            Engine::Kernel => counts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Engine::Expressions => {
                let mut counts = count_series(group, &stations, options, spare)?;
                count_outliers(&outliers, &options.measurements, &mut counts);
                counts
            }
        };
        Ok(Self {
            path: group.place(),
            rows: group.rows() as u64,
            stations,
            counts,
            outliers: (outliers.num_rows() > 0).then(|| put_by(outliers)).transpose()?,
        })
    }

    fn first(&self) -> Option<&str> {
        self.stations.first().map(|run| &*run.station_id)
    }

    fn last(&self) -> Option<&str> {
        self.stations.last().map(|run| &*run.station_id)
    }
}

/// Counts the outliers of each measurement, and the series that have any, for the expressions, which do not count.
fn count_outliers(outliers: &RecordBatch, measurements: &[String], counts: &mut [SeriesCount]) {
    let (Some(stations), Some(names)) = (strings(outliers, STATION_ID), strings(outliers, "measurement"))
    else {
        return;
    };
    for (measurement, count) in measurements.iter().zip(counts) {
        let own = stations.iter().zip(names).filter(|(_, name)| *name == Some(measurement.as_str()));
        let own: Vec<_> = own.map(|(station, _)| station).collect();
        count.outliers = own.len();
        // Those of a station follow each other.
        count.with_outliers = own.chunk_by(|a, b| a == b).count();
    }
}

fn strings<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a StringArray> {
    batch.column_by_name(column)?.as_any().downcast_ref()
}

/// Series tested and left out, counted for the expressions, which do not count.
fn count_series(
    group: &Arc<dyn Series>,
    stations: &[StationRun],
    options: &OutlierOptions,
    spare: &Spare,
) -> Result<Vec<SeriesCount>, DetectError> {
    let scan = SeriesScan::new(Arc::clone(group), &options.measurements, spare.clone())?;
    let observed = options.measurements.iter().map(|name| {
        let value = col(name.as_str());
        value.clone().is_finite().cast(DataType::Int64).sum().alias(name.as_str())
    });
    let counts: Vec<Expr> = observed.collect();
    let least = lit(options.test.min_periods() as i64);
    let tested = options.measurements.iter().map(|name| col(name.as_str()).gt(least.clone()).sum());
    let frame =
        scan.lazy()?.group_by([col(STATION_ID)]).agg(counts).select(tested.collect::<Vec<_>>()).collect()?;
    let counts = options.measurements.iter().map(|name| {
        let tested = frame.column(name)?.cast(&DataType::UInt64)?.u64()?.get(0).unwrap_or(0) as usize;
        Ok(SeriesCount { tested, too_short: stations.len() - tested, ..SeriesCount::default() })
    });
    Ok(counts.collect::<PolarsResult<_>>()?)
}

/// Arrow schema of the outliers table: no column is ever null.
#[must_use]
pub fn outliers_schema() -> SchemaRef {
    let types = [
        ArrowType::Utf8,
        ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ArrowType::Utf8,
        ArrowType::Float64,
        ArrowType::Float64,
        ArrowType::Float64,
        ArrowType::Float64,
        ArrowType::Int64,
        ArrowType::Boolean,
    ];
    let fields = OUTLIER_COLUMNS.iter().zip(types).map(|(name, kind)| ArrowField::new(*name, kind, false));
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

/// The plan's result as Arrow, in which nothing is null: the tables are small, so that copying them is nothing.
fn to_batch(frame: &DataFrame) -> Result<RecordBatch, DetectError> {
    let column = |name: &str| match frame.columns() {
        [found] if found.dtype().is_struct() => found.struct_()?.field_by_name(name),
        _ => Ok(frame.column(name)?.as_materialized_series().clone()),
    };
    let strings = |name: &str| -> PolarsResult<StringArray> {
        let column = column(name)?;
        let column = column.str()?;
        let bytes = column.downcast_iter().map(Utf8ViewArray::total_bytes_len).sum();
        let mut all = StringBuilder::with_capacity(column.len(), bytes);
        for text in column.downcast_iter().flat_map(Utf8ViewArray::values_iter) {
            all.append_value(text);
        }
        Ok(all.finish())
    };
    let doubles = |name: &str| -> PolarsResult<Float64Array> {
        Ok(Float64Array::from_iter_values(column(name)?.f64()?.into_no_null_iter()))
    };
    let times = column(TIMESTAMP)?.to_physical_repr().into_owned();
    let times = TimestampMicrosecondArray::from_iter_values(times.i64()?.into_no_null_iter());
    let counts = Int64Array::from_iter_values(column("window_count")?.i64()?.into_no_null_iter());
    let filled = BooleanArray::from(column("filled")?.bool()?.iter().flatten().collect::<Vec<bool>>());
    Ok(RecordBatch::try_new(
        outliers_schema(),
        vec![
            Arc::new(strings(STATION_ID)?),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(strings("measurement")?),
            Arc::new(doubles("value")?),
            Arc::new(doubles("rolling_mean")?),
            Arc::new(doubles("rolling_std")?),
            Arc::new(doubles("zscore")?),
            Arc::new(counts),
            Arc::new(filled),
        ],
    )?)
}
