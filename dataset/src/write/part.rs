//! One Parquet file of a block: from row groups to a complete file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use crate::layout::{STATION_ID, TIMESTAMP};
use crate::pages::EncodedChunk;
use crate::series_group::SeriesGroup;
use crate::time_steps::{append_lists, list_of};
use crate::write::columns::{Chunk, KEYS, PAGE_ROWS, TIME_COLUMN, ZSTD_LEVEL, encode, parquet_error};
use crate::{Error, Result};

/// Times are gaps among zeros, of which level 6 takes a sixth less than level 1, and which are read the faster.
const TIMES_ZSTD_LEVEL: i32 = 6;

/// The file that is being written.
pub(super) struct Part {
    path: PathBuf,
    file: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
    /// For each row group the list of the steps between its times, unless it would be long.
    step_lists: Vec<Option<Vec<u8>>>,
}

impl Part {
    /// Creates the file, which must not be there.
    pub(super) fn create(path: PathBuf, schema: &SchemaRef, properties: &WriterProperties) -> Result<Self> {
        let file = File::create_new(&path).map_err(|error| Error::io(&path, "cannot create", error))?;
        let (file, factory) = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties.clone()))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| parquet_error(&path, error))?;
        Ok(Self { path, file, factory, step_lists: Vec::new() })
    }

    /// Number of row groups so far.
    pub(super) fn row_groups(&self) -> usize {
        self.step_lists.len()
    }

    /// Appends a row group; returns the number of missing values in each value column.
    pub(super) fn append(&mut self, group: &SeriesGroup, schema: &SchemaRef) -> Result<Vec<u64>> {
        let failed = |error| parquet_error(&self.path, error);
        let writers = self.factory.create_column_writers(self.row_groups()).map_err(failed)?;
        let columns = self.file.schema_descr().columns();
        let encoded = writers
            .into_par_iter()
            .zip(schema.fields().par_iter().zip(columns.par_iter()))
            .enumerate()
            .with_max_len(1)
            .map(|(index, (writer, (field, column)))| {
                encode(writer, field, column, index, group, &self.path)
            });
        let (chunks, steps) =
            rayon::join(|| encoded.collect::<Result<Vec<_>>>(), || list_of(group.timestamps().values()));
        let mut row_group = self.file.next_row_group().map_err(failed)?;
        let mut nulls = Vec::new();
        for (chunk, missing) in chunks? {
            match chunk {
                Chunk::ByHand(EncodedChunk { bytes, close }) => row_group.append_column(&bytes, close),
                Chunk::Library(chunk) => chunk.append_to_row_group(&mut row_group),
            }
            .map_err(failed)?;
            nulls.push(missing as u64);
        }
        row_group.close().map_err(failed)?;
        self.step_lists.push(steps);
        // A key is never missing.
        Ok(nulls.into_iter().skip(KEYS).collect())
    }

    /// Writes the footer; returns the size of the file in bytes.
    pub(super) fn finish(mut self) -> Result<u64> {
        append_lists(&mut self.file, TIME_COLUMN, &self.step_lists)
            .map_err(|error| parquet_error(&self.path, error))?;
        let file = self.file.into_inner().map_err(|error| parquet_error(&self.path, error))?;
        // A disk that fills up, or fails once the cache is written to it, is noticed here: before the rename.
        file.sync_all().map_err(|error| Error::io(&self.path, "cannot write", error))?;
        let metadata = file.metadata().map_err(|error| Error::io(&self.path, "cannot look at", error))?;
        Ok(metadata.len())
    }
}

/// How the library writes files, for a dataset in `directory`. Errors: the library does not accept these constants.
pub(super) fn properties(directory: &Path) -> Result<WriterProperties> {
    let failed = |error: ParquetError| parquet_error(directory, error);
    let level = |level| ZstdLevel::try_new(level).map(Compression::ZSTD).map_err(failed);
    let parquet_rs = WriterProperties::default().created_by().replace(" version ", " ");
    let timestamp = || ColumnPath::from(TIMESTAMP);
    let ascending = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    Ok(WriterProperties::builder()
        .set_created_by(format!("isd version {} (build {parquet_rs})", env!("CARGO_PKG_VERSION")))
        .set_compression(level(ZSTD_LEVEL)?)
        .set_dictionary_enabled(true)
        .set_column_compression(timestamp(), level(TIMES_ZSTD_LEVEL)?)
        .set_column_dictionary_enabled(timestamp(), false)
        .set_column_encoding(timestamp(), Encoding::DELTA_BINARY_PACKED)
        // Ids that overflow the dictionary, where stations are many and short, share prefixes.
        .set_column_encoding(ColumnPath::from(STATION_ID), Encoding::DELTA_BYTE_ARRAY)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_sorting_columns(Some(vec![ascending(0), ascending(1)]))
        .build())
}
