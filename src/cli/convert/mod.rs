//! `isd-convert`: from an archive to a dataset, and a summary of both.

mod inspect;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use isd_converters::{Conversion, ConvertOptions, Course};
use isd_dataset::manifest::{Duplicates, Manifest};
use serde::Serialize;

use super::common::CommonArgs;
use super::failure::Failure;
use super::numbers::{HumanBytes, HumanCount, counted, rate, rows_per_second};
use super::progress::Progress;
use super::source::{SourceArgs, describe_tally, failures_json, report_failures};
use super::tool::Tool;

/// Convert archives of station observations into a dataset: sorted, partitioned Parquet that isd-detect and any other
/// Parquet reader take.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "the comments are the help text, which would print the backticks")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(name = "isd-convert", version, max_term_width = 100)]
pub struct ConvertArgs {
    /// Files, directories, patterns such as '2017/*.gz', or - for a list on standard input: HDF5 and netCDF-4,
    /// ISD-Lite, raw ISD, Global Hourly CSV, GHCNh, station CSV; plain, compressed, or in a tar archive
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Directory to write the dataset to
    #[arg(short, long, value_name = "DATASET", required_unless_present_any = ["inspect", "dry_run"])]
    output: Option<PathBuf>,
    /// Measurements to convert, separated by commas or by repeating the flag [default: all]
    #[arg(short, long = "measurement", value_name = "NAME", value_delimiter = ',')]
    measurements: Vec<String>,
    /// Store values as float32: half the size, seven digits
    #[arg(long)]
    float32: bool,
    /// Station list, isd-history.csv or GHCNh's, whose places go over those that the source says
    #[arg(long, value_name = "LIST")]
    stations: Option<PathBuf>,
    /// Replace the dataset if it exists
    #[arg(long)]
    overwrite: bool,
    /// Bring the dataset up to date with the whole archive: write only the partitions anew whose source files changed
    #[arg(long, conflicts_with = "overwrite")]
    update: bool,
    /// Go on where an interrupted conversion of the same files stopped
    #[arg(long, conflicts_with = "update")]
    resume: bool,
    /// Say what would be converted to what, and convert nothing
    #[arg(long, conflicts_with_all = ["update", "resume"])]
    dry_run: bool,
    /// Say what the source holds: columns, stations, times, missing values
    #[arg(long, conflicts_with_all = ["output", "dry_run", "overwrite", "update", "resume"])]
    inspect: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// What `--json` prints: the manifest, and what this run took.
#[derive(Serialize)]
struct ConvertSummary<'a> {
    dataset: String,
    #[serde(flatten)]
    manifest: &'a Manifest,
    failures: Vec<serde_json::Value>,
    stations_placed: u64,
    blocks_written: u64,
    blocks_kept: u64,
    blocks_removed: u64,
    had_to_sort: bool,
    bytes_in: u64,
    bytes_out: u64,
    seconds: f64,
    rows_per_second: f64,
}

impl Tool for ConvertArgs {
    const WHEN_INTERRUPTED: Option<&'static str> = Some("--resume goes on where it stopped");

    fn common(&self) -> &CommonArgs {
        &self.common
    }

    /// Converts the archive that the arguments name, or says what it holds.
    ///
    /// # Errors
    /// An unreadable or inconsistent archive, or a target that exists or cannot be written. Where some of several files
    /// cannot be read, the others are converted first.
    fn run(self) -> Result<(), Failure> {
        let start = Instant::now();
        self.common.start_threads()?;
        let read = self.source.read_options(&self.measurements);
        let mut archive = self.source.open(&self.sources, &read)?;
        let options = ConvertOptions {
            sources: self.sources,
            read,
            stations: self.stations,
            overwrite: self.overwrite,
            update: self.update,
            resume: self.resume,
            duplicates: self.source.duplicates(),
            float32: self.float32,
            ..ConvertOptions::default()
        };
        let Some(output) = self.output.as_deref().filter(|_| !self.dry_run) else {
            let target = self.output.as_deref().map(|target| (target, &options));
            return inspect::run(&mut archive, target, &self.common);
        };
        let progress = Progress::reading(archive.progress(), self.common.quiet);
        let conversion =
            isd_converters::convert(&mut archive, output, &options, &|rows| progress.update(rows))?;
        drop(progress);
        let seconds = start.elapsed().as_secs_f64();
        let dataset = output.display().to_string();
        let text = describe(&conversion, &options, &dataset, seconds);
        let failures = archive.failures();
        let Conversion { manifest, bytes_in, bytes_out, .. } = &conversion;
        let summary = ConvertSummary {
            dataset,
            manifest,
            failures: failures_json(&failures),
            stations_placed: conversion.stations_placed,
            blocks_written: conversion.blocks_written,
            blocks_kept: conversion.blocks_kept,
            blocks_removed: conversion.blocks_removed,
            had_to_sort: conversion.sorted,
            bytes_in: *bytes_in,
            bytes_out: *bytes_out,
            seconds,
            rows_per_second: rows_per_second(manifest.rows, seconds),
        };
        self.common.summarize(&summary, &text)?;
        report_failures(&failures)
    }
}

/// The summary for people.
fn describe(conversion: &Conversion, options: &ConvertOptions, dataset: &str, seconds: f64) -> String {
    let Conversion { manifest, bytes_in, bytes_out, .. } = conversion;
    let mut text = format!(
        "{}: {}, {}, {} to {}\n",
        manifest.layout,
        counted(manifest.rows, "row"),
        counted(manifest.stations, "station"),
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
    if conversion.stations_placed > 0 {
        let placed = HumanCount(conversion.stations_placed);
        let _ = writeln!(text, "places known of {placed} of {}", counted(manifest.stations, "station"));
    }
    text.push_str(&describe_tally(&manifest.tally));
    if manifest.duplicates > 0 {
        let stayed = match options.duplicates {
            Duplicates::First => "first",
            _ => "last",
        };
        let rows = counted(manifest.duplicates, "row");
        let _ =
            writeln!(text, "left out: {rows} whose station and time were there twice; the {stayed} stayed");
    }
    if conversion.sorted {
        text.push_str("the rows were not in order of station and time, and were sorted\n");
    }
    let (kept, blocks) = (HumanCount(conversion.blocks_kept), counted(conversion.blocks_written, "block"));
    let _ = match &conversion.course {
        Course::Unchanged => writeln!(text, "no source file has changed: nothing was written"),
        Course::Updated => {
            let removed = match conversion.blocks_removed {
                0 => String::new(),
                removed => format!(", {} removed, whose source files are gone", HumanCount(removed)),
            };
            writeln!(text, "updated: {blocks} written, {kept} kept{removed}")
        }
        Course::Resumed => writeln!(text, "resumed: {blocks} written, {kept} kept"),
        Course::NothingToResume => writeln!(text, "there was nothing to resume: everything was converted"),
        Course::Rewritten { why } => writeln!(text, "everything was converted anew: {why}"),
        _ => Ok(()),
    };
    if conversion.course == Course::Updated && manifest.failed_files > 0 {
        text.push_str("rows of files that can no longer be read are not in the dataset until they can\n");
    }
    if conversion.course == Course::Unchanged {
        return text;
    }
    let _ = writeln!(
        text,
        "{} read, {} written in {} to {dataset}; {seconds:.1} s, {}",
        HumanBytes(*bytes_in),
        HumanBytes(*bytes_out),
        counted(manifest.files, "file"),
        rate(manifest.rows, seconds)
    );
    text
}
