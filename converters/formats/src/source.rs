//! What every format gives: options in, a stream of [`Batch`]es from one file and a [`Tally`] of what it left out out.

use std::collections::HashSet;
use std::path::Path;

use isd_dataset::manifest::{Duplicates, ManifestOptions, Quality};
use isd_dataset::names::nearest;

use crate::instants::NumberTimes;
use crate::{Batch, ColumnInfo, Error, MEASUREMENTS, Result, Tally, TimeUnit};

/// A file of observations that is read front to back.
///
/// A source yields its rows in its own order and says in which file and row a problem lies. It
/// does not sort, and it does not check order: what reads it does.
pub trait Source: Send {
    /// What is known of the source before its rows are read.
    fn info(&self) -> &SourceInfo;

    /// What was left out of the rows yielded so far; complete after the last batch.
    fn tally(&self) -> Tally {
        Tally::default()
    }

    /// The line, counted from 1, that holds a row, counted from 0, of the text at `path`, which is this file or one inside
    /// it. `None` where it is no text or cannot be read again. The text is read anew.
    fn line_of(&self, _path: &Path, _row: u64) -> Option<u64> {
        None
    }

    /// The next rows, or `None` after the last.
    ///
    /// # Errors
    /// An unreadable or inconsistent source, naming file, dataset and row.
    fn next_batch(&mut self) -> Result<Option<Batch>>;
}

/// What is known of a source before its rows are read.
#[derive(Debug, Clone, Default)]
pub struct SourceInfo {
    /// The value columns of every batch, in order: ISD's measurements in canonical order first, then the others in the
    /// source's order.
    pub columns: Vec<ColumnInfo>,
    /// Rows that the source will yield; `None` where it does not know.
    pub rows: Option<u64>,
    /// Name of the layout found, such as `flat HDF5`.
    pub layout: &'static str,
    /// What the user should know about how the values were taken, one sentence each.
    pub notes: Vec<String>,
    /// Columns that every published file of the format has and this one lacks, each with the measurements that are
    /// missing for it, such as `TMP (air_temperature)`.
    pub lacking: Vec<String>,
    /// How times that are numbers are read, where that was found by what most of them seem to be.
    pub number_times: Option<NumberTimes>,
}

/// How to read a source.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Name of the format, where it is not to be recognised by content: see [`crate::FORMATS`].
    pub format: Option<String>,
    /// What becomes of values that failed the source's own quality control.
    pub quality: Quality,
    /// Measurements or other columns to read; empty reads all.
    pub measurements: Vec<String>,
    /// Where columns lie in the file, for names other than the canonical ones: (column, path).
    pub column_paths: Vec<(String, String)>,
    /// Units of columns where the source does not say them: (column, units). Values of ISD's measurements are converted.
    pub units: Vec<(String, String)>,
    /// Stored numbers that mean a missing value in tables and HDF5, besides those that the source says: the column, or `None`
    /// for all, and the number.
    pub missing: Vec<(Option<String>, f64)>,
    /// What stored values are multiplied by.
    pub scale: Scale,
    /// Which HDF5 implementation reads.
    pub hdf5_reader: Hdf5Reader,
    /// What times that are numbers count since 1970; `None` where it is to be recognised by their digits and magnitude.
    pub time_unit: Option<TimeUnit>,
    /// The format of times, in the letters of `strftime`; `None` where it is to be recognised. It goes before `time_unit`.
    pub time_format: Option<String>,
}

impl ReadOptions {
    /// These options as a manifest keeps them, together with which of several rows of one station and time stays and
    /// whether values are stored as float32.
    #[must_use]
    pub fn for_manifest(&self, duplicates: Duplicates, float32: bool) -> ManifestOptions {
        ManifestOptions {
            measurements: self.measurements.clone(),
            column_paths: self.column_paths.clone(),
            units: self.units.clone(),
            missing: self.missing.clone(),
            scale: match self.scale {
                Scale::Attributes => "attributes".to_owned(),
                Scale::Isd => "isd".to_owned(),
            },
            format: self.format.clone(),
            quality: self.quality,
            duplicates,
            float32,
            selection: None,
            time_unit: self.time_unit.map(|unit| unit.name().to_owned()),
            time_format: self.time_format.clone(),
        }
    }

    /// Whether a column of that name is read.
    #[must_use]
    pub fn reads(&self, column: &str) -> bool {
        self.measurements.is_empty() || self.measurements.iter().any(|name| name == column)
    }

    /// Where the user says that a column lies; `None` where it has its usual place. The last of several counts.
    #[must_use]
    pub fn path_of(&self, column: &str) -> Option<&str> {
        self.column_paths.iter().rev().find(|(name, _)| name == column).map(|(_, path)| path.as_str())
    }

    /// The units that the user says a column has; `None` where there are none. The last of several counts.
    #[must_use]
    pub fn units_of(&self, column: &str) -> Option<&str> {
        self.units.iter().rev().find(|(name, _)| name == column).map(|(_, units)| units.as_str())
    }

    /// The stored numbers that the user says are missing values of a column.
    pub fn missing_of(&self, column: &str) -> impl Iterator<Item = f64> {
        let holds = move |name: &Option<String>| name.as_ref().is_none_or(|name| name == column);
        self.missing.iter().filter(move |(name, _)| holds(name)).map(|&(_, number)| number)
    }

    /// Indexes of those of a format's columns that are read.
    ///
    /// # Errors
    /// A measurement that the format does not have, or two columns of one name that are read.
    pub fn wanted(&self, path: &Path, known: &[ColumnInfo]) -> Result<Vec<usize>> {
        if let Some(absent) = self.measurements.iter().find(|name| known.iter().all(|c| c.name != **name)) {
            let names: Vec<&str> = known.iter().map(|column| column.name.as_str()).collect();
            return Err(Error::Column {
                path: path.to_path_buf(),
                column: absent.clone(),
                found: format!("does not exist; the format has {}", names.join(", ")),
                hint: did_you_mean(absent, names.iter().copied()),
            });
        }
        let read = known.iter().enumerate().filter(|(_, column)| self.reads(&column.name));
        let read: Vec<(usize, &ColumnInfo)> = read.collect();
        let mut names = HashSet::new();
        if let Some((_, twice)) = read.iter().find(|(_, column)| !names.insert(&column.name)) {
            return Err(Error::Column {
                path: path.to_path_buf(),
                column: twice.name.clone(),
                found: "two value columns of this name".to_owned(),
                hint: Some("rename it with --column NAME=PATH, or pick others with -m".to_owned()),
            });
        }
        Ok(read.into_iter().map(|(index, _)| index).collect())
    }
}

/// Where the factor from stored to physical values comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// The file's own `scale_factor` and `add_offset`; values as stored where there are none.
    #[default]
    Attributes,
    /// ISD's own: tenths for temperature, pressure, speed and precipitation, of which a stored -1 is a trace that
    /// becomes 0. Attributes win where present.
    Isd,
}

/// The library that reads HDF5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hdf5Reader {
    /// The pure-Rust reader.
    #[default]
    Native,
    /// The HDF Group's C library.
    #[cfg(feature = "libhdf5")]
    Libhdf5,
}

/// A hint that names the known name nearest to a mistyped one, or those of which it is a part; `None` where there is none.
#[must_use]
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let part = name.trim().to_lowercase();
    let whole: Vec<&str> = known
        .iter()
        .copied()
        .filter(|known| !part.is_empty() && known.to_lowercase().contains(&part))
        .collect();
    let near = nearest(name, known).map_or_else(|| whole.join(" or "), str::to_owned);
    (!near.is_empty()).then(|| format!("did you mean {near}?"))
}

/// Puts ISD's measurements first, in their order; the other columns keep theirs.
pub fn in_canonical_order(columns: &mut [ColumnInfo]) {
    columns.sort_by_key(|column| {
        MEASUREMENTS.iter().position(|m| m.name == column.name).unwrap_or(MEASUREMENTS.len())
    });
}
