//! Raw ISD: a report of fixed width a line in, observations out.
//!
//! A report is 105 characters of control and mandatory data, and as many more as its first four say: `ADD` and groups of
//! additional data, then remarks (`REM`), the quality of elements (`EQD`) and original observations (`QNN`). The groups of
//! precipitation (`AA1` to `AA4`) and of the total sky coverage (`GF1`, which is also ISD-Lite's sky condition) are read.
//! A file may hold several stations, in any order, and several reports of a time; they are yielded as they come.
//!
//! Positions, codes and lengths: Federal Climate Complex Data Documentation for Integrated Surface Data (NCEI, 2018).

use super::isd_groups::{
    AIR_TEMPERATURE, DEW_POINT_TEMPERATURE, NO_STATION, Observation, SEA_LEVEL_PRESSURE, SKY_CONDITION,
    UNNUMBERED, station_id, summary,
};
use super::text::{LineFormat, Rows, Said, TextSource, civil_micros, digits, integer, isd_columns, shown};
use isd_dataset::geography::Position;
use isd_dataset::place::{Place, elevation};

use crate::{ColumnInfo, Format, Head, Input, MEASUREMENTS, Quality, ReadOptions, Result, Source};

/// Where each measurement lies, for people.
const ORIGINS: [&str; MEASUREMENTS.len()] = [
    "positions 88-92, tenths",
    "positions 94-98, tenths",
    "positions 100-104, tenths",
    "positions 61-63",
    "positions 66-69, tenths",
    "GF1",
    "AA1-AA4 of 1 hour, tenths",
    "AA1-AA4 of 6 hours, tenths",
];

/// What a report is counted as whose groups are read up to one that is not known.
const UNKNOWN_GROUP: &str = "ends of additional sections, from a group on that is not known";
/// What begins the sections after the additional one.
const SECTIONS: [&[u8; 3]; 3] = [b"REM", b"EQD", b"QNN"];

/// Characters of the control and mandatory sections.
const MANDATORY: usize = 105;

/// Raw ISD, `USAF-WBAN-YEAR.gz` or any selection of such lines.
#[derive(Debug)]
pub struct IsdRaw;

impl Format for IsdRaw {
    fn name(&self) -> &'static str {
        "isd-raw"
    }

    fn recognises(&self, head: &Head) -> bool {
        let Some(line) = head.lines().find(|line| !line.is_empty()) else { return false };
        let Some((line, _)) = line.split_first_chunk::<MANDATORY>() else { return false };
        let signs =
            [28, 34, 46, 87, 93].into_iter().all(|at| line.get(at).is_some_and(|b| b"+-".contains(b)));
        signs && digits(&line[..4]).is_some() && station(line, &mut [0; 12]).is_ok() && time(line).is_ok()
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let lines = Lines { columns: isd_columns(ORIGINS), quality: options.quality };
        Ok(Box::new(TextSource::new(input, lines, options)?))
    }
}

struct Lines {
    columns: Vec<ColumnInfo>,
    quality: Quality,
}

impl LineFormat for Lines {
    fn layout(&self) -> &'static str {
        "raw ISD"
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        let Some((report, variable)) = line.split_first_chunk::<MANDATORY>() else {
            return Err(format!("has {} characters, expected at least {MANDATORY} of raw ISD", line.len()));
        };
        if let Some(summary) = summary(&report[41..46]) {
            rows.leave_out(summary);
            return Ok(());
        }
        if report[4..15] == *NO_STATION {
            rows.leave_out(UNNUMBERED);
            return Ok(());
        }
        let mut text = [0; 12];
        let (station_id, timestamp) = (station(report, &mut text)?, time(report)?);
        let mut observation = Observation::new(self.quality);
        let number = |name, from: usize, to: usize, missing| number(name, &report[from..to], missing);
        let direction = number("wind direction", 60, 63, 999)?;
        let speed = number("wind speed", 65, 69, 9999)?;
        observation.wind((direction, report[63]), report[64], (speed, report[69]), rows);
        for (column, name, from, missing) in [
            (AIR_TEMPERATURE, "air temperature", 87, 9999),
            (DEW_POINT_TEMPERATURE, "dew point temperature", 93, 9999),
            (SEA_LEVEL_PRESSURE, "sea level pressure", 99, 99_999),
        ] {
            observation.take(column, number(name, from, from + 5, missing)?, report[from + 5], rows);
        }
        additional(report, variable, &mut observation, rows)?;
        rows.push(station_id, timestamp, &observation.values);
        let [latitude, longitude, elevation] = [&report[28..34], &report[34..41], &report[46..51]];
        rows.place(Said { name: b"", latitude, longitude, elevation }, place);
        Ok(())
    }
}

/// The place that a report gives in thousandths of a degree and in metres; `None` where its position is missing.
fn place(said: Said<'_>) -> Option<Place> {
    let thousandths = |field| integer(field).map(|number| number as f64 / 1000.0);
    let position = Position::of_station(thousandths(said.latitude)?, thousandths(said.longitude)?)?;
    let elevation = integer(said.elevation).and_then(|metres| elevation(metres as f64));
    Some(Place { position: Some(position), elevation, ..Place::default() })
}

/// `USAF-WBAN` of a report, in `text`.
#[inline]
fn station<'a>(report: &[u8; MANDATORY], text: &'a mut [u8; 12]) -> Result<&'a str, String> {
    let (usaf, wban) = (&report[4..10], &report[10..15]);
    let id = digits(wban).and_then(|_| station_id(usaf, wban, text));
    id.ok_or_else(|| {
        let found = shown(&report[4..15]);
        format!("has the station {found}, expected 6 digits or capital letters of USAF and 5 digits of WBAN")
    })
}

#[inline]
fn time(report: &[u8; MANDATORY]) -> Result<i64, String> {
    let part = |from: usize, to: usize| digits(&report[from..to]);
    let time = || civil_micros(part(15, 19)?, part(19, 21)?, part(21, 23)?, part(23, 25)?, part(25, 27)?, 0);
    time().ok_or_else(|| {
        format!("has the time {}, expected year, month, day, hour and minute", shown(&report[15..27]))
    })
}

/// A field's integer; `None` where it is the one that means missing.
#[inline]
fn number(name: &str, field: &[u8], missing: i64) -> Result<Option<i64>, String> {
    match integer(field) {
        Some(value) => Ok((value != missing).then_some(value)),
        None => Err(format!("has {} as {name}, expected an integer, {missing} where missing", shown(field))),
    }
}

/// Takes precipitation and sky condition from the section `ADD`.
fn additional(
    report: &[u8; MANDATORY],
    variable: &[u8],
    observation: &mut Observation,
    rows: &mut Rows,
) -> Result<(), String> {
    let mut groups =
        Groups { rest: variable.strip_prefix(b"ADD").unwrap_or(variable), at_end: false, unknown: false };
    for (identifier, data) in &mut groups {
        match (identifier, data) {
            ([b'A', b'A', b'1'..=b'4'], &[h1, h2, d1, d2, d3, d4, condition, code]) => {
                let hours = number("hours of precipitation", &[h1, h2], 99)?;
                let depth = number("depth of precipitation", &[d1, d2, d3, d4], 9999)?;
                observation.precipitation(hours, depth, condition, code, rows);
            }
            ([b'G', b'F', b'1'], &[c1, c2, _, _, code, ..]) => {
                let coverage = number("total sky coverage", &[c1, c2], 99)?;
                observation.take(SKY_CONDITION, coverage, code, rows);
            }
            _ => {}
        }
    }
    if groups.unknown {
        rows.leave_out(UNKNOWN_GROUP);
    }
    // Editors take blanks off the ends of lines, which changes no group. A line that ends before any section after the
    // groups, and is shorter than it says, may lack some of them.
    let length = digits(&report[..4]).and_then(|length| usize::try_from(length).ok());
    match length {
        Some(length) if variable.len() < length && groups.at_end => Err(format!(
            "is cut short: {} characters follow the first {MANDATORY}, expected {length}",
            variable.len()
        )),
        Some(length) if variable.len() > length && !variable[length..].trim_ascii().is_empty() => {
            Err(format!(
                "is too long: {} characters follow the first {MANDATORY}, expected {length}",
                variable.len()
            ))
        }
        Some(_) => Ok(()),
        None => Err(format!("begins with {}, expected the length of its variable part", shown(&report[..4]))),
    }
}

/// The groups of an additional section, each with its identifier, up to the sections after it.
struct Groups<'a> {
    rest: &'a [u8],
    /// Whether no other section followed the last group.
    at_end: bool,
    /// Whether a group that is not known ended the section: where it ends is not known either.
    unknown: bool,
}

impl<'a> Iterator for Groups<'a> {
    type Item = ([u8; 3], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&identifier, rest) = match self.rest.split_first_chunk::<3>() {
            Some(parts) if !self.rest.trim_ascii().is_empty() => parts,
            _ => {
                self.at_end = true;
                return None;
            }
        };
        if SECTIONS.contains(&&identifier) {
            return None;
        }
        match group_length(identifier).map(|length| rest.split_at_checked(length)) {
            Some(Some((data, rest))) => {
                self.rest = rest;
                Some((identifier, data))
            }
            // A group that the line cuts short.
            Some(None) => {
                self.at_end = true;
                self.rest = b"";
                None
            }
            // What such a group holds may look like the identifier of another, so that nothing after it is read.
            None => {
                self.unknown = true;
                self.at_end = !rest.windows(3).any(|three| SECTIONS.iter().any(|section| *section == three));
                self.rest = b"";
                None
            }
        }
    }
}

/// Characters of a group after its identifier; `None` of what is no group of the format's document.
fn group_length(identifier: [u8; 3]) -> Option<usize> {
    let [first, second, number] = identifier;
    // Groups whose number says what they hold.
    let alone = match &identifier {
        b"IA1" => 3,
        b"CO1" => 5,
        b"IA2" => 9,
        b"IB2" => 13,
        b"CN3" => 16,
        b"CN1" | b"CN2" => 18,
        b"CN4" => 19,
        b"IB1" => 27,
        _ => 0,
    };
    if alone > 0 {
        return Some(alone);
    }
    // The number of the last group of a kind, and its length.
    let (last, length) = match &[first, second] {
        b"AC" => (1, 3),
        b"AW" | b"MV" | b"MW" => (9, 3),
        b"AG" | b"GK" | b"HL" => (1, 4),
        b"AY" | b"AZ" => (2, 5),
        b"GJ" | b"OC" | b"SA" => (1, 5),
        b"AP" => (4, 6),
        b"AX" => (6, 6),
        b"CF" => (3, 6),
        b"GL" | b"KF" | b"ME" | b"WA" => (1, 6),
        b"AB" | b"CR" => (1, 7),
        b"AL" => (4, 7),
        b"CT" => (3, 7),
        b"AA" | b"AO" => (4, 8),
        b"AU" | b"CO" => (9, 8),
        b"ED" => (1, 8),
        b"CG" | b"OA" => (3, 8),
        b"AN" => (1, 9),
        b"AT" => (8, 9),
        b"KD" | b"UG" => (2, 9),
        b"RH" => (3, 9),
        b"CB" => (2, 10),
        b"KA" => (4, 10),
        b"KB" => (3, 10),
        b"UA" => (1, 10),
        b"KG" => (2, 11),
        b"MD" | b"WG" => (1, 11),
        b"OD" => (3, 11),
        b"AE" | b"AK" | b"KE" | b"MA" | b"MF" | b"MG" | b"MH" => (1, 12),
        b"GD" => (6, 12),
        b"CU" => (3, 13),
        b"GA" => (6, 13),
        b"AJ" | b"CW" | b"GQ" | b"GR" => (1, 14),
        b"KC" => (2, 14),
        b"AH" | b"AI" | b"GG" => (6, 15),
        b"CH" => (2, 15),
        b"OE" => (3, 16),
        b"ST" => (1, 17),
        b"AM" => (1, 18),
        b"AD" | b"GE" | b"GO" | b"WJ" => (1, 19),
        b"WD" => (1, 20),
        b"GF" => (1, 23),
        b"MK" => (1, 24),
        b"IC" => (1, 25),
        b"CV" | b"CX" => (3, 26),
        b"CI" | b"GH" | b"GN" => (1, 28),
        b"OB" => (2, 28),
        b"GM" => (1, 30),
        b"GP" => (1, 31),
        _ => return None,
    };
    (b'1'..=b'0' + last).contains(&number).then_some(length)
}
