//! The manifest, `_isd.json`: a small JSON file that says what a dataset holds and how it was made, written and read.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::layout::{MANIFEST, dataset_directory};
use crate::{Error, Result, Tally, storage};

/// Version of the dataset's layout that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// What a dataset holds, where it comes from and how it was made.
///
/// It holds no time of writing: the same source and options give the same manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the dataset's layout: [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Name and version of the program that wrote it.
    pub tool: String,
    /// Files or directories converted, as they were named.
    pub sources: Vec<String>,
    /// Layout found in them, such as `flat HDF5`.
    pub layout: String,
    /// How they were converted.
    pub options: ManifestOptions,
    /// Number of observations.
    pub rows: u64,
    /// Number of stations.
    pub stations: u64,
    /// Number of Parquet files.
    pub files: u64,
    /// Number of row groups in them.
    pub row_groups: u64,
    /// Earliest time, ISO 8601 in UTC.
    pub first_timestamp: String,
    /// Latest time, ISO 8601 in UTC.
    pub last_timestamp: String,
    /// The value columns in the files' order.
    pub columns: Vec<ManifestColumn>,
    /// Rows left out because another row of the same station and time, with other values, stayed.
    #[serde(default)]
    pub duplicates: u64,
    /// Rows left out because another row said the same.
    #[serde(default)]
    pub identical: u64,
    /// What else of the source files was left out.
    #[serde(default)]
    pub tally: Tally,
    /// Number of source files that were read.
    #[serde(default)]
    pub source_files: u64,
    /// Number of source files, and of members of archive files, that could not be read.
    #[serde(default)]
    pub failed_files: u64,
    /// Number of source files that are gone or cannot be read any more, whose rows stayed from an earlier conversion.
    #[serde(default)]
    pub retained_files: u64,
    /// How the values were taken, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One value column of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestColumn {
    /// Column name.
    pub name: String,
    /// Units in UDUNITS spelling, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    /// Scale of which every value is an integer multiple, as decimal text, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Number of missing values.
    pub nulls: u64,
}

/// The options of a conversion that shape its result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ManifestOptions {
    /// Columns asked for; empty for all.
    #[serde(default)]
    pub measurements: Vec<String>,
    /// Columns read from other places than their own names: (column, path in the source).
    #[serde(default)]
    pub column_paths: Vec<(String, String)>,
    /// Units of columns that the source does not say: (column, units).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<(String, String)>,
    /// Numbers that were said to mean a missing value: (column, or `None` for all, number).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(Option<String>, f64)>,
    /// Where the scale of stored values came from: `attributes` or `isd`.
    #[serde(default)]
    pub scale: String,
    /// Format that the files were said to be of; `None` where it was recognised.
    #[serde(default)]
    pub format: Option<String>,
    /// What became of values that failed the source's quality control.
    #[serde(default)]
    pub quality: Quality,
    /// Which of several rows of the same station and time stayed.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// Whether values are stored as float32.
    #[serde(default)]
    pub float32: bool,
    /// Which stations and times were asked for, as on the command line; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// What times that are numbers were said to count since 1970, such as `milliseconds`; `None` where it was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<String>,
    /// Format that times were said to have; `None` where it was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_format: Option<String>,
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

/// Which of several rows of the same station and time stays, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// None: they are an error.
    Error,
    /// The first in the order of reading.
    First,
    /// The last in the order of reading.
    #[default]
    Last,
}

impl Manifest {
    /// Reads the manifest of the dataset in directory `dataset`; `None` where there is none.
    ///
    /// # Errors
    /// An unreadable file, one that is no manifest, or one of a newer layout.
    pub fn find(dataset: &Path) -> Result<Option<Self>> {
        let path = dataset_directory(dataset).join(MANIFEST);
        let text = match storage::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(source) => return Err(Error::Io { path, action: "cannot read", source }),
        };
        Self::parse(&text, &path).map(Some)
    }

    /// Reads the manifest of the dataset in directory `dataset`.
    ///
    /// # Errors
    /// Those of [`Manifest::find`], and a directory without a manifest.
    pub fn read(dataset: &Path) -> Result<Self> {
        Self::find(dataset)?.ok_or_else(|| Error::Format {
            path: dataset.to_owned(),
            found: format!("is no isd dataset: it holds no {MANIFEST}"),
            hint: Some("name a directory that isd-convert wrote".into()),
        })
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let unreadable = |error: serde_json::Error| Error::Format {
            path: path.to_owned(),
            found: format!("is not the manifest of an isd dataset: {error}"),
            hint: Some("convert the archive again".into()),
        };
        // First the version alone: a newer layout may have changed everything else.
        let Version { format_version } = serde_json::from_str(text).map_err(unreadable)?;
        if format_version > FORMAT_VERSION {
            return Err(Error::Format {
                path: path.to_owned(),
                found: format!(
                    "the dataset has format version {format_version}, this program reads up to {FORMAT_VERSION}"
                ),
                hint: Some("use a newer isd, or convert the archive again with this one".into()),
            });
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// Writes the manifest as indented JSON with a line break at the end.
    ///
    /// # Errors
    /// A manifest that cannot be JSON, which none of this type is.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}
