//! The isd dataset on disk: what its directories, files and columns are called, for the writer and the reader.
//!
//! ```text
//! observations/
//!   _isd.json                      the manifest
//!   _stations.csv                  its stations, and where they are
//!   _journal.ndjson                which source files each block comes from
//!   block=72/part-00000.parquet    whole stations, sorted by (station_id, timestamp)
//! ```
//!
//! Where the directory `observations` itself cannot be replaced, because it is a mount point or lies in a directory that
//! cannot be written, all of this lies in `observations/data`: see [`dataset_directory`].
//!
//! In an object store it lies in `observations/data-0123456789abcdef`, which the manifest in `observations` names: a new version
//! is written beside it, and seen when that manifest is replaced.
//!
//! A row group holds whole stations: no station is split across row groups or files, so that any
//! row group can be processed by itself. After a file's row groups come lists of the steps between their times, where those
//! are mostly equal, from which single times are read without their column; the footer's key `isd.time_steps` says where.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use isd_stores::is_address;

use crate::storage::{self, is_file};
use crate::{ColumnInfo, Error, Result};

/// Name of the column that says which station an observation is of: a string, never null.
pub const STATION_ID: &str = "station_id";
/// Name of the column that says when it was made: microseconds, UTC, never null.
pub const TIMESTAMP: &str = "timestamp";
/// Hive partition key: see [`block_of`].
pub const BLOCK: &str = "block";
/// File name of the manifest in the dataset's directory.
pub const MANIFEST: &str = "_isd.json";
/// File name of the table of stations in the dataset's directory.
pub const STATIONS: &str = "_stations.csv";
/// File name of the journal in the dataset's directory.
pub const JOURNAL: &str = "_journal.ndjson";
/// What the names of parts end in until the dataset is complete.
pub(crate) const STAGED_PART: &str = ".new";
/// Directory that holds a dataset within a directory that cannot be replaced. Its name begins with neither a dot nor an
/// underscore, which other readers pass over.
pub const NESTED: &str = "data";
/// Rows of a row group, about: since no station is split it may have fewer, or more where a single station has more.
pub const ROW_GROUP_ROWS: usize = 1 << 20;
/// Row groups of a file: where a block has more, its next file begins.
pub const FILE_ROW_GROUPS: usize = 64;

/// Key of the Arrow field metadata that holds a column's units in UDUNITS spelling.
pub const UNITS: &str = "units";
/// Key of the Arrow field metadata that holds what a column is, for people.
pub const LONG_NAME: &str = "long_name";
/// Key of the Arrow field metadata that holds the scale of which every value is an integer
/// multiple, as its decimal text.
pub const RESOLUTION: &str = "resolution";

/// Value of the partition key `block` that a station lies under: the first two characters of its
/// id (the WMO block), each character that is not an ASCII letter or digit escaped as in Hive.
///
/// ```
/// use isd_dataset::layout::block_of;
/// assert_eq!(block_of("724940-23234"), "72");
/// assert_eq!(block_of("a/b"), "a%2F");
/// ```
#[must_use]
pub fn block_of(station_id: &str) -> String {
    let mut block = String::new();
    for character in block_prefix(station_id).chars() {
        if character.is_ascii_alphanumeric() {
            block.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(block, "%{byte:02X}");
            }
        }
    }
    block
}

/// The first two characters of a station id: stations of equal prefix share a block, and in sorted
/// order they are neighbours.
#[must_use]
pub fn block_prefix(station_id: &str) -> &str {
    station_id.char_indices().nth(2).map_or(station_id, |(end, _)| &station_id[..end])
}

/// Directory of a block within the dataset: `block=72`.
#[must_use]
pub fn block_directory(block: &str) -> String {
    format!("{BLOCK}={block}")
}

/// File name of a block's part, counted from 0: `part-00000.parquet`.
#[must_use]
pub fn part_name(part: usize) -> String {
    format!("part-{part:05}.parquet")
}

/// File name of a block's part in a dataset that is not complete. It does not end in `.parquet`, because some readers of
/// `observations/**/*.parquet` look into hidden directories.
#[must_use]
pub fn staged_part_name(part: usize) -> String {
    part_name(part) + STAGED_PART
}

/// Directory of a version of a dataset in an object store: `data-`, and a checksum of its files.
#[must_use]
pub fn version_directory(checksum: u64) -> String {
    format!("{NESTED}-{checksum:016x}")
}

/// Whether a name is one that [`version_directory`] gives.
#[must_use]
pub fn is_version_directory(name: &str) -> bool {
    let digits = name.strip_prefix(NESTED).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// The directory that holds the manifest and the blocks of the dataset at `path`: the one that a manifest in `path` names,
/// `path` itself, or [`NESTED`] in it.
#[must_use]
pub fn dataset_directory(path: &Path) -> PathBuf {
    if let Ok(manifest) = storage::read(&path.join(MANIFEST)) {
        return named_directory(&manifest).map_or_else(|| path.to_owned(), |name| path.join(name));
    }
    let nested = path.join(NESTED);
    // Where both have a manifest, the blocks are being moved from the one to the other, the manifest last.
    if !is_address(path) && nested.join(MANIFEST).is_file() && !path.join(MANIFEST).exists() {
        nested
    } else {
        path.to_owned()
    }
}

/// The [`version_directory`] that a manifest names, if it names one.
#[must_use]
pub fn named_directory(manifest: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        directory: String,
    }
    let Named { directory } = serde_json::from_slice(manifest).ok()?;
    is_version_directory(&directory).then_some(directory)
}

/// Whether there is a dataset with a manifest at `path`.
#[must_use]
pub fn is_dataset(path: &Path) -> bool {
    is_file(&dataset_directory(path).join(MANIFEST))
}

/// Arrow schema of a dataset's files: the keys, then the values in the order given, as float64 or
/// float32; units, name and resolution as field metadata.
#[must_use]
pub fn schema(columns: &[ColumnInfo], float32: bool) -> SchemaRef {
    let value_type = if float32 { DataType::Float32 } else { DataType::Float64 };
    let mut fields = vec![
        Field::new(STATION_ID, DataType::Utf8, false),
        Field::new(TIMESTAMP, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
    ];
    fields.extend(columns.iter().map(|column| {
        let metadata =
            [(UNITS, &column.units), (LONG_NAME, &column.long_name), (RESOLUTION, &column.resolution)]
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
                .collect();
        Field::new(&column.name, value_type.clone(), true).with_metadata(metadata)
    }));
    Arc::new(Schema::new(fields))
}

/// Checks that the value columns have names of their own, none of them a key's.
///
/// # Errors
/// A column of `source` without a name, or with the name of a key or of another column.
pub fn check_columns(columns: &[ColumnInfo], source: &Path) -> Result<()> {
    let mut seen = vec![STATION_ID, TIMESTAMP, BLOCK];
    for column in columns {
        let name = column.name.as_str();
        let found = if name.is_empty() {
            "a value column without a name"
        } else if seen[..3].contains(&name) {
            "a value column under the name of a key of the dataset"
        } else if seen.contains(&name) {
            "two value columns of this name"
        } else {
            seen.push(name);
            continue;
        };
        return Err(Error::Column {
            path: source.to_owned(),
            column: name.to_owned(),
            found: found.to_owned(),
            hint: Some("rename it with --column NAME=PATH, or pick others with -m".into()),
        });
    }
    Ok(())
}

/// Reads what a file's field says of its column, as [`schema`] writes it; the origin of the values is not part of it.
#[must_use]
pub fn column_info(field: &Field) -> ColumnInfo {
    let metadata = |key: &str| field.metadata().get(key).cloned();
    ColumnInfo {
        name: field.name().clone(),
        origin: None,
        units: metadata(UNITS),
        long_name: metadata(LONG_NAME),
        resolution: metadata(RESOLUTION),
    }
}
