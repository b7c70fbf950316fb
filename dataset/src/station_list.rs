//! NOAA's station lists: from `isd-history.csv`, as it is downloaded or written again by another program, or the list of
//! GHCNh, to a table with ids that join to `station_id`.
//!
//! The first has the columns `USAF, WBAN, STATION NAME, CTRY, STATE, ICAO, LAT, LON, ELEV(M), BEGIN, END`, all quoted.

mod ghcnh;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::compute::kernels::cast_utils::Parser;
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use arrow::error::ArrowError;

use crate::geography::Position;
use crate::layout::STATION_ID;
use crate::place::NO_ELEVATION_M;
use crate::{Error, Result, storage};

/// The header of the list.
pub const HEADER: [&str; 11] =
    ["USAF", "WBAN", "STATION NAME", "CTRY", "STATE", "ICAO", "LAT", "LON", "ELEV(M)", "BEGIN", "END"];

/// What to do about a broken list.
const AGAIN: &str = "download isd-history.csv again";
const AGAIN_GHCNH: &str = "download the station list of GHCNh again";

/// Characters of a USAF and of a WBAN number: programs that take them for numbers write them without zeros at the front.
const USAF_WIDTH: usize = 6;
const WBAN_WIDTH: usize = 5;

/// The columns of a list, as [`read`] gives them.
type Table = [(&'static str, ArrayRef); 12];

/// Whether a file is a station list of NOAA: whether its first line is [`HEADER`], quoted or not, or the first of the list
/// of GHCNh, as csv or text.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be opened or read.
pub fn is_station_list(path: &Path) -> Result<bool> {
    let line = first_line(path)?;
    Ok(is_history(&line) || ghcnh::Form::of(&line).is_some())
}

/// The first line of a file, without its end and a byte order mark.
fn first_line(path: &Path) -> Result<String> {
    let local = storage::local(path).map_err(|source| Error::io(path, "cannot open", source))?;
    let file = File::open(local).map_err(|source| Error::io(path, "cannot open", source))?;
    let mut line = Vec::new();
    // At most so many bytes: a file without line breaks is not read whole to find out.
    BufReader::new(file)
        .take(4096)
        .read_until(b'\n', &mut line)
        .map_err(|source| Error::io(path, "cannot read", source))?;
    let line = String::from_utf8_lossy(&line);
    Ok(line.trim_start_matches('\u{feff}').trim_end().to_owned())
}

/// Whether a line is [`HEADER`], quoted or not.
fn is_history(line: &str) -> bool {
    line.split(',').map(|name| name.trim().trim_matches('"')).eq(HEADER)
}

/// Reads the list: a row a line, in the file's order.
///
/// | column | type | what it holds |
/// |---|---|---|
/// | `station_id` | text | `USAF-WBAN`; null where either is blank; in GHCNh's list the id of GHCN |
/// | `usaf`, `wban` | text | with the zeros at the front that a program may have taken off |
/// | `name`, `country`, `state`, `icao` | text | the cell without blanks around it |
/// | `latitude`, `longitude` | float64 | degrees, north and east positive |
/// | `elevation` | float64 | metres |
/// | `begin`, `end` | date | first and last day of record |
///
/// Any column may hold nulls: a blank cell is null. So are both coordinates of a station where one is blank or off the
/// globe, or where they are (0, 0), and an elevation of -999 m or less, since NOAA means by them that it is unknown.
/// GHCNh's list has no USAF and no days; it has the WBAN of stations whose network is `W`, and the country is the FIPS code
/// that an id begins with.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be opened, [`Error::Format`] for one that is not CSV of eleven columns,
/// [`Error::Line`] for a cell that is neither blank nor what its column holds. Whether the file begins with the header
/// is for [`is_station_list`] to say.
pub fn read(path: &Path) -> Result<RecordBatch> {
    let columns = if let Some(form) = ghcnh::Form::of(&first_line(path)?) {
        ghcnh::read(path, form)
    } else {
        let batch = history_cells(path)?;
        Cells { path: path.to_owned(), batch }.table()
    };
    columns.and_then(|columns| {
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
            .map_err(|error| unreadable(path, &error, AGAIN))
    })
}

/// What to say of a file that is no station list, where one is expected.
#[must_use]
pub fn not_a_list(path: &Path) -> Error {
    Error::Format {
        path: path.to_owned(),
        found: format!("is no station list: expected the columns {}", HEADER.join(", ")),
        hint: Some("--stations takes NOAA's isd-history.csv, or GHCNh's station list, as downloaded".into()),
    }
}

fn unreadable(path: &Path, error: &ArrowError, hint: &str) -> Error {
    Error::Format {
        path: path.to_owned(),
        found: format!("cannot be read as a station list: {}", one_line(&error.to_string())),
        hint: Some(hint.to_owned()),
    }
}

/// The row of each station in a table that [`read`] returned, by `station_id`. Of several rows of a station, it is the
/// one whose record ends last, and the first of those where several end on that day; a null `end` is before all days.
/// Rows without a `station_id` are left out.
///
/// # Errors
/// [`Error::Internal`] for a table without the columns `station_id` and `end`, of their types.
pub fn latest_rows(list: &RecordBatch) -> Result<HashMap<String, u32>> {
    let absent = |column| Error::internal(format!("a station list without the column {column}"));
    let ids = list.column_by_name(STATION_ID).and_then(|ids| ids.as_string_opt::<i32>());
    let ends = list.column_by_name("end").and_then(|ends| ends.as_primitive_opt::<Date32Type>());
    let (ids, ends) = (ids.ok_or_else(|| absent(STATION_ID))?, ends.ok_or_else(|| absent("end"))?);
    let mut latest: HashMap<String, (Option<i32>, u32)> = HashMap::with_capacity(ids.len());
    for (row, (id, end)) in (0..).zip(ids.iter().zip(ends)) {
        let Some(id) = id else { continue };
        match latest.entry(id.to_owned()) {
            Entry::Vacant(free) => _ = free.insert((end, row)),
            Entry::Occupied(mut taken) if end > taken.get().0 => _ = taken.insert((end, row)),
            Entry::Occupied(_) => {}
        }
    }
    Ok(latest.into_iter().map(|(id, (_, row))| (id, row)).collect())
}

/// All cells of ISD's list as text, in columns as [`HEADER`] names them.
fn history_cells(path: &Path) -> Result<RecordBatch> {
    read_cells(path, &HEADER.map(str::to_owned), AGAIN)
}

/// All cells of a CSV file as text, in columns as its first line names them.
fn text_columns(path: &Path, hint: &str) -> Result<RecordBatch> {
    let names: Vec<String> =
        first_line(path)?.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect();
    read_cells(path, &names, hint)
}

fn read_cells(path: &Path, names: &[String], hint: &str) -> Result<RecordBatch> {
    let file =
        storage::read(path).map(Cursor::new).map_err(|source| Error::io(path, "cannot open", source))?;
    let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = || {
        let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(true).build(file)?;
        concat_batches(&schema, &reader.collect::<Result<Vec<_>, _>>()?)
    };
    batches().map_err(|error| unreadable(path, &error, hint))
}

/// The cells of a list as text, in columns as [`HEADER`] names them.
struct Cells {
    path: PathBuf,
    batch: RecordBatch,
}

impl Cells {
    fn table(&self) -> Result<Table> {
        let texts = |column| Arc::new(self.texts(column).collect::<StringArray>());
        let (usafs, wbans) = (self.padded(0, USAF_WIDTH), self.padded(1, WBAN_WIDTH));
        let ids = usafs.iter().zip(&wbans);
        let ids = ids.map(|(usaf, wban)| Some(format!("{}-{}", usaf.as_ref()?, wban.as_ref()?)));
        let ids: StringArray = ids.collect();
        let positions = self.numbers(6)?.into_iter().zip(self.numbers(7)?).map(|position| match position {
            (Some(latitude), Some(longitude)) if Position::of_station(latitude, longitude).is_some() => {
                position
            }
            _ => (None, None),
        });
        let (latitudes, longitudes): (Vec<_>, Vec<_>) = positions.unzip();
        let elevations =
            self.numbers(8)?.into_iter().map(|metres| metres.filter(|metres| *metres > NO_ELEVATION_M));
        Ok([
            (STATION_ID, Arc::new(ids)),
            ("usaf", Arc::new(StringArray::from(usafs))),
            ("wban", Arc::new(StringArray::from(wbans))),
            ("name", texts(2)),
            ("country", texts(3)),
            ("state", texts(4)),
            ("icao", texts(5)),
            ("latitude", Arc::new(Float64Array::from(latitudes))),
            ("longitude", Arc::new(Float64Array::from(longitudes))),
            ("elevation", Arc::new(elevations.collect::<Float64Array>())),
            ("begin", Arc::new(self.days(9)?)),
            ("end", Arc::new(self.days(10)?)),
        ])
    }

    /// The cells of a column without blanks around them; blank ones are null.
    fn texts(&self, column: usize) -> impl Iterator<Item = Option<&str>> {
        let cells = self.batch.column(column).as_string::<i32>();
        cells.iter().map(|cell| cell.map(str::trim).filter(|cell| !cell.is_empty()))
    }

    /// The cells of a column of identifiers, those of digits alone with zeros in front to that width.
    fn padded(&self, column: usize, width: usize) -> Vec<Option<String>> {
        let padded = |cell: &str| {
            // What a column of integers with gaps becomes as floating point.
            let whole = cell.strip_suffix(".0").unwrap_or(cell);
            if whole.bytes().all(|byte| byte.is_ascii_digit()) {
                format!("{whole:0>width$}")
            } else {
                cell.to_owned()
            }
        };
        self.texts(column).map(|cell| cell.map(padded)).collect()
    }

    fn numbers(&self, column: usize) -> Result<Vec<Option<f64>>> {
        self.parsed(column, "a number", |cell| cell.parse().ok().filter(|number: &f64| number.is_finite()))
    }

    fn days(&self, column: usize) -> Result<Date32Array> {
        self.parsed(column, "a day, YYYYMMDD", day).map(Date32Array::from)
    }

    /// The cells of a column as `parse` reads them; blank ones are null. An error names the line and the column.
    fn parsed<T>(
        &self,
        column: usize,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<Option<T>>> {
        let parsed = |(line, cell): (u64, Option<&str>)| {
            let Some(cell) = cell else { return Ok(None) };
            parse(cell).map(Some).ok_or_else(|| Error::Line {
                path: self.path.clone(),
                line,
                found: format!("column {}: found `{cell}`, expected {expected}", HEADER[column]),
                hint: Some(AGAIN.to_owned()),
            })
        };
        // The header is line 1.
        (2..).zip(self.texts(column)).map(parsed).collect()
    }
}

/// Days since 1970 of `YYYYMMDD`.
fn day(cell: &str) -> Option<i32> {
    if cell.len() != 8 || !cell.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date32Type::parse(&format!("{}-{}-{}", &cell[..4], &cell[4..6], &cell[6..]))
}

/// The text with each run of white space as one blank, and no full stop at its end.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow::datatypes::Float64Type;
    use tempfile::TempDir;

    use super::*;

    const GOOD: &str =
        r#""010010","99999","JAN MAYEN","NO","","ENJA","+70.933","-008.667","+0009.0","19310101","20250824""#;

    fn list(lines: &[&str]) -> (TempDir, PathBuf) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("list.csv");
        let header = HEADER.map(|name| format!("\"{name}\"")).join(",");
        fs::write(&path, [&[&*header], lines].concat().join("\n") + "\n").unwrap();
        (directory, path)
    }

    #[test]
    fn cells_become_what_their_columns_hold() {
        let (_directory, path) = list(&[GOOD]);
        assert!(is_station_list(&path).unwrap());
        let table = read(&path).unwrap();
        let text = |name: &str| {
            let column = table.column_by_name(name).unwrap().as_string::<i32>();
            column.is_valid(0).then(|| column.value(0).to_owned())
        };
        let texts = ["station_id", "usaf", "wban", "name", "country", "state", "icao"].map(text);
        let expected = ["010010-99999", "010010", "99999", "JAN MAYEN", "NO", "", "ENJA"];
        assert_eq!(texts, expected.map(|text| (!text.is_empty()).then(|| text.to_owned())));
        let number = |name: &str| table.column_by_name(name).unwrap().as_primitive::<Float64Type>().value(0);
        assert_eq!(["latitude", "longitude", "elevation"].map(number), [70.933, -8.667, 9.0]);
        let day =
            |name: &str| table.column_by_name(name).unwrap().as_primitive::<Date32Type>().value_as_date(0);
        assert_eq!(["begin", "end"].map(|name| day(name).unwrap().to_string()), ["1931-01-01", "2025-08-24"]);
    }

    #[test]
    fn identifiers_get_their_zeros_back() {
        // As pandas, R and spreadsheets write the list again.
        let line = |usaf: &str, wban: &str| GOOD.replace("\"010010\"", usaf).replace("\"99999\"", wban);
        let lines =
            [line("7026", "99999"), line("702700", "489"), line("702700.0", "489.0"), line("A00001", "1")];
        let (_directory, path) = list(&lines.each_ref().map(String::as_str));
        let table = read(&path).unwrap();
        let ids = table.column_by_name("station_id").unwrap().as_string::<i32>();
        let ids: Vec<_> = ids.iter().flatten().collect();
        assert_eq!(ids, ["007026-99999", "702700-00489", "702700-00489", "A00001-00001"]);
        assert_eq!(table.column_by_name("wban").unwrap().as_string::<i32>().value(1), "00489");
    }

    #[test]
    fn unknown_places_are_null() {
        let places = [("", "+001.0"), ("+00.000", "+000.000"), ("+91.0", "+001.0"), ("+10.0", "-180.1")];
        let lines = places.map(|(latitude, longitude)| {
            let line = GOOD.replace("+70.933", latitude).replace("-008.667", longitude);
            line.replace("+0009.0", "-0999.0").replace("19310101", "")
        });
        let (_directory, path) = list(&lines.each_ref().map(String::as_str));
        let table = read(&path).unwrap();
        for name in ["latitude", "longitude", "elevation", "begin"] {
            assert_eq!(table.column_by_name(name).unwrap().null_count(), 4, "{name}");
        }
    }

    #[test]
    fn a_cell_that_is_not_what_its_column_holds_is_named() {
        let cases = [
            ("+70.933", "north", "line 3: column LAT: found `north`, expected a number"),
            ("+0009.0", "inf", "line 3: column ELEV(M): found `inf`, expected a number"),
            ("19310101", "1931011", "line 3: column BEGIN: found `1931011`, expected a day, YYYYMMDD"),
            ("20250824", "20250832", "line 3: column END: found `20250832`, expected a day, YYYYMMDD"),
        ];
        for (cell, other, expected) in cases {
            let (_directory, path) = list(&[GOOD, &GOOD.replace(cell, other)]);
            let error = read(&path).unwrap_err();
            assert!(matches!(error, Error::Line { .. }));
            assert_eq!(error.to_string(), format!("{}: {expected}", path.display()));
            assert_eq!(error.hint().unwrap(), AGAIN);
        }
        let (_directory, path) = list(&[GOOD, r#""010010","99999""#]);
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("cannot be read as a station list: "), "{error}");
    }

    #[test]
    fn other_files_are_no_list() {
        let directory = TempDir::new().unwrap();
        for text in ["", "station,name\n1,X\n", "\0\u{1}\u{2}"] {
            let path = directory.path().join("other.csv");
            fs::write(&path, text).unwrap();
            assert!(!is_station_list(&path).unwrap(), "{text}");
        }
        let error = is_station_list(&directory.path().join("none.csv")).unwrap_err().to_string();
        assert!(error.contains("none.csv: cannot open: "), "{error}");
    }

    #[test]
    fn the_record_that_ends_last_stands_for_a_station() {
        let end = |end: &str| GOOD.replace("20250824", end);
        let nameless = GOOD.replace("010010", "");
        let other = GOOD.replace("010010", "010020");
        let (_directory, path) =
            list(&[&end(""), &end("20240101"), &end("20240101"), &nameless, &end("20230101"), &other]);
        let rows = latest_rows(&read(&path).unwrap()).unwrap();
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort();
        assert_eq!(rows, [("010010-99999".to_owned(), 1), ("010020-99999".to_owned(), 5)]);
    }
}
