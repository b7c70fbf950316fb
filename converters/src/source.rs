//! What every format gives: a stream of [`Batch`]es from one file, and a [`Tally`] of what it left out.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::names::nearest;
use crate::{Batch, ColumnInfo, Error, Result};

/// A file of observations that is read front to back.
///
/// A source yields its rows in its own order and says in which file and row a problem lies. It
/// does not sort, and it does not check order: what reads it does.
pub trait Source: Send {
    /// The value columns of every batch, in order: ISD's measurements in canonical order first,
    /// then the others in the source's order.
    fn columns(&self) -> &[ColumnInfo];

    /// Rows that the source will yield, where it knows.
    fn rows(&self) -> Option<u64>;

    /// Name of the layout found, such as `flat HDF5`.
    fn layout(&self) -> &'static str;

    /// What the user should know about how the values were taken, one sentence each.
    fn notes(&self) -> &[String];

    /// Columns that every published file of the format has and this one lacks, each with the measurements that are
    /// missing for it, such as `TMP (air_temperature)`.
    fn lacking(&self) -> &[String] {
        &[]
    }

    /// What was left out of the rows yielded so far; complete behind the last batch.
    fn tally(&self) -> Tally {
        Tally::default()
    }

    /// Line, counted from 1, of the text at `path`, this file or one inside it, that holds the row of that zero-based
    /// number; `None` of what is no text. The text is read anew.
    fn line_of(&self, _path: &Path, _row: u64) -> Option<u64> {
        None
    }

    /// The next rows, or `None` behind the last.
    ///
    /// # Errors
    /// An unreadable or inconsistent source, naming file, dataset and row.
    fn next_batch(&mut self) -> Result<Option<Batch>>;
}

/// What a source did not hand on as it found it.
///
/// It counts what was read: a value of a row that is later dropped, since another of its station and time stays, is
/// counted like any other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Values that failed the source's quality control and became missing: column -> quality code -> count.
    /// With [`Quality::Keep`], empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, BTreeMap<String, u64>>,
    /// Trace amounts of precipitation, too small to measure, that became 0 mm: column -> count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traces: BTreeMap<String, u64>,
    /// Rows that are no observation: what they are -> count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds another file's or part's counts.
    pub fn add(&mut self, other: &Self) {
        for (column, codes) in &other.rejected {
            add(self.rejected.entry(column.clone()).or_default(), codes);
        }
        add(&mut self.traces, &other.traces);
        add(&mut self.left_out, &other.left_out);
    }
}

fn add(to: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (key, count) in counts {
        *to.entry(key.clone()).or_default() += count;
    }
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
    /// What stored values are multiplied by.
    pub scale: Scale,
    /// Which HDF5 implementation reads.
    pub hdf5_reader: Hdf5Reader,
}

impl ReadOptions {
    /// Whether a column of that name is read.
    #[must_use]
    pub fn reads(&self, column: &str) -> bool {
        self.measurements.is_empty() || self.measurements.iter().any(|name| name == column)
    }

    /// Which of a format's columns are read.
    ///
    /// # Errors
    /// A measurement that the format does not have.
    pub fn wanted(&self, path: &Path, known: &[ColumnInfo]) -> Result<Vec<usize>> {
        if let Some(absent) = self.measurements.iter().find(|name| known.iter().all(|c| c.name != **name)) {
            let names: Vec<&str> = known.iter().map(|column| column.name.as_str()).collect();
            let hint = nearest(absent, names.iter().copied()).map(|near| format!("did you mean {near}?"));
            return Err(Error::Column {
                path: path.to_path_buf(),
                column: absent.clone(),
                found: format!("does not exist; the format has {}", names.join(", ")),
                hint,
            });
        }
        let read = known.iter().enumerate().filter(|(_, column)| self.reads(&column.name));
        Ok(read.map(|(index, _)| index).collect())
    }
}

/// What becomes of values that the source marks as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// They become missing, and are counted by column and code.
    #[default]
    Drop,
    /// They are kept like any other.
    Keep,
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

/// The HDF5 implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hdf5Reader {
    /// The pure-Rust reader.
    #[default]
    Native,
    /// The HDF Group's C library.
    #[cfg(feature = "libhdf5")]
    Libhdf5,
}
