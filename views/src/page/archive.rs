//! All that the page knows: the arguments in; the dataset, its stations, what was found in them and events out.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use isd_dataset::measurement::Measurement;
use isd_dataset::place::Place;
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::station_table::StationTable;
use isd_kernel::RollingTest;
use rayon::prelude::*;

use super::findings::Findings;
use super::loaded::{Cache, Loaded};
use crate::drawing::shown_units;
use crate::failure::Failure;
use crate::table::{self, EventRow};

/// What the page is made of.
#[derive(Debug, Default, Clone)]
pub struct Files {
    /// Outliers; without them, those of the test.
    pub outliers: Option<PathBuf>,
    /// Flags.
    pub flags: Option<PathBuf>,
    /// Events.
    pub events: Option<PathBuf>,
    /// The observations that events are made of.
    pub members: Option<PathBuf>,
}

/// A station of the dataset.
#[derive(Debug, Clone)]
pub struct ArchiveStation {
    /// Its id.
    pub id: String,
    /// What is known of where it is.
    pub place: Place,
    /// The times of its first and last row; `None` where no table of stations says them.
    pub span: Option<(i64, i64)>,
    /// Number of its rows.
    pub rows: u64,
    /// The row groups that hold it, and its rows in each.
    groups: Vec<(usize, Range<usize>)>,
}

/// A measurement of the dataset.
#[derive(Debug, Clone)]
pub struct ArchiveMeasurement {
    /// Its column.
    pub name: String,
    /// Its units, as people write them.
    pub units: String,
}

/// All that the page knows.
#[derive(Debug)]
pub struct Archive {
    /// Where the dataset lies.
    pub dataset: Dataset,
    /// Its stations, by id.
    pub stations: Vec<ArchiveStation>,
    /// Its measurements, in the order of its columns.
    pub measurements: Vec<ArchiveMeasurement>,
    /// Outliers, flags and exceedances.
    pub findings: Findings,
    /// Events, most severe first.
    pub events: Vec<EventRow>,
    /// The stations of each event, most severe first; empty where no file says them.
    pub members: Vec<Vec<u32>>,
    /// Whether a file says which values are outliers; else the test does.
    pub has_outliers: bool,
    /// The test whose band is drawn.
    pub test: RollingTest,
    groups: Vec<RowGroup>,
    cache: Cache,
}

impl Archive {
    /// Opens a dataset whose stations are at the places of `table`, and reads the files.
    ///
    /// # Errors
    /// A dataset or a file that cannot be read.
    pub fn open(
        dataset: Dataset,
        table: &StationTable,
        files: &Files,
        test: RollingTest,
    ) -> Result<Self, Failure> {
        let groups = dataset.row_groups();
        let stations = stations(&groups, table)?;
        let columns = dataset.columns().iter().map(|column| ArchiveMeasurement {
            name: column.name.clone(),
            units: column.units.as_deref().map(shown_units).unwrap_or_default(),
        });
        let mut archive = Self {
            measurements: columns.collect(),
            stations,
            findings: Findings::default(),
            events: Vec::new(),
            members: Vec::new(),
            has_outliers: files.outliers.is_some(),
            test,
            groups,
            cache: Cache::default(),
            dataset,
        };
        archive.read(files)?;
        Ok(archive)
    }

    fn read(&mut self, files: &Files) -> Result<(), Failure> {
        let (stations, measurements) = (&self.stations, &self.measurements);
        let number = |station: &str, measurement: &str| {
            let station = stations.binary_search_by(|known| known.id.as_str().cmp(station)).ok()?;
            let measurement = measurements.iter().position(|known| known.name == measurement)?;
            Some((station as u32, measurement as u16))
        };
        let mut findings = Findings::default();
        if let Some(file) = &files.outliers {
            table::each_outlier(file, |row| findings.add(row, number))?;
        }
        if let Some(file) = &files.flags {
            table::each_flag(file, |row| findings.add(row, number))?;
        }
        self.events = files.events.as_deref().map(table::events).transpose()?.unwrap_or_default();
        self.events.sort_by(|a, b| b.severity.total_cmp(&a.severity));
        self.members = vec![Vec::new(); self.events.len()];
        if let Some(file) = &files.members {
            let ids = self.events.iter().enumerate().map(|(number, event)| (event.id.as_str(), number));
            let ids: HashMap<&str, usize> = ids.collect();
            let mut worst: Vec<HashMap<u32, f64>> = vec![HashMap::new(); self.events.len()];
            table::each_member(file, |row| {
                let (Some(at), Some(event)) =
                    (number(row.station_id, row.measurement), ids.get(row.event_id))
                else {
                    return;
                };
                findings.add_exceedance(at, row.time, row.value, row.threshold);
                let severity = (row.value - row.threshold).abs();
                let most = worst[*event].entry(at.0).or_insert(severity);
                *most = most.max(severity);
            })?;
            let by_severity = |found: HashMap<u32, f64>| {
                let mut found: Vec<(u32, f64)> = found.into_iter().collect();
                found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                found.into_iter().map(|(station, _)| station).collect()
            };
            self.members = worst.into_iter().map(by_severity).collect();
        }
        if files.members.is_none() {
            self.add_peaks(&mut findings);
        }
        findings.sort();
        self.findings = findings;
        Ok(())
    }

    /// Marks what a file of events alone says of its exceedances: the peaks. Where a kind is found in one of two measurements, it
    /// is not known in which.
    fn add_peaks(&self, findings: &mut Findings) {
        for event in &self.events {
            let (station, time) = (self.station(&event.peak_station), event.peak_time);
            if let ([measurement], Some(station), Some(time)) =
                (&*self.measurements_of(&event.kind), station, time)
            {
                findings.add_exceedance((station, *measurement), time, event.peak_value, f64::NAN);
            }
        }
    }

    /// The numbers of the measurements that a kind of event is found in; none of a kind that is not known.
    #[must_use]
    pub fn measurements_of(&self, kind: &str) -> Vec<u16> {
        let names: &[&str] = match kind {
            "wind" => &["wind_speed_rate"],
            "low_pressure" => &["sea_level_pressure"],
            "heat" | "cold" => &["air_temperature"],
            "rain" => &["liquid_precipitation_1h", "liquid_precipitation_6h"],
            _ => &[],
        };
        names.iter().filter_map(|name| self.measurement(name)).collect()
    }

    /// The number of a station.
    #[must_use]
    pub fn station(&self, id: &str) -> Option<u32> {
        let found = self.stations.binary_search_by(|station| station.id.as_str().cmp(id));
        found.ok().map(|number| number as u32)
    }

    /// The number of a measurement.
    #[must_use]
    pub fn measurement(&self, name: &str) -> Option<u16> {
        let found = self.measurements.iter().position(|measurement| measurement.name == name);
        found.map(|number| number as u16)
    }

    /// Whether a mean of a measurement means something.
    #[must_use]
    pub fn is_linear(&self, measurement: u16) -> bool {
        self.measurements
            .get(usize::from(measurement))
            .is_some_and(|measurement| Measurement::is_linear(&measurement.name))
    }

    /// A measurement's whole series of a station, read once while it is looked at.
    ///
    /// # Errors
    /// No such station or measurement, files that cannot be read, or rows that are not in order of time.
    pub fn loaded(&self, station: u32, measurement: u16) -> Result<Arc<Loaded>, Failure> {
        let absent = |what: &str| Failure::error(format!("there is no {what} of that number"));
        let at = self.stations.get(station as usize).ok_or_else(|| absent("station"))?;
        let name =
            &self.measurements.get(usize::from(measurement)).ok_or_else(|| absent("measurement"))?.name;
        if let Some(loaded) = self.cache.get((station, measurement)) {
            return Ok(loaded);
        }
        let times = self.cache.times(station).map_or_else(|| self.times(at), Ok)?;
        let (mut values, mut all) = (Vec::with_capacity(times.len()), Vec::new());
        for (group, rows) in &at.groups {
            let group = self.groups[*group].limited_to(std::slice::from_ref(rows));
            group.numbers_into(name, &mut all)?;
            values.extend_from_slice(&all[rows.clone()]);
        }
        let loaded = Arc::new(Loaded::new(times, values));
        self.cache.put((station, measurement), &loaded);
        Ok(loaded)
    }

    fn times(&self, station: &ArchiveStation) -> Result<Arc<Vec<i64>>, Failure> {
        let mut times = Vec::with_capacity(station.rows as usize);
        for (group, rows) in &station.groups {
            times.extend_from_slice(&self.groups[*group].timestamps()?.values()[rows.clone()]);
        }
        if times.windows(2).any(|pair| pair[0] >= pair[1]) {
            let path = self.dataset.path().display();
            let message = format!("{path}: the rows of {} are not in order", station.id);
            return Err(Failure::error(message).hint("convert the archive with isd-convert"));
        }
        Ok(Arc::new(times))
    }
}

/// The stations of the row groups, by id. Only columns of stations are read, which are short.
fn stations(groups: &[RowGroup], table: &StationTable) -> Result<Vec<ArchiveStation>, Failure> {
    let runs = groups.par_iter().map(RowGroup::stations).collect::<Result<Vec<_>, _>>()?;
    let mut stations: Vec<ArchiveStation> = Vec::new();
    for (group, runs) in runs.into_iter().enumerate() {
        let mut first = 0;
        for run in runs {
            let rows = first..first + run.rows;
            first = rows.end;
            if let Some(last) = stations.last_mut().filter(|last| *last.id == *run.station_id) {
                last.rows += run.rows as u64;
                last.groups.push((group, rows));
                continue;
            }
            let known = table.get(&run.station_id);
            stations.push(ArchiveStation {
                id: run.station_id.to_string(),
                place: known.map(|known| known.place.clone()).unwrap_or_default(),
                span: known.map(|known| (known.record.first, known.record.last)),
                rows: run.rows as u64,
                groups: vec![(group, rows)],
            });
        }
    }
    // Files of escaped blocks lie elsewhere than their stations' order.
    stations.sort_by(|a, b| a.id.cmp(&b.id));
    stations.dedup_by(|later, first| {
        let is_same = later.id == first.id;
        if is_same {
            first.rows += later.rows;
            first.groups.append(&mut later.groups);
        }
        is_same
    });
    Ok(stations)
}
