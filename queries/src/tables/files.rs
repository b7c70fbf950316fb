//! In: paths; out: the files below them, the URLs that the engine knows them by, and why they cannot be opened.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use datafusion::datasource::listing::ListingTableUrl;
use isd_dataset::guard::guarded;
use isd_stores::is_address;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use url::Url;

use crate::error::{Error, Result};

pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// Every Parquet file below a directory or an address, in the order of their paths.
///
/// # Errors
/// [`Error::Table`] when the directory or one below it cannot be listed; it names the one given.
pub(super) fn parquet_files(directory: &Path) -> Result<Vec<PathBuf>> {
    if is_address(directory) {
        let entries = isd_stores::list(directory).map_err(|e| unreadable(directory, &e))?;
        let paths = entries.into_iter().map(|entry| entry.path);
        return Ok(paths.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect());
    }
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next).map_err(|e| unreadable(directory, &e))? {
            let path = entry.map_err(|e| unreadable(directory, &e))?.path();
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

/// The first Parquet file, of those named and those below the directories named, that cannot be read to its end.
pub(crate) fn first_damaged(paths: &[PathBuf]) -> Option<PathBuf> {
    let is_whole = |file: &PathBuf| {
        guarded(|| {
            let mut reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()?;
            reader.try_for_each(|batch| batch.map(drop))?;
            Ok::<_, ParquetError>(())
        })
        .is_ok()
    };
    paths.iter().find_map(|path| {
        let files = if path.is_dir() { parquet_files(path).ok()? } else { vec![path.clone()] };
        let is_parquet = |file: &PathBuf| file.extension().is_some_and(|e| e == "parquet");
        files.into_iter().filter(is_parquet).find(|file| !is_whole(file))
    })
}

/// The name that two columns of a Parquet file have; none where the file cannot be read.
pub(super) fn repeated_column(file: &Path) -> Option<String> {
    let read = guarded(|| {
        let reader = SerializedFileReader::new(File::open(file)?)?;
        let columns = reader.metadata().file_metadata().schema().get_fields();
        let mut names = HashSet::new();
        let twice = columns.iter().find(|column| !names.insert(column.name()));
        Ok::<_, ParquetError>(twice.map(|column| column.name().to_owned()))
    });
    read.ok().flatten()
}

/// A URL of a file or directory. The engine would take `[`, `?` and `*` in a path for a pattern.
pub(super) fn table_url(path: &Path) -> Result<ListingTableUrl> {
    if is_address(path) {
        return address_url(path);
    }
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

/// The URL of an object, or of a directory of objects, where the name does not end in `.parquet`.
fn address_url(address: &Path) -> Result<ListingTableUrl> {
    let refuse = || Error::Table {
        path: address.to_owned(),
        found: "the address cannot be written as a URL".into(),
        hint: Some("name it in UTF-8, without control characters".into()),
    };
    let text = address.to_str().ok_or_else(refuse)?;
    let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let mut url = Url::parse(&format!("{scheme}://{bucket}/")).map_err(|_| refuse())?;
    if let Ok(mut segments) = url.path_segments_mut() {
        // What looks like an escape is part of the name.
        segments.pop_if_empty().extend(key.split('/').filter(|part| !part.is_empty()));
        if address.extension().is_none_or(|extension| extension != "parquet") {
            segments.push("");
        }
    }
    ListingTableUrl::try_new(url, None).map_err(|_| refuse())
}

/// What the system says of a table that cannot be opened.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let hint = isd_stores::hint(error).map(str::to_owned).or_else(|| match error.kind() {
        ErrorKind::NotFound => Some("check the path; TABLE comes first, then SQL".into()),
        ErrorKind::PermissionDenied => Some("check who may read there".into()),
        _ => None,
    });
    Error::Table { path: path.to_owned(), found: format!("cannot open: {error}"), hint }
}

/// Why a dataset cannot be read, as an error about a table.
pub(super) fn of_dataset(error: isd_dataset::Error) -> Error {
    use isd_dataset::Error::{Column, Format, Io};
    let hint = error.hint();
    match error {
        Io { path, source, .. } => unreadable(&path, &source),
        Format { path, found, .. } => Error::Table { path, found, hint },
        Column { path, column, found, .. } => {
            Error::Table { path, found: format!("{column}: {found}"), hint }
        }
        other => Error::Internal { what: other.to_string() },
    }
}

/// Why a file is not NOAA's station list, as an error about a table.
pub(super) fn no_station_list(error: isd_dataset::Error) -> Error {
    use isd_dataset::Error::{Format, Io, Line};
    let hint = error.hint();
    match error {
        Io { path, source, .. } => unreadable(&path, &source),
        Format { path, found, .. } => Error::Table { path, found, hint },
        Line { path, line, found, .. } => {
            let found = format!("cannot be read as a station list: line {line}, {found}");
            Error::Table { path, found, hint }
        }
        other => Error::Internal { what: other.to_string() },
    }
}
