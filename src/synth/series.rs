//! One station's series: options and a station index in, all that the files hold of it out.

use super::Options;
use super::climate::Climate;
use super::fault::{Planted, spoil};
use super::network::{Station, station};
use super::random::{Purpose, generator};
use super::schedule::Schedule;
use super::storm::Storm;
use super::weather::{Observations, simulate};

/// What the files hold of one station. It depends on the options and the station's index alone.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub station: Station,
    pub observations: Observations,
    /// By row and measurement.
    pub planted: Vec<Planted>,
}

impl Series {
    pub(super) fn new(options: &Options, index: usize) -> Self {
        let station = station(options, index);
        let schedule = Schedule::new(options, index);
        let (first, last) = schedule.span_hours();
        let storms =
            Storm::of_cluster(options.seed, station.cluster, station.cluster_latitude_deg, first, last);
        let mut rng = generator(options.seed, Purpose::Weather, index);
        let climate = Climate::new(&station, &mut rng);
        let (mut observations, storm_rows) =
            simulate(&schedule, &climate, &storms, station.offset_km, &mut rng);
        let planted = spoil(&mut observations, &storm_rows, options.seed, index);
        Self { station, observations, planted }
    }

    pub(super) fn rows(&self) -> usize {
        self.observations.hours.len()
    }
}
