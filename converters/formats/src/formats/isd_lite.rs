//! ISD-Lite: lines of fixed width, an hour each, in; observations of the station that the file is named after out.
//!
//! A line has 61 characters: year, month, day and hour (UTC) separated by blanks, then eight right-aligned integers of 6
//! characters, which are tenths or whole units; -9999 is missing. (The format's description puts the day at positions
//! 9-11; in the files there is a blank at each of positions 5, 8, 11 and 14.) Hours without a report are absent.

use super::text::{LineFormat, Rows, TextSource, civil_micros, integer, isd_columns, shown};
use crate::{ColumnInfo, Error, Format, Head, Input, MEASUREMENTS, ReadOptions, Result, Source};

/// Where each measurement lies, for people.
const ORIGINS: [&str; MEASUREMENTS.len()] = [
    "characters 14-19, tenths",
    "characters 20-25, tenths",
    "characters 26-31, tenths",
    "characters 32-37",
    "characters 38-43, tenths",
    "characters 44-49",
    "characters 50-55, tenths",
    "characters 56-61, tenths",
];

/// Characters of a line.
const LINE: usize = 61;
/// Characters before the first value.
const KEY: usize = 13;
/// Characters of a value.
const WIDTH: usize = 6;
const MISSING: i64 = -9999;
/// Stored for an amount of precipitation too small to measure.
const TRACE: i64 = -1;

/// ISD-Lite, `USAF-WBAN-YEAR.gz`.
#[derive(Debug)]
pub struct IsdLite;

impl Format for IsdLite {
    fn name(&self) -> &'static str {
        "isd-lite"
    }

    fn recognises(&self, head: &Head) -> bool {
        let Some(line) = head.lines().find(|line| !line.is_empty()) else { return false };
        let blank = |position: usize| line.get(position - 1) == Some(&b' ');
        [5, 8, 11].into_iter().all(blank) && parsed(line).is_ok()
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let name = input.name();
        let station_id = station_of(&name).ok_or_else(|| Error::Format {
            path: input.path().to_path_buf(),
            found: "is ISD-Lite, whose lines do not name their station, and nor does its name".into(),
            hint: Some("name it as NOAA does, USAF-WBAN-YEAR, such as 724060-93721-2017.gz".into()),
        })?;
        let lines = Lines { station_id: station_id.to_owned(), columns: isd_columns(ORIGINS) };
        Ok(Box::new(TextSource::new(input, lines, options)?))
    }
}

/// The station of a file named `USAF-WBAN` or `USAF-WBAN-YEAR`, whatever its extension; `None` of other names.
fn station_of(name: &str) -> Option<&str> {
    let stem = name.split('.').next()?;
    let mut parts = stem.split('-');
    let (usaf, wban) = (parts.next()?, parts.next()?);
    let year = parts.next();
    let is_digits = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let valid = usaf.len() == 6
        && usaf.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && is_digits(wban, 5)
        && year.is_none_or(|year| is_digits(year, 4))
        && parts.next().is_none();
    if valid { stem.get(..12) } else { None }
}

struct Lines {
    station_id: String,
    columns: Vec<ColumnInfo>,
}

impl LineFormat for Lines {
    fn layout(&self) -> &'static str {
        "ISD-Lite"
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        let (timestamp, stored) = parsed(line)?;
        let mut values = [f64::NAN; MEASUREMENTS.len()];
        for ((value, &stored), measurement) in values.iter_mut().zip(&stored).zip(&MEASUREMENTS) {
            if stored == TRACE && measurement.trace {
                rows.trace(measurement.name);
                *value = 0.0;
            } else if stored != MISSING {
                *value = if measurement.isd_decimals == 1 { stored as f64 / 10.0 } else { stored as f64 };
            }
        }
        rows.push(&self.station_id, timestamp, &values);
        Ok(())
    }
}

/// Time and values of a line, as they are stored.
#[inline]
fn parsed(line: &[u8]) -> Result<(i64, [i64; MEASUREMENTS.len()]), String> {
    let Some((fixed, rest)) = line.split_first_chunk::<LINE>() else {
        return Err(format!("has {} characters, expected {LINE} of ISD-Lite", line.len()));
    };
    if !rest.trim_ascii().is_empty() {
        return Err(format!("has {} characters, expected {LINE} of ISD-Lite", line.len()));
    }
    let part = |from: usize, to: usize| fixed.get(from..to).and_then(integer);
    let timestamp = (|| civil_micros(part(0, 4)?, part(5, 7)?, part(8, 10)?, part(11, 13)?, 0, 0))();
    let timestamp = timestamp.ok_or_else(|| {
        format!("begins with {}, expected a time such as \"2017 01 31 23\"", shown(&fixed[..KEY]))
    })?;
    let mut stored = [0; MEASUREMENTS.len()];
    let fields = fixed[KEY..].as_chunks::<WIDTH>().0;
    for ((stored, field), measurement) in stored.iter_mut().zip(fields).zip(&MEASUREMENTS) {
        *stored = integer(field)
            .ok_or_else(|| format!("{} is {}, expected an integer", measurement.name, shown(field)))?;
    }
    Ok((timestamp, stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_of_file_names() {
        for (name, expected) in [
            ("724060-93721-2017", Some("724060-93721")),
            ("A00001-99999-2017.txt", Some("A00001-99999")),
            ("724060-93721", Some("724060-93721")),
            ("724060-93721-17", None),
            ("724060-93721-2017-1", None),
            ("72406-93721-2017", None),
            ("724060-9372x-2017", None),
            ("2017", None),
            ("", None),
        ] {
            assert_eq!(station_of(name), expected, "{name}");
        }
    }
}
