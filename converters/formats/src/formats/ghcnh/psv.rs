//! GHCNh as pipe-separated text: its header and lines in, observations out.
//!
//! Lines have 238 or 329 fields, most of them empty. The fields are found by the names in the header, the few that are
//! numbers are looked at, and their flags only where there is a number.

use super::quality::Letters;
use super::variables::{
    FLAGS, Flag, NOTES, PLACE_NAMES, Places, TIME_FIELDS, Time, VARIABLES, VariablePlaces, columns,
    is_station_name, place,
};
use crate::formats::text::{
    Header, HeaderError, LineFormat, Rows, Said, civil_micros, digits, field_at, field_starts, iso_micros,
    shown,
};
use crate::{ColumnInfo, Head, Measurement, Quality, ReadOptions, keys};

const SEPARATOR: u8 = b'|';
/// Fields of a line that are looked for at most: the station, those of its time and place, the variables.
const FIELDS: usize = 1 + TIME_FIELDS + PLACE_NAMES.len() + VARIABLES.len();

/// The lines of one file, by its header.
pub struct PsvLines {
    header: Header,
    /// Fields that are looked for, ascending: what the slots below count.
    wanted: Vec<usize>,
    station: usize,
    time: Time<usize>,
    place: [Option<usize>; PLACE_NAMES.len()],
    values: Vec<Value>,
    columns: Vec<ColumnInfo>,
    /// The letters by which values fail; `None` where those that failed stay.
    failing: Option<Letters>,
}

/// A variable that is read.
struct Value {
    slot: usize,
    /// Its index in [`VARIABLES`], and so in the columns.
    index: usize,
    /// By [`Flag`], how many fields after the value it is; `None` of those that the file lacks.
    flags: [Option<usize>; FLAGS],
}

/// What the names of GHCNh's columns of quality codes end in, in lower case.
const QUALITY: &[u8] = b"_quality_code";

/// Whether a file begins with a header of GHCNh. One with its quality codes is, even if a column is lacking: it must not be
/// read without them.
pub fn recognises(head: &Head) -> bool {
    let header = head.first_line();
    let names_quality = || header.to_ascii_lowercase().windows(QUALITY.len()).any(|part| part == QUALITY);
    header.contains(&SEPARATOR) && (PsvLines::new(header, &ReadOptions::default()).is_ok() || names_quality())
}

impl PsvLines {
    /// The lines that follow the header `line`. Only the columns that `options` ask for are looked at.
    ///
    /// # Errors
    /// A header without station, time or any of the variables.
    pub fn new(line: &[u8], options: &ReadOptions) -> Result<Self, HeaderError> {
        let header = Header::of(line, SEPARATOR);
        let places = Places::find(header.columns(), |name| header.place(name))
            .map_err(|(column, expected)| HeaderError::lacks(column, expected))?;
        let Places { station, time, mut variables, place, letters } = places;
        variables.retain(|places| options.reads(VARIABLES[places.index].column));
        let mut wanted = vec![station];
        wanted.extend(time.places());
        wanted.extend(place.into_iter().flatten());
        wanted.extend(variables.iter().map(|places| places.value));
        wanted.sort_unstable();
        wanted.dedup();
        let slot = |place: usize| wanted.partition_point(|&other| other < place);
        let mut values = Vec::new();
        for VariablePlaces { index, value, mut flags } in variables {
            for (place, flag) in flags.iter_mut().zip([Flag::Measurement, Flag::Quality, Flag::Source]) {
                let Some(place) = place else { continue };
                let variable = &VARIABLES[index];
                *place = place.checked_sub(value).ok_or_else(|| HeaderError {
                    column: variable.flag_name(flag),
                    found: format!("comes before {}, expected behind it", variable.name),
                })?;
            }
            values.push(Value { slot: slot(value), index, flags });
        }
        Ok(Self {
            station: slot(station),
            time: time.map(slot),
            place: place.map(|place| place.map(slot)),
            values,
            wanted,
            header,
            columns: columns(),
            failing: (options.quality == Quality::Drop).then_some(letters),
        })
    }
}

impl PsvLines {
    /// Whether the header is GHCNh's beyond doubt: it has a time in parts, or flags beside the variables.
    pub fn is_certain(&self) -> bool {
        let flagged = self.values.iter().any(|value| value.flags.iter().any(Option::is_some));
        matches!(self.time, Time::Fields(_)) || flagged
    }
}

impl LineFormat for PsvLines {
    fn layout(&self) -> &'static str {
        "GHCNh"
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn notes(&self) -> Vec<String> {
        NOTES.map(str::to_owned).to_vec()
    }

    fn lacking(&self) -> Vec<(&'static str, &'static str)> {
        let isd = VARIABLES.iter().filter(|variable| Measurement::named(variable.column).is_some());
        let absent = isd.filter(|variable| self.header.place(variable.name).is_none());
        absent.map(|variable| (variable.name, variable.column)).collect()
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        if self.header.is_repeated_in(line) {
            return Ok(());
        }
        let mut starts = [line.len(); FIELDS];
        let fields = field_starts(line, SEPARATOR, &self.wanted, &mut starts);
        let field = |slot: usize| field_at(line, SEPARATOR, starts[slot]).trim_ascii();
        let station = field(self.station);
        if is_station_name(station) {
            return Err(self.header.differs(fields));
        }
        // A line has more fields where there is a pipe in the remarks, which come last.
        if fields < self.header.columns() {
            return Err(format!("has {fields} fields, expected {}", self.header.columns()));
        }
        let station = keys::station(station)?;
        let timestamp = match self.time {
            Time::Fields(slots) => {
                let parts = slots.map(field);
                parts_micros(parts).ok_or_else(|| no_time(&parts.join(b" ".as_slice())))?
            }
            Time::Date(slot) => iso_micros(field(slot)).ok_or_else(|| no_time(field(slot)))?,
        };
        rows.begin(station, timestamp);
        let [name, latitude, longitude, elevation] =
            self.place.map(|slot| slot.map_or(b"".as_slice(), field));
        rows.place(Said { name, latitude, longitude, elevation }, |said| place(station.as_bytes(), said));
        for value in &self.values {
            let variable = &VARIABLES[value.index];
            let start = starts[value.slot];
            let number = variable.number(field_at(line, SEPARATOR, start))?;
            if number.is_nan() && variable.is_plain() {
                continue;
            }
            let flag = |flag: Flag| {
                let fields = value.flags[flag as usize];
                fields.map_or(b"".as_slice(), |fields| field_after(line, start, fields).trim_ascii())
            };
            variable.store(rows, value.index, number, flag, self.failing);
        }
        Ok(())
    }
}

/// Microseconds since 1970 of year, month, day, hour and minute; `None` where there is no such time.
fn parts_micros(parts: [&[u8]; TIME_FIELDS]) -> Option<i64> {
    let [year, month, day, hour, minute] = parts.map(digits);
    civil_micros(year?, month?, day?, hour?, minute?, 0)
}

/// What is wrong with a line that holds no valid time.
fn no_time(found: &[u8]) -> String {
    format!("has the time {}, which there is not", shown(found))
}

/// The field so many fields after the one that begins at `start`; empty after the end of the line.
fn field_after(line: &[u8], start: usize, fields: usize) -> &[u8] {
    line[start..].split(|&byte| byte == SEPARATOR).nth(fields).unwrap_or(b"")
}
