//! In: files or a directory; out: a table of the SQL engine, with one schema for all files.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session as EngineSession, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use futures::FutureExt;
use isd_dataset::layout::BLOCK;
use isd_dataset::read::Dataset;
use isd_dataset::station_list;
use parquet::errors::ParquetError;

use super::blocks::BlockTable;
use super::column_types::typed;
use super::dialect::Dialect;
use super::files::{no_station_list, of_dataset, parquet_files, repeated_column, table_url};
use super::selection::Selection;
use super::{Storage, TableSource};
use crate::error::{Error, Result, one_line};

/// The Hive key of outliers that `isd-detect --partition-by year` wrote.
const YEAR: &str = "year";

impl TableSource {
    /// Opens the table: lists its files and reads their schemas, and data only of text formats.
    ///
    /// # Errors
    /// [`Error::Table`] when a file cannot be read as what its name says, or has other columns than the first, and when a
    /// dataset has other rows than its manifest says.
    pub(crate) async fn open(&self, engine: &dyn EngineSession) -> Result<Arc<dyn TableProvider>> {
        let broken = |e: &DataFusionError| self.damaged(&self.path, e);
        if self.storage == Storage::Stations {
            let lists = self.parts.iter().map(|part| station_list::read(part).map_err(no_station_list));
            let lists = lists.collect::<Result<Vec<_>>>()?;
            let Some(schema) = lists.first().map(RecordBatch::schema) else {
                return Err(Error::Internal { what: "a table without a file".into() });
            };
            return Ok(Arc::new(MemTable::try_new(schema, vec![lists]).map_err(|e| broken(&e))?));
        }
        if self.storage == Storage::Dataset {
            // A file that is cut short, or not there any more, is noticed by the rows that the manifest promises.
            Dataset::open(&self.path).map_err(of_dataset)?;
        }
        let mut urls = self.parts.iter().map(|part| table_url(part)).collect::<Result<Vec<_>>>()?;
        let selection = if self.storage == Storage::Parquet { Selection::of(self)? } else { None };
        let extension = if self.is_directory() || selection.is_some() { ".parquet" } else { "" };
        let dialect = self.dialect()?;
        let options = ListingOptions::new(self.format(&dialect)).with_file_extension(extension);

        let schema = self.common_schema(engine, &options, &urls).await?;
        self.refuse_equal_names()?;
        let schema = match self.storage {
            Storage::Csv | Storage::Ndjson => typed(&schema, &dialect.texts),
            _ => schema,
        };
        let above_keys = match &selection {
            Some(selection) => Some(&selection.url),
            None => urls.first().filter(|_| self.is_directory()),
        };
        let mut keys = Vec::new();
        if let Some(url) = above_keys {
            for key in options.infer_partitions(engine, url).await.map_err(|e| broken(&e))? {
                // A column inside the files says more than the same key in their path.
                if schema.index_of(&key).is_err() {
                    let key_type = self.type_of_key(&key)?;
                    keys.push((key, key_type));
                }
            }
        }
        let mut only = None;
        let mut is_dataset = self.storage == Storage::Dataset;
        if let Some(selection) = selection {
            only = selection.filter(&keys).map_err(|e| broken(&e))?;
            if only.is_some() {
                is_dataset = selection.is_of_dataset;
                urls = vec![selection.url];
            } else {
                keys.clear();
            }
        }
        let has_blocks = is_dataset && keys.iter().any(|(key, _)| key == BLOCK);
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options.with_table_partition_cols(keys))
            .with_schema(schema);
        let table = ListingTable::try_new(config).map_err(|e| broken(&e))?;
        Ok(if has_blocks || only.is_some() {
            Arc::new(BlockTable { table, has_blocks, only })
        } else {
            Arc::new(table)
        })
    }

    /// How the files are written: all of them in the same way. What is known of other formats than CSV is nothing.
    ///
    /// # Errors
    /// As [`Dialect::of`], and for a file that has another delimiter than the first.
    fn dialect(&self) -> Result<Dialect> {
        let mut common = Dialect { delimiter: b',', texts: BTreeSet::new() };
        if self.storage != Storage::Csv {
            return Ok(common);
        }
        for (index, part) in self.parts.iter().enumerate() {
            let Dialect { delimiter, texts } = Dialect::of(part)?;
            if index == 0 {
                common.delimiter = delimiter;
            } else if common.delimiter != delimiter {
                let (expected, found) = (char::from(common.delimiter), char::from(delimiter));
                return Err(Error::Table {
                    path: part.clone(),
                    found: format!(
                        "its fields are separated by {found:?}, those of the first file by {expected:?}"
                    ),
                    hint: Some("all files of a table are written in the same way".into()),
                });
            }
            common.texts.extend(texts);
        }
        Ok(common)
    }

    fn format(&self, dialect: &Dialect) -> Arc<dyn FileFormat> {
        match self.storage {
            Storage::Dataset | Storage::Directory | Storage::Parquet => Arc::new(ParquetFormat::default()),
            // Types are inferred from every row: a column that turns fractional late is not cut to integers.
            Storage::Csv | Storage::Stations => Arc::new(
                CsvFormat::default()
                    .with_has_header(true)
                    .with_delimiter(dialect.delimiter)
                    .with_newlines_in_values(true)
                    .with_schema_infer_max_rec(usize::MAX),
            ),
            Storage::Arrow => Arc::new(ArrowFormat),
            Storage::Ndjson => Arc::new(JsonFormat::default().with_schema_infer_max_rec(usize::MAX)),
        }
    }

    /// The type of a Hive key: text, since `block=01` is no number, but for a year, which other readers take for one, too.
    fn type_of_key(&self, key: &str) -> Result<DataType> {
        let year_of = |file: &PathBuf| {
            let mut years =
                file.components().filter_map(|part| part.as_os_str().to_str()?.strip_prefix("year="));
            years.next_back()?.parse::<i64>().ok()
        };
        let files = if self.is_directory() { parquet_files(&self.path)? } else { self.parts.clone() };
        let is_number = key == YEAR && files.iter().all(|file| year_of(file).is_some());
        Ok(if is_number { DataType::Int64 } else { DataType::Utf8 })
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
            match schema_of(engine, options, url).await {
                Ok(schema) => schemas.push(schema.as_ref().clone()),
                Err(error) => return Err(self.find_damaged(engine, options, &error).await),
            }
        }
        match Schema::try_merge(schemas) {
            Ok(schema) => Ok(Arc::new(schema)),
            Err(error) => Err(self.find_damaged(engine, options, &error.into()).await),
        }
    }

    /// Refuses a Parquet file with two columns of one name, of which the engine would show one.
    fn refuse_equal_names(&self) -> Result<()> {
        let files = match self.storage {
            Storage::Directory => parquet_files(&self.path)?,
            Storage::Parquet => self.parts.clone(),
            // `isd-convert` writes no such file.
            _ => return Ok(()),
        };
        match files.into_iter().find_map(|file| repeated_column(&file).map(|name| (file, name))) {
            Some((path, name)) => Err(Error::Table {
                path,
                found: format!("two columns are called `{name}`"),
                hint: Some("rename one of them where the file is written".into()),
            }),
            None => Ok(()),
        }
    }

    /// The error of the first file that has no readable schema or another one than the first; where all are well by
    /// themselves, `error`, which is about them together.
    async fn find_damaged(
        &self,
        engine: &dyn EngineSession,
        options: &ListingOptions,
        error: &DataFusionError,
    ) -> Error {
        match self.check_each(engine, options).await {
            Err(found) => found,
            Ok(()) => self.damaged(&self.path, error),
        }
    }

    async fn check_each(&self, engine: &dyn EngineSession, options: &ListingOptions) -> Result<()> {
        let files = if self.is_directory() { parquet_files(&self.path)? } else { self.parts.clone() };
        let mut first: Option<SchemaRef> = None;
        for file in files {
            let url = table_url(&file)?;
            let schema = schema_of(engine, options, &url).await.map_err(|e| self.damaged(&file, &e))?;
            let expected = first.get_or_insert_with(|| Arc::clone(&schema));
            if let Err(difference) = Schema::try_merge([expected.as_ref().clone(), schema.as_ref().clone()]) {
                let difference = one_line(&difference.to_string());
                return Err(Error::Table {
                    path: file,
                    found: format!("its columns differ from the other files': {difference}"),
                    hint: Some("all files of a table have the same columns and types".into()),
                });
            }
        }
        Ok(())
    }

    fn damaged(&self, path: &Path, error: &DataFusionError) -> Error {
        let format = match self.storage {
            Storage::Dataset | Storage::Directory | Storage::Parquet => "Parquet",
            Storage::Csv | Storage::Stations => "CSV",
            Storage::Arrow => "Arrow IPC",
            Storage::Ndjson => "NDJSON",
        };
        let reason = match error.find_root() {
            DataFusionError::ParquetError(parquet) => match parquet.as_ref() {
                ParquetError::General(text) => text.clone(),
                other => other.to_string(),
            },
            other => other.message().into_owned(),
        };
        // Of what it did not expect, which is what a damaged file is, the engine says that it is a bug of its own.
        let reason = reason.split("This issue was likely caused by a bug").next().unwrap_or(&reason);
        let reason = one_line(reason);
        Error::Table {
            path: path.to_owned(),
            found: format!("cannot be read as {format}: {reason}"),
            hint: Some("it is another format, damaged, or was not written to its end".into()),
        }
    }
}

/// The schema of a file or directory. A panic of the reader, which a damaged file may lead to, is an error like another.
async fn schema_of(
    engine: &dyn EngineSession,
    options: &ListingOptions,
    url: &ListingTableUrl,
) -> datafusion::error::Result<SchemaRef> {
    let schema = AssertUnwindSafe(options.infer_schema(engine, url)).catch_unwind().await;
    schema.unwrap_or_else(|_| {
        Err(DataFusionError::External("the reader gave up on a damaged structure".into()))
    })
}
