//! Which columns of a table are its keys: the names of its columns and the reading options in, places out.

use std::path::Path;

use isd_dataset::layout::{BLOCK, STATION_ID, TIMESTAMP};
use isd_dataset::names::list;

use super::clock::Clock;
use crate::{Error, Measurement, ReadOptions, Result};

/// Usual names of the column that holds the station, in lower case, the surest first.
pub const STATION_NAMES: [&str; 6] = [STATION_ID, "stationid", "station", "stid", "id", "station_name"];
/// Usual names of the column that holds the time, in lower case, the surest first.
pub const TIME_NAMES: [&str; 8] =
    [TIMESTAMP, "datetime", "date_time", "valid", "valid_time", "obs_time", "time", "date"];
/// Usual names of the column that holds days where times of day have a column of their own, in lower case.
const DATE_NAMES: [&str; 2] = ["date", "day"];
/// Usual names of the column that holds times of day, in lower case, the surest first.
const CLOCK_NAMES: [&str; 6] = ["time", "time_utc", "time_of_day", "hour", "hour_utc", "hour_of_day"];
/// Usual names of a column that holds the minutes of hours, in lower case.
const MINUTE_NAMES: [&str; 3] = ["minute", "minutes", "minute_utc"];
/// Columns of ISD's two numbers of a station, which name it together.
pub const USAF: &str = "station_usaf";
/// The second of them.
pub const WBAN: &str = "station_wban";
/// Columns that are keys of a dataset or of its partitions, and so no values.
pub const KEYS: [&str; 5] = [USAF, WBAN, STATION_ID, TIMESTAMP, BLOCK];

/// A name as it is compared: keys and ISD's measurements in their usual spelling, others as they are.
pub fn known_spelling(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let known = KEYS.contains(&lower.as_str()) || Measurement::named(&lower).is_some();
    if known { lower } else { name.to_owned() }
}

/// The station of all rows, where the user says that a table is of one station: `--column station_id==NAME`.
pub fn only_station(options: &ReadOptions) -> Option<&str> {
    options.path_of(STATION_ID)?.strip_prefix('=').filter(|name| !name.is_empty())
}

/// What to do about a key that no column holds.
pub fn how_to_name(key: &str) -> String {
    match key {
        STATION_ID => {
            "name it with --column station_id=NAME, ISD's two numbers with --column station_usaf=NAME --column station_wban=NAME, or the only station with --column station_id==STATION"
        }
        TIMESTAMP => {
            "name it with --column timestamp=NAME, or with --column timestamp=DATE+TIME where two columns hold it"
        }
        other => return format!("name it with --column {other}=NAME"),
    }
    .to_owned()
}

/// The place of the column that holds the stations, by its usual names.
pub fn usual_station(names: &[String]) -> Option<usize> {
    usual(names, &STATION_NAMES)
}

/// The place of the column that holds the times, by its usual names.
pub fn usual_time(names: &[String]) -> Option<usize> {
    usual(names, &TIME_NAMES)
}

/// The places of the columns that may hold the days and the times of day, by their usual names; `None` where a column
/// whose name says that it holds both is there.
fn usual_pair(names: &[String]) -> Option<(usize, usize)> {
    let both = usual_time(names).filter(|place| {
        let name = names.get(*place).map(|name| name.to_ascii_lowercase());
        name.is_some_and(|name| !DATE_NAMES.contains(&name.as_str()) && !CLOCK_NAMES.contains(&name.as_str()))
    });
    if both.is_some() {
        return None;
    }
    usual(names, &DATE_NAMES).zip(usual(names, &CLOCK_NAMES))
}

fn usual(names: &[String], usual: &[&str]) -> Option<usize> {
    usual.iter().find_map(|usual| names.iter().position(|name| name.eq_ignore_ascii_case(usual)))
}

/// The names of a table's columns and how it is read.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// Names in the order of the file; members of structs by dotted path.
    pub names: &'a [String],
    /// How it is read.
    pub options: &'a ReadOptions,
}

impl Columns<'_> {
    /// The error of a column.
    pub fn error(&self, column: &str, found: impl Into<String>) -> Error {
        Error::Column {
            path: self.path.to_path_buf(),
            column: column.to_owned(),
            found: found.into(),
            hint: None,
        }
    }

    /// The place of a column, by its own name or the one that the user gives; `None` where there is none.
    ///
    /// # Errors
    /// A name that the user gives and that no column has.
    pub fn find(&self, column: &str) -> Result<Option<usize>> {
        let mapped = self.options.path_of(column);
        let index = self.names.iter().position(|name| name == mapped.unwrap_or(column));
        match (index, mapped) {
            (None, Some(mapped)) => Err(self.error(
                column,
                format!("is to be {mapped}, which does not exist; the file has {}", list(self.names)),
            )),
            (index, _) => Ok(index),
        }
    }

    /// The place of the column of stations: the one that the user gives, or one of a usual name.
    ///
    /// # Errors
    /// A name that the user gives and that no column has.
    pub fn station(&self) -> Result<Option<usize>> {
        Ok(self.find(STATION_ID)?.or_else(|| usual_station(self.names)))
    }

    /// The places of the columns that may hold the days and the times of day: those that the user gives as `DATE+TIME`, or
    /// two of usual names. Their contents must say whether they do.
    pub fn time_pair(&self) -> Option<(usize, usize)> {
        let Some(mapped) = self.options.path_of(TIMESTAMP) else { return usual_pair(self.names) };
        let place = |name: &str| self.names.iter().position(|other| other == name.trim());
        if place(mapped).is_some() {
            return None;
        }
        let (date, clock) = mapped.split_once('+')?;
        place(date).zip(place(clock))
    }

    /// Checks that no minutes stand in a third column beside whole hours, unless the user names the two that count: rows of
    /// one hour would be taken for duplicates.
    ///
    /// # Errors
    /// The column of the minutes.
    pub fn check_minutes(&self, clock: Option<Clock>) -> Result<()> {
        let minute = usual(self.names, &MINUTE_NAMES).and_then(|place| self.names.get(place));
        match minute {
            Some(minute) if clock == Some(Clock::Hours) && self.options.path_of(TIMESTAMP).is_none() => {
                Err(Error::Column {
                    path: self.path.to_path_buf(),
                    column: minute.clone(),
                    found: "holds minutes beside a column of hours, expected times of day in one column".into(),
                    hint: Some(
                        "write hours and minutes as one column, such as 06:30, or name what counts with --column timestamp=DATE+HOUR"
                            .into(),
                    ),
                })
            }
            _ => Ok(()),
        }
    }

    /// The place of the column of times, likewise.
    ///
    /// # Errors
    /// No column of a usual name, or a name that the user gives and that no column has.
    pub fn time(&self) -> Result<usize> {
        self.find(TIMESTAMP)?.or_else(|| usual_time(self.names)).ok_or_else(|| self.absent(TIMESTAMP))
    }

    /// The error of a key that no column holds.
    pub fn absent(&self, column: &str) -> Error {
        Error::Column {
            path: self.path.to_path_buf(),
            column: column.to_owned(),
            found: format!("does not exist; the file has {}", list(self.names)),
            hint: Some(how_to_name(column)),
        }
    }

    /// What the user should know of a key that is read from a column of another name.
    pub fn note(&self, key: &str, place: usize) -> Option<String> {
        let name = self.names.get(place).filter(|name| *name != key)?;
        self.options.path_of(key).is_none().then(|| format!("{key} is read from the column {name}"))
    }
}
