//! The options of `isd-qc`: arguments in, settings out.

use std::path::PathBuf;

use clap::Parser;
use isd_dataset::MEASUREMENTS;

use crate::cli::common::CommonArgs;
use crate::cli::failure::Failure;
use crate::cli::selection::SelectionArgs;
use crate::cli::source::SourceArgs;
use crate::qc::CATALOGUE;
use crate::qc::config::{self, nearest};
use crate::qc::profile::Profile;
use crate::qc::settings::{Settings, test_index};

/// Find the errors among observations: the field's tests of quality control over every measurement, station by station and
/// beside the stations around.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "the comments are the help text, which would print the backticks")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(name = "isd-qc", version, max_term_width = 100)]
pub struct QcArgs {
    /// Dataset that isd-convert wrote; or whatever isd-convert reads, which is converted into a temporary directory first
    #[arg(required_unless_present = "print_config", value_name = "SOURCE")]
    pub(super) sources: Vec<PathBuf>,
    /// File to write the flags to: .parquet, .csv, .arrow or .ndjson [default: standard output, unless --json has it]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Measurements to test, separated by commas or by repeating the flag [default: all]
    #[arg(short, long = "measurement", value_name = "NAME", value_delimiter = ',')]
    measurements: Vec<String>,
    /// Set of tests and parameters to begin with
    #[arg(long, value_enum, default_value_t)]
    pub(super) profile: Profile,
    /// TOML file that changes tests and parameters
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the tests and parameters that hold, as a file for --config
    #[arg(long)]
    pub(super) print_config: bool,
    /// Run these tests alone
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tests: Vec<String>,
    /// Do not run these tests
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    disable: Vec<String>,
    /// NOAA's or GHCNh's list of stations, whose places go over those of the dataset
    #[arg(long, value_name = "FILE")]
    pub(super) stations: Option<PathBuf>,
    /// Keep what neighbours released in the table
    #[arg(long)]
    pub(super) released: bool,
    /// Say what each test sees of the values at one station and time, such as 724940-23234 2017-09-10T11:00
    #[arg(long, num_args = 2, value_names = ["STATION", "TIME"])]
    pub(super) explain: Vec<String>,
    /// Write the dataset with erroneous values missing
    #[arg(long, value_name = "DATASET")]
    pub(super) clean: Option<PathBuf>,
    /// Write the dataset with NAME_flags and NAME_qartod beside each measurement
    #[arg(long, value_name = "DATASET")]
    pub(super) wide: Option<PathBuf>,
    /// JSON file of what is derived from the stations' records: used where it is there, written where it is not
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
    /// List of what isd-synth planted: says how much of it was found, by kind and test
    #[arg(long, value_name = "FILE")]
    pub(super) truth: Option<PathBuf>,
    /// Replace the datasets of --clean and --wide if they exist
    #[arg(long)]
    pub(super) overwrite: bool,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl QcArgs {
    /// The tests and parameters that hold: the profile, then the configuration, then the flags.
    /// Errors: an unreadable configuration, or a name that no test or measurement has.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = self.profile.settings()?;
        if let Some(path) = &self.config {
            config::apply(path, &mut settings)?;
        }
        let wanted = indices("--tests", &self.tests)?;
        let unwanted = indices("--disable", &self.disable)?;
        let measured = self.measured()?;
        for test in 0..CATALOGUE.len() {
            for measurement in 0..MEASUREMENTS.len() {
                let asked = if self.tests.is_empty() {
                    settings.is_on(test, measurement)
                } else {
                    wanted.contains(&test)
                };
                let on = asked && !unwanted.contains(&test) && measured.contains(&measurement);
                settings.turn(test, measurement, on);
            }
        }
        Ok(settings)
    }

    /// Indices of the measurements to test.
    fn measured(&self) -> Result<Vec<usize>, Failure> {
        if self.measurements.is_empty() {
            return Ok((0..MEASUREMENTS.len()).collect());
        }
        let names: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
        let index = |name: &String| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                Failure::usage(format!("-m {name}: no test judges such a measurement")).maybe_hint(
                    nearest(name, &names).map(|nearest| format!("the nearest that there is: {nearest}")),
                )
            })
        };
        self.measurements.iter().map(index).collect()
    }
}

/// Indices of tests by their names.
fn indices(flag: &str, names: &[String]) -> Result<Vec<usize>, Failure> {
    let index = |name: &String| {
        test_index(name).ok_or_else(|| {
            let known: Vec<&str> = CATALOGUE.iter().map(|test| test.about().name).collect();
            Failure::usage(format!("{flag} {name}: no such test")).maybe_hint(
                nearest(name, &known).map(|nearest| format!("the nearest that there is: {nearest}")),
            )
        })
    };
    names.iter().map(index).collect()
}
