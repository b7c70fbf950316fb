//! In: paths; out: the files below them, the URLs that the engine knows them by, and why they cannot be opened.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use datafusion::datasource::listing::ListingTableUrl;
use isd_dataset::guard::guarded;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use url::Url;

use crate::error::{Error, Result};

pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// Every Parquet file below a directory, in the order of their paths.
///
/// # Errors
/// [`Error::Table`] when the directory or one below it cannot be listed; it names the one given.
pub(super) fn parquet_files(directory: &Path) -> Result<Vec<PathBuf>> {
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

/// What the system says of a table that cannot be opened.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::NotFound => Some("check the path; TABLE comes first, then SQL".into()),
        ErrorKind::PermissionDenied => Some("check who may read there".into()),
        _ => None,
    };
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
