//! `isd-convert`: from an archive to a dataset, and a summary of both.

mod inspect;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use isd_converters::archive::Failure as FileFailure;
use isd_converters::{Conversion, ConvertOptions, Course, FileChanges, RowChanges};
use isd_dataset::layout::dataset_directory;
use isd_dataset::manifest::{Duplicates, Manifest};
use serde::Serialize;

use super::common::CommonArgs;
use super::failure::Failure;
use super::numbers::{HumanBytes, HumanCount, counted, rate, rows_per_second};
use super::progress::Progress;
use super::selection::SelectionArgs;
use super::source::{SourceArgs, describe_tally, failures_json, measurement, report_failures};
use super::streams::say;
use super::tool::{JsonError, Tool};
use super::wait::WaitArgs;

/// What `--help` ends with.
const EXIT_STATUS: &str = "\
Exit status: 0 done; 1 failed; 2 usage; 3 done, but for sources that were left out; 4 another run is writing the dataset.";

/// Convert archives of station observations into a dataset: sorted, partitioned Parquet that isd-detect and any other
/// Parquet reader take.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "the comments are the help text, which would print the backticks")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(name = "isd-convert", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub struct ConvertArgs {
    /// Files, directories, patterns such as '2017/*.gz', or - for a list on standard input: HDF5 and netCDF-4,
    /// ISD-Lite, raw ISD, Global Hourly CSV, GHCNh, station CSV; plain, compressed, or in a tar or zip archive
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Directory to write the dataset to
    #[arg(short, long, value_name = "DATASET", required_unless_present_any = ["inspect", "dry_run"])]
    output: Option<PathBuf>,
    /// Measurements to convert, separated by commas or by repeating the flag [default: all]
    #[arg(short, long = "measurement", value_name = "NAME", value_delimiter = ',', value_parser = measurement)]
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
    /// Bring the dataset up to date with the whole archive: write only the partitions anew whose source files changed.
    /// Rows of files that are gone or cannot be read any more stay
    #[arg(long, conflicts_with = "overwrite")]
    update: bool,
    /// Remove in an update the rows of files that are gone
    #[arg(long, requires = "update")]
    prune: bool,
    /// Go on where an interrupted run of this command stopped; a dataset that is complete is left as it is
    #[arg(long)]
    resume: bool,
    /// Say what would be converted to what, and convert nothing
    #[arg(long, conflicts_with_all = ["update", "resume"])]
    dry_run: bool,
    /// Say what the source holds: columns, stations, times, missing values
    #[arg(long, conflicts_with_all = ["output", "dry_run", "overwrite", "update", "resume"])]
    inspect: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// What `--json` prints: the manifest, and what this run took.
#[derive(Serialize)]
struct ConvertSummary<'a> {
    dataset: String,
    /// By which other readers find the files of the dataset.
    pattern: String,
    #[serde(flatten)]
    manifest: &'a Manifest,
    failures: Vec<JsonError>,
    stations_placed: u64,
    /// Paths of the source files that are gone.
    gone: Vec<String>,
    #[serde(flatten)]
    files: FileChanges,
    #[serde(flatten)]
    rows: RowChanges,
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
    const WHEN_INTERRUPTED: Option<&'static str> =
        Some("the same command with --resume goes on where it stopped");

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
        let selection = self.selection.selection(&self.sources, self.stations.as_deref())?;
        let options = ConvertOptions {
            selection,
            selection_text: self.selection.text(),
            sources: self.sources,
            read,
            stations: self.stations,
            overwrite: self.overwrite,
            update: self.update,
            prune: self.prune,
            resume: self.resume,
            duplicates: self.source.duplicates(),
            float32: self.float32,
            ..ConvertOptions::default()
        };
        let Some(output) = self.output.as_deref().filter(|_| !self.dry_run) else {
            let target = self.output.as_deref().map(|target| (target, &options));
            return inspect::run(&mut archive, target, &self.common);
        };
        let progress = Progress::reading(archive.progress(), self.common.progress());
        let is_held = |error: &isd_dataset::Error| matches!(error, isd_dataset::Error::Held { .. });
        let conversion = self.wait.wait(is_held, || {
            isd_converters::convert(&mut archive, output, &options, &|rows| progress.update(rows))
        })?;
        drop(progress);
        let seconds = start.elapsed().as_secs_f64();
        let dataset = output.display().to_string();
        let text = describe(&conversion, &options, &dataset, seconds);
        let failures = archive.failures();
        let Conversion { manifest, bytes_in, bytes_out, .. } = &conversion;
        let summary = ConvertSummary {
            pattern: pattern(&dataset),
            dataset,
            manifest,
            failures: failures_json(&failures),
            stations_placed: conversion.stations_placed,
            gone: conversion.gone.iter().map(|path| path.display().to_string()).collect(),
            files: conversion.files,
            rows: conversion.rows,
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
        if self.update {
            report_lost(&failures, &conversion.gone, self.prune)
        } else {
            report_failures(&failures)
        }
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
        Course::Complete => writeln!(text, "{dataset} is complete: nothing was written"),
        Course::Updated => {
            let removed = match conversion.blocks_removed {
                0 => String::new(),
                removed => format!(", {} removed", HumanCount(removed)),
            };
            writeln!(text, "updated: {blocks} written, {kept} kept{removed}")
        }
        Course::Resumed => writeln!(text, "resumed: {blocks} written, {kept} kept"),
        Course::NothingToResume => writeln!(text, "there was nothing to resume: everything was converted"),
        Course::Rewritten { why } => writeln!(text, "everything was converted anew: {why}"),
        _ => Ok(()),
    };
    if options.update || conversion.course == Course::Complete {
        text.push_str(&describe_changes(conversion, options));
    }
    if matches!(conversion.course, Course::Unchanged | Course::Complete) {
        return text;
    }
    let _ = writeln!(
        text,
        "{} read, {} written in {}, {}; {seconds:.1} s, {}",
        HumanBytes(*bytes_in),
        HumanBytes(*bytes_out),
        counted(manifest.files, "file"),
        pattern(dataset),
        rate(manifest.rows, seconds)
    );
    text
}

/// The pattern by which other readers find the files of a dataset, and nothing else.
fn pattern(dataset: &str) -> String {
    dataset_directory(Path::new(dataset)).join("**/*.parquet").display().to_string()
}

/// What became of the source files and the rows of a dataset that was there.
fn describe_changes(conversion: &Conversion, options: &ConvertOptions) -> String {
    let Conversion { files, rows, .. } = conversion;
    let mut text = format!(
        "source files: {} new, {} changed, {} unchanged, {} unreadable, {} gone\n",
        HumanCount(files.new),
        HumanCount(files.changed),
        HumanCount(files.unchanged),
        HumanCount(files.unreadable),
        HumanCount(files.gone)
    );
    if conversion.course == Course::Complete {
        if files.new + files.changed + files.gone > 0 {
            text.push_str("--update brings the dataset up to date\n");
        }
        return text;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "rows: {} added, {} replaced, {} removed",
        HumanCount(rows.added),
        HumanCount(rows.replaced),
        HumanCount(rows.removed)
    );
    if files.gone > 0 && options.prune {
        text.push_str("rows of source files that are gone were removed\n");
    }
    text
}

/// Ends an update: names the source files that are gone, unless their rows were to go as well, and those that could not be
/// read.
///
/// # Errors
/// A failure that counts them, if there are any.
fn report_lost(failures: &[FileFailure], gone: &[PathBuf], prune: bool) -> Result<(), Failure> {
    let gone = if prune { &[] } else { gone };
    for path in gone {
        say(&format!("gone: {}\n", path.display()));
    }
    for failure in failures {
        say(&format!("cannot be read: {}\n", failure.error));
    }
    let files = |count: usize| counted(count as u64, "source file");
    let (what, hint) = match (failures, gone) {
        ([], []) => return Ok(()),
        ([], gone) => (format!("{} gone", files(gone.len())), "--prune removes them"),
        (failures, []) => (format!("{} unreadable", files(failures.len())), "the lines above say why"),
        (failures, gone) => {
            let what =
                format!("{} gone, {} unreadable", files(gone.len()), HumanCount(failures.len() as u64));
            (
                what,
                "--prune removes those of files that are gone; the lines above say why others cannot be read",
            )
        }
    };
    Err(Failure::left_out(format!("{what}; rows of theirs that were in the dataset stay")).hint(hint))
}
