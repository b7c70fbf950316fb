//! The flags of quality control: a file of flags in, which observations are erroneous out.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::{Error, MEASUREMENTS, Result, result_file};

use crate::qc::{Outcome, Verdict};

/// The columns of a flags file that are read.
const COLUMNS: [&str; 4] = [STATION_ID, TIMESTAMP, "measurement", "verdict"];
/// The verdict on an observation that is left out.
const ERRONEOUS: &str = Verdict::Erroneous.name();
const HINT: &str = "--flags takes what isd-qc wrote: Parquet, CSV or Arrow";

/// A column of texts.
struct Texts(DictionaryArray<Int32Type>);

impl Texts {
    /// All texts that rows have.
    fn all(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.values().as_string::<i32>().iter()
    }

    /// The text of a row; `None` where it has none.
    fn value(&self, row: usize) -> Option<&str> {
        let key = self.0.key(row)?;
        let texts = self.0.values().as_string::<i32>();
        texts.is_valid(key).then(|| texts.value(key))
    }
}

/// Which observations are erroneous.
#[derive(Debug, Default)]
pub struct Flags {
    /// By station and measurement, in ascending order: microseconds since 1970.
    times: HashMap<String, [Vec<i64>; MEASUREMENTS.len()]>,
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
            let times = flags.of_station(&station.id);
            for finding in station.findings.iter().filter(|finding| finding.verdict == Verdict::Erroneous) {
                if let Some(times) = times.get_mut(usize::from(finding.measurement)) {
                    times.push(finding.time);
                }
            }
        }
        flags.sort();
        flags
    }

    /// Puts the times in order, each once.
    fn sort(&mut self) {
        for times in self.times.values_mut().flatten() {
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
        let [stations, measurements, verdicts] = [station, measurement, verdict].map(|name| {
            Ok::<_, ArrowError>(Texts(
                column(name, &result_file::texts())?.as_dictionary::<Int32Type>().clone(),
            ))
        });
        let (stations, measurements, verdicts) = (stations?, measurements?, verdicts?);
        let number = |name: &str| MEASUREMENTS.iter().position(|measurement| measurement.name == name);
        let numbers: Vec<Option<usize>> = measurements.all().map(|name| name.and_then(number)).collect();
        let is_erroneous: Vec<bool> = verdicts.all().map(|verdict| verdict == Some(ERRONEOUS)).collect();
        let wanted = (0..batch.num_rows()).filter(|&row| {
            !times.is_null(row) && verdicts.0.key(row).is_some_and(|verdict| is_erroneous[verdict])
        });
        let wanted: Vec<usize> = wanted.collect();
        // Flags of one station mostly stand together.
        for rows in wanted.chunk_by(|&a, &b| stations.0.key(a) == stations.0.key(b)) {
            let Some(station) = stations.value(rows[0]) else { continue };
            let of_station = self.of_station(station);
            for &row in rows {
                if let Some(number) = measurements.0.key(row).and_then(|name| numbers[name]) {
                    of_station[number].push(times.value(row));
                }
            }
        }
        Ok(())
    }

    fn of_station(&mut self, station: &str) -> &mut [Vec<i64>; MEASUREMENTS.len()] {
        self.times.entry(station.to_owned()).or_default()
    }

    /// The times of the erroneous observations of a station's measurement, in ascending order.
    #[must_use]
    pub fn erroneous(&self, station: &str, measurement: &str) -> &[i64] {
        let number = MEASUREMENTS.iter().position(|known| known.name == measurement);
        let times = self.times.get(station).zip(number).and_then(|(times, number)| times.get(number));
        times.map_or(&[], Vec::as_slice)
    }

    /// Number of observations that are erroneous.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times.values().flatten().map(Vec::len).sum()
    }
}
