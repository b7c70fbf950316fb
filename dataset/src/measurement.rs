//! The eight measurements of ISD: their names in a dataset, their units, and the scale that ISD stores them with.

/// One measurement of the Integrated Surface Database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// Canonical column name.
    pub name: &'static str,
    /// Units of the physical value in UDUNITS spelling; `1` for a code.
    pub units: &'static str,
    /// What the column holds, for people.
    pub long_name: &'static str,
    /// Power of ten that ISD's stored integers are divided by: 1 for tenths, 0 for whole units.
    pub isd_decimals: u8,
    /// Whether a mean and a standard deviation are meaningful: a direction is circular, a sky condition is a code, and
    /// precipitation is 0 nearly always, so that the first drop lies infinitely far from a dry window.
    pub linear: bool,
    /// Whether ISD stores -1 for an amount too small to measure, which becomes 0.
    pub trace: bool,
}

/// All eight, in the order in which a dataset holds them.
pub const MEASUREMENTS: [Measurement; 8] = [
    measurement("air_temperature", "degC", "air temperature", 1, true),
    measurement("dew_point_temperature", "degC", "dew point temperature", 1, true),
    measurement("sea_level_pressure", "hPa", "sea level pressure", 1, true),
    measurement("wind_direction", "degree", "direction the wind blows from", 0, false),
    measurement("wind_speed_rate", "m s-1", "wind speed", 1, true),
    measurement("sky_condition", "1", "sky condition total coverage code", 0, false),
    precipitation("liquid_precipitation_1h", "liquid precipitation in 1 hour"),
    precipitation("liquid_precipitation_6h", "liquid precipitation in 6 hours"),
];

const fn measurement(
    name: &'static str,
    units: &'static str,
    long_name: &'static str,
    isd_decimals: u8,
    linear: bool,
) -> Measurement {
    Measurement { name, units, long_name, isd_decimals, linear, trace: false }
}

const fn precipitation(name: &'static str, long_name: &'static str) -> Measurement {
    Measurement { trace: true, ..measurement(name, "mm", long_name, 1, false) }
}

impl Measurement {
    /// Finds a measurement by its canonical name; `None` where there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        MEASUREMENTS.iter().find(|m| m.name == name)
    }

    /// Whether a mean and a standard deviation of a column are meaningful, as far as its name says: see
    /// [`Measurement::linear`]. Columns of other names are taken to be so, but for other totals of precipitation.
    #[must_use]
    pub fn is_linear(name: &str) -> bool {
        Self::named(name).map_or_else(|| !name.contains("precipitation"), |measurement| measurement.linear)
    }
}
