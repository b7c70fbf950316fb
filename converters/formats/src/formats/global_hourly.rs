//! NOAA Global Hourly CSV: a header and quoted lines in, observations out.
//!
//! Columns are found by name. Each group of raw ISD is one column whose parts are separated by commas within quotes, such
//! as `"+0020,1"`; one that a file or a line does not have is missing. The mandatory groups, precipitation (`AA1` to
//! `AA4`) and the total sky coverage (`GF1`) are read.

use super::isd_groups::{
    AIR_TEMPERATURE, DEW_POINT_TEMPERATURE, NO_STATION, Observation, SEA_LEVEL_PRESSURE, SKY_CONDITION,
    UNNUMBERED, station_id, summary,
};
use super::text::{
    Header, HeaderError, LineFormat, Rows, Said, TextSource, fields, integer, isd_columns, iso_micros, shown,
};
use isd_dataset::place::Place;

use crate::{ColumnInfo, Format, Head, Input, MEASUREMENTS, Quality, ReadOptions, Result, Source};

/// Where each measurement lies, for people.
const ORIGINS: [&str; MEASUREMENTS.len()] = [
    "TMP, tenths",
    "DEW, tenths",
    "SLP, tenths",
    "WND",
    "WND, tenths",
    "GF1",
    "AA1-AA4 of 1 hour, tenths",
    "AA1-AA4 of 6 hours, tenths",
];

const SEPARATOR: u8 = b',';

/// The columns that are read, to whose indexes [`Lines::slots`] refers.
const COLUMNS: [&str; 16] = [
    "station",
    "date",
    "report_type",
    "name",
    "latitude",
    "longitude",
    "elevation",
    "wnd",
    "tmp",
    "dew",
    "slp",
    "aa1",
    "aa2",
    "aa3",
    "aa4",
    "gf1",
];
const STATION: usize = 0;
/// The mandatory groups, each with a measurement that it holds.
const MANDATORY: [(&str, &str); 5] = [
    ("TMP", "air_temperature"),
    ("DEW", "dew_point_temperature"),
    ("SLP", "sea_level_pressure"),
    ("WND", "wind_direction"),
    ("WND", "wind_speed_rate"),
];
/// How many of [`COLUMNS`] say what the observation is and where, before those that hold its values.
const KEYS: usize = 7;

/// Global Hourly, `STATION.csv` of a year or any selection of its lines.
#[derive(Debug)]
pub struct GlobalHourly;

impl Format for GlobalHourly {
    fn name(&self) -> &'static str {
        "global-hourly"
    }

    fn recognises(&self, head: &Head) -> bool {
        Lines::new(head.first_line(), Quality::default()).is_ok()
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let head = input.head()?;
        let lines = Lines::new(head.first_line(), options.quality).map_err(|error| {
            error.of(
                input,
                "a file of Global Hourly begins with a header such as \"STATION\",\"DATE\",\"WND\",\"TMP\"",
            )
        })?;
        Ok(Box::new(TextSource::new(input, lines, options)?))
    }
}

/// The lines of one file, by its header.
struct Lines {
    header: Header,
    /// By column of the file, up to the last that is read: which of [`COLUMNS`] it is.
    slots: Vec<Option<usize>>,
    columns: Vec<ColumnInfo>,
    quality: Quality,
}

impl Lines {
    /// The lines that follow the header `line`.
    fn new(line: &[u8], quality: Quality) -> Result<Self, HeaderError> {
        let header = Header::of(line, SEPARATOR);
        header.needed("station")?;
        header.needed("date")?;
        let places = COLUMNS.map(|name| header.place(name));
        if places.iter().skip(KEYS).all(Option::is_none) {
            return Err(HeaderError::lacks(
                "TMP",
                "it or another group of ISD, such as WND, DEW, SLP or AA1",
            ));
        }
        let last = places.iter().flatten().max().map_or(0, |last| last + 1);
        let mut slots = vec![None; last];
        for (slot, place) in places.into_iter().enumerate() {
            if let Some(place) = place {
                slots[place] = Some(slot);
            }
        }
        Ok(Self { header, slots, columns: isd_columns(ORIGINS), quality })
    }
}

impl LineFormat for Lines {
    fn layout(&self) -> &'static str {
        "Global Hourly"
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn lacking(&self) -> Vec<(&'static str, &'static str)> {
        let absent = |column: &str| self.header.place(&column.to_ascii_lowercase()).is_none();
        MANDATORY.into_iter().filter(|(column, _)| absent(column)).collect()
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        if self.header.is_repeated_in(line) {
            return Ok(());
        }
        let mut found = [b"".as_slice(); COLUMNS.len()];
        let mut count = 0;
        for (slot, field) in self.slots.iter().zip(fields(line, SEPARATOR)) {
            count += 1;
            if let Some(slot) = *slot {
                found[slot] = field.trim_ascii();
            }
        }
        if found[STATION].eq_ignore_ascii_case(COLUMNS[STATION].as_bytes()) {
            return Err(self.header.differs(fields(line, SEPARATOR).count()));
        }
        if count < self.slots.len() {
            return Err(format!("has {count} fields, expected {}", self.header.columns()));
        }
        let [
            station,
            date,
            report_type,
            name,
            latitude,
            longitude,
            elevation,
            wnd,
            tmp,
            dew,
            slp,
            precipitation @ ..,
            gf1,
        ] = found;
        if let Some(summary) = summary(report_type) {
            rows.leave_out(summary);
            return Ok(());
        }
        if station == NO_STATION {
            rows.leave_out(UNNUMBERED);
            return Ok(());
        }
        let mut text = [0; 12];
        let station = station_of(station, &mut text)?;
        let timestamp = iso_micros(date).ok_or_else(|| {
            format!("has the DATE {}, expected a time such as 2017-02-10T14:04:00", shown(date))
        })?;
        let mut observation = Observation::new(self.quality);
        wind(wnd, &mut observation, rows).ok_or_else(|| expected("WND", wnd, "030,1,N,0005,1"))?;
        for (column, name, group, missing) in [
            (AIR_TEMPERATURE, "TMP", tmp, 9999),
            (DEW_POINT_TEMPERATURE, "DEW", dew, 9999),
            (SEA_LEVEL_PRESSURE, "SLP", slp, 99_999),
        ] {
            value(column, group, missing, &mut observation, rows)
                .ok_or_else(|| expected(name, group, "+0020,1"))?;
        }
        for group in precipitation {
            liquid_precipitation(group, &mut observation, rows)
                .ok_or_else(|| expected("AA1 to AA4", group, "01,0013,9,1"))?;
        }
        sky(gf1, &mut observation, rows).ok_or_else(|| expected("GF1", gf1, "08,99,1"))?;
        rows.push(station, timestamp, &observation.values);
        rows.place(Said { name, latitude, longitude, elevation }, place);
        Ok(())
    }
}

/// `USAF-WBAN`, in `text`, of the eleven characters that are both. Zeros at the front that a spreadsheet has removed are
/// put back.
fn station_of<'a>(field: &[u8], text: &'a mut [u8; 12]) -> Result<&'a str, String> {
    let numeric = field.iter().all(u8::is_ascii_digit);
    let whole = field.len() == 11 || (numeric && (6..11).contains(&field.len()));
    let parts = field.split_at_checked(field.len().wrapping_sub(5)).filter(|_| whole);
    let parts = parts.filter(|(_, wban)| wban.iter().all(u8::is_ascii_digit));
    parts.and_then(|(usaf, wban)| station_id(usaf, wban, text)).ok_or_else(|| {
        format!("has the STATION {}, expected 6 characters of USAF and 5 digits of WBAN", shown(field))
    })
}

/// The place that a line gives in degrees and metres; `None` where its position is missing. Its name ends in the country,
/// such as `JAN MAYEN, NO`, or in state and country, such as `MIAMI INTERNATIONAL AIRPORT, FL US`.
fn place(said: Said<'_>) -> Option<Place> {
    let place = said.in_degrees()?;
    let Some((name, region)) = place.name.as_deref().and_then(|name| name.rsplit_once(',')) else {
        return Some(place);
    };
    let mut codes = region.split_ascii_whitespace().rev();
    let (country, state) = (codes.next().map(str::to_owned), codes.next().map(str::to_owned));
    let of_codes =
        [&country, &state].into_iter().flatten().all(|code| code.len() == 2) && codes.next().is_none();
    if !of_codes || country.is_none() {
        return Some(place);
    }
    // A quote within a quoted field is doubled.
    let name = Some(name.trim().replace("\"\"", "\""));
    Some(Place { name, country, state, ..place })
}

/// The first parts of a group; `None` where it has fewer.
fn parts<const N: usize>(group: &[u8]) -> Option<[&[u8]; N]> {
    let mut parts = group.split(|&byte| byte == SEPARATOR);
    let mut found = [b"".as_slice(); N];
    for part in &mut found {
        *part = parts.next()?.trim_ascii();
    }
    Some(found)
}

/// A number; `None` where it is the one that means missing.
fn present(number: i64, missing: i64) -> Option<i64> {
    (number != missing).then_some(number)
}

/// A part that is a code of one character; `None` of any other.
fn code(part: &[u8]) -> Option<u8> {
    match *part {
        [code] => Some(code),
        _ => None,
    }
}

/// Takes a group of a value and its quality code; `None` where it is no such group. An empty one has no value, here and
/// below.
fn value(
    column: usize,
    group: &[u8],
    missing: i64,
    observation: &mut Observation,
    rows: &mut Rows,
) -> Option<()> {
    if !group.is_empty() {
        let [value, quality] = parts(group)?;
        observation.take(column, present(integer(value)?, missing), code(quality)?, rows);
    }
    Some(())
}

/// Takes the group of wind: direction, its quality code, type code, speed and its quality code.
fn wind(group: &[u8], observation: &mut Observation, rows: &mut Rows) -> Option<()> {
    if !group.is_empty() {
        let [direction, direction_code, kind, speed, speed_code] = parts(group)?;
        let direction = (present(integer(direction)?, 999), code(direction_code)?);
        let speed = (present(integer(speed)?, 9999), code(speed_code)?);
        observation.wind(direction, code(kind)?, speed, rows);
    }
    Some(())
}

/// Takes a group of precipitation: hours, depth, condition and quality code.
fn liquid_precipitation(group: &[u8], observation: &mut Observation, rows: &mut Rows) -> Option<()> {
    if !group.is_empty() {
        let [hours, depth, condition, quality] = parts(group)?;
        let (hours, depth) = (present(integer(hours)?, 99), present(integer(depth)?, 9999));
        observation.precipitation(hours, depth, code(condition)?, code(quality)?, rows);
    }
    Some(())
}

/// Takes the total coverage; after it comes the opaque one, and after that the quality code of the total one.
fn sky(group: &[u8], observation: &mut Observation, rows: &mut Rows) -> Option<()> {
    if !group.is_empty() {
        let [coverage, _, quality] = parts(group)?;
        observation.take(SKY_CONDITION, present(integer(coverage)?, 99), code(quality)?, rows);
    }
    Some(())
}

/// What is wrong with a group.
fn expected(name: &str, found: &[u8], example: &str) -> String {
    format!("{name} is {}, expected a group such as {example:?}", shown(found))
}
