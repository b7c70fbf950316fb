//! `_stations.csv`: the stations of a dataset, with the places that are known of them, written and read.
//!
//! It is CSV and not Parquet, because those who read all Parquet files of the dataset would take it for observations.

use std::collections::BTreeMap;
use std::io::{Cursor, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::csv::{ReaderBuilder, WriterBuilder};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::geography::Position;
use crate::layout::{STATION_ID, STATIONS, dataset_directory};
use crate::names::one_line;
use crate::output_file::OutputFile;
use crate::place::Place;
use crate::time::iso8601;
use crate::{Error, Result, station_list, storage};

/// The columns of the file: the id, what [`Place`] holds, first and last time, and the number of rows.
const COLUMNS: [(&str, DataType); 10] = [
    (STATION_ID, DataType::Utf8),
    ("name", DataType::Utf8),
    ("country", DataType::Utf8),
    ("state", DataType::Utf8),
    ("latitude", DataType::Float64),
    ("longitude", DataType::Float64),
    ("elevation", DataType::Float64),
    ("first", DataType::Utf8),
    ("last", DataType::Utf8),
    ("rows", DataType::UInt64),
];

/// Which observations there are of a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationRecord {
    /// `station_id` as the dataset holds it.
    pub station_id: String,
    /// Time of its first observation, in microseconds since 1970 UTC.
    pub first: i64,
    /// Time of its last observation.
    pub last: i64,
    /// Number of its observations.
    pub rows: u64,
}

/// A station of a dataset: what there is of it, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// Its id, and which observations there are.
    pub record: StationRecord,
    /// What is known of its place; nothing of a station that no list and no row says anything of.
    pub place: Place,
}

/// The stations of a dataset in ascending order of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StationTable {
    stations: Vec<Station>,
}

impl StationTable {
    /// A table of stations without places. Where an id comes twice, the last record counts.
    pub fn new(records: impl IntoIterator<Item = StationRecord>) -> Self {
        let records: BTreeMap<String, StationRecord> =
            records.into_iter().map(|record| (record.station_id.clone(), record)).collect();
        let stations = records.into_values().map(|record| Station { record, place: Place::default() });
        Self { stations: stations.collect() }
    }

    /// All stations, in ascending order of their ids.
    #[must_use]
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// The station of that id; `None` where the dataset does not have it.
    #[must_use]
    pub fn get(&self, station_id: &str) -> Option<&Station> {
        self.number(station_id).and_then(|number| self.stations.get(number))
    }

    /// The index of the station of that id in [`StationTable::stations`].
    #[must_use]
    pub fn number(&self, station_id: &str) -> Option<usize> {
        self.stations.binary_search_by(|station| station.record.station_id.as_str().cmp(station_id)).ok()
    }

    /// Puts places over those that are known: what `place` says of a station counts, what it leaves out stays.
    pub fn set_places(&mut self, mut place: impl FnMut(&str) -> Option<Place>) {
        for station in &mut self.stations {
            if let Some(place) = place(&station.record.station_id) {
                station.place = place.or(std::mem::take(&mut station.place));
            }
        }
    }

    /// Puts the places of NOAA's list of stations, or of GHCNh's, over those that are known. Of several lines of a station,
    /// the one whose record ends last counts.
    ///
    /// # Errors
    /// Those of [`station_list::read`], and a file that is no station list.
    pub fn set_places_of_list(&mut self, list: &Path) -> Result<()> {
        if !station_list::is_station_list(list)? {
            return Err(station_list::not_a_list(list));
        }
        let table = station_list::read(list)?;
        let rows = station_list::latest_rows(&table)?;
        let places = Places::of(&table)?;
        self.set_places(|id| rows.get(id).map(|row| places.row(*row as usize)));
        Ok(())
    }

    /// Number of stations whose position is known.
    #[must_use]
    pub fn placed(&self) -> usize {
        self.stations.iter().filter(|station| station.place.position.is_some()).count()
    }

    /// Reads the table of the dataset in directory `dataset`; `None` where it has none: one that `isd-convert` did not
    /// write, or did before it wrote such tables.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no such table.
    pub fn find(dataset: &Path) -> Result<Option<Self>> {
        let path = dataset_directory(dataset).join(STATIONS);
        let text = match storage::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::io(&path, "cannot read", error)),
        };
        let unreadable = |error: &ArrowError| broken(&path, &one_line(error));
        let reader = ReaderBuilder::new(schema())
            .with_header(true)
            .with_header_validation(true)
            .build(Cursor::new(text))
            .map_err(|error| unreadable(&error))?;
        let mut stations = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| unreadable(&error))?;
            let places = Places::of(&batch)?;
            for row in 0..batch.num_rows() {
                // The header is line 1.
                let line = stations.len() as u64 + 2;
                let record = record(&batch, row).map_err(|found| Error::Line {
                    path: path.clone(),
                    line,
                    found,
                    hint: Some(AGAIN.to_owned()),
                })?;
                stations.push(Station { record, place: places.row(row) });
            }
        }
        stations.sort_by(|a, b| a.record.station_id.cmp(&b.record.station_id));
        Ok(Some(Self { stations }))
    }

    /// Reads the table of the dataset in directory `dataset`.
    ///
    /// # Errors
    /// Those of [`StationTable::find`], and a dataset without a table.
    pub fn read(dataset: &Path) -> Result<Self> {
        Self::find(dataset)?.ok_or_else(|| Error::Format {
            path: dataset.to_owned(),
            found: format!("holds no {STATIONS}, which says where its stations are"),
            hint: Some(AGAIN.to_owned()),
        })
    }

    /// Writes the table into the directory of a dataset, in the place of one that is there; gives its size in bytes.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, dataset: &Path) -> Result<u64> {
        let path = dataset_directory(dataset).join(STATIONS);
        let batch = self.batch().map_err(|error| Error::internal(error.to_string()))?;
        let output = OutputFile::create(&path)?;
        WriterBuilder::new()
            .build(output.file())
            .write(&batch)
            .map_err(|error| Error::io(&path, "cannot write", error_of(error)))?;
        output.finish()
    }

    /// The table as a batch of rows, in the order of the stations, with the columns of the file; times are ISO 8601.
    ///
    /// # Errors
    /// None that a table can cause.
    pub fn batch(&self) -> Result<RecordBatch, ArrowError> {
        let text = |of: fn(&Station) -> Option<&str>| -> ArrayRef {
            Arc::new(self.stations.iter().map(of).collect::<StringArray>())
        };
        let time = |of: fn(&StationRecord) -> i64| -> ArrayRef {
            Arc::new(self.stations.iter().map(|s| Some(iso8601(of(&s.record)))).collect::<StringArray>())
        };
        let number = |of: fn(&Place) -> Option<f64>| -> ArrayRef {
            Arc::new(self.stations.iter().map(|station| of(&station.place)).collect::<Float64Array>())
        };
        let rows: UInt64Array = self.stations.iter().map(|station| Some(station.record.rows)).collect();
        RecordBatch::try_new(
            schema(),
            vec![
                text(|station| Some(&station.record.station_id)),
                text(|station| station.place.name.as_deref()),
                text(|station| station.place.country.as_deref()),
                text(|station| station.place.state.as_deref()),
                number(|place| place.position.map(|position| position.latitude)),
                number(|place| place.position.map(|position| position.longitude)),
                number(|place| place.elevation),
                time(|record| record.first),
                time(|record| record.last),
                Arc::new(rows),
            ],
        )
    }
}

/// What to do about a table that is missing or broken.
const AGAIN: &str = "convert the archive again with isd-convert";

fn schema() -> SchemaRef {
    let fields = COLUMNS.map(|(name, kind)| Field::new(name, kind, name != STATION_ID && name != "rows"));
    Arc::new(Schema::new(fields.to_vec()))
}

fn broken(path: &Path, found: &str) -> Error {
    Error::Format {
        path: path.to_owned(),
        found: format!("is no table of a dataset's stations: {found}"),
        hint: Some(AGAIN.to_owned()),
    }
}

/// The error of the disk where there is one, since Arrow wraps it.
fn error_of(error: ArrowError) -> std::io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => std::io::Error::other(other),
    }
}

/// The columns of a table that say where stations are.
struct Places<'a> {
    texts: [&'a StringArray; 3],
    numbers: [&'a Float64Array; 3],
}

impl<'a> Places<'a> {
    fn of(table: &'a RecordBatch) -> Result<Self> {
        let column = |name: &str| {
            let absent = || Error::internal(format!("a table of stations without the column {name}"));
            table.column_by_name(name).ok_or_else(absent)
        };
        let text = |name| Ok(column(name)?.as_string::<i32>());
        let number = |name| Ok(column(name)?.as_primitive::<Float64Type>());
        Ok(Self {
            texts: [text("name")?, text("country")?, text("state")?],
            numbers: [number("latitude")?, number("longitude")?, number("elevation")?],
        })
    }

    fn row(&self, row: usize) -> Place {
        let text = |column: &StringArray| {
            let text = column.is_valid(row).then(|| column.value(row)).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let number = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
        let [name, country, state] = self.texts.map(text);
        let [latitude, longitude, elevation] = self.numbers.map(number);
        let position = latitude.zip(longitude).and_then(|(north, east)| Position::of_station(north, east));
        Place { name, country, state, position, elevation }
    }
}

/// What a row of the file says of the observations; the error says what is wrong with it.
fn record(batch: &RecordBatch, row: usize) -> Result<StationRecord, String> {
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
    let time = |column: usize| {
        let time = DateTime::parse_from_rfc3339(text(column)).map(|time| time.timestamp_micros());
        time.map_err(|_| format!("column {}: found `{}`, expected a time", COLUMNS[column].0, text(column)))
    };
    Ok(StationRecord {
        station_id: text(0).to_owned(),
        first: time(7)?,
        last: time(8)?,
        rows: batch.column(9).as_primitive::<UInt64Type>().value(row),
    })
}
