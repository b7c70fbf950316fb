//! Kinds of events: which measurement they are of, and which way it exceeds.

use std::fmt::{self, Display};

/// What is extreme in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Strong wind.
    Wind,
    /// Low pressure at sea level.
    LowPressure,
    /// Temperatures that are high for the time of the year.
    Heat,
    /// Temperatures that are low for the time of the year.
    Cold,
    /// Heavy precipitation.
    Rain,
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Self; 5] = [Self::Wind, Self::LowPressure, Self::Heat, Self::Cold, Self::Rain];

    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wind => "wind",
            Self::LowPressure => "low_pressure",
            Self::Heat => "heat",
            Self::Cold => "cold",
            Self::Rain => "rain",
        }
    }

    /// The kind of that name; `None` where there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The measurements that it may be of: the first of which a station has a value counts.
    #[must_use]
    pub fn measurements(self) -> &'static [&'static str] {
        match self {
            Self::Wind => &["wind_speed_rate"],
            Self::LowPressure => &[PRESSURE],
            Self::Heat | Self::Cold => &["air_temperature"],
            Self::Rain => &["liquid_precipitation_1h", "liquid_precipitation_6h"],
        }
    }

    /// 1 where high values are extreme, -1 where low ones are: a value times this is the greater the more extreme it is.
    #[must_use]
    pub fn sign(self) -> f64 {
        match self {
            Self::LowPressure | Self::Cold => -1.0,
            Self::Wind | Self::Heat | Self::Rain => 1.0,
        }
    }

    /// Whether thresholds are of each calendar month and the two beside it, instead of the whole year.
    #[must_use]
    pub fn is_by_month(self) -> bool {
        matches!(self, Self::Heat | Self::Cold)
    }

    /// How many times its threshold an exceedance is, at least 1. Temperatures are compared in kelvin; of what is extreme
    /// where it is low, the threshold is divided by the value.
    #[must_use]
    pub fn ratio(self, value: f64, threshold: f64) -> f64 {
        const ZERO_CELSIUS_K: f64 = 273.15;
        match self {
            Self::Wind | Self::Rain => value / threshold,
            Self::LowPressure => threshold / value,
            Self::Heat => (value + ZERO_CELSIUS_K) / (threshold + ZERO_CELSIUS_K),
            Self::Cold => (threshold + ZERO_CELSIUS_K) / (value + ZERO_CELSIUS_K),
        }
    }
}

/// The measurement that tells of a storm beside its wind.
pub const PRESSURE: &str = "sea_level_pressure";

impl Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
