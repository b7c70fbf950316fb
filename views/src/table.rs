//! The tables that the other tools write: a file of outliers, flags or events in, its rows out.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use isd_dataset::geography::Position;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::{Error, Result, result_file};

/// A row of a file of outliers, or of flags.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its station.
    pub station_id: String,
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// The measurement.
    pub measurement: String,
    /// The value, in the unit of the dataset.
    pub value: f64,
    /// What the file says of it: `z 7.1` of an outlier, the test of a flag.
    pub note: String,
    /// The verdict of a flag; empty of an outlier.
    pub verdict: String,
}

/// An event of `isd-events`.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its kind, such as `wind`.
    pub kind: String,
    /// `event`, `suspected_error` or `unconfirmed`.
    pub verdict: String,
    /// Its first time, in microseconds since 1970 UTC.
    pub start: i64,
    /// Its last time.
    pub end: i64,
    /// How many stations saw it.
    pub stations: f64,
    /// Its largest or smallest value.
    pub peak_value: f64,
    /// Its middle; `None` where no station's place is known.
    pub position: Option<Position>,
}

/// Reads those outliers that are `wanted`, given their station, measurement and time.
///
/// # Errors
/// A file that cannot be read, is of another type or lacks one of the columns, and a time or number that is none.
pub fn outliers(path: &Path, mut wanted: impl FnMut(&str, &str, i64) -> bool) -> Result<Vec<Finding>> {
    let file = TableFile {
        path,
        what: "outliers",
        hint: "--outliers takes what isd-detect wrote: .parquet, .csv or .arrow",
    };
    let mut rows = Vec::new();
    file.read(&[STATION_ID, "measurement"], &[TIMESTAMP], &["value", "zscore"], |batch| {
        for row in 0..batch.count {
            let (station, measurement, time) = (batch.text(0, row), batch.text(1, row), batch.time(0, row));
            if let (Some(station), Some(measurement), Some(time)) = (station, measurement, time)
                && wanted(station, measurement, time)
            {
                let zscore = batch.number(1, row).map(|zscore| format!("z {zscore:.1}"));
                rows.push(Finding {
                    station_id: station.to_owned(),
                    time,
                    measurement: measurement.to_owned(),
                    value: batch.number(0, row).unwrap_or(f64::NAN),
                    note: zscore.unwrap_or_default(),
                    verdict: String::new(),
                });
            }
        }
    })?;
    Ok(rows)
}

/// Reads those flags that are `wanted`, given their station, measurement and time; released ones are none.
///
/// # Errors
/// Those of [`outliers`].
pub fn flags(path: &Path, mut wanted: impl FnMut(&str, &str, i64) -> bool) -> Result<Vec<Finding>> {
    let file =
        TableFile { path, what: "flags", hint: "--flags takes what isd-qc wrote: .parquet, .csv or .arrow" };
    let mut rows = Vec::new();
    file.read(&[STATION_ID, "measurement", "test", "verdict"], &[TIMESTAMP], &["value"], |batch| {
        for row in 0..batch.count {
            let (station, measurement, time) = (batch.text(0, row), batch.text(1, row), batch.time(0, row));
            let verdict = batch.text(3, row).unwrap_or_default();
            if let (Some(station), Some(measurement), Some(time)) = (station, measurement, time)
                && verdict != "released"
                && wanted(station, measurement, time)
            {
                rows.push(Finding {
                    station_id: station.to_owned(),
                    time,
                    measurement: measurement.to_owned(),
                    value: batch.number(0, row).unwrap_or(f64::NAN),
                    note: batch.text(2, row).unwrap_or_default().to_owned(),
                    verdict: verdict.to_owned(),
                });
            }
        }
    })?;
    Ok(rows)
}

/// Reads events, in the order of the file.
///
/// # Errors
/// Those of [`outliers`].
pub fn events(path: &Path) -> Result<Vec<EventRow>> {
    let file = TableFile {
        path,
        what: "events",
        hint: "--events takes what isd-events wrote: .parquet, .csv or .arrow",
    };
    let mut rows = Vec::new();
    let numbers = ["stations", "peak_value", "latitude", "longitude"];
    file.read(&["kind", "verdict"], &["start", "end"], &numbers, |batch| {
        for row in 0..batch.count {
            let place = batch.number(2, row).zip(batch.number(3, row));
            if let (Some(start), Some(end)) = (batch.time(0, row), batch.time(1, row)) {
                rows.push(EventRow {
                    kind: batch.text(0, row).unwrap_or_default().to_owned(),
                    verdict: batch.text(1, row).unwrap_or_default().to_owned(),
                    start,
                    end,
                    stations: batch.number(0, row).unwrap_or(1.0),
                    peak_value: batch.number(1, row).unwrap_or(f64::NAN),
                    position: place.and_then(|(north, east)| Position::of_station(north, east)),
                });
            }
        }
    })?;
    Ok(rows)
}

/// Some rows: columns of texts, of times and of numbers, in the order asked for.
struct Rows {
    count: usize,
    texts: Vec<ArrayRef>,
    times: Vec<ArrayRef>,
    numbers: Vec<ArrayRef>,
}

impl Rows {
    fn text(&self, column: usize, row: usize) -> Option<&str> {
        let texts = self.texts.get(column)?.as_string_opt::<i32>()?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    fn time(&self, column: usize, row: usize) -> Option<i64> {
        let times = self.times.get(column)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        times.is_valid(row).then(|| times.value(row))
    }

    fn number(&self, column: usize, row: usize) -> Option<f64> {
        let numbers = self.numbers.get(column)?.as_primitive_opt::<Float64Type>()?;
        numbers.is_valid(row).then(|| numbers.value(row))
    }
}

/// A file of a table, and what messages say of it.
struct TableFile<'a> {
    path: &'a Path,
    what: &'static str,
    hint: &'static str,
}

impl TableFile<'_> {
    fn broken(&self, found: &str) -> Error {
        let found = format!("is no file of {}: {found}", self.what);
        Error::Format { path: self.path.to_owned(), found, hint: Some(self.hint.to_owned()) }
    }

    /// Hands the columns of these names to `take`, some rows at a time.
    fn read(
        &self,
        texts: &[&str],
        times: &[&str],
        numbers: &[&str],
        mut take: impl FnMut(&Rows),
    ) -> Result<()> {
        let names: Vec<&str> = [texts, times, numbers].concat();
        result_file::read(
            self.path,
            &names,
            |error| self.broken(&error),
            |batch| {
                let columns = |names: &[&str], kind: &DataType| -> Result<Vec<ArrayRef>> {
                    names.iter().map(|name| self.column(batch, name, kind)).collect()
                };
                take(&Rows {
                    count: batch.num_rows(),
                    texts: columns(texts, &DataType::Utf8)?,
                    times: columns(times, &DataType::Timestamp(TimeUnit::Microsecond, None))?,
                    numbers: columns(numbers, &DataType::Float64)?,
                });
                Ok(())
            },
        )
    }

    fn column(&self, batch: &RecordBatch, name: &str, kind: &DataType) -> Result<ArrayRef> {
        let column =
            batch.column_by_name(name).ok_or_else(|| self.broken(&format!("it has no column {name}")))?;
        result_file::cast(column, kind).map_err(|error| self.broken(&format!("{name}: {error}")))
    }
}
