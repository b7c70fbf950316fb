//! The station list of GHCNh: `ghcnh-station-list.csv` or `.txt` in, the same table as of NOAA's list of ISD out.
//!
//! The csv has the columns `GHCN_ID, LATITUDE, LONGITUDE, ELEVATION, STATE, NAME, GSN, (US)HCN_(US)CRN, WMO_ID, ICAO`; they
//! are found by their names, but for the first. The text has the same fields at fixed places. What the list does not have
//! (USAF, first and last day) is null; the WBAN is the end of an id whose network is `W`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, Date32Array, Float64Array, StringArray};

use super::{AGAIN_GHCNH, Table, text_columns};
use crate::geography::Position;
use crate::layout::STATION_ID;
use crate::place::NO_ELEVATION_M;
use crate::{Error, Result};

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    FixedWidth,
}

/// Names of the columns that are read but for the first, and their places in the text.
const FIELDS: [(&str, Range<usize>); 6] = [
    ("LATITUDE", 12..20),
    ("LONGITUDE", 21..30),
    ("ELEVATION", 31..37),
    ("STATE", 38..40),
    ("NAME", 41..71),
    ("ICAO", 86..90),
];
/// Columns that tables of observations with the others do not have.
const OF_A_LIST: [&str; 2] = ["GSN", "WMO_ID"];
/// Characters of an id.
const ID: usize = 11;

impl Form {
    /// The form of a list whose first line is that; `None` of another file.
    pub(super) fn of(line: &str) -> Option<Self> {
        let names: Vec<String> = line.split(',').map(column_name).collect();
        let has = |name: &str| names.iter().skip(1).any(|other| other == name);
        if FIELDS.iter().take(3).all(|(name, _)| has(name))
            && has("NAME")
            && OF_A_LIST.iter().any(|name| has(name))
        {
            return Some(Self::Csv);
        }
        let id = line.get(..ID)?;
        let is_id = id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'-')
            && id.bytes().take(2).all(|byte| byte.is_ascii_uppercase());
        let numbers = FIELDS.iter().take(3).all(|(_, place)| {
            line.get(place.clone()).is_some_and(|field| field.trim().parse::<f64>().is_ok())
        });
        (is_id && numbers).then_some(Self::FixedWidth)
    }
}

fn column_name(name: &str) -> String {
    name.trim().trim_matches('"').to_ascii_uppercase()
}

/// A station as the list has it: its id, and [`FIELDS`]; `None` of what is blank.
type Line<'a> = (Option<&'a str>, [Option<&'a str>; FIELDS.len()]);

/// Reads the list of that form.
///
/// # Errors
/// A file that cannot be read, and a number that is none, with its line.
pub(super) fn read(path: &Path, form: Form) -> Result<Table> {
    match form {
        Form::Csv => {
            let batch = text_columns(path, AGAIN_GHCNH)?;
            let schema = batch.schema();
            let names: Vec<String> = schema.fields().iter().map(|field| column_name(field.name())).collect();
            let places =
                FIELDS.each_ref().map(|(field, _)| names.iter().skip(1).position(|name| name == field));
            let cell = |column: usize, row: usize| {
                let cells = batch.columns().get(column)?.as_string_opt::<i32>()?;
                cells.is_valid(row).then(|| cells.value(row))
            };
            let line = |row: usize| -> Line<'_> {
                (present(cell(0, row)), places.map(|place| present(cell(place? + 1, row))))
            };
            // The header is line 1.
            table(path, (0..batch.num_rows()).map(|row| (row as u64 + 2, line(row))))
        }
        Form::FixedWidth => {
            let bytes =
                crate::storage::read(path).map_err(|source| Error::io(path, "cannot read", source))?;
            let text = String::from_utf8_lossy(&bytes);
            let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
            let field = |line: &'_ str, place: &Range<usize>| -> Option<Range<usize>> {
                let end = place.end.min(line.len());
                line.get(place.start..end).map(|_| place.start..end)
            };
            let of = |line| {
                let part =
                    |place: &Range<usize>| present(field(line, place).and_then(|place| line.get(place)));
                (part(&(0..ID)), FIELDS.each_ref().map(|(_, place)| part(place)))
            };
            table(path, lines.map(|(number, line)| (number, of(line))))
        }
    }
}

/// A cell without blanks around it; `None` of a blank one.
fn present(cell: Option<&str>) -> Option<&str> {
    cell.map(str::trim).filter(|cell| !cell.is_empty())
}

fn table<'a>(path: &Path, lines: impl Iterator<Item = (u64, Line<'a>)>) -> Result<Table> {
    let mut texts: [Vec<Option<String>>; 6] = Default::default();
    let mut numbers: [Vec<Option<f64>>; 3] = Default::default();
    for (line, (id, [latitude, longitude, elevation, state, name, icao])) in lines {
        let mut found = [None; 3];
        for ((number, cell), (column, _)) in
            found.iter_mut().zip([latitude, longitude, elevation]).zip(&FIELDS)
        {
            let Some(cell) = cell else { continue };
            let parsed = cell.parse().ok().filter(|number: &f64| number.is_finite());
            *number = Some(parsed.ok_or_else(|| Error::Line {
                path: path.to_owned(),
                line,
                found: format!("column {column}: found `{cell}`, expected a number"),
                hint: Some(AGAIN_GHCNH.to_owned()),
            })?);
        }
        let position = match found {
            [Some(latitude), Some(longitude), _] if Position::of_station(latitude, longitude).is_some() => {
                [Some(latitude), Some(longitude)]
            }
            _ => [None; 2],
        };
        let [_, _, elevation] = found;
        let cells = [position[0], position[1], elevation.filter(|metres| *metres > NO_ELEVATION_M)];
        for (column, number) in numbers.iter_mut().zip(cells) {
            column.push(number);
        }
        let wban = id.filter(|id| id.as_bytes().get(2) == Some(&b'W')).and_then(|id| id.get(6..ID));
        let country = id.and_then(|id| id.get(..2));
        for (column, text) in texts.iter_mut().zip([id, wban, name, country, state, icao]) {
            column.push(text.map(str::to_owned));
        }
    }
    let rows = numbers[0].len();
    let [ids, wbans, names, countries, states, icaos] =
        texts.map(|column| -> ArrayRef { Arc::new(StringArray::from(column)) });
    let [latitudes, longitudes, elevations] =
        numbers.map(|column| -> ArrayRef { Arc::new(Float64Array::from(column)) });
    let no_days: ArrayRef = Arc::new(Date32Array::new_null(rows));
    Ok([
        (STATION_ID, ids),
        ("usaf", Arc::new(StringArray::new_null(rows))),
        ("wban", wbans),
        ("name", names),
        ("country", countries),
        ("state", states),
        ("icao", icaos),
        ("latitude", latitudes),
        ("longitude", longitudes),
        ("elevation", elevations),
        ("begin", Arc::clone(&no_days)),
        ("end", no_days),
    ])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow::array::RecordBatch;
    use arrow::datatypes::Float64Type;
    use tempfile::TempDir;

    use super::*;
    use crate::station_list::{is_station_list, latest_rows, read};

    const FIXED: &str = "\
USW00023234  37.6197 -122.3656    2.4 CA SAN FRANCISCO INTL AP          GSN     72494 KSFO
AEI0000OMAA  24.4330   54.6511 -999.9    ABU DHABI INTL                         41217 OMAA
";
    const CSV: &str = "\
GHCN_ID,LATITUDE,LONGITUDE,ELEVATION,STATE,NAME,GSN,(US)HCN_(US)CRN,WMO_ID,ICAO
USW00023234,37.6197,-122.3656,2.4,CA,\"SAN FRANCISCO INTL AP\",GSN,,72494,KSFO
AEI0000OMAA,24.4330,54.6511,-999.9,,ABU DHABI INTL,,,41217,OMAA
";

    fn list(name: &str, text: &str) -> RecordBatch {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        assert!(is_station_list(&path).unwrap(), "{name}");
        read(&path).unwrap()
    }

    #[test]
    fn both_forms_give_one_table() {
        let csv = list("ghcnh-station-list.csv", CSV);
        assert_eq!(list("ghcnh-station-list.txt", FIXED), csv);
        // The names whatever their case, and what the first column is called.
        let other = CSV.replace("GHCN_ID", "id").replace("LATITUDE", "Latitude").replace("WMO_ID", "wmo_id");
        assert_eq!(list("list.csv", &other), csv);
        let text = |name: &str| {
            let column = csv.column_by_name(name).unwrap().as_string::<i32>();
            column.iter().map(|cell| cell.unwrap_or("").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(text("station_id"), ["USW00023234", "AEI0000OMAA"]);
        assert_eq!(text("usaf"), ["", ""]);
        assert_eq!(text("wban"), ["23234", ""]);
        assert_eq!(text("name"), ["SAN FRANCISCO INTL AP", "ABU DHABI INTL"]);
        assert_eq!(text("country"), ["US", "AE"]);
        assert_eq!(text("state"), ["CA", ""]);
        assert_eq!(text("icao"), ["KSFO", "OMAA"]);
        let number = |name: &str| {
            csv.column_by_name(name).unwrap().as_primitive::<Float64Type>().iter().collect::<Vec<_>>()
        };
        assert_eq!(number("latitude"), [Some(37.6197), Some(24.433)]);
        assert_eq!(number("longitude"), [Some(-122.3656), Some(54.6511)]);
        assert_eq!(number("elevation"), [Some(2.4), None]);
        assert_eq!(latest_rows(&csv).unwrap().len(), 2);
    }

    #[test]
    fn numbers_that_are_none_are_named() {
        let directory = TempDir::new().unwrap();
        for (name, text, line) in [("a.csv", CSV, 3), ("a.txt", FIXED, 2)] {
            let path = directory.path().join(name);
            fs::write(&path, text.replace("24.4330", "north  ")).unwrap();
            let error = read(&path).unwrap_err().to_string();
            let expected = format!("{}: line {line}: column LATITUDE: found `north`", path.display());
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn observations_are_no_list() {
        for line in [
            "STATION,DATE,LATITUDE,LONGITUDE,ELEVATION,NAME,TMP",
            "0059725300948462017010100004+41995-087934FM-15+0201KORD V0200301N005112200019N0160001N1",
            "",
        ] {
            assert_eq!(Form::of(line), None, "{line}");
        }
    }
}
