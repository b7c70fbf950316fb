//! The flags of quality control: a file of flags in, which observations are erroneous out.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::{Error, MEASUREMENTS, Result, result_file};

use crate::qc::{Outcome, Verdict};

/// The columns of a flags file that are read.
const COLUMNS: [&str; 4] = [STATION_ID, TIMESTAMP, "measurement", "verdict"];
/// The verdict on an observation that is left out.
const ERRONEOUS: &str = Verdict::Erroneous.name();
const HINT: &str = "--flags takes what isd-qc wrote: Parquet, CSV or Arrow";

/// Which observations are erroneous.
#[derive(Debug, Default)]
pub struct Flags {
    /// By station and measurement, in ascending order: microseconds since 1970.
    times: HashMap<String, HashMap<String, Vec<i64>>>,
}

impl Flags {
    /// Reads a file of flags, of the type that its extension names.
    ///
    /// # Errors
    /// A file that cannot be read, is of another type or lacks one of the columns, and a time that is none.
    pub fn read(path: &Path) -> Result<Self> {
        let broken = |found: String| Error::Format {
            path: path.to_owned(),
            found: format!("cannot be read as flags: {found}"),
            hint: Some(HINT.to_owned()),
        };
        let mut flags = Self::default();
        result_file::read(path, &COLUMNS, broken, |batch| {
            flags.add(batch).map_err(|error| match error {
                ArrowError::SchemaError(column) => Error::Column {
                    path: path.to_owned(),
                    column,
                    found: "is missing".to_owned(),
                    hint: Some(HINT.to_owned()),
                },
                other => broken(other.to_string()),
            })
        })?;
        flags.sort();
        Ok(flags)
    }

    /// What quality control has just found to be erroneous.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let mut flags = Self::default();
        for station in &outcome.stations {
            let erroneous = station.findings.iter().filter(|finding| finding.verdict == Verdict::Erroneous);
            for finding in erroneous {
                if let Some(measurement) = MEASUREMENTS.get(usize::from(finding.measurement)) {
                    flags.insert(&station.id, measurement.name, finding.time);
                }
            }
        }
        flags.sort();
        flags
    }

    /// Puts the times in order, each once.
    fn sort(&mut self) {
        for times in self.times.values_mut().flat_map(HashMap::values_mut) {
            times.sort_unstable();
            times.dedup();
        }
    }

    /// Adds the erroneous observations of a batch. Errors: a column that is missing, named by a schema error, or holds
    /// something else.
    fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let column = |name: &str, kind: &DataType| -> Result<ArrayRef, ArrowError> {
            let column =
                batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(name.to_owned()))?;
            result_file::cast(column, kind)
        };
        let [station, timestamp, measurement, verdict] = COLUMNS;
        let times = column(timestamp, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let times: &TimestampMicrosecondArray = times.as_primitive::<TimestampMicrosecondType>();
        let texts = [station, measurement, verdict].map(|name| column(name, &DataType::Utf8));
        let [stations, measurements, verdicts] = texts;
        let (stations, measurements, verdicts) = (stations?, measurements?, verdicts?);
        let [stations, measurements, verdicts]: [&StringArray; 3] =
            [&stations, &measurements, &verdicts].map(arrow::array::AsArray::as_string::<i32>);
        for row in 0..batch.num_rows() {
            if verdicts.is_null(row) || verdicts.value(row) != ERRONEOUS || times.is_null(row) {
                continue;
            }
            self.insert(stations.value(row), measurements.value(row), times.value(row));
        }
        Ok(())
    }

    fn insert(&mut self, station: &str, measurement: &str, time: i64) {
        let of_station = match self.times.get_mut(station) {
            Some(of_station) => of_station,
            None => self.times.entry(station.to_owned()).or_default(),
        };
        match of_station.get_mut(measurement) {
            Some(times) => times.push(time),
            None => _ = of_station.insert(measurement.to_owned(), vec![time]),
        }
    }

    /// The times of the erroneous observations of a station's measurement, in ascending order.
    #[must_use]
    pub fn erroneous(&self, station: &str, measurement: &str) -> &[i64] {
        self.times.get(station).and_then(|of_station| of_station.get(measurement)).map_or(&[], Vec::as_slice)
    }

    /// Number of observations that are erroneous.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times.values().flat_map(HashMap::values).map(Vec::len).sum()
    }
}
