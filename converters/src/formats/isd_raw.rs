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
use super::text::{LineFormat, Rows, TextSource, civil_micros, digits, integer, isd_columns, shown};
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
        Ok(())
    }
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
    let mut groups = Groups { rest: variable.strip_prefix(b"ADD").unwrap_or(variable), at_end: false };
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
}

impl<'a> Iterator for Groups<'a> {
    type Item = ([u8; 3], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((&identifier, rest)) = self.rest.split_first_chunk::<3>() {
            if matches!(&identifier, b"REM" | b"EQD" | b"QNN") {
                return None;
            }
            if let Some(length) = group_length(identifier) {
                let Some((data, rest)) = rest.split_at_checked(length) else { break };
                self.rest = rest;
                return Some((identifier, data));
            }
            // Nor is the length known of a group that is not known here: the next known one is searched for. The characters
            // of other groups are digits, signs and single letters, so that none looks like an identifier.
            self.rest = self.rest.get(1..)?;
        }
        self.at_end = true;
        None
    }
}

/// Characters of a group after its identifier; `None` of what is no group, or a rare one: all those that occur in
/// published files of several countries and decades are here.
fn group_length([first, second, number]: [u8; 3]) -> Option<usize> {
    if !number.is_ascii_digit() {
        return None;
    }
    Some(match &[first, second] {
        b"AC" | b"AW" | b"MV" | b"MW" => 3,
        b"AG" => 4,
        b"AY" | b"AZ" | b"OC" | b"SA" => 5,
        b"AP" | b"AX" => 6,
        b"AB" | b"AL" => 7,
        b"AA" | b"AO" | b"AU" | b"ED" | b"OA" => 8,
        b"AN" | b"AT" | b"KD" => 9,
        b"KA" | b"KB" => 10,
        b"MD" | b"OD" => 11,
        b"AE" | b"AK" | b"GD" | b"KE" | b"MA" | b"MF" | b"MG" | b"MH" => 12,
        b"GA" => 13,
        b"AJ" | b"KC" => 14,
        b"AH" | b"AI" | b"GG" => 15,
        b"OE" => 16,
        b"AM" => 18,
        b"AD" | b"GE" => 19,
        b"GF" => 23,
        b"MK" => 24,
        _ => return None,
    })
}
