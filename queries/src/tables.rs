//! In: a path that the user named; out: a table of the SQL engine, with the column types our files mean.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session as EngineSession;
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use url::Url;

use crate::error::{Error, Result, one_line};

/// What the user may name as a table.
const READABLE: &str = "isd-query reads .parquet, .csv, .arrow and .ndjson files, and dataset directories";

/// How a table is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// A directory with Parquet files at any depth; directories named `key=value` give string columns.
    Dataset,
    /// One Parquet file.
    Parquet,
    /// One CSV file with a header.
    Csv,
    /// One Arrow IPC file or stream.
    Arrow,
    /// One file of JSON objects, one a line.
    Ndjson,
}

/// A file or directory that can be registered as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSource {
    path: PathBuf,
    storage: Storage,
}

impl TableSource {
    /// Looks at what `path` is, without reading data.
    ///
    /// # Errors
    /// [`Error::Table`] when there is nothing at `path`, or nothing that can be a table.
    pub fn detect(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = std::fs::metadata(&path).map_err(|e| unreadable(&path, &e))?;
        if metadata.is_dir() {
            if parquet_files(&path).map_err(|e| unreadable(&path, &e))?.is_empty() {
                let found = "a directory without Parquet files".into();
                return Err(Error::Table { path, found, hint: Some("isd-convert writes datasets".into()) });
            }
            return Ok(Self { path, storage: Storage::Dataset });
        }
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        let storage = match extension.as_deref() {
            Some("parquet") => Storage::Parquet,
            Some("csv") => Storage::Csv,
            Some("arrow") => Storage::Arrow,
            Some("ndjson") => Storage::Ndjson,
            other => {
                let found = match other {
                    Some(extension) => format!("files ending in .{extension} cannot be read as a table"),
                    None => "a file without an extension cannot be read as a table".into(),
                };
                return Err(Error::Table { path, found, hint: Some(READABLE.into()) });
            }
        };
        if metadata.len() == 0 {
            let hint = Some("write it again: even a table without rows has a header".into());
            return Err(Error::Table { path, found: "the file is empty".into(), hint });
        }
        Ok(Self { path, storage })
    }

    /// The file or directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// The name a table gets when the user gives none: `observations` for a dataset, else `outliers`.
    #[must_use]
    pub fn default_name(&self) -> &'static str {
        match self.storage {
            Storage::Dataset => "observations",
            Storage::Parquet | Storage::Csv | Storage::Arrow | Storage::Ndjson => "outliers",
        }
    }

    fn format(&self) -> Arc<dyn FileFormat> {
        match self.storage {
            Storage::Dataset | Storage::Parquet => Arc::new(ParquetFormat::default()),
            // Types are inferred from every row: a column that turns fractional late is not cut to integers.
            Storage::Csv => Arc::new(
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
    pub(crate) async fn open(&self, engine: &dyn EngineSession) -> Result<ListingTable> {
        let url = table_url(&self.path)?;
        let broken = |e: &DataFusionError| self.damaged(&self.path, e);
        let extension = if self.storage == Storage::Dataset { ".parquet" } else { "" };
        let options = ListingOptions::new(self.format()).with_file_extension(extension);

        let schema = match options.infer_schema(engine, &url).await {
            Ok(schema) if matches!(self.storage, Storage::Csv | Storage::Ndjson) => typed(&schema),
            Ok(schema) => schema,
            Err(error) => return Err(self.find_damaged(engine, &options, &error).await),
        };
        let keys = match self.storage {
            Storage::Dataset => {
                let found = options.infer_partitions(engine, &url).await.map_err(|e| broken(&e))?;
                // A column inside the files says more than the same key in their path.
                let keys = found.into_iter().filter(|key| schema.index_of(key).is_err());
                keys.map(|key| (key, DataType::Utf8)).collect()
            }
            _ => Vec::new(),
        };
        let config = ListingTableConfig::new(url)
            .with_listing_options(options.with_table_partition_cols(keys))
            .with_schema(schema);
        ListingTable::try_new(config).map_err(|e| broken(&e))
    }

    /// Names the file of a dataset that its schema could not be read from, or that differs from the first.
    async fn find_damaged(
        &self,
        engine: &dyn EngineSession,
        options: &ListingOptions,
        error: &DataFusionError,
    ) -> Error {
        if self.storage != Storage::Dataset {
            return self.damaged(&self.path, error);
        }
        let mut first: Option<SchemaRef> = None;
        for file in parquet_files(&self.path).unwrap_or_default() {
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
                let hint = Some("all files of a dataset have the same columns and types".into());
                return Error::Table { path: file, found, hint };
            }
        }
        self.damaged(&self.path, error)
    }

    fn damaged(&self, path: &Path, error: &DataFusionError) -> Error {
        let kind = match self.storage {
            Storage::Dataset | Storage::Parquet => "Parquet",
            Storage::Csv => "CSV",
            Storage::Arrow => "Arrow IPC",
            Storage::Ndjson => "NDJSON",
        };
        Error::Table {
            path: path.to_owned(),
            found: format!("cannot be read as {kind}: {}", one_line(&error.find_root().message())),
            hint: Some("it is another format, damaged, or was not written to its end".into()),
        }
    }
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
