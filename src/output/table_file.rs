//! A table as one file: record batches in, a Parquet, CSV, Arrow or NDJSON file out, or the same batches for another program.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use isd_dataset::output_file::OutputFile;

use super::error::OutputError;
use super::file_type::FileType;
use super::parquet::write_parquet;
use super::text::{write_csv, write_ndjson};

/// A file that a table will be written to. Dropped before [`TableFile::write`] is through, it leaves nothing behind.
#[derive(Debug)]
pub struct TableFile {
    file_type: FileType,
    place: Place,
}

/// Where a table goes.
#[derive(Debug)]
enum Place {
    File(PathBuf, OutputFile),
    Memory(KeptTable),
}

/// A schema and batches of it.
pub type Batches = (SchemaRef, Vec<RecordBatch>);

/// Memory that takes a table in place of a file, for the program that a tool runs within. Clones are the same memory.
#[derive(Debug, Clone, Default)]
pub struct KeptTable(Arc<Mutex<Option<Batches>>>);

impl KeptTable {
    /// Takes out the table: its schema, with the metadata that a file would have, and its batches. `None` before one was
    /// written.
    #[must_use]
    pub fn take(&self) -> Option<Batches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl TableFile {
    /// Makes sure that the file can be written, before the long work starts.
    ///
    /// # Errors
    /// An extension that names no file type, a directory of that name, or a place where nothing can be written.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let file_type = FileType::of(path)?;
        let file = OutputFile::create(path).map_err(OutputError::of_file)?;
        Ok(Self { file_type, place: Place::File(path.to_owned(), file) })
    }

    /// Has the table kept in memory.
    #[must_use]
    pub fn in_memory(table: &KeptTable) -> Self {
        Self { file_type: FileType::Arrow, place: Place::Memory(table.clone()) }
    }

    /// What the table will be written as.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Writes the table under its final name; returns the file's size in bytes, which is 0 in memory.
    ///
    /// # Errors
    /// A batch that is an error, a full disk, or a file that cannot be put in place.
    pub fn write(
        self,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        metadata: &[(String, String)],
    ) -> Result<u64, OutputError> {
        let Self { file_type, place } = self;
        let (path, file) = match place {
            Place::File(path, file) => (path, file),
            Place::Memory(table) => {
                let failed = |error: ArrowError| OutputError::Write {
                    path: "table".into(),
                    reason: error.to_string(),
                };
                let batches = batches.collect::<Result<Vec<_>, _>>().map_err(failed)?;
                let kept = (with_metadata(schema, metadata), batches);
                *table.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
                return Ok(0);
            }
        };
        let mut out = BufWriter::new(file.file());
        let written = match file_type {
            FileType::Parquet => {
                write_parquet(&mut out, schema, batches, metadata).map_err(|error| error.to_string())
            }
            FileType::Csv => write_csv(&mut out, schema, batches).map_err(|error| error.to_string()),
            FileType::Arrow => {
                write_arrow(&mut out, schema, batches, metadata).map_err(|error| error.to_string())
            }
            FileType::Ndjson => write_ndjson(&mut out, batches).map_err(|error| error.to_string()),
        };
        written.map_err(|reason| OutputError::Write { path: path.clone(), reason })?;
        out.flush().map_err(|source| OutputError::Io { path, action: "cannot write", source })?;
        drop(out);
        file.finish().map_err(OutputError::of_file)
    }
}

fn with_metadata(schema: &SchemaRef, metadata: &[(String, String)]) -> SchemaRef {
    Schema::clone(schema).with_metadata(metadata.iter().cloned().collect()).into()
}

fn write_arrow(
    out: impl Write,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    metadata: &[(String, String)],
) -> Result<(), ArrowError> {
    let schema = with_metadata(schema, metadata);
    let mut writer = FileWriter::try_new(out, &schema)?;
    for batch in batches {
        writer.write(&own_buffers(&batch?)?)?;
    }
    writer.finish()
}

/// The same rows in buffers of their own. The file holds buffers as they are: bits after the last row, bitmaps of columns
/// without nulls and what stands in place of a null are else those of how a batch came about, and its bytes no function of
/// the rows alone.
fn own_buffers(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<(usize, usize)> = (0..batch.num_rows()).map(|row| (0, row)).collect();
    let copy = interleave_record_batch(&[batch], &rows)?;
    let columns = copy.columns().iter().map(|column| -> ArrayRef {
        let doubles = column.as_primitive_opt::<Float64Type>().filter(|column| column.null_count() > 0);
        let texts = column.as_string_opt::<i32>().filter(|column| column.null_count() > 0);
        match (doubles, texts) {
            (Some(doubles), _) => Arc::new(doubles.iter().collect::<Float64Array>()),
            (None, Some(texts)) => Arc::new(texts.iter().collect::<StringArray>()),
            (None, None) => Arc::clone(column),
        }
    });
    RecordBatch::try_new(copy.schema(), columns.collect())
}
