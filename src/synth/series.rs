//! One station's series: options and a station index in, all that the files hold of the station out.

use super::climate::Climate;
use super::network::{Station, station};
use super::options::SynthOptions;
use super::planted::fault::spoil;
use super::planted::spell::Spell;
use super::planted::storm::Storm;
use super::planted::{Planted, PlantedKind};
use super::random::{Purpose, generator};
use super::schedule::Schedule;
use super::weather::{PlantedWeather, Reports, simulate};

/// What the files hold of one station, which depends on the options and the station's index alone.
#[derive(Debug, Clone)]
pub(super) struct SyntheticSeries {
    /// The station.
    pub station: Station,
    /// Its observations, with faults and missing values.
    pub reports: Reports,
    /// The planted values, sorted by row and measurement.
    pub planted: Vec<Planted>,
}

impl SyntheticSeries {
    /// The series of the station at `index` of the archive that `options` describe.
    pub(super) fn new(options: &SynthOptions, index: usize) -> Self {
        let station = station(options, index);
        let schedule = Schedule::new(options, index);
        let (first, last) = schedule.span_hours;
        let storms = if options.plants(PlantedKind::Storm) {
            Storm::of_cluster(options.seed, station.cluster, station.cluster_latitude_deg, first, last)
        } else {
            Vec::new()
        };
        let spells = Spell::of_cluster(options, station.cluster, first, last);
        let mut rng = generator(options.seed, Purpose::Weather, index);
        let climate = Climate::new(&station, &mut rng);
        let weather = PlantedWeather { storms: &storms, spells: &spells };
        let (mut reports, planted) = simulate(&schedule, &climate, &weather, station.offset_km, &mut rng);
        let planted = spoil(&mut reports, planted, &schedule, options, index);
        Self { station, reports, planted }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.reports.hours.len()
    }
}
