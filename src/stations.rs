//! NOAA's station list: `isd-history.csv` as it is downloaded in; what it says of stations, beside their outliers, out.
//!
//! Blank positions, (0, 0) and those off the globe are unknown, and so null, as are elevations of -999 m and below.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use isd_converters::Error;
use isd_dataset::layout::{LONG_NAME, UNITS};

use crate::plan::STATION_ID;

/// What the list adds to a table: texts, then doubles in degree and m, null where the list says nothing.
pub const STATION_COLUMNS: [&str; 5] = ["name", "country", "latitude", "longitude", "elevation"];

/// The header of the list.
const HEADER: [&str; 11] =
    ["USAF", "WBAN", "STATION NAME", "CTRY", "STATE", "ICAO", "LAT", "LON", "ELEV(M)", "BEGIN", "END"];

/// An elevation that says that there is none, in metres.
const NO_ELEVATION_M: f64 = -999.0;

/// What to do about a broken list.
const AGAIN: &str = "download isd-history.csv again";

/// The stations of a list.
#[derive(Debug, Clone)]
pub struct Stations {
    /// Row of a station in `details`, by `USAF-WBAN`.
    rows: HashMap<String, u32>,
    /// [`STATION_COLUMNS`].
    details: RecordBatch,
}

impl Stations {
    /// Reads the list. Of several lines for a station, the one whose record ends last is taken.
    ///
    /// # Errors
    /// A file that cannot be read or is no such list, and a cell that is not what its column promises.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let io = |action| move |source| Error::Io { path: path.to_owned(), action, source };
        let file = File::open(path).map_err(io("cannot open"))?;
        if !starts_with_header(&file).map_err(io("cannot read"))? {
            return Err(Error::Format {
                path: path.to_owned(),
                found: format!("is no station list: expected the columns {}", HEADER.join(", ")),
                hint: Some("--stations takes NOAA's isd-history.csv as it is downloaded".into()),
            });
        }
        // Opened again: what was looked at is gone from the first.
        let cells = File::open(path).map_err(io("cannot open"))?;
        let cells = read_cells(cells).map_err(|error| Error::Format {
            path: path.to_owned(),
            found: format!("cannot be read as a station list: {error}"),
            hint: Some(AGAIN.to_owned()),
        })?;
        List { path: path.to_owned(), cells }.stations()
    }

    /// Whether the list has a station.
    #[must_use]
    pub fn holds(&self, station_id: &str) -> bool {
        self.rows.contains_key(station_id)
    }

    /// The rows of a table with a column `station_id`, and behind its columns what the list says of their stations.
    ///
    /// # Errors
    /// A table without that column as text.
    pub fn beside(&self, table: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let ids = table
            .column_by_name(STATION_ID)
            .and_then(|column| column.as_string_opt::<i32>())
            .ok_or_else(|| ArrowError::SchemaError(format!("no column {STATION_ID} of text")))?;
        let rows: UInt32Array = ids.iter().map(|id| self.rows.get(id?).copied()).collect();
        let mut columns = table.columns().to_vec();
        for column in self.details.columns() {
            columns.push(take(column, &rows, None)?);
        }
        RecordBatch::try_new(with_station_columns(&table.schema()), columns)
    }
}

/// A table's schema with [`STATION_COLUMNS`] behind its columns; units and meaning as field metadata.
#[must_use]
pub fn with_station_columns(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    fields.extend(station_fields().into_iter().map(Arc::new));
    Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone()))
}

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

fn field(name: &str, kind: DataType, metadata: &[(&str, &str)]) -> Field {
    let metadata = metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Field::new(name, kind, true).with_metadata(metadata)
}

/// Whether the first line is the header of NOAA's list.
fn starts_with_header(file: &File) -> std::io::Result<bool> {
    let mut line = Vec::new();
    // A file without line breaks is not read whole to find out.
    BufReader::new(file).take(4096).read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line);
    let names = line.trim_start_matches('\u{feff}').trim_end().split(',');
    Ok(names.map(|name| name.trim().trim_matches('"')).eq(HEADER))
}

/// All cells as text.
fn read_cells(file: File) -> Result<RecordBatch, ArrowError> {
    let schema: SchemaRef =
        Arc::new(Schema::new(HEADER.map(|name| Field::new(name, DataType::Utf8, true)).to_vec()));
    let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(true).build(file)?;
    concat_batches(&schema, &reader.collect::<Result<Vec<_>, _>>()?)
}

/// The list as text, on its way to what it means.
struct List {
    path: PathBuf,
    cells: RecordBatch,
}

impl List {
    fn stations(&self) -> Result<Stations, Error> {
        let positions = self.numbers(6)?.into_iter().zip(self.numbers(7)?);
        let known = positions.map(|position| match position {
            (Some(latitude), Some(longitude)) if is_position(latitude, longitude) => position,
            _ => (None, None),
        });
        let (latitude, longitude): (Vec<_>, Vec<_>) = known.unzip();
        let elevation =
            self.numbers(8)?.into_iter().map(|metres| metres.filter(|metres| *metres > NO_ELEVATION_M));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.texts(2).collect::<StringArray>()),
            Arc::new(self.texts(3).collect::<StringArray>()),
            Arc::new(Float64Array::from(latitude)),
            Arc::new(Float64Array::from(longitude)),
            Arc::new(elevation.collect::<Float64Array>()),
        ];
        let schema = Arc::new(Schema::new(station_fields().to_vec()));
        let details = RecordBatch::try_new(schema, columns).map_err(|error| Error::Format {
            path: self.path.clone(),
            found: format!("cannot be read as a station list: {error}"),
            hint: Some(AGAIN.to_owned()),
        })?;
        Ok(Stations { rows: self.rows()?, details })
    }

    /// Row of each station; of several, that whose record ends last.
    fn rows(&self) -> Result<HashMap<String, u32>, Error> {
        let ends =
            self.parsed(10, "a day, YYYYMMDD", |cell| cell.parse::<u32>().ok().filter(|_| cell.len() == 8))?;
        let mut latest: HashMap<String, (Option<u32>, u32)> = HashMap::new();
        for (row, ((usaf, wban), end)) in (0..).zip(self.texts(0).zip(self.texts(1)).zip(ends)) {
            let (Some(usaf), Some(wban)) = (usaf, wban) else { continue };
            let kept = latest.entry(format!("{usaf}-{wban}")).or_insert((end, row));
            if end > kept.0 {
                *kept = (end, row);
            }
        }
        Ok(latest.into_iter().map(|(id, (_, row))| (id, row)).collect())
    }

    /// The cells of a column, blanks as null.
    fn texts(&self, index: usize) -> impl Iterator<Item = Option<&str>> {
        let column = self.cells.column(index).as_string::<i32>();
        column.iter().map(|cell| cell.map(str::trim).filter(|cell| !cell.is_empty()))
    }

    fn numbers(&self, index: usize) -> Result<Vec<Option<f64>>, Error> {
        let finite = |cell: &str| cell.parse().ok().filter(|number: &f64| number.is_finite());
        self.parsed(index, "a number", finite)
    }

    fn parsed<T>(
        &self,
        index: usize,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<Option<T>>, Error> {
        let parse = |(line, cell): (u64, Option<&str>)| {
            let Some(cell) = cell else { return Ok(None) };
            parse(cell).map(Some).ok_or_else(|| Error::Line {
                path: self.path.clone(),
                line,
                found: format!("column {}: found `{cell}`, expected {expected}", HEADER[index]),
                hint: Some(AGAIN.to_owned()),
            })
        };
        // The header is line 1.
        (2..).zip(self.texts(index)).map(parse).collect()
    }
}

fn is_position(latitude: f64, longitude: f64) -> bool {
    (latitude, longitude) != (0.0, 0.0) && latitude.abs() <= 90.0 && longitude.abs() <= 180.0
}
