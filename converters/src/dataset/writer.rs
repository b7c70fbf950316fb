//! From row groups of whole stations to the Parquet files of a dataset.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::gather::{Piece, RowGroup};
use super::target::io_error;
use super::{FILE_ROW_GROUPS, STATION_ID, TIMESTAMP, block_directory, part_name};
use crate::{Error, Result};

/// Dictionary indexes of weather data hardly compress further: level 3 gains 0.3 %.
const ZSTD_LEVEL: i32 = 1;
/// Rows of a data page: what a reader of one day or one station has to decompress.
const PAGE_ROWS: usize = 20_000;

/// Writes row groups in order, in one file a block until that is full.
pub(crate) struct DatasetWriter {
    directory: PathBuf,
    schema: SchemaRef,
    properties: WriterProperties,
    part: Option<Part>,
    /// What has been written.
    written: Written,
}

/// How much has been written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) files: u64,
    pub(crate) row_groups: u64,
    pub(crate) bytes: u64,
}

/// The file being written.
struct Part {
    block: String,
    number: usize,
    path: PathBuf,
    file: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
}

impl DatasetWriter {
    /// Writes files of that schema (the two keys, then float values) into an existing directory.
    ///
    /// # Errors
    /// None but what the Parquet library would not accept of constants.
    pub(crate) fn new(directory: &Path, schema: SchemaRef) -> Result<Self> {
        let properties = properties().map_err(|error| parquet_error(directory, error))?;
        Ok(Self {
            directory: directory.to_owned(),
            schema,
            properties,
            part: None,
            written: Written::default(),
        })
    }

    /// Encodes the columns in parallel and appends them as one row group.
    ///
    /// # Errors
    /// The file could not be created or written, or a value does not fit into float32.
    pub(crate) fn write(&mut self, row_group: &RowGroup) -> Result<()> {
        let mut part = self.part_for(&row_group.block)?;
        let written = part.append(row_group, &self.schema);
        self.written.row_groups += 1;
        self.part = Some(part);
        written
    }

    /// Completes the last file; says how much was written.
    ///
    /// # Errors
    /// The file could not be written to its end.
    pub(crate) fn finish(mut self) -> Result<Written> {
        if let Some(part) = self.part.take() {
            self.written.bytes += part.finish()?;
        }
        Ok(self.written)
    }

    /// The open part if it is of that block and not full, else a new one.
    fn part_for(&mut self, block: &str) -> Result<Part> {
        let mut number = 0;
        if let Some(part) = self.part.take() {
            if part.block == block {
                if part.file.flushed_row_groups().len() < FILE_ROW_GROUPS {
                    return Ok(part);
                }
                number = part.number + 1;
            }
            self.written.bytes += part.finish()?;
        }
        self.written.files += 1;
        Part::create(&self.directory, block, number, &self.schema, &self.properties)
    }
}

impl Part {
    fn create(
        dataset: &Path,
        block: &str,
        number: usize,
        schema: &SchemaRef,
        properties: &WriterProperties,
    ) -> Result<Self> {
        let directory = dataset.join(block_directory(block));
        if number == 0 {
            fs::create_dir(&directory)
                .map_err(|error| io_error(&directory, "cannot create directory", error))?;
        }
        let path = directory.join(part_name(number));
        let file = File::create_new(&path).map_err(|error| io_error(&path, "cannot create", error))?;
        let (file, factory) = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties.clone()))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| parquet_error(&path, error))?;
        Ok(Self { block: block.to_owned(), number, path, file, factory })
    }

    fn append(&mut self, row_group: &RowGroup, schema: &SchemaRef) -> Result<()> {
        let failed = |error| parquet_error(&self.path, error);
        let writers =
            self.factory.create_column_writers(self.file.flushed_row_groups().len()).map_err(failed)?;
        let chunks = writers
            .into_par_iter()
            .zip(schema.fields().par_iter())
            .enumerate()
            .with_max_len(1)
            .map(|(index, (writer, field))| encode(writer, field, index, &row_group.pieces, &self.path))
            .collect::<Result<Vec<_>>>()?;
        let mut row_group = self.file.next_row_group().map_err(failed)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group).map_err(failed)?;
        }
        row_group.close().map_err(failed)?;
        Ok(())
    }

    /// Writes the footer; says how large the file is.
    fn finish(self) -> Result<u64> {
        let file = self.file.into_inner().map_err(|error| parquet_error(&self.path, error))?;
        // A disk that fills up or fails behind the cache is noticed here, before the rename.
        file.sync_all().map_err(|error| io_error(&self.path, "cannot write", error))?;
        let metadata = file.metadata().map_err(|error| io_error(&self.path, "cannot look at", error))?;
        Ok(metadata.len())
    }
}

/// Encodes the column at `index` of the schema.
fn encode(
    mut writer: ArrowColumnWriter,
    field: &Field,
    index: usize,
    pieces: &[Piece],
    path: &Path,
) -> Result<ArrowColumnChunk> {
    for piece in pieces {
        let array: ArrayRef = match (index, field.data_type()) {
            (0, _) => Arc::new(station_ids(piece)),
            (1, _) => Arc::new(piece.timestamps().with_timezone("UTC")),
            (_, DataType::Float32) => Arc::new(to_float32(&piece.values(index - 2), field.name(), path)?),
            _ => Arc::new(piece.values(index - 2)),
        };
        let leaves = compute_leaves(field, &array).map_err(|error| parquet_error(path, error))?;
        for leaf in &leaves {
            writer.write(leaf).map_err(|error| parquet_error(path, error))?;
        }
    }
    writer.close().map_err(|error| parquet_error(path, error))
}

/// The station ids of a piece, each stored once: the file's column is of plain strings all the same.
fn station_ids(piece: &Piece) -> DictionaryArray<Int32Type> {
    let names = StringArray::from_iter_values(piece.stations.iter().map(|run| &*run.station_id));
    let mut keys = Vec::new();
    for (key, run) in piece.stations.iter().enumerate() {
        keys.resize(keys.len() + run.rows, key as i32);
    }
    // Every key is an index into `names`, in which no name is null.
    DictionaryArray::new(PrimitiveArray::from(keys), Arc::new(names))
}

/// Rounds to float32; a finite value that is too large for it is an error, not an infinity.
fn to_float32(values: &Float64Array, column: &str, path: &Path) -> Result<PrimitiveArray<Float32Type>> {
    if let Some(value) = values.iter().flatten().find(|&v| v.is_finite() && (v as f32).is_infinite()) {
        return Err(Error::Column {
            path: path.to_owned(),
            column: column.to_owned(),
            found: format!("the value {value:e} is beyond the range of float32"),
            hint: Some("convert without --float32".into()),
        });
    }
    Ok(values.unary(|value| value as f32))
}

fn properties() -> std::result::Result<WriterProperties, ParquetError> {
    let parquet_rs = WriterProperties::default().created_by().replace(" version ", " ");
    let timestamp = || ColumnPath::from(TIMESTAMP);
    let ascending = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    Ok(WriterProperties::builder()
        .set_created_by(format!("isd version {} (build {parquet_rs})", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_enabled(true)
        .set_column_dictionary_enabled(timestamp(), false)
        .set_column_encoding(timestamp(), Encoding::DELTA_BINARY_PACKED)
        // Ids that overflow the dictionary, where stations are many and short, share prefixes.
        .set_column_encoding(ColumnPath::from(STATION_ID), Encoding::DELTA_BYTE_ARRAY)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_sorting_columns(Some(vec![ascending(0), ascending(1)]))
        .build())
}

/// The operating system's reason where that is what it was, so that a full disk is called one.
fn parquet_error(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => io_error(path, "cannot write", *source),
            Err(source) => {
                Error::Format { path: path.to_owned(), found: format!("cannot write: {source}"), hint: None }
            }
        },
        error => Error::Format { path: path.to_owned(), found: format!("cannot write: {error}"), hint: None },
    }
}
