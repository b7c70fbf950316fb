//! In: NOAA's station list, as it is downloaded; out: a table with ids that join to `station_id`.
//!
//! `isd-history.csv` has the columns `USAF, WBAN, STATION NAME, CTRY, STATE, ICAO, LAT, LON, ELEV(M), BEGIN, END`,
//! all quoted. A blank position, (0, 0) and one off the globe mean that it is not known, as do -999 m and less.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::compute::kernels::cast_utils::Parser;
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use arrow::error::ArrowError;

use crate::error::{Error, Result, one_line};

/// The header of the list.
const HEADER: [&str; 11] =
    ["USAF", "WBAN", "STATION NAME", "CTRY", "STATE", "ICAO", "LAT", "LON", "ELEV(M)", "BEGIN", "END"];

/// An elevation that says that there is none, in metres.
const NO_ELEVATION_M: f64 = -999.0;

/// Whether a CSV file is NOAA's station list, by its first line.
pub(super) fn is_station_list(path: &Path) -> std::io::Result<bool> {
    let mut line = Vec::new();
    // A file without line breaks is not read whole to find out.
    BufReader::new(File::open(path)?).take(4096).read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line);
    let names = line.trim_start_matches('\u{feff}').trim_end().split(',');
    Ok(names.map(|name| name.trim().trim_matches('"')).eq(HEADER))
}

/// Reads the list: `station_id` (`USAF-WBAN`), `usaf`, `wban`, `name`, `country`, `state`, `icao` as text,
/// `latitude` and `longitude` (degree, north and east positive) and `elevation` (m) as doubles, `begin` and
/// `end` (first and last day of record) as dates; a blank is null.
pub(super) fn read(path: &Path) -> Result<RecordBatch> {
    let broken = |found: &str| Error::Table {
        path: path.to_owned(),
        found: format!("cannot be read as a station list: {}", one_line(found)),
        hint: Some("download isd-history.csv again".into()),
    };
    let list = read_text(path).map_err(|e| broken(&e.to_string()))?;
    table(&list).map_err(|e| broken(&e))
}

fn read_text(path: &Path) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = Schema::new(HEADER.map(|name| Field::new(name, DataType::Utf8, true)).to_vec());
    let schema = Arc::new(schema);
    let reader = ReaderBuilder::new(schema.clone()).with_header(true).build(File::open(path)?)?;
    concat_batches(&schema, &reader.collect::<std::result::Result<Vec<_>, _>>()?)
}

fn table(list: &RecordBatch) -> std::result::Result<RecordBatch, String> {
    let text = |index: usize| -> StringArray {
        let column = list.column(index).as_string::<i32>();
        column.iter().map(|cell| cell.map(str::trim).filter(|cell| !cell.is_empty())).collect()
    };
    let degree = |cell: &str| cell.parse::<f64>().ok().filter(|number| number.is_finite());
    let numbers = |index| parsed(&text(index), index, "a number", degree);
    let dates = |index| parsed(&text(index), index, "a day, YYYYMMDD", day).map(Date32Array::from);

    let (usaf, wban) = (text(0), text(1));
    let ids = usaf.iter().zip(&wban).map(|(usaf, wban)| Some(format!("{}-{}", usaf?, wban?)));
    let positions = numbers(6)?.into_iter().zip(numbers(7)?).map(|position| match position {
        (Some(latitude), Some(longitude)) if is_position(latitude, longitude) => {
            (Some(latitude), Some(longitude))
        }
        _ => (None, None),
    });
    let (latitude, longitude): (Vec<_>, Vec<_>) = positions.unzip();
    let elevation = numbers(8)?.into_iter().map(|metres| metres.filter(|metres| *metres > NO_ELEVATION_M));
    let columns: [(&str, ArrayRef); 12] = [
        ("station_id", Arc::new(ids.collect::<StringArray>())),
        ("usaf", Arc::new(usaf)),
        ("wban", Arc::new(wban)),
        ("name", Arc::new(text(2))),
        ("country", Arc::new(text(3))),
        ("state", Arc::new(text(4))),
        ("icao", Arc::new(text(5))),
        ("latitude", Arc::new(Float64Array::from(latitude))),
        ("longitude", Arc::new(Float64Array::from(longitude))),
        ("elevation", Arc::new(elevation.collect::<Float64Array>())),
        ("begin", Arc::new(dates(9)?)),
        ("end", Arc::new(dates(10)?)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .map_err(|e| e.to_string())
}

/// The cells of a column as what they mean; an error names line and column.
fn parsed<T>(
    cells: &StringArray,
    index: usize,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> std::result::Result<Vec<Option<T>>, String> {
    let cell = |(row, cell): (usize, Option<&str>)| {
        let Some(cell) = cell else { return Ok(None) };
        let name = HEADER.get(index).copied().unwrap_or_default();
        // The header is line 1.
        let refused = || format!("line {}, column {name}: found `{cell}`, expected {expected}", row + 2);
        parse(cell).map(Some).ok_or_else(refused)
    };
    cells.iter().enumerate().map(cell).collect()
}

fn is_position(latitude: f64, longitude: f64) -> bool {
    (latitude, longitude) != (0.0, 0.0) && latitude.abs() <= 90.0 && longitude.abs() <= 180.0
}

/// Days since 1970 of `YYYYMMDD`.
fn day(cell: &str) -> Option<i32> {
    let (year, month, day) = (cell.get(..4)?, cell.get(4..6)?, cell.get(6..)?);
    Date32Type::parse(&format!("{year}-{month}-{day}"))
}
