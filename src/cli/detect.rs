//! `isd-detect`: from a dataset or an archive to the outliers table, and a summary of what was tested.

use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use clap::{Parser, ValueEnum};
use isd_converters::Measurement;
use serde::Serialize;

use super::observations::Observations;
use super::source::{SourceArgs, failures_json, report_failures};
use super::{CommonArgs, Failure, HumanBytes, HumanCount, rate, say};
use crate::detect::{DetectError, Detection, MeasurementCount, outliers_schema};
use crate::kernel::{Decimal, Extent, FillLimit, OptionsError, RollingTest};
use crate::output::{Format, OutputError, OutputFile, write_csv, write_table};
use crate::plan::{Engine, OUTLIER_COLUMNS, OutlierOptions};

/// Find the observations that lie far from those before them: more than 6 standard deviations from the mean of the 30
/// values before, station by station.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "the comments are the help text, which would print the backticks")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(name = "isd-detect", version, max_term_width = 100)]
pub struct DetectArgs {
    /// Dataset that isd-convert wrote, or any Parquet with station_id, timestamp and values; or whatever isd-convert
    /// reads, tested as it is read: files, directories, patterns, or - for a list on standard input
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Measurements to test, separated by commas or by repeating the flag
    #[arg(
        short,
        long = "measurement",
        value_name = "NAME",
        value_delimiter = ',',
        required_unless_present = "all"
    )]
    measurements: Vec<String>,
    /// Test every measurement but wind_direction and sky_condition
    #[arg(long, conflicts_with = "measurements")]
    all: bool,
    /// Test a measurement even where a linear z-score of it means nothing
    #[arg(long)]
    force: bool,
    /// File to write the outliers to: .parquet, .csv, .arrow or .ndjson [default: standard output, unless --json has it]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Columns to write, in this order [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
    /// Values in the window, or how long it reaches back (90m, 24h, 7d, 2w): the values of t - 7d <= time < t, with
    /// --include-current of t - 7d < time <= t
    #[arg(long, value_name = "N|TIME", default_value = "30", value_parser = window)]
    window: Extent,
    /// Standard deviations that an outlier exceeds
    #[arg(long, value_name = "SIGMA", default_value = "6")]
    threshold: Decimal,
    /// End the window at the tested value instead of before it
    #[arg(long)]
    include_current: bool,
    /// Values that a window must hold for its row to be tested [default: the whole window; 10 where it is a time]
    #[arg(long, value_name = "N")]
    min_periods: Option<usize>,
    /// Degrees of freedom taken off the variance's divisor: 0 population, 1 sample
    #[arg(long, value_name = "N", default_value_t = 0)]
    ddof: usize,
    /// Least standard deviation to test against, in the measurement's units
    #[arg(long, value_name = "STD", default_value = "0")]
    min_std: Decimal,
    /// Fill missing values for so many rows, or so long (90m, 24h, 7d, 2w), and no further
    #[arg(long, value_name = "N|TIME", value_parser = fill_limit)]
    fill_limit: Option<FillLimit>,
    /// Test and report filled values too, marked as such
    #[arg(long)]
    test_filled: bool,
    /// What computes the rolling step
    #[arg(long, value_enum, default_value_t)]
    engine: EngineArg,
    /// Print the plan instead of running it
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum EngineArg {
    /// The exact kernel
    #[default]
    Kernel,
    /// Polars' own rolling expressions, in floating point
    Expressions,
}

/// What `--json` prints, and what a Parquet or Arrow file of outliers says of how it was made.
#[derive(Debug, Serialize)]
struct Parameters {
    measurements: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_seconds: Option<f64>,
    threshold: f64,
    include_current: bool,
    min_periods: usize,
    ddof: usize,
    min_std: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fill_limit_rows: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fill_limit_seconds: Option<f64>,
    test_filled: bool,
    engine: &'static str,
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    dataset: String,
    output: Option<String>,
    parameters: &'a Parameters,
    rows: u64,
    stations: usize,
    outliers: usize,
    measurements: &'a [MeasurementCount],
    failures: Vec<serde_json::Value>,
    seconds: f64,
    rows_per_second: f64,
}

/// Detects the outliers of the dataset that the arguments name.
///
/// # Errors
/// Options that make no test, an unreadable dataset, an unknown measurement, or a file that cannot be written.
pub fn run(args: DetectArgs) -> Result<(), Failure> {
    let start = Instant::now();
    args.common.start_threads()?;
    let test = args.test()?;
    let columns = args.columns()?;
    if matches!(args.engine, EngineArg::Expressions) && test.rolling().needs_time() {
        return Err(Failure::usage("--engine expressions: has no time windows")
            .hint("give --window as a number of values, or leave --engine out"));
    }
    let mut observations = Observations::open(&args.sources, &args.source, &args.measurements)?;
    let measurements = args.measurements(&observations)?;
    let engine = match args.engine {
        EngineArg::Kernel => Engine::Kernel,
        EngineArg::Expressions => Engine::Expressions,
    };
    let options = OutlierOptions { measurements, test, engine };
    if args.explain {
        return observations.explain(&options);
    }
    let output = args.create_output()?;
    let detection = observations.detect(&options, args.common.quiet)?;

    let parameters = Parameters::of(&options);
    let metadata = metadata(&parameters, &observations)?;
    let schema = outliers_schema();
    let projected = |error: ArrowError| Failure::error(format!("cannot select the columns: {error}"));
    let schema: SchemaRef = schema.project(&columns).map_err(projected)?.into();
    let batches: Vec<RecordBatch> = detection
        .outliers
        .iter()
        .map(|batch| batch.project(&columns))
        .collect::<Result<_, _>>()
        .map_err(projected)?;
    let bytes = match output {
        Some(file) => Some(file.write(&schema, &batches, &metadata)?),
        // The summary has standard output to itself.
        None if args.common.json => None,
        None => {
            to_stdout(&schema, &batches)?;
            None
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let failures = observations.failures();
    let output = args.output.map(|path| path.display().to_string());
    let text = describe(&detection, output.as_deref().zip(bytes), seconds);
    let summary = Summary {
        dataset: observations.name(),
        output,
        parameters: &parameters,
        rows: detection.rows,
        stations: detection.stations,
        outliers: detection.measurements.iter().map(|m| m.outliers).sum(),
        measurements: &detection.measurements,
        failures: failures_json(&failures),
        seconds,
        rows_per_second: detection.rows as f64 / seconds.max(1e-9),
    };
    args.common.summarize(&summary, &text)?;
    report_failures(&failures)
}

impl DetectArgs {
    fn test(&self) -> Result<RollingTest, Failure> {
        let test = match self.window {
            Extent::Rows(rows) => RollingTest::new(rows, self.threshold)?,
            Extent::Micros(micros) => RollingTest::within(micros, self.threshold)?,
        };
        let least = self.min_periods.unwrap_or(test.least_count());
        let test = test
            .include_current(self.include_current)
            .min_periods(least)
            .ddof(self.ddof)
            .min_std(self.min_std)
            .fill_limit(self.fill_limit)
            .test_filled(self.test_filled);
        Ok(test.validated()?)
    }

    /// Positions of the columns to write.
    fn columns(&self) -> Result<Vec<usize>, Failure> {
        if self.columns.is_empty() {
            return Ok((0..OUTLIER_COLUMNS.len()).collect());
        }
        let position = |name: &String| {
            OUTLIER_COLUMNS.iter().position(|column| column == name).ok_or_else(|| {
                Failure::usage(format!("--columns {name}: no such column of the outliers table"))
                    .hint(format!("it has {}", OUTLIER_COLUMNS.join(", ")))
            })
        };
        let mut columns: Vec<usize> = Vec::new();
        for name in &self.columns {
            let column = position(name)?;
            if columns.contains(&column) {
                return Err(Failure::usage(format!("--columns {name}: named twice")));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// The file to write, which must neither take the dataset's place nor become a part of it.
    fn create_output(&self) -> Result<Option<OutputFile>, Failure> {
        let Some(path) = self.output.as_deref() else { return Ok(None) };
        let output = OutputFile::create(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (Ok(parent), Some(name)) = (parent.canonicalize(), path.file_name()) else {
            return Ok(Some(output));
        };
        for source in self.sources.iter().filter_map(|source| source.canonicalize().ok()) {
            let inside = parent.starts_with(&source) && output.format() == Format::Parquet;
            if inside || parent.join(name) == source {
                return Err(Failure::usage(format!("{}: lies in the dataset that is read", path.display()))
                    .hint("give another -o"));
            }
        }
        Ok(Some(output))
    }

    /// The measurements to test, all of which the dataset holds.
    fn measurements(&self, observations: &Observations) -> Result<Vec<String>, Failure> {
        let held: Vec<&str> = observations.columns().iter().map(|column| column.name.as_str()).collect();
        let linear = |name: &str| Measurement::named(name).is_none_or(|measurement| measurement.linear);
        if self.all {
            let (tested, left): (Vec<&str>, Vec<&str>) =
                held.into_iter().partition(|name| self.force || linear(name));
            if !left.is_empty() && !self.common.quiet {
                say(&format!(
                    "leaving out {}: a linear z-score of a direction or a code means nothing (--force tests them)\n",
                    left.join(" and ")
                ));
            }
            if tested.is_empty() {
                let path = observations.name();
                return Err(Failure::error(format!("{path}: holds no measurement that can be tested")));
            }
            return Ok(tested.into_iter().map(str::to_owned).collect());
        }
        let mut measurements: Vec<String> = Vec::new();
        for name in &self.measurements {
            if !held.contains(&name.as_str()) {
                let path = observations.name();
                return Err(Failure::error(format!("{path}: holds no measurement {name}"))
                    .hint(format!("it holds {}", held.join(", "))));
            }
            if !linear(name) && !self.force {
                return Err(Failure::usage(format!(
                    "{name}: a linear z-score of a direction or a code means nothing"
                ))
                .hint("--force tests it all the same"));
            }
            if !measurements.contains(name) {
                measurements.push(name.clone());
            }
        }
        Ok(measurements)
    }
}

impl Parameters {
    fn of(options: &OutlierOptions) -> Self {
        let test = &options.test;
        let seconds = |micros: i64| micros as f64 / 1e6;
        let (window, window_seconds) = match test.window() {
            Extent::Rows(rows) => (Some(rows), None),
            Extent::Micros(micros) => (None, Some(seconds(micros))),
        };
        let (fill_limit_rows, fill_limit_seconds) = match test.limit() {
            Some(FillLimit::Rows(rows)) => (Some(rows), None),
            Some(FillLimit::Micros(micros)) => (None, Some(seconds(micros))),
            None => (None, None),
        };
        Self {
            measurements: options.measurements.clone(),
            window,
            window_seconds,
            threshold: test.threshold().to_f64(),
            include_current: test.includes_current(),
            min_periods: test.least_count(),
            ddof: test.freedom(),
            min_std: test.floor().to_f64(),
            fill_limit_rows,
            fill_limit_seconds,
            test_filled: test.tests_filled(),
            engine: match options.engine {
                Engine::Kernel => "kernel",
                Engine::Expressions => "expressions",
            },
        }
    }
}

/// How a file of outliers was made: the tool, the parameters and the dataset's manifest.
fn metadata(parameters: &Parameters, observations: &Observations) -> Result<Vec<(String, String)>, Failure> {
    let json = |result: serde_json::Result<String>| {
        result.map_err(|error| Failure::error(format!("cannot describe the outliers: {error}")))
    };
    let mut metadata = vec![
        ("isd.tool".to_owned(), concat!("isd-detect ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("isd.parameters".to_owned(), json(serde_json::to_string(parameters))?),
    ];
    if let Some(source) = observations.provenance() {
        metadata.push(("isd.source".to_owned(), json(serde_json::to_string(&source))?));
    }
    Ok(metadata)
}

/// Writes the table to standard output: aligned on a terminal, CSV into a pipe.
fn to_stdout(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), Failure> {
    let terminal = io::stdout().is_terminal();
    let mut text = Vec::new();
    let written = if terminal {
        write_table(&mut text, schema, batches)
    } else {
        write_csv(&mut text, schema, batches)
    };
    written.map_err(|error| Failure::error(format!("cannot format the outliers: {error}")))?;
    let mut out = BufWriter::new(io::stdout().lock());
    out.write_all(&text).and_then(|()| out.flush()).map_err(|error| Failure::stdout(&error))
}

fn describe(detection: &Detection, output: Option<(&str, u64)>, seconds: f64) -> String {
    let count = |n: usize| HumanCount(n as u64).to_string();
    let mut text = String::new();
    for m in &detection.measurements {
        let found = m.tested + m.too_short;
        let short =
            if m.too_short > 0 { format!(" ({} too short)", count(m.too_short)) } else { String::new() };
        let _ = writeln!(
            text,
            "{}: {} series found, {} kept{short}, {} outliers at {} stations",
            m.measurement,
            count(found),
            count(m.tested),
            count(m.outliers),
            count(m.stations)
        );
    }
    if let Some((path, bytes)) = output {
        let rows: usize = detection.measurements.iter().map(|m| m.outliers).sum();
        let _ = writeln!(text, "wrote {path} ({} rows, {})", count(rows), HumanBytes(bytes));
    }
    let _ = writeln!(
        text,
        "{} rows in {seconds:.2} s ({})",
        HumanCount(detection.rows),
        rate(detection.rows, seconds)
    );
    text
}

fn window(text: &str) -> Result<Extent, String> {
    rows_or_time(text, Extent::Rows, Extent::Micros).ok_or_else(|| {
        "expected a number of values, such as 30, or a time such as 90m, 24h, 7d or 2w".to_owned()
    })
}

fn fill_limit(text: &str) -> Result<FillLimit, String> {
    rows_or_time(text, FillLimit::Rows, FillLimit::Micros)
        .ok_or_else(|| "expected a number of rows, or a time such as 90m, 24h, 7d or 2w".to_owned())
}

/// A plain number as `rows`, one with a unit of time as `micros`.
fn rows_or_time<T>(text: &str, rows: fn(usize) -> T, micros: fn(i64) -> T) -> Option<T> {
    let Some(unit) = text.chars().last().filter(|unit| !unit.is_ascii_digit()) else {
        return text.parse().ok().map(rows);
    };
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let number: i64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(minutes * 60_000_000).map(micros)
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        let failure = Self::usage(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let failure = match error {
            OutputError::Extension(_) => return Self::usage(error.to_string()),
            _ => Self::chain(&error),
        };
        match &error {
            OutputError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                failure.hint("make the directory first")
            }
            OutputError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                failure.hint("check who may write there")
            }
            _ => failure,
        }
    }
}

impl From<DetectError> for Failure {
    fn from(error: DetectError) -> Self {
        match error {
            DetectError::Dataset(error) => error.into(),
            DetectError::Split { .. } => Self::chain(&error)
                .hint("a row group must hold whole stations: convert the archive with isd-convert"),
            DetectError::Unsorted { .. } => {
                Self::chain(&error).hint("rows must be sorted by station_id and timestamp, each key once")
            }
            // The plan's source hands its hint on behind a line break.
            DetectError::Plan(error) => {
                let text = error.to_string();
                match text.split_once("\nhint: ") {
                    Some((message, hint)) => Self::error(message).hint(hint),
                    None => Self::error(text),
                }
            }
            DetectError::Arrow(_) => Self::chain(&error),
        }
    }
}
