//! What netCDF variables mean: their attributes and names in; times, stations, measurements and flags out.

use super::catalog::{Entry, Scope};
use super::texts;
use super::variables::Variable;
use crate::Result;
use crate::formats::hdf5::library::{Attribute, Number, Scalar};

/// What HadISD stores for a missing value: in floating point, and in integers.
pub const HADISD_MISSING: (Number, Number) = (Number::F64(-1e30), Number::Int(-999));
/// What HadISD stores for a value that its quality control removed.
pub const HADISD_FLAGGED: (Number, Number) = (Number::F64(-2e30), Number::Int(-888));

/// HadISD's names of the measurements.
const HADISD: [(&str, &str); 7] = [
    ("air_temperature", "temperatures"),
    ("dew_point_temperature", "dewpoints"),
    ("sea_level_pressure", "slp"),
    ("wind_direction", "winddirs"),
    ("wind_speed_rate", "windspeeds"),
    ("liquid_precipitation_1h", "precip1_depth"),
    ("liquid_precipitation_6h", "precip6_depth"),
];

/// CF standard names of the measurements.
const STANDARD_NAMES: [(&str, &[&str]); 5] = [
    ("air_temperature", &["air_temperature"]),
    ("dew_point_temperature", &["dew_point_temperature"]),
    ("sea_level_pressure", &["air_pressure_at_mean_sea_level", "air_pressure_at_sea_level"]),
    ("wind_direction", &["wind_from_direction"]),
    ("wind_speed_rate", &["wind_speed"]),
];

/// What variables of stations are called, the surest first.
const STATION_NAMES: [&str; 18] = [
    "station_id",
    "stationid",
    "station_identifier",
    "wigos_id",
    "wmo_id",
    "wmo",
    "platform_id",
    "platform_code",
    "site_id",
    "icao",
    "stid",
    "station",
    "stations",
    "site",
    "platform",
    "station_name",
    "stationname",
    "platform_name",
];

/// Attributes of a file that name its station, the surest first.
const STATION_ATTRIBUTES: [&str; 10] = [
    "station_id",
    "wigos_station_identifier",
    "wigos_id",
    "wmo_id",
    "wmo_platform_code",
    "platform_code",
    "station_code",
    "station",
    "site",
    "station_name",
];

/// Words for statistics of a longer period, and for temperatures of something else than the air,
/// that go by the same standard name.
const OTHERS: [&str; 12] = [
    "maximum",
    "minimum",
    "standard_deviation",
    "standard deviation",
    "std dev",
    "variance",
    "range",
    "gust",
    " last ",
    "grass",
    "soil",
    "water",
];

/// Whether the names of the variables are those of HadISD.
pub fn is_hadisd(variables: &[Variable]) -> bool {
    ["temperatures", "dewpoints", "windspeeds"].iter().all(|name| variables.iter().any(|v| v.name == *name))
}

/// Name of HadISD's variable that holds a measurement; `None` where it has none.
pub fn hadisd_variable(measurement: &str) -> Option<&'static str> {
    HADISD.iter().find(|(name, _)| *name == measurement).map(|(_, variable)| *variable)
}

/// Whether the variable holds numbers.
pub fn is_number(variable: &Variable) -> bool {
    matches!(variable.entry.scalar, Scalar::Number(_))
}

/// Whether the variable's units are such as `hours since 1970-01-01`.
pub fn is_time(variable: &Variable) -> bool {
    is_number(variable)
        && variable.entry.text("units").is_some_and(|units| units.to_ascii_lowercase().contains(" since "))
}

/// Whether the variable says where a station is.
pub fn is_position(variable: &Variable) -> bool {
    let position = |text: &str| {
        let text = text.to_ascii_lowercase();
        [
            "lat",
            "lon",
            "latitude",
            "longitude",
            "alt",
            "altitude",
            "elev",
            "elevation",
            "height",
            "surface_altitude",
        ]
        .contains(&text.as_str())
    };
    position(&variable.name) || variable.entry.text("standard_name").is_some_and(|name| position(&name))
}

/// A direction on the globe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// North and south.
    Latitude,
    /// East and west.
    Longitude,
}

/// Whether a dimension of that name runs along latitudes or longitudes.
pub fn is_called(name: &str, position: Position) -> bool {
    let known: &[&str] = match position {
        Position::Latitude => &["lat", "latitude", "nlat", "rlat"],
        Position::Longitude => &["lon", "longitude", "nlon", "rlon", "long"],
    };
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a coordinate variable holds latitudes or longitudes, by its standard name or units.
pub fn is_along(variable: &Variable, position: Position) -> bool {
    let text = |name: &str| variable.entry.text(name).map(|text| text.to_ascii_lowercase());
    let (names, units) = match position {
        Position::Latitude => (["latitude", "grid_latitude"], "degrees_north"),
        Position::Longitude => (["longitude", "grid_longitude"], "degrees_east"),
    };
    text("standard_name").is_some_and(|name| names.contains(&&*name))
        || text("units").is_some_and(|found| found == units)
}

/// Whether the variable holds codes that qualify another.
pub fn is_flag(variable: &Variable) -> bool {
    let has = |name: &str| matches!(variable.entry.attribute(name), Ok(Some(_)));
    ["flag_values", "flag_masks", "flag_meanings"].iter().any(|name| has(name))
        || variable
            .entry
            .text("standard_name")
            .is_some_and(|name| name.ends_with("_flag") || name.contains("status_flag"))
        || variable.name.starts_with("qc_")
        || variable.name.ends_with("_qc")
}

/// Whether the variable is the measurement by its standard name, and nothing else by its description.
pub fn measures(variable: &Variable, measurement: &str) -> bool {
    let Some((_, names)) = STANDARD_NAMES.iter().find(|(name, _)| *name == measurement) else { return false };
    let text = |name: &str| variable.entry.text(name).map(|text| text.to_ascii_lowercase());
    let described: Vec<String> = [text("cell_methods"), text("long_name")].into_iter().flatten().collect();
    text("standard_name").is_some_and(|name| names.contains(&&*name))
        && !OTHERS.iter().any(|word| described.iter().any(|text| text.contains(word)))
}

/// Index of the variable that holds the times of the rows.
///
/// The one that the user names; else one whose units are such and that has at most one dimension longer than 1 (or
/// two, where there are no others): preferably called `time`, then with that standard name or axis, then with the word
/// in its name, the first of equals. `None` where there is none.
pub fn time(scope: &Scope, variables: &[Variable]) -> Option<usize> {
    if let Some(mapped) = scope.mapped("timestamp") {
        let mapped = mapped.trim_matches('/');
        let place = scope.place(mapped);
        return variables
            .iter()
            .position(|v| (v.entry.place == mapped || v.entry.place == place) && is_number(v));
    }
    let bounds: Vec<String> = variables.iter().filter_map(|variable| variable.entry.text("bounds")).collect();
    let rank = |variable: &Variable| {
        let text = |name: &str| variable.entry.text(name);
        let by_meaning = if variable.name.eq_ignore_ascii_case("time") {
            0
        } else if text("standard_name").as_deref() == Some("time") || text("axis").as_deref() == Some("T") {
            1
        } else if variable.name.to_ascii_lowercase().contains("time") {
            2
        } else {
            3
        };
        let long = variable.entry.dataset.shape().iter().filter(|&&length| length > 1).count();
        // Along one dimension, then a single time, then one for each of two.
        (if long == 2 { 3 } else { 0 }, by_meaning, usize::from(long == 0))
    };
    let candidates = variables.iter().enumerate().filter(|(_, variable)| {
        is_time(variable)
            && !bounds.contains(&variable.name)
            && variable.entry.dataset.shape().iter().filter(|&&length| length > 1).count() <= 2
    });
    candidates.min_by_key(|(at, variable)| (rank(variable), *at)).map(|(at, _)| at)
}

/// Index of the variable that names the stations; `None` where none does.
pub fn station(scope: &Scope, variables: &[Variable]) -> Option<usize> {
    if let Some(mapped) = scope.mapped("station_id") {
        let mapped = mapped.trim_matches('/');
        let place = scope.place(mapped);
        return variables.iter().position(|v| v.entry.place == mapped || v.entry.place == place);
    }
    let rank = |variable: &Variable| {
        let text = |name: &str| variable.entry.text(name);
        if text("cf_role").as_deref() == Some("timeseries_id") {
            return Some(0);
        }
        if matches!(text("standard_name").as_deref(), Some("platform_id" | "station_id" | "station_wmo_id")) {
            return Some(1);
        }
        let name = variable.name.to_ascii_lowercase();
        STATION_NAMES.iter().position(|known| *known == name).map(|position| position + 2)
    };
    let candidates = variables.iter().enumerate().filter(|(_, variable)| {
        let dataset = &*variable.entry.dataset;
        texts::are_names(dataset)
            && !variable.entry.is_bare_dimension()
            && texts::dimensions(dataset).iter().filter(|&&length| length > 1).count() <= 1
    });
    candidates.filter_map(|(at, variable)| Some((rank(variable)?, at))).min().map(|(_, at)| at)
}

/// The attribute of the group that names its only station, as a message calls it, and that name; `None` where there is
/// none.
pub fn station_attribute(scope: &Scope) -> Option<(String, String)> {
    let text = |name: &str| -> Option<String> {
        match &scope.attribute(name)? {
            Attribute::Numbers(numbers) => match numbers.as_slice() {
                [Number::Int(number)] => Some(format!("{number:06}")),
                _ => None,
            },
            other => other.text().map(str::to_owned),
        }
    };
    if let Some((name, station)) = STATION_ATTRIBUTES.iter().find_map(|name| Some((*name, text(name)?))) {
        return Some((format!("the attribute {name}"), station));
    }
    // ARM: a site, and a facility at it.
    let (site, facility) = (text("site_id")?, text("facility_id"));
    match facility {
        Some(facility) => {
            // Some write `E13: Lamont, Oklahoma`.
            let facility = facility.split_once([':', ' ']).map_or(&*facility, |(facility, _)| facility);
            Some(("the attributes site_id and facility_id".into(), format!("{site}{facility}")))
        }
        None => Some(("the attribute site_id".into(), site)),
    }
}

/// Number of the first station in an indexed ragged array: 0 unless the attribute `start_index` says another.
///
/// # Errors
/// An attribute that cannot be read.
pub fn first_index(scope: &Scope, entry: &Entry) -> Result<i128> {
    let attribute = entry.attribute_in(scope, "start_index")?;
    Ok(match attribute.and_then(|attribute| attribute.number()) {
        Some(Number::Int(first)) => first,
        _ => 0,
    })
}
