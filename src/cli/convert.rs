//! `isd-convert`: from an archive to a dataset, and a summary of both.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use isd_converters::archive::Archive;
use isd_converters::{Conversion, ConvertOptions, Hdf5Reader, ReadOptions, Scale};
use serde::Serialize;

use super::{CommonArgs, Failure, HumanBytes, HumanCount, Progress, rate};

/// Convert a weather station archive into a dataset: sorted, partitioned Parquet that isd-detect
/// and any other Parquet reader take.
#[derive(Debug, Parser)]
#[command(name = "isd-convert", version, max_term_width = 100)]
pub struct ConvertArgs {
    /// HDF5 file of observations: flat datasets, or a pandas/PyTables table
    source: PathBuf,
    /// Directory to write the dataset to
    #[arg(short, long, value_name = "DATASET")]
    output: PathBuf,
    /// Measurements to convert, separated by commas or by repeating the flag [default: all]
    #[arg(short, long = "measurement", value_name = "NAME", value_delimiter = ',')]
    measurements: Vec<String>,
    /// Read column NAME from this path in the file instead of from its usual place; may be repeated
    #[arg(long = "column", value_name = "NAME=PATH", value_parser = column_path)]
    columns: Vec<(String, String)>,
    /// What stored values are multiplied by
    #[arg(long, value_enum, default_value_t)]
    scale: ScaleArg,
    /// Store values as float32: half the size, seven digits
    #[arg(long)]
    float32: bool,
    /// Replace the dataset if it exists
    #[arg(long)]
    overwrite: bool,
    /// What reads HDF5
    #[cfg(feature = "libhdf5")]
    #[arg(long, value_enum, default_value_t)]
    hdf5_reader: Hdf5ReaderArg,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ScaleArg {
    #[default]
    #[value(help = "The file's own scale_factor and add_offset; values as stored where it has none")]
    Attributes,
    /// ISD's own: tenths, except for direction and sky condition
    Isd,
}

#[cfg(feature = "libhdf5")]
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Hdf5ReaderArg {
    /// The built-in reader
    #[default]
    Native,
    /// The HDF Group's C library
    Libhdf5,
}

/// What `--json` prints: the manifest, and what this run took.
#[derive(Serialize)]
struct Summary<'a> {
    dataset: String,
    #[serde(flatten)]
    manifest: &'a isd_converters::dataset::Manifest,
    bytes_in: u64,
    bytes_out: u64,
    seconds: f64,
    rows_per_second: f64,
}

/// Converts the archive that the arguments name.
///
/// # Errors
/// An unreadable or inconsistent archive, or a target that exists or cannot be written.
pub fn convert(args: ConvertArgs) -> Result<(), Failure> {
    let start = Instant::now();
    args.common.start_threads()?;
    let read = ReadOptions {
        measurements: args.measurements.clone(),
        column_paths: args.columns.clone(),
        scale: match args.scale {
            ScaleArg::Attributes => Scale::Attributes,
            ScaleArg::Isd => Scale::Isd,
        },
        hdf5_reader: args.hdf5_reader(),
        ..ReadOptions::default()
    };
    let mut archive = Archive::open(std::slice::from_ref(&args.source), &read, true)?;
    let progress = Progress::rows(archive.rows(), args.common.quiet);
    let options = ConvertOptions {
        sources: vec![args.source],
        read,
        overwrite: args.overwrite,
        float32: args.float32,
        ..ConvertOptions::default()
    };
    let conversion =
        isd_converters::convert(&mut archive, &args.output, &options, &|rows| progress.set(rows))?;
    drop(progress);
    let seconds = start.elapsed().as_secs_f64();
    let dataset = args.output.display().to_string();
    let text = describe(&conversion, &dataset, seconds);
    let Conversion { manifest, bytes_in, bytes_out } = &conversion;
    let summary = Summary {
        dataset,
        manifest,
        bytes_in: *bytes_in,
        bytes_out: *bytes_out,
        seconds,
        rows_per_second: manifest.rows as f64 / seconds.max(1e-9),
    };
    args.common.summarize(&summary, &text)
}

impl ConvertArgs {
    #[cfg(feature = "libhdf5")]
    fn hdf5_reader(&self) -> Hdf5Reader {
        match self.hdf5_reader {
            Hdf5ReaderArg::Native => Hdf5Reader::Native,
            Hdf5ReaderArg::Libhdf5 => Hdf5Reader::Libhdf5,
        }
    }

    #[cfg(not(feature = "libhdf5"))]
    #[allow(clippy::unused_self)] // One signature with and without the feature.
    fn hdf5_reader(&self) -> Hdf5Reader {
        Hdf5Reader::Native
    }
}

/// Splits `NAME=PATH` at the first equals sign.
fn column_path(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.to_owned())),
        _ => Err("expected NAME=PATH, such as wind_speed_rate=/surface/wind".to_owned()),
    }
}

/// The summary for people.
fn describe(conversion: &Conversion, dataset: &str, seconds: f64) -> String {
    let Conversion { manifest, bytes_in, bytes_out } = conversion;
    let mut text = format!(
        "{}: {} rows, {} stations, {} to {}\n",
        manifest.layout,
        HumanCount(manifest.rows),
        HumanCount(manifest.stations),
        manifest.first_timestamp,
        manifest.last_timestamp
    );
    let width = manifest.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    for column in &manifest.columns {
        let missing = 100.0 * column.nulls as f64 / manifest.rows.max(1) as f64;
        let units = column.units.as_deref().unwrap_or("");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:width$}  {units:<6}  {missing:5.1} % missing", column.name);
    }
    for note in &manifest.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = writeln!(
        text,
        "{} read, {} written in {} {} to {dataset}; {seconds:.1} s, {}",
        HumanBytes(*bytes_in),
        HumanBytes(*bytes_out),
        HumanCount(manifest.files),
        if manifest.files == 1 { "file" } else { "files" },
        rate(manifest.rows, seconds)
    );
    text
}
