//! The dataset's reader: a directory of Parquet files in, row groups of whole stations out, column by column.

mod files;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, NullBufferBuilder, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy};
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;

use crate::column::widen;
use crate::layout::{MANIFEST, STATION_ID, TIMESTAMP, column_info};
use crate::manifest::Manifest;
use crate::pages::station_runs::{equal_runs, stored_runs};
use crate::pages::stored_times::{microseconds, stored_integers};
use crate::pages::stored_values::stored_values;
use crate::pages::time_steps::listed_times;
use crate::read::files::find_parquet;
use crate::{ColumnInfo, Error, Result, StationRun};

/// Rows decoded at a time: small enough for the second-level cache, and for memory that is handed back and reused at once.
const BATCH_ROWS: usize = 1 << 15;

/// A dataset on disk: its files' footers are read, its values are not.
#[derive(Debug)]
pub struct Dataset {
    path: PathBuf,
    manifest: Option<Manifest>,
    files: Vec<Arc<DataFile>>,
    columns: Vec<ColumnInfo>,
}

#[derive(Debug)]
struct DataFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The same with `station_id` read as a dictionary: its keys, not its strings, are decoded row by row.
    dictionary: ArrowReaderMetadata,
}

/// One row group of a dataset: whole series, which can be processed by themselves.
#[derive(Debug, Clone)]
pub struct RowGroup {
    file: Arc<DataFile>,
    index: usize,
}

impl Dataset {
    /// Opens a directory of Parquet files (recursive; hidden files are passed over), or one file.
    ///
    /// # Errors
    /// Nothing there, no Parquet file in it, a broken one, one without the key columns, files whose columns differ, or
    /// other rows than the manifest says.
    pub fn open(path: &Path) -> Result<Self> {
        let kind = fs::metadata(path).map_err(|source| io(path, "cannot open", source))?;
        let mut paths = Vec::new();
        if kind.is_dir() {
            find_parquet(path, &mut paths)?;
            paths.sort();
        } else {
            paths.push(path.to_owned());
        }
        if paths.is_empty() {
            return Err(Error::Format {
                path: path.to_owned(),
                found: "a directory without Parquet files".into(),
                hint: Some("name a dataset that isd-convert wrote".into()),
            });
        }
        let manifest = if kind.is_dir() { Manifest::find(path)? } else { None };
        let files: Vec<_> =
            paths.into_par_iter().map(|path| DataFile::open(path).map(Arc::new)).collect::<Result<_>>()?;
        let columns = value_columns(&files[0]);
        for file in &files[1..] {
            let names = |columns: &[ColumnInfo]| columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
            let (expected, found) = (names(&columns), names(&value_columns(file)));
            if expected != found {
                return Err(Error::Format {
                    path: file.path.clone(),
                    found: format!(
                        "holds the columns {}, but {} holds {}",
                        found.join(", "),
                        files[0].path.display(),
                        expected.join(", ")
                    ),
                    hint: Some("all files of a dataset have the same columns".into()),
                });
            }
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

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it was made, if `isd-convert` made it.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The value columns: those with numbers, beside the keys.
    #[must_use]
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// Number of observations.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.row_groups().iter().map(|group| group.rows() as u64).sum()
    }

    /// All row groups, in the order of the files' paths. That is nearly the order of the stations: only escaped
    /// characters in the names of blocks sort apart.
    #[must_use]
    pub fn row_groups(&self) -> Vec<RowGroup> {
        let groups = self.files.iter().flat_map(|file| {
            (0..file.metadata.metadata().num_row_groups())
                .map(|index| RowGroup { file: Arc::clone(file), index })
        });
        groups.filter(|group| group.rows() > 0).collect()
    }
}

impl DataFile {
    fn open(path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(|source| io(&path, "cannot open", source))?;
        // Where a page begins is needed to read single times; statistics of pages are not.
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(PageIndexPolicy::Skip);
        let broken = |error| broken(&path, &error);
        let metadata = ArrowReaderMetadata::load(&file, options.clone()).map_err(broken)?;
        let schema = metadata.schema();
        for key in [STATION_ID, TIMESTAMP] {
            if schema.field_with_name(key).is_err() {
                return Err(Error::Column {
                    path: path.clone(),
                    column: key.into(),
                    found: format!("no such column; the file holds {}", names(schema)),
                    hint: Some("name a dataset that isd-convert wrote".into()),
                });
            }
        }
        let fields = schema.fields().iter().map(|field| {
            // Strings that are not marked as such would be decoded as something else than promised.
            if field.name() == STATION_ID && !matches!(field.data_type(), DataType::Binary) {
                Arc::new(Field::new(STATION_ID, station_type(), field.is_nullable()))
            } else {
                Arc::clone(field)
            }
        });
        let hinted = Schema::new(fields.collect::<Vec<_>>()).with_metadata(schema.metadata().clone());
        let dictionary = ArrowReaderMetadata::try_new(
            Arc::clone(metadata.metadata()),
            options.with_schema(Arc::new(hinted)),
        )
        .map_err(|_| Error::Column {
            path: path.clone(),
            column: STATION_ID.into(),
            found: format!("expected strings, found {}", type_of(schema, STATION_ID)),
            hint: None,
        })?;
        Ok(Self { path, metadata, dictionary })
    }
}

impl RowGroup {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.file.metadata.metadata().row_group(self.index).num_rows() as usize
    }

    /// Its number in the file, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// File that it lies in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The stations, in row order.
    ///
    /// Where the statistics say that there is one, nothing is read; where the column is stored as runs of stations, as
    /// `isd-convert` and most writers do, no row is decoded.
    ///
    /// # Errors
    /// An unreadable file, a missing id, or stations out of order.
    pub fn stations(&self) -> Result<Vec<StationRun>> {
        if let Some(station_id) = self.only_station() {
            return Ok(vec![StationRun { station_id, rows: self.rows() }]);
        }
        let mut runs: Vec<StationRun> = Vec::new();
        if let Some(stored) = self.stored_stations() {
            for run in stored {
                self.append_run(&mut runs, &run.station_id, run.rows)?;
            }
            return Ok(runs);
        }
        self.read(&self.file.dictionary, STATION_ID, None, |array| {
            // Some writers do not mark their strings as such.
            let array = cast(array, &station_type()).map_err(|_| {
                self.column_error(STATION_ID, format!("expected strings, found {}", array.data_type()))
            })?;
            let keys = array.as_dictionary::<Int32Type>();
            let ids = keys.values().as_string::<i32>();
            if keys.null_count() > 0 {
                return Err(
                    self.column_error(STATION_ID, format!("{} rows without a station", keys.null_count()))
                );
            }
            for (key, rows) in equal_runs(keys.keys().values()) {
                self.append_run(&mut runs, ids.value(key as usize), rows)?;
            }
            Ok(())
        })?;
        Ok(runs)
    }

    /// The stations as runs that the file holds as such: neighbours may be of one station.
    fn stored_stations(&self) -> Option<Vec<StationRun>> {
        let (file, chunk, pages) = self.stored(STATION_ID)?;
        stored_runs(file, chunk, self.rows(), pages)
    }

    /// Appends rows of a station, which may be those of the last one.
    fn append_run(&self, runs: &mut Vec<StationRun>, id: &str, rows: usize) -> Result<()> {
        match runs.last_mut() {
            // A batch or a page ends within a station, and two keys may stand for one string.
            Some(last) if &*last.station_id == id => last.rows += rows,
            Some(last) if &*last.station_id > id => {
                let found = format!("{id} behind {}: stations are not in order", last.station_id);
                return Err(self.column_error(STATION_ID, found));
            }
            _ => runs.push(StationRun { station_id: id.into(), rows }),
        }
        Ok(())
    }

    /// The station of all rows, if the statistics say so.
    fn only_station(&self) -> Option<Arc<str>> {
        let column = leaf(&self.file.metadata, STATION_ID)?;
        let Statistics::ByteArray(statistics) =
            self.file.metadata.metadata().row_group(self.index).column(column).statistics()?
        else {
            return None;
        };
        let exact =
            statistics.min_is_exact() && statistics.max_is_exact() && statistics.null_count_opt() == Some(0);
        let (least, largest) = (statistics.min_opt()?, statistics.max_opt()?);
        if !exact || least != largest {
            return None;
        }
        Some(least.as_utf8().ok()?.into())
    }

    /// The values of a column; missing ones are null.
    ///
    /// Integers become doubles. A float32 becomes the double nearest the decimal that it stands for, where it stands
    /// for one of at most three digits behind the point.
    ///
    /// # Errors
    /// An unreadable file, or a column that is absent or holds no numbers.
    pub fn values(&self, column: &str) -> Result<Float64Array> {
        let mut values = Vec::new();
        let nulls = self.values_into(column, &mut values)?;
        Ok(Float64Array::new(values.into(), nulls))
    }

    /// The same in a vector that may have served before: its values are replaced. The nulls, if there are any, are
    /// returned.
    ///
    /// # Errors
    /// As [`RowGroup::values`].
    pub fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>> {
        if let Some(nulls) = self.translated_into(column, Some, values) {
            return Ok(Some(nulls).filter(|nulls| nulls.null_count() > 0));
        }
        values.clear();
        let mut validity = NullBufferBuilder::new(self.rows());
        self.read(&self.file.metadata, column, None, |array| {
            match array.data_type() {
                DataType::Float64 => values.extend_from_slice(array.as_primitive::<Float64Type>().values()),
                DataType::Float32 => {
                    values.extend(array.as_primitive::<Float32Type>().values().iter().map(|v| widen(*v)));
                }
                found => {
                    let doubles = cast(array, &DataType::Float64)
                        .map_err(|_| self.column_error(column, format!("expected numbers, found {found}")))?;
                    values.extend_from_slice(doubles.as_primitive::<Float64Type>().values());
                }
            }
            match array.nulls() {
                Some(nulls) => validity.append_buffer(nulls),
                None => validity.append_n_non_nulls(array.len()),
            }
            Ok(())
        })?;
        Ok(validity.finish())
    }

    /// The values of a column, each as `translate` has it, in place of what `values` holds; says which are null. From the
    /// column's distinct values it makes as many others, or none if that cannot be: it is asked once, not row by row. In the
    /// place of a null behind a value is that value.
    ///
    /// `None` if it says so, or if the column is not stored as doubles by way of a dictionary, as `isd-convert` does where
    /// they are few: [`RowGroup::values_into`] takes all columns, and says what is wrong with one.
    pub fn translated_into<T: Copy + Default>(
        &self,
        column: &str,
        translate: impl FnOnce(Vec<f64>) -> Option<Vec<T>>,
        values: &mut Vec<T>,
    ) -> Option<NullBuffer> {
        values.clear();
        values.reserve(self.rows());
        let (file, chunk, pages) = self.stored(column)?;
        stored_values(file, chunk, self.rows(), pages, translate, values).map(NullBuffer::new)
    }

    /// The time of each row: microseconds since 1970, UTC.
    ///
    /// # Errors
    /// An unreadable file, a column that holds no times, or a missing time.
    pub fn timestamps(&self) -> Result<TimestampMicrosecondArray> {
        match self.stored_times(None) {
            Some(times) => Ok(TimestampMicrosecondArray::new(times.into(), None)),
            None => self.read_times(None),
        }
    }

    /// The times of some rows, which ascend. Where the file lists their steps, the column is not read; else only pages that
    /// hold one of them are decoded.
    ///
    /// # Errors
    /// As [`RowGroup::timestamps`].
    pub fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray> {
        if let Some(times) = self.listed_times(rows).or_else(|| self.stored_times(Some(rows))) {
            return Ok(TimestampMicrosecondArray::new(times.into(), None));
        }
        let ranges = rows.iter().map(|row| *row..row + 1);
        self.read_times(Some(RowSelection::from_consecutive_ranges(ranges, self.rows())))
    }

    /// The times of some rows, where the file lists their steps, which are of microseconds.
    fn listed_times(&self, rows: &[usize]) -> Option<Vec<i64>> {
        let unit = self.file.metadata.schema().field_with_name(TIMESTAMP).ok()?.data_type();
        if !matches!(unit, DataType::Timestamp(TimeUnit::Microsecond, _)) {
            return None;
        }
        let metadata = self.file.metadata.metadata();
        let (file, chunk, _) = self.stored(TIMESTAMP)?;
        listed_times(file, metadata, self.index, chunk, rows)
    }

    /// The times of some rows, or of all, where the file holds them as differences.
    fn stored_times(&self, rows: Option<&[usize]>) -> Option<Vec<i64>> {
        let DataType::Timestamp(unit, _) =
            self.file.metadata.schema().field_with_name(TIMESTAMP).ok()?.data_type()
        else {
            return None;
        };
        let (file, chunk, pages) = self.stored(TIMESTAMP)?;
        let mut times = stored_integers(file, chunk, self.rows(), pages?, rows)?;
        for time in &mut times {
            *time = microseconds(*time, *unit);
        }
        Some(times)
    }

    /// The file, a column chunk of it and where its pages begin, if that is known.
    fn stored(&self, column: &str) -> Option<(File, &ColumnChunkMetaData, Option<Vec<PageLocation>>)> {
        let metadata = self.file.metadata.metadata();
        let column = leaf(&self.file.metadata, column)?;
        let pages = metadata.offset_index().and_then(|index| index.get(self.index)?.get(column));
        let pages = pages.map(|index| index.page_locations().clone());
        let file = File::open(&self.file.path).ok()?;
        Some((file, metadata.row_group(self.index).column(column), pages))
    }

    fn read_times(&self, rows: Option<RowSelection>) -> Result<TimestampMicrosecondArray> {
        let mut times = Vec::with_capacity(rows.as_ref().map_or(self.rows(), RowSelection::row_count));
        self.read(&self.file.metadata, TIMESTAMP, rows, |array| {
            if array.null_count() > 0 {
                return Err(
                    self.column_error(TIMESTAMP, format!("{} rows without a time", array.null_count()))
                );
            }
            // A time without a zone is taken as UTC.
            let DataType::Timestamp(unit, _) = array.data_type() else {
                let found = format!("expected times, found {}", array.data_type());
                return Err(self.column_error(TIMESTAMP, found));
            };
            // The same integers, not copied.
            let integers = cast(array, &DataType::Int64)
                .map_err(|error| self.column_error(TIMESTAMP, format!("cannot read: {error}")))?;
            let integers = integers.as_primitive::<Int64Type>().values();
            times.extend(integers.iter().map(|time| microseconds(*time, *unit)));
            Ok(())
        })?;
        Ok(TimestampMicrosecondArray::new(times.into(), None))
    }

    /// Hands the row group's column to `take`, batch by batch.
    fn read(
        &self,
        metadata: &ArrowReaderMetadata,
        column: &str,
        rows: Option<RowSelection>,
        mut take: impl FnMut(&ArrayRef) -> Result<()>,
    ) -> Result<()> {
        let path = &self.file.path;
        let leaf = leaf(metadata, column).ok_or_else(|| {
            self.column_error(column, format!("no such column; the file holds {}", names(metadata.schema())))
        })?;
        let file = File::open(path).map_err(|source| io(path, "cannot open", source))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_row_groups(vec![self.index])
            .with_projection(ProjectionMask::leaves(metadata.parquet_schema(), [leaf]))
            .with_batch_size(BATCH_ROWS);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        for batch in builder.build().map_err(|error| broken(path, &error))? {
            let batch = batch.map_err(|error| self.column_error(column, format!("cannot read: {error}")))?;
            take(batch.column(0))?;
        }
        Ok(())
    }

    fn column_error(&self, column: &str, found: String) -> Error {
        Error::Column { path: self.file.path.clone(), column: column.into(), found, hint: None }
    }
}

/// How stations are decoded.
fn station_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Position of a column among the file's leaves.
fn leaf(metadata: &ArrowReaderMetadata, column: &str) -> Option<usize> {
    metadata.parquet_schema().columns().iter().position(|leaf| leaf.path().parts() == [column])
}

fn value_columns(file: &DataFile) -> Vec<ColumnInfo> {
    let schema = file.metadata.schema();
    let fields = schema.fields().iter().filter(|field| field.data_type().is_numeric());
    fields.map(|field| column_info(field)).collect()
}

fn names(schema: &Schema) -> String {
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn type_of(schema: &Schema, column: &str) -> String {
    schema.field_with_name(column).map_or_else(|_| "none".into(), |field| field.data_type().to_string())
}

fn io(path: &Path, action: &'static str, source: std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), action, source }
}

fn broken(path: &Path, error: &ParquetError) -> Error {
    Error::Format {
        path: path.to_owned(),
        found: format!("cannot be read as Parquet: {error}"),
        hint: Some("convert the archive with isd-convert, again if this is its result".into()),
    }
}
