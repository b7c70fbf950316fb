//! From row groups of whole stations to the Parquet files of a dataset.

mod abandoned;
mod publish;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Float64Array, PrimitiveArray, StringArray};
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
use parquet::schema::types::{ColumnDescPtr, ColumnPath};
use rayon::prelude::*;

use crate::block::BlockRecord;
use crate::layout::{FILE_ROW_GROUPS, STATION_ID, TIMESTAMP, block_directory, part_name};
use crate::pages::column_pages::ColumnPages;
use crate::pages::station_pages::station_pages;
use crate::pages::time_pages::time_pages;
use crate::pages::time_steps::{append_lists, steps_of};
use crate::pages::value_pages::value_pages;
use crate::series_group::SeriesGroup;
use crate::{Error, Result, StationRun};

pub use publish::{Replaceable, Target};

/// Dictionary indexes of weather data hardly compress further: level 3 gains 0.3 %.
const ZSTD_LEVEL: i32 = 1;
/// Times are gaps among zeros, of which level 6 takes a sixth less than level 1, and which are read the faster.
const TIMES_ZSTD_LEVEL: i32 = 6;
/// Rows of a data page: what a reader of one day or one station has to decompress. The library ends a page at a multiple
/// of 1024 rows; this is one, so that the pages of all columns end at the same rows.
const PAGE_ROWS: usize = 20 * 1024;
/// Place of the times among the columns.
const TIME_COLUMN: usize = 1;

/// Writes row groups in order, in one file a block until that is full.
pub struct DatasetWriter {
    directory: PathBuf,
    schema: SchemaRef,
    properties: WriterProperties,
    open: Option<OpenBlock>,
}

/// The block being written.
struct OpenBlock {
    record: BlockRecord,
    part: Part,
}

/// The file being written.
struct Part {
    path: PathBuf,
    file: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
    /// The steps of each row group's times, if they are few.
    steps: Vec<Option<Vec<u8>>>,
}

impl DatasetWriter {
    /// Writes files of that schema (the two keys, then float values) into an existing directory.
    ///
    /// # Errors
    /// None but what the Parquet library would not accept of constants.
    pub fn new(directory: &Path, schema: SchemaRef) -> Result<Self> {
        let properties = properties().map_err(|error| parquet_error(directory, error))?;
        Ok(Self { directory: directory.to_owned(), schema, properties, open: None })
    }

    /// Encodes the columns in parallel and appends them as one row group; gives the block before, if this one is the
    /// first of another.
    ///
    /// # Errors
    /// A file could not be created or written, or a value does not fit into float32.
    pub fn write(&mut self, group: &SeriesGroup) -> Result<Option<BlockRecord>> {
        let mut before = None;
        let mut open = match self.open.take() {
            Some(open) if open.record.block == group.block => open,
            other => {
                before = other.map(OpenBlock::finish).transpose()?;
                let directory = self.directory.join(block_directory(&group.block));
                fs::create_dir(&directory)
                    .map_err(|error| Error::io(&directory, "cannot create directory", error))?;
                let record = BlockRecord { block: group.block.clone(), ..BlockRecord::default() };
                OpenBlock { part: self.part(&record)?, record }
            }
        };
        if open.part.file.flushed_row_groups().len() >= FILE_ROW_GROUPS {
            open.record.parts.push(open.part.finish()?);
            open.part = self.part(&open.record)?;
        }
        let nulls = open.part.append(group, &self.schema)?;
        open.record.add(group, &nulls);
        self.open = Some(open);
        Ok(before)
    }

    /// Completes the last block.
    ///
    /// # Errors
    /// The file could not be written to its end.
    pub fn finish(self) -> Result<Option<BlockRecord>> {
        self.open.map(OpenBlock::finish).transpose()
    }

    /// The next file of a block.
    fn part(&self, record: &BlockRecord) -> Result<Part> {
        let directory = self.directory.join(block_directory(&record.block));
        Part::create(directory.join(part_name(record.parts.len())), &self.schema, &self.properties)
    }
}

impl OpenBlock {
    fn finish(mut self) -> Result<BlockRecord> {
        self.record.parts.push(self.part.finish()?);
        Ok(self.record)
    }
}

impl BlockRecord {
    /// Counts a row group, which has so many missing values a column.
    fn add(&mut self, group: &SeriesGroup, nulls: &[u64]) {
        let (dropped, times) = (group.dropped, group.time_range());
        self.time_range = match self.row_groups {
            0 => times,
            _ => (self.time_range.0.min(times.0), self.time_range.1.max(times.1)),
        };
        self.rows += group.rows() as u64;
        self.stations += group.station_count() as u64;
        self.duplicates += dropped.duplicates;
        self.identical += dropped.identical;
        self.row_groups += 1;
        self.nulls.resize(nulls.len(), 0);
        self.nulls.iter_mut().zip(nulls).for_each(|(all, nulls)| *all += nulls);
    }
}

impl Part {
    fn create(path: PathBuf, schema: &SchemaRef, properties: &WriterProperties) -> Result<Self> {
        let file = File::create_new(&path).map_err(|error| Error::io(&path, "cannot create", error))?;
        let (file, factory) = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties.clone()))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| parquet_error(&path, error))?;
        Ok(Self { path, file, factory, steps: Vec::new() })
    }

    /// Appends a row group; gives the number of missing values in each value column.
    fn append(&mut self, group: &SeriesGroup, schema: &SchemaRef) -> Result<Vec<u64>> {
        let failed = |error| parquet_error(&self.path, error);
        let writers =
            self.factory.create_column_writers(self.file.flushed_row_groups().len()).map_err(failed)?;
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
            rayon::join(|| encoded.collect::<Result<Vec<_>>>(), || steps_of(group.timestamps().values()));
        let chunks = chunks?;
        let mut row_group = self.file.next_row_group().map_err(failed)?;
        let mut nulls = Vec::with_capacity(chunks.len());
        for (chunk, missing) in chunks {
            match chunk {
                Chunk::Pages(ColumnPages { bytes, close }) => row_group.append_column(&bytes, close),
                Chunk::Library(chunk) => chunk.append_to_row_group(&mut row_group),
            }
            .map_err(failed)?;
            nulls.push(missing as u64);
        }
        row_group.close().map_err(failed)?;
        self.steps.push(steps);
        // Neither of the keys is ever missing.
        Ok(nulls.split_off(nulls.len().min(2)))
    }

    /// Writes the footer; says how large the file is.
    fn finish(mut self) -> Result<u64> {
        append_lists(&mut self.file, TIME_COLUMN, &self.steps)
            .map_err(|error| parquet_error(&self.path, error))?;
        let file = self.file.into_inner().map_err(|error| parquet_error(&self.path, error))?;
        // A disk that fills up or fails behind the cache is noticed here, before the rename.
        file.sync_all().map_err(|error| Error::io(&self.path, "cannot write", error))?;
        let metadata = file.metadata().map_err(|error| Error::io(&self.path, "cannot look at", error))?;
        Ok(metadata.len())
    }
}

/// An encoded column chunk.
enum Chunk {
    Pages(ColumnPages),
    Library(ArrowColumnChunk),
}

/// Encodes the column at `index` of the schema; says how many values are missing.
fn encode(
    mut writer: ArrowColumnWriter,
    field: &Field,
    column: &ColumnDescPtr,
    index: usize,
    group: &SeriesGroup,
    path: &Path,
) -> Result<(Chunk, usize)> {
    let failed = |error| parquet_error(path, error);
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(failed)?;
    // All rows at once: where pages end must not depend on how the rows came.
    let (array, pages): (ArrayRef, _) = match (index, field.data_type()) {
        (0, _) => {
            let stations = group.stations();
            let pages = station_pages(&stations, column, level, PAGE_ROWS).map_err(failed)?;
            let rows = if pages.is_some() { &[][..] } else { &stations };
            (Arc::new(station_ids(rows)), pages)
        }
        (TIME_COLUMN, _) => {
            let times = group.timestamps();
            let level = ZstdLevel::try_new(TIMES_ZSTD_LEVEL).map_err(failed)?;
            let pages = time_pages(times.values(), column, level, PAGE_ROWS).map_err(failed)?;
            (Arc::new(times.with_timezone("UTC")), pages)
        }
        (_, DataType::Float32) => (Arc::new(to_float32(&group.values(index - 2), field.name(), path)?), None),
        _ => {
            let values = group.values(index - 2);
            let pages = value_pages(&values, column, level, PAGE_ROWS).map_err(failed)?;
            (Arc::new(values), pages)
        }
    };
    if let Some(pages) = pages {
        return Ok((Chunk::Pages(pages), array.null_count()));
    }
    for leaf in &compute_leaves(field, &array).map_err(failed)? {
        writer.write(leaf).map_err(failed)?;
    }
    Ok((Chunk::Library(writer.close().map_err(failed)?), array.null_count()))
}

/// The station of each row, its id stored once: the file's column is of plain strings all the same.
fn station_ids(stations: &[StationRun]) -> DictionaryArray<Int32Type> {
    let names = StringArray::from_iter_values(stations.iter().map(|run| &*run.station_id));
    let mut keys = Vec::with_capacity(stations.iter().map(|run| run.rows).sum());
    for (key, run) in stations.iter().enumerate() {
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
            Ok(source) => Error::io(path, "cannot write", *source),
            Err(source) => {
                Error::Format { path: path.to_owned(), found: format!("cannot write: {source}"), hint: None }
            }
        },
        error => Error::Format { path: path.to_owned(), found: format!("cannot write: {error}"), hint: None },
    }
}
