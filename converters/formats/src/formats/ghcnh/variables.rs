//! The columns of GHCNh's files: their names in, columns with units and the meaning of their values out.

use super::quality::{self, Checked, Letters};
use isd_dataset::place::Place;

use crate::formats::text::{Rows, Said, decimal, shown};
use crate::{ColumnInfo, Measurement};

/// Names of the column that holds the station, in versions 1.0 and 1.1.
const STATION_NAMES: [&str; 2] = ["station_id", "station"];
/// Characters of a station's id in GHCN.
const GHCN_ID: usize = 11;
/// Number of columns that hold a time together.
pub const TIME_FIELDS: usize = 5;
/// Names of the columns that hold the parts of a time, in both versions.
const TIME_NAMES: [&str; TIME_FIELDS] = ["year", "month", "day", "hour", "minute"];
/// Names of the columns that say where the station is, in versions 1.0 and 1.1: its name, latitude, longitude and elevation.
pub const PLACE_NAMES: [[&str; 2]; 4] =
    [["station_name", "name"], ["latitude", "lat"], ["longitude", "lon"], ["elevation", "elev"]];
/// Name of the column that holds a whole time, in version 1.1; files by year have no other.
const DATE_NAME: &str = "date";

/// A numeric variable of GHCNh.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name in the files, in lower case.
    pub name: &'static str,
    /// Its name in the dataset: that of ISD's measurement where it is one.
    pub column: &'static str,
    units: Option<&'static str>,
    long_name: &'static str,
    kind: Kind,
}

/// What a variable's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Numbers are values.
    Plain,
    /// 999 and `VRB` are no direction; a calm has direction 0, as in ISD-Lite.
    Direction,
    /// A trace amount is 0 mm.
    Precipitation,
}

/// What says the time of a row.
#[derive(Debug, Clone, Copy)]
pub enum Time<T> {
    /// Year, month, day, hour and minute, each by itself.
    Fields([T; TIME_FIELDS]),
    /// A whole time.
    Date(T),
}

impl Time<usize> {
    /// The time with `to` of each place in its place.
    pub fn map(self, to: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Fields(fields) => Self::Fields(fields.map(to)),
            Self::Date(date) => Self::Date(to(date)),
        }
    }

    /// The places of all columns.
    pub fn places(&self) -> &[usize] {
        match self {
            Self::Fields(fields) => fields,
            Self::Date(date) => std::slice::from_ref(date),
        }
    }
}

/// Which columns of a file hold the station, the time and the variables, counted from 0.
pub struct Places {
    pub station: usize,
    pub time: Time<usize>,
    pub variables: Vec<VariablePlaces>,
    /// By [`PLACE_NAMES`]; `None` of those that the file lacks.
    pub place: [Option<usize>; PLACE_NAMES.len()],
    /// Which letters stand in the columns of quality codes.
    pub letters: Letters,
}

/// Which columns of a file hold one of [`VARIABLES`] and its flags.
pub struct VariablePlaces {
    /// Its index in [`VARIABLES`].
    pub index: usize,
    pub value: usize,
    /// By [`Flag`]; `None` of those that the file lacks.
    pub flags: [Option<usize>; FLAGS],
}

/// The place that a row gives in degrees and metres; `None` where its position is missing. The country is the FIPS code that
/// the id of a station begins with.
pub fn place(station_id: &[u8], said: Said<'_>) -> Option<Place> {
    let country = station_id.get(..2).filter(|code| code.iter().all(u8::is_ascii_uppercase));
    let country = country
        .filter(|_| station_id.len() == GHCN_ID)
        .map(|code| String::from_utf8_lossy(code).into_owned());
    Some(Place { country, ..said.in_degrees()? })
}

impl Places {
    /// Finds all columns, of `columns` in the file. `place` gives the place of the column of a name, in lower case.
    ///
    /// # Errors
    /// A column that the file lacks, and what was expected.
    pub fn find(
        columns: usize,
        place: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, (&'static str, &'static str)> {
        let station = STATION_NAMES.into_iter().find_map(&place);
        let station = station.ok_or(("Station_ID", "Station_ID or STATION"))?;
        let time = match TIME_NAMES.map(&place) {
            [Some(year), Some(month), Some(day), Some(hour), Some(minute)] => {
                Time::Fields([year, month, day, hour, minute])
            }
            _ => Time::Date(place(DATE_NAME).ok_or(("DATE", "Year, Month, Day, Hour and Minute, or DATE"))?),
        };
        let variables = VARIABLES.iter().enumerate().filter_map(|(index, variable)| {
            let flag = |flag: Flag| place(&variable.flag_name(flag));
            let flags = [Flag::Measurement, Flag::Quality, Flag::Source].map(flag);
            Some(VariablePlaces { index, value: place(variable.name)?, flags })
        });
        let variables: Vec<_> = variables.collect();
        if variables.is_empty() {
            return Err(("temperature", "it or another variable of GHCNh"));
        }
        let letters = Letters::of_file(columns, place(STATION_NAMES[0]).is_some());
        let place = PLACE_NAMES.map(|names| names.into_iter().find_map(&place));
        Ok(Self { station, time, variables, place, letters })
    }
}

/// Whether a field is a name of the column that holds the station.
pub fn is_station_name(field: &[u8]) -> bool {
    STATION_NAMES.iter().any(|name| field.eq_ignore_ascii_case(name.as_bytes()))
}

/// Number of [`Flag`]s.
pub const FLAGS: usize = 3;

/// One of the columns that follow a variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// How it was measured, and whether wind is calm or variable or an amount of precipitation a trace.
    Measurement,
    /// Whether it passed quality control.
    Quality,
    /// Number of the archive that it comes from.
    Source,
}

/// All numeric variables: ISD's measurements first, in canonical order, then the others as the files have them.
///
/// `precipitation_5_minute`, `precipitation_15_minute` and `ceiling_height` came with version 1.1.0. Left out are texts
/// (present weather, `sky_condition`, remarks) and the heights of cloud layers, which are lists and no series.
pub const VARIABLES: [Variable; 25] = [
    measured("temperature", "air_temperature", Kind::Plain),
    measured("dew_point_temperature", "dew_point_temperature", Kind::Plain),
    measured("sea_level_pressure", "sea_level_pressure", Kind::Plain),
    measured("wind_direction", "wind_direction", Kind::Direction),
    measured("wind_speed", "wind_speed_rate", Kind::Plain),
    measured("precipitation", "liquid_precipitation_1h", Kind::Precipitation),
    measured("precipitation_6_hour", "liquid_precipitation_6h", Kind::Precipitation),
    other("station_level_pressure", Some("hPa"), "pressure at the station"),
    other("wind_gust", Some("m s-1"), "peak wind speed"),
    other("relative_humidity", Some("percent"), "relative humidity, derived from temperature and dew point"),
    other("wet_bulb_temperature", Some("degC"), "wet bulb temperature, derived"),
    // NOAA's documents say millimetres in one place and centimetres in another.
    other("snow_depth", None, "depth of snow on the ground"),
    other("visibility", Some("km"), "horizontal visibility"),
    other("altimeter", Some("hPa"), "pressure reduced to sea level in the standard atmosphere"),
    other("pressure_3hr_change", Some("hPa"), "pressure change in 3 hours"),
    other("ceiling_height", Some("m"), "height of the lowest broken or overcast layer"),
    precipitation("precipitation_5_minute", "liquid precipitation in 5 minutes"),
    precipitation("precipitation_15_minute", "liquid precipitation in 15 minutes"),
    precipitation("precipitation_3_hour", "liquid precipitation in 3 hours"),
    precipitation("precipitation_9_hour", "liquid precipitation in 9 hours"),
    precipitation("precipitation_12_hour", "liquid precipitation in 12 hours"),
    precipitation("precipitation_15_hour", "liquid precipitation in 15 hours"),
    precipitation("precipitation_18_hour", "liquid precipitation in 18 hours"),
    precipitation("precipitation_21_hour", "liquid precipitation in 21 hours"),
    precipitation("precipitation_24_hour", "liquid precipitation in 24 hours"),
];

/// What the user should know about how values are taken.
pub const NOTES: [&str; 2] = [
    "liquid_precipitation_1h is GHCNh's precipitation: the total of the past hour, or in a special report what fell since \
     the last hourly one",
    "sky_condition is a text in GHCNh and left out; so are present weather and cloud layers",
];

/// A variable that is one of ISD's measurements, whose units and long name [`Variable::info`] takes.
const fn measured(name: &'static str, column: &'static str, kind: Kind) -> Variable {
    Variable { name, column, units: None, long_name: "", kind }
}

const fn other(name: &'static str, units: Option<&'static str>, long_name: &'static str) -> Variable {
    Variable { name, column: name, units, long_name, kind: Kind::Plain }
}

const fn precipitation(name: &'static str, long_name: &'static str) -> Variable {
    Variable { name, column: name, units: Some("mm"), long_name, kind: Kind::Precipitation }
}

/// The columns of [`VARIABLES`], which are those of every file.
pub fn columns() -> Vec<ColumnInfo> {
    VARIABLES.iter().map(Variable::info).collect()
}

impl Variable {
    /// Name of the column that holds a flag of the variable.
    pub fn flag_name(&self, flag: Flag) -> String {
        let suffix = match flag {
            Flag::Measurement => "measurement_code",
            Flag::Quality => "quality_code",
            Flag::Source => "source_code",
        };
        format!("{}_{suffix}", self.name)
    }

    /// What is known of the variable's column. It has no resolution: values are decimals of no fixed number of digits.
    fn info(&self) -> ColumnInfo {
        let measurement = Measurement::named(self.column);
        ColumnInfo {
            name: self.column.to_owned(),
            origin: Some(self.name.to_owned()),
            units: measurement.map(|m| m.units).or(self.units).map(str::to_owned),
            long_name: Some(measurement.map_or(self.long_name, |m| m.long_name).to_owned()),
            resolution: None,
        }
    }

    /// The number that a text holds; NaN where it is missing.
    ///
    /// # Errors
    /// What is wrong with a text that is no number.
    pub fn number(&self, text: &[u8]) -> Result<f64, String> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(f64::NAN);
        }
        decimal(text, 0)
            .or_else(|| self.is_missing(text).then_some(f64::NAN))
            .ok_or_else(|| format!("{} is {}, expected a number", self.name, shown(text)))
    }

    fn is_missing(&self, text: &[u8]) -> bool {
        text.eq_ignore_ascii_case(b"null")
            || text.eq_ignore_ascii_case(b"nan")
            || (self.kind == Kind::Direction && text.eq_ignore_ascii_case(b"VRB"))
    }

    /// Whether a missing number is a missing value whatever its flags are.
    pub fn is_plain(&self) -> bool {
        self.kind == Kind::Plain
    }

    /// Sets the value of the row begun last, or counts why it has none.
    ///
    /// `number` is the one in the file, NaN where there is none; `flag` gives the variable's flags, empty where absent;
    /// `failing` are the letters by which values fail, `None` where those that failed stay.
    pub fn store<'a>(
        &self,
        rows: &mut Rows,
        column: usize,
        number: f64,
        flag: impl Fn(Flag) -> &'a [u8],
        failing: Option<Letters>,
    ) {
        let (value, trace) = self.value(number, &flag);
        if value.is_nan() {
            return;
        }
        if let Some(letters) = failing {
            let code = flag(Flag::Quality);
            if !code.is_empty()
                && let Some(what) = quality::failed(code, flag(Flag::Source), self.checked(), letters)
            {
                rows.reject(self.column, what);
                return;
            }
        }
        if trace {
            rows.trace(self.column);
        }
        rows.set(column, value);
    }

    fn checked(&self) -> Checked {
        match self.name {
            _ if self.kind == Kind::Precipitation => Checked::Precipitation,
            "relative_humidity" | "wet_bulb_temperature" => Checked::Derived,
            _ => Checked::Other,
        }
    }

    /// What a number means, and whether it is a trace.
    fn value<'a>(&self, number: f64, flag: impl Fn(Flag) -> &'a [u8]) -> (f64, bool) {
        let number = if number == -9999.0 { f64::NAN } else { number };
        match self.kind {
            // A direction that is reported counts, even where the wind varies.
            Kind::Direction if number.is_nan() || number == 999.0 => {
                (if flag(Flag::Measurement).starts_with(b"C") { 0.0 } else { f64::NAN }, false)
            }
            // "2-hr-accum" is no trace.
            Kind::Precipitation if number.is_nan() || number == 0.0 => match flag(Flag::Measurement) {
                b"T" | b"2" | b"2-Trace" => (0.0, true),
                _ => (number, false),
            },
            Kind::Plain | Kind::Direction | Kind::Precipitation => (number, false),
        }
    }
}
