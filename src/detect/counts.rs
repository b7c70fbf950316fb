//! Counts for the engine of expressions, which unlike the kernel does not count: series and outliers in, counts out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use isd_dataset::Error;
use isd_dataset::layout::STATION_ID;
use polars::prelude::{DataType, Expr, PolarsResult, col, lit};

use crate::detect::error::DetectError;
use crate::detect::table::texts;
use crate::plan::OutlierOptions;
use crate::plan::kernel_expressions::SeriesCount;
use crate::plan::scan::{SeriesScan, SpareBuffers};
use crate::plan::table::MEASUREMENT;
use crate::plan::whole_series::WholeSeries;

/// Counts the series of each measurement that are tested and those that are too short.
/// Errors: unreadable rows, or a measurement that is absent.
pub(super) fn count_series(
    series: &Arc<dyn WholeSeries>,
    stations: usize,
    options: &OutlierOptions,
    buffers: &SpareBuffers,
) -> Result<Vec<SeriesCount>, DetectError> {
    let scan = SeriesScan::new(Arc::clone(series), &options.measurements, buffers.clone())?;
    let names = || options.measurements.iter().map(String::as_str);
    let observed: Vec<Expr> =
        names().map(|name| col(name).is_finite().cast(DataType::Int64).sum().alias(name)).collect();
    let min_periods = lit(options.test.min_periods() as i64);
    let tested: Vec<Expr> = names().map(|name| col(name).gt(min_periods.clone()).sum()).collect();
    let frame = scan.lazy()?.group_by([col(STATION_ID)]).agg(observed).select(tested).collect()?;
    let tested = names().map(|name| frame.column(name)?.cast(&DataType::UInt64)?.u64().map(|sum| sum.get(0)));
    tested
        .collect::<PolarsResult<Vec<_>>>()?
        .into_iter()
        .map(|tested| {
            let tested = tested.ok_or_else(|| Error::internal("a sum of series is null"))? as usize;
            let too_short = stations
                .checked_sub(tested)
                .ok_or_else(|| Error::internal(format!("{tested} of {stations} series were tested")))?;
            Ok(SeriesCount { tested, too_short, ..SeriesCount::default() })
        })
        .collect()
}

/// Counts the outliers of each measurement, and the series that have any. Errors: a table without its columns.
pub(super) fn count_outliers(
    outliers: &RecordBatch,
    measurements: &[String],
    counts: &mut [SeriesCount],
) -> Result<(), DetectError> {
    let (stations, names) = (texts(outliers, STATION_ID)?, texts(outliers, MEASUREMENT)?);
    for (measurement, count) in measurements.iter().zip(counts) {
        let own = stations.iter().zip(names).filter(|(_, name)| *name == Some(measurement.as_str()));
        let own: Vec<_> = own.map(|(station, _)| station).collect();
        count.outliers = own.len();
        // The outliers of a station follow each other.
        count.with_outliers = own.chunk_by(|a, b| a == b).count();
    }
    Ok(())
}
