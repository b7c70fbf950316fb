//! Columns beside observations in memory: a table and options of `isd-detect` in, a column of as many rows for each
//! measurement out.

use std::ffi::OsString;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use isd::cli::detect::DetectArgs;
use isd::kernel::{
    FillLimit, Outcome, Rolling, RollingTest, Scratch, Series, TimesError, forward_fill, rolling_mean,
    rolling_outliers, rolling_std,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::capsules::table_capsule;
use crate::errors::{Refusal, exception};
use crate::observations::Station;
use crate::request::{Names, Request};
use crate::table::Table;
use crate::values::Values;

/// What is computed of each row.
enum Statistic {
    Filled(Option<FillLimit>),
    Mean(Rolling),
    Std(Rolling),
    /// With a threshold of 0 the test reports whatever is not the mean.
    Zscore(Rolling, RollingTest),
}

/// Computes a statistic, `kind`, of every row of some measurements. `line` are arguments of `isd-detect`.
///
/// # Errors
/// Options that make no window, columns that are absent or of other types, or stations whose rows lie in two places.
pub fn columns(
    stream: &Bound<'_, PyAny>,
    kind: &str,
    names: Names,
    line: Vec<OsString>,
) -> PyResult<Py<PyCapsule>> {
    let py = stream.py();
    let request = Request::new(stream, names, line)?;
    let statistic = Statistic::new(kind, &request.arguments)
        .map_err(|failure| exception(py, failure))?
        .ok_or_else(|| PyValueError::new_err(format!("{kind}: no such statistic")))?;
    let table = request.watched(py, |request| compute(request, &statistic))?;
    Ok(table_capsule(py, table)?.unbind())
}

impl Statistic {
    /// The statistic of that name; `None` for any other name. Errors: options that make no window.
    fn new(kind: &str, arguments: &DetectArgs) -> Result<Option<Self>, isd::cli::Failure> {
        Ok(Some(match kind {
            "forward_fill" => Self::Filled(arguments.fill_limit()),
            "rolling_mean" => Self::Mean(arguments.rolling()?),
            "rolling_std" => Self::Std(arguments.rolling()?),
            "rolling_zscore" => Self::Zscore(arguments.rolling()?, arguments.test()?),
            _ => return Ok(None),
        }))
    }

    fn needs_time(&self) -> bool {
        match self {
            Self::Filled(limit) => matches!(limit, Some(FillLimit::Micros(_))),
            Self::Mean(rolling) | Self::Std(rolling) | Self::Zscore(rolling, _) => rolling.needs_time(),
        }
    }

    /// Appends a number for each row of a series, NaN where it has none.
    fn append(
        &self,
        series: Series<'_>,
        times: Option<&[i64]>,
        scratch: &mut Scratch,
        out: &mut Vec<f64>,
    ) -> Result<(), TimesError> {
        match self {
            Self::Filled(limit) => forward_fill(series, *limit, out),
            Self::Mean(rolling) => rolling_mean(series, rolling, scratch, out),
            Self::Std(rolling) => rolling_std(series, rolling, scratch, out),
            Self::Zscore(rolling, test) => {
                // The test fills the series; whether a row has a window is asked of the same.
                let mut filled = Vec::new();
                forward_fill(series, None, &mut filled)?;
                let filled = Series::new(&filled).with_times(times).map_err(|_| TimesError::Missing)?;
                rolling_mean(filled, rolling, scratch, out)?;
                let mut found = Vec::new();
                let tested = rolling_outliers(series, test, scratch, &mut found) == Outcome::Tested;
                // A row with a window is 0 deviations off, unless the test says otherwise.
                for mean in out.iter_mut() {
                    *mean = if mean.is_nan() || !tested { f64::NAN } else { 0.0 };
                }
                for outlier in found {
                    out[outlier.row] = outlier.zscore;
                }
                Ok(())
            }
        }
    }
}

/// A column for each measurement, in the order asked for.
fn compute(request: &mut Request, statistic: &Statistic) -> Result<Table, Refusal> {
    let observations = &request.observations;
    let stations = observations.stations_in_place(&request.threads)?;
    let times = if statistic.needs_time() { Some(observations.times()?) } else { None };
    let mut columns: Vec<ArrayRef> = Vec::new();
    for name in &request.measurements {
        let values = observations.values(name)?;
        let of_each = request.of_each(&stations, |station, scratch, buffer| {
            let times = times.as_ref().map(|times| times.of_station(station)).transpose()?;
            let series =
                values.series(station, buffer).and_then(|series| series.with_times(times.as_deref()));
            let series = series.map_err(|error| Refusal::value(error.to_string()))?;
            let mut out = Vec::with_capacity(station.rows());
            let done = statistic.append(series, times.as_deref(), scratch, &mut out);
            done.map_err(|error| Refusal::value(format!("{name}: {error}")))?;
            if matches!(statistic, Statistic::Zscore(..)) {
                hide_missing(&mut out, &values, station);
            }
            Ok(out)
        })?;
        let out = of_each.concat();
        let valid = NullBuffer::new(BooleanBuffer::collect_bool(out.len(), |row| !out[row].is_nan()));
        columns.push(Arc::new(Float64Array::new(
            out.into(),
            Some(valid).filter(|valid| valid.null_count() > 0),
        )));
    }
    let fields = request.measurements.iter().map(|name| Field::new(name, DataType::Float64, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
    let failed = |error: ArrowError| Refusal::value(format!("internal: {error}"));
    Ok(Table { schema, batches: vec![batch.map_err(failed)?] })
}

/// A row without a value has no z-score.
fn hide_missing(scores: &mut [f64], values: &Values, station: &Station) {
    for (score, observed) in scores.iter_mut().zip(values.observed(station)) {
        if !observed {
            *score = f64::NAN;
        }
    }
}
