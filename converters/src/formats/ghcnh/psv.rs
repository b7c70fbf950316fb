//! GHCNh as pipe-separated text: its header and lines in, observations out.
//!
//! Lines have 238 or 329 fields, most of them empty. The fields are found by the names in the header, the few that are
//! numbers are looked at, and their flags only where there is a number.

use crate::formats::ghcnh::variables::{Flag, NOTES, VARIABLES, Variable, columns};
use crate::formats::ghcnh::{DATE_NAME, STATION_NAMES, TIME_NAMES};
use crate::formats::text::{
    Header, HeaderError, LineFormat, Rows, civil_micros, digits, field_at, field_starts, iso_micros, shown,
};
use crate::input::Head;
use crate::{ColumnInfo, Measurement, Quality, ReadOptions};

const SEPARATOR: u8 = b'|';
/// Most fields of a line that are looked for: the station, the parts of its time, the variables.
const FIELDS: usize = 1 + TIME_NAMES.len() + VARIABLES.len();

/// The lines of one file, by its header.
pub struct PsvLines {
    header: Header,
    /// Fields that are looked for, ascending: what the slots below count.
    wanted: Vec<usize>,
    station: usize,
    time: Time,
    values: Vec<Value>,
    columns: Vec<ColumnInfo>,
    keep: bool,
}

/// Slots of what says the time.
enum Time {
    Parts([usize; TIME_NAMES.len()]),
    Date(usize),
}

struct Value {
    slot: usize,
    /// Its place in [`VARIABLES`] and in the columns.
    index: usize,
    variable: Variable,
    /// How many fields behind the value its flags are.
    measurement: Option<usize>,
    quality: Option<usize>,
    source: Option<usize>,
}

/// Whether a file begins with a header of GHCNh.
pub fn recognises(head: &Head) -> bool {
    head.lines().next().is_some_and(|header| {
        header.contains(&SEPARATOR) && PsvLines::new(header, &ReadOptions::default()).is_ok()
    })
}

impl PsvLines {
    /// The lines that follow the header `line`. Only the columns that `options` ask for are looked at.
    ///
    /// # Errors
    /// A header without station, time or any of the variables.
    pub fn new(line: &[u8], options: &ReadOptions) -> Result<Self, HeaderError> {
        let header = Header::of(line, SEPARATOR);
        let station = STATION_NAMES.into_iter().find_map(|name| header.place(name));
        let station = station.ok_or_else(|| HeaderError::lacks("Station_ID", "Station_ID or STATION"))?;
        let parts = TIME_NAMES.map(|name| header.place(name));
        let times: Vec<usize> = if parts.iter().all(Option::is_some) {
            parts.into_iter().flatten().collect()
        } else {
            let expected = "Year, Month, Day, Hour and Minute, or DATE";
            vec![header.place(DATE_NAME).ok_or_else(|| HeaderError::lacks("DATE", expected))?]
        };
        let present: Vec<(usize, Variable, usize)> = VARIABLES
            .into_iter()
            .enumerate()
            .filter_map(|(index, variable)| Some((index, variable, header.place(variable.name)?)))
            .collect();
        if present.is_empty() {
            return Err(HeaderError::lacks("temperature", "it or another variable of GHCNh"));
        }
        let chosen: Vec<_> =
            present.into_iter().filter(|(_, variable, _)| options.reads(variable.column)).collect();

        let mut wanted = vec![station];
        wanted.extend(&times);
        wanted.extend(chosen.iter().map(|(_, _, position)| position));
        wanted.sort_unstable();
        wanted.dedup();
        let slot = |position: usize| wanted.partition_point(|&other| other < position);
        let values = chosen
            .iter()
            .map(|&(index, variable, place)| {
                let behind = |flag: Flag| {
                    let name = format!("{}{}", variable.name, flag.suffix());
                    let Some(at) = header.place(&name) else { return Ok(None) };
                    at.checked_sub(place).map(Some).ok_or_else(|| HeaderError {
                        column: name,
                        found: format!("comes before {}, expected behind it", variable.name),
                    })
                };
                Ok(Value {
                    slot: slot(place),
                    index,
                    variable,
                    measurement: behind(Flag::Measurement)?,
                    quality: behind(Flag::Quality)?,
                    source: behind(Flag::Source)?,
                })
            })
            .collect::<Result<_, HeaderError>>()?;
        let time = match *times {
            [year, month, day, hour, minute] => Time::Parts([year, month, day, hour, minute].map(slot)),
            _ => Time::Date(times.first().map_or(0, |&date| slot(date))),
        };
        Ok(Self {
            station: slot(station),
            time,
            values,
            wanted,
            header,
            columns: columns(),
            keep: options.quality == Quality::Keep,
        })
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
        let start = |slot: usize| starts.get(slot).copied().unwrap_or(line.len());
        let field = |slot: usize| field_at(line, SEPARATOR, start(slot)).trim_ascii();
        let station = field(self.station);
        if STATION_NAMES.iter().any(|name| station.eq_ignore_ascii_case(name.as_bytes())) {
            return Err(self.header.differs(fields));
        }
        // More fields are a pipe in the remarks, which come last.
        if fields < self.header.columns() {
            return Err(format!("has {fields} fields, expected {}", self.header.columns()));
        }
        let station = str::from_utf8(station).ok().filter(|station| !station.is_empty());
        let station = station.ok_or("has no station, expected an identifier")?;
        let timestamp = match self.time {
            Time::Parts(slots) => {
                let parts = slots.map(field);
                parts_micros(parts).ok_or_else(|| no_time(&parts.join(b" ".as_slice())))?
            }
            Time::Date(slot) => iso_micros(field(slot)).ok_or_else(|| no_time(field(slot)))?,
        };
        rows.begin(station, timestamp);
        for value in &self.values {
            let start = start(value.slot);
            let number = value.variable.number(field_at(line, SEPARATOR, start))?;
            if number.is_nan() && value.variable.is_plain() {
                continue;
            }
            let flag = |flag: Flag| {
                let behind = match flag {
                    Flag::Measurement => value.measurement,
                    Flag::Quality => value.quality,
                    Flag::Source => value.source,
                };
                behind.map_or(b"".as_slice(), |fields| field_behind(line, start, fields).trim_ascii())
            };
            value.variable.store(rows, value.index, number, flag, self.keep);
        }
        Ok(())
    }
}

fn parts_micros(parts: [&[u8]; TIME_NAMES.len()]) -> Option<i64> {
    let [year, month, day, hour, minute] = parts.map(digits);
    civil_micros(year?, month?, day?, hour?, minute?, 0)
}

fn no_time(found: &[u8]) -> String {
    format!("has the time {}, which there is not", shown(found))
}

/// The field so many fields behind the one that begins at `start`.
fn field_behind(line: &[u8], start: usize, fields: usize) -> &[u8] {
    let rest = line.get(start..).unwrap_or_default();
    rest.split(|&byte| byte == SEPARATOR).nth(fields).unwrap_or_default()
}
