//! The outliers of observations in memory: a table and the options of `isd-detect` in, the table of outliers out.

use std::ffi::OsString;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use isd::detect::table::outliers_schema;
use isd::kernel::{Outcome, Outlier, RollingTest, Scratch, TimesError, rolling_outliers};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::capsules::table_capsule;
use crate::errors::{Refusal, exception};
use crate::observations::Station;
use crate::request::{Names, Request};
use crate::table::Table;
use crate::times::Times;
use crate::values::Values;

/// Finds the outliers of a table. `line` are arguments of `isd-detect`.
///
/// # Errors
/// Options that make no test, columns that are absent or of other types, or two rows of one station and time.
pub fn outliers(stream: &Bound<'_, PyAny>, names: Names, line: Vec<OsString>) -> PyResult<Py<PyCapsule>> {
    let py = stream.py();
    let request = Request::new(stream, names, line)?;
    let test = request.arguments.test().map_err(|failure| exception(py, failure))?;
    let table = request.watched(py, |request| find(request, &test))?;
    Ok(table_capsule(py, table)?.unbind())
}

/// An outlier, and which of the measurements it is of.
type Found = (usize, Outlier);

/// The outliers of all stations, in the order of the table.
fn find(request: &mut Request, test: &RollingTest) -> Result<Table, Refusal> {
    let mut measurements = request.measurements.clone();
    measurements.sort();
    let stations = request.observations.stations_in_order(&measurements, &request.threads)?;
    let times = request.observations.times()?;
    let columns = measurements.iter().map(|name| request.observations.values(name));
    let columns = columns.collect::<Result<Vec<Values>, _>>()?;
    let found = request.of_each(&stations, |station, scratch, buffer| {
        outliers_of(station, &columns, &times, test, scratch, buffer)
    })?;
    table(&stations, &found, &measurements, &times)
}

/// The outliers of one station, in the order of rows and measurements.
fn outliers_of(
    station: &Station,
    columns: &[Values],
    times: &Times,
    test: &RollingTest,
    scratch: &mut Scratch,
    buffer: &mut Vec<f64>,
) -> Result<Vec<Found>, Refusal> {
    let times = if test.needs_time() { Some(times.of_station(station)?) } else { None };
    let (mut all, mut found) = (Vec::new(), Vec::new());
    for (number, values) in columns.iter().enumerate() {
        let series = values.series(station, buffer).and_then(|series| series.with_times(times.as_deref()));
        let series = series.map_err(|error| Refusal::value(error.to_string()))?;
        let refused = match rolling_outliers(series, test, scratch, &mut found) {
            Outcome::Tested | Outcome::TooShort => None,
            Outcome::NoTimes => Some(TimesError::Missing),
            Outcome::UnsortedTimes => Some(TimesError::Unsorted),
        };
        if let Some(error) = refused {
            return Err(Refusal::value(format!("station {}: {error}", station.id)));
        }
        all.extend(found.drain(..).map(|outlier| (number, outlier)));
    }
    // The sort is stable: those of one row stay in the order of the measurements.
    all.sort_by_key(|(_, outlier)| outlier.row);
    Ok(all)
}

/// The table of outliers.
fn table(
    stations: &[Station],
    found: &[Vec<Found>],
    measurements: &[String],
    times: &Times,
) -> Result<Table, Refusal> {
    let all =
        || stations.iter().zip(found).flat_map(|(station, found)| found.iter().map(move |f| (station, f)));
    let doubles = |of: fn(&Outlier) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(all().map(|(_, (_, outlier))| of(outlier))))
    };
    let counts = |of: fn(&Outlier) -> usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all().map(|(_, (_, outlier))| of(outlier) as i64)))
    };
    let texts = |of: &dyn Fn(&'_ (&Station, &Found)) -> String| -> ArrayRef {
        Arc::new(StringArray::from(all().map(|row| of(&row)).collect::<Vec<String>>()))
    };
    let instants = all().map(|(station, (_, outlier))| times.of_row(station, outlier.row));
    let instants = instants.collect::<Result<Vec<i64>, _>>()?;
    let filled: Vec<bool> = all().map(|(_, (_, outlier))| outlier.filled).collect();
    let columns: Vec<ArrayRef> = vec![
        texts(&|(station, _)| station.id.clone()),
        Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC")),
        texts(&|(_, (number, _))| measurements[*number].clone()),
        doubles(|outlier| outlier.value),
        doubles(|outlier| outlier.mean),
        doubles(|outlier| outlier.std),
        doubles(|outlier| outlier.zscore),
        counts(|outlier| outlier.count),
        Arc::new(BooleanArray::from(filled)),
        counts(|outlier| outlier.window_filled),
    ];
    let schema = outliers_schema();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
    let failed = |error: ArrowError| Refusal::value(format!("internal: {error}"));
    Ok(Table { schema, batches: vec![batch.map_err(failed)?] })
}
