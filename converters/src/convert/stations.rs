//! The stations of a dataset: what its blocks hold and what rows and lists say of places in, `_stations.csv` out.

use std::collections::BTreeMap;
use std::path::Path;

use isd_dataset::names;
use isd_dataset::place::SaidPlaces;
use isd_dataset::station_table::{StationRecord, StationTable};

use crate::Result;

/// Movements of a station up to here are not worth a note, in km.
const MOVED_KM: f64 = 1.0;

/// The stations of a dataset.
pub(super) struct Stations {
    pub(super) table: StationTable,
    /// Those whose rows say places far apart, with their distance.
    moved: Vec<String>,
}

impl Stations {
    /// Gathers the stations of `records`. Of their places, those of the list count before those that the rows of the source
    /// files say, and these before those that the dataset knew before.
    ///
    /// # Errors
    /// A list that cannot be read.
    pub(super) fn new<'a>(
        records: impl Iterator<Item = &'a StationRecord>,
        said: impl Iterator<Item = &'a BTreeMap<String, SaidPlaces>>,
        before: Option<&StationTable>,
        list: Option<&Path>,
    ) -> Result<Self> {
        let mut table = StationTable::new(records.cloned());
        let mut places: BTreeMap<&str, SaidPlaces> = BTreeMap::new();
        for (station, said) in said.flatten() {
            match places.get_mut(&**station) {
                Some(known) => known.add(said),
                None => _ = places.insert(station, said.clone()),
            }
        }
        if let Some(before) = before {
            table.set_places(|id| before.get(id).map(|station| station.place.clone()));
        }
        table.set_places(|id| places.get(id).map(|said| said.last.place.clone()));
        if let Some(list) = list {
            table.set_places_of_list(list)?;
        }
        let moved = places.iter().map(|(id, said)| (id, said.moved_km())).filter(|(_, km)| *km > MOVED_KM);
        let moved = moved.map(|(id, km)| format!("{id} ({km:.1} km)")).collect();
        Ok(Self { table, moved })
    }

    /// What the user should know of stations that moved; `None` where none did.
    pub(super) fn note(&self) -> Option<String> {
        let stations = match self.moved.len() {
            0 => return None,
            1 => "1 station".to_owned(),
            count => format!("{count} stations"),
        };
        let moved = names::list(&self.moved);
        Some(format!("{stations} moved by more than {MOVED_KM} km, the last place counts: {moved}"))
    }
}
