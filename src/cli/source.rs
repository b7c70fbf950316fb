//! The arguments that say which observations are read and how: from flags to an open archive.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use isd_converters::archive::{Archive, Failure as FileFailure, discover};
use isd_converters::instants::TimeFormat;
use isd_converters::{FORMATS, Format, Hdf5Reader, ReadOptions, Scale, TimeUnit};
use isd_dataset::manifest::{Duplicates, Quality};
use isd_dataset::{Measurement, Tally};
use isd_stores::without_secrets;

use super::failure::Failure;
use super::numbers::{HumanCount, counted};
use super::streams::say;
use super::tool::JsonError;

/// How observations are read from a source.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Reading archives")]
pub struct SourceArgs {
    /// What the files are [default: recognised by their content]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<String>,
    /// Read column NAME from the column or path PATH of the file instead of from its usual place; may be repeated
    #[arg(long = "column", value_name = "NAME=PATH", value_parser = column_path)]
    column_paths: Vec<(String, String)>,
    /// Take the values of column NAME to be in UNIT, where the source does not say; may be repeated
    #[arg(long = "unit", value_name = "NAME=UNIT", value_parser = column_unit)]
    units: Vec<(String, String)>,
    /// Take NUMBER, as it is stored, for a missing value of column NAME, or of all of tables and HDF5; may be repeated
    #[arg(long, value_name = "[NAME=]NUMBER", value_parser = missing_number, allow_hyphen_values = true)]
    missing: Vec<(Option<String>, f64)>,
    /// What the stored values of HDF5 are multiplied by
    #[arg(long, value_enum, default_value_t)]
    scale: ScaleArg,
    /// What becomes of values that failed the source's own quality control
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
    /// Which of several rows of one station and time to keep, where they differ
    #[arg(long, value_enum, default_value_t)]
    duplicates: DuplicatesArg,
    /// What times that are numbers count since 1970 [default: recognised by their digits and magnitude]
    #[arg(long, value_name = "UNIT", value_parser = time_units(), conflicts_with = "time_format")]
    time_unit: Option<String>,
    /// Format of the times, in the letters of strftime, such as "%d.%m.%Y %H:%M" [default: recognised]
    #[arg(long, value_name = "FORMAT", value_parser = time_format)]
    time_format: Option<String>,
    /// Stop at the first file that cannot be read, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// What reads HDF5
    #[cfg(feature = "libhdf5")]
    #[arg(long, value_enum, default_value_t)]
    hdf5_reader: Hdf5ReaderArg,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ScaleArg {
    #[default]
    #[value(help = "The file's own scale_factor and add_offset; values as stored where it has none")]
    Attributes,
    /// ISD's own: tenths, except for direction and sky condition
    Isd,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum QualityArg {
    /// They become missing, and are counted
    #[default]
    Drop,
    /// They are kept like any other
    Keep,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum DuplicatesArg {
    /// None: fail
    Error,
    /// The first that was read
    First,
    /// The last that was read
    #[default]
    Last,
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

impl SourceArgs {
    /// How an archive is read; of its columns, `measurements`, or all if there are none.
    #[must_use]
    pub fn read_options(&self, measurements: &[String]) -> ReadOptions {
        ReadOptions {
            format: self.format.clone(),
            measurements: measurements.to_vec(),
            column_paths: self.column_paths.clone(),
            units: self.units.clone(),
            missing: self.missing.clone(),
            scale: match self.scale {
                ScaleArg::Attributes => Scale::Attributes,
                ScaleArg::Isd => Scale::Isd,
            },
            quality: match self.quality {
                QualityArg::Drop => Quality::Drop,
                QualityArg::Keep => Quality::Keep,
            },
            hdf5_reader: self.hdf5_reader(),
            time_unit: self.time_unit.as_deref().and_then(TimeUnit::named),
            time_format: self.time_format.clone(),
        }
    }

    /// The first of the given options that say how columns are found or what they hold, which only archives take.
    #[must_use]
    pub fn for_archives(&self) -> Option<&'static str> {
        let given = [
            ("--format", self.format.is_some()),
            ("--column", !self.column_paths.is_empty()),
            ("--unit", !self.units.is_empty()),
            ("--missing", !self.missing.is_empty()),
            ("--scale", matches!(self.scale, ScaleArg::Isd)),
            ("--quality", matches!(self.quality, QualityArg::Keep)),
            ("--time-unit", self.time_unit.is_some()),
            ("--time-format", self.time_format.is_some()),
        ];
        given.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// Makes sure that nothing is asked of a dataset that only archives take: its columns, units and missing values were
    /// settled when it was made.
    ///
    /// # Errors
    /// An option that says how an archive is read.
    pub fn refuse_for_dataset(&self, dataset: &Path) -> Result<(), Failure> {
        let Some(option) = self.for_archives() else { return Ok(()) };
        let dataset = dataset.display();
        Err(Failure::usage(format!("{option}: {dataset} is a dataset, whose values are read as they are"))
            .hint(format!("give {option} to isd-convert when it makes the dataset")))
    }

    /// Which of several rows of one station and time is kept.
    #[must_use]
    pub fn duplicates(&self) -> Duplicates {
        match self.duplicates {
            DuplicatesArg::Error => Duplicates::Error,
            DuplicatesArg::First => Duplicates::First,
            DuplicatesArg::Last => Duplicates::Last,
        }
    }

    #[cfg(feature = "libhdf5")]
    fn hdf5_reader(&self) -> Hdf5Reader {
        match self.hdf5_reader {
            Hdf5ReaderArg::Native => Hdf5Reader::Native,
            Hdf5ReaderArg::Libhdf5 => Hdf5Reader::Libhdf5,
        }
    }

    #[cfg(not(feature = "libhdf5"))]
    #[allow(clippy::unused_self, reason = "one signature with and without the feature")]
    fn hdf5_reader(&self) -> Hdf5Reader {
        Hdf5Reader::Native
    }

    /// Opens the files that `sources` stand for.
    ///
    /// # Errors
    /// A column that is to have two names, a source that does not exist, files of which none can be read, or a unit of a column that they do not have.
    pub fn open(&self, sources: &[PathBuf], read: &ReadOptions) -> Result<Archive, Failure> {
        let mut paths = BTreeMap::new();
        for (name, path) in &self.column_paths {
            let other = paths.insert(path, name).filter(|other| *other != name);
            if let Some(other) = other {
                return Err(Failure::usage(format!("--column: {path} is to be both {other} and {name}"))
                    .hint("read it once; SQL and data frames copy columns"));
            }
        }
        let found = discover(sources, &mut io::stdin().lock())?;
        let archive = Archive::open(&found.files, read, self.strict)?;
        let names: Vec<&str> = archive.columns().iter().map(|column| column.name.as_str()).collect();
        let is_unknown = |name: &&String| read.reads(name) && !names.contains(&name.as_str());
        let units = self.units.iter().map(|(name, _)| ("--unit", name));
        let missing = self.missing.iter().filter_map(|(name, _)| Some(("--missing", name.as_ref()?)));
        match units.chain(missing).find(|(_, name)| is_unknown(name)) {
            None => Ok(archive),
            Some((option, name)) => {
                Err(Failure::usage(format!("{option} {name}: the source has no such column"))
                    .hint(format!("its columns are called {}", names.join(", "))))
            }
        }
    }
}

/// Parses a value of `--measurement`: a name without the blanks around it, of ISD's measurements whatever its case.
///
/// # Errors
/// No name.
pub fn measurement(text: &str) -> Result<String, String> {
    let name = text.trim();
    let lower = name.to_lowercase();
    match name {
        "" => Err("expected a name".to_owned()),
        _ if Measurement::named(&lower).is_some() => Ok(lower),
        name => Ok(name.to_owned()),
    }
}

/// Parses the value of `--format`: the name of a format, or a former name.
fn formats() -> PossibleValuesParser {
    let value = |format: &dyn Format| PossibleValue::new(format.name()).aliases(format.aliases());
    PossibleValuesParser::new(FORMATS.map(value))
}

/// Parses the value of `--time-unit`: the name of a unit, or its abbreviation.
fn time_units() -> PossibleValuesParser {
    PossibleValuesParser::new(
        TimeUnit::ALL.map(|unit| PossibleValue::new(unit.name()).alias(unit.abbreviation())),
    )
}

/// Parses the value of `--time-format`: a format of dates in the letters of `strftime`.
fn time_format(text: &str) -> Result<String, String> {
    TimeFormat::new(text).map(|_| text.to_owned())
}

/// Parses the value of `--column`: splits `NAME=PATH` at the first equals sign.
fn column_path(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.to_owned())),
        _ => Err("expected NAME=PATH, such as wind_speed_rate=/surface/wind".to_owned()),
    }
}

/// Parses the value of `--unit`: splits `NAME=UNIT` at the first equals sign.
fn column_unit(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, unit)) if !name.is_empty() && !unit.trim().is_empty() => {
            Ok((name.to_owned(), unit.trim().to_owned()))
        }
        _ => Err("expected NAME=UNIT, such as air_temperature=degF".to_owned()),
    }
}

/// Parses the value of `--missing`: a number, or `NAME=NUMBER`.
fn missing_number(text: &str) -> Result<(Option<String>, f64), String> {
    let (name, number) = text.rsplit_once('=').map_or((None, text), |(name, number)| (Some(name), number));
    match number.trim().parse() {
        Ok(number) if f64::is_finite(number) && name != Some("") => Ok((name.map(str::to_owned), number)),
        _ => Err("expected NUMBER or NAME=NUMBER, such as -999 or snow_depth=9999".to_owned()),
    }
}

/// Says what was left out of an archive, a line each; empty if nothing was.
#[must_use]
pub fn describe_tally(tally: &Tally) -> String {
    let mut text = String::new();
    for (column, codes) in &tally.rejected {
        let total: u64 = codes.values().sum();
        let codes = codes.iter().map(|(code, count)| format!("{code}: {}", HumanCount(*count)));
        let codes: Vec<String> = codes.collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{column}: {} values that failed quality control are missing now (code {})",
            HumanCount(total),
            codes.join(", ")
        );
    }
    for (column, count) in &tally.traces {
        let _ = writeln!(text, "{column}: {} traces became 0", HumanCount(*count));
    }
    if !tally.missing.is_empty() {
        let marks = tally.missing.iter().map(|(mark, count)| format!("{mark}: {}", HumanCount(*count)));
        let _ = writeln!(text, "missing values are written as {}", marks.collect::<Vec<_>>().join(", "));
    }
    for (column, numbers) in &tally.like_missing {
        for (number, count) in numbers {
            let _ = writeln!(
                text,
                "{column}: {number} ({}) is taken as a value; --missing {column}={number} makes it missing",
                counted(*count, "time")
            );
        }
    }
    for (what, count) in &tally.left_out {
        let _ = writeln!(text, "left out: {} {what}", HumanCount(*count));
    }
    text
}

/// Ends a run that may have left files out: prints a line for each of them.
///
/// # Errors
/// A failure of the kind [`Kind::LeftOut`](super::failure::Kind::LeftOut) that counts them, if there are any.
pub fn report_failures(failures: &[FileFailure]) -> Result<(), Failure> {
    let [first, ..] = failures else { return Ok(()) };
    for failure in failures {
        say(&without_secrets(&format!("left out: {}\n", failure.error)));
    }
    let message = match failures.len() as u64 {
        1 => "1 file could not be read and was left out".to_owned(),
        count => format!("{} files could not be read and were left out", HumanCount(count)),
    };
    let hint = first.error.hint().unwrap_or_else(|| "the lines above say why".to_owned());
    Err(Failure::left_out(message).hint(hint).about(Some(&first.path)))
}

/// Files that were left out, as a summary in JSON lists them.
#[must_use]
pub fn failures_json(failures: &[FileFailure]) -> Vec<JsonError> {
    let json = |failure: &FileFailure| JsonError {
        path: Some(failure.path.display().to_string()),
        message: failure.error.to_string(),
        hint: failure.error.hint(),
    };
    failures.iter().map(json).collect()
}
