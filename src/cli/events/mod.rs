//! `isd-events`: from a dataset to its extreme weather events, and a summary of them.

mod arguments;
mod output;
mod summary;

use std::time::Instant;

use isd_dataset::MEASUREMENTS;
use isd_dataset::manifest::Manifest;
use isd_dataset::read::Dataset;
use isd_dataset::station_table::StationTable;

pub use arguments::EventsArgs;

use super::common::CommonArgs;
use super::failure::Failure;
use super::progress::Progress;
use super::tool::Tool;
use crate::events::{EventOptions, Flags, PRESSURE, find};
use crate::qc::run::Thresholds;
use crate::qc::{self, CATALOGUE, Settings};
use output::{Destinations, Metadata};
use summary::Summary;

impl Tool for EventsArgs {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    /// Finds the events of the dataset that the arguments name.
    ///
    /// # Errors
    /// A directory that is no dataset or does not know its stations, flags or a station list that cannot be read, or files
    /// that cannot be written.
    fn run(self) -> Result<(), Failure> {
        let start = Instant::now();
        let options = self.options()?;
        self.common.start_threads()?;
        let manifest = Manifest::read(&self.dataset)?;
        let mut table = StationTable::read(&self.dataset)?;
        if let Some(list) = &self.stations {
            table.set_places_of_list(list)?;
        }
        let dataset = Dataset::open(&self.dataset)?;
        let destinations = Destinations::create(&self)?;
        let flags = match &self.flags {
            Some(file) => Flags::read(file)?,
            None if self.unchecked => Flags::default(),
            None => self.check(&dataset, &table, &options)?,
        };
        let progress =
            Progress::rows(Some(dataset.rows() * options.kinds.len() as u64), self.common.progress());
        let found = find(&dataset, &table, &flags, &options, &|rows| progress.update(rows))?;
        drop(progress);
        let metadata = Metadata { manifest: &manifest, options: &options, flags: self.flags.as_deref() };
        let written = destinations.write(&found, &table, &metadata)?;
        let summary = Summary {
            dataset: &self.dataset,
            found: &found,
            table: &table,
            flags: self.flags.as_deref(),
            erroneous: (!self.unchecked).then(|| flags.count()),
            written: &written,
            rows: dataset.rows(),
            seconds: start.elapsed().as_secs_f64(),
        };
        self.common.summarize(&summary.json(), &summary.text())
    }
}

impl EventsArgs {
    /// Finds the errors among the measurements that these kinds of events are of, as `isd-qc` does by default.
    /// Errors: a dataset that cannot be read.
    fn check(
        &self,
        dataset: &Dataset,
        table: &StationTable,
        options: &EventOptions,
    ) -> Result<Flags, Failure> {
        let judged: Vec<&str> =
            options.kinds.iter().flat_map(|kind| kind.measurements()).copied().chain([PRESSURE]).collect();
        let mut settings = Settings::default();
        for (measurement, known) in MEASUREMENTS.iter().enumerate() {
            if !judged.contains(&known.name) {
                (0..CATALOGUE.len()).for_each(|test| settings.turn(test, measurement, false));
            }
        }
        let progress = Progress::rows(Some(2 * dataset.rows()), self.common.progress());
        let known = Thresholds::default();
        let outcome = qc::run(dataset, table, &settings, &known, false, &|rows| progress.update(rows))?;
        Ok(Flags::of(&outcome))
    }
}
