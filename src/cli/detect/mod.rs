//! `isd-detect`: from a dataset or an archive to the outliers table, and a summary of what was tested.

mod arguments;
mod join;
mod joined;
mod observations;
mod output;
mod part;
mod since_file;
mod split;
mod summary;

use std::time::Instant;

pub use arguments::DetectArgs;

use isd_dataset::storage;

use super::common::CommonArgs;
use super::failure::Failure;
use super::numbers::rows_per_second;
use super::source::{describe_tally, failures_json, report_failures};
use super::tool::Tool;
use crate::detect::Wanted;
use crate::plan::OutlierOptions;
use observations::Observations;
use output::{Destination, Table};
use part::PartFile;
use since_file::SinceFile;
use summary::{DetectSummary, Listed, Parameters, describe, metadata};

impl Tool for DetectArgs {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    /// Detects the outliers of the observations that the arguments name.
    ///
    /// # Errors
    /// Options that make no test, unreadable observations, an unknown measurement, or a file that cannot be written.
    fn run(mut self) -> Result<(), Failure> {
        if let Some(directory) = &self.join {
            return join::join(&self, directory);
        }
        let start = Instant::now();
        self.common.start_threads()?;
        let test = self.test()?;
        let selection = self.selection.selection(&self.sources, self.stations.as_deref())?;
        let stations = self.stations()?;
        let columns = self.columns(stations.is_some())?;
        let engine = self.engine(&test)?;
        let mut observations = Observations::open(&self.sources, &self.source, &self.measurements)?;
        let measurements = self.measurements(observations.columns(), &observations.name())?;
        let options = OutlierOptions { measurements, test, engine };
        if self.explain {
            return observations.explain(&options);
        }
        if !self.split.is_empty() {
            let dataset = observations.dataset("--split")?;
            return split::print_splits(dataset, &self.split, &options.measurements, &self.common);
        }
        let parameters = Parameters::new(&options, self.stations.as_deref());
        let part = match self.part {
            Some(part) => {
                Some(PartFile::create(&self, part, observations.dataset("--part")?, &parameters, &columns)?)
            }
            None => None,
        };
        if let Some(part) = &part {
            if let Some(account) = part.complete()? {
                return part.skip(&account, &parameters, observations.name(), &self.common);
            }
            self.output = Some(part.path.clone());
        }
        let since_file = self.since_file.as_deref().map(SinceFile::open).transpose()?;
        let mut wanted = Wanted { selection, latest: since_file.is_some(), ..Wanted::default() };
        if let Some(since_file) = &since_file {
            wanted.after = since_file.reported(&parameters)?;
        }
        if let (true, false, Some(output)) = (self.append, wanted.after.is_empty(), &self.output)
            && !storage::is_file(output)
        {
            return Err(Failure::error(format!(
                "{}: is not there, but outliers have been reported by the --since-file",
                output.display()
            ))
            .hint("bring it back; or remove the --since-file, and all are reported again")
            .about(Some(output)));
        }
        let destination = Destination::create(&self, &parameters)?;
        let detection = match self.part {
            Some(part) => observations.detect_part(part, &options, &wanted, self.common.progress())?,
            None => observations.detect(&options, &wanted, self.common.progress())?,
        };
        // Those asked for may be in other parts.
        if detection.stations == 0
            && part.is_none()
            && let Some(failure) = self.selection.no_station(&observations.name())
        {
            return Err(failure);
        }

        let mut metadata = metadata(&parameters, &observations)?;
        if let Some(part) = &part {
            metadata.push(part.account(&detection).to_pair()?);
        }
        let listed = stations.as_ref().zip(self.stations.as_deref());
        let listed = listed.map(|(list, path)| Listed::new(&detection.outliers, list, path)).transpose()?;
        let table = Table { outliers: &detection.outliers, stations: stations.as_ref(), columns: &columns };
        let written = destination.write(&table, &metadata)?;
        if let Some(since_file) = since_file {
            since_file.write(wanted.after, &detection.latest, &parameters)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let failures = observations.failures();
        let output = self.output.map(|path| path.display().to_string());
        let mut text = describe_tally(&detection.tally);
        text.extend(observations.notes().iter().map(|note| format!("note: {note}\n")));
        text.push_str(&describe(&detection, output.as_deref().zip(written), listed.as_ref(), Some(seconds)));
        let summary = DetectSummary {
            dataset: observations.name(),
            output,
            skipped: false,
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
        report_failures(&failures)?;
        if self.exit_code && summary.outliers > 0 { Err(Failure::Found) } else { Ok(()) }
    }
}
