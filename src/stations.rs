//! Columns that say where stations are beside the outliers: a list or a dataset's own table of stations and a table in, the
//! table with more columns out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use isd_dataset::layout::{LONG_NAME, STATION_ID, UNITS};
use isd_dataset::station_table::StationTable;
use isd_dataset::{Error, Result, station_list};

use crate::detect::table::texts;

/// Columns that the stations add to a table: texts, then doubles in degrees and metres; null where nothing is known.
pub const STATION_COLUMNS: [&str; 5] = ["name", "country", "latitude", "longitude", "elevation"];

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
fn station_fields() -> [Field; 5] {
    let [name, country, latitude, longitude, elevation] = STATION_COLUMNS;
    let text = |name, meaning| field(name, DataType::Utf8, &[(LONG_NAME, meaning)]);
    let number =
        |name, units, meaning| field(name, DataType::Float64, &[(UNITS, units), (LONG_NAME, meaning)]);
    [
        text(name, "station name"),
        text(country, "country code"),
        number(latitude, "degrees_north", "station latitude"),
        number(longitude, "degrees_east", "station longitude"),
        number(elevation, "m", "station elevation"),
    ]
}

fn field(name: &str, dtype: DataType, metadata: &[(&str, &str)]) -> Field {
    let metadata = metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Field::new(name, dtype, true).with_metadata(metadata)
}
