//! The options of `isd-detect`: arguments in, a checked test, columns and measurements out.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use isd_dataset::{ColumnInfo, Measurement};
use isd_kernel::{Decimal, FillLimit, Rolling, RollingTest, Window};

use crate::cli::common::CommonArgs;
use crate::cli::duration::rows_or_time;
use crate::cli::failure::Failure;
use crate::cli::selection::SelectionArgs;
use crate::cli::source::{SourceArgs, measurement};
use crate::cli::streams::say;
use crate::detect::parts::{MOST_PARTS, Part};
use crate::plan::Engine;
use crate::plan::table::OUTLIER_COLUMNS;
use crate::stations::{STATION_COLUMNS, Stations};

/// Find the observations that lie far from those before them: more than 6 standard deviations from the mean of the 30
/// values before, station by station.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "the comments are the help text, which would print the backticks")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(name = "isd-detect", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub struct DetectArgs {
    /// Dataset that isd-convert wrote, or any Parquet with station_id, timestamp and values; or whatever isd-convert
    /// reads, tested as it is read: files, directories, patterns, or - for a list on standard input
    #[arg(required_unless_present = "join", value_name = "SOURCE")]
    pub(super) sources: Vec<PathBuf>,
    /// Measurements to test, separated by commas or by repeating the flag
    #[arg(
        short,
        long = "measurement",
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = measurement,
        required_unless_present_any = ["all", "join"]
    )]
    pub(super) measurements: Vec<String>,
    /// Test every measurement but wind_direction, sky_condition and precipitation
    #[arg(long, conflicts_with = "measurements")]
    all: bool,
    /// Test a measurement even where a linear z-score of it means nothing
    #[arg(long)]
    force: bool,
    /// File to write the outliers to: .parquet, .csv, .arrow or .ndjson [default: standard output, unless --json has it]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Write a directory of Hive-partitioned Parquet instead: DIR/year=2017/part-00000.parquet
    #[arg(long, value_name = "KEY", value_enum, requires = "output")]
    pub(super) partition_by: Option<PartitionArg>,
    /// Station list, isd-history.csv or GHCNh's: adds name, country, latitude, longitude and elevation; --columns finds
    /// them without it in a dataset that knows its stations
    #[arg(long, value_name = "LIST")]
    pub(super) stations: Option<PathBuf>,
    /// Test part K of N of a dataset, and write it into a directory: --part 3/16 -o DIR writes DIR/part-00003-of-00016.parquet,
    /// unless it is there. A part is whole row groups; all machines cut a dataset alike, into parts of nearly as many rows
    #[arg(long, value_name = "K/N", requires = "output", conflicts_with_all = NOT_WITH_PART)]
    pub(super) part: Option<Part>,
    /// Join the parts in a directory to the file that one run would have written: --join DIR -o FILE
    #[arg(long, value_name = "DIR", conflicts_with_all = NOT_WITH_JOIN)]
    pub(super) join: Option<PathBuf>,
    /// Print how evenly the dataset is cut into N parts, and what each reads, instead of testing it
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = number_of_parts, conflicts_with_all = ["part", "output"])]
    pub(super) split: Vec<usize>,
    /// Add to the file of -o, .parquet or .arrow, which was found by the same test; a row that is there already is replaced
    #[arg(long, requires = "output", conflicts_with = "partition_by")]
    pub(super) append: bool,
    /// Report only rows that no run with this file has reported yet, station by station; the windows see all rows. The file
    /// is made by the first run, and brought up to date when the outliers are written
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    pub(super) since_file: Option<PathBuf>,
    /// End with status 5 if there are outliers
    #[arg(long)]
    pub(super) exit_code: bool,
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
    engine: Engine,
    /// Print the plan instead of running it
    #[arg(long)]
    pub(super) explain: bool,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// What `--help` ends with.
const EXIT_STATUS: &str = "\
Exit status: 0 done; 1 failed; 2 usage; 3 done, but for sources that were left out; 4 another run is writing the target; \
with --exit-code 5 if there are outliers, unless sources were left out. An -o FILE that is there is replaced.";

/// What makes no sense for a part of a result.
const NOT_WITH_PART: [&str; 5] = ["append", "exit_code", "explain", "partition_by", "since_file"];

/// What the parts have decided already, or is not done with them: all but -o, --exit-code and how the tool runs.
const NOT_WITH_JOIN: [&str; 37] = [
    "all",
    "append",
    "bbox",
    "column_paths",
    "columns",
    "country",
    "ddof",
    "duplicates",
    "engine",
    "explain",
    "fill_limit",
    "force",
    "format",
    "from",
    "include_current",
    "measurements",
    "min_periods",
    "min_std",
    "missing",
    "part",
    "partition_by",
    "quality",
    "scale",
    "since_file",
    "sources",
    "split",
    "state",
    "station_patterns",
    "stations",
    "strict",
    "test_filled",
    "threshold",
    "time_format",
    "time_unit",
    "to",
    "units",
    "window",
];

/// Why a measurement is not tested.
const NOT_LINEAR: &str = "a linear z-score of a direction, a code or precipitation means nothing";

/// What outliers are partitioned by.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PartitionArg {
    /// The year of the observation, in UTC
    Year,
}

impl DetectArgs {
    /// The test that the options describe.
    ///
    /// # Errors
    /// Options that make no test.
    pub fn test(&self) -> Result<RollingTest, Failure> {
        let test = RollingTest::builder()
            .window(self.window)
            .threshold(self.threshold)
            .include_current(self.include_current)
            .min_periods(self.min_periods)
            .ddof(self.ddof)
            .min_std(self.min_std)
            .fill_limit(self.fill_limit)
            .test_filled(self.test_filled)
            .build()?;
        Ok(test)
    }

    /// The window that the options describe, for statistics without a test.
    ///
    /// # Errors
    /// Options that make no window.
    pub fn rolling(&self) -> Result<Rolling, Failure> {
        let rolling = Rolling::builder().window(self.window).include_current(self.include_current);
        Ok(rolling.min_periods(self.min_periods).ddof(self.ddof).build()?)
    }

    /// How far missing values are filled.
    #[must_use]
    pub fn fill_limit(&self) -> Option<FillLimit> {
        self.fill_limit
    }

    /// What computes the test. Errors: an engine without the window of `test`.
    pub(super) fn engine(&self, test: &RollingTest) -> Result<Engine, Failure> {
        if self.engine == Engine::Expressions && test.rolling().needs_time() {
            return Err(Failure::usage("--engine expressions: has no time windows")
                .hint("give --window as a number of values, or leave --engine out"));
        }
        Ok(self.engine)
    }

    /// The stations whose places stand beside the outliers: those of `--stations`, or of the dataset itself where
    /// `--columns` asks for what it says of them.
    /// Errors: a list or a table that cannot be read.
    pub(super) fn stations(&self) -> Result<Option<Stations>, Failure> {
        let asked = self.columns.iter().any(|name| STATION_COLUMNS.contains(&name.as_str()));
        Ok(match (&self.stations, &*self.sources) {
            (Some(list), _) => Some(Stations::read(list)?),
            (None, [dataset]) if asked => Stations::of_dataset(dataset)?,
            _ => None,
        })
    }

    /// Positions of the columns to write, among those of the outliers and, where places are known, of the stations.
    /// Errors: a name that is none of them, or one that is given twice.
    pub(super) fn columns(&self, places: bool) -> Result<Vec<usize>, Failure> {
        let mut held = OUTLIER_COLUMNS.to_vec();
        if places {
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

    /// Names of the measurements to test, each once; `columns` are those that the observations hold, and `source` is
    /// what these are called in messages.
    ///
    /// # Errors
    /// A measurement that they do not hold, or that a linear test means nothing for.
    pub fn measurements(&self, columns: &[ColumnInfo], source: &str) -> Result<Vec<String>, Failure> {
        let held: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        if self.all {
            let (tested, left): (Vec<&str>, Vec<&str>) =
                held.into_iter().partition(|name| self.force || Measurement::is_linear(name));
            if !left.is_empty() && !self.common.quiet {
                say(&format!("leaving out {}: {NOT_LINEAR} (--force tests them)\n", left.join(", ")));
            }
            if tested.is_empty() {
                return Err(Failure::error(format!("{source}: holds no measurement that can be tested")));
            }
            return Ok(tested.into_iter().map(str::to_owned).collect());
        }
        let mut measurements: Vec<String> = Vec::new();
        for name in &self.measurements {
            if !held.contains(&name.as_str()) {
                return Err(Failure::error(format!("{source}: holds no measurement {name}")).hint(
                    match held.as_slice() {
                        [] => "it holds no column of numbers".to_owned(),
                        held => format!("it holds {}", held.join(", ")),
                    },
                ));
            }
            if !Measurement::is_linear(name) && !self.force {
                return Err(
                    Failure::usage(format!("{name}: {NOT_LINEAR}")).hint("--force tests it all the same")
                );
            }
            if !measurements.contains(name) {
                measurements.push(name.clone());
            }
        }
        Ok(measurements)
    }
}

/// Parses a value of `--split`.
fn number_of_parts(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_PARTS).contains(number));
    number.ok_or_else(|| format!("expected a number of parts, from 1 to {MOST_PARTS}"))
}

/// Parses the value of `--window`.
fn window(text: &str) -> Result<Window, String> {
    rows_or_time(text, Window::Rows, Window::Micros).ok_or_else(|| {
        "expected a number of values, such as 30, or a time such as 90m, 24h, 7d or 2w".to_owned()
    })
}

/// Parses the value of `--fill-limit`.
fn fill_limit(text: &str) -> Result<FillLimit, String> {
    rows_or_time(text, FillLimit::Rows, FillLimit::Micros)
        .ok_or_else(|| "expected a number of rows, or a time such as 90m, 24h, 7d or 2w".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_option_is_taken_with_join_or_refused() {
        let command = DetectArgs::command();
        let join = command.get_arguments().find(|argument| argument.get_id() == "join").expect("--join");
        let refused: Vec<_> =
            command.get_arg_conflicts_with(join).iter().map(|argument| argument.get_id().as_str()).collect();
        // Which HDF5 reader is used does not matter where nothing is read; not every build has that option.
        let taken = ["exit_code", "hdf5_reader", "join", "json", "output", "progress", "quiet", "threads"];
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            assert!(taken.contains(&id) != refused.contains(&id), "{id}");
        }
        assert_eq!(refused.len(), NOT_WITH_JOIN.len());
    }
}
