//! What is planted: its kinds and their names, and a planted value.

pub(super) mod fault;
pub(super) mod pattern;
pub(super) mod spell;
pub(super) mod storm;
pub(super) mod truth;

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};

/// What was planted. Where a value is planted several times, it shows the kind that is last here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlantedKind {
    /// A storm's low pressure or wind, over the stations of a cluster: no fault.
    Storm,
    /// Days that are much warmer than usual over a cluster: no fault.
    HeatWave,
    /// Days that are much colder than usual over a cluster: no fault.
    ColdSpell,
    /// A sensor that repeats one value.
    Stuck,
    /// A single value far out of range.
    GrossError,
    /// Values that come again and again in a year.
    FrequentValue,
    /// A clock that is some hours off for weeks.
    Clock,
    /// A month, and its copy in the place of another month.
    DuplicateMonth,
    /// A day, and its copies in the place of the days after it.
    RepeatedDay,
    /// One value at the same hour of each day for weeks.
    SameHour,
    /// Temperatures in degrees Fahrenheit for weeks.
    Fahrenheit,
    /// Dew points above the temperature.
    DewPoint,
    /// A few wrong reports within days without any.
    IsolatedCluster,
    /// A value with its decimal point shifted by a place.
    ShiftedDecimal,
    /// One to three values that jump away and back.
    Spike,
}

impl PlantedKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 15] = [
        Self::Storm,
        Self::HeatWave,
        Self::ColdSpell,
        Self::Stuck,
        Self::GrossError,
        Self::FrequentValue,
        Self::Clock,
        Self::DuplicateMonth,
        Self::RepeatedDay,
        Self::SameHour,
        Self::Fahrenheit,
        Self::DewPoint,
        Self::IsolatedCluster,
        Self::ShiftedDecimal,
        Self::Spike,
    ];

    /// Its name in the list of what was planted.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::HeatWave => "heat_wave",
            Self::ColdSpell => "cold_spell",
            Self::Stuck => "stuck",
            Self::GrossError => "gross_error",
            Self::FrequentValue => "frequent_value",
            Self::Clock => "clock",
            Self::DuplicateMonth => "duplicate_month",
            Self::RepeatedDay => "repeated_day",
            Self::SameHour => "same_hour",
            Self::Fahrenheit => "fahrenheit",
            Self::DewPoint => "dew_point",
            Self::IsolatedCluster => "isolated_cluster",
            Self::ShiftedDecimal => "shifted_decimal",
            Self::Spike => "spike",
        }
    }

    /// The kind of that name; `None` where there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is weather that the stations of a cluster share, and no fault of one station.
    #[must_use]
    pub fn is_weather(self) -> bool {
        matches!(self, Self::Storm | Self::HeatWave | Self::ColdSpell)
    }
}

impl Display for PlantedKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for PlantedKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A planted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::synth) struct Planted {
    /// Row of the station's series.
    pub row: usize,
    /// Index of the measurement.
    pub measurement: usize,
    /// What it is.
    pub kind: PlantedKind,
    /// Number of the event: of weather within the cluster, of faults within the station and kind, or measurement.
    pub event: usize,
}
