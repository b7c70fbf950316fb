//! `isd-qc`: from observations to the table of flags, and a summary by test and measurement.

mod arguments;
mod observations;
mod output;
mod summary;
mod thresholds;

use std::fmt::Write as _;
use std::time::Instant;

pub use arguments::QcArgs;
use chrono::{DateTime, NaiveDateTime};
use isd_dataset::output_file::OutputFile;

use super::common::CommonArgs;
use super::failure::Failure;
use super::numbers::{HumanBytes, rows_per_second};
use super::progress::Progress;
use super::source::{describe_tally, failures_json, report_failures};
use super::streams::print;
use super::tool::Tool;
use crate::qc;
use crate::qc::config;
use crate::qc::explain::explain;
use crate::qc::rewrite::{Form, Rewrite};
use crate::qc::run::Thresholds;
use crate::qc::settings::Settings;
use crate::qc::truth::Truth;
use observations::Observations;
use output::Destination;
use summary::{QcSummary, describe, describe_truth, measurements, not_run, tests};

impl Tool for QcArgs {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    /// Runs quality control over the observations that the arguments name.
    ///
    /// # Errors
    /// An unknown test or key, unreadable observations, or a file that cannot be written.
    fn run(self) -> Result<(), Failure> {
        let start = Instant::now();
        self.common.start_threads()?;
        let settings = self.settings()?;
        let configuration = config::print(&settings);
        if self.print_config {
            return print(&configuration);
        }
        let truth = self.truth.as_deref().map(Truth::read).transpose()?;
        if let [station, time] = self.explain.as_slice() {
            return self.explain(&settings, &configuration, station, time);
        }
        let selection = self.selection.selection(&self.sources, self.stations.as_deref())?;
        let destination = Destination::create(&self)?;
        let known = self.known(&configuration)?;
        let kept = self.thresholds.as_deref().filter(|_| known.is_none());
        let kept = kept.map(|path| OutputFile::create(path).map(|file| (file, path))).transpose()?;
        let keep = kept.is_some();
        let rewrites = [(&self.clean, Form::Clean), (&self.wide, Form::Wide)];
        let rewrites = rewrites.into_iter().filter_map(|(path, form)| Some((path.as_deref()?, form)));
        let rewrites: Vec<Rewrite> = rewrites
            .map(|(path, form)| Rewrite::create(path, form, self.overwrite, &self.sources))
            .collect::<Result<_, _>>()?;
        let observations = Observations::open(&self.sources, &self.source, self.common.progress())?;
        let table = observations.stations(self.stations.as_deref())?;
        let progress = Progress::rows(Some(2 * observations.dataset.rows()), self.common.progress());
        let outcome =
            qc::run(&observations.dataset, &table, &settings, &known.unwrap_or_default(), keep, &|rows| {
                progress.update(rows);
            })?;
        drop(progress);
        for rewrite in rewrites {
            rewrite.write(&observations.dataset, &table, &outcome, &settings)?;
        }
        if let Some((file, path)) = kept {
            thresholds::write(file, path, &outcome, &configuration)?;
        }

        let metadata = vec![
            ("isd.tool".to_owned(), concat!("isd-qc ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("isd.parameters".to_owned(), configuration),
        ];
        let written = destination.write(&outcome, self.released, &selection, &metadata)?;
        let seconds = start.elapsed().as_secs_f64();
        let rates = truth.map(|truth| truth.rates(&outcome, &settings));
        let output = self.output.as_ref().map(|path| path.display().to_string());
        let mut text = describe_tally(&observations.tally);
        text.extend(observations.notes.iter().map(|note| format!("note: {note}\n")));
        text.push_str(&describe(&outcome, &settings, seconds));
        text.push_str(&rates.as_ref().map_or_else(String::new, describe_truth));
        if let Some((path, bytes)) = output.as_ref().zip(written) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "wrote {path} ({})", HumanBytes(bytes));
        }
        let summary = QcSummary {
            source: &observations.name,
            output,
            profile: self.profile,
            rows: outcome.rows,
            stations: outcome.stations.len(),
            measurements: measurements(&outcome),
            tests: tests(&outcome),
            not_run: not_run(&outcome, &settings),
            truth: rates.as_ref(),
            tally: &observations.tally,
            notes: &observations.notes,
            failures: failures_json(&observations.failures),
            seconds,
            rows_per_second: rows_per_second(outcome.rows, seconds),
        };
        self.common.summarize(&summary, &text)?;
        report_failures(&observations.failures)
    }
}

impl QcArgs {
    /// What the file of `--thresholds` holds; `None` without one, or where it is to be written.
    /// Errors: those of [`thresholds::read`].
    fn known(&self, configuration: &str) -> Result<Option<Thresholds>, Failure> {
        let Some(path) = &self.thresholds else { return Ok(None) };
        thresholds::read(path, configuration)
    }

    /// Prints what each test sees of the values of a station at a time.
    fn explain(
        &self,
        settings: &Settings,
        configuration: &str,
        station: &str,
        time: &str,
    ) -> Result<(), Failure> {
        let instant = instant(time)?;
        let known = self.known(configuration)?;
        let observations = Observations::open(&self.sources, &self.source, self.common.progress())?;
        let table = observations.stations(self.stations.as_deref())?;
        let known = known.unwrap_or_default();
        print(&explain(&observations.dataset, &table, settings, &known, station, instant)?)
    }
}

/// A time in ISO 8601, in UTC where it says no zone, in microseconds since 1970.
fn instant(text: &str) -> Result<i64, Failure> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let plain = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    zoned.ok().or_else(|| plain.map(|time| time.and_utc().timestamp_micros())).ok_or_else(|| {
        Failure::usage(format!("--explain {text}: is no time")).hint("a time is given as 2017-09-10T11:00")
    })
}
