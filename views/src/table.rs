//! The tables that the other tools write: a file of outliers, flags, events or their members in, its rows out.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
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

/// A row of a file of outliers or flags, as it is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FindingRow<'a> {
    /// Its station.
    pub station_id: &'a str,
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// The measurement.
    pub measurement: &'a str,
    /// The value, in the unit of the dataset; NaN where it is missing.
    pub value: f64,
    /// What the file says of it.
    pub says: Says<'a>,
}

/// What a file says of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Says<'a> {
    /// It is an outlier, so many standard deviations from the mean; NaN where that is missing.
    Outlier {
        /// The z-score, infinite beside a window of equal values.
        zscore: f64,
    },
    /// A test of quality control found it. What was compared with which limits is NaN where the test has none.
    Flag {
        /// The test.
        test: &'a str,
        /// `erroneous` or `suspect`.
        verdict: &'a str,
        /// What the test compared with its limits.
        statistic: f64,
        /// The lower limit.
        lower: f64,
        /// The upper limit.
        upper: f64,
        /// What else there is to say; empty where there is nothing.
        detail: &'a str,
    },
}

impl FindingRow<'_> {
    fn owned(&self) -> Finding {
        let (note, verdict) = match self.says {
            Says::Outlier { zscore } if zscore.is_nan() => (String::new(), ""),
            Says::Outlier { zscore } => (format!("z {zscore:.1}"), ""),
            Says::Flag { test, verdict, .. } => (test.to_owned(), verdict),
        };
        Finding {
            station_id: self.station_id.to_owned(),
            time: self.time,
            measurement: self.measurement.to_owned(),
            value: self.value,
            note,
            verdict: verdict.to_owned(),
        }
    }
}

/// An event of `isd-events`.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its id; empty where the file does not say it.
    pub id: String,
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
    /// The station of that value; empty where the file does not say it.
    pub peak_station: String,
    /// The time of that value; `None` where the file does not say it.
    pub peak_time: Option<i64>,
    /// Its middle; `None` where no station's place is known.
    pub position: Option<Position>,
    /// The lowest pressure around it, in hPa; NaN where none is known.
    pub lowest_pressure: f64,
    /// How severe it is; NaN where the file does not say it.
    pub severity: f64,
}

/// An observation that an event is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberRow<'a> {
    /// The event.
    pub event_id: &'a str,
    /// Its station.
    pub station_id: &'a str,
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// The measurement.
    pub measurement: &'a str,
    /// The value, in the unit of the dataset.
    pub value: f64,
    /// What it is beyond.
    pub threshold: f64,
}

/// Reads those outliers that are `wanted`, given their station, measurement and time.
///
/// # Errors
/// A file that cannot be read, is of another type or lacks one of the columns, and a time or number that is none.
pub fn outliers(path: &Path, mut wanted: impl FnMut(&str, &str, i64) -> bool) -> Result<Vec<Finding>> {
    let mut rows = Vec::new();
    each_outlier(path, |row| {
        if wanted(row.station_id, row.measurement, row.time) {
            rows.push(row.owned());
        }
    })?;
    Ok(rows)
}

/// Hands each outlier to `take`, in the order of the file.
///
/// # Errors
/// Those of [`outliers`].
pub fn each_outlier(path: &Path, mut take: impl FnMut(FindingRow<'_>)) -> Result<()> {
    let file = TableFile {
        path,
        what: "outliers",
        hint: "--outliers takes what isd-detect wrote: .parquet, .csv or .arrow",
        optional: &[],
    };
    file.read(&[STATION_ID, "measurement"], &[TIMESTAMP], &["value", "zscore"], |batch| {
        for row in 0..batch.count {
            let (station, measurement, time) = (batch.text(0, row), batch.text(1, row), batch.time(0, row));
            if let (Some(station_id), Some(measurement), Some(time)) = (station, measurement, time) {
                let says = Says::Outlier { zscore: batch.number(1, row) };
                take(FindingRow { station_id, time, measurement, value: batch.number(0, row), says });
            }
        }
    })
}

/// Reads those flags that are `wanted`, given their station, measurement and time; released ones are none.
///
/// # Errors
/// Those of [`outliers`].
pub fn flags(path: &Path, mut wanted: impl FnMut(&str, &str, i64) -> bool) -> Result<Vec<Finding>> {
    let mut rows = Vec::new();
    each_flag(path, |row| {
        if wanted(row.station_id, row.measurement, row.time) {
            rows.push(row.owned());
        }
    })?;
    Ok(rows)
}

/// Hands each flag that was not released to `take`, in the order of the file.
///
/// # Errors
/// Those of [`outliers`].
pub fn each_flag(path: &Path, mut take: impl FnMut(FindingRow<'_>)) -> Result<()> {
    let file = TableFile {
        path,
        what: "flags",
        hint: "--flags takes what isd-qc wrote: .parquet, .csv or .arrow",
        optional: &["statistic", "lower", "upper", "detail"],
    };
    let texts = [STATION_ID, "measurement", "test", "verdict", "detail"];
    file.read(&texts, &[TIMESTAMP], &["value", "statistic", "lower", "upper"], |batch| {
        for row in 0..batch.count {
            let (station, measurement, time) = (batch.text(0, row), batch.text(1, row), batch.time(0, row));
            let verdict = batch.text(3, row).unwrap_or_default();
            if let (Some(station_id), Some(measurement), Some(time)) = (station, measurement, time)
                && verdict != "released"
            {
                let says = Says::Flag {
                    test: batch.text(2, row).unwrap_or_default(),
                    verdict,
                    statistic: batch.number(1, row),
                    lower: batch.number(2, row),
                    upper: batch.number(3, row),
                    detail: batch.text(4, row).unwrap_or_default(),
                };
                take(FindingRow { station_id, time, measurement, value: batch.number(0, row), says });
            }
        }
    })
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
        optional: &["event_id", "peak_station", "peak_time", "lowest_pressure", "severity"],
    };
    let mut rows = Vec::new();
    let texts = ["kind", "verdict", "event_id", "peak_station"];
    let numbers = ["stations", "peak_value", "latitude", "longitude", "lowest_pressure", "severity"];
    file.read(&texts, &["start", "end", "peak_time"], &numbers, |batch| {
        let text = |column, row| batch.text(column, row).unwrap_or_default().to_owned();
        for row in 0..batch.count {
            let (north, east, stations) = (batch.number(2, row), batch.number(3, row), batch.number(0, row));
            if let (Some(start), Some(end)) = (batch.time(0, row), batch.time(1, row)) {
                rows.push(EventRow {
                    id: text(2, row),
                    kind: text(0, row),
                    verdict: text(1, row),
                    start,
                    end,
                    stations: if stations.is_nan() { 1.0 } else { stations },
                    peak_value: batch.number(1, row),
                    peak_station: text(3, row),
                    peak_time: batch.time(2, row),
                    position: Position::of_station(north, east),
                    lowest_pressure: batch.number(4, row),
                    severity: batch.number(5, row),
                });
            }
        }
    })?;
    Ok(rows)
}

/// Hands each observation that an event is made of to `take`, in the order of the file.
///
/// # Errors
/// Those of [`outliers`].
pub fn each_member(path: &Path, mut take: impl FnMut(MemberRow<'_>)) -> Result<()> {
    let file = TableFile {
        path,
        what: "members of events",
        hint: "--members takes what isd-events --members wrote: .parquet, .csv or .arrow",
        optional: &[],
    };
    let texts = ["event_id", STATION_ID, "measurement"];
    file.read(&texts, &[TIMESTAMP], &["value", "threshold"], |batch| {
        for row in 0..batch.count {
            let texts = (batch.text(0, row), batch.text(1, row), batch.text(2, row));
            if let ((Some(event_id), Some(station_id), Some(measurement)), Some(time)) =
                (texts, batch.time(0, row))
            {
                let (value, threshold) = (batch.number(0, row), batch.number(1, row));
                take(MemberRow { event_id, station_id, time, measurement, value, threshold });
            }
        }
    })
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

    /// NaN where it is missing.
    fn number(&self, column: usize, row: usize) -> f64 {
        let numbers = self.numbers.get(column).and_then(|numbers| numbers.as_primitive_opt::<Float64Type>());
        numbers.filter(|numbers| numbers.is_valid(row)).map_or(f64::NAN, |numbers| numbers.value(row))
    }
}

/// A file of a table, and what messages say of it.
struct TableFile<'a> {
    path: &'a Path,
    what: &'static str,
    hint: &'static str,
    /// Columns that it may lack; they are read as missing then.
    optional: &'static [&'static str],
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
        let Some(column) = batch.column_by_name(name) else {
            let is_optional = self.optional.contains(&name);
            let absent = || self.broken(&format!("it has no column {name}"));
            return is_optional.then(|| new_null_array(kind, batch.num_rows())).ok_or_else(absent);
        };
        result_file::cast(column, kind).map_err(|error| self.broken(&format!("{name}: {error}")))
    }
}
