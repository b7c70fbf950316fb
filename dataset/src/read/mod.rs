//! The dataset's reader: from a directory of Parquet files to row groups of whole stations, column by column.
//!
//! [`Dataset::open`] reads the files' footers; a [`RowGroup`] reads its columns when it is asked for them.

mod ahead;
mod data_file;
mod find_files;
mod fingerprint;
mod row_group;
mod stations;
mod times;
mod values;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use isd_stores::is_address;
use rayon::prelude::*;

use crate::layout::{BLOCK, MANIFEST, STATION_ID, TIMESTAMP, dataset_directory};
use crate::manifest::Manifest;
use crate::read::data_file::{DataFile, tails_of};
use crate::read::find_files::{Found, file_at, find_parquet};
use crate::{ColumnInfo, Error, Result};

pub use ahead::{Times, read_ahead};
pub use row_group::RowGroup;

/// Files that are kept open, at most: an ISD dataset has about a hundred, and a process may open a thousand.
const OPEN_FILES: usize = 256;
/// How often a dataset is opened that is replaced meanwhile.
const TRIES: usize = 5;

/// A dataset: its files' footers have been read, its values have not.
#[derive(Debug)]
pub struct Dataset {
    path: PathBuf,
    manifest: Option<Manifest>,
    files: Vec<Arc<DataFile>>,
    columns: Vec<ColumnInfo>,
}

impl Dataset {
    /// Opens a directory of Parquet files (at any depth; hidden files are passed over), or one file; of an address the objects
    /// below it, or one.
    ///
    /// Where a dataset is replaced meanwhile, all that is read is of the one or of the other; only of more than 256 files some
    /// may no longer be there when they are read, which is an error then.
    ///
    /// # Errors
    /// Nothing there, no Parquet file in it, a broken one, one without the key columns, files whose columns differ, or
    /// another number of rows than the manifest says.
    pub fn open(path: &Path) -> Result<Self> {
        for _ in 1..TRIES {
            let directory = identity(path);
            let opened = Self::open_once(path);
            if directory == identity(path) {
                return opened;
            }
        }
        Self::open_once(path)
    }

    fn open_once(path: &Path) -> Result<Self> {
        let directory = dataset_directory(path);
        let (found, manifest) = match find_parquet(&directory)? {
            Some(found) if found.is_empty() => (found, None),
            Some(found) => (found, Manifest::find(&directory)?),
            None => (vec![file_at(path)?], None),
        };
        let files = open_files(&found)?;
        let Some((first, others)) = files.split_first() else {
            return Err(Error::Format {
                path: path.to_owned(),
                found: "a directory without Parquet files".into(),
                hint: Some("name a dataset that isd-convert wrote".into()),
            });
        };
        let columns = first.value_columns();
        for file in others {
            check_same_columns(&columns, first, file)?;
        }
        let dataset = Self { path: path.to_owned(), manifest, files, columns };
        if let Some(expected) = dataset.manifest().map(|manifest| manifest.rows)
            && expected != dataset.rows()
        {
            return Err(Error::Format {
                path: path.to_owned(),
                found: format!("holds {} rows, but its {MANIFEST} says {expected}", dataset.rows()),
                hint: Some(
                    "files of it are missing or do not belong to it: convert the archive again".into(),
                ),
            });
        }
        Ok(dataset)
    }

    /// The directory or file that was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the dataset says of how it was made; `None` where `isd-convert` did not make it.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The value columns, in the files' order: all columns of numbers.
    #[must_use]
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// The least and the greatest value of a column of numbers or times, as they are stored; `None` where it holds no value
    /// or a footer does not say it.
    #[must_use]
    pub fn range(&self, column: &str) -> Option<(f64, f64)> {
        let groups = self.row_groups();
        let valued = groups.iter().filter(|group| !group.is_null(column));
        let ranges: Option<Vec<(f64, f64)>> = valued.map(|group| group.range(column)).collect();
        ranges?.into_iter().reduce(|(least, most), (low, high)| (least.min(low), most.max(high)))
    }

    /// Whether all columns besides the keys are of numbers, and times of a type of times.
    #[must_use]
    pub fn is_of_numbers(&self) -> bool {
        let keys = [STATION_ID, TIMESTAMP, BLOCK];
        let fields = self.files.iter().flat_map(|file| file.footer.schema().fields().iter());
        fields.into_iter().all(|field| match field.name().as_str() {
            TIMESTAMP => matches!(field.data_type(), DataType::Timestamp(..)),
            name => keys.contains(&name) || field.data_type().is_numeric(),
        })
    }

    /// Microseconds in one unit of the times as they are stored; `None` where they are of no type of times, or files differ.
    #[must_use]
    pub fn time_unit(&self) -> Option<f64> {
        let units = self.files.iter().map(|file| {
            match file.footer.schema().field_with_name(TIMESTAMP).ok()?.data_type() {
                DataType::Timestamp(TimeUnit::Second, _) => Some(1e6),
                DataType::Timestamp(TimeUnit::Millisecond, _) => Some(1e3),
                DataType::Timestamp(TimeUnit::Microsecond, _) => Some(1.0),
                DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(1e-3),
                _ => None,
            }
        });
        let units: Vec<f64> = units.collect::<Option<_>>()?;
        units.first().copied().filter(|first| units.iter().all(|unit| unit == first))
    }

    /// Number of observations.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.row_groups().iter().map(|group| group.rows() as u64).sum()
    }

    /// All row groups that have rows, in the order of the files' paths. That is nearly the order of the stations: only
    /// escaped characters in the names of blocks sort apart.
    #[must_use]
    pub fn row_groups(&self) -> Vec<RowGroup> {
        let groups = self.files.iter().flat_map(RowGroup::all_of);
        groups.filter(|group| group.rows() > 0).collect()
    }
}

/// Opens files, several at a time.
fn open_files(found: &[Found]) -> Result<Vec<Arc<DataFile>>> {
    let tails = tails_of(found)?;
    let open = |(number, found)| DataFile::open(found, &tails, number < OPEN_FILES).map(Arc::new);
    // One by one, so that they are opened nearly in their order.
    found.par_iter().with_max_len(1).enumerate().map(open).collect()
}

/// What tells the directory of a dataset from another one that takes its name; `None` where that is not known. In a store the
/// name of the directory tells.
fn identity(path: &Path) -> Option<(u64, u64, PathBuf)> {
    let directory = dataset_directory(path);
    if is_address(path) {
        return Some((0, 0, directory));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(&directory).ok()?;
        Some((metadata.dev(), metadata.ino(), directory))
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        None
    }
}

/// Checks that `file` has the value columns of the dataset's first file.
fn check_same_columns(columns: &[ColumnInfo], first: &DataFile, file: &DataFile) -> Result<()> {
    let names = |columns: &[ColumnInfo]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let (expected, found) = (names(columns), names(&file.value_columns()));
    if expected == found {
        return Ok(());
    }
    Err(Error::Format {
        path: file.path.clone(),
        found: format!(
            "holds the columns {}, but {} holds {}",
            found.join(", "),
            first.path.display(),
            expected.join(", ")
        ),
        hint: Some("all files of a dataset have the same columns".into()),
    })
}
