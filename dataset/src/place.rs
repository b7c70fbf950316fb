//! Places that the rows of a source say: name and position of a station, row by row, to the first and the last of them.

use serde::{Deserialize, Serialize};

use crate::geography::Position;

/// Elevations from here on, and those of [`NO_ELEVATION_M`] and less, say that the elevation is unknown, in metres.
const NO_HIGHER_M: f64 = 9999.0;
/// Elevations of this and less say that the elevation is unknown, in metres.
pub(crate) const NO_ELEVATION_M: f64 = -999.0;

/// What is known of where a station stands; `None` of what is not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// FIPS code of the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Postal code of the state, in the United States and Canada.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Latitude and longitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Height above the sea, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elevation: Option<f64>,
}

impl Place {
    /// This place, and of what it does not say what `other` says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            country: self.country.or(other.country),
            state: self.state.or(other.state),
            position: self.position.or(other.position),
            elevation: self.elevation.or(other.elevation),
        }
    }
}

/// A height above the sea in metres; `None` of the numbers that say in NOAA's files that it is unknown.
#[must_use]
pub fn elevation(metres: f64) -> Option<f64> {
    (metres > NO_ELEVATION_M && metres < NO_HIGHER_M).then_some(metres)
}

/// A place with the time of the row that says it, in microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceAt {
    /// Time of the row.
    pub time: i64,
    /// What it says.
    #[serde(flatten)]
    pub place: Place,
}

/// The first and the last place with a position that the rows of a station say, by time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaidPlaces {
    /// The first.
    pub first: PlaceAt,
    /// The last: the one that counts.
    pub last: PlaceAt,
}

impl SaidPlaces {
    /// The places of rows that all say the same, from the first of them to the last.
    #[must_use]
    pub fn new(place: &Place, first: i64, last: i64) -> Self {
        let at = |time| PlaceAt { time, place: place.clone() };
        Self { first: at(first), last: at(last) }
    }

    /// Adds the places that other rows of the station say. Of two rows of one time, the one added later counts as the last.
    pub fn add(&mut self, other: &Self) {
        if other.first.time < self.first.time {
            self.first = other.first.clone();
        }
        if other.last.time >= self.last.time {
            self.last = other.last.clone();
        }
    }

    /// How far the station moved between its first and its last place, in km.
    #[must_use]
    pub fn moved_km(&self) -> f64 {
        match (self.first.place.position, self.last.place.position) {
            (Some(first), Some(last)) => first.distance_km(last),
            _ => 0.0,
        }
    }
}
