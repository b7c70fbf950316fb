//! In: a path that the user named; out: a table of the SQL engine, with the column types our files mean.

mod blocks;
mod stations;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{MemTable, Session as EngineSession, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use url::Url;

use self::blocks::BlockTable;
use crate::error::{Error, Result, one_line};

/// What the user may name as a table.
const READABLE: &str = "isd-query reads .parquet, .csv, .arrow and .ndjson files, and dataset directories";

/// The manifest that tells a dataset of `isd-convert` from any other directory.
const MANIFEST: &str = "_isd.json";

/// The Hive key of outliers that `isd-detect --partition-by year` wrote.
const YEAR: &str = "year";

/// How a table is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// A directory that `isd-convert` wrote: Parquet files in `block=` directories, and a manifest.
    Dataset,
    /// Another directory with Parquet files at any depth; directories named `key=value` give columns of text, and
    /// `year=2017` one of whole numbers.
    Directory,
    /// Parquet files.
    Parquet,
    /// CSV files with a header.
    Csv,
    /// Arrow IPC files or streams.
    Arrow,
    /// Files of JSON objects, one a line.
    Ndjson,
    /// NOAA's station list, `isd-history.csv` as it is downloaded.
    Stations,
}

/// Files or a directory that can be registered as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSource {
    path: PathBuf,
    /// The directory, or the files in the order of their paths.
    parts: Vec<PathBuf>,
    storage: Storage,
}

impl TableSource {
    /// Looks at what `path` is, without reading data.
    ///
    /// It names a directory, a file, or with `*`, `?` or `[…]` several files of one format.
    ///
    /// # Errors
    /// [`Error::Table`] when there is nothing at `path`, or nothing that can be a table.
    pub fn detect(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(_) if is_pattern(&path) => return Self::matching(path),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let parts = vec![path.clone()];
        if metadata.is_dir() {
            if parquet_files(&path).map_err(|e| unreadable(&path, &e))?.is_empty() {
                let found = "a directory without Parquet files".into();
                return Err(Error::Table { path, found, hint: Some("isd-convert writes datasets".into()) });
            }
            let is_dataset = path.join(MANIFEST).is_file();
            let storage = if is_dataset { Storage::Dataset } else { Storage::Directory };
            return Ok(Self { path, parts, storage });
        }
        let storage = storage_of(&path)?;
        Ok(Self { path, parts, storage })
    }

    /// The files that a pattern matches, which must be of one format.
    fn matching(path: PathBuf) -> Result<Self> {
        let refuse = |path: PathBuf, found: String, hint: &str| {
            Err(Error::Table { path, found, hint: Some(hint.into()) })
        };
        let found = match path.to_str().map(glob::glob) {
            Some(Ok(found)) => found,
            Some(Err(error)) => {
                let found = format!("not a pattern: {} at character {}", error.msg, error.pos + 1);
                return refuse(path, found, "write [[] for a bracket");
            }
            None => return refuse(path, "a pattern must be UTF-8".into(), "name the directory"),
        };
        let mut parts = Vec::new();
        for entry in found {
            let entry = entry.map_err(|e| unreadable(e.path(), e.error()))?;
            if entry.is_dir() {
                parts.extend(parquet_files(&entry).map_err(|e| unreadable(&entry, &e))?);
            } else {
                parts.push(entry);
            }
        }
        parts.sort();
        parts.dedup();
        let Some(first) = parts.first() else {
            return refuse(path, "no file matches".into(), "quote the pattern, and check the path");
        };
        let storage = storage_of(first)?;
        for part in &parts {
            if storage_of(part)? != storage {
                let found = format!("is of another format than {}", first.display());
                return refuse(part.clone(), found, "let the pattern match files of one format");
            }
        }
        Ok(Self { path, parts, storage })
    }

    /// The file, directory or pattern.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// The name a table gets when the user gives none, by what its columns say it is: `outliers`,
    /// `observations` or `stations`, else the file's own name.
    pub(crate) fn default_name(&self, schema: &Schema) -> String {
        let has = |name: &str| schema.index_of(name).is_ok();
        match self.storage {
            Storage::Dataset => "observations".into(),
            Storage::Stations => "stations".into(),
            _ if OUTLIER_COLUMNS.into_iter().any(has) => "outliers".into(),
            _ if has("station_id") && has("timestamp") => "observations".into(),
            _ if has("station_id") && has("latitude") && has("longitude") => "stations".into(),
            _ => identifier(&self.path),
        }
    }

    fn format(&self) -> Arc<dyn FileFormat> {
        match self.storage {
            Storage::Dataset | Storage::Directory | Storage::Parquet => Arc::new(ParquetFormat::default()),
            // Types are inferred from every row: a column that turns fractional late is not cut to integers.
            Storage::Csv | Storage::Stations => Arc::new(
                CsvFormat::default()
                    .with_has_header(true)
                    .with_newlines_in_values(true)
                    .with_schema_infer_max_rec(usize::MAX),
            ),
            Storage::Arrow => Arc::new(ArrowFormat),
            Storage::Ndjson => Arc::new(JsonFormat::default().with_schema_infer_max_rec(usize::MAX)),
        }
    }

    /// Opens the table: lists its files and reads their schemas, no data but those of text formats.
    pub(crate) async fn open(&self, engine: &dyn EngineSession) -> Result<Arc<dyn TableProvider>> {
        let broken = |e: &DataFusionError| self.damaged(&self.path, e);
        if self.storage == Storage::Stations {
            let lists = self.parts.iter().map(|part| stations::read(part)).collect::<Result<Vec<_>>>()?;
            let Some(schema) = lists.first().map(RecordBatch::schema) else {
                return Err(broken(&DataFusionError::Internal("no station list".into())));
            };
            return Ok(Arc::new(MemTable::try_new(schema, vec![lists]).map_err(|e| broken(&e))?));
        }
        let urls = self.parts.iter().map(|part| table_url(part)).collect::<Result<Vec<_>>>()?;
        let extension = if self.is_directory() { ".parquet" } else { "" };
        let options = ListingOptions::new(self.format()).with_file_extension(extension);

        let schema = self.common_schema(engine, &options, &urls).await?;
        let schema = match self.storage {
            Storage::Csv | Storage::Ndjson => typed(&schema),
            _ => schema,
        };
        let mut keys = Vec::new();
        if let (true, Some(url)) = (self.is_directory(), urls.first()) {
            let found = options.infer_partitions(engine, url).await.map_err(|e| broken(&e))?;
            // A column inside the files says more than the same key in their path.
            keys.extend(found.into_iter().filter(|key| schema.index_of(key).is_err()));
        }
        let has_blocks = self.storage == Storage::Dataset && keys.iter().any(|key| key == blocks::BLOCK);
        let keys = keys.into_iter().map(|key| {
            let kind = self.type_of_key(&key);
            (key, kind)
        });
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options.with_table_partition_cols(keys.collect()))
            .with_schema(schema);
        let table = ListingTable::try_new(config).map_err(|e| broken(&e))?;
        Ok(if has_blocks { Arc::new(BlockTable(table)) } else { Arc::new(table) })
    }

    /// The type of a Hive key. Text, since `block=01` is no number; a year is one, as every other reader has it.
    fn type_of_key(&self, key: &str) -> DataType {
        let year_of = |file: &PathBuf| {
            let mut years =
                file.components().filter_map(|part| part.as_os_str().to_str()?.strip_prefix("year="));
            years.next_back()?.parse::<i64>().ok()
        };
        let is_years = |files: Vec<PathBuf>| files.iter().all(|file| year_of(file).is_some());
        if key == YEAR && parquet_files(&self.path).is_ok_and(is_years) {
            DataType::Int64
        } else {
            DataType::Utf8
        }
    }

    fn is_directory(&self) -> bool {
        matches!(self.storage, Storage::Dataset | Storage::Directory)
    }

    /// The schema that all files share; an error names the file that differs or cannot be read.
    async fn common_schema(
        &self,
        engine: &dyn EngineSession,
        options: &ListingOptions,
        urls: &[ListingTableUrl],
    ) -> Result<SchemaRef> {
        let mut schemas = Vec::with_capacity(urls.len());
        for url in urls {
            match options.infer_schema(engine, url).await {
                Ok(schema) => schemas.push(schema.as_ref().clone()),
                Err(error) => return Err(self.find_damaged(engine, options, &error).await),
            }
        }
        match Schema::try_merge(schemas) {
            Ok(schema) => Ok(Arc::new(schema)),
            Err(error) => Err(self.find_damaged(engine, options, &error.into()).await),
        }
    }

    /// Names the file that the schema could not be read from, or that differs from the first.
    async fn find_damaged(
        &self,
        engine: &dyn EngineSession,
        options: &ListingOptions,
        error: &DataFusionError,
    ) -> Error {
        let files = if self.is_directory() {
            parquet_files(&self.path).unwrap_or_default()
        } else {
            self.parts.clone()
        };
        let mut first: Option<SchemaRef> = None;
        for file in files {
            let Ok(url) = table_url(&file) else { continue };
            let schema = match options.infer_schema(engine, &url).await {
                Ok(schema) => schema,
                Err(error) => return self.damaged(&file, &error),
            };
            let Some(expected) = &first else {
                first = Some(schema);
                continue;
            };
            if let Err(difference) = Schema::try_merge([expected.as_ref().clone(), schema.as_ref().clone()]) {
                let found = format!(
                    "its columns differ from the other files': {}",
                    one_line(&difference.to_string())
                );
                let hint = Some("all files of a table have the same columns and types".into());
                return Error::Table { path: file, found, hint };
            }
        }
        self.damaged(&self.path, error)
    }

    fn damaged(&self, path: &Path, error: &DataFusionError) -> Error {
        let kind = match self.storage {
            Storage::Dataset | Storage::Directory | Storage::Parquet => "Parquet",
            Storage::Csv | Storage::Stations => "CSV",
            Storage::Arrow => "Arrow IPC",
            Storage::Ndjson => "NDJSON",
        };
        let reason = one_line(&error.find_root().message());
        let reason = reason.strip_prefix("Parquet error: ").unwrap_or(&reason);
        Error::Table {
            path: path.to_owned(),
            found: format!("cannot be read as {kind}: {reason}"),
            hint: Some("it is another format, damaged, or was not written to its end".into()),
        }
    }
}

/// Columns that only an outliers table has; `isd-detect --columns` may have left some out.
const OUTLIER_COLUMNS: [&str; 5] = ["measurement", "value", "rolling_mean", "rolling_std", "zscore"];

/// How a file is stored, by its name, and for CSV by its header.
fn storage_of(path: &Path) -> Result<Storage> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let refuse = |found: String, hint: &str| {
        Err(Error::Table { path: path.to_owned(), found, hint: Some(hint.into()) })
    };
    let storage = match extension.as_deref() {
        Some("parquet") => Storage::Parquet,
        Some("csv") => Storage::Csv,
        Some("arrow") => Storage::Arrow,
        Some("ndjson") => Storage::Ndjson,
        Some(extension) => {
            return refuse(format!("files ending in .{extension} cannot be read as a table"), READABLE);
        }
        None => return refuse("a file without an extension cannot be read as a table".into(), READABLE),
    };
    let metadata = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    if metadata.len() == 0 {
        return refuse("the file is empty".into(), "write it again: even a table without rows has a header");
    }
    if storage == Storage::Csv && stations::is_station_list(path).map_err(|e| unreadable(path, &e))? {
        return Ok(Storage::Stations);
    }
    Ok(storage)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// A file's name as SQL takes it without quotes: `wind 2017.csv` is `wind_2017`.
fn identifier(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert(0, 't');
    }
    name
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => Some("check the path; TABLE comes first, then SQL".into()),
        std::io::ErrorKind::PermissionDenied => Some("check who may read there".into()),
        _ => None,
    };
    Error::Table { path: path.to_owned(), found: format!("cannot open: {error}"), hint }
}

/// A URL, since the engine would take `[`, `?` and `*` in a path for a pattern.
fn table_url(path: &Path) -> Result<ListingTableUrl> {
    let refuse = || Error::Table {
        path: path.to_owned(),
        found: "the path cannot be written as a file URL".into(),
        hint: Some("name it in UTF-8, without control characters".into()),
    };
    let absolute = path.canonicalize().map_err(|e| unreadable(path, &e))?;
    let url =
        if absolute.is_dir() { Url::from_directory_path(&absolute) } else { Url::from_file_path(&absolute) };
    ListingTableUrl::try_new(url.map_err(|()| refuse())?, None).map_err(|_| refuse())
}

/// Every Parquet file below a directory, in the order of their paths.
fn parquet_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The schema of a text file with the types that our column names mean.
///
/// Text says too little: `010010` is a station, not ten thousand and ten; `2017-09-10T12:00:00Z` is a UTC
/// time; a column of whole wind speeds, or of nothing but nulls, is still measured.
fn typed(inferred: &Schema) -> SchemaRef {
    let fields = inferred.fields().iter().map(|field| {
        let name = field.name().as_str();
        let meant = match (name, field.data_type()) {
            ("timestamp", DataType::Timestamp(..) | DataType::Utf8 | DataType::Null) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            (
                "value" | "rolling_mean" | "rolling_std" | "zscore",
                DataType::Int64 | DataType::Float64 | DataType::Utf8 | DataType::Null,
            ) => DataType::Float64,
            ("window_count", DataType::Int64 | DataType::Null) => DataType::Int64,
            ("filled", DataType::Boolean | DataType::Null) => DataType::Boolean,
            // Of a column of nulls no row says what it is.
            ("station_id" | "measurement", _) | (_, DataType::Null) => DataType::Utf8,
            (_, other) => other.clone(),
        };
        Field::new(name, meant, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
