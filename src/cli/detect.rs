//! `isd-detect`: from a dataset or an archive to the outliers table, and a summary of what was tested.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use clap::{Parser, ValueEnum};
use isd_converters::Measurement;

use super::detect_summary::{Listed, Parameters, Summary, describe, metadata};
use super::observations::Observations;
use super::source::{SourceArgs, describe_tally, failures_json, report_failures};
use super::{CommonArgs, Failure, say};
use crate::detect::{DetectError, outliers_schema};
use isd_kernel::{Decimal, FillLimit, RollingTest, Window};
use crate::output::{Format, OutputFile, PartitionedOutput, Written, write_csv, write_table};
use crate::plan::{Engine, OUTLIER_COLUMNS, OutlierOptions};
use crate::detect::spool::Spool;
use crate::stations::{STATION_COLUMNS, Stations, with_station_columns};

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
    /// Write a directory of Hive-partitioned Parquet instead: DIR/year=2017/part-00000.parquet
    #[arg(long, value_name = "KEY", value_enum, requires = "output")]
    partition_by: Option<PartitionArg>,
    /// NOAA's station list, isd-history.csv: adds name, country, latitude, longitude and elevation
    #[arg(long, value_name = "FILE")]
    stations: Option<PathBuf>,
    /// Columns to write, in this order [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
    /// Values in the window, or how long it reaches back (90m, 24h, 7d, 2w): the values of t - 7d <= time < t, with
    /// --include-current of t - 7d < time <= t
    #[arg(long, value_name = "N|TIME", default_value = "30", value_parser = window)]
    window: Window,
    /// Standard deviations that an outlier exceeds
    #[arg(long, value_name = "SIGMA", default_value = "6", allow_negative_numbers = true)]
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
    #[arg(long, value_name = "STD", default_value = "0", allow_negative_numbers = true)]
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PartitionArg {
    /// The year of the observation, in UTC
    Year,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum EngineArg {
    /// The exact kernel
    #[default]
    Kernel,
    /// Polars' own rolling expressions, in floating point
    Expressions,
}

/// Where the outliers go.
enum Destination {
    File(OutputFile),
    Years(PartitionedOutput),
    Stdout,
    /// The summary has standard output to itself.
    Nowhere,
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
    let stations = args.stations.as_deref().map(Stations::read).transpose()?;
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
    let destination = args.create_output()?;
    let detection = observations.detect(&options, args.common.quiet)?;

    let parameters = Parameters::of(&options, args.stations.as_deref());
    let metadata = metadata(&parameters, &observations)?;
    let table = Table { outliers: &detection.outliers, list: stations.as_ref(), columns: &columns };
    let listed = stations.as_ref().zip(args.stations.as_deref());
    let listed = listed.map(|(list, path)| Listed::of(&detection.outliers, list, path)).transpose();
    let listed = listed.map_err(DetectError::from)?;
    let written = match destination {
        Destination::File(file) => {
            let bytes = file.write(&table.schema()?, table.batches(), &metadata)?;
            Some(Written { files: 1, bytes })
        }
        Destination::Years(years) => {
            Some(years.write(&table.whole_schema(), table.whole_batches(), &columns, &metadata)?)
        }
        Destination::Stdout => {
            table.to_stdout()?;
            None
        }
        Destination::Nowhere => None,
    };
    let seconds = start.elapsed().as_secs_f64();
    let failures = observations.failures();
    let output = args.output.map(|path| path.display().to_string());
    let mut text = describe_tally(&detection.tally);
    text.extend(observations.notes().iter().map(|note| format!("note: {note}\n")));
    text.push_str(&describe(&detection, output.as_deref().zip(written), listed.as_ref(), seconds));
    let summary = Summary {
        dataset: observations.name(),
        output,
        parameters: &parameters,
        rows: detection.rows,
        stations: detection.stations,
        outliers: detection.measurements.iter().map(|m| m.outliers).sum(),
        stations_not_listed: listed.as_ref().map(|listed| listed.missing),
        measurements: &detection.measurements,
        tally: &detection.tally,
        notes: observations.notes(),
        failures: failures_json(&failures),
        seconds,
        rows_per_second: detection.rows as f64 / seconds.max(1e-9),
    };
    args.common.summarize(&summary, &text)?;
    report_failures(&failures)
}

impl DetectArgs {
    fn test(&self) -> Result<RollingTest, Failure> {
        let test = RollingTest::builder()
            .window(self.window)
            .threshold(self.threshold)
            .include_current(self.include_current)
            .min_periods(self.min_periods)
            .ddof(self.ddof)
            .min_std(self.min_std)
            .fill_limit(self.fill_limit)
            .test_filled(self.test_filled);
        Ok(test.build()?)
    }

    /// Positions of the columns to write.
    fn columns(&self) -> Result<Vec<usize>, Failure> {
        let mut held = OUTLIER_COLUMNS.to_vec();
        if self.stations.is_some() {
            held.extend(STATION_COLUMNS);
        }
        if self.columns.is_empty() {
            return Ok((0..held.len()).collect());
        }
        let position = |name: &String| {
            held.iter().position(|column| column == name).ok_or_else(|| {
                let hint = if STATION_COLUMNS.contains(&name.as_str()) {
                    "--stations isd-history.csv adds it".to_owned()
                } else {
                    format!("it has {}", held.join(", "))
                };
                Failure::usage(format!("--columns {name}: no such column of the outliers table")).hint(hint)
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

    /// Where the outliers go, which must neither take the place of what is read nor become a part of it.
    fn create_output(&self) -> Result<Destination, Failure> {
        let Some(path) = self.output.as_deref() else {
            return Ok(if self.common.json { Destination::Nowhere } else { Destination::Stdout });
        };
        let read = self.sources.iter().chain(&self.stations);
        if self.partition_by.is_some() {
            if Format::of(path).is_ok_and(|format| format != Format::Parquet) {
                return Err(Failure::usage(format!("{}: --partition-by writes Parquet", path.display()))
                    .hint("give -o the name of a directory, or leave --partition-by out"));
            }
            let read: Vec<PathBuf> = read.cloned().collect();
            return Ok(Destination::Years(PartitionedOutput::create(path, &read)?));
        }
        let output = OutputFile::create(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (Ok(parent), Some(name)) = (parent.canonicalize(), path.file_name()) else {
            return Ok(Destination::File(output));
        };
        for source in read.filter_map(|source| source.canonicalize().ok()) {
            let inside = parent.starts_with(&source) && output.format() == Format::Parquet;
            if inside || parent.join(name) == source {
                return Err(Failure::usage(format!("{}: lies in what is read", path.display()))
                    .hint("give another -o"));
            }
        }
        Ok(Destination::File(output))
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

/// The outliers and what stands beside them, as it is written.
struct Table<'a> {
    outliers: &'a Spool,
    /// Stations whose columns stand behind the outliers' own.
    list: Option<&'a Stations>,
    /// Which of all those columns are written.
    columns: &'a [usize],
}

impl Table<'_> {
    /// All columns.
    fn whole_schema(&self) -> SchemaRef {
        let schema = outliers_schema();
        if self.list.is_some() { with_station_columns(&schema) } else { schema }
    }

    fn whole_batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
        self.outliers.batches().map(|batch| match self.list {
            Some(list) => list.beside(&batch?),
            None => batch,
        })
    }

    /// The columns to write.
    fn schema(&self) -> Result<SchemaRef, DetectError> {
        Ok(self.whole_schema().project(self.columns)?.into())
    }

    fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
        self.whole_batches().map(|batch| batch?.project(self.columns))
    }

    /// Writes it to standard output: aligned on a terminal, CSV into a pipe.
    fn to_stdout(&self) -> Result<(), Failure> {
        let schema = self.schema()?;
        let mut out = Stdout { out: BufWriter::new(io::stdout().lock()), failure: None };
        let written = if io::stdout().is_terminal() {
            write_table(&mut out, &schema, self.batches())
        } else {
            write_csv(&mut out, &schema, self.batches())
        };
        let flushed = out.flush();
        match (out.failure, written, flushed) {
            (Some(error), ..) | (None, Ok(()), Err(error)) => Err(Failure::stdout(&error)),
            (None, Err(error), _) => Err(Failure::error(format!("cannot format the outliers: {error}"))),
            (None, Ok(()), Ok(())) => Ok(()),
        }
    }
}

/// Standard output that remembers why it failed: what formats the outliers says it in words only.
struct Stdout<W> {
    out: W,
    failure: Option<io::Error>,
}

impl<W: Write> Stdout<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failure.get_or_insert(error);
            kind.into()
        })
    }
}

impl<W: Write> Write for Stdout<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.note(result)
    }
}

fn window(text: &str) -> Result<Window, String> {
    rows_or_time(text, Window::Rows, Window::Micros).ok_or_else(|| {
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
