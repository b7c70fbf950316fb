//! Outliers by year: record batches in, a directory of Hive-partitioned Parquet out.
//!
//! ```text
//! outliers/
//!   year=2016/part-00000.parquet
//!   year=2017/part-00000.parquet
//! ```
//!
//! The directory holds nothing else, so that every reader takes it as it is. The metadata of each file says what wrote it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Datelike};
use isd_dataset::Error;
use isd_dataset::layout::{TIMESTAMP, part_name};
use isd_dataset::unfinished::Unfinished;
use isd_dataset::write::Target;
use parquet::file::metadata::ParquetMetaDataReader;

use super::error::OutputError;
use super::parquet::write_parquet;
use crate::detect::spool::Spool;

/// Hive partition key: the year of a row's time in UTC.
pub const YEAR: &str = "year";
/// Bytes of a year's rows that are kept in memory until its file is written; further rows go to a temporary file.
const YEAR_BYTES: usize = 1 << 20;
/// Year under which a table without rows has its one file, which says what the columns are. A number, because readers
/// infer the type of the key from the paths, and pyarrow refuses Hive's own name for a null key where it is the only one.
const NO_ROWS_YEAR: i32 = 1970;
/// Key of the metadata by which a file of outliers is recognised, and how its value begins.
const TOOL: (&str, &str) = ("isd.tool", "isd-detect ");

/// A directory that a table will be written to, a file a year. Dropped before [`PartitionedOutput::write`] is through, it
/// leaves nothing behind.
#[derive(Debug)]
pub struct PartitionedOutput {
    path: PathBuf,
    target: Target,
    unfinished: Unfinished,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Number of files.
    pub files: usize,
    /// Their size together, in bytes.
    pub bytes: u64,
}

impl PartitionedOutput {
    /// Makes sure that the directory can be written, before the long work starts.
    ///
    /// # Errors
    /// A file of that name, a directory that holds anything but partitioned outliers, one that holds one of `sources`
    /// or lies in one of them, or a place where nothing can be written.
    pub fn create(path: &Path, sources: &[PathBuf]) -> Result<Self, OutputError> {
        let mut target = Target::prepare_directory(path, sources, &check_ours)?;
        target.remove_abandoned();
        let unfinished = target.removed_on_interrupt();
        Ok(Self { path: path.to_owned(), target, unfinished })
    }

    /// Writes the columns at the positions `columns`, a file a year with its rows in the order given, and puts the
    /// directory in place.
    ///
    /// The batches have a column `timestamp`, whether it is one of `columns` or not: a row belongs to its year in UTC.
    /// Without rows, one file without rows says what the columns are.
    ///
    /// # Errors
    /// A column that is not there, a full disk, or a directory that cannot be put in place.
    pub fn write(
        self,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        columns: &[usize],
        metadata: &[(String, String)],
    ) -> Result<Written, OutputError> {
        let fail = |reason: String| OutputError::Write { path: self.path.clone(), reason };
        let schema = schema.project(columns).map_err(|e| fail(e.to_string()))?.into();
        let mut years: BTreeMap<i32, Spool> = BTreeMap::new();
        for batch in batches {
            let batch = batch.map_err(|e| fail(e.to_string()))?;
            for (year, rows) in by_year(&batch).map_err(|e| fail(e.to_string()))? {
                let rows = rows.project(columns).map_err(|e| fail(e.to_string()))?;
                years.entry(year).or_insert_with(|| Spool::with_limit(YEAR_BYTES)).push(rows)?;
            }
        }
        if years.is_empty() {
            years.insert(NO_ROWS_YEAR, Spool::with_limit(YEAR_BYTES));
        }
        let mut written = Written { files: 0, bytes: 0 };
        for (year, rows) in &years {
            let place = PathBuf::from(format!("{YEAR}={year}")).join(part_name(0));
            written.bytes += self.write_year(&place, &schema, rows, metadata)?;
            written.files += 1;
        }
        self.target.publish()?;
        drop(self.unfinished);
        Ok(written)
    }

    /// Writes the file of a year, at `place` within the directory; returns its size in bytes.
    fn write_year(
        &self,
        place: &Path,
        schema: &SchemaRef,
        rows: &Spool,
        metadata: &[(String, String)],
    ) -> Result<u64, OutputError> {
        let path = self.path.join(place);
        let io = |source| OutputError::Io { path: path.clone(), action: "cannot write", source };
        let staged = self.target.directory().join(place);
        if let Some(directory) = staged.parent() {
            fs::create_dir(directory).map_err(io)?;
        }
        let file = File::create_new(&staged).map_err(io)?;
        write_parquet(BufWriter::new(&file), schema, rows.batches(), metadata)
            .map_err(|error| OutputError::Write { path: path.clone(), reason: error.to_string() })?;
        file.sync_all().map_err(io)?;
        Ok(file.metadata().map_err(io)?.len())
    }
}

/// The rows of each year, in the order that they have in the batch.
fn by_year(batch: &RecordBatch) -> Result<Vec<(i32, RecordBatch)>, ArrowError> {
    let times = batch
        .column_by_name(TIMESTAMP)
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| ArrowError::SchemaError(format!("no column {TIMESTAMP} in microseconds")))?;
    let mut years: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (row, &time) in (0..).zip(times.values()) {
        let time = DateTime::from_timestamp_micros(time)
            .ok_or_else(|| ArrowError::ComputeError(format!("{time} us since 1970 is in no known year")))?;
        years.entry(time.year()).or_default().push(row);
    }
    let years = years.into_iter();
    years.map(|(year, rows)| Ok((year, take_record_batch(batch, &UInt32Array::from(rows))?))).collect()
}

/// Makes sure that a directory holds nothing but what [`PartitionedOutput::write`] puts there, since what it replaces is
/// removed. `names` are those of all its entries.
fn check_ours(path: &Path, names: &[String]) -> Result<(), Error> {
    for name in names {
        let partition = path.join(name);
        let foreign = |name: &Path| Error::Format {
            path: path.to_owned(),
            found: format!("holds {}, which is no outliers file and would be lost", name.display()),
            hint: Some("give another -o, or the name of outliers that --partition-by wrote".into()),
        };
        let named = name.strip_prefix(YEAR).is_some_and(|rest| rest.starts_with('='));
        if !named || !partition.is_dir() {
            return Err(foreign(Path::new(name)));
        }
        let cannot_list =
            |source| Error::Io { path: partition.clone(), action: "cannot list the directory", source };
        for entry in fs::read_dir(&partition).map_err(cannot_list)? {
            let entry = entry.map_err(cannot_list)?;
            if !is_ours(&entry.path()) {
                return Err(foreign(&Path::new(name).join(entry.file_name())));
            }
        }
    }
    Ok(())
}

/// Whether a file is Parquet and says that `isd-detect` made it.
fn is_ours(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let Ok(metadata) = ParquetMetaDataReader::new().parse_and_finish(&file) else { return false };
    let (key, start) = TOOL;
    metadata
        .file_metadata()
        .key_value_metadata()
        .into_iter()
        .flatten()
        .any(|pair| pair.key == key && pair.value.as_ref().is_some_and(|value| value.starts_with(start)))
}
