//! Events: exceedances that belong together and what stations saw of them in, an account of each event out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use chrono::DateTime;
use isd_dataset::geography::Position;
use isd_dataset::station_table::{Station, StationTable};

use super::kind::Kind;
use super::options::EventOptions;
use super::survey::Exceedance;
use super::witness::Testimony;

/// What an event is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Weather: enough stations, or other evidence.
    Event,
    /// One or two stations, while others around them saw nothing.
    SuspectedError,
    /// One or two stations, and nobody else to ask.
    Unconfirmed,
}

impl Verdict {
    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::SuspectedError => "suspected_error",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Exceedances of one kind that are near each other in space and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Derived from kind, start and place, so that it is the same in every run: `wind-20170909T1800Z-26.7N080.1W`.
    pub id: String,
    /// What is extreme.
    pub kind: Kind,
    /// What it is taken for.
    pub verdict: Verdict,
    /// Its exceedances, by time and then station.
    pub members: Vec<Exceedance>,
    /// Number of its stations.
    pub stations: usize,
    /// The most extreme of its exceedances; the first of several.
    pub peak: Exceedance,
    /// The middle of its stations; `None` of a station without a place.
    pub middle: Option<Position>,
    /// Greatest distance of two of its stations, in km.
    pub extent_km: f64,
    /// Lowest pressure at its stations from a gap before its start to a gap after its end, in hPa.
    pub lowest_pressure: Option<f64>,
    /// Sum over its stations of how many times its threshold the largest exceedance is.
    pub severity: f64,
}

/// The number of places at which the stations of some exceedances stand: stations at one place count once.
pub(super) fn places(members: &[Exceedance], table: &StationTable) -> usize {
    let key = |station: usize| match position(station, table) {
        Some(Position { latitude, longitude }) => (usize::MAX, latitude.to_bits(), longitude.to_bits()),
        None => (station, 0, 0),
    };
    members.iter().map(|member| key(member.station)).collect::<BTreeSet<_>>().len()
}

fn position(station: usize, table: &StationTable) -> Option<Position> {
    table.stations().get(station)?.place.position
}

impl Event {
    /// The account of exceedances that belong together, of which there is at least one, in order.
    pub(super) fn new(
        kind: Kind,
        members: Vec<Exceedance>,
        testimony: Testimony,
        table: &StationTable,
        options: &EventOptions,
    ) -> Option<Self> {
        let first = *members.first()?;
        let mut largest: BTreeMap<usize, f64> = BTreeMap::new();
        let mut peak = first;
        for member in &members {
            let ratio = kind.ratio(member.value, member.threshold);
            let of_station = largest.entry(member.station).or_insert(ratio);
            *of_station = of_station.max(ratio);
            if kind.sign() * member.value > kind.sign() * peak.value {
                peak = *member;
            }
        }
        let positions: Vec<Position> =
            largest.keys().filter_map(|station| position(*station, table)).collect();
        let middle = Position::middle(positions.iter().copied());
        let distances = positions
            .iter()
            .enumerate()
            .flat_map(|(at, one)| positions[at + 1..].iter().map(|other| one.distance_km(*other)));
        let verdict = if places(&members, table) >= options.least_stations || testimony.pressure_was_low {
            Verdict::Event
        } else if testimony.quiet_neighbours >= options.quiet_neighbours {
            Verdict::SuspectedError
        } else {
            Verdict::Unconfirmed
        };
        let place = middle.map_or_else(|| station_id(first.station, table).to_owned(), shown_place);
        Some(Self {
            id: format!("{kind}-{}-{place}", shown_minute(first.time)),
            kind,
            verdict,
            stations: largest.len(),
            peak,
            middle,
            extent_km: distances.fold(0.0, f64::max),
            lowest_pressure: testimony.lowest_pressure,
            severity: largest.values().sum(),
            members,
        })
    }

    /// Time of its first exceedance, in microseconds since 1970 UTC.
    #[must_use]
    pub fn start(&self) -> i64 {
        self.members.first().map_or(0, |member| member.time)
    }

    /// Time of its last exceedance.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.members.last().map_or(0, |member| member.time)
    }

    /// Where it was at each time of an exceedance: the middle of the stations that exceed then. Times without a place are
    /// left out.
    #[must_use]
    pub fn track(&self, table: &StationTable) -> Vec<(i64, Position)> {
        let of_time = self.members.chunk_by(|one, other| one.time == other.time);
        let middle = |members: &[Exceedance]| {
            let middle =
                Position::middle(members.iter().filter_map(|member| position(member.station, table)));
            Some((members.first()?.time, middle?))
        };
        of_time.filter_map(middle).collect()
    }
}

/// The station of an exceedance; `None` where the table does not have it.
#[must_use]
pub fn station(number: usize, table: &StationTable) -> Option<&Station> {
    table.stations().get(number)
}

/// The id of the station of an exceedance.
pub(super) fn station_id(number: usize, table: &StationTable) -> &str {
    station(number, table).map_or("", |station| &station.record.station_id)
}

/// A position to tenths of a degree: `26.7N080.1W`.
fn shown_place(Position { latitude, longitude }: Position) -> String {
    let tenths = |degrees: f64| (degrees * 10.0).round() / 10.0;
    let (latitude, longitude) = (tenths(latitude), tenths(longitude));
    let north = if latitude < 0.0 { 'S' } else { 'N' };
    let east = if longitude < 0.0 { 'W' } else { 'E' };
    format!("{:04.1}{north}{:05.1}{east}", latitude.abs(), longitude.abs())
}

/// A time to the minute: `20170909T1800Z`.
fn shown_minute(time: i64) -> String {
    DateTime::from_timestamp_micros(time)
        .map_or_else(|| time.to_string(), |time| time.format("%Y%m%dT%H%MZ").to_string())
}

#[cfg(test)]
mod tests {
    use isd_dataset::place::Place;
    use isd_dataset::station_table::StationRecord;

    use super::super::options::HOUR_US;
    use super::*;

    /// Stations `a` to `e`: three a degree apart across the date line, one where the first is, and one without a place.
    fn table() -> StationTable {
        let record = |id: &str| StationRecord { station_id: id.into(), first: 0, last: 1, rows: 2 };
        let mut table = StationTable::new(["a", "b", "c", "d", "e"].map(record));
        table.set_places(|id| {
            let longitude = match id {
                "a" | "d" => 179.0,
                "b" => 180.0,
                "c" => -179.0,
                _ => return None,
            };
            Some(Place { position: Position::of_station(-0.04, longitude), ..Place::default() })
        });
        table
    }

    fn event(kind: Kind, members: &[(usize, i64, f64)], testimony: Testimony) -> Event {
        let members = members.iter().map(|(station, hour, value)| Exceedance {
            station: *station,
            time: hour * HOUR_US,
            measurement: "x",
            value: *value,
            threshold: 16.0,
        });
        Event::new(kind, members.collect(), testimony, &table(), &EventOptions::default()).unwrap()
    }

    #[test]
    fn an_account_is_of_all_its_exceedances() {
        let none = Testimony { lowest_pressure: Some(980.5), ..Testimony::default() };
        let members = [(0, 0, 20.0), (1, 1, 24.0), (2, 1, 24.0), (1, 2, 17.0)];
        let event = event(Kind::Wind, &members, none);
        assert_eq!(event.id, "wind-19700101T0000Z-00.0N180.0E");
        assert_eq!((event.start(), event.end(), event.stations), (0, 2 * HOUR_US, 3));
        assert_eq!((event.peak.station, event.peak.time, event.peak.value), (1, HOUR_US, 24.0));
        assert_eq!((event.verdict, event.lowest_pressure), (Verdict::Event, Some(980.5)));
        assert!((event.severity - (1.25 + 1.5 + 1.5)).abs() < 1e-12);
        assert!((event.extent_km - 222.39).abs() < 0.01);
        let track = event.track(&table());
        assert_eq!(track.iter().map(|(time, _)| time / HOUR_US).collect::<Vec<_>>(), [0, 1, 2]);
        assert!((track[1].1.longitude - -179.5).abs() < 1e-9);
    }

    #[test]
    fn few_stations_need_evidence() {
        let verdict = |members: &[(usize, i64, f64)], pressure_was_low, quiet_neighbours| {
            event(
                Kind::Wind,
                members,
                Testimony { pressure_was_low, quiet_neighbours, lowest_pressure: None },
            )
            .verdict
        };
        let two = [(0, 0, 20.0), (1, 0, 20.0)];
        assert_eq!(verdict(&two, false, 0), Verdict::Unconfirmed);
        assert_eq!(verdict(&two, false, 2), Verdict::Unconfirmed);
        assert_eq!(verdict(&two, false, 3), Verdict::SuspectedError);
        assert_eq!(verdict(&two, true, 3), Verdict::Event);
        // Two stations at one place are one.
        assert_eq!(verdict(&[(0, 0, 20.0), (1, 0, 20.0), (3, 0, 20.0)], false, 3), Verdict::SuspectedError);
        assert_eq!(verdict(&[(0, 0, 20.0), (1, 0, 20.0), (2, 0, 20.0)], false, 9), Verdict::Event);
    }

    #[test]
    fn a_station_without_a_place_has_its_name_in_the_id() {
        let event = event(Kind::Cold, &[(4, 30, -20.0)], Testimony::default());
        assert_eq!(event.id, "cold-19700102T0600Z-e");
        assert_eq!((event.middle, event.extent_km, event.track(&table())), (None, 0.0, vec![]));
        // 289.15 K to 253.15 K.
        assert!((event.severity - 289.15 / 253.15).abs() < 1e-12);
    }
}
