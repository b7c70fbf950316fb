//! `isd-synth`: from options to a synthetic archive, and a summary of it.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Parser, ValueEnum};
use serde::Serialize;

use super::common::CommonArgs;
use super::failure::Failure;
use super::numbers::{HumanBytes, HumanCount, counted, rate, rows_per_second};
use super::progress::Progress;
use super::tool::Tool;
use crate::synth::{
    ArchiveSummary, Compression, Length, PlantedKind, Storage, SynthError, SynthOptions, Targets,
    write_archive,
};

/// Make a synthetic weather station archive: believable observations with planted outliers, as HDF5
/// in the layout that isd-convert reads. The same options make the same bytes.
#[derive(Debug, Parser)]
#[command(name = "isd-synth", version, max_term_width = 100)]
#[command(group(ArgGroup::new("length").args(["rows_per_station", "years"])))]
pub struct SynthArgs {
    /// HDF5 file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Number of stations
    #[arg(long, value_name = "N", default_value_t = 100)]
    stations: usize,
    /// Rows of each station
    #[arg(long, value_name = "N")]
    rows_per_station: Option<u32>,
    /// Calendar years of each station, less the hours that it did not report [default: 1]
    #[arg(long, value_name = "N")]
    years: Option<u32>,
    /// First year
    #[arg(long, value_name = "YEAR", default_value_t = 2000, allow_negative_numbers = true)]
    start: i32,
    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What to plant, separated by commas [default: all]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    plant: Vec<String>,
    /// How the values are compressed
    #[arg(long, value_enum, default_value_t)]
    compression: CompressionArg,
    /// Deflate level of gzip, 0 to 9 [default: 4]
    #[arg(long, value_name = "N")]
    gzip_level: Option<u32>,
    /// Rows of a chunk [default: 65536; contiguous without compression]
    #[arg(long, value_name = "N")]
    chunk_rows: Option<usize>,
    /// List every planted value in this CSV file
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// List the stations in this file, in the layout of NOAA's isd-history.csv
    #[arg(long, value_name = "FILE")]
    station_list: Option<PathBuf>,
    /// Replace the files if they exist
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// How the values are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum CompressionArg {
    /// Not at all: the fastest to write and to read
    #[default]
    None,
    /// Shuffle and deflate, as h5py and the netCDF tools write it
    Gzip,
}

/// Deflate level where none is given.
const DEFAULT_GZIP_LEVEL: u32 = 4;

/// Parses a value of `--plant`: the name of a kind.
fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(PlantedKind::ALL.map(PlantedKind::name))
}

/// What `--json` prints.
#[derive(Serialize)]
struct SynthSummary<'a> {
    archive: String,
    options: &'a SynthOptions,
    #[serde(rename = "layout")]
    storage: Storage,
    #[serde(flatten)]
    summary: &'a ArchiveSummary,
    rows_per_second: f64,
}

impl Tool for SynthArgs {
    fn common(&self) -> &CommonArgs {
        &self.common
    }

    /// Makes the archive that the arguments describe.
    ///
    /// # Errors
    /// Arguments out of range, or a target that exists or cannot be written.
    fn run(self) -> Result<(), Failure> {
        let compression = match (self.compression, self.gzip_level) {
            (CompressionArg::None, Some(_)) => {
                return Err(Failure::usage("--gzip-level is given without --compression gzip")
                    .hint("add --compression gzip, or leave --gzip-level out"));
            }
            (CompressionArg::None, None) => Compression::None,
            (CompressionArg::Gzip, level) => Compression::Gzip(level.unwrap_or(DEFAULT_GZIP_LEVEL)),
        };
        let storage = Storage { compression, chunk_rows: self.chunk_rows };
        let length = match (self.rows_per_station, self.years) {
            (Some(rows), _) => Length::Rows(rows),
            (None, years) => Length::Years(years.unwrap_or(1)),
        };
        let mut options = SynthOptions {
            stations: self.stations,
            length,
            start_year: self.start,
            seed: self.seed,
            ..SynthOptions::default()
        };
        if !self.plant.is_empty() {
            options.plants.retain(|kind| self.plant.iter().any(|name| name == kind.name()));
        }
        let targets = Targets {
            archive: self.output,
            truth: self.truth,
            station_list: self.station_list,
            overwrite: self.overwrite,
        };
        let mut bar = None;
        let quiet = self.common.quiet;
        let made =
            write_archive(&options, storage, &targets, self.common.thread_count(), &mut |written, all| {
                bar.get_or_insert_with(|| Progress::rows(Some(all), quiet)).update(written);
            });
        drop(bar);
        let summary = made?;
        let archive = targets.archive.display().to_string();
        let text = describe(&summary, &targets, &archive);
        let rows_per_second = rows_per_second(summary.rows, summary.seconds);
        let summary =
            SynthSummary { archive, options: &options, storage, summary: &summary, rows_per_second };
        self.common.summarize(&summary, &text)
    }
}

/// The summary for people.
fn describe(summary: &ArchiveSummary, targets: &Targets, archive: &str) -> String {
    let truth =
        targets.truth.as_ref().map_or_else(String::new, |path| format!("; listed in {}", path.display()));
    let list = targets
        .station_list
        .as_ref()
        .map_or_else(String::new, |path| format!("stations listed in {}\n", path.display()));
    let planted = summary.planted.iter().map(|(kind, values)| format!("{kind} {}", HumanCount(*values)));
    let planted = planted.collect::<Vec<_>>().join(", ");
    let planted = if planted.is_empty() { "nothing" } else { &*planted };
    format!(
        "{}, {}, {} in {archive}; {:.1} s, {}\n\
         planted: {planted}{truth}\n{list}",
        counted(summary.rows, "row"),
        counted(summary.stations as u64, "station"),
        HumanBytes(summary.bytes),
        summary.seconds,
        rate(summary.rows, summary.seconds),
    )
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Self {
        let hint = error.hint();
        let failure = match error {
            // The arguments make no sense.
            SynthError::Option { .. } | SynthError::SameTarget { .. } => Self::usage(error.to_string()),
            _ => Self::chain(&error),
        };
        failure.maybe_hint(hint)
    }
}
