//! The parts of a result, put together: their files in, the table and the account of a run over everything out.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use isd_dataset::{Error, Tally};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::part::{Account, open};
use super::summary::difference;
use crate::cli::failure::Failure;
use crate::detect::spool::Spool;
use crate::detect::{Detection, LatestTimes, MeasurementCount, TestedRowGroup, order_row_groups};

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
    /// Reads all parts. Outliers beyond what memory should hold go to a temporary file.
    ///
    /// # Errors
    /// A damaged part, one of another result than the first, or a station with rows in two row groups.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let [first_path, others @ ..] = paths else { return Err(Error::internal("no part to join").into()) };
        let (reader, account) = open(first_path)?;
        // The metadata of the schema are those of the file.
        let schema: SchemaRef = Schema::new(reader.schema().fields().clone()).into();
        let metadata = pairs(&reader);
        let result = account.result.clone();
        let mut gathered = Gathered::default();
        gathered.add(first_path, reader, account)?;
        for path in others {
            let (reader, account) = open(path)?;
            if let Some(difference) = difference(&account.result, &result) {
                let (path_text, first) = (path.display(), first_path.display());
                return Err(Failure::error(format!(
                    "{path_text}: is part of another result than {first}: {difference}"
                ))
                .hint("remove the parts of one of them, and run its parts again")
                .about(Some(path)));
            }
            gathered.add(path, reader, account)?;
        }
        let selection = result["selection"].as_str().map(str::to_owned);
        Ok(Self { schema, metadata, selection, detection: gathered.detection()? })
    }
}

/// What has been read of the parts.
#[derive(Default)]
struct Gathered<'a> {
    spool: Spool,
    rows: u64,
    stations: usize,
    measurements: Vec<MeasurementCount>,
    /// Each row group, its outliers' number in the spool if it has any, and its file.
    row_groups: Vec<(TestedRowGroup, Option<usize>, &'a Path)>,
}

impl<'a> Gathered<'a> {
    /// Reads a part. Errors: one that is damaged, or a temporary file that cannot be written.
    fn add(
        &mut self,
        path: &'a Path,
        reader: ParquetRecordBatchReaderBuilder<File>,
        account: Account,
    ) -> Result<(), Failure> {
        let damaged = |error: ArrowError| {
            Failure::error(format!("{}: cannot be read: {error}", path.display()))
                .hint("remove it, and run its part again")
                .about(Some(path))
        };
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
        let reader = reader.with_batch_size(BATCH_ROWS).build();
        let mut rows = Rows { reader: reader.map_err(|error| damaged(error.into()))?, rest: None };
        for row_group in account.row_groups {
            let outliers = rows.next(row_group.outliers).map_err(damaged)?;
            let number = outliers.map(|outliers| self.spool.push(outliers)).transpose()?;
            self.row_groups.push((row_group, number, path));
        }
        Ok(())
    }

    /// All of it, in the order of the stations. Errors: a station with rows in two row groups.
    fn detection(mut self) -> Result<Detection, Failure> {
        order_row_groups(&mut self.row_groups, |(row_group, _, path)| (row_group, path))?;
        self.spool.arrange(self.row_groups.iter().filter_map(|(_, number, _)| *number))?;
        Ok(Detection {
            outliers: self.spool,
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
        let (mut batches, mut places) = (Vec::new(), Vec::with_capacity(count));
        while places.len() < count {
            let ended = || ArrowError::ParquetError("it ends early".into());
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => self.reader.next().ok_or_else(ended)??,
            };
            let rows = batch.num_rows().min(count - places.len());
            places.extend((0..rows).map(|row| (batches.len(), row)));
            if rows < batch.num_rows() {
                self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            batches.push(batch);
        }
        if batches.is_empty() {
            return Ok(None);
        }
        interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &places).map(Some)
    }
}

/// The key-value pairs of a file, in its order.
fn pairs(reader: &ParquetRecordBatchReaderBuilder<File>) -> Vec<(String, String)> {
    let pairs = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}
