//! Places that rows say: what each row says of its station in, the first and the last place of each station out.

use std::collections::BTreeMap;

use isd_dataset::geography::Position;
use isd_dataset::place::{Place, SaidPlaces, elevation};

use super::decimal;

/// What a row says of where its station is, as it is written; empty where it says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The station's name.
    pub name: &'a [u8],
    /// Its latitude, in the units of the source.
    pub latitude: &'a [u8],
    /// Its longitude, likewise.
    pub longitude: &'a [u8],
    /// Its height above the sea, likewise.
    pub elevation: &'a [u8],
}

impl Said<'_> {
    /// The place, where positions are in degrees and elevations in metres; `None` where the position is missing.
    pub fn in_degrees(self) -> Option<Place> {
        let number = |field: &[u8]| decimal(field, 0);
        let position = Position::of_station(number(self.latitude)?, number(self.longitude)?)?;
        let name = String::from_utf8_lossy(self.name);
        let name = name.trim();
        Some(Place {
            name: (!name.is_empty()).then(|| name.to_owned()),
            position: Some(position),
            elevation: number(self.elevation).and_then(elevation),
            ..Place::default()
        })
    }

    fn fields(&self) -> [&[u8]; 4] {
        [self.name, self.latitude, self.longitude, self.elevation]
    }
}

/// The places of some rows. Rows mostly say what the one before said, of which only the time is looked at.
#[derive(Debug, Default)]
pub struct Places {
    current: Option<Current>,
    found: BTreeMap<String, SaidPlaces>,
}

/// What consecutive rows of a station say alike.
#[derive(Debug)]
struct Current {
    station: String,
    said: [Vec<u8>; 4],
    /// `None` where it is no place.
    place: Option<Place>,
    /// Earliest and latest time of these rows.
    times: (i64, i64),
}

impl Places {
    /// Takes what a row says; `read` makes a place of it.
    #[inline]
    pub fn take(
        &mut self,
        station: &str,
        time: i64,
        said: Said<'_>,
        read: impl FnOnce(Said<'_>) -> Option<Place>,
    ) {
        if let Some(current) = &mut self.current
            && current.station == station
            && current.said.iter().zip(said.fields()).all(|(before, now)| before == now)
        {
            current.times = (current.times.0.min(time), current.times.1.max(time));
            return;
        }
        self.end_current();
        let (station, times) = (station.to_owned(), (time, time));
        let fields = said.fields().map(<[u8]>::to_vec);
        self.current = Some(Current { station, said: fields, place: read(said), times });
    }

    /// Adds the places of the rows that follow.
    pub fn append(&mut self, other: Self) {
        self.end_current();
        for (station, places) in other.finish() {
            self.add(station, places);
        }
    }

    /// The first and the last place of each station.
    pub fn finish(mut self) -> BTreeMap<String, SaidPlaces> {
        self.end_current();
        self.found
    }

    fn end_current(&mut self) {
        if let Some(Current { station, place: Some(place), times: (first, last), .. }) = self.current.take() {
            self.add(station, SaidPlaces::new(&place, first, last));
        }
    }

    fn add(&mut self, station: String, places: SaidPlaces) {
        match self.found.get_mut(&station) {
            Some(known) => known.add(&places),
            None => _ = self.found.insert(station, places),
        }
    }
}
