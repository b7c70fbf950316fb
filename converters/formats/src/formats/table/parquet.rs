//! Parquet of any writer: a file's footer in, batches of the columns asked for out.

use std::fs::File;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use isd_dataset::guard::guarded;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Type};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;

use super::leaves::Leaf;
use super::source::{Batches, TableFile, damaged};
use crate::{Error, Input, Result};

/// Name of the layout.
const LAYOUT: &str = "Parquet";
/// Rows decoded at a time.
const BATCH_ROWS: usize = 1 << 16;

/// A Parquet file whose footer has been read.
pub struct ParquetFile {
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
}

#[derive(Clone)]
enum Chunks {
    File(Arc<File>),
    Memory(Bytes),
}

impl ParquetFile {
    /// Reads the footer of a file.
    ///
    /// # Errors
    /// A file that cannot be opened or is damaged.
    pub fn open(input: &Input) -> Result<Self> {
        let path = input.path();
        let io = |source| Error::Io { path: path.to_path_buf(), action: "cannot open", source };
        let (chunks, metadata) = if let Some(bytes) = input.memory() {
            (Chunks::Memory(bytes.clone()), load(bytes))
        } else {
            let file = input.local().and_then(File::open).map_err(io)?;
            let metadata = load(&file);
            (Chunks::File(Arc::new(file)), metadata)
        };
        let metadata = metadata.map_err(|reason| damaged(input, LAYOUT, &reason))?;
        match unread_compression(&metadata) {
            None => Ok(Self { chunks, metadata }),
            Some(name) => Err(Error::Format {
                path: path.to_path_buf(),
                found: format!("is Parquet compressed by {name}, which is not read"),
                hint: Some(
                    "write it again with zstd: pyarrow.parquet.write_table(table, path, compression=\"zstd\")".into(),
                ),
            }),
        }
    }
}

/// The name of a compression that is not read and that a column of the file has.
fn unread_compression(metadata: &ArrowReaderMetadata) -> Option<&'static str> {
    let groups = metadata.metadata().row_groups().iter();
    groups.flat_map(RowGroupMetaData::columns).find_map(|column| match column.compression() {
        Compression::BROTLI(_) => Some("Brotli"),
        Compression::LZO => Some("LZO"),
        _ => None,
    })
}

/// Reads a footer. Times of 96 bits, which some writers still use, are taken in microseconds: nanoseconds do not reach
/// beyond 2262 and wrap around.
fn load(chunks: &impl ChunkReader) -> Result<ArrowReaderMetadata, String> {
    let metadata = guarded(|| ArrowReaderMetadata::load(chunks, ArrowReaderOptions::new()))?;
    let columns = metadata.parquet_schema().columns();
    let is_old = |name: &str| {
        columns.iter().any(|column| column.path().parts() == [name] && column.physical_type() == Type::INT96)
    };
    let fields = metadata.schema().fields();
    if !fields.iter().any(|field| is_old(field.name())) {
        return Ok(metadata);
    }
    let fields = fields.iter().map(|field| {
        if is_old(field.name()) {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
            Arc::new(Field::new(field.name(), micros, field.is_nullable()))
        } else {
            Arc::clone(field)
        }
    });
    let schema = Schema::new(fields.collect::<Vec<_>>()).with_metadata(metadata.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    guarded(|| ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options))
}

impl TableFile for ParquetFile {
    fn layout(&self) -> &'static str {
        LAYOUT
    }

    fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    fn rows(&self) -> Option<u64> {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).ok()
    }

    fn batches(&self, columns: &[&Leaf]) -> Result<Batches, String> {
        match self.chunks.clone() {
            Chunks::File(file) => {
                let file = file.try_clone().map_err(|error| error.to_string())?;
                batches(file, self.metadata.clone(), columns)
            }
            Chunks::Memory(bytes) => batches(bytes, self.metadata.clone(), columns),
        }
    }
}

fn batches<R: ChunkReader + 'static>(
    chunks: R,
    metadata: ArrowReaderMetadata,
    columns: &[&Leaf],
) -> Result<Batches, String> {
    let stored = metadata.parquet_schema().columns().iter();
    let read = stored
        .enumerate()
        .filter(|(_, stored)| columns.iter().any(|leaf| leaf.path.as_slice() == stored.path().parts()));
    let read: Vec<usize> = read.map(|(place, _)| place).collect();
    let mut reader = guarded(|| {
        let mask = ProjectionMask::leaves(metadata.parquet_schema(), read);
        ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata)
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
    })?;
    // After a failure the reader is not asked again.
    let mut failed = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = guarded(|| reader.next().transpose()).transpose();
        failed = matches!(next, Some(Err(_)));
        next
    })))
}
