//! What an event is: thresholds, with their defaults.

use isd_dataset::selection::Selection;

use super::kind::Kind;

/// Microseconds of an hour.
pub const HOUR_US: i64 = 3_600_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 24 * HOUR_US;

/// How events are found and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct EventOptions {
    /// Kinds of events to find.
    pub kinds: Vec<Kind>,
    /// Events are given that have an observation of these stations and times; they are found among all observations.
    pub selection: Selection,
    /// The percentile of a station's own values beyond which a value exceeds; for what is extreme where it is low, 100 less
    /// this.
    pub percentile: f64,
    /// Wind speed that an exceedance has at least, in m/s.
    pub least_wind_m_s: f64,
    /// Exceedances at most so far apart belong together, in km; so near are neighbours, too.
    pub distance_km: f64,
    /// Exceedances at most so far apart belong together, in microseconds.
    pub gap_us: i64,
    /// An event that would last longer is cut, in microseconds.
    pub longest_us: i64,
    /// Stations that make an event by themselves.
    pub least_stations: usize,
    /// Median absolute deviations below its month's median at which pressure confirms wind.
    pub pressure_deviations: f64,
    /// The percentile of its own values below which a neighbour has seen nothing.
    pub usual_percentile: f64,
    /// Neighbours that have seen nothing, which make one or two stations suspect.
    pub quiet_neighbours: usize,
}

impl EventOptions {
    /// How far from an observation a neighbour's counts as of the same time, in microseconds.
    pub(super) const SAME_TIME_US: i64 = HOUR_US;
    /// A record that spans less is no year, in microseconds: the days of a calendar year, from its first report to its last.
    pub(super) const YEAR_US: i64 = 364 * DAY_US;
}

impl Default for EventOptions {
    fn default() -> Self {
        Self {
            kinds: Kind::ALL.to_vec(),
            selection: Selection::default(),
            percentile: 99.9,
            least_wind_m_s: 15.0,
            distance_km: 300.0,
            gap_us: 6 * HOUR_US,
            longest_us: 10 * DAY_US,
            least_stations: 3,
            pressure_deviations: 4.0,
            usual_percentile: 90.0,
            quiet_neighbours: 3,
        }
    }
}
