//! `isd-detect`: from a dataset or an archive to the outliers table, and a summary of what was tested.

mod arguments;
mod observations;
mod output;
mod summary;

use std::time::Instant;

pub use arguments::DetectArgs;

use super::common::CommonArgs;
use super::failure::Failure;
use super::numbers::rows_per_second;
use super::source::{describe_tally, failures_json, report_failures};
use super::tool::Tool;
use crate::plan::OutlierOptions;
use observations::Observations;
use output::{Destination, Table};
use summary::{DetectSummary, Listed, Parameters, describe, metadata};

impl Tool for DetectArgs {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    /// Detects the outliers of the observations that the arguments name.
    ///
    /// # Errors
    /// Options that make no test, unreadable observations, an unknown measurement, or a file that cannot be written.
    fn run(self) -> Result<(), Failure> {
        let start = Instant::now();
        self.common.start_threads()?;
        let test = self.test()?;
        let stations = self.stations()?;
        let columns = self.columns(stations.is_some())?;
        let engine = self.engine(&test)?;
        let mut observations = Observations::open(&self.sources, &self.source, &self.measurements)?;
        let measurements = self.measurements(observations.columns(), &observations.name())?;
        let options = OutlierOptions { measurements, test, engine };
        if self.explain {
            return observations.explain(&options);
        }
        let destination = Destination::create(&self)?;
        let detection = observations.detect(&options, self.common.quiet)?;

        let parameters = Parameters::new(&options, self.stations.as_deref());
        let metadata = metadata(&parameters, &observations)?;
        let listed = stations.as_ref().zip(self.stations.as_deref());
        let listed = listed.map(|(list, path)| Listed::new(&detection.outliers, list, path)).transpose()?;
        let table = Table { outliers: &detection.outliers, stations: stations.as_ref(), columns: &columns };
        let written = destination.write(&table, &metadata)?;
        let seconds = start.elapsed().as_secs_f64();
        let failures = observations.failures();
        let output = self.output.map(|path| path.display().to_string());
        let mut text = describe_tally(&detection.tally);
        text.extend(observations.notes().iter().map(|note| format!("note: {note}\n")));
        text.push_str(&describe(&detection, output.as_deref().zip(written), listed.as_ref(), seconds));
        let summary = DetectSummary {
            dataset: observations.name(),
            output,
            parameters: &parameters,
            rows: detection.rows,
            stations: detection.stations,
            outliers: detection.measurements.iter().map(|count| count.outliers).sum(),
            stations_not_listed: listed.as_ref().map(|listed| listed.missing),
            measurements: &detection.measurements,
            tally: &detection.tally,
            notes: observations.notes(),
            failures: failures_json(&failures),
            seconds,
            rows_per_second: rows_per_second(detection.rows, seconds),
        };
        self.common.summarize(&summary, &text)?;
        report_failures(&failures)
    }
}
