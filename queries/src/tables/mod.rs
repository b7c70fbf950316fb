//! In: a path that the user named; out: the files there that make a table, how they are stored, and the table's name.

mod blocks;
mod column_types;
mod dialect;
mod files;
mod open;
mod selection;
mod station_ranges;
mod unpacked;

use std::path::{Path, PathBuf};

use arrow::datatypes::Schema;
use isd_dataset::layout::{
    STATION_ID, STATIONS, TIMESTAMP, dataset_directory, is_dataset, is_version_directory,
};
use isd_dataset::station_list::is_station_list;
use isd_dataset::storage::is_file;
use isd_stores::{is_address, is_writable};

use self::column_types::ONLY_OUTLIERS;
pub(crate) use self::files::first_damaged;
use self::files::{is_pattern, no_station_list, parquet_files, unreadable};
use self::unpacked::{is_standard_input, packed_name};
use crate::error::{Error, Result};

/// What the user may name as a table.
const READABLE: &str = "isd-query reads .parquet, .csv, .tsv, .arrow and .ndjson files, text also as .gz, and dataset directories";

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
    /// A station list of NOAA: `isd-history.csv`, or the list of GHCNh.
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
    /// It names a directory, a file, or with `*`, `?` or `[…]` several files of one format; `-` is standard input.
    ///
    /// # Errors
    /// [`Error::Table`] when there is nothing at `path`, or nothing that can be a table.
    pub fn detect(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if is_standard_input(&path) {
            // What it is shows when it is read.
            return Ok(Self { parts: vec![path.clone()], path, storage: Storage::Csv });
        }
        if is_address(&path) {
            return Self::at_address(path);
        }
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(_) if is_pattern(&path) => return Self::matching(path),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let path = if metadata.is_dir() { dataset_directory(&path) } else { path };
        let parts = vec![path.clone()];
        if metadata.is_dir() {
            if parquet_files(&path)?.is_empty() {
                let found = "a directory without Parquet files".into();
                return Err(Error::Table { path, found, hint: Some("isd-convert writes datasets".into()) });
            }
            let storage = if is_dataset(&path) { Storage::Dataset } else { Storage::Directory };
            return Ok(Self { path, parts, storage });
        }
        let storage = storage_of(&path)?;
        Ok(Self { path, parts, storage })
    }

    /// What is at an address: Parquet below it, which is read from there, or an object, which is copied before it is read.
    fn at_address(path: PathBuf) -> Result<Self> {
        if isd_stores::exists(&path).map_err(|e| unreadable(&path, &e))? {
            // What it is shows when it is read.
            return Ok(Self { parts: vec![path.clone()], path, storage: Storage::Csv });
        }
        if !is_writable(&path) {
            return Err(unreadable(&path, &isd_stores::not_found()));
        }
        let path = dataset_directory(&path);
        let storage = if is_dataset(&path) { Storage::Dataset } else { Storage::Directory };
        let files = parquet_files(&path)?;
        let is_of_version = |file: &PathBuf| {
            let below = file.strip_prefix(&path).unwrap_or(file);
            below.iter().any(|name| is_version_directory(&name.to_string_lossy()))
        };
        let refuse = |found: &str, hint: &str| {
            Err(Error::Table { path: path.clone(), found: found.into(), hint: Some(hint.into()) })
        };
        // Those of a version that no manifest names are not complete.
        if files.iter().all(is_of_version) {
            let hint = "check the address; patterns are for local files";
            return refuse("there is no object, and no Parquet below it", hint);
        }
        if files.iter().any(is_of_version) {
            let hint = "remove the directories data-..., or write the dataset again with --overwrite";
            return refuse("holds what a run that was killed has uploaded, beside the dataset", hint);
        }
        Ok(Self { parts: vec![path.clone()], path, storage })
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
                parts.extend(parquet_files(&entry)?);
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

    /// The directory, or the files in the order of their paths.
    pub(crate) fn parts(&self) -> &[PathBuf] {
        &self.parts
    }

    /// How it is stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// The name a table gets when the user gives none, by what its columns say it is: `outliers`, `flags`, `events` and
    /// their `members`, `observations` or `stations`, else the file's own name.
    pub(crate) fn default_name(&self, schema: &Schema) -> String {
        let has = |name: &str| schema.index_of(name).is_ok();
        match self.storage {
            Storage::Dataset => "observations".into(),
            Storage::Stations => "stations".into(),
            _ if has("event_id") && has("severity") => "events".into(),
            _ if has("event_id") && has(STATION_ID) => "members".into(),
            _ if has(STATION_ID) && has("test") && has("verdict") => "flags".into(),
            _ if ONLY_OUTLIERS.into_iter().any(has) => "outliers".into(),
            _ if has(STATION_ID) && has(TIMESTAMP) => "observations".into(),
            _ if has(STATION_ID) && has("latitude") && has("longitude") => "stations".into(),
            _ if is_standard_input(&self.path) => "stdin".into(),
            _ => identifier(packed_name(&self.path).unwrap_or(&self.path)),
        }
    }

    /// The table of a dataset's stations; `None` of another table, and of a dataset without one.
    pub(crate) fn stations(&self) -> Option<Self> {
        let path = dataset_directory(&self.path).join(STATIONS);
        let known = self.storage == Storage::Dataset && is_file(&path);
        known.then(|| Self { parts: vec![path.clone()], path, storage: Storage::Csv })
    }

    fn is_directory(&self) -> bool {
        matches!(self.storage, Storage::Dataset | Storage::Directory)
    }
}

/// How a file is stored, by its name, and for a station list by its first line.
fn storage_of(path: &Path) -> Result<Storage> {
    let extension = packed_name(path).unwrap_or(path).extension();
    let extension = extension.and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let refuse = |found: String, hint: &str| {
        Err(Error::Table { path: path.to_owned(), found, hint: Some(hint.into()) })
    };
    // NOAA's lists are text as well as CSV, so that what they are is told by their content, whatever they are called.
    let is_list =
        || -> Result<bool> { Ok(path.is_file() && is_station_list(path).map_err(no_station_list)?) };
    let storage = match extension.as_deref() {
        Some("parquet") => Storage::Parquet,
        Some("csv" | "tsv") => Storage::Csv,
        Some("arrow") => Storage::Arrow,
        Some("ndjson" | "jsonl") => Storage::Ndjson,
        Some("txt") | None if is_list()? => Storage::Stations,
        Some(extension) => {
            return refuse(format!("files ending in .{extension} cannot be read as a table"), READABLE);
        }
        None => return refuse("a file without an extension cannot be read as a table".into(), READABLE),
    };
    let metadata = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    if metadata.len() == 0 {
        return refuse("the file is empty".into(), "write it again: even a table without rows has a header");
    }
    match storage {
        Storage::Csv if is_list()? => Ok(Storage::Stations),
        storage => Ok(storage),
    }
}

/// A file's name as SQL takes it without quotes: `wind 2017.csv` is `wind_2017`. A path that ends in no name, such as
/// `..`, is `t`.
fn identifier(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert(0, 't');
    }
    name
}
