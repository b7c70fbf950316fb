//! Columns that say where stations are beside the outliers: a list or a dataset's own table of stations and a table in, the
//! table with more columns out.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use isd_dataset::layout::{LONG_NAME, STATION_ID, UNITS};
use isd_dataset::station_table::StationTable;
use isd_dataset::{Error, Result, station_list};

use crate::detect::table::texts;

/// Columns that the stations add to a table: texts, then doubles in degrees and metres; null where nothing is known.
pub const STATION_COLUMNS: [&str; 6] = ["name", "country", "state", "latitude", "longitude", "elevation"];

/// Where stations lie: in all that is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlaceChoice {
    /// In one of these countries, by code, or in any if there are none.
    pub countries: Vec<String>,
    /// In one of these states, by code, or in any if there are none.
    pub states: Vec<String>,
    /// Within these limits.
    pub bbox: Option<BoundingBox>,
}

/// Limits of longitude and latitude, in degrees; the limits belong to it. West may be greater than east: it then reaches
/// across the date line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundingBox {
    /// Least longitude.
    pub west: f64,
    /// Least latitude.
    pub south: f64,
    /// Greatest longitude.
    pub east: f64,
    /// Greatest latitude.
    pub north: f64,
}

impl BoundingBox {
    /// Whether a position lies in it.
    #[must_use]
    pub fn holds(&self, longitude: f64, latitude: f64) -> bool {
        let between = if self.west <= self.east {
            (self.west..=self.east).contains(&longitude)
        } else {
            longitude >= self.west || longitude <= self.east
        };
        between && (self.south..=self.north).contains(&latitude)
    }
}

/// Stations, and where they are.
#[derive(Debug, Clone)]
pub struct Stations {
    /// Row of each station in `columns`, by its id.
    rows: HashMap<String, u32>,
    /// [`STATION_COLUMNS`], one row a line of the list.
    columns: Vec<ArrayRef>,
}

impl Stations {
    /// Reads NOAA's `isd-history.csv`. Of several lines for a station, the one whose record ends last is taken.
    ///
    /// # Errors
    /// A file that cannot be read or is no such list, and a cell that is not what its column holds.
    pub fn read(path: &Path) -> Result<Self> {
        if !station_list::is_station_list(path)? {
            return Err(station_list::not_a_list(path));
        }
        let list = station_list::read(path)?;
        let column = |name| {
            let absent = || Error::internal(format!("a station list without the column {name}"));
            list.column_by_name(name).cloned().ok_or_else(absent)
        };
        let columns = STATION_COLUMNS.into_iter().map(column).collect::<Result<_>>()?;
        Ok(Self { rows: station_list::latest_rows(&list)?, columns })
    }

    /// The stations of the dataset in a directory, as its own table has them; `None` where it has none, or knows no place.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub fn of_dataset(dataset: &Path) -> Result<Option<Self>> {
        let Some(table) = StationTable::find(dataset)?.filter(|table| table.placed() > 0) else {
            return Ok(None);
        };
        let ids = table.stations().iter().map(|station| station.record.station_id.clone());
        let rows = ids.zip(0..).collect();
        let batch = table.batch().map_err(|error| Error::internal(error.to_string()))?;
        let columns = STATION_COLUMNS.into_iter().filter_map(|name| batch.column_by_name(name).cloned());
        Ok(Some(Self { rows, columns: columns.collect() }))
    }

    /// The ids of the stations that lie where `choice` says; none whose place is not known.
    ///
    /// # Errors
    /// [`Error::Internal`] for a table of stations without its columns.
    pub fn ids_in(&self, choice: &PlaceChoice) -> Result<HashSet<String>> {
        let [_, country, state, latitude, longitude, _] = self.columns.as_slice() else {
            return Err(Error::internal("a table of stations without its columns"));
        };
        let (country, state) = (country.as_string_opt::<i32>(), state.as_string_opt::<i32>());
        let (latitude, longitude) =
            (latitude.as_primitive_opt::<Float64Type>(), longitude.as_primitive_opt::<Float64Type>());
        let (Some(country), Some(state), Some(latitude), Some(longitude)) =
            (country, state, latitude, longitude)
        else {
            return Err(Error::internal("a table of stations whose columns have other types"));
        };
        let is_one_of = |codes: &[String], code: Option<&str>| {
            codes.is_empty()
                || code.is_some_and(|code| codes.iter().any(|one| one.eq_ignore_ascii_case(code)))
        };
        let lies_there = |row: usize| {
            let text = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            let number = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
            is_one_of(&choice.countries, text(country).as_deref())
                && is_one_of(&choice.states, text(state).as_deref())
                && choice.bbox.is_none_or(|bbox| {
                    let position = number(longitude).zip(number(latitude));
                    position.is_some_and(|(longitude, latitude)| bbox.holds(longitude, latitude))
                })
        };
        Ok(self.rows.iter().filter(|(_, row)| lies_there(**row as usize)).map(|(id, _)| id.clone()).collect())
    }

    /// Whether the list has a station.
    #[must_use]
    pub fn holds(&self, station_id: &str) -> bool {
        self.rows.contains_key(station_id)
    }

    /// The rows of a table with a column `station_id`, and after its columns [`STATION_COLUMNS`], null for a station that
    /// the list does not hold.
    ///
    /// # Errors
    /// A table without that column as text.
    pub fn beside(&self, table: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let ids = texts(table, STATION_ID).map_err(|error| ArrowError::SchemaError(error.to_string()))?;
        let rows: UInt32Array = ids.iter().map(|id| self.rows.get(id?).copied()).collect();
        let mut columns = table.columns().to_vec();
        for column in &self.columns {
            columns.push(take(column, &rows, None)?);
        }
        RecordBatch::try_new(with_station_columns(&table.schema()), columns)
    }
}

/// A table's schema with [`STATION_COLUMNS`] after its columns; units and meaning as field metadata.
#[must_use]
pub fn with_station_columns(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    fields.extend(station_fields().into_iter().map(Arc::new));
    Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone()))
}

/// [`STATION_COLUMNS`] as Arrow fields.
fn station_fields() -> [Field; 6] {
    let [name, country, state, latitude, longitude, elevation] = STATION_COLUMNS;
    let text = |name, meaning| field(name, DataType::Utf8, &[(LONG_NAME, meaning)]);
    let number =
        |name, units, meaning| field(name, DataType::Float64, &[(UNITS, units), (LONG_NAME, meaning)]);
    [
        text(name, "station name"),
        text(country, "country code"),
        text(state, "state code"),
        number(latitude, "degrees_north", "station latitude"),
        number(longitude, "degrees_east", "station longitude"),
        number(elevation, "m", "station elevation"),
    ]
}

fn field(name: &str, dtype: DataType, metadata: &[(&str, &str)]) -> Field {
    let metadata = metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Field::new(name, dtype, true).with_metadata(metadata)
}
