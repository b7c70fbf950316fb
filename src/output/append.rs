//! Adding to a file of outliers: its rows and new ones in, all of them in order out, each once.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::storage;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::output::error::OutputError;
use crate::output::file_type::FileType;
use crate::plan::table::MEASUREMENT;

/// Rows of the batches that are given out.
const BATCH_ROWS: usize = 1 << 16;

/// What a file of outliers holds, to which others are to be added.
#[derive(Debug)]
pub struct Existing {
    path: PathBuf,
    /// Key-value pairs of its metadata.
    pub metadata: HashMap<String, String>,
    rows: RecordBatch,
}

impl Existing {
    /// Reads a Parquet or Arrow file; `None` where there is no file. All its rows are in memory then.
    ///
    /// # Errors
    /// A name of another type, which holds no metadata, or a file that cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, OutputError> {
        let file_type = FileType::of(path)?;
        if !matches!(file_type, FileType::Parquet | FileType::Arrow) {
            return Err(OutputError::NoMetadata(path.to_owned()));
        }
        let file = match storage::local(path).and_then(File::open) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(OutputError::Io { path: path.to_owned(), action: "cannot open", source });
            }
        };
        let read = if file_type == FileType::Parquet { read_parquet(file) } else { read_arrow(file) };
        let (metadata, rows) =
            read.map_err(|error| OutputError::Read { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Some(Self { path: path.to_owned(), metadata, rows }))
    }

    /// Number of its rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.num_rows()
    }

    /// Its rows and those of `batches`, which have the columns of `schema` and are sorted by station, time and measurement:
    /// all in that order. A new row replaces an old one of the same station, time and measurement.
    ///
    /// # Errors
    /// A file with other columns, or one without these three.
    pub fn with(
        &self,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<>, OutputError> {
        let failed = |reason: String| OutputError::Append { path: self.path.clone(), reason };
        let columns = |schema: &SchemaRef| -> Vec<_> {
            schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
        };
        if columns(&self.rows.schema()) != columns(schema) {
            let names = |schema: &SchemaRef| {
                schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(", ")
            };
            let (held, new) = (names(&self.rows.schema()), names(schema));
            return Err(failed(format!("holds the columns {held}, not {new}")));
        }
        let old = RecordBatch::try_new(schema.clone(), self.rows.columns().to_vec())
            .map_err(|error| failed(error.to_string()))?;
        let new = concat_batches(schema, batches).map_err(|error| failed(error.to_string()))?;
        let order = order(&Keys::of(&old).map_err(failed)?, &Keys::of(&new).map_err(failed)?);
        let chunks = (0..order.len().div_ceil(BATCH_ROWS)).map(move |chunk| {
            let rows = &order[chunk * BATCH_ROWS..order.len().min((chunk + 1) * BATCH_ROWS)];
            interleave_record_batch(&[&old, &new], rows)
        });
        Ok(chunks)
    }
}

/// What the rows of a table of outliers are sorted by.
struct Keys<'a> {
    stations: &'a StringArray,
    times: &'a TimestampMicrosecondArray,
    measurements: &'a StringArray,
}

impl<'a> Keys<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self, String> {
        let texts = |name| rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let times = rows
            .column_by_name(TIMESTAMP)
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        match (texts(STATION_ID), times, texts(MEASUREMENT)) {
            (Some(stations), Some(times), Some(measurements)) => Ok(Self { stations, times, measurements }),
            _ => Err(format!("lacks one of the columns {STATION_ID}, {TIMESTAMP} and {MEASUREMENT}")),
        }
    }

    fn len(&self) -> usize {
        self.times.len()
    }

    fn get(&self, row: usize) -> (&str, i64, &str) {
        (self.stations.value(row), self.times.value(row), self.measurements.value(row))
    }
}

/// The rows of two sorted tables in order, as the number of the table and the row in it; of equal ones that of the second.
fn order(old: &Keys<'_>, new: &Keys<'_>) -> Vec<(usize, usize)> {
    let mut order = Vec::with_capacity(old.len() + new.len());
    let (mut a, mut b) = (0, 0);
    while a < old.len() && b < new.len() {
        match old.get(a).cmp(&new.get(b)) {
            Ordering::Less => {
                order.push((0, a));
                a += 1;
            }
            Ordering::Equal => a += 1,
            Ordering::Greater => {
                order.push((1, b));
                b += 1;
            }
        }
    }
    order.extend((a..old.len()).map(|row| (0, row)));
    order.extend((b..new.len()).map(|row| (1, row)));
    order
}

type Read = (HashMap<String, String>, RecordBatch);

fn read_parquet(file: File) -> Result<Read, ArrowError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let pairs = builder.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let metadata = pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect();
    let schema = builder.schema().clone();
    let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    Ok((metadata, concat_batches(&schema, &batches)?))
}

fn read_arrow(file: File) -> Result<Read, ArrowError> {
    let reader = FileReader::try_new(BufReader::new(file), None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok((schema.metadata().clone(), concat_batches(&schema, &batches)?))
}
