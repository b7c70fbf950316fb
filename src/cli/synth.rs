//! `isd-synth`: from options to a synthetic archive, and a summary of it.

use std::path::PathBuf;

use clap::{ArgGroup, Parser, ValueEnum};
use serde::Serialize;

use super::{CommonArgs, Failure, HumanBytes, HumanCount, Progress, counted, rate};
use crate::synth::{Compression, Error, Layout, Length, Options, Summary, Targets, write_archive};

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

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    archive: String,
    options: &'a Options,
    layout: Layout,
    #[serde(flatten)]
    summary: &'a Summary,
    rows_per_second: f64,
}

/// Makes the archive that the arguments describe.
///
/// # Errors
/// Arguments out of range, or a target that exists or cannot be written.
pub fn synth(args: SynthArgs) -> Result<(), Failure> {
    let compression = match (args.compression, args.gzip_level) {
        (CompressionArg::None, Some(_)) => {
            return Err(Failure::usage("--gzip-level is given without --compression gzip")
                .hint("add --compression gzip, or leave --gzip-level out"));
        }
        (CompressionArg::None, None) => Compression::None,
        (CompressionArg::Gzip, level) => Compression::Gzip(level.unwrap_or(DEFAULT_GZIP_LEVEL)),
    };
    let layout = Layout { compression, chunk_rows: args.chunk_rows };
    let length = match (args.rows_per_station, args.years) {
        (Some(rows), _) => Length::Rows(rows),
        (None, years) => Length::Years(years.unwrap_or(1)),
    };
    let options = Options { stations: args.stations, length, start_year: args.start, seed: args.seed };
    let targets = Targets {
        archive: args.output,
        truth: args.truth,
        station_list: args.station_list,
        overwrite: args.overwrite,
    };
    let threads = args.common.threads.map_or(0, std::num::NonZeroUsize::get);
    let mut bar = None;
    let quiet = args.common.quiet;
    let made = write_archive(&options, layout, &targets, threads, &mut |rows, of| {
        bar.get_or_insert_with(|| Progress::rows(Some(of), quiet)).update(rows);
    });
    drop(bar);
    let summary = made?;
    let archive = targets.archive.display().to_string();
    let text = describe(&summary, &targets, &archive);
    let rows_per_second = summary.rows_per_second();
    args.common
        .summarize(&Report { archive, options: &options, layout, summary: &summary, rows_per_second }, &text)
}

/// The summary for people.
fn describe(summary: &Summary, targets: &Targets, archive: &str) -> String {
    let truth =
        targets.truth.as_ref().map_or_else(String::new, |path| format!("; listed in {}", path.display()));
    let list = targets
        .station_list
        .as_ref()
        .map_or_else(String::new, |path| format!("stations listed in {}\n", path.display()));
    format!(
        "{}, {}, {} in {archive}; {:.1} s, {}\n\
         planted: {}, {} of stuck sensors, {} of storms{truth}\n{list}",
        counted(summary.rows, "row"),
        counted(summary.stations as u64, "station"),
        HumanBytes(summary.bytes),
        summary.seconds,
        rate(summary.rows, summary.seconds),
        counted(summary.gross_errors, "gross error"),
        counted(summary.stuck_values, "value"),
        HumanCount(summary.storm_values),
    )
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = match error {
            // What the user asked for makes no sense.
            Error::Option { .. } | Error::SameTarget { .. } => Self::usage(error.to_string()),
            _ => Self::chain(&error),
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
