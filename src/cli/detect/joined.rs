//! The parts of a result, put together: their files in, the table and the account of a run over everything out.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use isd_dataset::{Error, Tally, storage};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use rayon::prelude::*;

use super::part::{Account, open};
use super::summary::difference;
use crate::cli::failure::Failure;
use crate::detect::spool::Spool;
use crate::detect::{Detection, LatestTimes, MeasurementCount, TestedRowGroup, order_row_groups};

/// Bytes of the files that are read side by side, at most: some million outliers.
const MOST_BYTES: u64 = 32 << 20;
/// Rows that are read of a part at a time.
const BATCH_ROWS: usize = 1 << 16;

/// The parts of a result, put together.
pub(super) struct Joined {
    /// Schema of the table.
    pub schema: SchemaRef,
    /// Key-value pairs of the first part's metadata.
    pub metadata: Vec<(String, String)>,
    /// Which stations and times were asked for, if not all.
    pub selection: Option<String>,
    /// The outliers, and what was tested.
    pub detection: Detection,
}

impl Joined {
    /// Reads all parts, on all threads if they are small. Outliers beyond what memory should hold go to a temporary file.
    ///
    /// # Errors
    /// A damaged part, one of another result than the first, or a station with rows in two row groups.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let [first_path, ..] = paths else { return Err(Error::internal("no part to join").into()) };
        let (reader, Account { result, .. }) = open(first_path)?;
        // The metadata of the schema are those of the file.
        let schema: SchemaRef = Schema::new(reader.schema().fields().clone()).into();
        let metadata = pairs(&reader);
        let spool = Mutex::new(Spool::default());
        let read = |path: &PathBuf| {
            let (reader, account) = open(path)?;
            if let Some(difference) = difference(&account.result, &result) {
                let (path_text, first) = (path.display(), first_path.display());
                return Err(Failure::error(format!(
                    "{path_text}: is part of another result than {first}: {difference}"
                ))
                .hint("remove the parts of one of them, and run its parts again")
                .about(Some(path)));
            }
            let numbers = put_by(path, reader, &account, &spool)?;
            Ok((account, numbers))
        };
        // What is being read of a part takes memory, so that large ones are read one after the other.
        let bytes: u64 = paths.iter().filter_map(|path| storage::size(path).ok()).sum();
        let side_by_side = if bytes <= MOST_BYTES { 1 } else { paths.len() };
        let parts: Vec<Result<_, Failure>> = paths.par_iter().with_min_len(side_by_side).map(read).collect();
        let mut gathered = Gathered::default();
        for (path, part) in paths.iter().zip(parts) {
            let (account, numbers) = part?;
            gathered.add(path, account, numbers);
        }
        let spool = spool.into_inner().unwrap_or_else(PoisonError::into_inner);
        let selection = result["selection"].as_str().map(str::to_owned);
        Ok(Self { schema, metadata, selection, detection: gathered.detection(spool)? })
    }
}

/// Puts the outliers of a part's row groups by; gives the number of each in the spool, if it has any.
/// Errors: a part that is damaged, or a temporary file that cannot be written.
fn put_by(
    path: &Path,
    reader: ParquetRecordBatchReaderBuilder<File>,
    account: &Account,
    spool: &Mutex<Spool>,
) -> Result<Vec<Option<usize>>, Failure> {
    let damaged = |error: ArrowError| {
        Failure::error(format!("{}: cannot be read: {error}", path.display()))
            .hint("remove it, and run its part again")
            .about(Some(path))
    };
    let reader = reader.with_batch_size(BATCH_ROWS).build();
    let mut rows = Rows { reader: reader.map_err(|error| damaged(error.into()))?, rest: None };
    let put_by = |row_group: &TestedRowGroup| {
        let Some(outliers) = rows.next(row_group.outliers).map_err(damaged)? else { return Ok(None) };
        let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(spool.push(outliers)?))
    };
    account.row_groups.iter().map(put_by).collect()
}

/// What the parts say of themselves, put together.
#[derive(Default)]
struct Gathered<'a> {
    rows: u64,
    stations: usize,
    measurements: Vec<MeasurementCount>,
    /// Each row group, its outliers' number in the spool if it has any, and its file.
    row_groups: Vec<(TestedRowGroup, Option<usize>, &'a Path)>,
}

impl<'a> Gathered<'a> {
    /// Adds a part, of whose row groups the outliers have these numbers.
    fn add(&mut self, path: &'a Path, account: Account, numbers: Vec<Option<usize>>) {
        self.rows += account.rows;
        self.stations += account.stations;
        if self.measurements.is_empty() {
            self.measurements = account.measurements;
        } else {
            for (total, own) in self.measurements.iter_mut().zip(&account.measurements) {
                total.tested += own.tested;
                total.too_short += own.too_short;
                total.outliers += own.outliers;
                total.stations += own.stations;
            }
        }
        let row_groups = account.row_groups.into_iter().zip(numbers);
        self.row_groups.extend(row_groups.map(|(row_group, number)| (row_group, number, path)));
    }

    /// All of it, in the order of the stations. Errors: a station with rows in two row groups.
    fn detection(mut self, mut spool: Spool) -> Result<Detection, Failure> {
        order_row_groups(&mut self.row_groups, |(row_group, _, path)| (row_group, path))?;
        spool.arrange(self.row_groups.iter().filter_map(|(_, number, _)| *number))?;
        Ok(Detection {
            outliers: spool,
            rows: self.rows,
            stations: self.stations,
            tally: Tally::default(),
            measurements: self.measurements,
            latest: LatestTimes::new(),
            row_groups: self.row_groups.into_iter().map(|(row_group, ..)| row_group).collect(),
        })
    }
}

/// The rows of a file, as many at a time as are asked for.
struct Rows {
    reader: ParquetRecordBatchReader,
    /// Rows that have been read, but not been given out.
    rest: Option<RecordBatch>,
}

impl Rows {
    /// The next `count` rows as one batch of their own, as the run that found them had them: the bytes of a Parquet file
    /// depend on where batches end. `None` for no rows.
    /// Errors: a file that cannot be read, or that has fewer rows.
    fn next(&mut self, count: usize) -> Result<Option<RecordBatch>, ArrowError> {
        let (mut batches, mut found) = (Vec::new(), 0);
        while found < count {
            let ended = || ArrowError::ParquetError("it ends early".into());
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => self.reader.next().ok_or_else(ended)??,
            };
            let rows = batch.num_rows().min(count - found);
            found += rows;
            if rows < batch.num_rows() {
                self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            batches.push(batch.slice(0, rows));
        }
        let [first, ..] = batches.as_slice() else { return Ok(None) };
        concat_batches(first.schema_ref(), &batches).map(Some)
    }
}

/// The key-value pairs of a file, in its order.
fn pairs(reader: &ParquetRecordBatchReaderBuilder<File>) -> Vec<(String, String)> {
    let pairs = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}
